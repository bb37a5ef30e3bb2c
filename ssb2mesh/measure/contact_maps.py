"""Contact maps: an interface seen along an axis, with contact where no void is near; interfacial voids, closed pores.

No solving, no statistics of spots (`ssb2mesh.measure.spots`). Maps can be handed to the charge-transfer solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.measure.columns import (
    as_names,
    first_index,
    largest_piece,
    last_index_before,
    phase_mask,
    turned,
    view_from,
)
from ssb2mesh.measure.tables import Row
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import label_components

__all__ = ["InterfaceMap", "VoidKinds", "contact_map", "interfacial_voids", "write_contact_map"]

#: What `contact_map` may look at for voids.
LOOK = ("electrode", "both")


@dataclass(frozen=True, eq=False, repr=False)
class InterfaceMap:
    """An interface seen along an axis, one pixel a column of voxels.

    Parameters
    ----------
    contact : (n, m) bool array
        Where the two touch; the first index runs along the first of the two axes that remain, in the order x, y, z.
    nominal : (n, m) bool array
        Columns that hold the electrolyte: the cross-section that could be in contact.
    gap : (n, m) array
        Height of the void between electrode and electrolyte along the axis, m; NaN where one of them is absent.
    pixel : two float
        Edges of a pixel, m.
    axis : str
        Axis that one looks along.
    extent : ((low, high), (low, high))
        Range of the map along the two remaining axes, m.

    Raises
    ------
    InputError
        If the arrays are not two-dimensional and of one shape.

    Examples
    --------
    >>> import numpy as np
    >>> touching, nominal = np.array([[True, False]]), np.ones((1, 2), bool)
    >>> InterfaceMap(touching, nominal, np.zeros((1, 2)), (1.0, 1.0), "z", ((0, 1), (0, 2))).fraction
    0.5
    """

    contact: npt.NDArray[np.bool_]
    nominal: npt.NDArray[np.bool_]
    gap: npt.NDArray[np.float64]
    pixel: tuple[float, float]
    axis: str
    extent: tuple[tuple[float, float], tuple[float, float]]

    def __post_init__(self) -> None:
        shapes = {np.shape(self.contact), np.shape(self.nominal), np.shape(self.gap)}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise InputError(f"contact, nominal, gap: got shapes {sorted(shapes)}; expected one two-dimensional shape")

    @property
    def pixel_area(self) -> float:
        """Area of a pixel, m2."""
        return self.pixel[0] * self.pixel[1]

    @property
    def area(self) -> float:
        """Projected area in contact, m2."""
        return int(self.contact.sum()) * self.pixel_area

    @property
    def nominal_area(self) -> float:
        """Projected area of the electrolyte, m2."""
        return int(self.nominal.sum()) * self.pixel_area

    @property
    def fraction(self) -> float:
        """Contact area over nominal area; NaN if there is no electrolyte."""
        return self.area / self.nominal_area if self.nominal.any() else float("nan")

    @property
    def mean_gap(self) -> float:
        """Mean gap over the columns that have both sides, m; NaN if there is none."""
        there = np.isfinite(self.gap)
        return float(self.gap[there].mean()) if there.any() else float("nan")

    def solver_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `solvers.ContactMap` for this map."""
        return {"values": self.contact.astype(np.float64), "axis": self.axis, "extent": self.extent}

    def rows(self, subject: str = "") -> list[Row]:
        """Return the numbers as rows of a long table."""
        numbers = {"area": (self.area, "m2"), "nominal area": (self.nominal_area, "m2"),
                   "fraction": (self.fraction, ""), "mean gap": (self.mean_gap, "m")}  # fmt: skip
        return [Row("contact map", subject, k, v, unit, self.axis) for k, (v, unit) in numbers.items()]

    def to_dict(self) -> dict[str, float]:
        """Return the numbers by name."""
        return {row.quantity: row.value for row in self.rows()}

    def __repr__(self) -> str:
        n, m = self.contact.shape
        return f"<InterfaceMap {n} x {m} seen along {self.axis}; contact {self.fraction:.4f}>"


def contact_map(
    volume: LabelledVolume,
    side: str,
    *,
    electrode: str | Sequence[str],
    electrolyte: str | Sequence[str],
    voids: str | Sequence[str],
    within: int,
    look: str = "electrode",
) -> InterfaceMap:
    """Return where an electrode touches the electrolyte, seen along an axis.

    Each column is followed from the side of the box where the electrode is to the first voxel of electrolyte. It is in
    contact when the voxel before that is electrode and no void lies among the `within` voxels before it (for
    ``look="both"``: nor among as many voxels from the electrolyte on). Only the largest piece of the electrolyte
    counts, so that flakes inside the electrode do not end a column.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    side : str
        Side of the box where the electrode is, such as ``"z_max"``: it chooses one interface where there are two.
    electrode, electrolyte : str or sequence of str
        Phases. Name an interphase with the side that it belongs to; a column with another phase between has no contact.
    voids : str or sequence of str
        Phases that break the contact; ``()`` if the volume has none.
    within : int
        Number of voxels; 0: touching is enough. Lewis et al. took 5 voxels of 1.7 um.
    look : {"electrode", "both"}
        Where voids count.

    Returns
    -------
    InterfaceMap
        Contact, nominal area and gap by column.

    Raises
    ------
    InputError
        If a phase or the side is unknown, a phase is on both sides, or `within` is not a whole number.

    References
    ----------
    Lewis et al., Nat. Mater. 20 (2021) 503, doi:10.1038/s41563-020-00903-2.

    Examples
    --------
    >>> labels = np.zeros((2, 1, 4), np.uint8)
    >>> labels[:, :, 2:], labels[1, 0, 2] = 1, 2
    >>> volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPS", 1: "Li", 2: "void"})
    >>> contact_map(volume, "z_max", electrode="Li", electrolyte="LPS", voids="void", within=1).contact[:, 0]
    array([ True, False])
    """
    if isinstance(within, bool) or not isinstance(within, (int, np.integer)) or within < 0:
        raise InputError(f"within: got {within!r}; give a whole number of voxels, 0 or more")
    if look not in LOOK:
        raise InputError(f"look: got {look!r}; allowed: {', '.join(LOOK)}")
    groups = {"electrode": as_names(electrode), "electrolyte": as_names(electrolyte), "voids": as_names(voids)}
    _check_apart(groups)
    view = view_from(volume, side)
    metal = view.mask(groups["electrode"], "electrode")
    solid = turned(largest_piece(phase_mask(volume, groups["electrolyte"], "electrolyte")), side)
    empty = view.mask(groups["voids"], "voids")
    depth = solid.shape[2]
    begin = first_index(solid)
    edge = last_index_before(metal, begin)
    nominal = begin < depth
    contact = nominal & (edge >= 0) & (edge == begin - 1)
    contact &= begin - last_index_before(empty, begin) > within
    if look == "both":
        behind = first_index(empty & (np.arange(depth) >= begin[:, :, None]))
        contact &= (behind - begin >= within) | (behind == depth)
    level = np.arange(depth)
    between = empty & (level > edge[:, :, None]) & (level < begin[:, :, None])
    gap = np.where(nominal & (edge >= 0), between.sum(axis=2) * view.step, np.nan)
    return InterfaceMap(contact, nominal, gap, view.pixel, view.axis, view.extent)


def write_contact_map(picture: InterfaceMap, path: str | Path) -> Path:
    """Write the contact of a map as the file that ``contact = { map = ... }`` of a study reads.

    Parameters
    ----------
    picture : InterfaceMap
        The map.
    path : str or Path
        ``.npy`` (0 and 1, first index along the first remaining axis) or ``.tif`` (0 and 255, rows along the second).

    Returns
    -------
    Path
        The file. Axis and extent are not in it: they are keys of the study.

    Raises
    ------
    InputError
        If the suffix is another one or the folder does not exist.

    Examples
    --------
    >>> write_contact_map(picture, "contact.npy")  # doctest: +SKIP
    PosixPath('contact.npy')
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".tif", ".tiff"):
        raise InputError(f"path: got {path.name!r}; a contact map is written as .npy or .tif")
    values = picture.contact.astype(np.uint8)
    with replacing(path) as (part,):
        if suffix == ".npy":
            np.save(part, values)
        else:
            import tifffile

            tifffile.imwrite(part, np.ascontiguousarray(255 * values.T), photometric="minisblack")
    return path


@dataclass(frozen=True, eq=False)
class VoidKinds:
    """The pieces of the voids by where they are.

    Parameters
    ----------
    kind : (nx, ny, nz) uint8 array
        0 no void, 1 interfacial, 2 closed pore, 3 open to a side of the box.
    counts : dict of str to int
        Pieces: ``interfacial``, ``closed``, ``open``.
    volumes : dict of str to float
        Their volumes, m3.
    solid_volume : float
        Volume of the electrolyte, m3.

    Examples
    --------
    >>> found.counts["interfacial"]  # doctest: +SKIP
    12
    """

    kind: npt.NDArray[np.uint8]
    counts: dict[str, int]
    volumes: dict[str, float]
    solid_volume: float

    @property
    def density(self) -> float:
        """Electrolyte over electrolyte with its closed pores: the relative density of the pellet."""
        whole = self.solid_volume + self.volumes["closed"]
        return self.solid_volume / whole if whole > 0 else float("nan")

    def rows(self, subject: str = "") -> list[Row]:
        """Return the numbers as rows of a long table."""
        rows = [Row("voids", subject, f"{kind} volume", v, "m3") for kind, v in self.volumes.items()]
        rows += [Row("voids", subject, f"{kind} count", float(n)) for kind, n in self.counts.items()]
        return [*rows, Row("voids", subject, "density", self.density)]

    def to_dict(self) -> dict[str, float]:
        """Return the numbers by name."""
        return {row.quantity: row.value for row in self.rows()}


def interfacial_voids(
    volume: LabelledVolume,
    voids: str | Sequence[str],
    *,
    electrode: str | Sequence[str],
    electrolyte: str | Sequence[str],
) -> VoidKinds:
    """Tell voids at an electrode from closed pores, piece by piece.

    A face-connected piece of void is interfacial if it shares a voxel face with the electrode; else open, if it touches
    a side of the box (what it touches beyond is not known); else a closed pore.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    voids, electrode, electrolyte : str or sequence of str
        Phases.

    Returns
    -------
    VoidKinds
        By voxel and in total.

    Raises
    ------
    InputError
        If a phase is unknown or named twice.

    Examples
    --------
    >>> labels = np.zeros((1, 1, 7), np.uint8)
    >>> labels[0, 0, 3], labels[0, 0, 5], labels[0, 0, 6] = 2, 2, 1
    >>> volume = LabelledVolume(np.pad(labels, 1), (1e-6,) * 3, phases={0: "LPS", 1: "Li", 2: "void"})
    >>> interfacial_voids(volume, "void", electrode="Li", electrolyte="LPS").counts
    {'interfacial': 1, 'closed': 1, 'open': 0}
    """
    groups = {"voids": as_names(voids), "electrode": as_names(electrode), "electrolyte": as_names(electrolyte)}
    _check_apart(groups)
    empty = phase_mask(volume, groups["voids"], "voids")
    metal = phase_mask(volume, groups["electrode"], "electrode")
    solid = int(phase_mask(volume, groups["electrolyte"], "electrolyte").sum())
    ids, found, sizes, sides = label_components(empty)
    touching = np.zeros(len(sizes), bool)
    for axis in range(3):
        one, two = (np.moveaxis(a, axis, 0) for a in (ids, metal))
        touching[one[1:][two[:-1]]] = True
        touching[one[:-1][two[1:]]] = True
    kind = np.select([~found.astype(bool), touching, sides == 0], [0, 1, 2], 3).astype(np.uint8)
    voxel = float(np.prod(volume.spacing))
    names = {1: "interfacial", 2: "closed", 3: "open"}
    counts = {name: int((kind == k).sum()) for k, name in names.items()}
    volumes = {name: int(sizes[kind == k].sum()) * voxel for k, name in names.items()}
    return VoidKinds(kind[ids], counts, volumes, solid * voxel)


def _check_apart(groups: dict[str, tuple[str, ...]]) -> None:
    seen: dict[str, str] = {}
    for argument, names in groups.items():
        if not names and argument != "voids":
            raise InputError(f"{argument}: got no phase; name at least one")
        for name in names:
            if name in seen:
                raise InputError(f"{argument}: {name!r} is named as {seen[name]} already; each phase has one role")
            seen[name] = argument
