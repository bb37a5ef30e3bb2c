"""Which ranks must hold a copy of each cell so that no vertex is doubled. No DOLFINx, no files, no physics.

DOLFINx shares cells across facets. Where a phase is left out of the mesh, cells of two ranks may meet in a vertex or an
edge only; DOLFINx 0.5.2 then makes two vertices of one, and the field comes apart there. Copies of every cell that
touches a vertex of another rank, a layer of vertex neighbours, avoid it; they are a few per cent of the cells.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.distribute import exchange

__all__ = ["ghost_destinations"]


def ghost_destinations(
    comm: Any, cells: npt.NDArray[np.int64], owners: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the ranks of each cell: its owner first, then every rank that owns a cell with a common vertex.

    Parameters
    ----------
    comm : MPI communicator
        All ranks call.
    cells : (m, 4) int64 array
        This rank's slab of cells, global point indices.
    owners : (m,) int array
        Rank that will own each cell.

    Returns
    -------
    ranks : (k,) int32 array
        Ranks, cell after cell.
    offsets : (m + 1,) int32 array
        Where each cell's ranks begin.

    Examples
    --------
    >>> ghost_destinations(comm, cells, owners)  # doctest: +SKIP
    """
    own: npt.NDArray[np.int64] = np.asarray(owners).astype(np.int64)
    rows = np.column_stack([np.arange(len(cells)), own])
    vertices, ranks = _shared_vertices(comm, cells, own)
    if len(vertices):
        named, first, count = np.unique(vertices, return_index=True, return_counts=True)
        flat = cells.ravel()
        at = np.minimum(np.searchsorted(named, flat), len(named) - 1)
        hit = np.flatnonzero(named[at] == flat)
        index, repeat = _ranges(first[at[hit]], count[at[hit]])
        rows = np.unique(np.vstack([rows, np.column_stack([hit[repeat] // 4, ranks[index]])]), axis=0)
    guest = rows[:, 1] != own[rows[:, 0]]
    rows = rows[np.lexsort((rows[:, 1], guest, rows[:, 0]))]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[:, 0], minlength=len(cells)))])
    return rows[:, 1].astype(np.int32), offsets.astype(np.int32)


def _shared_vertices(
    comm: Any, cells: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Vertices of this slab that cells of several ranks use, sorted, a row for each of these ranks."""
    rows = np.unique(np.column_stack([cells.ravel(), np.repeat(owners, 4)]), axis=0)
    got, counts, _ = exchange(comm, rows[:, 0] % comm.size, rows)
    users = np.unique(got, axis=0)
    vertex, first, count = np.unique(users[:, 0], return_index=True, return_counts=True)
    askers = np.unique(np.column_stack([got[:, 0], np.repeat(np.arange(comm.size), counts)]), axis=0)
    at = np.searchsorted(vertex, askers[:, 0])
    askers, at = askers[count[at] > 1], at[count[at] > 1]
    index, repeat = _ranges(first[at], count[at])
    back, _, _ = exchange(comm, askers[repeat, 1], users[index])
    back = back[np.lexsort((back[:, 1], back[:, 0]))]
    return back[:, 0], back[:, 1]


def _ranges(
    first: npt.NDArray[np.integer], count: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Indices first .. first + count of every range in turn, and the range that each comes from."""
    repeat = np.repeat(np.arange(len(first)), count)
    within = np.arange(len(repeat)) - np.repeat(np.cumsum(count) - count, count)
    return (np.asarray(first)[repeat] + within).astype(np.intp), repeat
