"""Gmsh on the surfaces of vtkSurfaceNets3D, a discrete surface for each pair of labels, a volume for each label."""

import gmsh
import numpy as np
from common import serve, surface_nets


def mesh(job, options):
    points, triangles, sides = surface_nets(job["labels"])
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    settings = {"General.Terminal": 0, "General.NumThreads": 2, **options}
    for name, value in settings.items():
        gmsh.option.setNumber(name, value)
    sides = np.sort(sides, axis=1)
    pairs, patch = np.unique(sides, axis=0, return_inverse=True)
    patch = patch.ravel()
    for number in range(len(pairs)):
        gmsh.model.addDiscreteEntity(2, number + 1)
    gmsh.model.mesh.addNodes(2, 1, np.arange(1, len(points) + 1), points.ravel())
    for number in range(len(pairs)):
        gmsh.model.mesh.addElementsByType(number + 1, 2, [], (triangles[patch == number] + 1).ravel())
    gmsh.model.mesh.reclassifyNodes()
    labels = np.unique(job["labels"])
    for label in labels:
        around = [number + 1 for number, pair in enumerate(pairs) if label in pair]
        gmsh.model.geo.addVolume([gmsh.model.geo.addSurfaceLoop(around)], int(label) + 1)
    gmsh.model.geo.synchronize()
    gmsh.model.mesh.generate(3)
    tags, coordinates, _ = gmsh.model.mesh.getNodes()
    index = np.full(int(tags.max()) + 1, -1)
    index[tags] = np.arange(len(tags))
    tets, found = [], []
    for label in labels:
        nodes = gmsh.model.mesh.getElementsByType(4, int(label) + 1)[1]
        tets.append(index[nodes.reshape(-1, 4)])
        found.append(np.full(len(nodes) // 4, label))
    gmsh.finalize()
    return coordinates.reshape(-1, 3), np.concatenate(tets), np.concatenate(found)


if __name__ == "__main__":
    serve(mesh)
