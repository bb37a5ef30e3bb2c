"""How long a classic netCDF file must be by its own header: the library reads a file cut short as if it held zeros."""

from __future__ import annotations

import struct
from pathlib import Path

__all__ = ["classic_size"]

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
_HEAD = 1 << 24


class _Head:
    """The header of a classic file: big-endian counts, names padded to four bytes."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at, self.version = raw, 4, raw[3]

    def number(self, width: int = 0) -> int:
        width = width or (8 if self.version == 5 else 4)
        (found,) = struct.unpack_from(">q" if width == 8 else ">i", self.raw, self.at)
        self.at += width
        return int(found)

    def bytes(self, count: int) -> None:
        self.at += count + -count % 4

    def items(self) -> range:
        self.number(4)
        return range(self.number())

    def attributes(self) -> None:
        for _ in self.items():
            self.bytes(self.number())
            size = _SIZES[self.number(4)]
            self.bytes(size * self.number())


def classic_size(path: Path) -> int | None:
    """Return the least length of a classic netCDF file in bytes, or None for another kind of file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    int or None
        Where its last value ends, by the published layout of CDF-1, CDF-2 and CDF-5.

    Raises
    ------
    ValueError
        If the header itself is cut short or damaged.

    Examples
    --------
    >>> classic_size(Path("mesh.e"))  # doctest: +SKIP
    131072
    """
    with path.open("rb") as file:
        raw = file.read(_HEAD)
    if raw[:3] != b"CDF" or len(raw) < 4 or raw[3] not in (1, 2, 5):
        return None
    try:
        return _needed(_Head(raw))
    except (struct.error, KeyError, IndexError) as error:
        raise ValueError("the header is cut short") from error


def _needed(head: _Head) -> int:
    records = max(head.number(), 0)
    lengths = []
    for _ in head.items():
        head.bytes(head.number())
        lengths.append(head.number())
    head.attributes()
    ends, rows = [0], []
    for _ in head.items():
        head.bytes(head.number())
        shape = [lengths[head.number()] for _ in range(head.number())]
        head.attributes()
        size = _SIZES[head.number(4)]
        head.number()  # the size as stored, which may not fit
        begin = head.number(4 if head.version == 1 else 8)
        is_record = bool(shape) and shape[0] == 0
        for length in shape[is_record:]:
            size *= length
        if is_record:
            rows.append((begin, size))
        else:
            ends.append(begin + size)
    step = sum(size + -size % 4 for _, size in rows) if len(rows) > 1 else sum(size for _, size in rows)
    if records:
        ends += [begin + (records - 1) * step + size for begin, size in rows]
    return max(ends)
