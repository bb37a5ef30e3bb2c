"""Labels as phase numbers 0, 1, ... in a compact array that compiled loops can walk. No measures here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.volume import LabelledVolume

__all__ = ["AXES", "axis_number", "phase_codes", "phase_mask"]

#: Names of the axes.
AXES = ("x", "y", "z")
_TABLE = 1 << 22


def phase_codes(volume: LabelledVolume) -> npt.NDArray[np.integer]:
    """Return for each voxel the place of its phase in ``volume.phase_names``.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.

    Returns
    -------
    (nx, ny, nz) uint8 or int32 array
        C-contiguous; uint8 for up to 256 phases. The labels themselves where they are such numbers already.

    Examples
    --------
    >>> labels = np.full((1, 1, 2), 7, np.int64)
    >>> labels[0, 0, 1] = 3
    >>> phase_codes(LabelledVolume(labels, (1e-6,) * 3)).ravel().tolist()
    [1, 0]
    """
    labels = volume.labels
    known = np.fromiter(volume.phases, np.int64, len(volume.phases))
    kind = np.dtype(np.uint8 if len(known) <= 256 else np.int32)
    if labels.dtype == kind and np.array_equal(known, np.arange(len(known))):
        return np.ascontiguousarray(labels)
    codes: npt.NDArray[np.integer] = np.empty_like(labels, dtype=kind, order="C")
    low, high = int(known.min()), int(known.max())
    if high - low >= _TABLE:
        codes[...] = np.searchsorted(known, labels)
        return codes
    table = np.zeros(high - low + 1, np.int64)
    table[known - low] = np.arange(len(known))
    for i, plane in enumerate(labels):  # by planes: no second copy of a large volume
        codes[i] = table[plane.astype(np.int64) - low]
    return codes


def phase_mask(volume: LabelledVolume, phase: str) -> npt.NDArray[np.bool_]:
    """Return which voxels belong to a phase, C-contiguous; InputError if there is no phase of this name.

    Examples
    --------
    >>> phase_mask(LabelledVolume(np.zeros((1, 1, 2), int), (1e-6,) * 3, phases={0: "Li"}), "Li").ravel().tolist()
    [True, True]
    """
    mask: npt.NDArray[np.bool_] = np.ascontiguousarray(volume.labels == volume.label_of(phase))
    return mask


def axis_number(axis: str, *, allowed: Sequence[str] = AXES) -> int:
    """Return 0, 1 or 2 for ``x``, ``y`` or ``z``; InputError for anything else.

    Examples
    --------
    >>> axis_number("z")
    2
    """
    if axis not in allowed:
        raise InputError(f"axis: got {axis!r}{nearest(str(axis), allowed)}; axes: {', '.join(allowed)}")
    return AXES.index(axis)
