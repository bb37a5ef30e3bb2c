"""Sub-volumes: exact statistics of blocks, spread that falls with size, sub-volumes that do not percolate."""

import numpy as np
import pytest

from solvers import dolfinx_api
from solvers.representative import representative_volume
from ssb2mesh import LabelledVolume
from ssb2mesh.errors import InputError

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)


def blocks():
    """Two by two by two blocks of 4^3 voxels; three of them are phase b."""
    which = np.array([[[0, 1], [0, 0]], [[1, 0], [0, 1]]], np.uint8)
    return LabelledVolume(which.repeat(4, 0).repeat(4, 1).repeat(4, 2), (1e-6,) * 3, phases={0: "a", 1: "b"})


def test_uniform_blocks_have_exact_statistics():
    study = representative_volume(blocks(), conductivity={"a": 1.0, "b": 3.0}, sizes=["4 um"])
    values = np.array([1.0] * 5 + [3.0] * 3)
    for row, axis in zip(study.statistics(), "xyz", strict=True):
        assert (row["size"], row["axis"], row["count"], row["percolating"]) == (pytest.approx(4e-6), axis, 8, 8)
        assert row["conductivity_mean"] == pytest.approx(values.mean(), rel=1e-9)
        assert row["conductivity_std"] == pytest.approx(values.std(ddof=1), rel=1e-9)
        assert row["tortuosity_mean"] == pytest.approx(1.0, rel=1e-9)
        assert row["tortuosity_std"] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_array_equal(np.unique(study.starts), [0, 4])


def test_what_does_not_percolate_counts_as_zero():
    for mesh in ({}, {"drop": ["b"]}):
        study = representative_volume(blocks(), conductivity={"a": 2.0}, sizes=["4 um"], axes="z", mesh=mesh)
        row = study.statistics()[0]
        assert (row["count"], row["percolating"]) == (8, 5)
        assert row["conductivity_mean"] == pytest.approx(2.0 * 5 / 8, rel=1e-9)
        assert row["tortuosity_mean"] == pytest.approx(1.0, rel=1e-9)
        assert study.representative_size("z", 0.1) is None


def test_a_wall_is_no_error():
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[:, :, 0] = 1
    volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "a", 1: "b"})
    for mesh in ({}, {"drop": ["b"]}):
        study = representative_volume(volume, conductivity={"a": 2.0}, sizes=["4 um"], axes=("x", "z"), mesh=mesh)
        # a plate along x, cut off along z
        assert study.conductivity[0] == pytest.approx([1.5, 0.0], rel=1e-9)
        assert study.tortuosity[0] == pytest.approx([1.0, np.inf], rel=1e-9)
        assert np.isnan(study.statistics()[0]["conductivity_std"])


def test_spread_falls_with_size():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, (12, 12, 12)).astype(np.uint8).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    volume = LabelledVolume(labels, (0.5e-6,) * 3, phases={0: "a", 1: "b"})
    sigma = {"a": 1.0, "b": 4.0}
    study = representative_volume(volume, conductivity=sigma, sizes=["2 um", "6 um"], positions=8, axes="x")
    small, large = study.statistics()
    assert (small["count"], large["count"]) == (8, 8)
    # grains are independent: 3^3 times as many, a spread 5 times smaller, known from eight samples to a factor of two
    assert small["conductivity_std"] > 2 * large["conductivity_std"]
    assert study.representative_size("x", 0.5 * small["conductivity_std"] / small["conductivity_mean"]) == 6e-6
    again = representative_volume(volume, conductivity=sigma, sizes=["2 um"], positions=8, axes="x")
    np.testing.assert_array_equal(again.conductivity, study.conductivity[:8])


def test_bad_input():
    with pytest.raises(InputError, match="sizes: got 9 um; give lengths from a voxel .1 um. to the volume's 8 um"):
        representative_volume(blocks(), conductivity={"a": 1.0}, sizes=["9 um"])
    with pytest.raises(InputError, match="'c'"):
        representative_volume(blocks(), conductivity={"c": 1.0}, sizes=["4 um"])
    with pytest.raises(InputError, match="positions: got 0"):
        representative_volume(blocks(), conductivity={"a": 1.0}, sizes=["4 um"], positions=0)
    with pytest.raises(InputError, match="axes: got"):
        representative_volume(blocks(), conductivity={"a": 1.0}, sizes=["4 um"], axes="w")
