"""Results as Markdown. No measuring here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from .cases import CASES
from .registry import TOOLS

Row = Mapping[str, object]


def _number(key: str, digits: int, *, scale: float = 1.0, signed: bool = False) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        value = row.get(key)
        if value is None:
            return ""
        text = f"{scale * float(value):{'+' if signed else ''}.{digits}f}"  # type: ignore[arg-type]
        return f"{0:.{digits}f}" if float(text) == 0 else text

    return cell


def _wall_speed(row: Row) -> str:
    # on a busy machine wall time says nothing
    busy = float(row.get("load") or 0) > 1.5 * (os.cpu_count() or 1)  # type: ignore[arg-type]
    return "" if busy else _number("k_tets_per_s", 0)(row)


def _angles(row: Row) -> str:
    return " / ".join(_number(f"{k}_dihedral_deg", 1)(row) for k in ("min", "p1", "max"))


def _lost(row: Row) -> str:
    return f"{row['components_lost']} of {row['voxel_components']}; {row['mesh_components']}"


def _conforming(row: Row) -> str:
    return "yes" if row["conforming"] and not row["nonpositive_tets"] else f"no: {_faults(row)}"


def _faults(row: Row) -> str:
    names = {"facets_shared_by_more_than_two": "facets of > 2 tets", "nonpositive_tets": "tets <= 0",
             "facets_with_both_tets_on_one_side": "overlaps"}  # fmt: skip
    return ", ".join(f"{row[key]} {name}" for key, name in names.items() if row[key])


#: Heading and cell of every column.
COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("k tets", _number("tets", 0, scale=1e-3)),
    ("CPU s", _number("cpu_seconds", 2)),
    ("k tets / CPU s", _number("k_tets_per_cpu_s", 0)),
    ("k tets / s", _wall_speed),
    ("bytes/tet", _number("bytes_per_tet", 0)),
    ("dihedral min / 1 % / max", _angles),
    ("worst phase volume %", _number("worst_volume_error", 2, scale=100, signed=True)),
    ("worst phase share %", _number("worst_share_error", 2, scale=100, signed=True)),
    ("crack volume %", _number("crack_volume_error", 1, scale=100, signed=True)),
    ("area %", _number("interface_area_error", 2, scale=100, signed=True)),
    ("Hausdorff", _number("hausdorff_voxels", 2)),
    ("box", _number("box_error_voxels", 2)),
    ("corner", _number("box_corner_error_voxels", 2)),
    ("lost; pieces", _lost),
    ("edge", _number("median_interface_edge_voxels", 2)),
    ("conforming", _conforming),
)


def markdown(rows: Iterable[Row]) -> str:
    """A table for each case; columns without a figure are left out."""
    rows = list(rows)
    titles = {tool.name: tool.title for tool in TOOLS}
    order = list(titles)
    parts = []
    for case, (title, _) in CASES.items():
        mine = sorted((r for r in rows if r["case"] == case), key=lambda r: order.index(str(r["tool"])))
        if mine:
            parts += [f"### {title[0].upper()}{title[1:]}, {mine[0]['cells']}", "", *_table(mine, titles), ""]
    return "\n".join(parts)


def _table(rows: Sequence[Row], titles: Mapping[str, str]) -> list[str]:
    sound = [row for row in rows if "fails" not in row]
    columns = [(name, cell) for name, cell in COLUMNS if any(cell(row) for row in sound)]
    lines = [f"| tool | {' | '.join(name for name, _ in columns)} |", "|" + "---|" * (len(columns) + 1)]
    for row in rows:
        cells = [cell(row) for _, cell in columns] if row in sound else [f"fails: {_plain(str(row['fails']))}"]
        lines.append(f"| {titles[str(row['tool'])]} | " + " | ".join(cells) + " |" + " |" * (len(columns) - len(cells)))
    return lines


def _plain(text: str) -> str:
    return text.replace("|", "/").replace("<", "(").replace(">", ")")
