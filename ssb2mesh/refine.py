"""Finer meshes until certified intervals are as narrow as a study asks. No meshing of its own, no solving."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ssb2mesh.errors import InputError
from ssb2mesh.identity import digest
from ssb2mesh.journal import Journal
from ssb2mesh.ranks import Ranks
from ssb2mesh.solving import Solved
from ssb2mesh.stages import available_memory_bytes
from ssb2mesh.steps import Prepared
from ssb2mesh.study.model import Study
from ssb2mesh.study.quantities import read_accuracy
from ssb2mesh.study.solves import SOLVE_TYPES
from ssb2mesh.units import parse_length

__all__ = ["halved", "solve_until_narrow", "with_accuracy"]

#: Memory of a solve with bounds, bytes a tet: mesh, matrices and multigrid on the facets; measured 1.8e3.
SOLVE_BYTES = 2000
#: An interval that keeps more than this part of its width from one mesh to the next is not going to get there.
STUCK = 0.95


def solve_until_narrow(
    study: Study,
    ranks: Ranks,
    *,
    prepare: Callable[[Study], Prepared | None],
    solve: Callable[[Study, Prepared | None], list[Solved]],
    journal: Journal | None = None,
    key: str = "",
) -> tuple[Study, Prepared | None, list[Solved]]:
    """Mesh and solve; mesh again with cells of half the size while a solve misses the accuracy it was given.

    Only solves with an ``accuracy`` are repeated; the others are done once, on the last mesh. Refinement ends when all
    intervals are narrow enough, when the next mesh would not fit the memory, or when an interval no longer narrows.

    Parameters
    ----------
    study : Study
        What to do.
    ranks : Ranks
        All processes.
    prepare : callable
        Makes the mesh of a study; None on every process but the first.
    solve : callable
        Does the solves of a study on a mesh.
    journal : Journal, optional
        What a run that was cut off has finished, on the first process.
    key : str
        Digest of what the first mesh is made of, on the first process.

    Returns
    -------
    study : Study
        With the cell size of the last mesh.
    made : Prepared or None
        The last mesh.
    solved : list of Solved
        In the study's order; ``accuracy`` in the summary of a repeated one has ``history`` (cell size, tets, width of
        each mesh) and, where it fell short, ``stopped`` (why).

    Examples
    --------
    >>> solve_until_narrow(study, Ranks(), prepare=prepare, solve=solve)  # doctest: +SKIP
    """
    certain = tuple(table for table in study.solves if table.get("accuracy") is not None)
    others = tuple(table for table in study.solves if table.get("accuracy") is None)
    if not certain:
        made = prepare(study)
        return study, made, solve(study, made)
    begun = ranks.on_first(lambda: _begun(journal, digest(key, certain)))
    history: list[dict[str, Any]] = list(begun["history"])
    study, step = replace(study, mesh=begun["mesh"] or study.mesh), begun["stopped"]
    while True:
        made = prepare(study)
        solved = solve(replace(study, solves=certain), made)
        if step is None:
            tets = ranks.on_first(partial(_tets, made))
            widths = {each.name: each.summary["accuracy"]["width"] for each in solved}
            history.append({"cell_size": study.mesh.cell_size or "1 voxel", "tets": tets, "width": widths})
            decide = partial(_next, study, made, solved, history)
            step = ranks.on_first(partial(_decided, journal, digest(key, certain), decide, (study, history)))
        if isinstance(step, str):
            break
        study, made, step = step, None, None
    solved = [_noted(each, history, step) for each in solved]
    solved += solve(replace(study, solves=others), made) if others else []
    order = [table["name"] for table in study.solves]
    return study, made, sorted(solved, key=lambda each: order.index(each.name))


def _begun(journal: Journal | None, key: str) -> dict[str, Any]:
    """Where a refinement that was cut off goes on: meshes so far, the next one, or why there is none."""
    found = journal.find("refinement", key) if journal is not None else None
    return found or {"history": [], "mesh": None, "stopped": None}


def _decided(
    journal: Journal | None, key: str, decide: Callable[[], Study | str], so_far: tuple[Study, list[dict[str, Any]]]
) -> Study | str:
    """Decide on the next mesh, and keep the decision before any work on it."""
    step = decide()
    if journal is not None:
        study, history = so_far
        if isinstance(step, str):
            found = {"history": history, "mesh": study.mesh, "stopped": step}
        else:
            found = {"history": history, "mesh": step.mesh, "stopped": None}
        journal.keep(journal.begin("refinement", key), found)
    return step


def _tets(made: Prepared | None) -> int:
    return len(made.mesh.tets) if made else 0


def _next(
    study: Study, made: Prepared | None, solved: Sequence[Solved], history: Sequence[Mapping[str, Any]]
) -> Study | str:
    """The study with half the cell size, or why there is no further mesh; empty when all is reached."""
    from ssb2mesh.mesh_options import lattice_options
    from ssb2mesh.mesher import predict_mesh

    missed = [each.name for each in solved if not each.summary["accuracy"]["reached"]]
    if not missed:
        return ""
    if study.mesh.engine != "lattice":
        return f"meshes of the {study.mesh.engine} engine are not refined by themselves; give a smaller cell_size"
    if len(history) > 1 and all(history[-1]["width"][n] > STUCK * history[-2]["width"][n] for n in missed):
        return "the interval no longer narrows; look for thin contacts between conductors of high contrast"
    finer = halved(study)
    assert made is not None
    try:
        cost = predict_mesh(
            made.volume,
            cell_size=finer.mesh.cell_size,
            drop=finer.mesh.drop,
            options=lattice_options(finer.mesh.options),
        )
    except InputError as error:
        return f"no finer mesh: {error}"
    needed, free = max(cost.memory_bytes, SOLVE_BYTES * cost.tets), available_memory_bytes()
    if free and needed > 0.9 * free:
        return (
            f"cells of {finer.mesh.cell_size} make {cost.tets / 1e6:.3g} M tets, which need about "
            f"{needed / 2**30:.2g} GiB, and {free / 2**30:.2g} GiB are free"
        )
    return finer


def _noted(solved: Solved, history: Sequence[Mapping[str, Any]], stopped: str) -> Solved:
    """Put the widths of all meshes, and why there is no finer one, into the numbers of a solve."""
    rows = [{**row, "width": row["width"][solved.name]} for row in history]
    accuracy = {**solved.summary["accuracy"], "history": rows}
    if not accuracy["reached"]:
        accuracy["stopped"] = stopped
    return replace(solved, summary={**solved.summary, "accuracy": accuracy})


def with_accuracy(study: Study, accuracy: str | float | None) -> Study:
    """Return a study whose solves of effective conductivities have another accuracy; None changes nothing.

    Parameters
    ----------
    study : Study
        The study.
    accuracy : str or float, optional
        Relative width of the intervals, such as ``"1 %"``.

    Returns
    -------
    Study
        With the accuracy in its tables.

    Raises
    ------
    InputError
        If the accuracy cannot be read, or no solve has intervals.

    Examples
    --------
    >>> with_accuracy(study, "1 %")  # doctest: +SKIP
    """
    if accuracy is None:
        return study
    try:
        share = read_accuracy(accuracy)
    except InputError as error:
        raise InputError(f"--accuracy: {error}") from None
    kinds = [table["type"] for table in study.solves]
    if not any("accuracy" in SOLVE_TYPES[kind].keys for kind in kinds):
        raise InputError("--accuracy: no [[solve]] of the study has intervals; add one of type effective_conductivity")
    tables = (
        dict(t) | ({"accuracy": share} if "accuracy" in SOLVE_TYPES[t["type"]].keys else {}) for t in study.solves
    )
    return replace(study, solves=tuple(tables))


def halved(study: Study) -> Study:
    """Return a study whose cells have half the size, wherever its [mesh] table gives one.

    Parameters
    ----------
    study : Study
        The study; a ``size_field`` among its mesh options stays as it is.

    Returns
    -------
    Study
        With other ``cell_size``, ``max_size`` and ``sizes``.

    Examples
    --------
    >>> from ssb2mesh.study.model import MeshSpec, OutputSpec, VolumeSpec
    >>> from pathlib import Path
    >>> study = Study("", VolumeSpec(phantom="sphere"), MeshSpec("2 voxels"), OutputSpec(Path("out")))
    >>> halved(study).mesh.cell_size
    '1 voxels'
    """
    options = dict(study.mesh.options)
    if options.get("max_size") is not None:
        options["max_size"] = _half(options["max_size"])
    if options.get("sizes"):
        options["sizes"] = {name: _half(size) for name, size in options["sizes"].items()}
    mesh = replace(study.mesh, cell_size=_half(study.mesh.cell_size or "1 voxel"), options=options)
    return replace(study, mesh=mesh)


def _half(size: str | float) -> str | float:
    found = re.fullmatch(r"\s*([\d.eE+-]+)\s*voxels?\s*", size) if isinstance(size, str) else None
    return f"{float(found.group(1)) / 2:g} voxels" if found else parse_length(size, name="cell_size") / 2
