"""Lengths of triple lines: straight ones, circles on balls and between balls, from voxels and from meshes."""

from __future__ import annotations

import numpy as np
import pytest

from ssb2mesh import LabelledVolume, mesh_volume
from ssb2mesh.measure import triple_lines
from ssb2mesh.measure.curves import link_edges, smooth_directions

CUBIC, FLAT, SKEW = (1.0, 1.0, 1.0), (1.0, 1.0, 2.0), (0.7, 1.3, 1.0)
NAME = "LPSCl|NMC|void"
UM = 1e-6


def _grid(size, spacing):
    shape = [round(edge / step) for edge, step in zip(size, spacing, strict=True)]
    axes = [(np.arange(n) + 0.5) * h - 0.5 * n * h for n, h in zip(shape, spacing, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1), np.array(shape) * spacing


def _volume(labels, spacing):
    return LabelledVolume(
        labels.astype(np.uint8), tuple(UM * s for s in spacing), phases={0: "LPSCl", 1: "NMC", 2: "void"}
    )


def _straight(direction, angles, spacing):
    """Three wedges of given angles (degrees) that meet in a straight line, and its length in the box."""
    place, size = _grid((44, 44, 44), spacing)
    d = np.asarray(direction) / np.linalg.norm(direction)
    u = np.cross(d, [0.3, 0.5, 0.8])
    u /= np.linalg.norm(u)
    foot = np.array([0.31, -0.2, 0.17])
    turn = np.degrees(np.arctan2((place - foot) @ np.cross(d, u), (place - foot) @ u)) % 360
    # from where the line leaves the box to where it enters
    with np.errstate(divide="ignore"):
        ends = np.sort(np.array([(-0.5 * size - foot) / d, (0.5 * size - foot) / d]), axis=0)
    length = (
        np.where(np.isfinite(ends[1]), ends[1], np.inf).min() - np.where(np.isfinite(ends[0]), ends[0], -np.inf).max()
    )
    return _volume(np.digitize(turn, np.cumsum(angles)[:2]), spacing), length * UM


def _cap(normal, radius, spacing):
    """A ball, half coated: the plane outside meets it in a circle."""
    place, _ = _grid((2 * radius + 8,) * 3, spacing)
    n = np.asarray(normal) / np.linalg.norm(normal)
    place = place - (0.2, -0.3, 0.1)
    cut = 0.2 * radius
    labels = np.where((place**2).sum(axis=-1) < radius**2, 1, np.where(place @ n > cut, 2, 0))
    return _volume(labels, spacing), 2 * np.pi * np.sqrt(radius**2 - cut**2) * UM


def _lens(normal, radius, apart, spacing):
    """Two balls that meet in a circle."""
    place, _ = _grid((2 * (radius + apart) + 8,) * 3, spacing)
    n = np.asarray(normal) / np.linalg.norm(normal)
    first, second = (((place - sign * apart * n) ** 2).sum(axis=-1) for sign in (1, -1))
    labels = np.where((first < radius**2) & (first < second), 1, np.where(second < radius**2, 2, 0))
    return _volume(labels, spacing), 2 * np.pi * np.sqrt(radius**2 - apart**2) * UM


TILTS = [(0.1, 0, 1), (0.1, 0.05, 1), (0.3, 0.2, 1), (1, 1, 1), (1, 2, 3), (0, 1, 1), (1, 0.37, 0.11)]


@pytest.mark.parametrize("spacing", [CUBIC, FLAT, SKEW])
@pytest.mark.parametrize("direction", TILTS)
@pytest.mark.parametrize("angles", [(120, 120, 120), (90, 90, 180)])
def test_straight_tilted_lines(direction, angles, spacing):
    volume, length = _straight(direction, angles, spacing)
    # a line of 44 voxels begins and ends within half a voxel of where it should: 1 %, and what the window leaves
    assert triple_lines(volume).corrected[NAME] == pytest.approx(length, rel=0.0135)


@pytest.mark.parametrize("spacing", [CUBIC, SKEW])
@pytest.mark.parametrize("normal", [(0.2, 0.3, 1), (0, 0, 1), (1, 1, 1)])
def test_circles_on_balls(normal, spacing):
    volume, length = _cap(normal, 15, spacing)
    # the line lies up to 0.4 voxels outside, where the tips of the outer phases are finer than a voxel
    assert triple_lines(volume).corrected[NAME] == pytest.approx(length, rel=0.4 / 14.7)
    volume, length = _cap(normal, 30, spacing)
    assert triple_lines(volume).corrected[NAME] == pytest.approx(length, rel=0.4 / 29.4)


@pytest.mark.parametrize("normal", [(0.2, 0.3, 1), (0, 0, 1), (1, 0.37, 0.11)])
def test_circles_where_balls_meet(normal):
    volume, length = _lens(normal, 24, 13, CUBIC)
    # the notch between the balls is a wedge of 66 degrees: 0.4 voxels at worst, along the axes, on a radius of 20
    assert triple_lines(volume).corrected[NAME] == pytest.approx(length, rel=0.02)


def test_lines_of_meshes_are_freed_of_their_waves():
    volume, length = _lens((0.2, 0.3, 1), 14, 8, CUBIC)
    lines = triple_lines(volume, mesh=mesh_volume(volume))
    assert lines.mesh[NAME] == pytest.approx(length, rel=0.02)
    assert lines.mesh_edges[NAME] > 1.03 * length  # what they would be otherwise
    assert {row.quantity for row in lines.rows()} == {
        "length", "length density", "length of voxel edges", "length in mesh", "length of mesh edges",
    }  # fmt: skip


def test_lines_near_each_other_do_not_cancel():
    labels = np.zeros((20, 9, 20))
    labels[:, :4], labels[:, 5:] = 1, 2  # a film of one voxel between two phases, cut off below
    labels[:10, 4] = 1
    lines = triple_lines(_volume(labels, CUBIC))
    assert lines.corrected == pytest.approx({NAME: 20 * UM}, rel=1e-9)
    labels[10, 4, 10] = 1  # a bump: the line goes around it
    assert 20 * UM < triple_lines(_volume(labels, CUBIC)).corrected[NAME] < 22 * UM


def test_edges_that_run_back_count_below_zero():
    x = np.array([0, 1, 2, 1, 2, 3, 4, 5])
    nodes = np.column_stack([np.arange(7), np.arange(1, 8)])
    vectors = np.column_stack([np.diff(x), np.zeros((7, 2))])
    directions = smooth_directions(nodes, vectors, groups=np.zeros(7, int), window=3.0, directed=True)
    assert (directions * vectors).sum() == pytest.approx(5, rel=1e-12)


def test_links_go_straight_on_and_stay_in_their_group():
    # two lines cross at node 1: 0-1-2 along x, 3-1-4 along y; a third group begins there, too
    nodes = np.array([[0, 1], [3, 1], [1, 2], [1, 4], [1, 9]])
    vectors = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], float)
    groups = np.array([0, 0, 0, 0, 1])
    for directed in (True, False):
        links = link_edges(nodes, vectors, groups=groups, directed=directed)
        assert links.tolist() == [[-1, 4], [-1, 6], [1, -1], [3, -1], [-1, -1]]
    # without directions, edges that point at each other go on into each other
    assert link_edges(nodes[:2], vectors[:2], groups=groups[:2], directed=True).tolist() == [[-1, -1], [-1, -1]]
    assert link_edges(nodes[:2], vectors[:2], groups=groups[:2], directed=False).tolist() == [[-1, 3], [-1, 1]]
