"""A template on a volume of the user's: what the file tells is written in, what it does not tell is left to fill in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError
from ssb2mesh.study.placeholders import MARK
from ssb2mesh.units import format_length

__all__ = ["OwnVolume", "fill_in", "look_at"]

#: Phases that the templates speak of, and their part in a cell.
_PARTS = {
    "NMC": "the active material",
    "LPSCl": "the solid electrolyte",
    "LPS": "the solid electrolyte",
    "Li": "lithium",
    "void": "voids",
}
#: More labels than this are grey values, or grains that need no names.
_MOST_LABELS = 40


@dataclass(frozen=True)
class OwnVolume:
    """What is known of a volume file.

    Parameters
    ----------
    path : str
        The file as given; ``::dataset`` may follow.
    shape : three int
        Voxels along x, y, z.
    shares : mapping of int to float
        Share of the voxels by label.
    names : mapping of int to str
        Name by label, as the file or the user says; labels without a name are not in it.
    spacing : three float, optional
        Voxel size, m; None where neither the file nor the user tells.
    reading : mapping
        Keyword arguments of `ssb2mesh.read_volume` that the study must repeat.
    crop : str, optional
        Voxels that are kept.
    """

    path: str
    shape: tuple[int, int, int]
    shares: Mapping[int, float]
    names: Mapping[int, str]
    spacing: tuple[float, float, float] | None
    reading: Mapping[str, Any] = field(default_factory=dict)
    crop: str | None = None


def look_at(source: str, *, reading: Mapping[str, Any] | None = None, crop: str | None = None) -> OwnVolume:
    """Find out what a volume file tells.

    Parameters
    ----------
    source : str
        Volume file.
    reading : mapping, optional
        What is known of it: keyword arguments of `ssb2mesh.read_volume`.
    crop : str, optional
        ``"0:128,0:128,0:128"``, voxels.

    Returns
    -------
    OwnVolume
        Labels with their shares, names, voxel size.

    Raises
    ------
    InputError
        If the file cannot be read with what is given, or has grey values instead of labels.

    Examples
    --------
    >>> look_at("cathode.tif").names  # doctest: +SKIP
    {0: 'void', 1: 'NMC'}
    """
    from ssb2mesh.io.volumes import load_stored
    from ssb2mesh.steps import open_volume

    given = {key: value for key, value in (reading or {}).items() if value is not None}
    known = "voxel_size" in given or load_stored(source, given.get("raw"))[0].spacing is not None
    volume = open_volume(source, reading=given if known else {**given, "voxel_size": 1.0}, crop=crop)
    counts = volume.voxel_counts()
    if len(counts) > _MOST_LABELS:
        raise InputError(
            f"volume: {source} has {len(counts)} labels; a study has a name for each, so that looks like grey values: "
            "give --threshold or --otsu to segment them"
        )
    return OwnVolume(
        source,
        volume.shape,
        {label: counts[name] / volume.labels.size for label, name in volume.phases.items()},
        # the reader calls a label that nobody named phase<label>; that is no name of a material
        {label: name for label, name in volume.phases.items() if name != f"phase{label}"},
        volume.spacing if known else None,
        given,
        crop,
    )


def fill_in(text: str, own: OwnVolume, *, folder: Path) -> str:
    r"""Put a volume of the user's into a template.

    Phases of the template that the volume has no phase of that name for become placeholders, such as ``"?NMC"``; so
    do names and the voxel size where they are not known. A study with placeholders is refused.

    Parameters
    ----------
    text : str
        The template.
    own : OwnVolume
        The volume.
    folder : Path
        Folder of the study, absolute.

    Returns
    -------
    str
        The study.

    Examples
    --------
    >>> own = OwnVolume("a.tif", (8, 8, 8), {0: 0.5, 1: 0.5}, {0: "void", 1: "NMC"}, None)
    >>> "voxel_size = \"?\"" in fill_in(template_text("mesh"), own, folder=Path.cwd())  # doctest: +SKIP
    True
    """
    head, rest = _around_volume(text)
    missing = [name for name in _PARTS if name not in own.names.values() and re.search(rf"\b{name}\b", _code(rest))]
    rest = "\n".join(_mark(line, missing) for line in rest.split("\n"))
    volume = _volume_lines(own, folder)
    notes = ["# Numbers of materials, kinetics and loads below are examples: put your own."]
    if missing or any(MARK in line.partition("#")[0] for line in volume):
        notes.append(f'# Fill in what begins with "{MARK}"; the study is refused until nothing does.')
    notes += [f'#   "{MARK}{name}": your phase that is {_PARTS[name]}' for name in missing]
    return "\n".join([head.rstrip("\n"), *notes, "", *volume, "", rest])


def _around_volume(text: str) -> tuple[str, str]:
    """What comes before the [volume] table of a template, without the title, and what comes after."""
    found = re.search(r"^\[volume\].*?(?=^\[)", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    before = re.sub(r"^title = .*\n", "", text[: found.start()], flags=re.MULTILINE)
    return before, text[found.end() :]


def _code(text: str) -> str:
    return "\n".join(line.partition("#")[0] for line in text.split("\n"))


def _mark(line: str, missing: list[str]) -> str:
    """Turn phases in a line of TOML into placeholders, keys in quotes; comments stay as they are and where they are."""
    code, hash_, comment = line.partition("#")
    if not code.strip():
        return line
    width = len(code)
    for name in missing:
        parts = re.split(r'("[^"]*")', code)
        parts = [
            re.sub(rf"\b{name}\b", f"{MARK}{name}" if part.startswith('"') else f'"{MARK}{name}"', part)
            for part in parts
        ]
        code = "".join(parts)
    return code.rstrip().ljust(width - 1) + " " + hash_ + comment if hash_ else code


def _volume_lines(own: OwnVolume, folder: Path) -> list[str]:
    """The [volume] table of a volume file."""
    from ssb2mesh.study.writer import toml_value

    size = " x ".join(map(str, own.shape))
    lines = [
        f"title = {toml_value(Path(own.path.partition('::')[0]).stem)}",
        "",
        f"[volume]                                      # {size} voxels along x, y, z",
        f"path = {toml_value(_relative(own.path, folder))}",
    ]
    if own.spacing is None:
        lines.append(f'voxel_size = "{MARK}"                              # the file does not tell; such as "0.4 um"')
    elif "voxel_size" in own.reading:
        given = f"voxel_size = {toml_value([float(h) for h in own.spacing])}"
        lines.append(f"{given.ljust(45)} # m")
    else:
        lines.append(f"# voxel size: {' x '.join(format_length(h) for h in own.spacing)}, from the file")
    keys = ("axes", "raw", "threshold", "otsu")
    lines += [f"{key} = {toml_value(own.reading[key])}" for key in keys if key in own.reading]
    lines += [f"crop = {toml_value(own.crop)}"] if own.crop else []
    lines += ["", "[volume.phases]                               # label = name of the phase"]
    for label, share in own.shares.items():
        entry = f"{label} = {toml_value(own.names.get(label, MARK))}"
        lines.append(f"{entry.ljust(45)} # {100 * share:.3g} % of the voxels")
    return lines


def _relative(path: str, folder: Path) -> str:
    """The path as the study's folder sees it; what lies elsewhere is absolute."""
    name, colons, dataset = path.partition("::")
    absolute = os.path.normpath(Path(name).absolute())
    inside = os.path.relpath(absolute, folder)
    return (absolute if inside.startswith("..") else inside) + colons + dataset
