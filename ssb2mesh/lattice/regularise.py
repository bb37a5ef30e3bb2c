"""Where the interface should lie: smooth, true to the voxels, each component with its volume. Surface only, no tets.

The staircase of voxel faces is replaced by the smoothest surface that the voxels allow. Each interface corner may move
inside its *room* (see `placing`), at most just under half a leaf to every side; a surface that stays inside still
separates the same pairs of centres, so nothing that the voxels say is given up (constrained surface nets, Gibson,
10.1007/BFb0056277). Within that freedom the squared umbrella vectors (a discrete bending energy) are brought down by
an inertial biharmonic flow. Unlike area flow, bending leaves planes alone, and hardly shrinks spheres; what volume a
component still gains or loses is given back by a uniform offset of its walls, component by component.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.faces import choose_diagonals
from ssb2mesh.lattice.flow import terraces, unbend
from ssb2mesh.lattice.interface import Interface
from ssb2mesh.lattice.placing import Room

__all__ = ["component_volume_change", "missing_volume", "offset_walls", "regularise", "wall_push"]

#: Inertia and pace of the flow, first of all corners, then of those in long waves.
RATES, LONG_RATES = (0.9, 0.25), (0.985, 0.8)
ROUNDS, LONG, TERRACE = 12, 40, 3


def regularise(
    interface: Interface,
    room: Room,
    *,
    sides: npt.NDArray[np.int32],
    wanted_change: npt.NDArray[np.float64],
    iterations: int = 40,
) -> npt.NDArray[np.float64]:
    """Return smooth positions for the interface corners.

    Parameters
    ----------
    interface : Interface
        Interface of the lattice.
    room : Room
        Where its corners begin and how far they may go.
    sides : (m, 2) int32 array
        Components below and above each face.
    wanted_change : (n_components,) float array
        Volume that each component should gain over its leaves, in cells; NaN where any will do.
    iterations : int
        Steps of the flow; forty reach about ten cells.

    Returns
    -------
    (n, 3) float array
        Positions in units of cells.
    """
    here = room.start
    if not len(here):
        return here.copy()

    def corrected(points: npt.NDArray[np.float64], rounds: int) -> npt.NDArray[np.float64]:
        return offset_walls(points, interface, room, sides=sides, wanted_change=wanted_change, rounds=rounds)

    all_of_them = np.arange(len(here), dtype=np.int32)
    velocity = None
    for done in range(0, iterations, 4):
        steps = min(4, iterations - done)
        here, velocity = unbend(here, interface, room, which=all_of_them, steps=steps, rates=RATES, velocity=velocity)
        if done >= iterations // 2:
            here = corrected(here, 1)
    which = terraces(room.start, interface, least=TERRACE) if iterations else all_of_them[:0]
    velocity = None
    for _ in range(ROUNDS):
        if not len(which):
            break
        here, velocity = unbend(here, interface, room, which=which, steps=LONG, rates=LONG_RATES, velocity=velocity)
    return corrected(here, 6)


def offset_walls(
    points: npt.NDArray[np.float64],
    interface: Interface,
    room: Room,
    *,
    sides: npt.NDArray[np.int32],
    wanted_change: npt.NDArray[np.float64],
    rounds: int,
) -> npt.NDArray[np.float64]:
    """Give each component its volume by moving its walls along their normals.

    Parameters
    ----------
    points : (n, 3) float array
        Interface positions, cells.
    interface : Interface
        Interface of the lattice.
    room : Room
        How far its corners may go.
    sides : (m, 2) int32 array
        Components below and above each face.
    wanted_change : (n_components,) float array
        Volume to gain over the leaves, in cells.
    rounds : int
        Repetitions; the walls between more than two components need several.

    Returns
    -------
    (n, 3) float array
        New positions inside the room.
    """
    here, faces = points, interface.faces
    for _ in range(rounds):
        change, area = component_volume_change(
            here, interface.corners, faces, choose_diagonals(here, faces), sides, len(wanted_change)
        )
        missing = missing_volume(wanted_change, change)
        if np.abs(missing).max() < 1e-9:
            break
        pressure = 0.5 * missing / np.maximum(area, 1e-12)
        here = np.clip(here + wall_push(here, faces, sides, pressure), room.low, room.high)
    return here


def missing_volume(wanted_change: npt.NDArray[np.float64], change: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what components lack of their volume, 0 for those of which nothing is wanted (NaN)."""
    missing = wanted_change - change
    missing[np.isnan(missing)] = 0.0
    return missing


#: Faces that are worked on side by side before their sums are taken, in the order of the faces.
BATCH = 1 << 14


@nb.njit(cache=True, parallel=True)
def component_volume_change(
    points: npt.NDArray[np.float64],
    start: npt.NDArray[np.int32],
    faces: npt.NDArray[np.int32],
    cut_other: npt.NDArray[np.bool_],
    sides: npt.NDArray[np.int32],
    n: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return volume gained by each component since the corners left `start`, and the area of its walls, in cells.

    The volume that a triangle sweeps on the straight way is quadratic in time: Simpson's rule gives it exactly.
    """
    change = np.zeros(n)
    areas = np.zeros(n)
    found = np.empty((BATCH, 2))
    for begin in range(0, len(faces), BATCH):
        end = min(begin + BATCH, len(faces))
        for s in nb.prange(begin, end):
            found[s - begin, 0], found[s - begin, 1] = _swept_by_face(points, start, faces[s], cut_other[s])
        for s in range(begin, end):
            swept, area = found[s - begin]
            change[sides[s, 0]] += swept
            change[sides[s, 1]] -= swept
            areas[sides[s, 0]] += area
            areas[sides[s, 1]] += area
    return change, areas


@nb.njit(cache=True)
def _swept_by_face(points, start, face, cut_other):
    """Volume that the triangles of a face have swept on the straight way from their start, and their area."""
    swept = area = 0.0
    a, b, c, d = face[0], face[1], face[2], face[3]
    if cut_other:
        a, b, c, d = b, c, d, a
    for half in range(1 if face[3] < 0 else 2):
        if half == 1:
            b, c = c, d
        mx = (points[a, 0] - start[a, 0] + points[b, 0] - start[b, 0] + points[c, 0] - start[c, 0]) / 3
        my = (points[a, 1] - start[a, 1] + points[b, 1] - start[b, 1] + points[c, 1] - start[c, 1]) / 3
        mz = (points[a, 2] - start[a, 2] + points[b, 2] - start[b, 2] + points[c, 2] - start[c, 2]) / 3
        x0, y0, z0 = _area_vector(points, start, 0.0, (a, b, c))
        x1, y1, z1 = _area_vector(points, start, 0.5, (a, b, c))
        x2, y2, z2 = _area_vector(points, start, 1.0, (a, b, c))
        swept += ((x0 + 4 * x1 + x2) * mx + (y0 + 4 * y1 + y2) * my + (z0 + 4 * z1 + z2) * mz) / 12
        area += 0.5 * np.sqrt(x2 * x2 + y2 * y2 + z2 * z2)
    return swept, area


@nb.njit(cache=True, inline="always")
def _area_vector(points, start, part, corners):
    """Twice the area vector of a triangle part of the way from its start."""
    a, b, c = corners
    rest = 1.0 - part
    ux = part * (points[b, 0] - points[a, 0]) + rest * (start[b, 0] - start[a, 0])
    uy = part * (points[b, 1] - points[a, 1]) + rest * (start[b, 1] - start[a, 1])
    uz = part * (points[b, 2] - points[a, 2]) + rest * (start[b, 2] - start[a, 2])
    vx = part * (points[c, 0] - points[a, 0]) + rest * (start[c, 0] - start[a, 0])
    vy = part * (points[c, 1] - points[a, 1]) + rest * (start[c, 1] - start[a, 1])
    vz = part * (points[c, 2] - points[a, 2]) + rest * (start[c, 2] - start[a, 2])
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx


@nb.njit(cache=True, parallel=True)
def wall_push(
    points: npt.NDArray[np.float64],
    faces: npt.NDArray[np.int32],
    sides: npt.NDArray[np.int32],
    pressure: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return for each corner the mean over its faces, by area, of (pressure below - pressure above) unit normal."""
    # pushes and, in the last column, areas
    sums = np.zeros((len(points), 4))
    found = np.empty((BATCH, 4))
    for begin in range(0, len(faces), BATCH):
        end = min(begin + BATCH, len(faces))
        for s in nb.prange(begin, end):
            p = pressure[sides[s, 0]] - pressure[sides[s, 1]]
            x, y, z = _normal(points, faces[s])
            found[s - begin, 0], found[s - begin, 1], found[s - begin, 2] = (p * x, p * y, p * z)
            found[s - begin, 3] = np.sqrt(x * x + y * y + z * z)
        for s in range(begin, end):
            for e in range(3 if faces[s, 3] < 0 else 4):
                v = faces[s, e]
                for f in range(4):
                    sums[v, f] += found[s - begin, f]
    push = np.empty_like(points)
    for v in nb.prange(len(points)):
        for e in range(3):
            push[v, e] = sums[v, e] / sums[v, 3] if sums[v, 3] > 0 else 0.0
    return push


@nb.njit(cache=True, inline="always")
def _normal(points, face):
    """Area vector of a face, twice: the product of its diagonals."""
    a, b, c = face[0], face[1], face[2]
    d = a if face[3] < 0 else face[3]
    ux, uy, uz = (points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2])
    vx, vy, vz = (points[d, 0] - points[b, 0], points[d, 1] - points[b, 1], points[d, 2] - points[b, 2])
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
