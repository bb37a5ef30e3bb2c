"""A field of a mesh taken to one facet set: as it is, across the facets, or as the pressure on them. No drawing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh, corner_keys

__all__ = ["facet_values"]

_SIDES = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])


def facet_values(mesh: TaggedMesh, name: str, values: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], str]:
    """Take a field by point or by tet to the triangles of a facet set.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    name : str
        Facet set.
    values : (n,), (n, 3), (m,), (m, 3) or (m, 9) array
        By point or by tet. Of a vector the component along the normal is taken, out of the first phase of the name
        (out of the box on its sides); of a tensor of stresses the pressure, positive where the facet is pressed.

    Returns
    -------
    values : (k,) float array
        One a triangle, the mean of the tets on both sides; NaN where there are none.
    kind : str
        ``""``, ``"along the normal"`` or ``"pressure"``: what was made of the field.

    Raises
    ------
    InputError
        If the facet set is unknown or empty, or the values fit neither points nor tets.

    Examples
    --------
    >>> facet_values(mesh, "LPS|Li", solution.cell_data()["stress"])  # doctest: +SKIP
    (array([2.1e6, ...]), 'pressure')
    """
    triangles = mesh.facet_set(name)
    array = np.asarray(values, float)
    if len(triangles) == 0:
        raise InputError(f"on: the facet set {name!r} holds no triangles; choose one of {', '.join(mesh.facet_names)}")
    if array.shape in ((mesh.n_points,), (mesh.n_points, 3)):
        found = array[triangles].mean(axis=1)
    elif array.shape in ((mesh.n_tets,), (mesh.n_tets, 3), (mesh.n_tets, 9)):
        found = _mean_of_sides(mesh, triangles, array)
    else:
        raise InputError(
            f"values: got shape {array.shape}; expected one number or vector for each of {mesh.n_points} points, or "
            f"one number, vector or tensor for each of {mesh.n_tets} tets"
        )
    if found.ndim == 1:
        return found, ""
    a, b, c = (mesh.points[triangles[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    if found.shape[1] == 3:
        return np.einsum("ki,ki->k", found, normal), "along the normal"
    return -np.einsum("ki,kij,kj->k", normal, found.reshape(-1, 3, 3), normal), "pressure"


def _mean_of_sides(
    mesh: TaggedMesh, triangles: npt.NDArray[np.integer], array: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Mean over the tets at each triangle that have a value."""
    tagged = np.zeros(mesh.n_points, bool)
    tagged[triangles] = True
    # only tets with three tagged corners can lie at a triangle
    near = np.flatnonzero(tagged[mesh.tets].sum(axis=1) >= 3)
    wanted = corner_keys(triangles)
    order = np.argsort(wanted)
    total = np.zeros((len(triangles), *array.shape[1:]))
    count = np.zeros(len(triangles))
    for side in _SIDES:
        keys = corner_keys(mesh.tets[near][:, side])
        at = np.searchsorted(wanted, keys, sorter=order).clip(max=len(order) - 1)
        hit = wanted[order[at]] == keys
        rows, cells = order[at[hit]], near[hit]
        finite = np.isfinite(array[cells]).all(axis=tuple(range(1, array.ndim)))
        np.add.at(total, rows[finite], array[cells[finite]])
        np.add.at(count, rows[finite], 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / count.reshape(-1, *[1] * (array.ndim - 1))
