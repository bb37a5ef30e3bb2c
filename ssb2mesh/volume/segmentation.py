"""Grey values to labels: fixed thresholds and multi-level Otsu. No files, no clean-up of the result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError

__all__ = ["otsu_thresholds", "threshold_labels"]

#: Bins of the histogram of values that are not 8-bit.
BINS = 256


def threshold_labels(grey: npt.NDArray, thresholds: float | Sequence[float]) -> npt.NDArray[np.uint8]:
    """Return the class of each voxel: the number of thresholds that its value reaches.

    A voxel at the threshold belongs to the upper class: one threshold of 90 gives label 1 where grey >= 90.

    Parameters
    ----------
    grey : array
        Real numbers, any shape, no NaN.
    thresholds : float or sequence of float
        Strictly increasing.

    Returns
    -------
    uint8 array of the same shape
        Labels 0 .. number of thresholds.

    Raises
    ------
    InputError
        If the thresholds do not increase, there is a NaN, or a class is empty.

    Examples
    --------
    >>> threshold_labels(np.array([[[10, 90, 200]]]), 90)
    array([[[0, 1, 1]]], dtype=uint8)
    """
    cuts = _cuts(thresholds)
    _finite(grey)
    labels = np.zeros(grey.shape, np.uint8)
    for cut in cuts:
        # integers are compared with an integer: a float threshold would make a float copy of the whole volume
        labels += grey >= (int(np.ceil(cut)) if np.issubdtype(grey.dtype, np.integer) else cut)
    counts = np.bincount(labels.reshape(-1), minlength=len(cuts) + 1)
    if not counts.all():
        empty = int(np.flatnonzero(counts == 0)[0])
        low = f"{cuts[empty - 1]:g}" if empty else "-inf"
        high = f"{cuts[empty]:g}" if empty < len(cuts) else "inf"
        raise InputError(
            f"threshold: no voxel in [{low}, {high}), label {empty} would be empty; grey values run from "
            f"{grey.min():g} to {grey.max():g}"
        )
    return labels


def otsu_thresholds(grey: npt.NDArray, classes: int) -> tuple[float, ...]:
    """Return the thresholds that separate `classes` classes with the largest variance between them (Otsu's method).

    Otsu, 10.1109/TSMC.1979.4310076; exact for any number of classes by dynamic programming over the histogram: each
    value of 8-bit images is a bin, other images have 256 bins between their smallest and largest value.

    Parameters
    ----------
    grey : array
        Real numbers, any shape, no NaN.
    classes : int
        2 .. 16.

    Returns
    -------
    tuple of float
        ``classes - 1`` thresholds for `threshold_labels`: the smallest value of each upper class.

    Raises
    ------
    InputError
        If there are fewer different values than classes, or a NaN.

    Examples
    --------
    >>> otsu_thresholds(np.array([0, 1, 1, 100, 101, 102]), 2)
    (100.0,)
    """
    if isinstance(classes, bool) or int(classes) != classes or not 2 <= classes <= 16:
        raise InputError(f"otsu: got {classes!r}; give the number of classes, 2 to 16")
    _finite(grey)
    low, high = float(grey.min()), float(grey.max())
    if np.issubdtype(grey.dtype, np.integer) and high - low < BINS:
        counts = np.bincount((grey.reshape(-1) - grey.min()).astype(np.intp))
        starts = low + np.arange(len(counts))
    else:
        counts, edges = np.histogram(grey, bins=BINS, range=(low, high))
        starts = edges[:-1]
    used = np.flatnonzero(counts)
    if len(used) < classes:
        raise InputError(f"otsu: got {classes} classes; the image has {len(used)} different grey levels")
    counts, starts = counts[used].astype(float), starts[used]
    return tuple(float(starts[c]) for c in _best_cuts(counts, starts, int(classes)))


def _best_cuts(counts: npt.NDArray, values: npt.NDArray, classes: int) -> list[int]:
    """Return the first bin of each class but the lowest, so that the between-class variance is largest."""
    n = len(counts)
    weight = np.concatenate([[0.0], np.cumsum(counts)])
    moment = np.concatenate([[0.0], np.cumsum(counts * (values - values[0]))])
    mass = weight[None, :] - weight[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        # gain[a, b]: what one class of bins a .. b-1 adds to the between-class variance
        gain = np.where(mass > 0, (moment[None, :] - moment[:, None]) ** 2 / mass, -np.inf)
    best = gain[0].copy()
    back = np.zeros((classes, n + 1), int)
    for level in range(1, classes):
        total = best[:, None] + gain
        back[level] = np.argmax(total, axis=0)
        best = np.take_along_axis(total, back[level][None, :], axis=0)[0]
    cuts, end = [], n
    for level in range(classes - 1, 0, -1):
        end = int(back[level][end])
        cuts.append(end)
    return cuts[::-1]


def _cuts(thresholds: float | Sequence[float]) -> list[float]:
    try:
        cuts = [float(t) for t in np.atleast_1d(np.asarray(thresholds, float))]
    except (TypeError, ValueError) as error:
        raise InputError(f"threshold: got {thresholds!r}; give a number or increasing numbers") from error
    if (
        not cuts
        or len(cuts) > 254
        or not np.isfinite(cuts).all()
        or any(b <= a for a, b in zip(cuts, cuts[1:], strict=False))
    ):
        raise InputError(f"threshold: got {thresholds!r}; give 1 to 254 finite, strictly increasing numbers")
    return cuts


def _finite(grey: npt.NDArray) -> None:
    if not (np.issubdtype(grey.dtype, np.integer) or np.issubdtype(grey.dtype, np.floating)):
        raise InputError(f"grey values: got {grey.dtype}; thresholds need real numbers")
    if np.issubdtype(grey.dtype, np.floating):
        bad = int(np.count_nonzero(~np.isfinite(grey)))
        if bad:
            raise InputError(f"grey values: {bad} of {grey.size} voxels are NaN or infinite; mend the image first")
