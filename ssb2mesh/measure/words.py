"""What was measured, as text for a terminal. No numbers are made here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ssb2mesh.summaries import table
from ssb2mesh.units import length_text

__all__ = ["describe_measures"]


def describe_measures(numbers: Mapping[str, Any]) -> str:
    """Return the main numbers of a survey as text.

    Parameters
    ----------
    numbers : mapping
        As `ssb2mesh.measure.survey.Measures.to_dict` gives them.

    Returns
    -------
    str
        Several lines.

    Examples
    --------
    >>> print(describe_measures(measures.to_dict()))  # doctest: +SKIP
    """
    short = partial(length_text, micro="um")  # terminals may be ASCII
    phases = [
        [name, f"{100 * share:.3f}", numbers["connectivity"][name]["components"],
         *(f"{100 * v:.2f}" for v in numbers["connectivity"][name]["percolating_fraction"].values()),
         f"{numbers['phases'][name]['specific_surface_per_m'] * 1e-6:.4g}"]
        for name, share in numbers["fractions"]["total"].items()
    ]  # fmt: skip
    head = ["phase", "fraction %", "components", "percolating x %", "y %", "z %", "surface 1/um"]
    lines = [table(head, phases)]
    columns = {"area um2": "area_m2", "voxel faces um2": "voxel_faces_m2", "mesh um2": "mesh_m2"}
    found = numbers["interfaces"]
    columns = {title: key for title, key in columns.items() if any(key in one for one in found.values())}
    interfaces = [
        [name, *(f"{one[key] * 1e12:.5g}" if key in one else "" for key in columns.values())]
        for name, one in found.items()
    ]
    if interfaces:
        lines += ["", table(["interface", *columns], interfaces)]
    lines += [""] if any(numbers.get(key) for key in ("particles", "thickness", "cracks", "slices")) else []
    for name, one in numbers.get("particles", {}).items():
        lines.append(f"particles of {name}: {one['count']:.0f}, {one['whole']:.0f} of them whole, mean diameter "
                     f"{short(one['mean_diameter'])}, D50 by volume {short(one['D50_by_volume'])}")  # fmt: skip
    for name, one in numbers.get("thickness", {}).items():
        lines.append(f"local thickness of {name}: mean {short(one['mean_m'])}, largest {short(one['largest_m'])}")
    for name, one in numbers.get("cracks", {}).items():
        width = short(one["mean_width_m"]) if "mean_width_m" in one else "unknown"
        lines.append(f"cracks of {name}: {one['pieces']:.0f} pieces, mean width {width}, area "
                     f"{one['area_m2'] * 1e12:.5g} um2")  # fmt: skip
    for one in numbers.get("slices", []):
        where = f"{one['axis']} = {short(one['position_m'])}"
        lines.append(f"{one['phase']} at {where}: {100 * one['area_fraction']:.3f} % of the slice")
    return "\n".join(lines)
