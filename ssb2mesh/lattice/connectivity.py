"""Tets and their phases. No positions are changed here.

Every face between two leaves of one phase gives tets around the axis of their centres (on an untouched uniform lattice
that is the body-centred cubic lattice); a face between two phases is a piece of interface, cut once into triangles,
with a tet to either centre from each; a face on the box is cut once, with tets to its one leaf. The union is conforming
for any number of phases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.faces import BoxTriangles, box_triangles, count_faces, neighbour, ring_of
from ssb2mesh.lattice.interface import Interface
from ssb2mesh.lattice.octree import Lattice

__all__ = ["Tets", "build_tets", "count_tets"]


@dataclass(frozen=True)
class Tets:
    """The tets of a lattice.

    Parameters
    ----------
    corners : (m, 4) int32 array
        Vertex indices; positive volume on the untouched lattice. Those of a face between leaves follow each other.
    tags : (m,) int32 array
        Phase index of each tet.
    inner : int
        How many belong to faces between leaves: the first ones; the others have a side on the box.
    """

    corners: npt.NDArray[np.int32]
    tags: npt.NDArray[np.int32]
    inner: int


def build_tets(
    lattice: Lattice,
    interface: Interface,
    *,
    cut_other: npt.NDArray[np.bool_],
    box: BoxTriangles,
) -> Tets:
    """Build all tets of the lattice.

    Parameters
    ----------
    lattice : Lattice
        Leaves and vertex numbers.
    interface : Interface
        Of the same cells.
    cut_other : bool array
        How each interface square is cut, see `ssb2mesh.lattice.faces.choose_diagonals`.
    box : BoxTriangles
        Of the same lattice.

    Returns
    -------
    Tets
        Face by face.
    """
    keep = np.ones(int(lattice.phase.max()) + 1, np.bool_)
    first = np.concatenate([[0], np.cumsum(_count_inner(lattice, keep))]).astype(np.int64)
    first_face = np.concatenate([[0], np.cumsum(count_faces(lattice))]).astype(np.int64)
    n_inner = int(first[-1])
    tets = np.empty((n_inner + len(box.corners), 4), np.int32)
    tags = np.empty(n_inner + len(box.corners), np.int32)
    walls = (interface.faces, interface.vertices, cut_other)
    _walk(_leaves(lattice), keep, (first, first_face), walls, (tets, tags), write=True)
    tets[n_inner:, :3] = box.corners[:, [0, 2, 1]]
    tets[n_inner:, 3] = box.centres
    tags[n_inner:] = box.phases
    return Tets(tets, tags, n_inner)


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
def _put(tets, tags, n, corners, tag):
    tets[n, 0], tets[n, 1], tets[n, 2], tets[n, 3] = corners
    tags[n] = tag


def _count_inner(lattice: Lattice, keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Tets of the faces between leaves, by the slab along x in which their owner begins."""
    nothing = np.zeros(len(lattice.phase) + 1, np.int64)
    out = (np.empty((0, 4), np.int32), np.empty(0, np.int32))
    walls = (out[0], out[1], np.empty(0, np.bool_))
    return _walk(_leaves(lattice), keep, (nothing, nothing), walls, out, write=False)


def _leaves(lattice: Lattice) -> tuple[npt.NDArray, ...]:
    return lattice.phase, lattice.level, lattice.corner_of, lattice.centre_of


@nb.njit(cache=True, parallel=True)
def _walk(leaves, keep, starts, walls, out, write):
    """Go over all faces between leaves; write their tets, or only count them per slab."""
    phase, level, corner_of, centre_of = leaves
    first, first_face = starts
    tets, tags = out
    nx, ny, nz = phase.shape
    counts = np.zeros(nx, np.int64)
    for i in nb.prange(nx):
        n = first[i]
        row = first_face[i]
        r = np.empty(8, np.int32)
        start = np.empty(3, np.int64)
        for j in range(ny):
            for k in range(nz):
                if centre_of[i, j, k] < 0:
                    continue
                here = phase[i, j, k]
                size = 1 << level[i, j, k]
                for face in range(6):
                    owns, a, b, c = neighbour(level, i, j, k, face)
                    if not owns:
                        continue
                    axis = face // 2
                    start[0], start[1], start[2] = i, j, k
                    start[axis] += size * (face % 2)
                    m = ring_of(corner_of, start, axis, size, r)
                    # the neighbour's leaf begins where the low bits of the cell are cleared
                    clear = ~((1 << level[a, b, c]) - 1)
                    below, above = centre_of[i, j, k], centre_of[a & clear, b & clear, c & clear]
                    low, high = here, phase[a, b, c]
                    if face % 2 == 0:
                        below, above = above, below
                        low, high = high, low
                    if low == high:
                        if keep[here] and write:
                            for e in range(m):
                                _put(tets, tags, n + e, (below, r[e], r[(e + 1) % m], above), here)
                        n += m * keep[here]
                        continue
                    if write:
                        _wall(walls, r, row, m, (tets, tags, n), (below, above), (low, high, keep[low], keep[high]))
                    row += 1 if m == 4 else m - 2
                    n += (m - 2) * (keep[low] + keep[high])
        counts[i] = n - first[i]
    return counts


@nb.njit(cache=True)
def _wall(walls, r, row, m, out, centres, phases):
    """Write the tets on the two sides of a piece of interface."""
    faces, vertices, cut_other = walls
    tets, tags, n = out
    low, high, keep_low, keep_high = phases
    for t in range(m - 2):
        if m == 4:
            o = 1 if cut_other[row] else 0
            a, b, c = r[o], r[o + 1 + t], r[(o + 2 + t) % 4]
        else:
            a, b, c = vertices[faces[row + t, 0]], vertices[faces[row + t, 1]], vertices[faces[row + t, 2]]
        if keep_low:
            _put(tets, tags, n, (a, c, b, centres[0]), low)
            n += 1
        if keep_high:
            _put(tets, tags, n, (a, b, c, centres[1]), high)
            n += 1
