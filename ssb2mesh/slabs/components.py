"""The volumes that the pieces of components inside a slab ought to have. No positions.

Every slab gives its own cells the volume of their voxels, so the sum over the slabs is that of the whole. Components
that a plane cuts are taken together, phase by phase: what a cut-off cap lacks is not to be made good by the cap alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.volumes import lattice_components
from ssb2mesh.slabs.piece import Piece

__all__ = ["slab_components"]


def slab_components(piece: Piece, slab: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Return the components on both sides of each face of the interface, and the volume they ought to gain.

    Parameters
    ----------
    piece : Piece
        What the slab is made from.
    slab : int
        Which slab.

    Returns
    -------
    sides : (m, 2) int32 array
        Components below and above each face; all cells of other slabs are one component, the last.
    wanted : (n,) float array
        Volume to gain over the leaves, in cells; NaN for the cells of other slabs.

    Examples
    --------
    >>> slab_components(piece, 0)[1]  # doctest: +SKIP
    array([ 0.,  0., nan])
    """
    plan, grid, lattice = piece.plan, piece.grid, piece.lattice
    first, last = (plane - piece.low for plane in plan.planes[slab : slab + 2])
    if plan.slabs == 1:
        component, wanted = lattice_components(grid, lattice)
        return component.ravel()[piece.interface.cells], wanted
    own = np.ascontiguousarray(lattice.phase[:, :, first:last])
    if lattice.phase is grid.voxels:
        voxels = own
    else:
        layers = slice(plan.voxel_layer(first), plan.voxel_layer(last))
        voxels = np.ascontiguousarray(grid.voxels[:, :, layers])
    within = replace(grid, phase=grid.phase[:, :, first:last], voxels=voxels)
    component, wanted = lattice_components(within, replace(lattice, phase=own))
    number = _join_cut(component, own, len(wanted), (slab > 0, slab < plan.slabs - 1))
    n = int(number.max()) + 1
    everywhere = np.full(lattice.shape, n, np.int32)
    everywhere[:, :, first:last] = number[component]
    sums = np.bincount(number, weights=wanted, minlength=n)
    return everywhere.ravel()[piece.interface.cells], np.append(sums, np.nan)


def _join_cut(
    component: npt.NDArray[np.int32], phase: npt.NDArray[np.int32], n: int, cut: tuple[bool, bool]
) -> npt.NDArray[np.int32]:
    """New number of each component: one a phase for those at planes, one each for the others."""
    of_phase = np.full(n, -1, np.int64)
    for layer in (0,) * cut[0] + (-1,) * cut[1]:
        of_phase[component[:, :, layer]] = phase[:, :, layer]
    joined = np.where(of_phase >= 0, of_phase, np.arange(n) + int(phase.max()) + 1)
    return np.unique(joined, return_inverse=True)[1].astype(np.int32)
