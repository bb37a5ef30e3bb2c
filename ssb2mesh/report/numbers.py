"""The numbers of a report as plain tables: what report.json holds and report.html shows. No HTML, no pictures."""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ssb2mesh.report.data import ReportData
from ssb2mesh.stages import peak_memory_bytes
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.head import VolumeHead

__all__ = ["package_versions", "report_numbers", "volume_hash"]

_PACKAGES = ("ssb2mesh", "numpy", "scipy", "numba", "h5py", "tifffile", "fenics-dolfinx", "fenics-ufl", "petsc4py",
             "mpi4py", "pyvista", "vtk", "matplotlib", "gmsh")  # fmt: skip


def report_numbers(data: ReportData) -> dict[str, Any]:
    """Return every number of a report, JSON-able, SI units.

    Parameters
    ----------
    data : ReportData
        What there is.

    Returns
    -------
    dict
        ``title``, ``created``, ``input``, ``mesh``, ``solves``, ``stages``, ``versions``; parts that were left out
        are absent. NaN and infinity are null.

    Examples
    --------
    >>> report_numbers(ReportData(title="Empty"))["title"]
    'Empty'
    """
    numbers: dict[str, Any] = {"title": data.title, "created": datetime.now(UTC).isoformat(timespec="seconds")}
    numbers["input"] = _input(data)
    if data.mesh is not None:
        mesh = data.mesh
        numbers["mesh"] = {
            "tets": mesh.n_tets,
            "points": mesh.n_points,
            "box": mesh.box,
            "phase_volumes": mesh.phase_volumes(),
            "facet_areas": mesh.facet_areas(),
            "metadata": dict(mesh.metadata),
        }
    if data.check is not None:
        numbers["check"] = data.check.to_dict()
    if data.sliced is not None:
        numbers |= _sliced(data.sliced, data.head)
    if data.measures is not None:
        numbers["measures"] = data.measures.to_dict()
    numbers["solves"] = [_solve(solve) for solve in data.solves]
    if data.stages is not None:
        rows = [
            {"stage": name, "seconds": seconds, "peak_memory_bytes": data.stages.memory.get(name)}
            for name, seconds in data.stages.seconds.items()
        ]
        numbers["stages"] = rows
        numbers["seconds"] = data.stages.total
    numbers["peak_memory_bytes"] = peak_memory_bytes()
    numbers["versions"] = package_versions()
    plain: dict[str, Any] = _plain(numbers)
    return plain


def volume_hash(volume: LabelledVolume) -> str:
    """Return the SHA-256 of a volume: labels, voxel size, origin and names, whatever integer type holds the labels.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> import numpy as np
    >>> len(volume_hash(LabelledVolume(np.zeros((2, 2, 2), int), (1e-6,) * 3)))
    64
    """
    digest = hashlib.sha256()
    digest.update(repr((volume.shape, volume.spacing, volume.origin, sorted(volume.phases.items()))).encode())
    for plane in volume.labels:  # by planes: a copy of the whole volume may not fit
        digest.update(np.ascontiguousarray(plane, dtype="<i8").tobytes())
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Return the versions of Python, the system and the packages that matter, those that are installed."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _input(data: ReportData) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if data.source is not None:
        path = _file_of(data.source)
        # the name without its folder: reports are passed on
        made["source"] = path.name if path else str(data.source)
        if path and path.is_file():
            with path.open("rb") as file:
                made["file_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    if data.volume is not None:
        made |= {**_voxels(data.volume), "volume_sha256": volume_hash(data.volume)}
    if data.head is not None:
        made |= _voxels(data.head)
    if data.cleaning:
        made["cleaning"] = [step.to_dict() if hasattr(step, "to_dict") else step for step in data.cleaning]
    if data.study is not None:
        made["study"] = data.study
    return made


def _voxels(box: LabelledVolume | VolumeHead) -> dict[str, Any]:
    """Size, place and phases of a volume, whether or not its labels are in memory."""
    counts, size = box.voxel_counts(), math.prod(box.shape)
    return {
        "shape": box.shape,
        "spacing": box.spacing,
        "origin": box.origin,
        "voxels": size,
        "phases": {
            name: {"label": label, "voxels": counts[name], "fraction": counts[name] / size}
            for label, name in box.phases.items()
        },
    }


#: What of the numbers of a mesh in slabs belongs to its check.
_CHECK = ("quality", "conformity", "fidelity", "interfaces", "faults", "notes")


def _sliced(found: Mapping[str, Any], head: VolumeHead | None) -> dict[str, Any]:
    """The numbers of a mesh in slabs under the names of one made at once."""
    about = ("slabs", "planes", "slab_shares", "processes", "traffic", "rank_memory_bytes", "kept_slabs")
    mesh = {
        "tets": found["tets"],
        "points": found["points"],
        "box": head.box if head is not None else None,
        "phase_volumes": found["phases"],
        "facet_areas": found["interfaces"],
        "metadata": {"slabs": found["slabs"]},
        **{key: found[key] for key in about if key in found},
    }
    return {"mesh": mesh, "check": {key: found[key] for key in _CHECK if key in found}}


def _file_of(source: str | Path) -> Path | None:
    """The file or folder that a source names (``file.h5::/dataset`` too), or None for a phantom."""
    path = Path(str(source).split("::")[0])
    try:
        return path if path.exists() else None
    except OSError:  # text too long for a file name
        return None


def _solve(solve: Any) -> dict[str, Any]:
    fields = {}
    for name, values in (getattr(solve, "point_data", None) or {}).items():
        array = np.asarray(values, float)
        finite = array[np.isfinite(array)]
        if finite.size:
            fields[name] = {"min": finite.min(), "max": finite.max(), "mean": finite.mean()}
    return {
        "name": solve.name,
        "type": solve.type,
        "seconds": getattr(solve, "seconds", None),
        "table": dict(getattr(solve, "table", None) or {}),
        "summary": dict(solve.summary() if callable(solve.summary) else solve.summary),
        "fields": fields,
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(v) for v in value)
    return str(value)
