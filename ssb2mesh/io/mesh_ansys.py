"""Ansys Mechanical APDL archives (.cdb): blocked nodes and elements, and a component for every name. Written only.

Phases are element types, materials and element components; facet sets are node components, and surface elements
(SURF154) of their own type, one for each side of an interface, so that sides can be chosen by element component too.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.io.fixed_width import Column, integer_field, scientific_field, write_fields
from ssb2mesh.io.mesh_common import MeshData, replacing
from ssb2mesh.io.mesh_names import safe_names, warn_loss, warn_renamed
from ssb2mesh.io.mesh_sides import side_sets
from ssb2mesh.io.mesh_text import lost_fields, write_rows
from ssb2mesh.mesh import TET_SIDES, TaggedMesh
from ssb2mesh.mesh.second_order import SecondOrder, check_order, second_order

__all__ = ["write_cdb"]

#: Longest name of a component.
_NAME_LENGTH = 32
_LARGEST = 999_999_999
_CHUNK = 1 << 16


def write_cdb(data: MeshData, path: Path, *, order: int = 1, curved: bool = True) -> None:
    """Write a ``.cdb`` file; see `ssb2mesh.io.meshes.write_mesh`.

    Parameters
    ----------
    data : MeshData
        Mesh; fields are left out and told.
    path : Path
        The file.
    order : int
        1: SOLID285, 2: SOLID187.
    curved : bool
        Of order 2: move mid nodes to smooth interfaces where tets stay valid; told. Otherwise all edges are straight.

    Raises
    ------
    InputError
        If the order is another.
    """
    check_order(order)
    mesh = data.mesh
    second = second_order(mesh, curved=curved) if order == 2 else None
    points = mesh.points if second is None else second.points
    sets = [found for found in side_sets(mesh) if len(found.tets)]
    numbers = {name: i for i, name in enumerate([*mesh.cell_names, *(s.name for s in sets)], 1)}
    # room for the prefix of the node component; a component's name has no dots and dashes
    names = safe_names(numbers, length=_NAME_LENGTH - 2, numbers=numbers, extra="_")
    if mesh.n_tets + sum(len(s.tets) for s in sets) > _LARGEST:
        raise InputError(f"mesh: more than {_LARGEST} elements; Ansys archives number no more, write .e")
    with replacing(path) as (part,), part.open("wb") as file:
        file.write(b"! written by ssb2mesh; read it by CDREAD,DB\n/PREP7\n")
        _write_types(file, list(mesh.cell_names), [s.name for s in sets], order, names)
        file.write(f"NBLOCK,6,SOLID,{len(points):>9},{len(points):>9}\n(3i9,6e21.13e3)\n".encode())
        _write_points(file, points)
        file.write(b"N,R5.3,LOC,       -1,\n")
        total = mesh.n_tets + sum(len(s.tets) for s in sets)
        file.write(f"EBLOCK,19,SOLID,{total:>9},{total:>9}\n(19i9)\n".encode())
        _write_tets(file, mesh, second)
        at = mesh.n_tets + 1
        owned: dict[str, npt.NDArray[np.int64]] = {}
        for number, found in enumerate(sets, len(mesh.cell_names) + 1):
            triangles = np.take_along_axis(mesh.tets[found.tets], TET_SIDES[found.sides], axis=1)
            _write_surface(file, triangles, second, (number, at))
            owned[found.name] = np.arange(at, at + len(triangles))
            at += len(triangles)
        file.write(b"       -1\n")
        for name, tag in mesh.cell_names.items():
            _write_component(file, names[name], "ELEM", np.flatnonzero(mesh.cell_tags == tag) + 1)
        for found in sets:
            _write_component(file, names[found.name], "ELEM", owned[found.name])
            corners = np.take_along_axis(mesh.tets[found.tets], TET_SIDES[found.sides], axis=1)
            nodes = corners if second is None else second.triangles(corners)
            _write_component(file, f"N_{names[found.name]}", "NODE", np.unique(nodes) + 1)
        file.write(b"FINISH\n")
    warn_loss(path, [*lost_fields(data, "An Ansys archive"), *(second.told if second else [])])
    warn_renamed(path, names)


def _write_types(file: BinaryIO, phases: list[str], sets: list[str], order: int, names: dict[str, str]) -> None:
    """An element type a phase and a side set; the number of the material is that of the phase."""
    solid = 285 if order == 1 else 187
    for number, name in enumerate(phases, 1):
        file.write(f"ET,{number},{solid}  ! {names[name]}\n".encode())
    for number, name in enumerate(sets, len(phases) + 1):
        # key option 4: without mid nodes
        midless = f"KEYOPT,{number},4,1\n" if order == 1 else ""
        file.write(f"ET,{number},154  ! {names[name]}\n{midless}".encode())


def _write_points(file: BinaryIO, points: npt.NDArray[np.float64]) -> None:
    """NBLOCK rows: number, two zeros, three coordinates of 21 characters."""
    line = np.frombuffer(b" " * 9 + b"        0" * 2 + b" " * 63 + b"\n", np.uint8)
    for start in range(0, len(points), _CHUNK):
        part = points[start : start + _CHUNK]
        text = np.tile(line, (len(part), 1))
        text[:, :9] = integer_field(np.arange(start + 1, start + len(part) + 1), 9)
        for axis in range(3):
            text[:, 27 + 21 * axis : 48 + 21 * axis] = scientific_field(part[:, axis], 13)
        file.write(text.tobytes())


def _write_tets(file: BinaryIO, mesh: TaggedMesh, second: SecondOrder | None) -> None:
    """EBLOCK rows: material, type, real constant, section, system, dead, line, shape, nodes, unused, number, nodes."""
    kind = {tag: i for i, tag in enumerate(mesh.cell_names.values(), 1)}
    tags, inverse = np.unique(mesh.cell_tags, return_inverse=True)
    types = np.array([kind[tag] for tag in tags.tolist()])[inverse]
    tets = mesh.tets if second is None else second.tets
    _write_block(file, np.arange(1, len(tets) + 1), types, tets, material=types)


def _write_surface(
    file: BinaryIO, triangles: npt.NDArray[np.integer], second: SecondOrder | None, numbers: tuple[int, int]
) -> None:
    """SURF154 as a triangle: nodes K and L are one, and so is the mid node between them."""
    kind, first = numbers
    i, j, k = triangles.T
    columns = [i, j, k, k]
    if second is not None:
        _, _, _, ij, jk, ik = second.triangles(triangles).T
        columns += [ij, jk, k, ik]
    count = len(triangles)
    corners = np.column_stack(columns)
    types = np.full(count, kind)
    _write_block(file, np.arange(first, first + count), types, corners, material=np.ones(count, int))


def _write_block(
    file: BinaryIO, number: npt.NDArray, kind: npt.NDArray, nodes: npt.NDArray, *, material: npt.NDArray
) -> None:
    width = nodes.shape[1]
    one, zero = b"        1", b"        0"
    head: list[bytes | Column] = [Column(material, 9), Column(kind, 9), one, one, zero, zero, zero, zero]
    head += [f"{width:>9}".encode(), zero, Column(number, 9)]
    corners: list[bytes | Column] = [Column(column, 9, 1) for column in nodes.T]
    more: list[bytes | Column] = [*corners[8:], b"\n"] if width > 8 else []
    write_fields(file, [*head, *corners[:8], b"\n", *more])


def _write_component(file: BinaryIO, name: str, kind: str, numbers: npt.NDArray[np.integer]) -> None:
    """CMBLOCK: numbers, eight a line; the last of a run of numbers stands with a minus sign."""
    if not len(numbers):
        return
    starts = np.flatnonzero(np.r_[True, np.diff(numbers) != 1])
    stops = np.r_[starts[1:], len(numbers)] - 1
    items = np.column_stack([numbers[starts], -numbers[stops]]).ravel()
    items = items[np.column_stack([np.ones(len(starts), bool), stops > starts]).ravel()]
    file.write(f"CMBLOCK,{name.upper():<8},{kind},{len(items):>8}\n(8i10)\n".encode())
    whole = len(items) // 8 * 8
    write_rows(file, "%10d" * 8 + "\n", items[:whole].reshape(-1, 8).T)
    if whole < len(items):
        file.write(("".join(f"{item:>10}" for item in items[whole:].tolist()) + "\n").encode())
