"""Sub-volumes: exact statistics of blocks, spread that falls with size, sub-volumes that do not percolate."""

import csv
import re

import numpy as np
import pytest

from solvers import dolfinx_api
from solvers.from_study import run_solve, run_volume_solve
from solvers.representative import representative_volume
from ssb2mesh import LabelledVolume
from ssb2mesh.errors import InputError
from ssb2mesh.io import write_volume
from ssb2mesh.pipeline import run_study, solve_study
from ssb2mesh.plot import plot_representative
from ssb2mesh.study import format_study, parse_study
from ssb2mesh.summaries import describe_run

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)


def blocks():
    """Two by two by two blocks of 4^3 voxels; three of them are phase b."""
    which = np.array([[[0, 1], [0, 0]], [[1, 0], [0, 1]]], np.uint8)
    return LabelledVolume(which.repeat(4, 0).repeat(4, 1).repeat(4, 2), (1e-6,) * 3, phases={0: "a", 1: "b"})


def test_uniform_blocks_have_exact_statistics():
    study = representative_volume(blocks(), conductivity={"a": 1.0, "b": 3.0}, sizes=["4 um"])
    values = np.array([1.0] * 5 + [3.0] * 3)
    for row, axis in zip(study.statistics(), "xyz", strict=True):
        assert (row["size"], row["axis"], row["count"], row["percolating"]) == (pytest.approx(4e-6), axis, 8, 8)
        assert row["conductivity_mean"] == pytest.approx(values.mean(), rel=1e-9)
        assert row["conductivity_std"] == pytest.approx(values.std(ddof=1), rel=1e-9)
        assert row["tortuosity_mean"] == pytest.approx(1.0, rel=1e-9)
        assert row["tortuosity_std"] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_array_equal(np.unique(study.starts), [0, 4])


def test_what_does_not_percolate_counts_as_zero():
    for mesh in ({}, {"drop": ["b"]}):
        study = representative_volume(blocks(), conductivity={"a": 2.0}, sizes=["4 um"], axes="z", mesh=mesh)
        row = study.statistics()[0]
        assert (row["count"], row["percolating"]) == (8, 5)
        assert row["conductivity_mean"] == pytest.approx(2.0 * 5 / 8, rel=1e-9)
        assert row["tortuosity_mean"] == pytest.approx(1.0, rel=1e-9)
        assert study.representative_size("z", 0.1) is None


def test_a_wall_is_no_error():
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[:, :, 0] = 1
    volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "a", 1: "b"})
    for mesh in ({}, {"drop": ["b"]}):
        study = representative_volume(volume, conductivity={"a": 2.0}, sizes=["4 um"], axes=("x", "z"), mesh=mesh)
        # a plate along x, cut off along z
        assert study.conductivity[0] == pytest.approx([1.5, 0.0], rel=1e-9)
        assert study.tortuosity[0] == pytest.approx([1.0, np.inf], rel=1e-9)
        assert np.isnan(study.statistics()[0]["conductivity_std"])


def test_spread_falls_with_size():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, (12, 12, 12)).astype(np.uint8).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    volume = LabelledVolume(labels, (0.5e-6,) * 3, phases={0: "a", 1: "b"})
    sigma = {"a": 1.0, "b": 4.0}
    study = representative_volume(volume, conductivity=sigma, sizes=["2 um", "6 um"], positions=8, axes="x")
    small, large = study.statistics()
    assert (small["count"], large["count"]) == (8, 8)
    # grains are independent: 3^3 times as many, a spread 5 times smaller, known from eight samples to a factor of two
    assert small["conductivity_std"] > 2 * large["conductivity_std"]
    assert study.representative_size("x", 0.5 * small["conductivity_std"] / small["conductivity_mean"]) == 6e-6
    again = representative_volume(volume, conductivity=sigma, sizes=["2 um"], positions=8, axes="x")
    np.testing.assert_array_equal(again.conductivity, study.conductivity[:8])


def test_bad_input():
    with pytest.raises(InputError, match="sizes: got 9 um; give lengths from a voxel .1 um. to the volume's 8 um"):
        representative_volume(blocks(), conductivity={"a": 1.0}, sizes=["9 um"])
    with pytest.raises(InputError, match="'c'"):
        representative_volume(blocks(), conductivity={"c": 1.0}, sizes=["4 um"])
    with pytest.raises(InputError, match="positions: got 0"):
        representative_volume(blocks(), conductivity={"a": 1.0}, sizes=["4 um"], positions=0)
    with pytest.raises(InputError, match="axes: got"):
        representative_volume(blocks(), conductivity={"a": 1.0}, sizes=["4 um"], axes="w")


TABLE = {"name": "rve", "type": "representative_volume", "conductivity": {"a": "1 S/m", "b": 3.0}}


def test_a_table_runs_and_writes_its_numbers(tmp_path):
    study = run_volume_solve(blocks(), {**TABLE, "sizes": ["4 voxels", "8 um"], "axes": "x"})
    assert study.conductivity[:8, 0].sum() == pytest.approx(5 * 1 + 3 * 3, rel=1e-9)
    assert study.sizes.tolist() == pytest.approx([4e-6] * 8 + [8e-6])
    study.write(tmp_path / "rve.xdmf")
    with (tmp_path / "rve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["conductivity_x"]) for row in rows] == study.conductivity[:, 0].tolist()
    assert [int(row["start_z"]) for row in rows] == study.starts[:, 2].tolist()
    with (tmp_path / "rve-statistics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["axis"], row["count"]) for row in rows] == [("x", "8"), ("x", "1")]
    assert float(rows[0]["conductivity_mean"]) == pytest.approx(14 / 8, rel=1e-9)
    assert rows[1]["conductivity_std"] == "nan"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rve-statistics.csv", "rve.csv"]


def test_options_of_the_whole_volume_fit_its_parts():
    """A grey image and a size field are cut with the labels, sizes of phases that are not there are left out."""
    volume = blocks()
    grey = np.where(volume.labels == 1, 200.0, 50.0)
    mesh = {"drop": ["c"], "options": {"sizes": {"a": "2 voxels", "a|b": "1 voxel"}, "grey": grey,
                                       "size_field": np.full(volume.shape, 2e-6)}}  # fmt: skip
    study = run_volume_solve(volume, {**TABLE, "sizes": ["4 um"], "axes": "z"}, mesh=mesh)
    assert sorted(study.conductivity[:, 0]) == pytest.approx([1.0] * 5 + [3.0] * 3, rel=1e-9)


def test_a_study_asks_for_it(tmp_path):
    labels = blocks().labels
    write_volume(LabelledVolume(labels, (1e-6,) * 3, phases={0: "a", 1: "b"}), tmp_path / "blocks.npz")
    text = """
    [volume]
    path = "blocks.npz"
    [[solve]]
    name = "rve"
    type = "representative_volume"
    conductivity = { a = 1.0, b = 3.0 }
    sizes = ["4 voxels"]
    [output]
    folder = "results"
    fields = false
    """
    study = parse_study(text, base=tmp_path)
    assert parse_study(format_study(study), base=tmp_path) == study
    result = run_study(study)
    assert result.solves[0].summary["count"] == 8
    assert "4 um  x         8          8" in describe_run(result.to_dict())
    names = {path.name for path in result.files}
    # tables are the result: they are written without fields as well
    assert {"rve.csv", "rve-statistics.csv", "report.html", "sub-volumes-1.png"} <= names
    html = (tmp_path / "results" / "report.html").read_text(encoding="utf-8")
    assert "Sub-volumes: rve" in html
    assert "<th>edge</th>" in html
    # the volume is read again where the mesh is there already
    again = solve_study(study, overwrite=True)
    assert again.solves[0].summary["statistics"] == result.solves[0].summary["statistics"]
    with pytest.raises(InputError, match=r"\[\[solve\]\] 1 .rve.: sizes: got 9 um; give lengths from a voxel"):
        run_study(parse_study(text.replace("4 voxels", "9 um"), base=tmp_path), overwrite=True)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"sizes": []}, ".sizes: got []; give edges of cubes"),
        ({"sizes": ["0.5 voxels"]}, ".sizes: got '0.5 voxels'; an edge is a length such as '20 um', or at least '1 v"),
        ({"sizes": ["20"]}, ".sizes: size: got '20'; give a number and a unit"),
        ({"sizes": ["4 um", 4e-6]}, "a size is there twice"),
        ({"sizes": ["4 um"], "positions": 0}, ".positions: got 0; expected a whole number of at least 1"),
        ({"sizes": ["4 um"], "seed": -1}, ".seed: got -1; expected a whole number of at least 0"),
        ({}, ".sizes: missing; give edges of the cubes"),
        ({"sizes": ["4 um"], "bounds": True}, ".bounds: unknown key"),
    ],
)
def test_faults_of_a_table(change, fault):
    with pytest.raises(InputError, match=re.escape(fault)):
        run_volume_solve(blocks(), {**TABLE, **change})


def test_volume_and_mesh_are_not_mixed_up():
    with pytest.raises(InputError, match="'representative_volume' is solved on a volume, not on a mesh"):
        run_solve(None, {**TABLE, "sizes": ["4 um"]})
    with pytest.raises(InputError, match="'effective_conductivity' is solved on a mesh"):
        run_volume_solve(blocks(), {"name": "a", "type": "effective_conductivity", "conductivity": {"a": 1.0}})
    with pytest.raises(InputError, match="volume: got None on rank 0"):
        run_volume_solve(None, {**TABLE, "sizes": ["4 um"]})
    with pytest.raises(InputError, match="no sub-volumes"):
        plot_representative({"sub_volumes": []}, "a.png")
