"""What a coupled solve is made of: the cell, the solid, what links them, how to iterate. Checks; no solving."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.circuit import Terminals
from solvers.elastic.newton import Options
from solvers.elastic.opening import Cohesive
from solvers.elastic.supports import Loads, Supports
from solvers.materials import material
from solvers.newton import Settings
from ssb2mesh.errors import InputError

__all__ = ["Body", "Cell", "Chain", "Deposit", "GapContact", "Sweeps", "Swelling"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """The electrochemical side: what `solvers.charge_transfer` takes, under the same names.

    Examples
    --------
    >>> Cell(electronic={"Li": math.inf}, ionic={"LPS": 0.1}, kinetics={},
    ...      terminals=Terminals(fixed={"z_min": 0.0})).contact
    {}
    """

    electronic: Mapping[str, Any]
    ionic: Mapping[str, Any]
    kinetics: Mapping[str, Any]
    terminals: Terminals | Mapping[str, float]
    contact: Mapping[str, Any] = field(default_factory=dict)
    settings: Settings | None = None


@dataclass(frozen=True)
class Body:
    """The mechanical side: what `solvers.elasticity` takes, under the same names.

    Examples
    --------
    >>> Body(materials={}, supports=Supports(rollers=["z_min"])).order
    1
    """

    materials: Mapping[str, Any]
    supports: Supports
    loads: Loads = field(default_factory=Loads)
    interfaces: Mapping[str, Cohesive] = field(default_factory=dict)
    order: int = 1
    options: Options | None = None


@dataclass(frozen=True)
class Deposit:
    """What the current of an interface leaves there, or takes from there.

    Parameters
    ----------
    molar_volume : float
        m3/mol.
    electrons : float
        For each atom.

    Raises
    ------
    InputError
        If a value is not positive.

    Examples
    --------
    >>> Deposit.of("Li").molar_volume
    1.3e-05
    """

    molar_volume: float
    electrons: float = 1.0

    def __post_init__(self) -> None:
        for name in ("molar_volume", "electrons"):
            _check(f"Deposit: {name}", getattr(self, name), lowest=0.0, open_end=True)

    @classmethod
    def of(cls, name: str) -> Deposit:
        """Return the deposit of a known metal; `solvers.materials` has the value and its source."""
        return cls(material(name, "molar_volume").value)


@dataclass(frozen=True)
class Swelling:
    """How a host grows with the ions that it takes up, evenly over the phase.

    Parameters
    ----------
    molar_volume : float
        Change of volume for each mole taken up (partial molar volume), m3/mol; negative where the host shrinks.
    electrons : float
        For each ion.

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> Swelling(1.2e-6).electrons
    1.0
    """

    molar_volume: float
    electrons: float = 1.0

    def __post_init__(self) -> None:
        _check("Swelling: molar_volume", self.molar_volume)
        _check("Swelling: electrons", self.electrons, lowest=0.0, open_end=True)


@dataclass(frozen=True, eq=False)
class GapContact:
    """Contact that depends on the gap: full where narrow, none where wide, in proportion between.

    A gap is negative where the bodies are pressed together by that much, which is pressure over the `compression`
    stiffness of the interface: with ``closes < 0`` contact grows with pressure, as on rough surfaces.

    Parameters
    ----------
    closes : float
        Gap up to which contact is full, m.
    opens : float
        Gap from which on there is none, m; equal to `closes` for a sharp limit.
    initial : float, callable or array
        Gap before anything presses, swells or grows, m: a number, a callable of positions (n, 3) in m, or an array by
        local facet of the domain.

    Raises
    ------
    InputError
        If a limit is not finite, or `opens` lies below `closes`.

    Examples
    --------
    >>> GapContact(closes=0.0, opens=1e-7).share(np.array([-1e-8, 2.5e-8, 3e-7])).tolist()
    [1.0, 0.75, 0.0]
    """

    closes: float
    opens: float
    initial: Any = 0.0

    def __post_init__(self) -> None:
        for name in ("closes", "opens"):
            _check(f"GapContact: {name}", getattr(self, name))
        if self.opens < self.closes:
            raise InputError(
                f"GapContact: opens: got {self.opens:g}, below closes ({self.closes:g}); contact shrinks as gaps widen"
            )

    def share(self, gap: Array) -> Array:
        """Return the share of contact at gaps in m, 0 to 1."""
        if self.opens == self.closes:
            return (gap <= self.closes).astype(np.float64)
        return np.asarray(np.clip((self.opens - gap) / (self.opens - self.closes), 0.0, 1.0))


@dataclass(frozen=True)
class Chain:
    """What links the two sides.

    Parameters
    ----------
    duration : float
        How long the current flows, s.
    deposits : mapping of str to Deposit
        By interface with kinetics: metal that grows or recedes there.
    swelling : mapping of str to Swelling
        By phase: an electron conductor that takes up ions.
    contacts : mapping of str to GapContact
        By interface with kinetics: contact that follows the gap.
    steps : int
        Equal parts of the duration, each with its own current.

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> Chain(duration=1800.0, deposits={"LPS|Li": Deposit.of("Li")}).steps
    1
    """

    duration: float = 0.0
    deposits: Mapping[str, Deposit] = field(default_factory=dict)
    swelling: Mapping[str, Swelling] = field(default_factory=dict)
    contacts: Mapping[str, GapContact] = field(default_factory=dict)
    steps: int = 1

    def __post_init__(self) -> None:
        _check("Chain: duration", self.duration, lowest=0.0)
        _check_count("Chain: steps", self.steps)
        for name, kind in (("deposits", Deposit), ("swelling", Swelling), ("contacts", GapContact)):
            given = getattr(self, name)
            if not isinstance(given, Mapping):
                raise InputError(f"Chain: {name}: got {given!r}; give {{name: {kind.__name__}(...)}}")
            for key, value in given.items():
                if not isinstance(value, kind):
                    raise InputError(f"Chain: {name}: {key!r}: got {value!r}; expected {kind.__name__}(...)")


@dataclass(frozen=True)
class Sweeps:
    """How to iterate a staggered solve.

    Parameters
    ----------
    relaxation : float
        Part of the change of contact that a sweep takes over, above 0 up to 1. Each facet takes less of it, the more
        its own deposit changes its own gap.
    memory : int
        Earlier sweeps that Anderson's acceleration looks at; 0 for none.
    tolerance : float
        Change of current, gap, contact and utilisation between sweeps at which they stop, relative.
    most : int
        Sweeps of a step at which the solve gives up.

    Raises
    ------
    InputError
        If a value is out of range.

    References
    ----------
    Walker and Ni, SIAM J. Numer. Anal. 49 (2011) 1715, doi:10.1137/10078356X (Anderson's acceleration).

    Examples
    --------
    >>> Sweeps(relaxation=0.3).most
    100
    """

    relaxation: float = 1.0
    memory: int = 8
    tolerance: float = 1e-5
    most: int = 100

    def __post_init__(self) -> None:
        if not _is_number(self.relaxation) or not 0 < self.relaxation <= 1:
            raise InputError(f"Sweeps: relaxation: got {self.relaxation!r}; expected a number above 0 up to 1")
        if not _is_number(self.tolerance) or not 1e-12 <= self.tolerance <= 0.1:
            raise InputError(f"Sweeps: tolerance: got {self.tolerance!r}; expected a number from 1e-12 to 0.1")
        _check_count("Sweeps: most", self.most)
        if isinstance(self.memory, bool) or not isinstance(self.memory, int) or self.memory < 0:
            raise InputError(f"Sweeps: memory: got {self.memory!r}; expected a whole number, not negative")


def _is_number(value: Any) -> bool:
    return not isinstance(value, (bool, str)) and np.isscalar(value) and math.isfinite(float(value))  # type: ignore[arg-type]


def _check(name: str, value: Any, *, lowest: float = -math.inf, open_end: bool = False) -> None:
    if not _is_number(value) or value < lowest or (open_end and value == lowest):
        limits = "" if lowest == -math.inf else ", positive" if open_end else ", not negative"
        raise InputError(f"{name}: got {value!r}; expected a finite number{limits}")


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name}: got {value!r}; expected a whole number of at least 1")
