"""Surfaces: exact areas and volumes, closed shells, decimation that keeps them closed, files with names."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from ssb2mesh import InputError, LabelledVolume, mesh_volume
from ssb2mesh.phantoms import make_phantom
from ssb2mesh.surfaces import (
    Patch,
    Surfaces,
    decimate,
    extract_surfaces,
    interface_patch,
    phase_shell,
    write_patches,
)
from ssb2mesh.surfaces.job import GAP, surface_file

trimesh = pytest.importorskip("trimesh")

UM = 1e-6


def volume_of(labels, spacing=(UM, UM, UM), phases=None) -> LabelledVolume:
    return LabelledVolume(np.asarray(labels), spacing, phases=phases or {})


def noise(seed: int, n: int = 8) -> LabelledVolume:
    rng = np.random.default_rng(seed)
    return volume_of(rng.integers(0, 2 + seed % 3, (n,) * 3).astype(np.uint8))


def slab() -> LabelledVolume:
    labels = np.zeros((6, 4, 5), np.uint8)
    labels[2:] = 1
    return volume_of(labels, (1 * UM, 2 * UM, 0.5 * UM), {0: "LPSCl", 1: "NMC"})


def three_phases(n: int = 32) -> LabelledVolume:
    return make_phantom("composite_cathode", seed=1, shape=n).volume


def as_trimesh(patch: Patch, *, merge: bool = False):
    return trimesh.Trimesh(patch.points / UM, patch.triangles, process=merge)


def assert_closed(patch: Patch, volume: float, *, rel: float = 1e-9, merge: bool = False) -> None:
    """Every edge in two triangles, one each way, outward, around the right volume; trimesh judges."""
    mesh = as_trimesh(patch, merge=merge)
    assert mesh.is_watertight, patch.name
    assert mesh.is_winding_consistent, patch.name
    # 1e-9: round-off of sums of signed volumes
    assert patch.volume == pytest.approx(volume, rel=rel), patch.name
    assert patch.volume > 0


def assert_manifold_points(patch: Patch) -> None:
    """One fan of triangles around each point: corners joined across edges are as many classes as points."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    t = patch.triangles
    ends = np.sort(t[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    order = np.lexsort(ends.T)
    one, two = order[0::2], order[1::2]
    assert (ends[one] == ends[two]).all()
    after = 3 * (np.arange(t.size) // 3) + (np.arange(t.size) % 3 + 1) % 3
    rows = np.concatenate([one, after[one]])
    columns = np.concatenate([after[two], two])
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(t.size, t.size))
    assert connected_components(graph, directed=False)[0] == len(patch.points)


# --- extraction ---


def test_flat_interface_is_exact():
    surfaces = extract_surfaces(slab())
    assert surfaces.phase_names == ("LPSCl", "NMC")
    areas = surfaces.areas()
    # flat, so exact but for round-off: 8 um x 2.5 um
    assert areas["LPSCl|NMC"] == pytest.approx(20 * UM**2, rel=1e-12)
    assert areas["LPSCl@x_min"] == pytest.approx(20 * UM**2, rel=1e-12)
    assert areas["NMC@z_max"] == pytest.approx(4 * 8 * UM**2, rel=1e-12)
    assert surfaces.volumes() == pytest.approx({"LPSCl": 40 * UM**3, "NMC": 80 * UM**3}, rel=1e-12)
    normal = np.cross(*(surfaces.points[surfaces.triangles[:, i]] - surfaces.points[surfaces.triangles[:, 0]]
                        for i in (1, 2)))  # fmt: skip
    # from LPSCl to NMC, that is along +x
    assert (normal[surfaces.rows_of("LPSCl|NMC"), 0] > 0).all()
    assert (normal[surfaces.rows_of("LPSCl@x_min"), 0] < 0).all()


def test_orientation_follows_the_alphabet_and_not_the_labels():
    labels = np.zeros((4, 3, 3), np.uint8)
    labels[2:] = 1
    surfaces = extract_surfaces(volume_of(labels, phases={0: "z", 1: "a"}))
    patch = interface_patch(surfaces, "a|z")
    corners = patch.points[patch.triangles]
    assert (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 0] < 0).all()


def test_sphere_area_and_volume():
    x = np.indices((40, 40, 40)) + 0.5 - 20.13
    labels = ((x**2).sum(axis=0) < 14**2).astype(np.uint8)
    surfaces = extract_surfaces(volume_of(labels, phases={0: "matrix", 1: "ball"}))
    shell = phase_shell(surfaces, "ball")
    # the volume is corrected to that of the voxels, to what the floor of the tets leaves free
    assert shell.volume == pytest.approx(labels.sum() * UM**3, rel=2e-3)
    # voxels of a ball of 14 cells have its volume to 0.1 %, and the surface is smooth: 1 % of the area
    assert shell.area == pytest.approx(4 * np.pi * 14**2 * UM**2, rel=1e-2)
    assert shell.area == pytest.approx(interface_patch(surfaces, "ball|matrix").area, rel=1e-12)
    assert as_trimesh(shell).euler_number == 2


def test_areas_are_those_of_the_mesh():
    volume = three_phases(20)
    mesh = mesh_volume(volume)
    surfaces = extract_surfaces(mesh)
    expected = {name: area for name, area in mesh.facet_areas().items() if "|" in name or "@" in name}
    assert surfaces.areas() == pytest.approx(expected, rel=1e-12)
    assert surfaces.volumes() == pytest.approx(mesh.phase_volumes(), rel=1e-9)


def test_a_mesh_with_phases_left_out_is_refused():
    volume = three_phases(20)
    with pytest.raises(InputError, match="surfaces need a mesh of all phases: mesh without drop"):
        extract_surfaces(mesh_volume(volume, drop=[volume.phase_names[0]]))


def test_unknown_names_are_told():
    surfaces = extract_surfaces(slab())
    with pytest.raises(InputError, match=r"no interface 'LPSCl\|NMD'; there are: LPSCl\|NMC, .*did you mean"):
        interface_patch(surfaces, "LPSCl|NMD")
    with pytest.raises(InputError, match="no phase 'NMD'; phases: LPSCl, NMC, did you mean 'NMC'"):
        phase_shell(surfaces, "NMD")


# --- closed shells ---


@pytest.mark.parametrize("name", ["composite_cathode", "gyroid", "cracked_pellet", "laminate", "sphere"])
def test_shells_of_phantoms_are_closed(name):
    volume = make_phantom(name, seed=1, shape=32).volume
    surfaces = extract_surfaces(volume)
    total = 0.0
    for phase, enclosed in surfaces.volumes().items():
        shell = phase_shell(surfaces, phase)
        assert_closed(shell, enclosed)
        assert_manifold_points(shell)
        total += shell.volume
    assert total == pytest.approx(np.prod(volume.size), rel=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_shells_of_noise_are_closed(seed):
    surfaces = extract_surfaces(noise(seed))
    for phase, enclosed in surfaces.volumes().items():
        shell = phase_shell(surfaces, phase)
        assert_closed(shell, enclosed)
        assert_manifold_points(shell)
        # with the gap they stay closed when a reader merges points by position; contacts of noise are everywhere,
        # and each takes a thousandth of an edge
        assert_closed(phase_shell(surfaces, phase, gap=GAP), enclosed, rel=5e-3, merge=True)


@pytest.mark.parametrize("contact", ["edge", "corner", "ring"])
def test_voxels_that_touch_at_an_edge_or_a_corner_only(contact):
    labels = np.zeros((5, 5, 5), np.uint8)
    labels[1, 1, 1] = 1
    labels[(2, 2, 1) if contact == "edge" else (2, 2, 2)] = 1
    if contact == "ring":
        # a chain of voxels that closes at an edge contact of its own
        labels[:] = 0
        for voxel in (
            (1, 1, 1),
            (1, 2, 1),
            (1, 3, 1),
            (2, 3, 1),
            (3, 3, 1),
            (3, 2, 1),
            (3, 1, 2),
            (3, 1, 1),
            (2, 2, 1),
        ):
            labels[voxel] = 1
    surfaces = extract_surfaces(volume_of(labels, phases={0: "rest", 1: "grains"}))
    for phase, enclosed in surfaces.volumes().items():
        shell = phase_shell(surfaces, phase)
        assert_closed(shell, enclosed)
        assert_manifold_points(shell)
    grains = as_trimesh(phase_shell(surfaces, "grains"))
    if contact != "ring":
        # two grains, each a sphere
        assert grains.euler_number == 4
        assert len(grains.split(only_watertight=True)) == 2


# --- decimation ---


@pytest.mark.parametrize("reduce", [0.5, 0.9])
def test_decimation_keeps_shells_closed_and_the_box_exact(reduce):
    volume = three_phases(32)
    surfaces = extract_surfaces(volume)
    before = len(surfaces.triangles), surfaces.points.copy()
    fewer = decimate(surfaces, reduce=reduce)
    assert len(surfaces.triangles) == before[0]
    np.testing.assert_array_equal(surfaces.points, before[1])
    # held points of a packing of 32 cells leave some triangles more than asked for at 0.9
    assert len(fewer.triangles) <= before[0] * (1 - reduce) + (1 if reduce < 0.9 else 0.05 * before[0])
    volumes = surfaces.volumes()
    for phase, enclosed in fewer.volumes().items():
        assert_closed(phase_shell(fewer, phase), enclosed)
        # half of the triangles hardly change anything; nine tenths leave twice as long edges as cells
        assert enclosed == pytest.approx(volumes[phase], rel=1e-3 if reduce < 0.9 else 4e-2)
    areas = fewer.areas()
    assert set(areas) == set(surfaces.areas())
    for axis, side in enumerate(("x_min", "y_min", "z_min")):
        exact = np.prod(np.delete(np.asarray(volume.size), axis))
        assert sum(a for name, a in areas.items() if name.endswith(side)) == pytest.approx(exact, rel=1e-12)
    for end in (0, 1):
        assert (fewer.points == fewer.box[end]).any(axis=0).all()


@pytest.mark.parametrize("seed", range(6))
def test_decimation_of_noise_keeps_shells_closed(seed):
    fewer = decimate(extract_surfaces(noise(seed)), reduce=0.6)
    for phase, enclosed in fewer.volumes().items():
        assert_closed(phase_shell(fewer, phase), enclosed)


def test_decimated_planes_stay_exact():
    surfaces = extract_surfaces(make_phantom("laminate", seed=1, shape=16).volume)
    fewer = decimate(surfaces, faces=len(surfaces.triangles) // 20)
    assert len(fewer.triangles) <= len(surfaces.triangles) // 20
    assert fewer.areas() == pytest.approx(surfaces.areas(), rel=1e-12)
    assert fewer.volumes() == pytest.approx(surfaces.volumes(), rel=1e-9)


def test_decimation_keeps_the_volume_of_a_ball():
    x = np.indices((32, 32, 32)) + 0.5 - 16.2
    surfaces = extract_surfaces(volume_of(((x**2).sum(axis=0) < 11**2).astype(np.uint8)))
    fewer = decimate(surfaces, reduce=0.9)
    # the ball touches nothing: all its collapses keep the volume, to round-off
    assert fewer.volumes() == pytest.approx(surfaces.volumes(), rel=1e-9)
    assert fewer.areas()["phase0|phase1"] == pytest.approx(surfaces.areas()["phase0|phase1"], rel=5e-3)


def test_decimation_says_what_it_needs():
    surfaces = extract_surfaces(slab())
    with pytest.raises(InputError, match="reduce, faces: give exactly one"):
        decimate(surfaces)
    with pytest.raises(InputError, match="reduce: got 1.5; give the share of the triangles to remove"):
        decimate(surfaces, reduce=1.5)
    with pytest.raises(InputError, match="faces: got 0; give the number of triangles to keep"):
        decimate(surfaces, faces=0)


# --- files ---


@pytest.fixture(scope="module")
def cathode() -> Surfaces:
    return extract_surfaces(three_phases(20))


@pytest.mark.parametrize("suffix", ["stl", "ply", "glb"])
def test_closed_shells_are_read_back_closed(cathode, tmp_path, suffix):
    for phase in cathode.phase_names:
        shell = phase_shell(cathode, phase, gap=GAP)
        path = tmp_path / f"{phase}.{suffix}"
        write_patches([shell], path)
        read = trimesh.load_mesh(path)
        assert read.is_watertight
        assert read.is_winding_consistent
        # single precision
        assert read.volume == pytest.approx(shell.volume / UM**3, rel=1e-5)


def test_names_survive(cathode, tmp_path):
    patches = [interface_patch(cathode, name) for name in cathode.interface_names if "|" in name]
    names = {patch.name for patch in patches}
    assert len(names) == 3

    write_patches(patches, tmp_path / "all.glb")
    scene = trimesh.load_scene(tmp_path / "all.glb")
    assert set(scene.geometry) == names
    assert set(scene.graph.nodes_geometry) == names
    by_name = {patch.name: patch for patch in patches}
    for name, mesh in scene.geometry.items():
        assert mesh.area == pytest.approx(by_name[name].area / UM**2, rel=1e-5)  # single precision

    write_patches(patches, tmp_path / "all.stl")
    scene = trimesh.load_scene(tmp_path / "all.stl")
    assert set(scene.geometry) == names

    write_patches(patches[:1], tmp_path / "one.stl")
    assert patches[0].name in (tmp_path / "one.stl").read_bytes()[:80].decode()
    write_patches(patches[:1], tmp_path / "one.ply")
    head = (tmp_path / "one.ply").read_bytes()[:300]
    assert f"comment name {patches[0].name}\ncomment unit um".encode() in head


def test_vtp_holds_parts_and_names(cathode, tmp_path):
    pyvista = pytest.importorskip("pyvista")
    patches = [phase_shell(cathode, name) for name in cathode.phase_names]
    write_patches(patches, tmp_path / "all.vtp", unit="nm")
    read = pyvista.read(tmp_path / "all.vtp")
    assert bytes(np.asarray(read.field_data["unit"])).decode() == "nm"
    for number, patch in enumerate(patches, 1):
        assert np.asarray(read.field_data[patch.name]).tolist() == [number, 3]
        rows = np.asarray(read.cell_data["part"]) == number
        corners = read.regular_faces[rows]
        np.testing.assert_allclose(read.points[corners], patch.points[patch.triangles] * 1e9, rtol=1e-12)


def test_meshio_reads_stl_and_ply(cathode, tmp_path):
    meshio = pytest.importorskip("meshio")
    shell = phase_shell(cathode, "NMC")
    for suffix in ("stl", "ply"):
        write_patches([shell], tmp_path / f"a.{suffix}", unit="m")
        assert len(meshio.read(tmp_path / f"a.{suffix}").cells_dict["triangle"]) == len(shell.triangles)


def test_files_that_cannot_be_written(cathode, tmp_path):
    shells = [phase_shell(cathode, name) for name in cathode.phase_names]
    with pytest.raises(InputError, match=r"cannot write 'a.obj'; suffixes of surfaces: .stl, .ply, .glb, .vtp"):
        write_patches(shells, tmp_path / "a.obj")
    with pytest.raises(InputError, match=r"a .ply file holds one surface, not 3; give a folder, or .glb or .vtp"):
        write_patches(shells, tmp_path / "a.ply")
    with pytest.raises(InputError, match="unit: got 'inch'; units: m, cm, mm"):
        write_patches(shells, tmp_path / "a.stl", unit="inch")
    with pytest.raises(InputError, match="no surface to write"):
        write_patches([], tmp_path / "a.stl")
    assert not list(tmp_path.iterdir())


# --- the command line ---


@pytest.fixture
def slab_file(tmp_path):
    path = tmp_path / "slab.npy"
    np.save(path, slab().labels)
    return path


def reading() -> dict:
    return {"reading": {"voxel_size": "1,2,0.5 um", "phases": {0: "LPSCl", 1: "NMC"}}}


def test_folder_of_files(slab_file, tmp_path):
    numbers = surface_file(str(slab_file), tmp_path / "out", volume=reading(), parts={"reduce": 0.5})
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["LPSCl.stl", "NMC.stl"]
    assert numbers["parts"]["NMC"]["file"] == "NMC.stl"
    assert numbers["parts"]["NMC"]["volume"] == pytest.approx(80 * UM**3, rel=1e-9)
    assert trimesh.load_mesh(tmp_path / "out" / "NMC.stl").volume == pytest.approx(80, rel=1e-6)
    with pytest.raises(InputError, match="is not empty; give --overwrite"):
        surface_file(str(slab_file), tmp_path / "out", volume=reading())
    surface_file(str(slab_file), tmp_path / "ply", volume=reading(), parts={"per": "interface"}, form={"format": "ply"})
    assert [p.name for p in (tmp_path / "ply").iterdir()] == ["LPSCl-NMC.ply"]


@pytest.mark.parametrize(
    ("target", "parts", "form", "message"),
    [
        (
            "a.obj",
            {},
            {},
            r"cannot write 'a.obj'; suffixes of surfaces: .stl, .ply, .glb, .vtp; a folder has no suffix",
        ),
        ("a.stl", {}, {"format": "ply"}, "format: got 'ply' but the output 'a.stl' is stl"),
        ("a", {}, {"format": "obj"}, "format: got 'obj'; formats: stl, ply, glb, vtp"),
        ("a.stl", {"per": "phse"}, {}, "per: got 'phse'; allowed: phase, interface, did you mean 'phase'"),
        ("a.stl", {"only": ["NMD"]}, {}, "no phase 'NMD'; phases: LPSCl, NMC, did you mean 'NMC'"),
        ("a.stl", {}, {"unit": "inch"}, "unit: got 'inch'"),
        ("a.stl", {"reduce": 2.0}, {}, "reduce: got 2.0"),
        ("a.ply", {}, {}, "a .ply file holds one surface, not 2"),
    ],
)
def test_bad_input_writes_nothing(slab_file, tmp_path, target, parts, form, message):
    with pytest.raises(InputError, match=message):
        surface_file(str(slab_file), tmp_path / target, volume=reading(), parts=parts, form=form)
    assert [p.name for p in tmp_path.iterdir()] == ["slab.npy"]


def test_verb(slab_file, tmp_path):
    command = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()"]
    command += ["surface", str(slab_file), "-o", str(tmp_path / "a.glb"), "--voxel-size", "1,2,0.5 um"]
    command += ["--phase", "0=LPSCl", "--phase", "1=NMC", "--per", "interface", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)
    assert numbers["parts"]["LPSCl|NMC"]["area"] == pytest.approx(20 * UM**2, rel=1e-9)
    assert "lengths in um" in done.stderr
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "exists; give --overwrite" in again.stderr
