"""Areas and orientation of every facet set, from the file alone and by readers that are not ours."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import random_mesh
from test_exodus import loops

from ssb2mesh.io.meshes import write_mesh
from ssb2mesh.mesh.split import split_interfaces


def by_gmsh(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    gmsh = pytest.importorskip("gmsh")
    gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.merge(str(path))
        tags, coordinates, _ = gmsh.model.mesh.getNodes()
        points = np.empty((int(tags.max()), 3))
        points[tags.astype(int) - 1] = coordinates.reshape(-1, 3)
        sets = {}
        for dimension, tag in gmsh.model.getPhysicalGroups(2):
            corners = [gmsh.model.mesh.getElements(2, entity)[2][0]
                       for entity in gmsh.model.getEntitiesForPhysicalGroup(dimension, tag)]  # fmt: skip
            sets[gmsh.model.getPhysicalName(dimension, tag)] = np.concatenate(corners).astype(int).reshape(-1, 3) - 1
    finally:
        gmsh.finalize()
    return points, sets


def by_pyvista(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    pv = pytest.importorskip("pyvista")
    surface = pv.read(path.with_name(path.stem + "_facets.vtu"))
    names = {int(value[0]): name for name, value in surface.field_data.items() if value[1] == 2}
    triangles = surface.cells_dict[5]
    return surface.points, {name: triangles[surface["facet_set"] == tag] for tag, name in names.items()}


def by_h5py(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """As docs/mesh-files.md tells the layout."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path.with_suffix(".h5")) as file:
        points, triangles, atoms = (file[key][()] for key in ("points", "facets/triangles", "facets/atoms"))
        names = [name.decode() for name in file["names/facet_sets/name"][()]]
        offsets, members = file["facets/set_offsets"][()], file["facets/set_atoms"][()]
    return points, {
        name: triangles[np.isin(atoms, members[offsets[i] : offsets[i + 1]])] for i, name in enumerate(names)
    }


READERS = {"a.msh": by_gmsh, "b.msh": by_gmsh, "m.vtu": by_pyvista, "m.xdmf": by_h5py}


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("name", READERS)
def test_areas_and_orientation_of_every_set(tmp_path, name, split):
    mesh = random_mesh(4, 4, seed=5, drop=("phase2",))
    mesh = split_interfaces(mesh, "all") if split else mesh
    write_mesh(mesh, tmp_path / name, **({"version": "2.2"} if name == "b.msh" else {}))
    points, sets = READERS[name](tmp_path / name)
    assert set(sets) == set(mesh.facet_names)
    for key, area in mesh.facet_areas().items():
        a, b, c = (points[sets[key][:, i]] for i in range(3))
        normals = 0.5 * np.cross(b - a, c - a)
        assert np.linalg.norm(normals, axis=1).sum() == pytest.approx(area, rel=1e-12), key
        assert loops(points, sets[key]) == loops(mesh.points, mesh.facet_set(key)), key
        if key[1] == "_":  # a side of the box: its normals point out
            outward = {"min": -1.0, "max": 1.0}[key[2:]] * np.eye(3)["xyz".index(key[0])]
            np.testing.assert_allclose(normals.sum(axis=0), area * outward, atol=1e-14)
