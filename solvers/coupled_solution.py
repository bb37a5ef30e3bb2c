"""What a coupled solve gives back: fields of both sides, gaps and deposits, the table of sweeps, files. No solving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.charge_solution import ChargeTransferSolution, facet_rows, write_interfaces
from solvers.domain import Domain
from solvers.fields import MeshFields, SolutionSeries
from solvers.mechanics import ElasticSolution

__all__ = ["CoupledSeries", "CoupledSolution", "InterfaceState"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InterfaceState:
    """One interface with kinetics at the end, on the facets that this rank owns.

    Parameters
    ----------
    facets : (k,) int32 array
        Local facets.
    areas : (k,) float array
        m2.
    deposit : (k,) float array
        Thickness grown, negative where stripped, m.
    gap : (k,) float array or None
        Mean over the facet, m, negative where pressed; None where contact does not depend on it.
    contact : (k,) float array
        Share that the gap left when the currents were found, 0 to 1; times the contact given for the cell.
    contact_left : (k,) float array
        Share that the gap leaves now; of a staggered solve the same to its tolerance.

    Examples
    --------
    >>> solution.interfaces["LPS|Li"].gap.max()  # doctest: +SKIP
    4.1e-08
    """

    facets: npt.NDArray[np.int32]
    areas: Array
    deposit: Array
    gap: Array | None
    contact: Array
    contact_left: Array


@dataclass(frozen=True, eq=False, repr=False)
class CoupledSolution(MeshFields):
    """Currents, stresses and gaps of one coupled solve; made by `solvers.coupled_cell`.

    Parameters
    ----------
    domain : Domain
        Where it was solved.
    coupling : str
        ``"one-way"`` or ``"staggered"``.
    charge : ChargeTransferSolution
        Of the last sweep.
    elastic : ElasticSolution or None
        Of the last sweep; None without a body.
    interfaces : mapping of str to InterfaceState
        By interface with kinetics.
    swelling : mapping of str to float
        Linear strain by phase at the end.
    iterations : tuple of dict
        A row for each sweep: relaxation, changes of current, gap, utilisation and contact, cell voltage, current.
    steps : tuple of dict
        A row for each step of time.
    notes : tuple of str
        What was left out.

    Examples
    --------
    >>> [row["contact_change"] for row in solution.iterations]  # doctest: +SKIP
    [0.12, 0.031, 0.0079]
    """

    domain: Domain
    coupling: str
    charge: ChargeTransferSolution
    elastic: ElasticSolution | None
    interfaces: Mapping[str, InterfaceState]
    swelling: Mapping[str, float]
    iterations: tuple[dict[str, Any], ...]
    steps: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()
    kind: str = "coupled"

    @property
    def cell_voltage(self) -> float:
        """Highest minus lowest terminal potential, V."""
        return self.charge.cell_voltage

    @property
    def voltages(self) -> dict[str, float]:
        """Potential of each terminal, V."""
        return dict(self.charge.voltages)

    @property
    def currents(self) -> dict[str, float]:
        """Current that enters through each terminal, A."""
        return dict(self.charge.currents)

    @property
    def point_fields(self) -> dict[str, Array]:
        """Potentials (V) and displacement (m) at local points."""
        return {**self.charge.point_fields, **(self.elastic.point_fields if self.elastic else {})}

    @property
    def cell_fields(self) -> dict[str, Array]:
        """Current densities, heat and stresses in local cells."""
        return {**self.charge.cell_fields, **(self.elastic.cell_fields if self.elastic else {})}

    def contact(self, name: str) -> float:
        """Return the share of the area of an interface that is in contact when the currents flow; all ranks call."""
        return self._mean(name, self.interfaces[name].contact)

    def _mean(self, name: str, values: Array) -> float:
        area = self.interfaces[name].areas
        total, size = np.sum(self.domain.comm.allgather([float(area @ values), float(area.sum())]), axis=0)
        return float(total / size) if size > 0 else 0.0

    def _spread(self, name: str, values: Array) -> dict[str, float]:
        comm = self.domain.comm
        low = min(comm.allgather(float(values.min(initial=np.inf))))
        high = max(comm.allgather(float(values.max(initial=-np.inf))))
        return {"least": float(low), "mean": self._mean(name, values), "greatest": float(high)}

    def summary(self) -> dict[str, Any]:
        """Return every number of the solve as a JSON-able dict; the same on every rank; all ranks call."""
        charge = self.charge.summary()
        charge.pop("type")
        elastic = self.elastic.summary() if self.elastic is not None else {}
        notes = [*self.notes, *elastic.pop("notes", [])]
        linear = {"charge_transfer": charge.pop("linear"), "elasticity": elastic.pop("linear", None)}
        force_balance = elastic.pop("balance", None)
        elastic.pop("type", None)
        volumes = {}
        for name, part in self.interfaces.items():
            local = [float(part.areas @ part.deposit)]
            volumes[name] = float(np.sum(self.domain.comm.allgather(local)))
        return {
            "type": self.kind,
            "coupling": self.coupling,
            **charge,
            **elastic,
            "force_balance": force_balance,
            "deposit": {name: self._spread(name, part.deposit) for name, part in self.interfaces.items()},
            "deposit_volume": volumes,
            "gap": {n: self._spread(n, part.gap) for n, part in self.interfaces.items() if part.gap is not None},
            "contact_by_gap": {n: self._mean(n, p.contact) for n, p in self.interfaces.items() if p.gap is not None},
            "contact_left": {n: self._mean(n, p.contact_left) for n, p in self.interfaces.items() if p.gap is not None},
            "swelling": dict(self.swelling),
            "sweeps": len(self.iterations),
            "iterations": [dict(row) for row in self.iterations],
            "steps": [dict(row) for row in self.steps],
            "notes": notes,
            "linear": linear,
        }

    def facet_data(self, name: str) -> dict[str, npt.NDArray] | None:
        """Return the facets of an interface on rank 0, None elsewhere; all ranks call.

        Parameters
        ----------
        name : str
            An interface with kinetics.

        Returns
        -------
        dict of str to array, or None
            As of `ChargeTransferSolution.facet_data`, with ``deposit``, ``gap`` (m, NaN where it does not count) and
            ``contact_left``; only the facets that carry current can.

        Examples
        --------
        >>> solution.facet_data("LPS|Li")["gap"]  # doctest: +SKIP
        array([1.2e-08, 1.3e-08])
        """
        part, own = self.charge.interfaces[name], self.interfaces[name]
        at = np.searchsorted(own.facets, part.facets)
        gap = np.full(len(own.facets), np.nan) if own.gap is None else own.gap
        values = {
            "area": part.areas, "contact": part.contact, "current_density": part.current_density,
            "overpotential": part.overpotential, "deposit": own.deposit[at], "gap": gap[at],
            "contact_left": own.contact_left[at],
        }  # fmt: skip
        return facet_rows(self.domain, part.facets, values)

    def write(self, path: str | Path) -> None:
        """Write mesh and fields to ``path.xdmf`` and ``path.h5``, interfaces to ``path_NAME.vtu``; all ranks call."""
        super().write(path)
        write_interfaces(self, path)

    def __repr__(self) -> str:
        steps = f" in {len(self.steps)} steps" if len(self.steps) > 1 else ""
        return (
            f"<CoupledSolution {self.coupling}: {len(self.iterations)} sweeps{steps}; cell voltage "
            f"{self.cell_voltage:.4g} V>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class CoupledSeries(SolutionSeries):
    """Coupled solutions for several stack pressures; indexed and iterated like a list.

    Parameters
    ----------
    solutions : tuple of CoupledSolution
        At least one.
    side : str
        Where the pressure acts.
    pressures : tuple of float
        Pa.

    Examples
    --------
    >>> series.cell_voltages  # doctest: +SKIP
    array([0.0713, 0.0522])
    """

    solutions: tuple[CoupledSolution, ...]
    side: str
    pressures: tuple[float, ...]

    def __getitem__(self, index: int) -> CoupledSolution:
        return self.solutions[index]

    def __iter__(self) -> Iterator[CoupledSolution]:
        return iter(self.solutions)

    def currents(self, terminal: str) -> Array:
        """Return the current through a terminal in each solution, A."""
        return np.array([solution.currents[terminal] for solution in self.solutions])

    def summary(self) -> dict[str, Any]:
        """Return the numbers of all solutions as lists, JSON-able; the same on every rank; all ranks call."""
        all_of = [solution.summary() for solution in self.solutions]
        first = all_of[0]
        keys = ("contact_area", "current", "constriction_factor", "utilisation")
        interfaces: dict[str, dict[str, list[float]]] = {
            name: {key: [s["interfaces"][name][key] for s in all_of] for key in keys} for name in first["interfaces"]
        }
        for name in first["gap"]:
            interfaces[name]["contact_by_gap"] = [s["contact_by_gap"][name] for s in all_of]
            interfaces[name]["greatest_gap"] = [s["gap"][name]["greatest"] for s in all_of]
        rows = [{"pressure": p, **row} for p, s in zip(self.pressures, all_of, strict=True) for row in s["iterations"]]
        return {
            "type": "coupled_series",
            "coupling": first["coupling"],
            "side": self.side,
            "pressure": list(self.pressures),
            "voltages": {name: [s["voltages"][name] for s in all_of] for name in first["voltages"]},
            "currents": {name: [s["currents"][name] for s in all_of] for name in first["currents"]},
            "cell_voltage": self.cell_voltages.tolist(),
            "interfaces": interfaces,
            "balance": max(s["balance"] for s in all_of),
            "iterations": rows,
            "notes": all_of[-1]["notes"],
            "linear": all_of[-1]["linear"],
        }

    def __repr__(self) -> str:
        volts = ", ".join(f"{value:.4g}" for value in self.cell_voltages[:6])
        return f"<CoupledSeries of {len(self)} pressures on {self.side}: cell voltages {volts} V>"
