"""Time and memory of conduction on large meshes, stage by stage, on one and more processes.

    python benchmarks/conduction.py                          # about 10 million tets, 1 and 2 processes
    python benchmarks/conduction.py --size 50 --ranks 1 2 4 --json
    python benchmarks/conduction.py --sweep --ranks 1        # iterations from 1e5 to 3e6 unknowns, contrast 50 and 1e9
    python benchmarks/conduction.py --sweep --sizes 24 38 54 --voxels 1 1 4 --ranks 1

A generated composite cathode (12 tets a voxel, voids meshed and insulating) is meshed and written once. Every run is
a fresh process, or a fresh mpirun: read the mesh file, spread it, set up the problem, assemble, solve, evaluate, write
all fields. Wall time is from after the barrier that ends the stage before to the barrier that ends this one; processor
time is that of the rank that used most; memory is the peak of the rank that held most, and the sum of all peaks.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

VOLTAGE = 1.0
ELECTROLYTE = 0.2  # S/m
#: Voxels an edge of a sweep: 0.1, 0.3, 0.8, 1.6 and 3 million unknowns.
SIZES = (38, 54, 76, 94, 116)


class Clock:
    """Wall and processor time of each stage; every stage ends at a barrier."""

    def __init__(self, comm: Any) -> None:
        self.comm, self.stages = comm, {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage; stages of the same name add up."""
        self.comm.Barrier()
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        cpu = time.process_time() - cpu
        self.comm.Barrier()
        wall = time.perf_counter() - wall
        before = self.stages.get(name, (0.0, 0.0))
        self.stages[name] = (before[0] + wall, before[1] + cpu)


def wrap(clock: Clock, owner: Any, function: str, stage: str) -> None:
    """Time every call of a function of a module."""
    plain = getattr(owner, function)

    def timed(*args: Any, **kwargs: Any) -> Any:
        with clock.stage(stage):
            return plain(*args, **kwargs)

    setattr(owner, function, timed)


def run(mesh: Path, out: Path, started: float, contrast: float) -> None:
    """One run, in this process or this rank; rank 0 prints its numbers."""
    from solvers import conduction, dolfinx_api, load_domain
    from solvers import domain as domains
    from ssb2mesh.stages import peak_memory_bytes

    physics = sys.modules["solvers.conduction"]
    unknowns = sys.modules["solvers.unknowns"]
    comm = dolfinx_api.world()
    conductivity = {"NMC": contrast * ELECTROLYTE, "LPSCl": ELECTROLYTE}
    start = time.time()  # Python, DOLFINx and MPI are up
    clock = Clock(comm)
    wrap(clock, domains, "read_slabs", "read")
    wrap(clock, dolfinx_api, "create_mesh", "spread: DOLFINx mesh")
    wrap(clock, physics, "assemble_stiffness", "assemble")
    wrap(clock, unknowns, "solve_spd", "solve")
    comm.Barrier()
    wall, cpu = time.perf_counter(), time.process_time()
    domain = load_domain(mesh)
    load = time.perf_counter() - wall, time.process_time() - cpu
    wall, cpu = time.perf_counter(), time.process_time()
    solution = conduction(domain, conductivity=conductivity, fixed={"z_min": 0.0, "z_max": VOLTAGE})
    solve = time.perf_counter() - wall, time.process_time() - cpu
    with clock.stage("write"):
        solution.write(out)
    found = clock.stages
    rest = {
        "spread: tags, facets": subtract(load, found["read"], found["spread: DOLFINx mesh"]),
        "set up, evaluate": subtract(solve, found["assemble"], found["solve"]),
    }
    order = ("read", "spread: DOLFINx mesh", "spread: tags, facets", "set up, evaluate", "assemble", "solve", "write")
    stages = {name: {**found, **rest}[name] for name in order}
    peaks = comm.gather(peak_memory_bytes())
    cpus = comm.gather({name: value[1] for name, value in stages.items()})
    whole = comm.gather(time.process_time())
    if comm.rank == 0:
        numbers = {
            "ranks": comm.size,
            "tets": domain.n_tets,
            "points": domain.n_points,
            "unknowns": solution.linear.unknowns,
            "iterations": solution.linear.iterations,
            "conductance": abs(solution.currents["z_max"]) / VOLTAGE,
            "balance": solution.balance,
            "stages": {name: {"wall": round(value[0], 2), "cpu": round(max(c[name] for c in cpus), 2)}
                       for name, value in stages.items()},
            "start": round(start - started, 2),
            "total_wall": round(time.time() - started, 2),
            "total_cpu": round(sum(whole), 2),
            "peak_bytes": max(peaks),
            "peak_bytes_of_all": sum(peaks),
        }  # fmt: skip
        print("NUMBERS " + json.dumps(numbers), flush=True)


def subtract(whole: tuple[float, float], *parts: tuple[float, float]) -> tuple[float, float]:
    """What is left of a time when parts of it are taken away."""
    return whole[0] - sum(p[0] for p in parts), whole[1] - sum(p[1] for p in parts)


def make(path: Path, size: int, voxels: list[float]) -> dict[str, float]:
    """Mesh a composite cathode and write it, in this process."""
    from ssb2mesh import mesh_volume, write_mesh
    from ssb2mesh.phantoms import make_phantom

    volume = make_phantom("composite_cathode", seed=1, shape=size).volume
    volume = replace(volume, spacing=tuple(s * v for s, v in zip(volume.spacing, voxels, strict=True)))
    start = time.perf_counter()
    mesh = mesh_volume(volume)
    meshed = time.perf_counter()
    write_mesh(mesh, path)
    return {"tets": mesh.n_tets, "mesh": round(meshed - start, 2), "write": round(time.perf_counter() - meshed, 2)}


def launch(arguments: list[str], ranks: int = 1) -> dict[str, Any]:
    """Run this file in fresh processes and return the numbers that it prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    if os.geteuid() == 0:  # in a container
        environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    parallel = ["mpirun", "--oversubscribe", "-n", str(ranks)] if ranks > 1 else []
    command = [*parallel, sys.executable, __file__, *arguments, "--started", repr(time.time())]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith("NUMBERS ")]
    if done.returncode or not lines:
        sys.exit(f"failed: {' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return json.loads(lines[-1].removeprefix("NUMBERS "))


def table(found: list[dict[str, Any]]) -> str:
    """The stages of all runs side by side."""
    heads = [f"{f['ranks']} process{'es' if f['ranks'] > 1 else ''}: wall, s | processor, s" for f in found]
    lines = ["| stage | " + " | ".join(heads) + " |", "|---" * (1 + 2 * len(found)) + "|"]
    rows = {"start of Python and MPI": [(f["start"], "") for f in found]}
    for name in found[0]["stages"]:
        rows[name] = [(f["stages"][name]["wall"], f["stages"][name]["cpu"]) for f in found]
    rows["**total**"] = [(f["total_wall"], f["total_cpu"]) for f in found]
    for name, values in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{a} | {b}" for a, b in values) + " |")
    memory = [f"{f['peak_bytes'] / 2**30:.1f} GiB | {f['peak_bytes_of_all'] / 2**30:.1f} GiB" for f in found]
    lines.append("| peak memory of one, of all | " + " | ".join(memory) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=94, help="voxels an edge; 94 gives 9.97 million tets")
    parser.add_argument("--voxels", type=float, nargs=3, default=[1.0, 1.0, 1.0], help="edges of a voxel, relative")
    parser.add_argument("--contrast", type=float, default=50.0, help="conductivity of NMC over that of LPSCl")
    parser.add_argument("--sweep", action="store_true", help="several sizes, contrast 50 and 1e9, one line each")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="voxels an edge of a sweep")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--folder", type=Path, help="where mesh and fields go, and stay; default: a temporary one")
    parser.add_argument("--json", action="store_true", help="one JSON object a run")
    for hidden in ("--make", "--run", "--started"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        path = Path(given.run)
        run(path, path.with_name("fields.xdmf"), float(given.started), given.contrast)
    elif given.make:
        print("NUMBERS " + json.dumps(make(Path(given.make), given.size, given.voxels)))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            folder = given.folder or Path(temporary)
            if given.sweep:
                sweep(folder, given)
            else:
                compare(mesh_of(folder, given.size, given), given)


def mesh_of(folder: Path, size: int, given: argparse.Namespace) -> Path:
    """Mesh if there is no mesh yet."""
    edges = [f"{edge:g}" for edge in given.voxels]
    mesh = folder / f"cathode{size}-{'-'.join(edges)}.xdmf"
    if not mesh.exists():
        made = launch(["--make", str(mesh), "--size", str(size), "--voxels", *edges])
        print(f"meshed {made['tets']} tets in {made['mesh']} s, written in {made['write']} s", file=sys.stderr)
    return mesh


def sweep(folder: Path, given: argparse.Namespace) -> None:
    """Iterations, time and memory by size and contrast."""
    if not given.json:
        print(
            "| tets | unknowns | contrast | processes | iterations | assemble, solve: processor s | all: wall s | GiB |"
        )
        print("|---" * 8 + "|", flush=True)
    for size in given.sizes:
        mesh = mesh_of(folder, size, given)
        for contrast in (50.0, 1e9):
            for ranks in given.ranks:
                f = launch(["--run", str(mesh), "--contrast", repr(contrast)], ranks)
                if given.json:
                    print(json.dumps(f | {"contrast": contrast}), flush=True)
                    continue
                spent = f["stages"]["assemble"]["cpu"] + f["stages"]["solve"]["cpu"]
                print(f"| {f['tets']} | {f['unknowns']} | {contrast:g} | {ranks} | {f['iterations']} | {spent:.1f} | "
                      f"{f['total_wall']} | {f['peak_bytes_of_all'] / 2**30:.1f} |", flush=True)  # fmt: skip
        if given.folder is None:
            for file in folder.glob(f"{mesh.stem}.*"):
                file.unlink()


def compare(mesh: Path, given: argparse.Namespace) -> None:
    """Run on every number of ranks, print."""
    found = []
    for ranks in given.ranks:
        before = os.getloadavg()[0]
        command = ["--run", str(mesh), "--contrast", repr(given.contrast)]
        found.append(launch(command, ranks) | {"load_average_before": round(before, 2)})
        if given.json:
            print(json.dumps(found[-1]), flush=True)
    if not given.json:
        first = found[0]
        print(f"{first['tets']} tets, {first['unknowns']} unknowns")
        for name in ("iterations", "conductance", "balance", "load_average_before"):
            print(f"{name}: {[f[name] for f in found]}")
        print(f"\n{table(found)}")


if __name__ == "__main__":
    main()
