"""Refinement until intervals are narrow: what is repeated, when it ends, what is said."""

from pathlib import Path

import numpy as np
import pytest

from solvers import dolfinx_api
from ssb2mesh import LabelledVolume, mesh_volume, refine
from ssb2mesh.errors import InputError
from ssb2mesh.pipeline import Solved, run_study, solve_study
from ssb2mesh.ranks import Ranks
from ssb2mesh.refine import halved, solve_until_narrow, with_accuracy
from ssb2mesh.steps import Prepared
from ssb2mesh.study import read_study
from ssb2mesh.study.model import MeshSpec, OutputSpec, Study, VolumeSpec
from ssb2mesh.study.solves import validate_solves

PLAIN = {"name": "plain", "type": "conduction"}
TAU = {"name": "tau", "type": "effective_conductivity", "accuracy": 0.01}


def study(*solves, **mesh):
    return Study("t", VolumeSpec(phantom="sphere"), MeshSpec(**mesh), OutputSpec(Path("out")), solves)


class Fake:
    """Meshes of one small volume; the width of an interval is a list's next entry."""

    def __init__(self, widths):
        self.widths, self.solved, self.sizes = list(widths), [], []
        volume = LabelledVolume(np.zeros((2, 2, 2), np.uint8), (1e-6,) * 3, phases={0: "pore"})
        self.made = Prepared(volume, mesh_volume(volume), None)

    def prepare(self, now):
        self.sizes.append(now.mesh.cell_size)
        return self.made

    def solve(self, now, made):
        assert made is self.made
        done = []
        for table in now.solves:
            self.solved.append(table["name"])
            summary = {}
            if table is TAU:
                width = self.widths.pop(0)
                summary = {"accuracy": {"asked": 0.01, "width": width, "reached": width <= 0.01}}
            done.append(Solved(table["name"], table["type"], 0.0, summary))
        return done


def go(fake, *solves, **mesh):
    return solve_until_narrow(study(*solves, **mesh), Ranks(), prepare=fake.prepare, solve=fake.solve)


def test_only_what_asks_for_an_accuracy_is_repeated():
    fake = Fake([0.05, 0.02, 0.008])
    last, made, solved = go(fake, PLAIN, TAU)
    assert fake.solved == ["tau", "tau", "tau", "plain"]
    assert fake.sizes == [None, "0.5 voxels", "0.25 voxels"]
    assert (last.mesh.cell_size, made) == ("0.25 voxels", fake.made)
    assert [each.name for each in solved] == ["plain", "tau"]  # the study's order
    accuracy = solved[1].summary["accuracy"]
    assert [row["width"] for row in accuracy["history"]] == [0.05, 0.02, 0.008]
    assert [row["cell_size"] for row in accuracy["history"]] == ["1 voxel", "0.5 voxels", "0.25 voxels"]
    assert accuracy["reached"]
    assert "stopped" not in accuracy


def test_without_an_accuracy_there_is_one_mesh():
    fake = Fake([])
    last, _, solved = go(fake, PLAIN)
    assert (fake.sizes, fake.solved, last.mesh.cell_size) == ([None], ["plain"], None)
    assert solved[0].summary == {}


def test_memory_says_no(monkeypatch):
    monkeypatch.setattr(refine, "available_memory_bytes", lambda: 100_000)
    fake = Fake([0.05])
    _, _, solved = go(fake, TAU)
    # 4 x 4 x 4 cells of 12 tets, 2000 bytes each
    assert "cells of 0.5 voxels make 0.000768 M tets, which need about" in solved[0].summary["accuracy"]["stopped"]
    assert not solved[0].summary["accuracy"]["reached"]


def test_an_interval_that_does_not_narrow_ends_it():
    fake = Fake([0.5, 0.49, 0.1])
    _, _, solved = go(fake, TAU)
    assert fake.widths == [0.1]
    assert "no longer narrows" in solved[0].summary["accuracy"]["stopped"]


def test_other_engines_are_not_refined():
    _, _, solved = go(Fake([0.5]), TAU, engine="gmsh")
    assert "meshes of the gmsh engine are not refined" in solved[0].summary["accuracy"]["stopped"]


def test_all_sizes_are_halved():
    table = {"max_size": "4 voxels", "sizes": {"NMC": "2 um"}, "grade": 2}
    mesh = halved(study(cell_size="1 um", options=table)).mesh
    assert mesh.cell_size == pytest.approx(0.5e-6)
    assert mesh.options == {"max_size": "2 voxels", "sizes": {"NMC": pytest.approx(1e-6)}, "grade": 2}


@pytest.mark.parametrize(("given", "value"), [("1 %", 0.01), ("0.5%", 0.005), (0.02, 0.02)])
def test_accuracy_of_a_table(given, value):
    table = {"name": "a", "type": "effective_conductivity", "conductivity": {"pore": 1.0}, "accuracy": given}
    checked, faults = validate_solves([table])
    assert faults == []
    assert checked[0]["accuracy"] == pytest.approx(value, rel=1e-12)
    assert validate_solves(checked) == (checked, [])


@pytest.mark.parametrize("given", ["1", "x %", 0, 1, "100 %", True, -0.1, "-1 %"])
def test_bad_accuracy(given):
    table = {"name": "a", "type": "effective_conductivity", "conductivity": {"pore": 1.0}, "accuracy": given}
    _, faults = validate_solves([table])
    assert len(faults) == 1
    assert ".accuracy: got" in faults[0]
    assert "give a share such as '1 %' or 0.01" in faults[0]


def test_accuracy_from_the_command_line():
    assert [t.get("accuracy") for t in with_accuracy(study(PLAIN, TAU), "2%").solves] == [None, 0.02]
    assert with_accuracy(study(PLAIN), None) == study(PLAIN)
    with pytest.raises(InputError, match="--accuracy: got '2'; give a share such as '1 %'"):
        with_accuracy(study(TAU), "2")
    with pytest.raises(InputError, match="--accuracy: no .* has intervals; add one of type effective_conductivity"):
        with_accuracy(study(PLAIN), "1 %")


STUDY = """
[volume]
phantom = "sphere"
options = { shape = 12, radius = "1 um" }
[mesh]
cell_size = "2 voxels"
[[solve]]
name = "tau"
type = "effective_conductivity"
conductivity = { LPSCl = 1.0 }
axes = ["z"]
accuracy = "0.8 %"
[output]
folder = "out"
report = false
fields = false
"""


@pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)
def test_a_study_refines_and_a_mesh_file_only_tells(tmp_path):
    (tmp_path / "s.toml").write_text(STUDY)
    accuracy = run_study(read_study(tmp_path / "s.toml")).solves[0].summary["accuracy"]
    assert accuracy["reached"]
    widths = [row["width"] for row in accuracy["history"]]
    assert len(widths) > 1
    assert widths[0] > 0.008 >= widths[-1]
    tets = [row["tets"] for row in accuracy["history"]]
    assert tets == sorted(tets)
    # the study beside the results makes the last mesh at once
    again = read_study(tmp_path / "out" / "study.toml")
    assert again.mesh.cell_size == accuracy["history"][-1]["cell_size"]
    # a mesh that is given stays as it is
    coarse = tmp_path / "coarse.xdmf"
    from ssb2mesh import write_mesh
    from ssb2mesh.steps import load_volume

    write_mesh(mesh_volume(load_volume(again.volume)[0], cell_size="2 voxels"), coarse)
    found = solve_study(again.with_output(tmp_path / "other"), mesh_file=coarse).solves[0].summary["accuracy"]
    assert found == {"asked": 0.008, "width": pytest.approx(widths[0], rel=1e-6), "reached": False}
