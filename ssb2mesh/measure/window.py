"""The smooth window in which directions of interfaces and triple lines are found. No sums over a volume here.

The direction of an interface at a voxel face is that of the gradient of the smoothed indicators of its two phases. An
area is then the sum of the faces projected on it, which takes the bias of the staircase away at any tilt
(10.1109/TIP.2005.846021).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["REACH", "area_windows", "gauss_weights", "lines_gradient", "smooth_weights"]

_Array: TypeAlias = npt.NDArray[np.float64]
Weigh: TypeAlias = Callable[[_Array, float], tuple[_Array, _Array]]

#: Half width of the window, voxels.
REACH = 4
#: Voxels that are kept of it on both sides at the sides of the box.
KEEP = 2
#: How the window grows along shorter edges than the longest (power of their ratio), and at most.
WIDER = 0.5
MOST_REACH = 8


def smooth_weights(reach: int = REACH) -> npt.NDArray[np.float64]:
    """Return the weights of a smooth window of finite width, for every half width that the sides of the box leave.

    The weight is (1 - (d / w)^2)^3.5 with w = reach + 1/2, of standard deviation w / 3.16, and the slope is that of the
    weight. A Gaussian that is cut off would overrate steps across the axis along which it is cut nearer: at 45 degrees
    one of 4 voxels makes areas 0.7 % too large.

    Parameters
    ----------
    reach : int
        Half width, voxels.

    Returns
    -------
    (reach + 1, 4, 2 reach + 1) float64 array
        First index: half width that there is room for. Rows: weights about a voxel's centre and about a face, with
        sum 1; weights of the slope about both, which give 1 for a field that rises by 1 a voxel.

    Examples
    --------
    >>> smooth_weights(2)[2, 0].sum().round(12)
    1.0
    """
    return _table(reach, lambda d, w: ((1 - (d / w) ** 2) ** 3.5, d * (1 - (d / w) ** 2) ** 2.5))


def gauss_weights(reach: int, deviation: float) -> npt.NDArray[np.float64]:
    """Return the weights of a Gaussian window that is cut off, in a table as that of `smooth_weights`.

    Parameters
    ----------
    reach : int
        Half width, voxels.
    deviation : float
        Standard deviation, voxels.

    Returns
    -------
    (reach + 1, 4, 2 reach + 1) float64 array
        As `smooth_weights` gives it.

    Examples
    --------
    >>> gauss_weights(1, 1e9)[1, 0].round(3).tolist()
    [0.333, 0.333, 0.333]
    """

    def at(d: _Array, _: float) -> tuple[_Array, _Array]:
        weights = np.exp(-0.5 * (d / deviation) ** 2)
        return weights, d * weights

    return _table(reach, at)


def _table(reach: int, weigh: Weigh) -> npt.NDArray[np.float64]:
    """Weights and weights of the slope at offsets `d` for windows that end at `w`."""
    table = np.zeros((reach + 1, 4, 2 * reach + 1))
    for room in range(reach + 1):
        for half in range(2):
            d = np.arange(2 * room + 1 - half) - room + 0.5 * half
            weights, slopes = weigh(d, room + 0.5)
            table[room, half, : len(d)] = weights / max(weights.sum(), 1e-300)
            if len(d) > 1:  # in a single layer there is no slope
                table[room, 2 + half, : len(d)] = slopes / (slopes * d).sum()
    return table


def area_windows(spacing: tuple[float, float, float], *, broad: bool = True) -> tuple[_Array, ...]:
    """Return the weights with which directions of interfaces are found.

    Parameters
    ----------
    spacing : three float
        Voxel size.
    broad : bool
        False for the small window alone; the others are empty then.

    Returns
    -------
    tuple of five (reach + 1, 4, 2 reach + 1) float64 arrays
        As `smooth_weights` gives them. Small window along x, y, z; then that for surfaces a few degrees off an axis,
        whose steps lie further apart than the small one sees: along the surface, and across it. Across it all voxels
        weigh the same, so that the sum of a column is the height of the surface in it.

    Examples
    --------
    >>> [len(weights) for weights in area_windows((1.0, 1.0, 2.0))]
    [7, 7, 5, 10, 4]
    """
    small = tuple(smooth_weights(min(round(REACH * (max(spacing) / s) ** WIDER), MOST_REACH)) for s in spacing)
    empty = np.empty((0, 4, 1))
    return (*small, gauss_weights(9, 4.0), gauss_weights(3, 1e9)) if broad else (*small, empty, empty)


@nb.njit(cache=True, nogil=True, fastmath=True)
def lines_gradient(codes, at, half, along_x, along_y, along_z, least, plus, minus, spacing, out):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Fill `out`, (3,), with the gradient of the smoothed indicator of `plus` less that of `minus`.

    `at` is a voxel, `half` says along which axes the place is half a voxel beyond it. Weights are as `smooth_weights`
    gives them; at the sides of the box `least` voxels are kept on both sides of the place.
    """
    first = np.empty(3, np.int64)
    rooms = np.empty(3, np.int64)
    for a in range(3):
        weights = along_x if a == 0 else (along_y if a == 1 else along_z)
        reach = len(weights) - 1
        n = codes.shape[a]
        h = half[a]
        base = at[a]
        # at a side of the box the window is moved inside by what lacks of some voxels, and narrowed by the rest
        keep = min(reach, least)
        if n >= 2 * keep + 1 - h:
            base = min(max(base, keep - h), n - 1 - keep)
        rooms[a] = min(min(base + h, n - 1 - base), reach)  # how far both sides can go
        first[a] = base + h - rooms[a]
    # sums over y are made for all z side by side, so that the compiler uses vectors
    n0, n1, n2 = 2 * rooms[0] + 1 - half[0], 2 * rooms[1] + 1 - half[1], 2 * rooms[2] + 1 - half[2]
    low = first[2]
    wx, dx = along_x[rooms[0], half[0]], along_x[rooms[0], 2 + half[0]]
    wy, dy = along_y[rooms[1], half[1]], along_y[rooms[1], 2 + half[1]]
    wz, dz = along_z[rooms[2], half[2]], along_z[rooms[2], 2 + half[2]]
    mx, my, mz = 0.0, 0.0, 0.0
    sums, sums_y = np.empty(n2, np.float32), np.empty(n2, np.float32)
    for x in range(n0):
        for z in range(n2):
            sums[z] = 0.0
            sums_y[z] = 0.0
        for y in range(n1):
            w, d = np.float32(wy[y]), np.float32(dy[y])
            row = codes[first[0] + x, first[1] + y, low : low + n2]
            for z in range(n2):
                f = np.float32(row[z] == plus) - np.float32(row[z] == minus)
                sums[z] += w * f
                sums_y[z] += d * f
        for z in range(n2):
            mx += dx[x] * wz[z] * sums[z]
            my += wx[x] * wz[z] * sums_y[z]
            mz += wx[x] * dz[z] * sums[z]
    # a linear field gives its slope in every direction, whatever part of the window is there
    out[0] = mx / spacing[0]
    out[1] = my / spacing[1]
    out[2] = mz / spacing[2]
