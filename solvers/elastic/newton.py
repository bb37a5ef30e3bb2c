"""Equilibrium: Newton's method over load steps with plates condensed out. No materials, no names of phases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from solvers.elastic.amg import ElasticSolver
from solvers.elastic.bulk import Bulk
from solvers.elastic.matrix import Pattern, assemble, block_pattern, rigid_vectors
from solvers.elastic.nodes import Nodes
from solvers.elastic.supports import Conditions
from solvers.linear import LinearReport
from ssb2mesh.errors import SolverError

__all__ = ["Equilibrium", "Options", "solve_cases", "solve_equilibrium"]

#: Residual force, relative to all nodal forces, at which a linear and a nonlinear problem count as solved.
LINEAR_GOAL, NONLINEAR_GOAL = 1e-11, 1e-9

#: Relative residual below which a Newton iteration that has stopped falling counts as solved.
FLOOR = 1e-7


class Part(Protocol):
    """Something with stiffness besides the tets, such as an interface that may open."""

    def forces(self, u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
    def tangent_forces(self, v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
    def add_stiffness(self, pattern: Pattern, bound: npt.NDArray[np.bool_], data: npt.NDArray[np.float64]) -> None: ...
    def row_groups(self) -> npt.NDArray[np.int32]: ...
    def commit(self) -> None: ...

    #: Whether to leave out of the tangent what makes it indefinite.
    secant: bool


@dataclass(frozen=True)
class Options:
    """How to solve.

    Parameters
    ----------
    tolerance : float
        Relative residual of the linear solver.
    max_iterations : int
        Iterations at which the linear solver gives up.
    steps : int
        Load steps of a nonlinear problem; loads, displacements and eigenstrains grow together.
    path : tuple of float
        Load factors that a nonlinear problem goes through, from 0; ``(1.0, 0.0)`` unloads.
    newton_iterations : int
        Iterations at which a load step is halved.
    halvings : int
        How often a load step may be halved before the solve gives up.
    """

    tolerance: float = 1e-10
    max_iterations: int = 500
    steps: int = 10
    path: tuple[float, ...] = (1.0,)
    newton_iterations: int = 25
    halvings: int = 6


@dataclass(eq=False)
class Equilibrium:
    """The answer and how it was found.

    Parameters
    ----------
    u : (copies, 3) float array
        Displacement, m.
    residual : (copies, 3) float array
        External minus internal nodal force: minus the reaction at bound dofs, N.
    stress : (cells, points, 6) float array
        At quadrature points of owned live cells, Pa.
    linear : LinearReport
        The last large linear solve.
    history : list of dict
        Load factor and Newton residuals of each step.
    """

    u: npt.NDArray[np.float64]
    residual: npt.NDArray[np.float64]
    stress: npt.NDArray[np.float64]
    linear: LinearReport
    history: list[dict[str, Any]] = field(default_factory=list)


class _System:
    """One problem: residual, tangent, linear step."""

    def __init__(self, bulk: Bulk, parts: Sequence[Part], conditions: Conditions, options: Options) -> None:
        self.bulk, self.parts, self.conditions, self.options = bulk, list(parts), conditions, options
        self.nodes: Nodes = bulk.nodes
        self.comm = self.nodes.domain.comm
        self.bound = conditions.bound
        self.pattern = block_pattern(self.nodes, [bulk.row_groups(), *(part.row_groups() for part in parts)])
        self.report: LinearReport | None = None
        self.solver: ElasticSolver | None = None
        self._plates: list[tuple[npt.NDArray, npt.NDArray, npt.NDArray]] | None = None
        owned = self.nodes.owned
        self.live = np.zeros(self.bound.shape, bool)
        self.live[:owned] = self.nodes.live[:owned, None]
        self.free = self.live & ~self.bound
        self.units = [(conditions.platen_of == k).astype(float) for k in range(len(conditions.platens))]

    def dot(self, a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
        """Sum over owned copies of all ranks."""
        owned = self.nodes.owned
        return float(self.comm.allreduce(float(np.vdot(a[:owned], b[:owned]))))

    def residual(self, u: npt.NDArray[np.float64], factor: float) -> tuple[npt.NDArray, npt.NDArray, float]:
        """Return external minus internal force, the stress, and the size of the nodal forces."""
        stress = self.bulk.stress(u, factor)
        local = self.bulk.forces_of(stress)
        for part in self.parts:
            local += part.forces(u)
        inner = self.nodes.accumulate(local)
        result = factor * self.conditions.load - inner
        scale = np.sqrt(self.dot(inner, inner)) + factor * np.sqrt(self.dot(self.conditions.load, self.conditions.load))
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
        """Return the norm of the residual at free dofs and plates."""
        free = np.where(self.free, residual, 0.0)
        return float(np.sqrt(self.dot(free, free) + np.sum(self.plate_residual(residual, factor) ** 2)))

    def tangent_forces(self, v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the tangent stiffness times a displacement."""
        local = self.bulk.tangent_forces(v)
        for part in self.parts:
            local += part.tangent_forces(v)
        return self.nodes.accumulate(local)

    def refactor(self) -> None:
        """Assemble the tangent; set up its multigrid, or keep that of an earlier tangent while it serves well."""
        data = np.zeros((len(self.pattern.columns), 3, 3))
        self.bulk.add_stiffness(self.pattern, self.bound, data)
        for part in self.parts:
            part.add_stiffness(self.pattern, self.bound, data)
        matrix = assemble(self.nodes, self.pattern, data)
        del data
        self._plates = None
        if self.solver is not None and not self.solver.tired:
            self.solver.replace(matrix)
            return
        self.release()
        modes = rigid_vectors(matrix, self.nodes)
        self.solver = ElasticSolver(
            matrix, modes, tolerance=self.options.tolerance, max_iterations=self.options.max_iterations
        )

    def release(self) -> None:
        """Free the matrix."""
        if self.solver is not None:
            self.solver.destroy()
        self.solver = None

    def _inverse(self, force: npt.NDArray[np.float64], tolerance: float | None) -> npt.NDArray[np.float64]:
        """Return the displacement of free dofs under a force on them."""
        assert self.solver is not None
        own = self.nodes.rows[: self.nodes.owned_rows]
        rhs, found = self.solver.matrix.createVecs()
        rhs.array[:] = np.where(self.free[own], force[own], 0.0).ravel()
        report = self.solver.solve(rhs, found, tolerance=tolerance)
        if self.report is None or tolerance is None:
            self.report = report
        result = self.nodes.zeros()
        result[own] = found.array.reshape(-1, 3)
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


def solve_equilibrium(
    bulk: Bulk, parts: Sequence[Part], conditions: Conditions, options: Options | None = None
) -> Equilibrium:
    """Find the displacement under which all forces balance; all ranks call.

    Parameters
    ----------
    bulk : Bulk
        The tets.
    parts : sequence of Part
        Interfaces that may open.
    conditions : Conditions
        Constraints and forces.
    options : Options, optional
        How to solve.

    Returns
    -------
    Equilibrium
        The answer.

    Raises
    ------
    SolverError
        If a linear solve or a load step does not converge.
    """
    options = options or Options()
    system = _System(bulk, parts, conditions, options)
    try:
        if not parts and not bulk.flows:
            return _linear(system)
        return _stepped(system)
    finally:
        system.release()


def _prescribed(system: _System, factor: float) -> npt.NDArray[np.float64]:
    return np.nan_to_num(system.conditions.value) * factor


def solve_cases(bulk: Bulk, cases: Sequence[Conditions], options: Options | None = None) -> list[Equilibrium]:
    """Solve linear problems that hold the same dofs, with one matrix and one multigrid; all ranks call.

    Parameters
    ----------
    bulk : Bulk
        Tets that do not flow.
    cases : sequence of Conditions
        Equal in what they hold, not in what they prescribe there.
    options : Options, optional
        How to solve.

    Returns
    -------
    list of Equilibrium
        One a case.
    """
    system = _System(bulk, (), cases[0], options or Options())
    found = []
    try:
        for case in cases:
            system.conditions = case
            found.append(_linear(system))
    finally:
        system.release()
    return found


def _linear(system: _System) -> Equilibrium:
    """One solve, then small corrections until the true residual is rounding."""
    # free expansion ends without any nodal force, prescribed motion starts without: the larger one is the measure
    _, _, first = system.residual(system.nodes.zeros(), 1.0)
    u = _prescribed(system, 1.0)
    residual, stress, _ = system.residual(u, 1.0)
    if system.solver is None:
        system.refactor()
    history = []
    tolerance = None
    for _ in range(4):
        u = u + system.step(residual, system.plate_residual(residual, 1.0), tolerance)
        residual, stress, scale = system.residual(u, 1.0)
        size = system.size(residual, 1.0)
        scale = max(scale, first)
        history.append(size / scale if scale else 0.0)
        if size <= LINEAR_GOAL * scale:
            break
        # what is left needs few digits of its own
        tolerance = 1e-4
    assert system.report is not None
    return Equilibrium(u, residual, stress, system.report, [{"load": 1.0, "residuals": history}])


def _stepped(system: _System) -> Equilibrium:
    """Load steps, halved where Newton's method fails."""
    options = system.options
    u = system.nodes.zeros()
    history: list[dict[str, Any]] = []
    result: Equilibrium | None = None
    done = 0.0
    for target in options.path:
        u, done, result = _segment(system, u, (done, target), history)
    assert result is not None
    result.history = history
    return result


def _segment(
    system: _System, u: npt.NDArray[np.float64], ends: tuple[float, float], history: list[dict[str, Any]]
) -> tuple[npt.NDArray[np.float64], float, Equilibrium | None]:
    """Go from one load factor to another."""
    options = system.options
    done, target = ends
    full = (target - done) / options.steps
    size, result = full, None
    while done != target:
        factor = done + size if abs(target - done) > 1.000001 * abs(size) else target
        try:
            result, residuals = _newton(system, u, (done, factor))
        except SolverError as error:
            size *= 0.5
            if abs(size) < abs(full) / 2**options.halvings:
                raise SolverError(
                    f"elasticity: no equilibrium beyond {done:.4g} of the load: {error}; beyond a limit load nothing "
                    "balances: lower the load, prescribe a displacement instead, add hardening, or allow more steps"
                ) from error
            continue
        u, done = result.u, factor
        system.bulk.commit()
        for part in system.parts:
            part.commit()
        history.append({"load": factor, "residuals": residuals})
        size = 1.5 * size if abs(1.5 * size) < abs(full) else full
    return u, done, result


def _newton(
    system: _System, start: npt.NDArray[np.float64], load: tuple[float, float]
) -> tuple[Equilibrium, list[float]]:
    """One load step from a balanced state."""
    factor = load[1]
    for part in system.parts:
        part.secant = False
    residual, stress, first = system.residual(start, factor)
    move = _prescribed(system, load[1] - load[0])
    system.refactor()
    pulled = residual - system.tangent_forces(move)
    u = start + move + system.step(pulled, system.plate_residual(pulled, factor), 1e-4)
    residuals: list[float] = []
    for _ in range(system.options.newton_iterations):
        residual, stress, scale = system.residual(u, factor)
        size, scale = system.size(residual, factor), max(scale, first)
        residuals.append(size / scale if scale else 0.0)
        if not np.isfinite(size):
            break
        if size <= NONLINEAR_GOAL * scale or _at_floor(residuals):
            assert system.report is not None
            return Equilibrium(u, residual, stress, system.report), residuals
        change = _tangent_step(system, u, residual, (factor, _forcing(residuals)))
        u = _searched(system, u, change, (factor, size))
    raise SolverError(f"Newton's method stopped at a residual of {residuals[-1]:.1e}")


def _at_floor(residuals: Sequence[float]) -> bool:
    """Whether rounding keeps the residual from falling: a stiff interface makes large forces of small errors."""
    return len(residuals) > 4 and residuals[-1] < FLOOR and min(residuals[-3:]) > 0.3 * min(residuals[:-3])


def _tangent_step(
    system: _System, u: npt.NDArray[np.float64], residual: npt.NDArray[np.float64], at: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """Return the step of the tangent, or that of the secant where softening has made the tangent indefinite."""
    factor, tolerance = at
    lacking = system.plate_residual(residual, factor)
    system.refactor()
    try:
        return system.step(residual, lacking, tolerance)
    except SolverError:
        if all(part.secant for part in system.parts):
            raise
    for part in system.parts:
        part.secant = True
    system.residual(u, factor)
    system.release()
    system.refactor()
    return system.step(residual, lacking, tolerance)


def _forcing(residuals: Sequence[float]) -> float:
    """Return how well to solve the next linear problem: no better than Newton's method can use (Eisenstat, Walker)."""
    quadratic = 0.1 * (residuals[-1] / residuals[-2]) ** 2 if len(residuals) > 1 else 1e-2
    return float(max(min(quadratic, 1e-2), 0.1 * NONLINEAR_GOAL / residuals[-1], 1e-9))


def _searched(
    system: _System, u: npt.NDArray[np.float64], change: npt.NDArray[np.float64], at: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """Return the state after the longest of 1, 1/2, 1/4 ... of a step that lowers the residual, or the shortest."""
    factor, before = at
    for k in range(4):
        trial = u + 0.5**k * change
        residual, _, _ = system.residual(trial, factor)
        if system.size(residual, factor) < before:
            break
    return trial
