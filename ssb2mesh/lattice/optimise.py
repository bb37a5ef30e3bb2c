"""Moving vertices of the tet lattice without ever spoiling a tet: towards their targets, and to better shapes.

Every move is tried on the star of its vertex first and taken only if the worst tet of the star stays above the floor
(or gets better, where it is below). The untouched lattice is valid, so the mesh is valid after every single move.
Vertices of one colour share no tet, so they move side by side and the result does not depend on the thread count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.stars import build_stars, shape_at, shapes

__all__ = ["Movable", "advance", "improve", "make_movable"]

#: How a vertex may move when its shape is improved.
FREE, TANGENT_PLANE, TANGENT_LINE, HELD = 0, 1, 2, 3


@dataclass(frozen=True)
class Movable:
    """Vertices that may move, with their stars, in an order in which equal colours are adjacent.

    Parameters
    ----------
    points : (n, 3) float array
        Positions of all vertices of the mesh; changed in place by `advance` and `improve`.
    tets : (m, 4) int32 array
        All tets.
    shape : (m,) float32 array
        Shape of every tet (`ssb2mesh.lattice.stars`), kept up to date.
    vertices : (a,) int array
        Vertices that may move, colour by colour.
    slot : (n,) int32 array
        Where each vertex of the mesh stands in `vertices`, -1 if it stays.
    first, stars : int arrays
        The tets around each of them.
    colours : (c + 1,) int array
        Where each colour begins.
    free : (a, 3) float array
        1 along the axes in which the vertex may move, 0 where a side of the box holds it.
    size : (a,) float array
        Width of the smallest leaf at the vertex: the unit of its steps.
    stuck : (a,) float32 array
        Worst shape of the star when it could last not be improved: it is not tried again while that stays.
    """

    points: npt.NDArray[np.float64]
    tets: npt.NDArray[np.int32]
    shape: npt.NDArray[np.float32]
    vertices: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int32]
    first: npt.NDArray[np.int64]
    stars: npt.NDArray[np.int32]
    colours: npt.NDArray[np.int64]
    free: npt.NDArray[np.float64]
    size: npt.NDArray[np.float64]
    stuck: npt.NDArray[np.float32]


def make_movable(
    points: npt.NDArray[np.float64],
    tets: npt.NDArray[np.int32],
    *,
    active: npt.NDArray[np.bool_],
    colour: npt.NDArray[np.integer],
    free: npt.NDArray[np.bool_],
    size: npt.NDArray[np.float64],
) -> Movable:
    """Collect what is needed to move vertices.

    Parameters
    ----------
    points : (n, 3) float array
        Positions; will be changed by `advance` and `improve`.
    tets : (m, 4) int32 array
        Vertex indices.
    active : (n,) bool array
        Vertices that may move.
    colour : (n,) int array
        Vertices that share a tet must differ.
    free : (n, 3) bool array
        Axes along which each vertex may move.
    size : (n,) float array
        Unit of the steps of each vertex.

    Returns
    -------
    Movable
        Stars and shapes.
    """
    vertices = np.flatnonzero(active)
    vertices = vertices[np.argsort(colour[vertices], kind="stable")]
    slot = np.full(len(points), -1, np.int32)
    slot[vertices] = np.arange(len(vertices), dtype=np.int32)
    first, stars = build_stars(tets, slot, len(vertices))
    mine = colour[vertices]
    colours = np.append(np.flatnonzero(np.diff(mine, prepend=-1)), len(vertices))
    shape = shapes(points, tets).astype(np.float32)
    about = free[vertices].astype(float), size[vertices], np.full(len(vertices), 2.0, np.float32)
    return Movable(points, tets, shape, vertices, slot, first, stars, colours, *about)


def advance(
    movable: Movable, slots: npt.NDArray[np.int32], *, target: npt.NDArray[np.float64], floor: float, share: float = 1.0
) -> None:
    """Move vertices towards targets, as far as the floor lets them.

    Parameters
    ----------
    movable : Movable
        Its points and shapes change in place.
    slots : (k,) int32 array
        Which of the movable vertices to move, ascending.
    target : (k, 3) float array
        Where they should go.
    floor : float
        Shape that no tet may fall below (nor below what it has, if it has less).
    share : float
        Part of the way to go at most.
    """
    which = (slots, np.searchsorted(slots, movable.colours))
    _advance(*_arrays(movable), which, target, floor, share)


def improve(
    movable: Movable,
    slots: npt.NDArray[np.int32],
    *,
    goal: float,
    how: npt.NDArray[np.uint8],
    direction: npt.NDArray[np.float64],
    step: float = 0.1,
    tries: int = 4,
) -> None:
    """Raise the worst shape of the stars that are below a goal.

    Parameters
    ----------
    movable : Movable
        Its points and shapes change in place.
    slots : (k,) int32 array
        Which of the movable vertices may move, ascending.
    goal : float
        Stars whose worst tet is at least this good are left alone.
    how : (k,) uint8 array
        `FREE`, `TANGENT_PLANE` (normal to `direction`), `TANGENT_LINE` (along it) or `HELD`.
    direction : (k, 3) float array
        Unit normals or tangents.
    step : float
        First step of the line search, in leaves.
    tries : int
        Ascent steps per vertex at most.
    """
    bad = _bad(movable.tets, movable.shape, movable.slot, len(movable.vertices), goal)[slots]
    slots, how, direction = slots[bad], how[bad], direction[bad]
    which = (slots, np.searchsorted(slots, movable.colours))
    about = (how, direction, movable.free, movable.size, movable.stuck)
    _improve(*_arrays(movable), which, about, goal, step, tries)


def _arrays(m: Movable) -> tuple[tuple[npt.NDArray, ...], tuple[npt.NDArray, ...]]:
    """The mesh and the stars as the kernels take them."""
    return (m.points, m.tets, m.shape), (m.vertices, m.first, m.stars)


@nb.njit(cache=True)
def _try(points, tets, star, stop, buffer):
    """Worst shape of a star at the present positions, giving up at `stop`; the shapes are left in the buffer.

    The tet that stops it goes to the front of the star: it is the likeliest to stop the next trial.
    """
    worst = 2.0
    for s in range(len(star)):
        q = shape_at(points, tets, star[s])
        buffer[s] = q
        if q < worst:
            worst = q
            if worst <= stop:
                star[s], star[0] = star[0], star[s]
                return worst
    return worst


@nb.njit(cache=True, parallel=True)
def _bad(tets, shape, slot, n, goal):
    """Which movable vertices have a tet below the goal."""
    bad = np.zeros(n, np.bool_)
    for t in nb.prange(len(tets)):
        if shape[t] < goal:
            for c in range(4):
                a = slot[tets[t, c]]
                if a >= 0:
                    bad[a] = True
    return bad


@nb.njit(cache=True, inline="always")
def _worst(shape, star):
    worst = np.float32(2.0)
    for t in star:
        worst = min(worst, shape[t])
    return worst


@nb.njit(cache=True, inline="always")
def _keep(shape, star, buffer):
    for s in range(len(star)):
        shape[star[s]] = buffer[s]


@nb.njit(cache=True, inline="always")
def _place(points, v, base, part, g):
    for e in range(3):
        points[v, e] = base[e] + part * g[e]


@nb.njit(cache=True, parallel=True)
def _advance(mesh, around, which, target, floor, share):
    points, tets, shape = mesh
    vertices, first, stars = around
    slots, bounds = which
    for c in range(len(bounds) - 1):
        for r in nb.prange(bounds[c], bounds[c + 1]):
            a = slots[r]
            v = vertices[a]
            star = stars[first[a] : first[a + 1]]
            base = points[v, 0], points[v, 1], points[v, 2]
            way = target[r, 0] - base[0], target[r, 1] - base[1], target[r, 2] - base[2]
            if way[0] * way[0] + way[1] * way[1] + way[2] * way[2] < 1e-14:
                continue
            limit = min(_worst(shape, star) - 1e-6, floor)
            buffer = np.empty(len(star), np.float32)
            part = share
            moved = False
            for _ in range(4):
                _place(points, v, base, part, way)
                if _try(points, tets, star, limit, buffer) > limit:
                    moved = True
                    break
                part *= 0.5
            if moved:
                _keep(shape, star, buffer)
            else:
                _place(points, v, base, 0.0, way)


@nb.njit(cache=True)
def _ascent(mesh, star, v, worst, step, g):
    """Sum of the gradients of the worst shapes of a star with respect to its vertex, the worst counting most."""
    points, tets, shape = mesh
    g[0] = g[1] = g[2] = 0.0
    margin = 0.03
    eps = 1e-4 * step
    for t in star:
        if shape[t] > worst + margin:
            continue
        q = shape_at(points, tets, t)
        weight = (worst + margin - q) / margin
        for e in range(3):
            old = points[v, e]
            points[v, e] = old + eps
            g[e] += weight * (shape_at(points, tets, t) - q) / eps
            points[v, e] = old


@nb.njit(cache=True, inline="always")
def _confine(g, how, direction, free):
    """Project a step on what the vertex may do; return its length."""
    along = g[0] * direction[0] + g[1] * direction[1] + g[2] * direction[2]
    size = 0.0
    for e in range(3):
        if how == 1:
            g[e] -= along * direction[e]
        elif how == 2:
            g[e] = along * direction[e]
        g[e] *= free[e]
        size += g[e] * g[e]
    return np.sqrt(size)


@nb.njit(cache=True)
def _centre(points, tets, star, v, g):
    """Step from a vertex to the mean of its star's other corners."""
    g[0] = g[1] = g[2] = 0.0
    n = 0
    for t in star:
        for c in range(4):
            w = tets[t, c]
            if w != v:
                for e in range(3):
                    g[e] += points[w, e] - points[v, e]
                n += 1
    for e in range(3):
        g[e] /= max(n, 1)


@nb.njit(cache=True)
def _search(mesh, star, v, worst, g, length, buffer):
    """Line search along g; returns the worst shape reached and the part of g gone, 0 if none was better."""
    points, tets, shape = mesh
    base = points[v, 0], points[v, 1], points[v, 2]
    part = length
    for _ in range(4):
        _place(points, v, base, part, g)
        reached = _try(points, tets, star, worst + 1e-3, buffer)
        if reached > worst + 1e-3:
            _keep(shape, star, buffer)
            return reached, part
        part *= 0.5
    _place(points, v, base, 0.0, g)
    return worst, 0.0


@nb.njit(cache=True, parallel=True)
def _improve(mesh, around, which, motion, goal, step, tries):
    points, tets, shape = mesh
    vertices, first, stars = around
    slots, bounds = which
    how, direction, free, size_of, stuck = motion
    for c in range(len(bounds) - 1):
        for r in nb.prange(bounds[c], bounds[c + 1]):
            a = slots[r]
            v = vertices[a]
            star = stars[first[a] : first[a + 1]]
            before = _worst(shape, star)
            if how[r] == 3 or before >= goal or before == stuck[a]:
                continue
            worst = float(before)
            buffer = np.empty(len(star), np.float32)
            g = np.zeros(3)
            if how[r] == 0:
                _centre(points, tets, star, v, g)
                _confine(g, how[r], direction[r], free[a])
                worst, part = _search(mesh, star, v, worst, g, 1.0, buffer)
            length = step * size_of[a]
            for _ in range(tries):
                if worst >= goal:
                    break
                _ascent(mesh, star, v, worst, step * size_of[a], g)
                size = _confine(g, how[r], direction[r], free[a])
                if size < 1e-12:
                    break
                for e in range(3):
                    g[e] /= size
                worst, part = _search(mesh, star, v, worst, g, length, buffer)
                if part == 0.0:
                    break
                length = part
            stuck[a] = before if worst == before else np.float32(2.0)
