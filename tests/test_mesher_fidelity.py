"""Meshes against exact shapes and their voxels: areas, volumes, planes, triple lines, distances, all with good tets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from test_slabs import cathode

from ssb2mesh import LabelledVolume, check_mesh, mesh_volume
from ssb2mesh.mesh import TaggedMesh, tet_volumes
from ssb2mesh.phantoms import make_phantom

UM = 1e-6
#: Off every symmetry of the grid, so that no error cancels.
OFF = np.array([0.13, -0.21, 0.37])


def volume_of(labels: np.ndarray, spacing: tuple[float, float, float] = (UM, UM, UM)) -> LabelledVolume:
    return LabelledVolume(np.ascontiguousarray(labels.astype(np.uint8)), spacing)


def centres(shape: tuple[int, int, int]) -> np.ndarray:
    """Centres of all voxels from the middle of the box, in voxels; (3, nx, ny, nz)."""
    return np.indices(shape) + 0.5 - np.reshape(shape, (3, 1, 1, 1)) / 2


def ball(shape: tuple[int, int, int], radius: float, centre: np.ndarray = OFF) -> np.ndarray:
    return ((centres(shape) - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0) < radius**2


def area_of(mesh: TaggedMesh, name: str = "phase0|phase1") -> float:
    """Area of an interface in square voxels."""
    return mesh.facet_areas()[name] / UM**2


def assert_faithful(mesh: TaggedMesh, volume: LabelledVolume) -> None:
    """The bars of every mesh of a smooth structure: volumes, components, distances and angles at once."""
    report = check_mesh(mesh, volume)
    assert report.ok, report.faults
    assert not report.features
    assert not report.contacts
    for name, phase in report.fidelity.items():
        assert abs(phase.relative_error) < 0.002, name
        assert phase.voxel_components == phase.mesh_components, name
        assert abs(phase.worst_component_error or 0.0) < 0.02, name
    for name, interface in report.interface_fidelity.items():
        assert interface.hausdorff_voxels <= 1.0, name
    quality = report.quality
    assert quality.min_dihedral_deg >= 15
    assert quality.p1_dihedral_deg >= 22
    assert quality.max_dihedral_deg <= 160


# -- spheres, torus, gyroid ------------------------------------------------------------------------------------------


def test_sphere_of_radius_16():
    """Area within 0.3 % of the sphere, volume within 0.05 % of the voxels, which are 0.12 % more than the sphere."""
    labels = ball((38, 38, 38), 16)
    volume = volume_of(labels)
    mesh = mesh_volume(volume)
    voxels = int(labels.sum())
    assert voxels == 17178  # the sphere: 17157.3
    assert mesh.phase_volumes()["phase1"] / UM**3 == pytest.approx(voxels, rel=5e-4)
    radius = np.cbrt(3 * voxels / (4 * np.pi))
    assert area_of(mesh) == pytest.approx(4 * np.pi * radius**2, rel=0.003)
    assert area_of(mesh) == pytest.approx(4 * np.pi * 16**2, rel=0.003)
    # the surface itself: half a voxel is what the staircase hides, a tenth on average is left of it
    middle = volume.shape[0] / 2 + OFF
    away = np.linalg.norm(mesh.points[np.unique(mesh.facet_set("phase0|phase1"))] / UM - middle, axis=1) - radius
    assert np.sqrt(np.mean(away**2)) < 0.1
    assert np.abs(away).max() < 0.5
    assert_faithful(mesh, volume)


@pytest.mark.parametrize("seed", range(3))
def test_sphere_anywhere(seed):
    """The area does not depend on where the centre lies between the voxels."""
    labels = ball((30, 30, 30), 12, np.random.default_rng(seed).uniform(-0.5, 0.5, 3))
    mesh = mesh_volume(volume_of(labels))
    radius = np.cbrt(3 * labels.sum() / (4 * np.pi))
    assert area_of(mesh) == pytest.approx(4 * np.pi * radius**2, rel=0.004)
    assert mesh.phase_volumes()["phase1"] / UM**3 == pytest.approx(labels.sum(), rel=5e-4)


def test_gyroid():
    """Area within 0.5 % of the exact one at a period of 48 voxels."""
    phantom = make_phantom("gyroid", shape=48)
    mesh = mesh_volume(phantom.volume)
    assert mesh.facet_areas()["LPSCl|NMC"] == pytest.approx(phantom.exact["area_LPSCl|NMC_m2"], rel=0.005)
    for name, size in mesh.phase_volumes().items():
        assert size / phantom.volume.voxel_counts()[name] == pytest.approx(np.prod(phantom.volume.spacing), rel=5e-4)


def test_torus():
    """4 pi^2 R r and 2 pi^2 R r^2 for R = 14, r = 6; one piece with one hole."""
    x, y, z = centres((42, 42, 18)) - OFF[:, None, None, None]
    labels = (np.hypot(x, y) - 14) ** 2 + z**2 < 36
    volume = volume_of(labels)
    mesh = mesh_volume(volume)
    assert mesh.phase_volumes()["phase1"] / UM**3 == pytest.approx(labels.sum(), rel=5e-4)
    # the torus of the voxels' volume (0.38 % below the ideal one) and the ideal torus; 0.5 %: as for a gyroid
    thickness = np.sqrt(labels.sum() / (2 * np.pi**2 * 14))
    assert area_of(mesh) == pytest.approx(4 * np.pi**2 * 14 * thickness, rel=0.005)
    assert area_of(mesh) == pytest.approx(4 * np.pi**2 * 14 * 6, rel=0.005)
    triangles = mesh.facet_set("phase0|phase1")
    edges = np.unique(np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    assert len(np.unique(triangles)) - len(edges) + len(triangles) == 0
    assert_faithful(mesh, volume)


@pytest.mark.parametrize("phases", [1, 2])
def test_two_touching_spheres(phases):
    """Of one phase they are one piece, joined by a neck of voxels; of two phases they share a contact of its size."""
    shape, radius = (42, 26, 26), 10.0
    one, two = (ball(shape, radius, OFF + (side * radius, 0, 0)) for side in (-1, 1))
    labels = one + phases * (two & ~one)
    volume = volume_of(labels)
    mesh = mesh_volume(volume)
    assert_faithful(mesh, volume)
    contact = int((one[:-1] & (two & ~one)[1:]).sum() + (one & two).sum())
    walls = area_of(mesh) + (area_of(mesh, "phase0|phase2") if phases == 2 else 0)
    # of the spheres of the voxels' volume, less the contact's disc on either; 0.6 %: twice that of a sphere of radius
    # 16; the rim of the disc is known to half a voxel
    reach = np.cbrt(3 * (one | two).sum() / (8 * np.pi))
    spheres = 8 * np.pi * reach**2
    assert walls == pytest.approx(spheres - 2 * contact, abs=0.006 * spheres + 2 * np.sqrt(np.pi * contact))
    if phases == 2:
        # a contact of a few voxels: right within its rim of half a voxel
        rim = np.pi * (np.sqrt(contact / np.pi) + np.array([-0.5, 0.5])) ** 2
        assert rim[0] < area_of(mesh, "phase1|phase2") < rim[1]


def test_particles_of_radius_two_are_alive():
    """27 particles of radius 2, each somewhere else between the voxels: all there, each with its volume."""
    rng, labels = np.random.default_rng(4), np.zeros((30, 30, 30), bool)
    for at in np.indices((3, 3, 3)).reshape(3, -1).T:
        labels |= ball(labels.shape, 2.0, 10.0 * (at - 1) + rng.uniform(-0.5, 0.5, 3))
    volume = volume_of(labels)
    mesh = mesh_volume(volume)
    report = check_mesh(mesh, volume)
    assert report.ok, report.faults
    phase = report.fidelity["phase1"]
    assert phase.voxel_components == phase.mesh_components == 27
    assert phase.components_measured > 10  # those over 27 voxels
    assert phase.components_over_2_percent == 0
    assert abs(phase.relative_error) < 0.002


@pytest.mark.parametrize(
    ("shape", "cell", "seed", "most"),
    [
        # pressures that were not solved for together left 0.10, 0.20 and 0.14 %
        ((28, 28, 96), "3 voxels", 3, 5e-4),
        ((28, 28, 96), "3 voxels", 11, 5e-4),
        ((30, 30, 64), "2 voxels", 3, 5e-4),
        # 50 voxels in a row of two leaves, whose walls hardly follow: 0.15 to 3 % with other last digits; 4.9 % before
        ((28, 28, 96), "3 voxels", 9, 0.04),
    ],
)
def test_components_have_their_volume_in_large_cells(shape, cell, seed, most):
    volume = cathode(shape, seed)
    for name, phase in check_mesh(mesh_volume(volume, cell_size=cell), volume).fidelity.items():
        assert abs(phase.relative_error) < 2e-4, name
        assert abs(phase.worst_component_error or 0.0) < most, name


# -- planes ----------------------------------------------------------------------------------------------------------


def tilted(slope: float, length: int = 80) -> tuple[LabelledVolume, float]:
    height = 10.3
    x = np.arange(length) + 0.5 - length / 2
    labels = np.arange(20)[None, None] + 0.5 < height + slope * x[:, None, None] + np.zeros((1, 16, 1))
    return volume_of(labels), height


def wall_points(mesh: TaggedMesh) -> np.ndarray:
    return mesh.points[np.unique(mesh.facet_set("phase0|phase1"))] / UM


def test_plane_tilted_1_in_20_is_a_plane():
    """Terraces of 20 voxels are gone: RMS distance to the true plane below 0.05 voxel, area that of the plane."""
    volume, height = tilted(1 / 20)
    mesh = mesh_volume(volume)
    points = wall_points(mesh)
    off = (points[:, 2] - height - (points[:, 0] - 40) / 20) / np.hypot(1, 1 / 20)
    assert np.sqrt(np.mean(off**2)) < 0.05
    # 0.05 %: a wave of 0.05 voxel in 20 lengthens the plane by less than that
    assert area_of(mesh) == pytest.approx(80 * 16 * np.hypot(1, 1 / 20), rel=5e-4)
    assert_faithful(mesh, volume)


@pytest.mark.parametrize("slope", [1 / 3, 1 / 5, 1 / 7, 1 / 9, 1 / 12, 1 / 16])
def test_planes_of_other_slopes_are_planes(slope):
    """About the plane that fits best: digitisation may shift a plane by part of a voxel.

    Ten voxels at either end are left out: there a last step of one or two voxels says little about the plane.
    """
    volume, _ = tilted(slope, 80 if slope < 0.15 else 48)
    mesh = mesh_volume(volume)
    points = wall_points(mesh)
    points = points[np.abs(points[:, 0] - volume.shape[0] / 2) < volume.shape[0] / 2 - 10]
    columns = np.stack([np.ones(len(points)), points[:, 0], points[:, 1]], axis=1)
    plane, *_ = np.linalg.lstsq(columns, points[:, 2], rcond=None)
    off = (points[:, 2] - columns @ plane) / np.hypot(1, slope)
    assert np.sqrt(np.mean(off**2)) < 0.05
    assert plane[1] == pytest.approx(slope, abs=0.002)
    assert plane[2] == pytest.approx(0, abs=0.002)


@pytest.mark.xfail(reason="the free end swings over a last step of one or two voxels", strict=True)
@pytest.mark.parametrize("slope", [1 / 9, 1 / 12])
def test_ends_of_planes_stay_below_their_last_voxels(slope):
    """An interface ends freely on the box: no higher than the voxels there, within half a voxel of the plane."""
    volume, height = tilted(slope)
    points = wall_points(mesh_volume(volume))
    end = points[points[:, 0] == 80]
    assert len(end) == 17
    assert end[:, 2].max() <= volume.labels[-1, 0].sum()
    assert np.abs(end[:, 2] - height - 40 * slope).max() < 0.5


def test_plane_tilted_both_ways():
    """1 in 5 by 1 in 9: no lattice direction lies in the plane."""
    x, y, z = centres((40, 40, 28))
    mesh = mesh_volume(volume_of(z < 0.3 + x / 5 + y / 9))
    points = wall_points(mesh)
    columns = np.stack([np.ones(len(points)), points[:, 0], points[:, 1]], axis=1)
    plane, *_ = np.linalg.lstsq(columns, points[:, 2], rcond=None)
    off = (points[:, 2] - columns @ plane) / np.sqrt(1 + 1 / 25 + 1 / 81)
    assert np.sqrt(np.mean(off**2)) < 0.05
    assert plane[1:] == pytest.approx([1 / 5, 1 / 9], abs=0.005)


# -- triple lines ----------------------------------------------------------------------------------------------------


def triple_line(mesh: TaggedMesh) -> tuple[np.ndarray, float]:
    """Points and length (voxels) of the rim of the interface of phases 1 and 2 that also touches phase 0."""
    triangles = mesh.facet_set("phase1|phase2")
    edges, count = np.unique(
        np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0, return_counts=True
    )
    rim = edges[count == 1]
    for name in ("phase0|phase1", "phase0|phase2"):
        assert np.isin(rim, mesh.facet_set(name)).all()
    ends = mesh.points[rim] / UM
    return mesh.points[np.unique(rim)] / UM, float(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).sum())


@pytest.mark.parametrize(
    ("normal", "rms", "within"),
    # in a lattice plane the line is a smooth circle; across it, half a voxel of staircase leaves 0.2 and 1.5 %
    [((0, 0, 1), 0.1, 0.01), ((0, 1, 1), 0.2, 0.015), ((1, 2, 3), 0.2, 0.015)],
)
def test_triple_line_of_a_halved_sphere_is_a_circle(normal, rms, within):
    """Length of the circle, radius and plane within a fraction of a voxel RMS: the jags of one voxel are gone."""
    shape, radius = (32, 32, 32), 12.0
    way = np.array(normal) / np.linalg.norm(normal)
    inside = ball(shape, radius, np.zeros(3))
    # off the centres of the voxels, so that none lies in the plane
    volume = volume_of(np.where(inside, 1 + (np.tensordot(way, centres(shape), 1) > 0.013), 0))
    mesh = mesh_volume(volume)
    points, length = triple_line(mesh)
    points = points - 16
    height = points @ way
    reach = np.linalg.norm(points - height[:, None] * way, axis=1)
    assert reach.std() < rms
    assert height.std() < rms
    # jagged lines of the voxels are up to 40 % longer
    assert length == pytest.approx(2 * np.pi * radius, rel=within)
    assert_faithful(mesh, volume)


# -- whole structures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["composite_cathode", "cracked_pellet"])
def test_structures_keep_volumes_components_distances_and_angles(name):
    """All bars in one mesh, cracks of one voxel and specks included."""
    volume = make_phantom(name, seed=1, shape=48).volume
    assert_faithful(mesh_volume(volume), volume)


def test_measured_cathode_keeps_volumes_components_distances_and_angles(data_folder):
    import tifffile

    stack = tifffile.imread(data_folder / "nmc_cathode.tif")[100:148, 100:148, 100:148]
    volume = LabelledVolume(np.ascontiguousarray(stack), (0.398e-6,) * 3, phases={0: "pore", 1: "NMC", 2: "CBD"})
    assert_faithful(mesh_volume(volume), volume)


def test_angles_of_smoothed_noise():
    rng = np.random.default_rng(1)
    fields = [gaussian_filter(rng.normal(size=(32, 32, 32)), 2.0, mode="wrap") for _ in range(4)]
    quality = check_mesh(mesh_volume(volume_of(np.argmax(fields, axis=0)))).quality
    assert quality.min_dihedral_deg >= 12
    assert quality.p1_dihedral_deg >= 18
    assert quality.max_dihedral_deg <= 160.1


def test_angles_of_salt_and_pepper():
    quality = check_mesh(mesh_volume(volume_of(np.random.default_rng(1).integers(0, 4, (20, 20, 20))))).quality
    assert quality.min_dihedral_deg >= 10
    assert quality.max_dihedral_deg <= 160.1


def test_an_octant_of_a_sphere_in_a_corner_of_the_box():
    """The box is exact, the sphere meets it at right angles: area and volume as of the whole sphere."""
    shape, radius = (20, 20, 20), 15.0
    labels = ball(shape, radius, np.full(3, -10.0))
    volume = volume_of(labels)
    mesh = mesh_volume(volume)
    np.testing.assert_array_equal([mesh.points.min(axis=0), mesh.points.max(axis=0)], volume.box)
    assert tet_volumes(mesh.points, mesh.tets).sum() == pytest.approx(np.prod(volume.size), rel=1e-12)
    assert mesh.phase_volumes()["phase1"] / UM**3 == pytest.approx(labels.sum(), rel=5e-4)
    reach = np.cbrt(6 * labels.sum() / np.pi)
    # 1 %: the curves on the box, a fifth of the voxels, are less sure than the surface
    assert area_of(mesh) == pytest.approx(np.pi * reach**2 / 2, rel=0.01)
    for side in ("x_min", "y_min", "z_min"):
        # 2 %: quarter discs of 170 voxels are that uncertain
        assert area_of(mesh, f"phase1@{side}") == pytest.approx(np.pi * reach**2 / 4, rel=0.02)
