"""Peak memory and stages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssb2mesh.stages import peak_memory_bytes

TELL = "from ssb2mesh.stages import peak_memory_bytes; print(peak_memory_bytes())"


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="other systems tell the peak with that of the parent"
)
def test_peak_memory_is_not_that_of_the_program_that_started_it():
    """A kernel hands the peak that `getrusage` tells from parent to child."""
    large = np.ones(300 * 2**20, np.uint8)
    assert peak_memory_bytes() > large.nbytes
    here = Path(__file__).resolve().parent.parent
    told = subprocess.run([sys.executable, "-c", TELL], cwd=here, capture_output=True, text=True, check=True).stdout
    assert int(told) < 200 * 2**20
