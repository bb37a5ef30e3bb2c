"""Conduction: div(sigma grad phi) = 0 on the phases that conduct. No averages of the box, no reactions at interfaces.

Only connected pieces that current can flow through are solved for (see `solvers.connectivity`): a piece that no contact
reaches floats and has no potential, a piece between contacts of one potential idles at that potential.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import coefficients
from solvers import dolfinx_api as api
from solvers.connectivity import PercolationError, pieces_through, touched_pieces
from solvers.domain import Domain
from solvers.fluxes import flux_and_heat, heat_by_phase, phase_fractions
from solvers.solution import Solution
from solvers.unknowns import Unknowns, solve_constrained
from ssb2mesh.errors import InputError

__all__ = ["conduction"]


def conduction(
    domain: Domain,
    *,
    conductivity: Mapping[str, Any],
    fixed: Mapping[str, float],
    current: Mapping[str, float] | None = None,
    equipotential: Sequence[str] = (),
    tolerance: float = 1e-12,
    max_iterations: int = 500,
) -> Solution:
    """Solve for the potential and the currents; all ranks call.

    Sides that are named nowhere are insulated. Currents through fixed sides are reaction fluxes: they are those of
    the discrete system, not integrals of a gradient, so they sum up to the solver's tolerance. A current density is
    minus the conductivity times the gradient of the potential, constant in each cell.

    Parameters
    ----------
    domain : Domain
        The mesh.
    conductivity : mapping of str to number or array
        S/m by phase: a number, a symmetric 3x3 tensor, or one of either per tet (see `solvers.coefficients.by_cell`).
        Phases not named do not conduct.
    fixed : mapping of str to float
        Potential in V by facet set, such as ``{"z_min": 0.0, "z_max": 1.0}``; only where conducting cells meet it.
        A point of two sets must have one potential and counts for the first.
    current : mapping of str to float, optional
        Total current in A that enters through a facet set, spread evenly over the area of connected, conducting cells.
    equipotential : sequence of str
        Phases that are ideal conductors: each connected piece has one potential, found by the solve.
    tolerance : float
        Relative residual of the linear solver.
    max_iterations : int
        Where the linear solver gives up.

    Returns
    -------
    Solution
        Point field ``potential`` (V; NaN where it does not exist), cell fields ``current_density`` (A/m2) and
        ``joule_heat`` (W/m3), currents in A by side set (positive: into the domain), heat in W by phase, volume
        fractions of each phase that float or idle.

    Raises
    ------
    InputError
        If a name is unknown, a value is out of range, or contacts contradict each other.
    PercolationError
        If no path joins contacts of different potential, or a current enters a piece that no fixed side reaches.
    SolverError
        If the linear solve fails.

    Examples
    --------
    >>> solution = conduction(domain, conductivity={"NMC": 10.0}, fixed={"z_min": 0, "z_max": 1})  # doctest: +SKIP
    >>> solution.summary()["currents"]  # doctest: +SKIP
    {'z_min': -10.0, 'z_max': 10.0}
    """
    options = {"tolerance": tolerance, "max_iterations": max_iterations}
    with Conductor(domain, conductivity) as conductor:
        return conductor.solve(fixed, current=current, equipotential=equipotential, **options)


class Conductor:
    """Phases that conduct: their pieces and their stiffness matrix stay from one set of contacts to the next.

    Parameters
    ----------
    domain, conductivity
        As for `conduction`.

    Raises
    ------
    InputError
        As `conduction` does for its conductivities.

    Examples
    --------
    >>> with Conductor(domain, {"NMC": 10.0}) as conductor:  # doctest: +SKIP
    ...     along = [conductor.solve({f"{a}_min": 0.0, f"{a}_max": 1.0}) for a in "xyz"]
    """

    def __init__(self, domain: Domain, conductivity: Mapping[str, Any]) -> None:
        self.domain, self.conductivity = domain, conductivity
        self.sigma = coefficients.by_cell(domain, conductivity)
        self._pieces: tuple[tuple[str, ...], npt.NDArray[np.int64]] | None = None
        self._live: npt.NDArray[np.bool_] | None = None
        self._matrix: Any = None

    def pieces(self, equipotential: Sequence[str] = ()) -> npt.NDArray[np.int64]:
        """Return the connected piece of each local cell, as `solvers.connectivity.pieces_through` does."""
        key = tuple(equipotential)
        if self._pieces is None or self._pieces[0] != key:
            conducting = self.domain.cells_of([*self.conductivity, *equipotential])
            self._pieces = (key, pieces_through(self.domain, conducting))
        return self._pieces[1]

    def solve(
        self,
        fixed: Mapping[str, float],
        *,
        current: Mapping[str, float] | None = None,
        equipotential: Sequence[str] = (),
        **options: Any,
    ) -> Solution:
        """Solve for one set of contacts; arguments, result and errors as for `conduction`; all ranks call."""
        contacts = _check_contacts(self.domain, self.conductivity, fixed, current or {}, equipotential)
        conducting = self.domain.cells_of([*self.conductivity, *equipotential])
        roles = _roles(self.domain, conducting, contacts, self.pieces(equipotential))
        return _solve_pieces(self.domain, self.sigma, contacts, roles, self._stiffness(roles.live), **options)

    def _stiffness(self, live: npt.NDArray[np.bool_]) -> Any:
        """Matrix of the live cells; assembled anew if these are others than before."""
        same = self._live is not None and np.array_equal(live, self._live)
        if not all(self.domain.comm.allgather(same)):
            self.destroy()
            self._matrix, self._live = assemble_stiffness(self.domain, self.sigma, live), live
        return self._matrix

    def __enter__(self) -> Conductor:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def destroy(self) -> None:
        """Free what PETSc holds."""
        if self._matrix is not None:
            self._matrix.destroy()
        self._matrix = self._live = None


@dataclass(frozen=True)
class Contacts:
    """Checked boundary conditions: potentials (V) and currents (A) by facet set, phases that are ideal conductors."""

    fixed: Mapping[str, float]
    current: Mapping[str, float]
    equipotential: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Roles:
    """What each local cell does: solved for, idle at a potential (V, else NaN), or floating."""

    live: npt.NDArray[np.bool_]
    idle_at: npt.NDArray[np.float64]
    floating: npt.NDArray[np.bool_]


def _check_contacts(
    domain: Domain,
    conductivity: Mapping[str, Any],
    fixed: Mapping[str, float],
    current: Mapping[str, float],
    equipotential: Sequence[str],
) -> Contacts:
    if isinstance(equipotential, str):
        raise InputError(f"equipotential: got the text {equipotential!r}; give a list of phases")
    domain.phase_tags(equipotential, argument="equipotential")
    for name in equipotential:
        if name in conductivity:
            raise InputError(f"equipotential: {name!r} has a conductivity as well; give one of them")
    if not fixed:
        raise InputError("fixed: got nothing; at least one side set needs a potential, or the potential has no level")
    for argument, values in (("fixed", fixed), ("current", current)):
        for name, value in values.items():
            domain.facets_of(name, argument=argument)
            if isinstance(value, (bool, str)) or not np.isfinite(float(value)):
                raise InputError(f"{argument}: {name!r}: got {value!r}; expected a finite number")
    both = [name for name in current if name in fixed]
    if both:
        raise InputError(f"current: {both[0]!r} has a fixed potential as well; give one of them")
    return Contacts(
        {k: float(v) for k, v in fixed.items()}, {k: float(v) for k, v in current.items()}, tuple(equipotential)
    )


def _roles(
    domain: Domain, conducting: npt.NDArray[np.bool_], contacts: Contacts, pieces: npt.NDArray[np.int64]
) -> Roles:
    """Sort the connected pieces into live, idle and floating ones."""
    touched = {name: touched_pieces(domain, pieces, domain.facets_of(name)) for name in contacts.fixed}
    fed = {name: touched_pieces(domain, pieces, domain.facets_of(name)) for name in contacts.current}
    for name, labels in touched.items():
        if len(labels) == 0:
            raise InputError(f"fixed: no conducting cell lies on {name!r}; phases that conduct do not reach it")
    labels = np.unique(np.concatenate(list(touched.values())))
    low, high = np.full(len(labels), np.inf), np.full(len(labels), -np.inf)
    for name, value in contacts.fixed.items():
        at = np.searchsorted(labels, touched[name])
        low[at], high[at] = np.minimum(low[at], value), np.maximum(high[at], value)
    live = high > low
    for name, found in fed.items():
        grounded = np.intersect1d(found, labels)
        if len(grounded) == 0:
            raise PercolationError(
                f"current: the current through {name!r} cannot leave: no path of conducting cells leads from there to "
                f"a fixed side ({', '.join(contacts.fixed)}); let more phases conduct, or fix another side"
            )
        live[np.searchsorted(labels, grounded)] = True
    if len(set(contacts.fixed.values())) > 1 and not live.any():
        raise PercolationError(
            f"no path of conducting cells joins sides of different potential ({', '.join(contacts.fixed)}): no current "
            "can flow; let more phases conduct, or look for gaps that the segmentation or the cell size has made"
        )
    at = np.minimum(np.searchsorted(labels, pieces), len(labels) - 1)
    grounded_cells = conducting & (labels[at] == pieces)
    is_live = grounded_cells & live[at]
    idle_at = np.where(grounded_cells & ~is_live, low[at], np.nan)
    return Roles(is_live, idle_at, conducting & ~grounded_cells)


def _solve_pieces(
    domain: Domain, sigma: npt.NDArray[np.float64], contacts: Contacts, roles: Roles, matrix: Any, **options: Any
) -> Solution:
    """Solve on the live cells, then evaluate; all ranks call."""
    index_map = domain.space.dofmap.index_map
    owned = index_map.size_local
    live_points = points_of(domain, roles.live)
    holder, fixed = _fixed_points(domain, contacts, roles.live)
    tied = None
    if contacts.equipotential:
        tied, holder, fixed = _tie(domain, contacts, roles.live, holder, fixed)
    load, fed_area = _current_load(domain, contacts, roles.live)
    unknowns = Unknowns(live_points[:owned], fixed[:owned], None if tied is None else tied[:owned])
    values, reactions, report = solve_constrained(matrix, load[:owned], unknowns, purpose="conduction", **options)
    sums = [float(reactions[holder[:owned] == k].sum()) for k in range(len(contacts.fixed))]
    sums = np.sum(domain.comm.allgather(sums), axis=0).tolist()
    currents = dict(zip(contacts.fixed, sums, strict=True)) | dict(contacts.current)
    potential = np.full(len(live_points), np.nan)
    potential[:owned] = np.where(live_points[:owned], values, np.nan)
    potential = api.update_ghosts(index_map, potential)
    _fill_idle(domain, potential, live_points, roles)
    flux, heat = flux_and_heat(domain, sigma, potential, roles.live)
    totals = {
        "fixed": dict(contacts.fixed),
        "joule_heat": heat_by_phase(domain, heat),
        "floating": phase_fractions(domain, roles.floating),
        "idle": phase_fractions(domain, ~np.isnan(roles.idle_at)),
        **({"current_area": fed_area} if fed_area else {}),
    }
    cells = {"current_density": flux, "joule_heat": heat}
    return Solution(domain, "conduction", {"potential": potential}, cells, currents, totals, report)


def points_of(domain: Domain, cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which local dofs touch one of some cells on any rank."""
    marks = np.zeros(len(domain.dof_original))
    own = cells[: domain.owned_cells]
    marks[domain.cell_points[: domain.owned_cells][own]] = 1.0
    return api.accumulate(domain.space.dofmap.index_map, marks) > 0


def live_facets(domain: Domain, name: str, live: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """The facets of a set that this rank owns and that have a live cell."""
    facets = domain.facets_of(name)
    facets = facets[facets < domain.owned_facets]
    cells = domain.facet_cells[facets]
    return facets[((cells >= 0) & live[cells]).any(axis=1)]


def _fixed_points(
    domain: Domain, contacts: Contacts, live: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """For each local dof, the number of the fixed set that holds it (-1) and its potential (NaN)."""
    index_map = domain.space.dofmap.index_map
    holder = np.full(len(domain.dof_original), -1)
    fixed = np.full(len(holder), np.nan)
    for number, (name, value) in enumerate(contacts.fixed.items()):
        marks = np.zeros(len(holder))
        marks[domain.facet_points[live_facets(domain, name, live)]] = 1.0
        on_set = api.accumulate(index_map, marks) > 0
        clash = on_set & ~np.isnan(fixed) & (fixed != value)
        other = max(domain.comm.allgather(int(holder[clash][0]) if clash.any() else -1))
        if other >= 0:
            names = list(contacts.fixed)
            raise InputError(
                f"fixed: {names[other]!r} ({contacts.fixed[names[other]]:g} V) and {name!r} ({value:g} V) share "
                "points; sides that touch must have one potential"
            )
        new = on_set & np.isnan(fixed)
        holder[new], fixed[new] = number, value
    return holder, fixed


def _tie(
    domain: Domain,
    contacts: Contacts,
    live: npt.NDArray[np.bool_],
    holder: npt.NDArray[np.intp],
    fixed: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Tie the dofs of each piece of an ideal conductor; a piece that touches a fixed side is fixed as a whole."""
    index_map = domain.space.dofmap.index_map
    cells = live & domain.cells_of(contacts.equipotential)
    groups = pieces_through(domain, cells, "points")
    own = np.flatnonzero(cells[: domain.owned_cells])
    tied: npt.NDArray[np.float64] = np.full(len(holder), -1.0)
    tied[domain.cell_points[own]] = groups[own][:, None]
    # a dof may meet ideal cells on another rank only; sums of (label + 1) over ranks, divided by their number
    marks = api.accumulate(index_map, (tied >= 0).astype(float))
    sums = api.accumulate(index_map, tied + 1)
    leader = np.where(marks > 0, sums / np.maximum(marks, 1) - 1, -1).astype(np.int64)
    held = (leader >= 0) & (holder >= 0)
    found: dict[int, int] = {}
    for part in domain.comm.allgather(
        list({(int(a), int(b)) for a, b in zip(leader[held], holder[held], strict=True)})
    ):
        for group, number in part:
            values, names = list(contacts.fixed.values()), list(contacts.fixed)
            before = found.setdefault(group, number)
            if values[before] != values[number]:
                raise InputError(
                    f"equipotential: a piece of an ideal conductor joins {names[min(before, number)]!r} and "
                    f"{names[max(before, number)]!r}, which "
                    "are fixed at different potentials: a short circuit without resistance; give it a conductivity"
                )
            found[group] = min(before, number)
    for group, number in found.items():
        members = leader == group
        fixed[members] = list(contacts.fixed.values())[number]
        holder[members & (holder < 0)] = number
    return leader, holder, fixed


def assemble_stiffness(
    domain: Domain, sigma: npt.NDArray[np.float64], live: npt.NDArray[np.bool_], space: Any = None
) -> Any:
    """The stiffness matrix on the live cells that have a conductivity; in `domain.space` or another one."""
    import ufl

    some = live & ((sigma if sigma.ndim == 1 else sigma[:, 0, 0]) > 0)
    cells = np.flatnonzero(some).astype(np.int32)
    tags = api.entity_tags(domain.mesh, 3, cells, np.ones(len(cells), np.int32))
    constants = api.function_space(domain.mesh, "DG", 0, sigma.shape[1:])
    coefficient = api.function(constants, "sigma")
    coefficient.x.array[:] = api.by_dof(constants, sigma)
    space = domain.space if space is None else space
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    dx = ufl.Measure("dx", domain=domain.mesh, subdomain_data=tags)
    # always the same text, so that it is compiled once: which cells and which values are data
    flux = coefficient * ufl.grad(u) if sigma.ndim == 1 else ufl.dot(coefficient, ufl.grad(u))
    return api.assemble_matrix(api.compile_form(ufl.inner(flux, ufl.grad(v)) * dx(1)))


def _current_load(
    domain: Domain, contacts: Contacts, live: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], dict[str, float]]:
    """Right-hand side of the imposed currents and the area that each enters through, m2."""
    load = np.zeros(len(domain.dof_original))
    areas: dict[str, float] = {}
    for name, amperes in contacts.current.items():
        facets = live_facets(domain, name, live)
        area = float(domain.comm.allreduce(float(domain.facet_areas[facets].sum())))
        areas[name] = area
        shares = np.repeat(amperes * domain.facet_areas[facets] / (3.0 * area), 3)
        load += np.bincount(domain.facet_points[facets].ravel(), weights=shares, minlength=len(load))
    if contacts.current:
        load = api.accumulate(domain.space.dofmap.index_map, load)
    return load, areas


def _fill_idle(
    domain: Domain, potential: npt.NDArray[np.float64], live_points: npt.NDArray[np.bool_], roles: Roles
) -> None:
    """Write the potential of idle pieces into their own points, in place."""
    index_map = domain.space.dofmap.index_map
    own = np.flatnonzero(~np.isnan(roles.idle_at[: domain.owned_cells]))
    local = np.full(len(potential), np.nan)
    local[domain.cell_points[own]] = roles.idle_at[own][:, None]
    count = api.accumulate(index_map, (~np.isnan(local)).astype(float))
    total = api.accumulate(index_map, np.nan_to_num(local))
    idle = (count > 0) & ~live_points
    potential[idle] = total[idle] / count[idle]
