"""Phantoms: exact values against voxel counts that converge to them, seeds, contacts, and bad options."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import qmc

from ssb2mesh.errors import InputError
from ssb2mesh.phantoms import PHANTOMS, fields, make_phantom
from ssb2mesh.phantoms.fields import cell_walls, smooth_noise
from ssb2mesh.phantoms.gyroid import gyroid_area, gyroid_fraction
from ssb2mesh.phantoms.packing import log_normal_diameters, pack_spheres, surface_distance
from ssb2mesh.phantoms.spheres import SIMPLE_CUBIC_TABLE
from ssb2mesh.volume.components import connected_components

SMALL = {
    "sphere": {"shape": 32},
    "laminate": {},
    "simple_cubic": {"shape": 16},
    "gyroid": {"shape": 24},
    "composite_cathode": {"shape": (48, 40, 44)},
    "cracked_pellet": {"shape": (40, 44, 56)},
    "cell_stack": {"shape": (32, 28, 120)},
}


def share_percolating(volume, phase, axis):
    found = connected_components(volume)
    mine = found.of(phase)
    return found.sizes[mine][found.percolating(axis)[mine]].sum() / found.sizes[mine].sum()


# -- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PHANTOMS)
def test_every_phantom_is_seeded_and_consistent(name):
    phantom = make_phantom(name, seed=3, **SMALL[name])
    again = make_phantom(name, seed=3, **SMALL[name])
    assert np.array_equal(phantom.volume.labels, again.volume.labels)
    assert dict(phantom.exact) == dict(again.exact)
    assert phantom.options["seed"] == 3
    assert all(isinstance(v, float) and np.isfinite(v) or v == float("inf") for v in phantom.exact.values())
    for key in phantom.exact:
        kind, _, phase = key.partition("_")
        if kind == "fraction":
            assert phase in phantom.volume.phase_names
    if name in ("composite_cathode", "cracked_pellet", "cell_stack"):
        other = make_phantom(name, seed=4, **SMALL[name])
        assert not np.array_equal(phantom.volume.labels, other.volume.labels)
        for phase, share in phantom.volume.volume_fractions().items():
            assert phantom.exact[f"fraction_{phase}"] == share


@pytest.mark.parametrize("name", PHANTOMS)
def test_every_option_is_described(name):
    for option, default, text in PHANTOMS[name].describe():
        assert text
        assert default
        assert option.isidentifier()


@pytest.mark.parametrize("name", PHANTOMS)
def test_options_may_be_text(name):
    """A command line and a study give text; it must mean the same as the default it shows."""
    kind = PHANTOMS[name]
    assert kind.parse({option: default for option, default, _ in kind.describe()}) == kind.options()


def test_all_bad_options_are_told_at_once():
    with pytest.raises(InputError) as caught:
        make_phantom("composite_cathode", void_fracton=0.1, active_fraction=2, d50="5", shape="64,64")
    message = str(caught.value)
    assert "unknown option 'void_fracton', did you mean 'void_fraction'" in message
    assert "active_fraction: got 2; allowed: 0.02 to 0.85" in message
    assert "d50: got '5'; give a number and a unit" in message
    assert "shape: got ['64', '64']; give one or three whole numbers" in message


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("shpere", {}, "got 'shpere'; phantoms: .*did you mean 'sphere'"),
        ("sphere", {"seed": -1}, "seed: got -1"),
        ("sphere", {"radius": "10 um"}, "does not lie inside a box"),
        ("sphere", {"radius": "50 nm", "shape": 16}, "smaller than a voxel"),
        ("sphere", {"inside": "a|b"}, "inside: phase name"),
        ("sphere", {"inside": "LPSCl"}, "both are 'LPSCl'"),
        ("laminate", {"layers": "4,4,4"}, "got 3 for 2 phases"),
        ("laminate", {"layers": 16}, "hold only part of the layers"),
        ("laminate", {"axis": "w"}, "axis: got 'w'; allowed: x, y, z"),
        ("simple_cubic", {"fraction": 0.6}, "fraction: got 0.6"),
        ("simple_cubic", {"shape": (16, 16, 17)}, "equal edges"),
        ("simple_cubic", {"cells": 2}, "an octant holds an eighth of one cell"),
        ("gyroid", {"shape": (16, 16, 17)}, "equal edges"),
        ("composite_cathode", {"active_fraction": 0.8, "void_fraction": 0.3}, "at most 0.98"),
        ("composite_cathode", {"d50": "40 um", "shape": 32}, "d50: .*enlarge shape"),
        ("cracked_pellet", {"foil": "60 um"}, "foil: two foils"),
        ("cracked_pellet", {"void": "Li"}, "three names"),
        ("cell_stack", {"separator": "60 um"}, "for the cathode"),
        ("cell_stack", {"collector": "0.1 um"}, "less than half a voxel"),
    ],
)
def test_bad_options(name, options, message):
    with pytest.raises(InputError, match=message):
        make_phantom(name, **options)


# -- sphere ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [20, 40, 80, 160])
def test_sphere_volume_converges_to_the_exact_one(n):
    p = make_phantom("sphere", shape=n, voxel_size=10e-6 / n, radius=3.5e-6)
    r = 0.35 * n
    # centres near the surface fall in or out like coins, eight at a time by symmetry: three standard deviations
    expected = 3 * np.sqrt(8 * 4 * np.pi * r**2) / (4 / 3 * np.pi * r**3)
    assert p.volume.volume_fractions()["NMC"] == pytest.approx(p.exact["fraction_NMC"], rel=expected)
    assert p.exact["volume_NMC_m3"] == pytest.approx(4 / 3 * np.pi * 3.5e-6**3, rel=1e-14)
    assert p.exact["area_LPSCl|NMC_m2"] == pytest.approx(4 * np.pi * 3.5e-6**2, rel=1e-14)


def test_sphere_with_anisotropic_voxels():
    p = make_phantom("sphere", shape=(40, 20, 80), voxel_size="0.25,0.5,0.125 um", radius="3.5 um")
    assert p.volume.volume_fractions()["NMC"] == pytest.approx(p.exact["fraction_NMC"], rel=5e-3)
    assert np.array_equal(p.volume.labels, p.volume.labels[::-1, ::-1, ::-1])


# -- laminate --------------------------------------------------------------------------------------------------------


def test_laminate_of_two_phases():
    p = make_phantom("laminate", shape=(4, 6, 20), axis="z", layers=10, voxel_size="1,2,3 um")
    assert np.unique(p.volume.labels[0, 0]).tolist() == [0, 1]
    assert (np.ptp(p.volume.labels, axis=(0, 1)) == 0).all()
    kx, ky, kz = p.conductivity({"NMC": 1.0, "LPSCl": 10.0})
    assert kz == pytest.approx(1.8181818181818181, rel=1e-15)
    assert (kx, ky) == (5.5, 5.5)
    assert p.conductivity({"LPSCl": 1.0}) == (0.5, 0.5, 0.0)
    assert p.exact["area_LPSCl|NMC_m2"] == pytest.approx(4e-6 * 12e-6, rel=1e-14)
    assert p.exact["volume_NMC_m3"] == pytest.approx(0.5 * np.prod(p.volume.size), rel=1e-14)


def test_laminate_of_three_phases_repeats_its_pattern():
    p = make_phantom("laminate", shape=(12, 2, 2), axis="x", phases="A,B,C", layers="1,2,3", voxel_size="1 um")
    assert "".join(p.volume.phases[v] for v in p.volume.labels[:, 0, 0]) == "ABBCCCABBCCC"
    assert p.exact["fraction_C"] == 0.5
    assert p.exact["area_A|B_m2"] == pytest.approx(2 * 4e-12, rel=1e-14)
    assert p.exact["area_A|C_m2"] == pytest.approx(1 * 4e-12, rel=1e-14)
    assert p.conductivity({"A": 1, "B": 2, "C": 3})[0] == pytest.approx(1 / (1 / 6 + 1 / 6 + 1 / 6), rel=1e-14)


# -- simple cubic ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phi", [0.2, 0.4])
def test_simple_cubic_octant_and_cell_are_the_same_material(phi):
    octant = make_phantom("simple_cubic", shape=48, fraction=phi)
    cell = make_phantom("simple_cubic", shape=96, fraction=phi, part="cell")
    array = make_phantom("simple_cubic", shape=96, fraction=phi, part="cell", cells=2)
    assert np.array_equal(cell.volume.labels[48:, 48:, 48:], octant.volume.labels)
    assert np.array_equal(cell.volume.labels, cell.volume.labels[::-1, ::-1, ::-1])
    for p, tolerance in ((octant, 2e-3), (cell, 2e-3), (array, 1e-2)):  # 96^3 and 48^3 voxels a cell
        assert p.volume.volume_fractions()["NMC"] == pytest.approx(phi, rel=tolerance)
        r, edge = p.exact["radius_m"], p.exact["cell_edge_m"]
        assert 4 / 3 * np.pi * (r / edge) ** 3 == pytest.approx(phi, rel=1e-14)
    assert cell.exact["area_LPSCl|NMC_m2"] == pytest.approx(8 * octant.exact["area_LPSCl|NMC_m2"], rel=1e-14)
    assert array.exact["area_LPSCl|NMC_m2"] == pytest.approx(8 * 4 * np.pi * array.exact["radius_m"] ** 2, rel=1e-14)


def test_simple_cubic_table():
    p = make_phantom("simple_cubic", fraction=0.2)
    assert p.conductivity({"LPSCl": 2.0}) == (2 * 0.726703,) * 3
    assert p.conductivity({"LPSCl": 0.1, "NMC": 1.0})[0] == pytest.approx(0.1531724, rel=1e-14)
    assert p.conductivity({"NMC": 1.0}) == (0.0, 0.0, 0.0)
    assert p.exact["relative_conductivity_at_ratio_0.1"] == 0.762798
    with pytest.raises(InputError, match="the ratio 3 is not in the table"):
        p.conductivity({"LPSCl": 1.0, "NMC": 3.0})
    odd = make_phantom("simple_cubic", fraction=0.23)
    with pytest.raises(InputError, match="fraction: got 0.23; the table holds"):
        odd.conductivity({"LPSCl": 1.0})


def test_simple_cubic_table_obeys_hashin_shtrikman():
    for phi, row in SIMPLE_CUBIC_TABLE.items():
        for ratio, value in row.items():
            if np.isinf(ratio):
                continue
            beta = (ratio - 1) / (ratio + 2)
            coated = (1 + 2 * beta * phi) / (1 - beta * phi)
            other = ratio * (1 + 2 * -(ratio - 1) / (1 + 2 * ratio) * (1 - phi)) / (
                1 + (ratio - 1) / (1 + 2 * ratio) * (1 - phi)
            )  # fmt: skip
            low, high = sorted((coated, other))
            # the matrix-type bound is nearly attained at small fractions; the table has six digits
            assert low - 1e-5 <= value <= high + 1e-5


# -- gyroid ----------------------------------------------------------------------------------------------------------


def test_gyroid_numbers():
    # symmetry; and the area of the nodal gyroid lies just above the minimal surface's 3.0915
    assert gyroid_fraction(0.0) == pytest.approx(0.5, abs=1e-12)
    assert gyroid_fraction(0.7) + gyroid_fraction(-0.7) == pytest.approx(1.0, abs=1e-9)
    assert gyroid_area(0.7) == pytest.approx(gyroid_area(-0.7), rel=1e-6)
    assert 3.0915 <= gyroid_area(0.0) <= 3.0918


@pytest.mark.parametrize("fraction", [0.5, 0.3])
def test_gyroid_against_marching_cubes(fraction):
    measure = pytest.importorskip("skimage.measure")
    p = make_phantom("gyroid", shape=64, fraction=fraction, voxel_size="1 um")
    # voxels near the surface (area 3 in 64^2 faces) fall in or out like coins, 24 at a time by symmetry: 3 deviations
    assert p.volume.volume_fractions()["NMC"] == pytest.approx(fraction, abs=3 * np.sqrt(24 * 3 * 64**2) / 64**3)
    x, y, z = 2 * np.pi * qmc.Sobol(3, seed=0).random_base2(18).T
    inside = np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x) < p.exact["level"]
    assert inside.mean() == pytest.approx(fraction, abs=2e-4)  # a quarter of a million well-spread points
    g = np.linspace(0, 2 * np.pi, 97)
    x, y, z = np.meshgrid(g, g, g, indexing="ij")
    field = np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)
    points, triangles, _, _ = measure.marching_cubes(field, p.exact["level"], spacing=(64e-6 / 96,) * 3)
    # chords of a surface with radii of a fifth of the period, 96 cells: 1e-3
    area = measure.mesh_surface_area(points, triangles)
    assert p.exact["area_LPSCl|NMC_m2"] == pytest.approx(area, rel=1e-3)
    for axis in "xyz":
        assert share_percolating(p.volume, "NMC", axis) > 0.99


def test_gyroid_periods():
    one, two = make_phantom("gyroid", shape=24), make_phantom("gyroid", shape=48, periods=2)
    assert np.array_equal(np.tile(one.volume.labels, (2, 2, 2)), two.volume.labels)
    assert two.exact["area_LPSCl|NMC_m2"] == pytest.approx(8 * one.exact["area_LPSCl|NMC_m2"], rel=1e-12)


# -- fields and packings ---------------------------------------------------------------------------------------------


def test_smooth_noise_is_normal_and_periodic():
    field = smooth_noise(np.random.default_rng(0), (32, 32, 32), correlation=(2, 2, 2))
    assert field.std() == pytest.approx(1, abs=1e-5)  # float32
    assert field.mean() == pytest.approx(0, abs=1e-5)
    seam = np.abs(field[0] - field[-1]).mean()
    inside = np.abs(np.diff(field, axis=0)).mean()
    assert seam < 1.5 * inside


@pytest.mark.parametrize("correlation", [(3.0, 2.0, 5.0), (20.0, 9.0, 30.0), (0.5, 1.0, 1.0)])
def test_noise_of_large_volumes_is_the_same_to_rounding(correlation, monkeypatch):
    """Transforms and sums with one kernel, wider than the volume or not; 1e-5: single precision."""
    small = smooth_noise(np.random.default_rng(3), (40, 30, 21), correlation=correlation)
    monkeypatch.setattr(fields, "LARGE", 0)
    large = smooth_noise(np.random.default_rng(3), (40, 30, 21), correlation=correlation)
    assert large.dtype == np.float32
    np.testing.assert_allclose(large, small, atol=1e-5)


def test_cell_walls_equal_the_two_nearest_seeds():
    rng = np.random.default_rng(1)
    walls = cell_walls(np.random.default_rng(1), (12, 10, 14), cells=(3, 3, 4), size=(3.0, 3.0, 4.0))
    jitter = rng.random((3, 3, 4, 3))
    seeds = (np.stack(np.meshgrid(range(3), range(3), range(4), indexing="ij"), -1) + jitter).reshape(-1, 3)
    images = np.concatenate([seeds + np.array(s) for s in np.ndindex(3, 3, 3) for s in [np.subtract(s, 1) * (3, 3, 4)]])
    centres = (np.indices((12, 10, 14)).reshape(3, -1).T + 0.5) * (3 / 12, 3 / 10, 4 / 14)
    d = np.sort(np.linalg.norm(centres[:, None] - images[None], axis=2), axis=1)
    # a seed more than one cell away can only be nearest in the rarest of corners
    agree = np.isclose(walls.reshape(-1), (d[:, 1] - d[:, 0]) / 2, atol=1e-5)
    assert agree.mean() > 0.99


def test_diameters_follow_the_distribution():
    d = log_normal_diameters(np.random.default_rng(0), total_volume=2e5, d50=2.0, sigma=0.3)
    assert np.pi / 6 * (d**3).sum() == pytest.approx(2e5, rel=1e-12)
    share = np.cumsum(d[::-1] ** 3) / (d**3).sum()
    # quantiles of the volume-weighted log-normal; 1 % for the finite number of particles
    for quantile, score in ((0.1587, -1), (0.5, 0), (0.8413, 1)):
        assert d[::-1][np.searchsorted(share, quantile)] == pytest.approx(2.0 * np.exp(0.3 * score), rel=0.01)
    equal = log_normal_diameters(np.random.default_rng(0), total_volume=100.0, d50=1.0, sigma=0.0)
    assert np.ptp(equal) == 0


@pytest.mark.parametrize("solid", [0.3, 0.55])
def test_packing_has_hardly_any_overlap(solid):
    rng = np.random.default_rng(2)
    radii = log_normal_diameters(rng, total_volume=solid * 1000, d50=1.5, sigma=0.25) / 2
    packing = pack_spheres(rng, radii, (10.0, 10.0, 10.0))
    assert packing.solid_fraction == pytest.approx(solid, rel=1e-12)
    delta = packing.centres[:, None] - packing.centres[None]
    delta -= 10 * np.round(delta / 10)
    touch = radii[:, None] + radii[None]
    overlap = (touch - np.linalg.norm(delta, axis=2)) / np.minimum(radii[:, None], radii[None])
    np.fill_diagonal(overlap, -1)
    assert overlap.max() < 0.02
    assert (packing.centres >= 0).all()
    assert (packing.centres < 10).all()


def test_surface_distance_is_the_distance():
    rng = np.random.default_rng(3)
    packing = pack_spheres(rng, np.array([2.0, 1.5, 1.0, 0.7]), (6.0, 5.0, 7.0))
    near, second = surface_distance(packing, (18, 15, 21), reach=1.5)
    centres = (np.indices((18, 15, 21)).reshape(3, -1).T + 0.5) / 3
    delta = centres[:, None] - packing.centres[None]
    delta -= packing.size * np.round(delta / packing.size)
    d = np.sort(np.linalg.norm(delta, axis=2) - packing.radii, axis=1)
    np.testing.assert_allclose(near.reshape(-1), np.minimum(d[:, 0], 1.5), atol=1e-5)
    exact = d[:, 1] < 1.5
    np.testing.assert_allclose(second.reshape(-1)[exact], d[exact, 1], atol=1e-5)


# -- composite cathode -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cathode():
    return make_phantom("composite_cathode", shape=80, seed=1)


def test_cathode_fractions_are_met(cathode):
    shares = cathode.volume.volume_fractions()
    assert shares["NMC"] == pytest.approx(0.55, abs=1e-3)
    assert shares["void"] == pytest.approx(0.08, abs=1e-3)
    assert cathode.exact["d50_m"] == pytest.approx(5e-6, rel=0.05)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_cathode_conducts_electrons_and_ions(cathode, axis):
    assert share_percolating(cathode.volume, "NMC", axis) > 0.95
    assert share_percolating(cathode.volume, "LPSCl", axis) > 0.95


def test_cathode_particles_are_round_and_have_the_size_asked_for(cathode):
    # the largest inscribed ball of the largest particle; a network of bumps would be much thinner
    inside = np.pad(cathode.volume.labels == 1, 1, mode="wrap")
    depth = ndimage.distance_transform_edt(inside) * 0.25e-6
    assert 2.5e-6 < depth.max() < 6e-6


def test_cathode_without_voids_and_with_other_names():
    p = make_phantom(
        "composite_cathode", shape=40, void_fraction=0, active="LCO", electrolyte="LPS", sigma=0, d50="4 um"
    )
    assert set(p.volume.phase_names) == {"LCO", "LPS"}


def test_cathode_is_periodic(cathode):
    labels = cathode.volume.labels
    seam = (labels[0] != labels[-1]).mean()
    inside = (labels[1:] != labels[:-1]).mean()
    assert seam < 1.5 * inside


# -- cracked pellet --------------------------------------------------------------------------------------------------


def test_cracks_are_thin_and_tight():
    p = make_phantom("cracked_pellet", seed=2, shape=64)
    found = connected_components(p.volume)
    assert 1 <= found.counts()["void"] <= 4  # cracks may cross; none is torn
    assert found.counts()["Li"] == 2  # the two foils
    void = p.volume.labels == p.volume.label_of("void")
    # half the largest opening, in voxels of 1 um: cracks of 2 um crossing or bending stay thinner than four times that
    assert ndimage.distance_transform_edt(void).max() < 4
    assert p.exact["crack_volume_m3"] == pytest.approx(void.sum() * 1e-18, rel=1e-12)


def test_one_voxel_cracks_hold_together():
    p = make_phantom("cracked_pellet", seed=5, shape=64, cracks=1, width="0.01 um", waviness="4 um")
    assert connected_components(p.volume).counts()["void"] == 1


def test_filled_cracks():
    p = make_phantom("cracked_pellet", seed=2, shape=64, filled=0.4)
    assert p.exact["crack_volume_filled_m3"] / p.exact["crack_volume_m3"] == pytest.approx(0.4, abs=1e-3)
    empty = make_phantom("cracked_pellet", seed=2, shape=64)
    cracks = empty.volume.labels == empty.volume.label_of("void")
    changed = p.volume.labels != empty.volume.labels
    assert cracks[changed].all()
    full = make_phantom("cracked_pellet", seed=2, shape=64, filled=1)
    assert set(full.volume.phase_names) == {"LPS", "Li"}
    whole = make_phantom("cracked_pellet", shape=32, cracks=0, foil="4 um")
    assert whole.exact["fraction_LPS"] == 0.75


# -- cell stack ------------------------------------------------------------------------------------------------------


def test_cell_stack_layers():
    p = make_phantom("cell_stack", roughness=0, contact_loss=0.25, shape=(48, 48, 120))
    labels, h = p.volume.labels, p.volume.spacing[2]
    of = {name: label for label, name in p.volume.phases.items()}
    assert (labels[:, :, :5] == of["Al"]).all()
    assert (labels[:, :, -5:] == of["Cu"]).all()
    bottom = 5 + round(p.exact["cathode_thickness_m"] / h)
    top = bottom + round(p.exact["separator_thickness_m"] / h)
    assert (labels[:, :, bottom:top] == of["LPSCl"]).all()
    first = labels[:, :, top]
    assert (first == of["void"]).mean() == pytest.approx(0.25, abs=1 / 48**2)
    assert p.exact["contact_fraction_LPSCl|Li"] == pytest.approx((first == of["Li"]).mean(), abs=1e-12)
    above = labels[:, :, top:-5]
    assert set(np.unique(above)) == {of["void"], of["Li"]}
    # voids open towards the separator: from it upwards a column is void, then lithium
    assert (np.diff((above == of["void"]).astype(int), axis=2) <= 0).all()
    thickness = sum(p.exact[f"{n}_thickness_m"] for n in ("cathode", "separator", "lithium", "collector", "collector"))
    assert thickness == pytest.approx(p.volume.size[2], rel=1e-12)


def test_cell_stack_without_collectors_and_voids():
    p = make_phantom("cell_stack", shape=(24, 24, 110), collector=0, contact_loss=0, void_fraction=0)
    assert set(p.volume.phase_names) == {"NMC", "LPSCl", "Li"}
    assert p.exact["contact_fraction_LPSCl|Li"] == 1
    assert share_percolating(p.volume, "LPSCl", "z") == 0
