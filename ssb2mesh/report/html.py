"""The report as one HTML page: numbers in, text out. It needs no network and no script."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ssb2mesh.report.blocks import bytes_text, details, pairs, picture_html, seconds_text, table, text_of
from ssb2mesh.report.check import distances_html, features_html, shapes_html
from ssb2mesh.report.measures import measures_html
from ssb2mesh.report.pictures import LARGE_SOLVES, MEASURED
from ssb2mesh.report.slabs import files_html, processes_html, slabs_html
from ssb2mesh.report.solves import overview_html, solve_html
from ssb2mesh.report.style import STYLE
from ssb2mesh.units import format_length

__all__ = ["report_html"]


def report_html(numbers: Mapping[str, Any], folder: Path) -> str:
    """Return the page.

    Parameters
    ----------
    numbers : mapping
        As `ssb2mesh.report.report_numbers` gives them, with ``pictures`` and ``notes``.
    folder : Path
        Where the picture files are; they are put into the page.

    Returns
    -------
    str
        HTML.
    """
    pictures: dict[str, str] = {}
    own: list[str] = []
    of_solves: dict[str, list[str]] = {}
    for picture in numbers.get("pictures", []):
        html = picture_html(picture, folder)
        if picture.get("solve"):
            of_solves.setdefault(picture["solve"], []).append(html)
        elif pictures.setdefault(picture["title"], html) is not html:
            own.append(html)
    solves = numbers.get("solves", [])
    results = [
        solve_html(solve, _beside(of_solves.get(solve["name"], []), folded=number >= LARGE_SOLVES))
        for number, solve in enumerate(solves)
    ]
    known = {"Volume", "Mesh", "Slabs", "Interfaces"}
    measured = [html for title, html in pictures.items() if title.startswith(MEASURED)]
    own += [html for title, html in pictures.items() if title not in known and not title.startswith(MEASURED)]
    sections = [
        ("At a glance", [overview_html(solves), _phases(numbers)]),
        ("Results", results),
        ("Volume", [pictures.get("Volume", ""), _cleaning(numbers)]),
        ("Measures", measures_html(numbers.get("measures") or {}, measured)),
        ("Mesh", [_quality(numbers), pictures.get("Mesh", "")]),
        ("Slabs", [slabs_html(numbers.get("mesh") or {}), pictures.get("Slabs", "")]),
        ("Mesh against voxels", [features_html(numbers), distances_html(numbers)]),
        ("Interfaces and sides", [_areas(numbers), pictures.get("Interfaces", "")]),
        ("More pictures", own),
        ("Time and memory", [_stages(numbers), processes_html(numbers.get("mesh") or {}, numbers.get("stages") or [])]),
        ("Files", [files_html(numbers.get("files") or [])]),
        ("What went in", [_input(numbers), _versions(numbers), _notes(numbers)]),
    ]
    body = []
    for head, parts in sections:
        content = "\n".join(part for part in parts if part)
        if content:
            body.append(f"<section><h2>{escape(head)}</h2>\n{content}\n</section>")
    title = escape(str(numbers.get("title", "Report")))
    made = escape(str(numbers.get("created", "")).replace("T", " ").replace("+00:00", " UTC"))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n'
        f"<header><h1>{title}</h1><p class=made>{made}</p>\n{_verdict(numbers)}\n{_cards(numbers)}</header>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _beside(pictures: Sequence[str], *, folded: bool) -> str:
    """The pictures of a solve; of many solves only the first ones' are open."""
    content = "\n".join(pictures)
    return details(f"{len(pictures)} pictures" if len(pictures) > 1 else "1 picture", content) if folded else content


# -- parts of the page -----------------------------------------------------------------------------------------------


def _verdict(numbers: Mapping[str, Any]) -> str:
    check = numbers.get("check")
    if not check:
        return ""
    faults = check.get("faults") or []
    if not faults:
        notes = "".join(f"<li>{escape(str(note))}</li>" for note in check.get("notes") or ())
        more = f"But note:<ul>{notes}</ul>" if notes else ""
        return f'<div class="verdict good">The mesh passes every check. {more}</div>'
    items = "".join(f"<li>{escape(str(fault))}</li>" for fault in faults)
    return f'<div class="verdict bad">The mesh fails a check:<ul>{items}</ul></div>'


def _cards(numbers: Mapping[str, Any]) -> str:
    check, mesh = numbers.get("check") or {}, numbers.get("mesh") or {}
    quality = check.get("quality") or {}
    errors = [
        abs(p["relative_error"]) for p in (check.get("fidelity") or {}).values() if p["relative_error"] is not None
    ]
    cards: list[tuple[str, str]] = []
    if mesh:
        cards += [("tets", text_of(mesh["tets"])), ("points", text_of(mesh["points"]))]
    if quality:
        span = f"{quality['min_dihedral_deg']:.1f}° – {quality['max_dihedral_deg']:.1f}°"
        cards.append(("dihedral angles", span))
    if errors:
        cards.append(("largest volume error of a phase", f"{100 * max(errors):.2g} %"))
    if "seconds" in numbers:
        cards.append(("total time", seconds_text(numbers["seconds"])))
    cards.append(("peak memory", bytes_text(numbers.get("peak_memory_bytes"))))
    items = "".join(f"<div><strong>{value}</strong><span>{escape(name)}</span></div>" for name, value in cards)
    return f'<div class="cards">{items}</div>'


def _phases(numbers: Mapping[str, Any]) -> str:
    """Phase fractions of the voxels beside those of the mesh."""
    voxels = numbers["input"].get("phases") or {}
    fidelity = (numbers.get("check") or {}).get("fidelity") or {}
    mesh = numbers.get("mesh") or {}
    volumes, box = mesh.get("phase_volumes") or {}, mesh.get("box")
    whole = _product(box) if box else None
    rows = []
    for name in dict.fromkeys([*voxels, *volumes]):
        share = voxels[name]["fraction"] if name in voxels else None
        meshed = volumes[name] / whole if whole and name in volumes else None
        found = fidelity.get(name) or {}
        error = found.get("relative_error")
        rows.append([name, _percent(share), _percent(meshed), _signed_percent(error),
                     found.get("voxel_components"), found.get("mesh_components")])  # fmt: skip
    head = ["phase", "voxels, %", "mesh, %", "relative error, %", "pieces, voxels", "pieces, mesh"]
    return table(head, rows)


def _product(box: Sequence[Sequence[float]]) -> float:
    lower, upper = box
    return (upper[0] - lower[0]) * (upper[1] - lower[1]) * (upper[2] - lower[2])


def _percent(share: float | None) -> float | None:
    return None if share is None else float(f"{100 * share:.4g}")


def _signed_percent(share: float | None) -> float | None:
    return None if share is None else float(f"{100 * share:.3g}")


def _cleaning(numbers: Mapping[str, Any]) -> str:
    rows = []
    for step in numbers["input"].get("cleaning") or []:
        if isinstance(step, Mapping):
            changed = step.get("changed_voxels")
            pieces = "; ".join(f"{n} of {p}" for p, n in (step.get("components_removed") or {}).items())
            rows.append([step.get("verb", "?"), changed, pieces or "–", "; ".join(step.get("notes") or []) or "–"])
        else:
            rows.append([str(step), None, "–", "–"])
    steps = table(["clean-up", "voxels changed", "pieces removed", "notes"], rows)
    return f"<h3>Clean-up before meshing</h3>{steps}" if steps else ""


def _quality(numbers: Mapping[str, Any]) -> str:
    check = numbers.get("check")
    if not check:
        return ""
    quality, conformity = check.get("quality") or {}, check.get("conformity") or {}
    names = {
        "min_dihedral_deg": "smallest dihedral angle, °",
        "p1_dihedral_deg": "1 % of the tets have an angle below, °",
        "max_dihedral_deg": "largest dihedral angle, °",
        "min_mean_ratio": "smallest mean ratio (1: regular)",
        "nonpositive_tets": "tets without positive volume",
        "facets_shared_by_more_than_two": "facets shared by more than two tets",
        "off_box_area": "outer area off the box, m²",
        "overlapping_facets": "facets with both tets on one side",
        "untagged_interface_facets": "interface facets without a name",
        "misplaced_facets": "named facets that are no interface",
        "misoriented_facets": "named facets that point the wrong way",
        "unmatched_facets_between_slabs": "facets between slabs that fit no other",
    }
    both = {**quality, **conformity}
    return pairs((text, both[key]) for key, text in names.items() if key in both) + shapes_html(quality)


def _areas(numbers: Mapping[str, Any]) -> str:
    areas = (numbers.get("check") or {}).get("interfaces") or (numbers.get("mesh") or {}).get("facet_areas") or {}
    if not areas:
        return ""
    box = (numbers.get("mesh") or {}).get("box")
    unit, scale = ("m", 1.0)
    if box:
        unit = format_length(max(b - a for a, b in zip(*box, strict=True))).split()[-1]
        scale = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "nm": 1e-9}[unit]
    head = ["facet set", f"area, {unit.replace('um', 'µm')}²"]
    inner = [[name, area / scale**2] for name, area in areas.items() if "|" in name]
    outer = [[name, area / scale**2] for name, area in areas.items() if "|" not in name]
    return table(head, inner) + details(f"{len(outer)} sides of the box, by phase", table(head, outer))


def _stages(numbers: Mapping[str, Any]) -> str:
    rows = numbers.get("stages") or []
    longest = max([row["seconds"] for row in rows], default=0) or 1
    lines = []
    for row in rows:
        bar = f'<i style="width:{100 * row["seconds"] / longest:.1f}%"></i>'
        memory = bytes_text(row.get("peak_memory_bytes"))
        lines.append(f"<tr><td>{escape(row['stage'])}</td><td class=bar>{bar}</td>"
                     f'<td class="n">{seconds_text(row["seconds"])}</td><td class="n">{memory}</td></tr>')  # fmt: skip
    if not lines:
        return ""
    head = '<tr><th>stage</th><th></th><th class="n">time</th><th class="n">peak memory so far</th></tr>'
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{"".join(lines)}</tbody></table></div>'


def _input(numbers: Mapping[str, Any]) -> str:
    given = numbers["input"]
    rows: list[tuple[str, Any]] = []
    if "source" in given:
        rows.append(("source", given["source"]))
    if "shape" in given:
        rows.append(("voxels", " × ".join(map(str, given["shape"]))))
        rows.append(("voxel size", " × ".join(format_length(h) for h in given["spacing"]).replace("um", "µm")))
    hashes = (("file_sha256", "SHA-256 of the file"), ("volume_sha256", "SHA-256 of the volume"))
    rows += [(text, given[key]) for key, text in hashes if key in given]
    study = given.get("study")
    text = study if isinstance(study, str) else json.dumps(study, indent=2, ensure_ascii=False) if study else ""
    options = (numbers.get("mesh") or {}).get("metadata") or {}
    meshed = json.dumps(options, indent=2, ensure_ascii=False) if options else ""
    return (
        pairs(rows)
        + (details("study, with every option", f"<pre>{escape(text)}</pre>") if text else "")
        + (details("how the mesh was made", f"<pre>{escape(meshed)}</pre>") if meshed else "")
    )


def _versions(numbers: Mapping[str, Any]) -> str:
    return details("versions", pairs((numbers.get("versions") or {}).items()))


def _notes(numbers: Mapping[str, Any]) -> str:
    notes = numbers.get("notes") or []
    items = "".join(f"<li>{escape(str(note))}</li>" for note in notes)
    return f"<h3>Not drawn</h3><ul>{items}</ul>" if items else ""
