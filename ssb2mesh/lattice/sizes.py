"""From wanted sizes - in bulk, per phase, per interface, by field - to the levels that leaves may reach. No merging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.lattice.coarsen import Levels
from ssb2mesh.lattice.grid import CellGrid, parse_cell_size
from ssb2mesh.volume import LabelledVolume, interface_name

__all__ = ["Sizes", "finest_size", "leaf_levels"]

#: No limit of its own.
_ANY = 255


@dataclass(frozen=True, eq=False)
class Sizes:
    """Sizes of the tets beside the one cell size.

    Parameters
    ----------
    largest : float or str, optional
        Largest cell in bulk, a length or "8 voxels"; default: the cell size.
    by_name : mapping of str to float or str
        Size in a phase, or at an interface ("LPSCl|NMC"); smaller or larger than the cell size.
    by_field : (nx, ny, nz) float array, optional
        Largest size at each voxel of the volume, m; inf where there is none.
    """

    largest: float | str | None = None
    by_name: Mapping[str, float | str] = field(default_factory=dict)
    by_field: npt.NDArray[np.floating] | None = None


def _length(name: str, size: float | str, volume: LabelledVolume) -> float:
    try:
        return float(parse_cell_size(size, volume.spacing).min())
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _named(sizes: Sizes, volume: LabelledVolume) -> dict[str, float]:
    """Lengths by phase or interface name; the two phases of an interface may come in any order."""
    out = {}
    known = [*volume.phase_names]
    for name, size in sizes.by_name.items():
        key, missing = name, [part for part in name.split("|") if part not in known]
        if name.count("|") > 1 or missing or (name.count("|") == 1 and len(set(name.split("|"))) == 1):
            wrong = missing[0] if missing else name
            raise InputError(
                f"sizes: got {name!r}; give a phase ({', '.join(known)}) or two of them joined by a bar"
                f"{nearest(wrong, known)}"
            )
        if "|" in name:
            first, second = name.split("|")
            key = interface_name(first, second)
        out[key] = _length(f"sizes: {name}", size, volume)
    return out


def finest_size(sizes: Sizes, volume: LabelledVolume) -> float | None:
    """Return the smallest size asked for, m, or None.

    Parameters
    ----------
    sizes : Sizes
        What is asked for.
    volume : LabelledVolume
        What will be meshed.

    Returns
    -------
    float or None
        None if there are no sizes beside the cell size.

    Raises
    ------
    InputError
        If a name or a size is not usable.
    """
    wanted = list(_named(sizes, volume).values())
    if sizes.by_field is not None:
        values = np.asarray(sizes.by_field)
        if values.shape != volume.shape:
            raise InputError(f"size_field: got shape {values.shape}; give one length for each of {volume.shape} voxels")
        if not (values > 0).all():
            raise InputError("size_field: got values that are not positive; give lengths in m, inf for no limit")
        low, voxel = float(values.min()), min(volume.spacing)
        if low < voxel / 16:
            raise InputError(
                f"size_field: got {low:.3g} m, below a sixteenth of a voxel ({voxel:.3g} m); are the values in m?"
            )
        if np.isfinite(low):
            wanted.append(low)
    return min(wanted, default=None)


def _level_of(length: float | npt.NDArray[np.floating], cell: float, highest: int = 12) -> npt.NDArray[np.uint8]:
    """Level of the largest leaf that is not wider than a length (a leaf may be 1 % wider: cells are fitted)."""
    ratio = np.asarray(length, dtype=float) / cell
    return np.clip(np.floor(np.log2(np.maximum(ratio * 1.01, 1.0))), 0, highest).astype(np.uint8)


def leaf_levels(
    grid: CellGrid, sizes: Sizes, volume: LabelledVolume, *, grade: int = 0, keep_thin: bool = True
) -> Levels:
    """Return how far the cells of a grid may merge.

    Parameters
    ----------
    grid : CellGrid
        The cells.
    sizes : Sizes
        What is asked for.
    volume : LabelledVolume
        What will be meshed.
    grade : int
        Levels above the cell size that bulk may reach; `sizes.largest` overrides it.
    keep_thin : bool
        See `Levels`.

    Returns
    -------
    Levels
        With limits per cell only if sizes differ from place to place.

    Raises
    ------
    InputError
        If a name or a size is not usable.
    """
    cell = float(grid.spacing.max())
    bulk = grid.level + grade
    if sizes.largest is not None:
        bulk = max(grid.level, int(_level_of(_length("max_size", sizes.largest, volume), cell)))
    named = {name: int(_level_of(length, cell)) for name, length in _named(sizes, volume).items()}
    if not named and sizes.by_field is None:
        return Levels(grid.level, bulk, keep_thin, rank=_rarest_first(volume) if grid.level and not keep_thin else None)
    n = len(grid.names)
    of_phase, of_bulk = np.full(n, grid.level, np.uint8), np.full(n, bulk, np.uint8)
    of_pair = np.full((n, n), _ANY, np.uint8)
    for name, level in named.items():
        where = [grid.names.index(part) for part in name.split("|")]
        if len(where) == 1:
            of_phase[where[0]] = of_bulk[where[0]] = level
        else:
            of_pair[where[0], where[1]] = of_pair[where[1], where[0]] = level
    limit, bulk_limit = _limits(grid.phase, of_phase, of_bulk, of_pair)
    if sizes.by_field is not None:
        at_voxel = _level_of(np.asarray(sizes.by_field), cell)
        at_cell = at_voxel[np.ix_(*(grid.voxel_of(axis) for axis in range(3)))]
        np.minimum(limit, at_cell, out=limit)
        np.minimum(bulk_limit, at_cell, out=bulk_limit)
    rank = _rarest_first(volume) if limit.max() and not keep_thin else None
    return Levels(int(limit.max()), int(bulk_limit.max()), keep_thin, limit, bulk_limit, rank)


def _rarest_first(volume: LabelledVolume) -> npt.NDArray[np.int32]:
    """Rank of each phase by its voxels, the rarest first."""
    counts = np.array(list(volume.voxel_counts().values()), dtype=np.int64)
    rank = np.empty(len(counts), np.int32)
    rank[np.argsort(counts, kind="stable")] = np.arange(len(counts))
    return rank


@nb.njit(cache=True, parallel=True)
def _limits(phase, of_phase, of_bulk, of_pair):
    """Level of each cell by its phase, or by the interfaces with a size that its ring of cells sees."""
    nx, ny, nz = phase.shape
    limit, bulk = np.empty(phase.shape, np.uint8), np.empty(phase.shape, np.uint8)
    for i in nb.prange(nx):
        found = np.empty(27, np.int32)
        for j in range(ny):
            for k in range(nz):
                n = 0
                for a in range(max(i - 1, 0), min(i + 2, nx)):
                    for b in range(max(j - 1, 0), min(j + 2, ny)):
                        for c in range(max(k - 1, 0), min(k + 2, nz)):
                            new = True
                            for e in range(n):
                                new &= found[e] != phase[a, b, c]
                            if new:
                                found[n] = phase[a, b, c]
                                n += 1
                at_pair = np.uint8(255)
                for e in range(n):
                    for f in range(e):
                        at_pair = min(at_pair, of_pair[found[e], found[f]])
                own = phase[i, j, k]
                limit[i, j, k] = of_phase[own] if at_pair == 255 else at_pair
                bulk[i, j, k] = of_bulk[own] if at_pair == 255 else at_pair
    return limit, bulk
