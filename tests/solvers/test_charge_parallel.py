"""Charge transfer on one rank and on two: the same answer, the same contact, the same errors."""

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


def cathode():
    """Electrolyte below, a mixture of electrolyte, NMC and a few grains of carbon above."""
    rng = np.random.default_rng(3)
    labels = rng.choice([1, 2, 2, 3], (6, 6, 8))
    labels[:, :, :3] = 1
    labels[:, :, 7] = 2
    labels[2, 3, :] = 1
    labels[4, 1, 4:] = 2
    labels[:, :, 6][labels[:, :, 6] == 3] = 1  # carbon floats
    return box_mesh((6, 6, 8), labels, names={1: "LPS", 2: "NMC", 3: "C"})


def run(mesh, out, ranks):
    return run_ranks(HERE / "charge_parallel_case.py", mesh, out, ranks)


def test_two_ranks_agree_with_one(tmp_path, verify):
    write_mesh(cathode(), tmp_path / "mesh.xdmf")
    one = run(tmp_path / "mesh.xdmf", tmp_path / "one.npz", 1)
    two = run(tmp_path / "mesh.xdmf", tmp_path / "two.npz", 2)
    assert two["errors"].tolist() == one["errors"].tolist() == ["InputError", "PercolationError", ""]
    for k in (0, 1):
        assert (two[f"triangles{k}"] == one[f"triangles{k}"]).all()
        assert (two[f"contact{k}"] == one[f"contact{k}"]).all()
        assert max(one[f"balance{k}"], two[f"balance{k}"]) < 1e-10
    for key in set(one) - {"errors", "balance0", "balance1"}:
        scale = np.nanmax(np.abs(one[key]))
        np.testing.assert_allclose(two[key], one[key], rtol=0, atol=1e-8 * scale, err_msg=key)
    for key in ("ionic_potential0", "currents0"):
        verify(
            "cathode of three phases, 2 processes",
            f"{key[:-1].replace('_', ' ')}, largest relative difference",
            np.nanmax(np.abs(two[key] - one[key])) / np.nanmax(np.abs(one[key])),
            0.0,
            1e-8,
            source="1 process",
            mesh="1728 tets",
            absolute=True,
        )
