"""The entry point: the list of verbs, loaded one by one when asked for. No verb here."""

from __future__ import annotations

import importlib
import os
import re
import sys
from typing import Any

import click

__all__ = ["cli", "main"]

#: Verbs in the order of the work; each lives in the module of its name.
VERBS = ("info", "phantom", "sample", "init", "clean", "mesh", "surface", "check", "convert", "map", "measure", "moose",
         "solve", "run", "series", "plot", "view", "doctor", "completion")  # fmt: skip


class Verbs(click.Group):
    """A group that imports a verb when it is called or listed; verbs import what they need when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in order."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb, or None if there is none of this name."""
        if cmd_name not in VERBS:
            return None
        found: click.Command = importlib.import_module(f"ssb2mesh.cli.{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every verb with its whole sentence."""
        verbs = [(name, self.get_command(ctx, name)) for name in VERBS]
        with formatter.section("Verbs"):
            formatter.write_dl([(name, found.get_short_help_str(limit=300)) for name, found in verbs if found])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Add the nearest verb to the error of an unknown one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from ssb2mesh.errors import nearest

            message = f"no verb {args[0]!r}{nearest(args[0], VERBS)}; verbs: {', '.join(VERBS)}"
            raise click.UsageError(message, ctx) from error


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"ssb2mesh {version('ssb2mesh')}")
        ctx.exit()


@click.group(
    cls=Verbs,
    subcommand_metavar="VERB [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="ssb2mesh VERB --help shows the options and examples of a verb.",
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Show the version."
)
def cli() -> None:
    """Segmented 3-D images to conforming, named tetrahedral meshes, and physics on them by name."""


def _guess(error: click.UsageError) -> str:
    """The nearest of the values that an option takes, if a wrong one was given."""
    kind = getattr(getattr(error, "param", None), "type", None)
    given = re.match(r"'(.*)' is not one of", error.message)
    if not isinstance(kind, click.Choice) or given is None:
        return ""
    from ssb2mesh.errors import nearest

    return nearest(given[1], [str(choice) for choice in kind.choices])


def main() -> None:
    """Run the command line: exit code 0 for success, 1 for an error or a failed check, 2 for wrong usage."""
    # what Numba would colour it may write to stdout, between the braces of --json
    os.environ.setdefault("NUMBA_DISABLE_ERROR_MESSAGE_HIGHLIGHTING", "1")
    try:
        code = cli.main(sys.argv[1:] or ["--help"], prog_name="ssb2mesh", standalone_mode=False)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "ssb2mesh"
        click.echo(
            f"ssb2mesh: error: {error.format_message().rstrip('.')}{_guess(error)} (see {where} --help)", err=True
        )
        code = 2
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("ssb2mesh: interrupted", err=True)
        code = 130
    except BrokenPipeError:
        # a pipe that is closed early (| head) is no error; what is left in the buffers has no reader
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    raise SystemExit(code if isinstance(code, int) else 0)
