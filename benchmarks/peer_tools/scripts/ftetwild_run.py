"""fTetWild (wildmeshing) in the surfaces of vtkSurfaceNets3D; a tet gets the label of the voxel at its centroid."""

import numpy as np
import wildmeshing
from common import serve, surface_nets


def mesh(job, options):
    labels = job["labels"]
    points, triangles, _ = surface_nets(labels)
    diagonal = float(np.linalg.norm(np.ptp(points, axis=0)))
    made = wildmeshing.Tetrahedralizer(
        epsilon=options["epsilon"] / diagonal, edge_length_r=options["edge"] / diagonal, max_threads=2
    )
    made.set_mesh(points, triangles.astype(np.int32))
    made.tetrahedralize()
    points, tets = made.get_tet_mesh(all_mesh=True)[:2]
    at = np.floor(points[tets].mean(axis=1)).astype(int)
    inside = ((at >= 0) & (at < labels.shape)).all(axis=1)
    return points, tets[inside][:, [0, 1, 3, 2]], labels[tuple(at[inside].T)]


if __name__ == "__main__":
    serve(mesh)
