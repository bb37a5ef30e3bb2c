"""Files: volumes in and out, meshes in and out, a module a format, chosen by suffix. No meshing, no physics."""

from ssb2mesh.io.meshes import read_mesh, write_mesh
from ssb2mesh.io.volumes import read_volume, write_volume

__all__ = ["read_mesh", "read_volume", "write_mesh", "write_volume"]
