"""Meshes in other units than metres, for files only. Inside, everything is SI."""

from __future__ import annotations

from dataclasses import replace

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.units import LENGTH_UNITS

__all__ = ["in_metres", "scale_to_unit"]


def scale_to_unit(mesh: TaggedMesh, unit: str) -> TaggedMesh:
    """Return a mesh whose coordinates are numbers in another unit; ``metadata["length_unit"]`` says which.

    Parameters
    ----------
    mesh : TaggedMesh
        Mesh in metres.
    unit : str
        One of `ssb2mesh.units.LENGTH_UNITS`.

    Returns
    -------
    TaggedMesh
        For a file, not for the solvers: `ssb2mesh.read_mesh` turns it back into metres. Fields are not touched.

    Raises
    ------
    InputError
        If the unit is unknown.

    Examples
    --------
    >>> scale_to_unit(mesh, "um").box  # doctest: +SKIP
    """
    if unit not in LENGTH_UNITS:
        known = ", ".join(LENGTH_UNITS)
        raise InputError(f"unit: got {unit!r}; units of length: {known}{nearest(unit, LENGTH_UNITS)}")
    if unit == "m":
        return mesh
    metres = LENGTH_UNITS[unit]
    assert mesh.box is not None
    metadata = {**mesh.metadata, "length_unit": unit}
    return replace(mesh, points=mesh.points / metres, box=mesh.box / metres, metadata=metadata)


def in_metres(mesh: TaggedMesh) -> TaggedMesh:
    """Undo `scale_to_unit`, up to the last digit; a mesh in metres is returned as it is.

    Parameters
    ----------
    mesh : TaggedMesh
        Mesh as read from a file.

    Returns
    -------
    TaggedMesh
        Mesh in metres.

    Raises
    ------
    InputError
        If the unit in the file is unknown.

    Examples
    --------
    >>> in_metres(scale_to_unit(mesh, "um"))  # doctest: +SKIP
    """
    unit = str(mesh.metadata.get("length_unit", "m"))
    if unit not in LENGTH_UNITS:
        raise InputError(
            f"the mesh file has coordinates in {unit!r}, which is no known unit: {', '.join(LENGTH_UNITS)}"
        )
    if unit == "m":
        return mesh
    metres = LENGTH_UNITS[unit]
    assert mesh.box is not None
    metadata = {name: value for name, value in mesh.metadata.items() if name != "length_unit"}
    return replace(mesh, points=mesh.points * metres, box=mesh.box * metres, metadata=metadata)
