"""What holds and loads a body, by side: checks, constraints and nodal forces as arrays. No stiffness, no solving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.domain import Domain
from solvers.elastic.nodes import Nodes
from ssb2mesh.errors import InputError

__all__ = ["Conditions", "Loads", "Platen", "Supports", "Walls", "conditions_of", "find_walls", "read_supports"]

AXES = "xyz"


@dataclass(frozen=True)
class Supports:
    """Where the body is held.

    Parameters
    ----------
    fixed : mapping of str to 0 or three numbers
        Displacement by side set, m: 0 clamps; three numbers give x, y, z, with None for a free one.
    rollers : sequence of str
        Sides (each in planes across one axis) that slide in their plane without friction: also planes of symmetry.

    Examples
    --------
    >>> Supports(fixed={"z_max": (None, None, -1e-9)}, rollers=["z_min", "x_min", "y_min"]).rollers
    ['z_min', 'x_min', 'y_min']
    """

    fixed: Mapping[str, Any] = field(default_factory=dict)
    rollers: Sequence[str] = ()


@dataclass(frozen=True)
class Loads:
    """What acts on the body.

    Parameters
    ----------
    pressure : mapping of str to float
        Pa by side set, positive pushes into the solid. ``"LPS|void"`` is the wall of a dropped phase. Between two
        meshed phases the side that is pushed must be named: ``"LPS@LPS|Li"`` pushes LPS back from the interface.
    platen : mapping of str to float
        Force in N by side set, positive pushes into the solid: a rigid, frictionless plate that stays parallel.
    traction : mapping of str to three floats
        Force per area by side set, Pa.
    eigenstrain : mapping of str to float or array
        Stress-free strain by phase: swelling, or thermal expansion times temperature change; see
        `solvers.elastic.laws.eigenstrain_vector`.
    growth : mapping of str to float, callable or array
        Thickness in m of a layer that grows between the two bodies of an interface that may open; negative where one
        of them recedes. A number, a callable of positions (n, 3) in m, or an array by local facet of the Domain.

    Examples
    --------
    >>> Loads(pressure={"z_max": 5e6}, eigenstrain={"NMC": -0.017}).pressure
    {'z_max': 5000000.0}
    """

    pressure: Mapping[str, float] = field(default_factory=dict)
    platen: Mapping[str, float] = field(default_factory=dict)
    traction: Mapping[str, Any] = field(default_factory=dict)
    eigenstrain: Mapping[str, Any] = field(default_factory=dict)
    growth: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Walls:
    """Facets as seen from cells: pairs of an owned facet and a local cell.

    Parameters
    ----------
    name : str
        As the user gave it.
    facets, cells : (k,) int32 array
        The pairs.
    """

    name: str
    facets: npt.NDArray[np.int32]
    cells: npt.NDArray[np.int32]

    def empty(self, domain: Domain) -> bool:
        """Return whether no rank has a pair; all ranks call."""
        return bool(domain.comm.allreduce(len(self.cells)) == 0)


@dataclass(frozen=True)
class Platen:
    """A rigid plate: side set, axis, sign of the outward normal, force that pushes, N."""

    name: str
    axis: int
    sign: float
    force: float


def find_walls(domain: Domain, name: str, solid: npt.NDArray[np.bool_], argument: str, *, needed: bool = True) -> Walls:
    """Return the facets of a set with their solid cells; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    name : str
        A facet set, or ``"phase@set"`` for the side of one phase.
    solid : (local cells,) bool array
        Cells that count.
    argument : str
        What to call the argument in an error.
    needed : bool
        Whether an empty set is an error.

    Returns
    -------
    Walls
        A facet between two solid cells comes twice.

    Raises
    ------
    InputError
        If the mesh has no such set, or no solid cell lies on it.
    """
    wanted = solid
    facet_set = name
    if name not in domain.sets and "@" in name:
        phase, facet_set = name.split("@", 1)
        wanted = solid & domain.cells_of([phase], argument=argument)
    facets = domain.facets_of(facet_set, argument=argument)
    facets = facets[facets < domain.owned_facets]
    cells = domain.facet_cells[facets]
    use = (cells >= 0) & wanted[cells]
    found = Walls(name, np.repeat(facets, use.sum(axis=1)), cells[use])
    if needed and found.empty(domain):
        raise InputError(f"{argument}: no cell with a material lies on {name!r}; give its phases a material")
    return found


def plane_of(domain: Domain, nodes_normals: npt.NDArray[np.float64], name: str, argument: str) -> tuple[int, float]:
    """Return axis and sign of the outward normal that all facets of a side share; all ranks call."""
    total = np.sum(domain.comm.allgather(np.abs(nodes_normals).sum(axis=0)), axis=0)
    axis = int(np.argmax(total))
    signs = np.sign(nodes_normals[:, axis])
    low = min(domain.comm.allgather(float(signs.min(initial=1.0))))
    high = max(domain.comm.allgather(float(signs.max(initial=-1.0))))
    if low != high or np.delete(total, axis).sum() > 1e-6 * total[axis]:
        raise InputError(
            f"{argument}: the facets of {name!r} do not all face along one axis; give a side of the box such as "
            "'z_max', or hold it with fixed"
        )
    return axis, low


def read_supports(supports: Supports) -> dict[str, tuple[float | None, ...]]:
    """Return the fixed displacements by side as three numbers or None each; raise InputError with what is allowed."""
    result: dict[str, tuple[float | None, ...]] = {}
    for name, value in supports.fixed.items():
        given = (0.0, 0.0, 0.0) if np.isscalar(value) and not isinstance(value, str) and value == 0 else value
        good = isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str) and len(given) == 3
        if not good or not all(v is None or (isinstance(v, (int, float)) and np.isfinite(v)) for v in given):
            raise InputError(
                f"fixed: {name!r}: got {value!r}; expected 0, or three displacements in m with None for free"
            )
        if all(v is None for v in given):
            raise InputError(f"fixed: {name!r}: got {value!r}, which fixes nothing; leave the side out")
        result[name] = tuple(None if v is None else float(v) for v in given)
    if isinstance(supports.rollers, str):
        raise InputError(f"rollers: got the text {supports.rollers!r}; give a list of sides")
    for name in supports.rollers:
        if name in result:
            raise InputError(f"rollers: {name!r} is fixed as well; give one of them")
    return result


@dataclass(frozen=True, eq=False)
class Conditions:
    """Constraints and forces at node copies.

    Parameters
    ----------
    names : tuple of str
        Supports, in the order in which they claim dofs.
    value : (copies, 3) float array
        Prescribed displacement, NaN where there is none, m.
    holder : (copies, 3) int array
        Number of the support that holds each dof, -1 where there is none.
    platens : tuple of Platen
        Rigid plates.
    platen_of : (copies, 3) int array
        Number of the plate that moves each dof, -1 where there is none.
    load : (copies, 3) float array
        Forces, summed over ranks, N.
    applied : dict of str to (3,) array
        Resultant of each load, N.
    """

    names: tuple[str, ...]
    value: npt.NDArray[np.float64]
    holder: npt.NDArray[np.intp]
    platens: tuple[Platen, ...]
    platen_of: npt.NDArray[np.intp]
    load: npt.NDArray[np.float64]
    applied: dict[str, npt.NDArray[np.float64]]

    @property
    def bound(self) -> npt.NDArray[np.bool_]:
        """(copies, 3) bool array: dofs that are prescribed or moved by a plate."""
        return ~np.isnan(self.value) | (self.platen_of >= 0)


def conditions_of(nodes: Nodes, supports: Supports, loads: Loads) -> Conditions:
    """Turn supports and loads into arrays; all ranks call.

    Parameters
    ----------
    nodes : Nodes
        The numbering; only its live cells are held and loaded.
    supports : Supports
        Where the body is held.
    loads : Loads
        Pressures, tractions and platens; eigenstrains are not looked at.

    Returns
    -------
    Conditions
        Constraints and forces.

    Raises
    ------
    InputError
        If names are unknown, values wrong, or conditions contradict each other.
    """
    domain, live = nodes.domain, nodes.live_cells
    fixed = read_supports(supports)
    value = np.full((len(nodes.live), 3), np.nan)
    holder = np.full((len(nodes.live), 3), -1)
    names: list[str] = []
    # a side on which only pieces lie that are left out holds nothing
    wanted = [(find_walls(domain, name, live, "fixed", needed=False), v) for name, v in fixed.items()]
    for name in supports.rollers:
        walls = find_walls(domain, name, live, "rollers", needed=False)
        if walls.empty(domain):
            continue
        axis, _ = plane_of(domain, nodes.outward(walls.facets, walls.cells), name, "rollers")
        wanted.append((walls, tuple(0.0 if k == axis else None for k in range(3))))
    for walls, displacement in wanted:
        on_side = copies_on(nodes, walls)
        for k, given in enumerate(displacement):
            if given is not None:
                _claim(domain, (value[:, k], holder[:, k]), on_side, (len(names), given), [*names, walls.name])
        names.append(walls.name)
    platens, platen_of = _platens(nodes, loads.platen, value, names)
    load, applied = _forces(nodes, loads)
    return Conditions(tuple(names), value, holder, platens, platen_of, load, applied)


def copies_on(nodes: Nodes, walls: Walls) -> npt.NDArray[np.bool_]:
    """Return which copies lie on some walls, on any rank; all ranks call."""
    marks = np.zeros((len(nodes.live), 1))
    marks[nodes.side_copies(walls.facets, walls.cells)] = 1.0
    return nodes.accumulate(marks)[:, 0] > 0


def _claim(
    domain: Domain,
    target: tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]],
    on_side: npt.NDArray[np.bool_],
    claim: tuple[int, float],
    names: Sequence[str],
) -> None:
    """Prescribe one component on a side, in place; two sides that meet must agree."""
    value, holder = target
    clash = on_side & ~np.isnan(value) & (value != claim[1])
    other = max(domain.comm.allgather(int(holder[clash][0]) if clash.any() else -1))
    if other >= 0:
        raise InputError(
            f"fixed: {names[other]!r} and {names[claim[0]]!r} share points but prescribe different displacements; "
            "leave the component of one of them free (None)"
        )
    new = on_side & np.isnan(value)
    value[new], holder[new] = claim[1], claim[0]


def _platens(
    nodes: Nodes, platen: Mapping[str, float], value: npt.NDArray[np.float64], names: Sequence[str]
) -> tuple[tuple[Platen, ...], npt.NDArray[np.intp]]:
    domain = nodes.domain
    found: list[Platen] = []
    platen_of = np.full(value.shape, -1)
    for name, force in platen.items():
        if name in names:
            raise InputError(f"platen: {name!r} is held as well; give one of them")
        number = _finite(force, f"platen: {name!r}", "a force in N")
        walls = find_walls(domain, name, nodes.live_cells, "platen", needed=False)
        if walls.empty(domain):
            continue
        axis, sign = plane_of(domain, nodes.outward(walls.facets, walls.cells), name, "platen")
        on_side = copies_on(nodes, walls)
        clash = on_side & (~np.isnan(value[:, axis]) | (platen_of[:, axis] >= 0))
        if any(domain.comm.allgather(bool(clash.any()))):
            raise InputError(
                f"platen: points of {name!r} are held along {AXES[axis]} by another side as well; a plate must be free "
                "to move: use rollers instead of fixed on the sides beside it"
            )
        platen_of[on_side, axis] = len(found)
        found.append(Platen(name, axis, sign, number))
    return tuple(found), platen_of


def _finite(value: Any, what: str, expected: str) -> float:
    if isinstance(value, (bool, str)) or not np.isscalar(value) or not np.isfinite(value):
        raise InputError(f"{what}: got {value!r}; expected {expected}, a finite number")
    return float(value)  # type: ignore[arg-type]


def _forces(nodes: Nodes, loads: Loads) -> tuple[npt.NDArray[np.float64], dict[str, npt.NDArray[np.float64]]]:
    """Nodal forces of pressures and tractions and the resultant of each."""
    domain = nodes.domain
    load = nodes.zeros()
    applied: dict[str, npt.NDArray[np.float64]] = {}
    for name, value in loads.pressure.items():
        number = _finite(value, f"pressure: {name!r}", "a pressure in Pa")
        walls = find_walls(domain, name, nodes.live_cells, "pressure", needed=False)
        _refuse_inner(nodes, walls)
        forces = -number * nodes.outward(walls.facets, walls.cells)
        _spread(nodes, walls, forces, load)
        applied[name] = np.sum(domain.comm.allgather(forces.sum(axis=0)), axis=0)
    for name, value in loads.traction.items():
        vector = np.asarray(value, dtype=np.float64)
        if vector.shape != (3,) or not np.isfinite(vector).all():
            raise InputError(f"traction: {name!r}: got {value!r}; expected three numbers in Pa")
        walls = find_walls(domain, name, nodes.live_cells, "traction", needed=False)
        _refuse_inner(nodes, walls)
        forces = vector * np.linalg.norm(nodes.outward(walls.facets, walls.cells), axis=1)[:, None]
        _spread(nodes, walls, forces, load)
        part = np.sum(domain.comm.allgather(forces.sum(axis=0)), axis=0)
        applied[name] = applied.get(name, np.zeros(3)) + part
    return nodes.accumulate(load), applied


def _refuse_inner(nodes: Nodes, walls: Walls) -> None:
    """A facet between two bonded cells has no surface of its own: the user must say which side is meant."""
    _, count = np.unique(walls.facets, return_counts=True)
    double = walls.facets[np.isin(walls.facets, np.unique(walls.facets)[count > 1])]
    bonded = False
    if len(double):
        pairs = nodes.domain.facet_cells[np.unique(double)]
        first = np.sort(nodes.side_copies(np.unique(double), pairs[:, 0]), axis=1)
        second = np.sort(nodes.side_copies(np.unique(double), pairs[:, 1]), axis=1)
        bonded = bool((first == second).all(axis=1).any())
    if any(nodes.domain.comm.allgather(bonded)):
        a, b = walls.name.split("|", 1) if "|" in walls.name else ("A", "B")
        raise InputError(
            f"pressure: {walls.name!r} lies between two solid phases that hold together, so the side that is pushed "
            f"must be named: {a + '@' + walls.name!r} or {b + '@' + walls.name!r}"
        )


def _spread(nodes: Nodes, walls: Walls, forces: npt.NDArray[np.float64], load: npt.NDArray[np.float64]) -> None:
    """Add the force of each facet, even over it, to its nodes, in place: corners if linear, edge nodes if quadratic."""
    copies = nodes.side_copies(walls.facets, walls.cells)
    third = copies if nodes.order == 1 else copies[:, 3:]
    for k in range(3):
        load[:, k] += np.bincount(third.ravel(), np.repeat(forces[:, k] / 3.0, 3), minlength=len(load))
