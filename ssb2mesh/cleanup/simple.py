"""Crop and relabel: verbs that look at no neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ssb2mesh.cleanup.report import CleanupReport
from ssb2mesh.errors import InputError, nearest
from ssb2mesh.volume import LabelledVolume

__all__ = ["crop", "parse_box", "relabel"]


def parse_box(box: str | Sequence[slice | str], shape: Sequence[int]) -> tuple[slice, slice, slice]:
    """Return three slices inside `shape` from text such as ``"0:128,0:128,16:"``.

    Parameters
    ----------
    box : str or three slices
        Voxel ranges along x, y, z, first:last with the last one excluded; an empty end means the end of the volume.
    shape : three int
        Voxels along x, y, z.

    Returns
    -------
    tuple of three slice
        With start and stop as integers.

    Raises
    ------
    InputError
        If a range is not inside the volume, is empty, or has a step.

    Examples
    --------
    >>> parse_box("0:4,:,2:", (8, 8, 8))
    (slice(0, 4, None), slice(0, 8, None), slice(2, 8, None))
    """
    parts = box.split(",") if isinstance(box, str) else list(box)
    if len(parts) != 3:
        raise InputError(f"crop: got {box!r}; give three ranges x,y,z such as '0:128,0:128,0:64'")
    result = []
    for axis, part, n in zip("xyz", parts, shape, strict=True):
        ends: list[int | None]
        try:
            if isinstance(part, slice):
                if part.step not in (None, 1):
                    raise ValueError
                ends = [part.start, part.stop]
            else:
                ends = [int(t) if t.strip() else None for t in part.split(":")]
            first, last = ends
        except (ValueError, TypeError) as error:
            raise InputError(f"crop: got {part!r} along {axis}; give first:last, such as 0:128") from error
        start, stop = 0 if first is None else int(first), n if last is None else int(last)
        if not 0 <= start < stop <= n:
            raise InputError(f"crop: got {start}:{stop} along {axis}; the volume has the voxels 0:{n}")
        result.append(slice(start, stop))
    return (result[0], result[1], result[2])


def crop(volume: LabelledVolume, box: str | Sequence[slice | str]) -> tuple[LabelledVolume, CleanupReport]:
    """Cut out a box of voxels; the origin moves with it.

    Parameters
    ----------
    volume : LabelledVolume
        The input.
    box : str or three slices
        As in `parse_box`.

    Returns
    -------
    volume : LabelledVolume
        The part, a copy.
    report : CleanupReport
        Counts before and after.

    Raises
    ------
    InputError
        As `parse_box`.

    Examples
    --------
    >>> part, report = crop(volume, "0:128,0:128,0:64")  # doctest: +SKIP
    """
    ranges = parse_box(box, volume.shape)
    labels = np.ascontiguousarray(volume.labels[ranges])
    x, y, z = (o + r.start * h for o, r, h in zip(volume.origin, ranges, volume.spacing, strict=True))
    part = replace(volume.with_labels(labels), origin=(x, y, z))
    gone = [name for name in volume.phase_names if name not in part.phase_names]
    notes = (f"phases that the box does not hold: {', '.join(gone)}",) if gone else ()
    return part, CleanupReport.of("crop", volume, part, notes=notes)


def relabel(volume: LabelledVolume, names: Mapping[str, str]) -> tuple[LabelledVolume, CleanupReport]:
    """Rename phases; phases that end up with one name become one phase with the lowest of their labels.

    Parameters
    ----------
    volume : LabelledVolume
        The input.
    names : mapping of str to str
        New name by present name; phases that are not named keep theirs. ``{"CBD": "NMC"}`` merges CBD into NMC.

    Returns
    -------
    volume : LabelledVolume
        The result.
    report : CleanupReport
        What changed.

    Raises
    ------
    InputError
        If there is no such phase or a new name is not allowed.

    Examples
    --------
    >>> merged, report = relabel(volume, {"CBD": "NMC"})  # doctest: +SKIP
    """
    if not isinstance(names, Mapping) or not names:
        raise InputError(f"relabel: got {names!r}; give new names by present names, such as CBD=NMC")
    for name in names:
        if name not in volume.phase_names:
            hint = nearest(name, volume.phase_names)
            raise InputError(f"relabel: no phase {name!r}; phases: {', '.join(volume.phase_names)}{hint}")
    owner: dict[str, int] = {}
    target = {}
    for label, name in sorted(volume.phases.items()):
        target[label] = owner.setdefault(names.get(name, name), label)
    moved = {old: new for old, new in target.items() if old != new}
    labels = volume.labels.copy() if moved else volume.labels
    for old, new in moved.items():
        labels[volume.labels == old] = new
    result = replace(volume, labels=labels, phases={label: name for name, label in owner.items()})
    changed = sum(volume.voxel_counts()[volume.phases[old]] for old in moved)
    return result, CleanupReport.of("relabel", volume, result, changed_voxels=changed)
