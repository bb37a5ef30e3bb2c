"""Faces between leaves, on interfaces and on the box, and how they are cut into triangles. No tets here.

A face is a square of the smaller leaf's size with its four corners and the vertices that hang on its edges, where still
smaller leaves touch it. The smaller leaf owns it, of equal ones the lower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.octree import Lattice

__all__ = ["BoxTriangles", "box_triangles", "choose_diagonals", "count_faces", "cut_faces", "list_faces"]


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
        Where the vertices will lie: a square is cut along its shorter diagonal, a face with hanging vertices so that
        the smallest angle is as large as can be.

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
    vertices = (lattice.corner_of, lattice.corners)
    triangles, count = _cut_box_faces(vertices, points, anchors, size.astype(np.int64), axis, upper)
    where = tuple(anchors.T)
    return (
        triangles,
        np.repeat(lattice.centre_of[where], count),
        np.repeat(lattice.phase[where], count),
        np.full(len(triangles), side, np.int32),
    )


@nb.njit(cache=True)
def _cut_box_faces(vertices, points, anchors, size, axis, upper):
    corner_of, corners = vertices
    triangles = np.empty((6 * len(anchors), 3), np.int32)
    count = np.empty(len(anchors), np.int64)
    ring = np.empty(8, np.int32)
    cut = np.empty((6, 3), np.int32)
    start = np.empty(3, np.int64)
    m = 0
    for f in range(len(anchors)):
        for e in range(3):
            start[e] = anchors[f, e]
        if upper:
            start[axis] += size[f]
        n = ring_of(corner_of, start, axis, size[f], ring)
        if n == 4:
            first = second = 0.0
            for e in range(3):
                first += (points[ring[0], e] - points[ring[2], e]) ** 2
                second += (points[ring[1], e] - points[ring[3], e]) ** 2
            a = 1 if second < first * (1 - 1e-9) else 0
            cut[0, 0], cut[0, 1], cut[0, 2] = ring[a], ring[a + 1], ring[a + 2]
            cut[1, 0], cut[1, 1], cut[1, 2] = ring[a], ring[a + 2], ring[(a + 3) % 4]
        else:
            cut_ring(corners, ring, n, cut)
        count[f] = n - 2
        for t in range(n - 2):
            triangles[m, 0] = cut[t, 0]
            triangles[m, 1] = cut[t, 1] if upper else cut[t, 2]
            triangles[m, 2] = cut[t, 2] if upper else cut[t, 1]
            m += 1
    return triangles[:m].copy(), count


@nb.njit(cache=True)
def ring_of(corner_of, anchor, axis, size, ring):  # noqa: ANN201
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
def _sharpest(corners, a, b, c):
    """Sine of the smallest angle of a triangle of lattice positions; 0 if it is flat."""
    lengths = np.empty(3)
    area = 0.0
    for e in range(3):
        f, g = (e + 1) % 3, (e + 2) % 3
        u1, v1 = corners[b, f] - corners[a, f], corners[b, g] - corners[a, g]
        u2, v2 = corners[c, f] - corners[a, f], corners[c, g] - corners[a, g]
        area += float(u1 * v2 - v1 * u2) ** 2
    for s, (p, q) in enumerate(((a, b), (b, c), (c, a))):
        lengths[s] = 0.0
        for e in range(3):
            lengths[s] += float(corners[p, e] - corners[q, e]) ** 2
    lengths.sort()
    return np.sqrt(area / (lengths[1] * lengths[2]))


@nb.njit(cache=True)
def cut_ring(corners, ring, n, cut):  # noqa: ANN201
    """Cut a ring of n lattice vertices into n - 2 triangles of the same sense with the largest smallest angle."""
    worst, total = np.zeros((8, 8)), np.zeros((8, 8))
    apex = np.zeros((8, 8), np.int64)
    for i in range(n - 1):
        worst[i, i + 1] = 2.0
    for span in range(2, n):
        for i in range(n - span):
            j = i + span
            worst[i, j] = -1.0
            for k in range(i + 1, j):
                q = _sharpest(corners, ring[i], ring[k], ring[j])
                low = min(q, min(worst[i, k], worst[k, j]))
                all_of_them = q + total[i, k] + total[k, j]
                better = low > worst[i, j] + 1e-9 or (low > worst[i, j] - 1e-9 and all_of_them > total[i, j] + 1e-9)
                if better:
                    worst[i, j], total[i, j], apex[i, j] = low, all_of_them, k
    stack = np.empty((8, 2), np.int64)
    stack[0, 0], stack[0, 1] = 0, n - 1
    depth, m = 1, 0
    while depth:
        depth -= 1
        i, j = stack[depth]
        if j - i < 2:
            continue
        k = apex[i, j]
        cut[m, 0], cut[m, 1], cut[m, 2] = ring[i], ring[k], ring[j]
        m += 1
        stack[depth, 0], stack[depth, 1] = i, k
        stack[depth + 1, 0], stack[depth + 1, 1] = k, j
        depth += 2


@nb.njit(cache=True, inline="always")
def neighbour(level, i, j, k, face):  # noqa: ANN201
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


def count_faces(lattice: Lattice) -> npt.NDArray[np.int64]:
    """Count the pieces of interface by the slab along x in which the leaf that owns them begins.

    Parameters
    ----------
    lattice : Lattice
        Leaves and vertex numbers.

    Returns
    -------
    (nx,) int64 array
        Squares, and triangles of faces with hanging vertices.
    """
    nothing = np.zeros(len(lattice.phase) + 1, np.int64)
    out = np.empty((0, 4), np.int32), np.empty((0, 2), np.int32)
    leaves = (lattice.phase, lattice.level, lattice.centre_of)
    return _faces_loop(leaves, (lattice.corner_of, lattice.corners), nothing, out, write=False)


def list_faces(lattice: Lattice) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """List the pieces of interface in the order of the leaves that own them.

    Parameters
    ----------
    lattice : Lattice
        Leaves and vertex numbers.

    Returns
    -------
    faces : (m, 4) int32 array
        Vertices of each square, or of a triangle and -1; counter-clockwise about the positive axis.
    cells : (m, 2) int32 array
        Flat indices of the cells in which the leaves below and above begin.
    """
    first = np.concatenate([[0], np.cumsum(count_faces(lattice))]).astype(np.int64)
    out = np.empty((first[-1], 4), np.int32), np.empty((first[-1], 2), np.int32)
    leaves = (lattice.phase, lattice.level, lattice.centre_of)
    _faces_loop(leaves, (lattice.corner_of, lattice.corners), first, out, write=True)
    return out


@nb.njit(cache=True, parallel=True)
def _faces_loop(leaves, vertices, first, out, write):
    phase, level, centre_of = leaves
    corner_of, corners = vertices
    faces, cells = out
    nx, ny, nz = phase.shape
    counts = np.zeros(nx, np.int64)
    for i in nb.prange(nx):
        n = first[i]
        ring = np.empty(8, np.int32)
        cut = np.empty((6, 3), np.int32)
        start = np.empty(3, np.int64)
        for j in range(ny):
            for k in range(nz):
                if centre_of[i, j, k] < 0:
                    continue
                size = 1 << level[i, j, k]
                for face in range(6):
                    owns, a, b, c = neighbour(level, i, j, k, face)
                    if not owns or phase[a, b, c] == phase[i, j, k]:
                        continue
                    axis = face // 2
                    start[0], start[1], start[2] = i, j, k
                    start[axis] += size * (face % 2)
                    m = ring_of(corner_of, start, axis, size, ring)
                    rows = 1 if m == 4 else m - 2
                    if write:
                        clear = ~((1 << level[a, b, c]) - 1)
                        below = (i * ny + j) * nz + k
                        above = ((a & clear) * ny + (b & clear)) * nz + (c & clear)
                        if face % 2 == 0:
                            below, above = above, below
                        if m > 4:
                            cut_ring(corners, ring, m, cut)
                        for r in range(rows):
                            for e in range(3):
                                faces[n + r, e] = ring[e] if m == 4 else cut[r, e]
                            faces[n + r, 3] = ring[3] if m == 4 else -1
                            cells[n + r, 0], cells[n + r, 1] = below, above
                    n += rows
        counts[i] = n - first[i]
    return counts


def choose_diagonals(points: npt.NDArray[np.float64], faces: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Say for each square whether to cut it from corner 1 to 3 (else from 0 to 2): the shorter diagonal.

    Parameters
    ----------
    points : (n, 3) float array
        Positions that the faces index.
    faces : (m, 4) int32 array
        Corner indices in ring order, the last -1 for triangles.

    Returns
    -------
    (m,) bool array
        Ties go to the diagonal 0-2; False for triangles.
    """
    return _second_is_shorter(points, faces)


@nb.njit(cache=True, parallel=True)
def _second_is_shorter(points, faces):
    out = np.empty(len(faces), np.bool_)
    for s in nb.prange(len(faces)):
        a, b, c, d = faces[s]
        if d < 0:
            out[s] = False
            continue
        first = second = 0.0
        for e in range(3):
            first += (points[a, e] - points[c, e]) ** 2
            second += (points[b, e] - points[d, e]) ** 2
        out[s] = second < first * (1 - 1e-9)
    return out


def cut_faces(
    faces: npt.NDArray[np.int32], other: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Cut squares into triangles, keeping their orientation.

    Parameters
    ----------
    faces : (m, 4) int32 array
        Squares, and triangles with -1 as last index.
    other : (m,) bool array
        See `choose_diagonals`.

    Returns
    -------
    triangles : (t, 3) int32 array
        In the order of the faces.
    of : (t,) int array
        Face of each triangle.
    """
    ring = np.where(other[:, None], faces[:, [1, 2, 3, 0]], faces)
    triangles = ring[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    of = np.repeat(np.arange(len(faces)), 2)
    kept = triangles[:, 2] >= 0
    if not kept.all():
        triangles, of = triangles[kept], of[kept]
    return np.ascontiguousarray(triangles), of
