"""Middles of edges moved onto the smooth surfaces that interfaces stand for. No files and no names beyond interfaces.

Vertices stay. The middle of an edge goes to the middle of the cubic curve through its ends along the tangents there
(https://doi.org/10.1145/364338.364387). Tangents come from normals of smooth patches, fitted as quadratic surfaces to
two rings of neighbours (https://doi.org/10.1016/j.cagd.2004.09.004): an edge within a patch is tangent to it, an edge
where patches meet or on a side of the box is tangent to all of them. A middle moves only where every tet stays valid,
which the Bernstein coefficients of its Jacobian prove (https://doi.org/10.1016/j.jcp.2012.08.051).
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ssb2mesh.io.mesh_sides import facet_sides, interface_pair, tets_of
from ssb2mesh.mesh import TaggedMesh, corner_keys
from ssb2mesh.mesh.patches import patch_normals

__all__ = ["EdgeShifts", "edge_shifts", "jacobian_coefficients"]

#: Above this angle between two triangles of an interface the edge between them is sharp, not a coarse smooth surface.
CREASE = np.radians(50.0)
#: Part of the Jacobian of the straight tet that the curved one keeps everywhere.
LEAST = 0.3
#: Ratio of eigenvalues from which normals at an end span a plane (0.03: they differ by 20 degrees), or all of space.
_PLANE, _SPACE = 0.03, 0.1
_ENDS = np.array([[0, 1], [1, 2], [0, 2]])
#: Corners of the mid nodes 4 .. 9 of a tet, as in `ssb2mesh.mesh.second_order.TET_EDGES`.
_MIDDLE = {(0, 1): 4, (1, 2): 5, (0, 2): 6, (0, 3): 7, (1, 3): 8, (2, 3): 9}


class EdgeShifts(NamedTuple):
    """Edges of interfaces and where their middles go.

    Attributes
    ----------
    ends : (k, 2) int64 array
        Places of the end points, the lower first, sorted.
    shift : (k, 3) float array
        From the middle of the straight edge; zero where the edge stays straight.
    place : (n,) int64 array
        Place of each point: points of a split mesh that coincide share one.
    """

    ends: npt.NDArray[np.int64]
    shift: npt.NDArray[np.float64]
    place: npt.NDArray[np.int64]


def jacobian_coefficients(nodes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the Bernstein coefficients of the Jacobian of ten-node tets.

    The Jacobian, a cubic polynomial, lies between the least and the greatest of them, so a tet whose coefficients are
    all positive is valid; their mean is six times its volume.

    Parameters
    ----------
    nodes : (m, 10, 3) float array
        Corners, then mid nodes in the order of `ssb2mesh.mesh.second_order.TET_EDGES`.

    Returns
    -------
    (m, 20) float array
        Coefficients; those of a straight tet are all six times its volume.

    Examples
    --------
    >>> import numpy as np
    >>> corners = np.array([[0., 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> middles = 0.5 * (corners[[0, 1, 0, 0, 1, 2]] + corners[[1, 2, 2, 3, 3, 3]])
    >>> np.ptp(jacobian_coefficients(np.concatenate([corners, middles])[None]))
    0.0
    """
    control = np.empty((len(nodes), 4, 4, 3))
    for i in range(4):
        control[:, i, i] = nodes[:, i]
    for (i, j), middle in _MIDDLE.items():
        control[:, i, j] = control[:, j, i] = 2.0 * nodes[:, middle] - 0.5 * (nodes[:, i] + nodes[:, j])
    # derivatives along the three edges from corner 0: linear, with a coefficient at each corner
    slopes = 2.0 * (control[:, :, 1:] - control[:, :, :1])
    a, b, c = slopes[:, :, 0], slopes[:, :, 1], slopes[:, :, 2]
    crossed = np.cross(a[:, :, None], b[:, None]).reshape(len(nodes), 16, 3)
    products = np.einsum("mis,mks->mik", crossed, c).reshape(len(nodes), 64)
    return products @ _MEANS


def _means() -> npt.NDArray[np.float64]:
    """Products of linear coefficients i, j, k to cubic ones: the mean over the orders of a multiset."""
    sets = list(itertools.combinations_with_replacement(range(4), 3))
    found = np.zeros((64, len(sets)))
    for row, triple in enumerate(itertools.product(range(4), repeat=3)):
        i, j, k = sorted(triple)
        found[row, sets.index((i, j, k))] = 1.0
    return found / found.sum(axis=0)


_MEANS = _means()


def edge_shifts(mesh: TaggedMesh) -> EdgeShifts:
    """Return where the middles of the edges of all interfaces and walls belong, whether tets allow it or not.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh; one that is split gets the same shift on both sides of a cut.

    Returns
    -------
    EdgeShifts
        Edges and shifts.

    Examples
    --------
    >>> edge_shifts(mesh).shift  # doctest: +SKIP
    """
    place = _places(mesh)
    triangles, pair = _surface(mesh, place)
    # coordinates of each place
    points = np.empty((int(place.max(initial=-1)) + 1, 3))
    points[place] = mesh.points
    rows = np.sort(triangles[:, _ENDS].reshape(-1, 2), axis=1)
    keys = rows[:, 0] * len(points) + rows[:, 1]
    found, edge = np.unique(keys, return_inverse=True)
    ends = np.column_stack([found // max(len(points), 1), found % max(len(points), 1)])
    if not len(ends):
        return EdgeShifts(ends, np.zeros((0, 3)), place)
    patch = _patches(points, triangles, pair, edge.reshape(-1, 3))
    normals, slot = patch_normals(points, triangles, patch)
    frames = np.zeros((len(ends), 2, 3, 3))
    for number, local in enumerate(_ENDS):
        row = edge.reshape(-1, 3)[:, number]
        turned = triangles[:, local[0]] > triangles[:, local[1]]
        for end in (0, 1):
            n = normals[np.where(turned, slot[:, local[1 - end]], slot[:, local[end]])]
            np.add.at(frames[:, end], row, n[:, :, None] * n[:, None, :])
    on_plane = _box_planes(mesh, points, ends)
    for axis in range(3):
        frames[on_plane[:, axis], :, axis, axis] += 1.0
    chord = points[ends[:, 1]] - points[ends[:, 0]]
    first, second = (_along(frames[:, end], chord) for end in (0, 1))
    shift = (first - second) / 8.0
    length2 = np.einsum("ij,ij->i", chord, chord)
    # a tangent that turns away from the edge by 45 degrees or more tells nothing of it
    near = np.minimum(np.einsum("ij,ij->i", first, chord), np.einsum("ij,ij->i", second, chord)) > 0.4 * length2
    shift[~near] = 0.0
    shift[on_plane] = 0.0
    shift[np.einsum("ij,ij->i", shift, shift) < 1e-18 * length2] = 0.0
    return EdgeShifts(ends, shift, place)


def _places(mesh: TaggedMesh) -> npt.NDArray[np.int64]:
    if not mesh.metadata.get("split"):
        return np.arange(mesh.n_points)
    _, place = np.unique(mesh.points, axis=0, return_inverse=True)
    return place.ravel().astype(np.int64)


def _surface(mesh: TaggedMesh, place: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Triangles of interfaces and walls, each once and from the first phase to the second, and a number of the pair."""
    front, back = (tets_of(sides, mesh.cell_tags) for sides in facet_sides(mesh))
    pairs: dict[tuple[str, ...], int] = {}
    triangles, numbers = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)]
    for name, tag in mesh.facet_names.items():
        parted = interface_pair(name, mesh.cell_names)
        if parted is None:
            continue
        first, second = sorted(parted)
        rows = np.flatnonzero(mesh.facet_tags == tag)
        turned = front[rows] == mesh.cell_names.get(second, -2)
        turned |= back[rows] == mesh.cell_names.get(first, -2)
        corners = place[mesh.facets[rows]]
        triangles.append(np.where(turned[:, None], corners[:, ::-1], corners))
        numbers.append(np.full(len(rows), pairs.setdefault((first, second), len(pairs))))
    every, pair = np.concatenate(triangles), np.concatenate(numbers)
    _, once = np.unique(corner_keys(every), return_index=True)
    return every[once], pair[once]


def _patches(
    points: npt.NDArray[np.float64],
    triangles: npt.NDArray[np.int64],
    pair: npt.NDArray[np.int64],
    edge: npt.NDArray[np.int64],
) -> npt.NDArray[np.int32]:
    """Number of the smooth patch of each triangle: one pair of phases, connected across edges that are not sharp."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), np.finfo(float).tiny)
    order = np.argsort(edge.ravel(), kind="stable")
    number, owner = edge.ravel()[order], order // 3
    count = np.bincount(number)
    first = np.r_[0, np.cumsum(count)[:-1]][count == 2]
    one, two = owner[first], owner[first + 1]
    joined = (pair[one] == pair[two]) & (np.einsum("ij,ij->i", normal[one], normal[two]) >= np.cos(CREASE))
    graph = coo_array((np.ones(int(joined.sum()), np.int8), (one[joined], two[joined])), shape=(len(triangles),) * 2)
    found: npt.NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return found


def _box_planes(
    mesh: TaggedMesh, points: npt.NDArray[np.float64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """(k, 3): whether both ends of an edge lie on one side of the box across each axis."""
    assert mesh.box is not None
    close = 1e-9 * float(np.max(mesh.box[1] - mesh.box[0]))
    found = np.zeros((len(ends), 3), bool)
    for side in mesh.box:
        on = np.abs(points - side) <= close
        found |= on[ends[:, 0]] & on[ends[:, 1]]
    return found


def _along(frames: npt.NDArray[np.float64], chord: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The chord projected on what is tangent to all normals of an end; NaN-free, zero where nothing is."""
    values, vectors = np.linalg.eigh(frames)
    top = np.maximum(values[:, 2], np.finfo(float).tiny)
    normal, tangent = vectors[:, :, 2], vectors[:, :, 0]
    in_plane = chord - np.einsum("ij,ij->i", chord, normal)[:, None] * normal
    on_line = np.einsum("ij,ij->i", chord, tangent)[:, None] * tangent
    found = np.where((values[:, 1] > _PLANE * top)[:, None], on_line, in_plane)
    found[values[:, 0] > _SPACE * top] = 0.0
    return found
