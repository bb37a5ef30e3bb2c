"""VTU, as ParaView and PyVista read it: raw appended binary, tets only, cell data ``phase``; names in the field data.

The facet sets lie in the field data too, so that the one file gives the whole mesh back. For the eye they are written
once more as triangles, into ``<stem>_facets.vtu`` beside it, with cell data ``facet_set``.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, MissingDependencyError
from ssb2mesh.io.mesh_common import MeshData, header_of, mesh_from_header, replacing
from ssb2mesh.io.mesh_names import warn_loss
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.second_order import SecondOrder, check_order, second_order

__all__ = ["facets_beside", "read_surface_vtu", "read_vtu", "write_piece_vtu", "write_surface_vtu", "write_vtu"]

_PREFIX = "ssb2mesh:"
_TYPES = {f"{kind}{bits}": np.dtype(f"<{kind[0].lower()}{bits // 8}")
          for kind in ("Int", "UInt") for bits in (8, 16, 32, 64)}  # fmt: skip
_TYPES |= {"Float32": np.dtype("<f4"), "Float64": np.dtype("<f8")}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
_BLOCK = 1 << 22
#: VTK's number of tets by their nodes.
_KINDS = {4: 10, 10: 24}


def facets_beside(path: Path) -> Path:
    """Return the name of the file with the facet sets as triangles, ``<stem>_facets.vtu``."""
    return path.with_name(f"{path.stem}_facets{path.suffix}")


def write_vtu(data: MeshData, path: Path, *, compress: bool = False, order: int = 1, curved: bool = True) -> None:
    """Write ``mesh.vtu`` and, when there are facets, ``mesh_facets.vtu``; see `ssb2mesh.io.meshes.write_mesh`.

    Parameters
    ----------
    data : MeshData
        Mesh and fields.
    path : Path
        The file.
    compress : bool
        Compress with zlib: about half the size, several times the time.
    order : int
        1: four nodes a tet; 2: ten (VTK's quadratic tet).
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
    sibling = facets_beside(path)
    with replacing(path, *([sibling] if len(mesh.facets) else [])) as parts:
        sections = _tet_sections(data, second)
        _write(parts[0], sections, (len(sections["Points"]["Points"]), mesh.n_tets), compress=compress)
        if len(mesh.facets):
            counts, sections = _facet_sections(mesh, second)
            _write(parts[1], sections, counts, compress=compress)
    warn_loss(path, second.told if second else [])


def write_surface_vtu(
    points: npt.NDArray[np.float64],
    triangles: npt.NDArray[np.integer],
    cell_data: Mapping[str, npt.NDArray],
    path: Path,
) -> None:
    """Write triangles with fields, such as an interface with its current density.

    Parameters
    ----------
    points : (n, 3) float array
        Coordinates, m.
    triangles : (k, 3) int array
        Corners.
    cell_data : mapping of str to (k,) or (k, c) array
        Fields by triangle.
    path : Path
        The file, ``.vtu``.

    Examples
    --------
    >>> write_surface_vtu(points, triangles, {"current_density": i}, Path("interface.vtu"))  # doctest: +SKIP
    """
    sections: Sections = {
        "FieldData": {},
        "PointData": {},
        "CellData": dict(cell_data),
        "Points": {"Points": points},
        "Cells": _cells(triangles, kind=5),
    }
    with replacing(path) as parts:
        _write(parts[0], sections, (len(points), len(triangles)), compress=False)


def write_piece_vtu(
    path: Path,
    points: npt.NDArray[np.float64],
    corners: npt.NDArray[np.integer],
    fields: tuple[Mapping[str, npt.NDArray], Mapping[str, npt.NDArray]],
    *,
    compress: bool = False,
) -> None:
    """Write tets or triangles with fields and no names, as a piece of another file.

    Parameters
    ----------
    path : Path
        The file; it is written in place.
    points : (n, 3) float array
        Coordinates.
    corners : (k, 3) or (k, 4) int array
        Corners.
    fields : (mapping, mapping)
        Fields by point and by cell.
    compress : bool
        Compress with zlib.

    Examples
    --------
    >>> write_piece_vtu(Path("phase.vtu"), points, tets, ({}, {"phase": tags}))  # doctest: +SKIP
    """
    sections: Sections = {
        "FieldData": {},
        "PointData": dict(fields[0]),
        "CellData": dict(fields[1]),
        "Points": {"Points": points},
        "Cells": _cells(corners, kind={3: 5, 4: 10}[corners.shape[1]]),
    }
    _write(path, sections, (len(points), len(corners)), compress=compress)


def read_surface_vtu(
    path: Path,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.integer], dict[str, npt.NDArray]]:
    """Return points, triangles and cell data of a VTU file of triangles; InputError if it is something else."""
    if not path.is_file():
        raise InputError(f"path: no file {str(path)!r}")
    head, start = _xml_head(path)
    fields = _read_raw(path, head, start) if start else _read_with_vtk(path)
    cells = fields.get("Cells", {})
    if "types" not in cells or (cells["types"] != 5).any():
        raise InputError(f"path: {path} does not hold triangles")
    points: npt.NDArray[np.float64] = fields["Points"].popitem()[1]
    return points, cells["connectivity"].reshape(-1, 3), dict(fields.get("CellData", {}))


def read_vtu(path: Path) -> MeshData:
    """Read a VTU file that ssb2mesh wrote, also after ParaView or PyVista has saved it again (needs vtk then)."""
    head, start = _xml_head(path)
    fields = _read_raw(path, head, start) if start else _read_with_vtk(path)
    field_data = fields.get("FieldData", {})
    if _PREFIX + "header" not in field_data:
        raise InputError(
            f"path: {path} is a VTU file without the names that ssb2mesh puts into it; "
            "a mesh of another program can come in as Gmsh .msh with physical names"
        )
    cells = fields["Cells"]
    connectivity, width = cells["connectivity"], 4
    points, point_data = fields["Points"].popitem()[1], dict(fields.get("PointData", {}))
    if _PREFIX + "n_points" in field_data:  # second order: the points of the mesh, then mid nodes
        width, count = 10, int(field_data[_PREFIX + "n_points"][0])
        points, point_data = points[:count], {name: values[:count] for name, values in point_data.items()}
    if len(cells["types"]) * width != len(connectivity) or (cells["types"] != _KINDS[width]).any():
        raise InputError(f"path: {path} holds cells that are not tets; expected the tets of an ssb2mesh mesh")
    cell_data = dict(fields.get("CellData", {}))
    mesh = mesh_from_header(
        field_data[_PREFIX + "header"].astype(np.uint8).tobytes().decode(),
        path,
        points=points,
        tets=np.ascontiguousarray(connectivity.reshape(-1, width)[:, :4]),
        cell_tags=cell_data.pop("phase"),
        facets=field_data.get(_PREFIX + "facets", np.zeros((0, 3), np.int32)).reshape(-1, 3),
        facet_tags=field_data.get(_PREFIX + "facet_tags", np.zeros(0, np.int32)),
    )
    return MeshData(mesh, point_data, cell_data)


Sections = dict[str, dict[str, npt.NDArray]]


def _tet_sections(data: MeshData, second: SecondOrder | None) -> Sections:
    mesh, points, tets = data.mesh, data.mesh.points, data.mesh.tets
    point_data: dict[str, npt.NDArray] = dict(data.point_data)
    field_data: dict[str, npt.NDArray] = {_PREFIX + "header": np.frombuffer(header_of(mesh).encode(), np.uint8)}
    if len(mesh.facets):
        field_data |= {_PREFIX + "facets": mesh.facets, _PREFIX + "facet_tags": mesh.facet_tags}
    if second is not None:
        points, tets = second.points, second.tets
        point_data = {name: second.on_nodes(values).astype(values.dtype) for name, values in point_data.items()}
        field_data[_PREFIX + "n_points"] = np.array([mesh.n_points], np.int64)
    return {
        "FieldData": field_data | _names_as_arrays(mesh),
        "PointData": point_data,
        "CellData": {"phase": mesh.cell_tags, **data.cell_data},
        "Points": {"Points": points},
        "Cells": _cells(tets, kind=_KINDS[tets.shape[1]]),
    }


def _facet_sections(mesh: TaggedMesh, second: SecondOrder | None) -> tuple[tuple[int, int], Sections]:
    points, facets = mesh.points, mesh.facets
    if second is not None:
        points, facets = second.points, second.triangles(facets)
    used = np.zeros(len(points), bool)
    used[facets.ravel()] = True
    renumbered = (np.cumsum(used, dtype=facets.dtype) - 1)[facets]
    sections = {
        "FieldData": _names_as_arrays(mesh),
        "PointData": {},
        "CellData": {"facet_set": mesh.facet_tags},
        "Points": {"Points": points[used]},
        "Cells": _cells(renumbered, kind=5 if second is None else 22),
    }
    return (int(used.sum()), len(renumbered)), sections


def _names_as_arrays(mesh: TaggedMesh) -> dict[str, npt.NDArray]:
    """Each name as an array ``[tag, dimension]``, which viewers list and meshio takes for physical names."""
    named = {name: np.array([tag, 3], np.int32) for name, tag in mesh.cell_names.items()}
    named |= {name: np.array([tag, 2], np.int32) for name, tag in mesh.facet_names.items()}
    # VTK writes array names without escaping them, so a file that it saves again would be broken
    legible = {re.sub(r'[\x00-\x1f<>&"]', "_", name): value for name, value in named.items()}
    return {name: value for name, value in legible.items() if not name.startswith(_PREFIX)}


def _cells(corners: npt.NDArray[np.integer], *, kind: int) -> dict[str, npt.NDArray]:
    count, width = corners.shape
    index = np.int32 if corners.size < 2**31 else np.int64
    return {
        "connectivity": corners.reshape(-1),
        "offsets": np.arange(width, corners.size + 1, width, dtype=index),
        "types": np.full(count, kind, np.uint8),
    }


def _write(path: Path, sections: Sections, counts: tuple[int, int], *, compress: bool) -> None:
    """Write the header, then the arrays one after another; the offsets are filled in where they are known."""
    payloads = {(s, n): _little(a) for s, arrays in sections.items() for n, a in arrays.items()}
    packed = {key: _compressed(array) for key, array in payloads.items()} if compress else {}
    offset, offsets = 0, {}
    for key, array in payloads.items():
        offsets[key] = offset
        offset += sum(map(len, packed[key])) if compress else 8 + array.nbytes
    with path.open("wb") as file:
        file.write(_xml(payloads, offsets, sections, counts, compress=compress).encode())
        file.write(b"_")
        for key, array in payloads.items():
            if compress:
                file.writelines(packed[key])
            else:
                file.write(np.array([array.nbytes], "<u8").tobytes())
                _write_buffer(file, array)
        file.write(b"\n</AppendedData>\n</VTKFile>\n")


def _write_buffer(file: BinaryIO, array: npt.NDArray) -> None:
    if array.size:
        file.write(memoryview(array.reshape(-1)).cast("B"))


def _compressed(array: npt.NDArray) -> list[bytes]:
    """The blocks of VTK's zlib compression: count, block size, size of the last block, compressed sizes, data."""
    raw = memoryview(array.reshape(-1)).cast("B") if array.size else memoryview(b"")
    blocks = [zlib.compress(raw[i : i + _BLOCK], 1) for i in range(0, len(raw), _BLOCK)]
    sizes = [len(blocks), _BLOCK, len(raw) % _BLOCK, *map(len, blocks)]
    return [np.array(sizes, "<u8").tobytes(), *blocks]


def _xml(
    payloads: dict[tuple[str, str], npt.NDArray],
    offsets: dict[tuple[str, str], int],
    sections: Sections,
    counts: tuple[int, int],
    *,
    compress: bool,
) -> str:
    def arrays(section: str) -> Iterator[str]:
        for name in sections[section]:
            array = payloads[section, name]
            width = "" if array.ndim == 1 else f' NumberOfComponents="{array.shape[1]}"'
            length = f' NumberOfTuples="{len(array)}"' if section == "FieldData" else ""
            yield (
                f'<DataArray type="{_NAMES[array.dtype]}" Name={quoteattr(name)}{width}{length} '
                f'format="appended" offset="{offsets[section, name]}"/>'
            )

    compressor = ' compressor="vtkZLibDataCompressor"' if compress else ""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian" header_type="UInt64"{compressor}>',
        "<UnstructuredGrid>",
        *("<FieldData>", *arrays("FieldData"), "</FieldData>"),
        f'<Piece NumberOfPoints="{counts[0]}" NumberOfCells="{counts[1]}">',
    ]
    for section in ("PointData", "CellData", "Points", "Cells"):
        scalars = f" Scalars={quoteattr(next(iter(sections[section])))}" if section == "CellData" else ""
        lines += [f"<{section}{scalars}>", *arrays(section), f"</{section}>"]
    lines += ["</Piece>", "</UnstructuredGrid>", '<AppendedData encoding="raw">', ""]
    return "\n".join(lines)


def _little(array: npt.NDArray) -> npt.NDArray:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _xml_head(path: Path) -> tuple[ElementTree.Element | None, int]:
    """The XML before raw appended data and where these begin; position 0 if the file is encoded otherwise."""
    with path.open("rb") as file:
        text = file.read(1 << 16)
        while (found := re.search(rb'<AppendedData\s+encoding="raw"\s*>\s*_', text)) is None:
            more = file.read(1 << 20)
            if not more:
                break
            text += more
    if b"<VTKFile" not in text[:4096]:
        raise InputError(f"path: {path} is no VTU file (no <VTKFile> in it)")
    if found is None:
        return None, 0
    try:
        head = ElementTree.fromstring(text[: found.start()] + b"</VTKFile>")
    except ElementTree.ParseError as error:
        raise InputError(f"path: {path} is a damaged VTU file ({error})") from error
    plain = head.get("byte_order") == "LittleEndian" and head.get("header_type") == "UInt64"
    ours = head.get("compressor") in (None, "vtkZLibDataCompressor") and len(head.findall(".//Piece")) == 1
    return (head, found.end()) if plain and ours and head.find(".//Array") is None else (None, 0)


def _read_raw(path: Path, head: ElementTree.Element | None, start: int) -> Sections:
    assert head is not None
    zipped = head.get("compressor") is not None
    sections: Sections = {}
    with path.open("rb") as file:
        for parent in [*head.iter("FieldData"), *next(head.iter("Piece"))]:
            arrays = sections.setdefault(parent.tag, {})
            for item in parent.iter("DataArray"):
                file.seek(start + int(item.get("offset", "0")))
                raw = _read_zipped(file, path) if zipped else _read_plain(file, path)
                array = np.frombuffer(bytearray(raw), _TYPES[item.get("type", "")])  # bytearray: to be writable
                width = int(item.get("NumberOfComponents", "1"))
                arrays[item.get("Name", "")] = array.reshape(-1, width) if width > 1 else array
    return sections


def _take(file: BinaryIO, count: int, path: Path) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise InputError(f"path: {path} is truncated ({count - len(data)} bytes are missing); write the mesh again")
    return data


def _read_plain(file: BinaryIO, path: Path) -> bytes:
    return _take(file, int(np.frombuffer(_take(file, 8, path), "<u8")[0]), path)


def _read_zipped(file: BinaryIO, path: Path) -> bytes:
    count = int(np.frombuffer(_take(file, 24, path), "<u8")[0])
    sizes = np.frombuffer(_take(file, 8 * count, path), "<u8").tolist()
    try:
        return b"".join(zlib.decompress(_take(file, size, path)) for size in sizes)
    except zlib.error as error:
        raise InputError(f"path: {path} is damaged ({error}); write the mesh again") from error


def _read_with_vtk(path: Path) -> Sections:
    """Any other encoding, through VTK's own reader."""
    try:
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridReader
    except ImportError as error:
        raise MissingDependencyError.of(
            "vtk", f"{path.name}, re-saved by another program,", 'pip install "ssb2mesh[io]"'
        ) from error
    reader = vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(path))
    reader.Update()
    grid = reader.GetOutput()
    if grid is None or grid.GetNumberOfCells() == 0:
        raise InputError(f"path: {path} holds no cells that VTK can read")
    sections: Sections = {}
    for name, data in (
        ("FieldData", grid.GetFieldData()),
        ("PointData", grid.GetPointData()),
        ("CellData", grid.GetCellData()),
    ):
        arrays = (data.GetArray(i) for i in range(data.GetNumberOfArrays()))
        sections[name] = {a.GetName(): vtk_to_numpy(a) for a in arrays if a is not None}
    cells = grid.GetCells()
    one_kind = grid.GetDistinctCellTypesArray().GetNumberOfTuples() == 1
    sections["Points"] = {"Points": vtk_to_numpy(grid.GetPoints().GetData())}
    sections["Cells"] = {
        "connectivity": vtk_to_numpy(cells.GetConnectivityArray()),
        "types": np.full(grid.GetNumberOfCells(), grid.GetCellType(0) if one_kind else 0, np.uint8),
    }
    return sections
