"""One rank and two ranks give the same answer, from files read in slabs and from files read by rank 0."""

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
    rng = np.random.default_rng(11)
    field = rng.integers(1, 4, (6, 6, 6))
    field[1, 1, :] = 1  # something must percolate
    field[4, 4, 4] = 4
    field[:, :, [0, 5]] = np.minimum(field[:, :, [0, 5]], 2)  # the ideal conductor must not join the ends
    return field


def run(mesh, out, ranks):
    return run_ranks(HERE / "parallel_case.py", mesh, out, ranks)


def test_two_ranks_agree_with_one(tmp_path, verify):
    write_mesh(box_mesh(6, labels()), tmp_path / "mesh.xdmf")
    write_mesh(box_mesh(6, labels()), tmp_path / "mesh.vtu")
    one = run(tmp_path / "mesh.xdmf", tmp_path / "one.npz", 1)
    two = run(tmp_path / "mesh.xdmf", tmp_path / "two.npz", 2)
    for key in set(one) - {"balance", "errors"}:
        scale = np.nanmax(np.abs(one[key])) if one[key].size else 1.0
        np.testing.assert_allclose(two[key], one[key], rtol=0, atol=1e-8 * scale, err_msg=key)
    np.testing.assert_allclose(two["potential_of_vtu"], one["potential"], rtol=0, atol=1e-8)
    off = np.nanmax(np.abs(two["potential"] - one["potential"]))
    verify(
        "random phases, an ideal conductor, 2 processes",
        "potential, largest difference, V",
        off,
        0.0,
        1e-8,
        source="1 process",
        mesh="1296 tets",
        absolute=True,
    )
    assert two["balance"].max() < 1e-10
    assert two["errors"].tolist() == one["errors"].tolist()
    assert one["errors"].tolist() == ["InputError", "InputError", "InputError", "PercolationError"]
