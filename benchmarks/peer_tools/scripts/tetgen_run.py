"""TetGen on the faces of the voxels as they are, or on the smoothed surfaces of vtkSurfaceNets3D."""

import numpy as np
import tetgen
from common import serve, surface_nets, voxel_surface


def mesh(job, options):
    points, triangles, _ = (surface_nets if options["smooth"] else voxel_surface)(job["labels"])
    made = tetgen.TetGen(points, triangles.astype(np.int32))
    for label, seed in zip(job["seed_labels"], job["seeds"], strict=True):
        made.add_region(int(label) + 1, [float(x) for x in seed])
    nodes, tets, attributes, _ = made.tetrahedralize(switches=options["switches"])
    return nodes, tets, np.rint(attributes).astype(int).ravel()[: len(tets)] - 1


if __name__ == "__main__":
    serve(mesh)
