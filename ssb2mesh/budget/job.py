"""The costs of a study or of a mesh, and the refusal of what cannot fit. No constants, no counting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ssb2mesh.budget.model import SOLVES, Budget, Sizes, Solve, cost, disk_bytes, solve_kind
from ssb2mesh.budget.work import Counts, count_mesh
from ssb2mesh.disk import check_space, has_room
from ssb2mesh.errors import ResourceError
from ssb2mesh.stages import available_memory_bytes
from ssb2mesh.study.model import Study
from ssb2mesh.volume import LabelledVolume

__all__ = ["check_budget", "guard_study", "mesh_budget", "predict_study", "solve_budget", "study_budget"]

#: Keys of a [[solve]] table whose entries are the phases with unknowns.
_PHASES = ("conductivity", "materials")


def mesh_budget(sizes: Sizes, *, suffixes: Sequence[str] = ()) -> Budget:
    """Return what meshing, checking and writing cost.

    Parameters
    ----------
    sizes : Sizes
        Of the mesh.
    suffixes : sequence of str
        Of the files to write.

    Returns
    -------
    Budget
        Without solves.

    Examples
    --------
    >>> mesh_budget(Sizes(built=1200, tets=1200, cells=100, voxels=100)).tets
    1200
    """
    times = {stage: cost("seconds", stage, sizes) for stage in ("mesh", "check")}
    writing = [cost("seconds", f"file {suffix}", sizes) for suffix in suffixes]
    if suffixes:
        known = [each for each in writing if each is not None]
        times["write"] = sum(known) if known else None
    unknown = [f"time to write {s}" for s, each in zip(suffixes, writing, strict=True) if each is None]
    memory = max(cost("memory", "process mesh", sizes) or 0.0, cost("memory", "mesh", sizes) or 0.0)
    return Budget(
        sizes.tets,
        sizes.points,
        round(memory),
        round(sum(disk_bytes(suffix, sizes) for suffix in suffixes)),
        {stage: seconds for stage, seconds in times.items() if seconds is not None},
        unknown=tuple(unknown),
    )


def predict_study(study: Study, volume: LabelledVolume) -> Budget:
    """Predict what a run of a study costs, from a quick pass over the cells.

    Parameters
    ----------
    study : Study
        What to do.
    volume : LabelledVolume
        Its volume.

    Returns
    -------
    Budget
        By stage; for the first mesh, if solves refine it.

    Raises
    ------
    InputError
        If cell size or phase names are not usable.

    Examples
    --------
    >>> predict_study(study, volume).tets  # doctest: +SKIP
    1296000
    """
    from ssb2mesh.mesh_options import lattice_options
    from ssb2mesh.mesher import mesh_work

    work = mesh_work(
        volume, cell_size=study.mesh.cell_size, drop=study.mesh.drop, options=lattice_options(study.mesh.options)
    )
    names = dict.fromkeys([*study.output.mesh, *(["mesh.xdmf"] if study.solves else [])])
    budget = mesh_budget(work.sizes, suffixes=[Path(name).suffix.lower() for name in names])
    budget = solve_budget(budget, study.solves, work, fields=study.output.fields)
    if study.mesh.engine != "lattice":
        budget = replace(budget, unknown=(*budget.unknown, f"meshing by the engine {study.mesh.engine}"))
    return _with_measures(budget, study, work.sizes)


def study_budget(study: Study, *, mesh_file: Path | None = None) -> Budget:
    """Read the volume of a study, or a mesh, and predict what it costs.

    Parameters
    ----------
    study : Study
        What to do.
    mesh_file : Path, optional
        A mesh to solve on, instead of one of the volume.

    Returns
    -------
    Budget
        Of the run, or of the solves.

    Raises
    ------
    InputError
        If volume, mesh or names are not usable.

    Examples
    --------
    >>> study_budget(read_study("examples/demo.toml")).tets  # doctest: +SKIP
    1264116
    """
    from ssb2mesh.io import read_mesh
    from ssb2mesh.steps import check_names, load_volume

    if mesh_file is None:
        volume = load_volume(study.volume)[0]
        check_names(study, volume)
        return predict_study(study, volume)
    work = count_mesh(read_mesh(mesh_file))
    return solve_budget(
        Budget(work.sizes.tets, work.sizes.points, 0, 0), study.solves, work, fields=study.output.fields
    )


def guard_study(study: Study, volume: LabelledVolume, folder: Path, *, processes: int = 1) -> None:
    """Refuse a study that is predicted to fit neither memory nor disk; cells are counted only where that is in doubt.

    Parameters
    ----------
    study : Study
        What to do.
    volume : LabelledVolume
        Its volume.
    folder : Path
        Where it writes.
    processes : int
        As in `check_budget`.

    Raises
    ------
    ResourceError, DiskFullError
        As `check_budget`.

    Examples
    --------
    >>> guard_study(study, volume, Path("."))  # doctest: +SKIP
    """
    from ssb2mesh.lattice.grid import cell_counts
    from ssb2mesh.lattice.sizes import finest_size
    from ssb2mesh.mesh_options import lattice_options

    if study.mesh.engine != "lattice":
        return
    finest = finest_size(lattice_options(study.mesh.options).sizes, volume)
    counts = cell_counts(volume, study.mesh.cell_size, finest)[0]
    cells = max(math.prod(int(n) for n in counts), volume.labels.size)
    # four tets and half a square on each of six faces
    most = Sizes(volume.labels.size, cells, 24 * cells, 24 * cells, 3 * cells, 3 * cells, 3 * cells, 3)
    kinds = ["mesh", *(solve_kind(str(table["type"])) for table in study.solves)]
    memory = max(cost("memory", f"process {kind}", most) or 0.0 for kind in kinds)
    files = 1 + len(study.output.mesh) + len(study.solves)
    if memory <= 0.9 * available_memory_bytes() and has_room(
        folder, round(files * disk_bytes("", most)), one_file=False
    ):
        return
    check_budget(predict_study(study, volume), folder, processes=processes)


def solve_budget(budget: Budget, solves: Sequence[Mapping[str, Any]], work: Counts, *, fields: bool) -> Budget:
    """Add the costs of solves to those of a mesh.

    Parameters
    ----------
    budget : Budget
        Of the mesh.
    solves : sequence of mapping
        [[solve]] tables.
    work : Counts
        Sizes by phase.
    fields : bool
        Whether their fields are written.

    Returns
    -------
    Budget
        With ``solves``; types that were not measured are in ``unknown``.

    Examples
    --------
    >>> solve_budget(budget, study.solves, work, fields=True).solves[0].dofs  # doctest: +SKIP
    240000
    """
    if not solves:
        return budget
    found, unknown, written = [], list(budget.unknown), 0.0
    for table in solves:
        sizes = replace(work.sizes, active=_active(table, work), runs=_runs(table))
        kind = solve_kind(str(table["type"]))
        known = kind in SOLVES
        seconds = cost("seconds", f"solve {kind}", sizes) if known else None
        memory = cost("memory", f"process {kind}", sizes) if known else None
        if seconds is None or memory is None:
            unknown.append(f"solve {table['name']!r} of type {table['type']}")
        dofs = sizes.active * (3 if kind == "elasticity" else 1)
        held = None if memory is None else round(memory)
        # what was not measured writes about as much as a potential and its flux
        written += cost("disk", f"fields {kind}", sizes) or cost("disk", "fields", sizes) or 0.0
        found.append(Solve(str(table["name"]), str(table["type"]), dofs, seconds, held))
    seconds_of = {f"solve {s.name}": s.seconds for s in found if s.seconds is not None}
    load = cost("seconds", "load domain", work.sizes)
    return replace(
        budget,
        memory_bytes=max([budget.memory_bytes, *(s.memory_bytes or 0 for s in found)]),
        disk_bytes=budget.disk_bytes + (round(written) if fields else 0),
        seconds={**budget.seconds, **({} if load is None else {"load domain": load}), **seconds_of},
        solves=tuple(found),
        unknown=tuple(unknown),
    )


def _active(table: Mapping[str, Any], work: Counts) -> int:
    """Vertices of the phases that a table names; of the whole mesh, if it names none."""
    for key in _PHASES:
        if isinstance(table.get(key), Mapping):
            return work.points_of(list(table[key]))
    return work.sizes.points


def _runs(table: Mapping[str, Any]) -> int:
    axes = table.get("axes")
    return len(axes) if axes else 3 if str(table["type"]).startswith("effective") else 1


def _with_measures(budget: Budget, study: Study, sizes: Sizes) -> Budget:
    """Add report and measures."""
    seconds, unknown, memory = dict(budget.seconds), list(budget.unknown), budget.memory_bytes
    if study.measure is not None:
        plan = study.measure
        found = cost("seconds", "measure", sizes)
        extra = any((plan.particles, plan.thickness, plan.cracks, plan.chords, plan.slices))
        if found is not None and not extra:
            seconds["measure"] = found
        else:
            unknown.append("measures of particles, thickness, cracks, chords")
    if study.output.report:
        active = max((solve.dofs for solve in budget.solves), default=0)
        drawn = replace(sizes, runs=max(1, len(study.solves)), active=active)
        found = cost("seconds", "report", drawn)
        memory = max(memory, round(cost("memory", "process report", drawn) or 0.0))
        if found is not None:
            seconds["report"] = found
    return replace(budget, seconds=seconds, memory_bytes=memory, unknown=tuple(unknown))


def check_budget(budget: Budget, folder: Path, *, processes: int = 1) -> None:
    """Refuse a job that fits neither memory nor disk.

    Parameters
    ----------
    budget : Budget
        What it costs.
    folder : Path
        Where it writes.
    processes : int
        Under mpirun the share of each process is not known: memory is not looked at.

    Raises
    ------
    ResourceError
        If it needs more memory than is free; the message says which cell size would fit.
    DiskFullError
        If it needs more room on the disk than is free.

    Examples
    --------
    >>> check_budget(Budget(0, 0, 0, 0), Path("."))
    """
    check_space(folder, budget.disk_bytes, what="the results", one_file=False)
    available = available_memory_bytes()
    if processes > 1 or not available or budget.memory_bytes <= 0.9 * available:
        return
    most = max(budget.solves, key=lambda solve: solve.memory_bytes or 0, default=None)
    what = f"solve {most.name!r}" if most and (most.memory_bytes or 0) >= budget.memory_bytes else "meshing"
    factor = (budget.memory_bytes / (0.8 * available)) ** (1 / 3)
    raise ResourceError(
        f"cell_size: {what} on about {budget.tets / 1e6:.3g} M tets needs {budget.memory_bytes / 2**30:.1f} GiB and "
        f"{available / 2**30:.1f} GiB are free; a cell size {factor:.2f} times larger fits (or force to go on)"
    )
