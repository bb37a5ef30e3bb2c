"""Faraday's law: from charge to volume, thickness and swelling. Plain numbers and arrays; no meshes, no solving.

Sign: a current is positive where it leaves the electron conductor into the ion conductor (anodic), as everywhere in
charge transfer. So a positive current strips the electrode and a negative one plates it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.exact import FARADAY
from ssb2mesh.errors import InputError

__all__ = ["deposit_thickness", "deposit_volume", "swelling_strain"]


def deposit_thickness(
    current_density: npt.ArrayLike, duration: float, *, molar_volume: float, electrons: float = 1.0
) -> npt.NDArray[np.float64]:
    """Return the thickness that a current deposits, m; negative where it strips.

    Parameters
    ----------
    current_density : float or array
        A/m2, positive out of the electron conductor.
    duration : float
        s.
    molar_volume : float
        Of the deposit, m3/mol.
    electrons : float
        For each atom deposited.

    Returns
    -------
    float array
        Of the shape of the current density.

    Raises
    ------
    InputError
        If duration is negative, or molar volume or electrons are not positive.

    Examples
    --------
    >>> float(deposit_thickness(-10.0, 3600.0, molar_volume=1.3e-5).round(9))  # 1 mAh/cm2 of lithium
    4.851e-06
    """
    per_charge = _volume_per_charge(duration, molar_volume, electrons)
    return -np.asarray(current_density, dtype=np.float64) * duration * per_charge


def deposit_volume(current: float, duration: float, *, molar_volume: float, electrons: float = 1.0) -> float:
    """Return the volume that a current in A deposits, m3; arguments and errors as for `deposit_thickness`.

    Examples
    --------
    >>> round(deposit_volume(-1e-6, 3600.0, molar_volume=1.3e-5), 16)
    4.851e-13
    """
    return float(deposit_thickness(current, duration, molar_volume=molar_volume, electrons=electrons))


def swelling_strain(charge: float, *, volume: float, molar_volume: float, electrons: float = 1.0) -> float:
    """Return the linear strain of a host that takes up ions evenly.

    Parameters
    ----------
    charge : float
        That left the host into the ion conductor, C: positive when it gives ions off.
    volume : float
        Of the host, m3.
    molar_volume : float
        By which the host grows for each mole that it takes up (partial molar volume), m3/mol; negative for hosts that
        shrink.
    electrons : float
        For each ion.

    Returns
    -------
    float
        A third of the relative change of volume.

    Raises
    ------
    InputError
        If volume or electrons are not positive.

    Examples
    --------
    >>> round(swelling_strain(-96485.33212, volume=1.0, molar_volume=3e-6), 12)
    1e-06
    """
    for name, value in (("volume", volume), ("electrons", electrons)):
        _positive(name, value)
    if not _is_number(molar_volume):
        raise InputError(f"molar_volume: got {molar_volume!r}; expected a finite number in m3/mol")
    return -charge * molar_volume / (3.0 * electrons * FARADAY * volume)


def _volume_per_charge(duration: float, molar_volume: float, electrons: float) -> float:
    if not _is_number(duration) or duration < 0:
        raise InputError(f"duration: got {duration!r}; expected seconds, not negative")
    _positive("molar_volume", molar_volume)
    _positive("electrons", electrons)
    return molar_volume / (electrons * FARADAY)


def _positive(name: str, value: Any) -> None:
    if not _is_number(value) or value <= 0:
        raise InputError(f"{name}: got {value!r}; expected a positive number")


def _is_number(value: Any) -> bool:
    return not isinstance(value, (bool, str)) and np.isscalar(value) and bool(np.isfinite(value))  # type: ignore[arg-type]
