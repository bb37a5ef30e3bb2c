"""[[solve]] tables of type coupled: units, every fault with its place, from a table to a result and its report."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers_mesh import box_mesh

from solvers import dolfinx_api, load_domain, run_solve
from ssb2mesh.errors import InputError
from ssb2mesh.report.solves import solve_html
from ssb2mesh.study import read_study
from ssb2mesh.study.solves import validate_solves

ROOT = Path(__file__).resolve().parents[2]
needs_dolfinx = pytest.mark.skipif(
    not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL
)


def table(**changes):
    found = {
        "name": "strip",
        "type": "coupled",
        "coupling": "staggered",
        "duration": "2 s",
        "charge": {
            "electronic": {"Li": 5.0}, "ionic": {"LPS": 2.0}, "kinetics": {"LPS|Li": {"asr": 0.3, "U": 0}},
            "fixed": {"z_max": "1 V"}, "fixed_ionic": {"z_min": 0},
        },
        "mechanics": {
            "rollers": ["x_min", "x_max", "y_min", "y_max", "z_min", "z_max"], "steps": 1,
            "materials": {"LPS": {"young": 10.0, "poisson": 0.0}, "Li": {"young": 20.0, "poisson": 0.0}},
            "interfaces": {"LPS|Li": {"strength": 100.0, "energy": 1e3, "stiffness": 100.0}},
        },
        "deposit": {"LPS|Li": {"molar_volume": 96.48533212}},
        "gap": {"LPS|Li": {"closes": -1e-4, "opens": "200 um"}},
    }  # fmt: skip
    return {k: v for k, v in {**found, **changes}.items() if v is not None}


def without(key, *path):
    found = table()
    inner = found
    for step in path:
        inner = inner[step]
    del inner[key]
    return found


def test_good_tables_come_back_in_si_and_stay_the_same(tmp_path):
    gap = {"closes": "-2 nm", "opens": "10 nm", "initial": {"map": "gap.npy", "axis": "z"}}
    given = table(duration="30 min", deposit={"LPS|Li": "Li"}, gap={"LPS|Li": gap},
                  swelling={"Li": {"molar_volume": "1.2 cm3/mol"}}, stack_pressure={"z_max": ["1 MPa", 2]})  # fmt: skip
    checked, faults = validate_solves([given], base=tmp_path)
    assert faults == []
    assert checked[0]["duration"] == 1800.0
    assert checked[0]["gap"]["LPS|Li"] == {
        "closes": -2e-9, "opens": 1e-8, "initial": {"map": str(tmp_path / "gap.npy"), "axis": "z"},
    }  # fmt: skip
    assert checked[0]["swelling"]["Li"]["molar_volume"] == pytest.approx(1.2e-6)
    assert checked[0]["stack_pressure"] == {"z_max": [1e6, 2.0]}
    assert validate_solves(checked) == (checked, [])


def test_the_example_is_valid():
    assert read_study(ROOT / "examples" / "stripping.toml").solves[0]["type"] == "coupled"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (without("charge"), ".charge: missing; give the electrochemical side"),
        (without("kinetics", "charge"), ".deposit.LPS|Li: has no kinetics in charge, so no current flows there"),
        (without("materials", "mechanics"), ".mechanics.materials: missing; give elastic constants"),
        (without("duration"), ".duration: missing; give how long the current flows"),
        (table(coupling="both"), ".coupling: got 'both'; give 'one-way' or 'staggered'"),
        (table(coupling="one-way", sweeps=3), ".sweeps: is for coupling = 'staggered'"),
        (table(duration="2 days"), ".duration: unknown unit 'days' in '2 days'"),
        (table(duration=-1), ".duration: got -1; a duration is not negative"),
        (table(relaxation=0), ".relaxation: got 0; expected a number above 0 to 1"),
        (table(gap={"LPS|Li": {"closes": 1}}), ".gap.LPS|Li: opens missing; expected { closes ="),
        (table(gap={"LPS|Li": {"closes": 1, "opens": 0}}), ".gap.LPS|Li: got opens 0 m below closes 1 m"),
        (table(deposit={"LPS|Li": {"molar_volume": 0}}), ".deposit.LPS|Li.molar_volume: got 0; it must be positive"),
        (table(deposit={"LPS|Li": {"volume": 1}}), ".deposit.LPS|Li.volume: unknown key, did you mean 'molar_volume'"),
        (table(mechanics=None, swelling={"Li": {"molar_volume": 1}}), ".swelling: needs [solve.mechanics]; add it"),
        (table(stack_pressure={"z_max": "1 MPa"}), ".stack_pressure.z_max: got '1 MPa'; give a list of pressures"),
        (table(charge={**table()["charge"], "fixed": {"z_max": [1, 2]}}), ".charge: a list of values or maps"),
        (table(charge={**table()["charge"], "ionic": {"LPS": "2 S"}}), ".charge.ionic.LPS: unknown unit 'S'"),
        (table(charge={**table()["charge"], "decompose": True}), ".charge.decompose: unknown key"),
    ],
)
def test_every_fault_has_its_place(given, fault):
    checked, faults = validate_solves([given])
    assert checked == []
    assert any(fault in text for text in faults), faults


@needs_dolfinx
def test_from_table_to_report(tmp_path):
    labels = np.broadcast_to(np.array([1, 1, 2, 2]), (2, 2, 4))
    domain = load_domain(box_mesh((2, 2, 4), labels, names={1: "LPS", 2: "Li"}))
    found = run_solve(domain, table(tolerance=1e-8))
    # the root of the closed form in test_coupling.py
    assert found.contact("LPS|Li") == pytest.approx(0.2158589, abs=1e-6)
    summary = json.loads(json.dumps(found.summary()))
    page = solve_html({"name": "strip", "summary": summary, "table": table()})
    assert "change of contact" in page
    assert page.count("<tr>") > len(found.iterations)
    np.save(tmp_path / "gap.npy", np.zeros((2, 2)))
    gap = {"LPS|Li": {"closes": -1e-4, "opens": 2e-4, "initial": {"map": str(tmp_path / "gap.npy"), "axis": "z"}}}
    free = {**table()["mechanics"], "rollers": ["x_min", "x_max", "y_min", "y_max", "z_min"]}
    series = run_solve(domain, table(coupling="one-way", gap=gap, mechanics=free, stack_pressure={"z_max": [0.0, 0.5]}))
    # pressed by p / stiffness = 5 mm: full contact
    assert series.summary()["interfaces"]["LPS|Li"]["contact_by_gap"] == pytest.approx([2 / 3, 1.0], abs=1e-8)
    page = solve_html({"name": "strip", "summary": series.summary(), "table": table()})
    assert "stack pressure, Pa" in page
    assert "sweeps" in page


@needs_dolfinx
def test_a_map_that_is_not_there():
    domain = load_domain(box_mesh((1, 1, 2), np.array([[[1, 2]]]), names={1: "LPS", 2: "Li"}))
    gap = {"LPS|Li": {"closes": 0, "opens": 1, "initial": {"map": "none.npy", "axis": "z"}}}
    with pytest.raises(InputError, match=r"gap: 'LPS\|Li': initial: no file 'none.npy'"):
        run_solve(domain, table(gap=gap))
