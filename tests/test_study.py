"""The study file: what is read, what is refused and how, and that the resolved study is the same study."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssb2mesh.errors import InputError
from ssb2mesh.study import format_study, parse_study, read_study, write_study
from ssb2mesh.study.checks import expand_variables
from ssb2mesh.study.reader import parse_clean_steps

BASE = Path("/base")

FULL = """
title = 'A "quoted" title'
[volume]
path = "cathode.tif"
voxel_size = "0.4 um"
phases = { 0 = "pore", 1 = "NMC", -1 = "bad \\\\ name" }
crop = "0:128,0:128,0:128"
axes = "zyx"
threshold = [90, 120.5]
[[volume.clean]]
verb = "remove_islands"
smaller_than = 27
[[volume.clean]]
verb = "keep_largest"
phase = "pore"
[mesh]
cell_size = "2 voxels"
drop = ["void"]
[[solve]]
name = "electronic"
type = "conduction"
conductivity = { NMC = "10 S/m", LPSCl = 0.2 }
fixed = { z_min = "0 V", z_max = "1 V" }
[[solve]]
name = "tau"
type = "effective_conductivity"
conductivity = { pore = 1.0 }
axes = ["x", "z"]
[output]
folder = "out"
mesh = ["mesh.vtu", "mesh.msh"]
"""


def test_a_full_study():
    study = parse_study(FULL, base=BASE)
    assert study.title == 'A "quoted" title'
    assert study.volume.path == "/base/cathode.tif"
    assert study.volume.voxel_size == (4e-7, 4e-7, 4e-7)
    assert study.volume.phases == {0: "pore", 1: "NMC", -1: "bad \\ name"}
    assert study.volume.threshold == (90.0, 120.5)
    assert [(s.verb, dict(s.options)) for s in study.volume.clean] == [
        ("remove_islands", {"smaller_than": 27}),
        ("keep_largest", {"phase": "pore"}),
    ]
    assert (study.mesh.cell_size, study.mesh.drop) == ("2 voxels", ("void",))
    assert study.solves[0]["conductivity"] == {"NMC": 10.0, "LPSCl": 0.2}
    assert study.solves[0]["fixed"] == {"z_min": 0.0, "z_max": 1.0}
    assert study.output.folder == Path("/base/out")
    assert study.output.mesh == ("mesh.vtu", "mesh.msh")


def test_the_resolved_study_is_the_same_study(tmp_path):
    study = parse_study(FULL, base=BASE)
    # another base: everything relative was resolved before
    assert parse_study(format_study(study), base=Path("/elsewhere")) == study
    write_study(study, tmp_path / "study.toml")
    assert read_study(tmp_path / "study.toml") == study
    assert [p.name for p in tmp_path.iterdir()] == ["study.toml"]


def test_defaults_are_few_and_written_down():
    study = parse_study('[volume]\nphantom = "sphere"', base=BASE)
    assert study.mesh.cell_size is None
    assert study.output.folder == Path("/base/results")
    text = format_study(study)
    assert "seed = 0" in text
    assert 'engine = "lattice"' in text


def test_all_faults_at_once_each_with_its_place():
    text = """
    titel = "x"
    [volume]
    path = "a.tif"
    voxel_size = "0.4"
    crop = "0:128"
    phases = { one = "pore" }
    [[volume.clean]]
    verb = "remove_island"
    [[volume.clean]]
    verb = "remove_islands"
    smaler_than = 3
    [mesh]
    cellsize = "2 voxels"
    drop = "void"
    [[solve]]
    name = "a"
    type = "conduction"
    conductvity = { NMC = 1 }
    fixed = { z_min = 0 }
    [output]
    mesh = ["sub/mesh.vtu"]
    """
    with pytest.raises(InputError) as caught:
        parse_study(text, base=BASE, source=Path("bad.toml"))
    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert lines[0].startswith("bad.toml: ")
    assert lines[0].endswith(f"{len(lines) - 1} faults")
    expected = [
        r"titel: unknown key, did you mean 'title'?",
        "[volume].voxel_size: voxel size: got '0.4'; give a number and a unit",
        "[volume].crop: got '0:128'",
        "[volume].phases: label 'one' is not a whole number",
        "[[volume.clean]] 1.verb: got 'remove_island', did you mean 'remove_islands'?",
        "[[volume.clean]] 2.smaler_than: unknown key, did you mean 'smaller_than'?",
        "[[volume.clean]] 2.smaller_than: missing",
        "[mesh].cellsize: unknown key, did you mean 'cell_size'?",
        "[mesh].drop: got 'void'; expected a list of names",
        "[[solve]] 1.conductvity: unknown key, did you mean 'conductivity'?",
        "[output].mesh: got 'sub/mesh.vtu'",
    ]
    for start in expected:
        assert any(line.startswith(start) for line in lines), f"{start!r} not in\n{caught.value}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"study: \[volume\]: missing; give a \[volume\] table"),
        ("[volume]", r"\[volume\]: got neither path nor phantom; give one of them"),
        ('[volume]\npath = "a.tif"\nphantom = "sphere"', r"\[volume\]: got path and phantom; give one of them"),
        ('[volume]\nphantom = "spere"', r"\[volume\].phantom: got 'spere', did you mean 'sphere'\?"),
        ('[volume]\nphantom = "sphere"\noptions = { shap = 3 }', r"unknown option 'shap', did you mean 'shape'\?"),
        ('[volume]\nphantom = "sphere"\nvoxel_size = "1 um"', r"voxel_size: belongs to a file"),
        ('[volume]\npath = "a.tif"\nseed = 1', r"\[volume\].seed: belongs to a phantom"),
        ('[volume]\npath = "a.tif"\notsu = 1', r"\[volume\].otsu: got 1; expected a whole number of at least 2"),
        ('[volume]\npath = "a.tif"\n[mesh]\ncell_size = "2 voxel s"', r"\[mesh\].cell_size: .*got '2 voxel s'"),
        ('[volume]\npath = "a.tif"\n[mesh]\ncell_size = "0 voxels"', r"a cell size is positive"),
        ('[volume]\npath = "a.tif"\n[mesh]\ncell_size = true', r"\[mesh\].cell_size: got True"),
        ('[volume]\npath = "a.tif"\n[solve]\nname = "a"', r"\[\[solve\]\]: got one table; write \[\[solve\]\]"),
        ('volume = "a.tif"', r"\[volume\]: got 'a.tif'; expected a table"),
        ('[volume]\npath = "${SSB2MESH_NO_SUCH}/a.tif"', r"the environment variable SSB2MESH_NO_SUCH is not set"),
        ("[volume\n", r"study: not valid TOML"),
    ],
)
def test_single_faults(text, message):
    with pytest.raises(InputError, match=message):
        parse_study(text, base=BASE)


def test_one_fault_is_one_line():
    with pytest.raises(InputError) as caught:
        parse_study('[volume]\npath = "a.tif"\ncrp = "x"', base=BASE)
    assert "\n" not in str(caught.value)


def test_unreadable_studies(tmp_path):
    with pytest.raises(InputError, match="study: no file"):
        read_study(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot read .*[Dd]irectory"):
        read_study(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="it is not UTF-8 text; a study is a TOML file"):
        read_study(tmp_path / "binary.toml")


def test_variables_in_paths(monkeypatch):
    monkeypatch.setenv("SSB2MESH_TEST", "/data")
    assert expand_variables("${SSB2MESH_TEST:-other}/a.tif") == "/data/a.tif"
    monkeypatch.delenv("SSB2MESH_TEST")
    assert expand_variables("${SSB2MESH_TEST:-../other}/a.tif") == "../other/a.tif"
    text = '[volume]\npath = "${SSB2MESH_TEST:-../other}/a.tif"'
    assert parse_study(text, base=Path("/base/studies")).volume.path == "/base/other/a.tif"


def test_clean_steps_of_the_command_line():
    steps = parse_clean_steps(["remove_islands smaller_than=27", "keep_largest phase=pore"])
    assert steps[0].options == {"smaller_than": 27}
    assert steps[1].options == {"phase": "pore"}
    with pytest.raises(InputError, match="did you mean 'keep_largest'"):
        parse_clean_steps(["keep_larges"])
    with pytest.raises(InputError, match="got '27'; write key=value"):
        parse_clean_steps(["remove_islands 27"])


def test_a_study_is_a_value():
    study = parse_study(FULL, base=BASE)
    with pytest.raises(AttributeError):
        study.title = "other"  # type: ignore[misc]
    assert study.with_output(None) is study
    assert study.with_output("/other").output.folder == Path("/other")
    assert study.with_output("/other").volume == study.volume
