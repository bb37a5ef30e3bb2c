"""Curves made of short edges, such as the voxel edges or mesh edges of a triple line: their links and directions.

The edges of a curve between voxels turn by right angles, those of a mesh waver about the line that they stand for. Each
counts with its part along the mean direction of the curve around it; edges that run backwards count below zero, as in
any sum along a chain of which the ends alone matter.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["link_edges", "smooth_directions"]


def smooth_directions(
    nodes: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.float64],
    *,
    groups: npt.NDArray[np.int64],
    window: float,
    directed: bool,
) -> npt.NDArray[np.float64]:
    """Return the direction of the smooth curve at each edge.

    Parameters
    ----------
    nodes : (n, 2) int array
        Where each edge begins and ends.
    vectors : (n, 3) float array
        From begin to end, in any unit.
    groups : (n,) int array
        Edges of different groups belong to different curves.
    window : float
        Standard deviation of the Gaussian weights along the curve, in the unit of the vectors.
    directed : bool
        Whether a curve goes on only with an edge that begins where the last one ends.

    Returns
    -------
    (n, 3) float array
        Unit vectors; the scalar products with `vectors` are the lengths that the edges stand for.

    Examples
    --------
    >>> nodes = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    >>> stairs = np.array([[1.0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]])
    >>> found = smooth_directions(nodes, stairs, groups=np.zeros(4, int), window=20.0, directed=True)
    >>> round(float((stairs * found).sum()), 2), round(8**0.5, 2)
    (2.83, 2.83)
    """
    vectors = np.ascontiguousarray(vectors, np.float64)
    links = link_edges(nodes, vectors, groups=groups, directed=directed)
    return np.asarray(_directions(vectors, links, float(window)))


def link_edges(
    nodes: npt.NDArray[np.int64], vectors: npt.NDArray[np.float64], *, groups: npt.NDArray[np.int64], directed: bool
) -> npt.NDArray[np.int64]:
    """Return where curves go on from both ends of each edge.

    Parameters
    ----------
    nodes, vectors, groups, directed
        As in `smooth_directions`. Where several edges of a group meet, the straightest pairs go on into each other.

    Returns
    -------
    (n, 2) int array
        Twice the next edge, plus 1 if it is met at its end; -1 where the curve ends.

    Examples
    --------
    >>> nodes = np.array([[7, 8], [8, 9]])
    >>> link_edges(nodes, np.ones((2, 3)), groups=np.zeros(2, int), directed=True)
    array([[-1,  2],
           [ 1, -1]])
    """
    ends = np.ascontiguousarray(nodes).reshape(-1)
    owner = np.repeat(groups, 2)
    order = np.lexsort((ends, owner))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(ends[order]) != 0) | (np.diff(owner[order]) != 0)
    starts = np.append(np.flatnonzero(new), len(order))
    return np.asarray(_pair(order, starts, np.ascontiguousarray(vectors, np.float64), directed)).reshape(-1, 2)


@nb.njit(cache=True, nogil=True)
def _pair(order, starts, vectors, directed):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Pair the half edges that meet at each node; a half edge is twice its edge, plus 1 at the end of it."""
    partner = np.full(len(order), -1)
    for node in range(len(starts) - 1):
        for place in range(starts[node], starts[node + 1]):
            half = order[place]
            if partner[half] >= 0:
                continue
            best, most = -1, -np.inf
            for later in range(place + 1, starts[node + 1]):
                other = order[later]
                if partner[other] >= 0 or (directed and half % 2 == other % 2):
                    continue
                straight = 0.0
                for a in range(3):
                    straight += vectors[half // 2, a] * vectors[other // 2, a]
                if half % 2 == other % 2:
                    straight = -straight
                if straight > most:
                    best, most = other, straight
            if best >= 0:
                partner[half], partner[best] = best, half
    return partner


@nb.njit(cache=True, nogil=True)
def _directions(vectors, links, window):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Gaussian mean of the edges before and after each edge along its curve, of length 1."""
    count = len(vectors)
    lengths = np.sqrt((vectors * vectors).sum(axis=1))
    found = np.empty((count, 3))
    total = np.empty(3)
    for edge in range(count):
        total[:] = vectors[edge]
        for way in range(2):
            here, leave, distance = edge, way, 0.0
            while links[here, leave] >= 0:
                there, enter = links[here, leave] // 2, links[here, leave] % 2
                distance += 0.5 * (lengths[here] + lengths[there])
                if there == edge or distance > 3.0 * window:
                    break
                # an edge that is entered at its end is passed backwards
                weight = np.exp(-0.5 * (distance / window) ** 2) * (1.0 if enter != way else -1.0)
                for a in range(3):
                    total[a] += weight * vectors[there, a]
                here, leave = there, 1 - enter
        size = np.sqrt(total[0] * total[0] + total[1] * total[1] + total[2] * total[2])
        if size > 1e-9 * lengths[edge]:
            found[edge] = total / size
        else:
            found[edge] = vectors[edge] / max(lengths[edge], 1e-300)
    return found
