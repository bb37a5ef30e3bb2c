"""Nastran bulk data (.nas, .bdf): the fallback for programs that read nothing better. Written only.

A phase is a property (PSOLID) with a material of its own (MAT1) and its tets are CTETRA with that PID; each atom of the
facet sets (see `ssb2mesh.facet_atoms`) is a PSHELL with CTRIA3 of its own PID. Coordinates stand in large fields (16
characters), integers in fields of 8.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.facet_atoms import AtomTable, atom_table
from ssb2mesh.io.fixed_width import Column, integer_field, short_field, write_fields
from ssb2mesh.io.mesh_common import MeshData, replacing
from ssb2mesh.io.mesh_gmsh import physical_numbers
from ssb2mesh.io.mesh_names import safe_names, warn_loss
from ssb2mesh.io.mesh_text import lost_fields
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.second_order import check_order, second_order

__all__ = ["nastran_numbers", "write_nastran"]

#: Largest integer in a field of eight characters.
_LARGEST = 99_999_999
_CHUNK = 1 << 16


def nastran_numbers(mesh: TaggedMesh, atoms: int) -> tuple[dict[str, int], list[int]]:
    """Return the PID of each phase and of each atom of the facet sets.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    atoms : int
        Number of atoms.

    Returns
    -------
    phases : dict of str to int
        The tags of the mesh where these are positive.
    surfaces : list of int
        After the phases: PID of atom 1, 2, ...

    Examples
    --------
    >>> nastran_numbers(mesh, 2)  # doctest: +SKIP
    ({'NMC': 1, 'LPSCl': 2}, [3, 4])
    """
    phases = physical_numbers(mesh.cell_names)
    last = max([0, *phases.values()])
    return phases, [last + i for i in range(1, atoms + 1)]


def write_nastran(data: MeshData, path: Path, *, order: int = 1, curved: bool = True) -> None:
    """Write a ``.nas`` file; see `ssb2mesh.io.meshes.write_mesh`.

    Parameters
    ----------
    data : MeshData
        Mesh; fields are left out and told.
    path : Path
        The file.
    order : int
        1: four nodes a CTETRA; 2: ten, and CTRIA6.
    curved : bool
        Of order 2: move mid nodes to smooth interfaces where tets stay valid; told. Otherwise all edges are straight.

    Raises
    ------
    InputError
        If the mesh has more nodes or elements than a field can number, or the order is another.
    """
    check_order(order)
    mesh = data.mesh
    table = atom_table(mesh)
    points, tets = mesh.points, mesh.tets
    triangles = mesh.facets[table.first_row]
    second = second_order(mesh, curved=curved) if order == 2 else None
    if second is not None:
        points, tets = second.points, second.tets
        triangles = second.triangles(triangles) if len(triangles) else np.zeros((0, 6), np.int64)
    for what, count in (("nodes", len(points)), ("elements", len(tets) + len(triangles))):
        if count > _LARGEST:
            raise InputError(
                f"mesh: {count} {what}; Nastran numbers at most {_LARGEST} in a field, write .e or .mphtxt"
            )
    phases, surfaces = nastran_numbers(mesh, len(table.members))
    with replacing(path) as (part,), part.open("wb") as file:
        _write_properties(file, mesh, table, phases, surfaces)
        _write_points(file, points)
        pids = np.array([phases[name] for name, _ in _by_tag(mesh)])
        owner = pids[np.searchsorted([tag for _, tag in _by_tag(mesh)], mesh.cell_tags)]
        _write_elements(file, "CTETRA", np.arange(1, len(tets) + 1), owner, tets)
        numbers = np.arange(len(tets) + 1, len(tets) + len(triangles) + 1)
        kind = "CTRIA3" if order == 1 else "CTRIA6"
        _write_elements(file, kind, numbers, np.array([*surfaces, 0])[table.atoms - 1], triangles)
        file.write(b"ENDDATA\n")
    overlap = sum(len(tags) > 1 for tags in table.members)
    told = [f"Nastran holds one set a triangle: {overlap} overlaps are properties of their own"] if overlap else []
    warn_loss(path, [*lost_fields(data, "Nastran"), *told, *(second.told if second else [])])


def _by_tag(mesh: TaggedMesh) -> list[tuple[str, int]]:
    return sorted(mesh.cell_names.items(), key=lambda item: item[1])


def _write_properties(
    file: BinaryIO, mesh: TaggedMesh, table: AtomTable, phases: dict[str, int], surfaces: list[int]
) -> None:
    set_names = {tag: name for name, tag in mesh.facet_names.items()}
    texts = safe_names(phases, length=40, numbers=phases)
    file.write(b"$ written by ssb2mesh\nSOL 101\nCEND\nBEGIN BULK\n")
    for name, pid in phases.items():
        # HyperMesh, Femap and others take property names from such comments
        file.write(f'$HMNAME PROP {pid:>22}"{texts[name]}"\n'.encode())
        file.write(f"PSOLID  {pid:>8}{pid:>8}\n".encode())
        file.write(f"MAT1    {pid:>8}{'1.':>8}        {'0.':>8}\n".encode())
    for pid, tags in zip(surfaces, table.members, strict=True):
        joined = "+".join(set_names[tag] for tag in tags)
        text = safe_names([joined], length=60, numbers={joined: pid}, extra="_.-+")[joined]
        file.write(f'$HMNAME PROP {pid:>22}"{text}"\n'.encode())
        file.write(f"PSHELL  {pid:>8}{1 if not phases else min(phases.values()):>8}{'1.':>8}\n".encode())


def _write_points(file: BinaryIO, points: npt.NDArray[np.float64]) -> None:
    """GRID in large fields; as many digits as sixteen characters hold."""
    line = b"GRID*   " + b" " * 32 + b" " * 32 + b"\n*       " + b" " * 16 + b"\n"
    for start in range(0, len(points), _CHUNK):
        part = points[start : start + _CHUNK]
        text = np.tile(np.frombuffer(line, np.uint8), (len(part), 1))
        text[:, 8:24] = integer_field(np.arange(start + 1, start + len(part) + 1), 16)
        for axis, at in enumerate((40, 56, 81)):
            text[:, at : at + 16] = short_field(part[:, axis], 16)
        file.write(text.tobytes())


def _write_elements(
    file: BinaryIO, kind: str, number: npt.NDArray, pid: npt.NDArray, corners: npt.NDArray[np.integer]
) -> None:
    """Eight-character fields, a continuation after the eighth."""
    if not len(corners):
        return
    width = corners.shape[1]
    nodes: list[bytes | Column] = [Column(column, 8, 1) for column in corners.T]
    more: list[bytes | Column] = [b"+\n+       ", *nodes[6:]] if width > 6 else []
    write_fields(file, [f"{kind:<8}".encode(), Column(number, 8), Column(pid, 8), *nodes[:6], *more, b"\n"])
