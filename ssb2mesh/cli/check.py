"""`ssb2mesh check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ssb2mesh.cli.common import Argument, Option, crop_option, emit, json_option, say, verb, volume_options

__all__ = ["command"]


@verb(
    "check",
    examples=(
        "ssb2mesh check cathode.vtu",
        'ssb2mesh check cathode.vtu --volume cathode.tif --voxel-size "0.4 um" --phase 0=pore --phase 1=NMC',
        "ssb2mesh check cathode.xdmf --json",
    ),
)
@click.argument("mesh", cls=Argument, help="Mesh file (.vtu, .xdmf, .msh).")
@click.option("--volume", cls=Option, group="Volume", metavar="VOLUME", absent="none",
              help="Compare with the volume that was meshed.")  # fmt: skip
@volume_options
@crop_option
@json_option
def command(
    mesh: str,
    *,
    volume: str | None,
    reading: Mapping[str, Any],
    crop: str | None,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Check a mesh against itself and against its voxels; exit code 1 if it is not valid."""
    from ssb2mesh.stages import Stages
    from ssb2mesh.summaries import describe_mesh
    from ssb2mesh.verbs import check_file

    opening = {"reading": reading, "crop": crop}
    numbers = check_file(mesh, against=volume, volume=opening, stages=Stages(show=verbose))
    emit(numbers, describe_mesh(numbers), as_json=as_json)
    if not numbers["ok"]:
        for fault in numbers["faults"]:
            say(f"ssb2mesh: fault: {fault}")
        raise click.exceptions.Exit(1)
    say("the mesh is valid", quiet=quiet)
