"""The verb `map`: a field from a volume file onto a mesh file, or from a mesh file onto voxels. No numerics here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.io.meshes import mesh_formats
from ssb2mesh.paths import check_output

if TYPE_CHECKING:
    import numpy.typing as npt

    from ssb2mesh.io.mesh_common import MeshData

__all__ = ["describe_map", "is_mesh", "map_file"]


def is_mesh(path: str | Path) -> bool:
    """Return whether the suffix of a path is that of a mesh file that can be read.

    Examples
    --------
    >>> is_mesh("a.vtu"), is_mesh("a.vti")
    (True, False)
    """
    found = mesh_formats().get(Path(str(path).partition("::")[0]).suffix.lower())
    return found is not None and found.reader is not None


def map_file(
    source: str | Path,
    onto: str | Path,
    target: str | Path,
    *,
    field: str | None = None,
    reading: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Map a field between voxels and a mesh; which way follows from the suffixes.

    Parameters
    ----------
    source : str or Path
        Volume file with numbers by voxel, or mesh file with fields.
    onto : str or Path
        Mesh file, or volume file whose voxels are used.
    target : str or Path
        Mesh file with all fields of `onto` and the new one; or ``.vti``, ``.tif``, ``.npy``.
    field : str, optional
        From voxels: name of the new field, default the name of the file. From a mesh: the field to map, needed if
        there are several.
    reading : mapping, optional
        ``voxel_size`` and ``axes`` of the volume file.
    options : mapping, optional
        ``to`` (``"cells"`` or ``"points"``), ``linear`` (bool) and ``fill`` (float).
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    dict
        ``field``, ``kind``, ``integral_before`` and ``integral_after`` (field times m3), ``without_value``, ``count``.

    Raises
    ------
    InputError
        If a file or a field cannot be used; nothing is written then.

    Examples
    --------
    >>> map_file("grey.tif", "mesh.vtu", "with-grey.vtu")["kind"]  # doctest: +SKIP
    'cells'
    """
    target = check_output(target, overwrite=overwrite)
    chosen: dict[str, Any] = {"to": "cells", "linear": False, "fill": float("nan")} | dict(options or {})
    if is_mesh(source) == is_mesh(onto):
        what = "meshes" if is_mesh(source) else "volumes"
        raise InputError(f"source: got two {what}, {str(source)!r} and {str(onto)!r}; give a volume and a mesh")
    if is_mesh(source):
        return _to_voxels(source, onto, target, field=field, reading=dict(reading or {}), fill=chosen["fill"])
    return _to_mesh(source, onto, target, field=field, reading=dict(reading or {}), options=chosen)


def _to_mesh(
    source: str | Path,
    onto: str | Path,
    target: Path,
    *,
    field: str | None,
    reading: Mapping[str, Any],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    from ssb2mesh.io.meshes import read_mesh_data, write_mesh
    from ssb2mesh.io.volume_fields import read_voxel_field
    from ssb2mesh.voxel_fields import voxels_to_cells, voxels_to_points

    writable = [suffix for suffix, found in mesh_formats().items() if found.writer]
    if target.suffix.lower() not in writable:
        guess = nearest(target.suffix, writable)
        raise InputError(f"output: cannot write {target.name!r}; suffixes of meshes: {', '.join(writable)}{guess}")
    text, _, inner = str(source).partition("::")
    name = field or Path(inner).name or Path(text).stem
    voxels, data = read_voxel_field(source, **reading), read_mesh_data(onto)
    point_data, cell_data = dict(data.point_data), dict(data.cell_data)
    taken = point_data if options["to"] == "points" else cell_data
    if name in taken or name == "phase":
        raise InputError(f"field: the mesh has a field {name!r} already; give another name with --field")
    numbers: dict[str, Any] = {"field": name, "kind": options["to"], "integral_before": voxels.integral()}
    if options["to"] == "points":
        values = voxels_to_points(voxels, data.mesh, fill=options["fill"])
        found = np.isfinite(values)
    else:
        mean = voxels_to_cells(voxels, data.mesh, linear=options["linear"], fill=options["fill"])
        values, found = mean.values, mean.volume > 0
        numbers["integral_after"] = float((mean.values[found] * mean.volume[found]).sum())
    taken[name] = values
    write_mesh(data.mesh, target, point_data=point_data, cell_data=cell_data)
    return numbers | {"without_value": int((~found).sum()), "count": len(values)}


def _to_voxels(
    source: str | Path, onto: str | Path, target: Path, *, field: str | None, reading: Mapping[str, Any], fill: float
) -> dict[str, Any]:
    from ssb2mesh.io.meshes import read_mesh_data
    from ssb2mesh.io.volume_fields import FIELD_SUFFIXES, read_voxel_field, write_voxel_field
    from ssb2mesh.mesh import tet_volumes
    from ssb2mesh.voxel_fields import cells_to_voxels, points_to_voxels

    if target.suffix.lower() not in FIELD_SUFFIXES:
        guess = nearest(target.suffix, FIELD_SUFFIXES)
        listed = ", ".join(FIELD_SUFFIXES)
        raise InputError(f"output: cannot write {target.name!r}; suffixes of voxel fields: {listed}{guess}")
    data, grid = read_mesh_data(source), read_voxel_field(onto, **reading)
    name, values, kind = _field_of(data, field, source)
    volumes = tet_volumes(data.mesh.points, data.mesh.tets)
    if kind == "points":
        mean = points_to_voxels(values, data.mesh, grid, fill=fill)
        before = values[data.mesh.tets].mean(axis=1)
    else:
        mean = cells_to_voxels(values, data.mesh, grid, fill=fill)
        before = values.astype(float)
    write_voxel_field(mean.field, target, name=name)
    return {
        "field": name,
        "kind": "voxels",
        "integral_before": float(np.nansum(before * volumes)),
        "integral_after": mean.integral(),
        "without_value": int((mean.share <= 0).sum()),
        "count": int(mean.share.size),
    }


def _field_of(data: MeshData, wanted: str | None, source: str | Path) -> tuple[str, npt.NDArray, str]:
    """The scalar field of a mesh file, by name or because it is the only one, and where it stands."""
    there: dict[str, tuple[npt.NDArray, str]] = {}
    for kind, fields in (("cells", data.cell_data), ("points", data.point_data)):
        there |= {name: (values, kind) for name, values in fields.items() if values.ndim == 1}
    if not there:
        raise InputError(f"field: {source} has no scalar fields")
    if wanted is None and len(there) == 1:
        wanted = next(iter(there))
    if wanted is None or wanted not in there:
        guess = nearest(str(wanted), there)
        raise InputError(f"field: got {wanted!r}{guess}; scalar fields of {source}: {', '.join(there)}")
    return wanted, *there[wanted]


def describe_map(numbers: Mapping[str, Any]) -> str:
    """Return what was mapped as text.

    Parameters
    ----------
    numbers : mapping
        As `map_file` returns it.

    Returns
    -------
    str
        A line a fact.

    Examples
    --------
    >>> print(describe_map({"field": "grey", "kind": "points", "integral_before": 2.0, "without_value": 0, "count": 8}))
    field       grey
    values      8 points, 0 without a value
    integral    2 before
    """
    after = f", {numbers['integral_after']:.9g} after" if "integral_after" in numbers else ""
    lines = [
        f"field       {numbers['field']}",
        f"values      {numbers['count']} {numbers['kind']}, {numbers['without_value']} without a value",
        f"integral    {numbers['integral_before']:.9g} before{after}",
    ]
    return "\n".join(lines)
