"""One rank and two ranks give the same displacements, stresses, forces, stiffness and errors."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers_mesh import box_mesh
from helpers_ranks import run_ranks

from solvers import dolfinx_api
from ssb2mesh import write_mesh

pytestmark = [
    pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL),
    pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed"),
]

HERE = Path(__file__).resolve().parent


def labels():
    field = np.random.default_rng(3).integers(1, 3, (6, 6, 6))
    field[1:4, 1:4, 1:4] = 3  # a cavity
    field[2, 2, 2] = 1  # with an island in it
    return field


def run(case, mesh, out, ranks):
    return run_ranks(HERE / case, mesh, out, ranks)


def agree(one, two):
    worst = 0.0
    assert one["errors"].tolist() == two["errors"].tolist()
    for key in set(one) - {"errors"}:
        scale = np.nanmax(np.abs(one[key])) if one[key].size else 1.0
        np.testing.assert_allclose(two[key], one[key], rtol=0, atol=1e-8 * scale, err_msg=key)
        if one[key].size and np.isfinite(scale) and scale > 0:
            worst = max(worst, float(np.nanmax(np.abs(two[key] - one[key])) / scale))
    return worst


def test_two_ranks_agree_with_one(tmp_path, verify):
    write_mesh(box_mesh(6, labels()), tmp_path / "mesh.xdmf")
    one = run("mechanics_case.py", tmp_path / "mesh.xdmf", tmp_path / "one.npz", 1)
    two = run("mechanics_case.py", tmp_path / "mesh.xdmf", tmp_path / "two.npz", 2)
    worst = agree(one, two)
    verify(
        "two phases, an island, seams, plates; 2 processes",
        "all fields and numbers, largest difference",
        worst,
        0.0,
        1e-8,
        source="1 process",
        mesh="1296 tets",
        absolute=True,
    )
    assert len(one["errors"]) == 3
    assert one["floating1"].size == 1  # the island
