"""Volumes in and out: the format is chosen by suffix, the work is done in one module a format."""

from __future__ import annotations

from pathlib import Path

from ssb2mesh.errors import InputError
from ssb2mesh.volume import LabelledVolume


def read_volume(path: str | Path) -> LabelledVolume:
    """Read a volume."""
    raise InputError(f"path: no volume reader for {Path(path).suffix!r}")


def write_volume(volume: LabelledVolume, path: str | Path) -> None:
    """Write a volume."""
    raise InputError(f"path: no volume writer for {Path(path).suffix!r}")
