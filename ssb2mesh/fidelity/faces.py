"""Voxel faces as bits on the lattice: the nearest of those near a point, and the corners they share. No triangles.

Faces are rows ``(axis, i, j, k)`` as in `nearest`; all lengths are in one unit, the smallest voxel edge.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["FaceBits", "face_bits", "near_face", "number_corners"]

#: Faces farther than this are not found by their bits.
REACH = 1.5
#: Cells of the lattice a face, beyond which a lattice would be mostly empty.
SPARSE = 64


class FaceBits(NamedTuple):
    """Voxel faces as bits, a byte a voxel.

    Attributes
    ----------
    cells : (n,) uint8 array
        Bit ``a`` of a voxel: its lower face across axis ``a`` is there. Empty if the faces lie too far apart for this.
    lower : (3,) int64 array
        First voxel of the array.
    shape : (3,) int64 array
        Its voxels along x, y, z.
    """

    cells: npt.NDArray[np.uint8]
    lower: npt.NDArray[np.int64]
    shape: npt.NDArray[np.int64]


def face_bits(boxes: npt.NDArray[np.int32]) -> FaceBits:
    """Return voxel faces as bits.

    Parameters
    ----------
    boxes : (f, 4) int32 array
        Rows ``(axis, i, j, k)``.

    Returns
    -------
    FaceBits
        Without cells if there is no face, or if the lattice around them has more than `SPARSE` cells a face.

    Examples
    --------
    >>> face_bits(np.array([[0, 5, 5, 5], [2, 5, 5, 5]], np.int32)).cells
    array([5], dtype=uint8)
    """
    lower, shape = _lattice(boxes)
    cells = np.zeros(int(np.prod(shape)) if _is_dense(boxes, shape) else 0, np.uint8)
    if len(cells):
        _set_bits(boxes, lower, shape, cells)
    return FaceBits(cells, lower, shape)


def number_corners(boxes: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Number the corners of voxel faces, each once.

    Parameters
    ----------
    boxes : (f, 4) int32 array
        Rows ``(axis, i, j, k)``.

    Returns
    -------
    corners : (f, 4) int32 array
        Numbers of the corners of each face: of its next two axes in cyclic order the second runs faster. All -1 if the
        faces lie too far apart to share many.
    places : (n, 3) int64 array
        Lattice place of each corner.

    Examples
    --------
    >>> number_corners(np.array([[0, 0, 0, 0], [0, 0, 0, 1]], np.int32))[0].tolist()
    [[0, 1, 2, 3], [1, 4, 3, 5]]
    """
    lower, shape = _lattice(boxes)
    corners = np.full((len(boxes), 4), -1, np.int32)
    if not _is_dense(boxes, shape):
        return corners, np.empty((0, 3), np.int64)
    number = np.full(int(np.prod(shape + 1)), -1, np.int32)
    count = _number(boxes, lower, shape + 1, number, corners)
    places = np.empty((count, 3), np.int64)
    at = np.flatnonzero(number >= 0)
    places[number[at]] = np.stack(np.unravel_index(at, tuple(shape + 1)), axis=1) + lower
    return corners, places


def _lattice(boxes: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First voxel and number of voxels of the lattice around faces."""
    if not len(boxes):
        return np.zeros(3, np.int64), np.zeros(3, np.int64)
    lower = boxes[:, 1:].min(axis=0).astype(np.int64)
    return lower, boxes[:, 1:].max(axis=0) + 1 - lower


def _is_dense(boxes: npt.NDArray[np.int32], shape: npt.NDArray[np.int64]) -> bool:
    return 0 < int(np.prod(shape)) <= SPARSE * len(boxes)


@nb.njit(cache=True)
def _set_bits(boxes, lower, shape, cells):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for f in range(len(boxes)):
        at = (boxes[f, 1] - lower[0]) * shape[1] + boxes[f, 2] - lower[1]
        cells[at * shape[2] + boxes[f, 3] - lower[2]] |= np.uint8(1 << boxes[f, 0])


@nb.njit(cache=True)
def _number(boxes, lower, shape, number, corners):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill in the numbers; `shape` counts lattice points, `number` is -1 at all of them."""
    step = np.array([shape[1] * shape[2], shape[2], 1])
    count = 0
    for f in range(len(boxes)):
        at = (boxes[f, 1] - lower[0]) * step[0] + (boxes[f, 2] - lower[1]) * step[1] + boxes[f, 3] - lower[2]
        b, c = step[(boxes[f, 0] + 1) % 3], step[(boxes[f, 0] + 2) % 3]
        for n in range(4):
            corner = at + (n >> 1) * b + (n & 1) * c
            if number[corner] < 0:
                number[corner] = count
                count += 1
            corners[f, n] = number[corner]
    return count


@nb.njit(cache=True, inline="always")
def _outside(x, low, high):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Squared distance from x to an interval."""
    gap = max(low - x, x - high, 0.0)
    return gap * gap


@nb.njit(cache=True)
def near_face(bits: FaceBits, voxel, last, x, y, z):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Squared distance to the nearest face; -1 if none is within `REACH`.

    `last` is a row of a face likely to be near (axis -1: none) and becomes that of the nearest one.
    """
    best = REACH * REACH
    found = False
    if last[0] >= 0:
        far = 0.0
        for a in range(3):
            p = x if a == 0 else (y if a == 1 else z)
            low = last[a + 1] * voxel[a]
            far += _outside(p, low, low if a == last[0] else (last[a + 1] + 1) * voxel[a])
        if far < best:
            best, found = far, True
    reach = math.sqrt(best)
    first_x, last_x = _span(x, reach, voxel[0], bits.lower[0], bits.shape[0])
    first_y, last_y = _span(y, reach, voxel[1], bits.lower[1], bits.shape[1])
    first_z, last_z = _span(z, reach, voxel[2], bits.lower[2], bits.shape[2])
    row, column = bits.shape[1] * bits.shape[2], bits.shape[2]
    for a in range(3):
        # everything of the axis across and of the two along the faces
        if a == 0:
            b, c, p, q, r, step_a, step_b, step_c = 1, 2, x, y, z, row, column, 1
            first_i, last_i, first_j, last_j, first_k, last_k = first_x, last_x, first_y, last_y, first_z, last_z
        elif a == 1:
            b, c, p, q, r, step_a, step_b, step_c = 2, 0, y, z, x, column, 1, row
            first_i, last_i, first_j, last_j, first_k, last_k = first_y, last_y, first_z, last_z, first_x, last_x
        else:
            b, c, p, q, r, step_a, step_b, step_c = 0, 1, z, x, y, 1, row, column
            first_i, last_i, first_j, last_j, first_k, last_k = first_z, last_z, first_x, last_x, first_y, last_y
        for i in range(first_i, last_i + 1):
            across = (i * voxel[a] - p) ** 2
            if across >= best:
                continue
            for j in range(first_j, last_j + 1):
                along = across + _outside(q, j * voxel[b], (j + 1) * voxel[b])
                if along >= best:
                    continue
                begin = (i - bits.lower[a]) * step_a + (j - bits.lower[b]) * step_b
                for k in range(first_k, last_k + 1):
                    if bits.cells[begin + (k - bits.lower[c]) * step_c] >> a & 1:
                        far = along + _outside(r, k * voxel[c], (k + 1) * voxel[c])
                        if far < best:
                            best, found = far, True
                            last[0], last[a + 1], last[b + 1], last[c + 1] = a, i, j, k
    return best if found else -1.0


@nb.njit(cache=True, inline="always")
def _span(x, reach, edge, lower, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """First and last layer of voxels that a ball around x reaches."""
    first, last = int(math.floor((x - reach) / edge)), int(math.floor((x + reach) / edge))
    return max(first, lower), min(last, lower + count - 1)
