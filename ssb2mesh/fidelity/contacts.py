"""Interfaces by pair of phases: faces of voxels, triangles of the mesh, patches, distances. No components."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.fidelity.nearest import Surface
from ssb2mesh.fidelity.overlap import Frame
from ssb2mesh.fidelity.records import ContactChange, InterfaceFidelity, SurfaceDistance
from ssb2mesh.fidelity.sampling import BINS, surface_distances
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.volume import interface_name
from ssb2mesh.volume.forest import root

__all__ = ["MOST_PHASES", "changed_contacts", "compare_interfaces", "list_faces"]

#: With more phases than this the pairs are not told apart.
MOST_PHASES = 2048


class _Pair(NamedTuple):
    """One interface: voxel faces, triangles and their own points in units, and the metres of a unit."""

    name: str
    faces: npt.NDArray[np.int32]
    triangles: npt.NDArray[np.int32]
    points: npt.NDArray[np.float64]
    unit: float


def compare_interfaces(
    mesh: TaggedMesh, frame: Frame, names: list[str], *, meshed: set[str]
) -> tuple[dict[str, InterfaceFidelity], tuple[ContactChange, ...]]:
    """Compare every interface of the mesh with the voxel faces between the same two phases.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    frame : Frame
        Voxels and their components.
    names : list of str
        Names of the phases of the frame.
    meshed : set of str
        Phases of the mesh; pairs of others are left out.

    Returns
    -------
    interfaces : dict of str to InterfaceFidelity
        By name, in the order of the names.
    contacts : tuple of ContactChange
        Those that are in the voxels or in the mesh only, largest first.

    Examples
    --------
    >>> interfaces, contacts = compare_interfaces(mesh, frame, ["LPSCl", "NMC"], meshed={"NMC"})  # doctest: +SKIP
    """
    faces = list_faces(frame, names)
    wanted = {interface_name(a, b) for a, b in (n.split("|") for n in faces) if a in meshed or b in meshed}
    in_mesh = {name: tag for name, tag in mesh.facet_names.items() if name.count("|") == 1}
    in_mesh = {name: tag for name, tag in in_mesh.items() if set(name.split("|")) <= set(names)}
    triangles = _rows_of(mesh, in_mesh)
    present = {name for name, rows in triangles.items() if len(rows)}
    unit = float(frame.spacing.min())
    corners = int(np.prod([n + 1 for n in frame.ids.shape]))
    scratch = _Scratch(np.full(mesh.n_points, -1, np.int32), np.full(corners, -1, np.int32))
    none = np.empty((0, 4), np.int32), np.empty((0, 3), np.int32)
    interfaces: dict[str, InterfaceFidelity] = {}
    contacts: list[ContactChange] = []
    for name in sorted(wanted | present):
        own = triangles.pop(name, none[1])
        points = (mesh.points[_number_points(own, scratch.points)] - frame.lower) / unit
        pair = _Pair(name, faces.pop(name, none[0]), own, points, unit)
        interfaces[name] = _compare(pair, frame, scratch.corners)
        if not (len(pair.faces) and len(pair.triangles)):
            contacts.append(_change(pair, frame, interfaces[name]))
    return interfaces, tuple(sorted(contacts, key=lambda change: -change.area))


def changed_contacts(before: Frame, after: Frame, names: list[str]) -> tuple[ContactChange, ...]:
    """Return the pairs of phases that touch in one of two segmentations of the same box only.

    Parameters
    ----------
    before, after : Frame
        Voxels of either, not necessarily of one size.
    names : list of str
        Names of the phases of both.

    Returns
    -------
    tuple of ContactChange
        ``lost`` and ``gained``, largest first; the voxel is one of `before`.

    Examples
    --------
    >>> changed_contacts(frame, frame, ["LPSCl", "NMC"])  # doctest: +SKIP
    ()
    """
    found = []
    old, new = (list_faces(frame, names) for frame in (before, after))
    for kind, frame, mine, other in (("lost", before, old, new), ("gained", after, new, old)):
        sides = np.prod(frame.spacing) / frame.spacing
        for name in sorted(set(mine) - set(other)):
            area = float(np.bincount(mine[name][:, 0], minlength=3) @ sides)
            place = _middle(_face_middles(mine[name], frame))
            found.append(ContactChange(kind, name, area, *_place(place, before)))
    return tuple(sorted(found, key=lambda change: -change.area))


class _Scratch(NamedTuple):
    points: npt.NDArray[np.int32]
    corners: npt.NDArray[np.int32]


def _rows_of(mesh: TaggedMesh, sets: dict[str, int]) -> dict[str, npt.NDArray[np.int32]]:
    """Triangles of each set; the rows of a mesh are sorted by tag as a rule, but need not be."""
    rows = np.flatnonzero(np.isin(mesh.facet_tags, list(sets.values())))
    tags = mesh.facet_tags[rows]
    if (np.diff(tags) < 0).any():
        order = np.argsort(tags, kind="stable")
        rows, tags = rows[order], tags[order]
    ends = {name: np.searchsorted(tags, [tag, tag + 1]) for name, tag in sets.items()}
    return {name: mesh.facets[rows[a:b]].astype(np.int32) for name, (a, b) in ends.items()}


def list_faces(frame: Frame, names: list[str]) -> dict[str, npt.NDArray[np.int32]]:
    """Return the voxel faces between different phases, by interface.

    Parameters
    ----------
    frame : Frame
        Voxels and their components.
    names : list of str
        Names of the phases.

    Returns
    -------
    dict of str to (f, 4) int32 array
        Rows ``(axis, i, j, k)``: the lower face of voxel (i, j, k) across that axis.

    Examples
    --------
    >>> list_faces(frame, ["LPSCl", "NMC"])["LPSCl|NMC"]  # doctest: +SKIP
    array([[2, 0, 0, 1]], dtype=int32)
    """
    n = len(names)
    counts = np.zeros(n * n, np.int64)
    _faces(frame.ids, frame.id_phase, n, counts, np.empty((0, 4), np.int32))
    ends = np.cumsum(counts)
    rows = np.empty((int(ends[-1]), 4), np.int32)
    _faces(frame.ids, frame.id_phase, n, ends - counts, rows)
    return {
        interface_name(names[pair // n], names[pair % n]): rows[ends[pair] - counts[pair] : ends[pair]]
        for pair in np.flatnonzero(counts).tolist()
    }


@nb.njit(cache=True)
def _faces(ids, id_phase, n, at, rows):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count the faces of each pair in `at` (no `rows` yet), or write them, `at` being the first row of each pair."""
    nx, ny, nz = ids.shape
    writing = len(rows) > 0
    for i in range(nx):
        for j in range(ny):
            before = -1
            for k in range(nz):
                v = ids[i, j, k]
                for axis in range(3):
                    if axis == 2:
                        w = before
                    elif axis == 1:
                        w = ids[i, j - 1, k] if j else -1
                    else:
                        w = ids[i - 1, j, k] if i else -1
                    if w < 0 or w == v:
                        continue
                    p, q = id_phase[v], id_phase[w]
                    pair = min(p, q) * n + max(p, q)
                    if writing:
                        rows[at[pair], 0], rows[at[pair], 1], rows[at[pair], 2], rows[at[pair], 3] = axis, i, j, k
                    at[pair] += 1
                before = v


def _compare(pair: _Pair, frame: Frame, corners: npt.NDArray[np.int32]) -> InterfaceFidelity:
    shape = np.array(frame.ids.shape)
    spacing = frame.spacing
    face_areas = np.array([spacing[1] * spacing[2], spacing[0] * spacing[2], spacing[0] * spacing[1]])
    voxel_area = float(np.bincount(pair.faces[:, 0], minlength=3) @ face_areas)
    mesh_area = 0.0
    for start in range(0, len(pair.triangles), 1 << 17):
        a, b, c = (pair.points[pair.triangles[start : start + (1 << 17), e]] for e in range(3))
        mesh_area += 0.5 * float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) * pair.unit**2
    parent = np.full(len(pair.points), -1, np.int32)
    pieces = int(_face_patches(pair.faces, shape, corners)), int(_triangle_patches(pair.triangles, parent))
    counts = (len(pair.faces), len(pair.triangles))
    if not all(counts):
        return InterfaceFidelity(voxel_area, mesh_area, *counts, *pieces)
    edges = spacing / pair.unit
    voxels = Surface(pair.faces, np.empty((0, 3), np.int32), np.empty((0, 3)), edges)
    meshed = Surface(np.empty((0, 4), np.int32), pair.triangles, pair.points, edges)
    there = _one_way(surface_distances(meshed, voxels, 0.5), pair.unit, frame)
    back = _one_way(surface_distances(voxels, meshed, 0.5), pair.unit, frame)
    largest = max(there.max_voxels, back.max_voxels)
    return InterfaceFidelity(voxel_area, mesh_area, *counts, *pieces, largest, largest * pair.unit, there, back)


def _one_way(
    found: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]], unit: float, frame: Frame
) -> SurfaceDistance:
    worst, sums, histogram = found
    area = sums[0] or 1.0
    position, voxel = _place(frame.lower + worst[1:] * unit, frame)
    return SurfaceDistance(
        float(worst[0]), float(sums[1] / area), float(np.sqrt(sums[2] / area)),
        min(_percentile(histogram, 0.999), float(worst[0])), float(worst[0] * unit), position, voxel,
    )  # fmt: skip


def _percentile(histogram: npt.NDArray[np.int64], share: float) -> float:
    """Distance that this share of the samples does not exceed, to a bin."""
    total = np.cumsum(histogram)
    b = int(np.searchsorted(total, share * total[-1]))
    fine, per_unit, coarse = BINS
    return (b + 1) / per_unit if b < fine else fine / per_unit + (b - fine + 1) / coarse


def _place(position: npt.NDArray[np.float64], frame: Frame) -> tuple[tuple[float, float, float], tuple[int, int, int]]:
    top = np.array(frame.ids.shape) - 1
    x, y, z = position.tolist()
    i, j, k = np.clip(np.floor((position - frame.lower) / frame.spacing), 0, top).astype(int).tolist()
    return (x, y, z), (i, j, k)


def _change(pair: _Pair, frame: Frame, area: InterfaceFidelity) -> ContactChange:
    """Where a contact is that only one of voxels and mesh has: its element nearest to the middle of all."""
    if len(pair.faces):
        middles = _face_middles(pair.faces, frame)
    else:
        middles = frame.lower + pair.points[pair.triangles].mean(axis=1) * pair.unit
    position, voxel = _place(_middle(middles), frame)
    kind, size = ("lost", area.voxel_area) if len(pair.faces) else ("gained", area.mesh_area)
    return ContactChange(kind, pair.name, size, position, voxel)


def _face_middles(faces: npt.NDArray[np.int32], frame: Frame) -> npt.NDArray[np.float64]:
    """Middles of voxel faces, m."""
    middles = frame.lower + (faces[:, 1:] + 0.5) * frame.spacing
    middles[np.arange(len(middles)), faces[:, 0]] -= 0.5 * frame.spacing[faces[:, 0]]
    return middles


def _middle(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The place that is nearest to the mean of all."""
    return places[int(np.argmin(((places - places.mean(axis=0)) ** 2).sum(axis=1)))]


@nb.njit(cache=True)
def _join(parent, a, b):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Change of the number of trees when two vertices come together, new ones included."""
    change = 0
    if parent[a] < 0:
        parent[a] = a
        change += 1
    if parent[b] < 0:
        parent[b] = b
        change += 1
    a, b = root(parent, a), root(parent, b)
    if a != b:
        parent[max(a, b)] = min(a, b)
        change -= 1
    return change


@nb.njit(cache=True)
def _number_points(triangles, number):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Renumber triangles in place by the points they use, and return those; `number` is -1 before and after."""
    used = np.empty(3 * len(triangles), np.int32)
    count = 0
    for f in range(len(triangles)):
        for e in range(3):
            p = triangles[f, e]
            if number[p] < 0:
                number[p] = count
                used[count] = p
                count += 1
            triangles[f, e] = number[p]
    used = used[:count].copy()
    for n in range(count):
        number[used[n]] = -1
    return used


@nb.njit(cache=True)
def _triangle_patches(triangles, parent):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Patches of triangles that share corners; `parent` is -1 everywhere before."""
    patches = 0
    for f in range(len(triangles)):
        patches += _join(parent, triangles[f, 0], triangles[f, 1])
        patches += _join(parent, triangles[f, 0], triangles[f, 2])
    return patches


@nb.njit(cache=True)
def _face_patches(faces, shape, parent):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Patches of voxel faces that share corners; `parent` is -1 everywhere, before and after."""
    step = np.array([(shape[1] + 1) * (shape[2] + 1), shape[2] + 1, 1])
    patches = 0
    for turn in range(2):
        for f in range(len(faces)):
            corner = faces[f, 1] * step[0] + faces[f, 2] * step[1] + faces[f, 3]
            b, c = step[(faces[f, 0] + 1) % 3], step[(faces[f, 0] + 2) % 3]
            if turn == 0:
                patches += _join(parent, corner, corner + b)
                patches += _join(parent, corner, corner + c)
                patches += _join(parent, corner, corner + b + c)
            else:
                parent[corner] = parent[corner + b] = parent[corner + c] = parent[corner + b + c] = -1
    return patches
