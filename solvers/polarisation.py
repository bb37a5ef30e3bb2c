"""A series of charge-transfer solutions as one result: a polarisation curve, or voltage against time. No solving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.charge_solution import ChargeTransferSolution

__all__ = ["ChargeTransferSeries"]


@dataclass(frozen=True, eq=False, repr=False)
class ChargeTransferSeries:
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

    def __len__(self) -> int:
        return len(self.solutions)

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

    @property
    def cell_voltages(self) -> npt.NDArray[np.float64]:
        """Cell voltage of each solution, V."""
        return np.array([solution.cell_voltage for solution in self.solutions])

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

    def point_data(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Return the point fields of the last solution on rank 0, None elsewhere; all ranks call."""
        return self.solutions[-1].point_data()

    def cell_data(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Return the cell fields of the last solution on rank 0, None elsewhere; all ranks call."""
        return self.solutions[-1].cell_data()

    def facet_data(self, name: str) -> dict[str, npt.NDArray] | None:
        """Return the facets of an interface in the last solution on rank 0, None elsewhere; all ranks call."""
        return self.solutions[-1].facet_data(name)

    @property
    def interfaces(self) -> Any:
        """Facet values by interface of the last solution."""
        return self.solutions[-1].interfaces

    def write(self, path: str | Path) -> None:
        """Write each solution to ``path_1.xdmf``, ``path_2.xdmf`` and so on; all ranks call."""
        path = Path(path)
        width = len(str(len(self)))
        for number, solution in enumerate(self.solutions, start=1):
            solution.write(path.with_name(f"{path.stem}_{number:0{width}}{path.suffix}"))

    def __repr__(self) -> str:
        volts = ", ".join(f"{value:.5g}" for value in self.cell_voltages[:6])
        return f"<ChargeTransferSeries of {len(self)}: cell voltages {volts}{', ...' if len(self) > 6 else ''} V>"
