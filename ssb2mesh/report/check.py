"""Parts of the page on the check of the mesh: histograms, worst tets, changed features, distances of interfaces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ssb2mesh.check.text import feature_rows, more_features, thin_line
from ssb2mesh.report.blocks import details, table
from ssb2mesh.units import format_length

__all__ = ["distances_html", "features_html", "shapes_html"]

#: Rows of the table of features.
SHOWN = 30


def shapes_html(quality: Mapping[str, Any]) -> str:
    """Return the histograms of dihedral angles and mean ratios, and the worst tets folded away.

    Parameters
    ----------
    quality : mapping
        Of the check.

    Returns
    -------
    str
        HTML.
    """
    degrees = [(x / 180, f"{x}°") for x in range(0, 181, 30)]
    ratios = [(x / 5, f"{x / 5:g}") for x in range(6)]
    drawn = _histogram(quality.get("dihedral_histogram") or [], degrees, "Dihedral angles", "of all tets, six each")
    drawn += _histogram(
        quality.get("mean_ratio_histogram") or [], ratios, "Mean ratio", "of all tets, 1 for a regular one"
    )
    return drawn + _phases(quality) + _worst(quality)


def _histogram(counts: Sequence[int], ticks: Sequence[tuple[float, str]], title: str, text: str) -> str:
    """Draw bars, logarithmic; in the page itself, so that they follow light and dark."""
    total = sum(counts)
    if not total:
        return ""
    width, height, left, base = 640.0, 190.0, 44.0, 28.0
    floor = math.floor(math.log10(min(c for c in counts if c) / total * 100))
    low, high = min(floor, 1), 2
    step = (width - left) / len(counts)
    scale = (height - base) / (high - low)
    bars = []
    for i, count in enumerate(counts):
        if count:
            tall = scale * (math.log10(100 * count / total) - low) + 0.5
            x, y = left + i * step + 0.5, height - base - tall
            bars.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{step - 1:.1f}" height="{tall:.1f}"/>')
    marks = []
    for k in range(low, high + 1, 1 if high - low < 6 else 2):
        y = height - base - scale * (k - low)
        marks.append(f'<line x1="{left}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        marks.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**k:g}</text>')
    for share, label in ticks:
        x = left + (width - left) * share
        anchor = "end" if share == 1 else "middle"
        marks.append(f'<text x="{x:.1f}" y="{height - base + 16:.1f}" text-anchor="{anchor}">{label}</text>')
    drawing = f'<g class="marks">{"".join(marks)}</g><g class="bars">{"".join(bars)}</g>'
    svg = f'<svg viewBox="0 -8 {width:.0f} {height + 8:.0f}" role="img" aria-label="{escape(title)}">{drawing}</svg>'
    caption = f"<b>{escape(title)}</b> {escape(text)}, share in per cent (logarithmic)."
    return f'<figure class="plain">{svg}<figcaption>{caption}</figcaption></figure>'


def _phases(quality: Mapping[str, Any]) -> str:
    phases = quality.get("phases") or {}
    rows = []
    for name, one in phases.items():
        angles = one["dihedral_percentiles_deg"]
        rows.append([name, one["tets"], one["min_dihedral_deg"], *angles.values(), one["max_dihedral_deg"],
                     one["min_mean_ratio"]])  # fmt: skip
    percentiles = next(iter(phases.values()))["dihedral_percentiles_deg"] if phases else {}
    head = ["phase", "tets", "smallest angle, °", *(f"{q} % below" for q in percentiles)]
    head += ["largest", "mean ratio from"]  # fmt: skip
    return table(head, rows)


def _worst(quality: Mapping[str, Any]) -> str:
    rows = []
    for one in quality.get("worst") or ():
        angles = f"{one['min_dihedral_deg']:.2f}° – {one['max_dihedral_deg']:.2f}°"
        voxel = "–" if one["voxel"] is None else ", ".join(map(str, one["voxel"]))
        rows.append([one["tet"], one["phase"], angles, one["mean_ratio"], _place(one), voxel,
                     ", ".join(one["facet_sets"]) or "–"])  # fmt: skip
    head = ["tet", "phase", "angles", "mean ratio", "place", "voxel", "facets in"]
    return details(f"the {len(rows)} worst tets", table(head, rows)) if rows else ""


def _place(one: Mapping[str, Any]) -> str:
    return ", ".join(format_length(x) if x else "0" for x in one["position"]).replace("um", "µm")


def features_html(numbers: Mapping[str, Any]) -> str:
    """Return what the mesh lost, gained, merged or split: counts by phase, and the largest of them.

    Parameters
    ----------
    numbers : mapping
        Of the report, with ``check``.

    Returns
    -------
    str
        HTML; empty if components were not matched.
    """
    check = numbers.get("check") or {}
    fidelity = {name: row for name, row in (check.get("fidelity") or {}).items() if row.get("lost") is not None}
    if not fidelity:
        return ""
    kinds = ("lost", "gained", "merged", "split")
    rows = []
    for name, row in fidelity.items():
        worst = row.get("worst_component_error")
        error = None if worst is None else float(f"{100 * worst:.3g}")
        rows.append([name, row["voxel_components"], row["mesh_components"], *(row[k] for k in kinds), error,
                     row.get("components_over_2_percent")])  # fmt: skip
    head = ["components of", "in voxels", "in mesh", *kinds, "worst volume error*, %", "over 2 %*"]
    counts = table(head, rows) + "<p>* of components of more than 27 voxels.</p>"
    thin = _thin(check.get("thin"))
    changed = feature_rows(check)
    if not changed:
        return f"{counts}<p>All components of the voxels are in the mesh, one to one.</p>{thin}"
    listed = _changes(changed, more_features(check, min(SHOWN, len(changed))))
    return f"{counts}<h3>Lost, gained, merged, split</h3>{listed}{thin}"


def _changes(rows: list[list[str]], more: int) -> str:
    """Table of the first changed features."""
    head = ["change", "phase or interface", "size", "place", "voxel"]
    listed = table(head, [[cell.replace("um", "µm") for cell in row] for row in rows[:SHOWN]])
    return listed + (f"<p>… and {more} more.</p>" if more else "")


def _thin(thin: Mapping[str, Any] | None) -> str:
    """What the cell size gave up before anything was smoothed; empty if it was not asked for."""
    if not thin:
        return ""
    rows = feature_rows(thin)
    total = sum(sum(counts.values()) for counts in thin["counts"].values()) + len(thin["contacts"])
    line = escape(thin_line(thin).replace("um", "µm"))
    listed = _changes(rows, max(total - SHOWN, 0)) if rows else ""
    return f"<h3>Thin features, before meshing</h3><p>{line}.</p>{listed}"


def distances_html(numbers: Mapping[str, Any]) -> str:
    """Return how far each interface lies from the voxel faces of the same phases.

    Parameters
    ----------
    numbers : mapping
        Of the report, with ``check``.

    Returns
    -------
    str
        HTML; empty if distances were not measured.
    """
    rows = []
    for name, one in ((numbers.get("check") or {}).get("interface_fidelity") or {}).items():
        there, back = one["mesh_to_voxel"], one["voxel_to_mesh"]
        cells: list[Any] = [None] * 6
        if there:
            farther = max(there, back, key=lambda side: side["max_voxels"])
            keys = ("mean_voxels", "rms_voxels", "p999_voxels", "max_voxels")
            cells = [one["hausdorff_voxels"], ", ".join(map(str, farther["voxel"])), *(there[k] for k in keys)]
            cells = [float(f"{c:.3g}") if isinstance(c, float) else c for c in cells]
        patches = f"{one['voxel_pieces']} → {one['mesh_pieces']}"
        rows.append([name, *cells, patches])
    head = ["interface", "Hausdorff distance", "at voxel", "mesh to voxels: mean", "rms", "99.9 %", "max",
            "patches, voxels → mesh"]  # fmt: skip
    found = table(head, rows)
    return f"<h3>Interfaces: distance to the voxel faces, in voxel edges</h3>{found}" if found else ""
