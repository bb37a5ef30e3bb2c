"""Plane sections that were put together pixel by pixel: phases, lines between tets, fields. Nothing is cut here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.plot.labels import colour_bar, field_limits, fitting, robust_limits
from ssb2mesh.plot.style import house_style, length_unit, new_figure, phase_colours, phase_legend, save
from ssb2mesh.slabs.raster import Section

__all__ = ["plot_field_sections", "plot_sections"]

#: Colours of what is in the box and has no phase, or no field; and of the planes between slabs.
_BLANK, _GREY, _PLANE = "#FFFFFF", "#DFE2E5", "#222222"
#: Least width of the place of a section, pixels.
_SLOT = 170.0
#: Share of the picture for the legend, and its width in pixels.
_LEGEND, _WIDTH = 0.19, 1800


def plot_sections(
    sections: Sequence[Section],
    path: str | Path,
    *,
    names: Sequence[str],
    notes: Mapping[str, str],
    planes: Sequence[float] = (),
    lines: bool = False,
    titles: Sequence[str] = (),
) -> Path:
    """Draw the phases in some sections side by side, to one scale.

    Parameters
    ----------
    sections : sequence of Section
        From left to right.
    path : str or Path
        A ``.png`` file.
    names : sequence of str
        Phases; tag 1 is the first.
    notes : mapping of str to str
        What stands beside phases in the legend; those without a note are not in it.
    planes : sequence of float
        Heights of planes between slabs, m, drawn as broken lines.
    lines : bool
        Draw the lines between tets.
    titles : sequence of str
        Above the sections; default: where they lie.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the suffix is not ``.png``.
    MissingDependencyError
        If matplotlib is absent.

    Examples
    --------
    >>> plot_sections(sections, "mesh.png", names=["NMC", "pore"], notes={"NMC": "60 %"})  # doctest: +SKIP
    """
    colours = phase_colours(names)
    table = np.array([_rgb(_BLANK), *(_rgb(colour) for colour in colours.values())], np.uint8)

    def image(one: Section) -> npt.NDArray[np.uint8]:
        found = table[one.tags]
        if lines:
            found = np.where(one.lines[..., None] > 0, (0.45 * found).astype(np.uint8), found)
        return found

    with house_style():
        figure, frames = _laid_out(sections)
        for number, (one, frame) in enumerate(zip(sections, frames, strict=True)):
            _panel(figure, one, frame, image(one), planes=planes, title=[*titles][number : number + 1])
        legend = {name: colour for name, colour in colours.items() if name in notes}
        phase_legend(figure, legend, dict(notes), at=(1 - _LEGEND, frames[0][1] + frames[0][3]))
        return save(figure, path)


def plot_field_sections(sections: Sequence[Section], path: str | Path, *, label: str, potential: bool = True) -> Path:
    """Draw a field in some sections side by side, with one scale of colours.

    Parameters
    ----------
    sections : sequence of Section
        With values; not all of them -inf.
    path : str or Path
        A ``.png`` file.
    label : str
        What the colours are, with the unit.
    potential : bool
        Colours span all of the field; otherwise what holds 98 % of it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the suffix is not ``.png``.
    MissingDependencyError
        If matplotlib is absent.

    Examples
    --------
    >>> plot_field_sections(sections, "potential.png", label="potential (V)")  # doctest: +SKIP
    """
    fields = [np.asarray(one.values) for one in sections]
    every = np.concatenate([values[np.isfinite(values)] for values in fields])
    label, unit = fitting(label, float(np.abs(every).max()))
    fields, every = [values / unit for values in fields], every / unit
    limits, extend = (field_limits if potential else robust_limits)(every)
    look: dict[str, Any] = {"cmap": "viridis" if potential else "inferno", "vmin": limits[0], "vmax": limits[1]}
    with house_style():
        figure, frames = _laid_out(sections)
        for one, values, frame in zip(sections, fields, frames, strict=True):
            there = np.where(np.isfinite(values), values, np.nan)
            # grey: meshed, and without a field; white: not meshed
            back = np.where(one.tags[..., None] > 0, _rgb(_GREY), _rgb(_BLANK)).astype(np.uint8)
            axes = _panel(figure, one, frame, back)
            axes.imshow(there, extent=axes.get_images()[0].get_extent(), origin="lower", **look)
        low, height = frames[0][1], frames[0][3]
        bar = (1 - 0.8 * _LEGEND, low + 0.05 * height, 0.012, 0.75 * height)
        colour_bar(figure, limits, label=label, at=bar, cmap=look["cmap"], extend=extend)
        return save(figure, path)


def _laid_out(sections: Sequence[Section]) -> tuple[Any, list[tuple[float, float, float, float]]]:
    """A figure with a frame for each section, as large as the width or a height of 1000 pixels allows."""
    spans = np.array([one.window[1] - one.window[0] for one in sections])
    gap, base, top = 0.055 * _WIDTH, 105.0, 65.0
    wide = (1 - _LEGEND) * _WIDTH - (len(sections) + 0.2) * gap
    scale = min(wide / spans[:, 0].sum(), 1000.0 / spans[:, 1].max())
    height = int(max(scale * spans[:, 1].max(), 220.0) + base + top)
    slots = np.maximum(scale * spans[:, 0], _SLOT)
    left, frames = gap + max(wide - slots.sum(), 0.0) / 2, []
    highest = base + scale * spans[:, 1].max()
    for (across, up), slot in zip(scale * spans, slots, strict=True):
        frames.append(((left + (slot - across) / 2) / _WIDTH, (highest - up) / height, across / _WIDTH, up / height))
        left += slot + gap
    return new_figure((_WIDTH, height)), frames


def _panel(
    figure: Any,
    section: Section,
    frame: tuple[float, float, float, float],
    image: npt.NDArray[np.uint8],
    *,
    planes: Sequence[float] = (),
    title: Sequence[str] = (),
) -> Any:
    """One section with its axes."""
    unit, scale = length_unit(float((section.window[1] - section.window[0]).max()))
    (left, low), (right, high) = section.window / scale
    axes = figure.add_axes(frame)
    axes.imshow(image, origin="lower", extent=(left, right, low, high), interpolation="antialiased")
    across, up = section.axes
    head = [*title, f"{'xyz'[section.normal]} = {section.at / scale:.4g} {unit}"][0]
    axes.set_title(head, pad=4)
    axes.set_xlabel(f"{'xyz'[across]} ({unit})", labelpad=2)
    axes.set_ylabel(f"{'xyz'[up]} ({unit})", labelpad=2)
    axes.locator_params(axis="x", nbins=5 if frame[2] * _WIDTH > _SLOT else 1)
    tall = frame[3] * figure.get_size_inches()[1] * figure.dpi
    axes.locator_params(axis="y", nbins=5 if tall > _SLOT / 2 else 1)
    _draw_planes(axes, section, planes)
    return axes


def _draw_planes(axes: Any, section: Section, planes: Sequence[float]) -> None:
    """Broken lines where slabs meet, if z points up."""
    _, scale = length_unit(float((section.window[1] - section.window[0]).max()))
    low, high = section.window[:, 1]
    for height in planes:
        if section.axes[1] == 2 and low < height < high:
            axes.axhline(height / scale, color=_PLANE, linewidth=0.9, linestyle=(0, (5, 4)), zorder=3)


def _rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
