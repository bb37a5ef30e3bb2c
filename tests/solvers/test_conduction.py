"""Conduction against exact answers: affine fields, laminates, currents, pieces, ideal conductors, contrast."""

import numpy as np
import pytest
from helpers_mesh import box_mesh, random_mesh
from scipy import ndimage

from solvers import PercolationError, conduction, dolfinx_api, load_domain
from solvers.exact import laminate_parallel, laminate_series
from ssb2mesh.errors import InputError, SolverError

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)


def layers(n, axis, labels=(1, 2)):
    """Labels of a two-layer stack with equal thickness along an axis."""
    shape = [1, 1, 1]
    shape[axis] = n
    steps = np.where(np.arange(n) < n // 2, labels[0], labels[1]).reshape(shape)
    return np.broadcast_to(steps, (n, n, n)).copy()


def wiggled(mesh, *, amount=0.2, seed=0):
    """Move the inner points at random, so that no symmetry of the grid can help."""
    from ssb2mesh.mesh import TaggedMesh, tet_volumes

    points = np.array(mesh.points)
    inner = ((points > mesh.box[0]) & (points < mesh.box[1])).all(axis=1)
    step = amount * np.cbrt(mesh.box_volume / mesh.n_tets * 6)
    points[inner] += np.random.default_rng(seed).uniform(-step, step, (int(inner.sum()), 3)) * 0.5
    assert tet_volumes(points, mesh.tets).min() > 0
    return TaggedMesh(points, mesh.tets, mesh.cell_tags, mesh.facets, mesh.facet_tags, mesh.cell_names,
                      mesh.facet_names, mesh.box)  # fmt: skip


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_affine_potential_is_exact_on_any_mesh(axis, verify):
    mesh = wiggled(random_mesh(5, 3))
    domain = load_domain(mesh)
    side = "xyz"[axis]
    solution = conduction(
        domain,
        conductivity={name: 3.0 for name in mesh.cell_names},
        fixed={f"{side}_min": -1.0, f"{side}_max": 1.0},
        tolerance=1e-14,
    )
    expected = 2.0 * mesh.points[:, axis] - 1.0
    # P1 holds an affine field exactly; what is left is the tolerance of the solver and rounding
    off = np.abs(solution.point_data()["potential"] - expected)
    verify(
        f"affine potential along {side}, random phases, wiggled mesh",
        "potential, largest error, V",
        off,
        0.0,
        1e-12,
        source="the affine field",
        mesh=mesh,
        absolute=True,
    )
    flux = np.zeros(3)
    flux[axis] = -6.0
    assert np.abs(solution.cell_data()["current_density"] - flux).max() < 1e-10


def test_affine_potential_with_a_full_tensor():
    # without x-z and y-z coupling the field along z drives no current into the insulated sides
    tensor = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 4.0]])
    mesh = wiggled(box_mesh(4))
    solution = conduction(load_domain(mesh), conductivity={"phase1": tensor}, fixed={"z_min": 0.0, "z_max": 1.0},
                          tolerance=1e-14)  # fmt: skip
    assert np.abs(solution.point_data()["potential"] - mesh.points[:, 2]).max() < 1e-12
    assert solution.currents["z_max"] == pytest.approx(4.0, rel=1e-12)


def test_lattice_mesh_passes_the_affine_test():
    from ssb2mesh import LabelledVolume, mesh_volume

    labels = np.random.default_rng(4).integers(0, 3, (6, 5, 7)).astype(np.uint8)
    volume = LabelledVolume(labels, (1e-6, 1.5e-6, 1e-6), phases={0: "pore", 1: "NMC", 2: "LPSCl"})
    mesh = mesh_volume(volume)
    domain = load_domain(mesh)
    solution = conduction(
        domain,
        conductivity={"pore": 2.0, "NMC": 2.0, "LPSCl": 2.0},
        fixed={"y_min": 0.0, "y_max": 1.0},
        tolerance=1e-14,
    )
    height = mesh.box[1, 1] - mesh.box[0, 1]
    expected = (mesh.points[:, 1] - mesh.box[0, 1]) / height
    assert np.abs(solution.point_data()["potential"] - expected).max() < 1e-12
    area = (mesh.box[1, 0] - mesh.box[0, 0]) * (mesh.box[1, 2] - mesh.box[0, 2])
    assert solution.currents["y_max"] == pytest.approx(2.0 * area / height, rel=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_laminates_are_exact(axis, verify):
    domain = load_domain(box_mesh(6, layers(6, 2)))
    side = "xyz"[axis]
    solution = conduction(
        domain, conductivity={"phase1": 1.0, "phase2": 10.0}, fixed={f"{side}_min": 0.0, f"{side}_max": 1.0}
    )
    rule = laminate_series if axis == 2 else laminate_parallel
    exact = rule([0.5, 0.5], [1.0, 10.0])
    # the interface lies on mesh facets, so P1 is exact; 1e-10 is the accuracy asked of the solver
    verify(
        f"layers 1 : 10, current along {side}",
        "conductance",
        solution.currents[f"{side}_max"],
        exact,
        1e-10,
        source="1 / sum(f/k)" if axis == 2 else "sum(f k)",
        mesh=domain,
    )
    assert solution.currents[f"{side}_min"] == pytest.approx(-exact, rel=1e-10)
    assert sum(solution.joule_heat.values()) == pytest.approx(exact, rel=1e-10)


def test_joule_heat_splits_by_resistance_in_series():
    domain = load_domain(box_mesh(4, layers(4, 2)))
    solution = conduction(domain, conductivity={"phase1": 1.0, "phase2": 10.0}, fixed={"z_min": 0.0, "z_max": 1.0})
    assert solution.joule_heat["phase1"] / solution.joule_heat["phase2"] == pytest.approx(10.0, rel=1e-9)


def test_currents_balance_on_a_random_mesh(verify):
    mesh = random_mesh(8, 3)
    solution = conduction(
        load_domain(mesh),
        conductivity={"phase1": 1.0, "phase2": 30.0, "phase3": 0.02},
        fixed={"z_min": 0.0, "phase1@z_max": 1.0, "phase2@z_max": 1.0},
    )
    verify(
        "random phases, three sides",
        "sum of currents over their size",
        solution.balance,
        0.0,
        1e-10,
        source="conservation",
        mesh=mesh,
        absolute=True,
    )


def test_reaction_equals_heat_over_voltage():
    # power = voltage * current holds for the discrete system, whatever the mesh
    solution = conduction(
        load_domain(random_mesh(6, 2)),
        conductivity={"phase1": 1.0, "phase2": 7.0},
        fixed={"x_min": 0.25, "x_max": 2.25},
    )
    assert sum(solution.joule_heat.values()) == pytest.approx(2.0 * solution.currents["x_max"], rel=1e-10)


def test_imposed_current_gives_ohms_law_and_leaves_through_the_fixed_side():
    domain = load_domain(box_mesh((3, 4, 5), size=(1.0, 2.0, 4.0)))
    solution = conduction(domain, conductivity={"phase1": 0.5}, fixed={"z_min": 0.0}, current={"z_max": 3.0})
    assert solution.currents["z_min"] == pytest.approx(-3.0, rel=1e-10)
    assert np.nanmax(solution.potential) == pytest.approx(3.0 * 4.0 / (0.5 * 2.0), rel=1e-10)


def test_conductivity_by_cell_matches_conductivity_by_phase():
    mesh = box_mesh(4, layers(4, 2))
    values = np.where(mesh.cell_tags == 1, 1.0, 10.0)
    solution = conduction(
        load_domain(mesh), conductivity={"phase1": values, "phase2": values}, fixed={"z_min": 0.0, "z_max": 1.0}
    )
    assert solution.currents["z_max"] == pytest.approx(20.0 / 11.0, rel=1e-10)


def test_contrast_of_1e9_converges_to_the_laminate(verify):
    domain = load_domain(box_mesh(8, layers(8, 2)))
    solution = conduction(domain, conductivity={"phase1": 1.0, "phase2": 1e9}, fixed={"z_min": 0.0, "z_max": 1.0})
    # heat is quadratic in the potential's error; the current next to the good conductor loses nine digits to rounding
    verify(
        "layers 1 : 1e9",
        "heat, W",
        sum(solution.joule_heat.values()),
        2.0 / (1.0 + 1e-9),
        1e-9,
        source="1 / sum(f/k)",
        mesh=domain,
    )
    verify("layers 1 : 1e9", "current, A", solution.currents["z_min"], -2.0, 1e-8, source="1 / sum(f/k)", mesh=domain)
    assert solution.linear.iterations <= 25


def test_iterations_stay_flat_and_below_25():
    counts = []
    for n in (6, 12, 24):
        rng = np.random.default_rng(3)
        labels = np.kron(rng.integers(1, 3, (3, 3, 3)), np.ones((n // 3,) * 3, int))
        domain = load_domain(box_mesh(n, labels))
        solution = conduction(domain, conductivity={"phase1": 1.0, "phase2": 1e3}, fixed={"z_min": 0.0, "z_max": 1.0})
        counts.append(solution.linear.iterations)
    assert max(counts) <= 25, counts
    residuals = solution.linear.residuals
    assert residuals[-1] <= 1e-12 * residuals[0]


@pytest.mark.parametrize("contrast", [10.0, 1e9])
def test_iterations_do_not_see_elongated_voxels(contrast):
    from ssb2mesh import LabelledVolume, mesh_volume

    labels = ndimage.gaussian_filter(np.random.default_rng(1).random((24, 24, 24)), 2.0)
    labels = (labels > np.median(labels)).astype(np.uint8)
    counts = []
    for long in (1.0, 4.0):
        mesh = mesh_volume(LabelledVolume(labels, (1e-6, 1e-6, long * 1e-6), phases={0: "LPSCl", 1: "NMC"}))
        solution = conduction(load_domain(mesh), conductivity={"LPSCl": 1.0, "NMC": contrast},
                              fixed={"z_min": 0.0, "z_max": 1.0})  # fmt: skip
        counts.append(solution.linear.iterations)
    # twelve digits; the threshold of the multigrid is chosen for this, docs/solvers.md
    assert max(counts) <= 25, counts


def floating_labels():
    """A conducting column along z, a grain that touches nothing, one that touches z_max only; insulator elsewhere."""
    labels = np.full((7, 7, 7), 2)
    labels[1, 1, :] = 1
    labels[3, 3, 3] = 1
    labels[5, 5, 5:] = 1
    return labels


def test_floating_and_idle_pieces_are_told_apart_and_kept_out():
    mesh = box_mesh(7, floating_labels())
    solution = conduction(load_domain(mesh), conductivity={"phase1": 7.0}, fixed={"z_min": 0.0, "z_max": 1.0})
    assert solution.currents["z_max"] == pytest.approx(7.0 / 49.0, rel=1e-10)
    assert solution.totals["floating"] == {"phase1": pytest.approx(1 / 10)}
    assert solution.totals["idle"] == {"phase1": pytest.approx(2 / 10)}
    # 4 points on each of 6 levels between the ends: nothing else is an unknown
    assert solution.linear.unknowns == 24
    potential = solution.point_data()["potential"]
    at = lambda i, j, k: potential[np.argmin(np.linalg.norm(mesh.points * 7 - (i, j, k), axis=1))]  # noqa: E731
    assert np.isnan(at(3, 3, 3))
    assert np.isnan(at(0, 6, 3))
    assert at(5, 5, 5) == 1.0
    assert at(1, 1, 3) == pytest.approx(3 / 7)


def test_contact_at_an_edge_conducts_nothing():
    labels = np.full((2, 2, 4), 2)
    labels[0, 0, :2] = 1
    labels[1, 1, 2:] = 1
    labels[1, 1, 1] = 1  # beside the end of the first column: they share an edge, no facet
    with pytest.raises(PercolationError, match="no path of conducting cells joins"):
        conduction(
            load_domain(box_mesh((2, 2, 4), labels)), conductivity={"phase1": 1.0}, fixed={"z_min": 0.0, "z_max": 1.0}
        )


def test_current_into_a_piece_without_exit_is_an_error():
    labels = floating_labels()
    labels[1, 1, 3] = 2
    with pytest.raises(PercolationError, match="through 'z_max' cannot leave"):
        conduction(
            load_domain(box_mesh(7, labels)), conductivity={"phase1": 1.0}, fixed={"z_min": 0.0}, current={"z_max": 1.0}
        )


def test_equipotential_layer_shortens_the_path():
    domain = load_domain(box_mesh(6, layers(6, 2)))
    solution = conduction(
        domain, conductivity={"phase1": 3.0}, fixed={"z_min": 0.0, "z_max": 1.0}, equipotential=["phase2"]
    )
    assert solution.currents["z_max"] == pytest.approx(6.0, rel=1e-10)
    assert solution.balance < 1e-10


def test_equipotential_inclusion_finds_its_own_potential():
    labels = np.ones((6, 6, 6), int)
    labels[2:4, 2:4, 2:4] = 2
    mesh = box_mesh(6, labels)
    options = {"fixed": {"z_min": 0.0, "z_max": 1.0}}
    ideal = conduction(load_domain(mesh), conductivity={"phase1": 1.0}, equipotential=["phase2"], **options)
    good = conduction(load_domain(mesh), conductivity={"phase1": 1.0, "phase2": 1e8}, **options)
    inside = np.unique(mesh.tets[mesh.cell_tags == 2])
    assert ideal.point_data()["potential"][inside] == pytest.approx(0.5, abs=1e-10)
    # a conductor 1e8 times better is ideal to about 1e-8
    assert ideal.currents["z_max"] == pytest.approx(good.currents["z_max"], rel=1e-7)
    assert ideal.balance < 1e-10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conductivity": {"phse1": 1.0}}, "no phase 'phse1', did you mean 'phase1'"),
        ({"conductivity": {}}, "at least one phase"),
        ({"conductivity": {"phase1": -1.0}}, "'phase1': got -1; it must be positive"),
        ({"conductivity": {"phase1": np.ones((2, 2))}}, r"got shape \(2, 2\)"),
        ({"conductivity": {"phase1": np.diag([1.0, 1.0, -1.0])}}, "positive definite"),
        ({"conductivity": {"phase1": float("nan")}}, "positive and finite"),
        ({"fixed": {"z_mn": 0.0}}, "no facet set 'z_mn', did you mean 'z_min'"),
        ({"fixed": {}}, "at least one side set needs a potential"),
        ({"fixed": {"z_min": "1 V"}}, "expected a finite number"),
        ({"fixed": {"z_min": 0.0, "x_min": 1.0}}, "'z_min' .* and 'x_min' .* share points"),
        ({"current": {"z_min": 1.0}}, "'z_min' has a fixed potential as well"),
        ({"equipotential": ["phase1"]}, "'phase1' has a conductivity as well"),
        ({"equipotential": "phase2"}, "give a list of phases"),
        ({"equipotential": ["phase2"], "fixed": {"x_min": 0.0, "x_max": 1.0}}, "short circuit"),
    ],
)
def test_bad_input_is_named(options, message):
    domain = load_domain(box_mesh(4, layers(4, 2)))
    arguments = {"conductivity": {"phase1": 1.0}, "fixed": {"z_min": 0.0}, **options}
    with pytest.raises(InputError, match=message):
        conduction(domain, **arguments)


def test_a_solve_that_fails_says_why_and_what_to_try():
    domain = load_domain(random_mesh(6, 2))
    with pytest.raises(SolverError, match=r"after 2 iterations .* try: "):
        conduction(
            domain,
            conductivity={"phase1": 1.0, "phase2": 100.0},
            fixed={"z_min": 0.0, "z_max": 1.0},
            max_iterations=2,
        )
