"""`ssb2mesh run`."""

from __future__ import annotations

import click

from ssb2mesh.cli.common import (
    Argument,
    Option,
    accuracy_option,
    dry_run_option,
    emit,
    force_option,
    fresh_option,
    json_option,
    overwrite_option,
    say,
    verb,
)

__all__ = ["command"]


@verb(
    "run",
    examples=(
        "ssb2mesh run examples/demo.toml",
        "ssb2mesh run study.toml --output results --accuracy 1% --overwrite --json",
        "mpirun -n 4 ssb2mesh run study.toml",
        "ssb2mesh run study.toml --dry-run",
    ),
)
@click.argument("study", cls=Argument, help="Study file (.toml).")
@click.option("-o", "--output", cls=Option, group="Output", metavar="FOLDER",
              help="Results folder.", absent="[output].folder of the study")  # fmt: skip
@overwrite_option
@fresh_option
@accuracy_option
@dry_run_option
@force_option
@json_option
def command(
    study: str,
    *,
    accuracy: str | None,
    output: str | None,
    overwrite: bool,
    force: bool,
    fresh: bool,
    dry_run: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Run a study from the volume to the report, serial or under mpirun."""
    from ssb2mesh.budget.job import study_budget
    from ssb2mesh.budget.text import describe_budget
    from ssb2mesh.pipeline import run_study
    from ssb2mesh.refine import with_accuracy
    from ssb2mesh.stages import Stages
    from ssb2mesh.study import read_study
    from ssb2mesh.summaries import describe_run_in_full

    plan = with_accuracy(read_study(study).with_output(output), accuracy)
    if dry_run:
        budget = study_budget(plan).to_dict()
        emit(budget, describe_budget(budget), as_json=as_json)
        return

    def tell(line: str) -> None:
        say(f"ssb2mesh: {line}", quiet=quiet)

    result = run_study(
        plan,
        stages=Stages(show=verbose or not quiet, tell=tell),
        overwrite=overwrite,
        force=force,
        fresh=fresh,
        tell=tell,
    )
    if result is not None:
        numbers = result.to_dict()
        for remark in (*numbers["mesh"]["faults"], *numbers["mesh"].get("notes", ())):
            say(f"ssb2mesh: warning: {remark}")
        emit(numbers, describe_run_in_full(numbers), as_json=as_json)
