"""What is known of a volume without its voxels: size, place, names. No labels here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest

__all__ = ["VolumeHead", "VoxelBox"]


class VoxelBox:
    """What follows from the shape, spacing, origin and phases of a volume, however its voxels are kept.

    Examples
    --------
    >>> VolumeHead((4, 4, 2), (1e-6,) * 3, (0.0,) * 3, {0: "LPSCl"}).size
    (4e-06, 4e-06, 2e-06)
    """

    if TYPE_CHECKING:
        # fields or properties of whoever inherits

        @property
        def shape(self) -> tuple[int, int, int]: ...  # noqa: D102

        @property
        def spacing(self) -> tuple[float, float, float]: ...  # noqa: D102

        @property
        def origin(self) -> tuple[float, float, float]: ...  # noqa: D102

        @property
        def phases(self) -> Mapping[int, str]: ...  # noqa: D102

    @property
    def size(self) -> tuple[float, float, float]:
        """Edge lengths of the box in m."""
        x, y, z = (float(n * h) for n, h in zip(self.shape, self.spacing, strict=True))
        return (x, y, z)

    @property
    def box(self) -> npt.NDArray[np.float64]:
        """Lower and upper corner of the box, (2, 3), m."""
        lower = np.asarray(self.origin, float)
        return np.stack([lower, lower + np.asarray(self.size)])

    @property
    def phase_names(self) -> tuple[str, ...]:
        """Phase names in the order of their labels."""
        return tuple(self.phases.values())

    def label_of(self, name: str) -> int:
        """Return the label of a phase.

        Parameters
        ----------
        name : str
            Phase name.

        Returns
        -------
        int
            Its label.

        Raises
        ------
        InputError
            If no phase has this name.
        """
        for label, phase in self.phases.items():
            if phase == name:
                return label
        raise InputError(
            f"phase: no phase {name!r}; phases: {', '.join(self.phase_names)}{nearest(name, self.phase_names)}"
        )


@dataclass(frozen=True)
class VolumeHead(VoxelBox):
    """A volume whose voxels are elsewhere.

    Parameters
    ----------
    shape : three int
        Voxels along x, y, z.
    spacing : three float
        Voxel size, m.
    origin : three float
        Lower corner, m.
    phases : mapping of int to str
        Name of every label present, ascending.
    counts : mapping of str to int
        Voxels of each phase; empty if they were not counted.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    phases: Mapping[int, str]
    counts: Mapping[str, int] = field(default_factory=dict)

    def voxel_counts(self) -> dict[str, int]:
        """Return the number of voxels of each phase, by name; 0 where they were not counted."""
        return {name: self.counts.get(name, 0) for name in self.phase_names}
