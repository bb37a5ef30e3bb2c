"""A mesh against the voxels it came from: volumes and components of every phase. No shapes of tets here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssb2mesh.components import connected_components
from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.topology import Topology, mesh_topology
from ssb2mesh.volume import LabelledVolume

__all__ = ["PhaseFidelity", "compare_with_voxels"]


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
    """

    voxel_volume: float
    mesh_volume: float
    relative_error: float
    voxel_components: int
    mesh_components: int


def compare_with_voxels(
    mesh: TaggedMesh, volume: LabelledVolume, topology: Topology | None = None
) -> dict[str, PhaseFidelity]:
    """Compare volume and components of each meshed phase with the voxels.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    volume : LabelledVolume
        What it was made of, cropped and cleaned in the same way.
    topology : Topology, optional
        If it is known already.

    Returns
    -------
    dict of str to PhaseFidelity
        By phase; phases that the mesh leaves out are not in it.

    Raises
    ------
    InputError
        If the volume has another size than the mesh's box, or lacks a phase of the mesh.
    """
    assert mesh.box is not None
    size = mesh.box[1] - mesh.box[0]
    if not np.allclose(size, volume.size, rtol=1e-6, atol=0):
        got, box = (" x ".join(f"{s:.6g}" for s in values) for values in (volume.size, size))
        raise InputError(f"volume: its size {got} m differs from the mesh's box {box} m; give its crop and voxel size")
    missing = [name for name in mesh.cell_names if name not in volume.phase_names]
    if missing:
        raise InputError(
            f"volume: no phase {missing[0]!r}, which the mesh has; phases: {', '.join(volume.phase_names)} "
            "(give the names used for meshing)"
        )
    topology = topology or mesh_topology(mesh.tets, mesh.cell_tags)
    voxel = float(np.prod(volume.spacing))
    counts, pieces = volume.voxel_counts(), connected_components(volume).counts()
    volumes = mesh.phase_volumes()
    mesh_pieces = {name: int((topology.components == tag).sum()) for name, tag in mesh.cell_names.items()}
    return {
        name: PhaseFidelity(
            counts[name] * voxel,
            volumes[name],
            volumes[name] / (counts[name] * voxel) - 1.0,
            pieces[name],
            mesh_pieces[name],
        )
        for name in mesh.cell_names
    }
