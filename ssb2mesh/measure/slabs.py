"""Work on slabs of a volume in threads: compiled loops that release the lock run side by side. No measures here.

Slabs are cut the same way whatever the number of threads, so that sums do not depend on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_slabs"]

T = TypeVar("T")
_LAYERS = 16


def in_slabs(work: Callable[[int, int], T], layers: int, *, thick: int = _LAYERS) -> list[T]:
    """Call a function for each slab of layers and return what it gave, in order.

    Parameters
    ----------
    work : callable
        Called with the first layer and the one after the last.
    layers : int
        Layers in all.
    thick : int
        Layers of a slab.

    Returns
    -------
    list
        One result a slab.

    Examples
    --------
    >>> in_slabs(lambda first, last: last - first, 40)
    [16, 16, 8]
    """
    starts = list(range(0, layers, thick))
    ends = [min(start + thick, layers) for start in starts]
    if len(starts) < 2:
        return [work(start, end) for start, end in zip(starts, ends, strict=True)]
    with ThreadPoolExecutor(_threads()) as pool:
        return list(pool.map(work, starts, ends))


def _threads() -> int:
    """As many as Numba may use, else the cores that this process may use."""
    given = os.environ.get("NUMBA_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
