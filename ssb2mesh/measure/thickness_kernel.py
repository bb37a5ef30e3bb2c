"""Compiled loops of `ssb2mesh.measure.thickness`: where the surface lies, balls, painting. No results here."""

from __future__ import annotations

import numba as nb
import numpy as np

from ssb2mesh.measure.window import KEEP, lines_gradient

__all__ = ["balls", "paint", "patches", "refine"]


#: Reach of the fit and standard deviations of its weights along and across the surface, smallest voxel edges.
FIT = 3
ALONG, ACROSS = 1.5, 1.0
#: How far a piece of surface extends around its middle, smallest voxel edges.
PIECE = 0.7
#: How much farther than its radius a ball holds the centres of voxels, longest edges: voxels at the surface stick out.
EDGE = 0.3
#: Directions in which a ball looks for the surface it touches; stride of the search, smallest voxel edges.
RAYS, STRIDE = 128, 0.5
#: A ball touches what lies within BAND of its radius and whose normal passes its centre within ASIDE and a share SPREAD
#: of its radius (lengths in mean voxel edges).
BAND, ASIDE, SPREAD = 0.6, 0.7, 0.15
#: Most fits of a ball, change of its radius at which they end, and hold on the centre where the surface leaves it free.
TURNS, SETTLED, STAY = 6, 0.02, 0.02
#: Share of the directions in which a ball must touch: the nearest of few pieces is not biased.
ENOUGH = 0.08
#: Radius below which nothing is fitted, mean voxel edges.
LEAST = 1.5


@nb.njit(cache=True, nogil=True)
def patches(mask, along_x, along_y, along_z, steps, first, last):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return the voxels outside a mask that touch it, (n,), and a piece of the smooth surface for each, (n, 4).

    A piece is its unit normal towards the mask and its height over the voxel's centre. In a frame along the normal, the
    middles of the faces around are fitted by a paraboloid of revolution, whose height is free of the curvature.
    """
    half = np.zeros(3, np.int64)
    at = np.empty(3, np.int64)
    n = np.empty(3)
    places, pieces = np.empty(1024, np.int64), np.empty((1024, 4), np.float32)
    count = 0
    for i in range(first, last):
        for j in range(mask.shape[1]):
            for k in range(mask.shape[2]):
                if mask[i, j, k] or not _touches(mask, i, j, k):
                    continue
                if count == len(places):
                    places = np.concatenate((places, np.empty(count, np.int64)))
                    pieces = np.concatenate((pieces, np.empty((count, 4), np.float32)))
                at[0], at[1], at[2] = i, j, k
                lines_gradient(mask, at, half, along_x, along_y, along_z, KEEP, 1, 0, steps, n)
                _unit(n)
                places[count] = (np.int64(i) * mask.shape[1] + j) * mask.shape[2] + k
                pieces[count, 0], pieces[count, 1], pieces[count, 2] = n[0], n[1], n[2]
                pieces[count, 3] = _height(mask, at, n, steps)
                count += 1
    return places[:count], pieces[:count]


@nb.njit(cache=True, nogil=True)
def _touches(mask, i, j, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Whether one of the six neighbours is in the mask."""
    return (
        (i > 0 and mask[i - 1, j, k] == 1)
        or (j > 0 and mask[i, j - 1, k] == 1)
        or (k > 0 and mask[i, j, k - 1] == 1)
        or (i + 1 < mask.shape[0] and mask[i + 1, j, k] == 1)
        or (j + 1 < mask.shape[1] and mask[i, j + 1, k] == 1)
        or (k + 1 < mask.shape[2] and mask[i, j, k + 1] == 1)
    )


@nb.njit(cache=True, nogil=True)
def _unit(n):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Make `n` a unit vector; along z where there is no direction."""
    size = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
    if size > 0.0:
        for a in range(3):
            n[a] /= size
    else:
        n[2] = 1.0


@nb.njit(cache=True, nogil=True)
def _height(mask, at, n, steps):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Height of the surface over a voxel's centre along the direction `n` towards the mask."""
    reach = FIT
    s0 = s1 = s2 = h0 = h1 = 0.0
    for axis in range(3):
        for dx in range(-reach, reach + 1):
            x = at[0] + dx
            if x < 0 or x + (axis == 0) >= mask.shape[0]:
                continue
            for dy in range(-reach, reach + 1):
                y = at[1] + dy
                if y < 0 or y + (axis == 1) >= mask.shape[1]:
                    continue
                for dz in range(-reach, reach + 1):
                    z = at[2] + dz
                    if z < 0 or z + (axis == 2) >= mask.shape[2]:
                        continue
                    up = np.int64(mask[x + (axis == 0), y + (axis == 1), z + (axis == 2)]) - np.int64(mask[x, y, z])
                    facing = up * n[axis] / steps[axis]
                    if facing <= 0.0:  # no face, or one of the opposite wall
                        continue
                    px = (dx + 0.5 * (axis == 0)) * steps[0]
                    py = (dy + 0.5 * (axis == 1)) * steps[1]
                    pz = (dz + 0.5 * (axis == 2)) * steps[2]
                    height = px * n[0] + py * n[1] + pz * n[2]
                    square = px * px + py * py + pz * pz - height * height
                    if square > 2.0 * FIT * FIT:
                        continue
                    w = facing * np.exp(-0.5 * square / ALONG**2 - 0.5 * (height / ACROSS) ** 2)
                    s0 += w
                    s1 += w * square
                    s2 += w * square * square
                    h0 += w * height
                    h1 += w * height * square
    if s0 == 0.0:
        return 0.5
    mean = h0 / s0
    determinant = s0 * s2 - s1 * s1
    if determinant > 0.05 * s0 * s2:
        found = (h0 * s2 - h1 * s1) / determinant
        if abs(found - mean) < 0.5:
            mean = found
    return min(max(mean, 0.0), max(steps[0], steps[1], steps[2]))


@nb.njit(cache=True, nogil=True, inline="always")
def _apart(x, y, z, i, j, k, piece, steps):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Distance from a point to the piece of surface of the voxel (i, j, k)."""
    dx, dy, dz = (x - i) * steps[0], (y - j) * steps[1], (z - k) * steps[2]
    over = dx * piece[0] + dy * piece[1] + dz * piece[2]
    aside = np.sqrt(max(dx * dx + dy * dy + dz * dz - over * over, 0.0)) - PIECE
    over -= piece[3]
    return over if aside <= 0.0 else np.sqrt(over * over + aside * aside)


@nb.njit(cache=True, nogil=True)
def _around(mask, near, index, i, j, k, known):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Fill `known` with the different voxels outside that are nearest to a voxel or a neighbour of it; how many."""
    shape = mask.shape
    n = 0
    for x in range(max(i - 1, 0), min(i + 2, shape[0])):
        for y in range(max(j - 1, 0), min(j + 2, shape[1])):
            for z in range(max(k - 1, 0), min(k + 2, shape[2])):
                f = near[x, y, z]
                if not mask[x, y, z] and index[f] < 0:
                    continue
                new = True
                for q in range(n):
                    if known[q] == f:
                        new = False
                        break
                if new:
                    known[n] = f
                    n += 1
    return n


@nb.njit(cache=True, nogil=True)
def refine(mask, near, index, pieces, steps, first, last, distance):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Write the distance of the voxels of a slab to the pieces of surface nearest to them and their neighbours."""
    shape = mask.shape
    slab = np.int64(shape[1]) * shape[2]
    known = np.empty(27, np.int64)
    for i in range(first, last):
        for j in range(shape[1]):
            for k in range(shape[2]):
                if not mask[i, j, k]:
                    continue
                best = 1e30
                for q in range(_around(mask, near, index, i, j, k, known)):
                    f = known[q]
                    x, y, z = f // slab, f % slab // shape[2], f % shape[2]
                    best = min(best, _apart(i, j, k, x, y, z, pieces[index[f]], steps))
                distance[i, j, k] = max(best, 0.0)


@nb.njit(cache=True, nogil=True)
def balls(mask, near, index, pieces, distance, steps, rays, wide, first, last):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Return centres (index coordinates) and radii, (n, 4), of the balls of a slab that no neighbour's ball holds.

    Centres are moved off the voxels to where the distance is largest. `rays` are unit vectors, `wide` the mean edge.
    """
    shape = mask.shape
    slab = np.int64(shape[1]) * shape[2]
    centres = np.empty((1024, 4))
    known = np.empty(27, np.int64)
    around = np.empty((27, 3), np.int64)
    near_pieces = np.empty((27, 4), np.float32)
    count = 0
    for i in range(first, last):
        for j in range(shape[1]):
            for k in range(shape[2]):
                if not mask[i, j, k] or _covered(mask, distance, i, j, k, steps):
                    continue
                n = _around(mask, near, index, i, j, k, known)
                for q in range(n):
                    f = known[q]
                    around[q, 0], around[q, 1], around[q, 2] = f // slab, f % slab // shape[2], f % shape[2]
                    near_pieces[q] = pieces[index[f]]
                if count == len(centres):
                    centres = np.concatenate((centres, np.empty((count, 4))))
                out = centres[count]
                out[0], out[1], out[2], out[3] = i, j, k, distance[i, j, k]
                _climb(around[:n], near_pieces, steps, shape, out)
                _settle(mask, index, pieces, steps, rays, wide, out)
                count += 1
    return centres[:count]


@nb.njit(cache=True, nogil=True)
def _covered(mask, distance, i, j, k, steps):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Whether the ball of a neighbour holds that of a voxel."""
    here = distance[i, j, k]
    for x in range(max(i - 1, 0), min(i + 2, mask.shape[0])):
        for y in range(max(j - 1, 0), min(j + 2, mask.shape[1])):
            for z in range(max(k - 1, 0), min(k + 2, mask.shape[2])):
                dx, dy, dz = (x - i) * steps[0], (y - j) * steps[1], (z - k) * steps[2]
                apart = np.sqrt(dx * dx + dy * dy + dz * dz)
                # the margin: distances are known to some hundredths only
                if mask[x, y, z] and apart > 0.0 and distance[x, y, z] >= here + apart - 0.05:
                    return True
    return False


@nb.njit(cache=True, nogil=True)
def _climb(around, pieces, steps, shape, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Move a ball (centre and radius in `out`) within about a voxel to where it is largest."""
    size = 0.5
    for _ in range(4):
        cx, cy, cz = out[0], out[1], out[2]
        for move in range(27):
            x, y, z = cx + size * (move // 9 - 1), cy + size * (move // 3 % 3 - 1), cz + size * (move % 3 - 1)
            if min(x, y, z) < -0.5 or x > shape[0] - 0.5 or y > shape[1] - 0.5 or z > shape[2] - 0.5:
                continue
            least = 1e30
            for q in range(len(around)):
                least = min(least, _apart(x, y, z, around[q, 0], around[q, 1], around[q, 2], pieces[q], steps))
                if least <= out[3]:
                    break
            if least > out[3]:
                out[0], out[1], out[2], out[3] = x, y, z, least
        size *= 0.5
    # the nearest of many pieces is the one that noise brought nearest: the radius is the mean over those it touches
    total, n = 0.0, 0
    for q in range(len(around)):
        dx, dy = (out[0] - around[q, 0]) * steps[0], (out[1] - around[q, 1]) * steps[1]
        dz = (out[2] - around[q, 2]) * steps[2]
        over = dx * pieces[q, 0] + dy * pieces[q, 1] + dz * pieces[q, 2] - pieces[q, 3]
        if abs(over - out[3]) < 0.5:
            total += over
            n += 1
    if n > 0:
        out[3] = total / n


@nb.njit(cache=True, nogil=True)
def _hit(mask, steps, ball, ray, start, long):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Return the first voxel outside on a ray from a ball's centre, sought from `start` over `long`; -1 if none."""
    tx, ty, tz = ray[0] / steps[0], ray[1] / steps[1], ray[2] / steps[2]
    x, y, z = ball[0] + start * tx, ball[1] + start * ty, ball[2] + start * tz
    for _ in range(int(long / STRIDE) + 1):
        i, j, k = int(np.floor(x + 0.5)), int(np.floor(y + 0.5)), int(np.floor(z + 0.5))
        if min(i, j, k) < 0 or i >= mask.shape[0] or j >= mask.shape[1] or k >= mask.shape[2]:
            return -1
        if not mask[i, j, k]:
            return (np.int64(i) * mask.shape[1] + j) * mask.shape[2] + k
        x, y, z = x + STRIDE * tx, y + STRIDE * ty, z + STRIDE * tz
    return -1


@nb.njit(cache=True, nogil=True)
def _settle(mask, index, pieces, steps, rays, wide, ball):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Fit a ball (centre and radius) to all pieces of surface that it touches, by least squares.

    Heights of pieces scatter by 0.1 to 0.3 voxels, so that the nearest of the many around a ball or a cylinder is too
    near. Rays meet high and low ones as often as they occur.
    """
    slab = np.int64(mask.shape[1]) * mask.shape[2]
    a, v = np.empty((4, 5)), np.empty(5)
    if ball[3] < LEAST * wide:
        return
    for turn in range(TURNS):
        # a look in every fourth direction first: most balls in a random structure touch little
        every = 4 if turn == 0 else 1
        a[:] = 0.0
        touched = 0
        aside, band = wide * ASIDE + SPREAD * ball[3], wide * BAND
        start = max(ball[3] - 1.2 * wide, 0.0)
        for q in range(0, len(rays), every):
            f = _hit(mask, steps, ball, rays[q], start, 2.0 * wide)
            if f < 0 or index[f] < 0:
                continue
            dx, dy = (ball[0] - f // slab) * steps[0], (ball[1] - f % slab // mask.shape[2]) * steps[1]
            dz = (ball[2] - f % mask.shape[2]) * steps[2]
            piece = pieces[index[f]]
            over = dx * piece[0] + dy * piece[1] + dz * piece[2]
            gap = over - piece[3] - ball[3]
            if abs(gap) > band or dx * dx + dy * dy + dz * dz - over * over > aside * aside:
                continue
            touched += 1
            w = (1.0 - (gap / band) ** 2) ** 2
            v[0], v[1], v[2], v[3], v[4] = piece[0], piece[1], piece[2], -1.0, -gap
            for x in range(4):
                for y in range(5):
                    a[x, y] += w * v[x] * v[y]
        if touched < (0.125 if every > 1 else 1.0) * ENOUGH * len(rays):
            return
        if every > 1:
            continue
        for x in range(3):  # what the pieces leave open stays where it is
            a[x, x] += STAY * a[3, 3]
        _solve(a)
        far = max(np.sqrt(a[0, 4] ** 2 + a[1, 4] ** 2 + a[2, 4] ** 2), 0.5 * wide) / (0.5 * wide)
        for x in range(3):
            ball[x] = min(max(ball[x] + a[x, 4] / far / steps[x], -0.5), mask.shape[x] - 0.5)
        ball[3] += min(max(a[3, 4], -0.5 * wide), 0.5 * wide)
        if abs(a[3, 4]) < SETTLED * wide:
            return


@nb.njit(cache=True, nogil=True)
def _solve(a):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the solution of four equations with a positive definite matrix, (4, 5) with the right side, to column 4."""
    for x in range(4):
        for y in range(4, x - 1, -1):
            a[x, y] /= a[x, x]
        for z in range(4):
            if z != x:
                for y in range(4, x - 1, -1):
                    a[z, y] -= a[z, x] * a[x, y]


@nb.njit(cache=True, nogil=True)
def paint(centres, steps, first, last, jump, out):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Write twice the radius of the largest ball that holds each voxel of a slab; balls come largest first.

    `jump` leads from each voxel of a row to the next one that is not painted yet, so that each is painted once.
    """
    nz = out.shape[2]
    for b in range(len(centres)):
        cx, cy, cz, r = centres[b, 0], centres[b, 1], centres[b, 2], centres[b, 3]
        wide = r + EDGE * max(steps[0], steps[1], steps[2])
        for i in range(
            max(first, int(np.ceil(cx - wide / steps[0]))), min(last, int(np.floor(cx + wide / steps[0])) + 1)
        ):
            rest = wide * wide - ((i - cx) * steps[0]) ** 2
            if rest < 0.0:
                continue
            long = np.sqrt(rest) / steps[1]
            for j in range(max(0, int(np.ceil(cy - long))), min(out.shape[1], int(np.floor(cy + long)) + 1)):
                left = rest - ((j - cy) * steps[1]) ** 2
                if left < 0.0:
                    continue
                tall = np.sqrt(left) / steps[2]
                k, end = max(0, int(np.ceil(cz - tall))), min(nz, int(np.floor(cz + tall)) + 1)
                row = jump[i, j]
                while True:
                    # follow the jumps to the next voxel that is free, shortening the way for those who come later
                    free = k
                    while free < nz and row[free] != free:
                        free = row[free]
                    while k < free:
                        after = row[k]
                        row[k] = free
                        k = after
                    if free >= end:
                        break
                    out[i, j, free] = 2.0 * r
                    row[free] = free + 1
                    k = free + 1
                    if k >= nz:
                        break
