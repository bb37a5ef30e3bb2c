"""`ssb2mesh surface`."""

from __future__ import annotations

from collections.abc import Mapping
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

__all__ = ["command"]


@verb(
    "surface",
    examples=(
        'ssb2mesh surface cathode.tif -o surfaces --voxel-size "0.4 um" --phase 0=pore --phase 1=NMC',
        'ssb2mesh surface cathode.tif -o cathode.glb --voxel-size "0.4 um" --per interface --reduce 0.8',
        'ssb2mesh surface cathode.tif -o nmc.stl --voxel-size "0.4 um" --phase 1=NMC --only NMC --unit mm --json',
    ),
)
@click.argument("volume", cls=Argument, help=VOLUME_HELP)
@click.option("-o", "--output", cls=Option, group="Output", required=True, metavar="PATH",
              help="File (.stl, .ply, .glb, .vtp) or a folder, which gets a file a part.")  # fmt: skip
@volume_options
@crop_option
@click.option("--per", cls=Option, group="Mesh", default="phase", metavar="PART",
              help="What a part is: 'phase' (closed shells) or 'interface' (open surfaces).")  # fmt: skip
@click.option("--only", cls=Option, group="Mesh", metavar="NAME", multiple=True,
              help="Write this phase or interface ('LPSCl|NMC', 'NMC@z_min') only; repeat.", absent="all")  # fmt: skip
@click.option("--cell-size", cls=Option, group="Mesh", metavar="LENGTH", unit="um, nm, mm ... or voxels ('2 voxels')",
              help="Edge of the squares that the surfaces are made of.", absent="1 voxel")  # fmt: skip
@click.option("--reduce", cls=Option, group="Mesh", type=float, metavar="SHARE",
              help="Share of the triangles to remove, such as 0.5.", absent="none removed")  # fmt: skip
@click.option("--faces", cls=Option, group="Mesh", type=int, metavar="N",
              help="Triangles to keep in all, instead of --reduce.", absent="all kept")  # fmt: skip
@click.option("--format", "format_", cls=Option, group="Output", metavar="NAME",
              help="Format of the files in a folder: stl, ply, glb or vtp.", absent="stl")  # fmt: skip
@click.option("--unit", cls=Option, group="Output", default="um", metavar="UNIT",
              help="Unit of the coordinates in the files (m, mm, um, nm ...), stated in them.")  # fmt: skip
@overwrite_option
@json_option
def command(
    volume: str,
    *,
    output: str,
    reading: Mapping[str, Any],
    crop: str | None,
    per: str,
    only: tuple[str, ...],
    cell_size: str | None,
    reduce: float | None,
    faces: int | None,
    format_: str | None,
    unit: str,
    overwrite: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Write the smoothed surfaces of a segmented volume, per phase (watertight) or per interface."""
    from ssb2mesh.stages import Stages
    from ssb2mesh.surfaces.job import surface_file
    from ssb2mesh.surfaces.words import describe_surfaces

    numbers = surface_file(
        volume,
        output,
        volume={"reading": reading, "crop": crop},
        parts={"per": per, "only": only, "cell_size": cell_size, "reduce": reduce, "faces": faces},
        form={"format": format_, "unit": unit},
        overwrite=overwrite,
        stages=Stages(show=verbose),
    )
    emit(numbers, describe_surfaces(numbers), as_json=as_json)
    say(f"wrote {output} (lengths in {unit})", quiet=quiet)
