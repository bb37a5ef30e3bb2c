"""A study in TOML: what to read, how to mesh, what to solve, where to write. No meshing, no solving.

- `model`: the frozen dataclasses,
- `reader`: TOML text to dataclasses, with every fault reported at once,
- `head`: text, tables and title of a TOML file,
- `checks`: the readers of single values and the list of faults,
- `placeholders`: places that are still to be filled in,
- `writer`: dataclasses back to TOML, as the resolved study beside the results.
"""

from ssb2mesh.study.model import CleanStep, MeshSpec, OutputSpec, Study, VolumeSpec
from ssb2mesh.study.reader import parse_study, read_study
from ssb2mesh.study.writer import format_study, write_study

__all__ = [
    "CleanStep",
    "MeshSpec",
    "OutputSpec",
    "Study",
    "VolumeSpec",
    "format_study",
    "parse_study",
    "read_study",
    "write_study",
]
