"""Writing Exodus II: a named block a phase, named one-sided side sets, fields and time steps. Reading is beside it.

Side sets follow MOOSE: the interface ``"A|B"`` is ``A_B`` on elements of A and ``B_A`` on elements of B. Here it is
decided what a file holds; `ssb2mesh.io.mesh_exodus_layout` lays it out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.disk import check_space
from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import MeshData, check_fields, header_of, replacing
from ssb2mesh.io.mesh_exodus_layout import ExodusNames, ExodusPlan, Layout, Step, closing_once, import_netcdf
from ssb2mesh.io.mesh_gmsh import physical_numbers, tets_crc32
from ssb2mesh.io.mesh_names import safe_names, warn_loss, warn_renamed
from ssb2mesh.io.mesh_sides import SideSet, side_set_names, side_sets
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.second_order import check_order, second_order

__all__ = ["exodus_names", "write_exodus", "write_exodus_steps"]

#: netCDF's name of each storage.
STORAGES = {"64bit-offset": "NETCDF3_64BIT_OFFSET", "64bit-data": "NETCDF3_64BIT_DATA", "netcdf4": "NETCDF4"}
#: A variable of the 64-bit offset format stays below this many bytes.
_LARGEST = 2**32 - 4


def exodus_names(mesh: TaggedMesh, *, name_length: int = 32) -> ExodusNames:
    """Return the names and ids that `write_exodus` gives to phases and facet sets.

    Parameters
    ----------
    mesh : TaggedMesh
        Any mesh.
    name_length : int
        Longest name, characters.

    Returns
    -------
    ExodusNames
        Blocks and side sets. Ids are the tags of the mesh where these are positive; the reversed sides of interfaces
        come after them.

    Raises
    ------
    InputError
        If `name_length` is not within 12 and 255.

    Examples
    --------
    >>> exodus_names(mesh).side_sets["NMC|LPSCl"]  # doctest: +SKIP
    (12, 'NMC_LPSCl')
    """
    if not 12 <= name_length <= 255:
        raise InputError(f"name_length: got {name_length}; Exodus names have 12 to 255 characters")
    cells = physical_numbers(mesh.cell_names)
    facets = physical_numbers(mesh.facet_names)
    sides: dict[str, int] = {}
    for name in side_set_names(mesh):
        sides[name] = facets[name] if name in facets else max([0, *facets.values(), *sides.values()]) + 1
    blocks = safe_names(cells, length=name_length, numbers=cells)
    texts = safe_names(sides, length=name_length, numbers=sides)
    return ExodusNames({n: (i, blocks[n]) for n, i in cells.items()}, {n: (i, texts[n]) for n, i in sides.items()})


def write_exodus(
    data: MeshData,
    path: Path,
    *,
    storage: str = "auto",
    name_length: int = 32,
    node_sets: Sequence[str] = (),
    order: int = 1,
    curved: bool = True,
) -> None:
    """Write a ``.e`` file; fields stand at time 0. See `ssb2mesh.io.meshes.write_mesh`.

    Parameters
    ----------
    data : MeshData
        Mesh and fields.
    path : Path
        The file.
    storage : str
        ``"64bit-offset"`` (read by everything; variables below 4 GiB), ``"64bit-data"`` (CDF-5), ``"netcdf4"`` (HDF5),
        the last two with 64-bit integers where needed; ``"auto"``: the first that can hold the mesh.
    name_length : int
        Longest name of a block, set or field; readers of the original library cut at 32.
    node_sets : sequence of str
        Facet sets whose nodes are written as node sets too, named ``<set>_nodes``; ``("all",)`` for all of them.
    order : int
        1: TETRA4, 2: TETRA10.
    curved : bool
        Of order 2: move mid nodes to smooth interfaces where tets stay valid; told. Otherwise all edges are straight.

    Raises
    ------
    InputError
        If an option is none of these, or the mesh does not fit the storage.
    """
    steps = [(0.0, data.point_data, data.cell_data)] if data.point_data or data.cell_data else []
    options = _checked(data.mesh, storage, name_length, node_sets, order=order, curved=curved)
    _write(data.mesh, path, iter(steps), options)


def write_exodus_steps(mesh: TaggedMesh, path: str | Path, steps: Iterable[tuple], **options: Any) -> None:
    """Write a result file with one record of fields per time; steps are taken one by one and not kept.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    path : str or Path
        The file, ``.e`` or ``.exo``.
    steps : iterable of (float, mapping, mapping)
        Time in s, fields by point, fields by tet; the same fields in every step, times ascending.
    **options
        As of `write_exodus`.

    Raises
    ------
    InputError
        If a field does not fit the mesh, is missing in a later step, or times do not ascend.

    Examples
    --------
    >>> write_exodus_steps(mesh, "out.e", [(t, {"phi": phi(t)}, {}) for t in (0.0, 1.0)])  # doctest: +SKIP
    """
    known = {"storage": "auto", "name_length": 32, "node_sets": (), "order": 1, "curved": True}
    for name in options:
        if name not in known:
            raise InputError(f"{name}: no such option of Exodus; options: {', '.join(known)}")
    chosen: dict[str, Any] = known | options
    _write(mesh, Path(path), _checked_steps(mesh, steps), _checked(mesh, **chosen))


@dataclass(frozen=True)
class _Options:
    storage: str
    name_length: int
    node_sets: tuple[str, ...]
    order: int
    curved: bool


def _checked(
    mesh: TaggedMesh, storage: str, name_length: int, node_sets: Sequence[str], *, order: int, curved: bool
) -> _Options:
    if storage not in ("auto", *STORAGES):
        raise InputError(f"storage: got {storage!r}; choose one of 'auto', {', '.join(map(repr, STORAGES))}")
    check_order(order)
    listed = (node_sets,) if isinstance(node_sets, str) else tuple(node_sets)
    listed = tuple(mesh.facet_names) if listed == ("all",) else listed
    for name in listed:
        mesh.facet_tag(name)
    return _Options(storage, name_length, listed, order, curved)


def _checked_steps(mesh: TaggedMesh, steps: Iterable[tuple]) -> Iterable[Step]:
    last = -np.inf
    for number, (time, point_data, cell_data) in enumerate(steps):
        if not time > last:
            raise InputError(f"steps: time {time!r} of step {number} does not follow {last!r}; times ascend")
        last = float(time)
        yield (
            last,
            check_fields(point_data, mesh.n_points, where="point_data"),
            check_fields(cell_data, mesh.n_tets, where="cell_data"),
        )


def _write(mesh: TaggedMesh, path: Path, steps: Iterable[Step], options: _Options) -> None:
    netcdf = import_netcdf(path)
    names = exodus_names(mesh, name_length=options.name_length)
    plan = _plan(mesh, names, options)
    iterator = iter(steps)
    first = next(iterator, None)
    header = _own_header(mesh, first)
    storage = _storage(plan, options.storage)
    # a disk that is full while netCDF writes is hard to survive
    check_space(path.parent, 24 * len(plan.nodes) + 4 * plan.tets.size, what=f"writing {str(path)!r}")
    with replacing(path) as (part,):
        with closing_once(netcdf.Dataset(part, "w", format=STORAGES[storage], clobber=True)) as file:
            file.set_fill_off()
            layout = Layout(file, plan, options.name_length)
            layout.declare(first, wide=storage != "64bit-offset" and _needs_64(plan), header=header)
            layout.fill()
            number = 0
            while first is not None:
                layout.write_step(first, number)
                first, number = next(iterator, None), number + 1
    warn_renamed(path, {name: text for listed in names for name, (_, text) in listed.items()})
    warn_loss(path, plan.second.told if plan.second else [])


def _plan(mesh: TaggedMesh, names: ExodusNames, options: _Options) -> ExodusPlan:
    ascending = bool((np.diff(mesh.cell_tags) >= 0).all())
    blocks: list[tuple[str, npt.NDArray[np.int64] | slice, int]] = []
    for name, tag in sorted(mesh.cell_names.items(), key=lambda item: item[1]):
        if ascending:
            start, stop = np.searchsorted(mesh.cell_tags, [tag, tag + 1]).tolist()
            rows: npt.NDArray[np.int64] | slice = slice(start, stop)
            count = stop - start
        else:
            rows = np.flatnonzero(mesh.cell_tags == tag)
            count = len(rows)
        if count:
            blocks.append((name, rows, count))
    sets = [found for found in side_sets(mesh) if len(found.tets)]
    number = sum(len(found.tets) for found in sets)
    if number and not ascending:
        position = np.empty(mesh.n_tets, np.int32 if mesh.n_tets < 2**31 else np.int64)
        at = 0
        for _, rows, count in blocks:
            position[rows] = np.arange(at, at + count)
            at += count
        sets = [SideSet(name, position[tets].astype(np.int64), sides) for name, tets, sides in sets]
    second = second_order(mesh, curved=options.curved) if options.order == 2 else None
    nodes = []
    for name in options.node_sets:
        corners = mesh.facet_set(name)
        nodes.append((name, np.unique(second.triangles(corners) if second else corners).astype(np.int64)))
    return ExodusPlan(mesh, names, blocks, sets, nodes, ascending, second)


def _needs_64(plan: ExodusPlan) -> bool:
    return max(len(plan.nodes), len(plan.tets)) >= 2**31


def _storage(plan: ExodusPlan, wanted: str) -> str:
    largest = max([8 * len(plan.nodes), *(4 * plan.tets.shape[1] * count for _, _, count in plan.blocks)])
    fits = largest < _LARGEST and not _needs_64(plan)
    if wanted == "64bit-offset" and not fits:
        raise InputError("storage: the mesh has variables of 4 GiB or more; give storage='netcdf4' or '64bit-data'")
    return ("64bit-offset" if fits else "netcdf4") if wanted == "auto" else wanted


def _own_header(mesh: TaggedMesh, first: Step | None) -> bytes:
    own = json.loads(header_of(mesh))
    own |= {"tets_crc32": tets_crc32(mesh.tets), "n_points": mesh.n_points}
    fields = first[1:] if first is not None else ({}, {})
    for where, listed in zip(("point_data", "cell_data"), fields, strict=True):
        own[where] = [[name, a.dtype.str, list(a.shape[1:])] for name, a in listed.items()]
    return json.dumps(own, ensure_ascii=False).encode()
