"""A case in processes of its own, under mpirun or not, whose limit is processor time: a busy machine fails no test."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
#: Seconds of one process at which something hangs; ranks that wait for each other spin, so that a deadlock reaches it.
PROCESSOR_SECONDS = 900
#: Seconds on the clock for what neither ends nor works.
CLOCK_SECONDS = 4 * 3600


def _limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = PROCESSOR_SECONDS if hard == resource.RLIM_INFINITY else min(PROCESSOR_SECONDS, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def run_guarded(command, **options):
    """Run a command as ``subprocess.run`` does, with its output as text; it ends if it hangs, never because it is slow.

    Parameters
    ----------
    command : list of str
        Program and arguments; each process that it starts has the limit of processor time to itself.
    **options
        Of ``subprocess.run``: ``cwd``, ``env``.

    Returns
    -------
    subprocess.CompletedProcess
        Exit code and output.
    """
    options = {"text": True, "timeout": CLOCK_SECONDS, "preexec_fn": _limit, **options}
    return subprocess.run([str(part) for part in command], capture_output=True, **options)


def run_ranks(script, mesh, out, ranks):
    """Run a script of the tests on a mesh file; return the arrays that it saves.

    Parameters
    ----------
    script : Path
        Takes the mesh and where to save as arguments.
    mesh, out : Path
        The two arguments; `out` ends in ``.npz``.
    ranks : int
        Processes.

    Returns
    -------
    mapping of str to array
        What the script saved.
    """
    command = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment["OMPI_MCA_mpi_yield_when_idle"] = "1"  # waiting ranks must not starve others on a busy machine
    done = run_guarded([*command, sys.executable, script, mesh, out], env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return np.load(out)
