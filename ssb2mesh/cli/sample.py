"""`ssb2mesh sample`."""

from __future__ import annotations

from typing import Any

import click

from ssb2mesh.cli.common import Argument, Option, emit, json_option, overwrite_option, say, verb

__all__ = ["command"]


def _names() -> list[str]:
    from ssb2mesh.samples import sample_registry

    return list(sample_registry())


@verb(
    "sample",
    examples=(
        "ssb2mesh sample --list",
        "ssb2mesh sample nmc-1-cal -o cathode.tif",
        "ssb2mesh sample fiberform --json",
    ),
)
@click.argument("name", cls=Argument, required=False, names=_names, help="Which volume; --list shows them.")
@click.option("-o", "--output", cls=Option, group="Output", metavar="FILE", absent="its place in the cache",
              help="Copy the volume to this file.")  # fmt: skip
@click.option(
    "--list", "listing", cls=Option, group="Input", is_flag=True, help="List the volumes with licence and citation."
)
@overwrite_option
@json_option
def command(
    name: str | None,
    *,
    output: str | None,
    listing: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **_: Any,
) -> None:
    """Fetch a published, measured volume by name and write where it is."""
    from ssb2mesh.samples import describe_sample, describe_samples, fetch_sample, sample_registry

    samples = sample_registry()
    if listing:
        emit({"samples": [sample.to_dict() for sample in samples.values()]}, describe_samples(), as_json=as_json)
        return
    if name is None:
        raise click.UsageError("give the NAME of a sample, or --list to see what there is")
    path = fetch_sample(name, output, overwrite=overwrite)
    emit({**samples[name].to_dict(), "file": str(path)}, str(path), as_json=as_json)
    say(describe_sample(samples[name]), quiet=quiet)
