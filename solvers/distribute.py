"""Arrays that are spread over the ranks in slabs: fetch by global index, match triangles. No DOLFINx, no files.

Everything is vectorised and goes through all-to-all exchanges; no rank ever holds a whole array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["exchange", "fetch", "gather_rows", "match_triangles", "merge_labels", "slab_starts"]


def slab_starts(comm: Any, length: int) -> npt.NDArray[np.int64]:
    """Return the first global index of each rank's slab and the total, from the slab length of this rank."""
    return np.concatenate([[0], np.cumsum(comm.allgather(int(length)))]).astype(np.int64)


def exchange(
    comm: Any, dest: npt.NDArray[np.integer], rows: npt.NDArray
) -> tuple[npt.NDArray, npt.NDArray[np.int64], npt.NDArray[np.intp]]:
    """Send each row to a rank; all ranks call.

    Parameters
    ----------
    comm : MPI communicator
        The ranks.
    dest : (n,) int array
        Rank that each row goes to.
    rows : (n, ...) array
        The rows.

    Returns
    -------
    received : (k, ...) array
        Rows from rank 0, then rank 1, and so on.
    counts : (size,) int64 array
        How many came from each rank.
    order : (n,) int array
        The order in which the rows were sent; ``answers[order] = ...`` undoes it.
    """
    order = np.argsort(dest, kind="stable")
    sent = np.bincount(dest, minlength=comm.size).astype(np.int64)
    if comm.size == 1:
        return rows[order], sent, order
    counts = np.empty(comm.size, np.int64)
    comm.Alltoall(sent, counts)
    return _alltoallv(comm, np.ascontiguousarray(rows[order]), sent, counts), counts, order


def _alltoallv(comm: Any, rows: npt.NDArray, sent: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray:
    width = int(np.prod(rows.shape[1:], dtype=np.int64))
    received = np.empty((int(counts.sum()), *rows.shape[1:]), rows.dtype)
    comm.Alltoallv([rows, sent * width], [received, counts * width])
    return received


def fetch(comm: Any, slab: npt.NDArray, starts: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray:
    """Return entries of a distributed array by global index; all ranks call.

    Parameters
    ----------
    comm : MPI communicator
        The ranks.
    slab : (n, ...) array
        This rank's part of the array.
    starts : (size + 1,) int64 array
        From `slab_starts`.
    wanted : (k,) int64 array
        Global indices.

    Returns
    -------
    (k, ...) array
        The entries.
    """
    if comm.size == 1:
        return slab[wanted]
    dest = np.searchsorted(starts, wanted, side="right") - 1
    asked, counts, order = exchange(comm, dest, wanted)
    answers = np.ascontiguousarray(slab[asked - starts[comm.rank]])
    sent = np.bincount(dest, minlength=comm.size).astype(np.int64)
    found = np.empty((len(wanted), *slab.shape[1:]), slab.dtype)
    found[order] = _alltoallv(comm, answers, counts, sent)
    return found


def match_triangles(
    comm: Any,
    local: npt.NDArray[np.int64],
    triangles: npt.NDArray[np.int64],
    values: npt.NDArray[np.int32],
) -> npt.NDArray[np.int32]:
    """Give each local triangle the value of the same triangle in a distributed list; all ranks call.

    Parameters
    ----------
    comm : MPI communicator
        The ranks.
    local : (n, 3) int64 array
        Triangles that this rank asks for, global point indices in any order.
    triangles : (k, 3) int64 array
        This rank's part of the tagged triangles, each there once over all ranks.
    values : (k,) int32 array
        Their values, positive.

    Returns
    -------
    (n,) int32 array
        The value, 0 for triangles that are not in the list.
    """
    local, triangles = np.sort(local, axis=1), np.sort(triangles, axis=1)
    # any rule that sends equal triangles to the same rank will do; a plain modulus spreads them evenly
    known, _, _ = exchange(comm, triangles[:, 0] % comm.size, np.column_stack([triangles, values.astype(np.int64)]))
    dest = local[:, 0] % comm.size
    asked, counts, order = exchange(comm, dest, local)
    answers = _lookup(known[:, :3], known[:, 3].astype(np.int32), asked)
    if comm.size > 1:
        answers = _alltoallv(comm, answers, counts, np.bincount(dest, minlength=comm.size).astype(np.int64))
    found = np.empty(len(local), np.int32)
    found[order] = answers
    return found


def _lookup(
    known: npt.NDArray[np.int64], values: npt.NDArray[np.int32], asked: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    if len(known) == 0 or len(asked) == 0:
        return np.zeros(len(asked), np.int32)
    # (first, second, third) as one integer would overflow at 2e6 points: rank the pairs first
    base = int(max(known.max(), asked.max())) + 1
    pairs, pair = np.unique(known[:, 0] * base + known[:, 1], return_inverse=True)
    key = pair * base + known[:, 2]
    order = np.argsort(key)
    wanted_pair = asked[:, 0] * base + asked[:, 1]
    place = np.minimum(np.searchsorted(pairs, wanted_pair), len(pairs) - 1)
    wanted = place * base + asked[:, 2]
    at = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    hit = (pairs[place] == wanted_pair) & (key[order[at]] == wanted)
    return np.where(hit, values[order[at]], 0).astype(np.int32)


def merge_labels(comm: Any, mine: npt.NDArray[np.int64], theirs: npt.NDArray[np.int64]) -> dict[int, int]:
    """Join labels that ranks have found to be the same; all ranks call.

    Parameters
    ----------
    comm : MPI communicator
        The ranks.
    mine, theirs : (k,) int64 arrays
        Pairs of labels that name one thing.

    Returns
    -------
    dict of int to int
        Smallest label of the group for each label that is not the smallest; the same on every rank.
    """
    pairs = np.unique(np.column_stack([mine, theirs])[mine != theirs], axis=0)
    everyone = np.concatenate(comm.allgather(pairs)) if comm.size > 1 else pairs
    if len(everyone) == 0:
        return {}
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    labels, flat = np.unique(everyone, return_inverse=True)
    ends = flat.reshape(-1, 2)
    graph = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(len(labels), len(labels)))
    _, group = connected_components(graph, directed=False)
    smallest = np.full(group.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(smallest, group, labels)
    return {int(a): int(b) for a, b in zip(labels, smallest[group], strict=True) if a != b}


def gather_rows(comm: Any, index: npt.NDArray[np.int64], rows: npt.NDArray, length: int) -> npt.NDArray | None:
    """Put rows in their global order on rank 0; all ranks call.

    Parameters
    ----------
    comm : MPI communicator
        The ranks.
    index : (n,) int64 array
        Global index of each row.
    rows : (n, ...) float array
        Rows that this rank owns.
    length : int
        Rows in all; rows that nobody owns are NaN.

    Returns
    -------
    (length, ...) array or None
        The array on rank 0, None elsewhere.
    """
    rows = np.ascontiguousarray(rows, dtype=np.float64)
    dest = np.zeros(len(index), np.int64)
    places, _, _ = exchange(comm, dest, index)
    values, _, _ = exchange(comm, dest, rows)
    if comm.rank != 0:
        return None
    result = np.full((length, *rows.shape[1:]), np.nan)
    result[places] = values
    return result
