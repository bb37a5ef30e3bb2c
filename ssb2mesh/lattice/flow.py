"""The flow that unbends interfaces: inertial steps against the umbrella of the umbrella. No volumes, no tets.

With *N(v)* the neighbours of corner *v* and *L x(v)* their mean less *x(v)* (closer neighbours counting more), the
bending energy is the sum of |L x|^2 / 2. Most corners come to rest within some forty steps; those that still move
belong to long waves, such as the terraces of gently sloping planes. They alone go on, with more inertia.

Positions are given by what they are off the lattice, in single precision, as in `walls`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.interface import END, Interface
from ssb2mesh.lattice.placing import Room
from ssb2mesh.lattice.threads import FEW_CORNERS, threads_for
from ssb2mesh.lattice.walls import displacements

__all__ = ["Flow", "make_flow", "terraces", "unbend"]

#: How much a neighbour counts that is so many doublings away.
SHARES = 0.5 ** np.arange(32)
SIX = np.float32(6.0)


@dataclass(frozen=True)
class Flow:
    """What the flow needs of an interface.

    Parameters
    ----------
    ring : (n, 6) uint32 array
        Interface indices of the neighbours; the corner itself fills the row.
    part : (n,) float32 array
        One over the number of neighbours; 0 without any.
    special : (k,) int32 array
        Corners whose neighbours do not count alike in both umbrellas, ascending.
    shares : (2, k, 8) float32 array
        How much theirs count in the first and the second umbrella: the six neighbours, the corner itself, and the
        corner off the side of the box.
    inward : (n,) int32 array
        As in `Interface`.
    bent : (n, 4) float32 array
        Umbrella vectors of the lattice positions.
    start, low, high : (n, 4) float32 arrays
        The room of each corner, off its lattice position.
    """

    ring: npt.NDArray[np.uint32]
    part: npt.NDArray[np.float32]
    special: npt.NDArray[np.int32]
    shares: npt.NDArray[np.float32]
    inward: npt.NDArray[np.int32]
    bent: npt.NDArray[np.float32]
    start: npt.NDArray[np.float32]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]


def make_flow(interface: Interface, room: Room) -> Flow:
    """Prepare the flow of an interface.

    Parameters
    ----------
    interface : Interface
        Its corners and their neighbours.
    room : Room
        Where they begin and may go.

    Returns
    -------
    Flow
        Ready for `unbend`.
    """
    rows = (interface.neighbours, interface.steps, interface.degree, interface.inward)
    ring, part, special, bent = _prepare(rows, interface.corners)
    start, low, high = (displacements(x, interface) for x in (room.start, room.low, room.high))
    few = np.flatnonzero(special).astype(np.int32)
    shares = np.zeros((2, len(few), 8), np.float32)
    _count_shares(rows, few, shares)
    return Flow(ring, part, few, shares, interface.inward, bent, start, low, high)


def unbend(
    flow: Flow,
    here: npt.NDArray[np.float32],
    *,
    which: npt.NDArray[np.int32],
    steps: int,
    rates: tuple[float, float],
    before: npt.NDArray[np.float32] | None = None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Take some steps of the flow.

    Parameters
    ----------
    flow : Flow
        The corners, their neighbours and rooms.
    here : (n, 4) float32 array
        What the corners are off the lattice, cells.
    which : (k,) int32 array
        Corners that move, ascending; the others stay.
    steps : int
        How many.
    rates : two float
        Inertia, the part of the last step that is taken again, below 1; and pace, the length of a step, stable up to
        (1 + inertia) / 2, as the umbrella's spectrum lies in [-2, 0].
    before : (n, 4) float32 array, optional
        The same one step earlier; default `here`, at rest. Both are written over.

    Returns
    -------
    here, before : (n, 4) float32 arrays
        After the last step, and before it.
    """
    before = here.copy() if before is None else before
    around = which if len(which) == len(here) else _with_neighbours(flow, which, rounds=1)
    first = np.zeros_like(here) if len(which) < len(here) else np.empty_like(here)
    few, few_around = _common(flow.special, which, len(here)), _common(flow.special, around, len(here))
    moving, giving = flow.special[few], flow.special[few_around]
    first_shares, second_shares = flow.shares[0, few_around], flow.shares[1, few]
    plain, box = (flow.ring, flow.part), (flow.low, flow.high)
    inertia, pace = np.float32(rates[0]), np.float32(rates[1])
    with threads_for(len(around), FEW_CORNERS):
        for _ in range(steps):
            _umbrella(here, plain, around, flow.bent, first)
            _special_umbrella(here, flow.ring, giving, first_shares, (flow.bent, first))
            changed = _special_step(
                (here, before), first, (flow.ring, flow.inward), moving, second_shares, (box, inertia, pace)
            )
            _step((here, before), first, plain, which, box, (inertia, pace))
            before[moving] = changed
            here, before = before, here
    return here, before


def terraces(flow: Flow, *, least: int) -> npt.NDArray[np.int32]:
    """Return the corners of wide flat terraces out to their rims, and those within two edges of the rims.

    Parameters
    ----------
    flow : Flow
        The corners where they begin, and their neighbours.
    least : int
        A terrace is wide where it reaches at least this many edges in every direction.

    Returns
    -------
    (k,) int32 array
        Ascending.
    """
    bent = np.zeros_like(flow.start)
    everything = np.arange(len(flow.start), dtype=np.int32)
    _umbrella(flow.start, (flow.ring, flow.part), everything, flow.bent, bent)
    _special_umbrella(flow.start, flow.ring, flow.special, flow.shares[0], (flow.bent, bent))
    # on the lattice an umbrella vector is a multiple of a twelfth or so; less is rounding
    near = _with_neighbours(flow, np.flatnonzero(np.abs(bent).max(axis=1) > 1e-5), rounds=least)
    flat = np.ones(len(flow.start), np.bool_)
    flat[near] = False
    return _with_neighbours(flow, np.flatnonzero(flat), rounds=least + 2)


def _common(few: npt.NDArray[np.int32], many: npt.NDArray[np.int32], whole: int) -> npt.NDArray[np.int64]:
    """Where in an ascending list those are that another one has too; that may have all of so many."""
    if len(many) == whole:
        return np.arange(len(few))
    if not len(many):
        return np.empty(0, np.int64)
    at = np.searchsorted(many, few)
    return np.flatnonzero(many[np.minimum(at, len(many) - 1)] == few)


def _with_neighbours(flow: Flow, which: npt.NDArray[np.integer], *, rounds: int) -> npt.NDArray[np.int32]:
    flag = np.zeros(len(flow.start), np.bool_)
    flag[which] = True
    for _ in range(rounds):
        flag = _spread(flag, flow.ring, flow.inward)
    return np.flatnonzero(flag).astype(np.int32)


@nb.njit(cache=True, parallel=True)
def _spread(flag, ring, inward):
    out = flag.copy()
    for v in nb.prange(len(flag)):
        for e in range(6):
            out[v] |= flag[ring[v, e]]
        if inward[v] >= 0:
            out[v] |= flag[inward[v]]
    return out


@nb.njit(cache=True, parallel=True)
def _prepare(rows, corners):
    neighbours, steps, degree, inward = rows
    n = len(corners)
    ring, part = np.empty((n, 6), np.uint32), np.zeros(n, np.float32)
    special, bent = np.empty(n, np.bool_), np.zeros((n, 4), np.float32)
    for v in nb.prange(n):
        special[v] = degree[v] == 0 or inward[v] != -1
        x = y = z = total = 0.0
        for e in range(6):
            if e >= degree[v]:
                ring[v, e] = v
                continue
            w = neighbours[v, e]
            ring[v, e] = w
            special[v] |= steps[v, e] != steps[v, 0] or inward[w] == v
            share = SHARES[steps[v, e]]
            x += share * (corners[w, 0] - corners[v, 0])
            y += share * (corners[w, 1] - corners[v, 1])
            z += share * (corners[w, 2] - corners[v, 2])
            total += share
        if total > 0:
            part[v] = 1.0 / degree[v]
            bent[v, 0], bent[v, 1], bent[v, 2] = x / total, y / total, z / total
    return ring, part, special, bent


@nb.njit(cache=True, inline="always", error_model="numpy")
def _umbrella_at(x, ring, v):
    """Sum of the neighbours less that many times the value itself; what fills the row adds nothing."""
    a, b, c, d, e, f = ring[v, 0], ring[v, 1], ring[v, 2], ring[v, 3], ring[v, 4], ring[v, 5]
    sx = ((x[a, 0] + x[b, 0]) + (x[c, 0] + x[d, 0])) + (x[e, 0] + x[f, 0]) - SIX * x[v, 0]
    sy = ((x[a, 1] + x[b, 1]) + (x[c, 1] + x[d, 1])) + (x[e, 1] + x[f, 1]) - SIX * x[v, 1]
    sz = ((x[a, 2] + x[b, 2]) + (x[c, 2] + x[d, 2])) + (x[e, 2] + x[f, 2]) - SIX * x[v, 2]
    sw = ((x[a, 3] + x[b, 3]) + (x[c, 3] + x[d, 3])) + (x[e, 3] + x[f, 3]) - SIX * x[v, 3]
    return sx, sy, sz, sw


@nb.njit(cache=True, parallel=True, error_model="numpy")
def _umbrella(x, plain, which, bent, out):
    ring, part = plain
    for r in nb.prange(len(which)):
        v = np.uint32(which[r])
        sx, sy, sz, sw = _umbrella_at(x, ring, v)
        p = part[v]
        out[v, 0], out[v, 1] = p * sx + bent[v, 0], p * sy + bent[v, 1]
        out[v, 2], out[v, 3] = p * sz + bent[v, 2], p * sw + bent[v, 3]


@nb.njit(cache=True, parallel=True, error_model="numpy")
def _step(positions, first, plain, which, box, rates):
    """Write the next positions over those before the present ones."""
    here, before = positions
    ring, part = plain
    low, high = box
    inertia, pace = rates
    for r in nb.prange(len(which)):
        v = np.uint32(which[r])
        sx, sy, sz, sw = _umbrella_at(first, ring, v)
        p = pace * part[v]
        x = here[v, 0] + inertia * (here[v, 0] - before[v, 0]) - p * sx
        y = here[v, 1] + inertia * (here[v, 1] - before[v, 1]) - p * sy
        z = here[v, 2] + inertia * (here[v, 2] - before[v, 2]) - p * sz
        w = here[v, 3] + inertia * (here[v, 3] - before[v, 3]) - p * sw
        x, y = (x if x > low[v, 0] else low[v, 0]), (y if y > low[v, 1] else low[v, 1])
        z, w = (z if z > low[v, 2] else low[v, 2]), (w if w > low[v, 3] else low[v, 3])
        before[v, 0], before[v, 1] = (x if x < high[v, 0] else high[v, 0]), (y if y < high[v, 1] else high[v, 1])
        before[v, 2], before[v, 3] = (z if z < high[v, 2] else high[v, 2]), (w if w < high[v, 3] else high[v, 3])


@nb.njit(cache=True, parallel=True)
def _count_shares(rows, few, out):
    """Shares of both umbrellas, see `Flow`; the closer a neighbour the more it counts, those not mutual count as 0."""
    neighbours, steps, degree, inward = rows
    for r in nb.prange(len(few)):
        v = few[r]
        total = 0.0
        for e in range(degree[v]):
            total += SHARES[steps[v, e]]
        for e in range(degree[v]):
            share = SHARES[steps[v, e]] / total
            out[0, r, e] = share if inward[v] != END else 0.0
            out[1, r, e] = share if inward[neighbours[v, e]] != v else 0.0
        if total > 0:
            out[0, r, 6] = -1.0 if inward[v] != END else 0.0
            out[1, r, 6] = -1.0
        # an interface ends freely on the box: the end follows the bending of the row beside it
        out[1, r, 7] = 0.25 if inward[v] >= 0 else 0.0


@nb.njit(cache=True, inline="always", error_model="numpy")
def _weighted_at(x, ring, v, shares):
    """Sum of the neighbours and the corner itself, each with its share."""
    w = ring[v]
    own, a, b, c, d, e, f = shares[6], shares[0], shares[1], shares[2], shares[3], shares[4], shares[5]
    sx, sy, sz, sw = own * x[v, 0], own * x[v, 1], own * x[v, 2], own * x[v, 3]
    for n, share in enumerate((a, b, c, d, e, f)):
        sx += share * x[w[n], 0]
        sy += share * x[w[n], 1]
        sz += share * x[w[n], 2]
        sw += share * x[w[n], 3]
    return sx, sy, sz, sw


@nb.njit(cache=True, parallel=True, error_model="numpy")
def _special_umbrella(x, ring, few, shares, bent_and_out):
    bent, out = bent_and_out
    for r in nb.prange(len(few)):
        v = np.uint32(few[r])
        sx, sy, sz, sw = _weighted_at(x, ring, v, shares[r])
        lattice = -shares[r, 6]
        out[v, 0], out[v, 1] = sx + lattice * bent[v, 0], sy + lattice * bent[v, 1]
        out[v, 2], out[v, 3] = sz + lattice * bent[v, 2], sw + lattice * bent[v, 3]


@nb.njit(cache=True, parallel=True, error_model="numpy")
def _special_step(positions, first, around, few, shares, how):
    """Return the next positions of some corners."""
    here, before = positions
    ring, inward = around
    (low, high), inertia, pace = how
    out = np.empty((len(few), 4), np.float32)
    for r in nb.prange(len(few)):
        v, w, end = np.uint32(few[r]), np.uint32(max(inward[few[r]], 0)), shares[r, 7]
        bending = _weighted_at(first, ring, v, shares[r])
        for a in range(4):
            s = bending[a] + end * first[w, a]
            x = here[v, a] + inertia * (here[v, a] - before[v, a]) - pace * s
            x = x if x > low[v, a] else low[v, a]
            out[r, a] = x if x < high[v, a] else high[v, a]
    return out
