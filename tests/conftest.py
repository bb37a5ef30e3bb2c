"""What every test may use: the measured volumes, and a quiet, headless process."""

from __future__ import annotations

import contextlib
import importlib
import os
from pathlib import Path

import pytest
import records

# From a wheel, each brings an HDF5 of its own, and only works if it is loaded before the HDF5 of DOLFINx. Some tests
# import DOLFINx to see whether it is there: in a worker, whatever the order of the files, these have to come first.
for _name in ("h5py", "netCDF4"):
    with contextlib.suppress(ImportError):
        importlib.import_module(_name)

ROOT = Path(__file__).resolve().parent.parent

# two cores are shared by everything: numerical libraries must not start a thread pool each
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
# Open MPI refuses root and more processes than cores unless told otherwise; other MPIs ignore these
os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")
os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
os.environ.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The measured volumes; a test that needs them skips aloud elsewhere."""
    folder = Path(os.environ.get("SSB2MESH_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "nmc_cathode.tif").is_file():
        pytest.skip(f"measured volumes are not in {folder}; set SSB2MESH_DATA to the folder that holds them")
    return folder


def pytest_addoption(parser):
    records.add_option(parser)


def pytest_configure(config):
    records.begin(config)


def pytest_collection_modifyitems(config, items):
    records.choose(config, items)


@pytest.fixture
def verify(request):
    """Compare with a known answer and, with ``--verification FILE``, record it: see tests/records.py."""
    return records.for_test(request)
