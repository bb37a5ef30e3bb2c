"""Thresholds and Otsu's method against definitions and an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest

from ssb2mesh.errors import InputError
from ssb2mesh.volume.segmentation import otsu_thresholds, threshold_labels


def test_the_threshold_belongs_to_the_upper_class():
    grey = np.array([[[89, 90, 91, 200]]], np.uint8)
    assert threshold_labels(grey, 90).tolist() == [[[0, 1, 1, 1]]]
    assert threshold_labels(grey, [90, 91]).tolist() == [[[0, 1, 2, 2]]]
    # between two integers: 89.5 and 90 are the same cut
    assert threshold_labels(grey, 89.5).tolist() == [[[0, 1, 1, 1]]]


def test_threshold_equals_digitize():
    grey = np.random.default_rng(0).random((6, 7, 8))
    cuts = [0.2, 0.5, 0.9]
    assert np.array_equal(threshold_labels(grey, cuts), np.digitize(grey, cuts))


@pytest.mark.parametrize("bad", [[2, 1], [1, 1], [], "high", [np.nan]])
def test_bad_thresholds(bad):
    with pytest.raises(InputError, match="^threshold: got"):
        threshold_labels(np.arange(8).reshape(2, 2, 2), bad)


def test_an_empty_class_is_an_error():
    with pytest.raises(InputError, match=r"\[300, inf\), label 1 would be empty; grey values run from 0 to 7"):
        threshold_labels(np.arange(8).reshape(2, 2, 2), 300)
    with pytest.raises(InputError, match=r"no voxel in \[3.2, 3.8\), label 1 would be empty"):
        threshold_labels(np.arange(8.0).reshape(2, 2, 2), [3.2, 3.8])


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_otsu_of_8_bit_equals_scikit_image(classes):
    filters = pytest.importorskip("skimage.filters")
    rng = np.random.default_rng(classes)
    peaks = [rng.normal(mean, 12, 4000) for mean in np.linspace(30, 220, classes)]
    grey = np.clip(np.concatenate(peaks), 0, 255).astype(np.uint8).reshape(classes * 10, 20, 20)
    other = filters.threshold_multiotsu(grey, classes=classes)
    # theirs is the largest value of the lower class, ours the smallest of the upper one
    ours = otsu_thresholds(grey, classes)
    assert [grey[grey > t].min() for t in other] == list(ours)


def test_otsu_maximises_the_variance_between_classes():
    grey = np.random.default_rng(5).gamma(2.0, 10.0, 3000).astype(np.uint8)

    def between(cut):
        low, high = grey[grey < cut].astype(float), grey[grey >= cut].astype(float)
        return len(low) * len(high) * (low.mean() - high.mean()) ** 2

    cuts = np.unique(grey)[1:]
    assert otsu_thresholds(grey, 2) == (cuts[np.argmax([between(c) for c in cuts])],)


def test_otsu_of_floats_separates_two_peaks():
    rng = np.random.default_rng(1)
    grey = np.concatenate([rng.normal(0, 1, 500), rng.normal(100, 1, 500)])
    (cut,) = otsu_thresholds(grey, 2)
    assert np.array_equal(threshold_labels(grey, cut), np.repeat([0, 1], 500))


def test_otsu_refuses():
    with pytest.raises(InputError, match="otsu: got 1; give the number of classes, 2 to 16"):
        otsu_thresholds(np.arange(10), 1)
    with pytest.raises(InputError, match="3 classes; the image has 2 different grey levels"):
        otsu_thresholds(np.array([0, 1, 1]), 3)
    with pytest.raises(InputError, match="1 of 3 voxels are NaN"):
        otsu_thresholds(np.array([0, 1, np.nan]), 2)
