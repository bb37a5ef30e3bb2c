"""Meshes in slabs that are cut off by SIGKILL: the next run goes on from the finished slabs to the same bytes."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers_ranks import run_guarded
from scipy.ndimage import gaussian_filter

from ssb2mesh import LabelledVolume, write_volume

ROOT = Path(__file__).resolve().parent.parent
#: A process that kills itself at a moment, and tells at its end what it made itself.
KILLER = """
import json, os, signal, sys
from ssb2mesh import identity, stages
from ssb2mesh.slabs import choose, job

where, made = sys.argv[1], []
sys.argv[1:2] = []
identity.program_identity = lambda: "the same, whoever edits it meanwhile"
choose.available_memory_bytes = lambda: int(os.environ["ROOM"])

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def counting(function, name):
    def changed(plan, source, number, **rest):
        if where == f"{name} {number}":
            die()
        made.append(f"{name} {number}")
        return function(plan, source, number, **rest)
    return changed

job.make_seam, job.make_slab = counting(job.make_seam, "seam"), counting(job.make_slab, "slab")
if where == "writing":
    job.write_part = die
from ssb2mesh.cli.main import main
try:
    main()
finally:
    sys.stderr.write("MADE " + json.dumps(made) + chr(10))
"""
STUDY = """
[volume]
path = "v.h5"
[mesh]
slabs = 3
[output]
folder = "out"
"""


def run(where, *args, cwd, room=2**40):
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    variables["ROOM"] = str(room)
    command = [sys.executable, "-c", KILLER, where, *args]
    done = run_guarded(command, cwd=cwd, env=variables)
    told = [line[5:] for line in done.stderr.splitlines() if line.startswith("MADE ")]
    return done, json.loads(told[0]) if told else None


@pytest.fixture
def folder(tmp_path):
    field = gaussian_filter(np.random.default_rng(3).normal(size=(8, 8, 42)), 1.5)
    labels = np.digitize(field, np.quantile(field, [0.3, 0.6])).astype(np.uint8)
    write_volume(LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "LPSCl", 2: "NMC"}), tmp_path / "v.h5")
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path


ALL = ["seam 1", "seam 2", "slab 0", "slab 1", "slab 2"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_killed_mesh_goes_on(folder):
    """Killed twice: what is finished is not made again, and the file has the bytes of one that was never killed."""
    mesh = ("mesh", "v.h5", "--slabs", "3", "-o")
    done, made = run("never", *mesh, "whole.xdmf", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert made == ALL
    (folder / "killed").mkdir()
    for where in ("slab 1", "writing"):
        done, _ = run(where, *mesh, "killed/whole.xdmf", cwd=folder)
        assert done.returncode == -signal.SIGKILL
        assert "whole.xdmf" not in names(folder / "killed")
    done, made = run("never", *mesh, "killed/whole.xdmf", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert made == []
    assert "3 slabs, 3 of them finished before" in done.stderr
    assert names(folder / "killed") == ["whole.h5", "whole.xdmf"]
    for name in ("whole.h5", "whole.xdmf"):
        assert (folder / "killed" / name).read_bytes() == (folder / name).read_bytes()


def test_other_options_begin_anew(folder):
    """Slabs of another mesh are not taken, nor those of a volume that has changed."""
    mesh = ("mesh", "v.h5", "--slabs", "3", "-o", "m.xdmf")
    assert run("slab 1", *mesh, cwd=folder)[0].returncode == -signal.SIGKILL
    assert run("slab 1", *mesh, "--grade", "1", cwd=folder)[0].returncode == -signal.SIGKILL
    volume = LabelledVolume(np.zeros((8, 8, 42), np.uint8), (1e-6,) * 3, phases={0: "void"})
    (folder / "v.h5").unlink()
    write_volume(volume, folder / "v.h5")
    done, made = run("never", *mesh, "--grade", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert made == ALL


def test_out_of_core_keeps_its_number_of_slabs(folder):
    """Another amount of free memory does not make another mesh of one that has begun."""
    labels = np.zeros((6, 6, 240), np.uint8)
    labels[:3] = 1
    write_volume(LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPSCl", 1: "NMC"}), folder / "tall.h5")
    mesh = ("mesh", "tall.h5", "--out-of-core", "-o", "m.xdmf")
    done, _ = run("never", *mesh, "--json", cwd=folder)
    whole = json.loads(done.stdout)
    assert whole["slabs"] == 1
    # six tenths of what is free may be used
    room = int(0.7 / 0.6 * whole["slab_memory_bytes"])
    assert run("slab 1", *mesh, "--overwrite", cwd=folder, room=room)[0].returncode == -signal.SIGKILL
    done, made = run("never", *mesh, "--overwrite", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "slab 1" in made
    assert "slab 0" not in made
    assert "1 of them finished before" in done.stderr


def test_a_killed_run_goes_on(folder):
    done, made = run("never", "run", "s.toml", "--output", "whole", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert made == ALL
    assert run("slab 2", "run", "s.toml", cwd=folder)[0].returncode == -signal.SIGKILL
    done, made = run("never", "run", "s.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert made == ["slab 2"]
    for name in ("mesh.h5", "mesh.xdmf"):
        assert (folder / "out" / name).read_bytes() == (folder / "whole" / name).read_bytes()
    assert names(folder / "out") == names(folder / "whole")
    # a fresh run forgets them
    assert run("slab 2", "run", "s.toml", "--overwrite", cwd=folder)[0].returncode == -signal.SIGKILL
    assert run("never", "run", "s.toml", "--overwrite", "--fresh", cwd=folder)[1] == ALL
