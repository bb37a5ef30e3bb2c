"""Particles, local thickness, cracks, chords: against shapes of known size and against other libraries."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_shapes import CUBIC, FLAT, PEERS, SKEW, blobs, grid, labelled
from scipy import ndimage

from ssb2mesh import LabelledVolume, mesh_volume
from ssb2mesh.errors import InputError
from ssb2mesh.measure import (
    chord_lengths,
    cracks_on_slice,
    interface_areas,
    label_particles,
    measure_cracks,
    two_point,
)
from ssb2mesh.measure.distance import nearest_outside
from ssb2mesh.measure.particles import size_percentiles
from ssb2mesh.mesher import LatticeOptions
from ssb2mesh.phantoms import make_phantom

# -- distance ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 2.0, 0.7)])
def test_distance_is_exact(spacing):
    mask = blobs()
    distance, nearest = nearest_outside(mask, spacing, places=True)
    assert np.allclose(distance, ndimage.distance_transform_edt(mask, sampling=spacing), rtol=1e-6)
    away = np.stack(np.unravel_index(nearest, mask.shape)) - np.indices(mask.shape)
    length = np.sqrt(np.einsum("aijk,a->ijk", away.astype(float) ** 2, np.square(spacing)))
    assert np.allclose(length, distance, rtol=1e-6)
    assert not mask.reshape(-1)[nearest].any()
    with pytest.raises(InputError, match="fills the whole volume"):
        nearest_outside(np.ones((2, 2, 2), bool), spacing)


# -- particles --------------------------------------------------------------------------------------------------------


def _spheres(seed=3, count=25, edge=96, low=5.0, high=9.0):
    """Spheres that keep two voxels apart from each other and the box."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        r = rng.uniform(low, high)
        c = rng.uniform(r + 2, edge - r - 2, 3)
        if all(np.linalg.norm(c - d) > r + s + 2 for d, s in found):
            found.append((c, r))
    mask = np.zeros((edge,) * 3, bool)
    place = np.indices(mask.shape).transpose(1, 2, 3, 0) + 0.5
    for c, r in found:
        mask |= ((place - c) ** 2).sum(axis=-1) < r * r
    return mask, found


def test_separate_spheres_are_counted_and_sized():
    mask, made = _spheres()
    found = label_particles(labelled(mask), "x")
    assert len(found) == len(made)
    assert found.whole.all()
    exact = 2e-6 * np.array([r for _, r in made])
    # the limits: count exact, mean diameter within 2 %
    assert found.summary()["mean diameter"] == pytest.approx(exact.mean(), rel=0.02)
    order = np.lexsort(np.array([c for c, _ in made]).T)
    mine = np.lexsort(found.centres.T)
    assert np.allclose(found.centres[mine], 1e-6 * np.array([made[i][0] for i in order]), atol=0.3e-6)
    assert np.allclose(found.diameters[mine], exact[order], rtol=0.02)
    areas = found.areas["LPS"][mine]
    assert np.allclose(areas, np.pi * exact[order] ** 2, rtol=0.03)  # single small spheres; all together below
    assert areas.sum() == pytest.approx(np.pi * (exact**2).sum(), rel=0.01)
    assert np.allclose(found.contact_fractions("LPS"), 1)
    with pytest.raises(InputError, match="phase: no phase 'void' beside 'x'; phases: LPS"):
        found.contact_fractions("void")


def test_separate_spheres_on_voxels_that_are_no_cubes():
    _, made = _spheres()
    x, y, z = np.meshgrid(np.arange(96) + 0.5, np.arange(96) + 0.5, 2 * np.arange(48) + 1.0, indexing="ij", sparse=True)
    mask = np.zeros((96, 96, 48), bool)
    for (a, b, c), r in made:
        mask |= (x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < r * r
    found = label_particles(labelled(mask, FLAT), "x")
    assert len(found) == len(made)
    exact = 1e-6 * np.array([r for _, r in made])
    assert found.summary()["mean diameter"] == pytest.approx(2 * exact.mean(), rel=0.02)
    assert found.areas["LPS"].sum() == pytest.approx(4 * np.pi * (exact**2).sum(), rel=0.01)


@pytest.mark.parametrize(("apart", "count"), [(17.0, 2), (10.0, 1)])
@pytest.mark.parametrize("spacing", [CUBIC, FLAT])
def test_touching_spheres_are_cut_at_a_neck(apart, count, spacing):
    # necks of radius 5.3 and 8.7 at spheres of radius 10: 0.53 and 0.87 of them, on both sides of 0.8
    shape = np.round(np.array([48, 30, 30]) * 1e-6 / spacing).astype(int)
    x, y, z = (g * 1e6 for g in grid(shape, spacing))
    mask = np.minimum((x - apart / 2) ** 2, (x + apart / 2) ** 2) + y * y + z * z < 100
    found = label_particles(labelled(mask, spacing), "x")
    assert len(found) == count
    assert np.ptp(found.volumes) <= 0.01 * found.volumes.sum()
    assert len(label_particles(labelled(mask, spacing), "x", neck=0.0)) == 1


def test_watershed_agrees_with_another_one():
    segmentation = pytest.importorskip("skimage.segmentation")
    morphology = pytest.importorskip("skimage.morphology")
    phantom = make_phantom("composite_cathode", shape=(64, 64, 64), seed=4)
    mask = phantom.volume.labels == 1
    found = label_particles(phantom.volume, "NMC", neck=1.0)
    distance = ndimage.distance_transform_edt(mask)
    peaks = ndimage.label(morphology.h_maxima(distance, 1.0))[0]
    other = segmentation.watershed(-distance, peaks, mask=mask)
    # theirs drops parts lower than a peak of one voxel, and cuts at one voxel exactly: counts of particles of some size
    mine = int((np.bincount(found.ids[found.ids >= 0]) > 60).sum())
    theirs = int((np.bincount(other[other > 0]) > 60).sum())
    assert mine == pytest.approx(theirs, abs=max(2, 0.05 * theirs))


def test_particles_say_what_is_wrong():
    volume = labelled(blobs((12, 12, 12)))
    with pytest.raises(InputError, match="phase: no phase 'y'"):
        label_particles(volume, "y")
    with pytest.raises(InputError, match="neck: got 1.5; give a share from 0 to 1"):
        label_particles(volume, "x", neck=1.5)
    with pytest.raises(InputError, match="depth: got -1"):
        label_particles(volume, "x", depth=-1)


def test_percentiles_by_weight():
    sizes, weights = np.array([3.0, 1.0, 2.0]), np.array([2.0, 1.0, 1.0])
    assert size_percentiles(sizes, weights, (0.125, 0.375, 0.75)) == pytest.approx([1, 2, 3])


# -- cracks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normal", [(0, 0, 1), (1, 2, 3), (0, 0.1, 1), (0.3, 0.4, 1), (1, 0, 0.03), (1, 1, 1)])
@pytest.mark.parametrize(("width", "spacing"), [(1.0, CUBIC), (2.7, CUBIC), (5.0, CUBIC), (1.4, SKEW), (2.7, SKEW)])
def test_width_of_a_plane_crack(normal, width, spacing):
    n = np.asarray(normal, float) / np.linalg.norm(normal)
    shape = np.round(36e-6 / np.asarray(spacing)).astype(int)
    x, y, z = grid(shape, spacing)
    middle, w = 0.21e-6, width * 1e-6
    mask = np.abs(n[0] * x + n[1] * y + n[2] * z - middle) < 0.5 * w
    found = measure_cracks(labelled(mask, spacing), "x")
    # what the voxels hold: volume over the area of the plane in the box; along an axis that is whole voxels
    area = interface_areas(labelled(n[0] * x + n[1] * y + n[2] * z < middle, spacing)).area("LPS|x")
    held = found.volume / area
    mean = found.summary()["mean width"]
    assert mean == pytest.approx(held, abs=0.3 * min(spacing))
    if normal in ((1, 2, 3), (0.3, 0.4, 1), (0, 0.1, 1)):
        assert mean == pytest.approx(w, abs=0.3 * min(spacing))
    values, vectors = found.orientation()
    assert abs(vectors[0] @ n) > np.cos(np.radians(3))
    assert values[0] > 0.95
    assert found.area == pytest.approx(area, rel=0.08)  # rims of slanted sheets at the box
    assert found.pieces == 1


def test_cracks_of_two_widths_and_their_directions():
    mask = np.zeros((40, 40, 40), bool)
    mask[:, :, 5:7] = True
    mask[:, 12:17, 10:] = True
    found = measure_cracks(labelled(mask), "x")
    assert found.volume == pytest.approx(mask.sum() * 1e-18)
    assert found.pieces == 2
    edges, shares = found.histogram(1e-6)
    assert edges[2] == 2e-6
    # 40 x 40 of width 2; 40 x 30 of width 5
    assert shares[1:3].sum() == pytest.approx(4 / 7, abs=0.03)
    assert shares[4:6].sum() == pytest.approx(3 / 7, abs=0.03)
    assert found.inclination("z")[1][0] == pytest.approx(4 / 7, abs=0.03)
    assert found.inclination("y")[1][0] == pytest.approx(3 / 7, abs=0.03)
    assert found.summary()["most frequent width"] == pytest.approx(2e-6, abs=0.1e-6)


def test_crack_that_spans_the_volume_has_no_width():
    found = measure_cracks(LabelledVolume(np.ones((6, 6, 6), np.uint8), CUBIC, phases={1: "x"}), "x")
    assert "mean width" not in found.summary()
    assert found.rows()


def test_cracks_on_a_slice():
    mask = np.zeros((20, 10, 4), bool)
    mask[5], mask[:, 4] = True, True
    found = cracks_on_slice(labelled(mask, FLAT), "x", axis="z", position="3 um")
    assert found.fraction == (10 + 20 - 1) / 200
    assert found.islands.tolist() == pytest.approx([14 * 5e-12, 14 * 4e-12, 5 * 5e-12, 5 * 4e-12])
    assert found.position == pytest.approx(3e-6)
    with pytest.raises(InputError, match="position: got '1 mm'; the volume reaches from 0 to 8 um along z"):
        cracks_on_slice(labelled(mask, FLAT), "x", axis="z", position="1 mm")


# -- chords and two-point correlation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_chords_are_runs(axis):
    mask = blobs((17, 13, 15), seed=2, sigma=0.8)
    found = chord_lengths(labelled(mask, SKEW), "x", axis=axis)
    number = "xyz".index(axis)
    counts = np.zeros(40, int)
    for line in np.moveaxis(mask, number, -1).reshape(-1, mask.shape[number]):
        text = "".join("1" if v else "0" for v in line)
        for run in text.strip("1").split("0") if "0" in text else []:
            counts[len(run)] += bool(run)
    assert found.counts.tolist() == counts[1 : len(found.counts) + 1].tolist()
    assert not counts[len(found.counts) + 1 :].any()
    assert found.lengths[0] == SKEW[number]


def test_two_point_correlation_of_independent_voxels():
    mask = np.random.default_rng(1).random((40, 40, 40)) < 0.4
    found = two_point(labelled(mask), "x", axis="y", longest=5)
    direct = [(mask & mask).mean()] + [(mask[:, d:] & mask[:, :-d]).mean() for d in range(1, 6)]
    assert np.allclose(found.chances, direct, rtol=1e-12)
    assert found.chances[1:] == pytest.approx(0.16, abs=0.006)  # three deviations of 64000 pairs
    with pytest.raises(InputError, match="longest: got 40; give 0 to 39 voxels"):
        two_point(labelled(mask), "x", axis="y", longest=40)


def test_chords_and_two_point_against_porespy():
    porespy = pytest.importorskip("porespy", reason=PEERS.format("porespy"))
    mask = blobs((60, 60, 60), seed=1, sigma=2.0)
    lines = porespy.filters.apply_chords(mask, spacing=1, axis=0, trim_edges=True)
    sizes = np.bincount(ndimage.label(lines, structure=_line())[0].ravel())[1:]
    mine = chord_lengths(labelled(mask), "x", axis="x")
    # theirs leaves every other line out, so that chords do not touch: the mean of a quarter of the chords
    assert mine.mean == pytest.approx(sizes.mean() * 1e-6, rel=0.05)
    chance = two_point(labelled(mask), "x", axis="x", longest=10)
    theirs = porespy.metrics.two_point_correlation(mask)
    mine = np.interp(theirs.distance[1:10], chance.distances / 1e-6, chance.chances / chance.chances[0])
    # theirs is the mean over all directions, in bins, over the volume fraction
    assert np.allclose(mine, theirs.probability[1:10], atol=0.04)


def _line():
    structure = np.zeros((3, 3, 3), bool)
    structure[:, 1, 1] = True
    return structure


def test_areas_against_taufactor():
    metrics = pytest.importorskip("taufactor.metrics", reason=PEERS.format("taufactor"))
    mask = blobs((40, 40, 40), seed=1, sigma=2.5).astype(np.uint8)
    found = interface_areas(labelled(mask))
    theirs = metrics.specific_surface_area(mask, method="face_counting", device="cpu")["1"]
    assert found.faces[0, 1] / found.box_volume * 1e-6 == pytest.approx(theirs, rel=1e-5)  # the same faces
    smooth = metrics.specific_surface_area(mask, method="marching_cubes", device="cpu")["1"]
    # theirs is that of smoothed voxels, and covers the box between the outermost voxel centres only
    assert found.specific_surface("x") * 1e-6 == pytest.approx(smooth * (40 / 39) ** 3, rel=0.03)


def test_area_of_a_random_surface_is_that_of_the_field_that_it_cuts():
    """Marching cubes on the continuous field, not on the labels; both surfaces lose what is finer than their grid."""
    marching = pytest.importorskip("skimage.measure", reason="scikit-image is not installed: pip install scikit-image")

    def between_points(values):
        points, triangles, *_ = marching.marching_cubes(values, 0.0)
        return marching.mesh_surface_area(points, triangles)

    n = 72
    noise = np.random.default_rng(3).standard_normal((n + 2, n + 2, n + 2))
    field = ndimage.gaussian_filter(noise, 5.0)
    inner = np.ascontiguousarray(field[1:-1, 1:-1, 1:-1])
    # the outermost points of the two lie half a voxel inside the box and outside it
    exact = 0.5 * (between_points(inner) + between_points(field)) / (1 + 3 / n**2)
    found = interface_areas(labelled(inner > 0)).area("LPS|x") * 1e12
    # the limit
    assert found == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("seed", [3, 4])
def test_tortuosity_between_the_bounds_of_taufactor(seed):
    """Two-point fluxes never conduct better than their staircase, tets on it never worse (docs/solvers.md)."""
    taufactor = pytest.importorskip("taufactor", reason=PEERS.format("taufactor"))
    from solvers import dolfinx_api, effective_conductivity, load_domain

    if not dolfinx_api.available():
        pytest.skip("DOLFINx is not installed: " + dolfinx_api.INSTALL)
    mask = blobs((24, 24, 24), seed=seed, sigma=2.5)

    def theirs(labels):
        solver = taufactor.Solver(labels.astype(np.uint8), device="cpu")
        solver.solve(verbose=False, conv_crit=1e-4)
        return float(np.ravel(solver.tau)[0])

    mesh = mesh_volume(labelled(mask), drop=("LPS",), options=LatticeOptions(smoothing=0))
    mine = effective_conductivity(load_domain(mesh), conductivity={"x": 1.0}, axes=["x"]).tortuosity["x"]
    once, twice = theirs(mask), theirs(mask.repeat(2, 0).repeat(2, 1).repeat(2, 2))
    assert mine < twice < once
    # their error falls with about the voxel size: what it tends to, within a share of what halving changed
    assert mine == pytest.approx(2 * twice - once, rel=0.03)
