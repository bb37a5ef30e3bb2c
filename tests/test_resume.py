"""Runs that are cut off: what is kept, what is done again, and that nobody can tell it from the results."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from helpers_ranks import run_guarded

from solvers import dolfinx_api
from ssb2mesh import LabelledVolume, pipeline, write_volume
from ssb2mesh.errors import InputError, SolverError
from ssb2mesh.frozen import load_frozen, save_frozen
from ssb2mesh.identity import digest, file_identity, files_named
from ssb2mesh.journal import Journal
from ssb2mesh.paths import RECORDS, finish_move, lasting_folder, staged_folder
from ssb2mesh.stages import Stages
from ssb2mesh.study import read_study

ROOT = Path(__file__).resolve().parent.parent
STUDY = """
[volume]
path = "v.npz"
[mesh]
drop = ["void"]
[measure]
[[solve]]
name = "first"
type = "conduction"
conductivity = { NMC = 0.2 }
fixed = { z_min = "0 V", z_max = "10 mV" }
[[solve]]
name = "second"
type = "effective_conductivity"
conductivity = { NMC = 1.0 }
axes = ["z"]
[output]
folder = "out"
report = false
"""
#: A process that kills itself with SIGKILL at a moment of the run.
KILLER = """
import os, signal, sys
from ssb2mesh import identity, journal
import ssb2mesh.lattice.build as build, ssb2mesh.lattice_engine as lattice_engine, ssb2mesh.report as report

where = sys.argv[1]
given = [os.environ.get(f"OMPI_COMM_WORLD_{name}", os.environ.get(f"PMI_{name}")) for name in ("RANK", "SIZE")]
rank, size = int(given[0] or 0), int(given[1] or 1)
sys.argv[1:2] = []
identity.program_identity = lambda: "the same, whoever edits it meanwhile"

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def dying_after(function, name):
    def changed(self, begun, value):
        function(self, begun, value)
        if begun.name == name:
            die()
    return changed

if where == "meshing":
    lattice_engine.build_lattice_mesh = die
elif where in ("mesh", "solve first"):
    journal.Journal.keep = dying_after(journal.Journal.keep, where)
elif where == "in solve":
    import solvers.conduction, solvers.from_study
    real = solvers.from_study._SOLVERS["conduction"]
    solvers.from_study._SOLVERS["conduction"] = lambda *a, **k: (real(*a, **k), die() if rank == size - 1 else None)[0]
elif where == "report":
    report.write_report = die
from ssb2mesh.cli.main import main
main()
"""


needs_dolfinx = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed")


@pytest.fixture
def folder(tmp_path):
    labels = (np.random.default_rng(5).random((8, 8, 8)) < 0.7).astype(np.uint8)
    write_volume(LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "NMC"}), tmp_path / "v.npz")
    (tmp_path / "s.toml").write_text(STUDY)
    (tmp_path / "killer.py").write_text(KILLER)
    return tmp_path


def run(where, *args, cwd, ranks=1):
    launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OMPI_MCA_mpi_yield_when_idle": "1"}
    command = [*launcher, sys.executable, "killer.py", where, "run", "s.toml", *args]
    return run_guarded(command, cwd=cwd, env=variables)


def numbers(path):
    """The results without times, memory and place."""

    def plain(value):
        if isinstance(value, dict):
            left_out = ("seconds", "peak_memory_bytes", "files", "folder")
            return {k: plain(v) for k, v in value.items() if k not in left_out}
        return [plain(v) for v in value] if isinstance(value, list) else value

    return plain(json.loads((path / "results.json").read_text()))


def kept(done):
    mark = "ssb2mesh: kept from the run that was cut off: "
    return [line.removeprefix(mark) for line in done.stderr.splitlines() if line.startswith(mark)]


@needs_dolfinx
def test_killed_at_five_moments_a_run_ends_as_if_nothing_had_been(folder):
    whole = run("never", "-o", "whole", "-q", cwd=folder)
    assert whole.returncode == 0, whole.stderr
    (folder / "s.toml").write_text(STUDY.replace("report = false", "report = true"))
    found = []
    for where in ("meshing", "mesh", "in solve", "solve first", "report", "never"):
        if where == "never":  # drawing takes its time, and is tested elsewhere
            (folder / "s.toml").write_text(STUDY)
        done = run(where, cwd=folder)
        assert done.returncode == (0 if where == "never" else -9), done.stderr
        found.append(kept(done))
        # nothing that looks like a result before there is one
        assert (folder / "out").exists() == (where == "never")
    mesh, first = ["mesh", "check", "file mesh.vtu"], ["solve first"]
    assert found == [[], [], ["mesh"], mesh, [*mesh, *first], [*mesh, *first, "solve second", "measure"]]
    assert numbers(folder / "out") == numbers(folder / "whole")
    for name in ("mesh.h5", "mesh.xdmf", "mesh.vtu", "measures.csv"):
        assert (folder / "out" / name).read_bytes() == (folder / "whole" / name).read_bytes(), name
    assert {p.name for p in (folder / "whole").iterdir()} == {p.name for p in (folder / "out").iterdir()}
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]


@needs_dolfinx
@pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed")
def test_killed_under_mpirun_a_run_goes_on(folder):
    done = run("in solve", cwd=folder, ranks=2)
    assert done.returncode not in (0, 1)
    if "mpirun noticed" in done.stderr:  # Open MPI: the others are asked to end
        assert done.stderr.count("ssb2mesh: error: another process of this run was lost, perhaps killed for want") == 1
    assert not (folder / "out").exists()
    done = run("never", cwd=folder, ranks=2)
    assert done.returncode == 0, done.stderr
    assert kept(done) == ["mesh", "check", "file mesh.vtu"]
    result = json.loads((folder / "out" / "results.json").read_text())
    assert [solve["name"] for solve in result["solves"]] == ["first", "second"]
    assert result["solves"][0]["result"]["balance"] < 1e-8


class FakeResult:
    def __init__(self, table):
        self.table = table

    def point_data(self):
        return {"potential": np.arange(3.0)}

    def cell_data(self):
        return {}

    def summary(self):
        return {"value": float(len(str(self.table)))}

    def write(self, path):
        path.write_text(str(self.table))


@pytest.fixture
def fake(monkeypatch):
    """Solvers that note what they were asked, and fail at a name."""
    made = SimpleNamespace(solved=[], fail="")

    def run_solve(domain, table):
        if table["name"] == made.fail:
            raise SolverError("it diverged")
        made.solved.append(table["name"])
        return FakeResult(table)

    physics = pipeline.Physics(SimpleNamespace(size=1), lambda *_: "domain", run_solve, None)
    monkeypatch.setattr(pipeline, "load_physics", lambda: physics)
    return made


def go(folder, text=STUDY, **options):
    (folder / "s.toml").write_text(text)
    lines = []
    result = pipeline.run_study(read_study(folder / "s.toml"), tell=lines.append, **options)
    return result, [line.rpartition(": ")[2] for line in lines if line.startswith("kept")]


def cut_off(folder, fake, text=STUDY):
    """A run that fails in its second solve."""
    fake.fail = "second"
    with pytest.raises(SolverError):
        go(folder, text)
    fake.fail = ""
    fake.solved.clear()


ALL = ["mesh", "check", "file mesh.vtu", "solve first"]


def test_a_failed_solve_keeps_what_was_done_and_says_so(folder, fake):
    fake.fail, lines = "second", []
    with pytest.raises(SolverError):
        pipeline.run_study(read_study(folder / "s.toml"), tell=lines.append)
    assert lines == [f"finished and kept: {', '.join(ALL)}; the same command goes on from there"]
    assert not (folder / "out").exists()
    fake.fail = ""
    result, found = go(folder)
    assert found == ALL
    assert fake.solved == ["first", "second"]
    # the time of a stage is that of the run that did it
    assert {"optimise", "solve first", "solve second"} <= set(result.seconds)
    assert not (folder / ".out.unfinished").exists()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("conductivity = { NMC = 0.2 }", "conductivity = { NMC = 0.3 }", ALL[:3]),
        ("conductivity = { NMC = 1.0 }", "conductivity = { NMC = 2.0 }", ALL),
        ('name = "first"', 'name = "other"', ALL[:3]),
        ('drop = ["void"]', 'drop = ["void"]\noptions = { smoothing = 3 }', []),
        ("report = false", 'report = false\nmesh = ["mesh.vtu", "mesh.inp"]', ALL),
        ("report = false", "report = false\nfields = false", ALL[:3]),
        ('path = "v.npz"', 'path = "v.npz"\ncrop = "0:8,0:8,0:6"', []),
    ],
)
def test_a_change_undoes_what_depends_on_it_and_no_more(folder, fake, old, new, expected):
    cut_off(folder, fake)
    changed = STUDY.replace(old, new)
    assert changed != STUDY
    _, found = go(folder, changed)
    assert found == expected
    # no file of what was undone is among the results
    assert (folder / "out" / "first.xdmf").exists() == ("fields" not in new and "other" not in new)
    assert (folder / "out" / "mesh.inp").exists() == ("mesh.inp" in new)
    assert not (folder / "out" / RECORDS).exists()


def test_another_volume_in_the_file_undoes_all(folder, fake):
    cut_off(folder, fake)
    labels = np.ones((8, 8, 8), np.uint8)
    labels[2:4] = 0
    write_volume(LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "NMC"}), folder / "v.npz")
    assert go(folder)[1] == []


def test_another_program_undoes_all(folder, fake, monkeypatch):
    cut_off(folder, fake)
    monkeypatch.setattr("ssb2mesh.identity.program_identity", lambda: "another")
    assert go(folder)[1] == []


def test_fresh_forgets(folder, fake):
    cut_off(folder, fake)
    assert go(folder, fresh=True)[1] == []
    assert fake.solved == ["first", "second"]


@pytest.mark.parametrize("damage", ["value", "record", "file"])
def test_what_is_damaged_is_done_again(folder, fake, damage):
    cut_off(folder, fake)
    stage = folder / ".out.unfinished"
    if damage == "file":
        (stage / "first.xdmf").unlink()
    else:
        path = stage / RECORDS / f"solve first.{'npz' if damage == 'value' else 'json'}"
        path.write_bytes(path.read_bytes()[:40])
    assert go(folder)[1] == ALL[:3]
    assert fake.solved == ["first", "second"]


def test_bad_input_keeps_nothing(folder, fake):
    with pytest.raises(InputError, match="unknown phase 'viod'"):
        go(folder, STUDY.replace('drop = ["void"]', 'drop = ["viod"]'))
    assert sorted(p.name for p in folder.iterdir()) == ["killer.py", "s.toml", "v.npz"]


REFINED = STUDY.replace('axes = ["z"]\n', 'axes = ["z"]\naccuracy = "1 %"\n').replace(
    'drop = ["void"]', 'drop = ["void"]\ncell_size = "4 voxels"'
)


def test_a_refinement_goes_on_at_the_mesh_where_it_was(folder, fake, monkeypatch):
    widths = [0.3, 0.1, 0.005]

    def run_solve(domain, table):
        if "accuracy" in table and not widths:
            raise SolverError("cut off")
        fake.solved.append(table["name"])
        result = FakeResult(table)
        if "accuracy" in table:
            width = widths.pop(0)
            result.summary = lambda: {"accuracy": {"asked": 0.01, "width": width, "reached": width <= 0.01}}
        elif fake.fail:
            raise SolverError("cut off")
        return result

    physics = pipeline.load_physics()
    monkeypatch.setattr(pipeline, "load_physics", lambda: dataclasses.replace(physics, run_solve=run_solve))
    later, widths[1:] = widths[1:], []
    with pytest.raises(SolverError):  # at the second mesh
        go(folder, REFINED)
    assert fake.solved == ["second"]
    widths += later
    fake.fail = "first"
    with pytest.raises(SolverError):  # after the last mesh
        go(folder, REFINED)
    assert fake.solved == ["second", "second", "second", "first"]
    fake.fail = ""
    result, found = go(folder, REFINED)
    assert fake.solved[4:] == ["first"]
    assert "refinement" in found
    history = result.solves[1].summary["accuracy"]["history"]
    assert [row["width"] for row in history] == [0.3, 0.1, 0.005]
    assert [row["cell_size"] for row in history] == ["4 voxels", "2 voxels", "1 voxels"]
    assert result.mesh["tets"] == history[-1]["tets"] > history[0]["tets"]


# the folder of a run


def test_a_second_run_waits_and_then_says_who_is_there(tmp_path):
    with lasting_folder(tmp_path / "out") as stage:
        (stage / "a").write_text("1")
        start = time.monotonic()
        with (
            pytest.raises(InputError, match="another run is at work in .*unfinished'; wait for it, or give"),
            lasting_folder(tmp_path / "out", patience=0.3),
        ):
            pass
        assert time.monotonic() - start > 0.3
    assert (tmp_path / "out" / "a").read_text() == "1"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_move_that_was_cut_off_is_finished(tmp_path):
    stage, out = tmp_path / ".out.unfinished", tmp_path / "out"
    for path in (stage, out, stage / RECORDS):
        path.mkdir()
    for path in (out / "a", stage / "b", stage / ".moving", stage / RECORDS / "mesh.json"):
        path.write_text(path.name)
    finish_move(out)
    assert sorted(p.name for p in out.iterdir()) == ["a", "b"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_folders_that_killed_jobs_left_are_swept(tmp_path):
    old, held, new = (tmp_path / f".out.{name}.part" for name in ("abc", "held", "new"))
    for path in (old, held, new):
        path.mkdir()
        (path / "junk").write_text("x")
    for path in (old, held):
        os.utime(path, (0, 0))
    from ssb2mesh.paths import _held

    with _held(held), staged_folder(tmp_path / "out") as stage:
        (stage / "a").write_text("1")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".out.held.part", ".out.new.part", "out"]


def test_parts_of_a_killed_write_are_swept(tmp_path):
    stage = tmp_path / ".out.unfinished"
    (stage / RECORDS).mkdir(parents=True)
    (stage / ".fields.part").mkdir()
    (stage / ".mesh.1.part.h5").write_text("half")
    (stage / RECORDS / ".mesh.1.part.npz").write_text("half")
    with lasting_folder(tmp_path / "out") as stage:
        assert [p.name for p in stage.rglob("*")] == [RECORDS]


# values and keys


class Pair(NamedTuple):
    a: int
    b: float


def test_values_come_back_as_they_were(tmp_path):
    from ssb2mesh.cleanup.report import CleanupReport
    from ssb2mesh.stages import Stages as Data

    value = {
        "text": "a", "none": None, "yes": True, 3: 0.1, ("NMC", "x"): (1, [2, 3.0]), "nan": float("nan"),
        "array": np.arange(6, dtype=np.int32).reshape(2, 3), "number": np.float32(0.1), "path": Path("a/b"),
        "set": {1, 2}, "data": CleanupReport("crop", (1, 2, 3), (1, 2, 3), {"a": 1}, {"a": 2}), "stages": Data(),
    }  # fmt: skip
    save_frozen(value, tmp_path / "v.npz")
    back = load_frozen(tmp_path / "v.npz")
    assert set(back) == set(value)
    assert back["array"].dtype == np.int32
    np.testing.assert_array_equal(back.pop("array"), value.pop("array"))
    assert np.isnan(back.pop("nan"))
    assert np.isnan(value.pop("nan"))
    assert type(back["number"]) is np.float32
    assert type(back[("NMC", "x")]) is tuple
    assert back == value
    with pytest.raises(TypeError, match="a Pair cannot be kept"):  # of another package: not made on reading
        save_frozen(Pair(1, 2.0), tmp_path / "p.npz")
    with pytest.raises(TypeError, match="a function cannot be kept"):
        save_frozen(digest, tmp_path / "p.npz")
    assert not (tmp_path / "p.npz").exists()


def test_only_records_of_this_package_are_made(tmp_path):
    tree = {"is": "data", "module": "os", "class": "system", "fields": {"command": "true"}}
    for module, name in (("os", "system"), ("ssb2mesh.paths", "finish_move")):
        text = json.dumps({**tree, "module": module, "class": name}).encode()
        np.savez(tmp_path / "v.npz", tree=np.frombuffer(text, np.uint8))
        with pytest.raises((ValueError, TypeError), match="no module of this package|is no record"):
            load_frozen(tmp_path / "v.npz")


def test_a_large_file_is_told_by_its_ends_and_time(tmp_path, monkeypatch):
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(4_000_000))
    before = file_identity(path)
    monkeypatch.setattr("ssb2mesh.identity.WHOLE", 1000)
    large = file_identity(path)
    assert file_identity("") == []
    assert large[0] == 4_000_000
    assert large != before
    path.write_bytes(bytes(3_999_999) + b"1")
    os.utime(path, ns=(0, large[1]))
    assert file_identity(path)[2] != large[2]
    assert files_named({"map": str(path), "b": ["x", 3]}) == [file_identity(path)]


def test_a_generated_volume_is_its_table(folder, fake, monkeypatch):
    """What else lies in the folder does not count."""
    monkeypatch.chdir(folder)
    laminate = STUDY.replace('path = "v.npz"', 'phantom = "laminate"\noptions = { shape = 8, layers = 2 }')
    laminate = laminate.replace('["void"]', '["LPSCl"]')
    cut_off(folder, fake, laminate)
    (folder / "another").write_text("file")
    assert go(folder, laminate)[1] == ALL


def test_what_cannot_be_kept_is_no_fault(tmp_path):
    journal = Journal(tmp_path, Stages())
    assert journal.stage("odd", "1", lambda: digest) is digest
    assert Journal(tmp_path, Stages()).find("odd", "1") is None
