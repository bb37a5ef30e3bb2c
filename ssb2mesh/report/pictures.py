"""Which pictures a report shows and what stands below them. The drawing is in `ssb2mesh.plot`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, MissingDependencyError
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.report.data import Figure, ReportData

__all__ = ["LARGE_SOLVES", "MEASURED", "draw_figures"]

#: Solves with pictures; those after the first few are smaller and folded away in the page.
_MOST_SOLVES, LARGE_SOLVES = 24, 3
#: Interfaces of one solve with pictures.
_MOST_INTERFACES = 6
#: Width and height of pictures of solves after the first few, by what they show.
_SMALL = {"field": (1200, 600), "current": (1000, 600)}
#: How the titles of pictures of measures begin.
MEASURED = "Measured: "


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

    if data.measures is not None:
        from ssb2mesh.measure.figures import measure_figures

        for name, title, text, make in measure_figures(data.measures):
            draw(Figure(folder / name, f"{MEASURED}{title}", text), make)
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
        for number, solve in enumerate(data.solves[:_MOST_SOLVES], start=1):
            for figure, make in _of_solve(mesh, solve, folder, number):
                draw(replace(figure, solve=solve.name), make)
            notes += _left_out(solve)
        notes += [
            f"{solve.name}: its pictures, after those of {_MOST_SOLVES} solves; "
            f"ssb2mesh plot {solve.name}.xdmf -o {solve.name}.png --field NAME draws them"
            for solve in data.solves[_MOST_SOLVES:]
        ]
    return figures, notes


def _left_out(solve: Any) -> list[str]:
    """What to do for the interfaces of a solve that get no picture."""
    names = list(getattr(solve, "facet_data", None) or {})[_MOST_INTERFACES:]
    files = [f"{solve.name}_{name.replace('|', '-').replace('@', '-at-')}.vtu" for name in names]
    return [f"{name} of {solve.name}: ssb2mesh plot {file} -o current.png --what current draws the current through it"
            for name, file in zip(names, files, strict=True)]  # fmt: skip


def _size(number: int, kind: str) -> dict[str, Any]:
    return {"size": _SMALL[kind]} if number > LARGE_SOLVES else {}


def _of_solve(mesh: TaggedMesh, solve: Any, folder: Path, number: int) -> list[tuple[Figure, Any]]:
    """The pictures of one solve: its potentials, and the current through its interfaces."""
    from ssb2mesh import plot
    from ssb2mesh.plot.labels import field_label

    found = _curve(solve, folder, number)
    for name, values in _fields_of(solve, mesh.n_points):
        key = "conductivity" if name.startswith("potential") else name.split("_")[0]
        table = dict(getattr(solve, "table", {}))
        given = table.get(key) or dict(table.get("charge") or {}).get(key)
        sigma = _conductivity(given, mesh.cell_names)
        what = name.replace("_", " ").capitalize()
        text = f"{what} of the solve '{solve.name}', and lines that follow the current; grey does not conduct."
        suffix = "" if name.startswith("potential") else f"-{key}"
        title = f"{what if suffix else 'Potential'}: {solve.name}"
        found.append((
            Figure(folder / f"field-{number}{suffix}.png", title, text),
            lambda path, v=values, s=sigma, name=name: plot.plot_field(
                mesh, v, path, conductivity=s, label=field_label(name), **_size(number, "field")
            ),
        ))  # fmt: skip
    found += _stresses(mesh, solve, folder, number)
    if solve.type == "representative_volume":
        text = (
            "Every sub-volume is a dot; bars are standard deviations. What does not percolate has no tortuosity factor."
        )
        figure = Figure(folder / f"sub-volumes-{number}.png", f"Sub-volumes: {solve.name}", text)
        found.append((figure, lambda path: plot.plot_representative(solve.summary, path)))
    facets = getattr(solve, "facet_data", None) or {}
    for k, (name, data) in enumerate(list(facets.items())[:_MOST_INTERFACES], start=1):
        text = f"Current density through {name} in the solve '{solve.name}', positive out of the electron conductor."
        figure = Figure(folder / f"current-{number}-{k}.png", f"Current through {name}: {solve.name}", text)
        if data:
            size = _size(number, "current")
            found.append((
                figure, lambda p, n=name, d=data, s=size: plot.plot_interface_current(d, p, name=n, box=mesh.box, **s)
            ))  # fmt: skip
        if data and "gap" in data and np.isfinite(data["gap"]).any():
            text = f"Gap between the two sides of {name} in the solve '{solve.name}'; grey where it does not count."
            figure = Figure(folder / f"gap-{number}-{k}.png", f"Gap at {name}: {solve.name}", text)
            found.append((
                figure, lambda p, n=name, d=data, s=size: plot.plot_interface_current(
                    d, p, field="gap", name=n, box=mesh.box, **s)
            ))  # fmt: skip
    return found


def _curve(solve: Any, folder: Path, number: int) -> list[tuple[Figure, Any]]:
    """The voltage of a cell over the steps of a series."""
    from ssb2mesh import plot

    summary = dict(getattr(solve, "summary", None) or {})
    if (
        summary.get("type") != "charge_transfer_series"
        or not np.isfinite(summary.get("cell_voltage") or [np.nan]).all()
    ):
        return []
    text = (
        "Cell voltage over the current that enters at the terminal of the higher voltage (over the step, if the "
        "current stays as it is), and how evenly it uses each interface. Pictures of fields show the last step."
    )
    figure = Figure(folder / f"curve-{number}.png", f"Curve: {solve.name}", text)
    return [(figure, lambda path: plot.plot_polarisation(summary, path))]


def _stresses(mesh: TaggedMesh, solve: Any, folder: Path, number: int) -> list[tuple[Figure, Any]]:
    """The von Mises stress of a solve, or the first one of several load cases."""
    from ssb2mesh import plot

    fields = getattr(solve, "cell_data", None) or {}
    names = [n for n in fields if n.startswith("von_mises") and np.asarray(fields[n]).shape == (mesh.n_tets,)]
    if not names:
        return []
    strained = f" under a unit strain {names[0].split('_')[-1]}" if names[0] != "von_mises" else ""
    text = f"Von Mises stress in the solve '{solve.name}'{strained}; the colours end at the 1st and 99th percentile."
    figure = Figure(folder / f"stress-{number}.png", f"Stress: {solve.name}", text)
    values = np.asarray(fields[names[0]])
    return [(figure, lambda path: plot.plot_cell_field(mesh, values, path, **_size(number, "field")))]


def _fields_of(solve: Any, n_points: int) -> list[tuple[str, Any]]:
    """The potentials to draw of a solve: the one there is, the first of several directions, or both of a cell."""
    fields = getattr(solve, "point_data", None) or {}
    good = {n: np.asarray(v) for n, v in fields.items() if np.asarray(v).shape == (n_points,)}
    names = sorted((n for n in good if n.startswith("potential")), key=lambda n: (n != "potential", n))[:1]
    names += [n for n in good if n.endswith("_potential") and np.isfinite(good[n]).any()]
    # an ideal conductor has one potential, which the table has; of a picture nothing could be read
    telling = [name for name in names if _varies(good[name])]
    return [(name, good[name]) for name in telling or names]


def _varies(values: npt.NDArray[np.float64]) -> bool:
    """Whether there is more than rounding between the values, NaN left out."""
    known = values[np.isfinite(values)]
    return known.size > 0 and float(np.ptp(known)) > 1e-12 * float(np.abs(known).max())


def _conductivity(given: Any, phases: Mapping[str, int]) -> dict[str, float] | None:
    """Scalar conductivities by phase; of a tensor the mean of its diagonal, since the picture needs a scale only."""
    found = {}
    for name, value in dict(given or {}).items():
        try:
            array = np.asarray(value, float)
        except (TypeError, ValueError):
            return None
        if name in phases and np.isfinite(array).all():
            found[name] = float(np.trace(array) / 3) if array.ndim == 2 else float(array.mean())
    return found if any(v > 0 for v in found.values()) else None
