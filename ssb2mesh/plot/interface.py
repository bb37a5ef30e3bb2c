"""The current through one interface, or another field on it: a map, and how the area shares it. No solving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.paths import check_output
from ssb2mesh.plot.labels import colour_bar, field_label, fitting, readable_ticks, robust_limits
from ssb2mesh.plot.panes import draw_pane
from ssb2mesh.plot.scene import Scene, grid_of, straight_eye, surface_of
from ssb2mesh.plot.style import (
    check_size,
    house_style,
    new_figure,
    number_text,
    save,
    shorten,
)

__all__ = ["plot_interface_current", "plot_interface_file"]

_NO_CONTACT = "#d0d0d0"
_BINS = 40


def plot_interface_current(
    data: Mapping[str, npt.ArrayLike],
    path: str | Path,
    *,
    field: str = "current_density",
    name: str = "",
    box: npt.ArrayLike | None = None,
    size: Sequence[int] = (1500, 900),
) -> Path:
    """Draw the current density on an interface, or another field of it, and its distribution over the area.

    Parameters
    ----------
    data : mapping of str to array
        As ``facet_data`` of a charge-transfer solution gives it: ``corners`` (k, 3, 3) in m, ``area`` (k,) in m2,
        ``contact`` (k,), 0 to 1, and ``current_density`` (k,) in A/m2.
    path : str or Path
        A ``.png`` file.
    field : str
        What to draw: another array of `data`, such as ``overpotential`` or ``gap``; NaN is drawn in grey.
    name : str
        Facet set; a side of the box is drawn straight on.
    box : (2, 3) array, optional
        Corners of the box, m; default: those of the facets.
    size : two int
        Width and height in pixels.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If an array is missing or has another shape, or there are no facets.
    MissingDependencyError
        If PyVista or matplotlib is absent.

    Examples
    --------
    >>> plot_interface_current(solution.facet_data("LPSCl|NMC"), "current.png", name="LPSCl|NMC")  # doctest: +SKIP
    """
    width, height = check_size(size)
    corners, area, contact, values = _checked(data, field)
    limits = np.stack([corners.min(axis=(0, 1)), corners.max(axis=(0, 1))]) if box is None else np.asarray(box, float)
    scene = Scene(limits, straight_eye(name))
    # a current and its driving force mean something where there is contact, a gap or the contact itself everywhere
    by_contact = field in _BY_CONTACT
    on = (contact > 0) & np.isfinite(values) if by_contact else np.isfinite(values)
    if field == "current_density":  # of the part that touches: a facet at a rim passes as much there as any other
        values = np.divide(values, contact, out=np.full_like(values, np.nan), where=on)
    label, unit = fitting(field_label(field), float(np.abs(values[on]).max(initial=0.0)))
    values = values / unit
    clim, extend = robust_limits(values[on]) if on.any() else ((0.0, 1.0), "neither")
    # bright is much current, whatever its direction
    colours = "coolwarm" if clim[0] < 0 < clim[1] else "viridis_r" if clim[1] <= 0 else "viridis"
    straight = "@" in name or name[:2] in ("x_", "y_", "z_")
    light = {"lighting": False} if straight else {"ambient": 0.4, "diffuse": 0.6}
    parts = [_surface(scene, corners[rows], values[rows]) if rows.any() else None for rows in (on, ~on)]

    def fill(plotter: Any) -> None:
        if parts[1] is not None:
            plotter.add_mesh(parts[1], color=_NO_CONTACT, **light)
        if parts[0] is not None:
            plotter.add_mesh(
                parts[0], scalars="field", cmap=colours, clim=clim, show_scalar_bar=False, **light
            )  # fmt: skip

    frame = (0.0, 0.0, 0.6, 0.94)
    with house_style():
        figure = new_figure(size)
        title = shorten(name, 50)
        draw_pane(figure, scene, fill, frame=frame, size=(width, height), margin=0.2 if straight else 0.06, title=title)
        colour_bar(figure, clim, label=label, at=(0.61, 0.25, 0.014, 0.5), cmap=colours, extend=extend)
        if (~on).any():
            text = "grey: no contact" if by_contact else "grey: no value"
            figure.text(0.61, 0.17, text, fontsize=7.5, color="#555555", va="top")
        if field == "current_density":
            true = (values[on], (area * contact)[on])
            _distribution(figure, *true, label=label, head=_figures_of_merit(*true, float(area.sum()), label))
        else:
            weight = (area * contact if by_contact else area)[on]
            _distribution(figure, values[on], weight, label=label, head=_plain_figures(values[on], weight, label))
        return save(figure, path)


#: Fields that mean something in contact only.
_BY_CONTACT = ("current_density", "overpotential")


def plot_interface_file(
    source: str | Path,
    path: str | Path,
    *,
    field: str = "current_density",
    size: Sequence[int] | None = None,
    overwrite: bool = False,
) -> Path:
    """Draw the current through an interface, or another field, from the ``.vtu`` file that a solution has written.

    Parameters
    ----------
    source : str or Path
        Such as ``discharge_LPSCl-NMC.vtu``.
    path : str or Path
        A ``.png`` file.
    field : str
        Of the file: ``current_density``, ``overpotential``, ``contact``; of coupled cells ``gap``, ``deposit`` too.
    size : two int, optional
        Width and height in pixels.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Path
        The picture.

    Raises
    ------
    InputError
        If the file is not such a file or has no such field, or the picture exists or is no ``.png``.

    Examples
    --------
    >>> plot_interface_file("discharge_LPSCl-NMC.vtu", "current.png")  # doctest: +SKIP
    """
    from ssb2mesh.io.mesh_vtu import read_surface_vtu

    if Path(path).suffix.lower() != ".png":
        raise InputError(f"output: got {str(path)!r}; a picture is a .png file")
    path = check_output(path, overwrite=overwrite)
    points, triangles, fields = read_surface_vtu(Path(source))
    missing = [key for key in ("area", "contact", "current_density") if key not in fields]
    if missing:
        raise InputError(
            f"source: {source} has no {', '.join(missing)} on its triangles; give the .vtu file of an interface that a "
            "solve of type charge_transfer has written, such as discharge_LPSCl-NMC.vtu"
        )
    if field not in fields:
        raise InputError(f"field: got {field!r}{nearest(field, fields)}; fields of {source}: {', '.join(fields)}")
    title = Path(source).stem.replace("-at-", "@")
    data = {**fields, "corners": points[triangles]}
    return plot_interface_current(data, path, field=field, name=title, **({} if size is None else {"size": size}))


def _checked(data: Mapping[str, npt.ArrayLike], field: str) -> tuple[npt.NDArray[np.float64], ...]:
    names = ("area", "contact", field)
    missing = [key for key in ("corners", *names) if key not in data]
    if missing:
        raise InputError(f"data: {', '.join(missing)} missing; give what facet_data of a solution returns")
    corners = np.asarray(data["corners"], float)
    if corners.ndim != 3 or corners.shape[1:] != (3, 3) or len(corners) == 0:
        raise InputError(f"corners: got shape {corners.shape}; expected (k, 3, 3) with k > 0")
    rest = [np.asarray(data[key], float) for key in names]
    if any(values.shape != (len(corners),) for values in rest):
        raise InputError(f"data: area, contact and {field} must hold one value for each of {len(corners)} facets")
    return corners, rest[0], rest[1], rest[2]


def _surface(scene: Scene, corners: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> Any:
    points, index = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    triangles = np.asarray(index).reshape(-1, 3)
    return surface_of(grid_of(scene.to_scene(points), triangles, cell_data={"field": values}))


def _distribution(
    figure: Any, values: npt.NDArray[np.float64], area: npt.NDArray[np.float64], *, label: str, head: Sequence[str]
) -> None:
    """Share of the area by value, with the mean in red, and some figures above."""
    axes = figure.add_axes((0.755, 0.2, 0.225, 0.42))
    total = float(area.sum())
    if total <= 0:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no contact", ha="center")
        return
    span = (min(0.0, float(values.min())), max(0.0, float(values.max())))
    if span[1] - span[0] > 5 * float(np.ptp(values)) > 0:
        # far from zero: the scatter is what there is to see
        span = (float(values.min()), float(values.max()))
    axes.hist(
        values, bins=_BINS, range=span if span[1] > span[0] else None, weights=100 * area / total, color="#3b6ea8"
    )
    axes.axvline(float(values @ area) / total, color="#c23b22", linewidth=1.0)
    readable_ticks(axes, "x")
    axes.set_xlabel(label)
    axes.set_ylabel("share of the area (%)")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.text(0.755, 0.92, "\n".join(head), va="top", fontsize=8, linespacing=1.5)


def _figures_of_merit(
    current: npt.NDArray[np.float64], area: npt.NDArray[np.float64], touching: float, label: str
) -> list[str]:
    """Mean, largest and 99 % quantile of the size, contact, utilisation."""
    total = float(area.sum())
    if total <= 0:
        return []
    size = np.abs(current)
    order = np.argsort(size)
    tail = float(size[order][np.searchsorted(np.cumsum(area[order]), 0.99 * total).clip(max=len(order) - 1)])
    mean_size = float(size @ area) / total
    utilisation = (float(size @ area)) ** 2 / (touching * float(size**2 @ area)) if size.any() else 0.0
    largest, quantile = ("-" if mean_size == 0 else number_text(v / mean_size) for v in (float(size.max()), tail))
    return [
        f"mean {number_text(float(current @ area) / total)} {_unit(label)} (red)",
        f"largest / mean {largest}",
        f"99 % quantile / mean {quantile}",
        f"contact {100 * total / touching:.1f} % of the area",
        f"utilisation {100 * utilisation:.1f} %",
    ]


def _plain_figures(values: npt.NDArray[np.float64], area: npt.NDArray[np.float64], label: str) -> list[str]:
    total = float(area.sum())
    if total <= 0:
        return []
    ends = (("smallest", values.min()), ("largest", values.max()))
    mean = f"mean {number_text(float(values @ area) / total)} {_unit(label)}".rstrip()
    return [f"{mean} (red)", *(f"{name} {number_text(float(v))} {_unit(label)}".rstrip() for name, v in ends)]


def _unit(label: str) -> str:
    return label.rpartition(" (")[2].removesuffix(")") if " (" in label and not label.endswith("to 1)") else ""
