"""The solves of a study, one after the other, on its mesh or on its volume. No order of steps, no report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssb2mesh.ranks import Ranks
from ssb2mesh.stages import Stages
from ssb2mesh.steps import Prepared, load_volume
from ssb2mesh.study.model import Study

if TYPE_CHECKING:
    from ssb2mesh.pipeline import Physics

__all__ = ["NATIVE", "Solved", "solve_all"]

#: The mesh file that every process of a parallel solve reads.
NATIVE = "mesh.xdmf"


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


def solve_all(
    study: Study,
    stage: Path,
    ranks: Ranks,
    *,
    physics: Physics | None,
    stages: Stages,
    made: Prepared | None = None,
    path: Path | None = None,
) -> list[Solved]:
    """Do every [[solve]] table of a study, one after the other; all processes call.

    Parameters
    ----------
    study : Study
        With the tables.
    stage : Path
        Folder for the fields; it holds the mesh file if there is no `path`.
    ranks : Ranks
        All processes.
    physics : Physics or None
        Without it nothing is solved.
    stages : Stages
        Collects time.
    made : Prepared, optional
        Volume and mesh, on the first process.
    path : Path, optional
        A mesh file to solve on.

    Returns
    -------
    list of Solved
        In the study's order.

    Examples
    --------
    >>> solve_all(study, folder, Ranks(), physics=None, stages=Stages())  # doctest: +SKIP
    []
    """
    from ssb2mesh.study.solves import SOLVE_TYPES

    if physics is None:
        return []

    def load() -> Any:
        # one process has the mesh in memory; many read their share of the file
        source = made.mesh if ranks.size == 1 and made is not None else path or stage / NATIVE
        return physics.load_domain(source, physics.comm)

    def read() -> list[Any]:
        volume = made.volume if made is not None else load_volume(study.volume)[0]
        kept.append(volume)
        return []

    on_volume = [SOLVE_TYPES[str(table["type"])].on_volume for table in study.solves]
    kept: list[Any] = []
    domain = None
    if not all(on_volume):
        with stages("load domain"):
            domain = ranks.together(load)
    if any(on_volume):
        ranks.on_first(read)
    volume = kept[0] if kept else None
    fields = stage if study.output.fields else None
    meshing = {name: getattr(study.mesh, name) for name in ("cell_size", "drop", "engine", "options")}
    done = []
    for table, of_volume in zip(study.solves, on_volume, strict=True):
        work = (
            partial(physics.run_volume_solve, volume, table, mesh=meshing)
            if of_volume
            else partial(physics.run_solve, domain, table)
        )
        # what is solved on the volume has no fields, its tables are the result
        done.append(_solve_one(work, table, ranks, stages=stages, folder=stage if of_volume else fields))
    return done


def _solve_one(
    work: Callable[[], Any], table: Mapping[str, Any], ranks: Ranks, *, stages: Stages, folder: Path | None
) -> Solved:
    """Solve one table and bring what the report needs to the first process; every process takes part."""
    name, kind = str(table["name"]), str(table["type"])

    def gather() -> Solved:
        point_data, cell_data = result.point_data() or {}, result.cell_data() or {}
        if folder is not None:
            result.write(folder / f"{name}.xdmf")
        facets = {each: result.facet_data(each) or {} for each in getattr(result, "interfaces", {})}
        return Solved(name, kind, seconds, result.summary(), point_data, cell_data, dict(table), facets)

    start = time.perf_counter()
    with stages(f"solve {name}"):
        result = ranks.together(work)
    seconds = time.perf_counter() - start
    with stages("write fields"):
        return ranks.together(gather)
