"""Surfaces of a segmented volume: conforming interfaces, closed shells, decimation, files. See docs/surfaces.md."""

from __future__ import annotations

from ssb2mesh.surfaces.decimate import decimate
from ssb2mesh.surfaces.files import write_patches
from ssb2mesh.surfaces.model import Surfaces, extract_surfaces
from ssb2mesh.surfaces.shells import Patch, interface_patch, phase_shell

__all__ = ["Patch", "Surfaces", "decimate", "extract_surfaces", "interface_patch", "phase_shell", "write_patches"]
