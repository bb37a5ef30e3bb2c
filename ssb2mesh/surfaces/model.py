"""The surfaces of a segmented volume as one conforming complex of triangles with names. No files, no closed shells.

Every triangle has a region behind it and one in front of it; a region is a phase, or a side of the box as the
neighbour of the phases that touch it. Two patches that meet share the points of their common curve.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, MeshError, nearest
from ssb2mesh.lattice.build import LatticeOptions
from ssb2mesh.lattice_engine import mesh_on_lattice
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.topology import mesh_topology
from ssb2mesh.volume import BOX_SIDES, LabelledVolume, interface_name

__all__ = ["Surfaces", "boundary_triangles", "extract_surfaces", "surface_options"]


@dataclass(frozen=True, eq=False, repr=False)
class Surfaces:
    """All interfaces and box sides of a volume, conforming.

    Parameters
    ----------
    points : (n, 3) float64 array
        Coordinates, m.
    triangles : (t, 3) int array
        Corner indices; the normal points from the region behind to the region in front.
    regions : (t, 2) int32 array
        Region behind and in front: index into `names`. Of a triangle between two phases the one behind is the first
        in alphabetical order; a triangle on the box has its phase behind and the side in front.
    bodies : (t, 2) int32 array
        Connected component of the phase behind and in front, 0 ... over all phases; -1 for a side.
    names : tuple of str
        Phases in the order of their labels, then the six sides of the box.
    body_phases : (b,) int32 array
        Region of each component.
    box : (2, 3) float array
        Lower and upper corner, m.
    spacing : float
        Typical edge of the squares that the interfaces are made of, m: the scale of their triangles.

    Raises
    ------
    MeshError
        If shapes or index ranges do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((4, 4, 4), np.uint8)
    >>> labels[:2] = 1
    >>> surfaces = extract_surfaces(LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPSCl", 1: "NMC"}))
    >>> surfaces.interface_names[:2]
    ('LPSCl|NMC', 'LPSCl@x_max')
    >>> round(surfaces.areas()["LPSCl|NMC"] * 1e12, 6)
    16.0
    """

    points: npt.NDArray[np.float64]
    triangles: npt.NDArray[np.integer]
    regions: npt.NDArray[np.int32]
    bodies: npt.NDArray[np.int32]
    names: tuple[str, ...]
    body_phases: npt.NDArray[np.int32]
    box: npt.NDArray[np.float64]
    spacing: float = field(default=1.0)

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 3:
            raise MeshError(f"points: got shape {self.points.shape}; expected (n, 3)")
        count = len(self.triangles)
        shapes = (("triangles", self.triangles, 3), ("regions", self.regions, 2), ("bodies", self.bodies, 2))
        for name, array, width in shapes:
            if array.shape != (count, width):
                raise MeshError(f"{name}: got shape {array.shape}; expected ({count}, {width})")
        if count and (self.triangles.min() < 0 or self.triangles.max() >= len(self.points)):
            raise MeshError(f"triangles: indices run beyond the {len(self.points)} points")
        if count and (self.regions.min() < 0 or self.regions.max() >= len(self.names)):
            raise MeshError(f"regions: indices run beyond the {len(self.names)} names")

    @property
    def phase_names(self) -> tuple[str, ...]:
        """Names of the phases."""
        return self.names[: -len(BOX_SIDES)]

    @property
    def interface_names(self) -> tuple[str, ...]:
        """Names of the sets that have triangles: ``"A|B"`` first, then ``"A@x_min"``."""
        pairs = np.unique(self.regions, axis=0)
        named = [self._set_name(int(a), int(b)) for a, b in pairs]
        return tuple(sorted(named, key=lambda name: ("@" in name, name)))

    def _set_name(self, behind: int, front: int) -> str:
        if front >= len(self.phase_names):
            return f"{self.names[behind]}@{self.names[front]}"
        return interface_name(self.names[behind], self.names[front])

    def rows_of(self, name: str) -> npt.NDArray[np.bool_]:
        """Return which triangles belong to an interface ``"A|B"`` or to a phase on a side ``"A@x_min"``.

        Parameters
        ----------
        name : str
            One of `interface_names`.

        Returns
        -------
        (t,) bool array
            Membership.

        Raises
        ------
        InputError
            If there is no such set.
        """
        mark = "|" if "|" in name else "@"
        ends = name.split(mark)
        known = self.interface_names
        if name not in known:
            listed = ", ".join(known[:20])
            raise InputError(f"interface: no interface {name!r}; there are: {listed}{nearest(name, known)}")
        first, second = (self.names.index(end) for end in ends)
        return (self.regions == (first, second)).all(axis=1)

    def phase_index(self, phase: str) -> int:
        """Return the region of a phase; InputError if there is none of this name."""
        if phase not in self.phase_names:
            known = ", ".join(self.phase_names)
            raise InputError(f"phase: no phase {phase!r}; phases: {known}{nearest(phase, self.phase_names)}")
        return self.phase_names.index(phase)

    def areas(self) -> dict[str, float]:
        """Return the area of each interface and of each phase on each side, m2."""
        a, b, c = (self.points[self.triangles[:, i]] for i in range(3))
        areas = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
        return {name: float(areas[self.rows_of(name)].sum()) for name in self.interface_names}

    def volumes(self) -> dict[str, float]:
        """Return the volume that the triangles of each phase enclose, m3."""
        a, b, c = (self.points[self.triangles[:, i]] - self.box[0] for i in range(3))
        signed = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0
        count = len(self.names)
        sums = np.bincount(self.regions[:, 0], weights=signed, minlength=count)
        sums -= np.bincount(self.regions[:, 1], weights=signed, minlength=count)
        return {name: float(sums[i]) for i, name in enumerate(self.phase_names)}

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {int(self.rows_of(name).sum())}" for name in self.interface_names[:12])
        return f"<Surfaces {len(self.triangles)} triangles, {len(self.points)} points; {counts}>"


def surface_options(options: LatticeOptions | None = None) -> LatticeOptions:
    """Return options for a lattice of which only the surfaces are used.

    Parameters
    ----------
    options : LatticeOptions, optional
        The user's own, which are returned as they are.

    Returns
    -------
    LatticeOptions
        By default with a low floor of the dihedral angles: the tets are thrown away, so that they need to be valid
        (which keeps the surfaces from crossing each other) but not good, and the surfaces get smoother.
    """
    return options or LatticeOptions(floor_deg=5.0, goal_deg=15.0)


def extract_surfaces(
    volume: LabelledVolume | TaggedMesh,
    *,
    cell_size: float | str | None = None,
    options: LatticeOptions | None = None,
) -> Surfaces:
    """Return the regularised, conforming surfaces between all phases of a volume and on its box.

    They are the interface triangles of the lattice mesh: surface nets, smoothed without shrinking, triple lines as
    curves, every component with its voxel volume. Since that mesh is valid, no two triangles cross.

    Parameters
    ----------
    volume : LabelledVolume or TaggedMesh
        What to take the surfaces of. A mesh is taken as it is; walls of phases left out of it are not closed.
    cell_size : float or str, optional
        As for `ssb2mesh.mesh_volume`; default one voxel.
    options : LatticeOptions, optional
        Smoothing; see `surface_options` for the default.

    Returns
    -------
    Surfaces
        All phases, nothing left out.

    Raises
    ------
    InputError
        If an argument is not usable, or phases were left out of the mesh given.

    References
    ----------
    Surface nets: Gibson, 10.1007/BFb0056277.

    Examples
    --------
    >>> import numpy as np
    >>> volume = LabelledVolume(np.zeros((2, 2, 2), np.uint8), (1e-6,) * 3, phases={0: "LPSCl"})
    >>> round(extract_surfaces(volume).volumes()["LPSCl"] * 1e18, 9)
    8.0
    """
    if isinstance(volume, TaggedMesh):
        return _of_mesh(volume)
    return _of_mesh(mesh_on_lattice(volume, cell_size=cell_size, options=surface_options(options)))


def _of_mesh(mesh: TaggedMesh) -> Surfaces:
    """Keep the triangles between components and on the box, and their points."""
    triangles, regions, bodies, body_phases = boundary_triangles(mesh)
    used = np.zeros(mesh.n_points, dtype=bool)
    used[triangles.ravel()] = True
    index = (np.cumsum(used) - 1).astype(np.int32)
    names = (*sorted(mesh.cell_names, key=lambda name: mesh.cell_names[name]), *BOX_SIDES)
    # squares of the lattice are cut in two; on the box they may be merged ones
    inner = regions[:, 1] < len(mesh.cell_names)
    a, b, c = (mesh.points[(triangles[inner] if inner.any() else triangles)[:, i]] for i in range(3))
    edge = np.sqrt(np.median(np.linalg.norm(np.cross(b - a, c - a), axis=1)))
    return Surfaces(mesh.points[used], index[triangles], regions, bodies, names, body_phases, np.asarray(mesh.box),
                    float(edge))  # fmt: skip


def boundary_triangles(
    mesh: TaggedMesh,
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Find the facets between phases and on the box from the tets alone.

    Parameters
    ----------
    mesh : TaggedMesh
        A mesh of all phases; its facet sets are not looked at.

    Returns
    -------
    triangles, regions, bodies, body_phases
        As in `Surfaces`, but with the point indices of the mesh; phases are numbered in the order of their tags.

    Raises
    ------
    InputError
        If an outer facet does not lie on the box.

    Examples
    --------
    >>> triangles, regions, bodies, body_phases = boundary_triangles(mesh)  # doctest: +SKIP
    """
    topology = mesh_topology(mesh.tets, mesh.cell_tags)
    phases = sorted(mesh.cell_names, key=lambda name: mesh.cell_names[name])
    region = np.full(max(mesh.cell_names.values()) + 1, -1, np.int32)
    region[[mesh.cell_names[name] for name in phases]] = np.arange(len(phases))
    sides = _sides_of(mesh, topology.outer)
    inner_bodies = topology.component[topology.between_tets]
    outer_bodies = np.stack([topology.component[topology.outer_tets], np.full(len(sides), -1)], axis=1)
    inner = region[mesh.cell_tags[topology.between_tets]]
    outer = np.stack([region[mesh.cell_tags[topology.outer_tets]], len(phases) + sides], axis=1)
    rank = np.argsort(np.argsort(np.asarray(phases, dtype=object)))
    triangles, flip = topology.between.copy(), rank[inner[:, 0]] > rank[inner[:, 1]]
    triangles[flip] = triangles[flip][:, ::-1]
    inner[flip], inner_bodies[flip] = inner[flip][:, ::-1], inner_bodies[flip][:, ::-1]
    return (
        np.concatenate([triangles, topology.outer]),
        np.concatenate([inner, outer]).astype(np.int32),
        np.concatenate([inner_bodies, outer_bodies]).astype(np.int32),
        region[topology.components],
    )


def _sides_of(mesh: TaggedMesh, outer: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    """Side of the box that each outer facet lies in, index into `BOX_SIDES`."""
    assert mesh.box is not None
    sides = np.full(len(outer), -1, np.int32)
    corners = mesh.points[outer]
    for number in range(len(BOX_SIDES)):
        axis, end = divmod(number, 2)
        sides[(corners[:, :, axis] == mesh.box[end, axis]).all(axis=1)] = number
    if (sides < 0).any():
        raise InputError(
            f"volume: {int((sides < 0).sum())} outer facets of the mesh do not lie on its box; "
            "surfaces need a mesh of all phases: mesh without drop"
        )
    return sides
