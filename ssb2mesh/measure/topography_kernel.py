"""Compiled: heights of triangles on a grid of pixels."""

from __future__ import annotations

import math

import numba
import numpy as np

__all__ = ["rasterise"]


@numba.njit(cache=True)
def rasterise(plane, heights, n, m):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Highest triangle over the centre of each pixel; plane (k, 3, 2) in pixels, heights (k, 3); -inf where none."""
    out = np.full((n, m), -np.inf)
    for t in range(plane.shape[0]):
        ax, ay = plane[t, 0, 0], plane[t, 0, 1]
        ux, uy = plane[t, 1, 0] - ax, plane[t, 1, 1] - ay
        vx, vy = plane[t, 2, 0] - ax, plane[t, 2, 1] - ay
        det = ux * vy - uy * vx
        if abs(det) < 1e-12:
            continue
        low = max(0, math.ceil(min(ax, plane[t, 1, 0], plane[t, 2, 0]) - 0.5 - 1e-9))
        high = min(n - 1, math.floor(max(ax, plane[t, 1, 0], plane[t, 2, 0]) - 0.5 + 1e-9))
        left = max(0, math.ceil(min(ay, plane[t, 1, 1], plane[t, 2, 1]) - 0.5 - 1e-9))
        right = min(m - 1, math.floor(max(ay, plane[t, 1, 1], plane[t, 2, 1]) - 0.5 + 1e-9))
        for i in range(low, high + 1):
            for j in range(left, right + 1):
                px, py = i + 0.5 - ax, j + 0.5 - ay
                b = (px * vy - py * vx) / det
                c = (ux * py - uy * px) / det
                # a little beyond the edge, so that no centre falls between two triangles
                if b >= -1e-9 and c >= -1e-9 and b + c <= 1 + 1e-9:
                    z = heights[t, 0] * (1 - b - c) + heights[t, 1] * b + heights[t, 2] * c
                    out[i, j] = max(out[i, j], z)
    return out
