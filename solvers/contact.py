"""Where an interface conducts: shares of contact, 0 to 1, for its facets. No kinetics, no solving.

Kinetics act only where two phases touch in the mesh. What is here takes away more of it: maps, gaps, random loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.distribute import match_triangles
from solvers.domain import Domain
from ssb2mesh.errors import InputError

__all__ = ["Contact", "ContactMap", "FacetValues", "LocalShares", "RandomLoss", "contact_shares"]

AXES = ("x", "y", "z")
#: Each facet is sampled at the centres of SPLIT^2 equal triangles.
SPLIT = 4


@dataclass(frozen=True, eq=False)
class ContactMap:
    """Contact from a picture of the interface seen along an axis.

    Parameters
    ----------
    values : (n, m) array
        Share of contact of each pixel, 0 to 1 (bool counts as 0 and 1); the first index runs along the first of the
        two axes that remain, in the order x, y, z.
    axis : {"x", "y", "z"}
        Axis along which one looks.
    extent : ((low, high), (low, high)), optional
        Range of the map along the two axes, m; default: the box of the mesh. Facets beyond it have no contact.

    Raises
    ------
    InputError
        If shape, values, axis or extent are wrong.

    Examples
    --------
    >>> import numpy as np
    >>> ContactMap(np.ones((4, 4)), axis="z").share
    1.0
    """

    values: npt.ArrayLike
    axis: str
    extent: Sequence[Sequence[float]] | None = None

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 2 or values.size == 0:
            raise InputError(f"values: got shape {values.shape}; a contact map is a two-dimensional array")
        _check_shares(values, "values")
        if self.axis not in AXES:
            raise InputError(f"axis: got {self.axis!r}; allowed: x, y, z")
        if self.extent is not None:
            extent = np.asarray(self.extent, dtype=np.float64)
            if extent.shape != (2, 2) or not np.isfinite(extent).all() or (extent[:, 1] <= extent[:, 0]).any():
                raise InputError(f"extent: got {self.extent!r}; expected ((low, high), (low, high)) in m")
        object.__setattr__(self, "values", values)

    @property
    def share(self) -> float:
        """Mean of the map."""
        return float(np.mean(np.asarray(self.values)))

    @classmethod
    def from_gap(
        cls,
        gap: npt.ArrayLike,
        closes_below: float,
        *,
        axis: str,
        extent: Sequence[Sequence[float]] | None = None,
    ) -> ContactMap:
        """Return contact where a gap is not wider than a limit.

        Parameters
        ----------
        gap : (n, m) array
            Width of the gap, m; NaN counts as open.
        closes_below : float
            Widest gap that still counts as contact, m.
        axis, extent
            As for the class.

        Returns
        -------
        ContactMap
            Of zeros and ones.

        Examples
        --------
        >>> ContactMap.from_gap([[0.0, 2e-6]], 1e-6, axis="z").share
        0.5
        """
        return cls(np.asarray(gap, dtype=np.float64) <= closes_below, axis, extent)

    def at(self, points: npt.NDArray[np.float64], box: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the share at positions (n, 3) in m, given the box of the mesh (2, 3)."""
        values = np.asarray(self.values)
        across = [a for a in range(3) if a != AXES.index(self.axis)]
        extent = box[:, across].T if self.extent is None else np.asarray(self.extent, dtype=np.float64)
        place = (points[:, across] - extent[:, 0]) / (extent[:, 1] - extent[:, 0])
        # a point on the rim belongs to the map in spite of rounding
        inside = ((place >= -1e-9) & (place <= 1 + 1e-9)).all(axis=1)
        pixel = np.clip(np.floor(place * values.shape).astype(np.int64), 0, np.array(values.shape) - 1)
        return np.where(inside, values[pixel[:, 0], pixel[:, 1]], 0.0)


@dataclass(frozen=True)
class RandomLoss:
    """Contact that is lost at random, facet by facet or patch by patch.

    The draw depends on where a facet lies in the box and on the seed: not on the number of processes, nor on the
    order of the facets.

    Parameters
    ----------
    keep : float
        Expected share of facets (or patches) that keep contact, 0 to 1.
    seed : int
        Number of the draw.
    patch : float, optional
        Edge of cubes within which all facets share one fate, m; default: each facet has its own.

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> RandomLoss(keep=0.7, seed=1).keep
    0.7
    """

    keep: float
    seed: int
    patch: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.keep, bool) or not 0.0 <= self.keep <= 1.0:
            raise InputError(f"keep: got {self.keep!r}; expected a share from 0 to 1")
        if isinstance(self.seed, bool) or not isinstance(self.seed, (int, np.integer)) or self.seed < 0:
            raise InputError(f"seed: got {self.seed!r}; expected a whole number, not negative")
        if self.patch is not None and not (np.isfinite(self.patch) and self.patch > 0):
            raise InputError(f"patch: got {self.patch!r}; expected a positive length in m")

    def at(self, midpoints: npt.NDArray[np.float64], box: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return 0 or 1 at facet midpoints (n, 3) in m, given the box of the mesh (2, 3)."""
        edge = float((box[1] - box[0]).max()) * 2.0**-30 if self.patch is None else self.patch
        # a shift keeps patches off planes on which midpoints lie, where rounding would draw the lot
        cell = np.floor((midpoints - box[0]) / edge + 0.381966).astype(np.int64).astype(np.uint64)
        word = np.full(len(midpoints), np.uint64(self.seed), np.uint64)
        for column in cell.T:
            word = _mix(word ^ column)
        return ((word >> np.uint64(11)).astype(np.float64) * 2.0**-53 < self.keep).astype(np.float64)


@dataclass(frozen=True, eq=False)
class FacetValues:
    """Contact given facet by facet.

    Parameters
    ----------
    triangles : (k, 3) int array
        Points of the TaggedMesh, such as ``mesh.facet_set("LPSCl|Li")``; facets not listed have no contact.
    values : (k,) array
        Share of contact of each, 0 to 1.

    Examples
    --------
    >>> FacetValues([[0, 1, 2]], [0.5]).values
    array([0.5])
    """

    triangles: npt.ArrayLike
    values: npt.ArrayLike

    def __post_init__(self) -> None:
        triangles, values = np.asarray(self.triangles), np.asarray(self.values, dtype=np.float64)
        if triangles.ndim != 2 or triangles.shape[1] != 3 or not np.issubdtype(triangles.dtype, np.integer):
            raise InputError(f"triangles: got shape {triangles.shape} of {triangles.dtype}; expected (k, 3) integers")
        if values.shape != (len(triangles),):
            raise InputError(f"values: got shape {values.shape}; expected ({len(triangles)},), one for each triangle")
        _check_shares(values, "values")
        object.__setattr__(self, "triangles", triangles.astype(np.int64))
        object.__setattr__(self, "values", values)


@dataclass(frozen=True, eq=False)
class LocalShares:
    """Contact by local facet of a Domain, as other solvers on the same ranks find it.

    Parameters
    ----------
    values : (local facets,) array
        Share of contact of each, 0 to 1; facets of other interfaces do not count.

    Examples
    --------
    >>> LocalShares([0.5, 1.0]).values
    array([0.5, 1. ])
    """

    values: npt.ArrayLike

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 1:
            raise InputError(f"values: got shape {values.shape}; expected one value for each local facet")
        if len(values):
            _check_shares(values, "values")
        object.__setattr__(self, "values", values)


Contact = (
    float
    | ContactMap
    | RandomLoss
    | FacetValues
    | LocalShares
    | Callable[[npt.NDArray[np.float64]], Any]
    | Sequence[Any]
)


def contact_shares(
    domain: Domain, facets: npt.NDArray[np.int32], contact: Any, *, argument: str = "contact"
) -> npt.NDArray[np.float64]:
    """Return the share of contact of some local facets; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    facets : (k,) int32 array
        Local facets.
    contact : float, ContactMap, RandomLoss, FacetValues, callable or sequence of them
        A number holds everywhere; a callable takes positions (n, 3) in m and returns shares; a sequence multiplies.
        Maps and callables are sampled at the centres of 16 equal parts of each facet and averaged.
    argument : str
        What to call the argument in an error.

    Returns
    -------
    (k,) float array
        0 to 1.

    Raises
    ------
    InputError
        If a value is not between 0 and 1, or the kind is unknown.

    Examples
    --------
    >>> contact_shares(domain, domain.facets_of("LPSCl|Li"), RandomLoss(keep=0.5, seed=2))  # doctest: +SKIP
    """
    if isinstance(contact, FacetValues):
        return _listed(domain, facets, contact, argument)
    if isinstance(contact, LocalShares):
        values = np.asarray(contact.values)
        if not all(domain.comm.allgather(len(values) == len(domain.facet_atom))):
            raise InputError(
                f"{argument}: got {len(values)} shares for {len(domain.facet_atom)} local facets; they belong to "
                "another domain"
            )
        return np.asarray(values[facets])
    if isinstance(contact, RandomLoss):
        return contact.at(_corners(domain, facets).mean(axis=1), domain.box)
    if isinstance(contact, ContactMap) or callable(contact):
        return _sampled(domain, facets, contact, argument)
    if np.isscalar(contact) and not isinstance(contact, (str, bool)):
        _check_shares(np.array([float(contact)]), argument)  # type: ignore[arg-type]
        return np.full(len(facets), float(contact))  # type: ignore[arg-type]
    if isinstance(contact, Sequence) and not isinstance(contact, str) and contact:
        factors = [contact_shares(domain, facets, each, argument=argument) for each in contact]
        return np.asarray(np.prod(factors, axis=0))
    raise InputError(
        f"{argument}: got {contact!r}; expected a number from 0 to 1, a ContactMap, RandomLoss or FacetValues, a "
        "callable of positions, or a list of them"
    )


def _corners(domain: Domain, facets: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Corners (k, 3, 3) of facets, ordered by the points of the TaggedMesh: sums round alike on any rank."""
    points = domain.facet_points[facets]
    order = np.argsort(domain.dof_original[points], axis=1)
    return domain.coordinates[np.take_along_axis(points, order, axis=1)]


def _sampled(domain: Domain, facets: npt.NDArray[np.int32], contact: Any, argument: str) -> npt.NDArray[np.float64]:
    places = _sub_centres(SPLIT)
    points = np.einsum("qc,fcx->fqx", places, _corners(domain, facets)).reshape(-1, 3)
    if isinstance(contact, ContactMap):
        values = contact.at(points, domain.box)
    else:
        values = np.asarray(contact(points), dtype=np.float64)
        good = values.shape == (len(points),)
        if not all(domain.comm.allgather(bool(good))):
            raise InputError(f"{argument}: the callable returned shape {values.shape} for {len(points)} positions")
        bad = bool(np.isnan(values).any() or (values < 0).any() or (values > 1).any())
        if any(domain.comm.allgather(bad)):
            raise InputError(f"{argument}: the callable returned values outside 0 to 1")
    return values.reshape(-1, SPLIT * SPLIT).mean(axis=1)


def _sub_centres(n: int) -> npt.NDArray[np.float64]:
    """Barycentric coordinates of the centres of the n^2 equal triangles of a triangle."""
    up = [(i + 1 / 3, j + 1 / 3) for i in range(n) for j in range(n - i)]
    down = [(i + 2 / 3, j + 2 / 3) for i in range(n) for j in range(n - i - 1)]
    first = np.array(up + down) / n
    return np.column_stack([first, 1.0 - first.sum(axis=1)])


def _listed(
    domain: Domain, facets: npt.NDArray[np.int32], contact: FacetValues, argument: str
) -> npt.NDArray[np.float64]:
    triangles, values = np.asarray(contact.triangles), np.asarray(contact.values)
    if len(triangles) and (triangles.min() < 0 or triangles.max() >= domain.n_points):
        raise InputError(f"{argument}: triangles name points up to {triangles.max()}; the mesh has {domain.n_points}")
    wanted = domain.dof_original[domain.facet_points[facets]]
    # all ranks hold the list: rank 0 spreads it; 0 means not listed
    mine = slice(None) if domain.comm.rank == 0 else slice(0, 0)
    numbers = np.arange(1, len(triangles) + 1, dtype=np.int32)
    at = match_triangles(domain.comm, wanted, triangles[mine], numbers[mine])
    return np.concatenate([[0.0], values])[at]


def _mix(word: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix the bits of 64-bit words (the finaliser of splitmix64)."""
    word = word + np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def _check_shares(values: npt.NDArray[np.float64], argument: str) -> None:
    if np.isnan(values).any() or (values < 0).any() or (values > 1).any():
        raise InputError(
            f"{argument}: shares of contact run from {np.min(values):g} to {np.max(values):g}; they must lie between "
            "0 and 1"
        )
