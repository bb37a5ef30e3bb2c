"""The half of the Gmsh engine that runs in a process of its own: arrays in a file in, arrays in a file out.

It imports NumPy and Gmsh only, so that nothing of Gmsh (its state, its signal handlers, its licence, its crashes)
reaches the process of the user. `ssb2mesh.gmsh_engine` starts it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["main"]

ALGORITHMS = {"delaunay": 1, "frontal": 4, "hxt": 10}
#: HXT improves tets of a quality below this; with its own 0.35 it takes minutes on surfaces with blunt triangles.
HXT_THRESHOLD = 0.1


def main(job_path: str, result_path: str) -> None:
    """Mesh a job and write the result, or the reason why there is none.

    Parameters
    ----------
    job_path : str
        ``.npz`` with ``points``, ``triangles``, ``patch`` (of each triangle), ``volume_patches`` and ``volume_starts``
        (patches around each volume), ``algorithm``, ``optimise``, ``max_size``, and ``size_file`` (may be empty).
    result_path : str
        ``.npz`` to write: ``points``, ``tets``, ``volume`` (of each tet), or ``error``.

    Examples
    --------
    >>> main("job.npz", "result.npz")  # doctest: +SKIP
    """
    with np.load(job_path) as stored:
        job = dict(stored)
    try:
        import gmsh
    except (ImportError, OSError) as error:
        np.savez(result_path, error=f"Gmsh cannot be loaded: {error}")
        return
    try:
        # no configuration of the user's, no handlers: the same job gives the same mesh
        gmsh.initialize(readConfigFiles=False, interruptible=False)
        result = _mesh(gmsh, job)
    except Exception as error:  # Gmsh raises Exception itself
        result = {"error": np.array(str(error) or type(error).__name__)}
    finally:
        gmsh.finalize()
    np.savez(result_path, **result)  # type: ignore[arg-type]


def _mesh(gmsh: Any, job: Mapping[str, npt.NDArray]) -> dict[str, npt.NDArray]:
    algorithm = str(job["algorithm"])
    _set_options(gmsh, job, algorithm)
    _add_surfaces(gmsh, job)
    n_volumes = len(job["volume_starts"]) - 1
    for v in range(n_volumes):
        around = job["volume_patches"][job["volume_starts"][v] : job["volume_starts"][v + 1]]
        loop = gmsh.model.geo.addSurfaceLoop((around + 1).tolist())
        gmsh.model.geo.addVolume([loop], v + 1)
    gmsh.model.geo.synchronize()
    if str(job["size_file"]):
        _set_sizes(gmsh, str(job["size_file"]))
    gmsh.model.mesh.generate(3)
    if bool(job["optimise"]):
        gmsh.model.mesh.optimize("Netgen")
    return _result(gmsh, n_volumes)


def _set_options(gmsh: Any, job: Mapping[str, npt.NDArray], algorithm: str) -> None:
    options = {
        "General.Terminal": 0,
        "General.NumThreads": 1,
        "General.AbortOnError": 0,
        "Mesh.Algorithm3D": ALGORITHMS[algorithm],
        "Mesh.MeshSizeExtendFromBoundary": 0,
        "Mesh.MeshSizeFromPoints": 0,
        "Mesh.MeshSizeMax": float(job["max_size"]),
        "Mesh.Optimize": 1,
        "Mesh.OptimizeThreshold": HXT_THRESHOLD if algorithm == "hxt" else 0.3,
        "Mesh.RandomSeed": 1,
        "Mesh.Renumber": 0,
    }
    for name, value in options.items():
        gmsh.option.setNumber(name, value)
    gmsh.logger.start()


def _add_surfaces(gmsh: Any, job: Mapping[str, npt.NDArray]) -> None:
    """One discrete surface a patch; they share the nodes of their common curves."""
    points, triangles, patch = job["points"], job["triangles"], job["patch"]
    n_patches = int(patch.max()) + 1
    for p in range(n_patches):
        gmsh.model.addDiscreteEntity(2, p + 1)
    gmsh.model.mesh.addNodes(2, 1, np.arange(1, len(points) + 1), points.ravel())
    order = np.argsort(patch, kind="stable")
    ends = np.searchsorted(patch[order], np.arange(n_patches + 1))
    for p in range(n_patches):
        corners = triangles[order[ends[p] : ends[p + 1]]].astype(np.int64) + 1
        gmsh.model.mesh.addElementsByType(p + 1, 2, [], corners.ravel())
    gmsh.model.mesh.reclassifyNodes()


def _set_sizes(gmsh: Any, path: str) -> None:
    field = gmsh.model.mesh.field.add("Structured")
    gmsh.model.mesh.field.setString(field, "FileName", path)
    gmsh.model.mesh.field.setNumber(field, "TextFormat", 0)
    gmsh.model.mesh.field.setAsBackgroundMesh(field)


def _result(gmsh: Any, n_volumes: int) -> dict[str, npt.NDArray]:
    tags, coordinates, _ = gmsh.model.mesh.getNodes()
    order = np.argsort(tags, kind="stable")
    index = np.full(int(tags.max()) + 1, -1, np.int64)
    index[tags[order]] = np.arange(len(tags))
    tets, volumes = [], []
    for v in range(n_volumes):
        _, nodes = gmsh.model.mesh.getElementsByType(4, v + 1)
        if not len(nodes):
            return {"error": np.array("; ".join(_complaints(gmsh)) or "a component got no tets"), "empty": np.array(v)}
        tets.append(index[nodes.reshape(-1, 4)])
        volumes.append(np.full(len(nodes) // 4, v))
    return {
        "points": coordinates.reshape(-1, 3)[order],
        "tets": np.concatenate(tets),
        "volume": np.concatenate(volumes),
    }


def _complaints(gmsh: Any) -> list[str]:
    found = [line for line in gmsh.logger.get() if line.startswith(("Error", "Warning"))]
    return [line.split(":", 1)[1].strip() for line in found[:3]]


if __name__ == "__main__":
    main(*[str(Path(argument)) for argument in sys.argv[1:3]])
