"""The numbers of a series: by state and quantity. Nothing is measured, written or drawn here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError
from ssb2mesh.measure.tables import Row
from ssb2mesh.series.model import Series

__all__ = ["Entry", "Quantity", "SeriesResult"]

#: task, measure, subject, quantity, axis, unit: what makes two numbers of two states the same quantity.
Quantity = tuple[str, str, str, str, str, str]


@dataclass(frozen=True)
class Entry:
    """A row and where it comes from.

    Parameters
    ----------
    state : str
        Name of the state; of the later one, for a comparison.
    task : str
        Name of the measure, comparison or solve.
    row : Row
        The number.
    """

    state: str
    task: str
    row: Row


@dataclass(frozen=True)
class SeriesResult:
    """What a series leaves.

    Parameters
    ----------
    series : Series
        What was done.
    entries : tuple of Entry
        All numbers: by state in the order of the series, then by task.
    faults : tuple of str
        What failed.
    kept, done : int
        Stages that were there before, and that were done now.
    files : tuple of Path
        Tables and curves.
    """

    series: Series
    entries: tuple[Entry, ...]
    faults: tuple[str, ...] = ()
    kept: int = 0
    done: int = 0
    files: tuple[Path, ...] = ()

    def values(self, task: str, quantity: str, *, subject: str | None = None, axis: str = "") -> list[float]:
        """Return one number a state, NaN where there is none.

        Raises
        ------
        InputError
            If no state has such a number.
        """
        found = {
            entry.state: entry.row.value
            for entry in self.entries
            if entry.task == task and entry.row.quantity == quantity and entry.row.axis == (axis or entry.row.axis)
            and subject in (None, entry.row.subject)
        }  # fmt: skip
        if not found:
            raise InputError(f"quantity: no state has {quantity!r} of {task!r}")
        return [found.get(state.name, float("nan")) for state in self.series.states]

    def by_quantity(self) -> dict[Quantity, list[float]]:
        """Return one number a state for each quantity without a position, NaN where there is none."""
        order = {state.name: number for number, state in enumerate(self.series.states)}
        found: dict[Quantity, list[float]] = {}
        for entry in self.entries:
            row = entry.row
            if row.position is None:
                key = (entry.task, row.measure, row.subject, row.quantity, row.axis, row.unit)
                found.setdefault(key, [math.nan] * len(order))[order[entry.state]] = row.value
        return found

    def numbers(self) -> dict[str, Any]:
        """Return title, label, states and quantities: of each what it is, and a value for each state; JSON-able."""
        states = [{"name": s.name, "value": s.value, "charge_C": s.charge} for s in self.series.states]
        names = ("task", "measure", "subject", "quantity", "axis", "unit")
        quantities = [
            {**dict(zip(names, key, strict=True)), "values": [_digits(v) for v in values]}
            for key, values in self.by_quantity().items()
        ]
        return {"title": self.series.title, "label": self.series.label, "states": states, "quantities": quantities}

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        return {**self.numbers(), "folder": str(self.series.folder), "files": [str(f) for f in self.files],
                "faults": list(self.faults), "stages_kept": self.kept, "stages_done": self.done}  # fmt: skip


def _digits(value: float) -> float:
    """Nine digits: what solvers and compilers agree on from run to run."""
    return float(f"{value:.9g}")
