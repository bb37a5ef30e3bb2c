"""Volumes that the walls of components sweep, and their normals. No tets; nothing is decided here.

Interface corners are given by how far they have moved from their lattice positions, in cells and single precision: a
displacement is below a leaf, so that seven digits of it say more than seven digits of a position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.interface import Interface
from ssb2mesh.lattice.placing import Room

__all__ = [
    "WallFaces",
    "displacements",
    "make_wall_faces",
    "missing_volume",
    "push_walls",
    "volume_change",
    "wall_push",
]

#: Parts of the list of faces whose volumes are summed side by side; the sums do not depend on the number of threads.
PARTS = 4
#: No diagonals given: the shorter ones are taken.
SHORTER = np.empty(0, np.bool_)


@dataclass(frozen=True)
class WallFaces:
    """The faces of an interface between components.

    Parameters
    ----------
    faces : (m, 4) int32 array
        Interface indices of the corners, as in `Interface`.
    sides : (m, 2) int32 array
        Components below and above each face.
    edges : (m, 9) int16 array
        From the first corner to the three others on the lattice, in cells.
    first : (n + 1,) int64 array
        Where the faces of each corner begin in `around`.
    around : (k,) int32 array
        Faces of the corners, ascending for each.
    components : int
        Their number.
    """

    faces: npt.NDArray[np.int32]
    sides: npt.NDArray[np.int32]
    edges: npt.NDArray[np.int16]
    first: npt.NDArray[np.int64]
    around: npt.NDArray[np.int32]
    components: int


def make_wall_faces(interface: Interface, sides: npt.NDArray[np.int32], *, components: int) -> WallFaces:
    """Collect what the sums over walls need.

    Parameters
    ----------
    interface : Interface
        Interface of the lattice.
    sides : (m, 2) int32 array
        Components below and above each face.
    components : int
        Their number.

    Returns
    -------
    WallFaces
        Ready for `volume_change` and `wall_push`.
    """
    edges = np.empty((len(interface.faces), 9), np.int16)
    _edges(interface.corners, interface.faces, edges)
    first, around = _faces_of_corners(interface.faces, len(interface.vertices))
    return WallFaces(interface.faces, sides, edges, first, around, components)


def displacements(
    points: npt.NDArray[np.float64],
    interface: Interface,
    *,
    which: npt.NDArray[np.int32] | None = None,
    scale: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float32]:
    """Return how far the interface corners are from their lattice positions.

    Parameters
    ----------
    points : (m, 3) float array
        Positions, cells.
    interface : Interface
        The lattice positions of its corners.
    which : (n,) int32 array, optional
        Row of each corner in ``points``; default: its number.
    scale : (3,) float array, optional
        Points are in cells times this.

    Returns
    -------
    (n, 4) float32 array
        The last column is 0: four numbers load as one.
    """
    which = np.arange(len(interface.corners), dtype=np.int32) if which is None else which
    return _displacements(points, which, interface.corners, np.ones(3) if scale is None else scale)


def push_walls(
    moved: npt.NDArray[np.float32],
    push: npt.NDArray[np.float32],
    *,
    interface: Interface,
    room: Room,
    scale: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return where corners are that are pushed, but for leaving their rooms.

    Parameters
    ----------
    moved, push : (n, 4) float32 arrays
        How far they are from their lattice positions, and the way to go.
    interface : Interface
        The lattice positions.
    room : Room
        How far they may go; a corner out of it is not pulled back, but goes no further either.
    scale : (3,) float array
        Of the result.

    Returns
    -------
    (n, 3) float array
        Positions, in cells times ``scale``.
    """
    return _pushed(moved, push, interface.corners, (room.low, room.high), scale)


def volume_change(
    walls: WallFaces, moved: npt.NDArray[np.float32], cut_other: npt.NDArray[np.bool_] | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the volume gained by each component since the corners left the lattice, and the area of its walls.

    Parameters
    ----------
    walls : WallFaces
        Faces and components.
    moved : (n, 4) float32 array
        See `displacements`.
    cut_other : (m,) bool array, optional
        Diagonal of each square, see `ssb2mesh.lattice.faces.choose_diagonals`; default: the shorter.

    Returns
    -------
    change, area : (components,) float arrays
        In cells.
    """
    cut = SHORTER if cut_other is None else cut_other
    return _volume_change(moved, (walls.faces, walls.edges, walls.sides), cut, walls.components)


def wall_push(
    walls: WallFaces, moved: npt.NDArray[np.float32], pressure: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Return for each corner the mean over its faces, by area, of (pressure below - pressure above) unit normal.

    Parameters
    ----------
    walls : WallFaces
        Faces and components.
    moved : (n, 4) float32 array
        See `displacements`.
    pressure : (components,) float array
        In cells, say.

    Returns
    -------
    (n, 4) float32 array
        The last column is 0.
    """
    return _wall_push(moved, (walls.faces, walls.edges, walls.sides), (walls.first, walls.around), pressure)


def missing_volume(wanted_change: npt.NDArray[np.float64], change: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what components lack of their volume, 0 for those of which nothing is wanted (NaN)."""
    missing = wanted_change - change
    missing[np.isnan(missing)] = 0.0
    return missing


@nb.njit(cache=True, parallel=True)
def _displacements(points, which, corners, scale):
    out = np.empty((len(corners), 4), np.float32)
    for r in nb.prange(len(corners)):
        v = which[r]
        for e in range(3):
            out[r, e] = points[v, e] / scale[e] - corners[r, e]
        out[r, 3] = 0.0
    return out


@nb.njit(cache=True, parallel=True)
def _pushed(moved, push, corners, room, scale):
    low, high = room
    out = np.empty((len(moved), 3))
    for r in nb.prange(len(moved)):
        for e in range(3):
            here = corners[r, e] + np.float64(moved[r, e])
            there = max(min(here + push[r, e], max(high[r, e], here)), min(low[r, e], here))
            out[r, e] = there * scale[e]
    return out


@nb.njit(cache=True, parallel=True)
def _edges(corners, faces, out):
    for s in nb.prange(len(faces)):
        a = faces[s, 0]
        for n in range(3):
            b = faces[s, n + 1]
            for e in range(3):
                out[s, 3 * n + e] = corners[b, e] - corners[a, e] if b >= 0 else 0


@nb.njit(cache=True)
def _faces_of_corners(faces, n):
    first = np.zeros(n + 1, np.int64)
    for s in range(len(faces)):
        for e in range(3 if faces[s, 3] < 0 else 4):
            first[faces[s, e] + 1] += 1
    for v in range(n):
        first[v + 1] += first[v]
    around = np.empty(first[n], np.int32)
    for s in range(len(faces)):
        for e in range(3 if faces[s, 3] < 0 else 4):
            v = faces[s, e]
            around[first[v]] = s
            first[v] += 1
    for v in range(n, 0, -1):
        first[v] = first[v - 1]
    first[0] = 0
    return first, around


@nb.njit(cache=True, parallel=True)
def _volume_change(moved, faces, cut_other, n):
    corners, edges, sides = faces
    parts = PARTS if len(corners) > 4096 else 1
    sums = np.zeros((parts, n, 2))
    for part in nb.prange(parts):
        for s in range(len(corners) * part // parts, len(corners) * (part + 1) // parts):
            cut = cut_other[s] if len(cut_other) else _second_is_shorter(moved, corners[s], edges[s])
            swept, area = _swept_by_face(moved, corners[s], edges[s], cut)
            sums[part, sides[s, 0], 0] += swept
            sums[part, sides[s, 1], 0] -= swept
            sums[part, sides[s, 0], 1] += area
            sums[part, sides[s, 1], 1] += area
    change, areas = np.empty(n), np.empty(n)
    for c in nb.prange(n):
        swept = area = 0.0
        for part in range(parts):
            swept += sums[part, c, 0]
            area += sums[part, c, 1]
        change[c], areas[c] = swept, area
    return change, areas


@nb.njit(cache=True, inline="always")
def _second_is_shorter(moved, face, edge):
    """The rule of `faces.choose_diagonals`."""
    a, b, c, d = face[0], face[1], face[2], face[3]
    if d < 0:
        return False
    first = second = 0.0
    for e in range(3):
        p = np.float64(edge[3 + e]) + moved[c, e] - moved[a, e]
        q = np.float64(edge[6 + e] - edge[e]) + moved[d, e] - moved[b, e]
        first += p * p
        second += q * q
    return second < first * (1 - 1e-7)


@nb.njit(cache=True, inline="always")
def _swept_by_face(moved, face, edge, cut_other):
    """Volume that the triangles of a face have swept on the straight way from the lattice, and their area."""
    a, b, c, d = face[0], face[1], face[2], face[3]
    if d < 0:
        return _swept(moved, (a, b, c), (edge[0], edge[1], edge[2]), (edge[3], edge[4], edge[5]))
    # edges to b, c, d
    p = (edge[0], edge[1], edge[2])
    q = (edge[3], edge[4], edge[5])
    r = (edge[6], edge[7], edge[8])
    if cut_other:
        bc = (q[0] - p[0], q[1] - p[1], q[2] - p[2])
        bd = (r[0] - p[0], r[1] - p[1], r[2] - p[2])
        v0, a0 = _swept(moved, (b, c, d), bc, bd)
        v1, a1 = _swept(moved, (b, d, a), bd, (-p[0], -p[1], -p[2]))
    else:
        v0, a0 = _swept(moved, (a, b, c), p, q)
        v1, a1 = _swept(moved, (a, c, d), q, r)
    return v0 + v1, a0 + a1


@nb.njit(cache=True, inline="always")
def _swept(moved, corners, first, second):
    """Volume swept by a triangle whose edges were `first` and `second`, and its area.

    The area vector is quadratic in time, with A0 and A1 at the ends and D that of the displacements as its quadratic
    part: its mean is (A0 + A1) / 2 - D / 6, and the volume the mean displacement times that.
    """
    a, b, c = corners
    ax, ay, az = np.float64(moved[a, 0]), np.float64(moved[a, 1]), np.float64(moved[a, 2])
    px, py, pz = moved[b, 0] - ax, moved[b, 1] - ay, moved[b, 2] - az
    qx, qy, qz = moved[c, 0] - ax, moved[c, 1] - ay, moved[c, 2] - az
    ux, uy, uz = np.float64(first[0]), np.float64(first[1]), np.float64(first[2])
    vx, vy, vz = np.float64(second[0]), np.float64(second[1]), np.float64(second[2])
    mx, my, mz = ax + (px + qx) / 3, ay + (py + qy) / 3, az + (pz + qz) / 3
    dx, dy, dz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
    x0, y0, z0 = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    ux, uy, uz = ux + px, uy + py, uz + pz
    vx, vy, vz = vx + qx, vy + qy, vz + qz
    x1, y1, z1 = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    swept = mx * ((x0 + x1) / 2 - dx / 6) + my * ((y0 + y1) / 2 - dy / 6) + mz * ((z0 + z1) / 2 - dz / 6)
    return 0.5 * swept, 0.5 * np.sqrt(x1 * x1 + y1 * y1 + z1 * z1)


@nb.njit(cache=True, parallel=True)
def _wall_push(moved, faces, corners, pressure):
    ring, edges, sides = faces
    first, around = corners
    pushes = np.empty((len(ring), 4), np.float32)
    for s in nb.prange(len(ring)):
        p = np.float32(pressure[sides[s, 0]] - pressure[sides[s, 1]])
        x, y, z = _normal(moved, ring[s], edges[s])
        pushes[s, 0], pushes[s, 1], pushes[s, 2] = p * x, p * y, p * z
        pushes[s, 3] = np.sqrt(x * x + y * y + z * z)
    out = np.empty((len(moved), 4), np.float32)
    for v in nb.prange(len(moved)):
        x = y = z = area = np.float32(0.0)
        for at in range(first[v], first[v + 1]):
            s = around[at]
            x += pushes[s, 0]
            y += pushes[s, 1]
            z += pushes[s, 2]
            area += pushes[s, 3]
        share = np.float32(1.0) / area if area > 0 else np.float32(0.0)
        out[v, 0], out[v, 1], out[v, 2], out[v, 3] = x * share, y * share, z * share, 0.0
    return out


@nb.njit(cache=True, inline="always")
def _normal(moved, face, edge):
    """Area vector of a face, twice: the product of its diagonals."""
    a, b, c = face[0], face[1], face[2]
    d = a if face[3] < 0 else face[3]
    ux = np.float32(edge[3]) + moved[c, 0] - moved[a, 0]
    uy = np.float32(edge[4]) + moved[c, 1] - moved[a, 1]
    uz = np.float32(edge[5]) + moved[c, 2] - moved[a, 2]
    vx = np.float32(edge[6] - edge[0]) + moved[d, 0] - moved[b, 0]
    vy = np.float32(edge[7] - edge[1]) + moved[d, 1] - moved[b, 1]
    vz = np.float32(edge[8] - edge[2]) + moved[d, 2] - moved[b, 2]
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
