"""Off-screen 3-D rendering: PyVista in, an image and its scale out. What is shown is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import MissingDependencyError
from ssb2mesh.plot.style import INSTALL

__all__ = ["CUT_CORNER", "SIDES", "Picture", "Scene", "grid_of", "import_pyvista", "straight_eye", "surface_of"]

#: Direction from the scene to the eye: x to the right, y away, z up.
EYE = np.array([1.0, -1.45, 0.95])
#: The corner of the box next to the eye, which cut-away pictures leave out: upper x, lower y, upper z.
CUT_CORNER = np.array([True, False, True])
#: Sides of the box: axis and end.
SIDES = {f"{axis}_{end}": (n, end) for n, axis in enumerate("xyz") for end in ("min", "max")}


@dataclass(frozen=True)
class Picture:
    """An image with what is needed to annotate it.

    Parameters
    ----------
    image : (height, width, 3) uint8 array
        White where nothing is.
    metres_per_pixel : float
        Exact, as the projection is parallel.
    directions : (3, 2) float array
        Directions of x, y, z in the image, y up, of the length they appear with.
    """

    image: npt.NDArray[np.uint8]
    metres_per_pixel: float
    directions: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """How the box is looked at.

    Parameters
    ----------
    box : (2, 3) float array
        Lower and upper corner, m; it fills the picture.
    eye : (3,) float array
        Direction from the box to the eye.
    """

    box: npt.NDArray[np.float64]
    eye: npt.NDArray[np.float64]

    @property
    def scale(self) -> float:
        """Metres per scene unit: VTK's tolerances are made for lengths about one, not for micrometres."""
        return float(np.max(self.box[1] - self.box[0]))

    def to_scene(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return points in scene units."""
        return (points - self.box[0]) / self.scale

    def render(self, fill: Callable[[Any], None], size: Sequence[int], *, margin: float = 0.06) -> Picture:
        """Draw what `fill` adds to a plotter.

        Parameters
        ----------
        fill : callable
            Gets the PyVista plotter; meshes in scene units.
        size : two int
            Width and height in pixels.
        margin : float
            Width of the white margin, as a share of the box.

        Returns
        -------
        Picture
            The image and its scale.
        """
        pv = import_pyvista()
        right, up, forward = _camera_axes(self.eye)
        corners = self.to_scene(np.array(np.meshgrid(*self.box.T)).reshape(3, -1).T)
        flat = corners @ np.stack([right, up]).T
        low, high = flat.min(axis=0), flat.max(axis=0)
        half = 0.5 * (1 + margin) * max(high[1] - low[1], (high[0] - low[0]) * size[1] / size[0])
        middle = 0.5 * (low + high)
        focus = middle[0] * right + middle[1] * up + corners.mean(axis=0) @ forward * forward
        with quiet_vtk():
            plotter = pv.Plotter(off_screen=True, window_size=list(size), lighting="none")
            try:
                plotter.set_background("white")
                _add_lights(pv, plotter, right, up, forward)
                fill(plotter)
                whole = pv.Box(np.column_stack([corners.min(axis=0), corners.max(axis=0)]).ravel().tolist())
                plotter.add_mesh(whole.outline(), color="#777777", line_width=max(1.0, size[1] / 900))
                camera = plotter.camera
                camera.position, camera.focal_point, camera.up = tuple(focus - 5 * forward), tuple(focus), tuple(up)
                camera.enable_parallel_projection()
                camera.parallel_scale = half
                camera.clipping_range = (1.0, 9.0)
                plotter.enable_anti_aliasing("ssaa")
                image = np.array(plotter.screenshot(return_img=True), dtype=np.uint8)[..., :3]
            finally:
                plotter.close()
        return Picture(image, 2 * half * self.scale / size[1], np.stack([right, up], axis=1))


def import_pyvista() -> Any:
    """Return PyVista, set up to draw without a screen.

    Raises
    ------
    MissingDependencyError
        If it is absent.
    """
    try:
        import pyvista as pv
    except ImportError as error:
        raise MissingDependencyError.of("pyvista", "drawing meshes", INSTALL) from error
    pv.OFF_SCREEN = True
    return pv


def straight_eye(name: str) -> npt.NDArray[np.float64]:
    """Return the direction to the eye that sees a facet set best: straight on for a side of the box, else `EYE`."""
    side = SIDES.get(name.split("@")[-1])
    if side is None:
        return EYE
    eye = np.zeros(3)
    eye[side[0]] = 1.0 if side[1] == "max" else -1.0
    return eye


@contextmanager
def quiet_vtk() -> Iterator[None]:
    """Keep VTK's warning that there is no X server off stderr; errors still show."""
    from vtkmodules.vtkCommonCore import vtkLogger

    before = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    try:
        yield
    finally:
        vtkLogger.SetStderrVerbosity(before)


def grid_of(
    points: npt.NDArray[np.float64],
    cells: npt.NDArray[np.integer],
    *,
    point_data: dict[str, npt.NDArray] | None = None,
    cell_data: dict[str, npt.NDArray] | None = None,
) -> Any:
    """Return tets (k, 4) or triangles (k, 3) as a PyVista grid without points that no cell uses."""
    pv = import_pyvista()
    used = np.zeros(len(points), bool)
    used[cells.ravel()] = True
    index = np.cumsum(used) - 1
    grid = pv.UnstructuredGrid({10 if cells.shape[1] == 4 else 5: index[cells]}, points[used])
    for name, values in (point_data or {}).items():
        grid.point_data[name] = values[used]
    for name, values in (cell_data or {}).items():
        grid.cell_data[name] = values
    return grid


def surface_of(grid: Any) -> Any:
    """Return the outer triangles of a grid, cell and point data included."""
    from vtkmodules.vtkFiltersGeometry import vtkGeometryFilter

    pv = import_pyvista()
    cut = vtkGeometryFilter()
    cut.SetInputData(grid)
    cut.PassThroughCellIdsOff()
    cut.PassThroughPointIdsOff()
    cut.MergingOff()
    cut.Update()
    return pv.wrap(cut.GetOutput())


def _camera_axes(eye: npt.NDArray[np.float64]) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
    """Right, up and forward of a camera that looks from `eye` with z up (y up when it looks along z)."""
    forward = -np.asarray(eye, float) / np.linalg.norm(eye)
    above = np.array([0.0, 1.0, 0.0]) if abs(forward[2]) > 0.999 else np.array([0.0, 0.0, 1.0])
    right = np.cross(forward, above)
    right /= np.linalg.norm(right)
    return right, np.cross(right, forward), forward


def _add_lights(pv: Any, plotter: Any, right: npt.NDArray, up: npt.NDArray, forward: npt.NDArray) -> None:
    """A key light from the upper left, a fill light from the right, a faint one from the eye."""
    for where, strength in ((-right * 1.2 + up * 1.8, 0.72), (right * 2.2 + up * 0.2, 0.5), (0 * up, 0.38)):
        position = -forward * 2 + where
        light = pv.Light(
            position=tuple(5 * position), focal_point=(0, 0, 0), intensity=strength, light_type="scene light"
        )
        light.positional = False
        plotter.add_light(light)
