"""How much of each voxel component lies in each mesh component: compiled loops over tets and voxels. No verdicts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["Frame", "Overlaps", "measure_overlaps", "overlaps_of_raster", "rasterise_components"]


class Frame(NamedTuple):
    """Where the voxels are, and what the components of voxels and mesh are.

    Attributes
    ----------
    lower, spacing : (3,) float64 array
        Lower corner of the box and voxel edges, m.
    ids : (nx, ny, nz) int32 array
        Voxel component of each voxel.
    id_phase : (v,) int32 array
        Phase of each voxel component, 0, 1, ...
    component : (m,) int32 array
        Mesh component of each tet.
    component_phase : (c,) int32 array
        Phase of each mesh component.
    """

    lower: npt.NDArray[np.float64]
    spacing: npt.NDArray[np.float64]
    ids: npt.NDArray[np.int32]
    id_phase: npt.NDArray[np.int32]
    component: npt.NDArray[np.int32]
    component_phase: npt.NDArray[np.int32]


class Overlaps(NamedTuple):
    """Pairs of a voxel component and a mesh component of one phase that share space.

    Attributes
    ----------
    voxel_component, mesh_component : (k,) int32 array
        The pairs.
    volume : (k,) float64 array
        Shared volume, voxels.
    deep : (k,) bool array
        Whether the shared space holds a voxel together with its six neighbours, so that it is no mere skin.
    mesh_volume : (c,) float64 array
        Volume of each mesh component, voxels.
    largest_tet : (c,) int64 array
        The largest tet of each mesh component, the first of equal ones.
    """

    voxel_component: npt.NDArray[np.int32]
    mesh_component: npt.NDArray[np.int32]
    volume: npt.NDArray[np.float64]
    deep: npt.NDArray[np.bool_]
    mesh_volume: npt.NDArray[np.float64]
    largest_tet: npt.NDArray[np.int64]


def rasterise_components(
    points: npt.NDArray[np.float64], tets: npt.NDArray[np.integer], frame: Frame
) -> npt.NDArray[np.int32]:
    """Return the mesh component that holds the centre of each voxel.

    A centre on the border of two phases counts for that of its voxel; of several components of one phase that hold
    it, the lowest is taken.

    Parameters
    ----------
    points : (n, 3) float array
        Coordinates, m.
    tets : (m, 4) int array
        Corners of positive tets.
    frame : Frame
        Voxels and components.

    Returns
    -------
    (nx, ny, nz) int32 array
        -1 where no tet is.

    Examples
    --------
    >>> rasterise_components(mesh.points, mesh.tets, frame)  # doctest: +SKIP
    """
    raster = np.full(frame.ids.shape, -1, np.int32)
    _rasterise(points, tets, *frame, raster, nb.get_num_threads())
    return raster


def measure_overlaps(
    points: npt.NDArray[np.float64], tets: npt.NDArray[np.integer], frame: Frame, raster: npt.NDArray[np.int32]
) -> Overlaps:
    """Return the shared volume of all pairs of components that share any.

    It is the larger of two estimates: the voxels whose centre lies in the mesh component (right where tets are larger
    than voxels) and the tets whose centroid lies in a voxel of the component (right where they are smaller).

    Parameters
    ----------
    points, tets, frame
        As for `rasterise_components`.
    raster : (nx, ny, nz) int32 array
        What that returned.

    Returns
    -------
    Overlaps
        Pairs in ascending order.

    Examples
    --------
    >>> measure_overlaps(mesh.points, mesh.tets, frame, raster).volume  # doctest: +SKIP
    """
    n_mesh = len(frame.component_phase)
    keys, centres, deep = _count_voxels(raster, frame.ids, frame.id_phase, frame.component_phase)
    keys, centres, deep = (column[keys >= 0] for column in (keys, centres, deep))
    tet_keys, volumes, mesh_volume, largest = _count_tets(points, tets, *frame)
    tet_keys, volumes = tet_keys[tet_keys >= 0], volumes[tet_keys >= 0]
    pairs = np.union1d(keys, tet_keys)
    shared, inside = np.zeros(len(pairs)), np.zeros(len(pairs), dtype=bool)
    at = np.searchsorted(pairs, keys)
    shared[at], inside[at] = centres, deep
    at = np.searchsorted(pairs, tet_keys)
    shared[at] = np.maximum(shared[at], volumes)
    voxel_component, mesh_component = (pairs // n_mesh).astype(np.int32), (pairs % n_mesh).astype(np.int32)
    return Overlaps(voxel_component, mesh_component, shared, inside, mesh_volume, largest)


def overlaps_of_raster(frame: Frame, raster: npt.NDArray[np.int32], sizes: npt.NDArray[np.float64]) -> Overlaps:
    """Return the shared voxels of all pairs of components that share any.

    Parameters
    ----------
    frame : Frame
        Voxels and components.
    raster : (nx, ny, nz) int32 array
        Component that took each voxel.
    sizes : (c,) float array
        Size of each of those components, voxels.

    Returns
    -------
    Overlaps
        Pairs in ascending order.

    Examples
    --------
    >>> ids, phase, none = np.zeros((2, 1, 1), np.int32), np.zeros(1, np.int32), np.empty(0, np.int32)
    >>> frame = Frame(np.zeros(3), np.ones(3), ids, phase, none, phase)
    >>> overlaps_of_raster(frame, ids, np.array([2.0])).volume
    array([2.])
    """
    keys, shared, deep = _count_voxels(raster, frame.ids, frame.id_phase, frame.component_phase)
    keys, shared, deep = (column[keys >= 0] for column in (keys, shared, deep))
    order = np.argsort(keys)
    pairs = np.divmod(keys[order], len(frame.component_phase))
    voxel_component, mesh_component = (column.astype(np.int32) for column in pairs)
    none = np.zeros(len(sizes), np.int64)
    return Overlaps(voxel_component, mesh_component, shared[order], deep[order], sizes, none)


@nb.njit(cache=True, inline="always")
def _clip(value, low, high):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return min(max(value, low), high)


@nb.njit(cache=True)
def _holds(u, i, j, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Whether a positive tet with corners `u` holds a point, its surface included."""
    tolerance = -1e-9
    for s in range(4):
        a, b, c = (1, 2, 3) if s == 0 else ((0, 3, 2) if s == 1 else ((0, 1, 3) if s == 2 else (0, 2, 1)))
        px, py, pz = u[b, 0] - u[a, 0], u[b, 1] - u[a, 1], u[b, 2] - u[a, 2]
        qx, qy, qz = u[c, 0] - u[a, 0], u[c, 1] - u[a, 1], u[c, 2] - u[a, 2]
        out = (py * qz - pz * qy) * (i - u[a, 0]) + (pz * qx - px * qz) * (j - u[a, 1])
        out += (px * qy - py * qx) * (k - u[a, 2])
        if -out < tolerance:
            return False
    return True


@nb.njit(cache=True, parallel=True)
def _rasterise(points, tets, lower, spacing, ids, id_phase, component, component_phase, raster, parts):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    nx, ny, nz = ids.shape
    for part in nb.prange(parts):
        # a part owns a slab of voxels, so that the result does not depend on who comes first
        first, last = part * nx // parts, (part + 1) * nx // parts - 1
        u, scale = np.empty((4, 3)), 1.0 / spacing
        span = np.empty((3, 2), np.int64)
        for t in range(len(tets)):
            empty = False
            for a in range(3):
                lo = hi = (points[tets[t, 0], a] - lower[a]) * scale[a] - 0.5
                u[0, a] = lo
                for c in range(1, 4):
                    u[c, a] = (points[tets[t, c], a] - lower[a]) * scale[a] - 0.5
                    lo, hi = min(lo, u[c, a]), max(hi, u[c, a])
                span[a, 0] = max(math.ceil(lo - 1e-9), first if a == 0 else 0)
                span[a, 1] = min(math.floor(hi + 1e-9), last if a == 0 else ids.shape[a] - 1)
                if span[a, 0] > span[a, 1]:
                    empty = True
                    break
            if empty:
                continue
            new = component[t]
            phase = component_phase[new]
            for i in range(span[0, 0], span[0, 1] + 1):
                for j in range(span[1, 0], span[1, 1] + 1):
                    for k in range(span[2, 0], span[2, 1] + 1):
                        old = raster[i, j, k]
                        if old == new:
                            continue
                        if old >= 0:
                            fits, fitted = (
                                phase == id_phase[ids[i, j, k]],
                                component_phase[old] == id_phase[ids[i, j, k]],
                            )
                            if (fitted and not fits) or (fitted == fits and old < new):
                                continue
                        if _holds(u, float(i), float(j), float(k)):
                            raster[i, j, k] = new


@nb.njit(cache=True)
def _slot(keys, key):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Place of a key in an open table whose size is a power of two."""
    mask = len(keys) - 1
    at = (key * 0x9E3779B1) & mask
    at = (at ^ (at >> 7)) & mask
    while keys[at] != -1 and keys[at] != key:
        at = (at + 1) & mask
    return at


@nb.njit(cache=True)
def _grown(keys, sums, flags):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    size = 2 * len(keys)
    new_keys, new_sums, new_flags = np.full(size, -1, np.int64), np.zeros(size), np.zeros(size, np.bool_)
    for old in range(len(keys)):
        if keys[old] != -1:
            at = _slot(new_keys, keys[old])
            new_keys[at], new_sums[at], new_flags[at] = keys[old], sums[old], flags[old]
    return new_keys, new_sums, new_flags


@nb.njit(cache=True)
def _count_voxels(raster, ids, id_phase, component_phase):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Voxels of each pair, and whether one of them has six neighbours of the same pair."""
    nx, ny, nz = ids.shape
    n_mesh = len(component_phase)
    keys, sums, flags = np.full(1024, -1, np.int64), np.zeros(1024), np.zeros(1024, np.bool_)
    count = 0
    last, at = np.int64(-1), 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                v, m = ids[i, j, k], raster[i, j, k]
                if m < 0 or component_phase[m] != id_phase[v]:
                    continue
                key = np.int64(v) * n_mesh + m
                if key != last:
                    at = _slot(keys, key)
                    if keys[at] == -1:
                        count += 1
                        if 2 * count > len(keys):
                            keys, sums, flags = _grown(keys, sums, flags)
                            at = _slot(keys, key)
                        keys[at] = key
                    last = key
                sums[at] += 1.0
                if not flags[at] and 0 < i < nx - 1 and 0 < j < ny - 1 and 0 < k < nz - 1:
                    flags[at] = (
                        raster[i - 1, j, k] == m and raster[i + 1, j, k] == m and raster[i, j - 1, k] == m
                        and raster[i, j + 1, k] == m and raster[i, j, k - 1] == m and raster[i, j, k + 1] == m
                        and ids[i - 1, j, k] == v and ids[i + 1, j, k] == v and ids[i, j - 1, k] == v
                        and ids[i, j + 1, k] == v and ids[i, j, k - 1] == v and ids[i, j, k + 1] == v
                    )  # fmt: skip
    return keys, sums, flags


@nb.njit(cache=True)
def _count_tets(points, tets, lower, spacing, ids, id_phase, component, component_phase):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Volume of the tets of each pair by their centroids, and of each mesh component, in voxels."""
    nx, ny, nz = ids.shape
    n_mesh = len(component_phase)
    total, most, largest = np.zeros(n_mesh), np.full(n_mesh, -np.inf), np.zeros(n_mesh, np.int64)
    keys, sums, flags = np.full(1024, -1, np.int64), np.zeros(1024), np.zeros(1024, np.bool_)
    count = 0
    last, at = np.int64(-1), 0
    u, scale = np.empty((4, 3)), 1.0 / spacing
    for t in range(len(tets)):
        for c in range(4):
            for a in range(3):
                u[c, a] = (points[tets[t, c], a] - lower[a]) * scale[a]
        px, py, pz = u[1, 0] - u[0, 0], u[1, 1] - u[0, 1], u[1, 2] - u[0, 2]
        qx, qy, qz = u[2, 0] - u[0, 0], u[2, 1] - u[0, 1], u[2, 2] - u[0, 2]
        volume = (py * qz - pz * qy) * (u[3, 0] - u[0, 0]) + (pz * qx - px * qz) * (u[3, 1] - u[0, 1])
        volume = (volume + (px * qy - py * qx) * (u[3, 2] - u[0, 2])) / 6.0
        m = component[t]
        total[m] += volume
        if volume > most[m] * (1.0 + 1e-9) or most[m] == -np.inf:
            most[m], largest[m] = volume, t
        i = int(_clip(math.floor(0.25 * (u[0, 0] + u[1, 0] + u[2, 0] + u[3, 0])), 0, nx - 1))
        j = int(_clip(math.floor(0.25 * (u[0, 1] + u[1, 1] + u[2, 1] + u[3, 1])), 0, ny - 1))
        k = int(_clip(math.floor(0.25 * (u[0, 2] + u[1, 2] + u[2, 2] + u[3, 2])), 0, nz - 1))
        v = ids[i, j, k]
        if component_phase[m] != id_phase[v]:
            continue
        key = np.int64(v) * n_mesh + m
        if key != last:
            at = _slot(keys, key)
            if keys[at] == -1:
                count += 1
                if 2 * count > len(keys):
                    keys, sums, flags = _grown(keys, sums, flags)
                    at = _slot(keys, key)
                keys[at] = key
            last = key
        sums[at] += volume
    return keys, sums, total, largest
