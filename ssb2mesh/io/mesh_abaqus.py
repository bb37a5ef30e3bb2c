"""Abaqus and CalculiX input (.inp): nodes, tets, and an ELSET, NSET or SURFACE for every name. No materials, no steps.

A file to be taken in by ``*INCLUDE``. A phase is an element set, a facet set a node set and a surface; an interface
has a surface on each side. Numbers have 20 characters, the most that both programs read: coordinates keep 14 digits.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import MeshData, mesh_from_header, replacing
from ssb2mesh.io.mesh_gmsh import tets_crc32
from ssb2mesh.io.mesh_names import house_name, safe_names, warn_loss, warn_renamed
from ssb2mesh.io.mesh_sides import rows_from_sides, side_set_names, side_sets
from ssb2mesh.io.mesh_text import find_header, header_lines, lost_fields, parse_numbers, rows_of_sets, write_rows
from ssb2mesh.mesh import TET_SIDES, TaggedMesh, corner_keys
from ssb2mesh.mesh.second_order import check_order, second_order

__all__ = ["ABAQUS_SIDE", "read_inp", "write_inp"]

#: Abaqus's number of each side in `ssb2mesh.mesh.TET_SIDES`.
ABAQUS_SIDE = np.array([3, 4, 2, 1])
_NAME_LENGTH = 72


def write_inp(data: MeshData, path: Path, *, order: int = 1, curved: bool = True) -> None:
    """Write an ``.inp`` file; see `ssb2mesh.io.meshes.write_mesh`.

    Parameters
    ----------
    data : MeshData
        Mesh; fields are left out and told.
    path : Path
        The file.
    order : int
        1: C3D4, 2: C3D10.
    curved : bool
        Of order 2: move mid nodes to smooth interfaces where tets stay valid; told. Otherwise all edges are straight.

    Raises
    ------
    InputError
        If the order is another.
    """
    check_order(order)
    mesh = data.mesh
    points, tets = mesh.points, mesh.tets
    second = second_order(mesh, curved=curved) if order == 2 else None
    if second is not None:
        points, tets = second.points, second.tets
    sets = [found for found in side_sets(mesh) if len(found.tets)]
    numbers = {name: i for i, name in enumerate([*mesh.cell_names, *(s.name for s in sets)], 1)}
    labels = safe_names(numbers, length=_NAME_LENGTH, numbers=numbers, extra="_-")
    own = {"labels": labels, "n_points": mesh.n_points}
    sources, seen = side_set_names(mesh), set[str]()
    with replacing(path) as (part,), part.open("wb") as file:
        file.write(b"** mesh of ssb2mesh: element sets, node sets and surfaces; take it in by *INCLUDE\n")
        file.write(header_lines(mesh, "**", **own).encode())
        file.write(b"*NODE, NSET=ALL_NODES\n")
        write_rows(file, "%d, %.13e, %.13e, %.13e\n", [np.arange(1, len(points) + 1), *points.T])
        for name, tag in mesh.cell_names.items():
            rows = np.flatnonzero(mesh.cell_tags == tag)
            if len(rows):
                file.write(f"*ELEMENT, TYPE=C3D{tets.shape[1]}, ELSET={labels[name]}\n".encode())
                write_rows(file, ", ".join(["%d"] * (1 + tets.shape[1])) + "\n", [rows + 1, *(tets[rows].T + 1)])
        for found in sets:
            source = sources[found.name][0]
            if source not in seen:
                seen.add(source)
                corners = mesh.facet_set(source)
                _write_numbers(file, f"*NSET, NSET={labels[found.name]}", np.unique(
                    corners if second is None else second.triangles(corners)) + 1)  # fmt: skip
            file.write(f"*SURFACE, NAME={labels[found.name]}, TYPE=ELEMENT\n".encode())
            write_rows(file, "%d, S%d\n", [found.tets + 1, ABAQUS_SIDE[found.sides]])
    warn_loss(path, [*lost_fields(data, "Abaqus input"), *(second.told if second else [])])
    warn_renamed(path, labels)


def _write_numbers(file: BinaryIO, head: str, numbers: npt.NDArray[np.integer]) -> None:
    """A set of numbers, twelve a line."""
    file.write(f"{head}\n".encode())
    whole = len(numbers) // 12 * 12
    write_rows(file, ", ".join(["%d"] * 12) + "\n", numbers[:whole].reshape(-1, 12).T)
    if whole < len(numbers):
        file.write((", ".join(map(str, numbers[whole:].tolist())) + "\n").encode())


def read_inp(path: Path) -> MeshData:
    """Read an ``.inp`` file: C3D4 and C3D10 elements, element sets as phases, element surfaces as facet sets."""
    raw = path.read_bytes()
    own = find_header(raw, "**", path)
    try:
        return MeshData(_read(raw, own, path))
    except InputError:
        raise
    except (ValueError, KeyError, IndexError) as error:
        raise InputError(f"path: {path} is no Abaqus input file, or a damaged one ({error})") from error


def _blocks(raw: bytes) -> list[tuple[str, dict[str, str], bytes]]:
    """(keyword, parameters, data) of each keyword line; comments are gone."""
    found: list[tuple[str, dict[str, str], bytes]] = []
    heads = list(re.finditer(rb"(?m)^\*[^\n]*\n?", raw))
    stops = [head.start() for head in heads[1:]] + [len(raw)]
    last: tuple[str, dict[str, str], bytes] | None = None
    for head, stop in zip(heads, stops, strict=True):
        data = raw[head.end() : stop]
        if head.group(0).startswith(b"**"):  # data may go on behind a comment
            if last is not None and data:
                last = found[-1] = (last[0], last[1], last[2] + data)
            continue
        keyword, *parts = head.group(0)[1:].decode(errors="replace").strip().split(",")
        pairs = [part.partition("=") for part in parts]
        last = (keyword.strip().upper(), {k.strip().upper(): v.strip() for k, _, v in pairs}, data)
        found.append(last)
    return found


def _read(raw: bytes, own: dict | None, path: Path) -> TaggedMesh:
    blocks = _blocks(raw)
    nodes = [_table(data, 4, float) for keyword, _, data in blocks if keyword == "NODE"]
    elements: dict[str, list[npt.NDArray[np.int64]]] = {}
    for keyword, parameters, data in blocks:
        kind = parameters.get("TYPE", "").upper()
        if keyword == "ELEMENT" and kind.startswith(("C3D4", "C3D10")):
            width = 11 if kind.startswith("C3D10") else 5
            elements.setdefault(parameters.get("ELSET", "tets"), []).append(_table(data, width, int)[:, :5])
    if not nodes or not elements:
        raise InputError(f"path: {path} holds no *NODE and *ELEMENT of type C3D4 or C3D10")
    table = np.concatenate(nodes)
    table = table[np.argsort(table[:, 0], kind="stable")]
    labels = list(elements)
    rows = np.concatenate([np.column_stack([np.full(len(r), i), r])
                           for i, label in enumerate(labels) for r in elements[label]])  # fmt: skip
    rows = rows[np.argsort(rows[:, 1], kind="stable")]
    tets = np.searchsorted(table[:, 0], rows[:, 2:])
    if (table[np.minimum(tets, len(table) - 1), 0] != rows[:, 2:]).any():
        raise ValueError("an element names a node that is not there")
    surfaces = _surfaces(blocks, rows[:, 1], tets)
    points = table[:, 1:]
    if own is not None and own["tets_crc32"] == tets_crc32(tets):
        return _own(own, path, (points[: own["n_points"]], tets, rows[:, 0]), labels, surfaces)
    return _foreign(path, (points, tets, rows[:, 0]), labels, surfaces)


def _surfaces(
    blocks: list[tuple[str, dict[str, str], bytes]], numbers: npt.NDArray[np.int64], tets: npt.NDArray[np.int64]
) -> dict[str, npt.NDArray[np.int64]]:
    """Triangles of each surface, normals out of the elements; entries are elements or names of element sets."""
    members = {p["ELSET"].upper(): d for k, p, d in blocks if k == "ELSET" and "GENERATE" not in p and "ELSET" in p}
    ranges = {p["ELSET"].upper(): d for k, p, d in blocks if k == "ELSET" and "GENERATE" in p and "ELSET" in p}
    found: dict[str, npt.NDArray[np.int64]] = {}
    side_of = np.argsort(np.r_[0, ABAQUS_SIDE]) - 1
    for keyword, parameters, data in blocks:
        if keyword != "SURFACE" or parameters.get("TYPE", "ELEMENT").upper() != "ELEMENT":
            continue
        parts = [np.zeros((0, 2), np.int64)]
        entries = data.replace(b",", b" ").split()
        if all(entry.isdigit() for entry in entries[::2]):
            parts.append(_table(data.replace(b"S", b" ").replace(b"s", b" "), 2, int))
        else:
            for entry, face in zip(entries[::2], entries[1::2], strict=True):
                name = entry.decode().upper()
                listed = np.array([int(name)]) if name.isdigit() else _members(name, members, ranges)
                parts.append(np.column_stack([listed, np.full(len(listed), int(face[1:]))]))
        rows = np.concatenate(parts)
        corners = TET_SIDES[side_of[rows[:, 1]]]
        found[parameters["NAME"]] = np.take_along_axis(tets[np.searchsorted(numbers, rows[:, 0])], corners, axis=1)
    return found


def _members(name: str, members: dict[str, bytes], ranges: dict[str, bytes]) -> npt.NDArray[np.int64]:
    if name in ranges:
        rows = _table(ranges[name], 3, int).tolist()
        return np.concatenate([np.arange(first, last + 1, step) for first, last, step in rows])
    return _table(members[name], 1, int)[:, 0]


Cells = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _own(
    own: dict, path: Path, cells: Cells, labels: list[str], surfaces: dict[str, npt.NDArray[np.int64]]
) -> TaggedMesh:
    points, tets, phase = cells
    exact = {label: name for name, label in own["labels"].items()}
    tags = np.array([own["cell_names"][exact[label]] for label in labels], np.int32)[phase]
    sides = {exact[label]: triangles for label, triangles in surfaces.items()}
    facets, facet_tags = rows_of_sets(rows_from_sides(sides, own["cell_names"], own["facet_names"]), own["facet_names"])
    return mesh_from_header(json.dumps(own), path, points=points, tets=tets, cell_tags=tags, facets=facets,
                            facet_tags=facet_tags)  # fmt: skip


def _foreign(path: Path, cells: Cells, labels: list[str], surfaces: dict[str, npt.NDArray[np.int64]]) -> TaggedMesh:
    points, tets, phase = cells
    used = np.zeros(len(points), bool)
    used[tets.ravel()] = True
    index = np.cumsum(used) - 1
    kind = np.int32 if len(points) < 2**31 else np.int64
    names = {label: i for i, label in enumerate(labels, 1)}
    sets: dict[str, npt.NDArray[np.integer]] = {}
    for label, triangles in surfaces.items():
        name = house_name(label, names)
        first, bar, second = name.partition("|")
        twin = sets.get(f"{second}|{first}") if bar else None
        if twin is None or not np.array_equal(np.sort(corner_keys(twin)), np.sort(corner_keys(triangles))):
            sets[name] = triangles
    facet_names = {name: i for i, name in enumerate(sets, 1)}
    facets, facet_tags = rows_of_sets(sets, facet_names)
    return TaggedMesh(points[used], index[tets].astype(kind), (phase + 1).astype(np.int32), index[facets].astype(kind),
                      facet_tags, names, facet_names, metadata={"source": path.name})  # fmt: skip


def _table(data: bytes, width: int, kind: type) -> npt.NDArray:
    return parse_numbers(data, kind).reshape(-1, width)
