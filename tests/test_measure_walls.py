"""The smooth wall between a phase and the rest: planes, circles, mirrors, walls one voxel thin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssb2mesh.measure import local_thickness
from ssb2mesh.measure.walls import smooth_wall
from ssb2mesh.volume import LabelledVolume


def _places(shape, steps):
    """Centres of voxels, the middle of the box at 0, (nx, ny, nz, 3)."""
    axes = [(np.arange(n) + 0.5 - n / 2) * step for n, step in zip(shape, steps, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def _points(mask, steps):
    """Points of the wall, (n, 3), and their normals."""
    wall = smooth_wall(mask, np.asarray(steps, float))
    voxels = np.stack(np.unravel_index(wall.places, mask.shape), axis=1)
    normals = wall.pieces[:, :3].astype(float)
    return (voxels + 0.5 - np.array(mask.shape) / 2) * steps + wall.pieces[:, 3:] * normals, normals


@pytest.mark.parametrize("steps", [(1, 1, 1), (1, 1, 2), (2, 2, 1)])
@pytest.mark.parametrize("normal", [(1, 1.83, 3.07), (0.1, 1, 0.4), (1, 0.05, 0.12), (0.03, -0.12, 1)])
def test_planes_are_smooth(normal, steps):
    normal = np.asarray(normal) / np.linalg.norm(normal)
    mask = _places(np.ceil(44 / np.asarray(steps)).astype(int), steps) @ normal > 0.21
    points, normals = _points(mask, steps)
    inner = np.abs(points).max(axis=1) < 14
    apart, edge = points[inner] @ normal - 0.21, max(steps)
    # a plane in voxels is known to some hundredths of an edge where its steps do not repeat; steps would leave 0.29
    assert abs(apart.mean()) < 0.05 * edge
    assert apart.std() < (0.06 if edge == 1 else 0.12) * edge
    assert np.median(normals[inner] @ normal) > np.cos(np.radians(2))


@pytest.mark.parametrize("radius", [4.4, 7.3, 11.8])
def test_balls_are_round_and_not_shrunk(radius):
    shape = (int(2 * radius) + 8,) * 3
    place = _places(shape, (1, 1, 1)) - (0.2, -0.31, 0.4)
    points, normals = _points((place**2).sum(axis=-1) < radius**2, (1, 1, 1))
    from_centre = points - (0.2, -0.31, 0.4)
    distance = np.linalg.norm(from_centre, axis=1)
    # voxels scatter by 0.2 to 0.29; smoothing that shrinks would show in the mean
    assert distance.mean() == pytest.approx(radius, abs=0.06)
    assert distance.std() < 0.08
    assert np.median(-(normals * from_centre).sum(axis=1) / distance) > np.cos(np.radians(5))


def test_walls_of_one_voxel_have_two_sides():
    # voxels of the wall look both ways; one piece for both would have no direction
    mask = np.zeros((20, 20, 20), bool)
    mask[:, :, 4:8] = mask[:, :, 9:14] = True
    wall = smooth_wall(mask, np.ones(3))
    between = wall.places % 20 == 8
    assert between.sum() == 2 * 400
    assert np.allclose(np.sort(wall.pieces[between, 2]), np.repeat([-1.0, 1.0], 400))
    assert np.allclose(wall.pieces[:, 3], 0.5)
    volume = LabelledVolume(mask.astype(np.uint8), (1e-6,) * 3, phases={0: "wall", 1: "pore"})
    found = local_thickness(volume, "pore").thickness * 1e6
    assert np.allclose(found[:, :, 4:8], 4, rtol=1e-3)
    assert np.allclose(found[:, :, 9:14], 5, rtol=1e-3)


@settings(max_examples=60, deadline=None)
@given(arrays(bool, st.tuples(*[st.integers(1, 6)] * 3)), st.integers(0, 2), st.permutations([0, 1, 2]))
def test_mirrored_and_turned_volumes_have_mirrored_and_turned_walls(mask, axis, order):
    steps = np.array([1.0, 1.5, 2.5])
    points, normals = _points(mask, steps)
    mirror = np.where(np.arange(3) == axis, -1.0, 1.0)
    seen, directions = _points(np.ascontiguousarray(np.flip(mask, axis)), steps)
    turned, turns = _points(np.ascontiguousarray(mask.transpose(order)), steps[order])
    for p, n in ((seen * mirror, directions * mirror), (turned[:, np.argsort(order)], turns[:, np.argsort(order)])):
        assert len(p) == len(points)
        a, b = (np.hstack([x, y]) for x, y in ((points, normals), (p, n)))
        # every piece has its like; single precision
        gaps = np.abs(a[:, None] - b[None]).max(axis=2)
        assert not len(a) or (gaps.min(axis=0).max() < 1e-4 and gaps.min(axis=1).max() < 1e-4)


@settings(max_examples=60, deadline=None)
@given(arrays(bool, st.tuples(*[st.integers(1, 6)] * 3)))
def test_the_wall_parts_the_voxels_as_the_image_does(mask):
    wall = smooth_wall(mask, np.ones(3))
    voxels = np.stack(np.unravel_index(wall.places, mask.shape), axis=1)
    assert not mask[tuple(voxels.T)].any()
    assert np.allclose(np.linalg.norm(wall.pieces[:, :3], axis=1), 1, atol=1e-5)
    assert (wall.pieces[:, 3] >= 0).all()
    assert (wall.pieces[:, 3] < 1).all()
    owners = wall.index[wall.index >= 0]
    assert (np.diff(np.sort(owners)) > 0).all()
    assert set(np.flatnonzero(wall.index.ravel() >= 0)) == set(wall.places)
