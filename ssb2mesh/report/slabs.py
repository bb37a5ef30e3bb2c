"""Parts of the page on a mesh made in slabs: what each slab and each process had, what was sent, and the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from ssb2mesh.report.blocks import bytes_text, details, pairs, seconds_text, table

__all__ = ["files_html", "processes_html", "slabs_html"]

#: Rows of a table before the rest is folded away.
SHOWN = 16
#: Processes that have a column each; of more, the least, the mean and the most is told.
ALONE = 6


def slabs_html(mesh: Mapping[str, Any]) -> str:
    """Return the share of each slab in the mesh, and how slabs fit.

    Parameters
    ----------
    mesh : mapping
        ``mesh`` of report.json.

    Returns
    -------
    str
        HTML; empty for a mesh made at once.
    """
    shares = mesh.get("slab_shares") or []
    if not shares:
        return ""
    total = sum(one["tets"] for one in shares) or 1
    owner = {slab: rank for rank, one in enumerate(mesh.get("processes") or ()) for slab in one["slabs"]}
    rows = [
        [slab + 1, owner.get(slab), "{} to {}".format(*one["cells"]), one["tets"], one["points"],
         float(f"{100 * one['tets'] / total:.3g}"), one["min_dihedral_deg"], one["max_dihedral_deg"]]
        for slab, one in enumerate(shares)
    ]  # fmt: skip
    head = ["slab", "process", "cells along z", "tets", "points", "share, %", "smallest angle, °", "largest"]
    shown = table(head, rows[:SHOWN]) + details(f"{len(rows) - SHOWN} more slabs", table(head, rows[SHOWN:]))
    sent = mesh.get("traffic") or {}
    names = {"seam_bytes": "seams sent", "plane_bytes": "planes sent", "voxel_bytes": "voxels read twice"}
    told: list[tuple[str, Any]] = [(text, bytes_text(sent[key])) for key, text in names.items() if key in sent]
    if mesh.get("kept_slabs"):
        told.append(("slabs kept from a run that was cut off", mesh["kept_slabs"]))
    return shown + pairs(told)


def processes_html(mesh: Mapping[str, Any], stages: Sequence[Mapping[str, Any]]) -> str:
    """Return time by stage and peak memory of each process.

    Parameters
    ----------
    mesh : mapping
        ``mesh`` of report.json.
    stages : sequence of mapping
        ``stages`` of report.json; their order is that of the rows.

    Returns
    -------
    str
        HTML; empty if it was not noted.
    """
    processes = mesh.get("processes") or []
    if not processes:
        return ""
    seen = dict.fromkeys([*(row["stage"] for row in stages), *(k for one in processes for k in one["seconds"])])
    names = [name for name in seen if any(name in one["seconds"] for one in processes)]
    times = {name: [one["seconds"].get(name) for one in processes] for name in names}
    memory = [one["peak_memory_bytes"] for one in processes]
    if len(processes) <= ALONE:
        head = ["", *(f"process {rank}" for rank in range(len(processes)))]
        rows = [["slabs", *(_slabs(one["slabs"]) for one in processes)], ["peak memory", *map(bytes_text, memory)]]
        rows += [[name, *map(seconds_text, values)] for name, values in times.items()]
    else:
        head = ["", "least", "mean", "most"]
        rows = [["peak memory", *map(bytes_text, _spread(memory))]]
        rows += [[name, *map(seconds_text, _spread(values))] for name, values in times.items()]
    return f"<h3>By process</h3>{table(head, rows)}"


def _spread(values: Sequence[float | None]) -> tuple[float, float, float]:
    there = [value or 0.0 for value in values]
    return min(there), sum(there) / len(there), max(there)


def _slabs(numbers: Sequence[int]) -> str:
    """Which slabs a process made, counted from 1."""
    if not numbers:
        return "–"
    return str(numbers[0] + 1) if len(numbers) == 1 else f"{numbers[0] + 1} to {numbers[-1] + 1}"


def files_html(files: Sequence[Mapping[str, Any]]) -> str:
    """Return links to the files that lie beside the page.

    Parameters
    ----------
    files : sequence of mapping
        ``name``, ``bytes`` and ``what``.

    Returns
    -------
    str
        HTML; empty without files.
    """
    rows = "".join(
        f'<tr><td><a href="{quote(str(one["name"]))}">{escape(str(one["name"]))}</a></td>'
        f'<td>{escape(str(one["what"]))}</td><td class="n">{bytes_text(one["bytes"])}</td></tr>'
        for one in files
    )
    head = '<tr><th>file</th><th></th><th class="n">size</th></tr>'
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>' if rows else ""
