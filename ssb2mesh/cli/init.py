"""`ssb2mesh init`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ssb2mesh.cli.common import (
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


def _names() -> list[str]:
    from ssb2mesh.study.templates import template_summaries

    return sorted(template_summaries())


@verb(
    "init",
    examples=(
        "ssb2mesh init --list",
        "ssb2mesh init effective && ssb2mesh run effective.toml",
        'ssb2mesh init mesh -o mine.toml --volume cathode.tif --voxel-size "0.4 um" --phase 0=void --phase 1=NMC',
    ),
)
@click.argument("name", cls=Argument, required=False, names=_names,
                help="Which template; --list shows them.")  # fmt: skip
@click.option("-o", "--output", cls=Option, group="Output", metavar="FILE", absent="NAME.toml",
              help="Study file.")  # fmt: skip
@click.option("--list", "listing", cls=Option, group="Input", is_flag=True, help="List the templates.")
@click.option("--volume", cls=Option, group="Input", metavar="FILE", absent="a generated volume",
              help="Volume file of your own; labels, names and voxel size are read from it, what it does not tell is "
                   "left to fill in.")  # fmt: skip
@volume_options
@crop_option
@overwrite_option
@json_option
def command(
    name: str | None,
    *,
    output: str | None,
    listing: bool,
    volume: str | None,
    reading: Mapping[str, Any],
    crop: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **_: Any,
) -> None:
    """Write a commented study to start from, on a generated volume or on your own."""
    from ssb2mesh.study.templates import describe_templates, template_summaries, write_template

    if listing:
        emit(template_summaries(), describe_templates(), as_json=as_json)
        return
    if name is None:
        raise click.UsageError("give the NAME of a template, or --list to see what there is")
    if volume is None and (crop or any(value is not None for value in reading.values())):
        raise click.UsageError("options of a volume belong to --volume FILE; a template generates its own volume")
    target = output or f"{name}.toml"
    places = write_template(name, target, source=volume, reading=reading, crop=crop, overwrite=overwrite)
    numbers = {"study": target, "template": name, "to_fill_in": [{"place": p, "holds": text} for p, text in places]}
    lines = [f"{place}: {text}" for place, text in places]
    text = "\n".join([f"to fill in, {len(lines)} places:", *lines]) if lines else f"next: ssb2mesh run {target}"
    emit(numbers, text, as_json=as_json)
    say(f"wrote {target}", quiet=quiet)
