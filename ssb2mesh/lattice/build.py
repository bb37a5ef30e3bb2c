"""The lattice mesher from cells to tagged mesh: puts the steps of this package in order. No algorithm of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.components import label_components
from ssb2mesh.lattice.connectivity import BoxSquares, box_squares, build_tets, choose_diagonals, n_corners
from ssb2mesh.lattice.grid import CellGrid
from ssb2mesh.lattice.interface import Interface, find_interface
from ssb2mesh.lattice.regularise import regularise
from ssb2mesh.lattice.relax import relax
from ssb2mesh.lattice.tagging import tag_mesh
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.stages import Stages

__all__ = ["LatticeOptions", "build_lattice_mesh"]


@dataclass(frozen=True)
class LatticeOptions:
    """Options of the lattice mesher.

    Parameters
    ----------
    smoothing : int
        Steps of the interface flow; 0 leaves the voxel staircase as it is.
    floor_deg : float
        No dihedral angle leaves [floor, 180 - floor] degrees (less on anisotropic voxels, as the lattice's own are).
    goal_deg : float
        Stars with an angle worse than this are improved where possible.
    """

    smoothing: int = 40
    floor_deg: float = 17.0
    goal_deg: float = 23.0


def build_lattice_mesh(
    grid: CellGrid, *, drop: tuple[str, ...] = (), options: LatticeOptions | None = None, stages: Stages | None = None
) -> TaggedMesh:
    """Mesh a grid of cells.

    Parameters
    ----------
    grid : CellGrid
        Phases of the cells.
    drop : tuple of str
        Phases to leave out; their walls stay as facet sets.
    options : LatticeOptions, optional
        How to smooth and optimise.
    stages : Stages, optional
        Collects the time of each stage.

    Returns
    -------
    TaggedMesh
        Positive tets, conforming, box exactly flat.

    References
    ----------
    The dual of the cell grid gives surface nets (10.1007/BFb0056277) as interface and the body-centred cubic lattice
    in bulk (10.1145/1276377.1276448 for its use in meshing).
    """
    options = options or LatticeOptions()
    stages = stages or Stages()
    keep = np.array([name not in drop for name in grid.names])
    with stages("interface"):
        interface = find_interface(grid.phase)
        component, phases, sizes, _ = label_components(grid.phase)
        wanted = _wanted_change(grid, phases, sizes)
    with stages("regularise"):
        target = interface.corners.astype(np.float64)
        if options.smoothing:
            target = regularise(
                interface, component=component.ravel(), wanted_change=wanted, iterations=options.smoothing
            )
    with stages("connectivity"):
        scale = grid.spacing / grid.spacing.min()
        points = lattice_points(grid.phase.shape) * scale
        flat = corner_indices(interface, grid.phase.shape)
        cut = choose_diagonals(target * scale, interface.squares)
        box = box_squares(grid.phase.shape)
        box_cut = _cut_box(points, flat, target * scale, box)
        tets, tags = build_tets(grid.phase, interface, cut_other=cut, box=box, box_cut_other=box_cut, keep=keep)
    with stages("optimise"):
        if options.smoothing and len(flat):
            relax(
                points, tets, interface=interface, target=target, scale=scale,
                walls=(cut, component.ravel()[interface.cells], wanted), angles=(options.floor_deg, options.goal_deg),
            )  # fmt: skip
    with stages("tags"):
        where = _physical(points, scale, grid)
        return tag_mesh(grid, tets, tags, points=where, interface=(interface, flat, cut), box=(box, box_cut), keep=keep)


def lattice_points(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Return all vertices of an untouched lattice in units of cells: corners, then centres."""
    corners = np.indices([n + 1 for n in shape], dtype=np.float64).reshape(3, -1).T
    centres = np.indices(shape, dtype=np.float64).reshape(3, -1).T + 0.5
    return np.concatenate([corners, centres])


def corner_indices(interface: Interface, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return the vertex index of each interface corner."""
    i, j, k = interface.corners.T.astype(np.int64)
    return (i * (shape[1] + 1) + j) * (shape[2] + 1) + k


def _wanted_change(
    grid: CellGrid, phases: npt.NDArray[np.integer], sizes: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Volume that each component must gain so that every phase gets its voxel volume: shared by size."""
    cells = np.bincount(phases, weights=sizes, minlength=len(grid.names))
    ratio = np.divide(grid.volumes, cells, out=np.ones_like(cells), where=cells > 0)
    change = sizes * (ratio[phases] - 1.0)
    change[np.abs(change) < 1e-9] = 0.0
    return change


def _cut_box(
    points: npt.NDArray[np.float64], flat: npt.NDArray[np.int64], target: npt.NDArray[np.float64], box: BoxSquares
) -> npt.NDArray[np.bool_]:
    moved = points.copy()
    moved[flat] = target
    return choose_diagonals(moved, box.corners)


def _physical(
    points: npt.NDArray[np.float64], scale: npt.NDArray[np.float64], grid: CellGrid
) -> npt.NDArray[np.float64]:
    """Positions in m; corners on the box get the box's own numbers, so that its sides are flat to the last bit."""
    shape = grid.phase.shape
    out = points * (grid.spacing / scale) + grid.origin
    corners = out[: n_corners(shape)].reshape(*(n + 1 for n in shape), 3)
    upper = grid.origin + np.asarray(grid.phase.shape) * grid.spacing
    for axis in range(3):
        side = np.moveaxis(corners[..., axis], axis, 0)
        side[0] = grid.origin[axis]
        side[-1] = upper[axis]
    return out
