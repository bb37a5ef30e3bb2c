"""Jobs from file to file, one a verb of the command line: check the paths, call the steps, write whole or not at all.

No numerics and no text here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.io.mesh_common import MeshData
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.paths import check_output, check_report_folder, staged_folder
from ssb2mesh.stages import Stages
from ssb2mesh.steps import apply_clean, open_volume, summarise_mesh
from ssb2mesh.volume import LabelledVolume

if TYPE_CHECKING:
    from ssb2mesh.check import MeshReport
    from ssb2mesh.exports import Export
    from ssb2mesh.phantoms import Phantom

__all__ = [
    "check_file",
    "clean_file",
    "convert_file",
    "mesh_file",
    "mesh_report_file",
    "phantom_file",
]
__all__ += ["predict_file"]


def mesh_file(
    source: str,
    target: str | Path,
    *,
    volume: Mapping[str, Any] | None = None,
    mesh: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    stages: Stages | None = None,
    export: Export | None = None,
) -> dict[str, Any]:
    """Mesh a volume file, check the mesh and write it.

    Parameters
    ----------
    source : str
        Volume file.
    target : str or Path
        Mesh file; format by suffix.
    volume : mapping, optional
        Keyword arguments of `ssb2mesh.steps.open_volume`.
    mesh : mapping, optional
        Keyword arguments of `ssb2mesh.mesh_volume`; ``options`` as a mapping.
    overwrite : bool
        Replace an existing file.
    stages : Stages, optional
        Collects time and memory.
    export : Export, optional
        What is done to the mesh on its way into the file, after the check.

    Returns
    -------
    dict
        The numbers of `ssb2mesh.steps.summarise_mesh`.

    Raises
    ------
    InputError
        If an input cannot be used; nothing is written then.

    Examples
    --------
    >>> mesh_file("a.tif", "a.vtu", volume={"reading": {"voxel_size": "1 um"}})["tets"]  # doctest: +SKIP
    """
    stages = Stages() if stages is None else stages
    _, made, report = _mesh(source, target, stages, volume=volume, mesh=mesh, overwrite=overwrite, export=export)
    return summarise_mesh(made, report, stages)


def mesh_report_file(
    source: str, target: str | Path, folder: str | Path, *, job: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Mesh a volume file, check the mesh, write it, and a report of volume, mesh and check into a folder.

    Parameters
    ----------
    source : str
        Volume file.
    target : str or Path
        Mesh file; format by suffix.
    folder : str or Path
        For ``report.html``, ``report.json`` and ``pictures/``; other files in it stay.
    job : mapping, optional
        Keyword arguments of `mesh_file`; ``overwrite`` holds for both, mesh file and report.

    Returns
    -------
    dict
        The numbers of `ssb2mesh.steps.summarise_mesh`.

    Raises
    ------
    InputError
        If an input cannot be used; nothing is written then.

    Examples
    --------
    >>> mesh_report_file("a.tif", "a.vtu", "report")["tets"]  # doctest: +SKIP
    """
    from ssb2mesh.report import ReportData, write_report

    given = dict(job or {})
    stages = given.pop("stages", None) or Stages()
    folder = check_report_folder(folder, overwrite=bool(given.get("overwrite")))
    segmented, made, report = _mesh(source, target, stages, **given)
    with stages("report"), staged_folder(folder) as stage:
        data = ReportData(
            title=Path(target).stem, source=source, volume=segmented, mesh=made, check=report, stages=stages
        )
        write_report(data, stage)
    return summarise_mesh(made, report, stages)


def _mesh(
    source: str,
    target: str | Path,
    stages: Stages,
    *,
    volume: Mapping[str, Any] | None = None,
    mesh: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    export: Export | None = None,
) -> tuple[LabelledVolume, TaggedMesh, MeshReport]:
    """Volume file to mesh file; the volume, the mesh before export, and its check."""
    from ssb2mesh.check import check_mesh
    from ssb2mesh.exports import prepare, writer_arguments
    from ssb2mesh.io import write_mesh
    from ssb2mesh.mesher import mesh_volume
    from ssb2mesh.thin import told_losses

    target = check_output(target, overwrite=overwrite)
    _check_suffix(target)
    options = writer_arguments(target, export)
    with stages("volume"):
        segmented = open_volume(source, **(volume or {}))
    meshing = _meshing(mesh)
    losses = told_losses(segmented, meshing, stages)
    made = mesh_volume(segmented, stages=stages, **meshing)
    with stages("check"):
        report = replace(check_mesh(made, segmented), thin=losses)
    with stages("write mesh"):
        write_mesh(prepare(MeshData(made), export).mesh, target, **options)
    return segmented, made, report


def predict_file(
    source: str,
    target: str | Path | None = None,
    *,
    volume: Mapping[str, Any] | None = None,
    mesh: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Predict what meshing a volume file, checking the mesh and writing it cost.

    Parameters
    ----------
    source : str
        Volume file.
    target : str or Path, optional
        Mesh file; its suffix counts.
    volume : mapping, optional
        Keyword arguments of `ssb2mesh.steps.open_volume`.
    mesh : mapping, optional
        ``cell_size``, ``drop`` and ``options`` of `ssb2mesh.mesh_volume`, the last as a mapping.

    Returns
    -------
    dict
        That of `ssb2mesh.budget.Budget.to_dict`; ``thin``: what the cell size gives up, unless it is all to be kept.

    Raises
    ------
    InputError
        If an input cannot be used.

    Examples
    --------
    >>> predict_file("a.tif", volume={"reading": {"voxel_size": "1 um"}})["tets"]  # doctest: +SKIP
    """
    from ssb2mesh.budget.job import mesh_budget
    from ssb2mesh.mesher import mesh_work
    from ssb2mesh.thin import thin_losses

    suffixes = [] if target is None else [Path(target).suffix.lower()]
    segmented, meshing = open_volume(source, **(volume or {})), _meshing(mesh)
    budget = mesh_budget(mesh_work(segmented, **meshing).sizes, suffixes=suffixes).to_dict()
    if meshing["options"].thin == "keep":
        return budget
    found = thin_losses(segmented, cell_size=meshing.get("cell_size"), options=meshing["options"])
    return {**budget, "thin": found.to_dict()}


def check_file(
    path: str,
    *,
    against: str | None = None,
    volume: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    stages: Stages | None = None,
) -> dict[str, Any]:
    """Check a mesh file, against the volume that was meshed if it is given.

    Parameters
    ----------
    path : str
        Mesh file.
    against : str, optional
        Volume file.
    volume : mapping, optional
        Keyword arguments of `ssb2mesh.steps.open_volume`.
    options : mapping, optional
        ``worst`` and ``quick`` of `ssb2mesh.check_mesh`, ``strict`` (bool) and any limits (`ssb2mesh.check.Limits`).
    stages : Stages, optional
        Collects time and memory.

    Returns
    -------
    dict
        The numbers of `ssb2mesh.steps.summarise_mesh`, with ``ok``.

    Raises
    ------
    InputError
        If a file cannot be read.

    Examples
    --------
    >>> check_file("a.vtu")["ok"]  # doctest: +SKIP
    True
    """
    from ssb2mesh.check import STRICT, Limits, check_mesh
    from ssb2mesh.io import read_mesh

    given = dict(options or {})
    arguments = {key: given.pop(key) for key in ("worst", "quick") if key in given}
    limits = replace(STRICT if given.pop("strict", False) else Limits(), **given)

    stages = Stages() if stages is None else stages
    with stages("read mesh"):
        mesh = read_mesh(path)
    segmented = None
    if against is not None:
        with stages("volume"):
            segmented = open_volume(against, **(volume or {}))
    with stages("check"):
        report = check_mesh(mesh, segmented, limits=limits, **arguments)
    return {**summarise_mesh(mesh, report, stages), "ok": bool(report.ok)}


def convert_file(
    source: str | Path, target: str | Path, *, overwrite: bool = False, export: Export | None = None
) -> TaggedMesh:
    """Write a mesh file in another format, fields included.

    Parameters
    ----------
    source, target : str or Path
        Mesh files; format by suffix.
    overwrite : bool
        Replace an existing file.
    export : Export, optional
        What is done to the mesh on its way.

    Returns
    -------
    TaggedMesh
        The mesh as written.

    Raises
    ------
    InputError
        If a file cannot be read or written.

    Examples
    --------
    >>> convert_file("a.vtu", "a.xdmf")  # doctest: +SKIP
    """
    from ssb2mesh.exports import prepare, writer_arguments
    from ssb2mesh.io.meshes import read_mesh_data, write_mesh

    target = check_output(target, overwrite=overwrite)
    _check_suffix(target)
    options = writer_arguments(target, export)
    data = prepare(read_mesh_data(source), export)
    write_mesh(data.mesh, target, point_data=data.point_data, cell_data=data.cell_data, **options)
    return data.mesh


def phantom_file(
    name: str, target: str | Path, *, seed: int = 0, options: Mapping[str, Any] | None = None, overwrite: bool = False
) -> Phantom:
    """Generate a phantom and write its volume.

    Parameters
    ----------
    name : str
        Name in `ssb2mesh.phantoms.PHANTOMS`.
    target : str or Path
        Volume file; format by suffix.
    seed : int
        Seed.
    options : mapping, optional
        Options of the phantom.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Phantom
        Its volume and what is known exactly of it.

    Raises
    ------
    InputError
        If an option cannot be used.

    Examples
    --------
    >>> phantom_file("sphere", "sphere.tif")  # doctest: +SKIP
    """
    from ssb2mesh.io import write_volume
    from ssb2mesh.phantoms import make_phantom

    target = check_output(target, overwrite=overwrite)
    phantom = make_phantom(name, seed=seed, **(options or {}))
    write_volume(phantom.volume, target)
    return phantom


def clean_file(
    source: str,
    target: str | Path,
    steps: Sequence[str],
    *,
    volume: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> tuple[LabelledVolume, list[Any]]:
    """Clean up a volume file and write the result.

    Parameters
    ----------
    source : str
        Volume file.
    target : str or Path
        Volume file; format by suffix.
    steps : sequence of str
        ``"verb key=value ..."``, in order; see `ssb2mesh.study.reader.parse_clean_steps`.
    volume : mapping, optional
        Keyword arguments of `ssb2mesh.steps.open_volume`.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    volume : LabelledVolume
        The result.
    reports : list of CleanupReport
        What each step changed.

    Raises
    ------
    InputError
        If a step or a file cannot be used; nothing is written then.

    Examples
    --------
    >>> clean_file("a.tif", "b.tif", ["remove_islands smaller_than=27"])  # doctest: +SKIP
    """
    from ssb2mesh.io import write_volume
    from ssb2mesh.study.reader import parse_clean_steps

    target = check_output(target, overwrite=overwrite)
    parsed = parse_clean_steps(steps)
    cleaned, reports = apply_clean(open_volume(source, **(volume or {})), parsed)
    write_volume(cleaned, target)
    return cleaned, reports


def _meshing(given: Mapping[str, Any] | None) -> dict[str, Any]:
    from ssb2mesh.mesh_options import lattice_options

    arguments = dict(given or {})
    return {**arguments, "options": lattice_options(arguments.get("options"))}


def _check_suffix(target: Path) -> None:
    """Find out before the work whether the result can be written at all."""
    from ssb2mesh.io.meshes import mesh_formats

    known = [suffix for suffix, found in mesh_formats().items() if found.writer]
    if target.suffix.lower() not in known:
        guess = nearest(target.suffix, known)
        raise InputError(f"output: cannot write {target.name!r}; suffixes of meshes: {', '.join(known)}{guess}")
