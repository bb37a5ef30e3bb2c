"""COMSOL's text format against its published grammar and a parser that is not ours; Nastran against pyNastran."""

from __future__ import annotations

import dataclasses
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, random_mesh
from test_exodus import loops
from test_mesh_io import awkward_mesh

from ssb2mesh.errors import InputError
from ssb2mesh.facet_atoms import facet_atoms
from ssb2mesh.io.mesh_names import LossWarning
from ssb2mesh.io.meshes import read_mesh, write_mesh
from ssb2mesh.mesh import TaggedMesh


class Grammar:
    """The published grammar, item by item: an error where the text is not what must stand there."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def skip(self) -> None:
        self.at = re.compile(r"(?:\s+|#[^\n]*\n)*").match(self.text, self.at).end()

    def number(self, pattern: str = r"-?\d+") -> str:
        self.skip()
        found = re.compile(pattern + r"(?=\s)").match(self.text, self.at)
        assert found, f"a number should stand at {self.text[self.at : self.at + 30]!r}"
        self.at = found.end()
        return found.group(0)

    def integer(self) -> int:
        return int(self.number())

    def real(self) -> float:
        return float(self.number(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?"))

    def string(self) -> str:
        length = self.integer()
        assert self.text[self.at] == " "
        found = self.text[self.at + 1 : self.at + 1 + length]
        self.at += 1 + length
        assert self.text[self.at] in " \n", "the length of a string is wrong"
        return found


def parse(path: Path) -> tuple[np.ndarray, dict, dict]:
    """Points, elements by type, selections by label, by the published grammar (mesh version 4, selection version 0)."""
    g = Grammar(path.read_bytes().decode("ascii"))
    assert (g.integer(), g.integer()) == (0, 1)
    tags = [g.string() for _ in range(g.integer())]
    types = [g.string() for _ in range(g.integer())]
    assert types == ["obj"] * len(tags)
    assert len(set(tags)) == len(tags)
    points, elements, selections = None, {}, {}
    for number in range(len(tags)):
        assert [g.integer() for _ in range(3)] == [0, 0, 1]
        kind = g.string()
        assert kind == ("Mesh" if number == 0 else "Selection")
        if kind == "Mesh":
            assert (g.integer(), g.integer()) == (4, 3)
            count, lowest = g.integer(), g.integer()
            assert lowest == 0
            points = np.array([[g.real() for _ in range(3)] for _ in range(count)])
            for _ in range(g.integer()):
                name, width, cells = g.string(), g.integer(), g.integer()
                assert width == {"tet": 4, "tri": 3, "tet2": 10, "tri2": 6}[name]
                corners = np.array([[g.integer() for _ in range(width)] for _ in range(cells)])
                assert g.integer() == cells
                elements[name] = corners, np.array([g.integer() for _ in range(cells)])
        else:
            assert g.integer() == 0
            label, mesh_tag, dimension = g.string(), g.string(), g.integer()
            assert mesh_tag == tags[0]
            assert dimension in (2, 3)
            assert label not in selections
            selections[label] = dimension, [g.integer() for _ in range(g.integer())]
    g.skip()
    assert g.at == len(g.text), "nothing may follow"
    return points, elements, selections


def check_against(mesh: TaggedMesh, points: np.ndarray, elements: dict, selections: dict) -> None:
    tets, domains = elements["tet"]
    triangles, boundaries = elements["tri"]
    np.testing.assert_array_equal(points[: mesh.n_points], mesh.points)
    np.testing.assert_array_equal(tets[:, :4], mesh.tets)
    assert np.unique(domains).tolist() == list(range(1, domains.max() + 1))
    assert np.unique(boundaries).tolist() == list(range(boundaries.max() + 1))
    assert {label for label, (d, _) in selections.items() if d == 3} == set(mesh.cell_names)
    for name, tag in mesh.cell_names.items():
        np.testing.assert_array_equal(np.isin(domains, selections[name][1]), mesh.cell_tags == tag)
    for name in mesh.facet_names:
        dimension, entities = selections[name]
        assert dimension == 2
        held = triangles[np.isin(boundaries, entities)][:, :3]
        assert loops(points, held) == loops(mesh.points, mesh.facet_set(name)), name
        # orientation and area from the file alone
        a, b, c = points[held].transpose(1, 0, 2)
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
        assert area == pytest.approx(mesh.facet_areas()[name], rel=1e-13)  # rounding of the sum


@pytest.mark.parametrize("phases", [1, 3, 6])
@pytest.mark.parametrize("domains", ["phase", "component"])
def test_the_published_grammar_holds_and_every_name_is_a_selection(tmp_path, phases, domains):
    mesh = random_mesh(3, phases, seed=phases)
    write_mesh(mesh, tmp_path / "m.mphtxt", domains=domains)
    points, elements, selections = parse(tmp_path / "m.mphtxt")
    check_against(mesh, points, elements, selections)


def test_a_domain_for_each_connected_part(tmp_path):
    labels = np.ones((5, 1, 1), int)
    labels[2] = 2
    labels[4] = 2
    mesh = box_mesh((5, 1, 1), labels)
    write_mesh(mesh, tmp_path / "m.mphtxt", domains="component")
    points, elements, selections = parse(tmp_path / "m.mphtxt")
    assert selections["phase1"] == (3, [1, 2])
    assert selections["phase2"] == (3, [3, 4])
    assert np.bincount(elements["tet"][1]).tolist() == [0, 12, 6, 6, 6]
    check_against(mesh, points, elements, selections)


def test_walls_of_a_dropped_phase_and_a_triangle_in_two_sets(tmp_path):
    mesh = random_mesh(4, 3, drop=("phase2",))
    write_mesh(mesh, tmp_path / "m.mphtxt")
    points, elements, selections = parse(tmp_path / "m.mphtxt")
    assert "phase1|phase2" in selections
    check_against(mesh, points, elements, selections)
    # each triangle stands once, in one boundary
    assert len(loops(points, elements["tri"][0])) == len(elements["tri"][0]) == len(facet_atoms(mesh).triangles)


@pytest.mark.parametrize("order", [1, 2])
def test_meshioplusplus_reads_the_same(tmp_path, order):
    other = pytest.importorskip("meshioplusplus", reason="pip install meshioplusplus")
    mesh = random_mesh(3, 4, seed=2)
    write_mesh(mesh, tmp_path / "m.mphtxt", order=order)
    read = other.read(tmp_path / "m.mphtxt")
    points = np.asarray(read.points)
    blocks = {block.type: (np.asarray(block.data), i) for i, block in enumerate(read.cells)}
    tets, at = blocks["tetra" if order == 1 else "tetra10"]
    triangles, triangles_at = blocks["triangle" if order == 1 else "triangle6"]
    np.testing.assert_array_equal(tets[:, :4], mesh.tets)
    assert set(read.cell_sets) == set(mesh.cell_names) | set(mesh.facet_names)
    for name, tag in mesh.cell_names.items():
        np.testing.assert_array_equal(np.sort(read.cell_sets[name][at]), np.flatnonzero(mesh.cell_tags == tag))
    for name in mesh.facet_names:
        held = triangles[read.cell_sets[name][triangles_at]][:, :3]
        assert loops(points, held) == loops(mesh.points, mesh.facet_set(name)), name
    if order == 2:  # in the order of VTK: 01 12 02 03 13 23
        for cells, ends in ((tets[:, 4:], [(0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3)]),
                            (triangles[:, 3:], [(0, 1), (1, 2), (0, 2)])):  # fmt: skip
            corners = tets if cells.shape[1] == 6 else triangles
            for column, (a, b) in enumerate(ends):
                middle = 0.5 * (points[corners[:, a]] + points[corners[:, b]])
                np.testing.assert_array_equal(points[cells[:, column]], middle)


def same_but_for_the_order_of_rows(a: TaggedMesh, b: TaggedMesh) -> None:
    for key in ("points", "tets", "cell_tags", "box", "facet_tags"):
        x, y = getattr(a, key), getattr(b, key)
        assert x.dtype == y.dtype, key
        np.testing.assert_array_equal(x, y, err_msg=key)
    assert list(a.cell_names.items()) == list(b.cell_names.items())
    assert list(a.facet_names.items()) == list(b.facet_names.items())
    assert dict(a.metadata) == dict(b.metadata)
    for name in a.facet_names:
        assert sorted(loops(a.points, a.facet_set(name))) == sorted(loops(b.points, b.facet_set(name))), name


@pytest.mark.parametrize("options", [{}, {"domains": "component"}, {"order": 2}])
def test_mphtxt_comes_back(tmp_path, options):
    for phases in range(1, 7):
        mesh = random_mesh(3, phases, seed=phases)
        write_mesh(mesh, tmp_path / "m.mphtxt", **options)
        same_but_for_the_order_of_rows(read_mesh(tmp_path / "m.mphtxt"), mesh)
    mesh = awkward_mesh()
    with pytest.warns(LossWarning, match="labels changed to ASCII: 'Li₂S–P₂S₅ électrolyte' as 'Li2S-P2S5 electrolyte'"):
        write_mesh(mesh, tmp_path / "m.mphtxt", **options)
    back = read_mesh(tmp_path / "m.mphtxt")
    same_but_for_the_order_of_rows(back, dataclasses.replace(mesh, facet_tags=np.sort(mesh.facet_tags)))


def test_a_mphtxt_of_another_program_comes_in_by_its_selections(tmp_path):
    mesh = random_mesh(3, 3, seed=1)
    write_mesh(mesh, tmp_path / "m.mphtxt", domains="component")
    text = (tmp_path / "m.mphtxt").read_text()
    (tmp_path / "o.mphtxt").write_text(re.sub(r"^# ssb2mesh: .*\n", "", text, flags=re.MULTILINE))
    back = read_mesh(tmp_path / "o.mphtxt")
    assert back.phase_volumes() == pytest.approx(mesh.phase_volumes(), rel=1e-12)  # the same tets, summed
    assert back.facet_areas() == pytest.approx(mesh.facet_areas(), rel=1e-12)
    for share in (0.2, 0.6, 0.97):
        (tmp_path / "t.mphtxt").write_text(text[: int(share * len(text))])
        with pytest.raises(InputError, match="path: "):
            read_mesh(tmp_path / "t.mphtxt")
    (tmp_path / "n.mphtxt").write_text("no mesh at all\n" * 5)
    with pytest.raises(InputError, match="no COMSOL mesh file"):
        read_mesh(tmp_path / "n.mphtxt")


def test_fields_that_are_lost_are_told(tmp_path):
    mesh = random_mesh(2, 2)
    for name, what in (("m.mphtxt", "COMSOL's mesh format"), ("m.nas", "Nastran")):
        with pytest.warns(LossWarning, match=f"{what} holds no fields here: 'phi' left out"):
            write_mesh(mesh, tmp_path / name, point_data={"phi": mesh.points[:, 0]})


def test_bad_options(tmp_path):
    mesh = random_mesh(2, 1)
    with pytest.raises(InputError, match="domains: got 'grain'; choose 'phase' or 'component'"):
        write_mesh(mesh, tmp_path / "m.mphtxt", domains="grain")
    for name in ("m.mphtxt", "m.nas"):
        with pytest.raises(InputError, match="order: got 3"):
            write_mesh(mesh, tmp_path / name, order=3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("order", [1, 2])
def test_pynastran_reads_properties_materials_and_elements(tmp_path, order):
    bdf = pytest.importorskip("pyNastran.bdf.bdf", reason="pip install pyNastran")
    mesh = random_mesh(3, 4, seed=7, drop=("phase2",))
    mesh = dataclasses.replace(mesh, points=(mesh.points - 0.3) * np.array([1e-6, 3.0, 1e7]), box=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossWarning)
        write_mesh(mesh, tmp_path / "m.nas", order=order)
    model = bdf.BDF(debug=None)
    model.read_bdf(str(tmp_path / "m.nas"), punch=False, xref=True)
    solids = {pid: p for pid, p in model.properties.items() if p.type == "PSOLID"}
    assert set(solids) == set(mesh.cell_names.values())
    assert all(p.mid_ref.type == "MAT1" and p.mid == pid for pid, p in solids.items())
    xyz = np.array([model.nodes[i].xyz for i in range(1, len(model.nodes) + 1)])
    # sixteen characters hold eleven digits and more
    np.testing.assert_allclose(xyz[: mesh.n_points], mesh.points, rtol=1e-10, atol=0)
    found = facet_atoms(mesh)
    tets, triangles = [], {}
    for number in sorted(model.elements):
        element = model.elements[number]
        nodes = np.array(element.node_ids) - 1
        if element.type == "CTETRA":
            assert element.pid == mesh.cell_tags[len(tets)]
            tets.append(nodes[:4])
        else:
            triangles.setdefault(element.pid, []).append(nodes[:3])
        assert (
            len(nodes) == {("CTETRA", 1): 4, ("CTETRA", 2): 10, ("CTRIA3", 1): 3, ("CTRIA6", 2): 6}[element.type, order]
        )
    np.testing.assert_array_equal(tets, mesh.tets)
    last = max(mesh.cell_names.values())
    for name, atoms in found.sets.items():
        held = np.concatenate([triangles[last + atom] for atom in atoms])
        assert loops(mesh.points, held) == loops(mesh.points, mesh.facet_set(name)), name
