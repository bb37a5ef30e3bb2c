"""Random volumes of every awkward kind: no mesh may be invalid, no component missing, no angle below the floor."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssb2mesh import LabelledVolume

UM = 1e-6


def _benchmark():
    """The generator and the checks are those of the long run in benchmarks/."""
    path = Path(__file__).resolve().parent.parent / "benchmarks" / "robustness.py"
    found = importlib.util.spec_from_file_location("robustness", path)
    module = importlib.util.module_from_spec(found)
    sys.modules["robustness"] = module  # dataclasses look their module up by name
    found.loader.exec_module(module)
    return module


robustness = _benchmark()


@pytest.mark.parametrize("kind", sorted(robustness.KINDS))
def test_random_volumes_of_a_kind(kind):
    """Eight of each kind go through every combination of cell size and grading; eight in all on two threads too."""
    wrong = {}
    place = list(robustness.KINDS).index(kind)
    for turn in range(8):
        case = robustness.make_case(len(robustness.KINDS) * turn + place + 100_000, largest=8)
        _, found = robustness.run(case, both=turn == place)
        if found:
            wrong[case.number, case.kind, case.volume.shape, case.cell_size, case.grade] = found
    assert not wrong


def test_cases_are_repeatable_and_varied():
    """The number of a case says everything about it; all kinds, cell sizes and types turn up."""
    cases = [robustness.make_case(number) for number in range(200)]
    again = robustness.make_case(17)
    np.testing.assert_array_equal(cases[17].volume.labels, again.volume.labels)
    assert (cases[17].cell_size, cases[17].grade) == (again.cell_size, again.grade)
    assert {case.kind for case in cases} == set(robustness.KINDS)
    assert {(case.cell_size, case.grade) for case in cases} == {
        (size, grade) for size in robustness.CELL_SIZES for grade in robustness.GRADES
    }
    assert {case.volume.labels.dtype.type for case in cases} == set(robustness.TYPES)
    assert {len(case.volume.phase_names) for case in cases} >= set(range(1, 9))
    assert any(1 in case.volume.shape for case in cases)
    assert any(case.volume.labels.max() > 2**30 for case in cases)
    assert any(case.volume.labels.min() < 0 for case in cases)
    assert any(not case.cubic for case in cases)


def test_the_checks_see_what_is_wrong():
    """A tet taken out, one turned inside out, a tag changed: each is found."""
    case = robustness.make_case(0)
    mesh = case.mesh()
    assert not robustness.faults(case, mesh)
    inverted = mesh.tets.copy()
    inverted[7] = inverted[7, [1, 0, 2, 3]]
    assert any("positive volume" in f for f in robustness.faults(case, dataclasses.replace(mesh, tets=inverted)))
    fewer = dataclasses.replace(mesh, tets=mesh.tets[1:], cell_tags=mesh.cell_tags[1:])
    found = robustness.faults(case, fewer)
    assert any("fill the box" in fault for fault in found)
    moved = mesh.points.copy()
    moved[np.argmax(moved[:, 0]), 0] *= 1 + 1e-15
    if moved[:, 0].max() > mesh.points[:, 0].max():
        assert any("box" in f for f in robustness.faults(case, dataclasses.replace(mesh, points=moved)))


def assert_right(labels: np.ndarray, spacing, cell_size: str | None, grade: int) -> None:
    volume = LabelledVolume(labels, spacing)
    if cell_size in ("2 voxels", "3 voxels") and max(volume.shape) < 4:
        cell_size = None
    _, found = robustness.run(robustness.Case(-1, "hypothesis", volume, cell_size, grade), both=False)
    assert not found


@settings(max_examples=30, deadline=None)
@given(
    labels=hnp.arrays(np.int16, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(-1, 6)),
    spacing=st.sampled_from([(UM, UM, UM), (UM, 1.3 * UM, 2 * UM), (0.5 * UM, UM, 3 * UM)]),
    cell_size=st.sampled_from([None, "2 voxels", "3 voxels", "0.7 voxels", "1.5 voxels"]),
    grade=st.integers(0, 2),
)
def test_any_small_volume(labels, spacing, cell_size, grade):
    assert_right(labels, spacing, cell_size, grade)


@settings(max_examples=15, deadline=None)
@given(
    blocks=st.lists(
        st.tuples(*[st.integers(0, 9)] * 3, *[st.integers(1, 5)] * 3, st.integers(1, 5)), min_size=1, max_size=8
    ),
    cell_size=st.sampled_from(["2 voxels", "3 voxels", "4 voxels"]),
    grade=st.integers(0, 2),
)
def test_any_pile_of_blocks_under_coarse_cells(blocks, cell_size, grade):
    """Blocks of up to five voxels, overlapping, touching by faces, edges and corners: cells merge across them."""
    labels = np.zeros((10, 11, 12), np.uint8)
    for x, y, z, a, b, c, label in blocks:
        labels[x : x + a, y : y + b, z : z + c] = label
    assert_right(labels, (UM, UM, UM), cell_size, grade)


@pytest.mark.parametrize("cell_size", [None, "2 voxels", "3 voxels"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9), (9, 1, 1), (1, 9, 9), (2, 2, 2), (2, 1, 8)])
def test_volumes_of_few_voxels(shape, cell_size):
    for labels in (
        np.zeros(shape, np.uint8),
        np.indices(shape).sum(axis=0) % 2,
        np.arange(np.prod(shape)).reshape(shape),
    ):
        assert_right(labels, (UM, UM, UM), cell_size, 1)
