"""VTM, VTK's multi-block file: a block a phase and a block a facet set, for ParaView. Written only.

``mesh.vtm`` names the pieces in the folder ``mesh`` beside it: VTU files of one phase or one facet set each.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import Fields, MeshData, replacing
from ssb2mesh.io.mesh_vtu import write_piece_vtu

__all__ = ["write_vtm"]


def write_vtm(data: MeshData, path: Path, *, compress: bool = False) -> None:
    """Write ``mesh.vtm`` and the folder ``mesh``; see `ssb2mesh.io.meshes.write_mesh`.

    Parameters
    ----------
    data : MeshData
        Mesh and fields; point fields go to all blocks, fields by tet to the phases.
    path : Path
        The file. A folder of that name without the suffix is replaced when a ``.vtm`` stands beside it.
    compress : bool
        Compress with zlib.

    Raises
    ------
    InputError
        If a folder of that name is there that no ``.vtm`` belongs to.
    """
    mesh, folder = data.mesh, path.with_suffix("")
    if folder.exists() and not (path.exists() and (folder / _MARK).exists()):
        raise InputError(f"path: {folder} exists and belongs to no {path.name}; remove it or take another name")
    blocks: list[tuple[str, list[tuple[str, str]]]] = [("phases", []), ("facet sets", [])]
    with replacing(path) as (part,):
        staged = folder.with_name(f".{folder.name}.{os.getpid()}.part")
        try:
            staged.mkdir()
            (staged / _MARK).write_text("pieces of the .vtm file beside this folder\n")
            for number, (name, tag) in enumerate(mesh.cell_names.items(), 1):
                rows = np.flatnonzero(mesh.cell_tags == tag)
                if len(rows):
                    cell_data = {"phase": mesh.cell_tags[rows], **{n: v[rows] for n, v in data.cell_data.items()}}
                    _piece(data, staged / f"phase_{number}.vtu", mesh.tets[rows], cell_data, compress=compress)
                    blocks[0][1].append((name, f"{folder.name}/phase_{number}.vtu"))
            for number, (name, tag) in enumerate(mesh.facet_names.items(), 1):
                rows = np.flatnonzero(mesh.facet_tags == tag)
                if len(rows):
                    cell_data = {"facet_set": mesh.facet_tags[rows]}
                    _piece(data, staged / f"facets_{number}.vtu", mesh.facets[rows], cell_data, compress=compress)
                    blocks[1][1].append((name, f"{folder.name}/facets_{number}.vtu"))
            part.write_text(_xml(blocks), encoding="utf-8")
            if folder.exists():
                shutil.rmtree(folder)
            staged.replace(folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


_MARK = "ssb2mesh.txt"


def _piece(data: MeshData, path: Path, corners: npt.NDArray[np.integer], cell_data: Fields, *, compress: bool) -> None:
    used = np.zeros(data.mesh.n_points, bool)
    used[corners.ravel()] = True
    renumbered = (np.cumsum(used) - 1)[corners].astype(corners.dtype)
    point_data = {name: values[used] for name, values in data.point_data.items()}
    write_piece_vtu(path, data.mesh.points[used], renumbered, (point_data, cell_data), compress=compress)


def _xml(blocks: list[tuple[str, list[tuple[str, str]]]]) -> str:
    lines = ['<?xml version="1.0" encoding="utf-8"?>', '<VTKFile type="vtkMultiBlockDataSet" version="1.0">']
    lines.append("<vtkMultiBlockDataSet>")
    for number, (title, pieces) in enumerate(blocks):
        lines.append(f'<Block index="{number}" name={quoteattr(title)}>')
        lines += [
            f'<DataSet index="{i}" name={quoteattr(name)} file={quoteattr(file)}/>'
            for i, (name, file) in enumerate(pieces)
        ]
        lines.append("</Block>")
    return "\n".join([*lines, "</vtkMultiBlockDataSet>", "</VTKFile>", ""])
