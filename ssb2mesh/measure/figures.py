"""Pictures of what was measured, as PNG files. No numbers are made here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssb2mesh.measure.codes import AXES
from ssb2mesh.plot.style import house_style, length_unit, light_grid, new_figure, phase_colours, save
from ssb2mesh.units import length_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ssb2mesh.measure.cracks import Cracks
    from ssb2mesh.measure.particles import Particles
    from ssb2mesh.measure.survey import Measures
    from ssb2mesh.measure.thickness import LocalThickness

__all__ = ["measure_figures", "plot_areas", "plot_cracks", "plot_fractions", "plot_particles", "plot_thickness"]

_SIZE = (1500, 560)
_BLUE, _RED = "#0072B2", "#D55E00"


def measure_figures(measures: Measures) -> Iterator[tuple[str, str, str, Callable[[Path], Path]]]:
    """Give for each picture of a survey a file name, a title, a caption and the function that draws it into a path.

    Parameters
    ----------
    measures : Measures
        What was measured.

    Yields
    ------
    tuple
        ``(name, title, caption, draw)``.

    Examples
    --------
    >>> [title for _, title, _, _ in measure_figures(measures)]  # doctest: +SKIP
    ['Profiles', 'Interfaces measured']
    """
    text = "Volume fractions by layer of voxels along x, y and z, and of sub-volumes (mean and standard deviation)."
    yield "fractions.png", "Profiles", text, partial(plot_fractions, measures)
    if measures.areas.names:
        text = "Area of each interface: voxel faces, and what they are of the smooth surface; what each phase touches."
        yield "areas.png", "Interfaces measured", text, partial(plot_areas, measures)
    for number, one in enumerate(measures.particles.values(), 1):
        text = "Equivalent diameters of particles that touch no side of the box, and what particles touch."
        yield f"particles-{number}.png", f"Particles: {one.phase}", text, partial(plot_particles, one)
    for number, thick in enumerate(measures.thickness.values(), 1):
        text = "Diameter of the largest ball inside the phase at each place: distribution, and the middle slice."
        yield (
            f"thickness-{number}.png",
            f"Local thickness: {thick.phase}",
            text,
            partial(plot_thickness, thick),
        )
    for number, crack in enumerate(measures.cracks.values(), 1):
        text = "Width by area, and the directions of the normals (equal-area projection of the upper half, z up)."
        yield f"cracks-{number}.png", f"Cracks: {crack.phase}", text, partial(plot_cracks, crack)


def plot_fractions(measures: Measures, path: str | Path, *, size: Sequence[int] = _SIZE) -> Path:
    """Draw the profiles along the three axes and the fractions of sub-volumes.

    Parameters
    ----------
    measures : Measures
        What was measured.
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
        If the suffix or size is not allowed.
    MissingDependencyError
        If matplotlib is absent.

    Examples
    --------
    >>> plot_fractions(measures, "fractions.png")  # doctest: +SKIP
    """
    fractions, study = measures.fractions, measures.representative
    shown = _largest(fractions.phases, fractions.total)
    colours = phase_colours(fractions.phases)
    with house_style():
        figure = new_figure(size)
        for column, axis in enumerate(AXES):
            axes = _panel(figure, column, 4)
            places = fractions.positions[axis]
            unit, scale = length_unit(float(np.ptp(places)) or float(places[0]) or 1.0)
            for name in shown:
                axes.plot(
                    places / scale, 100 * fractions.profile(name, axis)[1], color=_dark(colours[name]), label=name
                )
            axes.set_xlabel(f"{axis} ({unit})")
            axes.set_ylim(0, None)
            if column == 0:
                axes.set_ylabel("volume fraction (%)")
        axes = _panel(figure, 3, 4)
        rows = study.statistics()
        unit, scale = length_unit(max(row["size"] for row in rows))
        for name in shown:
            mine = [row for row in rows if row["phase"] == name]
            x = [row["size"] / scale for row in mine]
            spread = [100 * row["std"] if np.isfinite(row["std"]) else 0.0 for row in mine]
            axes.errorbar(x, [100 * row["mean"] for row in mine], spread, color=_dark(colours[name]), marker="o",
                          markersize=3, linewidth=0.9, capsize=2.5)  # fmt: skip
        axes.set_xlabel(f"edge of sub-volumes ({unit})")
        axes.set_ylim(0, None)
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="upper left", bbox_to_anchor=(0.05, 0.995), ncols=6, borderaxespad=0.2)
        return save(figure, path)


def plot_areas(measures: Measures, path: str | Path, *, size: Sequence[int] = _SIZE) -> Path:
    """Draw the areas of the interfaces, and the shares of each phase's surface by what it touches.

    Parameters
    ----------
    measures : Measures
        What was measured.
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
        If the suffix or size is not allowed.

    Examples
    --------
    >>> plot_areas(measures, "areas.png")  # doctest: +SKIP
    """
    areas = measures.areas
    names = sorted(areas.names, key=areas.area, reverse=True)[:10]
    colours = phase_colours(areas.phases)
    with house_style():
        figure = new_figure(size)
        axes = figure.add_axes((0.15, 0.16, 0.33, 0.72))
        kinds = [("voxel faces", [areas.faces[areas._place(n)] for n in names], "#C9CDD1"),
                 ("corrected", [areas.area(n) for n in names], _BLUE),
                 ("Crofton", [areas.crofton[areas._place(n)] for n in names], "#56B4E9")]  # fmt: skip
        if areas.mesh:
            kinds.append(("mesh", [areas.mesh.get(n, 0.0) for n in names], _RED))
        largest = max(max(v) for _, v, _ in kinds)
        unit, scale = length_unit(float(np.sqrt(largest)))
        height = 0.8 / len(kinds)
        for k, (label, values, colour) in enumerate(kinds):
            axes.barh(np.arange(len(names)) + (k + 0.5) * height - 0.4, np.array(values) / scale**2, height * 0.9,
                      color=colour, label=label)  # fmt: skip
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel(f"area ({unit}²)")
        axes.ticklabel_format(axis="x", style="plain", useOffset=False)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.3, 1.0), ncols=4, borderaxespad=0.1, columnspacing=1.0,
                    handlelength=1.1)  # fmt: skip
        light_grid(axes, "x")
        axes = figure.add_axes((0.6, 0.16, 0.375, 0.72))
        phases = [name for name in areas.phases if areas.surface(name) > 0][:10]
        left = np.zeros(len(phases))
        for other in areas.phases:
            share = np.array([areas.contact_fraction(p, other) if p != other else 0.0 for p in phases])
            if share.any():
                axes.barh(range(len(phases)), 100 * share, 0.7, left=left, color=colours[other], label=other)
                left += 100 * share
        axes.set_yticks(range(len(phases)), [f"{name} touches" for name in phases])
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("share of the surface (%)")
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=6, borderaxespad=0.1, handlelength=1.1)
        light_grid(axes, "x")
        return save(figure, path)


def plot_particles(particles: Particles, path: str | Path, *, size: Sequence[int] = _SIZE) -> Path:
    """Draw the diameters of particles by number and by volume, and what particles touch.

    Parameters
    ----------
    particles : Particles
        Of one phase.
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
        If the suffix or size is not allowed.

    Examples
    --------
    >>> plot_particles(particles, "particles.png")  # doctest: +SKIP
    """
    chosen = particles.whole if particles.whole.any() else np.ones(len(particles), bool)
    diameters, volumes = particles.diameters[chosen], particles.volumes[chosen]
    unit, scale = length_unit(float(diameters.max()))
    found = particles.summary()
    with house_style():
        figure = new_figure(size)
        axes = figure.add_axes((0.08, 0.16, 0.4, 0.72))
        bins = np.linspace(0, 1.02 * diameters.max() / scale, 25)
        for weights, label, colour in ((np.ones(len(diameters)), "by number", _BLUE), (volumes, "by volume", _RED)):
            counts, _ = np.histogram(diameters / scale, bins, weights=weights / weights.sum())
            axes.stairs(100 * counts, bins, color=colour, linewidth=1.4, label=label)
        axes.set_xlabel(f"equivalent diameter ({unit})")
        axes.set_ylabel("share (%)")
        mean = length_text(found["mean diameter"], digits=3)
        axes.set_title(
            f"{particles.phase}: {len(particles)} in all, {int(found['whole'])} whole, mean {mean}", loc="left"
        )
        axes.legend()
        light_grid(axes, "y")
        axes = figure.add_axes((0.57, 0.16, 0.4, 0.72))
        colours = phase_colours(particles.areas)
        for other in particles.areas:
            shares = particles.contact_fractions(other)
            shares = np.sort(shares[np.isfinite(shares)])
            if len(shares):
                axes.step(100 * shares, 100 * (1 - np.arange(len(shares)) / len(shares)), where="post",
                          color=_dark(colours[other]), label=other)  # fmt: skip
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 101)
        axes.set_xlabel("share of a particle's surface that touches the phase (%)")
        axes.set_ylabel("particles with at least that (%)")
        axes.legend()
        light_grid(axes, "y")
        return save(figure, path)


def plot_thickness(thickness: LocalThickness, path: str | Path, *, size: Sequence[int] = _SIZE) -> Path:
    """Draw the distribution of the local thickness and the middle slice normal to z.

    Parameters
    ----------
    thickness : LocalThickness
        Of one phase.
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
        If the suffix or size is not allowed.

    Examples
    --------
    >>> plot_thickness(thickness, "thickness.png")  # doctest: +SKIP
    """
    edges, shares = thickness.histogram()
    found = thickness.summary()
    unit, scale = length_unit(found["largest"])
    with house_style():
        figure = new_figure(size)
        axes = figure.add_axes((0.08, 0.16, 0.42, 0.72))
        axes.stairs(100 * shares, edges / scale, fill=True, color=_BLUE)
        axes.set_xlabel(f"local thickness ({unit})")
        axes.set_ylabel("share of the phase (%)")
        mean = length_text(found["mean"], digits=3)
        axes.set_title(f"{thickness.phase}: mean {mean}", loc="left")
        light_grid(axes, "y")
        axes = figure.add_axes((0.55, 0.08, 0.36, 0.8))
        plane = thickness.thickness[:, :, thickness.thickness.shape[2] // 2].T / scale
        image = axes.imshow(np.where(plane > 0, plane, np.nan), origin="lower", cmap="viridis", interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title("middle slice normal to z", loc="left")
        bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
        bar.set_label(unit)
        return save(figure, path)


def plot_cracks(cracks: Cracks, path: str | Path, *, size: Sequence[int] = _SIZE) -> Path:
    """Draw the distribution of crack widths, and the directions of the normals.

    Parameters
    ----------
    cracks : Cracks
        Of one phase.
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
        If the suffix or size is not allowed.

    Examples
    --------
    >>> plot_cracks(cracks, "cracks.png")  # doctest: +SKIP
    """
    edges, shares = cracks.histogram()
    found = cracks.summary()
    # the few faces at rims and forks reach far out
    end = edges[min(int(np.searchsorted(np.cumsum(shares), 0.995)) + 2, len(edges) - 1)]
    unit, scale = length_unit(float(end))
    with house_style():
        figure = new_figure(size)
        axes = figure.add_axes((0.08, 0.16, 0.47, 0.72))
        axes.stairs(100 * shares, edges / scale, fill=True, color=_BLUE)
        axes.set_xlim(0, end / scale)
        axes.set_xlabel(f"width ({unit})")
        axes.set_ylabel("share of the area (%)")
        if "mean width" in found:
            mean, peak = (length_text(found[k], digits=3) for k in ("mean width", "most frequent width"))
            axes.set_title(f"{cracks.phase}: mean {mean}, most frequent {peak}", loc="left")
        light_grid(axes, "y")
        axes = figure.add_axes((0.62, 0.06, 0.32, 0.84))
        _poles(figure, axes, cracks)
        return save(figure, path)


def _poles(figure: Figure, axes: Axes, cracks: Cracks) -> None:
    """Density of normals in the equal-area projection, 1 where all directions are alike."""
    n = cracks.normals
    factor = np.sqrt(1.0 / (1.0 + np.clip(n[:, 2], 0, 1)))
    bins = np.linspace(-1, 1, 31)
    flat = np.column_stack([n[:, 0] * factor, n[:, 1] * factor])
    counts, _ = np.histogramdd(flat, (bins, bins), weights=cracks.areas)
    middle = 0.5 * (bins[1:] + bins[:-1])
    inside = middle[:, None] ** 2 + middle[None, :] ** 2 <= 1
    density = np.where(inside, counts / max(counts.sum(), 1e-300) * np.pi / (bins[1] - bins[0]) ** 2, np.nan)
    image = axes.imshow(density.T, origin="lower", extent=(-1, 1, -1, 1), cmap="viridis")
    angle = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(angle), np.sin(angle), color="#555555", linewidth=0.8)
    for text, x, y in (("x", 1.08, 0), ("y", 0, 1.08)):
        axes.text(x, y, text, ha="center", va="center", style="italic")
    axes.set_axis_off()
    axes.set_xlim(-1.15, 1.15)
    axes.set_ylim(-1.15, 1.15)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("density of normals (1: any direction)")


def _panel(figure: Figure, column: int, columns: int) -> Axes:
    width = 0.93 / columns
    axes = figure.add_axes((0.055 + column * width, 0.16, width - 0.045, 0.72))
    light_grid(axes, "y")
    return axes


def _largest(names: tuple[str, ...], values: Any) -> list[str]:
    """The ten names of the largest values, in their own order."""
    top = set(np.argsort(-np.asarray(values))[:10].tolist())
    return [name for number, name in enumerate(names) if number in top]


def _dark(colour: str) -> str:
    """Light greys are drawn darker as lines."""
    return "#7A8288" if colour.upper() == "#D9DCDF" else colour
