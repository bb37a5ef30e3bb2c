"""The segmented volume, and what is found by looking at its labels alone.

- `labelled`: labels, voxel size, origin and phase names,
- `head`: the same without the labels,
- `counting`, `components`: how often a label occurs, and in how many pieces (`forest` joins them),
- `segmentation`: grey values to labels,
- `subvolumes`: cubes cut from a volume.

No file formats, no clean-up, no meshing, no measures.
"""

from ssb2mesh.volume.labelled import BOX_SIDES, LabelledVolume, check_phase_name, interface_name

__all__ = ["BOX_SIDES", "LabelledVolume", "check_phase_name", "interface_name"]
