"""The segmented volume: labels, voxel size, origin and phase names. No file formats, no clean-up, no meshing.

Axis rule of the whole package: ``labels[i, j, k]`` is the voxel whose centre lies at
``origin + (index + 0.5) * spacing``; axis 0 is x, axis 1 is y, axis 2 is z. Only `ssb2mesh.io` reorders stacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.units import format_length
from ssb2mesh.volume.counting import count_labels
from ssb2mesh.volume.head import VoxelBox

__all__ = ["BOX_SIDES", "LabelledVolume", "check_phase_name", "interface_name"]

#: Names of the six sides of the box, in the order -x, +x, -y, +y, -z, +z.
BOX_SIDES = ("x_min", "x_max", "y_min", "y_max", "z_min", "z_max")


def check_phase_name(name: str) -> str:
    """Return `name` if it may name a phase.

    Parameters
    ----------
    name : str
        Any non-empty text without ``|`` and ``@`` (which build the names of side sets) that is not a box side.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    InputError
        Otherwise.
    """
    if not isinstance(name, str) or not name.strip() or name != name.strip():
        raise InputError(f"phase name: got {name!r}; a name is text without spaces at its ends")
    if "|" in name or "@" in name or name in BOX_SIDES:
        raise InputError(f"phase name: got {name!r}; '|', '@' and {', '.join(BOX_SIDES)} are kept for side sets")
    return name


def interface_name(first: str, second: str) -> str:
    """Return the name of the interface of two phases: both names in alphabetical order joined by a bar.

    Parameters
    ----------
    first, second : str
        Phase names, in any order.

    Returns
    -------
    str
        For example ``"LPSCl|NMC"``.

    Examples
    --------
    >>> interface_name("void", "LPSCl")
    'LPSCl|void'
    """
    a, b = sorted((first, second))
    return f"{a}|{b}"


@dataclass(frozen=True, repr=False, eq=False)
class LabelledVolume(VoxelBox):
    """A segmented image with physical size and phase names.

    Parameters
    ----------
    labels : (nx, ny, nz) integer array
        One label per voxel. Bool becomes uint8; signed labels must not be negative below -2**31. Kept, not copied.
    spacing : three float
        Voxel size along x, y, z in m.
    origin : three float
        Position of the lower corner of voxel (0, 0, 0) in m.
    phases : mapping of int to str
        Name of each label. Labels without a name are called ``phase<label>``; names must differ.

    Raises
    ------
    InputError
        If the labels are not a 3-D integer array, the spacing is not positive, or a name is not allowed or used twice.

    Examples
    --------
    >>> import numpy as np
    >>> volume = LabelledVolume(np.zeros((4, 4, 4), np.uint8), (1e-6,) * 3, phases={0: "LPSCl"})
    >>> volume.phase_names
    ('LPSCl',)
    """

    labels: npt.NDArray[np.integer]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    phases: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.dtype == bool:
            labels = labels.astype(np.uint8)
        if labels.ndim != 3 or 0 in labels.shape:
            raise InputError(
                f"labels: got an array of shape {labels.shape}; a volume has three axes of at least one voxel"
            )
        if not np.issubdtype(labels.dtype, np.integer):
            raise InputError(
                f"labels: got {labels.dtype}; labels are integers or bool. Grey values: give --threshold or --otsu"
            )
        spacing = _three(self.spacing, "spacing")
        if not (np.isfinite(spacing).all() and min(spacing) > 0):
            raise InputError(f"spacing: got {self.spacing}; voxel sizes are positive lengths in m along x, y, z")
        origin = _three(self.origin, "origin")
        present = count_labels(labels)[0].tolist()
        names = {label: self.phases.get(label, f"phase{label}") for label in present}
        unknown = sorted(set(map(int, self.phases)) - set(present))
        if unknown:
            raise InputError(
                f"phases: label {unknown[0]} ({self.phases[unknown[0]]!r}) is not in the volume; labels present: "
                f"{_shorten(present)}"
            )
        for name in names.values():
            check_phase_name(name)
        if len(set(names.values())) < len(names):
            twice = sorted({n for n in names.values() if list(names.values()).count(n) > 1})
            raise InputError(
                f"phases: the name {twice[0]!r} is given to two labels; relabel them to one first, or rename"
            )
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "spacing", spacing)
        object.__setattr__(self, "origin", origin)
        object.__setattr__(self, "phases", MappingProxyType(names))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along x, y, z."""
        nx, ny, nz = self.labels.shape
        return (nx, ny, nz)

    def voxel_counts(self) -> dict[str, int]:
        """Return the number of voxels of each phase, by name."""
        labels, counts = count_labels(self.labels)
        by_label = dict(zip(labels.tolist(), counts.tolist(), strict=True))
        return {name: by_label[label] for label, name in self.phases.items()}

    def volume_fractions(self) -> dict[str, float]:
        """Return the volume fraction of each phase, by name."""
        return {name: count / self.labels.size for name, count in self.voxel_counts().items()}

    def with_labels(
        self, labels: npt.NDArray[np.integer], *, phases: Mapping[int, str] | None = None
    ) -> LabelledVolume:
        """Return a copy with other labels; names of labels that are gone are dropped.

        Parameters
        ----------
        labels : (nx, ny, nz) integer array
            The new labels.
        phases : mapping of int to str, optional
            Names to use instead of the present ones.

        Returns
        -------
        LabelledVolume
            Same spacing and origin.
        """
        names = dict(self.phases if phases is None else phases)
        present = set(count_labels(np.asarray(labels))[0].tolist())
        return replace(self, labels=labels, phases={k: v for k, v in names.items() if k in present})

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.shape))
        spacing = " x ".join(format_length(h) for h in self.spacing)
        shares = ", ".join(f"{name} {share:.4f}" for name, share in list(self.volume_fractions().items())[:12])
        return f"<LabelledVolume {shape} voxels of {spacing}; {shares}>"


def _three(values: Sequence[float], name: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(v) for v in values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: got {values!r}; give three numbers (x, y, z) in m") from error
    return (x, y, z)


def _shorten(values: Sequence[int]) -> str:
    shown = ", ".join(map(str, values[:20]))
    return shown + (f", ... ({len(values)} in all)" if len(values) > 20 else "")
