"""The part of the page on what was measured: tables with lengths in a fitting unit. Nothing is measured here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ssb2mesh.report.blocks import table
from ssb2mesh.units import length_text

__all__ = ["measures_html"]


def measures_html(measures: Mapping[str, Any], pictures: Sequence[str]) -> list[str]:
    """Return the parts of the section: tables, then pictures.

    Parameters
    ----------
    measures : mapping
        As `ssb2mesh.measure.survey.Measures.to_dict` gives it; empty for none.
    pictures : sequence of str
        HTML of the pictures.

    Returns
    -------
    list of str
        HTML; empty if nothing was measured.
    """
    if not measures:
        return []
    parts = [_phases(measures), _interfaces(measures), _contacts(measures), _lines(measures), _particles(measures)]
    parts += [_thickness(measures), _cracks(measures), _slices(measures)]
    return [*parts, *pictures]


def _phases(measures: Mapping[str, Any]) -> str:
    rows = []
    for name, share in measures["fractions"]["total"].items():
        joined = measures["connectivity"][name]
        cross = joined["percolating_fraction"]
        surface = measures["phases"][name]["specific_surface_per_m"]
        rows.append([name, _percent(share), joined["components"], *(_percent(cross[a]) for a in "xyz"),
                     _percent(joined["isolated_fraction"]), _digits(surface * 1e-6)])  # fmt: skip
    head = ["phase", "fraction, %", "components", "percolating x, %", "y, %", "z, %", "isolated, %",
            "specific surface, 1/µm"]  # fmt: skip
    return table(head, rows)


def _interfaces(measures: Mapping[str, Any]) -> str:
    found = measures["interfaces"]
    with_mesh = any("mesh_m2" in one for one in found.values())
    rows = []
    for name, one in found.items():
        cells = [one["area_m2"], one["voxel_faces_m2"], one["crofton_m2"]]
        if with_mesh:
            cells.append(one.get("mesh_m2"))
        rows.append([name, *(_digits(c * 1e12) if c is not None else None for c in cells)])
    head = ["interface", "area, µm²", "voxel faces, µm²", "Crofton, µm²", *(["mesh, µm²"] if with_mesh else [])]
    return f"<h3>Interfaces</h3>{table(head, rows)}" if rows else ""


def _contacts(measures: Mapping[str, Any]) -> str:
    phases = measures["phases"]
    rows = [[name, *(_percent(one["contact_fraction"].get(other)) for other in phases)] for name, one in phases.items()]
    if len(rows) < 2:
        return ""
    return f"<h3>Share of the surface of a phase that touches another</h3>{table(['%', *phases], rows)}"


def _lines(measures: Mapping[str, Any]) -> str:
    rows = []
    for name, one in measures["triple_lines"].items():
        cells = [one["length_m"], one["voxel_edges_m"], one.get("mesh_m")]
        rows.append([name, *(_digits(c * 1e6) if c is not None else None for c in cells)])
    head = ["triple line", "length, µm", "voxel edges, µm", "in the mesh, µm"]
    return f"<h3>Triple lines</h3>{table(head, rows)}" if rows else ""


def _particles(measures: Mapping[str, Any]) -> str:
    rows = []
    for name, one in measures.get("particles", {}).items():
        sizes = [one["mean_diameter"], *(one[f"D{d}_by_volume"] for d in (10, 50, 90))]
        rows.append([name, int(one["count"]), int(one["whole"]), *map(_or_dash, sizes)])
    head = ["particles of", "in all", "whole", "mean diameter", "D10 by volume", "D50", "D90"]
    return f"<h3>Particles</h3>{table(head, rows)}" if rows else ""


def _thickness(measures: Mapping[str, Any]) -> str:
    keys = ("mean_m", "standard_deviation_m", "D10_m", "D50_m", "D90_m", "largest_m")
    rows = [[name, *(length_text(one[k]) for k in keys)] for name, one in measures.get("thickness", {}).items()]
    head = ["local thickness of", "mean", "deviation", "D10", "D50", "D90", "largest"]
    return f"<h3>Local thickness</h3>{table(head, rows)}" if rows else ""


def _cracks(measures: Mapping[str, Any]) -> str:
    rows = []
    for name, one in measures.get("cracks", {}).items():
        widths = [one.get(k) for k in ("mean_width_m", "most_frequent_width_m", "D10_of_width_m", "D90_of_width_m")]
        rows.append([name, int(one["pieces"]), _digits(one["volume_m3"] * 1e18), _digits(one["area_m2"] * 1e12),
                     *map(_or_dash, widths)])  # fmt: skip
    head = ["cracks of", "pieces", "volume, µm³", "area, µm²", "mean width", "most frequent", "D10", "D90"]
    return f"<h3>Cracks</h3>{table(head, rows)}" if rows else ""


def _slices(measures: Mapping[str, Any]) -> str:
    rows = []
    for one in measures.get("slices", []):
        where = f"{one['axis']} = {length_text(one['position_m'])}"
        rows.append([one["phase"], where, _percent(one["area_fraction"]), len(one["island_diameter_m"])])
    head = ["cracks of", "on the slice", "area fraction, %", "islands"]
    return f"<h3>Cracks on slices</h3>{table(head, rows)}" if rows else ""


def _percent(share: float | None) -> float | None:
    return None if share is None or share != share else float(f"{100 * share:.4g}")


def _digits(value: float) -> float:
    return float(f"{value:.4g}")


def _or_dash(metres: float | None) -> str:
    return "–" if metres is None else length_text(metres)
