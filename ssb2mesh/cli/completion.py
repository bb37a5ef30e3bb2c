"""`ssb2mesh completion`."""

from __future__ import annotations

from typing import Any

import click

from ssb2mesh.cli.common import Argument, verb

__all__ = ["command"]

#: What the script of a shell sets to ask this program for completions.
VARIABLE = "_SSB2MESH_COMPLETE"


@verb(
    "completion",
    examples=(
        "ssb2mesh completion bash >> ~/.bashrc",
        "ssb2mesh completion zsh >> ~/.zshrc",
        "ssb2mesh completion fish > ~/.config/fish/completions/ssb2mesh.fish",
    ),
)
@click.argument(
    "shell", cls=Argument, type=click.Choice(["bash", "zsh", "fish"]), help="bash (4.4 or newer), zsh, fish."
)
def command(shell: str, **_: Any) -> None:
    """Write the script that makes a shell complete verbs, options, their values and files."""
    from click.shell_completion import get_completion_class

    from ssb2mesh.cli.main import cli

    found = get_completion_class(shell)
    assert found is not None
    # not .source(), which starts bash to ask for its version even where another machine's script is wanted
    made = found(cli, {}, "ssb2mesh", VARIABLE)
    click.echo(made.source_template % made.source_vars())
