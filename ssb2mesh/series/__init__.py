"""A series of states: the same measures, comparisons and solves on each, resumed where they were cut off.

What a series is, as its TOML says it, is in `model`; what can be measured in `measures`; the work on one state in
`stages`; order and processes in `runs`; tables and the page in `report`. The names below are loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_PUBLIC = {
    "Series": "model",
    "SeriesResult": "result",
    "State": "model",
    "Task": "model",
    "describe_series": "report",
    "parse_series": "model",
    "read_series": "model",
    "run_series": "runs",
}

__all__ = ["Series", "SeriesResult", "State", "Task", "describe_series", "parse_series", "read_series",
           "run_series"]  # fmt: skip

if TYPE_CHECKING:
    from ssb2mesh.series.model import Series, State, Task, parse_series, read_series
    from ssb2mesh.series.report import describe_series
    from ssb2mesh.series.result import SeriesResult
    from ssb2mesh.series.runs import run_series


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"ssb2mesh.series.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'ssb2mesh.series' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
