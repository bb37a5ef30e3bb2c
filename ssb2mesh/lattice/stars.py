"""Stars (the tets around a vertex) and the shape of tets. Kernels only: nothing is moved here.

The shape of a tet is the sine of its worst dihedral angle, negative when the tet is turned inside out: a floor on it
bounds the dihedral angles from below and from above at once. Obtuse angles do more harm than acute ones
(10.1137/0713021), so the sine of an acute angle counts `ACUTE` times: a floor of 16 degrees goes with a ceiling of 160.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import ResourceError

__all__ = ["ACUTE", "FAST", "build_stars", "gather", "padded", "shape_of", "shapes", "star_shapes"]

#: Parts of the list of tets that are looked through side by side.
PARTS = 4
#: How kernels are compiled whose loops shall use vector instructions: a division by zero gives infinity, and products
#: may be fused with sums. Neither depends on the number of threads.
FAST = {"cache": True, "error_model": "numpy", "fastmath": {"contract"}}

#: By how much an acute angle counts for more than an obtuse one of the same sine.
ACUTE = 1.245
#: The other three corners of a tet, from any of them: flipping two bits of a place is an even permutation.
FIRST, SECOND, THIRD, TWO = np.uint32(1), np.uint32(2), np.uint32(3), np.uint32(2)
OBTUSE, ONE, ZERO = np.float32(ACUTE**2), np.float32(1), np.float32(0)


def build_stars(
    tets: npt.NDArray[np.int32], slot: npt.NDArray[np.int32], n: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
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
    stars : uint32 array
        Star after star, ascending within each: where the vertex stands in the list of corners, four times the number of
        the tet and the place in it. The three other corners, in the sense of the tet, stand at that number with its
        low bits flipped: by 1, by 2 and by 3.

    Raises
    ------
    ResourceError
        If there are too many tets for such numbers.
    """
    if 4 * len(tets) >= 1 << 32:
        raise ResourceError(
            f"cell_size: {len(tets) / 1e6:.0f} M tets are more than one piece can have, {(1 << 30) / 1e6:.0f} M; "
            "give a larger cell size, grade the bulk, or mesh in slabs"
        )
    counts = _count(tets, slot, n)
    first = np.concatenate([[0], np.cumsum(counts.sum(axis=0, dtype=np.int64))])
    return first, _fill(tets, slot, first, counts)


@nb.njit(cache=True, parallel=True)
def _count(tets, slot, n):
    """Tets around each movable vertex in each of some equal parts of the list of tets."""
    counts = np.zeros((PARTS, n), np.uint16)
    for p in nb.prange(PARTS):
        for t in range(len(tets) * p // PARTS, len(tets) * (p + 1) // PARTS):
            for c in range(4):
                s = slot[tets[t, c]]
                if s >= 0:
                    counts[p, s] += 1
    return counts


@nb.njit(cache=True, parallel=True)
def _fill(tets, slot, first, counts):
    stars = np.empty(first[-1], np.uint32)
    for p in nb.prange(PARTS):
        gone = np.zeros(len(first) - 1, np.uint16)
        for before in range(p):
            for s in range(len(gone)):
                gone[s] += counts[before, s]
        for t in range(len(tets) * p // PARTS, len(tets) * (p + 1) // PARTS):
            for c in range(4):
                s = slot[tets[t, c]]
                if s >= 0:
                    stars[first[s] + gone[s]] = 4 * t + c
                    gone[s] += 1
    return stars


@nb.njit(**FAST, inline="always")
def _angle(dot, inverse):
    """One minus the square of the shape of an angle, from the product of its normals and of their inverse squares."""
    own = dot * dot * inverse
    return OBTUSE * own - (OBTUSE - ONE) if dot < ZERO else own


@nb.njit(**FAST, inline="always")
def _larger(a, b):
    return a if a > b else b


@nb.njit(**FAST, inline="always")
def _shape(first, second, third):
    """Shape of a tet from its edges at one corner. Without branches, so that loops over it use vector instructions."""
    ax, ay, az = first
    bx, by, bz = second
    cx, cy, cz = third
    # area normals of the sides opposite to corners 3, 1, 2 and 0, all pointing out of a positive tet
    n3x, n3y, n3z = by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax
    n1x, n1y, n1z = cy * bz - cz * by, cz * bx - cx * bz, cx * by - cy * bx
    n2x, n2y, n2z = ay * cz - az * cy, az * cx - ax * cz, ax * cy - ay * cx
    n0x, n0y, n0z = -(n1x + n2x + n3x), -(n1y + n2y + n3y), -(n1z + n2z + n3z)
    volume = -(n3x * cx + n3y * cy + n3z * cz)
    r0 = ONE / (n0x * n0x + n0y * n0y + n0z * n0z)
    r1 = ONE / (n1x * n1x + n1y * n1y + n1z * n1z)
    r2 = ONE / (n2x * n2x + n2y * n2y + n2z * n2z)
    r3 = ONE / (n3x * n3x + n3y * n3y + n3z * n3z)
    p = _larger(_angle(n0x * n1x + n0y * n1y + n0z * n1z, r0 * r1), _angle(n0x * n2x + n0y * n2y + n0z * n2z, r0 * r2))
    q = _larger(_angle(n0x * n3x + n0y * n3y + n0z * n3z, r0 * r3), _angle(n1x * n2x + n1y * n2y + n1z * n2z, r1 * r2))
    r = _larger(_angle(n1x * n3x + n1y * n3y + n1z * n3z, r1 * r3), _angle(n2x * n3x + n2y * n3y + n2z * n3z, r2 * r3))
    square = ONE - _larger(_larger(p, q), r)
    square = square if square > ZERO else ZERO
    square = square if square < ONE else ONE
    size = np.sqrt(square)
    # a tet without volume may have infinite inverses; its shape is -1 whatever they gave
    return size if volume > ZERO else -ONE


@nb.njit(**FAST)
def shape_of(points, a, b, c, d):  # noqa: ANN201
    """Return the shape of a tet (at most 1): of its worst dihedral angle, or -1 if it is inverted."""
    x, y, z = points[a, 0], points[a, 1], points[a, 2]
    ax, ay, az = points[b, 0] - x, points[b, 1] - y, points[b, 2] - z
    bx, by, bz = points[c, 0] - x, points[c, 1] - y, points[c, 2] - z
    cx, cy, cz = points[d, 0] - x, points[d, 1] - y, points[d, 2] - z
    return _shape((ax, ay, az), (bx, by, bz), (cx, cy, cz))


@nb.njit(**FAST, inline="always")
def padded(n):  # noqa: ANN201
    """Length of a row for n tets: whole vectors, so that no tet is left to a slower loop."""
    return (n + 7) // 8 * 8


@nb.njit(**FAST)
def gather(points, corners, star, v, around):  # noqa: ANN201
    """Write the other corners of the tets of a star, relative to its vertex, one coordinate a row of ``around``.

    ``corners`` is the list of tets in one row, ``star`` as `build_stars` made it.
    """
    x, y, z = points[v, 0], points[v, 1], points[v, 2]
    for s in range(len(star)):
        at = star[s]
        b, c, d = np.uint32(corners[at ^ FIRST]), np.uint32(corners[at ^ SECOND]), np.uint32(corners[at ^ THIRD])
        around[0, s], around[1, s], around[2, s] = points[b, 0] - x, points[b, 1] - y, points[b, 2] - z
        around[3, s], around[4, s], around[5, s] = points[c, 0] - x, points[c, 1] - y, points[c, 2] - z
        around[6, s], around[7, s], around[8, s] = points[d, 0] - x, points[d, 1] - y, points[d, 2] - z
    for s in range(len(star), padded(len(star))):
        for e in range(9):
            around[e, s] = around[e, 0]


@nb.njit(**FAST)
def star_shapes(around, n, x, y, z, out):  # noqa: ANN201
    """Write the shapes of the n tets of a gathered star with its vertex moved by x, y, z; return the worst."""
    x4, y4, z4 = np.float32(x), np.float32(y), np.float32(z)
    for s in range(padded(n)):
        ax, ay, az = around[0, s] - x4, around[1, s] - y4, around[2, s] - z4
        bx, by, bz = around[3, s] - x4, around[4, s] - y4, around[5, s] - z4
        cx, cy, cz = around[6, s] - x4, around[7, s] - y4, around[8, s] - z4
        out[s] = _shape((ax, ay, az), (bx, by, bz), (cx, cy, cz))
    worst = np.float32(2)
    for s in range(n):
        worst = min(worst, out[s])
    return worst


@nb.njit(**FAST, parallel=True)
def shapes(points: npt.NDArray[np.float64], tets: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Return the shape of every tet, (m,), see `shape_of`."""
    out = np.empty(len(tets), np.float32)
    for t in nb.prange(len(tets)):
        out[t] = shape_of(points, tets[t, 0], tets[t, 1], tets[t, 2], tets[t, 3])
    return out
