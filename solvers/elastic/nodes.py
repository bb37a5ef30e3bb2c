"""Displacement nodes of a Domain: linear or quadratic, one copy or two of each, numbered for the matrix. No materials.

Bodies that may come apart need two displacements where they meet. So that nothing is cut, every node has room for one
copy a field; a tet uses the copies of its body's field. Copies that no live tet uses have no number and no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.domain import Domain

__all__ = ["Nodes", "Rule", "build_nodes", "element_rule", "shape_values"]

#: Ends of the edges of the reference tet, in the order of its edge nodes.
EDGES = np.array([[2, 3], [1, 3], [1, 2], [0, 3], [0, 2], [0, 1]])
#: Nodes of side k of a tet: the corners other than k, then the edge opposite each of them.
SIDE_NODES = np.array([[1, 2, 3, 4, 5, 6], [0, 2, 3, 4, 7, 8], [0, 1, 3, 5, 7, 9], [0, 1, 2, 6, 8, 9]])


@dataclass(frozen=True, eq=False)
class Rule:
    """Quadrature points of a tet and what the shape functions do there.

    Parameters
    ----------
    points : (q, 4) float array
        Barycentric coordinates.
    weights : (q,) float array
        Parts of the volume.
    slopes : (q, nodes, 4) float array
        Derivatives of the shape functions by barycentric coordinate.
    """

    points: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    slopes: npt.NDArray[np.float64]


def element_rule(order: int) -> Rule:
    """Return one point for linear tets, four for quadratic ones: exact for the stiffness of straight-sided tets."""
    if order == 1:
        return Rule(np.full((1, 4), 0.25), np.ones(1), np.eye(4)[None])
    a, b = (5 + 3 * np.sqrt(5)) / 20, (5 - np.sqrt(5)) / 20
    points = np.full((4, 4), b) + (a - b) * np.eye(4)
    return Rule(points, np.full(4, 0.25), _quadratic_slopes(points))


def _quadratic_slopes(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    slopes = np.zeros((len(points), 10, 4))
    for a in range(4):
        slopes[:, a, a] = 4 * points[:, a] - 1
    for e, (i, j) in enumerate(EDGES):
        slopes[:, 4 + e, i], slopes[:, 4 + e, j] = 4 * points[:, j], 4 * points[:, i]
    return slopes


def shape_values(order: int, barycentric: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the shape functions of a triangle, (points, 3 or 6): corners, then the edge opposite each corner."""
    if order == 1:
        return barycentric
    a, b, c = barycentric.T
    return np.stack([a * (2 * a - 1), b * (2 * b - 1), c * (2 * c - 1), 4 * b * c, 4 * a * c, 4 * a * b], axis=1)


@dataclass(frozen=True, eq=False)
class Nodes:
    """Nodes, their copies and their rows in the matrix, on this rank; ghosts come after owned nodes.

    Parameters
    ----------
    domain : Domain
        The mesh.
    order : int
        1 or 2.
    index_map : dolfinx IndexMap
        Who owns which node.
    coordinates : (copies, 3) float array
        Position of each copy, m.
    cell_copies : (local cells, 4 or 10) int32 array
        Copies that each tet uses.
    fields : int
        Copies of each node; copy c belongs to node ``c // fields``.
    live : (copies,) bool array
        Copies that live tets use, on any rank.
    live_cells : (local cells,) bool array
        Tets that take part, ghosts included.
    rows : (live copies,) int32 array
        The live copies; their positions are the local block rows.
    numbers : (live copies,) int64 array
        Global block row of each.
    """

    domain: Domain
    order: int
    index_map: Any
    coordinates: npt.NDArray[np.float64]
    cell_copies: npt.NDArray[np.int32]
    fields: int
    live: npt.NDArray[np.bool_]
    live_cells: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.int64]

    @property
    def owned(self) -> int:
        """How many copies this rank owns."""
        return int(self.index_map.size_local) * self.fields

    @property
    def owned_rows(self) -> int:
        """How many block rows this rank owns; they come first."""
        return int(np.searchsorted(self.rows, self.owned))

    @property
    def row_of(self) -> npt.NDArray[np.int32]:
        """(copies,) int32 array: block row of each copy, -1 where it has none."""
        result = np.full(len(self.live), -1, np.int32)
        result[self.rows] = np.arange(len(self.rows), dtype=np.int32)
        return result

    def zeros(self) -> npt.NDArray[np.float64]:
        """Return a zero vector at every copy."""
        return np.zeros((len(self.live), 3))

    def accumulate(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return values at copies, each the sum over all ranks; all ranks call."""
        shape = values.shape
        return api.accumulate(self.index_map, values.reshape(len(values) // self.fields, -1)).reshape(shape)

    def update(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return values at copies, ghosts set to their owner's; all ranks call."""
        shape = values.shape
        return api.update_ghosts(self.index_map, values.reshape(len(values) // self.fields, -1)).reshape(shape)

    def side_copies(self, facets: npt.NDArray[np.int32], cells: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the copies of facets as one cell of each sees them, (facets, 3 or 6)."""
        side = (self.domain.cell_facets[cells] == facets[:, None]).argmax(axis=1)
        width = 3 if self.order == 1 else 6
        return np.take_along_axis(self.cell_copies[cells], SIDE_NODES[side][:, :width], axis=1)

    def outward(self, facets: npt.NDArray[np.int32], cells: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Return area times unit normal of facets, pointing out of the given cells, (facets, 3) m2."""
        side = (self.domain.cell_facets[cells] == facets[:, None]).argmax(axis=1)
        corners = self.coordinates[np.take_along_axis(self.cell_copies[cells], SIDE_NODES[side][:, :3], axis=1)]
        apex = self.coordinates[self.cell_copies[cells, side]]
        normal = 0.5 * np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        inward = np.einsum("ij,ij->i", normal, apex - corners[:, 0]) > 0
        return np.where(inward[:, None], -normal, normal)

    def at_points(self, values: npt.NDArray[np.float64], field: int = 0) -> npt.NDArray[np.float64]:
        """Return values at copies as values at the dofs of the domain's scalar space; NaN where there is no copy."""
        nodes = np.zeros(len(self.domain.dof_original), np.int64)
        plain = self.cell_nodes[:, :4]
        nodes[self.domain.cell_points] = plain
        copies = nodes * self.fields + field
        result = np.array(values[copies], dtype=np.float64)
        result[~self.live[copies]] = np.nan
        return result

    @property
    def cell_nodes(self) -> npt.NDArray[np.int32]:
        """(local cells, 4 or 10) int32 array: nodes of each tet."""
        return self.cell_copies // self.fields


def build_nodes(
    domain: Domain,
    live_cells: npt.NDArray[np.bool_],
    *,
    order: int = 1,
    cell_field: npt.NDArray[np.int32] | None = None,
    joined: npt.NDArray[np.int32] | None = None,
) -> Nodes:
    """Number the displacement nodes of some cells; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    live_cells : (local cells,) bool array
        Cells that take part.
    order : int
        1 for linear tets, 2 for quadratic ones.
    cell_field : (local cells,) int32 array, optional
        Field (0 or 1) that each cell belongs to; default one field.
    joined : (k,) int32 array, optional
        Facets across which the two fields are one: their nodes have one copy.

    Returns
    -------
    Nodes
        Nodes, copies and rows.
    """
    space = domain.space if order == 1 else api.function_space(domain.mesh, "P", order)
    index_map = space.dofmap.index_map
    cell_nodes = api.cell_dofs(space)
    n = index_map.size_local + index_map.num_ghosts
    fields = 1 if cell_field is None else 2
    slot = np.zeros((n, fields), np.int32)
    if cell_field is None:
        cell_copies = cell_nodes
    else:
        slot[:, 1] = 1
        if joined is None:
            joined = np.zeros(0, np.int32)
        one = np.zeros(n)
        cells = domain.facet_cells[joined, 0]
        side = (domain.cell_facets[cells] == joined[:, None]).argmax(axis=1)
        one[np.take_along_axis(cell_nodes[cells], SIDE_NODES[side][:, : 3 if order == 1 else 6], axis=1)] = 1.0
        slot[api.accumulate(index_map, one) > 0, 1] = 0
        cell_copies = (cell_nodes * 2 + slot[cell_nodes, cell_field[:, None]]).astype(np.int32)
    marks = np.zeros((n, fields))
    mine = live_cells[: domain.owned_cells]
    marks.ravel()[cell_copies[: domain.owned_cells][mine]] = 1.0
    live = (api.accumulate(index_map, marks) > 0).ravel()
    rows = np.flatnonzero(live).astype(np.int32)
    owned_rows = int(np.searchsorted(rows, index_map.size_local * fields))
    first = int(np.sum(domain.comm.allgather(owned_rows)[: domain.comm.rank]))
    numbers = np.full(n * fields, -1.0)
    numbers[rows[:owned_rows]] = first + np.arange(owned_rows)
    numbers = api.update_ghosts(index_map, numbers.reshape(n, fields)).ravel()
    coordinates = np.empty((n, 3))
    corners = domain.mesh.geometry.x[api.geometry_cells(domain.mesh)]
    coordinates[cell_nodes[:, :4]] = corners
    if order == 2:
        coordinates[cell_nodes[:, 4:]] = 0.5 * (corners[:, EDGES[:, 0]] + corners[:, EDGES[:, 1]])
    spread = np.repeat(coordinates, fields, axis=0)
    return Nodes(domain, order, index_map, spread, cell_copies, fields, live, live_cells, rows,
                 numbers[rows].astype(np.int64))  # fmt: skip
