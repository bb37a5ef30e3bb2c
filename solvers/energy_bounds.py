"""Certified intervals of mixed energies: how much one boundary potential works on the current that another one drives.

A load is a potential that is prescribed on some facet sets. With u_a the exact potential of load a, the mixed energy

    W(a, b) = integral of sigma grad u_a . grad u_b

is a symmetric bilinear form of the loads, and W(a, a), the heat, has bounds from both sides as in `solvers.bounds`:
those of the combined loads a + t b and a - t b bound W(a, b) = (W(a + t b) - W(a - t b)) / (4 t), for any t > 0. Both
bounds of a combined load need no further solve, since fields and residuals combine as the loads do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import coefficients
from solvers import dolfinx_api as api
from solvers.bounds import ROUNDING, Interval, facet_space
from solvers.conduction import assemble_stiffness, live_facets, points_of
from solvers.connectivity import pieces_through, touched_pieces
from solvers.domain import Domain
from solvers.fluxes import CHUNK, p1_gradients
from solvers.unknowns import Unknowns, solve_constrained
from ssb2mesh.errors import InputError
from ssb2mesh.volume import BOX_SIDES

__all__ = ["EnergyBounds", "Load", "bound_energies", "energy_bounds"]

#: Takes positions (n, 3) in m, returns (n,) potentials in V; or those of all local points.
Load = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]


@dataclass(frozen=True, eq=False, repr=False)
class EnergyBounds:
    """Energies of some loads and of their pairs, each within an interval.

    Parameters
    ----------
    names : tuple of str
        The loads.
    values : (n, n) float array
        Energies of the continuous, piecewise linear fields, W.
    lower, upper : (n, n) float array
        Ends of the intervals that contain the exact ones, W.

    Examples
    --------
    >>> bounds = energy_bounds(domain, conductivity={"NMC": 0.2}, loads={"x": lambda p: p[:, 0]})  # doctest: +SKIP
    >>> bounds.entry("x", "x")  # doctest: +SKIP
    Interval(lower=3.1e-06, upper=3.2e-06)
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    lower: npt.NDArray[np.float64]
    upper: npt.NDArray[np.float64]

    def entry(self, first: str, second: str) -> Interval:
        """Return the interval of the energy of a pair, W."""
        a, b = self.names.index(first), self.names.index(second)
        return Interval(float(self.lower[a, b]), float(self.upper[a, b]))

    def __repr__(self) -> str:
        pairs = [(a, b) for k, a in enumerate(self.names) for b in self.names[k:]]
        shown = ", ".join(f"{a} {b} [{self.entry(a, b).lower:.6g}, {self.entry(a, b).upper:.6g}] W" for a, b in pairs)
        return f"<EnergyBounds {shown}>"


def energy_bounds(
    domain: Domain,
    *,
    conductivity: Mapping[str, Any],
    loads: Mapping[str, Load],
    on: Sequence[str] = BOX_SIDES,
    tolerance: float = 1e-12,
    max_iterations: int = 500,
) -> EnergyBounds:
    """Bound the energies of potentials that are prescribed on some facet sets, and of their pairs; all ranks call.

    Elsewhere walls are insulated. Potentials are taken at the corners of the facets and are linear between them. With
    the loads x, y, z on all six sides, the energies over the volume of the box are its conductivity under linear
    boundary potentials, a symmetric tensor that is never below that of a larger sample.

    Parameters
    ----------
    domain : Domain
        The mesh.
    conductivity : mapping of str to number or array
        S/m by phase, as for `solvers.conduction`. Phases not named do not conduct.
    loads : mapping of str to callable
        Potential in V from positions (n, 3) in m, by name.
    on : sequence of str
        Facet sets where potentials are prescribed.
    tolerance : float
        Relative residual of the linear solvers.
    max_iterations : int
        Where the linear solvers give up.

    Returns
    -------
    EnergyBounds
        Energies and intervals.

    Raises
    ------
    InputError
        If a name is unknown, a value is out of range, or no conducting cell lies on the sets.
    SolverError
        If a linear solve fails.

    References
    ----------
    As for `solvers.bounds.conductance_bounds`; Huet, J. Mech. Phys. Solids 38 (1990) 813,
    doi:10.1016/0022-5096(90)90041-2 (linear boundary values bound the effective tensor from above).

    Examples
    --------
    >>> loads = {"x": lambda p: p[:, 0], "y": lambda p: p[:, 1]}
    >>> energy_bounds(domain, conductivity={"NMC": 0.2}, loads=loads)  # doctest: +SKIP
    <EnergyBounds x x [3.1e-06, 3.2e-06] W, x y [-1e-08, 1e-08] W, y y [3.1e-06, 3.2e-06] W>
    """
    if not isinstance(loads, Mapping) or not loads or not all(callable(load) for load in loads.values()):
        raise InputError(f"loads: got {loads!r}; give {{name: function of positions}} for at least one load")
    if isinstance(on, str) or not on:
        raise InputError(f"on: got {on!r}; give a list of facet sets")
    for name in on:
        domain.facets_of(name, argument="on")
    pieces = pieces_through(domain, domain.cells_of(conductivity))
    touched = np.unique(np.concatenate([touched_pieces(domain, pieces, domain.facets_of(name)) for name in on]))
    if len(touched) == 0:
        raise InputError(f"on: no conducting cell lies on {', '.join(on)}; name sets that phases which conduct reach")
    sigma = coefficients.by_cell(domain, conductivity)
    options = {"tolerance": tolerance, "max_iterations": max_iterations}
    return bound_energies(domain, sigma, np.isin(pieces, touched), loads=loads, on=on, **options)


@dataclass(frozen=True, eq=False)
class _Fields:
    """One rank's fields of all loads: values by dof (loads, dofs); of the facet means also residuals of free dofs."""

    values: npt.NDArray[np.float64]
    residuals: npt.NDArray[np.float64]


def bound_energies(
    domain: Domain,
    sigma: npt.NDArray[np.float64],
    live: npt.NDArray[np.bool_],
    *,
    loads: Mapping[str, Load],
    on: Sequence[str],
    **options: Any,
) -> EnergyBounds:
    """Bound energies on some pieces; all ranks call. See `energy_bounds`.

    Parameters
    ----------
    domain : Domain
        The mesh.
    sigma : (local cells,) or (local cells, 3, 3) float array
        Conductivity, S/m.
    live : (local cells,) bool array
        Cells of the pieces, each of which touches a set of `on` in a facet.
    loads : mapping of str to callable
        Potential from positions, by name.
    on : sequence of str
        Facet sets where potentials are prescribed.
    **options : any
        Of the linear solver.

    Returns
    -------
    EnergyBounds
        Energies and intervals.

    Examples
    --------
    >>> bound_energies(domain, sigma, live, loads=loads, on=("z_min", "z_max"), tolerance=1e-12)  # doctest: +SKIP
    """
    facets = np.unique(np.concatenate([live_facets(domain, name, live) for name in on]))
    potentials = np.array([_evaluate(domain, name, load) for name, load in loads.items()])
    corners = potentials[:, domain.facet_points[facets]]
    # the exact potential of a load, and of a combination, is between its smallest and its largest boundary value
    everyone = np.concatenate(domain.comm.allgather(corners.reshape(len(potentials), -1)), axis=1)
    points, means, space = (
        _continuous(domain, sigma, live, facets=facets, potentials=potentials, options=options),
        *_facet_means(domain, sigma, live, facets=facets, corners=corners, options=options),
    )
    above, below = np.zeros((2, len(potentials), len(potentials)))
    cells = np.flatnonzero(live[: domain.owned_cells])
    for start in range(0, len(cells), CHUNK):
        part = cells[start : start + CHUNK]
        for total, gradients in (
            (above, [p1_gradients(domain.coordinates, domain.cell_points[part], v) for v in points.values]),
            (below, [space.gradients(domain, v, part) for v in means.values]),
        ):
            flux = [coefficients.apply(sigma[part], g) * domain.cell_volumes[part, None] for g in gradients]
            total += [[float((f * g).sum()) for g in gradients] for f in flux]
    above, below = np.sum(domain.comm.allgather((above, below)), axis=0)
    slack = _Slack(domain, means, space.owned, everyone)
    lower, upper = _ends(0.5 * (above + above.T), 0.5 * (below + below.T), slack)
    return EnergyBounds(tuple(loads), 0.5 * (above + above.T), lower, upper)


def _evaluate(domain: Domain, name: str, load: Load) -> npt.NDArray[np.float64]:
    values = np.asarray(load(domain.coordinates), dtype=np.float64)
    good = values.shape == (len(domain.coordinates),) and bool(np.isfinite(values).all())
    if not all(domain.comm.allgather(good)):
        raise InputError(f"loads: {name!r}: expected one finite potential for each of n positions (n, 3)")
    return values


def _continuous(
    domain: Domain,
    sigma: npt.NDArray[np.float64],
    live: npt.NDArray[np.bool_],
    *,
    facets: npt.NDArray[np.intp],
    potentials: npt.NDArray[np.float64],
    options: Mapping[str, Any],
) -> _Fields:
    """Continuous, piecewise linear fields."""
    index_map = domain.space.dofmap.index_map
    owned, live_points = index_map.size_local, points_of(domain, live)
    marks = np.zeros(len(live_points))
    marks[domain.facet_points[facets]] = 1.0
    held = api.accumulate(index_map, marks) > 0
    matrix = assemble_stiffness(domain, sigma, live)
    values = np.zeros((len(potentials), len(live_points)))
    for row, potential in zip(values, potentials, strict=True):
        unknowns = Unknowns(live_points[:owned], np.where(held, potential, np.nan)[:owned])
        row[:owned] = solve_constrained(matrix, np.zeros(owned), unknowns, purpose="upper bound", **options)[0]
        row[:] = api.update_ghosts(index_map, row)
    matrix.destroy()
    return _Fields(values, np.zeros((0, 0)))


def _facet_means(
    domain: Domain,
    sigma: npt.NDArray[np.float64],
    live: npt.NDArray[np.bool_],
    *,
    facets: npt.NDArray[np.intp],
    corners: npt.NDArray[np.float64],
    options: Mapping[str, Any],
) -> tuple[_Fields, Any]:
    """Fields that are continuous in the mean over facets, and their elements."""
    space = facet_space(domain, live)
    matrix = assemble_stiffness(domain, sigma, live, space.space)
    values, residuals = np.zeros((len(corners), len(space.live))), np.zeros((len(corners), space.owned))
    for k, each in enumerate(corners):
        given = space.on_facets(facets.astype(np.int32), each.mean(axis=1))[: space.owned]
        unknowns = Unknowns(space.live[: space.owned], given)
        found, residual, _ = solve_constrained(
            matrix, np.zeros(space.owned), unknowns, purpose="lower bound", **options
        )
        values[k, : space.owned] = found
        values[k] = api.update_ghosts(space.index_map, values[k])
        residuals[k, unknowns.free] = residual[unknowns.free]
    matrix.destroy()
    return _Fields(values, residuals), space


@dataclass(frozen=True, eq=False)
class _Slack:
    """What the lower bound of a combination of loads loses because the linear solves are not exact."""

    domain: Domain
    means: _Fields
    owned: int
    boundary: npt.NDArray[np.float64]

    def __call__(self, weights: npt.NDArray[np.float64]) -> float:
        values, residual = weights @ self.means.values[:, : self.owned], weights @ self.means.residuals
        boundary = weights @ self.boundary
        reach = np.maximum(boundary.max() - values, values - boundary.min())
        return float(self.domain.comm.allreduce(2.0 * float((np.abs(residual) * reach).sum())))


def _ends(
    above: npt.NDArray[np.float64], below: npt.NDArray[np.float64], slack: _Slack
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Ends of the intervals by polarisation, each pair with the weight that makes its interval narrowest."""
    count = len(above)
    lower, upper = np.zeros((2, count, count))
    units = np.eye(count)
    gap = np.zeros(count)
    for a in range(count):
        lower[a, a] = max((below[a, a] - slack(units[a])) * (1.0 - ROUNDING), 0.0)
        upper[a, a] = above[a, a] * (1.0 + ROUNDING)
        gap[a] = upper[a, a] - lower[a, a]
    for a in range(count):
        for b in range(a):
            t = float(np.sqrt(gap[a] / gap[b])) if gap[a] > 0 and gap[b] > 0 else 1.0
            ends = []
            for sign in (1.0, -1.0):
                weights = units[a] + sign * t * units[b]
                # the terms of the sums are larger than the sums where the loads work against each other
                rounding = ROUNDING * float(np.abs(weights) @ np.abs(above) @ np.abs(weights))
                most = float(weights @ above @ weights) + rounding
                least = float(weights @ below @ weights) - slack(weights) - rounding
                ends.append((least, most))
            (least_sum, most_sum), (least_difference, most_difference) = ends
            lower[a, b] = lower[b, a] = (least_sum - most_difference) / (4.0 * t)
            upper[a, b] = upper[b, a] = (most_sum - least_difference) / (4.0 * t)
    return lower, upper
