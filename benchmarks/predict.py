"""The constants of `--dry-run`: fitted on some volumes, tried on five others.

    python benchmarks/predict.py                # table and constants
    python benchmarks/predict.py --write        # and writes ssb2mesh/budget/fitted.py
    python benchmarks/predict.py --only-try     # the constants that are there, on the five volumes

Every volume is a process of its own, on a warm cache of compiled functions: the first round compiles. Memory is the
largest resident size of that process. Let nothing else run meanwhile: seconds are of the wall clock.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
UM = 1e-6
TRAINING = (
    ("composite_cathode", 44, {}), ("composite_cathode", 60, {"drop": ["void"]}), ("composite_cathode", 112, {}),
    ("cracked_pellet", 56, {"options": {"grade": 1}}), ("cracked_pellet", 96, {"options": {"grade": 2}}),
    ("gyroid", 44, {}), ("gyroid", 64, {"options": {"grade": 2}}), ("noise", 44, {}), ("noise", 60, {}),
    ("smooth", 48, {}), ("smooth", 96, {"cell_size": "2 voxels"}), ("sphere", 44, {}), ("sphere", 72, {}),
    ("sphere", 30, {}),
)  # fmt: skip
TRYING = (
    ("composite_cathode", 72, {"seed": 7}), ("smooth", 64, {"seed": 3}), ("gyroid", 50, {"drop": ["NMC"]}),
    ("cracked_pellet", 80, {"seed": 5, "options": {"grade": 2}}), ("noise", 52, {"seed": 9, "drop": ["phase3"]}),
)  # fmt: skip
#: Largest volumes for conduction and for elasticity, which takes longest.
MOST_CONDUCTING, MOST_ELASTIC = 80, 44
#: Which sizes each cost may depend on.
SECONDS = {
    "mesh": ("one", "built", "squares", "cells", "voxels"),
    "check": ("one", "tets", "squares", "voxels"),
    "load domain": ("one", "tets", "points"),
    "solve conduction": ("one", "active", "tets"),
    "solve effective_conductivity": ("one", "active*runs", "tets"),
    "solve elasticity": ("one", "active", "tets"),
    "measure": ("one", "voxels", "squares", "tets"),
    "report": ("one", "tets", "one*runs", "squares"),
}
MEMORY = {
    "mesh": ("one", "built", "squares", "cells"),
    "process mesh": ("one", "built", "squares", "cells"),
    "process report": ("one", "tets", "points", "squares", "active"),
    "process conduction": ("one", "tets", "squares", "active", "points"),
    "process effective_conductivity": ("one", "tets", "squares", "active", "points"),
    "process elasticity": ("one", "tets", "squares", "active", "points"),
}
DISK = {
    "fields": ("one", "tets", "tets*runs", "points", "points*runs"),
    "fields elasticity": ("one", "tets"),
}
FORMATS = (".xdmf", ".vtu", ".msh", ".inp", ".e")
for _suffix in FORMATS:
    SECONDS[f"file {_suffix}"] = ("one", "tets", "squares")
    DISK[f"file {_suffix}"] = ("one", "tets", "points", "squares")
MESHING = ("cells", "interface", "regularise", "connectivity", "optimise", "tags")
SOLVES = {
    "conduction": {"fixed": {"x_min": 0.0, "x_max": 1.0}},
    "effective_conductivity": {"axes": ["x", "y"]},
    "elasticity": {"fixed": {"z_min": [0.0, 0.0, 0.0]}, "pressure": {"z_max": 1e6}},
}


def volume_table(case: str, size: int, folder: Path, seed: int) -> dict:
    """The [volume] table of a case; what is no phantom is written to a file."""
    if case in ("composite_cathode", "cracked_pellet", "gyroid", "sphere"):
        options = {"shape": size}
        return {"phantom": case, "seed": seed, "options": options}
    from ssb2mesh import LabelledVolume, write_volume

    rng = np.random.default_rng(seed)
    if case == "noise":
        labels = rng.integers(0, 4, (size,) * 3)
    else:
        from scipy.ndimage import gaussian_filter

        labels = np.argmax([gaussian_filter(rng.normal(size=(size,) * 3), 2.0, mode="wrap") for _ in range(3)], axis=0)
    write_volume(LabelledVolume(labels.astype(np.uint8), (UM,) * 3), folder / "v.npz")
    return {"path": str(folder / "v.npz")}


def run_one(job: dict) -> dict:
    """One volume in this process: a mesh alone, or a run with one solve."""
    from ssb2mesh.mesh_options import lattice_options
    from ssb2mesh.mesher import mesh_work
    from ssb2mesh.stages import Stages, peak_memory_bytes
    from ssb2mesh.steps import load_volume
    from ssb2mesh.study.model import MeshSpec, VolumeSpec

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = VolumeSpec(**volume_table(job["case"], job["size"], folder, job.get("seed", 1)))
        volume = load_volume(spec)[0]
        mesh = MeshSpec(job.get("cell_size"), tuple(job.get("drop", ())), options=job.get("options", {}))
        stages, found = Stages(), {}
        if job["solve"] is None:
            found = mesh_alone(volume, mesh, folder, stages)
        else:
            run_study_with(job["solve"], spec, volume, mesh, folder=folder, stages=stages)
            done = folder / "out" / "s.xdmf"
            kind = "fields elasticity" if job["solve"] == "elasticity" else "fields"
            found["disk"] = {kind: sum(p.stat().st_size for p in (done, done.with_suffix(".h5")))}
        found["process"] = stages.memory.get("write fields") or peak_memory_bytes()
        found["report"] = peak_memory_bytes()
        # counted last, so that it adds nothing to the peak
        work = mesh_work(volume, cell_size=mesh.cell_size, drop=mesh.drop, options=lattice_options(mesh.options))
        phases = [conductor(volume, mesh.drop)]
        active = work.points_of(phases if job["solve"] != "elasticity" else list(volume.phase_names))
        runs = len(SOLVES[job["solve"]].get("axes", "z")) if job["solve"] else 1
        sizes = replace(work.sizes, active=active, runs=runs)
        return {**found, "sizes": asdict(sizes), "seconds": dict(stages.seconds)}


def conductor(volume, drop) -> str:
    """The largest phase: it percolates."""
    counts = volume.voxel_counts()
    return max((p for p in volume.phase_names if p not in drop), key=lambda name: counts[name])


def mesh_alone(volume, mesh, folder: Path, stages) -> dict:
    from ssb2mesh import check_mesh, mesh_volume, write_mesh
    from ssb2mesh.mesh_options import lattice_options
    from ssb2mesh.stages import peak_memory_bytes

    before = peak_memory_bytes()
    made = mesh_volume(
        volume, cell_size=mesh.cell_size, drop=mesh.drop, options=lattice_options(mesh.options), stages=stages
    )
    found = {"mesh_memory": peak_memory_bytes() - before, "disk": {}}
    with stages("check"):
        check_mesh(made, volume)
    for suffix in FORMATS:
        path = folder / f"mesh{suffix}"
        with stages(f"file {suffix}"):
            write_mesh(made, path)
        files = [p for p in folder.glob("mesh*") if p.is_file()]
        found["disk"][f"file {suffix}"] = sum(p.stat().st_size for p in files)
        for p in files:
            p.unlink()
    return found


def run_study_with(kind: str, spec, volume, mesh, *, folder: Path, stages) -> None:
    from ssb2mesh.measure.plan import MeasurePlan
    from ssb2mesh.pipeline import run_study
    from ssb2mesh.study.model import OutputSpec, Study
    from ssb2mesh.study.solves import validate_solves

    phases = [p for p in volume.phase_names if p not in mesh.drop]
    table = {"name": "s", "type": kind, **SOLVES[kind]}
    if kind == "elasticity":
        table["materials"] = {p: {"young": 1e10, "poisson": 0.3} for p in phases}
    else:
        table["conductivity"] = {conductor(volume, mesh.drop): 1.0}
    solves, faults = validate_solves([table])
    assert not faults, faults
    full = kind == "conduction"
    output = OutputSpec(folder / "out", (), fields=True, report=full)
    run_study(Study("b", spec, mesh, output, tuple(solves), None, MeasurePlan() if full else None), stages=stages)


def measured(jobs: list[dict], *, keep: Path | None = None) -> list[dict]:
    """Every job in a process of its own; those that the file has are not run again."""
    known, rows = _kept(keep), []
    for job in jobs:
        key = json.dumps(job)
        if key not in known:
            known[key] = {**_in_a_process(key), "job": job}
            if keep is not None:
                with keep.open("a") as file:
                    file.write(json.dumps(known[key]) + "\n")
        rows.append(known[key])
        print(
            f"{job['case']} {job['size']} {job['solve'] or 'mesh'}: {rows[-1]['sizes']['tets']} tets", file=sys.stderr
        )
    return rows


def _kept(keep: Path | None) -> dict[str, dict]:
    """Measurements that a file has, by job."""
    lines = keep.read_text().splitlines() if keep is not None and keep.exists() else []
    return {json.dumps(row["job"]): row for row in map(json.loads, lines)}


def reference(keep: Path | None) -> float:
    """Speed of the machine when the measurements were begun."""
    from ssb2mesh.budget.speed import reference_work

    kept = _kept(keep).get('"reference"')
    seconds = kept["seconds"] if kept else min(reference_work() for _ in range(20))
    if keep is not None and not kept:
        with keep.open("a") as file:
            file.write(json.dumps({"job": "reference", "seconds": seconds}) + "\n")
    return seconds


def _in_a_process(job: str) -> dict:
    variables = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, __file__, "--one", job], capture_output=True, text=True, cwd=ROOT, env=variables
    )
    if done.returncode != 0:
        sys.exit(f"{job}: {done.stderr[-2000:]}")
    row = json.loads(done.stdout.splitlines()[-1])
    row["seconds"]["mesh"] = sum(row["seconds"].get(stage, 0.0) for stage in MESHING)
    return row


def jobs_of(cases, *, quick: bool = False) -> list[dict]:
    if quick:
        cases = [(case, int(0.75 * size), more) for case, size, more in cases[3:7:3] + cases[:1]]
    return [
        {"case": case, "size": size, **more, "solve": solve}
        for case, size, more in cases
        for solve in (None, *SOLVES)
        # a phase of one voxel's islands conducts nothing, and takes no solver any time
        if solve is None or case != "noise" and size <= (MOST_ELASTIC if solve == "elasticity" else MOST_CONDUCTING)
        if solve != "elasticity" or not quick
    ]


def samples(rows: list[dict]) -> dict[str, dict[str, list[tuple[dict, float]]]]:
    """Cost by kind and job: sizes and what was measured."""
    found: dict = {"seconds": {}, "memory": {}, "disk": {}}

    def add(kind, job, row, value):
        found[kind].setdefault(job, []).append((row["sizes"], value))

    for row in rows:
        solve = row["job"]["solve"]
        add("memory", f"process {solve or 'mesh'}", row, row["process"])
        if "report" in row["seconds"]:
            add("memory", "process report", row, row["report"])
        for job, size in row["disk"].items():
            add("disk", job, row, size)
        if solve is None:
            add("memory", "mesh", row, row["mesh_memory"])
            for job in ("mesh", "check", *(f"file {s}" for s in FORMATS)):
                add("seconds", job, row, row["seconds"][job])
        else:
            add("seconds", f"solve {solve}", row, row["seconds"]["solve s"])
            add("seconds", "load domain", row, row["seconds"]["load domain"])
            for job in ("measure", "report"):
                if job in row["seconds"]:
                    add("seconds", job, row, row["seconds"][job])
    return found


def fit(listed, names) -> dict[str, float]:
    """Constants, none below zero, that make the relative errors least."""
    from scipy.optimize import nnls

    from ssb2mesh.budget.model import Sizes

    if len(listed) < len(names) + 2:  # too few to tell the rest apart
        names = names[1:2]
    matrix = np.array([[Sizes(**sizes).amount(name) for name in names] for sizes, _ in listed], float)
    values = np.array([value for _, value in listed], float)
    weighted = matrix / values[:, None]
    scale = np.maximum(weighted.max(axis=0), 1e-300)
    found, _ = nnls(weighted / scale, np.ones(len(values)))
    return {name: float(f"{x:.4g}") for name, x in zip(names, found / scale, strict=True) if x > 0}


def fit_all(rows: list[dict]) -> dict[str, dict[str, dict[str, float]]]:
    """Constants of what was measured; of the rest those that are there."""
    from ssb2mesh.budget import fitted

    found = samples(rows)
    wanted = {"seconds": SECONDS, "memory": MEMORY, "disk": DISK}
    old = {"seconds": fitted.SECONDS, "memory": fitted.MEMORY, "disk": fitted.DISK}
    return {
        kind: {**old[kind], **{job: fit(found[kind][job], names) for job, names in jobs.items() if job in found[kind]}}
        for kind, jobs in wanted.items()
    }


def try_all(constants, rows: list[dict], reference: float) -> None:
    """Print what was predicted against what came."""
    from ssb2mesh.budget.model import Sizes

    errors: dict[str, list[float]] = {}
    for kind, jobs in samples(rows).items():
        for job, listed in jobs.items():
            for sizes, value in listed:
                made = sum(c * Sizes(**sizes).amount(n) for n, c in constants[kind][job].items())
                factor = reference if kind == "seconds" else 1.0
                errors.setdefault(f"{kind}: {job}", []).append(made * factor / value - 1)
    totals = errors.setdefault("seconds: all stages together", [])
    for row in rows:
        stages = {k: v for k, v in row["seconds"].items() if k in ("mesh", "check", "load domain", "measure", "report")}
        stages = {k: v for k, v in stages.items() if k in constants["seconds"]}
        if row["job"]["solve"]:
            stages[f"solve {row['job']['solve']}"] = row["seconds"]["solve s"]
        sizes = Sizes(**row["sizes"])
        made = sum(c * sizes.amount(n) for job in stages for n, c in constants["seconds"][job].items()) * reference
        totals.append(made / sum(stages.values()) - 1)
    print(f"\n{'predicted against measured':40s} {'largest':>8s} {'mean':>7s}   each, %")
    for name, listed in errors.items():
        each = " ".join(f"{100 * e:+.0f}" for e in listed)
        if listed:
            print(f"{name:40s} {100 * max(map(abs, listed)):7.0f}% {100 * np.mean(np.abs(listed)):6.0f}%   {each}")


def write_constants(constants, reference: float) -> None:
    path = ROOT / "ssb2mesh" / "budget" / "fitted.py"
    old = path.read_text(encoding="utf-8")
    head = old[: old.index("#: Seconds of")]
    told = "#: Seconds of `ssb2mesh.budget.speed.reference_work` on the machine of the fit."
    tables = [f"{told}\nREFERENCE_SECONDS = {reference:.5g}"]
    told = "#: By job: cost of one, of each tet, square, cell ... (`ssb2mesh.budget.model.Sizes`); seconds and bytes.\n"
    for name in ("seconds", "memory", "disk"):
        rows = "".join(f"    {json.dumps(job)}: {json.dumps(table)},\n" for job, table in constants[name].items())
        tables.append(f"{told if name == 'seconds' else ''}{name.upper()}: dict[str, dict[str, float]] = {{\n{rows}}}")
    part = path.with_suffix(".part")
    part.write_text(head + "\n".join(tables) + "\n", encoding="utf-8")
    part.replace(path)
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(path)], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the constants into the package")
    parser.add_argument("--only-try", action="store_true", help="fit nothing")
    parser.add_argument("--quick", action="store_true", help="a rough fit on a few small volumes, tried on none")
    parser.add_argument("--keep", type=Path, help="file of measurements; a job that it has is not run again")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(run_one(json.loads(given.one))))
        return
    from ssb2mesh.budget import fitted
    from ssb2mesh.budget.speed import machine_speed

    start, speed = time.perf_counter(), reference(given.keep)
    if not given.quick and len(_kept(given.keep)) < 2:
        measured(jobs_of([("gyroid", 48, {"options": {"grade": 1}}), ("noise", 48, {})]))
    trying = [] if given.quick else measured(jobs_of(TRYING), keep=given.keep)
    if given.only_try:
        constants = {"seconds": fitted.SECONDS, "memory": fitted.MEMORY, "disk": fitted.DISK}
        try_all(constants, trying, machine_speed(fresh=True))
        return
    training = measured(jobs_of(TRAINING, quick=given.quick), keep=given.keep)
    constants = fit_all(training)
    print(json.dumps(constants, indent=1))
    try_all(constants, training, 1.0)
    print("\nfive volumes that were not fitted:")
    try_all(constants, trying, 1.0)
    print(f"{time.perf_counter() - start:.0f} s")
    if given.write:
        write_constants(constants, speed)


if __name__ == "__main__":
    main()
