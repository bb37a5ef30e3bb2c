"""The compiled loop of `ssb2mesh.volume.counting`, apart so that small volumes need not load the compiler."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["tally"]


@numba.njit(cache=True)
def tally(flat, low, size):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return how often each of low .. low + size - 1 occurs."""
    table = np.zeros(size, np.int64)
    n = flat.size
    v = 0
    while v < n:
        # labels come in runs: one addition a run keeps the loop off the table
        label = flat[v]
        start = v
        while v < n and flat[v] == label:
            v += 1
        table[np.int64(label) - low] += v - start
    return table
