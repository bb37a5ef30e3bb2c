"""From volume to mesh: the one entry point for every engine. No engine is in here."""

from __future__ import annotations

from collections.abc import Sequence

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.lattice.build import LatticeOptions
from ssb2mesh.lattice.sizes import Sizes
from ssb2mesh.lattice_engine import MeshPrediction, known_phases, mesh_on_lattice, mesh_work, predict_mesh
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.stages import Stages
from ssb2mesh.volume import LabelledVolume

__all__ = ["ENGINES", "LatticeOptions", "MeshPrediction", "Sizes", "mesh_volume", "mesh_work", "predict_mesh"]

#: Engines by name.
ENGINES = ("lattice", "gmsh")


def mesh_volume(
    volume: LabelledVolume,
    *,
    cell_size: float | str | None = None,
    drop: Sequence[str] = (),
    engine: str = "lattice",
    options: LatticeOptions | None = None,
    stages: Stages | None = None,
    force: bool = False,
) -> TaggedMesh:
    """Mesh a segmented volume: conforming, positive tets, with every phase, interface and side named.

    Parameters
    ----------
    volume : LabelledVolume
        What to mesh.
    cell_size : float or str, optional
        Edge of a lattice cell: m, text with a unit (``"0.8 um"``) or voxels (``"2 voxels"``). Default: one voxel. It is
        fitted so that a whole number of cells fills the box.
    drop : sequence of str
        Phases to leave out, such as void; their walls stay as facet sets.
    engine : {'lattice', 'gmsh'}
        The mesher to use; ``'gmsh'`` is `ssb2mesh.gmsh_engine.mesh_with_gmsh`.
    options : LatticeOptions, optional
        Smoothing and quality.
    stages : Stages, optional
        Collects time and memory per stage.
    force : bool
        Go on even if the mesh is predicted not to fit the memory.

    Returns
    -------
    TaggedMesh
        Cell tags 1, 2 ... in the order of the labels.

    Raises
    ------
    InputError
        If an argument is not usable, or nothing would be left to mesh.
    MeshingError
        If Gmsh cannot mesh the surfaces; the lattice never fails.
    ResourceError
        If the mesh is predicted not to fit the memory.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((4, 4, 4), np.uint8)
    >>> labels[:2] = 1
    >>> mesh = mesh_volume(LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPSCl", 1: "NMC"}))
    >>> round(mesh.facet_areas()["LPSCl|NMC"] * 1e12, 9)
    16.0
    """
    if engine not in ENGINES:
        raise InputError(f"engine: got {engine!r}; engines: {', '.join(ENGINES)}{nearest(engine, ENGINES)}")
    drop = known_phases(volume, drop)
    if len(drop) == len(volume.phase_names):
        raise InputError(f"drop: {', '.join(drop)} are all phases of the volume; keep at least one")
    options = options or LatticeOptions()
    stages = stages or Stages()
    if engine == "gmsh":
        from ssb2mesh.gmsh_engine import mesh_with_gmsh

        return mesh_with_gmsh(volume, cell_size=cell_size, drop=drop, options=options, stages=stages, force=force)
    return mesh_on_lattice(volume, cell_size=cell_size, drop=drop, options=options, stages=stages, force=force)
