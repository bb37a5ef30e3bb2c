"""Facet sets of a mesh as surface files (STL, PLY, GLB, VTP) by `ssb2mesh.surfaces`; volumes are left out, and told.

Each triangle is written once, so whole sides (``"z_min"``) are left out unless asked for. Normals are those of the
mesh: from A to B on ``"A|B"``, outwards on the box.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import MeshData
from ssb2mesh.io.mesh_names import warn_loss
from ssb2mesh.io.mesh_text import lost_fields
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.units import in_metres
from ssb2mesh.surfaces.files import write_patches
from ssb2mesh.surfaces.shells import Patch
from ssb2mesh.volume import BOX_SIDES

__all__ = ["facet_patches", "write_surface"]


def write_surface(data: MeshData, path: Path, *, sets: Sequence[str] = ()) -> None:
    """Write facet sets of a mesh as surfaces; see `ssb2mesh.io.meshes.write_mesh`.

    Parameters
    ----------
    data : MeshData
        Mesh; tets and fields are left out and told.
    path : Path
        ``.stl``, ``.ply``, ``.glb`` or ``.vtp``. A ``.ply`` holds one surface, so several sets become one there.
    sets : sequence of str
        Facet sets to write; none given: all but the whole sides of the box.

    Raises
    ------
    InputError
        If a set is unknown or none has triangles.
    """
    # as `ssb2mesh surface` does: micrometres, stated in the file, unless another unit was asked for
    unit = str(data.mesh.metadata.get("length_unit", "um"))
    patches = facet_patches(in_metres(data.mesh), sets)
    what = path.suffix[1:].upper()
    phases = len(data.mesh.cell_names)
    lost = [f"{what} cannot hold volumes: {data.mesh.n_tets} tets of {phases} phase{'s' * (phases > 1)} left out"]
    if what == "PLY" and len(patches) > 1:
        lost.append(f"PLY holds one surface: {len(patches)} facet sets joined")
        patches = [_joined(patches)]
    write_patches(patches, path, unit=unit)
    warn_loss(path, [*lost, f"coordinates in {unit}", *lost_fields(data, what)])


def facet_patches(mesh: TaggedMesh, sets: Sequence[str] = ()) -> list[Patch]:
    """Return facet sets as surfaces of their own.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    sets : sequence of str
        As in `write_surface`.

    Returns
    -------
    list of Patch
        One for each set that has triangles.

    Raises
    ------
    InputError
        If a set is unknown or none has triangles.

    Examples
    --------
    >>> facet_patches(mesh, ["LPSCl|NMC"])[0].area  # doctest: +SKIP
    1.6e-11
    """
    listed = (sets,) if isinstance(sets, str) else tuple(sets)
    names = listed or tuple(name for name in mesh.facet_names if name not in BOX_SIDES)
    found = {name: mesh.facet_set(name) for name in names}
    patches = []
    for name, triangles in found.items():
        if len(triangles):
            used, corners = _compact(triangles, mesh.n_points)
            patches.append(Patch(name, mesh.points[used], corners, closed=False))
    if not patches:
        raise InputError(f"sets: no triangles in {', '.join(names) or 'the mesh'}; sets: {', '.join(mesh.facet_names)}")
    return patches


def _compact(triangles: npt.NDArray[np.integer], count: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Points in use, and the triangles renumbered to them."""
    used = np.zeros(count, bool)
    used[triangles] = True
    return used, (np.cumsum(used, dtype=np.int64) - 1)[triangles]


def _joined(patches: Sequence[Patch]) -> Patch:
    first = np.cumsum([0, *(len(patch.points) for patch in patches[:-1])])
    triangles = np.concatenate([patch.triangles + at for patch, at in zip(patches, first, strict=True)])
    points, index = np.unique(np.concatenate([patch.points for patch in patches]), axis=0, return_inverse=True)
    return Patch("facet sets", points, index.ravel()[triangles].astype(np.int64), closed=False)
