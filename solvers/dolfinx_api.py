"""The only file that knows DOLFINx versions: 0.5.2, 0.9, 0.10 and 0.11 look alike from outside. No physics here.

Arguments go by keyword wherever a release has changed their order, and no other module imports DOLFINx.
"""

from __future__ import annotations

import functools
import importlib
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.vertex_ghosts import ghost_destinations
from ssb2mesh.errors import MissingDependencyError, SolverError

__all__ = [
    "accumulate",
    "assemble_matrix",
    "available",
    "by_dof",
    "cell_dofs",
    "compile_form",
    "create_mesh",
    "dolfinx_version",
    "entity_tags",
    "function",
    "function_space",
    "geometry_cells",
    "integrate",
    "local_entities",
    "owned_and_ghosts",
    "petsc",
    "require",
    "update_ghosts",
    "world",
    "write_xdmf",
]

INSTALL = (
    "apt-get install python3-dolfinx-real (Debian 12 or later, Ubuntu), or conda install -c conda-forge fenics-dolfinx"
)


@functools.lru_cache(maxsize=1)
def require() -> ModuleType:
    """Import DOLFINx and return it.

    Returns
    -------
    module
        ``dolfinx``, with its submodules loaded.

    Raises
    ------
    MissingDependencyError
        If DOLFINx, PETSc or MPI for Python is not there; the message holds the install command.

    Examples
    --------
    >>> require().__version__  # doctest: +SKIP
    '0.5.2'
    """
    # from a wheel, each of them brings its own HDF5 and only works when it is loaded before the HDF5 of DOLFINx
    for name in ("h5py", "netCDF4"):
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # what needs it will say so
        except ValueError as error:
            warnings.warn(
                f"{name} cannot be loaded after DOLFINx ({error}), as each brings an HDF5 of its own: reading and "
                f"writing files will fail; import solvers or {name} before dolfinx in your script",
                stacklevel=3,
            )
    try:
        for name in ("mpi4py", "petsc4py", "ufl", "basix", "dolfinx.fem.petsc", "dolfinx.io", "dolfinx.graph"):
            importlib.import_module(name)
        return importlib.import_module("dolfinx")
    except ImportError as error:
        raise MissingDependencyError.of(str(error.name or "dolfinx"), "Solving", INSTALL) from error


def available() -> bool:
    """Return whether DOLFINx can be imported."""
    try:
        require()
    except MissingDependencyError:
        return False
    return True


def dolfinx_version() -> tuple[int, int]:
    """Return major and minor version of DOLFINx, such as ``(0, 9)``."""
    found = re.match(r"(\d+)\.(\d+)", str(require().__version__))
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def describe() -> str:
    """Return the versions of DOLFINx and PETSc and PETSc's scalar type, as text."""
    library = petsc()
    version = ".".join(map(str, library.Sys.getVersion()))
    return f"{require().__version__} with PETSc {version} {np.dtype(library.ScalarType)}"


def world() -> Any:
    """Return MPI's world communicator."""
    require()
    from mpi4py import MPI

    return MPI.COMM_WORLD


def petsc() -> Any:
    """Return the module ``petsc4py.PETSc``."""
    require()
    from petsc4py import PETSc

    return PETSc


@contextmanager
def _quiet_compiler() -> Iterator[None]:
    """Keep the lines that the form compiler's C compiler logs off the terminal; errors still come as exceptions."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.INFO))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logging.disable(before)


@_quiet_compiler()
def create_mesh(comm: Any, cells: npt.NDArray[np.int64], points: npt.NDArray[np.float64]) -> Any:
    """Return a distributed mesh of linear tets with a layer of facet neighbours as ghosts.

    Parameters
    ----------
    comm : MPI communicator
        All ranks call.
    cells : (m, 4) int64 array
        This rank's slab of cells, global point indices.
    points : (n, 3) float64 array
        This rank's slab of points; slabs in rank order make up the numbering.

    Returns
    -------
    dolfinx.mesh.Mesh
        Facets and their links to cells and vertices exist.
    """
    dolfinx = require()
    import ufl

    mesh_api = dolfinx.mesh
    cells = np.ascontiguousarray(cells, dtype=np.int64)
    points = np.ascontiguousarray(points, dtype=np.float64)
    ghosts = mesh_api.GhostMode.shared_facet
    version = dolfinx_version()
    if version < (0, 7):
        # the first form that is compiled gives the mesh this variant, which is part of the text that later forms are
        # cached by: without it from the start they would be compiled twice, after compiling another one and after not
        corner = ufl.FiniteElement("Lagrange", "tetrahedron", 1, variant="equispaced")
        element = ufl.Mesh(ufl.VectorElement(corner))
        more = {"partitioner": _vertex_partitioner()} if comm.size > 1 else {}
        mesh = mesh_api.create_mesh(comm, cells, x=points, domain=element, ghost_mode=ghosts, **more)
    else:
        import basix.ufl

        element = ufl.Mesh(basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,)))
        extra = (2,) if version >= (0, 11) else ()
        partitioner = mesh_api.create_cell_partitioner(ghosts, *extra)
        mesh = mesh_api.create_mesh(comm, cells, x=points, e=element, partitioner=partitioner)
    vertices, known = mesh.topology.index_map(0).size_global, comm.allreduce(len(points))
    if vertices > known:
        raise SolverError(
            f"DOLFINx made {vertices} vertices of {known} points: parts of the mesh that meet in single vertices came "
            "apart between processes; solve on one process, or mesh all phases and leave out of the solve what does "
            "not conduct"
        )
    for first, second in ((2, 3), (3, 2), (2, 0)):
        mesh.topology.create_connectivity(first, second)
    return mesh


def _vertex_partitioner() -> Any:
    """The default partitioner of DOLFINx 0.5 with copies of vertex neighbours; see `solvers.vertex_ghosts`."""
    dolfinx = require()
    default = dolfinx.cpp.mesh.create_cell_partitioner()

    def partition(comm: Any, parts: int, dim: int, cells: Any, ghosts: Any) -> Any:
        found = default(comm, parts, dim, cells, ghosts)
        owners = np.asarray(found.array)[np.asarray(found.offsets)[:-1]]
        ranks, offsets = ghost_destinations(comm, np.asarray(cells.array).reshape(-1, 4), owners)
        return dolfinx.cpp.graph.AdjacencyList_int32(ranks, offsets)

    return partition


def geometry_cells(mesh: Any) -> npt.NDArray[np.int32]:
    """Return the geometry points of each local cell, ghosts included, (m, 4) int32."""
    if hasattr(mesh.geometry, "dofmaps"):
        dofmaps = mesh.geometry.dofmaps
        found = dofmaps(0) if callable(dofmaps) else dofmaps[0]
    else:
        found = mesh.geometry.dofmap
    return _table(found, 4)


def cell_dofs(space: Any) -> npt.NDArray[np.int32]:
    """Return the dofs of each local cell of a space, ghosts included, (m, k) int32; blocked spaces give blocks."""
    if hasattr(space, "dofmaps"):
        found = space.dofmaps(0) if callable(space.dofmaps) else space.dofmaps[0]
        found = getattr(found, "list", found)
    else:
        found = space.dofmap.list
    return _table(found, int(space.dofmap.dof_layout.num_dofs))


def _table(found: Any, width: int) -> npt.NDArray[np.int32]:
    return np.asarray(getattr(found, "array", found), dtype=np.int32).reshape(-1, width)


def local_entities(mesh: Any, dim: int, to: int) -> npt.NDArray[np.int32]:
    """Return, for each local entity of dimension `dim`, its entities of the lower dimension `to`, (n, k) int32."""
    mesh.topology.create_connectivity(dim, to)
    links = mesh.topology.connectivity(dim, to)
    offsets = np.asarray(links.offsets)
    width = int(offsets[1] - offsets[0]) if len(offsets) > 1 else {(3, 2): 4, (2, 0): 3, (3, 0): 4}[dim, to]
    return np.asarray(links.array, dtype=np.int32).reshape(-1, width)


def owned_and_ghosts(index_map: Any) -> tuple[int, npt.NDArray[np.int64]]:
    """Return how many indices this rank owns and the global index of every local one, ghosts last."""
    first, last = index_map.local_range
    return last - first, np.concatenate([np.arange(first, last), np.asarray(index_map.ghosts, dtype=np.int64)])


def update_ghosts(index_map: Any, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return local values, (n,) or (n, k), with every ghost set to its owner's value; all ranks call."""
    vector = require().la.vector(index_map, 1 if values.ndim == 1 else values.shape[1])
    vector.array[:] = values.ravel()
    vector.scatter_forward()
    return np.array(vector.array).reshape(values.shape)


def accumulate(index_map: Any, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return local values, (n,) or (n, k), where owner and ghosts hold the sum over all ranks; all ranks call."""
    dolfinx = require()
    vector = dolfinx.la.vector(index_map, 1 if values.ndim == 1 else values.shape[1])
    vector.array[:] = values.ravel()
    modes = dolfinx.la.InsertMode if hasattr(dolfinx.la, "InsertMode") else dolfinx.la.ScatterMode
    vector.scatter_reverse(modes.add)
    vector.scatter_forward()
    return np.array(vector.array).reshape(values.shape)


def entity_tags(mesh: Any, dim: int, entities: npt.NDArray[np.int32], values: npt.NDArray[np.int32]) -> Any:
    """Return MeshTags of local entities, in any order, each given once."""
    order = np.argsort(entities, kind="stable")
    return require().mesh.meshtags(
        mesh, dim, np.ascontiguousarray(entities[order], np.int32), np.ascontiguousarray(values[order], np.int32)
    )


@_quiet_compiler()
def function_space(mesh: Any, family: str, degree: int, shape: tuple[int, ...] = ()) -> Any:
    """Return a Lagrange (``"P"``), discontinuous (``"DG"``) or Crouzeix-Raviart (``"CR"``) space.

    Parameters
    ----------
    mesh : dolfinx.mesh.Mesh
        The mesh.
    family : str
        ``"P"``, ``"DG"`` or, for scalars, ``"CR"``.
    degree : int
        Polynomial degree.
    shape : tuple of int
        ``()``, ``(3,)`` or ``(3, 3)``.

    Returns
    -------
    dolfinx.fem.FunctionSpace
        The space.
    """
    fem = require().fem
    if dolfinx_version() < (0, 7):
        kind = {0: fem.FunctionSpace, 1: fem.VectorFunctionSpace, 2: fem.TensorFunctionSpace}[len(shape)]
        return kind(mesh, (family, degree))
    return fem.functionspace(mesh, (family, degree, shape) if shape else (family, degree))


def function(space: Any, name: str) -> Any:
    """Return a zero function of a space."""
    return require().fem.Function(space, name=name)


@_quiet_compiler()
def compile_form(form: Any) -> Any:
    """Compile a UFL form (once: the result is cached on disk by its text)."""
    return require().fem.form(form)


def assemble_matrix(compiled: Any) -> Any:
    """Assemble a bilinear form without boundary conditions into a PETSc matrix."""
    matrix = require().fem.petsc.assemble_matrix(compiled)
    matrix.assemble()
    return matrix


def integrate(domain: Any, integrand: Any, measure: Any) -> float:
    """Return the integral of a UFL expression, or of a constant, over a measure of a Domain; all ranks call."""
    fem = require().fem
    known = isinstance(integrand, (int, float))
    form = compile_form((fem.Constant(domain.mesh, float(integrand)) if known else integrand) * measure)
    return float(domain.comm.allreduce(float(fem.assemble_scalar(form))))


def write_xdmf(path: str, mesh: Any, functions: list[Any]) -> None:
    """Write a mesh and functions (P1 or DG0) to XDMF with HDF5 beside it; all ranks call."""
    with require().io.XDMFFile(mesh.comm, path, "w") as file:
        file.write_mesh(mesh)
        for each in functions:
            file.write_function(each)


def by_dof(space: Any, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return values given by block (point or cell, ghosts included) in the order of a space's vector.

    Cell values are put in the place of each cell's dof; point values are in dof order already.
    """
    dofs = cell_dofs(space)
    flat = np.ascontiguousarray(values, dtype=np.float64).reshape(len(values), -1)
    if dofs.shape[1] != 1:
        return flat.ravel()
    result = np.empty_like(flat)
    result[dofs[:, 0]] = flat
    return result.ravel()
