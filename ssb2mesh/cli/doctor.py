"""`ssb2mesh doctor`."""

from __future__ import annotations

from typing import Any

import click

from ssb2mesh.cli.common import emit, json_option, verb

__all__ = ["command"]


@verb(
    "doctor",
    examples=("ssb2mesh doctor", "ssb2mesh doctor --json", "ssb2mesh doctor --quiet"),
)
@json_option
def command(*, as_json: bool, **_: Any) -> None:
    """Show what is installed, which DOLFINx, whether MPI works and whether pictures can be drawn."""
    from ssb2mesh.doctor import describe_findings, examine

    findings = examine()
    emit({"findings": [f.to_dict() for f in findings]}, describe_findings(findings), as_json=as_json)
    if any(f.state == "broken" for f in findings):
        raise click.exceptions.Exit(1)
