"""From slabs to one mesh: global numbers and names. What is written to files is in `write`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.slabs.keep import SlabMesh
from ssb2mesh.slabs.plan import SlabPlan
from ssb2mesh.volume import BOX_SIDES

__all__ = ["SlabCounts", "count_slab", "global_numbers", "join_slabs", "set_names"]


@dataclass(frozen=True)
class SlabCounts:
    """Lengths of the arrays of a slab.

    Parameters
    ----------
    points, tets : int
        Own vertices and tets.
    sets : mapping of str to int
        Triangles of each interface and phase on a side.
    wholes : mapping of str to int
        Triangles of each whole side.
    """

    points: int
    tets: int
    sets: Mapping[str, int]
    wholes: Mapping[str, int]


def count_slab(mesh: SlabMesh) -> SlabCounts:
    """Return the lengths of the arrays of a slab.

    Examples
    --------
    >>> count_slab(slab).tets  # doctest: +SKIP
    12000
    """
    sets, wholes = ({name: len(rows) for name, rows in named.items()} for named in (mesh.sets, mesh.wholes))
    return SlabCounts(len(mesh.points), len(mesh.tets), sets, wholes)


def global_numbers(
    names: npt.NDArray[np.int32], starts: Sequence[int], slab: int, below: npt.NDArray[np.int32] | None
) -> npt.NDArray[np.int64]:
    """Return the numbers in the whole mesh of vertices as a slab names them.

    Parameters
    ----------
    names : int32 array
        See `ssb2mesh.slabs.keep.SlabMesh`.
    starts : sequence of int
        First number of each slab's vertices.
    slab : int
        Which slab.
    below : (s,) int32 array or None
        ``shared`` of the slab below.

    Returns
    -------
    int64 array
        Of the same shape.

    Examples
    --------
    >>> global_numbers(np.array([0, -1], np.int32), [0, 10], 1, np.array([7], np.int32)).tolist()
    [10, 7]
    """
    if slab == 0 or below is None:
        return names.astype(np.int64) + starts[slab]
    # own vertices, then those of the slab below from the end backwards, as negative indices count
    table = starts[slab - 1] + below.astype(np.int64)
    theirs = names < 0
    out = names.astype(np.int64) + starts[slab]
    out[theirs] = table[-1 - names[theirs]]
    return out


def set_names(plan: SlabPlan, counts: Iterable[SlabCounts]) -> tuple[list[str], list[str]]:
    """Return the names of all sets in the order of their tags: interfaces and phases on sides; then whole sides.

    Parameters
    ----------
    plan : SlabPlan
        For the order of the phases.
    counts : iterable of SlabCounts
        All slabs.

    Returns
    -------
    sets, wholes : lists of str
        Without empty ones.

    Examples
    --------
    >>> set_names(plan, counts)[1]  # doctest: +SKIP
    ['x_min', 'x_max', 'y_min', 'y_max', 'z_min', 'z_max']
    """
    found = {name for one in counts for name, rows in (one.sets | one.wholes).items() if rows}  # type: ignore[operator]
    parts = (f"{phase}@{side}" for side in BOX_SIDES for phase in plan.head.phase_names)
    sets = sorted(name for name in found if "|" in name) + [name for name in parts if name in found]
    return sets, [side for side in BOX_SIDES if side in found]


def join_slabs(plan: SlabPlan, slabs: Sequence[SlabMesh]) -> TaggedMesh:
    """Put all slabs together in memory.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    slabs : sequence of SlabMesh
        All of them, in order.

    Returns
    -------
    TaggedMesh
        With one slab the mesh of `ssb2mesh.mesh_volume`.

    Examples
    --------
    >>> join_slabs(plan, slabs).n_tets  # doctest: +SKIP
    12000
    """
    counts = [count_slab(slab) for slab in slabs]
    starts = np.concatenate([[0], np.cumsum([one.points for one in counts])]).tolist()

    def numbers(names: npt.NDArray[np.int32], s: int) -> npt.NDArray[np.int32]:
        return global_numbers(names, starts, s, slabs[s - 1].shared if s else None).astype(np.int32)

    sets, wholes = set_names(plan, counts)
    nothing = np.empty((0, 3), np.int32)
    rows = {
        name: np.concatenate([numbers(slab.sets.get(name, nothing), s) for s, slab in enumerate(slabs)])
        for name in sets
    }
    for side in wholes:
        rows[side] = np.concatenate([_whole(plan, slab, side, numbers, s) for s, slab in enumerate(slabs)])
    tags = np.repeat(np.arange(1, len(rows) + 1, dtype=np.int32), [len(part) for part in rows.values()])
    keep = plan.keep
    cell_names = {name: i + 1 for i, name in enumerate(plan.head.phase_names) if keep[i]}
    return TaggedMesh(
        np.concatenate([slab.points for slab in slabs]),
        np.concatenate([numbers(slab.tets, s) for s, slab in enumerate(slabs)]),
        np.concatenate([slab.tags for slab in slabs]),
        np.concatenate([*rows.values(), nothing]),
        tags,
        cell_names,
        {name: i + 1 for i, name in enumerate(rows)},
        plan.head.box,
    )


def _whole(plan: SlabPlan, slab: SlabMesh, side: str, numbers, s: int) -> npt.NDArray[np.int32]:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Triangles of a whole side of one slab in their order."""
    phase, row = slab.wholes.get(side, np.empty((0, 2), np.int32)).T
    out = np.empty((len(phase), 3), np.int32)
    for p in np.unique(phase):
        mine = phase == p
        out[mine] = numbers(slab.sets[f"{plan.head.phase_names[p]}@{side}"], s)[row[mine]]
    return out
