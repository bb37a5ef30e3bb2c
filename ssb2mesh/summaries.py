"""Results as text for a terminal and as JSON for a program. No computing of results, no writing of files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ssb2mesh.check.text import feature_text, thin_text
from ssb2mesh.result_labels import unit_of
from ssb2mesh.text_tables import number_cell, table
from ssb2mesh.units import format_length
from ssb2mesh.volume import LabelledVolume

if TYPE_CHECKING:
    from ssb2mesh.phantoms import Phantom

__all__ = [
    "describe_mesh",
    "describe_run",
    "describe_run_in_full",
    "describe_volume",
    "table",
    "to_json",
    "volume_numbers",
]


def to_json(result: Any) -> str:
    r"""Return a result as JSON text; NaN and infinity, which JSON lacks, become null.

    Parameters
    ----------
    result : any
        Mappings, sequences, NumPy scalars and arrays, objects with ``to_dict``.

    Returns
    -------
    str
        Indented JSON.

    Examples
    --------
    >>> to_json({"a": (1, 2.0)}).replace("\n", "").replace(" ", "")
    '{"a":[1,2.0]}'
    """
    return json.dumps(_plain(result), indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "to_dict"):
        return _plain(value.to_dict())
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    return str(value)


def volume_numbers(volume: LabelledVolume) -> dict[str, Any]:
    """Return what there is to say of a volume, JSON-able.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.

    Returns
    -------
    dict
        ``shape``, ``spacing`` and ``size`` in m, ``dtype``, ``voxels`` and ``phases`` with label, voxels, fraction.

    Examples
    --------
    >>> import numpy as np
    >>> volume_numbers(LabelledVolume(np.zeros((2, 2, 2), int), (1e-6,) * 3))["voxels"]
    8
    """
    counts = volume.voxel_counts()
    total = volume.labels.size
    phases = {
        name: {"label": label, "voxels": counts[name], "fraction": counts[name] / total}
        for label, name in volume.phases.items()
    }
    return {
        "shape": list(volume.shape),
        "spacing": list(volume.spacing),
        "origin": list(volume.origin),
        "size": list(volume.size),
        "dtype": str(volume.labels.dtype),
        "voxels": total,
        "phases": phases,
    }


def describe_volume(volume: LabelledVolume) -> str:
    """Return the same numbers as text.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.

    Returns
    -------
    str
        A few lines and a table of the phases.
    """
    numbers = volume_numbers(volume)
    lines = [
        f"voxels      {' x '.join(map(str, volume.shape))} (x, y, z), {numbers['dtype']}",
        f"voxel size  {' x '.join(format_length(h) for h in volume.spacing)}",
        f"box         {' x '.join(format_length(h) for h in volume.size)}",
        "",
        table(
            ["phase", "label", "voxels", "fraction"],
            [[name, p["label"], p["voxels"], p["fraction"]] for name, p in numbers["phases"].items()],
        ),
    ]
    return "\n".join(lines)


def cleaning_numbers(volume: LabelledVolume, reports: Sequence[Any]) -> dict[str, Any]:
    """Return a cleaned volume and what each step changed, JSON-able.

    Parameters
    ----------
    volume : LabelledVolume
        After the last step.
    reports : sequence of CleanupReport
        One a step.

    Returns
    -------
    dict
        ``volume``, ``steps``.
    """
    return {"volume": volume_numbers(volume), "steps": [r.to_dict() for r in reports]}


def describe_cleaning(volume: LabelledVolume, reports: Sequence[Any]) -> str:
    """Return the same as text.

    Parameters
    ----------
    volume : LabelledVolume
        After the last step.
    reports : sequence of CleanupReport
        One a step.

    Returns
    -------
    str
        A block a step, then the volume.
    """
    return "\n\n".join([*("\n".join(report.lines()) for report in reports), describe_volume(volume)])


def phantoms_numbers() -> dict[str, Any]:
    """Return every phantom with its summary and options, JSON-able."""
    from ssb2mesh.phantoms import PHANTOMS

    return {
        name: {
            "summary": kind.summary,
            "options": {key: {"default": default, "help": text} for key, default, text in kind.describe()},
        }
        for name, kind in PHANTOMS.items()
    }


def describe_phantoms() -> str:
    """Return the same as text."""
    blocks = []
    for name, kind in phantoms_numbers().items():
        rows = [[f"  {key}", o["default"], o["help"]] for key, o in kind["options"].items()]
        blocks.append(f"{name}: {kind['summary']}\n" + table(["  option", "default", "meaning"], rows))
    return "\n\n".join(blocks)


def phantom_numbers(phantom: Phantom) -> dict[str, Any]:
    """Return a phantom's volume and what is known exactly of it, JSON-able.

    Parameters
    ----------
    phantom : Phantom
        From `ssb2mesh.phantoms.make_phantom`.

    Returns
    -------
    dict
        ``volume``, ``exact``, ``options``.
    """
    return {"volume": volume_numbers(phantom.volume), "exact": phantom.exact, "options": phantom.options}


def describe_phantom(phantom: Phantom) -> str:
    """Return the same as text.

    Parameters
    ----------
    phantom : Phantom
        From `ssb2mesh.phantoms.make_phantom`.

    Returns
    -------
    str
        The volume, then the exact values.
    """
    exact = table(["known exactly", "value"], [[key, float(value)] for key, value in phantom.exact.items()])
    return f"{describe_volume(phantom.volume)}\n\n{exact}"


def describe_mesh(numbers: Mapping[str, Any]) -> str:
    """Return the numbers of a mesh as text.

    Parameters
    ----------
    numbers : mapping
        As `ssb2mesh.steps.summarise_mesh` gives them.

    Returns
    -------
    str
        Counts, quality, fidelity by phase, interfaces.
    """
    quality = numbers.get("quality", {})
    lines = [f"mesh        {numbers['tets']} tets, {numbers['points']} points"]
    if quality:
        least, most, p1, ratio = (
            number_cell(quality.get(key))
            for key in ("min_dihedral_deg", "max_dihedral_deg", "p1_dihedral_deg", "min_mean_ratio")
        )
        lines.append(
            f"quality     dihedral angles {least} to {most} deg (1 % of tets below {p1}), mean ratio from {ratio}, "
            f"{quality.get('nonpositive_tets')} tets without positive volume"
        )
    fidelity = numbers.get("fidelity") or {}
    if fidelity:
        head = ["phase", "voxels, m3", "mesh, m3", "error", "pieces voxel", "pieces mesh"]
        keys = ("voxel_volume", "mesh_volume", "relative_error", "voxel_components", "mesh_components")
        lines += ["", table(head, [[name, *(row.get(k, "") for k in keys)] for name, row in fidelity.items()])]
        changed = feature_text(numbers)
        thin = thin_text(numbers.get("thin"))
        lines += [line for block in (changed, thin) if block for line in ("", block)]
    elif numbers.get("phases"):
        lines += ["", table(["phase", "volume, m3"], [[n, float(v)] for n, v in numbers["phases"].items()])]
    if numbers.get("interfaces"):
        # interfaces first; with many phases the terminal shows the first ones, JSON all
        rows = sorted(([n, float(a)] for n, a in numbers["interfaces"].items()), key=lambda row: "|" not in str(row[0]))
        lines += ["", table(["facet set", "area, m2"], rows[:60])]
        if len(rows) > 60:
            lines.append(f"... and {len(rows) - 60} more")
    seconds = numbers.get("seconds") or {}
    if seconds:
        stages = ", ".join(f"{name} {value:.2f}" for name, value in seconds.items())
        lines += ["", f"seconds     {stages}"]
    return "\n".join(lines)


def describe_run_in_full(run: Mapping[str, Any]) -> str:
    """Return the results of a run as text: mesh, solves, and where the report is.

    Parameters
    ----------
    run : mapping
        As `RunResult.to_dict` gives it.

    Returns
    -------
    str
        Blocks; the last line names the report or the folder.
    """
    mesh = {**run["mesh"], "seconds": {}}
    total = sum(run["seconds"].values())
    times = ", ".join(f"{name} {value:.1f}" for name, value in run["seconds"].items())
    report = [name for name in run["files"] if name.endswith("report.html")]
    last = f"report      {report[0]}" if report else f"results     {run['folder']}"
    ending = f"seconds     {total:.1f} ({times})\n{last}"
    return "\n\n".join(block for block in (run["title"], describe_mesh(mesh), describe_run(run), ending) if block)


def describe_run(run: Mapping[str, Any]) -> str:
    """Return the results of a run as text, without the mesh's own numbers.

    Parameters
    ----------
    run : mapping
        As `RunResult.to_dict` gives it.

    Returns
    -------
    str
        A block a solve.
    """
    blocks = []
    for solve in run["solves"]:
        lines = [f"{solve['name']} ({solve['type']}, {solve['seconds']:.2f} s)"]
        rows = list(_flat(solve["result"]))
        width = max((len(key) for key, _ in rows), default=0)
        lines += [f"  {key.ljust(width)}  {value}" for key, value in rows]
        lines += _statistics(solve["result"].get("statistics"))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _flat(result: Mapping[str, Any], prefix: str = "", *, unit: str = "") -> Iterable[tuple[str, str]]:
    """Give nested results as lines; long lists stay out of the terminal, and so does what is empty."""
    for key, value in result.items():
        plain, name = _plain(value), f"{prefix}{key}"
        own = unit_of(name) or unit
        if key == "linear" and isinstance(plain, dict):
            yield name, _linear(plain)
        elif isinstance(plain, dict):
            yield from _flat(plain, f"{name}.", unit=own)
        elif isinstance(plain, list) and plain and isinstance(plain[0], dict):
            yield name, f"{len(plain)} rows"
        elif isinstance(plain, list) and len(plain) > 12:
            yield name, f"{len(plain)} values"
        elif isinstance(plain, list) and plain:
            yield name, f"{_numbers(plain)} {own}".rstrip()
        elif key not in ("name", "type") and plain != []:
            yield name, f"{number_cell(plain)} {own if isinstance(plain, float) else ''}".rstrip()


def _statistics(rows: Any) -> list[str]:
    """Sub-volumes by size and axis as lines."""
    if not isinstance(rows, list):
        return []
    keys = [f"{kind}_{what}" for kind in ("tortuosity", "conductivity") for what in ("mean", "std")]
    head = ["edge", "axis", "count", "percolate", "tortuosity factor", "+-", "conductivity, S/m", "+-"]
    cells = [
        [format_length(row["size"]), row["axis"], row["count"], row["percolating"], *(row[key] for key in keys)]
        for row in rows
    ]
    return ["", *(f"  {line}" for line in table(head, cells).split("\n"))]


def _linear(solver: Mapping[str, Any]) -> str:
    """One line on the linear solver, or on one a direction."""
    if "iterations" not in solver:
        return "; ".join(f"{key}: {_linear(value)}" for key, value in solver.items() if isinstance(value, dict))
    return f"{solver.get('method')}, {solver.get('unknowns')} unknowns, {solver['iterations']} iterations"


def _numbers(values: Any) -> str:
    if isinstance(values, list):
        return "[" + ", ".join(_numbers(v) for v in values) + "]"
    return number_cell(values)
