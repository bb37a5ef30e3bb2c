"""What a ``[[solve]]`` table of type ``charge_transfer`` may hold. Pure Python; no DOLFINx, no meshes, no solving."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError
from ssb2mesh.study.quantities import (
    SolveKey,
    SolveType,
    by_name,
    parse_quantity,
    read_conductivity,
    read_count,
    read_current,
    read_names,
    read_potential,
    read_table,
    read_temperature,
    read_tolerance,
)

__all__ = ["CHARGE_TRANSFER", "absolute_maps", "is_series"]


def absolute_maps(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Return a checked table with the paths of contact maps and facet values made absolute.

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
    >>> absolute_maps({"contact": {"LPS|Li": {"map": "a.npy", "axis": "z"}}}, Path("/data"))["contact"]
    {'LPS|Li': {'map': '/data/a.npy', 'axis': 'z'}}
    """
    result = dict(values)
    if isinstance(result.get("contact"), Mapping):
        contact = {}
        for name, entry in result["contact"].items():
            given = entry.get("map") if isinstance(entry, Mapping) else None
            if isinstance(given, str):
                entry = {**entry, "map": str(base / given)}
            elif isinstance(given, list) and isinstance(given[0], str):
                entry = {**entry, "map": [str(base / each) for each in given]}
            elif isinstance(entry, Mapping) and "facets" in entry:
                entry = {**entry, "facets": str(base / entry["facets"])}
            contact[name] = entry
        result["contact"] = contact
    return result


def _electronic(value: Any) -> Any:
    if value == "ideal" or (isinstance(value, float) and value == math.inf):
        return math.inf
    try:
        return read_conductivity(value)
    except InputError as error:
        raise InputError(f"{error}; 'ideal' makes the phase an equipotential") from None


def _one_or_many(read: Callable[[Any], float]) -> Callable[[Any], Any]:
    def reader(value: Any) -> Any:
        if isinstance(value, Sequence) and not isinstance(value, str):
            if not value:
                raise InputError("got an empty list; a sweep needs values")
            return [read(entry) for entry in value]
        return read(value)

    return reader


def _positive(kind: str, *, zero: bool = False) -> Callable[[Any], float]:
    def reader(value: Any) -> float:
        number = parse_quantity(value, kind)
        if number < 0 or (number == 0 and not zero):
            raise InputError(f"got {value!r}; it must be {'zero or ' if zero else ''}positive")
        return number

    return reader


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise InputError(f"got {value!r}; a share of contact lies between 0 and 1")
    return float(value)


def _coefficient(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise InputError(f"got {value!r}; a transfer coefficient is a positive number")
    return float(value)


def _seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"got {value!r}; a seed is a whole number, not negative")
    return value


def _axis(value: Any) -> str:
    if value not in ("x", "y", "z"):
        raise InputError(f"got {value!r}; the axis along which one looks at the map is x, y or z")
    return str(value)


def _width(value: Any) -> float:
    width = parse_quantity(value, "length")
    if width < 0:
        raise InputError(f"got {value!r}; the width of a gap is not negative")
    return width


def _map(value: Any, entry: Callable[[Any], float] = _share, what: str = "numbers from 0 to 1") -> Any:
    if isinstance(value, str):
        if not value.lower().endswith((".npy", ".tif", ".tiff")):
            raise InputError(f"got {value!r}; a map is a .npy or .tif file, or rows of {what}")
        return value
    rows = value if isinstance(value, Sequence) else []
    if rows and all(isinstance(row, str) and row.lower().endswith((".npy", ".tif", ".tiff")) for row in rows):
        return list(rows)
    if not rows or any(not isinstance(row, Sequence) or isinstance(row, str) for row in rows):
        raise InputError(f"got {value!r}; a map is a .npy or .tif file, or rows of {what}")
    if len({len(row) for row in rows}) != 1 or not len(rows[0]):
        raise InputError("the rows of the map have different lengths")
    return [[entry(each) for each in row] for row in rows]


def _gap_map(value: Any) -> Any:
    return _map(value, _width, "widths in m")


def _facets(value: Any) -> str:
    if not isinstance(value, str) or not value.lower().endswith(".npz"):
        raise InputError(f"got {value!r}; give a .npz file with triangles (k, 3), points of the mesh, and values (k,)")
    return value


def _extent(value: Any) -> list[list[float]]:
    good = (
        isinstance(value, Sequence) and len(value) == 2 and all(isinstance(v, Sequence) and len(v) == 2 for v in value)
    )
    if not good or isinstance(value, str) or any(isinstance(v, str) for v in value):
        raise InputError(f"got {value!r}; give [[low, high], [low, high]] along the two axes of the map")
    found = [[parse_quantity(entry, "length") for entry in pair] for pair in value]
    if any(high <= low for low, high in found):
        raise InputError(f"got {value!r}; high must be above low")
    return found


_BUTLER_VOLMER = read_table(
    {
        "i0": _positive("current density"),
        "U": read_potential,
        "alpha_a": _coefficient,
        "alpha_c": _coefficient,
        "asr": _positive("area resistance", zero=True),
        "temperature": read_temperature,
    },
    ("i0", "U"),
    "{ i0 = '10 A/m2', U = '0 V' } (Butler-Volmer; also alpha_a, alpha_c, asr, temperature), or { asr = "
    "'5 ohm cm2', U = '0 V' } (a resistance alone)",
)
_RESISTANCE = read_table(
    {"asr": _positive("area resistance"), "U": read_potential},
    ("asr", "U"),
    "{ asr = '5 ohm cm2', U = '0 V' }; with i0 it is a Butler-Volmer law",
)
_MAP = read_table(
    {"map": _map, "axis": _axis, "extent": _extent}, ("map", "axis"), "{ map = 'contact.npy', axis = 'z' }"
)
_GAP = read_table(
    {"map": _gap_map, "axis": _axis, "extent": _extent, "closes_below": _width},
    ("map", "axis", "closes_below"),
    "{ map = 'gap.npy', axis = 'z', closes_below = '0.5 um' }",
)
_FACETS = read_table({"facets": _facets}, ("facets",), "{ facets = 'contact.npz' }")
_LOSS = read_table(
    {"keep": _share, "seed": _seed, "patch": _positive("length")}, ("keep", "seed"), "{ keep = 0.7, seed = 1 }"
)


def _kinetics(value: Any) -> Any:
    resistance = isinstance(value, Mapping) and "asr" in value and not {"i0", "alpha_a", "alpha_c"} & set(value)
    return (_RESISTANCE if resistance else _BUTLER_VOLMER)(value)


def _contact(value: Any) -> Any:
    if isinstance(value, Mapping):
        kinds = {"closes_below": _GAP, "map": _MAP, "facets": _FACETS}
        return next((kind for key, kind in kinds.items() if key in value), _LOSS)(value)
    if isinstance(value, str):
        raise InputError(f"got {value!r}; give a share from 0 to 1, {{ map, axis }}, {{ keep, seed }} or {{ facets }}")
    return _share(value)


def is_series(contact: Any) -> bool:
    """Return whether a contact of a checked table is a series of maps."""
    given = contact.get("map") if isinstance(contact, Mapping) else None
    return isinstance(given, list) and isinstance(given[0], str)


def _faults(values: Mapping[str, Any]) -> list[str]:
    faults = []
    if not values.get("electronic") and not values.get("ionic"):
        faults.append("electronic: missing, and ionic as well; at least one phase must conduct")
    if not values.get("fixed") and not values.get("fixed_ionic"):
        faults.append("fixed: missing, and fixed_ionic as well; at least one terminal needs a potential")
    for suffix in ("", "_ionic"):
        both = sorted(set(values.get("fixed" + suffix, {})) & set(values.get("current" + suffix, {})))
        faults += [f"current{suffix}: {name!r} has a fixed potential as well; give one of them" for name in both]
    without = sorted(set(values.get("contact", {})) - set(values.get("kinetics", {})))
    faults += [f"contact: {name!r} has no kinetics; contact belongs to an interface with kinetics" for name in without]
    terminals = [v for k in ("fixed", "current", "fixed_ionic", "current_ionic") for v in values.get(k, {}).values()]
    sweeps = sum(isinstance(value, list) for value in terminals)
    if sweeps > 1:
        faults.append(f"fixed, current: {sweeps} terminals have a list of values; a polarisation curve sweeps one")
    series = {len(entry["map"]) for entry in values.get("contact", {}).values() if is_series(entry)}
    if len(series) > 1:
        faults.append(
            f"contact: series of maps have {' and '.join(map(str, sorted(series)))} files; give as many to each"
        )
    if series and sweeps:
        faults.append("contact: a series of maps and a list of values at a terminal; give one of them")
    if series and values.get("decompose"):
        faults.append("decompose: is for one contact, not for a series of maps")
    if values.get("decompose") and (sweeps or len(terminals) != 2):
        faults.append("decompose: needs exactly two terminals, each with one value")
    if values.get("interphase") and not values.get("decompose"):
        faults.append("interphase: is used with decompose = true only")
    return faults


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"got {value!r}; expected true or false")
    return value


_SIDES = "side set = {}, or a list of them for a polarisation curve"

#: The schema of ``type = "charge_transfer"``.
CHARGE_TRANSFER = SolveType(
    "electronic and ionic potential, current through interfaces with kinetics, cell voltage, use of the contact",
    {
        "electronic": SolveKey(
            "electronic conductivity by phase in S/m, or 'ideal'; phases not named carry no electrons",
            by_name(_electronic, "phase = conductivity, such as { NMC = 10.0, Li = 'ideal' }"),
        ),
        "ionic": SolveKey(
            "ionic conductivity by phase in S/m; phases not named carry no ions",
            by_name(read_conductivity, "phase = conductivity, such as { LPSCl = '2 mS/cm' }"),
        ),
        "kinetics": SolveKey(
            "law by interface or side set, such as { 'LPSCl|NMC' = { i0 = '3.4 A/m2', U = '3.8 V' } }",
            by_name(_kinetics, "interface = { i0, U } or { asr, U }"),
        ),
        "contact": SolveKey(
            "share of contact by interface: a number, { map, axis } (a list of files: a time series; with closes_below "
            "the map is the width of a gap), { keep, seed } or { facets }",
            by_name(
                _contact,
                "interface = share, { map = 'contact.npy', axis = 'z' }, { keep = 0.7, seed = 1 } or "
                "{ facets = 'contact.npz' }",
            ),
        ),
        "fixed": SolveKey(
            "electronic potential by side set in V; a list of values gives a polarisation curve",
            by_name(_one_or_many(read_potential), _SIDES.format("potential")),
        ),
        "current": SolveKey(
            "total current in A that enters through a side set, an equipotential whose potential is found",
            by_name(_one_or_many(read_current), _SIDES.format("current")),
        ),
        "fixed_ionic": SolveKey(
            "ionic potential by side set in V: an ideal reversible electrode",
            by_name(_one_or_many(read_potential), _SIDES.format("potential")),
        ),
        "current_ionic": SolveKey(
            "as current, for the ionic potential",
            by_name(_one_or_many(read_current), _SIDES.format("current")),
        ),
        "decompose": SolveKey(
            "whether to solve once more with the contact spread evenly and split the cell voltage", _flag
        ),
        "interphase": SolveKey("phases whose ohmic part is listed as that of the interphase", read_names),
        "tolerance": SolveKey("size of the last Newton step relative to the solution, default 1e-11", read_tolerance),
        "max_steps": SolveKey("Newton steps after the start at which the solver gives up, default 50", read_count),
        "max_iterations": SolveKey("iterations at which a linear solve gives up, default 500", read_count),
    },
    _faults,
)
