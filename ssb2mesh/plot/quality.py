"""Histograms of the quality of tets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.plot.style import house_style, light_grid, new_figure, save

__all__ = ["dihedral_extremes", "plot_quality"]

_EDGES = ((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2), (1, 2, 0, 3), (1, 3, 0, 2), (2, 3, 0, 1))
_CHUNK = 1 << 18


def plot_quality(mesh: TaggedMesh, path: str | Path, *, size: Sequence[int] = (1500, 750)) -> Path:
    """Draw how the smallest and the largest dihedral angle of the tets are distributed.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
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
    >>> plot_quality(mesh, "quality.png")  # doctest: +SKIP
    """
    smallest, largest = dihedral_extremes(mesh.points, mesh.tets)
    with house_style():
        figure = new_figure(size)
        axes = figure.add_axes((0.1, 0.16, 0.875, 0.74))
        bins = np.arange(0, 181, 2.0)
        for angles, colour, text, at in (
            (smallest, "#0072B2", f"smallest in a tet, lowest {smallest.min():.1f}°", smallest.min()),
            (largest, "#D55E00", f"largest in a tet, highest {largest.max():.1f}°", largest.max()),
        ):
            counts, _ = np.histogram(angles, bins)
            axes.stairs(100 * counts / len(angles), bins, fill=True, color=colour, alpha=0.75, label=text, linewidth=0)
            axes.axvline(at, color=colour, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.5 * 100 / len(smallest))
        axes.set_xlim(0, 180)
        axes.set_xticks(range(0, 181, 20))
        axes.set_xlabel("dihedral angle (°)")
        axes.set_ylabel("share of tets (%)")
        axes.set_yticks([])
        low = int(np.floor(np.log10(100 / len(smallest))))
        ticks = [10.0**k for k in range(low, 3)]
        axes.set_yticks(ticks, [_power(t) for t in ticks])
        axes.minorticks_off()
        light_grid(axes, "y")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2, handlelength=1.2)
        return save(figure, path)


def _power(value: float) -> str:
    if value >= 1e-3:
        return f"{value:g}"
    return "10" + str(round(np.log10(value))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def dihedral_extremes(
    points: npt.NDArray[np.float64], tets: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the smallest and the largest dihedral angle of each tet.

    Parameters
    ----------
    points : (n, 3) float array
        Coordinates, m.
    tets : (m, 4) int array
        Corners.

    Returns
    -------
    two (m,) float arrays
        Angles in degrees.

    Examples
    --------
    >>> import numpy as np
    >>> cube_corner = np.array([[0., 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> [round(float(a[0]), 4) for a in dihedral_extremes(cube_corner, np.array([[0, 1, 2, 3]]))]
    [54.7356, 90.0]
    """
    low, high = np.empty(len(tets)), np.empty(len(tets))
    for start in range(0, len(tets), _CHUNK):
        corners = points[tets[start : start + _CHUNK]]
        angles = np.stack([_dihedral(corners, edge) for edge in _EDGES])
        low[start : start + _CHUNK], high[start : start + _CHUNK] = angles.min(axis=0), angles.max(axis=0)
    return low, high


def _dihedral(corners: npt.NDArray[np.float64], edge: tuple[int, int, int, int]) -> npt.NDArray[np.float64]:
    """Angle between the two sides that meet at the edge ij, each spanned with one of the other corners."""
    i, j, k, other = (corners[:, e] for e in edge)
    along = j - i
    first, second = np.cross(along, k - i), np.cross(along, other - i)
    sine = np.linalg.norm(np.cross(first, second), axis=1)
    return np.degrees(np.arctan2(sine, np.einsum("ij,ij->i", first, second)))
