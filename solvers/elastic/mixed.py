"""Tets whose pressure is an unknown of its own, so that nothing locks when volume is kept. No supports, no solving.

In phases that are nearly incompressible or flow, the stress is that of the strain at a small bulk modulus plus a
pressure, continuous and linear within the phase, with a jump to others. On quadratic tets that is the element of Taylor
and Hood. On linear tets, pressures that oscillate are held down by the projection of Dohrmann and Bochev: what a
pressure differs from its mean over each tet costs volume, divided by the shear modulus. It has no length in it and is
zero for constant pressures, so patch tests hold; and it is local, so yielding is as it is without pressures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from solvers.elastic.bulk import Bulk, two_moduli
from solvers.elastic.drainage import PressedTets, drainage
from solvers.elastic.kernels import divergence_rows
from solvers.elastic.laws import Elastic
from solvers.elastic.nodes import Nodes
from solvers.elastic.options import Options
from solvers.elastic.saddle import Border, Numbering, assemble_rows, number_pressures

__all__ = ["MixedBulk", "bulk_of"]

#: Bulk modulus over shear modulus that stays with the displacement. More would take fewer iterations (2 instead of 0.1:
#: 42 for 54 on a cube) and stiffen linear tets: twice the error of a thick shell's displacement.
KEPT = 0.1
#: Weight of the stabilisation of linear tets, over the shear modulus.
STABILISATION = 1.0

#: Mean of products of barycentric coordinates over a tet.
MASS = (np.ones((4, 4)) + np.eye(4)) / 20.0


class MixedBulk(Bulk):
    """Tets of which the phases that would lock have pressures; arguments as for `Bulk`.

    References
    ----------
    Dohrmann and Bochev, Int. J. Numer. Meth. Fluids 46 (2004) 183, doi:10.1002/fld.752. Karabelas, Haase, Plank and
    Augustin, Comput. Mech. 65 (2020) 193, doi:10.1007/s00466-019-01760-w.
    """

    def __init__(self, nodes: Nodes, materials: Mapping[str, Elastic], eigenstrain: Mapping[str, Any]) -> None:
        super().__init__(nodes, materials, eigenstrain)
        pressed = np.array([material.locks for material in materials.values()])
        self.pressures = int(pressed.sum())
        self._full = self.moduli
        shear, bulk = two_moduli(self.moduli)
        kept = np.minimum(KEPT * shear, 0.5 * bulk)
        taken = np.where(pressed, bulk - kept, 0.0)
        self.moduli = self.moduli.copy()
        self.moduli[:, :3, :3] -= taken[:, None, None]
        self.tangent_table = self.moduli
        self.averaged = np.zeros(len(self.cells), bool)
        self._shear, self._bulk = two_moduli(self.moduli[self.material[self.soft]])
        #: (tets with pressures,) int array: positions in `cells`.
        self.pressed = np.flatnonzero(pressed[self.material])
        mine = self.material[self.pressed]
        column = np.cumsum(pressed) - 1
        #: Of each of them: column of its pressure, shear modulus and bulk modulus that the pressure carries, Pa.
        self.column_of_pressed, self.shear_of_pressed, self.taken_of_pressed = column[mine], shear[mine], taken[mine]
        self._by_column = [np.flatnonzero(pressed)[k] for k in range(self.pressures)]
        self._shears = shear
        self._names = list(materials)
        flat = self.copies[self.pressed][:, :4].astype(np.int64) * self.pressures + self.column_of_pressed[:, None]
        used = np.zeros((len(nodes.live), self.pressures), bool)
        used.ravel()[flat.ravel()] = True
        self.numbering: Numbering = number_pressures(nodes, used)
        self._flat = flat
        weak = STABILISATION / self.shear_of_pressed if nodes.order == 1 else np.zeros(len(mine))
        # (tets, 4, 4): volume that pressures at the corners cost
        volume = self.volumes[self.pressed]
        self._cost = (volume / self.taken_of_pressed)[:, None, None] * MASS + (volume * weak)[:, None, None] * (
            MASS - 1 / 16
        )

    @property
    def compliance(self) -> npt.NDArray[np.float64]:
        """(cells, 6, 6) float array: strain by stress, per Pa."""
        return np.asarray(np.linalg.inv(self._full)[self.material])

    def _pressure(self, state: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Pressures at the corners of the tets that have some, (tets, 4)."""
        return np.ascontiguousarray(state[:, 3:]).ravel()[self._flat]

    def _add_volumes(
        self,
        out: npt.NDArray[np.float64],
        dilatation: npt.NDArray[np.float64],
        pressure: npt.NDArray[np.float64],
    ) -> None:
        """Add the rows of the pressures: dilatation that they do not explain, m3."""
        volume = self.volumes[self.pressed]
        found = np.einsum("cq,q,qa,c->ca", dilatation, self.rule.weights, self.rule.points, volume)
        found -= np.einsum("cab,cb->ca", self._cost, pressure)
        flat = np.bincount(self._flat.ravel(), found.ravel(), minlength=self.numbering.live.size)
        out[:, 3:] += flat.reshape(self.numbering.live.shape)

    def internal(
        self, u: npt.NDArray[np.float64], factor: float = 1.0
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return this rank's part of the nodal forces and volumes, (copies, width), and the stress."""
        strain = self.strain(u)
        stress = self.stress(strain, factor)
        pressure = self._pressure(u)
        stress[self.pressed, :, :3] += (pressure @ self.rule.points.T)[:, :, None]
        out = self.forces_of(stress)
        grown = factor * self.eigen[self.pressed, :3].sum(axis=1)
        self._add_volumes(out, strain[self.pressed, :, :3].sum(axis=2) - grown[:, None], pressure)
        return out, stress

    def tangent_forces(self, v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return this rank's part of the tangent times a state, (copies, width)."""
        strain = self.strain(v)
        stress = self.tangent_stress(strain)
        pressure = self._pressure(v)
        stress[self.pressed, :, :3] += (pressure @ self.rule.points.T)[:, :, None]
        out = self.forces_of(stress)
        self._add_volumes(out, strain[self.pressed, :, :3].sum(axis=2), pressure)
        return out

    def border(self, bound: npt.NDArray[np.bool_]) -> Border:
        """Return divergence, compressibility and the scale of pressures; all ranks call."""
        from scipy.sparse import csr_array

        nodes, n = self.nodes, len(self.numbering.rows)
        rows = self.numbering.row_of[self._flat]
        blocks = nodes.row_of[self.copies[self.pressed]]

        def pattern(columns: npt.NDArray[np.int32], count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
            def uses(table: npt.NDArray[np.int32], width: int) -> Any:
                starts = np.arange(0, table.size + 1, table.shape[1])
                return csr_array((np.ones(table.size, bool), table.ravel(), starts), shape=(len(table), width))

            found = (uses(rows, n).T @ uses(columns, count)).tocsr()
            found.sort_indices()
            return found.indptr.astype(np.int64), found.indices.astype(np.int32)

        across = pattern(blocks, len(nodes.rows))
        data = np.zeros((len(across[1]), 3))
        divergence_rows(
            nodes.coordinates, self.copies[self.pressed], rows, blocks, self.rule.slopes, self.rule.weights,
            self.rule.points, bound[nodes.rows], *across, data,
        )  # fmt: skip
        unit = self._unit()[self.numbering.rows % self.pressures]
        data *= np.repeat(unit, np.diff(across[0]))[:, None]
        divergence = assemble_rows(nodes, self.numbering, across, data)
        square = pattern(rows, n)
        squares = []
        for tets in (-self._cost, drainage(self.pressed_tets(), bound)):
            entries = np.zeros(len(square[1]))
            _scatter_cost(rows, tets, *square, entries)
            entries *= np.repeat(unit, np.diff(square[0])) * unit[square[1]]
            squares.append(assemble_rows(nodes, self.numbering, square, entries))
        return Border(self.numbering, divergence, squares[0], squares[1], self._unit())

    def pressed_tets(self) -> PressedTets:
        """The tets that have pressures."""
        domain, mine = self.nodes.domain, self.pressed
        shear_of_tag = np.zeros(max(domain.phases.values()) + 1)
        shear_of_tag[domain.phase_tags(self._names, argument="materials")] = self._shears
        return PressedTets(
            self.nodes, self.cells[mine], self.copies[mine], self.volumes[mine], self.column_of_pressed, self.pressures,
            self.shear_of_pressed, self.taken_of_pressed, shear_of_tag,
        )  # fmt: skip

    def _unit(self) -> npt.NDArray[np.float64]:
        """Pressure that a unit displacement over a mean tet makes, by column, Pa/m: rows and unknowns in one unit."""
        domain = self.nodes.domain
        count = int(domain.comm.allreduce(len(self.cells)))
        volume = float(domain.comm.allreduce(float(self.volumes.sum())))
        return np.array([self._shears[k] for k in self._by_column]) / (volume / max(count, 1)) ** (1 / 3)


def bulk_of(nodes: Nodes, materials: Mapping[str, Elastic], eigenstrain: Mapping[str, Any], options: Options) -> Bulk:
    """Return the tets in the formulation asked for; without a phase that locks, "mixed" is "displacement"."""
    mixed = options.mixed and any(material.locks for material in materials.values())
    return (MixedBulk if mixed else Bulk)(nodes, materials, eigenstrain)


@numba.njit(cache=True)
def _scatter_cost(rows, cost, pointers, columns, data):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for c in range(rows.shape[0]):
        for a in range(4):
            first, last = pointers[rows[c, a]], pointers[rows[c, a] + 1]
            for b in range(4):
                place = first + np.searchsorted(columns[first:last], rows[c, b])
                data[place] += cost[c, a, b]
