"""The volumes that the pieces of components ought to have, between planes and in the bands around them. No positions.

The lattice is taken apart at both edges of every band. Each *piece* of a component, in a band or between two bands,
ought to have the volume of those voxels of it that lie in its leaves, or beside them in leaves of another phase: what
it lacks is lacking at its own walls, and can be made good there. Voxels further off go to the largest piece of their
component in the same band, or between the same bands; only those of components that have no leaf there at all are
shared by all pieces of the phase. Seams see to the pieces in bands. Slabs see to those
between, together with such pieces in bands as end there: what the seam could not give them, the slab gives. So the sum
over all is that of the volume, component by component.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ssb2mesh.lattice.volumes import lattice_components
from ssb2mesh.slabs.piece import Piece
from ssb2mesh.volume.components import label_components

__all__ = ["Shares", "seam_shares", "slab_shares"]


@dataclass(frozen=True)
class Shares:
    """Pieces of components and what they ought to gain.

    Parameters
    ----------
    piece_of : (nx, ny, nz) int32 array
        Piece of each cell; those of which nothing is wanted have the last number.
    wanted : (n,) float array
        Volume to gain over the leaves, in cells; NaN for the last.
    in_band : (n,) bool array
        Pieces in the band of a seam.
    """

    piece_of: npt.NDArray[np.int32]
    wanted: npt.NDArray[np.float64]
    in_band: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Pieces:
    """All layers taken apart at some edges; `first` is the first piece of each part, and then their number."""

    of_cell: npt.NDArray[np.int32]
    wanted: npt.NDArray[np.float64]
    edges: tuple[int, ...]
    first: tuple[int, ...]


def seam_shares(piece: Piece, seam: int) -> Shares:
    """Return the pieces in the band of a plane, and those to either side.

    Parameters
    ----------
    piece : Piece
        What the seam is made from.
    seam : int
        Which plane.

    Returns
    -------
    Shares
        Of all cells of the piece.

    Examples
    --------
    >>> seam_shares(piece, 1).in_band  # doctest: +SKIP
    array([False, False,  True,  True, False, False, False])
    """
    plan, end = piece.plan, piece.lattice.shape[2]
    plane = plan.planes[seam] - piece.low
    pieces = _take_apart(piece, (0, max(plane - plan.band, 0), min(plane + plan.band, end), end))
    in_band = np.zeros(pieces.first[-1] + 1, np.bool_)
    in_band[pieces.first[1] : pieces.first[2]] = True
    return Shares(pieces.of_cell, np.append(pieces.wanted, np.nan), in_band)


def slab_shares(piece: Piece, slab: int) -> Shares:
    """Return the pieces of components that a slab sees to.

    Parameters
    ----------
    piece : Piece
        What the slab is made from.
    slab : int
        Which slab.

    Returns
    -------
    Shares
        All cells that other slabs or seams see to are one piece, the last.

    Examples
    --------
    >>> slab_shares(piece, 0).wanted  # doctest: +SKIP
    array([ 0.,  0., nan])
    """
    plan = piece.plan
    if plan.slabs == 1:
        component, wanted = lattice_components(piece.grid, piece.lattice)
        return Shares(component, np.append(wanted, np.nan), np.zeros(len(wanted) + 1, np.bool_))
    below, above = plan.band * (slab > 0), plan.band * (slab < plan.slabs - 1)
    first, last = (plane - piece.low for plane in plan.planes[slab : slab + 2])
    edges = (0, first - below, first + below, last - above, last + above, piece.lattice.shape[2])
    pieces = _take_apart(piece, edges)
    return _joined(piece, pieces)


def _take_apart(piece: Piece, edges: tuple[int, ...]) -> _Pieces:
    """Components of the layers between edges, as if all ended there, and what each should gain."""
    lattice, grid = piece.lattice, piece.grid
    of_cell, phases, first = np.empty(lattice.shape, np.int32), [], [0]
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        component, phase, _, _ = label_components(np.ascontiguousarray(lattice.phase[:, :, low:high]))
        of_cell[:, :, low:high] = component + np.int32(first[-1])
        first.append(first[-1] + len(phase))
        phases.append(phase)
    n = first[-1]
    if lattice.phase is grid.voxels:
        return _Pieces(of_cell, np.zeros(n), edges, tuple(first))
    part = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    sizes = np.bincount(of_cell.ravel(), minlength=n)
    lost = np.zeros((len(edges) - 1, len(grid.names)))
    of_voxel, _, voxel_sizes, _ = label_components(grid.voxels)
    where = (_overlaps(piece), lattice.level, part)
    owner = _owners(lattice.phase, (grid.voxels, of_voxel), of_cell, where, (len(lost), len(voxel_sizes)))
    gained = _gained(lattice.phase, (grid.voxels, of_voxel), of_cell, where, (n, lost, owner))
    # of components without a leaf: all pieces of the phase share them
    for p, low, high in zip(range(len(lost)), first[:-1], first[1:], strict=True):
        of_phase = np.bincount(phases[p], gained[low:high], len(grid.names))
        ratio = np.divide(lost[p], of_phase, out=np.zeros(len(of_phase)), where=of_phase > 0)
        gained[low:high] *= 1.0 + ratio[phases[p]]
    wanted = gained - sizes
    wanted[np.abs(wanted) < 1e-9 * sizes] = 0.0
    return _Pieces(of_cell, wanted, edges, tuple(first))


def _overlaps(piece: Piece) -> tuple[npt.NDArray, ...]:
    """Voxels that the cells along x and y stand for, and what of them; the one or two that each along z lies in."""
    plan, cells = piece.plan, piece.plan.voxel_in_cells
    x, y = (plan.voxel_of(axis) for axis in range(2))
    bottom = np.arange(piece.low, piece.low + piece.lattice.shape[2])
    n, m = plan.cells[2], plan.head.shape[2]
    # in units of an m-th of a cell, so of an n-th of a voxel: exact
    first, last = bottom * m // n, ((bottom + 1) * m - 1) // n
    below = np.minimum((first + 1) * n - bottom * m, m) / m
    z = np.stack([first, last], axis=1) - plan.voxel_layers(piece.low, piece.low)[0]
    return x, y, cells[0] / np.bincount(x)[x], cells[1] / np.bincount(y)[y], z, np.stack([below, 1.0 - below], axis=1)


@nb.njit(cache=True)
def _owners(leaf, voxels, of_cell, where, shape):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Piece that most cells of each component of the voxels lie in, part by part (a vote); -1 where it has no leaf."""
    phase, of_voxel = voxels
    (x, y, _, _, z, wz), _, part = where
    owner, votes = np.full(shape, -1, np.int32), np.zeros(shape, np.int32)
    nx, ny, nz = leaf.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                e = 0 if wz[k, 0] >= 0.5 else 1
                if phase[x[i], y[j], z[k, e]] != leaf[i, j, k]:
                    continue
                p, v, piece = part[k], of_voxel[x[i], y[j], z[k, e]], of_cell[i, j, k]
                if owner[p, v] == piece:
                    votes[p, v] += 1
                elif votes[p, v] == 0:
                    owner[p, v], votes[p, v] = piece, 1
                else:
                    votes[p, v] -= 1
    return owner


@nb.njit(cache=True)
def _gained(leaf, voxels, of_cell, where, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Volume of the voxels that belong to each piece; `out`: pieces, place for what belongs to none, `_owners`."""
    phase, of_voxel = voxels
    (x, y, wx, wy, z, wz), level, part = where
    n, lost, owner = out
    nx, ny, nz = leaf.shape
    gained = np.zeros(n)
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                for e in range(2):
                    w = wx[i] * wy[j] * wz[k, e]
                    if w == 0.0:
                        continue
                    own, piece = phase[x[i], y[j], z[k, e]], of_cell[i, j, k]
                    if leaf[i, j, k] != own:
                        voxel = of_voxel[x[i], y[j], z[k, e]]
                        piece = _nearest(leaf, of_cell, (i, j, k, 1 << level[i, j, k]), own, (of_voxel, voxel, x, y, z))
                        if piece < 0:
                            piece = owner[part[k], voxel]
                    if piece >= 0:
                        gained[piece] += w
                    else:
                        lost[part[k], own] += w
    return gained


@nb.njit(cache=True)
def _nearest(leaf, of_cell, at, own, component):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Piece of the nearest cell in a leaf of a phase, with a voxel of the same component; or -1."""
    nx, ny, nz = leaf.shape
    i, j, k, reach = at
    of_voxel, voxel, x, y, z = component
    best, found = 1 << 30, -1
    for a in range(max(i - reach, 0), min(i + reach + 1, nx)):
        for b in range(max(j - reach, 0), min(j + reach + 1, ny)):
            for c in range(max(k - reach, 0), min(k + reach + 1, nz)):
                if leaf[a, b, c] != own:
                    continue
                away = (a - i) ** 2 + (b - j) ** 2 + (c - k) ** 2
                if away < best and (of_voxel[x[a], y[b], z[c, 0]] == voxel or of_voxel[x[a], y[b], z[c, 1]] == voxel):
                    best, found = away, of_cell[a, b, c]
    return found


def _joined(piece: Piece, pieces: _Pieces) -> Shares:
    """The pieces between the bands of a slab, with those in the bands that end there."""
    phase, of_cell, edges, first = piece.lattice.phase, pieces.of_cell, pieces.edges, pieces.first
    n = first[-1]
    ours = np.zeros(n, np.bool_)
    ours[first[2] : first[3]] = True
    pairs = [np.empty((2, 0), np.int64)]
    # the bands are the parts 1 and 3; layers of each at its far and its near edge, and the one beyond the near edge
    for band, far, near, beyond in ((1, edges[1], edges[2] - 1, edges[2]), (3, edges[4] - 1, edges[3], edges[3] - 1)):
        if edges[band] == edges[band + 1]:
            continue
        ours[first[band] : first[band + 1]] = True
        # what reaches the far edge may go on in the other slab
        ours[of_cell[:, :, far]] = False
        theirs, own = of_cell[:, :, near], of_cell[:, :, beyond]
        same = (phase[:, :, near] == phase[:, :, beyond]) & ours[theirs]
        pairs.append(np.stack([theirs[same], own[same]]).astype(np.int64))
    row, column = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(row), np.int8), (row, column)), shape=(n, n))
    _, number = connected_components(graph, directed=False)
    numbers, group = np.unique(number[ours], return_inverse=True)
    place = np.full(n, len(numbers), np.int32)
    place[ours] = group
    wanted = np.bincount(group, pieces.wanted[ours], len(numbers))
    return Shares(place[of_cell], np.append(wanted, np.nan), np.zeros(len(wanted) + 1, np.bool_))
