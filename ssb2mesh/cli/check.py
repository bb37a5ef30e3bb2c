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
        "ssb2mesh check cathode.xdmf --volume cathode.vti --strict --max-hausdorff 1.5 --json",
    ),
)
@click.argument("mesh", cls=Argument, help="Mesh file (.vtu, .xdmf, .msh).")
@click.option("--volume", cls=Option, group="Volume", metavar="VOLUME", absent="none",
              help="Compare with the volume that was meshed.")  # fmt: skip
@volume_options
@crop_option
@click.option("--min-dihedral", cls=Option, group="Mesh", type=click.FloatRange(0, 90),
              metavar="NUMBER", unit="degrees",
              help="Smallest dihedral angle allowed.", absent="5; 10 if --strict")  # fmt: skip
@click.option("--max-volume-error", cls=Option, group="Mesh", type=click.FloatRange(0),
              metavar="NUMBER", unit="per cent",
              help="Largest volume error of a phase allowed.", absent="5; 0.2 if --strict")  # fmt: skip
@click.option("--max-component-error", cls=Option, group="Mesh", type=click.FloatRange(0),
              metavar="NUMBER", unit="per cent",
              help="The same of a component of more than 27 voxels.", absent="none; 2 if --strict")  # fmt: skip
@click.option("--max-hausdorff", cls=Option, group="Mesh", type=click.FloatRange(0),
              metavar="NUMBER", unit="smallest voxel edges",
              help="Largest Hausdorff distance of an interface.", absent="none; 1 if --strict")  # fmt: skip
@click.option("--strict", cls=Option, group="Mesh", is_flag=True,
              help="Tight limits; components or contacts lost, gained, merged or split are faults.")  # fmt: skip
@click.option("--quick", cls=Option, group="Mesh", is_flag=True,
              help="Neither match components nor measure distances of interfaces.")  # fmt: skip
@click.option("--worst", cls=Option, group="Output", type=click.IntRange(0, 1000), default=10, metavar="N",
              help="How many of the worst tets to locate.")  # fmt: skip
@json_option
def command(
    mesh: str,
    *,
    volume: str | None,
    reading: Mapping[str, Any],
    crop: str | None,
    min_dihedral: float | None,
    max_volume_error: float | None,
    max_component_error: float | None,
    max_hausdorff: float | None,
    strict: bool,
    quick: bool,
    worst: int,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Check a mesh against itself and against its voxels; exit code 1 if it has a fault."""
    from ssb2mesh.check.text import describe_check
    from ssb2mesh.stages import Stages
    from ssb2mesh.summaries import describe_mesh
    from ssb2mesh.verbs import check_file

    given = {"--max-volume-error": max_volume_error, "--max-component-error": max_component_error,
             "--max-hausdorff": max_hausdorff}  # fmt: skip
    for flag, value in given.items():
        if value is not None and volume is None:
            raise click.UsageError(f"{flag} compares with voxels; give --volume too")
    if quick and (strict or max_hausdorff is not None or max_component_error is not None):
        raise click.UsageError("--quick leaves out what --strict, --max-hausdorff and --max-component-error need")
    limits = {"min_dihedral_deg": min_dihedral, "max_hausdorff_voxels": max_hausdorff}
    limits |= {"max_volume_error": max_volume_error and max_volume_error / 100}
    limits |= {"max_component_error": max_component_error and max_component_error / 100}
    options: dict[str, Any] = {key: value for key, value in limits.items() if value is not None}
    options |= {"strict": strict, "quick": quick, "worst": worst}
    opening = {"reading": reading, "crop": crop}
    numbers = check_file(mesh, against=volume, volume=opening, options=options, stages=Stages(show=verbose))
    more = describe_check(numbers)
    emit(numbers, describe_mesh(numbers) + (f"\n\n{more}" if more else ""), as_json=as_json)
    for note in numbers["notes"]:
        say(f"ssb2mesh: warning: {note}", quiet=quiet)
    if not numbers["ok"]:
        for fault in numbers["faults"]:
            say(f"ssb2mesh: fault: {fault}")
        raise click.exceptions.Exit(1)
    say("the mesh is valid", quiet=quiet)
