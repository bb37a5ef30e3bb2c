"""What every TOML file begins with: text, tables, title, name in messages. What the tables say is in `reader`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from ssb2mesh.errors import InputError
from ssb2mesh.study import checks
from ssb2mesh.study.checks import Faults, Table

__all__ = ["TomlHead", "open_tables", "read_toml_text"]


class TomlHead(NamedTuple):
    """The head of a file that is being read.

    Attributes
    ----------
    name : str
        What messages call it.
    stem : str
        Its file name without suffix, or its kind.
    tables : dict
        All its tables.
    top : Table
        Its keys outside tables.
    title : str
        Its title; the stem if it has none.
    faults : Faults
        Where faults go.
    """

    name: str
    stem: str
    tables: dict[str, Any]
    top: Table
    title: str
    faults: Faults


def read_toml_text(path: Path, kind: str) -> str:
    """Return the text of a TOML file.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What it should be, for messages: ``"study"``, ``"series"``.

    Returns
    -------
    str
        Not parsed yet.

    Raises
    ------
    InputError
        If it cannot be read as UTF-8 text.

    Examples
    --------
    >>> read_toml_text(Path("nowhere.toml"), "study")
    Traceback (most recent call last):
    ...
    ssb2mesh.errors.InputError: study: no file 'nowhere.toml'
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{kind}: no file {str(path)!r}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"{kind}: cannot read {str(path)!r}: {reason}; a {kind} is a TOML file") from None


def open_tables(content: str, kind: str, source: Path | None = None) -> TomlHead:
    """Parse TOML and begin to read its tables.

    Parameters
    ----------
    content : str
        TOML.
    kind : str
        ``"study"``, ``"series"``.
    source : Path, optional
        The file, for messages and for the title it does not give.

    Returns
    -------
    TomlHead
        Its tables, and the list of faults to go on with.

    Raises
    ------
    InputError
        If it is not TOML.

    Examples
    --------
    >>> open_tables("[volume]", "study", Path("runs/pellet.toml")).title
    'pellet'
    """
    name, stem = (str(source), source.stem) if source else (kind, kind)
    try:
        tables = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: not valid TOML: {error}") from None
    faults = Faults()
    top = Table(tables, "", faults)
    return TomlHead(name, stem, tables, top, top.get("title", checks.text, default=stem), faults)
