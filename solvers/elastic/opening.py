"""Interfaces that may open: traction against separation, with damage that stays. No supports, no solving.

The two bodies have a displacement each where they meet (see `solvers.elastic.nodes`); a facet couples the copies of one
with those of the other. The law is bilinear: stiff up to the strength, then softening until the fracture energy is
spent; pressed together, the bodies feel a stiffness that does not soften.
"""

# ruff: noqa: ANN001, ANN202
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from solvers.coefficients import by_facet
from solvers.domain import Domain
from solvers.elastic.kernels import scatter_block
from solvers.elastic.matrix import Pattern
from solvers.elastic.nodes import Nodes, shape_values
from ssb2mesh.errors import InputError

__all__ = ["Cohesive", "Fields", "Openings", "split_fields"]

#: Stiffness, relative to that of the sound interface, which an open interface keeps so that equations stay regular.
LEFT = 1e-6


@dataclass(frozen=True)
class Cohesive:
    """How an interface comes apart.

    Parameters
    ----------
    strength : float
        Largest traction, Pa.
    energy : float
        Work per area that separates the interface for good, J/m2.
    stiffness : float
        Traction per separation of the sound interface, Pa/m: as large as convergence allows, such as ten times the
        modulus of the bodies over the cell size.
    compression : float, optional
        Stiffness against overlapping, Pa/m; default that of the sound interface.
    shear : float
        Weight of sliding: an interface that only slides breaks at `shear` times the strength.

    Raises
    ------
    InputError
        If a value is not positive, or the energy is spent before the strength is reached.

    References
    ----------
    Camanho and Davila, NASA/TM-2002-211737; Ortiz and Pandolfi 1999, doi:10.1002/(SICI)1097-0207(19990330)44:9.

    Examples
    --------
    >>> round(Cohesive(strength=2e6, energy=1.0, stiffness=1e15).last, 9)
    1e-06
    """

    strength: float
    energy: float
    stiffness: float
    compression: float | None = None
    shear: float = 1.0

    def __post_init__(self) -> None:
        for name in ("strength", "energy", "stiffness", "compression", "shear"):
            value = getattr(self, name)
            if name == "compression" and value is None:
                continue
            if isinstance(value, (bool, str)) or not np.isscalar(value) or not (0 < value < np.inf):  # type: ignore[operator]
                raise InputError(f"Cohesive: {name}: got {value!r}; it must be positive and finite")
        if self.last <= self.first:
            least = self.strength**2 / (2 * self.energy)
            raise InputError(
                f"Cohesive: the energy {self.energy:g} J/m2 is spent before the strength {self.strength:g} Pa; "
                f"raise the stiffness above {least:.3g} Pa/m"
            )

    @property
    def first(self) -> float:
        """Separation at which damage begins, m."""
        return self.strength / self.stiffness

    @property
    def last(self) -> float:
        """Separation at which nothing holds any more, m."""
        return 2.0 * self.energy / self.strength


@dataclass(frozen=True, eq=False)
class Fields:
    """Which of two displacement fields each cell belongs to, and where the two are one.

    Parameters
    ----------
    cell_field : (local cells,) int32 array
        0 or 1.
    joined : (k,) int32 array
        Facets between the fields that hold together.
    """

    cell_field: npt.NDArray[np.int32]
    joined: npt.NDArray[np.int32]


def split_fields(domain: Domain, interfaces: Mapping[str, Cohesive], solid: npt.NDArray[np.bool_]) -> Fields:
    """Colour the phases with two fields so that every opening interface lies between different ones.

    Parameters
    ----------
    domain : Domain
        The mesh.
    interfaces : mapping of str to Cohesive
        By interface ``"A|B"``.
    solid : (local cells,) bool array
        Cells with a material.

    Returns
    -------
    Fields
        Fields of cells, and bonded facets between them.

    Raises
    ------
    InputError
        If a name is no interface of two solid phases, or three phases open against each other in a ring.
    """
    solid_tags = set(np.unique(np.concatenate(domain.comm.allgather(np.unique(domain.cell_phase[solid])))).tolist())
    links: list[tuple[str, str]] = []
    for name, law in interfaces.items():
        domain.facets_of(name, argument="interfaces")
        if not isinstance(law, Cohesive):
            raise InputError(f"interfaces: {name!r}: got {law!r}; expected Cohesive(strength, energy, stiffness)")
        pair = name.split("|")
        if len(pair) != 2 or any(domain.phases.get(p) not in solid_tags for p in pair):
            raise InputError(f"interfaces: {name!r} is not an interface of two phases with a material")
        links.append((pair[0], pair[1]))
    colour: dict[str, int] = {}
    for start in [a for a, _ in links]:
        colour.setdefault(start, 0)
        changed = True
        while changed:
            changed = False
            for a, b in [*links, *((b, a) for a, b in links)]:
                if a in colour and b not in colour:
                    colour[b] = 1 - colour[a]
                    changed = True
    for a, b in links:
        if colour[a] == colour[b]:
            raise InputError(
                f"interfaces: {a!r} and {b!r} cannot open against each other while both open against the same others "
                "(two fields carry two bodies); leave one of the interfaces bonded"
            )
    field = np.zeros(max(domain.phases.values()) + 1, np.int32)
    for name, value in colour.items():
        field[domain.phases[name]] = value
    cell_field = field[domain.cell_phase]
    opening = np.zeros(len(domain.facet_atom), bool)
    for name in interfaces:
        opening[domain.facets_of(name)] = True
    cells = domain.facet_cells
    both = (cells >= 0).all(axis=1)
    both[both] = solid[cells[both]].all(axis=1)
    across = both & (cell_field[cells[:, 0]] != cell_field[cells[:, 1]]) & ~opening
    across[domain.owned_facets :] = False
    return Fields(cell_field, np.flatnonzero(across).astype(np.int32))


def _surface_rule(order: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Shape functions and weights at the points of a facet: its corners if linear, six inner points if quadratic."""
    if order == 1:
        # points at the nodes keep tractions from oscillating
        return np.eye(3), np.full(3, 1.0 / 3.0)
    a, b = 0.445948490915965, 0.091576213509771
    points = np.concatenate([np.full((3, 3), c) + (1 - 3 * c) * np.eye(3) for c in (a, b)])
    return shape_values(2, points), np.repeat([0.223381589678011, 0.109951743655322], 3)


class Openings:
    """The facets of all opening interfaces on this rank, with their damage.

    Parameters
    ----------
    nodes : Nodes
        The numbering, with two fields.
    interfaces : mapping of str to Cohesive
        By interface.
    cell_field : (local cells,) int32 array
        From `split_fields`.
    growth : mapping of str to float, callable or array, optional
        Layers that grow between the bodies, see `solvers.elastic.supports.Loads`.
    """

    def __init__(
        self,
        nodes: Nodes,
        interfaces: Mapping[str, Cohesive],
        cell_field: npt.NDArray[np.int32],
        growth: Mapping[str, Any] | None = None,
    ) -> None:
        domain = nodes.domain
        self.nodes, self.names, self.laws = nodes, list(interfaces), list(interfaces.values())
        self.shapes, self.weights = _surface_rule(nodes.order)
        facets, number = [], []
        for k, name in enumerate(self.names):
            found = domain.facets_of(name)
            found = found[found < domain.owned_facets]
            cells = domain.facet_cells[found]
            found = found[(cells >= 0).all(axis=1) & nodes.live_cells[cells].all(axis=1)]
            facets.append(found)
            number.append(np.full(len(found), k))
        every = self.facets = np.concatenate(facets)
        #: (facets,) int array: number of each facet's interface.
        self.interface = np.concatenate(number)
        cells = domain.facet_cells[every]
        flip = cell_field[cells[:, 0]] == 1
        cells[flip] = cells[flip][:, ::-1]
        lower, upper = nodes.side_copies(every, cells[:, 0]), nodes.side_copies(every, cells[:, 1])
        match = (upper[:, None, :] // 2 == lower[:, :, None] // 2).argmax(axis=2)
        #: (facets, 2 k) int32 array: copies of the first body, then the same nodes of the second.
        self.copies = np.concatenate([lower, np.take_along_axis(upper, match, axis=1)], axis=1)
        vector = nodes.outward(every, cells[:, 0])
        self.area = np.linalg.norm(vector, axis=1)
        self.normal = vector / np.maximum(self.area, 1e-300)[:, None]
        self.worst = np.zeros((len(every), len(self.weights)))
        self._trial = self.worst
        self._tangent = np.zeros((len(every), len(self.weights), 3, 3))
        self.secant, self.factor = False, 1.0
        #: (facets, points) float array: thickness of the layer that grows between the bodies, m.
        self.grown = self._growth(growth or {})

    def _growth(self, given: Mapping[str, Any]) -> npt.NDArray[np.float64]:
        result = np.zeros((len(self.facets), len(self.weights)))
        for name, value in given.items():
            if name not in self.names:
                raise InputError(
                    f"growth: {name!r} is no interface that may open; give it a Cohesive law in interfaces"
                )
            mine = self.interface == self.names.index(name)
            found = by_facet(self.nodes.domain, self.facets[mine], value, argument=f"growth: {name!r}")
            result[mine] = found[:, None]
        return result

    def _law(self, what: str) -> npt.NDArray[np.float64]:
        """One number of the law for each facet, (facets, 1)."""
        values = [getattr(law, what) if getattr(law, what) is not None else law.stiffness for law in self.laws]
        return np.array(values, dtype=np.float64)[self.interface][:, None]

    def jump(self, u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return displacement of the second body minus that of the first at the points, (facets, points, 3) m."""
        k = self.copies.shape[1] // 2
        return np.einsum("qa,fai->fqi", self.shapes, u[self.copies[:, k:]] - u[self.copies[:, :k]])

    def gap(self, u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return how far the bodies are apart beyond the layer between them, (facets, points) m; below 0 if pressed."""
        return np.asarray(np.einsum("fqi,fi->fq", self.jump(u), self.normal) - self.factor * self.grown)

    def damage(self, worst: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the damage, 0 to 1, for the largest separation so far."""
        first, last = self._law("first"), self._law("last")
        with np.errstate(divide="ignore", invalid="ignore"):
            grown = last * (worst - first) / (worst * (last - first))
        return np.where(worst <= first, 0.0, np.minimum(grown, 1.0))

    def traction(self, u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the traction on the first body's side at the points, (facets, points, 3) Pa, and set the tangent."""
        jump, n = self.jump(u), self.normal[:, None, :]
        across = np.einsum("fqi,fi->fq", jump, self.normal)
        slid, opened = jump - across[..., None] * n, across - self.factor * self.grown
        weight = (self._law("shear") ** 2)[..., None]
        loose = np.maximum(opened, 0.0)[..., None] * n + weight * slid
        size = np.sqrt(np.maximum(np.maximum(opened, 0.0) ** 2 + weight[..., 0] * (slid**2).sum(axis=-1), 0.0))
        self._trial = np.maximum(self.worst, size)
        whole = np.maximum(1.0 - self.damage(self._trial), LEFT)
        stiff, press = self._law("stiffness"), self._law("compression")
        closed = opened <= 0.0
        result = (whole * stiff)[..., None] * loose + (press * np.minimum(opened, 0.0))[..., None] * n
        normal = np.einsum("fi,fj->fij", self.normal, self.normal)[:, None]
        along = np.eye(3) - normal
        tangent = (whole * stiff)[..., None, None] * weight[..., None] * along
        tangent = tangent + np.where(closed, press, whole * stiff)[..., None, None] * normal
        if not self.secant:
            first, last = self._law("first"), self._law("last")
            growing = (size > self.worst) & (size > first) & (size < last)
            with np.errstate(divide="ignore", invalid="ignore"):
                slope = np.where(growing, stiff * last * first / (size**3 * (last - first)), 0.0)
            tangent = tangent - slope[..., None, None] * loose[..., :, None] * loose[..., None, :]
        self._tangent = tangent
        return result

    def _to_nodes(self, traction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        out = self.nodes.zeros()
        share = np.einsum("fqi,qa,q,f->fai", traction, self.shapes, self.weights, self.area)
        both = np.concatenate([-share, share], axis=1)
        for i in range(3):
            out[:, i] = np.bincount(self.copies.ravel(), both[:, :, i].ravel(), minlength=len(out))
        return out

    def forces(self, u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return this rank's part of the nodal forces that the interfaces need, (copies, 3) N."""
        return self._to_nodes(self.traction(u))

    def tangent_forces(self, v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return this rank's part of the tangent stiffness times a displacement, (copies, 3) N."""
        return self._to_nodes(np.einsum("fqij,fqj->fqi", self._tangent, self.jump(v)))

    def add_stiffness(self, pattern: Pattern, bound: npt.NDArray[np.bool_], data: npt.NDArray[np.float64]) -> None:
        """Add the tangent stiffness to block rows, in place; bound rows keep their diagonal only."""
        k = self.shapes.shape[1]
        block = np.einsum("fqij,qa,qb,q,f->faibj", self._tangent, self.shapes, self.shapes, self.weights, self.area)
        whole = np.empty((len(block), 2, k, 3, 2, k, 3))
        for a in range(2):
            for b in range(2):
                whole[:, a, :, :, b] = block if a == b else -block
        elements = whole.reshape(len(block), 6 * k, 6 * k)
        _scatter_all(self.row_groups(), elements, bound[self.nodes.rows], pattern.pointers, pattern.columns, data)

    def row_groups(self) -> npt.NDArray[np.int32]:
        """Return the block rows of each facet, (facets, 2 k)."""
        return self.nodes.row_of[self.copies]

    def commit(self) -> None:
        """Keep the damage of the last traction."""
        self.worst = self._trial

    def summary(self, u: npt.NDArray[np.float64]) -> dict[str, dict[str, Any]]:
        """Return area, damage, opening and dissipated energy by interface; all ranks call."""
        comm = self.nodes.domain.comm
        opened = self.gap(u)
        damage = self.damage(self.worst)
        weight = self.area[:, None] * self.weights
        first, last = self._law("first"), self._law("last")
        held = np.where(self.worst < first, self.worst / first, np.maximum(last - self.worst, 0.0) / (last - first))
        spent = 0.5 * self._law("strength") * (np.minimum(self.worst, last) - held * first)
        result = {}
        for k, name in enumerate(self.names):
            mine = self.interface == k
            sums = [weight[mine].sum(), (damage * weight)[mine].sum(), weight[mine][damage[mine] >= 1.0].sum(),
                    (np.where(self.worst > first, spent, 0.0) * weight)[mine].sum()]  # fmt: skip
            area, damaged, broken, energy = np.sum(comm.allgather([float(v) for v in sums]), axis=0)
            most = max(comm.allgather(float(opened[mine].max(initial=0.0))))
            result[name] = {
                "area": float(area), "damage": float(damaged / area) if area > 0 else 0.0,
                "broken_share": float(broken / area) if area > 0 else 0.0, "largest_opening": most,
                "dissipated": float(energy),
            }  # fmt: skip
        return result


@numba.njit(cache=True)
def _scatter_all(rows, elements, fixed, pointers, columns, data):  # type: ignore[no-untyped-def]
    for f in range(rows.shape[0]):
        scatter_block(rows[f], elements[f], fixed, pointers, columns, data)
