"""A mesh against voxels: answers known in closed form, by meshing one volume exactly and comparing with another."""

from __future__ import annotations

import dataclasses

import numba
import numpy as np
import pytest
from helpers_mesh import box_mesh, box_volume
from hypothesis import given, settings
from hypothesis import strategies as st

from ssb2mesh import InputError, LabelledVolume, check_mesh, mesh_volume
from ssb2mesh.fidelity import compare_with_voxels
from ssb2mesh.fidelity.cells import compare_cells
from ssb2mesh.fidelity.nearest import Surface
from ssb2mesh.fidelity.sampling import surface_distances
from ssb2mesh.mesher import LatticeOptions
from ssb2mesh.phantoms import make_phantom
from ssb2mesh.thin import thin_losses

NAMES = {0: "A", 1: "B", 2: "C"}
# what adding and scaling coordinates of a few voxels may cost
ROUND = 1e-9


def pair(meshed, voxels, size=None):
    """An exact mesh of some labels beside the volume of others."""
    size = size or [float(n) for n in voxels.shape]
    mesh = box_mesh(meshed.shape, meshed, size=size, names=NAMES)
    return mesh, box_volume(voxels, size=size, names=NAMES)


def compare(meshed, voxels, size=None):
    return compare_with_voxels(*pair(meshed, voxels, size))


def labels(*shape):
    return np.zeros(shape, np.uint8)


def kinds(found, phase):
    one = found.phases[phase]
    return one.lost, one.gained, one.merged, one.split


# -- components ------------------------------------------------------------------------------------------------------


def test_the_same_labels_match_one_to_one():
    image = np.random.default_rng(3).integers(0, 3, (5, 6, 7)).astype(np.uint8)
    found = compare(image, image, (5.0, 9.0, 3.5))
    assert not found.features
    assert not found.contacts
    for row in found.phases.values():
        assert row.voxel_components == row.mesh_components
        assert (row.lost, row.gained, row.merged, row.split) == (0, 0, 0, 0)
        assert row.relative_error == pytest.approx(0, abs=ROUND)


@pytest.mark.parametrize("turned", [False, True])
def test_a_speck_is_lost_or_gained(turned):
    without, with_speck = labels(5, 5, 5), labels(5, 5, 5)
    without[0] = with_speck[0] = 1
    with_speck[3, 2, 1] = 1
    found = compare(with_speck, without) if turned else compare(without, with_speck)
    (feature,) = found.features
    assert feature.kind == ("gained" if turned else "lost")
    assert feature.phase == "B"
    assert feature.voxels == pytest.approx(1)
    assert feature.voxel == (3, 2, 1)
    if not turned:
        assert feature.position == pytest.approx((3.5, 2.5, 1.5))
    assert kinds(found, "B") == ((0, 1, 0, 0) if turned else (1, 0, 0, 0))
    assert kinds(found, "A") == (0, 0, 0, 0)


@pytest.mark.parametrize("turned", [False, True])
def test_a_hole_in_a_film_merges_what_the_film_parted(turned):
    film, pierced = labels(7, 5, 5), labels(7, 5, 5)
    film[3] = pierced[3] = 1
    pierced[3, 2, 3] = 0
    found = compare(film, pierced) if turned else compare(pierced, film)
    (feature,) = found.features
    assert feature.kind == ("split" if turned else "merged")
    assert feature.phase == "A"
    assert feature.voxel == (3, 2, 3)
    assert feature.n_pieces == 2
    assert feature.pieces == pytest.approx((75, 75))
    assert feature.voxels == pytest.approx(75)
    assert kinds(found, "A") == ((0, 0, 0, 1) if turned else (0, 0, 1, 0))
    assert kinds(found, "B") == (0, 0, 0, 0)


def test_a_film_that_vanishes_is_a_lost_phase_and_a_merger():
    film = labels(7, 5, 5)
    film[3] = 1
    mesh, volume = pair(labels(7, 5, 5), film)
    found = compare_with_voxels(mesh, volume)
    assert kinds(found, "B") == (1, 0, 0, 0)
    assert kinds(found, "A") == (0, 0, 1, 0)
    assert found.phases["B"].mesh_volume == 0
    assert found.phases["B"].relative_error == -1
    assert [(c.kind, c.interface, c.area) for c in found.contacts] == [("lost", "A|B", 50.0)]
    report = check_mesh(mesh, volume)
    assert not report.ok
    assert any(fault.startswith("B: volume -100.00 %") for fault in report.faults)


def test_a_connection_thicker_than_a_voxel_is_counted_and_placed_in_the_smaller_part():
    wall, pierced = labels(12, 5, 5), labels(12, 5, 5)
    wall[5:8] = pierced[5:8] = 1
    pierced[5:8, 2, 2] = 0
    (feature,) = compare(pierced, wall).features
    assert (feature.kind, feature.n_pieces) == ("merged", 2)
    assert feature.pieces == pytest.approx((125, 100))
    assert feature.voxel[0] >= 8


def test_a_phase_left_out_on_purpose_is_not_lost():
    image = labels(4, 4, 4)
    image[2:] = 1
    size = [4.0] * 3
    mesh = box_mesh(4, image, size=size, names=NAMES, drop=["A"])
    found = compare_with_voxels(mesh, box_volume(image, size=size, names=NAMES))
    assert list(found.phases) == ["B"]
    assert found.interfaces["A|B"].hausdorff_voxels == pytest.approx(0, abs=ROUND)
    assert not found.contacts


def test_volume_errors_of_components():
    small, grown = labels(9, 9, 14), labels(9, 9, 14)
    small[1:5, 1:5, 1:5] = grown[1:5, 1:5, 1:6] = 1
    small[6:9, 6:9, 10:13] = 1  # 27 voxels, too small to count; lost
    row = compare(grown, small).phases["B"]
    assert row.worst_component_error == pytest.approx(0.25)
    assert (row.components_measured, row.components_over_2_percent) == (1, 1)
    assert row.lost == 1


def test_lists_are_capped_but_counts_are_complete():
    empty, specks = labels(21, 21, 3), labels(21, 21, 3)
    specks[1::2, 1::2, 1] = 1
    found = compare(empty, specks)
    assert found.phases["A"].voxel_components == 1
    # the whole phase is gone: each speck is a lost component
    assert found.phases["B"].lost == 100
    specks[0, 0, 0] = 1
    found = compare(empty, specks)
    assert found.phases["B"].lost == 101
    assert len([f for f in found.features if f.phase == "B"]) == 100


def test_voxels_that_meet_at_edges_and_corners_stay_apart_in_a_smoothed_mesh():
    # interfaces reach a little into the neighbours: that must not link them
    image = np.indices((6, 6, 6)).sum(axis=0) % 2
    volume = LabelledVolume(image.astype(np.uint8), (1.0,) * 3)
    found = compare_with_voxels(mesh_volume(volume), volume)
    assert not found.features
    assert found.phases["phase0"].voxel_components == 108


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 4), st.tuples(*[st.integers(1, 6)] * 3), st.floats(0.3, 3))
def test_random_volumes_unsmoothed_are_exact(seed, count, shape, stretch):
    image = np.random.default_rng(seed).integers(0, count, shape).astype(np.uint8)
    volume = LabelledVolume(image, (1e-6, 1e-6 * stretch, 2e-6))
    report = check_mesh(mesh_volume(volume, options=LatticeOptions(smoothing=0)), volume)
    assert not report.features
    assert not report.contacts
    for row in report.fidelity.values():
        assert row.voxel_components == row.mesh_components
        assert row.worst_component_error is None or abs(row.worst_component_error) < ROUND
    for one in report.interface_fidelity.values():
        assert one.hausdorff_voxels == pytest.approx(0, abs=ROUND)
        assert one.mesh_area == pytest.approx(one.voxel_area, rel=1e-9)
        assert one.voxel_pieces == one.mesh_pieces
        assert one.mesh_to_voxel.p999_voxels == pytest.approx(0, abs=ROUND)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 4))
def test_random_volumes_smoothed_match_one_to_one(seed, count):
    image = np.random.default_rng(seed).integers(0, count, (6, 5, 4)).astype(np.uint8)
    volume = LabelledVolume(image, (1e-6, 1e-6, 1e-6))
    assert not check_mesh(mesh_volume(volume), volume).features


# -- distances -------------------------------------------------------------------------------------------------------


def laminate(cut, n=8):
    image = labels(n, n, n)
    image[:, :, cut:] = 1
    return image


@pytest.mark.parametrize(("size", "step", "unit"), [((8.0, 8.0, 8.0), 1.0, 1.0), ((8e-6, 16e-6, 24e-6), 3e-6, 1e-6)])
def test_a_plane_one_voxel_off(size, step, unit):
    one = compare(laminate(4), laminate(5), size).interfaces["A|B"]
    assert one.hausdorff_m == pytest.approx(step)
    assert one.hausdorff_voxels == pytest.approx(step / unit)
    for side in (one.mesh_to_voxel, one.voxel_to_mesh):
        for value in (side.max_voxels, side.mean_voxels, side.rms_voxels, side.p999_voxels):
            # a percentile is right to a bin of 1/1024 voxel
            assert value == pytest.approx(step / unit, abs=2e-3)
    assert one.voxel_area == pytest.approx(size[0] * size[1])
    assert one.mesh_area == pytest.approx(size[0] * size[1])


def moved(mesh, where, shift):
    points = mesh.points.copy()
    points[where] += shift
    return dataclasses.replace(mesh, points=points)


def test_a_plane_shifted_by_part_of_a_voxel():
    mesh, volume = pair(laminate(4), laminate(4))
    found = compare_with_voxels(moved(mesh, mesh.points[:, 2] == 4, (0, 0, 0.3)), volume).interfaces["A|B"]
    for side in (found.mesh_to_voxel, found.voxel_to_mesh):
        assert side.max_voxels == pytest.approx(0.3)
        assert side.mean_voxels == pytest.approx(0.3)
        assert side.rms_voxels == pytest.approx(0.3)


def test_a_bump_is_found_where_it_is():
    mesh, volume = pair(laminate(4), laminate(4))
    peak = np.flatnonzero((mesh.points == (3, 5, 4)).all(axis=1))
    bumped = moved(mesh, peak, (0, 0, 0.4))
    found = compare_with_voxels(bumped, volume).interfaces["A|B"]
    assert found.mesh_to_voxel.max_voxels == pytest.approx(0.4)
    assert found.mesh_to_voxel.position == pytest.approx((3, 5, 4.4))
    assert found.mesh_to_voxel.voxel == (3, 5, 4)
    # from the corner below it to the faces of the pyramid, of slope 0.4 at least: nearer than the peak
    assert 0.2 < found.voxel_to_mesh.max_voxels < 0.4
    # the distance is the height, linear on each of the six triangles around the peak
    around = bumped.facet_set("A|B")
    around = bumped.points[around[(around == peak).any(axis=1)]]
    area = 0.5 * np.linalg.norm(np.cross(around[:, 1] - around[:, 0], around[:, 2] - around[:, 0]), axis=1)
    assert len(around) == 6
    assert found.mesh_to_voxel.mean_voxels == pytest.approx(area.sum() * 0.4 / 3 / found.mesh_area)
    assert found.mesh_to_voxel.rms_voxels == pytest.approx(np.sqrt(area.sum() * 0.16 / 6 / found.mesh_area))


def test_the_two_sides_differ_at_a_pit():
    pitted = laminate(4)
    pitted[3, 3, 3] = 1
    one = compare(laminate(4), pitted).interfaces["A|B"]
    assert one.voxel_to_mesh.max_voxels == pytest.approx(1)  # the bottom
    assert one.mesh_to_voxel.max_voxels == pytest.approx(0.5)  # the middle of the lid, from the walls
    assert one.hausdorff_voxels == pytest.approx(1)
    assert one.voxel_faces == 68


def test_coarse_triangles_are_sampled_at_half_a_voxel():
    # one cube a phase against voxels with a pit of one voxel in the middle of the interface
    coarse = box_mesh((1, 1, 2), np.array([[[0, 1]]]), size=(7.0, 7.0, 14.0), names=NAMES)
    image = labels(7, 7, 14)
    image[:, :, 7:] = 1
    image[3, 3, 6] = 1
    one = compare_with_voxels(coarse, box_volume(image, size=(7.0, 7.0, 14.0), names=NAMES)).interfaces["A|B"]
    assert one.mesh_triangles == 2
    # the largest distance is 0.5, in the middle of the lid; samples lie at most 0.5 apart
    assert 0.25 <= one.mesh_to_voxel.max_voxels <= 0.5 + ROUND


def test_sphere_unsmoothed_is_exact_and_smoothed_within_a_voxel():
    volume = make_phantom("sphere", shape=24, radius="2.4 um").volume
    exact = check_mesh(mesh_volume(volume, options=LatticeOptions(smoothing=0)), volume)
    assert exact.interface_fidelity["LPSCl|NMC"].hausdorff_voxels == pytest.approx(0, abs=ROUND)
    one = check_mesh(mesh_volume(volume), volume).interface_fidelity["LPSCl|NMC"]
    assert 0.1 < one.hausdorff_voxels <= 1
    assert one.mesh_area < 0.75 * one.voxel_area  # 2/3 for a sphere


def test_patches_of_an_interface():
    image = labels(7, 7, 7)
    image[1, 1, 1] = image[5, 5, 5] = 1
    joined = image.copy()
    joined[2, 2, 2] = 1  # meets the first at a corner: one patch, though two components
    for one, patches in ((image, 2), (joined, 2)):
        found = compare(one, one).interfaces["A|B"]
        assert (found.voxel_pieces, found.mesh_pieces) == (patches, patches)
    assert compare(labels(7, 7, 7), image).interfaces["A|B"].mesh_pieces == 0


def test_contacts_gained_and_lost():
    apart, touching = labels(9, 3, 3), labels(9, 3, 3)
    apart[:3] = touching[:3] = 1
    apart[6:] = touching[6:] = 2
    touching[3:6, 1, 1] = 1
    gained = compare(touching, apart)
    assert [(c.kind, c.interface, c.area, c.voxel) for c in gained.contacts] == [("gained", "B|C", 1.0, (6, 1, 1))]
    lost = compare(apart, touching)
    assert [(c.kind, c.interface, c.area, c.voxel) for c in lost.contacts] == [("lost", "B|C", 1.0, (6, 1, 1))]
    assert lost.interfaces["B|C"].hausdorff_voxels is None


def surfaces(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(60, 3)) * 4
    triangles = rng.permuted(np.tile(np.arange(60), (40, 1)), axis=1)[:, :3].astype(np.int32)
    boxes = np.concatenate([rng.integers(0, 3, (30, 1)), rng.integers(-6, 6, (30, 3))], axis=1).astype(np.int32)
    voxel = np.array([1.0, 1.5, 1.0])
    return (
        Surface(np.empty((0, 4), np.int32), triangles, points, voxel),
        Surface(boxes, np.empty((0, 3), np.int32), np.empty((0, 3)), voxel),
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_search_finds_the_nearest_of_all(seed):
    meshed, faces = surfaces(seed)
    rectangle = [(b[1:] * faces.voxel, (b[1:] + (np.arange(3) != b[0])) * faces.voxel) for b in faces.boxes]
    corners = meshed.points[meshed.triangles]
    for f in range(5):
        one = meshed._replace(triangles=meshed.triangles[f : f + 1])
        worst, sums, _ = surface_distances(one, faces, 0.5)
        nearest = min(np.linalg.norm(np.maximum(np.maximum(lo - worst[1:], worst[1:] - hi), 0)) for lo, hi in rectangle)
        assert worst[0] == pytest.approx(nearest)
        a, b, c = corners[f]
        assert sums[0] == pytest.approx(0.5 * np.linalg.norm(np.cross(b - a, c - a)))
        # no point of the triangle can be farther than a sample by more than their distance
        rng = np.random.default_rng(f)
        share = rng.dirichlet(np.ones(3), 200)
        inside = share @ corners[f]
        brute = [min(np.linalg.norm(np.maximum(np.maximum(lo - p, p - hi), 0)) for lo, hi in rectangle) for p in inside]
        assert max(brute) <= worst[0] + 0.6
        assert sums[1] / sums[0] == pytest.approx(np.mean(brute), rel=0.2)


def test_distance_to_a_triangle_by_region():
    corner = np.array([[0.0, 0, 0], [4, 0, 0], [0, 3, 0]])
    flat = Surface(np.empty((0, 4), np.int32), np.array([[0, 1, 2]], np.int32), corner, np.ones(3))
    cases = {(1, 1, 2): 2, (-3, -4, 0): 5, (2, -2, 0): 2, (4, 3, 0): 2.4, (7, 0, 4): 5, (0, 5, 0): 2, (-1, 1, 0): 1}
    for point, distance in cases.items():
        tiny = np.array(point) + 1e-12 * corner
        dot = Surface(np.empty((0, 4), np.int32), np.array([[0, 1, 2]], np.int32), tiny, np.ones(3))
        assert surface_distances(dot, flat, 0.5)[0][0] == pytest.approx(distance)


def test_one_thread_and_two_agree():
    volume = make_phantom("composite_cathode", seed=2, shape=24).volume
    mesh = mesh_volume(volume)
    before = numba.get_num_threads()
    found = []
    for threads in (1, min(2, before)):
        numba.set_num_threads(threads)
        found.append(check_mesh(mesh, volume).to_dict())
    numba.set_num_threads(before)
    assert found[0] == found[1]


# -- input -----------------------------------------------------------------------------------------------------------


def test_quick_counts_but_does_not_match():
    image = np.random.default_rng(5).integers(0, 2, (4, 4, 4)).astype(np.uint8)
    mesh, volume = pair(image, image)
    quick, full = compare_with_voxels(mesh, volume, quick=True), compare_with_voxels(mesh, volume)
    assert quick.phases["A"].lost is None
    assert not quick.interfaces
    for name, row in quick.phases.items():
        assert row.mesh_components == full.phases[name].mesh_components
        assert row.mesh_volume == pytest.approx(full.phases[name].mesh_volume)


def test_another_box_or_phase_is_an_input_error():
    mesh, _ = pair(laminate(4), laminate(4))
    with pytest.raises(InputError, match=r"volume: its size 8 x 8 x 9 m differs from the mesh's box 8 x 8 x 8 m"):
        compare_with_voxels(mesh, box_volume(labels(8, 8, 9), size=(8.0, 8.0, 9.0), names=NAMES))
    with pytest.raises(InputError, match=r"volume: no phase 'B', which the mesh has; phases: A, other"):
        compare_with_voxels(mesh, box_volume(laminate(4), size=(8.0,) * 3, names={0: "A", 1: "other"}))


def test_long_voxels_are_sampled_as_finely_as_cubes():
    # voxels ten times as long as wide
    image = labels(2, 2, 2)
    image[1] = 1
    mesh, volume = pair(image, image, (2.0, 20.0, 2.0))
    middle = mesh.points.copy()
    dented = np.flatnonzero((middle == (1, 10, 1)).all(axis=1))
    middle[dented, 0] = 1.5
    one = compare_with_voxels(dataclasses.replace(mesh, points=middle), volume).interfaces["A|B"]
    assert one.mesh_to_voxel.max_voxels == pytest.approx(0.5)
    # from the corner below the dent to its flank, which rises by 0.5 over 1 and over 10
    flank = np.sqrt(1 + 0.5**2 + 0.05**2)
    assert one.voxel_to_mesh.max_voxels == pytest.approx(0.5 / flank)
    # mean height 0.5 / 3 over six triangles of area 5; sampling a bent surface from a flat one costs the 2 %
    assert one.voxel_to_mesh.mean_voxels == pytest.approx(0.5 / 3 * 30 / 40 / flank, rel=0.02)
    area = one.mesh_area
    assert one.mesh_to_voxel.mean_voxels == pytest.approx(0.5 / 3 * area_around(middle, mesh, dented) / area)


def area_around(points, mesh, vertex):
    rows = mesh.facet_set("A|B")
    corners = points[rows[(rows == vertex).any(axis=1)]]
    sides = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return 0.5 * np.linalg.norm(np.cross(*sides), axis=1).sum()


# -- thin features -----------------------------------------------------------------------------------------------------


def losses(labels, names, cell_size="3 voxels", thin="report"):
    volume = LabelledVolume(labels, (1e-6,) * 3, phases=names)
    return thin_losses(volume, cell_size=cell_size, options=LatticeOptions(thin=thin))


def film():
    # the cell around the film holds one layer of it and two of the next phase
    image = labels(18, 18, 18)
    image[:, :, 10:] = 2
    image[:, :, 9] = 1
    return image


def test_a_film_under_coarse_cells_is_told_before_meshing_and_missed_afterwards():
    found = losses(film(), NAMES)
    (lost,) = found.features
    assert (lost.kind, lost.phase, lost.voxels) == ("lost", "B", 18 * 18)
    assert lost.voxel[2] == 9
    assert lost.position == pytest.approx([(v + 0.5) * 1e-6 for v in lost.voxel])
    assert found.counts["B"] == {"lost": 1, "gained": 0, "merged": 0, "split": 0, "thinned": 0}
    contacts = {(one.kind, one.interface): one.area for one in found.contacts}
    # the box is 18 x 18 faces
    assert contacts == pytest.approx(dict.fromkeys([("lost", "A|B"), ("lost", "B|C"), ("gained", "A|C")], 324e-12))
    assert found.cell_size == pytest.approx(3e-6)
    volume = LabelledVolume(film(), (1e-6,) * 3, phases=NAMES)
    made = mesh_volume(volume, cell_size="3 voxels", options=LatticeOptions(thin="report"))
    assert kinds(compare_with_voxels(made, volume), "B") == (1, 0, 0, 0)


def test_the_tip_of_a_crack_is_told_though_no_component_is_lost():
    image = labels(24, 24, 24)
    image[:20, :, 12] = 1
    image[:6, :, 8:16] = 1
    (tip,) = losses(image, {0: "LPSCl", 1: "void"}).features
    # all of the sheet beyond the notch: 14 by 24 voxels
    assert (tip.kind, tip.phase, tip.voxels) == ("thinned", "void", 14 * 24)
    assert tip.voxel[2] == 12
    assert 6 <= tip.voxel[0] < 20


def test_a_broken_neck_is_told():
    i, j, k = np.indices((40, 20, 20))
    image = labels(40, 20, 20)
    for centre in (9, 30):
        image[(i - centre) ** 2 + (j - 10) ** 2 + (k - 10) ** 2 < 49] = 1
    image[9:31, 10, 10] = 1
    found = losses(image, {0: "A", 1: "B"}, "4 voxels")
    assert found.counts["B"]["split"] == 1
    (neck,) = [one for one in found.features if one.kind == "split"]
    assert (neck.phase, neck.n_pieces) == ("B", 2)
    assert image[neck.voxel] == 1


@pytest.mark.parametrize(("cell_size", "thin"), [("3 voxels", "keep"), ("1 voxel", "report"), ("0.5 voxels", "drop")])
def test_nothing_thin_is_lost_if_it_is_kept_or_cells_are_small(cell_size, thin):
    found = losses(film(), NAMES, cell_size, thin)
    assert not found.features
    assert not found.contacts


def test_one_segmentation_is_that_of_its_cells():
    # cells that keep every label lose nothing, be they smaller than voxels
    image = np.random.default_rng(3).integers(0, 3, (6, 5, 4)).astype(np.uint8)
    volume = LabelledVolume(image, (1e-6, 2e-6, 1e-6), phases=NAMES)
    for times in (1, 2):
        cells = image.astype(np.int32).repeat(times, 0).repeat(times, 1).repeat(times, 2)
        found = compare_cells(volume, cells, reach=1, size=1e-6)
        assert not found.features
        assert not found.contacts
