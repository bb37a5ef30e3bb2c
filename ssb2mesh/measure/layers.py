"""Thickness maps of layers: electrodes, interphases, pellets. No contact, no roughness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.measure.columns import View, as_names, first_index, last_index_before, view_from
from ssb2mesh.measure.tables import Row
from ssb2mesh.volume import LabelledVolume

__all__ = ["LayerThickness", "layer_thickness"]

#: What `layer_thickness` can count.
COUNT = ("material", "span")


@dataclass(frozen=True, eq=False, repr=False)
class LayerThickness:
    """The thickness of a layer, one value a column of voxels.

    Parameters
    ----------
    values : (n, m) array
        Thickness along the axis, m; NaN where the layer is absent.
    pixel : two float
        Edges of a column, m.
    axis : str
        Axis that the thickness is taken along.
    extent : ((low, high), (low, high))
        Range of the map along the two remaining axes, m.

    Examples
    --------
    >>> thickness.mean  # doctest: +SKIP
    2.1e-05
    """

    values: npt.NDArray[np.float64]
    pixel: tuple[float, float]
    axis: str
    extent: tuple[tuple[float, float], tuple[float, float]]

    @property
    def covered(self) -> float:
        """Share of the columns that have the layer."""
        return float(np.isfinite(self.values).mean())

    @property
    def volume(self) -> float:
        """Thickness times area, m3: the volume of the layer, if material was counted."""
        return float(np.nansum(self.values)) * self.pixel[0] * self.pixel[1]

    @property
    def mean(self) -> float:
        """Mean over the columns that have the layer, m; NaN if none has."""
        return float(np.nanmean(self.values)) if self.covered else float("nan")

    @property
    def std(self) -> float:
        """Standard deviation over them, m."""
        return float(np.nanstd(self.values)) if self.covered else float("nan")

    def percentile(self, share: float) -> float:
        """Return a percentile over the columns that have the layer, m."""
        return float(np.nanpercentile(self.values, share)) if self.covered else float("nan")

    def rows(self, subject: str = "") -> list[Row]:
        """Return the numbers as rows of a long table."""
        numbers = {"mean": self.mean, "std": self.std, "min": self.percentile(0), "max": self.percentile(100)}
        rows = [Row("layer thickness", subject, k, v, "m", self.axis) for k, v in numbers.items()]
        rows.append(Row("layer thickness", subject, "covered", self.covered, "", self.axis))
        return [*rows, Row("layer thickness", subject, "volume", self.volume, "m3", self.axis)]

    def to_dict(self) -> dict[str, float]:
        """Return the numbers by name."""
        return {row.quantity: row.value for row in self.rows()}

    def __repr__(self) -> str:
        n, m = self.values.shape
        return f"<LayerThickness {n} x {m} along {self.axis}; mean {self.mean:.4g} m, std {self.std:.3g} m>"


def layer_thickness(
    volume: LabelledVolume,
    phases: str | Sequence[str],
    *,
    side: str,
    until: str | Sequence[str] = (),
    count: str = "material",
) -> LayerThickness:
    """Return the thickness of a layer along an axis, column by column.

    Columns start at a side of the box; where `until` is met they end, so that one of two electrodes of the same phase
    is measured. On a layer of flat, tilted or wavy faces the mean is right to a small part of a voxel, because faces
    cross voxels at every height; on faces that lie in planes of voxels it is right to a voxel, as the labels are.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    phases : str or sequence of str
        What the layer consists of.
    side : str
        ``x_min`` ... ``z_max``: where columns start.
    until : str or sequence of str
        Phases that end the column; ``()``: it goes through the whole volume.
    count : {"material", "span"}
        Sum of the voxels of these phases, or distance from the first to the last one with whatever lies between.

    Returns
    -------
    LayerThickness
        A map; NaN where the layer is absent.

    Raises
    ------
    InputError
        If a phase, the side or `count` is unknown, or a phase both makes and ends the layer.

    Examples
    --------
    >>> labels = np.zeros((1, 2, 6), np.uint8)
    >>> labels[0, 0, 2:5] = 1
    >>> volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPS", 1: "SEI"})
    >>> layer_thickness(volume, "SEI", side="z_min").values.round(9)
    array([[3.e-06,    nan]])
    """
    if count not in COUNT:
        raise InputError(f"count: got {count!r}; allowed: {', '.join(COUNT)}")
    wanted, ending = as_names(phases), as_names(until)
    if not wanted:
        raise InputError("phases: got none; name at least one phase of the layer")
    both = sorted(set(wanted) & set(ending))
    if both:
        raise InputError(f"until: {both[0]!r} belongs to the layer; it cannot end it as well")
    view = view_from(volume, side)
    return _thickness(view, wanted, ending, count)


def _thickness(view: View, wanted: tuple[str, ...], ending: tuple[str, ...], count: str) -> LayerThickness:
    layer = view.mask(wanted, "phases")
    depth = layer.shape[2]
    end = np.full(layer.shape[:2], depth)
    if ending:
        end = first_index(view.mask(ending, "until"))
        layer = layer & (np.arange(depth) < end[:, :, None])
    if count == "material":
        voxels = layer.sum(axis=2, dtype=np.int64)
    else:
        voxels = last_index_before(layer, end) - first_index(layer) + 1
    there = layer.any(axis=2)
    return LayerThickness(np.where(there, voxels * view.step, np.nan), view.pixel, view.axis, view.extent)
