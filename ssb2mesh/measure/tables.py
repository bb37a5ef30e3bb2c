"""Rows of numbers with what they are of: the long table of a measurement as CSV and JSON. Nothing is measured here."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import replacing

__all__ = ["Result", "Row", "read_table", "write_table"]


@dataclass(frozen=True)
class Row:
    """One number.

    Parameters
    ----------
    measure : str
        Which measurement it belongs to, such as ``"volume fraction"``.
    subject : str
        What was measured: a phase, an interface ``"A|B"``, a particle ``"NMC 17"``.
    quantity : str
        What the number is, such as ``"mean"`` or ``"area"``.
    value : float
        SI; NaN where there is none.
    unit : str
        ``""`` for shares and counts, else ``"m"``, ``"m2"``, ``"m3"``, ``"1/m"``, ``"deg"`` ...
    axis : str
        ``x``, ``y``, ``z``, or nothing.
    position : float, optional
        Place along the axis, size of the sub-volume or bin, m (or the unit that the measure states).

    Examples
    --------
    >>> Row("volume fraction", "NMC", "total", 0.55).value
    0.55
    """

    measure: str
    subject: str
    quantity: str
    value: float
    unit: str = ""
    axis: str = ""
    position: float | None = None


class Result(Protocol):
    """What every measurement gives: rows for the long table, and a dict for JSON."""

    def rows(self) -> list[Row]: ...  # noqa: D102
    def to_dict(self) -> dict[str, Any]: ...  # noqa: D102


_COLUMNS = tuple(field.name for field in fields(Row))


def write_table(rows: Iterable[Row], path: str | Path) -> Path:
    """Write rows as a CSV file, whole or not at all.

    Parameters
    ----------
    rows : iterable of Row
        The numbers.
    path : str or Path
        A ``.csv`` file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the suffix is another one.

    Examples
    --------
    >>> write_table([Row("volume fraction", "NMC", "total", 0.55)], "table.csv")  # doctest: +SKIP
    """
    path = Path(path)
    if path.suffix.lower() != ".csv":
        raise InputError(f"path: got {path.name!r}; a table is a .csv file")
    with replacing(path) as (part,), part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for row in rows:
            cells: Mapping[str, Any] = asdict(row)
            writer.writerow([_cell(cells[name]) for name in _COLUMNS])
    return path


def read_table(path: str | Path) -> list[Row]:
    """Read a table that `write_table` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    list of Row
        As written.

    Raises
    ------
    InputError
        If the columns are not those of such a table.

    Examples
    --------
    >>> read_table("table.csv")  # doctest: +SKIP
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != _COLUMNS:
            raise InputError(f"table: {path} has the columns {reader.fieldnames}; expected {', '.join(_COLUMNS)}")
        rows = []
        for line in reader:
            value = float(line["value"]) if line["value"] else math.nan
            position = float(line["position"]) if line["position"] else None
            rows.append(Row(line["measure"], line["subject"], line["quantity"], value, line["unit"], line["axis"],
                            position))  # fmt: skip
    return rows


def _cell(value: Any) -> Any:
    """Numbers to all their digits; nothing for None and NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, float) else value
