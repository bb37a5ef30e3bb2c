"""COMSOL's native text format (.mphtxt): domains, boundaries and named selections, as its published description has it.

A domain is a phase (or a connected part of one), a boundary is an atom (see `ssb2mesh.facet_atoms`), and each phase and
facet set is a selection of these, so all names arrive. COMSOL finds edges, points and the domains on both sides of a
boundary by itself. Exact names, box and metadata are kept in comments.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.facet_atoms import AtomTable, atom_table
from ssb2mesh.io.mesh_common import MeshData, mesh_from_header, replacing
from ssb2mesh.io.mesh_gmsh import tets_crc32
from ssb2mesh.io.mesh_names import safe_names, warn_loss
from ssb2mesh.io.mesh_text import find_header, header_lines, lost_fields, parse_numbers, rows_of_sets, write_rows
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.second_order import SecondOrder, check_order, second_order
from ssb2mesh.mesh.topology import mesh_topology

__all__ = ["read_mphtxt", "write_mphtxt"]

#: Mid nodes of COMSOL's second-order elements in ours: it has edge 0-2 before edge 1-2.
_MID_TET = np.array([0, 1, 2, 3, 4, 6, 5, 7, 8, 9])
_MID_TRIANGLE = np.array([0, 1, 2, 3, 5, 4])
_BLANKS = re.compile(rb"(?:\s+|#[^\n]*\n)*")
_WORD = re.compile(rb"[^\s#]+")
_LABEL_SIGNS = " _.-|@+()"
_LABEL_LENGTH = 120


def write_mphtxt(data: MeshData, path: Path, *, domains: str = "phase", order: int = 1, curved: bool = True) -> None:
    """Write a ``.mphtxt`` file; see `ssb2mesh.io.meshes.write_mesh`.

    Parameters
    ----------
    data : MeshData
        Mesh; fields are left out and told.
    path : Path
        The file.
    domains : str
        ``"phase"``: a domain a phase; ``"component"``: a domain for each connected part, gathered by selections.
    order : int
        1: ``tet`` and ``tri``, 2: ``tet2`` and ``tri2``.
    curved : bool
        Of order 2: move mid nodes to smooth interfaces where tets stay valid; told. Otherwise all edges are straight.

    Raises
    ------
    InputError
        If an option is none of these.
    """
    if domains not in ("phase", "component"):
        raise InputError(f"domains: got {domains!r}; choose 'phase' or 'component'")
    check_order(order)
    mesh = data.mesh
    second = second_order(mesh, curved=curved) if order == 2 else None
    table = atom_table(mesh)
    domain, owners = _domains(mesh, domains)
    selections = _selections(mesh, table, owners)
    labels = {name: label for name, label, _, _ in selections}
    with replacing(path) as (part,), part.open("wb") as file:
        file.write(b"# Created by ssb2mesh\n")
        file.write(header_lines(mesh, "#", labels=labels, n_points=mesh.n_points).encode())
        tags = ["mesh1", *(f"mesh1_sel{i}" for i in range(1, len(selections) + 1))]
        file.write(f"0 1\n{len(tags)} # number of tags\n".encode())
        file.writelines(f"{len(tag)} {tag}\n".encode() for tag in tags)
        file.write(f"{len(tags)} # number of types\n".encode() + b"3 obj\n" * len(tags))
        _write_mesh(file, mesh, table, domain, second)
        for _, label, dimension, entities in selections:
            file.write(f"\n0 0 1\n9 Selection # class\n0 # version\n{len(label)} {label} # label\n".encode())
            file.write(f"5 mesh1 # mesh tag\n{dimension} # dimension\n{len(entities)} # number of entities\n".encode())
            write_rows(file, "%d\n", [entities])
    changed = [f"{name!r} as {label!r}" for name, label in labels.items() if name != label]
    told = [f"labels changed to ASCII: {', '.join(changed[:6])}{' ...' if len(changed) > 6 else ''}"] if changed else []
    warn_loss(path, [*lost_fields(data, "COMSOL's mesh format"), *told, *(second.told if second else [])])


def _domains(mesh: TaggedMesh, kind: str) -> tuple[npt.NDArray[np.int32], dict[str, list[int]]]:
    """Domain of each tet, from 1, and the domains of each phase."""
    tags = np.unique(mesh.cell_tags)
    names = {tag: name for name, tag in mesh.cell_names.items()}
    if kind == "phase":
        numbers = (np.searchsorted(tags, mesh.cell_tags) + 1).astype(np.int32)
        return numbers, {names[tag]: [i] for i, tag in enumerate(tags.tolist(), 1)}
    topology = mesh_topology(mesh.tets, mesh.cell_tags)
    order = np.argsort(topology.components, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(1, len(order) + 1)
    owners = {names[tag]: np.sort(rank[topology.components == tag]).tolist() for tag in tags.tolist()}
    return rank[topology.component].astype(np.int32), owners


Selection = tuple[str, str, int, list[int]]


def _selections(mesh: TaggedMesh, table: AtomTable, owners: dict[str, list[int]]) -> list[Selection]:
    """(name, label, dimension, entities) of each phase and each facet set that is not empty."""
    atoms: dict[int, list[int]] = {tag: [] for tag in mesh.facet_names.values()}
    for atom, tags in enumerate(table.members):
        for tag in tags:
            atoms[tag].append(atom)  # boundaries count from 0, atoms from 1
    found = [(name, 3, entities) for name, entities in owners.items()]
    found += [(name, 2, atoms[tag]) for name, tag in mesh.facet_names.items() if atoms[tag]]
    numbers = {name: i for i, (name, _, _) in enumerate(found, 1)}
    labels = safe_names(numbers, length=_LABEL_LENGTH, numbers=numbers, extra=_LABEL_SIGNS, join=False)
    return [(name, labels[name], dimension, entities) for name, dimension, entities in found]


def _write_mesh(
    file: BinaryIO, mesh: TaggedMesh, table: AtomTable, numbers: npt.NDArray[np.int32], second: SecondOrder | None
) -> None:
    triangles = mesh.facets[table.first_row]
    points, tets = mesh.points, mesh.tets
    if second is not None:
        points, tets = second.points, second.tets[:, _MID_TET]
        triangles = second.triangles(triangles)[:, _MID_TRIANGLE] if len(triangles) else np.zeros((0, 6), np.int64)
    file.write(b"\n0 0 1\n4 Mesh # class\n4 # version\n3 # sdim\n")
    file.write(f"{len(points)} # number of mesh vertices\n0 # lowest mesh vertex index\n\n".encode())
    write_rows(file, "%.17g %.17g %.17g\n", points.T)
    kinds = [("tri", triangles, table.atoms - 1), ("tet", tets, numbers)]
    kinds = [kind for kind in kinds if len(kind[1])]
    file.write(f"\n{len(kinds)} # number of element types\n".encode())
    for name, corners, entities in kinds:
        text = name if second is None else f"{name}2"
        width = corners.shape[1]
        head = (
            f"\n{len(text)} {text} # type name\n{width} # number of vertices per element\n{len(corners)} # elements\n"
        )
        file.write(head.encode())
        write_rows(file, " ".join(["%d"] * width) + "\n", corners.T)
        file.write(f"\n{len(entities)} # number of geometric entity indices\n".encode())
        write_rows(file, "%d\n", [entities])


class _Reader:
    """A cursor over numbers and strings; a sign # starts a comment except inside a string."""

    def __init__(self, raw: bytes, path: Path) -> None:
        self.raw, self.path, self.at = raw, path, 0
        self.line_ends = np.flatnonzero(np.frombuffer(raw, np.uint8) == 10)

    def skip(self) -> None:
        found = _BLANKS.match(self.raw, self.at)
        self.at = found.end() if found else self.at

    def integer(self) -> int:
        self.skip()
        found = _WORD.match(self.raw, self.at)
        if found is None:
            raise InputError(f"path: {self.path} is truncated")
        self.at = found.end()
        return int(found.group(0))

    def string(self) -> str:
        length = self.integer()
        text = self.raw[self.at + 1 : self.at + 1 + length]
        if len(text) < length:
            raise InputError(f"path: {self.path} is truncated inside a string")
        self.at += 1 + length
        return text.decode(errors="replace")

    def array(self, rows: int, width: int, kind: type) -> npt.NDArray:
        """A table of a row a line, the way COMSOL writes it."""
        if rows < 0:
            raise ValueError("a negative number of rows")
        if rows == 0:
            return np.zeros((0, width), kind)
        self.skip()
        last = int(np.searchsorted(self.line_ends, self.at)) + rows - 1
        end = int(self.line_ends[last]) if last < len(self.line_ends) else len(self.raw)
        found = parse_numbers(self.raw[self.at : end], kind)
        if len(found) != rows * width:
            raise InputError(f"path: {self.path}: {len(found)} numbers where {rows} rows of {width} should stand")
        self.at = end
        return found.reshape(rows, width)


def read_mphtxt(path: Path) -> MeshData:
    """Read a ``.mphtxt`` file: domains are phases, named by selections, and selections of boundaries facet sets."""
    raw = path.read_bytes()
    own = find_header(raw, "#", path)
    try:
        return MeshData(_read(_Reader(raw, path), own, path))
    except InputError:
        raise
    except (ValueError, KeyError, IndexError) as error:
        raise InputError(f"path: {path} is no COMSOL mesh file, or a damaged one ({error})") from error


def _read(file: _Reader, own: dict | None, path: Path) -> TaggedMesh:
    if (file.integer(), file.integer()) != (0, 1):
        raise InputError(f"path: {path} does not start with the version 0 1 of COMSOL's text format")
    tags = [file.string() for _ in range(file.integer())]
    for _ in range(file.integer()):
        file.string()
    points, selections = None, []
    cells: Cells = {}
    for _ in tags:
        if file.array(1, 3, int).tolist() != [[0, 0, 1]]:
            raise ValueError("an object does not start with 0 0 1")
        kind = file.string()
        if kind == "Mesh" and points is None:
            points, cells = _read_mesh(file)
        elif kind == "Selection":
            file.integer()
            label, _, dimension = file.string(), file.string(), file.integer()
            count = file.integer()
            selections.append((label, dimension, file.array(count, 1, int)[:, 0]))
        else:
            raise InputError(f"path: {path} holds an object {kind!r}; one Mesh and its Selections can be read")
    if points is None or "tet" not in cells:
        raise InputError(f"path: {path} holds no mesh of tets")
    return _put_together(points, cells, selections, own, path)


Cells = dict[str, tuple[npt.NDArray, npt.NDArray]]


def _read_mesh(file: _Reader) -> tuple[npt.NDArray[np.float64], Cells]:
    version = file.integer()
    if version != 4 or file.integer() != 3:
        raise InputError(f"path: {file.path} holds a mesh of version {version}; version 4 in 3-D can be read")
    count, lowest = file.integer(), file.integer()
    points = file.array(count, 3, float)
    cells: Cells = {}
    for _ in range(file.integer()):
        name, width, number = file.string(), file.integer(), file.integer()
        corners = file.array(number, width, int) - lowest
        entities = file.array(file.integer(), 1, int)[:, 0]
        stem = name.removesuffix("2")
        cells[stem] = (corners[:, : {"tet": 4, "tri": 3}.get(stem, width)], entities)
    return points, cells


def _put_together(
    points: npt.NDArray[np.float64], cells: Cells, selections: list, own: dict | None, path: Path
) -> TaggedMesh:
    tets, domains = cells["tet"]
    none: npt.NDArray = np.zeros((0, 3), np.int64)
    triangles, boundaries = cells.get("tri", (none, none[:, 0]))
    kind = np.int32 if len(points) < 2**31 else np.int64
    points = points[: int(tets.max()) + 1] if own is None else points[: own["n_points"]]
    sets = {label: triangles[np.isin(boundaries, entities)] for label, d, entities in selections if d == 2}
    phase_of = {int(n): label for label, d, entities in reversed(selections) if d == 3 for n in entities}
    found, inverse = np.unique(domains, return_inverse=True)
    phases = [phase_of.get(int(n), f"domain{n}") for n in found]
    if own is not None and own["tets_crc32"] == tets_crc32(tets):
        exact = {label: name for name, label in own["labels"].items()}
        tags = np.array([own["cell_names"][exact[phase]] for phase in phases], np.int32)[inverse]
        facets, facet_tags = rows_of_sets({exact[label]: rows for label, rows in sets.items()}, own["facet_names"])
        return mesh_from_header(json.dumps(own), path, points=points, tets=tets, cell_tags=tags, facets=facets,
                                facet_tags=facet_tags)  # fmt: skip
    names = {name: i for i, name in enumerate(dict.fromkeys(phases), 1)}
    tags = np.array([names[phase] for phase in phases], np.int32)[inverse]
    facet_names = {label: i for i, label in enumerate(sets, 1)}
    facets, facet_tags = rows_of_sets(sets, facet_names)
    return TaggedMesh(points, tets.astype(kind), tags, facets.astype(kind), facet_tags, names, facet_names,
                      metadata={"source": path.name})  # fmt: skip
