"""The life of a crack in a pellet between two metals, as five volumes: what fills it, where it is open."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.phantoms.fields import smooth_noise
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import label_components

__all__ = ["STATES", "crack_states", "with_pits"]

#: The states in order.
STATES = ("intact", "tip filled", "penetrated", "filled from the other side", "shorted")
AXES = "xyz"


def crack_states(
    volume: LabelledVolume,
    *,
    crack: str = "void",
    electrolyte: str = "LPS",
    filling: str = "Li in crack",
    axis: str = "z",
    reach: float = 0.6,
) -> dict[str, LabelledVolume]:
    """Return five states of a volume whose crack runs through the electrolyte from one metal to the other.

    The crack is the largest connected part of its phase; other parts (pits, closed pores) stay as they are.

    - *intact*: no crack yet.
    - *tip filled*: the crack has grown over `reach` of the thickness from the lower side, filled up to its tip.
    - *penetrated*: it runs through; the same filling, the rest is open.
    - *filled from the other side*: it is filled over `reach` of the thickness from the upper side, the rest is open.
    - *shorted*: it is filled from side to side.

    Parameters
    ----------
    volume : LabelledVolume
        Segmented, with the crack as a phase: generated (`cracked_pellet`) or measured.
    crack : str
        Phase of the crack.
    electrolyte : str
        Phase that it runs through.
    filling : str
        What to call the metal in the crack: a phase of its own, because it presses on its walls.
    axis : {"x", "y", "z"}
        From the lower to the upper metal.
    reach : float
        Share of the thickness, above 0 and below 1.

    Returns
    -------
    dict of str to LabelledVolume
        By the names in `STATES`, in order.

    Raises
    ------
    InputError
        If a phase is missing or its name taken, a value is out of range, or the crack does not run through.

    References
    ----------
    Hao et al., ACS Nano 19 (2025) 20516.

    Examples
    --------
    >>> from ssb2mesh.phantoms import make_phantom
    >>> pellet = make_phantom("cracked_pellet", seed=5, shape=(24, 24, 24), cracks=1, extent=2.4, foil="4 um").volume
    >>> [name for name, state in crack_states(pellet).items() if "void" in state.phase_names]
    ['penetrated', 'filled from the other side']
    """
    if axis not in AXES:
        raise InputError(f"axis: got {axis!r}; allowed: x, y, z")
    if isinstance(reach, bool) or not isinstance(reach, (int, float)) or not 0 < reach < 1:
        raise InputError(f"reach: got {reach!r}; expected a share of the thickness above 0 and below 1")
    if filling in volume.phase_names:
        raise InputError(
            f"filling: {filling!r} is a phase of the volume already; give the metal in the crack its own name"
        )
    label_of = {name: label for label, name in volume.phases.items()}
    for argument, name in (("crack", crack), ("electrolyte", electrolyte)):
        if name not in label_of:
            raise InputError(f"{argument}: the volume has no phase {name!r}{nearest(name, label_of)}; it has: "
                             f"{', '.join(label_of)}")  # fmt: skip
    along = AXES.index(axis)
    host = np.flatnonzero((volume.labels == label_of[electrolyte]).any(axis=tuple(a for a in range(3) if a != along)))
    opened = _largest(volume.labels == label_of[crack])
    inside = np.flatnonzero(opened.any(axis=tuple(a for a in range(3) if a != along)))
    if len(inside) == 0 or inside[0] > host[0] or inside[-1] < host[-1]:
        raise InputError(
            f"crack: the largest connected part of {crack!r} lies between layers {inside[0]} and {inside[-1]} along "
            f"{axis}, {electrolyte!r} between {host[0]} and {host[-1]}; the crack must run through from side to side"
        )
    height = (np.arange(volume.labels.shape[along]) + 0.5 - host[0]) / (host[-1] - host[0] + 1)
    height = np.expand_dims(height, axis=tuple(a for a in range(3) if a != along))
    low, high = opened & (height < reach), opened & (height > 1 - reach)
    nothing = np.zeros_like(opened)
    filled = dict(zip(STATES, (nothing, low, low, high, opened), strict=True))
    empty = dict(zip(STATES, (nothing, nothing, opened & ~low, opened & ~high, nothing), strict=True))
    metal = int(max(volume.phases)) + 1
    result = {}
    for name in STATES:
        labels = volume.labels.astype(np.result_type(volume.labels.dtype, np.min_scalar_type(metal)), copy=True)
        labels[opened & ~filled[name] & ~empty[name]] = label_of[electrolyte]
        labels[filled[name]] = metal
        names = {**volume.phases, metal: filling}
        present = {int(label): names[int(label)] for label in np.unique(labels)}
        result[name] = LabelledVolume(labels, volume.spacing, volume.origin, present)
    return result


def with_pits(
    volume: LabelledVolume,
    share: float,
    *,
    seed: int,
    metal: str = "Li",
    electrolyte: str = "LPS",
    void: str = "void",
) -> LabelledVolume:
    """Return a volume whose upper metal has lost contact: pits one voxel high where it lies on the electrolyte.

    Parameters
    ----------
    volume : LabelledVolume
        With the metal above the electrolyte along z.
    share : float
        Part of the contact that is lost, 0 to below 1.
    seed : int
        Of the rough pattern.
    metal, electrolyte, void : str
        Phases; `void` must be there already.

    Returns
    -------
    LabelledVolume
        The columns next to a crack's mouth keep their contact, so that pits and crack stay apart.

    Raises
    ------
    InputError
        If the share is out of range, or a phase is missing.

    Examples
    --------
    >>> from ssb2mesh.phantoms import make_phantom
    >>> pellet = make_phantom("cracked_pellet", shape=(24, 24, 24), foil="4 um", cracks=1).volume
    >>> with_pits(pellet, 0.1, seed=1).volume_fractions()["Li"] < pellet.volume_fractions()["Li"]
    True
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share < 1:
        raise InputError(f"share: got {share!r}; expected a number from 0 to below 1")
    label_of = {name: label for label, name in volume.phases.items()}
    for argument, name in (("metal", metal), ("electrolyte", electrolyte), ("void", void)):
        if name not in label_of:
            raise InputError(f"{argument}: the volume has no phase {name!r}{nearest(name, label_of)}; it has: "
                             f"{', '.join(label_of)}")  # fmt: skip
    labels = volume.labels.copy()
    touching = (labels[:, :, 1:] == label_of[metal]) & (labels[:, :, :-1] == label_of[electrolyte])
    near = labels == label_of[void]
    for axis in (0, 1):
        near = near | np.roll(near, 1, axis) | np.roll(near, -1, axis)
    touching &= ~near[:, :, 1:] & ~near[:, :, :-1]
    rng = np.random.default_rng(seed)
    rough = smooth_noise(rng, labels.shape[:2], correlation=tuple(n / 16 for n in labels.shape[:2]))
    lost = rough > np.quantile(rough, 1.0 - share)
    labels[:, :, 1:][touching & lost[:, :, None]] = label_of[void]
    return LabelledVolume(labels, volume.spacing, volume.origin, volume.phases)


def _largest(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The largest part that is connected through faces."""
    ids, found, sizes, _ = label_components(mask)
    of_mask = np.where(found.astype(bool), sizes, 0)
    return np.asarray(mask & (ids == np.argmax(of_mask))) if mask.any() else mask
