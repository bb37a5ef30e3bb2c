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
        "ssb2mesh plot results/ions.xdmf -o ions.png --field potential",
        "ssb2mesh plot results/stress.xdmf -o stress.png --field von_mises",
        "ssb2mesh plot results/stress.xdmf -o pressure.png --field stress --on 'LPSCl|NMC'",
        "ssb2mesh plot results/discharge_LPSCl-NMC.vtu -o current.png --what current",
        'ssb2mesh plot cathode.tif -o slices.png --what slices --voxel-size "0.4 um" --phase 0=pore --phase 1=NMC',
    ),
)
@click.argument("source", cls=Argument, help="Mesh file, file of a solve (.xdmf; .vtu of an interface), or a volume "
                "file with --what slices.")  # fmt: skip
@click.option("-o", "--output", cls=Option, group="Output", required=True, metavar="FILE", help="Picture (.png).")
@click.option("--what", cls=Option, group="Picture",
              absent="current of an interface file; field if --field is given, else cutaway",
              type=click.Choice(["cutaway", "interfaces", "quality", "field", "current", "slices"]),
              help="What to draw: slices of a volume, current of an interface file, all others of a mesh.")  # fmt: skip
@click.option("--field", cls=Option, group="Picture", metavar="NAME", absent="the only one in the file",
              help="Field to draw: a potential with its current lines, others on a cut and a plane; a wrong name "
              "lists those of the file.")  # fmt: skip
@click.option("--on", cls=Option, group="Picture", metavar="SET", absent="the body",
              help="Facet set to draw the field on: of a stress the contact pressure, of a separation the opening, "
              "of a current density what passes.")  # fmt: skip
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
    what: str | None,
    field: str | None,
    on: str | None,
    show: tuple[str, ...],
    size: tuple[int, int] | None,
    reading: Mapping[str, Any],
    crop: str | None,
    overwrite: bool,
    quiet: bool,
    **_: Any,
) -> None:
    """Draw a mesh, a field on it, or slices of a volume into a PNG file; needs no screen."""
    from ssb2mesh.plot.job import plot_file

    choice = {"field": field, "on": on, "show": show}
    volume = {"reading": reading, "crop": crop}
    plot_file(source, output, what=what, choice=choice, volume=volume, size=size, overwrite=overwrite)
    say(f"wrote {output}", quiet=quiet)
