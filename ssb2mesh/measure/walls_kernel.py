"""Compiled loops of `ssb2mesh.measure.walls`: crossings, the contours that join them, smoothing. No results here.

A crossing is a voxel outside a mask and a direction (0 to 5: -x, x, -y, y, -z, z) in which its neighbour is inside.
"""

from __future__ import annotations

import numba as nb
import numpy as np

__all__ = ["crossings", "join", "pieces", "smooth"]

#: Crossings on either side of one that its curve is fitted to, and how many where one circle passes near all of these.
REACH, LONG = 5, 14
#: Standard deviation of their weights, shares of the reach.
DEVIATION = 0.66
#: How near to all of the crossings a long circle must pass, voxel edges, and how near if it turns by more than TURN,
#: radians, to either side: an ellipse is near to a circle all around.
PASSES, PASSES_BENT, TURN = 0.5, 0.42, 1.2
#: How near to a voxel's centre the wall may come, voxel edges.
NEAREST = 0.02
#: Squared cosine between an edge and the wall's normal below which the edge does not tell where the wall is.
GRAZING = 0.02
#: Hold on straight curves, where few points tell of no curvature.
STRAIGHT = 1e-3


@nb.njit(cache=True, nogil=True, inline="always")
def _beside(i, j, k, way):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the voxel next to one in a direction."""
    step = 1 if way & 1 else -1
    if way < 2:
        return i + step, j, k
    if way < 4:
        return i, j + step, k
    return i, j, k + step


@nb.njit(cache=True, nogil=True, inline="always")
def _within(mask, i, j, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return i >= 0 and j >= 0 and k >= 0 and i < mask.shape[0] and j < mask.shape[1] and k < mask.shape[2]


@nb.njit(cache=True, nogil=True)
def crossings(mask, first, last):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return the voxels (flat) and directions of the crossings of a slab, ordered by voxel, then direction."""
    owner, ways = np.empty(1024, np.int64), np.empty(1024, np.uint8)
    count = 0
    for i in range(first, last):
        for j in range(mask.shape[1]):
            for k in range(mask.shape[2]):
                if mask[i, j, k]:
                    continue
                for way in range(6):
                    x, y, z = _beside(i, j, k, way)
                    if not _within(mask, x, y, z) or not mask[x, y, z]:
                        continue
                    if count == len(owner):
                        owner = np.concatenate((owner, np.empty(count, np.int64)))
                        ways = np.concatenate((ways, np.empty(count, np.uint8)))
                    owner[count] = (np.int64(i) * mask.shape[1] + j) * mask.shape[2] + k
                    ways[count] = way
                    count += 1
    return owner[:count], ways[:count]


@nb.njit(cache=True, nogil=True, inline="always")
def _find(index, ways, shape, i, j, k, way):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Return the crossing of a voxel in a direction."""
    q = index[(np.int64(i) * shape[1] + j) * shape[2] + k]
    while ways[q] != way:
        q += 1
    return q


@nb.njit(cache=True, nogil=True)
def join(mask, index, owner, ways, link, first, last):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Write to `link`, (n, 4), what follows each crossing along the contours in the two grid planes through its edge.

    The columns are the four directions across the edge, in order; an entry is six times the next crossing plus the
    direction in which the contour goes on from there, or -1 at the sides of the box. Four voxels in a plane of which
    two opposite ones are inside have these joined.
    """
    shape = mask.shape
    for q in range(first, last):
        f, way = owner[q], ways[q]
        i, j, k = f // (np.int64(shape[1]) * shape[2]), f // shape[2] % shape[1], f % shape[2]
        x, y, z = _beside(i, j, k, way)
        column = 0
        for across in range(6):
            if across // 2 == way // 2:
                continue
            a, b, c = _beside(i, j, k, across)
            u, v, w = _beside(x, y, z, across)
            if not _within(mask, a, b, c):
                link[q, column] = -1
            elif mask[a, b, c]:
                link[q, column] = 6 * _find(index, ways, shape, i, j, k, across) + (way ^ 1)
            elif mask[u, v, w]:
                link[q, column] = 6 * _find(index, ways, shape, a, b, c, way) + across
            else:
                link[q, column] = 6 * _find(index, ways, shape, u, v, w, across ^ 1) + way
            column += 1


@nb.njit(cache=True, nogil=True, inline="always")
def _column(way, across):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return across if across < way // 2 * 2 else across - 2


@nb.njit(cache=True, nogil=True, inline="always")
def _at(q, wall, heights, axis):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return one index coordinate of a crossing."""
    ways, places = wall
    way, at = ways[q], float(places[q, axis])
    if way // 2 != axis:
        return at
    return at + heights[q] if way & 1 else at - heights[q]


@nb.njit(cache=True, nogil=True)
def _contour(q, other, wall, link, heights, steps, reach, points):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Fill `points` (along the edge, across it, steps away) with a crossing's contour across `other`.

    Return how many there are and the direction of the neighbours' chord. Lengths count from the crossing itself, which
    is the last point.
    """
    ways = wall[0]
    axis = ways[q] // 2
    x0, y0 = _at(q, wall, heights, axis), _at(q, wall, heights, other)
    n = 0
    along = across = 0.0
    for side in range(2):
        m, way = np.int64(q), np.int64(2 * other + side)
        x = y = 0.0
        for s in range(1, reach + 1):
            after = np.int64(link[m, _column(ways[m], way)])
            if after < 0:
                break
            m, way = after // 6, after % 6
            points[n, 0] = (_at(m, wall, heights, axis) - x0) * steps[axis]
            points[n, 1] = (_at(m, wall, heights, other) - y0) * steps[other]
            points[n, 2] = s
            if s < 3:
                x, y = points[n, 0], points[n, 1]
            n += 1
        along += x if side else -x
        across += y if side else -y
    points[n, :] = 0.0
    return n + 1, along, across


@nb.njit(cache=True, nogil=True)
def _fit(points, n, weights, along, across, a):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Fit a circle, or a line, to points by least squares; return how far it passes from the last point, slope, bend.

    Both in the frame of the direction (along, across), which is a unit vector. Of v + c (u u + v v) = o + b u, which is
    every circle that no ray along v touches twice nearby, o, b and c are returned.
    """
    a[:] = 0.0
    for s in range(n):
        u = points[s, 0] * along + points[s, 1] * across
        v = points[s, 1] * along - points[s, 0] * across
        square, w = u * u + v * v, weights[np.int64(points[s, 2])]
        a[0, 0] += w
        a[0, 1] += w * u
        a[0, 2] -= w * square
        a[0, 3] += w * v
        a[1, 1] += w * u * u
        a[1, 2] -= w * u * square
        a[1, 3] += w * u * v
        a[2, 2] += w * square * square
        a[2, 3] -= w * square * v
    a[1, 0], a[2, 0], a[2, 1] = a[0, 1], a[0, 2], a[1, 2]
    a[2, 2] += STRAIGHT * a[0, 0]
    for x in range(3):
        if a[x, x] < 1e-9:
            return 0.0, 0.0, 0.0
        for y in range(3, x - 1, -1):
            a[x, y] /= a[x, x]
        for z in range(3):
            if z != x:
                for y in range(3, x - 1, -1):
                    a[z, y] -= a[z, x] * a[x, y]
    return a[0, 3], a[1, 3], a[2, 3]


@nb.njit(cache=True, nogil=True)
def _passes(points, n, along, across, circle, limit):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Whether a circle passes near all points; `limit` is a voxel edge."""
    away, slope, bend = circle
    limit *= PASSES if 2.0 * abs(bend) * LONG * limit < TURN else PASSES_BENT
    for s in range(n):
        u = points[s, 0] * along + points[s, 1] * across
        v = points[s, 1] * along - points[s, 0] * across
        if abs(v + bend * (u * u + v * v) - away - slope * u) > limit:
            return False
    return True


@nb.njit(cache=True, nogil=True)
def smooth(wall, link, long, test, heights, new, normals, steps, first, last):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Write to `new` where the circles fitted to the two contours through each crossing's edge meet the edge.

    `wall` are the directions of the crossings and the index coordinates of their voxels, `heights` the heights before,
    from these voxels, in voxel edges; `long` says which contours (bits 1 and 2) are fitted to over a long reach, and
    `test` whether the others shall be tried; `normals`, (n, 3), become the products of the two circles' tangents, into
    the mask (not written if it has no rows): the shorter these are, the less both tell.
    """
    ways = wall[0]
    points, matrix = np.empty((2 * LONG + 1, 3)), np.empty((3, 4))
    near, far = np.zeros(LONG + 1), np.zeros(LONG + 1)
    for s in range(LONG + 1):
        far[s] = np.exp(-0.5 * (s / (DEVIATION * LONG)) ** 2)
        near[s] = np.exp(-0.5 * (s / (DEVIATION * REACH)) ** 2) if s <= REACH else 0.0
    tangents = np.empty((2, 3))
    for q in range(first, last):
        way, known = ways[q], long[q]
        axis = way // 2
        total = weights = 0.0
        tangents[:] = 0.0
        for plane in range(2):
            other = (axis + 1 + plane) % 3
            bit = 1 << plane
            wide = test or known & bit
            n, along, across = _contour(q, other, wall, link, heights, steps, LONG if wide else REACH, points)
            size = np.sqrt(along * along + across * across)
            if n < 3 or size < 1e-9:
                tangents[plane, other] = 1.0
                continue
            along, across = along / size, across / size
            circle = _fit(points, n, far if wide else near, along, across, matrix)
            if test and not known & bit:
                if _passes(points, n, along, across, circle, max(steps[axis], steps[other])):
                    long[q] |= bit
                else:
                    circle = _fit(points, n, near, along, across, matrix)
            away, slope, _ = circle
            tangents[plane, axis], tangents[plane, other] = along - slope * across, across + slope * along
            # the circle passes the crossing at o + b u; the edge is (along, -across) in this frame
            steep = -across - slope * along
            cosine = steep * steep / (1.0 + slope * slope)
            if cosine > GRAZING:
                total += cosine * away / steep
                weights += cosine
        height = float(heights[q])
        if weights > 0.0:
            move = total / weights / steps[axis]
            height = min(max(height + (move if way & 1 else -move), NEAREST), 1.0 - NEAREST)
        new[q] = height
        if len(normals):
            sign = 1.0 if way & 1 else -1.0
            for x in range(3):
                y, z = (x + 1) % 3, (x + 2) % 3
                normals[q, x] = sign * (tangents[0, y] * tangents[1, z] - tangents[0, z] * tangents[1, y])


@nb.njit(cache=True, nogil=True)
def pieces(crossing, heights, normals, steps, first, last):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Return pieces of the wall (normal, height over the voxel's centre), (n, 4), and their voxels, (n,).

    If all crossings of a voxel look the same way they are one piece, else each is one; those that graze are left out.
    `first` is the first crossing of a voxel, `last` is the one after the last of another.
    """
    owner, ways = crossing
    found, places = np.empty((last - first, 4), np.float32), np.empty(last - first, np.int64)
    own, weights = np.empty((6, 4)), np.empty(6)
    n, q = 0, first
    while q < last:
        f, have = owner[q], 0
        while q < last and owner[q] == f:
            axis = ways[q] // 2
            into = abs(normals[q, axis])
            if into > GRAZING:
                size = np.sqrt(_along(normals[q], normals[q]))
                for a in range(3):
                    own[have, a] = normals[q, a] / size
                own[have, 3], weights[have] = heights[q] * steps[axis] * into / size, into * into
                have += 1
            q += 1
        if have > 1 and _same_side(own[:have]):
            have = _mean(own, weights, have)
        for g in range(have):
            found[n], places[n] = own[g], f
            n += 1
    return found[:n], places[:n]


@nb.njit(cache=True, nogil=True)
def _same_side(own):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Whether all normals look the same way."""
    for g in range(len(own)):
        for h in range(g):
            if _along(own[g], own[h]) <= 0.0:
                return False
    return True


@nb.njit(cache=True, nogil=True)
def _mean(own, weights, have):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the mean of pieces in place of the first; return one."""
    total = weights[0]
    for a in range(4):
        own[0, a] *= weights[0]
    for g in range(1, have):
        total += weights[g]
        for a in range(4):
            own[0, a] += weights[g] * own[g, a]
    size = np.sqrt(_along(own[0], own[0]))
    for a in range(3):
        own[0, a] /= size
    own[0, 3] /= total
    return 1


@nb.njit(cache=True, nogil=True, inline="always")
def _along(a, b):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
