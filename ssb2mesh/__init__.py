"""ssb2mesh: segmented 3-D images to conforming, named tetrahedral meshes.

The public names below are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_PUBLIC = {
    "LabelledVolume": "ssb2mesh.volume",
    "TaggedMesh": "ssb2mesh.mesh",
    "read_volume": "ssb2mesh.io",
    "write_volume": "ssb2mesh.io",
    "read_mesh": "ssb2mesh.io",
    "write_mesh": "ssb2mesh.io",
    "mesh_volume": "ssb2mesh.mesher",
    "check_mesh": "ssb2mesh.check",
    "Ssb2meshError": "ssb2mesh.errors",
    "InputError": "ssb2mesh.errors",
}

__all__ = ["InputError", "LabelledVolume", "Ssb2meshError", "TaggedMesh", "check_mesh", "mesh_volume", "read_mesh",
           "read_volume", "write_mesh", "write_volume"]  # fmt: skip

if TYPE_CHECKING:
    from ssb2mesh.check import check_mesh
    from ssb2mesh.errors import InputError, Ssb2meshError
    from ssb2mesh.io import read_mesh, read_volume, write_mesh, write_volume
    from ssb2mesh.mesh import TaggedMesh
    from ssb2mesh.mesher import mesh_volume
    from ssb2mesh.volume import LabelledVolume


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("ssb2mesh")
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'ssb2mesh' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
