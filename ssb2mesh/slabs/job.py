"""The order of things: seams, slabs, numbers, files - on one process or on many. No geometry, no formats of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import DiskFullError
from ssb2mesh.lattice.optimise import warn_of_compilation
from ssb2mesh.ranks import Ranks
from ssb2mesh.slabs.connected import voxel_ends
from ssb2mesh.slabs.join import SlabCounts
from ssb2mesh.slabs.numbers import PlaneSide, SlabNumbers, join_plane, measure_slab, sum_numbers
from ssb2mesh.slabs.plan import SlabPlan
from ssb2mesh.slabs.resume import Parts
from ssb2mesh.slabs.seams import Seam, make_seam
from ssb2mesh.slabs.slab import make_slab
from ssb2mesh.slabs.source import SlabSource
from ssb2mesh.slabs.store import StoredSlab
from ssb2mesh.slabs.write import lay_out, write_part
from ssb2mesh.stages import Stages, peak_memory_bytes

__all__ = ["mesh_in_slabs", "slabs_of"]


@dataclass
class _Made:
    """What a process has made of its slabs, and the vertices shared by the slab below the first of them."""

    stored: dict[int, StoredSlab] = field(default_factory=dict)
    counts: dict[int, SlabCounts] = field(default_factory=dict)
    numbers: dict[int, SlabNumbers] = field(default_factory=dict)
    shared: npt.NDArray[np.int32] | None = None
    sent: dict[str, int] = field(default_factory=lambda: {"seam_bytes": 0, "plane_bytes": 0, "voxel_bytes": 0})


def slabs_of(plan: SlabPlan, ranks: Ranks) -> range:
    """Return the slabs that this process makes: as many as any other, one more or one less.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    ranks : Ranks
        All processes.

    Returns
    -------
    range
        Neighbours; may be empty.

    Examples
    --------
    >>> slabs_of(plan, Ranks())  # doctest: +SKIP
    range(0, 4)
    """
    return range(plan.slabs * ranks.rank // ranks.size, plan.slabs * (ranks.rank + 1) // ranks.size)


def mesh_in_slabs(
    source: SlabSource,
    plan: SlabPlan,
    target: Path,
    *,
    ranks: Ranks,
    voxels: Mapping[str, int],
    stages: Stages | None = None,
    parts: Parts | None = None,
) -> dict[str, Any]:
    """Mesh a volume in slabs into a native mesh file; all processes call.

    Every process makes the seams above its slabs, hands the last one on, makes its slabs one after the other and writes
    them into the file. Nothing of the size of the mesh or of the volume is ever in one memory.

    Parameters
    ----------
    source : SlabSource
        The voxels; every process reads its own layers.
    plan : SlabPlan
        Slabs and options; the same on every process.
    target : Path
        ``mesh.xdmf``; the arrays go to ``mesh.h5`` beside it. The folder must be seen by all processes.
    ranks : Ranks
        All processes.
    voxels : mapping of str to int
        Voxels of each phase.
    stages : Stages, optional
        Collects time.
    parts : Parts, optional
        Where finished seams and slabs are kept if this is cut off, and found again; default: beside the file, and gone
        at the end however it ends.

    Returns
    -------
    dict
        The numbers of `ssb2mesh.slabs.numbers.sum_numbers`, with ``kept_slabs`` (how many were found finished),
        ``traffic`` (bytes that processes sent each other, and of voxels read twice), ``rank_memory_bytes`` (peak of
        each process) and ``processes`` (slabs, seconds by stage and peak memory of each); the same on every process.

    Raises
    ------
    InputError
        If the file cannot be written.

    Examples
    --------
    >>> mesh_in_slabs(source, plan, Path("mesh.xdmf"), ranks=Ranks(), voxels=voxels)["tets"]  # doctest: +SKIP
    12000
    """
    stages = stages or Stages()
    if ranks.rank == 0:
        warn_of_compilation(stages)
    parts = parts or Parts(target.with_name(f".{target.stem}.slabs"))
    kept = ranks.on_first(partial(parts.open, plan.planes, tell=stages.say))
    done = False
    try:
        made = ranks.together(partial(_make, source, plan, parts, ranks=ranks, stages=stages))
        numbers = ranks.together(partial(_gather, plan, made, ranks, voxels, stages))
        with stages("write mesh"):
            ranks.together(partial(_write, plan, made, target, ranks=ranks))
        done = True
    except DiskFullError:
        # what is kept for later must not take the room that is missing now
        done = True
        raise
    finally:
        if ranks.first and (done or not parts.key):
            parts.remove()
    return {**numbers, "kept_slabs": kept}


def _make(source: SlabSource, plan: SlabPlan, parts: Parts, *, ranks: Ranks, stages: Stages) -> _Made:
    mine, made = slabs_of(plan, ranks), _Made()
    seams: dict[int, Seam] = {}
    with stages("seams"):
        for slab in mine:
            if slab + 1 < plan.slabs:
                found = parts.seam(slab + 1)
                if found is None:
                    found = parts.keep_seam(slab + 1, make_seam(plan, source, slab + 1))
                seams[slab + 1] = found
        _pass_on(plan, seams, made, ranks)
    for slab in mine:
        below = seams.pop(slab, None)
        whole = parts.slab(slab)
        if whole is None:
            mesh = make_slab(plan, source, slab, seams=(below, seams.get(slab + 1)), stages=stages)
            with stages("check"):
                numbers = replace(measure_slab(plan, mesh), voxel_ends=voxel_ends(plan, source, slab))
            with stages("store"):
                whole = parts.keep_slab(slab, mesh, numbers)
            del mesh
        made.stored[slab], made.counts[slab], made.numbers[slab] = whole
    made.sent["voxel_bytes"] = _read_twice(plan, mine) * source.voxel_bytes
    return made


def _read_twice(plan: SlabPlan, mine: range) -> int:
    """Voxels that a process reads beside those of its own slabs: around these, and for the seams above them."""
    crops = [plan.slab_crop(s) for s in mine] + [plan.seam_crop(s + 1) for s in mine if s + 1 < plan.slabs]
    spans = [plan.voxel_layers(low, high) for low, high in crops]
    if len(mine):
        first, last = plan.voxel_layers(plan.planes[mine.start], plan.planes[mine.stop])
        spans.append((last, first))
    layers = sum(last - first for first, last in spans)
    return layers * plan.head.shape[0] * plan.head.shape[1]


def _neighbours(plan: SlabPlan, ranks: Ranks) -> tuple[int | None, int | None]:
    """Processes with the slab below this one's first, and above its last."""
    mine = slabs_of(plan, ranks)
    if not len(mine) or not ranks.comm:
        return None, None
    owner = {
        slab: rank
        for rank in range(ranks.size)
        for slab in range(plan.slabs * rank // ranks.size, plan.slabs * (rank + 1) // ranks.size)
    }
    return owner.get(mine.start - 1), owner.get(mine.stop)


def _pass_on(plan: SlabPlan, seams: dict[int, Seam], made: _Made, ranks: Ranks) -> None:
    """Give the seam above the last own slab to the process above, and take that below the first from the one below."""
    below, above = _neighbours(plan, ranks)
    mine = slabs_of(plan, ranks)
    comm = ranks.comm
    assert comm is not None or (below is None and above is None)
    request = None
    if comm and above is not None:
        request = comm.isend(seams[mine.stop], dest=above, tag=1)
        made.sent["seam_bytes"] += seams[mine.stop].nbytes
    if comm and below is not None:
        # any size: the message is looked at before it is taken
        seams[mine.start] = comm.recv(source=below, tag=1)
    if request is not None:
        request.wait()


def _gather(plan: SlabPlan, made: _Made, ranks: Ranks, voxels: Mapping[str, int], stages: Stages) -> dict[str, Any]:
    """Whether neighbours fit, and the numbers of the whole; only sums, lengths and components on planes go to all."""
    below, above = _neighbours(plan, ranks)
    mine, comm = slabs_of(plan, ranks), ranks.comm
    request, under = None, None
    if comm and above is not None:
        upper, shared = made.numbers[mine.stop - 1].upper, made.stored[mine.stop - 1].array("shared")
        request = comm.isend((upper, shared), dest=above, tag=2)
        made.sent["plane_bytes"] += upper.nbytes + shared.nbytes
    if comm and below is not None:
        under, made.shared = comm.recv(source=below, tag=2)
    joined = {}
    for slab in mine:
        if slab > 0:
            lower = made.numbers[slab - 1].upper if slab - 1 in made.numbers else under
            joined[slab] = join_plane(cast(PlaneSide, lower), made.numbers[slab])
    if request is not None:
        request.wait()
    light = {slab: one.light for slab, one in made.numbers.items()}
    own = (light, made.counts, joined, made.sent, dict(stages.seconds), peak_memory_bytes())
    everyone = comm.allgather(own) if comm else [own]
    made.counts = {slab: count for one in everyone for slab, count in one[1].items()}
    slabs = {slab: number for one in everyone for slab, number in one[0].items()}
    joined = {slab: found for one in everyone for slab, found in one[2].items()}
    sizes = [(made.counts[s].points, made.counts[s].tets) for s in range(plan.slabs)]
    numbers = sum_numbers(
        plan,
        [slabs[s] for s in range(plan.slabs)],
        sizes,
        voxels=voxels,
        unmatched=sum(found[0] for found in joined.values()),
        pairs=[joined[s][1] for s in range(1, plan.slabs)],
    )
    traffic = {key: sum(one[3][key] for one in everyone) for key in made.sent}
    processes = [
        {"slabs": sorted(one[0]), "seconds": {k: round(v, 6) for k, v in one[4].items()}, "peak_memory_bytes": one[5]}
        for one in everyone
    ]
    return {**numbers, "traffic": traffic, "processes": processes, "rank_memory_bytes": [one[5] for one in everyone]}


def _write(plan: SlabPlan, made: _Made, target: Path, *, ranks: Ranks) -> None:
    """Lay the file out, fill it, put it in place."""
    heavy, xdmf = target.with_suffix(".h5"), target.with_suffix(".xdmf")
    heavy_part, xdmf_part = (path.with_name(f".{path.stem}.part{path.suffix}") for path in (heavy, xdmf))
    counts = [made.counts[s] for s in range(plan.slabs)]
    try:
        layout = ranks.on_first(lambda: lay_out(plan, counts, heavy_part, xdmf_part, name=heavy.name))
        mine, comm = slabs_of(plan, ranks), ranks.comm
        shared = made.shared
        for slab in mine:
            if slab > 0 and slab - 1 in made.stored:
                shared = made.stored[slab - 1].array("shared")
            write_part(plan, layout, heavy_part, slab, stored=made.stored[slab], below=shared)
        if comm:
            comm.Barrier()
        if ranks.first:
            heavy_part.replace(heavy)
            xdmf_part.replace(xdmf)
        if comm:
            comm.Barrier()
    finally:
        if ranks.first:
            heavy_part.unlink(missing_ok=True)
            xdmf_part.unlink(missing_ok=True)
