"""Curves of a series of states: one panel a quantity, one line a subject or axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssb2mesh.plot.style import FAINT, house_style, new_figure, number_text, phase_colours, save, shorten

if TYPE_CHECKING:
    from ssb2mesh.series.model import Task
    from ssb2mesh.series.result import SeriesResult

__all__ = ["plot_curves", "plot_maps"]

#: Measures that keep maps: what they show, metres per unit, unit.
_MAPS = {
    "contact_map": ("contact", 1.0, ""),
    "thickness": ("thickness", 1e-6, "µm"),
    "roughness": ("height", 1e-6, "µm"),
}
#: Panels of the curves; more would not be looked at.
MOST_PANELS = 48
#: States that are drawn as maps.
MOST_COLUMNS = 8
_COLUMNS, _PANEL = 3, (620, 440)
#: Lengths, areas and volumes are shown in units of this length.
_SCALES = {"m": (1e-6, "µm"), "m2": (1e-12, "µm²"), "m3": (1e-18, "µm³"), "1/m": (1e6, "1/µm")}


def plot_curves(result: SeriesResult, path: str | Path) -> Path:
    """Draw every number of a series against the value of its state.

    Parameters
    ----------
    result : SeriesResult
        The series.
    path : str or Path
        A ``.png`` file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingDependencyError
        If matplotlib is absent.

    Examples
    --------
    >>> plot_curves(result, "curves.png")  # doctest: +SKIP
    """
    panels: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for (task, measure, subject, quantity, axis, unit), values in result.by_quantity().items():
        line = subject if subject != task else ""
        # directions share a panel where there are several; one direction needs no line of its own
        line = f"{line} {axis}".strip() if line or measure == "displacement" else line
        panels.setdefault((task, f"{measure}, {quantity}", unit), {})[line] = values
    # what does not change in any way needs no panel
    shown = {key: lines for key, lines in panels.items() if any(_moves(v) for v in lines.values())} or panels
    keys = list(shown)[:MOST_PANELS]
    rows = max(1, math.ceil(len(keys) / _COLUMNS))
    with house_style():
        figure = new_figure((_COLUMNS * _PANEL[0], max(rows * _PANEL[1], 400)))
        states = result.series.states
        places = [float(n if s.value is None else s.value) for n, s in enumerate(states)]
        for number, key in enumerate(keys):
            axes = figure.add_subplot(rows, _COLUMNS, number + 1)
            _panel(axes, key, shown[key], places)
            if all(state.value is None for state in states):
                axes.set_xticks(places, [shorten(s.name, 12) for s in states], rotation=20, ha="right")
            else:
                axes.set_xlabel(result.series.label)
        high = 100.0 / figure.get_size_inches()[1]
        figure.subplots_adjust(
            left=0.1, right=0.92, bottom=0.0048 * high, top=1 - 0.0038 * high, wspace=0.8, hspace=0.95
        )
        return save(figure, path)


def plot_maps(result: SeriesResult, path: str | Path) -> Path | None:
    """Draw the maps that the measures of a series have kept: a row a measure, a column a state, to one scale of values.

    Parameters
    ----------
    result : SeriesResult
        The series.
    path : str or Path
        A ``.png`` file.

    Returns
    -------
    Path or None
        The file; None if no measure keeps maps.

    Raises
    ------
    MissingDependencyError
        If matplotlib is absent.

    Examples
    --------
    >>> plot_maps(result, "maps.png")  # doctest: +SKIP
    """
    series = result.series
    # first and last states, and some between
    count = min(len(series.states), MOST_COLUMNS)
    states = [series.states[round(n * (len(series.states) - 1) / max(count - 1, 1))] for n in range(count)]
    rows = []
    for task in series.measures:
        files = [series.state_folder(state) / f"{task.name}.npy" for state in states]
        maps = [np.load(file) if file.is_file() else None for file in files]
        if task.kind in _MAPS and any(m is not None for m in maps):
            rows.append((task, maps))
    if not rows:
        return None
    with house_style():
        figure = new_figure((max(count, 2) * 360 + 160, len(rows) * 400))
        grid = figure.add_gridspec(len(rows), count + 1, width_ratios=[*[1.0] * count, 0.06], left=0.03, right=0.9,
                                   top=1 - 0.16 / len(rows), bottom=0.03, wspace=0.08, hspace=0.3)  # fmt: skip
        for row, (task, maps) in enumerate(rows):
            places = [grid[row, n] for n in range(count + 1)]
            _map_row(figure, places, maps, task, [state.name for state in states])
        return save(figure, path)


def _map_row(figure: Any, places: list[Any], maps: list[Any], task: Task, names: list[str]) -> None:
    from matplotlib.colors import ListedColormap

    name, scale, unit = _MAPS[task.kind]
    shown = [None if m is None else np.asarray(m, float) / scale for m in maps]
    if task.kind == "roughness":  # where a surface lies says nothing of its shape
        shown = [None if m is None else m - np.nanmean(m) for m in shown]
    finite = np.concatenate([m[np.isfinite(m)] for m in shown if m is not None])
    binary = task.kind == "contact_map"
    low, high = (0.0, 1.0) if binary or not len(finite) else (float(finite.min()), float(finite.max()))
    colours = ListedColormap(["#D9DCDF", "#0072B2"]) if binary else "viridis"
    drawn = None
    for number, (place, image) in enumerate(zip(places[:-1], shown, strict=True)):
        axes = figure.add_subplot(place)
        axes.set_axis_off()
        axes.set_title(f"{shorten(task.name)}\n{names[number]}" if number == 0 else names[number], loc="left")
        if image is not None:
            drawn = axes.imshow(image.T, origin="lower", cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    if drawn is not None and not binary:
        figure.colorbar(drawn, cax=figure.add_subplot(places[-1])).set_label(f"{name}, {unit}")


def _panel(axes: Any, key: tuple[str, str, str], lines: dict[str, list[float]], places: Sequence[float]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    task, quantity, unit = key
    scale, name = _SCALES.get(unit, (1.0, unit))
    colours = phase_colours(lines)
    for line, values in lines.items():
        # light greys of voids would vanish on white
        colour = FAINT if colours[line] == "#D9DCDF" else colours[line]
        axes.plot(places, [v / scale for v in values], "o-", color=colour, markersize=3.5, linewidth=1.2,
                  label=shorten(line))  # fmt: skip
    axes.set_title(f"{shorten(task, 40)}\n{shorten(quantity, 44)}", loc="left", fontsize=8)
    spare = 0.06 * (max(places) - min(places) or 1.0)
    axes.set_xlim(min(places) - spare, max(places) + spare)
    if all(place == int(place) for place in places):
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_ylabel(name)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: number_text(v)))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len(lines) > 1 or any(lines):
        axes.legend(fontsize=6.5, loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.2)


def _moves(values: Sequence[float]) -> bool:
    known = [v for v in values if not math.isnan(v)]
    return bool(known) and max(known) - min(known) > 1e-9 * max(abs(v) for v in known)
