"""I-DEAS universal files (.unv) and Salome's MED (.med), through Gmsh, which writes both with groups. Written only.

The mesh goes to Gmsh as MSH 4.1 in a temporary file; physical names become groups of elements.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from ssb2mesh.errors import MissingDependencyError
from ssb2mesh.io.mesh_common import MeshData, replacing
from ssb2mesh.io.mesh_gmsh import physical_numbers, write_gmsh_nodes
from ssb2mesh.io.mesh_names import safe_names, warn_loss, warn_renamed
from ssb2mesh.io.mesh_text import lost_fields
from ssb2mesh.mesh.second_order import check_order, second_order

__all__ = ["write_med", "write_unv"]

#: Longest name of a group.
_LENGTHS = {"MED": 80, "UNV": 40}


def write_unv(data: MeshData, path: Path, *, order: int = 1, curved: bool = True) -> None:
    """Write an I-DEAS universal file; groups of volumes and facets by name. Needs gmsh.

    Parameters
    ----------
    data : MeshData
        Mesh; fields are left out and told.
    path : Path
        The file.
    order : int
        1 or 2.
    curved : bool
        Of order 2: move mid nodes to smooth interfaces where tets stay valid; told. Otherwise all edges are straight.

    Raises
    ------
    InputError
        If the order is another.
    MissingDependencyError
        If gmsh is not installed.
    """
    _through_gmsh(data, path, "UNV", order=order, curved=curved)


def write_med(data: MeshData, path: Path, *, order: int = 1, curved: bool = True) -> None:
    """Write a MED file; groups of volumes and facets by name. Needs gmsh.

    Parameters
    ----------
    data : MeshData
        Mesh; fields are left out and told.
    path : Path
        The file.
    order : int
        1 or 2.
    curved : bool
        Of order 2: move mid nodes to smooth interfaces where tets stay valid; told. Otherwise all edges are straight.

    Raises
    ------
    InputError
        If the order is another.
    MissingDependencyError
        If gmsh is not installed.
    """
    _through_gmsh(data, path, "MED", order=order, curved=curved)


def _through_gmsh(data: MeshData, path: Path, what: str, *, order: int, curved: bool) -> None:
    check_order(order)
    try:
        import gmsh
    except (ImportError, OSError) as error:
        raise MissingDependencyError.of("gmsh", f"{path.name}: {what}", 'pip install "ssb2mesh[gmsh]"') from error
    mesh = data.mesh
    second = second_order(mesh, curved=curved) if order == 2 else None
    numbers = physical_numbers(mesh.cell_names) | {n: 0 for n in mesh.facet_names}
    numbers |= {name: i for i, name in enumerate(mesh.facet_names, 1)}
    names = safe_names([*mesh.cell_names, *mesh.facet_names], length=_LENGTHS[what], numbers=numbers)
    plain = replace(
        mesh,
        cell_names={names[name]: tag for name, tag in mesh.cell_names.items()},
        facet_names={names[name]: tag for name, tag in mesh.facet_names.items()},
    )
    with replacing(path) as (part,), tempfile.TemporaryDirectory(dir=path.parent, prefix=".ssb2mesh-") as folder:
        middle = Path(folder) / "mesh.msh"
        write_gmsh_nodes(MeshData(plain), middle, second)
        was_running = bool(gmsh.isInitialized())
        if not was_running:
            gmsh.initialize(interruptible=False)
        try:
            gmsh.option.setNumber("General.Terminal", 0)
            gmsh.model.add("ssb2mesh")
            gmsh.merge(str(middle))
            gmsh.option.setNumber("Mesh.SaveGroupsOfElements", 1)
            gmsh.write(str(part))
            gmsh.model.remove()
        finally:
            if not was_running:
                gmsh.finalize()
    warn_loss(path, [*lost_fields(data, what), *(second.told if second else [])])
    warn_renamed(path, names)
