"""A coupled cell on one rank and on two: the same contact, gaps, voltages, fields and errors."""

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


def run(mesh, out, ranks):
    return run_ranks(HERE / "coupling_parallel_case.py", mesh, out, ranks)


def test_two_ranks_agree_with_one(tmp_path):
    labels = np.ones((3, 3, 4), int)
    labels[:, :, 2:] = 2
    write_mesh(box_mesh((3, 3, 4), labels, names={1: "LPS", 2: "Li"}), tmp_path / "mesh.xdmf")
    one, two = (run(tmp_path / "mesh.xdmf", tmp_path / f"{n}.npz", n) for n in (1, 2))
    assert (one["triangles"] == two["triangles"]).all()
    assert 0.0 < one["contact"].min() < one["contact"].max()
    assert "did not settle in 1 sweeps" in str(two["error"])
    assert str(one["error"])[:60] == str(two["error"])[:60]
    for key in set(one) - {"error", "triangles"}:
        scale = np.nanmax(np.abs(one[key]))
        # mechanics stop at 1e-9 of all forces, sweeps at 1e-9: the two runs stop at different points of that range
        np.testing.assert_allclose(two[key], one[key], rtol=0, atol=1e-8 * scale, err_msg=key)
