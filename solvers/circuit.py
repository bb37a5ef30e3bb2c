"""What is connected to what: terminals, conducting pieces, interfaces, and which points are held. No solving.

Two potentials live on the mesh: the electronic one in electron conductors, the ionic one in ion conductors. A piece of
either is connected through facets; interfaces with contact join pieces of the two; terminals give the level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.connectivity import PercolationError, pieces_through, touched_pieces
from solvers.domain import Domain
from solvers.interfaces import Interface, make_interface
from ssb2mesh.errors import InputError

__all__ = ["Circuit", "Terminal", "Terminals", "build_circuit"]

#: Most pieces of ideal conductors that touch no terminal; each costs one more linear solve a step.
MOST_FLOATING = 40


@dataclass(frozen=True)
class Terminals:
    """What drives the cell, by side set.

    Parameters
    ----------
    fixed : mapping of str to float
        Electronic potential, V: of the electron conductors on the side, and of a metal behind those of its facets
        that have kinetics.
    current : mapping of str to float
        Current in A that enters through a side that is one equipotential metal; its potential is found.
    fixed_ionic, current_ionic : mapping of str to float
        The same for the ionic potential of the ion conductors on a side: an ideal reversible electrode.

    Examples
    --------
    >>> Terminals(fixed={"z_min": 0.0}, current={"z_max": 1e-3}).current["z_max"]
    0.001
    """

    fixed: Mapping[str, float] = field(default_factory=dict)
    current: Mapping[str, float] = field(default_factory=dict)
    fixed_ionic: Mapping[str, float] = field(default_factory=dict)
    current_ionic: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Terminal:
    """One terminal: its voltage (V) or its current (A) is given, the other is NaN."""

    name: str
    carrier: str
    voltage: float
    current: float

    @property
    def floating(self) -> bool:
        """Whether the voltage is an unknown."""
        return bool(np.isnan(self.voltage))


@dataclass(frozen=True, eq=False)
class Circuit:
    """A checked cell.

    Parameters
    ----------
    terminals : tuple of Terminal
        Named ones first, then one for each ideal conductor that touches none of them (without a name).
    interfaces : tuple of Interface
        With contact and kinetics.
    live : tuple of (local cells,) bool array
        Cells with an electronic, with an ionic potential.
    points : tuple of (local dofs,) bool array
        Points with an electronic, with an ionic potential.
    holder : tuple of (local dofs,) int array
        Number of the terminal that holds the electronic, the ionic potential of each point; -1 for free points.
    labels : tuple of (local dofs,) int64 array
        Connected piece (through points) of each point in either field, -1 elsewhere.
    """

    terminals: tuple[Terminal, ...]
    interfaces: tuple[Interface, ...]
    live: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]
    points: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]
    holder: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    labels: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


CARRIERS = ("electrons", "ions")


def build_circuit(
    domain: Domain,
    *,
    conducting: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    ideal: npt.NDArray[np.bool_],
    kinetics: Mapping[str, Any],
    terminals: Terminals,
    contact: Mapping[str, Any],
) -> Circuit:
    """Check the parts of a cell and join them; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    conducting : pair of (local cells,) bool array
        Cells that conduct electrons, ions.
    ideal : (local cells,) bool array
        Ideal electron conductors.
    kinetics, contact : mapping
        By facet set.
    terminals : Terminals
        What drives the cell.

    Returns
    -------
    Circuit
        Only what a fixed terminal gives a level is live.

    Raises
    ------
    InputError
        If a name or value is wrong or terminals contradict each other.
    PercolationError
        If no current can flow between the terminals.
    """
    ends = _terminals(domain, terminals)
    if not isinstance(kinetics, Mapping):
        raise InputError(f"kinetics: got {kinetics!r}; give {{interface: law}}")
    for name in contact:
        if name not in kinetics:
            raise InputError(
                f"contact: {name!r} has no kinetics; contact can be taken from interfaces with kinetics only"
            )
    whole = [
        make_interface(domain, name, kinetics=law, contact=contact.get(name, 1.0), electrons=conducting[0],
                       ions=conducting[1])
        for name, law in kinetics.items()
    ]  # fmt: skip
    parts = [part for each in whole for part in _behind_terminals(domain, each, ends)]
    pieces = (pieces_through(domain, conducting[0]), pieces_through(domain, conducting[1]))
    live_labels = _live_pieces(domain, pieces, parts, ends, conducting)
    live = (np.isin(pieces[0], live_labels[0]), np.isin(pieces[1], live_labels[1]))
    kept = []
    for part in parts:
        on = live[1][part.ion_cell] & ((part.electron_cell < 0) | live[0][part.electron_cell])
        kept.append(part.keep(on, part.terminal))
    holder = (_held(domain, ends, 0, live[0]), _held(domain, ends, 1, live[1]))
    ends = _hold_ideal(domain, live[0] & ideal, holder[0], ends)
    labels = (point_labels(domain, live[0]), point_labels(domain, live[1]))
    return Circuit(tuple(ends), tuple(kept), live, (labels[0] >= 0, labels[1] >= 0), holder, labels)


def _terminals(domain: Domain, given: Terminals) -> list[Terminal]:
    ends: list[Terminal] = []
    for carrier, voltages, currents in zip(
        CARRIERS, (given.fixed, given.fixed_ionic), (given.current, given.current_ionic), strict=True
    ):
        suffix = "" if carrier == "electrons" else "_ionic"
        for kind, values in (("fixed", voltages), ("current", currents)):
            for name, value in values.items():
                domain.facets_of(name, argument=kind + suffix)
                if isinstance(value, (bool, str)) or not np.isscalar(value) or not np.isfinite(float(value)):
                    raise InputError(f"{kind}{suffix}: {name!r}: got {value!r}; expected a finite number")
                if kind == "current" and name in voltages:
                    raise InputError(f"current{suffix}: {name!r} has a fixed potential as well; give one of them")
                numbers = (float(value), np.nan) if kind == "fixed" else (np.nan, float(value))
                ends.append(Terminal(name, carrier, *numbers))
    if not any(not end.floating for end in ends):
        raise InputError("fixed: got nothing; at least one terminal needs a potential, or potentials have no level")
    return ends


def _behind_terminals(domain: Domain, whole: Interface, ends: Sequence[Terminal]) -> list[Interface]:
    """Split an interface into the part inside the mesh and the parts whose metal is a terminal."""
    comm = domain.comm
    foil = whole.electron_cell < 0
    parts = []
    if comm.allreduce(int((~foil).sum())):
        parts.append(whole.keep(~foil, -1))
    if comm.allreduce(int(foil.sum())) == 0:
        return parts
    atoms = domain.facet_atom[whole.facets]
    left = foil.copy()
    for number, end in enumerate(ends):
        rows = left & np.isin(atoms, domain.sets[end.name])
        if end.carrier == "electrons" and comm.allreduce(int(rows.sum())):
            parts.append(whole.keep(rows, number))
            left &= ~rows
    if comm.allreduce(int(left.sum())):
        raise InputError(
            f"kinetics: {whole.name!r}: on some of it no electron conductor faces the ion conductor; give the phase "
            f"there an electronic conductivity, or make {whole.name!r} a terminal (fixed or current), for a metal "
            "outside the mesh"
        )
    return parts


def _live_pieces(
    domain: Domain,
    pieces: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    parts: Sequence[Interface],
    ends: Sequence[Terminal],
    conducting: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Labels of the electronic and the ionic pieces to which a fixed terminal gives a level."""
    links = _links(domain, pieces, parts, ends)
    for number, end in enumerate(ends):
        if not (links[:, :2] == (0, number)).all(axis=1).any():
            ionic = end.carrier == "ions"
            hint = (
                ""
                if ionic
                else f"; kinetics on {end.name!r} would put a metal behind it, fixed_ionic an ideal electrode"
            )
            raise InputError(
                f"{_argument(end)}: no {'ion' if ionic else 'electron'} conductor lies on {end.name!r}"
                f"{hint if conducting[1].any() else ''}"
            )
    nodes, flat = np.unique(links.reshape(-1, 2), axis=0, return_inverse=True)
    rows = np.asarray(flat).reshape(-1, 2)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(rows), bool), (rows[:, 0], rows[:, 1])), shape=(len(nodes), len(nodes)))
    _, group = connected_components(graph, directed=False)
    of_end = {int(nodes[k, 1]): int(group[k]) for k in range(len(nodes)) if nodes[k, 0] == 0}
    grounded = {of_end[n] for n, end in enumerate(ends) if not end.floating}
    for n, end in enumerate(ends):
        if end.floating and of_end[n] not in grounded:
            raise PercolationError(
                f"{_argument(end)}: the current through {end.name!r} cannot leave: no path through conductors and "
                "interfaces with contact leads from there to a terminal of fixed potential"
            )
    if len(ends) > 1 and len({of_end[n] for n in range(len(ends))}) == len(ends):
        raise PercolationError(
            "no path through conductors and interfaces with contact joins two terminals "
            f"({', '.join(end.name for end in ends)}): no current can flow; let more phases conduct, give kinetics to "
            "the interfaces between them, or look for gaps in segmentation and contact"
        )
    on = np.isin(group, list(grounded))
    return nodes[on & (nodes[:, 0] == 1), 1], nodes[on & (nodes[:, 0] == 2), 1]


def _links(
    domain: Domain,
    pieces: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    parts: Sequence[Interface],
    ends: Sequence[Terminal],
) -> npt.NDArray[np.int64]:
    """Pairs of joined things over all ranks, (k, 4): kind and number of each; kind 0 terminal, 1 and 2 pieces."""
    rows = [np.zeros((0, 4), np.int64)]
    for part in parts:
        on = part.contact > 0
        ion = pieces[1][part.ion_cell[on]]
        metal = np.full(len(ion), part.terminal) if part.terminal >= 0 else pieces[0][part.electron_cell[on]]
        kind = 0 if part.terminal >= 0 else 1
        rows.append(np.column_stack([np.full(len(ion), kind), metal, np.full(len(ion), 2), ion]).astype(np.int64))
    for number, end in enumerate(ends):
        field_number = CARRIERS.index(end.carrier)
        found = touched_pieces(domain, pieces[field_number], domain.facets_of(end.name))
        one = np.ones_like(found)
        rows.append(np.column_stack([0 * one, number * one, (field_number + 1) * one, found]))
    mine = np.unique(np.concatenate(rows), axis=0)
    return np.unique(np.concatenate(domain.comm.allgather(mine)), axis=0)


def _argument(end: Terminal) -> str:
    return ("current" if end.floating else "fixed") + ("" if end.carrier == "electrons" else "_ionic")


def point_labels(domain: Domain, cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the piece, connected through points, of each local dof of some cells; -1 elsewhere; all ranks call."""
    index_map = domain.space.dofmap.index_map
    groups = pieces_through(domain, cells, "points")
    own = np.flatnonzero(cells[: domain.owned_cells])
    label: npt.NDArray[np.float64] = np.full(len(domain.dof_original), -1.0)
    label[domain.cell_points[own]] = groups[own][:, None]
    # a dof may meet such cells on another rank only: sums of (label + 1) over ranks, divided by their number
    marks = api.accumulate(index_map, (label >= 0).astype(float))
    sums = api.accumulate(index_map, label + 1)
    return np.where(marks > 0, sums / np.maximum(marks, 1) - 1, -1).astype(np.int64)


def _held(
    domain: Domain, ends: Sequence[Terminal], field_number: int, live: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """For each local dof the terminal that holds it, -1 where none does."""
    index_map = domain.space.dofmap.index_map
    holder = np.full(len(domain.dof_original), -1, np.int64)
    for number, end in enumerate(ends):
        if CARRIERS.index(end.carrier) != field_number:
            continue
        facets = domain.facets_of(end.name)
        facets = facets[facets < domain.owned_facets]
        cells = domain.facet_cells[facets]
        facets = facets[((cells >= 0) & live[cells]).any(axis=1)]
        marks = np.zeros(len(holder))
        marks[domain.facet_points[facets]] = 1.0
        on_set = api.accumulate(index_map, marks) > 0
        for other in {int(k) for part in domain.comm.allgather(np.unique(holder[on_set])) for k in part} - {-1}:
            if ends[other].floating or end.floating or ends[other].voltage != end.voltage:
                raise InputError(
                    f"{_argument(end)}: {ends[other].name!r} and {end.name!r} share points; terminals that touch must "
                    "have one fixed potential"
                )
        holder[on_set & (holder < 0)] = number
    return holder


def _hold_ideal(
    domain: Domain, cells: npt.NDArray[np.bool_], holder: npt.NDArray[np.int64], ends: list[Terminal]
) -> list[Terminal]:
    """Give each piece of an ideal conductor to its terminal, or to a new one without current; fills `holder`."""
    comm = domain.comm
    if comm.allreduce(int(cells.sum())) == 0:
        return ends
    group = point_labels(domain, cells)
    pairs = np.unique(np.column_stack([group, holder])[group >= 0], axis=0)
    found: dict[int, int] = {}
    for first, second in np.unique(np.concatenate(comm.allgather(pairs)), axis=0).tolist():
        before = found.setdefault(first, second)
        if (
            second >= 0
            and before >= 0
            and before != second
            and (ends[before].floating or ends[second].floating or ends[before].voltage != ends[second].voltage)
        ):
            raise InputError(
                f"electronic: a piece of an ideal conductor joins {ends[before].name!r} and {ends[second].name!r}: a "
                "short circuit without resistance; give it a conductivity"
            )
        found[first] = max(before, second) if before < 0 else before
    lonely = [key for key, number in found.items() if number < 0]
    if len(lonely) > MOST_FLOATING:
        raise InputError(
            f"electronic: {len(lonely)} pieces of ideal conductors touch no terminal, at most {MOST_FLOATING} can be "
            "solved for; give them a finite conductivity (1e9 times that of the rest is fine)"
        )
    found.update({key: len(ends) + k for k, key in enumerate(lonely)})
    for key, number in found.items():
        holder[(group == key) & (holder < 0)] = number
    return [*ends, *(Terminal("", "electrons", np.nan, 0.0) for _ in lonely)]
