"""What every result can do with its fields: give them in the order of the TaggedMesh, write them. No numbers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.domain import Domain
from ssb2mesh.disk import check_space, telling_full_disk
from ssb2mesh.errors import InputError

__all__ = ["MeshFields", "SolutionSeries", "write_fields"]

_ROWS = 1 << 20


class MeshFields:
    """A result with `domain`, `point_fields` and `cell_fields`, ghosts included."""

    if TYPE_CHECKING:

        @property
        def domain(self) -> Domain:
            """Where it lives."""

        @property
        def point_fields(self) -> Mapping[str, npt.NDArray[np.float64]]:
            """Arrays of the local points."""

        @property
        def cell_fields(self) -> Mapping[str, npt.NDArray[np.float64]]:
            """Arrays of the local tets."""

    def point_data(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Return the point fields in the order of the TaggedMesh's points on rank 0, None elsewhere; all ranks call."""
        return self._gathered(self.point_fields, self.domain.gather_points)

    def cell_data(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Return the cell fields in the order of the TaggedMesh's tets on rank 0, None elsewhere; all ranks call."""
        return self._gathered(self.cell_fields, self.domain.gather_cells)

    def write(self, path: str | Path) -> None:
        """Write mesh and fields to ``path.xdmf`` and ``path.h5`` in parallel; all ranks call. See `write_fields`."""
        write_fields(self.domain, path, self.point_fields, self.cell_fields)

    def _gathered(
        self, fields: Mapping[str, npt.NDArray[np.float64]], gather: Callable[..., npt.NDArray[np.float64] | None]
    ) -> dict[str, npt.NDArray[np.float64]] | None:
        found = {name: gather(values) for name, values in fields.items()}
        return {k: v for k, v in found.items() if v is not None} if self.domain.comm.rank == 0 else None


class SolutionSeries(MeshFields):
    """Results one after another on the same mesh; where one is asked for, the last."""

    solutions: Sequence[Any]

    @property
    def domain(self) -> Domain:
        """The mesh of all of them."""
        return self.solutions[-1].domain  # type: ignore[no-any-return]

    @property
    def point_fields(self) -> Mapping[str, npt.NDArray[np.float64]]:
        """Arrays of the local points in the last solution."""
        return self.solutions[-1].point_fields  # type: ignore[no-any-return]

    @property
    def cell_fields(self) -> Mapping[str, npt.NDArray[np.float64]]:
        """Arrays of the local tets in the last solution."""
        return self.solutions[-1].cell_fields  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self.solutions)

    @property
    def cell_voltages(self) -> npt.NDArray[np.float64]:
        """(n,) float array: highest minus lowest terminal potential of each, V."""
        return np.array([solution.cell_voltage for solution in self.solutions])

    @property
    def interfaces(self) -> Any:
        """Facet values by interface of the last solution."""
        return self.solutions[-1].interfaces

    def facet_data(self, name: str) -> dict[str, npt.NDArray] | None:
        """Return the facets of an interface in the last solution on rank 0, None elsewhere; all ranks call."""
        return self.solutions[-1].facet_data(name)  # type: ignore[no-any-return]

    def write(self, path: str | Path) -> None:
        """Write each solution to ``path_1.xdmf``, ``path_2.xdmf`` and so on; all ranks call."""
        path = Path(path)
        width = len(str(len(self)))
        for number, solution in enumerate(self.solutions, start=1):
            solution.write(path.with_name(f"{path.stem}_{number:0{width}}{path.suffix}"))


def write_fields(
    domain: Domain,
    path: str | Path,
    point_fields: Mapping[str, npt.NDArray[np.float64]],
    cell_fields: Mapping[str, npt.NDArray[np.float64]],
) -> None:
    """Write mesh, phase tags and fields for ParaView; the two files appear whole or not at all. All ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    path : str or Path
        Name of the ``.xdmf`` file; the arrays go to an ``.h5`` file beside it.
    point_fields, cell_fields : mapping of str to array
        Fields, ghosts included.

    Raises
    ------
    InputError
        If the suffix is not ``.xdmf`` or the folder does not exist.

    Examples
    --------
    >>> write_fields(domain, "out.xdmf", {"potential": values}, {})  # doctest: +SKIP
    """
    path = Path(path)
    if path.suffix.lower() != ".xdmf":
        raise InputError(f"path: got {str(path)!r}; fields are written to a file that ends in .xdmf")
    if not path.parent.is_dir():
        raise InputError(f"path: the folder {path.parent} does not exist; make it first")
    # DOLFINx 0.5 evaluates fields cell by cell, where 0 x NaN is NaN: NaN is put in afterwards
    masks, mask_of = _gaps(domain, point_fields)
    filled = {name: np.where(np.isnan(values), 0.0, values) for name, values in point_fields.items()}
    functions = [_function(domain, "P", name, values) for name, values in filled.items()]
    gaps = [_function(domain, "P", name, mask.astype(np.float64)) for name, mask in masks.items()]
    cells: dict[str, npt.NDArray[np.float64]] = {"phase": domain.cell_phase.astype(np.float64), **cell_fields}
    functions += [_function(domain, "DG", name, values) for name, values in cells.items()]
    per_point = 24 + 8 * sum(int(np.prod(values.shape[1:])) for values in point_fields.values())
    per_cell = 32 + 8 * sum(int(np.prod(values.shape[1:])) for values in cells.values())
    needed = per_point * domain.n_points + per_cell * domain.n_tets
    needed += bool(gaps) * ((24 + 8 * len(gaps)) * domain.n_points + 32 * domain.n_tets)
    check_space(path.parent, needed, what=f"writing {str(path)!r}")
    folder = path.parent / f".{path.stem}.part"
    if domain.comm.rank == 0:
        folder.mkdir(exist_ok=True)
    domain.comm.Barrier()
    try:
        with telling_full_disk(path):
            api.write_xdmf(str(folder / path.name), domain.mesh, functions)
            if gaps:
                api.write_xdmf(str(folder / "masks.xdmf"), domain.mesh, gaps)
        domain.comm.Barrier()
        if domain.comm.rank == 0 and gaps:
            _take_out(folder / path.with_suffix(".h5").name, folder / "masks.h5", mask_of)
        if domain.comm.rank == 0:
            for name in (path.with_suffix(".h5").name, path.name):
                os.replace(folder / name, path.parent / name)  # noqa: PTH105
    finally:
        if domain.comm.rank == 0:
            shutil.rmtree(folder, ignore_errors=True)
        domain.comm.Barrier()


def _gaps(
    domain: Domain, fields: Mapping[str, npt.NDArray[np.float64]]
) -> tuple[dict[str, npt.NDArray[np.bool_]], dict[str, str]]:
    """Where fields have no value, each such set of points once, and which of them is that of which field."""
    masks: dict[str, npt.NDArray[np.bool_]] = {}
    mask_of: dict[str, str] = {}
    for name, values in fields.items():
        mask = np.isnan(values).reshape(len(values), -1).any(axis=1)
        if not any(domain.comm.allgather(bool(mask.any()))):
            continue
        known = (other for other in masks if all(domain.comm.allgather(bool(np.array_equal(mask, masks[other])))))
        mask_of[name] = next(known, name)
        masks.setdefault(mask_of[name], mask)
    return masks, mask_of


def _take_out(path: Path, masks: Path, mask_of: Mapping[str, str]) -> None:
    """Put NaN where a mask is set, some rows at a time."""
    import h5py

    with h5py.File(path, "r+") as file, h5py.File(masks, "r") as other:
        for name, its in mask_of.items():
            values, mask = file[f"Function/{name}/0"], other[f"Function/{its}/0"]
            for start in range(0, len(mask), _ROWS):
                rows = slice(start, start + _ROWS)
                gone = mask[rows, 0] > 0.5
                if gone.any():
                    block = values[rows]
                    block[gone] = np.nan
                    values[rows] = block


def _function(domain: Domain, family: str, name: str, values: npt.NDArray[np.float64]) -> Any:
    shape = values.shape[1:]
    if family == "P" and not shape:
        space = domain.space
    else:
        space = api.function_space(domain.mesh, family, 1 if family == "P" else 0, tuple(shape))
    function = api.function(space, name)
    function.x.array[:] = api.by_dof(space, values)
    return function
