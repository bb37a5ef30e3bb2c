"""Options of the verbs that write a mesh for another program. No verb and no numerics here."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from ssb2mesh.cli.common import Option

__all__ = ["export_options"]

_OPTIONS: tuple[dict[str, Any], ...] = (
    {"names": ["--split"], "metavar": "NAME", "multiple": True, "absent": "none",
     "help": "Double the nodes along an interface such as 'A|B' (or 'all'); repeat."},
    {"names": ["--unit"], "metavar": "UNIT", "default": "m",
     "help": "Unit of the coordinates in the file, such as um."},
    {"names": ["--order"], "type": click.IntRange(1, 2), "default": 1, "metavar": "ORDER",
     "help": "2: second-order tets, curved to interfaces; straight with --option curved=no."},
    {"names": ["--output-axes"], "metavar": "ORDER", "default": "xyz",
     "help": "Which axis becomes x, y and z of the file, such as zyx; sides are renamed."},
    {"names": ["--option", "format_options"], "metavar": "NAME=VALUE", "multiple": True, "absent": "none",
     "help": "Option of the format, such as version=2.2 (docs/mesh-files.md); repeat."},
)  # fmt: skip


def export_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of an export; the verb gets them as keyword `export`."""

    @functools.wraps(function)
    def with_export(*args: Any, **kwargs: Any) -> Any:
        texts = [text.partition("=") for text in kwargs.pop("format_options")]
        for name, equals, _ in texts:
            if not equals:
                raise click.BadParameter(f"got {name!r}; write NAME=VALUE", param_hint="--option")
        export = {
            "split": tuple(kwargs.pop("split")),
            "unit": kwargs.pop("unit"),
            "axes": kwargs.pop("output_axes"),
            "order": kwargs.pop("order"),
            "options": {name.strip(): value.strip() for name, _, value in texts},
        }
        return function(*args, export=export, **kwargs)

    for option in reversed(_OPTIONS):
        settings = dict(option)
        flags: list[str] = settings.pop("names")
        click.option(*flags, cls=Option, group="Output", **settings)(with_export)
    return with_export
