"""Coupled cells: current -> deposit and swelling -> stress -> gap -> contact -> current. No equations of its own.

Each link is a solver of its own (`solvers.charge_transfer`, `solvers.faraday`, `solvers.elasticity`); here they are
called in turn, once (one-way) or until nothing changes (staggered, a relaxed fixed-point iteration for the contact).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.chain import Body, Cell, Chain, Sweeps
from solvers.charge_solution import ChargeTransferSolution
from solvers.charge_transfer import charge_transfer
from solvers.connectivity import PercolationError
from solvers.contact import LocalShares
from solvers.coupled_solution import CoupledSeries, CoupledSolution, InterfaceState
from solvers.domain import Domain
from solvers.elastic.laws import eigenstrain_vector
from solvers.faraday import deposit_thickness, swelling_strain
from solvers.links import Links
from solvers.mechanics import ElasticSolution, elasticity
from solvers.switching import Proposal, Switches
from ssb2mesh.errors import InputError, SolverError

__all__ = ["coupled_cell", "pressure_dependence"]

Array = npt.NDArray[np.float64]
MODES = ("one-way", "staggered")


def coupled_cell(
    domain: Domain,
    *,
    cell: Cell,
    chain: Chain,
    body: Body | None = None,
    coupling: str = "one-way",
    sweeps: Sweeps | None = None,
) -> CoupledSolution:
    """Solve a cell whose current deposits metal or swells hosts, and whose contact may open; all ranks call.

    First the solid under its loads alone (where contact depends on gaps). Then, in each step: currents with the
    contact so far; what they deposit, strip and swell; equilibrium with it; the gaps and the contact they leave. In a
    staggered solve the new contact goes back to the currents, relaxed, until nothing changes any more.

    Parameters
    ----------
    domain : Domain
        The mesh.
    cell : Cell
        Conductors, kinetics, terminals.
    chain : Chain
        What links current and stress.
    body : Body, optional
        The solid. Without it, bodies do not move and gaps grow by what is stripped.
    coupling : {"one-way", "staggered"}
        Whether contact follows the gaps of the same step.
    sweeps : Sweeps, optional
        How to iterate.

    Returns
    -------
    CoupledSolution
        Both solutions of the last sweep, gaps and deposits by interface, a table of all sweeps.

    Raises
    ------
    InputError
        If a name or value is wrong.
    PercolationError
        If no contact is left.
    SolverError
        If a solve fails, or the sweeps do not converge; the message says what to try.

    Examples
    --------
    >>> coupled_cell(domain, cell=cell, body=body, coupling="staggered",
    ...     chain=Chain(1800.0, deposits={"LPS|Li": Deposit.of("Li")},
    ...                 contacts={"LPS|Li": GapContact(closes=0.0, opens=5e-8)}))  # doctest: +SKIP
    <CoupledSolution staggered: 12 sweeps; cell voltage 0.0483 V; contact LPS|Li 74.1 %>
    """
    if coupling not in MODES:
        raise InputError(f"coupling: got {coupling!r}; allowed: {', '.join(MODES)}")
    loop = _Loop(Links(domain, cell, body, chain), sweeps or Sweeps())
    return loop.run(coupling)


def pressure_dependence(
    domain: Domain,
    *,
    cell: Cell,
    body: Body,
    chain: Chain,
    pressures: Mapping[str, Sequence[float]],
    coupling: str = "staggered",
    sweeps: Sweeps | None = None,
) -> CoupledSeries:
    """Solve a coupled cell for several stack pressures; all ranks call.

    Parameters
    ----------
    pressures : mapping of str to sequence of float
        One side with its pressures, Pa; they take the place of the one in the loads of `body`.
    domain, cell, body, chain, coupling, sweeps
        As for `coupled_cell`.

    Returns
    -------
    CoupledSeries
        One solution a pressure, in order.

    Raises
    ------
    InputError, PercolationError, SolverError
        As for `coupled_cell`; or if not exactly one side has pressures.

    Examples
    --------
    >>> series = pressure_dependence(domain, cell=cell, body=body, chain=chain,
    ...                              pressures={"z_max": [1e6, 5e6]})  # doctest: +SKIP
    >>> series.cell_voltages  # doctest: +SKIP
    array([0.0713, 0.0522])
    """
    if not isinstance(pressures, Mapping) or len(pressures) != 1:
        raise InputError(
            f"pressures: got {pressures!r}; give one side and its pressures in Pa, {{'z_max': [1e6, 5e6]}}"
        )
    side, values = next(iter(pressures.items()))
    if np.isscalar(values) or len(values) == 0:
        raise InputError(f"pressures: {side!r}: got {values!r}; give a list of pressures in Pa")
    found = []
    for value in values:
        loads = replace(body.loads, pressure={**body.loads.pressure, side: float(value)})
        found.append(coupled_cell(domain, cell=cell, chain=chain, body=replace(body, loads=loads), coupling=coupling,
                                  sweeps=sweeps))  # fmt: skip
    return CoupledSeries(tuple(found), side, tuple(float(v) for v in values))


@dataclass(frozen=True, eq=False)
class _Sweep:
    """What one sweep found: arrays by interface and its owned facets."""

    charge: ChargeTransferSolution
    elastic: ElasticSolution | None
    currents: Mapping[str, Array]
    grown: Mapping[str, Array]
    charges: Mapping[str, float]
    strains: Mapping[str, float]
    gaps: Mapping[str, Array]
    used: Mapping[str, Array]
    left: Mapping[str, Array]


class _Loop:
    """The iteration: what it holds are the links and the settings, what it makes is a table."""

    def __init__(self, links: Links, sweeps: Sweeps) -> None:
        self.links, self.sweeps, self.chain = links, sweeps, links.chain
        self.table: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []

    def run(self, coupling: str) -> CoupledSolution:
        links = self.links
        zero = {name: np.zeros(len(facets)) for name, facets in links.facets.items()}
        shares, charges = self._at_rest(zero), dict.fromkeys(self.chain.swelling, 0.0)
        grown: Mapping[str, Array] = zero
        for step in range(1, self.chain.steps + 1):
            found = self._step(step, shares, (grown, charges), coupling)
            grown, charges = found.grown, dict(found.charges)
            if coupling == "staggered":
                shares = dict(found.used)
            self.steps.append(self._step_row(step, found))
        interfaces = {
            name: InterfaceState(links.facets[name], links.areas[name], found.grown[name],
                                 links.facet_mean(found.gaps.get(name)), found.used[name], found.left[name])
            for name in links.facets
        }  # fmt: skip
        return CoupledSolution(links.domain, coupling, found.charge, found.elastic, interfaces, dict(found.strains),
                               tuple(self.table), tuple(self.steps), tuple(links.notes))  # fmt: skip

    def _at_rest(self, zero: Mapping[str, Array]) -> dict[str, Array]:
        """Contact before any current: under the loads, where it depends on gaps."""
        if not self.chain.contacts:
            return {name: np.ones(len(facets)) for name, facets in self.links.facets.items()}
        elastic = self._equilibrium(zero, {})
        return self.links.shares(self.links.gaps(elastic, zero))

    def _equilibrium(self, grown: Mapping[str, Array], strains: Mapping[str, float]) -> ElasticSolution | None:
        body = self.links.body
        if body is None:
            return None
        loads = body.loads
        eigen = dict(loads.eigenstrain)
        for phase, value in strains.items():
            six = eigenstrain_vector(eigen.get(phase, 0.0))
            six[:3] += value
            eigen[phase] = six
        loads = replace(loads, eigenstrain=eigen, growth=self.links.layers(grown))
        return elasticity(
            self.links.domain, materials=body.materials, supports=body.supports, loads=loads,
            interfaces=body.interfaces or None, order=body.order, options=body.options,
        )  # fmt: skip

    def _step(
        self, step: int, shares: dict[str, Array], before: tuple[Mapping[str, Array], dict[str, float]], coupling: str
    ) -> _Sweep:
        last: _Sweep | None = None
        switches = Switches(self.links, self.sweeps)
        for number in range(1, self.sweeps.most + 1):
            found = self._sweep((step, number), shares, before)
            wanted: Proposal | None = None
            if coupling == "staggered":
                wanted = switches.propose(shares, found.gaps, self._stripped_at_full_contact(found))
                found = replace(found, left=wanted.left)
            row = self._row((step, number), found, last)
            self.table.append(row)
            if wanted is None or self._done(row):
                self._note_partial(found)
                return found
            if last is not None and row["contact_change"] > 2.0 * self.table[-2]["contact_change"]:
                switches.forget()
            shares = switches.next(wanted)
            last = found
        raise SolverError(self._not_converged(step, shares, switches))

    def _stripped_at_full_contact(self, found: _Sweep) -> dict[str, Array]:
        """Metal that each facet would lose at full contact, m: the gap follows the share with this slope."""
        seconds = self.chain.duration / self.chain.steps
        result = {}
        for name, deposit in self.chain.deposits.items():
            if name in self.chain.contacts:
                stripped = -deposit_thickness(found.currents[name], seconds, molar_volume=deposit.molar_volume,
                                              electrons=deposit.electrons)  # fmt: skip
                result[name] = np.maximum(stripped, 0.0) / np.maximum(found.used[name], 1e-9)
        return result

    def _note_partial(self, found: _Sweep) -> None:
        """Say what a share between open and closed means where the limit is sharp."""
        for name, law in self.chain.contacts.items():
            if law.opens == law.closes:
                part = (found.used[name] > 1e-6) & (found.used[name] < 1.0 - 1e-6)
                count = int(np.sum(self.links.domain.comm.allgather(int(part.sum()))))
                note = (
                    f"{name}: a sharp limit, and facets at it that are neither open nor closed ({count} in this step): "
                    "their share of contact is what opening and closing in turn gives on average"
                )
                if count:
                    self.links.notes[:] = [n for n in self.links.notes if not n.startswith(f"{name}: a sharp limit")]
                    self.links.notes.append(note)

    def _sweep(
        self, at: tuple[int, int], shares: Mapping[str, Array], before: tuple[Mapping[str, Array], dict[str, float]]
    ) -> _Sweep:
        links, chain = self.links, self.chain
        seconds = chain.duration / chain.steps
        charge = self._currents(at, shares)
        currents = links.currents(charge)
        grown = dict(before[0])
        for name, deposit in chain.deposits.items():
            more = deposit_thickness(currents[name], seconds, molar_volume=deposit.molar_volume,
                                     electrons=deposit.electrons)  # fmt: skip
            grown[name] = grown[name] + more
        charges, strains = dict(before[1]), {}
        for phase, host in chain.swelling.items():
            charges[phase] += seconds * links.given_off(charge, phase)
            strains[phase] = swelling_strain(charges[phase], volume=links.volumes[phase],
                                             molar_volume=host.molar_volume, electrons=host.electrons)  # fmt: skip
        elastic = self._equilibrium(grown, strains)
        gaps = links.gaps(elastic, grown)
        return _Sweep(charge, elastic, currents, grown, charges, strains, gaps, dict(shares), links.shares(gaps))

    def _currents(self, at: tuple[int, int], shares: Mapping[str, Array]) -> ChargeTransferSolution:
        cell, links = self.links.cell, self.links
        contact = dict(cell.contact)
        for name in self.chain.contacts:
            values = np.zeros(len(links.domain.facet_atom))
            values[links.facets[name]] = shares[name]
            contact[name] = [cell.contact.get(name, 1.0), LocalShares(values)]
        try:
            return charge_transfer(links.domain, electronic=cell.electronic, ionic=cell.ionic, kinetics=cell.kinetics,
                                   terminals=cell.terminals, contact=contact, settings=cell.settings)  # fmt: skip
        except PercolationError as error:
            if not self.chain.contacts:
                raise
            raise PercolationError(
                f"coupling: step {at[0]}, sweep {at[1]}, contact left: {self._contact(shares)}: {error}; press harder, "
                "let less charge flow, split the duration into more steps, or widen the range from closes to opens"
            ) from error

    def _row(self, at: tuple[int, int], now: _Sweep, last: _Sweep | None) -> dict[str, Any]:
        links = self.links
        row: dict[str, Any] = {
            "step": at[0], "sweep": at[1], "current_change": None, "gap_change": None,
            "utilisation_change": None, "contact_change": links.distance(now.left, now.used, self.chain.contacts),
            "cell_voltage": now.charge.cell_voltage, "current": _largest(now.charge.currents),
        }  # fmt: skip
        if last is not None:
            size = links.total({name: np.abs(i) for name, i in now.currents.items()})
            moved = links.total({name: np.abs(i - last.currents[name]) for name, i in now.currents.items()})
            row["current_change"] = moved / size if size > 0 else 0.0
            row["gap_change"] = links.gap_change(now.gaps, last.gaps)
            row["utilisation_change"] = max(
                (abs(numbers["utilisation"] - last.charge.totals["interfaces"][name]["utilisation"])
                 for name, numbers in now.charge.totals["interfaces"].items()), default=0.0)  # fmt: skip
        return row

    def _done(self, row: Mapping[str, Any]) -> bool:
        """Whether the next sweep would change nothing: for certain if contact is what it was, else by all changes."""
        if row["contact_change"] == 0.0:
            return True
        keys = ("contact_change", "current_change", "gap_change", "utilisation_change")
        return all(row[key] is not None and row[key] <= self.sweeps.tolerance for key in keys)

    def _step_row(self, step: int, found: _Sweep) -> dict[str, Any]:
        links, chain = self.links, self.chain
        row: dict[str, Any] = {
            "step": step, "time": step * chain.duration / chain.steps, "sweeps": self.table[-1]["sweep"],
            "cell_voltage": found.charge.cell_voltage, "current": _largest(found.charge.currents),
        }  # fmt: skip
        for name in chain.deposits:
            row[f"{name}: deposit"] = links.mean(name, found.grown[name])
        for name in chain.contacts:
            row[f"{name}: contact"] = links.mean(name, found.used[name])
            row[f"{name}: largest_gap"] = links.largest(found.gaps[name])
        return row

    def _not_converged(self, step: int, shares: Mapping[str, Array], switches: Switches) -> str:
        rows = [
            f"sweep {row['sweep']}: contact {row['contact_change']:.1e}, current {row['current_change'] or 0.0:.1e}"
            for row in self.table[-3:]
        ]
        swings = [
            f"{n['facets']} of {n['of']} facets of {name} open and close in turn, by up to {n['by']:.2g} of it"
            for name, n in switches.swinging().items()
        ]
        what = "; ".join(swings) if swings else "no facet swings: the changes fall or creep"
        advice = (
            "a smaller relaxation, less duration or more steps, or a wider range from closes to opens"
            if swings else "more sweeps, less duration or more steps, or a looser tolerance"
        )  # fmt: skip
        return (
            f"coupling: step {step} did not settle in {self.sweeps.most} sweeps (changes of {'; '.join(rows)}; contact "
            f"left: {self._contact(shares)}); {what}; try {advice}; a current that is prescribed may leave no contact "
            "at all"
        )

    def _contact(self, shares: Mapping[str, Array]) -> str:
        return ", ".join(f"{name} {self.links.mean(name, shares[name]):.1%}" for name in self.chain.contacts)


def _largest(currents: Mapping[str, float]) -> float:
    return max((abs(value) for value in currents.values()), default=0.0)
