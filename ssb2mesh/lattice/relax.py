"""The schedule of the optimiser: which vertices move when, towards what. The moves themselves are in `optimise`.

1. Interface vertices go to their smooth targets in a few strides; between strides the cell centres and corners beside
   them give way, so that the next stride is not blocked.
2. Faces of tets that are still bad are re-cut.
3. Stars still below the goal are improved, interface vertices sliding along their surface or junction curve; those
   that could not reach their target go on along its normal.
4. What volume the components have lost by blocked or sliding vertices is given back along the normals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.connectivity import Tets, build_tets
from ssb2mesh.lattice.faces import box_triangles
from ssb2mesh.lattice.interface import CURVE, SURFACE, Interface, find_interface
from ssb2mesh.lattice.movable import collect_movable
from ssb2mesh.lattice.octree import Lattice, make_lattice
from ssb2mesh.lattice.optimise import FREE, HELD, TANGENT_LINE, TANGENT_PLANE, Movable, advance, improve
from ssb2mesh.lattice.placing import Room
from ssb2mesh.lattice.regularise import component_volume_change, wall_push
from ssb2mesh.lattice.stars import ACUTE, build_stars, shapes
from ssb2mesh.lattice.swap import cuts_of, find_octahedra, swap_axes

__all__ = ["relax"]

#: Part of the remaining way to the target that interface vertices go in each stride.
STRIDES = (0.7, 1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Walls:
    """What the volume correction needs to know of the interface.

    Parameters
    ----------
    cut_other : (m,) bool array
        How each square is cut.
    room : Room
        How far the corners may go.
    sides : (m, 2) int32 array
        Components below and above each face.
    wanted_change : (n_components,) float array
        Volume that each component should gain over its leaves, in cells.
    scale : (3,) float array
        Proportions of a cell: points are in cells times this.
    """

    cut_other: npt.NDArray[np.bool_]
    room: Room
    sides: npt.NDArray[np.int32]
    wanted_change: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]


#: Shape below which the face of a bad tet is re-cut.
RECUT = 0.5
#: Rounds of giving back volume: how much of what is missing is asked for.
GAINS = (2.6, 1.1, 0.8)


def relax(
    points: npt.NDArray[np.float64],
    tets: Tets,
    *,
    lattice: Lattice,
    interface: Interface,
    target: npt.NDArray[np.float64],
    walls: Walls,
    angles: tuple[float, float],
) -> npt.NDArray[np.bool_]:
    """Move the lattice to its targets and re-cut its bad faces, in place.

    Parameters
    ----------
    points : (n, 3) float array
        All vertices in cells times ``walls.scale``; changed in place.
    tets : Tets
        All tets; re-cut in place.
    lattice : Lattice
        Leaves and vertex numbers.
    interface : Interface
        Of the same cells.
    target : (k, 3) float array
        Where the interface corners should go, in cells.
    walls : Walls
        For the volume correction.
    angles : two float
        Floor and goal of the dihedral angles, degrees.

    Returns
    -------
    (m,) bool array
        How each square of the interface is cut now.
    """
    movable = collect_movable(points, tets.corners, lattice=lattice, interface=interface)
    floor, goal = (ACUTE * np.sin(np.radians(a)) for a in angles)
    own = _lattice_shape(walls.scale)
    floor, goal = min(floor, 0.55 * own), min(goal, 0.75 * own)
    slots, order = _sorted_slots(movable.slot[interface.vertices])
    inner = np.setdiff1d(np.arange(len(movable.vertices), dtype=np.int32), slots, assume_unique=True)
    goals = target[order] * walls.scale
    for share in STRIDES:
        far = ((points[movable.vertices[slots]] - goals) ** 2).sum(axis=1) > 1e-8
        advance(movable, slots[far], target=goals[far], floor=floor, share=share)
        _make_way(movable, inner, goal)
    octahedra = find_octahedra(tets.corners, tets.inner)
    movable = _recut(movable, tets.tags, octahedra)
    walls = replace(walls, cut_other=cuts_of(tets.corners, tets.tags, octahedra=octahedra, interface=interface))
    normal = _normals(target * walls.scale, interface, walls)[order]
    surface = interface.kind[order] == SURFACE
    _slide(movable, slots, order, interface=interface, walls=walls, goal=goal)
    # what could not reach its target may still reach the surface
    here = points[movable.vertices[slots]]
    off = ((goals - here) * normal).sum(axis=1)
    far = surface & (np.abs(off) > 1e-3)
    advance(movable, slots[far], target=(here + off[:, None] * normal)[far], floor=floor)
    _make_way(movable, inner, goal)
    _give_back_volume(movable, (slots, order, inner), interface=interface, walls=walls, angles=(floor, goal))
    return walls.cut_other


def _recut(movable: Movable, tags: npt.NDArray[np.int32], octahedra: npt.NDArray[np.int32]) -> Movable:
    """Re-cut bad octahedra; stars change with them."""
    if not swap_axes(movable.points, movable.tets, tags, movable.shape, octahedra, RECUT):
        return movable
    first, stars = build_stars(movable.tets, movable.slot, len(movable.vertices))
    return replace(movable, first=first, stars=stars)


def _normals(points: npt.NDArray[np.float64], interface: Interface, walls: Walls) -> npt.NDArray[np.float64]:
    """Unit normals of the interface; only their direction is meant, not their sense."""
    # any number that differs from component to component orients all faces at a two-phase corner alike
    numbers = np.arange(len(walls.wanted_change), dtype=float)
    normal = wall_push(points, interface.faces, walls.sides, numbers)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)


def _lattice_shape(scale: npt.NDArray[np.float64]) -> float:
    """Worst shape in an untouched lattice of such cells: what anisotropic voxels leave to work with."""
    one = make_lattice(np.zeros((2, 2, 2), np.int32))
    points = one.points() * scale
    nothing = find_interface(one)
    box = box_triangles(one, points)
    tets = build_tets(one, nothing, cut_other=np.empty(0, bool), box=box)
    return float(shapes(points, tets.corners).min())


def _sorted_slots(slots: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    order = np.argsort(slots, kind="stable")
    return np.ascontiguousarray(slots[order]), order


def _make_way(movable: Movable, inner: npt.NDArray[np.int32], goal: float) -> None:
    """Improve the stars of vertices off the interface."""
    how = np.full(len(inner), FREE, np.uint8)
    improve(movable, inner, goal=goal, how=how, direction=np.zeros((len(inner), 3)), tries=2)


def _slide(
    movable: Movable,
    slots: npt.NDArray[np.int32],
    order: npt.NDArray[np.int64],
    *,
    interface: Interface,
    walls: Walls,
    goal: float,
) -> None:
    """Improve bad stars by moving every vertex, those of the interface along their surface or curve only."""
    where = movable.vertices[slots]
    here = np.empty((len(slots), 3))
    here[order] = movable.points[where]
    normal = _normals(here, interface, walls)
    ends = here[interface.neighbours[:, 0]] - here[interface.neighbours[:, 1]]
    size = np.linalg.norm(ends, axis=1, keepdims=True)
    curve = (interface.kind == CURVE) & (size[:, 0] > 1e-9)
    direction = np.where(curve[:, None], ends / np.maximum(size, 1e-9), normal)
    how = np.where(interface.kind == SURFACE, TANGENT_PLANE, np.where(curve, TANGENT_LINE, HELD)).astype(np.uint8)
    how_all = np.full(len(movable.vertices), FREE, np.uint8)
    how_all[slots] = how[order]
    direction_all = np.zeros((len(movable.vertices), 3))
    direction_all[slots] = direction[order]
    everything = np.arange(len(movable.vertices), dtype=np.int32)
    for _ in range(2):
        improve(movable, everything, goal=goal, how=how_all, direction=direction_all)


def _give_back_volume(
    movable: Movable,
    where: tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int32]],
    *,
    interface: Interface,
    walls: Walls,
    angles: tuple[float, float],
) -> None:
    """Offset the walls of components that have not their volume, as far as the floor lets them.

    A wall between two components moves by half the sum of both pressures, and some of its vertices are blocked: at
    first more is asked for than is missing, at last less, so that the walls come to rest.
    """
    slots, order, inner = where
    floor, quality = angles
    start, wanted = interface.corners, walls.wanted_change
    here = np.empty(start.shape)
    for gain in GAINS:
        here[order] = movable.points[movable.vertices[slots]] / walls.scale
        change, area = component_volume_change(here, start, interface.faces, walls.cut_other, walls.sides, len(wanted))
        push = wall_push(here, interface.faces, walls.sides, gain * (wanted - change) / np.maximum(area, 1e-12))
        goal = np.clip(here + push, walls.room.low, walls.room.high)
        advance(movable, slots, target=goal[order] * walls.scale, floor=floor)
        _make_way(movable, inner, quality)
