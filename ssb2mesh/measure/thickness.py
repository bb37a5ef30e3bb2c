"""Local thickness of a phase: at each place the largest ball that fits in and holds it. No watershed, no cracks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.measure.codes import phase_mask
from ssb2mesh.measure.distance import nearest_outside
from ssb2mesh.measure.particles import size_percentiles
from ssb2mesh.measure.slabs import in_slabs
from ssb2mesh.measure.tables import Row
from ssb2mesh.measure.walls import smooth_wall
from ssb2mesh.volume import LabelledVolume

__all__ = ["LocalThickness", "local_thickness"]


@dataclass(frozen=True, eq=False, repr=False)
class LocalThickness:
    """Local thickness of a phase (pore size, of a void).

    Parameters
    ----------
    phase : str
        The phase.
    thickness : (nx, ny, nz) float32 array
        Diameter of the largest ball inside the phase that holds the voxel, m; 0 outside the phase.
    voxel : float
        Smallest voxel edge, m; the histogram's bins are that wide.
    """

    phase: str
    thickness: npt.NDArray[np.float32]
    voxel: float

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """Thickness at each voxel of the phase, m."""
        return self.thickness[self.thickness > 0]

    def histogram(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return edges of bins one voxel wide, m, and the share of the phase's volume in each."""
        counts = np.bincount((self.values / self.voxel).astype(np.int64))
        return np.arange(len(counts) + 1) * self.voxel, counts / counts.sum()

    def summary(self) -> dict[str, float]:
        """Return mean, deviation, median and extremes by volume, m."""
        values = self.values.astype(float)
        low, middle, high = size_percentiles(values, np.ones(len(values)), (0.1, 0.5, 0.9))
        return {"mean": float(values.mean()), "standard deviation": float(values.std()), "D10": low, "D50": middle,
                "D90": high, "largest": float(values.max())}  # fmt: skip

    def rows(self) -> list[Row]:
        """Return the numbers as rows of a long table; the position of a share is the lower edge of its bin."""
        rows = [Row("local thickness", self.phase, name, value, "m") for name, value in self.summary().items()]
        edges, shares = self.histogram()
        pairs = zip(edges[:-1], shares, strict=True)
        rows += [Row("local thickness", self.phase, "share", float(v), "", "", float(x)) for x, v in pairs if v]
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        edges, shares = self.histogram()
        named = {f"{name.replace(' ', '_')}_m": value for name, value in self.summary().items()}
        return {**named, "histogram": {"edges_m": edges.tolist(), "share": shares.tolist()}}

    def __repr__(self) -> str:
        return f"<LocalThickness {self.phase}: mean {self.summary()['mean']:.4g} m>"


def local_thickness(volume: LabelledVolume, phase: str) -> LocalThickness:
    """Return at each voxel of a phase the diameter of the largest ball inside the phase that holds the voxel.

    Distances are to the smooth wall of the phase, and the balls' centres lie between the
    voxels where that makes them larger, so that the thickness is not bound to whole voxels. Layers, cylinders and balls
    come out within 0.1 voxels in the mean and mostly within 0.2 each, of unequal edges the longest. Nothing is thinner
    than a voxel. The sides of the box are no wall.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    phase : str
        Its thickness is measured.

    Returns
    -------
    LocalThickness
        A map and its distribution. Memory: about 20 bytes a voxel.

    Raises
    ------
    InputError
        If there is no such phase, or it fills the volume.

    References
    ----------
    Hildebrand and Rüegsegger, 10.1046/j.1365-2818.1997.1340694.x.

    Examples
    --------
    >>> labels = np.zeros((12, 12, 12), np.uint8)
    >>> labels[:, :, 4:8] = 1
    >>> found = local_thickness(LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPSCl", 1: "void"}), "void")
    >>> round(found.summary()["mean"] * 1e6, 3)
    4.0
    """
    from ssb2mesh.measure.thickness_kernel import EDGE, HOLD, paint

    mask = phase_mask(volume, phase)
    unit = min(volume.spacing)
    steps = np.asarray(volume.spacing) / unit
    found, distance = _largest_balls(mask, steps)
    thickness = np.zeros(mask.shape, np.float32)
    free = np.arange(mask.shape[2] + 1, dtype=np.int16 if mask.shape[2] < 2**15 - 1 else np.int32)
    jump = np.where(mask, free[:-1], free[1:])
    for edge in (HOLD * max(steps), EDGE * max(steps)):
        in_slabs(partial(paint, found, steps, edge, jump, thickness), mask.shape[0])
    # corners that no ball reaches keep the ball about themselves; nothing is thinner than a voxel
    thickness[mask] = np.maximum(np.maximum(thickness[mask], 2 * distance[mask]), 1)
    thickness *= np.float32(unit)
    return LocalThickness(phase, thickness, unit)


def _largest_balls(
    mask: npt.NDArray[np.bool_], steps: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """Balls that no other one nearby holds (centre, radius), largest first; distance of voxels to the surface."""
    from ssb2mesh.measure.thickness_kernel import balls, refine

    layers = mask.shape[0]
    wall = smooth_wall(mask, steps)  # first: it needs the most memory while it is made
    distance, near = nearest_outside(mask, (float(steps[0]), float(steps[1]), float(steps[2])), places=True)
    known = (near, wall.index, wall.places, wall.pieces)
    in_slabs(lambda a, b: refine(mask, known, steps, a, b, distance), layers)
    found = np.concatenate(in_slabs(lambda a, b: balls(mask, known, distance, steps, a, b), layers))
    return found[np.argsort(-found[:, 3], kind="stable")], distance
