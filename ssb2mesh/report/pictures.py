"""Which pictures a report shows and what stands below them. The drawing is in `ssb2mesh.plot`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssb2mesh.errors import InputError, MissingDependencyError
from ssb2mesh.report.data import Figure, ReportData

__all__ = ["draw_figures"]

_MOST_FIELDS = 3


def draw_figures(data: ReportData, folder: Path) -> tuple[list[Figure], list[str]]:
    """Draw what there is to draw into a folder.

    Parameters
    ----------
    data : ReportData
        What there is.
    folder : Path
        Exists already.

    Returns
    -------
    figures : list of Figure
        What was drawn.
    notes : list of str
        What could not be drawn, and why.
    """
    from ssb2mesh import plot

    figures: list[Figure] = []
    notes: list[str] = []

    def draw(figure: Figure, make: Any) -> None:
        try:
            make(figure.path)
        except (MissingDependencyError, InputError) as error:
            notes.append(f"{figure.title}: {error}")
        else:
            figures.append(figure)

    volume, mesh = data.volume, data.mesh
    if volume is not None:
        text = "Three slices through the middle of the volume, as it was meshed."
        draw(Figure(folder / "slices.png", "Volume", text), lambda path: plot.plot_slices(volume, path))
    if mesh is not None:
        text = "The tets by phase; the corner next to the eye is left out. Shares are of the whole box."
        draw(Figure(folder / "mesh.png", "Mesh", text), lambda path: plot.plot_cutaway(mesh, path))
        if any("|" in name for name in mesh.facet_names):
            text = "Each interface with its area, in the colour of the phase that lies behind the surface."
            draw(Figure(folder / "interfaces.png", "Interfaces", text), lambda path: plot.plot_interfaces(mesh, path))
        for number, solve in enumerate(data.solves[:_MOST_FIELDS]):
            name, values = _field_of(solve, mesh.n_points)
            if values is None:
                continue
            sigma = _conductivity(getattr(solve, "table", {}), mesh.cell_names)
            text = f"{name} of the solve '{solve.name}', and lines that follow the current; grey does not conduct."
            draw(
                Figure(folder / f"field-{number + 1}.png", f"Potential: {solve.name}", text),
                lambda path, v=values, s=sigma: plot.plot_field(mesh, v, path, conductivity=s),
            )
    return figures, notes


def _field_of(solve: Any, n_points: int) -> tuple[str, Any]:
    """The field to draw of a solve: its potential, or the first potential of several."""
    fields = getattr(solve, "point_data", None) or {}
    names = sorted((n for n in fields if n.startswith("potential")), key=lambda n: (n != "potential", n))
    for name in names:
        values = np.asarray(fields[name])
        if values.shape == (n_points,):
            return name, values
    return "", None


def _conductivity(table: Mapping[str, Any], phases: Mapping[str, int]) -> dict[str, float] | None:
    """Scalar conductivities by phase; of a tensor the mean of its diagonal, since the picture needs a scale only."""
    found = {}
    for name, value in dict(table.get("conductivity") or {}).items():
        try:
            array = np.asarray(value, float)
        except (TypeError, ValueError):
            return None
        if name in phases:
            found[name] = float(np.trace(array) / 3) if array.ndim == 2 else float(array.mean())
    return found if any(v > 0 for v in found.values()) else None
