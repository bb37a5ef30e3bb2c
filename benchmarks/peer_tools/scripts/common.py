"""What the scripts of all tools share. It runs in the environment of a tool: NumPy and the standard library only.

A script is called with the path of a job (.npz: labels, seeds, seed_labels), that of the result and the options in
JSON. Its function gets labels in memory and returns points, tets and labels in memory; that is what is timed. Lengths
are in voxels; voxel (i, j, k) fills the unit cube from (i, j, k). Imports are not timed, nor is what a tool compiles
at its first run.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np


def _status(key: str) -> int:
    """A line of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(key + ":"):
            return 1024 * int(line.split()[1])
    return 0


def serve(mesh, warm_up=None) -> None:
    """Run a tool's function on the job of the command line."""
    job = dict(np.load(sys.argv[1]))
    options = json.loads(sys.argv[3])
    if warm_up:
        warm_up(job, options)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
    before = _status("VmRSS")
    start, cpu = time.perf_counter(), _cpu_seconds()
    points, tets, labels, *told = mesh(job, options)
    seconds, cpu = time.perf_counter() - start, _cpu_seconds() - cpu
    peak = _status("VmHWM") - before  # the runner looks after the peaks of children
    np.savez(sys.argv[2], points=np.asarray(points, float), tets=np.asarray(tets, np.int64), labels=np.asarray(labels))
    # tools that are programs of their own time themselves, without the files in between
    print(json.dumps({"seconds": told[0] if told else seconds, "cpu_seconds": cpu, "peak_bytes": peak}))


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def voxel_surface(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces between unlike voxels and on the box: points, triangles (two a face), labels on both sides (-1 outside)."""
    padded = np.pad(labels.astype(np.int64), 1, constant_values=-1)
    shape = np.array(padded.shape)
    corners, sides = [], []
    for axis in range(3):
        low = padded[tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))]
        high = padded[tuple(slice(1, None) if a == axis else slice(None) for a in range(3))]
        at = np.argwhere(low != high)
        sides.append(np.stack([low[tuple(at.T)], high[tuple(at.T)]], axis=1))
        at[:, axis] += 1  # the corner of the voxel above the face
        u, v = np.eye(3, dtype=np.int64)[[(axis + 1) % 3, (axis + 2) % 3]]
        corners.append(np.stack([at, at + u, at + u + v, at + v], axis=1))
    quads, sides = np.concatenate(corners), np.concatenate(sides)
    ids, quads = np.unique(np.ravel_multi_index(tuple(quads.reshape(-1, 3).T), tuple(shape + 1)), return_inverse=True)
    points = np.stack(np.unravel_index(ids, tuple(shape + 1)), axis=1) - 1.0
    quads = quads.reshape(-1, 4)
    return points, quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3), np.repeat(sides, 2, axis=0)


def surface_nets(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same, smoothed, by vtkSurfaceNets3D with its default smoothing."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkSurfaceNets3D

    padded = np.pad(labels.astype(np.int32) + 1, 1)
    image = vtkImageData()
    image.SetDimensions(padded.shape)
    image.SetOrigin(-0.5, -0.5, -0.5)  # values sit on points: the centres of the voxels
    image.GetPointData().SetScalars(numpy_to_vtk(padded.ravel(order="F"), deep=True))
    nets = vtkSurfaceNets3D()
    nets.SetInputData(image)
    for number, value in enumerate(np.unique(labels) + 1):
        nets.SetValue(number, int(value))
    nets.SetBackgroundLabel(0)
    nets.SmoothingOn()
    nets.SetOutputMeshTypeToTriangles()
    nets.Update()
    out = nets.GetOutput()
    triangles = vtk_to_numpy(out.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    sides = vtk_to_numpy(out.GetCellData().GetArray("BoundaryLabels")).astype(np.int64) - 1
    return vtk_to_numpy(out.GetPoints().GetData()).astype(float), triangles.astype(np.int64), sides


def write_inr(path: str, values: np.ndarray) -> None:
    """Unsigned bytes as an INRimage-4, the format of CGAL."""
    x, y, z = values.shape
    head = f"#INRIMAGE-4#{{\nXDIM={x}\nYDIM={y}\nZDIM={z}\nVDIM=1\nTYPE=unsigned fixed\nPIXSIZE=8 bits\nCPU=decm\n"
    head += "VX=1\nVY=1\nVZ=1\n"
    end = "##}\n"
    with Path(path).open("wb") as out:
        out.write((head + "\n" * (256 - len(head) - len(end)) + end).encode("ascii"))
        out.write(values.astype(np.uint8).tobytes(order="F"))
