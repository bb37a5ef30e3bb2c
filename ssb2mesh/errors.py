"""The exceptions that users meet. Nothing else belongs here.

Every message says which argument, what was got, what is allowed and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DiskFullError",
    "DownloadError",
    "InputError",
    "MeshError",
    "MeshingError",
    "MissingDependencyError",
    "OtherRankError",
    "ResourceError",
    "SolverError",
    "Ssb2meshError",
    "nearest",
]


class Ssb2meshError(Exception):
    """Base of every error that this package raises on purpose."""


class InputError(Ssb2meshError, ValueError):
    """An argument, a file or a study that cannot be used as given."""


class MeshError(Ssb2meshError, ValueError):
    """A mesh that is not what it claims to be."""


class MeshingError(Ssb2meshError, RuntimeError):
    """A mesher that cannot mesh what it was given; the message says why and which engine can."""


class ResourceError(Ssb2meshError, MemoryError):
    """A step that is predicted not to fit this machine."""


class SolverError(Ssb2meshError, RuntimeError):
    """A solve that failed; the message says why and what to try."""


class OtherRankError(Ssb2meshError):
    """Another process of a parallel run has failed and says why; this one only stops."""


class DiskFullError(Ssb2meshError, OSError):
    """Files that do not fit the disk, found before or while they are written."""


class DownloadError(Ssb2meshError, ConnectionError):
    """A file that cannot be fetched; the message says from where and what to do without a network."""


class MissingDependencyError(Ssb2meshError, ImportError):
    """An optional package is needed and absent; the message names the install command."""

    @classmethod
    def of(cls, package: str, purpose: str, install: str) -> MissingDependencyError:
        """Build the message: `purpose` needs `package`; install it with `install`."""
        return cls(f"{purpose} needs the package {package!r}, which is not installed: {install}")


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return ``", did you mean 'x'?"`` for the nearest allowed word, or an empty string.

    Parameters
    ----------
    word : str
        What was got.
    allowed : iterable of str
        What is allowed.

    Returns
    -------
    str
        A clause to append to a message.

    Examples
    --------
    >>> nearest("conductvity", ["conductivity", "fixed"])
    ", did you mean 'conductivity'?"
    """
    match = difflib.get_close_matches(str(word), [str(a) for a in allowed], n=1, cutoff=0.5)
    return f", did you mean {match[0]!r}?" if match else ""
