"""The verdict on a mesh: quality, conformity, fidelity, areas in one report. It measures nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ssb2mesh.fidelity import PhaseFidelity, compare_with_voxels
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.quality import Conformity, Quality, mesh_conformity, mesh_quality
from ssb2mesh.topology import mesh_topology
from ssb2mesh.volume import LabelledVolume

__all__ = ["Limits", "MeshReport", "check_mesh"]


@dataclass(frozen=True)
class Limits:
    """What a mesh must keep to pass.

    Parameters
    ----------
    min_dihedral_deg : float
        Smallest dihedral angle allowed, degrees.
    max_volume_error : float
        Largest relative volume error of a phase allowed, when compared with voxels.
    """

    min_dihedral_deg: float = 5.0
    max_volume_error: float = 0.05


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
    """

    tets: int
    points: int
    quality: Quality
    conformity: Conformity
    fidelity: Mapping[str, PhaseFidelity]
    interfaces: Mapping[str, float]
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain dicts and numbers, ready for JSON."""
        return {**asdict(self), "faults": list(self.faults), "ok": self.ok}


def check_mesh(mesh: TaggedMesh, volume: LabelledVolume | None = None, *, limits: Limits | None = None) -> MeshReport:
    """Check a mesh against itself and, if given, against its voxels.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    volume : LabelledVolume, optional
        The voxels it was made of.
    limits : Limits, optional
        What it must keep to pass.

    Returns
    -------
    MeshReport
        With the verdict in ``.ok`` and the reasons in ``.faults``.

    Raises
    ------
    InputError
        If the volume is not that of the mesh.

    Examples
    --------
    >>> import numpy as np
    >>> from ssb2mesh import LabelledVolume, mesh_volume
    >>> volume = LabelledVolume(np.zeros((3, 3, 3), np.uint8), (1e-6,) * 3, phases={0: "LPSCl"})
    >>> check_mesh(mesh_volume(volume), volume).ok
    True
    """
    limits = limits or Limits()
    topology = mesh_topology(mesh.tets, mesh.cell_tags)
    quality = mesh_quality(mesh)
    conformity = mesh_conformity(mesh, topology)
    fidelity = compare_with_voxels(mesh, volume, topology) if volume is not None else {}
    faults = [*_own_faults(quality, conformity, limits), *_voxel_faults(fidelity, limits)]
    return MeshReport(mesh.n_tets, mesh.n_points, quality, conformity, fidelity, mesh.facet_areas(), tuple(faults))


def _own_faults(quality: Quality, conformity: Conformity, limits: Limits) -> list[str]:
    faults = []
    if quality.nonpositive_tets:
        faults.append(f"{quality.nonpositive_tets} tets have no positive volume")
    if quality.min_dihedral_deg < limits.min_dihedral_deg:
        faults.append(
            f"the smallest dihedral angle is {quality.min_dihedral_deg:.2f} deg, below {limits.min_dihedral_deg:g} deg"
        )
    if conformity.facets_shared_by_more_than_two:
        faults.append(f"{conformity.facets_shared_by_more_than_two} facets belong to more than two tets")
    if conformity.off_box_area:
        faults.append(
            f"{conformity.off_box_area:.3g} m2 of the outer surface lie neither on the box nor on a named wall"
        )
    if conformity.untagged_interface_facets:
        faults.append(
            f"{conformity.untagged_interface_facets} facets of interfaces or sides are in no set of their name"
        )
    if conformity.misplaced_facets:
        faults.append(f"{conformity.misplaced_facets} rows of the facet sets are not facets of what their name says")
    return faults


def _voxel_faults(fidelity: Mapping[str, PhaseFidelity], limits: Limits) -> list[str]:
    faults = []
    for name, phase in fidelity.items():
        if abs(phase.relative_error) > limits.max_volume_error:
            faults.append(
                f"{name}: volume {100 * phase.relative_error:+.2f} % off its voxels, more than "
                f"{100 * limits.max_volume_error:g} %"
            )
    return faults
