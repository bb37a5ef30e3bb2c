"""The sizes of a mesh before it is made, from a quick pass over the cells. No costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ssb2mesh.budget.model import Sizes
from ssb2mesh.lattice.connectivity import count_tets
from ssb2mesh.lattice.faces import count_faces
from ssb2mesh.lattice.grid import CellGrid
from ssb2mesh.lattice.octree import Lattice
from ssb2mesh.mesh import TaggedMesh

__all__ = ["Counts", "MeshCounts", "Work", "count_mesh", "count_work"]


class Counts(Protocol):
    """Sizes, and vertices by phase."""

    @property
    def sizes(self) -> Sizes: ...  # noqa: D102
    def points_of(self, phases: Sequence[str]) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class Work:
    """The sizes of a mesh and of its phases.

    Parameters
    ----------
    sizes : Sizes
        Of the mesh.
    grid : CellGrid
        The cells.
    lattice : Lattice
        Its leaves and vertices.
    kept : tuple of str
        Phases that are not dropped.
    """

    sizes: Sizes
    grid: CellGrid
    lattice: Lattice
    kept: tuple[str, ...]

    def points_of(self, phases: Sequence[str]) -> int:
        """Return how many vertices some phases of the mesh have; exact.

        Examples
        --------
        >>> work.points_of(["NMC"])  # doctest: +SKIP
        4217
        """
        chosen = np.array([name in phases and name in self.kept for name in self.grid.names])
        return _points(self.lattice, chosen)


@dataclass(frozen=True)
class MeshCounts:
    """The sizes of a mesh that is there.

    Parameters
    ----------
    sizes : Sizes
        Of the mesh.
    mesh : TaggedMesh
        The mesh.
    """

    sizes: Sizes
    mesh: TaggedMesh

    def points_of(self, phases: Sequence[str]) -> int:
        """Return how many vertices some phases of the mesh have; exact."""
        tags = [tag for name, tag in self.mesh.cell_names.items() if name in phases]
        return len(np.unique(self.mesh.tets[np.isin(self.mesh.cell_tags, tags)]))


def count_mesh(mesh: TaggedMesh) -> MeshCounts:
    """Count a mesh.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.

    Returns
    -------
    MeshCounts
        Its tets count as those that were built; triangles of interfaces as half a square each.

    Examples
    --------
    >>> count_mesh(mesh).points_of(["NMC"])  # doctest: +SKIP
    4217
    """
    inner = [tag for name, tag in mesh.facet_names.items() if "|" in name]
    squares = int(np.count_nonzero(np.isin(mesh.facet_tags, inner))) // 2
    sizes = Sizes(built=mesh.n_tets, tets=mesh.n_tets, points=mesh.n_points, squares=squares)
    return MeshCounts(sizes, mesh)


def count_work(grid: CellGrid, lattice: Lattice, *, drop: Sequence[str] = (), smoothing: bool = True) -> Work:
    """Count what a mesh will have.

    Parameters
    ----------
    grid : CellGrid
        Phases of the cells.
    lattice : Lattice
        Leaves and vertices.
    drop : sequence of str
        Phases left out.
    smoothing : bool
        Whether interfaces are smoothed; else they cost nothing.

    Returns
    -------
    Work
        Tets and vertices are exact.

    Examples
    --------
    >>> count_work(grid, lattice).sizes.tets  # doctest: +SKIP
    12000
    """
    keep = np.array([name not in drop for name in grid.names])
    built = count_tets(lattice, np.ones_like(keep))
    sizes = Sizes(
        voxels=grid.voxels.size,
        cells=grid.phase.size,
        built=built,
        tets=count_tets(lattice, keep) if drop else built,
        points=_points(lattice, keep) if drop else len(lattice.corners) + len(lattice.anchors),
        squares=int(count_faces(lattice).sum()) if smoothing else 0,
    )
    return Work(sizes, grid, lattice, tuple(name for name in grid.names if name not in drop))


def _points(lattice: Lattice, keep: npt.NDArray[np.bool_]) -> int:
    """Vertices of the leaves of some phases: their centres, and the corners on their surfaces."""
    there = keep[lattice.phase]
    near = np.zeros(tuple(n + 1 for n in lattice.shape), bool)
    for i in (0, 1):
        for j in (0, 1):
            for k in (0, 1):
                near[tuple(slice(s, s + n) for s, n in zip((i, j, k), lattice.shape, strict=True))] |= there
    return int(np.count_nonzero(near[lattice.corner_of >= 0]) + np.count_nonzero(there[tuple(lattice.anchors.T)]))
