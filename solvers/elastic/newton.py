"""Equilibrium: Newton's method over load steps. No materials, no matrices, no names of phases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.elastic.bulk import Bulk
from solvers.elastic.options import Options
from solvers.elastic.supports import Conditions
from solvers.elastic.system import Part, System
from solvers.linear import LinearReport
from ssb2mesh.errors import SolverError

__all__ = ["Equilibrium", "Options", "solve_cases", "solve_equilibrium"]

#: Residual force, relative to all nodal forces, at which a linear and a nonlinear problem count as solved.
LINEAR_GOAL, NONLINEAR_GOAL = 1e-11, 1e-9

#: Relative residual below which a Newton iteration that has stopped falling counts as solved.
FLOOR = 1e-7


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
    pressure : (copies, phases) float array
        Pressures that are unknowns, tension positive, Pa; None where there are none.
    """

    u: npt.NDArray[np.float64]
    residual: npt.NDArray[np.float64]
    stress: npt.NDArray[np.float64]
    linear: LinearReport
    history: list[dict[str, Any]] = field(default_factory=list)
    pressure: npt.NDArray[np.float64] | None = None


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
    system = System(bulk, parts, conditions, options)
    try:
        found = _linear(system) if not parts and not bulk.flows else _stepped(system)
        return _split(found)
    finally:
        system.close()


def _split(found: Equilibrium) -> Equilibrium:
    """Take the pressures out of the state."""
    if found.u.shape[1] == 3:
        return found
    u, residual = np.ascontiguousarray(found.u[:, :3]), np.ascontiguousarray(found.residual[:, :3])
    return replace(found, u=u, residual=residual, pressure=np.ascontiguousarray(found.u[:, 3:]))


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
    system = System(bulk, (), cases[0], options or Options())
    found = []
    try:
        for case in cases:
            system.conditions = case
            found.append(_split(_linear(system)))
    finally:
        system.close()
    return found


def _linear(system: System) -> Equilibrium:
    """One solve, then small corrections until the true residual is rounding."""
    # free expansion ends without any nodal force, prescribed motion starts without: the larger one is the measure
    _, _, first = system.residual(system.zeros(), 1.0)
    u = system.prescribed(1.0)
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


def _stepped(system: System) -> Equilibrium:
    """Load steps, halved where Newton's method fails."""
    options = system.options
    u = system.zeros()
    history: list[dict[str, Any]] = []
    result: Equilibrium | None = None
    done = 0.0
    for target in options.path:
        u, done, result = _segment(system, u, (done, target), history)
    assert result is not None
    result.history = history
    return result


def _segment(
    system: System, u: npt.NDArray[np.float64], ends: tuple[float, float], history: list[dict[str, Any]]
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
    system: System, start: npt.NDArray[np.float64], load: tuple[float, float]
) -> tuple[Equilibrium, list[float]]:
    """One load step from a balanced state."""
    factor = load[1]
    for part in system.parts:
        part.secant = False
    residual, stress, first = system.residual(start, factor)
    move = system.prescribed(load[1] - load[0])
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
    system: System, u: npt.NDArray[np.float64], residual: npt.NDArray[np.float64], at: tuple[float, float]
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
    system: System, u: npt.NDArray[np.float64], change: npt.NDArray[np.float64], at: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """Return the state after the longest of 1, 1/2, 1/4 ... of a step that lowers the residual, or the shortest."""
    factor, before = at
    for k in range(4):
        trial = u + 0.5**k * change
        residual, _, _ = system.residual(trial, factor)
        if system.size(residual, factor) < before:
            break
    return trial
