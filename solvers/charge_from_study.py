"""From a checked table of type ``charge_transfer`` to a result: laws, contact maps from files, sweeps. No physics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from solvers.charge_solution import ChargeTransferSolution
from solvers.charge_transfer import charge_transfer, contact_series, polarisation_curve
from solvers.circuit import Terminals
from solvers.constriction import constriction
from solvers.contact import ContactMap, FacetValues, RandomLoss
from solvers.domain import Domain
from solvers.kinetics import ButlerVolmer, LinearKinetics
from solvers.newton import Settings
from solvers.polarisation import ChargeTransferSeries
from ssb2mesh.errors import InputError
from ssb2mesh.study.charge import is_series

__all__ = ["cell_arguments", "solve_charge_transfer"]

_TERMINALS = ("fixed", "current", "fixed_ionic", "current_ionic")


def solve_charge_transfer(domain: Domain, **values: Any) -> ChargeTransferSolution | ChargeTransferSeries:
    """Solve what a checked table asks for; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    **values : any
        The table as `ssb2mesh.study.solves.validate_solves` returns it, without name and type.

    Returns
    -------
    ChargeTransferSolution or ChargeTransferSeries
        A series where a terminal has a list of values or a contact a list of maps.

    Raises
    ------
    InputError, PercolationError, SolverError
        As for `solvers.charge_transfer`; or if a contact map cannot be read.

    Examples
    --------
    >>> solve_charge_transfer(domain, ionic={"LPSCl": 0.2}, kinetics={"LPSCl@z_min": {"asr": 1e-3, "U": 0.0}},
    ...     fixed={"LPSCl@z_min": 0.1}, fixed_ionic={"z_max": 0.0})  # doctest: +SKIP
    """
    cell = cell_arguments(values)
    terminals, settings = cell.pop("terminals"), cell.pop("settings")
    contact = values.get("contact", {})
    count = max((len(entry["map"]) for entry in contact.values() if is_series(entry)), default=0)
    if count:
        cell.pop("contact")
        contacts = [_contacts(contact, step) for step in range(count)]
        return contact_series(domain, **cell, terminals=terminals, contacts=contacts, settings=settings)
    if any(isinstance(value, list) for key in _TERMINALS for value in values.get(key, {}).values()):
        return polarisation_curve(domain, **cell, terminals=terminals, settings=settings)
    if values.get("decompose"):
        found = constriction(domain, **cell, terminals=terminals, settings=settings)
        parts = found.parts(values.get("interphase", ())).summary()
        return replace(found.solution, totals={**found.solution.totals, "voltage_parts": parts})
    return charge_transfer(domain, **cell, terminals=terminals, settings=settings)


def cell_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `solvers.charge_transfer` takes, but for the domain, from a checked table.

    Parameters
    ----------
    values : mapping
        The table.

    Returns
    -------
    dict
        Keyword arguments; of a series of contact maps the first.

    Examples
    --------
    >>> cell_arguments({"ionic": {"LPS": 0.1}, "fixed_ionic": {"z_min": 0.0}})["ionic"]
    {'LPS': 0.1}
    """
    chosen = {key: values[key] for key in ("tolerance", "max_steps", "max_iterations") if key in values}
    return {
        "electronic": values.get("electronic", {}),
        "ionic": values.get("ionic", {}),
        "kinetics": {name: _law(law) for name, law in values.get("kinetics", {}).items()},
        "terminals": Terminals(**{key: values.get(key, {}) for key in _TERMINALS}),
        "contact": _contacts(values.get("contact", {}), 0),
        "settings": Settings(**chosen),
    }


def _law(law: Mapping[str, Any]) -> ButlerVolmer | LinearKinetics:
    return ButlerVolmer(**law) if "i0" in law else LinearKinetics(**law)


def _contacts(given: Mapping[str, Any], step: int) -> dict[str, Any]:
    """The contact of every interface at one step of a series."""
    now = {k: {**entry, "map": entry["map"][step]} if is_series(entry) else entry for k, entry in given.items()}
    return {name: _contact(name, entry) for name, entry in now.items()}


def _contact(name: str, entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    if "keep" in entry:
        return RandomLoss(**entry)
    if "facets" in entry:
        return _read_facets(name, Path(entry["facets"]))
    values, gap = entry["map"], "closes_below" in entry
    if isinstance(values, str):
        values = _read_map(name, Path(values), gap=gap)
    try:
        if gap:
            return ContactMap.from_gap(values, entry["closes_below"], axis=entry["axis"], extent=entry.get("extent"))
        return ContactMap(values, entry["axis"], entry.get("extent"))
    except InputError as error:
        raise InputError(f"contact: {name!r}: map: {error}") from None


def _read_map(name: str, path: Path, *, gap: bool) -> Any:
    """A two-dimensional array from a .npy or .tif file; whole numbers count as contact where not 0, and as no gap."""
    if not path.is_file():
        raise InputError(f"contact: {name!r}: map: no file {str(path)!r}")
    if path.suffix.lower() == ".npy":
        values = np.load(path, allow_pickle=False)
    else:
        import tifffile

        # an image has its rows along y: the map's first index runs along the first axis
        values = tifffile.imread(path).T
    if not np.issubdtype(values.dtype, np.integer):
        return values
    if gap:
        raise InputError(
            f"contact: {name!r}: map: {str(path)!r} holds whole numbers ({values.dtype}); with closes_below a map is "
            "the width of the gap in m, as floating-point numbers"
        )
    return (values > 0).astype(float)


def _read_facets(name: str, path: Path) -> FacetValues:
    if not path.is_file():
        raise InputError(f"contact: {name!r}: facets: no file {str(path)!r}")
    try:
        with np.load(path, allow_pickle=False) as found:
            return FacetValues(found["triangles"], found["values"])
    except KeyError:
        raise InputError(
            f"contact: {name!r}: facets: {str(path)!r} lacks arrays; it needs triangles (k, 3), points of the mesh, "
            "and values (k,), shares from 0 to 1"
        ) from None
    except InputError as error:
        raise InputError(f"contact: {name!r}: facets: {error}") from None
