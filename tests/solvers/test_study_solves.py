"""[[solve]] tables: units, every fault with its place, and from a table to a result."""

import numpy as np
import pytest
from helpers_mesh import box_mesh

from solvers import dolfinx_api, exact, load_domain, material, run_solve
from ssb2mesh.errors import InputError
from ssb2mesh.study.solves import QUANTITY_UNITS, SOLVE_TYPES, parse_quantity, validate_solves


def solve(**changes):
    table = {
        "name": "a",
        "type": "conduction",
        "conductivity": {"NMC": 10.0},
        "fixed": {"z_min": "0 V", "z_max": "1 V"},
    }
    return {**table, **changes}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("1 V", "potential", 1.0),
        ("250 mV", "potential", 0.25),
        ("1.56 mS/cm", "conductivity", 0.156),
        ("2 S/cm", "conductivity", 200.0),
        ("-3e-1 mA", "current", -3e-4),
        (0.5, "current", 0.5),
    ],
)
def test_quantities(text, kind, value):
    assert parse_quantity(text, kind) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["1", "one V", "1 kV", "nan V", float("inf"), True, None])
def test_bad_quantities_say_what_to_give(text):
    with pytest.raises(InputError, match="give a"):
        parse_quantity(text, "potential")


def test_good_table_comes_back_in_si_and_stays_the_same():
    checked, faults = validate_solves([solve(current={"x_min": "2 mA"})])
    assert faults == []
    assert checked[0]["fixed"] == {"z_min": 0.0, "z_max": 1.0}
    assert checked[0]["current"] == {"x_min": 0.002}
    assert validate_solves(checked) == (checked, [])


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (solve(conductvity={}), ".conductvity: unknown key, did you mean 'conductivity'?"),
        (solve(type="conducton"), ".type: got 'conducton', did you mean 'conduction'?"),
        (solve(name="a b"), ".name: got 'a b'"),
        (solve(conductivity={"NMC": -1}), ".conductivity.NMC: got -1; a conductivity is positive"),
        (solve(conductivity={"NMC": [[1, 0], [0, 1]]}), "three rows of three"),
        (solve(conductivity={"NMC": [[1, 2, 0], [2, 1, 0], [0, 0, 1]]}), "positive definite"),
        (solve(conductivity={"NMC": [[1, 0.5, 0], [0.2, 1, 0], [0, 0, 1]]}), "symmetric"),
        (solve(fixed={"z_min": "1 W"}), ".fixed.z_min: unknown unit 'W'"),
        (solve(fixed="z_min"), ".fixed: got 'z_min'; expected a table"),
        (solve(current={"z_min": 1.0}), ".current: 'z_min' has a fixed potential as well"),
        (solve(tolerance=2.0), ".tolerance: got 2.0"),
        (solve(max_iterations=0), ".max_iterations: got 0"),
        ({"name": "t", "type": "effective_conductivity", "conductivity": {"p": 1}, "axes": ["w"]}, ".axes: got ['w']"),
        ({"name": "t", "type": "effective_conductivity"}, ".conductivity: missing; give conductivity by phase"),
        (3, "got 3; expected a table"),
    ],
)
def test_faults_have_their_place(table, fault):
    checked, faults = validate_solves([table])
    assert checked == []
    assert len(faults) == 1
    assert faults[0].startswith("[[solve]] 1")
    assert fault in faults[0]


def test_all_faults_at_once_and_names_must_differ():
    _, faults = validate_solves([solve(), solve(), solve(name="b", fixd=1, tolerance="x")])
    assert [line.split(":")[0] for line in faults] == [
        "[[solve]] 2.name",
        "[[solve]] 3.fixd",
        "[[solve]] 3.tolerance",
    ]


def test_every_key_has_help_and_units_start_with_si():
    assert all(key.help for kind in SOLVE_TYPES.values() for key in kind.keys.values())
    assert all(next(iter(units.values())) == 1.0 for units in QUANTITY_UNITS.values())


@pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)
def test_tables_run():
    domain = load_domain(box_mesh(3, names={1: "NMC"}))
    result = run_solve(domain, solve(conductivity={"NMC": "10 S/m"}))
    assert result.currents["z_max"] == pytest.approx(10.0)
    result = run_solve(domain, {"name": "t", "type": "effective_conductivity", "conductivity": {"NMC": 2.0}})
    assert result.tensor == pytest.approx(2 * np.eye(3), abs=1e-10)
    assert result.summary()["tortuosity"]["y"] == pytest.approx(1.0)
    with pytest.raises(InputError, match="unknown key"):
        run_solve(domain, solve(fixd=1))


def test_exact_answers_agree_with_each_other():
    assert exact.slabs_with_reaction(
        1.0, [0.5, 0.5], conductivities=[1, 2], exchange=0.5, equilibrium=0.1
    ) == pytest.approx(1.13336342, abs=5e-9)
    # dilute spheres: the table's error against Maxwell is of order fraction^(10/3)
    for ratio in (0.0, 0.1, 10.0):
        assert exact.simple_cubic(0.05, ratio) == pytest.approx(exact.maxwell_garnett(0.05, ratio), abs=1e-4)
        lower, upper = exact.hashin_shtrikman(0.4, ratio, 1.0)
        assert lower - 1e-12 <= exact.simple_cubic(0.4, ratio) <= upper + 1e-12
    assert exact.strip_constriction(0.5, 1.0) == pytest.approx(0.110318, abs=5e-7)
    assert 1e3 * exact.butler_volmer_overpotential(100.0, 10.0) == pytest.approx(118.825, abs=5e-4)
    radial, hoop = exact.lame_shell(1.0, 1.0, 2.0, 1.0)
    assert (radial, hoop) == pytest.approx((-1.0, 0.714286), abs=1e-6)
    pressure = exact.swelling_sphere_pressure(
        0.01, bulk_modulus=200e9 / (3 * (1 - 0.6)), shear_modulus=22e9 / (2 * 1.37)
    )
    assert pressure == pytest.approx(0.301783e9, rel=1e-5)
    with pytest.raises(InputError, match="no entry for fraction 0.21"):
        exact.simple_cubic(0.21, 0.0)


def test_materials_carry_a_source_and_are_never_guessed():
    from solvers.materials import MATERIALS

    assert all(value.source and value.unit for known in MATERIALS.values() for value in known.values())
    assert material("LPSCl", "ionic_conductivity").value == 0.156
    with pytest.raises(InputError, match="no 'LPSC', did you mean 'LPSCl'"):
        material("LPSC", "ionic_conductivity")
    with pytest.raises(InputError, match="no sourced 'electronic_conductivity' of LPSCl"):
        material("LPSCl", "electronic_conductivity")
