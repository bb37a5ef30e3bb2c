"""One rank and two ranks give the same intervals."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers_mesh import random_mesh
from helpers_ranks import run_ranks

from solvers import dolfinx_api
from ssb2mesh import write_mesh

pytestmark = [
    pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL),
    pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed"),
]

HERE = Path(__file__).resolve().parent


def run(mesh, out, ranks):
    return run_ranks(HERE / "bounds_case.py", mesh, out, ranks)


def test_two_ranks_agree_with_one(tmp_path):
    write_mesh(random_mesh(6, 3, seed=21), tmp_path / "mesh.xdmf")
    one = run(tmp_path / "mesh.xdmf", tmp_path / "one.npz", 1)
    two = run(tmp_path / "mesh.xdmf", tmp_path / "two.npz", 2)
    np.testing.assert_allclose(two["intervals"], one["intervals"], rtol=1e-8)
    assert one["across"].shape == (2, 2)
    np.testing.assert_allclose(two["across"], one["across"], rtol=0, atol=1e-8 * one["intervals"].max())
    np.testing.assert_allclose(two["gap"], one["gap"], rtol=0, atol=1e-8 * one["gap"].max())
    # the slack is a sum of residuals, which differ; both are small
    assert max(one["algebraic"].max(), two["algebraic"].max()) < 1e-8
