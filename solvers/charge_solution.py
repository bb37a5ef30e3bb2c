"""What a charge-transfer solve gives back: fields, voltages, currents, interface numbers, files. No solving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.coupled import CoupledSystem, Responses, State
from solvers.distribute import exchange
from solvers.domain import Domain
from solvers.fields import MeshFields
from solvers.fluxes import flux_and_heat, heat_by_phase, phase_fractions
from solvers.interface_numbers import interface_numbers, parts_by_name
from solvers.interfaces import QUADRATURE, Interface
from solvers.newton import NewtonReport

__all__ = ["ChargeTransferSolution", "InterfaceFields", "evaluate", "facet_rows", "write_interfaces"]

Array = npt.NDArray[np.float64]

#: Drive of the interfaces below which a cell counts as at rest, V; the balance is measured against its current.
AT_REST = 1e-6


@dataclass(frozen=True, eq=False)
class InterfaceFields:
    """What happens on the facets of one interface that this rank owns.

    Parameters
    ----------
    facets : (k,) int32 array
        Local facets.
    areas : (k,) float array
        m2.
    contact : (k,) float array
        Share that conducts, 0 to 1.
    current_density : (k,) float array
        Mean over the facet, lost contact included, A/m2; positive out of the electron conductor (anodic).
    overpotential : (k,) float array
        Mean over the facet of what drives the reaction, V; NaN where there is no contact.

    Examples
    --------
    >>> solution.interfaces["LPSCl|NMC"].current_density.max()  # doctest: +SKIP
    41.2
    """

    facets: npt.NDArray[np.int32]
    areas: Array
    contact: Array
    current_density: Array
    overpotential: Array


@dataclass(frozen=True, eq=False, repr=False)
class ChargeTransferSolution(MeshFields):
    """Potentials, currents and interface numbers of one solve.

    Parameters
    ----------
    domain : Domain
        Where it was solved.
    point_fields : mapping of str to (local dofs,) float array
        ``electronic_potential`` and ``ionic_potential`` in V, NaN where there is none.
    cell_fields : mapping of str to (local cells, ...) float array
        ``electronic_current_density``, ``ionic_current_density`` (A/m2), ``joule_heat`` (W/m3).
    voltages : mapping of str to float
        Potential of each terminal, V.
    currents : mapping of str to float
        Current that enters through each terminal, A; reaction fluxes.
    interfaces : mapping of str to InterfaceFields
        Facet by facet.
    totals : mapping of str to any
        Other results, JSON-able.
    linear : NewtonReport
        How the solve went.
    state : State
        Start for a solve nearby.

    Examples
    --------
    >>> solution.interface_currents["LPSCl|NMC"]  # doctest: +SKIP
    1e-06
    """

    domain: Domain
    point_fields: Mapping[str, Array]
    cell_fields: Mapping[str, Array]
    voltages: Mapping[str, float]
    currents: Mapping[str, float]
    interfaces: Mapping[str, InterfaceFields]
    totals: Mapping[str, Any]
    linear: NewtonReport
    state: State
    kind: str = "charge_transfer"

    @property
    def interface_currents(self) -> dict[str, float]:
        """Current from the electron into the ion conductor by interface, A."""
        return {name: numbers["current"] for name, numbers in self.totals["interfaces"].items()}

    @property
    def balance(self) -> float:
        """Largest error of conservation (all terminals, electrons, ions) relative to the largest current.

        In a cell at rest relative to the current of a microvolt at all interfaces.
        """
        return float(self.totals["balance"])

    @property
    def cell_voltage(self) -> float:
        """Highest minus lowest terminal potential, V."""
        return float(max(self.voltages.values()) - min(self.voltages.values()))

    @property
    def joule_heat(self) -> dict[str, float]:
        """Ohmic heat by phase, W."""
        return dict(self.totals["joule_heat"])

    def summary(self) -> dict[str, Any]:
        """Return every number of the solve as a JSON-able dict; the same on every rank."""
        numbers = {"type": self.kind, "voltages": dict(self.voltages), "currents": dict(self.currents)}
        return {**numbers, "cell_voltage": self.cell_voltage, **self.totals, "linear": self.linear.summary()}

    def facet_data(self, name: str) -> dict[str, npt.NDArray] | None:
        """Return the facets of an interface on rank 0, None elsewhere; all ranks call.

        Parameters
        ----------
        name : str
            An interface with kinetics.

        Returns
        -------
        dict of str to array, or None
            ``triangles`` (k, 3): points of the TaggedMesh; ``corners`` (k, 3, 3) in m; ``area``, ``contact``,
            ``current_density``, ``overpotential`` (k,); in an order that does not depend on the number of ranks.

        Examples
        --------
        >>> solution.facet_data("LPSCl|NMC")["current_density"]  # doctest: +SKIP
        array([1.2, 1.3])
        """
        part = self.interfaces[name]
        values = {"area": part.areas, "contact": part.contact, "current_density": part.current_density,
                  "overpotential": part.overpotential}  # fmt: skip
        return facet_rows(self.domain, part.facets, values)

    def write(self, path: str | Path) -> None:
        """Write mesh and fields to ``path.xdmf`` and ``path.h5`` in parallel, interfaces to ``path_NAME.vtu``.

        All ranks call. The facets of an interface go through rank 0.
        """
        super().write(path)
        write_interfaces(self, path)

    def __repr__(self) -> str:
        ends = ", ".join(f"{name} {self.voltages[name]:.6g} V {self.currents[name]:.6g} A" for name in self.voltages)
        return f"<ChargeTransferSolution {ends}; {self.linear.steps} Newton steps>"


def facet_rows(
    domain: Domain, facets: npt.NDArray[np.int32], values: Mapping[str, Array]
) -> dict[str, npt.NDArray] | None:
    """Return triangles, corners and values of owned facets on rank 0, None elsewhere; all ranks call."""
    points = domain.facet_points[facets]
    triangles = np.sort(domain.dof_original[points], axis=1)
    order = np.argsort(domain.dof_original[points], axis=1)
    corners = domain.coordinates[np.take_along_axis(points, order, axis=1)].reshape(-1, 9)
    dest = np.zeros(len(triangles), np.int64)
    all_triangles, _, _ = exchange(domain.comm, dest, triangles)
    rows, _, _ = exchange(domain.comm, dest, np.column_stack([*values.values(), corners]))
    if domain.comm.rank != 0:
        return None
    at, n = np.lexsort(all_triangles.T[::-1]), len(values)
    found: dict[str, npt.NDArray] = {"triangles": all_triangles[at], "corners": rows[at, n:].reshape(-1, 3, 3)}
    return found | {key: rows[at, k] for k, key in enumerate(values)}


def write_interfaces(solution: Any, path: str | Path) -> None:
    """Write the facets of each interface of a solution to ``path_NAME.vtu`` by rank 0; all ranks call."""
    from ssb2mesh.io.mesh_vtu import write_surface_vtu

    path = Path(path)
    for name in solution.interfaces:
        data = solution.facet_data(name)
        if data is not None:
            target = path.with_name(f"{path.stem}_{name.replace('|', '-').replace('@', '-at-')}.vtu")
            used, corners = np.unique(data["triangles"], return_inverse=True)
            points = np.empty((len(used), 3))
            points[np.asarray(corners).ravel()] = data["corners"].reshape(-1, 3)
            fields = {key: values for key, values in data.items() if key not in ("triangles", "corners")}
            write_surface_vtu(points, np.asarray(corners).reshape(-1, 3).astype(np.int32), fields, target)
    solution.domain.comm.Barrier()


def evaluate(
    system: CoupledSystem,
    state: State,
    report: NewtonReport,
    *,
    conductivities: tuple[Array, Array],
    conducting: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
) -> ChargeTransferSolution:
    """Turn potentials into fields and numbers; all ranks call.

    Parameters
    ----------
    system : CoupledSystem
        The equations.
    state : State
        Their solution.
    report : NewtonReport
        How it was found.
    conductivities : pair of (local cells,) or (local cells, 3, 3) float array
        S/m.
    conducting : pair of (local cells,) bool array
        Cells that conduct electrons, ions, live or not.

    Returns
    -------
    ChargeTransferSolution
        Everything.
    """
    domain, circuit = system.domain, system.circuit
    drives = system.drives(state)
    responses = system.responses(drives)
    currents = [i for i, _ in responses]
    residual = system.residual(system.bulk(state), currents)
    named = [k for k, end in enumerate(circuit.terminals) if end.name]
    into: dict[str, float] = {}
    volts: dict[str, float] = {}
    for k in named:
        key = _end_key(circuit.terminals, k)
        into[key], volts[key] = float(residual.terminals[k]), float(state.voltages[k])
    points = {
        f"{kind}_potential": np.where(circuit.points[k], state.potentials[k], np.nan)
        for k, kind in enumerate(("electronic", "ionic"))
    }
    cells: dict[str, Array] = {}
    heats: list[Array] = []
    for k, kind in enumerate(("electronic", "ionic")):
        live = circuit.live[k] & (_size(conductivities[k]) > 0)
        flux, heat = flux_and_heat(domain, conductivities[k], state.fields[k], live)
        cells[f"{kind}_current_density"] = flux
        heats.append(heat)
    cells["joule_heat"] = heats[0] + heats[1]
    parts = parts_by_name(system, drives, currents)
    totals = {
        "interfaces": {name: interface_numbers(domain, rows) for name, rows in parts.items()},
        "balance": _balance(system, residual.terminals, responses),
        "joule_heat": heat_by_phase(domain, cells["joule_heat"]),
        "joule_heat_of_electrons": heat_by_phase(domain, heats[0]),
        "joule_heat_of_ions": heat_by_phase(domain, heats[1]),
        "floating_electronic": phase_fractions(domain, conducting[0] & ~circuit.live[0]),
        "floating_ionic": phase_fractions(domain, conducting[1] & ~circuit.live[1]),
    }
    return ChargeTransferSolution(domain, points, cells, volts, into, {k: _fields(v) for k, v in parts.items()}, totals,
                                  report, state)  # fmt: skip


def _end_key(terminals: Any, k: int) -> str:
    """A side may carry both an electronic and an ionic terminal."""
    end = terminals[k]
    twice = any(other.name == end.name and other.carrier != end.carrier for other in terminals)
    return f"{end.name} ({end.carrier})" if twice else str(end.name)


def _size(sigma: Array) -> Array:
    return sigma if sigma.ndim == 1 else sigma[:, 0, 0]


def _balance(system: CoupledSystem, ends: Array, responses: Responses) -> float:
    """Largest of: all terminals, electrons, ions; relative to the largest current, or to that of a cell at rest."""
    rows = list(zip(system.circuit.interfaces, responses, strict=True))
    parts = [part.weights * i for part, (i, _) in rows]
    local = [
        sum(float(p.sum()) for p in parts),
        sum(float(np.abs(p).sum()) for p in parts),
        sum(AT_REST * float((part.weights * slope).sum()) for part, (_, slope) in rows),
    ]
    net, size, rest = np.sum(system.domain.comm.allgather(local), axis=0)
    carriers = [end.carrier for end in system.circuit.terminals]
    electrons = sum(float(i) for i, carrier in zip(ends, carriers, strict=True) if carrier == "electrons")
    ions = sum(float(i) for i, carrier in zip(ends, carriers, strict=True) if carrier == "ions")
    largest = max([float(size), float(rest), *(abs(float(i)) for i in ends)])
    return max(abs(electrons + ions), abs(electrons - net), abs(ions + net)) / largest if largest > 0 else 0.0


def _fields(parts: list[tuple[Interface, Array, Array]]) -> InterfaceFields:
    weights = QUADRATURE[1]
    interfaces = [part for part, _, _ in parts]
    contact = np.concatenate([part.contact for part in interfaces])
    current = np.concatenate([(i @ weights) * part.contact for part, _, i in parts])
    eta = np.concatenate([part.law.overpotential(drive, i) @ weights for part, drive, i in parts])
    return InterfaceFields(
        np.concatenate([part.facets for part in interfaces]),
        np.concatenate([part.areas for part in interfaces]),
        contact,
        current,
        np.where(contact > 0, eta, np.nan),
    )
