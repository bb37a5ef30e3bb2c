"""`ssb2mesh clean`."""

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
    "clean",
    examples=(
        'ssb2mesh clean cathode.tif -o clean.tif --voxel-size "0.4 um" --step "remove_islands smaller_than=27"',
        'ssb2mesh clean cathode.tif -o clean.tif --voxel-size "0.4 um" --phase 0=pore --step "keep_largest phase=pore"',
        'ssb2mesh clean in.tif -o out.tif --voxel-size "0.4 um" --step majority_filter --step "downsample factor=2"',
    ),
)
@click.argument("volume", cls=Argument, help=VOLUME_HELP)
@click.option("-o", "--output", cls=Option, group="Output", required=True, metavar="FILE",
              help="Volume file, format by suffix.")  # fmt: skip
@volume_options
@crop_option
@click.option("--step", "steps", cls=Option, group="Input", multiple=True, required=True, metavar="STEP",
              help="'VERB KEY=VALUE ...', a clean-up verb of docs/volumes.md; repeat, done in order.")  # fmt: skip
@overwrite_option
@json_option
def command(
    volume: str,
    *,
    output: str,
    reading: Mapping[str, Any],
    crop: str | None,
    steps: tuple[str, ...],
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **_: Any,
) -> None:
    """Clean up a volume before meshing and tell what changed per phase."""
    from ssb2mesh.summaries import cleaning_numbers, describe_cleaning
    from ssb2mesh.verbs import clean_file

    opening = {"reading": reading, "crop": crop}
    cleaned, reports = clean_file(volume, output, steps, volume=opening, overwrite=overwrite)
    emit(cleaning_numbers(cleaned, reports), describe_cleaning(cleaned, reports), as_json=as_json)
    say(f"wrote {output}", quiet=quiet)
