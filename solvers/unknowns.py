"""Which dofs are unknowns: fixed, idle and tied dofs leave a system before it is solved. No physics, no names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.linear import LinearReport, solve_spd

__all__ = ["Unknowns", "solve_constrained"]


@dataclass(frozen=True, eq=False)
class Unknowns:
    """The state of every owned dof.

    Parameters
    ----------
    live : (owned dofs,) bool array
        Dofs of the operator; all others are out of it.
    fixed : (owned dofs,) float array
        Prescribed value, NaN where there is none.
    tied_to : (owned dofs,) int64 array, optional
        Global index of the dof that leads the group of tied dofs, -1 for single dofs.
    """

    live: npt.NDArray[np.bool_]
    fixed: npt.NDArray[np.float64]
    tied_to: npt.NDArray[np.int64] | None = None

    @property
    def free(self) -> npt.NDArray[np.bool_]:
        """Dofs whose value is sought, tied ones included."""
        return self.live & np.isnan(self.fixed)


def solve_constrained(
    matrix: Any, load: npt.NDArray[np.float64], unknowns: Unknowns, **options: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], LinearReport]:
    """Solve for the free dofs; all ranks call.

    Parameters
    ----------
    matrix : petsc4py Mat
        The operator on all dofs, without boundary conditions; symmetric.
    load : (owned dofs,) float array
        Right-hand side.
    unknowns : Unknowns
        Which dofs are sought.
    **options : any
        Passed to `solvers.linear.solve_spd`.

    Returns
    -------
    values : (owned dofs,) float array
        Free values as solved, fixed values as given, 0 elsewhere.
    reactions : (owned dofs,) float array
        ``matrix @ values - load``: what must enter at a dof to hold it; rounding at free dofs.
    report : LinearReport
        How the solve went.
    """
    values, rhs = matrix.createVecs()
    given = unknowns.live & ~np.isnan(unknowns.fixed)
    values.set(0.0)
    values.array[given] = unknowns.fixed[given]
    matrix.mult(values, rhs)
    rhs.array[:] = load - rhs.array
    if unknowns.tied_to is None:
        report = _solve_subset(matrix, rhs, values, unknowns.free, options)
    else:
        report = _solve_tied(matrix, rhs, values, unknowns, options)
    matrix.mult(values, rhs)
    reactions = np.where(unknowns.live, rhs.array - load, 0.0)
    result = np.array(values.array)
    for vector in (values, rhs):
        vector.destroy()
    return result, reactions, report


def _solve_subset(
    matrix: Any, rhs: Any, values: Any, free: npt.NDArray[np.bool_], options: dict[str, Any]
) -> LinearReport:
    petsc = api.petsc()
    first = matrix.getOwnershipRange()[0]
    mine = np.flatnonzero(free)
    rows = petsc.IS().createGeneral((mine + first).astype(petsc.IntType), comm=matrix.getComm())
    reduced = matrix.createSubMatrix(rows, rows)
    reduced.setOption(petsc.Mat.Option.SPD, True)
    found, right = reduced.createVecs()
    right.array[:] = rhs.array[mine]
    report = solve_spd(reduced, right, found, **options)
    values.array[mine] = found.array
    for each in (reduced, found, right, rows):
        each.destroy()
    return report


def _solve_tied(matrix: Any, rhs: Any, values: Any, unknowns: Unknowns, options: dict[str, Any]) -> LinearReport:
    """Solve P^T A P y = P^T b, where P copies the value of a leading dof to its group."""
    petsc = api.petsc()
    comm = matrix.getComm().tompi4py()
    assert unknowns.tied_to is not None
    first = matrix.getOwnershipRange()[0]
    n = len(unknowns.live)
    own = np.arange(n) + first
    tied = unknowns.free & (unknowns.tied_to >= 0)
    leads = unknowns.free & (~tied | (unknowns.tied_to == own))
    offset = int(np.sum(comm.allgather(int(leads.sum()))[: comm.rank]))
    column = np.where(leads, offset + np.cumsum(leads) - 1, -1)
    leaders: dict[int, int] = {}
    for part in comm.allgather({int(own[i]): int(column[i]) for i in np.flatnonzero(tied & leads)}):
        leaders.update(part)
    follow = np.flatnonzero(tied & ~leads)
    column[follow] = [leaders[k] for k in unknowns.tied_to[follow].tolist()]
    pointers = np.concatenate([[0], np.cumsum(unknowns.free)]).astype(petsc.IntType)
    entries = column[unknowns.free].astype(petsc.IntType)
    total = int(comm.allreduce(int(leads.sum())))
    copy = petsc.Mat().createAIJ(
        ((n, matrix.getSize()[0]), (int(leads.sum()), total)),
        csr=(pointers, entries, np.ones(len(entries))),
        comm=matrix.getComm(),
    )
    reduced = matrix.PtAP(copy)
    found, right = reduced.createVecs()
    copy.multTranspose(rhs, right)
    report = solve_spd(reduced, right, found, **options)
    copy.multAdd(found, values, values)
    for each in (copy, reduced, found, right):
        each.destroy()
    return report
