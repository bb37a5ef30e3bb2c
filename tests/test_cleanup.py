"""Components and clean-up verbs: hand-made volumes with known answers, and plain re-implementations on noise."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from ssb2mesh.cleanup import (
    VERBS,
    apply_verb,
    crop,
    downsample,
    keep_largest,
    majority_filter,
    parse_box,
    relabel,
    remove_islands,
)
from ssb2mesh.errors import InputError
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import connected_components, label_components
from ssb2mesh.volume.counting import count_labels

LABELS = hnp.arrays(np.int16, hnp.array_shapes(min_dims=3, max_dims=3, max_side=7), elements=st.integers(-2, 2))


def named(labels, **names):
    return LabelledVolume(np.asarray(labels), (1e-6,) * 3, phases={v: k for k, v in names.items()})


# -- components ------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(LABELS)
def test_components_equal_those_of_scipy(labels):
    ids, label, sizes, sides = label_components(labels)
    number = 0
    for value in np.unique(labels):
        theirs, count = ndimage.label(labels == value)
        number += count
        for c in range(1, count + 1):
            (mine,) = np.unique(ids[theirs == c])
            assert sizes[mine] == (theirs == c).sum()
            assert label[mine] == value
            where = np.argwhere(theirs == c)
            for axis, n in enumerate(labels.shape):
                assert bool(sides[mine] >> (2 * axis) & 1) == (where[:, axis].min() == 0)
                assert bool(sides[mine] >> (2 * axis + 1) & 1) == (where[:, axis].max() == n - 1)
    assert number == len(sizes)
    # numbered by the first voxel in C order
    assert np.array_equal(
        np.unique(ids.reshape(-1), return_index=True)[1], np.sort(np.unique(ids, return_index=True)[1])
    )


def test_components_table():
    labels = np.zeros((5, 4, 3), np.uint8)
    labels[:, 1, 1] = 1
    labels[2, 3, 0] = 1
    found = connected_components(named(labels, void=0, NMC=1))
    assert found.counts() == {"void": 1, "NMC": 2}
    assert found.sizes[found.of("NMC")].tolist() == [5, 1]
    assert found.percolating("x")[found.of("NMC")].tolist() == [True, False]
    assert not found.percolating("y")[found.of("NMC")].any()
    assert found.touching("y_max")[found.of("NMC")].tolist() == [False, True]
    with pytest.raises(InputError, match="no phase 'LPSCl'; phases: void, NMC"):
        found.of("LPSCl")
    with pytest.raises(InputError, match="side: got 'top'"):
        found.touching("top")


def test_corner_and_edge_contact_do_not_connect():
    labels = np.indices((4, 4, 4)).sum(axis=0) % 2
    assert len(label_components(labels)[2]) == 64


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64])
def test_counting_equals_numpy_on_large_volumes(kind):
    labels = np.random.default_rng(0).integers(-3 if kind != np.uint8 else 0, 120, (60, 61, 62)).astype(kind)
    for view in (labels, labels.transpose(2, 0, 1), labels[::2, :, 1:], labels.T):
        for mine, theirs in zip(count_labels(view), np.unique(view, return_counts=True), strict=True):
            assert np.array_equal(mine, theirs)
            assert mine.dtype == theirs.dtype


# -- crop and relabel ------------------------------------------------------------------------------------------------


def test_crop_moves_the_origin():
    labels = np.arange(4 * 5 * 6).reshape(4, 5, 6) // 60
    volume = LabelledVolume(labels, (1e-6, 2e-6, 3e-6), (1.0, 2.0, 3.0), {0: "NMC", 1: "void"})
    part, report = crop(volume, "1:3,:,2:")
    assert np.array_equal(part.labels, labels[1:3, :, 2:])
    np.testing.assert_allclose(part.origin, (1.000001, 2.0, 3.000006), rtol=1e-15)
    assert report.shape_after == (2, 5, 4)
    assert report.voxels_after == {"NMC": 20, "void": 20}
    same, _ = crop(volume, (slice(1, 3), slice(None), slice(2, None)))
    assert np.array_equal(same.labels, part.labels)
    lone, report = crop(volume, "0:2,:,:")
    assert lone.phase_names == ("NMC",)
    assert report.notes == ("phases that the box does not hold: void",)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ("0:9,:,:", "got 0:9 along x; the volume has the voxels 0:4"),
        (":,3:3,:", "got 3:3 along y"),
        (":,:,-2:", "got -2:6 along z"),
        ("0:2,0:2", "three ranges"),
        ("0:2:1,:,:", "give first:last"),
        ("a:b,:,:", "give first:last"),
        ("2,:,:", "give first:last"),
    ],
)
def test_bad_boxes(box, message):
    with pytest.raises(InputError, match=message):
        parse_box(box, (4, 5, 6))


def test_relabel_merges_and_renames():
    volume = named(np.array([[[0, 1, 2, 2]]]), pore=0, NMC=1, CBD=2)
    merged, report = relabel(volume, {"CBD": "NMC", "pore": "void"})
    assert merged.labels.tolist() == [[[0, 1, 1, 1]]]
    assert dict(merged.phases) == {0: "void", 1: "NMC"}
    assert report.changed_voxels == 2
    assert volume.labels.tolist() == [[[0, 1, 2, 2]]]
    swapped, _ = relabel(volume, {"NMC": "CBD", "CBD": "NMC"})
    assert dict(swapped.phases) == {0: "pore", 1: "CBD", 2: "NMC"}
    with pytest.raises(InputError, match="no phase 'NCM'; phases: pore, NMC, CBD, did you mean 'NMC'"):
        relabel(volume, {"NCM": "x"})
    with pytest.raises(InputError, match="phase name"):
        relabel(volume, {"NMC": "a|b"})


# -- islands ---------------------------------------------------------------------------------------------------------


def nested():
    """A one-voxel island of C in a 26-voxel island of B in A, and a lone C at the wall between A and a slab of B."""
    labels = np.zeros((9, 9, 12), np.uint8)
    labels[:, :, 9:] = 1
    labels[3:6, 3:6, 3:6] = 1
    labels[4, 4, 4] = 2
    labels[8, 8, 8] = 2
    return named(labels, A=0, B=1, C=2)


def test_remove_islands_from_outside_in():
    clean, report = remove_islands(nested(), smaller_than=27)
    expected = np.zeros((9, 9, 12), np.uint8)
    expected[:, :, 9:] = 1
    assert np.array_equal(clean.labels, expected)  # the C at the wall has two faces on A and one on B
    assert report.components_removed == {"B": 1, "C": 2}
    assert report.changed_voxels == 28
    assert report.voxels_after == {"A": 729, "B": 243}
    assert "C" not in clean.phase_names


def test_remove_islands_of_one_phase():
    clean, report = remove_islands(nested(), smaller_than=27, phase="C")
    assert clean.labels[4, 4, 4] == 1
    assert report.components_removed == {"C": 2}
    same, report = remove_islands(nested(), smaller_than=1)
    assert report.changed_voxels == 0
    assert np.array_equal(same.labels, nested().labels)


@settings(max_examples=100, deadline=None)
@given(LABELS, st.integers(1, 6))
def test_no_small_component_is_left_and_large_ones_stay(labels, limit):
    volume = LabelledVolume(labels, (1e-6,) * 3)
    before = connected_components(volume)
    if before.sizes.max() < limit:
        with pytest.raises(InputError, match="nothing would be left"):
            remove_islands(volume, smaller_than=limit)
        return
    clean, report = remove_islands(volume, smaller_than=limit)
    assert connected_components(clean).sizes.min() >= limit
    kept = (before.sizes >= limit)[before.ids]
    assert np.array_equal(clean.labels[kept], labels[kept])
    assert report.changed_voxels == (clean.labels != labels).sum()
    # an island may end with the label it had, when what lay between it and its own phase went to that phase
    given_away = np.unique(before.ids[clean.labels != labels])
    assert sum(report.components_removed.values()) == len(given_away)
    assert (before.sizes[given_away] < limit).all()


def test_an_island_may_fall_back_to_its_own_phase():
    # A (1 voxel) in B (5 voxels) in a large A: B goes to A, then the inner A has A around it; it counts as removed
    labels = np.zeros((3, 3, 9), np.uint8)
    labels[1, 1, 2:7] = 1
    labels[1, 1, 4] = 0
    clean, report = remove_islands(named(labels, A=0, B=1), smaller_than=3)
    assert not clean.labels.any()
    assert report.components_removed == {"B": 2}


def test_keep_largest():
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[0:2] = 1
    labels[4, 4, 4] = 1
    labels[4, 0, 0] = 1
    clean, report = keep_largest(named(labels, LPSCl=0, NMC=1), "NMC")
    assert connected_components(clean).counts() == {"LPSCl": 1, "NMC": 1}
    assert report.components_removed == {"NMC": 2}
    assert report.voxels_before == {"LPSCl": 142, "NMC": 74}
    assert report.voxels_after == {"LPSCl": 144, "NMC": 72}
    with pytest.raises(InputError, match="no phase 'Li'"):
        keep_largest(named(labels, LPSCl=0, NMC=1), "Li")


# -- majority filter -------------------------------------------------------------------------------------------------


def plain_majority(labels, radius):
    out = labels.copy()
    for i, j, k in np.ndindex(*labels.shape):
        low = [max(0, c - radius) for c in (i, j, k)]
        window = labels[low[0] : i + radius + 1, low[1] : j + radius + 1, low[2] : k + radius + 1]
        values, counts = np.unique(window, return_counts=True)
        best = values[counts == counts.max()]
        out[i, j, k] = labels[i, j, k] if labels[i, j, k] in best else best[0]
    return out


@settings(max_examples=40, deadline=None)
@given(LABELS, st.integers(1, 8))
def test_majority_filter_equals_its_definition(labels, radius):
    volume = LabelledVolume(labels, (1e-6,) * 3)
    filtered, report = majority_filter(volume, radius=radius)
    assert np.array_equal(filtered.labels, plain_majority(labels, radius))
    assert report.changed_voxels == (filtered.labels != labels).sum()


def test_majority_filter_passes():
    labels = np.random.default_rng(2).integers(0, 3, (9, 8, 7)).astype(np.uint8)
    volume = LabelledVolume(labels, (1e-6,) * 3)
    twice = plain_majority(plain_majority(labels, 1), 1)
    assert np.array_equal(majority_filter(volume, passes=2)[0].labels, twice)
    with pytest.raises(InputError, match="radius: got 0; allowed: whole numbers 1 to 15"):
        majority_filter(volume, radius=0)
    with pytest.raises(InputError, match="passes: got 1.5"):
        majority_filter(volume, passes=1.5)


def test_majority_filter_keeps_flat_walls_and_takes_specks():
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:, :, 4:] = 3
    wall = labels.copy()
    labels[2, 2, 1] = 7
    filtered, report = majority_filter(named(labels, a=0, b=3, c=7))
    assert np.array_equal(filtered.labels, wall)
    assert report.notes == ("phases that vanished: c",)


# -- downsample ------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(LABELS, st.tuples(*[st.integers(1, 3)] * 3))
def test_downsample_takes_a_majority_label(labels, factor):
    factor = tuple(min(f, n) for f, n in zip(factor, labels.shape, strict=True))
    coarse, report = downsample(LabelledVolume(labels, (1e-6, 2e-6, 3e-6)), factor)
    assert coarse.shape == tuple(n // f for n, f in zip(labels.shape, factor, strict=True))
    np.testing.assert_allclose(coarse.spacing, np.multiply((1e-6, 2e-6, 3e-6), factor), rtol=1e-15)
    for index in np.ndindex(*coarse.shape):
        block = labels[tuple(slice(i * f, (i + 1) * f) for i, f in zip(index, factor, strict=True))]
        values, counts = np.unique(block, return_counts=True)
        assert coarse.labels[index] in values[counts == counts.max()]
    left_out = any(n % f for n, f in zip(labels.shape, factor, strict=True))
    assert left_out == any("left out" in note for note in report.notes)


def test_downsample_ties_look_around_then_take_turns():
    labels = np.zeros((2, 2, 6), np.uint8)
    labels[:, :, 3] = 1
    labels[:, :, 4:] = 1
    # the middle block holds 4 + 4; enlarged by one layer it holds 8 of each label: the labels take turns
    assert downsample(named(labels, a=0, b=1), 2)[0].labels[0, 0].tolist() == [0, 1, 1]
    labels[0, 0, 1] = 1
    assert downsample(named(labels, a=0, b=1), 2)[0].labels[0, 0].tolist() == [0, 1, 1]
    labels[0, 0, 1] = 0
    labels[0, 0, 4] = 0
    assert downsample(named(labels, a=0, b=1), 2)[0].labels[0, 0].tolist() == [0, 0, 1]


def test_downsample_does_not_favour_a_phase():
    noise = np.random.default_rng(0).integers(0, 2, (64, 64, 64)).astype(np.uint8)
    share = downsample(named(noise, a=0, b=1), 2)[0].volume_fractions()["a"]
    assert abs(share - 0.5) < 3 * 0.5 / np.sqrt(32**3)  # three standard deviations of a fair coin


def test_downsample_refuses():
    with pytest.raises(InputError, match="factor: got 9; allowed: whole numbers 1 to 8"):
        downsample(named(np.zeros((8, 8, 8), int), a=0), 9)
    with pytest.raises(InputError, match="one or three"):
        downsample(named(np.zeros((8, 8, 8), int), a=0), (2, 2))


# -- verbs by name ---------------------------------------------------------------------------------------------------


def test_verbs_by_name():
    clean, report = apply_verb(nested(), {"verb": "remove_islands", "smaller_than": 27})
    assert clean.phase_names == ("A", "B")
    assert json.loads(json.dumps(report.to_dict()))["components_removed"] == {"B": 1, "C": 2}
    assert report.lines()[0] == "remove_islands: 9 x 9 x 12 voxels, 28 changed"
    assert "1 components removed" in report.lines()[2]
    assert set(VERBS) == {"crop", "keep_largest", "remove_islands", "majority_filter", "relabel", "downsample"}
    with pytest.raises(InputError, match="verb: got 'remove_island'.*did you mean 'remove_islands'"):
        apply_verb(nested(), {"verb": "remove_island"})
    with pytest.raises(InputError, match="unknown option 'smaler_than', did you mean 'smaller_than'"):
        apply_verb(nested(), {"verb": "remove_islands", "smaler_than": 3})
    with pytest.raises(InputError, match="remove_islands: needs smaller_than"):
        apply_verb(nested(), {"verb": "remove_islands"})
