"""Roughness of a height map: areal parameters by ISO 25178, profile parameters by ISO 4287. No maps are made here."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.measure.tables import Row
from ssb2mesh.measure.topography import HeightMap

__all__ = ["ProfileRoughness", "Roughness", "profile_roughness", "roughness"]


@dataclass(frozen=True)
class Roughness:
    """Areal parameters of ISO 25178-2, over the whole map.

    Parameters
    ----------
    Sa, Sq, Sz, Sp, Sv : float
        Mean and root mean square deviation, largest height, highest peak, deepest pit, m.
    Ssk, Sku : float
        Skewness and kurtosis; NaN on a flat surface.

    Examples
    --------
    >>> roughness(heights).Sa  # doctest: +SKIP
    5.07e-06
    """

    Sa: float
    Sq: float
    Sz: float
    Sp: float
    Sv: float
    Ssk: float
    Sku: float

    def rows(self, subject: str = "", axis: str = "") -> list[Row]:
        """Return the parameters as rows of a long table."""
        units = {"Ssk": "", "Sku": ""}
        return [Row("roughness", subject, k, v, units.get(k, "m"), axis) for k, v in asdict(self).items()]

    def to_dict(self) -> dict[str, float]:
        """Return the parameters by name."""
        return asdict(self)


@dataclass(frozen=True)
class ProfileRoughness:
    """Profile parameters of ISO 4287, means over all profiles.

    Parameters
    ----------
    Ra, Rq : float
        Mean and root mean square deviation, m.
    Rz : float
        Largest height within a sampling length, mean over the sampling lengths, m.
    Rt : float
        Largest height of a profile, m.
    profiles : int
        How many were used.

    Examples
    --------
    >>> profile_roughness(heights, along="x").Ra  # doctest: +SKIP
    4.9e-06
    """

    Ra: float
    Rq: float
    Rz: float
    Rt: float
    profiles: int

    def rows(self, subject: str = "", axis: str = "") -> list[Row]:
        """Return the parameters as rows of a long table."""
        numbers = {k: v for k, v in asdict(self).items() if k != "profiles"}
        return [Row("profile roughness", subject, k, v, "m", axis) for k, v in numbers.items()]

    def to_dict(self) -> dict[str, float]:
        """Return the parameters by name."""
        return asdict(self)


def roughness(heights: HeightMap, *, level: str = "plane", cutoff: float | None = None) -> Roughness:
    """Return the areal roughness of a height map.

    ``Sa`` with ``level="plane"`` is what Huang et al. call Ra: the mean distance from the mean plane along the axis.
    Heights rounded to whole voxels are too rough: a twelfth of the square of a voxel is taken off the mean square, and
    as much off Sa, Ssk and Sku as goes with it (not off Sz, Sp, Sv). The plain sums are those of a map without `step`.

    Parameters
    ----------
    heights : HeightMap
        The surface.
    level : {"plane", "mean", "quadratic", "none"}
        Form that is removed first, by least squares.
    cutoff : float, optional
        Longest wave that counts (L-filter, ISO 16610-61), m; default: all waves.

    Returns
    -------
    Roughness
        In m.

    Raises
    ------
    InputError
        If the level is unknown, the cut-off too short, or too few columns have a height.

    References
    ----------
    ISO 25178-2; Huang et al., J. Phys. Energy 7 (2025) 025009. Rounding: Sheppard, Proc.
    London Math. Soc. 29 (1897) 353, 10.1112/plms/s1-29.1.353.

    Examples
    --------
    >>> wave = np.sin(2 * np.pi * np.arange(200) / 200)
    >>> heights = HeightMap(np.repeat(wave[:, None], 3, axis=1), (1.0, 1.0), "z", ((0, 200), (0, 3)))
    >>> round(roughness(heights, level="mean").Sa, 4), round(2 / np.pi, 4)
    (0.6366, 0.6366)
    """
    surface = heights.levelled(level)
    surface = surface if cutoff is None else surface.filtered(cutoff)
    z = surface.values[np.isfinite(surface.values)]
    square, h = float(np.mean(z**2)), heights.step
    sa, sq = _unrounded(z, h)
    flat = sq <= 1e-12 * float(np.abs(heights.values[np.isfinite(heights.values)]).max())
    fourth = float(np.mean(z**4)) - square * h**2 / 2 + 7 * h**4 / 240
    third, fourth = (float("nan"), float("nan")) if flat else (np.mean(z**3) / sq**3, fourth / sq**4)
    return Roughness(
        Sa=sa,
        Sq=sq,
        Sz=float(z.max() - z.min()),
        Sp=float(z.max()),
        Sv=float(-z.min()),
        Ssk=float(third),
        Sku=float(fourth),
    )


def _unrounded(z: npt.NDArray[np.float64], step: float) -> tuple[float, float]:
    """Mean of |z| and root mean square of deviations, without their rounding to whole steps.

    Rounding adds step^2 / 12 to the mean square (Sheppard). The mean of |z| depends on where zero lies between two
    steps; so each value is spread over its step first, which adds as much once more. To the mean of |z| both add what
    they add to the mean square, times the density at zero: 2 density square / mean is 1 for normal deviations, 1/2 for
    a sine. Written as a power it stays right for normal deviations that are small against a step.
    """
    square = float(np.mean(z**2))
    if step == 0.0:
        return float(np.mean(np.abs(z))), float(np.sqrt(square))
    if square <= step**2 / 12:
        return 0.0, 0.0
    half = 0.5 * step
    mean = float(np.mean(np.where(np.abs(z) < half, z**2 / step + 0.25 * step, np.abs(z))))
    spread = square + step**2 / 12
    near = max(0.5 * half, 0.5 * float(np.sqrt(square)))
    inside = np.clip(z + half, -near, near) - np.clip(z - half, -near, near)
    density = float(inside.mean()) / (2 * near * step)
    power = min(1.0, 2 * density * spread / mean)
    part = np.sqrt(1.0 - step**2 / (6 * spread))
    return mean * float(part**power), float(np.sqrt(square - step**2 / 12))


def profile_roughness(
    heights: HeightMap, *, along: str, sampling_lengths: int = 5, level: str = "plane", cutoff: float | None = None
) -> ProfileRoughness:
    """Return the roughness of all profiles along an axis.

    The rounding to voxels is taken off Ra and Rq as in `roughness`; Rz and Rt keep it.

    Parameters
    ----------
    heights : HeightMap
        The surface.
    along : {"x", "y", "z"}
        Direction of the profiles, not the axis of the height.
    sampling_lengths : int
        Parts of a profile that Rz is taken over; ISO 4287 takes five.
    level : {"plane", "mean", "quadratic", "none"}
        Form that is removed from the whole map first; each profile is then taken about its own mean line.
    cutoff : float, optional
        Longest wave that counts, m.

    Returns
    -------
    ProfileRoughness
        Means over the profiles that have a height everywhere.

    Raises
    ------
    InputError
        If the direction is wrong, there are fewer points than sampling lengths, or every profile has a gap.

    Examples
    --------
    >>> wave = np.sin(2 * np.pi * np.arange(200) / 40)
    >>> heights = HeightMap(np.repeat(wave[:, None], 3, axis=1), (1.0, 1.0), "z", ((0, 200), (0, 3)))
    >>> round(profile_roughness(heights, along="x", level="mean").Rz, 3)
    2.0
    """
    axes = [a for a in "xyz" if a != heights.axis]
    if along not in axes:
        raise InputError(f"along: got {along!r}; heights along {heights.axis} have profiles along {', '.join(axes)}")
    surface = heights.levelled(level)
    surface = surface if cutoff is None else surface.filtered(cutoff)
    rows = surface.values if along == axes[1] else surface.values.T
    count = rows.shape[1]
    if isinstance(sampling_lengths, bool) or not 1 <= sampling_lengths <= count:
        raise InputError(f"sampling_lengths: got {sampling_lengths!r}; profiles have {count} points")
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        raise InputError(f"heights: every profile along {along} has a gap; use roughness, which skips them")
    rows = rows - rows.mean(axis=1, keepdims=True)
    bounds = np.linspace(0, count, sampling_lengths + 1).astype(int)
    spans = [np.ptp(rows[:, a:b], axis=1) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
    plain = float(np.sqrt((rows**2).mean()))
    ra, rq = _unrounded(rows, heights.step)
    return ProfileRoughness(
        Ra=ra,
        Rq=float(np.sqrt((rows**2).mean(axis=1)).mean()) * (rq / plain if plain > 0 else 1.0),
        Rz=float(np.mean(spans)),
        Rt=float(np.ptp(rows, axis=1).mean()),
        profiles=len(rows),
    )
