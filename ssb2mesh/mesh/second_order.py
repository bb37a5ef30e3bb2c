"""Second-order tets: a node on the middle of each edge, straight or curved. No files; geometry is in `curved`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh, tet_volumes

__all__ = ["TET_EDGES", "TRIANGLE_EDGES", "Curving", "SecondOrder", "check_order", "second_order"]

#: Corners of the edges of a tet in the order of VTK, Exodus and Abaqus.
TET_EDGES = np.array([[0, 1], [1, 2], [0, 2], [0, 3], [1, 3], [2, 3]])
#: Corners of the edges of a triangle.
TRIANGLE_EDGES = np.array([[0, 1], [1, 2], [0, 2]])
_CHUNK = 1 << 14


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


class Curving(NamedTuple):
    """What was done to the edges of interfaces and walls.

    Attributes
    ----------
    edges : int
        How many there are.
    curved : int
        Whose middle has moved.
    refused : int
        Left straight since a tet would have folded. The rest are flat anyway, or have no smooth surface to lie on.
    volumes : mapping of str to float
        By phase, the change of its volume relative to the volume.
    """

    edges: int
    curved: int
    refused: int
    volumes: Mapping[str, float]

    def told(self) -> list[str]:
        """Return the clause that tells it, none if all is flat, for `ssb2mesh.io.mesh_names.warn_loss`."""
        if not self.curved and not self.refused:
            return []
        name, change = max(self.volumes.items(), key=lambda item: abs(item[1]), default=("", 0.0))
        refused = f", {self.refused} left straight where a tet would fold" if self.refused else ""
        return [
            f"second order: {self.curved} of {self.edges} edges on interfaces curved{refused}; volumes change by "
            f"{100 * change:+.2g} % at most ({name})"
        ]


class SecondOrder(NamedTuple):
    """A mesh with a node on each edge.

    Attributes
    ----------
    points : (n + e, 3) float array
        The points of the mesh, then the node of each edge.
    tets : (m, 10) int array
        Corners, then mid nodes in the order of `TET_EDGES`.
    edges : (e, 2) int array
        End points of each edge, the lower first, sorted.
    curving : Curving or None
        What was curved; None: all edges are straight.
    """

    points: npt.NDArray[np.float64]
    tets: npt.NDArray[np.integer]
    edges: npt.NDArray[np.integer]
    curving: Curving | None = None

    @property
    def told(self) -> list[str]:
        """What was curved, as a clause for `ssb2mesh.io.mesh_names.warn_loss`; none if nothing was."""
        return self.curving.told() if self.curving else []

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


def second_order(mesh: TaggedMesh, *, curved: bool = False) -> SecondOrder:
    """Return a mesh with a node on each edge.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh.
    curved : bool
        Move the nodes on interfaces and walls to the smooth surfaces through their vertices, as far as all tets stay
        valid; those on the box stay on it. Otherwise edges are straight, which keeps every tet as valid as it was.

    Returns
    -------
    SecondOrder
        Nodes, ten-node tets and edges.

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
    straight = SecondOrder(np.concatenate([mesh.points, middles]), tets, edges)
    return _curve(mesh, straight) if curved else straight


def _curve(mesh: TaggedMesh, straight: SecondOrder) -> SecondOrder:
    from ssb2mesh.mesh.curved import LEAST, edge_shifts, jacobian_coefficients

    ends, shift, place = edge_shifts(mesh)
    base = mesh.n_points
    # the edge of an interface that each edge of the mesh is, if it is one
    pair = np.sort(place[straight.edges], axis=1)
    size = int(place.max(initial=0)) + 1
    keys, wanted = ends[:, 0] * size + ends[:, 1], pair[:, 0] * size + pair[:, 1]
    at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    on = np.flatnonzero(keys[at] == wanted) if len(keys) else np.zeros(0, np.int64)
    source = np.full(len(straight.edges), -1)
    source[on] = at[on]
    of_tet = source[straight.tets[:, 4:] - base]
    moved = shift.any(axis=1)
    proposed = int(moved.sum())
    chord = mesh.points[straight.edges[on, 1]] - mesh.points[straight.edges[on, 0]]
    bend = np.zeros(len(ends))
    bend[at[on]] = np.linalg.norm(shift[at[on]], axis=1) / np.linalg.norm(chord, axis=1)
    middles = straight.points[base:].copy()
    nodes = straight.points.copy()
    touched = active = np.flatnonzero((np.append(moved, False)[of_tet]).any(axis=1))
    while len(active):
        nodes[base + on] = middles[on] + np.where(moved, 1.0, 0.0)[at[on], None] * shift[at[on]]
        bad = np.zeros(len(active), bool)
        for first in range(0, len(active), _CHUNK):
            part = active[first : first + _CHUNK]
            corners = mesh.points[mesh.tets[part]]
            whole = np.linalg.det(corners[:, 1:] - corners[:, :1])
            found = jacobian_coefficients(nodes[straight.tets[part]])
            bad[first : first + _CHUNK] = found.min(axis=1) < LEAST * whole
        folded = active[bad]
        # the most bent edge of each becomes straight, and its tets are judged again
        edges = of_tet[folded]
        bends = np.where(edges >= 0, np.append(np.where(moved, bend, 0.0), 0.0)[edges], 0.0)
        moved[np.take_along_axis(edges, bends.argmax(axis=1)[:, None], axis=1).ravel()] = False
        lost = np.zeros(len(ends) + 1, bool)
        lost[np.take_along_axis(edges, bends.argmax(axis=1)[:, None], axis=1).ravel()] = True
        active = touched[lost[of_tet[touched]].any(axis=1)] if len(folded) else folded
    change = np.zeros(int(max(mesh.cell_names.values(), default=0)) + 1)
    for first in range(0, len(touched), _CHUNK):
        part = touched[first : first + _CHUNK]
        grown = jacobian_coefficients(nodes[straight.tets[part]]).mean(axis=1) / 6.0
        grown -= tet_volumes(mesh.points, mesh.tets[part])
        change += np.bincount(mesh.cell_tags[part], weights=grown, minlength=len(change))
    volumes = {name: change[mesh.cell_names[name]] / volume for name, volume in mesh.phase_volumes().items() if volume}
    told = Curving(len(ends), int(moved.sum()), proposed - int(moved.sum()), volumes)
    return SecondOrder(nodes, straight.tets, straight.edges, told)
