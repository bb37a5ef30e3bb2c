"""Small exact meshes for tests: six tets per cube (Kuhn), so that every volume and area is known in closed form."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from ssb2mesh.mesh import TET_SIDES, TaggedMesh
from ssb2mesh.volume import BOX_SIDES, LabelledVolume, interface_name


def box_mesh(
    n: int | Sequence[int],
    labels: np.ndarray | None = None,
    *,
    size: Sequence[float] = (1.0, 1.0, 1.0),
    origin: Sequence[float] = (0.0, 0.0, 0.0),
    names: Mapping[int, str] | None = None,
    drop: Sequence[str] = (),
) -> TaggedMesh:
    """Return a box of n (or nx, ny, nz) cubes, six positive tets each, one label per cube.

    Parameters
    ----------
    n : int or three int
        Cubes along x, y, z.
    labels : (nx, ny, nz) int array, optional
        Phase of each cube; default one phase, label 1.
    size, origin : three float
        Edge lengths and lower corner of the box, m.
    names : mapping of int to str, optional
        Phase names by label; default ``"phase<label>"``.
    drop : sequence of str
        Phases to leave out; their walls stay as ``"A|dropped"``, box and metadata tell of them.

    Returns
    -------
    TaggedMesh
        With every interface ``"A|B"`` (normals A to B), ``"A@z_min"`` and ``"z_min"``; phase tags are 1, 2, ... in
        the order of the labels.
    """
    shape = (n, n, n) if isinstance(n, int) else tuple(n)
    labels = np.ones(shape, int) if labels is None else np.asarray(labels)
    assert labels.shape == shape, (labels.shape, shape)
    present = [int(v) for v in np.unique(labels)]
    phase_of = {label: (names or {}).get(label, f"phase{label}") for label in present}
    points = _grid_points(shape, np.asarray(size, float), np.asarray(origin, float))
    tets, cube = _kuhn_tets(shape)
    cell_label = labels.ravel()[cube]
    tag_of = {label: i + 1 for i, label in enumerate(present)}
    cell_tags = np.array([tag_of[v] for v in cell_label.tolist()], np.int32)
    phases = {tag_of[label]: phase_of[label] for label in present}
    box = np.stack([np.asarray(origin, float), np.asarray(origin, float) + np.asarray(size, float)])
    facets, facet_tags, facet_names = _facet_sets(points, tets, cell_tags, phases, box)
    whole = TaggedMesh(points, tets, cell_tags, facets, facet_tags, {v: k for k, v in phases.items()}, facet_names, box,
                       {"engine": "kuhn", "dropped": list(drop), "cells": list(shape)})  # fmt: skip
    return whole.restrict([name for name in whole.cell_names if name not in drop]) if drop else whole


def random_mesh(n: int, phases: int, *, seed: int = 0, drop: Sequence[str] = ()) -> TaggedMesh:
    """Return a cube of n^3 cubes with salt-and-pepper labels 1..phases, all of them present."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, phases + 1, (n, n, n))
    labels.ravel()[:phases] = np.arange(1, phases + 1)
    return box_mesh(n, labels, drop=drop)


def box_volume(
    labels: np.ndarray, *, size: Sequence[float] = (1.0, 1.0, 1.0), names: Mapping[int, str] | None = None
) -> LabelledVolume:
    """Return the LabelledVolume that `box_mesh` with the same arguments meshes exactly."""
    spacing = tuple(float(s) / k for s, k in zip(size, labels.shape, strict=True))
    present = np.unique(labels).tolist()
    return LabelledVolume(labels, spacing, phases={k: v for k, v in (names or {}).items() if k in present})


def _grid_points(shape, size, origin):
    axes = [origin[a] + size[a] * np.arange(shape[a] + 1) / shape[a] for a in range(3)]
    # the last point must be the corner of the box to the last bit
    for a in range(3):
        axes[a][-1] = origin[a] + size[a]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _kuhn_tets(shape):
    nx, ny, nz = shape
    i, j, k = (a.ravel() for a in np.meshgrid(np.arange(nx), np.arange(ny), np.arange(nz), indexing="ij"))
    stride = ((ny + 1) * (nz + 1), nz + 1, 1)
    base = i * stride[0] + j * stride[1] + k
    tets = []
    for a, b, c in itertools.permutations(range(3)):
        p1 = base + stride[a]
        p2 = p1 + stride[b]
        p3 = p2 + stride[c]
        even = (a, b, c) in {(0, 1, 2), (1, 2, 0), (2, 0, 1)}
        tets.append(np.stack([base, p1, p2, p3] if even else [base, p2, p1, p3], axis=1))
    stacked = np.stack(tets, axis=1).reshape(-1, 4)
    return stacked.astype(np.int32), np.repeat(np.arange(nx * ny * nz), 6)


def _facet_sets(points, tets, cell_tags, phases, box):
    faces = tets[:, TET_SIDES].reshape(-1, 3)
    owner = np.repeat(cell_tags, 4)
    order = np.lexsort(np.sort(faces, axis=1).T[::-1])
    ordered = np.sort(faces, axis=1)[order]
    pair = np.flatnonzero((ordered[1:] == ordered[:-1]).all(axis=1))
    single = np.ones(len(faces), bool)
    single[pair] = single[pair + 1] = False
    sets: dict[str, list[np.ndarray]] = {}
    first, second = order[pair], order[pair + 1]
    for a, b in sorted(set(zip(owner[first].tolist(), owner[second].tolist(), strict=True))):
        if a == b:
            continue
        rows = (owner[first] == a) & (owner[second] == b)
        name = interface_name(phases[a], phases[b])
        # a face of a tet of A points out of A: keep the copy that belongs to the first name
        source = first if name.split("|")[0] == phases[a] and name == f"{phases[a]}|{phases[b]}" else second
        sets.setdefault(name, []).append(faces[source[rows]])
    outer = order[single]
    for number, side in enumerate(BOX_SIDES):
        axis, end = divmod(number, 2)
        on_side = (points[faces[outer]][:, :, axis] == box[end, axis]).all(axis=1)
        for tag, phase in phases.items():
            rows = on_side & (owner[outer] == tag)
            if rows.any():
                sets.setdefault(f"{phase}@{side}", []).append(faces[outer[rows]])
                sets.setdefault(side, []).append(faces[outer[rows]])
    names = {name: i + 1 for i, name in enumerate(sorted(sets, key=lambda s: (s in BOX_SIDES, "@" in s, s)))}
    facets = np.concatenate([np.concatenate(sets[name]) for name in names])
    tags = np.concatenate([np.full(sum(map(len, sets[name])), tag, np.int32) for name, tag in names.items()])
    return facets.astype(np.int32), tags, names
