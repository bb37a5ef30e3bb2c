"""Digital volume correlation: the displacement between two states on a grid of nodes, each from a sub-volume around it.

Strain and values on meshes are in `ssb2mesh.measure.displacement`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.measure.displacement import Displacement
from ssb2mesh.measure.registration import RigidMotion
from ssb2mesh.voxel_fields import VoxelField

__all__ = ["correlate"]

#: Voxels that a spline and slopes need around a sub-volume.
_RIM = 3
_STEPS = 40
#: Parts that threads take one after the other.
_PIECES = 64


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two states as the loops want them."""

    first: npt.NDArray[np.float32]
    second: npt.NDArray[np.float32]
    half: int
    search: int


def correlate(
    first: VoxelField,
    second: VoxelField,
    *,
    window: int,
    step: int,
    search: int,
    start: RigidMotion | None = None,
    least: float = 0.7,
) -> Displacement:
    """Return the displacement from one state to the next, on nodes a step apart.

    Around each node a cube of the first state is looked for in the second: to a voxel by normalised cross-correlation
    (Fourier), then by inverse-compositional Gauss-Newton over its motion and its gradient (12 unknowns) with cubic
    B-splines, until the correlation is largest. Nodes that fail are tried once more from the motion of their
    neighbours; what still fails, or correlates less than `least`, has no value (NaN).

    Parameters
    ----------
    first, second : VoxelField
        Grey values of one shape and voxel size. Textures finer than about three voxels a wave cannot be placed; labels
        do as well, blurred by a voxel or so.
    window : int
        Edge of the cubes, voxels: larger is more certain and blurs more. Its grey values must vary in all directions.
    step : int
        Distance of nodes, voxels.
    search : int
        Largest displacement that is looked for beyond `start`, voxels.
    start : RigidMotion, optional
        Motion of the whole, from `register_rigid`; the displacement that is returned contains it.
    least : float
        Least correlation of a node that counts, 0 to 1.

    Returns
    -------
    Displacement
        By node: displacement in m, gradient, correlation.

    Raises
    ------
    InputError
        If the grids differ, a number is out of range, or the volume does not hold a single cube.

    References
    ----------
    Pan, Wang and Lu, Opt. Express 20 (2012) 21421 (volume correlation with this shape function);
    Baker and Matthews, Int. J. Comput. Vision 56 (2004) 221, doi:10.1023/B:VISI.0000011205.11775.fd.

    Examples
    --------
    >>> moved = correlate(before, after, window=21, step=10, search=5)  # doctest: +SKIP
    >>> moved.displacement.shape  # doctest: +SKIP
    (20, 20, 20, 3)
    """
    half = _checked(first, second, window=window, step=step, search=search, least=least)
    from scipy import ndimage

    one, two = (np.ascontiguousarray(f.values, dtype=np.float32) for f in (first, second))
    pair = _Pair(one, two, half, search)
    axes = [_nodes(n, half, step) for n in one.shape]
    grid = tuple(len(a) for a in axes)
    centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    guess = np.zeros((len(centres), 12))
    guess[:, :3] = _offset(first, second)
    if start is not None:
        guess = _rigid_guess(first, second, centres, start)
    guess[:, :3] += _coarse(pair, centres, guess[:, :3])
    spline = ndimage.spline_filter(two, order=3, mode="mirror", output=np.float32)
    motions, likeness, good = _match(pair, spline, centres, guess)
    good &= np.nan_to_num(likeness, nan=-1.0) >= least
    if good.any() and not good.all():
        again = np.flatnonzero(~good)
        tried = _match(pair, spline, centres[again], _from_neighbours(centres, motions, good, again))
        better = tried[2] & (np.nan_to_num(tried[1], nan=-1.0) >= least)
        motions[again[better]], likeness[again[better]], good[again[better]] = (
            tried[0][better], tried[1][better], True)  # fmt: skip
    spacing = np.asarray(first.spacing)
    shift = (motions[:, :3] - _offset(first, second)) * spacing
    gradient = motions[:, 3:].reshape(-1, 3, 3) * spacing[:, None] / spacing[None, :]
    shift[~good], gradient[~good] = np.nan, np.nan
    low = np.asarray(first.origin) + (np.array([a[0] for a in axes]) + 0.5) * spacing
    return Displacement(
        _triple(low), _triple(step * spacing), shift.reshape(*grid, 3), gradient.reshape(*grid, 3, 3),
        likeness.reshape(grid))  # fmt: skip


def _checked(first: VoxelField, second: VoxelField, *, window: int, step: int, search: int, least: float) -> int:
    """Half the window, all arguments checked."""
    if first.values.shape != second.values.shape or not np.allclose(first.spacing, second.spacing, rtol=1e-6):
        raise InputError(
            f"second: got {second.values.shape} voxels of {second.spacing} m, first {first.values.shape} of "
            f"{first.spacing} m; crop the two to one shape"
        )
    for name, value, low in (("window", window, 5), ("step", step, 1), ("search", search, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
            raise InputError(f"{name}: got {value!r}; give a whole number of voxels, {low} or more")
    if not 0 <= least <= 1:
        raise InputError(f"least: got {least!r}; a correlation that counts lies between 0 and 1")
    half = int(window) // 2
    if 2 * (half + _RIM) + 1 > min(first.values.shape):
        raise InputError(
            f"window: got {window}; with a rim of {_RIM} voxels it does not fit into {first.values.shape} voxels"
        )
    for name, field in (("first", first), ("second", second)):
        if not np.isfinite(field.values).all():
            raise InputError(f"{name}: some values are no numbers; fill them first")
    return half


def _nodes(count: int, half: int, step: int) -> npt.NDArray[np.int64]:
    """Middles of cubes along an axis, as far apart from both ends."""
    first, last = half + _RIM, count - 1 - half - _RIM
    number = (last - first) // step + 1
    return first + (last - first - (number - 1) * step) // 2 + step * np.arange(number)


def _offset(first: VoxelField, second: VoxelField) -> npt.NDArray[np.float64]:
    """Index in the second grid less index in the first of one place, voxels."""
    return np.asarray((np.asarray(first.origin) - np.asarray(second.origin)) / np.asarray(first.spacing))


def _rigid_guess(
    first: VoxelField, second: VoxelField, centres: npt.NDArray[np.int64], motion: RigidMotion
) -> npt.NDArray[np.float64]:
    spacing = np.asarray(first.spacing)
    points = np.asarray(first.origin) + (centres + 0.5) * spacing
    guess = np.empty((len(centres), 12))
    guess[:, :3] = (motion.apply(points) - points) / spacing + _offset(first, second)
    guess[:, 3:] = ((motion.rotation - np.eye(3)) * spacing[None, :] / spacing[:, None]).ravel()
    return guess


def _coarse(pair: _Pair, centres: npt.NDArray[np.int64], guess: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What whole voxels of displacement to add to a guess, node by node."""
    result = np.zeros((len(centres), 3))
    if not pair.search:
        return result
    shape = np.array(pair.first.shape)
    for n, centre in enumerate(centres):
        near = np.rint(centre + guess[n]).astype(int)
        low, high = near - pair.half - pair.search, near + pair.half + pair.search + 1
        cut_low, cut_high = np.maximum(low, 0), np.minimum(high, shape)
        if (cut_high - cut_low < 2 * pair.half + 1).any():
            continue
        cube = pair.first[_box(centre - pair.half, centre + pair.half + 1)]
        there = pair.second[_box(cut_low, cut_high)]
        found = _best_place(cube, there)
        result[n] = found + cut_low + pair.half - (centre + guess[n])
    return result


def _match(
    pair: _Pair, spline: npt.NDArray[np.float32], centres: npt.NDArray[np.int64], guess: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Motions, correlations and success of nodes, shared among threads."""
    from ssb2mesh.measure.correlation_kernel import match_all

    def part(chosen: npt.NDArray[np.int64]) -> Any:
        return match_all(pair.first, spline, centres[chosen], pair.half, guess[chosen], _STEPS)

    pieces = [piece for piece in np.array_split(np.arange(len(centres)), _PIECES) if len(piece)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = list(threads.map(part, pieces))
    motions, likeness, good = (np.concatenate(each) for each in zip(*found, strict=True))
    return motions, likeness, good


def _best_place(cube: npt.NDArray[np.float32], there: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Corner at which a cube correlates best with a larger box (normalised cross-correlation)."""
    from scipy import fft, ndimage

    edge = cube.shape[0]
    size = [fft.next_fast_len(n, real=True) for n in there.shape]
    flat = (cube - cube.mean()).astype(np.float64)
    box = (there - there.mean()).astype(np.float64)
    cross = fft.irfftn(fft.rfftn(box, size) * np.conj(fft.rfftn(flat, size)), size)
    keep = tuple(slice(0, n - edge + 1) for n in there.shape)
    middle = tuple(slice(edge // 2, edge // 2 + n - edge + 1) for n in there.shape)
    mean, square = (ndimage.uniform_filter(a, edge)[middle] for a in (box, box**2))
    spread = np.sqrt(np.maximum(square - mean**2, 1e-12 * float(square.max()) + 1e-300))
    return np.array(np.unravel_index(int((cross[keep] / spread).argmax()), spread.shape))


def _from_neighbours(
    centres: npt.NDArray[np.int64],
    motions: npt.NDArray[np.float64],
    good: npt.NDArray[np.bool_],
    again: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """First guess of nodes that failed: the median of what their six nearest good nodes say of their place."""
    from scipy.spatial import cKDTree

    known = np.flatnonzero(good)
    _, near = cKDTree(centres[known]).query(centres[again], k=min(6, len(known)))
    near = known[np.atleast_2d(near).reshape(len(again), -1)]
    away = centres[again][:, None, :] - centres[near]
    guess = np.median(motions[near], axis=1)
    carried = motions[near][:, :, :3] + np.einsum(
        "nkab,nkb->nka", motions[near][:, :, 3:].reshape(*near.shape, 3, 3), away
    )
    guess[:, :3] = np.median(carried, axis=1)
    return guess


def _box(low: Sequence[int] | npt.NDArray[Any], high: Sequence[int] | npt.NDArray[Any]) -> tuple[slice, ...]:
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


def _triple(values: npt.NDArray[Any]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z
