"""Numbers in columns of fixed width, formatted by array arithmetic: several times as quick as a line at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Column", "decimal_parts", "integer_field", "scientific_field", "short_field", "write_fields"]

_CHUNK = 1 << 16
_BLANK, _ZERO = ord(" "), ord("0")
Text = npt.NDArray[np.uint8]


class Column(NamedTuple):
    """Whole numbers of all lines.

    Attributes
    ----------
    values : (n,) int array
        Not negative.
    width : int
        Characters.
    plus : int
        Is added to each on the way out.
    """

    values: npt.NDArray[np.integer]
    width: int
    plus: int = 0


def integer_field(values: npt.NDArray[np.integer], width: int) -> Text:
    """Return integers as right-aligned text.

    Parameters
    ----------
    values : (n,) int array
        Not negative and of no more digits than `width`.
    width : int
        Characters.

    Returns
    -------
    (n, width) uint8 array
        Characters.

    Examples
    --------
    >>> import numpy as np
    >>> integer_field(np.array([0, 123]), 5).tobytes()
    b'    0  123'
    """
    text = np.full((len(values), width), _BLANK, np.uint8)
    # half the bytes are half the time
    rest: npt.NDArray[Any] = values.astype(np.int32 if width <= 9 else np.int64)
    text[:, -1] = _ZERO
    for column in range(width - 1, -1, -1):
        higher = rest // 10
        text[:, column] = np.where(rest > 0, rest - 10 * higher + _ZERO, text[:, column])
        rest = higher
        if not rest.any():
            break
    return text


def decimal_parts(
    values: npt.NDArray[np.float64], digits: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return sign, digits and power of ten of numbers, rounded.

    Parameters
    ----------
    values : (n,) float array
        Finite.
    digits : int
        Digits behind the point, at most 16.

    Returns
    -------
    negative : (n,) bool array
    mantissa : (n,) int64 array
        All digits as a whole number of ``digits + 1`` digits; 0 for 0.
    power : (n,) int64 array
        Of ten; 0 for 0.

    Examples
    --------
    >>> import numpy as np
    >>> [part.tolist() for part in decimal_parts(np.array([-0.0255, 9.999]), 2)]
    [[True, False], [255, 100], [-2, 1]]
    """
    size = np.abs(values)
    some = size > 0
    power = np.zeros(len(values), np.int64)
    power[some] = np.floor(np.log10(size[some]))
    low, high = 10**digits, 10 ** (digits + 1)
    # with more bits than a double has, so that only ties may round the other way
    scaled = size.astype(np.longdouble) * _powers(digits - power)
    power[some & (scaled < low)] -= 1  # a logarithm that was rounded up
    power[scaled >= high] += 1
    mantissa = np.rint(size.astype(np.longdouble) * _powers(digits - power)).astype(np.int64)
    over = mantissa == high
    mantissa[over] = low
    power[over] += 1
    return values < 0, mantissa, power


def _powers(exponents: npt.NDArray[np.int64]) -> npt.NDArray[np.longdouble]:
    found, inverse = np.unique(exponents, return_inverse=True)
    table = np.array([np.longdouble(f"1e{k}") for k in found.tolist()], np.longdouble)
    return table[inverse]


def _digits(mantissa: npt.NDArray[np.int64], digits: int) -> Text:
    """A digit, the point, and the rest."""
    plain = integer_field(mantissa, digits + 1)
    plain[plain == _BLANK] = _ZERO
    point = np.full((len(plain), 1), ord("."), np.uint8)
    return np.concatenate([plain[:, :1], point, plain[:, 1:]], axis=1)


def scientific_field(values: npt.NDArray[np.float64], digits: int) -> Text:
    """Return numbers as ``-1.234E-006``, with a blank for a plus in front.

    Parameters
    ----------
    values : (n,) float array
        Finite.
    digits : int
        Digits behind the point.

    Returns
    -------
    (n, digits + 8) uint8 array
        Characters.

    Examples
    --------
    >>> import numpy as np
    >>> scientific_field(np.array([-1.5e-6]), 3).tobytes()
    b'-1.500E-006'
    """
    negative, mantissa, power = decimal_parts(values, digits)
    text = np.empty((len(values), digits + 8), np.uint8)
    text[:, 0] = np.where(negative, ord("-"), _BLANK)
    text[:, 1 : digits + 3] = _digits(mantissa, digits)
    text[:, digits + 3] = ord("E")
    text[:, digits + 4] = np.where(power < 0, ord("-"), ord("+"))
    tail = integer_field(np.abs(power), 3)
    tail[tail == _BLANK] = _ZERO
    text[:, digits + 5 :] = tail
    return text


def short_field(values: npt.NDArray[np.float64], width: int) -> Text:
    """Return numbers with as many digits as a field holds, the power without E: ``1.234567890123-6``.

    Parameters
    ----------
    values : (n,) float array
        Finite.
    width : int
        Characters.

    Returns
    -------
    (n, width) uint8 array
        Characters, right-aligned.

    Examples
    --------
    >>> import numpy as np
    >>> short_field(np.array([0.0, -2.5e-7]), 8).tobytes()
    b'0.000000-2.500-7'
    """
    text = np.full((len(values), width), _BLANK, np.uint8)
    negative, _, power = decimal_parts(values, max(width - 7, 0))
    tail = np.where(power == 0, 0, np.where(np.abs(power) < 10, 2, np.where(np.abs(power) < 100, 3, 4)))
    room = width - negative - 2 - tail
    for wanted in np.unique(np.stack([negative, tail, room]), axis=1).T.tolist():
        minus, length, digits = wanted
        digits = min(digits, 16)
        rows = np.flatnonzero((negative == minus) & (tail == length))
        _, mantissa, exact = decimal_parts(values[rows], digits)
        part = [np.full((len(rows), 1), ord("-"), np.uint8)] if minus else []
        part.append(_digits(mantissa, digits))
        if length:
            part.append(np.where(exact < 0, ord("-"), ord("+")).astype(np.uint8)[:, None])
            part.append(integer_field(np.abs(power[rows]), length - 1))
        made = np.concatenate(part, axis=1)
        text[rows, width - made.shape[1] :] = made
        for row in rows[exact != power[rows]].tolist():  # so near to a power of ten that its room depends on rounding
            text[row] = np.frombuffer(_short(float(values[row]), width), np.uint8)
    return text


def _short(value: float, width: int) -> bytes:
    for digits in range(width - 3, -1, -1):
        mantissa, _, power = f"{value:.{digits}E}".partition("E")
        text = mantissa + (f"{int(power):+d}" if int(power) else "")
        if len(text) <= width:
            break
    return f"{text:>{width}}".encode()


def write_fields(file: BinaryIO, fields: Sequence[bytes | Column]) -> None:
    r"""Write lines of integers in columns.

    Parameters
    ----------
    file : binary file
        Where to write.
    fields : sequence
        Of each line, in order: text that is the same on every line, or a column. The line end is text as well.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> out = io.BytesIO()
    >>> write_fields(out, [b"GRID", Column(np.array([1, 20]), 3), b"\n"])
    >>> out.getvalue()
    b'GRID  1\nGRID 20\n'
    """
    count = next(len(field.values) for field in fields if isinstance(field, Column))
    widths = [field.width if isinstance(field, Column) else len(field) for field in fields]
    ends = np.cumsum([0, *widths]).tolist()
    lines = np.empty((min(count, _CHUNK), ends[-1]), np.uint8)
    for field, start, stop in zip(fields, ends[:-1], ends[1:], strict=True):
        if isinstance(field, bytes):
            lines[:, start:stop] = np.frombuffer(field, np.uint8)
    for first in range(0, count, _CHUNK):
        part = lines[: min(_CHUNK, count - first)]
        for field, start, stop in zip(fields, ends[:-1], ends[1:], strict=True):
            if isinstance(field, Column):
                part[:, start:stop] = integer_field(field.values[first : first + _CHUNK] + field.plus, field.width)
        file.write(part.tobytes())
