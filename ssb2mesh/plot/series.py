"""Curves of a series of states: one panel a quantity, one line a subject or axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssb2mesh.plot.style import FAINT, house_style, new_figure, number_text, phase_colours, save, shorten
from ssb2mesh.series_report import MOST_PANELS, by_quantity

if TYPE_CHECKING:
    from ssb2mesh.series import SeriesResult

__all__ = ["plot_curves"]

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
    for (task, measure, subject, quantity, axis, unit), values in by_quantity(result).items():
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
            left=0.075, right=0.935, bottom=0.0048 * high, top=1 - 0.0038 * high, wspace=0.62, hspace=0.95
        )
        return save(figure, path)


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
