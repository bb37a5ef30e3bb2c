"""What the comparison of a mesh with its voxels finds: the records. No measuring here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ContactChange", "Feature", "InterfaceFidelity", "PhaseFidelity", "SurfaceDistance", "VoxelFidelity"]


@dataclass(frozen=True)
class PhaseFidelity:
    """One phase in the voxels and in the mesh.

    Parameters
    ----------
    voxel_volume, mesh_volume : float
        Volumes, m3.
    relative_error : float
        ``mesh_volume / voxel_volume - 1``.
    voxel_components, mesh_components : int
        Face-connected pieces.
    lost, gained, merged, split : int, optional
        Components of the voxels that no mesh component stands for; of the mesh that stand for none; mesh components
        that join several of the voxels; voxel components that the mesh cuts. None if they were not matched.
    worst_component_error : float, optional
        Volume error, relative, of the component of more than 27 voxels where it is largest; None if there is none.
    components_over_2_percent, components_measured : int, optional
        Of the components of more than 27 voxels those more than 2 % off, and all of them.
    """

    voxel_volume: float
    mesh_volume: float
    relative_error: float
    voxel_components: int
    mesh_components: int
    lost: int | None = None
    gained: int | None = None
    merged: int | None = None
    split: int | None = None
    worst_component_error: float | None = None
    components_over_2_percent: int | None = None
    components_measured: int | None = None


@dataclass(frozen=True)
class Feature:
    """A component, or a connection of components, that is in the voxels or in the mesh only.

    Parameters
    ----------
    kind : {'lost', 'gained', 'merged', 'split', 'thinned'}
        Lost: a component of the voxels without a counterpart. Gained: one of the mesh without. Merged: several of the
        voxels are one in the mesh, a connection is gained. Split: one of the voxels is several, a connection is lost.
        Thinned: a part of a component is lost, nothing of it comes apart (`ssb2mesh.fidelity.cells` only).
    phase : str
        Its phase.
    voxels : float
        Size in voxels: of the lost or gained component; of what was joined to or cut off from the largest piece.
    position : three float
        A place in it, m: inside the component; where the pieces touch or part if that was found, else inside the
        second largest.
    voxel : three int
        The voxel at that place.
    pieces : tuple of float
        Sizes in voxels of up to eight of the joined or cut pieces, largest first.
    n_pieces : int
        How many pieces there are.
    """

    kind: str
    phase: str
    voxels: float
    position: tuple[float, float, float]
    voxel: tuple[int, int, int]
    pieces: tuple[float, ...] = ()
    n_pieces: int = 1


@dataclass(frozen=True)
class ContactChange:
    """Two phases that touch in the voxels only or in the mesh only.

    Parameters
    ----------
    kind : {'lost', 'gained'}
        Lost: by faces in the voxels, without an interface in the mesh.
    interface : str
        Its name.
    area : float
        Area of voxel faces or of mesh triangles, m2.
    position : three float
        A place on it, m.
    voxel : three int
        The voxel there.
    """

    kind: str
    interface: str
    area: float
    position: tuple[float, float, float]
    voxel: tuple[int, int, int]


@dataclass(frozen=True)
class SurfaceDistance:
    """How far one surface lies from another, one-sided; lengths in units of the smallest voxel edge.

    Parameters
    ----------
    max_voxels, mean_voxels, rms_voxels, p999_voxels : float
        Largest distance; mean and root mean square over the area; the distance that 99.9 % of the samples stay below.
    max_m : float
        Largest distance, m.
    position : three float
        Where it is, m, on the surface measured from.
    voxel : three int
        The voxel there.
    """

    max_voxels: float
    mean_voxels: float
    rms_voxels: float
    p999_voxels: float
    max_m: float
    position: tuple[float, float, float]
    voxel: tuple[int, int, int]


@dataclass(frozen=True)
class InterfaceFidelity:
    """One interface in the voxels and in the mesh.

    Parameters
    ----------
    voxel_area, mesh_area : float
        Areas, m2; that of the voxels is the area of the staircase.
    voxel_faces, mesh_triangles : int
        How many there are.
    voxel_pieces, mesh_pieces : int
        Patches that hang together, a common corner being enough.
    hausdorff_voxels, hausdorff_m : float, optional
        Hausdorff distance, in units of the smallest voxel edge and in m; None where one of the two has no interface.
    mesh_to_voxel, voxel_to_mesh : SurfaceDistance, optional
        Its two sides.
    """

    voxel_area: float
    mesh_area: float
    voxel_faces: int
    mesh_triangles: int
    voxel_pieces: int
    mesh_pieces: int
    hausdorff_voxels: float | None = None
    hausdorff_m: float | None = None
    mesh_to_voxel: SurfaceDistance | None = None
    voxel_to_mesh: SurfaceDistance | None = None


@dataclass(frozen=True)
class VoxelFidelity:
    """A mesh against its voxels.

    Parameters
    ----------
    phases : dict of str to PhaseFidelity
        By phase; phases that the mesh leaves out on purpose are not in it.
    features : tuple of Feature
        Lost, gained, merged, split, each largest first; at most `ssb2mesh.fidelity.LISTED` a phase and kind. The counts
        in `phases` are complete.
    interfaces : dict of str to InterfaceFidelity
        By name; every pair of phases that touches in the voxels or in the mesh.
    contacts : tuple of ContactChange
        Interfaces gained or lost as a whole, largest first.
    """

    phases: Mapping[str, PhaseFidelity]
    features: tuple[Feature, ...] = ()
    interfaces: Mapping[str, InterfaceFidelity] = field(default_factory=dict)
    contacts: tuple[ContactChange, ...] = ()
