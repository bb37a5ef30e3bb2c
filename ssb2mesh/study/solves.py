"""What a ``[[solve]]`` table of a study may hold: types, keys, units. Pure Python; no DOLFINx, no meshes, no solving.

`solvers.from_study.run_solve` takes a table that `validate_solves` has passed. A new kind of solve is one more entry
of `SOLVE_TYPES` here and one more function there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.study.charge import CHARGE_TRANSFER
from ssb2mesh.study.coupling import COUPLED, absolute_paths
from ssb2mesh.study.mechanics import EFFECTIVE_STIFFNESS, ELASTICITY
from ssb2mesh.study.quantities import (
    QUANTITY_UNITS,
    SolveKey,
    SolveType,
    by_name,
    faults_of,
    parse_quantity,
    read_accuracy,
    read_conductivity,
    read_count,
    read_current,
    read_names,
    read_potential,
    read_thermal_conductivity,
    read_tolerance,
)
from ssb2mesh.units import parse_length

__all__ = ["QUANTITY_UNITS", "SOLVE_TYPES", "SolveKey", "SolveType", "parse_quantity", "validate_solves"]

AXES = ("x", "y", "z")


def validate_solves(tables: Sequence[Any], *, base: Path | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """Check the ``[[solve]]`` tables of a study and turn their values into SI.

    Parameters
    ----------
    tables : sequence of mapping
        The tables as TOML gives them.
    base : Path, optional
        Folder that relative paths in the tables start from; without it they stay as they are.

    Returns
    -------
    checked : list of dict
        Tables without fault, values in SI; checking them again changes nothing.
    faults : list of str
        Every fault with its place; empty when all is well.

    Examples
    --------
    >>> validate_solves([{"name": "a", "type": "effective_conductivity", "conductivity": {"pore": "1 S/m"}}])
    ([{'name': 'a', 'type': 'effective_conductivity', 'conductivity': {'pore': 1.0}}], [])
    """
    checked: list[dict[str, Any]] = []
    faults: list[str] = []
    names: set[str] = set()
    for number, table in enumerate(tables, start=1):
        place = f"[[solve]] {number}"
        if not isinstance(table, Mapping):
            faults.append(f"{place}: got {table!r}; expected a table")
            continue
        values, found = _validate(table)
        name = values.get("name")
        if name in names:
            found.append(f".name: {name!r} is taken by an earlier solve; names must differ")
        if name is not None:
            names.add(name)
        faults += [f"{place}{fault}" for fault in found]
        if not found:
            checked.append(values if base is None else absolute_paths(values, base))
    return checked, faults


def _validate(table: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    faults: list[str] = []
    values: dict[str, Any] = {}
    name, kind = table.get("name"), table.get("type")
    if not isinstance(name, str) or not re.fullmatch(r"[\w.+-]+", name):
        faults.append(f".name: got {name!r}; give a name of letters, digits, '_', '-', '.'; files are called by it")
    else:
        values["name"] = name
    if not isinstance(kind, str) or kind not in SOLVE_TYPES:
        guess = nearest(kind, SOLVE_TYPES) if isinstance(kind, str) else ""
        faults.append(f".type: got {kind!r}{guess}; allowed: {', '.join(SOLVE_TYPES)}")
        return values, faults
    values["type"] = kind
    keys = SOLVE_TYPES[kind].keys
    for key, raw in table.items():
        if key in ("name", "type"):
            continue
        if key not in keys:
            faults.append(f".{key}: unknown key{nearest(key, keys)}; allowed: {', '.join(['name', 'type', *keys])}")
            continue
        try:
            values[key] = keys[key].read(raw)
        except InputError as error:
            faults += [f".{key}{fault}" for fault in faults_of(error)]
    for key, rule in keys.items():
        if rule.required and key not in table:
            faults.append(f".{key}: missing; give {rule.help}")
    if not faults:
        faults += [f".{fault}" for fault in SOLVE_TYPES[kind].check(values)]
    return values, faults


def _axes(value: Any) -> list[str]:
    axes = [value] if isinstance(value, str) else value
    if not isinstance(axes, Sequence) or not axes or any(a not in AXES for a in axes) or len(set(axes)) < len(axes):
        raise InputError(f"got {value!r}; give some of x, y, z, such as ['x', 'z']")
    return list(axes)


def _bounds(value: Any) -> bool | str:
    if not isinstance(value, bool) and value != "tensor":
        raise InputError(f"got {value!r}; expected true, false or 'tensor'")
    return value


def _sizes(value: Any) -> list[float | str]:
    """Read edges of cubes: lengths in m, or text in voxels, whose size is not known yet."""
    given = [value] if isinstance(value, (str, float, int)) else value
    if not isinstance(given, Sequence) or not given:
        raise InputError(
            f"got {value!r}; give edges of cubes, such as ['20 um', '40 um'] or ['16 voxels', '32 voxels']"
        )
    found: list[float | str] = []
    for each in given:
        number = re.fullmatch(r"\s*(\d+\.?\d*)\s*voxels?\s*", each) if isinstance(each, str) else None
        if number and float(number.group(1)) >= 1:
            found.append(each)
        elif number or isinstance(each, bool) or not isinstance(each, (str, float, int)):
            raise InputError(f"got {each!r}; an edge is a length such as '20 um', or at least '1 voxel'")
        else:
            found.append(parse_length(each, name="size"))
    if len(set(found)) < len(found):
        raise InputError(f"got {value!r}; a size is there twice")
    return found


def _seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"got {value!r}; expected a whole number of at least 0")
    return value


def _conduction_faults(values: Mapping[str, Any]) -> list[str]:
    both = sorted(set(values["fixed"]) & set(values.get("current", {})))
    return [f"current: {name!r} has a fixed potential as well; give one of them" for name in both]


_CONDUCTIVITY = SolveKey(
    "conductivity by phase in S/m, a number or a 3x3 tensor; phases not named do not conduct",
    by_name(read_conductivity, "phase = conductivity, such as { NMC = 10.0, LPSCl = '2 mS/cm' }"),
    required=True,
)
_SOLVER_KEYS = {
    "tolerance": SolveKey("relative residual at which the linear solver stops, default 1e-12", read_tolerance),
    "max_iterations": SolveKey("iterations at which the linear solver gives up, default 500", read_count),
}

_EFFECTIVE_KEYS = {
    "axes": SolveKey("directions of the applied field, default all of x, y, z", _axes),
    "bounds": SolveKey(
        "true: intervals that contain conductivity and tortuosity factor as well; 'tensor': of all entries", _bounds
    ),
    "accuracy": SolveKey(
        "width of these intervals, such as '1 %'; a study that meshes its volume refines until it is reached",
        read_accuracy,
    ),
    **_SOLVER_KEYS,
}

#: Every kind of solve that a study may ask for.
SOLVE_TYPES: dict[str, SolveType] = {
    "conduction": SolveType(
        "potential, current density, Joule heat and the current through each side",
        {
            "conductivity": _CONDUCTIVITY,
            "fixed": SolveKey(
                "potential by side set in V, such as { z_min = '0 V', z_max = '1 V' }",
                by_name(read_potential, "side set = potential"),
                required=True,
            ),
            "current": SolveKey(
                "total current that enters through a side set in A, spread evenly over its conducting area",
                by_name(read_current, "side set = current"),
            ),
            "equipotential": SolveKey(
                "phases that are ideal conductors: each connected piece has one potential", read_names
            ),
            **_SOLVER_KEYS,
        },
        _conduction_faults,
    ),
    "charge_transfer": CHARGE_TRANSFER,
    "effective_conductivity": SolveType(
        "effective conductivity tensor and tortuosity factor of the conducting phases",
        {
            "conductivity": _CONDUCTIVITY,
            **_EFFECTIVE_KEYS,
        },
    ),
    "effective_thermal_conductivity": SolveType(
        "effective thermal conductivity tensor; temperature instead of potential, heat instead of current",
        {
            "conductivity": SolveKey(
                "thermal conductivity by phase in W/(m K), a number or a 3x3 tensor; phases not named are insulators",
                by_name(read_thermal_conductivity, "phase = conductivity, such as { NMC = '4 W/(m K)', LPSCl = 0.7 }"),
                required=True,
            ),
            **_EFFECTIVE_KEYS,
        },
    ),
    "representative_volume": SolveType(
        "tortuosity factor and conductivity of sub-volumes of several sizes, their means and deviations",
        {
            "conductivity": _CONDUCTIVITY,
            "sizes": SolveKey(
                "edges of the cubes: lengths or voxels, such as ['20 um', '40 um'] or ['16 voxels', '32 voxels']",
                _sizes,
                required=True,
            ),
            "positions": SolveKey("most cubes of each size; they do not overlap; default 8", read_count),
            "seed": SolveKey("of the draw, where more would fit; default 0", _seed),
            "axes": SolveKey("directions of the applied field, default all of x, y, z", _axes),
        },
        on_volume=True,
    ),
    "elasticity": ELASTICITY,
    "coupled": COUPLED,
    "effective_stiffness": EFFECTIVE_STIFFNESS,
}
