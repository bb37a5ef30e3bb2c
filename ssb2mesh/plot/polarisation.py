"""Cell voltage and use of the contact of a series: a polarisation curve, or one state of contact after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssb2mesh.errors import InputError
from ssb2mesh.plot.labels import fitting
from ssb2mesh.plot.style import house_style, light_grid, new_figure, save, shorten

__all__ = ["plot_polarisation"]

#: Relative change of the current below which the steps are those of something else, such as the contact.
_STEADY = 1e-3
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def plot_polarisation(summary: Mapping[str, Any], path: str | Path, *, size: Sequence[int] = (1500, 600)) -> Path:
    """Draw a series of charge transfer: voltage over current, or over the step where the current stays as it is.

    Parameters
    ----------
    summary : mapping
        ``voltages``, ``currents`` and ``interfaces`` as `solvers.ChargeTransferSeries.summary` gives them.
    path : str or Path
        A ``.png`` file.
    size : two int
        Width and height in pixels.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If there are fewer than two terminals, or the suffix or size is not allowed.
    MissingDependencyError
        If matplotlib is absent.

    Examples
    --------
    >>> plot_polarisation(series.summary(), "curve.png")  # doctest: +SKIP
    """
    at, label, voltage = _curve(summary)
    with house_style():
        figure = new_figure(size)
        left, right = figure.add_axes((0.075, 0.15, 0.405, 0.74)), figure.add_axes((0.575, 0.15, 0.405, 0.74))
        name, scale = fitting("cell voltage (V)", float(np.abs(voltage).max()))
        left.plot(at, voltage / scale, "o-", color=_COLOURS[0], markersize=4)
        left.set_ylabel(name)
        for colour, (interface, numbers) in zip(_COLOURS, summary.get("interfaces", {}).items(), strict=False):
            through = np.abs(np.asarray(numbers["current"], float))
            # without current there is nothing to be used
            used = np.where(through > _STEADY * through.max(), numbers["utilisation"], np.nan)
            right.plot(at, used, "o-", color=colour, markersize=4, label=shorten(interface))
        right.set_ylabel("utilisation")
        right.set_ylim(0, 1.05)
        for panel in (left, right):
            panel.set_xlabel(label)
            light_grid(panel, "both")
            if label == "step":
                panel.set_xticks(np.unique(np.linspace(1, len(at), min(len(at), 10)).round()))
        right.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)
        return save(figure, path)


def _curve(summary: Mapping[str, Any]) -> tuple[Any, str, Any]:
    """Where the steps stand, what that is, and the cell voltage: at the current of a terminal, or at their numbers."""
    volts = {name: np.asarray(values, float) for name, values in summary.get("voltages", {}).items()}
    if len(volts) < 2 or not all(len(each) and np.isfinite(each).all() for each in volts.values()):
        raise InputError("summary: no cell voltages; give the summary of a series of a cell with two terminals or more")
    high = max(volts, key=lambda name: volts[name].mean())
    # of two terminals the difference keeps its sign when a sweep passes through zero
    others = [each for name, each in volts.items() if name != high]
    voltage = volts[high] - (others[0] if len(others) == 1 else np.min(others, axis=0))
    current = np.asarray(summary["currents"][high], float)
    largest = float(np.abs(current).max())
    if not largest or np.ptp(current) <= _STEADY * largest:
        return np.arange(1, len(voltage) + 1), "step", voltage
    label, scale = fitting("current (A)", largest)
    return current / scale, label, voltage
