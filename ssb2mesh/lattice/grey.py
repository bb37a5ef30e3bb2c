"""Where the grey values put each interface corner: on the iso-surface between the greys of its phases. No smoothing."""

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.lattice.grid import CellGrid
from ssb2mesh.lattice.interface import SURFACE, Interface
from ssb2mesh.lattice.octree import Lattice
from ssb2mesh.lattice.placing import Room, phases_at

__all__ = ["phase_greys", "place_by_grey"]

#: How far smoothing may take a corner from the iso-surface, in voxels: what noise in the grey values may hide.
REACH = 0.2


def phase_greys(grey: npt.NDArray[np.floating], grid: CellGrid) -> npt.NDArray[np.float64]:
    """Return the median grey value of each phase: unlike the mean, blurred edges hardly move it.

    Parameters
    ----------
    grey : (mx, my, mz) array
        Grey value of each voxel.
    grid : CellGrid
        Phases of the voxels.

    Returns
    -------
    (n_phases,) float array
        The iso-value between two phases is the mean of theirs.

    Raises
    ------
    InputError
        If the image has another shape, holds values that are not finite, or cannot tell two phases apart.
    """
    if grey.shape != grid.voxels.shape:
        raise InputError(f"grey: got shape {grey.shape}; give one value for each of {grid.voxels.shape} voxels")
    if not np.isfinite(grey).all():
        raise InputError("grey: got values that are not finite numbers")
    medians = np.array([float(np.median(grey[grid.voxels == phase])) for phase in range(len(grid.names))])
    _check_distinct(medians, grid.names)
    return medians


def _check_distinct(means: npt.NDArray[np.float64], names: Sequence[str]) -> None:
    order = np.argsort(means)
    close = np.flatnonzero(np.diff(means[order]) <= 1e-9 * max(float(np.abs(means).max()), 1e-300))
    if len(close):
        first, second = (names[order[close[0] + i]] for i in (0, 1))
        raise InputError(
            f"grey: {first!r} and {second!r} have the same median grey value; is this the image they came from?"
        )


def place_by_grey(
    room: Room, interface: Interface, lattice: Lattice, *, grid: CellGrid, grey: npt.NDArray[np.floating]
) -> Room:
    """Begin interface corners on the sub-voxel iso-surface of the grey values.

    Parameters
    ----------
    room : Room
        What the cells alone leave.
    interface : Interface
        Interface of the lattice.
    lattice : Lattice
        Its leaves.
    grid : CellGrid
        Phases of cells and voxels.
    grey : (mx, my, mz) array
        Grey value of each voxel.

    Returns
    -------
    Room
        Corners that see two phases begin at the mean of the points where the lines between neighbouring cell centres of
        those phases cross the iso-value (dual surface nets), and stay near it.

    Raises
    ------
    InputError
        See `phase_greys`.
    """
    means = phase_greys(grey, grid)
    index = tuple(grid.voxel_of(axis) for axis in range(3))
    start = room.start.copy()
    values = np.ascontiguousarray(np.asarray(grey, dtype=np.float32)[np.ix_(*index)])
    ours = (interface.kind == SURFACE) | interface.fixed.any(axis=1)
    cells = (lattice.phase, grid.phase)
    found = _crossings(cells, values, means, interface.corners, interface.level, start)
    placed = ours & found
    start = np.clip(np.where(placed[:, None], start, room.start), room.low, room.high)
    reach = np.where(placed, REACH * float(grid.voxel_in_cells.max()), np.inf)[:, None]
    reach = np.where(interface.fixed, 0.0, reach)
    return Room(start, np.maximum(room.low, start - reach), np.minimum(room.high, start + reach))


@nb.njit(cache=True, parallel=True)
def _crossings(cells, values, means, corners, level, start):
    """Write the mean crossing beside each corner that sees two phases; say where there is one."""
    seen, fine = cells
    shape = fine.shape
    done = np.zeros(len(corners), np.bool_)
    for v in nb.prange(len(corners)):
        half = max(1 << level[v] >> 1, 1)
        low, high = np.empty(3, np.int64), np.empty(3, np.int64)
        for e in range(3):
            low[e], high[e] = max(corners[v, e] - half, 0), min(corners[v, e] + half, shape[e])
        found = np.empty(8, np.int32)
        if phases_at(seen, corners[v, 0], corners[v, 1], corners[v, 2], found) != 2:
            continue
        iso = 0.5 * (means[found[0]] + means[found[1]])
        total = np.zeros(3)
        at = np.empty(3, np.int64)
        n = 0
        for i in range(low[0], high[0]):
            for j in range(low[1], high[1]):
                for k in range(low[2], high[2]):
                    at[0], at[1], at[2] = i, j, k
                    for axis in range(3):
                        if at[axis] + 1 < high[axis]:
                            n += _cross(fine, values, at, axis, (found[0], found[1]), iso, total)
        if n:
            done[v] = True
            for e in range(3):
                start[v, e] = total[e] / n
    return done


@nb.njit(cache=True)
def _cross(fine, values, at, axis, pair, iso, total):
    """Add where the line to the next cell along an axis crosses the iso-value; 0 if it is not between the phases."""
    to = at.copy()
    to[axis] += 1
    p, q = fine[at[0], at[1], at[2]], fine[to[0], to[1], to[2]]
    if not ((p == pair[0] and q == pair[1]) or (p == pair[1] and q == pair[0])):
        return 0
    a, b = values[at[0], at[1], at[2]], values[to[0], to[1], to[2]]
    t = (iso - a) / (b - a) if (a - iso) * (b - iso) < 0.0 else 0.5
    for e in range(3):
        total[e] += at[e] + 0.5
    total[axis] += t
    return 1
