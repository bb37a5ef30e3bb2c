"""Where the smooth wall of a phase lies between its voxels and those outside. No distances, no areas.

Each pair of neighbouring voxels, one inside and one outside, is crossed by the wall somewhere between their centres. In
the three families of grid planes these crossings line up to closed contours; each is moved, again and again, to where
the circle that fits its contour best meets the line between the two centres, and never beyond them. So the wall parts
the voxels as the image does, its curvature stays, and the steps of the voxels go.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.measure.slabs import in_slabs

__all__ = ["Wall", "smooth_wall"]

_SWEEPS = 8
#: Sweeps in which contours are tried over a long reach.
_TESTS = (0, 2, 4)
#: Crossings a thread takes at once.
_PART = 200_000


@dataclass(frozen=True, eq=False, repr=False)
class Wall:
    """Pieces of the smooth wall of a mask.

    Parameters
    ----------
    index : (nx, ny, nz) int32 array
        First piece of each voxel outside that has any, else -1.
    places : (n,) int64 array
        Voxel outside at which each piece lies, in C order, ascending: a voxel has one piece, or one for each wall that
        it parts.
    pieces : (n, 4) float32 array
        Unit normal, into the mask, and height over the voxel's centre, in the unit of the voxel size given.
    """

    index: npt.NDArray[np.int32]
    places: npt.NDArray[np.int64]
    pieces: npt.NDArray[np.float32]

    def __repr__(self) -> str:
        return f"<Wall {len(self.pieces)} pieces>"


def smooth_wall(mask: npt.NDArray[np.bool_], steps: npt.NDArray[np.float64]) -> Wall:
    """Return the smooth wall between the voxels of a mask and those outside.

    Planes are within 0.05 voxels (those tilted below 1:20 keep steps up to half a voxel), cylinders and balls from 4
    voxels in radius on mostly within 0.1, and without bias. The sides of the box are no wall.

    Parameters
    ----------
    mask : (nx, ny, nz) bool array
        C-contiguous.
    steps : (3,) float64 array
        Voxel size.

    Returns
    -------
    Wall
        Pieces of the wall. Memory: 30 bytes a crossing while it is made.

    Examples
    --------
    >>> mask = np.zeros((4, 4, 4), bool)
    >>> mask[:, :, 2:] = True
    >>> smooth_wall(mask, np.ones(3)).pieces[0].tolist()
    [0.0, 0.0, 1.0, 0.5]
    """
    from ssb2mesh.measure import walls_kernel as kernel

    shape, byte = mask.shape, mask.view(np.uint8)
    parts = in_slabs(lambda a, b: kernel.crossings(byte, a, b), shape[0])
    owner, ways = (np.concatenate([part[x] for part in parts]) for x in range(2))
    n = len(owner)
    if n == 0:
        return Wall(np.full(shape, -1, np.int32), np.empty(0, np.int64), np.empty((0, 4), np.float32))
    heights, normals = _smoothed(byte, (owner, ways), steps)
    ends = np.flatnonzero(np.diff(owner, prepend=-1))
    cuts = np.append(ends[:: _PART // 2], n)
    found = in_slabs(
        lambda a, b: kernel.pieces((owner, ways), heights, normals, steps, cuts[a], cuts[b]), len(cuts) - 1, thick=1
    )
    pieces, places = (np.concatenate([part[x] for part in found]) for x in range(2))
    return Wall(_first(places, mask.size).reshape(shape), places, pieces)


def _smoothed(
    byte: npt.NDArray[np.uint8],
    crossing: tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]],
    steps: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Heights of crossings (voxel, direction) over their voxels, edges, and the wall's directions there, (n, 3)."""
    from ssb2mesh.measure import walls_kernel as kernel

    owner, ways = crossing
    n, link = len(owner), _contours(byte, owner, ways)
    wall, long = (ways, _coordinates(owner, byte.shape)), np.zeros(n, np.uint8)
    heights, new = np.full(n, 0.5, np.float32), np.empty(n, np.float32)
    normals = np.empty((0, 3), np.float32)
    for sweep in range(_SWEEPS):
        if sweep == _SWEEPS - 1:
            normals = np.empty((n, 3), np.float32)
        work = partial(kernel.smooth, wall, link, long, sweep in _TESTS, heights, new, normals, steps)
        in_slabs(work, n, thick=_PART)
        heights, new = new, heights
    return heights, normals


def _contours(
    byte: npt.NDArray[np.uint8], owner: npt.NDArray[np.int64], ways: npt.NDArray[np.uint8]
) -> npt.NDArray[Any]:
    """Return what follows each crossing in the four directions across its edge, (n, 4): see the kernel's `join`."""
    from ssb2mesh.measure import walls_kernel as kernel

    n, index = len(owner), _first(owner, byte.size)
    link = np.empty((n, 4), np.int32 if 6 * n < 2**31 else np.int64)
    in_slabs(partial(kernel.join, byte, index, owner, ways, link), n, thick=_PART)
    return link


def _coordinates(voxels: npt.NDArray[np.int64], shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
    """Index coordinates, (n, 3); in single integers from the start, of which there are many."""
    found = np.empty((len(voxels), 3), np.int32)
    for axis, under in enumerate((shape[1] * shape[2], shape[2], 1)):
        found[:, axis] = voxels // under % shape[axis]
    return found


def _first(places: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int32]:
    """First position of each number in a sorted list, -1 for those that are not in it."""
    index = np.full(size, -1, np.int32)
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    index[places[starts]] = starts
    return index
