"""A volume seen from a side of the box: columns of voxels, and where phases begin in them. No measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.volume import BOX_SIDES, LabelledVolume
from ssb2mesh.volume.components import label_components

__all__ = ["View", "as_names", "first_index", "last_index_before", "phase_mask", "view_from"]


@dataclass(frozen=True, eq=False)
class View:
    """A volume turned so that one looks into it along the last axis; index 0 of that axis is at the side.

    Parameters
    ----------
    labels : (n, m, depth) integer array
        A view, not a copy. The first two axes are the remaining ones in the order x, y, z.
    volume : LabelledVolume
        Where it comes from.
    side : str
        Side of the box that one looks from.

    Examples
    --------
    >>> import numpy as np
    >>> volume = LabelledVolume(np.zeros((2, 3, 4), np.uint8), (1e-6,) * 3)
    >>> view_from(volume, "x_max").labels.shape
    (3, 4, 2)
    """

    labels: npt.NDArray[np.integer]
    volume: LabelledVolume
    side: str

    @property
    def axis(self) -> str:
        """Axis that one looks along."""
        return self.side[0]

    @property
    def step(self) -> float:
        """Voxel size along that axis, m."""
        return self.volume.spacing["xyz".index(self.axis)]

    @property
    def across(self) -> tuple[int, int]:
        """Numbers of the two remaining axes."""
        first, second = (a for a in range(3) if a != "xyz".index(self.axis))
        return first, second

    @property
    def pixel(self) -> tuple[float, float]:
        """Edges of a column, m."""
        first, second = self.across
        return self.volume.spacing[first], self.volume.spacing[second]

    @property
    def extent(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Range of the box along the two remaining axes, m."""
        box = self.volume.box
        (a, b), (c, d) = (box[:, axis].tolist() for axis in self.across)
        return (a, b), (c, d)

    def mask(self, names: Sequence[str], argument: str) -> npt.NDArray[np.bool_]:
        """Return where phases are, turned as `labels`; InputError if there is no such phase."""
        return turned(phase_mask(self.volume, names, argument), self.side)

    def coordinate(self, index: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the position along the axis of the near face of voxels of these depths, m."""
        number = "xyz".index(self.axis)
        low, high = self.volume.box[:, number]
        depth = np.asarray(index, dtype=np.float64) * self.step
        return np.asarray(low + depth if self.side.endswith("min") else high - depth)


def view_from(volume: LabelledVolume, side: str) -> View:
    """Return a volume seen from a side of its box.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    side : str
        ``x_min`` ... ``z_max``.

    Returns
    -------
    View
        Index 0 of its last axis is at that side.

    Raises
    ------
    InputError
        If there is no such side.

    Examples
    --------
    >>> view_from(volume, "z_max").axis  # doctest: +SKIP
    'z'
    """
    if side not in BOX_SIDES:
        raise InputError(f"side: got {side!r}; sides: {', '.join(BOX_SIDES)}{nearest(str(side), BOX_SIDES)}")
    return View(turned(volume.labels, side), volume, side)


def turned(array: npt.NDArray, side: str) -> npt.NDArray:
    """Return an array by voxel with the axis of a side last and its first index at that side, as a view."""
    view = np.moveaxis(array, "xyz".index(side[0]), 2)
    return view if side.endswith("min") else view[:, :, ::-1]


def as_names(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return one name or several as a tuple; InputError for anything else.

    Examples
    --------
    >>> as_names("Li"), as_names(["Li", "SEI"])
    (('Li',), ('Li', 'SEI'))
    """
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Sequence) or not all(isinstance(name, str) for name in given):
        raise InputError(f"phases: got {given!r}; give the name of a phase, or a list of them")
    return tuple(given)


def phase_mask(volume: LabelledVolume, names: Sequence[str], argument: str) -> npt.NDArray[np.bool_]:
    """Return where any of some phases is, by voxel.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    names : sequence of str
        Phases; none gives an empty mask.
    argument : str
        What to call them in an error.

    Returns
    -------
    (nx, ny, nz) bool array
        True in these phases.

    Raises
    ------
    InputError
        If there is no such phase.

    Examples
    --------
    >>> phase_mask(volume, ["Li"], "electrode").mean()  # doctest: +SKIP
    0.25
    """
    mask = np.zeros(volume.shape, bool)
    for name in as_names(names):
        if name not in volume.phase_names:
            known = ", ".join(volume.phase_names)
            raise InputError(f"{argument}: no phase {name!r}{nearest(name, volume.phase_names)}; phases: {known}")
        mask |= volume.labels == volume.label_of(name)
    return mask


def largest_piece(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the largest face-connected piece of a mask (the first of equals); an empty mask stays empty."""
    ids, found, sizes, _ = label_components(mask)
    if not found.any():
        return mask
    return np.asarray(ids == int(np.argmax(np.where(found.astype(bool), sizes, 0))))


def first_index(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the depth of the first True of each column, its length where there is none.

    Parameters
    ----------
    mask : (n, m, depth) bool array
        Columns along the last axis.

    Returns
    -------
    (n, m) int64 array
        0 .. depth.

    Examples
    --------
    >>> import numpy as np
    >>> first_index(np.array([[[False, True, True]]]))
    array([[1]])
    """
    found = mask.argmax(axis=2)
    return np.where(np.take_along_axis(mask, found[:, :, None], axis=2)[:, :, 0], found, mask.shape[2])


def last_index_before(mask: npt.NDArray[np.bool_], end: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the depth of the last True of each column before a depth, -1 where there is none.

    Parameters
    ----------
    mask : (n, m, depth) bool array
        Columns along the last axis.
    end : (n, m) int array
        Depths at and behind which nothing counts.

    Returns
    -------
    (n, m) int64 array
        -1 .. depth - 1.

    Examples
    --------
    >>> import numpy as np
    >>> last_index_before(np.array([[[True, True, False, True]]]), np.array([[3]]))
    array([[1]])
    """
    depth = mask.shape[2]
    before = mask & (np.arange(depth) < end[:, :, None])
    back = first_index(before[:, :, ::-1])
    return np.where(back == depth, -1, depth - 1 - back)
