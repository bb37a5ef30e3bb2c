"""`ssb2mesh solve`."""

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
    "solve",
    examples=(
        "ssb2mesh solve study.toml",
        "ssb2mesh solve study.toml --mesh cathode.xdmf --output fields --json",
        "mpirun -n 4 ssb2mesh solve study.toml --overwrite",
    ),
)
@click.argument("study", cls=Argument, help="Study file (.toml).")
@click.option("--mesh", "mesh_file", cls=Option, group="Input", metavar="FILE",
              help="Mesh to solve on.", absent="the mesh of the results folder, or a new one")  # fmt: skip
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
    mesh_file: str | None,
    output: str | None,
    overwrite: bool,
    fresh: bool,
    dry_run: bool,
    force: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Do the solves of a study on its mesh, serial or under mpirun."""
    from ssb2mesh.budget.job import study_budget
    from ssb2mesh.budget.text import describe_budget
    from ssb2mesh.pipeline import existing_mesh, solve_study
    from ssb2mesh.refine import with_accuracy
    from ssb2mesh.stages import Stages
    from ssb2mesh.study import read_study
    from ssb2mesh.summaries import describe_run

    plan = with_accuracy(read_study(study).with_output(output), accuracy)
    if dry_run:
        budget = study_budget(plan, mesh_file=existing_mesh(plan, mesh_file)).to_dict()
        emit(budget, describe_budget(budget), as_json=as_json)
        return
    result = solve_study(
        plan,
        mesh_file=mesh_file,
        stages=Stages(show=verbose),
        overwrite=overwrite,
        force=force,
        fresh=fresh,
        tell=lambda line: say(f"ssb2mesh: {line}", quiet=quiet),
    )
    if result is not None:
        numbers = result.to_dict()
        emit(numbers, describe_run(numbers), as_json=as_json)
        say(f"results: {result.folder}", quiet=quiet)
