"""Cubes cut from a volume: how large, how many fit beside each other, which are drawn. No meshing, no solving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.lattice.build import LatticeOptions
from ssb2mesh.lattice.grid import parse_cell_size
from ssb2mesh.units import format_length
from ssb2mesh.volume import LabelledVolume

__all__ = ["cube_voxels", "cut_cube", "cut_options", "draw_cubes"]


def cube_voxels(volume: LabelledVolume, size: float | str) -> tuple[float, npt.NDArray[np.int64]]:
    """Return the edge of a cube and its voxels.

    Parameters
    ----------
    volume : LabelledVolume
        What it is cut from.
    size : float or str
        m, or text such as ``"20 um"`` or ``"16 voxels"`` (of their longest edge).

    Returns
    -------
    length : float
        The edge, m.
    voxels : (3,) int array
        The nearest numbers of voxels along x, y, z.

    Raises
    ------
    InputError
        If the size cannot be read, is below a voxel or does not fit.

    Examples
    --------
    >>> volume = LabelledVolume(np.zeros((8, 8, 8), int), (1e-6,) * 3)
    >>> cube_voxels(volume, "4 um")[1]
    array([4, 4, 4])
    """
    try:
        length = float(parse_cell_size(size, volume.spacing).max())
    except InputError as error:
        raise InputError(f"sizes: {str(error).removeprefix('cell_size: ')}") from None
    edge = np.round(length / np.asarray(volume.spacing)).astype(np.int64)
    if (edge < 1).any() or (edge > volume.shape).any():
        least, most = format_length(max(volume.spacing)), format_length(min(volume.size))
        raise InputError(
            f"sizes: got {format_length(length)}; give lengths from a voxel ({least}) to the volume's {most}"
        )
    return length, edge


def draw_cubes(
    volume: LabelledVolume, edge: npt.NDArray[np.int64], most: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return the first voxels of cubes that do not overlap, spread over the volume.

    Parameters
    ----------
    volume : LabelledVolume
        What they are cut from.
    edge : (3,) int array
        Voxels along x, y, z.
    most : int
        Where more would fit, this many are drawn.
    rng : Generator
        Draws.

    Returns
    -------
    (n, 3) int array
        Sorted, n at most `most`.

    Examples
    --------
    >>> volume = LabelledVolume(np.zeros((8, 8, 4), int), (1e-6,) * 3)
    >>> draw_cubes(volume, np.array([4, 4, 4]), 9, np.random.default_rng(0)).tolist()
    [[0, 0, 0], [0, 4, 0], [4, 0, 0], [4, 4, 0]]
    """
    shape = np.asarray(volume.shape)
    counts = shape // edge
    lines = [np.linspace(0, shape[d] - edge[d], counts[d]).astype(np.int64) for d in range(3)]
    every = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)
    chosen = np.sort(rng.permutation(len(every))[:most])
    return np.asarray(every[chosen])


def cut_cube(volume: LabelledVolume, start: npt.NDArray[np.int64], edge: npt.NDArray[np.int64]) -> LabelledVolume:
    """Return a part of a volume, with the names of the phases in it; its origin is zero.

    Parameters
    ----------
    volume : LabelledVolume
        The whole.
    start, edge : (3,) int array
        First voxel, and how many.

    Returns
    -------
    LabelledVolume
        A copy of that part.

    Examples
    --------
    >>> volume = LabelledVolume(np.zeros((8, 8, 8), int), (1e-6,) * 3)
    >>> cut_cube(volume, np.array([0, 0, 4]), np.array([4, 4, 4])).shape
    (4, 4, 4)
    """
    labels = np.ascontiguousarray(volume.labels[_box(start, edge)])
    present = set(np.unique(labels).tolist())
    return LabelledVolume(labels, volume.spacing, phases={k: v for k, v in volume.phases.items() if k in present})


def cut_options(
    mesh: Mapping[str, Any], part: LabelledVolume, start: npt.NDArray[np.int64], edge: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Return arguments of the mesher that fit a part: names that are not in it go, fields are cut.

    Parameters
    ----------
    mesh : mapping
        Arguments of `ssb2mesh.mesh_volume` for the whole volume.
    part : LabelledVolume
        From `cut_cube`.
    start, edge : (3,) int array
        Where it was cut.

    Returns
    -------
    dict
        Arguments for the part.

    Examples
    --------
    >>> volume = LabelledVolume(np.zeros((8, 8, 8), int), (1e-6,) * 3, phases={0: "A"})
    >>> cut_options({"drop": ["void"]}, volume, np.zeros(3, int), np.full(3, 8))
    {'drop': []}
    """
    arguments = dict(mesh)
    there = part.phase_names
    if "drop" in arguments:
        arguments["drop"] = [name for name in arguments["drop"] if name in there]
    options = arguments.get("options")
    if isinstance(options, LatticeOptions):
        box, sizes = _box(start, edge), options.sizes
        by_field = None if sizes.by_field is None else sizes.by_field[box]
        by_name = {k: v for k, v in sizes.by_name.items() if all(p in there for p in k.split("|"))}
        grey = None if options.grey is None else np.ascontiguousarray(options.grey[box])
        arguments["options"] = replace(options, sizes=replace(sizes, by_name=by_name, by_field=by_field), grey=grey)
    return arguments


def _box(start: npt.NDArray[np.int64], edge: npt.NDArray[np.int64]) -> tuple[slice, ...]:
    return tuple(slice(int(a), int(a + n)) for a, n in zip(start, edge, strict=True))
