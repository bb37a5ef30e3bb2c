"""The set-up script: what it says where it cannot work, and that a second run is quick."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def clone(tmp_path):
    """A folder with what the script reads, and no .venv."""
    (tmp_path / "tools").mkdir()
    for name in ("pyproject.toml", "tools/setup.sh", "tools/constraints-debian12.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(folder, **environment):
    variables = {k: v for k, v in os.environ.items() if k != "CONDA_PREFIX"} | environment
    return subprocess.run(["bash", "tools/setup.sh"], cwd=folder, env=variables, capture_output=True, text=True)


def test_unknown_platform_names_the_conda_way(clone):
    release = clone / "os-release"
    release.write_text('ID=fedora\nVERSION_ID="41"\n')
    done = run(clone, SSB2MESH_OS_RELEASE=str(release))
    assert done.returncode == 1
    assert "this is not Debian 12" in done.stderr
    assert "conda env create -f environment.yml" in done.stderr
    assert not (clone / ".venv").exists()


def test_no_platform_file_is_an_unknown_platform(clone):
    done = run(clone, SSB2MESH_OS_RELEASE=str(clone / "none"))
    assert done.returncode == 1
    assert "conda activate ssb2mesh" in done.stderr


def test_a_second_run_is_quick():
    if not (ROOT / ".venv" / ".ssb2mesh-setup").is_file():
        pytest.skip("this environment was not made by tools/setup.sh")
    if run(ROOT, SSB2MESH_OS_RELEASE=str(ROOT / "none")).returncode != 0:
        pytest.skip("the set-up is older than tools/setup.sh or pyproject.toml")
    before = os.times()
    done = run(ROOT)
    after = os.times()
    assert done.returncode == 0
    assert done.stderr == ""
    # processor time: on a busy machine the clock says nothing; an installation takes minutes, this 0.1 s
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 5.0
