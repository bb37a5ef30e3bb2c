"""Run under mpirun by test_charge_parallel.py: solves a few cells and writes their numbers and fields on rank 0."""

import math
import sys
from pathlib import Path

import numpy as np

from solvers import (
    ButlerVolmer,
    ContactMap,
    FacetValues,
    Field,
    LinearKinetics,
    RandomLoss,
    Terminals,
    charge_transfer,
    dolfinx_api,
    load_domain,
)
from ssb2mesh import read_mesh
from ssb2mesh.errors import InputError, SolverError


def main(mesh_path: str, out: str) -> None:
    comm = dolfinx_api.world()
    domain = load_domain(mesh_path)
    mesh = read_mesh(mesh_path)
    triangles = mesh.facet_set("LPS|NMC")
    picture = np.random.default_rng(2).random((5, 5))
    law = ButlerVolmer(i0=Field(1.0 + mesh.points[:, 0]), U=lambda x: 0.3 + 0.01 * x[:, 1], asr=0.01)
    foil = {"LPS@z_min": ButlerVolmer(i0=5.0, U=0.0)}
    cells = [
        charge_transfer(
            domain, electronic={"NMC": 3.0, "C": math.inf}, ionic={"LPS": 0.5, "NMC": 0.01},
            kinetics={"LPS|NMC": law, "C|LPS": LinearKinetics(asr=0.5, U=0.1), **foil},
            terminals=Terminals(fixed={"LPS@z_min": 0.0}, current={"z_max": 0.7}),
            contact={"LPS|NMC": [RandomLoss(0.6, 4), ContactMap(picture, axis="z")]},
        ),
        charge_transfer(
            domain, electronic={"NMC": 3.0}, ionic={"LPS": 0.5}, kinetics={"LPS|NMC": law, **foil},
            terminals={"LPS@z_min": 0.0, "NMC@z_max": 1.1},
            contact={"LPS|NMC": FacetValues(triangles, (np.arange(len(triangles)) % 3) / 2)},
        ),
    ]  # fmt: skip
    errors = []
    for change in ({"kinetics": {"x": law}}, {"contact": {"LPS|NMC": 0.0}}, {"terminals": {"LPS@z_min": 0.0}}):
        try:
            arguments = {"electronic": {"NMC": 3.0}, "ionic": {"LPS": 0.5}, "kinetics": {"LPS|NMC": law, **foil},
                         "terminals": {"LPS@z_min": 0.0, "NMC@z_max": 1.1}}  # fmt: skip
            charge_transfer(domain, **{**arguments, **change})
            errors.append("")
        except (InputError, SolverError) as error:
            errors.append(type(error).__name__)
    assert comm.allgather(errors) == [errors] * comm.size
    cells[0].write(Path(out).with_suffix(".xdmf"))
    found = {"errors": errors}
    for k, cell in enumerate(cells):
        points, fields, facets = cell.point_data(), cell.cell_data(), cell.facet_data("LPS|NMC")
        assert comm.allgather(cell.summary()["currents"]) == [cell.summary()["currents"]] * comm.size
        if comm.rank == 0:
            numbers = cell.totals["interfaces"]["LPS|NMC"]
            found |= {f"{name}{k}": values for name, values in {**points, **fields, **facets}.items()}
            found[f"currents{k}"] = list(cell.currents.values())
            found[f"voltages{k}"] = list(cell.voltages.values())
            found[f"balance{k}"] = cell.balance
            found[f"numbers{k}"] = [numbers[key] for key in ("contact_area", "current", "utilisation", "kinetic_heat")]
    if comm.rank == 0:
        np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
