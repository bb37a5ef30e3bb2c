"""Elasticity against exact answers: affine fields, plates, swelling, spheres, convergence; forces and pieces."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_mechanics import growing, octant
from helpers_mesh import box_mesh, random_mesh
from scipy.sparse import csr_array
from scipy.sparse.linalg import lsqr
from test_conduction import wiggled

from solvers import dolfinx_api, load_domain
from ssb2mesh import mesh_volume
from ssb2mesh.errors import InputError
from ssb2mesh.phantoms import make_phantom

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)

from solvers.elastic.bulk import Bulk  # noqa: E402
from solvers.elastic.hierarchy import build_levels  # noqa: E402
from solvers.elastic.laws import isotropic_moduli  # noqa: E402
from solvers.elastic.matrix import assemble, block_pattern, rigid_vectors  # noqa: E402
from solvers.elastic.newton import solve_cases  # noqa: E402
from solvers.elastic.nodes import build_nodes  # noqa: E402
from solvers.elastic.stress import von_mises  # noqa: E402
from solvers.elastic.supports import conditions_of  # noqa: E402
from solvers.exact import goodier_cavity, lame_shell, swelling_sphere_pressure  # noqa: E402
from solvers.mechanics import Elastic, Loads, Supports, elasticity  # noqa: E402

SIDES = [f"{axis}_{end}" for axis in "xyz" for end in ("min", "max")]
SYMMETRY = Supports(rollers=["x_min", "y_min", "z_min"])
ONE = {"phase1": Elastic(10.0, 0.3)}


def prescribe(domain, materials, order, displacement):
    """Solve with a given displacement on the whole boundary; the nodes, the tets and the answer."""
    nodes = build_nodes(domain, domain.cells_of(materials), order=order)
    bulk = Bulk(nodes, materials, {})
    held = conditions_of(nodes, Supports(fixed=dict.fromkeys(SIDES, 0)), Loads())
    wanted = displacement(nodes.coordinates)
    case = replace(held, value=np.where(np.isnan(held.value), np.nan, wanted))
    return nodes, bulk, solve_cases(bulk, [case])[0], wanted


@pytest.mark.parametrize("order", [1, 2])
def test_patch(order, verify):
    # an affine displacement is in the space: the solve must return it with its constant stress, on any mesh
    gradient = np.array([[0.1, 0.3, -0.2], [0.0, -0.4, 0.25], [0.5, 0.1, 0.2]])
    domain = load_domain(wiggled(random_mesh(4, 2)))
    materials = {"phase1": Elastic(3.0, 0.3), "phase2": Elastic(3.0, 0.3)}
    nodes, bulk, found, wanted = prescribe(domain, materials, order, lambda x: x @ gradient.T)
    verify(
        f"affine displacement, wiggled mesh, order {order}",
        "displacement, largest error",
        found.u - wanted,
        0.0,
        1e-10,
        source="the affine field",
        mesh=domain,
        absolute=True,
    )
    e = 0.5 * (gradient + gradient.T)
    strain = np.array([e[0, 0], e[1, 1], e[2, 2], 2 * e[1, 2], 2 * e[0, 2], 2 * e[0, 1]])
    exact = np.broadcast_to(isotropic_moduli(3.0, 0.3) @ strain, found.stress.shape)
    verify(
        f"affine displacement, wiggled mesh, order {order}",
        "stress, largest error",
        found.stress - exact,
        0.0,
        1e-10,
        source="Hooke's law",
        mesh=domain,
        absolute=True,
    )


def test_patch_on_a_lattice_mesh_with_full_anisotropy():
    from ssb2mesh import LabelledVolume, mesh_volume

    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, (5, 4, 5)).astype(np.uint8)
    mesh = mesh_volume(LabelledVolume(labels, (1e-6, 1.5e-6, 1e-6), phases={0: "LPSCl", 1: "NMC"}))
    root = rng.normal(size=(6, 6))
    stiff = 1e9 * (root @ root.T + 6 * np.eye(6))
    materials = {"LPSCl": Elastic(stiffness=stiff), "NMC": Elastic(stiffness=stiff)}
    gradient = 1e-3 * rng.normal(size=(3, 3))
    _, _, found, wanted = prescribe(load_domain(mesh), materials, 1, lambda x: x @ gradient.T)
    # 1e-10 of the largest displacement, of the largest stress
    np.testing.assert_allclose(found.u, wanted, rtol=0, atol=1e-10 * np.abs(wanted).max())
    e = 0.5 * (gradient + gradient.T)
    exact = stiff @ np.array([e[0, 0], e[1, 1], e[2, 2], 2 * e[1, 2], 2 * e[0, 2], 2 * e[0, 1]])
    assert np.abs(found.stress - exact).max() < 1e-10 * np.abs(exact).max()


@pytest.mark.parametrize("order", [1, 2])
def test_uniaxial_stress_under_a_plate(order):
    mesh = wiggled(box_mesh(3, size=(1.0, 2.0, 0.5)))
    domain = load_domain(mesh)
    found = elasticity(domain, materials=ONE, supports=SYMMETRY, loads=Loads(platen={"z_max": 4.0}), order=order)
    strain = np.array([0.3 * 0.2, 0.3 * 0.2, -0.2])  # 4 N on 2 m2 over 10 Pa
    np.testing.assert_allclose(found.point_data()["displacement"], mesh.points * strain, rtol=0, atol=1e-11)
    assert found.totals["platen_travel"]["z_max"] == pytest.approx(-0.1, rel=1e-10)
    assert found.totals["strain_energy"]["phase1"] == pytest.approx(0.5 * 4.0 * 0.1, rel=1e-10)
    assert found.cell_data()["von_mises"] == pytest.approx(2.0, rel=1e-9)


def test_uniaxial_strain_under_stack_pressure(verify):
    domain = load_domain(box_mesh(3))
    supports = Supports(rollers=["x_min", "x_max", "y_min", "y_max", "z_min"])
    found = elasticity(domain, materials={"phase1": Elastic(7.0, 0.3)}, supports=supports,
                       loads=Loads(pressure={"z_max": 1.0}))  # fmt: skip
    stress = found.cell_data()["stress"]
    # p nu / (1 - nu) and p (1 - 2 nu) / (1 - nu)
    verify(
        "uniaxial strain under pressure 1",
        "lateral stress, worst tet",
        -stress[:, 0, 0],
        0.3 / 0.7,
        1e-10,
        source="p nu / (1 - nu)",
        mesh=domain,
    )
    verify(
        "uniaxial strain under pressure 1",
        "von Mises stress, worst tet",
        found.cell_data()["von_mises"],
        0.4 / 0.7,
        1e-10,
        source="p (1 - 2 nu) / (1 - nu)",
        mesh=domain,
    )
    assert found.cell_data()["principal_stress"][:, 2] == pytest.approx(-1.0, rel=1e-10)
    assert np.abs(np.abs(found.cell_data()["principal_direction"][:, 2])).max() < 1e-6
    assert found.forces["x_max"][0] == pytest.approx(-0.3 / 0.7, rel=1e-10)


@pytest.mark.parametrize("order", [1, 2])
def test_forces_balance_on_a_random_mesh(order):
    domain = load_domain(random_mesh(5, 3))
    materials = {"phase1": Elastic(1.0, 0.2), "phase2": Elastic(50.0, 0.3), "phase3": Elastic(0.05, 0.4)}
    found = elasticity(
        domain,
        materials=materials,
        supports=Supports(fixed={"z_min": (None, 1e-3, 0), "y_min": (None, 1e-3, None)}, rollers=["x_min"]),
        loads=Loads(platen={"x_max": 0.5, "z_max": 2.0}, pressure={"y_max": 0.3}, eigenstrain={"phase2": 0.02}),
        order=order,
    )
    assert found.forces["z_max"] == pytest.approx([0.0, 0.0, -2.0], abs=2e-10)
    assert found.forces["x_max"] == pytest.approx([-0.5, 0.0, 0.0], abs=1e-10)
    assert found.forces["y_max"] == pytest.approx([0.0, -0.3, 0.0], abs=1e-10)
    assert found.balance < 1e-10
    assert found.totals["work"]["imbalance"] < 1e-9


def test_eigenstrain_in_a_held_layer(verify):
    labels = np.broadcast_to(np.array([1, 1, 2, 2]), (3, 3, 4))
    domain = load_domain(box_mesh((3, 3, 4), labels))
    materials = {"phase1": Elastic(10.0, 0.25), "phase2": Elastic(3.0, 0.3)}
    supports = Supports(rollers=["x_min", "x_max", "y_min", "y_max", "z_min"])
    found = elasticity(domain, materials=materials, supports=supports, loads=Loads(eigenstrain={"phase1": 0.01}))
    # held sideways, free upwards: biaxial stress -E e / (1 - nu), and the layer rises by (1 + nu) / (1 - nu) e
    lower = domain.gather_cells(domain.cell_phase) == 1
    stress = found.cell_data()["stress"]
    verify(
        "layer that swells, held sideways",
        "stress, worst tet",
        stress[lower, 0, 0],
        -10.0 * 0.01 / 0.75,
        1e-10,
        source="-E e / (1 - nu)",
        mesh=domain,
    )
    # nothing but what the solver leaves: 1e-10, as below, of the stress there
    assert np.abs(stress[~lower]).max() < 1e-10 * 10.0 * 0.01 / 0.75
    top = found.displacement[domain.coordinates[:, 2] == 1.0, 2]
    assert top == pytest.approx(0.5 * 0.01 * 1.25 / 0.75, rel=1e-10)


def test_eigenstrain_shared_by_two_bars():
    labels = np.broadcast_to(np.array([1, 1, 2])[:, None, None], (3, 3, 3))
    domain = load_domain(box_mesh(3, labels))
    materials = {"phase1": Elastic(10.0, 0.0), "phase2": Elastic(4.0, 0.0)}
    found = elasticity(domain, materials=materials, supports=SYMMETRY,
                       loads=Loads(platen={"z_max": 0.0}, eigenstrain={"phase1": (0, 0, 0.03)}))  # fmt: skip
    common = 0.03 * (10.0 * 2) / (10.0 * 2 + 4.0)  # the plate sees no force
    assert found.totals["platen_travel"]["z_max"] == pytest.approx(common, rel=1e-10)
    first = domain.gather_cells(domain.cell_phase) == 1
    stress = found.cell_data()["stress"][:, 2, 2]
    assert stress[first] == pytest.approx(10.0 * (common - 0.03), rel=1e-9)
    assert stress[~first] == pytest.approx(4.0 * common, rel=1e-9)


def test_free_thermal_expansion_makes_no_stress():
    mesh = wiggled(box_mesh(3))
    found = elasticity(load_domain(mesh), materials=ONE, supports=SYMMETRY, loads=Loads(eigenstrain={"phase1": 1e-3}))
    np.testing.assert_allclose(found.point_data()["displacement"], 1e-3 * mesh.points, rtol=0, atol=1e-13)
    assert np.abs(found.cell_data()["stress"]).max() < 1e-11  # of E times strain, 1e-2


def pressed_shell(n, core):
    """A shell of radii 1 and 2 under pressure 1 within, quadratic tets; `core` facets of its wall are 45 degrees."""
    domain = load_domain(octant(n, core, growing(core / n, 1.0, 2.0), drop=True))
    found = elasticity(domain, materials={"matrix": Elastic(1.0, 0.3)}, supports=SYMMETRY,
                       loads=Loads(pressure={"core|matrix": 1.0}), order=2)  # fmt: skip
    inner = np.abs(np.linalg.norm(domain.coordinates, axis=1) - 1.0) < 1e-9
    return domain, found, np.einsum("ij,ij->i", found.displacement, domain.coordinates)[inner]


def test_lame_shell(verify):
    domain, found, moved = pressed_shell(14, 6)
    radius = np.linalg.norm(domain.coordinates, axis=1)
    six = found.nodal_stress("matrix")
    radial, hoop = lame_shell(1.0, 1.0, 2.0, 1.0)
    inner = np.abs(radius - 1.0) < 1e-9
    mises = von_mises(six[inner])
    # the wall's mean within 1 %; single nodes see the edges of the flat facets
    verify(
        "thick shell under pressure, quadratic tets",
        "von Mises stress at the wall, mean",
        mises.mean(),
        hoop - radial,
        0.01,
        source="Lame: 1.5 b^3 / (b^3 - a^3)",
        mesh=domain,
    )
    assert np.abs(mises / (hoop - radial) - 1).max() < 0.02
    bulk, shear = 1.0 / (3 * 0.4), 1.0 / 2.6
    outward = 1.0 / 7.0 * (1.0 / (3 * bulk) + 8.0 / (4 * shear))
    verify(
        "thick shell under pressure, quadratic tets",
        "displacement of the wall, worst point",
        moved,
        outward,
        0.01,
        source="Lame",
        mesh=domain,
    )
    # what is left is the flat facets, which cut volume off as the square of their angle (11.25 and 7.5 degrees here);
    # of the element itself it would be the fourth power: 5.1 instead of 2.25
    coarse = pressed_shell(10, 4)[2]
    assert np.mean(coarse / outward - 1) / np.mean(moved / outward - 1) == pytest.approx((6 / 4) ** 2, rel=0.05)
    verify(
        "the same",
        "sum of forces over their size",
        found.balance,
        0.0,
        1e-10,
        source="equilibrium",
        mesh=domain,
        absolute=True,
    )


def test_swelling_inclusion(verify):
    domain = load_domain(octant(10, 4, growing(0.4, 1.0, 6.0)))
    materials = {"core": Elastic(200.0, 0.3), "matrix": Elastic(22.0, 0.37)}
    found = elasticity(domain, materials=materials, supports=SYMMETRY, loads=Loads(eigenstrain={"core": 0.01}), order=2)
    pressure = swelling_sphere_pressure(0.01, bulk_modulus=200 / (3 * 0.4), shear_modulus=22 / 2.74)
    core = domain.cell_phase == 1
    mean = -(found.cell_fields["mean_stress"] * domain.cell_volumes)[core].sum() / domain.cell_volumes[core].sum()
    # the outer radius of 6 costs (1/6)^3 = 0.5 % of what the matrix resists
    verify(
        "swelling ball in a matrix (NMC in LPSCl)",
        "pressure in the ball, mean",
        mean,
        pressure,
        0.01,
        source="e / (1 / 3 K_i + 1 / 4 G_m)",
        mesh=domain,
    )
    on_wall = np.abs(np.linalg.norm(domain.coordinates, axis=1) - 1.0) < 1e-9
    wall = von_mises(found.nodal_stress("matrix")[on_wall]).mean()
    verify(
        "swelling ball in a matrix (NMC in LPSCl)",
        "von Mises stress at the wall, mean",
        wall,
        1.5 * pressure,
        0.01,
        source="1.5 p",
        mesh=domain,
    )


def test_goodier_cavity(verify):
    domain = load_domain(octant(10, 4, growing(0.4, 1.0, 6.0), drop=True, box=True))
    found = elasticity(domain, materials={"matrix": Elastic(1.0, 0.3)}, supports=SYMMETRY,
                       loads=Loads(traction={"z_max": (0.0, 0.0, 1.0)}), order=2)  # fmt: skip
    x = domain.coordinates
    six = found.nodal_stress("matrix")
    equator, pole = goodier_cavity(0.3)
    on_equator = (np.abs(np.linalg.norm(x, axis=1) - 1) < 1e-9) & (np.abs(x[:, 2]) < 1e-9)
    at_pole = np.abs(x - [0, 0, 1]).max(axis=1) < 1e-9
    source = "Goodier: (27 - 15 nu) / 2 (7 - 5 nu), -(3 + 15 nu) / 2 (7 - 5 nu)"
    verify(
        "cavity under tension 1",
        "stress at the equator, worst point",
        six[on_equator, 2],
        equator,
        0.03,
        source=source,
        mesh=domain,
    )
    verify("cavity under tension 1", "stress at the pole", six[at_pole, 0], pole, 0.03, source=source, mesh=domain)


@pytest.mark.parametrize(("order", "counts"), [(1, (7, 14)), (2, (2, 4))])
def test_convergence_rates(order, counts):
    # the gradient of a harmonic function keeps the volume and obeys Navier's equations without forces
    def exact(x):
        a = np.exp(np.sqrt(2.0) * x[:, 0])
        sy, cy, sz, cz = np.sin(x[:, 1]), np.cos(x[:, 1]), np.sin(x[:, 2]), np.cos(x[:, 2])
        return np.stack([np.sqrt(2.0) * a * sy * sz, a * cy * sz, a * sy * cz], axis=1)

    def hessian(x):
        a, s = np.exp(np.sqrt(2.0) * x[:, 0]), np.sqrt(2.0)
        sy, cy, sz, cz = np.sin(x[:, 1]), np.cos(x[:, 1]), np.sin(x[:, 2]), np.cos(x[:, 2])
        return np.stack([2 * a * sy * sz, -a * sy * sz, -a * sy * sz, 2 * a * cy * cz, 2 * s * a * sy * cz,
                         2 * s * a * cy * sz], axis=1)  # fmt: skip

    moved, strained = [], []
    for n in counts:
        domain = load_domain(box_mesh(n))
        nodes, bulk, found, wanted = prescribe(domain, {"phase1": Elastic(1.0, 0.3)}, order, exact)
        moved.append(np.sqrt(np.mean((found.u - wanted) ** 2)))
        middle = domain.coordinates[domain.cell_points].mean(axis=1)[bulk.cells]
        # at the centroids, so order 1 for linear and 2 for quadratic tets at least
        points = bulk.mean(bulk.strain(found.u)) - hessian(middle)
        strained.append(np.sqrt(np.mean(points**2)))
    rates = [np.log(e[0] / e[1]) / np.log(counts[1] / counts[0]) for e in (moved, strained)]
    assert rates[0] > order + 1 - 0.3
    assert rates[1] > order - 0.2


def test_dropped_phase_walls_and_named_sides_of_interfaces_are_pushed():
    labels = np.ones((4, 4, 4), int)
    labels[1:3, 1:3, 1:3] = 2
    materials = {"phase1": Elastic(1.0, 0.3)}
    open_mesh = load_domain(box_mesh(4, labels, drop=["phase2"]))
    first = elasticity(open_mesh, materials=materials, supports=SYMMETRY,
                       loads=Loads(pressure={"phase1|phase2": 0.1}))  # fmt: skip
    assert first.forces["phase1|phase2"] == pytest.approx([0, 0, 0], abs=1e-15)
    assert first.totals["von_mises_max"]["phase1"] > 0.05
    # the same wall, with the other phase meshed but without a material
    full_mesh = load_domain(box_mesh(4, labels))
    second = elasticity(full_mesh, materials=materials, supports=SYMMETRY,
                        loads=Loads(pressure={"phase1@phase1|phase2": 0.1}))  # fmt: skip
    assert second.totals["von_mises_max"]["phase1"] == pytest.approx(first.totals["von_mises_max"]["phase1"], rel=1e-9)
    both = {"phase1": Elastic(1.0, 0.3), "phase2": Elastic(1e-6, 0.3)}
    third = elasticity(full_mesh, materials=both, supports=SYMMETRY,
                       loads=Loads(pressure={"phase1@phase1|phase2": 0.1}))  # fmt: skip
    # the filling is a million times softer
    assert third.totals["von_mises_max"]["phase1"] == pytest.approx(first.totals["von_mises_max"]["phase1"], rel=1e-4)
    with pytest.raises(InputError, match="side that is pushed must be named: 'phase1@phase1|phase2'"):
        elasticity(full_mesh, materials=both, supports=SYMMETRY, loads=Loads(pressure={"phase1|phase2": 0.1}))


def test_pieces_that_nothing_holds_are_left_out():
    labels = np.full((8, 8, 8), 2)
    labels[:, :, :3] = 1
    labels[5, 5, 6] = 1  # an island in empty space
    domain = load_domain(box_mesh(8, labels, drop=["phase2"]))
    found = elasticity(domain, materials={"phase1": Elastic(1.0, 0.3)}, supports=SYMMETRY,
                       loads=Loads(pressure={"phase1|phase2": 0.1}))  # fmt: skip
    assert found.totals["floating"]["phase1"] == pytest.approx(1 / 193)
    assert "pieces that nothing holds" in found.totals["notes"][0]
    assert "loaded but not held" in found.totals["notes"][1]
    island = domain.coordinates[:, 2] > 0.5
    assert np.isnan(found.displacement[island]).all()
    assert np.isfinite(found.displacement[~island]).all()
    layer = (domain.cell_phase == 1) & ~np.isnan(found.cell_fields["von_mises"])
    assert found.cell_fields["von_mises"][layer] == pytest.approx(0.1, rel=1e-9)


def test_lithium_beyond_its_yield_is_reported():
    domain = load_domain(box_mesh(2, names={1: "Li"}))
    found = elasticity(domain, materials={"Li": Elastic(7.82e9, 0.38)}, supports=SYMMETRY,
                       loads=Loads(pressure={"z_max": 5e6}))  # fmt: skip
    assert "von Mises stress in Li reaches 5e+06 Pa, above its yield strength of 8e+05" in found.totals["notes"][0]
    low = elasticity(domain, materials={"Li": Elastic(7.82e9, 0.38)}, supports=SYMMETRY,
                     loads=Loads(pressure={"z_max": 5e5}))  # fmt: skip
    assert low.totals["notes"] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"supports": Supports(rollers=["z_min"])}, "free to move along x, move along y, turn about z; add rollers"),
        ({"supports": Supports(rollers=["x_min", "y_min"])}, "free to move along z"),
        ({"supports": Supports(fixed={"z_mni": 0})}, "fixed: the mesh has no facet set 'z_mni', did you mean 'z_min'"),
        ({"supports": Supports(fixed={"z_min": 1.0})}, "fixed: 'z_min': got 1.0; expected 0, or three displacements"),
        ({"supports": Supports(fixed={"z_min": (None, None, None)})}, "which fixes nothing"),
        ({"supports": Supports(fixed={"z_min": 0, "x_min": (1.0, 0, 0)})}, "'z_min' and 'x_min' share points but"),
        ({"supports": Supports(fixed={"z_min": 0}, rollers=["z_min"])}, "'z_min' is fixed as well"),
        ({"supports": Supports(rollers="z_min")}, "rollers: got the text 'z_min'; give a list"),
        ({"loads": Loads(platen={"z_min": 1.0})}, "platen: 'z_min' is held as well"),
        ({"supports": Supports(fixed={"x_min": 0})}, "platen: points of 'z_max' are held along z by another side"),
        ({"loads": Loads(pressure={"z_max": "5 MPa"})}, "pressure: 'z_max': got '5 MPa'; expected a pressure in Pa"),
        (
            {"loads": Loads(eigenstrain={"phase1": (1, 2)})},
            "eigenstrain: 'phase1': got .1, 2.; expected a linear strain",
        ),
        ({"loads": Loads(eigenstrain={"pore": 0.1})}, "eigenstrain: the mesh has no phase 'pore'"),
        ({"loads": {"z_max": 1.0}}, "loads: got dict; give Loads"),
        ({"materials": {}}, "materials: got {}; give {phase: Elastic"),
        ({"materials": {"phase1": 10.0}}, "materials: 'phase1': got 10.0; expected Elastic"),
        ({"materials": {"phase1": Elastic(1.0, 0.49)}}, "linear tets lock in 'phase1'.*formulation=.mixed.*or order=2"),
        ({"order": 3}, "order: got 3; give 1"),
    ],
)
def test_bad_input(change, message):
    arguments = {"materials": ONE, "supports": SYMMETRY, "loads": Loads(platen={"z_max": 1.0})} | change
    with pytest.raises(InputError, match=message):
        elasticity(load_domain(box_mesh(2)), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"young": 1.0}, "poisson: got None"),
        ({"young": -1.0, "poisson": 0.3}, "young: got -1; it must be positive"),
        ({"young": 1.0, "poisson": 0.5}, "poisson: got 0.5; it must lie above -1 and below 0.5"),
        ({"young": 1.0, "poisson": 0.3, "stiffness": np.eye(6)}, "give the 6x6 stiffness or the two numbers"),
        ({"stiffness": np.eye(3)}, "expected six rows of six"),
        ({"stiffness": np.diag([1, 1, 1, 1, 1, -1])}, "not positive definite"),
        ({"young": 1.0, "poisson": 0.3, "yield_stress": 0.0}, "yield_stress: got 0; it must be positive"),
    ],
)
def test_bad_materials(arguments, message):
    with pytest.raises(InputError, match=message):
        Elastic(**arguments)


def test_stiff_particles_take_few_iterations():
    """88 347 unknowns take 24, PETSc's GAMG 43; 23 with 51 783. The counts grow with the mesh: docs/mechanics.md."""
    volume = make_phantom("composite_cathode", seed=3, shape=(24, 24, 24), voxel_size="1 um").volume
    materials = {name: Elastic(1000.0 if name == "NMC" else 1.0, 0.3) for name in volume.phase_names}
    domain = load_domain(mesh_volume(volume))
    held = Supports(rollers=["x_min", "x_max", "y_min", "y_max", "z_min"])
    found = elasticity(domain, materials=materials, supports=held, loads=Loads(pressure={"z_max": 1e-3}))
    assert found.linear.iterations <= 28


def test_levels_keep_rigid_motions():
    """Aggregates carry rigid motions exactly, and none is lost: what no support holds has no energy on any level."""
    domain = load_domain(box_mesh(8, np.random.default_rng(2).integers(1, 3, (8, 8, 8))))
    materials = {"phase1": Elastic(1.0, 0.3), "phase2": Elastic(1e3, 0.3)}
    nodes = build_nodes(domain, domain.cells_of(materials))
    bulk = Bulk(nodes, materials, {})
    pattern = block_pattern(nodes, [bulk.row_groups()])
    data = np.zeros((len(pattern.columns), 3, 3))
    bulk.add_stiffness(pattern, np.zeros((len(nodes.live), 3), bool), data)
    matrix = assemble(nodes, pattern, data)
    modes = rigid_vectors(matrix, nodes)
    levels = build_levels(matrix, modes)
    sizes = [level.matrix.getSize()[0] for level in levels]
    assert len(sizes) >= 2
    assert sizes[1] < 0.3 * sizes[0]
    # a coarse motion that gives each mode: least squares, as the columns of a prolongation are independent
    pointers, columns, values = levels[0].prolongation.getValuesCSR()
    prolongation = csr_array((values, columns, pointers), shape=levels[0].prolongation.getSize())
    for mode in modes:
        coarse = lsqr(prolongation, mode.array_r, atol=1e-13, btol=1e-13, iter_lim=2000)[0]
        np.testing.assert_allclose(prolongation @ coarse, mode.array_r, rtol=0, atol=1e-9)
        right, product = levels[1].matrix.createVecs()
        right.array[:] = coarse
        levels[1].matrix.mult(right, product)
        assert abs(product.dot(right)) < 1e-12 * matrix.norm()
