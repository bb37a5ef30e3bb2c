"""The run: volume -> mesh -> fields -> report, as one function a step. No numerics of its own, no formats, no text.

This is the one module of `ssb2mesh` that reaches for `solvers`, by name and only when a study asks for a solve:
everything else here works without DOLFINx.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ssb2mesh.errors import InputError, MissingDependencyError
from ssb2mesh.paths import check_output_folder, staged_folder
from ssb2mesh.ranks import Ranks
from ssb2mesh.refine import solve_until_narrow
from ssb2mesh.solving import NATIVE, Solved, solve_all
from ssb2mesh.stages import Stages, peak_memory_bytes
from ssb2mesh.steps import Prepared, check_names, load_volume, summarise_mesh
from ssb2mesh.study import format_study, read_study, write_study
from ssb2mesh.study.model import Study
from ssb2mesh.summaries import to_json

if TYPE_CHECKING:
    from ssb2mesh.report import ReportData

__all__ = [
    "Physics",
    "RunResult",
    "Solved",
    "existing_mesh",
    "known_elastic",
    "load_physics",
    "run_study",
    "solve_study",
]

T = TypeVar("T")

#: The numbers of a run.
RESULTS = "results.json"


@dataclass(frozen=True)
class RunResult:
    """What a run leaves.

    Parameters
    ----------
    title : str
        The study's.
    folder : Path
        Where the results are.
    files : tuple of Path
        Everything written.
    mesh : mapping
        As `summarise_mesh` gives it.
    solves : tuple of Solved
        One a solve.
    seconds : mapping of str to float
        Wall-clock time by stage.
    """

    title: str
    folder: Path
    files: tuple[Path, ...]
    mesh: Mapping[str, Any]
    solves: tuple[Solved, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` shows."""
        return {
            "title": self.title,
            "folder": str(self.folder),
            "files": [str(f) for f in self.files],
            "mesh": dict(self.mesh),
            "solves": [s.to_dict() for s in self.solves],
            "seconds": dict(self.seconds),
            "peak_memory_bytes": peak_memory_bytes(),
        }


def run_study(
    study: Study, *, stages: Stages | None = None, overwrite: bool = False, force: bool = False
) -> RunResult | None:
    """Run a study from the volume to the report.

    Under ``mpirun`` every process calls this: the first one reads, meshes and reports, all of them solve.

    Parameters
    ----------
    study : Study
        What to do.
    stages : Stages, optional
        Collects time and memory.
    overwrite : bool
        Replace results that are there.
    force : bool
        Mesh even if it is predicted not to fit in memory.

    Returns
    -------
    RunResult or None
        None on every process but the first.

    Raises
    ------
    InputError
        If the input cannot be used; nothing is written then.
    MissingDependencyError
        If there is a solve and DOLFINx is absent; nothing is read then.

    Examples
    --------
    >>> run_study(read_study("examples/demo.toml"))  # doctest: +SKIP
    """
    stages = Stages() if stages is None else stages
    physics = load_physics() if study.solves else None
    ranks = Ranks(physics.comm if physics else None)
    folder = study.output.folder

    with _stage(ranks, folder, lambda: check_output_folder(folder, overwrite=overwrite)) as stage:
        last, made, solved = _mesh_and_solve(study, stage, ranks, physics=physics, stages=stages, force=force)
        result = _only_first(ranks, lambda: _finish(last, stage, made, solved=solved, stages=stages))
    return result


def solve_study(
    study: Study,
    *,
    mesh_file: str | Path | None = None,
    stages: Stages | None = None,
    overwrite: bool = False,
    force: bool = False,
) -> RunResult | None:
    """Do the solves of a study on a mesh that is there already, or on one made for it.

    Parameters
    ----------
    study : Study
        What to solve.
    mesh_file : str or Path, optional
        A mesh file. Without it the mesh of the results folder is taken, if the same [volume] and [mesh] made it;
        else the volume is meshed.
    stages, overwrite, force
        As in `run_study`.

    Returns
    -------
    RunResult or None
        None on every process but the first.

    Raises
    ------
    InputError
        If there is nothing to solve, or the input cannot be used; nothing is written then.
    MissingDependencyError
        If DOLFINx is absent.

    Examples
    --------
    >>> solve_study(read_study("examples/demo.toml"), mesh_file="mesh.xdmf")  # doctest: +SKIP
    """
    if not study.solves:
        raise InputError(f"study: {study.source or study.title} has no [[solve]] table; add one, or use `ssb2mesh run`")
    stages = Stages() if stages is None else stages
    physics = load_physics()
    ranks = Ranks(physics.comm)
    folder = study.output.folder

    with _stage(ranks, folder, lambda: _check_solve_output(folder, overwrite)) as stage:
        found = ranks.on_first(lambda: existing_mesh(study, mesh_file))
        made, last = None, study
        if found is None:
            last, made, solved = _mesh_and_solve(study, stage, ranks, physics=physics, stages=stages, force=force)
        else:
            solved = solve_all(study, stage, ranks, physics=physics, stages=stages, path=found)
        result = _only_first(ranks, lambda: _collect(last, stage, made, solved=solved, stages=stages))
    return result


@dataclass(frozen=True)
class Physics:
    """What the pipeline needs of `solvers`.

    Parameters
    ----------
    comm : communicator
        All processes.
    load_domain, run_solve, run_volume_solve : callable
        Of `solvers.domain` and `solvers.from_study`.
    """

    comm: Any
    load_domain: Callable[..., Any]
    run_solve: Callable[..., Any]
    run_volume_solve: Callable[..., Any]


def load_physics() -> Physics:
    """Import the solvers, and DOLFINx with them.

    Returns
    -------
    Physics
        The communicator and the functions.

    Raises
    ------
    MissingDependencyError
        If DOLFINx or a part of it cannot be imported.

    Examples
    --------
    >>> load_physics().comm.size  # doctest: +SKIP
    1
    """
    try:
        comm = importlib.import_module("solvers.dolfinx_api").world()
        domain = importlib.import_module("solvers.domain")
        study = importlib.import_module("solvers.from_study")
    except MissingDependencyError:
        raise
    except ImportError as error:
        where = "Debian: apt install python3-dolfinx-real; elsewhere: conda install -c conda-forge fenics-dolfinx"
        raise MissingDependencyError.of("dolfinx", "[[solve]]", f"{where} ({error})") from error
    return Physics(comm, domain.load_domain, study.run_solve, study.run_volume_solve)


@contextmanager
def _stage(ranks: Ranks, folder: Path, check: Callable[[], object]) -> Iterator[Path]:
    """Give all processes the hidden folder to write into; the first one makes it, moves its files or removes it."""
    with ExitStack() as held:

        def open_it() -> Path:
            check()
            return held.enter_context(staged_folder(folder))

        yield ranks.on_first(open_it)


def _only_first(ranks: Ranks, work: Callable[[], T]) -> T | None:
    """Do something on the first process; its result stays there, its error ends all."""
    kept: list[T] = []
    ranks.on_first(lambda: kept.append(work()))
    return kept[0] if kept else None


def _mesh_and_solve(
    study: Study, stage: Path, ranks: Ranks, *, physics: Physics | None, stages: Stages, force: bool
) -> tuple[Study, Prepared | None, list[Solved]]:
    """Volume to fields, on finer meshes where a solve asks for an accuracy; the study comes with the last cell size."""
    return solve_until_narrow(
        study,
        ranks,
        prepare=lambda now: _only_first(ranks, lambda: _prepare(now, stage, stages, force=force)),
        solve=lambda now, made: solve_all(now, stage, ranks, physics=physics, stages=stages, made=made),
    )


def _prepare(study: Study, stage: Path, stages: Stages, *, force: bool) -> Prepared:
    """Volume to checked mesh, written into the stage."""
    from ssb2mesh.check import check_mesh
    from ssb2mesh.io import write_mesh
    from ssb2mesh.mesh_options import lattice_options
    from ssb2mesh.mesher import mesh_volume

    with stages("volume"):
        volume, cleaned = load_volume(study.volume)
    check_names(study, volume)
    mesh = mesh_volume(
        volume,
        cell_size=study.mesh.cell_size,
        drop=study.mesh.drop,
        engine=study.mesh.engine,
        options=lattice_options(study.mesh.options),
        stages=stages,
        force=force,
    )
    with stages("check"):
        report = check_mesh(mesh, volume)
    with stages("write mesh"):
        for name in dict.fromkeys([*study.output.mesh, *([NATIVE] if study.solves else [])]):
            write_mesh(mesh, stage / name)
    write_study(study, stage / "study.toml")
    return Prepared(volume, mesh, report, tuple(cleaned))


def _finish(study: Study, stage: Path, made: Prepared | None, *, solved: list[Solved], stages: Stages) -> RunResult:
    """Write the report and say what there is."""
    from ssb2mesh.report import write_report

    assert made is not None
    measures = _measure(study, made, stage, stages) if study.measure is not None else None
    if study.output.report:
        with stages("report"):
            write_report(replace(_report_data(study, made, solved=solved, stages=stages), measures=measures), stage)
    return _collect(study, stage, made, solved=solved, stages=stages)


def _measure(study: Study, made: Prepared, stage: Path, stages: Stages) -> Any:
    """Measure the volume beside its mesh, and write the table."""
    from ssb2mesh.measure import measure_volume, write_measures

    with stages("measure"):
        measures = measure_volume(made.volume, mesh=made.mesh, plan=study.measure)
        write_measures(measures, stage)
    return measures


def _report_data(study: Study, made: Prepared, *, solved: list[Solved], stages: Stages) -> ReportData:
    from ssb2mesh.report import ReportData

    return ReportData(
        title=study.title,
        source=study.volume.path or f"phantom {study.volume.phantom}",
        volume=made.volume,
        cleaning=made.cleaned,
        study=format_study(study),
        mesh=made.mesh,
        check=made.report,
        solves=solved,
        stages=stages,
    )


def _collect(study: Study, stage: Path, made: Prepared | None, *, solved: list[Solved], stages: Stages) -> RunResult:
    """Write results.json and list what was written."""
    folder = study.output.folder
    numbers = summarise_mesh(made.mesh, made.report, stages) if made else {}
    result = RunResult(study.title, folder, (), numbers, tuple(solved), dict(stages.seconds))
    (stage / RESULTS).write_text(to_json(result.to_dict()), encoding="utf-8")
    written = sorted(p.relative_to(stage) for p in stage.rglob("*") if p.is_file())
    return replace(result, files=tuple(folder / p for p in written))


def _check_solve_output(folder: Path, overwrite: bool) -> None:
    check_output_folder(folder, overwrite=True)
    if (folder / RESULTS).exists() and not overwrite:
        raise InputError(f"results folder: {str(folder / RESULTS)!r} exists; give --overwrite to replace it")


def existing_mesh(study: Study, mesh_file: str | Path | None) -> Path | None:
    """Return a mesh file to solve on: the one given, or the one in the results folder if the same tables made it."""
    if mesh_file is not None:
        path = Path(mesh_file).absolute()
        if not path.is_file():
            raise InputError(f"--mesh: no file {str(mesh_file)!r}")
        return path
    record, native = study.output.folder / "study.toml", study.output.folder / NATIVE
    if not (record.is_file() and native.is_file()):
        return None
    try:
        before = read_study(record)
    except InputError:
        return None
    return native if (before.volume, before.mesh) == (study.volume, study.mesh) else None


def known_elastic(name: str) -> tuple[float, float]:
    """Return Young's modulus in Pa and Poisson's ratio of a known material; InputError if they are not known.

    Examples
    --------
    >>> known_elastic("LPSCl")
    (22000000000.0, 0.37)
    """
    find = importlib.import_module("solvers.materials").material
    return find(name, "young_modulus").value, find(name, "poisson_ratio").value
