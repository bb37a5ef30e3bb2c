"""What the cells say about where each interface corner lies, and how much room that leaves. Nothing is smoothed here.

Beside single cells an interface corner begins where it is, and its *room* is the cell of freedom, just under half a
cell to every side. Beside larger leaves the cells inside them say more: the corner begins at the mean of those cell
corners around it that see the same phases, and its room is that neighbourhood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.interface import Interface

__all__ = ["FREEDOM", "Room", "make_room"]

#: Half width of the cell of freedom, in leaves. Short of 0.5 so that walls one leaf apart can never touch.
FREEDOM = 0.47


@dataclass(frozen=True)
class Room:
    """Where interface corners begin and may go, in cells.

    Parameters
    ----------
    start, low, high : (n, 3) float arrays
        First position, and the box that it may move in.
    """

    start: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


def make_room(
    interface: Interface, seen: npt.NDArray[np.int32], fine: npt.NDArray[np.int32], *, voxel: float = 1.0
) -> Room:
    """Return the room of every interface corner.

    Parameters
    ----------
    interface : Interface
        Interface of the lattice.
    seen : (nx, ny, nz) int32 array
        Phase of the leaf of each cell.
    fine : (nx, ny, nz) int32 array
        Phase of each cell itself.
    voxel : float
        Largest edge of a voxel, in cells: what the staircase of the voxels hides.

    Returns
    -------
    Room
        Corners on the box keep to their side.
    """
    start = interface.corners.astype(np.float64)
    large = np.flatnonzero(interface.level).astype(np.int32)
    if len(large):
        start[large] = _means(seen, fine, interface.corners[large], interface.level[large])
    low, high = np.empty_like(start), np.empty_like(start)
    _rooms(interface.corners, interface.level, interface.fixed, voxel, (start, low, high))
    return Room(start, low, high)


@nb.njit(cache=True, parallel=True)
def _rooms(corners, level, fixed, voxel, room):
    """Keep the first positions within half a leaf, and write how far each may go from there."""
    start, low, high = room
    for v in nb.prange(len(corners)):
        # a wall half way through leaves is half a leaf off: where the cells say so, a corner may go that far
        limit = 0.5 * (1 << level[v])
        half = 2 * FREEDOM * limit
        reach = max(0.5 * voxel, half / 2) if level[v] > 0 else half
        for e in range(3):
            at = corners[v, e]
            if fixed[v, e]:
                start[v, e] = low[v, e] = high[v, e] = at
                continue
            here = min(max(start[v, e], at - limit), at + limit)
            start[v, e] = here
            low[v, e] = max(min(at - half, here), here - reach)
            high[v, e] = min(max(at + half, here), here + reach)


@nb.njit(cache=True, inline="always")
def phases_at(phase, i, j, k, found):  # noqa: ANN201
    """Write the phases around a corner; return how many."""
    nx, ny, nz = phase.shape
    n = 0
    for a in range(max(i - 1, 0), min(i + 1, nx)):
        for b in range(max(j - 1, 0), min(j + 1, ny)):
            for c in range(max(k - 1, 0), min(k + 1, nz)):
                new = True
                for e in range(n):
                    new &= found[e] != phase[a, b, c]
                if new:
                    found[n] = phase[a, b, c]
                    n += 1
    return n


@nb.njit(cache=True, inline="always")
def _common(phase, i, j, k, found, n):
    """How many of the phases found are around a corner."""
    nx, ny, nz = phase.shape
    count = 0
    for e in range(n):
        here = False
        for a in range(max(i - 1, 0), min(i + 1, nx)):
            for b in range(max(j - 1, 0), min(j + 1, ny)):
                for c in range(max(k - 1, 0), min(k + 1, nz)):
                    here |= phase[a, b, c] == found[e]
        count += here
    return count


@nb.njit(cache=True, parallel=True)
def _means(seen, fine, corners, level):
    """Mean of the cell corners within half a leaf that see most of the phases of each interface corner."""
    out = np.empty((len(corners), 3))
    nx, ny, nz = fine.shape
    for v in nb.prange(len(corners)):
        found = np.empty(8, np.int32)
        i, j, k = corners[v]
        n = phases_at(seen, i, j, k, found)
        half = 1 << (level[v] - 1)
        best = 1
        x = y = z = total = 0.0
        for a in range(max(i - half, 0), min(i + half, nx) + 1):
            for b in range(max(j - half, 0), min(j + half, ny) + 1):
                for c in range(max(k - half, 0), min(k + half, nz) + 1):
                    count = _common(fine, a, b, c, found, n)
                    if count > best:
                        best = count
                        x = y = z = total = 0.0
                    if count == best and best > 1:
                        # corners on the rim of the neighbourhood belong to the next one by half
                        w = 0.5 ** (int(abs(a - i) == half) + int(abs(b - j) == half) + int(abs(c - k) == half))
                        x += w * a
                        y += w * b
                        z += w * c
                        total += w
        out[v, 0], out[v, 1], out[v, 2] = i, j, k
        if total == 0.0:
            continue
        way = x / total - i, y / total - j, z / total - k
        if n == 2:
            way = _along_normal(fine, corners[v], 2 * half, found, way)
        for e in range(3):
            out[v, e] += way[e]
    return out


@nb.njit(cache=True)
def _along_normal(fine, corner, half, found, way):
    """Part of a way that is normal to the surface between two phases: along it, corners would bunch."""
    nx, ny, nz = fine.shape
    i, j, k = corner
    x = y = z = 0.0
    mean = np.zeros(3)
    total = sums = 0.0
    for a in range(max(i - half, 0), min(i + half, nx)):
        for b in range(max(j - half, 0), min(j + half, ny)):
            for c in range(max(k - half, 0), min(k + half, nz)):
                if fine[a, b, c] == found[0]:
                    sign = 1.0
                elif fine[a, b, c] == found[1]:
                    sign = -1.0
                else:
                    continue
                x += sign * a
                y += sign * b
                z += sign * c
                mean[0] += a
                mean[1] += b
                mean[2] += c
                sums += sign
                total += 1.0
    if total == 0.0:
        return way
    # about the mean of the cells seen: at the box the neighbourhood is one-sided
    x -= sums * mean[0] / total
    y -= sums * mean[1] / total
    z -= sums * mean[2] / total
    size = x * x + y * y + z * z
    if size == 0.0:
        return way
    along = (way[0] * x + way[1] * y + way[2] * z) / size
    return along * x, along * y, along * z
