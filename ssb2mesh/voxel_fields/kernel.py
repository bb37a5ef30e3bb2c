"""Compiled loops that cut tets along voxel faces, and sample voxels at points. Coordinates are in voxels; no names.

A tet is halved by planes between voxels until every piece lies in one voxel; volumes and centroids of pieces are exact,
so sums over pieces are exact integrals. A corner within `NEAR` of a plane counts as on it.
"""

# ruff: noqa: ANN001, ANN201, ANN202
from __future__ import annotations

import math

import numba as nb
import numpy as np

__all__ = ["STACK", "mean_over_tets", "mean_over_voxels", "sample_points"]

#: Corners of pieces that wait: each cut leaves five more at most, and log2(planes) cuts an axis lie on top of another.
STACK = 512
NEAR = 1e-9


@nb.njit(cache=True)
def _plane(corners):  # type: ignore[no-untyped-def]
    """Axis and position of a voxel face that cuts a tet, the middle one; axis -1 if there is none."""
    for axis in range(3):
        low = min(corners[0, axis], corners[1, axis], corners[2, axis], corners[3, axis])
        high = max(corners[0, axis], corners[1, axis], corners[2, axis], corners[3, axis])
        first = math.floor(low + NEAR) + 1
        last = math.ceil(high - NEAR) - 1
        if first <= last:
            return axis, (first + last) // 2
    return -1, 0


@nb.njit(cache=True)
def _between(out, a, b, axis, plane):  # type: ignore[no-untyped-def]
    """Write the point of edge a-b on the plane; exact in the coordinate along the axis."""
    t = (plane - a[axis]) / (b[axis] - a[axis])
    for d in range(3):
        out[d] = a[d] + t * (b[d] - a[d])
    out[axis] = plane


@nb.njit(cache=True)
def _put(stack, at, a, b, c, d):  # type: ignore[no-untyped-def]
    for k in range(3):
        stack[at, 0, k] = a[k]
        stack[at, 1, k] = b[k]
        stack[at, 2, k] = c[k]
        stack[at, 3, k] = d[k]
    return at + 1


@nb.njit(cache=True)
def _prism(stack, at, p, q):  # type: ignore[no-untyped-def]
    """Three tets of the prism between the triangles p and q."""
    at = _put(stack, at, p[0], p[1], p[2], q[2])
    at = _put(stack, at, p[0], p[1], q[1], q[2])
    return _put(stack, at, p[0], q[0], q[1], q[2])


@nb.njit(cache=True)
def _halve(stack, top, axis, plane, work):  # type: ignore[no-untyped-def]
    """Replace the tet on top of the stack by the pieces on both sides of a plane."""
    corners, p, q, r = work[0], work[1], work[2], work[3]
    below = 0
    # corners below the plane first
    above = 3
    for i in range(4):
        if stack[top - 1, i, axis] < plane:
            corners[below] = stack[top - 1, i]
            below += 1
        else:
            corners[above] = stack[top - 1, i]
            above -= 1
    top -= 1
    if below == 1 or below == 3:
        apex = 0 if below == 1 else 3
        n = 0
        for i in range(4):
            if i != apex:
                _between(p[n], corners[apex], corners[i], axis, plane)
                q[n] = corners[i]
                n += 1
        top = _put(stack, top, corners[apex], p[0], p[1], p[2])
        return _prism(stack, top, p[:3], q[:3])
    _between(p[1], corners[0], corners[2], axis, plane)
    _between(p[2], corners[0], corners[3], axis, plane)
    _between(q[1], corners[1], corners[2], axis, plane)
    _between(q[2], corners[1], corners[3], axis, plane)
    p[0] = corners[0]
    q[0] = corners[1]
    r[0], r[1], r[2], r[3] = p[1], p[2], q[1], q[2]
    top = _prism(stack, top, p[:3], q[:3])
    p[0], p[1], p[2] = corners[2], r[0], r[2]
    q[0], q[1], q[2] = corners[3], r[1], r[3]
    return _prism(stack, top, p[:3], q[:3])


@nb.njit(cache=True)
def _volume(tet):  # type: ignore[no-untyped-def]
    a, b, c, d = tet[0], tet[1], tet[2], tet[3]
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    wx, wy, wz = d[0] - a[0], d[1] - a[1], d[2] - a[2]
    return abs((uy * vz - uz * vy) * wx + (uz * vx - ux * vz) * wy + (ux * vy - uy * vx) * wz) / 6.0


@nb.njit(cache=True)
def _slope(values, i, j, k, axis):  # type: ignore[no-untyped-def]
    """Difference per voxel along an axis: central, one-sided at ends and beside voxels without a value."""
    here = values[i, j, k]
    before, after = np.nan, np.nan
    if axis == 0:
        before = values[i - 1, j, k] if i > 0 else np.nan
        after = values[i + 1, j, k] if i + 1 < values.shape[0] else np.nan
    elif axis == 1:
        before = values[i, j - 1, k] if j > 0 else np.nan
        after = values[i, j + 1, k] if j + 1 < values.shape[1] else np.nan
    else:
        before = values[i, j, k - 1] if k > 0 else np.nan
        after = values[i, j, k + 1] if k + 1 < values.shape[2] else np.nan
    if np.isnan(before):
        return 0.0 if np.isnan(after) else after - here
    return here - before if np.isnan(after) else 0.5 * (after - before)


@nb.njit(cache=True, parallel=True)
def mean_over_tets(points, tets, values, linear, parts):  # type: ignore[no-untyped-def]
    """Return the mean of a voxel field over each tet and the volume it was taken over, in voxels.

    `points` in voxels; voxels with NaN count for nothing; `linear`: slopes within voxels.
    """
    count = len(tets)
    mean = np.full(count, np.nan)
    covered = np.zeros(count)
    nx, ny, nz = values.shape
    for part in nb.prange(parts):
        stack = np.empty((STACK, 4, 3))
        work = np.empty((4, 4, 3))
        for t in range(part * count // parts, (part + 1) * count // parts):
            for c in range(4):
                stack[0, c] = points[tets[t, c]]
            top = 1
            total, weight = 0.0, 0.0
            while top > 0:
                axis, plane = _plane(stack[top - 1])
                if axis >= 0:
                    top = _halve(stack, top, axis, plane, work)
                    continue
                top -= 1
                tet = stack[top]
                x = 0.25 * (tet[0, 0] + tet[1, 0] + tet[2, 0] + tet[3, 0])
                y = 0.25 * (tet[0, 1] + tet[1, 1] + tet[2, 1] + tet[3, 1])
                z = 0.25 * (tet[0, 2] + tet[1, 2] + tet[2, 2] + tet[3, 2])
                i, j, k = int(math.floor(x)), int(math.floor(y)), int(math.floor(z))
                if i < 0 or j < 0 or k < 0 or i >= nx or j >= ny or k >= nz or np.isnan(values[i, j, k]):
                    continue
                value = values[i, j, k]
                if linear:
                    value += _slope(values, i, j, k, 0) * (x - i - 0.5)
                    value += _slope(values, i, j, k, 1) * (y - j - 0.5)
                    value += _slope(values, i, j, k, 2) * (z - k - 0.5)
                volume = _volume(tet)
                total += volume * value
                weight += volume
            if weight > 0.0:
                mean[t] = total / weight
                covered[t] = weight
    return mean, covered


@nb.njit(cache=True, parallel=True)
def mean_over_voxels(points, tets, planes, slabs, shape):  # type: ignore[no-untyped-def]
    """Return sums over each voxel of field times volume, and of volume, in voxels.

    `planes` (m, 4) holds for each tet the linear function value = p[0] + p[1:] . x, NaN where there is none;
    `slabs` = (bounds, first, order): layers bounds[s]..bounds[s+1] along x meet the tets order[first[s]:first[s+1]].
    """
    bounds, first, order = slabs
    total = np.zeros(shape)
    weight = np.zeros(shape)
    for s in nb.prange(len(bounds) - 1):
        low, high = bounds[s], bounds[s + 1]
        stack = np.empty((STACK, 4, 3))
        work = np.empty((4, 4, 3))
        for n in range(first[s], first[s + 1]):
            t = order[n]
            if np.isnan(planes[t, 0]):
                continue
            for c in range(4):
                stack[0, c] = points[tets[t, c]]
            top = 1
            while top > 0:
                tet = stack[top - 1]
                # parts of other slabs belong to the loops of these
                if max(tet[0, 0], tet[1, 0], tet[2, 0], tet[3, 0]) <= low or (
                    min(tet[0, 0], tet[1, 0], tet[2, 0], tet[3, 0]) >= high
                ):
                    top -= 1
                    continue
                axis, plane = _plane(tet)
                if axis >= 0:
                    top = _halve(stack, top, axis, plane, work)
                    continue
                top -= 1
                x = 0.25 * (tet[0, 0] + tet[1, 0] + tet[2, 0] + tet[3, 0])
                y = 0.25 * (tet[0, 1] + tet[1, 1] + tet[2, 1] + tet[3, 1])
                z = 0.25 * (tet[0, 2] + tet[1, 2] + tet[2, 2] + tet[3, 2])
                i, j, k = int(math.floor(x)), int(math.floor(y)), int(math.floor(z))
                if i < low or i >= high or j < 0 or k < 0 or j >= shape[1] or k >= shape[2]:
                    continue
                volume = _volume(tet)
                total[i, j, k] += volume * (planes[t, 0] + planes[t, 1] * x + planes[t, 2] * y + planes[t, 3] * z)
                weight[i, j, k] += volume
    return total, weight


@nb.njit(cache=True, parallel=True)
def sample_points(points, values):  # type: ignore[no-untyped-def]
    """Return the trilinear value at points in voxels, NaN outside the grid.

    Beyond the outermost centres the same trilinear function goes on. Where a corner has no value, the others share its
    weight, clipped to 0 to 1.
    """
    found = np.full(len(points), np.nan)
    shape = values.shape
    for n in nb.prange(len(points)):
        base = np.zeros(3, np.int64)
        share = np.zeros(3)
        inside = True
        for d in range(3):
            x = points[n, d]
            if not (-NEAR <= x <= shape[d] + NEAR):
                inside = False
                break
            if shape[d] > 1:
                base[d] = min(max(int(math.floor(x - 0.5)), 0), shape[d] - 2)
                share[d] = x - 0.5 - base[d]
        if not inside:
            continue
        total = 0.0
        whole = True
        for clipped in range(2):
            total, weight = 0.0, 0.0
            for corner in range(8):
                w = 1.0
                i, j, k = base[0], base[1], base[2]
                for d in range(3):
                    up = (corner >> d) & 1
                    s = min(max(share[d], 0.0), 1.0) if clipped else share[d]
                    w *= s if up else 1.0 - s
                    if up and d == 0:
                        i += 1
                    elif up and d == 1:
                        j += 1
                    elif up:
                        k += 1
                if w == 0.0:
                    continue
                value = values[i, j, k]
                if np.isnan(value):
                    whole = False
                    continue
                total += w * value
                weight += w
            if whole:
                break
            total = total / weight if weight > 1e-12 else np.nan
        found[n] = total
    return found
