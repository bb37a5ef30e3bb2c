"""The composite cathode: active particles, solid electrolyte between them, and voids. Nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ssb2mesh.errors import InputError
from ssb2mesh.phantoms import base
from ssb2mesh.phantoms.base import Phantom, PhantomKind, option
from ssb2mesh.phantoms.fields import cell_walls, smooth_noise
from ssb2mesh.phantoms.packing import log_normal_diameters, pack_spheres, surface_distance
from ssb2mesh.units import format_length
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import label_components

__all__ = ["COMPOSITE_CATHODE", "CathodeOptions", "composite_labels"]

#: Labels of the phantom.
VOID, ACTIVE, ELECTROLYTE = 0, 1, 2

#: Particles are packed smaller by this factor, then grown together: touching particles get the flat contacts of a
#: pressed cathode, and the active material percolates at the usual loadings.
COMPACTION = 1.04


@dataclass(frozen=True)
class CathodeOptions:
    """Options of the composite cathode."""

    shape: tuple[int, int, int] = option((96, 96, 96), base.shape, "voxels along x, y, z")
    voxel_size: tuple[float, float, float] = option((0.25e-6,) * 3, base.size_of_voxel, "voxel size")
    active_fraction: float = option(0.55, base.fraction(0.02, 0.85), "volume fraction of active material")
    void_fraction: float = option(0.08, base.fraction(0.0, 0.6), "volume fraction of voids")
    d50: float = option(5e-6, base.length, "volume-weighted median particle diameter")
    sigma: float = option(0.3, base.number(0.0, 1.0), "standard deviation of ln(diameter), volume-weighted")
    roughness: float = option(0.04, base.number(0.0, 0.15), "surface roughness of particles, relative to the radius")
    grain_size: float = option(2e-6, base.length, "grain size of the electrolyte; voids like its grain boundaries")
    active: str = option("NMC", base.name, "name of the active material")
    electrolyte: str = option("LPSCl", base.name, "name of the electrolyte")
    void: str = option("void", base.name, "name of the voids")


def composite_labels(o: CathodeOptions, rng: np.random.Generator) -> tuple[npt.NDArray[np.uint8], Mapping[str, float]]:
    """Return the labels of a composite cathode and what is known of its powder.

    Parameters
    ----------
    o : CathodeOptions
        Fractions are met to about 0.05 % of the volume (single specks are filled).
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    labels : (nx, ny, nz) uint8 array
        0 void, 1 active, 2 electrolyte; periodic in all directions.
    facts : mapping of str to float
        ``particles``, ``d50_m``.

    Raises
    ------
    InputError
        If the fractions do not leave room for the electrolyte or no particle fits.
    """
    if o.active_fraction + o.void_fraction > 0.98:
        raise InputError(
            f"active_fraction + void_fraction: got {o.active_fraction + o.void_fraction:g}; at most 0.98, the rest is "
            "electrolyte"
        )
    size = np.asarray(o.shape) * np.asarray(o.voxel_size)
    diameters = log_normal_diameters(rng, total_volume=o.active_fraction * size.prod(), d50=o.d50, sigma=o.sigma)
    if diameters[0] > size.min():
        raise InputError(
            f"d50: the largest particle, {format_length(diameters[0])}, is wider than the box, "
            f"{format_length(size.min())}; enlarge shape or voxel_size, or lower d50 or sigma"
        )
    packing = pack_spheres(rng, diameters / 2 / COMPACTION, size)
    bumps = smooth_noise(rng, o.shape, correlation=_in_voxels(0.1 * o.d50, o.voxel_size)) * np.float32(o.roughness)
    near, second = surface_distance(packing, o.shape, reach=0.5 * o.d50, swell=bumps)
    labels = np.full(o.shape, ELECTROLYTE, np.uint8)
    count = round(o.active_fraction * labels.size)
    cut = np.partition(near.reshape(-1), count - 1)[count - 1]
    labels[near <= cut] = ACTIVE
    _fill_specks(labels, ELECTROLYTE, ACTIVE)
    if o.void_fraction > 0:
        score = _void_score(o, rng, near - cut, second - cut)
        _open_voids(labels, score, round(o.void_fraction * labels.size))
    return labels, {"particles": len(diameters), "d50_m": packing.d50 * COMPACTION}


def _void_score(
    o: CathodeOptions, rng: np.random.Generator, near: npt.NDArray[np.float32], second: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return where voids open first: grain boundaries, particle surfaces and the wedges between two particles.

    Those are the places where pressing leaves pores and where cycling opens gaps.
    """
    size = np.asarray(o.shape) * np.asarray(o.voxel_size)
    cells = np.maximum(1, np.round(size / o.grain_size)).astype(int)
    walls = cell_walls(rng, o.shape, cells=cells.tolist(), size=size.tolist())
    coarse = smooth_noise(rng, o.shape, correlation=_in_voxels(0.5 * o.grain_size, o.voxel_size))
    fine = smooth_noise(rng, o.shape, correlation=_in_voxels(0.15 * o.grain_size, o.voxel_size))
    thin = 0.12 * o.grain_size
    score = 1.0 * coarse + 0.25 * fine + 1.6 * np.exp(-walls / thin)
    score += 1.2 * np.exp(-np.maximum(near, 0) / (1.5 * thin)) + 1.2 * np.exp(-np.maximum(second, 0) / (4 * thin))
    # ragged single voxels are noise of the grid, not of the material
    return ndimage.gaussian_filter(score.astype(np.float32), 0.8, mode="wrap", truncate=3.0)


def _open_voids(labels: npt.NDArray[np.uint8], score: npt.NDArray[np.float32], count: int) -> None:
    """Turn the highest-scoring electrolyte voxels into voids, without specks of either; about `count` in the end."""
    matrix = labels == ELECTROLYTE
    ranked = np.sort(score[matrix])[::-1]
    wanted = count
    for _ in range(4):
        cut = ranked[min(max(wanted, 1), len(ranked)) - 1]
        labels[matrix] = np.where(score[matrix] >= cut, VOID, ELECTROLYTE)
        _fill_specks(labels, VOID, ELECTROLYTE)
        _fill_specks(labels, ELECTROLYTE, VOID)
        missing = count - int((labels == VOID).sum())
        if abs(missing) <= 2e-4 * labels.size:
            break
        wanted += missing


def _fill_specks(labels: npt.NDArray[np.uint8], label: int, by: int, smaller_than: int = 12) -> None:
    ids, found, sizes, _ = label_components(labels)
    labels[((found == label) & (sizes < smaller_than))[ids]] = by


def _in_voxels(length: float, voxel_size: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (max(0.7, length / h) for h in voxel_size)
    return (x, y, z)


def _build(o: CathodeOptions, seed: int) -> Phantom:
    labels, facts = composite_labels(o, np.random.default_rng(seed))
    wanted = {VOID: o.void, ACTIVE: o.active, ELECTROLYTE: o.electrolyte}
    if len(set(wanted.values())) < 3:
        raise InputError(f"active, electrolyte, void: got {sorted(wanted.values())}; three different names")
    present = {label: name for label, name in wanted.items() if (labels == label).any()}
    volume = LabelledVolume(labels, o.voxel_size, phases=present)
    exact = dict(facts)
    for name, share in volume.volume_fractions().items():
        exact[f"fraction_{name}"] = share
    return Phantom(volume, exact)


COMPOSITE_CATHODE = PhantomKind(
    "composite_cathode",
    "Particle packing with a log-normal size distribution, solid electrolyte between, voids at grains and particles.",
    CathodeOptions,
    _build,
)
