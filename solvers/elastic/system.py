"""One problem of mechanics: residual, tangent, linear steps with plates condensed out. No load steps, no materials.

A state is an array (copies, width): three displacements and, for each phase with a pressure of its own, that pressure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from solvers.elastic.amg import ElasticSolver
from solvers.elastic.bulk import Bulk
from solvers.elastic.matrix import Pattern, assemble, block_pattern, rigid_vectors
from solvers.elastic.nodes import Nodes
from solvers.elastic.options import Options
from solvers.elastic.saddle import Saddle, SaddleSolver
from solvers.elastic.supports import Conditions
from solvers.linear import LinearReport

__all__ = ["Part", "System"]


class Part(Protocol):
    """Something with stiffness besides the tets, such as an interface that may open."""

    # ruff: noqa: D102
    def forces(self, u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
    def tangent_forces(self, v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
    def add_stiffness(self, pattern: Pattern, bound: npt.NDArray[np.bool_], data: npt.NDArray[np.float64]) -> None: ...
    def row_groups(self) -> npt.NDArray[np.int32]: ...
    def commit(self) -> None: ...

    #: Whether to leave out of the tangent what makes it indefinite.
    secant: bool
    #: Part of its own load, such as a layer that grows, that acts.
    factor: float


class System:
    """One problem: residual, tangent, linear step."""

    def __init__(self, bulk: Bulk, parts: Sequence[Part], conditions: Conditions, options: Options) -> None:
        self.bulk, self.parts, self.conditions, self.options = bulk, list(parts), conditions, options
        self.nodes: Nodes = bulk.nodes
        self.comm = self.nodes.domain.comm
        self.bound = self.widen(conditions.bound)
        self.load = self.widen(conditions.load)
        self.border = bulk.border(conditions.bound)
        self.pattern = block_pattern(self.nodes, [bulk.row_groups(), *(part.row_groups() for part in parts)])
        self.report: LinearReport | None = None
        self.solver: ElasticSolver | None = None
        self._plates: list[tuple[npt.NDArray, npt.NDArray, npt.NDArray]] | None = None
        owned = self.nodes.owned
        self.live = np.zeros(self.bound.shape, bool)
        self.live[:owned] = self.nodes.live[:owned, None]
        if self.border is not None:
            self.live[:owned, 3:] = self.border.live[:owned]
        self.free = self.live & ~self.bound
        self.units = [self.widen((conditions.platen_of == k).astype(float)) for k in range(len(conditions.platens))]

    def widen(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return values at displacements, (copies, 3), as a state whose pressures are zero."""
        result = np.zeros((len(values), self.bulk.width), values.dtype)
        result[:, :3] = values
        return result

    def zeros(self) -> npt.NDArray[np.float64]:
        """Return a zero state."""
        return self.bulk.zeros()

    def prescribed(self, factor: float) -> npt.NDArray[np.float64]:
        """Return the state that has a part of the prescribed displacements and is zero elsewhere."""
        return self.widen(np.nan_to_num(self.conditions.value) * factor)

    def dot(self, a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
        """Sum over owned copies of all ranks."""
        owned = self.nodes.owned
        return float(self.comm.allreduce(float(np.vdot(a[:owned], b[:owned]))))

    def residual(self, u: npt.NDArray[np.float64], factor: float) -> tuple[npt.NDArray, npt.NDArray, float]:
        """Return external minus internal force, the stress, and the size of the nodal forces."""
        local, stress = self.bulk.internal(u, factor)
        for part in self.parts:
            part.factor = factor
            local[:, :3] += part.forces(u[:, :3])
        inner = self.nodes.accumulate(local)
        result = factor * self.load - inner
        forces = inner[:, :3]
        scale = np.sqrt(self.dot(forces, forces)) + factor * np.sqrt(self.dot(self.load, self.load))
        return result, stress, float(scale)

    def plate_residual(self, residual: npt.NDArray[np.float64], factor: float) -> npt.NDArray[np.float64]:
        """Return what each plate's force lacks, N along its axis."""
        return np.array(
            [
                factor * -plate.sign * plate.force + self.dot(unit, residual)
                for plate, unit in zip(self.conditions.platens, self.units, strict=True)
            ]
        )

    def size(self, residual: npt.NDArray[np.float64], factor: float) -> float:
        """Return the norm of the residual at free dofs and plates, volumes as the forces they need."""
        free = np.where(self.free, residual, 0.0)
        if self.border is not None:
            free[:, 3:] *= self.border.unit
        return float(np.sqrt(self.dot(free, free) + np.sum(self.plate_residual(residual, factor) ** 2)))

    def tangent_forces(self, v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the tangent stiffness times a displacement."""
        local = self.bulk.tangent_forces(v)
        for part in self.parts:
            local[:, :3] += part.tangent_forces(v[:, :3])
        return self.nodes.accumulate(local)

    def refactor(self) -> None:
        """Assemble the tangent; set up its multigrid, or keep that of an earlier tangent while it serves well."""
        data = np.zeros((len(self.pattern.columns), 3, 3))
        self.bulk.add_stiffness(self.pattern, self.bound, data)
        for part in self.parts:
            part.add_stiffness(self.pattern, self.bound, data)
        stiffness = assemble(self.nodes, self.pattern, data)
        del data
        matrix = stiffness if self.border is None else Saddle(stiffness, self.border)
        self._plates = None
        if self.solver is not None and not self.solver.tired:
            self.solver.replace(matrix)
            return
        self.release()
        modes = rigid_vectors(stiffness, self.nodes)
        solver = ElasticSolver if self.border is None else SaddleSolver
        self.solver = solver(
            matrix,
            modes,
            tolerance=self.options.tolerance,
            max_iterations=self.options.max_iterations,
            multigrid=self.options.multigrid,
        )

    def release(self) -> None:
        """Free the matrix."""
        if self.solver is not None:
            self.solver.destroy()
        self.solver = None

    def close(self) -> None:
        """Free all that PETSc holds."""
        self.release()
        if self.border is not None:
            self.border.destroy()

    def _inverse(self, force: npt.NDArray[np.float64], tolerance: float | None) -> npt.NDArray[np.float64]:
        """Return the displacement of free dofs under a force on them."""
        assert self.solver is not None
        own = self.nodes.rows[: self.nodes.owned_rows]
        rhs, found = self.solver.matrix.createVecs()
        asked = np.where(self.free, force, 0.0)
        rhs.array[: 3 * len(own)] = asked[own, :3].ravel()
        if self.border is not None:
            rhs.array[3 * len(own) :] = (asked[:, 3:] * self.border.unit).ravel()[self.border.own]
        report = self.solver.solve(rhs, found, tolerance=tolerance)
        if self.report is None or tolerance is None:
            self.report = report
        result = self.zeros()
        result[own, :3] = found.array[: 3 * len(own)].reshape(-1, 3)
        if self.border is not None:
            row, column = np.divmod(self.border.own, self.bulk.pressures)
            result[row, 3 + column] = found.array[3 * len(own) :] * self.border.unit[column]
        result[~self.free] = 0.0
        rhs.destroy()
        found.destroy()
        return self.nodes.update(result)

    def step(
        self, residual: npt.NDArray[np.float64], lacking: npt.NDArray[np.float64], tolerance: float | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the displacement that the tangent gives for a residual, plates included."""
        z = self._inverse(residual, tolerance)
        if not self.units:
            return z
        if self._plates is None:
            self._plates = []
            for unit in self.units:
                pull = self.tangent_forces(unit)
                self._plates.append((unit, pull, self._inverse(pull, tolerance)))
        free = [np.where(self.free, pull, 0.0) for _, pull, _ in self._plates]
        schur = np.array(
            [
                [self.dot(unit, pull) - self.dot(f, moved) for _, pull, moved in self._plates]
                for f, (unit, _, _) in zip(free, self._plates, strict=True)
            ]
        )
        travel = np.linalg.solve(schur, lacking - np.array([self.dot(f, z) for f in free]))
        for distance, (unit, _, moved) in zip(travel, self._plates, strict=True):
            z = z + distance * (unit - moved)
        return z
