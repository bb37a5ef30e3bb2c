"""MOOSE inputs through the parser that MOOSE is built on, and parameters as its sources declare them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh
from helpers_moose import Problem, parse_hit
from test_moose import CELL, SIZE, STEEL, checked, island, layers, write

from ssb2mesh.errors import InputError
from ssb2mesh.moose import write_moose

#: Parameters of the objects of solid mechanics, as `validParams` of their classes declares them: required, optional.
DECLARED = {
    "FileMeshGenerator": ({"file"}, set()),
    "MeshDiagnosticsGenerator": (
        {"input"},
        {"examine_sidesets_orientation", "examine_element_volumes", "minimum_element_volumes", "examine_element_types",
         "check_local_jacobian", "examine_non_conformality", "nonconformal_tol",
         "search_for_adaptivity_nonconformality"},
    ),
    "BreakMeshByBlockGenerator": ({"input"}, {"split_interface", "interface_name", "block_pairs"}),
    "ParsedGenerateSideset": ({"input", "combinatorial_geometry", "new_sideset_name"}, {"included_boundaries"}),
    "ComputeIsotropicElasticityTensor": (set(), {"youngs_modulus", "poissons_ratio", "block"}),
    "ComputeElasticityTensor": ({"C_ijkl"}, {"fill_method", "block"}),
    "ComputeEigenstrain": ({"eigenstrain_name", "eigen_base"}, {"prefactor", "block"}),
    "ComputeLinearElasticStress": (set(), {"block"}),
    "ComputeFiniteStrainElasticStress": (set(), {"block"}),
    "ComputeMultipleInelasticStress": ({"inelastic_models"}, {"block"}),
    "IsotropicPlasticityStressUpdate": (set(), {"yield_stress", "hardening_constant", "block"}),
    "GenericFunctionMaterial": (set(), {"prop_names", "prop_values", "block"}),
    "BiLinearMixedModeTraction": (
        {"penalty_stiffness", "GI_c", "GII_c", "normal_strength", "shear_strength", "eta"}, {"boundary"}
    ),
    "DirichletBC": ({"variable", "value"}, {"boundary"}),
    "FunctionDirichletBC": ({"variable", "function"}, {"boundary"}),
    "NeumannBC": ({"variable"}, {"value", "boundary", "extra_vector_tags"}),
    "FunctionNeumannBC": ({"variable", "function"}, {"boundary", "extra_vector_tags"}),
    "EqualValueBoundaryConstraint": ({"variable", "penalty"}, {"secondary", "formulation"}),
    "TagVectorAux": ({"variable", "v", "vector_tag"}, {"block", "execute_on"}),
    "NodalSum": ({"variable"}, {"boundary", "block"}),
    "PiecewiseLinear": (set(), {"x", "y", "scale_factor"}),
    "ParsedFunction": ({"expression"}, set()),
    "ElementIntegralVariablePostprocessor": ({"variable"}, {"block"}),
    "ParsedPostprocessor": ({"pp_names", "expression"}, set()),
    "SMP": (set(), {"full"}),
    "Steady": (set(), {"solve_type", "petsc_options_iname", "petsc_options_value", "line_search", "nl_rel_tol",
                       "nl_abs_tol", "nl_max_its", "l_tol", "l_max_its"}),
    "Transient": (set(), {"solve_type", "petsc_options_iname", "petsc_options_value", "line_search", "nl_rel_tol",
                          "nl_abs_tol", "nl_max_its", "l_tol", "l_max_its", "dt", "dtmin", "end_time"}),
}  # fmt: skip
#: The same of blocks without a type; each is an action.
ACTIONS = {
    "Physics/SolidMechanics/QuasiStatic": (
        set(), {"block", "strain", "incremental", "add_variables", "generate_output", "eigenstrain_names",
                "extra_vector_tags"},
    ),
    "Physics/SolidMechanics/CohesiveZone": ({"boundary"}, {"strain", "generate_output"}),
    "Pressure": ({"boundary"}, {"factor", "function", "use_displaced_mesh", "extra_vector_tags"}),
}  # fmt: skip
OUTPUTS = {"vonmises_stress", "hydrostatic_stress", "max_principal_stress", "normal_traction", "tangent_traction",
           "normal_jump", "tangent_jump", *(f"stress_{c}" for c in ("xx", "yy", "zz", "yz", "xz", "xy"))}  # fmt: skip

LAW = {"strength": "50 MPa", "energy": "1 J/m2", "stiffness": "1e17 Pa/m", "shear": 0.5}
FLOWING = {**STEEL, "LPSCl": {"young": "22 GPa", "poisson": 0.37, "yield_stress": "1 MPa", "hardening": "10 MPa"}}
STIFF = [[3e9, 1e9, 1e9, 0, 0, 0], [1e9, 3e9, 1e9, 0, 0, 0], [1e9, 1e9, 3e9, 0, 0, 0], [0, 0, 0, 1e9, 0, 0],
         [0, 0, 0, 0, 1e9, 0], [0, 0, 0, 0, 0, 1e9]]  # fmt: skip
MECHANICS = [
    {"name": "stack", "type": "elasticity", "materials": STEEL, "rollers": ["x_min", "y_max"],
     "fixed": {"z_min": ["free", "free", "-1 nm"]}, "pressure": {"z_max": "5 MPa", "NMC@LPSCl|NMC": "1 MPa"},
     "traction": {"x_max": ["2 MPa", 0, 0]}, "eigenstrain": {"NMC": 0.01}, "platen": {"y_min": "3 uN"}},
    {"name": "open", "type": "elasticity", "materials": FLOWING, "rollers": ["x_min", "y_min", "z_min"],
     "fixed": {"NMC@x_max": ["1 nm", "free", "free"]}, "pressure": {"z_max": "5 MPa"}, "eigenstrain": {"NMC": -0.01},
     "traction": {"y_max": [0, "1 MPa", 0]}, "interfaces": {"LPSCl|NMC": LAW}, "path": [1.0, 0.0], "steps": 4,
     "order": 2},
    {"name": "crystal", "type": "elasticity", "materials": {**STEEL, "NMC": {"stiffness": STIFF}},
     "rollers": ["x_min", "y_min", "z_min"], "pressure": {"z_max": "5 MPa"}, "order": 2},
    {"name": "c", "type": "effective_stiffness", "materials": STEEL},
]  # fmt: skip
ELECTRIC = [
    {"name": "series", "type": "conduction", "conductivity": {"LPSCl": 0.2, "NMC": np.diag([5.0, 5.0, 0.5]).tolist()},
     "fixed": {"z_min": "0 V", "x_max": "10 mV"}},
    {"name": "eff", "type": "effective_conductivity", "conductivity": {"LPSCl": 0.2, "NMC": 0.5}},
    {**CELL, "name": "cell", "fixed": {"LPSCl@z_min": 0.0, "NMC@z_max": [3.75, 3.7]}},
]  # fmt: skip


def merge(into: dict, new: dict) -> None:
    """Add blocks to blocks; a parameter stands once."""
    for key, value in new.items():
        if key in into:
            assert isinstance(into[key], dict), key
            assert isinstance(value, dict), key
            merge(into[key], value)
        else:
            into[key] = value


def by_wasp(text: str) -> dict:
    """An input as the Workbench Analysis Sequence Processor, MOOSE's own parser, understands it."""
    wasp = pytest.importorskip("wasp", reason="pip install ornl-wasp")
    document = wasp.Interpreter(wasp.Syntax.HIT, data=text, path="input.i")
    assert document, document.parseDiagnostics()

    def block(node) -> dict:
        found: dict = {}
        for child in node:
            if child.isDecorative() or child.name() == "comment":
                continue
            values = [leaf.data() for leaf in child if leaf.isLeaf() and leaf.name() == "value"]
            merge(found, {child.name(): " ".join(values) if values else block(child)})
        return found

    return block(document.root())


def nested(tree: dict) -> dict:
    """Blocks named by a path, as blocks in blocks."""
    found: dict = {}
    for key, value in tree.items():
        *parents, last = key.split("/")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
        merge(place, {last: nested(value) if isinstance(value, dict) else " ".join(value.split())})
    return found


def test_the_parser_of_moose_reads_what_is_meant(tmp_path):
    write(layers(), tmp_path / "m", *MECHANICS, *ELECTRIC)
    files = sorted((tmp_path / "m").glob("*.i"))
    assert len(files) == 14
    for file in files:
        assert by_wasp(file.read_text()) == nested(parse_hit(file.read_text())), file.name


def test_every_parameter_of_mechanics_is_one_that_moose_declares(tmp_path):
    write(layers(), tmp_path / "m", *MECHANICS)
    seen: set[str] = set()

    def look(tree: dict, path: tuple[str, ...]) -> None:
        given = {key for key, value in tree.items() if not isinstance(value, dict)} - {"type"}
        declared = DECLARED.get(tree["type"]) if "type" in tree else ACTIONS.get(path[-2] if len(path) > 1 else "")
        if "type" in tree:
            seen.add(tree["type"])
            assert declared is not None, tree["type"]
        if declared is not None:
            required, optional = declared
            assert required <= given <= required | optional, (path, given)
        assert set(tree.get("generate_output", "").split()) <= OUTPUTS
        for key, value in tree.items():
            if isinstance(value, dict):
                look(value, (*path, key))

    for file in (tmp_path / "m").glob("*.i"):
        tree = parse_hit(file.read_text())
        look(tree, ())
        # enumerations
        for entry in tree["Physics/SolidMechanics/QuasiStatic"].values():
            assert entry["strain"] == "SMALL"
        for entry in tree["Materials"].values():
            assert entry.get("fill_method", "symmetric21") == "symmetric21"
            assert len(entry.get("C_ijkl", "0 " * 21).split()) == 21
    assert seen >= set(DECLARED) - {"ParsedGenerateSideset"}


def test_sums_over_several_phases_count_each_node_once(tmp_path):
    labels = np.repeat([1, 2, 3], 2)[:, None, None] * np.ones((1, 2, 4), int)
    mesh = box_mesh((6, 2, 4), labels, size=SIZE, names={1: "NMC", 2: "LPSCl", 3: "binder"})
    table = {"name": "side", "type": "conduction", "conductivity": {"NMC": 3.0, "LPSCl": 0.5},
             "fixed": {"z_min": 0.0, "z_max": 1.0}}  # fmt: skip
    write(mesh, tmp_path / "m", table)
    problem = Problem(tmp_path / "m" / "side.i")
    joined = problem.tree["Mesh"]["nodes_of_current_z_min"]
    assert joined["included_boundaries"].split() == ["NMC_z_min", "LPSCl_z_min"]
    assert problem.tree["Mesh"]["nodes_of_current_z_max"]["input"] == "nodes_of_current_z_min"
    found = problem.postprocessors(problem.solve())
    # two of three equal strips conduct, side by side
    exact = (3.0 + 0.5) * SIZE[0] / 3 * SIZE[1] / SIZE[2] * 1e12
    assert found["current_z_max"] == pytest.approx(exact, rel=1e-7)
    assert found["current_z_min"] == pytest.approx(-exact, rel=1e-7)
    # a whole side needs no set of its own
    whole = {**table, "name": "whole", "conductivity": {"NMC": 3.0, "LPSCl": 0.5, "binder": 1e-3}}
    write(mesh, tmp_path / "w", whole)
    tree = parse_hit((tmp_path / "w" / "whole.i").read_text())
    assert tree["Postprocessors"]["current_z_min"]["boundary"] == "z_min"
    assert set(tree["Mesh"]) == {"file", "diagnosed"}


def test_what_is_isolated_is_left_out_of_sums(tmp_path):
    table = {"name": "e", "type": "conduction", "conductivity": {"NMC": 1.0, "LPSCl": 0.1},
             "fixed": {"x_min": 0.0, "x_max": 1.0}}  # fmt: skip
    made = write_moose(island(), checked(table), tmp_path / "m")
    assert made.isolated == {}
    found = Problem(tmp_path / "m" / "e.i")
    values = found.postprocessors(found.solve())
    assert values["current_x_min"] == pytest.approx(-values["current_x_max"], rel=1e-7)


def test_what_moose_cannot_do_is_refused_with_a_way_out(tmp_path):
    other = {"name": "c", "type": "effective_thermal_conductivity", "conductivity": {"NMC": 5.0}}
    with pytest.raises(
        InputError, match="'effective_thermal_conductivity' has no input for MOOSE; types that have: con"
    ):
        write_moose(layers(), checked(other), tmp_path / "m")
    mixed = {**MECHANICS[1], "name": "mixed", "formulation": "mixed", "order": 1}
    with pytest.raises(InputError, match="formulation: 'mixed' has a pressure of its own, .* give order = 2"):
        write_moose(layers(), checked(mixed), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_current_fed_next_to_a_held_side_is_not_counted_twice(tmp_path):
    table = {"name": "fed", "type": "conduction", "conductivity": {"NMC": 0.5, "LPSCl": 0.2},
             "fixed": {"z_min": 0.0}, "current": {"x_max": "1 nA"}}  # fmt: skip
    write(layers(), tmp_path / "m", table)
    problem = Problem(tmp_path / "m" / "fed.i")
    found = problem.postprocessors(problem.solve())
    assert found["current_z_min"] == pytest.approx(-1e3, rel=1e-7)
