"""Time and memory of measuring a large volume: fractions, components, representative volumes, areas, triple lines.

    python benchmarks/measure.py --edge 500 [--sizes] [--json]

The volume is a periodic composite cathode of 125 voxels, repeated. `--sizes` adds particles of the active material,
local thickness of the voids and their width as cracks.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from ssb2mesh.measure import MeasurePlan, measure_volume
from ssb2mesh.phantoms import make_phantom
from ssb2mesh.stages import Stages, peak_memory_bytes
from ssb2mesh.volume import LabelledVolume


def cathode(edge: int) -> LabelledVolume:
    """A cathode of `edge` voxels a side; compiled loops are loaded on a small one first."""
    cell = make_phantom("composite_cathode", shape=(125, 125, 125)).volume
    counts = -(-edge // 125)
    labels = np.ascontiguousarray(np.tile(cell.labels, (counts,) * 3)[:edge, :edge, :edge])
    return LabelledVolume(labels, cell.spacing, phases=cell.phases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edge", type=int, default=500)
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    plan = MeasurePlan()
    if given.sizes:
        plan = MeasurePlan(particles=("NMC",), thickness=("void",), cracks=("void",))
    measure_volume(cathode(64), plan=plan)
    volume = cathode(given.edge)
    stages, start, cpu = Stages(), time.perf_counter(), time.process_time()
    measure_volume(volume, plan=plan, stages=stages)
    found = {
        "edge": given.edge,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "peak_memory_bytes": peak_memory_bytes(),
        "stages": {name: round(value, 2) for name, value in stages.seconds.items()},
    }
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        print(f"{given.edge}^3: {found['seconds']:.1f} s ({found['cpu_seconds']:.1f} s of processors), "
              f"peak {found['peak_memory_bytes'] / 2**30:.2f} GiB")  # fmt: skip
        for name, value in stages.seconds.items():
            print(f"  {name:18} {value:8.2f} s   peak so far {stages.memory[name] / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
