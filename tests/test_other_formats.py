"""Ansys, UNV, MED, surfaces and MSH, each through a reader that is not ours; scikit-fem and DOLFINx go on to solve."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, random_mesh
from helpers_ranks import run_guarded
from test_exodus import loops, wanted_sets

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_names import LossWarning, joined_name
from ssb2mesh.io.meshes import write_mesh
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.split import split_interfaces


def read_other(path: Path):
    return pytest.importorskip("meshioplusplus", reason="pip install meshioplusplus").read(path)


def blocks(read) -> dict[str, tuple[int, np.ndarray]]:
    return {block.type: (i, np.asarray(block.data)) for i, block in enumerate(read.cells)}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("split", [False, True])
def test_an_ansys_archive_has_a_component_for_every_name(tmp_path, order, split):
    mesh = random_mesh(3, 4, seed=2, drop=("phase2",))
    mesh = split_interfaces(mesh, "all") if split else mesh
    write_mesh(mesh, tmp_path / "m.cdb", order=order)
    read = read_other(tmp_path / "m.cdb")
    points = np.asarray(read.points)
    np.testing.assert_allclose(points[: mesh.n_points], mesh.points, rtol=1e-13, atol=0)  # 14 digits in the file
    found = blocks(read)
    at, tets = found["tetra" if order == 1 else "tetra10"]
    at_triangles, triangles = found["triangle" if order == 1 else "triangle6"]
    np.testing.assert_array_equal(tets[:, :4], mesh.tets)
    for name, tag in mesh.cell_names.items():
        np.testing.assert_array_equal(np.sort(read.cell_sets[name.upper()][at]), np.flatnonzero(mesh.cell_tags == tag))
    wanted = wanted_sets(mesh)
    assert set(read.cell_sets) == {n.upper() for n in [*mesh.cell_names, *wanted]}
    for name, triangles_of in wanted.items():
        held = triangles[read.cell_sets[name.upper()][at_triangles]][:, :3]
        assert loops(mesh.points, held) == triangles_of, name
        nodes = read.point_sets[f"N_{name.upper()}"]
        assert set(nodes[nodes < mesh.n_points]) == set(np.unique(held))
    if order == 2:
        ends = tets[:, [[0, 1], [1, 2], [0, 2], [0, 3], [1, 3], [2, 3]]]
        np.testing.assert_allclose(points[tets[:, 4:]], points[ends].mean(axis=2), atol=1e-13)


def test_an_ansys_archive_is_laid_out_in_fields(tmp_path):
    mesh = random_mesh(3, 2)
    write_mesh(mesh, tmp_path / "m.cdb")
    lines = (tmp_path / "m.cdb").read_text().splitlines()
    start = lines.index("(3i9,6e21.13e3)")
    assert all(len(line) == 27 + 63 for line in lines[start + 1 : start + 1 + mesh.n_points])
    assert re.fullmatch(r" *1 +0 +0( [ -]\d\.\d{13}E[+-]\d{3}){3}", lines[start + 1].replace("0 0.", "0  0."))
    start = lines.index("(19i9)")
    assert all(len(line) == 15 * 9 for line in lines[start + 1 : start + 1 + mesh.n_tets])
    assert lines[start + 1 + mesh.n_tets + sum(len(w) for w in wanted_sets(mesh).values())] == "       -1"


@pytest.mark.parametrize("suffix", [".unv", ".med"])
@pytest.mark.parametrize("order", [1, 2])
def test_universal_and_med_files_have_groups_by_name(tmp_path, suffix, order):
    pytest.importorskip("gmsh")
    mesh = random_mesh(3, 3, seed=2, drop=("phase2",))
    write_mesh(mesh, tmp_path / f"m{suffix}", order=order)
    assert [p.name for p in tmp_path.iterdir()] == [f"m{suffix}"]
    read = read_other(tmp_path / f"m{suffix}")
    points = np.asarray(read.points)
    found = blocks(read)
    at, tets = found["tetra" if order == 1 else "tetra10"]
    at_triangles, triangles = found["triangle" if order == 1 else "triangle6"]
    texts = {joined_name(name): name for name in [*mesh.cell_names, *mesh.facet_names]}
    assert set(read.cell_sets) == set(texts)
    for text, name in texts.items():
        if name in mesh.cell_names:
            volumes = points[tets[read.cell_sets[text][at]][:, :4]]
            edges = volumes[:, 1:] - volumes[:, :1]
            assert np.abs(np.linalg.det(edges)).sum() / 6 == pytest.approx(mesh.phase_volumes()[name], rel=1e-12)
        else:
            held = triangles[read.cell_sets[text][at_triangles]][:, :3]
            assert loops(points, held) == loops(mesh.points, mesh.facet_set(name)), name


def test_salomes_own_library_reads_the_med_groups(tmp_path):
    pytest.importorskip("gmsh")
    med = pytest.importorskip("medcoupling", reason="pip install medcoupling")
    mesh = random_mesh(3, 3, seed=2)
    write_mesh(mesh, tmp_path / "m.med")
    file = med.MEDFileUMesh(str(tmp_path / "m.med"))
    for name, tag in mesh.cell_names.items():
        assert len(file.getGroupArr(0, name)) == (mesh.cell_tags == tag).sum()
    for name in mesh.facet_names:
        assert len(file.getGroupArr(-1, joined_name(name))) == len(mesh.facet_set(name))


def test_surfaces_of_a_mesh_and_what_they_lose(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    labels = np.ones((3, 3, 3), int)
    labels[1, 1, 1] = 2
    mesh = box_mesh(3, labels, size=(3e-6,) * 3, names={1: "LPSCl", 2: "NMC"})
    for suffix in ("stl", "ply", "glb", "vtp"):
        with pytest.warns(LossWarning, match=f"{suffix.upper()} cannot hold volumes: 162 tets of 2 phases left out; "
                                             "coordinates in um"):  # fmt: skip
            write_mesh(mesh, tmp_path / f"one.{suffix}", sets=("LPSCl|NMC",))
    for suffix in ("stl", "ply"):
        cube = trimesh.load(tmp_path / f"one.{suffix}")
        assert cube.is_watertight
        assert cube.area == pytest.approx(6.0, rel=1e-6)  # um2; single precision in STL
        assert cube.volume == pytest.approx(-1.0, rel=1e-6)  # normals from LPSCl to NMC: into the particle
    with pytest.warns(LossWarning):
        write_mesh(mesh, tmp_path / "all.glb")
    scene = trimesh.load(tmp_path / "all.glb")
    # whole sides would hold each triangle twice
    assert set(scene.geometry) == {name for name in mesh.facet_names if name[1] != "_"}
    assert sum(g.area for g in scene.geometry.values()) == pytest.approx(60.0, rel=1e-5)
    with pytest.warns(LossWarning, match="PLY holds one surface: 7 facet sets joined"):
        write_mesh(mesh, tmp_path / "all.ply")
    assert trimesh.load(tmp_path / "all.ply").area == pytest.approx(60.0, rel=1e-12)
    with pytest.raises(InputError, match=r"no set 'NMC\|LPSC'"):
        write_mesh(mesh, tmp_path / "no.stl", sets=("NMC|LPSC",))
    bare = TaggedMesh(mesh.points, mesh.tets, mesh.cell_tags, mesh.facets[:0], mesh.facet_tags[:0], mesh.cell_names, {})
    with pytest.raises(InputError, match="no triangles in the mesh"):
        write_mesh(bare, tmp_path / "no.stl")


def test_vtm_has_a_block_for_every_name(tmp_path):
    pv = pytest.importorskip("pyvista")
    mesh = random_mesh(3, 3, drop=("phase2",))
    for _ in range(2):  # the second time over the first
        write_mesh(mesh, tmp_path / "m.vtm", point_data={"x": mesh.points[:, 0]}, cell_data={"q": np.ones(mesh.n_tets)})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "m.vtm"]
    phases, sets = pv.read(tmp_path / "m.vtm")
    assert phases.keys() == list(mesh.cell_names)
    assert sets.keys() == list(mesh.facet_names)
    for name, volume in mesh.phase_volumes().items():
        assert phases[name].volume == pytest.approx(volume, rel=1e-12)
        np.testing.assert_array_equal(phases[name]["x"], phases[name].points[:, 0])
        assert set(phases[name]["q"]) == {1.0}
    for name, area in mesh.facet_areas().items():
        assert sets[name].area == pytest.approx(area, rel=1e-12)
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match=r"taken exists and belongs to no taken\.vtm"):
        write_mesh(mesh, tmp_path / "taken.vtm")
    assert list((tmp_path / "taken").iterdir()) == []


CONDUCTIVITY = {"phase1": 1.0, "phase2": 30.0, "phase3": 0.05}


def test_scikit_fem_reads_every_name_of_the_msh_and_conducts_as_our_solver(tmp_path):
    skfem = pytest.importorskip("skfem", reason="pip install scikit-fem")
    pytest.importorskip("h5py")  # before DOLFINx, which brings an HDF5 of its own
    pytest.importorskip("dolfinx")
    from skfem.helpers import dot, grad

    import solvers

    mesh = random_mesh(4, 3, seed=6)
    write_mesh(mesh, tmp_path / "m.msh")
    other = skfem.MeshTet.load(str(tmp_path / "m.msh"))
    for name, tag in mesh.cell_names.items():
        assert len(other.subdomains[name]) == (mesh.cell_tags == tag).sum()
    for name in mesh.facet_names:
        assert len(other.boundaries[name]) == len(mesh.facet_set(name)), name

    @skfem.BilinearForm
    def conduct(u, v, w):
        return w.sigma * dot(grad(u), grad(v))

    sigma = np.zeros(other.nelements)
    for name, value in CONDUCTIVITY.items():
        sigma[other.subdomains[name]] = value
    basis = skfem.Basis(other, skfem.ElementTetP1())
    matrix = conduct.assemble(basis, sigma=np.tile(sigma[:, None], (1, basis.X.shape[1])))
    phi = basis.zeros()
    low, high = (basis.get_dofs(side).all() for side in ("z_min", "z_max"))
    phi[high] = 1.0
    phi = skfem.solve(*skfem.condense(matrix, x=phi, D=np.concatenate([low, high])))
    current = float((matrix @ phi)[high].sum())
    solution = solvers.conduction(
        solvers.load_domain(mesh), conductivity=CONDUCTIVITY, fixed={"z_min": 0.0, "z_max": 1.0}
    )
    # the same linear elements: only the tolerance of the linear solver lies between
    assert abs(solution.currents["z_max"]) == pytest.approx(current, rel=1e-6)


BY_DOLFINX = """
import json, sys
import gmsh, numpy as np
from mpi4py import MPI
try:
    from dolfinx.io import gmshio
except ImportError:
    from dolfinx.io import gmsh as gmshio
gmsh.initialize()
gmsh.option.setNumber("General.Terminal", 0)
gmsh.merge(sys.argv[1])
found = gmshio.model_to_mesh(gmsh.model, MPI.COMM_WORLD, 0, 3)
cells, facets = found[1], found[2]
print(json.dumps([np.bincount(t.values, minlength=200).tolist() for t in (cells, facets)]))
"""


@pytest.mark.parametrize("version", ["2.2", "4.1"])
def test_dolfinx_takes_cells_and_facets_from_the_msh(tmp_path, version):
    if importlib.util.find_spec("dolfinx") is None:
        pytest.skip("DOLFINx is not installed")
    pytest.importorskip("gmsh")
    mesh = random_mesh(3, 3, seed=6)
    write_mesh(mesh, tmp_path / "m.msh", version=version)
    command = [sys.executable, "-W", "ignore", "-c", BY_DOLFINX, str(tmp_path / "m.msh")]
    done = run_guarded(command)
    assert done.returncode == 0, done.stderr[-2000:]
    cells, facets = json.loads(done.stdout.splitlines()[-1])
    assert cells == np.bincount(mesh.cell_tags, minlength=200).tolist()
    for name, tag in mesh.facet_names.items():
        # one value a facet: a triangle of A@z_min has that value, and the union comes out empty
        assert facets[tag] == (0 if name[1] == "_" else len(mesh.facet_set(name))), name
