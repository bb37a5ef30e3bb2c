"""Exact distance from points to a surface of triangles or axis-parallel rectangles: a search grid and its kernels.

A surface is three arrays, of which either the rectangles or the triangles are empty: `boxes` (f, 4) int32, rows
``(axis, i, j, k)`` of the lower face, across `axis`, of voxel (i, j, k); `triangles` (f, 3) int; `points` (n, 3) float.
All lengths are in one unit, equal along x, y and z. No names and no statistics of fields here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["BINS", "Surface", "surface_distances"]

#: Bins of the histogram of distances: 4096 of 1/1024 unit, then 4096 of 1/8 unit, the last open.
BINS = (4096, 1024.0, 8.0)


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


def surface_distances(
    source: Surface, target: Surface, spacing: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Sample one surface and measure the exact distance of every sample to the nearest point of another.

    Parameters
    ----------
    source : Surface
        Is sampled at corners, middles of edges and centres of pieces whose edges are at most ``2 * spacing`` long
        (rectangles: at corners and centres).
    target : Surface
        Not empty.
    spacing : float
        Largest distance of neighbouring samples of a triangle's edge.

    Returns
    -------
    worst : (4,) float array
        Largest distance and the sample where it is; the first of equal ones.
    sums : (3,) float array
        Area, area times distance, area times squared distance.
    histogram : (8192,) int64 array
        Samples by distance; see `BINS`. Every sample of a surface of equal pieces counts once.

    Examples
    --------
    >>> empty = np.empty((0, 4), np.int32), np.empty((0, 3), np.int32), np.zeros((0, 3))
    >>> face = np.array([[0, 1, 0, 0]], np.int32), *empty[1:], np.ones(3)
    >>> corner = np.array([[1.5, 0, 0], [1.5, 1, 0], [1.5, 0, 1]])
    >>> triangle = empty[0], np.array([[0, 1, 2]]), corner, np.ones(3)
    >>> float(surface_distances(Surface(*triangle), Surface(*face), 0.5)[0][0])
    0.5
    """
    grid = _search_grid(target)
    # a corner belongs to some six triangles: its distance is found once
    known = np.full(len(source.points) if len(source.triangles) else 0, -1.0)
    used = np.zeros(len(known), np.bool_)
    used[source.triangles] = True
    corners = np.flatnonzero(used)
    _to_points(source.points, corners, *target, grid, known)
    worst, sums, histogram = _one_sided(*source, *target, grid, spacing, known)
    best = int(np.argmax(worst[:, 0]))
    return worst[best], sums.sum(axis=0), histogram.sum(axis=0)


class _Grid(NamedTuple):
    lower: npt.NDArray[np.float64]
    edge: float
    shape: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]


def _search_grid(surface: Surface) -> _Grid:
    """Sort the elements into cubes about as large as themselves, not many more cubes than elements."""
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
    return _Grid(lower, float(edge), shape, start, items)


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
def _to_triangle(points, triangles, f, x, y, z, best):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Squared distance by the region (corner, edge, face) that holds the nearest point; `best` if it is not less."""
    a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
    far = 0.0
    for e in range(3):
        q = x if e == 0 else (y if e == 1 else z)
        r, s, t = points[a, e], points[b, e], points[c, e]
        gap = max(min(r, s, t) - q, q - max(r, s, t), 0.0)
        far += gap * gap
    if far >= best:
        return best
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
def _to_element(boxes, triangles, points, voxel, f, x, y, z, best):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    return _to_box(boxes, voxel, f, x, y, z) if len(boxes) else _to_triangle(points, triangles, f, x, y, z, best)


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
        d = _to_element(boxes, triangles, points, voxel, grid.items[n], x, y, z, best)
        if d < best:
            best, found = d, grid.items[n]
    return best, found


@nb.njit(cache=True, inline="always")
def _gap(x, lower, edge, i):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Squared distance along an axis from x to the i-th layer of cubes."""
    gap = max(lower + i * edge - x, x - lower - (i + 1) * edge, 0.0)
    return gap * gap


@nb.njit(cache=True)
def _nearest(boxes, triangles, points, voxel, grid, x, y, z, guess):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Squared distance to the nearest element and its number; `guess` is an element likely to be near."""
    low, edge, shape = grid.lower, grid.edge, grid.shape
    best = _to_element(boxes, triangles, points, voxel, guess, x, y, z, np.inf)
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


@nb.njit(cache=True)
def _pieces(points, triangles, f, spacing):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Into how many parts each edge of a triangle is cut, and its area."""
    longest = 0.0
    for e in range(3):
        p, q = triangles[f, e], triangles[f, (e + 1) % 3]
        dx, dy, dz = points[q, 0] - points[p, 0], points[q, 1] - points[p, 1], points[q, 2] - points[p, 2]
        longest = max(longest, dx * dx + dy * dy + dz * dz)
    a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
    ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
    vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
    area = 0.5 * math.sqrt((uy * vz - uz * vy) ** 2 + (uz * vx - ux * vz) ** 2 + (ux * vy - uy * vx) ** 2)
    return _cuts(math.sqrt(longest), spacing), area


@nb.njit(cache=True, inline="always")
def _cuts(length, spacing):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Pieces of at most twice the spacing that a length is cut into."""
    return max(int(math.ceil(length / (2.0 * spacing) - 1e-9)), 1)


@nb.njit(cache=True)
def _samples(boxes, triangles, points, voxel, f, spacing, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill `out` with rows (x, y, z, weight, corner or -1), the weights summing to the area; exact for quadratics."""
    count = 0
    if len(boxes):
        axis = boxes[f, 0]
        b, c = (axis + 1) % 3, (axis + 2) % 3
        mb, mc = _cuts(voxel[b], spacing), _cuts(voxel[c], spacing)
        unit = voxel[b] * voxel[c] / (mb * mc)
        if len(out) < (mb + 1) * (mc + 1) + mb * mc:
            out = np.empty(((mb + 1) * (mc + 1) + mb * mc, 5))
        for i in range(2 * mb + 1):
            # corners of pieces, then their centres
            for j in range(i % 2, 2 * mc + 1, 2):
                out[count, axis] = boxes[f, axis + 1] * voxel[axis]
                out[count, b] = (boxes[f, b + 1] + i / (2.0 * mb)) * voxel[b]
                out[count, c] = (boxes[f, c + 1] + j / (2.0 * mc)) * voxel[c]
                if i % 2:
                    weight = 2.0 / 3.0
                else:
                    weight = (1 if i in (0, 2 * mb) else 2) * (1 if j in (0, 2 * mc) else 2) / 12.0
                out[count, 3], out[count, 4] = unit * weight, -1.0
                count += 1
        return out, count
    n, area = _pieces(points, triangles, f, spacing)
    m = 2 * n
    if len(out) < (m + 1) * (m + 2) // 2 + n * n:
        out = np.empty(((m + 1) * (m + 2) // 2 + n * n, 5))
    p, q, r = triangles[f, 0], triangles[f, 1], triangles[f, 2]
    unit = area / (n * n)
    for i in range(m + 1):
        for j in range(m + 1 - i):
            k = m - i - j
            # corners of pieces lie in 1, 3 or 6 of them, middles of edges in 1 or 2
            ends = (i == 0) + (j == 0) + (k == 0)
            if i % 2 == 0 and j % 2 == 0:
                weight = (1.0 if ends == 2 else (3.0 if ends == 1 else 6.0)) / 20.0
            else:
                weight = (1.0 if ends else 2.0) * 2.0 / 15.0
            for a in range(3):
                out[count, a] = (i * points[p, a] + j * points[q, a] + k * points[r, a]) / m
            out[count, 3] = unit * weight
            out[count, 4] = p if i == m else (q if j == m else (r if k == m else -1))
            count += 1
    for i in range(n):
        for j in range(n - i):
            for flip in range(2 if i + j < n - 1 else 1):
                s, t = (3 * i + 1 + flip) / (3.0 * n), (3 * j + 1 + flip) / (3.0 * n)
                for a in range(3):
                    out[count, a] = s * points[p, a] + t * points[q, a] + (1.0 - s - t) * points[r, a]
                out[count, 3], out[count, 4] = unit * 9.0 / 20.0, -1.0
                count += 1
    return out, count


@nb.njit(cache=True, parallel=True)
def _to_points(  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN202
    points, which, to_boxes, to_triangles, to_points, to_voxel, grid, out  # noqa: ANN001
):  # fmt: skip
    """Write the squared distances of some points."""
    parts = 64
    for part in nb.prange(parts):
        guess = 0
        for n in range(part * len(which) // parts, (part + 1) * len(which) // parts):
            x, y, z = points[which[n], 0], points[which[n], 1], points[which[n], 2]
            out[which[n]], guess = _nearest(to_boxes, to_triangles, to_points, to_voxel, grid, x, y, z, guess)


@nb.njit(cache=True, parallel=True)
def _one_sided(  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN202
    boxes, triangles, points, voxel, to_boxes, to_triangles, to_points, to_voxel, grid, spacing, known  # noqa: ANN001
):  # fmt: skip
    total = max(len(boxes), len(triangles))
    parts = 64
    worst, sums, histogram = np.zeros((parts, 4)), np.zeros((parts, 3)), np.zeros((parts, 8192), np.int64)
    for part in nb.prange(parts):
        out = np.empty((64, 5))
        guess = 0
        far = -1.0
        for f in range(part * total // parts, (part + 1) * total // parts):
            out, count = _samples(boxes, triangles, points, voxel, f, spacing, out)
            for n in range(count):
                corner = int(out[n, 4])
                if corner >= 0:
                    square = known[corner]
                else:
                    x, y, z = out[n, 0], out[n, 1], out[n, 2]
                    square, guess = _nearest(to_boxes, to_triangles, to_points, to_voxel, grid, x, y, z, guess)
                d = math.sqrt(square)
                if d > far:
                    far = d
                    worst[part, 0], worst[part, 1:] = d, out[n, :3]
                sums[part, 0] += out[n, 3]
                sums[part, 1] += out[n, 3] * d
                sums[part, 2] += out[n, 3] * square
                b = int(d * 1024.0) if d < 4.0 else 4096 + int(min((d - 4.0) * 8.0, 4095.0))
                histogram[part, b] += 1
    return worst, sums, histogram
