"""Aggregates of nodes that hold on to each other, and rigid motions on them. Compiled; arrays in, arrays out, no PETSc.

A block is what one node does to another. Its strength is the sum of its sizes, relative to those of the diagonal
blocks of the two nodes: a soft node beside a stiff one holds on to it weakly, although its own row says otherwise.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0913
from __future__ import annotations

import numba
import numpy as np

__all__ = ["aggregate", "block_sums", "kept_blocks", "orthonormal_motions"]


@numba.njit(cache=True)
def block_sums(pointers, data, own):  # type: ignore[no-untyped-def]
    """Return the sum of sizes of each block, and of the diagonal block of each row (0 where nothing else is there).

    `own` is the column of each row's diagonal block in `columns`, as a position in `data`, (n,).
    """
    n, b = len(pointers) - 1, data.shape[1]
    sums = np.zeros(len(data))
    for q in range(len(data)):
        for r in range(b):
            for c in range(b):
                sums[q] += abs(data[q, r, c])
    diagonal = np.zeros(n)
    for i in range(n):
        if own[i] >= 0:
            diagonal[i] = sums[own[i]]
    return sums, diagonal


@numba.njit(cache=True)
def _strongest(pointers, columns, weights):  # type: ignore[no-untyped-def]
    n = len(pointers) - 1
    most = np.zeros(n)
    for i in range(n):
        for q in range(pointers[i], pointers[i + 1]):
            if columns[q] != i and weights[q] > most[i]:
                most[i] = weights[q]
    return most


@numba.njit(cache=True)
def _links(pointers, columns, weights, threshold, relative):  # type: ignore[no-untyped-def]
    """Return which links count, and the strongest link of each node."""
    n = len(pointers) - 1
    most = _strongest(pointers, columns, weights)
    strong = np.zeros(len(columns), np.bool_)
    for i in range(n):
        for q in range(pointers[i], pointers[i + 1]):
            j = columns[q]
            if j != i and j < n:
                strong[q] = weights[q] > threshold and weights[q] > relative * min(most[i], most[j])
    return strong, most


@numba.njit(cache=True)
def _seed(pointers, columns, strong, group):  # type: ignore[no-untyped-def]
    """Group nodes none of whose neighbours is taken with all of these."""
    count = 0
    for i in range(len(group)):
        free, links = group[i] < 0, 0
        for q in range(pointers[i], pointers[i + 1]):
            if strong[q]:
                links += 1
                free = free and group[columns[q]] < 0
        if free and links > 0:
            group[i] = count
            for q in range(pointers[i], pointers[i + 1]):
                if strong[q]:
                    group[columns[q]] = count
            count += 1
    return count


@numba.njit(cache=True)
def _join(pointers, columns, weights, strong, most, group, full):  # type: ignore[no-untyped-def]
    """Give nodes left over to the group of their strongest neighbour, rather to one that is not full."""
    first = group.copy()
    size = np.zeros(group.max() + 1, np.int64)
    for i in range(len(group)):
        if group[i] >= 0:
            size[group[i]] += 1
    for i in range(len(group)):
        if group[i] >= 0 or most[i] == 0.0:
            continue
        best = 0.0
        for q in range(pointers[i], pointers[i + 1]):
            if strong[q] and first[columns[q]] >= 0:
                pull = weights[q] if size[first[columns[q]]] < full else 0.1 * weights[q]
                if pull > best:
                    best, group[i] = pull, first[columns[q]]
        if group[i] >= 0:
            size[group[i]] += 1


@numba.njit(cache=True)
def _remaining(pointers, columns, weights, strong, most, group, count):  # type: ignore[no-untyped-def]
    """Group what is left: four or more by themselves, others by their strongest link, however weak."""
    n = len(group)
    for i in range(n):
        if group[i] >= 0:
            continue
        links = 0
        for q in range(pointers[i], pointers[i + 1]):
            if strong[q] and group[columns[q]] < 0:
                links += 1
        if links >= 3:
            group[i] = count
            for q in range(pointers[i], pointers[i + 1]):
                if strong[q] and group[columns[q]] < 0:
                    group[columns[q]] = count
            count += 1
    for _ in range(5):
        before = group.copy()
        for i in range(n):
            best = 0.0
            if before[i] >= 0:
                continue
            for q in range(pointers[i], pointers[i + 1]):
                j = columns[q]
                if j != i and j < n and before[j] >= 0 and weights[q] > best:
                    best, group[i] = weights[q], before[j]
    for i in range(n):
        if group[i] < 0 and most[i] > 0.0:
            group[i] = count
            count += 1
    return count


@numba.njit(cache=True)
def aggregate(pointers, columns, weights, threshold, relative, full):  # type: ignore[no-untyped-def]
    """Return the group of each node, -1 for those without links, and how many groups there are.

    Links count that are stronger than `threshold`, and than `relative` times the weaker of the strongest links of their
    two nodes. Columns from the number of rows on belong to other ranks and are not joined.
    """
    group = np.full(len(pointers) - 1, -1, np.int64)
    strong, most = _links(pointers, columns, weights, threshold, relative)
    count = _seed(pointers, columns, strong, group)
    if count > 0:
        _join(pointers, columns, weights, strong, most, group, full)
    count = _remaining(pointers, columns, weights, strong, most, group, count)
    return group, count


@numba.njit(cache=True)
def kept_blocks(pointers, columns, weights, data, own, threshold, relative):  # type: ignore[no-untyped-def]
    """Return which blocks count, and the blocks with those that do not count added to their row's diagonal block."""
    strong, most = _links(pointers, columns, weights, threshold, relative)
    lumped = data.copy()
    n, b = len(pointers) - 1, data.shape[1]
    for i in range(n):
        if own[i] < 0:
            continue
        for q in range(pointers[i], pointers[i + 1]):
            if columns[q] >= n:  # of another rank
                strong[q] = weights[q] > threshold and weights[q] > relative * most[i]
            if q == own[i]:
                strong[q] = True
            elif not strong[q]:
                for r in range(b):
                    for c in range(b):
                        lumped[own[i], r, c] += data[q, r, c]
    return strong, lumped


@numba.njit(cache=True)
def orthonormal_motions(order, starts, motions, base, coarse):  # type: ignore[no-untyped-def]
    """Fill `base` with the motions, (nodes, b, 6), orthonormal in each group, and `coarse` with what they are made of.

    `order` sorts the nodes by group, group g is order[starts[g]:starts[g + 1]]. A motion that others of the group
    contain, as the turning of two nodes about their line, is zero.
    """
    b, m = motions.shape[1], motions.shape[2]
    for g in range(len(starts) - 1):
        nodes = order[starts[g] : starts[g + 1]]
        for j in range(m):
            for node in nodes:
                base[node, :, j] = motions[node, :, j]
            before = _dot(nodes, base, j, j)
            for _ in range(2):  # twice is enough for Gram-Schmidt
                for i in range(j):
                    share = _dot(nodes, base, i, j)
                    coarse[g, i, j] += share
                    for node in nodes:
                        for r in range(b):
                            base[node, r, j] -= share * base[node, r, i]
            after = _dot(nodes, base, j, j)
            size = np.sqrt(after) if after > 1e-16 * before else 0.0
            coarse[g, j, j] = size
            for node in nodes:
                for r in range(b):
                    base[node, r, j] = base[node, r, j] / size if size > 0.0 else 0.0


@numba.njit(cache=True)
def _dot(nodes, base, i, j):  # type: ignore[no-untyped-def]
    total = 0.0
    for node in nodes:
        for r in range(base.shape[1]):
            total += base[node, r, i] * base[node, r, j]
    return total
