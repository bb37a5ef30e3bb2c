"""Run under mpirun by test_bounds_parallel.py: certified intervals of a few cases, their numbers on rank 0."""

import sys

import numpy as np

from solvers import dolfinx_api, effective_conductivity, load_domain


def main(mesh_path: str, out: str) -> None:
    comm = dolfinx_api.world()
    domain = load_domain(mesh_path)
    skew = np.array([[2.0, 0.5, 0.0], [0.5, 3.0, 0.3], [0.0, 0.3, 5.0]])
    cases = [
        effective_conductivity(domain, conductivity={"phase1": 1.0, "phase2": 12.0}, bounds=True),
        effective_conductivity(domain, conductivity={"phase1": 1.0, "phase2": 12.0}, axes=["y"], bounds="tensor"),
        effective_conductivity(domain, conductivity={"phase1": skew, "phase3": 1.0}, axes=["z"], bounds=True),
    ]
    found = [each for result in cases for each in result.intervals.values()]
    across = [interval for each in found for interval in each.across.values()]
    gap = cases[0].cell_data()
    if comm.rank == 0:
        np.savez(
            out,
            intervals=[[each.conductivity.lower, each.conductivity.upper] for each in found],
            across=[[each.lower, each.upper] for each in across],
            algebraic=[each.bounds.algebraic for each in found],
            gap=gap["gap_x"],
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
