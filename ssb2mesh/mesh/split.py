"""Cutting a mesh open along facet sets: nodes are doubled, tets stay. For cohesive and contact codes. No files.

A vertex gets one copy for each fan of tets around it that still hangs together by facets after the cut. So a triple
line that is cut on all sides falls into three, one that is cut on one side into two, and where a cut ends inside the
material the tets hang together round its end and the vertex stays one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.io.mesh_sides import FacetSides, facet_sides, interface_pair
from ssb2mesh.mesh import TET_SIDES, TaggedMesh

__all__ = ["Split", "join_split", "other_side", "split_interfaces", "split_with_source"]


class Split(NamedTuple):
    """A mesh cut open, and where its points come from.

    Attributes
    ----------
    mesh : TaggedMesh
        The mesh after the cut.
    source : (n,) int64 array
        Point of the old mesh that each point is a copy of; ``field[source]`` is a point field on the new mesh.
    """

    mesh: TaggedMesh
    source: npt.NDArray[np.int64]


def other_side(name: str) -> str:
    """Return the name of the second side of a facet set after a cut.

    Parameters
    ----------
    name : str
        Facet set that is cut.

    Returns
    -------
    str
        ``"B|A"`` of ``"A|B"``, ``"S (back)"`` of any other set S.

    Examples
    --------
    >>> other_side("LPSCl|NMC"), other_side("crack")
    ('NMC|LPSCl', 'crack (back)')
    """
    first, bar, second = name.partition("|")
    return f"{second}|{first}" if bar and "|" not in second else f"{name} (back)"


def split_interfaces(mesh: TaggedMesh, names: Sequence[str] | str = "all") -> TaggedMesh:
    """Double the nodes along interfaces, so that the two sides can part.

    Parameters
    ----------
    mesh : TaggedMesh
        A conforming mesh.
    names : sequence of str, or "all"
        Facet sets to cut along: interfaces ``"A|B"``, or sets inside a phase; ``"all"``: all interfaces of the mesh.

    Returns
    -------
    TaggedMesh
        With ``"A|B"`` on the tets of A and a new set ``"B|A"`` on those of B, row for row the same triangles, each with
        the normal out of its own tets. A set with another name, S, gets ``"S (back)"``. Points are appended; the first
        copy keeps its number. ``metadata["split"]`` lists the sets.

    Raises
    ------
    InputError
        If a set is unknown, lies on the outside, or has been cut already.

    Examples
    --------
    >>> split_interfaces(mesh, ["LPSCl|NMC"]).facet_set("NMC|LPSCl")  # doctest: +SKIP
    """
    return split_with_source(mesh, names).mesh


def split_with_source(mesh: TaggedMesh, names: Sequence[str] | str = "all") -> Split:
    """Do as `split_interfaces` and tell which point each new one is a copy of.

    Parameters
    ----------
    mesh : TaggedMesh
        A conforming mesh.
    names : sequence of str, or "all"
        As in `split_interfaces`.

    Returns
    -------
    Split
        ``(mesh, source)``.

    Raises
    ------
    InputError
        As in `split_interfaces`.

    Examples
    --------
    >>> mesh, source = split_with_source(mesh, "all")  # doctest: +SKIP
    >>> phi = phi[source]  # doctest: +SKIP
    """
    sides = facet_sides(mesh)
    cut = _names_to_cut(mesh, names, sides)
    if not cut:
        return Split(mesh, np.arange(mesh.n_points))
    # facets of an earlier cut that hang together at all their corners have not parted yet: they may now
    before = [name for name in mesh.facet_names if other_side(name) in mesh.facet_names]
    inside = (sides.front >= 0) & (sides.back >= 0)
    parting = inside & np.isin(mesh.facet_tags, [mesh.facet_names[name] for name in [*cut, *before]])
    tets, source = _copy_corners(mesh, np.concatenate([sides.front[parting], sides.back[parting]]))
    facets = _moved_rows(mesh, tets, np.where(sides.front >= 0, sides.front, sides.back))
    back = _moved_rows(mesh, tets, sides.back)[:, ::-1]
    facet_names = dict(mesh.facet_names)
    more, more_tags = [], []
    for name in cut:
        rows = inside & (mesh.facet_tags == mesh.facet_names[name])
        tag = max(facet_names.values()) + 1
        facet_names[other_side(name)] = tag
        more.append(back[rows])
        more_tags.append(np.full(int(rows.sum()), tag, np.int32))
    made = TaggedMesh(
        mesh.points[source],
        tets,
        mesh.cell_tags,
        np.concatenate([facets, *more]),
        np.concatenate([mesh.facet_tags, *more_tags]),
        mesh.cell_names,
        facet_names,
        mesh.box,
        {**mesh.metadata, "split": [*_split_before(mesh), *cut]},
    )
    return Split(made, source)


def join_split(mesh: TaggedMesh) -> TaggedMesh:
    """Undo `split_interfaces`: the mesh as it was before the cut, to the last bit.

    Parameters
    ----------
    mesh : TaggedMesh
        A mesh; one that was not split is returned as it is.

    Returns
    -------
    TaggedMesh
        Points of one place on the cut are one again, and the second sides of the sets are gone.

    Examples
    --------
    >>> join_split(split_interfaces(mesh, "all"))  # doctest: +SKIP
    """
    second = {other_side(name) for name in _split_before(mesh)} & set(mesh.facet_names)
    if not second:
        return mesh
    gone = np.isin(mesh.facet_tags, [mesh.facet_names[name] for name in second])
    _, place = np.unique(mesh.points, axis=0, return_inverse=True)
    place = place.ravel()
    on_cut = np.zeros(int(place.max()) + 1, bool)
    on_cut[place[mesh.facets[gone].ravel()]] = True
    # the first copy has the lowest number
    first = np.full(len(on_cut), mesh.n_points, np.int64)
    np.minimum.at(first, place, np.arange(mesh.n_points))
    keep = np.where(on_cut[place], first[place], np.arange(mesh.n_points))
    held = keep == np.arange(mesh.n_points)
    number = (np.cumsum(held) - 1)[keep].astype(mesh.tets.dtype)
    return TaggedMesh(
        mesh.points[held],
        number[mesh.tets],
        mesh.cell_tags,
        number[mesh.facets[~gone]],
        mesh.facet_tags[~gone],
        mesh.cell_names,
        {name: tag for name, tag in mesh.facet_names.items() if name not in second},
        mesh.box,
        {name: value for name, value in mesh.metadata.items() if name != "split"},
    )


def _split_before(mesh: TaggedMesh) -> list[str]:
    before = mesh.metadata.get("split", [])
    return list(before) if isinstance(before, (list, tuple)) else []


def _names_to_cut(mesh: TaggedMesh, names: Sequence[str] | str, sides: FacetSides) -> list[str]:
    inside = (sides.front >= 0) & (sides.back >= 0)
    has_inside = set(np.unique(mesh.facet_tags[inside]).tolist())
    if isinstance(names, str) and names == "all":
        pairs = {name: interface_pair(name, mesh.cell_names) for name in mesh.facet_names}
        whole = [name for name in pairs if pairs[name] and other_side(name) not in mesh.facet_names]
        return [name for name in whole if mesh.facet_names[name] in has_inside]
    cut = []
    for name in dict.fromkeys([names] if isinstance(names, str) else names):
        tag = mesh.facet_names.get(name)
        if tag is None and other_side(name) in mesh.facet_names:
            name, tag = other_side(name), mesh.facet_names[other_side(name)]
        if tag is None:
            known = [n for n, t in mesh.facet_names.items() if t in has_inside]
            listed = ", ".join(known[:30]) or "none"
            raise InputError(f"split: no facet set {name!r}; sets inside the mesh: {listed}{nearest(name, known)}")
        split_already = other_side(name) in mesh.facet_names
        if split_already or tag not in has_inside:
            why = "has been split already" if split_already else "lies on the outside, where nothing can part"
            raise InputError(f"split: {name!r} {why}; leave it out")
        if name not in cut:
            cut.append(name)
    return cut


def _copy_corners(
    mesh: TaggedMesh, cut: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
    """New corners of the tets, and the old point of each point; `cut` holds both sides of every facet of the cut."""
    touched = np.zeros(mesh.n_points, bool)
    touched[np.take_along_axis(mesh.tets[cut // 4], TET_SIDES[cut % 4], axis=1)] = True
    near = np.flatnonzero(touched[mesh.tets].any(axis=1))
    corners = mesh.tets[near]
    fan = _fans(corners, touched, np.searchsorted(near, cut // 4) * 4 + cut % 4)
    # the fan that holds the first tet keeps the number of the point
    wedge = np.flatnonzero(touched[corners].ravel())
    fan, vertex = fan[wedge], corners.ravel()[wedge].astype(np.int64)
    fans, first = np.unique(fan, return_index=True)
    order = np.lexsort((first, vertex[first]))
    owner = vertex[first][order]
    is_copy = np.r_[False, owner[1:] == owner[:-1]]
    number = np.where(is_copy, mesh.n_points + np.cumsum(is_copy) - 1, owner)
    new_number = np.empty(len(fans), np.int64)
    new_number[order] = number
    source = np.concatenate([np.arange(mesh.n_points), owner[is_copy]])
    kind = mesh.tets.dtype if len(source) <= np.iinfo(mesh.tets.dtype).max else np.dtype(np.int64)
    tets = mesh.tets.astype(kind)
    flat = corners.ravel().astype(kind)
    flat[wedge] = new_number[np.searchsorted(fans, fan)]
    tets[near] = flat.reshape(-1, 4)
    return tets, source


def _fans(
    tets: npt.NDArray[np.integer], touched: npt.NDArray[np.bool_], cut: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Number of the fan of each corner of each tet: corners at one vertex hang together through uncut facets."""
    count = 4 * len(tets)
    facets = np.sort(tets[:, TET_SIDES].reshape(-1, 3), axis=1)
    open_side = np.ones(count, bool)
    open_side[cut] = False
    held = np.flatnonzero(open_side & touched[facets].any(axis=1))
    order = held[np.lexsort(facets[held].T)]
    same = (facets[order[1:]] == facets[order[:-1]]).all(axis=1)
    first, second = order[:-1][same], order[1:][same]
    # corner 4 * tet + local number of each of the three points of the facet, by ascending point
    corner = _corner_of(tets, facets, first), _corner_of(tets, facets, second)
    ends = [c.ravel() for c in corner]
    graph = coo_array((np.ones(len(ends[0]), np.int8), (ends[0], ends[1])), shape=(count, count))
    found: npt.NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return found


def _corner_of(
    tets: npt.NDArray[np.integer], facets: npt.NDArray[np.integer], side: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    tet = side // 4
    return tet[:, None] * 4 + (tets[tet][:, None, :] == facets[side][:, :, None]).argmax(axis=2)


def _moved_rows(
    mesh: TaggedMesh, tets: npt.NDArray[np.integer], side: npt.NDArray[np.int64]
) -> npt.NDArray[np.integer]:
    """The facet rows on the new corners of the tet whose side they are; rows of no tet stay."""
    rows = mesh.facets.astype(tets.dtype)
    on = np.flatnonzero(side >= 0)
    tet = side[on] // 4
    local = (mesh.tets[tet][:, None, :] == mesh.facets[on][:, :, None]).argmax(axis=2)
    rows[on] = np.take_along_axis(tets[tet], local, axis=1)
    return rows
