"""What every phantom shares: the result, the option fields and their parsers. No geometry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.units import format_length, parse_length, parse_spacing
from ssb2mesh.volume import LabelledVolume, check_phase_name

__all__ = ["Phantom", "PhantomKind", "flag", "fraction", "integer", "length", "name", "number", "option", "shape"]
__all__ += ["choice", "length_or_zero", "lengths", "names", "size_of_voxel"]

Parser = Callable[[Any, str], Any]


@dataclass(frozen=True, eq=False)
class Phantom:
    """A generated volume and what is known exactly about it.

    Parameters
    ----------
    volume : LabelledVolume
        The voxels.
    exact : mapping of str to float
        Exact values of the ideal geometry (or exact counts of the voxels, for random phantoms). The unit ends the
        key: ``_m``, ``_m2``, ``_m3``; fractions, counts and ratios have none.
    options : mapping of str to object
        Every option as used, defaults included, and the seed.
    conductivity : callable, optional
        Given S/m by phase name, the effective conductivity (kx, ky, kz) of the ideal geometry in S/m; None where no
        formula holds.
    """

    volume: LabelledVolume
    exact: Mapping[str, float]
    options: Mapping[str, Any] = field(default_factory=dict)
    conductivity: Callable[[Mapping[str, float]], tuple[float, float, float]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "exact", MappingProxyType({k: float(v) for k, v in self.exact.items()}))
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))


@dataclass(frozen=True)
class PhantomKind:
    """A family of phantoms: one sentence, its options, and the function that builds one.

    Parameters
    ----------
    name : str
        Name in `make_phantom`.
    summary : str
        One sentence.
    options : dataclass type
        Its fields, made by `option`, are the options.
    build : callable
        ``build(options, seed)`` returns a `Phantom`.
    """

    name: str
    summary: str
    options: type
    build: Callable[[Any, int], Phantom]

    def __call__(self, *, seed: int = 0, **options: Any) -> Phantom:
        """Build one phantom; see `ssb2mesh.phantoms.make_phantom`."""
        used = self.parse(options)
        seed = integer(0)(seed, "seed")
        phantom = self.build(used, seed)
        record = {f.name: getattr(used, f.name) for f in dataclasses.fields(used)} | {"seed": seed}
        return dataclasses.replace(phantom, options=record)

    def parse(self, options: Mapping[str, Any]) -> Any:
        """Return the validated options; all faults are told at once."""
        known = {f.name: f for f in dataclasses.fields(self.options)}
        faults, values = [], {}
        for key, value in options.items():
            if key not in known:
                faults.append(f"unknown option {key!r}{nearest(key, known)}; options: {', '.join(known)}")
                continue
            try:
                values[key] = known[key].metadata["parse"](value, key)
            except InputError as error:
                faults.append(str(error))
        if faults:
            raise InputError(f"phantom {self.name}: " + "; ".join(faults))
        return self.options(**values)

    def describe(self) -> list[tuple[str, str, str]]:
        """Return (option, default as text, help) for each option."""
        return [(f.name, _as_text(f.default), f.metadata["help"]) for f in dataclasses.fields(self.options)]


def option(default: Any, parse: Parser, help: str) -> Any:  # noqa: A002
    """Return a dataclass field that is an option of a phantom.

    Parameters
    ----------
    default : object
        Already parsed.
    parse : callable
        ``parse(value, key)`` returns the value or raises `InputError`; it accepts text, as a command line gives it.
    help : str
        What it is and its unit.

    Returns
    -------
    dataclasses.Field
        With `parse` and `help` in its metadata.
    """
    return field(default=default, metadata={"parse": parse, "help": help})


def _as_text(default: Any) -> str:
    if isinstance(default, float) and 0 < default < 1e-2:
        return format_length(default)
    if isinstance(default, tuple) and default and all(isinstance(v, float) for v in default):
        texts = [_as_text(v) for v in default]
        return texts[0] if len(set(texts)) == 1 else ", ".join(texts)
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default)


def integer(low: int, high: int | None = None) -> Parser:
    """Return a parser of whole numbers in [low, high]."""

    def parse(value: Any, key: str) -> int:
        try:
            number = float(value)
            whole = int(number)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{key}: got {value!r}; give a whole number") from error
        if isinstance(value, bool) or whole != number or whole < low or (high is not None and whole > high):
            raise InputError(f"{key}: got {value!r}; allowed: whole numbers {low} to {high or '...'}")
        return whole

    return parse


def number(low: float, high: float) -> Parser:
    """Return a parser of numbers in [low, high]."""

    def parse(value: Any, key: str) -> float:
        try:
            result = float(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{key}: got {value!r}; give a number") from error
        if isinstance(value, bool) or not low <= result <= high:
            raise InputError(f"{key}: got {value!r}; allowed: {low:g} to {high:g}")
        return result

    return parse


def fraction(low: float = 0.0, high: float = 1.0) -> Parser:
    """Return a parser of volume fractions in [low, high]."""
    return number(low, high)


def flag(value: Any, key: str) -> bool:
    """Return a bool from a bool or from text such as ``"true"`` and ``"no"``."""
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if str(value).lower() not in words:
        raise InputError(f"{key}: got {value!r}; allowed: true, false")
    return words[str(value).lower()]


def choice(*allowed: str) -> Parser:
    """Return a parser of one of a few words."""

    def parse(value: Any, key: str) -> str:
        if value not in allowed:
            raise InputError(f"{key}: got {value!r}; allowed: {', '.join(allowed)}{nearest(str(value), allowed)}")
        return str(value)

    return parse


def name(value: Any, key: str) -> str:
    """Return a phase name."""
    try:
        return check_phase_name(value)
    except InputError as error:
        raise InputError(f"{key}: {error}") from error


def names(count: int) -> Parser:
    """Return a parser of at least `count` phase names, a sequence or text with commas."""

    def parse(value: Any, key: str) -> tuple[str, ...]:
        parts = [p.strip() for p in value.split(",")] if isinstance(value, str) else list(value)
        if len(parts) < count or len(set(parts)) < len(parts):
            raise InputError(f"{key}: got {value!r}; give at least {count} different phase names")
        return tuple(name(part, key) for part in parts)

    return parse


def length(value: Any, key: str) -> float:
    """Return a positive length in m."""
    return parse_length(value, name=key)


def length_or_zero(value: Any, key: str) -> float:
    """Return a length in m that may be 0."""
    return 0.0 if str(value).split(" ")[0] in ("0", "0.0") else parse_length(value, name=key)


def lengths(value: Any, key: str) -> tuple[float, ...]:
    """Return one or more positive lengths in m; text is split at commas."""
    parts = value.split(",") if isinstance(value, str) else list(value) if isinstance(value, Sequence) else [value]
    return tuple(parse_length(p.strip() if isinstance(p, str) else p, name=key) for p in parts)


def size_of_voxel(value: Any, key: str) -> tuple[float, float, float]:
    """Return the voxel size along x, y, z in m."""
    return parse_spacing(value, name=key)


def shape(value: Any, key: str) -> tuple[int, int, int]:
    """Return the number of voxels along x, y, z from one or three whole numbers (text: ``"64"``, ``"64,64,32"``)."""
    if isinstance(value, str):
        value = value.replace("x", ",").split(",")
    parts = list(value) if isinstance(value, (Sequence, np.ndarray)) else [value] * 3
    parts = parts * 3 if len(parts) == 1 else parts
    if len(parts) != 3:
        raise InputError(f"{key}: got {value!r}; give one or three whole numbers (voxels along x, y, z)")
    x, y, z = (integer(1)(p.strip() if isinstance(p, str) else p, key) for p in parts)
    return (x, y, z)
