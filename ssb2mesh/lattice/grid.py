"""From voxels to lattice cells: which phase each cube of the lattice carries. No vertices, no tets.

The box of the volume is divided into a whole number of cells per axis, so their size is fitted to the box and the box
stays exact. Cells are never larger than a voxel, so none is overlooked; a larger `cell_size` is reached by merging
cells (`coarsen`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.units import format_length, parse_length
from ssb2mesh.volume import LabelledVolume

__all__ = ["CellGrid", "cell_counts", "compact_labels", "make_grid", "parse_cell_size"]

_VOXELS = re.compile(r"^\s*(\d+\.?\d*|\.\d+)\s*(?:x|voxels?|vx)\s*$")


@dataclass(frozen=True)
class CellGrid:
    """Phases of the lattice cells.

    Parameters
    ----------
    phase : (nx, ny, nz) int32 array
        Index into `names` of each cell.
    names : tuple of str
        Phase names.
    spacing : (3,) float array
        Size of a cell, m.
    box : (2, 3) float array
        Lower and upper corner of the box, m.
    voxels : (mx, my, mz) int32 array
        Index into `names` of each voxel; `phase` itself where a cell is a voxel.
    level : int
        The wanted cell size is ``2**level`` cells.
    """

    phase: npt.NDArray[np.int32]
    names: tuple[str, ...]
    spacing: npt.NDArray[np.float64]
    box: npt.NDArray[np.float64]
    voxels: npt.NDArray[np.int32]
    level: int = 0

    @property
    def voxel_in_cells(self) -> npt.NDArray[np.float64]:
        """Size of a voxel in cells, (3,)."""
        return np.asarray(self.phase.shape) / np.asarray(self.voxels.shape)

    def voxel_of(self, axis: int) -> npt.NDArray[np.int64]:
        """Return which voxel the centre of each cell along an axis lies in."""
        n, m = self.phase.shape[axis], self.voxels.shape[axis]
        return (np.arange(n) * 2 + 1) * m // (2 * n)


def parse_cell_size(cell_size: float | str | None, spacing: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Return the wanted cell size along x, y, z in m.

    Parameters
    ----------
    cell_size : float, str or None
        Metres; or text with a unit (``"0.8 um"``) or in voxels (``"2 voxels"``); None: one voxel.
    spacing : three float
        Voxel size, m.

    Returns
    -------
    (3,) float array
        A length gives cubes of that size; a number of voxels, or None, keeps the proportions of the voxel.

    Raises
    ------
    InputError
        If the text cannot be read or the size is not positive.

    Examples
    --------
    >>> parse_cell_size("2 voxels", (1e-6, 1e-6, 2e-6)) * 1e6
    array([2., 2., 4.])
    """
    voxel = np.asarray(spacing, dtype=float)
    if cell_size is None:
        return voxel
    found = _VOXELS.match(cell_size) if isinstance(cell_size, str) else None
    if found:
        factor = float(found.group(1))
        if factor <= 0:
            raise InputError(f"cell_size: got {cell_size!r}; give a positive number of voxels, such as '2 voxels'")
        return voxel * factor
    if isinstance(cell_size, str) and re.fullmatch(r"\s*[\d.eE+-]+\s*", cell_size):
        raise InputError(f"cell_size: got {cell_size!r} without a unit; give a length ('0.8 um') or '2 voxels'")
    return np.full(3, parse_length(cell_size, name="cell_size"))


def cell_counts(
    volume: LabelledVolume, cell_size: float | str | None, finest: float | None = None
) -> tuple[tuple[int, int, int], int]:
    """Return the number of cells along x, y, z, and the level at which they merge to the wanted size.

    Parameters
    ----------
    volume : LabelledVolume
        What will be meshed.
    cell_size : float, str or None
        See `parse_cell_size`.
    finest : float, optional
        Smallest size wanted anywhere, m.

    Returns
    -------
    counts : three int
        At least 1 along each axis.
    level : int
        0 if the cell size is not larger than a voxel.

    Raises
    ------
    InputError
        See `parse_cell_size`.
    """
    wanted = parse_cell_size(cell_size, volume.spacing)
    if cell_size is not None and max(volume.shape) > 1 and (wanted > max(volume.size)).all():
        raise InputError(
            f"cell_size: got {format_length(float(wanted.max()))}, larger than the whole volume "
            f"({' x '.join(format_length(s) for s in volume.size)}); give a size below that"
        )
    voxel, size = np.asarray(volume.spacing), np.asarray(volume.size)
    smallest = voxel if finest is None else np.minimum(voxel, finest)
    ratio = float((wanted / smallest).max())
    level = max(0, int(np.ceil(np.log2(ratio) - 1e-6)))
    cells_per_voxel = voxel / (wanted / 2**level)
    if level and np.allclose(cells_per_voxel, np.round(cells_per_voxel), rtol=1e-6, atol=0):
        nx, ny, nz = (np.asarray(volume.shape) * np.round(cells_per_voxel)).astype(int).tolist()
        return (nx, ny, nz), level
    whole = np.maximum(1, np.round(size / wanted))
    if level:
        whole = np.maximum(whole, np.ceil(size / smallest / 2**level - 1e-9))
    nx, ny, nz = (whole * 2**level).astype(int).tolist()
    return (nx, ny, nz), level


def make_grid(volume: LabelledVolume, cell_size: float | str | None = None, *, finest: float | None = None) -> CellGrid:
    """Return the lattice cells of a volume.

    Parameters
    ----------
    volume : LabelledVolume
        Segmented image.
    cell_size : float, str or None
        Wanted size, see `parse_cell_size`; default one voxel.
    finest : float, optional
        Smallest size wanted anywhere, m.

    Returns
    -------
    CellGrid
        Every cell carries the phase of the voxel that its centre lies in.

    Raises
    ------
    InputError
        See `parse_cell_size`.
    """
    counts, level = cell_counts(volume, cell_size, finest)
    voxels = np.ascontiguousarray(compact_labels(volume.labels, np.fromiter(volume.phases, dtype=np.int64)))
    spacing = np.asarray(volume.size) / np.asarray(counts)
    grid = CellGrid(np.empty(counts, np.int32), volume.phase_names, spacing, volume.box, voxels, level)
    if counts == volume.shape:
        return replace(grid, phase=voxels)
    return replace(grid, phase=voxels[np.ix_(*(grid.voxel_of(axis) for axis in range(3)))])


def compact_labels(voxels: npt.NDArray[np.integer], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return labels as 0, 1, 2 ... in the order of a sorted list of all of them.

    Parameters
    ----------
    voxels : integer array
        Labels.
    labels : (n,) int64 array
        Every label, ascending.

    Returns
    -------
    int32 array
        Places in the list.

    Examples
    --------
    >>> compact_labels(np.array([7, 3, 7]), np.array([3, 7])).tolist()
    [1, 0, 1]
    """
    low, high = int(labels[0]), int(labels[-1])
    if high - low < 1 << 20:
        table = np.zeros(high - low + 1, dtype=np.int32)
        table[labels - low] = np.arange(len(labels), dtype=np.int32)
        return table[voxels.astype(np.int64) - low] if low or voxels.dtype.kind == "i" else table[voxels]
    return np.searchsorted(labels, voxels).astype(np.int32)
