"""What the page draws: the facet sets of a mesh as patches of few triangles, and the worst tets. No HTML, no files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TET_SIDES, TaggedMesh

__all__ = ["Patch", "view_patches", "worst_tets"]


@dataclass(frozen=True, eq=False)
class Patch:
    """Triangles between two phases, or of one phase on a side of the box.

    Parameters
    ----------
    name : str
        Facet set.
    behind, front : str
        Phase behind the triangles; phase or side in front of them, where their normals point to.
    points : (n, 3) float64 array
        Coordinates, m.
    triangles : (t, 3) int32 array
        Rows of `points`.
    area : float
        Of the facet set in the mesh, m2.
    """

    name: str
    behind: str
    front: str
    points: npt.NDArray[np.float64]
    triangles: npt.NDArray[np.int32]
    area: float


def view_patches(mesh: TaggedMesh, *, faces: int) -> list[Patch]:
    """Return the interfaces and the phases on the sides of the box, decimated together if they are too many.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    faces : int
        Triangles to keep at most; more stay where fewer would change how the surfaces hang together.

    Returns
    -------
    list of Patch
        Interfaces first, by name.

    Raises
    ------
    InputError
        If the mesh has no facet set to draw.

    Examples
    --------
    >>> [patch.name for patch in view_patches(mesh, faces=100_000)]  # doctest: +SKIP
    ['LPSCl|NMC', 'LPSCl@x_min']
    """
    from ssb2mesh.surfaces.decimate import decimate
    from ssb2mesh.surfaces.model import Surfaces
    from ssb2mesh.volume import BOX_SIDES

    named = {name: _ends(name) for name in sorted(mesh.facet_names, key=lambda name: ("@" in name, name))}
    sets = {name: ends for name, ends in named.items() if ends is not None}
    rows = {name: mesh.facet_set(name) for name in sets}
    rows = {name: triangles for name, triangles in rows.items() if len(triangles)}
    if not rows:
        raise InputError("mesh: it has no interface A|B and no side A@x_min, so there is nothing to view; mesh it anew")
    phases = list(dict.fromkeys([*mesh.cell_names, *(end for name in rows if "|" in name for end in sets[name])]))
    names = (*phases, *BOX_SIDES)
    regions = np.concatenate([np.tile([[names.index(e) for e in sets[n]]], (len(t), 1)) for n, t in rows.items()])
    triangles = np.concatenate(list(rows.values()))
    used, index = np.unique(triangles, return_inverse=True)
    index = index.reshape(-1, 3).astype(np.int32)
    points = mesh.points[used]
    a, b, c = (points[index[:, i]] for i in range(3))
    edge = float(np.sqrt(np.median(np.linalg.norm(np.cross(b - a, c - a), axis=1))))
    bodies = np.where(regions < len(phases), regions, -1).astype(np.int32)
    all_ = Surfaces(points, index, regions.astype(np.int32), bodies, names, np.arange(len(phases), dtype=np.int32),
                    np.asarray(mesh.box), edge)  # fmt: skip
    kept = decimate(all_, faces=faces) if len(index) > faces else all_
    areas = mesh.facet_areas()
    patches = []
    for name in rows:
        pair = [names.index(end) for end in sets[name]]
        chosen = kept.triangles[(kept.regions == pair).all(axis=1)]
        own, local = np.unique(chosen, return_inverse=True)
        behind, front = sets[name]
        patches.append(Patch(name, behind, front, kept.points[own], local.reshape(-1, 3).astype(np.int32), areas[name]))
    return patches


def worst_tets(mesh: TaggedMesh, *, count: int) -> Patch:
    """Return the tets of the smallest or largest dihedral angles as closed surfaces.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    count : int
        How many.

    Returns
    -------
    Patch
        Four triangles a tet; named after the angles they span.

    Examples
    --------
    >>> len(worst_tets(mesh, count=50).triangles)  # doctest: +SKIP
    200
    """
    from ssb2mesh.check.quality import mesh_quality

    found = mesh_quality(mesh, worst=count).worst
    tets = mesh.tets[[each.tet for each in found]].reshape(-1, 4)
    corners = mesh.points[tets].reshape(-1, 3)
    triangles = (4 * np.arange(len(tets))[:, None, None] + TET_SIDES[None]).reshape(-1, 3).astype(np.int32)
    low = min((each.min_dihedral_deg for each in found), default=np.nan)
    high = max((each.max_dihedral_deg for each in found), default=np.nan)
    return Patch(f"{len(tets)} worst tets, dihedral angles {low:.1f}° to {high:.1f}°", "", "", corners, triangles, 0.0)


def _ends(name: str) -> tuple[str, str] | None:
    """Phase behind and phase or side in front; None for the union of a side."""
    for mark in ("|", "@"):
        first, found, second = name.partition(mark)
        if found:
            return first, second
    return None
