"""The Gmsh engine: same names and tags as the lattice, box exact, conforming, and plain words where it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssb2mesh import InputError, LabelledVolume, check_mesh, mesh_volume
from ssb2mesh.errors import MeshingError, MissingDependencyError, ResourceError
from ssb2mesh.gmsh_engine import GmshOptions, mesh_with_gmsh
from ssb2mesh.lattice.build import LatticeOptions
from ssb2mesh.mesh import TaggedMesh, tet_volumes
from ssb2mesh.phantoms import make_phantom
from ssb2mesh.surfaces import extract_surfaces

pytest.importorskip("gmsh")

UM = 1e-6
#: Netgen's optimiser takes most of the time and changes no name.
QUICK = GmshOptions(optimise=False)


def cathode(n: int = 14) -> LabelledVolume:
    volume = make_phantom("composite_cathode", seed=1, shape=32).volume
    return volume.with_labels(np.ascontiguousarray(volume.labels[:n, :n, :n]))


def ball(n: int = 20, radius: float = 6.0) -> LabelledVolume:
    x = np.indices((n,) * 3) + 0.5 - n / 2 - 0.13
    labels = ((x**2).sum(axis=0) < radius**2).astype(np.uint8)
    return LabelledVolume(labels, (UM,) * 3, phases={0: "matrix", 1: "ball"})


def assert_sound(mesh: TaggedMesh, volume: LabelledVolume) -> None:
    assert tet_volumes(mesh.points, mesh.tets).min() > 0
    conformity = check_mesh(mesh, volume).conformity
    assert conformity.facets_shared_by_more_than_two == 0
    assert conformity.off_box_area == 0.0
    assert conformity.untagged_interface_facets == 0
    assert conformity.misplaced_facets == 0


def test_same_names_tags_and_surfaces_as_the_lattice():
    volume = cathode(12)
    mesh, lattice = mesh_volume(volume, engine="gmsh"), mesh_volume(volume)
    assert_sound(mesh, volume)
    report = check_mesh(mesh, volume)
    assert report.ok, report.faults
    assert dict(mesh.cell_names) == dict(lattice.cell_names)
    assert dict(mesh.facet_names) == dict(lattice.facet_names)
    # the very same triangles: areas and volumes agree to round-off
    assert mesh.facet_areas() == pytest.approx(lattice.facet_areas(), rel=1e-12)
    assert mesh.phase_volumes() == pytest.approx(lattice.phase_volumes(), rel=1e-9)
    np.testing.assert_array_equal(mesh.box, volume.box)
    for name, phase in report.fidelity.items():
        assert phase.mesh_components == phase.voxel_components, name
    assert mesh.metadata["engine"] == "gmsh"


def test_ball_against_the_closed_form():
    volume = ball(24, 8.0)
    mesh = mesh_with_gmsh(volume, gmsh=QUICK)
    assert_sound(mesh, volume)
    assert mesh.phase_volumes()["ball"] == pytest.approx((volume.labels == 1).sum() * UM**3, rel=5e-3)
    # the area of a ball of 8 cells: the lattice's own bar at this size
    assert mesh.facet_areas()["ball|matrix"] == pytest.approx(4 * np.pi * 64 * UM**2, rel=2e-2)


def test_laminate_is_exact():
    labels = np.zeros((6, 4, 4), np.uint8)
    labels[2:4] = 1
    volume = LabelledVolume(labels, (UM, 2 * UM, UM), origin=(5 * UM, 0, -UM), phases={0: "LPSCl", 1: "NMC"})
    mesh = mesh_with_gmsh(volume, gmsh=QUICK)
    assert_sound(mesh, volume)
    assert mesh.phase_volumes() == pytest.approx({"LPSCl": 128 * UM**3, "NMC": 64 * UM**3}, rel=1e-12)
    assert mesh.facet_areas()["LPSCl|NMC"] == pytest.approx(64 * UM**2, rel=1e-12)
    assert mesh.facet_areas()["z_min"] == pytest.approx(48 * UM**2, rel=1e-12)


def test_cracked_pellet():
    volume = make_phantom("cracked_pellet", seed=1, shape=32).volume
    mid = volume.shape[2] // 2
    crop = volume.with_labels(np.ascontiguousarray(volume.labels[:12, :12, mid - 6 : mid + 6]))
    mesh = mesh_with_gmsh(crop, gmsh=QUICK)
    assert_sound(mesh, crop)
    for name, phase in check_mesh(mesh, crop).fidelity.items():
        assert phase.mesh_components == phase.voxel_components, name


def test_dropped_phase_leaves_its_walls():
    volume = cathode(12)
    whole, part = (mesh_with_gmsh(volume, drop=d, gmsh=QUICK) for d in ((), ("void",)))
    assert_sound(part, volume)
    assert "void" not in part.cell_names
    areas = whole.facet_areas()
    for name, area in part.facet_areas().items():
        if "|" in name:
            assert area == pytest.approx(areas[name], rel=1e-12)
    assert {n for n in part.facet_names if "|" in n} == {"LPSCl|NMC", "LPSCl|void", "NMC|void"}


def test_grade_makes_bulk_coarser_and_leaves_the_interface():
    volume = ball(20, 5.0)
    fine = mesh_with_gmsh(volume, gmsh=QUICK)
    coarse = mesh_with_gmsh(volume, options=LatticeOptions(grade=2), gmsh=QUICK)
    assert_sound(coarse, volume)
    assert coarse.n_tets < 0.8 * fine.n_tets
    tag = fine.facet_tag("ball|matrix")
    assert (coarse.facet_tags == coarse.facet_tag("ball|matrix")).sum() == (fine.facet_tags == tag).sum()


def test_same_mesh_twice():
    volume = cathode(10)
    one, two = (mesh_with_gmsh(volume) for _ in range(2))
    np.testing.assert_array_equal(one.points, two.points)
    np.testing.assert_array_equal(one.tets, two.tets)


@pytest.mark.parametrize("algorithm", ["delaunay", "frontal"])
def test_other_algorithms(algorithm):
    volume = cathode(10)
    assert_sound(mesh_with_gmsh(volume, gmsh=GmshOptions(algorithm=algorithm)), volume)


@pytest.mark.parametrize("seed", range(6))
def test_noise_is_meshed_or_refused_in_plain_words(seed):
    rng = np.random.default_rng(seed)
    volume = LabelledVolume(rng.integers(0, 2 + seed % 3, (8, 8, 8)).astype(np.uint8), (UM,) * 3)
    refusal = ""
    try:
        mesh = mesh_with_gmsh(volume, gmsh=QUICK)
    except MeshingError as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith("engine: Gmsh")
        assert 'engine="lattice"' in refusal
    else:
        assert_sound(mesh, volume)


def test_surfaces_that_cross_are_refused_in_plain_words(monkeypatch):
    volume = ball()
    surfaces = extract_surfaces(volume)
    # one point of the ball is pulled through its far side
    inner = surfaces.triangles[surfaces.rows_of("ball|matrix")].ravel()
    highest = inner[np.argmax(surfaces.points[inner, 2])]
    surfaces.points[highest, 2] = 2.3 * UM
    monkeypatch.setattr("ssb2mesh.gmsh_engine.engine.extract_surfaces", lambda *_, **__: surfaces)
    with pytest.raises(MeshingError, match='engine: Gmsh .*the default, engine="lattice"'):
        mesh_with_gmsh(volume, gmsh=QUICK)


def test_a_crash_a_hang_and_nonsense_are_told(monkeypatch, tmp_path):
    volume = ball(8, 2.5)
    with pytest.raises(MeshingError, match=r'Gmsh has not finished after 0.01 s; the default, engine="lattice"'):
        mesh_with_gmsh(volume, gmsh=GmshOptions(timeout_s=0.01))
    worker = tmp_path / "worker.py"
    worker.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", encoding="utf-8")
    monkeypatch.setattr("ssb2mesh.gmsh_engine.engine.__file__", str(tmp_path / "engine.py"))
    with pytest.raises(MeshingError, match=r'crashed on these surfaces \(signal 11, Segm.*engine="lattice"'):
        mesh_with_gmsh(volume)


def test_own_session_of_the_user_is_left_alone():
    import gmsh

    gmsh.initialize(interruptible=False)
    try:
        gmsh.model.add("mine")
        gmsh.option.setNumber("Mesh.MeshSizeMax", 0.123)
        mesh_with_gmsh(ball(8, 2.5), gmsh=QUICK)
        assert gmsh.isInitialized()
        assert gmsh.model.getCurrent() == "mine"
        assert gmsh.option.getNumber("Mesh.MeshSizeMax") == 0.123
    finally:
        gmsh.finalize()


def test_it_is_silent(tmp_path):
    code = (
        "import numpy as np; from ssb2mesh import LabelledVolume, mesh_volume\n"
        "labels = np.zeros((4, 4, 4), np.uint8); labels[2:] = 1\n"
        "mesh_volume(LabelledVolume(labels, (1e-6,) * 3), engine='gmsh')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
    assert not list(tmp_path.iterdir())


def test_bad_options_are_told(monkeypatch):
    with pytest.raises(InputError, match="algorithm: got 'hx'; algorithms: hxt, delaunay, frontal, did you mean 'hxt'"):
        GmshOptions(algorithm="hx")
    with pytest.raises(InputError, match="growth: got -1; give a number from 0 to 10"):
        GmshOptions(growth=-1)
    with pytest.raises(InputError, match="timeout_s: got 0; give a positive number of seconds"):
        GmshOptions(timeout_s=0)
    with pytest.raises(InputError, match="engine: got 'gmesh'; engines: lattice, gmsh, did you mean 'gmsh'"):
        mesh_volume(ball(8, 2.5), engine="gmesh")
    monkeypatch.setattr("ssb2mesh.gmsh_engine.engine.available_memory_bytes", lambda: 1000)
    with pytest.raises(ResourceError, match="Gmsh needs about .* GiB .*a cell size .* times larger fits"):
        mesh_with_gmsh(ball(8, 2.5))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r'pip install "ssb2mesh\[gmsh\]"'):
        mesh_with_gmsh(ball(8, 2.5))


def test_the_process_of_the_user_never_loads_gmsh():
    package = Path(mesh_with_gmsh.__code__.co_filename).parent
    importing = [p.name for p in package.glob("*.py") if "import gmsh" in p.read_text(encoding="utf-8")]
    assert importing == ["worker.py"]
