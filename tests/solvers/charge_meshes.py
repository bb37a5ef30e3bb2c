"""Meshes with exact contacts for tests of charge transfer: channels fed through a strip, columns fed through a spot."""

import numpy as np
from helpers_mesh import box_mesh

from solvers import FacetValues
from ssb2mesh.mesh import TaggedMesh, tet_volumes


def with_points(mesh, points):
    """The same mesh with its points elsewhere; its box is that of the points."""
    box = np.stack([points.min(axis=0), points.max(axis=0)])
    assert tet_volumes(points, mesh.tets).min() > 0
    return TaggedMesh(points, mesh.tets, mesh.cell_tags, mesh.facets, mesh.facet_tags, mesh.cell_names,
                      mesh.facet_names, box)  # fmt: skip


def stack(n=4, *, size=(1.0, 1.0, 1.0), across=None):
    """Electrolyte LPS below, electron conductor NMC above, n cubes high, interface in the middle."""
    k = n if across is None else across
    labels = np.ones((k, k, n), int)
    labels[:, :, n // 2 :] = 2
    return box_mesh((k, k, n), labels, size=size, names={1: "LPS", 2: "NMC"})


def strip_channel(n, *, power=2.0):
    """Half a channel (half width 1, height 1/2, depth 1/10); lines gather at the rim of the strip, x = 1/2."""
    mesh = box_mesh((2 * n, 1, n), names={1: "LPS"})
    x, y, z = np.array(mesh.points).T
    inner = 0.5 * (1 - np.clip(1 - 2 * x, 0, None) ** power)
    outer = 0.5 + 0.5 * np.clip(2 * x - 1, 0, None) ** power
    points = np.column_stack([np.where(x <= 0.5, inner, outer), 0.1 * y, 0.5 * z**power])
    return with_points(mesh, points)


def spot_column(n, radius, *, square, layers=None, powers=(2.2, 3.0)):
    """A quarter of a column of height 1, square (width 1) or round (radius 1); lines gather at the rim of the spot."""
    mesh = box_mesh((2 * n, 2 * n, layers or n), names={1: "LPS"})
    u, v, z = np.array(mesh.points).T
    outer = 0.5 if square else 1.0
    m, low = np.maximum(u, v), np.minimum(u, v)
    inside = radius * (1 - np.clip(1 - 2 * m, 0, None) ** powers[0])
    outside = radius + (outer - radius) * np.clip(2 * m - 1, 0, None) ** powers[0]
    r = np.where(m <= 0.5, inside, outside)
    share = np.divide(low, m, out=np.zeros_like(m), where=m > 0)
    angle = np.where(u >= v, share, 2 - share) * np.pi / 4
    plane = np.column_stack([np.cos(angle), np.sin(angle)]) * r[:, None]
    if square:
        corner = np.where((u >= v)[:, None], np.column_stack([np.ones_like(u), share]),
                          np.column_stack([share, np.ones_like(u)])) * r[:, None]  # fmt: skip
        blend = np.clip((r - radius) / (outer - radius), 0, 1)[:, None]
        plane = (1 - blend) * plane + blend * corner
    return with_points(mesh, np.column_stack([plane, z ** powers[1]]))


def spot_contact(mesh, radius):
    """Contact on the facets of LPS@z_min within a radius."""
    triangles = mesh.facet_set("LPS@z_min")
    middle = mesh.points[triangles].mean(axis=1)
    return FacetValues(triangles, np.hypot(middle[:, 0], middle[:, 1]) < radius)
