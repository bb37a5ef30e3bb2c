"""Tortuosity factor and conductivity of sub-volumes against their size. No numbers are made here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssb2mesh.errors import InputError
from ssb2mesh.plot.style import house_style, length_unit, light_grid, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_representative"]

_COLOURS = {"x": "#0072B2", "y": "#D55E00", "z": "#009E73"}
#: Dots of several directions stand beside each other: a share of the edge.
_SHIFT = 0.04


def plot_representative(summary: Mapping[str, Any], path: str | Path, *, size: Sequence[int] = (1500, 700)) -> Path:
    """Draw a representative-volume study: every sub-volume a dot, mean and standard deviation by size.

    Parameters
    ----------
    summary : mapping
        ``sub_volumes`` and ``statistics`` as `solvers.representative.RepresentativeStudy.summary` gives them.
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
        If there are no sub-volumes, or the suffix or size is not allowed.
    MissingDependencyError
        If matplotlib is absent.

    Examples
    --------
    >>> plot_representative(study.summary(), "rve.png")  # doctest: +SKIP
    """
    parts, rows = summary.get("sub_volumes") or [], summary.get("statistics") or []
    if not parts or not rows:
        raise InputError("summary: no sub-volumes; give the summary of a representative-volume study")
    name, scale = length_unit(max(row["size"] for row in rows))
    with house_style():
        figure = new_figure(size)
        left, right = figure.add_axes((0.075, 0.15, 0.405, 0.74)), figure.add_axes((0.575, 0.15, 0.405, 0.74))
        for panel, kind, label in (
            (left, "tortuosity", "tortuosity factor"),
            (right, "conductivity", "effective conductivity (S/m)"),
        ):
            axes = list(dict.fromkeys(row["axis"] for row in rows))
            for place, axis in enumerate(axes):
                at = scale * math.exp(-_SHIFT * (place - (len(axes) - 1) / 2))
                _draw(panel, kind, axis, parts=parts, rows=[r for r in rows if r["axis"] == axis], unit=at)
            sizes = sorted({row["size"] / scale for row in rows})
            panel.set_xscale("log")
            panel.set_xticks(sizes, [f"{each:.3g}" for each in sizes])
            panel.minorticks_off()
            panel.set_xlim(sizes[0] / 1.25, sizes[-1] * 1.25)
            panel.set_xlabel(f"edge of the sub-volumes ({name})")
            panel.set_ylabel(label)
            light_grid(panel, "y")
        right.set_ylim(bottom=0)
        left.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)
        return save(figure, path)


def _draw(
    panel: Axes, kind: str, axis: str, *, parts: Sequence[Mapping[str, Any]], rows: Sequence[Any], unit: float
) -> None:
    """One direction: dots beside each other by axis, means joined by a line, deviations as bars."""
    colour = _COLOURS[axis]
    dots = [(part["size"] / unit, part[f"{kind}_{axis}"]) for part in parts]
    dots = [(x, y) for x, y in dots if y is not None and math.isfinite(y)]
    panel.plot([x for x, _ in dots], [y for _, y in dots], ".", color=colour, alpha=0.35, markersize=5, zorder=2)
    good = [row for row in rows if row[f"{kind}_mean"] is not None and math.isfinite(row[f"{kind}_mean"])]
    spread = [row[f"{kind}_std"] if math.isfinite(row[f"{kind}_std"] or math.nan) else 0.0 for row in good]
    panel.errorbar(
        [row["size"] / unit for row in good],
        [row[f"{kind}_mean"] for row in good],
        yerr=spread,
        color=colour,
        marker="o",
        markersize=4,
        linewidth=1,
        capsize=3,
        label=f"{axis}: mean ± standard deviation",
        zorder=3,
    )
