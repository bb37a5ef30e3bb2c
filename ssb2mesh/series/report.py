"""Tables, pictures and the page of a series: table.csv, table.json, curves.png, maps.png, report.html. No measures."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from ssb2mesh.errors import MissingDependencyError
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.series.result import Entry, Quantity, SeriesResult
from ssb2mesh.summaries import table, to_json

__all__ = ["describe_series", "write_results"]

_HEAD = ("state", "state_value", "task", "measure", "subject", "quantity", "axis", "position", "value", "unit")


def write_results(result: SeriesResult) -> SeriesResult:
    """Write tables, curves and the page of a series into its folder.

    Parameters
    ----------
    result : SeriesResult
        The numbers.

    Returns
    -------
    SeriesResult
        With its files. Without matplotlib there are no curves.

    Examples
    --------
    >>> write_results(result).files  # doctest: +SKIP
    """
    folder = result.series.folder
    files = [folder / "table.csv", folder / "table.json"]
    with replacing(*files) as (first, second):
        _write_csv(result, first)
        second.write_text(to_json(result.numbers()) + "\n", encoding="utf-8")
    if not result.series.report:
        return replace(result, files=tuple(files))
    try:
        from ssb2mesh.plot.series import plot_curves, plot_maps

        drawn: dict[str, Path | None] = {"Curves": plot_curves(result, folder / "curves.png")}
        drawn["Maps"] = plot_maps(result, folder / "maps.png")
    except MissingDependencyError:
        drawn = {}
    pictures = {title: path for title, path in drawn.items() if path is not None}
    page = folder / "report.html"
    with replacing(page) as (part,):
        part.write_text(_page(result, pictures), encoding="utf-8")
    return replace(result, files=(*files, *pictures.values(), page))


def describe_series(result: SeriesResult) -> str:
    """Return the numbers of a series as text, a column a state.

    Parameters
    ----------
    result : SeriesResult
        The series.

    Returns
    -------
    str
        A table, and what failed.

    Examples
    --------
    >>> print(describe_series(result))  # doctest: +SKIP
    """
    found = result.by_quantity()
    labels = quantity_labels(found)
    rows = [[key[0], labels[key], key[5] or "1", *(_short(v) for v in values)] for key, values in found.items()]
    return table(["task", "quantity", "unit", *(state.name for state in result.series.states)], rows)


def quantity_labels(keys: Iterable[Quantity]) -> dict[Quantity, str]:
    """Return what to call each quantity within its task: with the measure, where a task has several."""
    measures: dict[str, set[str]] = {}
    for key in keys:
        measures.setdefault(key[0], set()).add(key[1])
    labels = {}
    for key in keys:
        task, measure, subject, quantity, axis, _ = key
        parts = [subject if subject != task else "", quantity, f"along {axis}" if axis else ""]
        label = " ".join(part for part in parts if part)
        labels[key] = f"{measure}: {label}" if len(measures[task]) > 1 else label
    return labels


def _short(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.5g}"


def _write_csv(result: SeriesResult, path: Path) -> None:
    values = {state.name: state.value for state in result.series.states}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEAD)
        writer.writerows(_csv_rows(result.entries, values))


def _csv_rows(entries: Iterable[Entry], values: Mapping[str, float | None]) -> Iterable[list[Any]]:
    for entry in entries:
        row = entry.row
        cells = [values[entry.state], row.position, row.value]
        value, position, number = ("" if c is None or math.isnan(c) else f"{c:.9g}" for c in cells)
        yield [entry.state, value, entry.task, row.measure, row.subject, row.quantity, row.axis, position, number,
               row.unit]  # fmt: skip


def _page(result: SeriesResult, pictures: Mapping[str, Path]) -> str:
    """The report as one HTML page that needs nothing else."""
    from ssb2mesh.report.blocks import picture_html
    from ssb2mesh.report.blocks import table as html_table
    from ssb2mesh.report.style import STYLE

    series = result.series
    title = escape(series.title)
    parts = [f"<header><h1>{title}</h1><p class=made>{len(series.states)} states</p></header>"]
    if result.faults:
        items = "".join(f"<li>{escape(fault)}</li>" for fault in result.faults)
        parts.append(f'<div class="verdict bad">Some of it failed:<ul>{items}</ul></div>')
    captions = {"Curves": f"Against {series.label}.", "Maps": "Contact is blue; one scale for all states of a row."}
    for name, path in pictures.items():
        picture = {"file": path.name, "title": name, "caption": captions[name]}
        parts.append(f"<section><h2>{name}</h2>{picture_html(picture, path.parent)}</section>")
    found = result.by_quantity()
    labels = quantity_labels(found)
    for task in dict.fromkeys(key[0] for key in found):
        rows = [
            [labels[key], key[5] or "1", *(None if math.isnan(v) else v for v in values)]
            for key, values in found.items()
            if key[0] == task
        ]
        head = ["quantity", "unit", *(state.name for state in series.states)]
        parts.append(f"<section><h2>{escape(task)}</h2>{html_table(head, rows)}</section>")
    rows = [[s.name, s.value, s.charge, s.volume.path or f"phantom {s.volume.phantom}"] for s in series.states]
    states = html_table(["state", series.label, "charge, C", "volume"], rows)
    parts.append(f"<section><h2>States</h2>{states}</section>")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n" + "\n".join(parts) + "\n</main>\n</body>\n</html>\n"
    )
