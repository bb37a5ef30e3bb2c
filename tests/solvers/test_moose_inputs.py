"""MOOSE inputs of a composite cathode, solved by an interpreter of their own, against the solvers."""

from __future__ import annotations

import pytest
from helpers_moose import Problem

from solvers import load_domain
from solvers.from_study import run_solve
from ssb2mesh import mesh_volume
from ssb2mesh.moose import write_moose
from ssb2mesh.phantoms import make_phantom
from ssb2mesh.study_solves import validate_solves

TABLES = [
    {"name": "cell", "type": "charge_transfer", "electronic": {"NMC": 0.2}, "ionic": {"LPSCl": 0.2},
     "kinetics": {"LPSCl|NMC": {"i0": 3.4, "U": 3.8}, "LPSCl@z_min": {"i0": 50.0, "U": 0.0}},
     "contact": {"LPSCl|NMC": 0.7}, "fixed": {"LPSCl@z_min": 0.0, "NMC@z_max": 3.6}},
    {"name": "both", "type": "conduction", "conductivity": {"NMC": 0.2, "LPSCl": 1.0},
     "fixed": {"z_min": 0.0, "NMC@z_max": 1.0}},
    {"name": "ions", "type": "effective_conductivity", "conductivity": {"LPSCl": 0.2}, "axes": ["z"]},
]  # fmt: skip
#: Postprocessor of each input, what the solver calls it, and the unit.
ANSWERS = {
    "cell": ("current_fixed_phi_s_NMC_z_max", lambda s: s["currents"]["NMC@z_max"] * 1e12),
    "both": ("current_NMC_z_max", lambda s: s["currents"]["NMC@z_max"] * 1e12),
    "ions-z": ("tortuosity_factor", lambda s: s["tortuosity"]["z"]),
}


def test_inputs_give_the_answers_of_the_solvers(tmp_path):
    options = {"shape": 8, "voxel_size": "0.8 um", "active_fraction": 0.5, "void_fraction": 0.08, "d50": "4 um"}
    mesh = mesh_volume(make_phantom("composite_cathode", seed=1, **options).volume, drop=["void"])
    tables, faults = validate_solves(TABLES)
    assert not faults
    made = write_moose(mesh, tables, tmp_path / "m")
    domain = load_domain(mesh)
    summaries = {table["name"]: run_solve(domain, table).summary() for table in tables}
    for name, solve in made.inputs.items():
        problem = Problem(tmp_path / "m" / name)
        key, expected = ANSWERS[name.removesuffix(".i")]
        # the Jacobian is differenced, and points of the file in um have been through a product and a quotient
        assert problem.postprocessors(problem.solve())[key] == pytest.approx(expected(summaries[solve]), rel=1e-7)
