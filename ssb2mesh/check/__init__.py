"""Checking a mesh: against itself, and against its voxels (`ssb2mesh.fidelity`).

- `verdict`: everything in one report, and what counts as a fault,
- `quality`: shapes of tets, with `percentiles`; `conformity`: whether they fit each other, the box and the facet sets,
- `text`: what was found, for a terminal.

Nothing is mended here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssb2mesh.check.verdict import STRICT, Limits, MeshReport, check_mesh

__all__ = ["STRICT", "Limits", "MeshReport", "check_mesh"]


def __getattr__(name: str) -> Any:
    # loaded on first use: the text of a check is wanted where nothing is checked
    if name in __all__:
        return getattr(importlib.import_module("ssb2mesh.check.verdict"), name)
    raise AttributeError(f"module 'ssb2mesh.check' has no attribute {name!r}")
