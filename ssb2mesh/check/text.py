"""What a check found, as text for a terminal. No measuring, no verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ssb2mesh.text_tables import table
from ssb2mesh.units import format_length

__all__ = ["describe_check", "feature_rows", "feature_text", "more_features", "thin_line", "thin_text"]

#: Features and contacts shown in a terminal.
SHOWN = 8
KINDS = ("lost", "gained", "merged", "split")
#: And those that only the cells tell.
THIN_KINDS = (*KINDS, "thinned")
_HEAD = ["change", "phase or interface", "size", "place", "voxel"]


def describe_check(numbers: Mapping[str, Any]) -> str:
    """Return what `describe_mesh` leaves out: shapes by phase, distances of interfaces, the worst tets.

    Parameters
    ----------
    numbers : mapping
        As `ssb2mesh.steps.summarise_mesh` gives them.

    Returns
    -------
    str
        Tables; empty without any.

    Examples
    --------
    >>> describe_check({})
    ''
    """
    quality = numbers.get("quality") or {}
    blocks = [_shapes(quality), _interfaces(numbers), _contacts(numbers.get("conformity") or {}), _worst(quality)]
    return "\n\n".join(block for block in blocks if block)


def feature_text(numbers: Mapping[str, Any]) -> str:
    """Return what the mesh lost, gained, merged or split, largest first.

    Parameters
    ----------
    numbers : mapping
        As `ssb2mesh.steps.summarise_mesh` gives them.

    Returns
    -------
    str
        A table; a line if nothing changed; nothing if components were not matched.

    Examples
    --------
    >>> feature_text({"fidelity": {"NMC": {"lost": 0, "gained": 0, "merged": 0, "split": 0}}})
    'components  all of the voxels are in the mesh, one to one'
    """
    fidelity = numbers.get("fidelity") or {}
    if not any(row.get("lost") is not None for row in fidelity.values()):
        return ""
    rows = feature_rows(numbers)
    if not rows:
        return "components  all of the voxels are in the mesh, one to one"
    lines = [table(_HEAD, rows[:SHOWN])]
    more = more_features(numbers, min(SHOWN, len(rows)))
    return "\n".join(lines + ([f"... and {more} more (all counts by phase in --json)"] if more else []))


def feature_rows(numbers: Mapping[str, Any]) -> list[list[str]]:
    """Return the listed features and contacts as cells of a table, each kind's largest first, kinds taking turns.

    Parameters
    ----------
    numbers : mapping
        With ``features`` and ``contacts``.

    Returns
    -------
    list of list of str
        Change, phase or interface, size, place, voxel.

    Examples
    --------
    >>> feature_rows({})
    []
    """
    kinds: dict[str, list[list[str]]] = {kind: [] for kind in THIN_KINDS}
    for one in numbers.get("features") or ():
        kinds[one["kind"]].append([one["kind"], one["phase"], _size(one), _place(one), _voxel(one)])
    contacts = [
        [f"contact {one['kind']}", one["interface"], f"{one['area']:.3g} m2", _place(one), _voxel(one)]
        for one in numbers.get("contacts") or ()
    ]
    columns = [rows for rows in (*kinds.values(), contacts) if rows]
    depth = max(map(len, columns), default=0)
    return [rows[n] for n in range(depth) for rows in columns if n < len(rows)]


def more_features(numbers: Mapping[str, Any], shown: int) -> int:
    """Return how many features and contacts there are beyond those shown.

    Parameters
    ----------
    numbers : mapping
        With ``fidelity``, whose counts are complete, and ``contacts``.
    shown : int
        How many are shown.

    Returns
    -------
    int
        The rest.

    Examples
    --------
    >>> more_features({"fidelity": {"NMC": {"lost": 10}}}, 8)
    2
    """
    fidelity = (numbers.get("fidelity") or {}).values()
    total = sum(row.get(kind) or 0 for row in fidelity for kind in KINDS)
    return total + len(numbers.get("contacts") or ()) - shown


def thin_line(thin: Mapping[str, Any]) -> str:
    """Return in a line what cells of this size give up.

    Parameters
    ----------
    thin : mapping
        As `ssb2mesh.fidelity.cells.ThinLosses.to_dict` gives it.

    Returns
    -------
    str
        Counts by phase and kind.

    Examples
    --------
    >>> thin_line({"cell_size": 3e-6, "counts": {"void": {"lost": 2, "split": 0, "thinned": 1}}, "contacts": []})
    'thin features that cells of 3 um give up: void 2 lost, 1 thinned'
    """
    by_phase = []
    for name, counts in thin["counts"].items():
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        by_phase += [f"{name} {told}"] if told else []
    contacts = thin["contacts"]
    told = ", ".join(f"{n} {k}" for k in ("lost", "gained") if (n := sum(one["kind"] == k for one in contacts)))
    by_phase += [f"contacts {told}"] if told else []
    return f"thin features that cells of {format_length(thin['cell_size'])} give up: {'; '.join(by_phase) or 'none'}"


def thin_text(thin: Mapping[str, Any] | None) -> str:
    """Return what cells of this size give up: counts, and the largest with their places.

    Parameters
    ----------
    thin : mapping or None
        As `ssb2mesh.fidelity.cells.ThinLosses.to_dict` gives it.

    Returns
    -------
    str
        A line and a table; nothing if it was not asked for.

    Examples
    --------
    >>> thin_text(None)
    ''
    """
    if not thin:
        return ""
    rows = feature_rows(thin)
    line = thin_line(thin)
    if not rows:
        return line
    total = sum(sum(counts.values()) for counts in thin["counts"].values()) + len(thin["contacts"])
    lines = [line, table(_HEAD, rows[:SHOWN])]
    return "\n".join(lines + ([f"... and {total - SHOWN} more (listed in --json)"] if total > SHOWN else []))


def _size(feature: Mapping[str, Any]) -> str:
    size = "1 voxel" if feature["voxels"] == 1 else f"{feature['voxels']:.4g} voxels"
    if feature["n_pieces"] < 2:
        return size
    pieces = " + ".join(f"{p:.4g}" for p in feature["pieces"][:4])
    return f"{feature['n_pieces']} pieces: {pieces}{' + ...' if feature['n_pieces'] > 4 else ''} voxels"


def _place(one: Mapping[str, Any]) -> str:
    return ", ".join(format_length(x) if x else "0" for x in one["position"])


def _voxel(one: Mapping[str, Any]) -> str:
    return "" if one["voxel"] is None else ", ".join(map(str, one["voxel"]))


def _shapes(quality: Mapping[str, Any]) -> str:

    percentiles = quality.get("dihedral_percentiles_deg") or {}
    if not percentiles:
        return ""
    head = ["smallest dihedral angle, deg", "min", *(f"{q} %" for q in percentiles), "max (largest)", "mean ratio min"]

    def row(name: str, q: Mapping[str, Any]) -> list[Any]:
        angles = [q["min_dihedral_deg"], *q["dihedral_percentiles_deg"].values(), q["max_dihedral_deg"]]
        return [name, *(round(angle, 2) for angle in angles), round(q["min_mean_ratio"], 4)]

    phases: Iterable[tuple[str, Any]] = (quality.get("phases") or {}).items()
    rows = [row("all", quality), *(row(name, q) for name, q in list(phases)[:20])]
    return table(head, rows)


def _interfaces(numbers: Mapping[str, Any]) -> str:

    found = numbers.get("interface_fidelity") or {}
    if not found:
        return ""
    head = [
        "interface",
        "area, m2",
        "voxel faces, m2",
        "patches",
        "Hausdorff, voxels",
        "at voxel",
        "mean",
        "rms",
        "99.9 %",
    ]
    rows: list[Sequence[Any]] = []
    for name, one in list(found.items())[:30]:
        there, back = one["mesh_to_voxel"], one["voxel_to_mesh"]
        patches = f"{one['voxel_pieces']} -> {one['mesh_pieces']}"
        sides: list[Any] = ["-"] * 5
        if there:
            farther = max(there, back, key=lambda side: side["max_voxels"])
            keys = ("mean_voxels", "rms_voxels", "p999_voxels")
            sides = [_short(one["hausdorff_voxels"]), _voxel(farther), *(_short(there[k]) for k in keys)]
        rows.append([name, one["mesh_area"], one["voxel_area"], patches, *sides])
    lines = [table(head, rows)]
    if len(found) > 30:
        lines.append(f"... and {len(found) - 30} more")
    return "\n".join(lines)


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def _contacts(conformity: Mapping[str, Any]) -> str:
    edges, points = conformity.get("edge_contacts") or {}, conformity.get("point_contacts") or {}
    parts = [f"{name} {n} edges, {points.get(name, 0)} points" for name, n in edges.items() if n or points.get(name)]
    return f"phases touching themselves at edges and points: {'; '.join(parts[:20])}" if parts else ""


def _worst(quality: Mapping[str, Any]) -> str:

    worst = quality.get("worst") or ()
    if not worst:
        return ""
    head = ["worst tets", "phase", "angles, deg", "mean ratio", "place", "voxel", "facets in"]
    rows = []
    for one in worst:
        angles = f"{one['min_dihedral_deg']:.2f} to {one['max_dihedral_deg']:.2f}"
        inside = ", ".join(one["facet_sets"]) or ("none, touches one" if one["touches"] else "none")
        rows.append(
            [str(one["tet"]), one["phase"], angles, f"{one['mean_ratio']:.4f}", _place(one), _voxel(one), inside]
        )
    return table(head, rows)
