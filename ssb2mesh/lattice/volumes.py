"""Which piece of the voxels each piece of the lattice stands for, and the volume it ought to have. No positions."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.grid import CellGrid
from ssb2mesh.lattice.octree import Lattice
from ssb2mesh.volume.components import label_components

__all__ = ["lattice_components"]


def lattice_components(grid: CellGrid, lattice: Lattice) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Return the face-connected components of the lattice and how much volume each must gain.

    Parameters
    ----------
    grid : CellGrid
        Phases of cells and voxels.
    lattice : Lattice
        Its leaves.

    Returns
    -------
    component : (nx, ny, nz) int32 array
        Component of each cell.
    wanted_change : (n,) float array
        Voxel volume of the voxel components that it stands for, less its own, in cells. Where a component of the
        voxels is in no component of the lattice, those of its phase share its volume in proportion to theirs.
    """
    component, phases, sizes, _ = label_components(lattice.phase)
    if lattice.phase is grid.voxels:
        return component, np.zeros(len(sizes))
    of_voxel, voxel_phases, voxel_sizes, _ = label_components(grid.voxels)
    index = tuple(grid.voxel_of(axis) for axis in range(3))
    stands_for = _stands_for(component, lattice.phase, (of_voxel, grid.voxels), index, len(voxel_sizes))
    cells = voxel_sizes * float(np.prod(grid.voxel_in_cells))
    found = stands_for >= 0
    wanted = np.bincount(stands_for[found], weights=cells[found], minlength=len(sizes))
    # components that stand for nothing (found by merging across interfaces without care) keep their size
    wanted = np.where(wanted > 0, wanted, sizes)
    n = len(grid.names)
    total = np.bincount(voxel_phases, weights=cells, minlength=n)
    given = np.bincount(phases, weights=wanted, minlength=n)
    ratio = np.divide(total, given, out=np.ones(n), where=given > 0)
    change = wanted * ratio[phases] - sizes
    change[np.abs(change) < 1e-9 * sizes] = 0.0
    return component, change


@nb.njit(cache=True)
def _stands_for(component, phase, voxels, index, n):
    """Component of the lattice that most cells of each voxel component lie in, of those of its phase (a vote)."""
    of_voxel, voxel_phase = voxels
    ix, iy, iz = index
    out = np.full(n, -1, np.int32)
    votes = np.zeros(n, np.int64)
    for i in range(phase.shape[0]):
        for j in range(phase.shape[1]):
            for k in range(phase.shape[2]):
                a, b, c = ix[i], iy[j], iz[k]
                if voxel_phase[a, b, c] != phase[i, j, k]:
                    continue
                v = of_voxel[a, b, c]
                if out[v] == component[i, j, k]:
                    votes[v] += 1
                elif votes[v] == 0:
                    out[v] = component[i, j, k]
                    votes[v] = 1
                else:
                    votes[v] -= 1
    return out
