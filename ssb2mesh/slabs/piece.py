"""The lattice of some layers of cells, as if the volume ended there. No vertex moves here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.grid import CellGrid, compact_labels
from ssb2mesh.lattice.interface import Interface, find_interface
from ssb2mesh.lattice.octree import Lattice, make_lattice
from ssb2mesh.lattice.sizes import leaf_levels
from ssb2mesh.slabs.plan import SlabPlan
from ssb2mesh.slabs.source import SlabSource
from ssb2mesh.volume import LabelledVolume

__all__ = ["Piece", "Places", "find_vertices", "make_piece", "places_of"]


@dataclass(frozen=True)
class Piece:
    """Some layers of cells and their lattice.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    low : int
        First layer of cells; all else in the piece counts from there.
    grid : CellGrid
        Phases of its cells; the box is that of the whole volume.
    lattice : Lattice
        Leaves and vertex numbers.
    interface : Interface
        Of the same cells.
    """

    plan: SlabPlan
    low: int
    grid: CellGrid
    lattice: Lattice
    interface: Interface

    @property
    def heights(self) -> npt.NDArray[np.float64]:
        """Untouched z of every vertex in cells of the whole volume, (n,)."""
        return self.lattice.points()[:, 2] + self.low


@dataclass(frozen=True)
class Places:
    """Vertices of a lattice by their place in the whole volume, in cells.

    Parameters
    ----------
    corners : (c, 3) int32 array
        Lattice positions of corners.
    anchors : (l, 3) int32 array
        First cells of leaves, for their centres.
    """

    corners: npt.NDArray[np.int32]
    anchors: npt.NDArray[np.int32]


def make_piece(plan: SlabPlan, source: SlabSource, low: int, high: int) -> Piece:
    """Read some layers and build their lattice.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    source : SlabSource
        Its voxels.
    low, high : int
        First layer of cells, and the one after the last.

    Returns
    -------
    Piece
        Leaves nearer to a cut than `SlabPlan.reach` may differ from those of the whole volume.

    Examples
    --------
    >>> make_piece(plan, source, *plan.slab_crop(0))  # doctest: +SKIP
    """
    first, last = plan.voxel_layers(low, high)
    labels = source.read(first, last)
    voxels = np.ascontiguousarray(compact_labels(labels, np.fromiter(plan.head.phases, dtype=np.int64)))
    x, y, z = (plan.voxel_of(axis) for axis in range(3))
    phase = voxels if plan.cells == plan.head.shape else voxels[np.ix_(x, y, z[low:high] - first)]
    grid = CellGrid(phase, plan.head.phase_names, plan.spacing, plan.head.box, voxels, plan.level)
    options = plan.options
    volume = cast(LabelledVolume, plan.head)
    levels = leaf_levels(grid, options.sizes, volume, grade=options.grade, keep_thin=options.thin == "keep")
    lattice = make_lattice(grid.phase, levels)
    return Piece(plan, low, grid, lattice, find_interface(lattice))


def places_of(piece: Piece, vertices: npt.NDArray[np.integer]) -> Places:
    """Return where vertices of a piece lie in the whole volume; corners must come before centres.

    Parameters
    ----------
    piece : Piece
        The piece.
    vertices : (k,) int array
        Ascending.

    Returns
    -------
    Places
        Corners and centres.

    Examples
    --------
    >>> places_of(piece, np.arange(8)).anchors  # doctest: +SKIP
    """
    n = len(piece.lattice.corners)
    split = int(np.searchsorted(vertices, n))
    up = np.array([0, 0, piece.low], np.int32)
    return Places(piece.lattice.corners[vertices[:split]] + up, piece.lattice.anchors[vertices[split:] - n] + up)


def find_vertices(piece: Piece, places: Places) -> npt.NDArray[np.int32]:
    """Return the vertices of a piece at some places, corners before centres; -1 where there is none.

    Parameters
    ----------
    piece : Piece
        The piece.
    places : Places
        In the whole volume.

    Returns
    -------
    (k,) int32 array
        A vertex a place.

    Examples
    --------
    >>> find_vertices(piece, places_of(piece, np.arange(8)))  # doctest: +SKIP
    """
    lattice = piece.lattice
    found = []
    for table, where in ((lattice.corner_of, places.corners), (lattice.centre_of, places.anchors)):
        z = where[:, 2] - piece.low
        inside = (z >= 0) & (z < table.shape[2])
        number = np.full(len(where), -1, np.int32)
        number[inside] = table[where[inside, 0], where[inside, 1], z[inside]]
        found.append(number)
    return np.concatenate(found)
