"""Meshes in slabs that are killed on some number of processes and go on on another: the same bytes, or begun anew."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_slabs_resume import ALL, STUDY, folder, run

from ssb2mesh.launch import launched_processes

__all__ = ["folder"]

ROOT = Path(__file__).resolve().parent.parent
#: A process that dies by SIGKILL when it comes to a slab, or to writing, and tells what it made itself.
RANK = """
import json, os, signal, sys
from ssb2mesh import identity
from ssb2mesh.slabs import job

where, made = sys.argv[1], []
sys.argv[1:2] = []
identity.program_identity = lambda: "the same, whoever edits it meanwhile"

def counting(function, name):
    def changed(plan, source, number, **rest):
        if where == f"{name} {number}":
            os.kill(os.getpid(), signal.SIGKILL)
        found = function(plan, source, number, **rest)
        made.append(f"{name} {number}")
        return found
    return changed

job.make_seam, job.make_slab = counting(job.make_seam, "seam"), counting(job.make_slab, "slab")
real = job.write_part

def writing(plan, layout, path, slab, **rest):
    real(plan, layout, path, slab, **rest)
    if where == f"writing {slab}":
        os.kill(os.getpid(), signal.SIGKILL)

job.write_part = writing
from ssb2mesh.cli.main import main
try:
    main()
finally:
    with open(f"made-{os.environ.get('OMPI_COMM_WORLD_RANK', '0')}.json", "w") as file:
        json.dump(made, file)
"""
needs_mpi = pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed")


def run_on(ranks, where, *args, cwd):
    """Run on some processes; what each has made itself, all together."""
    for told in cwd.glob("made-*.json"):
        told.unlink()
    launcher = ["mpirun", "--oversubscribe", "-n", str(ranks)] if ranks > 1 else []
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    variables["OMPI_MCA_mpi_yield_when_idle"] = "1"
    command = [*launcher, sys.executable, "-c", RANK, where, "run", "s.toml", *args]
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=300)
    return done, sorted(sum((json.loads(told.read_text()) for told in cwd.glob("made-*.json")), []))


@needs_mpi
def test_it_goes_on_on_other_processes(folder):
    pytest.importorskip("mpi4py")
    (folder / "s.toml").write_text(STUDY + "report = false\n")
    done, made = run_on(1, "never", "--output", "whole", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert made == ALL
    # of two processes the first makes slab 0, the second slabs 1 and 2; who dies takes the others with it
    for before, where, after, left in (
        (2, "slab 2", 1, {"slab 2"}),
        (1, "slab 1", 2, {"slab 1", "slab 2"}),
        (2, "writing 0", 3, set()),
    ):
        done, _ = run_on(before, where, cwd=folder)
        assert done.returncode != 0
        assert not (folder / "out").exists()
        done, made = run_on(after, "never", cwd=folder)
        assert done.returncode == 0, done.stderr
        # a neighbour that was killed with the first may have been in the middle of its own
        assert left <= set(made) <= left | {"slab 0"}
        assert f"kept from the run that was cut off: {3 - len(made)} of 3 slabs" in done.stderr
        for name in ("mesh.h5", "mesh.xdmf"):
            assert (folder / "out" / name).read_bytes() == (folder / "whole" / name).read_bytes()
        shutil.rmtree(folder / "out")


def test_another_number_of_slabs_begins_anew_and_says_so(folder):
    mesh = ("mesh", "v.h5", "-o", "m.xdmf")
    assert run("slab 1", *mesh, "--slabs", "3", cwd=folder)[0].returncode < 0
    done, made = run("never", *mesh, "--slabs", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "begun anew, as the run that was cut off was making 3 slabs and this one makes 2" in done.stderr
    assert made == ["seam 1", "slab 0", "slab 1"]


def test_slabs_that_are_not_whole_are_made_again(folder):
    """Files that were cut short, as a machine that loses power leaves them, or lost."""
    mesh = ("mesh", "v.h5", "--slabs", "3", "-o")
    assert run("never", *mesh, "whole.xdmf", cwd=folder)[0].returncode == 0
    assert run("writing", *mesh, "m.xdmf", cwd=folder)[0].returncode < 0
    kept = folder / ".m.slabs"
    tets = (kept / "0" / "tets.npy").read_bytes()
    (kept / "0" / "tets.npy").write_bytes(tets[: len(tets) // 2])
    np.save(kept / "1" / "tags.npy", np.load(kept / "1" / "tags.npy")[:-1])
    (kept / "2" / "shared.npy").unlink()
    done, made = run("never", *mesh, "m.xdmf", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert made == ["slab 0", "slab 1", "slab 2"]
    assert (folder / "m.h5").read_bytes() == (folder / "whole.h5").read_bytes()


def test_a_single_process_looks_for_no_launcher(monkeypatch):
    for name in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.setenv(name, "1")
    assert launched_processes() is None
    mpi = pytest.importorskip("mpi4py.MPI")
    monkeypatch.setenv("PMI_SIZE", "2")
    assert launched_processes() is mpi.COMM_WORLD
