"""What uneven contact costs: the cell voltage in parts, and the zero-dimensional cell it is compared with. No assembly.

A zero-dimensional model knows contact areas only. In the real cell the current must narrow towards the contacts, which
costs ohmic voltage in the bulk, and crosses the rims of contacts at higher density. Both are seen by solving twice at
one current: with the contact as it is, and with as much contact spread evenly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from solvers.charge_solution import ChargeTransferSolution
from solvers.charge_transfer import charge_transfer
from solvers.circuit import Terminals
from solvers.domain import Domain
from solvers.kinetics import ButlerVolmer, Law, LinearKinetics, thermal_slope
from solvers.newton import Settings
from ssb2mesh.errors import InputError

__all__ = ["Constriction", "Contact0D", "Layer0D", "VoltageParts", "cell_voltage_0d", "constriction", "voltage_parts"]

#: Largest relative difference of the currents of two solutions that are compared.
SAME_CURRENT = 1e-6


@dataclass(frozen=True)
class VoltageParts:
    """The cell voltage as a sum.

    Each part is a power over the current, so the parts sum up to the voltage exactly (the discrete energy balance).

    Parameters
    ----------
    cell_voltage : float
        Potential of the terminal with the higher potential minus that of the other, V.
    current : float
        That enters at the former, A.
    equilibrium : float
        Mean equilibrium potential that the current works against, V.
    kinetic : float
        Reaction and area-specific resistances in the cell with the contact spread evenly, V.
    bulk : mapping of str to float
        Ohmic part of each phase in that cell, V.
    interphase : mapping of str to float
        The same for the phases named as interphases, V.
    constriction : mapping of str to float
        What the uneven contact adds to each of: the ohmic part of a phase; ``kinetics``; ``equilibrium``, V.

    Examples
    --------
    >>> parts.total_constriction  # doctest: +SKIP
    0.021
    """

    cell_voltage: float
    current: float
    equilibrium: float
    kinetic: float
    bulk: Mapping[str, float]
    interphase: Mapping[str, float]
    constriction: Mapping[str, float]

    @property
    def total_constriction(self) -> float:
        """Cell voltage minus that of the cell with the contact spread evenly, V."""
        return float(sum(self.constriction.values()))

    def summary(self) -> dict[str, Any]:
        """Return the parts as a JSON-able dict."""
        return {
            "cell_voltage": self.cell_voltage,
            "current": self.current,
            "equilibrium": self.equilibrium,
            "kinetic": self.kinetic,
            "bulk": dict(self.bulk),
            "interphase": dict(self.interphase),
            "constriction": dict(self.constriction),
            "total_constriction": self.total_constriction,
        }


def voltage_parts(
    solution: ChargeTransferSolution, *, reference: ChargeTransferSolution, interphase: Sequence[str] = ()
) -> VoltageParts:
    """Split a cell voltage with the help of a reference without constriction.

    Parameters
    ----------
    solution : ChargeTransferSolution
        The real cell, two terminals.
    reference : ChargeTransferSolution
        The same cell at the same current with the same contact area spread evenly: with a uniform share of contact
        on the same mesh (see `constriction`), or on a mesh whose voids are merged away.
    interphase : sequence of str
        Phases whose ohmic part is listed as that of the interphase.

    Returns
    -------
    VoltageParts
        The sum of all parts is the cell voltage.

    Raises
    ------
    InputError
        If terminals or currents of the two do not agree, or no current flows.

    Examples
    --------
    >>> voltage_parts(real, reference=merged, interphase=["SEI"])  # doctest: +SKIP
    """
    high, low = _two_terminals(solution)
    if set(reference.currents) != set(solution.currents):
        raise InputError(
            f"reference: terminals {', '.join(reference.currents)}; the solution has {', '.join(solution.currents)}"
        )
    current = solution.currents[high]
    if abs(reference.currents[high] - current) > SAME_CURRENT * abs(current):
        raise InputError(
            f"reference: carries {reference.currents[high]:g} A, the solution {current:g} A; solve it with the same "
            "current prescribed"
        )
    known = set(solution.domain.phases)
    unknown = [name for name in interphase if name not in known]
    if unknown:
        raise InputError(f"interphase: no phase {unknown[0]!r}; phases: {', '.join(known)}")
    real, even = _powers(solution), _powers(reference)
    volts = {key: real.get(key, 0.0) / current for key in real}
    base = {key: even.get(key, 0.0) / reference.currents[high] for key in even}
    extra = {key: volts.get(key, 0.0) - base.get(key, 0.0) for key in {**volts, **base}}
    phases = [key for key in base if key not in ("kinetics", "equilibrium")]
    return VoltageParts(
        solution.voltages[high] - solution.voltages[low],
        current,
        base["equilibrium"],
        base["kinetics"],
        {key: base[key] for key in phases if key not in interphase},
        {key: base[key] for key in phases if key in interphase},
        extra,
    )


@dataclass(frozen=True, eq=False)
class Constriction:
    """A cell solved twice at one current.

    Parameters
    ----------
    solution : ChargeTransferSolution
        With the contact as it is.
    reference : ChargeTransferSolution
        With the contact of each interface spread evenly over it.

    Examples
    --------
    >>> found.parts().total_constriction  # doctest: +SKIP
    0.021
    """

    solution: ChargeTransferSolution
    reference: ChargeTransferSolution

    def parts(self, interphase: Sequence[str] = ()) -> VoltageParts:
        """Return the cell voltage in parts; see `voltage_parts`."""
        return voltage_parts(self.solution, reference=self.reference, interphase=interphase)


def constriction(
    domain: Domain,
    *,
    electronic: Mapping[str, Any],
    ionic: Mapping[str, Any],
    kinetics: Mapping[str, ButlerVolmer | LinearKinetics],
    terminals: Terminals | Mapping[str, float],
    contact: Mapping[str, Any],
    settings: Settings | None = None,
) -> Constriction:
    """Solve a cell, and solve it again with the contact spread evenly; all ranks call.

    In the second solve each interface has the share of contact that it had on average, at the same current.

    Parameters
    ----------
    domain, electronic, ionic, kinetics, terminals, contact, settings
        As for `solvers.charge_transfer`; two terminals.

    Returns
    -------
    Constriction
        Both solutions; ``parts()`` splits the cell voltage.

    Raises
    ------
    InputError, PercolationError, SolverError
        As for `solvers.charge_transfer`; or if there are not two terminals.

    Examples
    --------
    >>> found = constriction(domain, electronic={}, ionic={"LSPS": 0.21}, kinetics=k, terminals=t,
    ...     contact={"LSPS@z_min": ContactMap(picture, axis="z")})  # doctest: +SKIP
    >>> found.parts().total_constriction  # doctest: +SKIP
    0.021
    """
    options: dict[str, Any] = {"electronic": electronic, "ionic": ionic, "kinetics": kinetics, "settings": settings}
    solution = charge_transfer(domain, **options, terminals=terminals, contact=contact)
    _two_terminals(solution)
    even = {
        name: min(1.0, numbers["contact_area"] / numbers["area"])
        for name, numbers in solution.totals["interfaces"].items()
        if numbers["area"] > 0
    }
    given = terminals if isinstance(terminals, Terminals) else Terminals(fixed=terminals)
    reference = charge_transfer(domain, **options, terminals=_at_current(given, solution), contact=even)
    return Constriction(solution, reference)


def _two_terminals(solution: ChargeTransferSolution) -> tuple[str, str]:
    """The terminals of higher and of lower potential."""
    names = sorted(solution.voltages, key=lambda name: solution.voltages[name])
    if len(names) != 2:
        raise InputError(f"terminals: got {len(names)} ({', '.join(names)}); the voltage of a cell lies between two")
    if solution.currents[names[1]] == 0.0:
        raise InputError("terminals: no current flows; a voltage without a current has no parts")
    return names[1], names[0]


def _at_current(given: Terminals, solution: ChargeTransferSolution) -> Terminals:
    """The same terminals with the current of the solution prescribed at one of them."""
    if given.current or given.current_ionic:
        return given
    if given.fixed:
        name = list(given.fixed)[-1]
        rest = {key: value for key, value in given.fixed.items() if key != name}
        return Terminals(rest, {name: solution.currents[name]}, given.fixed_ionic)
    name = list(given.fixed_ionic)[-1]
    rest = {key: value for key, value in given.fixed_ionic.items() if key != name}
    return Terminals(fixed_ionic=rest, current_ionic={name: solution.currents[name]})


def _powers(solution: ChargeTransferSolution) -> dict[str, float]:
    """Power by phase and of the interfaces, W."""
    numbers = solution.totals["interfaces"].values()
    powers = dict(solution.joule_heat)
    powers["kinetics"] = sum(part["kinetic_heat"] + part["resistive_heat"] for part in numbers)
    powers["equilibrium"] = sum(part["equilibrium_power"] for part in numbers)
    return powers


@dataclass(frozen=True)
class Contact0D:
    """One interface of a zero-dimensional cell.

    Parameters
    ----------
    area : float
        Area in contact, m2.
    law : ButlerVolmer or LinearKinetics
        With numbers, not fields.

    Examples
    --------
    >>> Contact0D(3e-6, ButlerVolmer(i0=10.0, U=0.0)).area
    3e-06
    """

    area: float
    law: ButlerVolmer | LinearKinetics


@dataclass(frozen=True)
class Layer0D:
    """One layer of a zero-dimensional cell.

    Parameters
    ----------
    thickness : float
        m.
    conductivity : float
        S/m.
    area : float
        Cross-section, m2.

    Examples
    --------
    >>> Layer0D(1e-3, 0.21, 3e-6).thickness
    0.001
    """

    thickness: float
    conductivity: float
    area: float


def cell_voltage_0d(
    current: float, *, positive: Contact0D, negative: Contact0D, layers: Sequence[Layer0D]
) -> dict[str, float]:
    """Return the voltage of a cell of which only areas and thicknesses are known.

    V = E(i / A) at the positive minus E(-i / A) at the negative electrode, E being the inverse of the kinetic law with
    U and area-specific resistance, plus i l / (kappa A) of every layer (electrolyte, interphases). The ohmic drop in
    the metals is neglected. It sees how much contact there is, not where: what it lacks against the real cell is the
    constriction of the current.

    Parameters
    ----------
    current : float
        That enters at the positive electrode, A.
    positive, negative : Contact0D
        The two interfaces.
    layers : sequence of Layer0D
        What lies between.

    Returns
    -------
    dict of str to float
        ``positive`` and ``negative`` (kinetics without U), ``equilibrium``, ``ohmic``; their sum ``cell_voltage``, V.

    Raises
    ------
    InputError
        If a number is not positive, or a law holds fields.

    References
    ----------
    Lewis et al., Nat. Mater. 20 (2021) 503, doi:10.1038/s41563-020-00903-2.

    Examples
    --------
    >>> side = Contact0D(1e-6, ButlerVolmer(i0=10.0, U=0.0))
    >>> voltage = cell_voltage_0d(1e-5, positive=side, negative=side, layers=[Layer0D(1e-3, 0.21, 1e-6)])
    >>> {key: round(value, 5) for key, value in voltage.items()}
    {'positive': 0.02473, 'negative': 0.02473, 'equilibrium': 0.0, 'ohmic': 0.04762, 'cell_voltage': 0.09707}
    """
    for name, side in (("positive", positive), ("negative", negative)):
        if not side.area > 0:
            raise InputError(f"{name}: got an area of {side.area!r}; it must be positive")
    for layer in layers:
        if not (layer.thickness >= 0 and layer.conductivity > 0 and layer.area > 0):
            raise InputError(f"layers: got {layer!r}; conductivity and area are positive, a thickness is not negative")
    up, level_up = _drive(positive, current)
    down, level_down = _drive(negative, -current)
    ohmic = sum(current * layer.thickness / (layer.conductivity * layer.area) for layer in layers)
    parts = {"positive": up - level_up, "negative": level_down - down, "equilibrium": level_up - level_down,
             "ohmic": float(ohmic)}  # fmt: skip
    return {**parts, "cell_voltage": sum(parts.values())}


def _drive(side: Contact0D, current: float) -> tuple[float, float]:
    """Electronic minus ionic potential at an interface under a current into the ion conductor; and U."""
    law = side.law
    keys = ("U", "asr") if isinstance(law, LinearKinetics) else ("U", "asr", "i0")
    for key in keys:
        if not np.isscalar(getattr(law, key)):
            raise InputError(f"law: {key} is a field; a zero-dimensional cell takes numbers")
    level, resistivity = np.array([float(law.U)]), np.array([float(law.asr)])  # type: ignore[arg-type]
    if isinstance(law, LinearKinetics):
        found = Law(level, resistivity)
    else:
        slope = thermal_slope(law.temperature)
        exchange = np.array([float(law.i0)])  # type: ignore[arg-type]
        found = Law(level, resistivity, exchange, law.alpha_a * slope, law.alpha_c * slope)
    drive, _ = found.from_current(np.array([current / side.area]))
    return float(drive[0]), float(level[0])
