"""From a checked table of type ``coupled`` to a result: cell, body, links and maps of gaps from files. No physics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.chain import Body, Cell, Chain, Deposit, GapContact, Sweeps, Swelling
from solvers.charge_from_study import cell_arguments
from solvers.contact import ContactMap
from solvers.coupled_solution import CoupledSeries, CoupledSolution
from solvers.coupling import coupled_cell, pressure_dependence
from solvers.domain import Domain
from solvers.mechanics_from_study import body_arguments
from ssb2mesh.errors import InputError

__all__ = ["solve_coupled"]


def solve_coupled(domain: Domain, **values: Any) -> CoupledSolution | CoupledSeries:
    """Solve what a checked table asks for; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    **values : any
        The table as `ssb2mesh.study.solves.validate_solves` returns it, without name and type.

    Returns
    -------
    CoupledSolution or CoupledSeries
        A series where several stack pressures are given.

    Raises
    ------
    InputError, PercolationError, SolverError
        As for `solvers.coupled_cell`; or if a map of gaps cannot be read.

    Examples
    --------
    >>> solve_coupled(domain, charge={"ionic": {"LPS": 0.1}, "kinetics": {"LPS@z_min": {"i0": 50.0, "U": 0.0}},
    ...     "fixed": {"LPS@z_min": 0.1}, "fixed_ionic": {"z_max": 0.0}}, duration=60.0,
    ...     deposit={"LPS@z_min": "Li"})  # doctest: +SKIP
    """
    body = Body(**body_arguments(values["mechanics"])) if "mechanics" in values else None
    chain = Chain(
        duration=values.get("duration", 0.0),
        steps=values.get("steps", 1),
        deposits={name: _deposit(entry) for name, entry in values.get("deposit", {}).items()},
        swelling={name: Swelling(**entry) for name, entry in values.get("swelling", {}).items()},
        contacts={name: _contact(domain, name, entry) for name, entry in values.get("gap", {}).items()},
    )
    chosen: dict[str, Any] = {key: values[key] for key in ("relaxation", "memory", "tolerance") if key in values}
    if "sweeps" in values:
        chosen["most"] = values["sweeps"]
    common: dict[str, Any] = {
        "cell": Cell(**cell_arguments(values["charge"])), "chain": chain, "sweeps": Sweeps(**chosen),
        "coupling": values.get("coupling", "one-way"),
    }  # fmt: skip
    if "stack_pressure" in values and body is not None:
        return pressure_dependence(domain, body=body, pressures=values["stack_pressure"], **common)
    return coupled_cell(domain, body=body, **common)


def _deposit(entry: Any) -> Deposit:
    return Deposit.of(entry) if isinstance(entry, str) else Deposit(**entry)


def _contact(domain: Domain, name: str, entry: Mapping[str, Any]) -> GapContact:
    initial = entry.get("initial", 0.0)
    if isinstance(initial, Mapping):
        initial = _gap_map(domain, name, initial["map"], initial["axis"])
    return GapContact(entry["closes"], entry["opens"], initial)


def _gap_map(
    domain: Domain, name: str, given: Any, axis: str
) -> Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
    """Gaps in m by position, from a map over the box."""
    if isinstance(given, str):
        if not Path(given).is_file():
            raise InputError(f"gap: {name!r}: initial: no file {given!r}")
        given = np.load(given, allow_pickle=False)
    gaps = np.asarray(given, dtype=np.float64)
    if gaps.ndim != 2 or not np.isfinite(gaps).all() or (gaps < 0).any():
        raise InputError(
            f"gap: {name!r}: initial: got an array of shape {gaps.shape}; expected a two-dimensional one of lengths in "
            "m, finite and not negative"
        )
    largest = float(gaps.max(initial=0.0)) or 1.0
    picture = ContactMap(gaps / largest, axis)
    return lambda points: largest * picture.at(points, domain.box)
