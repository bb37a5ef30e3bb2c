"""Re-cutting the faces between leaves where moving vertices is not enough. No vertex moves here.

The two centres and four corners of a square face span an octahedron of four tets, and the octahedra of all faces fill
the mesh without overlap. Its four tets stand around one of three axes: centre to centre, or one of the two diagonals of
the square. On an interface the axis must be a diagonal, within a phase it may be any. Each octahedron may change its
axis without asking its neighbours, as its outside stays the same.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.interface import Interface
from ssb2mesh.lattice.stars import shape_of

__all__ = ["cuts_of", "find_octahedra", "read_axes", "set_axes", "swap_axes"]


@nb.njit(cache=True)
def find_octahedra(tets: npt.NDArray[np.int32], n_inner: int) -> npt.NDArray[np.int32]:
    """Return the first tet of each square face between leaves; its other three follow.

    Parameters
    ----------
    tets : (m, 4) int32 array
        As `ssb2mesh.lattice.connectivity.build_tets` made them.
    n_inner : int
        How many of them, the first ones, belong to faces between leaves.

    Returns
    -------
    (k,) int32 array
        Ascending; faces with hanging vertices are not among them.
    """
    out = np.empty(n_inner // 4 + 1, np.int32)
    k = 0
    t = 0
    while t < n_inner:
        end = t + 1
        if t + 1 < n_inner and tets[t + 1, 3] == tets[t, 3]:
            while end < n_inner and tets[end, 3] == tets[t, 3] and tets[end, 0] == tets[t, 0]:
                end += 1
        else:
            end = t + 2
            while end < n_inner and tets[end, 3] == tets[t, 3] and tets[end + 1, 3] == tets[t + 1, 3]:
                end += 2
        if end - t == 4:
            out[k] = t
            k += 1
        t = end
    return out[:k].copy()


@nb.njit(cache=True, parallel=True)
def swap_axes(
    points: npt.NDArray[np.float64],
    tets: npt.NDArray[np.int32],
    tags: npt.NDArray[np.int32],
    shape: npt.NDArray[np.float32],
    octahedra: npt.NDArray[np.int32],
    goal: float,
) -> int:
    """Give each octahedron whose worst tet is below a goal the axis with the best worst tet, in place.

    Parameters
    ----------
    points : (n, 3) float array
        Vertices.
    tets, tags : int arrays
        Tets and their phases; the order of the tets changes within an octahedron only.
    shape : (m,) float32 array
        Shape of every tet, kept up to date.
    octahedra : (k,) int32 array
        See `find_octahedra`.
    goal : float
        Octahedra without a worse tet are left alone.

    Returns
    -------
    int
        How many changed.
    """
    changed = 0
    for o in nb.prange(len(octahedra)):
        g = octahedra[o]
        now = min(min(shape[g], shape[g + 1]), min(shape[g + 2], shape[g + 3]))
        if now >= goal:
            continue
        ring = np.empty(4, np.int32)
        trial, best = np.empty((4, 4), np.int32), np.empty((4, 4), np.int32)
        low, high, present = _read(tets, g, ring)
        choice, reached = present, np.float32(now + 0.01)
        for axis in range(3):
            if axis == present or (axis == 0 and tags[g] != tags[g + 1]):
                continue
            _write(ring, low, high, axis, trial)
            worst = np.float32(2.0)
            for t in range(4):
                worst = min(worst, np.float32(shape_of(points, trial[t, 0], trial[t, 1], trial[t, 2], trial[t, 3])))
            if worst > reached:
                choice, reached = axis, worst
                best[:] = trial
        if choice != present:
            changed += 1
            for t in range(4):
                tets[g + t] = best[t]
                shape[g + t] = shape_of(points, best[t, 0], best[t, 1], best[t, 2], best[t, 3])
    return changed


@nb.njit(cache=True, inline="always")
def _read(tets, g, ring):
    """Ring, lower and upper centre, and axis of an octahedron: 0 centre to centre, 1 and 2 the diagonals."""
    if tets[g, 3] == tets[g + 1, 3]:
        for e in range(4):
            ring[e] = tets[g + e, 1]
        return tets[g, 0], tets[g, 3], 0
    # a ring that begins at its diagonal: the other diagonal is then number 2
    ring[0], ring[1], ring[2], ring[3] = tets[g + 1, 0], tets[g + 1, 1], tets[g + 1, 2], tets[g + 3, 2]
    return tets[g, 3], tets[g + 1, 3], 1


@nb.njit(cache=True, inline="always")
def _write(ring, low, high, axis, out):
    """Four tets around an axis, in the order of `build_tets`."""
    for t in range(4):
        if axis == 0:
            out[t, 0], out[t, 1], out[t, 2], out[t, 3] = low, ring[t], ring[(t + 1) % 4], high
            continue
        a = axis - 1
        second, third = ring[(a + 1 + t // 2) % 4], ring[(a + 2 + t // 2) % 4]
        out[t, 0] = ring[a]
        if t % 2 == 0:
            out[t, 1], out[t, 2], out[t, 3] = third, second, low
        else:
            out[t, 1], out[t, 2], out[t, 3] = second, third, high


def cuts_of(
    tets: npt.NDArray[np.int32],
    tags: npt.NDArray[np.int32],
    *,
    octahedra: npt.NDArray[np.int32],
    interface: Interface,
) -> npt.NDArray[np.bool_]:
    """Say how each square of the interface is cut now.

    Parameters
    ----------
    tets, tags : int arrays
        Tets and their phases.
    octahedra : (k,) int32 array
        See `find_octahedra`.
    interface : Interface
        Of the same lattice.

    Returns
    -------
    (m,) bool array
        For each face, as `ssb2mesh.lattice.faces.choose_diagonals` says it.
    """
    walls = octahedra[tags[octahedra] != tags[octahedra + 1]]
    squares = np.flatnonzero(interface.faces[:, 3] >= 0)
    first = interface.vertices[interface.faces[squares, 0]]
    third = interface.vertices[interface.faces[squares, 2]]
    out = np.zeros(len(interface.faces), np.bool_)
    ends = tets[walls + 1, 0]
    out[squares] = (ends != first) & (ends != third)
    return out


@nb.njit(cache=True)
def read_axes(tets, octahedra):  # noqa: ANN201
    """Both centres of each octahedron, and what its tets stand around: the axis of the centres (0), the diagonal
    through the first corner of the ring in the order of the lattice (1), or the other (2).
    """
    centres = np.empty((len(octahedra), 2), np.int32)
    axes = np.empty(len(octahedra), np.int8)
    ring = np.empty(4, np.int32)
    for o in range(len(octahedra)):
        low, high, axis = _read(tets, octahedra[o], ring)
        centres[o, 0], centres[o, 1] = low, high
        axes[o] = 0
        if axis > 0:
            # an octahedron is read with its diagonal first
            axes[o] = 1 if min(ring[0], ring[2]) < min(ring[1], ring[3]) else 2
    return centres, axes


@nb.njit(cache=True)
def set_axes(tets, octahedra, given, axes) -> None:
    """Re-cut octahedra to given axes, in place; `given` has both centres as one number, ascending."""
    ring, out = np.empty(4, np.int32), np.empty((4, 4), np.int32)
    for o in range(len(octahedra)):
        g = octahedra[o]
        low, high, present = _read(tets, g, ring)
        code = np.int64(low) << 32 | np.int64(high)
        at = np.searchsorted(given, code)
        if at == len(given) or given[at] != code:
            continue
        first = 1 if min(ring[0], ring[2]) < min(ring[1], ring[3]) else 2
        axis = 0 if axes[at] == 0 else (first if axes[at] == 1 else 3 - first)
        if axis != present:
            _write(ring, low, high, axis, out)
            for t in range(4):
                tets[g + t] = out[t]
