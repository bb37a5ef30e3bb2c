"""Kinetic laws of interfaces: current density against potential difference, both ways. No meshes, no solving.

Sign: a positive current leaves the electron conductor into the ion conductor (anodic). The drive of an interface is
the electronic minus the ionic potential; drive = overpotential + equilibrium potential + resistivity * current.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.exact import FARADAY, GAS_CONSTANT
from ssb2mesh.errors import InputError

__all__ = ["EXPONENT_CAP", "ButlerVolmer", "Field", "Law", "LinearKinetics"]

Array = npt.NDArray[np.float64]

#: Exponents beyond which the exponential goes on as its tangent: 3 V at a transfer coefficient of 1/2 and 300 K.
EXPONENT_CAP = 60.0
#: Steps of the scalar Newton iteration; bisection alone would need as many.
SCALAR_STEPS = 80


@dataclass(frozen=True, eq=False)
class Field:
    """A kinetic value that depends on a field of the mesh, such as U of the state of charge.

    Parameters
    ----------
    values : (points,) or (tets,) float array
        The field in the order of the TaggedMesh. Of a field by tet, an interface takes the value on the side of its
        electron conductor (on its only side where there is one).
    function : callable, optional
        Takes field values, returns the kinetic value in SI; default: the field is the value.

    Examples
    --------
    >>> U = Field(state_of_charge, lambda x: 4.3 - 0.8 * x)  # doctest: +SKIP
    """

    values: npt.ArrayLike
    function: Callable[[Array], Array] | None = None


Value = float | Callable[[Array], Array] | Field


@dataclass(frozen=True, eq=False)
class ButlerVolmer:
    """i = i0 (exp(alpha_a F eta / RT) - exp(-alpha_c F eta / RT)), eta = phi_s - phi_e - U - asr i.

    Parameters
    ----------
    i0 : float, callable or Field
        Exchange current density, A/m2. A callable takes positions (n, 3) in m and returns (n,) values.
    U : float, callable or Field
        Equilibrium potential of the electron conductor against the reference of the ionic potential, V.
    alpha_a, alpha_c : float
        Anodic and cathodic transfer coefficients.
    asr : float, callable or Field
        Area-specific resistance in series with the reaction, ohm m2.
    temperature : float
        K; `i0` is that at this temperature.

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> ButlerVolmer(i0=10.0, U=0.0).alpha_a
    0.5
    """

    i0: Value
    U: Value
    alpha_a: float = 0.5
    alpha_c: float = 0.5
    asr: Value = 0.0
    temperature: float = 298.15

    def __post_init__(self) -> None:
        _check_value("i0", self.i0, lowest=0.0, open_end=True)
        _check_value("U", self.U)
        _check_value("asr", self.asr, lowest=0.0)
        for name in ("alpha_a", "alpha_c", "temperature"):
            _check_value(name, getattr(self, name), lowest=0.0, open_end=True, plain=True)


@dataclass(frozen=True, eq=False)
class LinearKinetics:
    """i = (phi_s - phi_e - U) / asr: a contact or charge-transfer resistance alone.

    Parameters
    ----------
    asr : float, callable or Field
        Area-specific resistance, ohm m2; for small overpotentials of a reaction RT / (F i0 (alpha_a + alpha_c)).
    U : float, callable or Field
        Equilibrium potential, V.

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> LinearKinetics(asr=5e-4, U=0.0).asr
    0.0005
    """

    asr: Value
    U: Value

    def __post_init__(self) -> None:
        _check_value("asr", self.asr, lowest=0.0, open_end=True)
        _check_value("U", self.U)


@dataclass(frozen=True, eq=False)
class Law:
    """A law with its values at points of an interface.

    Parameters
    ----------
    equilibrium : (...) float array
        V.
    resistivity : (...) float array
        In series with the reaction, ohm m2.
    exchange : (...) float array or None
        Exchange current density, A/m2; None where the resistivity is the whole law.
    anodic, cathodic : float
        Transfer coefficient times F / RT, 1/V.

    Examples
    --------
    >>> import numpy as np
    >>> law = Law(np.array([0.1]), np.array([2.0]))
    >>> law.response(np.array([0.5]))[0]
    array([0.2])
    """

    equilibrium: Array
    resistivity: Array
    exchange: Array | None = None
    anodic: float = 0.0
    cathodic: float = 0.0

    def response(self, drive: Array) -> tuple[Array, Array]:
        """Return current density (A/m2) and its derivative (S/m2) for a drive (V)."""
        rest = drive - self.equilibrium
        if self.exchange is None:
            return rest / self.resistivity, np.broadcast_to(1.0 / self.resistivity, rest.shape).copy()
        overpotential = rest
        if np.any(self.resistivity):
            overpotential = self._solve(1.0, self.resistivity, rest)
        current, slope = self.reaction(overpotential)
        return current, slope / (1.0 + self.resistivity * slope)

    def from_current(self, current: Array) -> tuple[Array, Array]:
        """Return the drive (V) at a current density and the derivative of current by drive there."""
        if self.exchange is None:
            slope = np.broadcast_to(1.0 / self.resistivity, current.shape).copy()
            return current * self.resistivity + self.equilibrium, slope
        overpotential = self._solve(0.0, np.ones_like(current), current)
        _, slope = self.reaction(overpotential)
        drive = overpotential + self.equilibrium + self.resistivity * current
        return drive, slope / (1.0 + self.resistivity * slope)

    def overpotential(self, drive: Array, current: Array) -> Array:
        """Return the overpotential of the reaction, V: what the reaction alone takes; 0 without a reaction."""
        if self.exchange is None:
            return np.zeros_like(drive)
        return drive - self.equilibrium - self.resistivity * current

    def reaction(self, overpotential: Array) -> tuple[Array, Array]:
        """Return current density (A/m2) and derivative (S/m2) for an overpotential (V)."""
        assert self.exchange is not None
        up, up_slope = _capped_exponential(self.anodic * overpotential)
        down, down_slope = _capped_exponential(-self.cathodic * overpotential)
        return self.exchange * (up - down), self.exchange * (self.anodic * up_slope + self.cathodic * down_slope)

    def _solve(self, a: float, b: Array, c: Array) -> Array:
        """The overpotential where ``a * overpotential + b * reaction(overpotential) = c``, elementwise."""
        assert self.exchange is not None
        size = np.abs(c)
        scale = 2.0 * b * self.exchange
        k = np.where(c >= 0, self.anodic, self.cathodic)
        with np.errstate(divide="ignore", invalid="ignore"):
            high = np.where(scale > 0, np.log1p(2.0 * size / np.where(scale > 0, scale, 1.0)) / k, np.inf)
        if a > 0:
            high = np.minimum(high, size / a)
        sign, low = np.where(c >= 0, 1.0, -1.0), np.zeros_like(high)
        x = high.copy()
        scale = np.where(scale > 0, scale, 1.0)
        goal = np.arcsinh(size / scale)
        for _ in range(SCALAR_STEPS):
            current, slope = self.reaction(sign * x)
            value = a * x + b * sign * current
            # asinh turns exponentials into straight lines, so that Newton's steps are long
            miss = np.arcsinh(value / scale) - goal
            low, high = np.where(miss < 0, x, low), np.where(miss > 0, x, high)
            step = miss * np.hypot(value, scale) / (a + b * slope)
            new = x - step
            new = np.where((new < low) | (new > high), 0.5 * (low + high), new)
            done = np.abs(new - x) <= 4e-15 * np.abs(x) + 1e-300
            x = new
            if done.all():
                break
        return sign * x


def _capped_exponential(x: Array) -> tuple[Array, Array]:
    """exp(x) - 1 and its derivative; beyond the cap the tangent at the cap."""
    inside = np.minimum(x, EXPONENT_CAP)
    slope = np.exp(inside)
    return np.expm1(inside) + slope * (x - inside), slope


def _check_value(
    name: str, value: Any, *, lowest: float = -math.inf, open_end: bool = False, plain: bool = False
) -> None:
    if not plain and (callable(value) or isinstance(value, Field)):
        return
    kinds = "a number" if plain else "a number, a callable of positions, or a Field"
    if isinstance(value, (bool, str)) or not np.isscalar(value) or not np.isreal(value):
        raise InputError(f"{name}: got {value!r}; expected {kinds}")
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number) or number < lowest or (open_end and number == lowest):
        limits = "" if lowest == -math.inf else " and positive" if open_end else " and not negative"
        raise InputError(f"{name}: got {number:g}; it must be finite{limits}")


def thermal_slope(temperature: float) -> float:
    """Return F / RT in 1/V; temperature in K."""
    return FARADAY / (GAS_CONSTANT * temperature)
