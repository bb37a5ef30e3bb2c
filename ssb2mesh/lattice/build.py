"""The lattice mesher from cells to tagged mesh: puts the steps of this package in order. No algorithm of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.components import label_components
from ssb2mesh.errors import InputError
from ssb2mesh.lattice.connectivity import box_triangles, build_tets, choose_diagonals, cut_squares
from ssb2mesh.lattice.grid import CellGrid
from ssb2mesh.lattice.interface import find_interface
from ssb2mesh.lattice.octree import Lattice
from ssb2mesh.lattice.regularise import regularise
from ssb2mesh.lattice.relax import Walls, relax
from ssb2mesh.lattice.tagging import tag_mesh
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.stages import Stages

__all__ = ["LatticeOptions", "build_lattice_mesh"]


@dataclass(frozen=True)
class LatticeOptions:
    """Options of the lattice mesher.

    Parameters
    ----------
    grade : int
        Levels by which cells merge in bulk, 2x2x2 at a time; the cells at interfaces stay as they are.
    smoothing : int
        Steps of the interface flow; 0 leaves the voxel staircase as it is.
    floor_deg : float
        No dihedral angle leaves [floor, 180 - floor] degrees (less on anisotropic voxels, as the lattice's own are).
    goal_deg : float
        Stars with an angle worse than this are improved where possible.
    """

    grade: int = 0
    smoothing: int = 40
    floor_deg: float = 20.0
    goal_deg: float = 25.0

    def __post_init__(self) -> None:
        for name, value, high in (("grade", self.grade, 6), ("smoothing", self.smoothing, 1000)):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
                raise InputError(f"{name}: got {value!r}; give a whole number from 0 to {high}")
        for name, angle in (("floor_deg", self.floor_deg), ("goal_deg", self.goal_deg)):
            if not 0 <= angle <= 45:
                raise InputError(f"{name}: got {angle!r}; give an angle from 0 to 45 degrees, the lattice's own")


def build_lattice_mesh(
    grid: CellGrid,
    lattice: Lattice,
    *,
    drop: tuple[str, ...] = (),
    options: LatticeOptions | None = None,
    stages: Stages | None = None,
) -> TaggedMesh:
    """Mesh a grid of cells.

    Parameters
    ----------
    grid : CellGrid
        Phases of the cells.
    lattice : Lattice
        Its leaves and vertex numbers.
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
        walls = component.ravel()[interface.cells]
        wanted = _wanted_change(grid, phases, sizes)
        del component
    with stages("regularise"):
        target = interface.corners.astype(np.float64)
        if options.smoothing:
            target = regularise(interface, sides=walls, wanted_change=wanted, iterations=options.smoothing)
    with stages("connectivity"):
        scale = grid.spacing / grid.spacing.min()
        points = lattice.points() * scale
        flat = lattice.corner_of[tuple(interface.corners.T)]
        cut = choose_diagonals(target * scale, interface.squares)
        box = box_triangles(lattice, _moved(points, flat, target * scale))
        # dropped phases are left out at the end only: until then their tets keep the walls of thin gaps apart
        tets, tags = build_tets(lattice, interface, cut_other=cut, box=box)
    with stages("optimise"):
        if options.smoothing and len(flat):
            relax(
                points,
                tets,
                lattice=lattice,
                interface=interface,
                target=target,
                walls=Walls(cut, walls, wanted, scale),
                angles=(options.floor_deg, options.goal_deg),
            )
    with stages("tags"):
        where = _physical(points, lattice, scale=scale, grid=grid)
        triangles = cut_squares(interface.squares, cut)
        if not keep.all():
            tets, tags = tets[keep[tags]], tags[keep[tags]]
        return tag_mesh(grid, tets, tags, points=where, walls=(interface.cells, flat[triangles]), box=box, keep=keep)


def _moved(
    points: npt.NDArray[np.float64], flat: npt.NDArray[np.int32], target: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    moved = points.copy()
    moved[flat] = target
    return moved


def _wanted_change(
    grid: CellGrid, phases: npt.NDArray[np.integer], sizes: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Volume that each component must gain so that every phase gets its voxel volume: shared by size."""
    cells = np.bincount(phases, weights=sizes, minlength=len(grid.names))
    ratio = np.divide(grid.volumes, cells, out=np.ones_like(cells), where=cells > 0)
    change = sizes * (ratio[phases] - 1.0)
    change[np.abs(change) < 1e-9] = 0.0
    return change


def _physical(
    points: npt.NDArray[np.float64], lattice: Lattice, *, scale: npt.NDArray[np.float64], grid: CellGrid
) -> npt.NDArray[np.float64]:
    """Positions in m; corners on the box get the box's own numbers, so that its sides are flat to the last bit."""
    out = points * (grid.spacing / scale) + grid.origin
    corners = lattice.corners
    upper = grid.origin + np.asarray(lattice.shape) * grid.spacing
    for axis in range(3):
        out[: len(corners), axis][corners[:, axis] == 0] = grid.origin[axis]
        out[: len(corners), axis][corners[:, axis] == lattice.shape[axis]] = upper[axis]
    return out
