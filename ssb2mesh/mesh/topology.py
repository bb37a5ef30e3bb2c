"""How tets hang together: shared facets, outer facets, components. Counting only; no shapes, no names."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.mesh import TET_SIDES
from ssb2mesh.volume.forest import root

__all__ = ["Topology", "mesh_topology"]


@dataclass(frozen=True)
class Topology:
    """What the facets of a mesh say about it.

    Parameters
    ----------
    outer : (b, 3) int array
        Facets of one tet only, oriented outwards.
    outer_tets : (b,) int array
        Their tets.
    between : (i, 3) int array
        Facets between two tets of different tag, normal pointing from the first tet to the second.
    between_tets : (i, 2) int array
        Their tets.
    overshared : int
        Facets of more than two tets.
    overlapping : int
        Facets of two positive tets that lie on the same side of it.
    facets : int
        Distinct facets.
    component : (m,) int32 array
        Component of each tet: tets of one tag that hang together by facets.
    components : (c,) int32 array
        Tag of each component.
    """

    outer: npt.NDArray[np.integer]
    outer_tets: npt.NDArray[np.int64]
    between: npt.NDArray[np.integer]
    between_tets: npt.NDArray[np.int64]
    overshared: int
    overlapping: int
    facets: int
    component: npt.NDArray[np.int32]
    components: npt.NDArray[np.int32]


def mesh_topology(tets: npt.NDArray[np.integer], tags: npt.NDArray[np.int32]) -> Topology:
    """Match the facets of all tets.

    Parameters
    ----------
    tets : (m, 4) int array
        Vertex indices of positive tets.
    tags : (m,) int32 array
        Phase tags.

    Returns
    -------
    Topology
        Linear in time and memory: facets are bucketed by their smallest vertex.

    Examples
    --------
    >>> import numpy as np
    >>> t = mesh_topology(np.array([[0, 1, 2, 3], [1, 2, 3, 4]]), np.array([1, 1], np.int32))
    >>> t.facets, len(t.outer), len(t.components)
    (7, 6, 1)
    """
    if not len(tets):
        none = np.empty((0, 3), tets.dtype)
        two = np.empty((0, 2), np.int64)
        flat = np.empty(0, np.int32)
        return Topology(none, two[:, 0], none, two, 0, 0, 0, flat, flat)
    first = np.zeros(int(tets.max()) + 2, np.int64)
    _count(tets, first)
    np.cumsum(first, out=first)
    facet = np.empty(int(first[-1]), np.int32 if first[-1] < 2**31 else np.int64)
    _bucket(tets, first, facet)
    state = np.zeros(len(facet), np.uint8)
    partner = np.zeros_like(facet)
    overshared, overlapping, distinct = _match(tets, tags, first, facet, state, partner).sum(axis=0)
    parent = np.arange(len(tets), dtype=np.int32)
    _unite(facet, state, partner, parent)
    outer_ids, between_ids = facet[state == 1], facet[state == 2]
    between_pairs = np.stack([between_ids // 4, partner[state == 2] // 4], axis=1).astype(np.int64)
    component, owner = _name_components(parent)
    return Topology(
        _corners(tets, outer_ids), (outer_ids // 4).astype(np.int64), _corners(tets, between_ids), between_pairs,
        int(overshared), int(overlapping), int(distinct), component, tags[owner].astype(np.int32),
    )  # fmt: skip


def _corners(tets: npt.NDArray[np.integer], facet: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    return np.take_along_axis(tets[facet // 4], TET_SIDES[facet % 4], axis=1)


@nb.njit(cache=True, inline="always")
def _two_lowest(tets, t):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Side opposite to the lowest vertex of a tet, that vertex, and the second lowest: the lowest of that side."""
    side, low = 0, tets[t, 0]
    for e in range(1, 4):
        if tets[t, e] < low:
            side, low = e, tets[t, e]
    second = tets[t, 1] if side == 0 else tets[t, 0]
    for e in range(1, 4):
        if e != side:
            second = min(second, tets[t, e])
    return side, low, second


@nb.njit(cache=True)
def _count(tets, first):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for t in range(len(tets)):
        _, low, second = _two_lowest(tets, t)
        first[low + 1] += 3
        first[second + 1] += 1


@nb.njit(cache=True)
def _bucket(tets, first, facet):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    at = first[:-1].copy()
    for t in range(len(tets)):
        side, low, second = _two_lowest(tets, t)
        for s in range(4):
            v = second if s == side else low
            facet[at[v]] = 4 * t + s
            at[v] += 1


@nb.njit(cache=True, inline="always")
def _upper_corners(tets, t, s, lowest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The two larger corners of a side in ascending order, and which way round it goes, as one number each."""
    p, q, r = tets[t, TET_SIDES[s, 0]], tets[t, TET_SIDES[s, 1]], tets[t, TET_SIDES[s, 2]]
    if q == lowest:
        q, r = r, p
    elif r == lowest:
        q, r = p, q
    return (np.int64(min(q, r)) << 32) | np.int64(max(q, r)), q < r


@nb.njit(cache=True, parallel=True)
def _match(tets, tags, first, facet, state, partner):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Find equal facets inside each bucket; state 1: alone, 2 and 3: first of two of different and of equal tags.

    Returns, part by part, facets of more than two tets, of two tets on one side, and all distinct facets.
    """
    parts = 64
    n = len(first) - 1
    counts = np.zeros((parts, 3), np.int64)
    for part in nb.prange(parts):
        keys, even = np.empty(64, np.int64), np.empty(64, np.bool_)
        for v in range(part * n // parts, (part + 1) * n // parts):
            low, count = first[v], first[v + 1] - first[v]
            if count > len(keys):
                keys, even = np.empty(2 * count, np.int64), np.empty(2 * count, np.bool_)
            for p in range(count):
                keys[p], even[p] = _upper_corners(tets, facet[low + p] >> 2, facet[low + p] & 3, v)
            for p in range(count):
                if keys[p] < 0:
                    continue
                counts[part, 2] += 1
                others, last = 0, p
                for q in range(p + 1, count):
                    same = keys[q] == keys[p]
                    others += same
                    last = q if same else last
                keys[last] = -1
                for q in range(p + 1, last if others > 1 else 0):
                    if keys[q] == keys[p]:
                        keys[q] = -1
                if others == 0:
                    state[low + p] = 1
                elif others == 1:
                    partner[low + p] = facet[low + last]
                    same = tags[facet[low + p] >> 2] == tags[facet[low + last] >> 2]
                    state[low + p] = 3 if same else 2
                    counts[part, 1] += even[p] == even[last]
                else:
                    counts[part, 0] += 1
    return counts


@nb.njit(cache=True)
def _unite(facet, state, partner, parent):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Join the tets on either side of every facet inside a phase."""
    for p in range(len(facet)):
        if state[p] == 3:
            a, b = facet[p] >> 2, partner[p] >> 2
            if parent[a] != parent[b]:
                a, b = root(parent, a), root(parent, b)
                parent[max(a, b)] = min(a, b)


@nb.njit(cache=True)
def _name_components(parent):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Component of each tet, 0 ..., by first tet, and the first tet of each component."""
    component = np.empty(len(parent), np.int32)
    count = 0
    for t in range(len(parent)):
        if parent[t] == t:
            component[t] = count
            count += 1
        else:
            component[t] = component[root(parent, t)]
    owner = np.empty(count, np.int64)
    for t in range(len(parent)):
        if parent[t] == t:
            owner[component[t]] = t
    return component, owner
