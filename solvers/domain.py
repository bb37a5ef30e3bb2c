"""Domain: a distributed mesh whose phases and facet sets go by name. No physics, no linear algebra.

Inside, facet sets are unions of atoms (see `ssb2mesh.facet_atoms`), because DOLFINx allows one value per facet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.distribute import exchange, fetch, gather_rows, match_triangles, slab_starts
from solvers.slabs import Names, Slabs, from_first, read_slabs, together
from ssb2mesh.errors import InputError, nearest
from ssb2mesh.mesh import TaggedMesh

__all__ = ["Domain", "load_domain"]


class Domain:
    """A distributed tetrahedral mesh with measures, cells and facets by name; made by `load_domain`.

    Attributes
    ----------
    comm : MPI communicator
        The ranks that share the mesh.
    mesh : dolfinx.mesh.Mesh
        The mesh; m.
    phases : dict of str to int
        Phase name to cell tag.
    sets : dict of str to tuple of int
        Facet set name to the facet tags (atoms) that make it up.
    cell_tags, facet_tags : dolfinx MeshTags
        For use in forms; `dx`, `ds` and `dS` know them.
    box : (2, 3) float array
        Corners of the box, dropped phases included, m.
    n_points, n_tets : int
        Global counts.

    Examples
    --------
    >>> domain = load_domain("mesh.xdmf")  # doctest: +SKIP
    >>> domain.ds("z_min")  # doctest: +SKIP
    """

    def __init__(self, comm: Any, names: Names, slabs: Slabs) -> None:
        self.comm = comm
        self.phases, self.sets, self.box = names.phases, names.sets, names.box
        self.n_points, self.n_tets = names.n_points, names.n_tets
        self.mesh = api.create_mesh(comm, slabs.tets, slabs.points)
        topology = self.mesh.topology
        self.owned_cells: int = topology.index_map(3).size_local
        self.owned_facets: int = topology.index_map(2).size_local
        self.original_cells = np.asarray(topology.original_cell_index, dtype=np.int64)
        self.original_points = np.asarray(self.mesh.geometry.input_global_indices, dtype=np.int64)
        starts = slab_starts(comm, len(slabs.tets))
        #: (local cells,) int32 array: phase tag of each cell, ghosts included.
        self.cell_phase = fetch(comm, slabs.cell_tags, starts, self.original_cells)
        #: (local facets,) int32 array: atom of each facet, 0 where it is in no set.
        self.facet_atom = self._match_facets(slabs)

    def _match_facets(self, slabs: Slabs) -> npt.NDArray[np.int32]:
        """Find the local facets among the tagged triangles."""
        original = self.original_points[self._vertex_to_point[api.local_entities(self.mesh, 2, 0)]]
        # only facets whose three points are tagged can match: far fewer than all
        starts = slab_starts(self.comm, len(slabs.points))
        tagged = self._tagged_points(slabs.triangles, starts)
        near = (
            np.zeros(0, bool)
            if len(self.original_points) == 0
            else fetch(self.comm, tagged, starts, self.original_points)
        )
        seen = near[self._vertex_to_point[api.local_entities(self.mesh, 2, 0)]].all(axis=1) if len(near) else near
        candidates = np.flatnonzero(seen)
        result = np.zeros(len(original), np.int32)
        result[candidates] = match_triangles(self.comm, original[candidates], slabs.triangles, slabs.atoms)
        return result

    def _tagged_points(self, triangles: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which points of this rank's slab any tagged triangle on any rank uses."""
        used = np.unique(triangles)
        asked, _, _ = exchange(self.comm, np.searchsorted(starts, used, side="right") - 1, used)
        flags = np.zeros(int(starts[self.comm.rank + 1] - starts[self.comm.rank]), bool)
        flags[asked - starts[self.comm.rank]] = True
        return flags

    # -- local tables ------------------------------------------------------------------------------------------------

    @cached_property
    def _vertex_to_point(self) -> npt.NDArray[np.int32]:
        """Geometry point of each local vertex of the topology."""
        vertices = api.local_entities(self.mesh, 3, 0)
        result = np.zeros(int(vertices.max(initial=-1)) + 1, np.int32)
        result[vertices] = api.geometry_cells(self.mesh)
        return result

    @cached_property
    def space(self) -> Any:
        """The space of continuous piecewise linear scalars."""
        return api.function_space(self.mesh, "P", 1)

    @cached_property
    def cell_points(self) -> npt.NDArray[np.int32]:
        """(local cells, 4) int32 array: dofs of `space` at the corners of each cell."""
        return api.cell_dofs(self.space)

    @cached_property
    def cell_facets(self) -> npt.NDArray[np.int32]:
        """(local cells, 4) int32 array: facets of each cell."""
        return api.local_entities(self.mesh, 3, 2)

    @cached_property
    def facet_cells(self) -> npt.NDArray[np.int32]:
        """(local facets, 2) int32 array: local cells of each facet, -1 where there is none."""
        result = np.full((len(self.facet_atom), 2), -1, np.int32)
        flat = self.cell_facets.ravel()
        cell = np.repeat(np.arange(len(self.cell_facets), dtype=np.int32), 4)
        # where an index comes twice the later value stays: backwards that is the first cell, forwards the last
        result[flat[::-1], 0] = cell[::-1]
        result[flat, 1] = cell
        result[result[:, 0] == result[:, 1], 1] = -1
        return result

    @cached_property
    def _vertex_dofs(self) -> npt.NDArray[np.int32]:
        vertices = api.local_entities(self.mesh, 3, 0)
        result = np.zeros(int(vertices.max(initial=-1)) + 1, np.int32)
        result[vertices] = self.cell_points
        return result

    @cached_property
    def facet_points(self) -> npt.NDArray[np.int32]:
        """(local facets, 3) int32 array: dofs of `space` at the corners of each facet."""
        return self._vertex_dofs[api.local_entities(self.mesh, 2, 0)]

    @cached_property
    def coordinates(self) -> npt.NDArray[np.float64]:
        """(local dofs, 3) float64 array: position of each dof of `space`, m."""
        result = np.empty((len(self.dof_original), 3))
        result[self.cell_points] = self.mesh.geometry.x[api.geometry_cells(self.mesh)]
        return result

    @cached_property
    def dof_original(self) -> npt.NDArray[np.int64]:
        """(local dofs,) int64 array: index of each dof in the points of the TaggedMesh."""
        index_map = self.space.dofmap.index_map
        result = np.zeros(index_map.size_local + index_map.num_ghosts, np.int64)
        result[self.cell_points] = self.original_points[api.geometry_cells(self.mesh)]
        return result

    @cached_property
    def cell_volumes(self) -> npt.NDArray[np.float64]:
        """(local cells,) float64 array: volume of each cell, m3."""
        from ssb2mesh.mesh import tet_volumes

        # DOLFINx sorts corners, so the sign means nothing here
        return np.abs(tet_volumes(self.mesh.geometry.x, api.geometry_cells(self.mesh)))

    @cached_property
    def facet_areas(self) -> npt.NDArray[np.float64]:
        """(local facets,) float64 array: area of each facet in some set, m2; 0 for the others."""
        tagged = np.flatnonzero(self.facet_atom)
        a, b, c = (self.coordinates[self.facet_points[tagged, i]] for i in range(3))
        result = np.zeros(len(self.facet_atom))
        result[tagged] = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
        return result

    # -- names -------------------------------------------------------------------------------------------------------

    def phase_tags(self, names: Iterable[str], *, argument: str = "phase") -> list[int]:
        """Return the tags of phases.

        Parameters
        ----------
        names : iterable of str
            Phase names.
        argument : str
            What to call the argument in an error.

        Returns
        -------
        list of int
            One tag a name.

        Raises
        ------
        InputError
            If the mesh has no such phase.
        """
        return [_look_up(name, self.phases, argument, "phase") for name in names]

    def cells_of(self, names: Iterable[str], *, argument: str = "phase") -> npt.NDArray[np.bool_]:
        """Return which local cells (ghosts included) belong to some phases; errors as in `phase_tags`."""
        return np.isin(self.cell_phase, self.phase_tags(names, argument=argument))

    def facets_of(self, name: str, *, argument: str = "facet set") -> npt.NDArray[np.int32]:
        """Return the local facets (ghosts included) of a facet set.

        Parameters
        ----------
        name : str
            Set name, such as ``"z_min"``, ``"NMC@z_min"`` or ``"LPSCl|NMC"``.
        argument : str
            What to call the argument in an error.

        Returns
        -------
        (k,) int32 array
            Local facet indices.

        Raises
        ------
        InputError
            If the mesh has no such set.
        """
        atoms = _look_up(name, self.sets, argument, "facet set")
        return np.flatnonzero(np.isin(self.facet_atom, atoms)).astype(np.int32)

    @cached_property
    def cell_tags(self) -> Any:
        """MeshTags of the phases."""
        return api.entity_tags(self.mesh, 3, np.arange(len(self.cell_phase), dtype=np.int32), self.cell_phase)

    @cached_property
    def facet_tags(self) -> Any:
        """MeshTags of the facet atoms."""
        tagged = np.flatnonzero(self.facet_atom).astype(np.int32)
        return api.entity_tags(self.mesh, 2, tagged, self.facet_atom[tagged])

    def dx(self, *phases: str) -> Any:
        """Return the UFL volume measure of some phases, or of the whole mesh when none is named."""
        measure = self._measure("dx", self.cell_tags)
        return measure(tuple(self.phase_tags(phases))) if phases else measure

    def ds(self, name: str) -> Any:
        """Return the UFL measure of a facet set on the boundary of the mesh."""
        return self._measure("ds", self.facet_tags)(_look_up(name, self.sets, "ds", "facet set"))

    def dS(self, name: str) -> Any:
        """Return the UFL measure of a facet set between cells."""
        return self._measure("dS", self.facet_tags)(_look_up(name, self.sets, "dS", "facet set"))

    def _measure(self, kind: str, tags: Any) -> Any:
        import ufl

        return ufl.Measure(kind, domain=self.mesh, subdomain_data=tags)

    # -- totals and global arrays ------------------------------------------------------------------------------------

    def phase_volumes(self) -> dict[str, float]:
        """Return the volume of each phase over all ranks, m3; all ranks call."""
        own = slice(0, self.owned_cells)
        local = [float(self.cell_volumes[own][self.cell_phase[own] == tag].sum()) for tag in self.phases.values()]
        totals = np.sum(self.comm.allgather(local), axis=0)
        return {name: float(v) for name, v in zip(self.phases, totals, strict=True)}

    def set_area(self, name: str) -> float:
        """Return the area of a facet set over all ranks, m2; all ranks call."""
        facets = self.facets_of(name)
        return float(self.comm.allreduce(float(self.facet_areas[facets[facets < self.owned_facets]].sum())))

    def gather_points(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
        """Return local dof values of `space` in the order of the TaggedMesh's points, on rank 0; all ranks call."""
        owned = self.space.dofmap.index_map.size_local
        return gather_rows(self.comm, self.dof_original[:owned], values[:owned], self.n_points)

    def gather_cells(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
        """Return local cell values in the order of the TaggedMesh's tets, on rank 0; all ranks call."""
        own = slice(0, self.owned_cells)
        return gather_rows(self.comm, self.original_cells[own], values[own], self.n_tets)

    def scatter_cells(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the local part (ghosts included) of cell values in the order of the TaggedMesh's tets."""
        return np.asarray(values)[self.original_cells]

    def __repr__(self) -> str:
        return (
            f"<Domain {self.n_tets} tets, {self.n_points} points on {self.comm.size} rank(s); "
            f"phases: {', '.join(self.phases)}; facet sets: {', '.join(list(self.sets)[:24])}>"
        )


def _look_up(name: str, known: Mapping[str, Any], argument: str, what: str) -> Any:
    if name not in known:
        some = ", ".join(list(known)[:30])
        raise InputError(f"{argument}: the mesh has no {what} {name!r}{nearest(name, known)}; it has: {some}")
    return known[name]


def load_domain(mesh_or_path: TaggedMesh | str | Path | None, comm: Any = None) -> Domain:
    """Spread a tagged mesh over the ranks; all ranks call.

    Parameters
    ----------
    mesh_or_path : TaggedMesh, str or Path
        A mesh in memory: that of rank 0 counts, the others may pass None. Or a file: ``.xdmf`` and ``.h5`` are read
        in slabs by all ranks; ``.vtu`` and ``.msh`` are read by rank 0 and spread.
    comm : MPI communicator, optional
        Default: all ranks of the job.

    Returns
    -------
    Domain
        The distributed mesh.

    Raises
    ------
    InputError
        If the mesh is empty, or the file missing or no mesh; on every rank.
    MissingDependencyError
        If DOLFINx is not installed.

    Examples
    --------
    >>> domain = load_domain("mesh.xdmf")  # doctest: +SKIP
    """
    comm = api.world() if comm is None else comm
    if isinstance(mesh_or_path, (str, Path)) and Path(mesh_or_path).suffix.lower() in (".xdmf", ".h5"):
        names, slabs = together(comm, lambda: read_slabs(Path(mesh_or_path), comm))
    else:
        names, slabs = from_first(mesh_or_path, comm)
    if names.n_tets == 0:
        raise InputError("mesh: got a mesh without tets; nothing can be solved on it")
    return Domain(comm, names, slabs)
