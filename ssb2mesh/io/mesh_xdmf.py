"""The native format: arrays and names in HDF5, and a small XDMF file beside it for ParaView and DOLFINx.

The layout is in docs/mesh-files.md; it is made so that every rank of a parallel job can read a slab of each array.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt

from ssb2mesh.disk import check_space
from ssb2mesh.errors import InputError
from ssb2mesh.facet_atoms import AtomTable, atom_table
from ssb2mesh.io.mesh_common import Fields, MeshData, header_of, mesh_from_header, parse_header, replacing, safe_key
from ssb2mesh.mesh import TaggedMesh

if TYPE_CHECKING:
    import h5py

__all__ = [
    "TagsTable",
    "heavy_file",
    "holds_solution",
    "open_heavy",
    "read_native",
    "read_tags_table",
    "write_tables",
    "write_xdmf",
    "xdmf_text",
]

_TURNS = np.array(list(permutations(range(3))), np.int8)


class TagsTable(NamedTuple):
    """The names in a native mesh file and the integers behind them.

    Attributes
    ----------
    phases : dict of str to int
        Phase name to cell tag.
    sets : dict of str to tuple of int
        Facet set name to the atoms (values of the facet meshtags) that make it up.
    n_points, n_tets, n_triangles : int
        Lengths of the arrays.
    box : (2, 3) float array
        Corners of the box, m.
    """

    phases: dict[str, int]
    sets: dict[str, tuple[int, ...]]
    n_points: int
    n_tets: int
    n_triangles: int
    box: npt.NDArray[np.float64]


def write_xdmf(data: MeshData, path: Path) -> None:
    """Write ``mesh.h5`` and ``mesh.xdmf``; see `ssb2mesh.io.meshes.write_mesh`."""
    import h5py

    xdmf, heavy = path.with_suffix(".xdmf"), path.with_suffix(".h5")
    table = atom_table(data.mesh)
    # HDF5 does not survive a disk that is full
    fields = [*data.point_data.values(), *data.cell_data.values()]
    check_space(path.parent, _bytes(data.mesh, fields), what=f"writing {str(heavy)!r}")
    with replacing(heavy, xdmf) as (h5_part, xdmf_part):
        with h5py.File(h5_part, "w") as file:
            keys = _write_arrays(file, data, table)
        xdmf_part.write_text(xdmf_text(data, heavy.name, keys, table), encoding="utf-8")


def _bytes(mesh: TaggedMesh, fields: Iterable[npt.NDArray]) -> int:
    """Size of the HDF5 file but for what is small."""
    arrays = (mesh.points, mesh.tets, mesh.cell_tags, *fields)
    return sum(np.asarray(array).nbytes for array in arrays) + 10 * len(mesh.facets)


def read_native(heavy: Path) -> MeshData:
    """Read a mesh from the HDF5 file of the native format."""
    with _open(heavy) as file:
        try:
            triangles = file["facets/triangles"][()]
            facets = triangles[file["facets/row_triangle"][()]]
            if "row_turn" in file["facets"]:
                facets = np.take_along_axis(facets, _TURNS[file["facets/row_turn"][()]].astype(np.intp), axis=1)
            mesh = mesh_from_header(
                file.attrs["header"],
                heavy,
                points=file["points"][()],
                tets=file["tets"][()],
                cell_tags=file["cell_tags"][()],
                facets=facets,
                facet_tags=file["facets/row_tag"][()],
            )
            fields = [
                {str(d.attrs["name"]): d[()] for d in file[group].values()} if group in file else {}
                for group in ("point_data", "cell_data")
            ]
        except (KeyError, OSError) as error:
            raise InputError(f"path: {heavy} is damaged or incomplete ({error}); write the mesh again") from error
    return MeshData(mesh, *fields)


def read_tags_table(path: str | Path) -> TagsTable:
    """Read the names of a native mesh file and nothing else; for solvers that read the arrays in slabs.

    Parameters
    ----------
    path : str or Path
        ``mesh.xdmf`` or ``mesh.h5``.

    Returns
    -------
    TagsTable
        Phases, facet sets as atoms, array lengths, box.

    Raises
    ------
    InputError
        If the file is missing or no native mesh file.

    Examples
    --------
    >>> read_tags_table("mesh.xdmf").sets["z_min"]  # doctest: +SKIP
    (4, 9)
    """
    heavy = heavy_file(Path(path))
    with _open(heavy) as file:
        header = parse_header(file.attrs["header"], heavy)
        offsets, atoms = file["facets/set_offsets"][()], file["facets/set_atoms"][()]
        sets = {
            name: tuple(atoms[start:stop].tolist())
            for name, start, stop in zip(header["facet_names"], offsets[:-1], offsets[1:], strict=True)
        }
        return TagsTable(
            header["cell_names"],
            sets,
            len(file["points"]),
            len(file["tets"]),
            len(file["facets/triangles"]),
            np.array(header["box"], float),
        )


def _write_arrays(file: h5py.File, data: MeshData, table: AtomTable) -> dict[tuple[str, str], str]:
    """Fill the HDF5 file; return the dataset of each field."""
    mesh = data.mesh
    file.attrs["header"] = header_of(mesh)
    for name, array in (("points", mesh.points), ("tets", mesh.tets), ("cell_tags", mesh.cell_tags)):
        file.create_dataset(name, data=array)
    triangles = mesh.facets[table.first_row]
    group = file.create_group("facets")
    group.create_dataset("triangles", data=triangles)
    group.create_dataset("atoms", data=table.atoms)
    index = np.int32 if len(triangles) < 2**31 else np.int64
    group.create_dataset("row_triangle", data=table.row_triangle.astype(index))
    group.create_dataset("row_tag", data=mesh.facet_tags)
    turns = _turns(mesh.facets, triangles, table.row_triangle)
    if turns is not None:
        group.create_dataset("row_turn", data=turns)
    write_tables(file, mesh, table.members)
    keys: dict[tuple[str, str], str] = {}
    for where, fields in (("point_data", data.point_data), ("cell_data", data.cell_data)):
        taken: set[str] = set()
        if fields:
            file.create_group(where, track_order=True)
        for name, values in fields.items():
            key = f"{where}/{safe_key(name, taken)}"
            file.create_dataset(key, data=values).attrs["name"] = name
            keys[where, name] = key
    return keys


def write_tables(file: h5py.File, mesh: TaggedMesh, members: list[tuple[int, ...]]) -> None:
    """Write the names as plain datasets too, for readers in other languages, and the table set -> atoms."""
    import h5py

    text = h5py.string_dtype("utf-8")
    for group, names in (("names/phases", mesh.cell_names), ("names/facet_sets", mesh.facet_names)):
        file.create_dataset(f"{group}/name", data=np.array(list(names), dtype=object), dtype=text)
        file.create_dataset(f"{group}/tag", data=np.array(list(names.values()), np.int32))
    by_tag: dict[int, list[int]] = {tag: [] for tag in mesh.facet_names.values()}
    for atom, tags in enumerate(members, start=1):
        for tag in tags:
            by_tag[tag].append(atom)
    lists = list(by_tag.values())
    file["facets"].create_dataset("set_offsets", data=np.cumsum([0, *map(len, lists)], dtype=np.int64))
    file["facets"].create_dataset("set_atoms", data=np.array([a for atoms in lists for a in atoms], np.int32))


def _turns(
    facets: npt.NDArray[np.integer], triangles: npt.NDArray[np.integer], row_triangle: npt.NDArray[np.int64]
) -> npt.NDArray[np.int8] | None:
    """How each row orders the corners of its triangle, or None when all rows take them as they are (the rule)."""
    taken = triangles[row_triangle]
    differs = np.flatnonzero((facets != taken).any(axis=1))
    if len(differs) == 0:
        return None
    turns = np.zeros(len(facets), np.int8)
    for number, turn in enumerate(_TURNS):
        turns[differs[(facets[differs] == taken[differs][:, turn]).all(axis=1)]] = number
    return turns


def xdmf_text(data: MeshData, heavy: str, keys: dict[tuple[str, str], str], table: AtomTable) -> str:
    """Return the XDMF text of a mesh whose arrays are in an HDF5 file."""
    mesh = data.mesh
    k = len(table.atoms)
    names = {tag: name for name, tag in mesh.facet_names.items()}
    phases = [_information(f"phase {tag}", name) for name, tag in mesh.cell_names.items()]
    atoms = [
        _information(f"facet_atom {atom}", " + ".join(names[t] for t in tags))
        for atom, tags in enumerate(table.members, 1)
    ]
    points = _item(heavy, "points", mesh.points)
    tets = _topology("Tetrahedron", mesh.n_tets, 4, _item(heavy, "tets", mesh.tets))
    geometry = f'<Geometry GeometryType="XYZ">{points}</Geometry>'
    phase = _attribute("phase", "Cell", _item(heavy, "cell_tags", mesh.cell_tags))
    fields = [
        _attribute(name, centre, _item(heavy, keys[where, name], values), _rank(values))
        for where, centre, values_of in (("point_data", "Node", data.point_data), ("cell_data", "Cell", data.cell_data))
        for name, values in _items(values_of)
    ]
    triangles = _topology("Triangle", k, 3, _item(heavy, "facets/triangles", mesh.facets[table.first_row]))
    atom = _attribute("facet_atom", "Cell", _item(heavy, "facets/atoms", table.atoms))
    # DOLFINx takes the first attribute of a grid as its tags, so the tags come first
    grids = [
        _grid("mesh", [*phases, tets, geometry, phase, *fields]),
        _grid("facet_tags", [*atoms, triangles, geometry, atom]),
        _grid("cell_tags", [*phases, tets, geometry, phase]),
    ]
    if k == 0:
        del grids[1]
    body = "\n".join(["<Domain>", _information("format", "ssb2mesh"), *grids, "</Domain>"])
    return f'<?xml version="1.0" encoding="utf-8"?>\n<Xdmf Version="3.0">\n{body}\n</Xdmf>\n'


def _items(fields: Fields) -> list[tuple[str, npt.NDArray]]:
    return list(fields.items())


def _grid(name: str, parts: list[str]) -> str:
    return "\n".join([f'<Grid Name="{name}" GridType="Uniform">', *(f"  {part}" for part in parts), "</Grid>"])


def _information(name: str, value: str) -> str:
    return f"<Information Name={quoteattr(name)} Value={quoteattr(value)}/>"


def _topology(kind: str, count: int, corners: int, item: str) -> str:
    head = f'<Topology TopologyType="{kind}" NumberOfElements="{count}" NodesPerElement="{corners}">'
    return f"{head}{item}</Topology>"


def _attribute(name: str, centre: str, item: str, rank: str = "Scalar") -> str:
    return f'<Attribute Name={quoteattr(name)} AttributeType="{rank}" Center="{centre}">{item}</Attribute>'


def _rank(values: npt.NDArray) -> str:
    width = 1 if values.ndim == 1 else values.shape[1]
    return {1: "Scalar", 3: "Vector", 6: "Tensor6", 9: "Tensor"}.get(width, "Matrix")


def _item(heavy: str, key: str, array: npt.NDArray) -> str:
    kind = {"i": "Int", "u": "UInt", "f": "Float"}[array.dtype.kind]
    shape = " ".join(map(str, array.shape))
    where = escape(f"{heavy}:/{key}")
    return (
        f'<DataItem Dimensions="{shape}" NumberType="{kind}" Precision="{array.dtype.itemsize}" Format="HDF">'
        f"{where}</DataItem>"
    )


def heavy_file(path: Path) -> Path:
    """The HDF5 file of a native mesh, as its XDMF file names it."""
    if path.suffix.lower() == ".h5":
        heavy = path
    else:
        if not path.exists():
            raise InputError(f"path: the mesh file {path} does not exist")
        named = re.search(r"<DataItem[^>]*>\s*([^<]*?):/", path.read_text(encoding="utf-8", errors="replace"))
        if named is None:
            raise InputError(f"path: {path} names no HDF5 data; expected the XDMF file of a native ssb2mesh mesh")
        text = named.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        heavy = path.parent / text
    if not heavy.exists():
        raise InputError(f"path: {path} needs {heavy.name} beside it, which is missing; keep the two files together")
    return heavy


def holds_solution(file: h5py.File) -> bool:
    """Tell whether an open HDF5 file is one that DOLFINx has written fields to."""
    return "Mesh" in file and "Function" in file


def open_heavy(heavy: Path) -> h5py.File:
    """Open an HDF5 file for reading; InputError if it cannot be read."""
    import h5py

    try:
        return h5py.File(heavy, "r")
    except OSError as error:
        raise InputError(f"path: {heavy} is no readable HDF5 file ({error})") from error


def _open(heavy: Path) -> h5py.File:
    file = open_heavy(heavy)
    if "header" not in file.attrs:
        solved = holds_solution(file)
        file.close()
        told = "holds the fields of a solve; give the mesh file of that run, such as mesh.xdmf beside it"
        other = "is no native ssb2mesh mesh (no header); convert it with gmsh or meshio to .msh"
        raise InputError(f"path: {heavy} {told if solved else other}")
    return file
