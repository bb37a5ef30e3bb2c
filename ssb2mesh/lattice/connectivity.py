"""Tets, their phases, and tagged triangles of the dual lattice. No positions are changed here.

Vertices: all lattice corners first, ``(i (ny+1) + j) (nz+1) + k``, then all cell centres. Every face between two cells
of one phase gives four tets around the axis of their centres (on an untouched grid that is the body-centred cubic
lattice); a face between two phases is a piece of interface, cut once into two triangles, with a tet to either centre
from each; a face on the box is cut once, with tets to its one cell. The union is conforming for any number of phases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.interface import Interface

__all__ = ["BoxSquares", "box_squares", "build_tets", "choose_diagonals", "cut_squares", "n_corners"]


@dataclass(frozen=True)
class BoxSquares:
    """Squares of the cells' faces on the box.

    Parameters
    ----------
    corners : (m, 4) int32 array
        Vertex indices, ordered so that the normal points out.
    cells : (m,) int32 array
        Flat cell index.
    sides : (m,) int32 array
        Index into `ssb2mesh.volume.BOX_SIDES`.
    """

    corners: npt.NDArray[np.int32]
    cells: npt.NDArray[np.int32]
    sides: npt.NDArray[np.int32]


def n_corners(shape: tuple[int, ...]) -> int:
    """Return the number of lattice corners of a grid of cells."""
    return int(np.prod([n + 1 for n in shape]))


def box_squares(shape: tuple[int, ...]) -> BoxSquares:
    """List the outer squares of a grid of cells, side by side in the order of `BOX_SIDES`.

    Parameters
    ----------
    shape : three int
        Number of cells along x, y, z.

    Returns
    -------
    BoxSquares
        ``2 (nx ny + ny nz + nz nx)`` squares.
    """
    stride = np.array([(shape[1] + 1) * (shape[2] + 1), shape[2] + 1, 1])
    cell_stride = np.array([shape[1] * shape[2], shape[2], 1])
    corners, cells, sides = [], [], []
    for side in range(6):
        axis, upper = divmod(side, 2)
        u, v = (axis + 1) % 3, (axis + 2) % 3
        grid = np.meshgrid(np.arange(shape[u]), np.arange(shape[v]), indexing="ij")
        base = grid[0].ravel() * stride[u] + grid[1].ravel() * stride[v] + (shape[axis] if upper else 0) * stride[axis]
        ring = np.stack([base, base + stride[u], base + stride[u] + stride[v], base + stride[v]], axis=1)
        corners.append(ring if upper else ring[:, [0, 3, 2, 1]])
        layer = (shape[axis] - 1 if upper else 0) * cell_stride[axis]
        cells.append(grid[0].ravel() * cell_stride[u] + grid[1].ravel() * cell_stride[v] + layer)
        sides.append(np.full(len(base), side))
    return BoxSquares(*(np.concatenate(a).astype(np.int32) for a in (corners, cells, sides)))


def choose_diagonals(points: npt.NDArray[np.float64], squares: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Say for each square whether to cut it from corner 1 to 3 (else from 0 to 2): the shorter diagonal.

    Parameters
    ----------
    points : (n, 3) float array
        Positions that the squares index.
    squares : (m, 4) int32 array
        Corner indices in ring order.

    Returns
    -------
    (m,) bool array
        Ties go to the diagonal 0-2.
    """
    return _second_is_shorter(points, squares)


@nb.njit(cache=True, parallel=True)
def _second_is_shorter(points, squares):
    out = np.empty(len(squares), np.bool_)
    for s in nb.prange(len(squares)):
        a, b, c, d = squares[s]
        first = second = 0.0
        for e in range(3):
            first += (points[a, e] - points[c, e]) ** 2
            second += (points[b, e] - points[d, e]) ** 2
        out[s] = second < first * (1 - 1e-9)
    return out


def cut_squares(squares: npt.NDArray[np.int32], other: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Cut squares into triangles, (2 m, 3), keeping their orientation; see `choose_diagonals`."""
    ring = np.where(other[:, None], squares[:, [1, 2, 3, 0]], squares)
    return np.ascontiguousarray(ring[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3))


def build_tets(
    phase: npt.NDArray[np.int32],
    interface: Interface,
    *,
    cut_other: npt.NDArray[np.bool_],
    box: BoxSquares,
    box_cut_other: npt.NDArray[np.bool_],
    keep: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Build all tets of the lattice.

    Parameters
    ----------
    phase : (nx, ny, nz) int32 array
        Phase index of each cell.
    interface : Interface
        Of the same grid.
    cut_other, box_cut_other : bool arrays
        How each interface square and each box square is cut, see `choose_diagonals`.
    box : BoxSquares
        Of the same grid.
    keep : (n_phases,) bool array
        Phases to mesh.

    Returns
    -------
    tets : (m, 4) int32 array
        Vertex indices; positive volume on the untouched lattice.
    tags : (m,) int32 array
        Phase index of each tet.
    """
    counts = _count_inner(phase, keep)
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    squares_per_slab = np.bincount(interface.cells[:, 0] // (phase.shape[1] * phase.shape[2]), minlength=phase.shape[0])
    first_square = np.concatenate([[0], np.cumsum(squares_per_slab)]).astype(np.int64)
    box_phase = phase.ravel()[box.cells]
    wanted = keep[box_phase]
    triangles = cut_squares(box.corners[wanted], box_cut_other[wanted])
    n_inner, n_box = int(first[-1]), len(triangles)
    tets = np.empty((n_inner + n_box, 4), np.int32)
    tags = np.empty(n_inner + n_box, np.int32)
    _fill_inner(phase, keep, first, first_square, cut_other, tets, tags)
    tets[n_inner:, :3] = triangles[:, [0, 2, 1]]
    tets[n_inner:, 3] = np.repeat(box.cells[wanted], 2) + n_corners(phase.shape)
    tags[n_inner:] = np.repeat(box_phase[wanted], 2)
    return tets, tags


@nb.njit(cache=True, parallel=True)
def _count_inner(phase, keep):
    nx, ny, nz = phase.shape
    counts = np.zeros(nx, np.int64)
    for i in nb.prange(nx):
        n = 0
        for j in range(ny):
            for k in range(nz):
                here = phase[i, j, k]
                own = keep[here]
                for axis in range(3):
                    a, b, c = i + (axis == 0), j + (axis == 1), k + (axis == 2)
                    if a < nx and b < ny and c < nz:
                        if phase[a, b, c] == here:
                            n += 4 * own
                        else:
                            n += 2 * own + 2 * keep[phase[a, b, c]]
        counts[i] = n
    return counts


@nb.njit(cache=True, inline="always")
def _put(tets, tags, n, corners, tag):
    tets[n, 0], tets[n, 1], tets[n, 2], tets[n, 3] = corners
    tags[n] = tag


@nb.njit(cache=True, parallel=True)
def _fill_inner(phase, keep, first, first_square, cut_other, tets, tags):
    nx, ny, nz = phase.shape
    sy = nz + 1
    sx = (ny + 1) * sy
    base = (nx + 1) * sx
    for i in nb.prange(nx):
        n = first[i]
        square = first_square[i]
        for j in range(ny):
            for k in range(nz):
                here = phase[i, j, k]
                corner = i * sx + j * sy + k
                below = base + (i * ny + j) * nz + k
                for axis in range(3):
                    if axis == 0:
                        if i + 1 == nx:
                            continue
                        other, above, r0, u, v = phase[i + 1, j, k], below + ny * nz, corner + sx, sy, 1
                    elif axis == 1:
                        if j + 1 == ny:
                            continue
                        other, above, r0, u, v = phase[i, j + 1, k], below + nz, corner + sy, 1, sx
                    else:
                        if k + 1 == nz:
                            continue
                        other, above, r0, u, v = phase[i, j, k + 1], below + 1, corner + 1, sx, sy
                    r1, r2, r3 = r0 + u, r0 + u + v, r0 + v
                    if other == here:
                        if keep[here]:
                            _put(tets, tags, n, (below, r0, r1, above), here)
                            _put(tets, tags, n + 1, (below, r1, r2, above), here)
                            _put(tets, tags, n + 2, (below, r2, r3, above), here)
                            _put(tets, tags, n + 3, (below, r3, r0, above), here)
                            n += 4
                        continue
                    if cut_other[square]:
                        r0, r1, r2, r3 = r1, r2, r3, r0
                    square += 1
                    if keep[here]:
                        _put(tets, tags, n, (r0, r2, r1, below), here)
                        _put(tets, tags, n + 1, (r0, r3, r2, below), here)
                        n += 2
                    if keep[other]:
                        _put(tets, tags, n, (r0, r1, r2, above), other)
                        _put(tets, tags, n + 1, (r0, r2, r3, above), other)
                        n += 2
