"""Registration and volume correlation on textures that are moved exactly; displacement and strain on meshes."""

import numpy as np
import pytest
from helpers_mesh import box_mesh
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ssb2mesh import LabelledVolume
from ssb2mesh.errors import InputError
from ssb2mesh.measure.correlation import correlate
from ssb2mesh.measure.displacement import Displacement, displacement_on_mesh, strain_on_mesh
from ssb2mesh.measure.registration import RigidMotion, register_rigid, resample_field, resample_labels
from ssb2mesh.voxel_fields import VoxelField

N, H, RIM = 48, 0.4e-6, 16


@pytest.fixture(scope="module")
def texture():
    """A random texture with a wave of about 8 voxels, as a cubic spline around an N^3 box."""
    noise = np.random.default_rng(0).standard_normal((N + 2 * RIM,) * 3)
    smooth = ndimage.gaussian_filter(noise, 2.0)
    return ndimage.spline_filter(smooth / smooth.std(), 3)


def moved(texture, displacement):
    """The texture before and after: after(p + u(p)) = before(p), places in voxels from the corner of voxel 0."""
    place = np.moveaxis(np.indices((N,) * 3), 0, -1) + 0.5
    source = place.copy()
    for _ in range(40):  # a contraction: slopes of u are small
        source = place - displacement(source)
    at = [np.moveaxis(p - 0.5 + RIM, -1, 0) for p in (place, source)]
    before, after = (ndimage.map_coordinates(texture, a, order=3, prefilter=False) for a in at)
    return VoxelField(before, (H,) * 3), VoxelField(after, (H,) * 3)


# -------------------------------------------------------------------------------------------------------- registration


@pytest.mark.parametrize(("angle", "shift"), [(0.0, (0.37, -1.21, 2.6)), (5.0, (3.3, -1.2, 0.6))])
def test_rigid_motion_is_found_within_a_twentieth_of_a_voxel(texture, angle, shift):
    exact = RigidMotion(
        Rotation.from_rotvec(np.radians(angle) * np.array([1, 2, 2]) / 3).as_matrix(), np.array(shift) * H,
        np.full(3, N * H / 2))  # fmt: skip
    first, second = moved(texture, lambda p: exact.apply(p * H) / H - p)
    found = register_rigid(first, second)
    corners = np.array(list(np.ndindex(2, 2, 2))) * N * H
    assert np.abs(found.apply(corners) - exact.apply(corners)).max() < 0.05 * H
    assert found.angle_deg == pytest.approx(angle, abs=0.05)
    assert found.likeness > 0.99
    back = resample_field(second, found, like=first, fill=np.nan).values
    there = np.isfinite(back)
    assert np.abs(back - first.values)[there].mean() < 0.05  # linear interpolation of a texture of variance 1
    again = register_rigid(first, second)
    assert np.array_equal(again.shift, found.shift)  # the same on every run


def test_labels_come_back_to_their_grid():
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[3:8, 4:9, 2:6] = 1
    names = {0: "LPS", 1: "void"}
    first = LabelledVolume(labels, (H,) * 3, phases=names)
    second = LabelledVolume(np.roll(labels, (2, -1, 3), (0, 1, 2)), (H,) * 3, phases=names)
    motion = RigidMotion(np.eye(3), np.array([2.2, -1.3, 2.8]) * H, np.zeros(3))
    found = resample_labels(second, motion, like=first, outside="LPS")
    assert np.array_equal(found.labels, labels)
    # another voxel size and origin
    fine = LabelledVolume(np.kron(labels, np.ones((2, 2, 2), np.uint8)), (H / 2,) * 3, (0, 0, 1e-6), names)
    motion = RigidMotion(np.eye(3), np.array([0, 0, 1e-6]), np.zeros(3))
    # centres of coarse voxels lie between fine ones: a nudge decides
    nudged = RigidMotion(np.eye(3), motion.shift + 0.1 * H, np.zeros(3))
    assert np.array_equal(resample_labels(fine, nudged, like=first, outside="LPS").labels, labels)


# --------------------------------------------------------------------------------------------------------- correlation


def test_affine_motion_is_exact(texture):
    slopes = np.array([[0.010, 0.004, 0.0], [-0.003, -0.008, 0.002], [0.0, 0.005, 0.006]])
    first, second = moved(texture, lambda p: np.array([1.3, -2.6, 0.4]) + p @ slopes.T)
    found = correlate(first, second, window=15, step=8, search=4)
    assert found.found.all()
    exact = np.array([1.3, -2.6, 0.4]) * H + found.points() @ slopes.T
    # measured 2e-4 voxels inside and 3.4e-3 in the outermost cubes, three voxels from where the spline ends in a mirror
    assert np.abs(found.displacement - exact).max() < 0.005 * H
    inner = (slice(1, -1),) * 3
    assert np.abs((found.displacement - exact)[inner]).max() < 0.001 * H
    # 0.0034 voxels over a step of 8, and over half a window of 7; 0.001 inside
    assert np.abs(found.strain() - (slopes + slopes.T) / 2).max() < 5e-4
    assert np.abs(found.gradient - slopes).max() < 1.5e-3
    assert np.abs(found.gradient - slopes)[inner].max() < 2e-4
    finite = 0.5 * (slopes + slopes.T + slopes.T @ slopes)
    assert np.abs(found.strain(source="windows", finite=True) - finite)[inner].max() < 2e-4
    assert found.to_dict()["mean dilation"] == pytest.approx(np.trace(slopes), abs=1e-4)


def test_bent_motion_with_noise_is_right_within_a_tenth_of_a_voxel(texture):
    def bent(p):
        x, y, z = np.moveaxis(p, -1, 0)
        return np.stack([1.2 + 0.25 * np.sin(2 * np.pi * y / N), 0.3 * np.cos(2 * np.pi * z / N), 0.02 * x], axis=-1)

    first, second = moved(texture, bent)
    rng = np.random.default_rng(5)
    first, second = (VoxelField(f.values + 0.1 * rng.standard_normal((N,) * 3), f.spacing) for f in (first, second))
    found = correlate(first, second, window=13, step=7, search=3)
    assert found.found.all()
    error = found.displacement / H - bent(found.points() / H)
    assert np.abs(error).max() < 0.1
    assert np.sqrt((error**2).mean()) < 0.04


def test_a_large_motion_is_found_from_a_registration(texture):
    motion = RigidMotion(
        Rotation.from_rotvec([0, 0, 0.12]).as_matrix(), np.array([4.0, 0, 0]) * H, np.full(3, N * H / 2)
    )
    first, second = moved(texture, lambda p: motion.apply(p * H) / H - p)
    found = correlate(first, second, window=13, step=10, search=0, start=motion)
    assert found.found.mean() > 0.7  # the others have left the volume
    exact = motion.apply(found.points().reshape(-1, 3)).reshape(found.displacement.shape) - found.points()
    assert np.nanmax(np.abs(found.displacement - exact)) < 0.02 * H
    # a rotation is no finite strain
    assert np.nanmax(np.abs(found.strain(source="windows", finite=True))) < 1e-3


def test_nothing_is_found_where_nothing_can_be(texture):
    first, second = moved(texture, lambda p: np.zeros_like(p))
    flat, other = first.values.copy(), second.values.copy()
    flat[:24], other[24:] = 1.0, np.random.default_rng(1).standard_normal(other[24:].shape)
    found = correlate(VoxelField(flat, (H,) * 3), VoxelField(other, (H,) * 3), window=13, step=8, search=2)
    assert not found.found.any()
    lines = np.broadcast_to(first.values[:, :1, :1], (N,) * 3)
    layered = VoxelField(lines, (H,) * 3)
    assert not correlate(layered, layered, window=13, step=8, search=2).found.any()  # y and z cannot be told
    assert found.to_dict() == {"found": 0.0}


def test_other_origins_and_voxels_that_are_no_cubes(texture):
    first, second = moved(texture, lambda p: np.broadcast_to([1.5, -0.5, 2.0], p.shape))
    spacing = (1e-6, 2e-6, 3e-6)
    shifted = VoxelField(second.values, spacing, (5e-6, 0.0, 0.0))
    found = correlate(VoxelField(first.values, spacing, (4e-6, 0.0, 0.0)), shifted, window=13, step=9, search=4)
    assert found.displacement[found.found] == pytest.approx(
        np.broadcast_to([2.5e-6, -1e-6, 6e-6], (int(found.found.sum()), 3)), abs=3e-9
    )
    assert found.origin[0] >= 4e-6


# -------------------------------------------------------------------------------------------------------------- meshes


def linear_field(shape=(5, 5, 5)):
    slopes = np.array([[0.01, 0.002, 0.0], [0.0, -0.02, 0.0], [0.004, 0.0, 0.03]])
    empty = Displacement((0.1,) * 3, (0.2,) * 3, np.zeros((*shape, 3)), np.zeros((*shape, 3, 3)), np.ones(shape))
    points = empty.points()
    field = Displacement(
        empty.origin, empty.step, points @ slopes.T, np.broadcast_to(slopes, (*shape, 3, 3)), np.ones(shape)
    )
    return field, slopes


def test_displacement_and_strain_on_a_mesh():
    field, slopes = linear_field()
    mesh = box_mesh(3)
    assert displacement_on_mesh(field, mesh) == pytest.approx(mesh.points @ slopes.T, abs=1e-12)
    strain = (slopes + slopes.T) / 2
    expected = [strain[a, b] for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))]
    assert strain_on_mesh(field, mesh) == pytest.approx(np.broadcast_to(expected, (mesh.n_tets, 6)), abs=1e-12)


def test_missing_nodes_are_missing_or_extended():
    field, slopes = linear_field((4, 5, 5))  # nothing beyond x = 0.8
    gaps = np.array(field.displacement)
    gaps[0] = np.nan
    field = Displacement(field.origin, field.step, gaps, field.gradient, field.correlation)
    mesh = box_mesh(4)
    values = displacement_on_mesh(field, mesh)
    beyond = mesh.points[:, 0] > 0.85
    assert np.isnan(values[beyond]).all()
    assert displacement_on_mesh(field, mesh, extend=True) == pytest.approx(mesh.points @ slopes.T, abs=1e-12)
    assert np.isfinite(field.strain()[1:]).all()
    assert np.isnan(field.strain()[0]).all()


# ----------------------------------------------------------------------------------------------------------- bad input


def test_bad_input():
    rng = np.random.default_rng(0)
    field = VoxelField(rng.random((24, 24, 24)), (H,) * 3)
    small = VoxelField(field.values[:20], (H,) * 3)
    arguments = {"window": 11, "step": 5, "search": 2}
    for change, message in (
        ({"window": 3}, "window: got 3; give a whole number of voxels, 5 or more"),
        ({"window": 21}, "window: got 21; with a rim of 3 voxels it does not fit"),
        ({"step": 0}, "step: got 0"),
        ({"search": -1}, "search: got -1"),
        ({"least": 2.0}, "least: got 2.0"),
    ):
        with pytest.raises(InputError, match=message):
            correlate(field, field, **arguments | change)
    with pytest.raises(InputError, match="second: got .*crop the two to one shape"):
        correlate(field, small, **arguments)
    with pytest.raises(InputError, match="metric: got 'ncc'; allowed: correlation"):
        register_rigid(field, field, metric="ncc")
    with pytest.raises(InputError, match="second: the values are uniform"):
        register_rigid(field, VoxelField(np.ones((4, 4, 4)), (H,) * 3))
    with pytest.raises(InputError, match="rotation: got .*expected a rotation matrix"):
        RigidMotion(2 * np.eye(3), np.zeros(3), np.zeros(3))
    with pytest.raises(InputError, match="source: got 'cells'; allowed: nodes, windows"):
        linear_field()[0].strain(source="cells")
    with pytest.raises(InputError, match="displacement, gradient, correlation: got shapes"):
        Displacement((0, 0, 0), (1, 1, 1), np.zeros((2, 2, 2)), np.zeros((2, 2, 2, 3, 3)), np.zeros((2, 2, 2)))
