"""Places of a study that wait for a value: texts and keys that begin with a question mark. No reading of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssb2mesh.study.checks import Faults

__all__ = ["MARK", "find_placeholders", "note_placeholders"]

#: What a place to fill in begins with; no phase, side or file is called so.
MARK = "?"


def find_placeholders(tables: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return where a study is still to be filled in.

    Parameters
    ----------
    tables : mapping
        The study as TOML gives it.

    Returns
    -------
    list of (str, str)
        Place and placeholder, in the study's order.

    Examples
    --------
    >>> find_placeholders({"volume": {"path": "a.tif", "voxel_size": "?"}, "mesh": {"drop": ["?void"]}})
    [('[volume].voxel_size', '?'), ('[mesh].drop', '?void')]
    """
    found: list[tuple[str, str]] = []
    for name, value in tables.items():
        if name == "title":  # a text for people
            continue
        if isinstance(value, list):
            for number, each in enumerate(value, 1):
                found += _walk(each, f"[[{name}]] {number}")
        elif isinstance(value, Mapping):
            steps = value.get("clean") if name == "volume" else None
            found += _walk({k: v for k, v in value.items() if steps is None or k != "clean"}, f"[{name}]")
            for number, each in enumerate(steps if isinstance(steps, list) else [], 1):
                found += _walk(each, f"[[{name}.clean]] {number}")
        else:
            found += _walk(value, name)
    return found


def _walk(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if any(part.startswith(MARK) for part in value.split("|")):
            yield place, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if any(part.startswith(MARK) for part in str(key).split("|")):
                yield f"{place}.{key}", str(key)
            else:
                yield from _walk(each, f"{place}.{key}")
    elif isinstance(value, Sequence):
        for each in value:
            yield from _walk(each, place)


def note_placeholders(tables: Mapping[str, Any], faults: Faults) -> None:
    """Note every place to fill in as a fault, instead of what else is at fault there.

    Parameters
    ----------
    tables : mapping
        The study as TOML gives it.
    faults : Faults
        What was found when it was read.

    Examples
    --------
    >>> faults = Faults()
    >>> note_placeholders({"mesh": {"drop": ["?void"]}}, faults)
    >>> faults.lines[0].split(";")[0]
    "[mesh].drop: '?void' is to be filled in"
    """
    found = find_placeholders(tables)
    places = tuple(place for place, _ in found)
    # what only repeats that a value is not filled in yet is left out
    faults.lines[:] = [line for line in faults.lines if not line.startswith(places)] if places else faults.lines
    for place, text in found:
        faults.add(place, f"{text!r} is to be filled in; {_advice(place, text)}")


def _advice(place: str, text: str) -> str:
    if place.endswith(".voxel_size"):
        return 'write the edge of a voxel, such as "0.4 um", or three of them'
    if ".phases." in place:
        return f"write the name of label {place.rpartition('.')[2]}"
    if text == MARK:
        return "write your value"
    part = text.partition("@")[0]
    if "|" in part:
        return "write the two phases of your volume that meet there, in alphabetical order"
    what = f"write the phase of your volume that takes the part of {part.lstrip(MARK)!r}"
    return f"{what}, or take it out if there is none" if place.endswith(".drop") else what
