"""Octants of balls, shells and cavities with nodes on the spheres, for tests against closed forms of elasticity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from helpers_mesh import box_mesh

from ssb2mesh.mesh import TaggedMesh, tet_volumes


def octant(
    n: int, core: int, radius: Callable[[np.ndarray], np.ndarray], *, drop: bool = False, box: bool = False
) -> TaggedMesh:
    """Return one eighth of a ball of "core" in a shell of "matrix", or of a cavity when the core is dropped.

    The cube [0, 1]^3 of n^3 cells is mapped so that the cubes max(x, y, z) = m become spheres of `radius(m)`; with
    `box`, spheres turn into cubes from the core outwards. The planes through the middle are x_min, y_min, z_min.
    """
    i = np.arange(n)
    inside = np.maximum.outer(np.maximum.outer(i, i), i) < core
    mesh = box_mesh(n, np.where(inside, 1, 2), names={1: "core", 2: "matrix"}, drop=["core"] if drop else [])
    p = mesh.points
    m = p.max(axis=1)
    even = np.tan(0.25 * np.pi * p / np.maximum(m, 1e-300)[:, None])  # equal angles rather than equal tangents
    size = np.linalg.norm(even, axis=1)
    ball = even / np.maximum(size, 1e-300)[:, None] * radius(m)[:, None]
    points = ball
    if box:
        part = np.clip((m - core / n) / (1 - core / n), 0.0, 1.0)[:, None]
        points = (1 - part) * ball + part * even * radius(m)[:, None]
    assert tet_volumes(points, mesh.tets).min() > 0
    box_of = np.stack([points.min(axis=0), points.max(axis=0)])
    return TaggedMesh(points, mesh.tets, mesh.cell_tags, mesh.facets, mesh.facet_tags, mesh.cell_names,
                      mesh.facet_names, box_of)  # fmt: skip


def growing(core_part: float, inner: float, outer: float, power: float = 1.6) -> Callable[[np.ndarray], np.ndarray]:
    """Return radii that grow evenly to `inner` in the core and ever faster to `outer` around it."""

    def radius(m: np.ndarray) -> np.ndarray:
        part = np.clip((m - core_part) / (1 - core_part), 0.0, 1.0)
        return np.where(m <= core_part, inner * m / core_part, inner * (outer / inner) ** (part**power))

    return radius
