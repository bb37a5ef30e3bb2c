"""`ssb2mesh convert`."""

from __future__ import annotations

from typing import Any

import click

from ssb2mesh.cli.common import Argument, overwrite_option, say, verb

__all__ = ["command"]


@verb(
    "convert",
    examples=(
        "ssb2mesh convert cathode.vtu cathode.xdmf",
        "ssb2mesh convert cathode.xdmf cathode.msh",
        "ssb2mesh convert cathode.msh cathode.vtu --overwrite",
    ),
)
@click.argument("source", cls=Argument, help="Mesh file to read.")
@click.argument("target", cls=Argument, help="Mesh file to write.")
@overwrite_option
def command(source: str, target: str, *, overwrite: bool, quiet: bool, **_: Any) -> None:
    """Convert a mesh from one file format to another, names and fields kept; formats by suffix."""
    from ssb2mesh.verbs import convert_file

    mesh = convert_file(source, target, overwrite=overwrite)
    say(f"wrote {target}: {mesh.n_tets} tets, {mesh.n_points} points", quiet=quiet)
