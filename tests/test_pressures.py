"""Pressures on the walls of components: each gains what it lacks. Meshes are in other files."""

from __future__ import annotations

from unittest.mock import Mock

import numpy as np
import pytest

from ssb2mesh.lattice.pressures import Pairs, solve_pressures
from ssb2mesh.lattice.walls import WallFaces

#: With two unknowns conjugate gradients end at the answer; the diagonal is 1e-9 larger, for clusters that float.
EXACT = 1e-8


def pairs_of(sides: np.ndarray, components: int) -> Pairs:
    return Pairs(Mock(WallFaces), np.asarray(sides, np.int64), components)


def gained(pairs: Pairs, weight: np.ndarray, pressure: np.ndarray) -> np.ndarray:
    """Volume = sum over the walls of a component of weight x difference of pressures."""
    a, b = pairs.sides.T
    return pairs.sum(weight * (pressure[a] - pressure[b]))


def test_a_row_of_three():
    # 1 -- 0 -- 2, of which 2 has no pressure: 2 p1 - 2 p0 = 1; 2 (p0 - p1) + 4 p0 = 0, so p0 = 1/4, p1 = 3/4
    pairs = pairs_of([[1, 0], [0, 2]], 3)
    found = solve_pressures(pairs, np.array([2.0, 4.0]), np.array([0.0, 1.0, -9.0]), np.array([True, True, False]))
    np.testing.assert_allclose(found, [0.25, 0.75, 0.0], rtol=EXACT)


def test_what_nobody_can_give_is_not_asked_for():
    # nothing outside the two: each gains what it lacks less its share (by walls) of what both lack
    pairs = pairs_of([[0, 1]], 2)
    found = solve_pressures(pairs, np.array([3.0]), np.array([1.0, 0.5]), np.array([True, True]))
    np.testing.assert_allclose(gained(pairs, np.array([3.0]), found), [0.25, -0.25], rtol=EXACT)
    assert found.sum() == pytest.approx(0.0, abs=1e-12)


def test_nothing_lacks():
    pairs = pairs_of([[0, 1]], 2)
    assert not solve_pressures(pairs, np.ones(1), np.zeros(2), np.ones(2, bool)).any()


def test_fifty_thousand_components_that_all_touch():
    """Salt and pepper: with factors instead of conjugate gradients this takes minutes and gigabytes."""
    rng, n = np.random.default_rng(0), 37
    number = np.arange(n**3).reshape((n,) * 3)
    steps = [(number[1:], number[:-1]), (number[:, 1:], number[:, :-1]), (number[..., 1:], number[..., :-1])]
    sides = np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in steps])
    pairs, weight = pairs_of(sides, n**3), rng.uniform(0.01, 4.0, len(sides))
    missing, free = rng.normal(size=n**3), rng.random(n**3) < 0.99
    found = solve_pressures(pairs, weight, missing, free)
    error = (gained(pairs, weight, found) - missing)[free]
    # the residual that is asked for is 1e-4, scaled by the diagonal
    assert np.linalg.norm(error) < 1e-3 * np.linalg.norm(missing)
    assert not found[~free].any()
