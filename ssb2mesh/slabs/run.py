"""A study whose mesh is made in slabs: volume to fields without the mesh ever being in one place. No numerics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from ssb2mesh.errors import InputError
from ssb2mesh.identity import digest, files_named
from ssb2mesh.paths import RECORDS
from ssb2mesh.prepare import mesh_key
from ssb2mesh.report.data import Figure, ReportData
from ssb2mesh.slabs.files import check_drop
from ssb2mesh.slabs.job import mesh_in_slabs
from ssb2mesh.slabs.page import SlabPage, field_figures, write_slab_page
from ssb2mesh.slabs.plan import plan_slabs
from ssb2mesh.slabs.reading import LayerFile, count_layers, open_layers
from ssb2mesh.slabs.resume import Parts
from ssb2mesh.solving import NATIVE, Solved, Workplace
from ssb2mesh.steps import check_names, load_volume
from ssb2mesh.study import format_study, write_study
from ssb2mesh.study.model import Study, VolumeSpec
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.head import VolumeHead

__all__ = ["check_slabs", "run_in_slabs"]

#: Solves with pictures.
MOST_SOLVES = 24


def check_slabs(study: Study) -> None:
    """Check that everything a study asks for is possible in slabs.

    Parameters
    ----------
    study : Study
        With ``[mesh] slabs``.

    Raises
    ------
    InputError
        With all that is not.

    Examples
    --------
    >>> check_slabs(study)  # doctest: +SKIP
    """
    from ssb2mesh.study.solves import SOLVE_TYPES

    faults = []
    if study.mesh.engine != "lattice":
        faults.append(f"[mesh].engine: {study.mesh.engine}; only the lattice is made in slabs")
    if study.volume.clean:
        faults.append("[[volume.clean]]: needs the whole volume; clean it once (ssb2mesh clean) and give that file")
    if study.volume.otsu is not None:
        faults.append("[volume].otsu: its thresholds need the whole volume; give threshold")
    if study.measure is not None:
        faults.append("[measure]: needs the whole volume; use ssb2mesh measure")
    for table in study.solves:
        kind = str(table["type"])
        if SOLVE_TYPES[kind].on_volume:
            faults.append(f"[[solve]] {table['name']}: {kind} is solved on volumes, not on the mesh")
        if table.get("accuracy") is not None:
            faults.append(f"[[solve]] {table['name']}.accuracy: meshes in slabs are not refined by themselves")
    if faults:
        lines = "\n".join(f"  {fault}" for fault in faults)
        raise InputError(
            f"{study.source or study.title}: not possible with [mesh].slabs = {study.mesh.slabs}:\n{lines}"
        )


def run_in_slabs(study: Study, place: Workplace) -> tuple[dict[str, Any], list[Solved]]:
    """Mesh in slabs and do every solve; all processes call.

    Parameters
    ----------
    study : Study
        With ``[mesh] slabs``.
    place : Workplace
        Folder, processes, solvers.

    Returns
    -------
    numbers : dict
        Of the mesh, on every process.
    solved : list of Solved
        Numbers only; fields are in their files.

    Raises
    ------
    InputError
        If something is not possible.

    Examples
    --------
    >>> run_in_slabs(study, place)  # doctest: +SKIP
    """
    from ssb2mesh.mesh_options import lattice_options

    ranks, stages = place.ranks, place.stages
    ranks.together(partial(check_slabs, study))
    with stages("volume"):
        opened = ranks.together(partial(_open, study.volume))
        source, voxels = count_layers(opened, ranks)
    ranks.together(lambda: check_names(study, cast(LabelledVolume, source.head)))
    drop = ranks.together(lambda: check_drop(source.head, study.mesh.drop))
    options = ranks.together(lambda: lattice_options(study.mesh.options))
    slabs, size = cast(int, study.mesh.slabs), study.mesh.cell_size
    plan = ranks.together(lambda: plan_slabs(source.head, slabs, cell_size=size, drop=drop, options=options))
    key = ranks.on_first(lambda: mesh_key(study))
    # among the records of the run, where finished slabs outlive a run that is cut off
    make = partial(
        mesh_in_slabs, ranks=ranks, voxels=voxels, stages=stages, parts=Parts(place.folder / RECORDS / "slabs", key)
    )
    numbers = place.stage("mesh", key, lambda: make(source, plan, place.folder / NATIVE))
    ranks.on_first(lambda: write_study(study, place.folder / "study.toml"))
    notes = list(numbers["notes"])
    others = [name for name in study.output.mesh if name != NATIVE]
    if others:
        notes.append(f"{', '.join(others)} not written; ssb2mesh convert {NATIVE} makes them where the mesh fits")
    numbers = {**numbers, "notes": notes, "seconds": {k: round(v, 6) for k, v in stages.seconds.items()}}
    done = _solve(study, place, key, source.head)
    solved = [one for one, _ in done]
    if study.output.report:
        page = SlabPage(source, plan, (place.folder / NATIVE).with_suffix(".h5"), ranks)
        with stages("report"):
            write_slab_page(page, _report_data(study, place, numbers, done=done), place.folder)
    return numbers, solved


def _report_data(
    study: Study, place: Workplace, numbers: Mapping[str, Any], *, done: list[tuple[Solved, tuple[Figure, ...]]]
) -> ReportData:
    """What the page says, beside the pictures of volume and mesh."""
    files = [(NATIVE, "mesh, for ParaView and the solvers"), ("mesh.h5", "its arrays"), ("study.toml", "what was run")]
    for one, _ in done:
        files += [(f"{one.name}.xdmf", f"fields of {one.name}, for ParaView"), (f"{one.name}.h5", "their arrays")]
    return ReportData(
        title=study.title,
        source=study.volume.path or f"phantom {study.volume.phantom}",
        study=format_study(study),
        sliced=numbers,
        solves=[one for one, _ in done],
        stages=place.stages,
        figures=[figure for _, figures in done for figure in figures],
        files=files,
    )


def _open(spec: VolumeSpec) -> LayerFile | LabelledVolume:
    """The volume of a study: a file layer by layer, a phantom whole."""
    if spec.phantom is not None:
        return load_volume(spec)[0]
    assert spec.path is not None
    reading: dict[str, Any] = {"voxel_size": spec.voxel_size, "axes": spec.axes, "threshold": spec.threshold}
    reading |= {"phases": dict(spec.phases) or None, "raw": dict(spec.raw) or None}
    return open_layers(spec.path, reading=reading, crop=spec.crop)


def _solve(study: Study, place: Workplace, key: str, head: VolumeHead) -> list[tuple[Solved, tuple[Figure, ...]]]:
    """Every solve with its pictures, on the mesh as every process reads its part; fields stay where they are."""
    physics, ranks, stages = place.physics, place.ranks, place.stages
    if physics is None:
        return []
    domains: list[Any] = []

    def solve(number: int, table: Mapping[str, Any]) -> tuple[Solved, tuple[Figure, ...]]:
        if not domains:
            with stages("load domain"):
                domains.append(ranks.together(partial(physics.load_domain, place.folder / NATIVE, physics.comm)))
        name, kind = str(table["name"]), str(table["type"])
        start = time.perf_counter()
        with stages(f"solve {name}"):
            result = ranks.together(partial(physics.run_solve, domains[0], table))
        seconds = time.perf_counter() - start
        if study.output.fields:
            with stages("write fields"):
                ranks.together(partial(result.write, place.folder / f"{name}.xdmf"))
        figures: list[Figure] = []
        if study.output.report and number <= MOST_SOLVES:
            where = place.folder / "pictures"
            with stages("pictures"):
                figures = ranks.together(
                    lambda: field_figures(result, head, where, name=name, number=number, ranks=ranks)
                )
        return Solved(name, kind, seconds, ranks.together(result.summary), table=dict(table)), tuple(figures)

    wanted = (study.output.fields, study.output.report)
    keys = [digest(key, wanted, table, files_named(table)) for table in study.solves]
    return [
        place.stage(f"solve {str(table['name']).replace('/', ' ')}", each, partial(solve, number, table))
        for number, (table, each) in enumerate(zip(study.solves, keys, strict=True), 1)
    ]
