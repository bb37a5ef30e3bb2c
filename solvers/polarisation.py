"""A series of charge-transfer solutions as one result: a polarisation curve, or voltage against time. No solving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.charge_solution import ChargeTransferSolution
from solvers.fields import SolutionSeries

__all__ = ["ChargeTransferSeries"]


@dataclass(frozen=True, eq=False, repr=False)
class ChargeTransferSeries(SolutionSeries):
    """Solutions in order; indexed and iterated like a list.

    Parameters
    ----------
    solutions : tuple of ChargeTransferSolution
        At least one, all of one cell.

    Examples
    --------
    >>> curve.currents("z_max")  # doctest: +SKIP
    array([1.2e-07, 2.9e-07, 5.5e-07])
    """

    solutions: tuple[ChargeTransferSolution, ...]

    def __getitem__(self, index: int) -> ChargeTransferSolution:
        return self.solutions[index]

    def __iter__(self) -> Iterator[ChargeTransferSolution]:
        return iter(self.solutions)

    def voltages(self, terminal: str) -> npt.NDArray[np.float64]:
        """Return the voltage of a terminal in each solution, V."""
        return np.array([solution.voltages[terminal] for solution in self.solutions])

    def currents(self, terminal: str) -> npt.NDArray[np.float64]:
        """Return the current through a terminal in each solution, A."""
        return np.array([solution.currents[terminal] for solution in self.solutions])

    def summary(self) -> dict[str, Any]:
        """Return the numbers of all solutions as lists, JSON-able; the same on every rank."""
        first = self.solutions[0]
        keys = ("contact_area", "current", "constriction_factor", "utilisation")
        interfaces = {
            name: {key: [s.totals["interfaces"][name][key] for s in self.solutions] for key in keys}
            for name in first.totals["interfaces"]
        }
        return {
            "type": "charge_transfer_series",
            "voltages": {name: self.voltages(name).tolist() for name in first.voltages},
            "currents": {name: self.currents(name).tolist() for name in first.currents},
            "cell_voltage": self.cell_voltages.tolist(),
            "interfaces": interfaces,
            "balance": max(solution.balance for solution in self.solutions),
            "linear": self.solutions[-1].linear.summary(),
        }

    def __repr__(self) -> str:
        volts = ", ".join(f"{value:.5g}" for value in self.cell_voltages[:6])
        return f"<ChargeTransferSeries of {len(self)}: cell voltages {volts}{', ...' if len(self) > 6 else ''} V>"
