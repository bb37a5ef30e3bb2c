"""Which vertices may move, and in which order, so that no two of a tet move at once. No positions change here."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.interface import Interface
from ssb2mesh.lattice.octree import Lattice
from ssb2mesh.lattice.optimise import Movable, make_movable

__all__ = ["collect_movable"]


def collect_movable(
    points: npt.NDArray[np.float64], tets: npt.NDArray[np.int32], *, lattice: Lattice, interface: Interface
) -> Movable:
    """Collect the vertices of all leaves that touch the interface; on the box they keep to their side.

    Vertices of one colour share no tet. Centres of one level, and corners all of whose leaves have one level, are
    coloured by odd and even position in units of that level. Corners between levels are coloured by position modulo
    three in units of their smallest leaf: those that share a tet lie one or two such units apart along some axis.

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
    free = np.ones((len(points), 3), dtype=bool)
    free[:n] = (lattice.corners > 0) & (lattice.corners < np.asarray(lattice.shape))
    level = lattice.level[tuple(lattice.anchors.T)]
    low, high = _levels_around(lattice.level, lattice.corners)
    # 43 colours a level: 8 of regular corners, 8 of centres, 27 of corners between levels
    parity = np.concatenate([_parity(lattice.corners, low), _parity(lattice.anchors, level) + np.int16(8)])
    between = low != high
    parity[:n][between] = 16 + _thirds(lattice.corners[between], low[between])
    size = np.concatenate([low, level])
    colour = parity + np.int16(43) * size
    scale = (1 << size.astype(np.int64)).astype(np.float64)
    return make_movable(points, tets, active=active, colour=colour, free=free, size=scale)


def _parity(where: npt.NDArray[np.int32], level: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    odd = ((where >> level[:, None].astype(np.int32)) & 1).astype(np.int16)
    return odd[:, 0] * np.int16(4) + odd[:, 1] * np.int16(2) + odd[:, 2]


def _thirds(where: npt.NDArray[np.int32], level: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    rest = ((where >> level[:, None].astype(np.int32)) % 3).astype(np.int16)
    return rest[:, 0] * np.int16(9) + rest[:, 1] * np.int16(3) + rest[:, 2]


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


@nb.njit(cache=True, parallel=True)
def _levels_around(level, corners):
    """Lowest and highest level of the leaves around each corner."""
    nx, ny, nz = level.shape
    low, high = np.empty(len(corners), np.uint8), np.empty(len(corners), np.uint8)
    for v in nb.prange(len(corners)):
        i, j, k = corners[v]
        lowest, highest = 255, 0
        for a in range(max(i - 1, 0), min(i + 1, nx)):
            for b in range(max(j - 1, 0), min(j + 1, ny)):
                for c in range(max(k - 1, 0), min(k + 1, nz)):
                    lowest = min(lowest, level[a, b, c])
                    highest = max(highest, level[a, b, c])
        low[v], high[v] = lowest, highest
    return low, high
