"""Corners, edges and faces of the lattice that lie on an interface: who is whose neighbour, and what is a junction.

A leaf corner is an interface corner when the (up to) eight cells around it hold more than one phase.
An edge of a leaf is an interface edge when the cells around it hold more than one phase; it is a junction edge when
three or more regions meet there (each outer side of the box counts as a region of its own) or when two phases touch
crosswise. Junction corners are neighbours along junction edges only, so that triple lines stay lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.faces import list_faces
from ssb2mesh.lattice.octree import Lattice

__all__ = ["CURVE", "END", "POINT", "SURFACE", "Interface", "find_interface"]

#: Kinds of interface corners: on a surface, on a junction curve, where curves meet or end.
SURFACE, CURVE, POINT = 0, 1, 2
#: In place of the neighbour off the box: the corner is on an edge of the box.
END = -2


@dataclass(frozen=True)
class Interface:
    """Interface corners of a lattice, their neighbours, and the faces between leaves of different phase.

    Parameters
    ----------
    vertices : (n,) int32 array
        Vertex number of each interface corner, ascending.
    index_of : (c,) int32 array
        Interface index of each corner vertex, -1 where only one phase is seen.
    corners : (n, 3) int32 array
        Lattice position of each interface corner.
    neighbours : (n, 6) int32 array
        Interface indices of the neighbours, the first `degree` of each row.
    steps : (n, 6) uint8 array
        Distance of each neighbour: ``2**step`` cells.
    degree : (n,) int32 array
        Number of neighbours.
    inward : (n,) int32 array
        For a corner on a curve in one side of the box, its neighbour off that side; `END` for a corner on an edge
        of the box, where curves end; -1 for the others.
    kind : (n,) uint8 array
        `SURFACE`, `CURVE` or `POINT`.
    level : (n,) uint8 array
        Level of the smallest leaf that the corner belongs to.
    fixed : (n, 3) bool array
        Axes along which the corner must not move because it lies on a side of the box.
    faces : (m, 4) int32 array
        Interface indices of the corners of each square, its normal pointing along the positive axis; or of a triangle
        of a face with hanging vertices, the last index being -1.
    cells : (m, 2) int32 array
        Flat indices of the cells in which the leaves below and above each face begin.
    """

    vertices: npt.NDArray[np.int32]
    index_of: npt.NDArray[np.int32]
    corners: npt.NDArray[np.int32]
    neighbours: npt.NDArray[np.int32]
    steps: npt.NDArray[np.uint8]
    degree: npt.NDArray[np.int32]
    inward: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]
    level: npt.NDArray[np.uint8]
    fixed: npt.NDArray[np.bool_]
    faces: npt.NDArray[np.int32]
    cells: npt.NDArray[np.int32]


def find_interface(lattice: Lattice) -> Interface:
    """Find the interface of a lattice.

    Parameters
    ----------
    lattice : Lattice
        Leaves and vertex numbers.

    Returns
    -------
    Interface
        Empty arrays if there is one phase only.

    Examples
    --------
    >>> import numpy as np
    >>> from ssb2mesh.lattice.octree import make_lattice
    >>> phase = np.zeros((2, 1, 1), np.int32)
    >>> phase[1] = 1
    >>> interface = find_interface(make_lattice(phase))
    >>> len(interface.corners), interface.faces.shape
    (4, (1, 4))
    """
    mixed = _mixed_corners(lattice.phase, lattice.corners)
    vertices = np.flatnonzero(mixed).astype(np.int32)
    index_of = np.full(len(lattice.corners), -1, np.int32)
    index_of[vertices] = np.arange(len(vertices), dtype=np.int32)
    corners = lattice.corners[vertices]
    neighbours, steps, degree, inward, kind, level = _find_neighbours(
        (lattice.phase, lattice.level, lattice.corner_of), index_of, corners
    )
    fixed = (corners == 0) | (corners == np.asarray(lattice.shape, dtype=np.int32))
    faces, cells = list_faces(lattice)
    faces = np.where(faces >= 0, index_of[faces], np.int32(-1)) if len(vertices) else faces
    return Interface(vertices, index_of, corners, neighbours, steps, degree, inward, kind, level, fixed, faces, cells)


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
def _mixed_corners(phase, corners):
    """Whether each corner sees more than one phase."""
    mixed = np.empty(len(corners), np.bool_)
    for v in nb.prange(len(corners)):
        mixed[v] = _sees_two(phase, corners[v, 0], corners[v, 1], corners[v, 2])
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


@nb.njit(cache=True, inline="always")
def _on_leaf_edge(level, at, axis):
    """Whether the cell edge from corner `at` along +axis lies on the edge of some leaf, and not inside a face only."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    cell = np.empty(3, np.int64)
    cell[axis] = at[axis]
    for du in range(2):
        for dv in range(2):
            cell[u], cell[v] = at[u] - du, at[v] - dv
            if cell[u] < 0 or cell[v] < 0 or cell[u] >= level.shape[u] or cell[v] >= level.shape[v]:
                continue
            if ((at[u] | at[v]) & ((1 << level[cell[0], cell[1], cell[2]]) - 1)) == 0:
                return True
    return False


@nb.njit(cache=True, inline="always")
def _smallest(level, i, j, k):
    nx, ny, nz = level.shape
    low = np.uint8(255)
    for a in range(max(i - 1, 0), min(i + 1, nx)):
        for b in range(max(j - 1, 0), min(j + 1, ny)):
            for c in range(max(k - 1, 0), min(k + 1, nz)):
                low = min(low, level[a, b, c])
    return low


@nb.njit(cache=True, inline="always")
def _inward(corner, shape, kind, other):
    """Neighbour of a curve's corner off its side of the box, see `Interface`."""
    inward = -1
    sides = 0
    for e in range(6):
        if corner[e // 2] == (0 if e % 2 else shape[e // 2]):
            sides += 1
            if kind[e] == 1:
                inward = other[e]
    return END if sides > 1 else inward


@nb.njit(cache=True, parallel=True)
def _find_neighbours(leaves, index_of, corners):
    phase, level, corner_of = leaves
    n = len(corners)
    neighbours = np.full((n, 6), -1, np.int32)
    steps = np.zeros((n, 6), np.uint8)
    degree = np.zeros(n, np.int32)
    inward = np.full(n, -1, np.int32)
    kinds = np.zeros(n, np.uint8)
    smallest = np.zeros(n, np.uint8)
    for v in nb.prange(n):
        kind = np.zeros(6, np.int32)
        other = np.full(6, -1, np.int32)
        step = np.zeros(6, np.uint8)
        low, end = np.empty(3, np.int64), np.empty(3, np.int64)
        smallest[v] = _smallest(level, corners[v, 0], corners[v, 1], corners[v, 2])
        for e in range(6):
            axis = e // 2
            way = 2 * (e % 2) - 1
            # the first cell edge on this way begins at its lower end
            low[0], low[1], low[2] = corners[v]
            low[axis] -= 1 - e % 2
            if low[axis] < 0 or low[axis] == phase.shape[axis] or not _on_leaf_edge(level, low, axis):
                continue
            kind[e] = _edge_kind(phase, low[0], low[1], low[2], axis)
            if kind[e] == 0:
                continue
            end[0], end[1], end[2] = corners[v]
            end[axis] += way
            length = 1
            while corner_of[end[0], end[1], end[2]] < 0:
                end[axis] += way
                length += 1
            while length > 1:
                length >>= 1
                step[e] += 1
            other[e] = index_of[corner_of[end[0], end[1], end[2]]]
        junctions = 0
        for e in range(6):
            if kind[e] == 2:
                junctions += 1
        d = 0
        for e in range(6):
            if kind[e] == 2 or (kind[e] == 1 and junctions == 0):
                neighbours[v, d] = other[e]
                steps[v, d] = step[e]
                d += 1
        degree[v] = d
        if junctions == 2:
            kinds[v] = 1
            inward[v] = _inward(corners[v], phase.shape, kind, other)
        elif junctions > 0:
            kinds[v] = 2
    return neighbours, steps, degree, inward, kinds, smallest
