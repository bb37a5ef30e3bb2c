"""Fields between voxels and meshes, both ways, with integrals kept. No files, no names of phases.

Means are exact integrals: tets are cut along the voxel faces, nothing is sampled. A voxel holds one value, or a linear
function with its slopes (``linear=True``), whose mean over the voxel is that value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.volume import LabelledVolume

__all__ = ["MeanOfTets", "MeanOfVoxels", "VoxelField", "cells_to_voxels", "points_to_voxels", "voxels_to_cells",
           "voxels_to_points"]  # fmt: skip

#: Loops are handed to threads in this many parts.
_PARTS = 256
#: Share of a voxel that must lie in the mesh for its mean to count, so that rounding at walls makes no values.
_LEAST = 1e-8


@dataclass(frozen=True, eq=False)
class VoxelField:
    """A value for each voxel of a grid.

    Parameters
    ----------
    values : (nx, ny, nz) array
        Numbers; NaN: no value. Axis 0 is x.
    spacing : three float
        Voxel size along x, y, z, m.
    origin : three float
        Lower corner of voxel (0, 0, 0), m.

    Raises
    ------
    InputError
        If the array does not have three axes or holds no numbers, or the spacing is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> VoxelField(np.zeros((4, 4, 4)), (1e-6,) * 3).integral()
    0.0
    """

    values: npt.NDArray
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        if values.ndim != 3 or 0 in values.shape or values.dtype.kind not in "buif":
            raise InputError(f"values: got {values.dtype} of shape {values.shape}; give one number a voxel, three axes")
        for name, three in (("spacing", self.spacing), ("origin", self.origin)):
            numbers = np.asarray(three, float)
            if numbers.shape != (3,) or not np.isfinite(numbers).all() or (name == "spacing" and numbers.min() <= 0):
                raise InputError(f"{name}: got {three!r}; give three numbers in m, positive for a spacing")
            object.__setattr__(self, name, tuple(float(v) for v in numbers))
        object.__setattr__(self, "values", values)

    @classmethod
    def on(cls, volume: LabelledVolume, values: npt.ArrayLike) -> VoxelField:
        """Return values on the voxels of a volume; InputError if their shape is another."""
        array = np.asarray(values)
        if array.shape != volume.shape:
            raise InputError(f"values: got shape {array.shape}; the volume has {volume.shape} voxels")
        return cls(array, volume.spacing, volume.origin)

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel, m3."""
        return float(np.prod(self.spacing))

    def integral(self) -> float:
        """Return the integral over all voxels that have a value, unit of the field times m3."""
        return float(np.nansum(self.values, dtype=np.float64)) * self.voxel_volume


class MeanOfTets(NamedTuple):
    """Means of a voxel field over tets.

    Attributes
    ----------
    values : (m,) float64 array
        The means.
    volume : (m,) float64 array
        Volume that each was taken over, m3: the part of the tet where voxels have a value.
    """

    values: npt.NDArray[np.float64]
    volume: npt.NDArray[np.float64]


class MeanOfVoxels(NamedTuple):
    """Means of a mesh field over voxels.

    Attributes
    ----------
    field : VoxelField
        Means over the part of each voxel that lies in the mesh.
    share : (nx, ny, nz) float64 array
        That part, 0 to 1.
    """

    field: VoxelField
    share: npt.NDArray[np.float64]

    def integral(self) -> float:
        """Return the integral over the mesh inside the grid, unit of the field times m3."""
        kept = self.share > _LEAST
        return float((self.field.values[kept] * self.share[kept]).sum()) * self.field.voxel_volume


def voxels_to_cells(
    field: VoxelField, mesh: TaggedMesh, *, linear: bool = False, fill: float = float("nan")
) -> MeanOfTets:
    """Return the mean of a voxel field over each tet, exactly.

    Parameters
    ----------
    field : VoxelField
        The field; voxels with NaN count for nothing, so that a phase may have values where others have none.
    mesh : TaggedMesh
        The mesh.
    linear : bool
        Whether the field varies linearly within voxels, with differences to their neighbours for slopes: exact for
        linear fields, second order for smooth ones, integrals of whole voxels unchanged. For fields that jump or are
        noisy False is right.
    fill : float
        Value of tets that no voxel with a value covers.

    Returns
    -------
    MeanOfTets
        ``(values, volume)``; the sum of their products is the integral of the field over the mesh.

    Examples
    --------
    >>> import numpy as np
    >>> mesh = TaggedMesh(np.eye(4, 3, -1), np.array([[0, 1, 2, 3]]), np.array([1]), np.zeros((0, 3), int),
    ...                   np.zeros(0, int), {"a": 1}, {})
    >>> voxels_to_cells(VoxelField(np.full((2, 2, 2), 3.0), (0.5,) * 3), mesh).values.round(12)
    array([3.])
    """
    from ssb2mesh.voxel_fields.kernel import mean_over_tets

    values = np.ascontiguousarray(field.values, dtype=np.float64)
    mean, covered = mean_over_tets(_in_voxels(mesh, field), _wide(mesh.tets), values, bool(linear), _PARTS)
    return MeanOfTets(np.where(covered > 0, mean, fill), covered * field.voxel_volume)


def voxels_to_points(field: VoxelField, mesh: TaggedMesh, *, fill: float = float("nan")) -> npt.NDArray[np.float64]:
    """Return a voxel field at the points of a mesh, trilinear between the centres of voxels.

    Parameters
    ----------
    field : VoxelField
        The field; where a neighbour has no value, those that have one share its weight.
    mesh : TaggedMesh
        The mesh.
    fill : float
        Value of points outside the grid, and of those whose neighbours have no value.

    Returns
    -------
    (n,) float64 array
        Values; linear fields are exact, also in the outer half voxels.

    Examples
    --------
    >>> voxels_to_points(VoxelField.on(volume, grey), mesh)  # doctest: +SKIP
    """
    from ssb2mesh.voxel_fields.kernel import sample_points

    found = sample_points(_in_voxels(mesh, field), np.ascontiguousarray(field.values, dtype=np.float64))
    return np.where(np.isnan(found), fill, found)


def cells_to_voxels(
    values: npt.ArrayLike, mesh: TaggedMesh, grid: VoxelField | LabelledVolume, *, fill: float = float("nan")
) -> MeanOfVoxels:
    """Return the mean of a field of tets over each voxel, exactly.

    Parameters
    ----------
    values : (m,) array
        One number a tet; tets with NaN count for nothing.
    mesh : TaggedMesh
        The mesh.
    grid : VoxelField or LabelledVolume
        Where the voxels are; its values do not matter.
    fill : float
        Value of voxels that no tet with a value covers, such as those of dropped phases.

    Returns
    -------
    MeanOfVoxels
        ``(field, share)``; voxels in part outside the mesh hold the mean over the part inside.

    Raises
    ------
    InputError
        If there is not one number a tet.

    Examples
    --------
    >>> cells_to_voxels(solution.cell_data()["von_mises"], mesh, volume).field.values.shape  # doctest: +SKIP
    (128, 128, 128)
    """
    array = _checked(values, mesh.n_tets, "tet")
    planes = np.zeros((mesh.n_tets, 4))
    planes[:, 0] = array
    return _to_voxels(planes, mesh, grid, fill=fill)


def points_to_voxels(
    values: npt.ArrayLike, mesh: TaggedMesh, grid: VoxelField | LabelledVolume, *, fill: float = float("nan")
) -> MeanOfVoxels:
    """Return the mean of a field of points, linear in each tet, over each voxel, exactly.

    Parameters
    ----------
    values : (n,) array
        One number a point; tets with a corner of NaN count for nothing.
    mesh : TaggedMesh
        The mesh.
    grid : VoxelField or LabelledVolume
        Where the voxels are; its values do not matter.
    fill : float
        Value of voxels that no tet with values covers.

    Returns
    -------
    MeanOfVoxels
        As of `cells_to_voxels`.

    Raises
    ------
    InputError
        If there is not one number a point.

    Examples
    --------
    >>> points_to_voxels(potential, mesh, volume).field  # doctest: +SKIP
    """
    array = _checked(values, mesh.n_points, "point")
    points = _in_voxels(mesh, grid)
    corners = array[mesh.tets]
    origin = points[mesh.tets[:, 0]]
    edges = points[mesh.tets[:, 1:]] - origin[:, None, :]
    planes = np.full((mesh.n_tets, 4), np.nan)
    rise = corners[:, 1:] - corners[:, :1]
    volume = np.einsum("ij,ij->i", np.cross(edges[:, 0], edges[:, 1]), edges[:, 2])
    good = np.isfinite(corners).all(axis=1) & (volume != 0)
    # the gradient by cofactors: no failure on flat tets, no batch of small solves
    gradient = np.zeros((mesh.n_tets, 3))
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        gradient += rise[:, a, None] * np.cross(edges[:, b], edges[:, c])
    gradient[good] /= volume[good, None]
    planes[good, 1:] = gradient[good]
    planes[good, 0] = corners[good, 0] - np.einsum("ij,ij->i", gradient[good], origin[good])
    return _to_voxels(planes, mesh, grid, fill=fill)


def _to_voxels(
    planes: npt.NDArray[np.float64], mesh: TaggedMesh, grid: VoxelField | LabelledVolume, *, fill: float
) -> MeanOfVoxels:
    from ssb2mesh.voxel_fields.kernel import mean_over_voxels

    shape = grid.shape if isinstance(grid, LabelledVolume) else grid.values.shape
    points = _in_voxels(mesh, grid)
    total, share = mean_over_voxels(points, _wide(mesh.tets), planes, _slabs(points, mesh.tets, shape[0]), shape)
    covered = share > _LEAST
    values = np.full(shape, fill)
    values[covered] = total[covered] / share[covered]
    return MeanOfVoxels(VoxelField(values, grid.spacing, grid.origin), share)


def _slabs(
    points: npt.NDArray[np.float64], tets: npt.NDArray[np.integer], layers: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Slabs of layers along x, and the tets that meet each; every slab is written by one thread only."""
    count = min(layers, 64)
    bounds = np.arange(count + 1, dtype=np.int64) * layers // count
    x = points[:, 0][tets]
    low = np.clip(np.searchsorted(bounds, x.min(axis=1), side="right") - 1, 0, count)
    high = np.clip(np.searchsorted(bounds, x.max(axis=1), side="left"), 0, count)
    first = np.zeros(count + 1, np.int64)
    chosen = []
    for slab in range(count):
        found = np.flatnonzero((low <= slab) & (high > slab))
        chosen.append(found)
        first[slab + 1] = first[slab] + len(found)
    return bounds, first, np.concatenate(chosen).astype(np.int64)


def _in_voxels(mesh: TaggedMesh, grid: VoxelField | LabelledVolume) -> npt.NDArray[np.float64]:
    """Points in voxels, counted from the corner of the grid."""
    found: npt.NDArray[np.float64] = (mesh.points - np.asarray(grid.origin)) / np.asarray(grid.spacing)
    return found


def _wide(tets: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Tets as 64-bit numbers, so that every loop is compiled once only."""
    return tets.astype(np.int64, copy=False)


def _checked(values: npt.ArrayLike | Sequence[float], count: int, what: str) -> npt.NDArray[np.float64]:
    array = np.asarray(values)
    if array.shape != (count,) or array.dtype.kind not in "buif":
        raise InputError(f"values: got {array.dtype} of shape {array.shape}; give one number a {what}, {count} in all")
    return array.astype(np.float64)
