"""Stars (the tets around a vertex) and the shape of tets. Kernels only: nothing is moved here.

The shape of a tet is the sine of its worst dihedral angle, negative when the tet is turned inside out: a floor on it
bounds the dihedral angles from below and from above at once. Obtuse angles do more harm than acute ones
(10.1137/0713021), so the sine of an acute angle counts `ACUTE` times: a floor of 16 degrees goes with a ceiling of 160.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["ACUTE", "build_stars", "shape_at", "shape_of", "shapes"]

#: By how much an acute angle counts for more than an obtuse one of the same sine.
ACUTE = 1.245


def build_stars(
    tets: npt.NDArray[np.int32], slot: npt.NDArray[np.int32], n: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """List the tets around each movable vertex.

    Parameters
    ----------
    tets : (m, 4) int32 array
        Vertex indices.
    slot : (n_points,) int32 array
        Number of each vertex among the movable ones, -1 for the others.
    n : int
        How many are movable.

    Returns
    -------
    first : (n + 1,) int64 array
        Where the star of each movable vertex begins.
    stars : int32 array
        Tet indices, star after star, ascending within each.
    """
    first = np.concatenate([[0], np.cumsum(_count(tets, slot, n))]).astype(np.int64)
    return first, _fill(tets, slot, first)


@nb.njit(cache=True)
def _count(tets, slot, n):
    counts = np.zeros(n, np.int64)
    for t in range(len(tets)):
        for c in range(4):
            s = slot[tets[t, c]]
            if s >= 0:
                counts[s] += 1
    return counts


@nb.njit(cache=True)
def _fill(tets, slot, first):
    stars = np.empty(first[-1], np.int32)
    at = first[:-1].copy()
    for t in range(len(tets)):
        for c in range(4):
            s = slot[tets[t, c]]
            if s >= 0:
                stars[at[s]] = t
                at[s] += 1
    return stars


@nb.njit(cache=True, inline="always")
def shape_at(points, tets, t):  # noqa: ANN201
    """Return the shape of tet t, see `shape_of`."""
    return shape_of(points, tets[t, 0], tets[t, 1], tets[t, 2], tets[t, 3])


@nb.njit(cache=True, inline="always")
def _worse(dot, squares, top, bottom):
    """The larger of two fractions: one minus the square of the shape of an angle, from the product of its normals."""
    own = dot * dot
    if dot < 0.0:
        own = ACUTE * ACUTE * own - (ACUTE * ACUTE - 1.0) * squares
    if own * bottom > top * squares:
        return own, squares
    return top, bottom


@nb.njit(cache=True)
def shape_of(points, a, b, c, d):  # noqa: ANN201
    """Return the shape of a tet (at most 1): of its worst dihedral angle, or -1 if it is inverted."""
    x0, y0, z0 = points[a]
    x1, y1, z1 = points[b]
    x2, y2, z2 = points[c]
    x3, y3, z3 = points[d]
    ax, ay, az = x1 - x0, y1 - y0, z1 - z0
    bx, by, bz = x2 - x0, y2 - y0, z2 - z0
    cx, cy, cz = x3 - x0, y3 - y0, z3 - z0
    # area normals of the sides opposite to corners 3, 1, 2 and 0, all pointing out of a positive tet
    n3x, n3y, n3z = by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax
    n1x, n1y, n1z = cy * bz - cz * by, cz * bx - cx * bz, cx * by - cy * bx
    n2x, n2y, n2z = ay * cz - az * cy, az * cx - ax * cz, ax * cy - ay * cx
    n0x, n0y, n0z = -(n1x + n2x + n3x), -(n1y + n2y + n3y), -(n1z + n2z + n3z)
    volume = -(n3x * cx + n3y * cy + n3z * cz)
    s0 = n0x * n0x + n0y * n0y + n0z * n0z
    s1 = n1x * n1x + n1y * n1y + n1z * n1z
    s2 = n2x * n2x + n2y * n2y + n2z * n2z
    s3 = n3x * n3x + n3y * n3y + n3z * n3z
    if volume <= 0.0 or s0 <= 0.0 or s1 <= 0.0 or s2 <= 0.0 or s3 <= 0.0:
        return -1.0
    # the worst pair as a fraction, so that there is one division only
    top, bottom = _worse(n0x * n1x + n0y * n1y + n0z * n1z, s0 * s1, -1.0, 1.0)
    top, bottom = _worse(n0x * n2x + n0y * n2y + n0z * n2z, s0 * s2, top, bottom)
    top, bottom = _worse(n0x * n3x + n0y * n3y + n0z * n3z, s0 * s3, top, bottom)
    top, bottom = _worse(n1x * n2x + n1y * n2y + n1z * n2z, s1 * s2, top, bottom)
    top, bottom = _worse(n1x * n3x + n1y * n3y + n1z * n3z, s1 * s3, top, bottom)
    top, bottom = _worse(n2x * n3x + n2y * n3y + n2z * n3z, s2 * s3, top, bottom)
    if top >= bottom:
        return 0.0
    return min(np.sqrt(1.0 - top / bottom), 1.0)


@nb.njit(cache=True, parallel=True)
def shapes(points: npt.NDArray[np.float64], tets: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Return the shape of every tet, (m,), see `shape_at`."""
    out = np.empty(len(tets))
    for t in nb.prange(len(tets)):
        out[t] = shape_at(points, tets, t)
    return out
