"""Closed-form answers of mechanics that solves must reproduce; for tests, docs and examples. No meshes, no solving."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["bar_with_opening", "core_compliance", "plastic_shell", "shrinking_core"]


def plastic_shell(
    radius: npt.NDArray[np.float64], *, outer: float, front: float, yield_stress: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the stresses in a perfectly plastic shell under inner pressure that flows up to a radius.

    The pressure is minus the radial stress at the inner radius. The displacement of the outer radius is
    ``yield_stress / E * front**3 / outer**2 * (1 - nu)``.

    Parameters
    ----------
    radius : (n,) float array
        Where, m.
    outer : float
        Outer radius of the shell, m.
    front : float
        Radius up to which it flows, m.
    yield_stress : float
        Pa.

    Returns
    -------
    radial, hoop : (n,) float array
        Pa, tension positive.

    References
    ----------
    Hill, The Mathematical Theory of Plasticity (1950), chapter V.

    Examples
    --------
    >>> radial, hoop = plastic_shell(np.array([1.0]), outer=2.0, front=1.5, yield_stress=1.0)
    >>> round(float(-radial[0]), 6), round(float(hoop[0] - radial[0]), 6)
    (1.196347, 1.0)
    """
    share = (front / outer) ** 3
    at_front = -2.0 / 3.0 * yield_stress * (1.0 - share)
    r = np.asarray(radius, dtype=np.float64)
    flowing = at_front + 2.0 * yield_stress * np.log(np.minimum(r, front) / front)
    elastic = 2.0 / 3.0 * yield_stress * share
    radial = np.where(r < front, flowing, elastic * (1.0 - (outer / r) ** 3))
    hoop = np.where(r < front, flowing + yield_stress, elastic * (1.0 + 0.5 * (outer / r) ** 3))
    return radial, hoop


def bar_with_opening(travel: float, compliance: float, strength: float, first: float, last: float) -> float:
    """Return the stress in a bar with one bilinear cohesive interface whose end is pulled.

    Parameters
    ----------
    travel : float
        Displacement of the end, m.
    compliance : float
        Length over modulus of the bar, m/Pa.
    strength : float
        Of the interface, Pa.
    first, last : float
        Separation at which it begins to soften and at which nothing is left, m.

    Returns
    -------
    float
        Pa.

    Examples
    --------
    >>> bar_with_opening(0.2, 0.1, 1.0, 0.01, 0.6)  # doctest: +ELLIPSIS
    0.816326...
    """
    if travel <= strength * compliance + first:
        return travel / (compliance + first / strength)
    return max(0.0, (last - travel) / ((last - first) / strength - compliance))


def shrinking_core(strain: float, compliance: float, strength: float, first: float, last: float) -> tuple[float, float]:
    """Return traction and opening of the bilinear cohesive surface of a sphere that shrinks in a shell.

    Parameters
    ----------
    strain : float
        Free linear strain of the core, negative, times its radius, m.
    compliance : float
        Displacement of core and shell towards each other by traction, m/Pa; see `core_compliance`.
    strength : float
        Of the interface, Pa.
    first, last : float
        Separation at which it begins to soften and at which nothing is left, m.

    Returns
    -------
    traction, opening : float
        Pa, m.

    Examples
    --------
    >>> shrinking_core(-0.2, 0.1, 1.0, 0.01, 0.6)[0] == bar_with_opening(0.2, 0.1, 1.0, 0.01, 0.6)
    True
    """
    traction = bar_with_opening(-strain, compliance, strength, first, last)
    return traction, -strain - traction * compliance


def core_compliance(core: tuple[float, float], shell: tuple[float, float], *, inner: float, outer: float) -> float:
    """Return how far a core and a shell around it move towards each other under a unit radial traction.

    Parameters
    ----------
    core, shell : (float, float)
        Bulk and shear modulus, Pa.
    inner, outer : float
        Radius of the core and of the shell, m.

    Returns
    -------
    float
        m/Pa.

    Examples
    --------
    >>> round(core_compliance((1.0, 1.0), (1.0, 1.0), inner=1.0, outer=math.inf), 6)
    0.583333
    """
    share = 0.0 if math.isinf(outer) else inner**3 / (outer**3 - inner**3)
    beyond = share / (3.0 * shell[0]) + (1.0 + share) / (4.0 * shell[1])
    return inner * (beyond + 1.0 / (3.0 * core[0]))
