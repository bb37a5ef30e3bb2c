"""What a result was made of: digests of tables, of files and of the program. Nothing is kept or written here."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssb2mesh.summaries import to_json

__all__ = ["digest", "file_identity", "files_named", "program_identity"]

#: Files up to this size are read whole; of larger ones the ends are, beside size and time of change.
WHOLE = 2**28
#: Bytes of each end.
END = 2**20


def digest(*parts: Any) -> str:
    """Return a digest of tables and of the program that reads them.

    Parameters
    ----------
    *parts : any
        Mappings, sequences, numbers, text; what `ssb2mesh.summaries.to_json` takes.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> digest({"a": 1}) == digest({"a": 1}) != digest({"a": 2})
    True
    """
    text = json.dumps([program_identity(), to_json(parts)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def program_identity() -> str:
    """Return version and state of this program: any change of its source, or another installation, is another one.

    Returns
    -------
    str
        Version, and a digest of names, sizes and times of the source files.

    Examples
    --------
    >>> program_identity() == program_identity()
    True
    """
    from importlib.metadata import PackageNotFoundError, version

    house = Path(__file__).resolve().parent
    files = [path for folder in (house, house.parent / "solvers") for path in folder.rglob("*.py")]
    facts = [(str(p.relative_to(house.parent)), p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(files)]
    try:
        release = version("ssb2mesh")
    except PackageNotFoundError:
        release = "?"
    return f"{release} {hashlib.sha256(repr(facts).encode()).hexdigest()}"


def file_identity(text: str | Path) -> Any:
    """Return what tells a file, a folder or a glob of files from another state of it.

    Parameters
    ----------
    text : str or Path
        Its name; ``::dataset`` may follow.

    Returns
    -------
    str or list
        SHA-256 of a file of up to 256 MB; of a larger one size, time of change and SHA-256 of its first and last MB.
        Names, sizes and times of the files in a folder or of a glob.

    Examples
    --------
    >>> file_identity("no such file")
    []
    """
    if not str(text):  # nothing: not the folder that we are in
        return []
    path = Path(str(text).split("::")[0])
    if path.is_file():
        size = path.stat().st_size
        with path.open("rb") as file:
            if size <= WHOLE:
                return hashlib.file_digest(file, "sha256").hexdigest()
            ends = file.read(END)
            file.seek(-END, 2)
            ends += file.read(END)
        return [size, path.stat().st_mtime_ns, hashlib.sha256(ends).hexdigest()]
    parts = sorted(path.rglob("*")) if path.is_dir() else sorted(path.parent.glob(path.name)) if path.name else []
    return [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in parts if p.is_file()]


def files_named(tables: Any) -> list[Any]:
    """Return the identities of the files that tables name by absolute paths, such as contact maps.

    Parameters
    ----------
    tables : any
        Mappings, sequences and their entries.

    Returns
    -------
    list
        One a file.

    Examples
    --------
    >>> files_named({"sizes": ["20 um"]})
    []
    """
    if isinstance(tables, (str, Path)):
        path = Path(str(tables).split("::")[0])
        return [file_identity(path)] if path.suffix and path.is_absolute() and path.exists() else []
    entries = tables.values() if isinstance(tables, Mapping) else tables if isinstance(tables, (list, tuple)) else ()
    return [each for entry in entries for each in files_named(entry)]
