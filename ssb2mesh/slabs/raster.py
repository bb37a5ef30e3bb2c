"""Plane sections of tets and of voxels as small arrays of pixels, put together from many processes. Nothing is drawn.

A section has some hundred thousand pixels, however large the mesh is: every process paints the tets that it has, and
the pixels are put together pair by pair of processes. A pixel that lies between two tets gets the larger number, so
the picture does not depend on who has painted what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.ranks import Ranks

__all__ = ["Section", "blank_section", "on_first_process", "paint"]

#: Pixels along the longest edge of a section.
PIXELS = 720
#: Half the width of a line between tets, pixels.
HALF_LINE = 0.55


@dataclass(frozen=True)
class Section:
    """Pixels of a plane section.

    Parameters
    ----------
    normal : int
        Axis across the plane; the others, in their order, point to the right and up.
    at : float
        Where the plane lies on it, m.
    window : (2, 2) float array
        Lower left and upper right corner, m.
    tags : (v, u) uint16 array
        Phase of each pixel, counted from 1; 0 where there is nothing.
    lines : (v, u) uint8 array
        1 where two tets meet.
    values : (v, u) float array, optional
        A field; -inf where there is none.
    """

    normal: int
    at: float
    window: npt.NDArray[np.float64]
    tags: npt.NDArray[np.uint16]
    lines: npt.NDArray[np.uint8]
    values: npt.NDArray[np.float64] | None = None

    @property
    def axes(self) -> tuple[int, int]:
        """Axes to the right and up."""
        across, up = (axis for axis in range(3) if axis != self.normal)
        return across, up

    @property
    def pixel(self) -> npt.NDArray[np.float64]:
        """Width and height of a pixel, (2,), m."""
        return np.asarray((self.window[1] - self.window[0]) / self.tags.shape[::-1])


def blank_section(
    normal: int, at: float, window: npt.ArrayLike, *, longest: float | None = None, field: bool = False
) -> Section:
    """Return a section without any pixel painted.

    Parameters
    ----------
    normal : int
        Axis across the plane.
    at : float
        Where it lies, m.
    window : (2, 2) array
        Lower left and upper right corner, m.
    longest : float, optional
        Length that gets `PIXELS` pixels, m; default: the longer edge of the window.
    field : bool
        Whether it is to hold values.

    Returns
    -------
    Section
        Pixels are square, but for rounding.

    Examples
    --------
    >>> blank_section(2, 0.5, [[0, 0], [1, 0.5]]).tags.shape
    (360, 720)
    """
    corners = np.asarray(window, float)
    span = corners[1] - corners[0]
    across, up = np.maximum(np.rint(PIXELS * span / (longest or span.max())).astype(int), 8)
    values = np.full((up, across), -np.inf) if field else None
    return Section(normal, at, corners, np.zeros((up, across), np.uint16), np.zeros((up, across), np.uint8), values)


def paint(
    section: Section,
    points: npt.NDArray[np.float64],
    tets: npt.NDArray[np.integer],
    tags: npt.NDArray[np.integer],
    *,
    values: npt.NDArray[np.float64] | None = None,
) -> None:
    """Paint the cut through some tets into a section, in place.

    Parameters
    ----------
    section : Section
        Where.
    points : (n, 3) float array
        Vertices, m.
    tets : (m, 4) int array
        Corners, in either orientation.
    tags : (m,) int array
        Phases, from 1.
    values : (n,) float array, optional
        A field at the vertices; NaN where there is none.

    Examples
    --------
    >>> plane = blank_section(2, 0.25, [[0, 0], [1, 1]])
    >>> corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    >>> paint(plane, corners, np.array([[0, 1, 2, 3]]), np.array([1]))
    >>> round(float(plane.tags.mean()), 2)  # half of 0.75 squared
    0.28
    """
    field = section.values if section.values is not None else np.empty((0, 0))
    given = values if values is not None else np.empty(0)
    plane = (section.normal, *section.axes, section.at)
    grid = (*section.window[0].tolist(), *section.pixel.tolist())
    _paint(points, tets, tags, given, plane, grid, (section.tags, section.lines, field))


@nb.njit(cache=True)
def _paint(points, tets, tags, values, plane, grid, out):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    normal, across, up, at = plane
    left, bottom, du, dv = grid
    image, lines, field = out
    rows, columns = image.shape
    base, slope = np.empty(4), np.empty((4, 2))
    for t in range(len(tets)):
        low = high = points[tets[t, 0], normal]
        for e in range(1, 4):
            low, high = min(low, points[tets[t, e], normal]), max(high, points[tets[t, e], normal])
        if low > at or high < at:
            continue
        a, b, c, d = points[tets[t, 0]], points[tets[t, 1]], points[tets[t, 2]], points[tets[t, 3]]
        first = max(int(np.floor((min(a[across], b[across], c[across], d[across]) - left) / du - 0.5)), 0)
        last = min(int(np.ceil((max(a[across], b[across], c[across], d[across]) - left) / du - 0.5)), columns - 1)
        below = max(int(np.floor((min(a[up], b[up], c[up], d[up]) - bottom) / dv - 0.5)), 0)
        above = min(int(np.ceil((max(a[up], b[up], c[up], d[up]) - bottom) / dv - 0.5)), rows - 1)
        if first > last or below > above or not _shares(a, b, c, d, plane, base, slope):
            continue
        for j in range(below, above + 1):
            v = bottom + (j + 0.5) * dv
            for i in range(first, last + 1):
                u = left + (i + 0.5) * du
                inside, near, value = True, False, 0.0
                for e in range(4):
                    share = base[e] + slope[e, 0] * u + slope[e, 1] * v
                    if share < -1e-9:
                        inside = False
                        break
                    near |= share < HALF_LINE * (abs(slope[e, 0]) * du + abs(slope[e, 1]) * dv)
                    if len(values):
                        value += share * values[tets[t, e]]
                if inside:
                    image[j, i] = max(image[j, i], tags[t])
                    lines[j, i] |= near
                    if len(values) and value > field[j, i]:
                        field[j, i] = value


@nb.njit(cache=True)
def _shares(a, b, c, d, plane, base, slope):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Barycentric shares in the plane as a number and two slopes each; False for a flat tet."""
    normal, across, up, at = plane
    p, q, r = b - a, c - a, d - a
    volume = np.dot(p, np.cross(q, r))
    if volume == 0.0:
        return False
    slopes = (np.cross(q, r) / volume, np.cross(r, p) / volume, np.cross(p, q) / volume)
    for e in range(3):
        g = slopes[e]
        slope[e + 1, 0], slope[e + 1, 1] = g[across], g[up]
        base[e + 1] = g[normal] * (at - a[normal]) - g[across] * a[across] - g[up] * a[up]
    slope[0, 0] = -slope[1, 0] - slope[2, 0] - slope[3, 0]
    slope[0, 1] = -slope[1, 1] - slope[2, 1] - slope[3, 1]
    base[0] = 1.0 - base[1] - base[2] - base[3]
    return True


def on_first_process(sections: Sequence[Section], ranks: Ranks) -> list[Section]:
    """Put the sections of all processes together on the first one; all processes call.

    Parameters
    ----------
    sections : sequence of Section
        The same planes on every process.
    ranks : Ranks
        All processes.

    Returns
    -------
    list of Section
        Whole on the first process; no process ever holds those of more than two.

    Examples
    --------
    >>> on_first_process([], Ranks())
    []
    """
    found = list(sections)
    comm, step = ranks.comm, 1
    while comm is not None and step < ranks.size:
        if ranks.rank % (2 * step):
            comm.send(found, dest=ranks.rank - step, tag=3)
            break
        if ranks.rank + step < ranks.size:
            others = comm.recv(source=ranks.rank + step, tag=3)
            found = [_joined(one, other) for one, other in zip(found, others, strict=True)]
        step *= 2
    return found


def _joined(one: Section, other: Section) -> Section:
    values = None
    if one.values is not None and other.values is not None:
        values = np.maximum(one.values, other.values)
    return replace(one, tags=np.maximum(one.tags, other.tags), lines=np.maximum(one.lines, other.lines), values=values)
