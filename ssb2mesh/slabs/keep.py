"""What of a piece belongs to one slab, and how it names the vertices of the slab below. No positions change here.

A tet belongs to the slab that its lowest vertex, where the lattice has it, lies in. Corners on the plane above a slab
and the centres of the first leaves beyond it are vertices of the slab below that plane; all others are of the slab they
lie in. So every slab names vertices of its own and of the one slab below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.connectivity import Tets
from ssb2mesh.lattice.faces import BoxTriangles
from ssb2mesh.lattice.tagging import interface_sets, side_sets
from ssb2mesh.slabs.piece import Piece
from ssb2mesh.volume import BOX_SIDES

__all__ = ["SlabMesh", "keep_own"]


@dataclass(frozen=True)
class SlabMesh:
    """One slab of a mesh.

    Parameters
    ----------
    points : (n, 3) float array
        Its own vertices, m.
    tets : (m, 4) int32 array
        Corners: its own vertices from 0; ``-1 - k`` is vertex ``k`` of those shared by the slab below.
    tags : (m,) int32 array
        Phase tags.
    sets : mapping of str to (k, 3) int32 array
        Triangles of interfaces and of phases on sides.
    wholes : mapping of str to (k, 2) int32 array
        Triangles of whole sides, in their order: phase index and row in the set of this phase on this side.
    shared : (s,) int32 array
        Own vertices that the slab above may name, in the order in which it counts them.
    below : (b, 3) float array
        Where the vertices shared by the slab below are, m.
    """

    points: npt.NDArray[np.float64]
    tets: npt.NDArray[np.int32]
    tags: npt.NDArray[np.int32]
    sets: Mapping[str, npt.NDArray[np.int32]]
    wholes: Mapping[str, npt.NDArray[np.int32]]
    shared: npt.NDArray[np.int32]
    below: npt.NDArray[np.float64]


def keep_own(
    piece: Piece,
    slab: int,
    points: npt.NDArray[np.float64],
    tets: Tets,
    *,
    box: BoxTriangles,
    walls: tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]],
) -> SlabMesh:
    """Return the part of a piece that belongs to its slab.

    Parameters
    ----------
    piece : Piece
        Cells and lattice.
    slab : int
        Which slab.
    points : (n, 3) float array
        All vertices, cells of the piece times the proportions of a cell.
    tets : Tets
        All tets.
    box : BoxTriangles
        Of the piece.
    walls : (t, 3) and (t,) int arrays
        Triangles of the interface, by its corners, and the face that each belongs to.

    Returns
    -------
    SlabMesh
        In the order of the piece.

    Examples
    --------
    >>> keep_own(piece, 0, points, tets, box=box, walls=walls)  # doctest: +SKIP
    """
    plan = piece.plan
    low, high = plan.planes[slab : slab + 2]
    keep = plan.keep
    meshed = keep[tets.tags]
    used = np.zeros(len(points), np.bool_)
    used[tets.corners if meshed.all() else tets.corners[meshed]] = True
    base = _base(piece)
    lowest = base[tets.corners].min(axis=1)
    mine = meshed & (lowest >= low) & (lowest < high)
    code, own, theirs = _name_vertices(piece, slab, used, base)
    corners, tags = tets.corners[mine], tets.tags[mine] + np.int32(1)
    height = base[box.centres]
    inside = (height >= low) & (height < high)
    box = BoxTriangles(box.corners[inside], box.centres[inside], box.phases[inside], box.sides[inside])
    sets = _own_walls(piece, (low, high), walls)
    sets |= {name: rows for name, rows in side_sets(piece.grid, box, keep).items() if "@" in name}
    named = {name: code[rows] for name, rows in sets.items()}
    shared = code[_at_plane(piece, high, used)] if slab < plan.slabs - 1 else code[:0]
    where, below = (_physical(piece, points[these], these) for these in (own, theirs))
    return SlabMesh(where, code[corners], tags, named, _wholes(box, keep), shared, below)


def _base(piece: Piece) -> npt.NDArray[np.int32]:
    """Layer of cells that each vertex lies in, or at the bottom of, in the whole volume."""
    level = piece.lattice.level[tuple(piece.lattice.anchors.T)].astype(np.int32)
    centres = piece.lattice.anchors[:, 2] + ((1 << level) >> 1)
    return np.concatenate([piece.lattice.corners[:, 2], centres]) + np.int32(piece.low)


def _at_plane(piece: Piece, plane: int, used: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Vertices that the slabs on both sides of a plane name, in the same order in the pieces of both."""
    begins = np.concatenate([piece.lattice.corners[:, 2], piece.lattice.anchors[:, 2]])
    return np.flatnonzero(used & (begins + piece.low == plane))


def _name_vertices(
    piece: Piece, slab: int, used: npt.NDArray[np.bool_], base: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Name of each vertex in the slab, the vertices that it owns, and those of the slab below that it may name."""
    plan, n = piece.plan, len(piece.lattice.corners)
    low, high = plan.planes[slab : slab + 2]
    mine = used & (base >= low) & (base < high)
    theirs = _at_plane(piece, low, used) if slab > 0 else np.empty(0, np.int64)
    mine[theirs] = False
    if slab < plan.slabs - 1:
        mine[_at_plane(piece, high, used)] = True
    else:
        mine[:n] |= used[:n] & (base[:n] == high)
    own = np.flatnonzero(mine)
    code = np.full(len(used), np.iinfo(np.int32).min, np.int32)
    code[own] = np.arange(len(own), dtype=np.int32)
    code[theirs] = -1 - np.arange(len(theirs), dtype=np.int32)
    return code, own, theirs


def _own_walls(
    piece: Piece, planes: tuple[int, int], walls: tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]
) -> dict[str, npt.NDArray[np.int32]]:
    """Triangles of the interfaces whose lower cells are between the planes, by name."""
    interface, lattice = piece.interface, piece.lattice
    triangles, of = walls
    layer = interface.cells[:, 0] % lattice.shape[2] + piece.low
    mine = ((layer >= planes[0]) & (layer < planes[1]))[of]
    pairs = lattice.phase.ravel()[interface.cells[of[mine]]]
    return interface_sets(piece.grid, (pairs, interface.vertices[triangles[mine]]), piece.plan.keep)


def _wholes(box: BoxTriangles, keep: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[np.int32]]:
    """For the triangles of each whole side, phase and row in the set of that phase."""
    out = {}
    for s, side in enumerate(BOX_SIDES):
        phases = box.phases[(box.sides == s) & keep[box.phases]]
        if not len(phases):
            continue
        row = np.empty(len(phases), np.int32)
        for p in np.unique(phases):
            row[phases == p] = np.arange(np.count_nonzero(phases == p))
        out[side] = np.column_stack([phases, row]).astype(np.int32)
    return out


def _physical(piece: Piece, points: npt.NDArray[np.float64], own: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Positions in m; corners on the box get the box's own numbers, so that its sides are flat to the last bit."""
    plan, corners = piece.plan, piece.lattice.corners
    box = plan.head.box
    points = points + np.array([0.0, 0.0, piece.low]) * plan.scale
    out = points * (plan.spacing / plan.scale) + box[0]
    at = corners[own[own < len(corners)]] + np.array([0, 0, piece.low], np.int32)
    for axis in range(3):
        out[: len(at), axis][at[:, axis] == 0] = box[0, axis]
        out[: len(at), axis][at[:, axis] == plan.cells[axis]] = box[1, axis]
    return out
