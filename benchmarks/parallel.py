"""Meshing in slabs and solving on several processes: seconds, memory and bytes sent, by stage.

    python benchmarks/parallel.py --sizes 64 96              # strong and weak scaling on 1 and 2 processes
    mpirun -n 2 python benchmarks/parallel.py --worker --volume v.npy --slabs 4 --folder out   # one run, JSON on stdout

The file of one run has its slowest axis along z, and its phase names beside it in v.json ({"0": "void", ...}).

Strong: the same volume on 1 and 2 processes. Weak: twice the height on 2 processes. The numbers of slabs are the same
on any number of processes, and so are the meshes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONDUCTIVITY = {"LPSCl": 0.2, "NMC": 1e-2}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 96], help="edges of the volumes, voxels")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--worker", action="store_true", help="one run; what mpirun starts")
    parser.add_argument("--volume", help="a volume file instead of the generated composite cathode")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--height", type=int, help="voxels along z; default: the size")
    parser.add_argument("--slabs", type=int, default=4)
    parser.add_argument("--whole", action="store_true", help="mesh in one piece on process 0, as without slabs")
    parser.add_argument("--cell-size")
    parser.add_argument("--grade", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--no-solve", action="store_true")
    return parser.parse_args()


def make_volume(size: int, height: int, path: Path) -> None:
    """A composite cathode, repeated along z where the height asks for it; a bare array, so that layers can be read."""
    import numpy as np

    from ssb2mesh.phantoms import make_phantom

    made = make_phantom("composite_cathode", seed=1, shape=(size,) * 3, voxel_size="0.2 um").volume
    labels = np.concatenate([made.labels] * -(-height // size), axis=2)[:, :, :height]
    np.save(path, np.ascontiguousarray(labels.transpose(2, 1, 0)))
    path.with_suffix(".json").write_text(json.dumps({str(k): v for k, v in made.phases.items()}))


def worker(given: argparse.Namespace) -> None:
    from solvers import dolfinx_api as api  # noqa: I001  (before anything that loads another HDF5)

    from solvers import effective_conductivity, load_domain
    from ssb2mesh.lattice.build import LatticeOptions
    from ssb2mesh.ranks import Ranks
    from ssb2mesh.slabs.job import mesh_in_slabs
    from ssb2mesh.slabs.plan import plan_slabs
    from ssb2mesh.slabs.reading import count_layers, open_layers
    from ssb2mesh.stages import Stages, peak_memory_bytes

    comm = api.world()
    ranks, stages = Ranks(comm), Stages()
    given.folder.mkdir(parents=True, exist_ok=True)
    path = Path(given.volume) if given.volume else given.folder / "volume.npy"
    names = {int(k): v for k, v in json.loads(path.with_suffix(".json").read_text()).items()}
    reading = {"voxel_size": "0.2 um", "axes": "zyx", "phases": names}
    with stages("volume"):
        source, voxels = count_layers(open_layers(str(path), reading=reading), ranks)
    options, target = LatticeOptions(grade=given.grade), given.folder / "mesh.xdmf"
    if given.whole:
        found = mesh_whole(given, path, reading, target, stages) if ranks.first else {}
        comm.Barrier()
    else:
        plan = plan_slabs(
            source.head, given.slabs, cell_size=given.cell_size, drop=_drop(source.head.phase_names), options=options
        )
        found = mesh_in_slabs(source, plan, target, ranks=ranks, voxels=voxels, stages=stages)
    meshed = peak_memory_bytes()
    told = {"ranks": comm.size, "slabs": 1 if given.whole else given.slabs, "shape": source.head.shape}
    told |= {key: found.get(key) for key in ("tets", "points", "faults", "traffic", "quality")}
    if not given.no_solve:
        with stages("load domain"):
            domain = load_domain(target, comm)
        with stages("solve"):
            solved = effective_conductivity(domain, conductivity=CONDUCTIVITY, axes=["z"])
        index_map = domain.space.dofmap.index_map
        told |= {"ghost_dofs": comm.allgather(index_map.num_ghosts), "dofs": comm.allgather(index_map.size_local)}
        told |= {"tortuosity": solved.tortuosity, "tensor_zz": float(solved.tensor[2, 2])}
        told["summary"] = solved.summary().get("linear")
    seconds = comm.allgather(stages.seconds)
    told["seconds"] = {key: round(max(one.get(key, 0.0) for one in seconds), 2) for key in seconds[0]}
    told["mesh_memory_bytes"], told["memory_bytes"] = comm.allgather(meshed), comm.allgather(peak_memory_bytes())
    if ranks.first:
        print(json.dumps(told, default=str), flush=True)


def _drop(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name == "void")


def mesh_whole(given: argparse.Namespace, path: Path, reading: dict, target: Path, stages) -> dict:
    """The ordinary mesh, for comparison."""
    from ssb2mesh import mesh_volume, read_volume, write_mesh
    from ssb2mesh.lattice.build import LatticeOptions

    volume = read_volume(path, **reading)
    options = LatticeOptions(grade=given.grade)
    mesh = mesh_volume(
        volume,
        cell_size=given.cell_size,
        drop=[n for n in volume.phase_names if n == "void"],
        options=options,
        stages=stages,
    )
    with stages("write mesh"):
        write_mesh(mesh, target)
    return {"tets": mesh.n_tets, "points": mesh.n_points}


def run(ranks: int, size: int, height: int, slabs: int, folder: Path, grade: int) -> dict:
    command = [sys.executable, str(Path(__file__).resolve()), "--worker", "--size", str(size), "--slabs", str(slabs)]
    command += ["--folder", str(folder), "--grade", str(grade), "--height", str(height)]
    launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OMPI_MCA_mpi_yield_when_idle": "1"}
    environment = {**os.environ, **threads, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run([*launcher, *command], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    # mpirun may add lines of its own
    told = next(line for line in reversed(done.stdout.splitlines()) if line.startswith("{"))
    return {**json.JSONDecoder().raw_decode(told)[0], "wall": round(time.perf_counter() - start, 1)}


def line(kind: str, found: dict) -> str:
    seconds, traffic = found["seconds"], found["traffic"]
    mesh = sum(value for key, value in seconds.items() if key not in ("load domain", "solve", "volume"))
    memory = max(found["memory_bytes"]) / 2**30
    mesh_memory = max(found["mesh_memory_bytes"]) / 2**30
    shape, sent = (
        "x".join(map(str, found["shape"])),
        [traffic[f"{key}_bytes"] / 1e6 for key in ("seam", "plane", "voxel")],
    )
    return (
        f"| {kind} | {shape} | {found['ranks']} | {found['slabs']} | {found['tets'] / 1e6:.2f} | {mesh:.1f} | "
        f"{seconds.get('load domain', 0):.1f} | {seconds.get('solve', 0):.1f} | {mesh_memory:.2f} | {memory:.2f} | "
        f"{sent[0]:.2f} | {sent[1]:.2f} | {sent[2]:.2f} | "
        f"{sum(found['ghost_dofs'])} | {found['tortuosity']['z']:.10f} |"
    )


def main() -> None:
    given = arguments()
    if given.worker:
        worker(given)
        return
    head = (
        "scaling",
        "voxels",
        "processes",
        "slabs",
        "M tets",
        "mesh, s",
        "load, s",
        "solve, s",
        "mesh, GiB a process",
    )
    head += ("all, GiB a process", "seams, MB", "planes, MB", "voxels twice, MB", "ghost dofs", "tortuosity")
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_volume(size, size, folder / "volume.npy")
            for ranks in given.ranks:
                print(line("strong", run(ranks, size, size, given.slabs, folder, given.grade)), flush=True)
            make_volume(size, max(given.ranks) * size, folder / "volume.npy")
            ranks = max(given.ranks)
            found = run(ranks, size, ranks * size, ranks * given.slabs, folder, given.grade)
            print(line("weak", found), flush=True)


if __name__ == "__main__":
    main()
