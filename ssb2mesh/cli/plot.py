"""`ssb2mesh plot`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ssb2mesh.cli.common import (
    Argument,
    Option,
    crop_option,
    overwrite_option,
    say,
    verb,
    volume_options,
)

__all__ = ["command"]


def _size(ctx: click.Context, _: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    try:
        width, height = (int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"got {value!r}; give width and height, such as 1600,1200") from None
    return width, height


@verb(
    "plot",
    examples=(
        "ssb2mesh plot cathode.vtu -o cathode.png",
        "ssb2mesh plot cathode.vtu -o contact.png --what interfaces --show 'LPSCl|NMC'",
        "ssb2mesh plot discharge_LPSCl-NMC.vtu -o current.png --what current",
        'ssb2mesh plot cathode.tif -o slices.png --what slices --voxel-size "0.4 um" --phase 0=pore --phase 1=NMC',
    ),
)
@click.argument("source", cls=Argument, help="Mesh file (.vtu, .xdmf, .msh), or a volume file with --what slices.")
@click.option("-o", "--output", cls=Option, group="Output", required=True, metavar="FILE", help="Picture (.png).")
@click.option("--what", cls=Option, group="Picture", default="cutaway",
              type=click.Choice(["cutaway", "interfaces", "quality", "field", "current", "slices"]),
              help="What to draw: slices of a volume, current of an interface file, all others of a mesh.")  # fmt: skip
@click.option("--field", cls=Option, group="Picture", metavar="NAME", absent="the only one in the file",
              help="Field to draw with --what field.")  # fmt: skip
@click.option("--show", cls=Option, group="Picture", metavar="NAME", multiple=True, absent="all",
              help="Phase of a cut-away, or facet set of interfaces; repeat.")  # fmt: skip
@click.option("--size", cls=Option, group="Picture", metavar="W,H", unit="pixels", callback=_size,
              absent="by kind of picture", help="Width and height.")  # fmt: skip
@volume_options
@crop_option
@overwrite_option
def command(
    source: str,
    *,
    output: str,
    what: str,
    field: str | None,
    show: tuple[str, ...],
    size: tuple[int, int] | None,
    reading: Mapping[str, Any],
    crop: str | None,
    overwrite: bool,
    quiet: bool,
    **_: Any,
) -> None:
    """Draw a mesh, a field on it, or slices of a volume into a PNG file; needs no screen."""
    from ssb2mesh.verbs import plot_mesh_file, plot_volume_file

    if what == "slices":
        plot_volume_file(source, output, volume={"reading": reading, "crop": crop}, size=size, overwrite=overwrite)
    elif what == "current":
        from ssb2mesh.plot import plot_interface_file

        plot_interface_file(source, output, size=size, overwrite=overwrite)
    else:
        plot_mesh_file(source, output, what=what, field=field, show=show, size=size, overwrite=overwrite)
    say(f"wrote {output}", quiet=quiet)
