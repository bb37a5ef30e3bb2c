"""The examples run, are short, and give what their docstrings promise."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ssb2mesh.study import read_study

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
STUDIES = sorted((ROOT / "examples").glob("*.toml"))


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_main(name):
    return load(name).main()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.stem)
def test_scripts_are_short_and_explained(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert text.startswith('"""')
    assert f"Run: python examples/{path.name}" in text
    assert f"def test_{path.stem}(" in Path(__file__).read_text(encoding="utf-8")


def test_sphere_mesh(capsys):
    area, content = run_main("sphere_mesh")
    # a radius of 10 voxels: the facets' chords alone take 1/(12 r^2) ~ 0.1 %, voxel sampling of the ball some tenths
    assert abs(area) < 0.015
    assert abs(content) < 0.01
    assert "dihedral angles" in capsys.readouterr().out


def test_laminate_conductivity():
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    # a field that is linear in each layer lies in the P1 space: only the linear solver's tolerance is left
    assert max(run_main("laminate_conductivity").values()) < 1e-9


def test_cathode_current():
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    current, balance = run_main("cathode_current")
    assert current > 0
    # reactions balance as well as the linear system is solved
    assert balance < 1e-8


def test_contact_loss():
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    rows = run_main("contact_loss")
    for _, voltage, constriction, flat in rows:
        # on these coarse cells the pellet is exact, so constriction is all that the zero-dimensional model misses
        assert voltage - constriction == pytest.approx(flat, rel=1e-6)
    parts = [constriction for _, _, constriction, _ in rows]
    assert all(0 < a < b for a, b in zip(parts, parts[1:], strict=False))


def test_hao_states(capsys):
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    module = load("hao_states")
    found = module.main(module.pellet(18))
    intact, tip, through, other, shorted = found.values()
    # before penetration the field is even but at the pits of the upper foil
    assert intact["field_spread"] < 0.1
    assert intact["field_peak"] < 2.0
    assert intact["field_peak_height"] > 0.85
    # field and stress gather at filled tips: at 0.6 of the thickness, from the other side at 0.4
    for state, height in ((tip, 0.6), (through, 0.6), (other, 0.4)):
        assert state["field_peak"] > 1.5 * intact["field_peak"]
        assert state["field_peak_height"] == pytest.approx(height, abs=0.08)  # a cell is 0.11 high
        assert state["mises_peak"] > 10 * intact["mises_peak"]
    # uniaxial strain under 1 MPa: (1 - 2 nu) / (1 - nu) of it, and more beside pits
    assert intact["mises_mean"] == pytest.approx(1e6 * 0.4 / 0.7, rel=0.02)
    assert intact["mises_peak"] > 1.3 * intact["mises_mean"]
    # the same lithium has less strain energy once the crack runs through
    assert through["strain_energy"] < 0.8 * tip["strain_energy"]
    assert through["mises_peak"] < tip["mises_peak"]
    # filled with metal, the pellet passes 1e6 times the current, which no other state does
    assert shorted["current"] > 1e6 * max(each["current"] for each in (intact, tip, through, other))
    assert max(tip["current"], through["current"], other["current"]) < 2 * intact["current"]
    assert "shorted" in capsys.readouterr().out


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.stem)
def test_studies_are_valid(path):
    assert read_study(path).solves


@pytest.mark.slow
def test_nmc_cathode_runs_where_the_data_are(data_folder, tmp_path):
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    # a smaller crop of the same study, to keep the suite quick
    text = (ROOT / "examples" / "nmc_cathode.toml").read_text(encoding="utf-8")
    study = tmp_path / "nmc.toml"
    whole = 'voxel_size = "0.398 um"\n'
    assert whole in text
    study.write_text(text.replace(whole, whole + 'crop = "0:48,0:48,0:48"\n'), encoding="utf-8")
    command = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()", "run", str(study), "--json", "-q"]
    environment = os.environ | {"SSB2MESH_DATA": str(data_folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result["mesh"]["fidelity"]) == {"pore"}
    for solve in result["solves"]:
        # no path is shorter than the straight one
        assert all(tau > 1.0 for tau in solve["result"]["tortuosity"].values())
    assert (tmp_path / "nmc-results" / "report.html").is_file()
