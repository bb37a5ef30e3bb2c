"""Two potentials and their interfaces as one system: residual, energy slope, Jacobian. No names, no iteration.

The equations are those of a minimum: half the ohmic heat plus the integral of the laws over the drives, convex because
every law rises. So the Jacobian is symmetric positive definite, and Newton's method can be made to fall for certain.
Interfaces are assembled here facet by facet: a share of contact belongs to a facet, which no cell field can express.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.circuit import Circuit
from solvers.distribute import exchange, fetch, slab_starts
from solvers.domain import Domain
from solvers.interfaces import QUADRATURE

__all__ = ["CoupledSystem", "State"]

Array = npt.NDArray[np.float64]
#: Current density and slope at the points of each interface.
Responses = Sequence[tuple[Array, Array]]


@dataclass(frozen=True, eq=False)
class State:
    """Potentials: both fields at local dofs (ghosts included) and the voltage of each terminal.

    A potential is a level, one number in each connected piece, plus a field. In a good conductor at 4 V the field is
    tiny and keeps all its digits, where the potential itself would drown the currents in rounding.

    Parameters
    ----------
    fields : pair of (local dofs,) float array
        Electronic and ionic potential relative to the levels, V.
    voltages : (terminals,) float array
        V.
    levels : pair of (local dofs,) float array
        V; a change of state has none.
    """

    fields: tuple[Array, Array]
    voltages: Array
    levels: tuple[Any, Any] = (0.0, 0.0)

    @property
    def potentials(self) -> tuple[Array, Array]:
        """Electronic and ionic potential at local dofs, V."""
        return self.fields[0] + self.levels[0], self.fields[1] + self.levels[1]

    def moved(self, other: State, step: float) -> State:
        """Return ``self + step * other``."""
        pair = (self.fields[0] + step * other.fields[0], self.fields[1] + step * other.fields[1])
        return State(pair, self.voltages + step * other.voltages, self.levels)


@dataclass(frozen=True, eq=False)
class Residual:
    """What enters at each owned dof of the two fields, and at each terminal, A."""

    fields: tuple[Array, Array]
    terminals: Array


class CoupledSystem:
    """The discrete equations of a circuit; all ranks make it.

    Parameters
    ----------
    domain : Domain
        The mesh.
    circuit : Circuit
        From `solvers.circuit.build_circuit`.
    matrices : pair of petsc4py Mat or None
        Stiffness of the electronic and the ionic field on all dofs; None where there is none.
    """

    def __init__(self, domain: Domain, circuit: Circuit, matrices: tuple[Any, Any]) -> None:
        self.domain, self.circuit, self.matrices = domain, circuit, matrices
        self.index_map = domain.space.dofmap.index_map
        self.owned: int = self.index_map.size_local
        self.unknown_ends = [k for k, end in enumerate(circuit.terminals) if end.floating]
        self.targets = np.array([circuit.terminals[k].current for k in self.unknown_ends])
        free = [circuit.points[k] & (circuit.holder[k] < 0) for k in (0, 1)]
        #: Owned dofs that are sought, by field.
        self.sought = tuple(np.flatnonzero(each[: self.owned]) for each in free)
        counts = [len(each) for each in self.sought]
        self.starts = np.concatenate([[0], np.cumsum(domain.comm.allgather(sum(counts)))]).astype(np.int64)
        first = int(self.starts[domain.comm.rank])
        #: Global number of each unknown at local dofs, by field; -1 for dofs that are not sought.
        self.numbers = []
        for k, begin in ((0, first), (1, first + counts[0])):
            number = np.full(len(free[k]), -1.0)
            number[self.sought[k]] = begin + np.arange(counts[k])
            number = api.update_ghosts(self.index_map, number)
            self.numbers.append(np.where(free[k], number, -1.0).astype(np.int64))
        self._set_pattern()

    # -- fields ------------------------------------------------------------------------------------------------------

    def drives(self, state: State) -> list[Array]:
        """Return electronic minus ionic potential at the points of each interface."""
        rule = QUADRATURE[0].T
        result = []
        potentials = state.potentials
        for part in self.circuit.interfaces:
            ion = potentials[1][part.dofs] @ rule
            metal = potentials[0][part.dofs] @ rule if part.terminal < 0 else state.voltages[part.terminal]
            result.append(metal - ion)
        return result

    def responses(self, drives: Sequence[Array]) -> Responses:
        """Return current density and slope at the points of each interface, by its law."""
        return [part.law.response(drive) for part, drive in zip(self.circuit.interfaces, drives, strict=True)]

    def bulk(self, state: State) -> tuple[Array, Array]:
        """Return what the bulk of each field draws from its owned dofs, A."""
        found = []
        for matrix, values in zip(self.matrices, state.fields, strict=True):
            if matrix is None:
                found.append(np.zeros(self.owned))
                continue
            source, result = matrix.createVecs()
            source.array[:] = values[: self.owned]
            matrix.mult(source, result)
            found.append(np.array(result.array))
            source.destroy()
            result.destroy()
        return found[0], found[1]

    def residual(self, bulk: tuple[Array, Array], currents: Sequence[Array]) -> Residual:
        """Return what enters at each dof and terminal, from bulk flows and the current densities of the interfaces."""
        size = len(self.domain.dof_original)
        into = [np.zeros(size), np.zeros(size)]
        ends = np.zeros(len(self.circuit.terminals))
        for part, current in zip(self.circuit.interfaces, currents, strict=True):
            amperes = part.weights * current
            nodal = (amperes @ QUADRATURE[0]).ravel()
            flat = part.dofs.ravel()
            into[1] -= np.bincount(flat, nodal, minlength=size)
            if part.terminal < 0:
                into[0] += np.bincount(flat, nodal, minlength=size)
            else:
                ends[part.terminal] += amperes.sum()
        fields = []
        for k in (0, 1):
            total = bulk[k] + api.accumulate(self.index_map, into[k])[: self.owned]
            holder = self.circuit.holder[k][: self.owned]
            held = holder >= 0
            ends += np.bincount(holder[held], total[held], minlength=len(ends))
            fields.append(total)
        return Residual((fields[0], fields[1]), np.sum(self.domain.comm.allgather(ends), axis=0))

    def on_unknowns(self, pair: tuple[Array, Array]) -> Array:
        """Return the entries of owned dofs that are sought, electronic ones first."""
        return np.concatenate([pair[0][self.sought[0]], pair[1][self.sought[1]]])

    def step(self, unknowns: Array, voltages: Array) -> State:
        """Return a change of state from that of the owned unknowns and of all terminals' voltages."""
        fields, begin = [], 0
        for k in (0, 1):
            values = np.zeros(len(self.domain.dof_original))
            values[self.sought[k]] = unknowns[begin : begin + len(self.sought[k])]
            begin += len(self.sought[k])
            values = api.update_ghosts(self.index_map, values)
            holder = self.circuit.holder[k]
            values[holder >= 0] = voltages[holder[holder >= 0]]
            fields.append(values)
        return State((fields[0], fields[1]), np.asarray(voltages, dtype=np.float64))

    def slope(self, direction: State, bulk: tuple[Array, Array], drives: Sequence[Array], at: Sequence[Array]) -> float:
        """Return the derivative of the energy along a direction.

        Parameters
        ----------
        direction : State
            Where to.
        bulk : pair of array
            Bulk flows at the state (see `bulk`).
        drives : sequence of array
            Changes of the drives along the direction.
        at : sequence of array
            Current densities of the interfaces at the state.

        Returns
        -------
        float
            W; the same on every rank.
        """
        local = sum(float(flow @ values[: self.owned]) for flow, values in zip(bulk, direction.fields, strict=True))
        for part, change, current in zip(self.circuit.interfaces, drives, at, strict=True):
            local += float((part.weights * change * current).sum())
        total = float(self.domain.comm.allreduce(local))
        return total - float(self.targets @ direction.voltages[self.unknown_ends])

    def heat(self, state: State, bulk: tuple[Array, Array], drives: Sequence[Array], at: Sequence[Array]) -> float:
        """Return the power that conductors and interfaces take, every part counted as positive, W."""
        local = sum(float(flow @ values[: self.owned]) for flow, values in zip(bulk, state.fields, strict=True))
        for part, drive, current in zip(self.circuit.interfaces, drives, at, strict=True):
            local += float(np.abs(part.weights * (drive - part.law.equilibrium) * current).sum())
        return float(self.domain.comm.allreduce(local))

    def small_power(self, state: State, slopes: Sequence[Array]) -> float:
        """Return the power of drives a millionth of the largest voltage: the scale of a cell at rest, W."""
        largest = float(np.abs(state.voltages).max(initial=0.025))
        local = sum(
            float((part.weights * slope).sum()) for part, slope in zip(self.circuit.interfaces, slopes, strict=True)
        )
        return max(float(self.domain.comm.allreduce(local)) * (1e-6 * largest) ** 2, 1e-300)

    def rounding_power(self, state: State, slopes: Sequence[Array]) -> float:
        """Return the power that rounding of the bulk flows may drive through the interfaces, an estimate, W.

        A field whose level only the interfaces hold shifts by the sum of the rounding errors over their conductance.
        """
        local = np.zeros(2)
        for matrix, values, rows in zip(self.matrices, state.fields, self.sought, strict=True):
            if matrix is not None:
                diagonal = matrix.getDiagonal()
                local[0] += float(((diagonal.array * np.abs(values[: self.owned]))[rows] ** 2).sum())
                diagonal.destroy()
        local[1] = sum(float((p.weights * g).sum()) for p, g in zip(self.circuit.interfaces, slopes, strict=True))
        squares, conductance = np.sum(self.domain.comm.allgather(local), axis=0)
        epsilon = 10.0 * float(np.finfo(np.float64).eps)
        return float(epsilon**2 * squares / conductance) if conductance > 0 else 0.0

    def relevelled(self, potentials: tuple[Array, Array], voltages: Array, levels: tuple[Any, Any]) -> State:
        """Return the state of potentials given above some levels, with levels at the mean of each connected piece."""
        fields, new = [], []
        for k in (0, 1):
            label = self.circuit.labels[k]
            owned = label[: self.owned]
            known = np.unique(np.concatenate(self.domain.comm.allgather(np.unique(owned[owned >= 0]))))
            place = np.minimum(np.searchsorted(known, label), max(len(known) - 1, 0))
            on = label >= 0
            rows = place[: self.owned][on[: self.owned]]
            values = potentials[k][: self.owned][on[: self.owned]]
            local = [np.bincount(rows, values, minlength=len(known)), np.bincount(rows, minlength=len(known))]
            sums, counts = np.sum(self.domain.comm.allgather(np.array(local)), axis=0)
            shift = np.where(on, (sums / np.maximum(counts, 1))[place], 0.0) if len(known) else np.zeros(len(label))
            field = np.where(on, potentials[k] - shift, 0.0)
            level = levels[k] + shift
            holder = self.circuit.holder[k]
            held = holder >= 0
            field[held] = voltages[holder[held]] - level[held]
            fields.append(field)
            new.append(level)
        return State((fields[0], fields[1]), np.asarray(voltages, dtype=np.float64), (new[0], new[1]))

    # -- the matrix --------------------------------------------------------------------------------------------------

    def _set_pattern(self) -> None:
        """Where entries go: bulk ones as they are, those of facets after a trip to the owner of their row."""
        rows, columns, values = self._bulk_entries()
        facet_rows, facet_columns = self._facet_entries()
        self._kept = (facet_rows >= 0) & (facet_columns >= 0)
        comm = self.domain.comm
        facet_rows, facet_columns = facet_rows[self._kept], facet_columns[self._kept]
        self._dest = np.searchsorted(self.starts, facet_rows, side="right") - 1
        got, _, _ = exchange(comm, self._dest, np.column_stack([facet_rows, facet_columns]))
        first, last = self.starts[comm.rank], self.starts[comm.rank + 1]
        total = int(self.starts[-1])
        keys = (np.concatenate([rows, got[:, 0]]) - first) * max(total, 1) + np.concatenate([columns, got[:, 1]])
        found, self._place = np.unique(keys, return_inverse=True)
        self._place = np.asarray(self._place).ravel()
        int_type = api.petsc().IntType
        counts = np.bincount(found // max(total, 1), minlength=int(last - first))
        self._pointers = np.concatenate([[0], np.cumsum(counts)]).astype(int_type)
        self._columns = (found % max(total, 1)).astype(int_type)
        self._bulk_values = values

    def _bulk_entries(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array]:
        """Global row, global column and value of the stiffness of sought dofs that this rank owns."""
        comm = self.domain.comm
        slabs = slab_starts(comm, self.owned)
        parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
        for matrix, number in zip(self.matrices, self.numbers, strict=True):
            if matrix is None:
                continue
            pointers, columns, values = matrix.getValuesCSR()
            row = np.repeat(number[: self.owned], np.diff(pointers))
            # a column may be a dof of a cell that is not on this rank, not even as a ghost: its owner knows the number
            wanted, place = np.unique(columns, return_inverse=True)
            column = fetch(comm, number[: self.owned], slabs, wanted.astype(np.int64))[place]
            on = (row >= 0) & (column >= 0)
            parts.append((row[on], column[on], values[on]))
        return tuple(np.concatenate(each) for each in zip(*parts, strict=True))  # type: ignore[return-value]

    def _facet_entries(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows and columns of the block of each facet, in the order of `_facet_values`."""
        rows, columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for part in self.circuit.interfaces:
            numbers = self.numbers[1][part.dofs]
            if part.terminal < 0:
                numbers = np.concatenate([self.numbers[0][part.dofs], numbers], axis=1)
            width = numbers.shape[1]
            rows.append(np.repeat(numbers, width, axis=1).ravel())
            columns.append(np.tile(numbers, (1, width)).ravel())
        return np.concatenate(rows), np.concatenate(columns)

    def _facet_values(self, slopes: Sequence[Array]) -> Array:
        rule = QUADRATURE[0]
        values = [np.zeros(0)]
        for part, slope in zip(self.circuit.interfaces, slopes, strict=True):
            block = np.einsum("fq,qa,qb->fab", part.weights * slope, rule, rule)
            if part.terminal < 0:
                block = np.block([[block, -block], [-block, block]])
            values.append(block.ravel())
        return np.concatenate(values)

    def jacobian(self, slopes: Sequence[Array]) -> Any:
        """Return the symmetric positive definite matrix of the unknowns; the caller destroys it."""
        petsc = api.petsc()
        comm = self.domain.comm
        got, _, _ = exchange(comm, self._dest, self._facet_values(slopes)[self._kept])
        entries = np.bincount(
            self._place, weights=np.concatenate([self._bulk_values, got]), minlength=len(self._columns)
        )
        local, total = len(self._pointers) - 1, int(self.starts[-1])
        matrix = petsc.Mat().createAIJ(
            ((local, total), (local, total)), csr=(self._pointers, self._columns, entries), comm=comm
        )
        matrix.setOption(petsc.Mat.Option.SPD, True)
        return matrix

    def along(self, end: int) -> State:
        """Return the change in which a terminal rises by a volt, and with it the pieces that no other terminal holds.

        Together with its pieces, because a step that moved the terminal alone would be all but undone by the others:
        what is left, the flow through interfaces, would drown in rounding.
        """
        voltages = np.zeros(len(self.circuit.terminals))
        voltages[end] = 1.0
        fields = []
        for k in (0, 1):
            holder, label = self.circuit.holder[k], self.circuit.labels[k]
            pairs = np.unique(np.column_stack([label, holder])[holder >= 0], axis=0)
            known = np.unique(np.concatenate(self.domain.comm.allgather(pairs)), axis=0)
            others = known[known[:, 1] != end, 0]
            mine = np.setdiff1d(known[known[:, 1] == end, 0], others)
            fields.append(((holder == end) | np.isin(label, mine)).astype(float))
        return State((fields[0], fields[1]), voltages)

    def flows(self, direction: State, slopes: Sequence[Array]) -> Residual:
        """Return the change of all flows along a change of state."""
        changes = [g * drive for g, drive in zip(slopes, self.drives(direction), strict=True)]
        return self.residual(self.bulk(direction), changes)

    def work(self, direction: State, flows: Residual) -> float:
        """Return the product of a change of state and flows, W; all ranks call."""
        local = float(self.on_unknowns(direction.fields) @ self.on_unknowns(flows.fields))
        return float(self.domain.comm.allreduce(local)) + float(direction.voltages @ flows.terminals)
