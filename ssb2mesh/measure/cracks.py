"""Cracks and other sheets: width, volume, area, direction; cracks seen on a slice. No thickness of bulky phases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ssb2mesh.errors import InputError
from ssb2mesh.measure.codes import AXES, axis_number, phase_mask
from ssb2mesh.measure.particles import size_percentiles
from ssb2mesh.measure.slabs import in_slabs
from ssb2mesh.measure.tables import Row
from ssb2mesh.measure.window import area_windows
from ssb2mesh.units import format_length, parse_length
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import label_components

__all__ = ["Cracks", "SliceCracks", "cracks_on_slice", "measure_cracks"]

#: The window that directions of sheets are found in, smallest voxel edges: half width and standard deviation.
_WINDOW = (5, 2.0)
#: Lines across a sheet: a disc of this radius, smallest voxel edges.
_DISC = 1.5


@dataclass(frozen=True, eq=False, repr=False)
class Cracks:
    """Widths and directions of the cracks of a phase; one row a voxel face of their walls.

    Parameters
    ----------
    phase : str
        The phase.
    widths : (n,) float array
        Width of the crack at the face, along its thin direction, m; NaN where it leaves the volume.
    areas : (n,) float array
        Area of the middle surface of the crack that the face stands for (half of the wall's, since a crack has two
        walls; rims count little), m2.
    normals : (n, 3) float array
        Unit normal of the crack there, z not negative.
    volume : float
        m3.
    pieces : int
        Components; voxels that share an edge or a corner are connected, as those of a thin leaning sheet are.
    voxel : float
        Smallest voxel edge, m; the histogram's bins are half of it.
    """

    phase: str
    widths: npt.NDArray[np.float64]
    areas: npt.NDArray[np.float64]
    normals: npt.NDArray[np.float64]
    volume: float
    pieces: int
    voxel: float

    @property
    def area(self) -> float:
        """Area of the middle surface, m2."""
        return float(self.areas.sum())

    def histogram(self, bin_width: float | None = None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return edges of bins of width, m, and the share of the crack's area in each; default half a voxel wide."""
        step = 0.5 * self.voxel if bin_width is None else float(bin_width)
        known = np.isfinite(self.widths)
        counts = np.bincount((self.widths[known] / step).astype(np.int64), weights=self.areas[known], minlength=1)
        return np.arange(len(counts) + 1) * step, counts / max(counts.sum(), 1e-300)

    def summary(self) -> dict[str, float]:
        """Return volume (m3), area (m2), mean width and others by area (m), most frequent width and pieces."""
        known = np.isfinite(self.widths) & (self.areas > 0)
        found = {"volume": self.volume, "area": self.area, "pieces": float(self.pieces)}
        if not known.any():
            return found
        w, a = self.widths[known], self.areas[known]
        mean = float(w @ a / a.sum())
        edges, shares = self.histogram()
        # three bins together: the peak of a smooth curve
        peak = int(np.argmax(np.convolve(shares, np.ones(3), mode="same")))
        low, middle, high = size_percentiles(w, a, (0.1, 0.5, 0.9))
        near = np.abs(w - 0.5 * (edges[peak] + edges[peak + 1])) <= 1.5 * (edges[1] - edges[0])
        return found | {
            "mean width": mean,
            "standard deviation of width": float(np.sqrt((w - mean) ** 2 @ a / a.sum())),
            "D10 of width": low,
            "D50 of width": middle,
            "D90 of width": high,
            "most frequent width": float(w[near] @ a[near] / a[near].sum()),
            "volume over area": self.volume / self.area,
        }

    def orientation(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the eigenvalues (3,), largest first, and eigenvectors (3, 3; rows) of the mean dyad of the normals.

        Eigenvalues 1, 0, 0: parallel cracks, whose normal is the first vector; 1/3 each: no preferred direction.
        """
        tensor = np.einsum("n,ni,nj->ij", self.areas, self.normals, self.normals) / max(self.area, 1e-300)
        values, vectors = np.linalg.eigh(tensor)
        return values[::-1], vectors.T[::-1]

    def inclination(self, axis: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return edges of ten-degree classes of the angle of normal to axis, and the share of the area in each."""
        cosine = np.clip(np.abs(self.normals[:, axis_number(axis)]), 0, 1)
        edges = np.arange(0.0, 91.0, 10.0)
        counts, _ = np.histogram(np.degrees(np.arccos(cosine)), edges, weights=self.areas)
        return edges, counts / max(self.area, 1e-300)

    def rows(self) -> list[Row]:
        """Return the numbers as rows of a long table; the position of a share is the lower edge of its bin."""
        units = {"volume": "m3", "area": "m2", "pieces": ""}
        rows = [Row("crack", self.phase, n, v, units.get(n, "m")) for n, v in self.summary().items()]
        edges, shares = self.histogram()
        pairs = zip(edges[:-1], shares, strict=True)
        rows += [Row("crack", self.phase, "share of area by width", float(v), "", "", float(x)) for x, v in pairs if v]
        values, vectors = self.orientation()
        for number, (value, vector) in enumerate(zip(values, vectors, strict=True), 1):
            rows.append(Row("crack", self.phase, f"orientation eigenvalue {number}", float(value)))
            rows += [
                Row("crack", self.phase, f"orientation vector {number}", float(c), "", a)
                for a, c in zip(AXES, vector, strict=True)
            ]
        for axis in AXES:
            classes, parts = self.inclination(axis)
            rows += [
                Row("crack", self.phase, "share of area by angle of normal to axis, deg", float(v), "", axis, float(x))
                for x, v in zip(classes[:-1], parts, strict=True)
            ]
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        units = {"volume": "_m3", "area": "_m2", "pieces": ""}
        named = {f"{n.replace(' ', '_')}{units.get(n, '_m')}": v for n, v in self.summary().items()}
        edges, shares = self.histogram()
        values, vectors = self.orientation()
        return {
            **named,
            "width_histogram": {"edges_m": edges.tolist(), "share_of_area": shares.tolist()},
            "orientation": {"eigenvalues": values.tolist(), "eigenvectors": vectors.tolist()},
            "inclination_deg": {a: dict(zip(("edges", "share_of_area"), (x.tolist() for x in self.inclination(a)),
                                            strict=True)) for a in AXES},
        }  # fmt: skip

    def __repr__(self) -> str:
        width = self.summary().get("mean width", float("nan"))
        return f"<Cracks {self.phase}: {self.pieces} pieces, mean width {width:.4g} m>"


def measure_cracks(volume: LabelledVolume, phase: str) -> Cracks:
    """Return the width, area and direction of the cracks (or other sheets) of a phase at each place of their walls.

    The direction of the crack is the thin one of its voxels nearby; the width is the mean length, inside the crack, of
    lines in that direction spread over a disc of three voxels. A plane of constant width comes out within 0.3 voxels
    on average at any tilt from one voxel of width on: the mean length of lines is volume over area, which voxels keep.
    Cracks thinner than a voxel show as torn sheets and cannot be measured.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    phase : str
        The phase of the cracks.

    Returns
    -------
    Cracks
        By face of the walls, with histogram and direction statistics.

    Raises
    ------
    InputError
        If there is no such phase.

    Examples
    --------
    >>> labels = np.zeros((16, 16, 16), np.uint8)
    >>> labels[:, :, 7:9] = 1
    >>> found = measure_cracks(LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPS", 1: "crack"}), "crack")
    >>> round(found.summary()["mean width"] * 1e6, 1), round(found.area * 1e12)
    (2.0, 256)
    """
    from ssb2mesh.measure.areas_kernel import face_list
    from ssb2mesh.measure.cracks_kernel import sheet_widths

    inside = phase_mask(volume, phase)
    mask = inside.view(np.uint8)
    unit = min(volume.spacing)
    steps = np.asarray(volume.spacing) / unit
    windows = area_windows(volume.spacing, broad=False)
    offsets = np.arange(-_WINDOW[0], _WINDOW[0] + 1)
    wide = np.exp(-0.5 * (offsets * steps[:, None] / _WINDOW[1]) ** 2)
    lines = _disc()
    longest = 4.0 * float(np.linalg.norm(np.asarray(mask.shape) * steps))

    def one(first: int, last: int) -> tuple[npt.NDArray[np.float64], ...]:
        places, normals, _ = face_list(mask, windows, steps, first, last)
        widths, directions = np.empty(len(places)), np.empty((len(places), 3))
        sheet_widths(mask, places, normals, lines, wide, steps, longest, widths, directions)
        # faces projected on the sheet: rims, which are normal to it, count nothing
        axis = places[:, 3].astype(np.int64)
        leaning = np.abs(np.take_along_axis(directions, axis[:, None], axis=1)[:, 0])
        return widths, directions, 0.5 * leaning * float(np.prod(steps)) / steps[axis]

    parts = in_slabs(one, mask.shape[0])
    widths, directions, areas = (np.concatenate([part[n] for part in parts]) for n in range(3))
    directions[directions[:, 2] < 0] *= -1
    voxels = int(np.count_nonzero(inside))
    pieces = int(ndimage.label(inside, structure=np.ones((3, 3, 3)))[1])
    return Cracks(
        phase,
        np.where(widths > 0, widths, np.nan) * unit,
        areas * unit**2,
        directions,
        voxels * float(np.prod(volume.spacing)),
        pieces,
        unit,
    )


def _disc() -> npt.NDArray[np.float64]:
    """Points spread evenly over a disc (Fermat's spiral), (n, 2)."""
    count = 19
    n = np.arange(count) + 0.5
    radius, angle = _DISC * np.sqrt(n / count), n * np.pi * (3 - np.sqrt(5))
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


@dataclass(frozen=True, eq=False, repr=False)
class SliceCracks:
    """Cracks on a slice normal to an axis, and the islands between them (mud cracks).

    Parameters
    ----------
    phase, axis : str
        The cracks' phase; the axis that the slice is normal to.
    position : float
        Centre of the layer of voxels, m.
    fraction : float
        Share of the slice's area that is crack.
    islands : (n,) float array
        Areas of the connected parts of the rest, m2, largest first.
    """

    phase: str
    axis: str
    position: float
    fraction: float
    islands: npt.NDArray[np.float64]

    @property
    def island_diameters(self) -> npt.NDArray[np.float64]:
        """Diameters of the circles of the islands' areas, m."""
        diameters: npt.NDArray[np.float64] = np.sqrt(4 * self.islands / np.pi)
        return diameters

    def rows(self) -> list[Row]:
        """Return the numbers as rows of a long table."""
        d = self.island_diameters
        named = (("area fraction", self.fraction, ""), ("islands", float(len(d)), ""),
                 ("mean island diameter", float(d.mean()) if len(d) else float("nan"), "m"))  # fmt: skip
        return [Row("cracks on slice", self.phase, n, v, u, self.axis, self.position) for n, v, u in named]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        return {"phase": self.phase, "axis": self.axis, "position_m": self.position, "area_fraction": self.fraction,
                "island_diameter_m": self.island_diameters.tolist()}  # fmt: skip

    def __repr__(self) -> str:
        where = f"{self.axis} = {format_length(self.position)}"
        return f"<SliceCracks {self.phase} at {where}: {self.fraction:.4f} of the area>"


def cracks_on_slice(volume: LabelledVolume, phase: str, *, axis: str, position: float | str) -> SliceCracks:
    """Return the share of a slice that is crack, and the islands between the cracks.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    phase : str
        The phase of the cracks.
    axis : str
        x, y or z; the slice is normal to it.
    position : float or str
        Place along the axis, from the lower side of the box, m or text (``"12 um"``).

    Returns
    -------
    SliceCracks
        Of the layer of voxels that holds the position.

    Raises
    ------
    InputError
        If there is no such phase or axis, or the position is outside the volume.

    Examples
    --------
    >>> labels = np.zeros((8, 8, 2), np.uint8)
    >>> labels[4] = 1
    >>> volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "Si", 1: "crack"})
    >>> cracks_on_slice(volume, "crack", axis="z", position="0.5 um").fraction
    0.125
    """
    number = axis_number(axis)
    label = volume.label_of(phase)
    place = parse_length(position, name="position") if isinstance(position, str) else float(position)
    step, size = volume.spacing[number], volume.size[number]
    if not 0 <= place <= size:
        raise InputError(f"position: got {position!r}; the volume reaches from 0 to {format_length(size)} along {axis}")
    layer = min(int(place / step), volume.shape[number] - 1)
    crack = np.take(volume.labels, layer, axis=number) == label
    _, found, sizes, _ = label_components(crack[None])
    pixel = float(np.prod(volume.spacing)) / step
    islands = np.sort(sizes[~found.astype(bool)])[::-1] * pixel
    return SliceCracks(phase, axis, volume.origin[number] + (layer + 0.5) * step, float(crack.mean()), islands)
