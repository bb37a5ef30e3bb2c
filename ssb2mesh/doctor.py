"""What is installed and whether it works: packages, DOLFINx, MPI, pictures. Every trial runs in a process of its own.

A trial that crashes or hangs then says so, instead of taking the doctor with it; and nothing heavy is imported here.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from ssb2mesh.stages import available_memory_bytes

__all__ = ["Finding", "describe_findings", "examine"]

#: Packages to look for: what for, and the extra that brings them (empty: the core needs them).
_PACKAGES = {
    "numpy": ("everything", ""),
    "scipy": ("everything", ""),
    "numba": ("the mesher", ""),
    "click": ("the command line", ""),
    "h5py": ("HDF5 volumes and meshes", ""),
    "tifffile": ("TIFF volumes", ""),
    "zarr": ("Zarr volumes", "io"),
    "SimpleITK": ("NRRD, MHA and NIfTI volumes", "io"),
    "vtk": ("VTI volumes and VTU meshes", "io"),
    "meshio": ("other mesh formats", "io"),
    "netCDF4": ("Exodus II meshes", "io"),
    "pyvista": ("3-D pictures", "plot"),
    "matplotlib": ("slices and charts", "plot"),
    "gmsh": ("the Gmsh engine", "gmsh"),
    "tqdm": ("progress bars", "progress"),
}

_DOLFINX = """
from solvers import dolfinx_api
print(dolfinx_api.describe())
"""

_MPI = """
from mpi4py import MPI
import dolfinx.mesh
comm = MPI.COMM_WORLD
mesh = dolfinx.mesh.create_unit_cube(comm, 4, 4, 4)
local = mesh.topology.index_map(3).size_local
total = comm.allreduce(local)
if comm.rank == 0:
    name = MPI.Get_library_version().split(",")[0].splitlines()[0].strip()
    print(f"{comm.size} processes shared {total} tets; {name}")
assert comm.size == 2 and total == 384 and 0 < local < 384
"""

_PICTURE = """
import pyvista
pyvista.OFF_SCREEN = True
plotter = pyvista.Plotter(off_screen=True, window_size=(64, 64))
plotter.set_background("white")
plotter.add_mesh(pyvista.Sphere(), color="black", lighting=False)
image = plotter.screenshot(return_img=True)
assert image[32, 32].max() < 50 and image[1, 1].min() > 200, "the picture is empty"
print("drew a sphere with", type(plotter.render_window).__name__)
"""


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Parameters
    ----------
    name : str
        What.
    state : str
        ``"ok"``, ``"absent"`` (may be installed) or ``"broken"`` (is there and does not work, or is essential).
    detail : str
        Version or reason.
    advice : str
        What to do, when there is something.
    """

    name: str
    state: str
    detail: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return what `--json` shows."""
        return asdict(self)


def examine() -> list[Finding]:
    """Look at everything.

    Returns
    -------
    list of Finding
        In the order of the report.

    Examples
    --------
    >>> examine()[0].name  # doctest: +SKIP
    'ssb2mesh'
    """
    findings = [
        Finding("ssb2mesh", "ok", metadata.version("ssb2mesh")),
        Finding("python", "ok", f"{platform.python_version()} at {sys.executable}"),
        Finding("machine", "ok", _machine()),
    ]
    findings += [_package(name, *facts) for name, facts in _PACKAGES.items()]
    dolfinx = _trial("dolfinx", _DOLFINX, needs="dolfinx", advice=_GET_DOLFINX)
    findings.append(dolfinx)
    if dolfinx.state == "ok":
        findings.append(_mpi())
    else:
        findings.append(Finding("mpirun -n 2", "absent", "not tried without dolfinx", _GET_DOLFINX))
    pictures = 'pip install "ssb2mesh[plot]"; on Debian also apt install libgl1 libegl1 libxrender1'
    findings.append(_trial("off-screen pictures", _PICTURE, needs="pyvista", advice=pictures))
    return findings


_GET_DOLFINX = "Debian: apt install python3-dolfinx-real; elsewhere: conda install -c conda-forge fenics-dolfinx"


def describe_findings(findings: list[Finding]) -> str:
    """Return findings as lines of text.

    Parameters
    ----------
    findings : list of Finding
        From `examine`.

    Returns
    -------
    str
        A line each, advice below what is not ok, and a last line that sums up.

    Examples
    --------
    >>> print(describe_findings([Finding("numpy", "ok", "1.26.4")]))
    ok      numpy  1.26.4
    all is well
    """
    width = max(len(f.name) for f in findings)
    lines = []
    for found in findings:
        lines.append(f"{found.state:<6}  {found.name:<{width}}  {found.detail}")
        if found.advice and found.state != "ok":
            lines.append(f"{'':<6}  {'':<{width}}  -> {found.advice}")
    wrong = [f.name for f in findings if f.state != "ok"]
    return "\n".join([*lines, f"not all there: {', '.join(wrong)}" if wrong else "all is well"])


def _machine() -> str:
    memory = available_memory_bytes()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.platform()}, {cores} cores, {memory / 1e9:.1f} GB of memory free"


def _package(name: str, purpose: str, extra: str) -> Finding:
    try:
        return Finding(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        advice = f'pip install "ssb2mesh[{extra}]"' if extra else f"pip install {name}"
        return Finding(name, "absent" if extra else "broken", f"not installed; {purpose} needs it", advice)


def _trial(name: str, script: str, *, needs: str, advice: str, launcher: tuple[str, ...] = ()) -> Finding:
    """Run a script in a process of its own: its last line is the detail."""
    absent = _run([sys.executable, "-c", f"import importlib.util as u; assert u.find_spec({needs!r})"])
    if absent[0] != 0:
        return Finding(name, "absent", f"{needs} is not installed", advice)
    code, out, err = _run([*launcher, sys.executable, "-c", script])
    if code == 0 and out:
        return Finding(name, "ok", out[-1])
    reason = next((line for line in reversed(err) if "Error" in line), err[-1] if err else f"exit code {code}")
    return Finding(name, "broken", reason, advice)


def _mpi() -> Finding:
    launcher = shutil.which("mpirun") or shutil.which("mpiexec")
    advice = "use the mpirun of the MPI that mpi4py was built with"
    if launcher is None:
        return Finding("mpirun -n 2", "absent", "no mpirun on the path", advice)
    return _trial("mpirun -n 2", _MPI, needs="mpi4py", advice=advice, launcher=(launcher, "-n", "2"))


def _run(command: list[str], *, seconds: float = 120.0) -> tuple[int, list[str], list[str]]:
    # Open MPI refuses root and more processes than cores unless told otherwise; other MPIs ignore these
    allowances: dict[str, Any] = {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMP_NUM_THREADS": "1",
    }
    try:
        # mpirun reads what it can get: without this, commands pasted after `doctor` would go to it and be lost
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=seconds,
            env=os.environ | allowances,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, [], [f"no answer within {seconds:.0f} s"]
    except OSError as error:
        return 1, [], [str(error)]
    return done.returncode, done.stdout.strip().splitlines(), done.stderr.strip().splitlines()
