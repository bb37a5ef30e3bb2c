"""How many slabs a volume needs to be meshed in the memory there is. Nothing is meshed here."""

from __future__ import annotations

import numpy as np

from ssb2mesh.errors import InputError, ResourceError
from ssb2mesh.lattice.build import LatticeOptions
from ssb2mesh.lattice.connectivity import count_tets
from ssb2mesh.lattice.faces import count_faces
from ssb2mesh.slabs.piece import make_piece
from ssb2mesh.slabs.plan import SlabPlan, plan_slabs
from ssb2mesh.slabs.source import SlabSource
from ssb2mesh.stages import available_memory_bytes

__all__ = ["choose_slabs", "slab_memory"]

#: Layers of cells that are looked at, in each of some places along z.
PROBE, PLACES = 16, 3
#: Peak bytes per tet, interface square and cell of a slab, its check and its store included.
BYTES = (130.0, 560.0, 40.0)
#: Share of the free memory that a slab may take.
SHARE = 0.6


def slab_memory(plan: SlabPlan, source: SlabSource) -> float:
    """Return how many bytes the making of the largest slab needs, from a look at a few layers.

    Parameters
    ----------
    plan : SlabPlan
        The slabs.
    source : SlabSource
        The voxels; some layers are read.

    Returns
    -------
    float
        An estimate, of the right size where the layers looked at are like the others.

    Examples
    --------
    >>> slab_memory(plan, source) / 2**30  # doctest: +SKIP
    3.1
    """
    per_layer = max(_layer_bytes(plan, source))
    layers = max(np.diff([plan.slab_crop(s) for s in range(plan.slabs)], axis=1).max(initial=0), 1)
    if plan.slabs > 1:
        layers = max(layers, max(high - low for low, high in map(plan.seam_crop, range(1, plan.slabs))))
    return per_layer * int(layers)


def _layer_bytes(plan: SlabPlan, source: SlabSource) -> list[float]:
    nz = plan.cells[2]
    found = []
    for place in range(PLACES):
        middle = nz * (2 * place + 1) // (2 * PLACES)
        low, high = plan.crop(middle - PROBE // 2, middle + PROBE // 2)
        piece = make_piece(plan, source, low, high)
        tets = count_tets(piece.lattice, np.ones(len(plan.keep), np.bool_))
        squares = int(count_faces(piece.lattice).sum())
        cells = piece.lattice.phase.size
        found.append((BYTES[0] * tets + BYTES[1] * squares + BYTES[2] * cells) / (high - low))
    return found


def choose_slabs(
    source: SlabSource,
    *,
    cell_size: float | str | None = None,
    drop: tuple[str, ...] = (),
    options: LatticeOptions | None = None,
    memory: float | None = None,
) -> tuple[SlabPlan, float]:
    """Return the plan with the fewest slabs that fit the memory, and what the largest needs.

    Parameters
    ----------
    source : SlabSource
        The voxels.
    cell_size, drop, options
        As for `ssb2mesh.mesh_volume`.
    memory : float, optional
        Bytes that may be used; default: six tenths of what is free.

    Returns
    -------
    plan : SlabPlan
        The slabs.
    needed : float
        Bytes.

    Raises
    ------
    ResourceError
        If not even the thinnest slabs fit.

    Examples
    --------
    >>> choose_slabs(source)[0].slabs  # doctest: +SKIP
    4
    """
    room = memory if memory is not None else SHARE * (available_memory_bytes() or 2**62)
    plan = plan_slabs(source.head, 1, cell_size=cell_size, drop=drop, options=options)
    # one look at the layers is enough: what a layer needs does not depend on the slabs
    per_slab = slab_memory(plan, source)
    per_layer = per_slab / plan.cells[2]
    slabs = 1
    while True:
        crops = [plan.slab_crop(s) for s in range(plan.slabs)] + [plan.seam_crop(s) for s in range(1, plan.slabs)]
        needed = per_layer * max(high - low for low, high in crops)
        if needed <= room:
            return plan, needed
        slabs += 1
        try:
            plan = plan_slabs(source.head, slabs, cell_size=cell_size, drop=drop, options=options)
        except InputError as error:
            raise ResourceError(
                f"out of core: {plan.slabs} slabs still need {needed / 2**30:.1f} GiB each and {room / 2**30:.1f} GiB "
                f"may be used ({error}); give a larger cell size or crop"
            ) from error
