"""What is said of a mesh that was never in one place: sums and extremes over its slabs, and whether they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.mesh import tet_volumes
from ssb2mesh.slabs.connected import Ends, count_joined, ends_of, pairs_on_plane
from ssb2mesh.slabs.keep import SlabMesh
from ssb2mesh.slabs.plan import SlabPlan

__all__ = ["PlaneSide", "SlabNumbers", "join_plane", "match_facets", "measure_slab", "sum_numbers"]

#: Bins of the smallest dihedral angle, 0.1 degrees each, from which percentiles are told.
FINE = 1800


@dataclass(frozen=True)
class SlabNumbers:
    """Numbers of one slab.

    Parameters
    ----------
    angles : three float
        Smallest and largest dihedral angle, degrees, and smallest mean ratio.
    nonpositive, overshared, overlapping : int
        Tets without positive volume; facets of more than two tets, and of two on the same side.
    histograms : (92,) int array
        See `ssb2mesh.check.quality.tet_measures`.
    fine : (1800,) int array
        Tets by their smallest dihedral angle.
    volumes : mapping of str to float
        By phase, m3.
    areas : mapping of str to float
        By facet set, m2.
    open_area : float
        Area of outer facets that are neither on the box, nor walls, nor between slabs, m2.
    bottom, top : (k,) int64 arrays
        Facets towards the slabs below and above that only one tet of this slab has, by the vertices that both name.
    walls : (w,) int64 array
        Facets of those above that are walls of a dropped phase.
    mesh_ends : Ends
        Components of its tets, and which of them the facets of `bottom` and `top` belong to.
    voxel_ends : Ends, optional
        Components of its voxels.
    """

    angles: tuple[float, float, float]
    nonpositive: int
    overshared: int
    overlapping: int
    histograms: npt.NDArray[np.int64]
    fine: npt.NDArray[np.int64]
    volumes: Mapping[str, float]
    areas: Mapping[str, float]
    open_area: float
    bottom: npt.NDArray[np.int64]
    top: npt.NDArray[np.int64]
    walls: npt.NDArray[np.int64]
    mesh_ends: Ends
    voxel_ends: Ends | None = None

    @property
    def upper(self) -> PlaneSide:
        """What the slab above needs to know."""
        voxels = self.voxel_ends.upper if self.voxel_ends is not None else None
        return PlaneSide(self.top, self.walls, self.mesh_ends.upper, voxels)

    @property
    def light(self) -> SlabNumbers:
        """The same without what lies on planes: its size does not grow with the slab."""
        none = np.empty(0, np.int64)
        voxels = self.voxel_ends.light if self.voxel_ends is not None else None
        return replace(self, bottom=none, top=none, walls=none, mesh_ends=self.mesh_ends.light, voxel_ends=voxels)


@dataclass(frozen=True)
class PlaneSide:
    """The upper end of a slab, for the one above it.

    Parameters
    ----------
    top, walls : int64 arrays
        As in `SlabNumbers`.
    mesh_ends, voxel_ends : Ends
        Without their lower ends.
    """

    top: npt.NDArray[np.int64]
    walls: npt.NDArray[np.int64]
    mesh_ends: Ends
    voxel_ends: Ends | None

    @property
    def nbytes(self) -> int:
        """Size of all arrays."""
        ends = [one for one in (self.mesh_ends, self.voxel_ends) if one is not None]
        return int(self.top.nbytes + self.walls.nbytes + sum(one.nbytes for one in ends))


def measure_slab(plan: SlabPlan, mesh: SlabMesh) -> SlabNumbers:
    """Measure one slab.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    mesh : SlabMesh
        The slab.

    Returns
    -------
    SlabNumbers
        Ready for `sum_numbers`.

    Examples
    --------
    >>> measure_slab(plan, slab).nonpositive  # doctest: +SKIP
    0
    """
    from ssb2mesh.check.quality import tet_measures
    from ssb2mesh.mesh.topology import mesh_topology

    points = np.concatenate([mesh.points, mesh.below[::-1]])
    tets = _local(mesh.tets, points)
    low, high, ratio, histograms = tet_measures(points, tets)
    fine = np.bincount(np.clip(low * 10, 0, FINE - 1).astype(np.int64), minlength=FINE)
    topology = mesh_topology(tets, mesh.tags)
    extremes = (float(low.min(initial=180)), float(high.max(initial=0)), float(ratio.min(initial=1)))
    sums = np.bincount(mesh.tags, weights=tet_volumes(points, tets), minlength=len(plan.head.phases) + 1)
    volumes = {name: float(sums[i + 1]) for i, name in enumerate(plan.head.phase_names) if plan.keep[i]}
    areas = {name: _area(points, _local(rows, points)) for name, rows in mesh.sets.items()}
    walls = [rows for name, rows in mesh.sets.items() if _is_wall(name, plan.drop)]
    rows = _local(np.concatenate([*walls, np.empty((0, 3), np.int32)]), points)
    owner = topology.component[topology.outer_tets]
    off, down, up, shut, *met = _fit(mesh, points, (topology.outer, owner), rows=rows, box=plan.head.box)
    ends = ends_of(topology.components - 1, *met, count=len(plan.keep))
    nonpositive = int(np.count_nonzero(ratio <= 0))
    found = (nonpositive, topology.overshared, topology.overlapping, histograms.sum(axis=0), fine)
    return SlabNumbers(extremes, *found, volumes, areas, off, down, up, shut, ends)


def _local(names: npt.NDArray[np.int32], points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Vertices of the slab below stand after its own, from the end backwards, as negative indices count."""
    return np.where(names < 0, names + np.int32(len(points)), names)


def _area(points: npt.NDArray[np.float64], triangles: npt.NDArray[np.int32]) -> float:
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return float(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())


def _is_wall(name: str, drop: Sequence[str]) -> bool:
    return "|" in name and bool(set(name.split("|")) & set(drop))


def _keys(triangles: npt.NDArray[np.integer], base: int) -> npt.NDArray[np.int64]:
    """A number a triangle, whatever the order of its corners; below 2 M vertices they cannot clash."""
    a, b, c = np.sort(triangles.astype(np.int64), axis=1).T
    return (a * base + b) * base + c if base < 1 << 21 else (a * 1_000_003 + b) * 998_244_353 + c


def _fit(
    mesh: SlabMesh,
    points: npt.NDArray[np.float64],
    facets: tuple[npt.NDArray[np.integer], npt.NDArray[np.int32]],
    *,
    rows: npt.NDArray[np.int32],
    box: npt.NDArray[np.float64],
) -> tuple[Any, ...]:
    """Area of outer facets that fit nothing; those that other slabs have to fit, and their components."""
    outer, owner = facets
    on_box = np.zeros(len(outer), np.bool_)
    for axis in range(3):
        for end in range(2):
            on_box |= (points[outer, axis] == box[end, axis]).all(axis=1)
    outer, owner = outer[~on_box], owner[~on_box]
    n = len(mesh.points)
    # numbers of the vertices that this slab and the one below, or above, both name; -1 for all others
    below, above = np.full(len(points), -1, np.int64), np.full(len(points), -1, np.int64)
    below[n:] = np.arange(len(points) - n)[::-1]
    above[mesh.shared] = np.arange(len(mesh.shared))
    at_bottom, at_top = ((where[outer] >= 0).all(axis=1) for where in (below, above))
    rest = outer[~at_bottom & ~at_top]
    rest = rest[~np.isin(_keys(rest, len(points)), _keys(rows, len(points)))]
    walls = above[rows[(above[rows] >= 0).all(axis=1)]]
    bottom = _keys(below[outer[at_bottom]], len(mesh.below))
    top, shut = (_keys(facets, len(mesh.shared)) for facets in (above[outer[at_top]], walls))
    up, down = np.argsort(top), np.argsort(bottom)
    off = _area(points, rest.astype(np.int32))
    return off, bottom[down], top[up], np.sort(shut), owner[at_bottom][down], owner[at_top][up]


def join_plane(below: PlaneSide, above: SlabNumbers) -> tuple[int, tuple[npt.NDArray[np.int32], ...]]:
    """Return how many facets between two slabs do not fit, and which components of the two are one.

    Parameters
    ----------
    below : PlaneSide
        Of the lower slab.
    above : SlabNumbers
        Of the upper one.

    Returns
    -------
    unmatched : int
        From `match_facets`.
    pairs : two (p, 2) int32 arrays
        Of the mesh and of the voxels, from `ssb2mesh.slabs.connected.pairs_on_plane`; none of voxels if they were not
        looked at.

    Examples
    --------
    >>> join_plane(lower.upper, upper)[0]  # doctest: +SKIP
    0
    """
    pairs = [pairs_on_plane(below.mesh_ends, above.mesh_ends, (below.top, above.bottom))]
    if below.voxel_ends is not None and above.voxel_ends is not None:
        pairs.append(pairs_on_plane(below.voxel_ends, above.voxel_ends))
    return match_facets(below.top, below.walls, above.bottom), tuple(pairs)


def match_facets(top: npt.NDArray[np.int64], walls: npt.NDArray[np.int64], bottom: npt.NDArray[np.int64]) -> int:
    """Return how many facets between two slabs only one of them has, walls of dropped phases apart.

    Examples
    --------
    >>> match_facets(np.array([1, 2, 3]), np.array([3]), np.array([2]))
    1
    """
    single = np.setxor1d(top, bottom)
    return int(np.count_nonzero(~np.isin(single, walls)))


def sum_numbers(
    plan: SlabPlan,
    numbers: Sequence[SlabNumbers],
    sizes: Sequence[tuple[int, int]],
    *,
    voxels: Mapping[str, int],
    unmatched: int,
    pairs: Sequence[tuple[npt.NDArray[np.int32], ...]] = (),
) -> dict[str, Any]:
    """Return the numbers of the whole mesh, by the names of `ssb2mesh.steps.summarise_mesh`.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    numbers : sequence of SlabNumbers
        Of all slabs, in order.
    sizes : sequence of two int
        Vertices and tets of each slab.
    voxels : mapping of str to int
        Voxels of each phase.
    unmatched : int
        Facets between slabs that fit nothing, see `match_facets`.
    pairs : sequence of tuple
        Components that are one, for each two neighbours; from `join_plane`.

    Returns
    -------
    dict
        JSON-able, with ``faults`` and ``notes``.

    Examples
    --------
    >>> sum_numbers(plan, numbers, sizes, voxels=voxels, unmatched=0)["faults"]  # doctest: +SKIP
    []
    """
    fine = np.sum([one.fine for one in numbers], axis=0)
    histograms = np.sum([one.histograms for one in numbers], axis=0).tolist()
    quality = {
        "min_dihedral_deg": min(one.angles[0] for one in numbers),
        "max_dihedral_deg": max(one.angles[1] for one in numbers),
        "min_mean_ratio": min(one.angles[2] for one in numbers),
        "nonpositive_tets": sum(one.nonpositive for one in numbers),
        "p1_dihedral_deg": float(np.searchsorted(np.cumsum(fine), 0.01 * fine.sum()) + 0.5) / 10,
        "dihedral_histogram": histograms[:36],
        "min_dihedral_histogram": histograms[36:72],
        "mean_ratio_histogram": histograms[72:],
    }
    conformity = {
        "facets_shared_by_more_than_two": sum(one.overshared for one in numbers),
        "overlapping_facets": sum(one.overlapping for one in numbers),
        "off_box_area": sum(one.open_area for one in numbers),
        "unmatched_facets_between_slabs": unmatched,
    }
    volumes = {name: sum(one.volumes[name] for one in numbers) for name in numbers[0].volumes}
    fidelity = _fidelity(plan, numbers, volumes, voxels=voxels, pairs=pairs)
    faults = _faults(quality, conformity)
    return {
        "tets": sum(tets for _, tets in sizes),
        "points": sum(points for points, _ in sizes),
        "slabs": plan.slabs,
        "planes": list(plan.planes),
        "quality": quality,
        "conformity": conformity,
        "fidelity": fidelity,
        "interfaces": _areas(plan, numbers),
        "phases": volumes,
        "slab_shares": _shares(plan, numbers, sizes),
        "faults": faults,
        "notes": _changed(fidelity),
        "ok": not faults,
    }


def _fidelity(
    plan: SlabPlan,
    numbers: Sequence[SlabNumbers],
    volumes: Mapping[str, float],
    *,
    voxels: Mapping[str, int],
    pairs: Sequence[tuple[npt.NDArray[np.int32], ...]],
) -> dict[str, dict[str, Any]]:
    """Volumes and components of the phases, those of the voxels beside those of the mesh."""
    voxel = float(np.prod(plan.head.spacing))
    counts = {"mesh_components": count_joined([one.mesh_ends for one in numbers], [each[0] for each in pairs])}
    ends = [one.voxel_ends for one in numbers if one.voxel_ends is not None]
    if len(ends) == len(numbers):
        counts = {"voxel_components": count_joined(ends, [each[1] for each in pairs]), **counts}
    place = {name: number for number, name in enumerate(plan.head.phase_names)}
    return {
        name: {
            "voxel_volume": voxels[name] * voxel,
            "mesh_volume": volume,
            "relative_error": volume / (voxels[name] * voxel) - 1,
            **{key: int(count[place[name]]) for key, count in counts.items()},
        }
        for name, volume in volumes.items()
    }


def _changed(fidelity: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Phases that have not as many components as their voxels."""
    return [
        f"{name}: {row['voxel_components']} components of the voxels, {row['mesh_components']} of the mesh"
        for name, row in fidelity.items()
        if row.get("voxel_components", row["mesh_components"]) != row["mesh_components"]
    ]


def _shares(plan: SlabPlan, numbers: Sequence[SlabNumbers], sizes: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """What each slab has of the mesh."""
    return [
        {
            "cells": list(plan.planes[slab : slab + 2]),
            "points": points,
            "tets": tets,
            "min_dihedral_deg": one.angles[0],
            "max_dihedral_deg": one.angles[1],
        }
        for slab, (one, (points, tets)) in enumerate(zip(numbers, sizes, strict=True))
    ]


def _areas(plan: SlabPlan, numbers: Sequence[SlabNumbers]) -> dict[str, float]:
    """Area of every set, whole sides included, in the order of the tags."""
    from ssb2mesh.slabs.join import SlabCounts, set_names

    sums: dict[str, float] = {}
    for one in numbers:
        for name, area in one.areas.items():
            sums[name] = sums.get(name, 0.0) + area
    counted = {name: 1 for name in sums}
    whole = {name.split("@")[1]: 1 for name in sums if "@" in name}
    sets, wholes = set_names(plan, [SlabCounts(0, 0, counted, whole)])
    ends = {side: sum(area for name, area in sums.items() if name.endswith(f"@{side}")) for side in wholes}
    return {name: sums[name] for name in sets} | ends


def _faults(quality: Mapping[str, Any], conformity: Mapping[str, Any]) -> list[str]:
    told = {
        "nonpositive_tets": "tets have no positive volume",
        "facets_shared_by_more_than_two": "facets belong to more than two tets",
        "overlapping_facets": "facets have both their tets on one side",
        "unmatched_facets_between_slabs": "facets between slabs fit no facet of the other slab",
        "off_box_area": "m2 of the outer surface lie neither on the box nor on a named wall",
    }
    found = {**quality, **conformity}
    faults = [f"{found[key]:g} {text}" for key, text in told.items() if found[key]]
    if quality["min_dihedral_deg"] < 5.0:
        faults.append(f"the smallest dihedral angle is {quality['min_dihedral_deg']:.2f} deg, below 5 deg")
    return faults
