"""Closed-form and tabulated answers that solves must reproduce; for tests, docs and examples. No meshes, no solving.

The tables come from semi-analytic methods (multipoles, Bessel series), converged to the digits printed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ssb2mesh.errors import InputError

__all__ = [
    "FARADAY",
    "GAS_CONSTANT",
    "SIMPLE_CUBIC",
    "SPOT_SQUARE_CELL",
    "SPOT_WITH_RESISTIVITY",
    "bruggeman_tortuosity",
    "butler_volmer_overpotential",
    "goodier_cavity",
    "hashin_shtrikman",
    "hashin_shtrikman_moduli",
    "lame_shell",
    "laminate_parallel",
    "laminate_series",
    "maxwell_garnett",
    "simple_cubic",
    "simple_cubic_radius",
    "slabs_with_reaction",
    "spot_half_space",
    "strip_constriction",
    "swelling_sphere_pressure",
    "thermal_voltage",
]

FARADAY = 96485.33212  # C/mol
GAS_CONSTANT = 8.31446261815324  # J/(mol K)

#: Effective conductivity of a simple-cubic array of spheres in a matrix of conductivity 1: {volume fraction:
#: {conductivity of the spheres: value}}. Rayleigh's method with multipoles to order 21; McPhedran and McKenzie,
#: Proc. R. Soc. A 359 (1978) 45, doi:10.1098/rspa.1978.0031.
SIMPLE_CUBIC: Mapping[float, Mapping[float, float]] = {
    0.05: {0.0: 0.926828, math.inf: 1.157905, 10.0: 1.116887, 0.1: 0.937062},
    0.10: {0.0: 0.857112, math.inf: 1.333559, 10.0: 1.243339, 0.1: 0.876693},
    0.15: {0.0: 0.790526, math.inf: 1.530888, 10.0: 1.380885, 0.1: 0.818684},
    0.20: {0.0: 0.726703, math.inf: 1.755876, 10.0: 1.531724, 0.1: 0.762798},
    0.25: {0.0: 0.665232, math.inf: 2.017980, 10.0: 1.699068, 0.1: 0.708766},
    0.30: {0.0: 0.605661, math.inf: 2.332885, 10.0: 1.887740, 0.1: 0.656290},
    0.35: {0.0: 0.547486, math.inf: 2.728673, 10.0: 2.105289, 0.1: 0.605037},
    0.40: {0.0: 0.490110, math.inf: 3.262566, 10.0: 2.364431, 0.1: 0.554625},
    0.45: {0.0: 0.432718, math.inf: 4.08287, 10.0: 2.689695, 0.1: 0.504565},
    0.50: {0.0: 0.37374, math.inf: 5.8905, 10.0: 3.14454, 0.1: 0.454073},
}

#: Resistance of a unit square column of height 1 and conductivity 1 that is fed through a centred equipotential spot
#: on one end: {spot radius: resistance}.
SPOT_SQUARE_CELL: Mapping[float, float] = {0.10: 2.884073, 0.20: 1.648909, 0.30: 1.258224, 0.40: 1.089294}

#: Resistance of a round column (radius 1, height 1, conductivity 1) fed through a spot of radius 0.5 with a contact
#: resistivity: {resistivity: resistance}.
SPOT_WITH_RESISTIVITY: Mapping[float, float] = {0.01: 0.508258, 0.1: 0.637498, 1.0: 1.797080, 10.0: 13.284400}


def laminate_series(fractions: Sequence[float], conductivities: Sequence[float]) -> float:
    """Return the conductivity across a stack of layers.

    Parameters
    ----------
    fractions : sequence of float
        Volume fractions, summing to 1.
    conductivities : sequence of float
        S/m.

    Returns
    -------
    float
        S/m.

    Examples
    --------
    >>> round(laminate_series([0.5, 0.5], [1, 10]), 6)
    1.818182
    """
    return 1.0 / sum(f / k for f, k in zip(fractions, conductivities, strict=True))


def laminate_parallel(fractions: Sequence[float], conductivities: Sequence[float]) -> float:
    """Return the conductivity along a stack of layers, S/m; arguments as for `laminate_series`."""
    return sum(f * k for f, k in zip(fractions, conductivities, strict=True))


def maxwell_garnett(fraction: float, inclusion: float, matrix: float = 1.0) -> float:
    """Return the conductivity of dilute spheres in a matrix.

    Parameters
    ----------
    fraction : float
        Volume fraction of the spheres.
    inclusion, matrix : float
        Conductivities, S/m.

    Returns
    -------
    float
        S/m; also a Hashin-Shtrikman bound.

    Examples
    --------
    >>> round(maxwell_garnett(0.2, 0.0), 5)
    0.72727
    """
    beta = (inclusion - matrix) / (inclusion + 2.0 * matrix)
    return matrix * (1.0 + 2.0 * beta * fraction) / (1.0 - beta * fraction)


def hashin_shtrikman(fraction: float, first: float, second: float) -> tuple[float, float]:
    """Return the bounds of the conductivity of any isotropic mixture of two phases.

    Parameters
    ----------
    fraction : float
        Volume fraction of the first phase.
    first, second : float
        Conductivities, S/m.

    Returns
    -------
    lower, upper : float
        S/m.

    References
    ----------
    Hashin and Shtrikman, J. Appl. Phys. 33 (1962) 3125, doi:10.1063/1.1728579.
    """
    bounds = maxwell_garnett(fraction, first, second), maxwell_garnett(1.0 - fraction, second, first)
    return min(bounds), max(bounds)


def bruggeman_tortuosity(porosity: float) -> float:
    """Return Bruggeman's tortuosity factor of overlapping spheres, ``porosity ** -0.5``."""
    return porosity**-0.5


def simple_cubic(fraction: float, ratio: float) -> float:
    """Return the effective conductivity of a simple-cubic array of spheres in a matrix of conductivity 1.

    Parameters
    ----------
    fraction : float
        Volume fraction; one of `SIMPLE_CUBIC`.
    ratio : float
        Conductivity of the spheres: 0, 0.1, 10 or infinity.

    Returns
    -------
    float
        Effective conductivity.

    Raises
    ------
    InputError
        If the table has no such case.

    Examples
    --------
    >>> simple_cubic(0.2, 0.0)
    0.726703
    """
    row = SIMPLE_CUBIC.get(round(fraction, 6), {})
    if ratio not in row:
        raise InputError(
            f"simple_cubic: no entry for fraction {fraction}, ratio {ratio}; fractions {list(SIMPLE_CUBIC)}, "
            "ratios 0, 0.1, 10, inf"
        )
    return row[ratio]


def simple_cubic_radius(fraction: float) -> float:
    """Return the sphere radius for a cell of edge 1."""
    return (3.0 * fraction / (4.0 * math.pi)) ** (1.0 / 3.0)


def strip_constriction(half_width: float, channel: float, conductivity: float = 1.0) -> float:
    """Return the constriction resistance of a long channel fed through a centred strip, per depth.

    Parameters
    ----------
    half_width, channel : float
        Half width of the strip and of the channel, m.
    conductivity : float
        S/m.

    Returns
    -------
    float
        Ohm m (times depth in m gives ohm); in excess of the resistance of the channel.

    Examples
    --------
    >>> round(strip_constriction(0.5, 1.0), 6)
    0.110318
    """
    return math.log(1.0 / math.sin(math.pi * half_width / (2.0 * channel))) / (math.pi * conductivity)


def spot_half_space(radius: float, conductivity: float) -> float:
    """Return the one-sided spreading resistance of an equipotential disc on a half-space, ohm."""
    return 1.0 / (4.0 * conductivity * radius)


def thermal_voltage(temperature: float = 298.15) -> float:
    """Return RT/F in V; temperature in K."""
    return GAS_CONSTANT * temperature / FARADAY


def butler_volmer_overpotential(current_density: float, exchange: float, temperature: float = 298.15) -> float:
    """Return the overpotential of a symmetric reaction (both transfer coefficients 1/2).

    Parameters
    ----------
    current_density, exchange : float
        Current density and exchange current density, A/m2.
    temperature : float
        K.

    Returns
    -------
    float
        V.

    Examples
    --------
    >>> round(1e3 * butler_volmer_overpotential(10.0, 10.0), 4)
    24.7271
    """
    return 2.0 * thermal_voltage(temperature) * math.asinh(current_density / (2.0 * exchange))


def slabs_with_reaction(
    voltage: float, lengths: Sequence[float], *, conductivities: Sequence[float], exchange: float, equilibrium: float,
    temperature: float = 298.15,
) -> float:  # fmt: skip
    """Return the current density through slabs in series with one symmetric Butler-Volmer interface.

    Parameters
    ----------
    voltage : float
        Applied voltage, V.
    lengths : sequence of float
        Thickness of the slabs, m.
    conductivities : sequence of float
        S/m.
    exchange : float
        Exchange current density, A/m2.
    equilibrium : float
        Equilibrium potential of the interface, V.
    temperature : float
        K.

    Returns
    -------
    float
        A/m2.

    Examples
    --------
    >>> round(slabs_with_reaction(1.0, [0.5, 0.5], conductivities=[1, 2], exchange=0.5, equilibrium=0.1), 8)
    1.13336342
    """
    resistance = sum(length / k for length, k in zip(lengths, conductivities, strict=True))
    drive = voltage - equilibrium
    low, high = sorted((0.0, drive / resistance))
    for _ in range(200):  # monotone in the current: bisection cannot fail
        middle = 0.5 * (low + high)
        rest = drive - middle * resistance - butler_volmer_overpotential(middle, exchange, temperature)
        low, high = (middle, high) if rest > 0 else (low, middle)
    return 0.5 * (low + high)


def lame_shell(radius: float, inner: float, outer: float, pressure: float) -> tuple[float, float]:
    """Return the stresses in a spherical shell under inner pressure.

    Parameters
    ----------
    radius, inner, outer : float
        Where, and the radii of the shell, m.
    pressure : float
        Pressure on the inner wall, Pa.

    Returns
    -------
    radial, hoop : float
        Pa, tension positive.

    Examples
    --------
    >>> round(lame_shell(1.0, 1.0, 2.0, 1.0)[1], 6)
    0.714286
    """
    scale = pressure * inner**3 / (outer**3 - inner**3)
    return scale * (1.0 - (outer / radius) ** 3), scale * (1.0 + 0.5 * (outer / radius) ** 3)


def swelling_sphere_pressure(strain: float, *, bulk_modulus: float, shear_modulus: float) -> float:
    """Return the pressure in a swelling sphere in an infinite matrix.

    Parameters
    ----------
    strain : float
        Free linear strain of the sphere.
    bulk_modulus : float
        Of the sphere, Pa.
    shear_modulus : float
        Of the matrix, Pa.

    Returns
    -------
    float
        Pa, compression positive; the von Mises stress in the matrix is 1.5 times it at the interface.
    """
    return strain / (1.0 / (3.0 * bulk_modulus) + 1.0 / (4.0 * shear_modulus))


def hashin_shtrikman_moduli(
    fraction: float, first: tuple[float, float], second: tuple[float, float]
) -> dict[str, tuple[float, float]]:
    """Return the bounds of the moduli of any isotropic mixture of two isotropic phases.

    Parameters
    ----------
    fraction : float
        Volume fraction of the first phase.
    first, second : (float, float)
        Bulk and shear modulus, Pa; zeros for empty space.

    Returns
    -------
    dict of str to (float, float)
        Lower and upper bound of ``"bulk"`` and ``"shear"``, Pa.

    References
    ----------
    Hashin and Shtrikman, J. Mech. Phys. Solids 11 (1963) 127, doi:10.1016/0022-5096(63)90060-7; for phases that are
    not ordered alike, Walpole, J. Mech. Phys. Solids 14 (1966) 151, doi:10.1016/0022-5096(66)90035-4.

    Examples
    --------
    >>> hashin_shtrikman_moduli(0.5, (1.0, 0.6), (1.0, 0.6))["bulk"]
    (1.0, 1.0)
    """
    f, h = fraction, 1.0 - fraction

    def mixed(a: float, b: float, extra: float) -> float:
        if a + extra == 0.0 or b + extra == 0.0:
            return 0.0
        return 1.0 / (f / (a + extra) + h / (b + extra)) - extra

    def shear_extra(bulk: float, shear: float) -> float:
        return shear * (9.0 * bulk + 8.0 * shear) / (6.0 * (bulk + 2.0 * shear)) if shear > 0 else 0.0

    (k1, g1), (k2, g2) = first, second
    soft, hard = (min(k1, k2), min(g1, g2)), (max(k1, k2), max(g1, g2))
    bulk = tuple(mixed(k1, k2, 4.0 * g / 3.0) for _, g in (soft, hard))
    shear = tuple(mixed(g1, g2, shear_extra(*pair)) for pair in (soft, hard))
    return {"bulk": (bulk[0], bulk[1]), "shear": (shear[0], shear[1])}


def goodier_cavity(poisson: float) -> tuple[float, float]:
    """Return the surface stresses of a spherical cavity in an infinite solid under uniaxial unit tension.

    Parameters
    ----------
    poisson : float
        Poisson's ratio.

    Returns
    -------
    equator, pole : float
        Stress along the tension at the equator, and across it at the pole, relative to the tension.

    References
    ----------
    Goodier, J. Appl. Mech. 1 (1933) 39.

    Examples
    --------
    >>> [round(value, 6) for value in goodier_cavity(0.3)]
    [2.045455, -0.681818]
    """
    below = 2.0 * (7.0 - 5.0 * poisson)
    return (27.0 - 15.0 * poisson) / below, -(3.0 + 15.0 * poisson) / below
