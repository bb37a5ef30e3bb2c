"""What the examples of papers share: volumes or phantoms, table, CSV file, figure. Nothing is measured here."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ssb2mesh
from ssb2mesh.errors import Ssb2meshError
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.plot.style import house_style, new_figure, save

Volumes = dict[str, ssb2mesh.LabelledVolume]


@dataclass(frozen=True)
class Line:
    """A line of the table: a number for each state, and the paper's own in words ("" where it has none)."""

    quantity: str
    unit: str
    values: Sequence[float]
    paper: str = ""


def parser(text: str | None, roles: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return a parser of volumes, their voxel size and labels, and a name for each role a phase plays."""
    found = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("volumes", nargs="*", metavar="VOLUME", help="segmented volumes, one a state; else phantoms")
    found.add_argument("--voxel-size", metavar="LENGTH", help='such as "1 um", unless the files tell')
    found.add_argument("--phase", action="append", default=[], metavar="LABEL=NAME", help="name of a label; repeat")
    found.add_argument("--axes", help="which of x, y, z each stored axis is, such as zyx")
    found.add_argument("-o", "--output", type=Path, default=Path(), metavar="FOLDER", help="of table and figure")
    found.add_argument("--size", type=int, help="voxels of a phantom along its edge")
    for role, name in roles.items():
        found.add_argument(f"--{role}", default=name, metavar="NAME", help=f"name of this phase (default: {name})")
    return found


def volumes(given: argparse.Namespace, phantoms: Callable[[], Volumes]) -> Volumes:
    """Return the volumes named on the command line by file name, else the phantoms."""
    if not given.volumes:
        return phantoms()
    phases = {}
    for text in given.phase:
        label, sign, name = text.partition("=")
        if not sign or not label.strip().isdigit():
            raise ssb2mesh.InputError(f"--phase: got {text!r}; give LABEL=NAME, such as 0=void")
        phases[int(label)] = name.strip()
    names = [Path(path).stem for path in given.volumes]
    if len(set(names)) < len(names):
        names = [f"{number} {name}" for number, name in enumerate(names, 1)]
    options = {"voxel_size": given.voxel_size, "axes": given.axes}
    found = {}
    for name, path in zip(names, given.volumes, strict=True):
        found[name] = ssb2mesh.read_volume(path, **options, phases=phases or None)
    return found


def present(volume: ssb2mesh.LabelledVolume, *names: str) -> list[str]:
    """Return which of these phases a volume has."""
    return [name for name in names if name in volume.phase_names]


def finish(name: str, states: Sequence[str], lines: Sequence[Line], folder: Path, draw: Callable[[Any], None]) -> None:
    """Print the table, write it as NAME.csv and draw NAME.png."""
    cells = [[f"{line.quantity}, {line.unit}" if line.unit else line.quantity] for line in lines]
    for row, line in zip(cells, lines, strict=True):
        row += ["-" if np.isnan(value) else f"{value:.4g}" for value in line.values] + [line.paper]
    table = [["", *states, "paper"], *cells]
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    for row in table:
        print("  ".join([row[0].ljust(widths[0]), *(t.rjust(w) for t, w in zip(row[1:-1], widths[1:-1], strict=True)),
                         row[-1]]).rstrip())  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"{name}.csv") as (part,), part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["quantity", "unit", *states, "paper"])
        writer.writerows([line.quantity, line.unit, *(f"{v:.9g}" for v in line.values), line.paper] for line in lines)
    figure = new_figure((1400, 620))
    figure.set_layout_engine("constrained")
    with house_style():
        draw(figure)
    save(figure, folder / f"{name}.png")
    print(f"written: {folder / name}.csv, .png")


def collect(found: Mapping[str, Mapping[str, float]], key: str, factor: float = 1.0) -> list[float]:
    """Return a number of every state in the unit of the table; NaN where a state lacks it."""
    return [factor * each.get(key, float("nan")) for each in found.values()]


def run(main: Callable[[], object]) -> None:
    """Run a script; wrong input is one line and exit code 2."""
    try:
        main()
    except Ssb2meshError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
