"""Cells larger and smaller than a voxel, and sizes from place to place: what must survive, survives."""

from __future__ import annotations

import dataclasses
from unittest import mock

import numba
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from solvers import PercolationError, dolfinx_api, effective_conductivity, load_domain
from ssb2mesh import InputError, LabelledVolume, check_mesh, mesh_volume
from ssb2mesh.mesh import TaggedMesh, tet_volumes
from ssb2mesh.mesher import LatticeOptions, Sizes, predict_mesh
from ssb2mesh.phantoms import make_phantom

UM = 1e-6
needs_dolfinx = pytest.mark.skipif(
    not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL
)


def volume_of(labels: np.ndarray, spacing: tuple[float, float, float] = (UM, UM, UM), **names: int) -> LabelledVolume:
    labels = np.ascontiguousarray(labels.astype(np.uint8))
    return LabelledVolume(labels, spacing, phases={label: name for name, label in names.items()})


def ball(shape: tuple[int, int, int], radius: float, spacing=(1.0, 1.0, 1.0)) -> np.ndarray:
    middle = np.array(shape) / 2 + (0.13, -0.21, 0.37)
    x = np.moveaxis((np.moveaxis(np.indices(shape), 0, -1) + 0.5 - middle) * spacing, -1, 0)
    return (x**2).sum(axis=0) < radius**2


def blobs(seed: int, shape: tuple[int, int, int], phases: int = 3, width: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.argmax([gaussian_filter(rng.normal(size=shape), width) for _ in range(phases)], axis=0)


def edges_of(mesh: TaggedMesh, tets: np.ndarray) -> np.ndarray:
    """Longest edge of some tets, voxels."""
    corners = mesh.points[mesh.tets[tets]] / UM
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    return np.max([np.linalg.norm(corners[:, a] - corners[:, b], axis=1) for a, b in pairs], axis=0)


def assert_complete(mesh: TaggedMesh, volume: LabelledVolume, volumes_within: float) -> None:
    """Sound, every component and contact of the voxels there, volumes right, angles good."""
    report = check_mesh(mesh, volume)
    assert report.ok, report.faults
    assert not report.features
    for name, phase in report.fidelity.items():
        assert phase.voxel_components == phase.mesh_components, name
        assert abs(phase.relative_error) < volumes_within, name
    assert report.quality.min_dihedral_deg > 15.9
    assert report.quality.max_dihedral_deg < 160.1


# -- shapes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", [2, 3, 4])
def test_sphere_under_coarse_cells(cells, verify):
    """Radius 16 voxels in cells of 2, 3, 4: area within 1 %, volumes within 0.5 %, a fraction of the tets."""
    labels = ball((40, 40, 40), 16)
    volume = volume_of(labels)
    mesh = mesh_volume(volume, cell_size=f"{cells} voxels")
    what = f"sphere of 16 voxels radius, cells of {cells}"
    verify(
        what,
        "area, voxel faces",
        mesh.facet_areas()["phase0|phase1"] / UM**2,
        4 * np.pi * 16**2,
        0.01,
        source="4 pi R^2",
        mesh=mesh,
    )
    verify(
        what,
        "volume, voxels",
        mesh.phase_volumes()["phase1"] / UM**3,
        labels.sum(),
        0.005,
        source="its voxels",
        mesh=mesh,
    )
    # cells of 3 voxels are halved twice to cells of 3/4 voxel; some near the sphere stay halved
    assert mesh.n_tets < 1.6 * 12 * (40 / cells) ** 3
    assert_complete(mesh, volume, 0.005)


def test_sphere_of_long_voxels():
    """Voxels 1 x 1 x 2, cells of two of them: the same ball, area and volume as exact as with cubes."""
    shape = (36, 36, 18)
    labels = ball(shape, 14, (1, 1, 2))
    volume = volume_of(labels, (UM, UM, 2 * UM))
    mesh = mesh_volume(volume, cell_size="2 um")
    assert mesh.facet_areas()["phase0|phase1"] / UM**2 == pytest.approx(4 * np.pi * 14**2, rel=0.01)
    assert mesh.phase_volumes()["phase1"] / UM**3 == pytest.approx(2 * labels.sum(), rel=0.005)
    coarse = mesh_volume(volume, cell_size="2 voxels")
    report = check_mesh(coarse, volume)
    assert report.ok, report.faults
    assert coarse.phase_volumes()["phase1"] / UM**3 == pytest.approx(2 * labels.sum(), rel=0.005)


@pytest.mark.parametrize("cells", ["0.5 voxels", "0.7 voxels"])
def test_cells_smaller_than_a_voxel(cells):
    """They show the staircase more finely, not a better surface: still valid, volumes right, all components."""
    labels = ball((16, 16, 16), 5.5)
    volume = volume_of(labels)
    mesh = mesh_volume(volume, cell_size=cells)
    assert mesh.n_tets >= 12 * (16 / 0.72) ** 3
    assert mesh.phase_volumes()["phase1"] / UM**3 == pytest.approx(labels.sum(), rel=0.002)
    # smoothing reaches half a cell, so part of the staircase's 50 % stays
    assert 4 * np.pi * 5.5**2 < mesh.facet_areas()["phase0|phase1"] / UM**2 < 1.3 * 4 * np.pi * 5.5**2
    assert_complete(mesh, volume, 0.002)


@pytest.mark.parametrize("cells", ["2 voxels", "4 voxels"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flat_layers_inside_cells_stay_flat(cells, axis):
    """Walls at voxel faces 5, 11 and 16 of 24, most of them inside a cell: each stays a plane where it is."""
    labels = np.zeros((24, 12, 16), np.uint8)
    labels[5:11], labels[11:16] = 1, 2
    volume = volume_of(np.moveaxis(labels, 0, axis))
    mesh = mesh_volume(volume, cell_size=cells)
    for name, places in (("phase0|phase1", [5]), ("phase1|phase2", [11]), ("phase0|phase2", [16])):
        walls = mesh.points[np.unique(mesh.facet_set(name))][:, axis] / UM
        # 1e-9: the last bits of the volume correction's solution
        np.testing.assert_allclose(np.unique(walls.round(9)), places, atol=1e-9)
        assert mesh.facet_areas()[name] / UM**2 == pytest.approx(12 * 16, rel=1e-9)
    sizes = [voxels * 12 * 16 for voxels in (13, 6, 5)]
    assert [v / UM**3 for v in mesh.phase_volumes().values()] == pytest.approx(sizes, rel=1e-9)


def test_layers_on_cell_faces_stay_flat_to_the_last_bit():
    labels = np.zeros((16, 8, 8), np.uint8)
    labels[4:8] = 1
    mesh = mesh_volume(volume_of(labels), cell_size="4 voxels")
    assert mesh.n_tets == 12 * 4 * 2 * 2
    walls = mesh.points[mesh.facet_set("phase0|phase1")]
    assert set(np.unique(walls[..., 0] / UM).round(12)) == {4.0, 8.0}


# -- components ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", ["2 voxels", "3 voxels", "4 voxels"])
@pytest.mark.parametrize("seed", range(3))
def test_all_components_of_random_structures_are_there(cells, seed):
    """Blobs of two to four voxels with lone voxels strewn over them."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random((20, 17, 18)) < 0.01, 4, blobs(seed, (20, 17, 18)))
    volume = volume_of(labels)
    mesh = mesh_volume(volume, cell_size=cells, options=LatticeOptions(grade=seed % 3))
    report = check_mesh(mesh, volume)
    assert not report.features
    for name, phase in report.fidelity.items():
        assert phase.voxel_components == phase.mesh_components, name
        # lone voxels among others cannot swell to their volume: the angles of the tets around them forbid it
        assert abs(phase.relative_error) < (0.01 if name != "phase4" else 0.4), name
    assert report.quality.min_dihedral_deg > 15.9
    assert report.quality.max_dihedral_deg < 160.1


@pytest.mark.parametrize(
    ("name", "cells"),
    [("composite_cathode", "2 voxels"), ("composite_cathode", "3 voxels"), ("cracked_pellet", "3 voxels")],
)
def test_structures_are_complete_under_coarse_cells(name, cells):
    volume = make_phantom(name, seed=1, shape=40).volume
    mesh = mesh_volume(volume, cell_size=cells)
    assert_complete(mesh, volume, 0.005)
    assert mesh.n_tets < 0.75 * 12 * 40**3


# -- cracks and films, by conduction ---------------------------------------------------------------------------------


def wavy(n: int, swing: float) -> np.ndarray:
    """Height of a gentle wave over an n x n base, whole voxels; (n, n, 1)."""
    x = np.arange(n)
    wave = np.sin(2 * np.pi * x[:, None] / n) + 0.7 * np.cos(2 * np.pi * x[None] / n)
    return np.floor(n / 2 + swing * wave)[..., None].astype(int)


def cracked(n: int = 24, swing: float = 2.0) -> LabelledVolume:
    """A block cut by a wavy crack; its voxels overlap by faces, so that nothing passes crosswise."""
    z, height = np.arange(n)[None, None], wavy(n, swing)
    lower = height.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            lower = np.minimum(lower, np.maximum(np.roll(height, step, axis), height - 1))
    return volume_of((z <= height) & (z >= np.minimum(lower + 1, height)), LPS=0, void=1)


@needs_dolfinx
@pytest.mark.parametrize("cells", ["3 voxels", "4 voxels"])
def test_a_one_voxel_crack_still_separates(cells):
    """No current across; where thin features are dropped, the current finds its way."""
    volume = cracked()
    mesh = mesh_volume(volume, cell_size=cells, drop=("void",))
    with pytest.raises(PercolationError, match="does not percolate along z"):
        effective_conductivity(load_domain(mesh), conductivity={"LPS": 1.0}, axes=["z"])
    along = effective_conductivity(load_domain(mesh), conductivity={"LPS": 1.0}, axes=["x"])
    # the crack takes a little more than one voxel of 24, and hinders currents along it by no more than its waves do
    assert 0.88 < along.tensor[0, 0] < 24 / 25
    lossy = mesh_volume(volume, cell_size=cells, drop=("void",), options=LatticeOptions(thin="drop"))
    through = effective_conductivity(load_domain(lossy), conductivity={"LPS": 1.0}, axes=["z"])
    assert through.tensor[2, 2] > 0.1


@needs_dolfinx
@pytest.mark.parametrize("swing", [0.0, 1.5])
def test_a_one_voxel_film_still_conducts(swing):
    """A film one voxel thick has the conductance of its voxels: thickness over height, less for its waves."""
    n = 24
    z, height = np.arange(n)[None, None], wavy(n, swing)
    film = (z == height) | ((z == height - 1) & (np.roll(height, 1, 0) < height)) if swing else z == height
    if swing:
        for axis, step in ((0, -1), (1, 1), (1, -1)):
            film |= (z == height - 1) & (np.roll(height, step, axis) < height)
    volume = volume_of(np.broadcast_to(film, (n, n, n)), matrix=0, film=1)
    mesh = mesh_volume(volume, cell_size="3 voxels")
    report = check_mesh(mesh, volume)
    assert report.fidelity["film"].mesh_components == 1
    assert abs(report.fidelity["film"].relative_error) < 0.01
    found = effective_conductivity(load_domain(mesh.restrict(["film"])), conductivity={"film": 1.0}, axes=["x"])
    # 20 %: the steps of the film are thicker or narrower than its flats
    # 5e-4: walls of a film between cells of 3/4 voxel are put right by the volume correction, to 2e-4 of its volume
    expected = np.broadcast_to(film, (n, n, n)).sum() / n**3
    assert found.tensor[0, 0] == pytest.approx(expected, rel=0.2 if swing else 5e-4)


@pytest.mark.parametrize("thin", ["drop", "report"])
def test_dropping_thin_features_loses_them(thin):
    """The phase that fills most of a cell takes it: a lone voxel and a film are gone, and the report says so."""
    labels = np.zeros((24, 24, 24), np.uint8)
    labels[:, :, 6] = 1
    labels[15, 15, 17] = 2
    volume = volume_of(labels)
    mesh = mesh_volume(volume, cell_size="4 voxels", options=LatticeOptions(thin=thin))
    assert list(mesh.cell_names) in (["phase0"], ["phase0", "phase1", "phase2"])
    assert set(np.unique(mesh.cell_tags)) == {mesh.phase_tag("phase0")}
    kept = mesh_volume(volume, cell_size="4 voxels")
    assert set(np.unique(kept.cell_tags)) == {1, 2, 3}
    assert not check_mesh(kept, volume).features


@pytest.mark.parametrize("thin", ["drop", "report"])
@pytest.mark.parametrize("seed", range(2))
def test_dropping_gives_valid_meshes(thin, seed):
    volume = volume_of(blobs(seed, (22, 19, 16), 4))
    mesh = mesh_volume(volume, cell_size="3 voxels", options=LatticeOptions(thin=thin, grade=2))
    assert tet_volumes(mesh.points, mesh.tets).min() > 0
    assert not [fault for fault in check_mesh(mesh).faults if "dihedral" not in fault]
    assert mesh.n_tets < mesh_volume(volume, cell_size="3 voxels", options=LatticeOptions(grade=2)).n_tets


def test_a_rare_phase_gets_the_leaves_that_it_fills_by_half():
    """Films of one voxel under cells of two fill half of every cell that they are in; each has its volume, about."""
    labels = np.zeros((24, 24, 24), np.uint8)
    labels[:, :, 5], labels[:, 8, 12:] = 2, 1
    for names in ({0: "pore", 1: "wall", 2: "film"}, {0: "film", 1: "wall", 2: "pore"}):
        # whatever their labels are
        volume = LabelledVolume(labels if names[2] == "film" else 2 - labels, (UM,) * 3, phases=names)
        mesh = mesh_volume(volume, cell_size="2 voxels", options=LatticeOptions(thin="drop"))
        report = check_mesh(mesh, volume)
        assert report.fidelity["film"].mesh_components == report.fidelity["film"].voxel_components
        # an interface goes no further than half a leaf, which is not enough where the film meets the wall
        assert abs(report.fidelity["film"].relative_error) < 0.02


# -- sizes -----------------------------------------------------------------------------------------------------------


def halves(n: int = 24) -> LabelledVolume:
    """NMC below, LPS above the middle of x."""
    labels = np.zeros((n, n, n), np.uint8)
    labels[: n // 2] = 1
    return volume_of(labels, LPS=0, NMC=1)


def longest(mesh: TaggedMesh, phase: str, where: slice) -> float:
    """Longest edge of the tets of a phase whose centres lie in a range of x, voxels."""
    x = mesh.points[mesh.tets].mean(axis=1)[:, 0] / UM
    rows = (mesh.cell_tags == mesh.phase_tag(phase)) & (x >= where.start) & (x < where.stop)
    return float(edges_of(mesh, np.flatnonzero(rows)).max())


def test_a_size_per_phase():
    """NMC in cells of one voxel, LPS in cells of four away from it (a level a leaf)."""
    volume = halves()
    mesh = mesh_volume(volume, cell_size="4 voxels", options=LatticeOptions(sizes=Sizes(by_name={"NMC": "1 voxel"})))
    assert (mesh.cell_tags == mesh.phase_tag("NMC")).sum() == pytest.approx(12 * 12 * 24 * 24, rel=0.01)
    # no edge is longer than the diagonal of a leaf's face
    assert longest(mesh, "NMC", slice(0, 12)) < 1.01 * np.sqrt(2)
    assert 4 <= longest(mesh, "LPS", slice(18, 24)) < 1.01 * 4 * np.sqrt(2)
    assert_complete(mesh, volume, 1e-9)


def test_a_larger_size_in_one_phase():
    volume = halves()
    mesh = mesh_volume(volume, options=LatticeOptions(sizes=Sizes(by_name={"LPS": "4 voxels"})))
    assert (mesh.cell_tags == mesh.phase_tag("NMC")).sum() == pytest.approx(12 * 12 * 24 * 24, rel=0.01)
    assert longest(mesh, "LPS", slice(18, 24)) >= 4
    assert (mesh.cell_tags == mesh.phase_tag("LPS")).sum() < 0.35 * 12 * 12 * 24 * 24


@pytest.mark.parametrize("name", ["LPS|NMC", "NMC|LPS"])
def test_a_size_per_interface(name):
    """One voxel at the interface, four elsewhere, in either order of the names; in m or in voxels."""
    volume = halves()
    coarse = mesh_volume(volume, cell_size="4 voxels")
    for size in ("1 voxel", "1 um", UM):
        mesh = mesh_volume(volume, cell_size="4 voxels", options=LatticeOptions(sizes=Sizes(by_name={name: size})))
        assert (mesh.facet_tags == mesh.facet_tag("LPS|NMC")).sum() == 2 * 24 * 24
        assert longest(mesh, "NMC", slice(11, 12)) < 2
        assert longest(mesh, "NMC", slice(0, 6)) >= 4
        assert coarse.n_tets < mesh.n_tets < 0.5 * 12 * 24**3
        assert mesh.facet_areas()["LPS|NMC"] == pytest.approx(24 * 24 * UM**2, rel=1e-12)


def test_a_size_by_field():
    """Half a voxel in one corner of the box, no limit elsewhere."""
    volume = halves(16)
    field = np.full(volume.shape, np.inf)
    field[:4, :4, :4] = 0.5 * UM
    mesh = mesh_volume(volume, cell_size="2 voxels", options=LatticeOptions(sizes=Sizes(by_field=field)))
    middle = mesh.points[mesh.tets].mean(axis=1) / UM
    corner = (middle < 4).all(axis=1)
    # of the four tets at a face of the region's rim, with their centres on it, none is counted
    assert corner.sum() == 12 * 8**3 - 3 * 2 * 8**2
    assert edges_of(mesh, np.flatnonzero(corner)).max() < 1.5
    far = (middle > 8).any(axis=1)
    assert edges_of(mesh, np.flatnonzero(far)).max() >= 2
    assert_complete(mesh, volume, 1e-9)
    predicted = predict_mesh(volume, cell_size="2 voxels", options=LatticeOptions(sizes=Sizes(by_field=field)))
    assert predicted.tets == mesh.n_tets


def test_a_largest_size_in_bulk():
    """Bulk grows to the largest size asked for, interfaces keep theirs."""
    volume = halves(32)
    plain, large = (
        mesh_volume(volume, options=LatticeOptions(sizes=Sizes(largest=size))) for size in (None, "8 voxels")
    )
    assert plain.n_tets == 12 * 32**3
    assert large.n_tets < 0.25 * plain.n_tets
    assert longest(large, "LPS", slice(16, 32)) >= 8
    assert (large.facet_tags == large.facet_tag("LPS|NMC")).sum() == 2 * 32 * 32
    np.testing.assert_array_equal(
        large.tets, mesh_volume(volume, options=LatticeOptions(grade=3)).tets
    )  # three levels are eight voxels


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (Sizes(by_name={"NCM": "1 voxel"}), "sizes: got 'NCM'; give a phase .*did you mean 'NMC'"),
        (Sizes(by_name={"NMC|LPX": "1 voxel"}), "sizes: got .*LPX.*did you mean 'LPS'"),
        (Sizes(by_name={"NMC|NMC": "1 voxel"}), "two of them joined by a bar"),
        (Sizes(by_name={"NMC|LPS|NMC": "1 voxel"}), "two of them joined by a bar"),
        (Sizes(by_name={"NMC": "1"}), "sizes: NMC: cell_size: got '1' without a unit"),
        (Sizes(by_name={"NMC": "0 voxels"}), "sizes: NMC: .*positive"),
        (Sizes(by_name={"NMC": -1.0}), "sizes: NMC: .*positive"),
        (Sizes(largest="8"), "max_size: .*without a unit"),
        (Sizes(by_field=np.ones((2, 2, 2))), r"size_field: got shape \(2, 2, 2\)"),
        (Sizes(by_field=np.zeros((8, 8, 8))), "size_field: got values that are not positive"),
        (Sizes(by_field=np.full((8, 8, 8), np.nan)), "size_field: got values that are not positive"),
        (Sizes(by_field=np.full((8, 8, 8), 1e-9)), "below a sixteenth of a voxel"),
    ],
)
def test_bad_sizes_say_what_is_wrong(sizes, message):
    options = LatticeOptions(sizes=sizes)
    for call in (mesh_volume, predict_mesh):
        with pytest.raises(InputError, match=message):
            call(halves(8), cell_size="2 voxels", options=options)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"thin": "kept"}, "thin: got 'kept'; give one of keep, drop, report"), ({"thin": True}, "thin: got True")],
)
def test_bad_thin_says_what_is_wrong(options, message):
    with pytest.raises(InputError, match=message):
        LatticeOptions(**options)


# -- order -----------------------------------------------------------------------------------------------------------


def test_same_coarse_mesh_for_one_and_two_threads():
    """Merging, placing, moving and re-cutting across levels, on threads although the volume is small."""
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread only: nothing to compare (NUMBA_NUM_THREADS)")
    labels = np.where(np.random.default_rng(3).random((24, 24, 24)) < 0.01, 3, blobs(3, (24, 24, 24), width=2.0))
    volume, before, found = volume_of(labels), numba.get_num_threads(), []
    with mock.patch("ssb2mesh.lattice_engine.FEW_CELLS", 0), mock.patch("ssb2mesh.lattice.flow.FEW_CORNERS", 0):
        try:
            for threads in (1, 2):
                numba.set_num_threads(threads)
                found.append(mesh_volume(volume, cell_size="3 voxels", options=LatticeOptions(grade=1)))
        finally:
            numba.set_num_threads(before)
    one, two = found
    assert one.n_tets > 25_000
    for field in dataclasses.fields(one):
        if isinstance(getattr(one, field.name), np.ndarray):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(two, field.name))
