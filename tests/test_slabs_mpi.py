"""Studies with meshes in slabs: the same file and the same tortuosity on one process and on two."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers_ranks import run_guarded
from scipy.ndimage import gaussian_filter

from ssb2mesh import LabelledVolume, write_volume

ROOT = Path(__file__).resolve().parent.parent
MAIN = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()"]
STUDY = """
[volume]
path = "v.h5"
[mesh]
drop = ["void"]
slabs = 3
[[solve]]
name = "tau"
type = "effective_conductivity"
conductivity = { NMC = 0.01, LPSCl = 1.0 }
axes = ["z"]
[output]
folder = "results"
fields = false
"""

pytestmark = pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed")


def run(*args, cwd, ranks=1):
    launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    variables["OMPI_MCA_mpi_yield_when_idle"] = "1"  # waiting processes must not starve others on a busy machine
    command = [*launcher, *MAIN, *args]
    return run_guarded(command, cwd=cwd, env=variables)


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    field = gaussian_filter(np.random.default_rng(3).normal(size=(10, 10, 40)), 1.5)
    labels = np.digitize(field, np.quantile(field, [0.1, 0.6])).astype(np.uint8)
    volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "LPSCl", 2: "NMC"})
    write_volume(volume, tmp_path / "v.h5")
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path


def test_one_and_two_processes_make_the_same_mesh_and_solve_alike(folder):
    one, two = (run("run", "s.toml", "--output", f"on{n}", "-q", cwd=folder, ranks=n) for n in (1, 2))
    assert one.returncode == two.returncode == 0, one.stderr + two.stderr
    with h5py.File(folder / "on1" / "mesh.h5") as first, h5py.File(folder / "on2" / "mesh.h5") as second:
        keys: list[str] = []
        first.visititems(lambda key, node: keys.append(key) if isinstance(node, h5py.Dataset) else None)
        assert len(keys) > 8
        for key in keys:
            np.testing.assert_array_equal(first[key][()], second[key][()], err_msg=key)
        assert first.attrs["header"] == second.attrs["header"]
    numbers = [json.loads((folder / f"on{n}" / "results.json").read_text()) for n in (1, 2)]
    taus = [run["solves"][0]["result"]["tortuosity"]["z"] for run in numbers]
    # the linear solver stops at a relative residual of 1e-12
    assert taus[1] == pytest.approx(taus[0], rel=1e-8)
    meshes = [run["mesh"] for run in numbers]
    assert meshes[0]["faults"] == meshes[1]["faults"] == []
    for key in ("tets", "points", "quality", "interfaces", "phases", "slabs"):
        assert meshes[0][key] == meshes[1][key]
    assert meshes[0]["traffic"]["seam_bytes"] == 0 < meshes[1]["traffic"]["seam_bytes"]
    names = ["mesh.h5", "mesh.xdmf", "pictures", "report.html", "report.json", "results.json", "study.toml"]
    assert sorted(p.name for p in (folder / "on2").iterdir()) == names
    drawn = ["field-1-1.png", "mesh.png", "slices.png", "spot.png"]
    assert sorted(p.name for p in (folder / "on2" / "pictures").iterdir()) == drawn
    pages = [json.loads((folder / f"on{n}" / "report.json").read_text()) for n in (1, 2)]
    assert [len(page["mesh"]["processes"]) for page in pages] == [1, 2]
    assert [one["slabs"] for one in pages[1]["mesh"]["processes"]] == [[0], [1, 2]]
    assert pages[0]["check"]["fidelity"] == pages[1]["check"]["fidelity"]
    links = re.findall(r'href="([^"]+)"', (folder / "on2" / "report.html").read_text())
    assert links == ["mesh.xdmf", "mesh.h5", "study.toml"]
    # the same pixels, whoever painted them
    for name in drawn[1:]:
        assert (folder / "on1" / "pictures" / name).read_bytes() == (folder / "on2" / "pictures" / name).read_bytes()


def test_a_fault_ends_all_processes(folder):
    (folder / "s.toml").write_text(STUDY.replace("slabs = 3", "slabs = 30"))
    done = run("run", "s.toml", cwd=folder, ranks=2)
    assert done.returncode == 1
    assert "slabs: got 30 for 40 cells along z; a slab needs 12 cells here" in done.stderr
    assert not (folder / "results").exists()


def test_pictures_say_temperature_where_heat_flows(folder):
    study = STUDY.replace("effective_conductivity", "effective_thermal_conductivity")
    (folder / "s.toml").write_text(study.replace("NMC = 0.01, LPSCl = 1.0", 'NMC = "5 W/(m K)", LPSCl = "0.7 W/(m K)"'))
    done = run("run", "s.toml", "-q", cwd=folder)
    assert done.returncode == 0, done.stderr
    page = (folder / "results" / "report.html").read_text()
    assert "Temperature z of the solve &#x27;tau&#x27;" in page
    assert "Potential" not in page
