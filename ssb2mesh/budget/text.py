"""A budget as text for a terminal. No numbers are made here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssb2mesh.check.text import thin_text

__all__ = ["describe_budget"]


def describe_budget(budget: Mapping[str, Any]) -> str:
    """Return a budget as text.

    Parameters
    ----------
    budget : mapping
        As `ssb2mesh.budget.Budget.to_dict` gives it.

    Returns
    -------
    str
        Sizes, a line a stage, and what is not predicted.

    Examples
    --------
    >>> sizes = {"tets": 10, "points": 5, "memory_bytes": 2e9, "disk_bytes": 1e6, "solves": []}
    >>> print(describe_budget({**sizes, "seconds": {"mesh": 2.0}, "total_seconds": 2.0, "unknown": []}))
    predicted: 10 tets, 5 points, 2 GB of memory, 1 MB on disk, 2 s
      mesh                          2 s
    """
    total, known = budget["total_seconds"], not budget["unknown"]
    memory, disk = budget["memory_bytes"] / 1e9, budget["disk_bytes"] / 1e6
    lines = [
        f"predicted: {budget['tets']} tets, {budget['points']} points, {memory:.3g} GB of memory, "
        f"{disk:.3g} MB on disk, {'' if known else 'more than '}{total:.2g} s"
    ]
    dofs = {f"solve {solve['name']}": solve["dofs"] for solve in budget["solves"]}
    for stage, seconds in budget["seconds"].items():
        lines.append(f"  {stage:24s} {seconds:6.2g} s" + (f"   {dofs[stage]} unknowns" if stage in dofs else ""))
    lines += [f"  not predicted: {what}" for what in budget["unknown"]]
    thin = thin_text(budget.get("thin"))
    lines += ["", thin] if thin else []
    return "\n".join(lines)
