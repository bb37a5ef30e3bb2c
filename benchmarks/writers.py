"""Seconds and memory of every mesh writer on a mesh of millions of tets, one process a format.

    python benchmarks/writers.py                                  5 M tets, all formats
    python benchmarks/writers.py --cells 40 --formats .e .vtu     6 tets a cell, 40^3 cells

Memory is the peak of the resident set while writing, above what is resident before; the mesh itself is what its arrays
hold. Processor time is the process's own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

FORMATS = {
    ".xdmf": {}, ".vtu": {}, ".e": {}, ".e netcdf4": {"storage": "netcdf4"}, ".msh": {}, ".msh 2.2": {"version": "2.2"},
    ".mphtxt": {}, ".inp": {}, ".nas": {}, ".cdb": {}, ".e order=2": {"order": 2, "curved": False},
    ".e curved": {"order": 2, "curved": True},
}  # fmt: skip
DEFAULT = [name for name in FORMATS if "order" not in name and "curved" not in name]


def status(key: str) -> int:
    """Bytes of an entry such as VmRSS or VmHWM."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{key}:")[2].split()[0]) * 1024


def make(cells: int):
    """A cube of phases in blocks of eight cells, as a volume of particles has them."""
    import numpy as np
    from helpers_mesh import box_mesh

    coarse = np.random.default_rng(1).integers(1, 4, (cells // 8 + 1,) * 3)
    labels = np.repeat(np.repeat(np.repeat(coarse, 8, 0), 8, 1), 8, 2)[:cells, :cells, :cells]
    return box_mesh(cells, labels, size=(1e-5,) * 3)


def one(source: Path, name: str) -> dict:
    """Write once and measure."""
    from ssb2mesh.io.meshes import read_mesh, write_mesh

    warnings.simplefilter("ignore")
    mesh = read_mesh(source)
    small = make(8)
    suffix = name.split()[0]
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        write_mesh(small, Path(folder) / f"warm{suffix}", **FORMATS[name])  # libraries loaded, loops compiled
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before = status("VmRSS")
        wall, processor = time.perf_counter(), time.process_time()
        write_mesh(mesh, Path(folder) / f"m{suffix}", **FORMATS[name])
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        peak = status("VmHWM") - before
        size = sum(p.stat().st_size for p in Path(folder).glob("m*"))
    arrays = (mesh.points, mesh.tets, mesh.cell_tags, mesh.facets, mesh.facet_tags)
    held = sum(a.nbytes for a in arrays)
    return {"format": name, "tets": mesh.n_tets, "wall_s": wall, "cpu_s": processor, "peak_mb": peak / 1e6,
            "mesh_mb": held / 1e6, "file_mb": size / 1e6}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=94, help="cells along each edge, six tets each")
    parser.add_argument("--formats", nargs="*", default=DEFAULT, choices=list(FORMATS))
    parser.add_argument("--one", nargs=2, metavar=("MESH", "FORMAT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(Path(given.one[0]), given.one[1])))
        return
    from ssb2mesh.io.meshes import write_mesh

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.xdmf"
        write_mesh(make(given.cells), source)
        print("| format | tets | wall, s | processor, s | extra memory, MB | of the mesh | file, MB |")
        print("|---|---|---|---|---|---|---|")
        for name in given.formats:
            done = subprocess.run(
                [sys.executable, __file__, "--one", str(source), name], capture_output=True, text=True
            )
            if done.returncode:
                print(f"| `{name}` | failed: {done.stderr.splitlines()[-1]} |")
                continue
            r = json.loads(done.stdout)
            print(f"| `{name}` | {r['tets']} | {r['wall_s']:.1f} | {r['cpu_s']:.1f} | {r['peak_mb']:.0f} "
                  f"| {r['peak_mb'] / r['mesh_mb']:.2f} | {r['file_mb']:.0f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
