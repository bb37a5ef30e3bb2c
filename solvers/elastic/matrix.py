"""The stiffness matrix: its pattern of blocks, its assembly over ranks, rigid-body modes. No materials, no supports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.elastic.nodes import Nodes

__all__ = ["Pattern", "assemble", "block_pattern", "rigid_modes", "rigid_vectors"]


@dataclass(frozen=True, eq=False)
class Pattern:
    """Which block rows couple, as this rank's tets see it.

    Parameters
    ----------
    pointers : (rows + 1,) int64 array
        Start of each block row, ghosts included.
    columns : (blocks,) int32 array
        Local block columns, sorted in each row.
    diagonal, beyond : (owned rows,) int array
        Blocks of each row in the columns of its owner and of others, at most.
    """

    pointers: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    diagonal: npt.NDArray[np.intp]
    beyond: npt.NDArray[np.intp]


def block_pattern(nodes: Nodes, groups: Sequence[npt.NDArray[np.int32]]) -> Pattern:
    """Return the pattern in which all rows of a row of a group couple; all ranks call.

    Parameters
    ----------
    nodes : Nodes
        The numbering.
    groups : sequence of (n, k) int32 array
        Block rows that couple: those of each tet, those of each opening facet.

    Returns
    -------
    Pattern
        The pattern.
    """
    from scipy.sparse import csr_array

    n = len(nodes.rows)
    table = np.concatenate([group.ravel() for group in groups])
    widths = np.concatenate([np.full(len(group), group.shape[1], np.int64) for group in groups])
    starts = np.concatenate([[0], np.cumsum(widths)])
    uses = csr_array((np.ones(len(table), bool), table, starts), shape=(len(widths), n))
    found = (uses.T @ uses).tocsr()
    found.sort_indices()
    pointers, columns = found.indptr.astype(np.int64), found.indices.astype(np.int32)
    owned = nodes.owned_rows
    owner = np.zeros(n, np.int64)
    if nodes.domain.comm.size > 1:
        starts_of_ranks = np.cumsum(nodes.domain.comm.allgather(owned))
        owner = np.searchsorted(starts_of_ranks, nodes.numbers, side="right")
    row = np.repeat(np.arange(n), np.diff(pointers))
    same = owner[row] == owner[columns]
    counts = np.stack([np.bincount(row[same], minlength=n), np.bincount(row[~same], minlength=n)], axis=1)
    spread = np.zeros((len(nodes.live), 2))
    spread[nodes.rows] = counts
    if nodes.domain.comm.size > 1:
        spread = nodes.accumulate(spread)
    most = spread[nodes.rows[:owned]].astype(np.intp)
    total = int(nodes.domain.comm.allreduce(owned))
    return Pattern(pointers, columns, np.minimum(most[:, 0], owned), np.minimum(most[:, 1], total - owned))


def assemble(nodes: Nodes, pattern: Pattern, data: npt.NDArray[np.float64]) -> Any:
    """Return the PETSc matrix of blocks of all ranks; all ranks call.

    Parameters
    ----------
    nodes : Nodes
        The numbering.
    pattern : Pattern
        Where the blocks are.
    data : (blocks, 3, 3) float array
        Block row after block row.

    Returns
    -------
    petsc4py Mat
        Symmetric, block size 3.
    """
    petsc = api.petsc()
    comm = nodes.domain.comm
    owned = nodes.owned_rows
    local, whole = 3 * owned, 3 * int(comm.allreduce(owned))
    space = (np.repeat(3 * pattern.diagonal, 3), np.repeat(3 * pattern.beyond, 3))
    matrix = petsc.Mat().createAIJ(
        ((local, whole), (local, whole)), bsize=3, nnz=tuple(s.astype(petsc.IntType) for s in space), comm=comm
    )
    matrix.setOption(petsc.Mat.Option.SYMMETRIC, True)
    kind = petsc.IntType
    matrix.setValuesBlockedIJV(
        pattern.pointers.astype(kind), nodes.numbers[pattern.columns].astype(kind), data,
        addv=petsc.InsertMode.ADD_VALUES, rowmap=nodes.numbers.astype(kind),
    )  # fmt: skip
    matrix.assemble()
    matrix.setOption(petsc.Mat.Option.SPD, True)
    return matrix


def rigid_modes(points: npt.NDArray[np.float64], center: npt.NDArray[np.float64], size: float) -> npt.NDArray:
    """Return the displacements of three translations and three rotations, (n, 3, 6), all of order one.

    Parameters
    ----------
    points : (n, 3) float array
        Where, m.
    center : (3,) float array
        Of the rotations, m.
    size : float
        Length that makes the rotations of order one, m.
    """
    x, y, z = ((points - center) / size).T
    modes = np.zeros((len(points), 3, 6))
    modes[:, [0, 1, 2], [0, 1, 2]] = 1.0
    modes[:, 1, 3], modes[:, 2, 3] = -z, y
    modes[:, 0, 4], modes[:, 2, 4] = z, -x
    modes[:, 0, 5], modes[:, 1, 5] = -y, x
    return modes


def rigid_vectors(matrix: Any, nodes: Nodes) -> list[Any]:
    """Return the rigid motions as orthonormal PETSc vectors; all ranks call.

    Parameters
    ----------
    matrix : petsc4py Mat
        The stiffness.
    nodes : Nodes
        The numbering.
    """
    own = nodes.rows[: nodes.owned_rows]
    box = nodes.domain.box
    modes = rigid_modes(nodes.coordinates[own], box.mean(axis=0), float(np.max(box[1] - box[0])))
    vectors: list[Any] = []
    for k in range(6):
        vector = matrix.createVecRight()
        vector.array[:] = modes[:, :, k].ravel()
        for _ in range(2):  # twice is enough for Gram-Schmidt
            for other in vectors:
                vector.axpy(-vector.dot(other), other)
        vector.normalize()
        vectors.append(vector)
    return vectors
