"""Facet sets that overlap, as atoms that do not: what a format or a solver with one value per facet needs. No files.

A triangle of ``"A@z_min"`` is in ``"z_min"`` too, but the meshtags of DOLFINx, the entities of Gmsh and most other
formats allow one value per triangle. An *atom* is one combination of sets that occurs; each triangle lies in exactly
one atom, and each set is a union of atoms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssb2mesh.mesh import TaggedMesh

__all__ = ["FacetAtoms", "atom_table", "facet_atoms"]


class FacetAtoms(NamedTuple):
    """Distinct tagged triangles, the atom of each, and the atoms of each set.

    Attributes
    ----------
    triangles : (k, 3) int array
        Each tagged triangle once, oriented as in the set of the lowest tag that holds it.
    atoms : (k,) int32 array
        Atom of each triangle, 1, 2, ...; ascending.
    sets : dict of str to tuple of int
        Set name to its atoms. A set without triangles has none.
    """

    triangles: npt.NDArray[np.integer]
    atoms: npt.NDArray[np.int32]
    sets: dict[str, tuple[int, ...]]


class AtomTable(NamedTuple):
    """What `facet_atoms` is made from, row by row; for writers that must give the rows back.

    Attributes
    ----------
    first_row : (k,) int64 array
        Row of ``mesh.facets`` that each distinct triangle is taken from.
    atoms : (k,) int32 array
        Atom of each distinct triangle, ascending.
    row_triangle : (f,) int64 array
        Distinct triangle of each row of ``mesh.facets``.
    members : list of tuple of int
        Set tags of atom 1, 2, ...
    """

    first_row: npt.NDArray[np.int64]
    atoms: npt.NDArray[np.int32]
    row_triangle: npt.NDArray[np.int64]
    members: list[tuple[int, ...]]


def facet_atoms(mesh: TaggedMesh) -> FacetAtoms:
    """Return each tagged triangle once with the atom it lies in, and the atoms of each facet set.

    Atoms are numbered by the set tags they lie in, in lexicographic order; where no sets overlap, atom ``n`` is the
    set of the ``n``-th tag.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh; facet rows in any order.

    Returns
    -------
    FacetAtoms
        ``(triangles, atoms, sets)``.

    Examples
    --------
    >>> triangles, atoms, sets = facet_atoms(mesh)  # doctest: +SKIP
    >>> sets  # doctest: +SKIP
    {'NMC@z_min': (1,), 'pore@z_min': (2,), 'z_min': (1, 2)}
    >>> z_min = triangles[np.isin(atoms, sets["z_min"])]  # doctest: +SKIP
    """
    table = atom_table(mesh)
    by_tag: dict[int, list[int]] = {tag: [] for tag in mesh.facet_names.values()}
    for atom, tags in enumerate(table.members, start=1):
        for tag in tags:
            by_tag[tag].append(atom)
    sets = {name: tuple(by_tag[tag]) for name, tag in mesh.facet_names.items()}
    return FacetAtoms(mesh.facets[table.first_row], table.atoms, sets)


def atom_table(mesh: TaggedMesh) -> AtomTable:
    """Return the atoms of the facet rows of a mesh with the link from rows to distinct triangles.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh.

    Returns
    -------
    AtomTable
        ``(first_row, atoms, row_triangle, members)``.

    Examples
    --------
    >>> table = atom_table(mesh)  # doctest: +SKIP
    >>> triangles = mesh.facets[table.first_row]  # doctest: +SKIP
    """
    n_rows = len(mesh.facets)
    if n_rows == 0:
        nothing = np.zeros(0, np.int64)
        return AtomTable(nothing, nothing.astype(np.int32), nothing, [])
    keys = triangle_keys(mesh.facets)
    # rows of one triangle side by side, the lowest tag first
    sort_by: list[npt.NDArray[np.integer]] = [mesh.facet_tags, *reversed(keys)]
    order = np.lexsort(sort_by)
    starts = np.ones(n_rows, dtype=bool)
    starts[1:] = np.logical_or.reduce([key[order[1:]] != key[order[:-1]] for key in keys])
    group = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    tags = mesh.facet_tags[order]
    once = starts.copy()
    once[1:] |= tags[1:] != tags[:-1]  # a row given twice counts once
    combination, members = _combinations(tags[once], (np.cumsum(once) - 1)[first])
    by_atom = np.lexsort((order[first], combination))
    rank = np.empty_like(by_atom)
    rank[by_atom] = np.arange(len(by_atom))
    row_triangle = np.empty(n_rows, np.int64)
    row_triangle[order] = rank[group]
    return AtomTable(order[first][by_atom], (combination[by_atom] + 1).astype(np.int32), row_triangle, members)


def triangle_keys(triangles: npt.NDArray[np.integer]) -> list[npt.NDArray[np.int64]]:
    """Return integers that are equal for triangles of the same corners and sort like the sorted corners.

    Parameters
    ----------
    triangles : (f, 3) int array
        Point indices, in any order within a row.

    Returns
    -------
    list of (f,) int64 arrays
        One key, or two (the more significant first) when three indices do not fit 63 bits.

    Examples
    --------
    >>> import numpy as np
    >>> key, = triangle_keys(np.array([[2, 0, 1], [1, 2, 0]]))
    >>> bool(key[0] == key[1])
    True
    """
    corners = np.sort(triangles, axis=1).astype(np.int64, copy=False)
    base = int(corners.max(initial=0)) + 1
    if base**3 < 2**63:
        return [(corners[:, 0] * base + corners[:, 1]) * base + corners[:, 2]]
    return [corners[:, 0], corners[:, 1] * base + corners[:, 2]]


def _combinations(
    tags: npt.NDArray[np.int32], first: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], list[tuple[int, ...]]]:
    """Number the distinct tag lists of consecutive groups of rows in lexicographic order; tags ascend in a group."""
    lengths = np.diff(first, append=len(tags))
    ids = np.zeros(len(first), np.int64)
    members: list[tuple[int, ...]] = [()]
    for depth in range(int(lengths.max())):
        active = lengths > depth
        # a group that has ended sorts before its continuations, hence the lowest digit
        digit = np.zeros(len(first), np.int64)
        lowest = int(tags.min())
        digit[active] = tags[first[active] + depth].astype(np.int64) - lowest + 1
        base = int(digit.max()) + 1
        found, ids = np.unique(ids * base + digit, return_inverse=True)
        members = [members[key // base] + ((key % base + lowest - 1,) if key % base else ()) for key in found.tolist()]
    return ids, members
