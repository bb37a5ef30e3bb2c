"""Checking a mesh: against itself, and against its voxels (`ssb2mesh.fidelity`).

- `verdict`: everything in one report, and what counts as a fault,
- `quality`: shapes of tets; `conformity`: whether they fit each other, the box and the facet sets,
- `text`: what was found, for a terminal.

Nothing is mended here.
"""

from ssb2mesh.check.verdict import STRICT, Limits, MeshReport, check_mesh

__all__ = ["STRICT", "Limits", "MeshReport", "check_mesh"]
