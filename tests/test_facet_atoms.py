"""Atoms of facet sets: against a plain dictionary of frozensets, and on a mesh whose sets are known."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, random_mesh

from ssb2mesh.facet_atoms import atom_table, facet_atoms
from ssb2mesh.mesh import TaggedMesh


def brute_force(mesh):
    sets = defaultdict(set)
    names = {tag: name for name, tag in mesh.facet_names.items()}
    for triangle, tag in zip(mesh.facets.tolist(), mesh.facet_tags.tolist(), strict=True):
        sets[tuple(sorted(triangle))].add(names[tag])
    return {key: frozenset(value) for key, value in sets.items()}


def as_mapping(found):
    sets = defaultdict(set)
    for name, atoms in found.sets.items():
        for atom in atoms:
            sets[atom].add(name)
    return {
        tuple(sorted(t)): frozenset(sets[a])
        for t, a in zip(found.triangles.tolist(), found.atoms.tolist(), strict=True)
    }


@pytest.mark.parametrize("phases", range(1, 7))
def test_the_helper_mesh_is_valid(phases):
    mesh = random_mesh(4, phases, seed=phases)
    from ssb2mesh.mesh import tet_volumes

    volumes = tet_volumes(mesh.points, mesh.tets)
    assert volumes.min() == pytest.approx(1 / 384, rel=1e-12)  # 64 cubes of 6 equal tets: rounding only
    areas = mesh.facet_areas()
    assert all(areas[f"{axis}_{end}"] == pytest.approx(1.0, rel=1e-12) for axis in "xyz" for end in ("min", "max"))
    for name in mesh.facet_names:
        if "|" not in name:
            continue
        a, _ = name.split("|")
        tets = mesh.tets[mesh.cell_tags == mesh.phase_tag(a)]
        centre = {tuple(sorted(t)): mesh.points[t].mean(axis=0) for t in tets.tolist()}
        by_face = {tuple(sorted(set(t) - {v})): c for t, c in centre.items() for v in t}
        triangles = mesh.facet_set(name)
        p = mesh.points[triangles]
        normal = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
        inside = np.array([by_face[tuple(sorted(t))] for t in triangles.tolist()])
        assert (np.einsum("ij,ij->i", normal, p[:, 0] - inside) > 0).all()


@pytest.mark.parametrize("phases", range(1, 7))
def test_atoms_agree_with_a_dictionary_of_sets(phases):
    mesh = random_mesh(5, phases, seed=phases, drop=() if phases < 3 else ("phase2",))
    found = facet_atoms(mesh)
    assert as_mapping(found) == brute_force(mesh)
    assert len(found.triangles) == len(brute_force(mesh))


def test_atoms_of_two_layers():
    labels = np.ones((2, 2, 2), int)
    labels[0] = 2
    found = facet_atoms(box_mesh(2, labels, names={1: "A", 2: "B"}))
    # interface, A and B on the four sides they share, one phase on x_min and on x_max
    assert len(np.unique(found.atoms)) == 1 + 4 * 2 + 2
    assert len(found.sets["A|B"]) == 1
    assert len(found.sets["z_min"]) == 2
    assert set(found.sets["z_min"]) == set(found.sets["A@z_min"]) | set(found.sets["B@z_min"])


def test_where_no_sets_overlap_atoms_are_the_sets_in_tag_order():
    mesh = random_mesh(3, 3)
    keep = np.array(["_" not in n or "@" in n for n in mesh.facet_names])
    names = {n: t for (n, t), k in zip(mesh.facet_names.items(), keep, strict=True) if k}
    rows = np.isin(mesh.facet_tags, list(names.values()))
    mesh = dataclasses.replace(mesh, facets=mesh.facets[rows], facet_tags=mesh.facet_tags[rows], facet_names=names)
    found = facet_atoms(mesh)
    assert [found.sets[n] for n in sorted(names, key=names.__getitem__)] == [(i + 1,) for i in range(len(names))]
    np.testing.assert_array_equal(found.triangles, mesh.facets)


def test_rows_shuffled_or_given_twice_change_nothing():
    mesh = random_mesh(4, 3)
    rng = np.random.default_rng(1)
    order = rng.permutation(np.r_[np.arange(len(mesh.facets)), np.arange(50)])
    turned = np.stack(
        [np.roll(row, k) for row, k in zip(mesh.facets[order], rng.integers(0, 3, len(order)), strict=True)]
    )
    shuffled = dataclasses.replace(mesh, facets=turned, facet_tags=mesh.facet_tags[order])
    assert as_mapping(facet_atoms(shuffled)) == as_mapping(facet_atoms(mesh))


def test_sets_without_triangles_and_meshes_without_facets():
    mesh = random_mesh(2, 1)
    empty = TaggedMesh(mesh.points, mesh.tets, mesh.cell_tags, np.zeros((0, 3), int), np.zeros(0, int), mesh.cell_names,
                       {"nothing": 7})  # fmt: skip
    found = facet_atoms(empty)
    assert found.triangles.shape == (0, 3)
    assert found.sets == {"nothing": ()}


def test_indices_beyond_63_bits_of_a_triple_are_kept_apart():
    # 3 million points: three indices need 65 bits; only the facets matter here
    n = 3_000_000
    points = np.zeros((n, 3))
    points[[1, 2, 3], [0, 1, 2]] = 1
    facets = np.array([[n - 1, n - 2, n - 3], [n - 3, n - 1, n - 2], [0, 1, n - 1], [0, 2, n - 1]])
    mesh = TaggedMesh(points, np.array([[0, 1, 2, 3]]), [1], facets, [1, 2, 2, 2], {"A": 1}, {"s": 1, "t": 2})
    assert as_mapping(facet_atoms(mesh)) == brute_force(mesh)


def test_rows_find_their_triangle():
    mesh = random_mesh(4, 4)
    table = atom_table(mesh)
    np.testing.assert_array_equal(
        np.sort(mesh.facets[table.first_row][table.row_triangle], axis=1), np.sort(mesh.facets, axis=1)
    )


def test_a_million_rows_take_seconds():
    rng = np.random.default_rng(0)
    n = 400_000
    facets = rng.integers(0, n, (1_000_000, 3))
    mesh = TaggedMesh(rng.random((n, 3)), np.array([[0, 1, 2, 3]]), [1], facets, rng.integers(1, 200, len(facets)),
                      {"A": 1}, {f"s{i}": i for i in range(1, 200)})  # fmt: skip
    start = time.process_time()
    facet_atoms(mesh)
    assert time.process_time() - start < 10  # about 1 s
