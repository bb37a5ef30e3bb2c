"""On the way out: units, axes, second order, options, and what is told when a format cannot hold something."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, random_mesh
from test_comsol import same_but_for_the_order_of_rows
from test_mesh_io import assert_same

from ssb2mesh.cli.main import cli
from ssb2mesh.errors import InputError
from ssb2mesh.exports import Export, prepare, reorder_axes, writer_arguments, writer_options
from ssb2mesh.io.mesh_common import MeshData
from ssb2mesh.io.mesh_names import LossWarning
from ssb2mesh.io.mesh_sides import facet_sides
from ssb2mesh.io.meshes import read_mesh, read_mesh_data, write_mesh
from ssb2mesh.mesh import tet_volumes
from ssb2mesh.mesh.second_order import TET_EDGES, second_order
from ssb2mesh.mesh.split import split_interfaces
from ssb2mesh.mesh.units import in_metres, scale_to_unit
from ssb2mesh.verbs import convert_file


def small(size=(2e-6, 3e-6, 5e-6)):
    labels = np.random.default_rng(5).integers(1, 4, (2, 3, 4))
    return box_mesh((2, 3, 4), labels, size=size, origin=(1e-6, 0.0, -1e-6))


@pytest.mark.parametrize("suffix", [".vtu", ".msh", ".e", ".mphtxt", ".inp"])
def test_a_unit_scales_what_is_in_the_file_and_is_undone_on_reading(tmp_path, suffix):
    mesh = small()
    write_mesh(mesh, tmp_path / "m.vtu")
    convert_file(tmp_path / "m.vtu", tmp_path / f"um{suffix}", overwrite=True, export=Export(unit="um"))
    back = read_mesh(tmp_path / f"um{suffix}")
    # one multiplication and one division; 14 digits in .inp
    np.testing.assert_allclose(back.points, mesh.points, rtol=1e-13, atol=0)
    np.testing.assert_allclose(back.box, mesh.box, rtol=1e-15, atol=0)
    assert "length_unit" not in back.metadata
    raw = pytest.importorskip("meshio").read(tmp_path / f"um{suffix}") if suffix in (".vtu", ".msh", ".inp") else None
    if raw is not None:
        np.testing.assert_allclose(raw.points.max(axis=0), [3.0, 3.0, 4.0], rtol=1e-13)


def test_units_that_cannot_be():
    mesh = small()
    with pytest.raises(InputError, match="unit: got 'inch'; units of length: m, cm, mm, um"):
        scale_to_unit(mesh, "inch")
    with pytest.raises(InputError, match="native format holds metres"):
        writer_arguments("m.xdmf", Export(unit="um"))
    assert in_metres(mesh) is mesh


@pytest.mark.parametrize("axes", ["zyx", "xzy", "yxz", "yzx", "zxy"])
def test_axes_turn_with_sides_vectors_and_tensors(axes):
    mesh = small()
    gradient = np.array([1.0, 20.0, 300.0])
    six = np.array([11.0, 12, 13, 22, 23, 33])
    fields = {"v": np.tile(gradient, (mesh.n_points, 1)), "s": np.tile(six, (mesh.n_points, 1))}
    fields |= {"t": np.tile(np.arange(9.0), (mesh.n_points, 1)), "phi": mesh.points @ gradient}
    turned = reorder_axes(MeshData(mesh, fields), axes)
    made = turned.mesh
    order = ["xyz".index(a) for a in axes]
    np.testing.assert_array_equal(made.points, mesh.points[:, order])
    assert (tet_volumes(made.points, made.tets) > 0).all()
    assert made.phase_volumes() == pytest.approx(mesh.phase_volumes(), rel=1e-12)
    np.testing.assert_allclose(made.points @ turned.point_data["v"][0], fields["phi"], rtol=1e-12)
    full = np.array([[11, 12, 13], [12, 22, 23], [13, 23, 33]])[np.ix_(order, order)]
    np.testing.assert_array_equal(turned.point_data["s"][0], full[[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]])
    nine = np.arange(9).reshape(3, 3)[np.ix_(order, order)]
    np.testing.assert_array_equal(turned.point_data["t"][0], nine.ravel())
    # every row still has its tet in front, and each side lies in its plane
    assert (facet_sides(made).front >= 0).all()
    for axis, name in enumerate("xyz"):
        for end, word in enumerate(("min", "max")):
            rows = made.facet_set(f"{name}_{word}")
            assert (made.points[rows][:, :, axis] == made.box[end, axis]).all()
    assert set(made.facet_names) == set(mesh.facet_names)


def test_axes_that_cannot_be():
    with pytest.raises(InputError, match="axes: got 'xxz'; give x, y and z in some order"):
        reorder_axes(MeshData(small()), "xxz")


def test_mid_nodes_lie_on_the_middle_of_their_edges_and_are_shared():
    mesh = random_mesh(2, 2)
    second = second_order(mesh)
    for column, (a, b) in enumerate(TET_EDGES):
        middle = 0.5 * (mesh.points[mesh.tets[:, a]] + mesh.points[mesh.tets[:, b]])
        np.testing.assert_array_equal(second.points[second.tets[:, 4 + column]], middle)
    assert len(np.unique(second.points, axis=0)) == len(second.points) == 125  # 2 n + 1 points a side
    np.testing.assert_array_equal(second.on_nodes(mesh.points), second.points)


@pytest.fixture(scope="module")
def hard_mesh():
    """Twelve phases with long names that are not ASCII and differ at the end only, one left out, 136 facet sets."""
    names = {i: f"phase – Li₂S·P₂S₅ β {'x' * (90 if i % 2 else 3)} {i}" for i in range(1, 13)}
    labels = np.random.default_rng(0).integers(1, 13, (6, 6, 6))
    mesh = box_mesh(6, labels, names=names, drop=(names[3],))
    assert len(mesh.facet_names) > 130
    return mesh


@pytest.mark.filterwarnings("ignore::ssb2mesh.io.mesh_names.LossWarning")
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("suffix", [".xdmf", ".vtu", ".msh", ".e", ".mphtxt", ".inp"])
def test_every_format_with_a_reader_gives_the_hard_mesh_back(tmp_path, hard_mesh, suffix, split):
    mesh = split_interfaces(hard_mesh, "all") if split else hard_mesh
    for options in ({}, {"order": 2}) if suffix != ".xdmf" else ({},):
        write_mesh(mesh, tmp_path / f"m{suffix}", **options)
        back = read_mesh(tmp_path / f"m{suffix}")
        if suffix == ".inp":  # 14 digits
            np.testing.assert_allclose(back.points, mesh.points, rtol=1e-13, atol=0)
            back = dataclasses.replace(back, points=mesh.points)
        if suffix in (".mphtxt", ".inp"):
            same_but_for_the_order_of_rows(back, dataclasses.replace(mesh, facet_tags=np.sort(mesh.facet_tags)))
        else:
            assert_same(back, mesh)


def test_options_from_text():
    assert writer_options("m.msh", {"version": "2.2", "binary": "no"}) == {"version": "2.2", "binary": False}
    assert writer_options("m.e", {"node_sets": "z_min, z_max"}) == {"node_sets": ("z_min", "z_max")}
    assert writer_arguments("m.vtu", None) == {}
    with pytest.raises(
        InputError, match=r"'versoin' is no option of \.msh; options: version, binary.*did you mean 'version'"
    ):
        writer_options("m.msh", {"versoin": "2.2"})
    with pytest.raises(InputError, match="option binary: got 'maybe'; write yes or no"):
        writer_options("m.msh", {"binary": "maybe"})
    with pytest.raises(InputError, match="option name_length: got 'long'; write a whole number"):
        writer_options("m.e", {"name_length": "long"})
    with pytest.raises(InputError, match=r"order: \.xdmf is written with first-order tets only; second order: .*\.e"):
        writer_arguments("m.xdmf", Export(order=2))


def test_point_fields_follow_a_split(tmp_path):
    mesh = random_mesh(3, 2)
    data = prepare(MeshData(mesh, {"phi": mesh.points[:, 0]}), Export(split=("all",)))
    assert data.mesh.n_points > mesh.n_points
    np.testing.assert_array_equal(data.point_data["phi"], data.mesh.points[:, 0])


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, list(arguments))
    return done.exit_code, done.stderr


def test_convert_from_the_command_line(tmp_path):
    mesh = random_mesh(3, 2)
    source, target = str(tmp_path / "m.vtu"), str(tmp_path / "m.e")
    write_mesh(mesh, source, point_data={"phi": mesh.points[:, 0]})
    options = ["--split", "phase1|phase2", "--unit", "um", "--order", "2", "--option", "node_sets=z_min"]
    code, told = run("convert", source, target, *options)
    assert code == 0, told
    back = read_mesh_data(target)
    assert "phase2|phase1" in back.mesh.facet_names
    np.testing.assert_allclose(back.point_data["phi"], back.mesh.points[:, 0], atol=1e-15)
    for arguments, message in (
        (["--split", "phase1|phase3"], "no facet set 'phase1|phase3'"),
        (["--unit", "inch"], "unit: got 'inch'"),
        (["--option", "colour=red"], "'colour' is no option of .e"),
        (["--output-axes", "zzz"], "axes: got 'zzz'"),
    ):
        code, told = run("convert", source, target, "--overwrite", *arguments)
        assert code == 1
        assert message in told
    code, told = run("convert", source, target, "--overwrite", "--option", "colour")
    assert code == 2
    assert "write NAME=VALUE" in told
    with pytest.warns(LossWarning, match="Nastran holds no fields here: 'phi' left out"):
        convert_file(source, tmp_path / "m.nas")
