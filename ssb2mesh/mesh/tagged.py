"""The tagged mesh: arrays and names. No meshing, no files, no physics.

Tags are integers that live in arrays and files only; users speak names. A facet set is one of

- an interface ``"A|B"`` (names in alphabetical order; the triangle normals point from A to B),
- one phase on one side of the box ``"A@z_min"`` (normals point out),
- a whole side ``"z_min"``, the union of the ``"A@z_min"``.

A facet row holds each tagged triangle once per set, so a triangle of ``"A@z_min"`` has a second row in ``"z_min"``.
Rows are sorted by tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, MeshError, nearest
from ssb2mesh.volume import BOX_SIDES

__all__ = ["TET_SIDES", "TaggedMesh", "corner_keys", "tet_volumes"]

#: Corners of the four sides of a tet, each ordered so that its normal points out of a positive tet.
TET_SIDES = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]], dtype=np.int32)

#: Below this many tets array arithmetic is quicker than loading the compiled loop.
_SMALL = 100_000


def tet_volumes(points: npt.NDArray[np.float64], tets: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Return the signed volume of each tet.

    Parameters
    ----------
    points : (n, 3) float array
        Coordinates, m.
    tets : (m, 4) int array
        Corner indices.

    Returns
    -------
    (m,) float array
        Volumes, m3; positive when corner 3 lies on the side that the normal of (0, 1, 2) points to.

    Examples
    --------
    >>> import numpy as np
    >>> tet_volumes(np.array([[0., 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]), np.array([[0, 1, 2, 3]])) * 6
    array([1.])
    """
    a = points[tets[:, 0]]
    u, v, w = points[tets[:, 1]] - a, points[tets[:, 2]] - a, points[tets[:, 3]] - a
    return np.einsum("ij,ij->i", np.cross(u, v), w) / 6.0


@dataclass(frozen=True, repr=False, eq=False)
class TaggedMesh:
    """A conforming tetrahedral mesh whose phases and facet sets have names.

    Parameters
    ----------
    points : (n, 3) float64 array
        Vertex coordinates, m.
    tets : (m, 4) int32 or int64 array
        Corner indices; positive volume.
    cell_tags : (m,) int32 array
        Phase tag of each tet.
    facets : (f, 3) int array
        Tagged triangles, a row per triangle and set, oriented (see the module's text).
    facet_tags : (f,) int32 array
        Set tag of each row.
    cell_names : mapping of str to int
        Phase name to tag.
    facet_names : mapping of str to int
        Facet set name to tag.
    box : (2, 3) float array, optional
        Lower and upper corner of the meshed box in m, dropped phases included; default: bounds of the points.
    metadata : mapping, optional
        Where the mesh came from (JSON-able): versions, options, dropped phases.

    Raises
    ------
    MeshError
        If shapes, index ranges or names do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[0., 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> mesh = TaggedMesh(points, np.array([[0, 1, 2, 3]]), np.array([1]), np.array([[0, 2, 1]]), np.array([1]),
    ...                   {"NMC": 1}, {"NMC@z_min": 1})
    >>> mesh
    <TaggedMesh 1 tets, 4 points; phases: NMC 1; facet sets: NMC@z_min 1>
    """

    points: npt.NDArray[np.float64]
    tets: npt.NDArray[np.integer]
    cell_tags: npt.NDArray[np.int32]
    facets: npt.NDArray[np.integer]
    facet_tags: npt.NDArray[np.int32]
    cell_names: Mapping[str, int]
    facet_names: Mapping[str, int]
    box: npt.NDArray[np.float64] | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        points = np.ascontiguousarray(self.points, dtype=np.float64)
        tets, facets = np.ascontiguousarray(self.tets), np.ascontiguousarray(self.facets)
        if points.ndim != 2 or points.shape[1] != 3:
            raise MeshError(f"points: got shape {points.shape}; expected (n, 3)")
        if tets.ndim != 2 or tets.shape[1] != 4 or not np.issubdtype(tets.dtype, np.integer):
            raise MeshError(f"tets: got shape {tets.shape} of {tets.dtype}; expected (m, 4) integers")
        if facets.size == 0:
            facets = facets.reshape(0, 3).astype(tets.dtype)
        if facets.ndim != 2 or facets.shape[1] != 3 or not np.issubdtype(facets.dtype, np.integer):
            raise MeshError(f"facets: got shape {facets.shape} of {facets.dtype}; expected (f, 3) integers")
        for name, array in (("tets", tets), ("facets", facets)):
            if array.size and (array.min() < 0 or array.max() >= len(points)):
                raise MeshError(
                    f"{name}: indices run from {array.min()} to {array.max()} but there are {len(points)} points"
                )
        cell_tags = np.ascontiguousarray(self.cell_tags, dtype=np.int32)
        facet_tags = np.ascontiguousarray(self.facet_tags, dtype=np.int32)
        if cell_tags.shape != (len(tets),):
            raise MeshError(f"cell_tags: got shape {cell_tags.shape}; expected ({len(tets)},)")
        if facet_tags.shape != (len(facets),):
            raise MeshError(f"facet_tags: got shape {facet_tags.shape}; expected ({len(facets)},)")
        _check_names("cell_names", self.cell_names, cell_tags)
        _check_names("facet_names", self.facet_names, facet_tags)
        box = self.box
        if box is None:
            box = np.stack([points.min(axis=0), points.max(axis=0)]) if len(points) else np.zeros((2, 3))
        values = {"points": points, "tets": tets, "facets": facets, "cell_tags": cell_tags, "facet_tags": facet_tags}
        values |= {"box": np.asarray(box, dtype=np.float64).reshape(2, 3)}
        for name, mapping in (("cell_names", self.cell_names), ("facet_names", self.facet_names)):
            values[name] = MappingProxyType({str(k): int(v) for k, v in mapping.items()})  # type: ignore[assignment]
        values["metadata"] = MappingProxyType(dict(self.metadata))  # type: ignore[assignment]
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def n_points(self) -> int:
        """Number of vertices."""
        return len(self.points)

    @property
    def n_tets(self) -> int:
        """Number of tets."""
        return len(self.tets)

    @property
    def box_volume(self) -> float:
        """Volume of the whole box, dropped phases included, m3."""
        assert self.box is not None
        return float(np.prod(self.box[1] - self.box[0]))

    def phase_tag(self, name: str) -> int:
        """Return the tag of a phase.

        Parameters
        ----------
        name : str
            Phase name.

        Returns
        -------
        int
            Tag.

        Raises
        ------
        InputError
            If the mesh has no such phase.
        """
        if name not in self.cell_names:
            raise InputError(
                f"phase: no phase {name!r}; phases: {', '.join(self.cell_names)}{nearest(name, self.cell_names)}"
            )
        return self.cell_names[name]

    def facet_tag(self, name: str) -> int:
        """Return the tag of a facet set.

        Parameters
        ----------
        name : str
            Facet set name.

        Returns
        -------
        int
            Tag.

        Raises
        ------
        InputError
            If the mesh has no such facet set.
        """
        if name not in self.facet_names:
            known = ", ".join(list(self.facet_names)[:30])
            raise InputError(f"facet set: no set {name!r}; sets: {known}{nearest(name, self.facet_names)}")
        return self.facet_names[name]

    def facet_set(self, name: str) -> npt.NDArray[np.integer]:
        """Return the triangles of a facet set, (k, 3) point indices; see `facet_tag` for the error."""
        return self.facets[self.facet_tags == self.facet_tag(name)]

    def phase_volumes(self) -> dict[str, float]:
        """Return the volume of each phase, m3, by name."""
        size = max([0, *self.cell_names.values()]) + 1
        if self.n_tets < _SMALL:
            sums = np.bincount(self.cell_tags, weights=tet_volumes(self.points, self.tets), minlength=size)
        else:
            from ssb2mesh.mesh.kernel import sum_volumes

            sums = sum_volumes(self.points, self.tets, self.cell_tags, size).sum(axis=0)
        return {name: float(sums[tag]) for name, tag in self.cell_names.items()}

    def facet_areas(self) -> dict[str, float]:
        """Return the area of each facet set, m2, by name."""
        a, b, c = (self.points[self.facets[:, i]] for i in range(3))
        areas = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
        sums = np.bincount(self.facet_tags, weights=areas, minlength=max([0, *self.facet_names.values()]) + 1)
        return {name: float(sums[tag]) for name, tag in self.facet_names.items()}

    def restrict(self, phases: Sequence[str]) -> TaggedMesh:
        """Return the part of the mesh that belongs to some phases, with the facet sets that still touch it.

        Parameters
        ----------
        phases : sequence of str
            Names of the phases to keep. Walls towards phases left out stay as facet sets.

        Returns
        -------
        TaggedMesh
            Points that no tet uses are gone; tags, names, box and metadata stay.

        Raises
        ------
        InputError
            If a phase is unknown, or none is left.

        Examples
        --------
        >>> mesh.restrict(["NMC"])  # doctest: +SKIP
        """
        tags = [self.phase_tag(name) for name in phases]
        keep = np.isin(self.cell_tags, tags)
        if not keep.any():
            raise InputError(f"phases: keeping {list(phases)} leaves no tet; phases: {', '.join(self.cell_names)}")
        tets = self.tets[keep]
        used = np.zeros(self.n_points, dtype=bool)
        used[tets.ravel()] = True
        new_index = np.cumsum(used, dtype=self.tets.dtype) - 1
        kept_names = {name for name, tag in self.cell_names.items() if tag in set(tags)}
        kept_tags = [t for n, t in self.facet_names.items() if _touches(n, kept_names)]
        rows = np.isin(self.facet_tags, kept_tags)
        rows &= used[self.facets].all(axis=1)
        unions = [t for n, t in self.facet_names.items() if n in BOX_SIDES]
        if unions:
            rows &= ~np.isin(self.facet_tags, unions) | np.isin(
                corner_keys(self.facets), corner_keys(self.facets[rows & ~np.isin(self.facet_tags, unions)])
            )
        facet_tags = self.facet_tags[rows]
        present = set(np.unique(facet_tags).tolist())
        return TaggedMesh(
            self.points[used],
            new_index[tets],
            self.cell_tags[keep],
            new_index[self.facets[rows]],
            facet_tags,
            {n: t for n, t in self.cell_names.items() if n in kept_names},
            {n: t for n, t in self.facet_names.items() if t in present},
            self.box,
            self.metadata,
        )

    def __repr__(self) -> str:
        cells = np.bincount(self.cell_tags, minlength=max([0, *self.cell_names.values()]) + 1)
        rows = np.bincount(self.facet_tags, minlength=max([0, *self.facet_names.values()]) + 1)
        phases = ", ".join(f"{n} {cells[t]}" for n, t in self.cell_names.items())
        shown = list(self.facet_names.items())[:24]
        sets = ", ".join(f"{n} {rows[t]}" for n, t in shown) + (", ..." if len(self.facet_names) > len(shown) else "")
        return f"<TaggedMesh {self.n_tets} tets, {self.n_points} points; phases: {phases}; facet sets: {sets}>"


def _touches(facet_set: str, phases: set[str]) -> bool:
    """Whether a facet set still belongs to a mesh of these phases; sets with names of the user's own always may."""
    if "|" in facet_set:
        return bool(set(facet_set.split("|")) & phases)
    if "@" in facet_set:
        return facet_set.split("@")[0] in phases
    return True


def corner_keys(triangles: npt.NDArray[np.integer]) -> npt.NDArray[np.void]:
    """Return one comparable key per triangle, whatever the order of its corners.

    Parameters
    ----------
    triangles : (f, 3) int array
        Point indices, not negative.

    Returns
    -------
    (f,) array of 24-byte keys
        They sort like the sorted corners, and compare across arrays.

    Examples
    --------
    >>> import numpy as np
    >>> first, second = corner_keys(np.array([[2, 0, 1], [1, 2, 0]]))
    >>> bool(first == second)
    True
    """
    # big-endian, so that comparing bytes compares numbers
    return np.ascontiguousarray(np.sort(triangles, axis=1).astype(">u8")).view("V24").ravel()


def _used(tags: npt.NDArray[np.int32]) -> npt.NDArray[np.integer]:
    """Return the different tags, ascending; without sorting where they are small, as they mostly are."""
    if not len(tags) or tags.min() < 0 or tags.max() > 1 << 16:
        return np.unique(tags)
    used = np.zeros(int(tags.max()) + 1, np.bool_)
    used[tags] = True
    return np.flatnonzero(used)


def _check_names(what: str, names: Mapping[str, int], tags: npt.NDArray[np.int32]) -> None:
    if len(set(names.values())) < len(names):
        raise MeshError(f"{what}: two names share a tag in {dict(names)}; each name needs a tag of its own")
    nameless = sorted(set(_used(tags).tolist()) - set(names.values()))
    if nameless:
        raise MeshError(f"{what}: tag {nameless[0]} has no name; names: {dict(names)}")
