"""Second-order tets: a node on the middle of each edge. No files and no names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh

__all__ = ["TET_EDGES", "TRIANGLE_EDGES", "SecondOrder", "check_order", "second_order"]

#: Corners of the edges of a tet in the order of VTK, Exodus and Abaqus.
TET_EDGES = np.array([[0, 1], [1, 2], [0, 2], [0, 3], [1, 3], [2, 3]])
#: Corners of the edges of a triangle.
TRIANGLE_EDGES = np.array([[0, 1], [1, 2], [0, 2]])


def check_order(order: int) -> None:
    """Raise unless an order is 1 or 2.

    Parameters
    ----------
    order : int
        Of the tets.

    Raises
    ------
    InputError
        If it is another.

    Examples
    --------
    >>> check_order(2)
    """
    if order not in (1, 2):
        raise InputError(f"order: got {order!r}; tets are of order 1 or 2")


class SecondOrder(NamedTuple):
    """A mesh with a node on each edge.

    Attributes
    ----------
    points : (n + e, 3) float array
        The points of the mesh, then the middle of each edge.
    tets : (m, 10) int array
        Corners, then mid nodes in the order of `TET_EDGES`.
    edges : (e, 2) int array
        End points of each edge, the lower first, sorted.
    """

    points: npt.NDArray[np.float64]
    tets: npt.NDArray[np.integer]
    edges: npt.NDArray[np.integer]

    def mid_nodes(self, ends: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return the node on each edge.

        Parameters
        ----------
        ends : (..., 2) int array
            End points, in any order.

        Returns
        -------
        (...) int array
            Indices into `points`.
        """
        base = len(self.points) - len(self.edges)
        pair = np.sort(ends, axis=-1).astype(np.int64)
        keys = self.edges[:, 0].astype(np.int64) * base + self.edges[:, 1]
        return np.searchsorted(keys, pair[..., 0] * base + pair[..., 1]) + base

    def triangles(self, corners: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return second-order triangles.

        Parameters
        ----------
        corners : (f, 3) int array
            Corners of facets of the mesh.

        Returns
        -------
        (f, 6) int array
            Corners, then mid nodes in the order of `TRIANGLE_EDGES`.
        """
        return np.column_stack([corners, self.mid_nodes(corners[:, TRIANGLE_EDGES])])

    def on_nodes(self, values: npt.NDArray) -> npt.NDArray[np.float64]:
        """Return a field by point on all nodes: the mean of the two ends on an edge.

        Parameters
        ----------
        values : (n, ...) array
            Field by point.

        Returns
        -------
        (n + e, ...) array
            Field by node.
        """
        return np.concatenate([values, 0.5 * (values[self.edges[:, 0]] + values[self.edges[:, 1]])])


def second_order(mesh: TaggedMesh) -> SecondOrder:
    """Return a mesh with a node in the middle of each edge; the edges stay straight.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh.

    Returns
    -------
    SecondOrder
        Nodes, ten-node tets and edges. Straight edges keep every tet as valid as it was.

    Examples
    --------
    >>> import numpy as np
    >>> mesh = TaggedMesh(np.eye(4, 3), np.array([[3, 0, 1, 2]]), np.array([1]), np.zeros((0, 3), int), np.zeros(0),
    ...                   {"NMC": 1}, {})
    >>> second_order(mesh).tets
    array([[3, 0, 1, 2, 6, 4, 8, 9, 5, 7]])
    """
    n = mesh.n_points
    keys = np.empty((len(mesh.tets), 6), np.int64)
    for number, (a, b) in enumerate(TET_EDGES):
        p, q = mesh.tets[:, a], mesh.tets[:, b]
        keys[:, number] = np.minimum(p, q).astype(np.int64) * n + np.maximum(p, q)
    found, inverse = np.unique(keys, return_inverse=True)
    kind = mesh.tets.dtype if n + len(found) <= np.iinfo(mesh.tets.dtype).max else np.dtype(np.int64)
    edges = np.column_stack([found // n, found % n]).astype(kind)
    middles = 0.5 * (mesh.points[edges[:, 0]] + mesh.points[edges[:, 1]])
    tets = np.empty((len(mesh.tets), 10), kind)
    tets[:, :4] = mesh.tets
    tets[:, 4:] = inverse.reshape(-1, 6) + n
    return SecondOrder(np.concatenate([mesh.points, middles]), tets, edges)
