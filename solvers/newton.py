"""Newton's method for the coupled potentials: start, line search, prescribed currents, report. No names, no forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.coupled import CoupledSystem, Residual, State
from solvers.linear import SpdSolver
from ssb2mesh.errors import InputError, SolverError

__all__ = ["NewtonReport", "Settings", "solve_newton"]

Array = npt.NDArray[np.float64]

#: Power of the step relative to the power of the cell at which a step that no longer shrinks counts as rounding.
ROUNDING_FLOOR = 1e-14
#: Steps of the start, in which the laws are inverted, and the drive (V) they may still miss at its end.
START_STEPS, START_MISS = 25, 1e-3
#: Growth of that miss at which the start is given up.
ASTRAY = 10.0
#: Size of a step that may be rounding in any cell.
NOISE = 1e-7
#: Most steps for the sake of conservation after convergence.
POLISHING = 3
#: A step is taken whole when the slope of the energy at its end is at most this share of the slope at its begin.
FLAT_ENOUGH = 0.5
#: Halvings of the bracket of the line search; longest step that it tries.
SEARCH_STEPS, LONGEST = 40, 64.0


@dataclass(frozen=True)
class Settings:
    """Where the solve stops.

    Parameters
    ----------
    tolerance : float
        Size of the last Newton step relative to the solution, in the energy norm.
    max_steps : int
        Newton steps after the start.
    linear_tolerance : float
        Relative residual of the linear solves near the end.
    max_iterations : int
        Where a linear solve gives up.

    Examples
    --------
    >>> Settings().max_steps
    50
    """

    tolerance: float = 1e-11
    max_steps: int = 50
    linear_tolerance: float = 1e-11
    max_iterations: int = 500

    def __post_init__(self) -> None:
        for name in ("tolerance", "linear_tolerance"):
            value = getattr(self, name)
            if isinstance(value, bool) or not 1e-14 <= value <= 1e-2:
                raise InputError(f"{name}: got {value!r}; expected a number from 1e-14 to 1e-2")
        for name in ("max_steps", "max_iterations"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"{name}: got {value!r}; expected a whole number of at least 1")


@dataclass(frozen=True)
class NewtonReport:
    """How the solve went.

    Parameters
    ----------
    method : str
        Method.
    unknowns : int
        Global number of unknowns, terminals included.
    steps : int
        Newton steps, those of the start included.
    sizes : tuple of float
        Size of each Newton step relative to the solution, in the energy norm; those of the start are left out.
    linear_iterations : tuple of int
        Krylov iterations of every linear solve.
    damped : int
        Steps that the line search shortened or lengthened.
    at_rounding_floor : bool
        Whether rounding stopped the steps before the tolerance asked for.

    Examples
    --------
    >>> NewtonReport("Newton", 1, 2, (1e-3, 1e-12), (5, 6), 0).iterations
    11
    """

    method: str
    unknowns: int
    steps: int
    sizes: tuple[float, ...]
    linear_iterations: tuple[int, ...]
    damped: int
    at_rounding_floor: bool = False

    @property
    def iterations(self) -> int:
        """Krylov iterations in all."""
        return sum(self.linear_iterations)

    def summary(self) -> dict[str, Any]:
        """Return the report as a JSON-able dict."""
        return {
            "method": self.method,
            "unknowns": self.unknowns,
            "newton_steps": self.steps,
            "last_step": self.sizes[-1] if self.sizes else 0.0,
            "damped_steps": self.damped,
            "linear_solves": len(self.linear_iterations),
            "iterations": self.iterations,
            "most_iterations": max(self.linear_iterations, default=0),
            "at_rounding_floor": self.at_rounding_floor,
        }


def solve_newton(
    system: CoupledSystem, settings: Settings, *, start: State | None = None
) -> tuple[State, NewtonReport]:
    """Find the potentials and the voltages of terminals whose current is given; all ranks call.

    Without a start, the first steps linearise the laws at currents instead of voltages: overpotentials grow like the
    logarithm of a current, so those steps do not overflow. From then on, each step of Newton's method goes to where
    the energy, which is convex, stops falling along it.

    Parameters
    ----------
    system : CoupledSystem
        The equations.
    settings : Settings
        Where to stop.
    start : State, optional
        A state nearby, such as that of the voltage before; its prescribed values are replaced.

    Returns
    -------
    state : State
        The solution.
    report : NewtonReport
        Steps, sizes, iterations.

    Raises
    ------
    SolverError
        If the steps do not shrink to the tolerance; the message says how far it came and what to try.
    """
    run = _Run(system, settings)
    try:
        state = _iterate(run, settings, start)
    finally:
        run.linear.destroy()
    count = int(system.starts[-1]) + len(system.unknown_ends)
    return state, run.report(count)


def _iterate(run: _Run, settings: Settings, start: State | None) -> State:
    """Start, Newton steps, and steps for the sake of conservation."""
    state = run.first(start)
    if start is None:
        state = run.currents_first(state)
    for _ in range(settings.max_steps):
        state, size = run.newton_step(state)
        if size <= settings.tolerance or run.stalled():
            break
    else:
        raise SolverError(_failure(run, settings))
    # the energy hardly feels flows in conductors much better than the interfaces; conservation does
    for _ in range(POLISHING):
        if run.imbalance(state) <= settings.linear_tolerance:
            break
        state, _ = run.newton_step(state)
    return state


class _Run:
    """The state of one nonlinear solve: steps, sizes and counts so far."""

    def __init__(self, system: CoupledSystem, settings: Settings) -> None:
        self.system, self.settings = system, settings
        self.sizes: list[float] = []
        self.iterations: list[int] = []
        self.steps, self.damped = 0, 0
        self.scale, self.rounding = 0.0, 0.0
        self.at_floor = False
        self.linear = SpdSolver("charge transfer")

    def report(self, unknowns: int) -> NewtonReport:
        """How it went so far."""
        return NewtonReport(
            "Newton + CG + multigrid",
            unknowns,
            self.steps,
            tuple(self.sizes),
            tuple(self.iterations),
            self.damped,
            self.at_floor,
        )

    def first(self, start: State | None) -> State:
        """A state that has the prescribed values."""
        system = self.system
        given = np.array([end.voltage for end in system.circuit.terminals])
        known = given[~np.isnan(given)]
        if start is None:
            voltages = np.where(np.isnan(given), known.mean(), given)
            zero = np.zeros(len(system.domain.dof_original))
            return system.relevelled((zero + known.mean(), zero + known.mean()), voltages, (0.0, 0.0))
        voltages = np.where(np.isnan(given), start.voltages, given)
        return system.relevelled(start.fields, voltages, start.levels)

    def solve(self, residual: Residual, slopes: Sequence[Array], tolerance: float) -> tuple[State, float]:
        """The Newton step for a residual, and the power along it (W, positive)."""
        system = self.system
        right = -system.on_unknowns(residual.fields)
        matrix = system.jacobian(slopes)
        self.linear.use(matrix)
        try:
            step = self._linear(matrix, right, tolerance)
            ends = system.unknown_ends
            moves = [system.along(end) for end in ends]
            flows = [system.flows(move, slopes) for move in moves]
            columns = [system.on_unknowns(each.fields) for each in flows]
            answers = [self._linear(matrix, -column, tolerance) for column in columns]
        finally:
            matrix.destroy()
        sought = system.targets - np.array([system.work(move, residual) for move in moves])
        corner = np.array([[system.work(move, flow) for flow in flows] for move in moves])
        local = np.array([[column @ answer for answer in [*answers, step]] for column in columns])
        inner = np.sum(system.domain.comm.allgather(local), axis=0)
        rise = np.zeros(0)
        if ends:
            schur = corner + inner[:, :-1]
            rise = np.linalg.solve(0.5 * (schur + schur.T), sought - inner[:, -1])
            step = step + np.asarray(answers).T @ rise
        change = system.step(step, np.zeros(len(system.circuit.terminals)))
        for volts, move in zip(rise, moves, strict=True):
            change = change.moved(move, volts)
        power = float(system.domain.comm.allreduce(float(step @ right))) + float(sought @ rise)
        return change, power

    def _linear(self, matrix: Any, right: Array, tolerance: float) -> Array:
        found, load = matrix.createVecs()
        load.array[:] = right
        report = self.linear.solve(load, found, tolerance=tolerance, max_iterations=self.settings.max_iterations)
        self.iterations.append(report.iterations)
        values = np.array(found.array)
        found.destroy()
        load.destroy()
        return values

    def currents_first(self, state: State) -> State:
        """Steps in which each point of an interface is linearised at the current of the step before."""
        system = self.system
        interfaces = system.circuit.interfaces
        at = [np.zeros_like(part.weights) for part in interfaces]
        best, least = state, np.inf
        for _ in range(START_STEPS):
            points = [part.law.from_current(current) for part, current in zip(interfaces, at, strict=True)]
            before = system.drives(state)
            lines = [i + slope * (drive - own) for i, (own, slope), drive in zip(at, points, before, strict=True)]
            residual = system.residual(system.bulk(state), lines)
            step, _ = self.solve(residual, [slope for _, slope in points], max(1e-8, self.settings.linear_tolerance))
            self.steps += 1
            state = state.moved(step, 1.0)
            state = system.relevelled(state.fields, state.voltages, state.levels)
            drives = system.drives(state)
            at = [i + slope * (drive - own) for i, (own, slope), drive in zip(at, points, drives, strict=True)]
            reached = [part.law.from_current(current)[0] for part, current in zip(interfaces, at, strict=True)]
            local = [float(np.abs(a - b).max(initial=0.0)) for a, b in zip(reached, drives, strict=True)]
            miss = max(system.domain.comm.allgather(max(local, default=0.0)))
            if miss < least:
                best, least = state, miss
            # nothing makes these steps converge: where they go astray, the line search takes over
            if miss <= START_MISS or miss > ASTRAY * least:
                break
        return best

    def newton_step(self, state: State) -> tuple[State, float]:
        """One step with line search; returns the new state and the size of the step."""
        system = self.system
        state = system.relevelled(state.fields, state.voltages, state.levels)
        bulk, drives = system.bulk(state), system.drives(state)
        responses = system.responses(drives)
        currents = [current for current, _ in responses]
        residual = system.residual(bulk, currents)
        loose = min(1e-2, 0.1 * self.sizes[-1]) if self.sizes else 1e-6
        tolerance = max(self.settings.linear_tolerance, loose)
        slopes = [slope for _, slope in responses]
        step, power = self.solve(residual, slopes, tolerance)
        self.scale = max(system.heat(state, bulk, drives, currents), system.small_power(state, slopes))
        self.rounding = system.rounding_power(state, slopes)
        size = float(np.sqrt(max(power, 0.0) / self.scale))
        length = self._search(bulk, (step, power), drives)
        self.damped += length != 1.0
        self.steps += 1
        self.sizes.append(size)
        return state.moved(step, length), size

    def _search(self, bulk: tuple[Array, Array], step: tuple[State, float], drives: Sequence[Array]) -> float:
        """How far to go along a step: to where the slope of the energy has all but vanished."""
        direction, power = step
        system = self.system
        if power <= ROUNDING_FLOOR**2 * self.scale:
            return 1.0
        change, bulk_change = system.drives(direction), system.bulk(direction)

        def slope(length: float) -> float:
            moved = [drive + length * d for drive, d in zip(drives, change, strict=True)]
            now = (bulk[0] + length * bulk_change[0], bulk[1] + length * bulk_change[1])
            return system.slope(direction, now, change, [i for i, _ in system.responses(moved)])

        return _flat_point(slope, -power)

    def imbalance(self, state: State) -> float:
        """Largest current that either field loses in all, relative to the largest flow."""
        system = self.system
        currents = [current for current, _ in system.responses(system.drives(state))]
        residual = system.residual(system.bulk(state), currents)
        local = [float(values[rows].sum()) for values, rows in zip(residual.fields, system.sought, strict=True)]
        local.append(
            sum(float(np.abs(p.weights * i).sum()) for p, i in zip(system.circuit.interfaces, currents, strict=True))
        )
        lost = np.sum(system.domain.comm.allgather(local), axis=0)
        flow = max(float(lost[2]), float(np.abs(residual.terminals).max(initial=0.0)))
        return float(np.abs(lost[:2]).max() / flow) if flow > 0 else 0.0

    def stalled(self) -> bool:
        """Whether steps have become rounding noise: no longer smaller, and small enough for that."""
        if len(self.sizes) < 3 or self.sizes[-1] <= 0.3 * self.sizes[-2]:
            return False
        self.at_floor = self.sizes[-1] < NOISE or self.sizes[-1] ** 2 * self.scale <= self.rounding
        return self.at_floor


def _flat_point(slope: Callable[[float], float], begin: float) -> float:
    """A length at which a rising function that begins below zero is close to zero; 1 when it is close there."""
    low, high = 0.0, 1.0
    value = slope(high)
    while abs(value) > FLAT_ENOUGH * abs(begin) and value < 0 and high < LONGEST:
        low, high = high, 2.0 * high
        value = slope(high)
    if abs(value) <= FLAT_ENOUGH * abs(begin) or value < 0:
        return high
    for _ in range(SEARCH_STEPS):
        middle = 0.5 * (low + high)
        value = slope(middle)
        if abs(value) <= 0.1 * FLAT_ENOUGH * abs(begin):
            return middle
        low, high = (middle, high) if value < 0 else (low, middle)
    return low if low > 0 else high


def _failure(run: _Run, settings: Settings) -> str:
    sizes = ", ".join(f"{size:.1e}" for size in run.sizes[-4:])
    return (
        f"charge transfer: Newton's method did not converge in {settings.max_steps} steps: the last steps changed the "
        f"solution by {sizes} of itself, asked for {settings.tolerance:.0e}; try: a polarisation curve that goes there "
        "in smaller steps of voltage or current, more steps (max_steps), exchange current densities and equilibrium "
        "potentials that fit each other, or a looser tolerance"
    )
