"""The rooms of the lattice mesher one by one: merging, rings, re-cutting, placing, flow, colours of moves."""

from __future__ import annotations

import itertools

import numba
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ssb2mesh.lattice.coarsen import Levels, merge_leaves
from ssb2mesh.lattice.connectivity import Tets, build_tets
from ssb2mesh.lattice.faces import box_triangles, choose_diagonals, cut_faces, cut_ring
from ssb2mesh.lattice.flow import make_flow, unbend
from ssb2mesh.lattice.interface import Interface, find_interface
from ssb2mesh.lattice.movable import collect_movable
from ssb2mesh.lattice.octree import Lattice, make_lattice
from ssb2mesh.lattice.placing import FREEDOM, Room, make_room
from ssb2mesh.lattice.stars import shapes
from ssb2mesh.lattice.swap import cuts_of, find_octahedra, swap_axes
from ssb2mesh.mesh import tet_volumes
from ssb2mesh.volume.components import label_components

SHAPES = [(16, 16, 16), (13, 18, 11), (8, 21, 17)]


def blobs(seed: int, shape: tuple[int, int, int] | None = None) -> np.ndarray:
    """Smooth phases of two to four cells, with some single cells and a film."""
    rng = np.random.default_rng(seed)
    shape = shape or SHAPES[seed % 3]
    fields = [gaussian_filter(rng.normal(size=shape), rng.uniform(0.8, 2.5)) for _ in range(2 + seed % 3)]
    phase = np.argmax([field / field.std() for field in fields], axis=0)
    phase[rng.random(shape) < 0.004] = 1
    if seed % 2:
        phase[:, shape[1] // 2] = 2
    return np.unique(phase, return_inverse=True)[1].reshape(shape).astype(np.int32)


def large(seed: int) -> np.ndarray:
    """Phases of some ten cells, with single cells and a film: room for leaves of all levels at interfaces."""
    rng = np.random.default_rng(seed)
    shape = (32, 24, 27)
    phase = np.argmax([gaussian_filter(rng.normal(size=shape), 5.0) for _ in range(3)], axis=0)
    phase[rng.random(shape) < 0.0005] = 1
    phase[:5, 12] = 2
    return phase.astype(np.int32)


def varied(seed: int, shape: tuple[int, ...]) -> Levels:
    """Limits that differ from place to place, so that leaves of every level meet at interfaces."""
    field = gaussian_filter(np.random.default_rng(seed + 99).normal(size=shape), 3.0)
    limit = np.digitize(field / field.std(), [-0.7, 0.2, 0.9]).astype(np.uint8)
    return Levels(3, 3, True, limit, np.minimum(limit + 1, 3).astype(np.uint8))


def assembled(phase: np.ndarray, levels: Levels) -> tuple[Lattice, Interface, np.ndarray, Tets]:
    lattice = make_lattice(phase, levels)
    interface, points = find_interface(lattice), lattice.points()
    cut = choose_diagonals(interface.corners.astype(float), interface.faces)
    return lattice, interface, points, build_tets(lattice, interface, cut_other=cut, box=box_triangles(lattice, points))


def on_threads(count: int, call):
    before = numba.get_num_threads()
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    try:
        return call()
    finally:
        numba.set_num_threads(before)


# -- merging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_merging_keeps_every_component_and_contact(seed):
    """Components before and after correspond one to one, found by the cells they share; so do touching phases."""
    phase = blobs(seed)
    merged, level = merge_leaves(phase, Levels(mixed=1 + seed % 3, bulk=3))
    assert level.any()
    before, of_before, *_ = label_components(phase)
    after, of_after, *_ = label_components(merged)
    same = phase == merged
    pairs = np.unique(np.stack([before[same], after[same]]), axis=1)
    assert len(of_before) == len(of_after) == pairs.shape[1]
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    assert contacts(phase) == contacts(merged)


def contacts(phase: np.ndarray) -> set[tuple[int, int]]:
    found = set()
    for axis in range(3):
        low, high = (
            np.take(phase, range(phase.shape[axis] - 1), axis),
            np.take(phase, range(1, phase.shape[axis]), axis),
        )
        found |= {(min(a, b), max(a, b)) for a, b in zip(low[low != high], high[low != high], strict=True)}
    return found


@pytest.mark.parametrize("seed", range(12))
def test_leaves_are_whole_and_balanced(seed):
    """A leaf is an aligned cube of one phase; leaves that touch, even at a corner, differ by one level at most."""
    phase = large(seed) if seed % 2 else blobs(seed)
    levels = varied(seed, phase.shape) if seed % 2 else Levels(mixed=seed % 4, bulk=3)
    merged, level = merge_leaves(phase, levels)
    grid = np.indices(phase.shape)
    anchor = tuple((grid >> level) << level)
    assert all((a + (1 << level[anchor]) <= n).all() for a, n in zip(anchor, phase.shape, strict=True))
    np.testing.assert_array_equal(level[anchor], level)
    np.testing.assert_array_equal(merged[anchor], merged)
    wide = level.astype(int)
    for step in itertools.product((-1, 0, 1), repeat=3):
        here = tuple(slice(max(-s, 0), n - max(s, 0)) for s, n in zip(step, level.shape, strict=True))
        there = tuple(slice(max(s, 0), n - max(-s, 0)) for s, n in zip(step, level.shape, strict=True))
        assert np.abs(wide[here] - wide[there]).max(initial=0) <= 1


@pytest.mark.parametrize("seed", range(6))
def test_limits_are_kept(seed):
    """No leaf is larger than its cells allow; one that holds or touches several phases obeys the lower limit."""
    phase = large(seed)
    levels = varied(seed, phase.shape)
    merged, level = merge_leaves(phase, levels)
    assert len(np.unique(level)) > 2
    assert (level <= np.maximum(levels.limit, levels.bulk_limit)).all()
    changed = merged != phase
    assert (level[changed] <= levels.limit[changed]).all()
    nothing = merge_leaves(phase, Levels(3, 3, True, np.zeros(phase.shape, np.uint8), np.zeros(phase.shape, np.uint8)))
    np.testing.assert_array_equal(nothing[0], phase)
    assert not nothing[1].any()


@pytest.mark.parametrize("place", [5, 6, 7, 8])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_film_of_one_cell_is_kept(place, axis):
    """Whether it lies in the middle of blocks or at their rim, the film keeps its cells; without care it is lost."""
    phase = np.zeros((16, 16, 16), np.int32)
    np.moveaxis(phase, axis, 0)[place] = 1
    merged, level = merge_leaves(phase, Levels(mixed=2, bulk=2))
    np.testing.assert_array_equal(merged, phase)
    assert not level[phase == 1].any()
    assert level.max() == 2
    careless, level = merge_leaves(phase, Levels(mixed=2, bulk=2, keep_thin=False))
    assert not careless.any()
    assert (level == 2).all()


def test_a_crack_of_one_cell_through_two_films_is_kept():
    """Three phases: the contacts along the crack are those of the cells."""
    phase = np.zeros((16, 16, 16), np.int32)
    phase[8:], phase[7, :, :], phase[:, 9, :] = 2, 1, 3
    merged, _ = merge_leaves(phase, Levels(mixed=2, bulk=2))
    np.testing.assert_array_equal(merged == 1, phase == 1)
    np.testing.assert_array_equal(merged == 3, phase == 3)


@pytest.mark.parametrize("seed", range(4))
def test_merging_does_not_depend_on_threads(seed):
    phase = blobs(seed, (40, 33, 29))
    one, two = (on_threads(n, lambda: merge_leaves(phase, Levels(mixed=2, bulk=3))) for n in (1, 2))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


# -- rings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("hanging", list(itertools.product((False, True), repeat=4)))
def test_every_ring_is_cut_into_good_triangles(hanging, axis):
    """All sixteen ways in which vertices can hang on the four edges: the square is covered, no angle below 20 deg."""
    around = [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    flat = np.array([p for i, p in enumerate(around) if i % 2 == 0 or hanging[i // 2]])
    corners = np.zeros((len(flat), 3), np.int32)
    corners[:, (axis + 1) % 3], corners[:, (axis + 2) % 3] = flat.T
    ring = np.zeros(8, np.int32)
    ring[: len(flat)] = np.arange(len(flat))
    cut = np.full((6, 3), -1, np.int32)
    cut_ring(corners, ring, len(flat), cut)
    triangles = flat[cut[: len(flat) - 2]].astype(float)
    sides = np.roll(triangles, -1, axis=1) - triangles
    areas = 0.5 * (sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    assert (areas > 0).all()
    assert areas.sum() == pytest.approx(4)
    angles = [
        np.degrees(np.arccos(np.dot(t[(i + 1) % 3] - t[i], t[i - 1] - t[i])
                             / np.linalg.norm(t[(i + 1) % 3] - t[i]) / np.linalg.norm(t[i - 1] - t[i])))
        for t in triangles for i in range(3)
    ]  # fmt: skip
    assert min(angles) > 20
    # each edge of the ring once, each inner edge twice, in opposite senses
    edges = [(t[i], t[(i + 1) % 3]) for t in cut[: len(flat) - 2].tolist() for i in range(3)]
    assert len(set(edges)) == len(edges)
    assert {(i, (i + 1) % len(flat)) for i in range(len(flat))} == {e for e in edges if e[::-1] not in edges}


@pytest.mark.parametrize("seed", range(6))
def test_untouched_lattices_are_valid(seed):
    """Leaves of several levels at interfaces: positive tets that fill the box and fit facet to facet."""
    phase = large(seed)
    _, _, points, tets = assembled(phase, varied(seed, phase.shape))
    volumes = tet_volumes(points, tets.corners)
    assert volumes.min() > 0
    assert volumes.sum() == pytest.approx(phase.size, rel=1e-12)
    facets = np.sort(tets.corners[:, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]].reshape(-1, 3), axis=1)
    rows, count = np.unique(facets, axis=0, return_counts=True)
    assert count.max() == 2
    outer = points[rows[count == 1]]
    assert ((outer == 0) | (outer == np.asarray(phase.shape))).all(axis=1).any(axis=1).all()


# -- colours ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_blocks_of_one_colour_share_no_tet(seed):
    """Now and after any re-cutting: no octahedron, and so none of its tets, has corners in two blocks of a colour."""
    phase = large(seed) if seed % 2 else blobs(seed)
    levels = varied(seed, phase.shape) if seed % 2 else Levels(mixed=1 + seed % 3, bulk=3)
    lattice, interface, points, tets = assembled(phase, levels)
    movable = collect_movable(points, tets.corners, lattice=lattice, interface=interface)
    block = np.searchsorted(movable.blocks, np.arange(len(movable.vertices)), side="right") - 1
    colour = np.searchsorted(movable.colours, block, side="right") - 1
    assert len(np.unique(block)) > len(np.unique(colour)) > 1
    if seed % 2:  # leaves of two sizes at least meet at the interface itself, of three nearby
        assert len(np.unique(interface.level)) >= 2
        assert len(np.unique(lattice.level)) >= 3
    _assert_apart(tets.corners, movable.slot, block, colour)
    first = find_octahedra(tets.corners, tets.inner)
    corners = np.concatenate([tets.corners[first + t] for t in range(4)], axis=1)
    corners = np.array([np.unique(row) for row in corners])  # six each, or this fails
    assert corners.shape == (len(first), 6)
    _assert_apart(corners, movable.slot, block, colour)


def _assert_apart(groups: np.ndarray, slot: np.ndarray, block: np.ndarray, colour: np.ndarray) -> None:
    slots = slot[groups]
    clash = np.zeros(len(groups), bool)
    for i in range(groups.shape[1]):
        for j in range(i):
            both = (slots[:, i] >= 0) & (slots[:, j] >= 0)
            a, b = slots[:, i], slots[:, j]
            clash |= both & (colour[a] == colour[b]) & (block[a] != block[b])
    assert not clash.any(), f"{clash.sum()} of {len(groups)}, the first has vertices {groups[clash][:1]}"


def test_all_interface_corners_may_move():
    phase = blobs(3)
    lattice, interface, points, tets = assembled(phase, varied(3, phase.shape))
    movable = collect_movable(points, tets.corners, lattice=lattice, interface=interface)
    assert (movable.slot[interface.vertices] >= 0).all()
    free = movable.free[movable.slot[interface.vertices]]
    np.testing.assert_array_equal(free == 0, interface.fixed)


# -- re-cutting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_recutting_keeps_outside_volume_and_improves(seed):
    """Shaken vertices, faces re-cut: same box facets, same volume, valid, no octahedron worse; cuts are known."""
    phase = blobs(seed)
    lattice, interface, points, tets = assembled(phase, Levels(mixed=seed % 3, bulk=2))
    inside = ((points > 0) & (points < np.asarray(phase.shape))).all(axis=1)
    points[inside] += np.random.default_rng(seed).uniform(-0.14, 0.14, (inside.sum(), 3))
    corners, shape = tets.corners.copy(), shapes(points, tets.corners).astype(np.float32)
    assert shape.min() > 0
    octahedra = find_octahedra(corners, tets.inner)
    before = shape.copy()
    changed = swap_axes(points, corners, tets.tags, shape, octahedra, 2.0)
    assert changed > 20
    np.testing.assert_allclose(shape, shapes(points, corners), atol=1e-6)
    worst = [np.min([values[octahedra + t] for t in range(4)], axis=0) for values in (before, shape)]
    assert (worst[1] >= worst[0]).all()
    assert (worst[1] > worst[0]).sum() == changed
    volumes = tet_volumes(points, corners)
    assert volumes.min() > 0
    assert volumes.sum() == pytest.approx(phase.size, rel=1e-12)
    np.testing.assert_array_equal(_outer(corners), _outer(tets.corners))
    cut = cuts_of(corners, tets.tags, octahedra=octahedra, interface=interface)
    triangles, _ = cut_faces(interface.faces, cut)
    np.testing.assert_array_equal(
        _between(corners, tets.tags), np.unique(np.sort(interface.vertices[triangles]), axis=0)
    )


def _facets(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    facets = np.sort(corners[:, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]].reshape(-1, 3), axis=1)
    return np.unique(facets, axis=0, return_inverse=True, return_counts=True)


def _outer(corners: np.ndarray) -> np.ndarray:
    rows, _, count = _facets(corners)
    assert count.max() == 2
    return rows[count == 1]


def _between(corners: np.ndarray, tags: np.ndarray) -> np.ndarray:
    rows, index, count = _facets(corners)
    owner = np.repeat(tags, 4)
    low, high = np.full(len(rows), 99), np.full(len(rows), -1)
    np.minimum.at(low, index.ravel(), owner)
    np.maximum.at(high, index.ravel(), owner)
    return rows[(count == 2) & (low != high)]


def test_a_good_lattice_is_not_recut():
    phase = blobs(0)
    _, _, points, tets = assembled(phase, Levels())
    shape = shapes(points, tets.corners).astype(np.float32)
    corners = tets.corners.copy()
    assert swap_axes(points, corners, tets.tags, shape, find_octahedra(corners, tets.inner), 0.5) == 0
    np.testing.assert_array_equal(corners, tets.corners)


# -- placing and flow ------------------------------------------------------------------------------------------------


def flat_in_leaves(axis: int, level: int, place: int) -> tuple[Interface, Room]:
    phase = np.zeros((24, 24, 24), np.int32)
    np.moveaxis(phase, axis, 0)[place:] = 1
    lattice = make_lattice(phase, Levels(level, level))
    interface = find_interface(lattice)
    assert (interface.level == level).all()
    return interface, make_room(interface, lattice.phase, phase)


IN_LEAVES = pytest.mark.parametrize(("level", "place"), [(1, 4), (2, 4), (2, 5), (2, 7), (2, 8), (3, 11)])


@pytest.mark.parametrize("axis", [0, 1, 2])
@IN_LEAVES
def test_a_flat_interface_inside_leaves_is_found_exactly(axis, level, place):
    """Corners begin on the plane between the cells, to the last bit, wherever it cuts the leaves."""
    interface, room = flat_in_leaves(axis, level, place)
    inner = ~interface.fixed.any(axis=1)
    assert inner.any()
    assert set(np.unique(room.start[inner, axis])) == {float(place)}
    # along the plane they stay, and there is room on either side
    other = [e for e in range(3) if e != axis]
    np.testing.assert_array_equal(room.start[:, other][inner], interface.corners[:, other][inner])
    assert (room.low <= room.start).all()
    assert (room.start <= room.high).all()
    half = FREEDOM * 2**level
    assert (np.abs(room.low - interface.corners) <= half).all()
    assert (np.abs(room.high - interface.corners) <= half).all()
    assert (room.high - room.low)[inner].min() > 0.5


@pytest.mark.parametrize(
    ("level", "place"),
    [(1, 4), (2, 4), (2, 8), (2, 5), (2, 7), (3, 11)],
)
def test_a_flat_interface_inside_leaves_is_found_on_the_box_too(level, place):
    """There the neighbourhood ends at the box, which must not tilt the plane."""
    interface, room = flat_in_leaves(0, level, place)
    assert set(np.unique(room.start[:, 0])) == {float(place)}


def test_beside_single_cells_corners_begin_where_they_are():
    phase = blobs(1)
    lattice = make_lattice(phase)
    interface = find_interface(lattice)
    room = make_room(interface, lattice.phase, phase)
    np.testing.assert_array_equal(room.start, interface.corners)
    np.testing.assert_allclose(room.high - room.low, np.where(interface.fixed, 0, 2 * FREEDOM), atol=1e-13)


def plane(levels: Levels | None = None) -> Interface:
    phase = np.zeros((12, 16, 16), np.int32)
    phase[4:] = 1
    return find_interface(make_lattice(phase, levels))


def wide_room(interface: Interface, here: np.ndarray) -> Room:
    give = np.where(interface.fixed, 0.0, 5.0)
    return Room(here, here - give, here + give)


@pytest.mark.parametrize("levels", [None, Levels(2, 2)])
def test_flow_leaves_a_flat_interface_alone_to_the_last_bit(levels):
    interface = plane(levels)
    here = interface.corners.astype(float)
    everything = np.arange(len(here), dtype=np.int32)
    flow = make_flow(interface, wide_room(interface, here))
    out, before = unbend(flow, flow.start.copy(), which=everything, steps=60, rates=(0.9, 0.25))
    assert not out.any()
    assert not before.any()


def test_flow_leaves_a_tilted_plane_alone():
    """A plane does not bend, so nothing moves, at its ends on the box neither; 1e-5: single precision of 60 steps."""
    interface = plane()
    here = interface.corners.astype(float)
    here[:, 0] += 0.11 * here[:, 1] - 0.07 * here[:, 2]
    everything = np.arange(len(here), dtype=np.int32)
    flow = make_flow(interface, wide_room(interface, here))
    out, _ = unbend(flow, flow.start.copy(), which=everything, steps=60, rates=(0.9, 0.25))
    np.testing.assert_allclose(out, flow.start, atol=1e-5)


def test_flow_takes_a_step_away_and_moves_only_what_it_may():
    """A bump flattens, by the mean of the plane; corners that are not named stay to the last bit."""
    interface = plane()
    here = interface.corners.astype(float)
    inner = np.flatnonzero(~interface.fixed.any(axis=1))
    bump = inner[len(inner) // 2]
    here[bump, 0] += 1.0
    near = np.flatnonzero(np.abs(here[:, 1:] - here[bump, 1:]).max(axis=1) <= 3).astype(np.int32)
    flow = make_flow(interface, wide_room(interface, here))
    out, _ = unbend(flow, flow.start.copy(), which=near, steps=80, rates=(0.9, 0.25))
    away = np.setdiff1d(np.arange(len(here)), near)
    np.testing.assert_array_equal(out[away], flow.start[away])
    # inertia lets it swing, so smaller by far, not gone
    assert np.abs(out[:, 0]).max() < 0.3


def test_flow_stays_in_its_room():
    phase = blobs(2)
    lattice = make_lattice(phase)
    interface = find_interface(lattice)
    room = make_room(interface, lattice.phase, phase)
    everything = np.arange(len(room.start), dtype=np.int32)
    flow = make_flow(interface, room)
    out, _ = unbend(flow, flow.start.copy(), which=everything, steps=40, rates=(0.9, 0.25))
    assert (out >= flow.low).all()
    assert (out <= flow.high).all()
    assert np.abs(out - flow.start).max() > 0.3
    one, two = (
        on_threads(n, lambda: unbend(flow, flow.start.copy(), which=everything, steps=10, rates=(0.9, 0.25))[0])
        for n in (1, 2)
    )
    np.testing.assert_array_equal(one, two)
