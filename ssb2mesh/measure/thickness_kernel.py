"""Compiled loops of `ssb2mesh.measure.thickness`: distances to the wall, balls, painting. No results here."""

from __future__ import annotations

import numba as nb
import numpy as np

__all__ = ["balls", "paint", "refine"]


#: Most pieces looked at around a voxel; a distance of none.
KNOWN, FAR = 64, 1e30
#: Pieces of wall this much farther than the nearest count as touched, longest voxel edges.
NEAR = 0.15
#: How far a piece of wall extends around its middle, longest voxel edges.
PIECE = 0.7
#: Rise of the distance towards a neighbour whose ball makes that of a voxel needless. Where it rises by one, balls hold
#: each other; the direction to a neighbour is up to 27 degrees off that of the rise, whose cosine is 0.89.
STEEP = 0.85
#: How much farther than its radius a ball holds the centres of voxels, longest edges: first so much, to make up for
#: what balls and wall are off; then, of voxels that none holds, so much, since voxels at rough walls stick out.
HOLD, EDGE = 0.1, 0.4


@nb.njit(cache=True, nogil=True, inline="always")
def _apart(x, y, z, i, j, k, piece, steps):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Distance from a point to the piece of surface of the voxel (i, j, k)."""
    dx, dy, dz = (x - i) * steps[0], (y - j) * steps[1], (z - k) * steps[2]
    over = dx * piece[0] + dy * piece[1] + dz * piece[2]
    aside = np.sqrt(max(dx * dx + dy * dy + dz * dz - over * over, 0.0)) - PIECE * max(steps[0], steps[1], steps[2])
    over -= piece[3]
    return over if aside <= 0.0 else np.sqrt(over * over + aside * aside)


@nb.njit(cache=True, nogil=True)
def _around(mask, wall, steps, i, j, k, known):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Fill `known` with the pieces facing a voxel, at the voxels outside nearest to it or a neighbour; how many."""
    near, index, places, pieces = wall
    shape = mask.shape
    slab = np.int64(shape[1]) * shape[2]
    n = 0
    for x in range(max(i - 1, 0), min(i + 2, shape[0])):
        for y in range(max(j - 1, 0), min(j + 2, shape[1])):
            for z in range(max(k - 1, 0), min(k + 2, shape[2])):
                f = near[x, y, z]
                q = index.ravel()[f]
                if q < 0:
                    continue
                new = True
                for m in range(n):
                    if places[known[m]] == f:
                        new = False
                        break
                while new and n < len(known) and q < len(places) and places[q] == f:
                    dx, dy, dz = i - f // slab, j - f % slab // shape[2], k - f % shape[2]
                    dx, dy, dz = dx * steps[0], dy * steps[1], dz * steps[2]
                    if dx * pieces[q, 0] + dy * pieces[q, 1] + dz * pieces[q, 2] > 0.0:
                        known[n] = q
                        n += 1
                    q += 1
    return n


@nb.njit(cache=True, nogil=True)
def refine(mask, wall, steps, first, last, distance):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Write the distance of the voxels of a slab to the pieces of the wall nearest to them and their neighbours."""
    shape = mask.shape
    slab = np.int64(shape[1]) * shape[2]
    _, _, places, pieces = wall
    known = np.empty(KNOWN, np.int64)
    for i in range(first, last):
        for j in range(shape[1]):
            for k in range(shape[2]):
                if not mask[i, j, k]:
                    continue
                best = FAR
                for q in range(_around(mask, wall, steps, i, j, k, known)):
                    f = places[known[q]]
                    x, y, z = f // slab, f % slab // shape[2], f % shape[2]
                    best = min(best, _apart(i, j, k, x, y, z, pieces[known[q]], steps))
                if best < FAR:
                    distance[i, j, k] = max(best, 0.0)


@nb.njit(cache=True, nogil=True)
def balls(mask, wall, distance, steps, first, last):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Return centres (index coordinates) and radii, (n, 4), of the balls of a slab that no neighbour's ball holds.

    Centres are moved off the voxels to where the distance is largest.
    """
    shape = mask.shape
    centres = np.empty((1024, 4))
    known, around, faces = np.empty(2 * KNOWN, np.int64), np.empty((2 * KNOWN, 3)), np.empty((2 * KNOWN, 4), np.float32)
    count = 0
    for i in range(first, last):
        for j in range(shape[1]):
            for k in range(shape[2]):
                if not mask[i, j, k] or _covered(mask, distance, i, j, k, steps):
                    continue
                if count == len(centres):
                    centres = np.concatenate((centres, np.empty((count, 4))))
                out = centres[count]
                out[0], out[1], out[2], out[3] = i, j, k, distance[i, j, k]
                count += 1
                n = _around(mask, wall, steps, i, j, k, known[:KNOWN])
                if n == 0:
                    continue
                _look_up(wall, shape, known[:n], around, faces)
                _climb(around[:n], faces, steps, shape, out)
                # nearer to the other wall than to that of the voxel the climb began at: what lies there counts too
                x, y, z = _voxel(out[0], shape[0]), _voxel(out[1], shape[1]), _voxel(out[2], shape[2])
                if (x != i or y != j or z != k) and mask[x, y, z]:
                    n += _around(mask, wall, steps, x, y, z, known[n : n + KNOWN])
                    _look_up(wall, shape, known[:n], around, faces)
                    out[0], out[1], out[2], out[3] = i, j, k, distance[i, j, k]
                    _climb(around[:n], faces, steps, shape, out)
    return centres[:count]


@nb.njit(cache=True, nogil=True, inline="always")
def _voxel(at, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the voxel that a place between two sides of the box lies in; the sides belong to the last ones."""
    return min(max(int(np.floor(at + 0.5)), 0), count - 1)


@nb.njit(cache=True, nogil=True)
def _look_up(wall, shape, known, around, faces):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the voxels of pieces, and the pieces."""
    _, _, places, pieces = wall
    slab = np.int64(shape[1]) * shape[2]
    for q in range(len(known)):
        f = places[known[q]]
        around[q, 0], around[q, 1], around[q, 2] = f // slab, f % slab // shape[2], f % shape[2]
        faces[q] = pieces[known[q]]


@nb.njit(cache=True, nogil=True)
def _covered(mask, distance, i, j, k, steps):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Whether the ball of a neighbour all but holds that of a voxel."""
    here = distance[i, j, k]
    for x in range(max(i - 1, 0), min(i + 2, mask.shape[0])):
        for y in range(max(j - 1, 0), min(j + 2, mask.shape[1])):
            for z in range(max(k - 1, 0), min(k + 2, mask.shape[2])):
                dx, dy, dz = (x - i) * steps[0], (y - j) * steps[1], (z - k) * steps[2]
                apart = np.sqrt(dx * dx + dy * dy + dz * dz)
                if mask[x, y, z] and apart > 0.0 and distance[x, y, z] >= here + STEEP * apart:
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
        if abs(over - out[3]) < NEAR * max(steps[0], steps[1], steps[2]):
            total += over
            n += 1
    if n > 0:
        out[3] = total / n


@nb.njit(cache=True, nogil=True)
def paint(centres, steps, edge, jump, out, first, last):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Write twice the radius of the largest ball that holds each voxel of a slab; balls come largest first.

    A ball holds centres of voxels up to `edge` farther than its radius.
    `jump` leads from each voxel of a row to the next one that is not painted yet, so that each is painted once.
    """
    nz = out.shape[2]
    for b in range(len(centres)):
        cx, cy, cz, r = centres[b, 0], centres[b, 1], centres[b, 2], centres[b, 3]
        wide = r + edge
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
