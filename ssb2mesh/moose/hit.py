"""Text in MOOSE's input language (HIT) from nested mappings. No physics, no names of objects, no files."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ssb2mesh.errors import InputError

__all__ = ["Tree", "render", "word"]

#: A block: values are texts, numbers, bools, sequences of these, or blocks. The key ``"#"`` holds a comment.
Tree = dict[str, Any]

_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_BARE = re.compile(r"[A-Za-z0-9_.+:/-]+")
_WIDTH = 110


def word(name: str) -> str:
    """Return a name as an identifier that parsed expressions of MOOSE take.

    Parameters
    ----------
    name : str
        Any text.

    Returns
    -------
    str
        ASCII letters, digits and ``_``, not beginning with a digit.

    Examples
    --------
    >>> word("LPSCl-z.min"), word("3d")
    ('LPSCl_z_min', '_3d')
    """
    found = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return found if re.match(r"[A-Za-z_]", found) else f"_{found}"


def render(tree: Mapping[str, Any]) -> str:
    """Return a tree as text of an input file.

    Parameters
    ----------
    tree : mapping
        Blocks by name, each a mapping of parameters and blocks; empty blocks are left out.

    Returns
    -------
    str
        The text, ending in a newline.

    Raises
    ------
    InputError
        If a name or a value cannot be written.

    Examples
    --------
    >>> print(render({"Mesh": {"file": {"type": "FileMeshGenerator", "file": "mesh.e"}}}), end="")
    [Mesh]
      [file]
        type = FileMeshGenerator
        file = mesh.e
      []
    []
    """
    lines: list[str] = []
    for name, value in tree.items():
        if name == "#":
            lines += [*_comment(value, ""), ""]
        elif isinstance(value, Mapping):
            if value:
                lines += [*_block(name, value, 0), ""]
        else:
            lines.append(f"{_key(name)} = {_value(name, value)}")
    return "\n".join(lines).rstrip("\n") + "\n"


def _block(name: str, content: Mapping[str, Any], depth: int) -> list[str]:
    indent = "  " * depth
    lines = [f"{indent}[{_key(name)}]"]
    for key, value in content.items():
        if key == "#":
            lines += _comment(value, f"{indent}  ")
        elif isinstance(value, Mapping):
            lines += _block(key, value, depth + 1) if value else []
        else:
            lines.append(f"{indent}  {_key(key)} = {_value(key, value)}")
    return [*lines, f"{indent}[]"]


def _comment(text: str, indent: str) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in paragraph.split(" "):
            if line and len(indent) + len(line) + len(piece) > _WIDTH:
                lines.append(f"{indent}# {line}")
                line = piece
            else:
                line = f"{line} {piece}" if line else piece
        lines.append(f"{indent}# {line}".rstrip())
    return lines


def _key(name: str) -> str:
    if not _PATH.fullmatch(name):
        raise InputError(f"MOOSE input: {name!r} cannot be the name of a block or parameter")
    return name


def _value(name: str, value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "'" + " ".join(_plain(name, entry) for entry in value) + "'"
    text = _plain(name, value)
    return text if _BARE.fullmatch(text) else f"'{text}'"


def _plain(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise InputError(f"MOOSE input: {name}: got {value!r}; a number is finite")
        return repr(value) if isinstance(value, int) else repr(float(value))
    text = str(value)
    if any(c in text for c in "'\"\n\\[]#"):
        raise InputError(f"MOOSE input: {name}: {text!r} cannot be written in an input file")
    return text
