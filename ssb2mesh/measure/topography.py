"""Topography: height maps of interfaces, from voxels, grey values or a mesh; levelled and filtered. No parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.measure.columns import as_names, first_index, largest_piece, phase_mask, turned, view_from
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.volume import BOX_SIDES, LabelledVolume

__all__ = ["HeightMap", "height_map", "height_map_of_mesh"]

#: What `HeightMap.levelled` can remove, with the powers of its terms.
SHAPES = {
    "none": (),
    "mean": ((0, 0),),
    "plane": ((0, 0), (1, 0), (0, 1)),
    "quadratic": ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)),
}
#: A Gaussian filter of ISO 16610 passes half the amplitude at its cut-off: standard deviation over cut-off length.
_GAUSS = float(np.sqrt(np.log(2.0) / 2.0) / np.pi)


@dataclass(frozen=True, eq=False, repr=False)
class HeightMap:
    """The height of an interface along an axis, one value a column.

    Parameters
    ----------
    values : (n, m) array
        Position along the axis, m; NaN where the interface is absent. The first index runs along the first of the two
        remaining axes in the order x, y, z.
    pixel : two float
        Distance of neighbouring columns, m.
    axis : str
        Axis of the height.
    extent : ((low, high), (low, high))
        Range of the map along the two remaining axes, m.
    step : float
        Heights are rounded to whole steps of this, m; 0 if they are not. `roughness` takes the rounding off.

    Raises
    ------
    InputError
        If the heights are not two-dimensional, a pixel has no size, or the step is negative.

    Examples
    --------
    >>> heights = HeightMap(np.array([[0.0, 1.0], [1.0, 2.0]]), (1.0, 1.0), "z", ((0, 2), (0, 2)))
    >>> float(np.abs(heights.levelled("plane").values).max().round(9))
    0.0
    """

    values: npt.NDArray[np.float64]
    pixel: tuple[float, float]
    axis: str
    extent: tuple[tuple[float, float], tuple[float, float]]
    step: float = 0.0

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 2:
            raise InputError(f"values: got shape {values.shape}; heights have two axes")
        if len(self.pixel) != 2 or not min(self.pixel) > 0:
            raise InputError(f"pixel: got {self.pixel!r}; give two positive lengths in m")
        if not (np.isfinite(self.step) and self.step >= 0):
            raise InputError(f"step: got {self.step!r}; give the size of the steps in m, or 0")
        object.__setattr__(self, "values", values)

    @property
    def covered(self) -> float:
        """Share of the columns that have a height."""
        return float(np.isfinite(self.values).mean())

    def levelled(self, shape: str = "plane") -> HeightMap:
        """Return the heights without their least-squares ``"mean"``, ``"plane"`` or ``"quadratic"``.

        Raises
        ------
        InputError
            If the shape is unknown, or too few columns have a height.
        """
        if shape not in SHAPES:
            raise InputError(f"level: got {shape!r}{nearest(str(shape), SHAPES)}; allowed: {', '.join(SHAPES)}")
        there = np.isfinite(self.values)
        powers = SHAPES[shape]
        if there.sum() <= len(powers):
            raise InputError(f"values: {int(there.sum())} columns have a height; too few for level {shape!r}")
        if not powers:
            return self
        u, v = (np.linspace(-1.0, 1.0, n) if n > 1 else np.zeros(1) for n in self.values.shape)
        terms = np.stack([np.outer(u**p, v**q) for p, q in powers], axis=-1)
        fit, *_ = np.linalg.lstsq(terms[there], self.values[there], rcond=None)
        return replace(self, values=self.values - terms @ fit)

    def filtered(self, cutoff: float) -> HeightMap:
        """Return the waves shorter than a cut-off: the heights less their Gaussian mean (ISO 16610-61).

        Raises
        ------
        InputError
            If the cut-off is not above twice the pixel, below which it filters nothing.
        """
        from scipy import ndimage

        if not (np.isfinite(cutoff) and cutoff > 2 * max(self.pixel)):
            raise InputError(f"cutoff: got {cutoff!r}; give a length above two pixels ({2 * max(self.pixel):g} m)")
        there = np.isfinite(self.values)
        spread = [_GAUSS * cutoff / edge for edge in self.pixel]
        # mean over what is there only: neither gaps nor the border pull it
        weight = ndimage.gaussian_filter(there.astype(float), spread, mode="constant")
        total = ndimage.gaussian_filter(np.where(there, self.values, 0.0), spread, mode="constant")
        with np.errstate(invalid="ignore", divide="ignore"):
            waviness = total / weight
        return replace(self, values=np.where(there, self.values - waviness, np.nan))

    def __repr__(self) -> str:
        n, m = self.values.shape
        return f"<HeightMap {n} x {m} along {self.axis}; {self.covered:.4f} covered>"


def height_map(
    volume: LabelledVolume,
    side: str,
    *,
    phases: str | Sequence[str],
    grey: npt.ArrayLike | None = None,
    threshold: float | None = None,
) -> HeightMap:
    """Return the height at which phases begin, seen from a side: a voxel face, or a crossing of grey values near it.

    Only the largest piece of these phases counts, so that crumbs before it are not the surface. From labels alone a
    height is known to a voxel; `roughness` takes the mean effect of that off, which leaves irregular surfaces within
    2 % from an Sa of 0.65 voxels on. Grey values place the surface between voxel centres, on the cubic through the four
    around it: Sa of waves of half a voxel is within 2 % in an image blurred by 0.7 to 1 voxel (standard deviation).

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    side : str
        Side of the box that one looks from, such as ``"z_max"``.
    phases : str or sequence of str
        What begins at the surface: for the interface of lithium and electrolyte seen from the lithium, the electrolyte.
    grey : (nx, ny, nz) array, optional
        Grey values of the voxels.
    threshold : float, optional
        Grey value at the surface; needed with `grey`. Where no crossing lies within two voxels of the face (a third
        phase), the face stays.

    Returns
    -------
    HeightMap
        Position along the axis by column.

    Raises
    ------
    InputError
        If the side or a phase is unknown, the grey values have another shape, or one of `grey` and `threshold` is
        missing.

    Examples
    --------
    >>> labels = np.zeros((1, 2, 4), np.uint8)
    >>> labels[0, 0, 3:] = labels[0, 1, 2:] = 1
    >>> volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPS", 1: "Li"})
    >>> height_map(volume, "z_max", phases="LPS").values.round(9)
    array([[3.e-06, 2.e-06]])
    """
    names = as_names(phases)
    if not names:
        raise InputError("phases: got none; name what begins at the surface")
    view = view_from(volume, side)
    mask = turned(largest_piece(phase_mask(volume, names, "phases")), side)
    depth = first_index(mask)
    if (grey is None) != (threshold is None):
        raise InputError("grey, threshold: got one of them; give both or none")
    face = depth.astype(np.float64)
    if grey is not None and threshold is not None:
        values = np.asarray(grey)
        if values.shape != volume.shape:
            raise InputError(f"grey: got shape {values.shape}; the volume has {volume.shape} voxels")
        face = _crossing(turned(values, side), depth, float(threshold))
    values = np.where(depth < mask.shape[2], view.coordinate(face), np.nan)
    return HeightMap(values, view.pixel, view.axis, view.extent, step=view.step if grey is None else 0.0)


def _crossing(grey: npt.NDArray, face: npt.NDArray[np.int64], threshold: float) -> npt.NDArray[np.float64]:
    """Depth at which grey values cross a threshold nearest to a face between voxels, on cubics through four centres."""
    count = grey.shape[2]
    found, best = face.astype(np.float64), np.full(face.shape, np.inf)

    def at(depth: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        values = np.take_along_axis(grey, np.clip(depth, 0, count - 1)[:, :, None], axis=2)[:, :, 0]
        return np.asarray(values, dtype=np.float64) - threshold

    for shift in (0, -1, 1, -2, 2):
        upper = face + shift
        before, after = at(upper - 1), at(upper)
        crosses = (upper >= 1) & (upper < count) & (before * after <= 0) & (before != after)
        four = (at(upper - 2), before, after, at(upper + 1))
        place = np.full(face.shape, np.inf)
        place[crosses] = upper[crosses] - 0.5 + _root(*(values[crosses] for values in four))
        closer = np.abs(place - face) < best
        found[closer], best[closer] = place[closer], np.abs(place - face)[closer]
    return found


def _root(*four: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of the way from the second to the third of four values at which the cubic through them is 0.

    A straight line between the two is up to 0.1 voxels off in a blurred edge. Where the outer two are on the wrong side
    (noise, thin layers) the cubic may leave the span: there it is the straight line.
    """
    a, b, c, d = four
    with np.errstate(divide="ignore", invalid="ignore"):
        line = np.where(b == c, 0.5, b / (b - c))
        low, high = np.zeros(b.shape), np.ones(b.shape)
        for _ in range(30):  # bisection: the cubic is b at 0 and c at 1, of different sign
            s = 0.5 * (low + high)
            cubic = (-a * s * (s - 1) * (s - 2) / 6 + b * (s + 1) * (s - 1) * (s - 2) / 2
                     - c * (s + 1) * s * (s - 2) / 2 + d * (s + 1) * s * (s - 1) / 6)  # fmt: skip
            same = cubic * b > 0
            low, high = np.where(same, s, low), np.where(same, high, s)
    steps = (np.sign(c - b) == np.sign(b - a)) & (np.sign(c - b) == np.sign(d - c))
    return np.where(steps & (b != c), 0.5 * (low + high), line)


def height_map_of_mesh(mesh: TaggedMesh, interface: str, *, side: str, pixel: float) -> HeightMap:
    """Return the height of an interface of a mesh at the centres of square pixels, as its triangles have it.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    interface : str
        Facet set, such as ``"LPS|Li"``.
    side : str
        Side that one looks from: where the interface folds, the sheet nearest to it counts.
    pixel : float
        Edge of a pixel, m; the box holds a whole number of them, so that it may come out a little smaller.

    Returns
    -------
    HeightMap
        Smooth to a small part of a voxel.

    Raises
    ------
    InputError
        If there is no such facet set or side, or the pixel is not a positive length within the box.

    Examples
    --------
    >>> height_map_of_mesh(mesh, "LPS|Li", side="z_max", pixel=0.5e-6)  # doctest: +SKIP
    <HeightMap 128 x 128 along z; 1.0000 covered>
    """
    from ssb2mesh.measure.topography_kernel import rasterise

    if side not in BOX_SIDES:
        raise InputError(f"side: got {side!r}; sides: {', '.join(BOX_SIDES)}{nearest(str(side), BOX_SIDES)}")
    axis = "xyz".index(side[0])
    first, second = (a for a in range(3) if a != axis)
    assert mesh.box is not None
    low, high = mesh.box
    size = (high - low)[[first, second]]
    if not (np.isfinite(pixel) and 0 < pixel <= size.min()):
        raise InputError(f"pixel: got {pixel!r}; give a length up to {size.min():g} m")
    shape = tuple(int(np.ceil(s / pixel * (1 - 1e-9))) for s in size)
    edges = (float(size[0] / shape[0]), float(size[1] / shape[1]))
    sign = -1.0 if side.endswith("min") else 1.0
    triangles = mesh.points[mesh.facet_set(interface)]
    plane = np.ascontiguousarray((triangles[:, :, [first, second]] - low[[first, second]]) / np.array(edges))
    heights = rasterise(plane, np.ascontiguousarray(sign * triangles[:, :, axis]), shape[0], shape[1])
    extent = ((float(low[first]), float(high[first])), (float(low[second]), float(high[second])))
    return HeightMap(np.where(np.isfinite(heights), sign * heights, np.nan), edges, side[0], extent)
