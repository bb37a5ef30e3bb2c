"""Pictures of volumes, meshes and fields as PNG files; they need neither a screen nor X. No numbers are made here.

Every function takes the thing and a path, and returns the path. Heavy packages are imported on use.
"""

from ssb2mesh.plot.cells import plot_cell_field
from ssb2mesh.plot.fields import plot_current_map, plot_field
from ssb2mesh.plot.interface import plot_interface_current, plot_interface_file
from ssb2mesh.plot.polarisation import plot_polarisation
from ssb2mesh.plot.quality import plot_quality
from ssb2mesh.plot.representative import plot_representative
from ssb2mesh.plot.slices import plot_slices
from ssb2mesh.plot.solid import plot_cutaway, plot_interfaces
from ssb2mesh.plot.style import phase_colours

__all__ = [
    "phase_colours",
    "plot_cell_field",
    "plot_current_map",
    "plot_cutaway",
    "plot_field",
    "plot_interface_current",
    "plot_interface_file",
    "plot_interfaces",
    "plot_polarisation",
    "plot_quality",
    "plot_representative",
    "plot_slices",
]
