"""How many components the voxels and the mesh have, counted slab by slab and joined over the planes. No geometry.

Each slab counts those of its components that touch no other slab. The others are numbered, and neighbours tell which
of them meet on their plane: only these numbers go to the first process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ssb2mesh.lattice.grid import compact_labels
from ssb2mesh.slabs.plan import SlabPlan
from ssb2mesh.slabs.source import SlabSource
from ssb2mesh.volume.components import label_components

__all__ = ["Ends", "count_joined", "ends_of", "own_layers", "pairs_on_plane", "voxel_ends"]


@dataclass(frozen=True)
class Ends:
    """The components of one slab.

    Parameters
    ----------
    closed : (n_phases,) int64 array
        Those that touch no other slab, by phase.
    phases : (k,) int32 array
        Phase of each of the others.
    bottom, top : (b,) and (t,) int32 arrays
        Which of these each facet, or voxel, on the plane below and above belongs to.
    """

    closed: npt.NDArray[np.int64]
    phases: npt.NDArray[np.int32]
    bottom: npt.NDArray[np.int32]
    top: npt.NDArray[np.int32]

    @property
    def upper(self) -> Ends:
        """The same without its lower end."""
        return replace(self, bottom=self.bottom[:0])

    @property
    def light(self) -> Ends:
        """The same without both ends."""
        return replace(self, bottom=self.bottom[:0], top=self.top[:0])

    @property
    def nbytes(self) -> int:
        """Size of all arrays."""
        return int(self.closed.nbytes + self.phases.nbytes + self.bottom.nbytes + self.top.nbytes)


def ends_of(
    phases: npt.NDArray[np.integer], bottom: npt.NDArray[np.integer], top: npt.NDArray[np.integer], *, count: int
) -> Ends:
    """Return the components of a slab from those that are met on its planes.

    Parameters
    ----------
    phases : (c,) int array
        Phase of each component.
    bottom, top : int arrays
        Component of each facet or voxel on the planes.
    count : int
        Number of phases.

    Returns
    -------
    Ends
        Components that are on no plane are only counted.

    Examples
    --------
    >>> found = ends_of(np.array([0, 1, 1]), np.array([1, 1]), np.array([], int), count=2)
    >>> found.closed.tolist(), found.phases.tolist(), found.bottom.tolist()
    ([1, 1], [1], [0, 0])
    """
    met = np.zeros(len(phases), np.bool_)
    met[bottom] = True
    met[top] = True
    number = (np.cumsum(met) - 1).astype(np.int32)
    closed = np.bincount(phases[~met], minlength=count).astype(np.int64)
    return Ends(closed, phases[met].astype(np.int32), number[bottom], number[top])


def own_layers(plan: SlabPlan, slab: int) -> tuple[int, int]:
    """Return the voxel layers that are counted for a slab: from the first to the one after the last.

    Examples
    --------
    >>> from ssb2mesh.slabs.plan import plan_slabs
    >>> from ssb2mesh.volume.head import VolumeHead
    >>> own_layers(plan_slabs(VolumeHead((8, 8, 90), (1e-6,) * 3, (0.0,) * 3, {0: "LPSCl"}), 3), 1)
    (30, 60)
    """
    voxels, cells = plan.head.shape[2], plan.cells[2]
    low, high = (plane * voxels // cells for plane in plan.planes[slab : slab + 2])
    return low, high


def voxel_ends(plan: SlabPlan, source: SlabSource, slab: int) -> Ends:
    """Return the components of the voxels of a slab.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    source : SlabSource
        The voxels; those of the slab are read.
    slab : int
        Which slab.

    Returns
    -------
    Ends
        Of all phases, those that are not meshed too.

    Examples
    --------
    >>> voxel_ends(plan, source, 0).closed  # doctest: +SKIP
    array([12,  3])
    """
    labels = source.read(*own_layers(plan, slab))
    voxels = compact_labels(labels, np.fromiter(plan.head.phases, dtype=np.int64))
    of_voxel, phases, _, _ = label_components(np.ascontiguousarray(voxels))
    none = of_voxel[:, :, :0].ravel()
    bottom = of_voxel[:, :, 0].ravel() if slab > 0 else none
    top = of_voxel[:, :, -1].ravel() if slab < plan.slabs - 1 else none
    return ends_of(phases, bottom, top, count=len(plan.keep))


def pairs_on_plane(
    below: Ends, above: Ends, keys: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None
) -> npt.NDArray[np.int32]:
    """Return which components of two neighbouring slabs are one.

    Parameters
    ----------
    below, above : Ends
        Of the two slabs.
    keys : two int64 arrays, optional
        Sorted numbers of the facets above the lower slab and below the upper one; equal ones are the same facet.
        Without them the two lists have the same order.

    Returns
    -------
    (p, 2) int32 array
        A component of either, each pair once.

    Examples
    --------
    >>> one, nothing = np.zeros(1, np.int32), np.zeros(0, np.int32)
    >>> pairs_on_plane(Ends(one, one, nothing, one), Ends(one, one, one, nothing)).tolist()
    [[0, 0]]
    """
    lower, upper = below.top, above.bottom
    if keys is not None:
        _, first, second = np.intersect1d(*keys, return_indices=True)
        lower, upper = lower[first], upper[second]
    same = below.phases[lower] == above.phases[upper]
    pairs = np.stack([lower[same], upper[same]], axis=1)
    return np.unique(pairs, axis=0)


def count_joined(ends: Sequence[Ends], pairs: Sequence[npt.NDArray[np.int32]]) -> npt.NDArray[np.int64]:
    """Return the number of components of each phase.

    Parameters
    ----------
    ends : sequence of Ends
        Of all slabs, in order; what lies on the planes is not needed.
    pairs : sequence of (p, 2) int32 array
        From `pairs_on_plane`, one for each two neighbours.

    Returns
    -------
    (n_phases,) int64 array
        Components.

    Examples
    --------
    >>> one, nothing = np.array([1], np.int32), np.zeros(0, np.int32)
    >>> slab = Ends(np.array([2, 0]), one, nothing, nothing)
    >>> count_joined([slab, slab], [np.array([[0, 0]], np.int32)]).tolist()
    [4, 1]
    """
    starts = np.concatenate([[0], np.cumsum([len(one.phases) for one in ends])])
    joined = np.concatenate([np.empty((0, 2), np.int64), *(each + starts[s : s + 2] for s, each in enumerate(pairs))]).T
    n = int(starts[-1])
    links = coo_array((np.ones(joined.shape[1], np.int8), (joined[0], joined[1])), shape=(n, n))
    number, group = connected_components(links, directed=False)
    phase = np.zeros(number, np.int64)
    phase[group] = np.concatenate([one.phases for one in ends])
    closed = np.sum([one.closed for one in ends], axis=0)
    return np.asarray(closed + np.bincount(phase, minlength=len(closed)), np.int64)
