"""Facet rows as sides of tets, one-sided sets: what Exodus, Abaqus and Nastran call a surface. No files.

An interface has two sides. ``"A|B"`` here is the set of sides that belong to tets of A, ``"B|A"`` the same triangles
seen from B. Any other set (``"A@z_min"``, ``"z_min"``, sets with names of the user's own) has one side: that of the
tet which the normals of its rows leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.mesh import TaggedMesh

__all__ = ["FacetSides", "SideSet", "facet_sides", "rows_from_sides", "side_set_names", "side_sets", "tets_of"]


class FacetSides(NamedTuple):
    """The tets on both sides of each facet row.

    Attributes
    ----------
    front : (f,) int64 array
        ``4 * tet + side`` of the tet that the normal of the row leaves, -1 where there is none. Sides are numbered as
        in `ssb2mesh.mesh.TET_SIDES`.
    back : (f,) int64 array
        The same of the tet that the normal enters.
    """

    front: npt.NDArray[np.int64]
    back: npt.NDArray[np.int64]


class SideSet(NamedTuple):
    """Sides of tets under one name.

    Attributes
    ----------
    name : str
        ``"A|B"`` (on tets of A), ``"B|A"`` (on tets of B), or the name of the facet set.
    tets, sides : (k,) int64 arrays
        Tet and its side, numbered as in `ssb2mesh.mesh.TET_SIDES`, in the order of the facet rows.
    """

    name: str
    tets: npt.NDArray[np.int64]
    sides: npt.NDArray[np.int64]


def facet_sides(mesh: TaggedMesh) -> FacetSides:
    """Return which side of which tet each facet row is, in front of it and behind it.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh of positive tets.

    Returns
    -------
    FacetSides
        ``(front, back)``.

    Examples
    --------
    >>> import numpy as np
    >>> mesh = TaggedMesh(np.eye(4, 3), np.array([[3, 0, 1, 2]]), np.array([1]), np.array([[3, 1, 0]]), np.array([1]),
    ...                   {"NMC": 1}, {"NMC@z_min": 1})
    >>> facet_sides(mesh)
    FacetSides(front=array([3]), back=array([-1]))
    """
    facets = mesh.facets
    front = np.full(len(facets), -1, np.int64)
    back = front.copy()
    if len(facets) and mesh.n_tets:
        lowest = facets.min(axis=1)
        first = np.zeros(mesh.n_points + 1, np.int64)
        np.cumsum(np.bincount(lowest, minlength=mesh.n_points), out=first[1:])
        _match(mesh.tets, facets, (first, np.argsort(lowest, kind="stable")), (front, back))
    return FacetSides(front, back)


def tets_of(sides: npt.NDArray[np.int64], cell_tags: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the phase tag of the tet of each side, -1 where there is none.

    Parameters
    ----------
    sides : (f,) int64 array
        ``4 * tet + side`` or -1, as in `FacetSides`.
    cell_tags : (m,) int32 array
        Phase tags of the tets.

    Returns
    -------
    (f,) int32 array
        Tags.

    Examples
    --------
    >>> import numpy as np
    >>> tets_of(np.array([5, -1]), np.array([7, 8], np.int32))
    array([ 8, -1], dtype=int32)
    """
    return np.where(sides >= 0, cell_tags[sides // 4], np.int32(-1)).astype(np.int32)


def side_set_names(mesh: TaggedMesh) -> dict[str, tuple[str, str | None]]:
    """Return the names of the one-sided sets of a mesh, in the order in which `side_sets` gives them.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh.

    Returns
    -------
    dict of str to (str, str or None)
        Name of each one-sided set to the facet set it comes from and the phase its tets must have (None: any).
        Walls of phases left out appear from the side that is there. Reversed names stand at the end.

    Examples
    --------
    >>> side_set_names(mesh)  # doctest: +SKIP
    {'LPSCl|NMC': ('LPSCl|NMC', 'LPSCl'), 'z_min': ('z_min', None), 'NMC|LPSCl': ('LPSCl|NMC', 'NMC')}
    """
    direct: dict[str, tuple[str, str | None]] = {}
    reverse: dict[str, tuple[str, str | None]] = {}
    for name in mesh.facet_names:
        pair = interface_pair(name, mesh.cell_names)
        if pair is None:
            direct[name] = (name, None)
            continue
        first, second = pair
        if first in mesh.cell_names:
            direct[name] = (name, first)
        other = f"{second}|{first}"
        if second in mesh.cell_names and other not in mesh.facet_names:
            reverse[other] = (name, second)
    return direct | reverse


def side_sets(mesh: TaggedMesh) -> list[SideSet]:
    """Return the facet sets of a mesh as one-sided sets of tet sides.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh of positive tets.

    Returns
    -------
    list of SideSet
        In the order of `side_set_names`; a triangle that is no side of a tet of the right phase is left out, a side
        given twice in a set counts once.

    Examples
    --------
    >>> [s.name for s in side_sets(mesh)]  # doctest: +SKIP
    ['LPSCl|NMC', 'z_min', 'NMC|LPSCl']
    """
    front, back = facet_sides(mesh)
    front_tag, back_tag = tets_of(front, mesh.cell_tags), tets_of(back, mesh.cell_tags)
    order = np.argsort(mesh.facet_tags, kind="stable")
    tags = mesh.facet_tags[order]
    found = []
    for name, (source, phase) in side_set_names(mesh).items():
        tag = mesh.facet_names[source]
        rows = order[np.searchsorted(tags, tag) : np.searchsorted(tags, tag, side="right")]
        if phase is None:
            sides = np.where(front[rows] >= 0, front[rows], back[rows])
        else:
            wanted = mesh.cell_names[phase]
            sides = np.where(back_tag[rows] == wanted, back[rows], -1)
            sides = np.where(front_tag[rows] == wanted, front[rows], sides)
        sides = sides[sides >= 0]
        _, once = np.unique(sides, return_index=True)
        if len(once) < len(sides):
            sides = sides[np.sort(once)]
        found.append(SideSet(name, sides // 4, sides % 4))
    return found


def rows_from_sides(
    triangles: Mapping[str, npt.NDArray[np.integer]],
    cell_names: Mapping[str, int],
    facet_names: Mapping[str, int],
) -> dict[str, npt.NDArray[np.integer]]:
    """Return the triangles of each facet set from those of the one-sided sets; the way back of `side_sets`.

    Parameters
    ----------
    triangles : mapping of str to (k, 3) int array
        Triangles of one-sided sets by name, normals out of the tets that own them.
    cell_names, facet_names : mapping of str to int
        Names of the mesh.

    Returns
    -------
    dict of str to (k, 3) int array
        By facet set, normals from A to B for ``"A|B"``; sets that are not given have no rows.

    Examples
    --------
    >>> import numpy as np
    >>> sides = {"NMC|LPSCl": np.array([[0, 1, 2]])}
    >>> rows_from_sides(sides, {"NMC": 1}, {"LPSCl|NMC": 1})
    {'LPSCl|NMC': array([[2, 1, 0]])}
    """
    rows = {}
    for name in facet_names:
        pair = interface_pair(name, cell_names)
        reversed_name = f"{pair[1]}|{pair[0]}" if pair else ""
        if name in triangles:
            rows[name] = triangles[name]
        elif reversed_name in triangles:
            rows[name] = triangles[reversed_name][:, ::-1]
    return rows


def interface_pair(name: str, phases: Mapping[str, int]) -> tuple[str, str] | None:
    """Return the two phases of an interface name when at least one of them is in the mesh, else None."""
    parts = name.split("|")
    if len(parts) != 2 or not (parts[0] in phases or parts[1] in phases):
        return None
    return parts[0], parts[1]


@nb.njit(cache=True)
def _match(tets, facets, buckets, sides):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Compare the sides of all tets with the rows whose lowest corner they share."""
    first, order = buckets
    front, back = sides
    for t in range(len(tets)):
        for s in range(4):
            # the corners of TET_SIDES[s], outwards
            a = tets[t, 1] if s == 0 else tets[t, 0]
            b = tets[t, 2] if s == 0 else (tets[t, 3] if s == 1 else (tets[t, 1] if s == 2 else tets[t, 2]))
            c = tets[t, 3] if s == 0 else (tets[t, 2] if s == 1 else (tets[t, 3] if s == 2 else tets[t, 1]))
            low = min(a, b, c)
            for p in range(first[low], first[low + 1]):
                row = order[p]
                x, y, z = facets[row, 0], facets[row, 1], facets[row, 2]
                if (x == a and y == b and z == c) or (x == b and y == c and z == a) or (x == c and y == a and z == b):
                    front[row] = 4 * t + s
                elif (x == a and y == c and z == b) or (x == c and y == b and z == a) or (x == b and y == a and z == c):
                    back[row] = 4 * t + s
