"""Compiled: matching of sub-volumes by Gauss-Newton on affine motions, with cubic B-splines between the voxels."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["match_all"]

# A match of one sub-volume has 12 unknowns p: motion of its middle p[0:3], then the displacement gradient, row by row.


@numba.njit(cache=True)
def _inside(centre, half, p, shape):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Whether a moved sub-volume stays where splines have all their neighbours: its corners do."""
    for corner in range(8):
        d = (half if corner & 1 else -half, half if corner & 2 else -half, half if corner & 4 else -half)
        for a in range(3):
            x = centre[a] + d[a] + p[a] + p[3 + 3 * a] * d[0] + p[4 + 3 * a] * d[1] + p[5 + 3 * a] * d[2]
            if not 1.0 <= x < shape[a] - 2.0:
                return False
    return True


@numba.njit(cache=True, fastmath=True)
def _sample(spline, centre, half, p, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Values of a moved sub-volume, with a spline whose voxel centres are whole numbers."""
    w = np.empty((3, 4))
    n = 0
    for dx in range(-half, half + 1):
        for dy in range(-half, half + 1):
            for dz in range(-half, half + 1):
                x = centre[0] + dx + p[0] + p[3] * dx + p[4] * dy + p[5] * dz
                y = centre[1] + dy + p[1] + p[6] * dx + p[7] * dy + p[8] * dz
                z = centre[2] + dz + p[2] + p[9] * dx + p[10] * dy + p[11] * dz
                i, j, k = int(x), int(y), int(z)
                for a, t in enumerate((x - i, y - j, z - k)):
                    w[a, 0] = (1 - t) ** 3 / 6
                    w[a, 1] = (3 * t**3 - 6 * t**2 + 4) / 6
                    w[a, 2] = (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6
                    w[a, 3] = t**3 / 6
                total = 0.0
                for a in range(4):
                    for b in range(4):
                        line = 0.0
                        for c in range(4):
                            line += w[2, c] * spline[i - 1 + a, j - 1 + b, k - 1 + c]
                        total += w[0, a] * w[1, b] * line
                out[n] = total
                n += 1


@numba.njit(cache=True)
def _reference(first, centre, half, values, steepest):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Values of the unmoved sub-volume and their derivatives by the 12 unknowns."""
    cx, cy, cz = centre
    n = 0
    for dx in range(-half, half + 1):
        for dy in range(-half, half + 1):
            for dz in range(-half, half + 1):
                i, j, k = cx + dx, cy + dy, cz + dz
                values[n] = first[i, j, k]
                for a in range(3):
                    u, v, w = (1, 0, 0) if a == 0 else ((0, 1, 0) if a == 1 else (0, 0, 1))
                    near = first[i + u, j + v, k + w] - first[i - u, j - v, k - w]
                    far = first[i + 2 * u, j + 2 * v, k + 2 * w] - first[i - 2 * u, j - 2 * v, k - 2 * w]
                    slope = (8 * near - far) / 12
                    steepest[n, a] = slope
                    steepest[n, 3 + 3 * a] = slope * dx
                    steepest[n, 4 + 3 * a] = slope * dy
                    steepest[n, 5 + 3 * a] = slope * dz
                n += 1


@numba.njit(cache=True)
def _compose(p, d):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Motion p after the inverse of the small motion d."""
    s00, s01, s02, s10, s11, s12, s20, s21, s22 = d[3:12]
    s00, s11, s22 = s00 + 1.0, s11 + 1.0, s22 + 1.0
    back = np.empty((3, 3))
    back[0, 0], back[0, 1], back[0, 2] = s11 * s22 - s12 * s21, s02 * s21 - s01 * s22, s01 * s12 - s02 * s11
    back[1, 0], back[1, 1], back[1, 2] = s12 * s20 - s10 * s22, s00 * s22 - s02 * s20, s02 * s10 - s00 * s12
    back[2, 0], back[2, 1], back[2, 2] = s10 * s21 - s11 * s20, s01 * s20 - s00 * s21, s00 * s11 - s01 * s10
    back /= s00 * back[0, 0] + s01 * back[1, 0] + s02 * back[2, 0]
    q = np.empty(12)
    for i in range(3):
        q[i] = p[i]
        for j in range(3):
            total = back[i, j]
            for k in range(3):
                total += p[3 + 3 * i + k] * back[k, j]
            q[3 + 3 * i + j] = total - (1.0 if i == j else 0.0)
    for i in range(3):
        for j in range(3):
            q[i] -= (q[3 + 3 * i + j] + (1.0 if i == j else 0.0)) * d[j]
    return q


@numba.njit(cache=True)
def _factor(matrix):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Cholesky factor in place; False if a pivot falls below 1e-8 of the unit diagonal: a direction without texture."""
    n = matrix.shape[0]
    for j in range(n):
        for i in range(j, n):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i == j:
                if total < 1e-8:
                    return False
                matrix[j, j] = np.sqrt(total)
            else:
                matrix[i, j] = total / matrix[j, j]
    return True


@numba.njit(cache=True)
def _solve(factor, right):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Solve with a Cholesky factor, in place."""
    n = len(right)
    for i in range(n):
        for k in range(i):
            right[i] -= factor[i, k] * right[k]
        right[i] /= factor[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            right[i] -= factor[k, i] * right[k]
        right[i] /= factor[i, i]


@numba.njit(cache=True)
def _normal(steepest):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Columns about their means, the matrix of their products with unit diagonal, and their lengths."""
    count = steepest.shape[0]
    mean, scale, matrix = np.zeros(12), np.empty(12), np.zeros((12, 12))
    for n in range(count):
        for a in range(12):
            mean[a] += steepest[n, a] / count
    for n in range(count):
        for a in range(12):
            steepest[n, a] -= mean[a]
        for a in range(12):
            for b in range(a + 1):
                matrix[a, b] += steepest[n, a] * steepest[n, b]
    for a in range(12):
        scale[a] = np.sqrt(matrix[a, a])
    for a in range(12):
        for b in range(a + 1):
            matrix[a, b] /= max(scale[a] * scale[b], 1e-300)
    return matrix, scale


@numba.njit(cache=True)
def _centred(values):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Take the mean off, in place; return the length of what is left."""
    mean, square = 0.0, 0.0
    for n in range(len(values)):
        mean += values[n]
    mean /= len(values)
    for n in range(len(values)):
        values[n] -= mean
        square += values[n] * values[n]
    return np.sqrt(square)


@numba.njit(cache=True)
def _match(first, spline, centre, half, p, steps):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """(p, correlation, converged) of one sub-volume; correlation is NaN where there is nothing to match."""
    count = (2 * half + 1) ** 3
    values, steepest, moved = np.empty(count), np.empty((count, 12)), np.empty(count)
    _reference(first, centre, half, values, steepest)
    size = _centred(values)
    if size <= 1e-12 * count:
        return p, np.nan, False
    factor, scale = _normal(steepest)
    if not _factor(factor):
        return p, np.nan, False
    correlation, converged = np.nan, False
    d = np.empty(12)
    for _ in range(steps):
        if not _inside(centre, half, p, spline.shape):
            return p, np.nan, False
        _sample(spline, centre, half, p, moved)
        length = _centred(moved)
        if length <= 0:
            return p, np.nan, False
        d[:] = 0.0
        product = 0.0
        for n in range(count):
            product += values[n] * moved[n]
            error = moved[n] * (size / length) - values[n]
            for a in range(12):
                d[a] += steepest[n, a] * error
        correlation = product / (size * length)
        if converged:
            return p, correlation, True
        for a in range(12):
            d[a] /= scale[a]
        _solve(factor, d)
        change = 0.0
        for a in range(12):
            d[a] /= scale[a]
            change = max(change, abs(d[a]) * (1 if a < 3 else half))
        if change > 2 * half:
            return p, correlation, False
        p = _compose(p, d)
        converged = change < 1e-3
    return p, correlation, False


@numba.njit(cache=True, nogil=True)
def match_all(first, spline, centres, half, start, steps):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Match sub-volumes around `centres` (k, 3); returns motions (k, 12), correlations (k,), converged (k,)."""
    count = centres.shape[0]
    motions = np.zeros((count, 12))
    found = np.full(count, np.nan)
    good = np.zeros(count, np.bool_)
    for n in range(count):
        motions[n], found[n], good[n] = _match(first, spline, centres[n], half, start[n].copy(), steps)
    return motions, found, good
