"""Exodus II: three readers that are not ours find the names, the sides and the orientation that were written."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, random_mesh

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_exodus import exodus_names, write_exodus_steps
from ssb2mesh.io.mesh_exodus_read import exodus_times, read_exodus
from ssb2mesh.io.mesh_names import LossWarning, house_name, safe_names
from ssb2mesh.io.mesh_sides import facet_sides, side_sets
from ssb2mesh.io.meshes import read_mesh, read_mesh_data, write_mesh
from ssb2mesh.mesh import TET_SIDES, TaggedMesh

netCDF4 = pytest.importorskip("netCDF4")

STORAGES = ("64bit-offset", "64bit-data", "netcdf4")
C_LIBRARY = Path("/usr/lib/x86_64-linux-gnu/libexoIIv2c.so.5")
#: Nodes of the sides of a TETRA, from 1, as the Exodus manual gives them.
SIDE_NODES = np.array([[1, 2, 4], [2, 3, 4], [1, 4, 3], [1, 3, 2]])


def loops(points: np.ndarray, triangles: np.ndarray) -> set[tuple]:
    """Triangles by coordinates, the turn of the corners kept, the lowest first; single precision, as VTK gives them."""
    found = set()
    for corners in points.astype(np.float32)[triangles].tolist():
        first = corners.index(min(corners))
        found.add(tuple(map(tuple, corners[first:] + corners[:first])))
    return found


def wanted_sets(mesh: TaggedMesh) -> dict[str, set[tuple]]:
    """What each side set of a file must hold, from the facet rows alone: normals leave the tets that own the sides."""
    names = exodus_names(mesh).side_sets
    wanted = {}
    for name, (_, text) in names.items():
        a, bar, b = name.partition("|")
        direct = name in mesh.facet_names
        triangles = mesh.facet_set(name if direct else f"{b}|{a}")
        outwards = triangles if direct else triangles[:, ::-1]
        wanted[text] = loops(mesh.points, outwards)
    return wanted


def vtk_sets(path: Path) -> tuple[dict[str, np.ndarray], dict[str, tuple[np.ndarray, np.ndarray]], object]:
    """Blocks (coordinates of tets) and side sets (coordinates, triangles) as VTK's reader gives them."""
    vtk = pytest.importorskip("vtk")
    from vtkmodules.util.numpy_support import vtk_to_numpy

    reader = vtk.vtkExodusIIReader()
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    for i in range(reader.GetNumberOfSideSetArrays()):
        reader.SetSideSetArrayStatus(reader.GetSideSetArrayName(i), 1)
    for kind in (reader.NODAL, reader.ELEM_BLOCK):
        reader.SetAllArrayStatus(kind, 1)
    reader.SetApplyDisplacements(0)
    reader.Update()
    blocks, sets = {}, {}
    tree = reader.GetOutput().NewTreeIterator()
    tree.InitTraversal()
    while not tree.IsDoneWithTraversal():
        grid = tree.GetCurrentDataObject()
        name = tree.GetCurrentMetaData().Get(vtk.vtkCompositeDataSet.NAME())
        points = vtk_to_numpy(grid.GetPoints().GetData())
        corners = vtk_to_numpy(grid.GetCells().GetConnectivityArray())
        if grid.GetCellType(0) == vtk.VTK_TETRA:
            blocks[name] = (points[corners.reshape(-1, 4)], grid)
        else:
            sets[name] = (points, corners.reshape(-1, 3))
        tree.GoToNextItem()
    return blocks, sets, reader


@pytest.mark.parametrize("storage", STORAGES)
def test_vtk_finds_blocks_side_sets_sides_and_fields(tmp_path, storage):
    mesh = random_mesh(4, 4, drop=("phase3",))
    rng = np.random.default_rng(1)
    phi, mises = rng.random(mesh.n_points), rng.random(mesh.n_tets)
    write_mesh(mesh, tmp_path / "m.e", storage=storage, point_data={"phi": phi}, cell_data={"von_mises": mises})
    blocks, sets, _ = vtk_sets(tmp_path / "m.e")
    assert set(blocks) == set(mesh.cell_names)
    from vtkmodules.util.numpy_support import vtk_to_numpy

    for name, (corners, grid) in blocks.items():
        rows = mesh.cell_tags == mesh.cell_names[name]
        np.testing.assert_array_equal(corners, mesh.points[mesh.tets[rows]])
        np.testing.assert_array_equal(vtk_to_numpy(grid.GetCellData().GetArray("von_mises")), mises[rows])
        got = vtk_to_numpy(grid.GetPointData().GetArray("phi"))
        assert set(got) == set(phi[np.unique(mesh.tets[rows])])
    wanted = wanted_sets(mesh)
    # both sides of inner interfaces, one side of walls and of the box
    assert {"phase1_phase2", "phase2_phase1", "phase1_phase3", "phase4_phase3", "phase1_z_min", "z_min"} <= set(wanted)
    assert "phase3_phase1" not in wanted
    assert set(sets) == set(wanted)
    for name, (points, triangles) in sets.items():
        assert loops(points, triangles) == wanted[name], name


def test_exovista_finds_the_same(tmp_path):
    exovista = pytest.importorskip("exovista")
    mesh = random_mesh(4, 5, seed=2)
    write_mesh(mesh, tmp_path / "m.e", node_sets=("z_min",), cell_data={"q": np.arange(mesh.n_tets)})
    file = exovista.File(str(tmp_path / "m.e"))
    assert list(file.get_element_block_names()) == list(mesh.cell_names)
    assert file.get_element_block_ids().tolist() == list(mesh.cell_names.values())
    wanted = wanted_sets(mesh)
    ids = {file.get_side_set_name(number): number for number in file.get_side_set_ids()}
    assert set(ids) == set(wanted)
    xyz = np.asarray(file.get_coords())
    tets = np.concatenate([file.get_element_conn(b) for b in file.get_element_block_ids()])
    for name, number in ids.items():
        found = file.get_side_set(number)
        elements, sides = np.asarray(found.elems) - 1, np.asarray(found.sides) - 1
        triangles = np.take_along_axis(tets[elements], SIDE_NODES[sides] - 1, axis=1) - 1
        assert loops(xyz, triangles) == wanted[name], name
    assert list(file.get_node_set_names()) == ["z_min_nodes"]
    number = int(file.get_node_set_ids()[0])
    assert number not in ids.values()
    nodes = np.asarray(file.get_node_set_nodes(number)) - 1
    np.testing.assert_array_equal(np.sort(nodes), np.unique(mesh.facet_set("z_min")))
    values = np.concatenate([file.get_element_variable_values(b, "q", 1) for b in file.get_element_block_ids()])
    np.testing.assert_array_equal(np.sort(values), np.arange(mesh.n_tets))
    np.testing.assert_array_equal(np.asarray(file.get_element_id_map()) - 1, values)


C_PROGRAM = """
import ctypes, json, sys
lib = ctypes.CDLL(sys.argv[1])
word, stored, version = ctypes.c_int(8), ctypes.c_int(0), ctypes.c_float()
file = lib.ex_open_int(sys.argv[2].encode(), 0, ctypes.byref(word), ctypes.byref(stored), ctypes.byref(version), 514)
assert file > 0 and stored.value == 8
number = lib.ex_inquire_int(file, 11)  # side sets
ids = (ctypes.c_int * number)()
assert lib.ex_get_side_set_ids(file, ids) == 0
found = {}
for one in ids:
    text = ctypes.create_string_buffer(64)
    assert lib.ex_get_name(file, 3, one, text) == 0
    sides, factors = ctypes.c_int(), ctypes.c_int()
    assert lib.ex_get_side_set_param(file, one, ctypes.byref(sides), ctypes.byref(factors)) == 0
    count, nodes = (ctypes.c_int * sides.value)(), (ctypes.c_int * (6 * sides.value))()
    assert lib.ex_get_side_set_node_list(file, one, count, nodes) == 0
    found[text.value.decode()] = [list(count), list(nodes)[: sum(count)]]
lib.ex_close(file)
json.dump(found, sys.stdout)
"""


@pytest.mark.skipif(not C_LIBRARY.exists(), reason="the Exodus library (Debian: libexodusii5) is not installed")
@pytest.mark.parametrize("order", [1, 2])
def test_the_original_library_finds_the_same_sides(tmp_path, order):
    mesh = random_mesh(3, 4, seed=5, drop=("phase2",))
    path = tmp_path / "m.e"
    write_mesh(mesh, path, order=order)
    command = [sys.executable, "-c", C_PROGRAM, str(C_LIBRARY), str(path)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    wanted = wanted_sets(mesh)
    assert set(found) == set(wanted)
    width = 3 if order == 1 else 6
    for name, (count, nodes) in found.items():
        assert set(count) == {width}
        triangles = np.array(nodes).reshape(-1, width)[:, :3] - 1
        assert loops(mesh.points, triangles) == wanted[name], name


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("order", [1, 2])
def test_round_trip_in_every_storage_and_order(tmp_path, storage, order):
    mesh = random_mesh(3, 6, seed=3)
    data = {"u": mesh.points * 2, "s": np.random.default_rng(0).random((mesh.n_points, 6))}
    write_mesh(mesh, tmp_path / "m.exo", storage=storage, order=order, point_data=data, node_sets=("all",))
    back = read_mesh_data(tmp_path / "m.exo")
    for key in ("points", "tets", "cell_tags", "facets", "facet_tags"):
        np.testing.assert_array_equal(getattr(back.mesh, key), getattr(mesh, key))
    assert dict(back.mesh.facet_names) == dict(mesh.facet_names)
    for name, values in data.items():
        np.testing.assert_array_equal(back.point_data[name], values)


@pytest.mark.parametrize("storage", ["64bit-data", "netcdf4"])
def test_numbers_of_64_bits_are_read_by_vtk(tmp_path, storage, monkeypatch):
    from ssb2mesh.io import mesh_exodus

    # as for a mesh of more than 2**31 nodes
    monkeypatch.setattr(mesh_exodus, "_needs_64", lambda plan: True)
    mesh = random_mesh(3, 3)
    write_mesh(mesh, tmp_path / "m.e", storage=storage, cell_data={"q": np.arange(mesh.n_tets)})
    with netCDF4.Dataset(tmp_path / "m.e") as file:
        assert file.variables["connect1"].dtype.itemsize == 8
    blocks, sets, _ = vtk_sets(tmp_path / "m.e")
    wanted = wanted_sets(mesh)
    assert {name: loops(*found) for name, found in sets.items()} == wanted
    for name, (corners, _) in blocks.items():
        rows = mesh.cell_tags == mesh.cell_names[name]
        np.testing.assert_array_equal(corners.astype("f4"), mesh.points[mesh.tets[rows]].astype("f4"))
    np.testing.assert_array_equal(read_mesh(tmp_path / "m.e").tets, mesh.tets)
    with pytest.raises(InputError, match="variables of 4 GiB or more"):
        write_mesh(mesh, tmp_path / "n.e", storage="64bit-offset")


def strip_own(path: Path) -> None:
    """What remains when another program has saved the file: the names of our own variables are gone."""
    with netCDF4.Dataset(path, "a") as file:
        file.renameVariable("ssb2mesh_header", "other")


def test_a_file_of_another_program_comes_in_by_its_names(tmp_path):
    mesh = random_mesh(3, 3, seed=4)
    fields = {"phi": mesh.points[:, 0], "u": mesh.points}
    write_mesh(mesh, tmp_path / "m.e", order=2, point_data=fields, cell_data={"q": np.arange(mesh.n_tets)})
    strip_own(tmp_path / "m.e")
    data = read_mesh_data(tmp_path / "m.e")
    assert dict(data.mesh.cell_names) == dict(mesh.cell_names)
    # both sides of an interface are one facet set again
    assert set(data.mesh.facet_names) == set(mesh.facet_names)
    for name in mesh.facet_names:
        assert loops(data.mesh.points, data.mesh.facet_set(name)) == loops(mesh.points, mesh.facet_set(name)), name
    assert data.mesh.n_points == mesh.n_points
    np.testing.assert_array_equal(data.point_data["u"], data.mesh.points)
    np.testing.assert_array_equal(data.point_data["phi"], data.mesh.points[:, 0])
    order = data.cell_data["q"].astype(int)
    np.testing.assert_array_equal(data.mesh.points[data.mesh.tets], mesh.points[mesh.tets[order]])


def test_time_steps(tmp_path):
    mesh = random_mesh(2, 2)
    steps = [(t, {"phi": mesh.points[:, 2] * t}, {"q": np.full(mesh.n_tets, t)}) for t in (0.0, 0.5, 2.0)]
    write_exodus_steps(mesh, tmp_path / "r.e", iter(steps))
    np.testing.assert_array_equal(exodus_times(tmp_path / "r.e"), [0.0, 0.5, 2.0])
    for number in (0, 1, 2):
        data = read_exodus(tmp_path / "r.e", step=number)
        np.testing.assert_array_equal(data.point_data["phi"], steps[number][1]["phi"])
        np.testing.assert_array_equal(data.cell_data["q"], steps[number][2]["q"])
    np.testing.assert_array_equal(read_mesh_data(tmp_path / "r.e").cell_data["q"], 2.0)
    with pytest.raises(InputError, match="got 3; r.e has 3 time steps"):
        read_exodus(tmp_path / "r.e", step=3)
    _, _, reader = vtk_sets(tmp_path / "r.e")
    assert reader.GetNumberOfTimeSteps() == 3


def test_bad_steps_leave_no_file(tmp_path):
    mesh = random_mesh(2, 1)
    phi = np.zeros(mesh.n_points)
    with pytest.raises(InputError, match="time 0.5 of step 1 does not follow 1.0"):
        write_exodus_steps(mesh, tmp_path / "r.e", [(1.0, {"phi": phi}, {}), (0.5, {"phi": phi}, {})])
    with pytest.raises(InputError, match="step 1 has other point_data than the first"):
        write_exodus_steps(mesh, tmp_path / "r.e", [(0.0, {"phi": phi}, {}), (0.5, {"psi": phi}, {})])
    with pytest.raises(InputError, match="storagee: no such option of Exodus"):
        write_exodus_steps(mesh, tmp_path / "r.e", [], storagee="netcdf4")
    assert list(tmp_path.iterdir()) == []


def test_bad_options(tmp_path):
    mesh = random_mesh(2, 1)
    with pytest.raises(InputError, match="got 'hdf5'; choose one of 'auto', '64bit-offset'"):
        write_mesh(mesh, tmp_path / "m.e", storage="hdf5")
    with pytest.raises(InputError, match="order: got 3"):
        write_mesh(mesh, tmp_path / "m.e", order=3)
    with pytest.raises(InputError, match="no set 'zmin'.*did you mean 'z_min'"):
        write_mesh(mesh, tmp_path / "m.e", node_sets=("zmin",))
    with pytest.raises(InputError, match="got 300; Exodus names have 12 to 255"):
        write_mesh(mesh, tmp_path / "m.e", name_length=300)
    assert list(tmp_path.iterdir()) == []


def test_names_are_made_safe_unique_and_told(tmp_path):
    long = "lithium phosphorus sulfide chloride, annealed"
    names = {0: "β-Li₃PS₄", 1: "A", 2: "A_B", 3: "B", 4: long + " 1", 5: long + " 2"}
    labels = np.random.default_rng(1).integers(0, 6, (4, 4, 4))
    mesh = box_mesh(4, labels, names=names)
    found = exodus_names(mesh)
    assert found.blocks["β-Li₃PS₄"] == (1, "beta-Li3PS4")
    texts = [text for _, text in found.side_sets.values()]
    assert len(set(map(str.lower, texts))) == len(texts)
    assert max(map(len, texts)) <= 32
    assert all(t.isascii() and " " not in t for t in texts)
    # "A|A_B" and "A_B|..." cannot both be A_A_B ...: every set can be told from every other
    with pytest.warns(LossWarning, match="names changed to what the format can hold: 'β-Li₃PS₄' as 'beta-Li3PS4'"):
        write_mesh(mesh, tmp_path / "m.e")
    back = read_mesh(tmp_path / "m.e")
    assert list(back.cell_names) == list(mesh.cell_names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_mesh(random_mesh(2, 2), tmp_path / "plain.e")
    _, sets, _ = vtk_sets(tmp_path / "m.e")
    assert set(sets) == {text for name, (_, text) in found.side_sets.items()}


def test_more_than_a_hundred_side_sets(tmp_path):
    mesh = random_mesh(6, 12, seed=8)
    write_mesh(mesh, tmp_path / "m.e")
    _, sets, _ = vtk_sets(tmp_path / "m.e")
    wanted = wanted_sets(mesh)
    assert len(sets) == len(wanted) > 150
    for name, (points, triangles) in sets.items():
        assert loops(points, triangles) == wanted[name], name


def test_sides_are_the_rows_in_front_and_behind():
    mesh = random_mesh(3, 3)
    front, back = facet_sides(mesh)
    for sides, rows in ((front, mesh.facets), (back, mesh.facets[:, ::-1])):
        held = sides >= 0
        corners = np.take_along_axis(mesh.tets[sides[held] // 4], TET_SIDES[sides[held] % 4], axis=1)
        assert loops(mesh.points, corners) == loops(mesh.points, rows[held])
    inner = np.array(["|" in name for name in mesh.facet_names])
    tags = np.array(list(mesh.facet_names.values()))
    np.testing.assert_array_equal(back >= 0, np.isin(mesh.facet_tags, tags[inner]))
    assert (front >= 0).all()


def test_a_set_of_the_users_own_has_one_side_and_strays_are_left_out():
    mesh = random_mesh(2, 1)
    inside = mesh.tets[0, TET_SIDES[0]]
    rows = np.vstack([inside, inside, [0, 1, 26]])
    own = dataclasses.replace(mesh, facets=rows, facet_tags=np.ones(3, int), facet_names={"probe": 1})
    (probe,) = side_sets(own)
    assert probe.name == "probe"
    assert (probe.tets.tolist(), probe.sides.tolist()) == ([0], [0])


def test_names_of_sets_turn_back_only_where_there_is_one_way():
    assert house_name("A_B_C", ["A", "B", "C"]) == "A_B_C"
    assert house_name("A_B_C", ["A", "B_C"]) == "A|B_C"
    assert house_name("A_B_C", ["A", "B_C", "A_B", "C"]) == "A_B_C"
    assert safe_names(["a b", "a_b", "A_b"], length=12, numbers={"a b": 4, "A_b": 9}) == {
        "a b": "a_b_4", "a_b": "a_b", "A_b": "A_b_9"
    }  # fmt: skip


def test_files_that_are_no_exodus(tmp_path):
    (tmp_path / "m.e").write_bytes(b"no mesh at all\n" * 20)
    with pytest.raises(InputError, match="no readable Exodus"):
        read_mesh(tmp_path / "m.e")
    with netCDF4.Dataset(tmp_path / "n.e", "w") as file:
        file.createDimension("x", 3)
    with pytest.raises(InputError, match="no Exodus file"):
        read_mesh(tmp_path / "n.e")
