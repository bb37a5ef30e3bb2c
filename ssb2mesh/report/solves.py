"""The results of one solve as HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ssb2mesh.report.blocks import details, pairs, quantity, seconds_text, table
from ssb2mesh.result_labels import LABELS
from ssb2mesh.units import format_length

__all__ = ["overview_html", "solve_html"]

#: Results by side set, and by phase, that share a table.
_TOGETHER = (
    ("side", ("fixed", "voltages", "currents", "forces", "platen_travel")),
    ("phase", ("von_mises_max", "strain_energy", "joule_heat", "joule_heat_of_electrons", "joule_heat_of_ions",
               "idle", "floating", "floating_electronic", "floating_ionic")),
)  # fmt: skip
#: Numbers of an interface that have a column.
_INTERFACE = ("area", "contact_area", "current", "mean_current_density", "constriction_factor", "quantile_99_factor",
              "utilisation")  # fmt: skip


def overview_html(solves: Sequence[Mapping[str, Any]]) -> str:
    """Return one row a solve: name, type, the main figures, time.

    Parameters
    ----------
    solves : sequence of mapping
        As in report.json.

    Returns
    -------
    str
        A table; empty without solves.
    """
    rows = []
    for solve in solves:
        summary = solve.get("summary") or {}
        kind = str(summary.get("type", solve.get("type", ""))).replace("_", " ")
        time = seconds_text(solve["seconds"]) if solve.get("seconds") is not None else "–"
        rows.append([solve["name"], kind, _main_figures(summary), time])
    return table(["solve", "type", "main result", "time"], rows)


def _main_figures(summary: Mapping[str, Any]) -> str:
    if isinstance(summary.get("tortuosity"), Mapping):
        certain = summary.get("tortuosity_interval") or {}
        found = ", ".join(_factor(axis, value, certain.get(axis)) for axis, value in summary["tortuosity"].items())
        return f"tortuosity factor {found}"
    volts = summary.get("cell_voltage")
    if isinstance(volts, list) and volts:
        return f"cell voltage {quantity(min(volts), 'V')} to {quantity(max(volts), 'V')} in {len(volts)} steps"
    if isinstance(volts, float):
        return f"cell voltage {quantity(volts, 'V')}{_through(summary)}"
    if isinstance(summary.get("von_mises_max"), Mapping):
        found = ", ".join(f"{phase} {quantity(value, 'Pa')}" for phase, value in summary["von_mises_max"].items())
        return f"largest von Mises stress: {found}"
    if isinstance(summary.get("statistics"), list) and summary["statistics"]:
        last = summary["statistics"][-1]["size"]
        rows = [row for row in summary["statistics"] if row["size"] == last]
        found = ", ".join(
            f"{r['axis']} {_flat_text(r['tortuosity_mean'])} ± {_flat_text(r['tortuosity_std'])}" for r in rows
        )
        return f"tortuosity factor at {format_length(last)}: {found}"
    if isinstance(summary.get("isotropic"), Mapping):
        return f"Young's modulus {quantity(summary['isotropic'].get('young'), 'Pa')}"
    return _through(summary).removeprefix(", ") or "–"


def _factor(axis: str, value: Any, interval: Sequence[float] | None) -> str:
    """A factor, and where the exact one lies: the value itself is an end of that."""
    if interval is None:
        return f"{axis} {_flat_text(value)}"
    low, high = interval
    return f"{axis} {_flat_text(value)} (between {_flat_text(low)} and {_flat_text(high)})"


def _through(summary: Mapping[str, Any]) -> str:
    """The largest current into the mesh, and where."""
    given = summary.get("currents")
    currents = {side: i for side, i in given.items() if isinstance(i, float)} if isinstance(given, Mapping) else {}
    if not currents:
        return ""
    side, current = max(currents.items(), key=lambda item: item[1])
    return f", {quantity(current, 'A')} in at {side}"


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
    if isinstance(summary.get("statistics"), list):
        return [_statistics(summary["statistics"])]
    parts = []
    axes = {k: v for k, v in summary.items() if isinstance(v, Mapping) and v and set(v) <= {"x", "y", "z"}}
    if axes:
        columns = [axis for axis in "xyz" if any(axis in v for v in axes.values())]
        rows = [[_label(k), *(v.get(axis) for axis in columns)] for k, v in axes.items()]
        parts.append(table(["direction", *columns], rows))
    rest = {k: v for k, v in summary.items() if k not in axes}
    interfaces = rest.pop("interfaces", None)
    steps = rest.get("cell_voltage")
    if isinstance(steps, list):
        first = [_series(rest, interfaces or {}, len(steps)), pairs([(_label("balance"), rest.get("balance"))])]
        return [*first, *(_rows(key, value) for key, value in rest.items() if _is_rows(value))]
    for head, keys in _TOGETHER:
        found = {k: rest.pop(k) for k in keys if isinstance(rest.get(k), Mapping)}
        found = {k: values for k, values in found.items() if values}
        names = dict.fromkeys(name for values in found.values() for name in values)
        rows = [[name, *(_flat(values.get(name)) for values in found.values())] for name in names]
        parts.append(table([head, *map(_label, found)], rows))
    if isinstance(interfaces, Mapping) and interfaces:
        parts.append(_interfaces(interfaces))
    for key, value in rest.items():
        if isinstance(value, Mapping) and value:
            parts.append(table([_label(key), ""], [[k, _flat(v)] for k, v in value.items()]))
        elif isinstance(value, list) and value and all(isinstance(row, list) for row in value):
            parts.append(_matrix(key, value))
        elif _is_rows(value):
            parts.append(_rows(key, value))
    single = {k: v for k, v in rest.items() if not isinstance(v, (Mapping, list)) or (v and _is_flat(v))}
    parts.append(pairs((_label(k), v) for k, v in single.items()))
    return parts


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _rows(key: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A table of rows that carry the names of their columns, such as the sweeps of a coupled solve."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return f"<h4>{escape(_label(key))}</h4>" + table(
        [_label(name) for name in columns], [[_flat(row.get(name)) for name in columns] for row in rows]
    )


def _interfaces(numbers: Mapping[str, Mapping[str, Any]]) -> str:
    """One row an interface; the histogram stays in report.json."""
    rows = [
        [name, *(values.get(key) for key in _INTERFACE), (values.get("overpotential") or {}).get("mean")]
        for name, values in numbers.items()
    ]
    return table(["interface", *map(_label, _INTERFACE), "mean overpotential, V"], rows)


def _statistics(rows: Sequence[Mapping[str, Any]]) -> str:
    """One row a size and axis of sub-volumes; the sub-volumes themselves are in report.json and the CSV file."""
    head = ["edge", "direction", "sub-volumes", "of them percolate"]
    for text in ("tortuosity factor", "effective conductivity, S/m", "volume fraction that conducts"):
        head += [f"{text}: mean", "standard deviation"]
    keys = [f"{kind}_{what}" for kind in ("tortuosity", "conductivity", "porosity") for what in ("mean", "std")]
    cells = [
        [format_length(row["size"]), row["axis"], row["count"], row["percolating"], *(row[key] for key in keys)]
        for row in rows
    ]
    return table(head, cells)


def _series(summary: Mapping[str, Any], interfaces: Mapping[str, Mapping[str, Any]], count: int) -> str:
    """One row a step of a polarisation curve or of voltage against time."""
    columns: dict[str, Sequence[Any]] = {"step": range(1, count + 1)}
    if "pressure" in summary:
        columns = {_label("pressure"): summary["pressure"]}
    columns["cell voltage, V"] = summary["cell_voltage"]
    columns |= {f"{name}, A": values for name, values in summary.get("currents", {}).items()}
    for name, numbers in interfaces.items():
        for key in ("contact_area", "constriction_factor", "utilisation", "contact_by_gap", "greatest_gap"):
            if key in numbers:
                columns[f"{name}: {_label(key)}"] = numbers[key]
    return table(list(columns), [[values[k] for values in columns.values()] for k in range(count)])


def _matrix(key: str, rows: list[list[Any]]) -> str:
    across = list("xyz") if len(rows[0]) == 3 else [str(i + 1) for i in range(len(rows[0]))]
    down = list("xyz") if len(rows) == 3 else [str(i + 1) for i in range(len(rows))]
    width = max(map(len, rows))
    padded = [[name, *row, *[None] * (width - len(row))] for name, row in zip(down, rows, strict=True)]
    return table([_label(key), *across, *[""] * (width - len(across))], padded)


def _label(key: str) -> str:
    return LABELS.get(key, str(key).replace("_", " "))


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
