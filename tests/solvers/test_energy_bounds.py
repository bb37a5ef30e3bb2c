"""Intervals of whole tensors: points where both elements are exact, nested under refinement, safe under bad solves."""

import numpy as np
import pytest
from charge_meshes import with_points
from helpers_mesh import box_mesh, random_mesh

from solvers import dolfinx_api, effective_conductivity, energy_bounds, load_domain, run_solve
from solvers.exact import laminate_parallel, laminate_series
from ssb2mesh.errors import InputError

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)

LINEAR = {"x": lambda p: p[:, 0], "y": lambda p: p[:, 1], "z": lambda p: p[:, 2]}


def centroids(mesh):
    return mesh.points[mesh.tets].mean(axis=1)


@pytest.mark.parametrize("contrast", [3.0, 100.0])
def test_laminate_turned_by_45_degrees(contrast):
    """Layers between planes x - z = const: the full tensor is known, with an entry of either sign off its diagonal."""
    n = 6
    mesh = box_mesh(n)
    inside = centroids(mesh)
    second = np.floor((inside[:, 0] - inside[:, 2]) * n).astype(int) % 2 == 1
    sigma = np.where(second, contrast, 1.0)
    along, across = (rule([0.5, 0.5], [1.0, contrast]) for rule in (laminate_parallel, laminate_series))
    normal = np.array([1.0, 0.0, -1.0]) / np.sqrt(2)
    exact = along * np.eye(3) + (across - along) * np.outer(normal, normal)
    # potential along the normal at the n planes on either side of the diagonal: a unit current through each layer
    layers = np.where(np.arange(-n, n) % 2 == 1, 1.0 / contrast, 1.0) / (n * np.sqrt(2))
    steps = np.concatenate([[0.0], np.cumsum(layers)])

    def load(field):
        def potential(p):
            plane = np.rint((p[:, 0] - p[:, 2]) * n).astype(int)
            straight = p @ (field - (field @ normal) * normal)
            return straight + across * (field @ normal) * (steps[plane + n] - steps[n])

        return potential

    loads = {name: load(field) for name, field in zip("xyz", np.eye(3), strict=True)}
    found = energy_bounds(load_domain(mesh), conductivity={"phase1": sigma}, loads=loads)
    np.testing.assert_allclose(found.values, exact, atol=1e-10 * contrast)
    for i, a in enumerate("xyz"):
        for j, b in enumerate("xyz"):
            assert exact[i, j] in found.entry(a, b)
            assert found.entry(a, b) == found.entry(b, a)
            # both elements hold the exact field: what is left is the allowance for residuals and for rounding
            assert found.entry(a, b).upper - found.entry(a, b).lower < 1e-8 * contrast
    assert exact[0, 2] == pytest.approx((along - across) / 2)
    assert found.entry("x", "z").lower > 0.1


def test_a_skew_tensor_fills_the_box():
    skew = np.array([[2.0, 0.3, -0.8], [0.3, 3.0, 0.5], [-0.8, 0.5, 5.0]])
    mesh = box_mesh((3, 4, 2), size=(1.0, 2.0, 0.5))
    found = energy_bounds(load_domain(mesh), conductivity={"phase1": skew}, loads=LINEAR)
    np.testing.assert_allclose(found.values / mesh.box_volume, skew, atol=1e-12)
    assert ((found.lower <= skew * mesh.box_volume) & (skew * mesh.box_volume <= found.upper)).all()
    assert (found.upper - found.lower).max() < 1e-8


def test_sheared_bar_leads_its_current_aside():
    """A bar along (s, 0, 1) of a tensor that turns a field along z into a current along the bar."""
    shear, n = 0.3, 8
    labels = np.full((n, 2, n), 2)
    labels[2:5] = 1
    mesh = box_mesh((n, 2, n), labels, names={1: "bar", 2: "rest"})
    points = np.array(mesh.points)
    # the bar's planes lean by the shear, the walls of the box stay
    points[:, 0] += shear * points[:, 2] * np.interp(points[:, 0], [0, 2 / n, 5 / n, 1], [0, 1, 1, 0])
    mesh = with_points(mesh, points)
    sigma = np.array([[3.0, 0.2, 5.0 * shear], [0.2, 2.0, 0.0], [5.0 * shear, 0.0, 5.0]])
    result = effective_conductivity(load_domain(mesh), conductivity={"bar": sigma}, axes=["z"], bounds="tensor")
    found, share = result.intervals["z"], 3 / 8
    assert share * 5.0 in found.conductivity
    assert share * 5.0 * shear in found.across["x"]
    assert 0.0 in found.across["y"]
    # the width is the geometric mean of two gaps: rounding (1e-12) for the field itself, 0.1 to 1 for the load across
    assert max(each.upper - each.lower for each in found.across.values()) < 1e-5
    assert result.tensor[:, 2] == pytest.approx([share * 5 * shear, 0, share * 5], abs=1e-10)


def test_intervals_of_finer_meshes_of_one_geometry_overlap():
    labels = np.random.default_rng(4).integers(1, 3, (3, 3, 3))
    widths, ends, shown = [], [], []
    for times in (1, 2, 4):
        fine = labels.repeat(times, 0).repeat(times, 1).repeat(times, 2)
        result = effective_conductivity(
            load_domain(box_mesh(3 * times, fine)), conductivity={"phase1": 1.0, "phase2": 20.0}, axes=["x", "z"],
            bounds="tensor",
        )  # fmt: skip
        now = result.tensor_intervals[:, [0, 2]]
        ends.append(now)
        widths.append(now[..., 1] - now[..., 0])
        shown.append(result.tensor[:, [0, 2]])
        assert ((now[..., 0] <= shown[-1]) & (shown[-1] <= now[..., 1])).all()
    assert np.isnan(result.tensor_intervals[:, 1]).all()
    common = np.max([e[..., 0] for e in ends], axis=0), np.min([e[..., 1] for e in ends], axis=0)
    assert (common[0] <= common[1]).all()
    # conductors meet at edges, where fluxes are singular: the width falls, more slowly than with order 2
    assert (widths[1] < 0.75 * widths[0]).all()
    assert (widths[2] < 0.75 * widths[1]).all()
    # the sign of some entries is certain on the finest mesh, though they are small
    assert (np.sign(ends[-1][..., 0]) == np.sign(ends[-1][..., 1])).sum() > 2


def test_the_tensor_of_linear_potentials_is_symmetric_and_above_that_of_the_cell():
    domain = load_domain(random_mesh(5, 2, seed=3))
    sigma = {"phase1": 1.0, "phase2": 6.0}
    held = energy_bounds(domain, conductivity=sigma, loads=LINEAR)
    cell = effective_conductivity(domain, conductivity=sigma, bounds=True)
    for axis in "xyz":
        # insulated sides free the potential: less heat
        assert held.entry(axis, axis).upper > cell.intervals[axis].conductivity.upper
    assert np.linalg.eigvalsh(held.values).min() > 1.0
    np.testing.assert_array_equal(held.lower, held.lower.T)
    assert "x y [" in repr(held)


def test_a_sloppy_solve_widens_the_intervals():
    domain = load_domain(random_mesh(6, 2, seed=6))
    sigma = {"phase1": 1.0, "phase2": 3.0}
    tight, loose = (
        energy_bounds(domain, conductivity=sigma, loads=LINEAR, on=("x_min", "x_max"), tolerance=each)
        for each in (1e-13, 1e-3)
    )
    assert (loose.lower <= tight.lower).all()
    assert (loose.upper >= tight.upper).all()


def test_tables_ask_for_the_tensor():
    mesh = box_mesh(4, np.random.default_rng(1).integers(1, 3, (4, 4, 4)))
    table = {"name": "t", "type": "effective_conductivity", "conductivity": {"phase1": 1.0, "phase2": 3.0},
             "axes": ["z"], "bounds": "tensor"}  # fmt: skip
    summary = run_solve(load_domain(mesh), table).summary()
    rows = summary["tensor_intervals"]
    assert rows[0][0] is None
    for row, value in zip(rows, np.array(summary["tensor"], float)[:, 2], strict=True):
        assert row[2][0] <= value <= row[2][1]
    heat = run_solve(load_domain(mesh), {**table, "type": "effective_thermal_conductivity"}).summary()
    assert heat["thermal_tensor_intervals"][1][2] == pytest.approx(rows[1][2], rel=1e-6, abs=1e-8)


def test_bad_input():
    domain = load_domain(box_mesh(2))
    sigma = {"phase1": 1.0}
    with pytest.raises(InputError, match="bounds: got 'full'; give True, False or 'tensor'"):
        effective_conductivity(domain, conductivity=sigma, bounds="full")
    with pytest.raises(InputError, match="loads: got {}; give {name: function of positions}"):
        energy_bounds(domain, conductivity=sigma, loads={})
    with pytest.raises(InputError, match="loads: 'x': expected one finite potential for each"):
        energy_bounds(domain, conductivity=sigma, loads={"x": lambda p: p})
    with pytest.raises(InputError, match="on: the mesh has no facet set 'z_mix', did you mean"):
        energy_bounds(domain, conductivity=sigma, loads=LINEAR, on=["z_mix"])
    with pytest.raises(InputError, match="on: got 'z_min'; give a list of facet sets"):
        energy_bounds(domain, conductivity=sigma, loads=LINEAR, on="z_min")
    table = {"name": "t", "type": "effective_conductivity", "conductivity": {"phase1": 1.0}, "bounds": "all"}
    with pytest.raises(InputError, match="bounds: got 'all'; expected true, false or 'tensor'"):
        run_solve(domain, table)
