"""`ssb2mesh init`: every template is a study that runs; of a volume of one's own, what is unknown is asked for."""

from __future__ import annotations

import json
import re
import tomllib

import numpy as np
import pytest
from click.testing import CliRunner

from solvers import dolfinx_api
from ssb2mesh import LabelledVolume
from ssb2mesh.cli.main import cli
from ssb2mesh.errors import InputError
from ssb2mesh.io import write_volume
from ssb2mesh.pipeline import run_study
from ssb2mesh.steps import check_names, load_volume
from ssb2mesh.study import parse_study, read_study
from ssb2mesh.study.placeholders import find_placeholders
from ssb2mesh.study.templates import template_summaries, template_text, write_template

NAMES = tuple(template_summaries())


def run(*arguments):
    return CliRunner().invoke(cli, ["init", *map(str, arguments)])


@pytest.fixture
def nameless(tmp_path):
    """A volume without names and without a voxel size: labels 0, 1 and 7."""
    labels = np.zeros((4, 5, 6), np.uint8)
    labels[2:], labels[:, :, 5] = 1, 7
    path = tmp_path / "scan.npy"
    np.save(path, labels)
    return path


def test_every_physics_has_a_template():
    assert {"mesh", "conduction", "effective", "representative", "thermal", "charge_transfer", "half_cell",
            "mechanics", "coupled"} == set(NAMES)  # fmt: skip
    listed = run("--list")
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(NAMES)
    assert json.loads(run("--list", "--json").stdout) == template_summaries()
    assert all(": " in summary and summary.endswith(".") for summary in template_summaries().values())


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_a_study_as_it_is(name, tmp_path):
    made = run(name, "-o", tmp_path / "mine.toml", "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout) == {"study": str(tmp_path / "mine.toml"), "template": name, "to_fill_in": []}
    study = read_study(tmp_path / "mine.toml")
    assert study.output.folder == tmp_path / "mine-results"
    assert bool(study.solves) == (name != "mesh")
    # a study to learn from: nearly every value has its comment
    text = template_text(name)
    assert text.count("#") > 0.4 * len([line for line in text.splitlines() if "=" in line])


def small(name):
    """A template on fewer voxels, without pictures."""
    if name == "coupled":
        text = template_text(name).replace("shape = 8", "shape = 4").replace("layers = 4", "layers = 2")
        return text.replace('["2 MPa", "20 MPa"]', '["2 MPa"]').replace("[output]", "[output]\nreport = false")
    size = 'shape = 8, voxel_size = "1.6 um"' if name == "mechanics" else 'shape = 12, voxel_size = "1.2 um"'
    text = re.sub(r"shape = \d+, voxel_size = \"[\d.]+ um\"", size, template_text(name))
    text = text.replace('"16 voxels"', '"6 voxels"').replace("positions = 6", "positions = 2")
    text = text.replace("steps = 4", "steps = 1")
    assert size in text
    return text.replace("[output]", "[output]\nreport = false")


@pytest.mark.skipif(not dolfinx_api.available(), reason="DOLFINx is not installed: " + dolfinx_api.INSTALL)
@pytest.mark.parametrize("name", NAMES)
def test_a_template_runs(name, tmp_path):
    study = parse_study(small(name), base=tmp_path)
    result = run_study(study)
    assert [solved.name for solved in result.solves] == [table["name"] for table in study.solves]
    assert (study.output.folder / "results.json").is_file()
    assert result.mesh["faults"] == []


def test_a_volume_with_names_and_voxel_size_leaves_nothing_to_fill_in(tmp_path):
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[:2], labels[:, 0] = 1, 2
    (tmp_path / "data").mkdir()
    volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "NMC", 2: "LPSCl"})
    write_volume(volume, tmp_path / "data" / "cell.tif")
    made = run("charge_transfer", "-o", tmp_path / "cell.toml", "--volume", tmp_path / "data" / "cell.tif")
    assert made.exit_code == 0, made.output
    text = (tmp_path / "cell.toml").read_text(encoding="utf-8")
    assert 'path = "data/cell.tif"' in text
    assert "# voxel size: 1 um x 1 um x 1 um, from the file" in text
    assert re.search(r'1 = "NMC" +# 37.5 % of the voxels', text)
    study = read_study(tmp_path / "cell.toml")
    assert study.volume.path == str(tmp_path / "data" / "cell.tif")
    assert study.volume.phases == {0: "void", 1: "NMC", 2: "LPSCl"}
    assert len(study.solves) == 1
    assert study.title == "cell"


@pytest.mark.parametrize("name", NAMES)
def test_what_a_volume_does_not_tell_is_asked_for(name, nameless, tmp_path):
    places = write_template(name, tmp_path / "mine.toml", source=str(nameless))
    assert places[:4] == [("[volume].voxel_size", "?"), *((f"[volume].phases.{k}", "?") for k in (0, 1, 7))]
    with pytest.raises(InputError) as caught:
        read_study(tmp_path / "mine.toml")
    lines = str(caught.value).splitlines()
    # each place once, none of them with a second complaint, nothing else at fault
    assert lines[0].endswith(f"{len(places)} faults")
    assert [line.split(": ")[0].strip() for line in lines[1:]] == [place for place, _ in places]
    assert all("is to be filled in; write the" in line for line in lines[1:])
    assert 'write the edge of a voxel, such as "0.4 um"' in lines[1]
    assert "write the name of label 7" in lines[4]


def test_filled_in_it_is_a_study(nameless, tmp_path):
    write_template("half_cell", tmp_path / "mine.toml", source=str(nameless))
    text = (tmp_path / "mine.toml").read_text(encoding="utf-8")
    assert '"?LPSCl|?NMC" = {' in text
    assert '#   "?NMC": your phase that is the active material' in text
    text = text.replace('voxel_size = "?"', 'voxel_size = "0.4 um"')
    for label, phase in ((0, "air"), (1, "graphite"), (7, "argyrodite")):
        text = text.replace(f'{label} = "?"', f'{label} = "{phase}"')
    text = text.replace("?LPSCl", "argyrodite").replace("?NMC", "graphite").replace("?void", "air")
    study = parse_study(text, base=tmp_path)
    assert study.mesh.drop == ("air",)
    assert set(study.solves[0]["kinetics"]) == {"argyrodite|graphite", "argyrodite@z_min"}
    assert study.volume.voxel_size == (4e-7,) * 3


def test_what_is_given_is_not_asked_for(nameless, tmp_path):
    target = tmp_path / "mine.toml"
    given = ["--voxel-size", "0.4 um", "--phase", "0=void", "--phase", "1=NMC", "--phase", "7=LPSCl", "--axes", "zyx"]
    assert run("mechanics", "-o", target, "--volume", nameless, "--crop", "0:6,0:4,0:4", *given).exit_code == 0
    study = read_study(target)
    assert (study.volume.axes, study.volume.crop, study.volume.voxel_size) == ("zyx", "0:6,0:4,0:4", (4e-7,) * 3)
    # one name is not enough: the others stay to be filled in
    made = run("mesh", "-o", target, "--volume", nameless, "--phase", "1=NMC", "--overwrite", "--json")
    assert [each["place"] for each in json.loads(made.stdout)["to_fill_in"]] == [
        "[volume].voxel_size", "[volume].phases.0", "[volume].phases.7", "[mesh].drop"
    ]  # fmt: skip


def test_bad_input(nameless, tmp_path):
    target = tmp_path / "mine.toml"
    assert "no template 'mehs', did you mean 'mesh'?; templates: mesh, conduction" in run("mehs", "-o", target).output
    assert "a study is a .toml file" in run("mesh", "-o", tmp_path / "mine.txt").output
    assert "does not exist; create it first" in run("mesh", "-o", tmp_path / "no" / "mine.toml").output
    assert "scan.npz does not exist, did you mean 'scan.npy'?" in (
        run("mesh", "-o", target, "--volume", tmp_path / "scan.npz").output
    )
    np.save(tmp_path / "grey.npy", np.arange(4096, dtype=np.uint16).reshape(16, 16, 16))
    grey = run("mesh", "-o", target, "--volume", tmp_path / "grey.npy")
    assert "has 4096 labels; a study has a name for each" in grey.output
    assert "give --threshold or --otsu" in grey.output
    lonely = run("mesh", "-o", target, "--voxel-size", "1 um")
    assert (lonely.exit_code, "options of a volume belong to --volume FILE" in lonely.output) == (2, True)
    assert run("-o", target).exit_code == 2
    assert not target.exists()
    assert run("mesh", "-o", target).exit_code == 0
    before = target.read_bytes()
    again = run("effective", "-o", target)
    assert (again.exit_code, "exists; give --overwrite to replace it" in again.output) == (1, True)
    assert target.read_bytes() == before
    assert run("effective", "-o", target, "--overwrite").exit_code == 0
    assert target.read_bytes() != before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["grey.npy", "mine.toml", "scan.npy"]


def test_placeholders_are_found_wherever_they_are():
    text = """
    title = "? is no placeholder here"
    [volume]
    path = "a.tif"
    [[volume.clean]]
    verb = "keep_largest"
    phase = "?pore"
    [mesh]
    options = { sizes = { "?A|?B" = "1 um" } }
    [[solve]]
    axes = ["x", "?"]
    fixed = { "?A@z_min" = 0 }
    """
    assert [place for place, _ in find_placeholders(tomllib.loads(text))] == [
        "[[volume.clean]] 1.phase", "[mesh].options.sizes.?A|?B", "[[solve]] 1.axes", "[[solve]] 1.fixed.?A@z_min"
    ]  # fmt: skip


def test_interfaces_are_put_in_order_before_any_meshing(tmp_path):
    text = template_text("charge_transfer").replace('"LPSCl|NMC"', '"NMC|LPSCl"')
    study = parse_study(text, base=tmp_path)
    with pytest.raises(InputError, match=r"got 'NMC\|LPSCl'; the phases .* in alphabetical order: 'LPSCl\|NMC'"):
        check_names(study, load_volume(study.volume)[0])
