"""Mechanics: small-strain equilibrium under pressure, plates and swelling. Its rooms are in `solvers.elastic`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.domain import Domain
from solvers.elastic import stress as stresses
from solvers.elastic.bulk import Bulk
from solvers.elastic.held import Held, find_held, floating_shares
from solvers.elastic.laws import Elastic, check_materials
from solvers.elastic.mixed import bulk_of
from solvers.elastic.newton import Equilibrium, Options, solve_equilibrium
from solvers.elastic.nodes import Nodes, build_nodes
from solvers.elastic.opening import Cohesive, Openings, split_fields
from solvers.elastic.supports import Conditions, Loads, Supports, conditions_of
from solvers.materials import MATERIALS
from solvers.solution import Solution
from ssb2mesh.errors import InputError

__all__ = ["Cohesive", "Elastic", "ElasticSolution", "Loads", "Options", "Supports", "elasticity"]


@dataclass(frozen=True, eq=False, repr=False)
class ElasticSolution(Solution):
    """Displacement, stresses and forces of one solve; made by `elasticity`.

    Parameters
    ----------
    bulk : Bulk
        The tets with their materials.
    equilibrium : Equilibrium
        Displacements and stresses as solved.
    force_scale : float
        Sum of the sizes of all nodal forces on supports and loads, N.
    openings : tuple of Openings
        The interfaces that may open; empty where there are none.

    Examples
    --------
    >>> solution = elasticity(domain, materials=materials, supports=supports, loads=loads)  # doctest: +SKIP
    >>> solution.forces["z_min"]  # doctest: +SKIP
    [0.0, 0.0, 5.0]
    """

    bulk: Bulk = None  # type: ignore[assignment]
    equilibrium: Equilibrium = None  # type: ignore[assignment]
    force_scale: float = 0.0
    openings: tuple[Openings, ...] = ()

    @property
    def displacement(self) -> npt.NDArray[np.float64]:
        """(local dofs, 3) float array: displacement in m, NaN where nothing is solved for."""
        return self.point_fields["displacement"]

    @property
    def forces(self) -> dict[str, list[float]]:
        """Force on the solid through each side that holds or loads it, N."""
        return dict(self.totals["forces"])

    @property
    def balance(self) -> float:
        """Size of the sum of all forces relative to the sum of the sizes of all nodal forces; 0 when no force acts."""
        total = float(np.linalg.norm(np.sum(list(self.forces.values()), axis=0))) if self.forces else 0.0
        return total / self.force_scale if self.force_scale > 0 else 0.0

    def summary(self) -> dict[str, Any]:
        """Return every number of the solve as a JSON-able dict; the same on every rank."""
        return {"type": self.kind, "balance": self.balance, **self.totals, "linear": self.linear.summary()}

    def nodal_stress(self, phase: str) -> npt.NDArray[np.float64]:
        """Return the stress at the points of one phase; all ranks call.

        Parameters
        ----------
        phase : str
            Phase name.

        Returns
        -------
        (local dofs, 6) float array
            Voigt's order, Pa; NaN away from the phase.
        """
        tag = self.domain.phase_tags([phase])[0]
        found = stresses.nodal_stress(self.bulk, self.equilibrium.stress, tag)
        nodes = self.bulk.nodes
        result = nodes.at_points(found)
        for field in range(1, nodes.fields):
            other = nodes.at_points(found, field)
            result = np.where(np.isnan(result), other, result)
        return result

    def gaps(self, name: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """Return how far the bodies of an interface are apart, on the facets that this rank owns.

        Parameters
        ----------
        name : str
            An interface that may open.

        Returns
        -------
        facets : (k,) int32 array
            Local facets.
        gap : (k, points) float array
            Beyond the layer that grew between them, m; negative where they are pressed together.

        Raises
        ------
        InputError
            If it is no such interface.
        """
        for opening in self.openings:
            if name in opening.names:
                mine = opening.interface == opening.names.index(name)
                return opening.facets[mine], opening.gap(self.equilibrium.u)[mine]
        known = ", ".join(n for opening in self.openings for n in opening.names)
        raise InputError(f"gaps: {name!r} is no interface that may open; there are: {known or 'none'}")

    def __repr__(self) -> str:
        peak = max(self.totals["von_mises_max"].values(), default=0.0)
        return (
            f"<ElasticSolution: von Mises up to {peak:.6g} Pa; balance {self.balance:.1e}; {self.linear.iterations} "
            "iterations>"
        )


def elasticity(
    domain: Domain,
    *,
    materials: Mapping[str, Elastic],
    supports: Supports,
    loads: Loads | None = None,
    interfaces: Mapping[str, Cohesive] | None = None,
    order: int = 1,
    options: Options | None = None,
) -> ElasticSolution:
    """Solve for displacements, stresses and forces; all ranks call.

    Sides that are named nowhere are free. Forces through sides that hold are residuals of the discrete equations, so
    they balance the loads to the solver's tolerance on any mesh. Stresses are tension positive, pressures push.

    Parameters
    ----------
    domain : Domain
        The mesh.
    materials : mapping of str to Elastic
        By phase. Phases not named are empty space.
    supports : Supports
        Where the solid is held: fixed sides, rollers.
    loads : Loads, optional
        Pressures, tractions, plates, eigenstrains.
    interfaces : mapping of str to Cohesive, optional
        Interfaces ``"A|B"`` that may open; all others hold together.
    order : int
        1 for linear tets, 2 for quadratic ones, worth having where stresses matter. Where a phase flows or is nearly
        incompressible, linear tets need ``Options(formulation="mixed")``.
    options : Options, optional
        Tolerances, load steps, formulation.

    Returns
    -------
    ElasticSolution
        Point field ``displacement`` (m), cell fields ``stress`` (3x3), ``von_mises``, ``mean_stress`` (minus the
        pressure), ``principal_stress`` (largest first), ``principal_direction`` (of the largest) in Pa and
        ``strain_energy_density`` (J/m3); forces by side (N), strain energy by phase (J), work balance, notes.

    Raises
    ------
    InputError
        If a name is unknown, a value is out of range, conditions contradict each other, or the solid is not held.
    SolverError
        If a solve fails.

    Examples
    --------
    >>> elasticity(domain, materials={"LPSCl": Elastic(22e9, 0.37)},
    ...            supports=Supports(rollers=["x_min", "y_min", "z_min"]),
    ...            loads=Loads(platen={"z_max": 5.0}))  # doctest: +SKIP
    <ElasticSolution: von Mises up to 2.1e+07 Pa; balance 1.2e-13; 31 iterations>
    """
    materials = check_materials(materials)
    loads = loads or Loads()
    options = options or Options()
    _check_order(materials, order, options)
    _check_mappings(supports, loads)
    solid = domain.cells_of(materials, argument="materials")
    held = find_held(domain, solid, supports, loads)
    openings: list[Openings] = []
    if interfaces:
        fields = split_fields(domain, interfaces, held.cells)
        nodes = build_nodes(domain, held.cells, order=order, cell_field=fields.cell_field, joined=fields.joined)
        openings = [Openings(nodes, interfaces, fields.cell_field, loads.growth)]
    else:
        _no_growth(loads)
        nodes = build_nodes(domain, held.cells, order=order)
    conditions = conditions_of(nodes, supports, loads)
    bulk = bulk_of(nodes, materials, loads.eigenstrain, options)
    found = solve_equilibrium(bulk, openings, conditions, options)
    return _solution(bulk, (conditions, openings), found, materials, held)


def _no_growth(loads: Loads) -> None:
    if loads.growth:
        raise InputError(
            f"growth: {next(iter(loads.growth))!r} is no interface that may open; give it a Cohesive law in interfaces"
        )


def _check_order(materials: Mapping[str, Elastic], order: int, options: Options) -> None:
    if isinstance(order, bool) or order not in (1, 2):
        raise InputError(f"order: got {order!r}; give 1 (linear tets) or 2 (quadratic tets)")
    stiff = [name for name, material in materials.items() if material.locks]
    if order == 1 and stiff and not options.mixed:
        raise InputError(
            f"order: linear tets lock in {', '.join(map(repr, stiff))} (poisson above 0.45, or a yield stress): they "
            'would come out far too stiff; use Options(formulation="mixed"), or order=2'
        )


def _check_mappings(supports: Supports, loads: Loads) -> None:
    for argument, value, kind in (("supports", supports, Supports), ("loads", loads, Loads)):
        if not isinstance(value, kind):
            raise InputError(f"{argument}: got {type(value).__name__}; give {kind.__name__}(...)")
    every = {"fixed": supports.fixed, "pressure": loads.pressure, "platen": loads.platen, "traction": loads.traction,
             "eigenstrain": loads.eigenstrain, "growth": loads.growth}  # fmt: skip
    for argument, mapping in every.items():
        if not isinstance(mapping, Mapping):
            raise InputError(f"{argument}: got {mapping!r}; give {{name: value}}")


def _solution(
    bulk: Bulk,
    setting: tuple[Conditions, list[Openings]],
    found: Equilibrium,
    materials: Mapping[str, Elastic],
    held: Held,
) -> ElasticSolution:
    """Fields and totals of an equilibrium; all ranks call."""
    conditions, openings = setting
    nodes, domain = bulk.nodes, bulk.nodes.domain
    energy = 0.5 * np.einsum("cqi,cij,cqj->cq", found.stress, bulk.compliance, found.stress)
    cells = _cell_fields(bulk, found.stress, energy)
    points = _point_fields(nodes, found.u)
    forces = _forces(conditions, bulk, found)
    largest = _by_phase(bulk, materials, cells["von_mises"][bulk.cells], np.maximum)
    totals: dict[str, Any] = {
        "forces": forces,
        "strain_energy": _by_phase(bulk, materials, bulk.volumes * bulk.mean(energy), np.add),
        "von_mises_max": largest,
        "work": _work(bulk, (conditions, openings), found),
        "platen_travel": _travel(bulk, conditions, found),
        "floating": floating_shares(domain, held.floating),
        "order": nodes.order,
        "notes": [*held.notes, *_yield_notes(materials, largest)],
    }
    for opening in openings:
        totals["openings"] = opening.summary(found.u)
    if bulk.flows:
        flowing = (bulk.hardened > 0) @ bulk.rule.weights * bulk.volumes[bulk.soft]
        totals["plastic_volume"] = float(domain.comm.allreduce(float(flowing.sum())))
    if len(found.history) > 1:
        totals["steps"] = len(found.history)
    return ElasticSolution(
        domain, "elasticity", points, cells, {}, totals, found.linear, bulk=bulk,
        equilibrium=found, force_scale=_force_scale(bulk, conditions, found), openings=tuple(openings),
    )  # fmt: skip


def _point_fields(nodes: Nodes, u: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    """Displacement, of the first body where two meet, and how far the second has moved from it there."""
    u = nodes.update(u)
    first = nodes.at_points(u)
    if nodes.fields == 1:
        return {"displacement": first}
    second = nodes.at_points(u, 1)
    apart = np.nan_to_num(second - first)
    return {"displacement": np.where(np.isnan(first), second, first), "separation": apart}


def _cell_fields(
    bulk: Bulk, stress: npt.NDArray[np.float64], energy: npt.NDArray[np.float64]
) -> dict[str, npt.NDArray[np.float64]]:
    """Fields by local cell, NaN outside the cells solved for; ghosts are filled by their owner's formula."""
    six = bulk.mean(stress)
    values, directions = stresses.principal(six)
    own = {
        "stress": stresses.tensor(six),
        "von_mises": stresses.von_mises(six),
        "mean_stress": stresses.mean_stress(six),
        "principal_stress": values,
        "principal_direction": directions[:, 0],
        "strain_energy_density": bulk.mean(energy),
    }
    n = len(bulk.nodes.domain.cell_phase)
    result = {}
    for name, value in own.items():
        full = np.full((n, *value.shape[1:]), np.nan)
        full[bulk.cells] = value
        result[name] = full
    return result


def _by_phase(
    bulk: Bulk, materials: Mapping[str, Elastic], values: npt.NDArray[np.float64], join: np.ufunc
) -> dict[str, float]:
    """Reduce values of the live cells by phase over all ranks."""
    result = {}
    for number, name in enumerate(materials):
        mine = values[bulk.material == number]
        parts = bulk.nodes.domain.comm.allgather(float(join.reduce(mine)) if len(mine) else 0.0)
        result[name] = float(join.reduce(parts))
    return result


def _forces(conditions: Conditions, bulk: Bulk, found: Equilibrium) -> dict[str, list[float]]:
    """Force on the solid through each named side, N."""
    nodes, comm = bulk.nodes, bulk.nodes.domain.comm
    owned = nodes.owned
    reaction = -found.residual[:owned]
    result: dict[str, npt.NDArray[np.float64]] = {name: np.array(f) for name, f in conditions.applied.items()}
    for number, name in enumerate(conditions.names):
        mine = np.where(conditions.holder[:owned] == number, reaction, 0.0).sum(axis=0)
        result[name] = result.get(name, np.zeros(3)) + np.sum(comm.allgather(mine), axis=0)
    for number, plate in enumerate(conditions.platens):
        mine = np.where(conditions.platen_of[:owned] == number, reaction, 0.0).sum(axis=0)
        result[plate.name] = result.get(plate.name, np.zeros(3)) + np.sum(comm.allgather(mine), axis=0)
    return {name: [float(v) for v in force] for name, force in result.items()}


def _force_scale(bulk: Bulk, conditions: Conditions, found: Equilibrium) -> float:
    """Sum of the sizes of nodal loads and reactions: resultants may vanish by symmetry."""
    owned = bulk.nodes.owned
    reaction = np.where(conditions.bound[:owned], -found.residual[:owned], 0.0)
    local = np.linalg.norm(conditions.load[:owned], axis=1).sum() + np.linalg.norm(reaction, axis=1).sum()
    return float(bulk.nodes.domain.comm.allreduce(float(local)))


def _work(bulk: Bulk, setting: tuple[Conditions, list[Openings]], found: Equilibrium) -> dict[str, float]:
    """Work of stresses on strains, and of loads and reactions on displacements, J (twice the energy if linear)."""
    conditions, openings = setting
    nodes, comm = bulk.nodes, bulk.nodes.domain.comm
    owned = nodes.owned
    inner = np.einsum("cqi,cqi,q,c->", found.stress, bulk.strain(found.u), bulk.rule.weights, bulk.volumes)
    inner += sum(np.vdot(opening.forces(found.u), found.u) for opening in openings)
    reaction = np.where(conditions.bound[:owned], -found.residual[:owned], 0.0)
    outer = np.vdot(conditions.load[:owned] + reaction, found.u[:owned])
    inner, outer = (float(comm.allreduce(float(v))) for v in (inner, outer))
    largest = max(abs(inner), abs(outer))
    return {"internal": inner, "external": outer, "imbalance": abs(inner - outer) / largest if largest > 0 else 0.0}


def _travel(bulk: Bulk, conditions: Conditions, found: Equilibrium) -> dict[str, float]:
    """Displacement of each plate along its axis, m."""
    result = {}
    for number, plate in enumerate(conditions.platens):
        on = conditions.platen_of[: bulk.nodes.owned, plate.axis] == number
        values = found.u[: bulk.nodes.owned, plate.axis][on]
        known = [
            v for v in bulk.nodes.domain.comm.allgather(float(values[0]) if len(values) else None) if v is not None
        ]
        result[plate.name] = known[0]
    return result


def _yield_notes(materials: Mapping[str, Elastic], largest: Mapping[str, float]) -> list[str]:
    """Say where an elastic stress is beyond what the material can bear."""
    notes = []
    for name, material in materials.items():
        limit = material.yield_warning
        known = MATERIALS.get(name, {}).get("yield_strength")
        if limit is None and known is not None:
            limit = known.value
        if material.yield_stress is None and limit is not None and largest[name] > limit:
            notes.append(
                f"the von Mises stress in {name} reaches {largest[name]:.3g} Pa, above its yield strength of "
                f"{limit:.3g} Pa: elastic stresses there are not physical; give it a yield_stress"
            )
    return notes
