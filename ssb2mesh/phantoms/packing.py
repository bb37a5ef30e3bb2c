"""Periodic packings of spheres: sizes, relaxation, distance fields. No phases here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.special import ndtri

from ssb2mesh.errors import InputError

__all__ = ["Packing", "log_normal_diameters", "pack_spheres", "surface_distance"]

#: Diameters are cut at this many standard deviations of ln d: real sieved powders have no longer tails.
TAIL = 2.5


@dataclass(frozen=True, eq=False)
class Packing:
    """Spheres in a periodic box with a corner at 0.

    Parameters
    ----------
    centres : (n, 3) float array
        In [0, size).
    radii : (n,) float array
        Same unit.
    size : (3,) float array
        Edges of the box.
    """

    centres: npt.NDArray[np.float64]
    radii: npt.NDArray[np.float64]
    size: npt.NDArray[np.float64]

    @property
    def solid_fraction(self) -> float:
        """Summed sphere volume over box volume; overlaps count twice."""
        return float(4 / 3 * np.pi * (self.radii**3).sum() / self.size.prod())

    @property
    def d50(self) -> float:
        """Volume-weighted median diameter."""
        order = np.argsort(self.radii)
        share = np.cumsum(self.radii[order] ** 3)
        return float(2 * self.radii[order][np.searchsorted(share, 0.5 * share[-1])])


def log_normal_diameters(
    rng: np.random.Generator, *, total_volume: float, d50: float, sigma: float
) -> npt.NDArray[np.float64]:
    """Return diameters of spheres that fill a volume, log-normal by volume.

    The volume-weighted distribution has median `d50` and standard deviation `sigma` of ln d; by number the median is
    then d50 exp(-3 sigma^2) (Hatch-Choate). One diameter is drawn from each of n equal quantiles, so that small boxes
    too hold the whole distribution; at last all are scaled by one factor to meet the volume.

    Parameters
    ----------
    rng : numpy Generator
        Source of randomness.
    total_volume : float
        Sum of the sphere volumes.
    d50 : float
        Volume-weighted median diameter, same unit of length.
    sigma : float
        Standard deviation of ln d; 0 for equal spheres.

    Returns
    -------
    (n,) float array
        Diameters, largest first.

    Raises
    ------
    InputError
        If not even one sphere fits the volume.

    Examples
    --------
    >>> d = log_normal_diameters(np.random.default_rng(0), total_volume=100.0, d50=1.0, sigma=0.2)
    >>> round(float((np.pi / 6 * d**3).sum()), 9)
    100.0
    """
    median = d50 * np.exp(-3 * sigma**2)
    mean_volume = np.pi / 6 * median**3 * np.exp(4.5 * sigma**2)
    count = int(round(total_volume / mean_volume))
    if count < 1:
        raise InputError(f"d50: particles of {d50:.3g} are too large for the box; enlarge shape or lower d50")
    quantiles = (np.arange(count) + rng.random(count)) / count
    # the tail is cut about the volume median, where the particles matter, not about the number median
    score = np.clip(ndtri(quantiles), -TAIL - 3 * sigma, TAIL + 3 * sigma)
    diameters = median * np.exp(sigma * score)
    return np.sort(diameters * (total_volume / (np.pi / 6 * (diameters**3).sum())) ** (1 / 3))[::-1]


def pack_spheres(
    rng: np.random.Generator, radii: npt.NDArray[np.float64], size: Sequence[float], *, sweeps: int = 600
) -> Packing:
    """Return a random packing: spheres start anywhere and push each other apart until hardly any overlap is left.

    A relaxation of soft spheres (after the force-biased algorithm, 10.1080/08927028908031373): each sweep
    moves every overlapping pair apart, the smaller sphere more than the larger. Where the solid fraction is above
    random close packing, overlaps remain: they are the flat contacts of a pressed powder.

    Parameters
    ----------
    rng : numpy Generator
        Source of randomness.
    radii : (n,) float array
        Radii.
    size : three float
        Edges of the periodic box, same unit.
    sweeps : int
        Most sweeps.

    Returns
    -------
    Packing
        Centres in the order of `radii`.
    """
    box = np.asarray(size, float)
    centres = rng.random((len(radii), 3)) * box
    skin = 0.3 * float(radii.mean())
    for _ in range(0, sweeps, 10):
        reach = 2 * float(radii.max()) + skin
        if reach < 0.5 * box.min():
            pairs = cKDTree(centres, boxsize=box).query_pairs(reach, output_type="ndarray")
        else:
            pairs = np.stack(np.triu_indices(len(radii), 1), axis=1)
        worst = 0.0
        for _ in range(10):
            worst = _push_apart(centres, radii, box, pairs)
        centres %= box
        centres = np.minimum(centres, np.nextafter(box, 0))
        if worst < 5e-3:
            break
    return Packing(centres, radii, box)


@numba.njit(cache=True)
def _push_apart(centres, radii, box, pairs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One Gauss-Seidel sweep; return the largest overlap found, relative to the smaller radius."""
    worst = 0.0
    step = np.empty(3)
    for p in range(pairs.shape[0]):
        a, b = pairs[p]
        square = 0.0
        for c in range(3):
            d = centres[b, c] - centres[a, c]
            d -= box[c] * np.round(d / box[c])
            step[c] = d
            square += d * d
        touch = radii[a] + radii[b]
        if square >= touch * touch:
            continue
        distance = np.sqrt(square)
        overlap = touch - distance
        worst = max(worst, overlap / min(radii[a], radii[b]))
        share = radii[b] ** 3 / (radii[a] ** 3 + radii[b] ** 3)
        scale = 0.8 * overlap / max(distance, 1e-9 * touch)
        for c in range(3):
            centres[a, c] -= scale * share * step[c]
            centres[b, c] += scale * (1 - share) * step[c]
    return worst


def surface_distance(
    packing: Packing, shape: Sequence[int], *, reach: float, swell: npt.NDArray[np.float32] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the distance from each voxel centre to the nearest and to the second nearest sphere surface.

    Parameters
    ----------
    packing : Packing
        Spheres in the periodic box that the voxels fill.
    shape : three int
        Voxels along x, y, z.
    reach : float
        Distances up to here are exact; beyond it `reach` is returned.
    swell : (nx, ny, nz) float32 array, optional
        Relative growth of the radius seen at each voxel: it roughens the spheres.

    Returns
    -------
    nearest, second : (nx, ny, nz) float32 arrays
        Negative inside a sphere.
    """
    growth = np.zeros((1, 1, 1), np.float32) if swell is None else swell
    nearest = np.full(tuple(shape), reach, np.float32)
    second = np.full(tuple(shape), reach, np.float32)
    spacing = packing.size / np.asarray(shape)
    _paint(nearest, second, packing.centres, packing.radii, spacing, growth, reach)
    return nearest, second


@numba.njit(cache=True)
def _paint(nearest, second, centres, radii, spacing, swell, reach):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
    nx, ny, nz = nearest.shape
    plain = swell.size == 1
    for s in range(len(radii)):
        r = radii[s]
        wide = 1.5 * r + reach
        low = np.floor((centres[s] - wide) / spacing).astype(np.int64)
        high = np.ceil((centres[s] + wide) / spacing).astype(np.int64)
        # a reach wider than the box must not visit a voxel twice: the nearest image alone counts
        whole = np.zeros(3, np.bool_)
        for c, n in ((0, nx), (1, ny), (2, nz)):
            if high[c] - low[c] >= n:
                low[c] = 0
                high[c] = n
                whole[c] = True
        for a in range(low[0], high[0]):
            dx = (a + 0.5) * spacing[0] - centres[s, 0]
            if whole[0]:
                dx -= nx * spacing[0] * np.round(dx / (nx * spacing[0]))
            i = a % nx
            for b in range(low[1], high[1]):
                dy = (b + 0.5) * spacing[1] - centres[s, 1]
                if whole[1]:
                    dy -= ny * spacing[1] * np.round(dy / (ny * spacing[1]))
                j = b % ny
                flat = dx * dx + dy * dy
                if flat > wide * wide:
                    continue
                for c in range(low[2], high[2]):
                    dz = (c + 0.5) * spacing[2] - centres[s, 2]
                    if whole[2]:
                        dz -= nz * spacing[2] * np.round(dz / (nz * spacing[2]))
                    square = flat + dz * dz
                    if square > wide * wide:
                        continue
                    k = c % nz
                    radius = r if plain else r * (1 + swell[i, j, k])
                    d = np.sqrt(square) - radius
                    if d < nearest[i, j, k]:
                        second[i, j, k] = nearest[i, j, k]
                        nearest[i, j, k] = d
                    elif d < second[i, j, k]:
                        second[i, j, k] = d
