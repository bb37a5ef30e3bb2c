"""Reading Gmsh MSH 4.1 and 2.2, ascii or binary: our own files exactly, others by their physical names."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.facet_atoms import triangle_keys
from ssb2mesh.io.mesh_common import MeshData, mesh_from_header
from ssb2mesh.io.mesh_gmsh import tets_crc32
from ssb2mesh.mesh import TaggedMesh

__all__ = ["read_gmsh"]

#: Nodes of the element types that may occur beside tets (4) and triangles (2).
_CORNERS = {1: 2, 2: 3, 3: 4, 4: 4, 5: 8, 6: 6, 7: 5, 8: 3, 9: 6, 10: 9, 11: 10, 15: 1}


def read_gmsh(path: Path) -> MeshData:
    """Read a ``.msh`` file (4.1 or 2.2), second-order tets by their corners; see `ssb2mesh.io.meshes.read_mesh`.

    Phases are the physical volumes, facet sets the physical surfaces. Fields are read from our own files only.
    """
    raw = path.read_bytes()
    head = re.match(rb"\s*\$MeshFormat\s+(\S+)\s+([01])\s+(\d+)\s*?\n", raw)
    if head is None:
        raise InputError(f"path: {path} is no MSH file (no $MeshFormat at its start)")
    version, binary = head.group(1).decode(), head.group(2) == b"1"
    if version not in ("4.1", "2.2"):
        raise InputError(f"path: {path} is MSH {version}; 4.1 and 2.2 can be read, save it again as 4.1")
    try:
        file = _File(raw, binary, _sections(raw, path))
        parts = _read41(file) if version == "4.1" else _read22(file)
        own = _own_header(file)
        tets = _gather(parts, (4, 11), corners=4)
        if own and own["tets_crc32"] == tets_crc32(tets[2]):
            return _own(file, parts, tets, own, path)
        return _foreign(file, parts, tets, path)
    except InputError:
        raise
    except (KeyError, IndexError, ValueError, zlib.error) as error:
        raise InputError(f"path: {path} is a damaged or truncated MSH file ({error})") from error


class _Parts:
    """Nodes and elements as read: (element number, entity or physical numbers, corners) by kind."""

    def __init__(self) -> None:
        self.node_tags: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self.points: npt.NDArray[np.float64] = np.zeros((0, 3))
        self.blocks: dict[int, list[tuple[npt.NDArray[np.int64], list[int], npt.NDArray[np.int64]]]] = defaultdict(list)


class _File:
    """The bytes of a file, its sections, and a cursor that reads numbers as text or as packed bytes."""

    def __init__(self, raw: bytes, binary: bool, sections: dict[str, list[tuple[int, int]]]) -> None:
        self.raw, self.binary, self.sections = raw, binary, sections
        self.at = self.stop = 0
        self.words: list[bytes] = []

    def open(self, name: str, number: int = 0) -> None:
        if name not in self.sections:
            raise InputError(f"path: the MSH file has no ${name} section")
        self.at, self.stop = self.sections[name][number]
        if not self.binary:
            self.words = self.raw[self.at : self.stop].split()
            self.at = 0

    def line(self) -> bytes:
        end = self.raw.index(b"\n", self.at)
        text = self.raw[self.at : end].strip()
        self.at = end + 1
        return text

    def numbers(self, kind: str, count: int) -> npt.NDArray:
        dtype = np.dtype({"i": "<i4", "Q": "<i8", "d": "<f8"}[kind])
        if self.binary:
            if count < 0 or self.at + count * dtype.itemsize > self.stop:
                raise ValueError("a section ends too early")
            values = np.frombuffer(self.raw, dtype, count, self.at)
            self.at += count * dtype.itemsize
            return values
        words = self.words[self.at : self.at + count]
        if len(words) < count:
            raise ValueError("a section ends too early")
        self.at += count
        return np.array(words, dtype="S").astype(float if kind == "d" else np.int64)

    def one(self, kind: str = "i") -> int:
        return int(self.numbers(kind, 1)[0])


def _sections(raw: bytes, path: Path) -> dict[str, list[tuple[int, int]]]:
    """Start and stop of every section. Found by their end marks, since binary data may hold any byte."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    at = 0
    while (start := re.compile(rb"\$(\w+)[ \r]*\n").search(raw, at)) is not None:
        name = start.group(1)
        stop = raw.find(b"$End" + name, start.end())
        if stop < 0:
            raise InputError(f"path: {path} is truncated (the section ${name.decode()} has no end)")
        found[name.decode()].append((start.end(), stop))
        at = stop + len(name) + 4
    return found


def _read41(file: _File) -> _Parts:
    parts = _Parts()
    physical = _entities41(file) if "Entities" in file.sections else {}
    file.open("Nodes")
    blocks, count, _, _ = file.numbers("Q", 4).tolist()
    tags, points = [], []
    for _ in range(blocks):
        dimension, _, parametric = file.numbers("i", 3).tolist()
        number = file.one("Q")
        tags.append(file.numbers("Q", number))
        width = 3 + (dimension if parametric else 0)
        points.append(file.numbers("d", width * number).reshape(-1, width)[:, :3])
    parts.node_tags = np.concatenate(tags) if tags else parts.node_tags
    parts.points = np.concatenate(points) if points else parts.points
    if len(parts.node_tags) != count:
        raise ValueError("the number of nodes is wrong")
    file.open("Elements")
    blocks = int(file.numbers("Q", 4)[0])
    for _ in range(blocks):
        dimension, entity, kind = file.numbers("i", 3).tolist()
        number = file.one("Q")
        if kind not in _CORNERS:
            raise InputError(f"path: element type {kind} of Gmsh is not known here; only first-order tets can be read")
        rows = file.numbers("Q", number * (1 + _CORNERS[kind])).reshape(number, -1)
        parts.blocks[kind].append((rows[:, 0], physical.get((dimension, entity), []), rows[:, 1:]))
    return parts


def _entities41(file: _File) -> dict[tuple[int, int], list[int]]:
    file.open("Entities")
    physical: dict[tuple[int, int], list[int]] = {}
    for dimension, count in enumerate(file.numbers("Q", 4).tolist()):
        for _ in range(count):
            tag = file.one()
            file.numbers("d", 6 if dimension else 3)
            physical[dimension, tag] = [abs(p) for p in file.numbers("i", file.one("Q")).tolist()]
            if dimension:
                file.numbers("i", file.one("Q"))
    return physical


def _read22(file: _File) -> _Parts:
    parts = _Parts()
    file.open("Nodes")
    count = int(file.line()) if file.binary else file.one("Q")
    if file.binary:
        kind = np.dtype([("tag", "<i4"), ("x", "<f8", 3)])
        if file.at + count * kind.itemsize > file.stop:
            raise ValueError("$Nodes ends too early")
        rows = np.frombuffer(file.raw, kind, count, file.at)
        parts.node_tags, parts.points = rows["tag"].astype(np.int64), np.ascontiguousarray(rows["x"])
    else:
        table = file.numbers("d", 4 * count).reshape(-1, 4)
        parts.node_tags, parts.points = table[:, 0].astype(np.int64), table[:, 1:]
    file.open("Elements")
    left = int(file.line()) if file.binary else file.one("Q")
    while left > 0:
        left -= _block22_binary(file, parts) if file.binary else _rows22_ascii(file, parts, left)
    return parts


def _block22_binary(file: _File, parts: _Parts) -> int:
    kind, count, n_tags = file.numbers("i", 3).tolist()
    rows = file.numbers("i", count * (1 + n_tags + _CORNERS[kind])).reshape(count, -1).astype(np.int64)
    _by_physical(parts, kind, rows[:, 0], rows[:, 1], rows[:, 1 + n_tags :])
    return int(count)


def _rows22_ascii(file: _File, parts: _Parts, count: int) -> int:
    """All rows of ascii elements; rows of one kind and number of tags are of one length, so read them together."""
    values = file.numbers("i", len(file.words) - file.at)
    starts, at = np.empty(count, np.int64), 0
    lengths = {kind: 3 + corners for kind, corners in _CORNERS.items()}
    listed = values.tolist()
    for row in range(count):
        starts[row] = at
        at += lengths[listed[at + 1]] + listed[at + 2]
    kinds, n_tags = values[starts + 1], values[starts + 2]
    for kind in np.unique(kinds).tolist():
        for width in np.unique(n_tags[kinds == kind]).tolist():
            here = starts[(kinds == kind) & (n_tags == width)]
            corners = values[here[:, None] + 3 + width + np.arange(_CORNERS[kind])]
            _by_physical(parts, kind, values[here], values[here + 3] if width else np.zeros(len(here), int), corners)
    return count


def _by_physical(parts: _Parts, kind: int, numbers: npt.NDArray, physical: npt.NDArray, corners: npt.NDArray) -> None:
    for tag in np.unique(physical).tolist():
        rows = physical == tag
        parts.blocks[kind].append((numbers[rows], [tag] if tag else [], corners[rows]))


def _gather(
    parts: _Parts, kinds: tuple[int, ...], *, corners: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Elements of some kinds by element number: numbers, physical tag (a row for each, 0 for none), corner indices."""
    width = corners
    found = [block for kind in kinds for block in parts.blocks.get(kind, [])]
    blocks = [(n, tag, c[:, :width]) for n, tags, c in found for tag in (tags or [0])]
    if not blocks:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, width), np.int64)
    numbers = np.concatenate([n for n, _, _ in blocks])
    physical = np.concatenate([np.full(len(n), tag, np.int64) for n, tag, _ in blocks])
    order = np.lexsort((physical, numbers))
    nodes = np.concatenate([c for _, _, c in blocks])[order]
    return numbers[order], physical[order], _positions(parts.node_tags, nodes)


def _positions(node_tags: npt.NDArray[np.int64], corners: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Node tags to positions in the list of points sorted by tag."""
    tags = np.sort(node_tags)
    if len(tags) and tags[0] == 1 and tags[-1] == len(tags):
        return corners - 1
    found = np.searchsorted(tags, corners)
    if corners.size and (tags[np.minimum(found, len(tags) - 1)] != corners).any():
        raise ValueError("an element names a node that is not there")
    return found


def _own_header(file: _File) -> dict | None:
    if "Ssb2mesh" not in file.sections:
        return None
    start, stop = file.sections["Ssb2mesh"][0]
    header: dict = json.loads(file.raw[start:stop].decode())
    return header


def _own(file: _File, parts: _Parts, elements: tuple[npt.NDArray, ...], own: dict, path: Path) -> MeshData:
    """Our own file: every array as it was written."""
    _, physical, tets = elements
    facet_type = np.dtype(own["index_types"][1])
    rows = np.zeros((0, 4), np.int64)
    if "Ssb2meshRows" in file.sections:
        start, stop = file.sections["Ssb2meshRows"][0]
        packed = zlib.decompress(base64.decodebytes(file.raw[start:stop]))
        rows = np.frombuffer(bytearray(packed), facet_type.newbyteorder("<")).reshape(-1, 4)
    tag_of = {own["cell_physical"][name]: tag for name, tag in own["cell_names"].items()}
    mesh = mesh_from_header(
        json.dumps(own),
        path,
        points=parts.points[np.argsort(parts.node_tags)][: own.get("n_points")],
        tets=tets,
        cell_tags=_relabel(physical, tag_of),
        facets=rows[:, 1:],
        facet_tags=rows[:, 0].astype(np.int32),
    )
    on_nodes = _fields(file, "NodeData", own["point_data"], own.get("n_nodes", mesh.n_points))
    point_data = {name: values[: mesh.n_points] for name, values in on_nodes.items()}
    return MeshData(mesh, point_data, _fields(file, "ElementData", own["cell_data"], mesh.n_tets))


def _fields(file: _File, section: str, listed: list, count: int) -> dict[str, npt.NDArray]:
    """Our own fields in the shape and type they had; none when another program has saved the file without them."""
    if len(file.sections.get(section, [])) != len(listed):
        return {}
    fields = {}
    for number, (name, kind, shape) in enumerate(listed):
        values = _field(file, section, number, count)
        fields[name] = (values[:, : shape[0]] if shape else values[:, 0]).astype(kind)
    return fields


def _field(file: _File, section: str, number: int, count: int) -> npt.NDArray[np.float64]:
    """One field of our own, (count, width)."""
    start, stop = file.sections[section][number]
    at = start
    lines = []
    for _ in range(8):
        end = file.raw.index(b"\n", at)
        lines.append(file.raw[at:end])
        at = end + 1
    width = int(lines[6])
    if file.binary:
        kind = np.dtype([("tag", "<i4"), ("value", "<f8", (width,))])
        if at + count * kind.itemsize > stop:
            raise ValueError("a field ends too early")
        return np.frombuffer(file.raw, kind, count, at)["value"].reshape(count, width)
    table = np.array(file.raw[at:stop].split(), dtype="S").astype(float)
    return table.reshape(count, width + 1)[:, 1:]


def _relabel(values: npt.NDArray[np.int64], to: dict[int, int]) -> npt.NDArray[np.int32]:
    found, inverse = np.unique(values, return_inverse=True)
    return np.array([to[v] for v in found.tolist()], np.int32)[inverse]


def _foreign(file: _File, parts: _Parts, elements: tuple[npt.NDArray, ...], path: Path) -> MeshData:
    """A mesh of another program: its physical groups are the names."""
    numbers, physical, tets = elements
    if len(tets) == 0:
        raise InputError(f"path: {path} holds no tets of first or second order; mesh its volumes first")
    if len(np.unique(numbers)) < len(numbers):
        raise InputError(f"path: in {path} a volume is in several physical groups; a tet belongs to one phase")
    names = _physical_names(file)
    cell_names = {names.get((3, tag), f"phase{tag}"): tag for tag in np.unique(physical).tolist()}
    _, facet_tags, facets = _gather(parts, (2, 9), corners=3)
    named = facet_tags > 0
    facets, facet_tags = facets[named], facet_tags[named]
    order = np.lexsort([*reversed(triangle_keys(facets)), facet_tags])
    facet_names = {names.get((2, tag), f"facets{tag}"): tag for tag in np.unique(facet_tags).tolist()}
    points = parts.points[np.argsort(parts.node_tags)]
    if 11 in parts.blocks:  # mid nodes go
        used = np.zeros(len(points), bool)
        used[tets.ravel()] = True
        used[facets.ravel()] = True
        number = np.cumsum(used) - 1
        points, tets, facets = points[used], number[tets], number[facets]
    index = np.int32 if len(points) < 2**31 else np.int64
    mesh = TaggedMesh(
        points,
        tets.astype(index),
        physical.astype(np.int32),
        facets[order].astype(index),
        facet_tags[order].astype(np.int32),
        cell_names,
        facet_names,
        metadata={"source": path.name},
    )
    return MeshData(mesh)


def _physical_names(file: _File) -> dict[tuple[int, int], str]:
    if "PhysicalNames" not in file.sections:
        return {}
    start, stop = file.sections["PhysicalNames"][0]
    found = re.findall(r'^\s*(\d)\s+(\d+)\s+"(.*)"\s*$', file.raw[start:stop].decode(errors="replace"), re.MULTILINE)
    return {(int(dimension), int(tag)): name for dimension, tag, name in found}
