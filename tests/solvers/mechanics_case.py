"""Run under mpirun by test_mechanics_parallel.py: solves a few cases and writes their numbers and fields on rank 0."""

import sys
from pathlib import Path

import numpy as np

from solvers import Elastic, Loads, Supports, dolfinx_api, effective_stiffness, elasticity, load_domain
from solvers.elastic.newton import Options
from solvers.elastic.opening import Cohesive
from ssb2mesh.errors import InputError


def main(mesh_path: str, out: str) -> None:
    comm = dolfinx_api.world()
    domain = load_domain(mesh_path)
    materials = {"phase1": Elastic(1.0, 0.3), "phase2": Elastic(20.0, 0.2)}  # phase3 is empty space
    supports = Supports(rollers=["x_min", "y_min", "z_min"])
    loads = Loads(platen={"z_max": 1.0}, pressure={"y_max": 0.2, "phase1@phase1|phase3": 0.05},
                  eigenstrain={"phase2": 0.01})  # fmt: skip
    numbers, fields = {}, {}
    for order in (1, 2):
        found = elasticity(domain, materials=materials, supports=supports, loads=loads, order=order)
        assert found.balance < 1e-10
        points, cells = found.point_data(), found.cell_data()
        nodal = domain.gather_points(found.nodal_stress("phase1"))
        numbers[f"forces{order}"] = list(found.forces.values())
        numbers[f"energy{order}"] = list(found.totals["strain_energy"].values())
        numbers[f"floating{order}"] = list(found.totals["floating"].values())
        numbers[f"travel{order}"] = found.totals["platen_travel"]["z_max"]
        if comm.rank == 0:
            fields |= {f"nodal{order}": nodal, f"displacement{order}": points["displacement"]}
            fields |= {f"stress{order}": cells["stress"], f"mises{order}": cells["von_mises"]}
    plastic = {"phase1": Elastic(1.0, 0.3, yield_stress=0.02), "phase2": Elastic(20.0, 0.2)}
    soft = elasticity(domain, materials=plastic, supports=Supports(fixed={"z_min": 0, "z_max": (0, 0, -0.04)}), order=2,
                      options=Options(steps=2))  # fmt: skip
    numbers["plastic"] = soft.forces["z_max"]
    mixed = Options(steps=2, formulation="mixed")
    rubber = {"phase1": Elastic(1.0, 0.4999), "phase2": Elastic(20.0, 0.3)}
    for order in (1, 2):
        pressed = elasticity(domain, materials=rubber, supports=supports, loads=loads, order=order, options=mixed)
        numbers[f"mixed{order}"] = list(pressed.forces.values())
        numbers[f"travel of mixed{order}"] = pressed.totals["platen_travel"]["z_max"]
        cells = pressed.cell_data()
        if comm.rank == 0:
            fields[f"mean stress{order}"] = cells["mean_stress"]
    soft = elasticity(domain, materials=plastic, supports=Supports(fixed={"z_min": 0, "z_max": (0, 0, -0.04)}),
                      options=mixed)  # fmt: skip
    numbers["plastic mixed"] = soft.forces["z_max"]
    three = {"phase1": Elastic(1.0, 0.3), "phase2": Elastic(20.0, 0.2), "phase3": Elastic(2.0, 0.3)}
    seam = {"phase1|phase2": Cohesive(strength=0.01, energy=5e-5, stiffness=50.0)}  # phase3 bonds to both
    apart = elasticity(domain, materials=three, supports=Supports(fixed={"z_min": 0, "z_max": (0, 0, 0.02)}),
                       interfaces=seam, options=Options(steps=2))  # fmt: skip
    numbers["seam"] = list(apart.totals["openings"]["phase1|phase2"].values())
    numbers["pulled"] = apart.forces["z_max"]
    moved = apart.point_data()
    if comm.rank == 0:
        fields["separation"] = moved["separation"]
    stiffness = effective_stiffness(domain, materials=materials)
    numbers["stiffness"] = stiffness.tensor
    errors = []
    for call in (
        lambda: elasticity(domain, materials=materials, supports=Supports(rollers=["z_min"]), loads=loads),
        lambda: elasticity(domain, materials=materials, supports=Supports(fixed={"z_min": 0, "x_min": (1, 0, 0)})),
        lambda: elasticity(domain, materials=materials, supports=supports, loads=Loads(pressure={"phase1|phase2": 1})),
    ):
        try:
            call()
        except InputError as error:
            errors.append(str(error)[:60])
    assert comm.allgather(errors) == [errors] * comm.size, comm.allgather(errors)
    found.write(Path(out).with_suffix(".xdmf"))
    if comm.rank == 0:
        np.savez(out, errors=errors, **numbers, **fields)


if __name__ == "__main__":
    main(*sys.argv[1:])
