"""Conjugate gradients with multigrid that knows rigid motions: one set-up, several right-hand sides. No forms."""

from __future__ import annotations

import math
import time
from typing import Any, ClassVar

from solvers import dolfinx_api as api
from solvers.elastic.hierarchy import build_levels, set_levels
from solvers.linear import LinearReport, _Convergence, _failure
from ssb2mesh.errors import SolverError

__all__ = ["ElasticSolver", "set_multigrid"]

#: Smoothing in the multigrids whose cycle is PETSc's.
_SMOOTHERS: dict[str, Any] = {
    "mg_levels_ksp_type": "chebyshev",
    "mg_levels_ksp_max_it": 3,
    "mg_levels_esteig_ksp_type": "cg",
    "mg_levels_esteig_ksp_max_it": 10,
}

#: For the levels of `solvers.elastic.hierarchy`: measured in docs/mechanics.md.
AGGREGATION_OPTIONS: dict[str, Any] = {
    **_SMOOTHERS,
    "mg_levels_pc_type": "pbjacobi",
    "mg_coarse_ksp_type": "preonly",
    "mg_coarse_pc_type": "redundant",
    "mg_coarse_redundant_pc_type": "cholesky",
}

#: PETSc's own smoothed aggregation. Weak links, such as those of a soft node to a stiff one, are left out on the finest
#: level only: on others that costs more than it saves. Point blocks fail where an aggregate of two nodes has less than
#: six motions.
GAMG_OPTIONS: dict[str, Any] = {
    **_SMOOTHERS,
    "pc_gamg_type": "agg",
    "pc_gamg_agg_nsmooths": 1,
    "pc_gamg_threshold": 0.05,
    "pc_gamg_threshold_scale": 0.0,
    "pc_gamg_coarse_eq_limit": 1000,
    "mg_levels_pc_type": "jacobi",
}

#: Each component of the displacement by itself: cheap, good for elongated tets, poor for slender bodies that bend.
BOOMERAMG_OPTIONS: dict[str, Any] = {
    "pc_hypre_type": "boomeramg",
    "pc_hypre_boomeramg_numfunctions": 3,
    "pc_hypre_boomeramg_strong_threshold": 0.5,
    "pc_hypre_boomeramg_coarsen_type": "HMIS",
    "pc_hypre_boomeramg_interp_type": "ext+i",
    "pc_hypre_boomeramg_P_max": 4,
    "pc_hypre_boomeramg_relax_type_all": "symmetric-SOR/Jacobi",
}
#: Name in reports, type of PETSc's preconditioner, options.
MULTIGRIDS = {
    "aggregation": ("smoothed aggregation", "mg", AGGREGATION_OPTIONS),
    "gamg": ("GAMG", "gamg", GAMG_OPTIONS),
    "boomeramg": ("BoomerAMG", "hypre", BOOMERAMG_OPTIONS),
}

#: Iterations for each digit of the residual at which a new set-up pays.
ITERATIONS_A_DIGIT = 15.0


class ElasticSolver:
    """Solve with one symmetric positive definite stiffness; all ranks call every method.

    Parameters
    ----------
    matrix : petsc4py Mat
        Block size 3.
    modes : list of petsc4py Vec
        Orthonormal rigid motions.
    tolerance : float
        Relative residual in the norm of the preconditioner.
    max_iterations : int
        Where to give up.
    multigrid : {"aggregation", "gamg", "boomeramg"}
        Which.
    """

    krylov = "CG"
    #: What it takes for a multigrid that does not suit it.
    instead: ClassVar[dict[str, str]] = {}
    #: What differs from GAMG_OPTIONS.
    changes: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        matrix: Any,
        modes: list[Any],
        *,
        tolerance: float = 1e-10,
        max_iterations: int = 500,
        multigrid: str = "aggregation",
    ) -> None:
        petsc = api.petsc()
        name, self.kind, options = MULTIGRIDS[self.instead.get(multigrid, multigrid)]
        self.options = {**options, **(self.changes if self.kind == "gamg" else {})}
        #: Krylov method and preconditioner.
        self.method = f"{self.krylov} + {name}"
        self.matrix, self.tolerance, self.max_iterations = matrix, tolerance, max_iterations
        self.seconds = 0.0
        self.ksp = petsc.KSP().create(matrix.getComm())
        prefix = "ssb2mesh_elastic_"
        self.ksp.setOptionsPrefix(prefix)
        start = time.perf_counter()
        chosen = self._configure(modes)
        options = petsc.Options()
        for key, value in chosen.items():
            options[prefix + key] = value
        try:
            self.ksp.setFromOptions()
            self.ksp.setUp()
        except petsc.Error as error:
            raise SolverError(f"elasticity: the multigrid set-up stopped with PETSc error {error.ierr}") from error
        finally:
            for key in chosen:
                options.delValue(prefix + key)
        self.setup_seconds = time.perf_counter() - start
        self._built_on = matrix
        self._rate = 0.0

    def _configure(self, modes: list[Any]) -> dict[str, Any]:
        """Set operators, method and preconditioner; return the options of the multigrid."""
        petsc = api.petsc()
        self.ksp.setOperators(self.matrix)
        self.ksp.setType("cg")
        self.ksp.setNormType(petsc.KSP.NormType.NATURAL)
        set_multigrid(self.ksp.getPC(), self.kind, self.matrix, modes)
        return self.options

    def _set_operators(self, matrix: Any) -> None:
        """Take a new matrix with the old multigrid."""
        self.ksp.setOperators(matrix, self._built_on)

    def replace(self, matrix: Any) -> None:
        """Go on with another matrix and the multigrid as it is."""
        if self.matrix is not self._built_on:
            self.matrix.destroy()
        self.matrix = matrix
        self.ksp.getPC().setReusePreconditioner(True)
        self._set_operators(matrix)

    @property
    def tired(self) -> bool:
        """Whether the multigrid no longer suits the matrix: a digit takes more iterations than a set-up is worth."""
        return self.matrix is not self._built_on and self._rate > ITERATIONS_A_DIGIT

    def solve(self, rhs: Any, solution: Any, *, tolerance: float | None = None) -> LinearReport:
        """Solve for one right-hand side; the content of `solution` is not used.

        Parameters
        ----------
        rhs, solution : petsc4py Vec
            Right-hand side and where the solution goes.
        tolerance : float, optional
            Instead of that of the solver.

        Returns
        -------
        LinearReport
            How it went; the first report holds the set-up time.

        Raises
        ------
        SolverError
            If the iteration does not converge.
        """
        petsc = api.petsc()
        start = time.perf_counter()
        unknowns = int(self.matrix.getSize()[0])
        if rhs.norm() == 0.0:
            solution.set(0.0)
            return LinearReport(self.method, unknowns, 0, (0.0,), 0.0)
        test = _Convergence(tolerance or self.tolerance, self.max_iterations)
        self.ksp.setConvergenceTest(test)
        try:
            self.ksp.solve(rhs, solution)
            reason = int(self.ksp.getConvergedReason())
        except petsc.Error as error:
            raise SolverError(f"elasticity: PETSc stopped with error {error.ierr}") from error
        if reason <= 0:
            raise SolverError(_failure(petsc, reason, test, "elasticity", unknowns))
        digits = -math.log10(max(test.history[-1] / test.history[0], 1e-300)) if test.history[0] > 0 else 0.0
        self._rate = (len(test.history) - 1) / max(digits, 0.5)
        seconds = time.perf_counter() - start + self.setup_seconds
        self.setup_seconds = 0.0
        return LinearReport(self.method, unknowns, len(test.history) - 1, tuple(test.history), seconds, test.floor)

    def destroy(self) -> None:
        """Free the solver and its matrix."""
        self.ksp.destroy()
        if self.matrix is not self._built_on:
            self.matrix.destroy()
        self._built_on.destroy()


def set_multigrid(pc: Any, kind: str, matrix: Any, modes: list[Any]) -> None:
    """Choose a multigrid for a stiffness with its rigid motions; raise SolverError where PETSc lacks it."""
    if kind == "mg":
        set_levels(pc, build_levels(matrix, modes))
        return
    near = api.petsc().NullSpace().create(vectors=modes, comm=matrix.getComm())
    matrix.setNearNullSpace(near)
    near.destroy()
    try:
        pc.setType(kind)
    except api.petsc().Error as error:
        raise SolverError(f"multigrid: PETSc was built without {kind}; use Options(multigrid='aggregation')") from error
