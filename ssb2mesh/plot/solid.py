"""The mesh as a solid: cut away to show its inside, and its interfaces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.plot.scene import CUT_CORNER, EYE, Scene, grid_of, surface_of
from ssb2mesh.plot.style import (
    axes_triad,
    check_size,
    house_style,
    length_unit,
    new_figure,
    number_text,
    phase_colours,
    phase_legend,
    save,
    scale_bar,
    shorten,
    show_image,
)

__all__ = ["outside_cut_corner", "plot_cutaway", "plot_interfaces"]


def plot_cutaway(
    mesh: TaggedMesh,
    path: str | Path,
    *,
    size: Sequence[int] = (1600, 1200),
    phases: Sequence[str] | None = None,
    edges: bool | None = None,
) -> Path:
    """Draw the mesh by phase with the corner next to the eye left out, whole tets showing.

    Parameters
    ----------
    mesh : TaggedMesh
        What to draw.
    path : str or Path
        A ``.png`` file.
    size : two int
        Width and height in pixels.
    phases : sequence of str, optional
        Draw these phases only; without the others their surfaces can be seen.
    edges : bool, optional
        Draw the edges of the tets; by default where they are at least five pixels long.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If a phase is unknown, or the suffix or size is not allowed.
    MissingDependencyError
        If PyVista or matplotlib is absent.

    Examples
    --------
    >>> plot_cutaway(mesh, "mesh.png")  # doctest: +SKIP
    """
    width, height = check_size(size)
    assert mesh.box is not None
    shown = list(mesh.cell_names) if phases is None else [n for n in phases if mesh.phase_tag(n) is not None]
    colours = phase_colours(mesh.cell_names)
    scene = Scene(mesh.box, EYE)
    keep = outside_cut_corner(mesh) & np.isin(mesh.cell_tags, [mesh.cell_names[n] for n in shown])
    if not keep.any():
        raise InputError(f"phases: nothing to draw of {shown}; phases: {', '.join(mesh.cell_names)}")
    surface = surface_of(
        grid_of(scene.to_scene(mesh.points), mesh.tets[keep], cell_data={"phase": mesh.cell_tags[keep]})
    )
    frame = (0.0, 0.0, 0.8, 1.0)
    canvas = (round(frame[2] * width), height)
    typical = np.sqrt(surface.area / max(surface.n_cells, 1) * 2.3) * min(canvas) / 1.8
    with_edges = bool(typical >= 5) if edges is None else edges
    rgb = _cell_colours(surface["phase"], mesh, colours)

    def fill(plotter: Any) -> None:
        surface["rgb"] = rgb
        plotter.add_mesh(
            surface, scalars="rgb", rgb=True, show_edges=with_edges, edge_color="#1c1c1c", edge_opacity=0.45,
            line_width=max(0.6, min(1.5, typical / 12)), ambient=0.42, diffuse=0.58, specular=0.0,
        )  # fmt: skip

    picture = scene.render(fill, canvas)
    volumes = mesh.phase_volumes()
    notes = {name: f"{100 * volumes[name] / mesh.box_volume:.1f} %" for name in shown}
    with house_style():
        figure = new_figure(size)
        axes = show_image(figure, picture.image, frame)
        scale_bar(axes, picture.metres_per_pixel, width=canvas[0], height=canvas[1])
        axes_triad(axes, picture.directions, width=canvas[0], height=canvas[1])
        phase_legend(figure, {n: colours[n] for n in shown}, notes, at=(0.8, 0.94))
        text = f"{_count(mesh.n_tets)} tets\n{_count(mesh.n_points)} points"
        figure.text(0.8, 0.06, text, fontsize=8, color="#555555", va="bottom")
        return save(figure, path)


def plot_interfaces(
    mesh: TaggedMesh,
    path: str | Path,
    *,
    size: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
) -> Path:
    """Draw interfaces, a panel each, in the colour of the phase that lies behind the surface.

    Parameters
    ----------
    mesh : TaggedMesh
        What to draw.
    path : str or Path
        A ``.png`` file.
    size : two int, optional
        Width and height in pixels; by default 1800 wide and as high as the panels need.
    names : sequence of str, optional
        Facet sets; by default the interfaces ``"A|B"``, the six of largest area.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If there is no such facet set, or no interface at all.
    MissingDependencyError
        If PyVista or matplotlib is absent.

    Examples
    --------
    >>> plot_interfaces(mesh, "interfaces.png", names=["LPSCl|NMC"])  # doctest: +SKIP
    """
    assert mesh.box is not None
    areas = mesh.facet_areas()
    every = sorted((n for n in mesh.facet_names if "|" in n and areas[n] > 0), key=lambda n: -areas[n])
    chosen = list(names) if names is not None else every[:6]
    if not chosen:
        raise InputError("names: the mesh has no interface 'A|B'; name the facet sets to draw")
    for name in chosen:
        mesh.facet_tag(name)
    scene = Scene(mesh.box, EYE)
    colours = phase_colours(sorted({*mesh.cell_names, *(p for n in every for p in n.split("|"))}))
    columns = min(len(chosen), 3)
    rows = -(-len(chosen) // columns)
    width, height = check_size(size or (1800, 110 + rows * (700 if columns > 1 else 1100)))
    top, bottom = 60 * width / 1800 / height, 100 * width / 1800 / height
    cell = (1 / columns, (1 - bottom) / rows)
    canvas = (round(cell[0] * width), round((cell[1] - top) * height))
    unit, scale = length_unit(scene.scale)
    with house_style():
        figure = new_figure((width, height))
        for number, name in enumerate(chosen):
            row, column = divmod(number, columns)
            picture = scene.render(partial(_add_interface, mesh=mesh, scene=scene, name=name, colours=colours), canvas)
            left, low = column * cell[0], 1 - (row + 1) * cell[1]
            axes = show_image(figure, picture.image, (left, low, cell[0], cell[1] - top))
            scale_bar(axes, picture.metres_per_pixel, width=canvas[0], height=canvas[1])
            title = f"{shorten(name, 34)}   {number_text(areas[name] / scale**2)} {unit}²"
            figure.text(left + cell[0] / 2, low + cell[1] - top * 0.3, title, ha="center", va="top", fontsize=9)
        left_out = len(every) - len(chosen) if names is None else 0
        _interface_legend(figure, chosen, colours, left_out=left_out)
        return save(figure, path)


def outside_cut_corner(mesh: TaggedMesh) -> npt.NDArray[np.bool_]:
    """Return which tets stay when the corner of the box next to the eye is taken out, (m,) bool."""
    assert mesh.box is not None
    middle = mesh.box.mean(axis=0)
    inside = np.ones(mesh.n_tets, bool)
    for axis in range(3):
        centre = mesh.points[:, axis][mesh.tets].mean(axis=1)
        inside &= (centre > middle[axis]) == CUT_CORNER[axis]
    return ~inside


def _add_interface(plotter: Any, *, mesh: TaggedMesh, scene: Scene, name: str, colours: dict[str, str]) -> None:
    triangles = mesh.facet_set(name)
    if len(triangles) == 0:
        return
    surface = surface_of(grid_of(scene.to_scene(mesh.points), triangles))
    # normals point from A to B: who looks at the front stands in B and sees the skin of A
    sides = name.split("|") if name.count("|") == 1 else [name.split("@")[0]] * 2
    front, back = (colours.get(side, "#0072B2") for side in sides)
    look = {"ambient": 0.3, "diffuse": 0.68, "specular": 0.05, "specular_power": 12}
    plotter.add_mesh(surface, color=front, smooth_shading=False, backface_params={"color": back, **look}, **look)


def _interface_legend(figure: Any, names: Sequence[str], colours: dict[str, str], *, left_out: int) -> None:
    from matplotlib.patches import Patch

    inch = 1 / figure.get_figheight()
    phases = sorted({side for name in names for side in name.split("|") if side in colours})
    handles = [Patch(facecolor=colours[p], edgecolor="#555555", linewidth=0.4, label=shorten(p)) for p in phases]
    title = "colour: the phase behind the surface"
    if left_out:
        title += f"; {left_out} smaller interface{'s' if left_out > 1 else ''} not shown"
    figure.legend(handles=handles, loc="lower center", ncols=min(len(handles), 8), bbox_to_anchor=(0.5, 0.19 * inch),
                  handlelength=1.1, handleheight=1.1, columnspacing=1.6, borderaxespad=0)  # fmt: skip
    figure.text(0.5, 0.055 * inch, title, ha="center", va="bottom", fontsize=7.5, color="#555555")


def _cell_colours(tags: npt.NDArray[np.integer], mesh: TaggedMesh, colours: dict[str, str]) -> npt.NDArray[np.uint8]:
    order = np.argsort(list(mesh.cell_names.values()))
    names = [list(mesh.cell_names)[i] for i in order]
    sorted_tags = np.array([mesh.cell_names[n] for n in names])
    lut = np.array([[int(colours[n][i : i + 2], 16) for i in (1, 3, 5)] for n in names], np.uint8)
    return lut[np.searchsorted(sorted_tags, tags)]


def _count(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")
