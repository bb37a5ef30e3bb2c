"""Flat layers: every volume, area and effective conductivity is known exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssb2mesh.errors import InputError
from ssb2mesh.phantoms import base
from ssb2mesh.phantoms.base import Phantom, PhantomKind, option
from ssb2mesh.volume import LabelledVolume, interface_name

__all__ = ["LAMINATE", "LaminateOptions"]


def _layers(value: Any, key: str) -> tuple[int, ...]:
    parts = value.split(",") if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else [value]
    return tuple(base.integer(1)(part, key) for part in parts)


@dataclass(frozen=True)
class LaminateOptions:
    """Options of the laminate."""

    shape: tuple[int, int, int] = option((16, 16, 16), base.shape, "voxels along x, y, z")
    voxel_size: tuple[float, float, float] = option((1e-6,) * 3, base.size_of_voxel, "voxel size")
    axis: str = option("z", base.choice("x", "y", "z"), "normal of the layers")
    phases: tuple[str, ...] = option(("NMC", "LPSCl"), base.names(1), "phase names, in the order of the layers")
    layers: tuple[int, ...] = option(
        (8,), _layers, "voxels per layer: one number for all or one a phase; the pattern repeats until the box is full"
    )


def _build(o: LaminateOptions, seed: int) -> Phantom:
    if len(o.layers) not in (1, len(o.phases)):
        raise InputError(f"layers: got {len(o.layers)} for {len(o.phases)} phases; give one number, or one a phase")
    axis = "xyz".index(o.axis)
    n = o.shape[axis]
    widths = o.layers * len(o.phases) if len(o.layers) == 1 else o.layers
    line = np.resize(np.repeat(np.arange(len(o.phases)), widths), n).astype(
        np.uint16 if len(o.phases) > 256 else np.uint8
    )
    if len(np.unique(line)) < len(o.phases):
        raise InputError(f"shape: {n} voxels along {o.axis} hold only part of the layers {widths}; enlarge shape")
    along = [1, 1, 1]
    along[axis] = n
    labels = np.ascontiguousarray(np.broadcast_to(line.reshape(along), o.shape))
    volume = LabelledVolume(labels, o.voxel_size, phases=dict(enumerate(o.phases)))
    size = np.asarray(volume.size)
    fractions = {name: float((line == label).mean()) for label, name in enumerate(o.phases)}
    exact = {f"volume_{name}_m3": share * size.prod() for name, share in fractions.items()}
    exact |= {f"fraction_{name}": share for name, share in fractions.items()}
    walls = Counter(
        interface_name(o.phases[a], o.phases[b]) for a, b in zip(line[:-1], line[1:], strict=True) if a != b
    )
    exact |= {f"area_{name}_m2": count * size.prod() / size[axis] for name, count in walls.items()}
    return Phantom(volume, exact, conductivity=lambda sigma: _conductivity(fractions, axis, sigma))


def _conductivity(fractions: Mapping[str, float], axis: int, sigma: Mapping[str, float]) -> tuple[float, float, float]:
    """Parallel along the layers, series across; phases that are not named do not conduct."""
    values = {name: float(sigma.get(name, 0.0)) for name in fractions}
    parallel = sum(share * values[name] for name, share in fractions.items())
    blocked = min(values.values()) <= 0
    series = 0.0 if blocked else 1 / sum(share / values[name] for name, share in fractions.items())
    x, y, z = (series if a == axis else parallel for a in range(3))
    return (x, y, z)


LAMINATE = PhantomKind(
    "laminate",
    "Flat layers of any number of phases, with exact series and parallel conductivity.",
    LaminateOptions,
    _build,
)
