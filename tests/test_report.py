"""The report: the same numbers in both files, one page that needs nothing else, nothing unescaped."""

from __future__ import annotations

import base64
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from helpers_mesh import box_mesh, box_volume

from ssb2mesh.errors import InputError
from ssb2mesh.report import ReportData, SolveResult, volume_hash, write_report
from ssb2mesh.report.data import Figure
from ssb2mesh.report.solves import overview_html
from ssb2mesh.stages import Stages
from ssb2mesh.volume import LabelledVolume

UM = (1e-6, 1e-6, 1e-6)
EVIL = "<script>alert('x')</script>&\""


class FakeCheck:
    """A MeshReport as far as the report looks at it."""

    def __init__(self, faults=()):
        self.faults = faults

    def to_dict(self):
        return {
            "tets": 384,
            "points": 125,
            "quality": {
                "min_dihedral_deg": 45.0,
                "p1_dihedral_deg": 45.0,
                "max_dihedral_deg": 90.0,
                "min_mean_ratio": 0.7211,
                "nonpositive_tets": 0,
                "dihedral_histogram": [0] * 9 + [700] + [0] * 8 + [1604] + [0] * 17,
            },
            "conformity": {"facets_shared_by_more_than_two": 0, "off_box_area": 0.0},
            "fidelity": {
                "A": {
                    "voxel_volume": 0.5e-18,
                    "mesh_volume": 0.50123e-18,
                    "relative_error": 0.00246,
                    "voxel_components": 3,
                    "mesh_components": 4,
                },
            },
            "interfaces": {"A|B": 1.2345e-12, "A@z_min": 0.5e-12, "z_min": 1e-12},
            "faults": list(self.faults),
        }


def parts():
    labels = np.ones((4, 4, 4), int)
    labels[:2] = 2
    names = {1: "A", 2: "B"}
    return box_mesh(4, labels, size=UM, names=names), box_volume(labels, size=UM, names=names)


def full_data(**changes):
    mesh, volume = parts()
    stages = Stages()
    with stages("read"):
        pass
    summary = {
        "type": "conduction",
        "currents": {"z_min": -1.5e-5, "z_max": 1.5e-5},
        "balance": 3.25e-13,
        "fixed": {"z_min": 0.0, "z_max": 1.0},
        "linear": {"method": "cg", "iterations": 17},
    }
    tensor = {
        "type": "effective_conductivity",
        "tensor": [[0.3125, 0.0, None], [0.0, 0.5, 0.0], [0.0, 0.0, float("nan")]],
        "tortuosity": {"x": 1.6125, "y": 1.75},
        "porosity": 0.625,
    }
    solves = [
        SolveResult(
            "electronic", "conduction", summary, 1.25, {"potential": mesh.points[:, 2]}, {"conductivity": {"A": 1.0}}
        ),
        SolveResult("tau", "effective_conductivity", tensor),
    ]
    values = {
        "title": "A study",
        "volume": volume,
        "mesh": mesh,
        "check": FakeCheck(),
        "solves": solves,
        "stages": stages,
        "study": "[mesh]\ncell_size = '2 voxels'",
        "draw": False,
    }
    return ReportData(**(values | changes))


class Checker(HTMLParser):
    """Notes tags that never close and everything that would be fetched."""

    VOID = {"meta", "img", "rect", "line", "br", "hr", "link", "input"}

    def __init__(self):
        super().__init__()
        self.open, self.fetched, self.tags, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [v for k, v in attrs if k in ("src", "href", "srcset", "action") and not v.startswith("data:")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def parse(path):
    checker = Checker()
    page = path.read_text(encoding="utf-8")
    checker.feed(page)
    assert checker.open == []
    return checker, page


def test_page_and_json_show_the_same_numbers(tmp_path):
    html = write_report(full_data(), tmp_path / "out")
    assert html == tmp_path / "out" / "report.html"
    numbers = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    checker, _ = parse(html)
    text = " ".join(checker.text)
    assert numbers["solves"][0]["summary"]["currents"]["z_max"] == 1.5e-5
    assert numbers["solves"][1]["summary"]["tortuosity"] == {"x": 1.6125, "y": 1.75}
    assert numbers["check"]["fidelity"]["A"]["relative_error"] == 0.00246
    assert numbers["input"]["phases"]["A"] == {"label": 1, "voxels": 32, "fraction": 0.5}
    assert numbers["mesh"]["phase_volumes"]["A"] == pytest.approx(0.5e-18, rel=1e-12)  # rounding of a sum
    for shown in (
        "1.5e\u221205",
        "\u22121.5e\u221205",
        "3.25e\u221213",
        "1.6125",
        "1.75",
        "0.3125",
        "0.625",
        "0.246",
        "1.2345",
        "45.0°",
        "90.0°",
        "A study",
        "electronic",
        "384",
        "125",
        "17",
        "1.25 s",
        "cell_size = '2 voxels'",
    ):
        assert shown in text, shown
    assert "The mesh passes every check." in text


def test_the_page_stands_alone(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("pyvista")
    html = write_report(full_data(draw=True), tmp_path)
    checker, page = parse(html)
    assert checker.fetched == []
    assert "script" not in checker.tags
    assert "url(" not in page
    assert "@import" not in page
    embedded = [base64.b64decode(b) for b in re.findall(r'src="data:image/png;base64,([^"]+)"', page)]
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    files = [(tmp_path / p["file"]).read_bytes() for p in numbers["pictures"]]
    assert sorted(embedded) == sorted(files)
    assert [p["title"] for p in numbers["pictures"]] == ["Volume", "Mesh", "Interfaces", "Potential: electronic"]
    assert numbers["notes"] == []


def test_names_from_outside_are_escaped(tmp_path):
    mesh, _ = parts()
    names = {1: EVIL, 2: "B"}
    labels = np.ones((2, 2, 2), int)
    labels[0] = 2
    volume = box_volume(labels, size=UM, names=names)
    solve = SolveResult(
        EVIL, EVIL, {EVIL: EVIL, "table": {EVIL: [EVIL]}, "list": [EVIL]}, table={"fixed": {EVIL: EVIL}}
    )
    data = full_data(
        title=EVIL,
        source=EVIL,
        volume=volume,
        mesh=box_mesh(2, labels, size=UM, names=names),
        solves=[solve],
        study={EVIL: EVIL},
        check=FakeCheck([EVIL]),
        cleaning=[{"verb": EVIL, "notes": [EVIL]}],
    )
    checker, page = parse(write_report(data, tmp_path))
    assert "script" not in checker.tags
    assert "<script" not in page
    assert " ".join(checker.text).count("<script>alert('x')</script>&\"") >= 8


def test_every_part_may_be_left_out(tmp_path):
    parse(write_report(ReportData(), tmp_path / "none"))
    for name in ("volume", "mesh", "check", "stages", "study"):
        parse(write_report(full_data(**{name: None}), tmp_path / name))
        numbers = json.loads((tmp_path / name / "report.json").read_text(encoding="utf-8"))
        assert name not in numbers or name == "volume"
    parse(write_report(full_data(solves=()), tmp_path / "solves"))


def test_numbers_that_are_none_are_null_in_strict_json(tmp_path):
    write_report(full_data(), tmp_path)

    def refuse(token):
        raise AssertionError(token)

    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert numbers["solves"][1]["summary"]["tensor"][2][2] is None


def test_faults_are_told(tmp_path):
    checker, _ = parse(write_report(full_data(check=FakeCheck(["3 tets have no positive volume"])), tmp_path))
    text = " ".join(checker.text)
    assert "The mesh fails a check" in text
    assert "3 tets have no positive volume" in text
    assert "passes every check" not in text


def test_hash_names_the_volume_and_not_its_storage():
    labels = np.arange(24).reshape(2, 3, 4) % 3
    volume = LabelledVolume(labels, UM)
    assert volume_hash(volume) == volume_hash(LabelledVolume(labels.astype(np.uint8), UM))
    assert volume_hash(volume) == volume_hash(LabelledVolume(np.asfortranarray(labels), UM))
    other = labels.copy()
    other[1, 2, 3] = 1 - other[1, 2, 3] % 2
    assert volume_hash(volume) != volume_hash(LabelledVolume(other, UM))
    assert volume_hash(volume) != volume_hash(LabelledVolume(labels, (1e-6, 1e-6, 2e-6)))
    assert volume_hash(volume) != volume_hash(LabelledVolume(labels, UM, phases={0: "pore"}))
    assert volume_hash(volume) != volume_hash(LabelledVolume(labels.reshape(3, 2, 4), UM))


def test_the_file_that_went_in_is_hashed(tmp_path):
    import hashlib

    source = tmp_path / "volume.raw"
    source.write_bytes(b"some bytes")
    write_report(full_data(source=source), tmp_path / "out")
    numbers = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert numbers["input"]["file_sha256"] == hashlib.sha256(b"some bytes").hexdigest()
    write_report(full_data(source="phantom " + "x" * 5000), tmp_path / "long")
    assert numbers["input"]["source"] == "volume.raw"  # no path of this machine in a report that is passed on


def test_a_potential_that_is_the_same_everywhere_has_no_picture():
    """That of an ideal electrode; of a solve with no other one it is drawn all the same."""
    from ssb2mesh.report.pictures import _fields_of

    flat, steep = np.array([0.3, 0.3, np.nan]), np.array([np.nan, 0.0, 1e-9])
    fields = {"electronic_potential": flat, "ionic_potential": steep, "by_cell": np.zeros(5)}
    solve = SolveResult("cell", "charge_transfer", {}, point_data=fields)
    assert [name for name, _ in _fields_of(solve, 3)] == ["ionic_potential"]
    only = SolveResult("cell", "charge_transfer", {}, point_data={"electronic_potential": flat})
    assert [name for name, _ in _fields_of(only, 3)] == ["electronic_potential"]


def test_pictures_of_the_user_come_along(tmp_path):
    from matplotlib.figure import Figure as Drawing

    Drawing().savefig(tmp_path / "mine.png")
    figures = [Figure(tmp_path / "mine.png", "Mine", "drawn elsewhere")]
    checker, _ = parse(write_report(full_data(figures=figures), tmp_path / "out"))
    assert "drawn elsewhere" in " ".join(checker.text)
    assert (tmp_path / "out" / "pictures" / "mine.png").read_bytes() == (tmp_path / "mine.png").read_bytes()
    with pytest.raises(InputError, match=r"no picture .*other\.png"):
        write_report(full_data(figures=[Figure(tmp_path / "other.png", "x")]), tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_picture_that_cannot_be_drawn_does_not_cost_the_report(tmp_path, monkeypatch):
    from ssb2mesh import plot
    from ssb2mesh.errors import MissingDependencyError

    def absent(*_args, **_options):
        raise MissingDependencyError.of("pyvista", "drawing meshes", 'pip install "ssb2mesh[plot]"')

    for name in ("plot_slices", "plot_cutaway", "plot_interfaces", "plot_field"):
        monkeypatch.setattr(plot, name, absent)
    checker, _ = parse(write_report(full_data(draw=True), tmp_path))
    assert 'pip install "ssb2mesh[plot]"' in " ".join(checker.text)


def test_folder_must_have_a_place(tmp_path):
    with pytest.raises(InputError, match="folder: .*missing does not exist"):
        write_report(ReportData(), tmp_path / "missing" / "out")


def test_stage_times_add_up(tmp_path):
    stages = Stages(seconds={"read": 1.5, "mesh": 2.25}, memory={"read": 10**8, "mesh": 3 * 10**8})
    checker, _ = parse(write_report(full_data(stages=stages), tmp_path))
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert numbers["seconds"] == 3.75
    assert numbers["stages"][1] == {"stage": "mesh", "seconds": 2.25, "peak_memory_bytes": 3 * 10**8}
    text = " ".join(checker.text)
    assert "2.25 s" in text
    assert "300 MB" in text


def test_every_solve_has_its_pictures_beside_its_numbers(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    pytest.importorskip("pyvista")
    from ssb2mesh.report import pictures

    monkeypatch.setattr(pictures, "_MOST_SOLVES", 5)
    mesh, _ = parts()
    solves = [
        SolveResult(f"s{n}", "conduction", {"currents": {"z_max": 1e-9 * n}}, 1.0, {"potential": mesh.points[:, 2]})
        for n in range(1, 8)
    ]
    checker, page = parse(write_report(full_data(draw=True, solves=solves), tmp_path))
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    drawn = [p["solve"] for p in numbers["pictures"] if p["solve"]]
    assert drawn == [f"s{n}" for n in range(1, 6)]
    # beside the numbers of its solve; from the fourth on folded away
    for n in range(1, 6):
        article = page.split("<article>")[n].split("</article>")[0]
        assert f"Potential: s{n}" in article
        assert ("1 picture" in article) == (n > 3)
    told = " ".join(checker.text)
    assert "ssb2mesh plot s6.xdmf -o s6.png --field NAME" in told
    assert "ssb2mesh plot s7.xdmf" in told
    assert "7 nA in at z_max" in told


def test_a_bounded_factor_is_shown_with_its_interval():
    """The factor of linear tets is the lower end of its interval: alone it would look like the answer."""
    solve = {"name": "tau", "summary": {"tortuosity": {"x": 5.6534}, "tortuosity_interval": {"x": [5.6534, 9.4]}}}
    assert "x 5.6534 (between 5.6534 and 9.4)" in overview_html([solve])
    del solve["summary"]["tortuosity_interval"]
    assert "x 5.6534<" in overview_html([solve])
