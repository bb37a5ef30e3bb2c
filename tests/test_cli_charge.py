"""A charge-transfer study through the command line: files, numbers, pictures; bad input is told and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

ROOT = Path(__file__).resolve().parent.parent
MAIN = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()"]

STUDY = """
[volume]
path = "v.tif"
voxel_size = "1 um"
phases = { 0 = "LPS", 1 = "NMC" }
[[solve]]
name = "cell"
type = "charge_transfer"
electronic = { NMC = "1 S/m" }
ionic = { LPS = "1 S/m" }
fixed = { z_max = "1 V" }
fixed_ionic = { z_min = "0 V" }
decompose = true
[solve.kinetics]
"LPS|NMC" = { i0 = "1 mA/cm2", U = "0.1 V" }
[solve.contact]
"LPS|NMC" = { map = "map.npy", axis = "z" }
[output]
folder = "out"
report = false
"""


def run(*args, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([*MAIN, *map(str, args)], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path):
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[:, :, 3:] = 1
    tifffile.imwrite(tmp_path / "v.tif", labels.T)
    picture = np.zeros((4, 4))
    picture[:2] = 1.0
    np.save(tmp_path / "map.npy", picture)
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path


def test_study_to_files_and_pictures(folder):
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    done = run("run", "s.toml", "--json", "-q", cwd=folder)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["solves"][0]["result"]
    numbers = result["interfaces"]["LPS|NMC"]
    assert numbers["contact_area"] == pytest.approx(18e-12, rel=1e-6)
    assert result["balance"] < 1e-10
    parts = result["voltage_parts"]
    assert parts["cell_voltage"] == pytest.approx(1.0)
    assert parts["total_constriction"] > 0
    assert {"cell.xdmf", "cell.h5", "cell_LPS-NMC.vtu"} <= {p.name for p in (folder / "out").iterdir()}
    pytest.importorskip("pyvista")
    drawn = run("plot", "out/cell_LPS-NMC.vtu", "-o", "a.png", "--what", "current", cwd=folder)
    assert drawn.returncode == 0, drawn.stderr
    assert (folder / "a.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('i0 = "1 mA/cm2"', 'i0 = "1 mA"', "kinetics.LPS|NMC.i0: unknown unit 'mA' in '1 mA'"),
        ('fixed = { z_max = "1 V" }', "", "decompose: needs exactly two terminals"),
        ('axis = "z"', 'axis = "w"', "contact.LPS|NMC.axis: got 'w'"),
        ("ionic = { LPS", "ionic = { LSP", "(cell).ionic: unknown phase 'LSP', did you mean 'LPS'"),
        ('"map.npy"', '"absent.npy"', "map: no file"),
        ('fixed = { z_max = "1 V" }', 'fixed = { z_mx = "1 V" }', "unknown side 'z_mx', did you mean 'z_max'"),
    ],
)
def test_bad_studies_are_told_and_leave_nothing(folder, old, new, message):
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    assert old in STUDY
    (folder / "s.toml").write_text(STUDY.replace(old, new))
    done = run("run", "s.toml", "-q", cwd=folder)
    assert done.returncode != 0
    assert message in done.stderr
    assert not (folder / "out").exists()


def test_current_of_something_else_is_told(folder):
    pytest.importorskip("pyvista")
    done = run("plot", "v.tif", "-o", "a.png", "--what", "current", cwd=folder)
    assert done.returncode != 0
    assert "is no VTU file" in done.stderr
    assert not (folder / "a.png").exists()
