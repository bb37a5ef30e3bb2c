"""`ssb2mesh phantom`."""

from __future__ import annotations

from typing import Any

import click

from ssb2mesh.cli.common import Argument, Option, emit, json_option, overwrite_option, say, verb

__all__ = ["command"]


def _pairs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not (key and equals and text):
            raise click.BadParameter(f"got {value!r}; write KEY=VALUE, such as shape=64")
        pairs[key] = text
    return pairs


def _names() -> list[str]:
    from ssb2mesh.phantoms import PHANTOMS

    return sorted(PHANTOMS)


@verb(
    "phantom",
    examples=(
        "ssb2mesh phantom --list",
        'ssb2mesh phantom sphere -o sphere.tif --option shape=64 --option "voxel_size=1 um"',
        "ssb2mesh phantom composite_cathode -o cathode.tif --seed 3 --option void_fraction=0.1 --json",
    ),
)
@click.argument("name", cls=Argument, required=False, names=_names,
                help="Which phantom; --list shows them.")  # fmt: skip
@click.option("-o", "--output", cls=Option, group="Output", metavar="FILE", absent="none, and nothing is generated",
              help="Volume file, format by suffix.")  # fmt: skip
@click.option(
    "--list",
    "listing",
    cls=Option,
    group="Input",
    is_flag=True,
    help="List the phantoms and their options, with units.",
)
@click.option("--seed", cls=Option, group="Input", type=click.IntRange(0), default=0, metavar="N",
              help="Seed of what is random.")  # fmt: skip
@click.option("--option", "options", cls=Option, group="Input", multiple=True, metavar="KEY=VALUE", callback=_pairs,
              absent="as --list shows", unit="written with the value, such as 'voxel_size=1 um'",
              help="An option of the phantom; repeat.")  # fmt: skip
@overwrite_option
@json_option
def command(
    name: str | None,
    *,
    output: str | None,
    listing: bool,
    seed: int,
    options: dict[str, str],
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **_: Any,
) -> None:
    """Generate a volume with known answers, such as a sphere or a composite cathode."""
    from ssb2mesh.summaries import describe_phantom, describe_phantoms, phantom_numbers, phantoms_numbers

    if listing:
        emit(phantoms_numbers(), describe_phantoms(), as_json=as_json)
        return
    if name is None or output is None:
        raise click.UsageError("give the NAME of a phantom and -o FILE, or --list to see what there is")
    from ssb2mesh.verbs import phantom_file

    phantom = phantom_file(name, output, seed=seed, options=options, overwrite=overwrite)
    emit(phantom_numbers(phantom), describe_phantom(phantom), as_json=as_json)
    say(f"wrote {output}", quiet=quiet)
