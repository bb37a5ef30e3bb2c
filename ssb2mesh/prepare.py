"""The serial half of a run: volume to checked mesh, written; what is finished is taken. No numerics of its own."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ssb2mesh.identity import digest, file_identity, files_named
from ssb2mesh.journal import Journal
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.paths import RECORDS
from ssb2mesh.steps import Prepared, check_names, load_volume
from ssb2mesh.study import write_study
from ssb2mesh.study.model import Study
from ssb2mesh.volume import LabelledVolume

__all__ = ["NATIVE", "mesh_key", "prepare_mesh"]

#: The mesh file that every process of a parallel solve reads.
NATIVE = "mesh.xdmf"


def mesh_key(study: Study) -> str:
    """Return the digest of all that a study's mesh is made of: its tables, the files they name, the program.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    str
        Hexadecimal.

    Raises
    ------
    OSError
        If a file cannot be read.

    Examples
    --------
    >>> from ssb2mesh.study.model import MeshSpec, OutputSpec, VolumeSpec
    >>> study = Study("", VolumeSpec(phantom="sphere"), MeshSpec("2 voxels"), OutputSpec(Path("out")))
    >>> len(mesh_key(study))
    64
    """
    volume, mesh = asdict(study.volume), asdict(study.mesh)
    return digest(volume, file_identity(study.volume.path or ""), mesh, files_named([volume, mesh]))


def prepare_mesh(study: Study, folder: Path, journal: Journal, *, force: bool = False, processes: int = 1) -> Prepared:
    """Make the checked mesh of a study and write it into a folder.

    Parameters
    ----------
    study : Study
        What to do.
    folder : Path
        Where the mesh files go.
    journal : Journal
        What is finished there; times go to its stages.
    force : bool
        Go on even if mesh, solves or files are predicted not to fit memory or disk.
    processes : int
        How many solve.

    Returns
    -------
    Prepared
        Volume, mesh and report.

    Raises
    ------
    InputError
        If the input cannot be used.
    ResourceError, DiskFullError
        If mesh, solves or files are predicted not to fit.

    Examples
    --------
    >>> prepare_mesh(study, folder, Journal(folder, Stages()))  # doctest: +SKIP
    """
    from ssb2mesh.check import check_mesh
    from ssb2mesh.io import write_mesh
    from ssb2mesh.thin import told_losses

    stages = journal.stages
    with stages("volume"):
        volume, cleaned = load_volume(study.volume)
    check_names(study, volume)
    key = mesh_key(study)
    losses = told_losses(volume, _meshing(study), stages)
    mesh = _mesh(study, volume, folder, journal=journal, key=key, processes=0 if force else processes)

    def check() -> object:
        with stages("check"):
            return replace(check_mesh(mesh, volume), thin=losses)

    report = journal.stage("check", key, check)
    for name in dict.fromkeys(study.output.mesh):
        if name == _native(study):
            continue

        def write(name: str = name) -> bool:
            with stages("write mesh"):
                write_mesh(mesh, folder / name)
            return True

        journal.stage(f"file {name.replace('/', ' ')}", key, write)
    write_study(study, folder / "study.toml")
    return Prepared(volume, mesh, report, tuple(cleaned))


def _mesh(
    study: Study, volume: LabelledVolume, folder: Path, *, journal: Journal, key: str, processes: int
) -> TaggedMesh:
    """The mesh, read if it is there, else made and written; with 0 processes nothing is predicted."""
    from ssb2mesh.budget.job import guard_study
    from ssb2mesh.io import read_mesh, write_mesh
    from ssb2mesh.mesher import mesh_volume

    stages = journal.stages
    found = journal.find("mesh", key)
    if found is not None:
        with stages("read mesh"):
            return read_mesh(folder / found)
    if processes:
        guard_study(study, volume, folder, processes=processes)
    begun = journal.begin("mesh", key)
    mesh = mesh_volume(volume, drop=study.mesh.drop, stages=stages, force=not processes, **_meshing(study))
    native = _native(study)
    with stages("write mesh"):
        write_mesh(mesh, folder / native)
    journal.keep(begun, native)
    return mesh


def _meshing(study: Study) -> dict[str, Any]:
    """Arguments of `mesh_volume` that decide about the cells."""
    from ssb2mesh.mesh_options import lattice_options

    mesh = study.mesh
    return {"cell_size": mesh.cell_size, "engine": mesh.engine, "options": lattice_options(mesh.options)}


def _native(study: Study) -> str:
    """The file that holds the mesh to the last bit: one of the results, or one among the records."""
    exact = [name for name in study.output.mesh if Path(name).suffix.lower() == ".xdmf"]
    if study.solves:
        return NATIVE
    return exact[0] if exact else f"{RECORDS}/{NATIVE}"
