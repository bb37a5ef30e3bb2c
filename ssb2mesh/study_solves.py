"""What a ``[[solve]]`` table of a study may hold: types, keys, units. Pure Python; no DOLFINx, no meshes, no solving.

`solvers.from_study.run_solve` takes a table that `validate_solves` has passed. A new kind of solve is one more entry
of `SOLVE_TYPES` here and one more function there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssb2mesh.errors import InputError, nearest

__all__ = ["QUANTITY_UNITS", "SOLVE_TYPES", "SolveKey", "SolveType", "parse_quantity", "validate_solves"]

#: SI value of each unit that text may carry, by kind of quantity; the first unit is the SI one.
QUANTITY_UNITS: dict[str, dict[str, float]] = {
    "conductivity": {"S/m": 1.0, "mS/m": 1e-3, "S/cm": 1e2, "mS/cm": 1e-1, "uS/cm": 1e-4, "µS/cm": 1e-4},
    "potential": {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6},
    "current": {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "µA": 1e-6, "nA": 1e-9, "pA": 1e-12},
}

AXES = ("x", "y", "z")

_NUMBER = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S+)?\s*$")


def parse_quantity(value: Any, kind: str) -> float:
    """Return a quantity in SI.

    Parameters
    ----------
    value : float or str
        A number in SI, or text with a unit such as ``"1.5 mS/cm"``.
    kind : str
        A key of `QUANTITY_UNITS`.

    Returns
    -------
    float
        S/m, V or A.

    Raises
    ------
    InputError
        If there is no finite number, no unit (in text) or an unknown unit.

    Examples
    --------
    >>> parse_quantity("250 mV", "potential")
    0.25
    """
    units = QUANTITY_UNITS[kind]
    example = f"a number in {next(iter(units))}, or text with a unit ({', '.join(units)})"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise InputError(f"got {value!r}; give {example}")
    if isinstance(value, str):
        found = _NUMBER.match(value)
        if not found or found.group(2) is None:
            raise InputError(f"got {value!r}; give {example}")
        if found.group(2) not in units:
            raise InputError(
                f"unknown unit {found.group(2)!r} in {value!r}{nearest(found.group(2), units)}; give {example}"
            )
        # by division, so that "250 mV" is the float 0.25 that a user would write
        scale = units[found.group(2)]
        number = float(found.group(1))
        value = number * scale if scale >= 1 else number / round(1 / scale)
    if not math.isfinite(value):
        raise InputError(f"got {value!r}; give a finite value")
    return float(value)


@dataclass(frozen=True)
class SolveKey:
    """One key of a ``[[solve]]`` table.

    Parameters
    ----------
    help : str
        One sentence with the unit.
    read : callable
        Turns the TOML value into the value passed on; raises InputError with what is allowed.
    required : bool
        Whether the key must be there.
    """

    help: str
    read: Callable[[Any], Any]
    required: bool = False


@dataclass(frozen=True)
class SolveType:
    """One kind of solve.

    Parameters
    ----------
    help : str
        One sentence.
    keys : mapping of str to SolveKey
        Allowed keys besides ``name`` and ``type``.
    check : callable, optional
        Takes the checked values and returns faults that need several keys to be seen.
    """

    help: str
    keys: Mapping[str, SolveKey]
    check: Callable[[Mapping[str, Any]], list[str]] = lambda values: []


def validate_solves(tables: Sequence[Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Check the ``[[solve]]`` tables of a study and turn their values into SI.

    Parameters
    ----------
    tables : sequence of mapping
        The tables as TOML gives them.

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
            checked.append(values)
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
            faults.append(f".{key}{_joined(error)}")
    for key, rule in keys.items():
        if rule.required and key not in table:
            faults.append(f".{key}: missing; give {rule.help}")
    if not faults:
        faults += [f".{fault}" for fault in SOLVE_TYPES[kind].check(values)]
    return values, faults


def _joined(error: InputError) -> str:
    """A message that begins with a dot goes on with the place, any other comes after a colon."""
    text = str(error)
    return text if text.startswith(".") else f": {text}"


def _by_name(read: Callable[[Any], Any], what: str) -> Callable[[Any], dict[str, Any]]:
    def reader(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not value:
            raise InputError(f"got {value!r}; expected a table of {what}")
        result = {}
        for name, entry in value.items():
            try:
                result[str(name)] = read(entry)
            except InputError as error:
                raise InputError(f".{name}: {error}") from None
        return result

    return reader


def _conductivity(value: Any) -> Any:
    """A positive scalar or a symmetric positive definite 3x3 tensor, S/m."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        rows = [list(row) if isinstance(row, Sequence) and not isinstance(row, str) else [] for row in value]
        if [len(row) for row in rows] != [3, 3, 3]:
            raise InputError(f"got {value!r}; a tensor is three rows of three values")
        t = [[parse_quantity(entry, "conductivity") for entry in row] for row in rows]
        if any(abs(t[i][j] - t[j][i]) > 1e-12 * max(abs(t[i][i]), abs(t[j][j])) for i in range(3) for j in range(i)):
            raise InputError(f"got {value!r}; a conductivity tensor is symmetric")
        minor = t[0][0] * t[1][1] - t[0][1] * t[1][0]
        det = (
            t[0][0] * (t[1][1] * t[2][2] - t[1][2] * t[2][1])
            - t[0][1] * (t[1][0] * t[2][2] - t[1][2] * t[2][0])
            + t[0][2] * (t[1][0] * t[2][1] - t[1][1] * t[2][0])
        )
        if not (t[0][0] > 0 and minor > 0 and det > 0):
            raise InputError(f"got {value!r}; a conductivity tensor is positive definite")
        return t
    number = parse_quantity(value, "conductivity")
    if number <= 0:
        raise InputError(f"got {value!r}; a conductivity is positive (leave out phases that do not conduct)")
    return number


def _potential(value: Any) -> float:
    return parse_quantity(value, "potential")


def _current(value: Any) -> float:
    return parse_quantity(value, "current")


def _axes(value: Any) -> list[str]:
    axes = [value] if isinstance(value, str) else value
    if not isinstance(axes, Sequence) or not axes or any(a not in AXES for a in axes) or len(set(axes)) < len(axes):
        raise InputError(f"got {value!r}; give some of x, y, z, such as ['x', 'z']")
    return list(axes)


def _names(value: Any) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(v, str) for v in value):
        raise InputError(f"got {value!r}; expected a list of names")
    return list(value)


def _tolerance(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1e-14 <= value <= 1e-2:
        raise InputError(f"got {value!r}; expected a number from 1e-14 to 1e-2")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"got {value!r}; expected a whole number of at least 1")
    return value


def _conduction_faults(values: Mapping[str, Any]) -> list[str]:
    both = sorted(set(values["fixed"]) & set(values.get("current", {})))
    return [f"current: {name!r} has a fixed potential as well; give one of them" for name in both]


_CONDUCTIVITY = SolveKey(
    "conductivity by phase in S/m, a number or a 3x3 tensor; phases not named do not conduct",
    _by_name(_conductivity, "phase = conductivity, such as { NMC = 10.0, LPSCl = '2 mS/cm' }"),
    required=True,
)
_SOLVER_KEYS = {
    "tolerance": SolveKey("relative residual at which the linear solver stops, default 1e-12", _tolerance),
    "max_iterations": SolveKey("iterations at which the linear solver gives up, default 500", _count),
}

#: Every kind of solve that a study may ask for.
SOLVE_TYPES: dict[str, SolveType] = {
    "conduction": SolveType(
        "potential, current density, Joule heat and the current through each side",
        {
            "conductivity": _CONDUCTIVITY,
            "fixed": SolveKey(
                "potential by side set in V, such as { z_min = '0 V', z_max = '1 V' }",
                _by_name(_potential, "side set = potential"),
                required=True,
            ),
            "current": SolveKey(
                "total current that enters through a side set in A, spread evenly over its conducting area",
                _by_name(_current, "side set = current"),
            ),
            "equipotential": SolveKey(
                "phases that are ideal conductors: each connected piece has one potential", _names
            ),
            **_SOLVER_KEYS,
        },
        _conduction_faults,
    ),
    "effective_conductivity": SolveType(
        "effective conductivity tensor and tortuosity factor of the conducting phases",
        {
            "conductivity": _CONDUCTIVITY,
            "axes": SolveKey("directions of the applied field, default all of x, y, z", _axes),
            **_SOLVER_KEYS,
        },
    ),
}
