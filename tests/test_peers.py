"""The judge of benchmarks/peers.py against known answers and this project's own check; its driver on our mesher."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssb2mesh import LabelledVolume, check_mesh, mesh_volume

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
from peer_tools.cases import Case, components, make_case, seeds  # noqa: E402
from peer_tools.judge import FACETS, Facets, Mesh, judge, tet_volumes  # noqa: E402
from peer_tools.registry import TOOLS  # noqa: E402
from peer_tools.runner import Limits, reason  # noqa: E402
from peer_tools.table import markdown  # noqa: E402

sys.path.insert(0, str(BENCHMARKS / "peer_tools" / "scripts"))
from common import voxel_surface  # noqa: E402


def _voxel_mesh(labels: np.ndarray) -> Mesh:
    """Six tets a voxel: volumes, faces and components are exactly those of the voxels."""
    import itertools

    at = np.stack(np.unravel_index(np.arange(labels.size), labels.shape), axis=1)
    shape = tuple(np.array(labels.shape) + 1)
    tets = []
    for order in itertools.permutations(range(3)):
        corners = [at]
        for axis in order:
            corners.append(corners[-1] + np.eye(3, dtype=int)[axis])
        tets.append(np.stack([np.ravel_multi_index(tuple(c.T), shape) for c in corners], axis=1))
    tets = np.concatenate(tets)
    points = np.stack(np.unravel_index(np.arange(np.prod(shape)), shape), axis=1).astype(float)
    mesh = Mesh(points, tets, np.tile(labels.ravel(), 6).astype(int))
    turned = tet_volumes(mesh) < 0
    tets[turned] = tets[turned][:, [0, 1, 3, 2]]
    return mesh


def _case(labels: np.ndarray, **known) -> Case:
    return Case("any", "any", labels, {int(v): f"phase{v}" for v in np.unique(labels)}, **known)


@pytest.fixture(scope="module")
def packed():
    labels = np.zeros((6, 5, 4), np.uint8)
    labels[2:5, 1:4, 1:3] = 1
    labels[0, 0, 0] = 2
    return _case(labels, area=2 * (9 + 6 + 6) + 3.0, crack=2)


def test_the_judge_finds_nothing_wrong_with_the_voxels_themselves(packed):
    found = judge(_voxel_mesh(packed.labels), packed)
    assert found["tets"] == 6 * 120
    assert found["points"] == 7 * 6 * 5
    # a cube cut in six: dihedral angles of 45, 60 and 90 degrees
    assert found["min_dihedral_deg"] == pytest.approx(45)
    assert found["max_dihedral_deg"] == pytest.approx(90)
    assert found["worst_volume_error"] == pytest.approx(0, abs=1e-12)
    assert found["crack_volume_error"] == pytest.approx(0, abs=1e-12)
    assert found["interface_area_error"] == pytest.approx(0, abs=1e-12)
    assert found["hausdorff_voxels"] == pytest.approx(0, abs=1e-12)
    assert found["box_error_voxels"] == found["box_corner_error_voxels"] == 0
    assert found["voxel_components"] == found["mesh_components"] == 3
    assert found["components_lost"] == found["components_merged"] == found["interfaces_lost"] == 0
    assert found["conforming"]
    assert found["agreement"] == pytest.approx(1)


def test_a_mesh_turned_inside_out_as_a_whole_is_turned_back(packed):
    mesh = _voxel_mesh(packed.labels)
    found = judge(Mesh(mesh.points, mesh.tets[:, [1, 0, 2, 3]], mesh.labels), packed)
    assert found["nonpositive_tets"] == 0
    assert found["conforming"]


def test_a_single_inverted_tet_is_found(packed):
    mesh = _voxel_mesh(packed.labels)
    mesh.tets[7] = mesh.tets[7][[1, 0, 2, 3]]
    found = judge(mesh, packed)
    assert found["nonpositive_tets"] == 1
    assert (found["min_dihedral_deg"], found["max_dihedral_deg"]) == (0, 180)
    assert not found["conforming"]


def test_a_tet_given_twice_makes_facets_of_more_than_two_tets(packed):
    mesh = _voxel_mesh(packed.labels)
    twice = Mesh(mesh.points, np.concatenate([mesh.tets, mesh.tets[50:51]]), np.append(mesh.labels, mesh.labels[50]))
    assert judge(twice, packed)["facets_shared_by_more_than_two"] >= 2


def test_lost_phases_pieces_and_contacts_are_counted(packed):
    mesh = _voxel_mesh(packed.labels)
    labels = np.where(mesh.labels == 2, 0, mesh.labels)
    found = judge(Mesh(mesh.points, mesh.tets, labels), packed)
    assert (found["phases_lost"], found["components_lost"], found["interfaces_lost"]) == (1, 1, 1)
    assert found["crack_volume_error"] == -1
    assert found["mesh_components"] == 2


def test_pieces_that_grow_together_are_counted():
    labels = np.zeros((5, 3, 3), np.uint8)
    labels[1, 1, 1] = labels[3, 1, 1] = 1
    joined = labels.copy()
    joined[2, 1, 1] = 1
    found = judge(_voxel_mesh(joined), _case(labels))
    assert found["components_merged"] == 1
    assert found["volume_errors"]["phase1"] == pytest.approx(0.5)


def test_a_box_that_is_too_small_shows(packed):
    mesh = _voxel_mesh(packed.labels)
    small = mesh.points.copy()
    small[:, 0] = np.maximum(small[:, 0], 0.25)
    found = judge(Mesh(small, mesh.tets, mesh.labels), packed)
    assert found["box_error_voxels"] == pytest.approx(0.25)
    assert found["box_corner_error_voxels"] == pytest.approx(0.25)
    assert found["outer_area_off_box"] == pytest.approx(5 * 4)


def test_hausdorff_distance_of_a_shifted_interface():
    labels = np.zeros((8, 4, 4), np.uint8)
    labels[4:] = 1
    mesh = _voxel_mesh(labels)
    moved = mesh.points.copy()
    moved[moved[:, 0] == 4, 0] += 0.3
    assert judge(Mesh(moved, mesh.tets, mesh.labels), _case(labels))["hausdorff_voxels"] == pytest.approx(0.3)


def test_facets_of_one_tet():
    mesh = Mesh(np.eye(4)[:, 1:], np.array([[0, 1, 2, 3]]), np.array([0]))
    facets = Facets(mesh)
    assert facets.count.tolist() == [1, 1, 1, 1]
    assert sorted(map(tuple, facets.corners)) == sorted(map(tuple, FACETS))


def test_the_judge_agrees_with_the_check_of_this_project():
    case = make_case("cathode", 20)
    volume = LabelledVolume(case.labels, (1e-6,) * 3, phases=case.phases)
    made = mesh_volume(volume)
    report = check_mesh(made, volume)
    labels = np.array([made.cell_tags]).ravel()
    of_tag = {tag: value for value, name in case.phases.items() for n, tag in made.cell_names.items() if n == name}
    found = judge(Mesh(made.points / 1e-6, made.tets, np.vectorize(of_tag.get)(labels)), case)
    # the check keeps angles in single precision
    assert found["min_dihedral_deg"] == pytest.approx(report.quality.min_dihedral_deg, abs=1e-4)
    assert found["max_dihedral_deg"] == pytest.approx(report.quality.max_dihedral_deg, abs=1e-4)
    # both are percentiles of the smallest angle of each tet, of the same tets
    assert found["p1_dihedral_deg"] == pytest.approx(report.quality.p1_dihedral_deg, abs=0.05)
    for name, phase in report.fidelity.items():
        assert found["volume_errors"][name] == pytest.approx(phase.relative_error, abs=1e-9)
    assert found["mesh_components"] == sum(phase.mesh_components for phase in report.fidelity.values())
    assert found["components_lost"] == sum(phase.lost for phase in report.fidelity.values())
    # that of the check is of all triangles, this one of samples 0.25 apart
    largest = max(i.hausdorff_voxels for i in report.interface_fidelity.values() if i.hausdorff_voxels is not None)
    assert found["hausdorff_voxels"] == pytest.approx(largest, abs=0.25)


def test_the_crack_of_the_pellet_cuts_it_in_two():
    case = make_case("pellet", 32)
    ids, owners = components(case.labels)
    assert np.bincount(owners).tolist() == [1, 2, 2]
    assert 32 * 32 <= (case.labels == case.crack).sum() < 1.5 * 32 * 32


def test_seeds_lie_deep_in_their_components():
    case = make_case("smooth-noise", 16)
    points, owners = seeds(case.labels)
    at = tuple(np.floor(points).astype(int).T)
    assert (case.labels[at] == owners).all()
    assert (components(case.labels)[0][at] == np.arange(len(owners))).all()


def test_voxel_surface_is_closed_around_every_phase(packed):
    points, triangles, sides = voxel_surface(packed.labels)
    for label, voxels in zip(*np.unique(packed.labels, return_counts=True), strict=True):
        mine = (sides == label).any(axis=1)
        a, b, c = (points[triangles[mine][:, i]] for i in range(3))
        outwards = np.where(sides[mine][:, 0] == label, 1, -1)
        assert (outwards * np.einsum("ij,ij->i", a, np.cross(b, c))).sum() / 6 == pytest.approx(voxels)


def test_names_of_tools_are_unique_and_their_scripts_exist():
    assert len({tool.name for tool in TOOLS}) == len(TOOLS)
    assert all((BENCHMARKS / "peer_tools" / "scripts" / tool.script).exists() for tool in TOOLS)


def test_failures_are_told_in_a_line():
    assert reason(-24, "", "", Limits(cpu_s=5)) == "not finished after 5 s of CPU time"
    assert reason(-11, "", "", Limits()) == "crashes (SIGSEGV)"
    assert reason(1, "", "Traceback\nRuntimeError: the surface crosses itself\n", Limits()).endswith("crosses itself")
    text = markdown([{"tool": "mmg", "case": "sphere", "cells": "8x8x8", "fails": "a | b"}])
    assert "| MMG3D from voxel tets | fails: a / b |" in text


def test_the_driver_measures_our_mesher_and_records_what_is_missing(tmp_path):
    output = tmp_path / "peers.json"
    command = [sys.executable, str(BENCHMARKS / "peers.py"), "sphere", "--size", "12", "--runs", "1"]
    command += ["--tool", "ssb2mesh", "mmg", "--cache", str(tmp_path / "none"), "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ours, missing = json.loads(output.read_text(encoding="utf-8"))["results"]
    assert ours["tets"] == 12 * 12**3
    assert ours["conforming"]
    assert ours["seconds"] > 0
    assert ours["bytes_per_tet"] >= 0
    assert missing["fails"] == "is not there; --install gets it"
    assert "ssb2mesh (lattice)" in output.with_suffix(".md").read_text(encoding="utf-8")
