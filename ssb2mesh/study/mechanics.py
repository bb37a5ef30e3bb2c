"""What ``[[solve]]`` tables of mechanics may hold. Pure Python; no DOLFINx, no meshes, no solving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ssb2mesh.errors import InputError
from ssb2mesh.study.quantities import (
    SolveKey,
    SolveType,
    by_name,
    parse_quantity,
    read_count,
    read_names,
    read_table,
    read_tolerance,
)

__all__ = ["EFFECTIVE_STIFFNESS", "ELASTICITY"]


def _positive(kind: str) -> Callable[[Any], float]:
    def reader(value: Any) -> float:
        number = parse_quantity(value, kind)
        if number <= 0:
            raise InputError(f"got {value!r}; it must be positive")
        return number

    return reader


def _any(kind: str) -> Callable[[Any], float]:
    return lambda value: parse_quantity(value, kind)


def _number(value: Any, allowed: Callable[[float], bool], what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not allowed(float(value)):
        raise InputError(f"got {value!r}; {what}")
    return float(value)


def _poisson(value: Any) -> float:
    return _number(value, lambda v: -1 < v < 0.5, "Poisson's ratio lies above -1 and below 0.5")


def _shear(value: Any) -> float:
    return _number(value, lambda v: 0 < v < float("inf"), "give a positive number")


def _hardening(value: Any) -> float:
    number = parse_quantity(value, "pressure")
    if number < 0:
        raise InputError(f"got {value!r}; it must not be negative")
    return number


def _rows(value: Any, count: int) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) == count


def _stiffness(value: Any) -> list[list[float]]:
    if not _rows(value, 6) or not all(_rows(row, 6) for row in value):
        raise InputError(f"got {value!r}; a stiffness is six rows of six values (xx, yy, zz, yz, xz, xy)")
    found = [[parse_quantity(entry, "pressure") for entry in row] for row in value]
    largest = max(abs(v) for row in found for v in row)
    if any(abs(found[i][j] - found[j][i]) > 1e-9 * largest for i in range(6) for j in range(i)):
        raise InputError("the stiffness is not symmetric")
    return found


def _displacement(value: Any) -> Any:
    """0 for a clamp, or three displacements in m with None (text "free" in TOML) for free ones."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
        return 0
    if not _rows(value, 3):
        raise InputError(f"got {value!r}; give 0, or three displacements such as ['free', 'free', '-10 nm']")
    found = [None if v is None or v == "free" else parse_quantity(v, "length") for v in value]
    if all(v is None for v in found):
        raise InputError(f"got {value!r}, which fixes nothing; leave the side out")
    return found


def _traction(value: Any) -> list[float]:
    if not _rows(value, 3):
        raise InputError(f"got {value!r}; give three values along x, y, z, such as ['0 Pa', '0 Pa', '1 MPa']")
    return [parse_quantity(entry, "pressure") for entry in value]


def _strain(value: Any) -> Any:
    def one(entry: Any) -> float:
        return _number(entry, lambda v: abs(v) < float("inf"), "a strain is a number, such as 0.017")

    if isinstance(value, Sequence) and not isinstance(value, str):
        if _rows(value, 3) and all(_rows(row, 3) for row in value):
            return [[one(entry) for entry in row] for row in value]
        if _rows(value, 3) or _rows(value, 6):
            return [one(entry) for entry in value]
        raise InputError(f"got {value!r}; give one linear strain, three or six strains, or a symmetric 3x3 tensor")
    return one(value)


_modulus = _positive("pressure")
_elastic = read_table(
    {
        "young": _modulus,
        "poisson": _poisson,
        "stiffness": _stiffness,
        "yield_stress": _modulus,
        "hardening": _hardening,
        "yield_warning": _modulus,
    },
    (),
    "a table such as { young = '22 GPa', poisson = 0.37 }, or the name of a known material",
)


def _material(value: Any) -> Any:
    """A table of constants, or the name of a material with known constants."""
    if isinstance(value, str):
        return value
    found = _elastic(value)
    if "stiffness" in found:
        extra = [key for key in ("young", "poisson", "yield_stress") if key in found]
        if extra:
            raise InputError(f"got stiffness and {extra[0]}; give one of them")
    elif "young" not in found or "poisson" not in found:
        raise InputError("give young and poisson, or a 6x6 stiffness")
    return found


_opening = read_table(
    {
        "strength": _modulus,
        "energy": _positive("surface energy"),
        "stiffness": _positive("interface stiffness"),
        "compression": _positive("interface stiffness"),
        "shear": _shear,
    },
    ("strength", "energy", "stiffness"),
    "a table such as { strength = '1 MPa', energy = '1 J/m2', stiffness = '1e15 Pa/m' }",
)


def _order(value: Any) -> int:
    if isinstance(value, bool) or value not in (1, 2):
        raise InputError(f"got {value!r}; give 1 (linear tets) or 2 (quadratic tets)")
    return int(value)


def _path(value: Any) -> list[float]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise InputError(f"got {value!r}; give load factors such as [1.0, 0.0]")
    return [_number(v, lambda x: abs(x) < float("inf"), "a load factor is a number") for v in value]


def _method(value: Any) -> str:
    if value not in ("mixed", "kinematic"):
        raise InputError(f"got {value!r}; give 'mixed' or 'kinematic'")
    return str(value)


def _formulation(value: Any) -> str:
    if value not in ("displacement", "mixed"):
        raise InputError(f"got {value!r}; give 'displacement' or 'mixed'")
    return str(value)


def _multigrid(value: Any) -> str:
    if value not in ("aggregation", "gamg", "boomeramg"):
        raise InputError(f"got {value!r}; give 'aggregation', 'gamg' or 'boomeramg'")
    return str(value)


def _faults(values: Mapping[str, Any]) -> list[str]:
    faults = []
    if not values.get("fixed") and not values.get("rollers"):
        faults.append("fixed: nothing holds the solid; give fixed sides or rollers")
    held = {**dict.fromkeys(values.get("fixed", {}), "fixed"), **dict.fromkeys(values.get("rollers", ()), "on rollers")}
    both = sorted(set(values.get("fixed", {})) & set(values.get("rollers", ())))
    faults += [f"rollers: {name!r} is fixed as well; give one of them" for name in both]
    faults += [
        f"platen: {name!r} is {held[name]} as well" for name in sorted(set(values.get("platen", {})) & set(held))
    ]
    faults += _locking(values)
    return faults


def _locking(values: Mapping[str, Any]) -> list[str]:
    if values.get("order", 1) == 2 or values.get("formulation") == "mixed":
        return []
    tables = {name: value for name, value in values["materials"].items() if isinstance(value, Mapping)}
    soft = [name for name, v in tables.items() if "yield_stress" in v or v.get("poisson", 0.0) > 0.45]
    what = "(yield stress, or poisson above 0.45); give formulation = 'mixed', or order = 2"
    return [f"order: linear tets lock in {', '.join(soft)} {what}"] if soft else []


_MATERIALS = SolveKey(
    "elastic constants by phase, such as { LPSCl = { young = '22 GPa', poisson = 0.37 } }; phases not named are empty",
    by_name(_material, "phase = { young = ..., poisson = ... }"),
    required=True,
)
_SOLVER_KEYS = {
    "order": SolveKey("1 for linear tets (default), 2 for quadratic ones", _order),
    "formulation": SolveKey(
        "'mixed' gives phases that flow or keep their volume a pressure of their own; default 'displacement'",
        _formulation,
    ),
    "multigrid": SolveKey("'aggregation' (default), 'gamg' or 'boomeramg'", _multigrid),
    "tolerance": SolveKey("relative residual at which the linear solver stops, default 1e-10", read_tolerance),
    "max_iterations": SolveKey("iterations at which the linear solver gives up, default 500", read_count),
}

ELASTICITY = SolveType(
    "displacement, stresses, strain energy and the force through each side",
    {
        "materials": _MATERIALS,
        "fixed": SolveKey(
            "displacement by side set: 0 clamps, three values in m set x, y, z, 'free' leaves one free",
            by_name(_displacement, "side set = 0 or [x, y, z]"),
        ),
        "rollers": SolveKey("sides that slide in their plane; planes of symmetry", read_names),
        "pressure": SolveKey(
            "pressure by side set in Pa, such as { z_max = '5 MPa' }; 'LPS@LPS|Li' pushes LPS at its interface with Li",
            by_name(_any("pressure"), "side set = pressure"),
        ),
        "platen": SolveKey(
            "force by side in N on a rigid plate, such as { z_max = '3 N' }", by_name(_any("force"), "side = force")
        ),
        "traction": SolveKey(
            "force per area by side set in Pa, three values", by_name(_traction, "side set = [x, y, z]")
        ),
        "eigenstrain": SolveKey(
            "stress-free strain by phase, such as { NMC = -0.017 }", by_name(_strain, "phase = strain")
        ),
        "interfaces": SolveKey(
            "interfaces that may open: strength in Pa, energy in J/m2, stiffness in Pa/m, by interface 'A|B'",
            by_name(_opening, "interface = { strength, energy, stiffness }"),
        ),
        "steps": SolveKey("load steps where a phase flows or an interface may open, default 10", read_count),
        "path": SolveKey("load factors to go through, default [1.0]; [1.0, 0.0] unloads", _path),
        **_SOLVER_KEYS,
    },
    _faults,
)

EFFECTIVE_STIFFNESS = SolveType(
    "effective stiffness tensor of the box from six load cases, and its bounds",
    {
        "materials": _MATERIALS,
        "method": SolveKey(
            "'mixed' (default: cells with mirror planes, samples) or 'kinematic' (upper bound)", _method
        ),
        **_SOLVER_KEYS,
    },
    _locking,
)
