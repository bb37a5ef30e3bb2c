"""Exact Euclidean distance from the voxels of a phase to the nearest voxel outside it, and which one that is.

Separable lower envelopes (10.4086/toc.2012.v008a019), with any voxel shape; the box's sides are not outside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.measure.slabs import in_slabs

__all__ = ["nearest_outside"]

FAR = np.float32(1e30)


def nearest_outside(
    mask: npt.NDArray[np.bool_], spacing: Sequence[float], *, places: bool = False
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32] | None]:
    """Return the distance of each voxel of a mask to the nearest voxel centre outside it.

    Parameters
    ----------
    mask : (nx, ny, nz) bool array
        C-contiguous.
    spacing : three float
        Voxel size; distances have its unit.
    places : bool
        Also return which voxel is the nearest.

    Returns
    -------
    distance : (nx, ny, nz) float32 array
        0 outside the mask.
    nearest : (nx, ny, nz) int32 array or None
        Index of the voxel in C order.

    Raises
    ------
    InputError
        If nothing lies outside the mask, or there are too many voxels for int32.

    Examples
    --------
    >>> mask = np.ones((1, 1, 5), bool)
    >>> mask[0, 0, 0] = False
    >>> nearest_outside(mask, (1.0, 1.0, 1.0))[0].ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    if mask.size >= 2**31:
        raise InputError(f"volume: {mask.size} voxels are more than 2147483647; crop or downsample it first")
    if mask.all():
        raise InputError("phase: it fills the whole volume; there is no surface to measure a distance to")
    square = np.empty(mask.shape, np.float32)
    near = np.empty(mask.shape if places else (1, 1, 1), np.int32)
    # in units of the smallest edge, so that squares of large distances stay exact in single precision
    unit = min(spacing)
    steps = np.asarray(spacing, float) / unit
    in_slabs(lambda a, b: _rows(mask, steps, a, b, square, near, places), mask.shape[0])
    in_slabs(lambda a, b: _columns(square, near, 1, steps[1], a, b, places), mask.shape[0])
    in_slabs(lambda a, b: _columns(square, near, 0, steps[0], a, b, places), mask.shape[1])
    in_slabs(lambda a, b: _root(square[a:b].reshape(-1), unit), mask.shape[0])
    return square, near if places else None


@nb.njit(cache=True, nogil=True)
def _root(square, unit):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for v in range(len(square)):
        square[v] = np.sqrt(square[v]) * unit


@nb.njit(cache=True, nogil=True)
def _rows(mask, steps, first, last, square, near, places):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Squared distance along z."""
    _, ny, nz = mask.shape
    for i in range(first, last):
        for j in range(ny):
            start = (np.int64(i) * ny + j) * nz
            gap = -1
            for k in range(nz):
                if not mask[i, j, k]:
                    gap = k
                square[i, j, k] = ((k - gap) * steps[2]) ** 2 if gap >= 0 else FAR
                if places:
                    near[i, j, k] = start + gap if gap >= 0 else -1
            gap = -1
            for k in range(nz - 1, -1, -1):
                if not mask[i, j, k]:
                    gap = k
                elif gap >= 0:
                    d = np.float32(((gap - k) * steps[2]) ** 2)
                    if d < square[i, j, k]:
                        square[i, j, k] = d
                        if places:
                            near[i, j, k] = start + gap


@nb.njit(cache=True, nogil=True)
def _columns(square, near, axis, step, first, last, places):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Lower envelope of parabolas along y (axis 1, slabs of x) or x (axis 0, slabs of y)."""
    n, nz = square.shape[axis], square.shape[2]
    low, which = np.empty((n, nz), np.float32), np.empty((n, nz), np.int32)
    at = np.empty(n, np.int64)
    edge = np.empty(n + 1)
    unit = step * step
    for s in range(first, last):
        for q in range(n):
            i, j = (s, q) if axis == 1 else (q, s)
            for k in range(nz):
                low[q, k] = square[i, j, k]
                if places:
                    which[q, k] = near[i, j, k]
        for k in range(nz):
            top = -1
            for q in range(n):
                f = np.float64(low[q, k])
                if f >= FAR:
                    continue
                f = f / unit + q * q
                cross = -1e30
                while top >= 0:
                    p = at[top]
                    cross = (f - (np.float64(low[p, k]) / unit + p * p)) / (2.0 * (q - p))
                    if cross > edge[top]:
                        break
                    top -= 1
                top += 1
                at[top] = q
                edge[top] = cross if top > 0 else -1e30
            if top < 0:
                continue
            edge[top + 1] = 1e30
            here = 0
            for q in range(n):
                while edge[here + 1] < q:
                    here += 1
                p = at[here]
                i, j = (s, q) if axis == 1 else (q, s)
                square[i, j, k] = unit * (q - p) * (q - p) + low[p, k]
                if places:
                    near[i, j, k] = which[p, k]
