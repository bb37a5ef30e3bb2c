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

from ssb2mesh.lattice.flow import Flow, make_flow, terraces, unbend
from ssb2mesh.lattice.interface import Interface
from ssb2mesh.lattice.placing import Room
from ssb2mesh.lattice.walls import WallFaces, missing_volume, volume_change, wall_push

__all__ = ["offset_walls", "regularise"]

#: Inertia and pace of the flow, first of all corners, then of those in long waves.
RATES, LONG_RATES = (0.9, 0.25), (0.985, 0.8)
ROUNDS, LONG, TERRACE = 12, 40, 3


def regularise(
    interface: Interface,
    room: Room,
    *,
    walls: WallFaces,
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
    walls : WallFaces
        Its faces, and the components on both sides.
    wanted_change : (n_components,) float array
        Volume that each component should gain over its leaves, in cells; NaN where any will do.
    iterations : int
        Steps of the flow; forty reach about ten cells.

    Returns
    -------
    (n, 3) float array
        Positions in units of cells.
    """
    if not len(room.start):
        return room.start.copy()
    flow = make_flow(interface, room)
    here, before = flow.start.copy(), flow.start.copy()
    all_of_them = np.arange(len(here), dtype=np.int32)
    for done in range(0, iterations, 4):
        steps = min(4, iterations - done)
        here, before = unbend(flow, here, which=all_of_them, steps=steps, rates=RATES, before=before)
        if done >= iterations // 2:
            # the last step goes on from where the offset leads
            now = offset_walls(here, flow, walls=walls, wanted_change=wanted_change, rounds=1)
            before += now - here
            here = now
    which = terraces(flow, least=TERRACE) if iterations else all_of_them[:0]
    before = here.copy()
    for _ in range(ROUNDS):
        if not len(which):
            break
        here, before = unbend(flow, here, which=which, steps=LONG, rates=LONG_RATES, before=before)
    here = offset_walls(here, flow, walls=walls, wanted_change=wanted_change, rounds=6)
    return interface.corners.astype(np.float64) + here[:, :3]


def offset_walls(
    here: npt.NDArray[np.float32],
    flow: Flow,
    *,
    walls: WallFaces,
    wanted_change: npt.NDArray[np.float64],
    rounds: int,
) -> npt.NDArray[np.float32]:
    """Give each component its volume by moving its walls along their normals.

    Parameters
    ----------
    here : (n, 4) float32 array
        What the corners are off the lattice, cells.
    flow : Flow
        How far they may go.
    walls : WallFaces
        The faces, and the components on both sides.
    wanted_change : (n_components,) float array
        Volume to gain over the leaves, in cells.
    rounds : int
        Repetitions; the walls between more than two components need several.

    Returns
    -------
    (n, 4) float32 array
        New positions inside the room.
    """
    for _ in range(rounds):
        change, area = volume_change(walls, here)
        missing = missing_volume(wanted_change, change)
        if np.abs(missing).max() < 1e-9:
            break
        here = _moved(here, wall_push(walls, here, 0.5 * missing / np.maximum(area, 1e-12)), flow.low, flow.high)
    return here


@nb.njit(cache=True, parallel=True)
def _moved(here, push, low, high):
    out = np.empty_like(here)
    for v in nb.prange(len(here)):
        for e in range(4):
            out[v, e] = min(max(here[v, e] + push[v, e], low[v, e]), high[v, e])
    return out
