"""Which vertices may move, and in which order, so that no two of a tet move at once. No positions change here."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.interface import Interface
from ssb2mesh.lattice.octree import Lattice
from ssb2mesh.lattice.optimise import Movable, make_movable

__all__ = ["collect_movable"]

#: Edge of a block of vertices, in cells.
BLOCK = 8


def collect_movable(
    points: npt.NDArray[np.float64],
    tets: npt.NDArray[np.int32],
    *,
    lattice: Lattice,
    interface: Interface,
    held: npt.NDArray[np.bool_] | None = None,
) -> Movable:
    """Collect the vertices of all leaves that touch the interface; on the box they keep to their side.

    They are listed in cubic blocks, and these in eight colours, by odd and even place along each axis: blocks of one
    colour share no tet, as no tet is longer than a block.

    Parameters
    ----------
    points : (n, 3) float array
        All vertices, corners first.
    tets : (m, 4) int32 array
        All tets.
    lattice : Lattice
        Leaves and vertex numbers.
    interface : Interface
        Of the same lattice.
    held : (n,) bool array, optional
        Vertices that stay where they are.

    Returns
    -------
    Movable
        Vertices colour by colour, with their stars.
    """
    n = len(lattice.corners)
    near, active = np.zeros(len(lattice.anchors), np.bool_), np.zeros(len(points), np.bool_)
    _mark_leaves((lattice.level, lattice.centre_of), interface.corners, n, near)
    active[n:] = near
    _mark_corners((lattice.level, lattice.corner_of), lattice.anchors[near], active)
    if held is not None:
        active &= ~held
    place = (lattice.corners, lattice.anchors, lattice.level)
    # a block is as wide as two leaves of the next level, which may stand beside: no tet reaches over it
    width = int(max(BLOCK, 4 << int(_highest_level(place, active))))
    order = _by_blocks(place, active, width)
    free, size = _freedom(place, order[0])
    return make_movable(points, tets, order=order, interface=interface.vertices, free=free, size=size)


@nb.njit(cache=True)
def _by_blocks(place, active, width):
    """List the active vertices block by block, blocks of one colour together; return where blocks and colours begin."""
    most = np.zeros(3, np.int64)
    where = np.zeros(3, np.int64)
    for v in range(len(active)):
        if active[v]:
            _where(place, v, where)
            for e in range(3):
                most[e] = max(most[e], where[e])
    # half as many blocks of each colour along each axis, rounded up
    nx, ny, nz = most // width // 2 + 1
    first = np.zeros(8 * nx * ny * nz + 1, np.int64)
    for v in range(len(active)):
        if active[v]:
            _where(place, v, where)
            first[_block(where, width, nx, ny, nz) + 1] += 1
    for b in range(1, len(first)):
        first[b] += first[b - 1]
    order = np.empty(first[-1], np.int64)
    at = first.copy()
    for v in range(len(active)):
        if active[v]:
            _where(place, v, where)
            b = _block(where, width, nx, ny, nz)
            order[at[b]] = v
            at[b] += 1
    return order, first, np.arange(9) * (nx * ny * nz)


@nb.njit(cache=True, inline="always")
def _where(place, v, where):
    """Write the cell that a vertex is in or begins; of a centre, that in the middle of its leaf. Return its level."""
    corners, anchors, level = place
    c = len(corners)
    if v < c:
        where[0], where[1], where[2] = corners[v]
        return _lowest_level(level, corners[v])
    own = level[anchors[v - c, 0], anchors[v - c, 1], anchors[v - c, 2]]
    for e in range(3):
        where[e] = anchors[v - c, e] + ((1 << own) >> 1)
    return own


@nb.njit(cache=True, parallel=True)
def _highest_level(place, active):
    """Highest level of the smallest leaves around the active vertices."""
    highest = np.int64(0)
    for v in nb.prange(len(active)):
        where = np.empty(3, np.int64)
        level = np.int64(_where(place, v, where))
        highest = max(highest, level if active[v] else np.int64(0))
    return highest


@nb.njit(cache=True, parallel=True)
def _freedom(place, vertices):
    """Axes along which vertices may move, as a side of the box holds them, and the width of their smallest leaf."""
    corners, _, level = place
    free, size = np.ones((len(vertices), 3), np.bool_), np.empty(len(vertices))
    for a in nb.prange(len(vertices)):
        where = np.empty(3, np.int64)
        size[a] = 1 << np.int64(_where(place, vertices[a], where))
        if vertices[a] < len(corners):
            for e in range(3):
                free[a, e] = 0 < where[e] < level.shape[e]
    return free, size


@nb.njit(cache=True, inline="always")
def _block(where, width, nx, ny, nz):
    """Number of a block: its colour, the parity of its three places, counts most."""
    i, j, k = where[0] // width, where[1] // width, where[2] // width
    colour = (i & 1) * 4 + (j & 1) * 2 + (k & 1)
    return ((colour * nx + i // 2) * ny + j // 2) * nz + k // 2


@nb.njit(cache=True, parallel=True)
def _mark_leaves(leaves, corners, n, near):
    """Mark the leaves around interface corners."""
    level, centre_of = leaves
    nx, ny, nz = level.shape
    for v in nb.prange(len(corners)):
        i, j, k = corners[v]
        for a in range(max(i - 1, 0), min(i + 1, nx)):
            for b in range(max(j - 1, 0), min(j + 1, ny)):
                for c in range(max(k - 1, 0), min(k + 1, nz)):
                    clear = ~((1 << level[a, b, c]) - 1)
                    near[centre_of[a & clear, b & clear, c & clear] - n] = True


@nb.njit(cache=True, parallel=True)
def _mark_corners(leaves, anchors, active):
    """Mark the corners of leaves and what hangs on their edges and faces."""
    level, corner_of = leaves
    for f in nb.prange(len(anchors)):
        i, j, k = anchors[f]
        size = 1 << level[i, j, k]
        step = max(size // 2, 1)
        for a in range(i, i + size + 1, step):
            for b in range(j, j + size + 1, step):
                for c in range(k, k + size + 1, step):
                    v = corner_of[a, b, c]
                    if v >= 0:
                        active[v] = True


@nb.njit(cache=True, inline="always")
def _lowest_level(level, corner):
    """Lowest level of the leaves around a corner."""
    nx, ny, nz = level.shape
    i, j, k = corner[0], corner[1], corner[2]
    lowest = np.uint8(255)
    for a in range(max(i - 1, 0), min(i + 1, nx)):
        for b in range(max(j - 1, 0), min(j + 1, ny)):
            for c in range(max(k - 1, 0), min(k + 1, nz)):
                lowest = min(lowest, level[a, b, c])
    return lowest
