"""Surfaces of single parts: the closed shell of a phase, the open patch of an interface. No smoothing, no files.

Voxels of a phase may touch each other along an edge or at a corner only. There the boundary of the phase is no
manifold; its shell comes apart into sheets that coincide there without sharing points, so that every edge of the
shell belongs to exactly two triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ssb2mesh.surfaces.model import Surfaces

__all__ = ["Patch", "interface_patch", "phase_shell"]

Triangles = npt.NDArray[np.int64]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Patch:
    """A triangulated surface with a name.

    Parameters
    ----------
    name : str
        Of the phase or the interface.
    points : (n, 3) float64 array
        Coordinates, m; every point is used.
    triangles : (t, 3) int64 array
        Corner indices.
    closed : bool
        Whether it is a closed shell with outward normals.
    """

    name: str
    points: Points
    triangles: Triangles
    closed: bool

    @property
    def area(self) -> float:
        """Area, m2."""
        a, b, c = (self.points[self.triangles[:, i]] for i in range(3))
        return float(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())

    @property
    def volume(self) -> float:
        """Volume enclosed, m3; means something for closed shells only."""
        a, b, c = (self.points[self.triangles[:, i]] - self.points.mean(axis=0) for i in range(3))
        return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


def interface_patch(surfaces: Surfaces, name: str) -> Patch:
    """Return the open surface of an interface or of a phase on a side of the box.

    Parameters
    ----------
    surfaces : Surfaces
        All surfaces.
    name : str
        ``"A|B"`` (normals from A to B) or ``"A@x_min"`` (normals out).

    Returns
    -------
    Patch
        Its triangles; those of other patches share the positions of the common curves.

    Raises
    ------
    InputError
        If there is no such interface.

    Examples
    --------
    >>> interface_patch(surfaces, "LPSCl|NMC").area  # doctest: +SKIP
    1.6e-11
    """
    points, triangles = _compact(surfaces.points, surfaces.triangles[surfaces.rows_of(name)].astype(np.int64))
    return Patch(name, points, triangles, closed=False)


def phase_shell(surfaces: Surfaces, phase: str, *, gap: float = 0.0) -> Patch:
    """Return the boundary of a phase, box included, as closed two-manifolds with outward normals.

    Parameters
    ----------
    surfaces : Surfaces
        All surfaces.
    phase : str
        Phase name.
    gap : float
        Where the phase touches itself along an edge or at a corner, pull the coinciding points this share of the
        shortest edge there back into the phase, so that programs that merge points by position (as every reader of
        STL must) find closed manifolds, too. 0 leaves them where they are.

    Returns
    -------
    Patch
        Every edge belongs to two triangles that run through it in opposite directions.

    Raises
    ------
    InputError
        If there is no such phase.

    Examples
    --------
    >>> phase_shell(surfaces, "NMC").volume  # doctest: +SKIP
    3.2e-17
    """
    index = surfaces.phase_index(phase)
    behind, front = surfaces.regions[:, 0] == index, surfaces.regions[:, 1] == index
    # a triangle with the phase in front of it is turned round
    kept = np.concatenate([surfaces.triangles[behind], surfaces.triangles[front][:, ::-1]]).astype(np.int64)
    points, triangles = _compact(surfaces.points, kept)
    original = len(points)
    points, triangles, copied = _split(points, triangles)
    if gap > 0 and (copied.any() or len(points) > original):
        points = _pulled_in(points, triangles, copied=copied, gap=gap)
    return Patch(phase, points, triangles, closed=True)


def _compact(points: Points, triangles: Triangles) -> tuple[Points, Triangles]:
    used = np.zeros(len(points), dtype=bool)
    used[triangles.ravel()] = True
    return points[used], (np.cumsum(used) - 1)[triangles]


def _split(points: Points, triangles: Triangles) -> tuple[Points, Triangles, npt.NDArray[np.bool_]]:
    """Give every sheet points of its own; also tell which points coincide with others now."""
    twin = _pair_half_edges(points, triangles)
    corner = _corners_of_sheets(triangles, twin)
    count = int(corner.max(initial=-1)) + 1
    source = np.empty(count, np.int64)
    source[corner.ravel()] = triangles.ravel()
    copied = np.bincount(source, minlength=len(points))[source] > 1
    points, triangles = points[source], corner
    # a sheet may come back to an edge of its own, which then has four triangles: split these in the middle
    while len(rows := _shared_twice(triangles, twin)):
        points, triangles, twin, copied = _halve(points, triangles, twin, copied=copied, half_edges=rows)
    return points, triangles, copied


def _ends(triangles: Triangles) -> tuple[Triangles, Triangles]:
    """First and second corner of every half-edge; half-edge 3 t + e runs from corner e to corner e + 1."""
    return triangles.ravel(), triangles[:, [1, 2, 0]].ravel()


def _pair_half_edges(points: Points, triangles: Triangles) -> npt.NDArray[np.int64]:
    """Pair each half-edge with the one across the wedge of the phase at their edge."""
    first, second = _ends(triangles)
    low, high = np.minimum(first, second), np.maximum(first, second)
    forward = first == low
    key = low * (len(points) + 1) + high
    # triangles round an edge in the order of their angle; angles matter only where there are more than two
    angle = np.zeros(len(key))
    by_key = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[by_key], prepend=-1))
    sizes = np.diff(starts, append=len(key))
    crowded = np.repeat(sizes > 2, sizes)
    some = by_key[crowded]
    angle[some] = _angles(points, triangles, some, low=low, high=high)
    order = np.lexsort((np.where(forward, 1, 0), angle, key))
    group_start = np.repeat(starts, sizes)
    position = np.arange(len(order))
    previous = np.where(position == group_start, group_start + np.repeat(sizes, sizes) - 1, position - 1)
    twin = np.full(len(key), -1, np.int64)
    ahead = forward[order]
    twin[order[ahead]] = order[previous[ahead]]
    fits = ahead & ~forward[order[previous]]
    twin[order[previous[fits]]] = order[fits]
    return _repaired(twin, order, forward, key)


def _repaired(
    twin: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    forward: npt.NDArray[np.bool_],
    key: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Pair what angles could not tell (triangles that coincide after decimation) by their order."""
    wrong = np.ones(len(twin), dtype=bool)
    good = twin >= 0
    wrong[good] = twin[twin[good]] != np.flatnonzero(good)
    if wrong.any():
        bad = np.isin(key[order], np.unique(key[wrong]))
        rows = order[bad]
        ahead, back = rows[forward[rows]], rows[~forward[rows]]
        ahead, back = ahead[np.argsort(key[ahead], kind="stable")], back[np.argsort(key[back], kind="stable")]
        twin[ahead], twin[back] = back, ahead
    return twin


def _angles(
    points: Points, triangles: Triangles, half_edges: npt.NDArray[np.int64], *, low: Triangles, high: Triangles
) -> npt.NDArray[np.float64]:
    """Angle of each triangle about its edge, counted about the direction from the lower to the higher index."""
    origin = points[low[half_edges]]
    axis = points[high[half_edges]] - origin
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    third = triangles[half_edges // 3, (half_edges % 3 + 2) % 3]
    arm = points[third] - origin
    arm -= np.einsum("ij,ij->i", arm, axis)[:, None] * axis
    # any two directions square to the axis, the same for all triangles of an edge
    least = np.argmin(np.abs(axis), axis=1)
    u = np.cross(axis, np.eye(3)[least])
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(axis, u)
    return np.arctan2(np.einsum("ij,ij->i", arm, v), np.einsum("ij,ij->i", arm, u))


def _corners_of_sheets(triangles: Triangles, twin: npt.NDArray[np.int64]) -> Triangles:
    """Number the corners that are one point when triangles hold together across paired half-edges only."""
    n = 3 * len(triangles)
    here = np.arange(n)
    after = 3 * (here // 3) + (here % 3 + 1) % 3
    across = np.concatenate([after[twin], twin])
    links = coo_matrix((np.ones(2 * n, np.int8), (np.concatenate([here, after]), across)), shape=(n, n))
    found = connected_components(links, directed=False)[1]
    return found.reshape(-1, 3).astype(np.int64)


def _shared_twice(triangles: Triangles, twin: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Forward half-edges to split: all but the first pair of each edge with more than two triangles."""
    first, second = _ends(triangles)
    rows = np.flatnonzero(first < second)
    key = first[rows] * (int(triangles.max(initial=0)) + 1) + second[rows]
    order = np.argsort(key, kind="stable")
    again = np.zeros(len(rows), dtype=bool)
    again[order[1:]] = key[order[1:]] == key[order[:-1]]
    return rows[again]


def _halve(
    points: Points,
    triangles: Triangles,
    twin: npt.NDArray[np.int64],
    *,
    copied: npt.NDArray[np.bool_],
    half_edges: npt.NDArray[np.int64],
) -> tuple[Points, Triangles, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Split pairs of triangles at the middle of their edge, as many as have no triangle in common."""
    pairs = np.stack([half_edges, twin[half_edges]], axis=1)
    pairs = pairs[_disjoint(pairs // 3)]
    first, second = _ends(triangles)
    count, n = len(pairs), len(triangles)
    middle = len(points) + np.arange(count)
    points = np.concatenate([points, 0.5 * (points[first[pairs[:, 0]]] + points[second[pairs[:, 0]]])])
    copied = np.concatenate([copied, np.ones(count, dtype=bool)])
    # triangle (a, b, c) becomes (a, m, c) and, behind all others, (m, b, c)
    old, e = (pairs // 3).T.ravel(), (pairs % 3).T.ravel()
    new = n + np.arange(2 * count)
    extra = triangles[old]
    extra[np.arange(2 * count), e] = np.tile(middle, 2)
    triangles = np.concatenate([triangles, extra])
    triangles[old, (e + 1) % 3] = np.tile(middle, 2)
    moved = np.arange(3 * n)
    moved[3 * old + (e + 1) % 3] = 3 * new + (e + 1) % 3
    joined = np.empty(3 * len(triangles), np.int64)
    joined[moved] = moved[twin]
    opposite = np.roll(np.arange(2 * count), count)
    for one, two in (
        (3 * old + e, 3 * new[opposite] + e[opposite]),
        (3 * old + (e + 1) % 3, 3 * new + (e + 2) % 3),
    ):
        joined[one], joined[two] = two, one
    return points, triangles, joined, copied


def _disjoint(pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return a set of rows that share no number: those that come first for both of their numbers."""
    rank = np.arange(len(pairs))
    first = np.full(int(pairs.max()) + 1, len(pairs))
    np.minimum.at(first, pairs.ravel(), np.repeat(rank, 2))
    return (first[pairs] == rank[:, None]).all(axis=1)


def _pulled_in(points: Points, triangles: Triangles, *, copied: npt.NDArray[np.bool_], gap: float) -> Points:
    """Move the copies a little against the normals of their sheet."""
    corners = points[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    lengths = np.linalg.norm(corners - corners[:, [1, 2, 0]], axis=2)
    shortest = np.full(len(points), np.inf)
    total = np.zeros_like(points)
    for c in range(3):
        before, after = corners[:, (c + 2) % 3] - corners[:, c], corners[:, (c + 1) % 3] - corners[:, c]
        cosine = np.einsum("ij,ij->i", before, after) / (lengths[:, (c + 2) % 3] * lengths[:, c])
        # weighted by the angle at the corner, so that the cut of a square does not matter
        np.add.at(total, triangles[:, c], normal * np.arccos(np.clip(cosine, -1, 1))[:, None])
        np.minimum.at(shortest, triangles[:, c], np.minimum(lengths[:, c], lengths[:, (c + 2) % 3]))
    size = np.maximum(np.linalg.norm(total, axis=1), 1e-12)
    moved = points.copy()
    moved[copied] -= (gap * shortest[copied] / size[copied])[:, None] * total[copied]
    return moved
