"""`ssb2mesh info`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ssb2mesh.cli.common import VOLUME_HELP, Argument, crop_option, emit, json_option, verb, volume_options

__all__ = ["command"]


@verb(
    "info",
    examples=(
        'ssb2mesh info cathode.tif --voxel-size "0.4 um"',
        'ssb2mesh info cathode.tif --voxel-size "0.4 um" --phase 0=pore --phase 1=NMC --json',
        "ssb2mesh info scan.h5::/labels --crop 0:128,0:128,0:128",
    ),
)
@click.argument(
    "volume",
    cls=Argument,
    help=VOLUME_HELP,
)
@volume_options
@crop_option
@json_option
def command(volume: str, *, reading: Mapping[str, Any], crop: str | None, as_json: bool, **_: Any) -> None:
    """Show the size, the voxel size and the phases of a volume."""
    from ssb2mesh.steps import open_volume
    from ssb2mesh.summaries import describe_volume, volume_numbers

    found = open_volume(volume, reading=reading, crop=crop)
    emit(volume_numbers(found), describe_volume(found), as_json=as_json)
