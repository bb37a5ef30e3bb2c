"""A mesh against the voxels it came from: volumes, components, interfaces. No shapes of tets and no verdict here.

Voxel components hang together by faces (`ssb2mesh.volume.components`), mesh components by facets
(`ssb2mesh.mesh.topology`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.fidelity.contacts import MOST_PHASES, compare_interfaces
from ssb2mesh.fidelity.matching import LISTED, OVERLAP, SMALL, component_errors, find_features, link_components
from ssb2mesh.fidelity.overlap import Frame, measure_overlaps, rasterise_components
from ssb2mesh.fidelity.records import (
    ContactChange,
    Feature,
    InterfaceFidelity,
    PhaseFidelity,
    SurfaceDistance,
    VoxelFidelity,
)
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.topology import Topology, mesh_topology
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import Components, connected_components

__all__ = [
    "LISTED",
    "OVERLAP",
    "ContactChange",
    "Feature",
    "InterfaceFidelity",
    "PhaseFidelity",
    "SurfaceDistance",
    "VoxelFidelity",
    "compare_with_voxels",
]


def compare_with_voxels(
    mesh: TaggedMesh, volume: LabelledVolume, topology: Topology | None = None, *, quick: bool = False
) -> VoxelFidelity:
    """Compare volumes, components and interfaces of a mesh with its voxels.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    volume : LabelledVolume
        What it was made of, cropped and cleaned in the same way.
    topology : Topology, optional
        If it is known already.
    quick : bool
        Volumes and numbers of components only.

    Returns
    -------
    VoxelFidelity
        With `phases` by name: those of the mesh, and those that it lost altogether; phases left out on purpose (the
        metadata says so, or a wall names them) are not in it.

    Raises
    ------
    InputError
        If the volume has another size than the mesh's box, or lacks a phase of the mesh.

    Examples
    --------
    >>> from ssb2mesh import mesh_volume
    >>> volume = LabelledVolume(np.zeros((3, 3, 3), np.uint8), (1e-6,) * 3, phases={0: "LPSCl"})
    >>> compare_with_voxels(mesh_volume(volume), volume).phases["LPSCl"].lost
    0
    """
    _check_same_box(mesh, volume)
    topology = topology or mesh_topology(mesh.tets, mesh.cell_tags)
    components = connected_components(volume)
    compared = [*mesh.cell_names, *_vanished(mesh, volume)]
    frame = _frame(mesh, volume, topology, components)
    names = list(volume.phase_names)
    if quick:
        return VoxelFidelity(_phases(mesh, volume, compared, frame=frame, components=components))
    raster = rasterise_components(mesh.points, mesh.tets, frame)
    overlaps = measure_overlaps(mesh.points, mesh.tets, frame, raster)
    links = link_components(overlaps, components.sizes)
    centres = mesh.points[mesh.tets[overlaps.largest_tet]].mean(axis=1)
    known = [name if name in compared else "" for name in names]
    features, counts = find_features(links, frame, raster, phases=known, centres=centres)
    del raster
    errors = component_errors(links)
    voxel = float(np.prod(volume.spacing))
    volumes = np.bincount(frame.component_phase, weights=overlaps.mesh_volume, minlength=len(names)) * voxel
    phases = {}
    for name, plain in _phases(mesh, volume, compared, frame=frame, components=components, volumes=volumes).items():
        large = errors[(frame.id_phase == names.index(name)) & (components.sizes > SMALL)]
        worst = float(large[np.argmax(np.abs(large))]) if len(large) else None
        phases[name] = replace(
            plain, **counts[name], worst_component_error=worst,
            components_over_2_percent=int((np.abs(large) > 0.02).sum()), components_measured=len(large),
        )  # fmt: skip
    if len(names) > MOST_PHASES:
        return VoxelFidelity(phases, features)
    interfaces, contacts = compare_interfaces(mesh, frame, names, meshed=set(compared))
    return VoxelFidelity(phases, features, interfaces, contacts)


def _check_same_box(mesh: TaggedMesh, volume: LabelledVolume) -> None:
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


def _vanished(mesh: TaggedMesh, volume: LabelledVolume) -> list[str]:
    """Phases of the volume that the mesh has not and that nobody left out."""
    dropped = mesh.metadata.get("dropped") or ()
    left_out = {str(name) for name in dropped} if isinstance(dropped, (list, tuple)) else set()
    walls = {part for name in mesh.facet_names if "|" in name for part in name.split("|")}
    return [name for name in volume.phase_names if name not in mesh.cell_names and name not in left_out | walls]


def _frame(mesh: TaggedMesh, volume: LabelledVolume, topology: Topology, components: Components) -> Frame:
    assert mesh.box is not None
    place = {label: p for p, label in enumerate(volume.phases)}
    of_label = np.zeros(max([0, *mesh.cell_names.values()]) + 1, np.int32)
    names = list(volume.phase_names)
    for name, tag in mesh.cell_names.items():
        of_label[tag] = names.index(name)
    id_phase = np.array([place[int(label)] for label in components.labels], np.int32)
    # the box of the mesh, not the origin of the volume: formats that keep no origin move a mesh or a volume as a whole
    return Frame(
        mesh.box[0], np.asarray(volume.spacing), components.ids, id_phase, topology.component,
        of_label[topology.components],
    )  # fmt: skip


def _phases(
    mesh: TaggedMesh, volume: LabelledVolume, compared: list[str], *, frame: Frame, components: Components,
    volumes: npt.NDArray[np.float64] | None = None,
) -> dict[str, PhaseFidelity]:  # fmt: skip
    voxel = float(np.prod(volume.spacing))
    counts, pieces = volume.voxel_counts(), components.counts()
    names = list(volume.phase_names)
    if volumes is None:
        by_name = mesh.phase_volumes()
        volumes = np.array([by_name.get(name, 0.0) for name in names])
    mesh_pieces = np.bincount(frame.component_phase, minlength=len(names))
    found = {}
    for name in compared:
        p, voxels = names.index(name), counts[name] * voxel
        volume_error = float(volumes[p]) / voxels - 1.0
        found[name] = PhaseFidelity(voxels, float(volumes[p]), volume_error, pieces[name], int(mesh_pieces[p]))
    return found
