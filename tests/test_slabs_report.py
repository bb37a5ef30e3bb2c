"""Reports of meshes, in slabs and at once: components joined over planes, sections put together from parts, pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from test_report import parse
from test_slabs import UM, smooth_volume

from ssb2mesh import InputError, LabelledVolume, check_mesh, mesh_volume, read_mesh, write_volume
from ssb2mesh.lattice.build import LatticeOptions
from ssb2mesh.paths import check_output_folder, check_report_folder
from ssb2mesh.ranks import Ranks
from ssb2mesh.slabs.connected import own_layers
from ssb2mesh.slabs.job import mesh_in_slabs
from ssb2mesh.slabs.plan import plan_slabs
from ssb2mesh.slabs.raster import blank_section, on_first_process, paint
from ssb2mesh.slabs.sections import choose_spot, mesh_sections, middle_planes, voxel_sections
from ssb2mesh.slabs.source import source_of


def made(volume, slabs, folder, **options):
    source = source_of(volume)
    plan = plan_slabs(source.head, slabs, drop=options.pop("drop", ()), options=LatticeOptions(**options))
    target = Path(folder) / "m.xdmf"
    return plan, mesh_in_slabs(source, plan, target, ranks=Ranks(), voxels=volume.voxel_counts())


def test_components_are_joined_over_planes(tmp_path):
    """A fork is one component though two slabs see its prongs apart; what ends at a plane is joined to nothing."""
    labels = np.zeros((12, 6, 48), np.uint8)
    labels[1:11, 1:5, 1:4] = 1
    labels[1:3, 1:5, 4:45] = 1
    labels[9:11, 1:5, 4:40] = 1
    labels[5:7, 1:5, 16:32] = 1  # from plane to plane
    labels[5:7, 1:5, 40:44] = 1
    volume = LabelledVolume(labels, (UM,) * 3, phases={0: "A", 1: "B"})
    plan, found = made(volume, 3, tmp_path)
    assert plan.planes == (0, 16, 32, 48)
    assert {name: row["voxel_components"] for name, row in found["fidelity"].items()} == {"A": 1, "B": 3}
    assert {name: row["mesh_components"] for name, row in found["fidelity"].items()} == {"A": 1, "B": 3}
    assert found["notes"] == []


@pytest.mark.parametrize("options", [{}, {"drop": ("B",), "grade": 1}])
def test_components_are_those_of_the_whole(options, tmp_path):
    """Noise: many components on every plane."""
    rng = np.random.default_rng(5)
    volume = LabelledVolume(rng.integers(0, 3, (7, 6, 45)).astype(np.uint8), (UM,) * 3, phases=dict(enumerate("ABC")))
    _, found = made(volume, 3, tmp_path, **options)
    report = check_mesh(read_mesh(tmp_path / "m.xdmf"), volume, quick=True)
    assert set(found["fidelity"]) == set(report.fidelity)
    for name, phase in report.fidelity.items():
        row = found["fidelity"][name]
        assert (row["voxel_components"], row["mesh_components"]) == (phase.voxel_components, phase.mesh_components)


def test_shares_add_up(tmp_path):
    volume = smooth_volume()
    plan, found = made(volume, 3, tmp_path)
    assert sum(one["tets"] for one in found["slab_shares"]) == found["tets"]
    assert sum(one["points"] for one in found["slab_shares"]) == found["points"]
    assert [one["cells"] for one in found["slab_shares"]] == [list(plan.planes[s : s + 2]) for s in range(3)]
    assert [one["slabs"] for one in found["processes"]] == [[0, 1, 2]]
    assert set(found["processes"][0]["seconds"]) >= {"seams", "optimise", "check"}


def test_voxel_layers_belong_to_one_slab_each():
    """Planes need no voxel to begin there; every layer is counted once all the same."""
    volume = smooth_volume((9, 8, 50))
    plan = plan_slabs(source_of(volume).head, 2, cell_size="1.5 voxels")
    (first, middle), (begin, last) = (own_layers(plan, s) for s in range(2))
    assert (first, last) == (0, 50)
    assert middle == begin


def test_an_unsmoothed_mesh_has_the_pixels_of_its_voxels():
    volume = smooth_volume((9, 8, 14), 4, sigma=1.0)
    mesh = mesh_volume(volume, options=LatticeOptions(smoothing=0))
    source = source_of(volume)
    planes = middle_planes(source.head)
    expected = voxel_sections(source, planes, Ranks())
    for one, other in zip(planes, expected, strict=True):
        paint(one, mesh.points, mesh.tets, mesh.cell_tags)
        # pixels on the very edge of a voxel belong to both
        assert np.mean(one.tags != other.tags) < 0.005
        assert 0.05 < one.lines.mean() < 0.9


def test_it_does_not_matter_who_paints_what():
    mesh = mesh_volume(smooth_volume((9, 8, 14), 4))
    field = mesh.points @ np.array([1.0, -2.0, 3.0])
    whole = blank_section(1, 4.2 * UM, [[0, 0], [9 * UM, 14 * UM]], field=True)
    paint(whole, mesh.points, mesh.tets, mesh.cell_tags, values=field)
    parts = []
    for mine in (slice(None, None, 2), slice(1, None, 2)):
        part = blank_section(1, 4.2 * UM, [[0, 0], [9 * UM, 14 * UM]], field=True)
        paint(part, mesh.points, mesh.tets[mine], mesh.cell_tags[mine], values=field)
        parts.append(part)

    class Two:
        """What two processes need of a communicator."""

        size, rank = 2, 0

        def recv(self, source, tag):
            assert (source, tag) == (1, 3)
            return [parts[1]]

    ranks = Ranks()
    ranks.comm, ranks.size = Two(), 2
    (joined,) = on_first_process([parts[0]], ranks)
    for name in ("tags", "lines", "values"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    # a linear field is met to rounding
    rows, columns = np.indices(whole.tags.shape)
    x, z = ((index + 0.5) * step for index, step in zip((columns, rows), whole.pixel, strict=True))
    np.testing.assert_allclose(whole.values, x - 2 * 4.2 * UM + 3 * z, atol=1e-11)


def test_a_field_that_ends_leaves_pixels_without():
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    plane = blank_section(2, 0.25, [[0, 0], [1, 1]], field=True)
    paint(plane, corners, np.array([[0, 1, 2, 3]]), np.array([1]), values=np.array([0, 0, 0, np.nan]))
    assert plane.tags.any()
    assert not np.isfinite(plane.values).any()


def test_sections_of_the_file_are_those_of_the_mesh(tmp_path):
    volume = smooth_volume()
    plan, found = made(volume, 3, tmp_path, drop=("C",))
    mesh = read_mesh(tmp_path / "m.xdmf")
    voxels = voxel_sections(source_of(volume), middle_planes(plan.head), Ranks())
    assert set(np.unique(voxels[0].tags)) == {1, 2, 3}
    planes = [*middle_planes(plan.head), choose_spot(plan, voxels[2])]
    # the part that is enlarged holds the plane between two slabs
    low, high = planes[-1].window[:, 1] / plan.spacing[2]
    assert low < plan.planes[1] < high
    sizes = [(one["points"], one["tets"]) for one in found["slab_shares"]]
    from_file = mesh_sections(tmp_path / "m.h5", sizes, planes, Ranks())
    for one, other in zip(planes, from_file, strict=True):
        assert not one.tags.any()
        paint(one, mesh.points, mesh.tets, mesh.cell_tags)
        np.testing.assert_array_equal(one.tags, other.tags)
        np.testing.assert_array_equal(one.lines, other.lines)
    assert set(np.unique(from_file[2].tags)) == {0, 1, 2}


def test_the_page_of_a_mesh_file(tmp_path):
    """By the command line, on one process: numbers, pictures, nothing fetched."""
    pytest.importorskip("matplotlib")
    from ssb2mesh.cli.main import cli

    write_volume(smooth_volume(), tmp_path / "v.h5")
    arguments = ["mesh", str(tmp_path / "v.h5"), "-o", str(tmp_path / "m.xdmf"), "--slabs", "3", "--drop", "C"]
    done = CliRunner().invoke(cli, [*arguments, "--report", str(tmp_path / "page")])
    assert done.exit_code == 0, done.output
    checker, page = parse(tmp_path / "page" / "report.html")
    numbers = json.loads((tmp_path / "page" / "report.json").read_text(encoding="utf-8"))
    text = " ".join(checker.text)
    assert checker.fetched == []
    assert "The mesh passes every check." in text
    assert [each["title"] for each in numbers["pictures"]] == ["Volume", "Mesh", "Slabs"]
    assert len(re.findall(r'src="data:image/png;base64,', page)) == 3
    assert numbers["input"]["phases"]["C"]["voxels"] == smooth_volume().voxel_counts()["C"]
    assert numbers["mesh"]["tets"] == read_mesh(tmp_path / "m.xdmf").n_tets
    for shown in ("cells along z", "16 to 32", "process 0", "pieces, mesh", "facets between slabs that fit no other"):
        assert shown in text, shown


def test_the_page_of_a_mesh_made_at_once(tmp_path):
    """The same option without slabs: volume, mesh and check as `run` shows them, with the numbers of ``--json``."""
    pytest.importorskip("pyvista")
    from ssb2mesh.cli.main import cli

    volume = smooth_volume((10, 10, 12))
    write_volume(volume, tmp_path / "v.h5")
    arguments = ["mesh", str(tmp_path / "v.h5"), "-o", str(tmp_path / "m.vtu"), "--drop", "C", "--unit", "um"]
    done = CliRunner().invoke(cli, [*arguments, "--report", str(tmp_path / "page"), "--json", "-q"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    checker, page = parse(tmp_path / "page" / "report.html")
    numbers = json.loads((tmp_path / "page" / "report.json").read_text(encoding="utf-8"))
    assert checker.fetched == []
    assert "The mesh passes every check." in " ".join(checker.text)
    assert [each["title"] for each in numbers["pictures"]] == ["Volume", "Mesh", "Interfaces"]
    assert len(re.findall(r'src="data:image/png;base64,', page)) == 3
    assert {each.name for each in (tmp_path / "page").iterdir()} == {"report.html", "report.json", "pictures"}
    assert numbers["input"]["phases"]["C"]["voxels"] == volume.voxel_counts()["C"]
    for key in ("quality", "conformity", "fidelity", "faults"):
        assert numbers["check"][key] == told[key], key
    assert (numbers["mesh"]["tets"], numbers["solves"]) == (told["tets"], [])
    assert "report" in told["seconds"]
    # the page is in SI although the file is in micrometres; 12 voxels of 1 um
    assert numbers["mesh"]["box"][1][2] == pytest.approx(12e-6, rel=1e-12)


def test_bad_folders(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="report: .*file is a file; give a folder"):
        check_report_folder(tmp_path / "file")
    with pytest.raises(InputError, match="report: .*missing does not exist; create it first"):
        check_report_folder(tmp_path / "missing" / "page")
    monkeypatch.chdir(tmp_path)
    assert check_report_folder(".") == tmp_path
    (tmp_path / "report.html").write_text("of another run")
    with pytest.raises(InputError, match=r"report.html exists; give --overwrite to replace it, or another folder"):
        check_report_folder(tmp_path)
    assert check_report_folder(tmp_path, overwrite=True) == tmp_path


def test_results_of_another_user_are_told_before_the_work(tmp_path, monkeypatch):
    """Root may write everywhere, so that the system's answer is played here."""
    theirs = tmp_path / "results"
    theirs.mkdir()
    monkeypatch.setattr("ssb2mesh.paths.os.access", lambda path, mode: Path(path) != theirs)
    for check in (check_output_folder, check_report_folder):
        with pytest.raises(InputError, match="no permission to write into .*results"):
            check(theirs, overwrite=True)
        check(tmp_path / "mine", overwrite=True)


@pytest.mark.parametrize("more", [[], ["--slabs", "2"]])
def test_a_folder_that_takes_no_report_is_told_before_meshing(more, tmp_path):
    from ssb2mesh.cli.main import cli

    write_volume(smooth_volume((6, 6, 24)), tmp_path / "v.h5")
    (tmp_path / "file").write_text("")
    (tmp_path / "report.html").write_text("of another run")
    mesh = ["mesh", str(tmp_path / "v.h5"), "-o", str(tmp_path / "m.xdmf"), *more, "--report"]
    for folder, message in (("file", "is a file; give a folder"), (".", "report.html exists; give --overwrite")):
        done = CliRunner().invoke(cli, [*mesh, str(tmp_path / folder)])
        assert done.exit_code == 1
        assert message in " ".join(done.output.split())
    assert not (tmp_path / "m.xdmf").exists()
    assert (tmp_path / "report.html").read_text() == "of another run"


@pytest.mark.parametrize("more", [[], ["--overwrite"], ["--slabs", "2", "--overwrite"]])
def test_the_volume_is_not_replaced_by_the_arrays_of_its_mesh(more, tmp_path):
    """``v.h5`` is where the arrays of ``v.xdmf`` would go."""
    from ssb2mesh.cli.main import cli

    write_volume(smooth_volume((6, 6, 24)), tmp_path / "v.h5")
    before = (tmp_path / "v.h5").read_bytes()
    done = CliRunner().invoke(cli, ["mesh", str(tmp_path / "v.h5"), "-o", str(tmp_path / "v.xdmf"), *more])
    assert done.exit_code == 1
    assert "which exists and is no mesh; give another name" in " ".join(done.output.split())
    assert (tmp_path / "v.h5").read_bytes() == before


def test_arrays_of_a_mesh_are_replaced_when_asked(tmp_path):
    from ssb2mesh.cli.main import cli

    write_volume(smooth_volume((6, 6, 24)), tmp_path / "v.h5")
    mesh = ["mesh", str(tmp_path / "v.h5"), "-o", str(tmp_path / "m.xdmf"), "--slabs", "2"]
    assert CliRunner().invoke(cli, mesh).exit_code == 0
    (tmp_path / "m.xdmf").unlink()
    done = CliRunner().invoke(cli, mesh)
    assert done.exit_code == 1
    assert "m.h5', which exists; give --overwrite" in " ".join(done.output.split())
    assert CliRunner().invoke(cli, [*mesh, "--overwrite"]).exit_code == 0
