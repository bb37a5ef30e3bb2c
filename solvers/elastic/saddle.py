"""Displacements bordered by pressures: the saddle-point matrix, its preconditioner, its solver. No materials.

    [A  B']   A stiffness of shape changes, with all supports     preconditioner [AMG(A)   B'             ]
    [B  -C]   B divergence, C compressibility and stabilisation                  [         -D^-1 - AMG(F) ]^-1

D is diagonal: what the Schur complement would have if each displacement moved alone. That knows stiff walls and free
sides: over the mass matrix it is three times as large at the latter. F adds how pressures even out between stiff walls
(`solvers.elastic.drainage`). Iterations do not depend on Poisson's ratio; among stiff grains they still grow slowly
with the unknowns (docs/mechanics.md has counts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.elastic.amg import ElasticSolver, set_multigrid
from solvers.elastic.nodes import Nodes
from solvers.linear import set_scalar_multigrid

#: Vectors that GMRES keeps.
RESTART = 100
#: Scale of D, and the weight in it of nodes that move: together they move more than each alone. Measured.
SCALE, MOBILITY = 3.0, 2.0

__all__ = ["Border", "Numbering", "Saddle", "SaddleSolver", "assemble_rows", "number_pressures"]


@dataclass(frozen=True, eq=False)
class Numbering:
    """Pressures at node copies, numbered for the matrix.

    Parameters
    ----------
    live : (copies, pressures) bool array
        Which exist, on any rank.
    rows : (k,) int64 array
        Flat index into `live` of each pressure that this rank sees; its own come first.
    row_of : (copies * pressures,) int32 array
        Position in `rows`, -1 where there is none.
    numbers : (k,) int64 array
        Global row.
    owned : int
        How many of `rows` this rank owns.
    """

    live: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.int64]
    row_of: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.int64]
    owned: int


def number_pressures(nodes: Nodes, used: npt.NDArray[np.bool_]) -> Numbering:
    """Number the pressures that tets of any rank use; all ranks call.

    Parameters
    ----------
    nodes : Nodes
        The displacement nodes.
    used : (copies, pressures) bool array
        Those that tets of this rank use.

    Returns
    -------
    Numbering
        Their rows.
    """
    m = used.shape[1]
    live = nodes.accumulate(used.astype(float)) > 0
    rows = np.flatnonzero(live)
    owned = int(np.searchsorted(rows, nodes.owned * m))
    first = int(np.sum(nodes.domain.comm.allgather(owned)[: nodes.domain.comm.rank]))
    numbers = np.full(live.shape, -1.0)
    numbers.ravel()[rows[:owned]] = first + np.arange(owned)
    numbers = nodes.update(numbers).ravel()
    row_of = np.full(live.size, -1, np.int32)
    row_of[rows] = np.arange(len(rows), dtype=np.int32)
    return Numbering(live, rows, row_of, numbers[rows].astype(np.int64), owned)


@dataclass(frozen=True, eq=False)
class Border:
    """What goes around the stiffness; made by `solvers.elastic.mixed.MixedBulk.border`.

    Parameters
    ----------
    numbering : Numbering
        The pressures.
    divergence, compression, drain : petsc4py Mat
        B; -C; Darcy's law F; all in the unit.
    unit : (pressures,) float array
        Pressure in Pa for each unit (m) of the matrix's unknowns, force in N for each m3 of its rows.
    """

    numbering: Numbering
    divergence: Any
    compression: Any
    drain: Any
    unit: npt.NDArray[np.float64]

    @property
    def live(self) -> npt.NDArray[np.bool_]:
        """(copies, pressures) bool array: which exist."""
        return self.numbering.live

    @property
    def own(self) -> npt.NDArray[np.int64]:
        """(k,) int64 array: flat index into `live` of the pressures this rank owns, in row order."""
        return self.numbering.rows[: self.numbering.owned]

    def destroy(self) -> None:
        """Free the matrices."""
        for matrix in (self.divergence, self.compression, self.drain):
            matrix.destroy()


def assemble_rows(
    nodes: Nodes,
    numbering: Numbering,
    pattern: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]],
    data: npt.NDArray[np.float64],
) -> Any:
    """Return the PETSc matrix of pressure rows and displacement or pressure columns; all ranks call.

    Parameters
    ----------
    nodes : Nodes
        The displacement nodes.
    numbering : Numbering
        The pressures.
    pattern : (int64 array, int32 array)
        Start of each local row, ghosts included, and local columns: block rows of displacements, or pressures.
    data : (entries, 3) or (entries,) float array
        Three components a displacement, or one a pressure.

    Returns
    -------
    petsc4py Mat
        The matrix, summed over ranks.
    """
    petsc, comm = api.petsc(), nodes.domain.comm
    pointers, columns = pattern
    wide = data.ndim == 2
    width = 3 if wide else 1
    numbers, owned = (nodes.numbers, nodes.owned_rows) if wide else (numbering.numbers, numbering.owned)
    ends = np.cumsum(comm.allgather(owned))
    row = np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))
    # rows are counted by the owner of their pressure, who owns the displacements there as well
    owner = np.searchsorted(np.cumsum(comm.allgather(numbering.owned)), numbering.numbers, side="right")
    same = np.searchsorted(ends, numbers[columns], side="right") == owner[row]
    counts = np.zeros((len(numbering.row_of), 2))
    counts[numbering.rows, 0] = np.bincount(row[same], minlength=len(numbering.rows))
    counts[numbering.rows, 1] = np.bincount(row[~same], minlength=len(numbering.rows))
    if comm.size > 1:
        m = numbering.live.shape[1]
        counts = nodes.accumulate(counts.reshape(-1, 2 * m)).reshape(-1, 2)
    most = counts[numbering.rows[: numbering.owned]].astype(np.int64)
    total = int(ends[-1])
    near, far = np.minimum(most[:, 0], owned), np.minimum(most[:, 1], total - owned)
    rows = int(comm.allreduce(numbering.owned))
    matrix = petsc.Mat().createAIJ(
        ((numbering.owned, rows), (width * owned, width * total)),
        nnz=((width * near).astype(petsc.IntType), (width * far).astype(petsc.IntType)), comm=comm,
    )  # fmt: skip
    spread = (width * numbers[columns][:, None] + np.arange(width)).ravel()
    kind = petsc.IntType
    matrix.setValuesIJV(
        (width * pointers).astype(kind), spread.astype(kind), data.ravel(), addv=petsc.InsertMode.ADD_VALUES,
        rowmap=numbering.numbers.astype(kind),
    )  # fmt: skip
    matrix.assemble()
    return matrix


class Saddle:
    """The bordered matrix; looks like a matrix to `System`.

    Parameters
    ----------
    stiffness : petsc4py Mat
        A; goes with this object.
    border : Border
        The rest, which stays.
    """

    def __init__(self, stiffness: Any, border: Border) -> None:
        petsc = api.petsc()
        self.stiffness, self.border = stiffness, border
        self._across = petsc.Mat().createTranspose(border.divergence)
        rows = [[stiffness, self._across], [border.divergence, border.compression]]
        self.operator = petsc.Mat().createNest(rows, comm=stiffness.getComm())

    def createVecs(self) -> tuple[Any, Any]:  # noqa: N802 - as PETSc's matrices have it
        """Return two vectors whose local part is displacements, then pressures."""
        sizes = self.operator.getSizes()[0]
        pair = [api.petsc().Vec().createMPI(sizes, comm=self.operator.getComm()) for _ in range(2)]
        return pair[0], pair[1]

    def getSize(self) -> tuple[int, int]:  # noqa: N802
        """Return rows and columns."""
        return tuple(self.operator.getSize())  # type: ignore[return-value]

    def getComm(self) -> Any:  # noqa: N802
        """Return the communicator."""
        return self.operator.getComm()

    def destroy(self) -> None:
        """Free the matrix and the stiffness in it."""
        for matrix in (self.operator, self._across, self.stiffness):
            matrix.destroy()


def _diagonal(saddle: Saddle) -> Any:
    """Return D, as a vector: the diagonal of C + B diag(A)^-1 B' with weights."""
    squares = saddle.border.divergence.copy()
    pointers, columns, values = squares.getValuesCSR()
    squares.setValuesCSR(pointers, columns, values**2)
    squares.assemble()
    single = saddle.stiffness.getDiagonal()
    single.reciprocal()
    result = saddle.border.compression.getDiagonal()
    moved = result.duplicate()
    squares.mult(single, moved)
    result.array[:] = SCALE * (MOBILITY * moved.array_r - result.array_r)
    for done in (squares, single, moved):
        done.destroy()
    return result


class _Triangle:
    """The preconditioner as PETSc calls it: pressures by scale and drainage, then displacements by multigrid."""

    def __init__(self, saddle: Saddle, multigrid: Any, drain: Any) -> None:
        self.multigrid, self.border, self.drain = multigrid, saddle.border, drain
        self.force, self.displacement = saddle.stiffness.createVecs()
        self.pressure, self.volume = saddle.border.compression.createVecs()
        self.inverse = _diagonal(saddle)
        self.inverse.reciprocal()

    def apply(self, pc: Any, x: Any, y: Any) -> None:
        n = self.force.getLocalSize()
        self.volume.array[:] = x.array_r[n:]
        self.drain.getPC().apply(self.volume, self.pressure)
        self.pressure.array[:] = -self.pressure.array_r - self.volume.array_r * self.inverse.array_r
        self.border.divergence.multTranspose(self.pressure, self.force)
        self.force.array[:] = x.array_r[:n] - self.force.array_r
        self.multigrid.apply(self.force, self.displacement)
        y.array[:n] = self.displacement.array_r
        y.array[n:] = self.pressure.array_r


class SaddleSolver(ElasticSolver):
    """GMRES with a block triangular preconditioner; arguments and methods as for `ElasticSolver`.

    Three times fewer iterations than MINRES with the block diagonal one, for RESTART vectors of memory.

    References
    ----------
    Murphy, Golub and Wathen, SIAM J. Sci. Comput. 21 (2000) 1969, doi:10.1137/S1064827599355153. Klawonn, SIAM J. Sci.
    Comput. 19 (1998) 172, doi:10.1137/S1064827596303624.
    """

    krylov = "GMRES"
    # as many iterations as with the levels of this house, each in a third of the time
    instead: ClassVar[dict[str, str]] = {"aggregation": "gamg"}
    # on grains 50 iterations, for 54 with the options of displacements alone
    changes: ClassVar[dict[str, Any]] = {"pc_gamg_threshold": 0.01, "pc_gamg_threshold_scale": 1.0}

    def _configure(self, modes: list[Any]) -> dict[str, Any]:
        petsc = api.petsc()
        multigrid = petsc.PC().create(self.matrix.getComm())
        multigrid.setOperators(self.matrix.stiffness)
        set_multigrid(multigrid, self.kind, self.matrix.stiffness, modes)
        prefix = "ssb2mesh_saddle_"
        multigrid.setOptionsPrefix(prefix)
        options = petsc.Options()
        for key, value in self.options.items():
            options[prefix + key] = value
        multigrid.setFromOptions()
        multigrid.setUp()  # the smoothers of the levels look for their options only now
        for key in self.options:
            options.delValue(prefix + key)
        self.ksp.setOperators(self.matrix.operator)
        self.ksp.setType("gmres")
        self.ksp.setGMRESRestart(RESTART)
        self.ksp.setPCSide(petsc.PC.Side.RIGHT)
        self.ksp.getPC().setType("python")
        drain = petsc.KSP().create(self.matrix.getComm())
        drain.setOperators(self.matrix.border.drain)
        set_scalar_multigrid(drain)
        drain.setUp()
        self.ksp.getPC().setPythonContext(_Triangle(self.matrix, multigrid, drain))
        return {}

    def _set_operators(self, matrix: Any) -> None:
        self.ksp.setOperators(matrix.operator, self._built_on.operator)
