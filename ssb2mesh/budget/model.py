"""From sizes to costs: linear, with fitted constants. Nothing is counted or measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ssb2mesh.budget import fitted
from ssb2mesh.budget.speed import machine_speed

__all__ = ["Budget", "Sizes", "Solve", "cost", "disk_bytes", "solve_kind"]

#: Formats whose files and times were measured; other formats are taken for the largest of them.
FORMATS = (".xdmf", ".vtu", ".msh", ".inp", ".e")
#: Types of solves whose time and memory were measured.
SOLVES = ("conduction", "effective_conductivity", "elasticity")
_SAME = {"effective_thermal_conductivity": "effective_conductivity"}


@dataclass(frozen=True)
class Sizes:
    """What costs are proportional to.

    Parameters
    ----------
    voxels, cells : int
        Of the volume, and of the lattice.
    built, tets : int
        Tets before phases are dropped, and after.
    points : int
        Vertices after phases are dropped.
    squares : int
        Pieces of interface between phases.
    active : int
        Vertices that a solve has unknowns at.
    runs : int
        Linear systems of a solve: axes, directions.
    one : int
        For what costs the same at any size.
    """

    voxels: int = 0
    cells: int = 0
    built: int = 0
    tets: int = 0
    points: int = 0
    squares: int = 0
    active: int = 0
    runs: int = 1
    one: int = 1

    def amount(self, name: str) -> float:
        """Return a size, or a product of sizes such as ``"active*runs"``."""
        product = 1.0
        for part in name.split("*"):
            product *= float(getattr(self, part))
        return product


@dataclass(frozen=True)
class Solve:
    """What a solve will cost.

    Parameters
    ----------
    name, type : str
        From its table.
    dofs : int
        Unknowns of each linear system.
    seconds, memory_bytes : float or None
        None where nothing of this type was measured.
    """

    name: str
    type: str
    dofs: int
    seconds: float | None
    memory_bytes: int | None


@dataclass(frozen=True)
class Budget:
    """What a job will cost.

    Parameters
    ----------
    tets, points : int
        Of the mesh, exact.
    memory_bytes : int
        Largest resident size of the process; under mpirun of all processes together, about.
    disk_bytes : int
        Of all files.
    seconds : mapping of str to float
        By stage, on two cores of this machine; without compilation at the first run.
    solves : tuple of Solve
        One a solve.
    unknown : tuple of str
        What no prediction is made of.
    """

    tets: int
    points: int
    memory_bytes: int
    disk_bytes: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    solves: tuple[Solve, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """Sum of all stages, s."""
        return sum(self.seconds.values())

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` shows."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        solves = [{f.name: getattr(solve, f.name) for f in fields(solve)} for solve in self.solves]
        return {**found, "seconds": dict(self.seconds), "solves": solves, "total_seconds": self.total}


def cost(kind: str, job: str, sizes: Sizes) -> float | None:
    """Return what a job costs.

    Parameters
    ----------
    kind : {'seconds', 'memory', 'disk'}
        Which cost; seconds are those of this machine.
    job : str
        Such as ``"mesh"`` or ``"solve conduction"``.
    sizes : Sizes
        Of the job.

    Returns
    -------
    float or None
        None if nothing of the kind was measured.

    Examples
    --------
    >>> cost("memory", "mesh", Sizes(built=12_000_000, squares=100_000, cells=1_000_000)) > 1e8
    True
    """
    tables = {"seconds": fitted.SECONDS, "memory": fitted.MEMORY, "disk": fitted.DISK}
    table = tables[kind].get(job)
    if table is None:
        return None
    plain = sum(each * sizes.amount(name) for name, each in table.items())
    return plain * machine_speed() if kind == "seconds" else plain


def solve_kind(type_: str) -> str:
    """Return the type whose measured costs stand for those of a type.

    Examples
    --------
    >>> solve_kind("effective_thermal_conductivity")
    'effective_conductivity'
    """
    return _SAME.get(type_, type_)


def disk_bytes(suffix: str, sizes: Sizes) -> float:
    """Return the size of a mesh file; of a format that was not measured, the largest of those that were.

    Parameters
    ----------
    suffix : str
        Of the file.
    sizes : Sizes
        Of the mesh.

    Returns
    -------
    float
        Bytes.

    Examples
    --------
    >>> disk_bytes(".xdmf", Sizes(tets=1000)) >= 0
    True
    """
    found = cost("disk", f"file {suffix}", sizes)
    return found if found is not None else max((cost("disk", f"file {s}", sizes) or 0.0 for s in FORMATS), default=0.0)
