"""Facets on which electrons meet ions: their areas, contact and kinetic values. No potentials, no solving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.contact import contact_shares
from solvers.domain import Domain
from solvers.kinetics import ButlerVolmer, Field, Law, LinearKinetics, thermal_slope
from ssb2mesh.errors import InputError

__all__ = ["QUADRATURE", "Interface", "make_interface"]

#: Barycentric points and weights of the rule on a facet: exact for polynomials of degree 2.
QUADRATURE = (np.array([[4, 1, 1], [1, 4, 1], [1, 1, 4]]) / 6.0, np.full(3, 1.0 / 3.0))


@dataclass(frozen=True, eq=False)
class Interface:
    """The facets of one named interface that this rank owns.

    Parameters
    ----------
    name : str
        Facet set.
    facets : (k,) int32 array
        Local facets.
    dofs : (k, 3) int32 array
        Points of each.
    areas : (k,) float array
        m2.
    contact : (k,) float array
        Share of each that conducts, 0 to 1.
    electron_cell : (k,) int32 array
        Cell of the electron conductor, -1 where a terminal without a mesh faces the ion conductor.
    ion_cell : (k,) int32 array
        Cell of the ion conductor.
    terminal : int
        Number of the terminal that takes the place of an electron conductor, -1 where there is none.
    law : Law
        Kinetics with values at the points of the rule, (k, points).

    Examples
    --------
    >>> float((interface.areas * interface.contact).sum())  # doctest: +SKIP
    1e-8
    """

    name: str
    facets: npt.NDArray[np.int32]
    dofs: npt.NDArray[np.int32]
    areas: npt.NDArray[np.float64]
    contact: npt.NDArray[np.float64]
    electron_cell: npt.NDArray[np.int32]
    ion_cell: npt.NDArray[np.int32]
    terminal: int
    law: Law

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """(k, points) float array: conducting area that each point of the rule stands for, m2."""
        return np.asarray((self.areas * self.contact)[:, None] * QUADRATURE[1])

    def keep(self, rows: npt.NDArray[np.bool_], terminal: int) -> Interface:
        """Return the part with some facets, behind a terminal or none."""

        def part(value: Any) -> Any:
            return value if value is None else value[rows]

        law = Law(part(self.law.equilibrium), part(self.law.resistivity), part(self.law.exchange), self.law.anodic,
                  self.law.cathodic)  # fmt: skip
        return Interface(self.name, self.facets[rows], self.dofs[rows], self.areas[rows], self.contact[rows],
                         self.electron_cell[rows], self.ion_cell[rows], terminal, law)  # fmt: skip


def make_interface(
    domain: Domain,
    name: str,
    *,
    kinetics: ButlerVolmer | LinearKinetics,
    contact: Any,
    electrons: npt.NDArray[np.bool_],
    ions: npt.NDArray[np.bool_],
) -> Interface:
    """Collect the facets of a set on which an ion conductor meets an electron conductor or nothing; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    name : str
        Facet set.
    kinetics : ButlerVolmer or LinearKinetics
        Its law.
    contact : any
        See `solvers.contact.contact_shares`.
    electrons, ions : (local cells,) bool array
        Which cells conduct electrons and ions.

    Returns
    -------
    Interface
        Facets without an ion conductor are left out.

    Raises
    ------
    InputError
        If the set is unknown, no ion conductor lies on it, or a value is out of range.

    Examples
    --------
    >>> make_interface(domain, "LPSCl|NMC", kinetics=law, contact=1.0, electrons=e, ions=i)  # doctest: +SKIP
    """
    if not isinstance(kinetics, (ButlerVolmer, LinearKinetics)):
        raise InputError(f"kinetics: {name!r}: got {kinetics!r}; expected ButlerVolmer or LinearKinetics")
    facets = domain.facets_of(name, argument="kinetics")
    facets = facets[facets < domain.owned_facets]
    cells = domain.facet_cells[facets]
    there = cells >= 0
    is_e, is_i = electrons[cells] & there, ions[cells] & there
    # the electron conductor is the other cell; where both conduct both, the order of the cells does not matter
    first = is_i[:, 0] & (is_e[:, 1] | ~is_i[:, 1])
    second = is_i[:, 1] & ~first
    some = first | second
    if domain.comm.allreduce(int(some.sum())) == 0:
        raise InputError(
            f"kinetics: {name!r}: no phase with an ionic conductivity lies on it; give one of its phases in ionic"
        )
    facets, cells, is_e, first = facets[some], cells[some], is_e[some], first[some]
    row = np.arange(len(facets))
    ion, other = np.where(first, 0, 1), np.where(first, 1, 0)
    electron_cell = np.where(is_e[row, other], cells[row, other], -1).astype(np.int32)
    shares = contact_shares(domain, facets, contact, argument=f"contact: {name!r}")
    law = _law(
        domain, name, kinetics, facets=facets, cells=np.where(electron_cell >= 0, electron_cell, cells[row, ion])
    )
    return Interface(name, facets, domain.facet_points[facets], domain.facet_areas[facets], shares, electron_cell,
                     cells[row, ion], -1, law)  # fmt: skip


def _law(
    domain: Domain,
    name: str,
    kinetics: ButlerVolmer | LinearKinetics,
    *,
    facets: npt.NDArray[np.int32],
    cells: npt.NDArray[np.int32],
) -> Law:
    def value(key: str, lowest: float, *, positive: bool = False) -> npt.NDArray[np.float64]:
        found = _at_points(domain, getattr(kinetics, key), facets, cells)
        shape = (len(facets), len(QUADRATURE[1]))
        good = found.shape == shape and bool(np.isfinite(found).all() and (found >= lowest).all())
        good = good and not (positive and bool((found <= 0).any()))
        if not all(domain.comm.allgather(good)):
            what = "positive" if positive else "not negative" if lowest == 0 else "finite"
            raise InputError(f"kinetics: {name!r}: {key}: values on the interface must be finite and {what}, one each")
        return found

    equilibrium = value("U", -np.inf)
    if isinstance(kinetics, LinearKinetics):
        return Law(equilibrium, value("asr", 0.0, positive=True))
    slope = thermal_slope(kinetics.temperature)
    return Law(
        equilibrium,
        value("asr", 0.0),
        value("i0", 0.0, positive=True),
        kinetics.alpha_a * slope,
        kinetics.alpha_c * slope,
    )


def _at_points(
    domain: Domain, value: Any, facets: npt.NDArray[np.int32], cells: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """A kinetic value at the points of the rule on some facets, (k, points)."""
    rule = QUADRATURE[0]
    shape = (len(facets), len(rule))
    if isinstance(value, Field):
        array = np.asarray(value.values, dtype=np.float64)
        if array.shape == (domain.n_tets,):
            found = np.repeat(domain.scatter_cells(array)[cells][:, None], shape[1], axis=1)
        elif array.shape == (domain.n_points,):
            found = array[domain.dof_original[domain.facet_points[facets]]] @ rule.T
        else:
            raise InputError(
                f"Field: got values of shape {array.shape}; expected one for each of the {domain.n_points} points or "
                f"{domain.n_tets} tets"
            )
        return found if value.function is None else np.asarray(value.function(found), dtype=np.float64)
    if callable(value):
        corners = domain.coordinates[domain.facet_points[facets]]
        points = np.einsum("qc,fcx->fqx", rule, corners).reshape(-1, 3)
        result = np.asarray(value(points), dtype=np.float64)
        return result.reshape(shape) if result.size == len(points) else np.broadcast_to(result, shape).copy()
    return np.full(shape, float(value))
