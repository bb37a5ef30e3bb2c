"""Mesh files: what is written is read back to the last bit, other programs agree, bad files are named as such."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, random_mesh
from helpers_ranks import run_guarded

from ssb2mesh.errors import InputError
from ssb2mesh.facet_atoms import facet_atoms
from ssb2mesh.io.mesh_xdmf import read_tags_table
from ssb2mesh.io.meshes import MeshFormat, mesh_formats, read_mesh, read_mesh_data, register_format, write_mesh
from ssb2mesh.mesh import TaggedMesh

FORMATS = {
    "xdmf": ("mesh.xdmf", {}),
    "h5": ("mesh.h5", {}),
    "vtu": ("mesh.vtu", {}),
    "vtu-zlib": ("mesh.vtu", {"compress": True}),
    "msh41": ("mesh.msh", {}),
    "msh41-ascii": ("mesh.msh", {"binary": False}),
    "msh22": ("mesh.msh", {"version": "2.2"}),
    "msh22-ascii": ("mesh.msh", {"version": "2.2", "binary": False}),
    "vtu-order2": ("mesh.vtu", {"order": 2}),
    "msh41-order2": ("mesh.msh", {"order": 2}),
    "msh22-order2": ("mesh.msh", {"version": "2.2", "binary": False, "order": 2}),
    "exodus": ("mesh.e", {}),
    "exodus-netcdf4": ("mesh.e", {"storage": "netcdf4"}),
}
every_format = pytest.mark.parametrize(("name", "options"), FORMATS.values(), ids=FORMATS)


def assert_same(a: TaggedMesh, b: TaggedMesh) -> None:
    for key in ("points", "tets", "cell_tags", "facets", "facet_tags", "box"):
        x, y = getattr(a, key), getattr(b, key)
        assert x.dtype == y.dtype, key
        np.testing.assert_array_equal(x, y, err_msg=key)
    assert list(a.cell_names.items()) == list(b.cell_names.items())
    assert list(a.facet_names.items()) == list(b.facet_names.items())
    assert dict(a.metadata) == dict(b.metadata)


def awkward_mesh() -> TaggedMesh:
    """Names, tags, coordinates, box and metadata that files like to lose."""
    labels = np.random.default_rng(3).integers(0, 5, (3, 4, 2))
    names = {
        0: "Li₂S–P₂S₅ électrolyte",
        1: 'a "quoted" & <odd> name',
        2: "x" * 200,
        3: "$EndNodes",
        4: "ssb2mesh:header",
    }
    mesh = box_mesh(
        (3, 4, 2), labels, size=(1e-6 / 3, 0.1, 7.0), origin=(-1 / 3, 1e-9, 1e6), names=names, drop=("$EndNodes",)
    )
    tags = {name: 10 * tag - 7 for name, tag in mesh.facet_names.items()}
    return dataclasses.replace(
        mesh,
        facet_names={**tags, "empty set": 5000},
        facet_tags=10 * mesh.facet_tags - 7,
        tets=mesh.tets.astype(np.int64),
        metadata={"options": {"cell_size": "2 voxels"}, "text": 'é "\n$End', "list": [1, 2.5, None, True]},
    )


@every_format
@pytest.mark.parametrize("phases", range(1, 7))
def test_round_trip_of_one_to_six_phases(tmp_path, name, options, phases):
    mesh = random_mesh(3, phases, seed=phases)
    write_mesh(mesh, tmp_path / name, **options)
    assert_same(read_mesh(tmp_path / name), mesh)


@every_format
def test_round_trip_of_awkward_names_tags_and_sizes(tmp_path, name, options):
    mesh = awkward_mesh()
    write_mesh(mesh, tmp_path / name, **options)
    assert_same(read_mesh(tmp_path / name), mesh)


@every_format
def test_round_trip_of_many_side_sets(tmp_path, name, options):
    mesh = random_mesh(6, 16, seed=1)
    assert len(mesh.facet_names) > 100
    write_mesh(mesh, tmp_path / name, **options)
    assert_same(read_mesh(tmp_path / name), mesh)


@every_format
def test_round_trip_of_rows_in_any_order_and_orientation(tmp_path, name, options):
    mesh = random_mesh(3, 3)
    rng = np.random.default_rng(0)
    order = np.lexsort((rng.random(len(mesh.facets)), mesh.facet_tags))
    facets = np.stack([row[rng.permutation(3)] for row in mesh.facets[order]])
    mesh = dataclasses.replace(mesh, facets=facets, facet_tags=mesh.facet_tags[order])
    write_mesh(mesh, tmp_path / name, **options)
    assert_same(read_mesh(tmp_path / name), mesh)


@every_format
def test_round_trip_without_facets_and_with_tag_zero(tmp_path, name, options):
    whole = random_mesh(2, 2)
    mesh = TaggedMesh(whole.points, whole.tets, whole.cell_tags - 1, np.zeros((0, 3), int), np.zeros(0, int),
                      {"phase1": 0, "phase2": 1}, {})  # fmt: skip
    write_mesh(mesh, tmp_path / name, **options)
    assert_same(read_mesh(tmp_path / name), mesh)


@every_format
def test_fields_come_back(tmp_path, name, options):
    mesh = random_mesh(3, 3)
    rng = np.random.default_rng(0)
    point_data = {
        "potential": rng.random(mesh.n_points),
        "u": rng.random((mesh.n_points, 3)),
        "a/b:c": mesh.points[:, :2],
    }
    cell_data = {"rank": np.arange(mesh.n_tets, dtype=np.int32), "σ": rng.random((mesh.n_tets, 9)).astype(np.float32)}
    write_mesh(mesh, tmp_path / name, point_data=point_data, cell_data=cell_data, **options)
    data = read_mesh_data(tmp_path / name)
    for wanted, got in ((point_data, data.point_data), (cell_data, data.cell_data)):
        assert list(wanted) == list(got)
        for key, values in wanted.items():
            assert got[key].dtype == values.dtype
            np.testing.assert_array_equal(got[key], values)


@every_format
def test_what_is_read_can_be_written_to(tmp_path, name, options):
    write_mesh(random_mesh(2, 2), tmp_path / name, **options)
    mesh = read_mesh(tmp_path / name)
    for array in (mesh.points, mesh.tets, mesh.cell_tags, mesh.facets, mesh.facet_tags):
        array[:1] = array[:1]


def test_writing_leaves_only_the_files_it_says(tmp_path):
    mesh = random_mesh(2, 2)
    for suffix in ("xdmf", "vtu", "msh"):
        write_mesh(mesh, tmp_path / f"m.{suffix}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.h5", "m.msh", "m.vtu", "m.xdmf", "m_facets.vtu"]


@every_format
def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path, name, options, monkeypatch):
    old, new = random_mesh(2, 2), random_mesh(3, 2)
    write_mesh(old, tmp_path / name, **options)
    before = sorted(p.name for p in tmp_path.iterdir())
    broken = dataclasses.replace(new, metadata={"object": object()})
    with pytest.raises(InputError, match=r"metadata.*object is not JSON-able"):
        write_mesh(broken, tmp_path / name, **options)
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert_same(read_mesh(tmp_path / name), old)


def test_native_file_has_one_atom_a_triangle_and_its_table(tmp_path):
    import h5py

    mesh = random_mesh(4, 3)
    write_mesh(mesh, tmp_path / "m.xdmf")
    table = read_tags_table(tmp_path / "m.xdmf")
    found = facet_atoms(mesh)
    assert table.sets == found.sets
    assert table.phases == dict(mesh.cell_names)
    assert (table.n_points, table.n_tets, table.n_triangles) == (mesh.n_points, mesh.n_tets, len(found.triangles))
    with h5py.File(tmp_path / "m.h5") as file:
        np.testing.assert_array_equal(file["facets/triangles"], found.triangles)
        np.testing.assert_array_equal(file["facets/atoms"], found.atoms)
        assert file["names/facet_sets/name"].asstr()[()].tolist() == list(mesh.facet_names)
        assert file["names/phases/tag"][()].tolist() == list(mesh.cell_names.values())


def test_native_file_keeps_names_longer_than_an_attribute_may_be(tmp_path):
    mesh = dataclasses.replace(random_mesh(2, 1), metadata={"log": "x" * 200_000})
    write_mesh(mesh, tmp_path / "m.xdmf")
    assert_same(read_mesh(tmp_path / "m.xdmf"), mesh)


def test_vtk_reads_the_xdmf_as_grids_of_tets_and_triangles(tmp_path):
    vtk = pytest.importorskip("vtk")
    mesh = random_mesh(3, 3)
    write_mesh(mesh, tmp_path / "m.xdmf", point_data={"phi": mesh.points[:, 2]})
    reader = vtk.vtkXdmfReader()
    reader.SetFileName(str(tmp_path / "m.xdmf"))
    reader.Update()
    blocks = reader.GetOutputDataObject(0)
    kinds = [blocks.GetBlock(i).GetCell(0).GetNumberOfPoints() for i in range(blocks.GetNumberOfBlocks())]
    assert sorted(kinds) == [3, 4, 4]
    tets = blocks.GetBlock(0)
    assert tets.GetNumberOfCells() == mesh.n_tets
    assert tets.GetCellData().GetArray("phase") is not None
    assert tets.GetPointData().GetArray("phi") is not None


def test_pyvista_and_meshio_read_the_vtu(tmp_path):
    pv, meshio = pytest.importorskip("pyvista"), pytest.importorskip("meshio")
    mesh = random_mesh(3, 3)
    for options in ({}, {"compress": True}):
        write_mesh(mesh, tmp_path / "m.vtu", point_data={"phi": mesh.points[:, 2]}, **options)
        grid = pv.read(tmp_path / "m.vtu")
        np.testing.assert_array_equal(grid["phase"], mesh.cell_tags)
        np.testing.assert_array_equal(grid["phi"], mesh.points[:, 2])
        assert grid.volume == pytest.approx(1.0, rel=1e-12)  # rounding of a sum of 162 tets
        assert grid.field_data["phase2"].tolist() == [2, 3]
        facets = pv.read(tmp_path / "m_facets.vtu")
        assert facets.extract_cells(facets["facet_set"] == mesh.facet_tag("z_min")).area == pytest.approx(
            1.0, rel=1e-12
        )
        other = meshio.read(tmp_path / "m.vtu")
        np.testing.assert_array_equal(other.cells_dict["tetra"], mesh.tets)
        np.testing.assert_array_equal(other.cell_data["phase"][0], mesh.cell_tags)


@pytest.mark.parametrize("binary", [True, False])
def test_a_vtu_saved_again_by_pyvista_is_still_the_same_mesh(tmp_path, binary):
    pv = pytest.importorskip("pyvista")
    mesh = awkward_mesh()
    write_mesh(mesh, tmp_path / "m.vtu")
    pv.read(tmp_path / "m.vtu").save(tmp_path / "again.vtu", binary=binary)
    if binary:
        assert_same(read_mesh(tmp_path / "again.vtu"), mesh)
    else:  # VTK writes fewer digits as text; names and connectivity still hold
        again = read_mesh(tmp_path / "again.vtu")
        np.testing.assert_array_equal(again.tets, mesh.tets)
        assert dict(again.facet_names) == dict(mesh.facet_names)


@pytest.mark.parametrize("version", ["4.1", "2.2"])
@pytest.mark.parametrize("binary", [True, False])
def test_gmsh_sees_every_physical_group_and_its_elements(tmp_path, version, binary):
    gmsh = pytest.importorskip("gmsh")
    mesh = random_mesh(4, 4, drop=("phase3",))
    write_mesh(mesh, tmp_path / "m.msh", version=version, binary=binary, point_data={"phi": mesh.points[:, 0]})
    gmsh.initialize()
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.logger.start()
        gmsh.open(str(tmp_path / "m.msh"))
        assert not [line for line in gmsh.logger.get() if line.startswith(("Error", "Warning"))]
        gmsh.logger.stop()
        groups = {gmsh.model.getPhysicalName(d, t): (d, t) for d, t in gmsh.model.getPhysicalGroups()}
        assert set(groups) == set(mesh.cell_names) | set(mesh.facet_names)
        for name, (dimension, tag) in groups.items():
            found = 0
            for entity in gmsh.model.getEntitiesForPhysicalGroup(dimension, tag):
                found += sum(map(len, gmsh.model.mesh.getElements(dimension, entity)[1]))
            tags, wanted = (mesh.cell_tags, mesh.cell_names) if dimension == 3 else (mesh.facet_tags, mesh.facet_names)
            assert found == (tags == wanted[name]).sum(), name
        gmsh.write(str(tmp_path / "again.msh"))
        # a mesh that gmsh has changed must not be taken for the one that ssb2mesh wrote
        gmsh.model.mesh.refine()
        gmsh.write(str(tmp_path / "finer.msh"))
    finally:
        gmsh.finalize()
    again = read_mesh(tmp_path / "again.msh")
    # rounding: gmsh may write points in another order
    assert again.facet_areas() == pytest.approx(mesh.facet_areas(), rel=1e-12)
    assert again.phase_volumes() == pytest.approx(mesh.phase_volumes(), rel=1e-12)
    finer = read_mesh(tmp_path / "finer.msh")
    assert finer.n_tets == 8 * mesh.n_tets
    assert finer.phase_volumes() == pytest.approx(mesh.phase_volumes(), rel=1e-12)
    assert finer.facet_areas() == pytest.approx(mesh.facet_areas(), rel=1e-12)


@pytest.mark.parametrize("version", ["4.1", "2.2"])
@pytest.mark.parametrize("binary", [True, False])
def test_meshio_reads_the_msh(tmp_path, version, binary):
    meshio = pytest.importorskip("meshio")
    mesh = random_mesh(3, 3)
    write_mesh(mesh, tmp_path / "m.msh", version=version, binary=binary)
    other = meshio.read(tmp_path / "m.msh")
    assert len(other.cells_dict["tetra"]) == mesh.n_tets
    for name, tag in mesh.cell_names.items():
        assert other.field_data[name].tolist() == [tag, 3]
        assert (other.cell_data_dict["gmsh:physical"]["tetra"] == tag).sum() == (mesh.cell_tags == tag).sum()


@pytest.mark.parametrize("name", ["m.vtu", "a.msh", "b.msh"])
def test_other_programs_put_the_mid_nodes_on_the_middle_of_their_edges(tmp_path, name):
    meshio = pytest.importorskip("meshio")
    mesh = random_mesh(3, 3)
    options = {"version": "2.2"} if name == "b.msh" else {}
    write_mesh(mesh, tmp_path / name, order=2, point_data={"x": mesh.points[:, 0]}, **options)
    other = meshio.read(tmp_path / name)
    tets = other.cells_dict["tetra10"]
    ends = tets[:, [[0, 1], [1, 2], [0, 2], [0, 3], [1, 3], [2, 3]]]
    np.testing.assert_allclose(other.points[tets[:, 4:]], other.points[ends].mean(axis=2), atol=1e-15)
    if name != "a.msh":  # of MSH 4.1 meshio reorders the nodes but not the fields
        np.testing.assert_array_equal(other.points[tets[:, :4]], mesh.points[mesh.tets])
        np.testing.assert_allclose(other.point_data["x"], other.points[:, 0], atol=1e-15)
    if name != "m.vtu":
        wide = other.cells_dict["triangle6"]
        ends = wide[:, [[0, 1], [1, 2], [0, 2]]]
        np.testing.assert_allclose(other.points[wide[:, 3:]], other.points[ends].mean(axis=2), atol=1e-15)


@pytest.mark.parametrize("version", ["2.2", "4.1"])
def test_gmsh_takes_second_order_tets_and_its_own_come_in_by_corners(tmp_path, version):
    gmsh = pytest.importorskip("gmsh")
    mesh = random_mesh(3, 2)
    write_mesh(mesh, tmp_path / "m.msh", order=2, version=version)
    gmsh.initialize()
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.open(str(tmp_path / "m.msh"))
        _, tags, _ = gmsh.model.mesh.getElements(3)
        quality = np.concatenate([gmsh.model.mesh.getElementQualities(list(t), "minDetJac") for t in tags])
        assert quality.min() == pytest.approx(1 / 27, rel=1e-9)  # six times the volume of the tets, nowhere less
        gmsh.model.mesh.removeDuplicateNodes()
        gmsh.model.mesh.renumberNodes()
        gmsh.model.mesh.refine()
        gmsh.option.setNumber("Mesh.MshFileVersion", float(version))
        gmsh.write(str(tmp_path / "finer.msh"))
    finally:
        gmsh.finalize()
    finer = read_mesh(tmp_path / "finer.msh")
    assert finer.n_tets == 8 * mesh.n_tets
    assert finer.facet_areas() == pytest.approx(mesh.facet_areas(), rel=1e-12)
    assert finer.n_points == len(np.unique(finer.tets))


def test_a_mesh_made_by_gmsh_comes_in_by_its_physical_groups(tmp_path):
    gmsh = pytest.importorskip("gmsh")
    gmsh.initialize()
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        volume = gmsh.model.occ.addBox(0, 0, 0, 1, 1, 1)
        gmsh.model.occ.synchronize()
        bottom = [t for d, t in gmsh.model.getEntitiesInBoundingBox(-0.1, -0.1, -0.1, 1.1, 1.1, 0.1, 2) if d == 2]
        gmsh.model.addPhysicalGroup(3, [volume], 7, "NMC")
        gmsh.model.addPhysicalGroup(2, bottom, 9, "z_min")
        gmsh.model.mesh.generate(3)
        for version in (4.1, 2.2):
            gmsh.option.setNumber("Mesh.MshFileVersion", version)
            gmsh.write(str(tmp_path / f"{version}.msh"))
    finally:
        gmsh.finalize()
    for version in ("4.1", "2.2"):
        mesh = read_mesh(tmp_path / f"{version}.msh")
        assert mesh.phase_volumes() == pytest.approx({"NMC": 1.0}, rel=1e-12)
        assert mesh.facet_areas() == pytest.approx({"z_min": 1.0}, rel=1e-12)


DOLFINX = """
import sys
import numpy as np
from mpi4py import MPI
from dolfinx.io import XDMFFile
comm = MPI.COMM_WORLD
with XDMFFile(comm, sys.argv[1], "r") as file:
    mesh = file.read_mesh(name="mesh")
    cells = file.read_meshtags(mesh, name="cell_tags")
    mesh.topology.create_connectivity(2, 3)
    facets = file.read_meshtags(mesh, name="facet_tags")
def count(tags, dim):
    own = tags.values[tags.indices < mesh.topology.index_map(dim).size_local]
    return comm.allreduce(np.bincount(own, minlength=200))
result = count(cells, 3), count(facets, 2)
if comm.rank == 0:
    np.savez(sys.argv[2], cells=result[0], facets=result[1])
"""


@pytest.mark.parametrize("ranks", [1, 2])
def test_dolfinx_reads_mesh_and_tags(tmp_path, ranks):
    pytest.importorskip("dolfinx")
    launcher = shutil.which("mpirun")
    if launcher is None:
        pytest.skip("mpirun is not installed")
    mesh = random_mesh(5, 4)
    write_mesh(
        mesh, tmp_path / "m.xdmf", point_data={"phi": mesh.points[:, 0]}, cell_data={"q": np.arange(mesh.n_tets)}
    )
    command = [launcher, "-n", ranks, sys.executable, "-c", DOLFINX, tmp_path / "m.xdmf", tmp_path / "out.npz"]
    allowed = {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
    }
    done = run_guarded(command, env=os.environ | allowed)
    assert done.returncode == 0, done.stderr[-2000:]
    got = np.load(tmp_path / "out.npz")
    np.testing.assert_array_equal(got["cells"], np.bincount(mesh.cell_tags, minlength=200))
    np.testing.assert_array_equal(got["facets"], np.bincount(facet_atoms(mesh).atoms, minlength=200))


def test_unknown_suffix_names_the_known_ones(tmp_path):
    mesh = random_mesh(2, 1)
    with pytest.raises(InputError, match=r"cannot write 'm.vtk'.*\.xdmf.*\.vtu \(VTU\).*did you mean '\.vtu'"):
        write_mesh(mesh, tmp_path / "m.vtk")
    with pytest.raises(InputError, match="no suffix"):
        read_mesh(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_format_can_be_added(tmp_path):
    def write(data, path):
        path.write_text(str(data.mesh.n_tets))

    register_format(MeshFormat("Count", (".count",), None, write))
    try:
        write_mesh(random_mesh(2, 1), tmp_path / "m.count")
        assert (tmp_path / "m.count").read_text() == "48"
        with pytest.raises(InputError, match="cannot read 'm.count'"):
            read_mesh(tmp_path / "m.count")
    finally:
        from ssb2mesh.io import meshes

        del meshes._FORMATS[".count"]
    assert ".count" not in mesh_formats()


def test_bad_arguments_of_writing(tmp_path):
    mesh = random_mesh(2, 1)
    with pytest.raises(InputError, match="folder .*missing does not exist"):
        write_mesh(mesh, tmp_path / "missing" / "m.vtu")
    known = "options: version, binary, order, curved, did you mean 'version'"
    with pytest.raises(InputError, match=rf"versoin: no such option of Gmsh; {known}"):
        write_mesh(mesh, tmp_path / "m.msh", versoin="2.2")
    with pytest.raises(InputError, match=r"got '4.0'.*'4.1', '2.2'"):
        write_mesh(mesh, tmp_path / "m.msh", version="4.0")
    with pytest.raises(InputError, match=r"point_data 'phi': got shape \(5,\); expected \(27,\)"):
        write_mesh(mesh, tmp_path / "m.vtu", point_data={"phi": np.zeros(5)})
    with pytest.raises(InputError, match="'phase' is kept"):
        write_mesh(mesh, tmp_path / "m.vtu", cell_data={"phase": np.zeros(48)})
    with pytest.raises(InputError, match="complex128; fields are real"):
        write_mesh(mesh, tmp_path / "m.vtu", cell_data={"z": np.zeros(48, complex)})
    assert list(tmp_path.iterdir()) == []


@every_format
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_called_so(tmp_path, name, options, share):
    write_mesh(random_mesh(4, 3), tmp_path / name, **options)
    path = (tmp_path / name).with_suffix(".h5") if name.endswith("xdmf") else tmp_path / name
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match="path: "):
        read_mesh(tmp_path / name)


def test_files_that_are_something_else(tmp_path):
    for name in ("m.vtu", "m.msh", "m.xdmf", "m.h5"):
        (tmp_path / name).write_bytes(b"no mesh at all\n" * 20)
        with pytest.raises(InputError, match="path: "):
            read_mesh(tmp_path / name)
        with pytest.raises(InputError, match="does not exist"):
            read_mesh(tmp_path / f"other-{name}")
    (tmp_path / "f.vtu").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        read_mesh(tmp_path / "f.vtu")


def test_the_two_native_files_belong_together(tmp_path):
    write_mesh(random_mesh(2, 2), tmp_path / "m.xdmf")
    (tmp_path / "m.h5").unlink()
    with pytest.raises(InputError, match=r"needs m\.h5 beside it.*keep the two files together"):
        read_mesh(tmp_path / "m.xdmf")


def test_vtu_of_another_program_is_refused_by_name(tmp_path):
    pv = pytest.importorskip("pyvista")
    pv.UnstructuredGrid({10: np.array([[0, 1, 2, 3]])}, np.eye(4, 3)).save(tmp_path / "m.vtu")
    with pytest.raises(InputError, match="without the names that ssb2mesh puts into it"):
        read_mesh(tmp_path / "m.vtu")
