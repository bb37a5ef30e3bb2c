"""Whether a launcher such as ``mpirun`` has started several processes. Nothing is done with them here."""

from __future__ import annotations

import importlib
import os
from typing import Any

from ssb2mesh.errors import MissingDependencyError

__all__ = ["launched_processes"]

#: Where launchers say how many processes they have started.
_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS")


def launched_processes() -> Any:
    """Return the communicator of all processes if a launcher has started several, else None.

    MPI is looked for only then, by name: a single process needs none.

    Returns
    -------
    communicator or None
        That of mpi4py.

    Raises
    ------
    MissingDependencyError
        If several were started and mpi4py is not installed.

    Examples
    --------
    >>> launched_processes() is None
    True
    """
    if all(os.environ.get(name, "1").strip() in ("", "0", "1") for name in _SIZES):
        return None
    try:
        return importlib.import_module("mpi4py.MPI").COMM_WORLD
    except ImportError as error:
        raise MissingDependencyError.of("mpi4py", "a run of several processes", "pip install mpi4py") from error
