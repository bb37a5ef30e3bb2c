"""The cells of the lattice and their merging in bulk: which leaves there are, and the numbers of their vertices.

A leaf is a cube of ``2**level`` cells. Eight equal leaves merge when they and the ring of one leaf around them hold one
phase and are not smaller themselves. So leaves at an interface are never merged, and leaves that touch, be it at a
corner only, differ by one level at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["Lattice", "make_lattice", "merge_levels", "number_true"]


@dataclass(frozen=True)
class Lattice:
    """Leaves and vertices of a lattice.

    Parameters
    ----------
    phase : (nx, ny, nz) int32 array
        Phase index of each cell.
    level : (nx, ny, nz) uint8 array
        Level of the leaf that each cell belongs to.
    corner_of : (nx + 1, ny + 1, nz + 1) int32 array
        Vertex number of each corner of a leaf, -1 where there is none.
    corners : (c, 3) int32 array
        Lattice position of each corner vertex; vertices 0 to c - 1.
    centre_of : (nx, ny, nz) int32 array
        Vertex number of the centre of the leaf that begins at this cell, -1 where none begins.
    anchors : (l, 3) int32 array
        First cell of each leaf; their centres are the vertices from c on.
    """

    phase: npt.NDArray[np.int32]
    level: npt.NDArray[np.uint8]
    corner_of: npt.NDArray[np.int32]
    corners: npt.NDArray[np.int32]
    centre_of: npt.NDArray[np.int32]
    anchors: npt.NDArray[np.int32]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells along x, y, z."""
        return self.phase.shape

    def points(self) -> npt.NDArray[np.float64]:
        """Return the untouched positions of all vertices, (c + l, 3), in cells."""
        half = 0.5 * (1 << self.level[tuple(self.anchors.T)].astype(np.int64))
        return np.concatenate([self.corners.astype(float), self.anchors + half[:, None]])


def make_lattice(phase: npt.NDArray[np.int32], levels: int = 0) -> Lattice:
    """Merge cells in bulk and number the vertices.

    Parameters
    ----------
    phase : (nx, ny, nz) int32 array
        Phase index of each cell.
    levels : int
        Levels of merging: leaves are up to ``2**levels`` cells wide.

    Returns
    -------
    Lattice
        Corners in the order of their position, then centres in the order of their first cell.

    Examples
    --------
    >>> import numpy as np
    >>> len(make_lattice(np.zeros((8, 8, 8), np.int32), levels=2).anchors)
    8
    """
    level = merge_levels(phase, levels)
    corner_of, corners = number_true(_corner_mask(level))
    centre_of, anchors = number_true(_anchor_mask(level))
    centre_of[centre_of >= 0] += len(corners)
    return Lattice(phase, level, corner_of, corners, centre_of, anchors)


def merge_levels(phase: npt.NDArray[np.int32], levels: int) -> npt.NDArray[np.uint8]:
    """Return the level of the leaf of each cell, see `make_lattice`."""
    level = np.zeros(phase.shape, np.uint8)
    merged = phase
    for up in range(1, levels + 1):
        merged = _merge(merged, np.asarray(phase.shape), 1 << (up - 1))
        if not merged.size or merged.max() < 0:
            break
        _paint(level, merged, up)
    return level


@nb.njit(cache=True, parallel=True)
def _merge(fine, box, size):
    """Phase of each block of eight leaves that merges, -1 where it does not; `size`: cells per fine leaf."""
    nx, ny, nz = fine.shape
    mx, my, mz = nx // 2, ny // 2, nz // 2
    out = np.full((mx, my, mz), -1, np.int32)
    # beyond the fine grid lies either the box's side, which is no obstacle, or a rest of smaller leaves, which is one
    whole = nx * size == box[0], ny * size == box[1], nz * size == box[2]
    for a in nb.prange(mx):
        for b in range(my):
            for c in range(mz):
                own = fine[2 * a, 2 * b, 2 * c]
                good = own >= 0
                good &= whole[0] or 2 * a + 2 < nx
                good &= whole[1] or 2 * b + 2 < ny
                good &= whole[2] or 2 * c + 2 < nz
                for i in range(max(2 * a - 1, 0), min(2 * a + 3, nx)):
                    if not good:
                        break
                    for j in range(max(2 * b - 1, 0), min(2 * b + 3, ny)):
                        for k in range(max(2 * c - 1, 0), min(2 * c + 3, nz)):
                            good &= fine[i, j, k] == own
                if good:
                    out[a, b, c] = own
    return out


@nb.njit(cache=True, parallel=True)
def _paint(level, merged, up):
    for a in nb.prange(merged.shape[0]):
        for b in range(merged.shape[1]):
            for c in range(merged.shape[2]):
                if merged[a, b, c] >= 0:
                    s = 1 << up
                    level[a * s : (a + 1) * s, b * s : (b + 1) * s, c * s : (c + 1) * s] = up


@nb.njit(cache=True, parallel=True)
def _corner_mask(level):
    """Whether each lattice position is a corner of a leaf."""
    nx, ny, nz = level.shape
    mask = np.zeros((nx + 1, ny + 1, nz + 1), np.bool_)
    for i in nb.prange(nx + 1):
        for j in range(ny + 1):
            for k in range(nz + 1):
                found = False
                for a in range(max(i - 1, 0), min(i + 1, nx)):
                    for b in range(max(j - 1, 0), min(j + 1, ny)):
                        for c in range(max(k - 1, 0), min(k + 1, nz)):
                            rest = (1 << level[a, b, c]) - 1
                            found |= ((i | j | k) & rest) == 0
                mask[i, j, k] = found
    return mask


@nb.njit(cache=True, parallel=True)
def _anchor_mask(level):
    """Whether a leaf begins at each cell."""
    nx, ny, nz = level.shape
    mask = np.zeros((nx, ny, nz), np.bool_)
    for i in nb.prange(nx):
        for j in range(ny):
            for k in range(nz):
                mask[i, j, k] = ((i | j | k) & ((1 << level[i, j, k]) - 1)) == 0
    return mask


def number_true(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Number the true entries of a mask in C order.

    Parameters
    ----------
    mask : (a, b, c) bool array
        What to number.

    Returns
    -------
    number : (a, b, c) int32 array
        0, 1, 2 ... where the mask is true, -1 elsewhere.
    where : (n, 3) int32 array
        Positions of the true entries.
    """
    per_slab = np.count_nonzero(mask, axis=(1, 2))
    return _number_loop(mask, np.concatenate([[0], np.cumsum(per_slab)]).astype(np.int64))


@nb.njit(cache=True, parallel=True)
def _number_loop(mask, first):
    nx, ny, nz = mask.shape
    number = np.empty(mask.shape, np.int32)
    where = np.empty((first[-1], 3), np.int32)
    for i in nb.prange(nx):
        n = first[i]
        for j in range(ny):
            for k in range(nz):
                if mask[i, j, k]:
                    number[i, j, k] = n
                    where[n, 0], where[n, 1], where[n, 2] = i, j, k
                    n += 1
                else:
                    number[i, j, k] = -1
    return number, where
