"""`Study` to TOML: the resolved study that lies beside the results and runs again as it is."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssb2mesh.study.model import Study

__all__ = ["format_study", "toml_value", "write_study"]

_BARE_KEY = re.compile(r"^[A-Za-z0-9_-]+$")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def format_study(study: Study) -> str:
    r"""Return a study as TOML, defaults and absolute paths included.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    str
        TOML that `parse_study` reads back to an equal study.

    Examples
    --------
    >>> from ssb2mesh.study import parse_study
    >>> study = parse_study('[volume]\nphantom = "sphere"', base=Path("/data"))
    >>> parse_study(format_study(study), base=Path("/data")) == study
    True
    """
    lines = [f"title = {toml_value(study.title)}", ""]
    volume = _given(study.volume)
    steps = volume.pop("clean", ())
    if study.volume.phantom is None:
        volume.pop("seed")
    lines += ["[volume]", *_pairs(volume), ""]
    for step in steps:
        lines += ["[[volume.clean]]", *_pairs({"verb": step.verb, **step.options}), ""]
    lines += ["[mesh]", *_pairs(_given(study.mesh)), ""]
    if study.measure is not None:
        lines += ["[measure]", *_pairs({k: v for k, v in _given(study.measure).items() if v != ()}), ""]
    for solve in study.solves:
        lines += ["[[solve]]", *_pairs({k: v for k, v in solve.items() if v is not None}), ""]
    lines += ["[output]", *_pairs(_given(study.output)), ""]
    return "\n".join(lines)


def write_study(study: Study, path: Path) -> None:
    """Write a study as TOML, whole or not at all.

    Parameters
    ----------
    study : Study
        The study.
    path : Path
        The file.
    """
    part = path.with_name(f".{path.name}.part")
    part.write_text(format_study(study), encoding="utf-8")
    part.replace(path)


def _given(spec: Any) -> dict[str, Any]:
    """Return the fields that are set, in order."""
    fields = {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec)}
    return {name: value for name, value in fields.items() if not (value is None or value == {})}


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(name)} = {toml_value(value)}" for name, value in table.items()]


def _key(name: object) -> str:
    text = str(name)
    return text if _BARE_KEY.match(text) else toml_value(text)


def toml_value(value: Any) -> str:
    """Return a value as TOML.

    Parameters
    ----------
    value : any
        Numbers, text, paths, lists and tables of them.

    Returns
    -------
    str
        On one line.

    Raises
    ------
    TypeError
        If it is something else.

    Examples
    --------
    >>> toml_value({"a b": [1, "x"]})
    '{ "a b" = [1, "x"] }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, Path)):
        return '"' + "".join(_ESCAPES.get(c, c) for c in str(value)) + '"'
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {toml_value(v)}" for k, v in value.items() if v is not None) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    raise TypeError(f"cannot write {value!r} as TOML")
