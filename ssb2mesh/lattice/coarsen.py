"""Merging cells into leaves: in bulk, and across interfaces where the leaf still says what its cells said. No vertices.

Eight equal leaves of one phase may merge. Eight leaves of several phases may merge, into the phase that fills most of
them, only if nothing is lost by it, seen in the block and the ring of one leaf around it:

- leaves of the ring that are connected within their phase stay connected, those that are not stay separate;
- every piece of another phase that loses leaves reaches a neighbouring block that this phase fills;
- the same pairs of phases share faces.

So the components of every phase, the connections between them and the contacts of the phases survive, level by level,
and a film, crack or neck that is thinner than a leaf keeps its smaller leaves. (It is the local test of a *simple
point* in digital topology, 10.1016/0734-189X(89)90147-3, for a block instead of a voxel and for all phases at once.)
Blocks are visited in eight colours such that no two rings of a colour overlap, so the result does not depend on the
number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["Levels", "merge_leaves"]


#: Bits of the block in the middle of a 4 x 4 x 4 window, whose cell (i, j, k) is bit 16 i + 4 j + k.
CORE = np.uint64(0x0000066006600000)


@dataclass(frozen=True)
class Levels:
    """How far cells may merge.

    Parameters
    ----------
    mixed : int
        Up to this level leaves may hold several phases and touch interfaces.
    bulk : int
        Up to this level leaves may merge where their ring holds the same phase.
    keep_thin : bool
        Whether features thinner than a leaf keep smaller leaves; if not, the phase that fills most of a leaf takes it.
    limit, bulk_limit : (nx, ny, nz) uint8 arrays or None
        The same two levels for each cell, where some must stay below; None: no other limit.
    rank : (p,) int32 array or None
        Of phases that fill equal parts of a leaf, the one of lowest rank takes it; None: the first. If it is always the
        commoner one, fine phases lose every such leaf and much of their volume with them.
    """

    mixed: int = 0
    bulk: int = 0
    keep_thin: bool = True
    limit: npt.NDArray[np.uint8] | None = None
    bulk_limit: npt.NDArray[np.uint8] | None = None
    rank: npt.NDArray[np.int32] | None = None


def merge_leaves(phase: npt.NDArray[np.int32], levels: Levels) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Merge cells into leaves.

    Parameters
    ----------
    phase : (nx, ny, nz) int32 array
        Phase index of each cell.
    levels : Levels
        How far.

    Returns
    -------
    phase : (nx, ny, nz) int32 array
        Phase index of the leaf that each cell belongs to.
    level : (nx, ny, nz) uint8 array
        Level of that leaf: it is ``2**level`` cells wide. Leaves that touch, be it at a corner only, differ by one
        level at most.

    Examples
    --------
    >>> import numpy as np
    >>> merge_leaves(np.zeros((4, 4, 4), np.int32), Levels(bulk=2))[1].max()
    2
    """
    level = np.zeros(phase.shape, np.uint8)
    top = max(levels.mixed, levels.bulk)
    if not top:
        return phase, level
    painted = phase.copy() if levels.mixed else phase
    leaf = phase
    limits = (levels.limit, levels.bulk_limit)
    for up in range(1, top + 1):
        limits = (_coarser_limit(limits[0]), _coarser_limit(limits[1]))
        leaf = _merge_level(phase, leaf, up=up, levels=levels, limits=limits)
        if not leaf.size or leaf.max() < 0:
            break
        _paint(painted, level, leaf, up, up <= levels.mixed)
    return painted, level


def _coarser_limit(limit: npt.NDArray[np.uint8] | None) -> npt.NDArray[np.uint8] | None:
    if limit is None:
        return None
    x, y, z = (n // 2 for n in limit.shape)
    blocks = limit[: 2 * x, : 2 * y, : 2 * z].reshape(x, 2, y, 2, z, 2)
    return np.ascontiguousarray(blocks.min(axis=(1, 3, 5)))


def _merge_level(
    phase: npt.NDArray[np.int32],
    fine: npt.NDArray[np.int32],
    *,
    up: int,
    levels: Levels,
    limits: tuple[npt.NDArray[np.uint8] | None, npt.NDArray[np.uint8] | None],
) -> npt.NDArray[np.int32]:
    """Phase of each block of eight leaves that merges, -1 where it does not; `fine` has -1 where no whole leaf is."""
    out = np.full(tuple(n // 2 for n in fine.shape), -1, np.int32)
    # beyond the fine grid lies either the box's side, which is no obstacle, or a rest of smaller leaves, which is one
    size = 1 << (up - 1)
    whole = np.array([n * size == b for n, b in zip(fine.shape, phase.shape, strict=True)])
    mixed, pure = (
        np.full((1, 1, 1), up <= top) if limit is None else (limit >= up) & (up <= top)
        for limit, top in zip(limits, (levels.mixed, levels.bulk), strict=True)
    )
    if up > levels.mixed:
        _merge_pure(fine, whole, pure, out)
    else:
        now = fine.copy() if levels.keep_thin else fine
        rank = np.arange(phase.max() + 1, dtype=np.int32) if levels.rank is None else levels.rank
        _merge_mixed(fine, now, (_most(phase, 2 * size, rank), whole, mixed, pure), levels.keep_thin, out)
    return out


@nb.njit(cache=True, inline="always")
def _at(allowed, a, b, c):
    """Entry of an array that may have one entry for all blocks."""
    return allowed[0, 0, 0] if allowed.size == 1 else allowed[a, b, c]


@nb.njit(cache=True, inline="always")
def _inside(whole, shape, a, b, c):
    """Whether the ring of block (a, b, c) is free of a rest of smaller leaves at the upper sides."""
    good = whole[0] or 2 * a + 2 < shape[0]
    good &= whole[1] or 2 * b + 2 < shape[1]
    return good & (whole[2] or 2 * c + 2 < shape[2])


@nb.njit(cache=True, parallel=True)
def _merge_pure(fine, whole, allowed, out):
    nx, ny, nz = fine.shape
    for a in nb.prange(out.shape[0]):
        for b in range(out.shape[1]):
            for c in range(out.shape[2]):
                own = fine[2 * a, 2 * b, 2 * c]
                good = own >= 0 and _inside(whole, fine.shape, a, b, c)
                good &= _at(allowed, a, b, c)
                for i in range(max(2 * a - 1, 0), min(2 * a + 3, nx)):
                    if not good:
                        break
                    for j in range(max(2 * b - 1, 0), min(2 * b + 3, ny)):
                        for k in range(max(2 * c - 1, 0), min(2 * c + 3, nz)):
                            good &= fine[i, j, k] == own
                if good:
                    out[a, b, c] = own


@nb.njit(cache=True, parallel=True)
def _merge_mixed(fine, now, guide, keep_thin, out):
    """Visit the blocks colour by colour; `now` holds the labels as merged so far, `fine` as they were."""
    most, whole, mixed, pure = guide
    mx, my, mz = out.shape
    for colour in range(8):
        x, y, z = colour >> 2, (colour >> 1) & 1, colour & 1
        for half in nb.prange((mx - x + 1) // 2):
            a = 2 * half + x
            was, new = np.empty(64, np.int32), np.empty(64, np.int32)
            for b in range(y, my, 2):
                for c in range(z, mz, 2):
                    across, within = _at(mixed, a, b, c), _at(pure, a, b, c)
                    if not _inside(whole, fine.shape, a, b, c) or not (across or within):
                        continue
                    uniform = _window(fine, a, b, c, was)
                    if uniform == -2 or (uniform == -1 and not across):
                        continue
                    to = most[a, b, c]
                    if keep_thin and uniform < 0:
                        _window(now, a, b, c, new)
                        if not (_supported(was, most, a, b, c, to) and _same(was, to) and _same(new, to)):
                            continue
                        for i in range(2 * a, 2 * a + 2):
                            now[i, 2 * b : 2 * b + 2, 2 * c : 2 * c + 2] = to
                    out[a, b, c] = to


@nb.njit(cache=True)
def _window(fine, a, b, c, window):
    """Copy a block and its ring, -1 outside the box; return its one phase, -1 for several, -2 if a leaf is missing."""
    nx, ny, nz = fine.shape
    n = 0
    uniform = fine[2 * a, 2 * b, 2 * c]
    for i in range(2 * a - 1, 2 * a + 3):
        for j in range(2 * b - 1, 2 * b + 3):
            for k in range(2 * c - 1, 2 * c + 3):
                label = -1
                if 0 <= i < nx and 0 <= j < ny and 0 <= k < nz:
                    label = fine[i, j, k]
                    if label < 0:
                        return -2
                    if label != uniform:
                        uniform = -1
                window[n] = label
                n += 1
    return uniform


@nb.njit(cache=True, inline="always")
def _grow(seed, mask):
    """All cells of a 4 x 4 x 4 window, a bit each, that are face-connected to the seed within the mask."""
    low_k, high_k = np.uint64(0xEEEEEEEEEEEEEEEE), np.uint64(0x7777777777777777)
    low_j, high_j = np.uint64(0xFFF0FFF0FFF0FFF0), np.uint64(0x0FFF0FFF0FFF0FFF)
    one, four, sixteen = np.uint64(1), np.uint64(4), np.uint64(16)
    grown = seed & mask
    while True:
        more = grown | ((grown << one) & low_k) | ((grown >> one) & high_k)
        more |= ((grown << four) & low_j) | ((grown >> four) & high_j)
        more |= (grown << sixteen) | (grown >> sixteen)
        more &= mask
        if more == grown:
            return grown
        grown = more


@nb.njit(cache=True, inline="always")
def _is_core(n):
    return (CORE >> np.uint64(n)) & np.uint64(1) == np.uint64(1)


@nb.njit(cache=True)
def _mask(window, label):
    """Bits of a label in the window."""
    mask = np.uint64(0)
    for n in range(64):
        if window[n] == label:
            mask |= np.uint64(1) << np.uint64(n)
    return mask


@nb.njit(cache=True)
def _same(window, to):
    """Whether all labels of the window keep their pieces and their contacts when the middle becomes `to`."""
    if not _same_contacts(window, to):
        return False
    for n in range(64):
        label = window[n]
        if label < 0:
            continue
        first = True
        for e in range(n):
            if window[e] == label:
                first = False
                break
        if not first:
            continue
        before = _mask(window, label)
        after = before | CORE if label == to else before & ~CORE
        if before == after:
            continue
        # every piece before must meet exactly one piece after, and the other way round
        rest = before
        taken = np.uint64(0)
        while rest:
            piece = _grow(rest & (~rest + np.uint64(1)), before)
            rest &= ~piece
            kept = piece & after
            if kept == 0:
                return False
            grown = _grow(kept & (~kept + np.uint64(1)), after)
            if kept & ~grown or grown & taken:
                return False
            taken |= grown
        if taken != after:
            return False
    return True


@nb.njit(cache=True)
def _same_contacts(window, to):
    """Whether the same pairs of labels share faces when the middle becomes `to`."""
    labels = np.empty(8, np.int32)
    index = np.empty((2, 64), np.int64)
    n = 0
    for e in range(64):
        at = -1
        if window[e] >= 0:
            at = 0
            while at < n and labels[at] != window[e]:
                at += 1
            if at == n:
                if n == 8:
                    return False
                labels[n] = window[e]
                n += 1
        index[0, e] = index[1, e] = at
    if n == 2:
        return True
    own = 0
    while own < n and labels[own] != to:
        own += 1
    if own == n:
        return False
    pairs = np.zeros(2, np.uint64)
    for e in range(64):
        if _is_core(e):
            index[1, e] = own
    for state in range(2):
        for e in range(64):
            for step, inside in ((1, (e & 3) < 3), (4, ((e >> 2) & 3) < 3), (16, (e >> 4) < 3)):
                if inside and index[state, e] >= 0 and index[state, e + step] >= 0:
                    a, b = index[state, e], index[state, e + step]
                    pairs[state] |= np.uint64(1) << np.uint64(8 * min(a, b) + max(a, b))
    diagonal = np.uint64(0x8040201008040201)
    return pairs[0] & ~diagonal == pairs[1] & ~diagonal


@nb.njit(cache=True)
def _supported(window, most, a, b, c, to):
    """Whether every piece that loses leaves reaches a neighbouring block that its phase fills."""
    for n in range(64):
        label = window[n]
        if label == to or not _is_core(n):
            continue
        piece = _grow(np.uint64(1) << np.uint64(n), _mask(window, label))
        found = False
        for e in range(64):
            if (piece >> np.uint64(e)) & np.uint64(1) and not _is_core(e):
                i, j, k = a + ((e >> 4) + 1) // 2 - 1, b + (((e >> 2) & 3) + 1) // 2 - 1, c + ((e & 3) + 1) // 2 - 1
                # a leaf beyond the last block stays as it is
                beyond = i >= most.shape[0] or j >= most.shape[1] or k >= most.shape[2]
                if beyond or most[i, j, k] == label:
                    found = True
                    break
        if not found:
            return False
    return True


@nb.njit(cache=True, parallel=True)
def _most(phase, size, rank):
    """Phase that most cells of each block carry; of equal shares, the one of lowest rank."""
    mx, my, mz = phase.shape[0] // size, phase.shape[1] // size, phase.shape[2] // size
    out = np.empty((mx, my, mz), np.int32)
    for a in nb.prange(mx):
        label, count = np.empty(size**3, np.int32), np.empty(size**3, np.int32)
        for b in range(my):
            for c in range(mz):
                n = 0
                for i in range(a * size, (a + 1) * size):
                    for j in range(b * size, (b + 1) * size):
                        for k in range(c * size, (c + 1) * size):
                            at = 0
                            while at < n and label[at] != phase[i, j, k]:
                                at += 1
                            if at == n:
                                label[n], count[n] = phase[i, j, k], 0
                                n += 1
                            count[at] += 1
                best = 0
                for at in range(1, n):
                    if count[at] > count[best] or (count[at] == count[best] and rank[label[at]] < rank[label[best]]):
                        best = at
                out[a, b, c] = label[best]
    return out


@nb.njit(cache=True, parallel=True)
def _paint(painted, level, merged, up, mixed):
    s = 1 << up
    for a in nb.prange(merged.shape[0]):
        for b in range(merged.shape[1]):
            for c in range(merged.shape[2]):
                if merged[a, b, c] >= 0:
                    level[a * s : (a + 1) * s, b * s : (b + 1) * s, c * s : (c + 1) * s] = up
                    if mixed:
                        painted[a * s : (a + 1) * s, b * s : (b + 1) * s, c * s : (c + 1) * s] = merged[a, b, c]
