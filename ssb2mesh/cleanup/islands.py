"""Verbs on connected components: keep the largest, remove the small ones."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from ssb2mesh.cleanup.report import CleanupReport
from ssb2mesh.errors import InputError
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import Components, connected_components

__all__ = ["keep_largest", "remove_islands"]


def keep_largest(volume: LabelledVolume, phase: str) -> tuple[LabelledVolume, CleanupReport]:
    """Keep the largest component of a phase; give its other components to the phase around each.

    Parameters
    ----------
    volume : LabelledVolume
        The input.
    phase : str
        Name of the phase.

    Returns
    -------
    volume : LabelledVolume
        The result.
    report : CleanupReport
        What changed.

    Raises
    ------
    InputError
        If there is no such phase.

    Examples
    --------
    >>> clean, report = keep_largest(volume, "NMC")  # doctest: +SKIP
    """
    volume.label_of(phase)
    found = connected_components(volume)
    islands = np.zeros(len(found), bool)
    islands[found.of(phase)[1:]] = True
    return _give_away("keep_largest", volume, found, islands)


def remove_islands(
    volume: LabelledVolume, *, smaller_than: int, phase: str | None = None
) -> tuple[LabelledVolume, CleanupReport]:
    """Give components of fewer than `smaller_than` voxels to the phase around each.

    The surrounding phase is the one with the most voxel faces on the island (ties: the lowest label). Islands inside
    islands follow their surroundings outward, so that no component below the limit is left.

    Parameters
    ----------
    volume : LabelledVolume
        The input.
    smaller_than : int
        Components with fewer voxels go; face neighbours are connected.
    phase : str, optional
        Only components of this phase; all phases without it.

    Returns
    -------
    volume : LabelledVolume
        The result.
    report : CleanupReport
        What changed.

    Raises
    ------
    InputError
        If there is no such phase, the limit is not a positive whole number, or no component would be left.

    Examples
    --------
    >>> clean, report = remove_islands(volume, smaller_than=27)  # doctest: +SKIP
    """
    if isinstance(smaller_than, bool) or int(smaller_than) != smaller_than or smaller_than < 1:
        raise InputError(f"smaller_than: got {smaller_than!r}; give a number of voxels, 1 or more")
    found = connected_components(volume)
    islands = found.sizes < smaller_than
    if phase is not None:
        islands &= found.labels == volume.label_of(phase)
    if islands.all():
        raise InputError(
            f"smaller_than: got {smaller_than}; the largest component has {found.sizes.max()} voxels, so nothing would "
            "be left"
        )
    return _give_away("remove_islands", volume, found, islands)


def _give_away(
    verb: str, volume: LabelledVolume, found: Components, islands: npt.NDArray[np.bool_]
) -> tuple[LabelledVolume, CleanupReport]:
    """Relabel the islands from outside in and report."""
    target = found.labels.copy()
    pending = islands.copy()
    if islands.any():
        a, b, faces = _contacts(found.ids, islands)
        while pending.any():
            # only neighbours whose phase is settled count; the grid is connected, so each round settles some
            usable = pending[a] & ~pending[b]
            if not usable.any():
                break
            settled = _majority(a[usable], target[b[usable]], faces[usable])
            target[settled[0]] = settled[1]
            pending[settled[0]] = False
    moved = target != found.labels
    labels = volume.labels if not moved.any() else target[found.ids]
    result = volume.with_labels(labels)
    names, counts = np.unique(found.labels[moved], return_counts=True)
    removed = {volume.phases[int(label)]: int(count) for label, count in zip(names, counts, strict=True)}
    changed = int(found.sizes[moved].sum())
    return result, CleanupReport.of(verb, volume, result, changed_voxels=changed, components_removed=removed)


def _contacts(
    ids: npt.NDArray[np.int32], islands: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return pairs (island, neighbouring component) and the voxel faces between them."""
    pairs = _contact_pairs(ids, islands, np.empty(_contact_count(ids, islands), np.int64))
    keys, faces = np.unique(pairs, return_counts=True)
    return keys // len(islands), keys % len(islands), faces


def _majority(
    item: npt.NDArray[np.int64], label: npt.NDArray[np.integer], weight: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.integer]]:
    """Return each item once with the label of the largest summed weight; ties go to the lowest label."""
    order = np.lexsort((label, item))
    item, label, weight = item[order], label[order], weight[order]
    first = np.flatnonzero(np.r_[True, (item[1:] != item[:-1]) | (label[1:] != label[:-1])])
    item, label, weight = item[first], label[first], np.add.reduceat(weight, first)
    order = np.lexsort((label, -weight, item))
    item, label = item[order], label[order]
    best = np.r_[True, item[1:] != item[:-1]]
    return item[best], label[best]


@numba.njit(cache=True)
def _contact_count(ids, islands):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    nx, ny, nz = ids.shape
    count = 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                a = ids[i, j, k]
                for axis in range(3):
                    u, v, w = i + (axis == 0), j + (axis == 1), k + (axis == 2)
                    if u < nx and v < ny and w < nz:
                        b = ids[u, v, w]
                        if a != b:
                            count += islands[a] + islands[b]
    return count


@numba.njit(cache=True)
def _contact_pairs(ids, islands, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    nx, ny, nz = ids.shape
    n = len(islands)
    slot = 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                a = ids[i, j, k]
                for axis in range(3):
                    u, v, w = i + (axis == 0), j + (axis == 1), k + (axis == 2)
                    if u < nx and v < ny and w < nz:
                        b = ids[u, v, w]
                        if a != b:
                            if islands[a]:
                                out[slot] = np.int64(a) * n + b
                                slot += 1
                            if islands[b]:
                                out[slot] = np.int64(b) * n + a
                                slot += 1
    return out
