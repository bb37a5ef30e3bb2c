"""The verdict on a mesh: quality, conformity, fidelity, areas in one report. It measures nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from ssb2mesh.check.quality import Conformity, Quality, mesh_conformity, mesh_quality
from ssb2mesh.errors import MeshError
from ssb2mesh.fidelity import ContactChange, Feature, InterfaceFidelity, PhaseFidelity, compare_with_voxels
from ssb2mesh.fidelity.cells import ThinLosses
from ssb2mesh.fidelity.records import VoxelFidelity
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.split import join_split
from ssb2mesh.mesh.topology import mesh_topology
from ssb2mesh.units import format_length
from ssb2mesh.volume import LabelledVolume

__all__ = ["STRICT", "Limits", "MeshReport", "check_mesh"]


@dataclass(frozen=True)
class Limits:
    """What a mesh must keep to pass. None: no limit. All but the first need voxels to compare with.

    Parameters
    ----------
    min_dihedral_deg : float
        Smallest dihedral angle allowed, degrees.
    max_volume_error : float
        Largest relative volume error of a phase.
    max_component_error : float, optional
        The same of a component of more than 27 voxels.
    max_hausdorff_voxels : float, optional
        Largest Hausdorff distance of an interface to that of the voxels, in units of the smallest voxel edge.
    features : bool
        Whether lost, gained, merged and split components and lost and gained contacts are faults; else they are notes.
    """

    min_dihedral_deg: float = 5.0
    max_volume_error: float = 0.05
    max_component_error: float | None = None
    max_hausdorff_voxels: float | None = None
    features: bool = False


#: What a mesh that is to stand for its voxels in every respect must keep.
STRICT = Limits(10.0, 0.002, 0.02, 1.0, True)


@dataclass(frozen=True)
class MeshReport:
    """Everything that is known about a mesh.

    Parameters
    ----------
    tets, points : int
        Size.
    quality : Quality
        Shapes of the tets.
    conformity : Conformity
        Fit of tets, box and facet sets.
    fidelity : dict of str to PhaseFidelity
        Comparison with the voxels, by phase; empty without voxels.
    interfaces : dict of str to float
        Area of every facet set, m2.
    faults : tuple of str
        What is wrong, a sentence each; empty for a sound mesh.
    notes : tuple of str
        What is no fault under the limits given but should be known, a sentence each.
    features : tuple of Feature
        Components lost, gained, merged or split, largest first; the counts in `fidelity` are complete.
    interface_fidelity : dict of str to InterfaceFidelity
        Comparison with the voxels, by interface; empty without voxels or if it was skipped.
    contacts : tuple of ContactChange
        Pairs of phases that touch in the voxels or in the mesh only.
    limits : Limits
        What the verdict is based on.
    thin : ThinLosses, optional
        What the cell size gave up, if it was asked for before meshing (``thin = "report"``).
    """

    tets: int
    points: int
    quality: Quality
    conformity: Conformity
    fidelity: Mapping[str, PhaseFidelity]
    interfaces: Mapping[str, float]
    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    interface_fidelity: Mapping[str, InterfaceFidelity] = field(default_factory=dict)
    contacts: tuple[ContactChange, ...] = ()
    limits: Limits = field(default_factory=Limits)
    thin: ThinLosses | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain dicts and numbers, ready for JSON."""
        lists = {"faults": list(self.faults), "notes": list(self.notes)}
        return {**asdict(self), **lists, "ok": self.ok}


def check_mesh(
    mesh: TaggedMesh,
    volume: LabelledVolume | None = None,
    *,
    limits: Limits | None = None,
    worst: int = 10,
    quick: bool = False,
) -> MeshReport:
    """Check a mesh against itself and, if given, against its voxels.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    volume : LabelledVolume, optional
        The voxels it was made of.
    limits : Limits, optional
        What it must keep to pass.
    worst : int
        How many of the worst tets to locate.
    quick : bool
        Leave out what takes longest: matching of components, distances of interfaces, contacts through edges and
        points.

    Returns
    -------
    MeshReport
        With the verdict in ``.ok`` and the reasons in ``.faults``.

    Raises
    ------
    InputError
        If the volume is not that of the mesh.
    MeshError
        If a coordinate is not a finite number.

    Examples
    --------
    >>> import numpy as np
    >>> from ssb2mesh import LabelledVolume, mesh_volume
    >>> volume = LabelledVolume(np.zeros((3, 3, 3), np.uint8), (1e-6,) * 3, phases={0: "LPSCl"})
    >>> check_mesh(mesh_volume(volume), volume).ok
    True
    """
    limits = limits or Limits()
    broken = np.flatnonzero(~np.isfinite(mesh.points).all(axis=1))
    if len(broken):
        raise MeshError(f"points: {len(broken)} of {mesh.n_points} are not finite numbers, the first is {broken[0]}")
    # a mesh cut open along interfaces is judged as the whole one that it was
    given, mesh = mesh, join_split(mesh)
    topology = mesh_topology(mesh.tets, mesh.cell_tags)
    quality = mesh_quality(mesh, worst=worst, spacing=volume.spacing if volume is not None else None)
    conformity = mesh_conformity(mesh, topology, quick=quick)
    found = VoxelFidelity({}) if volume is None else compare_with_voxels(mesh, volume, topology, quick=quick)
    faults = [*_own_faults(quality, conformity, limits), *_voxel_faults(found, limits)]
    changes = list(_changes(found))
    if limits.features:
        faults += changes
    return MeshReport(
        given.n_tets, given.n_points, quality, conformity, found.phases, given.facet_areas(), tuple(faults),
        () if limits.features else tuple(changes), found.features, found.interfaces, found.contacts, limits,
    )  # fmt: skip


def _own_faults(quality: Quality, conformity: Conformity, limits: Limits) -> list[str]:
    faults = []
    if quality.nonpositive_tets:
        faults.append(f"{quality.nonpositive_tets} tets have no positive volume")
    if quality.min_dihedral_deg < limits.min_dihedral_deg:
        faults.append(
            f"the smallest dihedral angle is {quality.min_dihedral_deg:.2f} deg, below {limits.min_dihedral_deg:g} deg"
        )
    if conformity.off_box_area:
        faults.append(
            f"{conformity.off_box_area:.3g} m2 of the outer surface lie neither on the box nor on a named wall"
        )
    texts = {
        "facets_shared_by_more_than_two": "facets belong to more than two tets",
        "overlapping_facets": "facets have both their tets on one side",
        "untagged_interface_facets": "facets of interfaces or sides are in no set of their name",
        "misplaced_facets": "rows of the facet sets are not facets of what their name says",
        "misoriented_facets": "rows of the facet sets point the wrong way",
        "repeated_facets": "rows of the facet sets are there twice",
        "orphan_points": "points belong to no tet",
        "duplicate_points": "points lie exactly where another one lies",
    }
    counts = {key: getattr(conformity, key) for key in texts}
    return faults + [f"{counts[key]} {text}" for key, text in texts.items() if counts[key]]


def _voxel_faults(found: VoxelFidelity, limits: Limits) -> list[str]:
    faults = []
    for name, phase in found.phases.items():
        if abs(phase.relative_error) > limits.max_volume_error:
            faults.append(
                f"{name}: volume {100 * phase.relative_error:+.2f} % off its voxels, more than "
                f"{100 * limits.max_volume_error:g} %"
            )
        worst = phase.worst_component_error
        if limits.max_component_error is not None and worst is not None and abs(worst) > limits.max_component_error:
            faults.append(
                f"{name}: the volume of a component of more than 27 voxels is {100 * worst:+.2f} % off, more than "
                f"{100 * limits.max_component_error:g} %"
            )
    for name, interface in found.interfaces.items():
        distance = interface.hausdorff_voxels
        if None not in (limits.max_hausdorff_voxels, distance) and distance > limits.max_hausdorff_voxels:  # type: ignore[operator]
            faults.append(
                f"{name}: Hausdorff distance to the voxels {distance:.3g} voxels, more than "
                f"{limits.max_hausdorff_voxels:g}"
            )
    return faults


#: What each count of `PhaseFidelity` says, of one and of several.
_KINDS = {
    "lost": ("1 component of the voxels is not in the mesh", "{} components of the voxels are not in the mesh"),
    "gained": ("1 component of the mesh is not in the voxels", "{} components of the mesh are not in the voxels"),
    "merged": ("1 component of the mesh joins several of the voxels", "{} components of the mesh join several each"),
    "split": ("1 component of the voxels is cut in the mesh", "{} components of the voxels are cut in the mesh"),
}


def _changes(found: VoxelFidelity) -> Iterable[str]:
    """Sentences on what is in the voxels or in the mesh only, with the largest of each kind."""
    largest: dict[tuple[str, str], Feature] = {}
    for feature in found.features:
        largest.setdefault((feature.phase, feature.kind), feature)
    for name, phase in found.phases.items():
        for kind, (single, several) in _KINDS.items():
            count = getattr(phase, kind)
            if count:
                one = largest[(name, kind)]
                said = single if count == 1 else several.format(count)
                where = ", ".join(format_length(x) for x in one.position)
                yield f"{name}: {said}; the largest {one.voxels:.4g} voxels at ({where}), voxel {list(one.voxel)}"
    for contact in found.contacts:
        there, missing = ("voxels", "mesh") if contact.kind == "lost" else ("mesh", "voxels")
        where = ", ".join(format_length(x) for x in contact.position)
        yield (
            f"{contact.interface}: the phases touch in the {there} ({contact.area:.3g} m2 around ({where}), "
            f"voxel {list(contact.voxel)}) but not in the {missing}"
        )
