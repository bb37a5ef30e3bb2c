"""`ssb2mesh convert`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ssb2mesh.cli.common import Argument, overwrite_option, say, verb
from ssb2mesh.cli.export import export_options

__all__ = ["command"]


@verb(
    "convert",
    examples=(
        "ssb2mesh convert cathode.vtu cathode.xdmf",
        "ssb2mesh convert cathode.vtu cathode.e --split 'LPSCl|NMC'",
        "ssb2mesh convert cathode.xdmf cathode.inp --unit um --order 2",
    ),
)
@click.argument("source", cls=Argument, help="Mesh file to read.")
@click.argument("target", cls=Argument, help="Mesh file to write.")
@export_options
@overwrite_option
def command(source: str, target: str, *, export: Mapping[str, Any], overwrite: bool, quiet: bool, **_: Any) -> None:
    """Convert a mesh from one file format to another, by suffix, and tell what a format cannot hold."""
    from ssb2mesh.exports import Export
    from ssb2mesh.verbs import convert_file

    mesh = convert_file(source, target, overwrite=overwrite, export=Export(**export))
    say(f"wrote {target}: {mesh.n_tets} tets, {mesh.n_points} points", quiet=quiet)
