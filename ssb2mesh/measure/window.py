"""The smooth window in which directions of interfaces and triple lines are found. No sums over a volume here.

The direction of an interface at a voxel face is that of the gradient of the smoothed indicators of its two phases. An
area is then the sum of the faces projected on it, which takes the bias of the staircase away at any tilt
(10.1109/TIP.2005.846021).
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["REACH", "broad_weights", "gradient", "lines_gradient", "window_weights"]

#: Half width of the window and standard deviation of its Gaussian weights, voxels.
REACH = 4
DEVIATION = 1.5
#: Voxels that are kept of it on both sides at the sides of the box.
KEEP = 2


def window_weights(reach: int = REACH, deviation: float = DEVIATION) -> npt.NDArray[np.float32]:
    """Return Gaussian weights on a line of voxels, about a voxel's centre (row 0) and about a voxel's face (row 1).

    Parameters
    ----------
    reach : int
        Half width, voxels.
    deviation : float
        Standard deviation, voxels.

    Returns
    -------
    (2, 2 reach + 1) float32 array
        Row 0 for offsets -reach ... reach; row 1 for -reach + 1/2 ... reach - 1/2, its last entry 0.

    Examples
    --------
    >>> window_weights(1, 1.0).round(2).tolist()[1][2]
    0.0
    """
    whole = np.arange(-reach, reach + 1.0)
    weights = np.exp(-0.5 * (np.stack([whole, whole + 0.5]) / deviation) ** 2)
    weights[1, -1] = 0.0
    return weights.astype(np.float32)


def broad_weights() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the weights of the window for surfaces a few degrees off an axis: along the surface, and across it.

    The steps of such a surface lie further apart than the small window sees. Across it all voxels weigh the same, so
    that the sum of a column is the height of the surface in it.

    Returns
    -------
    tuple of two (2, n) float32 arrays
        As `window_weights` gives them.

    Examples
    --------
    >>> [weights.shape for weights in broad_weights()]
    [(2, 19), (2, 7)]
    """
    return window_weights(9, 4.0), window_weights(3, 1e9)


@nb.njit(cache=True, nogil=True)
def gradient(codes, at, half, weights, plus, minus, spacing, out):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Fill `out` (3,) with the gradient of a smoothed indicator: 1 where a voxel is `plus`, -1 where it is `minus`.

    The window is centred `half` (0 or 1 half voxels an axis) above the voxel `at`. Where it would leave the volume it
    is cut on both sides alike; where less than two voxels would be left, it is moved inside.
    """
    lines_gradient(codes, at, half, weights, weights, weights, KEEP, plus, minus, spacing, out)


@nb.njit(cache=True, nogil=True, fastmath=True)
def lines_gradient(codes, at, half, along_x, along_y, along_z, least, plus, minus, spacing, out):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Fill `out` as `gradient` does, with weights of their own along each axis, and `least` voxels kept at sides."""
    first = np.empty(3, np.int64)
    count = np.empty(3, np.int64)
    skip = np.empty(3, np.int64)
    scale = np.empty(3)
    total = np.empty(3)
    for a in range(3):
        weights = along_x if a == 0 else (along_y if a == 1 else along_z)
        reach = weights.shape[1] // 2
        n = codes.shape[a]
        h = half[a]
        base = at[a]
        # at a side of the box the window is moved inside by what lacks of two voxels, and cut on both sides by the rest
        keep = min(reach, least)
        if n >= 2 * keep + 1 - h:
            base = min(max(base, keep - h), n - 1 - keep)
        room = min(base + h, n - 1 - base)  # how far both sides can go
        room = min(room, reach)
        first[a] = base + h - room
        count[a] = 2 * room + 1 - h
        skip[a] = reach - room
        total[a] = 0.0
        scale[a] = 0.0
        for q in range(count[a]):
            d = q - room + 0.5 * h
            w = weights[h, skip[a] + q]
            total[a] += w
            scale[a] += w * d * d
    # sums over y are made for all z side by side, so that the compiler uses vectors
    n0, n1, n2 = count[0], count[1], count[2]
    low = first[2]
    weights = along_z[half[2], skip[2] : skip[2] + n2]
    mx, my, mz = 0.0, 0.0, 0.0
    sums, sums_y = np.empty(n2, np.float32), np.empty(n2, np.float32)
    for x in range(n0):
        dx = x - n0 * 0.5 + 0.5
        wx = along_x[half[0], skip[0] + x]
        for z in range(n2):
            sums[z] = 0.0
            sums_y[z] = 0.0
        for y in range(n1):
            wy = along_y[half[1], skip[1] + y]
            wdy = wy * np.float32(y - n1 * 0.5 + 0.5)
            row = codes[first[0] + x, first[1] + y, low : low + n2]
            for z in range(n2):
                f = np.float32(row[z] == plus) - np.float32(row[z] == minus)
                sums[z] += wy * f
                sums_y[z] += wdy * f
        for z in range(n2):
            w = wx * weights[z]
            mx += dx * w * sums[z]
            my += w * sums_y[z]
            mz += w * (z - n2 * 0.5 + 0.5) * sums[z]
    # a linear field gives its slope in every direction, whatever part of the window is there
    out[0] = mx / (scale[0] * total[1] * total[2] * spacing[0]) if scale[0] > 0.0 else 0.0
    out[1] = my / (scale[1] * total[0] * total[2] * spacing[1]) if scale[1] > 0.0 else 0.0
    out[2] = mz / (scale[2] * total[0] * total[1] * spacing[2]) if scale[2] > 0.0 else 0.0
