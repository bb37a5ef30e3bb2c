"""Shapes, conformity, verdict, and the check verb."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from helpers_mesh import box_mesh, box_volume, random_mesh

from ssb2mesh import TaggedMesh, check_mesh
from ssb2mesh.check import STRICT, Limits
from ssb2mesh.check.conformity import mesh_conformity
from ssb2mesh.check.quality import mesh_quality
from ssb2mesh.check.text import describe_check, feature_text
from ssb2mesh.cli.main import cli
from ssb2mesh.errors import MeshError
from ssb2mesh.io import write_mesh, write_volume
from ssb2mesh.mesh.topology import mesh_topology

NAMES = {0: "A", 1: "B"}
SOUND = {
    "facets_shared_by_more_than_two",
    "off_box_area",
    "untagged_interface_facets",
    "misplaced_facets",
    "overlapping_facets",
    "misoriented_facets",
    "repeated_facets",
    "orphan_points",
    "duplicate_points",
}


def split_mesh(n=3, **options):
    image = np.zeros((n, n, n), int)
    image[:, :, n // 2 :] = 1
    return box_mesh(n, image, names=NAMES, **options), image


def not_zero(mesh):
    found = mesh_conformity(mesh)
    return {key: getattr(found, key) for key in SOUND if getattr(found, key)}


def rows_of(mesh, name):
    return np.flatnonzero(mesh.facet_tags == mesh.facet_tag(name))


def one_tet(points):
    none = np.empty((0, 3), int)
    return TaggedMesh(np.array(points, float), np.array([[0, 1, 2, 3]]), np.array([1]), none, none[:, 0], {"a": 1}, {})


# -- shapes ----------------------------------------------------------------------------------------------------------


def test_a_regular_tet():
    q = mesh_quality(one_tet([[1, -1, -1], [1, 1, 1], [-1, 1, -1], [-1, -1, 1]]))
    angle = np.degrees(np.arccos(1 / 3))
    # angles are kept in single precision
    assert q.min_dihedral_deg == pytest.approx(angle, rel=1e-6)
    assert q.max_dihedral_deg == pytest.approx(angle, rel=1e-6)
    assert q.min_mean_ratio == pytest.approx(1, rel=1e-6)
    assert q.dihedral_histogram[14] == 6
    assert q.min_dihedral_histogram[14] == 1
    assert q.mean_ratio_histogram == (0,) * 19 + (1,)
    assert set(q.dihedral_percentiles_deg) == {"0.1", "1", "5", "50"}


def test_histograms_and_percentiles_of_a_known_mesh():
    # Kuhn tets: all angles are 45 (2), 60 (1) and 90 (3) degrees
    mesh = random_mesh(4, 3, seed=1)
    q = mesh_quality(mesh)
    n = mesh.n_tets
    assert sum(q.dihedral_histogram) == 6 * n
    assert sum(q.min_dihedral_histogram) == sum(q.mean_ratio_histogram) == n
    assert all(value == pytest.approx(45, rel=1e-6) for value in q.dihedral_percentiles_deg.values())
    assert q.p1_dihedral_deg == q.dihedral_percentiles_deg["1"]
    # volume 1/6, squared edges 1, 1, 1, 2, 2, 3
    assert q.min_mean_ratio == pytest.approx(12 * 0.5 ** (2 / 3) / 10, rel=1e-6)
    assert sum(one.tets for one in q.phases.values()) == n
    assert set(q.phases) == set(mesh.cell_names)


def test_the_worst_tet_is_found_and_placed():
    mesh, image = split_mesh(4, size=(4.0, 4.0, 4.0))
    points = mesh.points.copy()
    moved = np.flatnonzero((points == (1, 1, 1)).all(axis=1))
    points[moved] += (0.0, 0.0, 0.45)
    bent = dataclasses.replace(mesh, points=points)
    q = mesh_quality(bent, worst=3, spacing=(1.0, 1.0, 1.0))
    first = q.worst[0]
    assert first.tet == q.worst_tets[0]
    assert moved[0] in bent.tets[first.tet]
    assert first.phase == "A"
    assert first.voxel is not None
    assert np.all(np.abs(np.array(first.voxel) - 0.5) <= 0.5)
    assert first.position == pytest.approx(bent.points[bent.tets[first.tet]].mean(axis=0))
    shapes = [min(one.min_dihedral_deg, 180 - one.max_dihedral_deg) for one in q.worst]
    assert shapes == sorted(shapes)
    assert len(q.worst) == 3
    assert first.min_dihedral_deg == q.min_dihedral_deg


def test_the_worst_tet_knows_its_facet_sets():
    image = np.zeros((1, 1, 2), int)
    image[0, 0, 1] = 1
    mesh = box_mesh((1, 1, 2), image, names=NAMES)
    for one in mesh_quality(mesh, worst=12).worst:
        corners = set(mesh.tets[one.tet].tolist())
        sets = {
            name for name in mesh.facet_names if name != "z_min" and "_" not in name.split("@")[0]
            for row in mesh.facet_set(name).tolist() if set(row) <= corners
        }  # fmt: skip
        assert set(one.facet_sets) == sets
        assert one.touches
        assert one.voxel is None


def test_no_tets_no_numbers():
    none = np.empty((0, 4), int)
    empty = TaggedMesh(np.zeros((0, 3)), none, none[:, 0], none[:, :3], none[:, 0], {}, {})
    q = mesh_quality(empty)
    assert (q.min_dihedral_deg, q.worst) == (0.0, ())


# -- conformity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drop", [(), ("A",), ("B",)])
def test_a_sound_mesh_has_no_fault(drop):
    mesh, _ = split_mesh(4, drop=drop)
    assert not not_zero(mesh)
    assert not not_zero(random_mesh(4, 5, seed=2, drop=("phase2",)))


def with_facets(mesh, facets, tags):
    return dataclasses.replace(mesh, facets=facets, facet_tags=tags)


@pytest.mark.parametrize("name", ["A|B", "A@z_min", "x_max"])
@pytest.mark.parametrize("drop", [(), ("B",)])
def test_rows_of_facet_sets(name, drop):
    mesh, _ = split_mesh(3, drop=drop)
    row = rows_of(mesh, name)[1]
    turned = mesh.facets.copy()
    turned[row] = turned[row][::-1]
    assert not_zero(with_facets(mesh, turned, mesh.facet_tags)) == {"misoriented_facets": 1}
    doubled = with_facets(mesh, np.r_[mesh.facets, turned[[row]]], np.r_[mesh.facet_tags, mesh.facet_tags[row]])
    assert not_zero(doubled) == {"repeated_facets": 1}
    rest = np.delete(mesh.facets, row, axis=0), np.delete(mesh.facet_tags, row)
    lost = not_zero(with_facets(mesh, *rest))
    if drop and name == "A|B":
        assert lost == {"off_box_area": pytest.approx(1 / 18)}
    else:
        assert lost == {"untagged_interface_facets": 1}
    wrong = mesh.facets.copy()
    wrong[row] = mesh.tets[0, :3] if name != "A@z_min" else mesh.facets[rows_of(mesh, "A@x_max")[0]]
    assert not_zero(with_facets(mesh, wrong, mesh.facet_tags))["misplaced_facets"] == 1


def test_sets_of_the_users_own_are_not_judged():
    mesh, _ = split_mesh(3)
    own = dataclasses.replace(
        mesh, facets=np.r_[mesh.facets, mesh.tets[:1, :3]], facet_tags=np.r_[mesh.facet_tags, np.int32(99)],
        facet_names={**mesh.facet_names, "probe": 99},
    )  # fmt: skip
    assert not not_zero(own)


def test_points_and_tets_too_many():
    mesh, _ = split_mesh(2)
    more = dataclasses.replace(mesh, points=np.r_[mesh.points, [[0.1, 0.2, 0.3], [0.5, 0.5, 0.5], [0.1, 0.2, 0.3]]])
    assert not_zero(more) == {"orphan_points": 3, "duplicate_points": 2}
    zero = dataclasses.replace(mesh, points=np.r_[mesh.points, [[-0.0, 0.0, 0.0]]])
    assert not_zero(zero) == {"orphan_points": 1, "duplicate_points": 1}
    # the same tet on its own twice: every facet has two tets, both on one side
    lonely = one_tet([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    twice = dataclasses.replace(
        lonely, tets=np.r_[lonely.tets, lonely.tets[:, [1, 2, 0, 3]]], cell_tags=np.array([1, 1])
    )
    assert mesh_conformity(twice).overlapping_facets == 4
    inside = dataclasses.replace(mesh, tets=np.r_[mesh.tets, mesh.tets[:1]], cell_tags=np.r_[mesh.cell_tags, [1]])
    assert mesh_conformity(inside).facets_shared_by_more_than_two > 0


def test_a_folded_pair_overlaps():
    # both apexes on one side of the common facet, both tets positive
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.1, 0.1, 0.5]])
    tets = np.array([[0, 1, 2, 3], [0, 1, 2, 4]], np.int32)
    assert mesh_topology(tets, np.array([1, 1], np.int32)).overlapping == 1
    points[4, 2] = -1
    tets[1] = [0, 2, 1, 4]
    assert mesh_topology(tets, np.array([1, 1], np.int32)).overlapping == 0


def test_contacts_at_edges_and_points():
    crossed = np.array([[[0], [1]], [[1], [0]]])
    found = mesh_conformity(box_mesh((2, 2, 1), crossed, names=NAMES))
    assert found.edge_contacts == {"A": 1, "B": 1}
    assert found.point_contacts == {"A": 0, "B": 0}
    corner = np.ones((2, 2, 2), int)
    corner[0, 0, 0] = corner[1, 1, 1] = 0
    found = mesh_conformity(box_mesh(2, corner, names=NAMES))
    assert found.edge_contacts == {"A": 0, "B": 0}
    assert found.point_contacts == {"A": 1, "B": 1}
    assert mesh_conformity(split_mesh(3)[0]).edge_contacts == {"A": 0, "B": 0}
    assert mesh_conformity(box_mesh(2, corner, names=NAMES), quick=True).edge_contacts == {}


# -- verdict ---------------------------------------------------------------------------------------------------------


def changed():
    """An exact mesh beside a volume with one speck more."""
    image = np.zeros((6, 6, 6), int)
    image[:, :, 3:] = 1
    mesh = box_mesh(6, image, names=NAMES)
    more = image.copy()
    more[2, 2, 1] = 1
    return mesh, box_volume(more, names=NAMES)


def test_features_are_notes_or_faults():
    mesh, volume = changed()
    loose = check_mesh(mesh, volume)
    assert loose.ok
    assert loose.notes[0].startswith("B: 1 component of the voxels is not in the mesh; the largest 1 voxels at (")
    assert loose.notes[0].endswith("voxel [2, 2, 1]")
    strict = check_mesh(mesh, volume, limits=STRICT)
    assert not strict.ok
    assert not strict.notes
    assert loose.notes[0] in strict.faults
    assert any("A|B: Hausdorff distance to the voxels" in fault for fault in strict.faults)


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (Limits(min_dihedral_deg=50), r"the smallest dihedral angle is 45\.00 deg, below 50 deg"),
        (Limits(max_volume_error=1e-3), r"B: volume -0\.92 % off its voxels, more than 0\.1 %"),
        (Limits(max_hausdorff_voxels=0.5), r"A\|B: Hausdorff distance to the voxels 2 voxels, more than 0\.5"),
    ],
)
def test_limits(limits, text):
    import re

    mesh, volume = changed()
    assert any(re.fullmatch(text, fault) for fault in check_mesh(mesh, volume, limits=limits).faults)


def test_limit_of_components():
    image = np.zeros((8, 8, 8), int)
    image[1:5, 1:5, 1:5] = 1
    bigger = image.copy()
    bigger[1:5, 1:5, 5] = 1
    mesh, volume = box_mesh(8, bigger, names=NAMES), box_volume(image, names=NAMES)
    faults = check_mesh(mesh, volume, limits=Limits(max_volume_error=1, max_component_error=0.2)).faults
    assert faults == ("B: the volume of a component of more than 27 voxels is +25.00 % off, more than 20 %",)


def test_a_mesh_with_broken_points_is_an_error():
    mesh, volume = changed()
    points = mesh.points.copy()
    points[[5, 7], 1] = np.nan
    with pytest.raises(MeshError, match=r"points: 2 of 343 are not finite numbers, the first is 5"):
        check_mesh(dataclasses.replace(mesh, points=points), volume)


def test_the_report_goes_to_json():
    mesh, volume = changed()
    told = json.loads(json.dumps(check_mesh(mesh, volume).to_dict()))
    assert {"tets", "points", "quality", "conformity", "fidelity", "interfaces", "faults", "notes", "features",
            "interface_fidelity", "contacts", "ok", "limits"} <= set(told)  # fmt: skip
    assert {"voxel_volume", "mesh_volume", "relative_error", "voxel_components", "mesh_components", "lost"} <= set(
        told["fidelity"]["A"]
    )
    assert told["features"][0]["kind"] == "lost"
    assert "lost" in feature_text(told)
    text = describe_check(told)
    for word in ("worst tets", "Hausdorff, voxels", "smallest dihedral angle, deg"):
        assert word in text


def test_many_features_are_counted_in_the_text():
    image = np.zeros((9, 9, 9), int)
    image[1::2, 1::2, 1::2] = 1
    image[0] = 0
    plain = np.zeros((9, 9, 9), int)
    plain[1, 1, 1] = 1
    mesh, volume = box_mesh(9, plain, names=NAMES), box_volume(image, names=NAMES)
    lines = feature_text(check_mesh(mesh, volume).to_dict()).splitlines()
    assert len(lines) == 10
    assert lines[-1] == "... and 55 more (all counts by phase in --json)"


# -- command line ----------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    mesh, volume = changed()
    write_mesh(mesh, tmp_path / "m.vtu")
    write_volume(volume, tmp_path / "v.vti")
    return str(tmp_path / "m.vtu"), ["--volume", str(tmp_path / "v.vti"), "--phase", "0=A", "--phase", "1=B"]


def run(*arguments):
    return CliRunner().invoke(cli, ["check", *arguments])


def test_exit_codes(files):
    mesh, against = files
    assert run(mesh).exit_code == 0
    assert run(mesh, *against).exit_code == 0
    assert run(mesh, "--min-dihedral", "50").exit_code == 1
    assert run(mesh, *against, "--strict").exit_code == 1
    assert run(mesh, *against, "--max-hausdorff", "1.5").exit_code == 1
    assert run(mesh, *against, "--max-hausdorff", "2.5").exit_code == 0
    assert run(mesh, *against, "--max-volume-error", "1").exit_code == 0
    assert run(mesh, *against, "--max-volume-error", "0.9").exit_code == 1


def test_json_of_the_verb(files):
    mesh, against = files
    told = json.loads(run(mesh, *against, "--json", "--worst", "4", "-q").output)
    assert told["ok"] is True
    assert len(told["quality"]["worst"]) == 4
    assert told["fidelity"]["B"]["lost"] == 1
    quick = json.loads(run(mesh, *against, "--json", "--quick", "-q").output)
    assert quick["fidelity"]["B"]["lost"] is None
    assert quick["interface_fidelity"] == {}


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--max-hausdorff", "1"], "--max-hausdorff compares with voxels; give --volume too"),
        (["--max-volume-error", "1"], "--max-volume-error compares with voxels; give --volume too"),
        (["--strict", "--quick"], "--quick leaves out what --strict"),
        (["--worst", "-1"], "--worst"),
        (["--min-dihedral", "95"], "--min-dihedral"),
        (["--max-volume-error", "-1"], "--max-volume-error"),
    ],
)
def test_wrong_usage(files, flags, text):
    done = run(files[0], *flags)
    assert done.exit_code == 2
    assert text in done.output


# -- thin features on the command line --------------------------------------------------------------------------------


@pytest.fixture
def film(tmp_path):
    image = np.zeros((12, 12, 12), np.uint8)
    image[7:] = 2
    image[6] = 1
    tifffile.imwrite(tmp_path / "film.tif", image)
    names = [word for phase in ("0=LPSCl", "1=film", "2=NMC") for word in ("--phase", phase)]
    return ["mesh", str(tmp_path / "film.tif"), "--voxel-size", "1 um", "--cell-size", "3 voxels", *names,
            "-o", str(tmp_path / "film.vtu")]  # fmt: skip


def test_thin_report_tells_before_and_after(film):
    ran = CliRunner().invoke(cli, [*film, "--thin", "report", "--json"])
    assert ran.exit_code == 0, ran.stderr
    # first of all lines, before the mesh is made
    assert ran.stderr.startswith(
        "ssb2mesh: thin features that cells of 3 um give up: film 1 lost; contacts 2 lost, 1 gained\n"
    )
    numbers = json.loads(ran.stdout)
    (lost,) = numbers["thin"]["features"]
    assert (lost["kind"], lost["phase"], lost["voxels"]) == ("lost", "film", 144)
    # a stack's last axis is x, its first is z
    assert lost["position"][2] == pytest.approx(6.5e-6)
    assert [one["phase"] for one in numbers["features"]] == ["film"]
    assert numbers["fidelity"]["film"]["lost"] == 1


def test_thin_losses_in_words(film):
    ran = CliRunner().invoke(cli, [*film, "--thin", "drop", "--dry-run"])
    assert ran.exit_code == 0, ran.stderr
    assert "predicted:" in ran.stdout
    assert re.search(r"lost +film +144 voxels", ran.stdout)
    kept = CliRunner().invoke(cli, [*film, "--dry-run"])
    assert "give up" not in kept.stdout
    meshed = CliRunner().invoke(cli, [*film, "--thin", "drop"])
    # without a report the check lists what is lost, once
    assert len(re.findall(r"lost +film +144 voxels", meshed.stdout)) == 1
    assert "give up" not in meshed.stdout + meshed.stderr
    assert "film: 1 component of the voxels is not in the mesh" in meshed.stderr
