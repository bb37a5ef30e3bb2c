"""A study under mpirun: the same numbers as in one process, also where the mesh hangs together by single vertices."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers_ranks import run_guarded

from ssb2mesh import LabelledVolume, write_volume
from ssb2mesh.ranks import Ranks

ROOT = Path(__file__).resolve().parent.parent
MAIN = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()"]
STUDY = """
[volume]
path = "noise.npz"
[mesh]
drop = ["void"]
options = { smoothing = 0 }
[[solve]]
name = "current"
type = "conduction"
conductivity = { NMC = 1.0 }
fixed = { z_min = 0, z_max = 1 }
[[solve]]
name = "tau"
type = "effective_conductivity"
conductivity = { NMC = 1.0 }
axes = ["z"]
[[solve]]
name = "parts"
type = "representative_volume"
conductivity = { NMC = 1.0 }
sizes = ["5 voxels"]
positions = 2
axes = ["z"]
[output]
folder = "results"
report = false
"""

needs_mpi = pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed")


def run(*args, cwd, ranks=1):
    launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    # waiting processes must not starve others on a busy machine
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OMPI_MCA_mpi_yield_when_idle": "1"}
    command = [*launcher, *MAIN, *args]
    return run_guarded(command, cwd=cwd, env=variables)


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    # two thirds of random voxels: walls everywhere, and many vertices that single pairs of voxels share
    labels = (np.random.default_rng(5).random((10, 10, 10)) < 0.66).astype(np.uint8)
    write_volume(LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "NMC"}), tmp_path / "noise.npz")
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path


@needs_mpi
def test_run_and_solve_under_mpirun_agree_with_one_process(folder):
    one, two = (run("run", "s.toml", "--output", f"on{n}", "--json", "-q", cwd=folder, ranks=n) for n in (1, 2))
    assert one.returncode == two.returncode == 0, one.stderr + two.stderr
    three = run("solve", "s.toml", "--output", "on3", "--mesh", "on1/mesh.xdmf", "--json", "-q", cwd=folder, ranks=2)
    assert three.returncode == 0, three.stderr
    results = [{s["name"]: s["result"] for s in json.loads(done.stdout)["solves"]} for done in (one, two, three)]
    for other in results[1:]:
        # the linear solver stops at a relative residual of 1e-12
        expected = results[0]["current"]["currents"]["z_max"]
        assert other["current"]["currents"]["z_max"] == pytest.approx(expected, rel=1e-8)
        assert other["tau"]["tortuosity"]["z"] == pytest.approx(results[0]["tau"]["tortuosity"]["z"], rel=1e-8)
        expected = results[0]["parts"]["statistics"][0]["conductivity_mean"]
        assert expected > 0
        assert other["parts"]["statistics"][0]["conductivity_mean"] == pytest.approx(expected, rel=1e-8)
    assert not [p for p in folder.iterdir() if p.name.endswith(".part")]


@needs_mpi
def test_an_error_under_mpirun_is_told_once(folder):
    (folder / "s.toml").write_text(STUDY.replace('drop = ["void"]', 'drop = ["viod"]'))
    done = run("run", "s.toml", cwd=folder, ranks=2)
    assert done.returncode == 1
    assert done.stderr.count("ssb2mesh: error:") == 1
    assert "unknown phase 'viod', did you mean 'void'" in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == ["noise.npz", "s.toml"]


def test_a_single_process_needs_no_communicator():
    ranks = Ranks()
    assert (ranks.first, ranks.size) == (True, 1)
    assert ranks.together(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        ranks.on_first(lambda: 1 // 0)
