"""A series of states: the same measures and solves on each, in parallel processes, resumed where they were cut off.

Order and processes only: the work on a state is in `ssb2mesh.series.stages`, tables are in `ssb2mesh.series.report`.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError, Ssb2meshError
from ssb2mesh.paths import check_output_folder
from ssb2mesh.series.model import Series, parse_series, read_series
from ssb2mesh.series.result import SeriesResult
from ssb2mesh.series.stages import Outcome, run_pair, run_state

__all__ = ["Series", "SeriesResult", "parse_series", "read_series", "run_series"]

#: Marks a results folder as one of a series; runs hold it while they work.
MARK = ".series"


def run_series(
    series: Series, *, jobs: int = 1, overwrite: bool = False, tell: Callable[[str], None] | None = None
) -> SeriesResult:
    """Measure, compare and solve all states of a series.

    Finished stages in the results folder are kept, if what went into them is the same, so that a run that was killed
    goes on where it was; the tables come out the same to the byte. A state that fails does not stop the others.

    Parameters
    ----------
    series : Series
        From `read_series`.
    jobs : int
        Processes; each holds the volume of one state (two for a comparison) and what is made of it.
    overwrite : bool
        Forget what is in the results folder.
    tell : callable, optional
        Called with a line when a state is done.

    Returns
    -------
    SeriesResult
        Numbers, faults and files.

    Raises
    ------
    InputError
        If the results folder holds something else, or another run is at work in it.

    Examples
    --------
    >>> run_series(read_series("states.toml"), jobs=2).values("top", "fraction")  # doctest: +SKIP
    [0.42, 0.39, 0.2]
    """
    from ssb2mesh.series.report import write_results

    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise InputError(f"jobs: got {jobs!r}; give a number of processes, 1 or more")
    with _held(_checked_folder(series, overwrite)):
        _sweep(series.folder / "states")
        measured = _all([(run_state, (series, state)) for state in series.states], jobs, tell)
        pairs = range(1, len(series.states)) if series.comparisons else range(0)
        compared = _all([(run_pair, (series, number)) for number in pairs], jobs, tell)
        outcomes = [*measured, *compared]
        order = {state.name: number for number, state in enumerate(series.states)}
        entries = sorted((e for outcome in outcomes for e in outcome.entries), key=lambda e: order[e.state])
        result = SeriesResult(
            series,
            tuple(entries),
            tuple(fault for outcome in outcomes for fault in outcome.faults),
            sum(outcome.kept for outcome in outcomes),
            sum(outcome.done for outcome in outcomes),
        )
        return write_results(result)


def _checked_folder(series: Series, overwrite: bool) -> Path:
    """The results folder: new, empty, or one of an earlier run."""
    folder = series.folder
    ours = (folder / MARK).is_file()
    check_output_folder(folder, overwrite=overwrite or ours)
    if overwrite and (folder / "states").is_dir():
        shutil.rmtree(folder / "states")
    folder.mkdir(exist_ok=True)
    (folder / MARK).touch()
    return folder


def _sweep(folder: Path) -> None:
    """Remove what a run that was killed had half written."""
    for part in [*folder.glob("*/.*.part"), *folder.glob("*/.*.part.*")]:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep a second run out; the system lets go when this process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # not on Windows: two runs at once would do everything twice, no more
        yield
        return
    with (folder / MARK).open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"results folder: another run is at work in {str(folder)!r}; wait for it") from None
        yield


def _all(
    tasks: list[tuple[Callable[..., Outcome], tuple[Any, ...]]], jobs: int, tell: Callable[[str], None] | None
) -> list[Outcome]:
    """Do tasks in some processes; outcomes in the order of the tasks."""
    if jobs == 1 or len(tasks) < 2:
        return [_told(work(*arguments), tell) for work, arguments in tasks]
    import multiprocessing

    found: dict[int, Outcome] = {}
    workers = min(jobs, len(tasks))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _follow_parent, (os.getpid(),)) as pool:
        futures = {pool.submit(work, *arguments): number for number, (work, arguments) in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                found[futures[future]] = _told(future.result(), tell)
        except BrokenProcessPool as error:
            raise Ssb2meshError(
                "a process of the series was killed, perhaps for want of memory; run again with fewer --jobs: what is "
                "finished is kept"
            ) from error
    return [found[number] for number in range(len(tasks))]


def _told(outcome: Outcome, tell: Callable[[str], None] | None) -> Outcome:
    if tell is not None:
        state = f"{outcome.done} stages done, {outcome.kept} kept" + (", failed" if outcome.faults else "")
        tell(f"{outcome.state}: {state}")
    return outcome


def _follow_parent(parent: int) -> None:
    """End this process when the one that started it is gone, so that nothing works on behind the next run."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    threading.Thread(target=watch, daemon=True).start()
