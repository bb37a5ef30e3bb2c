"""The tets of this rank: stress, nodal forces and stiffness, elastic or flowing. No supports, no solving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.elastic import kernels
from solvers.elastic.flow import return_map
from solvers.elastic.laws import Elastic, eigenstrain_vector
from solvers.elastic.matrix import Pattern
from solvers.elastic.nodes import Nodes, element_rule
from ssb2mesh.errors import InputError

__all__ = ["Bulk", "two_moduli"]


class Bulk:
    """Tets with their materials and, where they flow, their plastic strains.

    Parameters
    ----------
    nodes : Nodes
        The numbering.
    materials : mapping of str to Elastic
        By phase.
    eigenstrain : mapping of str to float or array
        By phase.
    """

    def __init__(self, nodes: Nodes, materials: Mapping[str, Elastic], eigenstrain: Mapping[str, Any]) -> None:
        domain = nodes.domain
        self.nodes, self.rule = nodes, element_rule(nodes.order)
        self.cells = np.flatnonzero(nodes.live_cells[: domain.owned_cells])
        self.copies = np.ascontiguousarray(nodes.cell_copies[self.cells])
        names = list(materials)
        number = np.full(max(domain.phases.values()) + 1, -1)
        number[domain.phase_tags(names, argument="materials")] = np.arange(len(names))
        #: (cells,) int array: number of each cell's material.
        self.material = number[domain.cell_phase[self.cells]]
        self.moduli = np.stack([materials[name].moduli for name in names])
        n_q = len(self.rule.weights)
        self.which = np.repeat(self.material[:, None], n_q, axis=1).astype(np.int64)
        # keeping the volume only on average would cost accuracy where nothing locks
        averaged = np.array([nodes.order > 1 and materials[name].keeps_volume for name in names])
        self.averaged = averaged[self.material]
        self.eigen = _eigenstrains(domain, names, eigenstrain)[self.material]
        yields = np.array([materials[name].yield_stress or np.inf for name in names])
        hard = np.array([materials[name].hardening for name in names])
        #: Positions in `cells` of those that may flow.
        self.soft = np.flatnonzero(np.isfinite(yields[self.material]))
        self._limit, self._hard = yields[self.material[self.soft]], hard[self.material[self.soft]]
        self._shear, self._bulk = two_moduli(self.moduli[self.material[self.soft]])
        self.plastic = np.zeros((len(self.soft), n_q, 6))
        self.hardened = np.zeros((len(self.soft), n_q))
        self._trial: tuple[npt.NDArray, npt.NDArray] | None = None
        self.tangent_table, self.tangent_which = self.moduli, self.which
        #: Pressures that are unknowns of their own, one column of the state each; see `solvers.elastic.mixed`.
        self.pressures = 0

    @property
    def width(self) -> int:
        """Columns of a state: three displacements and the pressures."""
        return 3 + self.pressures

    @property
    def compliance(self) -> npt.NDArray[np.float64]:
        """(cells, 6, 6) float array: strain by stress, per Pa."""
        return np.asarray(np.linalg.inv(self.moduli)[self.material])

    def zeros(self) -> npt.NDArray[np.float64]:
        """Return a zero state, (copies, width)."""
        return np.zeros((len(self.nodes.live), self.width))

    @property
    def flows(self) -> bool:
        """Whether any tet on any rank may flow."""
        return bool(self.nodes.domain.comm.allreduce(len(self.soft)) > 0)

    def strain(self, u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the total strain at quadrature points, (cells, points, 6)."""
        return kernels.strains(
            self.nodes.coordinates, self.copies, u, self.rule.slopes, self.rule.weights, self.averaged
        )

    def internal(
        self, u: npt.NDArray[np.float64], factor: float = 1.0
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return this rank's part of the nodal forces, (copies, width), and the stress; sets the tangent."""
        stress = self.stress(self.strain(u), factor)
        return self.forces_of(stress), stress

    def stress(self, strain: npt.NDArray[np.float64], factor: float = 1.0) -> npt.NDArray[np.float64]:
        """Return the stress at quadrature points for a part of the eigenstrain and set the tangent; Pa."""
        elastic = strain - factor * self.eigen[:, None, :]
        elastic[self.soft] -= self.plastic
        stress = np.einsum("cij,cqj->cqi", self.moduli[self.material], elastic)
        if len(self.soft):
            trial = elastic[self.soft]
            found, flow, grown, tangent, flowing = return_map(
                trial, self._shear, self._bulk, self._limit, self._hard, self.hardened
            )
            stress[self.soft] = found
            self._trial = (self.plastic + flow, grown)
            self._set_tangent(tangent, flowing)
        return stress

    def _set_tangent(self, tangent: npt.NDArray[np.float64], flowing: npt.NDArray[np.bool_]) -> None:
        which = self.which.copy()
        soft = which[self.soft]
        soft[flowing] = len(self.moduli) + np.arange(int(flowing.sum()))
        which[self.soft] = soft
        self.tangent_table = np.concatenate([self.moduli, tangent[flowing]])
        self.tangent_which = which

    def commit(self) -> None:
        """Keep the plastic strains of the last stress."""
        if self._trial is not None:
            self.plastic, self.hardened = self._trial

    def forces_of(self, stress: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return this rank's part of the nodal forces that balance a stress, (copies, width) N."""
        out = self.zeros()
        kernels.nodal_forces(
            self.nodes.coordinates, self.copies, stress, self.rule.slopes, self.rule.weights, self.averaged, out
        )
        return out

    def tangent_forces(self, v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return this rank's part of the tangent stiffness times a state, (copies, width) N."""
        return self.forces_of(self.tangent_stress(self.strain(v)))

    def tangent_stress(self, strain: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what the tangent makes of a strain, (cells, points, 6) Pa."""
        return np.einsum("cqij,cqj->cqi", self.tangent_table[self.tangent_which], strain)

    def add_stiffness(self, pattern: Pattern, bound: npt.NDArray[np.bool_], data: npt.NDArray[np.float64]) -> None:
        """Add the tangent stiffness to block rows, in place; bound rows keep their diagonal only."""
        rows = self.nodes.row_of[self.copies]
        kernels.stiffness_blocks(
            self.nodes.coordinates, self.copies, rows, self.tangent_table, self.tangent_which, self.rule.slopes,
            self.rule.weights, self.averaged, bound[self.nodes.rows], pattern.pointers, pattern.columns, data,
        )  # fmt: skip

    def border(self, bound: npt.NDArray[np.bool_]) -> Any:
        """Return the rows and columns of pressures that go around the stiffness; None without pressures."""
        return None

    def row_groups(self) -> npt.NDArray[np.int32]:
        """Return the block rows of each tet, (cells, 4 or 10)."""
        return self.nodes.row_of[self.copies]

    def mean(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the mean over each tet of values at its quadrature points."""
        return (
            np.tensordot(values, self.rule.weights, axes=(1, 0))
            if values.ndim == 2
            else np.einsum("cqi,q->ci", values, self.rule.weights)
        )

    @property
    def volumes(self) -> npt.NDArray[np.float64]:
        """(cells,) float array: volumes, m3."""
        return self.nodes.domain.cell_volumes[self.cells]


def _eigenstrains(domain: Any, names: list[str], eigenstrain: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    domain.phase_tags(eigenstrain, argument="eigenstrain")
    result = np.zeros((len(names), 6))
    for name, value in eigenstrain.items():
        if name not in names:
            raise InputError(f"eigenstrain: phase {name!r} has no material; give it one or leave it out")
        try:
            result[names.index(name)] = eigenstrain_vector(value)
        except InputError as error:
            raise InputError(f"eigenstrain: {name!r}: {error}") from None
    return result


def two_moduli(moduli: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Shear and bulk modulus of isotropic stiffnesses."""
    return moduli[:, 3, 3], moduli[:, 0, 1] + 2.0 * moduli[:, 3, 3] / 3.0
