"""A mesh against itself: dihedral angles, mean ratios, the worst tets. No comparison with voxels here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.check.conformity import Conformity, mesh_conformity
from ssb2mesh.check.percentiles import group_percentiles
from ssb2mesh.mesh import TET_SIDES, TaggedMesh, corner_keys
from ssb2mesh.volume import BOX_SIDES

__all__ = ["Conformity", "PhaseQuality", "Quality", "WorstTet", "mesh_conformity", "mesh_quality", "tet_measures"]

#: Bins of the histograms of angles, degrees, and of mean ratios.
HISTOGRAM_EDGES = np.arange(0.0, 181.0, 5.0)
RATIO_EDGES = np.linspace(0.0, 1.0, 21)
# bins of angles are found by their cosines, an arc cosine per angle would take most of the time: the bin where the
# search begins, for 513 cosines from 1 to -1
_COSINES = np.cos(np.radians(HISTOGRAM_EDGES[1:-1]))
_FIRST = (np.linspace(1.0, -1.0, 513)[:, None] <= _COSINES).sum(axis=1)
#: Percentiles told of every measure.
PERCENTILES = (0.1, 1.0, 5.0, 50.0)


@dataclass(frozen=True)
class WorstTet:
    """One of the worst tets of a mesh.

    Parameters
    ----------
    tet : int
        Its row.
    phase : str
        Its phase.
    min_dihedral_deg, max_dihedral_deg, mean_ratio : float
        Its shape.
    position : three float
        Its centroid, m.
    voxel : three int, optional
        The voxel there; None if no voxel size is given.
    facet_sets : tuple of str
        Interfaces and phases on sides that hold one of its facets.
    touches : bool
        Whether one of its corners lies on an interface or side.
    """

    tet: int
    phase: str
    min_dihedral_deg: float
    max_dihedral_deg: float
    mean_ratio: float
    position: tuple[float, float, float]
    voxel: tuple[int, int, int] | None
    facet_sets: tuple[str, ...]
    touches: bool


@dataclass(frozen=True)
class PhaseQuality:
    """Shapes of the tets of one phase.

    Parameters
    ----------
    tets : int
        Number.
    min_dihedral_deg, max_dihedral_deg : float
        Smallest and largest dihedral angle, degrees.
    dihedral_percentiles_deg : dict of str to float
        Percentiles 0.1, 1, 5 and 50 of the smallest dihedral angle of a tet, degrees.
    min_mean_ratio : float
        Smallest mean ratio.
    mean_ratio_percentiles : dict of str to float
        Its percentiles.
    """

    tets: int
    min_dihedral_deg: float
    max_dihedral_deg: float
    dihedral_percentiles_deg: Mapping[str, float]
    min_mean_ratio: float
    mean_ratio_percentiles: Mapping[str, float]


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
        The tets with the worst dihedral angles, worst first: smallest of the angles and of what they lack to 180.
    min_dihedral_histogram : tuple of int
        Tets by their smallest dihedral angle, per 5 degrees from 0 to 180.
    mean_ratio_histogram : tuple of int
        Tets by their mean ratio, per 0.05 from 0 to 1; those without positive volume are in the first bin.
    dihedral_percentiles_deg, mean_ratio_percentiles : dict of str to float
        Percentiles 0.1, 1, 5 and 50, as in `PhaseQuality`.
    phases : dict of str to PhaseQuality
        By phase.
    worst : tuple of WorstTet
        The same tets as `worst_tets`, described.
    """

    min_dihedral_deg: float
    p1_dihedral_deg: float
    max_dihedral_deg: float
    min_mean_ratio: float
    nonpositive_tets: int
    dihedral_histogram: tuple[int, ...]
    worst_tets: tuple[int, ...]
    min_dihedral_histogram: tuple[int, ...] = ()
    mean_ratio_histogram: tuple[int, ...] = ()
    dihedral_percentiles_deg: Mapping[str, float] = field(default_factory=dict)
    mean_ratio_percentiles: Mapping[str, float] = field(default_factory=dict)
    phases: Mapping[str, PhaseQuality] = field(default_factory=dict)
    worst: tuple[WorstTet, ...] = ()


def mesh_quality(mesh: TaggedMesh, *, worst: int = 10, spacing: Sequence[float] | None = None) -> Quality:
    """Measure the shapes of all tets.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh.
    worst : int
        How many of the worst tets to locate.
    spacing : three float, optional
        Voxel size, m, to tell the voxels of the worst tets.

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
    angle_bins, ratio_bins = len(HISTOGRAM_EDGES) - 1, len(RATIO_EDGES) - 1
    if not mesh.n_tets:
        return Quality(0.0, 0.0, 0.0, 0.0, 0, (0,) * angle_bins, (), (0,) * angle_bins, (0,) * ratio_bins)
    low, high, ratio, histograms = tet_measures(mesh.points, mesh.tets)
    counts = histograms.sum(axis=0)
    phases, whole = _by_phase(mesh, low, high, ratio=ratio)
    shape = np.minimum(low, 180.0 - high)
    limit = np.partition(shape, min(worst, len(shape) - 1))[min(worst, len(shape) - 1)]
    picked = np.flatnonzero(shape <= limit)
    picked = picked[np.argsort(shape[picked], kind="stable")][:worst]
    return Quality(
        whole.min_dihedral_deg,
        whole.dihedral_percentiles_deg["1"],
        whole.max_dihedral_deg,
        whole.min_mean_ratio,
        int((ratio <= 0).sum()),
        tuple(counts[:angle_bins].tolist()),
        tuple(picked.tolist()),
        tuple(counts[angle_bins : 2 * angle_bins].tolist()),
        tuple(counts[2 * angle_bins :].tolist()),
        whole.dihedral_percentiles_deg,
        whole.mean_ratio_percentiles,
        phases,
        _describe(mesh, picked, (low, high, ratio), spacing=spacing),
    )


def _by_phase(
    mesh: TaggedMesh, low: npt.NDArray[np.float32], high: npt.NDArray[np.float32], *, ratio: npt.NDArray[np.float32]
) -> tuple[dict[str, PhaseQuality], PhaseQuality]:
    """Figures of each phase that has tets, and of all tets."""
    names = list(mesh.cell_names)
    place = np.zeros(max([0, *mesh.cell_names.values()]) + 1, np.int32)
    place[list(mesh.cell_names.values())] = np.arange(len(names))
    groups = place[mesh.cell_tags]
    counts = np.bincount(groups, minlength=len(names))
    ends = np.empty((3, len(names)))
    ends[0], ends[1], ends[2] = np.inf, -np.inf, np.inf
    _extremes(groups, low, high, ratio, ends)
    keys = [f"{q:g}" for q in PERCENTILES]
    angles, ratios = (group_percentiles(values, groups, len(names), PERCENTILES) for values in (low, ratio))

    def made(g: int, number: int, least: float, most: float, flattest: float) -> PhaseQuality:
        shares = [dict(zip(keys, rows[g].tolist(), strict=True)) for rows in (angles, ratios)]
        return PhaseQuality(number, least, most, shares[0], flattest, shares[1])

    phases = {name: made(g, int(counts[g]), *ends[:, g].tolist()) for g, name in enumerate(names) if counts[g]}
    whole = made(-1, mesh.n_tets, float(ends[0].min()), float(ends[1].max()), float(ends[2].min()))
    return phases, whole


def _describe(
    mesh: TaggedMesh, picked: npt.NDArray[np.intp], measures: tuple[npt.NDArray[np.float32], ...],
    *, spacing: Sequence[float] | None,
) -> tuple[WorstTet, ...]:  # fmt: skip
    """Say where the worst tets are; only facets with all corners in one of them are looked at."""
    assert mesh.box is not None
    tets = mesh.tets[picked]
    of_tets, on_sets = np.zeros(mesh.n_points, dtype=bool), np.zeros(mesh.n_points, dtype=bool)
    of_tets[tets.ravel()] = True
    on_sets[mesh.facets.ravel()] = True
    rows = np.flatnonzero(of_tets[mesh.facets].all(axis=1))
    keys = corner_keys(mesh.facets[rows])
    names = {tag: name for name, tag in mesh.facet_names.items() if name not in BOX_SIDES}
    phases = {tag: name for name, tag in mesh.cell_names.items()}
    made = []
    for t, corners in zip(picked.tolist(), tets, strict=True):
        centre = mesh.points[corners].mean(axis=0)
        voxel = None
        if spacing is not None:
            i, j, k = np.floor((centre - mesh.box[0]) / np.asarray(spacing)).astype(int).tolist()
            voxel = (i, j, k)
        mine = np.isin(keys, corner_keys(corners[TET_SIDES]))
        sets = sorted({names[tag] for tag in mesh.facet_tags[rows[mine]].tolist() if tag in names})
        x, y, z = centre.tolist()
        low, high, ratio = (float(values[t]) for values in measures)
        touching = bool(on_sets[corners].any())
        phase = phases[int(mesh.cell_tags[t])]
        made.append(WorstTet(t, phase, low, high, ratio, (x, y, z), voxel, tuple(sets), touching))
    return tuple(made)


@nb.njit(cache=True)
def _extremes(groups, low, high, ratio, ends):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Smallest of `low`, largest of `high`, smallest of `ratio` of each group."""
    for t in range(len(groups)):
        g = groups[t]
        ends[0, g], ends[1, g], ends[2, g] = (
            min(ends[0, g], low[t]),
            max(ends[1, g], high[t]),
            min(ends[2, g], ratio[t]),
        )


@nb.njit(cache=True, parallel=True)
def tet_measures(
    points: npt.NDArray[np.float64], tets: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return smallest and largest dihedral angle (degrees) and mean ratio of each tet, and histograms to add.

    A tet without positive volume has mean ratio <= 0. Rows of the histograms hold 36 bins of all angles, 36 of the
    smallest angles, 20 of mean ratios.
    """
    m = len(tets)
    low = np.empty(m, np.float32)
    high = np.empty(m, np.float32)
    ratio = np.empty(m, np.float32)
    parts = 64
    histograms = np.zeros((parts, 92), np.int64)
    for part in nb.prange(parts):
        cosine = np.empty(6)
        known, angle = np.full(2, 2.0), np.zeros(2)
        for t in range(part * m // parts, (part + 1) * m // parts):
            ratio[t] = _cosines(points, tets, t, cosine)
            smallest = 35
            most, least = -1.0, 1.0
            for e in range(6):
                c = cosine[e]
                most, least = max(most, c), min(least, c)
                b = _FIRST[int((1.0 - c) * 256.0)]
                while b < 35 and c <= _COSINES[b]:
                    b += 1
                histograms[part, b] += 1
                smallest = min(smallest, b)
            low[t], high[t] = _degrees(most, 0, known, angle), _degrees(least, 1, known, angle)
            histograms[part, 36 + smallest] += 1
            histograms[part, 72 + min(int(max(ratio[t], 0.0) * 20.0), 19)] += 1
    return low, high, ratio, histograms


@nb.njit(cache=True)
def _cosines(points, tets, t, cosine):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Cosines of the six dihedral angles of a tet; returns its mean ratio, negative if it is inverted."""
    # one by one: rows of an array would be counted references
    o, a, b, c = tets[t, 0], tets[t, 1], tets[t, 2], tets[t, 3]
    ox, oy, oz = points[o, 0], points[o, 1], points[o, 2]
    ax, ay, az = points[a, 0] - ox, points[a, 1] - oy, points[a, 2] - oz
    bx, by, bz = points[b, 0] - ox, points[b, 1] - oy, points[b, 2] - oz
    cx, cy, cz = points[c, 0] - ox, points[c, 1] - oy, points[c, 2] - oz
    # normals of the sides opposite to c, a, b and o, all inwards for a positive tet
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    px, py, pz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
    qx, qy, qz = cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax
    rx, ry, rz = -(nx + px + qx), -(ny + py + qy), -(nz + pz + qz)
    volume = (nx * cx + ny * cy + nz * cz) / 6.0
    lengths = ax * ax + ay * ay + az * az + bx * bx + by * by + bz * bz + cx * cx + cy * cy + cz * cz
    lengths += (ax - bx) ** 2 + (ay - by) ** 2 + (az - bz) ** 2 + (bx - cx) ** 2 + (by - cy) ** 2 + (bz - cz) ** 2
    lengths += (cx - ax) ** 2 + (cy - ay) ** 2 + (cz - az) ** 2
    nn, pp = nx * nx + ny * ny + nz * nz, px * px + py * py + pz * pz
    qq, rr = qx * qx + qy * qy + qz * qz, rx * rx + ry * ry + rz * rz
    cosine[0] = _cosine(nx * px + ny * py + nz * pz, nn * pp)
    cosine[1] = _cosine(nx * qx + ny * qy + nz * qz, nn * qq)
    cosine[2] = _cosine(nx * rx + ny * ry + nz * rz, nn * rr)
    cosine[3] = _cosine(px * qx + py * qy + pz * qz, pp * qq)
    cosine[4] = _cosine(px * rx + py * ry + pz * rz, pp * rr)
    cosine[5] = _cosine(qx * rx + qy * ry + qz * rz, qq * rr)
    if lengths == 0.0:
        return 0.0
    edge = np.cbrt(3.0 * volume)
    size = 12.0 * edge * edge / lengths
    return size if volume > 0 else -size


@nb.njit(cache=True, inline="always")
def _cosine(dot, square):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return min(max(-dot / math.sqrt(square), -1.0), 1.0) if square > 0.0 else 1.0


@nb.njit(cache=True, inline="always")
def _degrees(cosine, which, known, angle):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Angle of a cosine; in bulk it is that of the tet before, to far more digits than are kept."""
    if abs(cosine - known[which]) > 1e-13 or abs(cosine) > 0.99:
        known[which], angle[which] = cosine, math.degrees(math.acos(cosine))
    return angle[which]
