"""What a job will cost: counts are exact, costs linear, what cannot fit is refused before any work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ssb2mesh import LabelledVolume, mesh_volume, write_mesh
from ssb2mesh.budget import Budget, Sizes, cost, fitted, machine_speed, model
from ssb2mesh.budget import job as jobs
from ssb2mesh.budget.job import check_budget, guard_study, mesh_budget, predict_study, study_budget
from ssb2mesh.budget.speed import _best_seconds, cache_file
from ssb2mesh.budget.text import describe_budget
from ssb2mesh.budget.work import count_mesh
from ssb2mesh.errors import DiskFullError, ResourceError
from ssb2mesh.mesher import LatticeOptions, mesh_work

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SSB2MESH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def volume():
    labels = np.random.default_rng(0).integers(0, 3, (9, 8, 7)).astype(np.uint8)
    labels[3:] //= 3  # one phase but at x_min, so that cells merge
    return LabelledVolume(np.repeat(labels, 2, axis=0), (1e-6,) * 3, phases={0: "void", 1: "A", 2: "B"})


@pytest.fixture
def table(monkeypatch):
    """Constants that are easy to reckon with."""
    monkeypatch.setattr(model, "machine_speed", lambda: 2.0)
    monkeypatch.setattr(
        fitted, "SECONDS", {"mesh": {"one": 1.0, "tets": 0.5}, "solve conduction": {"active*runs": 0.25}}
    )
    process = {"process mesh": {"tets": 10.0}, "process conduction": {"active": 1000.0}, "mesh": {"tets": 1.0}}
    monkeypatch.setattr(fitted, "MEMORY", process)
    monkeypatch.setattr(
        fitted, "DISK", {"file .xdmf": {"tets": 50.0}, "file .vtu": {"tets": 60.0}, "fields": {"points": 8.0}}
    )


@pytest.mark.parametrize("grade", [0, 2])
@pytest.mark.parametrize("drop", [(), ("void",), ("A",)])
def test_counts_are_those_of_the_mesh(volume, grade, drop):
    options = LatticeOptions(grade=grade, smoothing=0)
    work, mesh = mesh_work(volume, drop=drop, options=options), mesh_volume(volume, drop=drop, options=options)
    assert (work.sizes.tets, work.sizes.points) == (mesh.n_tets, mesh.n_points)
    assert work.sizes.built >= work.sizes.tets
    there = count_mesh(mesh)
    assert (there.sizes.tets, there.sizes.points) == (mesh.n_tets, mesh.n_points)
    for phases in (["B"], ["A", "B"], ["void"], []):
        kept = [name for name in phases if name not in drop]
        tags = [mesh.cell_names[name] for name in kept]
        exact = len(np.unique(mesh.tets[np.isin(mesh.cell_tags, tags)]))
        assert work.points_of(phases) == exact
        assert there.points_of(phases) == exact


def test_costs_are_linear_and_scaled_by_the_machine(table):
    assert cost("seconds", "mesh", Sizes(tets=10)) == 2.0 * (1.0 + 0.5 * 10)
    assert cost("memory", "process conduction", Sizes(active=3)) == 3000.0
    assert cost("seconds", "solve conduction", Sizes(active=4, runs=3)) == 2.0 * 0.25 * 12
    assert cost("seconds", "solve charge_transfer", Sizes()) is None
    budget = mesh_budget(Sizes(tets=10), suffixes=[".vtu", ".nas"])
    # a format that was not measured is as large as the largest that was
    assert budget.disk_bytes == 2 * 60 * 10
    assert budget.unknown == ("time to write .vtu", "time to write .nas")
    assert budget.memory_bytes == 100


STUDY = """
[volume]
phantom = "laminate"
options = { shape = 8, layers = 2 }
[[solve]]
name = "a"
type = "conduction"
conductivity = { NAME = 1.0 }
fixed = { z_min = 0, z_max = 1 }
[[solve]]
name = "b"
type = "elasticity"
materials = { NAME = "LPSCl" }
fixed = { z_min = [0, 0, 0] }
[output]
folder = "out"
report = false
"""


@pytest.fixture
def study(tmp_path):
    from ssb2mesh.phantoms import make_phantom

    name = make_phantom("laminate", shape=8, layers=2).volume.phase_names[0]
    (tmp_path / "s.toml").write_text(STUDY.replace("NAME", name))
    from ssb2mesh.study import read_study

    return read_study(tmp_path / "s.toml")


def test_a_study_is_predicted_solve_by_solve(table, study):
    budget = study_budget(study)
    assert budget.tets == 12 * 8**3
    assert budget.points == 8**3 + 9**3
    electrons, stress = budget.solves
    # two layers of two cells: their centres, and three planes of corners each
    assert electrons.dofs == 4 * 8**2 + 6 * 9**2
    assert electrons.seconds == 2.0 * 0.25 * electrons.dofs
    assert budget.memory_bytes == max(1000 * electrons.dofs, 10 * budget.tets)
    assert stress.dofs == 3 * electrons.dofs
    assert (stress.seconds, stress.memory_bytes) == (None, None)
    assert "solve 'b' of type elasticity" in budget.unknown
    assert budget.disk_bytes == budget.tets * (50 + 60) + 2 * 8 * budget.points
    text = describe_budget(budget.to_dict())
    assert f"predicted: {budget.tets} tets" in text
    assert f"{electrons.dofs} unknowns" in text
    assert "not predicted: solve 'b' of type elasticity" in text


def test_a_solve_that_cannot_fit_is_refused_with_the_size_that_would(table, study, monkeypatch):
    from ssb2mesh import pipeline
    from ssb2mesh.steps import load_volume

    volume = load_volume(study.volume)[0]
    needed = predict_study(study, volume).memory_bytes
    monkeypatch.setattr(jobs, "available_memory_bytes", lambda: needed // 8)
    # eight times too much: twice the cell size, and a little
    told = r"cell_size: solve 'a' on about 0.00614 M tets needs .* GiB are free; a cell size 2\.15 times larger fits"
    with pytest.raises(ResourceError, match=told):
        guard_study(study, volume, study.output.folder.parent)
    monkeypatch.setattr(pipeline, "load_physics", lambda: pipeline.Physics(None, None, None, None))
    with pytest.raises(ResourceError, match="or force to go on"):
        pipeline.run_study(study)
    assert not study.output.folder.exists()
    assert not (study.output.folder.parent / ".out.unfinished").exists()
    # the share of each process is not known
    guard_study(study, volume, study.output.folder.parent, processes=2)
    monkeypatch.setattr(jobs, "available_memory_bytes", lambda: 2 * needed)
    guard_study(study, volume, study.output.folder.parent)


def test_files_that_cannot_fit_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("ssb2mesh.disk.free_bytes", lambda folder: 10_000_000)
    with pytest.raises(DiskFullError, match="the results will take about 20 MB and 10 MB are free"):
        check_budget(Budget(1, 1, 0, 20_000_000), tmp_path)


def test_the_speed_is_measured_once_a_process_and_the_best_is_kept(tmp_path, monkeypatch):
    def anew(seconds):
        """What another process finds, on which the work takes so long."""
        _best_seconds.cache_clear()
        monkeypatch.setattr("ssb2mesh.budget.speed.reference_work", lambda: seconds * fitted.REFERENCE_SECONDS)
        return machine_speed()

    start = time.process_time()
    first = machine_speed(fresh=True)
    assert time.process_time() - start < 0.5  # 0.1 s on an idle core
    assert cache_file() == tmp_path / "cache" / "speed.json"
    (machine,) = json.loads(cache_file().read_text())
    monkeypatch.setattr("ssb2mesh.budget.speed.reference_work", lambda: pytest.fail("measured again"))
    assert machine_speed() == first
    cache_file().write_text(json.dumps({machine: 2 * fitted.REFERENCE_SECONDS, "another": 1.0}))
    assert anew(5) == 2.0  # the machine is busy now
    assert anew(1.5) == 1.5  # it was then
    assert anew(4) == 1.5
    monkeypatch.setattr("ssb2mesh.budget.speed.reference_work", lambda: 3 * fitted.REFERENCE_SECONDS)
    assert machine_speed(fresh=True) == 3.0
    assert json.loads(cache_file().read_text())["another"] == 1.0
    for damaged in ("{", "[]", '{"a": "b"}'):
        cache_file().write_text(damaged)
        assert anew(3) == 3.0
    monkeypatch.setenv("SSB2MESH_CACHE", "/proc/nowhere")  # cannot be written: measured by every process
    assert anew(3) == 3.0
    _best_seconds.cache_clear()


def test_the_constants_cover_what_is_asked_of_them():
    assert {"mesh", "check", "load domain", "report", "measure"} <= set(fitted.SECONDS)
    assert {f"file {suffix}" for suffix in model.FORMATS} <= set(fitted.DISK)
    names = set(Sizes.__dataclass_fields__)
    for tables in (fitted.SECONDS, fitted.MEMORY, fitted.DISK):
        for table in tables.values():
            assert table
            assert all(value > 0 and set(name.split("*")) <= names for name, value in table.items())


def test_sizes_of_files_are_predicted(volume, tmp_path):
    """Sizes do not depend on the machine: the constants are within 20 % of files that were not used for them."""
    large = LabelledVolume(np.tile(volume.labels, (2, 4, 5)), (1e-6,) * 3, phases=dict(volume.phases))
    options = LatticeOptions(smoothing=0)
    sizes, mesh = mesh_work(large).sizes, mesh_volume(large, options=options)
    for suffix in (".xdmf", ".vtu", ".msh", ".inp"):
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        write_mesh(mesh, folder / f"mesh{suffix}")
        size = sum(path.stat().st_size for path in folder.iterdir())
        assert model.disk_bytes(suffix, sizes) == pytest.approx(size, rel=0.2), suffix


def test_dry_run_of_run_and_solve(study, tmp_path):
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    for verb in ("run", "solve"):
        command = [
            sys.executable,
            "-c",
            "from ssb2mesh.cli.main import main; main()",
            verb,
            "s.toml",
            "--dry-run",
            "--json",
        ]
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["tets"] == 12 * 8**3
        assert [solve["name"] for solve in found["solves"]] == ["a", "b"]
        assert found["total_seconds"] == pytest.approx(sum(found["seconds"].values()))
    assert not (tmp_path / "out").exists()
