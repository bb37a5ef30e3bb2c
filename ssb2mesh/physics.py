"""The one door to `solvers`: reached by name, and only when something is to be solved. No steps of a run here.

Everything else in `ssb2mesh` works without DOLFINx.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ssb2mesh.errors import MissingDependencyError

__all__ = ["Physics", "known_elastic", "load_physics"]


@dataclass(frozen=True)
class Physics:
    """What a run needs of `solvers`.

    Parameters
    ----------
    comm : communicator
        All processes.
    load_domain, run_solve, run_volume_solve : callable
        Of `solvers.domain` and `solvers.from_study`.
    """

    comm: Any
    load_domain: Callable[..., Any]
    run_solve: Callable[..., Any]
    run_volume_solve: Callable[..., Any]


def load_physics() -> Physics:
    """Import the solvers, and DOLFINx with them.

    Returns
    -------
    Physics
        The communicator and the functions.

    Raises
    ------
    MissingDependencyError
        If DOLFINx or a part of it cannot be imported.

    Examples
    --------
    >>> load_physics().comm.size  # doctest: +SKIP
    1
    """
    try:
        comm = importlib.import_module("solvers.dolfinx_api").world()
        domain = importlib.import_module("solvers.domain")
        study = importlib.import_module("solvers.from_study")
    except MissingDependencyError:
        raise
    except ImportError as error:
        where = "Debian: apt install python3-dolfinx-real; elsewhere: conda install -c conda-forge fenics-dolfinx"
        raise MissingDependencyError.of("dolfinx", "[[solve]]", f"{where} ({error})") from error
    return Physics(comm, domain.load_domain, study.run_solve, study.run_volume_solve)


def known_elastic(name: str) -> tuple[float, float]:
    """Return Young's modulus in Pa and Poisson's ratio of a known material; InputError if they are not known.

    Examples
    --------
    >>> known_elastic("LPSCl")
    (22000000000.0, 0.37)
    """
    find = importlib.import_module("solvers.materials").material
    return find(name, "young_modulus").value, find(name, "poisson_ratio").value
