"""Where results may be written: the checks before any work starts. No formats here."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ssb2mesh.errors import InputError

__all__ = ["check_output", "check_output_folder", "staged_folder"]


def check_output(path: str | Path, *, overwrite: bool = False) -> Path:
    """Return the path of a file that may be written.

    Parameters
    ----------
    path : str or Path
        The file to be written.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    InputError
        If its folder does not exist or cannot be written to, or the file exists and `overwrite` is not set.

    Examples
    --------
    >>> check_output("mesh.vtu")
    PosixPath('mesh.vtu')
    """
    path = Path(path)
    _check_folder(path.parent, f"output {str(path)!r}")
    if path.is_dir():
        raise InputError(f"output: {str(path)!r} is a folder; give a file name")
    if path.exists() and not overwrite:
        raise InputError(f"output: {str(path)!r} exists; give --overwrite to replace it, or another name")
    return path


def check_output_folder(path: str | Path, *, overwrite: bool = False) -> Path:
    """Return the path of a results folder that may be filled; it need not exist, its parent must.

    Parameters
    ----------
    path : str or Path
        The folder.
    overwrite : bool
        Whether files already in it may be replaced.

    Returns
    -------
    Path
        Absolute path.

    Raises
    ------
    InputError
        If the parent is missing or cannot be written to, or the folder is not empty and `overwrite` is not set.

    Examples
    --------
    >>> check_output_folder("results").name
    'results'
    """
    path = Path(path).absolute()
    _check_folder(path.parent, f"results folder {str(path)!r}")
    if path.exists() and not path.is_dir():
        raise InputError(f"results folder: {str(path)!r} is a file; give a folder")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise InputError(f"results folder: {str(path)!r} is not empty; give --overwrite to replace its results")
    return path


def _check_folder(folder: Path, what: str) -> None:
    if not folder.is_dir():
        raise InputError(f"{what}: the folder {str(folder)!r} does not exist; create it first")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{what}: no permission to write into {str(folder)!r}")


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Give a hidden folder beside `target` to write into; on success its files move there, on failure it goes.

    Parameters
    ----------
    target : Path
        Folder that receives the files. Other files in it stay.

    Yields
    ------
    Path
        The hidden folder.

    Examples
    --------
    >>> with staged_folder(Path("results")) as stage:  # doctest: +SKIP
    ...     (stage / "a.txt").write_text("done")
    """
    stage = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    # mkdtemp is private to the user; results should follow the umask like any other folder
    umask = os.umask(0)
    os.umask(umask)
    stage.chmod(0o777 & ~umask)
    try:
        yield stage
        target.mkdir(exist_ok=True)
        _move_into(stage, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _move_into(source: Path, target: Path) -> None:
    for item in sorted(source.iterdir()):
        if item.is_dir() and (target / item.name).is_dir():
            _move_into(item, target / item.name)
        else:
            item.replace(target / item.name)
