"""From voxels to lattice cells: which phase each cube of the lattice carries. No vertices, no tets.

A cell is a cube of about `cell_size`; the box of the volume is divided into a whole number of cells per axis, so the
cell size is fitted to the box and the box stays exact. A cell carries the phase that fills most of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.units import format_length, parse_length
from ssb2mesh.volume import LabelledVolume

__all__ = ["CellGrid", "cell_counts", "make_grid", "parse_cell_size"]

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
        Cell size, m.
    origin : (3,) float array
        Lower corner of the box, m.
    volumes : (len(names),) float array
        Volume of each phase in the voxels, in units of one cell.
    """

    phase: npt.NDArray[np.int32]
    names: tuple[str, ...]
    spacing: npt.NDArray[np.float64]
    origin: npt.NDArray[np.float64]
    volumes: npt.NDArray[np.float64]


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


def cell_counts(volume: LabelledVolume, cell_size: float | str | None) -> tuple[int, int, int]:
    """Return the number of lattice cells along x, y, z.

    Parameters
    ----------
    volume : LabelledVolume
        What will be meshed.
    cell_size : float, str or None
        See `parse_cell_size`.

    Returns
    -------
    three int
        At least 1 along each axis.

    Raises
    ------
    InputError
        See `parse_cell_size`.
    """
    wanted = parse_cell_size(cell_size, volume.spacing)
    if (wanted > np.asarray(volume.size)).any() and max(volume.shape) > 1 and cell_size is not None:
        if (wanted > max(volume.size)).all():
            raise InputError(
                f"cell_size: got {format_length(float(wanted.max()))}, larger than the whole volume "
                f"({' x '.join(format_length(s) for s in volume.size)}); give a size below that"
            )
    nx, ny, nz = (max(1, round(size / cell)) for size, cell in zip(volume.size, wanted, strict=True))
    return (nx, ny, nz)


def make_grid(volume: LabelledVolume, cell_size: float | str | None = None) -> CellGrid:
    """Return the lattice cells of a volume.

    Parameters
    ----------
    volume : LabelledVolume
        Segmented image.
    cell_size : float, str or None
        Wanted size, see `parse_cell_size`; default one voxel.

    Returns
    -------
    CellGrid
        The cell size is fitted so that a whole number of cells fills the box.

    Raises
    ------
    InputError
        See `parse_cell_size`.
    """
    counts = cell_counts(volume, cell_size)
    labels = np.fromiter(volume.phases, dtype=np.int64)
    index = _compact(volume.labels, labels)
    names = volume.phase_names
    voxels = np.bincount(index.ravel(), minlength=len(names)).astype(float)
    phase = index if counts == volume.shape else _majority(index, counts, len(names))
    size = np.asarray(volume.size)
    spacing = size / np.asarray(counts)
    volumes = voxels / voxels.sum() * float(np.prod(counts))
    return CellGrid(np.ascontiguousarray(phase), names, spacing, np.asarray(volume.origin, float), volumes)


def _compact(voxels: npt.NDArray[np.integer], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Labels to 0, 1, 2 ... in the order of `labels` (sorted)."""
    low, high = int(labels[0]), int(labels[-1])
    if high - low < 1 << 20:
        table = np.zeros(high - low + 1, dtype=np.int32)
        table[labels - low] = np.arange(len(labels), dtype=np.int32)
        return table[voxels.astype(np.int64) - low] if low or voxels.dtype.kind == "i" else table[voxels]
    return np.searchsorted(labels, voxels).astype(np.int32)


def _majority(index: npt.NDArray[np.int32], counts: tuple[int, int, int], n_phases: int) -> npt.NDArray[np.int32]:
    """Phase that fills most of each cell; of equal shares, the one that the voxel at the cell's centre carries."""
    edges = [np.linspace(0.0, n, m + 1) for n, m in zip(index.shape, counts, strict=True)]
    return _majority_loop(index, edges[0], edges[1], edges[2], n_phases)


@nb.njit(cache=True, parallel=True)
def _majority_loop(index, ex, ey, ez, n_phases):
    nx, ny, nz = len(ex) - 1, len(ey) - 1, len(ez) - 1
    out = np.empty((nx, ny, nz), np.int32)
    for i in nb.prange(nx):
        share = np.zeros(n_phases)
        for j in range(ny):
            for k in range(nz):
                share[:] = 0.0
                for a in range(int(ex[i]), min(int(np.ceil(ex[i + 1])), index.shape[0])):
                    wa = min(ex[i + 1], a + 1.0) - max(ex[i], float(a))
                    for b in range(int(ey[j]), min(int(np.ceil(ey[j + 1])), index.shape[1])):
                        wb = wa * (min(ey[j + 1], b + 1.0) - max(ey[j], float(b)))
                        for c in range(int(ez[k]), min(int(np.ceil(ez[k + 1])), index.shape[2])):
                            share[index[a, b, c]] += wb * (min(ez[k + 1], c + 1.0) - max(ez[k], float(c)))
                centre = index[
                    min(int((ex[i] + ex[i + 1]) / 2), index.shape[0] - 1),
                    min(int((ey[j] + ey[j + 1]) / 2), index.shape[1] - 1),
                    min(int((ez[k] + ez[k + 1]) / 2), index.shape[2] - 1),
                ]
                best = centre
                for p in range(n_phases):
                    if share[p] > share[best] + 1e-9:
                        best = p
                out[i, j, k] = best
    return out
