"""A mesh against itself: dihedral angles, mean ratios, conformity. No comparison with voxels here."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.mesh import TaggedMesh, corner_keys
from ssb2mesh.topology import Topology, mesh_topology
from ssb2mesh.volume import BOX_SIDES, interface_name

__all__ = ["Conformity", "Quality", "mesh_conformity", "mesh_quality", "tet_measures"]

#: Bins of the dihedral histogram, degrees.
HISTOGRAM_EDGES = np.arange(0.0, 181.0, 5.0)


@dataclass(frozen=True)
class Quality:
    """Shapes of the tets of a mesh.

    Parameters
    ----------
    min_dihedral_deg, max_dihedral_deg : float
        Smallest and largest of all dihedral angles, degrees.
    p1_dihedral_deg : float
        The angle that the smallest dihedral angle of 1 % of the tets is below, degrees.
    min_mean_ratio : float
        Smallest mean ratio ``12 (3 V)^(2/3) / sum(l^2)``; 1 for a regular tet, 0 for a flat one.
    nonpositive_tets : int
        Tets without positive volume.
    dihedral_histogram : tuple of int
        Dihedral angles (six a tet) per 5 degrees from 0 to 180.
    worst_tets : tuple of int
        The ten tets with the smallest dihedral angles, worst first.
    """

    min_dihedral_deg: float
    p1_dihedral_deg: float
    max_dihedral_deg: float
    min_mean_ratio: float
    nonpositive_tets: int
    dihedral_histogram: tuple[int, ...]
    worst_tets: tuple[int, ...]


@dataclass(frozen=True)
class Conformity:
    """Whether the tets fit each other, the box and the facet sets.

    Parameters
    ----------
    facets_shared_by_more_than_two : int
        Must be 0.
    off_box_area : float
        Area of outer facets that neither lie exactly in a side of the box nor belong to a wall of a dropped phase, m2.
    untagged_interface_facets : int
        Facets between two phases, or outer facets, that no facet set of the right name holds.
    misplaced_facets : int
        Rows of interface or side sets that are no such facet.
    """

    facets_shared_by_more_than_two: int
    off_box_area: float
    untagged_interface_facets: int
    misplaced_facets: int


def mesh_quality(mesh: TaggedMesh) -> Quality:
    """Measure the shapes of all tets.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh.

    Returns
    -------
    Quality
        All figures over all tets.

    References
    ----------
    Mean ratio: Liu and Joe, 10.1007/BF01955874.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[0., 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> none = np.empty((0, 3), int)
    >>> corner = TaggedMesh(points, np.array([[0, 1, 2, 3]]), np.array([1]), none, none[:, 0], {"a": 1}, {})
    >>> round(mesh_quality(corner).min_dihedral_deg, 4), round(mesh_quality(corner).max_dihedral_deg, 4)
    (54.7356, 90.0)
    """
    if not mesh.n_tets:
        return Quality(0.0, 0.0, 0.0, 0.0, 0, (0,) * (len(HISTOGRAM_EDGES) - 1), ())
    low, high, ratio, histograms = tet_measures(mesh.points, mesh.tets)
    bad = int((ratio <= 0).sum())
    worst = np.argpartition(low, min(10, len(low) - 1))[:10]
    worst = worst[np.argsort(low[worst], kind="stable")]
    return Quality(
        min_dihedral_deg=float(low.min()),
        p1_dihedral_deg=float(np.percentile(low, 1)),
        max_dihedral_deg=float(high.max()),
        min_mean_ratio=float(ratio.min()),
        nonpositive_tets=bad,
        dihedral_histogram=tuple(histograms.sum(axis=0).tolist()),
        worst_tets=tuple(worst.tolist()),
    )


def mesh_conformity(mesh: TaggedMesh, topology: Topology | None = None) -> Conformity:
    """Check that the mesh is conforming, fits its box, and that its facet sets are what their names say.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh.
    topology : Topology, optional
        If it is known already.

    Returns
    -------
    Conformity
        All zero for a sound mesh.
    """
    topology = topology or mesh_topology(mesh.tets, mesh.cell_tags)
    phase_of = {tag: name for name, tag in mesh.cell_names.items()}
    sides = {name: t for name, t in mesh.facet_names.items() if "|" in name or "@" in name}
    named = np.isin(mesh.facet_tags, list(sides.values()))
    rows, row_tags = corner_keys(mesh.facets[named]), mesh.facet_tags[named]
    order = np.argsort(rows, kind="stable")
    rows, row_tags = rows[order], row_tags[order]
    used = np.zeros(len(rows), dtype=bool)

    tags = mesh.cell_tags[topology.between_tets]
    pair_tags = np.array(
        [sides.get(interface_name(phase_of[int(a)], phase_of[int(b)]), -1) for a, b in np.unique(tags, axis=0)] or [-1]
    )
    between = pair_tags[np.unique(tags, axis=0, return_inverse=True)[1].ravel()] if len(tags) else np.empty(0, int)
    missing = _look_up(topology.between, between, (rows, row_tags, used))

    on_side = _side_of(mesh, topology.outer)
    outer_phase = mesh.cell_tags[topology.outer_tets]
    table = np.full((6, max([0, *phase_of]) + 1), -1)
    for tag, name in phase_of.items():
        for s, side in enumerate(BOX_SIDES):
            table[s, tag] = sides.get(f"{name}@{side}", -1)
    boxed = on_side >= 0
    missing += _look_up(topology.outer[boxed], table[on_side[boxed], outer_phase[boxed]], (rows, row_tags, used))
    walls = _wall_tags(topology.outer[~boxed], rows, row_tags, used)
    off = topology.outer[~boxed][walls < 0]
    a, b, c = (mesh.points[off[:, i]] for i in range(3))
    area = float(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())
    return Conformity(topology.overshared, area, int(missing), int((~used).sum()))


def _look_up(
    triangles: npt.NDArray[np.integer],
    tags: npt.NDArray[np.integer],
    table: tuple[npt.NDArray[np.void], npt.NDArray[np.int32], npt.NDArray[np.bool_]],
) -> int:
    """Mark the rows that hold these triangles under these tags as used; count the triangles that have none."""
    found = _wall_tags(triangles, *table, wanted=tags)
    return int((found < 0).sum())


def _wall_tags(
    triangles: npt.NDArray[np.integer],
    rows: npt.NDArray[np.void],
    row_tags: npt.NDArray[np.int32],
    used: npt.NDArray[np.bool_],
    *,
    wanted: npt.NDArray[np.integer] | None = None,
) -> npt.NDArray[np.int64]:
    """Tag of the row of each triangle (of the wanted tag, if given), -1 where there is none; marks the rows as used."""
    keys = corner_keys(triangles)
    at = np.searchsorted(rows, keys)
    out = np.full(len(keys), -1, np.int64)
    # a triangle has as many rows as it has sets; with interfaces and "phase@side" only, one or two are the rule
    for _ in range(8):
        inside = at < len(rows)
        hit = np.zeros(len(keys), dtype=bool)
        hit[inside] = rows[at[inside]] == keys[inside]
        if not hit.any():
            break
        right = hit.copy()
        if wanted is not None:
            right[hit] = row_tags[at[hit]] == wanted[hit]
        out[right] = row_tags[at[right]]
        used[at[right]] = True
        at = at + 1
    return out


def _side_of(mesh: TaggedMesh, triangles: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Side of the box that each triangle lies in, exactly, -1 for none."""
    assert mesh.box is not None
    side = np.full(len(triangles), -1)
    for s in range(6):
        axis, upper = divmod(s, 2)
        side[(mesh.points[triangles, axis] == mesh.box[upper, axis]).all(axis=1)] = s
    return side


@nb.njit(cache=True, parallel=True)
def tet_measures(
    points: npt.NDArray[np.float64], tets: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return smallest and largest dihedral angle (degrees) and mean ratio of each tet, and histograms of angles to add.

    A tet without positive volume has mean ratio <= 0.
    """
    m = len(tets)
    low = np.empty(m, np.float32)
    high = np.empty(m, np.float32)
    ratio = np.empty(m, np.float32)
    # bins are found by comparing cosines: an arc cosine per angle would take most of the time
    edges = np.cos(np.radians(np.arange(5.0, 180.0, 5.0)))
    parts = 64
    histograms = np.zeros((parts, 36), np.int64)
    for part in nb.prange(parts):
        cosine = np.empty(6)
        for t in range(part * m // parts, (part + 1) * m // parts):
            ratio[t] = _cosines(points, tets[t], cosine)
            low[t] = np.degrees(np.arccos(cosine.max()))
            high[t] = np.degrees(np.arccos(cosine.min()))
            for c in cosine:
                b = 0
                while b < 35 and c <= edges[b]:
                    b += 1
                histograms[part, b] += 1
    return low, high, ratio, histograms


@nb.njit(cache=True)
def _cosines(points, tet, cosine):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Cosines of the six dihedral angles of a tet; returns its mean ratio, negative if it is inverted."""
    normal = np.empty((4, 3))
    o, a, b, c = points[tet[0]], points[tet[1]], points[tet[2]], points[tet[3]]
    lengths = volume = 0.0
    for e in range(3):
        f, g = (e + 1) % 3, (e + 2) % 3
        af, ag, bf, bg, cf, cg = a[f] - o[f], a[g] - o[g], b[f] - o[f], b[g] - o[g], c[f] - o[f], c[g] - o[g]
        normal[3, e] = ag * bf - af * bg
        normal[1, e] = bg * cf - bf * cg
        normal[2, e] = cg * af - cf * ag
        normal[0, e] = -(normal[1, e] + normal[2, e] + normal[3, e])
        volume -= normal[3, e] * (c[e] - o[e]) / 6.0
        lengths += (a[e] - o[e]) ** 2 + (b[e] - o[e]) ** 2 + (c[e] - o[e]) ** 2
        lengths += (a[e] - b[e]) ** 2 + (b[e] - c[e]) ** 2 + (c[e] - a[e]) ** 2
    n = 0
    for p in range(4):
        for q in range(p):
            dot = pp = qq = 0.0
            for e in range(3):
                dot += normal[p, e] * normal[q, e]
                pp += normal[p, e] ** 2
                qq += normal[q, e] ** 2
            size = np.sqrt(pp * qq)
            cosine[n] = min(max(-dot / size, -1.0), 1.0) if size > 0 else 1.0
            n += 1
    if lengths == 0.0:
        return 0.0
    size = 12.0 * (3.0 * abs(volume)) ** (2.0 / 3.0) / lengths
    return size if volume > 0 else -size
