"""Certified intervals: they contain exact answers on exact geometries, narrow with refinement, survive bad solves."""

import math

import numpy as np
import pytest
from charge_meshes import with_points
from helpers_mesh import box_mesh, random_mesh

from solvers import PercolationError, conduction, dolfinx_api, effective_conductivity, load_domain, run_solve
from solvers.bounds import Interval, conductance_bounds
from solvers.exact import laminate_parallel, laminate_series, simple_cubic, simple_cubic_radius
from ssb2mesh.errors import InputError

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)


def test_laminate_interval_is_a_point():
    labels = np.broadcast_to([1, 1, 2, 2, 2, 2], (6, 6, 6))
    result = effective_conductivity(
        load_domain(box_mesh(6, labels)), conductivity={"phase1": 1.0, "phase2": 10.0}, bounds=True
    )
    along, across = (rule([1 / 3, 2 / 3], [1.0, 10.0]) for rule in (laminate_parallel, laminate_series))
    for axis, exact in (("x", along), ("y", along), ("z", across)):
        found = result.intervals[axis]
        assert exact in found.conductivity
        assert along / exact in found.tortuosity
        # both elements are exact here: what is left is the allowance for the solver's residual and for rounding
        assert found.conductivity.width < 1e-9
        assert result.tensor["xyz".index(axis), "xyz".index(axis)] in found.conductivity
        assert result.tortuosity[axis] in found.tortuosity


def strip_channel(n):
    """Half a channel (half width 1, height 1/2, depth 1/10) whose strip, 0 < x < 1/2, is ``"near@z_min"``."""
    labels = np.ones((2 * n, 1, n), int)
    labels[n:] = 2
    mesh = box_mesh((2 * n, 1, n), labels, names={1: "near", 2: "far"})
    return with_points(mesh, np.array(mesh.points) * (1.0, 0.1, 0.5))


def test_strip_in_a_channel_has_a_singular_flux(verify):
    widths = []
    for n in (8, 16, 32):
        domain = load_domain(strip_channel(n))
        found = conductance_bounds(
            domain, conductivity={"near": 2.0, "far": 2.0}, between=("near@z_min", "z_max"), tolerance=1e-12
        )
        # sqrt(2)/4 per depth is that of the whole channel
        assert 2 * math.sqrt(2) / 4 / 0.1 / 2.0 in found.resistance
        widths.append(found.conductance.width)
    verify(
        "strip contact: certified interval",
        "resistance per depth",
        (0.1 * found.resistance.lower, 0.1 * found.resistance.upper),
        math.sqrt(2) / 4,
        0.0,
        source="sqrt(2)/4",
        mesh=domain,
    )
    # lines do not gather at the rim, where the flux goes like 1/sqrt(r): the error of an energy falls with order 1
    assert np.log2(widths[0] / widths[1]) == pytest.approx(1.0, abs=0.15)
    assert np.log2(widths[1] / widths[2]) == pytest.approx(1.0, abs=0.15)


def ball_octant(n, radius):
    """An octant of edge 1/2 whose ball has its facets' corners on the sphere, n cubes from centre to sphere."""
    i, j, k = np.meshgrid(*[np.arange(2 * n)] * 3, indexing="ij")
    labels = np.where(np.maximum(np.maximum(i, j), k) < n, 2, 1)
    mesh = box_mesh(2 * n, labels, names={1: "matrix", 2: "ball"})
    points = np.array(mesh.points)
    size = points.max(axis=1)  # 1/2 on the sphere, 1 on the walls
    ball = points * (size / np.maximum(np.linalg.norm(points, axis=1), 1e-300))[:, None] * 2 * radius
    share = np.clip(2 * size - 1, 0, 1)[:, None]
    wall = points * (0.5 / np.maximum(size, 1e-300))[:, None]
    sphere = ball * (0.5 / np.maximum(size, 1e-300))[:, None]
    return with_points(mesh, np.where(size[:, None] <= 0.5, ball, (1 - share) * sphere + share * wall))


def inradius(mesh):
    """Distance of the nearest facet plane of the ball from its centre."""
    a, b, c = (mesh.points[mesh.facet_set("ball|matrix")[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    return np.abs((normal * a).sum(axis=1) / np.linalg.norm(normal, axis=1)).min()


@pytest.mark.parametrize("ratio", [0.0, 10.0, 0.1])
def test_simple_cubic_spheres_lie_between_an_inner_and_an_outer_polyhedron(ratio, verify):
    """The conductance rises or falls with the ball: bounds on both polyhedra hold for the sphere without any doubt."""
    exact, radius = simple_cubic(0.2, ratio), simple_cubic_radius(0.2)
    sigma = {"matrix": 1.0} if ratio == 0 else {"matrix": 1.0, "ball": ratio}
    widths, sure = [], []
    for n in (4, 8):
        inner = ball_octant(n, radius)
        outer = ball_octant(n, radius * radius / inradius(inner))
        same = ball_octant(n, radius * (0.2 / (inner.phase_volumes()["ball"] / inner.box_volume)) ** (1 / 3))
        inside, outside, equal = (
            effective_conductivity(load_domain(mesh), conductivity=sigma, axes="z", bounds=True)
            .intervals["z"]
            .conductivity
            for mesh in (inner, outer, same)
        )
        worse, better = (outside, inside) if ratio < 1 else (inside, outside)
        assert worse.lower < exact < better.upper
        # a polyhedron of the same volume conducts like the sphere to second order in the size of its faces
        verify(
            f"simple-cubic spheres, fraction 0.2, {ratio:g} : 1, {n} cubes a radius",
            "certified conductivity",
            (equal.lower, equal.upper),
            exact,
            0.0,
            source="multipole series; polyhedron of the same volume",
            mesh=same,
        )
        widths.append(equal.width)
        sure.append(Interval(worse.lower, better.upper).width)
    # fields are smooth but for the edges of the polyhedron, which flatten: measured 1.97 and 1.98
    assert np.log2(widths[0] / widths[1]) > 1.9
    assert np.log2(sure[0] / sure[1]) > 1.9
    # measured 0.15, 0.27 and 0.11 %
    assert widths[1] < 0.003


def test_gap_adds_up_to_the_width():
    result = effective_conductivity(
        load_domain(random_mesh(6, 2, seed=3)), conductivity={"phase1": 1.0, "phase2": 5.0}, axes="x", bounds=True
    )
    bounds = result.intervals["x"].bounds
    total = float((bounds.gap * result.domain.cell_volumes).sum())
    assert total == pytest.approx(bounds.conductance.upper - bounds.conductance.lower, rel=1e-6)
    assert result.cell_data()["gap_x"].shape == (result.domain.n_tets,)


def test_tensors_agree_with_scalars_and_turn_with_the_axes():
    mesh = random_mesh(5, 2, seed=4)
    numbers = {"phase1": 1.0, "phase2": 5.0}
    tensors = {name: value * np.eye(3) for name, value in numbers.items()}
    first, second = (
        effective_conductivity(load_domain(mesh), conductivity=each, axes="y", bounds=True).intervals["y"].conductivity
        for each in (numbers, tensors)
    )
    assert second.lower == pytest.approx(first.lower, rel=1e-9)
    assert second.upper == pytest.approx(first.upper, rel=1e-9)
    # one phase, skewed tensor, thin column: current along the column only, at 1 / (inverse tensor)_zz
    skew = np.array([[2.0, 0.3, 0.8], [0.3, 3.0, 0.5], [0.8, 0.5, 5.0]])
    column = load_domain(box_mesh((2, 2, 40), size=(0.05, 0.05, 1.0)))
    found = effective_conductivity(column, conductivity={"phase1": skew}, axes="z", bounds=True).intervals["z"]
    # the end planes lead current across the column within about one width of them: a fiftieth of the length
    assert found.conductivity.width < 0.02
    assert found.conductivity.lower == pytest.approx(1.0 / np.linalg.inv(skew)[2, 2], rel=0.02)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
def test_a_sloppy_solve_widens_the_interval_but_never_spoils_it(tolerance):
    mesh = random_mesh(8, 2, seed=6)
    sigma = {"phase1": 1.0, "phase2": 3.0}
    tight, loose = (
        effective_conductivity(load_domain(mesh), conductivity=sigma, axes="x", bounds=True, tolerance=each)
        .intervals["x"] for each in (1e-13, tolerance)
    )  # fmt: skip
    assert loose.conductivity.lower < tight.conductivity.lower
    assert loose.conductivity.upper >= tight.conductivity.upper * (1 - 1e-12)
    assert loose.bounds.algebraic > 10 * tight.bounds.algebraic
    # the residual in the sum of its sizes: loose by the square root of the number of facets, not more
    assert loose.bounds.algebraic < 100 * tolerance


def test_contrast_of_a_billion():
    labels = np.ones((8, 8, 8), int)
    labels[2:6, 2:6, 1:7] = 2
    mesh = box_mesh(8, labels, names={1: "electrolyte", 2: "lithium"})
    found = effective_conductivity(
        load_domain(mesh), conductivity={"electrolyte": 1e-2, "lithium": 1e7}, axes="z", bounds=True
    ).intervals["z"]
    ideal = conduction(
        load_domain(mesh), conductivity={"electrolyte": 1e-2}, fixed={"z_min": 0.0, "z_max": 1.0},
        equipotential=["lithium"],
    )  # fmt: skip
    # linear elements with the ideal conductor lie above the exact value, by less than the width
    assert found.conductivity.lower < ideal.currents["z_max"] <= found.conductivity.upper * (1 + 1e-8)
    # potentials of 1 V keep 16 digits, so fluxes in the lithium keep seven less, and the interval pays for it
    assert found.bounds.algebraic < 1e-3


def test_nothing_leaks_through_edges():
    labels = np.full((4, 4, 6), 2)
    labels[:2, :2] = 1
    labels[2:, 2:] = 1
    labels[2:, 2:, 5] = 2  # the second column shares an edge with the first and ends before the top
    mesh = box_mesh((4, 4, 6), labels, size=(4.0, 4.0, 6.0))
    found = effective_conductivity(load_domain(mesh), conductivity={"phase1": 1.0}, axes="z", bounds=True)
    assert 4 / 16 in found.intervals["z"].conductivity
    assert found.intervals["z"].conductivity.width < 1e-9


def test_accuracy_says_whether_it_is_reached():
    domain = load_domain(random_mesh(6, 2, seed=8))
    sigma = {"phase1": 1.0, "phase2": 2.0}
    good = effective_conductivity(domain, conductivity=sigma, axes="x", accuracy=0.5)
    assert good.reached
    bad = effective_conductivity(domain, conductivity=sigma, axes="x", accuracy=1e-4)
    assert not bad.reached
    assert bad.summary()["accuracy"] == {"asked": 1e-4, "width": pytest.approx(good.width, rel=1e-6), "reached": False}
    low, high = bad.summary()["tortuosity_interval"]["x"]
    assert f"in [{low:.4f}, {high:.4f}]" in repr(bad)
    assert "tortuosity_interval" not in effective_conductivity(domain, conductivity=sigma, axes="x").summary()


def test_interval_of_nothing_certain():
    assert Interval(0.0, 2.0).inverse() == Interval(0.5, math.inf)
    assert Interval(0.5, math.inf).width == 2.0
    assert 1.0 not in Interval(1.1, 1.2)


def test_bad_input():
    domain = load_domain(box_mesh(2))
    with pytest.raises(InputError, match="between: got 'z_min'; give two different facet sets"):
        conductance_bounds(domain, conductivity={"phase1": 1.0}, between="z_min")
    with pytest.raises(InputError, match="between: the mesh has no facet set 'z_mix', did you mean"):
        conductance_bounds(domain, conductivity={"phase1": 1.0}, between=("z_mix", "z_max"))
    with pytest.raises(InputError, match="accuracy: got 1; give the relative width"):
        effective_conductivity(domain, conductivity={"phase1": 1.0}, accuracy=1)
    labels = np.ones((3, 3, 3), int)
    labels[:, :, 1] = 2
    with pytest.raises(PercolationError, match="no path of conducting cells joins"):
        conductance_bounds(load_domain(box_mesh(3, labels)), conductivity={"phase1": 1.0}, between=("z_min", "z_max"))


def test_heat_is_conducted_like_charge():
    table = {"name": "k", "type": "effective_thermal_conductivity", "axes": ["x", "z"], "accuracy": "1 %"}
    table["conductivity"] = {"phase1": "0.7 W/(m K)", "phase2": 4.0}
    labels = np.broadcast_to([1, 1, 2, 2, 2, 2], (6, 6, 6))
    result = run_solve(load_domain(box_mesh(6, labels)), table)
    summary = result.summary()
    assert summary["type"] == "effective_thermal_conductivity"
    assert summary["thermal_tensor"][0][0] == pytest.approx(laminate_parallel([1 / 3, 2 / 3], [0.7, 4.0]), rel=1e-10)
    assert laminate_series([1 / 3, 2 / 3], [0.7, 4.0]) in result.intervals["z"].conductivity
    low, high = summary["thermal_conductivity_interval"]["x"]
    assert low <= summary["thermal_tensor"][0][0] <= high
    assert summary["accuracy"]["reached"]
    assert set(result.point_data()) == {"temperature_x", "temperature_z"}
    assert set(result.cell_data()) == {"heat_flux_x", "heat_flux_z", "gap_x", "gap_z"}
    with pytest.raises(InputError, match=r"conductivity.phase1: unknown unit 'S/m'.* W/\(m K\)"):
        run_solve(result.domain, {**table, "conductivity": {"phase1": "1 S/m"}})
