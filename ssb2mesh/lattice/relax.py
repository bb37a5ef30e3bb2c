"""The schedule of the optimiser: which vertices move when, towards what. The moves themselves are in `optimise`.

1. Interface vertices go to their smooth targets in a few strides; between strides the cell centres and corners in bad
   tets beside blocked ones give way.
2. Faces of tets that are still bad are re-cut.
3. Stars still below the goal are improved, interface vertices sliding along their surface or junction curve; those
   that could not reach their target go on along its normal.
4. What volume the components have lost by blocked or sliding vertices is given back along the normals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.connectivity import Tets, build_tets
from ssb2mesh.lattice.faces import box_triangles
from ssb2mesh.lattice.interface import CURVE, SURFACE, Interface, find_interface
from ssb2mesh.lattice.movable import collect_movable
from ssb2mesh.lattice.octree import Lattice, make_lattice
from ssb2mesh.lattice.optimise import HELD, NEAR, TANGENT_LINE, TANGENT_PLANE, Movable, advance, improve
from ssb2mesh.lattice.placing import Room
from ssb2mesh.lattice.pressures import answered, find_pairs, solve_pressures, swept_by_pairs
from ssb2mesh.lattice.stars import ACUTE, build_stars, shapes
from ssb2mesh.lattice.swap import cuts_of, find_octahedra, swap_axes
from ssb2mesh.lattice.walls import WallFaces, displacements, missing_volume, push_walls, wall_push

__all__ = ["relax"]

#: Part of the remaining way to the target that interface vertices go in each stride.
STRIDES = (0.7, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Walls:
    """What the volume correction needs to know of the interface, and what may not move.

    Parameters
    ----------
    cut_other : (m,) bool array
        How each square is cut.
    room : Room
        How far the corners may go.
    faces : WallFaces
        The squares, and the components on both sides.
    wanted_change : (n_components,) float array
        Volume that each component should gain over its leaves, in cells.
    scale : (3,) float array
        Proportions of a cell: points are in cells times this.
    held : (n,) bool array, optional
        Vertices of the mesh that stay where they are; faces whose vertices all stay keep their cut.
    """

    cut_other: npt.NDArray[np.bool_]
    room: Room
    faces: WallFaces
    wanted_change: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    held: npt.NDArray[np.bool_] | None = None


#: Shape below which the face of a bad tet is re-cut.
RECUT = 0.5
#: Shape that no tet falls below whatever floor is asked for: single precision still tells it from a flat one.
LEAST = 1e-3
#: Rounds of giving back volume; and what part of a move a wall is thought to follow at first.
ROUNDS, ANSWER = 6, 0.7
#: How far, in cells, a wall must have been asked to go for its answer to tell more than chance.
TOLD = 0.01


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
    movable = collect_movable(points, tets.corners, lattice=lattice, interface=interface, held=walls.held)
    floor, goal = (ACUTE * np.sin(np.radians(a)) for a in angles)
    own = _lattice_shape(walls.scale)
    floor, goal = max(min(floor, 0.55 * own), LEAST), min(goal, 0.75 * own)
    goals = target * walls.scale
    for share in STRIDES:
        advance(movable, goals, floor=floor, share=share)
        blocked = _blocked(points, interface.vertices, goals)
        improve(movable, goal, blocked=blocked, tries=1)
    octahedra = find_octahedra(tets.corners, tets.inner)
    movable = _recut(movable, tets.tags, octahedra if walls.held is None else octahedra[_any_moves(movable, octahedra)])
    walls = replace(walls, cut_other=cuts_of(tets.corners, tets.tags, octahedra=octahedra, interface=interface))
    _slide(movable, interface, walls, goal=goal)
    # what could not reach its target may still reach the surface
    here = points[interface.vertices]
    normal = _normals(goals, interface, walls)
    advance(movable, _along(here, goals, normal, interface.kind), floor=floor)
    _give_back_volume(movable, interface, walls, angles=(floor, goal))
    return walls.cut_other


def _any_moves(movable: Movable, octahedra: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Whether some vertex of each octahedron may move."""
    moves = np.zeros(len(octahedra), np.bool_)
    for t in range(4):
        moves |= (movable.slot[movable.tets[octahedra + t]] >= 0).any(axis=1)
    return moves


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
    moved = displacements(points, interface, scale=walls.scale)
    # area vectors are in cells: they change with the inverse of the lengths
    return _unit(wall_push(walls.faces, moved, numbers), walls.scale)


def _lattice_shape(scale: npt.NDArray[np.float64]) -> float:
    """Worst shape in an untouched lattice of such cells: what anisotropic voxels leave to work with."""
    one = make_lattice(np.zeros((2, 2, 2), np.int32))
    points = one.points() * scale
    nothing = find_interface(one)
    box = box_triangles(one, points)
    tets = build_tets(one, nothing, cut_other=np.empty(0, bool), box=box)
    return float(shapes(points, tets.corners).min())


def _slide(movable: Movable, interface: Interface, walls: Walls, *, goal: float) -> None:
    """Improve bad stars by moving every vertex, those of the interface along their surface or curve only."""
    here = movable.points[interface.vertices]
    normal = _normals(here, interface, walls)
    how = np.where(interface.kind == SURFACE, TANGENT_PLANE, HELD).astype(np.uint8)
    curve = np.flatnonzero(interface.kind == CURVE)
    ends = here[interface.neighbours[curve, 0]] - here[interface.neighbours[curve, 1]]
    size = np.linalg.norm(ends, axis=1)
    curve, ends, size = (a[size > 1e-9] for a in (curve, ends, size))
    how[curve] = TANGENT_LINE
    direction = normal
    direction[curve] = ends / size[:, None]
    for _ in range(2):
        improve(movable, goal, how=how, direction=direction)


def _give_back_volume(movable: Movable, interface: Interface, walls: Walls, *, angles: tuple[float, float]) -> None:
    """Offset the walls of components that have not their volume, as far as the floor lets them.

    What one component is pushed shows in the next, so the pressures of all are solved for together; some vertices of a
    wall are blocked, so how much of a push it followed in one round says how much it will follow in the next.
    """
    floor, quality = angles
    wanted, pairs = walls.wanted_change, find_pairs(walls.faces)
    answer, asked, before = np.full(len(pairs.sides), ANSWER), np.zeros(len(pairs.sides)), np.zeros(len(pairs.sides))
    # no wall can go further than about a leaf
    most = float(1 << int(interface.level.max(initial=0)))
    for number in range(1, ROUNDS + 1):
        moved = displacements(movable.points, interface, which=interface.vertices, scale=walls.scale)
        swept, area = swept_by_pairs(pairs, moved, walls.cut_other)
        answer = answered(answer, asked, swept - before, least=np.maximum(1e-4 * most, TOLD * area))
        missing = missing_volume(wanted, pairs.sum(swept))
        pressure = np.clip(solve_pressures(pairs, answer * area, missing, ~np.isnan(wanted)), -most, most)
        before, asked = swept, area * (pressure[pairs.sides[:, 0]] - pressure[pairs.sides[:, 1]])
        push = wall_push(walls.faces, moved, pressure)
        goal = push_walls(moved, push, interface=interface, room=walls.room, scale=walls.scale)
        advance(movable, goal, floor=floor)
        improve(movable, quality, tries=2 if number < ROUNDS else 4)


@nb.njit(cache=True, parallel=True)
def _blocked(points, vertices, goals):
    """Which interface vertices are not at their goals."""
    out = np.empty(len(vertices), np.bool_)
    for r in nb.prange(len(vertices)):
        away = 0.0
        for e in range(3):
            away += (points[vertices[r], e] - goals[r, e]) ** 2
        out[r] = away > NEAR * NEAR
    return out


@nb.njit(cache=True, parallel=True)
def _unit(normal, scale):
    """Unit vectors of normals in cells."""
    out = np.empty((len(normal), 3))
    for r in nb.prange(len(normal)):
        x, y, z = normal[r, 0] / scale[0], normal[r, 1] / scale[1], normal[r, 2] / scale[2]
        share = 1.0 / max(np.sqrt(x * x + y * y + z * z), 1e-9)
        out[r, 0], out[r, 1], out[r, 2] = share * x, share * y, share * z
    return out


@nb.njit(cache=True, parallel=True)
def _along(here, goals, normal, kind):
    """Goals on the normals of surface vertices; the others, and those that are near already, stay."""
    out = np.empty_like(here)
    for r in nb.prange(len(here)):
        off = 0.0
        for e in range(3):
            off += (goals[r, e] - here[r, e]) * normal[r, e]
        if kind[r] != SURFACE or abs(off) < 1e-3:
            off = 0.0
        for e in range(3):
            out[r, e] = here[r, e] + off * normal[r, e]
    return out
