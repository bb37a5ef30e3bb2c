"""The arrays of a tagged mesh as each rank's part of them, from memory or from files. No DOLFINx."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh

__all__ = ["Names", "Slabs", "from_first", "read_slabs", "together"]

T = TypeVar("T")


class Slabs(NamedTuple):
    """One rank's part of the arrays of a tagged mesh."""

    points: npt.NDArray[np.float64]
    tets: npt.NDArray[np.int64]
    cell_tags: npt.NDArray[np.int32]
    triangles: npt.NDArray[np.int64]
    atoms: npt.NDArray[np.int32]


class Names(NamedTuple):
    """What all ranks must know of a tagged mesh."""

    phases: dict[str, int]
    sets: dict[str, tuple[int, ...]]
    box: npt.NDArray[np.float64]
    n_points: int
    n_tets: int


def together(comm: Any, work: Callable[[], T]) -> T:
    """Do something on every rank; where one fails, all raise."""
    error: Exception | None = None
    result: T | None = None
    try:
        result = work()
    except (InputError, OSError, KeyError) as caught:
        error = caught
    messages = [message for message in comm.allgather(None if error is None else str(error)) if message]
    if error is not None:
        raise error
    if messages:
        raise InputError(messages[0])
    return result  # type: ignore[return-value]


def from_first(mesh_or_path: TaggedMesh | str | Path | None, comm: Any) -> tuple[Names, Slabs]:
    """Read on rank 0, or take rank 0's mesh; the other slabs are empty."""
    from ssb2mesh.facet_atoms import facet_atoms

    def work() -> tuple[Names, Slabs] | None:
        if comm.rank != 0:
            return None
        mesh = mesh_or_path
        if isinstance(mesh, (str, Path)):
            from ssb2mesh.io import read_mesh

            mesh = read_mesh(mesh)
        if not isinstance(mesh, TaggedMesh):
            raise InputError(f"mesh: got {type(mesh).__name__} on rank 0; expected a TaggedMesh or the path of a mesh")
        triangles, atoms, sets = facet_atoms(mesh)
        assert mesh.box is not None
        names = Names(dict(mesh.cell_names), sets, np.array(mesh.box), mesh.n_points, mesh.n_tets)
        tets = mesh.tets.astype(np.int64, copy=False)
        return names, Slabs(mesh.points, tets, mesh.cell_tags, triangles.astype(np.int64, copy=False), atoms)

    found = together(comm, work)
    names = comm.bcast(found[0] if found else None, root=0)
    if found:
        return found  # type: ignore[no-any-return]
    nothing = Slabs(
        np.zeros((0, 3)), np.zeros((0, 4), np.int64), np.zeros(0, np.int32), np.zeros((0, 3), np.int64),
        np.zeros(0, np.int32),
    )  # fmt: skip
    return names, nothing


def read_slabs(path: Path, comm: Any) -> tuple[Names, Slabs]:
    """Read this rank's slab of every array of a native mesh file."""
    try:
        import h5py
    except ValueError as error:
        raise InputError(
            f"path: {path} cannot be read because another HDF5 was loaded before that of h5py ({error}); import "
            "solvers before dolfinx"
        ) from error

    from ssb2mesh.io.mesh_xdmf import read_tags_table

    table = read_tags_table(path)
    heavy = path
    if path.suffix.lower() != ".h5":
        named = re.search(r"<DataItem[^>]*>\s*([^<]*?):/", path.read_text(encoding="utf-8"))
        heavy = path.parent / (named.group(1) if named else path.with_suffix(".h5").name)
    with h5py.File(heavy, "r") as file:

        def part(key: str) -> Any:
            return file[key][_slab(len(file[key]), comm.rank, comm.size)]

        slabs = Slabs(
            part("points"),
            part("tets").astype(np.int64),
            part("cell_tags"),
            part("facets/triangles").astype(np.int64),
            part("facets/atoms"),
        )
    names = Names(dict(table.phases), dict(table.sets), table.box, table.n_points, table.n_tets)
    return names, slabs


def _slab(length: int, rank: int, size: int) -> slice:
    return slice(length * rank // size, length * (rank + 1) // size)
