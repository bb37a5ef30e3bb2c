"""Mesh random volumes of every awkward kind and count what is wrong with the meshes: nothing should be.

    python benchmarks/robustness.py                       # 2,000 volumes
    python benchmarks/robustness.py --count 100 --first 5000 --kind shells --json

Volume, voxel size, cell size and grading of a case all follow from its number, so any failure can be repeated alone:
``python benchmarks/robustness.py --first NUMBER --count 1``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unittest import mock

import numba
import numpy as np

from ssb2mesh import LabelledVolume, check_mesh, mesh_volume
from ssb2mesh.lattice.grid import cell_counts
from ssb2mesh.mesh import TaggedMesh, tet_volumes
from ssb2mesh.mesher import LatticeOptions

UM = 1e-6
CELL_SIZES = (None, "2 voxels", "3 voxels", "0.7 voxels")
GRADES = (0, 2)
SPACINGS = ((1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1.3, 2), (1, 1, 4), (0.5, 3, 1))
TYPES = (np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32, np.int64, np.uint64)
#: Dihedral angles that the mesher promises on cubic cells, degrees; 0.1 for round-off in single precision.
LOWEST, HIGHEST = 15.9, 160.1

Maker = Callable[[np.random.Generator, tuple[int, int, int]], np.ndarray]


def noise(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Salt and pepper of 1 to 8 labels."""
    return rng.integers(0, rng.integers(1, 9), size=shape)


def blocks(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Random cuboids of two or three voxels."""
    edge = int(rng.integers(2, 4))
    coarse = rng.integers(0, rng.integers(2, 9), size=[-(-s // edge) for s in shape])
    return np.kron(coarse, np.ones((edge,) * 3, int))[tuple(slice(s) for s in shape)]


def blobs(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Smoothed noise: the label whose field is largest."""
    from scipy.ndimage import gaussian_filter

    width = rng.uniform(0.5, 2)
    return np.argmax([gaussian_filter(rng.normal(size=shape), width) for _ in range(rng.integers(2, 7))], axis=0)


def checkerboard(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Cubes of one to three voxels that touch their like along edges only."""
    edge = int(rng.integers(1, 4))
    return (np.indices(shape) // edge).sum(axis=0) % int(rng.integers(2, 5))


def stripes(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Straight or oblique layers, one to three voxels thick."""
    way = rng.integers(-2, 3, size=3)
    return (np.tensordot(way, np.indices(shape), 1) // int(rng.integers(1, 4))) % int(rng.integers(2, 9))


def single_voxels(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """A few lone voxels of several phases in a matrix, some on the box."""
    labels = np.zeros(shape, int)
    for _ in range(int(rng.integers(1, 12))):
        labels[tuple(rng.integers(0, shape))] = rng.integers(1, 8)
    return labels


def crosswise(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Chains of cubes that touch along edges only or at corners only."""
    labels = np.zeros(shape, int)
    edge = int(rng.integers(1, 4))
    for label in range(1, int(rng.integers(2, 5))):
        at, way = rng.integers(0, shape), rng.choice([-1, 0, 1], size=3)
        way[rng.integers(0, 3)] = 1
        for _ in range(12):
            low, high = np.clip(at, 0, shape), np.clip(at + edge, 0, shape)
            labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = label
            at = at + edge * way
    return labels


def shells(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Nested shells, often one voxel thick, cut by the box."""
    centre = rng.uniform(0.2, 0.8, 3) * shape
    order = rng.choice([1, 2, 6])
    away = (np.abs(np.indices(shape) + 0.5 - centre[:, None, None, None]) ** order).sum(axis=0) ** (1 / order)
    return (away / rng.choice([1, 1.5, 2.5])).astype(int) % int(rng.integers(2, 8))


def thin_volume(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """A volume that is one voxel thick along one axis or two."""
    thin = list(shape)
    for axis in rng.permutation(3)[: rng.integers(1, 3)]:
        thin[axis] = 1
    return noise(rng, tuple(thin)) if rng.random() < 0.5 else blobs(rng, tuple(thin))


def films(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Wavy films, cracks and wires one voxel thick between thick phases."""
    x, y, z = np.indices(shape)
    height = shape[2] / 2 + rng.uniform(0, 3) * np.sin(rng.uniform(0, 0.8) * x + rng.uniform(0, 0.8) * y)
    labels = (z > height.astype(int)) * rng.integers(0, 2)
    labels = np.where(z == height.astype(int), 2, labels)
    if rng.random() < 0.5:
        labels[int(rng.integers(shape[0]))] = 3
    if rng.random() < 0.5:
        labels[:, int(rng.integers(shape[1])), int(rng.integers(shape[2]))] = 4
    return labels


def balls(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Balls of radius 0.6 to 5 voxels, overlapping and touching."""
    labels, x = np.zeros(shape, int), np.indices(shape) + 0.5
    for label in range(1, int(rng.integers(2, 8))):
        centre = rng.uniform(0, 1, 3) * shape
        labels[((x - centre[:, None, None, None]) ** 2).sum(axis=0) < rng.uniform(0.6, 5) ** 2] = label
    return labels


def pores(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Smooth phases with a sprinkling of lone voxels."""
    labels = blobs(rng, shape)
    dust = rng.random(shape) < rng.uniform(0.005, 0.1)
    return np.where(dust, 6, labels)


KINDS: dict[str, Maker] = {
    make.__name__.replace("_", "-"): make
    for make in (
        noise, blocks, blobs, checkerboard, stripes, single_voxels, crosswise, shells, thin_volume, films, balls, pores
    )
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A random volume and how it is meshed."""

    number: int
    kind: str
    volume: LabelledVolume
    cell_size: str | None
    grade: int

    @property
    def cubic(self) -> bool:
        """Whether the cells of the lattice are cubes."""
        counts, _ = cell_counts(self.volume, self.cell_size)
        edges = np.asarray(self.volume.size) / counts
        return bool(np.allclose(edges, edges[0], rtol=1e-6, atol=0))

    def mesh(self) -> TaggedMesh:
        """Mesh it."""
        return mesh_volume(self.volume, cell_size=self.cell_size, options=LatticeOptions(grade=self.grade))


def make_case(number: int, kind: str | None = None, *, largest: int = 18) -> Case:
    """The case of a number; its kind, cell size and grade go through all combinations."""
    rng = np.random.default_rng(number)
    kind = kind or list(KINDS)[number % len(KINDS)]
    turn = number // len(KINDS)
    cell_size, grade = CELL_SIZES[turn % 4], GRADES[(turn // 4 + turn) % 2]
    low, high = (3, largest + 1) if rng.random() < 0.8 else (2, 8)
    labels = KINDS[kind](rng, tuple(rng.integers(low, high, size=3).tolist()))
    labels = labels.astype(TYPES[rng.integers(len(TYPES))])
    if rng.random() < 0.2:  # big and scattered values, negative ones where the type has them
        info = np.iinfo(labels.dtype)
        high = min(info.max, 2**31 - 1)
        table = rng.choice([max(info.min, -(2**31)), 0, 1, 7, 100, high // 3, high - 1, high], size=9, replace=True)
        table = np.unique(table)
        labels = table[labels.astype(np.int64) % len(table)].astype(labels.dtype)
    spacing = tuple(UM * s for s in SPACINGS[rng.integers(len(SPACINGS))])
    volume = LabelledVolume(np.ascontiguousarray(labels), spacing)
    if cell_size in CELL_SIZES[1:3] and max(volume.shape) < 4:
        cell_size = None  # larger than the whole volume: refused
    return Case(number, kind, volume, cell_size, grade)


def faults(case: Case, mesh: TaggedMesh) -> list[str]:
    """Everything that is wrong with a mesh, by independent counts where they are cheap."""
    found = []
    volumes = tet_volumes(mesh.points, mesh.tets)
    if not volumes.min() > 0:
        found.append(f"{np.count_nonzero(volumes <= 0)} tets without positive volume")
    if not np.array_equal([mesh.points.min(axis=0), mesh.points.max(axis=0)], case.volume.box):
        found.append("the box is not exact")
    # 1e-11: round-off of a sum of up to a few hundred thousand terms
    if abs(volumes.sum() / np.prod(case.volume.size) - 1) > 1e-11:
        found.append("the tets do not fill the box")
    facets = np.sort(mesh.tets[:, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]].reshape(-1, 3), axis=1).astype(np.int64)
    n = mesh.n_points
    _, first, shared = np.unique(
        (facets[:, 0] * n + facets[:, 1]) * n + facets[:, 2], return_index=True, return_counts=True
    )
    if shared.max() > 2:
        found.append("facets of more than two tets")
    outer = mesh.points[facets[first[shared == 1]]]
    on_box = ((outer == case.volume.box[0]) | (outer == case.volume.box[1])).all(axis=1).any(axis=1)
    if not on_box.all():
        found.append(f"{np.count_nonzero(~on_box)} facets of one tet inside the box")
    if set(mesh.cell_names) != set(case.volume.phase_names):
        found.append(f"phases {sorted(mesh.cell_names)} instead of {sorted(case.volume.phase_names)}")
    report = check_mesh(mesh, case.volume)
    audit = report.conformity
    for name in ("overlapping_facets", "untagged_interface_facets", "misplaced_facets", "misoriented_facets",
                 "repeated_facets", "orphan_points", "duplicate_points"):  # fmt: skip
        if getattr(audit, name):
            found.append(f"{getattr(audit, name)} {name}")
    for name, phase in report.fidelity.items():
        if phase.voxel_components != phase.mesh_components:
            found.append(
                f"{name}: {phase.voxel_components} components of the voxels, {phase.mesh_components} of the mesh"
            )
    low, high = report.quality.min_dihedral_deg, report.quality.max_dihedral_deg
    if case.cubic and not (low >= LOWEST and high <= HIGHEST):
        found.append(f"dihedral angles from {low:.2f} to {high:.2f} degrees")
    return found


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Mesh on so many threads, however small the volume."""
    before = numba.get_num_threads()
    numba.set_num_threads(count)
    try:
        with mock.patch("ssb2mesh.lattice_engine.FEW_CELLS", 0), mock.patch("ssb2mesh.lattice.flow.FEW_CORNERS", 0):
            yield
    finally:
        numba.set_num_threads(before)


def thread_faults(case: Case, mesh: TaggedMesh) -> list[str]:
    """Whether two threads give another mesh than one."""
    if numba.config.NUMBA_NUM_THREADS < 2:
        return []
    with threads(2):
        other = case.mesh()
    same = np.array_equal(mesh.points, other.points) and np.array_equal(mesh.tets, other.tets)
    return [] if same else ["another mesh on two threads"]


def run(case: Case, *, both: bool) -> tuple[TaggedMesh | None, list[str]]:
    """Mesh a case and say what is wrong; a crash is a fault."""
    try:
        mesh = case.mesh()
        return mesh, faults(case, mesh) + (thread_faults(case, mesh) if both else [])
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is what is looked for
        return None, [f"crash: {type(error).__name__}: {error}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--kind", choices=sorted(KINDS))
    parser.add_argument("--largest", type=int, default=18, help="voxels along an edge at most")
    parser.add_argument("--threads-every", type=int, default=10, help="compare one and two threads every so many")
    parser.add_argument("--json", action="store_true", help="the summary as one JSON object")
    given = parser.parse_args()
    wrong: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    failed, tets, start = [], 0, time.perf_counter()
    for number in range(given.first, given.first + given.count):
        case = make_case(number, given.kind, largest=given.largest)
        kinds[case.kind] += 1
        mesh, found = run(case, both=number % given.threads_every == 0)
        tets += mesh.n_tets if mesh else 0
        if found:
            failed.append(number)
            wrong.update({"crashes" if found[0].startswith("crash") else "invalid meshes": 1})
            shape = "x".join(map(str, case.volume.shape))
            print(f"{number} {case.kind} {shape} spacing {case.volume.spacing} cells {case.cell_size} grade "
                  f"{case.grade}: {'; '.join(found)}", file=sys.stderr, flush=True)  # fmt: skip
    summary = {
        "volumes": given.count,
        "M tets": round(tets / 1e6, 2),
        "s": round(time.perf_counter() - start, 1),
        "invalid meshes": wrong["invalid meshes"],
        "crashes": wrong["crashes"],
        "compared on one and two threads": len(range(0, given.count, given.threads_every)),
        "kinds": dict(kinds),
        "failed": failed,
    }
    print(json.dumps(summary) if given.json else "\n".join(f"{key}: {value}" for key, value in summary.items()))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
