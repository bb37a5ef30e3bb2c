"""MOOSE inputs: grammar, names against the Exodus file by VTK, and the answers that the inputs themselves give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers_mesh import box_mesh
from helpers_moose import Problem, names_used, parse_hit, read_exodus_by_vtk
from scipy.optimize import brentq

from ssb2mesh.cli.main import cli
from ssb2mesh.errors import InputError
from ssb2mesh.mesh.split import split_interfaces
from ssb2mesh.moose import write_moose
from ssb2mesh.moose.hit import render
from ssb2mesh.moose.pieces import Network, isolate
from ssb2mesh.study.solves import validate_solves

#: Box of the tests, m, and its halves along z.
SIZE = (2e-6, 3e-6, 4e-6)
AREA = SIZE[0] * SIZE[1]
#: Differenced Jacobians and residuals of a few hundred unknowns.
CLOSE = 1e-7


def layers(n=(2, 2, 4), *, names=("LPSCl", "NMC")):
    labels = np.ones(n, int)
    labels[:, :, n[2] // 2 :] = 2
    return box_mesh(n, labels, size=SIZE, names=dict(zip((1, 2), names, strict=True)))


def checked(*tables):
    found, faults = validate_solves(list(tables))
    assert not faults, faults
    return found


def write(mesh, folder, *tables, **options):
    made = write_moose(mesh, checked(*tables), folder, **options)
    for name in made.inputs:
        tree = parse_hit((folder / name).read_text())
        file = read_exodus_by_vtk(folder / tree["Mesh"]["file"]["file"])
        own = {e["new_block_name"] for e in tree["Mesh"].values() if "new_block_name" in e}
        joined = {e["new_sideset_name"] for e in tree["Mesh"].values() if "new_sideset_name" in e}
        blocks, boundaries = names_used({k: v for k, v in tree.items() if k != "Mesh"})
        more = names_used(tree["Mesh"])
        assert blocks | more[0] <= set(file["blocks"]) | own
        assert boundaries | more[1] <= set(file["side_sets"]) | joined
        assert tree["Mesh"]["diagnosed"]["type"] == "MeshDiagnosticsGenerator"
    return made


def test_the_parser_knows_wrong_text():
    assert parse_hit("[A] # c\n [./b]\n x = '1 2'\n [../]\n[]") == {"A": {"b": {"x": "1 2"}}}
    for wrong in ("[A]\n", "[]\n", "[A]\n x = 1\n x = 2\n[]", "[A]\n x 1\n[]", "[A]\n x = 'a\n[]"):
        with pytest.raises(ValueError, match="."):
            parse_hit(wrong)


def test_what_is_rendered_is_parsed_again():
    tree = {"A": {"#": "a comment " * 30, "x": [1, 2.5e-7, True], "b": {"type": "T", "e": "1 + x * (2)"}}, "Empty": {}}
    assert parse_hit(render(tree)) == {"A": {"x": "1 2.5e-07 true", "b": {"type": "T", "e": "1 + x * (2)"}}}
    with pytest.raises(InputError, match="'a b' cannot be the name of a block"):
        render({"a b": {"x": 1}})
    with pytest.raises(InputError, match="cannot be written in an input file"):
        render({"A": {"x": "it's"}})
    with pytest.raises(InputError, match="a number is finite"):
        render({"A": {"x": float("nan")}})


@pytest.mark.parametrize(("unit", "current"), [("um", 1e12), ("m", 1.0)])
def test_conduction_through_two_layers(tmp_path, unit, current):
    tensor = [[5.0, 0, 0], [0, 5.0, 0], [0, 0, 0.5]]
    table = {"name": "series", "type": "conduction", "conductivity": {"LPSCl": 0.2, "NMC": tensor},
             "fixed": {"z_min": "0 V", "z_max": "10 mV"}}  # fmt: skip
    write(layers(), tmp_path / "m", table, unit=unit)
    problem = Problem(tmp_path / "m" / "series.i")
    found = problem.postprocessors(problem.solve())
    exact = 0.01 * AREA / (2e-6 / 0.2 + 2e-6 / 0.5) * current
    assert found["current_z_max"] == pytest.approx(exact, rel=CLOSE)
    assert found["current_z_min"] == pytest.approx(-exact, rel=CLOSE)


def test_a_current_that_is_fed(tmp_path):
    table = {"name": "fed", "type": "conduction", "conductivity": {"NMC": 0.5, "LPSCl": 0.2},
             "fixed": {"z_min": 0.0}, "current": {"NMC@z_max": "1 nA"}}  # fmt: skip
    write(layers(), tmp_path / "m", table)
    problem = Problem(tmp_path / "m" / "fed.i")
    u = problem.solve()
    assert u.max() == pytest.approx(1e-9 * (2e-6 / 0.5 + 2e-6 / 0.2) / AREA, rel=CLOSE)
    assert problem.postprocessors(u)["current_z_min"] == pytest.approx(-1e3, rel=CLOSE)


@pytest.mark.parametrize("unit", ["um", "m"])
def test_effective_conductivity_of_layers(tmp_path, unit):
    table = {"name": "eff", "type": "effective_conductivity", "conductivity": {"LPSCl": 0.2, "NMC": 0.5}}
    made = write(layers(), tmp_path / "m", table, unit=unit)
    assert list(made.inputs) == ["eff-x.i", "eff-y.i", "eff-z.i"]
    assert made.meshes == ("mesh.e",)
    for axis, exact in (("x", 0.35), ("y", 0.35), ("z", 1 / (0.5 / 0.2 + 0.5 / 0.5))):
        problem = Problem(tmp_path / "m" / f"eff-{axis}.i")
        found = problem.postprocessors(problem.solve())
        assert found["effective_conductivity"] == pytest.approx(exact, rel=CLOSE)
        assert found["tortuosity_factor"] == pytest.approx(0.35 / exact, rel=CLOSE)


FOIL = {"i0": "50 A/m2", "U": "0 V"}
CELL = {
    "type": "charge_transfer",
    "electronic": {"NMC": "0.2 S/m"},
    "ionic": {"LPSCl": "2 mS/cm"},
    "kinetics": {"LPSCl|NMC": {"i0": "3.4 A/m2", "U": "3.8 V"}, "LPSCl@z_min": FOIL},
}


def one_dimensional(volts, *, asr=0.0, share=1.0):
    """Current density of the layered cell at a voltage, A/m2, positive into z_max."""

    def law(i, i0):
        return 2 * 8.31446261815324 * 298.15 / 96485.33212 * np.arcsinh(i / (2 * i0))

    def gap(i):
        ohmic = i * (2e-6 / 0.2 + 2e-6 / 0.2 + asr / share)
        return 3.8 + ohmic + law(i / share, 3.4) + law(i, 50.0) - volts

    return brentq(gap, -1e5, 1e5, xtol=1e-13)


@pytest.mark.parametrize(("asr", "share"), [(0.0, 1.0), (5e-3, 1.0), (5e-3, 0.4)])
def test_butler_volmer_on_films(tmp_path, asr, share):
    kinetics = {**CELL["kinetics"], "LPSCl|NMC": {"i0": 3.4, "U": 3.8, **({"asr": asr} if asr else {})}}
    table = {**CELL, "name": "cell", "kinetics": kinetics, "contact": {"LPSCl|NMC": share},
             "fixed": {"LPSCl@z_min": "0 V", "NMC@z_max": "3.7 V"}}  # fmt: skip
    write(layers((1, 1, 4)), tmp_path / "m", table)
    problem = Problem(tmp_path / "m" / "cell.i")
    found = problem.postprocessors(problem.solve())
    exact = one_dimensional(3.7, asr=asr, share=share) * AREA * 1e12
    assert exact < -1
    assert found["current_fixed_phi_s_NMC_z_max"] == pytest.approx(exact, rel=1e-6)
    assert found["current_fixed_phi_metal_LPSCl_z_min"] == pytest.approx(-exact, rel=1e-6)
    assert found["current_through_LPSCl_NMC"] * share == pytest.approx(exact, rel=1e-6)
    assert found["current_through_LPSCl_z_min"] == pytest.approx(-exact, rel=1e-6)


def test_a_cell_at_a_current(tmp_path):
    amps = one_dimensional(3.7) * AREA
    table = {**CELL, "name": "cell", "fixed": {"LPSCl@z_min": "0 V"}, "current": {"NMC@z_max": amps}}
    write(layers((1, 1, 4)), tmp_path / "a", table)
    problem = Problem(tmp_path / "a" / "cell.i")
    # the tie is a penalty of 1e5 conductances
    assert problem.postprocessors(problem.solve())["potential_current_phi_s_NMC_z_max"] == pytest.approx(3.7, abs=1e-6)
    table = {**CELL, "name": "cell", "fixed": {"NMC@z_max": 3.7}, "current": {"LPSCl@z_min": -amps}}
    write(layers((1, 1, 4)), tmp_path / "b", table)
    problem = Problem(tmp_path / "b" / "cell.i")
    found = problem.postprocessors(problem.solve())
    assert found["potential_current_phi_metal_LPSCl_z_min"] == pytest.approx(0.0, abs=1e-6)


def test_a_sweep_is_time(tmp_path):
    table = {**CELL, "name": "curve", "fixed": {"LPSCl@z_min": 0.0, "NMC@z_max": [3.75, 3.7, 3.65]}}
    write(layers((1, 1, 4)), tmp_path / "m", table)
    problem = Problem(tmp_path / "m" / "curve.i")
    run = problem.tree["Executioner"]
    assert (run["type"], run["dt"], run["end_time"]) == ("Transient", "1.0", "3.0")
    for time, volts in ((1.0, 3.75), (2.0, 3.7), (3.0, 3.65)):
        found = problem.postprocessors(problem.solve(time), time)
        exact = one_dimensional(volts) * AREA * 1e12
        assert found["current_fixed_phi_s_NMC_z_max"] == pytest.approx(exact, rel=1e-6)


def island():
    """NMC below, LPSCl above, and a piece of NMC within the LPSCl."""
    labels = np.ones((3, 3, 5), int)
    labels[:, :, 2:] = 2
    labels[1, 1, 3] = 1
    return box_mesh((3, 3, 5), labels, size=SIZE, names={1: "NMC", 2: "LPSCl"})


def test_what_no_contact_reaches_is_a_block_without_unknowns(tmp_path):
    table = {"name": "e", "type": "conduction", "conductivity": {"NMC": 1.0}, "fixed": {"x_min": 0.0, "x_max": 1.0}}
    both = {**table, "name": "both", "conductivity": {"NMC": 1.0, "LPSCl": 1.0}}
    made = write(island(), tmp_path / "m", table, both)
    assert made.isolated == {"e.i": {"NMC": pytest.approx(1 / 19)}}
    assert made.meshes == ("e.e", "mesh.e")
    problem = Problem(tmp_path / "m" / "e.i")
    assert set(problem.cells) == {"NMC", "LPSCl", "NMC_isolated"}
    assert {"LPSCl_NMC", "LPSCl_NMC_isolated", "NMC_isolated_LPSCl"} <= set(problem.sets)
    assert len(problem.sets["LPSCl_NMC_isolated"]) == 12
    found = problem.postprocessors(problem.solve())
    exact = SIZE[1] * 0.4 * SIZE[2] / SIZE[0] * 1e12
    assert found["current_x_max"] == pytest.approx(exact, rel=CLOSE)


def test_an_island_behind_kinetics_is_reached():
    networks = {"e": Network(("NMC",), ("NMC@z_min",)), "i": Network(("LPSCl",), ())}
    same, shares = isolate(island(), networks, couplings=["LPSCl|NMC"])
    assert (shares, same.n_tets) == ({}, island().n_tets)
    with pytest.raises(InputError, match="no i in the solve: no tet of LPSCl is reached"):
        isolate(island(), networks)


def test_isolated_interfaces_keep_the_order_of_names():
    labels = np.full((3, 3, 5), 2)
    labels[:, :, 0] = 1
    labels[1, 1, 3] = 1
    # "A|A8" turns into "A8|A_isolated": its normals must turn as well
    mesh = box_mesh((3, 3, 5), labels, size=SIZE, names={1: "A", 2: "A8"})
    apart, _ = isolate(mesh, {"e": Network(("A",), ("z_min",))})
    rows = apart.facet_set("A8|A_isolated")
    a, b, c = (apart.points[rows[:, i]] for i in range(3))
    centre = apart.points[np.unique(rows)].mean(axis=0)
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), centre - a) > 0).all()


STEEL = {"LPSCl": {"young": "22 GPa", "poisson": 0.37}, "NMC": {"young": "200 GPa", "poisson": 0.3}}


def test_elasticity(tmp_path):
    table = {"name": "stack", "type": "elasticity", "materials": STEEL, "rollers": ["x_min", "y_max"],
             "fixed": {"z_min": ["free", "free", "-1 nm"]}, "pressure": {"z_max": "5 MPa", "NMC@LPSCl|NMC": "1 MPa"},
             "traction": {"x_max": ["2 MPa", 0, 0]}, "eigenstrain": {"NMC": [0.1, 0.2, 0.3, 0.08, 0.06, 0.04]},
             "platen": {"y_min": "3 uN"}}  # fmt: skip
    write(layers(), tmp_path / "m", table)
    tree = parse_hit((tmp_path / "m" / "stack.i").read_text())
    assert tree["Materials"]["elasticity_NMC"]["youngs_modulus"] == "200000.0"
    # engineering shears become those of the tensor
    base = np.array(tree["Materials"]["swelling_NMC"]["eigen_base"].split(), float)
    assert np.allclose(base, [0.1, 0.2, 0.3, 0.04, 0.03, 0.02], atol=1e-15)
    assert tree["Physics/SolidMechanics/QuasiStatic"]["NMC"]["eigenstrain_names"] == "swelling_NMC"
    assert (tree["BCs"]["fixed_z_min_z"]["value"], tree["BCs"]["rollers_y_max_y"]["variable"]) == ("-0.001", "disp_y")
    pressure = tree["BCs"]["Pressure"]
    assert (
        pressure["z_max"].items() >= {"boundary": "NMC_z_max", "factor": "5.0", "use_displaced_mesh": "false"}.items()
    )
    assert pressure["NMC_LPSCl_NMC"]["boundary"] == "NMC_LPSCl"
    assert tree["BCs"]["traction_x_max_x"]["value"] == "2.0"
    # a plate pushes inwards: along +y at y_min, 3 uN over 8 um2; one set for both phases
    assert float(tree["BCs"]["platen_y_min_y"]["value"]) == pytest.approx(3 / 8)
    assert tree["Constraints"]["platen_y_min"]["secondary"] == "y_min"
    assert tree["Executioner"]["type"] == "Steady"


def test_a_plate_over_one_phase(tmp_path):
    table = {"name": "plate", "type": "elasticity", "materials": STEEL, "rollers": ["z_min", "x_min", "y_min"],
             "platen": {"z_max": "3 uN"}}  # fmt: skip
    write(layers(), tmp_path / "m", table)
    tree = parse_hit((tmp_path / "m" / "plate.i").read_text())
    assert float(tree["BCs"]["platen_z_max_z"]["value"]) == pytest.approx(-0.5)
    assert tree["Constraints"]["platen_z_max"]["secondary"] == "NMC_z_max"


def test_opening_interfaces_flow_and_order_two(tmp_path):
    law = {"strength": "50 MPa", "energy": "1 J/m2", "stiffness": "1e17 Pa/m", "shear": 0.5}
    materials = {**STEEL, "LPSCl": {"young": "22 GPa", "poisson": 0.37, "yield_stress": "1 MPa", "hardening": "10 MPa"}}
    table = {"name": "open", "type": "elasticity", "materials": materials, "rollers": ["x_min", "y_min", "z_min"],
             "pressure": {"z_max": "5 MPa"}, "eigenstrain": {"NMC": -0.01}, "interfaces": {"LPSCl|NMC": law},
             "path": [1.0, 0.0], "steps": 4, "order": 2}  # fmt: skip
    made = write(layers(), tmp_path / "m", table)
    assert made.meshes == ("mesh-order2.e",)
    file = read_exodus_by_vtk(tmp_path / "m" / "mesh-order2.e")
    assert file["blocks"]["NMC"].shape[1] == 10
    tree = parse_hit((tmp_path / "m" / "open.i").read_text())
    assert tree["Functions"]["load"] == {"type": "PiecewiseLinear", "x": "0 1 2", "y": "0.0 1.0 0.0"}
    assert (tree["Executioner"]["dt"], tree["Executioner"]["end_time"]) == ("0.25", "2.0")
    assert tree["Mesh"]["opened"]["type"] == "BreakMeshByBlockGenerator"
    assert "block_pairs" not in tree["Mesh"]["opened"]
    zone = tree["Physics/SolidMechanics/CohesiveZone"]["LPSCl_NMC"]
    opening = tree["Materials"]["opening_LPSCl_NMC"]
    assert zone["boundary"] == opening["boundary"] == "LPSCl_NMC"
    wanted = {"penalty_stiffness": 1e5, "GI_c": 1.0, "normal_strength": 50.0, "shear_strength": 25.0}
    assert {key: float(opening[key]) for key in wanted} == pytest.approx(wanted)
    assert tree["Materials"]["flow_LPSCl"]["yield_stress"] == "1.0"
    assert tree["Physics/SolidMechanics/QuasiStatic"]["NMC"]["incremental"] == "true"


def test_a_split_mesh_is_joined(tmp_path):
    table = {**CELL, "name": "cell", "fixed": {"LPSCl@z_min": 0.0, "NMC@z_max": 3.7}}
    mesh = layers((1, 1, 4))
    write(mesh, tmp_path / "a", table)
    write(split_interfaces(mesh), tmp_path / "b", table)
    assert (tmp_path / "a" / "cell.i").read_bytes() == (tmp_path / "b" / "cell.i").read_bytes()
    assert len(Problem(tmp_path / "b" / "cell.i").points) == mesh.n_points


def test_only_some_interfaces_open(tmp_path):
    labels = np.repeat([1, 2, 3], 2)[None, None, :] * np.ones((2, 2, 1), int)
    mesh = box_mesh((2, 2, 6), labels, size=SIZE, names={1: "A", 2: "B", 3: "C"})
    materials = dict.fromkeys("ABC", {"young": 1e9, "poisson": 0.3})
    law = {"strength": 1e6, "energy": 1.0, "stiffness": 1e15}
    table = {"name": "open", "type": "elasticity", "materials": materials, "rollers": ["x_min", "y_min", "z_min"],
             "interfaces": {"B|C": law}}  # fmt: skip
    write(mesh, tmp_path / "m", table)
    tree = parse_hit((tmp_path / "m" / "open.i").read_text())
    assert tree["Mesh"]["opened"]["block_pairs"] == "B C"


def test_names_that_the_file_changes(tmp_path):
    mesh = layers(names=("Li₃PS₄ glass", "Größe"))
    table = {"name": "c", "type": "conduction", "conductivity": {"Li₃PS₄ glass": 1.0, "Größe": 2.0},
             "fixed": {"z_min": 0.0, "z_max": 1.0}}  # fmt: skip
    with pytest.warns(UserWarning, match="name"):
        write(mesh, tmp_path / "m", table)
    problem = Problem(tmp_path / "m" / "c.i")
    exact = AREA / (2e-6 / 1.0 + 2e-6 / 2.0) * 1e12
    assert problem.postprocessors(problem.solve())["current_z_max"] == pytest.approx(exact, rel=CLOSE)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"type": "conduction", "conductivity": {"NMX": 1}, "fixed": {"z_min": 0}},
         "solve 's': phase: no phase 'NMX'; phases: LPSCl, NMC, did you mean 'NMC'?"),
        ({"type": "conduction", "conductivity": {"NMC": 1}, "fixed": {"z_min": 0}}, "no tet of NMC is reached"),
        ({"type": "conduction", "conductivity": {"NMC": 1, "LPSCl": 1}, "fixed": {"z_mim": 0, "z_max": 1}},
         "fixed: no side set 'z_mim' on tets of NMC, LPSCl, did you mean 'z_m"),
        ({"type": "representative_volume", "conductivity": {"NMC": 1}, "sizes": ["2 voxels"]},
         "type 'representative_volume' has no input for MOOSE"),
        ({**CELL, "fixed": {"LPSCl@z_min": 0, "NMC@z_max": 3.7}, "contact": {"LPSCl|NMC": {"keep": 0.5, "seed": 1}}},
         "random loss of contact has no place in a MOOSE input; give a share"),
        ({"type": "elasticity", "materials": {"LPSCl": "LPSCl", "NMC": {"young": 1e9, "poisson": 0}},
          "fixed": {"z_min": 0}}, "materials: got the name 'LPSCl'; give young and poisson"),
    ],
)  # fmt: skip
def test_bad_input_leaves_nothing(tmp_path, table, message):
    with pytest.raises(InputError) as error:
        write_moose(layers(), checked({"name": "s", **table}), tmp_path / "m")
    assert message in str(error.value)
    assert not list(tmp_path.iterdir())


def test_sides_that_are_not_plane(tmp_path):
    table = {"name": "s", "type": "elasticity", "materials": STEEL, "rollers": ["z_min", "LPSCl|NMC"]}
    with pytest.raises(InputError, match=r"rollers: 'LPSCl\|NMC' does not lie in planes across one axis"):
        write_moose(island(), checked(table), tmp_path / "m")


def test_the_unit_is_um_or_m(tmp_path):
    with pytest.raises(InputError, match="unit: got 'mm'"):
        write_moose(layers(), [], tmp_path / "m", unit="mm")


STUDY = """
title = "Layers"
[volume]
phantom = "sphere"
options = { shape = 8, voxel_size = "1 um", radius = "3 um" }
[[solve]]
name = "tau"
type = "effective_conductivity"
conductivity = { LPSCl = 1.0 }
[[solve]]
name = "stiff"
type = "effective_stiffness"
[solve.materials]
LPSCl = "LPSCl"
NMC = { young = "200 GPa", poisson = 0.3 }
[[solve]]
name = "size"
type = "representative_volume"
conductivity = { LPSCl = 1.0 }
sizes = ["4 voxels"]
[[solve]]
name = "press"
type = "elasticity"
rollers = ["x_min", "y_min", "z_min"]
pressure = { z_max = "5 MPa" }
[solve.materials]
LPSCl = "LPSCl"
NMC = { young = "200 GPa", poisson = 0.3 }
[output]
folder = "results"
"""


def test_the_verb(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(STUDY, encoding="utf-8")
    result = CliRunner().invoke(cli, ["moose", "study.toml", "--json"])
    assert result.exit_code == 0, result.stderr
    numbers = json.loads(result.stdout)
    loads = [f"stiff-{load}.i" for load in ("xx", "yy", "zz", "yz", "xz", "xy")]
    assert sorted(numbers["inputs"]) == sorted(["tau-x.i", "tau-y.i", "tau-z.i", *loads, "press.i"])
    assert "no input for size: type 'representative_volume' has no input for MOOSE" in result.stderr
    folder = tmp_path / "results-moose"
    assert sorted(p.name for p in folder.iterdir()) == sorted([*numbers["inputs"], "mesh.e"])
    tree = parse_hit((folder / "press.i").read_text())
    assert tree["Materials"]["elasticity_LPSCl"]["youngs_modulus"] == "22000.0"
    again = CliRunner().invoke(cli, ["moose", "study.toml"])
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    missing = CliRunner().invoke(cli, ["moose", "study.toml", "--overwrite", "--mesh", "none.vtu"])
    assert missing.exit_code == 1
    assert "no file 'none.vtu'" in missing.stderr
