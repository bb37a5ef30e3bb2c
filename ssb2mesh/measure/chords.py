"""Chord lengths and two-point correlation of a phase along an axis. No surfaces, no balls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.measure.codes import axis_number, phase_mask
from ssb2mesh.measure.slabs import in_slabs
from ssb2mesh.measure.tables import Row
from ssb2mesh.volume import LabelledVolume

__all__ = ["Chords", "TwoPoint", "chord_lengths", "two_point"]


@dataclass(frozen=True, eq=False, repr=False)
class Chords:
    """Lengths of the straight runs of a phase along an axis.

    Parameters
    ----------
    phase, axis : str
        What, and along which axis.
    lengths : (n,) float array
        Possible lengths, m: whole voxels.
    counts : (n,) int array
        Chords of each length; those that end at a side of the box are left out.
    """

    phase: str
    axis: str
    lengths: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Mean length, m; NaN without chords."""
        total = int(self.counts.sum())
        return float(self.lengths @ self.counts / total) if total else float("nan")

    def rows(self) -> list[Row]:
        """Return the numbers as rows of a long table; the position of a count is the length."""
        rows = [Row("chord length", self.phase, "mean", self.mean, "m", self.axis)]
        pairs = zip(self.lengths, self.counts, strict=True)
        return rows + [Row("chord length", self.phase, "count", float(c), "", self.axis, float(x)) for x, c in pairs]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        return {"mean_m": self.mean, "length_m": self.lengths.tolist(), "count": self.counts.tolist()}

    def __repr__(self) -> str:
        return f"<Chords {self.phase} along {self.axis}: mean {self.mean:.4g} m>"


def chord_lengths(volume: LabelledVolume, phase: str, *, axis: str) -> Chords:
    """Return the lengths of the runs of a phase along all lines of voxels of an axis.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    phase : str
        The phase.
    axis : str
        x, y or z.

    Returns
    -------
    Chords
        How many of each length.

    Raises
    ------
    InputError
        If there is no such phase or axis.

    Examples
    --------
    >>> labels = np.array([0, 1, 1, 0, 1, 0, 1], np.uint8).reshape(1, 1, 7)
    >>> volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPSCl", 1: "void"})
    >>> chord_lengths(volume, "void", axis="z").counts.tolist()
    [1, 1]
    """
    number = axis_number(axis)
    lines = np.moveaxis(phase_mask(volume, phase), number, -1)
    n = lines.shape[-1]

    def one(first: int, last: int) -> npt.NDArray[np.int64]:
        # zeros between the lines: no run goes from one to the next
        padded = np.zeros((last - first, lines.shape[1], n + 2), np.int8)
        padded[:, :, 1:-1] = lines[first:last]
        change = np.diff(padded, axis=-1)
        starts = np.flatnonzero(change == 1)
        ends = np.flatnonzero(change == -1)
        inner = (starts % (n + 1) != 0) & (ends % (n + 1) != n)
        return np.bincount((ends - starts)[inner], minlength=n + 1)

    counts = np.sum(in_slabs(one, lines.shape[0]), axis=0)
    longest = int(np.flatnonzero(counts).max(initial=0))
    return Chords(phase, axis, np.arange(1, longest + 1) * volume.spacing[number], counts[1 : longest + 1])


@dataclass(frozen=True, eq=False, repr=False)
class TwoPoint:
    """Chance that both ends of a line along an axis lie in a phase, by the length of the line.

    Parameters
    ----------
    phase, axis : str
        What, and along which axis.
    distances : (n,) float array
        Lengths, m; the first is 0.
    chances : (n,) float array
        0 to 1; the first is the volume fraction.
    """

    phase: str
    axis: str
    distances: npt.NDArray[np.float64]
    chances: npt.NDArray[np.float64]

    def rows(self) -> list[Row]:
        """Return the numbers as rows of a long table; the position is the length."""
        pairs = zip(self.distances, self.chances, strict=True)
        return [Row("two-point correlation", self.phase, "chance", float(c), "", self.axis, float(x)) for x, c in pairs]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        return {"distance_m": self.distances.tolist(), "chance": self.chances.tolist()}

    def __repr__(self) -> str:
        return f"<TwoPoint {self.phase} along {self.axis}: {len(self.distances)} distances>"


def two_point(volume: LabelledVolume, phase: str, *, axis: str, longest: int | None = None) -> TwoPoint:
    """Return the two-point correlation of a phase along an axis, over all pairs of voxels that the volume holds.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    phase : str
        The phase.
    axis : str
        x, y or z.
    longest : int, optional
        Longest distance, voxels; default half the volume.

    Returns
    -------
    TwoPoint
        Exact; nothing is taken as periodic.

    Raises
    ------
    InputError
        If there is no such phase or axis, or the distance does not fit.

    Examples
    --------
    >>> labels = np.array([0, 1, 1, 0, 1, 0], np.uint8).reshape(1, 1, 6)
    >>> volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPSCl", 1: "void"})
    >>> two_point(volume, "void", axis="z", longest=2).chances.round(3).tolist()
    [0.5, 0.2, 0.25]
    """
    number = axis_number(axis)
    lines = np.moveaxis(phase_mask(volume, phase), number, 0)
    n = lines.shape[0]
    reach = n // 2 if longest is None else int(longest)
    if not 0 <= reach < n:
        raise InputError(f"longest: got {longest!r}; give 0 to {n - 1} voxels along {axis}")

    def one(first: int, last: int) -> npt.NDArray[np.float64]:
        return np.array([np.count_nonzero(lines[d] & lines[d - step]) for step in range(first, last)
                         for d in range(step, n)], float)  # fmt: skip

    found = np.concatenate(in_slabs(one, reach + 1, thick=4))
    starts = np.cumsum([0, *(n - step for step in range(reach))])
    pairs = (n - np.arange(reach + 1)) * (lines.size / n)
    chances = np.add.reduceat(found, starts) / pairs
    return TwoPoint(phase, axis, np.arange(reach + 1) * volume.spacing[number], chances)
