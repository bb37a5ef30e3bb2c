"""Reading single values of a study: each fault is noted with its place and reading goes on. No tables here."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.units import parse_length

__all__ = ["Faults", "Table", "expand_variables"]

T = TypeVar("T")

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class Faults:
    """The faults found so far, each with its place, in the order found.

    Examples
    --------
    >>> faults = Faults()
    >>> faults.add("[mesh].cell_size", "got -1; a length is positive")
    >>> faults.lines
    ['[mesh].cell_size: got -1; a length is positive']
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, place: str, message: str) -> None:
        """Note one fault."""
        self.lines.append(f"{place}: {message}")

    def raise_if_any(self, source: str) -> None:
        """Raise one InputError that names every fault, if there is any."""
        if len(self.lines) == 1:
            raise InputError(f"{source}: {self.lines[0]}")
        if self.lines:
            raise InputError("\n  ".join([f"{source}: {len(self.lines)} faults", *self.lines]))


class Table:
    """One table of a study while it is read: every key is asked for once, keys never asked for are faults.

    Parameters
    ----------
    values : mapping
        The TOML table.
    place : str
        Its name in messages, such as ``"[mesh]"``.
    faults : Faults
        Where faults go.
    """

    def __init__(self, values: Any, place: str, faults: Faults) -> None:
        self.place, self.faults = place, faults
        self.asked: set[str] = set()
        if not isinstance(values, Mapping):
            faults.add(place, f"got {values!r}; expected a table")
            values = {}
        self.values: Mapping[str, Any] = values

    def where(self, key: str) -> str:
        """Return the place of a key for a message."""
        return f"{self.place}.{key}" if self.place else key

    def fault(self, key: str, message: str) -> None:
        """Note a fault of one key."""
        self.faults.add(self.where(key), message)

    def get(self, key: str, read: Callable[[Any], T], *, default: T, required: str = "") -> T:
        """Return the value of a key, read by `read`; a fault gives the default back.

        Parameters
        ----------
        key : str
            The key.
        read : callable
            Turns the TOML value into what is wanted; raises ValueError (InputError) with what is allowed.
        default : any
            Value when the key is absent or at fault.
        required : str
            When not empty, absence is a fault and this is the advice given.

        Returns
        -------
        any
            The value.
        """
        self.asked.add(key)
        if key not in self.values:
            if required:
                self.fault(key, f"missing; {required}")
            return default
        try:
            return read(self.values[key])
        except (ValueError, TypeError) as error:
            self.fault(key, str(error))
            return default

    def finish(self, *, also: Iterable[str] = ()) -> None:
        """Note every key that was never asked for."""
        allowed = sorted({*self.asked, *also})
        for key in self.values:
            if key not in allowed:
                self.fault(key, f"unknown key{nearest(key, allowed)}; allowed: {', '.join(allowed)}")


def text(value: Any) -> str:
    """Read a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"got {value!r}; expected text")
    return value


def flag(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise InputError(f"got {value!r}; expected true or false")
    return value


def whole(value: Any, *, least: int = 0) -> int:
    """Read a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"got {value!r}; expected a whole number of at least {least}")
    return value


def number(value: Any) -> float:
    """Read a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"got {value!r}; expected a finite number")
    return float(value)


def names(value: Any) -> tuple[str, ...]:
    """Read a list of different texts."""
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise InputError(f"got {value!r}; expected a list of names")
    if len(set(value)) < len(value):
        raise InputError(f"got {value!r}; a name is there twice")
    return tuple(value)


def share(value: Any) -> float:
    """Read a number from 0 to 1."""
    found = number(value)
    if not 0 <= found <= 1:
        raise InputError(f"got {value!r}; expected a share from 0 to 1")
    return found


def lengths(value: Any) -> tuple[str | float, ...]:
    """Read a list of lengths, text with a unit or m."""
    if not isinstance(value, list):
        raise InputError(f"got {value!r}; expected a list of lengths")
    for one in value:
        parse_length(one if isinstance(one, str) else number(one), name="length")
    return tuple(value)


def slices(value: Any) -> tuple[tuple[str, str, str | float], ...]:
    """Read a list of slices: phase, axis, position."""
    allowed = 'expected a list of slices such as ["void", "z", "12 um"]'
    if not isinstance(value, list) or not all(isinstance(one, list) and len(one) == 3 for one in value):
        raise InputError(f"got {value!r}; {allowed}")
    for _, axis, position in value:
        if axis not in ("x", "y", "z"):
            raise InputError(f"got the axis {axis!r}; {allowed}")
        parse_length(position, name="position") if isinstance(position, str) else number(position)
    return tuple((text(phase), axis, position) for phase, axis, position in value)


def mapping(value: Any) -> dict[str, Any]:
    """Read an inline table of any keys."""
    if not isinstance(value, Mapping):
        raise InputError(f"got {value!r}; expected a table {{ key = value }}")
    return dict(value)


def expand_variables(value: str) -> str:
    """Return text with ``${NAME}`` and ``${NAME:-otherwise}`` replaced from the environment.

    Parameters
    ----------
    value : str
        Text of a study, usually a path.

    Returns
    -------
    str
        The text without variables.

    Raises
    ------
    InputError
        If a variable is not set and no ``otherwise`` is given.

    Examples
    --------
    >>> expand_variables("${SSB2MESH_NOT_SET:-data}/cathode.tif")
    'data/cathode.tif'
    """

    def replace(found: re.Match[str]) -> str:
        name, otherwise = found.group(1), found.group(2)
        got = os.environ.get(name) or otherwise
        if got is None:
            raise InputError(f"got {value!r} but the environment variable {name} is not set: export {name}=...")
        return got

    return _VARIABLE.sub(replace, value)


def path_text(value: Any, base: Path) -> str:
    """Read a path: variables and ``~`` expanded, relative paths taken from `base`."""
    expanded = Path(expand_variables(text(value))).expanduser()
    return os.path.normpath(base / expanded)
