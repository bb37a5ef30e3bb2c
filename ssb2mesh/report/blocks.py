"""Pieces of HTML: tables, lists, pictures, numbers as text. Everything that comes in is escaped here."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["bytes_text", "details", "pairs", "picture_html", "quantity", "seconds_text", "table", "text_of"]


def text_of(value: Any) -> str:
    """A cell: numbers to five digits, everything escaped."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    if isinstance(value, float):
        return f"{value:.5g}".replace("-", "\u2212")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(text_of, value))
    return escape(str(value))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table, columns of numbers to the right; nothing without rows."""
    cells = [list(row) for row in rows]
    if not cells:
        return ""
    numeric = [all(isinstance(r[i], (int, float)) or r[i] is None for r in cells) for i in range(len(head))]
    kind = [' class="n"' if n else "" for n in numeric]
    top = "".join(f"<th{k}>{escape(h)}</th>" for h, k in zip(head, kind, strict=True))
    lines = ["".join(f"<td{k}>{text_of(c)}</td>" for c, k in zip(row, kind, strict=True)) for row in cells]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    narrow = ' class="narrow"' if len(head) == 2 else ""
    return f'<div class="scroll"><table{narrow}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def pairs(rows: Iterable[tuple[str, Any]]) -> str:
    """Return a list of names and values; nothing without any."""
    items = "".join(f"<dt>{escape(k)}</dt><dd>{text_of(v)}</dd>" for k, v in rows)
    return f"<dl>{items}</dl>" if items else ""


def details(summary: str, content: str) -> str:
    """Return HTML that unfolds under a line of text; nothing without content."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>" if content else ""


def picture_html(picture: Mapping[str, Any], folder: Path) -> str:
    """Return a picture of report.json with its file put into the page."""
    data = base64.b64encode((folder / picture["file"]).read_bytes()).decode()
    caption = escape(str(picture.get("caption", "")))
    title = escape(str(picture["title"]))
    # a click fills the window with the picture; done by a box to tick, as the page has no script
    image = (
        f'<label class="zoom"><input type="checkbox" aria-label="enlarge {title}">'
        f'<img alt="{title}" src="data:image/png;base64,{data}"></label>'
    )
    return f"<figure>{image}<figcaption><b>{title}.</b> {caption}</figcaption></figure>"


def quantity(value: float | None, unit: str) -> str:
    """Return a number with its unit, with the prefix that makes it short.

    Parameters
    ----------
    value : float or None
        In `unit`.
    unit : str
        Without prefix, such as ``"A"``.

    Returns
    -------
    str
        To four digits.

    Examples
    --------
    >>> quantity(4.5e-9, "A"), quantity(2.34567e7, "Pa"), quantity(None, "V")
    ('4.5 nA', '23.46 MPa', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size > 0:
        for prefix, scale in _PREFIXES:
            if size >= 0.99995 * scale:
                return f"{value / scale:.4g} {prefix}{unit}".replace("-", "\u2212")
    return f"{value:.4g} {unit}".replace("-", "\u2212")


_PREFIXES = (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3), ("µ", 1e-6), ("n", 1e-9), ("p", 1e-12),
             ("f", 1e-15))  # fmt: skip


def seconds_text(seconds: float | None) -> str:
    """Return a time as short text."""
    if seconds is None:
        return "–"
    if seconds < 0.0995:
        return f"{1000 * seconds:.2g} ms"
    return f"{seconds:.3g} s" if seconds < 120 else f"{int(seconds // 60)} min {round(seconds % 60)} s"


def bytes_text(count: float | None) -> str:
    """Return a size in memory as short text."""
    if not count:
        return "–"
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"
