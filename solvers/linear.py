"""Krylov solvers with algebraic multigrid, set up in one place. No forms, no names, no physics.

Systems come here without fixed or idle unknowns (see `solvers.unknowns`), so that the multigrid sees the operator only.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from solvers import dolfinx_api as api
from ssb2mesh.errors import SolverError

__all__ = ["LinearReport", "SpdSolver", "set_scalar_multigrid", "solve_spd"]

#: Energy norm of the residual, relative to the first, at which a solve that has stopped falling counts as solved.
ROUNDING_FLOOR = 1e-9
#: Iterations without a fall by a factor of two that count as having stopped falling.
STAGNATION = 15
#: How much slower than a new preconditioner an old one may be before it is replaced, and before a solve is broken off.
WORN_OUT, PATIENCE = 1.5, 3.0


@dataclass(frozen=True)
class LinearReport:
    """How a linear solve went.

    Parameters
    ----------
    method : str
        Krylov method and preconditioner.
    unknowns : int
        Global number of unknowns.
    iterations : int
        Krylov iterations.
    residuals : tuple of float
        Norm of the preconditioned residual, sqrt(r . M r), before each iteration and at the end.
    seconds : float
        Wall time, set-up of the preconditioner included.
    at_rounding_floor : bool
        Whether rounding stopped the solve a little before the tolerance asked for.
    """

    method: str
    unknowns: int
    iterations: int
    residuals: tuple[float, ...]
    seconds: float
    at_rounding_floor: bool = False

    def summary(self) -> dict[str, Any]:
        """Return the report as a JSON-able dict without the residual history."""
        reduction = self.residuals[-1] / self.residuals[0] if self.residuals and self.residuals[0] > 0 else 0.0
        return {
            "method": self.method,
            "unknowns": self.unknowns,
            "iterations": self.iterations,
            "residual_reduction": reduction,
            "seconds": self.seconds,
            "at_rounding_floor": self.at_rounding_floor,
        }


class _Convergence:
    """Stop at the tolerance, or at the rounding floor; keep the history."""

    def __init__(self, tolerance: float, max_iterations: int) -> None:
        self.tolerance, self.max_iterations = tolerance, max_iterations
        self.history: list[float] = []
        self.floor = False

    def per_digit(self) -> float:
        """Iterations for each tenth that the residual fell to."""
        if len(self.history) < 2 or self.history[-1] <= 0:
            return 0.0
        return (len(self.history) - 1) / max(math.log10(self.history[0] / self.history[-1]), 0.1)

    def __call__(self, ksp: Any, iteration: int, norm: float) -> Any:
        reasons = api.petsc().KSP.ConvergedReason
        self.history.append(norm)
        if norm != norm:
            return reasons.DIVERGED_NANORINF
        if norm <= self.tolerance * self.history[0] or norm == 0.0:
            return reasons.CONVERGED_RTOL
        best = min(self.history)
        if len(self.history) > STAGNATION and best <= ROUNDING_FLOOR * self.history[0]:
            before = min(self.history[:-STAGNATION])
            if best > 0.5 * before:
                self.floor = True
                return reasons.CONVERGED_RTOL
        if iteration >= self.max_iterations:
            return reasons.DIVERGED_MAX_IT
        return reasons.ITERATING


def solve_spd(
    matrix: Any, rhs: Any, solution: Any, *, tolerance: float = 1e-12, max_iterations: int = 500, purpose: str = ""
) -> LinearReport:
    """Solve a symmetric positive definite system with conjugate gradients and algebraic multigrid; all ranks call.

    The residual is measured in the norm of the preconditioner, which is close to the energy norm of the error
    whatever the contrast of the coefficients; its square bounds the error of a total current.

    Parameters
    ----------
    matrix : petsc4py Mat
        The system, without zero rows.
    rhs, solution : petsc4py Vec
        Right-hand side; the solution is written into the second, whose content is not used.
    tolerance : float
        Relative residual to reach.
    max_iterations : int
        Where to give up.
    purpose : str
        What is solved, for the message.

    Returns
    -------
    LinearReport
        Iterations, residual history, time.

    Raises
    ------
    SolverError
        If the solve does not converge; the message says why and what to try.

    References
    ----------
    BoomerAMG: Henson and Yang, Appl. Numer. Math. 41 (2002) 155, doi:10.1016/S0168-9274(01)00115-5.

    Examples
    --------
    >>> report = solve_spd(matrix, rhs, solution)  # doctest: +SKIP
    >>> report.iterations  # doctest: +SKIP
    14
    """
    solver = SpdSolver(purpose)
    try:
        solver.use(matrix)
        return solver.solve(rhs, solution, tolerance=tolerance, max_iterations=max_iterations)
    finally:
        solver.destroy()


class SpdSolver:
    """Conjugate gradients whose multigrid is kept for other right-hand sides, and for matrices nearby while it works.

    Parameters
    ----------
    purpose : str
        What is solved, for the message.

    Examples
    --------
    >>> solver = SpdSolver("potential")  # doctest: +SKIP
    >>> solver.use(matrix)  # doctest: +SKIP
    >>> report = solver.solve(rhs, solution)  # doctest: +SKIP
    """

    def __init__(self, purpose: str = "") -> None:
        self.purpose = purpose
        self.matrix: Any = None
        self.ksp: Any = None
        self.name = ""
        self.fresh, self.worn = False, True
        self.best = 0.0

    def use(self, matrix: Any) -> None:
        """Take a matrix; a preconditioner of one before stays as long as it has not worn out."""
        self.matrix, self.fresh = matrix, False
        if self.worn or self.ksp is None or matrix.getSize() != self.ksp.getOperators()[0].getSize():
            self._renew()
        else:
            self.ksp.getPC().setReusePreconditioner(True)
            self.ksp.setOperators(matrix)

    def solve(self, rhs: Any, solution: Any, *, tolerance: float = 1e-12, max_iterations: int = 500) -> LinearReport:
        """Solve for one right-hand side; arguments, result and errors as for `solve_spd`."""
        start = time.perf_counter()
        unknowns = int(self.matrix.getSize()[0])
        solution.set(0.0)
        if unknowns == 0 or rhs.norm() == 0.0:
            return LinearReport("none", unknowns, 0, (), time.perf_counter() - start)
        # an old preconditioner may take its time, but not much more than that
        digits = -math.log10(tolerance)
        limit = max_iterations if self.fresh else min(max_iterations, int(PATIENCE * self.best * digits) + 10)
        reason, test = self._run(rhs, solution, tolerance, limit)
        if reason <= 0 and not self.fresh:
            self._renew()
            solution.set(0.0)
            reason, test = self._run(rhs, solution, tolerance, max_iterations)
        if reason <= 0:
            raise SolverError(_failure(api.petsc(), reason, test, self.purpose, unknowns))
        rate = test.per_digit()
        if self.fresh:
            self.best = max(self.best, rate)
        self.worn = rate > WORN_OUT * self.best
        seconds = time.perf_counter() - start
        return LinearReport(
            f"CG + {self.name}", unknowns, len(test.history) - 1, tuple(test.history), seconds, test.floor
        )

    def _run(self, rhs: Any, solution: Any, tolerance: float, max_iterations: int) -> tuple[int, _Convergence]:
        test = _Convergence(tolerance, max_iterations)
        self.ksp.setConvergenceTest(test)
        try:
            self.ksp.solve(rhs, solution)
        except api.petsc().Error as error:
            self.worn = True
            what = self.purpose or "linear solve"
            raise SolverError(f"{what}: PETSc stopped with error {error.ierr}; {_ADVICE}") from error
        return int(self.ksp.getConvergedReason()), test

    def _renew(self) -> None:
        petsc = api.petsc()
        self.destroy()
        self.ksp = petsc.KSP().create(self.matrix.getComm())
        self.ksp.setOperators(self.matrix)
        self.ksp.setType("cg")
        self.ksp.setNormType(petsc.KSP.NormType.NATURAL)
        self.name = set_scalar_multigrid(self.ksp)
        self.fresh, self.worn, self.best = True, False, 0.0

    def destroy(self) -> None:
        """Free what PETSc holds."""
        if self.ksp is not None:
            self.ksp.destroy()
            self.ksp = None


def set_scalar_multigrid(ksp: Any) -> str:
    """Choose BoomerAMG where PETSc has hypre, GAMG otherwise."""
    petsc = api.petsc()
    prefix = "ssb2mesh_spd_"
    ksp.setOptionsPrefix(prefix)
    options = petsc.Options()
    pc = ksp.getPC()
    try:
        pc.setType("hypre")
        pc.setHYPREType("boomeramg")
        chosen = {
            # measured in docs/solvers.md: fewer iterations than 0.5, most of all on elongated tets, for a dearer set-up
            "pc_hypre_boomeramg_strong_threshold": 0.25,
            "pc_hypre_boomeramg_coarsen_type": "HMIS",
            "pc_hypre_boomeramg_interp_type": "ext+i",
            "pc_hypre_boomeramg_P_max": 4,
            "pc_hypre_boomeramg_relax_type_all": "symmetric-SOR/Jacobi",
        }
        name = "BoomerAMG"
    except petsc.Error:
        pc.setType("gamg")
        chosen = {"pc_gamg_threshold": 0.01, "mg_levels_ksp_type": "chebyshev", "mg_levels_pc_type": "jacobi"}
        name = "GAMG"
    for key, value in chosen.items():
        options[prefix + key] = value
    ksp.setFromOptions()
    for key in chosen:
        options.delValue(prefix + key)
    return name


_ADVICE = (
    "try: a mesh with better tets (ssb2mesh check), a smaller contrast between the phases, a looser tolerance, "
    "or more iterations"
)


def _failure(petsc: Any, reason: int, test: _Convergence, purpose: str, unknowns: int) -> str:
    names = {value: key for key, value in vars(petsc.KSP.ConvergedReason).items() if isinstance(value, int)}
    why = {
        "DIVERGED_MAX_IT": f"the residual had not fallen enough after {test.max_iterations} iterations",
        "DIVERGED_NANORINF": "a value became infinite or not a number",
        "DIVERGED_INDEFINITE_PC": "the preconditioner turned indefinite, most likely by very flat tets",
        "DIVERGED_INDEFINITE_MAT": "the matrix is not positive definite: a tet or a conductivity is not positive",
    }.get(names.get(reason, ""), f"PETSc gives the reason {names.get(reason, reason)}")
    fell = test.history[-1] / test.history[0] if test.history and test.history[0] else float("nan")
    return (
        f"{purpose or 'linear solve'}: no convergence with {unknowns} unknowns: {why} (residual fell to {fell:.1e} of "
        f"its first value; asked for {test.tolerance:.0e}); {_ADVICE}"
    )
