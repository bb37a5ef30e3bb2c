"""The job of `ssb2mesh surface`: a volume file in, surface files out, whole or not at all. No numerics here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.paths import check_output, check_output_folder, staged_folder
from ssb2mesh.stages import Stages, peak_memory_bytes
from ssb2mesh.steps import open_volume
from ssb2mesh.surfaces.decimate import decimate, triangles_to_keep
from ssb2mesh.surfaces.files import FORMATS, file_names, write_patches
from ssb2mesh.surfaces.model import Surfaces, extract_surfaces
from ssb2mesh.surfaces.shells import Patch, interface_patch, phase_shell
from ssb2mesh.units import LENGTH_UNITS

__all__ = ["GAP", "surface_file"]

#: In files, sheets of a shell that touch are this share of an edge apart: readers merge points by position.
GAP = 1e-3


def surface_file(
    source: str,
    target: str | Path,
    *,
    volume: Mapping[str, Any] | None = None,
    parts: Mapping[str, Any] | None = None,
    form: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    stages: Stages | None = None,
) -> dict[str, Any]:
    """Write the surfaces of a volume file.

    Parameters
    ----------
    source : str
        Volume file.
    target : str or Path
        A file (``.stl``, ``.ply``, ``.glb``, ``.vtp``) or a folder, which gets a file for each part.
    volume : mapping, optional
        Keyword arguments of `ssb2mesh.steps.open_volume`.
    parts : mapping, optional
        ``per`` (``"phase"`` or ``"interface"``), ``only`` (names of the parts wanted; default all phases, or all
        interfaces between phases), ``cell_size``, and ``reduce`` or ``faces`` of `ssb2mesh.surfaces.decimate`.
    form : mapping, optional
        ``format`` of the files in a folder (default ``"stl"``) and ``unit`` (default ``"um"``).
    overwrite : bool
        Replace existing files.
    stages : Stages, optional
        Collects time and memory.

    Returns
    -------
    dict
        ``per``, ``unit``, ``triangles`` and ``points`` of the complex, ``parts`` by name (``file``, ``triangles``,
        ``points``, ``area``, and ``volume`` of a phase), ``seconds`` by stage.

    Raises
    ------
    InputError
        If an input cannot be used; nothing is written then.

    Examples
    --------
    >>> surface_file("a.tif", "a.glb", volume={"reading": {"voxel_size": "1 um"}})["triangles"]  # doctest: +SKIP
    """
    stages = Stages() if stages is None else stages
    parts, form = dict(parts or {}), dict(form or {})
    per, unit = parts.get("per", "phase"), form.get("unit", "um")
    folder, suffix = _check_target(Path(target), form.get("format"), overwrite=overwrite)
    if per not in ("phase", "interface"):
        raise InputError(f"per: got {per!r}; allowed: phase, interface{nearest(str(per), ('phase', 'interface'))}")
    if unit not in LENGTH_UNITS:
        raise InputError(f"unit: got {unit!r}; units: {', '.join(LENGTH_UNITS)}{nearest(unit, LENGTH_UNITS)}")
    fewer = {key: parts[key] for key in ("reduce", "faces") if parts.get(key) is not None}
    if fewer:
        # faults come before the work
        triangles_to_keep(1, **fewer)
    with stages("volume"):
        segmented = open_volume(source, **(volume or {}))
    with stages("surfaces"):
        surfaces = extract_surfaces(segmented, cell_size=parts.get("cell_size"))
    if fewer:
        with stages("decimate"):
            surfaces = decimate(surfaces, **fewer)
    with stages("parts"):
        made = _parts(surfaces, per, parts.get("only") or ())
    names = file_names(made, suffix)
    with stages("write"):
        if folder is None:
            write_patches(made, target, unit=unit)
            names = dict.fromkeys(names, Path(target).name)
        else:
            with staged_folder(folder) as stage:
                for patch in made:
                    write_patches([patch], stage / names[patch.name], unit=unit)
    return {
        "per": per,
        "unit": unit,
        "triangles": len(surfaces.triangles),
        "points": len(surfaces.points),
        "parts": {patch.name: _numbers(patch, names[patch.name]) for patch in made},
        "seconds": {name: round(value, 6) for name, value in stages.seconds.items()},
        "peak_memory_bytes": peak_memory_bytes(),
    }


def _check_target(target: Path, format: str | None, *, overwrite: bool) -> tuple[Path | None, str]:
    """Return the folder, or None for a file, and the suffix of what is written."""
    suffix = target.suffix.lower().lstrip(".")
    if format is not None and format not in FORMATS:
        raise InputError(f"format: got {format!r}; formats: {', '.join(FORMATS)}{nearest(format, FORMATS)}")
    if suffix in FORMATS and not target.is_dir():
        if format not in (None, suffix):
            raise InputError(
                f"format: got {format!r} but the output {target.name!r} is {suffix}; leave one of them out"
            )
        check_output(target, overwrite=overwrite)
        return None, suffix
    if suffix and not target.is_dir():
        listed = ", ".join("." + known for known in FORMATS)
        raise InputError(
            f"output: cannot write {target.name!r}; suffixes of surfaces: {listed}; a folder has no suffix"
            f"{nearest('.' + suffix, ['.' + known for known in FORMATS])}"
        )
    return check_output_folder(target, overwrite=overwrite), format or "stl"


def _parts(surfaces: Surfaces, per: str, only: Sequence[str]) -> list[Patch]:
    if per == "phase":
        return [phase_shell(surfaces, name, gap=GAP) for name in only or surfaces.phase_names]
    names = only or [name for name in surfaces.interface_names if "|" in name]
    if not names:
        raise InputError("per: the volume has one phase and so no interface; ask for phases")
    return [interface_patch(surfaces, name) for name in names]


def _numbers(patch: Patch, file: str) -> dict[str, Any]:
    numbers = {"file": file, "triangles": len(patch.triangles), "points": len(patch.points), "area": patch.area}
    return numbers | ({"volume": patch.volume} if patch.closed else {})
