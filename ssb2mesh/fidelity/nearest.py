"""Exact distance from points to a surface of triangles or axis-parallel rectangles: a search grid and its kernels.

A surface is three arrays, of which either the rectangles or the triangles are empty: `boxes` (f, 4) int32, rows
``(axis, i, j, k)`` of the lower face, across `axis`, of voxel (i, j, k); `triangles` (f, 3) int; `points` (n, 3) float.
All lengths are in one unit, equal along x, y and z. No samples and no statistics here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["Grid", "Surface", "nearest", "search_grid"]


class Surface(NamedTuple):
    """A surface, and the size of a voxel.

    Attributes
    ----------
    boxes : (f, 4) int32 array
        Voxel faces, or none.
    triangles : (f, 3) int array
        Triangles, or none.
    points : (n, 3) float64 array
        Corners of the triangles.
    voxel : (3,) float64 array
        Edges of a voxel.
    """

    boxes: npt.NDArray[np.int32]
    triangles: npt.NDArray[np.integer]
    points: npt.NDArray[np.float64]
    voxel: npt.NDArray[np.float64]


class Grid(NamedTuple):
    """Elements of a surface sorted into cubes.

    Attributes
    ----------
    lower : (3,) float64 array
        Lower corner of the first cube.
    edge : float
        Edge of a cube.
    shape : (3,) int64 array
        Cubes along x, y, z.
    start : (cubes + 1,) int64 array
        First item of each cube.
    items : int32 array
        Elements cube by cube; an element is in every cube that its bounding box touches.
    around : (f, 6) float32 array
        Lower and upper corner of a box around each triangle, a little too large; none for rectangles.
    """

    lower: npt.NDArray[np.float64]
    edge: float
    shape: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]
    around: npt.NDArray[np.float32]


def search_grid(surface: Surface) -> Grid:
    """Sort the elements of a surface into cubes about as large as themselves, not many more cubes than elements.

    Parameters
    ----------
    surface : Surface
        Not empty.

    Returns
    -------
    Grid
        To search.

    Examples
    --------
    >>> face = np.array([[0, 1, 0, 0], [0, 3, 0, 0]], np.int32)
    >>> search_grid(Surface(face, np.empty((0, 3), np.int32), np.zeros((0, 3)), np.ones(3))).shape.tolist()
    [2, 1, 1]
    """
    lower, upper, mean = _extent(*surface)
    count = max(len(surface.boxes), len(surface.triangles))
    size = np.maximum(upper - lower, 1e-12)
    edge = max(mean, (np.prod(np.maximum(size, mean)) / (4.0 * count + 64)) ** (1 / 3))
    shape = np.maximum(np.ceil(size / edge), 1).astype(np.int64)
    start = np.zeros(int(np.prod(shape)) + 1, np.int64)
    _sort_in(*surface, lower, edge, shape, start, np.empty(0, np.int32))
    np.cumsum(start, out=start)
    items = np.empty(int(start[-1]), np.int32)
    _sort_in(*surface, lower, edge, shape, start, items)
    return Grid(lower, float(edge), shape, start, items, _boxes_around(surface.triangles, surface.points))


@nb.njit(cache=True)
def _boxes_around(triangles, points):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    out = np.empty((len(triangles), 6), np.float32)
    for f in range(len(triangles)):
        for a in range(3):
            p, q, r = points[triangles[f, 0], a], points[triangles[f, 1], a], points[triangles[f, 2], a]
            # more than what rounding to single precision may take
            low, high = min(p, q, r), max(p, q, r)
            out[f, a], out[f, a + 3] = low - 2e-7 * abs(low), high + 2e-7 * abs(high)
    return out


@nb.njit(cache=True, inline="always")
def _bounds(boxes, triangles, points, voxel, f, lo, hi):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Corners of the box around an element; a rectangle is that box."""
    if len(boxes):
        for a in range(3):
            lo[a] = boxes[f, a + 1] * voxel[a]
            hi[a] = lo[a] if a == boxes[f, 0] else (boxes[f, a + 1] + 1) * voxel[a]
    else:
        for a in range(3):
            p, q, r = points[triangles[f, 0], a], points[triangles[f, 1], a], points[triangles[f, 2], a]
            lo[a], hi[a] = min(p, q, r), max(p, q, r)


@nb.njit(cache=True)
def _extent(boxes, triangles, points, voxel):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    lower, upper = np.full(3, np.inf), np.full(3, -np.inf)
    lo, hi = np.empty(3), np.empty(3)
    mean = 0.0
    count = max(len(boxes), len(triangles))
    for f in range(count):
        _bounds(boxes, triangles, points, voxel, f, lo, hi)
        longest = 0.0
        for a in range(3):
            lower[a], upper[a] = min(lower[a], lo[a]), max(upper[a], hi[a])
            longest = max(longest, hi[a] - lo[a])
        mean += longest / count
    return lower, upper, mean


@nb.njit(cache=True, inline="always")
def _bin(x, lower, edge, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return int(min(max(math.floor((x - lower) / edge), 0), count - 1))


@nb.njit(cache=True)
def _sort_in(boxes, triangles, points, voxel, lower, edge, shape, start, items):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Count the elements of each cube one place on (no `items` yet), or file them and leave `start` as it was."""
    lo, hi = np.empty(3), np.empty(3)
    filing = len(items) > 0
    at = start[:-1].copy() if filing else start
    for f in range(max(len(boxes), len(triangles))):
        _bounds(boxes, triangles, points, voxel, f, lo, hi)
        for i in range(_bin(lo[0], lower[0], edge, shape[0]), _bin(hi[0], lower[0], edge, shape[0]) + 1):
            for j in range(_bin(lo[1], lower[1], edge, shape[1]), _bin(hi[1], lower[1], edge, shape[1]) + 1):
                for k in range(_bin(lo[2], lower[2], edge, shape[2]), _bin(hi[2], lower[2], edge, shape[2]) + 1):
                    c = (i * shape[1] + j) * shape[2] + k
                    if filing:
                        items[at[c]] = f
                        at[c] += 1
                    else:
                        at[c + 1] += 1


@nb.njit(cache=True)
def _to_box(boxes, voxel, f, x, y, z):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    axis = boxes[f, 0]
    total = 0.0
    for a in range(3):
        p = x if a == 0 else (y if a == 1 else z)
        lo = boxes[f, a + 1] * voxel[a]
        hi = lo if a == axis else (boxes[f, a + 1] + 1) * voxel[a]
        gap = max(lo - p, p - hi, 0.0)
        total += gap * gap
    return total


@nb.njit(cache=True)
def _to_triangle(points, triangles, f, x, y, z):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Squared distance by the region (corner, edge, face) that holds the nearest point."""
    a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
    ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
    ux, uy, uz = points[b, 0] - ax, points[b, 1] - ay, points[b, 2] - az
    vx, vy, vz = points[c, 0] - ax, points[c, 1] - ay, points[c, 2] - az
    px, py, pz = x - ax, y - ay, z - az
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    pu, pv = px * ux + py * uy + pz * uz, px * vx + py * vy + pz * vz
    det = uu * vv - uv * uv
    s, t = vv * pu - uv * pv, uu * pv - uv * pu
    if s >= 0.0 and t >= 0.0 and s + t <= det and det > 0.0:
        s, t = s / det, t / det
    else:
        # outside: the nearest point lies on an edge; the best of three is always right
        least = np.inf
        s0 = t0 = 0.0
        for e in range(3):
            if e == 0:
                r = min(max(pu / uu, 0.0), 1.0) if uu > 0.0 else 0.0
                se, te = r, 0.0
            elif e == 1:
                r = min(max(pv / vv, 0.0), 1.0) if vv > 0.0 else 0.0
                se, te = 0.0, r
            else:
                ww = uu + vv - 2.0 * uv
                r = min(max((pv - pu + uu - uv) / ww, 0.0), 1.0) if ww > 0.0 else 0.0
                se, te = 1.0 - r, r
            dx, dy, dz = px - se * ux - te * vx, py - se * uy - te * vy, pz - se * uz - te * vz
            d = dx * dx + dy * dy + dz * dz
            if d < least:
                least, s0, t0 = d, se, te
        s, t = s0, t0
    dx, dy, dz = px - s * ux - t * vx, py - s * uy - t * vy, pz - s * uz - t * vz
    return dx * dx + dy * dy + dz * dz


@nb.njit(cache=True, inline="always")
def _to_element(boxes, triangles, points, voxel, grid, f, x, y, z, best):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Squared distance to an element; `best` if its surrounding box is not nearer."""
    if len(boxes):
        return _to_box(boxes, voxel, f, x, y, z)
    u = max(grid.around[f, 0] - x, x - grid.around[f, 3], 0.0)
    v = max(grid.around[f, 1] - y, y - grid.around[f, 4], 0.0)
    w = max(grid.around[f, 2] - z, z - grid.around[f, 5], 0.0)
    return _to_triangle(points, triangles, f, x, y, z) if u * u + v * v + w * w < best else best


@nb.njit(cache=True)
def _reach(x, centre, ring, lower, edge, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Distance along an axis from x to what lies beyond the cubes seen so far; infinite if nothing does."""
    beyond = np.inf
    if centre - ring > 0:
        beyond = x - (lower + (centre - ring) * edge)
    if centre + ring < count - 1:
        beyond = min(beyond, lower + (centre + ring + 1) * edge - x)
    return max(beyond, 0.0)


@nb.njit(cache=True, inline="always")
def _scan(boxes, triangles, points, voxel, grid, c, x, y, z, best, found):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Look at the elements of one cube."""
    for n in range(grid.start[c], grid.start[c + 1]):
        d = _to_element(boxes, triangles, points, voxel, grid, grid.items[n], x, y, z, best)
        if d < best:
            best, found = d, grid.items[n]
    return best, found


@nb.njit(cache=True, inline="always")
def _gap(x, lower, edge, i):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Squared distance along an axis from x to the i-th layer of cubes."""
    gap = max(lower + i * edge - x, x - lower - (i + 1) * edge, 0.0)
    return gap * gap


@nb.njit(cache=True)
def nearest(boxes, triangles, points, voxel, grid, x, y, z, guess):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Squared distance to the nearest element and its number; `guess` is an element likely to be near."""
    low, edge, shape = grid.lower, grid.edge, grid.shape
    best = _to_element(boxes, triangles, points, voxel, grid, guess, x, y, z, np.inf)
    ci, cj, ck = _bin(x, low[0], edge, shape[0]), _bin(y, low[1], edge, shape[1]), _bin(z, low[2], edge, shape[2])
    c = (ci * shape[1] + cj) * shape[2] + ck
    best, found = _scan(boxes, triangles, points, voxel, grid, c, x, y, z, best, guess)
    reach = math.sqrt(best)
    if reach >= 1.5 * edge:
        return _nearest_by_rings(boxes, triangles, points, voxel, grid, x, y, z, best, found)
    # something is near: look into the few other cubes that the ball around the point reaches
    last_j, last_k = _bin(y + reach, low[1], edge, shape[1]), _bin(z + reach, low[2], edge, shape[2])
    for i in range(_bin(x - reach, low[0], edge, shape[0]), _bin(x + reach, low[0], edge, shape[0]) + 1):
        gi = _gap(x, low[0], edge, i)
        for j in range(_bin(y - reach, low[1], edge, shape[1]), last_j + 1):
            gj = gi + _gap(y, low[1], edge, j)
            for k in range(_bin(z - reach, low[2], edge, shape[2]), last_k + 1):
                if gj + _gap(z, low[2], edge, k) < best and not (i == ci and j == cj and k == ck):
                    c = (i * shape[1] + j) * shape[2] + k
                    best, found = _scan(boxes, triangles, points, voxel, grid, c, x, y, z, best, found)
    return best, found


@nb.njit(cache=True)
def _nearest_by_rings(boxes, triangles, points, voxel, grid, x, y, z, best, found):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """The same for points with nothing near: cubes are looked into ring by ring around that of the point."""
    low, edge = grid.lower, grid.edge
    nx, ny, nz = grid.shape[0], grid.shape[1], grid.shape[2]
    ci, cj, ck = _bin(x, low[0], edge, nx), _bin(y, low[1], edge, ny), _bin(z, low[2], edge, nz)
    ring = 0
    while True:
        for i in range(max(ci - ring, 0), min(ci + ring, nx - 1) + 1):
            gi = _gap(x, low[0], edge, i)
            for j in range(max(cj - ring, 0), min(cj + ring, ny - 1) + 1):
                gj = gi + _gap(y, low[1], edge, j)
                if gj >= best:
                    continue
                # inside the ring only its two ends along z are new
                step = 1 if abs(i - ci) == ring or abs(j - cj) == ring else max(2 * ring, 1)
                for k in range(ck - ring, ck + ring + 1, step):
                    if 0 <= k < nz and gj + _gap(z, low[2], edge, k) < best:
                        c = (i * ny + j) * nz + k
                        best, found = _scan(boxes, triangles, points, voxel, grid, c, x, y, z, best, found)
        reach = min(_reach(x, ci, ring, low[0], edge, nx), _reach(y, cj, ring, low[1], edge, ny))
        reach = min(reach, _reach(z, ck, ring, low[2], edge, nz))
        if reach * reach >= best:
            return best, found
        ring += 1
