"""What changed between two registered volumes; lithium from charge, and the share of a crack it fills.

Registration is in `ssb2mesh.measure.registration`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.measure.columns import as_names, phase_mask
from ssb2mesh.measure.layers import LayerThickness
from ssb2mesh.measure.tables import Row
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import label_components

__all__ = [
    "LITHIUM_DENSITY",
    "LITHIUM_MOLAR_MASS",
    "PhaseChange",
    "ThicknessChange",
    "faraday_volume",
    "filling_fraction",
    "phase_change",
    "thickness_change",
    "transitions",
]

#: C/mol (2019 SI), kg/mol (IUPAC 2021, conventional), kg/m3 (CRC Handbook, 20 C).
FARADAY = 96485.33212
LITHIUM_MOLAR_MASS = 6.94e-3
LITHIUM_DENSITY = 534.0

#: Values of `PhaseChange.kind`.
KINDS = ("none", "kept", "lost", "grown", "new")


@dataclass(frozen=True, eq=False)
class PhaseChange:
    """What became of a phase from one state to the next.

    Parameters
    ----------
    kind : (nx, ny, nz) uint8 array
        0 none, 1 kept, 2 lost, 3 grown (new, in one piece with what was there), 4 new (a piece of its own).
    volumes : dict of str to float
        m3: ``before``, ``after``, ``kept``, ``lost``, ``grown``, ``new``.
    pieces : dict of str to int
        ``grown``: pieces of the state after that were there before; ``new``: pieces that were not.

    Examples
    --------
    >>> change.volumes["new"]  # doctest: +SKIP
    1.2e-14
    """

    kind: npt.NDArray[np.uint8]
    volumes: dict[str, float]
    pieces: dict[str, int]

    def rows(self, subject: str = "") -> list[Row]:
        """Return the numbers as rows of a long table."""
        rows = [Row("phase change", subject, name, value, "m3") for name, value in self.volumes.items()]
        return rows + [Row("phase change", subject, f"{name} pieces", float(n)) for name, n in self.pieces.items()]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {row.quantity: row.value for row in self.rows()}


def phase_change(
    before: LabelledVolume, after: LabelledVolume, phases: str | Sequence[str], *, tolerance: int = 0
) -> PhaseChange:
    """Return where phases (a crack, voids) were kept, lost, have grown or are new.

    Parameters
    ----------
    before, after : LabelledVolume
        Registered: same shape and voxel size.
    phases : str or sequence of str
        What is followed, such as ``"void"``; a phase that a state lacks counts as empty there, if the other has it.
    tolerance : int
        Voxels (in face steps) by which the two may be shifted: what lies that close to the other state's phase is kept
        rather than lost or grown.

    Returns
    -------
    PhaseChange
        By voxel and in total.

    Raises
    ------
    InputError
        If the grids differ, no state has the phase, or the tolerance is not a whole number.

    References
    ----------
    Hao et al., ACS Nano 19 (2025) 20516: newly formed and earlier cracks.

    Examples
    --------
    >>> labels = np.zeros((5, 1, 1), np.uint8)
    >>> labels[0] = 1
    >>> later = labels.copy()
    >>> later[1] = later[4] = 1
    >>> states = [LabelledVolume(a, (1.0,) * 3, phases={0: "LPS", 1: "void"}) for a in (labels, later)]
    >>> phase_change(*states, "void").volumes
    {'before': 1.0, 'after': 3.0, 'kept': 1.0, 'lost': 0.0, 'grown': 1.0, 'new': 1.0}
    """
    from scipy import ndimage

    _check_grids(before, after)
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, np.integer)) or tolerance < 0:
        raise InputError(f"tolerance: got {tolerance!r}; give a whole number of voxels, 0 or more")
    old, now = (_either(volume, other, phases) for volume, other in ((before, after), (after, before)))
    near_old, near_now = old, now
    if tolerance:
        near_old, near_now = (ndimage.binary_dilation(m, iterations=int(tolerance)) for m in (old, now))
    ids, found, _, _ = label_components(now)
    attached = np.zeros(len(found), bool)
    attached[ids[now & near_old]] = True
    grown = now & ~near_old & attached[ids]
    new = now & ~near_old & ~attached[ids]
    lost = old & ~near_now
    kept = (now & near_old) | (old & near_now)
    kind = np.zeros(now.shape, np.uint8)
    for number, mask in ((1, kept), (2, lost), (3, grown), (4, new)):
        kind[mask] = number
    voxel = float(np.prod(after.spacing))
    masks = {"before": old, "after": now, "kept": now & near_old, "lost": lost, "grown": grown, "new": new}
    volumes = {name: int(mask.sum()) * voxel for name, mask in masks.items()}
    is_phase = found.astype(bool)
    pieces = {"grown": int((attached & is_phase).sum()), "new": int((~attached & is_phase).sum())}
    return PhaseChange(kind, volumes, pieces)


def transitions(before: LabelledVolume, after: LabelledVolume) -> dict[tuple[str, str], float]:
    """Return the volume that went from each phase to each phase between two registered states.

    Parameters
    ----------
    before, after : LabelledVolume
        Same shape and voxel size.

    Returns
    -------
    dict
        m3 by (phase before, phase after); pairs without a voxel are left out.

    Raises
    ------
    InputError
        If the grids differ.

    Examples
    --------
    >>> states = [LabelledVolume(np.array([[[0, v]]]), (1.0,) * 3) for v in (0, 1)]
    >>> transitions(*states)
    {('phase0', 'phase0'): 1.0, ('phase0', 'phase1'): 1.0}
    """
    _check_grids(before, after)
    voxel = float(np.prod(before.spacing))
    result = {}
    for label, name in before.phases.items():
        found, counts = np.unique(after.labels[before.labels == label], return_counts=True)
        for other, count in zip(found.tolist(), counts.tolist(), strict=True):
            result[name, after.phases[other]] = count * voxel
    return result


def faraday_volume(
    charge: float, *, molar_mass: float = LITHIUM_MOLAR_MASS, density: float = LITHIUM_DENSITY, electrons: int = 1
) -> float:
    """Return the volume of metal that a charge deposits, m3: Q M / (z F rho).

    Parameters
    ----------
    charge : float
        Coulomb.
    molar_mass, density : float
        kg/mol and kg/m3; those of lithium.
    electrons : int
        Electrons an atom.

    Returns
    -------
    float
        Negative for a negative charge.

    Raises
    ------
    InputError
        If a property is not positive.

    Examples
    --------
    >>> round(faraday_volume(3.6) / 1e-4 * 1e6, 2)  # micrometres for 1 mAh on 1 cm2
    4.85
    """
    for name, value in (("molar_mass", molar_mass), ("density", density), ("electrons", electrons)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name}: got {value!r}; expected a positive number")
    return float(charge) * molar_mass / (electrons * FARADAY * density)


def filling_fraction(lithium: float, crack: float) -> float:
    """Return the lithium volume over the crack volume, NaN without a crack.

    Parameters
    ----------
    lithium, crack : float
        m3, not negative.

    Returns
    -------
    float
        May exceed 1: then the lithium is elsewhere, too.

    Raises
    ------
    InputError
        If a volume is negative.

    Examples
    --------
    >>> filling_fraction(1e-15, 4e-15)
    0.25
    """
    for name, value in (("lithium", lithium), ("crack", crack)):
        if not value >= 0:
            raise InputError(f"{name}: got {value!r}; a volume is not negative")
    return lithium / crack if crack > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class ThicknessChange:
    """The change of a thickness map.

    Parameters
    ----------
    values : (n, m) array
        After minus before, m; NaN where the layer is absent in a state.
    mean, std : float
        Over the columns that have the layer in both states, m.
    difference_of_means : float
        Mean after minus mean before, each over its own columns, m: the change of the whole stack.

    Examples
    --------
    >>> change.mean  # doctest: +SKIP
    -4e-06
    """

    values: npt.NDArray[np.float64]
    mean: float
    std: float
    difference_of_means: float

    def rows(self, subject: str = "") -> list[Row]:
        """Return the numbers as rows of a long table."""
        numbers = {"mean": self.mean, "std": self.std, "difference of means": self.difference_of_means}
        return [Row("thickness change", subject, name, value, "m") for name, value in numbers.items()]

    def to_dict(self) -> dict[str, float]:
        """Return the numbers by name."""
        return {row.quantity: row.value for row in self.rows()}


def thickness_change(before: LayerThickness, after: LayerThickness) -> ThicknessChange:
    """Return the change of a layer between two states, column by column.

    Parameters
    ----------
    before, after : LayerThickness
        Maps of one shape along one axis.

    Returns
    -------
    ThicknessChange
        After minus before.

    Raises
    ------
    InputError
        If shape or axis differ.

    Examples
    --------
    >>> map_of = lambda v: LayerThickness(np.full((2, 2), v), (1.0, 1.0), "z", ((0, 2), (0, 2)))
    >>> thickness_change(map_of(3.0), map_of(2.5)).mean
    -0.5
    """
    if before.values.shape != after.values.shape or before.axis != after.axis:
        raise InputError(
            f"after: a map of shape {after.values.shape} along {after.axis}; that before has {before.values.shape} "
            f"along {before.axis}"
        )
    values = after.values - before.values
    both = np.isfinite(values)
    mean, std = (float(values[both].mean()), float(values[both].std())) if both.any() else (float("nan"),) * 2
    return ThicknessChange(values, mean, std, after.mean - before.mean)


def _check_grids(before: LabelledVolume, after: LabelledVolume) -> None:
    if before.shape != after.shape or not np.allclose(before.spacing, after.spacing, rtol=1e-6):
        raise InputError(
            f"after: got {after.shape} voxels of {after.spacing} m, before {before.shape} of {before.spacing} m; "
            "register and crop the two to one grid first (register_rigid)"
        )


def _either(volume: LabelledVolume, other: LabelledVolume, phases: str | Sequence[str]) -> npt.NDArray[np.bool_]:
    """A mask of phases, of which the volume may lack those that the other state has."""
    names = as_names(phases)
    if not names:
        raise InputError("phases: got none; name what is followed")
    here = [name for name in names if name in volume.phase_names or name not in other.phase_names]
    return phase_mask(volume, here, "phases")
