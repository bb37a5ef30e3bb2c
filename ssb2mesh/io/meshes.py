"""Meshes in and out: the format is chosen by suffix, the work is done in one module a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.io.mesh_common import MeshData, check_fields
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.units import in_metres

__all__ = ["MeshData", "MeshFormat", "mesh_formats", "option_types", "read_mesh", "read_mesh_data", "register_format",
           "write_mesh"]  # fmt: skip

Reader = Callable[[Path], MeshData]
Writer = Callable[..., None]


@dataclass(frozen=True)
class MeshFormat:
    """One file format for meshes.

    Parameters
    ----------
    name : str
        What people call it.
    suffixes : tuple of str
        Lower-case, with the dot.
    reader, writer : str or callable
        ``reader(path) -> MeshData`` and ``writer(data, path, **options)``, or ``"module:function"``, imported on
        first use.
    """

    name: str
    suffixes: tuple[str, ...]
    reader: str | Reader | None
    writer: str | Writer | None


_FORMATS: dict[str, MeshFormat] = {}


def register_format(format: MeshFormat) -> None:
    """Make a format known to `read_mesh` and `write_mesh`; a later one takes over the suffixes of an earlier one.

    Parameters
    ----------
    format : MeshFormat
        Name, suffixes, reader and writer.

    Raises
    ------
    InputError
        If a suffix has no dot or is not lower-case.

    Examples
    --------
    >>> register_format(MeshFormat("Mine", (".mine",), None, "my_module:write_mine"))
    """
    for suffix in format.suffixes:
        if not suffix.startswith(".") or suffix != suffix.lower():
            raise InputError(f"suffixes: got {suffix!r}; a suffix is lower-case and starts with a dot")
    _FORMATS.update(dict.fromkeys(format.suffixes, format))


def mesh_formats() -> dict[str, MeshFormat]:
    """Return the known formats by suffix."""
    return dict(_FORMATS)


for _format in (
    MeshFormat("XDMF/HDF5", (".xdmf", ".h5"), "ssb2mesh.io.mesh_solution:read_xdmf",
               "ssb2mesh.io.mesh_xdmf:write_xdmf"),
    MeshFormat("VTU", (".vtu",), "ssb2mesh.io.mesh_vtu:read_vtu", "ssb2mesh.io.mesh_vtu:write_vtu"),
    MeshFormat("Gmsh", (".msh",), "ssb2mesh.io.mesh_gmsh_read:read_gmsh", "ssb2mesh.io.mesh_gmsh:write_gmsh"),
    MeshFormat("Exodus II", (".e", ".exo"), "ssb2mesh.io.mesh_exodus_read:read_exodus",
               "ssb2mesh.io.mesh_exodus:write_exodus"),
    MeshFormat("Nastran", (".nas", ".bdf"), None, "ssb2mesh.io.mesh_nastran:write_nastran"),
    MeshFormat("Abaqus", (".inp",), "ssb2mesh.io.mesh_abaqus:read_inp", "ssb2mesh.io.mesh_abaqus:write_inp"),
    MeshFormat("Ansys archive", (".cdb",), None, "ssb2mesh.io.mesh_ansys:write_cdb"),
    MeshFormat("I-DEAS universal", (".unv",), None, "ssb2mesh.io.mesh_by_gmsh:write_unv"),
    MeshFormat("MED", (".med",), None, "ssb2mesh.io.mesh_by_gmsh:write_med"),
    MeshFormat("surfaces", (".stl", ".ply", ".glb", ".vtp"), None, "ssb2mesh.io.mesh_surface:write_surface"),
    MeshFormat("VTK blocks", (".vtm",), None, "ssb2mesh.io.mesh_vtm:write_vtm"),
    MeshFormat("COMSOL", (".mphtxt",), "ssb2mesh.io.mesh_comsol:read_mphtxt", "ssb2mesh.io.mesh_comsol:write_mphtxt"),
):  # fmt: skip
    register_format(_format)


def read_mesh(path: str | Path) -> TaggedMesh:
    """Read a mesh; the format is known by the suffix.

    Parameters
    ----------
    path : str or Path
        ``.xdmf`` (with its ``.h5`` beside it), ``.h5``, ``.vtu``, ``.msh``, ``.e``, ``.exo``, ``.mphtxt`` or ``.inp``.

    Returns
    -------
    TaggedMesh
        The mesh as it was written, names, box and metadata included.

    Raises
    ------
    InputError
        If the file is missing, of an unknown suffix, damaged, or holds no named tetrahedral mesh.

    Examples
    --------
    >>> mesh = read_mesh("mesh.vtu")  # doctest: +SKIP
    """
    return read_mesh_data(path).mesh


def read_mesh_data(path: str | Path) -> MeshData:
    """Read a mesh with the fields that were written with it.

    Parameters
    ----------
    path : str or Path
        As in `read_mesh`.

    Returns
    -------
    MeshData
        ``.mesh``, ``.point_data`` and ``.cell_data``.

    Raises
    ------
    InputError
        As in `read_mesh`.

    Examples
    --------
    >>> data = read_mesh_data("mesh.vtu")  # doctest: +SKIP
    >>> data.point_data["potential"]  # doctest: +SKIP
    """
    path = Path(path)
    found = _format_of(path, [f for f in _FORMATS if _FORMATS[f].reader], "read")
    if not path.exists():
        raise InputError(f"path: the mesh file {path} does not exist")
    if path.is_dir():
        raise InputError(f"path: {path} is a folder; give the name of a mesh file")
    reader = _load(found.reader)
    data: MeshData = reader(path)
    return replace(data, mesh=in_metres(data.mesh))


def write_mesh(
    mesh: TaggedMesh,
    path: str | Path,
    *,
    point_data: Mapping[str, npt.ArrayLike] | None = None,
    cell_data: Mapping[str, npt.ArrayLike] | None = None,
    **options: object,
) -> None:
    """Write a mesh; the format is known by the suffix. A file appears whole or not at all.

    Parameters
    ----------
    mesh : TaggedMesh
        What to write.
    path : str or Path
        ``.xdmf`` (writes the ``.h5`` beside it), ``.vtu``, ``.msh``, ``.e``, ``.mphtxt`` and others, see
        docs/mesh-files.md. An existing file is replaced.
    point_data, cell_data : mapping of str to array, optional
        Fields by point (n, ...) and by tet (m, ...).
    **options
        Of the format: ``version="2.2"`` and ``binary=False`` of Gmsh, ``compress=True`` of VTU; see `option_types`.

    Raises
    ------
    InputError
        If the suffix or an option is unknown, the folder is missing, or a field does not fit the mesh.

    Examples
    --------
    >>> write_mesh(mesh, "mesh.xdmf", point_data={"potential": phi})  # doctest: +SKIP
    """
    path = Path(path)
    found = _format_of(path, [f for f in _FORMATS if _FORMATS[f].writer], "write")
    data = MeshData(
        mesh,
        check_fields(point_data, mesh.n_points, where="point_data"),
        check_fields(cell_data, mesh.n_tets, where="cell_data"),
    )
    writer = _load(found.writer)
    allowed = list(option_types(path))
    for option in options:
        if option not in allowed:
            known = ", ".join(allowed) or "none"
            raise InputError(f"{option}: no such option of {found.name}; options: {known}{nearest(option, allowed)}")
    writer(data, path, **options)


def option_types(path: str | Path) -> dict[str, str]:
    """Return the options that `write_mesh` takes for a file, with their types as text.

    Parameters
    ----------
    path : str or Path
        A file name; the format is known by the suffix.

    Returns
    -------
    dict of str to str
        Option and type.

    Raises
    ------
    InputError
        If no format has this suffix.

    Examples
    --------
    >>> option_types("mesh.msh")
    {'version': 'str', 'binary': 'bool'}
    """
    writer = _load(_format_of(Path(path), [f for f in _FORMATS if _FORMATS[f].writer], "write").writer)
    kinds = {name: kind for name, kind in writer.__annotations__.items() if name not in ("data", "path", "return")}
    return {name: kind if isinstance(kind, str) else kind.__name__ for name, kind in kinds.items()}


def _format_of(path: Path, known: Sequence[str], verb: str) -> MeshFormat:
    suffix = path.suffix.lower()
    if suffix not in known:
        listed = ", ".join(f"{s} ({_FORMATS[s].name})" for s in known)
        got = f"suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise InputError(f"path: cannot {verb} {path.name!r} with {got}; known: {listed}{nearest(suffix, known)}")
    return _FORMATS[suffix]


def _load(where: str | Callable | None) -> Callable:
    if isinstance(where, str):
        module, _, function = where.partition(":")
        loaded: Callable = getattr(import_module(module), function)
        return loaded
    assert where is not None  # _format_of lists only what can be done
    return where
