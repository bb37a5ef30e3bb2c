"""`ssb2mesh mesh`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ssb2mesh.cli.common import (
    VOLUME_HELP,
    Argument,
    Option,
    crop_option,
    emit,
    json_option,
    overwrite_option,
    say,
    verb,
    volume_options,
)
from ssb2mesh.cli.export import export_options

__all__ = ["command"]


@verb(
    "mesh",
    examples=(
        'ssb2mesh mesh cathode.tif -o cathode.vtu --voxel-size "0.4 um" --phase 0=pore --phase 1=NMC',
        'ssb2mesh mesh cathode.tif -o out.xdmf --voxel-size "0.4 um" --phase 0=void --drop void --grade 2',
        "ssb2mesh mesh large.h5 -o mesh.xdmf --grade 3 --out-of-core",
        'ssb2mesh mesh cathode.tif -o cathode.msh --voxel-size "0.4 um" --crop 0:128,0:128,0:128 --dry-run --json',
    ),
)
@click.argument(
    "volume",
    cls=Argument,
    help=VOLUME_HELP,
)
@click.option("-o", "--output", cls=Option, group="Output", required=True, metavar="FILE",
              help="Mesh file, format by suffix (.vtu, .xdmf, .msh, .e, .mphtxt, .inp, ...).")  # fmt: skip
@volume_options
@crop_option
@click.option("--cell-size", cls=Option, group="Mesh", metavar="LENGTH", unit="um, nm, mm ... or voxels ('2 voxels')",
              help="Edge of the lattice cells.", absent="1 voxel")  # fmt: skip
@click.option("--drop", cls=Option, group="Mesh", metavar="PHASE", multiple=True,
              help="Leave a phase out of the mesh; its walls stay as facet sets; repeat.", absent="none")  # fmt: skip
@click.option("--engine", cls=Option, group="Mesh", default="lattice", metavar="NAME",
              help="The mesher: lattice or gmsh.")  # fmt: skip
@click.option("--grade", cls=Option, group="Mesh", default=0, type=click.IntRange(0, 6), metavar="LEVELS",
              help="Levels by which cells merge in bulk; those at interfaces never do.")  # fmt: skip
@click.option("--max-size", cls=Option, group="Mesh", metavar="LENGTH", unit="um ... or voxels",
              help="Largest cell in bulk, instead of --grade.", absent="the cell size")  # fmt: skip
@click.option("--size", "sizes", cls=Option, group="Mesh", metavar="NAME=LENGTH", multiple=True,
              help="Size in a phase or at an interface ('LPSCl|NMC=0.5 um'); repeat.", absent="none")  # fmt: skip
@click.option("--size-field", cls=Option, group="Mesh", metavar="FILE", unit="m",
              help="Largest size at each voxel (.npy or TIFF).", absent="none")  # fmt: skip
@click.option("--thin", cls=Option, group="Mesh", default="keep", metavar="WHAT",
              help="Features thinner than a cell: keep (smaller cells), drop, report (drop, tell first).")  # fmt: skip
@click.option("--grey", cls=Option, group="Mesh", metavar="FILE",
              help="Grey values (.npy or TIFF); interfaces go to their iso-surface.", absent="none")  # fmt: skip
@click.option("--slabs", cls=Option, group="Mesh", type=click.IntRange(1), metavar="N",
              help="Make the mesh in N slabs, one after another (.xdmf only).", absent="in one piece")  # fmt: skip
@click.option("--out-of-core", cls=Option, group="Mesh", is_flag=True,
              help="Make it in as many slabs as the free memory asks for.")  # fmt: skip
@click.option("--report", cls=Option, group="Output", metavar="FOLDER",
              help="Folder for a report: volume, mesh and check on one page.", absent="no page")  # fmt: skip
@click.option("--dry-run", cls=Option, group="Mesh", is_flag=True,
              help="Predict tets, memory, disk and time, and write nothing.")  # fmt: skip
@click.option("--force", cls=Option, group="Mesh", is_flag=True,
              help="Go on although the mesh is predicted not to fit in memory.")  # fmt: skip
@export_options
@overwrite_option
@json_option
def command(
    volume: str,
    *,
    output: str,
    reading: Mapping[str, Any],
    crop: str | None,
    cell_size: str | None,
    drop: tuple[str, ...],
    engine: str,
    slabs: int | None,
    out_of_core: bool,
    report: str | None,
    dry_run: bool,
    force: bool,
    export: Mapping[str, Any],
    overwrite: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Mesh a segmented volume into conforming tetrahedra with named phases, interfaces and box sides."""
    from ssb2mesh.errors import InputError
    from ssb2mesh.exports import Export
    from ssb2mesh.paths import check_report_folder
    from ssb2mesh.stages import Stages
    from ssb2mesh.summaries import describe_mesh
    from ssb2mesh.verbs import mesh_file, mesh_report_file, predict_file

    if slabs is not None and out_of_core:
        raise InputError(f"--slabs, --out-of-core: got both; give --slabs {slabs}, or --out-of-core to have N chosen")
    opening: dict[str, Any] = {"reading": reading, "crop": crop}
    meshing: dict[str, Any] = {"cell_size": cell_size, "drop": drop, "options": _options(options)}
    if dry_run:
        from ssb2mesh.budget.text import describe_budget

        budget = predict_file(volume, output, volume=opening, mesh=meshing)
        emit(budget, describe_budget(budget), as_json=as_json)
        return
    meshing |= {"engine": engine, "force": force}
    stages = Stages(show=verbose, tell=lambda line: say(f"ssb2mesh: {line}", quiet=quiet))
    leaving = Export(**export)
    how: dict[str, Any] = {"volume": opening, "mesh": meshing, "overwrite": overwrite, "stages": stages}
    if slabs is not None or out_of_core:
        from ssb2mesh.slabs.files import mesh_file_in_slabs
        from ssb2mesh.slabs.page import report_slab_file

        if leaving != Export():
            raise InputError(
                "--slabs: a mesh in slabs is written as it is; use ssb2mesh convert for units, order, split"
            )
        if report is not None:
            check_report_folder(report, overwrite=overwrite)
        numbers = mesh_file_in_slabs(volume, output, slabs=slabs, **how)
        each = f", about {numbers['slab_memory_bytes'] / 2**30:.2g} GiB each" if "slab_memory_bytes" in numbers else ""
        kept = f", {numbers['kept_slabs']} of them finished before" if numbers["kept_slabs"] else ""
        say(f"ssb2mesh: {numbers['slabs']} slabs{each}{kept}", quiet=quiet)
        if report is not None:
            report_slab_file(volume, output, report, numbers=numbers, job=how)
    elif report is not None:
        numbers = mesh_report_file(volume, output, report, job={**how, "export": leaving})
    else:
        numbers = mesh_file(volume, output, export=leaving, **how)
    emit(numbers, describe_mesh(numbers), as_json=as_json)
    for remark in (*numbers["faults"], *numbers["notes"]):
        say(f"ssb2mesh: warning: {remark}")
    say(f"wrote {output}" if report is None else f"wrote {output}, {Path(report) / 'report.html'}", quiet=quiet)


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the mesher by name, those not given left out; sizes from NAME=LENGTH."""
    from ssb2mesh.errors import InputError

    sizes = {}
    for text in given["sizes"]:
        name, equals, length = text.rpartition("=")
        if not equals or not name or not length:
            raise InputError(f"--size: got {text!r}; give NAME=LENGTH, such as 'LPSCl|NMC=0.5 um'")
        sizes[name.strip()] = length.strip()
    return {name: value for name, value in {**given, "sizes": sizes}.items() if value is not None}
