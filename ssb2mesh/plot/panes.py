"""One rendered picture in a figure, with its scale bar and axes. What is rendered is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ssb2mesh.plot.scene import Scene
from ssb2mesh.plot.style import axes_triad, scale_bar, show_image

__all__ = ["draw_pane"]


def draw_pane(
    figure: Any,
    scene: Scene,
    fill: Callable[[Any], None],
    *,
    frame: tuple[float, float, float, float],
    size: tuple[int, int],
    margin: float = 0.06,
    title: str = "",
) -> None:
    """Render a scene into a part of a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Where.
    scene : Scene
        How the box is looked at.
    fill : callable
        Gets the PyVista plotter; meshes in scene units.
    frame : (float, float, float, float)
        Left, bottom, width and height, as shares of the figure.
    size : two int
        Width and height of the figure in pixels.
    margin : float
        Width of the white margin, as a share of the box.
    title : str
        In the upper left corner.

    Examples
    --------
    >>> draw_pane(figure, scene, fill, frame=(0.0, 0.0, 1.0, 1.0), size=(900, 900))  # doctest: +SKIP
    """
    width, height = round(frame[2] * size[0]), round(frame[3] * size[1])
    picture = scene.render(fill, (width, height), margin=margin)
    axes = show_image(figure, picture.image, frame)
    scale_bar(axes, picture.metres_per_pixel, width=width, height=height)
    axes_triad(axes, picture.directions, width=width, height=height)
    if title:
        figure.text(frame[0] + 0.012, 0.975, title, va="top", fontsize=9)
