"""Which labels an array holds and how often, fast. Nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["count_labels"]

#: Below this many voxels sorting is quicker than loading the compiled loop.
SMALL = 200_000
#: Widest range of labels that is counted in a table.
TABLE = 1 << 22


def count_labels(labels: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
    """Return the labels present, ascending, and their voxels.

    ``numpy.unique`` sorts the volume; one pass with a table is tens of times quicker on large volumes.

    Parameters
    ----------
    labels : integer array
        Any shape, any integer type.

    Returns
    -------
    values, counts : (n,) arrays
        As ``numpy.unique(labels, return_counts=True)``.

    Examples
    --------
    >>> [part.tolist() for part in count_labels(np.array([3, 1, 3]))]
    [[1, 3], [1, 2]]
    """
    if labels.size >= SMALL and labels.dtype.isnative:
        low, high = int(labels.min()), int(labels.max())
        if high - low < TABLE:
            from ssb2mesh.volume.counting_kernel import tally

            # memory order does not matter for counting: any contiguous array is read as it lies
            flat = labels.reshape(-1, order="A") if labels.flags.forc else np.ascontiguousarray(labels).reshape(-1)
            table = tally(flat, low, high - low + 1)
            present = np.flatnonzero(table)
            return (present + low).astype(labels.dtype), table[present]
    values, counts = np.unique(labels, return_counts=True)
    return values, counts.astype(np.int64)
