"""The finished stages of a run: kept beside its files, found again by a run of the same tables. No work is done here.

A stage is ``.stages/<name>.npz`` with what it made and ``.stages/<name>.json`` with its key (the digest of all that
went into it), the names of the files it wrote, and the time it took. The latter is written last, so a run that is cut
off leaves whole stages or none.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ssb2mesh.frozen import UNREADABLE, load_frozen, save_frozen
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.paths import RECORDS
from ssb2mesh.stages import Stages

__all__ = ["Begun", "Journal"]

T = TypeVar("T")


@dataclass(frozen=True)
class Begun:
    """A stage that has begun.

    Parameters
    ----------
    name, key : str
        The stage and what goes into it.
    files : mapping of str to (int, int)
        Size and time of change of the files that were there.
    seconds : mapping of str to float
        Times of the stages before it.
    """

    name: str
    key: str
    files: Mapping[str, tuple[int, int]]
    seconds: Mapping[str, float]


class Journal:
    """What is finished in a folder.

    Parameters
    ----------
    folder : Path
        Where a run writes.
    stages : Stages
        Gets the times of kept stages.
    fresh : bool
        Forget what is there.
    tell : callable, optional
        Called with a line for each stage that was found.

    Attributes
    ----------
    finished : list of str
        Names of the stages that were found or done.

    Examples
    --------
    >>> Journal(folder, Stages()).find("mesh", "0")  # doctest: +SKIP
    """

    def __init__(
        self, folder: Path, stages: Stages, *, fresh: bool = False, tell: Callable[[str], None] | None = None
    ) -> None:
        self.folder, self.stages, self._tell = folder, stages, tell
        self.finished: list[str] = []
        self._used: set[str] = set()
        self._records = folder / RECORDS
        if fresh:
            _empty(folder)
        self._records.mkdir(exist_ok=True)
        known = {name for path in self._records.glob("*.json") for name in _read(path).get("files", ())}
        for name in self._files() - known:  # of a stage that was cut off
            (folder / name).unlink()
        self._inherited = self._files()

    def find(self, name: str, key: str) -> Any:
        """Return what a finished stage made, None if it is not there or was made of something else.

        Parameters
        ----------
        name : str
            The stage.
        key : str
            Digest of what goes into it.

        Returns
        -------
        any
            The value given to `keep`.
        """
        found = _read(self._records / f"{name}.json")
        files = found.get("files", ())
        if found.get("key") != key or not all((self.folder / each).is_file() for each in files):
            return None
        try:
            value = load_frozen(self._records / f"{name}.npz")
        except UNREADABLE:  # done again
            return None
        if self._tell is not None:
            self._tell(f"kept from the run that was cut off: {name}")
        self.finished.append(name)
        self._used |= set(files)
        for stage, seconds in found["seconds"].items():
            self.stages.seconds[stage] = self.stages.seconds.get(stage, 0.0) + seconds
            self.stages.memory.setdefault(stage, found["memory"][stage])
        return value

    def begin(self, name: str, key: str) -> Begun:
        """Note what there is before a stage begins; an older record of it goes.

        Parameters
        ----------
        name, key : str
            As in `find`.

        Returns
        -------
        Begun
            For `keep`.
        """
        (self._records / f"{name}.json").unlink(missing_ok=True)
        return Begun(name, key, self._state(), dict(self.stages.seconds))

    def keep(self, begun: Begun, value: Any) -> None:
        """Keep what a stage has made, with the files that it wrote and the time it took.

        Parameters
        ----------
        begun : Begun
            From `begin`.
        value : any
            What `ssb2mesh.frozen` can hold; anything else is not kept, and the stage is done again by a later run.
        """
        files = sorted(each for each, state in self._state().items() if begun.files.get(each) != state)
        self._used |= set(files)
        self.finished.append(begun.name)
        try:
            save_frozen(value, self._records / f"{begun.name}.npz")
        except TypeError:
            return
        seconds = {
            k: v - begun.seconds.get(k, 0.0) for k, v in self.stages.seconds.items() if v != begun.seconds.get(k)
        }
        record = {"key": begun.key, "files": files, "seconds": seconds}
        record["memory"] = {k: self.stages.memory.get(k, 0) for k in seconds}
        with replacing(self._records / f"{begun.name}.json") as (part,):
            part.write_text(json.dumps(record), encoding="utf-8")

    def stage(self, name: str, key: str, work: Callable[[], T]) -> T:
        """Return what a finished stage made, or do it and keep it.

        Parameters
        ----------
        name, key : str
            As in `find`.
        work : callable
            Does the stage; its result is not None.

        Returns
        -------
        any
            What `work` returned, now or then.
        """
        found: T | None = self.find(name, key)
        if found is None:
            begun = self.begin(name, key)
            found = work()
            self.keep(begun, found)
        return found

    def clear(self) -> None:
        """Remove the files of earlier stages that this run has not used."""
        for name in self._inherited - self._used:
            (self.folder / name).unlink(missing_ok=True)

    def _files(self) -> set[str]:
        return set(self._state())

    def _state(self) -> dict[str, tuple[int, int]]:
        """Size and time of change of every file but the records."""
        paths = [p for p in self.folder.rglob("*") if p.is_file() and self._records not in p.parents]
        return {str(p.relative_to(self.folder)): (p.stat().st_size, p.stat().st_mtime_ns) for p in paths}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and {"key", "files", "seconds", "memory"} <= set(found) else {}


def _empty(folder: Path) -> None:
    for item in folder.iterdir():
        shutil.rmtree(item) if item.is_dir() else item.unlink()
