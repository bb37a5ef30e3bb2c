"""Series of states: what is read, kept, resumed after a kill, compared and written; every fault by its message."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from ssb2mesh.errors import InputError
from ssb2mesh.measure.roughness import roughness
from ssb2mesh.measure.topography import HeightMap
from ssb2mesh.series import parse_series, read_series, run_series

ROOT = Path(__file__).resolve().parent.parent
MAIN = [sys.executable, "-c", "from ssb2mesh.cli.main import main; main()"]

TEXT = """
title = "Stripping"
label = "cycle"

[volume]
voxel_size = "1 um"
phases = { 0 = "LPS", 1 = "Li", 2 = "void" }

[[state]]
name = "pressed"
value = 0
path = "0.tif"

[[state]]
name = "stripped"
value = 5
path = "1.tif"
charge = "3.6 nAh"

[[measure]]
name = "shares"
type = "fractions"

[[measure]]
name = "top"
type = "contact_map"
side = "z_max"
electrode = "Li"
electrolyte = "LPS"
voids = "void"
within = 1
conductivity = "2 mS/cm"
thickness = "8 um"

[[measure]]
name = "foil"
type = "thickness"
phases = "Li"
side = "z_max"
until = "LPS"

[[compare]]
name = "growth"
type = "phase_change"
phases = "void"
"""


QUICK = "[output]\nreport = false\n\n"


@pytest.fixture
def folder(tmp_path):
    """A pressed state without voids and a stripped one with a quarter of the contact lost."""
    labels = np.zeros((8, 8, 12), np.uint8)
    labels[:, :, 8:] = 1
    tifffile.imwrite(tmp_path / "0.tif", labels.T)
    labels[:4, :4, 8] = 2
    tifffile.imwrite(tmp_path / "1.tif", labels.T)
    (tmp_path / "s.toml").write_text(TEXT + QUICK)
    return tmp_path


def tables(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("table.*"))}


# ------------------------------------------------------------------------------------------------------------- results


def test_numbers_of_states_and_pairs(folder):
    result = run_series(read_series(folder / "s.toml"))
    assert not result.faults
    assert (result.done, result.kept) == (7, 0)
    assert result.values("top", "fraction") == [1.0, 0.75]
    assert result.values("top", "count") == [1.0, 1.0]
    assert result.values("top", "constriction")[0] == pytest.approx(0.0, abs=1e-9)
    assert result.values("top", "constriction")[1] > 1e3
    assert result.values("foil", "mean") == pytest.approx([4e-6, 3.75e-6])
    # the pressed state has no voids: no fault, there is none of it
    assert result.values("shares", "total", subject="void")[1] == pytest.approx(16 / 768)
    assert np.isnan(result.values("shares", "total", subject="void")[0])
    assert result.values("growth", "new")[1] == pytest.approx(16e-18)
    assert np.isnan(result.values("growth", "new")[0])
    with pytest.raises(InputError, match="no state has 'area' of 'foil'"):
        result.values("foil", "area")


def test_tables_and_pages(folder):
    (folder / "s.toml").write_text(TEXT)
    result = run_series(read_series(folder / "s.toml"))
    where = folder / "s-results"
    assert [p.name for p in result.files] == ["table.csv", "table.json", "curves.png", "maps.png", "report.html"]
    with (where / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {r["state"]: r for r in rows if (r["task"], r["quantity"]) == ("top", "fraction")}
    assert found["stripped"]["value"] == "0.75"
    assert found["stripped"]["state_value"] == "5"
    numbers = json.loads((where / "table.json").read_text())
    assert [s["name"] for s in numbers["states"]] == ["pressed", "stripped"]
    assert numbers["states"][1]["charge_C"] == pytest.approx(3.6e-9 * 3600)
    fraction = next(q for q in numbers["quantities"] if q["task"] == "top" and q["quantity"] == "fraction")
    assert fraction["values"] == [1.0, 0.75]
    page = (where / "report.html").read_text()
    assert "Stripping" in page
    assert "data:image/png" in page
    contact = np.load(where / "states" / "stripped" / "top.npy")
    assert contact.sum() == 48
    assert not list(where.rglob("*.part*"))


def test_filling_needs_a_charge_and_says_so(folder):
    more = '\n[[measure]]\nname = "filling"\ntype = "filling"\ncrack = "void"\n'
    (folder / "s.toml").write_text(TEXT + more)
    result = run_series(read_series(folder / "s.toml"))
    assert [f for f in result.faults if "pressed: filling: charge: the state has none; give charge" in f]
    assert len(result.faults) == 1
    lithium = 3.6e-9 * 3600 * 6.94e-3 / (96485.33212 * 534)
    assert result.values("filling", "filling fraction")[1] == pytest.approx(lithium / 16e-18)
    assert "Some of it failed" in (folder / "s-results" / "report.html").read_text()


def test_a_body_that_moved_is_registered_first(folder):
    rng = np.random.default_rng(0)
    from scipy import ndimage

    labels = (ndimage.gaussian_filter(rng.standard_normal((40, 40, 40)), 2.0) > 0).astype(np.uint8)
    later = np.roll(labels, 3, axis=0)
    later[20:24, 20:24, 20:24] = 2
    for name, array in (("0", labels), ("1", later)):
        tifffile.imwrite(folder / f"{name}.tif", array.T)
    head = TEXT.partition("[[measure]]")[0].replace('1 = "Li"', '1 = "NMC"')
    given = '[[compare]]\nname = "c"\ntype = "phase_change"\nwith = "first"\nphases = "void"\nbody = "NMC"\n'
    (folder / "s.toml").write_text(head + given + 'outside = "LPS"\n' + QUICK)
    result = run_series(read_series(folder / "s.toml"))
    assert not result.faults
    shift = [e.row.value for e in result.entries if e.row.quantity == "shift"]
    assert shift == pytest.approx([3e-6, 0, 0], abs=0.05e-6)
    assert result.values("c", "new")[1] == pytest.approx(64e-18, rel=1e-6)


# -------------------------------------------------------------------------------------------------------------- resume


def test_finished_stages_are_kept_and_new_input_is_done_again(folder):
    plan = read_series(folder / "s.toml")
    first = run_series(plan)
    before = tables(plan.folder)
    again = run_series(plan)
    assert (again.done, again.kept) == (0, 7)
    assert again.entries == first.entries or str(again.entries) == str(first.entries)  # NaN is not equal to itself
    assert tables(plan.folder) == before
    # another option of one measure: that measure alone
    (folder / "s.toml").write_text(TEXT.replace("within = 1", "within = 2") + QUICK)
    assert run_series(read_series(folder / "s.toml")).done == 2
    # another volume: all of that state, and what it is compared with
    labels = tifffile.imread(folder / "1.tif").copy()
    labels[8, 0, 5] = 2
    tifffile.imwrite(folder / "1.tif", labels)
    assert run_series(read_series(folder / "s.toml")).done == 4
    assert run_series(read_series(folder / "s.toml"), overwrite=True).done == 7


def test_a_damaged_stage_is_done_again(folder):
    plan = read_series(folder / "s.toml")
    run_series(plan)
    before = tables(plan.folder)
    (plan.folder / "states" / "stripped" / "top.json").write_text('{"key": "')
    half = plan.folder / "states" / "stripped" / ".top.4711.part.npy"
    half.write_bytes(b"x")
    assert run_series(plan).done == 1
    assert not half.exists()
    assert tables(plan.folder) == before


def test_processes_give_the_same_tables(folder):
    one = read_series(folder / "s.toml", folder=folder / "one")
    two = read_series(folder / "s.toml", folder=folder / "two")
    run_series(one)
    told = []
    run_series(two, jobs=2, tell=told.append)
    assert tables(one.folder) == tables(two.folder)
    assert sorted(told)[0] == "pressed: 3 stages done, 0 kept"


def test_killed_and_resumed_gives_the_same_bytes(folder):
    labels = tifffile.imread(folder / "1.tif")
    states = "".join(f'\n[[state]]\nname = "s{k}"\nvalue = {k + 6}\npath = "{k + 2}.tif"\n' for k in range(6))
    for k in range(6):
        labels = labels.copy()
        labels[8, k, 5] = 2
        tifffile.imwrite(folder / f"{k + 2}.tif", labels)
    (folder / "s.toml").write_text(TEXT + states + QUICK)
    whole = read_series(folder / "s.toml", folder=folder / "whole")
    run_series(whole)
    command = [*MAIN, "series", "s.toml", "--jobs", "2", "-o", "cut"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cut = folder / "cut"
    while run.poll() is None and len(list(cut.rglob("*.json"))) < 4:
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    run.wait()
    finished = len(list((cut / "states").rglob("*.json")))
    assert finished >= 4
    assert not (cut / "table.csv").exists()
    done = run_series(read_series(folder / "s.toml", folder=cut))
    assert done.kept >= 4
    assert done.done + done.kept == 8 * 3 + 7
    assert tables(cut) == tables(whole.folder)


def test_two_runs_in_one_folder_do_not_meet(folder):
    import fcntl

    plan = read_series(folder / "s.toml")
    run_series(plan)
    with (plan.folder / ".series").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another run is at work"):
            run_series(plan)
    run_series(plan)


def test_a_folder_of_something_else_is_left_alone(folder):
    (folder / "s-results").mkdir()
    (folder / "s-results" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty; give --overwrite"):
        run_series(read_series(folder / "s.toml"))
    assert [p.name for p in (folder / "s-results").iterdir()] == ["thesis.txt"]


def test_the_example_of_the_documentation_is_one(tmp_path):
    text = (ROOT / "docs" / "series.md").read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    series = parse_series(text, base=tmp_path)
    assert [state.name for state in series.states] == ["pristine", "stripped"]
    assert series.states[1].charge == pytest.approx(0.108)
    table = series.solve_tables(series.states[1])[0]
    assert table["contact"]["LPS|Li"]["map"] == str(tmp_path / "results" / "states" / "stripped" / "top.npy")


# -------------------------------------------------------------------------------------------------------------- faults


def test_a_state_that_fails_does_not_stop_the_others(folder):
    (folder / "0.tif").unlink()
    result = run_series(read_series(folder / "s.toml"))
    assert any("pressed: shares:" in f and "0.tif" in f for f in result.faults)
    assert result.values("top", "fraction")[1] == 0.75
    assert any("stripped: growth" in f for f in result.faults)


def test_a_measure_that_cannot_be_done_is_told_and_the_others_go_on(folder):
    text = TEXT.replace('phases = "Li"', "phases = 5").replace("within = 1", 'within = "1"') + QUICK
    (folder / "s.toml").write_text(text)
    result = run_series(read_series(folder / "s.toml"))
    assert len(result.faults) == 4
    assert any("pressed: foil: phases: got 5; give the name of a phase, or a list" in f for f in result.faults)
    assert any("stripped: top: within: got '1'; give a whole number of voxels" in f for f in result.faults)
    assert result.values("growth", "new")[1] > 0


def test_all_faults_of_a_series_come_at_once(tmp_path):
    text = """
    colour = "red"
    [volume]
    phases = { 0 = "LPS" }
    [[state]]
    path = "a.tif"
    [[state]]
    name = "../b"
    path = "a.tif"
    charge = "3 mA"
    [[state]]
    name = "c"
    value = 1
    path = "a.tif"
    voxel_sise = "1 um"
    [[measure]]
    type = "contact_mpa"
    [[measure]]
    name = "t"
    type = "thickness"
    side = "z_max"
    phase = "Li"
    [[compare]]
    name = "t"
    type = "phase_change"
    phases = "void"
    with = "last"
    [[solve]]
    name = "s"
    type = "conduction"
    """
    with pytest.raises(InputError) as caught:
        parse_series(text, base=tmp_path)
    message = str(caught.value)
    for part in (
        "colour: unknown key",
        "[[state]] 1.name: missing; each state has a name",
        "[[state]] 2.name: got '../b'; a name is made of letters",
        "[[state]] 2.charge: got '3 mA'; give a number in C, or text with a unit (C, mC",
        "[[state]] 3.voxel_sise: unknown key, did you mean 'voxel_size'?",
        "[[state]]: '' has no value, others have",
        "[[measure]] 1.type: got 'contact_mpa', did you mean 'contact_map'?",
        "[[measure]] 2.phases: missing; thickness needs it",
        "[[measure]] 2.phase: unknown key, did you mean 'phases'?",
        "[[compare]] 1.with: got 'last'; a state is compared with the 'previous' or the 'first' one",
        "the name 't' is there twice",
        "[[solve]] 1",
    ):
        assert part in message, part


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[volume]\nphantom = 'sphere'\n", r"\[\[state\]\]: missing"),
        ("[[state]]\nname = 'a'\nphantom = 'sphere'\n", r"\[\[measure\]\]: missing, and \[\[compare\]\]"),
        ("[[state]\n", "not valid TOML"),
    ],
)
def test_bad_series(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        parse_series(text, base=tmp_path)
    with pytest.raises(InputError, match="no file"):
        read_series(tmp_path / "none.toml")


def test_jobs_are_a_number(folder):
    with pytest.raises(InputError, match="jobs: got 0; give a number of processes"):
        run_series(read_series(folder / "s.toml"), jobs=0)


def test_command_line(folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*MAIN, "series", "s.toml", "--json"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)
    assert numbers["stages_done"] == 7
    assert numbers["faults"] == []
    assert "pressed: 3 stages done, 0 kept" in done.stderr
    (folder / "0.tif").unlink()
    done = subprocess.run(
        [*MAIN, "series", "s.toml", "-q"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "ssb2mesh: error: pressed: shares" in done.stderr
    assert "0.75" in done.stdout


# --------------------------------------------------------------------------------------------------------- grey values

GREY = """
title = "Grey"
[volume]
voxel_size = "1 um"
threshold = 120
phases = { 0 = "LPS", 1 = "Li" }
crop = "2:34,2:34,0:24"
[[state]]
name = "before"
path = "0.tif"
grey = "0.tif"
[[state]]
name = "after"
path = "1.tif"
grey = "1.tif"
[[measure]]
name = "shares"
type = "fractions"
[[measure]]
name = "face"
type = "roughness"
side = "z_max"
phases = "LPS"
threshold = 120
[[compare]]
name = "moved"
type = "displacement"
window = 9
step = 6
search = 2
[output]
report = false
"""


@pytest.fixture
def scans(tmp_path):
    """A wave of half a voxel between LPS and lithium, in grey values; textured, and moved by 0.4 voxels along x."""
    rng = np.random.default_rng(2)
    waves = [(rng.uniform(0.4, 0.8, 3) * rng.choice([-1, 1], 3), rng.uniform(0, 6)) for _ in range(30)]
    x, y, z = np.meshgrid(*(np.arange(n) + 0.5 for n in (36, 36, 24)), indexing="ij")
    for number, shift in enumerate((0.0, 0.4)):
        height = 12.3 + 0.5 * np.sin(2 * np.pi * (x[:, :, 0] - shift - 2) / 32) + 0.03 * y[:, :, 0]
        edge = 60 + 120 * ndimage.gaussian_filter(np.clip(z + 0.5 - height[:, :, None], 0, 1), 1.0, mode="nearest")
        texture = sum(np.cos(k[0] * (x - shift) + k[1] * y + k[2] * z + p) for k, p in waves)
        away = np.abs(z - height[:, :, None]) > 4  # the surface itself is smooth
        grey = np.clip(edge + np.where(away, 4 * texture, 0), 0, 255).astype(np.uint8)
        tifffile.imwrite(tmp_path / f"{number}.tif", grey.T)
    (tmp_path / "s.toml").write_text(GREY)
    return tmp_path


def test_grey_values_give_heights_and_displacements_below_a_voxel(scans):
    result = run_series(read_series(scans / "s.toml"))
    assert not result.faults
    u, v = np.arange(32) + 0.5, np.arange(2, 34) + 0.5
    wave = 0.5e-6 * np.sin(2 * np.pi * u / 32)[:, None] + 0.03e-6 * v
    exact = roughness(HeightMap(wave, (1e-6, 1e-6), "z", ((0, 32e-6), (0, 32e-6)))).Sa
    # the blur of a voxel takes 2 % off a wave of 32
    assert result.values("face", "Sa")[0] == pytest.approx(exact, rel=0.04)
    assert result.values("moved", "mean", axis="x")[1] == pytest.approx(0.4e-6, abs=0.1e-6)
    assert result.values("moved", "mean", axis="z")[1] == pytest.approx(0.0, abs=0.1e-6)
    # from labels of this gentle wave, of which half a voxel is all there is
    (scans / "s.toml").write_text(GREY.replace('phases = "LPS"\nthreshold = 120', 'phases = "LPS"'))
    again = run_series(read_series(scans / "s.toml"))
    assert again.values("face", "Sa")[0] != result.values("face", "Sa")[0]
    assert again.values("face", "Sa")[0] == pytest.approx(exact, rel=0.08)
    assert again.kept == 3  # of the five stages, shares and the comparison


def test_grey_values_are_of_the_stages_that_look_at_them(scans):
    run_series(read_series(scans / "s.toml"))
    tifffile.imwrite(scans / "other.tif", tifffile.imread(scans / "1.tif") + 1)
    (scans / "s.toml").write_text(GREY.replace('grey = "1.tif"', 'grey = "other.tif"'))
    assert (run_series(read_series(scans / "s.toml")).done) == 2  # heights of that state, and the comparison


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('grey = "0.tif"\n', "", "before: face: grey: the state has none, and threshold is a grey value"),
        ('grey = "1.tif"\n', "", "after: moved: grey: the later state has none, the other has; give grey to both"),
        ('grey = "1.tif"', 'grey = "no.tif"', r"after: .*no.tif"),
        ('grey = "1.tif"', 'grey = "small.tif"', r"grey: .*holds \(9, 9, 9\) voxels along x, y, z, the volume"),
    ],
)
def test_grey_values_that_do_not_fit_are_told(scans, old, new, message):
    tifffile.imwrite(scans / "small.tif", np.zeros((9, 9, 9), np.uint8))
    (scans / "s.toml").write_text(GREY.replace(old, new))
    faults = run_series(read_series(scans / "s.toml")).faults
    assert any(re.search(message, fault) for fault in faults), faults


def test_displacement_without_grey_values_needs_phases(scans):
    text = GREY.replace('grey = "0.tif"\n', "").replace('grey = "1.tif"\n', "")
    (scans / "s.toml").write_text(text)
    faults = run_series(read_series(scans / "s.toml")).faults
    assert any("phases: missing; name the phases whose texture moved" in fault for fault in faults)


# ------------------------------------------------------------------------------------------------- what users try first


HEAD = '[volume]\nvoxel_size = "1 um"\nphases = { 0 = "LPS", 1 = "Li" }\n[[state]]\nname = "a"\npath = "0.tif"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace("[[state]]", "[state]") + "[[measure]]\ntype = 'areas'\n", "write \\[\\[state\\]\\] with two"),
        (HEAD + "[measure]\ntype = 'areas'\n", "\\[\\[measure\\]\\]: got one table; write [^;]*$"),
        (
            HEAD + "[[compare]]\ntype = 'phase_change'\nphases = 'Li'\n",
            "there is one state, and nothing but comparisons",
        ),
    ],
)
def test_slips_of_beginners_are_told(text, message):
    with pytest.raises(InputError, match=message):
        parse_series(text, base=Path())


def test_a_phase_that_a_state_lacks_is_named_where_it_matters(folder):
    text = QUICK + HEAD.replace('"a"', '"with"') + '[[state]]\nname = "without"\npath = "bare.tif"\n'
    tifffile.imwrite(folder / "bare.tif", np.zeros((12, 8, 8), np.uint8))
    text += '[[measure]]\nname = "face"\ntype = "roughness"\nphases = "Li"\nside = "z_max"\n'
    text += '[[compare]]\nname = "foil"\ntype = "thickness_change"\nphases = "Li"\nside = "z_max"\n'
    faults = run_series(parse_series(text, base=folder)).faults
    assert len(faults) == 2
    assert "without: face: phases: got none" in faults[0]
    assert "(there is no Li in this state)" in faults[0]
    assert "without: foil: phases: one of the states has none of Li: no layer there" in faults[1]


def test_states_of_different_size_are_measured_and_not_compared(folder):
    tifffile.imwrite(folder / "1.tif", tifffile.imread(folder / "1.tif")[:, :6])
    result = run_series(read_series(folder / "s.toml"))
    assert result.values("shares", "total", subject="Li")[1] > 0
    assert len(result.faults) == 1
    assert "stripped: growth: after: got (8, 6, 12) voxels" in result.faults[0]


def test_displacement_of_grey_values_is_kept_within_the_phases(scans):
    whole = run_series(read_series(scans / "s.toml"))
    (scans / "s.toml").write_text(GREY.replace("window = 9", 'phases = "Li"\nwindow = 9'))
    part = run_series(read_series(scans / "s.toml"))
    assert part.kept == 4
    # nodes lie at z = 7, 13 (or so): about half of them in the lithium, above 12.3
    assert 0 < part.values("moved", "found")[1] < 0.8 * whole.values("moved", "found")[1]
    assert part.values("moved", "mean", axis="x")[1] == pytest.approx(0.4e-6, abs=0.1e-6)
