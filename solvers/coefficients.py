"""Conductivities by phase as arrays by cell, lengths by facet, checked. No forms, no solving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.domain import Domain
from ssb2mesh.errors import InputError

__all__ = ["apply", "by_cell", "by_facet", "diagonal"]


def by_cell(domain: Domain, values: Mapping[str, Any], *, argument: str = "conductivity") -> npt.NDArray[np.float64]:
    """Return a coefficient for every local cell, zero where no value is given.

    Parameters
    ----------
    domain : Domain
        The mesh.
    values : mapping of str to number or array
        By phase: a number, a symmetric (3, 3) tensor, or one of either per cell of the whole TaggedMesh, shape
        (tets,) or (tets, 3, 3), of which the phase's own cells are used.
    argument : str
        What to call the argument in an error.

    Returns
    -------
    (local cells,) or (local cells, 3, 3) float array
        Scalars when every value is scalar.

    Raises
    ------
    InputError
        If there is no value, a phase is unknown or has no cells, or a value is not positive (definite) and finite.

    Examples
    --------
    >>> by_cell(domain, {"NMC": 10.0, "LPSCl": 0.2})  # doctest: +SKIP
    """
    if not isinstance(values, Mapping) or not values:
        raise InputError(f"{argument}: got {values!r}; give {{phase: value}} for at least one phase that conducts")
    domain.phase_tags(values, argument=argument)
    arrays = {name: _read(domain, name, value, argument) for name, value in values.items()}
    tensors = any(array.ndim in (2, 3) for array in arrays.values())
    result = np.zeros((len(domain.cell_phase), 3, 3) if tensors else len(domain.cell_phase))
    for name, array in arrays.items():
        cells = np.flatnonzero(domain.cell_phase == domain.phases[name])
        if domain.comm.allreduce(len(cells)) == 0:
            raise InputError(f"{argument}: phase {name!r} has no cells in this mesh")
        local = domain.scatter_cells(array)[cells] if array.ndim in (1, 3) else array
        if tensors and array.ndim in (0, 1):
            local = np.multiply.outer(local, np.eye(3))
        result[cells] = local
    return result


def by_facet(domain: Domain, facets: npt.NDArray[np.int32], value: Any, *, argument: str) -> npt.NDArray[np.float64]:
    """Return a value for each of some local facets; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    facets : (k,) int32 array
        Local facets.
    value : float, callable or (local facets,) array
        A number holds everywhere; a callable takes midpoints (n, 3) in m; an array has an entry for every local facet
        of the domain.
    argument : str
        What to call it in an error.

    Returns
    -------
    (k,) float array
        The values.

    Raises
    ------
    InputError
        If it is none of these or not finite.

    Examples
    --------
    >>> by_facet(domain, domain.facets_of("LPS|Li"), lambda x: 1e-6 * x[:, 0], argument="gap")  # doctest: +SKIP
    """
    try:
        if callable(value):
            found = np.asarray(value(domain.coordinates[domain.facet_points[facets]].mean(axis=1)), dtype=np.float64)
        else:
            array = np.asarray(value, dtype=np.float64)
            found = array[facets] if array.shape == domain.facet_atom.shape else array
    except (TypeError, ValueError):
        found = np.zeros((0, 0))
    good = found.shape in ((), (len(facets),)) and bool(np.isfinite(found).all()) and not isinstance(value, bool)
    if not all(domain.comm.allgather(good)):
        raise InputError(
            f"{argument}: expected a length in m, a callable of positions (n, 3), or an array with one finite value "
            "for each local facet of the domain"
        )
    return np.broadcast_to(found, (len(facets),)).copy()


def _read(domain: Domain, name: str, value: Any, argument: str) -> npt.NDArray[np.float64]:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.zeros((0,) * 5)
    allowed = ((), (3, 3), (domain.n_tets,), (domain.n_tets, 3, 3))
    if array.shape not in allowed:
        got = repr(value) if array.ndim == 5 else f"shape {array.shape}"
        raise InputError(
            f"{argument}: {name!r}: got {got}; expected a number, a 3x3 tensor, or one of them for each of the "
            f"{domain.n_tets} tets"
        )
    tag = domain.phases[name]
    used = array
    if array.ndim in (1, 3):
        used = domain.scatter_cells(array)[domain.cell_phase == tag]
    if used.ndim >= 2:
        symmetric = (
            np.allclose(used, np.swapaxes(used, -1, -2), rtol=1e-12, atol=0) if np.isfinite(used).all() else False
        )
        good = symmetric and (used.size == 0 or np.linalg.eigvalsh(used).min() > 0)
        what = "symmetric, positive definite and finite"
    else:
        good = bool(np.isfinite(used).all() and (used > 0).all())
        what = "positive and finite (leave out phases that do not conduct)"
    if not all(domain.comm.allgather(bool(good))):
        got = f" {float(array):g}" if array.ndim == 0 else " a value that is not"
        raise InputError(f"{argument}: {name!r}: got{got}; it must be {what}")
    return array


def apply(coefficient: npt.NDArray[np.float64], vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return coefficient times vector in each cell, (cells, 3)."""
    if coefficient.ndim == 1:
        return coefficient[:, None] * vectors
    return np.einsum("cij,cj->ci", coefficient, vectors)


def diagonal(coefficient: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
    """Return the entry of the coefficient along an axis in each cell, (cells,)."""
    return coefficient if coefficient.ndim == 1 else coefficient[:, axis, axis]
