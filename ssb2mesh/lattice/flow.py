"""The flow that unbends interfaces: inertial steps against the umbrella of the umbrella. No volumes, no tets.

With *N(v)* the neighbours of corner *v* and *L x(v)* their mean less *x(v)* (closer neighbours counting more), the
bending energy is the sum of |L x|^2 / 2. Most corners come to rest within some forty steps; those that still move
belong to long waves, such as the terraces of gently sloping planes. They alone go on, with more inertia.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.interface import END, Interface
from ssb2mesh.lattice.placing import Room

__all__ = ["terraces", "unbend"]

#: How much a neighbour counts that is so many doublings away.
SHARES = 0.5 ** np.arange(32)


def unbend(
    here: npt.NDArray[np.float64],
    interface: Interface,
    room: Room,
    *,
    which: npt.NDArray[np.int32],
    steps: int,
    rates: tuple[float, float],
    velocity: npt.NDArray[np.float64] | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Take some steps of the flow.

    Parameters
    ----------
    here : (n, 3) float array
        Positions of the interface corners, cells.
    interface : Interface
        Their neighbours.
    room : Room
        Where they may go.
    which : (k,) int32 array
        Corners that move, ascending; the others stay.
    steps : int
        How many.
    rates : two float
        Inertia, the part of the last step that is taken again, below 1; and pace, the length of a step, stable up to
        (1 + inertia) / 2, as the umbrella's spectrum lies in [-2, 0].
    velocity : (n, 3) float array, optional
        Last step; default none.

    Returns
    -------
    here, velocity : (n, 3) float arrays
        New positions and the last step.
    """
    before = here.copy() if velocity is None else here - velocity
    here = here.copy()
    ring = which if len(which) == len(here) else _with_neighbours(interface, which, rounds=1)
    first = np.zeros_like(here)
    rows = (interface.neighbours, interface.steps, interface.degree, interface.inward)
    for _ in range(steps):
        _umbrella(here, rows, ring, first)
        _step((here, before), first, rows, which, (room.low, room.high), rates)
        here, before = before, here
    return here, here - before


def terraces(start: npt.NDArray[np.float64], interface: Interface, *, least: int) -> npt.NDArray[np.int32]:
    """Return the corners of wide flat terraces out to their rims, and those within two edges of the rims.

    Parameters
    ----------
    start : (n, 3) float array
        First positions, cells.
    interface : Interface
        Their neighbours.
    least : int
        A terrace is wide where it reaches at least this many edges in every direction.

    Returns
    -------
    (k,) int32 array
        Ascending.
    """
    bent = np.zeros_like(start)
    everything = np.arange(len(start), dtype=np.int32)
    rows = (interface.neighbours, interface.steps, interface.degree, interface.inward)
    _umbrella(start, rows, everything, bent)
    near = _with_neighbours(interface, np.flatnonzero(np.abs(bent).max(axis=1) > 1e-9), rounds=least)
    flat = np.ones(len(start), np.bool_)
    flat[near] = False
    return _with_neighbours(interface, np.flatnonzero(flat), rounds=least + 2)


def _with_neighbours(interface: Interface, which: npt.NDArray[np.int32], *, rounds: int) -> npt.NDArray[np.int32]:
    flag = np.zeros(len(interface.vertices), np.bool_)
    flag[which] = True
    for _ in range(rounds):
        flag = _spread(flag, interface.neighbours, interface.degree, interface.inward)
    return np.flatnonzero(flag).astype(np.int32)


@nb.njit(cache=True, parallel=True)
def _spread(flag, neighbours, degree, inward):
    out = flag.copy()
    for v in nb.prange(len(flag)):
        for e in range(degree[v]):
            out[v] |= flag[neighbours[v, e]]
        if inward[v] >= 0:
            out[v] |= flag[inward[v]]
    return out


@nb.njit(cache=True, inline="always")
def _mean_difference(x, rows, v, mutual):
    """Mean of the neighbours, the closer the more they count, less the value itself; those not mutual count as 0."""
    neighbours, steps, degree, inward = rows
    if inward[v] == END and not mutual:
        return 0.0, 0.0, 0.0
    sx = sy = sz = total = 0.0
    for e in range(degree[v]):
        w = neighbours[v, e]
        share = SHARES[steps[v, e]]
        total += share
        if mutual and inward[w] == v:
            continue
        sx += share * x[w, 0]
        sy += share * x[w, 1]
        sz += share * x[w, 2]
    if total == 0.0:
        return 0.0, 0.0, 0.0
    return sx / total - x[v, 0], sy / total - x[v, 1], sz / total - x[v, 2]


@nb.njit(cache=True, parallel=True)
def _umbrella(x, rows, which, out):
    for r in nb.prange(len(which)):
        v = which[r]
        out[v, 0], out[v, 1], out[v, 2] = _mean_difference(x, rows, v, False)


@nb.njit(cache=True, parallel=True)
def _step(positions, first, rows, which, box, rates):
    """Write the next positions over those before the present ones."""
    here, before = positions
    low, high = box
    inertia, pace = rates
    inward = rows[3]
    for r in nb.prange(len(which)):
        v = which[r]
        second = _mean_difference(first, rows, v, True)
        w = inward[v]
        for a in range(3):
            bending = second[a]
            if w >= 0:
                # an interface ends freely on the box: the end follows the bending of the row beside it
                bending += 0.25 * first[w, a]
            x = here[v, a] + inertia * (here[v, a] - before[v, a]) - pace * bending
            before[v, a] = min(max(x, low[v, a]), high[v, a])
