"""Voxel values against certified intervals: how far from the exact value of their own staircase, and how far that is.

Two-point fluxes between voxel centres, as voxel codes for tortuosity factors have them, bound the conductance of the
staircase from below: the fluxes through the voxels' faces conserve charge, and inside a voxel their heat is counted as
(a^2 + b^2) / 2 for the fluxes a and b through opposite faces, never less than the (a^2 + a b + b^2) / 3 of a flux that
is linear in between. The heat of any such flux at a given current is at least the exact one.
"""

import numpy as np
import pytest
from helpers_mesh import box_mesh
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import spsolve

from solvers import PercolationError, dolfinx_api, effective_conductivity, load_domain
from solvers.exact import maxwell_garnett, simple_cubic, simple_cubic_radius
from ssb2mesh import LabelledVolume, mesh_volume

pytestmark = pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)


def voxel_value(sigma, axis=0):
    """Two-point fluxes with harmonic means, potentials held on the outer faces of the first and last layer; S/m."""
    sigma = np.moveaxis(np.asarray(sigma, float), axis, 0)
    n = sigma.size
    index = np.arange(n).reshape(sigma.shape)
    pairs, links = [], []
    for d in range(3):
        a, b = (np.moveaxis(sigma, d, 0)[cut].ravel() for cut in (slice(None, -1), slice(1, None)))
        i, j = (np.moveaxis(index, d, 0)[cut].ravel() for cut in (slice(None, -1), slice(1, None)))
        good = (a > 0) & (b > 0)
        pairs.append(np.stack([i[good], j[good]]))
        links.append(2 * a[good] * b[good] / (a[good] + b[good]))
    (i, j), g = np.concatenate(pairs, axis=1), np.concatenate(links)
    ends = np.zeros(sigma.shape)
    ends[0] += 2 * sigma[0]
    ends[-1] += 2 * sigma[-1]
    off = coo_array((np.concatenate([g, g]), (np.concatenate([i, j]), np.concatenate([j, i]))), shape=(n, n)).tocsr()
    degree = np.asarray(off.sum(axis=1)).ravel() + ends.ravel()
    # pieces that no end reaches have no potential of their own: a weak link to 0 changes no current
    matrix = diags_array(degree + 1e-12 * sigma.max()) - off
    right = np.zeros(sigma.shape)
    right[-1] = 2 * sigma[-1]
    found = spsolve(matrix.tocsc(), right.ravel()).reshape(sigma.shape)
    return float((2 * sigma[0] * found[0]).sum()) * sigma.shape[0] / sigma[0].size


def finer(values, times):
    return values.repeat(times, 0).repeat(times, 1).repeat(times, 2)


def staircase(labels, conductivity, *, times=1, axis="x"):
    """Certified interval on tets whose walls are exactly those of the voxels, six a cube, `times` cubes a voxel."""
    dropped = [name for name in ("phase1", "phase2") if name not in conductivity]
    mesh = box_mesh(tuple(times * k for k in labels.shape), finer(labels, times), drop=dropped)
    result = effective_conductivity(load_domain(mesh), conductivity=conductivity, axes=[axis], bounds=True)
    return result.intervals[axis].conductivity


def test_channels_and_layers_are_exact():
    assert voxel_value(np.full((4, 3, 2), 2.5)) == pytest.approx(2.5)
    channel = np.zeros((5, 4, 4))
    channel[:, 1:3, 1:3] = 1.0
    assert voxel_value(channel) == pytest.approx(4 / 16)
    layers = np.broadcast_to(np.array([1.0, 10.0])[:, None, None].repeat(3, 0), (6, 2, 2))
    assert voxel_value(layers) == pytest.approx(1 / (0.5 / 1 + 0.5 / 10))
    # a length off by one voxel, or pores that end, are the classic errors of such codes
    channel[2] = 0.0
    assert voxel_value(channel) == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(PercolationError, match="along x"):
        staircase((channel > 0).astype(int) + 1, {"phase2": 1.0})


@pytest.mark.parametrize("seed", range(6))
def test_voxel_values_never_exceed_the_staircase(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, 3, (5, 5, 5))
    contrast = (3.0, 30.0, 1000.0)[seed % 3]
    found = staircase(labels, {"phase1": 1.0, "phase2": contrast})
    voxels = voxel_value(np.where(labels == 2, contrast, 1.0))
    assert voxels < found.upper
    # on refined voxels of the same staircase the bound rises towards the exact value
    better = voxel_value(finer(np.where(labels == 2, contrast, 1.0), 2))
    assert voxels < better < found.upper


def test_what_separates_a_voxel_value_from_the_sphere():
    """Insulating spheres: the voxels' own error and that of the staircase are certain, and both make it too low."""
    n, fraction = 8, 0.2
    at = (np.arange(n) + 0.5) / n * 0.5
    x, y, z = np.meshgrid(at, at, at, indexing="ij")
    ball = x**2 + y**2 + z**2 < simple_cubic_radius(fraction) ** 2
    share = ball.mean()
    # the table at the voxels' own fraction; what Maxwell's formula lacks grows with its power 10/3
    lack = simple_cubic(fraction, 0.0) - maxwell_garnett(fraction, 0.0)
    exact = maxwell_garnett(share, 0.0) + lack * (share / fraction) ** (10 / 3)
    labels = np.where(ball, 2, 1)
    voxels, better = (voxel_value(finer(np.where(ball, 0.0, 1.0), k)) for k in (1, 2))
    rough = staircase(labels, {"phase1": 1.0}, times=2)
    volume = LabelledVolume(ball.astype(np.uint8), (0.5 / n,) * 3, phases={0: "matrix", 1: "ball"})
    mesh = mesh_volume(volume, drop=["ball"])
    result = effective_conductivity(load_domain(mesh), conductivity={"matrix": 1.0}, axes="x", bounds=True)
    smooth = result.intervals["x"].conductivity
    assert result.porosity == pytest.approx(1 - share, abs=2e-3)
    # measured: 0.6921 and refined 0.7008, staircase 0.7022 to 0.7129, smooth mesh 0.7171 to 0.7208, exact 0.7204
    assert voxels < better < rough.lower, "the voxel value is outside: its own error, 1.4 % at least"
    assert rough.lower / voxels - 1 > 0.01
    assert rough.upper < exact, "a staircase of the same volume hinders more than the sphere: 1.0 % at least"
    assert exact / rough.upper - 1 > 0.005
    assert exact in smooth
    assert voxels not in smooth
    assert smooth.lower > rough.upper
