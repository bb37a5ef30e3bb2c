"""Space on the disk: what is free, whether it is enough, and the error when it is not. Nothing is written here."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ssb2mesh.errors import DiskFullError, Ssb2meshError

__all__ = ["check_space", "free_bytes", "has_room", "telling_full_disk"]

#: Errors of the system that mean that there is no room: disk, quota, largest file allowed.
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
#: The same in the words of libraries that hide the number, such as HDF5.
_WORDS = re.compile(
    rf"errno = ({'|'.join(map(str, _FULL))})\b|No space left|File too large|OutOfDiskSpace|disk full", re.I
)
#: A write that fails for no reason given, where less than this is left, failed for want of room.
_NOTHING = 2**16


def free_bytes(folder: str | Path) -> int:
    """Return what a user may still write into a folder, bytes (0 if the system does not tell).

    Parameters
    ----------
    folder : str or Path
        The folder; the nearest one above it that exists counts.

    Returns
    -------
    int
        Bytes.

    Examples
    --------
    >>> free_bytes(".") > 0
    True
    """
    folder = Path(folder).absolute()
    try:
        return shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.is_dir())).free
    except OSError:
        return 0


def has_room(folder: str | Path, needed: int, *, one_file: bool = True) -> bool:
    """Return whether a file of some size can be written, as far as the system tells.

    Parameters
    ----------
    folder : str or Path
        Where it would be written.
    needed : int
        Bytes.
    one_file : bool
        Whether they go into one file; its size may be limited.

    Returns
    -------
    bool
        False if less is free, or files of this process may not be so large.

    Examples
    --------
    >>> has_room(".", 0)
    True
    """
    free, limit = free_bytes(folder), _file_limit() if one_file else None
    return not (free and needed > free) and not (limit is not None and needed > limit)


def check_space(folder: str | Path, needed: int, *, what: str, one_file: bool = True) -> None:
    """Refuse what is predicted not to fit the disk, or the largest file that this process may write.

    Parameters
    ----------
    folder : str or Path
        Where it would be written.
    needed : int
        Bytes.
    what : str
        What would be written, such as ``"the results"``.
    one_file : bool
        As in `has_room`.

    Raises
    ------
    DiskFullError
        If less is free.

    Examples
    --------
    >>> check_space(".", 0, what="nothing")
    """
    if has_room(folder, needed, one_file=one_file):
        return
    free, limit = free_bytes(folder), _file_limit() if one_file else None
    if limit is not None and needed > limit:
        raise DiskFullError(
            f"{what} will take about {_size(needed)}: the disk is full or a limit is reached; files of this process "
            f"may have {_size(limit)} (ulimit -f)"
        )
    if free and needed > free:
        raise DiskFullError(
            f"{what} will take about {_size(needed)} and {_size(free)} are free in {str(folder)!r}: the disk is full "
            "or too small; make room, write elsewhere, take larger cells or write fewer files"
        )


@contextmanager
def telling_full_disk(path: Path, *, written: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Say plainly, whatever library it comes from, that a write failed for want of room.

    Parameters
    ----------
    path : Path
        What is written.
    written : callable
        Gives the bytes that were written before it failed.

    Raises
    ------
    DiskFullError
        Instead of what a full disk makes of the block.

    Examples
    --------
    >>> with telling_full_disk(Path("mesh.vtu")):
    ...     pass
    """
    try:
        yield
    except DiskFullError:
        raise
    except Exception as error:
        if not _is_full(error, path.parent):
            raise
        raise DiskFullError(
            f"writing {str(path)!r}: the disk is full or a limit is reached: {_size(written())} were written and "
            f"{_size(free_bytes(path.parent))} are free; nothing half-written was left; make room or write elsewhere"
        ) from error


def _file_limit() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _is_full(error: BaseException, folder: Path) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL or _WORDS.search(str(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    nameless = isinstance(error, (OSError, RuntimeError)) and getattr(error, "errno", None) is None
    nameless = nameless or isinstance(error, Ssb2meshError) and "cannot write" in str(error)
    return nameless and folder.is_dir() and free_bytes(folder) < _NOTHING


def _size(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"
