"""Sections through the volume and through the mesh file of a job in slabs, each process its own part. No drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.lattice.grid import compact_labels
from ssb2mesh.ranks import Ranks
from ssb2mesh.slabs.plan import SlabPlan
from ssb2mesh.slabs.raster import Section, blank_section, on_first_process, paint
from ssb2mesh.slabs.source import SlabSource
from ssb2mesh.volume.head import VoxelBox

__all__ = ["choose_spot", "middle_planes", "mesh_sections", "voxel_sections"]

#: Tets and voxels that are read at a time.
TETS, VOXELS = 1 << 20, 1 << 24
#: Edge of the part that is shown enlarged, in leaves of the interface.
SPOT = 28


def middle_planes(head: VoxelBox, *, field: bool = False) -> list[Section]:
    """Return three blank sections through the middle of a box, normal to z, y, x, to one scale.

    Parameters
    ----------
    head : VoxelBox
        The volume; planes go through the middle of a voxel.
    field : bool
        Whether they are to hold values.

    Returns
    -------
    list of Section
        Nothing is painted yet.

    Examples
    --------
    >>> from ssb2mesh.volume.head import VolumeHead
    >>> [plane.normal for plane in middle_planes(VolumeHead((8, 8, 60), (1.0,) * 3, (0.0,) * 3, {0: "A"}))]
    [2, 1, 0]
    """
    box, longest = head.box, max(head.size)
    out = []
    for normal in (2, 1, 0):
        at = head.origin[normal] + (head.shape[normal] // 2 + 0.5) * head.spacing[normal]
        keep = [axis for axis in range(3) if axis != normal]
        out.append(blank_section(normal, at, box[:, keep], longest=longest, field=field))
    return out


def voxel_sections(source: SlabSource, sections: Sequence[Section], ranks: Ranks) -> list[Section]:
    """Paint voxels into sections, each process its share of the layers; all processes call.

    Parameters
    ----------
    source : SlabSource
        The voxels.
    sections : sequence of Section
        Blank ones.
    ranks : Ranks
        All processes.

    Returns
    -------
    list of Section
        Whole on the first process.

    Examples
    --------
    >>> voxel_sections(source, middle_planes(source.head), Ranks())  # doctest: +SKIP
    """
    head = source.head
    sections = [replace(one, tags=np.zeros_like(one.tags)) for one in sections]
    nz, labels = head.shape[2], np.fromiter(head.phases, np.int64)
    index = [[_pixel_voxels(head, one, axis) for axis in range(3)] for one in sections]
    needed = np.unique(np.concatenate([z for _, _, z in index]))
    begin, end = nz * ranks.rank // ranks.size, nz * (ranks.rank + 1) // ranks.size
    begin, end = max(begin, int(needed[0])), min(end, int(needed[-1]) + 1)
    step = max(1, VOXELS // (head.shape[0] * head.shape[1]))
    for first in range(begin, end, step):
        last = min(first + step, end)
        layers = source.read(first, last)
        for one, (x, y, z) in zip(sections, index, strict=True):
            mine = np.flatnonzero((z >= first) & (z < last))
            if not len(mine):
                continue
            found = compact_labels(np.ascontiguousarray(layers[np.ix_(x, y, z[mine] - first)]), labels) + 1
            # the axis across the plane has one entry
            pixels = np.squeeze(found, axis=one.normal).T
            if one.normal == 2:
                one.tags[:] = pixels
            else:
                one.tags[mine] = pixels
    return on_first_process(sections, ranks)


def _pixel_voxels(head: VoxelBox, section: Section, axis: int) -> npt.NDArray[np.int64]:
    """Which voxels along an axis the pixels of a section lie in; across it, the one of the plane."""
    if axis == section.normal:
        where = np.array([section.at])
    else:
        place = section.axes.index(axis)
        count = section.tags.shape[1 - place]
        where = section.window[0, place] + (np.arange(count) + 0.5) * section.pixel[place]
    found = np.floor((where - head.origin[axis]) / head.spacing[axis]).astype(np.int64)
    return np.clip(found, 0, head.shape[axis] - 1)


def choose_spot(plan: SlabPlan, voxels: Section) -> Section:
    """Return a blank section of a small part around the plane between two slabs, where most walls are.

    Parameters
    ----------
    plan : SlabPlan
        The slabs; with one, the part is around the middle.
    voxels : Section
        Of the voxels, normal to x.

    Returns
    -------
    Section
        `SPOT` leaves wide and high, or less in a small box.

    Examples
    --------
    >>> choose_spot(plan, sections[2])  # doctest: +SKIP
    """
    box, cell = plan.head.box, plan.spacing
    middle = plan.planes[plan.slabs // 2] if plan.slabs > 1 else plan.cells[2] // 2
    height = box[0, 2] + middle * cell[2]
    edge = (SPOT << plan.level) * cell[1:]
    low = np.maximum([box[0, 1], height - edge[1] / 2], box[0, 1:])
    rows = np.arange(voxels.tags.shape[0])
    z = voxels.window[0, 1] + (rows + 0.5) * voxels.pixel[1]
    near = voxels.tags[np.abs(z - height) <= edge[1] / 2].astype(np.int64)
    walls = (np.diff(near, axis=1) != 0).sum(axis=0)
    wide = max(int(edge[0] / voxels.pixel[0]), 1)
    if wide < len(walls):
        sums = np.convolve(walls, np.ones(wide), "valid")
        low[0] += int(sums.argmax()) * voxels.pixel[0]
    high = np.minimum(low + edge, box[1, 1:])
    return blank_section(0, voxels.at, [low, high])


def mesh_sections(
    path: Path, sizes: Sequence[tuple[int, int]], sections: Sequence[Section], ranks: Ranks
) -> list[Section]:
    """Paint a mesh made in slabs into sections, each process its share of the slabs; all processes call.

    Parameters
    ----------
    path : Path
        The HDF5 file of a native mesh.
    sizes : sequence of two int
        Vertices and tets of each slab.
    sections : sequence of Section
        Blank ones.
    ranks : Ranks
        All processes.

    Returns
    -------
    list of Section
        Whole on the first process. A process has the vertices of one slab in memory, and some of its tets.

    Examples
    --------
    >>> mesh_sections(Path("mesh.h5"), sizes, middle_planes(head), Ranks())  # doctest: +SKIP
    """
    import h5py

    sections = [replace(one, tags=np.zeros_like(one.tags), lines=np.zeros_like(one.lines)) for one in sections]
    vertices, ends = (np.concatenate([[0], np.cumsum([each[k] for each in sizes])]).tolist() for k in range(2))
    with h5py.File(path, "r") as file:
        for slab in range(len(sizes) * ranks.rank // ranks.size, len(sizes) * (ranks.rank + 1) // ranks.size):
            start = vertices[slab]
            blocks = [slice(t, min(t + TETS, ends[slab + 1])) for t in range(ends[slab], ends[slab + 1], TETS)]
            # a slab names vertices of its own, and a few of the slab below
            few = [np.unique(tets[tets < start]) for tets in (file["tets"][rows] for rows in blocks)]
            theirs = np.unique(np.concatenate([np.empty(0, np.int64), *few]))
            points = np.concatenate([_picked(file["points"], theirs), file["points"][start : vertices[slab + 1]]])
            for rows in blocks:
                tets = file["tets"][rows].astype(np.int64)
                own = tets >= start
                tets[own] += len(theirs) - start
                tets[~own] = np.searchsorted(theirs, tets[~own])
                for one in sections:
                    paint(one, points, tets, file["cell_tags"][rows])
    return on_first_process(sections, ranks)


def _picked(points: Any, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Some rows of an array in a file, ascending, which is read in parts."""
    found = [np.empty((0, 3))]
    for first in range(int(rows[0]) if len(rows) else 0, int(rows[-1]) + 1 if len(rows) else 0, TETS):
        low, high = np.searchsorted(rows, [first, first + TETS])
        if high > low:
            found.append(points[first : first + TETS][rows[low:high] - first])
    return np.concatenate(found)
