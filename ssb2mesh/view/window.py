"""The window: the tets of a mesh to turn, cut, hide and pick in, on PyVista. No HTML, no pictures for papers."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, Ssb2meshError
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.view.scenery import Scenery

__all__ = ["View"]

_HELP = "n: next interface   o: solid   m: quality   k: slice   r: reset   q: quit"


class View:
    """What a window shows of a mesh, and the window.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    start : Scenery, optional
        What to show first; default everything.
    off_screen : bool
        Draw without a screen, for `screenshot`.
    size : (int, int)
        Width and height, pixels.

    Raises
    ------
    InputError
        If `start` names what the mesh has not.
    MissingDependencyError
        If PyVista is absent.
    Ssb2meshError
        If a window is wanted and there is no screen.

    Examples
    --------
    >>> view = View(mesh)  # doctest: +SKIP
    >>> view.show(hidden=("LPSCl",), slice=("x", 0.5))  # doctest: +SKIP
    >>> view.open()  # doctest: +SKIP
    """

    def __init__(
        self,
        mesh: TaggedMesh,
        *,
        start: Scenery | None = None,
        off_screen: bool = False,
        size: tuple[int, int] = (1400, 1000),
    ) -> None:
        from ssb2mesh.plot.scene import EYE, Scene, import_pyvista, quiet_vtk
        from ssb2mesh.plot.style import phase_colours

        self.mesh = mesh
        self.scenery = (start or Scenery()).checked(mesh)
        pv = import_pyvista()
        if not off_screen and sys.platform.startswith("linux") and not _screen():
            raise Ssb2meshError("view: there is no screen to open a window on; give --html FILE or --screenshot FILE")
        assert mesh.box is not None
        self._frame = Scene(mesh.box, EYE)
        walls = [end for name in mesh.facet_names if "|" in name for end in name.split("|")]
        self._colours = phase_colours(list(dict.fromkeys([*mesh.cell_names, *walls])))
        self._points = self._frame.to_scene(mesh.points)
        self._centres = self._points[mesh.tets].mean(axis=1)
        self._angles: npt.NDArray[np.float64] | None = None
        #: The actual cut: normal and a point in scene units; tilted by the widget.
        self._cut: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None
        self._by_hand = False
        with quiet_vtk():
            self.plotter = pv.Plotter(off_screen=off_screen, window_size=list(size))
            self.plotter.set_background("white")
            self._box = pv.Box(self._frame.to_scene(mesh.box).T.ravel().tolist())
            self.plotter.add_mesh(self._box.outline(), color="#777777", name="box")
            self.plotter.add_axes(color="#222222")
            self.show()
            self.plotter.camera_position = [tuple(0.5 + 2.2 * EYE), (0.5, 0.5, 0.5), (0, 0, 1)]
            self.plotter.reset_camera()

    def show(self, **changes: Any) -> None:
        """Change what is shown: ``hidden``, ``only``, ``slice``, ``quality`` of a `Scenery`; the rest stays.

        Raises
        ------
        InputError
            If a name is not of the mesh.
        """
        self.scenery = replace(self.scenery, **changes).checked(self.mesh)
        if "slice" in changes or self._cut is None:
            self._cut = self._plane(self.scenery.slice)
        self._draw()

    def toggle(self, phase: str) -> None:
        """Hide a phase, or show it again; the last one that shows stays."""
        hidden = set(self.scenery.hidden) ^ {phase}
        if set(self.mesh.cell_names) - hidden:
            self.show(hidden=tuple(sorted(hidden)))

    def next_interface(self) -> str:
        """Show the next interface alone, by name, and return it; InputError if the mesh has none."""
        names = sorted(name for name in self.mesh.facet_names if "|" in name)
        if not names:
            raise InputError("only: the mesh has no interface A|B")
        last = self.scenery.only[0] if self.scenery.only else None
        name = names[(names.index(last) + 1) % len(names)] if last in names else names[0]
        self.show(only=(name,))
        return name

    def screenshot(self, path: str | Path) -> Path:
        """Write what is shown as a PNG file.

        Raises
        ------
        InputError
            If it is no ``.png`` file or its folder does not exist.
        """
        from ssb2mesh.io.mesh_common import replacing
        from ssb2mesh.plot.scene import quiet_vtk

        target = Path(path)
        if target.suffix.lower() != ".png":
            raise InputError(f"screenshot: got {str(path)!r}; a picture is a .png file")
        with replacing(target) as (part,), quiet_vtk():
            self.plotter.screenshot(str(part))
        return target

    def open(self) -> None:
        """Open the window and wait until it is closed."""
        plotter = self.plotter
        for row, name in enumerate(self.mesh.cell_names):
            place = (12.0, 60.0 + 40 * row)
            plotter.add_checkbox_button_widget(
                partial(self._checked, name), value=name not in self.scenery.hidden, position=place, size=26,
                color_on=self._colours[name], color_off="#ffffff",
            )  # fmt: skip
            plotter.add_text(name, position=(48.0, place[1]), font_size=10, color="#222222")
        plotter.add_text(_HELP, position=(12.0, 12.0), font_size=9, color="#555555")
        for key, action in (
            ("n", self.next_interface),
            ("o", lambda: self.show(only=())),
            ("m", lambda: self.show(quality=not self.scenery.quality)),
            ("k", self._slice_by_hand),
        ):
            plotter.add_key_event(key, action)
        if self.scenery.slice:
            self._slice_by_hand()
        plotter.show()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _checked(self, name: str, shown: bool) -> None:
        if shown == (name in self.scenery.hidden):
            self.toggle(name)

    def _slice_by_hand(self) -> None:
        """Give the plane to the mouse, or take cut and plane away."""
        self._by_hand = not self._by_hand
        if not self._by_hand:
            self.plotter.clear_plane_widgets()
            self.show(slice=None)
            return
        normal, origin = self._cut or (np.array([1.0, 0.0, 0.0]), self._frame.to_scene(self.mesh.box.mean(axis=0)))  # type: ignore[union-attr]
        self.plotter.add_plane_widget(self._moved, normal=tuple(normal), origin=tuple(origin), bounds=self._box.bounds,
                                      color="#555555", interaction_event="end")  # fmt: skip

    def _moved(self, normal: Any, origin: Any) -> None:
        self._cut = np.asarray(normal, float), np.asarray(origin, float)
        self._draw()

    def _plane(self, cut: tuple[str, float] | None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        if cut is None:
            return None
        low, high = self._frame.to_scene(np.asarray(self.mesh.box))
        return np.eye(3)["xyz".index(cut[0])], low + cut[1] * (high - low)

    def _draw(self) -> None:
        from ssb2mesh.plot.scene import quiet_vtk

        self.plotter.remove_actor("mesh", render=False)
        self.plotter.remove_actor("title", render=False)
        if "angle" in self.plotter.scalar_bars:
            self.plotter.remove_scalar_bar("angle", render=False)
        if self.scenery.only:
            self._draw_interfaces()
        else:
            self._draw_tets()
        with quiet_vtk():
            self.plotter.render()

    def _draw_tets(self) -> None:
        from ssb2mesh.plot.quality import dihedral_extremes
        from ssb2mesh.plot.scene import grid_of, surface_of

        mesh = self.mesh
        keep = ~np.isin(mesh.cell_tags, [mesh.cell_names[name] for name in self.scenery.hidden])
        if self._cut is not None:
            normal, origin = self._cut
            keep &= (self._centres - origin) @ normal <= 0
        if not keep.any():
            return
        data: dict[str, Any] = {"phase": mesh.cell_tags[keep]}
        if self.scenery.quality:
            if self._angles is None:
                self._angles = dihedral_extremes(mesh.points, mesh.tets)[0]
            data["angle"] = self._angles[keep]
        surface = surface_of(grid_of(self._points, mesh.tets[keep], cell_data=data))
        look: dict[str, Any] = {
            "name": "mesh",
            "show_edges": self.scenery.quality,
            "edge_opacity": 0.3,
            "render": False,
        }
        if self.scenery.quality:
            self.plotter.add_mesh(surface, scalars="angle", clim=(0, 60), cmap="RdYlBu", show_scalar_bar=False, **look)
            bar = {"vertical": True, "position_x": 0.92, "position_y": 0.25, "height": 0.5}
            self.plotter.add_scalar_bar("angle", color="#222222", fmt="%.0f", n_labels=7, **bar)
            self._title("smallest dihedral angle of each tet, degrees")
        else:
            table = np.zeros((max(mesh.cell_names.values()) + 1, 3), np.uint8)
            for name, tag in mesh.cell_names.items():
                table[tag] = [int(self._colours[name][i : i + 2], 16) for i in (1, 3, 5)]
            surface["rgb"] = table[surface["phase"]]
            self.plotter.add_mesh(surface, scalars="rgb", rgb=True, **look)

    def _draw_interfaces(self) -> None:
        from ssb2mesh.plot.scene import grid_of, surface_of

        mesh = self.mesh
        triangles = np.concatenate([mesh.facet_set(name) for name in self.scenery.only])
        if self._cut is not None and len(triangles):
            normal, origin = self._cut
            triangles = triangles[(self._points[triangles].mean(axis=1) - origin) @ normal <= 0]
        self._title("   ".join(self.scenery.only))
        if len(triangles) == 0:
            return
        surface = surface_of(grid_of(self._points, triangles))
        first = self.scenery.only[0]
        # normals point from A to B: who looks at the front stands in B and sees the skin of A
        sides = first.split("|") if "|" in first else [first.split("@")[0]] * 2
        front, back = (self._colours[side] for side in sides)
        self.plotter.add_mesh(
            surface, color=front, backface_params={"color": back}, ambient=0.3, diffuse=0.7, name="mesh", render=False
        )

    def _title(self, text: str) -> None:
        self.plotter.add_text(text, position="upper_left", font_size=11, color="#222222", name="title", render=False)


def _screen() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
