"""From a ``[[solve]]`` table of a study to a result. `ssb2mesh.study_solves` checks the tables; no physics here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from solvers.charge_from_study import solve_charge_transfer
from solvers.conduction import conduction
from solvers.coupled_from_study import solve_coupled
from solvers.domain import Domain
from solvers.effective import effective_conductivity
from solvers.mechanics_from_study import solve_effective_stiffness, solve_elasticity
from solvers.thermal import effective_thermal_conductivity
from ssb2mesh.errors import InputError
from ssb2mesh.study_solves import SOLVE_TYPES, validate_solves

__all__ = ["SOLVE_TYPES", "run_solve"]

_SOLVERS: dict[str, Callable[..., Any]] = {
    "conduction": conduction,
    "effective_conductivity": effective_conductivity,
    "effective_thermal_conductivity": effective_thermal_conductivity,
    "charge_transfer": solve_charge_transfer,
    "elasticity": solve_elasticity,
    "coupled": solve_coupled,
    "effective_stiffness": solve_effective_stiffness,
}


def run_solve(domain: Domain, spec: Mapping[str, Any]) -> Any:
    """Run one ``[[solve]]`` table; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    spec : mapping
        The table, as TOML gives it or as `ssb2mesh.study_solves.validate_solves` returns it.

    Returns
    -------
    Solution, EffectiveConductivity, ChargeTransferSolution or ChargeTransferSeries
        With ``summary()``, ``point_data()``, ``cell_data()`` and ``write(path)``.

    Raises
    ------
    InputError
        If the table is at fault, or names what the mesh does not have.
    SolverError
        If the solve fails.

    Examples
    --------
    >>> run_solve(domain, {"name": "tau", "type": "effective_conductivity",
    ...                    "conductivity": {"pore": "1 S/m"}})  # doctest: +SKIP
    <EffectiveConductivity porosity 0.4005; tortuosity factor x 1.4213, y 1.4321, z 1.7>
    """
    checked, faults = validate_solves([spec])
    if faults:
        raise InputError("\n  ".join(faults) if len(faults) > 1 else faults[0])
    arguments = {key: value for key, value in checked[0].items() if key not in ("name", "type")}
    return _SOLVERS[checked[0]["type"]](domain, **arguments)
