"""Fields on the mesh: a potential with its current lines, and a map of what passes through a surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh, tet_volumes
from ssb2mesh.plot.labels import colour_bar, field_limits, fitting, robust_limits
from ssb2mesh.plot.panes import draw_pane
from ssb2mesh.plot.scene import EYE, SIDES, Scene, grid_of, quiet_vtk, straight_eye, surface_of
from ssb2mesh.plot.solid import outside_cut_corner
from ssb2mesh.plot.style import (
    check_size,
    house_style,
    new_figure,
    save,
    shorten,
)

__all__ = ["current_density", "plot_current_map", "plot_field"]

_LINES = 160
_GREY = "#DFE2E5"


def plot_field(
    mesh: TaggedMesh,
    values: npt.ArrayLike,
    path: str | Path,
    *,
    conductivity: Mapping[str, float] | None = None,
    current: npt.ArrayLike | None = None,
    label: str = "potential (V)",
    size: Sequence[int] = (1800, 900),
) -> Path:
    """Draw a potential on the cut-away mesh, and beside it the current lines that it drives.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    values : (n,) array
        The field at the points; NaN where there is none, such as in pieces that no contact reaches.
    path : str or Path
        A ``.png`` file.
    conductivity : mapping of str to float, optional
        Conductivity of each phase, S/m; phases not named do not conduct and are drawn in grey. By default all
        phases conduct alike.
    current : (m, 3) array, optional
        Current density in each tet, which the lines follow; default: what the potential drives.
    label : str
        What the colours are; a unit of ``(V)`` becomes mV where that makes shorter numbers.
    size : two int
        Width and height in pixels.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the field does not fit the mesh, is nowhere finite, or a phase is unknown.
    MissingDependencyError
        If PyVista or matplotlib is absent.

    Examples
    --------
    >>> plot_field(mesh, phi, "potential.png", conductivity={"NMC": 10.0})  # doctest: +SKIP
    """
    width, height = check_size(size)
    phi, sigma = _live_part(mesh, values, _cell_conductivity(mesh, conductivity))
    live = sigma > 0
    flow = current_density(mesh, phi, sigma) if current is None else _checked_current(mesh, current)
    assert mesh.box is not None
    scene = Scene(mesh.box, EYE)
    points = scene.to_scene(mesh.points)
    used = np.unique(mesh.tets[live])
    label, scale = fitting(label, float(np.abs(phi[used]).max()))
    phi = phi / scale
    limits, extend = field_limits(phi[used])
    keep = outside_cut_corner(mesh)
    skin = surface_of(grid_of(points, mesh.tets[keep & live], point_data={"field": phi}))
    rest = keep & ~live
    frame = (0.455, 1.0)

    def fill_solid(plotter: Any) -> None:
        # little shading: colours must be those of the bar, on grooves between tets too
        look = {"ambient": 0.62, "diffuse": 0.4, "specular": 0.0, "show_scalar_bar": False}
        plotter.add_mesh(skin, scalars="field", cmap="viridis", clim=limits, n_colors=256, **look)
        if rest.any():
            plotter.add_mesh(surface_of(grid_of(points, mesh.tets[rest])), color=_GREY, ambient=0.55, diffuse=0.4)

    lines = _current_lines(mesh, points, phi, np.where(live[:, None], flow, 0.0))

    def fill_lines(plotter: Any) -> None:
        if lines is not None and lines.n_points:
            tubes = lines.tube(radius=0.0032, n_sides=10)
            plotter.add_mesh(tubes, scalars="field", cmap="viridis", clim=limits, ambient=0.35, diffuse=0.65,
                             specular=0.15, show_scalar_bar=False)  # fmt: skip

    with house_style():
        figure = new_figure(size)
        for left, fill, title in ((0.0, fill_solid, "cut-away"), (frame[0], fill_lines, "current lines")):
            draw_pane(figure, scene, fill, frame=(left, 0.0, *frame), size=(width, height), title=title)
        colour_bar(figure, limits, label=label, at=(0.915, 0.2, 0.014, 0.6), extend=extend)
        if rest.any():
            figure.text(0.915, 0.158, "grey: does\nnot conduct", fontsize=7, color="#555555", va="top")
        if lines is None:
            figure.text(
                frame[0] + 0.5 * frame[0],
                0.5,
                "no lines: the potential\nis the same everywhere",
                ha="center",
                color="#555555",
            )
        return save(figure, path)


def plot_current_map(
    mesh: TaggedMesh,
    name: str,
    values: npt.ArrayLike,
    path: str | Path,
    *,
    label: str = "current density (A/m²)",
    size: Sequence[int] = (1300, 1000),
) -> Path:
    """Draw a field on one facet set: a side of the box straight on, an interface from the corner.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    name : str
        Facet set.
    values : (k,) or (n,) array
        One value a triangle of ``mesh.facet_set(name)``, or one a point of the mesh; NaN is drawn in grey.
    path : str or Path
        A ``.png`` file.
    label : str
        What the colours are, with the unit.
    size : two int
        Width and height in pixels.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the facet set is unknown or empty, the values fit neither its triangles nor the points, or none is finite.
    MissingDependencyError
        If PyVista or matplotlib is absent.

    Examples
    --------
    >>> plot_current_map(mesh, "LPSCl|NMC", i_n, "current.png")  # doctest: +SKIP
    """
    width, height = check_size(size)
    triangles = mesh.facet_set(name)
    array = np.asarray(values, float)
    if len(triangles) == 0:
        raise InputError(
            f"name: the facet set {name!r} holds no triangles; choose one of {', '.join(mesh.facet_names)}"
        )
    if array.shape not in {(len(triangles),), (mesh.n_points,)}:
        raise InputError(
            f"values: got shape {array.shape}; expected ({len(triangles)},), one a triangle of {name!r}, "
            f"or ({mesh.n_points},), one a point"
        )
    by_point = array.shape == (mesh.n_points,)
    finite = np.isfinite(array[triangles]).all(axis=1) if by_point else np.isfinite(array)
    if not finite.any():
        raise InputError(f"values: nowhere finite on {name!r}; there is nothing to draw")
    shown = array[np.unique(triangles[finite])] if by_point else array[finite]
    limits, extend = robust_limits(shown)
    label, unit = fitting(label, float(np.abs(limits).max()))
    array, limits = array / unit, (limits[0] / unit, limits[1] / unit)
    assert mesh.box is not None
    scene = Scene(mesh.box, straight_eye(name))

    def part(use: npt.NDArray[np.bool_]) -> Any:
        points, cells = scene.to_scene(mesh.points), None if by_point else {"field": array[use]}
        return surface_of(grid_of(points, triangles[use], point_data={"field": array} if by_point else None,
                                  cell_data=cells))  # fmt: skip

    colours = "coolwarm" if limits[0] < 0 < limits[1] else "viridis"
    frame = (0.0, 0.0, 0.84, 0.94)
    straight = name.split("@")[-1] in SIDES
    light = {"lighting": False} if straight else {"ambient": 0.4, "diffuse": 0.6}

    def fill(plotter: Any) -> None:
        plotter.add_mesh(part(finite), scalars="field", cmap=colours, clim=limits, show_scalar_bar=False, **light)
        if not finite.all():
            plotter.add_mesh(part(~finite), color=_GREY, **light)

    with house_style():
        figure = new_figure(size)
        title = shorten(name, 50)
        draw_pane(figure, scene, fill, frame=frame, size=(width, height), margin=0.2 if straight else 0.06, title=title)
        colour_bar(figure, limits, label=label, at=(0.855, 0.2, 0.02, 0.58), cmap=colours, extend=extend)
        if not finite.all():
            figure.text(0.855, 0.12, "grey: not\nsolved for", fontsize=7, color="#555555", va="top")
        return save(figure, path)


def current_density(
    mesh: TaggedMesh, phi: npt.NDArray[np.float64], sigma: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the current density of a linear potential in each tet.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    phi : (n,) float array
        Potential, V.
    sigma : (m,) float array
        Conductivity, S/m.

    Returns
    -------
    (m, 3) float array
        ``-sigma grad phi``, A/m2.

    Examples
    --------
    >>> current_density(mesh, mesh.points[:, 2], np.ones(mesh.n_tets))[0]  # doctest: +SKIP
    array([-0., -0., -1.])
    """
    a = mesh.points[mesh.tets[:, 0]]
    u, v, w = (mesh.points[mesh.tets[:, i]] - a for i in (1, 2, 3))
    vw, wu, uv = np.cross(v, w), np.cross(w, u), np.cross(u, v)
    drops = phi[mesh.tets[:, 1:]] - phi[mesh.tets[:, :1]]
    gradient = drops[:, :1] * vw + drops[:, 1:2] * wu + drops[:, 2:] * uv
    gradient /= np.einsum("ij,ij->i", u, vw)[:, None]
    return -sigma[:, None] * gradient


def _checked_current(mesh: TaggedMesh, current: npt.ArrayLike) -> npt.NDArray[np.float64]:
    array = np.asarray(current, float)
    if array.shape != (mesh.n_tets, 3):
        raise InputError(f"current: got shape {array.shape}; expected ({mesh.n_tets}, 3), one vector a tet")
    return np.nan_to_num(array)


def _current_lines(
    mesh: TaggedMesh, points: npt.NDArray[np.float64], phi: npt.NDArray[np.float64], current: npt.NDArray[np.float64]
) -> Any | None:
    """Lines through seeds that are drawn with the current as their weight, so that density shows flow."""
    import pyvista as pv

    volumes = tet_volumes(mesh.points, mesh.tets)
    size = np.linalg.norm(current, axis=1)
    # in ideal conductors current is what rounding leaves of a potential that does not vary
    live = size > 1e-9 * size.max(initial=0.0)
    weight = np.where(live, size * volumes, 0.0)
    if not weight.sum() > 0:
        return None
    tets = mesh.tets[live]
    share = np.bincount(tets.ravel(), np.repeat(volumes[live], 4), mesh.n_points)
    flow = (
        np.column_stack(
            [np.bincount(tets.ravel(), np.repeat(volumes[live] * current[live, i], 4), mesh.n_points) for i in range(3)]
        )
        / np.maximum(share, np.finfo(float).tiny)[:, None]
    )
    flow /= np.abs(flow).max()
    seeds = np.random.default_rng(0).choice(mesh.n_tets, _LINES, p=weight / weight.sum())
    grid = grid_of(points, tets, point_data={"field": phi, "flow": flow})
    with quiet_vtk():
        return grid.streamlines_from_source(
            pv.PolyData(points[mesh.tets[seeds]].mean(axis=1)), vectors="flow", integration_direction="both",
            initial_step_length=0.5, step_unit="cl", max_length=12.0, max_steps=4000, terminal_speed=1e-9,
            interpolator_type="cell",
        )  # fmt: skip


def _cell_conductivity(mesh: TaggedMesh, conductivity: Mapping[str, float] | None) -> npt.NDArray[np.float64]:
    if conductivity is None:
        return np.ones(mesh.n_tets)
    sigma = np.zeros(mesh.n_tets)
    for name, value in conductivity.items():
        if not (np.isfinite(value) and value >= 0):
            raise InputError(f"conductivity: got {value!r} for {name!r}; it is zero or positive, S/m")
        sigma[mesh.cell_tags == mesh.phase_tag(name)] = value
    if not sigma.any():
        raise InputError(f"conductivity: none of the phases {list(conductivity)} conducts; give at least one > 0")
    return sigma


def _live_part(
    mesh: TaggedMesh, values: npt.ArrayLike, sigma: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The field and the conductivity, with tets that the field does not reach (NaN) taken for insulators."""
    phi = np.asarray(values, float)
    if phi.shape != (mesh.n_points,):
        raise InputError(f"values: got shape {phi.shape}; expected ({mesh.n_points},), one value a point of the mesh")
    finite = np.isfinite(phi)
    sigma = np.where(finite[mesh.tets].all(axis=1) & ~_unreached(mesh, finite), sigma, 0.0)
    if not sigma.any():
        raise InputError("values: no tet of the phases that conduct has finite values at its four corners")
    return np.where(finite, phi, 0.0), sigma


def _unreached(mesh: TaggedMesh, finite: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tets of phases without the field: corners on the wall of a phase that has it do not make them part of it."""
    touched = {tag: np.zeros(mesh.n_points, bool) for tag in np.unique(mesh.cell_tags)}
    for tag, mask in touched.items():
        mask[mesh.tets[mesh.cell_tags == tag]] = True
    shared = np.sum(list(touched.values()), axis=0) > 1
    # points of one phase alone tell; a phase too thin to have any stays in doubt, and is drawn
    without = [tag for tag, mask in touched.items() if (mask & ~shared).any() and not finite[mask & ~shared].any()]
    return np.isin(mesh.cell_tags, without)
