"""The label volumes that every tool gets, with what is known about them exactly. No tools here."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.ndimage import label as label_components

from ssb2mesh import LabelledVolume
from ssb2mesh.phantoms import make_phantom


@dataclass(frozen=True)
class Case:
    """A volume in voxel units: voxel (i, j, k) fills the unit cube from (i, j, k).

    `labels` are 0, 1, ...; `area` is the exact area of the one interface, in squares of a voxel's edge; `crack` is the
    label of a crack.
    """

    name: str
    title: str
    labels: np.ndarray
    phases: dict[int, str] = field(default_factory=dict)
    area: float | None = None
    crack: int | None = None


#: Title and edge in voxels.
CASES = {
    "sphere": ("sphere, 2 phases", 64),
    "gyroid": ("gyroid, 2 phases", 64),
    "cathode": ("composite cathode, 3 phases", 64),
    "pellet": ("pellet with a one-voxel crack across it, 3 phases", 64),
    "smooth-noise": ("smoothed noise, 4 phases", 64),
    "noise": ("salt and pepper, 4 phases", 32),
}


@cache
def make_case(name: str, size: int | None = None) -> Case:
    """The volume of a case, `size` voxels an edge (default: that of the table)."""
    title, usual = CASES[name]
    n = size or usual
    if name == "sphere":
        x = np.indices((n,) * 3, dtype=np.float32) + 0.5 - n / 2 - 0.13
        radius = 0.4 * n
        inside = ((x**2).sum(axis=0) < radius**2).astype(np.uint8)
        return Case(name, title, inside, {0: "matrix", 1: "sphere"}, area=4 * np.pi * radius**2)
    if name == "gyroid":
        phantom = make_phantom("gyroid", seed=1, shape=n)
        exact = next(v for k, v in phantom.exact.items() if k.startswith("area_") and "|" in k)
        return _of_volume(name, title, phantom.volume, area=exact / phantom.volume.spacing[0] ** 2)
    if name == "cathode":
        return _of_volume(name, title, make_phantom("composite_cathode", seed=1, shape=n).volume)
    if name == "pellet":
        return Case(name, title, _pellet(n), {0: "crack", 1: "LPS", 2: "Li"}, crack=0)
    rng = np.random.default_rng(1)
    if name == "noise":
        return Case(name, title, rng.integers(0, 4, (n,) * 3).astype(np.uint8), {i: f"phase{i}" for i in range(4)})
    from scipy.ndimage import gaussian_filter

    fields = [gaussian_filter(rng.normal(size=(n,) * 3), 2.0, mode="wrap") for _ in range(4)]
    return Case(name, title, np.argmax(fields, axis=0).astype(np.uint8), {i: f"phase{i}" for i in range(4)})


def _pellet(n: int) -> np.ndarray:
    """Two foils, and between them a pellet that a wavy crack, one voxel wide along z, cuts in two.

    Where its height steps, it has both voxels: it hangs together by faces, nothing rests on contacts along edges.
    """
    labels = np.ones((n,) * 3, np.uint8)
    x, y = np.indices((n, n))
    height = np.rint(n / 2 + 0.06 * n * np.sin(2 * np.pi * x / n) + 0.04 * n * np.cos(4 * np.pi * y / n)).astype(int)
    labels[:, :, : n // 8] = labels[:, :, n - n // 8 :] = 2
    labels[x, y, height] = 0
    labels[x[:-1], y[:-1], height[1:]] = 0
    labels[x[:, :-1], y[:, :-1], height[:, 1:]] = 0
    return labels


def _of_volume(name: str, title: str, volume: LabelledVolume, *, area: float | None = None) -> Case:
    # dense labels from 0, in the order of the volume's own
    values = sorted(volume.phases)
    table = np.zeros(int(max(values)) + 1, np.uint8)
    table[values] = np.arange(len(values))
    return Case(name, title, table[volume.labels], {i: volume.phases[v] for i, v in enumerate(values)}, area=area)


def components(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of the component of each voxel, from 0, and label of each component; they hang together by faces."""
    ids, owners = np.full(labels.shape, -1, np.int64), []
    for value in np.unique(labels):
        found, count = label_components(labels == value)
        ids[found > 0] = found[found > 0] - 1 + len(owners)
        owners += [int(value)] * count
    return ids, np.array(owners)


def seeds(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A point deep in each component and the component's label, for tools that want one a region."""
    ids, owners = components(labels)
    depth = np.zeros(labels.shape)
    for value in np.unique(labels):
        mask = np.pad(labels == value, 1)
        depth += distance_transform_edt(mask)[1:-1, 1:-1, 1:-1]
    order = np.lexsort((-depth.ravel(), ids.ravel()))
    first = order[np.searchsorted(ids.ravel()[order], np.arange(len(owners)))]
    return np.stack(np.unravel_index(first, labels.shape), axis=1) + 0.5, owners
