"""Compiled loops of `ssb2mesh.measure.cracks`: direction and width of a sheet at its faces. No names, no results."""

from __future__ import annotations

import numba as nb
import numpy as np

__all__ = ["sheet_widths"]

#: Share of a voxel edge by which lines advance.
STEP = 0.1
#: How far beside a place the sheet is looked for, and the gap that ends it, smallest voxel edges.
SEARCH = 1.5
GAP = 0.8


@nb.njit(cache=True, nogil=True)
def sheet_widths(mask, places, normals, lines, weights, steps, longest, widths, directions):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Fill width (n,) and unit direction (n, 3) of a sheet, mask 1, at its faces.

    `places` are lower voxel and axis of each face, `normals` point out of the sheet, `lines` (m, 2) are offsets across
    the direction. The width is the mean length of the lines inside; -1 where no line ends inside the volume.
    """
    e, p = np.empty(3), np.empty(3)
    for f in range(len(places)):
        axis = places[f, 3]
        for a in range(3):
            # a quarter of a voxel inside the face, in lengths
            centre = places[f, a] + (0.5 if a == axis else 0.0)
            p[a] = centre * steps[a] - 0.25 * normals[f, a]
        _direction(mask, places[f], normals[f], weights, steps, e)
        widths[f] = _width(mask, p, e, lines, steps, longest)
        for a in range(3):
            directions[f, a] = e[a]


@nb.njit(cache=True, nogil=True)
def _direction(mask, place, normal, weights, steps, e):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913, ANN001, ANN202
    """Fill `e` with the thin direction of the mask around a face; its normal if the mask is no sheet there."""
    reach = weights.shape[1] // 2
    axis = place[3]
    total = 0.0
    first = np.zeros(3)
    second = np.zeros((3, 3))
    d = np.empty(3)
    for dx in range(-reach, reach + 1):
        for dy in range(-reach, reach + 1):
            for dz in range(-reach, reach + 1):
                x, y, z = place[0] + dx, place[1] + dy, place[2] + dz
                if x < 0 or y < 0 or z < 0 or x >= mask.shape[0] or y >= mask.shape[1] or z >= mask.shape[2]:
                    continue
                if mask[x, y, z] == 0:
                    continue
                w = weights[0, dx + reach] * weights[1, dy + reach] * weights[2, dz + reach]
                d[0] = (dx - 0.5 * (axis == 0)) * steps[0]
                d[1] = (dy - 0.5 * (axis == 1)) * steps[1]
                d[2] = (dz - 0.5 * (axis == 2)) * steps[2]
                total += w
                for a in range(3):
                    first[a] += w * d[a]
                    for b in range(3):
                        second[a, b] += w * d[a] * d[b]
    for a in range(3):
        for b in range(3):
            second[a, b] = second[a, b] / total - first[a] * first[b] / (total * total)
    trace = second[0, 0] + second[1, 1] + second[2, 2]
    # power iteration for the smallest eigenvalue; the start is turned off the axes so that it has a share of each
    e[0], e[1], e[2] = normal[0] + 0.11, normal[1] + 0.07, normal[2] + 0.05
    for _ in range(40):
        for a in range(3):
            d[a] = trace * e[a] - second[a, 0] * e[0] - second[a, 1] * e[1] - second[a, 2] * e[2]
        size = np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
        if size == 0.0:
            break
        for a in range(3):
            e[a] = d[a] / size
    thin = 0.0
    for a in range(3):
        for b in range(3):
            thin += e[a] * second[a, b] * e[b]
    if not thin < 0.3 * (trace - thin):
        for a in range(3):
            e[a] = normal[a]


@nb.njit(cache=True, nogil=True)
def _inside(mask, x, y, z, steps):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """1 in the mask, 0 beside it, -1 outside the volume."""
    i, j, k = int(np.floor(x / steps[0] + 0.5)), int(np.floor(y / steps[1] + 0.5)), int(np.floor(z / steps[2] + 0.5))
    if i < 0 or j < 0 or k < 0 or i >= mask.shape[0] or j >= mask.shape[1] or k >= mask.shape[2]:
        return -1
    return 1 if mask[i, j, k] else 0


@nb.njit(cache=True, nogil=True)
def _width(mask, p, e, lines, steps, longest):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913, ANN001, ANN202
    """Mean length inside the mask of lines along `e` around `p`."""
    u, v = np.empty(3), np.empty(3)
    a = 0 if abs(e[0]) < 0.6 else 1
    for b in range(3):
        u[b] = -e[a] * e[b]
    u[a] += 1.0
    size = np.sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2])
    for b in range(3):
        u[b] /= size
    for b in range(3):
        c, d = (b + 1) % 3, (b + 2) % 3
        v[b] = e[c] * u[d] - e[d] * u[c]
    total, count = 0.0, 0
    for q in range(len(lines)):
        x = p[0] + lines[q, 0] * u[0] + lines[q, 1] * v[0]
        y = p[1] + lines[q, 0] * u[1] + lines[q, 1] * v[1]
        z = p[2] + lines[q, 0] * u[2] + lines[q, 1] * v[2]
        start, found = 0.0, False
        for turn in range(int(2 * SEARCH / STEP)):
            # nearest first: 0, +, -, + ...
            start = STEP * ((turn + 1) // 2) * (1 if turn % 2 else -1)
            if _inside(mask, x + start * e[0], y + start * e[1], z + start * e[2], steps) == 1:
                found = True
                break
        if not found:
            continue
        length, ended = STEP, True
        for way in range(2):
            sign = 1.0 if way == 0 else -1.0
            gap, t = 0.0, 0.0
            while gap < GAP and length < longest:
                t += STEP
                s = start + sign * t
                state = _inside(mask, x + s * e[0], y + s * e[1], z + s * e[2], steps)
                if state < 0:
                    ended = False
                    break
                if state == 1:
                    length += STEP
                    gap = 0.0
                else:
                    gap += STEP
        if ended:
            total += length
            count += 1
    return total / count if count else -1.0
