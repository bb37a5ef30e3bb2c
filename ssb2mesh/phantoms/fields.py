"""Random fields that the phantoms are cut from: smooth noise, cellular distance. No phases here."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

__all__ = ["cell_walls", "smooth_noise"]

#: Half width of a smoothing kernel in standard deviations; points from which its sums take longer than two transforms.
WIDTHS, LARGE = 3.0, 1 << 23


def smooth_noise(
    rng: np.random.Generator, shape: Sequence[int], *, correlation: Sequence[float]
) -> npt.NDArray[np.float32]:
    """Return Gaussian noise of zero mean and unit variance, periodic in every direction.

    Parameters
    ----------
    rng : numpy Generator
        Source of randomness.
    shape : ints
        Number of points along each axis.
    correlation : floats
        Standard deviation of the smoothing kernel along each axis, in points.

    Returns
    -------
    float32 array of `shape`
        The field.

    Examples
    --------
    >>> smooth_noise(np.random.default_rng(0), (8, 8), correlation=(1, 1)).shape
    (8, 8)
    """
    white = rng.standard_normal(tuple(shape), dtype=np.float32)
    smooth = _smooth_by_fourier if white.size >= LARGE else _smooth_by_sums
    field = smooth(white, tuple(correlation))
    spread = float(field.std())
    field -= field.mean()
    return field / np.float32(spread) if spread > 0 else field


def _smooth_by_sums(white: npt.NDArray[np.float32], sigma: tuple[float, ...]) -> npt.NDArray[np.float32]:
    return ndimage.gaussian_filter(white, sigma, mode="wrap", truncate=WIDTHS)


def _smooth_by_fourier(white: npt.NDArray[np.float32], sigma: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """Do the same by the transform of the same kernel, axis by axis: the time does not grow with its width."""
    field = white
    for axis, width in enumerate(sigma):
        n = field.shape[axis]
        impulse = np.zeros(n)
        impulse[0] = 1.0
        kernel = fft.rfft(ndimage.gaussian_filter1d(impulse, width, mode="wrap", truncate=WIDTHS)).astype(np.complex64)
        along = tuple(-1 if e == axis else 1 for e in range(field.ndim))
        waves = fft.rfft(field, axis=axis, workers=-1)
        waves *= kernel.reshape(along)
        field = fft.irfft(waves, n, axis=axis, overwrite_x=True, workers=-1)
    return field


def cell_walls(
    rng: np.random.Generator, shape: Sequence[int], *, cells: Sequence[int], size: Sequence[float]
) -> npt.NDArray[np.float32]:
    """Return the distance to the walls of random cells (grains), periodic in every direction.

    One seed point lies at random in each of `cells` boxes; the field is half the difference of the distances to the
    second nearest and to the nearest seed, so 0 on a wall between two grains (cellular noise, 10.1145/237170.237267).

    Parameters
    ----------
    rng : numpy Generator
        Source of randomness.
    shape : three int
        Voxels along x, y, z.
    cells : three int
        Seed boxes along x, y, z.
    size : three float
        Edge lengths of the whole volume, any unit; the field has the same unit.

    Returns
    -------
    (nx, ny, nz) float32 array
        Distance to the nearest wall.
    """
    boxes = np.stack(np.meshgrid(*(np.arange(-1, n + 1) for n in cells), indexing="ij"), axis=-1)
    jitter = np.pad(rng.random((*cells, 3)), [(1, 1)] * 3 + [(0, 0)], mode="wrap")
    edge = np.asarray(size, float) / np.asarray(cells)
    return _walls(tuple(shape), np.asarray(size, float), edge, (boxes + jitter) * edge)


@numba.njit(cache=True)
def _walls(shape, size, edge, seeds):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    out = np.empty(shape, np.float32)
    for i in range(shape[0]):
        x = (i + 0.5) * size[0] / shape[0]
        ci = int(x / edge[0])
        for j in range(shape[1]):
            y = (j + 0.5) * size[1] / shape[1]
            cj = int(y / edge[1])
            for k in range(shape[2]):
                z = (k + 0.5) * size[2] / shape[2]
                ck = int(z / edge[2])
                first = second = np.inf
                for a in range(ci, ci + 3):
                    for b in range(cj, cj + 3):
                        for c in range(ck, ck + 3):
                            dx = seeds[a, b, c, 0] - x
                            dy = seeds[a, b, c, 1] - y
                            dz = seeds[a, b, c, 2] - z
                            d = dx * dx + dy * dy + dz * dz
                            if d < first:
                                second = first
                                first = d
                            elif d < second:
                                second = d
                out[i, j, k] = 0.5 * (np.sqrt(second) - np.sqrt(first))
    return out
