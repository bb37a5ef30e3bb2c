"""Slabs into the one native mesh file, each process its own parts of every array. No meshing.

The file is laid out by the first process with the length of every array, contiguous and without data; where each array
begins is told to all. Then every process writes its rows at their place, past the library: no process has more than
one slab in memory, and the file is the same whoever writes what. See docs/mesh-files.md for the layout.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ssb2mesh.facet_atoms import AtomTable
from ssb2mesh.io.mesh_common import MeshData, header_of
from ssb2mesh.io.mesh_xdmf import write_tables, xdmf_text
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.slabs.join import SlabCounts, global_numbers, set_names
from ssb2mesh.slabs.plan import SlabPlan
from ssb2mesh.slabs.store import StoredSlab
from ssb2mesh.volume import BOX_SIDES

__all__ = ["Layout", "lay_out", "write_part"]


@dataclass(frozen=True)
class Layout:
    """What every process must know of the file.

    Parameters
    ----------
    offsets : mapping of str to int
        First byte of each array in the file.
    counts : sequence of SlabCounts
        Of all slabs.
    sets, wholes : sequence of str
        Names in the order of their tags.
    index : str
        NumPy name of the type of vertex numbers.
    """

    offsets: Mapping[str, int]
    counts: Sequence[SlabCounts]
    sets: Sequence[str]
    wholes: Sequence[str]
    index: str


@dataclass(frozen=True)
class _Outline:
    """A mesh as its writer sees it, without its numbers: arrays have a shape and a type only."""

    points: npt.NDArray[np.float64]
    tets: npt.NDArray[np.integer]
    cell_tags: npt.NDArray[np.int32]
    facets: npt.NDArray[np.integer]
    cell_names: Mapping[str, int]
    facet_names: Mapping[str, int]
    box: npt.NDArray[np.float64]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_tets(self) -> int:
        return len(self.tets)


def _blank(kind: Any, *shape: int) -> npt.NDArray[Any]:
    return np.broadcast_to(np.zeros((), kind), shape)


def lay_out(plan: SlabPlan, counts: Sequence[SlabCounts], heavy: Path, xdmf: Path, *, name: str) -> Layout:
    """Create the files of a mesh, with every array at its place and nothing in them.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    counts : sequence of SlabCounts
        All slabs.
    heavy, xdmf : Path
        HDF5 file and XDMF file, new.
    name : str
        What the HDF5 file will be called in the end.

    Returns
    -------
    Layout
        For `write_part`.

    Examples
    --------
    >>> lay_out(plan, counts, Path("mesh.h5"), Path("mesh.xdmf"), name="mesh.h5")  # doctest: +SKIP
    """
    import h5py

    sets, wholes = set_names(plan, counts)
    triangles = sum(sum(one.sets.values()) for one in counts)
    rows = triangles + sum(sum(one.wholes.values()) for one in counts)
    n, m = sum(one.points for one in counts), sum(one.tets for one in counts)
    index = np.dtype(np.int32 if n < 2**31 else np.int64)
    numbers = {name: tag for tag, name in enumerate([*sets, *wholes], 1)}
    phases = {name: i + 1 for i, name in enumerate(plan.head.phase_names) if plan.keep[i]}
    arrays = {
        "points": _blank(np.float64, n, 3),
        "tets": _blank(index, m, 4),
        "cell_tags": _blank(np.int32, m),
        "facets/triangles": _blank(index, triangles, 3),
        "facets/atoms": _blank(np.int32, triangles),
        "facets/row_triangle": _blank(np.int32 if triangles < 2**31 else np.int64, rows),
        "facets/row_tag": _blank(np.int32, rows),
    }
    outline = _Outline(
        arrays["points"], arrays["tets"], arrays["cell_tags"], arrays["facets/triangles"], phases, numbers,
        plan.head.box, {} if plan.slabs == 1 else {"slabs": list(plan.planes)},
    )  # fmt: skip
    mesh = cast(TaggedMesh, outline)
    # a triangle of "A@z_min" is in "z_min" too; those of interfaces are in one set only
    members = [(numbers[name], *([numbers[name.split("@")[1]]] if "@" in name else [])) for name in sets]
    with h5py.File(heavy, "w") as file:
        file.attrs["header"] = header_of(mesh)
        file.create_group("facets")
        for key, array in arrays.items():
            _reserve(file, key, array)
        write_tables(file, mesh, members)
    with h5py.File(heavy, "r") as file:
        offsets = {key: file[key].id.get_offset() or 0 for key in arrays}
    table = AtomTable(cast(Any, slice(None)), arrays["facets/atoms"], arrays["facets/row_triangle"], members)
    xdmf.write_text(xdmf_text(MeshData(mesh), name, {}, table), encoding="utf-8")
    return Layout(offsets, counts, sets, wholes, index.name)


def _reserve(file: Any, key: str, array: npt.NDArray[Any]) -> None:
    """Make a contiguous dataset whose place in the file is settled now, without writing it."""
    import h5py

    create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    create.set_layout(h5py.h5d.CONTIGUOUS)
    create.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    create.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    # the same bytes whenever it is written
    create.set_obj_track_times(False)
    space = h5py.h5s.create_simple(array.shape)
    h5py.h5d.create(file.id, key.encode(), h5py.h5t.py_create(array.dtype), space, create)


def write_part(
    plan: SlabPlan, layout: Layout, heavy: Path, slab: int, *, stored: StoredSlab, below: npt.NDArray[np.int32] | None
) -> None:
    """Write the rows of one slab.

    Parameters
    ----------
    plan : SlabPlan
        Of the whole volume.
    layout : Layout
        From `lay_out`.
    heavy : Path
        The HDF5 file.
    slab : int
        Which slab.
    stored : StoredSlab
        Its arrays.
    below : (s,) int32 array or None
        ``shared`` of the slab below.

    Examples
    --------
    >>> write_part(plan, layout, Path("mesh.h5"), 0, stored=stored, below=None)  # doctest: +SKIP
    """
    counts, index = layout.counts, np.dtype(layout.index)
    starts = np.concatenate([[0], np.cumsum([one.points for one in counts])]).tolist()
    first_tet = sum(one.tets for one in counts[:slab])
    with heavy.open("r+b", buffering=0) as file:

        def put(key: str, row: int, values: npt.NDArray[Any]) -> None:
            width = values.itemsize * int(np.prod(values.shape[1:], dtype=np.int64))
            _write_all(file.fileno(), np.ascontiguousarray(values), layout.offsets[key] + row * width)

        put("points", starts[slab], stored.array("points"))
        put("cell_tags", first_tet, stored.array("tags"))
        put("tets", first_tet, global_numbers(stored.array("tets"), starts, slab, below).astype(index))
        rows, at, row = stored.rows("sets"), 0, {}
        for tag, name in enumerate(layout.sets, 1):
            at_slab = at + sum(one.sets.get(name, 0) for one in counts[:slab])
            row[name] = at_slab
            at += sum(one.sets.get(name, 0) for one in counts)
            if name in rows:
                k = len(rows[name])
                put("facets/triangles", at_slab, global_numbers(rows[name], starts, slab, below).astype(index))
                put("facets/atoms", at_slab, np.full(k, tag, np.int32))
                put("facets/row_tag", at_slab, np.full(k, tag, np.int32))
                put("facets/row_triangle", at_slab, np.arange(at_slab, at_slab + k, dtype=_rows_type(counts)))
        wholes = stored.rows("wholes")
        for tag, side in enumerate(layout.wholes, len(layout.sets) + 1):
            at_slab = at + sum(one.wholes.get(side, 0) for one in counts[:slab])
            at += sum(one.wholes.get(side, 0) for one in counts)
            if side in wholes:
                phase, place = wholes[side].T
                begins = np.array([row.get(f"{name}@{side}", 0) for name in plan.head.phase_names])
                put("facets/row_tag", at_slab, np.full(len(phase), tag, np.int32))
                put("facets/row_triangle", at_slab, (begins[phase] + place).astype(_rows_type(counts)))
    assert set(wholes) <= set(BOX_SIDES)


def _rows_type(counts: Sequence[SlabCounts]) -> type[np.integer]:
    return np.int32 if sum(sum(one.sets.values()) for one in counts) < 2**31 else np.int64


def _write_all(descriptor: int, values: npt.NDArray[Any], offset: int) -> None:
    """Write an array at a place of a file; large writes may be taken in parts."""
    data = memoryview(values).cast("B") if values.size else memoryview(b"")
    while data:
        done = os.pwrite(descriptor, data[: 1 << 30], offset)
        data, offset = data[done:], offset + done
