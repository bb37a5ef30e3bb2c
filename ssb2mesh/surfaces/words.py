"""The result of `ssb2mesh surface` as text for a terminal. No computing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssb2mesh.summaries import table

__all__ = ["describe_surfaces"]


def describe_surfaces(numbers: Mapping[str, Any]) -> str:
    """Return the numbers of `ssb2mesh.surfaces.job.surface_file` as text.

    Parameters
    ----------
    numbers : mapping
        What it returned.

    Returns
    -------
    str
        A line and a table of the parts.

    Examples
    --------
    >>> part = {"file": "NMC.stl", "triangles": 12, "points": 8, "area": 6e-12, "volume": 1e-18}
    >>> print(describe_surfaces({"per": "phase", "triangles": 12, "points": 8, "parts": {"NMC": part}, "seconds": {}}))
    12 triangles and 8 points in all, 0.0 s
    <BLANKLINE>
    phase  triangles  area (um2)  volume (um3)  file
    NMC           12           6             1  NMC.stl
    """
    closed = numbers["per"] == "phase"
    header = [numbers["per"], "triangles", "area (um2)", *(["volume (um3)"] if closed else []), "file"]
    rows = [
        [name, p["triangles"], p["area"] * 1e12, *([p["volume"] * 1e18] if closed else []), p["file"]]
        for name, p in numbers["parts"].items()
    ]
    seconds = sum(numbers["seconds"].values())
    head = f"{numbers['triangles']} triangles and {numbers['points']} points in all, {seconds:.1f} s"
    return f"{head}\n\n{table(header, rows)}"
