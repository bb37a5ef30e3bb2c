"""Names and tags of the lattice mesh: phases, interfaces, sides of the box. No geometry is changed."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.faces import BoxTriangles
from ssb2mesh.lattice.grid import CellGrid
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.volume import BOX_SIDES, interface_name

__all__ = ["interface_sets", "side_sets", "tag_mesh"]


def tag_mesh(
    grid: CellGrid,
    tets: npt.NDArray[np.int32],
    tags: npt.NDArray[np.int32],
    *,
    points: npt.NDArray[np.float64],
    walls: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
    box: BoxTriangles,
    keep: npt.NDArray[np.bool_],
) -> TaggedMesh:
    """Assemble the tagged mesh.

    Parameters
    ----------
    grid : CellGrid
        Phases and names.
    tets, tags : int arrays
        Tets and the phase index of each.
    points : (n, 3) float array
        All lattice vertices, m; those that no tet uses are dropped here.
    walls : (m, 2) int32 array, (m, 3) int32 array
        Phase below and above each interface triangle, and its corners.
    box : BoxTriangles
        Triangles on the sides.
    keep : (n_phases,) bool array
        Phases that are meshed.

    Returns
    -------
    TaggedMesh
        Cell tags from 1 in the order of the labels; facet tags from 1: interfaces, phases on sides, sides.
    """
    sets: dict[str, npt.NDArray[np.int32]] = {}
    sets |= interface_sets(grid, walls, keep)
    sets |= side_sets(grid, box, keep)
    facets = np.concatenate([*sets.values(), np.empty((0, 3), np.int32)])
    sizes = [len(rows) for rows in sets.values()]
    facet_tags = np.repeat(np.arange(1, len(sets) + 1, dtype=np.int32), sizes)
    cell_names = {name: i + 1 for i, name in enumerate(grid.names) if keep[i]}
    points, tets, facets = _drop_unused(points, tets, facets)
    names = {name: i + 1 for i, name in enumerate(sets)}
    tags += 1
    return TaggedMesh(points, tets, tags, facets, facet_tags, cell_names, names, grid.box)


def interface_sets(
    grid: CellGrid, walls: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]], keep: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.int32]]:
    """Triangles of each interface by name, in the order of the names, oriented from the first phase to the second."""
    sides, triangles = walls
    if not len(sides):
        return {}
    alphabetical = np.argsort(np.argsort(np.asarray(grid.names, dtype=object)))
    below, above = sides[:, 0], sides[:, 1]
    wanted = keep[below] | keep[above]
    flip = alphabetical[below] > alphabetical[above]
    n = len(grid.names)
    pair = np.where(flip, above.astype(np.int64) * n + below, below.astype(np.int64) * n + above)
    triangles[flip] = triangles[flip][:, [0, 2, 1]]
    # numbers of the pairs that occur, small enough to be sorted by counting
    codes = np.flatnonzero(np.bincount(pair[wanted], minlength=1))
    place = np.full(n * n, len(codes), np.int16 if len(codes) < 1 << 15 else np.int32)
    place[codes] = np.arange(len(codes))
    index = place[pair]
    order = np.argsort(index, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=len(codes)))])
    named = {}
    for p, code in enumerate(codes):
        name = interface_name(grid.names[code // n], grid.names[code % n])
        named[name] = triangles[order[ends[p] : ends[p + 1]]]
    return dict(sorted(named.items()))


def side_sets(grid: CellGrid, box: BoxTriangles, keep: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[np.int32]]:
    """Triangles of each phase on each side, then of each whole side, by name."""
    parts: dict[str, npt.NDArray[np.int32]] = {}
    whole: dict[str, npt.NDArray[np.int32]] = {}
    for s, side in enumerate(BOX_SIDES):
        rows = np.flatnonzero((box.sides == s) & keep[box.phases])
        for p in np.unique(box.phases[rows]):
            parts[f"{grid.names[p]}@{side}"] = box.corners[rows[box.phases[rows] == p]]
        if len(rows):
            whole[side] = box.corners[rows]
    return parts | whole


def _drop_unused(
    points: npt.NDArray[np.float64], tets: npt.NDArray[np.int32], facets: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    used = _used(tets, len(points))
    if used.all():
        return points, tets, facets
    index = (np.cumsum(used) - 1).astype(np.int32)
    return points[used], index[tets], index[facets]


@nb.njit(cache=True, parallel=True)
def _used(tets, n):
    used = np.zeros(n, np.bool_)
    for t in nb.prange(len(tets)):
        for c in range(4):
            used[tets[t, c]] = True
    return used
