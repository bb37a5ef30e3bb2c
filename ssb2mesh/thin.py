"""What a cell size will cost in thin features, known before anything is meshed. No mesh here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ssb2mesh.check.text import thin_line
from ssb2mesh.fidelity.cells import ThinLosses, compare_cells
from ssb2mesh.lattice.build import LatticeOptions
from ssb2mesh.lattice.coarsen import merge_leaves
from ssb2mesh.lattice.grid import make_grid
from ssb2mesh.lattice.sizes import finest_size, leaf_levels
from ssb2mesh.stages import Stages
from ssb2mesh.volume import LabelledVolume

__all__ = ["ThinLosses", "thin_losses", "told_losses"]


def thin_losses(
    volume: LabelledVolume, *, cell_size: float | str | None = None, options: LatticeOptions | None = None
) -> ThinLosses:
    """Return which components, necks, films and contacts a mesh of this cell size will lack or join.

    Parameters
    ----------
    volume : LabelledVolume
        What to mesh.
    cell_size, options
        As for `ssb2mesh.mesh_volume`; its engines share the cells.

    Returns
    -------
    ThinLosses
        Nothing for ``thin = "keep"`` and for cells that are no larger than voxels.

    Raises
    ------
    InputError
        If the cell size is not usable.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((8, 8, 8), np.uint8)
    >>> labels[:, :, 4] = 1
    >>> volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPSCl", 1: "void"})
    >>> found = thin_losses(volume, cell_size="4 voxels", options=LatticeOptions(thin="report"))
    >>> [(one.kind, one.phase, one.voxels) for one in found.features]
    [('lost', 'void', 64.0), ('merged', 'LPSCl', 192.0)]
    >>> thin_losses(volume, cell_size="4 voxels").features
    ()
    """
    options = options or LatticeOptions()
    grid = make_grid(volume, cell_size, finest=finest_size(options.sizes, volume))
    keep = options.thin == "keep"
    levels = leaf_levels(grid, options.sizes, volume, grade=options.grade, keep_thin=keep)
    width = 1 << levels.mixed
    size = width * float(grid.spacing.max())
    if keep or not levels.mixed:
        return ThinLosses(size)
    cells, _ = merge_leaves(grid.phase, levels)
    return compare_cells(volume, cells, reach=math.ceil(width / grid.voxel_in_cells.min() - 1e-9), size=size)


def told_losses(volume: LabelledVolume, meshing: Mapping[str, Any], stages: Stages) -> ThinLosses | None:
    """Find what a mesh will lack, and tell it in a line, where ``thin = "report"`` asks for it.

    Parameters
    ----------
    volume : LabelledVolume
        What to mesh.
    meshing : mapping
        ``cell_size`` and ``options`` of `ssb2mesh.mesh_volume`.
    stages : Stages
        Collects time, and tells.

    Returns
    -------
    ThinLosses or None
        None if nobody asked.

    Examples
    --------
    >>> told_losses(volume, {"options": LatticeOptions(thin="keep")}, Stages())  # doctest: +SKIP
    """
    options = meshing.get("options") or LatticeOptions()
    if options.thin != "report":
        return None
    with stages("thin features"):
        losses = thin_losses(volume, cell_size=meshing.get("cell_size"), options=options)
    stages.say(thin_line(losses.to_dict()))
    return losses
