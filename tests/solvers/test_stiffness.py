"""Effective stiffness: laminates, homogeneous boxes, bounds, cells of spheres; studies of mechanics."""

import numpy as np
import pytest
from helpers_mechanics import octant
from helpers_mesh import box_mesh, random_mesh

from solvers import Elastic, dolfinx_api, effective_stiffness, load_domain, run_solve
from solvers.exact import hashin_shtrikman_moduli
from ssb2mesh.errors import InputError
from ssb2mesh.study.solves import validate_solves

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)

TWO = {"phase1": Elastic(1.0, 0.3), "phase2": Elastic(10.0, 0.2)}


def backus(parts, axis):
    """Stiffness of a laminate: strains in the layers and stresses across them are shared."""
    across = {0: [0, 4, 5], 1: [1, 3, 5], 2: [2, 3, 4]}[axis]
    along = [k for k in range(6) if k not in across]
    whole = np.zeros((6, 6))
    inverse = np.mean([np.linalg.inv(c[np.ix_(across, across)]) for c in parts], axis=0)
    mixed = np.mean([np.linalg.solve(c[np.ix_(across, across)], c[np.ix_(across, along)]) for c in parts], axis=0)
    schur = [
        c[np.ix_(along, along)]
        - c[np.ix_(along, across)] @ np.linalg.solve(c[np.ix_(across, across)], c[np.ix_(across, along)])
        for c in parts
    ]
    stiff = np.linalg.inv(inverse)
    whole[np.ix_(across, across)] = stiff
    whole[np.ix_(across, along)] = stiff @ mixed
    whole[np.ix_(along, across)] = (stiff @ mixed).T
    whole[np.ix_(along, along)] = np.mean(schur, axis=0) + mixed.T @ stiff @ mixed
    return whole


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_laminate_is_exact(axis):
    shape = [1, 1, 1]
    shape[axis] = 4
    labels = np.broadcast_to(np.array([1, 1, 2, 2]).reshape(shape), (4, 4, 4))
    found = effective_stiffness(load_domain(box_mesh(4, labels, size=(1.0, 2.0, 1.5))), materials=TWO)
    exact = backus([TWO["phase1"].moduli, TWO["phase2"].moduli], axis)
    # layers end on facets, so linear tets hold the answer; 1e-8 is what the linear solver leaves at most
    np.testing.assert_allclose(found.tensor, exact, rtol=0, atol=1e-8 * exact.max())
    assert found.asymmetry < 1e-8
    assert found.within_bounds


@pytest.mark.parametrize("method", ["mixed", "kinematic"])
def test_homogeneous_box_returns_its_stiffness(method):
    domain = load_domain(random_mesh(3, 2))
    root = np.random.default_rng(1).normal(size=(6, 6))
    stiff = root @ root.T + 6 * np.eye(6)
    if method == "mixed":
        # mixed sides are those of cells with mirror planes, so of materials with them
        stiff[:3, 3:] = stiff[3:, :3] = 0.0
        stiff[3:, 3:] = np.diag(np.diag(stiff)[3:])
    found = effective_stiffness(domain, materials=dict.fromkeys(("phase1", "phase2"), Elastic(stiffness=stiff)),
                                method=method)  # fmt: skip
    np.testing.assert_allclose(found.tensor, stiff, rtol=0, atol=1e-9 * stiff.max())


def test_bounds_hold_and_kinematic_is_the_stiffer():
    domain = load_domain(random_mesh(5, 2))
    mixed = effective_stiffness(domain, materials=TWO)
    kinematic = effective_stiffness(domain, materials=TWO, method="kinematic")
    assert mixed.within_bounds
    assert kinematic.within_bounds
    assert kinematic.asymmetry < 1e-8
    assert np.linalg.eigvalsh(kinematic.tensor - mixed.tensor).min() > -0.02 * mixed.tensor.max()
    assert kinematic.isotropic["young"] > mixed.isotropic["young"]
    summary = mixed.summary()
    assert len(summary["stiffness"]) == 6
    assert set(mixed.cell_data()) == {f"von_mises_{case}" for case in ("xx", "yy", "zz", "yz", "xz", "xy")}


def test_spheres_in_a_cubic_cell_obey_hashin_and_shtrikman():
    # one octant of a cell with a stiff sphere; the cell has mirror planes, so "mixed" is the periodic answer
    mesh = octant(8, 4, lambda m: np.where(m < 0.5, 1.2 * m, 0.6 + 0.8 * (m - 0.5)), box=True)
    domain = load_domain(mesh)
    materials = {"core": Elastic(100.0, 0.2), "matrix": Elastic(1.0, 0.35)}
    found = effective_stiffness(domain, materials=materials)
    share = domain.phase_volumes()["core"] / float(np.prod(domain.box[1] - domain.box[0]))
    bulk = (found.tensor[:3, :3].sum()) / 9.0
    limits = hashin_shtrikman_moduli(share, (100 / 1.8, 100 / 2.4), (1 / 0.9, 1 / 2.7))["bulk"]
    # the bound on the bulk modulus holds for cubic cells too; a sphere in a softer matrix comes close to the lower
    assert limits[0] < bulk < 1.1 * limits[0] < limits[1]
    assert found.hashin_shtrikman["bulk"] == pytest.approx(limits)
    c = found.tensor
    # cubic symmetry of the cell, broken by the mesh only
    assert c[0, 0] == pytest.approx(c[2, 2], rel=2e-3)
    assert c[3, 3] == pytest.approx(c[5, 5], rel=2e-3)


def test_empty_space_and_floating_pieces_carry_nothing():
    labels = np.full((5, 5, 5), 2)
    labels[:, :, :2] = 1
    labels[2, 2, 4] = 1
    found = effective_stiffness(load_domain(box_mesh(5, labels, drop=["phase2"])), materials={"phase1": TWO["phase1"]})
    # a plate of 2/5 of the height, free above: plane stress along it, nothing across
    plane = 0.4 * 1.0 / (1 - 0.09)
    assert found.tensor[0, 0] == pytest.approx(plane, rel=1e-6)
    assert abs(found.tensor[2, 2]) < 1e-9
    assert found.reuss.max() == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "periodic"}, "method: got 'periodic'; give 'mixed' or 'kinematic'"),
        ({"materials": {"phase3": Elastic(1.0, 0.3)}}, "materials: the mesh has no phase 'phase3'"),
        ({"materials": {"phase1": Elastic(1.0, 0.49)}}, "lock in 'phase1'"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InputError, match=message):
        effective_stiffness(load_domain(random_mesh(2, 2)), **{"materials": TWO, **change})


STUDY = {
    "name": "stack",
    "type": "elasticity",
    "materials": {"Li": "Li", "NMC": {"young": "200 GPa", "poisson": 0.3}},
    "rollers": ["x_min", "y_min", "z_min"],
    "platen": {"z_max": "5 uN"},
    "eigenstrain": {"NMC": [0.01, 0, 0]},
}


def test_study_gives_the_same_as_the_call():
    domain = load_domain(box_mesh(2, np.array([[[1, 2]] * 2] * 2), size=(1e-6,) * 3, names={1: "Li", 2: "NMC"}))
    found = run_solve(domain, {**STUDY, "fixed": {"x_max": ["1 nm", "free", "free"]}, "platen": {"y_max": "5 uN"}})
    assert found.forces["y_max"] == pytest.approx([0.0, -5e-6, 0.0], abs=1e-14)
    assert found.summary()["type"] == "elasticity"
    stiff = run_solve(domain, {"name": "k", "type": "effective_stiffness", "materials": STUDY["materials"]})
    assert stiff.within_bounds
    law = {"strength": "1 MPa", "energy": "1 J/m2", "stiffness": "1e17 Pa/m"}
    opened = run_solve(domain, {**STUDY, "interfaces": {"Li|NMC": law}, "steps": 2, "path": [1.0, 0.5]})
    assert opened.totals["openings"]["Li|NMC"]["area"] == pytest.approx(1e-12)


def test_checked_tables_are_in_si_and_stay_the_same():
    table = {**STUDY, "pressure": {"x_max": "2 bar"}, "fixed": {"y_max": ["free", 0, "-10 nm"]}, "order": 2}
    checked, faults = validate_solves([table])
    assert faults == []
    assert checked[0]["fixed"] == {"y_max": [None, 0.0, -1e-8]}
    assert checked[0]["pressure"] == {"x_max": 2e5}
    assert checked[0]["materials"]["NMC"]["young"] == 2e11
    assert validate_solves(checked) == (checked, [])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"materials": {"NMC": {"young": "200 GPa"}}}, ".materials.NMC: give young and poisson"),
        ({"materials": {"NMC": {"yung": 1, "poisson": 0.7}}}, ".materials.NMC.yung: unknown key, did you mean 'young'"),
        ({"materials": {"NMC": {"yung": 1, "poisson": 0.7}}}, ".materials.NMC.poisson: got 0.7; Poisson's ratio lies"),
        ({"materials": {"NMC": {"stiffness": [[1]]}}}, "six rows of six"),
        ({"rollers": []}, ".fixed: nothing holds the solid"),
        ({"platen": {"z_min": "1 N"}}, ".platen: 'z_min' is on rollers as well"),
        ({"pressure": {"x_max": "5 Mpa"}}, ".pressure.x_max: unknown unit 'Mpa'"),
        ({"fixed": {"x_max": 1}}, ".fixed.x_max: got 1; give 0, or three displacements"),
        (
            {"interfaces": {"Li|NMC": {"strength": 1}}},
            ".interfaces.Li|NMC: energy and stiffness missing; expected a table such as",
        ),
        ({"materials": {"NMC": {"young": 1, "poisson": 0.49}}}, ".order: linear tets lock in NMC"),
        ({"eigenstrain": {"NMC": [1, 2]}}, ".eigenstrain.NMC: got [1, 2]; give one linear strain"),
        ({"order": 3}, ".order: got 3; give 1"),
    ],
)
def test_faults_of_tables(change, fault):
    _, faults = validate_solves([{**STUDY, **change}])
    assert any(fault in found for found in faults), faults


def test_unknown_material_names_what_is_missing():
    domain = load_domain(box_mesh(2, names={1: "LPS"}))
    table = {"name": "a", "type": "elasticity", "materials": {"LPS": "LPS"}, "fixed": {"z_min": 0}}
    with pytest.raises(InputError, match="materials: 'LPS': material: no sourced 'poisson_ratio' of LPS"):
        run_solve(domain, table)
