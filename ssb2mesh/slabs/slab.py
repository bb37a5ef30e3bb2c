"""One slab of the mesh, between two planes whose bands are there. No files, no ranks, no numbers of other slabs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.connectivity import Tets, build_tets
from ssb2mesh.lattice.faces import BoxTriangles, box_triangles, choose_diagonals, cut_faces
from ssb2mesh.lattice.placing import Room, make_room
from ssb2mesh.lattice.regularise import regularise
from ssb2mesh.lattice.relax import Walls, relax
from ssb2mesh.lattice.swap import cuts_of, find_octahedra
from ssb2mesh.lattice.threads import FEW_CELLS, threads_for
from ssb2mesh.lattice.walls import WallFaces, displacements, make_wall_faces, volume_change
from ssb2mesh.slabs.components import slab_shares
from ssb2mesh.slabs.cuts import Cuts, apply_box_cuts, apply_cuts
from ssb2mesh.slabs.keep import SlabMesh, keep_own
from ssb2mesh.slabs.piece import Piece, make_piece
from ssb2mesh.slabs.plan import SlabPlan
from ssb2mesh.slabs.seams import Seam, cuts_in
from ssb2mesh.slabs.source import SlabSource
from ssb2mesh.stages import Stages

__all__ = ["make_slab"]


@dataclass(frozen=True)
class _Start:
    """Where the vertices of a slab's piece begin, which of them are held, and the cuts that go with it."""

    points: npt.NDArray[np.float64]
    held: npt.NDArray[np.bool_] | None
    cuts: tuple[Cuts, ...]


def make_slab(
    plan: SlabPlan, source: SlabSource, slab: int, *, seams: tuple[Seam | None, Seam | None], stages: Stages
) -> SlabMesh:
    """Make one slab of the mesh.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    source : SlabSource
        Its voxels.
    slab : int
        Which one, from 0.
    seams : two Seam or None
        Below and above it; None at the ends of the volume.
    stages : Stages
        Collects time.

    Returns
    -------
    SlabMesh
        Its own tets, vertices and triangles.

    Examples
    --------
    >>> make_slab(plan, source, 0, seams=(None, None), stages=Stages())  # doctest: +SKIP
    """
    low, high = plan.slab_crop(slab)
    with threads_for((high - low) * plan.layer, FEW_CELLS):
        return _made(plan, source, slab, seams=seams, stages=stages)


def _made(
    plan: SlabPlan, source: SlabSource, slab: int, *, seams: tuple[Seam | None, Seam | None], stages: Stages
) -> SlabMesh:
    with stages("cells"):
        piece = make_piece(plan, source, *plan.slab_crop(slab))
    begin = _start(piece, seams, (plan.planes[slab], plan.planes[slab + 1]))
    lattice, interface, options, scale = piece.lattice, piece.interface, plan.options, plan.scale
    with stages("regularise"):
        faces, wanted = _walls(piece, slab, begin)
        room = _room(piece, begin)
        target = interface.corners.astype(np.float64)
        if options.smoothing:
            target = regularise(interface, room, walls=faces, wanted_change=wanted, iterations=options.smoothing)
    with stages("connectivity"):
        tets, box, cut = _connect(piece, begin, target * scale)
    with stages("optimise"):
        if options.smoothing and len(target):
            walls = Walls(cut, room, faces, wanted, scale, begin.held)
            angles = (options.floor_deg, options.goal_deg)
            cut = relax(
                begin.points, tets, lattice=lattice, interface=interface, target=target, walls=walls, angles=angles
            )
    with stages("tags"):
        triangles, of = cut_faces(interface.faces, cut)
        return keep_own(piece, slab, begin.points, tets, box=box, walls=(triangles, of))


def _start(piece: Piece, seams: tuple[Seam | None, Seam | None], planes: tuple[int, int]) -> _Start:
    """Put the zones of both planes where they are."""
    plan, heights = piece.plan, piece.heights
    points = piece.lattice.points() * plan.scale
    if seams == (None, None):
        return _Start(points, None, ())
    held = np.zeros(len(points), np.bool_)
    cuts = []
    for seam, plane, sign in zip(seams, planes, (1, -1), strict=True):
        if seam is None:
            continue
        held |= sign * (heights - plane) <= plan.band
        vertices, found = cuts_in(piece, seam)
        there = vertices >= 0
        points[vertices[there]] += seam.moved[there]
        cuts.append(found)
    return _Start(points, held, tuple(cuts))


def _walls(piece: Piece, slab: int, begin: _Start) -> tuple[WallFaces, npt.NDArray[np.float64]]:
    """Faces between components that may move, and what these ought to gain by them.

    What faces in the bands have swept is settled: the others make up for it, over their own area.
    """
    interface = piece.interface
    shares = slab_shares(piece, slab)
    sides, wanted = shares.piece_of.ravel()[interface.cells], shares.wanted
    del shares
    if begin.held is None:
        return make_wall_faces(interface, sides, components=len(wanted)), wanted
    held = begin.held[interface.vertices]
    # a triangle has -1 for its fourth corner
    still = (held[interface.faces] | (interface.faces < 0)).all(axis=1)[:, None]
    others = np.int32(len(wanted) - 1)
    settled = make_wall_faces(interface, np.where(still, sides, others), components=len(wanted))
    here = begin.points[interface.vertices] / piece.plan.scale
    swept, _ = volume_change(settled, displacements(here, interface))
    moving = make_wall_faces(interface, np.where(still, others, sides), components=len(wanted))
    return moving, wanted - swept


def _room(piece: Piece, begin: _Start) -> Room:
    """Room of the interface corners: none for those that are held."""
    grid, interface = piece.grid, piece.interface
    room = make_room(interface, piece.lattice.phase, grid.phase, voxel=float(piece.plan.voxel_in_cells.max()))
    if begin.held is None:
        return room
    held = begin.held[interface.vertices][:, None]
    here = begin.points[interface.vertices] / piece.plan.scale
    return Room(*(np.where(held, here, part) for part in (room.start, room.low, room.high)))


def _connect(
    piece: Piece, begin: _Start, goal: npt.NDArray[np.float64]
) -> tuple[Tets, BoxTriangles, npt.NDArray[np.bool_]]:
    """Tets of the piece, triangles of its box, and how the squares of its interface are cut."""
    lattice, interface = piece.lattice, piece.interface
    cut = choose_diagonals(goal, interface.faces)
    moved = begin.points.copy()
    moved[interface.vertices] = goal
    box = box_triangles(lattice, moved)
    for cuts in begin.cuts:
        apply_box_cuts(box, cuts)
    tets = build_tets(lattice, interface, cut_other=cut, box=box)
    for cuts in begin.cuts:
        apply_cuts(tets, cuts)
    if begin.cuts:
        octahedra = find_octahedra(tets.corners, tets.inner)
        cut = cuts_of(tets.corners, tets.tags, octahedra=octahedra, interface=interface)
    return tets, box, cut
