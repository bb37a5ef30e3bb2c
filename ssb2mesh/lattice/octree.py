"""The leaves of the lattice and the numbers of their vertices. Which cells merge into leaves is said in `coarsen`.

A leaf is a cube of ``2**level`` cells. Leaves that touch, be it at a corner only, differ by one level at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.coarsen import Levels, merge_leaves

__all__ = ["Lattice", "make_lattice", "number_true"]


@dataclass(frozen=True)
class Lattice:
    """Leaves and vertices of a lattice.

    Parameters
    ----------
    phase : (nx, ny, nz) int32 array
        Phase index of the leaf that each cell belongs to.
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
        points = np.empty((len(self.corners) + len(self.anchors), 3))
        _positions(self.corners, self.anchors, self.level, points)
        return points


def make_lattice(phase: npt.NDArray[np.int32], levels: Levels | None = None) -> Lattice:
    """Merge cells into leaves and number the vertices.

    Parameters
    ----------
    phase : (nx, ny, nz) int32 array
        Phase index of each cell.
    levels : Levels, optional
        How far cells merge; default not at all.

    Returns
    -------
    Lattice
        Corners in the order of their position, then centres in the order of their first cell.

    Examples
    --------
    >>> import numpy as np
    >>> len(make_lattice(np.zeros((8, 8, 8), np.int32), Levels(bulk=2)).anchors)
    8
    """
    phase, level = merge_leaves(phase, levels or Levels())
    corner_of, corners = number_true(_corner_mask(level))
    centre_of, anchors = number_true(_anchor_mask(level))
    centre_of[centre_of >= 0] += len(corners)
    return Lattice(phase, level, corner_of, corners, centre_of, anchors)


@nb.njit(cache=True, parallel=True)
def _positions(corners, anchors, level, points):
    c = len(corners)
    for v in nb.prange(c):
        for e in range(3):
            points[v, e] = corners[v, e]
    for f in nb.prange(len(anchors)):
        half = 0.5 * (1 << level[anchors[f, 0], anchors[f, 1], anchors[f, 2]])
        for e in range(3):
            points[c + f, e] = anchors[f, e] + half


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
