"""Materials: moduli, eigenstrains and yield stresses by phase as tables that kernels read. No meshes, no solving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError

__all__ = ["Elastic", "eigenstrain_vector", "isotropic_moduli"]

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
#: Poisson's ratio above which linear tets lock.
LOCKS = 0.45


def isotropic_moduli(young: float, poisson: float) -> npt.NDArray[np.float64]:
    """Return the stiffness of an isotropic solid in Voigt's notation, (6, 6) Pa.

    Parameters
    ----------
    young : float
        Young's modulus, Pa.
    poisson : float
        Poisson's ratio.

    Examples
    --------
    >>> isotropic_moduli(1.0, 0.25)[:2, :2].round(6).tolist()
    [[1.2, 0.4], [0.4, 1.2]]
    """
    shear = young / (2 * (1 + poisson))
    lame = young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    result = np.zeros((6, 6))
    result[:3, :3] = lame
    result[[0, 1, 2], [0, 1, 2]] += 2 * shear
    result[[3, 4, 5], [3, 4, 5]] = shear
    return result


@dataclass(frozen=True)
class Elastic:
    """How one phase answers to strain.

    Parameters
    ----------
    young : float, optional
        Young's modulus, Pa.
    poisson : float, optional
        Poisson's ratio, above -1 and below 0.5.
    stiffness : (6, 6) array, optional
        Instead of the two: anisotropic stiffness in Voigt's order xx, yy, zz, yz, xz, xy with engineering shears, Pa.
    yield_stress : float, optional
        Von Mises stress at which the phase flows (perfect plasticity, isotropic phases only), Pa. Default: never.
    hardening : float
        Rise of the yield stress with plastic strain, Pa.
    yield_warning : float, optional
        Von Mises stress that a phase without `yield_stress` should not pass; only reported, Pa.

    Raises
    ------
    InputError
        If a modulus is missing, twice given or not positive (definite).

    Examples
    --------
    >>> Elastic(7.82e9, 0.38, yield_stress=0.8e6).isotropic
    True
    """

    young: float | None = None
    poisson: float | None = None
    stiffness: Any = None
    yield_stress: float | None = None
    hardening: float = 0.0
    yield_warning: float | None = None

    def __post_init__(self) -> None:
        if self.stiffness is not None:
            if self.young is not None or self.poisson is not None:
                raise InputError(
                    "Elastic: got stiffness and young or poisson; give the 6x6 stiffness or the two numbers"
                )
            object.__setattr__(self, "stiffness", _checked_stiffness(self.stiffness))
            if self.yield_stress is not None:
                raise InputError("Elastic: got yield_stress with a 6x6 stiffness; only isotropic phases can yield")
        else:
            young, poisson = _number(self.young, "young"), _number(self.poisson, "poisson")
            if not young > 0:
                raise InputError(f"Elastic: young: got {young:g}; it must be positive, Pa")
            if not -1 < poisson < 0.5:
                raise InputError(f"Elastic: poisson: got {poisson:g}; it must lie above -1 and below 0.5")
        if _number(self.hardening, "hardening") < 0:
            raise InputError(f"Elastic: hardening: got {self.hardening:g}; it must not be negative, Pa")
        for name in ("yield_stress", "yield_warning"):
            value = getattr(self, name)
            if value is not None and not _number(value, name) > 0:
                raise InputError(f"Elastic: {name}: got {value:g}; it must be positive, Pa")

    @property
    def isotropic(self) -> bool:
        """Whether two numbers describe it."""
        return self.stiffness is None

    @property
    def moduli(self) -> npt.NDArray[np.float64]:
        """(6, 6) float array: the stiffness, Pa."""
        if self.stiffness is not None:
            return np.asarray(self.stiffness)
        assert self.young is not None
        assert self.poisson is not None
        return isotropic_moduli(self.young, self.poisson)

    @property
    def keeps_volume(self) -> bool:
        """Whether it is nearly incompressible."""
        return self.poisson is not None and self.poisson > LOCKS

    @property
    def locks(self) -> bool:
        """Whether linear tets would lock: nearly incompressible, or flowing at constant volume."""
        return self.yield_stress is not None or self.keeps_volume


def _number(value: Any, name: str) -> float:
    if isinstance(value, (bool, str)) or value is None or not np.isscalar(value) or not np.isfinite(value):
        raise InputError(f"Elastic: {name}: got {value!r}; expected a finite number")
    return float(value)  # type: ignore[arg-type]


def _checked_stiffness(value: Any) -> npt.NDArray[np.float64]:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.shape != (6, 6) or not np.isfinite(array).all():
        raise InputError("Elastic: stiffness: expected six rows of six finite numbers, Pa")
    if not np.allclose(array, array.T, rtol=1e-9, atol=1e-12 * np.abs(array).max()):
        raise InputError("Elastic: stiffness: got a matrix that is not symmetric")
    if not np.linalg.eigvalsh(array).min() > 0:
        raise InputError("Elastic: stiffness: got a matrix that is not positive definite")
    return 0.5 * (array + array.T)


def eigenstrain_vector(value: Any) -> npt.NDArray[np.float64]:
    """Return a stress-free strain as a six-vector with engineering shears.

    Parameters
    ----------
    value : float or array
        Linear strain in all directions, such as ``alpha * dT``; three normal strains; six in Voigt's order with
        engineering shears; or a symmetric 3x3 tensor.

    Returns
    -------
    (6,) float array
        The strain.

    Raises
    ------
    InputError
        If it has another shape, is not finite or not symmetric.

    Examples
    --------
    >>> eigenstrain_vector(0.01).tolist()
    [0.01, 0.01, 0.01, 0.0, 0.0, 0.0]
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.shape not in ((), (3,), (6,), (3, 3)) or not np.isfinite(array).all() or isinstance(value, bool):
        raise InputError(f"got {value!r}; expected a linear strain, three or six strains, or a symmetric 3x3 tensor")
    if array.shape == (3, 3):
        if not np.allclose(array, array.T, rtol=0, atol=1e-12 * np.abs(array).max()):
            raise InputError(f"got {value!r}; a strain tensor is symmetric")
        return np.array([array[i, j] * (1 if i == j else 2) for i, j in VOIGT])
    if array.shape == (6,):
        return np.array(array)
    return np.concatenate([np.broadcast_to(array, (3,)), np.zeros(3)])


def check_materials(materials: Any) -> dict[str, Elastic]:
    """Return materials by phase; raise InputError if there is none or one is no Elastic."""
    if not isinstance(materials, Mapping) or not materials:
        raise InputError(
            f"materials: got {materials!r}; give {{phase: Elastic(young, poisson)}} for at least one phase"
        )
    for name, value in materials.items():
        if not isinstance(value, Elastic):
            raise InputError(f"materials: {name!r}: got {value!r}; expected Elastic(young=..., poisson=...)")
    return dict(materials)
