"""Tets, their phases, and the triangles on interfaces and on the box. No positions are changed here.

Every face between two leaves of one phase, a square of the smaller leaf's size with its four corners and the hanging
vertices on its edges, gives tets around the axis of their centres (on an untouched uniform lattice that is the
body-centred cubic lattice); a face between two phases is a piece of interface, cut once into two triangles, with a tet
to either centre from each; a face on the box is cut once, with tets to its one leaf. The union is conforming for any
number of phases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.interface import Interface
from ssb2mesh.lattice.octree import Lattice

__all__ = ["BoxTriangles", "box_triangles", "build_tets", "choose_diagonals", "count_tets", "cut_squares"]


@dataclass(frozen=True)
class BoxTriangles:
    """Triangles of the leaves' faces on the box.

    Parameters
    ----------
    corners : (m, 3) int32 array
        Vertex indices, ordered so that the normal points out.
    centres : (m,) int32 array
        Vertex index of the leaf's centre.
    phases : (m,) int32 array
        Phase index of the leaf.
    sides : (m,) int32 array
        Index into `ssb2mesh.volume.BOX_SIDES`, ascending.
    """

    corners: npt.NDArray[np.int32]
    centres: npt.NDArray[np.int32]
    phases: npt.NDArray[np.int32]
    sides: npt.NDArray[np.int32]


def box_triangles(lattice: Lattice, points: npt.NDArray[np.float64]) -> BoxTriangles:
    """Cut the outer faces of all leaves, side by side in the order of `BOX_SIDES`.

    Parameters
    ----------
    lattice : Lattice
        Leaves and vertex numbers.
    points : (n, 3) float array
        Where the vertices will lie: a square is cut along its shorter diagonal, a face with hanging vertices is
        fanned from one of them, so that no triangle is flat.

    Returns
    -------
    BoxTriangles
        They cover the box once.
    """
    parts = [_box_side(lattice, points, side) for side in range(6)]
    corners, centres, phases, sides = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return BoxTriangles(corners, centres, phases, sides)


def _box_side(lattice: Lattice, points: npt.NDArray[np.float64], side: int) -> tuple[npt.NDArray[np.int32], ...]:
    axis, upper = divmod(side, 2)
    layer = np.moveaxis(lattice.level, axis, 0)[-1 if upper else 0]
    rest = (1 << layer.astype(np.int32)) - 1
    u, v = np.nonzero((np.arange(layer.shape[0])[:, None] & rest | np.arange(layer.shape[1])[None] & rest) == 0)
    anchors = np.empty((len(u), 3), np.int32)
    other = [e for e in range(3) if e != axis]
    anchors[:, other[0]], anchors[:, other[1]] = u, v
    size = rest[u, v] + 1
    anchors[:, axis] = lattice.shape[axis] - size if upper else 0
    triangles, count = _cut_box_faces(lattice.corner_of, points, anchors, size.astype(np.int64), axis, upper)
    where = tuple(anchors.T)
    return (
        triangles,
        np.repeat(lattice.centre_of[where], count),
        np.repeat(lattice.phase[where], count),
        np.full(len(triangles), side, np.int32),
    )


@nb.njit(cache=True)
def _ring(corner_of, anchor, axis, size, ring):
    """Vertices around the square that begins at lattice position `anchor`, counter-clockwise about +axis."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    at = np.array([anchor[0], anchor[1], anchor[2]])
    n = 0
    half = size // 2
    for edge in range(4):
        along = u if edge % 2 == 0 else v
        step = 1 if edge < 2 else -1
        ring[n] = corner_of[at[0], at[1], at[2]]
        n += 1
        if half:
            at[along] += step * half
            middle = corner_of[at[0], at[1], at[2]]
            at[along] -= step * half
            if middle >= 0:
                ring[n] = middle
                n += 1
        at[along] += step * size
    return n


@nb.njit(cache=True)
def _cut_box_faces(corner_of, points, anchors, size, axis, upper):
    triangles = np.empty((6 * len(anchors), 3), np.int32)
    count = np.empty(len(anchors), np.int64)
    ring = np.empty(8, np.int32)
    start = np.empty(3, np.int64)
    m = 0
    for f in range(len(anchors)):
        for e in range(3):
            start[e] = anchors[f, e]
        if upper:
            start[axis] += size[f]
        n = _ring(corner_of, start, axis, size[f], ring)
        apex = 0
        if n == 4:
            first = second = 0.0
            for e in range(3):
                first += (points[ring[0], e] - points[ring[2], e]) ** 2
                second += (points[ring[1], e] - points[ring[3], e]) ** 2
            apex = 1 if second < first * (1 - 1e-9) else 0
        else:
            # the first vertex that is not a corner of the square lies opposite to none of its neighbours
            u, v = (axis + 1) % 3, (axis + 2) % 3
            for r in range(n):
                before, after = ring[(r + n - 1) % n], ring[(r + 1) % n]
                du = abs(points[before, u] - points[after, u])
                dv = abs(points[before, v] - points[after, v])
                if min(du, dv) < 1e-9 * max(du, dv):
                    apex = r
                    break
        count[f] = n - 2
        for t in range(1, n - 1):
            a, b, c = ring[apex], ring[(apex + t) % n], ring[(apex + t + 1) % n]
            triangles[m, 0] = a
            triangles[m, 1] = b if upper else c
            triangles[m, 2] = c if upper else b
            m += 1
    return triangles[:m].copy(), count


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
    lattice: Lattice,
    interface: Interface,
    *,
    cut_other: npt.NDArray[np.bool_],
    box: BoxTriangles,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Build all tets of the lattice.

    Parameters
    ----------
    lattice : Lattice
        Leaves and vertex numbers.
    interface : Interface
        Of the same cells.
    cut_other : bool array
        How each interface square is cut, see `choose_diagonals`.
    box : BoxTriangles
        Of the same lattice.

    Returns
    -------
    tets : (m, 4) int32 array
        Vertex indices; positive volume on the untouched lattice.
    tags : (m,) int32 array
        Phase index of each tet.
    """
    shape = lattice.shape
    keep = np.ones(int(lattice.phase.max()) + 1, np.bool_)
    first = np.concatenate([[0], np.cumsum(_count_inner(lattice, keep))]).astype(np.int64)
    squares_per_slab = np.bincount(interface.cells[:, 0] // (shape[1] * shape[2]), minlength=shape[0])
    first_square = np.concatenate([[0], np.cumsum(squares_per_slab)]).astype(np.int64)
    n_inner = int(first[-1])
    tets = np.empty((n_inner + len(box.corners), 4), np.int32)
    tags = np.empty(n_inner + len(box.corners), np.int32)
    _walk(_leaves(lattice), keep, (first, first_square), cut_other, (tets, tags), write=True)
    tets[n_inner:, :3] = box.corners[:, [0, 2, 1]]
    tets[n_inner:, 3] = box.centres
    tags[n_inner:] = box.phases
    return tets, tags


def count_tets(lattice: Lattice, keep: npt.NDArray[np.bool_]) -> int:
    """Return how many tets some phases will have.

    Parameters
    ----------
    lattice : Lattice
        Leaves and vertex numbers.
    keep : (n_phases,) bool array
        Phases to count.

    Returns
    -------
    int
        Exact.
    """
    if not lattice.level.any():
        # each of a cell's six faces gives it two tets, or half of four
        return 12 * int(np.count_nonzero(keep[lattice.phase]))
    box = box_triangles(lattice, lattice.points())
    return int(_count_inner(lattice, keep).sum() + np.count_nonzero(keep[box.phases]))


@nb.njit(cache=True, inline="always")
def _neighbour(level, i, j, k, face):
    """Whether leaf (i, j, k) owns its face (the smaller leaf does, of equals the lower), and a cell beyond it."""
    nx, ny, nz = level.shape
    own = level[i, j, k]
    step = (1 << own) if face % 2 else -1
    a = i + (step if face < 2 else 0)
    b = j + (step if 2 <= face < 4 else 0)
    c = k + (step if face >= 4 else 0)
    if a < 0 or b < 0 or c < 0 or a >= nx or b >= ny or c >= nz:
        return False, a, b, c
    other = level[a, b, c]
    return other > own or (other == own and face % 2 == 1), a, b, c


@nb.njit(cache=True, inline="always")
def _put(tets, tags, n, corners, tag):
    tets[n, 0], tets[n, 1], tets[n, 2], tets[n, 3] = corners
    tags[n] = tag


def _count_inner(lattice: Lattice, keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Tets of the faces between leaves, by the slab along x in which their owner begins."""
    nothing = np.zeros(len(lattice.phase) + 1, np.int64)
    out = (np.empty((0, 4), np.int32), np.empty(0, np.int32))
    return _walk(_leaves(lattice), keep, (nothing, nothing), np.empty(0, np.bool_), out, write=False)


def _leaves(lattice: Lattice) -> tuple[npt.NDArray, ...]:
    return lattice.phase, lattice.level, lattice.corner_of, lattice.centre_of


@nb.njit(cache=True, parallel=True)
def _walk(leaves, keep, starts, cut_other, out, write):
    """Go over all faces between leaves; write their tets, or only count them per slab."""
    phase, level, corner_of, centre_of = leaves
    first, first_square = starts
    tets, tags = out
    nx, ny, nz = phase.shape
    counts = np.zeros(nx, np.int64)
    for i in nb.prange(nx):
        n = first[i]
        square = first_square[i]
        r = np.empty(8, np.int32)
        start = np.empty(3, np.int64)
        for j in range(ny):
            for k in range(nz):
                if centre_of[i, j, k] < 0:
                    continue
                here = phase[i, j, k]
                size = 1 << level[i, j, k]
                for face in range(6):
                    owns, a, b, c = _neighbour(level, i, j, k, face)
                    if not owns:
                        continue
                    axis = face // 2
                    start[0], start[1], start[2] = i, j, k
                    start[axis] += size * (face % 2)
                    m = _ring(corner_of, start, axis, size, r)
                    # the neighbour's leaf begins where the low bits of the cell are cleared
                    clear = ~((1 << level[a, b, c]) - 1)
                    below, above = centre_of[i, j, k], centre_of[a & clear, b & clear, c & clear]
                    if face % 2 == 0:
                        below, above = above, below
                    other = phase[a, b, c]
                    if other == here:
                        if keep[here] and write:
                            for e in range(m):
                                _put(tets, tags, n + e, (below, r[e], r[(e + 1) % m], above), here)
                        n += m * keep[here]
                        continue
                    if write:
                        # leaves of different phase are single cells, so the face points up: `here` is below
                        o = 1 if cut_other[square] else 0
                        square += 1
                        r0, r1, r2, r3 = r[o], r[o + 1], r[o + 2], r[(o + 3) % 4]
                        if keep[here]:
                            _put(tets, tags, n, (r0, r2, r1, below), here)
                            _put(tets, tags, n + 1, (r0, r3, r2, below), here)
                        if keep[other]:
                            at = n + 2 * keep[here]
                            _put(tets, tags, at, (r0, r1, r2, above), other)
                            _put(tets, tags, at + 1, (r0, r2, r3, above), other)
                    n += 2 * keep[here] + 2 * keep[other]
        counts[i] = n - first[i]
    return counts
