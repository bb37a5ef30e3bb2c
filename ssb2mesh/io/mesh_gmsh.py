"""Writing Gmsh MSH 4.1 and 2.2, ascii or binary, with physical names. No gmsh package is needed.

4.1: one volume entity a phase; one surface entity an *atom* (see `ssb2mesh.facet_atoms`), which carries the physical
tag of every set that it lies in, so each triangle is in the file once. 2.2 knows one physical tag an element: there a
triangle is written once per set, as Gmsh itself does. What MSH has no place for (exact names, box, metadata, the order
of facet rows) goes into sections of our own, ``$Ssb2mesh`` and ``$Ssb2meshRows``, which other readers skip.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.facet_atoms import AtomTable, atom_table
from ssb2mesh.io.mesh_common import Fields, MeshData, header_of, replacing
from ssb2mesh.io.mesh_names import warn_loss
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.second_order import SecondOrder, check_order, second_order

__all__ = ["physical_numbers", "tets_crc32", "write_gmsh", "write_gmsh_nodes"]

_CHUNK = 1 << 17
#: Gmsh cuts physical names here (bytes).
_NAME_BYTES = 127


def write_gmsh(
    data: MeshData, path: Path, *, version: str = "4.1", binary: bool = True, order: int = 1, curved: bool = True
) -> None:
    """Write a ``.msh`` file; see `ssb2mesh.io.meshes.write_mesh`.

    Parameters
    ----------
    data : MeshData
        Mesh and fields; fields become ``$NodeData`` and ``$ElementData`` in double precision.
    path : Path
        The file.
    version : str
        ``"4.1"`` or ``"2.2"``.
    binary : bool
        Binary or ascii.
    order : int
        1: four nodes a tet; 2: ten.
    curved : bool
        Of order 2: move mid nodes to smooth interfaces where tets stay valid; told. Otherwise all edges are straight.

    Raises
    ------
    InputError
        If the version or the order is another one, or a field is wider than nine components.
    """
    check_order(order)
    if version not in ("4.1", "2.2"):
        raise InputError(f"version: got {version!r}; MSH versions written: '4.1', '2.2'")
    second = second_order(data.mesh, curved=curved) if order == 2 else None
    write_gmsh_nodes(data, path, second, version=version, binary=binary)
    warn_loss(path, second.told if second else [])


def write_gmsh_nodes(
    data: MeshData, path: Path, second: SecondOrder | None, *, version: str = "4.1", binary: bool = True
) -> None:
    """Write a ``.msh`` file with mid nodes that are given.

    Parameters
    ----------
    data : MeshData
        Mesh and fields.
    path : Path
        The file.
    second : SecondOrder or None
        Nodes of second order; None: first order.
    version, binary : str, bool
        As in `write_gmsh`.

    Examples
    --------
    >>> write_gmsh_nodes(data, Path("mesh.msh"), second_order(data.mesh))  # doctest: +SKIP
    """
    mesh = data.mesh
    for name, values in [*data.point_data.items(), *data.cell_data.items()]:
        if values.ndim == 2 and values.shape[1] > 9:
            raise InputError(f"field {name!r}: {values.shape[1]} components; MSH holds up to nine, write .vtu or .xdmf")
    with replacing(path) as (part,), part.open("wb") as file:
        out = _Out(file, binary)
        out.text(f"$MeshFormat\n{version} {int(binary)} 8\n")
        if binary:
            file.write(np.array([1], "<i4").tobytes() + b"\n")
        out.text("$EndMeshFormat\n")
        _write_own_sections(out, data, mesh.n_points if second is None else len(second.points))
        _write_physical_names(out, mesh)
        if version == "4.1":
            table = atom_table(mesh)
            _write_entities(out, mesh, table)
            _write_nodes41(out, mesh, table, second)
            _write_elements41(out, mesh, table, second)
        else:
            _write_nodes22(out, mesh.points if second is None else second.points)
            _write_elements22(out, mesh, second)
        point_data = data.point_data
        if second is not None:
            point_data = {name: second.on_nodes(values) for name, values in point_data.items()}
        for section, fields in (("NodeData", point_data), ("ElementData", data.cell_data)):
            _write_fields(out, section, fields)


def physical_numbers(names: Mapping[str, int]) -> dict[str, int]:
    """Return the physical tag of each name: the tag itself, or 1, 2, ... when a tag is not positive.

    Parameters
    ----------
    names : mapping of str to int
        Names and tags of a `TaggedMesh`.

    Returns
    -------
    dict of str to int
        Positive numbers.
    """
    if all(tag > 0 for tag in names.values()):
        return dict(names)
    return {name: i for i, name in enumerate(names, start=1)}


def tets_crc32(tets: npt.NDArray[np.integer]) -> int:
    """Return a checksum of connectivity, the same for any integer type."""
    crc = 0
    for start in range(0, len(tets), _CHUNK):
        crc = zlib.crc32(np.ascontiguousarray(tets[start : start + _CHUNK], dtype="<i8"), crc)
    return crc


class _Out:
    """Rows of mixed integers and floats, as text or as packed bytes."""

    def __init__(self, file: BinaryIO, binary: bool) -> None:
        self.file, self.binary = file, binary

    def text(self, text: str) -> None:
        self.file.write(text.encode())

    def rows(self, kinds: str, columns: Iterable[npt.ArrayLike]) -> None:
        """Write rows; `kinds` has a letter a column: i (int32), Q (size_t), d (double)."""
        arrays = [np.atleast_1d(np.asarray(c)) for c in columns]
        count = len(arrays[0])
        if self.binary:
            dtype = np.dtype([(f"f{n}", {"i": "<i4", "Q": "<u8", "d": "<f8"}[k]) for n, k in enumerate(kinds)])
            for start in range(0, count, _CHUNK):
                block = np.empty(min(_CHUNK, count - start), dtype)
                for n, array in enumerate(arrays):
                    block[f"f{n}"] = array[start : start + _CHUNK]
                self.file.write(block.tobytes())
            return
        line = " ".join("%.17g" if k == "d" else "%d" for k in kinds) + "\n"
        for start in range(0, count, _CHUNK):
            columns_of = [array[start : start + _CHUNK].tolist() for array in arrays]
            self.file.write("".join([line % row for row in zip(*columns_of, strict=True)]).encode())

    def end(self, section: str) -> None:
        self.text(f"\n$End{section}\n" if self.binary else f"$End{section}\n")


def _write_own_sections(out: _Out, data: MeshData, nodes: int) -> None:
    mesh = data.mesh
    own = json.loads(header_of(mesh))
    own["cell_physical"] = physical_numbers(mesh.cell_names)
    own["facet_physical"] = physical_numbers(mesh.facet_names)
    # Gmsh keeps sections that it does not know when it saves a mesh that it has changed
    own |= {"tets_crc32": tets_crc32(mesh.tets), "n_points": mesh.n_points, "n_nodes": nodes}
    for where, fields in (("point_data", data.point_data), ("cell_data", data.cell_data)):
        own[where] = [[name, a.dtype.str, list(a.shape[1:])] for name, a in fields.items()]
    # other readers look for a line that starts with a dollar to find the end of a section they skip
    text = json.dumps(own, ensure_ascii=False, indent=0).replace("$", "\\u0024")
    out.text(f"$Ssb2mesh\n{text}\n$EndSsb2mesh\n")
    if len(mesh.facets):
        rows = np.column_stack([mesh.facet_tags, mesh.facets]).astype(f"<i{mesh.facets.dtype.itemsize}")
        packed = base64.encodebytes(zlib.compress(rows.tobytes(), 1)).decode()
        out.text(f"$Ssb2meshRows\n{packed}$EndSsb2meshRows\n")


def _write_physical_names(out: _Out, mesh: TaggedMesh) -> None:
    taken: set[str] = set()
    lines = []
    for dimension, names in ((2, physical_numbers(mesh.facet_names)), (3, physical_numbers(mesh.cell_names))):
        lines += [f'{dimension} {number} "{_short(name, number, taken)}"' for name, number in names.items()]
    out.text("\n".join(["$PhysicalNames", str(len(lines)), *lines, "$EndPhysicalNames", ""]))


def _short(name: str, number: int, taken: set[str]) -> str:
    """A name that Gmsh can hold: one line, no double quotes, at most 127 bytes, not used twice."""
    text = re.sub(r"[\x00-\x1f]", " ", name).replace('"', "'").replace("$End", "End")
    if len(text.encode()) > _NAME_BYTES or text in taken:
        suffix = f"~{number}"
        text = text.encode()[: _NAME_BYTES - len(suffix)].decode(errors="ignore") + suffix
    taken.add(text)
    return text


def _write_entities(out: _Out, mesh: TaggedMesh, table: AtomTable) -> None:
    cell_numbers, facet_numbers = physical_numbers(mesh.cell_names), physical_numbers(mesh.facet_names)
    name_of = {tag: name for name, tag in mesh.facet_names.items()}
    triangles = mesh.facets[table.first_row]
    phases = [name for name, tag in mesh.cell_names.items() if (mesh.cell_tags == tag).any()]
    out.text("$Entities\n")
    out.rows("QQQQ", [0, 0, len(table.members), len(phases)])
    bounds: dict[str, list[int]] = {name: [] for name in phases}
    for atom, start, stop in _runs(table.atoms):
        sets = [name_of[tag] for tag in table.members[atom - 1]]
        for name, sign in _neighbours(sets):
            if name in bounds:
                bounds[name].append(sign * atom)
        _write_entity(out, atom, mesh.points[triangles[start:stop].ravel()], [facet_numbers[s] for s in sets], [])
    for name in phases:
        used = np.zeros(mesh.n_points, bool)
        for rows in _parts(mesh, mesh.cell_names[name]):
            used[mesh.tets[rows].ravel()] = True
        _write_entity(out, cell_numbers[name], mesh.points[used], [cell_numbers[name]], bounds[name])
    out.end("Entities")


def _write_entity(
    out: _Out, tag: int, corners: npt.NDArray[np.float64], physical: list[int], bounded_by: list[int]
) -> None:
    values = [tag, *corners.min(axis=0), *corners.max(axis=0), len(physical), *physical, len(bounded_by), *bounded_by]
    out.rows("i" + "d" * 6 + "Q" + "i" * len(physical) + "Q" + "i" * len(bounded_by), values)


def _neighbours(sets: list[str]) -> list[tuple[str, int]]:
    """Phases that an atom bounds, by the names of its sets: +1 where the triangles point out of the phase."""
    for name in sets:
        if name.count("|") == 1:
            first, second = name.split("|")
            return [(first, 1), (second, -1)]
        if name.count("@") == 1:
            return [(name.split("@")[0], 1)]
    return []


def _parts(mesh: TaggedMesh, tag: int) -> Iterator[npt.NDArray[np.int64]]:
    """The tets of a phase, some at a time: what is made of them stays small."""
    rows = np.flatnonzero(mesh.cell_tags == tag)
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]


def _runs(tags: npt.NDArray[np.integer]) -> list[tuple[int, int, int]]:
    """(value, start, stop) of each run of equal values."""
    if len(tags) == 0:
        return []
    starts = np.flatnonzero(np.diff(tags, prepend=tags[:1] - 1))
    return list(zip(tags[starts].tolist(), starts.tolist(), [*starts[1:].tolist(), len(tags)], strict=True))


def _elements(
    mesh: TaggedMesh, triangles: npt.NDArray[np.integer], second: SecondOrder | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    """Points, tets and triangles with the nodes that the order wants."""
    if second is None:
        return mesh.points, mesh.tets, triangles
    # Gmsh has the edge 2-3 before the edge 1-3
    wide = second.triangles(triangles) if len(triangles) else np.zeros((0, 6), np.int64)
    return second.points, second.tets[:, [0, 1, 2, 3, 4, 5, 6, 7, 9, 8]], wide


def _write_nodes41(out: _Out, mesh: TaggedMesh, table: AtomTable, second: SecondOrder | None) -> None:
    """Each point belongs to the first surface entity that has it, else to its volume."""
    numbers = {tag: number for tag, number in _numbers_by_tag(mesh).items()}
    first = next(iter(numbers.values()), 1)
    points, tets, triangles = _elements(mesh, mesh.facets[table.first_row], second)
    surface, volume = np.zeros(len(points), np.int64), np.full(len(points), first)
    for tag, number in numbers.items():
        for rows in _parts(mesh, tag):
            volume[tets[rows].ravel()] = number
    for corner in range(triangles.shape[1]):
        surface[triangles[::-1, corner]] = table.atoms[::-1]
    key = np.where(surface > 0, surface, volume + len(table.members))
    order = np.argsort(key, kind="stable")
    runs = _runs(key[order])
    out.text("$Nodes\n")
    out.rows("QQQQ", [len(runs), len(points), 1, len(points)])
    for value, start, stop in runs:
        on_surface = value <= len(table.members)
        entity = value if on_surface else value - len(table.members)
        out.rows("iiiQ", [2 if on_surface else 3, entity, 0, stop - start])
        rows = order[start:stop]
        out.rows("Q", [rows + 1])
        out.rows("ddd", points[rows].T)
    out.end("Nodes")


def _numbers_by_tag(mesh: TaggedMesh) -> dict[int, int]:
    numbers = physical_numbers(mesh.cell_names)
    present = set(np.unique(mesh.cell_tags).tolist())
    return {tag: numbers[name] for name, tag in mesh.cell_names.items() if tag in present}


def _write_elements41(out: _Out, mesh: TaggedMesh, table: AtomTable, second: SecondOrder | None) -> None:
    numbers = _numbers_by_tag(mesh)
    _, tets, triangles = _elements(mesh, mesh.facets[table.first_row], second)
    triangle_kind, tet_kind = (2, 4) if second is None else (9, 11)
    runs = _runs(table.atoms)
    total = mesh.n_tets + len(triangles)
    out.text("$Elements\n")
    out.rows("QQQQ", [len(numbers) + len(runs), total, 1, total])
    for atom, start, stop in runs:
        out.rows("iiiQ", [2, atom, triangle_kind, stop - start])
        element = np.arange(mesh.n_tets + start + 1, mesh.n_tets + stop + 1)
        out.rows("Q" * (1 + triangles.shape[1]), [element, *(triangles[start:stop].T + 1)])
    for tag, number in numbers.items():
        rows = np.flatnonzero(mesh.cell_tags == tag)
        out.rows("iiiQ", [3, number, tet_kind, len(rows)])
        for part in np.array_split(rows, max(1, len(rows) // _CHUNK)):
            out.rows("Q" * (1 + tets.shape[1]), [part + 1, *(tets[part].T + 1)])
    out.end("Elements")


def _write_nodes22(out: _Out, points: npt.NDArray[np.float64]) -> None:
    out.text(f"$Nodes\n{len(points)}\n")
    out.rows("iddd", [np.arange(1, len(points) + 1), *points.T])
    out.end("Nodes")


def _write_elements22(out: _Out, mesh: TaggedMesh, second: SecondOrder | None) -> None:
    _, tets, triangles = _elements(mesh, mesh.facets, second)
    out.text(f"$Elements\n{mesh.n_tets + len(mesh.facets)}\n")
    first = 1
    for kind, corners, tags, names in (
        (4 if second is None else 11, tets, mesh.cell_tags, mesh.cell_names),
        (2 if second is None else 9, triangles, mesh.facet_tags, mesh.facet_names),
    ):
        if len(corners) == 0:
            continue
        numbers = physical_numbers(names)
        lookup = {tag: numbers[name] for name, tag in names.items()}
        found, inverse = np.unique(tags, return_inverse=True)
        physical = np.array([lookup[tag] for tag in found.tolist()], np.int32)[inverse]
        element = np.arange(first, first + len(corners))
        if out.binary:
            out.rows("iii", [kind, len(corners), 2])
            out.rows("iii" + "i" * corners.shape[1], [element, physical, physical, *(corners.T + 1)])
        else:
            columns = [element, np.full(len(corners), kind), np.full(len(corners), 2), physical, physical]
            out.rows("iiiii" + "i" * corners.shape[1], [*columns, *(corners.T + 1)])
        first += len(corners)
    out.end("Elements")


def _write_fields(out: _Out, section: str, fields: Fields) -> None:
    for name, values in fields.items():
        columns = np.atleast_2d(values.T).astype(float)
        width = next(w for w in (1, 3, 9) if w >= len(columns))
        columns = np.vstack([columns, np.zeros((width - len(columns), columns.shape[1]))])
        title = re.sub(r"[\x00-\x1f]", " ", name).replace('"', "'")
        out.text(f'${section}\n1\n"{title}"\n1\n0\n3\n0\n{width}\n{len(values)}\n')
        out.rows("i" + "d" * width, [np.arange(1, len(values) + 1), *columns])
        out.end(section)
