"""`ssb2mesh series`."""

from __future__ import annotations

import click

from ssb2mesh.cli.common import Argument, Option, emit, json_option, overwrite_option, say, verb

__all__ = ["command"]


@verb(
    "series",
    examples=(
        "ssb2mesh series states.toml",
        "ssb2mesh series states.toml --jobs 4 --output results",
        "ssb2mesh series states.toml --overwrite --json",
    ),
)
@click.argument("states", cls=Argument, help="Series file (.toml).")
@click.option("-o", "--output", cls=Option, group="Output", metavar="FOLDER",
              help="Results folder; finished stages are kept.", absent="[output].folder of the series")  # fmt: skip
@click.option("--jobs", cls=Option, group="Solve", type=click.IntRange(1), default=1, metavar="N",
              help="Processes that work on states side by side; each holds a volume.")  # fmt: skip
@overwrite_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    states: str,
    *,
    output: str | None,
    jobs: int,
    overwrite: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Measure, compare and solve a list of volumes in the same way, and go on where a run was cut off."""
    from ssb2mesh.series import read_series, run_series
    from ssb2mesh.series.report import describe_series

    plan = read_series(states, folder=output)
    result = run_series(plan, jobs=jobs, overwrite=overwrite, tell=None if quiet else say)
    emit(result.to_dict(), describe_series(result), as_json=as_json)
    for path in result.files:
        say(f"wrote {path}", quiet=quiet)
    for fault in result.faults:
        say(f"ssb2mesh: error: {fault}")
    if result.faults:
        ctx.exit(1)
