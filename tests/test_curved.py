"""Second-order tets on smooth interfaces: exact where it must be, close where it can be, valid always."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, random_mesh

from ssb2mesh import mesh_volume
from ssb2mesh.io.mesh_names import LossWarning
from ssb2mesh.io.meshes import read_mesh, write_mesh
from ssb2mesh.mesh import TaggedMesh, tet_volumes
from ssb2mesh.mesh.curved import LEAST, edge_shifts, jacobian_coefficients
from ssb2mesh.mesh.patches import patch_normals
from ssb2mesh.mesh.second_order import TET_EDGES, TRIANGLE_EDGES, second_order
from ssb2mesh.mesh.split import split_with_source
from ssb2mesh.phantoms import make_phantom

RADIUS = 3.5e-6
PAIR = "LPSCl|NMC"


@cache
def ball(n: int) -> TaggedMesh:
    """A ball of 3.5 um in a box of 12 um, cells of 12/n um, with every interface vertex on the sphere."""
    mesh = mesh_volume(make_phantom("sphere", shape=n, voxel_size=f"{12 / n} um").volume)
    on = np.unique(mesh.facet_set(PAIR))
    away = mesh.points[on] - mesh.box.mean(axis=0)
    points = mesh.points.copy()
    points[on] = mesh.box.mean(axis=0) + RADIUS * away / np.linalg.norm(away, axis=1, keepdims=True)
    assert tet_volumes(points, mesh.tets).min() > 0
    return replace(mesh, points=points)


def bend(p: np.ndarray, a: float = 0.03) -> np.ndarray:
    """A smooth map of the unit box onto itself that moves points within the sides of the box."""
    x, y, z = p.T
    for _ in range(2):
        z = z + a * np.cos(2 * np.pi * x) * np.cos(np.pi * y) * 4 * z * (1 - z)
        x = x + a * np.cos(2 * np.pi * y) * np.cos(2 * np.pi * z) * 4 * x * (1 - x)
    return np.column_stack([x, y, z])


def bent(n: int) -> TaggedMesh:
    """Three phases that meet at a line, all interfaces curved, in a box of flat sides."""
    labels = np.ones((n, n, n), int)
    labels[:, :, n // 2 :] = 2
    labels[n // 2 :, :, n // 2 :] = 3
    mesh = box_mesh(n, labels)
    return replace(mesh, points=bend(mesh.points))


def triangle_areas(nodes: np.ndarray) -> np.ndarray:
    """Areas of six-node triangles by a product rule of Gauss on a square folded into the triangle."""
    found = np.zeros(len(nodes))
    at, weight = np.polynomial.legendre.leggauss(8)
    for (s, ws), (t, wt) in itertools.product(zip((at + 1) / 2, weight / 2, strict=True), repeat=2):
        x, y = s, t * (1 - s)
        o = 1 - x - y
        dx = np.array([1 - 4 * o, 4 * x - 1, 0, 4 * (o - x), 4 * y, -4 * y])
        dy = np.array([1 - 4 * o, 0, 4 * y - 1, -4 * x, 4 * x, 4 * (o - y)])
        cross = np.cross(np.einsum("i,mid->md", dx, nodes), np.einsum("i,mid->md", dy, nodes))
        found += ws * wt * (1 - s) * np.linalg.norm(cross, axis=1)
    return found


def errors(mesh: TaggedMesh, curved: bool) -> tuple[float, float]:
    """Relative errors of the volume and the area of a ball."""
    second = second_order(mesh, curved=curved)
    inside = second.tets[mesh.cell_tags == mesh.cell_names["NMC"]]
    volume = jacobian_coefficients(second.points[inside]).mean(axis=1).sum() / 6
    area = triangle_areas(second.points[second.triangles(mesh.facet_set(PAIR))]).sum()
    return abs(volume / (4 / 3 * np.pi * RADIUS**3) - 1), abs(area / (4 * np.pi * RADIUS**2) - 1)


def test_coefficients_are_those_of_the_jacobian():
    rng = np.random.default_rng(1)
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    straight = np.concatenate([corners, 0.5 * corners[TET_EDGES].sum(axis=1)])
    nodes = straight + 0.2 * rng.normal(size=(5, 10, 3))
    found = jacobian_coefficients(nodes)
    sets = list(itertools.combinations_with_replacement(range(4), 3))
    for point in rng.dirichlet(np.ones(4), size=6):
        # derivatives of the ten shape functions by the last three barycentric coordinates
        by = np.zeros((10, 4))
        by[np.arange(4), np.arange(4)] = 4 * point - 1
        for k, (i, j) in enumerate(TET_EDGES):
            by[4 + k, i], by[4 + k, j] = 4 * point[j], 4 * point[i]
        slopes = np.einsum("mnd,nk->mkd", nodes, by[:, 1:] - by[:, :1])
        weights = [
            6 / np.prod([np.prod(range(1, s.count(v) + 1)) for v in range(4)]) * point[list(s)].prod() for s in sets
        ]
        np.testing.assert_allclose(found @ weights, np.linalg.det(slopes), atol=1e-13)
    # an edge bent until the tet turns inside out
    straight[4] += [0, 0.9, 0.9]
    assert jacobian_coefficients(straight[None]).min() < 0


def test_normals_of_a_sphere_and_of_a_saddle():
    mesh = ball(16)
    triangles = mesh.facet_set(PAIR)
    normals, slot = patch_normals(mesh.points, triangles, np.zeros(len(triangles), int))
    exact = (mesh.points[triangles] - mesh.box.mean(axis=0)) / RADIUS
    # LPSCl to NMC: inwards; second order: h/R is a fifth, and its square times a small constant
    assert np.linalg.norm(normals[slot] + exact, axis=2).max() < 2e-3
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9), indexing="ij"))
    saddle = np.column_stack([x, y, 0.3 * x * y])
    square = np.arange(81).reshape(9, 9)
    a, b, c, d = square[:-1, :-1].ravel(), square[1:, :-1].ravel(), square[1:, 1:].ravel(), square[:-1, 1:].ravel()
    grid = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    normals, slot = patch_normals(saddle, grid, np.zeros(len(grid), int))
    exact = np.column_stack([-0.3 * y, -0.3 * x, np.ones(81)])
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    # one-sided at the rim
    assert np.linalg.norm(normals[slot] - exact[grid], axis=2).max() < 0.01


def test_a_ball_is_far_rounder_than_with_straight_edges():
    straight, curved = errors(ball(16), curved=False), errors(ball(16), curved=True)
    assert curved[0] < straight[0] / 50
    assert curved[1] < straight[1] / 50
    # straight edges are of second order; these are better than third
    fine = errors(ball(24), curved=True)
    assert curved[0] / fine[0] > 1.5**3.5
    assert curved[1] / fine[1] > 1.5**3.5
    told = second_order(ball(16), curved=True).curving
    assert (told.edges, told.curved, told.refused) == (1224, 1224, 0)
    assert told.volumes["NMC"] == pytest.approx(straight[0], rel=0.02)


def test_interfaces_triple_lines_and_their_ends_on_the_box_are_curved_apart():
    errors = {}
    for n in (12, 24):
        mesh = bent(n)
        for curved in (False, True):
            second = second_order(mesh, curved=curved)
            # every side of the box stays flat to the last bit
            for axis, value in itertools.product(range(3), (0.0, 1.0)):
                on = (mesh.points[second.edges][:, :, axis] == value).all(axis=1)
                assert (second.points[mesh.n_points :][on, axis] == value).all()
            assert jacobian_coefficients(second.points[second.tets]).mean(axis=1).sum() / 6 == pytest.approx(
                1, abs=1e-13
            )
            for name in ("phase1|phase2", "phase2|phase3", "line"):
                sets = [name] if "|" in name else ["phase1|phase2", "phase1|phase3", "phase2|phase3"]
                edges = [np.sort(mesh.facet_set(s)[:, TRIANGLE_EDGES].reshape(-1, 2), axis=1) for s in sets]
                rows, count = np.unique(
                    np.concatenate([np.unique(e, axis=0) for e in edges]), axis=0, return_counts=True
                )
                rows = rows[count == 3] if name == "line" else rows
                assert len(rows)
                nodes = second.points[second.mid_nodes(rows)]
                true = inverse(nodes)
                off = true[:, 2] - 0.5 if name == "phase1|phase2" else true[:, 0] - 0.5
                off = np.hypot(true[:, 2] - 0.5, off) if name == "line" else off
                errors[n, curved, name] = np.sqrt((off**2).mean())
    for name in ("phase1|phase2", "phase2|phase3", "line"):
        assert errors[24, True, name] < errors[24, False, name] / 6, errors
        # straight edges are of second order, these of third or more
        assert errors[12, True, name] / errors[24, True, name] > 2**2.7, errors


def inverse(points: np.ndarray) -> np.ndarray:
    """Where the map `bend` takes points from, by Newton's method."""
    found = points.copy()
    for _ in range(20):
        base = bend(found)
        slopes = np.stack([(bend(found + step) - base) / 1e-7 for step in 1e-7 * np.eye(3)], axis=2)
        found += np.linalg.solve(slopes, (points - base)[:, :, None])[:, :, 0]
    return found


def test_flat_and_sharp_interfaces_stay_as_they_are(recwarn, tmp_path):
    for mesh in (random_mesh(4, 3, seed=2), box_mesh((2, 2, 4), np.repeat([1, 2], 2) * np.ones((2, 2, 1), int))):
        second = second_order(mesh, curved=True)
        np.testing.assert_array_equal(second.points, second_order(mesh).points)
        assert second.curving.edges > 0
        assert (second.curving.curved, second.curving.refused, second.told) == (0, 0, [])
        write_mesh(mesh, tmp_path / "m.vtu", order=2)
    assert not recwarn.list
    bare = box_mesh(2)
    assert second_order(bare, curved=True).curving.edges == 0


def crowded() -> TaggedMesh:
    """A cube drawn out to a ball: its tets along former edges have two sides on one smooth surface and would fold."""
    labels = np.ones((8, 8, 8), int)
    labels[2:-2, 2:-2, 2:-2] = 2
    mesh = box_mesh(8, labels, size=(2, 2, 2), origin=(-1, -1, -1), names={1: "LPSCl", 2: "NMC"})
    p = mesh.points
    far = np.abs(p).max(axis=1, keepdims=True)
    round_ = p * far / np.maximum(np.linalg.norm(p, axis=1, keepdims=True), 1e-300)
    inside, outside = far / 0.5, (far - 0.5) / 0.5
    shell = np.divide(p, far, where=far > 0, out=np.zeros_like(p))
    grown = (1 - outside) * 0.6 * shell / np.maximum(np.linalg.norm(shell, axis=1, keepdims=True), 1e-300)
    points = np.where(far <= 0.5, (1 - inside) * p + inside * round_ * 1.2, grown + outside * shell)
    points = np.where(far == 1.0, p, points)
    assert tet_volumes(points, mesh.tets).min() > 0
    return replace(mesh, points=points)


def test_where_a_tet_would_fold_edges_stay_straight(tmp_path):
    mesh = crowded()
    told = r"second order: \d+ of 288 edges on interfaces curved, \d+ left straight where a tet would fold; "
    with pytest.warns(LossWarning, match=told + r"volumes change by \+\d\.\d % at most \(NMC\)"):
        write_mesh(mesh, tmp_path / "m.msh", order=2)
    second = second_order(mesh, curved=True)
    told = second.curving
    assert told.refused > 50
    assert told.curved > 100
    assert told.curved + told.refused == 288
    straight = np.linalg.det(mesh.points[mesh.tets][:, 1:] - mesh.points[mesh.tets][:, :1])
    # the last digits of sums of 64 products
    assert (jacobian_coefficients(second.points[second.tets]).min(axis=1) >= (LEAST - 1e-12) * straight).all()
    # an unchecked curve would have folded
    ends, shift, _ = edge_shifts(mesh)
    forced = second_order(mesh)
    forced.points[forced.mid_nodes(ends)] += shift
    assert jacobian_coefficients(forced.points[forced.tets]).min() < 0


@pytest.mark.filterwarnings("ignore::ssb2mesh.io.mesh_names.LossWarning")
@pytest.mark.parametrize("version", ["2.2", "4.1"])
def test_gmsh_finds_the_same_volumes_and_no_invalid_element(tmp_path, version):
    gmsh = pytest.importorskip("gmsh")
    for number, mesh in enumerate((crowded(), bent(8))):
        write_mesh(mesh, tmp_path / f"{number}.msh", order=2, version=version)
        second = second_order(mesh, curved=True)
        gmsh.initialize(interruptible=False)
        try:
            gmsh.option.setNumber("General.Terminal", 0)
            gmsh.merge(str(tmp_path / f"{number}.msh"))
            tags = gmsh.model.mesh.getElementsByType(11)[0]
            assert len(tags) == mesh.n_tets
            # gmsh bounds the Jacobian by Bernstein coefficients that it refines
            assert min(gmsh.model.mesh.getElementQualities(tags, "minDetJac")) > 0
            # a rule that is exact for the cubic Jacobian
            points, weights = gmsh.model.mesh.getIntegrationPoints(11, "Gauss3")
            volumes = gmsh.model.mesh.getJacobians(11, points)[1].reshape(len(tags), -1) @ weights
            own = jacobian_coefficients(second.points[second.tets]).mean(axis=1) / 6
            np.testing.assert_allclose(volumes, own[tags.astype(int) - 1], rtol=1e-10)
            assert volumes.sum() == pytest.approx(mesh.box_volume, rel=1e-12)
        finally:
            gmsh.finalize()


def test_both_sides_of_a_cut_are_curved_alike():
    mesh = bent(8)
    cut, source = split_with_source(mesh, "all")
    whole, parted = second_order(mesh, curved=True), second_order(cut, curved=True)
    assert parted.curving.curved == whole.curving.curved > 100
    same = whole.mid_nodes(source[parted.edges])
    np.testing.assert_allclose(parted.points[cut.n_points :], whole.points[same], atol=1e-15)


def vtu_nodes(path):
    grid = pytest.importorskip("pyvista").read(path)
    return grid.points, grid.cells_dict[24]


def exodus_nodes(path):
    pytest.importorskip("vtk")
    from helpers_moose import read_exodus_by_vtk

    file = read_exodus_by_vtk(path)
    ids = sorted(file["points"])
    assert ids == list(range(1, len(ids) + 1))
    return np.array([file["points"][i] for i in ids]), np.concatenate(list(file["blocks"].values())) - 1


def meshio_nodes(path):
    read = pytest.importorskip("meshio").read(path)
    return read.points, np.concatenate([block.data for block in read.cells if block.type == "tetra10"])


def other_nodes(path):
    read = pytest.importorskip("meshioplusplus", reason="pip install meshioplusplus").read(path)
    blocks = [np.asarray(block.data) for block in read.cells if block.type == "tetra10"]
    return np.asarray(read.points), np.concatenate(blocks)


def nastran_nodes(path):
    bdf = pytest.importorskip("pyNastran.bdf.bdf", reason="pip install pyNastran")
    model = bdf.BDF(debug=None)
    model.read_bdf(str(path), xref=False, punch=False)
    points = np.array([model.nodes[i].xyz for i in sorted(model.nodes)])
    tets = [e.nodes for _, e in sorted(model.elements.items()) if e.type == "CTETRA"]
    return points, np.array(tets) - 1


READERS = {".vtu": vtu_nodes, ".e": exodus_nodes, ".inp": meshio_nodes, ".cdb": other_nodes, ".nas": nastran_nodes,
           ".mphtxt": other_nodes, ".unv": other_nodes, ".med": other_nodes, ".msh": meshio_nodes}  # fmt: skip


@pytest.mark.filterwarnings("ignore::ssb2mesh.io.mesh_names.LossWarning")
@pytest.mark.parametrize("suffix", READERS)
def test_other_programs_find_each_node_on_its_own_curved_edge(tmp_path, suffix):
    if suffix in (".unv", ".med"):
        pytest.importorskip("gmsh")
    mesh = bent(4)
    second = second_order(mesh, curved=True)
    assert second.curving.curved > 30
    write_mesh(mesh, tmp_path / f"m{suffix}", order=2)
    points, tets = READERS[suffix](tmp_path / f"m{suffix}")
    assert tets.shape == (mesh.n_tets, 10)
    # Nastran has eleven digits, VTK's Exodus reader gives single precision, the others hold 14 digits or all
    close = {".nas": 1e-10, ".e": 1e-7}.get(suffix, 1e-13)
    from scipy.spatial import cKDTree

    apart, number = cKDTree(mesh.points).query(points[tets[:, :4]])
    assert apart.max() < close
    for column, ends in enumerate(TET_EDGES):
        wanted = second.points[second.mid_nodes(number[:, ends])]
        np.testing.assert_allclose(points[tets[:, 4 + column]], wanted, rtol=0, atol=close)
    if suffix not in (".cdb", ".nas", ".unv", ".med"):
        assert read_mesh(tmp_path / f"m{suffix}").n_points == mesh.n_points
