"""Rows as text in columns, for terminals. What the rows say is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["number_cell", "table"]


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as text in columns, numbers to the right.

    Parameters
    ----------
    header : sequence of str
        Column heads.
    rows : iterable of sequences
        Cells; floats are shown to five digits.

    Returns
    -------
    str
        Lines joined by newlines.

    Examples
    --------
    >>> print(table(["phase", "share"], [["pore", 0.25]]))
    phase   share
    pore     0.25
    """
    raw = [list(row) for row in rows]
    cells = [list(header), *([number_cell(value) for value in row] for row in raw)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    right = [bool(raw) and all(isinstance(row[i], (int, float)) for row in raw) for i in range(len(header))]
    lines = []
    for row in cells:
        parts = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def number_cell(value: Any) -> str:
    """Return a value as it stands in a table: floats to five digits.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    str
        Its text.

    Examples
    --------
    >>> number_cell(0.123456789), number_cell("pore")
    ('0.12346', 'pore')
    """
    return f"{value:.5g}" if isinstance(value, float) else str(value)
