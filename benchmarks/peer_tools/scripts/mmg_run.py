"""MMG3D: six tets a voxel in, remeshed with the interfaces kept as references and free to become smooth."""

import itertools

import mmgpy
import numpy as np
from common import serve


def voxel_tets(labels):
    """Six tets a voxel, the same in every voxel, so that they fit each other."""
    shape = np.array(labels.shape) + 1
    at = np.stack(np.unravel_index(np.arange(labels.size), labels.shape), axis=1)
    tets = []
    for order in itertools.permutations(range(3)):
        corners = [at]
        for axis in order:
            corners.append(corners[-1] + np.eye(3, dtype=np.int64)[axis])
        odd = np.linalg.det(np.eye(3)[list(order)]) < 0
        tet = np.stack([np.ravel_multi_index(tuple(c.T), tuple(shape)) for c in corners], axis=1)
        tets.append(tet[:, [0, 2, 1, 3]] if odd else tet)
    points = np.stack(np.unravel_index(np.arange(shape.prod()), tuple(shape)), axis=1).astype(float)
    return points, np.concatenate(tets), np.tile(labels.ravel(), 6)


def box_edges(points, shape):
    """Edges of the points along the twelve edges of the box, and its corners, to be kept."""
    on_side = (points == 0) | (points == np.array(shape))
    number = np.full(np.array(shape) + 1, -1)
    number[tuple(points.astype(int).T)] = np.arange(len(points))
    edges = []
    for axis in range(3):
        others = [a for a in range(3) if a != axis]
        start = points[on_side[:, others].all(axis=1) & (points[:, axis] < shape[axis])].astype(int)
        edges.append(np.stack([number[tuple(start.T)], number[tuple((start + np.eye(3, dtype=int)[axis]).T)]], axis=1))
    return np.concatenate(edges), np.flatnonzero(on_side.all(axis=1))


def mesh(job, options):
    points, tets, labels = voxel_tets(job["labels"])
    made = mmgpy.MmgMesh3D(points, tets.astype(np.int32))
    made.set_tetrahedra(tets.astype(np.int32), labels.astype(np.int32) + 1)
    edges, corners = box_edges(points, job["labels"].shape)
    made.set_mesh_size(vertices=len(points), tetrahedra=len(tets), edges=len(edges))
    made.set_vertices(points)
    made.set_tetrahedra(tets.astype(np.int32), labels.astype(np.int32) + 1)
    made.set_edges(edges.astype(np.int32))
    made.set_ridge_edges(np.arange(len(edges), dtype=np.int32))
    made.set_corners(corners.astype(np.int32))
    made.remesh(verbose=-1, **options)
    tets, found = made.get_tetrahedra_with_refs()
    return made.get_vertices(), tets, np.ravel(found).astype(int) - 1


if __name__ == "__main__":
    serve(mesh)
