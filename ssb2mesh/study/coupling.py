"""What a ``[[solve]]`` table of type ``coupled`` may hold: tables of two sides, and their links. Pure Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.study.charge import CHARGE_TRANSFER, absolute_maps, is_series
from ssb2mesh.study.mechanics import ELASTICITY
from ssb2mesh.study.quantities import (
    SeveralFaults,
    SolveKey,
    SolveType,
    by_name,
    faults_of,
    parse_quantity,
    read_count,
    read_table,
)

__all__ = ["COUPLED", "absolute_paths"]

#: Keys of a charge-transfer table that make more than one solve of it.
_NOT_COUPLED = ("decompose", "interphase")


def absolute_paths(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Return a checked table of any type with the paths of its maps made absolute.

    Parameters
    ----------
    values : mapping
        A table.
    base : Path
        Folder that relative paths start from.

    Returns
    -------
    dict
        The table.

    Examples
    --------
    >>> absolute_paths({"gap": {"LPS|Li": {"initial": {"map": "g.npy", "axis": "z"}}}}, Path("/data"))["gap"]
    {'LPS|Li': {'initial': {'map': '/data/g.npy', 'axis': 'z'}}}
    """
    result = absolute_maps(values, base)
    if isinstance(result.get("charge"), Mapping):
        result["charge"] = absolute_maps(result["charge"], base)
    if isinstance(result.get("gap"), Mapping):
        gaps = {}
        for name, entry in result["gap"].items():
            given = entry.get("initial")
            if isinstance(given, Mapping) and isinstance(given["map"], str):
                entry = {**entry, "initial": {**given, "map": str(base / given["map"])}}
            gaps[name] = entry
        result["gap"] = gaps
    return result


def _side(kind: SolveType, without: Sequence[str] = ()) -> Callable[[Any], dict[str, Any]]:
    """A reader of the table of one side, by the schema of its own type."""
    keys = {key: rule for key, rule in kind.keys.items() if key not in without}

    def reader(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InputError(f"got {value!r}; expected a table with some of: {', '.join(keys)}")
        result, faults = {}, []
        for key, raw in value.items():
            if key not in keys:
                faults.append(f".{key}: unknown key{nearest(key, keys)}; allowed: {', '.join(keys)}")
                continue
            try:
                result[key] = keys[key].read(raw)
            except InputError as error:
                faults += [f".{key}{fault}" for fault in faults_of(error)]
        faults += [f".{k}: missing; give {rule.help}" for k, rule in keys.items() if rule.required and k not in value]
        if not faults:
            faults = [f".{fault}" for fault in kind.check(result)]
        if faults:
            raise SeveralFaults(faults)
        return result

    return reader


def _mode(value: Any) -> str:
    if value not in ("one-way", "staggered"):
        raise InputError(f"got {value!r}; give 'one-way' or 'staggered'")
    return str(value)


def _duration(value: Any) -> float:
    number = parse_quantity(value, "time")
    if number < 0:
        raise InputError(f"got {value!r}; a duration is not negative")
    return number


def _within(low: float, high: float, *, open_low: bool = False) -> Callable[[Any], float]:
    def reader(value: Any) -> float:
        good = not isinstance(value, bool) and isinstance(value, (int, float)) and low <= value <= high
        if not good or (open_low and value == low):
            raise InputError(f"got {value!r}; expected a number {'above' if open_low else 'from'} {low:g} to {high:g}")
        return float(value)

    return reader


def _memory(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"got {value!r}; expected a whole number, 0 for none")
    return value


def _volume(*, positive: bool) -> Callable[[Any], float]:
    def reader(value: Any) -> float:
        number = parse_quantity(value, "molar volume")
        if positive and number <= 0:
            raise InputError(f"got {value!r}; it must be positive")
        return number

    return reader


_electrons = _within(0.0, 100.0, open_low=True)
_METAL = read_table(
    {"molar_volume": _volume(positive=True), "electrons": _electrons},
    ("molar_volume",),
    "a known metal such as 'Li', or { molar_volume = '13 cm3/mol' }",
)
_HOST = read_table(
    {"molar_volume": _volume(positive=False), "electrons": _electrons},
    ("molar_volume",),
    "{ molar_volume = '1.2 cm3/mol' }: the change of volume for each mole taken up",
)


def _metal(value: Any) -> Any:
    return value if isinstance(value, str) else _METAL(value)


def _length(value: Any) -> float:
    return parse_quantity(value, "length")


def _map(value: Any) -> Any:
    if isinstance(value, str) and value.lower().endswith(".npy"):
        return value
    rows = value if isinstance(value, Sequence) and not isinstance(value, str) else []
    if not rows or any(not isinstance(row, Sequence) or isinstance(row, str) or not row for row in rows):
        raise InputError(f"got {value!r}; a map of gaps is a .npy file of lengths in m, or rows of lengths")
    found = [[_length(entry) for entry in row] for row in rows]
    if len({len(row) for row in found}) != 1 or any(entry < 0 for row in found for entry in row):
        raise InputError("rows of the map must be equally long, and gaps not negative")
    return found


def _axis(value: Any) -> str:
    if value not in ("x", "y", "z"):
        raise InputError(f"got {value!r}; the axis along which one looks at the map is x, y or z")
    return str(value)


_GAP_MAP = read_table({"map": _map, "axis": _axis}, ("map", "axis"), "{ map = 'gap.npy', axis = 'z' }")


def _initial(value: Any) -> Any:
    return _GAP_MAP(value) if isinstance(value, Mapping) else _length(value)


_GAP = read_table(
    {"closes": _length, "opens": _length, "initial": _initial},
    ("closes", "opens"),
    "{ closes = '0 nm', opens = '50 nm' }",
)


def _gap(value: Any) -> Any:
    found = _GAP(value)
    if found["opens"] < found["closes"]:
        raise InputError(
            f"got opens {found['opens']:g} m below closes {found['closes']:g} m; contact shrinks as gaps widen"
        )
    return found


def _pressures(value: Any) -> list[float]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise InputError(f"got {value!r}; give a list of pressures such as ['1 MPa', '5 MPa']")
    return [parse_quantity(entry, "pressure") for entry in value]


def _faults(values: Mapping[str, Any]) -> list[str]:
    faults = []
    charge, body = values["charge"], values.get("mechanics")
    kinetics = charge.get("kinetics", {})
    for key in ("deposit", "gap"):
        faults += [
            f"{key}.{name}: has no kinetics in charge, so no current flows there"
            for name in values.get(key, {})
            if name not in kinetics
        ]
    terminals = [v for k in ("fixed", "current", "fixed_ionic", "current_ionic") for v in charge.get(k, {}).values()]
    if any(isinstance(value, list) for value in terminals) or any(map(is_series, charge.get("contact", {}).values())):
        faults.append("charge: a list of values or maps; a coupled solve takes one of each")
    if (values.get("deposit") or values.get("swelling")) and "duration" not in values:
        faults.append("duration: missing; give how long the current flows, such as '30 min'")
    if body is None and (values.get("swelling") or values.get("stack_pressure")):
        key = "swelling" if values.get("swelling") else "stack_pressure"
        faults.append(f"{key}: needs [solve.mechanics]; add it")
    if len(values.get("stack_pressure", {})) > 1:
        faults.append("stack_pressure: got several sides; give one")
    if values.get("coupling", "one-way") == "one-way":
        faults += [f"{k}: is for coupling = 'staggered'" for k in ("relaxation", "memory", "sweeps") if k in values]
    return faults


#: The schema of ``type = "coupled"``.
COUPLED = SolveType(
    "currents, what they deposit or swell, stresses, gaps and the contact that is left, once or until nothing changes",
    {
        "charge": SolveKey(
            "the electrochemical side: the keys of type charge_transfer", _side(CHARGE_TRANSFER, _NOT_COUPLED),
            required=True,
        ),
        "mechanics": SolveKey(
            "the mechanical side: the keys of type elasticity; without it nothing moves", _side(ELASTICITY)
        ),
        "coupling": SolveKey("'one-way' (default) or 'staggered'", _mode),
        "duration": SolveKey("how long the current flows in s, such as '30 min'", _duration),
        "steps": SolveKey("equal parts of the duration, default 1", read_count),
        "deposit": SolveKey(
            "metal that the current leaves or takes, by interface, such as { 'LPS|Li' = 'Li' }",
            by_name(_metal, "interface = 'Li' or { molar_volume }"),
        ),
        "swelling": SolveKey(
            "hosts that swell, by phase, such as { NMC = { molar_volume = '1.2 cm3/mol' } }",
            by_name(_HOST, "phase = { molar_volume }"),
        ),
        "gap": SolveKey(
            "contact by gap, by interface, such as { 'LPS|Li' = { closes = '0 nm', opens = '50 nm' } }",
            by_name(_gap, "interface = { closes, opens, initial }"),
        ),
        "stack_pressure": SolveKey(
            "pressures to solve for one after the other, on one side, such as { z_max = ['1 MPa', '5 MPa'] }",
            by_name(_pressures, "side = list of pressures"),
        ),
        "relaxation": SolveKey(
            "part of the change of contact that a sweep takes over, default 1", _within(0, 1, open_low=True)
        ),
        "memory": SolveKey("sweeps that the acceleration looks back, default 8, 0 for none", _memory),
        "sweeps": SolveKey("sweeps at which the solve gives up, default 100", read_count),
        "tolerance": SolveKey("relative change at which the sweeps stop, default 1e-5", _within(1e-12, 0.1)),
    },
    _faults,
)  # fmt: skip
