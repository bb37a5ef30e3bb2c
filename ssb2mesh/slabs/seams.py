"""The bands of vertices around the planes between slabs, placed before the slabs are made. No files, no ranks.

The surface is smoothed on a crop around the plane. Then the vertices of the plane's zone are moved with all others held
where the lattice has them, so that what lies beyond the zone fits, whatever is made of it later. The slabs begin with
the zone as it is then, and hold the band, its middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.connectivity import Tets, build_tets
from ssb2mesh.lattice.faces import BoxTriangles, box_triangles, choose_diagonals
from ssb2mesh.lattice.placing import Room, make_room
from ssb2mesh.lattice.regularise import regularise
from ssb2mesh.lattice.relax import Walls, relax
from ssb2mesh.lattice.threads import FEW_CELLS, threads_for
from ssb2mesh.lattice.walls import displacements, make_wall_faces, volume_change
from ssb2mesh.slabs.components import seam_shares
from ssb2mesh.slabs.cuts import Cuts, read_cuts
from ssb2mesh.slabs.piece import Piece, Places, find_vertices, make_piece, places_of
from ssb2mesh.slabs.plan import SlabPlan
from ssb2mesh.slabs.source import SlabSource

__all__ = ["Seam", "cuts_in", "make_seam"]


@dataclass(frozen=True)
class Seam:
    """What has been decided around a plane.

    Parameters
    ----------
    places : Places
        Vertices that are not where the lattice has them, or that `cuts` names, in the whole volume.
    moved : (k, 3) float array
        Where they are, less where the lattice has them, in cells times the proportions of a cell.
    cuts : Cuts
        Cuts of faces; vertices count within `places`.
    """

    places: Places
    moved: npt.NDArray[np.float64]
    cuts: Cuts

    @property
    def nbytes(self) -> int:
        """Size of all arrays."""
        arrays = (*vars(self.places).values(), *vars(self.cuts).values(), self.moved)
        return int(sum(array.nbytes for array in arrays))


def make_seam(plan: SlabPlan, source: SlabSource, seam: int) -> Seam:
    """Place the vertices around a plane.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    source : SlabSource
        Its voxels.
    seam : int
        Which plane, 1 to ``plan.slabs - 1``.

    Returns
    -------
    Seam
        The same whoever makes it.

    Examples
    --------
    >>> make_seam(plan, source, 1)  # doctest: +SKIP
    """
    low, high = plan.seam_crop(seam)
    with threads_for((high - low) * plan.layer, FEW_CELLS):
        return _made(plan, source, seam)


def _made(plan: SlabPlan, source: SlabSource, seam: int) -> Seam:
    piece = make_piece(plan, source, *plan.seam_crop(seam))
    still = piece.lattice.points() * plan.scale
    points = still.copy()
    moves = np.abs(piece.heights - plan.planes[seam]) < plan.zone
    tets, box = _move(piece, seam, points, moves)
    return _record(piece, points - still, read_cuts(tets, box, moves))


def _move(
    piece: Piece, seam: int, points: npt.NDArray[np.float64], moves: npt.NDArray[np.bool_]
) -> tuple[Tets, BoxTriangles]:
    """Move the vertices of the zone in place; return the mesh of the piece."""
    grid, lattice, interface, options = piece.grid, piece.lattice, piece.interface, piece.plan.options
    scale = piece.plan.scale
    shares = seam_shares(piece, seam)
    sides, wanted, in_band = shares.piece_of.ravel()[interface.cells], shares.wanted, shares.in_band
    del shares
    room = make_room(interface, lattice.phase, grid.phase, voxel=float(piece.plan.voxel_in_cells.max()))
    goal = interface.corners.astype(np.float64)
    free = moves[interface.vertices]
    if options.smoothing:
        everywhere = make_wall_faces(interface, sides, components=len(wanted))
        smooth = regularise(interface, room, walls=everywhere, wanted_change=wanted, iterations=options.smoothing)
        goal[free] = smooth[free]
    cut = choose_diagonals(goal * scale, interface.faces)
    moved = points.copy()
    moved[interface.vertices] = goal * scale
    box = box_triangles(lattice, moved)
    tets = build_tets(lattice, interface, cut_other=cut, box=box)
    if options.smoothing and free.any():
        # pieces in the band are to have their volume, the rest of the zone keeps what the smooth surface gives it
        near = (free[interface.faces] & (interface.faces >= 0)).any(axis=1)[:, None]
        faces = make_wall_faces(interface, np.where(near, sides, np.int32(len(wanted) - 1)), components=len(wanted))
        kept, _ = volume_change(faces, displacements(goal, interface), cut)
        kept[in_band] = wanted[in_band]
        kept[-1] = np.nan
        low, high = (np.where(free[:, None], limit, interface.corners) for limit in (room.low, room.high))
        walls = Walls(cut, Room(goal, low, high), faces, kept, scale, ~moves)
        angles = (options.floor_deg, options.goal_deg)
        relax(points, tets, lattice=lattice, interface=interface, target=goal, walls=walls, angles=angles)
    return tets, box


def _record(piece: Piece, moved: npt.NDArray[np.float64], cuts: Cuts) -> Seam:
    """What moved and what was cut, with the vertices needed for it only."""
    needed = (moved != 0).any(axis=1)
    needed[cuts.centres.ravel()] = True
    needed[cuts.box_centres] = True
    vertices = np.flatnonzero(needed)
    index = (np.cumsum(needed) - 1).astype(np.int32)
    within = Cuts(index[cuts.centres], cuts.axes, index[cuts.box_centres], cuts.box_sides, cuts.box_first)
    return Seam(places_of(piece, vertices), moved[vertices], within)


def cuts_in(piece: Piece, seam: Seam) -> tuple[npt.NDArray[np.int32], Cuts]:
    """Return the vertices of a piece that a seam names, and its cuts with them; -1 where the piece has none.

    Parameters
    ----------
    piece : Piece
        Another piece that the seam reaches into.
    seam : Seam
        The seam.

    Returns
    -------
    vertices : (k,) int32 array
        One for each row of ``seam.moved``.
    cuts : Cuts
        The cuts.

    Examples
    --------
    >>> cuts_in(piece, seam)  # doctest: +SKIP
    """
    found = find_vertices(piece, seam.places)
    cuts = seam.cuts
    return found, Cuts(found[cuts.centres], cuts.axes, found[cuts.box_centres], cuts.box_sides, cuts.box_first)
