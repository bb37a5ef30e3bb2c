"""The cracked electrolyte pellet between two lithium foils: thin wavy cracks, empty or part-filled with lithium."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.phantoms import base
from ssb2mesh.phantoms.base import Phantom, PhantomKind, option
from ssb2mesh.phantoms.fields import smooth_noise
from ssb2mesh.units import format_length
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import label_components

__all__ = ["CRACKED_PELLET", "CrackedPelletOptions"]

VOID, ELECTROLYTE, LITHIUM = 0, 1, 2

#: Cracks by kind, taken in turn: climbing at a slant from the lower foil (spallation), upright from the lower foil
#: (transverse), and lying inside the pellet.
KINDS = ("slanted", "upright", "lying")


@dataclass(frozen=True)
class CrackedPelletOptions:
    """Options of the cracked pellet."""

    shape: tuple[int, int, int] = option(
        (96, 96, 96), base.shape, "voxels along x, y, z; the foils are at z_min, z_max"
    )
    voxel_size: tuple[float, float, float] = option((1e-6,) * 3, base.size_of_voxel, "voxel size")
    foil: float = option(12e-6, base.length, "thickness of each lithium foil")
    cracks: int = option(4, base.integer(0, 100), "number of cracks")
    width: float = option(2e-6, base.length, "widest opening of a crack; never thinner than one voxel")
    extent: float = option(1.1, base.number(0.1, 3.0), "diameter of a crack over the thickness of the pellet")
    waviness: float = option(3e-6, base.length_or_zero, "standard deviation of a crack from its plane")
    filled: float = option(
        0.0, base.fraction(), "fraction of the crack volume filled with lithium, from the lower foil"
    )
    electrolyte: str = option("LPS", base.name, "name of the pellet")
    lithium: str = option("Li", base.name, "name of foils and filled cracks")
    void: str = option("void", base.name, "name of the open cracks")


def _build(o: CrackedPelletOptions, seed: int) -> Phantom:
    nx, ny, nz = o.shape
    foil = max(1, round(o.foil / o.voxel_size[2]))
    if nz - 2 * foil < 8:
        raise InputError(
            f"foil: two foils of {format_length(o.foil)} leave {nz - 2 * foil} voxels along z for the pellet; give "
            "foil or shape so that 8 are left"
        )
    if len({o.electrolyte, o.lithium, o.void}) < 3:
        raise InputError(f"electrolyte, lithium, void: got {o.electrolyte}, {o.lithium}, {o.void}; three names")
    rng = np.random.default_rng(seed)
    pellet: tuple[int, int, int] = (nx, ny, nz - 2 * foil)
    open_ = np.zeros(pellet, bool)
    for number in range(o.cracks):
        open_ |= _one_crack(o, rng, pellet, KINDS[number % len(KINDS)])
    filled = _filled(o, rng, open_)
    labels = np.full(o.shape, LITHIUM, np.uint8)
    inner = labels[:, :, foil : nz - foil]
    inner[...] = ELECTROLYTE
    inner[open_] = VOID
    inner[filled] = LITHIUM
    names = {VOID: o.void, ELECTROLYTE: o.electrolyte, LITHIUM: o.lithium}
    volume = LabelledVolume(labels, o.voxel_size, phases={k: v for k, v in names.items() if (labels == k).any()})
    voxel = float(np.prod(o.voxel_size))
    exact = {f"fraction_{name}": share for name, share in volume.volume_fractions().items()}
    exact |= {
        "crack_volume_m3": float(open_.sum()) * voxel,
        "crack_volume_filled_m3": float(filled.sum()) * voxel,
        "foil_thickness_m": foil * o.voxel_size[2],
        "pellet_thickness_m": pellet[2] * o.voxel_size[2],
        "cracks": o.cracks,
    }
    return Phantom(volume, exact)


def _one_crack(
    o: CrackedPelletOptions, rng: np.random.Generator, pellet: tuple[int, int, int], kind: str
) -> npt.NDArray[np.bool_]:
    """Return the voxels of one crack: a bent disc, widest near its mouth, thinning out to a frayed tip."""
    h = np.asarray(o.voxel_size)
    size = np.asarray(pellet) * h
    radius = 0.5 * o.extent * size[2]
    lean = {"slanted": rng.uniform(25, 50), "upright": rng.uniform(75, 90), "lying": rng.uniform(0, 12)}[kind]
    azimuth = rng.uniform(0, 2 * np.pi)
    theta = np.deg2rad(lean)
    normal = np.array([np.sin(theta) * np.cos(azimuth), np.sin(theta) * np.sin(azimuth), np.cos(theta)])
    centre = rng.uniform(0.25, 0.75, 3) * size
    if kind != "lying":
        # the disc's lowest point dips below the lower foil's surface: the crack starts there
        centre[2] = radius * np.sin(theta) - 0.3 * radius
    x, y, z = ((np.arange(n) + 0.5) * step for n, step in zip(pellet, h, strict=True))
    d = (x[:, None, None] - centre[0], y[None, :, None] - centre[1], z[None, None, :] - centre[2])
    bend = o.waviness * _bending(rng, pellet, h, size)
    height = (normal[0] * d[0] + normal[1] * d[1] + normal[2] * d[2]).astype(np.float32) + bend
    fray = smooth_noise(rng, pellet, correlation=tuple(0.06 * size.min() / h))
    r = np.sqrt(d[0] ** 2 + d[1] ** 2 + d[2] ** 2) / radius + 0.08 * fray
    # |grad| from neighbours turns the level-set value into a distance; the sum of its parts times h/2 is the half width
    # below which a digital plane tears open
    slope = np.gradient(height, *h)
    steep = np.sqrt(sum(g**2 for g in slope))
    thinnest = 0.5 * sum(np.abs(g) * step for g, step in zip(slope, h, strict=True))
    opening = 0.5 * o.width * steep * np.sqrt(np.clip(1 - r**2, 0, 1))
    crack = (np.abs(height) <= np.maximum(opening, thinnest)) & (r < 1)
    ids, found, sizes, _ = label_components(crack)
    # fraying leaves crumbs behind the tip: a crack is one piece
    return crack & (ids == np.argmax(np.where(found, sizes, 0))) if crack.any() else crack


def _bending(
    rng: np.random.Generator, pellet: tuple[int, int, int], h: npt.NDArray[np.float64], size: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Return long waves with some short ones, unit variance."""
    long = smooth_noise(rng, pellet, correlation=tuple(0.12 * size.min() / h))
    short = smooth_noise(rng, pellet, correlation=tuple(0.04 * size.min() / h))
    return (long + np.float32(0.25) * short) / np.float32(np.hypot(1, 0.25))


def _filled(o: CrackedPelletOptions, rng: np.random.Generator, open_: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the lowest part of the cracks, up to a wavy front, that holds the wanted share of their volume."""
    count = round(o.filled * int(open_.sum()))
    if count == 0:
        return np.zeros_like(open_)
    nz = open_.shape[2]
    front = smooth_noise(rng, open_.shape[:2], correlation=(0.08 * open_.shape[0], 0.08 * open_.shape[1]))
    level = np.arange(nz, dtype=np.float32)[None, None, :] + np.float32(0.05 * nz) * front[:, :, None]
    cut = np.partition(level[open_], count - 1)[count - 1]
    return open_ & (level <= cut)


CRACKED_PELLET = PhantomKind(
    "cracked_pellet",
    "Electrolyte pellet between two lithium foils with thin wavy cracks, open or part-filled with lithium.",
    CrackedPelletOptions,
    _build,
)
