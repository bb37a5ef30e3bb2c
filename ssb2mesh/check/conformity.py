"""Whether tets fit each other, the box and the facet sets. No shapes and no voxels here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.topology import Topology, mesh_topology
from ssb2mesh.volume import BOX_SIDES, interface_name

__all__ = ["Conformity", "mesh_conformity"]


@dataclass(frozen=True)
class Conformity:
    """Whether the tets fit each other, the box and the facet sets.

    All but the last two must be 0. With positive tets, facets of at most two tets that lie on opposite sides, and all
    of the outer surface on the box or on named walls, no two tets overlap and nothing is missing between them.

    Parameters
    ----------
    facets_shared_by_more_than_two : int
        Facets of three tets or more.
    off_box_area : float
        Area of outer facets that neither lie exactly in a side of the box nor belong to a wall of a dropped phase, m2.
    untagged_interface_facets : int
        Facets between two phases, or on the box, that a set which should hold them does not.
    misplaced_facets : int
        Rows of interface or side sets that are no such facet.
    overlapping_facets : int
        Facets whose two tets lie on one side of it, as those of a tet that is there twice.
    misoriented_facets : int
        Rows whose normal does not point from the first phase of the name to the second, or out of the box.
    repeated_facets : int
        Rows that hold a facet of their set once more.
    orphan_points : int
        Points that belong to no tet.
    duplicate_points : int
        Points with exactly the coordinates of another one.
    edge_contacts, point_contacts : dict of str to int
        By phase, edges where more than two facets of its surface meet, and points where its surface is several fans
        without such an edge: there the surface touches itself. Voxels that meet at an edge or corner give them:
        information, no fault. Empty if skipped.
    """

    facets_shared_by_more_than_two: int
    off_box_area: float
    untagged_interface_facets: int
    misplaced_facets: int
    overlapping_facets: int = 0
    misoriented_facets: int = 0
    repeated_facets: int = 0
    orphan_points: int = 0
    duplicate_points: int = 0
    edge_contacts: Mapping[str, int] = field(default_factory=dict)
    point_contacts: Mapping[str, int] = field(default_factory=dict)


def mesh_conformity(mesh: TaggedMesh, topology: Topology | None = None, *, quick: bool = False) -> Conformity:
    """Check that the mesh is conforming, fits its box, and that its facet sets are what their names say.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh.
    topology : Topology, optional
        If it is known already.
    quick : bool
        Leave out the contacts through edges and points.

    Returns
    -------
    Conformity
        All zero for a sound mesh, contacts apart.

    Examples
    --------
    >>> mesh_conformity(mesh).overlapping_facets  # doctest: +SKIP
    0
    """
    topology = topology or mesh_topology(mesh.tets, mesh.cell_tags)
    rows = _file_rows(mesh)
    on_side = _side_of(mesh, topology.outer)
    boxed = on_side >= 0
    of_outer = mesh.cell_tags[topology.outer_tets]
    missing, turned = np.zeros(2, np.int64), np.zeros(2, np.int64)
    between, tags = _between_as_named(mesh, topology)
    missing[0], turned[0], _ = _find(*rows, between, tags)
    sides, whole = _side_tags(mesh)
    missing[1], turned[1], _ = _find(*rows, topology.outer[boxed], sides[on_side[boxed], of_outer[boxed]])
    # whole sides need not be there, but if they are they must be whole
    there = whole[on_side[boxed]] >= 0
    also = _find(*rows, topology.outer[boxed][there], whole[on_side[boxed]][there])
    on_wall, wall_turned = _find_walls(mesh, rows, topology.outer[~boxed], of_outer[~boxed])
    off = topology.outer[~boxed][~on_wall]
    a, b, c = (mesh.points[off[:, i]] for i in range(3))
    used = np.zeros(mesh.n_points, dtype=bool)
    used[mesh.tets.ravel()] = True
    return Conformity(
        topology.overshared,
        float(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()),
        int(missing.sum() + also[0]),
        int((rows.state == 0).sum()),
        topology.overlapping,
        int(turned.sum() + also[1] + wall_turned),
        int((rows.state == 2).sum()),
        int((~used).sum()),
        int(_count_twins(mesh.points + 0.0)),
        *(({}, {}) if quick else _contacts(mesh, topology)),
    )


class _Rows(NamedTuple):
    """Rows of the sets whose names say which facets they hold, and a table to look them up.

    `state` is 0 for rows that nobody asked for yet, 1 for those found, 2 for repeated ones.
    """

    facets: npt.NDArray[np.integer]
    tags: npt.NDArray[np.int32]
    table: npt.NDArray[np.int32]
    state: npt.NDArray[np.uint8]


def _file_rows(mesh: TaggedMesh) -> _Rows:
    told = [tag for name, tag in mesh.facet_names.items() if "|" in name or "@" in name or name in BOX_SIDES]
    mine = np.isin(mesh.facet_tags, told)
    facets, tags = mesh.facets[mine], mesh.facet_tags[mine]
    table = np.full(1 << (2 * len(tags) + 8).bit_length(), -1, np.int32)
    rows = _Rows(facets, tags, table, np.zeros(len(tags), np.uint8))
    _fill(*rows)
    return rows


def _between_as_named(mesh: TaggedMesh, topology: Topology) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
    """Facets between two phases, turned as the name of their interface says, and the tag of its set."""
    n = max([0, *mesh.cell_names.values()]) + 1
    tag_of, forward = np.full((n, n), -1), np.ones((n, n), dtype=bool)
    for first, p in mesh.cell_names.items():
        for second, q in mesh.cell_names.items():
            tag_of[p, q] = mesh.facet_names.get(interface_name(first, second), -1)
            forward[p, q] = first < second
    p, q = mesh.cell_tags[topology.between_tets].T if len(topology.between) else np.zeros((2, 0), int)
    triangles = topology.between.copy()
    back = ~forward[p, q]
    triangles[back] = triangles[back][:, ::-1]
    return triangles, tag_of[p, q]


def _side_tags(mesh: TaggedMesh) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Tags of the sets of each phase (by tag) on each side, (6, n), and of the whole sides, (6,); -1 for none."""
    one = np.full((6, max([0, *mesh.cell_names.values()]) + 1), -1)
    for name, tag in mesh.cell_names.items():
        for s, side in enumerate(BOX_SIDES):
            one[s, tag] = mesh.facet_names.get(f"{name}@{side}", -1)
    return one, np.array([mesh.facet_names.get(side, -1) for side in BOX_SIDES])


def _find_walls(
    mesh: TaggedMesh, rows: _Rows, triangles: npt.NDArray[np.integer], tags: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.bool_], int]:
    """Which outer facets are walls towards a phase that is not in the mesh, and how many point the wrong way."""
    found, turned = np.zeros(len(triangles), dtype=bool), 0
    for name, tag in mesh.facet_names.items():
        parts = name.split("|")
        inside = [part for part in parts if part in mesh.cell_names]
        if len(parts) != 2 or len(inside) != 1:
            continue
        mine = np.flatnonzero((tags == mesh.cell_names[inside[0]]) & ~found)
        outwards = triangles[mine] if parts[0] == inside[0] else triangles[mine][:, ::-1]
        _, wrong, hit = _find(*rows, outwards, np.full(len(mine), tag))
        found[mine] = hit
        turned += int(wrong)
    return found, turned


def _side_of(mesh: TaggedMesh, triangles: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Side of the box that each triangle lies in, exactly, -1 for none."""
    assert mesh.box is not None
    side = np.full(len(triangles), -1)
    for s in range(6):
        axis, upper = divmod(s, 2)
        side[(mesh.points[triangles, axis] == mesh.box[upper, axis]).all(axis=1)] = s
    return side


def _contacts(mesh: TaggedMesh, topology: Topology) -> tuple[dict[str, int], dict[str, int]]:
    """Edges and points at which each phase touches itself, by name."""
    pairs = mesh.cell_tags[topology.between_tets].reshape(-1, 2)
    facets = np.concatenate([topology.between, topology.between, topology.outer])
    tags = np.concatenate([pairs[:, 0], pairs[:, 1], mesh.cell_tags[topology.outer_tets]])
    n = max([0, *mesh.cell_names.values()]) + 1
    edges, points = _self_contacts(facets, tags, mesh.n_points, n)
    return tuple({name: int(found[tag]) for name, tag in mesh.cell_names.items()} for found in (edges, points))  # type: ignore[return-value]


@nb.njit(cache=True, inline="always")
def _sorted3(a, b, c):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    low, high = min(a, b, c), max(a, b, c)
    return low, a + b + c - low - high, high


@nb.njit(cache=True, inline="always")
def _turn(a, b, c):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Which way round the corners go, by their numbers."""
    return (a < b) == ((b < c) == (a < c))


@nb.njit(cache=True, inline="always")
def _mix(a, b, c, tag):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    h = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b)
    h = (h ^ (h >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(c)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0x94D049BB133111EB) + np.uint64(tag)
    return (h ^ (h >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(20)


@nb.njit(cache=True)
def _place(facets, tags, table, a, b, c, tag):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Place in the table of the row with these corners (ascending) and tag, or the free place where it belongs."""
    mask = np.uint64(len(table) - 1)
    at = _mix(a, b, c, tag) & mask
    while table[at] >= 0:
        row = table[at]
        if tags[row] == tag and _sorted3(facets[row, 0], facets[row, 1], facets[row, 2]) == (a, b, c):
            break
        at = (at + np.uint64(1)) & mask
    return at


@nb.njit(cache=True)
def _fill(facets, tags, table, state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for row in range(len(facets)):
        a, b, c = _sorted3(facets[row, 0], facets[row, 1], facets[row, 2])
        at = _place(facets, tags, table, a, b, c, tags[row])
        if table[at] >= 0:
            state[row] = 2
        else:
            table[at] = row


@nb.njit(cache=True)
def _find(facets, tags, table, state, triangles, wanted):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Look up oriented triangles: how many are missing, how many rows are turned, and which were found."""
    missing = turned = 0
    found = np.zeros(len(triangles), np.bool_)
    for f in range(len(triangles)):
        p, q, r = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        a, b, c = _sorted3(p, q, r)
        row = table[_place(facets, tags, table, a, b, c, wanted[f])] if wanted[f] >= 0 else -1
        if row < 0:
            missing += 1
            continue
        found[f] = True
        state[row] = 1
        if _turn(p, q, r) != _turn(facets[row, 0], facets[row, 1], facets[row, 2]):
            turned += 1
    return missing, turned, found


@nb.njit(cache=True)
def _count_twins(points):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Points with the coordinates of an earlier one."""
    bits = points.view(np.int64)
    size = 1024
    while size < 2 * len(points):
        size *= 2
    table = np.full(size, -1, np.int64)
    mask = np.uint64(size - 1)
    twins = 0
    for p in range(len(points)):
        at = _mix(bits[p, 0], bits[p, 1], bits[p, 2], 0) & mask
        while table[at] >= 0:
            q = table[at]
            if bits[p, 0] == bits[q, 0] and bits[p, 1] == bits[q, 1] and bits[p, 2] == bits[q, 2]:
                twins += 1
                break
            at = (at + np.uint64(1)) & mask
        else:
            table[at] = p
    return twins


@nb.njit(cache=True)
def _self_contacts(facets, tags, n_points, n_tags):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Edges with more than two outer facets of a phase, and points around which these facets make several fans."""
    first = np.zeros(n_points + 1, np.int64)
    for f in range(len(facets)):
        for e in range(3):
            first[facets[f, e] + 1] += 1
    first = np.cumsum(first)
    entry, at = np.empty(3 * len(facets), np.int32), first[:-1].copy()
    for f in range(len(facets)):
        for e in range(3):
            entry[at[facets[f, e]]] = f
            at[facets[f, e]] += 1
    edges, points = np.zeros(n_tags, np.int64), np.zeros(n_tags, np.int64)
    most = np.max(first[1:] - first[:-1]) if n_points else 0
    fan, ends, star = np.empty(most, np.int64), np.empty((most, 2), np.int64), np.empty(most, tags.dtype)
    for v in range(n_points):
        low, count = first[v], first[v + 1] - first[v]
        for n in range(count):
            f = entry[low + n]
            star[n] = tags[f]
            e = 0 if facets[f, 0] == v else (1 if facets[f, 1] == v else 2)
            ends[n, 0], ends[n, 1], fan[n] = facets[f, (e + 1) % 3], facets[f, (e + 2) % 3], n
        _count_edges(v, count, star, ends, fan, edges)
        for n in range(count):
            # the first fan of a phase is no contact
            for o in range(n if fan[n] == n else 0):
                if fan[o] == o and star[o] == star[n]:
                    points[star[n]] += 1
                    break
    return edges, points


@nb.njit(cache=True)
def _count_edges(v, count, star, ends, fan, edges):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Join the facets around a vertex that share an edge into fans; count the edges that more than two share."""
    for n in range(count):
        for e in range(2):
            w = ends[n, e]
            here, earliest = 1, True
            for o in range(count):
                if o == n or star[o] != star[n] or (ends[o, 0] != w and ends[o, 1] != w):
                    continue
                here += 1
                earliest &= o > n
                low, high = min(fan[n], fan[o]), max(fan[n], fan[o])
                for other in range(count if low != high else 0):
                    if fan[other] == high:
                        fan[other] = low
            # each edge at its lower end, each at the first facet that has it
            if here > 2 and earliest and v < w:
                edges[star[n]] += 1
