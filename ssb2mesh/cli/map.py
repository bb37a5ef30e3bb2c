"""`ssb2mesh map`."""

from __future__ import annotations

from typing import Any

import click

from ssb2mesh.cli.common import Argument, Length, Option, emit, json_option, overwrite_option, say, verb

__all__ = ["command"]


@verb(
    "map",
    examples=(
        'ssb2mesh map grey.tif mesh.vtu -o mesh-with-grey.vtu --voxel-size "0.4 um"',
        "ssb2mesh map potential.xdmf cathode.tif -o potential.vti --field potential",
        "ssb2mesh map concentration.vti mesh.xdmf -o mesh-with-c.xdmf --to points --field concentration",
    ),
)
@click.argument("source", cls=Argument, help="Volume file with numbers by voxel, or mesh file with fields.")
@click.argument("onto", cls=Argument, help="Mesh file, or volume file whose voxels are used.")
@click.option("-o", "--output", cls=Option, group="Output", required=True, metavar="FILE",
              help="Mesh file; or .vti, .tif, .npy.")  # fmt: skip
@click.option("--field", cls=Option, group="Input", metavar="NAME",
              help="Field of the mesh to map, or name of the new one.", absent="the only one; file name")  # fmt: skip
@click.option("--to", cls=Option, group="Mesh", type=click.Choice(["cells", "points"]), default="cells",
              help="Means over tets with integrals kept, or values at points.")  # fmt: skip
@click.option("--linear", cls=Option, group="Mesh", is_flag=True,
              help="Let the field vary linearly within voxels (cells only): for smooth fields.")  # fmt: skip
@click.option("--fill", cls=Option, group="Output", type=float, default=float("nan"), metavar="VALUE",
              help="Value where there is none, such as in dropped phases.")  # fmt: skip
@click.option("--voxel-size", cls=Option, group="Volume", type=Length(), unit="um, nm, mm ... (write '0.4 um')",
              help="Voxel edge, one or three.", absent="from the file")  # fmt: skip
@click.option("--axes", cls=Option, group="Volume", metavar="ORDER",
              help="What the stored axes mean, such as zyx.", absent="the rule of docs/volumes.md")  # fmt: skip
@overwrite_option
@json_option
def command(
    source: str,
    onto: str,
    *,
    output: str,
    field: str | None,
    to: str,
    linear: bool,
    fill: float,
    voxel_size: Any,
    axes: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **_: Any,
) -> None:
    """Map a field from voxels to a mesh or from a mesh to voxels, with integrals kept."""
    from ssb2mesh.voxel_fields.files import describe_map, map_file

    if linear and to == "points":
        raise click.UsageError("--linear is about means over cells; points are trilinear")
    numbers = map_file(
        source,
        onto,
        output,
        field=field,
        reading={"voxel_size": voxel_size, "axes": axes},
        options={"to": to, "linear": linear, "fill": fill},
        overwrite=overwrite,
    )
    emit(numbers, describe_map(numbers), as_json=as_json)
    say(f"wrote {output}", quiet=quiet)
