"""Effective stiffness of a box from six load cases, and its bounds. Assembly and solving are in `solvers.elastic`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.domain import Domain
from solvers.elastic import stress as stresses
from solvers.elastic.bulk import Bulk
from solvers.elastic.held import find_held
from solvers.elastic.laws import VOIGT, Elastic, check_materials
from solvers.elastic.mixed import bulk_of
from solvers.elastic.newton import Equilibrium, Options, solve_cases
from solvers.elastic.nodes import build_nodes
from solvers.elastic.supports import Loads, Supports, conditions_of
from solvers.fields import MeshFields
from solvers.linear import LinearReport
from ssb2mesh.errors import InputError

__all__ = ["EffectiveStiffness", "effective_stiffness"]

CASES = ("xx", "yy", "zz", "yz", "xz", "xy")
SIDES = tuple(f"{axis}_{end}" for axis in "xyz" for end in ("min", "max"))


@dataclass(frozen=True, eq=False, repr=False)
class EffectiveStiffness(MeshFields):
    """Effective stiffness of the box and its bounds.

    Parameters
    ----------
    tensor : (6, 6) float array
        Mean stress by unit mean strain, Voigt's order xx, yy, zz, yz, xz, xy, engineering shears; Pa; symmetric.
    asymmetry : float
        Largest entry of the difference from the transpose before that was averaged away, relative to the largest.
    method : str
        ``"mixed"`` or ``"kinematic"``.
    voigt, reuss : (6, 6) float array
        Upper and lower bound: volume mean of the stiffness, and of the compliance inverted (0 with empty space), Pa.
    solid_fraction : float
        Volume of the phases with a material over volume of the box.
    isotropic : dict of str to float
        Bulk, shear and Young's modulus (Pa) and Poisson's ratio of the nearest isotropic solid (mean of Voigt's and
        Reuss's averages over orientations), and ``anisotropy``, 0 for an isotropic tensor (Ranganathan and
        Ostoja-Starzewski 2008, doi:10.1103/PhysRevLett.101.055504).
    hashin_shtrikman : dict of str to list of float
        Lower and upper bound of ``bulk`` and ``shear`` of isotropic mixtures of two isotropic phases (one may be
        empty space), Pa; empty for other mixtures.

    Examples
    --------
    >>> effective_stiffness(domain, materials=materials).tensor[2, 2]  # doctest: +SKIP
    21500000000.0
    """

    domain: Domain
    tensor: npt.NDArray[np.float64]
    asymmetry: float
    method: str
    voigt: npt.NDArray[np.float64]
    reuss: npt.NDArray[np.float64]
    solid_fraction: float
    isotropic: Mapping[str, float]
    hashin_shtrikman: Mapping[str, list[float]]
    linear: Mapping[str, LinearReport]
    point_fields: Mapping[str, npt.NDArray[np.float64]]
    cell_fields: Mapping[str, npt.NDArray[np.float64]]

    @property
    def within_bounds(self) -> bool:
        """Whether the tensor lies between Reuss's and Voigt's bound: every strain stores an energy between theirs."""
        slack = -1e-8 * float(np.abs(self.voigt).max())
        above = np.linalg.eigvalsh(self.tensor - self.reuss).min() >= slack
        return bool(above and np.linalg.eigvalsh(self.voigt - self.tensor).min() >= slack)

    def summary(self) -> dict[str, Any]:
        """Return every number as a JSON-able dict; the same on every rank."""
        return {
            "type": "effective_stiffness",
            "stiffness": self.tensor.tolist(),
            "voigt_bound": self.voigt.tolist(),
            "reuss_bound": self.reuss.tolist(),
            "within_bounds": self.within_bounds,
            "isotropic": dict(self.isotropic),
            "hashin_shtrikman": dict(self.hashin_shtrikman),
            "method": self.method,
            "asymmetry": self.asymmetry,
            "solid_fraction": self.solid_fraction,
            "linear": {case: report.summary() for case, report in self.linear.items()},
        }

    def __repr__(self) -> str:
        found = self.isotropic
        return f"<EffectiveStiffness Young {found['young']:.6g} Pa, Poisson {found['poisson']:.4f}; {self.method}>"


def effective_stiffness(
    domain: Domain,
    *,
    materials: Mapping[str, Elastic],
    method: str = "mixed",
    order: int = 1,
    options: Options | None = None,
) -> EffectiveStiffness:
    """Compute the effective stiffness of the box from six mean strains; all ranks call.

    ``"kinematic"`` prescribes the displacement of a uniform strain on the whole boundary: an upper bound for any
    microstructure, with all 21 constants. ``"mixed"`` prescribes on each side only what a cell between planes of
    symmetry would feel (normal displacement for stretching, tangential displacement for shearing; the rest is free of
    stress): exact for laminates along the axes and for cells with mirror planes, such as arrays of spheres, and
    nearer to the truth than "kinematic" for samples; couplings of stretching with shearing are then estimates.

    Parameters
    ----------
    domain : Domain
        The mesh, with side sets ``x_min`` to ``z_max``.
    materials : mapping of str to Elastic
        By phase. Phases not named are empty space; yield stresses are not looked at.
    method : {"mixed", "kinematic"}
        Boundary conditions.
    order : int
        1 or 2, as for `solvers.elasticity`.
    options : Options, optional
        Tolerances of the linear solver, formulation.

    Returns
    -------
    EffectiveStiffness
        Tensor, bounds, isotropic moduli, fields under unit strains.

    Raises
    ------
    InputError
        If a name is unknown, a value out of range, or nothing is held by the sides.
    SolverError
        If a linear solve fails.

    References
    ----------
    Pahr and Zysset, Biomech. Model. Mechanobiol. 7 (2008) 463, doi:10.1007/s10237-007-0109-7. Hazanov and Huet,
    J. Mech. Phys. Solids 42 (1994) 1995, doi:10.1016/0022-5096(94)90022-1.

    Examples
    --------
    >>> effective_stiffness(domain, materials={"NMC": Elastic(200e9, 0.3), "LPSCl": Elastic(22e9, 0.37)})
    ... # doctest: +SKIP
    <EffectiveStiffness Young 8.1e+10 Pa, Poisson 0.3362; mixed>
    """
    materials = {name: replace(value, yield_stress=None) for name, value in check_materials(materials).items()}
    if method not in ("mixed", "kinematic"):
        raise InputError(f"method: got {method!r}; give 'mixed' or 'kinematic'")
    if isinstance(order, bool) or order not in (1, 2):
        raise InputError(f"order: got {order!r}; give 1 (linear tets) or 2 (quadratic tets)")
    locking = [name for name, value in materials.items() if value.locks]
    options = options or Options()
    if order == 1 and locking and not options.mixed:
        raise InputError(
            f"order: linear tets lock in {locking[0]!r} (poisson above 0.45); use Options(formulation='mixed'), or "
            "order=2"
        )
    for side in SIDES:
        domain.facets_of(side, argument="domain")
    solid = domain.cells_of(materials, argument="materials")
    box_volume = float(np.prod(domain.box[1] - domain.box[0]))
    columns: dict[str, npt.NDArray[np.float64]] = {}
    reports: dict[str, LinearReport] = {}
    points: dict[str, npt.NDArray[np.float64]] = {}
    cells: dict[str, npt.NDArray[np.float64]] = {}
    for supports, cases in _boundary(method):
        nodes = build_nodes(domain, find_held(domain, solid, supports, Loads()).cells, order=order)
        bulk = bulk_of(nodes, materials, {}, options)
        held = conditions_of(nodes, supports, Loads())
        targets = [_strained(held, nodes.coordinates - domain.box[0], case) for case in cases]
        for case, found in zip(cases, solve_cases(bulk, targets, options), strict=True):
            columns[case] = _total_stress(bulk, found) / box_volume
            reports[case] = found.linear
            points[f"displacement_{case}"] = nodes.at_points(nodes.update(found.u))
            mises = np.full(len(domain.cell_phase), np.nan)
            mises[bulk.cells] = stresses.von_mises(bulk.mean(found.stress))
            cells[f"von_mises_{case}"] = mises
    raw = np.stack([columns[case] for case in CASES], axis=1)
    tensor = 0.5 * (raw + raw.T)
    asymmetry = float(np.abs(raw - raw.T).max() / np.abs(raw).max())
    shares = {name: v / box_volume for name, v in domain.phase_volumes().items() if name in materials}
    voigt, reuss = _bounds(materials, shares)
    return EffectiveStiffness(
        domain, tensor, asymmetry, method, voigt, reuss, sum(shares.values()), isotropic_part(tensor),
        _hashin_shtrikman(materials, shares), reports, points, cells,
    )  # fmt: skip


def _boundary(method: str) -> list[tuple[Supports, tuple[str, ...]]]:
    """What is held for which cases."""
    if method == "kinematic":
        return [(Supports(fixed=dict.fromkeys(SIDES, 0)), CASES)]
    result: list[tuple[Supports, tuple[str, ...]]] = [(Supports(rollers=SIDES), CASES[:3])]
    for case in CASES[3:]:
        i, j = ("xyz".index(axis) for axis in case)
        k = 3 - i - j
        # across the plane of shear sides do not bulge; in it they carry the other coordinate's displacement
        held = {i: (j, k), j: (i, k), k: (k,)}
        fixed = {
            f"{'xyz'[axis]}_{end}": tuple(0.0 if c in free else None for c in range(3))
            for axis, free in held.items()
            for end in ("min", "max")
        }
        result.append((Supports(fixed=fixed), (case,)))
    return result


def _strained(held: Any, position: npt.NDArray[np.float64], case: str) -> Any:
    """The held dofs with the displacement of a unit strain."""
    i, j = VOIGT[CASES.index(case)]
    strain = np.zeros((3, 3))
    strain[i, j] += 0.5
    strain[j, i] += 0.5
    return replace(held, value=np.where(np.isnan(held.value), np.nan, position @ strain))


def _total_stress(bulk: Bulk, found: Equilibrium) -> npt.NDArray[np.float64]:
    local = np.einsum("ci,c->i", bulk.mean(found.stress), bulk.volumes)
    return np.asarray(np.sum(bulk.nodes.domain.comm.allgather(local), axis=0))


def _bounds(
    materials: Mapping[str, Elastic], shares: Mapping[str, float]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    voigt = np.sum([shares[name] * materials[name].moduli for name in shares], axis=0)
    if sum(shares.values()) < 1.0 - 1e-9:
        return voigt, np.zeros((6, 6))
    soft = np.sum([shares[name] * np.linalg.inv(materials[name].moduli) for name in shares], axis=0)
    return voigt, np.linalg.inv(soft)


def isotropic_part(tensor: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return the moduli of the isotropic solid nearest to a stiffness, and how far from isotropic it is.

    Parameters
    ----------
    tensor : (6, 6) float array
        Stiffness in Voigt's notation, Pa.

    Returns
    -------
    dict of str to float
        ``bulk``, ``shear``, ``young`` in Pa, ``poisson``, ``anisotropy``.

    Examples
    --------
    >>> from solvers.elastic.laws import isotropic_moduli
    >>> round(isotropic_part(isotropic_moduli(10.0, 0.3))["young"], 9)
    10.0
    """

    def averages(c: npt.NDArray[np.float64], shear: float) -> tuple[float, float]:
        axial, cross = float(np.trace(c[:3, :3])), float(c[0, 1] + c[0, 2] + c[1, 2])
        return (axial + 2 * cross) / 9.0, (axial - cross + shear * float(np.trace(c[3:, 3:]))) / 15.0

    bulk_v, shear_v = averages(tensor, 3.0)
    values = np.linalg.eigvalsh(tensor)
    if values[0] <= 1e-9 * values[-1]:
        bulk_r = shear_r = 0.0
    else:
        soft = np.linalg.inv(tensor)
        k, g = averages(soft, 0.75)
        bulk_r, shear_r = 1.0 / (9.0 * k), 1.0 / (4.0 * g)
    bulk, shear = 0.5 * (bulk_v + bulk_r), 0.5 * (shear_v + shear_r)
    anisotropy = 5 * shear_v / shear_r + bulk_v / bulk_r - 6 if shear_r > 0 else float("inf")
    return {
        "bulk": bulk, "shear": shear, "young": 9 * bulk * shear / (3 * bulk + shear),
        "poisson": (3 * bulk - 2 * shear) / (6 * bulk + 2 * shear), "anisotropy": max(anisotropy, 0.0),
    }  # fmt: skip


def _hashin_shtrikman(materials: Mapping[str, Elastic], shares: Mapping[str, float]) -> dict[str, list[float]]:
    from solvers.exact import hashin_shtrikman_moduli

    parts = [(shares[name], *_bulk_shear(materials[name])) for name in shares if materials[name].isotropic]
    if len(parts) < len(shares):
        return {}
    empty = 1.0 - sum(shares.values())
    if empty > 1e-9:
        parts.append((empty, 0.0, 0.0))
    if len(parts) != 2:
        return {}
    (f, k1, g1), (_, k2, g2) = parts
    bounds = hashin_shtrikman_moduli(f, (k1, g1), (k2, g2))
    return {name: [float(v) for v in pair] for name, pair in bounds.items()}


def _bulk_shear(material: Elastic) -> tuple[float, float]:
    c = material.moduli
    return float(c[0, 1] + 2.0 * c[3, 3] / 3.0), float(c[3, 3])
