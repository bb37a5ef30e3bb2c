"""Meshes in and out: the format is chosen by suffix, the work is done in one module a format."""

from __future__ import annotations

from pathlib import Path

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh


def read_mesh(path: str | Path) -> TaggedMesh:
    """Read a mesh."""
    raise InputError(f"path: no mesh reader for {Path(path).suffix!r}")


def write_mesh(mesh: TaggedMesh, path: str | Path) -> None:
    """Write a mesh."""
    raise InputError(f"path: no mesh writer for {Path(path).suffix!r}")
