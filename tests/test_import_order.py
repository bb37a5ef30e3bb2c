"""Libraries with an HDF5 of their own work in a process of tests, also after DOLFINx: conftest.py sees to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from helpers_ranks import run_guarded

ROOT = Path(__file__).resolve().parent.parent
ROUND_TRIP = {
    "h5py": "h5py.File(sys.argv[1], 'w')['a'] = 3.0; assert h5py.File(sys.argv[1])['a'][()] == 3.0",
    "netCDF4": "f = netCDF4.Dataset(sys.argv[1], 'w'); f.createDimension('n', 3); f.close(); "
    "assert len(netCDF4.Dataset(sys.argv[1]).dimensions['n']) == 3",
}


@pytest.mark.parametrize("name", ROUND_TRIP)
def test_a_test_may_import_dolfinx_before_what_brings_an_hdf5(tmp_path, name):
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    pytest.importorskip(name)
    # as in a worker: pytest reads conftest.py, a test asks for DOLFINx, and a later one reads a file
    code = f"import sys, conftest, dolfinx, dolfinx.io, {name}; {ROUND_TRIP[name]}"
    paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    done = run_guarded([sys.executable, "-c", code, tmp_path / "file"], env={**os.environ, "PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr


def test_a_script_that_imports_dolfinx_first_is_told():
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    if run_guarded([sys.executable, "-W", "ignore", "-c", "import dolfinx, h5py"], env=env).returncode == 0:
        pytest.skip("h5py and DOLFINx share one HDF5 here")
    done = run_guarded([sys.executable, "-c", "import dolfinx, solvers.dolfinx_api as api; api.require()"], env=env)
    assert done.returncode == 0, done.stderr
    assert "h5py cannot be loaded after DOLFINx (" in done.stderr
    assert "import solvers or h5py before dolfinx in your script" in done.stderr
