"""Slices of a labelled volume, phases in colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssb2mesh.errors import InputError
from ssb2mesh.plot.style import house_style, length_unit, new_figure, phase_colours, phase_legend, save
from ssb2mesh.volume import LabelledVolume

__all__ = ["plot_slices"]


def plot_slices(
    volume: LabelledVolume,
    path: str | Path,
    *,
    size: Sequence[int] = (1800, 540),
    at: Sequence[float] = (0.5, 0.5, 0.5),
) -> Path:
    """Draw three slices through a volume, normal to z, y and x, to one scale.

    Parameters
    ----------
    volume : LabelledVolume
        What to draw.
    path : str or Path
        A ``.png`` file.
    size : two int
        Width and height in pixels.
    at : three float
        Where to cut along x, y, z, as a share of the box.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the suffix, the size or a share is not allowed.
    MissingDependencyError
        If matplotlib is absent.

    Examples
    --------
    >>> plot_slices(volume, "slices.png")  # doctest: +SKIP
    """
    if len(at) != 3 or not all(0 <= share <= 1 for share in at):
        raise InputError(f"at: got {at!r}; give three shares of the box from 0 to 1, along x, y, z")
    with house_style():
        figure = new_figure(size)
        colours = phase_colours(volume.phase_names)
        lut = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours.values()], np.uint8)
        unit, scale = length_unit(max(volume.size))
        edges = volume.box / scale
        legend = 0.16
        panels = [(2, 0, 1), (1, 0, 2), (0, 1, 2)]
        width, height = figure.get_size_inches()
        gap, base, top = 0.55 / width, 0.42 / height, 0.26 / height
        spans = edges[1] - edges[0]
        per_inch = max(
            sum(spans[h] for _, h, _ in panels) / ((1 - legend - 3 * gap - 0.01) * width),
            max(spans[v] for _, _, v in panels) / ((1 - base - top) * height),
        )
        free = 1 - legend - 4 * gap - sum(spans[h] for _, h, _ in panels) / per_inch / width
        left, highest = gap + max(free, 0.0) / 2, 0.0
        for normal, across, up in panels:
            index = min(int(at[normal] * volume.shape[normal]), volume.shape[normal] - 1)
            plane = np.take(volume.labels, index, axis=normal)
            positions = np.searchsorted(np.array(list(volume.phases)), plane)
            w, h = spans[across] / per_inch / width, spans[up] / per_inch / height
            axes = figure.add_axes((left, base + (1 - base - top - h) / 2, w, h))
            extent = (edges[0, across], edges[1, across], edges[0, up], edges[1, up])
            smooth = "antialiased" if max(plane.shape) > 400 else "nearest"
            axes.imshow(lut[positions].transpose(1, 0, 2), origin="lower", extent=extent, interpolation=smooth)
            centre = volume.origin[normal] + (index + 0.5) * volume.spacing[normal]
            axes.set_title(f"{'xyz'[normal]} = {centre / scale:.4g} {unit}", pad=4)
            axes.set_xlabel(f"{'xyz'[across]} ({unit})", labelpad=2)
            axes.set_ylabel(f"{'xyz'[up]} ({unit})", labelpad=2)
            axes.locator_params(nbins=5)
            left += w + gap
            highest = max(highest, base + (1 - base - top + h) / 2)
        notes = {name: f"{100 * share:.1f} %" for name, share in volume.volume_fractions().items()}
        phase_legend(figure, colours, notes, at=(left - gap + 0.18 / width, highest))
        return save(figure, path)
