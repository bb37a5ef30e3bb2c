"""The lattice mesher from cells to tagged mesh: puts the steps of this package in order. No algorithm of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.lattice.connectivity import build_tets
from ssb2mesh.lattice.faces import box_triangles, choose_diagonals, cut_faces
from ssb2mesh.lattice.grey import place_by_grey
from ssb2mesh.lattice.grid import CellGrid
from ssb2mesh.lattice.interface import Interface, find_interface
from ssb2mesh.lattice.octree import Lattice
from ssb2mesh.lattice.placing import Room, make_room
from ssb2mesh.lattice.regularise import regularise
from ssb2mesh.lattice.relax import Walls, relax
from ssb2mesh.lattice.sizes import Sizes
from ssb2mesh.lattice.tagging import tag_mesh
from ssb2mesh.lattice.volumes import lattice_components
from ssb2mesh.lattice.walls import WallFaces, displacements, make_wall_faces, volume_change
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.stages import Stages

__all__ = ["LatticeOptions", "build_lattice_mesh"]


#: What may be done about features thinner than a cell.
THIN = ("keep", "drop", "report")


@dataclass(frozen=True)
class LatticeOptions:
    """Options of the lattice mesher.

    Parameters
    ----------
    grade : int
        Levels by which cells merge in bulk, 2x2x2 at a time; the cells at interfaces stay as they are.
    thin : {'keep', 'drop', 'report'}
        Where the cell size is larger than a voxel, features thinner than a cell keep smaller cells ('keep'), or the
        phase that fills most of a cell takes it ('drop'). 'report' makes the mesh of 'drop': the verbs ``mesh`` and
        ``run`` list what it gives up before they mesh (`ssb2mesh.thin.thin_losses`). What the mesh lost is listed by
        `ssb2mesh.check_mesh`, and so by these verbs, whatever is given here.
    sizes : Sizes
        Sizes in bulk, per phase, per interface, by field.
    grey : (nx, ny, nz) array, optional
        Grey value of each voxel, of the image that was segmented: interfaces are placed on its iso-surface, between
        the median grey values of their two phases.
    smoothing : int
        Steps of the interface flow; 0 leaves the voxel staircase as it is.
    floor_deg : float
        No dihedral angle is smaller (less on anisotropic voxels, as the lattice's own are smaller there), and none
        larger than 180 degrees less the angle with 1.245 times its sine: 16 to 160 degrees by default.
    goal_deg : float
        Stars with an angle worse than this are improved where possible.
    """

    grade: int = 0
    smoothing: int = 40
    floor_deg: float = 16.0
    goal_deg: float = 22.3
    thin: str = "keep"
    sizes: Sizes = Sizes()
    grey: npt.NDArray[np.floating] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, value, high in (("grade", self.grade, 6), ("smoothing", self.smoothing, 1000)):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
                raise InputError(f"{name}: got {value!r}; give a whole number from 0 to {high}")
        for name, angle in (("floor_deg", self.floor_deg), ("goal_deg", self.goal_deg)):
            if not 0 <= angle <= 45:
                raise InputError(f"{name}: got {angle!r}; give an angle from 0 to 45 degrees, the lattice's own")
        if self.thin not in THIN:
            raise InputError(f"thin: got {self.thin!r}; give one of {', '.join(THIN)}{nearest(str(self.thin), THIN)}")


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
        interface = find_interface(lattice)
        component, wanted = lattice_components(grid, lattice)
        faces = make_wall_faces(interface, component.ravel()[interface.cells], components=len(wanted))
        del component
    with stages("regularise"):
        room, wanted = _room(grid, lattice, interface=interface, faces=faces, wanted=wanted, options=options)
        target = interface.corners.astype(np.float64)
        if options.smoothing:
            target = regularise(interface, room, walls=faces, wanted_change=wanted, iterations=options.smoothing)
    with stages("connectivity"):
        scale = grid.spacing / grid.spacing.min()
        points = lattice.points()
        points *= scale
        cut = choose_diagonals(target * scale, interface.faces)
        with _moved(points, interface.vertices, target * scale):
            box = box_triangles(lattice, points)
        # dropped phases are left out at the end only: until then their tets keep the walls of thin gaps apart
        tets = build_tets(lattice, interface, cut_other=cut, box=box)
    with stages("optimise"):
        if options.smoothing and len(target):
            cut = relax(
                points,
                tets,
                lattice=lattice,
                interface=interface,
                target=target,
                walls=Walls(cut, room, faces, wanted, scale),
                angles=(options.floor_deg, options.goal_deg),
            )
    with stages("tags"):
        where = _physical(points, lattice, scale=scale, grid=grid)
        triangles, of = cut_faces(interface.faces, cut)
        corners, tags = tets.corners, tets.tags
        if not keep.all():
            corners, tags = corners[keep[tags]], tags[keep[tags]]
        pairs = lattice.phase.ravel()[interface.cells][of]
        walls = (pairs, interface.vertices[triangles])
        return tag_mesh(grid, corners, tags, points=where, walls=walls, box=box, keep=keep)


def _room(
    grid: CellGrid,
    lattice: Lattice,
    *,
    interface: Interface,
    faces: WallFaces,
    wanted: npt.NDArray[np.float64],
    options: LatticeOptions,
) -> tuple[Room, npt.NDArray[np.float64]]:
    """Where the interface corners begin and may go, and the volume that the components should gain."""
    room = make_room(interface, lattice.phase, grid.phase, voxel=float(grid.voxel_in_cells.max()))
    if options.grey is not None:
        room = place_by_grey(room, interface, lattice, grid=grid, grey=options.grey)
        if not interface.level.any():
            # the grey values say where the walls are, and so how large the phases
            wanted, _ = volume_change(faces, displacements(room.start, interface))
    return room, wanted


@contextmanager
def _moved(
    points: npt.NDArray[np.float64], vertices: npt.NDArray[np.int32], target: npt.NDArray[np.float64]
) -> Iterator[None]:
    """Move some vertices for a while."""
    before = points[vertices]
    points[vertices] = target
    yield
    points[vertices] = before


def _physical(
    points: npt.NDArray[np.float64], lattice: Lattice, *, scale: npt.NDArray[np.float64], grid: CellGrid
) -> npt.NDArray[np.float64]:
    """Write positions in m over those in cells; corners on the box get its own numbers: flat to the last bit."""
    points *= grid.spacing / scale
    points += grid.box[0]
    corners = lattice.corners
    for axis in range(3):
        points[: len(corners), axis][corners[:, axis] == 0] = grid.box[0, axis]
        points[: len(corners), axis][corners[:, axis] == lattice.shape[axis]] = grid.box[1, axis]
    return points
