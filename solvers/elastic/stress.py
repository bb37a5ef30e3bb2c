"""Stresses as people read them: von Mises, mean, principal; by tet, and at the nodes of one phase. No solving."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from solvers.elastic.bulk import Bulk
from solvers.elastic.nodes import element_rule

__all__ = ["mean_stress", "nodal_stress", "principal", "tensor", "von_mises"]


def tensor(six: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return stresses (..., 6) as symmetric tensors (..., 3, 3)."""
    return six[..., [[0, 5, 4], [5, 1, 3], [4, 3, 2]]]


def von_mises(six: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the von Mises stress of stresses (..., 6).

    Examples
    --------
    >>> float(von_mises(np.array([5.0, 0, 0, 0, 0, 0])))
    5.0
    """
    normal = six[..., :3]
    part = normal - normal.mean(axis=-1, keepdims=True)
    return np.sqrt(1.5 * (part**2).sum(axis=-1) + 3.0 * (six[..., 3:] ** 2).sum(axis=-1))


def mean_stress(six: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean of the normal stresses of (..., 6): minus the pressure, tension positive."""
    return six[..., :3].mean(axis=-1)


def principal(six: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return principal stresses and directions.

    Parameters
    ----------
    six : (n, 6) float array
        Stresses, Pa.

    Returns
    -------
    values : (n, 3) float array
        Largest (most tensile) first, Pa.
    directions : (n, 3, 3) float array
        Row k is the unit vector of value k.

    Examples
    --------
    >>> principal(np.array([[1.0, 3.0, 2.0, 0, 0, 0]]))[0].tolist()
    [[3.0, 2.0, 1.0]]
    """
    values, vectors = np.linalg.eigh(tensor(six))
    return values[:, ::-1], np.swapaxes(vectors, 1, 2)[:, ::-1]


def nodal_stress(bulk: Bulk, stress: npt.NDArray[np.float64], phase: int) -> npt.NDArray[np.float64]:
    """Return the stress at the corner copies of one phase, averaged over its tets there; all ranks call.

    The stress of a quadratic tet is carried from its quadrature points to its corners, so that values at a surface
    are those at the surface and not those of the tet's middle.

    Parameters
    ----------
    bulk : Bulk
        The tets.
    stress : (cells, points, 6) float array
        At quadrature points, Pa.
    phase : int
        Tag of the phase.

    Returns
    -------
    (copies, 6) float array
        NaN where the phase is not, Pa.
    """
    nodes = bulk.nodes
    mine = nodes.domain.cell_phase[bulk.cells] == phase
    if nodes.order == 1:
        corners = np.repeat(stress[mine], 4, axis=1)
    else:
        # the four points span the linear functions: invert their barycentric coordinates
        corners = np.einsum("aq,cqi->cai", np.linalg.inv(element_rule(2).points), stress[mine])
    weights = bulk.volumes[mine]
    sums = np.zeros((len(nodes.live), 7))
    flat = bulk.copies[mine][:, :4].ravel()
    for k in range(6):
        sums[:, k] = np.bincount(flat, (corners[:, :, k] * weights[:, None]).ravel(), minlength=len(sums))
    sums[:, 6] = np.bincount(flat, np.repeat(weights, 4), minlength=len(sums))
    sums = nodes.accumulate(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sums[:, 6:] > 0, sums[:, :6] / sums[:, 6:], np.nan)
