"""How far one surface lies from another: samples of the one, and statistics of their distances. No search here."""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.fidelity.faces import face_bits, near_face, number_corners
from ssb2mesh.fidelity.nearest import Surface, nearest, search_grid

__all__ = ["BINS", "surface_distances"]

#: Bins of the histogram of distances: 4096 of 1/1024 unit, then 4096 of 1/8 unit, the last open.
BINS = (4096, 1024.0, 8.0)


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
    aim = (*target, search_grid(target), face_bits(target.boxes))
    # corners belong to several elements: their distances are found once
    corners, places = source.triangles, source.points
    if len(source.boxes):
        corners, lattice = number_corners(source.boxes)
        places = lattice * source.voxel
    known = np.empty(len(places))
    _to_points(places, *aim, known)
    worst, sums, histogram = _one_sided(*source, corners, known, spacing, *aim)
    best = int(np.argmax(worst[:, 0]))
    return worst[best], sums.sum(axis=0), histogram.sum(axis=0)


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
def _samples(boxes, triangles, points, voxel, corners, f, spacing, out):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Fill `out` with rows (x, y, z, weight, number of the corner or -1); the weights are exact for quadratics."""
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
                at_corner = i in (0, 2 * mb) and j in (0, 2 * mc)
                out[count, 3] = unit * weight
                out[count, 4] = corners[f, 2 * (i > 0) + (j > 0)] if at_corner else -1
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


@nb.njit(cache=True, inline="always")
def _square(to_boxes, to_triangles, to_points, to_voxel, grid, bits, last, x, y, z, guess):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Squared distance to the target, and a new guess for the next point."""
    if len(bits.cells):
        square = near_face(bits, to_voxel, last, x, y, z)
        if square >= 0.0:
            return square, guess
    return nearest(to_boxes, to_triangles, to_points, to_voxel, grid, x, y, z, guess)


@nb.njit(cache=True, parallel=True)
def _to_points(places, to_boxes, to_triangles, to_points, to_voxel, grid, bits, out):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Write the squared distances of points."""
    parts = 64
    for part in nb.prange(parts):
        guess = 0
        last = np.full(4, -1)
        for n in range(part * len(places) // parts, (part + 1) * len(places) // parts):
            x, y, z = places[n, 0], places[n, 1], places[n, 2]
            out[n], guess = _square(to_boxes, to_triangles, to_points, to_voxel, grid, bits, last, x, y, z, guess)


@nb.njit(cache=True, parallel=True)
def _one_sided(  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN202
    boxes, triangles, points, voxel, corners, known, spacing,  # noqa: ANN001
    to_boxes, to_triangles, to_points, to_voxel, grid, bits,  # noqa: ANN001
):  # fmt: skip
    total = max(len(boxes), len(triangles))
    parts = 64
    worst, sums, histogram = np.zeros((parts, 4)), np.zeros((parts, 3)), np.zeros((parts, 8192), np.int64)
    for part in nb.prange(parts):
        out = np.empty((64, 5))
        last = np.full(4, -1)
        guess = 0
        far = -1.0
        for f in range(part * total // parts, (part + 1) * total // parts):
            out, count = _samples(boxes, triangles, points, voxel, corners, f, spacing, out)
            for n in range(count):
                corner = int(out[n, 4])
                if corner >= 0:
                    square = known[corner]
                else:
                    x, y, z = out[n, 0], out[n, 1], out[n, 2]
                    square, guess = _square(
                        to_boxes, to_triangles, to_points, to_voxel, grid, bits, last, x, y, z, guess
                    )
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
