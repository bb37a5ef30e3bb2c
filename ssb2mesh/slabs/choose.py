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
#: Peak bytes per tet, interface square and cell of the layers that a slab or a seam is made from, and per tet of the
#: slab's own while it is checked. Fitted to the resident memory, above that of the program, of the largest slab of
#: smooth noise (80^3 voxels; 72^2 x 112 in two slabs), a ball (144^3, grade 3) and a composite cathode (96^3, grade 2),
#: 3 to 8 million tets, with NumPy 1.26 on x86-64.
BYTES, CHECK = (80.0, 250.0, 22.0), 255.0
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
        Above that of the program (0.3 GB) and of what of the volume is in memory already; within 25 % where the layers
        looked at are like the others.

    Examples
    --------
    >>> slab_memory(plan, source) / 2**30  # doctest: +SKIP
    3.1
    """
    return _needed(plan, *_layer_bytes(plan, source))


def _needed(plan: SlabPlan, made: float, checked: float) -> float:
    """Bytes of the largest slab or seam from those of a layer: while it is made with its surroundings, and checked."""
    crops = [plan.slab_crop(s) for s in range(plan.slabs)] + [plan.seam_crop(s) for s in range(1, plan.slabs)]
    return max(made * max(high - low for low, high in crops), checked * int(np.diff(plan.planes).max()))


def _layer_bytes(plan: SlabPlan, source: SlabSource) -> tuple[float, float]:
    """Bytes that a layer of cells takes while it is made and while it is checked, the most of some places."""
    nz = plan.cells[2]
    made, checked = 0.0, 0.0
    for place in range(PLACES):
        middle = nz * (2 * place + 1) // (2 * PLACES)
        low, high = plan.crop(middle - PROBE // 2, middle + PROBE // 2)
        piece = make_piece(plan, source, low, high)
        tets, kept = (count_tets(piece.lattice, keep) for keep in (np.ones(len(plan.keep), np.bool_), plan.keep))
        squares = int(count_faces(piece.lattice).sum())
        parts = (tets, squares, piece.lattice.phase.size)
        made = max(made, sum(each * number for each, number in zip(BYTES, parts, strict=True)) / (high - low))
        checked = max(checked, CHECK * kept / (high - low))
    return made, checked


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
    made, checked = _layer_bytes(plan, source)
    slabs = 1
    while True:
        needed = _needed(plan, made, checked)
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
