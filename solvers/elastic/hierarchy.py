"""Levels of smoothed aggregation for elasticity, handed to PETSc's multigrid cycle. No Krylov method, no materials.

On the finest level weak links are left out of the aggregates only; on coarser ones out of the smoothing of the
prolongation as well, so that levels stay sparse while aggregates stay small. Aggregates end where ranks do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.elastic.aggregates import aggregate, block_sums, kept_blocks, orthonormal_motions

__all__ = ["Level", "build_levels", "set_levels"]

#: Strength below which a link does not count, on the finest level and on others; on others a link counts only if it has
#: this part of the strongest of the node, too. Measured, docs/mechanics.md.
FINEST, COARSER, RELATIVE = 0.05, 0.01, 0.1
#: Nodes of an aggregate at which others rather join the next one.
FULL = 30
#: Rows of the level that is solved directly, and levels at most.
COARSEST, LEVELS = 1000, 12
#: A level with more than this part of the rows of the one above is not worth having.
STALLED = 0.7


@dataclass(frozen=True, eq=False)
class Level:
    """One level.

    Parameters
    ----------
    matrix : petsc4py Mat
        Its operator.
    prolongation : petsc4py Mat or None
        From the next coarser level; None on the coarsest.
    """

    matrix: Any
    prolongation: Any


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Rows of this rank in blocks; columns of other ranks come after the own ones."""

    pointers: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    data: npt.NDArray[np.float64]
    own: npt.NDArray[np.int64]
    ghosts: npt.NDArray[np.int64]


def build_levels(matrix: Any, modes: list[Any]) -> list[Level]:
    """Return the levels of a stiffness, finest first; all ranks call.

    Parameters
    ----------
    matrix : petsc4py Mat
        Block size 3; held dofs have their diagonal only.
    modes : list of petsc4py Vec
        Rigid motions.

    Returns
    -------
    list of Level
        The first holds `matrix` itself.

    References
    ----------
    Vanek, Mandel and Brezina, Computing 56 (1996) 179, doi:10.1007/BF02238511.

    Examples
    --------
    >>> levels = build_levels(matrix, modes)  # doctest: +SKIP
    >>> [level.matrix.getSize()[0] for level in levels]  # doctest: +SKIP
    [88347, 14874, 1698, 246]
    """
    motions = np.stack([mode.array_r for mode in modes], axis=1)
    levels: list[Level] = []
    while matrix.getSize()[0] > COARSEST and len(levels) < LEVELS:
        prolongation, coarse, motions = _coarsen(matrix, motions, finest=not levels)
        if coarse is None:
            break
        levels.append(Level(matrix, prolongation))
        matrix = coarse
    levels.append(Level(matrix, None))
    return levels


def set_levels(pc: Any, levels: list[Level]) -> None:
    """Give levels to PETSc's multigrid; smoothers are left to its options.

    Parameters
    ----------
    pc : petsc4py PC
        The preconditioner.
    levels : list of Level
        Finest first.
    """
    pc.setType("mg")
    top = len(levels) - 1
    pc.setMGLevels(len(levels))
    for k, level in enumerate(levels):
        if level.prolongation is not None:
            pc.setMGInterpolation(top - k, level.prolongation)
        smoother = pc.getMGSmoother(top - k) if k < top else pc.getMGCoarseSolve()
        smoother.setOperators(level.matrix)


def _coarsen(matrix: Any, motions: npt.NDArray[np.float64], *, finest: bool) -> tuple[Any, Any, npt.NDArray]:
    """Return prolongation, coarse matrix and coarse motions; no matrices where coarsening has come to an end."""
    b = matrix.getBlockSize()
    blocks, free = _blocks(matrix, b)
    comm = matrix.getComm().tompi4py()
    sums, diagonal = block_sums(blocks.pointers, blocks.data, blocks.own)
    beside = np.concatenate([diagonal, _of_others(matrix, diagonal, blocks.ghosts)])
    row = np.repeat(np.arange(len(diagonal)), np.diff(blocks.pointers))
    weights = sums / np.sqrt(np.maximum(diagonal[row] * beside[blocks.columns], np.finfo(float).tiny))
    table = (blocks.pointers, blocks.columns, weights)
    threshold, relative = (FINEST, 0.0) if finest else (COARSER, RELATIVE)
    group, count = aggregate(*table, threshold, relative, FULL)
    total = comm.allreduce(count)
    if total == 0 or 6 * total > STALLED * matrix.getSize()[0]:
        return None, None, motions
    moved = (motions * free[:, None] if finest else motions).reshape(-1, b, 6)
    base, coarse_motions = _base(moved, group, count)
    scale = _relaxation(matrix)
    inverse = 1.0 / matrix.getDiagonal().array_r
    if not finest:
        kept, lumped = kept_blocks(*table, blocks.data, blocks.own, threshold, relative)
        blocks = _Blocks(
            np.concatenate([[0], np.cumsum(kept)])[blocks.pointers], blocks.columns[kept], lumped[kept], blocks.own,
            blocks.ghosts,
        )  # fmt: skip
    step = scale * inverse.reshape(-1, b)
    if comm.size == 1:
        found = _products_here(matrix, blocks, (base, group, count), step)
    else:
        found = _products_shared(matrix, blocks, (base, group, count), step)
    return *found, coarse_motions


def _blocks(matrix: Any, b: int) -> tuple[_Blocks, npt.NDArray[np.bool_]]:
    """Return this rank's rows in blocks, and which dofs are coupled to others."""
    pointers, columns, values = matrix.getValuesCSR()
    free = np.add.reduceat(np.append(values != 0.0, False), pointers[:-1], dtype=np.int64) > 1
    n = (len(pointers) - 1) // b
    starts = pointers[::b].astype(np.int64) // (b * b)
    rows = np.repeat(np.arange(n), np.diff(starts))
    # entry (row b i + r, block k of the row) starts at pointers[b i + r] + b k
    first = pointers[b * rows].astype(np.int64) + b * (np.arange(starts[-1]) - starts[rows])
    wide = (b * np.diff(starts))[rows]
    data = np.empty((len(rows), b, b))
    for r in range(b):
        for c in range(b):
            data[:, r, c] = values[first + r * wide + c]
    column = columns[first].astype(np.int64) // b
    begin = matrix.getOwnershipRange()[0] // b
    mine = (column >= begin) & (column < begin + n)
    ghosts, place = np.unique(column[~mine], return_inverse=True)
    column[mine] -= begin
    column[~mine] = n + place
    own = np.full(n, -1, np.int64)
    at = np.flatnonzero(column == rows)
    own[rows[at]] = at
    return _Blocks(starts, column, data, own, ghosts), free


def _of_others(matrix: Any, values: npt.NDArray[np.float64], ghosts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return values of block rows of other ranks; all ranks call."""
    petsc, b = api.petsc(), matrix.getBlockSize()
    if matrix.getComm().getSize() == 1:
        return np.empty(0)
    whole = matrix.createVecRight()
    whole.array[:] = np.repeat(values, b)
    wanted = petsc.IS().createGeneral((b * ghosts).astype(petsc.IntType), comm=petsc.COMM_SELF)
    found = petsc.Vec().createSeq(len(ghosts), comm=petsc.COMM_SELF)
    scatter = petsc.Scatter().create(whole, wanted, found, None)
    scatter.scatter(whole, found)
    result = found.array_r.copy()
    for done in (scatter, wanted, found, whole):
        done.destroy()
    return result


def _base(
    motions: npt.NDArray[np.float64], group: npt.NDArray[np.int64], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return orthonormal motions of each group at its nodes, (n, b, 6), and the motions in that base, (6 groups, 6)."""
    order = np.argsort(group, kind="stable")
    order = order[group[order] >= 0]
    starts = np.searchsorted(group[order], np.arange(count + 1))
    base, coarse = np.zeros(motions.shape), np.zeros((count, 6, 6))
    orthonormal_motions(order, starts, np.ascontiguousarray(motions), base, coarse)
    return base, coarse.reshape(-1, 6)


def _relaxation(matrix: Any) -> float:
    """Return 4/3 over the largest eigenvalue of diag(A)^-1 A, estimated by conjugate gradients."""
    petsc = api.petsc()
    ksp = petsc.KSP().create(matrix.getComm())
    ksp.setOptionsPrefix("ssb2mesh_estimate_")
    ksp.setOperators(matrix)
    ksp.setType("cg")
    ksp.getPC().setType("jacobi")
    ksp.setNormType(petsc.KSP.NormType.NONE)
    ksp.setTolerances(rtol=0.0, atol=0.0, max_it=10)
    ksp.setComputeEigenvalues(True)
    rhs, found = matrix.createVecs()
    rhs.array[:] = np.random.default_rng(0).standard_normal(rhs.getLocalSize())
    ksp.solve(rhs, found)
    largest = float(np.max(np.real(ksp.computeEigenvalues())))
    for done in (ksp, rhs, found):
        done.destroy()
    return 4.0 / 3.0 / (1.05 * largest)


_Base = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], int]


def _products_here(matrix: Any, blocks: _Blocks, base: _Base, step: npt.NDArray[np.float64]) -> tuple[Any, Any]:
    """Return prolongation and coarse matrix of one rank, multiplied in blocks: a third of the time of PETSc's rows."""
    from scipy.sparse import bsr_matrix

    motions, group, count = base
    n, b = step.shape
    used = group >= 0
    rough = bsr_matrix((motions[used], group[used], np.concatenate([[0], np.cumsum(used)])), shape=(n * b, 6 * count))
    row = np.repeat(np.arange(n), np.diff(blocks.pointers))
    data = blocks.data * step[row][:, :, None]
    smooth = rough - bsr_matrix((data, blocks.columns, blocks.pointers), shape=(n * b, n * b)) @ rough
    smooth = bsr_matrix(smooth, blocksize=(b, 6))
    del data, rough, row
    if len(blocks.columns) * b * b < matrix.getInfo()["nz_used"]:
        blocks, _ = _blocks(matrix, b)
    product = bsr_matrix((blocks.data, blocks.columns, blocks.pointers), shape=(n * b, n * b)) @ smooth
    del blocks
    coarse = bsr_matrix(smooth.T, blocksize=(6, b)) @ product
    del product
    prolongation = _matrix(matrix, smooth, (b, 6))
    del smooth
    return prolongation, _with_diagonal(_matrix(matrix, coarse, (6, 6)))


def _matrix(like: Any, blocks: Any, sizes: tuple[int, int]) -> Any:
    """Return a matrix of PETSc on one rank with the content of one of SciPy."""
    petsc = api.petsc()
    rows = blocks.tocsr()
    rows.sort_indices()
    kind = petsc.IntType
    csr = (rows.indptr.astype(kind, copy=False), rows.indices.astype(kind, copy=False), rows.data)
    # the arrays stay those of SciPy, which PETSc's matrix holds on to
    result = petsc.Mat().createAIJWithArrays(rows.shape, csr, comm=like.getComm())
    result.setBlockSizes(*sizes)
    return result


def _products_shared(matrix: Any, blocks: _Blocks, base: _Base, step: npt.NDArray[np.float64]) -> tuple[Any, Any]:
    """Return prolongation and coarse matrix, multiplied by PETSc over all ranks."""
    petsc = api.petsc()
    comm = matrix.getComm()
    motions, group, count = base
    n, b = step.shape
    total, coarse_total = (int(k) for k in comm.tompi4py().allreduce(np.array([n, count])))
    first = int(np.sum(comm.tompi4py().allgather(count)[: comm.getRank()]))
    used = group >= 0
    tall = ((n * b, total * b), (6 * count, 6 * coarse_total))
    square = ((n * b, total * b), (n * b, total * b))
    rough = _rows(comm, (np.concatenate([[0], np.cumsum(used)]), first + group[used], motions[used]), tall)
    everywhere = np.concatenate([matrix.getOwnershipRange()[0] // b + np.arange(n), blocks.ghosts])
    row = np.repeat(np.arange(n), np.diff(blocks.pointers))
    change = -blocks.data * step[row][:, :, None]
    scaled = _rows(comm, (blocks.pointers, everywhere[blocks.columns], change), square)
    smooth = scaled.matMult(rough)
    smooth.axpy(1.0, rough, structure=petsc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
    smooth.setBlockSizes(b, 6)
    coarse = matrix.ptap(smooth)
    coarse.setBlockSizes(6, 6)
    for done in (rough, scaled):
        done.destroy()
    return smooth, _with_diagonal(coarse)


def _rows(comm: Any, blocks: tuple[npt.NDArray, npt.NDArray, npt.NDArray], sizes: Any) -> Any:
    """Return the matrix of PETSc with the blocks of this rank's rows in global block columns; all ranks call."""
    petsc = api.petsc()
    pointers, columns, data = blocks
    _, b, width = data.shape
    lengths = np.diff(pointers)
    many = np.repeat(lengths, b)
    ends = np.cumsum(many)
    # the blocks of each row, once for each of its b rows
    place = np.arange(many.sum()) - np.repeat(ends - many, many) + np.repeat(np.repeat(pointers[:-1], b), many)
    inner = np.repeat(np.tile(np.arange(b), len(lengths)), many)
    wide = (columns[place][:, None] * width + np.arange(width)).ravel()
    starts = width * np.concatenate([[0], ends])
    kind = petsc.IntType
    csr = (starts.astype(kind), wide.astype(kind), data[place, inner].ravel())
    result = petsc.Mat().createAIJ(sizes, csr=csr, comm=comm)
    result.setBlockSizes(b, width)
    return result


def _with_diagonal(coarse: Any) -> Any:
    """Put one where a motion that an aggregate does not have left a zero row."""
    petsc = api.petsc()
    diagonal = coarse.getDiagonal()
    missing = diagonal.array_r == 0.0
    diagonal.array[missing] = 1.0
    coarse.setDiagonal(diagonal)
    diagonal.destroy()
    coarse.setOption(petsc.Mat.Option.SYMMETRIC, True)
    coarse.setOption(petsc.Mat.Option.SPD, True)
    return coarse
