"""Compiled loops over the tets of a mesh, apart so that small meshes need not load the compiler."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["sum_volumes"]


@numba.njit(cache=True, parallel=True)
def sum_volumes(points, tets, tags, size):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return the volume of the tets of each tag 0 .. size - 1, by parts to be added."""
    parts = 64
    sums = np.zeros((parts, size))
    for part in numba.prange(parts):
        for t in range(part * len(tets) // parts, (part + 1) * len(tets) // parts):
            o, a, b, c = points[tets[t, 0]], points[tets[t, 1]], points[tets[t, 2]], points[tets[t, 3]]
            ux, uy, uz = a[0] - o[0], a[1] - o[1], a[2] - o[2]
            vx, vy, vz = b[0] - o[0], b[1] - o[1], b[2] - o[2]
            wx, wy, wz = c[0] - o[0], c[1] - o[1], c[2] - o[2]
            volume = (uy * vz - uz * vy) * wx + (uz * vx - ux * vz) * wy + (ux * vy - uy * vx) * wz
            sums[part, tags[t]] += volume / 6.0
    return sums
