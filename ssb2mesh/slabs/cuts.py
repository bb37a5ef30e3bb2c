"""How the faces near a plane are cut, said so that another piece of the lattice can cut them alike. No positions here.

A face between two leaves is named by their two centres, a face on the box by its leaf's centre and its side. Which
diagonal is taken is said by the corner of the face that comes first in the order of the lattice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.connectivity import Tets
from ssb2mesh.lattice.faces import BoxTriangles
from ssb2mesh.lattice.swap import find_octahedra, read_axes, set_axes

__all__ = ["Cuts", "apply_box_cuts", "apply_cuts", "read_cuts"]


@dataclass(frozen=True)
class Cuts:
    """Cuts of faces; vertices are those of one piece.

    Parameters
    ----------
    centres : (k, 2) int32 array
        Lower and upper centre of each octahedron (a face and its two centres).
    axes : (k,) int8 array
        0: its tets stand around the axis of the centres, 1: around the diagonal with the first corner, 2: the other.
    box_centres : (b,) int32 array
        Centre of each leaf with a square on the box.
    box_sides : (b,) int8 array
        Its side, index into `ssb2mesh.volume.BOX_SIDES`.
    box_first : (b,) bool array
        Whether the square is cut through its first corner.
    """

    centres: npt.NDArray[np.int32]
    axes: npt.NDArray[np.int8]
    box_centres: npt.NDArray[np.int32]
    box_sides: npt.NDArray[np.int8]
    box_first: npt.NDArray[np.bool_]


def read_cuts(tets: Tets, box: BoxTriangles, moves: npt.NDArray[np.bool_]) -> Cuts:
    """Return how the faces with a vertex that moves are cut, where that does not follow from the lattice alone.

    Parameters
    ----------
    tets : Tets
        All tets of a piece.
    box : BoxTriangles
        Of the same piece.
    moves : (n,) bool array
        Vertices that may have moved.

    Returns
    -------
    Cuts
        Octahedra around the axis of their centres, the rule within a phase, are left out.

    Examples
    --------
    >>> read_cuts(tets, box, moves).axes  # doctest: +SKIP
    """
    octahedra = find_octahedra(tets.corners, tets.inner)
    near = np.zeros(len(octahedra), np.bool_)
    for t in range(4):
        near |= moves[tets.corners[octahedra + t]].any(axis=1)
    octahedra = octahedra[near]
    centres, axes = read_axes(tets.corners, octahedra)
    told = axes > 0
    squares = _box_squares(box)
    squares = squares[(moves[box.corners[squares]] | moves[box.corners[squares + 1]]).any(axis=1)]
    first, cut = _shared(box.corners, squares)
    return Cuts(centres[told], axes[told], box.centres[squares], box.sides[squares].astype(np.int8), first == cut)


def apply_box_cuts(box: BoxTriangles, cuts: Cuts) -> None:
    """Cut squares on the box as given, in place.

    Parameters
    ----------
    box : BoxTriangles
        Of a piece.
    cuts : Cuts
        With vertices of the same piece; those that it has not are -1.

    Examples
    --------
    >>> apply_box_cuts(box, cuts)  # doctest: +SKIP
    """
    squares = _box_squares(box)
    given = _codes(cuts.box_centres, cuts.box_sides)
    order = np.argsort(given)
    wanted = _codes(box.centres[squares], box.sides[squares])
    place = np.minimum(np.searchsorted(given[order], wanted), max(len(given) - 1, 0))
    hit = given[order][place] == wanted if len(given) else np.zeros(len(squares), bool)
    squares, first = squares[hit], cuts.box_first[order][place[hit]]
    lowest, cut = _shared(box.corners, squares)
    turn = squares[(lowest == cut) != first]
    one, two = box.corners[turn], box.corners[turn + 1]
    # each triangle has one corner that the other has not: they swap one of the shared corners against it
    own = ~(one[:, :, None] == two[:, None, :]).any(axis=2)
    other = ~(two[:, :, None] == one[:, None, :]).any(axis=2)
    rows = np.arange(len(turn))
    a, b = own.argmax(axis=1), other.argmax(axis=1)
    p, q = one[rows, a], two[rows, b]
    one[rows, (a + 1) % 3] = q
    two[rows, (b + 1) % 3] = p
    box.corners[turn], box.corners[turn + 1] = one, two


def apply_cuts(tets: Tets, cuts: Cuts) -> None:
    """Cut octahedra as given, in place.

    Parameters
    ----------
    tets : Tets
        All tets of a piece.
    cuts : Cuts
        With vertices of the same piece; those that it has not are -1.

    Examples
    --------
    >>> apply_cuts(tets, cuts)  # doctest: +SKIP
    """
    there = (cuts.centres >= 0).all(axis=1)
    given = _codes(cuts.centres[there, 0], cuts.centres[there, 1])
    order = np.argsort(given)
    octahedra = find_octahedra(tets.corners, tets.inner)
    set_axes(tets.corners, octahedra, given[order], cuts.axes[there][order])


def _codes(first: npt.NDArray[np.integer], second: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    return first.astype(np.int64) << 32 | second.astype(np.int64)


def _box_squares(box: BoxTriangles) -> npt.NDArray[np.int64]:
    """First triangle of each face on the box that is a square without hanging vertices."""
    if not len(box.centres):
        return np.empty(0, np.int64)
    starts = np.ones(len(box.centres), np.bool_)
    starts[1:] = (box.centres[1:] != box.centres[:-1]) | (box.sides[1:] != box.sides[:-1])
    first = np.flatnonzero(starts)
    return first[np.diff(first, append=len(starts)) == 2]


def _shared(
    triangles: npt.NDArray[np.int32], squares: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """First corner of each square, and the first corner on its diagonal."""
    one, two = triangles[squares], triangles[squares + 1]
    both = (one[:, :, None] == two[:, None, :]).any(axis=2)
    cut = np.where(both, one, np.iinfo(np.int32).max).min(axis=1, initial=np.iinfo(np.int32).max)
    lowest = np.minimum(one, two).min(axis=1, initial=np.iinfo(np.int32).max)
    return lowest, cut
