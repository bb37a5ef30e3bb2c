"""Numbers straight from the voxels, and from a mesh where that is better. Nothing is solved here.

Fractions, connectivity, areas, sizes, cracks, contact maps, topography, differences between states. The public names
below are loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_PUBLIC = {
    "chord_lengths": "chords",
    "connectivity": "fractions",
    "contact_map": "contact_maps",
    "contact_spots": "spots",
    "cracks_on_slice": "cracks",
    "crofton_areas": "areas",
    "estimate_constriction": "spots",
    "height_map": "topography",
    "height_map_of_mesh": "topography",
    "interface_areas": "areas",
    "interfacial_voids": "contact_maps",
    "label_particles": "particles",
    "layer_thickness": "layers",
    "local_thickness": "thickness",
    "measure_cracks": "cracks",
    "measure_volume": "survey",
    "MeasurePlan": "plan",
    "representative_fractions": "fractions",
    "triple_lines": "lines",
    "two_point": "chords",
    "volume_fractions": "fractions",
    "write_measures": "survey",
    "write_table": "tables",
}

__all__ = ["MeasurePlan", "chord_lengths", "connectivity", "contact_map", "contact_spots", "cracks_on_slice",
           "crofton_areas", "estimate_constriction", "height_map", "height_map_of_mesh", "interface_areas",
           "interfacial_voids", "label_particles", "layer_thickness", "local_thickness", "measure_cracks",
           "measure_volume", "representative_fractions", "triple_lines", "two_point", "volume_fractions",
           "write_measures", "write_table"]  # fmt: skip

if TYPE_CHECKING:
    from ssb2mesh.measure.areas import crofton_areas, interface_areas
    from ssb2mesh.measure.chords import chord_lengths, two_point
    from ssb2mesh.measure.contact_maps import contact_map, interfacial_voids
    from ssb2mesh.measure.cracks import cracks_on_slice, measure_cracks
    from ssb2mesh.measure.fractions import connectivity, representative_fractions, volume_fractions
    from ssb2mesh.measure.layers import layer_thickness
    from ssb2mesh.measure.lines import triple_lines
    from ssb2mesh.measure.particles import label_particles
    from ssb2mesh.measure.plan import MeasurePlan
    from ssb2mesh.measure.spots import contact_spots, estimate_constriction
    from ssb2mesh.measure.survey import measure_volume, write_measures
    from ssb2mesh.measure.tables import write_table
    from ssb2mesh.measure.thickness import local_thickness
    from ssb2mesh.measure.topography import height_map, height_map_of_mesh


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"ssb2mesh.measure.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'ssb2mesh.measure' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
