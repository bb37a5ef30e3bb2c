#!/usr/bin/env python3
"""Write docs/verification.md from what the tests measure: exact value, computed value, error and bar, test by test.

    .venv/bin/python tools/verification_page.py            # run the tests (minutes), then write the page
    .venv/bin/python tools/verification_page.py --render   # write the page again from docs/verification.jsonl

Tests that take the fixture ``verify`` (tests/records.py) leave a line a comparison in docs/verification.jsonl. The
tables between the two marks of the page are made of those lines; the text around them is written by hand. Errors that
are rounding are shown as a power of ten they lie below, so that a second run gives the same page.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE, RECORDS = ROOT / "docs" / "verification.md", ROOT / "docs" / "verification.jsonl"
BEGIN, END = "<!-- tables: made by tools/verification_page.py -->", "<!-- end of tables -->"
#: Chapters of the page, with what the names of their test files begin with.
CHAPTERS = {
    "Meshes": ("tests/test_mesher", "tests/test_curved"),
    "Measures": ("tests/test_measure", "tests/test_contact_maps", "tests/test_displacement"),
    "Conduction": (
        "tests/solvers/test_conduction", "tests/solvers/test_effective", "tests/solvers/test_bounds",
        "tests/solvers/test_energy_bounds", "tests/solvers/test_parallel",
    ),
    "Charge transfer": ("tests/solvers/test_charge", "tests/solvers/test_constriction"),
    "Mechanics": ("tests/solvers/test_mechanics", "tests/solvers/test_stiffness"),
    "Coupled cells": ("tests/solvers/test_coupling",),
}  # fmt: skip
#: Comparisons of one kind in one test from which on only the worst is shown.
MANY = 4


def number(value: Any) -> str:
    """A value as the page shows it."""
    if isinstance(value, list):
        return " to ".join(number(v) for v in value)
    return f"{value:.7g}"


#: What errors of rounding are shown to lie below.
ROUNDING = (1e-12, 1e-10)


def rounding(record: dict[str, Any]) -> str:
    """What an error lies below if it is rounding, else nothing."""
    scale = abs(record["exact"]) if record["kind"] == "absolute" and record["exact"] else 1.0
    if record["kind"] == "interval":
        return ""
    bar = record["bar"] / scale
    return next((f"< {min(limit, bar):g}" for limit in ROUNDING if record["error"] < limit * scale), "")


def share(record: dict[str, Any], value: float) -> str:
    """An error or a bar as the page shows it."""
    if record["kind"] == "interval":
        return "inside" if value == 0 else f"{value:.2g} outside"
    if record["kind"] == "relative" and value >= 1e-6:
        return f"{100 * value:.2g} %"
    return f"{value:.2g}"


def rows(records: list[dict[str, Any]]) -> list[str]:
    """Lines of a chapter's table."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for record in records:
        groups.setdefault((record["test"], record["quantity"], record["bar"], record["kind"]), []).append(record)
    lines = ["| case | quantity | exact | source | computed | error | bar | mesh | test |", "|---" * 9 + "|"]
    for found in groups.values():
        shown = found
        if len(found) > MANY:
            worst = max(found, key=lambda r: 0.0 if rounding(r) else r["error"])
            shown = [{**worst, "case": f"{worst['case']}, the worst of {len(found)}"}]
        for r in shown:
            noise = rounding(r)
            computed = number(r["computed"]) if r["exact"] or not noise else noise
            cells = [r["case"], r["quantity"], number(r["exact"]), r["source"], computed]
            cells += [noise or share(r, r["error"]), share(r, r["bar"]), r["mesh"], f"`{r['test']}`"]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def chapter_of(test: str) -> str:
    """The chapter that a test belongs to."""
    for name, starts in CHAPTERS.items():
        if test.startswith(starts):
            return name
    sys.exit(f"verification_page: {test} belongs to no chapter: add its file to CHAPTERS in {Path(__file__).name}")


def tables(lines: list[dict[str, Any]]) -> str:
    """All chapters."""
    where, records = lines[0]["environment"], lines[1:]
    versions = ", ".join(f"{name} {version}" for name, version in where.items())
    text = [f"{len(records)} comparisons; {versions}."]
    for name in CHAPTERS:
        mine = [record for record in records if chapter_of(record["test"]) == name]
        if mine:
            text += ["", f"### {name}", "", *rows(mine)]
    return "\n".join(text)


def read(path: Path = RECORDS) -> list[dict[str, Any]]:
    """Environment and records."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def page(text: str, lines: list[dict[str, Any]]) -> str:
    """The page with new tables."""
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n{tables(lines)}\n{END}{tail}"


def measure() -> None:
    """Run the tests and keep their records, if all of them pass."""
    fresh = RECORDS.with_suffix(".jsonl.new")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", f"--verification={fresh}"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        fresh.unlink(missing_ok=True)
        sys.exit("verification_page: tests failed; the page is as it was")
    version = (
        "import numpy; from solvers import dolfinx_api as api; print(api.require().__version__, numpy.__version__)"
    )
    told = subprocess.run([sys.executable, "-c", version], cwd=ROOT, check=True, capture_output=True, text=True)
    dolfinx, numpy = told.stdout.split()
    environment = {"DOLFINx": dolfinx, "NumPy": numpy, "Python": platform.python_version()}
    records = fresh.read_text(encoding="utf-8")
    fresh.write_text(json.dumps({"environment": environment}) + "\n" + records, encoding="utf-8")
    fresh.replace(RECORDS)


def main() -> None:
    """Measure if asked to, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", action="store_true", help="do not run the tests: use the records that are there")
    if not parser.parse_args().render:
        measure()
    new = PAGE.with_suffix(".md.new")
    new.write_text(page(PAGE.read_text(encoding="utf-8"), read()), encoding="utf-8")
    new.replace(PAGE)


if __name__ == "__main__":
    main()
