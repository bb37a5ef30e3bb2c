"""Fewer triangles for the same surfaces: edge collapses that keep patches, curves and box. No extraction, no files.

The whole complex is decimated at once, so that patches stay conforming and shells stay closed. Points inside a patch
collapse in it; points on a curve collapse along it; points where curves meet, and corners of the box, stay.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.surfaces.collapse import collapse_edges
from ssb2mesh.surfaces.model import Surfaces

__all__ = ["decimate", "triangles_to_keep"]

#: What a point may do, see `ssb2mesh.surfaces.collapse`.
INSIDE, CURVE, HELD = 0, 1, 2


def decimate(surfaces: Surfaces, *, reduce: float | None = None, faces: int | None = None) -> Surfaces:
    """Collapse edges until a share of the triangles is gone, the least visible first.

    Parameters
    ----------
    surfaces : Surfaces
        All surfaces.
    reduce : float, optional
        Share of the triangles to remove, from 0 to less than 1. Give this or `faces`.
    faces : int, optional
        Triangles to keep, counting each once.

    Returns
    -------
    Surfaces
        Conforming like the given ones, with the same bodies, and the volume of each phase kept by collapses inside
        patches. More triangles stay than wanted when no further collapse is allowed: one that would change how the
        surfaces hang together, turn a triangle round or stray by half a cell is never done.

    Raises
    ------
    InputError
        If not exactly one of `reduce` and `faces` is given, or it is out of range.

    References
    ----------
    Quadric error: Garland and Heckbert, 10.1145/258734.258849. Volume constraint: Lindstrom and Turk,
    10.1109/VISUAL.1998.745314.

    Examples
    --------
    >>> len(decimate(surfaces, reduce=0.75).triangles)  # doctest: +SKIP
    2500
    """
    target = triangles_to_keep(len(surfaces.triangles), reduce=reduce, faces=faces)
    if target >= len(surfaces.triangles):
        return surfaces
    patch = np.unique(surfaces.bodies.astype(np.int64) * len(surfaces.names) + surfaces.regions, axis=0,
                      return_inverse=True)[1].ravel()  # fmt: skip
    triangles = np.array(surfaces.triangles, dtype=np.int32)
    edges, size, junction = _edges(triangles, patch)
    kind = _kinds(len(surfaces.points), triangles, edges=edges, size=size, junction=junction)
    scale = surfaces.spacing
    points = (surfaces.points - surfaces.box[0]) / scale
    fixed = (surfaces.points == surfaces.box[0]) | (surfaces.points == surfaces.box[1])
    alive = collapse_edges(points, triangles, kind, fixed, edges, junction, target)
    moved = points * scale + surfaces.box[0]
    # coordinates on the box are the box's own numbers
    for end in (0, 1):
        wall = surfaces.points == surfaces.box[end]
        moved[wall] = np.broadcast_to(surfaces.box[end], moved.shape)[wall]
    kept = triangles[alive]
    used = np.zeros(len(moved), dtype=bool)
    used[kept.ravel()] = True
    index = (np.cumsum(used) - 1).astype(np.int32)
    return replace(surfaces, points=moved[used], triangles=index[kept], regions=surfaces.regions[alive],
                   bodies=surfaces.bodies[alive])  # fmt: skip


def triangles_to_keep(count: int, *, reduce: float | None = None, faces: int | None = None) -> int:
    """Return how many of `count` triangles `decimate` is to keep; see there.

    Parameters
    ----------
    count : int
        Triangles there are.
    reduce, faces
        As for `decimate`.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    InputError
        As for `decimate`.

    Examples
    --------
    >>> triangles_to_keep(1000, reduce=0.75)
    250
    """
    if (reduce is None) == (faces is None):
        raise InputError("reduce, faces: give exactly one of them")
    if reduce is not None:
        if not 0 <= reduce < 1:
            raise InputError(f"reduce: got {reduce!r}; give the share of the triangles to remove, from 0 to below 1")
        return int(np.ceil(count * (1 - reduce)))
    assert faces is not None
    if faces < 1:
        raise InputError(f"faces: got {faces!r}; give the number of triangles to keep, at least 1")
    return int(faces)


def _edges(
    triangles: npt.NDArray[np.int32], patch: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Every edge once, its number of triangles, and whether it is other than the edge of two triangles of one patch."""
    ends = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    key = ends[:, 0].astype(np.int64) * (int(triangles.max()) + 1) + ends[:, 1]
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    sizes = np.diff(starts, append=len(key))
    patches = np.repeat(patch, 3)[order]
    low, high = np.minimum.reduceat(patches, starts), np.maximum.reduceat(patches, starts)
    return ends[order[starts]], sizes, (sizes != 2) | (low != high)


def _kinds(
    n: int,
    triangles: npt.NDArray[np.int32],
    *,
    edges: npt.NDArray[np.int32],
    size: npt.NDArray[np.int64],
    junction: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int8]:
    """Kind of each point by its junction edges and the fans of triangles between them."""
    count = np.bincount(edges[junction].ravel(), minlength=n)
    widest = np.zeros(n, np.int64)
    np.maximum.at(widest, edges[junction].ravel(), np.repeat(size[junction], 2))
    fans = _fans(n, triangles, edges[junction])
    # a fan of k triangles from one junction edge to the next has k - 1 edges between them, a closed one has k
    closed = fans - (np.bincount(triangles.ravel(), minlength=n) - (np.bincount(edges.ravel(), minlength=n) - count))
    kind = np.full(n, HELD, np.int8)
    kind[(count == 0) & (fans == 1)] = INSIDE
    # every fan runs from one edge of the curve to the other: as many fans as triangles at either edge
    kind[(count == 2) & (closed == 0) & (widest == fans)] = CURVE
    return kind


def _fans(n: int, triangles: npt.NDArray[np.int32], junctions: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Number of fans of triangles around each point, cut along junction edges."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    size = n + 1
    first, second = triangles.ravel().astype(np.int64), triangles[:, [1, 2, 0]].ravel().astype(np.int64)
    low, high = np.minimum(first, second), np.maximum(first, second)
    key = low * size + high
    cut = np.isin(key, np.sort(junctions, axis=1).astype(np.int64) @ np.array([size, 1]))
    order = np.argsort(key, kind="stable")
    order = order[~cut[order]]
    one, two = order[0::2], order[1::2]
    corner = np.arange(3 * len(triangles))
    after = 3 * (corner // 3) + (corner % 3 + 1) % 3
    # the corners of two triangles at either end of their common edge hold together
    same = first[one] == first[two]
    links_a = np.concatenate([one, after[one]])
    links_b = np.concatenate([np.where(same, two, after[two]), np.where(same, after[two], two)])
    graph = coo_matrix((np.ones(len(links_a), np.int8), (links_a, links_b)), shape=(len(corner),) * 2)
    fan = connected_components(graph, directed=False)[1]
    owner = np.full(int(fan.max(initial=-1)) + 1, -1, np.int64)
    owner[fan] = first
    return np.bincount(owner, minlength=n)
