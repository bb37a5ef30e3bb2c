"""Run under mpirun by test_coupling_parallel.py: a staggered cell with a rough gap; numbers and fields on rank 0."""

import sys
from pathlib import Path

import numpy as np

from solvers import (
    Body,
    ButlerVolmer,
    Cell,
    Chain,
    Cohesive,
    Deposit,
    Elastic,
    GapContact,
    Loads,
    Supports,
    Sweeps,
    Terminals,
    coupled_cell,
    dolfinx_api,
    load_domain,
)
from solvers.elastic.newton import Options
from ssb2mesh.errors import SolverError


def main(mesh_path: str, out: str) -> None:
    comm = dolfinx_api.world()
    domain = load_domain(mesh_path)
    cell = Cell(
        electronic={"Li": 5.0}, ionic={"LPS": 2.0}, kinetics={"LPS|Li": ButlerVolmer(i0=0.1, U=0.0)},
        terminals=Terminals(fixed_ionic={"z_min": 0.0}, current={"z_max": 0.3}),
    )  # fmt: skip
    body = Body(
        materials={"LPS": Elastic(10.0, 0.3), "Li": Elastic(20.0, 0.2)},
        supports=Supports(rollers=["x_min", "x_max", "y_min", "y_max", "z_min"]),
        loads=Loads(pressure={"z_max": 0.02}),
        interfaces={"LPS|Li": Cohesive(strength=1e-9, energy=1e-18, stiffness=100.0)},
        options=Options(steps=1),
    )
    rough = GapContact(-1e-4, 3e-4, lambda x: 4e-4 * np.abs(np.sin(7 * x[:, 0]) * np.cos(3 * x[:, 1])))
    chain = Chain(2.0, deposits={"LPS|Li": Deposit(60.0)}, contacts={"LPS|Li": rough})
    found = coupled_cell(domain, cell=cell, body=body, chain=chain, coupling="staggered", sweeps=Sweeps(tolerance=1e-9))
    numbers = found.summary()
    assert comm.allgather(numbers["cell_voltage"]) == [numbers["cell_voltage"]] * comm.size
    error = ""
    try:
        coupled_cell(domain, cell=cell, body=body, chain=chain, coupling="staggered", sweeps=Sweeps(most=1))
    except SolverError as caught:
        error = str(caught)
    assert comm.allgather(error) == [error] * comm.size
    found.write(Path(out).with_suffix(".xdmf"))
    points, facets = found.point_data(), found.facet_data("LPS|Li")
    if comm.rank == 0:
        steps = [[row["cell_voltage"], row["LPS|Li: contact"], row["LPS|Li: largest_gap"]] for row in found.steps]
        first = found.iterations[0]["contact_change"]
        np.savez(out, steps=steps, first=first, error=error, ionic=points["ionic_potential"],
                 displacement=points["displacement"], **facets)  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
