"""The classical engine: the surfaces of `ssb2mesh.surfaces`, filled with tets by Gmsh. No surfaces are made here.

Gmsh runs in a process of its own (`ssb2mesh.gmsh_engine.worker`): whatever happens to it there, this process
keeps running and keeps its own Gmsh session, if it has one. What comes back is checked before it is believed.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, MeshingError, MissingDependencyError, ResourceError, nearest
from ssb2mesh.lattice.build import LatticeOptions
from ssb2mesh.lattice_engine import predict_mesh
from ssb2mesh.mesh import TaggedMesh, tet_volumes
from ssb2mesh.stages import Stages, available_memory_bytes
from ssb2mesh.surfaces.model import Surfaces, boundary_triangles, extract_surfaces
from ssb2mesh.volume import BOX_SIDES, LabelledVolume, interface_name

__all__ = ["GmshOptions", "mesh_with_gmsh"]

#: What to do when Gmsh fails; ends every message.
ADVICE = 'the default, engine="lattice" (--engine lattice), meshes every volume'
#: Peak bytes per tet of the lattice that the surfaces come from, both processes together; measured.
BYTES_PER_TET = 500.0


@dataclass(frozen=True)
class GmshOptions:
    """Options of the Gmsh engine.

    Parameters
    ----------
    algorithm : {'hxt', 'delaunay', 'frontal'}
        Gmsh's algorithm for the volume. HXT is several times faster; after the optimiser its tets are as good.
    growth : float
        Growth of the tet size by distance from the interfaces, when `LatticeOptions.grade` allows larger tets at all.
    optimise : bool
        Run Netgen's optimiser at the end: most of the time, and no tets as flat as HXT leaves them.
    timeout_s : float
        Give up after so many seconds.
    """

    algorithm: str = "hxt"
    growth: float = 0.4
    optimise: bool = True
    timeout_s: float = 3600.0

    def __post_init__(self) -> None:
        known = ("hxt", "delaunay", "frontal")
        if self.algorithm not in known:
            raise InputError(
                f"algorithm: got {self.algorithm!r}; algorithms: {', '.join(known)}{nearest(self.algorithm, known)}"
            )
        if not 0 <= self.growth <= 10:
            raise InputError(f"growth: got {self.growth!r}; give a number from 0 to 10")
        if not self.timeout_s > 0:
            raise InputError(f"timeout_s: got {self.timeout_s!r}; give a positive number of seconds")


def mesh_with_gmsh(
    volume: LabelledVolume,
    *,
    cell_size: float | str | None = None,
    drop: Sequence[str] = (),
    options: LatticeOptions | None = None,
    gmsh: GmshOptions | None = None,
    stages: Stages | None = None,
    force: bool = False,
) -> TaggedMesh:
    """Mesh a segmented volume with Gmsh inside its regularised, conforming surfaces.

    Parameters
    ----------
    volume : LabelledVolume
        What to mesh.
    cell_size : float or str, optional
        Edge of the squares that the surfaces are made of, as for `ssb2mesh.mesh_volume`.
    drop : sequence of str
        Phases to leave out at the end; their walls stay as facet sets.
    options : LatticeOptions, optional
        Smoothing of the surfaces; with ``grade`` n, tets grow up to ``2**n`` cells away from the interfaces.
    gmsh : GmshOptions, optional
        How Gmsh meshes.
    stages : Stages, optional
        Collects time and memory per stage; memory is that of this process.
    force : bool
        Go on even if the mesh is predicted not to fit the memory.

    Returns
    -------
    TaggedMesh
        Names and tags as of the lattice engine; the triangles of all facet sets are those of the surfaces.

    Raises
    ------
    InputError
        If an argument is not usable.
    MeshingError
        If Gmsh fails, or what it gives is not a mesh of these surfaces.
    MissingDependencyError
        If Gmsh is not installed.
    ResourceError
        If the mesh is predicted not to fit the memory.

    References
    ----------
    Gmsh: Geuzaine and Remacle, 10.1002/nme.2579. HXT: Marot, Pellerin and Remacle, 10.1002/nme.5987.

    Examples
    --------
    >>> mesh = mesh_with_gmsh(volume, cell_size="2 voxels")  # doctest: +SKIP
    """
    if importlib.util.find_spec("gmsh") is None:
        raise MissingDependencyError.of("gmsh", 'engine "gmsh"', 'pip install "ssb2mesh[gmsh]"')
    options, gmsh, stages = options or LatticeOptions(), gmsh or GmshOptions(), stages or Stages()
    if not force:
        _check_fits(volume, cell_size, options)
    with stages("surfaces"):
        # with the floor of the lattice's angles: no tets of Gmsh can be better than the wedges between surfaces
        surfaces = extract_surfaces(volume, cell_size=cell_size, options=options)
    with stages("gmsh"):
        points, tets, body = _run(surfaces, volume, gmsh=gmsh, max_size=2.0**options.grade)
    with stages("tags"):
        made = _tagged(surfaces, points, tets, body=body, gmsh=gmsh)
    keep = [name for name in made.cell_names if name not in drop]
    return made.restrict(keep) if len(keep) < len(made.cell_names) else made


def _check_fits(volume: LabelledVolume, cell_size: float | str | None, options: LatticeOptions) -> None:
    needed = BYTES_PER_TET * predict_mesh(volume, cell_size=cell_size, options=options).tets
    available = available_memory_bytes()
    if available and needed > 0.9 * available:
        raise ResourceError(
            f"cell_size: Gmsh needs about {needed / 2**30:.1f} GiB and {available / 2**30:.1f} GiB are free; a cell "
            f"size {(needed / (0.8 * available)) ** (1 / 3):.2f} times larger fits (or force to go on), or {ADVICE}"
        )


def _run(
    surfaces: Surfaces, volume: LabelledVolume, *, gmsh: GmshOptions, max_size: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Mesh in a process of its own; lengths are in cells there, since Gmsh has absolute tolerances."""
    scale, lower = surfaces.spacing, surfaces.box[0]
    count = len(surfaces.names)
    pairs, patch = np.unique(surfaces.bodies.astype(np.int64) * count + surfaces.regions, axis=0, return_inverse=True)
    patch = patch.ravel()
    first = np.unique(patch, return_index=True)[1]
    bodies = surfaces.bodies[first]
    around = [np.flatnonzero((bodies == b).any(axis=1)) for b in range(len(surfaces.body_phases))]
    with tempfile.TemporaryDirectory(prefix="ssb2mesh-gmsh-") as name:
        folder = Path(name)
        sizes = folder / "sizes.bin"
        if max_size > 1:
            _write_sizes(sizes, volume, scale=scale, max_size=max_size, growth=gmsh.growth)
        np.savez(
            folder / "job.npz",
            points=(surfaces.points - lower) / scale,
            triangles=surfaces.triangles,
            patch=patch,
            volume_patches=np.concatenate(around),
            volume_starts=np.cumsum([0, *map(len, around)]),
            algorithm=gmsh.algorithm,
            optimise=gmsh.optimise,
            max_size=max_size,
            size_file=str(sizes) if max_size > 1 else "",
        )
        _start(folder, gmsh.timeout_s)
        with np.load(folder / "result.npz") as stored:
            result = dict(stored)
    if "error" in result:
        part = ""
        if "empty" in result:
            part = f" (a component of {surfaces.names[surfaces.body_phases[int(result['empty'])]]})"
        raise MeshingError(f"engine: Gmsh cannot mesh these surfaces{part}: {result['error']}; {ADVICE}")
    points = result["points"] * scale + lower
    # the points of the surfaces come first, in their order, and get their own coordinates back
    points[: len(surfaces.points)] = surfaces.points
    return points, result["tets"], result["volume"]


def _start(folder: Path, timeout_s: float) -> None:
    worker = Path(__file__).with_name("worker.py")
    # -P: the folder of the worker holds modules named like those of the standard library
    command = [sys.executable, "-P", str(worker), str(folder / "job.npz"), str(folder / "result.npz")]
    # a child that believes to be a rank of this process's MPI run would wait for the others
    mpi = ("OMPI_", "PMI", "PMIX_", "HYDRA_", "MPI_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(mpi)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=timeout_s, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise MeshingError(f"engine: Gmsh has not finished after {timeout_s:g} s; {ADVICE}") from error
    if not (folder / "result.npz").is_file():
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        reason = f"exit code {done.returncode}"
        if done.returncode < 0:  # a limit of processor time, or want of memory, is no fault of the surfaces
            reason = f"signal {-done.returncode}, {signal.strsignal(-done.returncode)}"
        raise MeshingError(f"engine: Gmsh has crashed on these surfaces ({reason}: {last[0]}); {ADVICE}")


def _write_sizes(path: Path, volume: LabelledVolume, *, scale: float, max_size: float, growth: float) -> None:
    """Tet size by place, on the voxels: one cell at interfaces, growing with the distance from them."""
    from scipy.ndimage import distance_transform_edt

    labels = volume.labels
    far = np.ones(labels.shape, dtype=bool)
    for axis in range(3):
        a, b = np.moveaxis(labels, axis, 0), np.moveaxis(far, axis, 0)
        different = a[1:] != a[:-1]
        b[1:] &= ~different
        b[:-1] &= ~different
    steps = np.asarray(volume.spacing) / scale
    distance = distance_transform_edt(far, sampling=steps) if not far.all() else np.full(labels.shape, np.inf)
    # the first two cells are of one size: what is near decides the quality at the interface
    size = np.minimum(1.0 + growth * np.maximum(distance - 2.0, 0.0), max_size)
    # values lie at voxel centres; a ring around them, so that every point of the box lies between values
    size = np.pad(size, 1, mode="edge")
    with path.open("wb") as file:
        np.concatenate([-0.5 * steps, steps]).astype("<f8").tofile(file)
        np.array(size.shape, "<i4").tofile(file)
        size.astype("<f8").tofile(file)


def _tagged(
    surfaces: Surfaces,
    points: npt.NDArray[np.float64],
    tets: npt.NDArray[np.int64],
    *,
    body: npt.NDArray[np.int64],
    gmsh: GmshOptions,
) -> TaggedMesh:
    """Name everything from the tets alone, after checking that they fill each component exactly."""
    tets = tets.astype(np.int32 if len(points) < 2**31 else np.int64)
    volumes = tet_volumes(points, tets)
    if np.median(volumes) < 0:
        tets, volumes = tets[:, [0, 2, 1, 3]], -volumes
    _check_filled(surfaces, volumes, body)
    tags = (surfaces.body_phases[body] + 1).astype(np.int32)
    names = {name: i + 1 for i, name in enumerate(surfaces.phase_names)}
    nothing = tets[:0, :3]
    bare = TaggedMesh(points, tets, tags, nothing, np.empty(0, np.int32), names, {}, surfaces.box)
    try:
        triangles, regions, _, _ = boundary_triangles(bare)
    except InputError as error:
        raise MeshingError(f"engine: Gmsh's tets do not fill the box exactly; {ADVICE}") from error
    facets, facet_tags, facet_names = _facet_sets(surfaces, triangles, regions)
    metadata = {"engine": "gmsh", "algorithm": gmsh.algorithm}
    return TaggedMesh(points, tets, tags, facets, facet_tags, names, facet_names, surfaces.box, metadata)


def _check_filled(surfaces: Surfaces, volumes: npt.NDArray[np.float64], body: npt.NDArray[np.int64]) -> None:
    flat = int((volumes <= 0).sum())
    if flat:
        raise MeshingError(f"engine: Gmsh left {flat} tets without positive volume; {ADVICE}")
    a, b, c = (surfaces.points[surfaces.triangles[:, i]] - surfaces.box[0] for i in range(3))
    signed = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0
    count = len(surfaces.body_phases)
    wanted = np.bincount(surfaces.bodies[:, 0], weights=signed, minlength=count)
    inner = surfaces.bodies[:, 1] >= 0
    wanted -= np.bincount(surfaces.bodies[inner, 1], weights=signed[inner], minlength=count)
    got = np.bincount(body, weights=volumes, minlength=count)
    # round-off of sums of up to millions of terms stays far below
    wrong = np.flatnonzero(np.abs(got - wanted) > 1e-6 * wanted)
    if len(wrong):
        name = surfaces.names[surfaces.body_phases[wrong[0]]]
        raise MeshingError(
            f"engine: Gmsh's tets do not fill a component of {name} "
            f"({got[wrong[0]]:.6g} of {wanted[wrong[0]]:.6g} m3); {ADVICE}"
        )


def _facet_sets(
    surfaces: Surfaces, triangles: npt.NDArray[np.integer], regions: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int32], dict[str, int]]:
    """Interfaces by name, then phases on sides, then whole sides, in the order of the lattice engine."""
    phases = surfaces.phase_names
    sets: dict[str, npt.NDArray[np.integer]] = {}
    between = regions[:, 1] < len(phases)
    for a, b in np.unique(regions[between], axis=0):
        sets[interface_name(phases[a], phases[b])] = triangles[(regions == (a, b)).all(axis=1)]
    sets = dict(sorted(sets.items()))
    whole = {}
    for s, side in enumerate(BOX_SIDES):
        on_side = regions[:, 1] == len(phases) + s
        for p in np.unique(regions[on_side, 0]):
            sets[f"{phases[p]}@{side}"] = triangles[on_side & (regions[:, 0] == p)]
        whole[side] = triangles[on_side]
    sets |= whole
    tags = np.repeat(np.arange(1, len(sets) + 1, dtype=np.int32), [len(rows) for rows in sets.values()])
    return np.concatenate(list(sets.values())), tags, {name: i + 1 for i, name in enumerate(sets)}
