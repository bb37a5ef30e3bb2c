"""A field by tet or point, such as a von Mises stress: on the cut-away mesh, and on a plane through its middle.

Thin lines show where phases meet, or a dark phase would be one black patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.plot.labels import colour_bar, fitting, robust_limits
from ssb2mesh.plot.panes import draw_pane
from ssb2mesh.plot.scene import EYE, Scene, grid_of, straight_eye, surface_of
from ssb2mesh.plot.solid import outside_cut_corner
from ssb2mesh.plot.style import check_size, house_style, new_figure, save

__all__ = ["plot_cell_field"]

_GREY = "#DFE2E5"
#: Lines between phases: seen on the dark end of one scale of colours and on the grey middle of the other.
_WALLS = {"inferno": "#B8C4CE", "coolwarm": "#333333"}


def plot_cell_field(
    mesh: TaggedMesh,
    values: npt.ArrayLike,
    path: str | Path,
    *,
    label: str = "von Mises (Pa)",
    limits: tuple[float, float] | None = None,
    size: Sequence[int] = (1800, 900),
) -> Path:
    """Draw a field by tet or by point on the cut-away mesh, and beside it on the plane through the middle across y.

    Thin lines show where two phases meet.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    values : (m,) or (n,) array
        One value a tet or one a point; NaN where there is none, drawn in grey.
    path : str or Path
        A ``.png`` file.
    label : str
        What the colours are; a unit of ``(Pa)`` becomes MPa or GPa where that makes shorter numbers.
    limits : (float, float), optional
        Ends of the colours; by default the 1st and 99th percentile, because stresses at edges have no largest value.
    size : two int
        Width and height in pixels.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the field does not fit the mesh or is nowhere finite.
    MissingDependencyError
        If PyVista or matplotlib is absent.

    Examples
    --------
    >>> plot_cell_field(mesh, solution.cell_data()["von_mises"], "stress.png")  # doctest: +SKIP
    """
    width, height = check_size(size)
    array = np.asarray(values, float)
    if array.shape not in ((mesh.n_tets,), (mesh.n_points,)):
        raise InputError(
            f"values: got shape {array.shape}; expected ({mesh.n_tets},), one a tet, or ({mesh.n_points},), one a point"
        )
    by_point = array.shape == (mesh.n_points,)
    live = np.isfinite(array[mesh.tets]).all(axis=1) if by_point else np.isfinite(array)
    if not live.any():
        raise InputError("values: nowhere finite; there is nothing to draw")
    shown = array[np.unique(mesh.tets[live])] if by_point else array[live]
    found, extend = robust_limits(shown)
    label, scale = fitting(label, float(np.abs(found).max()))
    array, found = array / scale, (found[0] / scale, found[1] / scale)
    limits = found if limits is None else (limits[0] / scale, limits[1] / scale)
    colours = "coolwarm" if limits[0] < 0 < limits[1] else "inferno"
    assert mesh.box is not None
    frame = (0.455, 1.0)
    look = {"scalars": "field", "cmap": colours, "clim": limits, "n_colors": 256, "show_scalar_bar": False}

    def grid(points: npt.NDArray[np.float64], use: npt.NDArray[np.bool_]) -> Any:
        if by_point:
            return grid_of(points, mesh.tets[use], point_data={"field": array})
        return grid_of(points, mesh.tets[use], cell_data={"field": array[use]})

    corner, plane = Scene(mesh.box, EYE), Scene(mesh.box, straight_eye("y_min"))
    keep = outside_cut_corner(mesh)

    def fill_corner(plotter: Any) -> None:
        points = corner.to_scene(mesh.points)
        plotter.add_mesh(surface_of(grid(points, keep & live)), ambient=0.62, diffuse=0.4, specular=0.0, **look)
        if (keep & ~live).any():
            plotter.add_mesh(surface_of(grid(points, keep & ~live)), color=_GREY, ambient=0.55, diffuse=0.4)
        skin = surface_of(grid_of(points, mesh.tets[keep], cell_data={"phase": mesh.cell_tags[keep]}))
        _add_walls(plotter, _edges_between_phases(skin), corner, colour=_WALLS[colours])

    def fill_plane(plotter: Any) -> None:
        points = plane.to_scene(mesh.points)
        middle = plane.to_scene(np.asarray(mesh.box).mean(axis=0)[None])[0]
        for use, style in ((live, look), (~live, {"color": _GREY})):
            cut = grid(points, use).slice(normal="y", origin=middle) if use.any() else None
            if cut is not None and cut.n_cells:
                plotter.add_mesh(cut, lighting=False, **style)
        walls = _inner_walls(mesh)
        if len(walls):
            cut = surface_of(grid_of(points, walls)).slice(normal="y", origin=middle)
            _add_walls(plotter, cut, plane, colour=_WALLS[colours])

    with house_style():
        figure = new_figure(size)
        panes = ((0.0, corner, fill_corner, "cut-away"), (frame[0], plane, fill_plane, "middle plane across y"))
        for left, scene, fill, title in panes:
            margin = 0.24 if scene is plane else 0.06
            at = (left, 0.0, *frame)
            draw_pane(figure, scene, fill, frame=at, size=(width, height), margin=margin, title=title)
        colour_bar(figure, limits, label=label, at=(0.912, 0.2, 0.014, 0.6), cmap=colours, extend=extend)
        if not live.all():
            figure.text(0.915, 0.158, "grey: not\nsolved for", fontsize=7, color="#555555", va="top")
        return save(figure, path)


def _inner_walls(mesh: TaggedMesh) -> npt.NDArray[np.integer]:
    """Triangles between two phases of the mesh, (k, 3)."""
    names = [
        name for name in mesh.facet_names if "|" in name and all(side in mesh.cell_names for side in name.split("|"))
    ]
    return np.concatenate([np.empty((0, 3), mesh.tets.dtype), *(mesh.facet_set(name) for name in names)])


def _edges_between_phases(skin: Any) -> Any:
    """Lines along which triangles of two phases meet on a surface that knows the phase of each triangle."""
    import pyvista as pv

    corners = skin.faces.reshape(-1, 4)[:, 1:]
    edges = np.sort(corners[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    tags = np.repeat(skin["phase"], 3)
    order = np.lexsort((tags, *edges.T))
    edges, tags = edges[order], tags[order]
    chosen = edges[1:][(edges[1:] == edges[:-1]).all(axis=1) & (tags[1:] != tags[:-1])]
    return pv.PolyData(skin.points, lines=np.column_stack([np.full(len(chosen), 2), chosen]).ravel())


def _add_walls(plotter: Any, lines: Any, scene: Scene, *, colour: str) -> None:
    """Add lines a little nearer to the eye than the surface that they lie on."""
    if lines.n_cells:
        nearer = lines.translate(0.002 * scene.eye / np.linalg.norm(scene.eye), inplace=False)
        plotter.add_mesh(nearer, color=colour, line_width=1.6, lighting=False)
