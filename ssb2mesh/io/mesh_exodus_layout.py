"""The layout of an Exodus II file: dimensions, variables, and what goes into them. What to write is decided elsewhere.

Blocks hold the tets of one phase each, so the tets are reordered; the element map keeps their numbers in the mesh.
What Exodus has no place for (exact names, facet rows, box, metadata) lies in variables of our own, which other readers
skip. Everything is declared before anything is written: classic netCDF moves all data when a declaration comes late.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, MissingDependencyError
from ssb2mesh.io.mesh_common import Fields
from ssb2mesh.io.mesh_names import safe_names
from ssb2mesh.io.mesh_sides import SideSet
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.second_order import SecondOrder

if TYPE_CHECKING:
    import netCDF4

__all__ = [
    "EXODUS_SIDE",
    "ExodusNames",
    "ExodusPlan",
    "Layout",
    "Step",
    "closing_once",
    "component_names",
    "import_netcdf",
]

#: Exodus's number of each side in `ssb2mesh.mesh.TET_SIDES`.
EXODUS_SIDE = np.array([2, 3, 1, 4])
_CHUNK = 1 << 18
_LINE = 80

Step = tuple[float, Fields, Fields]


class ExodusNames(NamedTuple):
    """Names and ids in an Exodus file.

    Attributes
    ----------
    blocks : dict of str to (int, str)
        Phase to id and name of its block.
    side_sets : dict of str to (int, str)
        One-sided set (``"A|B"``: on A's tets; ``"B|A"``: on B's) to id and name.
    """

    blocks: dict[str, tuple[int, str]]
    side_sets: dict[str, tuple[int, str]]


@dataclass(frozen=True)
class ExodusPlan:
    """Everything about a file but the fields: tets by block, sets, nodes."""

    mesh: TaggedMesh
    names: ExodusNames
    blocks: list[tuple[str, npt.NDArray[np.int64] | slice, int]]
    sets: list[SideSet]
    node_sets: list[tuple[str, npt.NDArray[np.int64]]]
    ascending: bool
    second: SecondOrder | None

    @property
    def nodes(self) -> npt.NDArray[np.float64]:
        """Points, and mid nodes if the tets have any."""
        return self.mesh.points if self.second is None else self.second.points

    @property
    def tets(self) -> npt.NDArray[np.integer]:
        """Nodes of the tets, 4 or 10."""
        return self.mesh.tets if self.second is None else self.second.tets


@dataclass
class Layout:
    """A file being written: its variables, and what must wait until all are declared."""

    file: netCDF4.Dataset
    plan: ExodusPlan
    name_length: int
    variables: dict[str, netCDF4.Variable] = field(default_factory=dict)
    late: dict[str, npt.NDArray] = field(default_factory=dict)
    shapes: tuple[list[tuple[str, tuple[int, ...]]], ...] = ([], [])

    def variable(self, name: str, kind: str, *dimensions: str) -> netCDF4.Variable:
        """Declare a variable."""
        fixed = "time_step" not in dimensions
        made = self.file.createVariable(name, kind, dimensions, contiguous=fixed, fill_value=False)
        made.set_auto_maskandscale(False)
        made.set_auto_chartostring(False)
        self.variables[name] = made
        return made

    def declare(self, first: Step | None, *, wide: bool, header: bytes) -> None:
        """Declare everything, the fields of the first step among it; integers of 64 bits if `wide`."""
        file, plan = self.file, self.plan
        integer = "i8" if wide else "i4"
        file.setncatts({"api_version": np.float32(8.11), "version": np.float32(8.11)})
        file.setncatts({"floating_point_word_size": np.int32(8), "file_size": np.int32(1)})
        file.setncatts({"maximum_name_length": np.int32(self.name_length), "title": "ssb2mesh"})
        if wide:
            file.setncattr("int64_status", np.int32(0xE000))  # maps, ids and bulk data
        self._dimensions(len(header))
        self.variable("coor_names", "S1", "num_dim", "len_name")
        self.variable("qa_records", "S1", "num_qa_rec", "four", "len_string")
        self.variable("info_records", "S1", "num_info", "len_line")
        for prefix, dimension in (("eb", "num_el_blk"), ("ss", "num_side_sets"), ("ns", "num_node_sets")):
            if dimension in file.dimensions:
                self.variable(f"{prefix}_status", "i4", dimension)
                self.variable(f"{prefix}_prop1", integer, dimension).setncattr("name", "ID")
                self.variable(f"{prefix}_names", "S1", dimension, "len_name")
        for number, side_set in enumerate(plan.sets, 1):
            file.createDimension(f"num_side_ss{number}", len(side_set.tets))
            self.variable(f"elem_ss{number}", integer, f"num_side_ss{number}")
            self.variable(f"side_ss{number}", integer, f"num_side_ss{number}")
        for number, (_, nodes) in enumerate(plan.node_sets, 1):
            file.createDimension(f"num_nod_ns{number}", len(nodes))
            self.variable(f"node_ns{number}", integer, f"num_nod_ns{number}")
        self.variable("ssb2mesh_header", "i1", "ssb2mesh_len_header")
        self.late["ssb2mesh_header"] = np.frombuffer(header, np.int8)
        self.declare_fields(first)
        self._declare_large(integer)

    def _declare_large(self, integer: str) -> None:
        """Declare what is long, last: each declaration in classic netCDF moves everything declared before."""
        plan = self.plan
        if len(plan.mesh.facets):
            self.variable("ssb2mesh_facet_tags", "i4", "ssb2mesh_num_rows")
            self.variable("ssb2mesh_facets", integer, "ssb2mesh_num_rows", "ssb2mesh_three")
        for axis in "xyz":
            self.variable(f"coord{axis}", "f8", "num_nodes")
        if not plan.ascending:
            self.variable("elem_num_map", integer, "num_elem")
        for number in range(1, len(plan.blocks) + 1):
            connect = self.variable(f"connect{number}", integer, f"num_el_in_blk{number}", f"num_nod_per_el{number}")
            connect.setncattr("elem_type", f"TETRA{plan.tets.shape[1]}")

    def _dimensions(self, header: int) -> None:
        plan = self.plan
        self.file.createDimension("time_step", None)
        sizes = {
            "len_string": 33, "len_line": _LINE + 1, "four": 4, "len_name": self.name_length + 1, "num_dim": 3,
            "num_nodes": len(plan.nodes), "num_elem": len(plan.tets), "num_el_blk": len(plan.blocks), "num_qa_rec": 1,
            "num_side_sets": len(plan.sets), "num_node_sets": len(plan.node_sets), "num_info": len(_info(plan)),
            "ssb2mesh_len_header": header, "ssb2mesh_num_rows": len(plan.mesh.facets), "ssb2mesh_three": 3,
        }  # fmt: skip
        for name, size in sizes.items():
            if size:  # netCDF takes 0 for unlimited
                self.file.createDimension(name, size)
        for number, (_, _, count) in enumerate(plan.blocks, 1):
            self.file.createDimension(f"num_el_in_blk{number}", count)
            self.file.createDimension(f"num_nod_per_el{number}", plan.tets.shape[1])

    def declare_fields(self, first: Step | None) -> None:
        """Declare times and the fields of the first step, which every step must have."""
        self.variable("time_whole", "f8", "time_step")
        if first is None:
            return
        self.shapes = tuple([(name, values.shape[1:]) for name, values in fields.items()] for fields in first[1:])
        blocks = [(f"eb{b}", f"num_el_in_blk{b}") for b in range(1, len(self.plan.blocks) + 1)]
        for kind, listed, owners in (("nod", self.shapes[0], [("", "num_nodes")]), ("elem", self.shapes[1], blocks)):
            flat = [part for name, shape in listed for part in component_names(name, shape)]
            if not flat:
                continue
            self.file.createDimension(f"num_{kind}_var", len(flat))
            texts = _field_texts(flat, self.name_length)
            self.variable(f"name_{kind}_var", "S1", f"num_{kind}_var", "len_name")
            self.late[f"name_{kind}_var"] = _chars(texts, self.name_length + 1)
            for number in range(1, len(flat) + 1):
                for owner, dimension in owners:
                    self.variable(f"vals_{kind}_var{number}{owner}", "f8", "time_step", dimension)
        if self.shapes[1]:
            table = self.variable("elem_var_tab", "i4", "num_el_blk", "num_elem_var")
            self.late["elem_var_tab"] = np.ones(table.shape, np.int32)

    def fill(self) -> None:
        """Write all that is not a field."""
        plan, variables = self.plan, self.variables
        for axis, column in zip("xyz", plan.nodes.T, strict=True):
            variables[f"coord{axis}"][:] = column
        self.late["coor_names"] = _chars(["x", "y", "z"], self.name_length + 1)
        self.late["qa_records"] = _chars(["ssb2mesh", "", "", ""], 33)[None]
        self.late["info_records"] = _chars(_info(plan), _LINE + 1)
        self._ids()
        for name, values in self.late.items():
            variables[name][:] = values
        self._tets()
        for number, side_set in enumerate(plan.sets, 1):
            variables[f"elem_ss{number}"][:] = side_set.tets + 1
            variables[f"side_ss{number}"][:] = EXODUS_SIDE[side_set.sides]
        for number, (_, nodes) in enumerate(plan.node_sets, 1):
            variables[f"node_ns{number}"][:] = nodes + 1
        if len(plan.mesh.facets):
            variables["ssb2mesh_facets"][:] = plan.mesh.facets
            variables["ssb2mesh_facet_tags"][:] = plan.mesh.facet_tags

    def _ids(self) -> None:
        plan, names = self.plan, self.plan.names
        # ids of node sets come after those of all side sets: MOOSE takes a number for one boundary only
        start = max([0, *(number for number, _ in names.side_sets.values())])
        numbers = {f"{name}_nodes": start + i for i, (name, _) in enumerate(plan.node_sets, 1)}
        texts = safe_names(numbers, length=self.name_length, numbers=numbers)
        for prefix, listed in (
            ("eb", [names.blocks[name] for name, _, _ in plan.blocks]),
            ("ss", [names.side_sets[s.name] for s in plan.sets]),
            ("ns", [(number, texts[name]) for name, number in numbers.items()]),
        ):
            if listed:
                self.late[f"{prefix}_status"] = np.ones(len(listed), np.int32)
                self.late[f"{prefix}_prop1"] = np.array([number for number, _ in listed])
                self.late[f"{prefix}_names"] = _chars([text for _, text in listed], self.name_length + 1)

    def _tets(self) -> None:
        plan, at = self.plan, 0
        for number, (_, rows, count) in enumerate(plan.blocks, 1):
            connect = self.variables[f"connect{number}"]
            for start in range(0, count, _CHUNK):
                stop = min(start + _CHUNK, count)
                part = slice(rows.start + start, rows.start + stop) if isinstance(rows, slice) else rows[start:stop]
                connect[start:stop] = plan.tets[part] + 1
            if not plan.ascending:
                self.variables["elem_num_map"][at : at + count] = np.asarray(rows) + 1
            at += count

    def write_step(self, step: Step, number: int) -> None:
        """Write the fields of one time."""
        plan, variables = self.plan, self.variables
        for where, listed, given in zip(("point_data", "cell_data"), self.shapes, step[1:], strict=True):
            if [(name, values.shape[1:]) for name, values in given.items()] != listed:
                raise InputError(
                    f"steps: step {number} has other {where} than the first; every step needs the same fields"
                )
        variables["time_whole"][number] = step[0]
        for at, column in enumerate(_columns(step[1]), 1):
            variables[f"vals_nod_var{at}"][number] = column if plan.second is None else plan.second.on_nodes(column)
        for at, column in enumerate(_columns(step[2]), 1):
            for block, (_, rows, _) in enumerate(plan.blocks, 1):
                variables[f"vals_elem_var{at}eb{block}"][number] = column[rows]


def component_names(name: str, shape: Sequence[int]) -> list[str]:
    """Return the scalar names of a field: ``u_x`` ... for three components, ``s_xx`` ... for six and nine."""
    width = int(shape[0]) if shape else 0
    axes = {3: "x y z", 6: "xx xy xz yy yz zz", 9: "xx xy xz yx yy yz zx zy zz"}
    if width == 0:
        return [name]
    return [f"{name}_{part}" for part in (axes[width].split() if width in axes else map(str, range(1, width + 1)))]


def import_netcdf(path: Path) -> Any:
    """Return the netCDF4 package, or raise MissingDependencyError with the way to get it."""
    try:
        import netCDF4
    except ImportError as error:
        raise MissingDependencyError.of("netCDF4", f"{path.name}: Exodus II", 'pip install "ssb2mesh[io]"') from error
    return netCDF4


@contextmanager
def closing_once(file: Any) -> Iterator[Any]:
    """Close a netCDF file once: netCDF4 tries again when the object goes, which crashes if the disk is full."""
    try:
        with file:
            yield file
    except BaseException:
        import ctypes

        # so it never goes
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(file))
        raise


def _field_texts(flat: Sequence[str], length: int) -> list[str]:
    """Names of scalar fields; components of two fields may have one name, so a second one gets a number first."""
    unique: dict[str, int] = {}
    for number, name in enumerate(flat, 1):
        unique[name if name not in unique else f"{name}_{number}"] = number
    return list(safe_names(unique, length=length, numbers=unique).values())


def _columns(fields: Fields) -> list[npt.NDArray]:
    return [column for values in fields.values() for column in np.atleast_2d(values.T)]


def _info(plan: ExodusPlan) -> list[str]:
    """What people read in the file: the unit, and the names as they were given."""
    lines = ["lengths in " + str(plan.mesh.metadata.get("length_unit", "m"))]
    lines += [f"block {number} {text} = {json.dumps(name)}" for name, (number, text) in plan.names.blocks.items()]
    lines += [f"side set {n} {text} = {json.dumps(name)}" for name, (n, text) in plan.names.side_sets.items()]
    return [line[:_LINE] for line in lines]


def _chars(texts: Sequence[str], width: int) -> npt.NDArray[np.bytes_]:
    packed = b"".join(text.encode()[: width - 1].ljust(width, b"\0") for text in texts)
    return np.frombuffer(packed, "S1").reshape(len(texts), width)
