"""Particles and pores one by one: touching ones told apart, their sizes, and what each of them touches. No pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.measure.codes import phase_codes, phase_mask
from ssb2mesh.measure.distance import nearest_outside
from ssb2mesh.measure.plan import NECK
from ssb2mesh.measure.slabs import in_slabs
from ssb2mesh.measure.tables import Row
from ssb2mesh.measure.window import area_windows
from ssb2mesh.volume import LabelledVolume

__all__ = ["DEPTH", "Particles", "label_particles", "size_percentiles"]

#: Necks that lie less than this many voxels below a particle's deepest point do not cut it.
DEPTH = 1.0


@dataclass(frozen=True, eq=False, repr=False)
class Particles:
    """The particles (or pores) of a phase; particle ``p`` is row ``p`` of every table.

    Parameters
    ----------
    phase : str
        The phase.
    ids : (nx, ny, nz) int32 array
        Particle of each voxel, -1 outside the phase.
    volumes : (n,) float array
        m3.
    centres : (n, 3) float array
        Centres of mass, m.
    whole : (n,) bool array
        Whether a particle touches no side of the box, so that its size is its own.
    areas : mapping of str to (n,) float array
        Corrected area (see `ssb2mesh.measure.interface_areas`) towards each other phase, m2.
    neck, depth : float
        Options used; the depth in m.
    """

    phase: str
    ids: npt.NDArray[np.int32]
    volumes: npt.NDArray[np.float64]
    centres: npt.NDArray[np.float64]
    whole: npt.NDArray[np.bool_]
    areas: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    neck: float = NECK
    depth: float = 0.0

    def __len__(self) -> int:
        return len(self.volumes)

    @property
    def diameters(self) -> npt.NDArray[np.float64]:
        """Diameters of the spheres of the same volume, (n,), m."""
        diameters: npt.NDArray[np.float64] = np.cbrt(6 * self.volumes / np.pi)
        return diameters

    def contact_fractions(self, other: str) -> npt.NDArray[np.float64]:
        """Return for each particle the share of its surface that touches another phase.

        The surface is that towards all other phases, without the contacts between particles; NaN where there is none.
        """
        if other not in self.areas:
            raise InputError(f"phase: no phase {other!r} beside {self.phase!r}; phases: {', '.join(self.areas)}")
        whole = np.sum(list(self.areas.values()), axis=0)
        return np.divide(self.areas[other], whole, out=np.full(len(self), np.nan), where=whole > 0)

    def summary(self) -> dict[str, float]:
        """Return count, whole particles, mean and deviation of diameters, and percentiles by number and by volume.

        Diameters are those of the whole particles; all particles stand in for them when none is whole.
        """
        chosen = self.whole if self.whole.any() else np.ones(len(self), bool)
        d, weight = self.diameters[chosen], self.volumes[chosen]
        found = {"count": float(len(self)), "whole": float(self.whole.sum()), "mean diameter": float(d.mean())}
        found["standard deviation of diameter"] = float(d.std(ddof=1)) if len(d) > 1 else float("nan")
        for text, weights in (("number", np.ones(len(d))), ("volume", weight)):
            for share, value in zip((10, 50, 90), size_percentiles(d, weights, (0.1, 0.5, 0.9)), strict=True):
                found[f"D{share} by {text}"] = value
        return found

    def rows(self) -> list[Row]:
        """Return the statistics and every particle as rows of a long table."""
        rows = [
            Row("particles", self.phase, name, value, "" if name in ("count", "whole") else "m")
            for name, value in self.summary().items()
        ]
        for other in self.areas:
            shares = self.contact_fractions(other)
            shares = shares[np.isfinite(shares)]
            if len(shares):
                rows.append(Row("particles", self.phase, f"mean contact fraction with {other}", float(shares.mean())))
                rows.append(Row("particles", self.phase, f"share without contact with {other}",
                                float((shares == 0).mean())))  # fmt: skip
        return rows + self._each()

    def _each(self) -> list[Row]:
        rows = []
        contacts = {other: self.contact_fractions(other) for other in self.areas}
        for number, (size, diameter, whole) in enumerate(zip(self.volumes, self.diameters, self.whole, strict=True)):
            name = f"{self.phase} {number}"
            rows += [
                Row("particle", name, "volume", float(size), "m3"),
                Row("particle", name, "equivalent diameter", float(diameter), "m"),
                Row("particle", name, "whole", float(whole)),
            ]
            rows += [Row("particle", name, f"contact fraction with {o}", float(c[number])) for o, c in contacts.items()]
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        return {
            "neck": self.neck,
            "depth_m": self.depth,
            **{name.replace(" ", "_"): value for name, value in self.summary().items()},
            "diameter_m": self.diameters.tolist(),
            "whole_particles": self.whole.tolist(),
            "contact_fraction": {other: self.contact_fractions(other).tolist() for other in self.areas},
        }

    def __repr__(self) -> str:
        found = self.summary()
        return f"<Particles {self.phase}: {len(self)}, mean diameter {found['mean diameter']:.4g} m>"


def label_particles(volume: LabelledVolume, phase: str, *, neck: float = NECK, depth: float | None = None) -> Particles:
    """Tell the particles of a phase apart and measure each.

    The distance to the surface is flooded from its peaks down (watershed). Where two basins meet, they are two
    particles if the distance at the saddle is less than `neck` times that at the lower peak and at least `depth` below
    it; else one. Parts that do not touch are always told apart.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    phase : str
        Its particles (or pores) are measured.
    neck : float
        0 to 1; 0 takes connected components as they are, 1 cuts at every neck that is deep enough.
    depth : float, optional
        m; default one voxel (the smallest edge), below which necks are noise of the voxels.

    Returns
    -------
    Particles
        Numbered by their first voxel in C order.

    Raises
    ------
    InputError
        If there is no such phase, it fills the volume, or an option is out of range.

    References
    ----------
    Watershed by flooding: Vincent and Soille, 10.1109/34.87344; merging by depth of the saddle (dynamics): Grimaud,
    10.1117/12.60650.

    Examples
    --------
    >>> labels = np.zeros((9, 4, 4), np.uint8)
    >>> labels[1:4, 1:3, 1:3] = labels[5:8, 1:3, 1:3] = 1
    >>> found = label_particles(LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPSCl", 1: "NMC"}), "NMC")
    >>> len(found), round(found.diameters[0] * 1e6, 3)
    (2, 2.84)
    """
    from ssb2mesh.measure.particles_kernel import flood, gather

    edge = min(volume.spacing)
    depth = DEPTH * edge if depth is None else float(depth)
    if not 0 <= neck <= 1:
        raise InputError(f"neck: got {neck!r}; give a share from 0 to 1")
    if not (np.isfinite(depth) and depth >= 0):
        raise InputError(f"depth: got {depth!r}; give a length in m that is not negative")
    mask = phase_mask(volume, phase)
    distance, _ = nearest_outside(mask, volume.spacing)
    inside = np.flatnonzero(mask)
    order = inside[np.argsort(-distance.reshape(-1)[inside], kind="stable")]
    del inside
    ids = np.full(mask.shape, -1, np.int32)
    # the surface lies half a voxel before the nearest voxel outside
    count = flood(distance, order, ids, neck, depth, 0.5 * edge)
    del distance, order
    sizes, sums, sides = gather(ids, count)
    spacing = np.asarray(volume.spacing)
    centres = np.asarray(volume.origin) + (sums / sizes[:, None] + 0.5) * spacing
    areas = _areas(volume, ids, count)
    areas.pop(phase)
    return Particles(phase, ids, sizes * float(np.prod(spacing)), centres, sides == 0, areas, float(neck), depth)


def _areas(volume: LabelledVolume, ids: npt.NDArray[np.int32], count: int) -> dict[str, npt.NDArray[np.float64]]:
    """Corrected area of each particle towards each phase."""
    from ssb2mesh.measure.areas_kernel import face_areas

    codes, spacing, windows = phase_codes(volume), np.asarray(volume.spacing), area_windows(volume.spacing)
    phases = len(volume.phases)

    def one(first: int, last: int) -> npt.NDArray[np.float64]:
        faces, areas = np.zeros((2, count, phases))
        face_areas(codes, ids, codes, windows, spacing, first, last, faces, areas)
        return areas

    table = np.sum(in_slabs(one, ids.shape[0], thick=max(16, ids.shape[0] // 8)), axis=0)
    return {name: table[:, column] for column, name in enumerate(volume.phase_names)}


def size_percentiles(
    sizes: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], shares: tuple[float, ...]
) -> list[float]:
    """Return the sizes below which given shares of the weight lie.

    Parameters
    ----------
    sizes, weights : (n,) float array
        Sizes and what each counts.
    shares : tuple of float
        0 to 1.

    Returns
    -------
    list of float
        Interpolated between the middles of the steps of the cumulative curve.

    Examples
    --------
    >>> size_percentiles(np.array([1.0, 2.0, 3.0]), np.ones(3), (0.5,))
    [2.0]
    """
    order = np.argsort(sizes)
    cumulative = np.cumsum(weights[order])
    middles = (cumulative - 0.5 * weights[order]) / cumulative[-1]
    return [float(v) for v in np.interp(shares, middles, sizes[order])]
