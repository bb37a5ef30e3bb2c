"""The interface of the lattice: which corners see several phases, and along which edges they are neighbours.

Nothing moves here. A corner belongs to the interface when the (up to) eight cells around it hold more than one phase.
A lattice edge is an interface edge when the cells around it hold more than one phase; it is a junction edge when three
or more regions meet there (each outer side of the box counts as a region of its own) or when two phases touch
crosswise. Junction corners are neighbours along junction edges only, so that triple lines stay lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.octree import number_true

__all__ = ["CURVE", "POINT", "SURFACE", "Interface", "count_squares", "find_interface"]

#: Kinds of interface corners: on a surface, on a junction curve, where curves meet or end.
SURFACE, CURVE, POINT = 0, 1, 2


@dataclass(frozen=True)
class Interface:
    """Interface corners of a lattice, their neighbours, and the squares between cells of different phase.

    Parameters
    ----------
    ids : (nx + 1, ny + 1, nz + 1) int32 array
        Interface index of each lattice corner, -1 where only one phase is seen.
    corners : (n, 3) int32 array
        Lattice position of each interface corner.
    neighbours : (n, 6) int32 array
        Interface indices of the neighbours, the first `degree` of each row.
    degree : (n,) int32 array
        Number of neighbours.
    kind : (n,) int32 array
        `SURFACE`, `CURVE` or `POINT`.
    fixed : (n, 3) bool array
        Axes along which the corner must not move because it lies on a side of the box.
    squares : (m, 4) int32 array
        Interface indices of the corners of each square, its normal pointing along the positive axis.
    cells : (m, 2) int32 array
        Flat indices of the cells below and above each square.
    """

    ids: npt.NDArray[np.int32]
    corners: npt.NDArray[np.int32]
    neighbours: npt.NDArray[np.int32]
    degree: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int32]
    fixed: npt.NDArray[np.bool_]
    squares: npt.NDArray[np.int32]
    cells: npt.NDArray[np.int32]


def find_interface(phase: npt.NDArray[np.int32]) -> Interface:
    """Find the interface of a grid of cells.

    Parameters
    ----------
    phase : (nx, ny, nz) int32 array
        Phase index of each cell, not negative.

    Returns
    -------
    Interface
        Empty arrays if there is one phase only.

    Examples
    --------
    >>> import numpy as np
    >>> phase = np.zeros((2, 1, 1), np.int32)
    >>> phase[1] = 1
    >>> len(find_interface(phase).corners), find_interface(phase).squares.shape
    (4, (1, 4))
    """
    ids, corners = number_true(_mixed_corners(phase))
    neighbours, degree, kind = _find_neighbours(phase, ids, corners)
    limits = np.asarray(phase.shape, dtype=np.int32)
    fixed = (corners == 0) | (corners == limits)
    first = np.concatenate([[0], np.cumsum(count_squares(phase))]).astype(np.int64)
    squares, cells = _list_squares(phase, ids, first)
    return Interface(ids, corners, neighbours, degree, kind, fixed, squares, cells)


@nb.njit(cache=True, inline="always")
def _sees_two(phase, i, j, k):
    nx, ny, nz = phase.shape
    first = -1
    for a in range(max(i - 1, 0), min(i + 1, nx)):
        for b in range(max(j - 1, 0), min(j + 1, ny)):
            for c in range(max(k - 1, 0), min(k + 1, nz)):
                label = phase[a, b, c]
                if first < 0:
                    first = label
                elif label != first:
                    return True
    return False


@nb.njit(cache=True, parallel=True)
def _mixed_corners(phase):
    """Whether each corner sees more than one phase."""
    nx, ny, nz = phase.shape
    mixed = np.empty((nx + 1, ny + 1, nz + 1), np.bool_)
    for i in nb.prange(nx + 1):
        for j in range(ny + 1):
            for k in range(nz + 1):
                mixed[i, j, k] = _sees_two(phase, i, j, k)
    return mixed


@nb.njit(cache=True, inline="always")
def _region(phase, i, j, k):
    """Phase of a cell; outside the box a negative number per side."""
    nx, ny, nz = phase.shape
    if i < 0:
        return -1
    if i >= nx:
        return -2
    if j < 0:
        return -3
    if j >= ny:
        return -4
    if k < 0:
        return -5
    if k >= nz:
        return -6
    return phase[i, j, k]


@nb.njit(cache=True)
def _edge_kind(phase, i, j, k, axis):
    """Kind of the edge from corner (i, j, k) along +axis: 0 no interface, 1 interface, 2 junction."""
    if axis == 0:
        r0, r1 = _region(phase, i, j - 1, k - 1), _region(phase, i, j, k - 1)
        r2, r3 = _region(phase, i, j, k), _region(phase, i, j - 1, k)
    elif axis == 1:
        r0, r1 = _region(phase, i - 1, j, k - 1), _region(phase, i, j, k - 1)
        r2, r3 = _region(phase, i, j, k), _region(phase, i - 1, j, k)
    else:
        r0, r1 = _region(phase, i - 1, j - 1, k), _region(phase, i, j - 1, k)
        r2, r3 = _region(phase, i, j, k), _region(phase, i - 1, j, k)
    high = max(max(r0, r1), max(r2, r3))
    one_phase = (r0 < 0 or r0 == high) and (r1 < 0 or r1 == high) and (r2 < 0 or r2 == high) and (r3 < 0 or r3 == high)
    if one_phase:
        return 0
    changes = int(r0 != r1) + int(r1 != r2) + int(r2 != r3) + int(r3 != r0)
    return 1 if changes == 2 else 2


@nb.njit(cache=True, parallel=True)
def _find_neighbours(phase, ids, corners):
    n = len(corners)
    neighbours = np.full((n, 6), -1, np.int32)
    degree = np.zeros(n, np.int32)
    kinds = np.zeros(n, np.int32)
    for v in nb.prange(n):
        kind = np.zeros(6, np.int32)
        other = np.full(6, -1, np.int32)
        low = np.empty(3, np.int64)
        for e in range(6):
            axis = e // 2
            # the edge begins at its lower end; the neighbour is at the other one
            low[0], low[1], low[2] = corners[v]
            low[axis] -= 1 - e % 2
            if low[axis] < 0 or low[axis] == phase.shape[axis]:
                continue
            kind[e] = _edge_kind(phase, low[0], low[1], low[2], axis)
            low[axis] += e % 2
            other[e] = ids[low[0], low[1], low[2]]
        junctions = 0
        for e in range(6):
            if kind[e] == 2:
                junctions += 1
        d = 0
        for e in range(6):
            if kind[e] == 2 or (kind[e] == 1 and junctions == 0):
                neighbours[v, d] = other[e]
                d += 1
        degree[v] = d
        if junctions == 2:
            kinds[v] = 1
        elif junctions > 0:
            kinds[v] = 2
    return neighbours, degree, kinds


def count_squares(phase: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Count the squares between different phases by the slab along x that their lower cell lies in.

    Parameters
    ----------
    phase : (nx, ny, nz) int32 array
        Phase index of each cell.

    Returns
    -------
    (nx,) int64 array
        Squares per slab.
    """
    counts = np.zeros(len(phase), np.int64)
    counts[:-1] += np.count_nonzero(phase[1:] != phase[:-1], axis=(1, 2))
    for different in (phase[:, 1:] != phase[:, :-1], phase[:, :, 1:] != phase[:, :, :-1]):
        counts += np.count_nonzero(different, axis=(1, 2))
    return counts


@nb.njit(cache=True, parallel=True)
def _list_squares(phase, ids, first):
    nx, ny, nz = phase.shape
    squares = np.empty((first[-1], 4), np.int32)
    cells = np.empty((first[-1], 2), np.int32)
    for i in nb.prange(nx):
        n = first[i]
        for j in range(ny):
            for k in range(nz):
                here = phase[i, j, k]
                flat = (i * ny + j) * nz + k
                if i + 1 < nx and phase[i + 1, j, k] != here:
                    squares[n, 0] = ids[i + 1, j, k]
                    squares[n, 1] = ids[i + 1, j + 1, k]
                    squares[n, 2] = ids[i + 1, j + 1, k + 1]
                    squares[n, 3] = ids[i + 1, j, k + 1]
                    cells[n, 0] = flat
                    cells[n, 1] = flat + ny * nz
                    n += 1
                if j + 1 < ny and phase[i, j + 1, k] != here:
                    squares[n, 0] = ids[i, j + 1, k]
                    squares[n, 1] = ids[i, j + 1, k + 1]
                    squares[n, 2] = ids[i + 1, j + 1, k + 1]
                    squares[n, 3] = ids[i + 1, j + 1, k]
                    cells[n, 0] = flat
                    cells[n, 1] = flat + nz
                    n += 1
                if k + 1 < nz and phase[i, j, k + 1] != here:
                    squares[n, 0] = ids[i, j, k + 1]
                    squares[n, 1] = ids[i + 1, j, k + 1]
                    squares[n, 2] = ids[i + 1, j + 1, k + 1]
                    squares[n, 3] = ids[i, j + 1, k + 1]
                    cells[n, 0] = flat
                    cells[n, 1] = flat + 1
                    n += 1
    return squares, cells
