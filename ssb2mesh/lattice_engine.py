"""The lattice engine: cells, then a mesh of them, and before that what it will cost. Other engines stand on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ssb2mesh.budget.model import Sizes as WorkSizes
from ssb2mesh.budget.model import cost
from ssb2mesh.budget.work import Work, count_work
from ssb2mesh.errors import InputError, ResourceError
from ssb2mesh.lattice.build import LatticeOptions, build_lattice_mesh
from ssb2mesh.lattice.grid import CellGrid, cell_counts, make_grid
from ssb2mesh.lattice.octree import Lattice, make_lattice
from ssb2mesh.lattice.optimise import warn_of_compilation
from ssb2mesh.lattice.sizes import finest_size, leaf_levels
from ssb2mesh.lattice.threads import FEW_CELLS, threads_for
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.stages import Stages, available_memory_bytes
from ssb2mesh.volume import LabelledVolume

__all__ = ["MeshPrediction", "known_phases", "mesh_on_lattice", "mesh_work", "predict_mesh"]


@dataclass(frozen=True)
class MeshPrediction:
    """What a mesh will cost.

    Parameters
    ----------
    tets : int
        Number of tets, exact.
    points : int
        Number of vertices, exact.
    memory_bytes : int
        Peak memory above that of the volume; dropped phases count until the end.
    seconds : float
        Wall-clock time of meshing on two cores of this machine, without the compilation of the first run.
    cells : tuple of three int
        Lattice cells along x, y, z.
    stages : mapping of str to float
        The same for what `ssb2mesh mesh` does besides, s: check.
    """

    tets: int
    points: int
    memory_bytes: int
    seconds: float
    cells: tuple[int, int, int]
    stages: Mapping[str, float] = field(default_factory=dict)


def predict_mesh(
    volume: LabelledVolume,
    *,
    cell_size: float | str | None = None,
    drop: Sequence[str] = (),
    options: LatticeOptions | None = None,
) -> MeshPrediction:
    """Predict tets, memory and time of `mesh_volume` from a quick pass over the cells.

    Parameters
    ----------
    volume : LabelledVolume
        What to mesh.
    cell_size, drop, options
        As for `mesh_volume`.

    Returns
    -------
    MeshPrediction
        Memory and time are linear in tets, interface squares and cells, with measured factors.

    Raises
    ------
    InputError
        If the cell size or a phase name is not usable.

    Examples
    --------
    >>> import numpy as np
    >>> predict_mesh(LabelledVolume(np.zeros((10, 10, 10), np.uint8), (1e-6,) * 3)).tets
    12000
    """
    return _predict(mesh_work(volume, cell_size=cell_size, drop=drop, options=options))


def mesh_work(
    volume: LabelledVolume,
    *,
    cell_size: float | str | None = None,
    drop: Sequence[str] = (),
    options: LatticeOptions | None = None,
) -> Work:
    """Count what `mesh_volume` will make.

    Parameters
    ----------
    volume : LabelledVolume
        What to mesh.
    cell_size, drop, options
        As for `mesh_volume`.

    Returns
    -------
    Work
        Tets, vertices, pieces of interface.

    Raises
    ------
    InputError
        If the cell size or a phase name is not usable.

    Examples
    --------
    >>> import numpy as np
    >>> mesh_work(LabelledVolume(np.zeros((10, 10, 10), np.uint8), (1e-6,) * 3)).sizes.points
    2331
    """
    drop = known_phases(volume, drop)
    options = options or LatticeOptions()
    _check_countable(cell_counts(volume, cell_size, finest_size(options.sizes, volume))[0])
    grid, lattice = _cells(volume, cell_size, options)
    return count_work(grid, lattice, drop=drop, smoothing=bool(options.smoothing))


def _cells(volume: LabelledVolume, cell_size: float | str | None, options: LatticeOptions) -> tuple[CellGrid, Lattice]:
    grid = make_grid(volume, cell_size, finest=finest_size(options.sizes, volume))
    keep_thin = options.thin == "keep"
    levels = leaf_levels(grid, options.sizes, volume, grade=options.grade, keep_thin=keep_thin)
    return grid, make_lattice(grid.phase, levels)


def _predict(work: Work) -> MeshPrediction:
    sizes, (nx, ny, nz) = work.sizes, work.grid.phase.shape
    memory, seconds = (cost(kind, "mesh", sizes) or 0.0 for kind in ("memory", "seconds"))
    check = cost("seconds", "check", sizes)
    stages = {} if check is None else {"check": check}
    return MeshPrediction(sizes.tets, sizes.points, round(memory), seconds, (nx, ny, nz), stages)


def mesh_on_lattice(
    volume: LabelledVolume,
    *,
    cell_size: float | str | None = None,
    drop: Sequence[str] = (),
    options: LatticeOptions | None = None,
    stages: Stages | None = None,
    force: bool = False,
) -> TaggedMesh:
    """Mesh a segmented volume on the lattice; see `ssb2mesh.mesh_volume`.

    Parameters
    ----------
    volume : LabelledVolume
        What to mesh.
    cell_size, drop, options, stages, force
        As for `ssb2mesh.mesh_volume`; not all phases may be dropped.

    Returns
    -------
    TaggedMesh
        Cell tags 1, 2 ... in the order of the labels.

    Raises
    ------
    InputError
        If an argument is not usable, or nothing would be left to mesh.
    ResourceError
        If the mesh is predicted not to fit the memory.

    Examples
    --------
    >>> mesh_on_lattice(LabelledVolume(np.zeros((2, 2, 2), np.uint8), (1e-6,) * 3)).n_tets
    96
    """
    options, stages, drop = options or LatticeOptions(), stages or Stages(), known_phases(volume, drop)
    counts, _ = cell_counts(volume, cell_size, finest_size(options.sizes, volume))
    _check_countable(counts)
    warn_of_compilation(stages)
    with threads_for(int(np.prod(counts)), FEW_CELLS):
        with stages("cells"):
            grid, lattice = _cells(volume, cell_size, options)
            if not force:
                _check_fits(grid, lattice, drop=drop, options=options)
        mesh = build_lattice_mesh(grid, lattice, drop=drop, options=options, stages=stages)
    if not mesh.n_tets:
        raise InputError(
            f"drop: without {', '.join(drop)} no cell is left to mesh at this cell size; give a smaller one"
        )
    return mesh


def known_phases(volume: LabelledVolume, names: Sequence[str]) -> tuple[str, ...]:
    """Return names of phases, each once; InputError if the volume lacks one."""
    for name in names:
        volume.label_of(name)
    return tuple(dict.fromkeys(names))


def _check_countable(counts: tuple[int, int, int]) -> None:
    if sum(np.prod([float(n + 1 - c) for n in counts]) for c in (0, 1)) >= 2**31:
        raise ResourceError(
            f"cell_size: {' x '.join(map(str, counts))} cells need more vertices than 32-bit indices hold; "
            "give a larger cell size or crop"
        )


def _check_fits(grid: CellGrid, lattice: Lattice, *, drop: Sequence[str], options: LatticeOptions) -> None:
    available = available_memory_bytes()
    # four tets and a square on each of six faces: where so many fit, they need not be counted
    leaves = len(lattice.anchors)
    most = WorkSizes(cells=grid.phase.size, built=24 * leaves, squares=3 * leaves if options.smoothing else 0)
    if not available or (cost("memory", "mesh", most) or 0.0) <= 0.9 * available:
        return
    prediction = _predict(count_work(grid, lattice, drop=drop, smoothing=bool(options.smoothing)))
    if prediction.memory_bytes > 0.9 * available:
        factor = (prediction.memory_bytes / (0.8 * available)) ** (1 / 3)
        raise ResourceError(
            f"cell_size: about {prediction.tets / 1e6:.0f} M tets need {prediction.memory_bytes / 2**30:.1f} GiB and "
            f"{available / 2**30:.1f} GiB are free; a cell size {factor:.2f} times larger fits (or force to go on)"
        )
