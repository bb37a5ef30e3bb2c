"""Local thickness: layers, balls, cylinders of known size, random pores in finer voxels, another library."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_shapes import CUBIC, FLAT, PEERS, SKEW, WIDE, blobs, grid, labelled
from scipy import ndimage

from ssb2mesh.measure import local_thickness


@pytest.mark.parametrize("width", [2, 3, 4, 7])
def test_flat_layers_have_their_thickness(width):
    mask = np.zeros((14, 14, 20), bool)
    mask[:, :, 6 : 6 + width] = True
    found = local_thickness(labelled(mask), "x")
    assert np.allclose(found.values, width * 1e-6, rtol=1e-3)
    assert found.thickness.shape == mask.shape
    assert not found.thickness[~mask].any()


@pytest.mark.parametrize(
    "normal", [(1, 1, 1), (1, 2, 3), (0, 1, 1), (0.3, 0.4, 1), (-0.09, -0.1, 0.99), (0.06, 1, -0.02)]
)
@pytest.mark.parametrize("width", [3.4, 6.3, 10.0])
def test_leaning_layers_have_their_thickness(normal, width, verify):
    n = np.asarray(normal) / np.linalg.norm(normal)
    x, y, z = grid((40, 40, 40), CUBIC)
    mask = np.abs(n[0] * x + n[1] * y + n[2] * z - 0.21e-6) < 0.5e-6 * width
    # away from the sides of the box, which are no surface
    inner = local_thickness(labelled(mask), "x").thickness[10:30, 10:30, 10:30]
    verify(
        f"layer {width:g} voxels wide, normal {normal}",
        "local thickness, voxels",
        inner[inner > 0].mean() / 1e-6,
        width,
        0.2,
        source="its width",
        mesh="voxels",
        absolute=True,
    )


@pytest.mark.parametrize("radius", [3.3, 5.2, 8.0, 12.4])
@pytest.mark.parametrize("spacing", [CUBIC, SKEW])
def test_balls_have_their_diameter(radius, spacing, verify):
    shape = np.ceil((2 * radius + 8) * 1e-6 / np.asarray(spacing)).astype(int)
    x, y, z = (g * 1e6 for g in grid(shape, spacing))
    mask = (x - 0.2) ** 2 + (y + 0.31) ** 2 + (z - 0.4) ** 2 < radius**2
    found = local_thickness(labelled(mask, spacing), "x")
    # 0.2 voxels; of unequal edges the longest counts
    edges = " x ".join(f"{1e6 * s:g}" for s in spacing)
    verify(
        f"ball of radius {radius:g} um, voxels {edges} um",
        "local thickness, m",
        found.summary()["mean"],
        2e-6 * radius,
        0.2 * max(spacing),
        source="its diameter",
        mesh="voxels",
        absolute=True,
    )
    assert found.summary()["standard deviation"] < 0.1 * max(spacing)


@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 0, 0), (1, 1, 0), (1, 1, 1), (0.62, -0.35, 0.7)])
@pytest.mark.parametrize(("radius", "spacing"), [(4.6, CUBIC), (8.2, CUBIC), (11.3, CUBIC), (6.4, FLAT), (6.4, WIDE)])
def test_cylinders_have_their_diameter(direction, radius, spacing):
    d = np.asarray(direction) / np.linalg.norm(direction)
    half = 7e-6 * np.abs(d) + radius * 1e-6 * np.sqrt(1 - d * d) + 3 * np.asarray(spacing)
    cells = grid(np.ceil(2 * half / spacing).astype(int), spacing)
    place = np.stack(cells, axis=-1) * 1e6 - (0.17, -0.29, 0.38)
    along = place @ d
    mask = (place**2).sum(axis=-1) - along**2 < radius**2
    # away from slanting ends at the sides of the box, which are no surface; of unequal edges the longest counts
    found = local_thickness(labelled(mask, spacing), "x").thickness[mask & (np.abs(along) < 2)]
    assert found.mean() == pytest.approx(2e-6 * radius, abs=0.2 * max(spacing))
    assert found.std() < 0.1 * max(spacing)


def test_voxels_at_the_wall_belong_to_the_ball_that_touches_it():
    # on long edges the centres of voxels stick further out of the ball; left out, their own thickness was 2 um
    x, y, _ = (1e6 * g for g in grid((15, 15, 8), WIDE))
    mask = (x - 0.3) ** 2 + (y - 0.4) ** 2 < 8.2**2
    found = local_thickness(labelled(mask, WIDE), "x")
    assert found.values.min() == pytest.approx(found.values.max(), abs=0.1e-6)
    # beside what the section that the voxels hold is off
    section = 2 * np.sqrt(4e-12 * mask[:, :, 0].sum() / np.pi)
    assert found.summary()["mean"] == pytest.approx(section, abs=0.2 * max(WIDE))


@pytest.mark.parametrize(("long", "short", "exact"), [(9.0, 5.0, 9.712), (7.0, 5.5, 10.939)])
def test_cylinders_that_are_not_round_keep_their_thickness(long, short, exact):
    # the ball touches an ellipse at two places only: averaging over the walls beside them would make it too large;
    # exact is the mean over these voxels, from balls on a grid of a tenth of a voxel and the distance to the curve
    x, y, _ = (1e6 * g for g in grid((24, 16, 6), CUBIC))
    mask = ((x - 0.2) / long) ** 2 + ((y + 0.3) / short) ** 2 < 1
    assert local_thickness(labelled(mask), "x").summary()["mean"] == pytest.approx(exact * 1e-6, abs=0.2e-6)


def test_local_thickness_against_porespy():
    filters = pytest.importorskip("porespy.filters", reason=PEERS.format("porespy"))
    mask = blobs((50, 50, 50), seed=1, sigma=3.0)
    mine = local_thickness(labelled(mask), "x")
    other = 2e-6 * filters.local_thickness(mask, smooth=False)
    # theirs comes in steps of two voxels: balls of 10.4, 16 and 24.8 voxels get 7.8, 13.7 and 23.5, layers of 3 and 7
    # get 4 and 8; the mean may differ by as much, the pattern must not
    assert mine.summary()["mean"] == pytest.approx(other[mask].mean(), abs=1.5e-6)
    assert np.corrcoef(mine.thickness[mask], other[mask])[0, 1] > 0.9


@pytest.mark.parametrize("normal", [(0.5, -0.61, 0.7), (0.06, 1, -0.02), (0.98, -0.18, -0.02), (-0.07, 0.2, 0.9)])
@pytest.mark.parametrize("spacing", [FLAT, WIDE])
def test_layers_in_voxels_of_unequal_edges_have_their_thickness(normal, spacing):
    n = np.asarray(normal) / np.linalg.norm(normal)
    place = np.stack(grid(np.ceil(60e-6 / np.asarray(spacing)).astype(int), spacing), axis=-1) * 1e6
    mask = np.abs(place @ n - 0.21) < 3.3
    inner = local_thickness(labelled(mask, spacing), "x").thickness[(np.abs(place).max(axis=-1) < 18) & mask]
    # where a wall was not seen from its own side, parts of the layer came out half an edge too thick: 0.5 in the mean
    assert inner.mean() == pytest.approx(6.6e-6, abs=0.2 * max(spacing))


def _fine_field(seed, sigma, size=32):
    """A random field of wavelengths over two voxels, at its voxels' thirds: (3 size,) * 3."""
    noise = np.random.default_rng(seed).standard_normal((size,) * 3)
    waves = np.fft.fftshift(np.fft.fftn(ndimage.gaussian_filter(noise, sigma, mode="wrap")))
    return np.fft.ifftn(np.fft.ifftshift(np.pad(waves, size))).real


@pytest.mark.parametrize(("sigma", "level"), [(1.6, 0.0), (2.4, 0.0), (2.4, 0.8), (4.0, 0.0)])
def test_random_pores_are_as_thick_as_in_finer_voxels(sigma, level):
    # no exact answer: voxels a third as large are a third as far off
    field = _fine_field(7, sigma)
    fine, coarse = field > level * field.std(), field[1::3, 1::3, 1::3] > level * field.std()
    far, near = (local_thickness(labelled(np.ascontiguousarray(m)), "x").thickness for m in (fine, coarse))
    both = np.zeros_like(coarse)
    both[5:-5, 5:-5, 5:-5] = True  # the sides of the box are no wall: they count alike in neither
    both &= coarse & fine[1::3, 1::3, 1::3]
    assert (near - far[1::3, 1::3, 1::3] / 3)[both].mean() == pytest.approx(0, abs=0.2e-6)


def test_balls_at_the_far_sides_of_the_box_look_inside_it():
    # centres climb up to the sides, half a voxel beyond the last centres; looking there read what was not the mask
    from ssb2mesh.measure.thickness_kernel import _voxel

    assert [_voxel(at, 5) for at in (-0.5, 0.49, 0.5, 4.49, 4.5)] == [0, 0, 1, 4, 4]
    mask = np.ones((9, 9, 9), bool)
    mask[:, :, :2] = False
    assert local_thickness(labelled(mask), "x").summary()["largest"] == pytest.approx(14e-6, rel=0.02)
