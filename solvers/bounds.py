"""Certified intervals: a conductance between two sides, bounded from above and from below. No averages of the box.

From above: of all potentials that obey the boundary conditions the exact one has the least heat, so the heat of any
continuous piecewise linear potential is at least the conductance (times 1 V squared). From below: linear elements that
are continuous only in the mean over each facet (Crouzeix-Raviart). Their flux is constant in each tet, has the same
normal part on both sides of every facet and none on insulated walls: it conserves charge exactly, as a mixed
Raviart-Thomas flux does, at the price of one more symmetric positive definite solve on the facets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import coefficients
from solvers import dolfinx_api as api
from solvers.conduction import assemble_stiffness, conduction, live_facets
from solvers.connectivity import pieces_through, touched_pieces
from solvers.domain import Domain
from solvers.fluxes import CHUNK, p1_gradients
from solvers.linear import LinearReport
from solvers.solution import Solution
from solvers.unknowns import Unknowns, solve_constrained
from ssb2mesh.errors import InputError

__all__ = ["ConductanceBounds", "FacetSpace", "Interval", "bound_conductance", "conductance_bounds", "facet_space"]

#: Relative allowance for sums in floating point: thousands of units in the last place; sums of 1e8 terms lose tens.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """Two numbers with a third between them.

    Parameters
    ----------
    lower, upper : float
        The ends; both belong to the interval.

    Examples
    --------
    >>> interval = Interval(0.99, 1.01)
    >>> 1.0 in interval, round(interval.width, 6)
    (True, 0.02)
    """

    lower: float
    upper: float

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper

    @property
    def width(self) -> float:
        """Upper minus lower end, relative to the middle; the same for a quantity and its reciprocal."""
        return (self.upper - self.lower) / (0.5 * (self.upper + self.lower)) if np.isfinite(self.upper) else 2.0

    def scaled(self, factor: float) -> Interval:
        """Return the interval of a positive factor times the quantity."""
        return Interval(factor * self.lower, factor * self.upper)

    def inverse(self, factor: float = 1.0) -> Interval:
        """Return the interval of a positive factor over the quantity."""
        return Interval(factor / self.upper, factor / self.lower if self.lower > 0 else float("inf"))


@dataclass(frozen=True, eq=False, repr=False)
class ConductanceBounds:
    """A conductance between two sides and what it is certain to lie in.

    Parameters
    ----------
    conductance : Interval
        S.
    algebraic : float
        Part of the conductance by which the lower end was lowered because the linear solve on the facets is not exact.
    gap : (local cells,) float array
        Heat of the difference between the two fluxes at 1 V, W/m3: where the interval gets its width, ghosts included.
    solution : Solution
        The continuous potential, under a difference of 1 V.
    linear : LinearReport
        How the solve on the facets went.

    Examples
    --------
    >>> bounds = conductance_bounds(domain, conductivity={"pore": 1.0}, between=("z_min", "z_max"))  # doctest: +SKIP
    >>> bounds.resistance  # doctest: +SKIP
    Interval(lower=0.998, upper=1.004)
    """

    conductance: Interval
    algebraic: float
    gap: npt.NDArray[np.float64]
    solution: Solution
    linear: LinearReport

    @property
    def resistance(self) -> Interval:
        """Interval of the resistance, ohm."""
        return self.conductance.inverse()

    def __repr__(self) -> str:
        low, high = self.conductance.lower, self.conductance.upper
        return f"<ConductanceBounds {low:.8g} to {high:.8g} S, width {100 * self.conductance.width:.3g} %>"


def conductance_bounds(
    domain: Domain,
    *,
    conductivity: Mapping[str, Any],
    between: Sequence[str],
    tolerance: float = 1e-12,
    max_iterations: int = 500,
) -> ConductanceBounds:
    """Compute an interval that contains the conductance between two sides, each at one potential; all ranks call.

    The interval is certain for the geometry and the conductivities of the mesh, whatever the size and shape of its
    tets and however far the linear solves went; how well the mesh shows the sample is another question. It takes
    currents across facets only, so nothing leaks where pieces share an edge or a vertex.

    Let c be the exact conductance, a(.,.) the heat of piecewise linear fields, u the exact potential at 1 V. The means
    of u over the facets make a field Iu with the mean of grad u in each tet, hence c >= a(Iu, Iu). For any field v with
    the right values on both sides and residuals r at the other facets, c >= a(v, v) + 2 r.(Iu - v), and Iu lies
    between 0 and 1: the lower end is ``a(v, v) - 2 sum abs(r) max(abs(v), abs(1 - v))``.

    Parameters
    ----------
    domain : Domain
        The mesh.
    conductivity : mapping of str to number or array
        S/m by phase, as for `solvers.conduction`. Phases not named do not conduct.
    between : two str
        Facet sets held 1 V apart.
    tolerance : float
        Relative residual of the linear solvers.
    max_iterations : int
        Where the linear solvers give up.

    Returns
    -------
    ConductanceBounds
        Interval, where its width comes from, potential.

    Raises
    ------
    InputError
        If a name is unknown or a value is out of range.
    PercolationError
        If no path of conducting cells joins the two sides.
    SolverError
        If a linear solve fails.

    References
    ----------
    Marini, SIAM J. Numer. Anal. 22 (1985) 493, doi:10.1137/0722029 (the flux of the nonconforming elements);
    Prager and Synge, Q. Appl. Math. 5 (1947) 241, doi:10.1090/qam/25902 (the distance of two fluxes).

    Examples
    --------
    >>> conductance_bounds(domain, conductivity={"pore": 1.0}, between=("z_min", "z_max"))  # doctest: +SKIP
    <ConductanceBounds 0.98412 to 0.99103 S, width 0.7 %>
    """
    if isinstance(between, str) or len(between) != 2 or between[0] == between[1]:
        raise InputError(f"between: got {between!r}; give two different facet sets")
    for name in between:
        domain.facets_of(name, argument="between")
    options = {"tolerance": tolerance, "max_iterations": max_iterations}
    fixed = {between[0]: 0.0, between[1]: 1.0}
    solution = conduction(domain, conductivity=conductivity, fixed=fixed, **options)  # type: ignore[arg-type]
    pieces = pieces_through(domain, domain.cells_of(conductivity))
    first, second = (touched_pieces(domain, pieces, domain.facets_of(name)) for name in between)
    live = np.isin(pieces, np.intersect1d(first, second))
    return bound_conductance(solution, coefficients.by_cell(domain, conductivity), live, **options)


def bound_conductance(
    solution: Solution, sigma: npt.NDArray[np.float64], live: npt.NDArray[np.bool_], **options: Any
) -> ConductanceBounds:
    """Bound the conductance of a solution between 0 and 1 V; all ranks call. See `conductance_bounds`.

    Parameters
    ----------
    solution : Solution
        Of `solvers.conduction` with two fixed sides, the first at 0 V, the second at 1 V.
    sigma : (local cells,) or (local cells, 3, 3) float array
        Conductivity, S/m.
    live : (local cells,) bool array
        Cells of the pieces that join the two sides.
    **options : any
        Of the linear solver.

    Returns
    -------
    ConductanceBounds
        The interval.

    Examples
    --------
    >>> bound_conductance(solution, sigma, live, tolerance=1e-12)  # doctest: +SKIP
    <ConductanceBounds 0.98412 to 0.99103 S, width 0.7 %>
    """
    domain = solution.domain
    means = _facet_means(domain, sigma, live, solution.totals["fixed"], options)
    heat, gap = _heat_and_gap(domain, sigma, solution.potential, means, live)
    own = slice(0, domain.owned_cells)
    volumes = domain.cell_volumes[own]
    local = [(solution.cell_fields["joule_heat"][own] * volumes).sum(), (heat[own] * volumes).sum(), means.slack]
    above, below, slack = (float(value) for value in np.sum(domain.comm.allgather(local), axis=0))
    # the reaction current is the heat but for the solver's residual; both are shown, so both should lie inside
    above = max(above, max(solution.currents.values()))
    lower = max((below - slack) * (1.0 - ROUNDING), 0.0)
    return ConductanceBounds(
        Interval(lower, above * (1.0 + ROUNDING)), slack / below if below else 0.0, gap, solution, means.linear
    )


@dataclass(frozen=True, eq=False)
class FacetSpace:
    """Linear elements that are continuous in the mean over each facet: one dof a facet.

    Parameters
    ----------
    space : function space
        Crouzeix-Raviart.
    dofs : (local cells, 4) int array
        Dof of each facet of each tet, in the order of `Domain.cell_facets`.
    of_facet : (local facets,) int array
        Dof of each facet.
    live : (local dofs,) bool array
        Dofs of live cells on any rank.
    owned : int
        How many of the dofs are this rank's.

    Examples
    --------
    >>> facet_space(domain, live).owned  # doctest: +SKIP
    6120
    """

    space: Any
    dofs: npt.NDArray[np.int32]
    of_facet: npt.NDArray[np.int32]
    live: npt.NDArray[np.bool_]
    owned: int

    @property
    def index_map(self) -> Any:
        """Of the dofs."""
        return self.space.dofmap.index_map

    def on_facets(self, facets: npt.NDArray[np.int32], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return means over some facets that this rank owns as values of local dofs, NaN elsewhere; all ranks call."""
        marks, sums = np.zeros(len(self.live)), np.zeros(len(self.live))
        marks[self.of_facet[facets]], sums[self.of_facet[facets]] = 1.0, values
        marks, sums = api.accumulate(self.index_map, marks), api.accumulate(self.index_map, sums)
        return np.where(marks > 0, sums / np.maximum(marks, 1.0), np.nan)

    def gradients(
        self, domain: Domain, values: npt.NDArray[np.float64], cells: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.float64]:
        """Return the gradient in some local cells, (n, 3), from values of local dofs, ghosts included."""
        own_corners = np.arange(4 * len(cells), dtype=np.int32).reshape(-1, 4)
        # at a corner the field is the sum of its four facet means less three times that of the facet opposite
        at_corners = -3.0 * values[self.dofs[cells]]
        return p1_gradients(
            domain.coordinates[domain.cell_points[cells]].reshape(-1, 3), own_corners, at_corners.ravel()
        )


def facet_space(domain: Domain, live: npt.NDArray[np.bool_]) -> FacetSpace:
    """Return the elements on some cells; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    live : (local cells,) bool array
        Cells that have unknowns.

    Returns
    -------
    FacetSpace
        Dofs by cell and by facet.

    Examples
    --------
    >>> facet_space(domain, live).dofs.shape  # doctest: +SKIP
    (3072, 4)
    """
    space = api.function_space(domain.mesh, "CR", 1)
    dofs, index_map = api.cell_dofs(space), space.dofmap.index_map
    marks = np.zeros(index_map.size_local + index_map.num_ghosts)
    marks[dofs[np.flatnonzero(live[: domain.owned_cells])]] = 1.0
    of_facet = np.full(len(domain.facet_atom), -1, np.int32)
    of_facet[domain.cell_facets] = dofs  # in each tet, dof i is that of facet i
    return FacetSpace(space, dofs, of_facet, api.accumulate(index_map, marks) > 0, index_map.size_local)


@dataclass(frozen=True, eq=False)
class _FacetMeans:
    """Mean potential of each facet by dof, ghosts included; this rank's part of the slack."""

    space: FacetSpace
    values: npt.NDArray[np.float64]
    slack: float
    linear: LinearReport


def _facet_means(
    domain: Domain,
    sigma: npt.NDArray[np.float64],
    live: npt.NDArray[np.bool_],
    fixed: Mapping[str, float],
    options: Mapping[str, Any],
) -> _FacetMeans:
    """Solve with elements that are continuous in the mean over each facet."""
    on = facet_space(domain, live)
    given = np.full(len(on.live), np.nan)
    for name, value in fixed.items():
        facets = live_facets(domain, name, live)
        here = on.on_facets(facets, np.full(len(facets), value))
        given[~np.isnan(here)] = value
    matrix = assemble_stiffness(domain, sigma, live, on.space)
    unknowns = Unknowns(on.live[: on.owned], given[: on.owned])
    found, residual, report = solve_constrained(
        matrix, np.zeros(on.owned), unknowns, purpose="lower bound of the conductance", **options
    )
    matrix.destroy()
    free, reach = unknowns.free, np.maximum(np.abs(found), np.abs(1.0 - found))
    slack = 2.0 * float((np.abs(residual[free]) * reach[free]).sum())
    values = np.zeros(len(on.live))
    values[: on.owned] = found
    return _FacetMeans(on, api.update_ghosts(on.index_map, values), slack, report)


def _heat_and_gap(
    domain: Domain,
    sigma: npt.NDArray[np.float64],
    potential: npt.NDArray[np.float64],
    means: _FacetMeans,
    live: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Heat of the facet means, and of their difference from the potential, W/m3; zero outside live cells."""
    heat, gap = np.zeros(len(live)), np.zeros(len(live))
    cells = np.flatnonzero(live)
    for start in range(0, len(cells), CHUNK):
        part = cells[start : start + CHUNK]
        gradient = means.space.gradients(domain, means.values, part)
        heat[part] = np.einsum("ci,ci->c", coefficients.apply(sigma[part], gradient), gradient)
        gradient -= p1_gradients(domain.coordinates, domain.cell_points[part], potential)
        gap[part] = np.einsum("ci,ci->c", coefficients.apply(sigma[part], gradient), gradient)
    return heat, gap
