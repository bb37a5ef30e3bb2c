"""Verbs on voxel neighbourhoods: majority filter and downsampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numba
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ssb2mesh.cleanup.report import CleanupReport
from ssb2mesh.errors import InputError
from ssb2mesh.volume import LabelledVolume

__all__ = ["downsample", "majority_filter"]


def majority_filter(
    volume: LabelledVolume, *, passes: int = 1, radius: int = 1
) -> tuple[LabelledVolume, CleanupReport]:
    """Give each voxel the most frequent label of the cube around it.

    Ties: the voxel keeps its label if that is among the most frequent, else takes the lowest of them. At the box the
    cube is cut off; nothing is mirrored in. All voxels change at once, pass by pass.

    Parameters
    ----------
    volume : LabelledVolume
        The input.
    passes : int
        How often; it stops early when nothing changes.
    radius : int
        Half edge of the cube, 1 .. 15: the cube has (2 radius + 1)^3 voxels.

    Returns
    -------
    volume : LabelledVolume
        The result.
    report : CleanupReport
        What changed.

    Raises
    ------
    InputError
        If passes or radius is out of range.

    Examples
    --------
    >>> smooth, report = majority_filter(volume, passes=2)  # doctest: +SKIP
    """
    passes, radius = _whole(passes, "passes", 1, 1000), _whole(radius, "radius", 1, 15)
    values, compact = _compact(volume)
    for _ in range(passes):
        filtered = _one_pass(compact, len(values), radius)
        if np.array_equal(filtered, compact):
            break
        compact = filtered
    result = volume.with_labels(values[compact])
    changed = int(np.count_nonzero(result.labels != volume.labels))
    gone = [name for name in volume.phase_names if name not in result.phase_names]
    notes = (f"phases that vanished: {', '.join(gone)}",) if gone else ()
    return result, CleanupReport.of("majority_filter", volume, result, changed_voxels=changed, notes=notes)


def downsample(volume: LabelledVolume, factor: int | Sequence[int]) -> tuple[LabelledVolume, CleanupReport]:
    """Join blocks of voxels into one voxel with the most frequent label.

    Ties: the tied label with the most voxels in the block enlarged by one voxel on each side; still tied, the labels
    take turns from block to block, so that no phase gains. Voxels beyond the last whole block are left out.

    Parameters
    ----------
    volume : LabelledVolume
        The input.
    factor : int or three int
        Edge of a block along x, y, z, in voxels.

    Returns
    -------
    volume : LabelledVolume
        With `factor` times larger voxels, same origin.
    report : CleanupReport
        Counts and, in the notes, voxels that were left out.

    Raises
    ------
    InputError
        If a factor is not positive or larger than the volume.

    Examples
    --------
    >>> coarse, report = downsample(volume, 2)  # doctest: +SKIP
    """
    given = [factor] * 3 if np.ndim(factor) == 0 else list(np.asarray(factor).tolist())
    if len(given) != 3:
        raise InputError(f"factor: got {factor!r}; give one or three whole numbers (x, y, z)")
    x, y, z = (_whole(f, "factor", 1, n) for f, n in zip(given, volume.shape, strict=True))
    values, compact = _compact(volume)
    coarse = values[_block_majority(compact, x, y, z, len(values))]
    spacing = tuple(h * f for h, f in zip(volume.spacing, (x, y, z), strict=True))
    result = replace(volume.with_labels(coarse), spacing=(spacing[0], spacing[1], spacing[2]))
    lost = [n % f for n, f in zip(volume.shape, (x, y, z), strict=True)]
    notes = []
    if any(lost):
        notes.append(f"voxel layers left out at x_max, y_max, z_max: {lost[0]}, {lost[1]}, {lost[2]}")
    gone = [name for name in volume.phase_names if name not in result.phase_names]
    if gone:
        notes.append(f"phases that vanished: {', '.join(gone)}")
    return result, CleanupReport.of("downsample", volume, result, notes=tuple(notes))


def _compact(volume: LabelledVolume) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.uint16]]:
    """Return the labels present, ascending, and the index of each voxel's label among them."""
    values = np.array(sorted(volume.phases), dtype=volume.labels.dtype)
    if len(values) > 65535:
        raise InputError(f"volume: {len(values)} labels; this verb takes 65535 at most")
    low, high = int(values[0]), int(values[-1])
    if high - low < 1 << 20:
        table = np.zeros(high - low + 1, np.uint16)
        table[values.astype(np.int64) - low] = np.arange(len(values))
        return values, _looked_up(np.ascontiguousarray(volume.labels), table, low)
    return values, np.searchsorted(values, volume.labels).astype(np.uint16)


@numba.njit(cache=True)
def _looked_up(labels, table, low):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    out = np.empty(labels.shape, table.dtype)
    flat, result = labels.reshape(-1), out.reshape(-1)
    for v in range(flat.size):
        result[v] = table[np.int64(flat[v]) - low]
    return out


def _one_pass(compact: npt.NDArray[np.uint16], count: int, radius: int) -> npt.NDArray[np.uint16]:
    """Return the majority of each cube, one label after the other, each in its own bounding box only."""
    best = np.zeros(compact.shape, np.uint16)
    winner = compact.copy()
    boxes = ndimage.find_objects(compact.astype(np.int32) + 1)
    for label in range(count):
        if label >= len(boxes) or boxes[label] is None:
            continue
        box = tuple(
            slice(max(0, s.start - radius), min(n, s.stop + radius))
            for s, n in zip(boxes[label], compact.shape, strict=True)
        )
        counts = _cube_counts(compact[box], label, radius)
        _challenge(best[box], winner[box], compact[box], counts, label)
    return winner


def _whole(value: object, name: str, low: int, high: int) -> int:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: got {value!r}; give a whole number") from error
    if isinstance(value, bool) or number != int(number) or not low <= number <= high:
        raise InputError(f"{name}: got {value!r}; allowed: whole numbers {low} to {high}")
    return int(number)


@numba.njit(cache=True)
def _cube_counts(labels, label, radius):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count a label in the cube around each voxel: running sums along z, then y, then x."""
    nx, ny, nz = labels.shape
    a = np.empty((nx, ny, nz), np.uint16)
    b = np.empty((nx, ny, nz), np.uint16)
    for i in range(nx):
        for j in range(ny):
            run = 0
            for k in range(-radius, nz):
                if k + radius < nz:
                    run += labels[i, j, k + radius] == label
                if k - radius > 0:
                    run -= labels[i, j, k - radius - 1] == label
                if k >= 0:
                    a[i, j, k] = run
        _running_sum(a[i], b[i], radius)
    _running_sum(b.reshape(nx, ny * nz), a.reshape(nx, ny * nz), radius)
    return a


@numba.njit(cache=True)
def _running_sum(rows, out, radius):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    n, width = rows.shape
    run = np.zeros(width, np.uint16)
    for j in range(-radius, n):
        if j + radius < n:
            for k in range(width):
                run[k] += rows[j + radius, k]
        if j - radius > 0:
            for k in range(width):
                run[k] -= rows[j - radius - 1, k]
        if j >= 0:
            for k in range(width):
                out[j, k] = run[k]


@numba.njit(cache=True)
def _challenge(best, winner, own, counts, label):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Let a label take the voxels where it is more frequent than all before it, or as frequent and the voxel's own."""
    nx, ny, nz = best.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                c = counts[i, j, k]
                if c > best[i, j, k] or (c == best[i, j, k] and c > 0 and own[i, j, k] == label):
                    best[i, j, k] = c
                    winner[i, j, k] = label


@numba.njit(cache=True)
def _block_majority(labels, fx, fy, fz, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    nx, ny, nz = labels.shape
    out = np.empty((nx // fx, ny // fy, nz // fz), labels.dtype)
    inner = np.zeros(count, np.int64)
    outer = np.zeros(count, np.int64)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(out.shape[2]):
                _tally(labels, inner, (i * fx, j * fy, k * fz), (fx, fy, fz), 0, 1)
                first = np.int64(labels[i * fx, j * fy, k * fz])
                top = inner[first]
                if top < fx * fy * fz:
                    for a in range(fx):
                        for b in range(fy):
                            for c in range(fz):
                                top = max(top, inner[labels[i * fx + a, j * fy + b, k * fz + c]])
                    first = _settle(labels, inner, outer, top, (i, j, k), (fx, fy, fz))
                out[i, j, k] = first
                _tally(labels, inner, (i * fx, j * fy, k * fz), (fx, fy, fz), 0, 0)
    return out


@numba.njit(cache=True)
def _tally(labels, counts, corner, size, ring, add):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
    """Count the labels of a block with a ring around it (add = 1), or set their counts back to zero (add = 0)."""
    for a in range(max(0, corner[0] - ring), min(labels.shape[0], corner[0] + size[0] + ring)):
        for b in range(max(0, corner[1] - ring), min(labels.shape[1], corner[1] + size[1] + ring)):
            for c in range(max(0, corner[2] - ring), min(labels.shape[2], corner[2] + size[2] + ring)):
                label = labels[a, b, c]
                counts[label] = counts[label] + 1 if add else 0


@numba.njit(cache=True)
def _settle(labels, inner, outer, top, block, size):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
    """Choose among the labels with `top` voxels in the block."""
    corner = (block[0] * size[0], block[1] * size[1], block[2] * size[2])
    _tally(labels, outer, corner, size, 1, 1)
    tied = np.empty(size[0] * size[1] * size[2], np.int64)
    n = 0
    most = 0
    for a in range(size[0]):
        for b in range(size[1]):
            for c in range(size[2]):
                label = np.int64(labels[corner[0] + a, corner[1] + b, corner[2] + c])
                if inner[label] != top or outer[label] < most:
                    continue
                if outer[label] > most:
                    most = outer[label]
                    n = 0
                known = False
                for t in range(n):
                    known = known or tied[t] == label
                if not known:
                    tied[n] = label
                    n += 1
    _tally(labels, outer, corner, size, 1, 0)
    chosen = np.sort(tied[:n])
    return chosen[(block[0] + block[1] + block[2]) % n]
