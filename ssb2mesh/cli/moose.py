"""`ssb2mesh moose`."""

from __future__ import annotations

from typing import Any

import click

from ssb2mesh.cli.common import Argument, Option, emit, json_option, overwrite_option, say, verb

__all__ = ["command"]


@verb(
    "moose",
    examples=(
        "ssb2mesh moose study.toml",
        "ssb2mesh moose study.toml -o moose --mesh results/mesh.xdmf --overwrite",
        "ssb2mesh moose study.toml --unit m --json",
    ),
)
@click.argument("study", cls=Argument, help="Study file (.toml).")
@click.option("-o", "--output", cls=Option, group="Output", metavar="FOLDER",
              help="Where inputs and meshes go.", absent="<results folder>-moose")  # fmt: skip
@click.option("--mesh", "mesh_file", cls=Option, group="Mesh", metavar="FILE",
              help="Mesh file to use.", absent="that of the results folder, or a new one")  # fmt: skip
@click.option("--unit", cls=Option, group="Output", type=click.Choice(["um", "m"]), default="um",
              help="Unit of length of mesh and inputs; tolerances of libMesh are absolute.")  # fmt: skip
@overwrite_option
@json_option
def command(
    study: str,
    *,
    output: str | None,
    mesh_file: str | None,
    unit: str,
    overwrite: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    **_: Any,
) -> None:
    """Write MOOSE inputs for the solves of a study, with the Exodus mesh beside them."""
    from ssb2mesh.moose.study import describe_moose, moose_study
    from ssb2mesh.stages import Stages
    from ssb2mesh.study import read_study

    numbers = moose_study(
        read_study(study), output, mesh_file=mesh_file, unit=unit, overwrite=overwrite, stages=Stages(show=verbose)
    ).to_dict()
    emit(numbers, describe_moose(numbers), as_json=as_json)
    for name, why in numbers["skipped"].items():
        say(f"ssb2mesh: warning: no input for {name}: {why}")
    for name, shares in numbers["isolated"].items():
        parts = ", ".join(f"{share:.2%} of {phase}" for phase, share in shares.items())
        say(f"ssb2mesh: {name}: {parts} touch no contact and carry no unknown", quiet=quiet)
