"""The cell stack along z: collector, cathode composite, separator, lithium with interfacial voids, collector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.phantoms import base
from ssb2mesh.phantoms.base import Phantom, PhantomKind, option
from ssb2mesh.phantoms.composite import ACTIVE, ELECTROLYTE, VOID, CathodeOptions, composite_labels
from ssb2mesh.phantoms.fields import smooth_noise
from ssb2mesh.units import format_length
from ssb2mesh.volume import LabelledVolume

__all__ = ["CELL_STACK", "CellStackOptions"]

LITHIUM, CATHODE_COLLECTOR, ANODE_COLLECTOR = 3, 4, 5


@dataclass(frozen=True)
class CellStackOptions:
    """Options of the cell stack."""

    shape: tuple[int, int, int] = option((64, 64, 160), base.shape, "voxels along x, y, z; the cathode is at z_min")
    voxel_size: tuple[float, float, float] = option((0.4e-6,) * 3, base.size_of_voxel, "voxel size")
    collector: float = option(2e-6, base.length_or_zero, "thickness of each collector; 0 for none")
    separator: float = option(16e-6, base.length, "thickness of the separator")
    lithium: float = option(12e-6, base.length, "thickness of the lithium; the cathode takes what is left along z")
    active_fraction: float = option(0.5, base.fraction(0.02, 0.85), "volume fraction of NMC in the cathode")
    void_fraction: float = option(0.08, base.fraction(0.0, 0.6), "volume fraction of voids in the cathode")
    d50: float = option(5e-6, base.length, "volume-weighted median particle diameter")
    contact_loss: float = option(0.2, base.fraction(0.0, 0.95), "fraction of the Li|LPSCl interface covered by voids")
    void_height: float = option(2e-6, base.length, "largest height of a void at the lithium; at least one voxel")
    roughness: float = option(0.4e-6, base.length_or_zero, "standard deviation of the two separator surfaces")


def _build(o: CellStackOptions, seed: int) -> Phantom:
    nx, ny, nz = o.shape
    h = o.voxel_size[2]
    collector = round(o.collector / h) if o.collector else 0
    if o.collector and not collector:
        raise InputError(
            f"collector: {format_length(o.collector)} is less than half a voxel; give 0 or a voxel at least"
        )
    separator, lithium = max(1, round(o.separator / h)), max(1, round(o.lithium / h))
    cathode = nz - 2 * collector - separator - lithium
    if cathode < 8:
        raise InputError(
            f"shape: {nz} voxels along z leave {cathode} for the cathode after the collectors ({collector} each), the "
            f"separator ({separator}) and the lithium ({lithium}); at least 8 are needed"
        )
    rng = np.random.default_rng(seed)
    swing = round(3 * o.roughness / h)
    lower = _surface(rng, o, collector + cathode, swing)
    upper = _surface(rng, o, collector + cathode + separator, swing)
    upper = np.maximum(upper, lower + 1)
    powder = CathodeOptions(
        shape=(nx, ny, cathode + swing),
        voxel_size=o.voxel_size,
        active_fraction=o.active_fraction,
        void_fraction=o.void_fraction,
        d50=o.d50,
    )
    composite, facts = composite_labels(powder, rng)
    labels = np.full(o.shape, ELECTROLYTE, np.uint8)
    labels[:, :, collector : collector + cathode + swing] = composite
    level = np.arange(nz)[None, None, :]
    labels[level >= lower[:, :, None]] = ELECTROLYTE
    labels[level >= upper[:, :, None]] = LITHIUM
    height = _void_height(rng, o)
    labels[(level >= upper[:, :, None]) & (level < (upper + height)[:, :, None])] = VOID
    if collector:
        labels[:, :, :collector] = CATHODE_COLLECTOR
        labels[:, :, nz - collector :] = ANODE_COLLECTOR
    return _phantom(o, labels, facts["particles"], (collector, cathode, separator, lithium), (height > 0).mean())


def _phantom(
    o: CellStackOptions,
    labels: npt.NDArray[np.uint8],
    particles: float,
    layers: tuple[int, int, int, int],
    uncovered: float,
) -> Phantom:
    names = {VOID: "void", ACTIVE: "NMC", ELECTROLYTE: "LPSCl", LITHIUM: "Li"}
    names |= {CATHODE_COLLECTOR: "Al", ANODE_COLLECTOR: "Cu"}
    present = set(np.unique(labels).tolist())
    volume = LabelledVolume(labels, o.voxel_size, phases={k: v for k, v in names.items() if k in present})
    exact = {f"fraction_{name}": share for name, share in volume.volume_fractions().items()}
    for name, voxels in zip(("collector", "cathode", "separator", "lithium"), layers, strict=True):
        exact[f"{name}_thickness_m"] = voxels * o.voxel_size[2]
    exact["particles"] = particles
    exact["contact_fraction_LPSCl|Li"] = 1 - float(uncovered)
    exact["cross_section_m2"] = volume.size[0] * volume.size[1]
    return Phantom(volume, exact)


def _surface(rng: np.random.Generator, o: CellStackOptions, level: int, swing: int) -> npt.NDArray[np.int64]:
    """Return a wavy height map about `level`, in voxels."""
    if o.roughness == 0:
        return np.full(o.shape[:2], level)
    h = np.asarray(o.voxel_size[:2])
    wave = smooth_noise(rng, o.shape[:2], correlation=tuple(np.maximum(0.7, 0.3 * o.d50 / h)))
    bump = np.clip(np.round(wave * o.roughness / o.voxel_size[2]), -swing, swing)
    return level + bump.astype(np.int64)


def _void_height(rng: np.random.Generator, o: CellStackOptions) -> npt.NDArray[np.int64]:
    """Return the height of the lens-shaped voids on the lithium, in voxels: 0 on exactly the contacting share."""
    h = np.asarray(o.voxel_size[:2])
    wave = smooth_noise(rng, o.shape[:2], correlation=tuple(np.maximum(0.7, 0.4 * o.d50 / h)))
    count = round(o.contact_loss * wave.size)
    height = np.zeros(wave.shape, np.int64)
    if count == 0:
        return height
    order = np.argsort(wave, axis=None, kind="stable")[-count:]
    rise = wave.reshape(-1)[order] - wave.reshape(-1)[order[0]]
    top = max(1.0, o.void_height / o.voxel_size[2])
    lens = np.sqrt(rise / rise.max()) if rise.max() > 0 else np.ones(count)
    height.reshape(-1)[order] = np.maximum(1, np.round(top * lens)).astype(np.int64)
    return height


CELL_STACK = PhantomKind(
    "cell_stack",
    "Al collector, NMC composite, LPSCl separator, lithium with interfacial voids, Cu collector, along z.",
    CellStackOptions,
    _build,
)
