"""A volume of which only the layers asked for are in memory. How files are read is in `reading`; no meshing here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.head import VolumeHead

__all__ = ["SlabSource", "VolumeHead", "source_of"]


@dataclass(frozen=True)
class SlabSource:
    """A volume that is read layer by layer.

    Parameters
    ----------
    head : VolumeHead
        Size and names.
    read : callable
        ``read(first, last)`` gives the labels of the voxel layers from first to last - 1 along z, (nx, ny, last -
        first).
    voxel_bytes : int
        Bytes of a label as stored, for what is said of reading.
    """

    head: VolumeHead
    read: Callable[[int, int], npt.NDArray[np.integer]]
    voxel_bytes: int = 1


def source_of(volume: LabelledVolume) -> SlabSource:
    """Return a volume in memory as a source of layers.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.

    Returns
    -------
    SlabSource
        Its layers are views.

    Examples
    --------
    >>> import numpy as np
    >>> source_of(LabelledVolume(np.zeros((4, 5, 6), np.uint8), (1e-6,) * 3)).read(2, 4).shape
    (4, 5, 2)
    """
    head = VolumeHead(volume.shape, volume.spacing, volume.origin, dict(volume.phases), volume.voxel_counts())
    return SlabSource(head, lambda first, last: volume.labels[:, :, first:last], volume.labels.dtype.itemsize)
