"""Exact percentiles of many numbers in groups, without sorting or copying them all. No shapes here."""

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["MOST_GROUPS", "group_percentiles"]

#: With more groups than this the table of counts would be larger than the numbers.
MOST_GROUPS = 64


def group_percentiles(
    values: npt.NDArray[np.float32], groups: npt.NDArray[np.integer], count: int, percentiles: Sequence[float]
) -> npt.NDArray[np.float64]:
    """Return the percentiles of each group of numbers, and of all of them, as `numpy.percentile` gives them.

    Numbers are counted by their leading 16 bits; only those that share these bits with a wanted one are looked at.

    Parameters
    ----------
    values : (m,) float32 array
        Numbers, none NaN.
    groups : (m,) int array
        Group of each, 0 .. count - 1.
    count : int
        Number of groups.
    percentiles : sequence of float
        Which, from 0 to 100.

    Returns
    -------
    (count + 1, p) float64 array
        The last row is of all numbers; NaN for groups without any.

    Examples
    --------
    >>> group_percentiles(np.arange(5, dtype=np.float32), np.array([0, 0, 0, 1, 1]), 2, (50,)).ravel().tolist()
    [1.0, 3.5, 2.0]
    """
    if count > MOST_GROUPS:
        rows = [values[groups == g] for g in range(count)] + [values]
        return np.array([np.percentile(r, percentiles) if len(r) else np.full(len(percentiles), np.nan) for r in rows])
    bits = values.view(np.uint32)
    counts = np.zeros((count, 1 << 16), np.int64)
    _count(bits, groups, counts)
    table = np.concatenate([counts, counts.sum(axis=0)[None]])
    ends = np.cumsum(table, axis=1)
    places = np.asarray(percentiles, float)[None] / 100.0 * (ends[:, -1:] - 1)
    ranks = np.stack([np.floor(places), np.ceil(places)], axis=-1).astype(np.int64)
    leads = np.array([np.searchsorted(row, wanted, side="right") for row, wanted in zip(ends, ranks, strict=True)])
    full = ends[:, -1] > 0
    wanted = np.unique(leads[full])
    slot = np.full(1 << 16, -1, np.int32)
    slot[wanted] = np.arange(len(wanted))
    sizes = counts[:, wanted]
    stops = np.cumsum(sizes.ravel()).reshape(sizes.shape)
    picked = np.empty(int(sizes.sum()), np.float32)
    _gather(values, bits, groups, slot, stops - sizes, picked)
    out = np.full((count + 1, len(places[0])), np.nan)
    for g in np.flatnonzero(full).tolist():
        found = np.empty(ranks[g].shape)
        for lead in np.unique(leads[g]).tolist():
            s, mine = slot[lead], leads[g] == lead
            owners = range(count) if g == count else (g,)
            those = np.concatenate([picked[stops[o, s] - sizes[o, s] : stops[o, s]] for o in owners])
            inside = ranks[g][mine] - (ends[g, lead] - table[g, lead])
            found[mine] = np.partition(those, np.unique(inside))[inside]
        out[g] = found[:, 0] + (found[:, 1] - found[:, 0]) * (places[g] - ranks[g, :, 0])
    return out


@nb.njit(cache=True, inline="always")
def _lead(bits):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Leading bits of a float, in the order of the numbers."""
    ordered = ~bits if bits >> np.uint32(31) else bits | np.uint32(0x80000000)
    return np.int64(ordered >> np.uint32(16))


@nb.njit(cache=True)
def _count(bits, groups, counts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for n in range(len(bits)):
        counts[groups[n], _lead(bits[n])] += 1


@nb.njit(cache=True)
def _gather(values, bits, groups, slot, at, picked):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    for n in range(len(values)):
        s = slot[_lead(bits[n])]
        if s >= 0:
            picked[at[groups[n], s]] = values[n]
            at[groups[n], s] += 1
