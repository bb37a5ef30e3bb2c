"""Options of the mesher as people write them: flat, as text, from files; and the grey-value image."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from ssb2mesh import InputError, LabelledVolume, check_mesh, mesh_volume
from ssb2mesh.mesh_options import OPTION_NAMES, lattice_options, read_field

UM = 1e-6
MAIN = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()"]
N, RADIUS = 28, 10.0


def blurred_ball() -> tuple[LabelledVolume, np.ndarray, np.ndarray]:
    """A ball, its grey values (blurred over about two voxels) and its centre, in voxels."""
    centre = np.array([N / 2 + 0.13, N / 2 - 0.21, N / 2 + 0.37])
    x = np.indices((N, N, N)) + 0.5
    depth = RADIUS - np.sqrt(((x - centre[:, None, None, None]) ** 2).sum(axis=0))
    grey = 1 / (1 + np.exp(-depth / 0.5))
    volume = LabelledVolume((grey > 0.5).astype(np.uint8), (UM,) * 3, phases={0: "LPSCl", 1: "NMC"})
    return volume, 30 + 100 * grey, centre


def radial_rms(mesh, centre) -> float:
    points = mesh.points[np.unique(mesh.facet_set("LPSCl|NMC"))] / UM
    return float(np.sqrt(((np.linalg.norm(points - centre, axis=1) - RADIUS) ** 2).mean()))


def test_grey_values_place_the_interface():
    """Distance of the interface from the true sphere: a fifth less than from labels alone, at least."""
    volume, grey, centre = blurred_ball()
    from_labels = radial_rms(mesh_volume(volume), centre)
    mesh = mesh_volume(volume, options=lattice_options({"grey": grey}))
    assert radial_rms(mesh, centre) < 0.8 * from_labels
    # corners on the sphere, so its facets, some 1.2 voxels long, cut it by h^2 / (4 R^2) = 0.4 %; and corners lie 0.01
    # voxels inside, 0.3 %, as grey values that level off are interpolated linearly
    assert mesh.phase_volumes()["NMC"] == pytest.approx(4 / 3 * np.pi * RADIUS**3 * UM**3, rel=0.008)
    assert check_mesh(mesh).ok


def test_grey_values_move_a_plane_inside_its_voxel():
    """A plane at z = 8.3 whose labels say 8: linear grey values put it at 8.3."""
    z = np.arange(16) + 0.5
    grey = np.broadcast_to(np.clip(8.3 - z, -1, 1), (6, 6, 16)).copy()
    volume = LabelledVolume((grey > 0).astype(np.uint8), (UM,) * 3, phases={0: "a", 1: "b"})
    mesh = mesh_volume(volume, options=lattice_options({"grey": grey}))
    heights = mesh.points[np.unique(mesh.facet_set("a|b")), 2] / UM
    np.testing.assert_allclose(heights, 8.3, atol=1e-6)


@pytest.mark.parametrize(
    ("grey", "message"),
    [
        (np.zeros((2, 2, 2)), r"grey: got shape \(2, 2, 2\); give one value for each of \(28, 28, 28\) voxels"),
        (np.zeros((N, N, N)), "'LPSCl' and 'NMC' have the same median"),
        (np.full((N, N, N), np.nan), "grey: got values that are not finite"),
    ],
)
def test_bad_grey_values_say_what_is_wrong(grey, message):
    volume, _, _ = blurred_ball()
    with pytest.raises(InputError, match=message):
        mesh_volume(volume, options=lattice_options({"grey": grey}))


def test_flat_options_become_lattice_options():
    options = lattice_options({"grade": 2, "max_size": "8 voxels", "sizes": {"NMC": "2 voxels"}, "thin": "drop"})
    assert (options.grade, options.thin) == (2, "drop")
    assert (options.sizes.largest, dict(options.sizes.by_name)) == ("8 voxels", {"NMC": "2 voxels"})
    assert {"smoothing", "floor_deg", "thin", "max_size", "sizes", "size_field", "grey"} <= set(OPTION_NAMES)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"smothing": 3}, "unknown option 'smothing', did you mean 'smoothing'"),
        ({"sizes": "2"}, "sizes: got '2'; give a table"),
        ({"thin": "kep"}, "thin: got 'kep'; give one of keep, drop, report, did you mean 'keep'"),
        ({"size_field": "nowhere.npy"}, "size_field: there is no file 'nowhere.npy'"),
        ({"grey": "grey.jpg"}, "grey: got 'grey.jpg'; give a .npy file"),
    ],
)
def test_bad_options_say_what_is_wrong(given, message):
    with pytest.raises(InputError, match=message):
        lattice_options(given)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"NMD": "2 voxels"}, r"sizes: got 'NMD'; give a phase \(LPSCl, NMC\) .* did you mean 'NMC'"),
        ({"NMC|NMC": "2 voxels"}, r"sizes: got 'NMC\|NMC'"),
        ({"NMC": "2"}, "sizes: NMC: cell_size: got '2' without a unit"),
    ],
)
def test_bad_sizes_say_what_is_wrong(sizes, message):
    volume, _, _ = blurred_ball()
    with pytest.raises(InputError, match=message):
        mesh_volume(volume, options=lattice_options({"sizes": sizes}))


def test_fields_are_read_with_x_first(tmp_path):
    values = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    np.save(tmp_path / "a.npy", values)
    tifffile.imwrite(tmp_path / "a.tif", values.transpose())
    for name in ("a.npy", "a.tif"):
        np.testing.assert_array_equal(read_field(tmp_path / name), values)


def test_sizes_and_grey_values_from_the_command_line(tmp_path):
    volume, grey, _ = blurred_ball()
    tifffile.imwrite(tmp_path / "labels.tif", volume.labels.transpose())
    np.save(tmp_path / "grey.npy", grey)
    common = ["mesh", str(tmp_path / "labels.tif"), "--voxel-size", "1 um", "--json"]

    def tets(*more: str) -> int:
        done = run(*more)
        assert done.returncode == 0, done.stderr
        return int(json.loads(done.stdout)["tets"])

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [*MAIN, *common, "-o", str(tmp_path / "m.vtu"), "--overwrite", *more]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    uniform = tets("--grey", str(tmp_path / "grey.npy"))
    assert uniform == 12 * N**3
    assert tets("--max-size", "4 voxels") < 0.7 * uniform
    assert tets("--cell-size", "2 voxels") < 0.2 * uniform
    refined = tets("--cell-size", "2 voxels", "--size", "phase0|phase1=1 voxel")
    assert 0.2 * uniform < refined < uniform
    bad = run("--size", "NMC")
    assert bad.returncode == 1
    assert "--size: got 'NMC'; give NAME=LENGTH" in bad.stderr
