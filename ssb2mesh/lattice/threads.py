"""How many threads a piece of work is worth. No result depends on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba as nb

__all__ = ["FEW_CELLS", "FEW_CORNERS", "threads_for"]

#: Cells to be meshed, and interface corners to be smoothed, of which fewer are not worth a second thread.
FEW_CELLS, FEW_CORNERS = 80_000, 1 << 14


@contextmanager
def threads_for(items: int, few: int) -> Iterator[None]:
    """Do small work on one thread: meeting at the end of every loop would take longer than it saves.

    Parameters
    ----------
    items : int
        How many there are to work on.
    few : int
        Below so many one thread does it.

    Examples
    --------
    >>> with threads_for(1000, FEW_CELLS):
    ...     nb.get_num_threads()
    1
    """
    before = nb.get_num_threads()
    nb.set_num_threads(1 if items < few else before)
    try:
        yield
    finally:
        nb.set_num_threads(before)
