"""Cutting along interfaces: copies per fan of tets, sets on both sides, nothing else changed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, random_mesh

from ssb2mesh.check import check_mesh
from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_sides import facet_sides, side_sets
from ssb2mesh.io.meshes import read_mesh, write_mesh
from ssb2mesh.mesh import TET_SIDES, TaggedMesh, tet_volumes
from ssb2mesh.mesh.split import join_split, other_side, split_interfaces, split_with_source


def copies(mesh: TaggedMesh, point: tuple) -> int:
    """How many used points lie at a place."""
    used = np.unique(mesh.tets)
    return int((np.abs(mesh.points[used] - point).max(axis=1) < 1e-9).sum())


def components(mesh: TaggedMesh) -> int:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = mesh.tets[:, [[0, 1], [1, 2], [2, 3]]].reshape(-1, 2)
    used = np.unique(mesh.tets)
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(mesh.n_points,) * 2)
    labels = connected_components(graph, directed=False)[1]
    return len(np.unique(labels[used]))


def brute_force_fans(mesh: TaggedMesh, cut: set[frozenset], vertex: int) -> int:
    """Fans of tets at a vertex, by walking over facets that are not cut."""
    around = [t for t in range(mesh.n_tets) if vertex in mesh.tets[t]]
    faces = {t: [frozenset(mesh.tets[t][s].tolist()) for s in TET_SIDES] for t in around}
    left, fans = set(around), 0
    while left:
        fans += 1
        stack = [left.pop()]
        while stack:
            t = stack.pop()
            for u in list(left):
                shared = [f for f in faces[t] if f in faces[u]]
                if shared and vertex in shared[0] and shared[0] not in cut:
                    left.discard(u)
                    stack.append(u)
    return fans


def four_quadrants() -> TaggedMesh:
    """Phases 1 to 3 around a line along z: 1 below left and right, 2 and 3 above."""
    labels = np.zeros((2, 2, 1), int)
    labels[0, 0] = labels[1, 0] = 1
    labels[0, 1], labels[1, 1] = 2, 3
    return box_mesh((2, 2, 1), labels, names={1: "A", 2: "B", 3: "C"})


def test_a_triple_line_falls_into_as_many_as_hang_together():
    mesh = four_quadrants()
    centre = (0.5, 0.5, 0.0)
    assert copies(mesh, centre) == 1
    assert copies(split_interfaces(mesh, "all"), centre) == 3
    assert copies(split_interfaces(mesh, ["A|B", "A|C"]), centre) == 2
    # one cut that ends at the triple line: the tets hang together round it
    assert copies(split_interfaces(mesh, ["B|C"]), centre) == 1
    assert copies(split_interfaces(mesh, ["A|B"]), centre) == 1
    # on the box, where the cut runs out, it does part
    assert copies(split_interfaces(mesh, ["B|C"]), (0.5, 1.0, 0.0)) == 2
    assert components(split_interfaces(mesh, "all")) == 3
    assert components(split_interfaces(mesh, ["A|B", "A|C"])) == 2
    assert components(split_interfaces(mesh, ["A|B"])) == 1


def test_a_cut_that_ends_inside_a_phase_stays_one_at_its_rim():
    mesh = box_mesh(4)
    # a square of two by two facets in the plane z = 1/2, inside the box
    sides = mesh.tets[:, TET_SIDES].reshape(-1, 3)
    centre = mesh.points[sides].mean(axis=1)
    flat = (mesh.points[sides][:, :, 2] == 0.5).all(axis=1)
    inner = flat & (np.abs(centre[:, :2] - 0.5) < 0.25).all(axis=1)
    up = inner & (np.cross(*(mesh.points[sides[:, i]] - mesh.points[sides[:, 0]] for i in (1, 2)))[:, 2] > 0)
    rows = sides[up]
    assert len(rows) == 8
    crack = TaggedMesh(mesh.points, mesh.tets, mesh.cell_tags, rows, np.full(8, 5), mesh.cell_names, {"crack": 5})
    cut = split_interfaces(crack, ["crack"])
    assert copies(cut, (0.5, 0.5, 0.5)) == 2
    for rim in ((0.25, 0.25, 0.5), (0.5, 0.25, 0.5), (0.75, 0.75, 0.5)):
        assert copies(cut, rim) == 1
    assert set(cut.facet_names) == {"crack", "crack (back)"}
    assert cut.n_points == mesh.n_points + 1
    assert cut.facet_areas() == pytest.approx({"crack": 0.25, "crack (back)": 0.25}, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_copies_are_the_fans_found_by_brute_force(seed):
    mesh = random_mesh(3, 4, seed=seed, drop=("phase4",) if seed % 2 else ())
    names = [n for n in ("phase1|phase2", "phase2|phase3") if n in mesh.facet_names]
    cut_mesh, source = split_with_source(mesh, names)
    rows = np.concatenate([mesh.facet_set(name) for name in names])
    cut = {frozenset(row) for row in rows.tolist()}
    used = np.unique(cut_mesh.tets)
    count = np.bincount(source[used], minlength=mesh.n_points)
    touched = np.unique(rows)
    for vertex in range(mesh.n_points):
        wanted = brute_force_fans(mesh, cut, vertex) if vertex in touched else int(vertex in mesh.tets)
        assert count[vertex] == wanted, vertex


def test_only_nodes_change_and_both_sides_keep_their_sets():
    mesh = random_mesh(4, 3, seed=3)
    cut, source = split_with_source(mesh, "all")
    np.testing.assert_array_equal(source[cut.tets], mesh.tets)
    np.testing.assert_array_equal(cut.points, mesh.points[source])
    np.testing.assert_array_equal(cut.cell_tags, mesh.cell_tags)
    np.testing.assert_array_equal(tet_volumes(cut.points, cut.tets), tet_volumes(mesh.points, mesh.tets))
    assert list(cut.facet_names)[: len(mesh.facet_names)] == list(mesh.facet_names)
    for name in mesh.facet_names:
        np.testing.assert_array_equal(source[cut.facet_set(name)], mesh.facet_set(name))
    front, back = facet_sides(cut)
    assert (back < 0).all()  # every row is on the outside now, normal out of its own tet
    assert (front >= 0).all()
    for name in ("phase1|phase2", "phase2|phase3"):
        a, b = cut.facet_set(name), cut.facet_set(other_side(name))
        # row for row the same triangle, seen from the other side, with nodes of its own
        np.testing.assert_array_equal(source[b], source[a][:, ::-1])
        phases = name.split("|")
        for rows, phase in ((a, phases[0]), (b, phases[1])):
            owner = front[np.isin(cut.facet_tags, cut.facet_names[name if rows is a else other_side(name)])] // 4
            assert set(cut.cell_tags[owner]) == {cut.cell_names[phase]}
        tag_a, tag_b = (cut.cell_names[p] for p in phases)
        inner_a = set(np.unique(cut.tets[cut.cell_tags == tag_a]))
        assert not inner_a & set(np.unique(cut.tets[cut.cell_tags == tag_b]))
    assert cut.metadata["split"] == ["phase1|phase2", "phase1|phase3", "phase2|phase3"]


def test_side_sets_of_a_split_mesh_have_the_names_of_the_whole_one(tmp_path):
    mesh = random_mesh(3, 3, seed=1)
    cut = split_interfaces(mesh, ["phase1|phase2"])
    whole = {s.name: np.sort(4 * s.tets + s.sides) for s in side_sets(mesh)}
    after = {s.name: np.sort(4 * s.tets + s.sides) for s in side_sets(cut)}
    assert set(whole) == set(after)
    for name, sides in whole.items():
        np.testing.assert_array_equal(after[name], sides, err_msg=name)


@pytest.mark.parametrize("suffix", [".xdmf", ".vtu", ".msh", ".e", ".mphtxt", ".inp"])
def test_split_meshes_come_back(tmp_path, suffix):
    cut = split_interfaces(random_mesh(3, 4, seed=2), "all")
    write_mesh(cut, tmp_path / f"m{suffix}")
    back = read_mesh(tmp_path / f"m{suffix}")
    np.testing.assert_array_equal(back.tets, cut.tets)
    assert dict(back.facet_names) == dict(cut.facet_names)
    assert back.facet_areas() == pytest.approx(cut.facet_areas(), rel=1e-12)  # 14 digits in .inp
    for name in cut.facet_names:
        a, b = (np.sort(np.sort(m.facet_set(name), axis=1), axis=0) for m in (back, cut))
        np.testing.assert_array_equal(a, b)


def test_splitting_twice_is_splitting_once():
    mesh = random_mesh(3, 3, seed=4)
    once = split_interfaces(mesh, ["phase1|phase2", "phase2|phase3"])
    twice = split_interfaces(split_interfaces(mesh, ["phase1|phase2"]), ["phase2|phase3"])
    assert twice.n_points == once.n_points
    assert twice.metadata["split"] == once.metadata["split"]
    # names may be given from either side
    assert split_interfaces(mesh, ["phase2|phase1"]).n_points == split_interfaces(mesh, ["phase1|phase2"]).n_points


@pytest.mark.parametrize("seed", range(3))
def test_joining_undoes_a_split_to_the_last_bit(seed):
    mesh = random_mesh(4, 4, seed=seed, drop=("phase4",) if seed else ())
    back = join_split(split_interfaces(mesh, "all"))
    for key in ("points", "tets", "cell_tags", "facets", "facet_tags", "box"):
        np.testing.assert_array_equal(getattr(back, key), getattr(mesh, key), err_msg=key)
    assert dict(back.facet_names) == dict(mesh.facet_names)
    assert dict(back.metadata) == dict(mesh.metadata)
    assert join_split(mesh) is mesh


def test_a_split_mesh_passes_the_check_as_the_whole_one():
    mesh = random_mesh(3, 3)
    whole, cut = check_mesh(mesh), check_mesh(split_interfaces(mesh, "all"))
    assert whole.faults == cut.faults
    assert cut.interfaces["phase2|phase1"] == pytest.approx(whole.interfaces["phase1|phase2"], rel=1e-12)
    assert cut.points > whole.points


def test_what_cannot_be_split_is_told():
    mesh = random_mesh(3, 3, seed=4, drop=("phase3",))
    with pytest.raises(InputError, match=r"no facet set 'phase1\|phse2'.*did you mean 'phase1\|phase2'"):
        split_interfaces(mesh, ["phase1|phse2"])
    with pytest.raises(InputError, match=r"'phase1\|phase3' lies on the outside"):
        split_interfaces(mesh, ["phase1|phase3"])
    with pytest.raises(InputError, match="'z_min' lies on the outside"):
        split_interfaces(mesh, "z_min")
    with pytest.raises(InputError, match="has been split already"):
        split_interfaces(split_interfaces(mesh, "all"), ["phase1|phase2"])
    lone = random_mesh(2, 1)
    assert split_interfaces(lone, "all") is lone
