"""What a solve gives back: fields by name, numbers by name. No solving, no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.domain import Domain
from solvers.fields import MeshFields
from solvers.linear import LinearReport

__all__ = ["Solution"]


@dataclass(frozen=True, eq=False, repr=False)
class Solution(MeshFields):
    """Fields and totals of one solve.

    Parameters
    ----------
    domain : Domain
        Where it was solved.
    kind : str
        Type of solve, as in a study.
    point_fields : mapping of str to (local dofs,) float array
        Fields at points, ghosts included; NaN where a field does not exist.
    cell_fields : mapping of str to (local cells, ...) float array
        Fields in cells, ghosts included.
    currents : mapping of str to float
        Current that enters the domain through each named side set, A (reaction flux where the potential is fixed).
    totals : mapping of str to any
        Other results, JSON-able.
    linear : LinearReport
        How the linear solve went.

    Examples
    --------
    >>> solution = conduction(domain, conductivity={"NMC": 1.0}, fixed={"z_min": 0, "z_max": 1})  # doctest: +SKIP
    >>> solution.currents["z_max"]  # doctest: +SKIP
    1.0
    """

    domain: Domain
    kind: str
    point_fields: Mapping[str, npt.NDArray[np.float64]]
    cell_fields: Mapping[str, npt.NDArray[np.float64]]
    currents: Mapping[str, float]
    totals: Mapping[str, Any]
    linear: LinearReport
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def potential(self) -> npt.NDArray[np.float64]:
        """(local dofs,) float array: potential in V, NaN in points that nothing conducting reaches."""
        return self.point_fields["potential"]

    @property
    def current_density(self) -> npt.NDArray[np.float64]:
        """(local cells, 3) float array: current density in A/m2."""
        return self.cell_fields["current_density"]

    @property
    def joule_heat(self) -> dict[str, float]:
        """Heat by phase, W."""
        return dict(self.totals["joule_heat"])

    @property
    def balance(self) -> float:
        """Sum of all currents relative to the largest one; 0 when no current flows."""
        largest = max((abs(value) for value in self.currents.values()), default=0.0)
        return abs(sum(self.currents.values())) / largest if largest > 0 else 0.0

    def summary(self) -> dict[str, Any]:
        """Return every number of the solve as a JSON-able dict; the same on every rank."""
        numbers = {"type": self.kind, "currents": dict(self.currents), "balance": self.balance, **self.totals}
        return {**numbers, "linear": self.linear.summary()}

    def __repr__(self) -> str:
        currents = ", ".join(f"{name} {value:.6g} A" for name, value in self.currents.items())
        return f"<Solution {self.kind}: {currents}; {self.linear.iterations} iterations>"
