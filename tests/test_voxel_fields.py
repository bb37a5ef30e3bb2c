"""Fields between voxels and meshes: exact answers, integrals, convergence, files, the verb."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from helpers_mesh import box_mesh, box_volume

from ssb2mesh import mesh_volume, read_volume
from ssb2mesh.cli.main import cli
from ssb2mesh.errors import InputError
from ssb2mesh.io.meshes import read_mesh_data, write_mesh
from ssb2mesh.io.volume_fields import read_voxel_field, write_voxel_field
from ssb2mesh.mesh import TaggedMesh, tet_volumes
from ssb2mesh.phantoms import make_phantom
from ssb2mesh.voxel_fields import (
    VoxelField,
    cells_to_voxels,
    points_to_voxels,
    voxels_to_cells,
    voxels_to_points,
)

#: Rounding of sums of some thousand pieces of a tet.
ROUND = 1e-12
SIZE = (3e-6, 2e-6, 4e-6)
ORIGIN = (1e-6, -2e-6, 5e-6)


def grid(shape, function=None, *, size=SIZE, origin=ORIGIN):
    """A voxel grid over the box with the values of a function at the centres."""
    spacing = np.asarray(size) / shape
    centres = (np.indices(shape) + 0.5).transpose(1, 2, 3, 0) * spacing + origin
    values = np.zeros(shape) if function is None else function(centres)
    return VoxelField(values, tuple(spacing), origin)


def linear(x):
    return 1.0 + 2e6 * x[..., 0] - 3e6 * x[..., 1] + 0.5e6 * x[..., 2]


def smooth(x):
    return np.sin(1e6 * x[..., 0]) * np.cos(0.8e6 * x[..., 1]) + 0.1e6 * x[..., 2]


@pytest.fixture(scope="module")
def skew():
    """Cubes of tets whose inner points are moved, so that no facet lies on a voxel face."""
    mesh = box_mesh((4, 3, 5), size=SIZE, origin=ORIGIN)
    inside = (mesh.points > mesh.box[0] + 1e-9).all(axis=1) & (mesh.points < mesh.box[1] - 1e-9).all(axis=1)
    points = mesh.points.copy()
    points[inside] += np.random.default_rng(3).uniform(-0.1e-6, 0.1e-6, (inside.sum(), 3))
    moved = TaggedMesh(points, mesh.tets, mesh.cell_tags, mesh.facets, mesh.facet_tags, mesh.cell_names,
                       mesh.facet_names, mesh.box)  # fmt: skip
    assert tet_volumes(moved.points, moved.tets).min() > 0
    return moved


SHAPES = [(1, 1, 1), (4, 3, 5), (7, 11, 3), (20, 2, 9)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mean_over_tets_keeps_the_integral(skew, shape):
    field = grid(shape, lambda x: np.random.default_rng(0).random(x.shape[:3]))
    mean = voxels_to_cells(field, skew)
    volumes = tet_volumes(skew.points, skew.tets)
    assert np.allclose(mean.volume, volumes, rtol=ROUND, atol=0)
    assert (mean.values * mean.volume).sum() == pytest.approx(field.integral(), rel=ROUND)
    assert mean.values.min() >= field.values.min() - ROUND
    assert mean.values.max() <= field.values.max() + ROUND


def test_the_mean_over_one_tet_is_that_of_a_million_samples():
    corners = np.array([[0.1, 0.2, 0.1], [2.9, 0.4, 0.3], [0.6, 2.7, 0.2], [0.5, 0.6, 2.8]])
    mesh = TaggedMesh(corners, np.array([[0, 1, 2, 3]]), np.array([1]), np.zeros((0, 3), int), np.zeros(0, int),
                      {"a": 1}, {})  # fmt: skip
    field = VoxelField(np.random.default_rng(1).random((3, 3, 3)), (1.0, 1.0, 1.0))
    weights = np.random.default_rng(2).exponential(size=(1_000_000, 4))
    samples = (weights / weights.sum(axis=1, keepdims=True)) @ corners
    values = field.values[tuple(np.floor(samples).astype(int).T)]
    # four standard errors of the sampling
    assert voxels_to_cells(field, mesh).values[0] == pytest.approx(values.mean(), abs=4 * values.std() / 1000)


@pytest.mark.parametrize("shape", [(4, 3, 5), (7, 11, 3)])
def test_constants_and_linear_fields_are_exact(skew, shape):
    field = grid(shape, linear)
    centroids = skew.points[skew.tets].mean(axis=1)
    assert np.allclose(voxels_to_cells(field, skew, linear=True).values, linear(centroids), atol=1e-11)
    assert np.allclose(voxels_to_points(field, skew), linear(skew.points), atol=1e-11)
    back = points_to_voxels(linear(skew.points), skew, field)
    assert np.allclose(back.field.values, field.values, atol=1e-11)
    assert np.allclose(back.share, 1.0, atol=ROUND)
    constant = grid(shape, lambda x: np.full(x.shape[:3], 7.0))
    assert np.allclose(voxels_to_cells(constant, skew).values, 7.0, atol=ROUND)
    assert np.allclose(voxels_to_points(constant, skew), 7.0, atol=ROUND)
    assert np.allclose(cells_to_voxels(np.full(skew.n_tets, 7.0), skew, field).field.values, 7.0, atol=ROUND)


def test_slopes_do_not_change_the_integral(skew):
    field = grid((7, 11, 3), lambda x: np.random.default_rng(0).random(x.shape[:3]))
    mean = voxels_to_cells(field, skew, linear=True)
    assert (mean.values * mean.volume).sum() == pytest.approx(field.integral(), rel=ROUND)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mean_over_voxels_keeps_the_integral(skew, shape):
    rng = np.random.default_rng(4)
    volumes = tet_volumes(skew.points, skew.tets)
    cells, points = rng.random(skew.n_tets), rng.random(skew.n_points)
    assert cells_to_voxels(cells, skew, grid(shape)).integral() == pytest.approx((cells * volumes).sum(), rel=ROUND)
    integral = (points[skew.tets].mean(axis=1) * volumes).sum()
    assert points_to_voxels(points, skew, grid(shape)).integral() == pytest.approx(integral, rel=ROUND)


def test_voxels_that_a_mesh_fills_exactly_come_back_exactly():
    labels = np.random.default_rng(5).integers(1, 4, (4, 3, 5))
    mesh, volume = box_mesh((4, 3, 5), labels, size=SIZE), box_volume(labels, size=SIZE)
    field = VoxelField.on(volume, np.random.default_rng(6).random(labels.shape))
    again = cells_to_voxels(voxels_to_cells(field, mesh).values, mesh, volume)
    assert np.allclose(again.field.values, field.values, atol=ROUND)


def test_round_trips_converge_at_second_order():
    errors = {"points": [], "linear": []}
    for n in (8, 16, 32):
        mesh, field = box_mesh(n, size=SIZE, origin=ORIGIN), grid((n, n, n), smooth)
        points = points_to_voxels(voxels_to_points(field, mesh), mesh, field).field.values
        errors["points"].append(float(np.sqrt(((points - field.values) ** 2).mean())))
        centroids = mesh.points[mesh.tets].mean(axis=1)
        cells = voxels_to_cells(field, mesh, linear=True).values
        errors["linear"].append(float(np.sqrt(((cells - smooth(centroids)) ** 2).mean())))
    for name, found in errors.items():
        rates = np.log2(np.asarray(found[:-1]) / found[1:])
        # towards 2; at 8 voxels across a period the coarse end is still below
        assert rates.min() > 1.8, (name, found)


def test_dropped_phases_have_no_value():
    labels = np.ones((4, 4, 4), int)
    labels[2:] = 2
    mesh = box_mesh(4, labels, names={1: "NMC", 2: "void"}, drop=["void"])
    volume = box_volume(labels, names={1: "NMC", 2: "void"})
    found = cells_to_voxels(np.ones(mesh.n_tets), mesh, volume)
    assert np.array_equal(np.isnan(found.field.values), labels == 2)
    filled = points_to_voxels(np.ones(mesh.n_points), mesh, volume, fill=-1.0)
    assert np.allclose(filled.field.values, np.where(labels == 2, -1.0, 1.0), atol=ROUND)


def test_voxels_without_value_count_for_nothing():
    values = np.ones((4, 4, 4))
    values[2:] = np.nan
    mesh = box_mesh(2)
    field = VoxelField(values, (0.25,) * 3)
    mean = voxels_to_cells(field, mesh, fill=-5.0)
    left = mesh.points[mesh.tets][:, :, 0].mean(axis=1) < 0.5
    assert np.allclose(mean.values, np.where(left, 1.0, -5.0), atol=ROUND)
    assert mean.volume.sum() == pytest.approx(0.5, rel=ROUND)
    points = voxels_to_points(field, mesh)
    assert np.allclose(points[mesh.points[:, 0] <= 0.5], 1.0, atol=ROUND)
    assert np.isnan(points[mesh.points[:, 0] > 0.7]).all()


def test_outside_the_grid_there_is_no_value():
    mesh = box_mesh(2)
    field = VoxelField(np.ones((2, 2, 2)), (0.25,) * 3)
    mean = voxels_to_cells(field, mesh)
    inside = (mesh.points[mesh.tets] <= 0.5).all(axis=(1, 2))
    assert np.array_equal(np.isfinite(mean.values), inside)
    assert mean.volume.sum() == pytest.approx(0.125, rel=ROUND)
    assert np.isnan(voxels_to_points(field, mesh)[(mesh.points > 0.5).any(axis=1)]).all()


def test_the_lattice_mesh_of_a_cathode_keeps_integrals():
    volume = make_phantom("composite_cathode", shape=20, seed=2).volume
    mesh = mesh_volume(volume)
    field = VoxelField.on(volume, np.random.default_rng(0).random(volume.shape))
    mean = voxels_to_cells(field, mesh)
    assert (mean.values * mean.volume).sum() == pytest.approx(field.integral(), rel=ROUND)
    assert cells_to_voxels(mean.values, mesh, volume).integral() == pytest.approx(field.integral(), rel=ROUND)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: VoxelField(np.zeros((2, 2)), (1, 1, 1)), r"values: got float64 of shape \(2, 2\); give one number"),
        (lambda: VoxelField(np.zeros((2, 2, 2)), (1, 0, 1)), r"spacing: got \(1, 0, 1\); give three numbers in m"),
        (lambda: cells_to_voxels(np.zeros(3), box_mesh(1), VoxelField(np.zeros((1, 1, 1)), (1, 1, 1))),
         r"values: got float64 of shape \(3,\); give one number a tet, 6 in all"),
        (lambda: VoxelField.on(box_volume(np.ones((2, 2, 2), int)), np.zeros((3, 2, 2))), r"got shape \(3, 2, 2\)"),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("suffix", [".vti", ".tif", ".npy"])
def test_files_hold_the_field(tmp_path, suffix):
    field = grid((4, 3, 5), smooth)
    field.values[0, 1, 2] = np.nan
    write_voxel_field(field, tmp_path / f"f{suffix}", name="c")
    known = {} if suffix != ".npy" else {"voxel_size": field.spacing, "axes": "xyz"}
    again = read_voxel_field(tmp_path / f"f{suffix}", **known)
    # TIFF holds 32-bit floats
    assert np.allclose(again.values, field.values, rtol=1e-6 if suffix == ".tif" else 0, atol=0, equal_nan=True)
    assert np.allclose(again.spacing, field.spacing, rtol=1e-12)
    if suffix == ".vti":
        assert np.allclose(again.origin, field.origin, rtol=1e-12)


def test_fields_go_to_known_formats_only(tmp_path):
    with pytest.raises(InputError, match=r"cannot write a field to 'a.vtu'; formats: .tif, .tiff, .vti, .npy"):
        write_voxel_field(grid((1, 1, 1)), tmp_path / "a.vtu")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    labels = np.ones((4, 3, 5), int)
    labels[2:] = 2
    mesh = box_mesh((4, 3, 5), labels, size=SIZE, names={1: "NMC", 2: "void"}, drop=["void"])
    write_mesh(mesh, folder / "m.vtu", point_data={"phi": linear(mesh.points)})
    write_voxel_field(grid((4, 3, 5), linear, origin=(0, 0, 0)), folder / "grey.vti", name="grey")
    return folder


def run(*arguments):
    return CliRunner().invoke(cli, ["map", *map(str, arguments)])


def test_map_goes_both_ways(files):
    result = run(files / "grey.vti", files / "m.vtu", "-o", files / "g.vtu", "--linear", "--json")
    assert result.exit_code == 0, result.stderr
    numbers = json.loads(result.stdout)
    assert (numbers["field"], numbers["kind"], numbers["without_value"]) == ("grey", "cells", 0)
    data = read_mesh_data(files / "g.vtu")
    centroids = data.mesh.points[data.mesh.tets].mean(axis=1)
    assert np.allclose(data.cell_data["grey"], linear(centroids), atol=1e-11)
    assert "phi" in data.point_data
    result = run(
        files / "g.vtu", files / "grey.vti", "-o", files / "back.vti", "--field", "phi", "--fill", "-9", "--json"
    )
    assert result.exit_code == 0, result.stderr
    numbers = json.loads(result.stdout)
    assert numbers["without_value"] == 30
    assert numbers["integral_after"] == pytest.approx(numbers["integral_before"], rel=ROUND)
    back, grey = read_voxel_field(files / "back.vti"), read_voxel_field(files / "grey.vti")
    assert np.allclose(back.values[:2], grey.values[:2], atol=1e-11)
    assert (back.values[2:] == -9).all()


def test_map_to_points(files):
    result = run(files / "grey.vti", files / "m.vtu", "-o", files / "p.vtu", "--to", "points", "--field", "c")
    assert result.exit_code == 0, result.stderr
    data = read_mesh_data(files / "p.vtu")
    assert np.allclose(data.point_data["c"], data.point_data["phi"], atol=1e-11)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("grey.vti", "grey.vti", "-o", "x.vtu"), "got two volumes"),
        (("m.vtu", "m.vtu", "-o", "x.vtu"), "got two meshes"),
        (("grey.vti", "m.vtu", "-o", "x.vti"), "cannot write 'x.vti'; suffixes of meshes"),
        (("m.vtu", "grey.vti", "-o", "x.vtu"), "cannot write 'x.vtu'; suffixes of voxel fields"),
        (("m.vtu", "grey.vti", "-o", "x.vti", "--field", "pho"), "got 'pho', did you mean 'phi'?"),
        (("grey.vti", "m.vtu", "-o", "x.vtu", "--field", "phi", "--to", "points"), "has a field 'phi' already"),
        (("grey.vti", "m.vtu", "-o", "grey.vti"), "exists"),
        (("none.vti", "m.vtu", "-o", "x.vtu"), "does not exist"),
    ],
)
def test_map_says_what_is_wrong(files, monkeypatch, arguments, message):
    monkeypatch.chdir(files)
    result = run(*arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (files / "x.vtu").exists()
    assert not (files / "x.vti").exists()


def test_map_refuses_slopes_at_points(files):
    result = run(files / "grey.vti", files / "m.vtu", "-o", files / "x.vtu", "--to", "points", "--linear")
    assert result.exit_code == 2
    assert "--linear is about means over cells" in result.stderr


def test_label_volumes_read_as_before(tmp_path):
    write_voxel_field(grid((2, 2, 2)), tmp_path / "f.vti")
    with pytest.raises(InputError, match="grey values"):
        read_volume(tmp_path / "f.vti")
