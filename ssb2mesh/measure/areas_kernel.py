"""Compiled loops over voxel faces and edges: areas and triple lines with their directions. No names, no results."""

from __future__ import annotations

import numba as nb
import numpy as np

from ssb2mesh.measure.window import KEEP, lines_gradient

__all__ = ["crossings", "face_areas", "face_list", "triple_edges"]

#: Tangent of the angle to an axis, in voxels, up to which the broad window is used.
LEAN = 0.36
#: Voxels of the broad window that are kept at the sides of the box.
BROAD_KEEP = 4
#: Share of the gradient of a flat surface, as much as its tilt leaves of it, that there must be in the broad window.
FLAT = 0.92
#: Mean square of the offsets in the broad window, voxels.
VARIANCE = 13.0
#: Largest area in the outermost half layer over that of the face that tells of it.
MOST = 40.0
#: Tangents of the angle to an axis, in voxels, below and above which faces along it stand for all of a flat surface or
#: for their part.
ALONE = (0.12, 0.26)


@nb.njit(cache=True, nogil=True)
def _lean(normal, axis, spacing):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Tangent of the angle between a normal and an axis, in voxels."""
    square = 0.0
    for a in range(3):
        if a != axis:
            square += (normal[a] * spacing[a]) ** 2
    return np.sqrt(square) / max(abs(normal[axis]) * spacing[axis], 1e-300)


@nb.njit(cache=True, nogil=True)
def _face_normal(codes, at, axis, windows, spacing, normal):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Fill `normal` with the unit normal at the face above voxel `at`, from the phase of that voxel to the other.

    Where the surface leans less than LEAN off an axis it is sought again in the broad window, whose result counts if
    there is one flat surface in it. Returns that axis then, else -1.
    """
    half = np.zeros(3, np.int64)
    half[axis] = 1
    near = codes[at[0], at[1], at[2]]
    far = codes[at[0] + (axis == 0), at[1] + (axis == 1), at[2] + (axis == 2)]
    lines_gradient(codes, at, half, windows[0], windows[1], windows[2], KEEP, far, near, spacing, normal)
    steep, result = 0, -1
    for a in range(1, 3):
        if abs(normal[a]) * spacing[a] > abs(normal[steep]) * spacing[steep]:
            steep = a
    # the small window overrates the slope at steps: which one counts is for the broad one to say
    if len(windows[3]) > 0 and _lean(normal, steep, spacing) <= 1.8 * LEAN:
        broad, across = windows[3], windows[4]
        reach = len(across) - 1
        if at[steep] >= reach and at[steep] + half[steep] + reach < codes.shape[steep]:
            other = np.empty(3)
            lines_gradient(codes, at, half, across if steep == 0 else broad, across if steep == 1 else broad,
                           across if steep == 2 else broad, BROAD_KEEP, far, near, spacing, other)  # fmt: skip
            if _heights(other, steep, reach, half[steep], spacing):
                normal[:] = other
                result = steep
    size = np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2])
    if size > 0.0:
        for a in range(3):
            normal[a] /= size
    if size == 0.0:
        normal[axis] = 1.0
    return result


@nb.njit(cache=True, nogil=True)
def _heights(other, steep, reach, half, spacing):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Make a gradient in the broad window the normal of the heights, the sums of columns; whether there is one surface.

    A flat surface through the middle gives a gradient of sum |d| / sum d^2 across it.
    """
    count = 2 * reach + 1 - half
    one, both = 0.0, 0.0
    for q in range(count):
        d = abs(q - reach + 0.5 * half)
        one += d
        both += d * d
    full = abs(other[steep]) * spacing[steep] * both / one
    sign = 1.0 if other[steep] > 0.0 else -1.0
    for a in range(3):
        other[a] *= 0.5 * count
    other[steep] = sign / spacing[steep]
    # a tilt takes the share (height / half the window)^2 off; what lacks beyond that is curvature or another surface
    lean = _lean(other, steep, spacing)
    return lean <= LEAN and full > FLAT - VARIANCE * lean * lean / (0.25 * count * count)


@nb.njit(cache=True, nogil=True)
def _share(normal, axis, steep, spacing, shape, at):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Area of the smooth surface that a face stands for, over that of the face.

    It is the cosine between both: errors of the direction are of second order then. On flat pieces (`steep` is their
    axis) whose steps are far apart, slopes are found too large at the steps, where the faces across the axis are; the
    faces along the axis, which are everywhere, stand for all of the surface there.

    In an outermost layer, faces along the layer's own axis end half a voxel before the box; their area in that half
    layer follows from the other faces there and the direction.
    """
    cos = abs(normal[axis])
    alone = 0.0
    if steep >= 0:
        alone = min(max((ALONE[1] - _lean(normal, steep, spacing)) / (ALONE[1] - ALONE[0]), 0.0), 1.0)
    share = (1.0 - alone) * cos + (alone / cos if axis == steep else 0.0)
    for a in range(3):
        if a != axis and (at[a] == 0 or at[a] == shape[a] - 1) and shape[a] > 1:
            part = normal[a] * normal[a]
            lacking = (1.0 - alone) * part + (alone if a == steep else 0.0)
            share += cos * min(MOST, 0.5 * lacking / max(1.0 - part, 1e-9))
    return share


@nb.njit(cache=True, nogil=True)
def face_areas(codes, rows, columns, windows, spacing, first, last, faces, areas):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN201
    """Add voxel faces and projected areas of a slab to tables by (row of one voxel, column of the other), both ways.

    `rows` and `columns` number the voxels (phases, particles); a row below 0 is left out.
    """
    normal = np.empty(3)
    at = np.empty(3, np.int64)
    for i in range(first, last):
        for j in range(codes.shape[1]):
            for k in range(codes.shape[2]):
                code = codes[i, j, k]
                for axis in range(3):
                    x, y, z = i + (axis == 0), j + (axis == 1), k + (axis == 2)
                    if x >= codes.shape[0] or y >= codes.shape[1] or z >= codes.shape[2] or codes[x, y, z] == code:
                        continue
                    near, far = rows[i, j, k], rows[x, y, z]
                    if near < 0 and far < 0:
                        continue
                    at[0], at[1], at[2] = i, j, k
                    steep = _face_normal(codes, at, axis, windows, spacing, normal)
                    whole = spacing[0] * spacing[1] * spacing[2] / spacing[axis]
                    area = whole * _share(normal, axis, steep, spacing, codes.shape, at)
                    if near >= 0:
                        faces[near, columns[x, y, z]] += whole
                        areas[near, columns[x, y, z]] += area
                    if far >= 0:
                        faces[far, columns[i, j, k]] += whole
                        areas[far, columns[i, j, k]] += area


@nb.njit(cache=True, nogil=True)
def face_list(mask, windows, spacing, first, last):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return the faces of a 0/1 mask in a slab: lower voxel and axis (n, 4), outward normal (n, 3), area (n,)."""
    count = 0
    for turn in range(2):
        if turn == 1:
            place, normals, areas = np.empty((count, 4), np.int32), np.empty((count, 3)), np.empty(count)
        count = 0
        normal = np.empty(3)
        at = np.empty(3, np.int64)
        for i in range(first, last):
            for j in range(mask.shape[1]):
                for k in range(mask.shape[2]):
                    code = mask[i, j, k]
                    for axis in range(3):
                        x, y, z = i + (axis == 0), j + (axis == 1), k + (axis == 2)
                        if x >= mask.shape[0] or y >= mask.shape[1] or z >= mask.shape[2] or mask[x, y, z] == code:
                            continue
                        if turn == 1:
                            at[0], at[1], at[2] = i, j, k
                            _face_normal(mask, at, axis, windows, spacing, normal)
                            sign = 1.0 if code == 1 else -1.0
                            place[count, 0], place[count, 1], place[count, 2], place[count, 3] = i, j, k, axis
                            for a in range(3):
                                normals[count, a] = sign * normal[a]
                            whole = spacing[0] * spacing[1] * spacing[2] / spacing[axis]
                            areas[count] = whole * _share(normal, axis, -1, spacing, mask.shape, at)
                        count += 1
    return place, normals, areas


@nb.njit(cache=True, nogil=True)
def crossings(codes, directions, first, last, counts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Add to `counts` (directions, phases, phases) how often neighbours in a direction differ, both ways."""
    n0, n1, n2 = codes.shape
    for i in range(first, last):
        for d in range(len(directions)):
            x = i + directions[d, 0]
            if x < 0 or x >= n0:
                continue
            for j in range(n1):
                y = j + directions[d, 1]
                if y < 0 or y >= n1:
                    continue
                step = directions[d, 2]
                for k in range(max(0, -step), min(n2, n2 - step)):
                    a, b = codes[i, j, k], codes[x, y, k + step]
                    if a != b:
                        counts[d, a, b] += 1
                        counts[d, b, a] += 1


@nb.njit(cache=True, nogil=True)
def triple_edges(codes, first, last):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return the voxel edges where three or four phases meet: phases (n, 4; -1 for none), place (n, 4), turns (n,).

    A place is the voxel above which the edge lies, and its axis. Turns are 1 or -1 where three phases follow each other
    in rising order around the line along the axis or against it, 0 where there is no order: two phases touch across
    the edge, or four meet.
    """
    most = 0
    for turn in range(2):
        if turn == 1:
            phases, place, turns = np.empty((most, 4), np.int32), np.empty((most, 4), np.int32), np.zeros(most, np.int8)
        most = 0
        around, found = np.empty(4, np.int64), np.empty(4, np.int64)
        at = np.empty(3, np.int64)
        for i in range(first, last):
            for j in range(codes.shape[1]):
                for k in range(codes.shape[2]):
                    code = codes[i, j, k]
                    # where both neighbours across an edge are of this phase, there are two phases at most
                    right = codes[i + 1, j, k] if i + 1 < codes.shape[0] else code
                    back = codes[i, j + 1, k] if j + 1 < codes.shape[1] else code
                    up = codes[i, j, k + 1] if k + 1 < codes.shape[2] else code
                    for axis in range(3):
                        one, other = (back, up) if axis == 0 else ((up, right) if axis == 1 else (right, back))
                        if one == code and other == code:
                            continue
                        at[0], at[1], at[2] = i, j, k
                        n = _phases_around(codes, at, axis, around, found)
                        if n < 3:
                            continue
                        if turn == 1:
                            for c in range(4):
                                phases[most, c] = found[c] if c < n else -1
                            place[most, 0], place[most, 1], place[most, 2], place[most, 3] = i, j, k, axis
                            turns[most] = _turns(around, found) if n == 3 else 0
                        most += 1
    return phases, place, turns


@nb.njit(cache=True, nogil=True)
def _turns(around, found):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Times that three phases follow each other in rising order around an edge."""
    total = 0
    for corner in range(4):
        here, there = 0, 0
        for c in range(3):
            if found[c] == around[corner]:
                here = c
            if found[c] == around[(corner + 1) % 4]:
                there = c
        total += (there - here + 1) % 3 - 1
    return total // 3


@nb.njit(cache=True, nogil=True)
def _phases_around(codes, at, axis, around, found):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the four phases around an edge, right-handed about its axis, and the different ones in rising order."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    if at[u] + 1 >= codes.shape[u] or at[v] + 1 >= codes.shape[v]:
        return 0
    n = 0
    for corner in range(4):
        du = 1 if corner == 1 or corner == 2 else 0
        dv = 1 if corner >= 2 else 0
        code = np.int64(codes[at[0] + du * (u == 0) + dv * (v == 0), at[1] + du * (u == 1) + dv * (v == 1),
                              at[2] + du * (u == 2) + dv * (v == 2)])  # fmt: skip
        around[corner] = code
        place = 0
        while place < n and found[place] < code:
            place += 1
        if place < n and found[place] == code:
            continue
        for later in range(n, place, -1):
            found[later] = found[later - 1]
        found[place] = code
        n += 1
    return n
