"""Where results may be written: the checks before any work starts. No formats here."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ssb2mesh.errors import InputError

__all__ = ["RECORDS", "check_output", "check_output_folder", "check_report_folder"]
__all__ += ["finish_move", "lasting_folder", "staged_folder"]

#: Subfolder of a hidden folder with the records of what is finished in it.
RECORDS = ".stages"
#: Marks a hidden folder whose files are on their way to the results.
_MOVING = ".moving"


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
        If its folder does not exist or cannot be written to, or the file exists and `overwrite` is not set. So with the
        ``.h5`` file beside an ``.xdmf`` file, which must be that of a mesh or of fields even then.

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
    if path.suffix.lower() == ".xdmf":
        _check_arrays(path, path.with_suffix(".h5"), overwrite=overwrite)
    return path


def _check_arrays(path: Path, arrays: Path, *, overwrite: bool) -> None:
    """Check that the arrays of an XDMF file replace nothing else: a volume in HDF5 may well have the same name."""
    if not arrays.exists():
        return
    told = f"output: the arrays of {str(path)!r} go to {str(arrays)!r}, which exists"
    if not _holds_mesh(arrays):
        raise InputError(f"{told} and is no mesh; give another name")
    if not overwrite:
        raise InputError(f"{told}; give --overwrite to replace it, or another name")


def _holds_mesh(path: Path) -> bool:
    """Whether an HDF5 file is the arrays of a mesh, ours or DOLFINx's."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "header" in file.attrs or "Mesh" in file
    except OSError:
        return False


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
        If parent or folder cannot be written to, the parent is missing, or the folder is not empty and `overwrite` is
        not set.

    Examples
    --------
    >>> check_output_folder("results").name
    'results'
    """
    path = Path(path).absolute()
    _check_folder(path.parent, f"results folder {str(path)!r}")
    if path.exists() and not path.is_dir():
        raise InputError(f"results folder: {str(path)!r} is a file; give a folder")
    if path.is_dir():  # of another user, perhaps, in a folder of all
        _check_folder(path, f"results folder {str(path)!r}")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise InputError(f"results folder: {str(path)!r} is not empty; give --overwrite to replace its results")
    return path


def check_report_folder(folder: str | Path, *, overwrite: bool = False) -> Path:
    """Return the path of a folder that may take a report; it need not exist, its parent must.

    Parameters
    ----------
    folder : str or Path
        Where; other files in it stay.
    overwrite : bool
        Whether a report that is there may be replaced.

    Returns
    -------
    Path
        Absolute path.

    Raises
    ------
    InputError
        If it is a file, its parent is not there or cannot be written to, or it has a report and `overwrite` is not set.

    Examples
    --------
    >>> check_report_folder("report").name
    'report'
    """
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise InputError(f"report: {path} is a file; give a folder")
    if not path.exists() and not path.absolute().parent.is_dir():
        raise InputError(f"report: {path.parent} does not exist; create it first")
    _check_folder(path.absolute() if path.exists() else path.absolute().parent, f"report {str(path)!r}")
    if (path / "report.html").exists() and not overwrite:
        raise InputError(f"report: {path / 'report.html'} exists; give --overwrite to replace it, or another folder")
    return path.absolute()


def _check_folder(folder: Path, what: str) -> None:
    if not folder.is_dir():
        raise InputError(f"{what}: the folder {str(folder)!r} does not exist; create it first")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{what}: no permission to write into {str(folder)!r}")


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Give a hidden folder beside `target` to write into; on success its files move there, on failure it goes.

    Folders that killed runs left behind go too.

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
    _sweep(target)
    stage = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    # mkdtemp is private to the user; results should follow the umask like any other folder
    umask = os.umask(0)
    os.umask(umask)
    stage.chmod(0o777 & ~umask)
    try:
        with _held(stage):
            yield stage
            target.mkdir(exist_ok=True)
            _move_into(stage, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def lasting_folder(target: Path, *, patience: float = 5.0) -> Iterator[Path]:
    """Give a hidden folder beside `target` to write into, the same to each run; it outlives a run that is cut off.

    On success its files move to `target`, but those of its subfolder `RECORDS`. When the block fails, the folder stays
    if there is a record in that subfolder, and goes if there is none.

    Parameters
    ----------
    target : Path
        Folder that receives the files. Other files in it stay.
    patience : float
        Seconds to wait for another run that is at work in it.

    Yields
    ------
    Path
        The hidden folder, ``.<name>.unfinished``.

    Raises
    ------
    InputError
        If another run is at work in it.

    Examples
    --------
    >>> with lasting_folder(Path("results")) as stage:  # doctest: +SKIP
    ...     (stage / "a.txt").write_text("done")
    """
    _sweep(target)
    stage = target.with_name(f".{target.name}.unfinished")
    with _held(stage, patience=patience, make=True):
        for part in [*stage.rglob(".*.part"), *stage.rglob(".*.part.*")]:
            shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
        try:
            yield stage
            _move_all(stage, target)
        except BaseException:
            if not any((stage / RECORDS).glob("*.json")) and not (stage / _MOVING).exists():
                shutil.rmtree(stage, ignore_errors=True)
            raise


def finish_move(target: Path) -> None:
    """Finish the move of results that was cut off, if one was.

    Parameters
    ----------
    target : Path
        Results folder.

    Examples
    --------
    >>> finish_move(Path("results"))
    """
    stage = target.with_name(f".{target.name}.unfinished")
    if (stage / _MOVING).exists():
        with _held(stage):
            _move_all(stage, target)


@contextmanager
def _held(folder: Path, *, patience: float = 0.0, make: bool = False) -> Iterator[None]:
    """Keep other runs out of a folder; the system lets go when this process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        folder.mkdir(exist_ok=True)
        yield
        return
    until = time.monotonic() + patience
    while True:
        if make:
            folder.mkdir(exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.exists() and folder.stat().st_ino == os.fstat(handle).st_ino:
                break
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(handle)
                raise InputError(
                    f"results folder: another run is at work in {str(folder)!r}; wait for it, or give another folder"
                ) from None
            time.sleep(0.1)
        except OSError:  # a file system without locks: two runs at once are up to the user
            break
        os.close(handle)
    try:
        yield
    finally:
        os.close(handle)


def _sweep(target: Path) -> None:
    """Remove the hidden folders that killed runs left beside `target`: old ones that nobody holds."""
    for stage in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        try:
            if stage.is_dir() and time.time() - stage.stat().st_mtime > 60:
                with _held(stage):
                    shutil.rmtree(stage, ignore_errors=True)
        except (InputError, OSError):  # at work, or of another user
            continue


def _move_all(stage: Path, target: Path) -> None:
    """Move what is done; a run that is cut off here is finished by the next one."""
    (stage / _MOVING).touch()
    shutil.rmtree(stage / RECORDS, ignore_errors=True)
    target.mkdir(exist_ok=True)
    _move_into(stage, target, but=_MOVING)
    shutil.rmtree(stage, ignore_errors=True)


def _move_into(source: Path, target: Path, *, but: str = "") -> None:
    for item in sorted(source.iterdir()):
        if item.name == but:
            continue
        if item.is_dir() and (target / item.name).is_dir():
            _move_into(item, target / item.name)
        else:
            item.replace(target / item.name)
