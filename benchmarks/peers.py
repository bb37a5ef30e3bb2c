"""Our mesher and other meshers on the same label volumes, by one judge: see docs/peers.md for the result.

    python benchmarks/peers.py --install --cache ~/.cache/ssb2mesh/peers     # all tools, all cases
    python benchmarks/peers.py cathode pellet --tool ssb2mesh cgal --output peers.json

Every tool runs in a process and an environment of its own, which `--install` makes under the cache folder (Debian 12,
root or sudo; about ten minutes). A result is written to OUTPUT (JSON) as soon as there is one, `--resume` goes on from
there, and OUTPUT with .md has the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from peer_tools.cases import CASES
from peer_tools.install import install, is_there, version
from peer_tools.registry import TOOLS, Tool
from peer_tools.runner import Limits, measure
from peer_tools.table import markdown


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(), "memory_gib": round(memory / 2**30), "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(), "niceness": os.nice(0),
    }  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ssb2mesh" / "peers"
    names = [tool.name for tool in TOOLS]
    parser.add_argument("cases", nargs="*", default=list(CASES), help=f"of {', '.join(CASES)}")
    parser.add_argument("--tool", nargs="+", choices=names, default=names, metavar="TOOL", help=", ".join(names))
    parser.add_argument("--size", type=int, help="voxels an edge; default: 64, for noise 32")
    parser.add_argument("--runs", type=int, default=3, help="runs, of which the median counts (default: 3)")
    parser.add_argument("--time-limit", type=float, default=300.0, help="CPU seconds of a run (default: 300)")
    parser.add_argument("--memory-limit", type=float, default=16.0, help="GiB of address space of a run (default: 16)")
    parser.add_argument("--cache", type=Path, default=cache, help="folder of the tools, outside the repository")
    parser.add_argument("--install", action="store_true", help="get the tools that are not there")
    parser.add_argument("--resume", action="store_true", help="keep the results that OUTPUT has")
    parser.add_argument("--output", type=Path, default=Path("peers.json"), help="JSON (default: peers.json)")
    given = parser.parse_args()
    unknown = set(given.cases) - set(CASES)
    if unknown:
        parser.error(f"no case {sorted(unknown)[0]!r}; cases: {', '.join(CASES)}")
    return given


def make_ready(tool: Tool, cache: Path) -> str:
    """Install a tool; return why that failed, or an empty text."""
    try:
        install(tool, cache)
    except (subprocess.CalledProcessError, OSError, StopIteration) as error:
        return f"cannot be installed: {error}"
    return ""


def save(rows: list[dict[str, object]], tools: dict[str, object], output: Path) -> None:
    document = {"machine": machine(), "tools": tools, "results": rows}
    for path, text in ((output, json.dumps(document, indent=1)), (output.with_suffix(".md"), markdown(rows))):
        part = path.with_name(path.name + ".part")
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(path)


def main() -> None:
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    cache = given.cache.expanduser().resolve()
    limits = Limits(cpu_s=given.time_limit, memory_bytes=int(given.memory_limit * 2**30), runs=given.runs)
    stored = json.loads(given.output.read_text(encoding="utf-8")) if given.resume and given.output.exists() else {}
    rows: list[dict[str, object]] = stored.get("results", [])
    tools: dict[str, object] = stored.get("tools", {})
    for tool in [t for t in TOOLS if t.name in given.tool]:
        trouble = make_ready(tool, cache) if given.install else ""
        if not trouble and not is_there(tool, cache):
            trouble = "is not there; --install gets it"
        told = version(tool, cache) if not trouble else ""
        tools[tool.name] = {"title": tool.title, "version": told, "settings": tool.settings}
        for case in given.cases:
            if any(row["tool"] == tool.name and row["case"] == case for row in rows):
                continue
            if trouble:
                row: dict[str, object] = {"tool": tool.name, "case": case, "cells": "", "fails": trouble}
            else:
                row = measure(tool, case, size=given.size, cache=cache, limits=limits)
            rows.append(row)
            save(rows, tools, given.output)
            said = row.get("fails") or f"{row['tets']} tets, {row['cpu_seconds']:.2f} s of CPU"
            print(f"{tool.name} {case}: {said}", file=sys.stderr, flush=True)
    print(markdown(rows))


if __name__ == "__main__":
    main()
