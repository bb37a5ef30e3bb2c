"""MOOSE inputs of a composite cathode, solved by an interpreter of their own, against the solvers."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_mesh import box_mesh
from helpers_moose import Problem
from helpers_moose_mechanics import ElasticProblem

from solvers import load_domain
from solvers.from_study import run_solve
from ssb2mesh import mesh_volume
from ssb2mesh.moose import write_moose
from ssb2mesh.phantoms import make_phantom
from ssb2mesh.study.solves import validate_solves

pytest.importorskip("netCDF4", reason="netCDF4 writes the Exodus mesh of an input: pip install netCDF4")

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


STIFF = [[280e9, 120e9, 115e9, 0, 0, 0], [120e9, 270e9, 118e9, 0, 0, 0], [115e9, 118e9, 300e9, 2e9, 0, 0],
         [0, 0, 2e9, 80e9, 0, 0], [0, 0, 0, 0, 75e9, 5e9], [0, 0, 0, 0, 5e9, 70e9]]  # fmt: skip
SOLIDS = {"LPSCl": {"young": "22 GPa", "poisson": 0.37}, "NMC": {"stiffness": STIFF},
          "binder": {"young": "1 GPa", "poisson": 0.4}}  # fmt: skip
MECHANICS = [
    {"name": "held", "type": "elasticity", "materials": SOLIDS, "fixed": {"z_min": ["1 nm", "free", "-2 nm"]},
     "rollers": ["y_min"], "pressure": {"z_max": "50 MPa", "NMC@LPSCl|NMC": "10 MPa"},
     "traction": {"x_max": ["20 MPa", "5 MPa", "-7 MPa"]},
     "eigenstrain": {"NMC": [0.01, 0.02, -0.03, 0.008, 0.006, 0.004], "binder": 0.002}},
    {"name": "pressed", "type": "elasticity", "materials": SOLIDS, "rollers": ["x_min", "y_min", "z_min"],
     "platen": {"z_max": "30 uN"}, "eigenstrain": {"NMC": -0.01}},
]  # fmt: skip


@pytest.mark.parametrize("unit", ["um", "m"])
def test_inputs_of_mechanics_give_the_forces_of_the_solver(tmp_path, unit):
    labels = np.random.default_rng(3).integers(1, 4, (3, 3, 4))
    mesh = box_mesh((3, 3, 4), labels, size=(2e-6, 3e-6, 4e-6), names={1: "NMC", 2: "LPSCl", 3: "binder"})
    tables, faults = validate_solves(MECHANICS)
    assert not faults, faults
    write_moose(mesh, tables, tmp_path / "m", unit=unit)
    newton = {"um": 1e6, "m": 1.0}[unit]
    for table in tables:
        solution = run_solve(load_domain(mesh), table)
        forces = solution.forces
        displacement, found = ElasticProblem(tmp_path / "m" / f"{table['name']}.i").solve()
        wanted = {}
        for kind in ("fixed", "rollers"):
            for side in table.get(kind, ()):
                # z_min lets y go, so no node is held twice
                axes = "xz" if kind == "fixed" else side[0]
                wanted |= {f"force_{axis}_{kind}_{side}": newton * forces[side]["xyz".index(axis)] for axis in axes}
        assert set(found) == set(wanted)
        # a plate is tied by a penalty of 1e4 stiffnesses of a tet
        close = 1e-6 if table["name"] == "held" else 1e-3
        scale = max(map(abs, wanted.values()))
        for name, value in wanted.items():
            assert found[name] == pytest.approx(value, abs=close * scale), name
        largest = {"um": 1e-6, "m": 1.0}[unit] * np.abs(displacement).max()
        assert largest == pytest.approx(np.nanmax(np.abs(solution.displacement)), rel=close)


@pytest.mark.parametrize("method", ["mixed", "kinematic"])
def test_inputs_of_effective_stiffness_give_its_columns(tmp_path, method):
    labels = np.random.default_rng(3).integers(1, 4, (3, 3, 4))
    size, origin = (2e-6, 3e-6, 4e-6), (1e-6, 0.0, -1e-6)
    mesh = box_mesh((3, 3, 4), labels, size=size, origin=origin, names={1: "NMC", 2: "LPSCl", 3: "binder"})
    tables, faults = validate_solves(
        [{"name": "c", "type": "effective_stiffness", "materials": SOLIDS, "method": method}]
    )
    assert not faults, faults
    write_moose(mesh, tables, tmp_path / "m")
    wanted = run_solve(load_domain(mesh), tables[0]).tensor
    cases = ("xx", "yy", "zz", "yz", "xz", "xy")
    columns = []
    for case in cases:
        _, found = ElasticProblem(tmp_path / "m" / f"c-{case}.i").solve()
        columns.append([found[f"C_{name}_{case}"] for name in cases])
    tensor = np.array(columns).T
    np.testing.assert_allclose((tensor + tensor.T) / 2, wanted, atol=1e-6 * np.abs(wanted).max())
