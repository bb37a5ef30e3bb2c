"""Time, memory, shape and fidelity of the mesher on generated and measured volumes.

    python benchmarks/mesher.py                     # all cases at 64^3 and 128^3
    python benchmarks/mesher.py cathode noise --size 96 --grade 2 --json
    python benchmarks/mesher.py cathode --size 64 128 256 --unchecked --repeat 3   # and how time grows with the mesh

Every case runs in a process of its own, once to compile and once to measure; time is from labels in memory to tagged
mesh in memory, memory is the peak above that of the volume.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from ssb2mesh import LabelledVolume, check_mesh, mesh_volume
from ssb2mesh.mesher import LatticeOptions
from ssb2mesh.phantoms import make_phantom
from ssb2mesh.stages import Stages

CASES = ("sphere", "gyroid", "cathode", "pellet", "smooth-noise", "noise", "nmc")
COLUMNS = (
    "case",
    "cells",
    "M tets",
    "s",
    "M tets/s",
    "bytes/tet",
    "min",
    "1 %",
    "max",
    "volume error %",
    "area error %",
)


def make(case: str, size: int) -> tuple[LabelledVolume, dict[str, float]]:
    """The volume of a case, and the exact area of its interfaces where there is one, m2."""
    names = {"gyroid": "gyroid", "cathode": "composite_cathode", "pellet": "cracked_pellet"}
    if case in names:
        phantom = make_phantom(names[case], seed=1, shape=size)
        areas = {k[5:-3]: v for k, v in phantom.exact.items() if k.startswith("area_") and "|" in k}
        return phantom.volume, areas if case == "gyroid" else {}
    if case == "sphere":
        radius = 0.4 * size
        x = np.indices((size,) * 3, dtype=np.float32) + 0.5 - size / 2 - 0.13
        inside = (x**2).sum(axis=0) < radius**2
        return LabelledVolume(inside.astype(np.uint8), (1e-6,) * 3), {"phase0|phase1": 4e-12 * np.pi * radius**2}
    rng = np.random.default_rng(1)
    if case == "noise":
        return LabelledVolume(rng.integers(0, 4, (size,) * 3).astype(np.uint8), (1e-6,) * 3), {}
    if case == "smooth-noise":
        from scipy.ndimage import gaussian_filter

        fields = [gaussian_filter(rng.normal(size=(size,) * 3), 2.0, mode="wrap") for _ in range(4)]
        return LabelledVolume(np.argmax(fields, axis=0).astype(np.uint8), (1e-6,) * 3), {}
    return measured(size), {}


def measured(size: int) -> LabelledVolume:
    """A crop of the measured cathode (see examples/nmc_cathode.toml)."""
    import tifffile

    folder = Path(os.environ.get("SSB2MESH_DATA", "../shared/data"))
    stack = tifffile.imread(folder / "nmc_cathode.tif")[:size, :size, :size]
    return LabelledVolume(np.ascontiguousarray(stack), (0.398e-6,) * 3, phases={0: "pore", 1: "NMC", 2: "CBD"})


def run(case: str, size: int, *, grade: int, cell_size: str | None, checked: bool) -> dict[str, object]:
    """Measure one case in this process."""
    volume, areas = make(case, size)
    options = LatticeOptions(grade=grade)
    part = LabelledVolume(np.ascontiguousarray(volume.labels[:50, :50, :50]), volume.spacing)
    mesh_volume(part, options=options)  # compile or load
    before = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    stages = Stages()
    start = time.perf_counter()
    mesh = mesh_volume(volume, cell_size=cell_size, options=options, stages=stages)
    seconds = time.perf_counter() - start
    memory = round((max(stages.memory.values()) - before) / mesh.n_tets)
    result: dict[str, object] = {
        "case": case,
        "cells": "x".join(map(str, volume.shape)),
        "M tets": round(mesh.n_tets / 1e6, 3),
        "s": round(seconds, 2),
        "M tets/s": round(mesh.n_tets / seconds / 1e6, 2),
        "bytes/tet": memory,
        "seconds": {name: round(value, 3) for name, value in stages.seconds.items()},
        "tets": mesh.n_tets,
    }
    if not checked:
        return dict.fromkeys(COLUMNS, "") | result
    report = check_mesh(mesh, volume)
    quality, got = report.quality, mesh.facet_areas()
    return result | {
        "min": round(quality.min_dihedral_deg, 1),
        "1 %": round(quality.p1_dihedral_deg, 1),
        "max": round(quality.max_dihedral_deg, 1),
        "volume error %": round(100 * max((f.relative_error for f in report.fidelity.values()), key=abs), 3),
        "area error %": round(100 * (got[next(iter(areas))] / next(iter(areas.values())) - 1), 3) if areas else "",
        "faults": list(report.faults),
    }


def median_of(command: list[str], repeat: int) -> dict[str, object]:
    """Run a case some times, each in a process of its own; the numbers of the run with the median time."""
    runs = []
    for number in range(repeat):
        # what is not time is the same each time
        more = [] if number == 0 or "--unchecked" in command else ["--unchecked"]
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        runs.append(json.loads(done.stdout))
    middle = sorted(runs, key=lambda r: r["s"])[len(runs) // 2]
    return runs[0] | {name: middle[name] for name in ("s", "M tets/s", "seconds")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=CASES, help=f"of {', '.join(CASES)}")
    parser.add_argument("--size", type=int, nargs="+", default=[64, 128], help="voxels an edge")
    parser.add_argument("--grade", type=int, default=0)
    parser.add_argument("--cell-size", default=None)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each case; the median time is given")
    parser.add_argument("--unchecked", action="store_true", help="time and memory only")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    for case in set(given.cases) - set(CASES):
        parser.error(f"no case {case!r}; cases: {', '.join(CASES)}")
    if given.here:
        how = {"grade": given.grade, "cell_size": given.cell_size, "checked": not given.unchecked}
        print(json.dumps(run(given.cases[0], given.size[0], **how)))
        return
    if not given.json:
        print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    growth: dict[str, list[tuple[float, float]]] = {}
    for size in given.size:
        for case in given.cases:
            command = [sys.executable, __file__, case, "--size", str(size), "--grade", str(given.grade), "--here"]
            command += ["--cell-size", given.cell_size] if given.cell_size else []
            command += ["--unchecked"] if given.unchecked else []
            try:
                numbers = median_of(command, given.repeat)
            except RuntimeError as error:
                print(f"| {case} | failed: {error} |", flush=True)
                continue
            growth.setdefault(case, []).append((float(numbers["tets"]), float(numbers["s"])))
            print(json.dumps(numbers) if given.json else
                  "| " + " | ".join(str(numbers[c]) for c in COLUMNS) + " |", flush=True)  # fmt: skip
    for case, points in growth.items():
        if len(points) > 1 and not given.json:
            exponent = np.polyfit(*np.log(np.array(points)).T, 1)[0]
            print(f"\n{case}: time grows with the number of tets to the power of {exponent:.2f}")


if __name__ == "__main__":
    main()
