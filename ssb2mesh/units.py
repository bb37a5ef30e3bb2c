"""Text with units, at the border only: ``"0.4 um"`` to metres and back. Inside, everything is SI."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ssb2mesh.errors import InputError

__all__ = ["LENGTH_UNITS", "format_length", "length_text", "parse_length", "parse_spacing"]

#: Metres per unit of length.
LENGTH_UNITS = {
    "m": 1.0,
    "cm": 1e-2,
    "mm": 1e-3,
    "um": 1e-6,
    "µm": 1e-6,
    "μm": 1e-6,
    "micron": 1e-6,
    "nm": 1e-9,
    "A": 1e-10,
}

_NUMBER = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s]\S*)?\s*$")


def parse_length(text: str | float, *, name: str = "length") -> float:
    """Return a length in metres.

    Parameters
    ----------
    text : str or float
        A number in metres, or text with a unit such as ``"0.4 um"``.
    name : str
        What to call the argument in an error.

    Returns
    -------
    float
        Length in m, positive.

    Raises
    ------
    InputError
        If there is no number, no unit (in text), an unknown unit, or the length is not positive and finite.

    Examples
    --------
    >>> parse_length("0.4 um")
    4e-07
    """
    if isinstance(text, str):
        found = _NUMBER.match(text)
        if not found or found.group(2) is None:
            raise InputError(
                f"{name}: got {text!r}; give a number and a unit, such as '0.4 um' ({', '.join(LENGTH_UNITS)})"
            )
        unit = found.group(2)
        if unit not in LENGTH_UNITS:
            raise InputError(f"{name}: unknown unit {unit!r} in {text!r}; allowed: {', '.join(LENGTH_UNITS)}")
        number = found.group(1)
        # through the decimal exponent, not by a product: "0.4 um" must be the float that a user would write
        exponent = round(float(np.log10(LENGTH_UNITS[unit])))
        value = float(number) * LENGTH_UNITS[unit] if "e" in number.lower() else float(f"{number}e{exponent}")
    else:
        value = float(text)
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"{name}: got {text!r}; a length must be positive and finite")
    return value


def parse_spacing(
    value: str | float | Sequence[str | float], *, name: str = "voxel_size"
) -> tuple[float, float, float]:
    """Return a voxel size along x, y, z in metres.

    Parameters
    ----------
    value : str, float, or three of them
        One length for cubic voxels or three for x, y, z; text may hold them separated by commas or ``x``
        (``"0.4 um"``, ``"1,1,2 um"``, ``"1 um, 1 um, 2 um"``).
    name : str
        What to call the argument in an error.

    Returns
    -------
    tuple of three float
        Voxel size in m.

    Raises
    ------
    InputError
        If there are not one or three lengths, or one cannot be read.

    Examples
    --------
    >>> parse_spacing("1,1,2 um")
    (1e-06, 1e-06, 2e-06)
    """
    parts: list[str | float]
    if isinstance(value, str):
        parts = [part for part in re.split(r"\s*,\s*|\s+x\s+", value.strip()) if part]
        last = _NUMBER.match(str(parts[-1])) if parts else None
        if last and last.group(2):
            parts = [f"{p} {last.group(2)}" if _is_bare_number(str(p)) else p for p in parts]
    elif isinstance(value, (int, float, np.number)):
        parts = [float(value)]
    else:
        parts = list(value)
    if len(parts) == 1:
        parts = parts * 3
    if len(parts) != 3:
        raise InputError(f"{name}: got {len(parts)} lengths in {value!r}; give one (cubic voxels) or three (x, y, z)")
    x, y, z = (parse_length(part, name=name) for part in parts)
    return (x, y, z)


def _is_bare_number(text: str) -> bool:
    found = _NUMBER.match(text)
    return bool(found and found.group(2) is None)


def format_length(metres: float) -> str:
    """Return a length as short text with a fitting unit, such as ``"400 nm"``.

    Parameters
    ----------
    metres : float
        Length in m.

    Returns
    -------
    str
        Up to five significant digits.

    Examples
    --------
    >>> format_length(4e-07)
    '400 nm'
    """
    for unit, scale in (("m", 1.0), ("mm", 1e-3), ("um", 1e-6), ("nm", 1e-9)):
        if abs(metres) >= scale:
            return f"{metres / scale:.5g} {unit}"
    return f"{metres:.5g} m"


def length_text(metres: float, *, digits: int = 4, micro: str = "µm") -> str:
    """Return a measured length as text, rounded, in the unit that fits.

    Parameters
    ----------
    metres : float
        Length, m.
    digits : int
        Significant digits.
    micro : str
        How micrometres are written: ``"um"`` where only ASCII is safe.

    Returns
    -------
    str
        Number and unit.

    Examples
    --------
    >>> length_text(3.98765e-7, micro="um")
    '398.8 nm'
    """
    return format_length(float(f"{metres:.{digits}g}")).replace("um", micro)
