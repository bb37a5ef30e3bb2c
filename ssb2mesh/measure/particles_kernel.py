"""The compiled flooding of `ssb2mesh.measure.particles`. No names, no results."""

from __future__ import annotations

import numba as nb
import numpy as np

from ssb2mesh.volume.forest import root

__all__ = ["flood", "gather"]


@nb.njit(cache=True, inline="always")
def _beside(side, v, i, j, k, shape):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Whether there is a neighbour, and its index."""
    if side == 0:
        return i > 0, v - shape[1] * shape[2]
    if side == 1:
        return i < shape[0] - 1, v + shape[1] * shape[2]
    if side == 2:
        return j > 0, v - shape[2]
    if side == 3:
        return j < shape[1] - 1, v + shape[2]
    if side == 4:
        return k > 0, v - 1
    return k < shape[2] - 1, v + 1


@nb.njit(cache=True, nogil=True)
def flood(distance, order, ids, neck, depth, inset):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913, ANN001, ANN201
    """Number the basins of a distance map, deepest voxels first; `ids` (-1 everywhere) becomes their ids.

    Two basins that meet become one if the saddle is at least `neck` times the lower peak, or less than `depth` below
    it. Peaks and saddles are counted from `inset`.
    """
    n0, n1, n2 = ids.shape
    slab = n1 * n2
    flat, height = ids.reshape(-1), distance.reshape(-1)
    peak = np.empty(1024, np.float64)
    parent = np.empty(1024, np.int32)
    count = 0
    for v in order:
        here = np.float64(height[v])
        i, rest = v // slab, v % slab
        j, k = rest // n2, rest % n2
        own, best = -1, -1.0
        for turn in range(2):
            for side in range(6):
                inside, w = _beside(side, v, i, j, k, ids.shape)
                if not inside or flat[w] < 0:
                    continue
                if turn == 0:
                    if height[w] > best:
                        best, own = height[w], flat[w]
                else:
                    a, b = root(parent, own), root(parent, flat[w])
                    if a == b:
                        continue
                    if peak[a] < peak[b]:
                        a, b = b, a
                    top, saddle = peak[b] - inset, here - inset
                    if saddle >= neck * top or top - saddle < depth:
                        parent[b] = a
            if own < 0:
                break
        if own < 0:
            if count == len(peak):
                peak = np.concatenate((peak, np.empty(count, np.float64)))
                parent = np.concatenate((parent, np.empty(count, np.int32)))
            peak[count] = here
            parent[count] = count
            own = count
            count += 1
        flat[v] = own
    return _number(flat, parent[:count])


@nb.njit(cache=True, nogil=True)
def _number(flat, parent):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Turn basins into ids by the first voxel in C order; how many."""
    final = np.full(len(parent), -1, np.int32)
    found = 0
    for v in range(len(flat)):
        if flat[v] >= 0:
            head = root(parent, flat[v])
            if final[head] < 0:
                final[head] = found
                found += 1
            flat[v] = final[head]
    return found


@nb.njit(cache=True, nogil=True)
def gather(ids, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return voxels, sums of indices and box sides touched (bits as in `Components`) of each id."""
    n0, n1, n2 = ids.shape
    sizes = np.zeros(count, np.int64)
    sums = np.zeros((count, 3))
    sides = np.zeros(count, np.uint8)
    for i in range(n0):
        for j in range(n1):
            edge = (1 if i == 0 else 0) | (2 if i == n0 - 1 else 0) | (4 if j == 0 else 0) | (8 if j == n1 - 1 else 0)
            for k in range(n2):
                c = ids[i, j, k]
                if c < 0:
                    continue
                sizes[c] += 1
                sums[c, 0] += i
                sums[c, 1] += j
                sums[c, 2] += k
                sides[c] |= np.uint8(edge | (16 if k == 0 else 0) | (32 if k == n2 - 1 else 0))
    return sizes, sums, sides
