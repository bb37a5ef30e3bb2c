"""The results of one solve as HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ssb2mesh.report.blocks import details, pairs, seconds_text, table

__all__ = ["overview_html", "solve_html"]

_LABELS = {
    "tensor": "effective conductivity, S/m", "tortuosity": "tortuosity factor",
    "currents": "current into the domain, A", "fixed": "potential, V",
    "balance": "sum of currents / largest", "joule_heat": "Joule heat, W", "resistance": "resistance, Ω",
    "porosity": "volume fraction that conducts", "percolating": "share of it that percolates",
    "floating": "share that no contact reaches", "conductance": "conductance, S",
    "mean_conductivity": "volume mean of the conductivity, S/m", "total_joule_heat": "total Joule heat, W",
}  # fmt: skip
#: Results by side set, and by phase, that share a table.
_TOGETHER = (("side", ("fixed", "currents")), ("phase", ("joule_heat", "floating")))


def overview_html(solves: Sequence[Mapping[str, Any]]) -> str:
    """Return one row a solve: name, type, the main figures, time.

    Parameters
    ----------
    solves : sequence of mapping
        As in report.json.

    Returns
    -------
    str
        A table; empty for fewer than two solves.
    """
    if len(solves) < 2:
        return ""
    rows = []
    for solve in solves:
        summary = solve.get("summary") or {}
        kind = str(summary.get("type", solve.get("type", ""))).replace("_", " ")
        time = seconds_text(solve["seconds"]) if solve.get("seconds") is not None else "–"
        rows.append([solve["name"], kind, _main_figures(summary), time])
    return table(["solve", "type", "main result", "time"], rows)


def _main_figures(summary: Mapping[str, Any]) -> str:
    if isinstance(summary.get("tortuosity"), Mapping):
        found = ", ".join(f"{axis} {_flat_text(value)}" for axis, value in summary["tortuosity"].items())
        return f"tortuosity factor {found}"
    if isinstance(summary.get("currents"), Mapping) and summary["currents"]:
        side, current = max(summary["currents"].items(), key=lambda item: item[1] or 0.0)
        return f"{_flat_text(current)} A in at {side}"
    return "–"


def solve_html(solve: Mapping[str, Any], pictures: str = "") -> str:
    """Return the results of one solve.

    Parameters
    ----------
    solve : mapping
        Name, type, summary, fields, table, seconds.
    pictures : str
        HTML of its pictures.

    Returns
    -------
    str
        HTML.
    """
    summary = dict(solve.get("summary") or {})
    kind = str(summary.pop("type", solve.get("type", ""))).replace("_", " ")
    linear = summary.pop("linear", None)
    parts = [f"<h3>{escape(str(solve['name']))} <small>{escape(kind)}</small></h3>"]
    parts += [*_tables(summary), pictures]
    fields = [[name, f["min"], f["max"], f["mean"]] for name, f in (solve.get("fields") or {}).items()]
    options = {k: v for k, v in (solve.get("table") or {}).items() if k not in ("name", "type")}
    given = pairs((k, _flat(v)) for k, v in options.items())
    how = pairs((k, _flat(v)) for k, v in linear.items()) if isinstance(linear, Mapping) else ""
    time = pairs([("time", seconds_text(solve["seconds"]))]) if solve.get("seconds") is not None else ""
    more = table(["field", "smallest", "largest", "mean"], fields) + given + time + how
    parts.append(details("fields, what was given, and how it was solved", more))
    return f"<article>{''.join(parts)}</article>"


def _tables(summary: dict[str, Any]) -> list[str]:
    """Every result, each kind in the table that suits it."""
    parts = []
    axes = {k: v for k, v in summary.items() if isinstance(v, Mapping) and v and set(v) <= {"x", "y", "z"}}
    if axes:
        columns = [axis for axis in "xyz" if any(axis in v for v in axes.values())]
        rows = [[_label(k), *(v.get(axis) for axis in columns)] for k, v in axes.items()]
        parts.append(table(["direction", *columns], rows))
    rest = {k: v for k, v in summary.items() if k not in axes}
    for head, keys in _TOGETHER:
        found = {k: rest.pop(k) for k in keys if isinstance(rest.get(k), Mapping)}
        names = dict.fromkeys(name for values in found.values() for name in values)
        rows = [[name, *(_flat(values.get(name)) for values in found.values())] for name in names]
        parts.append(table([head, *map(_label, found)], rows))
    for key, value in rest.items():
        if isinstance(value, Mapping) and value:
            parts.append(table([_label(key), ""], [[k, _flat(v)] for k, v in value.items()]))
        elif isinstance(value, list) and value and all(isinstance(row, list) for row in value):
            parts.append(_matrix(key, value))
    single = {k: v for k, v in rest.items() if not isinstance(v, (Mapping, list)) or _is_flat(v)}
    parts.append(pairs((_label(k), v) for k, v in single.items()))
    return parts


def _matrix(key: str, rows: list[list[Any]]) -> str:
    across = list("xyz") if len(rows[0]) == 3 else [str(i + 1) for i in range(len(rows[0]))]
    down = list("xyz") if len(rows) == 3 else [str(i + 1) for i in range(len(rows))]
    width = max(map(len, rows))
    padded = [[name, *row, *[None] * (width - len(row))] for name, row in zip(down, rows, strict=True)]
    return table([_label(key), *across, *[""] * (width - len(across))], padded)


def _label(key: str) -> str:
    return _LABELS.get(key, str(key).replace("_", " "))


def _is_flat(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(v, (list, Mapping)) for v in value)


def _flat(value: Any) -> Any:
    """A cell for a nested value: plain ones stay as they are."""
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {_flat_text(v)}" for k, v in value.items()) or "–"
    if isinstance(value, list) and not _is_flat(value):
        return _flat_text(value)
    return value


def _flat_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (Mapping, list)) else str(value)
