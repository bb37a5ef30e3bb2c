"""The gyroid: two interlocking labyrinths of known volume and area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from ssb2mesh.errors import InputError
from ssb2mesh.phantoms import base
from ssb2mesh.phantoms.base import Phantom, PhantomKind, option
from ssb2mesh.units import format_length
from ssb2mesh.volume import LabelledVolume, interface_name

__all__ = ["GYROID", "GyroidOptions", "gyroid_area", "gyroid_fraction"]

Floats = npt.NDArray[np.float64]

#: Beyond this level one labyrinth falls apart into pieces.
LIMIT = 1.41


@dataclass(frozen=True)
class GyroidOptions:
    """Options of the gyroid."""

    shape: tuple[int, int, int] = option((64, 64, 64), base.shape, "voxels along x, y, z")
    voxel_size: tuple[float, float, float] = option((0.25e-6,) * 3, base.size_of_voxel, "voxel size")
    periods: int = option(1, base.integer(1), "periods along each axis")
    fraction: float = option(0.5, base.fraction(0.05, 0.95), "volume fraction of the first phase")
    inside: str = option("NMC", base.name, "name of the first phase")
    outside: str = option("LPSCl", base.name, "name of the second phase")


def gyroid_fraction(level: float, *, samples: int = 400) -> float:
    """Return the volume fraction where sin x cos y + sin y cos z + sin z cos x < level.

    Parameters
    ----------
    level : float
        Level of the surface, |level| <= 1.41.
    samples : int
        Midpoints per axis of the plane that is integrated numerically; the third direction is exact.

    Returns
    -------
    float
        Fraction of a period cell; about six digits at 400 samples.

    Examples
    --------
    >>> round(gyroid_fraction(0.0), 6)
    0.5
    """
    amplitude, rest, _ = _columns(level, samples)
    # R cos(z - z0) < c holds on a share 1 - arccos(c / R) / pi of every period
    return float(np.mean(1 - np.arccos(np.clip(rest / amplitude, -1, 1)) / np.pi))


def gyroid_area(level: float, *, samples: int = 600) -> float:
    """Return the area of the gyroid level surface in one period cell of edge 1.

    The surface is projected along each axis with the weight n_axis^2, so that the integrand stays bounded; the three
    projections are equal by symmetry.

    Parameters
    ----------
    level : float
        Level of the surface.
    samples : int
        Midpoints per axis of the plane.

    Returns
    -------
    float
        Area; six digits at 600 samples for small levels, four near the largest.

    Examples
    --------
    >>> round(gyroid_area(0.0), 4)
    3.0916
    """
    amplitude, rest, (x, y) = _columns(level, samples)
    hit = np.abs(rest) < amplitude
    x, y, amplitude, rest = (np.broadcast_to(v, hit.shape)[hit] for v in (x, y, amplitude, rest))
    phase = np.arctan2(np.cos(x), np.sin(y))
    total = 0.0
    for sign in (-1, 1):
        z = phase + sign * np.arccos(rest / amplitude)
        gx = np.cos(x) * np.cos(y) - np.sin(z) * np.sin(x)
        gy = -np.sin(x) * np.sin(y) + np.cos(y) * np.cos(z)
        gz = -np.sin(y) * np.sin(z) + np.cos(z) * np.cos(x)
        total += float((np.abs(gz) / np.sqrt(gx**2 + gy**2 + gz**2)).sum())
    # the sum runs over a plane of edge 1 (in periods): three projections, samples^2 columns
    return 3 * total / hit.size


def _columns(level: float, samples: int) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Write the surface in each column as R cos(z - z0) = c: return R, c and the column's x, y."""
    t = (np.arange(samples) + 0.5) * 2 * np.pi / samples
    x, y = t[:, None], t[None, :]
    return np.hypot(np.cos(x), np.sin(y)), level - np.sin(x) * np.cos(y), (x, y)


def _build(o: GyroidOptions, seed: int) -> Phantom:
    size = np.asarray(o.shape) * np.asarray(o.voxel_size)
    if np.ptp(size) > 1e-9 * size.max():
        edges = " x ".join(format_length(v) for v in size)
        raise InputError(f"shape, voxel_size: the box is {edges}; a cubic period needs equal edges")
    if o.inside == o.outside:
        raise InputError(f"inside, outside: both are {o.inside!r}; give two names")
    level = 0.0 if o.fraction == 0.5 else float(brentq(lambda t: gyroid_fraction(t) - o.fraction, -LIMIT, LIMIT))
    x, y, z = (2 * np.pi * o.periods * (np.arange(n) + 0.5) / n for n in o.shape)
    x, y, z = x[:, None, None], y[None, :, None], z[None, None, :]
    field = np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)
    labels = (field < level).astype(np.uint8)
    volume = LabelledVolume(labels, o.voxel_size, phases={0: o.outside, 1: o.inside})
    edge = size[0] / o.periods
    return Phantom(
        volume,
        {
            f"volume_{o.inside}_m3": o.fraction * size.prod(),
            f"volume_{o.outside}_m3": (1 - o.fraction) * size.prod(),
            f"fraction_{o.inside}": o.fraction,
            f"area_{interface_name(o.inside, o.outside)}_m2": gyroid_area(level) * edge**2 * o.periods**3,
            "period_m": edge,
            "level": level,
        },
    )


GYROID = PhantomKind("gyroid", "Gyroid: two interlocking labyrinths of known volume and area.", GyroidOptions, _build)
