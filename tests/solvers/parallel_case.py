"""Run under mpirun by test_parallel.py: solves a few cases and writes their numbers and fields on rank 0."""

import sys
from pathlib import Path

import numpy as np

from solvers import PercolationError, conduction, dolfinx_api, effective_conductivity, load_domain
from ssb2mesh.errors import InputError


def main(mesh_path: str, out: str) -> None:
    comm = dolfinx_api.world()
    domain = load_domain(mesh_path)
    sigma = {"phase1": 1.0, "phase2": 12.0}
    first = conduction(domain, conductivity=sigma, fixed={"z_min": 0.0, "z_max": 1.0})
    fed = conduction(domain, conductivity=sigma, fixed={"z_min": 0.0}, current={"x_max": 2.0})
    tied = conduction(
        domain, conductivity={"phase1": 1.0, "phase2": 2.0}, fixed={"z_min": 0.0, "z_max": 1.0},
        equipotential=["phase3"],
    )  # fmt: skip
    lone = conduction(domain, conductivity={"phase1": 1.0}, fixed={"z_min": 0.0, "z_max": 1.0})
    tau = effective_conductivity(domain, conductivity=sigma, axes=["x"])
    spread = load_domain(Path(mesh_path).with_suffix(".vtu"))  # read by rank 0
    other = conduction(spread, conductivity=sigma, fixed={"z_min": 0.0, "z_max": 1.0}).point_data()
    errors = []
    for call in (
        lambda: conduction(domain, conductivity={"phse1": 1.0}, fixed={"z_min": 0.0}),
        lambda: conduction(domain, conductivity=sigma, fixed={"z_min": 0.0, "x_min": 1.0}),
        lambda: load_domain("no_such.xdmf"),
        lambda: effective_conductivity(domain, conductivity={"phase4": 1.0}, axes=["x"]),
    ):
        try:
            call()
        except (InputError, PercolationError) as error:
            errors.append(type(error).__name__)
    assert comm.allgather(errors) == [errors] * comm.size
    first.write(Path(out).with_suffix(".xdmf"))
    points, cells = first.point_data(), first.cell_data()
    volumes, areas = domain.phase_volumes(), {name: domain.set_area(name) for name in domain.sets}
    if comm.rank == 0:
        np.savez(
            out,
            potential=points["potential"],
            potential_of_vtu=other["potential"],
            flux=cells["current_density"],
            currents=[first.currents["z_max"], fed.currents["z_min"], tied.currents["z_max"], lone.currents["z_max"]],
            floating=[lone.totals["floating"].get("phase1", 0.0), lone.totals["idle"].get("phase1", 0.0)],
            tensor=tau.tensor,
            percolating=list(tau.percolating.values()),
            balance=[first.balance, fed.balance, tied.balance],
            volumes=list(volumes.values()),
            areas=list(areas.values()),
            errors=errors,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
