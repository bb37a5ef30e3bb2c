"""Charge transfer: electrons and ions in their conductors, Butler-Volmer kinetics where they meet. No numerics here.

Both potentials are linear fields on the one conforming mesh; each lives in the connected pieces of its conductors, and
no unknown exists elsewhere. On an interface both are continuous from either side, so their difference is the drive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import coefficients
from solvers.charge_solution import ChargeTransferSolution, evaluate
from solvers.circuit import Terminals, build_circuit
from solvers.conduction import assemble_stiffness
from solvers.coupled import CoupledSystem
from solvers.domain import Domain
from solvers.kinetics import ButlerVolmer, LinearKinetics
from solvers.newton import Settings, solve_newton
from solvers.polarisation import ChargeTransferSeries
from ssb2mesh.errors import InputError

__all__ = ["charge_transfer", "contact_series", "polarisation_curve"]


def charge_transfer(
    domain: Domain,
    *,
    electronic: Mapping[str, Any],
    ionic: Mapping[str, Any],
    kinetics: Mapping[str, ButlerVolmer | LinearKinetics],
    terminals: Terminals | Mapping[str, float],
    contact: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> ChargeTransferSolution:
    """Solve for both potentials and all currents of a cell; all ranks call.

    An interface with kinetics passes current where an electron conductor touches an ion conductor, times the share of
    contact given for it. Where a set with kinetics has no electron conductor behind it (a box side, the wall of a
    phase that is not meshed, or a phase without electronic conductivity), the terminal of that side is the metal.
    Sides and interfaces named nowhere pass nothing from electrons to ions; each potential is continuous across the
    phases that carry it.

    Parameters
    ----------
    domain : Domain
        The mesh.
    electronic, ionic : mapping of str to number or array
        S/m by phase, as for `solvers.conduction`; a phase may be in both. ``math.inf`` in `electronic` makes a phase an
        ideal conductor: each connected piece has one potential.
    kinetics : mapping of str to ButlerVolmer or LinearKinetics
        Law by interface such as ``"LPSCl|NMC"`` or side such as ``"LPSCl@z_min"``.
    terminals : Terminals, or mapping of str to float
        Fixed potentials (V) and prescribed currents (A) by side; a plain mapping holds fixed electronic potentials.
        At least one potential must be fixed. A side with a prescribed current is one equipotential.
    contact : mapping of str to any, optional
        Share of contact by interface, 0 to 1: a number, ContactMap, RandomLoss, FacetValues, callable of positions, or
        a list of them (their product). Default: full contact.
    settings : Settings, optional
        Tolerances and limits.

    Returns
    -------
    ChargeTransferSolution
        Fields ``electronic_potential`` and ``ionic_potential`` (V; NaN where there is none), current densities (A/m2)
        and heat (W/m3) by cell, voltages and currents by terminal (reaction fluxes), current densities,
        overpotentials and utilisation by interface.

    Raises
    ------
    InputError
        If a name is unknown, a value is out of range, or terminals contradict each other.
    PercolationError
        If no path joins the terminals, or a current cannot leave.
    SolverError
        If a linear solve or Newton's method fails; the message says why and what to try.

    References
    ----------
    Newman and Thomas-Alyea, Electrochemical Systems, 3rd ed., Wiley 2004, chapter 8 (kinetics) and 18 (distribution of
    current). Lewis et al., Nat. Mater. 20 (2021) 503, doi:10.1038/s41563-020-00903-2 (contact in solid cells).

    Examples
    --------
    >>> solution = charge_transfer(domain, electronic={"NMC": 10.0}, ionic={"LPSCl": 0.2},
    ...     kinetics={"LPSCl|NMC": ButlerVolmer(i0=3.4, U=3.8), "LPSCl@z_min": ButlerVolmer(i0=50.0, U=0.0)},
    ...     terminals=Terminals(fixed={"LPSCl@z_min": 0.0}, current={"z_max": 1e-6}))  # doctest: +SKIP
    >>> solution.voltages["z_max"]  # doctest: +SKIP
    3.95
    """
    model = _Model(domain, electronic, ionic, kinetics, settings or Settings())
    return model.solve(_checked(terminals), contact or {})


def polarisation_curve(
    domain: Domain,
    *,
    electronic: Mapping[str, Any],
    ionic: Mapping[str, Any],
    kinetics: Mapping[str, ButlerVolmer | LinearKinetics],
    terminals: Terminals,
    contact: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> ChargeTransferSeries:
    """Solve for a list of voltages or currents at one terminal, each from the one before; all ranks call.

    Parameters
    ----------
    terminals : Terminals
        As for `charge_transfer`, with a sequence of values in place of the number of exactly one terminal.
    domain, electronic, ionic, kinetics, contact, settings
        As for `charge_transfer`.

    Returns
    -------
    ChargeTransferSeries
        One solution a value, in order.

    Raises
    ------
    InputError, PercolationError, SolverError
        As for `charge_transfer`; or if not exactly one terminal has a sequence.

    Examples
    --------
    >>> curve = polarisation_curve(domain, electronic=e, ionic=i, kinetics=k,
    ...     terminals=Terminals(fixed={"z_min": 0.0, "z_max": [3.9, 4.0, 4.1]}))  # doctest: +SKIP
    >>> curve.currents("z_max")  # doctest: +SKIP
    array([1.2e-07, 2.9e-07, 5.5e-07])
    """
    sweep = _sweep(_checked(terminals))
    model = _Model(domain, electronic, ionic, kinetics, settings or Settings())
    found: list[ChargeTransferSolution] = []
    for each in sweep:
        found.append(model.solve(each, contact or {}, found[-1] if found else None))
    return ChargeTransferSeries(tuple(found))


def contact_series(
    domain: Domain,
    *,
    electronic: Mapping[str, Any],
    ionic: Mapping[str, Any],
    kinetics: Mapping[str, ButlerVolmer | LinearKinetics],
    terminals: Terminals | Mapping[str, float],
    contacts: Sequence[Mapping[str, Any]],
    settings: Settings | None = None,
) -> ChargeTransferSeries:
    """Solve one cell for a series of contacts, such as maps of a running experiment; all ranks call.

    With a prescribed current this is voltage against time: ``series.voltages("z_max")``.

    Parameters
    ----------
    contacts : sequence of mapping
        For each time what `charge_transfer` takes as `contact`.
    domain, electronic, ionic, kinetics, terminals, settings
        As for `charge_transfer`.

    Returns
    -------
    ChargeTransferSeries
        One solution for each contact.

    Raises
    ------
    InputError, PercolationError, SolverError
        As for `charge_transfer`.

    Examples
    --------
    >>> maps = [{"LPSCl@z_min": ContactMap(picture, axis="z")} for picture in pictures]  # doctest: +SKIP
    >>> series = contact_series(domain, electronic={}, ionic={"LPSCl": 0.2}, kinetics=k, terminals=t,
    ...     contacts=maps)  # doctest: +SKIP
    """
    if isinstance(contacts, Mapping) or not len(contacts):
        raise InputError("contacts: expected a list of contacts by interface, one for each time")
    model = _Model(domain, electronic, ionic, kinetics, settings or Settings())
    ends = _checked(terminals)
    # contact may open where it was closed: a state of before is no safe start
    return ChargeTransferSeries(tuple(model.solve(ends, contact) for contact in contacts))


@dataclass(frozen=True, eq=False)
class _Model:
    """What stays the same in a series of solves."""

    domain: Domain
    electronic: Mapping[str, Any]
    ionic: Mapping[str, Any]
    kinetics: Mapping[str, Any]
    settings: Settings

    def solve(
        self, terminals: Terminals, contact: Mapping[str, Any], near: ChargeTransferSolution | None = None
    ) -> ChargeTransferSolution:
        domain = self.domain
        ideal, finite = _split_ideal(self.electronic)
        conductivities = (_by_cell(domain, finite, "electronic"), _by_cell(domain, self.ionic, "ionic"))
        if not ideal and not finite and not self.ionic:
            raise InputError("electronic, ionic: got nothing; at least one phase must conduct")
        domain.phase_tags(ideal, argument="electronic")
        conducting = (
            domain.cells_of([*ideal, *finite], argument="electronic"),
            domain.cells_of(self.ionic, argument="ionic"),
        )
        circuit = build_circuit(
            domain,
            conducting=conducting,
            ideal=domain.cells_of(ideal),
            kinetics=self.kinetics,
            terminals=terminals,
            contact=contact,
        )
        matrices = [
            assemble_stiffness(domain, sigma, live) if len(names) else None
            for sigma, live, names in zip(conductivities, circuit.live, (finite, self.ionic), strict=True)
        ]
        system = CoupledSystem(domain, circuit, (matrices[0], matrices[1]))
        try:
            state, report = solve_newton(system, self.settings, start=None if near is None else near.state)
            return evaluate(system, state, report, conductivities=conductivities, conducting=conducting)
        finally:
            for matrix in matrices:
                if matrix is not None:
                    matrix.destroy()


def _by_cell(domain: Domain, values: Mapping[str, Any], argument: str) -> npt.NDArray[np.float64]:
    if not isinstance(values, Mapping):
        raise InputError(f"{argument}: got {values!r}; give {{phase: S/m}}, {{}} for none")
    return coefficients.by_cell(domain, values, argument=argument) if values else np.zeros(len(domain.cell_phase))


def _split_ideal(electronic: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    if not isinstance(electronic, Mapping):
        raise InputError(f"electronic: got {electronic!r}; give {{phase: S/m}}, {{}} for none")
    ideal = [name for name, value in electronic.items() if np.isscalar(value) and value == math.inf]
    return ideal, {name: value for name, value in electronic.items() if name not in ideal}


def _checked(terminals: Terminals | Mapping[str, float]) -> Terminals:
    if isinstance(terminals, Terminals):
        return terminals
    if not isinstance(terminals, Mapping):
        raise InputError(f"terminals: got {terminals!r}; expected Terminals, or {{side: V}}")
    return Terminals(fixed=terminals)


def _sweep(terminals: Terminals) -> list[Terminals]:
    """One set of terminals for each value of the one terminal that has many."""
    many = [
        (kind, name)
        for kind in ("fixed", "current", "fixed_ionic", "current_ionic")
        for name, value in getattr(terminals, kind).items()
        if not np.isscalar(value)
    ]
    if len(many) != 1:
        raise InputError(
            f"terminals: {len(many)} terminals have a list of values; a polarisation curve needs exactly one"
        )
    kind, name = many[0]
    given = getattr(terminals, kind)
    values = np.asarray(given[name], dtype=np.float64).ravel().tolist()
    if not values:
        raise InputError(f"{kind}: {name!r}: the list of values is empty")
    return [replace(terminals, **{kind: {**given, name: value}}) for value in values]
