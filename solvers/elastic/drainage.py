"""How pressures of a phase that keeps its volume even out over distances: part of a preconditioner. No solving.

Shear alone lets a pressure act near by: the Schur complement is then like a mass matrix over the shear modulus. Between
stiff walls that is not all. Volume that a pressure moves must flow through the phase, as water through a porous solid,
or push the walls: pressures that are even over many pores, or over an enclosed grain, meet next to no resistance there,
and each costs iterations. The matrix here is Darcy's law with the leakage of the boundary,

    int (k / mu) grad p . grad q  +  int p q / K  +  int_boundary r c p q,

with k from the phase's hydraulic radius (volume over area of stiff walls), r its volume over area of its boundary, and
c the compliance behind the boundary: of a cavity in a stiff neighbour, none where the boundary is held, plenty where it
is free. Its inverse is added to that of the mass matrix, as in the preconditioner of Cahouet and Chabard for flows with
resistance (Int. J. Numer. Meth. Fluids 8 (1988) 869, doi:10.1002/fld.1650080802).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from solvers.elastic.nodes import SIDE_NODES, Nodes

__all__ = ["PressedTets", "drainage"]

#: Square of the hydraulic radius over the permeability; a channel between plates has 3. Anything from 1 to 5 does.
SHAPE = 3.0
#: Compliance of a round cavity: 3/4 of its volume over the shear modulus around it.
CAVITY = 0.75
#: Compliance of a free boundary or a soft neighbour, over the phase's own: as good as open.
OPEN = 10.0
#: Ratio of shear moduli from which on a neighbour is a wall.
WALL = 3.0


@dataclass(frozen=True, eq=False)
class PressedTets:
    """The tets that have pressures.

    Parameters
    ----------
    nodes : Nodes
        Of the displacement.
    cells : (n,) int array
        Tets of the domain.
    copies : (n, k) int array
        Their nodes, corners first.
    volumes : (n,) float array
        m3.
    columns : (n,) int array
        Which pressure each has.
    pressures : int
        Their number: one for each phase that has any.
    shear, taken : (n,) float arrays
        Shear modulus, and bulk modulus that the pressure carries, Pa.
    shear_of_tag : (tags,) float array
        Shear modulus by tag of the phase, Pa; zero where there is no material.
    """

    nodes: Nodes
    cells: npt.NDArray[np.integer]
    copies: npt.NDArray[np.integer]
    volumes: npt.NDArray[np.float64]
    columns: npt.NDArray[np.integer]
    pressures: int
    shear: npt.NDArray[np.float64]
    taken: npt.NDArray[np.float64]
    shear_of_tag: npt.NDArray[np.float64]


def drainage(tets: PressedTets, bound: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the matrix of each tet that has pressures; all ranks call.

    Parameters
    ----------
    tets : PressedTets
        The tets.
    bound : (copies, 3) bool array
        Displacements that are prescribed.

    Returns
    -------
    (tets, 4, 4) float array
        Volume by pressure, m3/Pa.

    Examples
    --------
    >>> drainage(tets, conditions.bound).shape  # doctest: +SKIP
    (1536, 4, 4)
    """
    area, around, held, outer = _boundary(tets, bound)
    shear, volume, columns = tets.shear, tets.volumes, tets.columns
    own = shear[:, None]
    wall = outer & (around > WALL * own)
    compliance = np.where(wall, CAVITY / np.maximum(around, WALL * own), np.where(held, 0.0, OPEN / own))
    sums = np.stack(
        [np.bincount(columns, v, tets.pressures) for v in (volume, (area * outer).sum(1), (area * wall).sum(1))]
    )
    whole, edge, walls = tets.nodes.domain.comm.allreduce(sums)
    with np.errstate(divide="ignore"):
        radius = np.minimum(whole / np.maximum(walls, 1e-300), 0.5 * np.cbrt(whole))
        depth = whole / np.maximum(edge, 1e-300)
    flow = _gradients(tets)
    result = np.einsum("tia,tib,t->tab", flow, flow, volume * (radius**2 / SHAPE)[columns] / shear)
    leak = np.where(outer, area * compliance, 0.0) * depth[columns][:, None]
    corners = np.arange(4)
    # each side leaks at its three corners
    at_corners = (leak.sum(axis=1)[:, None] - leak) / 3.0
    result[:, corners, corners] += at_corners + (volume / tets.taken)[:, None] / 4.0
    return np.asarray(result)


def _gradients(tets: PressedTets) -> npt.NDArray[np.float64]:
    """Gradients of the four corner functions, (tets, 3, 4)."""
    corners = tets.nodes.coordinates[tets.copies[:, :4]]
    square = np.concatenate([corners, np.ones((len(corners), 4, 1))], axis=2)
    return np.asarray(np.linalg.inv(square)[:, :3, :])


def _boundary(tets: PressedTets, bound: npt.NDArray[np.bool_]) -> tuple[npt.NDArray, ...]:
    """Of the sides of the tets with pressures: area, shear modulus behind, whether held, whether on the boundary."""
    nodes, domain, cells = tets.nodes, tets.nodes.domain, tets.cells
    pair = domain.facet_cells[domain.cell_facets[cells]]
    other = np.where(pair[:, :, 0] == cells[:, None], pair[:, :, 1], pair[:, :, 0])
    there = (other >= 0) & nodes.live_cells[other]
    outer = ~there | (domain.cell_phase[other] != domain.cell_phase[cells][:, None])
    around = np.where(there, tets.shear_of_tag[domain.cell_phase[other]], 0.0)
    copies = tets.copies[:, SIDE_NODES[:, :3]]
    corners = nodes.coordinates[copies]
    normal = 0.5 * np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    main = np.abs(normal).argmax(axis=2)
    held = ~there & np.take_along_axis(bound[copies], main[:, :, None, None], axis=3)[..., 0].all(axis=2)
    return np.linalg.norm(normal, axis=2), around, held, outer
