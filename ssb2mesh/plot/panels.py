"""Several states side by side: one field on the same plane of several meshes, with one scale of colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.plot.labels import colour_bar, robust_limits
from ssb2mesh.plot.scene import Scene, grid_of
from ssb2mesh.plot.style import house_style, new_figure, scale_bar, show_image

__all__ = ["Panel", "plot_panels"]

_GREY, _LINE = "#DFE2E5", "#FFFFFF"
#: Pixels across one panel, of the bar of colours, of the line above.
_PIXELS, _BAR, _HEAD = 330, 190, 44
#: Steps of the scale: enough for the eye, few enough for small files.
_COLOURS = 48


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a row.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    values : (n,) or (m,) array
        One value a point or a tet; NaN where there is none, drawn in grey.
    title : str
        What stands above.

    Raises
    ------
    InputError
        If the values fit neither points nor tets, or are nowhere finite.
    """

    mesh: TaggedMesh
    values: npt.ArrayLike
    title: str

    def __post_init__(self) -> None:
        array = np.asarray(self.values, dtype=np.float64)
        if array.shape not in ((self.mesh.n_points,), (self.mesh.n_tets,)):
            raise InputError(
                f"values: {self.title!r}: got shape {array.shape}; expected ({self.mesh.n_points},), one a point, or "
                f"({self.mesh.n_tets},), one a tet"
            )
        if not np.isfinite(array).any():
            raise InputError(f"values: {self.title!r}: nowhere finite; there is nothing to draw")
        object.__setattr__(self, "values", array)

    @property
    def by_point(self) -> bool:
        """Whether the field belongs to points."""
        return np.asarray(self.values).shape == (self.mesh.n_points,)

    @property
    def live(self) -> npt.NDArray[np.bool_]:
        """(m,) bool array: tets that have values."""
        finite = np.isfinite(np.asarray(self.values))
        return np.asarray(finite[self.mesh.tets].all(axis=1) if self.by_point else finite)


def plot_panels(
    panels: Sequence[Panel],
    path: str | Path,
    *,
    normal: str = "y",
    at: float = 0.5,
    label: str = "potential (V)",
    limits: tuple[float, float] | None = None,
    lines: int = 0,
) -> Path:
    """Draw one field in several states on the same plane, side by side.

    Parameters
    ----------
    panels : sequence of Panel
        From left to right; their boxes should be alike.
    path : str or Path
        A ``.png`` file.
    normal : {"x", "y", "z"}
        Axis across the plane.
    at : float
        Where the plane cuts the box, from 0 to 1.
    label : str
        What the colours are, with the unit.
    limits : (float, float), optional
        Ends of the colours; by default those that hold 98 % of the values of all panels.
    lines : int
        Level lines of a field by point, evenly between the limits.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If there are no panels, or normal, place or lines are out of range.
    MissingDependencyError
        If PyVista or matplotlib is absent.

    Examples
    --------
    >>> plot_panels([Panel(mesh, phi, "intact")], "states.png", normal="x", lines=9)  # doctest: +SKIP
    """
    if not panels or not all(isinstance(panel, Panel) for panel in panels):
        raise InputError(
            f"panels: got {len(panels)} of {[type(p).__name__ for p in panels][:3]}; give Panel(...) objects"
        )
    if normal not in ("x", "y", "z"):
        raise InputError(f"normal: got {normal!r}; allowed: x, y, z")
    if not 0.0 < at < 1.0:
        raise InputError(f"at: got {at!r}; expected a place in the box, above 0 and below 1")
    if isinstance(lines, bool) or not isinstance(lines, int) or lines < 0:
        raise InputError(f"lines: got {lines!r}; expected a whole number, not negative")
    every = np.concatenate([np.asarray(p.values)[np.isfinite(np.asarray(p.values))] for p in panels])
    found, extend = robust_limits(every)
    if limits is None:
        limits = found
    else:
        slack = 1e-3 * (limits[1] - limits[0])  # what solvers leave of a field that ends at the limits
        beyond = (bool(every.min() < limits[0] - slack), bool(every.max() > limits[1] + slack))
        extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}.get(beyond, "both")
    look = {"cmap": "viridis" if panels[0].by_point else "inferno", "clim": limits, "lines": lines}
    tall = _height(panels, normal)
    width, height = len(panels) * _PIXELS + _BAR, tall + _HEAD
    with house_style():
        figure = new_figure((width, height))
        for number, panel in enumerate(panels):
            picture = _draw(panel, (_PIXELS, tall), (normal, at), look)
            show_image(figure, picture.image, (number * _PIXELS / width, 0, _PIXELS / width, tall / height))
            middle = (number + 0.5) * _PIXELS / width
            figure.text(middle, 1 - 0.5 * _HEAD / height, panel.title, ha="center", va="center", fontsize=6.5)
        # beside the panels, whose colours may be as dark as the bar
        margin = figure.add_axes((1 - _BAR / width, 0.0, _BAR / width, 0.3))
        margin.set(xlim=(0, _BAR), ylim=(0, 0.3 * height))
        margin.set_axis_off()
        scale_bar(margin, picture.metres_per_pixel, width=2.5 * _BAR, height=height)
        bar = (1 - 0.9 * _BAR / width, 0.3, 0.012, 0.45)
        colour_bar(figure, limits, label=label, at=bar, cmap=str(look["cmap"]), extend=extend)
        for text in [item for axes in figure.axes for item in (*axes.texts, axes.title, *axes.get_yticklabels())]:
            text.set_fontsize(6.0)
        figure.axes[-1].set_title(label, fontsize=6.5, loc="left", pad=8)
        return _save(figure, Path(path))


def _save(figure: Any, path: Path) -> Path:
    """Write a figure as PNG with a palette of 256 colours: a third of the size of one with all colours."""
    from PIL import Image

    if path.suffix.lower() != ".png":
        raise InputError(f"path: got {path.name!r}; pictures are written as .png")
    figure.canvas.draw()
    image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
    with replacing(path) as (part,):
        image.quantize(256, dither=Image.Dither.NONE).save(part, format="PNG", optimize=True)
    return path


def _height(panels: Sequence[Panel], normal: str) -> int:
    """Pixels along a panel, in proportion to the box."""
    assert panels[0].mesh.box is not None
    size = np.delete(panels[0].mesh.box[1] - panels[0].mesh.box[0], "xyz".index(normal))
    # the upright axis is z, or y where one looks along z
    return int(np.clip(_PIXELS * size[1] / size[0], 0.4 * _PIXELS, 2.5 * _PIXELS))


def _draw(panel: Panel, size: tuple[int, int], plane: tuple[str, float], look: dict[str, Any]) -> Any:
    """Render one panel."""
    mesh, live, (normal, at) = panel.mesh, panel.live, plane
    assert mesh.box is not None
    eye = np.zeros(3)
    # from the front, so that the two axes in the plane run as in a drawing
    eye["xyz".index(normal)] = -1.0 if normal == "y" else 1.0
    scene = Scene(mesh.box, eye)
    points = scene.to_scene(mesh.points)
    box = np.asarray(mesh.box)
    middle = scene.to_scene((box[0] + at * (box[1] - box[0]))[None])[0]
    data = {"field": np.nan_to_num(np.asarray(panel.values))}

    def fill(plotter: Any) -> None:
        style = {
            "scalars": "field",
            "cmap": look["cmap"],
            "clim": look["clim"],
            "show_scalar_bar": False,
            "lighting": False,
        }
        for use, colours in ((live, style), (~live, {"color": _GREY, "lighting": False})):
            if not use.any():
                continue
            fields = {"point_data": data} if panel.by_point else {"cell_data": {"field": data["field"][use]}}
            cut = grid_of(points, mesh.tets[use], **fields).slice(normal=normal, origin=middle)
            if not cut.n_cells:
                continue
            plotter.add_mesh(cut, **colours)
            if use is live and panel.by_point and look["lines"]:
                levels = np.linspace(look["clim"][0], look["clim"][1], look["lines"] + 2)[1:-1]
                level = cut.contour(levels.tolist(), scalars="field")
                if level.n_points:
                    plotter.add_mesh(level, color=_LINE, line_width=1.0, lighting=False)

    return scene.render(fill, size, margin=0.06)
