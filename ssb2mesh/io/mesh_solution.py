"""Fields that a solve has written (XDMF/HDF5 of DOLFINx), read back as a named mesh. Nothing is solved or drawn here.

Such a file holds points, tets and fields in an order of its own, and tags without names. Order and names are found in
the native mesh file of the same run, beside it or a folder up or down; without one phases are called by their tags.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import MeshData
from ssb2mesh.io.mesh_xdmf import heavy_file, holds_solution, open_heavy, read_native
from ssb2mesh.mesh import TaggedMesh, tet_volumes

if TYPE_CHECKING:
    import h5py

__all__ = ["read_solution", "read_xdmf"]

_CENTRES = {"Node": "point_data", "Cell": "cell_data"}


def read_xdmf(path: Path) -> MeshData:
    """Read a native mesh from ``mesh.xdmf`` (which names its HDF5 file) or ``mesh.h5``, or fields of a solve."""
    heavy = heavy_file(path)
    with open_heavy(heavy) as file:
        solved = holds_solution(file)
    return read_solution(path, heavy) if solved else read_native(heavy)


def read_solution(path: Path, heavy: Path) -> MeshData:
    """Read mesh and fields of a solve.

    Parameters
    ----------
    path : Path
        The ``.xdmf`` file, or its ``.h5`` file.
    heavy : Path
        The HDF5 file.

    Returns
    -------
    MeshData
        The mesh of the run, facet sets included, if its file is found beside; else the tets alone.

    Raises
    ------
    InputError
        If the file holds no tets or is damaged.

    Examples
    --------
    >>> read_solution(Path("results/ions.xdmf"), Path("results/ions.h5")).point_data  # doctest: +SKIP
    {'potential': array(...)}
    """
    import h5py

    try:
        with h5py.File(heavy, "r") as file:
            points, tets = _geometry(file)
            fields = _fields(heavy.with_suffix(".xdmf"), file, {"point_data": len(points), "cell_data": len(tets)})
    except (KeyError, OSError, ElementTree.ParseError) as error:
        raise InputError(f"path: {path} is damaged or incomplete ({error}); solve again") from error
    phase = fields["cell_data"].pop("phase", np.ones(len(tets)))
    tags = np.rint(phase.reshape(len(tets), -1)[:, 0]).astype(np.int32)
    for candidate in _beside(heavy):
        found = _on_mesh_of_run(candidate, points, tets, fields)
        if found is not None:
            return found
    turned = tet_volumes(points, tets) < 0
    tets[turned] = tets[turned][:, [0, 1, 3, 2]]
    names = {f"phase {tag}": int(tag) for tag in np.unique(tags)}
    none = np.zeros((0, 3), tets.dtype)
    mesh = TaggedMesh(points, tets, tags, none, np.zeros(0, np.int32), names, {})
    return MeshData(mesh, fields["point_data"], fields["cell_data"])


def _geometry(file: h5py.File) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    group = next(iter(file["Mesh"].values()))
    points = np.asarray(group["geometry"][()], float)
    tets = np.asarray(group["topology"][()], np.int64)
    if tets.ndim != 2 or tets.shape[1] != 4 or points.shape[1:] != (3,):
        raise InputError(
            f"path: {file.filename} holds cells of {tets.shape[-1]} points; expected tets, as a solve writes them"
        )
    return points, tets


def _fields(xdmf: Path, file: h5py.File, counts: dict[str, int]) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """Fields by centre; what the XDMF file says counts, as a field may have as many values as there are tets."""
    found: dict[str, dict[str, npt.NDArray[np.float64]]] = {"point_data": {}, "cell_data": {}}
    for name, centre, dataset in _attributes(xdmf):
        values = np.asarray(file[dataset][()], float)
        if centre in found and len(values) == counts[centre]:
            flat = values.reshape(len(values), -1)
            found[centre][name] = flat[:, 0] if flat.shape[1] == 1 else flat
    return found


def _attributes(xdmf: Path) -> Iterator[tuple[str, str, str]]:
    """Name, centre and dataset of every field; of several times the last one counts."""
    for attribute in ElementTree.parse(xdmf).getroot().iter("Attribute"):
        item = attribute.find("DataItem")
        dataset = re.sub(r"^.*?:(?=/)", "", (item.text or "").strip()) if item is not None else ""
        if dataset:
            yield attribute.get("Name", ""), _CENTRES.get(attribute.get("Center", ""), ""), dataset


def _beside(heavy: Path) -> list[Path]:
    """Native mesh files that may be the mesh of a run: in its folder, in the one above, and in those in it."""
    folder = heavy.resolve().parent
    near = [path for each in ("*.h5", "../*.h5", "*/*.h5", ".*/*.h5") for path in sorted(folder.glob(each))]
    return [path for path in dict.fromkeys(near) if path.resolve() != heavy.resolve()]


def _on_mesh_of_run(
    candidate: Path,
    points: npt.NDArray[np.float64],
    tets: npt.NDArray[np.int64],
    fields: dict[str, dict[str, npt.NDArray[np.float64]]],
) -> MeshData | None:
    """The fields in the order of another mesh file, or None if that is not the same mesh."""
    import h5py

    try:
        with h5py.File(candidate, "r") as file:
            if "header" not in file.attrs or (len(file["points"]), len(file["tets"])) != (len(points), len(tets)):
                return None
        mesh = read_native(candidate).mesh
    except (OSError, KeyError, InputError):
        return None
    at = _permutation(mesh.points, points)
    if at is None:
        return None
    # corners of this file's tets, named as in the other mesh
    named = np.empty(len(points), np.int64)
    named[at] = np.arange(len(points))
    rows = _permutation(np.sort(mesh.tets, axis=1), np.sort(named[tets], axis=1))
    if rows is None:
        return None
    return MeshData(
        mesh,
        {name: values[at] for name, values in fields["point_data"].items()},
        {name: values[rows] for name, values in fields["cell_data"].items()},
    )


def _permutation(wanted: npt.NDArray, given: npt.NDArray) -> npt.NDArray[np.int64] | None:
    """Rows of `given` in the order of `wanted`, or None if the two do not hold the same rows."""
    a, b = np.lexsort(wanted.T), np.lexsort(given.T)
    if not np.array_equal(wanted[a], given[b]):
        return None
    result = np.empty(len(a), np.int64)
    result[a] = b
    return result
