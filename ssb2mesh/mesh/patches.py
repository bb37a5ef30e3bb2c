"""Normals of smooth surfaces at the vertices of triangles, by patches. No tets, no names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

__all__ = ["patch_normals"]

_CHUNK = 1 << 13
#: A quadratic surface has six coefficients; fewer points than this give none worth the name.
_FEWEST = 8
#: Least ratio of eigenvalues of a fit; below, the points do not tell a quadratic surface.
_CONDITION = 1e-4


def patch_normals(
    points: npt.NDArray[np.float64], triangles: npt.NDArray[np.integer], patch: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return unit normals at the vertices of each patch, of second order in the size of the triangles.

    A start that is exact on spheres (https://doi.org/10.1080/10867651.1999.10487501) is made better by a quadratic
    surface through two rings of neighbours (https://doi.org/10.1016/j.cagd.2004.09.004) where there are enough of them.

    Parameters
    ----------
    points : (n, 3) float array
        Coordinates.
    triangles : (t, 3) int array
        Corners, in one sense of turning within a patch.
    patch : (t,) int array
        Patch of each triangle; patches share no neighbours.

    Returns
    -------
    normals : (k, 3) float array
        One for each vertex of each patch.
    slot : (t, 3) int array
        Row of `normals` for each corner.

    Examples
    --------
    >>> import numpy as np
    >>> square = np.array([[0., 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    >>> normals, _ = patch_normals(square, np.array([[0, 1, 2], [0, 2, 3]]), np.zeros(2, int))
    >>> np.abs(normals[:, 2])
    array([1., 1., 1., 1.])
    """
    keys = patch[:, None].astype(np.int64) * len(points) + triangles
    held, slot = np.unique(keys, return_inverse=True)
    slot = slot.reshape(-1, 3)
    where = points[held % len(points)]
    start = _start(where, slot)
    ones = np.ones(slot.size * 2, np.int32)
    pairs = np.concatenate([slot[:, [0, 1]], slot[:, [1, 2]], slot[:, [2, 0]]])
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    near = coo_array((ones, (rows, columns)), shape=(len(held),) * 2).tocsr()
    normals = start.copy()
    left = np.arange(len(held))
    for rings in (2, 3):
        fit = np.zeros(len(left), bool)
        for first in range(0, len(left), _CHUNK):
            rows = left[first : first + _CHUNK]
            reached = part = near[rows]
            for _ in range(1, rings):
                part = part @ near
                reached = reached + part
            fit[first : first + _CHUNK] = _improve(where, start, normals, rows, reached.tocsr())
        left = left[~fit]
    return normals, slot


def _start(where: npt.NDArray[np.float64], slot: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Sum of the normals of the triangles, over the squares of the two edges at the vertex."""
    total = np.zeros_like(where)
    corners = where[slot]
    for i in range(3):
        u, v = corners[:, (i + 1) % 3] - corners[:, i], corners[:, (i + 2) % 3] - corners[:, i]
        weight = np.einsum("ij,ij->i", u, u) * np.einsum("ij,ij->i", v, v)
        np.add.at(total, slot[:, i], np.cross(u, v) / np.maximum(weight, np.finfo(float).tiny)[:, None])
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), np.finfo(float).tiny)


def _improve(
    where: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    normals: npt.NDArray[np.float64],
    vertices: npt.NDArray[np.int64],
    reached: csr_array,
) -> npt.NDArray[np.bool_]:
    """Fit heights over the tangent planes of some vertices, tilt their normals by the slopes; return where it went."""
    indptr, near = reached.indptr, reached.indices
    count = np.diff(indptr)
    rows = np.repeat(np.arange(len(count)), count)
    centre = vertices[rows]
    away = where[near] - where[centre]
    weight = np.maximum(np.einsum("ij,ij->i", start[near], start[centre]), 0.0)
    distance = np.linalg.norm(away, axis=1)
    size = np.add.reduceat(distance, indptr[:-1]) / count
    along, across = _tangents(start[vertices])
    away /= size[rows, None]
    u, v, w = (np.einsum("ij,ij->i", away, t[rows]) for t in (along, across, start[vertices]))
    basis = np.column_stack([np.ones(len(u)), u, v, u * u, u * v, v * v])
    weighted = weight[:, None] * basis
    matrix = np.add.reduceat(weighted[:, :, None] * basis[:, None, :], indptr[:-1], axis=0)
    right = np.add.reduceat(weighted * w[:, None], indptr[:-1], axis=0)
    values = np.linalg.eigvalsh(matrix)
    enough = np.add.reduceat((weight > 0).astype(int), indptr[:-1]) >= _FEWEST
    fit = enough & (values[:, 0] > _CONDITION * values[:, 5])
    matrix[~fit] = np.eye(6)
    slopes = np.linalg.solve(matrix, right[:, :, None])[:, 1:3, 0]
    fit &= np.abs(slopes).max(axis=1) < 0.7
    tilted = start[vertices] - slopes[:, :1] * along - slopes[:, 1:] * across
    tilted /= np.linalg.norm(tilted, axis=1, keepdims=True)
    normals[vertices[fit]] = tilted[fit]
    return fit


def _tangents(normal: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Two unit vectors square to each normal and to each other."""
    helper = np.eye(3)[np.abs(normal).argmin(axis=1)]
    one = np.cross(normal, helper)
    one /= np.maximum(np.linalg.norm(one, axis=1, keepdims=True), np.finfo(float).tiny)
    return one, np.cross(normal, one)
