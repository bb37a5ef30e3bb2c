"""Where the planes between slabs lie, and how far around them the cells must be known. Nothing is read or meshed here.

Lengths are in cells. ``m`` is the level that leaves at interfaces may reach, ``top`` that of any leaf.

- *Planes* are perpendicular to z, where leaves of any size begin, as evenly as these allow.
- The *band* of a plane, ``4 * 2**m`` to either side, is where vertices are placed once and for all before the slabs
  are made.
- Its *zone*, up to ``12 * 2**m`` to either side, is where vertices move while this is done.
- The *reach* is how far away a cell can lie that decides about a leaf. Bulk leaves see a ring of one leaf at each
  level, together less than the largest leaf. Leaves that may hold several phases see, at each level, what up to
  seven blocks before them in the order of the eight colours have become (`ssb2mesh.lattice.coarsen`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import cast

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.lattice.build import LatticeOptions
from ssb2mesh.lattice.grid import CellGrid, cell_counts
from ssb2mesh.lattice.sizes import finest_size, leaf_levels
from ssb2mesh.slabs.source import VolumeHead
from ssb2mesh.volume import LabelledVolume

__all__ = ["SlabPlan", "plan_slabs"]

#: Half width of the band and of the zone of a plane, and how far the surface around is smoothed with it, in leaves of
#: the interface.
BAND, ZONE, SMOOTH = 4, 12, 20


@dataclass(frozen=True)
class SlabPlan:
    """How a volume is cut into slabs.

    Parameters
    ----------
    head : VolumeHead
        What will be meshed.
    options : LatticeOptions
        How.
    drop : tuple of str
        Phases left out.
    cells : three int
        Cells along x, y, z.
    level : int
        The wanted cell size is ``2**level`` cells.
    planes : tuple of int
        Where slabs begin and end, cells: the first is 0, the last the number of cells along z.
    mixed, top : int
        Highest level of leaves at interfaces, and of all.
    """

    head: VolumeHead
    options: LatticeOptions
    drop: tuple[str, ...]
    cells: tuple[int, int, int]
    level: int
    planes: tuple[int, ...]
    mixed: int
    top: int

    @property
    def slabs(self) -> int:
        """Number of slabs."""
        return len(self.planes) - 1

    @property
    def layer(self) -> int:
        """Cells in a layer along z."""
        return self.cells[0] * self.cells[1]

    @property
    def spacing(self) -> npt.NDArray[np.float64]:
        """Size of a cell, (3,), m."""
        return np.asarray(self.head.size) / np.asarray(self.cells)

    @property
    def scale(self) -> npt.NDArray[np.float64]:
        """Proportions of a cell, (3,)."""
        return self.spacing / self.spacing.min()

    @property
    def voxel_in_cells(self) -> npt.NDArray[np.float64]:
        """Size of a voxel in cells, (3,)."""
        return np.asarray(self.cells) / np.asarray(self.head.shape)

    @property
    def keep(self) -> npt.NDArray[np.bool_]:
        """Which phases are meshed, (n_phases,)."""
        return np.array([name not in self.drop for name in self.head.phase_names])

    @property
    def band(self) -> int:
        """Half width of the band of a plane."""
        return BAND << self.mixed

    @property
    def zone(self) -> int:
        """Half width of the zone of a plane; zones of neighbouring planes share no tet."""
        thinnest = min(np.diff(self.planes).tolist())
        return min(ZONE << self.mixed, (thinnest - (2 << self.mixed)) // 2)

    @property
    def reach(self) -> int:
        """How far away a cell can lie that decides about a leaf."""
        chain = 8 * ((2 << self.mixed) - 2) if self.options.thin == "keep" else 0
        return chain + (1 << self.mixed) + (1 << self.top) + 2

    def crop(self, low: int, high: int) -> tuple[int, int]:
        """Return the layers of cells to take so that all leaves between two planes are as in the whole volume."""
        align = 2 << self.top
        low = max(0, (low - self.reach) // align * align)
        high = min(self.cells[2], -((-high - self.reach) // align) * align)
        return low, high

    def slab_crop(self, slab: int) -> tuple[int, int]:
        """Return the first layer of cells, and the one after the last, that a slab is made from."""
        beyond = max(self.band, 4 << self.top)
        return self.crop(self.planes[slab] - beyond, self.planes[slab + 1] + beyond)

    def seam_crop(self, seam: int) -> tuple[int, int]:
        """Return the layers of cells that the band around a plane is made from; seam 1 is the plane before slab 1."""
        beyond = self.zone + max(SMOOTH << self.mixed, 4 << self.top)
        return self.crop(self.planes[seam] - beyond, self.planes[seam] + beyond)

    def voxel_of(self, axis: int) -> npt.NDArray[np.int64]:
        """Return which voxel the centre of each cell along an axis lies in."""
        n, m = self.cells[axis], self.head.shape[axis]
        return (np.arange(n) * 2 + 1) * m // (2 * n)

    def voxel_layers(self, low: int, high: int) -> tuple[int, int]:
        """Return the voxel layers, from the first to the one after the last, that some layers of cells lie in."""
        voxels, cells = self.head.shape[2], self.cells[2]
        return low * voxels // cells, -(-high * voxels // cells)


def plan_slabs(
    head: VolumeHead,
    slabs: int,
    *,
    cell_size: float | str | None = None,
    drop: tuple[str, ...] = (),
    options: LatticeOptions | None = None,
) -> SlabPlan:
    """Cut a volume into slabs.

    Parameters
    ----------
    head : VolumeHead
        What will be meshed.
    slabs : int
        How many.
    cell_size, drop, options
        As for `ssb2mesh.mesh_volume`.

    Returns
    -------
    SlabPlan
        Slabs of nearly equal height.

    Raises
    ------
    InputError
        If an option is not possible in slabs, or there is not room for so many.

    Examples
    --------
    >>> plan_slabs(VolumeHead((8, 8, 90), (1e-6,) * 3, (0.0,) * 3, {0: "LPSCl"}), 3).planes
    (0, 30, 60, 90)
    """
    options = options or LatticeOptions()
    if isinstance(slabs, bool) or not isinstance(slabs, int) or slabs < 1:
        raise InputError(f"slabs: got {slabs!r}; give a whole number from 1")
    for name, given in (("grey", options.grey), ("size_field", options.sizes.by_field)):
        if given is not None and slabs > 1:
            raise InputError(
                f"slabs: got {slabs} with {name}, an array of the whole volume; mesh in one slab or leave {name} out"
            )
    # sizes and counts ask for nothing that a head has not
    volume = cast(LabelledVolume, head)
    counts, level = cell_counts(volume, cell_size, finest_size(options.sizes, volume))
    mixed, top = _levels(head, counts, level, options)
    plan = SlabPlan(head, options, drop, counts, level, (0, counts[2]), mixed, top)
    if slabs == 1:
        return plan
    leaf, nz = 1 << top, counts[2]
    planes = [round(s * nz / slabs / leaf) * leaf for s in range(slabs)] + [nz]
    least = max(2 * (plan.band + (2 << mixed)), 2 * leaf)
    if min(np.diff(planes).tolist()) < least:
        most = max(1, nz // (least + leaf))
        raise InputError(
            f"slabs: got {slabs} for {nz} cells along z; a slab needs {least} cells here, give at most {most}"
        )
    return SlabPlan(head, options, drop, counts, level, tuple(planes), mixed, top)


def _levels(head: VolumeHead, counts: tuple[int, int, int], level: int, options: LatticeOptions) -> tuple[int, int]:
    """Highest levels of leaves at interfaces and of all, whatever the voxels are."""
    names, volume = head.phase_names, cast(LabelledVolume, head)
    spacing = np.asarray(head.size) / np.asarray(counts)
    mixed, top = level, level
    if options.sizes.by_field is not None:
        return mixed, top + options.grade
    for first, second in combinations_with_replacement(range(len(names)), 2):
        # a row that holds the bulk of both phases and the interface between them
        row = np.repeat(np.array([first, second], np.int32), 3)[:, None, None]
        found = leaf_levels(
            CellGrid(row, names, spacing, head.box, row, level), options.sizes, volume, grade=options.grade
        )
        mixed, top = max(mixed, found.mixed), max(top, found.bulk)
    return mixed, max(mixed, top)
