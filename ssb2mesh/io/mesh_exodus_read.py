"""Reading Exodus II: our own files exactly, those of other programs by the names of their blocks and side sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import MeshData, mesh_from_header
from ssb2mesh.io.mesh_exodus_layout import EXODUS_SIDE, component_names, import_netcdf
from ssb2mesh.io.mesh_gmsh import physical_numbers, tets_crc32
from ssb2mesh.io.mesh_names import house_name
from ssb2mesh.io.netcdf_size import classic_size
from ssb2mesh.mesh import TET_SIDES, TaggedMesh, corner_keys

if TYPE_CHECKING:
    import netCDF4

__all__ = ["exodus_times", "read_exodus"]

#: Our number of each side of Exodus, 1 to 4.
_SIDE = np.argsort(EXODUS_SIDE)


def exodus_times(path: str | Path) -> npt.NDArray[np.float64]:
    """Return the times of the steps in an Exodus file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    (t,) float array
        Times, s.

    Raises
    ------
    InputError
        If the file is no Exodus file.

    Examples
    --------
    >>> exodus_times("out.e")  # doctest: +SKIP
    array([0., 1.])
    """
    with _open(Path(path)) as file:
        return _values(file, "time_whole") if "time_whole" in file.variables else np.zeros(0)


def read_exodus(path: Path, *, step: int = -1) -> MeshData:
    """Read an Exodus file with the fields of one time step, the last one unless told otherwise.

    Parameters
    ----------
    path : Path
        The file.
    step : int
        Which time step: 0 the first, -1 the last.

    Returns
    -------
    MeshData
        Our own file: the mesh that was written. One of another program: a phase a block of tets, a facet set a side
        set. Names made by `ssb2mesh.io.mesh_exodus` are turned back (``A_B`` of blocks A and B is ``"A|B"``; ``B_A``
        is left out where it holds the same triangles); other cells than tets are left out.

    Raises
    ------
    InputError
        If the file is no Exodus file, is damaged, holds no tets or has no such step.
    """
    with _open(path) as file:
        try:
            return _read(file, path, step)
        except InputError:
            raise
        except (KeyError, IndexError, ValueError, RuntimeError, AttributeError) as error:
            raise InputError(f"path: {path} is a damaged or incomplete Exodus file ({error})") from error


def _open(path: Path) -> netCDF4.Dataset:
    netcdf = import_netcdf(path)
    if not path.exists():
        raise InputError(f"path: the mesh file {path} does not exist")
    try:
        needed = classic_size(path) or 0
    except ValueError as error:
        raise InputError(f"path: {path} is a damaged or truncated Exodus file ({error})") from error
    if path.stat().st_size < needed:
        missing = needed - path.stat().st_size
        raise InputError(f"path: {path} is truncated ({missing} bytes are missing); write the mesh again")
    try:
        file = netcdf.Dataset(path)
    except OSError as error:
        raise InputError(f"path: {path} is no readable Exodus (netCDF) file ({error})") from error
    file.set_auto_maskandscale(False)
    file.set_auto_chartostring(False)
    if "num_el_blk" not in file.dimensions:
        file.close()
        raise InputError(f"path: {path} is a netCDF file but no Exodus file (it has no element blocks)")
    return file


class _Block(NamedTuple):
    """A block of tets: its place in the file, id, name, number of its first element, and corners."""

    place: int
    number: int
    name: str
    first: int
    corners: npt.NDArray[np.integer]


def _read(file: netCDF4.Dataset, path: Path, step: int) -> MeshData:
    blocks = _tet_blocks(file, path)
    points = np.column_stack([_values(file, f"coord{axis}") for axis in "xyz"])
    own = _own_header(file)
    if own is not None:
        corners = np.concatenate([block.corners for block in blocks])
        order = _values(file, "elem_num_map").astype(np.int64) - 1 if "elem_num_map" in file.variables else None
        tets = _scatter(corners, order)
        # a program that keeps variables it does not know may have changed the mesh
        if own["tets_crc32"] == tets_crc32(tets):
            return _own(file, path, own, points, (tets, blocks, order), step)
    return _foreign(file, path, blocks, points, step)


def _tet_blocks(file: netCDF4.Dataset, path: Path) -> list[_Block]:
    numbers = _values(file, "eb_prop1").tolist()
    names = _texts(file, "eb_names", len(numbers))
    blocks, first = [], 0
    for place, (number, name) in enumerate(zip(numbers, names, strict=True), 1):
        if f"connect{place}" not in file.variables:  # an empty block
            continue
        variable = file.variables[f"connect{place}"]
        kind = str(getattr(variable, "elem_type", "")).strip("\0 ").upper()
        if kind.startswith("TET"):
            corners = variable[:, :4]
            corners -= 1
            blocks.append(_Block(place, _int32(number), name or f"block_{number}", first, corners))
        first += variable.shape[0]
    if not blocks:
        raise InputError(f"path: {path} holds no blocks of tets (TET4, TETRA4, TETRA10); only tets can be read")
    return blocks


def _own(
    file: netCDF4.Dataset, path: Path, own: dict, points: npt.NDArray[np.float64], cells: tuple, step: int
) -> MeshData:
    tets, blocks, order = cells
    tag_of = {number: own["cell_names"][name] for name, number in physical_numbers(own["cell_names"]).items()}
    tags = np.concatenate([np.full(len(b.corners), tag_of[b.number], np.int32) for b in blocks])
    rows = "ssb2mesh_facets" in file.variables
    mesh = mesh_from_header(
        json.dumps(own),
        path,
        points=points[: own["n_points"]],
        tets=tets,
        cell_tags=_scatter(tags, order),
        facets=_values(file, "ssb2mesh_facets") if rows else np.zeros((0, 3), np.int32),
        facet_tags=_values(file, "ssb2mesh_facet_tags") if rows else np.zeros(0, np.int32),
    )
    fields = []
    for where, read in (("point_data", _nodal), ("cell_data", _elemental)):
        made, at = {}, 1
        for name, kind, shape in own[where]:
            parts = len(component_names(name, shape))
            columns = [read(file, blocks, at + part, step, path) for part in range(parts)]
            values = np.stack(columns, axis=1) if shape else columns[0]
            values = _scatter(values, order) if where == "cell_data" else values[: mesh.n_points]
            made[name] = values.astype(kind)
            at += parts
        fields.append(made)
    return MeshData(mesh, *fields)


def _foreign(
    file: netCDF4.Dataset, path: Path, blocks: list[_Block], points: npt.NDArray[np.float64], step: int
) -> MeshData:
    phases = {block.name: block.number for block in blocks}
    if len(phases) < len(blocks):
        phases = {f"block_{block.number}": block.number for block in blocks}
    tets = np.concatenate([block.corners for block in blocks])
    tags = np.concatenate([np.full(len(b.corners), b.number, np.int32) for b in blocks])
    facets, facet_tags, facet_names = _sets(file, blocks, phases)
    if tets.min() < 0 or tets.max() >= len(points):
        raise InputError(f"path: {path} is damaged (an element names a node that is not there)")
    used = np.zeros(len(points), bool)
    used[tets.ravel()] = True
    # mid nodes and nodes of other cells go
    index = np.cumsum(used) - 1
    kind = np.int32 if len(points) < 2**31 else np.int64
    mesh = TaggedMesh(
        points[used],
        index[tets].astype(kind),
        tags,
        index[facets].astype(kind),
        facet_tags,
        phases,
        facet_names,
        metadata={"source": path.name},
    )
    point_data = {
        name: np.stack([_nodal(file, blocks, n, step, path)[used] for n in numbers], axis=-1)
        for name, numbers in _grouped(_texts(file, "name_nod_var", None)).items()
    }
    cell_data = {
        name: np.stack([_elemental(file, blocks, n, step, path) for n in numbers], axis=-1)
        for name, numbers in _grouped(_texts(file, "name_elem_var", None)).items()
    }
    flat = [{n: v[:, 0] if v.shape[1] == 1 else v for n, v in fields.items()} for fields in (point_data, cell_data)]
    return MeshData(mesh, *flat)


def _sets(
    file: netCDF4.Dataset, blocks: list[_Block], phases: dict[str, int]
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int32], dict[str, int]]:
    """The side sets as facet rows that point out of the elements they are on."""
    none: npt.NDArray[np.integer] = np.zeros((0, 3), np.int64)
    if "ss_prop1" not in file.variables:
        return none, np.zeros(0, np.int32), {}
    numbers = _values(file, "ss_prop1").tolist()
    texts = _texts(file, "ss_names", len(numbers))
    rows: dict[str, tuple[int, npt.NDArray[np.integer]]] = {}
    for place, (number, text) in enumerate(zip(numbers, texts, strict=True), 1):
        if f"elem_ss{place}" not in file.variables:
            continue
        element = _values(file, f"elem_ss{place}").astype(np.int64) - 1
        side = _SIDE[_values(file, f"side_ss{place}").astype(np.int64) - 1]
        parts = [none]
        for block in blocks:
            here = (element >= block.first) & (element < block.first + len(block.corners))
            corners = block.corners[element[here] - block.first]
            parts.append(np.take_along_axis(corners, TET_SIDES[side[here]], axis=1))
        name = house_name(text or f"side_set_{number}", phases)
        rows[name if name not in rows else f"{name}_{number}"] = (_int32(number), np.concatenate(parts))
    kept = {name: found for name, found in rows.items() if not _is_other_side(name, rows)}
    facets = np.concatenate([none, *(triangles for _, triangles in kept.values())])
    tags = [np.full(len(triangles), number, np.int32) for number, triangles in kept.values()]
    return facets, np.concatenate([np.zeros(0, np.int32), *tags]), {n: number for n, (number, _) in kept.items()}


def _is_other_side(name: str, rows: dict[str, tuple[int, npt.NDArray[np.integer]]]) -> bool:
    """Whether a set is ``"B|A"`` and holds the triangles of ``"A|B"`` once more."""
    first, bar, second = name.partition("|")
    other = f"{second}|{first}"
    if not bar or first < second or other not in rows:
        return False
    mine, its = (np.sort(corner_keys(rows[n][1])) for n in (name, other))
    return bool(np.array_equal(mine, its))


def _grouped(texts: list[str]) -> dict[str, list[int]]:
    """Variables by field: names that end in _x, _y, _z in a row are one vector."""
    fields: dict[str, list[int]] = {}
    at = 0
    while at < len(texts):
        stem = texts[at][:-2]
        vector = [text.lower() for text in texts[at : at + 3]] == [f"{stem.lower()}_{axis}" for axis in "xyz"]
        fields[stem if vector else texts[at]] = list(range(at + 1, at + (4 if vector else 2)))
        at += 3 if vector else 1
    return fields


def _nodal(file: netCDF4.Dataset, blocks: list[_Block], number: int, step: int, path: Path) -> npt.NDArray[np.float64]:
    del blocks
    return _record(file, f"vals_nod_var{number}", step, path)


def _elemental(
    file: netCDF4.Dataset, blocks: list[_Block], number: int, step: int, path: Path
) -> npt.NDArray[np.float64]:
    """A variable on all tets, not a number on blocks that do not have it."""
    parts = []
    for block in blocks:
        name = f"vals_elem_var{number}eb{block.place}"
        found = name in file.variables
        parts.append(_record(file, name, step, path) if found else np.full(len(block.corners), np.nan))
    return np.concatenate(parts)


def _record(file: netCDF4.Dataset, name: str, step: int, path: Path) -> npt.NDArray[np.float64]:
    steps = len(file.dimensions["time_step"])
    if not -steps <= step < steps:
        raise InputError(f"step: got {step}; {path.name} has {steps} time steps")
    return np.asarray(file.variables[name][step], float)


def _own_header(file: netCDF4.Dataset) -> dict[str, Any] | None:
    if "ssb2mesh_header" not in file.variables:
        return None
    header: dict[str, Any] = json.loads(_values(file, "ssb2mesh_header").tobytes().decode())
    return header


def _texts(file: netCDF4.Dataset, name: str, count: int | None) -> list[str]:
    if name not in file.variables:
        return [""] * (count or 0)
    rows = np.ascontiguousarray(_values(file, name))
    return [row.tobytes().split(b"\0")[0].decode(errors="replace").strip() for row in rows]


def _values(file: netCDF4.Dataset, name: str) -> npt.NDArray:
    found: npt.NDArray = file.variables[name][:]
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _scatter(values: npt.NDArray, order: npt.NDArray[np.int64] | None) -> npt.NDArray:
    """Rows of the file in the order of the mesh."""
    if order is None:
        return values
    made = np.empty_like(values)
    made[order] = values
    return made


def _int32(number: int) -> int:
    if not -(2**31) <= number < 2**31:
        raise InputError(f"ids of blocks and sets are 32-bit integers; got {number}")
    return int(number)
