"""What the mesh formats share: a mesh with its fields, checked arrays, JSON headers, whole-or-nothing writing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssb2mesh.disk import telling_full_disk
from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh

__all__ = ["FORMAT_VERSION", "Fields", "MeshData", "check_fields", "header_of", "mesh_from_header", "replacing"]

#: Version of the headers that ssb2mesh puts into files; readers refuse newer ones.
FORMAT_VERSION = 1

Fields = Mapping[str, npt.NDArray]


@dataclass(frozen=True, eq=False)
class MeshData:
    """A mesh and the fields on it.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    point_data : mapping of str to (n, ...) array
        Fields by point.
    cell_data : mapping of str to (m, ...) array
        Fields by tet; the phase tags are not among them.
    """

    mesh: TaggedMesh
    point_data: Fields = field(default_factory=dict)
    cell_data: Fields = field(default_factory=dict)


def check_fields(fields: Mapping[str, npt.ArrayLike] | None, count: int, *, where: str) -> dict[str, npt.NDArray]:
    """Return fields as little-endian arrays that every format can hold.

    Parameters
    ----------
    fields : mapping of str to (count,) or (count, k) or (count, k, l) array, or None
        Numbers; bool becomes uint8.
    count : int
        Number of points or of tets.
    where : str
        ``"point_data"`` or ``"cell_data"``, for the error.

    Returns
    -------
    dict of str to array
        One or two axes each; a tensor (count, k, l) becomes (count, k * l).

    Raises
    ------
    InputError
        If a name is empty or reserved, a length is wrong, or the values are not real numbers.

    Examples
    --------
    >>> check_fields({"potential": [0.0, 1.0]}, 2, where="point_data")
    {'potential': array([0., 1.])}
    """
    checked: dict[str, npt.NDArray] = {}
    for name, values in (fields or {}).items():
        array = np.ascontiguousarray(values)
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{where}: got the name {name!r}; a field needs a non-empty name")
        if where == "cell_data" and name == "phase":
            raise InputError("cell_data: the name 'phase' is kept for the phase tags; rename the field")
        if array.ndim == 0 or len(array) != count or array.ndim > 3:
            raise InputError(
                f"{where} {name!r}: got shape {array.shape}; expected ({count},), ({count}, k) or ({count}, k, l)"
            )
        if array.dtype == bool:
            array = array.astype(np.uint8)
        if array.dtype == np.float16 or array.dtype.kind == "f" and array.dtype.itemsize > 8:
            array = array.astype(np.float64)
        if array.dtype.kind not in "iuf":
            raise InputError(
                f"{where} {name!r}: got {array.dtype}; fields are real numbers (split complex ones in two)"
            )
        checked[name] = array.reshape(count, -1) if array.ndim == 3 else array
    return checked


def header_of(mesh: TaggedMesh) -> str:
    """Return the names, box and metadata of a mesh as JSON text, exact to the last bit.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh.

    Returns
    -------
    str
        One line.

    Raises
    ------
    InputError
        If the metadata hold something that JSON cannot.
    """
    header = {
        "format": "ssb2mesh",
        "version": FORMAT_VERSION,
        "cell_names": dict(mesh.cell_names),
        "facet_names": dict(mesh.facet_names),
        "box": np.asarray(mesh.box).tolist(),
        "index_types": [mesh.tets.dtype.str, mesh.facets.dtype.str],
        "metadata": dict(mesh.metadata),
    }
    try:
        return json.dumps(header, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise InputError(f"mesh.metadata: {error}; metadata hold text, numbers, lists and tables only") from error


def mesh_from_header(
    text: str,
    path: Path,
    *,
    points: npt.NDArray,
    tets: npt.NDArray,
    cell_tags: npt.NDArray,
    facets: npt.NDArray,
    facet_tags: npt.NDArray,
) -> TaggedMesh:
    """Put a mesh together from its arrays and the text of `header_of`.

    Parameters
    ----------
    text : str
        JSON header.
    path : Path
        The file, for the error.
    points, tets, cell_tags, facets, facet_tags : arrays
        As in `TaggedMesh`.

    Returns
    -------
    TaggedMesh
        The mesh that was written.

    Raises
    ------
    InputError
        If the header cannot be read or is of a newer version.
    """
    header = parse_header(text, path)
    tet_type, facet_type = (np.dtype(kind) for kind in header.get("index_types", [tets.dtype.str, facets.dtype.str]))
    return TaggedMesh(
        points,
        tets.astype(tet_type, copy=False),
        cell_tags,
        facets.astype(facet_type, copy=False),
        facet_tags,
        header["cell_names"],
        header["facet_names"],
        np.array(header["box"], float),
        header["metadata"],
    )


def parse_header(text: str, path: Path) -> dict:
    """Return the header of `header_of` as a dict; InputError if it is none or newer than this version."""
    try:
        header = json.loads(text)
        version = int(header["version"])
        for key in ("cell_names", "facet_names", "box", "metadata"):
            header[key]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"path: {path} has a damaged ssb2mesh header ({error}); write the mesh again") from error
    if version > FORMAT_VERSION:
        raise InputError(
            f"path: {path} is of format version {version}, this ssb2mesh reads up to {FORMAT_VERSION}; update"
        )
    return header


@contextmanager
def replacing(*paths: Path) -> Iterator[list[Path]]:
    """Give temporary names beside `paths`; put them in place together when the block ends well, else remove them.

    Parameters
    ----------
    *paths : Path
        Final names; their folders must exist.

    Yields
    ------
    list of Path
        Where to write.

    Raises
    ------
    InputError
        If a folder is missing or a path is a folder.
    DiskFullError
        If there is no room.
    """
    for path in paths:
        if not path.parent.is_dir():
            raise InputError(f"path: the folder {path.parent} does not exist; create it first")
        if path.is_dir():
            raise InputError(f"path: {path} is a folder; give the name of a file")
    temporary = [path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}") for path in paths]
    try:
        with telling_full_disk(paths[0], written=lambda: sum(p.stat().st_size for p in temporary if p.is_file())):
            yield temporary
        for source, target in zip(temporary, paths, strict=True):
            source.replace(target)
    finally:
        for source in temporary:
            source.unlink(missing_ok=True)


def safe_key(name: str, taken: set[str]) -> str:
    """Return a dataset name without slashes and control characters that is not taken yet, and take it."""
    key = re.sub(r"[\x00-\x1f/:.]", "_", name).strip() or "field"
    unique, n = key, 2
    while unique in taken:
        unique, n = f"{key}_{n}", n + 1
    taken.add(unique)
    return unique


def _plain(value: object) -> object:
    """JSON form of what metadata commonly hold beside plain types."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is not JSON-able")
