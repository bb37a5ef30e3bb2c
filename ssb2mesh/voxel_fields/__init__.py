"""Fields between voxels and meshes, both ways, with integrals kept.

`averages` is the job on arrays, `kernel` its compiled loops, `files` the same from file to file. No names of phases.
"""

from ssb2mesh.voxel_fields.averages import (
    MeanOfTets,
    MeanOfVoxels,
    VoxelField,
    cells_to_voxels,
    points_to_voxels,
    voxels_to_cells,
    voxels_to_points,
)

__all__ = ["MeanOfTets", "MeanOfVoxels", "VoxelField", "cells_to_voxels", "points_to_voxels", "voxels_to_cells",
           "voxels_to_points"]  # fmt: skip
