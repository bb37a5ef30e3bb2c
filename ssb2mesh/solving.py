"""The solves of a study, one after the other, on its mesh or on its volume. No order of steps, no report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ssb2mesh.identity import digest, files_named
from ssb2mesh.journal import Journal
from ssb2mesh.prepare import NATIVE
from ssb2mesh.ranks import Ranks
from ssb2mesh.stages import Stages
from ssb2mesh.steps import Prepared, load_volume
from ssb2mesh.study.model import Study

if TYPE_CHECKING:
    from ssb2mesh.physics import Physics

__all__ = ["NATIVE", "Solved", "Workplace", "solve_all"]

T = TypeVar("T")


@dataclass(frozen=True)
class Solved:
    """One solve that was done.

    Parameters
    ----------
    name, type : str
        From its table.
    seconds : float
        Wall-clock time of the solve.
    summary : mapping
        Its numbers, JSON-able.
    point_data, cell_data : mapping of str to array
        Fields in the order of the mesh's points and tets; empty on every process but the first.
    table : mapping
        The [[solve]] table.
    facet_data : mapping of str to mapping of str to array
        By interface what the solution's ``facet_data`` gives; empty on every process but the first.
    """

    name: str
    type: str
    seconds: float
    summary: Mapping[str, Any]
    point_data: Mapping[str, Any] = field(default_factory=dict)
    cell_data: Mapping[str, Any] = field(default_factory=dict)
    table: Mapping[str, Any] = field(default_factory=dict)
    facet_data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        return {"name": self.name, "type": self.type, "seconds": round(self.seconds, 6), "result": dict(self.summary)}


@dataclass(frozen=True)
class Workplace:
    """Where and by whom a run is done.

    Parameters
    ----------
    folder : Path
        Where files go.
    ranks : Ranks
        All processes.
    physics : Physics or None
        The solvers; None if nothing is to be solved.
    stages : Stages
        Collects time.
    journal : Journal, optional
        What is finished; on the first process only.
    """

    folder: Path
    ranks: Ranks
    physics: Physics | None
    stages: Stages
    journal: Journal | None = None

    def stage(self, name: str, key: str, work: Callable[[], T]) -> T:
        """Return what a finished stage made, or do it and keep it; all processes call, and get the same (small) value.

        Parameters
        ----------
        name, key : str
            As in `ssb2mesh.journal.Journal.find`.
        work : callable
            Does the stage, on all processes.

        Returns
        -------
        any
            What `work` returned on the first process then, or here now.
        """
        journal = self.journal

        def find() -> T | None:
            return journal.find(name, key) if journal is not None else None

        found = self.ranks.on_first(find)
        if found is not None:
            return found
        begun = journal.begin(name, key) if journal is not None else None
        made = work()
        self.ranks.on_first(lambda: journal.keep(begun, made) if journal is not None and begun is not None else None)
        return made


def solve_all(
    study: Study, place: Workplace, *, made: Prepared | None = None, path: Path | None = None, key: str = ""
) -> list[Solved]:
    """Do every [[solve]] table of a study, one after the other; all processes call.

    Parameters
    ----------
    study : Study
        With the tables.
    place : Workplace
        Its folder gets the fields; it holds the mesh file if there is no `path`.
    made : Prepared, optional
        Volume and mesh, on the first process.
    path : Path, optional
        A mesh file to solve on.
    key : str
        Digest of what the mesh is made of; that of the first process counts.

    Returns
    -------
    list of Solved
        In the study's order; those in the journal are not done again.

    Examples
    --------
    >>> solve_all(study, Workplace(folder, Ranks(), None, Stages()))  # doctest: +SKIP
    []
    """
    from ssb2mesh.study.solves import SOLVE_TYPES

    physics, ranks = place.physics, place.ranks
    if physics is None:
        return []

    def load() -> Any:
        # one process has the mesh in memory; many read their share of the file
        source = made.mesh if ranks.size == 1 and made is not None else path or place.folder / NATIVE
        return physics.load_domain(source, physics.comm)

    def read() -> list[Any]:
        volume = made.volume if made is not None else load_volume(study.volume)[0]
        kept.append(volume)
        return []

    keys = [digest(key, study.output.fields, table, files_named(table)) for table in study.solves]
    done = [_found(table, place, key=each) for table, each in zip(study.solves, keys, strict=True)]
    on_volume = [SOLVE_TYPES[str(table["type"])].on_volume for table in study.solves]
    kept: list[Any] = []
    domain = None
    if not all(of_volume or found for of_volume, found in zip(on_volume, done, strict=True)):
        with place.stages("load domain"):
            domain = ranks.together(load)
    if any(of_volume and not found for of_volume, found in zip(on_volume, done, strict=True)):
        ranks.on_first(read)
    volume = kept[0] if kept else None
    meshing = {name: getattr(study.mesh, name) for name in ("cell_size", "drop", "engine", "options")}
    for number, (table, of_volume) in enumerate(zip(study.solves, on_volume, strict=True)):
        if done[number] is not None:
            continue
        work = (
            partial(physics.run_volume_solve, volume, table, mesh=meshing)
            if of_volume
            else partial(physics.run_solve, domain, table)
        )
        # what is solved on the volume has no fields, its tables are the result
        done[number] = _solve_one(work, table, place, write=of_volume or study.output.fields, key=keys[number])
    return [each for each in done if each is not None]


def _found(table: Mapping[str, Any], place: Workplace, *, key: str) -> Solved | None:
    """A solve that is finished already; its fields on the first process only."""
    whole: list[Solved] = []

    def find() -> Solved | None:
        found = place.journal.find(_stage_name(table), key) if place.journal is not None else None
        if found is None:
            return None
        whole.append(found)
        return replace(found, point_data={}, cell_data={}, facet_data={})

    found = place.ranks.on_first(find)
    return whole[0] if whole else found


def _solve_one(work: Callable[[], Any], table: Mapping[str, Any], place: Workplace, *, write: bool, key: str) -> Solved:
    """Solve one table and bring what the report needs to the first process; every process takes part."""
    name, kind, ranks, journal = str(table["name"]), str(table["type"]), place.ranks, place.journal

    def gather() -> Solved:
        point_data, cell_data = result.point_data() or {}, result.cell_data() or {}
        if write:
            result.write(place.folder / f"{name}.xdmf")
        facets = {each: result.facet_data(each) or {} for each in getattr(result, "interfaces", {})}
        return Solved(name, kind, seconds, result.summary(), point_data, cell_data, dict(table), facets)

    begun = journal.begin(_stage_name(table), key) if journal is not None else None
    start = time.perf_counter()
    with place.stages(f"solve {name}"):
        result = ranks.together(work)
    seconds = time.perf_counter() - start
    with place.stages("write fields"):
        solved = ranks.together(gather)
        ranks.on_first(lambda: journal.keep(begun, solved) if journal is not None and begun is not None else None)
    return solved


def _stage_name(table: Mapping[str, Any]) -> str:
    return f"solve {str(table['name']).replace('/', ' ')}"
