"""The run: volume -> mesh -> fields -> report, as one function a step. No numerics of its own, no formats, no text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ssb2mesh.errors import InputError
from ssb2mesh.identity import digest, file_identity
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.journal import Journal
from ssb2mesh.launch import launched_processes
from ssb2mesh.paths import RECORDS, check_output_folder, finish_move, lasting_folder
from ssb2mesh.physics import Physics, load_physics
from ssb2mesh.prepare import mesh_key, prepare_mesh
from ssb2mesh.ranks import Ranks
from ssb2mesh.refine import solve_until_narrow
from ssb2mesh.solving import NATIVE, Solved, Workplace, solve_all
from ssb2mesh.stages import Stages, peak_memory_bytes
from ssb2mesh.steps import Prepared, summarise_mesh
from ssb2mesh.study import format_study, read_study
from ssb2mesh.study.model import Study
from ssb2mesh.summaries import to_json

if TYPE_CHECKING:
    from ssb2mesh.report import ReportData

__all__ = [
    "RunResult",
    "Solved",
    "existing_mesh",
    "run_study",
    "solve_study",
]

T = TypeVar("T")

#: The numbers of a run.
RESULTS = "results.json"
#: Said when the launcher ends a parallel run.
_LOST = (
    "another process of this run was lost, perhaps killed for want of memory, or the run was ended from outside; "
    "finished stages are kept, the same command goes on from there"
)


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
    study: Study,
    *,
    stages: Stages | None = None,
    overwrite: bool = False,
    force: bool = False,
    fresh: bool = False,
    tell: Callable[[str], None] | None = None,
) -> RunResult | None:
    """Run a study from the volume to the report.

    Under ``mpirun`` every process calls this: the first one reads, meshes and reports, all of them solve. A run that is
    cut off leaves its finished stages in ``.<folder>.unfinished`` beside the results folder; the next one takes those
    that were made of the same tables, files and program.

    Parameters
    ----------
    study : Study
        What to do.
    stages : Stages, optional
        Collects time and memory; of stages that are kept, the time they took.
    overwrite : bool
        Replace results that are there.
    force : bool
        Go on even if mesh, solves or files are predicted not to fit memory or disk.
    fresh : bool
        Forget what a run that was cut off has finished.
    tell : callable, optional
        Called with a line for each stage that is kept.

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
    ranks = Ranks(physics.comm if physics else launched_processes())
    folder = study.output.folder

    check = partial(check_output_folder, folder, overwrite=overwrite)
    with _place(ranks, physics, stages, opening=Opening(folder, check, fresh, tell)) as place:
        if study.mesh.slabs is not None:
            from ssb2mesh.slabs.run import run_in_slabs

            numbers, solved = run_in_slabs(study, place)
            return _only_first(ranks, lambda: _results(study, place, numbers, solved=solved))
        last, made, solved = _mesh_and_solve(study, place, force=force)
        result = _only_first(ranks, lambda: _finish(last, place, made, solved=solved))
    return result


def solve_study(
    study: Study,
    *,
    mesh_file: str | Path | None = None,
    stages: Stages | None = None,
    overwrite: bool = False,
    force: bool = False,
    fresh: bool = False,
    tell: Callable[[str], None] | None = None,
) -> RunResult | None:
    """Do the solves of a study on a mesh that is there already, or on one made for it.

    Parameters
    ----------
    study : Study
        What to solve.
    mesh_file : str or Path, optional
        A mesh file. Without it the mesh of the results folder is taken, if the same [volume] and [mesh] made it;
        else the volume is meshed.
    stages, overwrite, force, fresh, tell
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

    check = partial(_check_solve_output, folder, overwrite)
    with _place(ranks, physics, stages, opening=Opening(folder, check, fresh, tell)) as place:
        found = ranks.on_first(lambda: existing_mesh(study, mesh_file))
        made, last = None, study
        if found is None:
            last, made, solved = _mesh_and_solve(study, place, force=force)
        else:
            solved = solve_all(study, place, path=found, key=ranks.on_first(lambda: _file_key(study, found)))
        result = _only_first(ranks, lambda: _collect(last, place, made, solved=solved))
    return result


def _file_key(study: Study, mesh: Path) -> str:
    """Digest of a mesh file; solves on the volume are of its table too."""
    heavy = file_identity(mesh.with_suffix(".h5"))
    return digest(file_identity(mesh), heavy, mesh_key(study))


@dataclass(frozen=True)
class Opening:
    """How the hidden folder of a run is opened.

    Parameters
    ----------
    folder : Path
        Results folder.
    check : callable
        Raises if the results may not be written.
    fresh : bool
        Forget what is there.
    tell : callable or None
        Called with a line for each stage that is kept.
    """

    folder: Path
    check: Callable[[], object]
    fresh: bool
    tell: Callable[[str], None] | None


@contextmanager
def _place(ranks: Ranks, physics: Physics | None, stages: Stages, *, opening: Opening) -> Iterator[Workplace]:
    """Give all processes the hidden folder to write into; the first one holds it and moves its files."""
    journals: list[Journal] = []
    stage = opening.folder.with_name(f".{opening.folder.name}.unfinished")
    with ExitStack() as held:

        def open_it() -> None:
            finish_move(opening.folder)
            opening.check()
            held.enter_context(lasting_folder(opening.folder))
            journals.append(Journal(stage, stages, fresh=opening.fresh, tell=opening.tell))

        ranks.on_first(open_it)
        held.enter_context(ranks.telling_end(_LOST))
        try:
            yield Workplace(stage, ranks, physics, stages, *journals)
        except BaseException:
            if journals and journals[0].finished and opening.tell is not None:
                names = ", ".join(journals[0].finished)
                opening.tell(f"finished and kept: {names}; the same command goes on from there")
            raise


def _only_first(ranks: Ranks, work: Callable[[], T]) -> T | None:
    """Do something on the first process; its result stays there, its error ends all."""
    kept: list[T] = []
    ranks.on_first(lambda: kept.append(work()))
    return kept[0] if kept else None


def _mesh_and_solve(study: Study, place: Workplace, *, force: bool) -> tuple[Study, Prepared | None, list[Solved]]:
    """Volume to fields, on finer meshes where a solve asks for an accuracy; the study comes with the last cell size."""
    ranks, journal = place.ranks, place.journal

    def key(now: Study) -> str:
        return ranks.on_first(lambda: mesh_key(now))

    def prepare(now: Study) -> Prepared | None:
        def make() -> Prepared:
            return prepare_mesh(now, place.folder, _known(journal), force=force, processes=ranks.size)

        return _only_first(ranks, make)

    def solve(now: Study, made: Prepared | None) -> list[Solved]:
        return solve_all(now, place, made=made, key=key(now))

    return solve_until_narrow(study, ranks, prepare=prepare, solve=solve, journal=journal, key=key(study))


def _known(journal: Journal | None) -> Journal:
    assert journal is not None  # on the first process
    return journal


def _finish(study: Study, place: Workplace, made: Prepared | None, *, solved: list[Solved]) -> RunResult:
    """Write the report and say what there is."""
    from ssb2mesh.report import write_report

    assert made is not None
    measures = _measure(study, made, place) if study.measure is not None else None
    if study.output.report:
        with place.stages("report"):
            data = _report_data(study, made, solved=solved, stages=place.stages)
            write_report(replace(data, measures=measures), place.folder)
    return _collect(study, place, made, solved=solved)


def _measure(study: Study, made: Prepared, place: Workplace) -> Any:
    """Measure the volume beside its mesh, and write the table."""
    from ssb2mesh.measure import measure_volume, write_measures

    def work() -> Any:
        with place.stages("measure"):
            measures = measure_volume(made.volume, mesh=made.mesh, plan=study.measure)
            write_measures(measures, place.folder)
        return measures

    return _known(place.journal).stage("measure", digest(mesh_key(study), study.measure), work)


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


def _collect(study: Study, place: Workplace, made: Prepared | None, *, solved: list[Solved]) -> RunResult:
    """Write results.json and list what was written."""
    numbers = summarise_mesh(made.mesh, made.report, place.stages) if made else {}
    return _results(study, place, numbers, solved=solved)


def _results(study: Study, place: Workplace, numbers: Mapping[str, Any], *, solved: list[Solved]) -> RunResult:
    folder, stage, stages = study.output.folder, place.folder, place.stages
    result = RunResult(study.title, folder, (), numbers, tuple(solved), dict(stages.seconds))
    _known(place.journal).clear()
    with replacing(stage / RESULTS) as (part,):
        part.write_text(to_json(result.to_dict()), encoding="utf-8")
    found = (p.relative_to(stage) for p in stage.rglob("*") if p.is_file())
    written = sorted(path for path in found if path.parts[0] != RECORDS)
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
