"""Moving vertices of the tet lattice without ever spoiling a tet: towards their targets, and to better shapes.

Every move is tried on the star of its vertex first and taken only if the worst tet of the star stays above the floor
(or gets better, where it is below). The untouched lattice is valid, so the mesh is valid after every single move.
Vertices move block by block; blocks of one colour share no tet, so these run side by side, and the result does not
depend on the thread count.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.stars import FAST, TWO, build_stars, gather, padded, shapes, star_shapes
from ssb2mesh.stages import Stages

__all__ = ["Movable", "advance", "compiled", "improve", "make_movable", "warn_of_compilation"]

#: How a vertex may move when its shape is improved.
FREE, TANGENT_PLANE, TANGENT_LINE, HELD = 0, 1, 2, 3
#: Distance from its target, in smallest cells, at which a vertex has arrived; first step of a line search, in leaves.
NEAR, STEP = 1e-4, 0.1
#: Blocks that a thread takes at a time: few, as some have more to do than others.
CHUNK = 4


@dataclass(frozen=True)
class Movable:
    """Vertices that may move, with their stars, in blocks of which those of one colour share no tet.

    Parameters
    ----------
    points : (n, 3) float array
        Positions of all vertices of the mesh; changed in place by `advance` and `improve`.
    tets : (m, 4) int32 array
        All tets.
    shape : (m,) float32 array
        Shape of every tet (`ssb2mesh.lattice.stars`), kept up to date.
    vertices : (a,) int array
        Vertices that may move, block by block.
    slot : (n,) int32 array
        Where each vertex of the mesh stands in `vertices`, -1 if it stays.
    row : (a,) int32 array
        Number of each of them among the interface corners, -1 if it is none.
    first, stars : int arrays
        The tets around each of them, see `ssb2mesh.lattice.stars.build_stars`.
    blocks, colours : int arrays
        Where each block begins among the vertices, and each colour among the blocks; blocks of one colour share no tet.
    free : (a, 3) bool array
        Axes along which the vertex may move: a side of the box holds it.
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
    row: npt.NDArray[np.int32]
    first: npt.NDArray[np.int64]
    stars: npt.NDArray[np.uint32]
    blocks: npt.NDArray[np.int64]
    colours: npt.NDArray[np.int64]
    free: npt.NDArray[np.bool_]
    size: npt.NDArray[np.float64]
    stuck: npt.NDArray[np.float32]


def make_movable(
    points: npt.NDArray[np.float64],
    tets: npt.NDArray[np.int32],
    *,
    order: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]],
    interface: npt.NDArray[np.int32],
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
    order : three int arrays
        Vertices that may move, block by block; where each block begins; where each colour of blocks begins.
    interface : (k,) int32 array
        Vertices of the interface.
    free : (a, 3) bool array
        Axes along which each of those that may move does.
    size : (a,) float array
        Unit of the steps of each of them.

    Returns
    -------
    Movable
        Stars and shapes.
    """
    vertices = order[0]
    slot = np.full(len(points), -1, np.int32)
    slot[vertices] = np.arange(len(vertices), dtype=np.int32)
    row = np.full(len(vertices), -1, np.int32)
    moving = np.flatnonzero(slot[interface] >= 0).astype(np.int32)
    row[slot[interface[moving]]] = moving
    first, stars = build_stars(tets, slot, len(vertices))
    shape = shapes(points, tets)
    stuck = np.full(len(vertices), 2.0, np.float32)
    return Movable(points, tets, shape, vertices, slot, row, first, stars, order[1], order[2], free, size, stuck)


def advance(movable: Movable, target: npt.NDArray[np.float64], *, floor: float, share: float = 1.0) -> None:
    """Move the vertices of the interface towards targets, as far as the floor lets them.

    Parameters
    ----------
    movable : Movable
        Its points and shapes change in place.
    target : (k, 3) float array
        Where they should go.
    floor : float
        Shape that no tet may fall below (nor below what it has, if it has less).
    share : float
        Part of the way to go at most.
    """
    with nb.parallel_chunksize(CHUNK):
        _advance(*_arrays(movable), target, floor, share)


def improve(
    movable: Movable,
    goal: float,
    *,
    how: npt.NDArray[np.uint8] | None = None,
    direction: npt.NDArray[np.float64] | None = None,
    blocked: npt.NDArray[np.bool_] | None = None,
    tries: int = 4,
) -> None:
    """Raise the worst shape of the stars that are below a goal.

    Parameters
    ----------
    movable : Movable
        Its points and shapes change in place.
    goal : float
        Stars whose worst tet is at least this good are left alone.
    how : (k,) uint8 array, optional
        How interface vertices may move: `TANGENT_PLANE` (normal to `direction`), `TANGENT_LINE` (along it) or `HELD`;
        default all held. Other vertices are free.
    direction : (k, 3) float array, optional
        Unit normals or tangents, with ``how``.
    blocked : (k,) bool array, optional
        Only tets that have one of these interface vertices are improved.
    tries : int
        Ascent steps per vertex at most.
    """
    held = how is None
    how = np.full(1, HELD, np.uint8) if how is None else how
    direction = np.zeros((1, 3)) if direction is None else direction
    everywhere = blocked is None
    blocked = np.ones(1, np.bool_) if blocked is None else blocked
    bad = _bad((movable.tets, movable.shape, movable.slot), movable.row, goal, blocked, everywhere)
    about = (bad, held, how, direction, movable.free, movable.size, movable.stuck)
    with nb.parallel_chunksize(CHUNK):
        _improve(*_arrays(movable), about, goal, tries)


def _arrays(m: Movable) -> tuple[tuple[npt.NDArray, ...], tuple[npt.NDArray, ...]]:
    """The mesh and the stars as the kernels take them."""
    return (m.points, m.tets.reshape(-1), m.shape), (m.vertices, m.row, m.first, m.stars, m.blocks, m.colours)


def compiled() -> bool:
    """Whether these loops, the largest of the mesher, are in the cache of compiled functions.

    Returns
    -------
    bool
        False before the first mesh on a machine, which then takes minutes.

    Examples
    --------
    >>> compiled()  # doctest: +SKIP
    True
    """
    folder = Path(_improve.stats.cache_path or ".")
    return any(folder.glob("optimise._improve-*.nbi"))


def warn_of_compilation(stages: Stages) -> None:
    """Tell that the loops are to be compiled first, unless they are.

    Parameters
    ----------
    stages : Stages
        Who listens.

    Examples
    --------
    >>> warn_of_compilation(Stages())
    """
    if not compiled():
        stages.say("compiling the mesher, once on this machine: two to three minutes")


@nb.njit(cache=True, parallel=True)
def _bad(mesh, row, goal, blocked, everywhere):
    """Which movable vertices have a tet below the goal, or one that has a blocked corner as well."""
    tets, shape, slot = mesh
    bad = np.zeros(len(row), np.bool_)
    for t in nb.prange(len(tets)):
        if shape[t] < goal:
            wanted = everywhere
            for c in range(4):
                a = slot[tets[t, c]]
                if not everywhere and a >= 0 and row[a] >= 0:
                    wanted |= blocked[row[a]]
            for c in range(4):
                a = slot[tets[t, c]]
                if wanted and a >= 0:
                    bad[a] = True
    return bad


@nb.njit(cache=True, inline="always")
def _worst(shape, star):
    worst = np.float32(2.0)
    for at in star:
        worst = min(worst, shape[at >> TWO])
    return worst


@nb.njit(cache=True, inline="always")
def _keep(mesh, star, v, gone, found):
    """Move a vertex by the way gone, and write the shapes found."""
    points, _, shape = mesh
    for e in range(3):
        points[v, e] += gone[e]
    for s in range(len(star)):
        shape[star[s] >> TWO] = found[s]


@nb.njit(cache=True, inline="always")
def _rows(first, start, stop):
    """Local copies of a star: corners, and two rows of shapes, for the largest star of a block."""
    most = 0
    for a in range(start, stop):
        most = max(most, first[a + 1] - first[a])
    return np.empty((9, padded(most)), np.float32), np.empty((2, padded(most)), np.float32)


@nb.njit(**FAST, parallel=True)
def _advance(mesh, around, target, floor, share):
    blocks, colours = around[4], around[5]
    for c in range(len(colours) - 1):
        for b in nb.prange(colours[c], colours[c + 1]):
            _advance_block(mesh, around, (blocks[b], blocks[b + 1]), target, floor, share)


@nb.njit(**FAST)
def _advance_block(mesh, around, block, target, floor, share):
    points, corners_of, shape = mesh
    vertices, row, first, stars, _, _ = around
    corners, found = _rows(first, block[0], block[1])
    for a in range(block[0], block[1]):
        r, v = row[a], vertices[a]
        if r < 0:
            continue
        x, y, z = target[r, 0] - points[v, 0], target[r, 1] - points[v, 1], target[r, 2] - points[v, 2]
        if x * x + y * y + z * z < NEAR * NEAR:
            continue
        star = stars[first[a] : first[a + 1]]
        limit = min(_worst(shape, star) - 1e-6, floor)
        gather(points, corners_of, star, v, corners)
        part = share
        for _ in range(4):
            if star_shapes(corners, len(star), part * x, part * y, part * z, found[0]) > limit:
                _keep(mesh, star, v, (part * x, part * y, part * z), found[0])
                break
            part *= 0.5


@nb.njit(**FAST)
def _ascent(corners, n, gone, found, worst, eps, g):
    """Sum of the gradients of the worst shapes of a star with respect to its vertex, the worst counting most."""
    margin = 0.03
    x, y, z = gone[0], gone[1], gone[2]
    now, then = found[0], found[1]
    for e in range(3):
        star_shapes(corners, n, x + eps * (e == 0), y + eps * (e == 1), z + eps * (e == 2), then)
        total = 0.0
        for s in range(n):
            if now[s] <= worst + margin:
                total += (worst + margin - now[s]) / margin * (then[s] - now[s]) / eps
        g[e] = total


@nb.njit(cache=True, inline="always")
def _confine(g, how, direction, free):
    """Project a step on what the vertex may do; return its length."""
    along = g[0] * direction[0] + g[1] * direction[1] + g[2] * direction[2]
    size = 0.0
    for e in range(3):
        if how == TANGENT_PLANE:
            g[e] -= along * direction[e]
        elif how == TANGENT_LINE:
            g[e] = along * direction[e]
        g[e] *= free[e]
        size += g[e] * g[e]
    return np.sqrt(size)


@nb.njit(cache=True)
def _centre(corners, n, g):
    """Step from a vertex to the mean of its star's other corners."""
    for e in range(3):
        total = 0.0
        for s in range(n):
            total += corners[e, s] + corners[e + 3, s] + corners[e + 6, s]
        g[e] = total / (3 * n)


@nb.njit(**FAST)
def _search(corners, n, gone, found, worst, g, length):
    """Line search along g; goes as far as it gets better. Returns the worst shape reached and the part of g gone."""
    part = length
    for _ in range(4):
        x, y, z = gone[0] + part * g[0], gone[1] + part * g[1], gone[2] + part * g[2]
        reached = star_shapes(corners, n, x, y, z, found[1])
        if reached > worst + 1e-3:
            gone[0], gone[1], gone[2] = x, y, z
            for s in range(n):
                found[0, s] = found[1, s]
            return reached, part
        part *= 0.5
    return worst, 0.0


@nb.njit(**FAST, parallel=True)
def _improve(mesh, around, about, goal, tries):
    blocks, colours = around[4], around[5]
    for c in range(len(colours) - 1):
        for b in nb.prange(colours[c], colours[c + 1]):
            _improve_block(mesh, around, (blocks[b], blocks[b + 1]), about, goal, tries)


@nb.njit(**FAST)
def _improve_block(mesh, around, block, about, goal, tries):
    points, corners_of, shape = mesh
    vertices, row, first, stars, _, _ = around
    bad, held, how, direction, free, size, stuck = about
    corners, found = _rows(first, block[0], block[1])
    gone = np.empty(3)
    nowhere = np.zeros(3)
    for a in range(block[0], block[1]):
        r = row[a]
        if not bad[a] or (r >= 0 and (held or how[r] == HELD)):
            continue
        star = stars[first[a] : first[a + 1]]
        before = _worst(shape, star)
        if before >= goal or before == stuck[a]:
            continue
        gather(points, corners_of, star, vertices[a], corners)
        for s in range(len(star)):
            found[0, s] = shape[star[s] >> TWO]
        gone[:] = 0.0
        bounds = (how[r] if r >= 0 else FREE, direction[r] if r >= 0 else nowhere, free[a])
        reached = _climb((corners, gone, found), len(star), bounds, (float(before), goal, STEP * size[a]), tries)
        if reached > before:
            _keep(mesh, star, vertices[a], gone, found[0])
            stuck[a] = 2.0
        else:
            stuck[a] = before


@nb.njit(**FAST)
def _climb(local, n, bounds, aims, tries):
    """Raise the worst shape of one gathered star; return it."""
    corners, gone, found = local
    how, direction, free = bounds
    worst, goal, length = aims
    eps = 3e-3 * length
    g = np.zeros(3)
    if how == FREE:
        _centre(corners, n, g)
        _confine(g, how, direction, free)
        worst, _ = _search(corners, n, gone, found, worst, g, 1.0)
    for _ in range(tries):
        if worst >= goal:
            break
        _ascent(corners, n, gone, found, worst, eps, g)
        size = _confine(g, how, direction, free)
        if size < 1e-12:
            break
        for e in range(3):
            g[e] /= size
        worst, length = _search(corners, n, gone, found, worst, g, length)
        if length == 0.0:
            break
    return worst
