"""Quantities and keys of ``[[solve]]`` tables: units, readers, the form of a schema. Pure Python; no kinds of solve."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssb2mesh.errors import InputError, nearest

__all__ = [
    "QUANTITY_UNITS",
    "SeveralFaults",
    "SolveKey",
    "SolveType",
    "by_name",
    "faults_of",
    "parse_quantity",
    "read_accuracy",
    "read_conductivity",
    "read_flag",
    "read_count",
    "read_current",
    "read_names",
    "read_potential",
    "read_table",
    "read_temperature",
    "read_thermal_conductivity",
    "read_tolerance",
]

#: SI value of each unit that text may carry, by kind of quantity; the first unit is the SI one.
QUANTITY_UNITS: dict[str, dict[str, float]] = {
    "conductivity": {"S/m": 1.0, "mS/m": 1e-3, "S/cm": 1e2, "mS/cm": 1e-1, "uS/cm": 1e-4, "µS/cm": 1e-4},
    "potential": {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6},
    "thermal conductivity": {"W/(m K)": 1.0, "W/m/K": 1.0, "W/mK": 1.0, "mW/(m K)": 1e-3, "mW/m/K": 1e-3},
    "current density": {"A/m2": 1.0, "A/m^2": 1.0, "A/cm2": 1e4, "A/cm^2": 1e4, "mA/cm2": 10.0, "mA/cm^2": 10.0},
    "area resistance": {"ohm m2": 1.0, "ohm m^2": 1.0, "ohm cm2": 1e-4, "ohm cm^2": 1e-4},
    "length": {"m": 1.0, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "nm": 1e-9},
    "temperature": {"K": 1.0},
    "time": {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0},
    "molar volume": {"m3/mol": 1.0, "m^3/mol": 1.0, "cm3/mol": 1e-6, "cm^3/mol": 1e-6},
    "pressure": {"Pa": 1.0, "kPa": 1e3, "MPa": 1e6, "GPa": 1e9, "bar": 1e5},
    "force": {"N": 1.0, "kN": 1e3, "mN": 1e-3, "uN": 1e-6, "µN": 1e-6},
    "surface energy": {"J/m2": 1.0, "J/m^2": 1.0, "N/m": 1.0, "mJ/m2": 1e-3, "mJ/m^2": 1e-3},
    "interface stiffness": {"Pa/m": 1.0, "MPa/um": 1e12, "MPa/µm": 1e12, "GPa/um": 1e15, "GPa/µm": 1e15},
    "current": {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "µA": 1e-6, "nA": 1e-9, "pA": 1e-12},
}

_NUMBER = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*?)?\s*$")


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


def read_temperature(value: Any) -> float:
    """Return a temperature in K from a number in K, or text such as ``"25 C"`` or ``"298.15 K"``."""
    text = value.strip() if isinstance(value, str) else ""
    for unit in ("degC", "°C", "C"):
        if text.endswith(unit):
            try:
                value = float(text[: -len(unit)]) + 273.15
            except ValueError:
                break
            break
    try:
        kelvin = parse_quantity(value, "temperature")
    except InputError:
        raise InputError(f"got {value!r}; give a number in K, or text such as '298.15 K' or '25 C'") from None
    if kelvin <= 0:
        raise InputError(f"got {value!r}; a temperature is above absolute zero")
    return kelvin


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
    on_volume : bool
        Whether it is solved on the volume, which it meshes in its own way, and not on the mesh of the study.
    """

    help: str
    keys: Mapping[str, SolveKey]
    check: Callable[[Mapping[str, Any]], list[str]] = lambda values: []
    on_volume: bool = False


class SeveralFaults(InputError):
    """Faults of a nested table, each a text that begins with its place."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n  ".join(faults))
        self.faults = tuple(faults)


def faults_of(error: InputError) -> list[str]:
    """Return the faults of an error, each to be joined to the place where it occurred.

    Parameters
    ----------
    error : InputError
        Of a reader.

    Returns
    -------
    list of str
        A fault of a nested table begins with its place there, any other with a colon.

    Examples
    --------
    >>> faults_of(InputError("got 3"))
    [': got 3']
    """
    return list(error.faults) if isinstance(error, SeveralFaults) else [f": {error}"]


def by_name(read: Callable[[Any], Any], what: str) -> Callable[[Any], dict[str, Any]]:
    """Return a reader of tables that reads every entry; its faults carry the name of the entry.

    Parameters
    ----------
    read : callable
        Reader of one entry.
    what : str
        What a table looks like, for the message.

    Returns
    -------
    callable
        Takes a mapping, returns a dict.

    Examples
    --------
    >>> by_name(read_potential, "side = potential")({"z_min": "250 mV"})
    {'z_min': 0.25}
    """

    def reader(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not value:
            raise InputError(f"got {value!r}; expected a table of {what}")
        result, faults = {}, []
        for name, entry in value.items():
            try:
                result[str(name)] = read(entry)
            except InputError as error:
                faults += [f".{name}{fault}" for fault in faults_of(error)]
        if faults:
            raise SeveralFaults(faults)
        return result

    return reader


def read_table(rules: Mapping[str, Callable[[Any], Any]], needed: Sequence[str], what: str) -> Callable[[Any], Any]:
    """Return a reader of small tables: known keys, the ones needed, and each read by its own reader.

    Parameters
    ----------
    rules : mapping of str to callable
        Reader of each key that is known.
    needed : sequence of str
        Keys that must be there.
    what : str
        What a table looks like, for the message.

    Returns
    -------
    callable
        Takes a mapping, returns a dict; all faults of a table come at once.

    Examples
    --------
    >>> read_table({"U": read_potential}, ["U"], "{ U = '3.6 V' }")({"U": "3.6 V"})
    {'U': 3.6}
    """

    def reader(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InputError(f"got {value!r}; expected {what}")
        result, faults = {}, []
        for key, entry in value.items():
            if key not in rules:
                faults.append(f".{key}: unknown key{nearest(key, rules)}; allowed: {', '.join(rules)}")
                continue
            try:
                result[key] = rules[key](entry)
            except InputError as error:
                faults += [f".{key}{fault}" for fault in faults_of(error)]
        missing = [key for key in needed if key not in value]
        if missing:
            faults.append(f": {' and '.join(missing)} missing; expected {what}")
        if faults:
            raise SeveralFaults(faults)
        return result

    return reader


def read_thermal_conductivity(value: Any) -> Any:
    """Return a positive scalar or a symmetric positive definite 3x3 tensor, W/(m K)."""
    return read_conductivity(value, "thermal conductivity")


def read_conductivity(value: Any, kind: str = "conductivity") -> Any:
    """Return a positive scalar or a symmetric positive definite 3x3 tensor, S/m (or SI of another kind)."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        rows = [list(row) if isinstance(row, Sequence) and not isinstance(row, str) else [] for row in value]
        if [len(row) for row in rows] != [3, 3, 3]:
            raise InputError(f"got {value!r}; a tensor is three rows of three values")
        t = [[parse_quantity(entry, kind) for entry in row] for row in rows]
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
    number = parse_quantity(value, kind)
    if number <= 0:
        raise InputError(f"got {value!r}; a conductivity is positive (leave out phases that do not conduct)")
    return number


def read_potential(value: Any) -> float:
    """Return a potential in V."""
    return parse_quantity(value, "potential")


def read_current(value: Any) -> float:
    """Return a current in A."""
    return parse_quantity(value, "current")


def read_names(value: Any) -> list[str]:
    """Return a list of names."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(v, str) for v in value):
        raise InputError(f"got {value!r}; expected a list of names")
    return list(value)


def read_tolerance(value: Any) -> float:
    """Return a relative tolerance."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1e-14 <= value <= 1e-2:
        raise InputError(f"got {value!r}; expected a number from 1e-14 to 1e-2")
    return float(value)


def read_accuracy(value: Any) -> float:
    """Return a relative accuracy from text such as ``"1 %"`` or a number such as 0.01."""
    given = value
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*%\s*", value)
        value = float(found.group(1)) / 100 if found else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1e-6 <= value < 1:
        raise InputError(f"got {given!r}; give a share such as '1 %' or 0.01, from 0.0001 % to below 100 %")
    return float(value)


def read_flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise InputError(f"got {value!r}; expected true or false")
    return value


def read_count(value: Any) -> int:
    """Return a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"got {value!r}; expected a whole number of at least 1")
    return value
