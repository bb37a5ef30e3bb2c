"""Links between currents and stresses on the facets of interfaces: currents, layers, gaps, contact. No iteration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.chain import Body, Cell, Chain
from solvers.charge_solution import ChargeTransferSolution
from solvers.coefficients import by_facet
from solvers.domain import Domain
from solvers.mechanics import ElasticSolution
from ssb2mesh.errors import InputError, nearest

__all__ = ["Links"]

Array = npt.NDArray[np.float64]


class Links:
    """Facets of all interfaces with kinetics, and how values go from one solver to the other; all ranks make it.

    Parameters
    ----------
    domain : Domain
        The mesh.
    cell, body, chain
        See `solvers.coupling.coupled_cell`.

    Raises
    ------
    InputError
        If the chain names what the cell or the body do not have.
    """

    def __init__(self, domain: Domain, cell: Cell, body: Body | None, chain: Chain) -> None:
        for argument, value, kind in (("cell", cell, Cell), ("body", body, Body), ("chain", chain, Chain)):
            if not isinstance(value, kind) and not (argument == "body" and value is None):
                raise InputError(f"{argument}: got {type(value).__name__}; give {kind.__name__}(...)")
        self.domain, self.cell, self.body, self.chain = domain, cell, body, chain
        self.notes: list[str] = []
        _check_names(domain, cell, body, chain)
        #: Owned local facets of each interface with kinetics, in rising order.
        self.facets = {name: _owned(domain, name) for name in cell.kinetics}
        self.areas = {name: domain.facet_areas[facets] for name, facets in self.facets.items()}
        self.volumes = domain.phase_volumes() if chain.swelling else {}
        self.opening = dict(body.interfaces) if body is not None else {}
        self.initial = {
            name: by_facet(domain, self.facets[name], law.initial, argument=f"contacts: {name!r}: initial")
            for name, law in chain.contacts.items()
        }
        self._points = np.full(3, 1.0 / 3.0)
        for name in chain.deposits:
            if body is not None and name not in self.opening:
                self.notes.append(f"{name}: the deposit does not press: no law of opening is given there")

    # -- from one solver to the other --------------------------------------------------------------------------------

    def currents(self, charge: ChargeTransferSolution) -> dict[str, Array]:
        """Return the mean current density of each owned facet, A/m2; 0 where nothing is solved for."""
        found = {}
        for name, facets in self.facets.items():
            found[name] = np.zeros(len(facets))
            part = charge.interfaces.get(name)
            if part is not None:
                found[name][np.searchsorted(facets, part.facets)] = part.current_density
        return found

    def given_off(self, charge: ChargeTransferSolution, phase: str) -> float:
        """Return the current that leaves a host for the ion conductors, A."""
        return sum(value for name, value in charge.interface_currents.items() if phase in name.split("|"))

    def layers(self, grown: Mapping[str, Array]) -> dict[str, Array]:
        """Return what lies between the bodies of each interface that may open, by local facet, m; gaps are negative."""
        result = {}
        for name in self.opening:
            if name in self.facets:
                values = np.zeros(len(self.domain.facet_atom))
                values[self.facets[name]] = grown[name] - self.initial.get(name, 0.0)
                result[name] = values
        return result

    def gaps(self, elastic: ElasticSolution | None, grown: Mapping[str, Array]) -> dict[str, Array]:
        """Return the gap at the points of each facet whose contact depends on it, (facets, points) m."""
        result = {}
        for name in self.chain.contacts:
            rigid = (self.initial[name] - grown[name])[:, None]
            if elastic is None or name not in self.opening:
                result[name] = np.repeat(rigid, len(self._points), axis=1)
                continue
            facets, gap = elastic.gaps(name)
            self._points = elastic.openings[0].weights
            result[name] = np.repeat(rigid, gap.shape[1], axis=1)
            result[name][np.searchsorted(self.facets[name], facets)] = gap
        return result

    def shares(self, gaps: Mapping[str, Array]) -> dict[str, Array]:
        """Return the share of contact of each facet that the gaps leave; 1 where contact does not depend on them."""
        result = {name: np.ones(len(facets)) for name, facets in self.facets.items()}
        for name, law in self.chain.contacts.items():
            result[name] = law.share(gaps[name]) @ self._weights(gaps[name])
        return result

    def facet_mean(self, gap: Array | None) -> Array | None:
        """Return the mean over each facet of values at its points."""
        return None if gap is None else gap @ self._weights(gap)

    def _weights(self, values: Array) -> Array:
        n = values.shape[1]
        return self._points if len(self._points) == n else np.full(n, 1.0 / n)

    # -- numbers over all ranks --------------------------------------------------------------------------------------

    def total(self, values: Mapping[str, Array]) -> float:
        """Return the integral over all interfaces."""
        local = sum(float(self.areas[name] @ each) for name, each in values.items())
        return float(np.sum(self.domain.comm.allgather(local)))

    def mean(self, name: str, values: Array) -> float:
        """Return the mean over an interface."""
        local = [float(self.areas[name] @ values), float(self.areas[name].sum())]
        total, area = np.sum(self.domain.comm.allgather(local), axis=0)
        return float(total / area) if area > 0 else 0.0

    def largest(self, values: Array) -> float:
        """Return the largest value on any rank; 0 where there is none."""
        found = max(self.domain.comm.allgather(float(values.max(initial=-np.inf))))
        return float(found) if np.isfinite(found) else 0.0

    def distance(self, a: Mapping[str, Array], b: Mapping[str, Array], names: Iterable[str]) -> float:
        """Return the mean over an interface of the size of a difference, the largest of several interfaces."""
        return max((self.mean(name, np.abs(a[name] - b[name])) for name in names), default=0.0)

    def weighted(self, shares: Mapping[str, Array]) -> Array:
        """Return the shares of all contacts as one vector of which products are integrals."""
        parts = [np.sqrt(self.areas[name]) * shares[name] for name in self.chain.contacts]
        return np.concatenate([np.zeros(0), *parts])

    def unweighted(self, vector: Array) -> dict[str, Array]:
        """Return the shares that `weighted` would turn into a vector, limited to 0 to 1."""
        result = {name: np.ones(len(facets)) for name, facets in self.facets.items()}
        begin = 0
        for name in self.chain.contacts:
            end = begin + len(self.facets[name])
            result[name] = np.clip(vector[begin:end] / np.sqrt(self.areas[name]), 0.0, 1.0)
            begin = end
        return result

    def gap_change(self, now: Mapping[str, Array], last: Mapping[str, Array]) -> float:
        """Return the largest change of a gap, relative to the largest gap or the range in which contact goes."""
        change = scale = 0.0
        for name, law in self.chain.contacts.items():
            change = max(change, self.largest(np.abs(now[name] - last[name])))
            scale = max(scale, self.largest(np.abs(now[name])), law.opens - law.closes)
        return change / scale if scale > 0 else 0.0


def _owned(domain: Domain, name: str) -> npt.NDArray[np.int32]:
    facets = domain.facets_of(name, argument="kinetics")
    return facets[facets < domain.owned_facets]


def _check_names(domain: Domain, cell: Cell, body: Body | None, chain: Chain) -> None:
    for argument in ("deposits", "contacts"):
        for name in getattr(chain, argument):
            if name not in cell.kinetics:
                raise InputError(
                    f"{argument}: {name!r} has no kinetics{nearest(name, cell.kinetics)}; no current flows there; "
                    f"kinetics: {', '.join(cell.kinetics) or 'none'}"
                )
    if body is not None and body.loads.growth:
        raise InputError("growth: got layers in the loads of the body; a coupled solve finds them: use deposits")
    solid: Mapping[str, Any] = body.materials if body is not None else {}
    for name in chain.contacts:
        pair = name.split("|")
        if body is not None and name not in body.interfaces and len(pair) == 2 and all(p in solid for p in pair):
            raise InputError(
                f"contacts: {name!r} lies between two solids that hold together, so no gap can open there; give it a "
                "Cohesive law in the interfaces of the body"
            )
    for phase in chain.swelling:
        domain.phase_tags([phase], argument="swelling")
        if phase not in solid:
            raise InputError(f"swelling: phase {phase!r} has no material in the body, so it cannot swell; give it one")
        touching = [name for name in cell.kinetics if phase in name.split("|")]
        both = [name for name in touching if all(p in cell.electronic for p in name.split("|"))]
        if phase not in cell.electronic or not touching or both:
            why = (
                f"{both[0]!r} lies between two electron conductors, so it is not certain which one takes up ions"
                if both else "it must conduct electrons and have an interface with kinetics"
            )  # fmt: skip
            raise InputError(f"swelling: phase {phase!r}: {why}")
