"""The work on one state of a series, stage by stage; what is done is kept and found again. No tables.

A stage is a file ``<stage>.json`` with its rows and a key: the digest of all that went into it. A run that was cut off
leaves whole stages or none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError, Ssb2meshError
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.measure.tables import Row
from ssb2mesh.series.measures import COMPARISONS, MEASURES, Job, Kind
from ssb2mesh.series.model import Series, State, Task
from ssb2mesh.series.result import Entry
from ssb2mesh.summaries import to_json
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.voxel_fields import VoxelField

__all__ = ["Outcome", "run_pair", "run_state", "state_key"]

#: Raised by one when a measure gives other numbers from the same input, so that nothing old is taken for new.
RECIPE = 2
#: Parts of the summary of a solve that differ from run to run, or say nothing of the state.
_NOT_RESULTS = ("seconds", "memory", "iterations", "history", "tolerance", "residual", "balance", "steps",
                "linear")  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of a state or a pair of states.

    Parameters
    ----------
    state : str
        Its name.
    entries : tuple of Entry
        The numbers.
    faults : tuple of str
        What failed, a line each.
    kept : int
        Stages that were there already.
    done : int
        Stages that were done now.
    """

    state: str
    entries: tuple[Entry, ...] = ()
    faults: tuple[str, ...] = ()
    kept: int = 0
    done: int = 0


class _Stages:
    """The stages of one folder, done or found."""

    def __init__(self, folder: Path, state: str) -> None:
        self.folder, self.state = folder, state
        self.entries: list[Entry] = []
        self.faults: list[str] = []
        self.kept = self.done = 0

    def run(self, task: str, key: str, work: Callable[[], list[Row]]) -> None:
        """Take the rows of a finished stage, or do it."""
        path = self.folder / f"{task}.json"
        rows = _read(path, key)
        if rows is None:
            try:
                rows = work()
            except (Ssb2meshError, OSError) as error:
                self.faults.append(f"{self.state}: {task}: {error}")
                return
            except Exception as error:  # a defect of ours, or no memory: the other stages and states go on all the same
                self.faults.append(f"{self.state}: {task}: unexpected {type(error).__name__}: {error}")
                return
            _write(path, key, rows)
            self.done += 1
        else:
            self.kept += 1
        self.entries += [Entry(self.state, task, row) for row in rows]

    def outcome(self) -> Outcome:
        return Outcome(self.state, tuple(self.entries), tuple(self.faults), self.kept, self.done)


def run_state(series: Series, state: State) -> Outcome:
    """Measure and solve one state; finished stages are taken as they are.

    Parameters
    ----------
    series : Series
        What to do.
    state : State
        One of its states.

    Returns
    -------
    Outcome
        Numbers and faults; a fault of one stage does not stop the others.

    Examples
    --------
    >>> run_state(series, series.states[0]).kept  # doctest: +SKIP
    0
    """
    folder = series.state_folder(state)
    folder.mkdir(parents=True, exist_ok=True)
    stages = _Stages(folder, state.name)
    volume = _Volume(state)
    try:
        key = state_key(state)
    except (Ssb2meshError, OSError) as error:
        return Outcome(state.name, faults=(f"{state.name}: {error}",))
    for task in series.measures:
        job = Job(task.name, folder, state.charge, lambda: (volume.grey(),))
        found = _digest(key, _grey_key(MEASURES[task.kind], state), asdict(task))
        stages.run(task.name, found, _measuring(task, volume, job))
    if series.solves:
        tables = series.solve_tables(state)
        found = _digest(key, asdict(series.mesh), tables, _files_of(tables))
        stages.run("solve", found, lambda: _solve(series, state, tables))
    return stages.outcome()


def run_pair(series: Series, number: int) -> Outcome:
    """Compare a state with those before it; finished comparisons are taken as they are.

    Parameters
    ----------
    series : Series
        What to do.
    number : int
        Place of the later state, 1 or more.

    Returns
    -------
    Outcome
        Numbers and faults, under the name of the later state.

    Examples
    --------
    >>> run_pair(series, 1).entries  # doctest: +SKIP
    """
    state = series.states[number]
    folder = series.state_folder(state)
    folder.mkdir(parents=True, exist_ok=True)
    stages = _Stages(folder, state.name)
    later = _Volume(state)
    earlier: dict[int, _Volume] = {}
    for task in series.comparisons:
        other = 0 if task.against == "first" else number - 1
        before = earlier.setdefault(other, _Volume(series.states[other]))
        try:
            kind, both = COMPARISONS[task.kind], (series.states[other], state)
            key = _digest([state_key(s) for s in both], [_grey_key(kind, s) for s in both], asdict(task))
        except (Ssb2meshError, OSError) as error:
            return Outcome(state.name, faults=(f"{state.name}: {error}",))
        job = Job(task.name, folder, state.charge, partial(_greys, before, later))
        stages.run(task.name, key, _comparing(task, before, later, job))
    return stages.outcome()


def _measuring(task: Task, volume: _Volume, job: Job) -> Callable[[], list[Row]]:
    return lambda: _done(MEASURES[task.kind], task, job, volume)


def _comparing(task: Task, before: _Volume, after: _Volume, job: Job) -> Callable[[], list[Row]]:
    return lambda: _done(COMPARISONS[task.kind], task, job, before, after)


def _done(kind: Kind, task: Task, job: Job, *volumes: _Volume) -> list[Row]:
    given = [volume.get() for volume in volumes]
    # a phase that the series knows and these volumes lack is no fault: there is none of it
    there = {name for volume in given for name in volume.phase_names}
    absent = {name for volume in volumes for name in volume.state.volume.phases.values()} - there
    options = {key: _without(value, absent) for key, value in task.options.items()}
    try:
        return kind.run(*given, job, kind.options(**options))
    except InputError as error:
        gone = sorted(absent & {name for value in task.options.values() for name in _texts(value)})
        raise InputError(f"{error} (there is no {', no '.join(gone)} in this state)" if gone else str(error)) from error


def _texts(value: Any) -> list[str]:
    return [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str)]


def _without(value: Any, absent: set[str]) -> Any:
    if isinstance(value, str):
        return () if value in absent else value
    return tuple(v for v in value if v not in absent) if isinstance(value, list) else value


class _Volume:
    """The volume of a state, read when it is first asked for."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.found: LabelledVolume | None = None
        self.values: VoxelField | None = None

    def get(self) -> LabelledVolume:
        from ssb2mesh.steps import apply_clean, load_volume

        if self.found is None:
            # names after reading: a label may be missing in one state, such as the voids of a pressed one
            spec = self.state.volume
            volume = load_volume(replace(spec, phases={}, clean=()))[0]
            names = {label: name for label, name in spec.phases.items() if label in volume.phases}
            volume = replace(volume, phases={**volume.phases, **names})
            self.found = apply_clean(volume, spec.clean)[0]
        return self.found

    def grey(self) -> VoxelField | None:
        """The grey values, on the grid of the volume; None if the state has none."""
        if self.values is None and self.state.grey is not None:
            self.values = _read_grey(self.state, self.get())
        return self.values


def _greys(*volumes: _Volume) -> tuple[VoxelField | None, ...]:
    return tuple(volume.grey() for volume in volumes)


def _read_grey(state: State, volume: LabelledVolume) -> VoxelField:
    from ssb2mesh.cleanup import parse_box
    from ssb2mesh.io.volume_fields import read_voxel_field

    spec = state.volume
    assert state.grey is not None
    values = read_voxel_field(state.grey, voxel_size=volume.spacing, axes=spec.axes).values
    stored = values.shape
    if spec.crop and stored != volume.shape:
        with suppress(InputError):  # a box that is not in this image: told below, of the image
            values = values[parse_box(spec.crop, stored)]
    if values.shape != volume.shape:
        raise InputError(
            f"grey: {state.grey!r} holds {stored} voxels along x, y, z, the volume {volume.shape}"
            f"{' after its crop' if spec.crop else ''}; give the image that it was segmented from"
        )
    return VoxelField.on(volume, values)


def _solve(series: Series, state: State, tables: tuple[Mapping[str, Any], ...]) -> list[Row]:
    """Mesh and solve a state into the folder ``solve``; the numbers of the summaries as rows."""
    from ssb2mesh.pipeline import run_study
    from ssb2mesh.study.model import OutputSpec, Study

    output = OutputSpec(series.state_folder(state) / "solve", (), fields=True, report=False)
    study = Study(f"{series.title}: {state.name}", state.volume, series.mesh, output, tables, None)
    result = run_study(study, overwrite=True)
    assert result is not None
    areas = {name: float(area) for name, area in result.mesh["interfaces"].items() if "|" in name}
    rows = [Row("mesh", name, "area", area, "m2") for name, area in areas.items()]
    for solved in result.solves:
        rows += [Row(solved.type, solved.name, path, value, "SI") for path, value in _numbers(solved.summary)]
    return rows


def _numbers(value: Any, path: str = "") -> list[tuple[str, float]]:
    """The single numbers of a summary by their place in it."""
    if isinstance(value, Mapping):
        found = []
        for name, entry in value.items():
            if not any(word in str(name) for word in _NOT_RESULTS):
                found += _numbers(entry, f"{path}.{name}" if path else str(name))
        return found
    if isinstance(value, (list, tuple)) and len(value) <= 3:
        return [each for n, entry in enumerate(value) for each in _numbers(entry, f"{path}[{n}]")]
    if isinstance(value, bool) or not hasattr(value, "__float__") or hasattr(value, "__len__"):
        return []
    return [(path, float(value))]


def state_key(state: State) -> str:
    """Return a digest of all that a state's volume is made of: its table, its charge, and what is in its file.

    Parameters
    ----------
    state : State
        The state.

    Returns
    -------
    str
        Hexadecimal.

    Raises
    ------
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> from ssb2mesh.study.model import VolumeSpec
    >>> len(state_key(State("a", VolumeSpec(phantom="sphere"))))
    64
    """
    path = state.volume.path
    return _digest(asdict(state.volume), state.charge, _content(path.split("::")[0]) if path else None)


def _grey_key(kind: Kind, state: State) -> Any:
    """What the grey values are, for kinds that look at them."""
    return (state.grey, _content(state.grey.split("::")[0])) if kind.grey and state.grey is not None else None


def _content(text: str) -> Any:
    """Digest of a file; names, sizes and times of a folder or a glob of files."""
    path = Path(text)
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    parts = sorted(path.rglob("*")) if path.is_dir() else sorted(path.parent.glob(path.name))
    facts = [(str(p), p.stat()) for p in parts if p.is_file()]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in facts]


def _files_of(tables: Any) -> list[Any]:
    """Digests of the files that tables name, such as contact maps."""
    if isinstance(tables, str):
        path = Path(tables)
        return [_content(tables)] if path.suffix and path.is_absolute() and path.is_file() else []
    entries = tables.values() if isinstance(tables, Mapping) else tables if isinstance(tables, (list, tuple)) else ()
    return [each for entry in entries for each in _files_of(entry)]


def _digest(*parts: Any) -> str:
    from importlib.metadata import version

    text = json.dumps([RECIPE, version("ssb2mesh"), to_json(parts)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path, key: str) -> list[Row] | None:
    """The rows of a stage, None if there is no such stage or it was made from something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["key"] != key:
            return None
        return [Row(**{**row, "value": float(row["value"])}) for row in found["rows"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, key: str, rows: list[Row]) -> None:
    names = [field.name for field in fields(Row)]
    # values as text: JSON has neither NaN nor infinity, and every digit counts
    content = {
        "key": key,
        "rows": [{n: getattr(row, n) for n in names} | {"value": repr(float(row.value))} for row in rows],
    }
    with replacing(path) as (part,):
        part.write_text(to_json(content), encoding="utf-8")
