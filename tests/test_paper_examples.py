"""The examples of papers, at small size: each phantom has an answer that is known."""

from __future__ import annotations

import csv
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import ssb2mesh

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "papers"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "paper_table")


@pytest.fixture
def example(monkeypatch):
    """Import an example as it is when run from a shell: its folder is first on the path."""
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.syspath_prepend(str(FOLDER))
    loaded = []

    def load(name):
        loaded.append(name)
        return importlib.import_module(name)

    yield load
    for name in (*loaded, "paper_table"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", SCRIPTS)
def test_examples_are_short_explained_and_listed(name):
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 170
    assert f"Run: python examples/papers/{name}.py" in text
    assert f"def test_{name}(" in Path(__file__).read_text(encoding="utf-8")
    assert f"examples/papers/{name}.py" in (FOLDER.parent.parent / "docs" / "papers.md").read_text(encoding="utf-8")


def test_huang_2025_states(example, tmp_path, capsys):
    module = example("huang_2025_states")
    found = module.main(["--size", "28", "-o", str(tmp_path)])
    for state, (active, void, _) in module.STATES.items():
        # the phantom meets its fractions to 0.05 % of the volume, specks of a small volume apart
        assert found[state]["active"] == pytest.approx(active, abs=2e-3)
        assert found[state]["void"] == pytest.approx(void, abs=2e-3)
        # no isotropic mixture conducts better than Hashin and Shtrikman's; this small sample is not quite isotropic
        assert found[state]["tau"] > 0.97 * (3 - found[state]["electrolyte"]) / 2
    assembled, pressed, cycled = found.values()
    assert assembled["contact"] < cycled["contact"] < pressed["contact"] < 1.0
    assert assembled["tau"] > cycled["tau"] > pressed["tau"]
    with (tmp_path / "huang-2025-cathode.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["quantity", "unit", "assembled", "pressed", "cycled", "paper"]
    assert (tmp_path / "huang-2025-cathode.png").read_bytes()[:4] == b"\x89PNG"
    assert "tortuosity factor" in capsys.readouterr().out


def test_huang_2025_states_of_a_separator_given_as_a_file(example, tmp_path):
    module = example("huang_2025_states")
    volume = module.phantoms("separator", 24)["assembled"]
    np.save(tmp_path / "mine.npy", volume.labels)
    words = ["--voxel-size", "1 um", "--phase", "0=pore", "--phase", "1=SE", "--void", "pore", "--electrolyte", "SE"]
    words += ["--axes", "xyz", "--part", "separator", "-o", str(tmp_path)]
    found = module.main([str(tmp_path / "mine.npy"), *words])
    # the phantom's porosity is met to a voxel
    assert found["mine"]["void"] == pytest.approx(0.227, abs=1 / 24**3)


def test_huang_2025_anode(example, tmp_path):
    (found,) = example("huang_2025_anode").main(["--size", "96", "-o", str(tmp_path)]).values()
    # shares are met to a pixel
    assert found["cracks"] == pytest.approx(0.253, abs=1e-4)
    assert found["lost"] == pytest.approx(0.40, abs=1e-4)
    assert found["columns"] == 9
    # their areas sum up to what is no crack: exact to the pixel
    mean_square = found["diameter"] ** 2 + found["deviation"] ** 2
    assert 9 * np.pi / 4 * mean_square == pytest.approx((1 - found["cracks"]) * (96e-6) ** 2, rel=1e-9)


def test_hao_2025_cracks(example, tmp_path):
    module = example("hao_2025_cracks")
    found = module.main(["--size", "48", "-o", str(tmp_path)])
    edge = 48 * 0.8e-6
    for cycle, width in zip(module.CYCLES, module.WIDTHS, strict=True):
        state = found[f"cycle {cycle}"]
        # the volume of a slanted sheet in voxels: its tip ends within a voxel, one of 20 and more
        assert state["crack"] == pytest.approx(module.crack_volume(cycle, edge), rel=0.03)
        assert state["most frequent width"] == pytest.approx(width, abs=0.3 * 0.8e-6)
        # 0.075 mAh/cm2 of lithium is 0.364 um thick
        assert state["lithium"] == pytest.approx(0.364e-6 * edge**2, rel=2e-3)
        assert state["filling"] == pytest.approx(state["lithium"] / state["crack"])
    assert found["fit"]["growth"] == pytest.approx(1.6 * module.crack_volume(1, edge), rel=0.03)
    for state in list(found.values())[1:-1]:
        assert state["kept"] + state["grown"] + state["new"] == pytest.approx(state["crack"])
    # one crack opens apart from the other, in the third state only, 8 um high, 3.9 um wide, at a slant of 20 degrees
    new = [state["new"] for state in list(found.values())[1:-1]]
    assert new[0] == new[2] == 0.0
    assert new[1] == pytest.approx(8e-6 * 3.9e-6 / np.cos(module.SLANT) * edge, rel=0.03)
    assert found["cycle 8"]["z_max change"] == pytest.approx(-0.8e-6)


def test_lewis_2021_contact(example, tmp_path):
    module = example("lewis_2021_contact")
    found = module.main(["--size", "32", "--cells", "16", "-o", str(tmp_path)])
    for state, share in zip(found.values(), module.SHARES, strict=True):
        # met to a pixel of 32 x 32, and to a voxel
        assert state["bottom fraction"] == pytest.approx(share, abs=1 / 32**2)
        assert state["top fraction"] == pytest.approx(module.SHARES[0], abs=1 / 32**2)
        assert state["density"] == pytest.approx(0.968, abs=1e-4)
        # on these cells the flat pellet is exact, so constriction is all that the areas alone miss
        assert state["voltage"] - state["constriction"] == pytest.approx(state["flat"], rel=1e-5)
        assert state["narrow"] > 0.3 * state["map"] > 0
    # a foil of 8 voxels of 15 um, less voids two voxels high where there is no contact
    last = list(found.values())[-1]
    assert last["bottom foil"] == pytest.approx(15e-6 * (8 - 2 * (1 - last["bottom fraction"])))
    assert last["loss"] == pytest.approx(0.52, abs=0.01)
    small = [state["bottom two"] for state in found.values()]
    assert small == sorted(small, reverse=True)


def test_huang_c_2025_roughness(example, tmp_path):
    module = example("huang_c_2025_roughness")
    found = module.main(["--size", "96", "-o", str(tmp_path)])
    for state, wanted in module.STATES.items():
        for name, ra in zip(module.SIDES, wanted, strict=True):
            # grey values are linear across the face: exact but for crossings between centres of the first voxels
            assert found[state][f"{name} grey"] == pytest.approx(ra, rel=0.002)
            # so are labels, in steps of a voxel of 3.25 um, within the limit of 2 %
            assert found[state][f"{name} labels"] == pytest.approx(ra, rel=0.02)


def test_dixit_2019_anisotropy(example, tmp_path):
    found = example("dixit_2019_anisotropy").main(["--size", "24", "-o", str(tmp_path)])
    for state in found.values():
        # the formula holds to first order in the porosity; a few pores in a small box scatter by as much again
        assert state["tau x"] == pytest.approx(state["exact x"], rel=0.03)
        assert state["tau z"] == pytest.approx(state["exact z"], rel=0.03)
        assert state["percolating"] == pytest.approx(1.0)
    ratios = [state["z over x"] for state in found.values()]
    assert ratios[0] == pytest.approx(1.0, abs=0.02)
    assert ratios[0] + 0.02 < ratios[1] < ratios[2] - 0.02


def test_neumann_2020_utilisation(example, tmp_path):
    found = example("neumann_2020_utilisation").main(["--size", "2", "-o", str(tmp_path)])
    pressed, bare, opened = found.values()
    assert [state["particles"] for state in found.values()] == [8, 8, 8]
    # the particles (0, 0, 0) and those whose places sum up to 3: two of eight equal ones
    assert [state["without"] for state in found.values()] == [0, 2, 2]
    assert pressed["utilisable"] == pytest.approx(1.0)
    assert bare["utilisable"] == pytest.approx(6 / 8, abs=0.01)  # voxels at necks may go to either neighbour
    assert bare["electrons"] == pytest.approx(1.0)
    # each contact is the disc that a ball of 5.4 voxels cuts from the plane of centres half a voxel inside
    disc = (np.hypot(*np.meshgrid(np.arange(10) - 4.5, np.arange(10) - 4.5)) ** 2 + 4.5**2 < 5.4**2).sum()
    # the corrected area of so small a disc, by a few per cent
    assert pressed["collector"] == pytest.approx(disc / 100, rel=0.1)
    assert opened["collector"] == pytest.approx(pressed["collector"] / 4, rel=0.02)
    assert pressed["current"] > bare["current"] > opened["current"] > 0


def test_wrong_input_is_told(example, tmp_path, capsys, monkeypatch):
    module = example("hao_2025_cracks")
    with pytest.raises(ssb2mesh.InputError, match="--cycles: got 2 values for 4 volumes"):
        module.main(["--cycles", "1", "2", "--size", "32", "-o", str(tmp_path)])
    with pytest.raises(ssb2mesh.InputError, match="--phase: got 'void'; give LABEL=NAME"):
        module.main(["x.tif", "--phase", "void", "-o", str(tmp_path)])
    monkeypatch.setattr(sys, "argv", ["x", str(tmp_path / "missing.tif"), "--voxel-size", "1 um"])
    with pytest.raises(SystemExit, match="2"):
        importlib.import_module("paper_table").run(module.main)
    assert "missing.tif" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
