"""One judge for the meshes of all tools, ours included: NumPy and SciPy only, nothing of this project's own checks.

Lengths are in voxel edges. Voxel (i, j, k) fills the unit cube from (i, j, k), so the box is from 0 to the shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from .cases import Case, components

#: Corners of the four facets of a tet, normals out of a positive tet.
FACETS = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])
#: How far off the box a point of a side may be, in voxels: single precision of a box of hundreds.
ON_BOX = 1e-4


@dataclass(frozen=True)
class Mesh:
    """Points (n, 3), tets (m, 4) and the label of each tet."""

    points: np.ndarray
    tets: np.ndarray
    labels: np.ndarray


def judge(mesh: Mesh, case: Case, *, distances: bool = True) -> dict[str, object]:
    """Everything that the table says of a mesh, and more; `distances`: the Hausdorff distance too."""
    volumes = tet_volumes(mesh)
    if len(volumes) and np.median(volumes) < 0:  # a tool that turns all of its tets the other way
        mesh = Mesh(mesh.points, mesh.tets[:, [0, 1, 3, 2]], mesh.labels)
        volumes = -volumes
    inside = np.isin(mesh.labels, np.unique(case.labels))
    found: dict[str, object] = {"points": len(np.unique(mesh.tets)), "tets": len(mesh.tets)}
    found |= {"nonpositive_tets": int((volumes <= 0).sum()), "tets_of_no_phase": int((~inside).sum())}
    found |= shapes(mesh, volumes)
    found |= phase_volumes(mesh, np.abs(volumes), case)
    sides = Facets(mesh)
    found |= conformity(mesh, sides, case)
    found |= pieces(mesh, np.abs(volumes), sides, case=case)
    found |= interfaces(mesh, sides, case, distances=distances)
    return found


def tet_volumes(mesh: Mesh) -> np.ndarray:
    """Signed volumes."""
    a, b, c, d = (mesh.points[mesh.tets[:, i]] for i in range(4))
    return np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) / 6


def shapes(mesh: Mesh, volumes: np.ndarray) -> dict[str, object]:
    """Dihedral angles; the 1 % figure is that of the smallest angle of each tet."""
    if not len(mesh.tets):
        return {"min_dihedral_deg": None, "p1_dihedral_deg": None, "max_dihedral_deg": None}
    low, high = np.empty(len(mesh.tets)), np.empty(len(mesh.tets))
    for first in range(0, len(mesh.tets), 200_000):
        part = slice(first, first + 200_000)
        corners = mesh.points[mesh.tets[part]]
        normals = [np.cross(corners[:, j] - corners[:, i], corners[:, k] - corners[:, i]) for i, j, k in FACETS]
        with np.errstate(invalid="ignore", divide="ignore"):
            units = [n / np.linalg.norm(n, axis=1, keepdims=True) for n in normals]
        cosines = np.stack([-np.einsum("ij,ij->i", u, v) for u, v in combinations(units, 2)])
        # a tet without volume or turned inside out has an angle of 0 and one of 180
        flat = ~np.isfinite(cosines).all(axis=0) | (volumes[part] <= 0)
        angles = np.degrees(np.arccos(np.clip(np.nan_to_num(cosines), -1, 1)))
        low[part], high[part] = np.where(flat, 0, angles.min(axis=0)), np.where(flat, 180, angles.max(axis=0))
    return {
        "min_dihedral_deg": float(low.min()),
        "p1_dihedral_deg": float(np.percentile(low, 1)),
        "max_dihedral_deg": float(high.max()),
    }


def phase_volumes(mesh: Mesh, volumes: np.ndarray, case: Case) -> dict[str, object]:
    """Relative errors of the phases' volumes, and how much of the mesh lies in voxels of its own phase."""
    errors = {}
    for label in np.unique(case.labels):
        there = float(volumes[mesh.labels == label].sum())
        errors[case.phases[int(label)]] = there / float((case.labels == label).sum()) - 1
    worst = max(errors, key=lambda name: abs(errors[name]))
    # the same as shares of the whole, so that a shell that is missing all around does not count
    grown = float(volumes.sum()) / case.labels.size
    shares = {name: (1 + error) / grown - 1 if grown else -1.0 for name, error in errors.items()}
    at = np.floor(mesh.points[mesh.tets].mean(axis=1)).astype(int)
    at = np.clip(at, 0, np.array(case.labels.shape) - 1)
    agreeing = volumes[case.labels[tuple(at.T)] == mesh.labels].sum()
    crack = errors[case.phases[case.crack]] if case.crack is not None else None
    return {
        "volume_errors": errors, "worst_volume_error": errors[worst], "worst_phase": worst,
        "worst_share_error": max(shares.values(), key=abs), "crack_volume_error": crack,
        "phases_lost": sum(error == -1 for error in errors.values()),
        "agreement": float(agreeing / volumes.sum()) if volumes.sum() else 0.0,
    }  # fmt: skip


class Facets:
    """The facets of all tets, each once: how many tets share it, which, and whether two lie on the same side."""

    def __init__(self, mesh: Mesh) -> None:
        corners = mesh.tets[:, FACETS].reshape(-1, 3)
        key = np.sort(corners, axis=1)
        order = np.lexsort(key.T[::-1])
        new = np.ones(len(key), bool)
        new[1:] = (key[order][1:] != key[order][:-1]).any(axis=1)
        first = np.flatnonzero(new)
        self.count = np.diff(np.append(first, len(key)))
        # sides as the first tet has them: its normal points out of it
        self.corners = corners[order[first]]
        self.tet = order[first] // 4
        second = order[np.minimum(first + 1, len(key) - 1)] if len(key) else first
        self.other = np.where(self.count >= 2, second // 4, -1)
        even = _parity(corners)
        paired = self.count == 2
        self.same_side = int((even[order[first]] == even[second])[paired].sum()) if len(key) else 0


def _parity(corners: np.ndarray) -> np.ndarray:
    """Whether the corners are an even permutation of the sorted ones."""
    a, b, c = corners.T
    return (a < b).astype(int) + (b < c) + (a > c) == 2


def conformity(mesh: Mesh, facets: Facets, case: Case) -> dict[str, object]:
    """Facets that too many tets share, and how the outside fits the box."""
    shape = np.array(case.labels.shape, float)
    outer = facets.corners[facets.count == 1]
    a, b, c = (mesh.points[outer[:, i]] for i in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    off = np.ones(len(outer), bool)
    for axis, end in product(range(3), (0, 1)):
        flat = [np.abs(p[:, axis] - end * shape[axis]) < ON_BOX for p in (a, b, c)]
        off &= ~(flat[0] & flat[1] & flat[2])
    used = mesh.points[np.unique(outer)]
    beyond = np.maximum(np.maximum(-used, used - shape), 0)
    depth = np.where(
        (beyond > 0).any(axis=1), -np.linalg.norm(beyond, axis=1), np.minimum(used, shape - used).min(axis=1)
    )
    corners = np.array(list(product(*([0, s] for s in shape))))
    to_corner = cKDTree(used).query(corners)[0] if len(used) else np.full(8, np.inf)
    return {
        "facets_shared_by_more_than_two": int((facets.count > 2).sum()),
        "facets_with_both_tets_on_one_side": facets.same_side,
        "outer_area_off_box": float(area[off].sum()), "outer_area_error": float(area.sum() / _box_area(shape) - 1),
        "box_error_voxels": float(np.abs(depth).max()) if len(used) else None,
        "box_corner_error_voxels": float(to_corner.max()),
        "conforming": not ((facets.count > 2).any() or facets.same_side),
    }  # fmt: skip


def _box_area(shape: np.ndarray) -> float:
    x, y, z = shape
    return float(2 * (x * y + y * z + x * z))


def pieces(mesh: Mesh, volumes: np.ndarray, facets: Facets, *, case: Case) -> dict[str, object]:
    """Components of the voxels (by faces) and of the mesh (by facets), and which ones have no counterpart.

    A component of the voxels is lost if no tet of its phase has its centroid, or a point between centroid and corner,
    in one of its voxels. Small parts of the mesh that stand for nothing show in the number of its components.
    """
    ids, owners = components(case.labels)
    like = (facets.count >= 2) & (mesh.labels[facets.tet] == mesh.labels[facets.other])
    n = len(mesh.tets)
    graph = coo_matrix((np.ones(like.sum(), np.int8), (facets.tet[like], facets.other[like])), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    sizes = np.bincount(component, weights=volumes) if n else np.empty(0)
    seen = np.zeros(len(owners), bool)
    centre = mesh.points[mesh.tets].mean(axis=1)
    samples = [centre] + [0.4 * centre + 0.6 * mesh.points[mesh.tets[:, i]] for i in range(4)]
    parts = set()
    for at in samples:
        voxel = np.floor(at).astype(int)
        within = ((voxel >= 0) & (voxel < case.labels.shape)).all(axis=1)
        found = ids[tuple(voxel[within].T)]
        match = owners[found] == mesh.labels[within]
        seen[found[match]] = True
        if at is centre:
            pairs = np.stack([component[within][match], found[match]], axis=1)
            parts = np.unique(pairs, axis=0)
    merged = int((np.bincount(parts[:, 0]) > 1).sum()) if len(parts) else 0
    voxels = np.bincount(ids.ravel())
    return {
        "voxel_components": len(owners), "mesh_components": len(sizes), "components_lost": int((~seen).sum()),
        "components_over_27_voxels_lost": int((~seen & (voxels > 27)).sum()), "components_merged": merged,
    }  # fmt: skip


def interfaces(mesh: Mesh, facets: Facets, case: Case, *, distances: bool) -> dict[str, object]:
    """Area of the interface where it is known, sizes of its triangles, distance to the interfaces of the voxels."""
    between = (facets.count >= 2) & (mesh.labels[facets.tet] != mesh.labels[facets.other])
    corners = facets.corners[between]
    pair = np.sort(np.stack([mesh.labels[facets.tet[between]], mesh.labels[facets.other[between]]], axis=1), axis=1)
    p = mesh.points[corners]
    area = 0.5 * np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1)
    edges = np.linalg.norm(p - np.roll(p, 1, axis=1), axis=2)
    lost, worst = 0, 0.0
    for low, high in combinations(np.unique(case.labels), 2):
        faces = voxel_faces(case.labels, int(low), int(high))
        mine = p[(pair == [low, high]).all(axis=1)]
        if not len(faces) or not len(mine):
            lost += bool(len(faces)) and not len(mine)
        elif distances:
            worst = max(worst, hausdorff(mine, faces))
    error = float(area.sum() / case.area - 1) if case.area else None
    return {
        "interface_triangles": len(corners), "interface_area_error": error, "interfaces_lost": int(lost),
        "median_interface_edge_voxels": float(np.median(edges)) if len(edges) else None,
        "hausdorff_voxels": worst if distances and len(corners) else None,
    }  # fmt: skip


def voxel_faces(labels: np.ndarray, low: int, high: int) -> np.ndarray:
    """Centres of the faces between two labels, (n, 3), and in a fourth column the axis they are normal to."""
    found = []
    for axis in range(3):
        one, two = (np.take(labels, np.arange(s, labels.shape[axis] - 1 + s), axis=axis) for s in (0, 1))
        at = np.argwhere(((one == low) & (two == high)) | ((one == high) & (two == low))) + 0.5
        at[:, axis] += 0.5
        found.append(np.column_stack([at, np.full(len(at), axis)]))
    return np.concatenate(found)


def hausdorff(triangles: np.ndarray, faces: np.ndarray) -> float:
    """Between triangles (n, 3, 3) and voxel faces, from samples about 0.25 apart on both: low by 0.1 at most.

    Exact on the faces' side; the triangles stand for themselves by their samples.
    """
    samples = np.concatenate([_on_triangles(part) for part in np.array_split(triangles, len(triangles) // 100_000 + 1)])
    centres, axes = faces[:, :3], faces[:, 3].astype(int)
    near = cKDTree(centres).query(samples, k=min(6, len(centres)), workers=1)[1].reshape(len(samples), -1)
    half = np.full((len(faces), 3), 0.5)
    half[np.arange(len(faces)), axes] = 0
    best = np.full(len(samples), np.inf)
    for column in near.T:
        away = np.maximum(np.abs(samples - centres[column]) - half[column], 0)
        best = np.minimum(best, np.linalg.norm(away, axis=1))
    offsets = np.array([[u, v] for u in (-0.5, 0, 0.5) for v in (-0.5, 0, 0.5)])
    others = np.array([[1, 2], [0, 2], [0, 1]])[axes]
    points = np.repeat(centres, len(offsets), axis=0)
    rows = np.arange(len(points))
    for column in range(2):
        points[rows, np.repeat(others[:, column], len(offsets))] += np.tile(offsets[:, column], len(faces))
    back = cKDTree(samples).query(np.unique(points, axis=0), workers=1)[0]
    return float(max(best.max(), back.max()))


def _on_triangles(triangles: np.ndarray) -> np.ndarray:
    """Points on triangles, corners included, about 0.25 apart."""
    longest = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
    steps = np.clip(np.ceil(longest / 0.25), 1, 40).astype(int)
    found = []
    for n in np.unique(steps):
        weights = np.array([[i, j, n - i - j] for i in range(n + 1) for j in range(n + 1 - i)]) / n
        found.append(np.einsum("wk,tkd->twd", weights, triangles[steps == n]).reshape(-1, 3))
    return np.concatenate(found) if found else np.empty((0, 3))
