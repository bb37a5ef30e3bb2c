"""The command line as a user meets it: help, JSON, exit codes; every bad input is one line and leaves nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import tifffile

from ssb2mesh.cli.main import VERBS, cli

ROOT = Path(__file__).resolve().parent.parent
MAIN = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()"]
MESH = ["mesh", "v.tif", "-o", "out.vtu", "--voxel-size", "1 um"]


def run(*args, cwd, **environment):
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([*MAIN, *map(str, args)], cwd=cwd, env=variables, capture_output=True, text=True)


@pytest.fixture
def labels():
    """Two phases that both percolate along z, and a third in one corner."""
    array = np.zeros((6, 6, 6), np.uint8)
    array[:, :, 3:] = 1
    array[:2, :2, :2] = 2
    return array


@pytest.fixture
def folder(tmp_path, labels):
    # as slices z, y, x
    tifffile.imwrite(tmp_path / "v.tif", labels.T)
    return tmp_path


def study(folder, **changes):
    text = {
        "volume": 'path = "v.tif"\nvoxel_size = "1 um"\nphases = { 0 = "pore", 1 = "NMC", 2 = "CBD" }',
        "mesh": "",
        "solve": 'name = "a"\ntype = "conduction"\nconductivity = { NMC = 1.0 }\nfixed = { x_min = 0, x_max = 1 }',
        "output": 'folder = "results"\nreport = false',
    } | changes
    parts = [f"[{name}]" if name != "solve" else "[[solve]]" for name in text]
    (folder / "s.toml").write_text("\n".join(f"{p}\n{v}" for p, v in zip(parts, text.values(), strict=True)))
    return "s.toml"


# ---------------------------------------------------------------------------------------------------------------- help


def test_help_is_quick():
    """Half a second of processor time: the clock on the wall would tell of other jobs as well."""
    seconds = []
    for _ in range(3):
        before = os.times()
        done = subprocess.run([*MAIN, "--help"], cwd=ROOT, capture_output=True, text=True)
        after = os.times()
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
        assert done.returncode == 0
    assert 0 < min(seconds) < 0.5


def test_help_lists_every_verb_with_its_sentence():
    text = subprocess.run([*MAIN, "--help"], cwd=ROOT, capture_output=True, text=True).stdout
    for name in VERBS:
        assert re.search(rf"^  {name} +[A-Z]", text, flags=re.M)
    assert "..." not in text.split("Verbs:")[1]


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_explains_itself(name):
    command = cli.get_command(None, name)
    context = command.make_context(name, [], resilient_parsing=True)
    assert command.help.count(".") - command.help.count(".toml") <= 1, "one sentence"
    assert len(command.examples) >= 3
    assert all(example.startswith(("ssb2mesh ", "mpirun ")) and name in example for example in command.examples)
    for parameter in command.params:
        line = parameter.get_help_record(context)[1]
        if parameter.param_type_name == "option":
            assert re.search(r"\[(unit: .+; )?(default: .+|required)\]$|; required\]$", line), line


@pytest.mark.parametrize("name", VERBS)
def test_the_examples_of_a_verb_have_options_that_exist(name):
    command = cli.get_command(None, name)
    known = {flag for parameter in command.params for flag in parameter.opts}
    for example in command.examples:
        used = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", example.split(f" {name}", 1)[1]))
        assert used <= known, example


@pytest.mark.parametrize(("verb", "does"), [("solve", "solve_study"), ("run", "run_study")])
@pytest.mark.parametrize("words", [(), ("--force",)])
def test_force_reaches_what_refuses(verb, does, words, folder, monkeypatch):
    from ssb2mesh import pipeline

    seen = []
    monkeypatch.setattr(pipeline, does, lambda *_, force, **__: seen.append(force))
    cli.main([verb, str(folder / study(folder)), *words], standalone_mode=False)
    assert seen == [bool(words)]


def test_version_is_that_of_the_package(tmp_path):
    assert run("--version", cwd=tmp_path).stdout.strip() == f"ssb2mesh {metadata.version('ssb2mesh')}"


# ------------------------------------------------------------------------------------------------------------- results


def test_mesh_and_check_as_json(folder):
    args = ["--phase", "0=pore", "--phase", "1=NMC", "--phase", "2=CBD"]
    done = run(*MESH, *args, "--drop", "CBD", "--cell-size", "1 um", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    mesh = json.loads(done.stdout)
    done = run("check", "out.vtu", "--volume", "v.tif", "--voxel-size", "1 um", *args, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    check = json.loads(done.stdout)
    for numbers in (mesh, check):
        assert {"tets", "points", "seconds", "peak_memory_bytes", "quality", "conformity"} <= set(numbers)
        assert {"min_dihedral_deg", "p1_dihedral_deg", "max_dihedral_deg"} <= set(numbers["quality"])
        assert {"min_mean_ratio", "nonpositive_tets"} <= set(numbers["quality"])
        assert {"facets_shared_by_more_than_two", "off_box_area"} <= set(numbers["conformity"])
        for phase in ("pore", "NMC"):
            keys = {"voxel_volume", "mesh_volume", "relative_error", "voxel_components", "mesh_components"}
            assert keys <= set(numbers["fidelity"][phase])
        assert {"NMC|pore", "CBD|pore", "NMC@z_max", "z_max"} <= set(numbers["interfaces"])
        assert numbers["quality"]["nonpositive_tets"] == 0
        # a flat interface of 6 x 6 voxels
        assert numbers["interfaces"]["NMC|pore"] == pytest.approx(36e-12, rel=1e-12)
    assert {k: mesh[k] for k in ("tets", "points", "interfaces")} == {
        k: check[k] for k in ("tets", "points", "interfaces")
    }
    assert all(value >= 0 for value in mesh["seconds"].values())


def test_dry_run_predicts_and_writes_nothing(folder):
    done = run(*MESH, "--dry-run", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    # twelve tets a cell
    assert json.loads(done.stdout)["tets"] == 12 * 6**3
    assert not (folder / "out.vtu").exists()


def test_info_phantom_clean_convert(folder):
    args = ["--option", "shape=8", "--option", "layers=4", "--json"]
    done = run("phantom", "laminate", "-o", "l.npz", *args, cwd=folder)
    assert json.loads(done.stdout)["volume"]["shape"] == [8, 8, 8]
    assert done.stderr == "wrote l.npz\n"
    args = ["--voxel-size", "1 um", "--phase", "2=CBD", "--json"]
    info = json.loads(run("info", "v.tif", *args, "--crop", "0:2,0:2,0:3", cwd=folder).stdout)
    # the crop is along x, y, z: two of the three layers of the corner's label
    assert info["phases"]["CBD"]["voxels"] == 8
    assert info["shape"] == [2, 2, 3]
    done = run("clean", "v.tif", "-o", "c.tif", *args, "--step", "remove_islands smaller_than=9", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "CBD" not in json.loads(done.stdout)["volume"]["phases"]
    assert run(*MESH, "-q", cwd=folder).stderr == ""
    assert run("convert", "out.vtu", "out.xdmf", cwd=folder).returncode == 0
    first, second = (json.loads(run("check", f"out.{s}", "--json", cwd=folder).stdout) for s in ("vtu", "xdmf"))
    assert first["interfaces"] == second["interfaces"]


def test_existing_results_are_replaced_only_when_told(folder):
    (folder / "out.vtu").write_text("mine")
    done = run(*MESH, cwd=folder)
    assert done.returncode == 1
    assert "'out.vtu' exists; give --overwrite" in done.stderr
    assert (folder / "out.vtu").read_text() == "mine"
    assert run(*MESH, "--overwrite", cwd=folder).returncode == 0


def test_a_failed_check_is_exit_code_one(folder):
    assert run(*MESH, cwd=folder).returncode == 0
    from ssb2mesh import read_mesh, write_mesh
    from ssb2mesh.mesh import TaggedMesh

    mesh = read_mesh(folder / "out.vtu")
    tets = mesh.tets.copy()
    tets[0] = tets[0, [1, 0, 2, 3]]
    bad = TaggedMesh(
        mesh.points, tets, mesh.cell_tags, mesh.facets, mesh.facet_tags, mesh.cell_names, mesh.facet_names, mesh.box
    )
    write_mesh(bad, folder / "bad.vtu")
    done = run("check", "bad.vtu", "--json", cwd=folder)
    assert done.returncode == 1
    assert json.loads(done.stdout)["quality"]["nonpositive_tets"] == 1
    assert "1 tets have no positive volume" in done.stderr


# ----------------------------------------------------------------------------------------------------------- bad input


def refused(done, folder, message, *, code=1):
    """One line on stderr with this message, nothing on stdout, nothing left on disk."""
    assert done.returncode == code, done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert done.stderr.startswith("ssb2mesh: error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    left = {p.name for p in folder.iterdir()} - {"v.tif", "s.toml", "fake", "before.txt"}
    assert not left, left


def test_missing_file(folder):
    (folder / "v.tif").unlink()
    refused(run(*MESH, cwd=folder), folder, "v.tif does not exist")


def test_truncated_tiff(folder):
    whole = (folder / "v.tif").read_bytes()
    (folder / "v.tif").write_bytes(whole[: len(whole) // 2])
    refused(run(*MESH, cwd=folder), folder, r"v\.tif is damaged or cut short")


def test_two_dimensional_image(folder):
    tifffile.imwrite(folder / "v.tif", np.zeros((5, 5), np.uint8))
    refused(run(*MESH, cwd=folder), folder, r"v\.tif is a 2-D image of 5x5")


def test_float_labels(folder):
    tifffile.imwrite(
        folder / "v.tif", np.linspace(0, 1, 64, dtype=np.float32).reshape(4, 4, 4), photometric="minisblack"
    )
    refused(run(*MESH, cwd=folder), folder, "float32.*threshold")


def test_nan(folder):
    array = np.zeros((4, 4, 4), np.float32)
    array[1, 2, 3] = np.nan
    tifffile.imwrite(folder / "v.tif", array, photometric="minisblack")
    refused(run(*MESH, "--threshold", "0.5", cwd=folder), folder, "NaN")


def test_unknown_label(folder):
    refused(run(*MESH, "--phase", "7=NMC", cwd=folder), folder, r"label 7 \('NMC'\) is not in the volume.*0, 1, 2")
    cropped = run(*MESH, "--phase", "7=NMC", "--crop", "0:3,0:3,0:3", cwd=folder)
    refused(cropped, folder, r"label 7 \('NMC'\) is not in the volume")


def test_no_voxel_size(folder):
    refused(run("mesh", "v.tif", "-o", "out.vtu", cwd=folder), folder, "voxel.size.*--voxel-size")


def test_voxel_size_without_unit(folder):
    args = ["mesh", "v.tif", "-o", "out.vtu", "--voxel-size", "0.4"]
    refused(run(*args, cwd=folder), folder, "give a number and a unit, such as '0.4 um'", code=2)


def test_empty_phase(folder):
    refused(run(*MESH, "--drop", "NMC", cwd=folder), folder, "no phase 'NMC'; phases: phase0, phase1, phase2")
    dropped = run(*MESH, "--drop", "phase0", "--drop", "phase1", "--drop", "phase2", cwd=folder)
    refused(dropped, folder, "all phases")


def test_output_folder_missing(folder):
    args = ["mesh", "v.tif", "-o", "none/out.vtu", "--voxel-size", "1 um"]
    refused(run(*args, cwd=folder), folder, "the folder 'none' does not exist; create it first")
    study(folder, output='folder = "none/results"')
    refused(run("run", "s.toml", cwd=folder), folder, "none' does not exist; create it first")


def test_unknown_mesh_format(folder):
    args = ["mesh", "v.tif", "-o", "out.vtk", "--voxel-size", "1 um"]
    refused(run(*args, cwd=folder), folder, r"cannot write 'out.vtk'; suffixes of meshes: .*did you mean '.vt")


def test_wrong_usage(folder):
    refused(run("mehs", cwd=folder), folder, "no verb 'mehs', did you mean 'mesh'", code=2)
    refused(run("mesh", "v.tif", cwd=folder), folder, "Missing option '-o'", code=2)
    refused(run(*MESH, "--phase", "pore", cwd=folder), folder, "write 0=pore", code=2)
    words = ("plot", "a.vtu", "-o", "a.png", "--what", "feild")
    refused(run(*words, cwd=folder), folder, "'feild' is not one of .*, did you mean 'field'", code=2)


def test_unreadable_study(folder):
    refused(run("run", "none.toml", cwd=folder), folder, "study: no file 'none.toml'")
    (folder / "s.toml").write_text("[volume\n")
    refused(run("run", "s.toml", cwd=folder), folder, "s.toml: not valid TOML")


def test_unknown_names_in_a_study_are_found_before_meshing(folder):
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    study(folder, mesh='drop = ["CDB"]')
    refused(run("run", "s.toml", cwd=folder), folder, r"\[mesh\].drop: unknown phase 'CDB', did you mean 'CBD'\?")
    study(folder, mesh='drop = ["NMC"]')
    refused(run("run", "s.toml", cwd=folder), folder, r"\[\[solve\]\] 1 \(a\).conductivity: unknown phase 'NMC'")


def test_phase_that_does_not_percolate(folder):
    pytest.importorskip("dolfinx", reason="DOLFINx is not installed")
    solve = 'name = "tau"\ntype = "effective_conductivity"\nconductivity = { CBD = 1.0 }\naxes = ["x"]'
    study(folder, solve=solve)
    done = run("run", "s.toml", cwd=folder)
    kept, error = done.stderr.splitlines()
    # what was finished before is kept, apart from the results, and the line before the error says so
    assert re.match(r"ssb2mesh: finished and kept: mesh, check, .*the same command goes on from there", kept)
    assert re.match(r"ssb2mesh: error: CBD.* x_min to x_max", error)
    assert (done.returncode, done.stdout) == (1, "")
    assert not (folder / "results").exists()


def test_dolfinx_absent(folder):
    fake = folder / "fake" / "dolfinx"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text('raise ModuleNotFoundError("No module named dolfinx", name="dolfinx")')
    study(folder)
    path = f"{folder / 'fake'}{os.pathsep}{ROOT}"
    done = run("run", "s.toml", cwd=folder, PYTHONPATH=path)
    refused(done, folder, r"needs the package '\S*', which is not installed: .*(apt|conda)")
    # and without a solve it is not needed
    (folder / "s.toml").write_text(
        (folder / "s.toml").read_text().replace("[[solve]]", "[unused]").split("[unused]")[0]
    )
    assert run("run", "s.toml", "-q", cwd=folder, PYTHONPATH=path).returncode == 0


def test_results_in_a_folder_of_ones_own_stay(folder):
    (folder / "before.txt").write_text("mine")
    refused(run("info", "none.tif", cwd=folder), folder, "none.tif")
    assert (folder / "before.txt").read_text() == "mine"


def test_debug_shows_the_traceback(folder):
    done = run("info", "none.tif", "--debug", cwd=folder)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
