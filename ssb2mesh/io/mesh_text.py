"""What the text formats share: quick rows of numbers, and our header in comment lines that other readers skip."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ssb2mesh.io.mesh_common import MeshData, header_of, parse_header
from ssb2mesh.io.mesh_gmsh import tets_crc32
from ssb2mesh.mesh import TaggedMesh

__all__ = ["find_header", "header_lines", "lost_fields", "parse_numbers", "rows_of_sets", "write_rows"]

_CHUNK = 1 << 16
_PIECE = 56


def write_rows(file: BinaryIO, line: str, columns: Iterable[npt.ArrayLike]) -> None:
    r"""Write columns of numbers as lines of text.

    Parameters
    ----------
    file : binary file
        Where to write.
    line : str
        Format of a line in the manner of ``%``, line end included; ``%.17g`` gives a double back to the last bit.
    columns : iterable of (n,) arrays
        One for each number of the line.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> write_rows(file, "%d %.17g\n", [[1, 2], [0.5, 0.25]])
    >>> file.getvalue()
    b'1 0.5\n2 0.25\n'
    """
    arrays = [np.atleast_1d(np.asarray(column)) for column in columns]
    for start in range(0, len(arrays[0]), _CHUNK):
        lists = [array[start : start + _CHUNK].tolist() for array in arrays]
        file.write("".join([line % row for row in zip(*lists, strict=True)]).encode())


def header_lines(mesh: TaggedMesh, prefix: str, **extra: Any) -> str:
    """Return the names, box and metadata of a mesh as short comment lines of ASCII without blanks.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    prefix : str
        What starts a comment in the format.
    **extra
        More to keep, JSON-able.

    Returns
    -------
    str
        Lines of at most 80 characters, for `find_header`.
    """
    own = json.loads(header_of(mesh)) | {"tets_crc32": tets_crc32(mesh.tets)} | extra
    text = json.dumps(own, separators=(",", ":")).replace(" ", "\\u0020")
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return "".join(f"{prefix} ssb2mesh: {piece}\n" for piece in pieces)


def find_header(raw: bytes, prefix: str, path: Path) -> dict[str, Any] | None:
    """Return what `header_lines` wrote into a file, or None when the file is not ours.

    Parameters
    ----------
    raw : bytes
        The file.
    prefix : str
        What starts a comment in the format.
    path : Path
        The file, for the error.

    Returns
    -------
    dict or None
        The header.

    Raises
    ------
    InputError
        If the header is damaged or of a newer version.
    """
    mark = re.escape(f"{prefix} ssb2mesh: ".encode())
    first = re.search(rb"^" + mark, raw, re.MULTILINE)
    if first is None:
        return None
    block = re.match(rb"(?:" + mark + rb"\S*[ \r]*\n)+", raw[first.start() :])
    pieces = re.findall(rb"^" + mark + rb"(\S*)", block.group(0), re.MULTILINE) if block else []
    return parse_header(b"".join(pieces).decode(errors="replace"), path)


def lost_fields(data: MeshData, what: str) -> list[str]:
    """Return the clause that tells which fields a format without fields leaves out.

    Parameters
    ----------
    data : MeshData
        Mesh and fields.
    what : str
        Name of the format.

    Returns
    -------
    list of str
        None or one clause, for `ssb2mesh.io.mesh_names.warn_loss`.

    Examples
    --------
    >>> lost_fields(MeshData(mesh, {"phi": phi}), "Nastran")  # doctest: +SKIP
    ["Nastran holds no fields here: 'phi' left out"]
    """
    fields = [repr(name) for name in [*data.point_data, *data.cell_data]]
    return [f"{what} holds no fields here: {', '.join(fields)} left out"] if fields else []


def rows_of_sets(
    sets: Mapping[str, npt.NDArray[np.integer]], tags: Mapping[str, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return facet rows and their tags, sorted by tag, from triangles by set.

    Parameters
    ----------
    sets : mapping of str to (k, 3) int array
        Triangles of each set.
    tags : mapping of str to int
        Tag of each set.

    Returns
    -------
    facets : (f, 3) int64 array
    facet_tags : (f,) int32 array

    Examples
    --------
    >>> rows_of_sets({"b": np.array([[0, 1, 2]]), "a": np.array([[1, 2, 3]])}, {"a": 1, "b": 2})[1]
    array([1, 2], dtype=int32)
    """
    names = sorted(sets, key=lambda name: tags[name])
    none: npt.NDArray[np.int64] = np.zeros((0, 3), np.int64)
    facets = np.concatenate([none, *(sets[name].astype(np.int64) for name in names)])
    numbers = [np.full(len(sets[name]), tags[name], np.int32) for name in names]
    return facets, np.concatenate([np.zeros(0, np.int32), *numbers])


def parse_numbers(text: bytes, kind: type) -> npt.NDArray:
    r"""Return the numbers in a text.

    Parameters
    ----------
    text : bytes
        Numbers separated by blanks, line ends or commas.
    kind : type
        ``int`` or ``float``.

    Returns
    -------
    (n,) int64 or float64 array
        The numbers.

    Raises
    ------
    ValueError
        If something else stands among them.

    Examples
    --------
    >>> parse_numbers(b"1, 2\n3\n", int)
    array([1, 2, 3])
    """
    plain = text.replace(b",", b" ") if b"," in text else text
    if not plain.strip():
        return np.zeros(0, np.int64 if kind is int else np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(plain, np.int64 if kind is int else np.float64, sep=" ")
        except DeprecationWarning:
            raise ValueError("something that is no number stands among numbers") from None
