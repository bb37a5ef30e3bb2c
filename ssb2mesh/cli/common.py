"""What all verbs share: grouped help, error lines, the usual options. No verb and no numerics here."""

from __future__ import annotations

import atexit
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import click

from ssb2mesh.errors import OtherRankError, Ssb2meshError

__all__ = [
    "Verb",
    "Option",
    "accuracy_option",
    "crop_option",
    "dry_run_option",
    "emit",
    "force_option",
    "fresh_option",
    "json_option",
    "VOLUME_HELP",
    "Argument",
    "overwrite_option",
    "say",
    "verb",
    "volume_options",
]


#: Groups of options in the order of the help; arguments come first.
_ORDER = ("", "Input", "Volume", "Mesh", "Solve", "Picture", "Output", "Other")


class Option(click.Option):
    """An option that knows its group in the help, the unit of its value and what happens without it."""

    def __init__(self, *args: Any, group: str = "Other", unit: str = "", absent: str = "", **kwargs: Any) -> None:
        self.group, self.unit, self.absent = group, unit, absent
        super().__init__(*args, **kwargs)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return (flags, text); the text ends in the unit and the default."""
        record = super().get_help_record(ctx)
        if record is None:
            return None
        absent = self.absent or ("off" if self.is_flag else str(self.default))
        facts = [f"unit: {self.unit}"] if self.unit else []
        facts.append("required" if self.required else f"default: {absent}")
        return record[0], f"{self.help} [{'; '.join(facts)}]"

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return what a shell may complete: files and folders where the value is one."""
        kind = {"FILE": "file", "FOLDER": "dir"}.get(str(self.metavar))
        return _paths(kind, incomplete) if kind else super().shell_complete(ctx, incomplete)


class Argument(click.Argument):
    """An argument with a line in the help; `names` gives the words it may be, without them it is a file."""

    def __init__(
        self,
        *args: Any,
        help: str,  # noqa: A002
        names: Callable[[], Iterable[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        # not called `help`: newer clicks would print it a second time
        self.group, self.line, self.names = "", help, names

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return what a shell may complete: the words of a choice, names, or files."""
        if isinstance(self.type, click.Choice):
            return super().shell_complete(ctx, incomplete)
        if self.names is None:
            return _paths("file", incomplete)
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in self.names() if name.startswith(incomplete)]

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Return (name, text)."""
        return self.human_readable_name.upper(), self.line


def _paths(kind: str, incomplete: str) -> list[Any]:
    """Tell the shell to complete paths by itself."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type=kind)]


class Verb(click.Command):
    """A command whose options are grouped, whose help ends in examples and whose errors are one line."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        self.examples = examples
        super().__init__(*args, **kwargs)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options group by group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", "Other"), []).append(record)
        for name in sorted(groups, key=lambda n: _ORDER.index(n)):
            with formatter.section(f"{name} options" if name else "Arguments"):
                formatter.write_dl(groups[name], col_max=26)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are, without wrapping, so that they can be copied."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{' ' * formatter.current_indent}{example}\n")

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; errors raised on purpose become one line on stderr and exit code 1."""
        debug = bool(ctx.params.pop("debug", False))
        if not debug and not sys.warnoptions:
            warnings.showwarning = _one_line_warning
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except OtherRankError:
            # another process has told why
            raise click.exceptions.Exit(1) from None
        except Ssb2meshError as error:
            if debug:
                raise
            raise Failure(str(error)) from error
        except OSError as error:
            if debug:
                raise
            where = f" {error.filename!r}" if error.filename else ""
            raise Failure(f"{error.strerror or error}{where}") from error
        except MemoryError as error:
            if debug:
                raise
            raise Failure("out of memory; crop the volume or give a larger --cell-size") from error
        except Exception as error:  # a defect of ours: still one line, with the way to the traceback
            if debug:
                raise
            raise Failure(f"unexpected {type(error).__name__}: {error} (run again with --debug)") from error


class Failure(click.ClickException):
    """An error line; exit code 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Write the line to stderr."""
        click.echo(f"ssb2mesh: error: {self.format_message()}", file=file or sys.stderr)


def _one_line_warning(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
    # libraries' own deprecations are noise to a user; ours are UserWarnings
    if issubclass(category, UserWarning):
        click.echo(f"ssb2mesh: warning: {str(message).splitlines()[0]}", err=True)


def verb(name: str, *, examples: tuple[str, ...]) -> Callable[[Callable[..., Any]], Verb]:
    """Make a function a verb with the options that every verb has.

    Parameters
    ----------
    name : str
        The verb.
    examples : tuple of str
        Three commands to copy.

    Returns
    -------
    callable
        The decorator.
    """

    def decorate(function: Callable[..., Any]) -> Verb:
        for option in reversed(_COMMON):
            function = option(function)
        settings = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
        made = click.command(name, cls=Verb, context_settings=settings, examples=examples)
        return made(function)

    return decorate


_COMMON = (
    click.option("-v", "--verbose", cls=Option, is_flag=True, help="Tell each stage on stderr."),
    click.option("-q", "--quiet", cls=Option, is_flag=True, help="Write results and errors only."),
    click.option("--debug", cls=Option, is_flag=True, help="Show the traceback of an error."),
)


def emit(result: Any, text: str, *, as_json: bool) -> None:
    """Write a result to stdout, as JSON or as text."""
    if as_json:
        from ssb2mesh.summaries import to_json

        text = to_json(result)
        _leave_terminal_alone()
    click.echo(text)


def _leave_terminal_alone() -> None:
    """Keep colorama, which Numba starts where it is installed, from ending our JSON with an escape sequence."""
    started = sys.modules.get("colorama.initialise")
    if started is not None:
        atexit.unregister(started.reset_all)
        started.atexit_done = True  # type: ignore[attr-defined]


def say(text: str, *, quiet: bool = False) -> None:
    """Write a remark to stderr."""
    if not quiet:
        click.echo(text, err=True)


json_option = click.option(
    "--json", "as_json", cls=Option, is_flag=True, group="Output", help="Write the result as JSON."
)
overwrite_option = click.option(
    "--overwrite", cls=Option, is_flag=True, group="Output", help="Replace existing results."
)
fresh_option = click.option(
    "--fresh", cls=Option, is_flag=True, group="Output", help="Forget what a run that was cut off has finished."
)
dry_run_option = click.option(
    "--dry-run", cls=Option, is_flag=True, group="Solve",
    help="Predict tets, unknowns, memory, disk and time, and do nothing.",
)  # fmt: skip
force_option = click.option(
    "--force", cls=Option, is_flag=True, group="Solve",
    help="Go on although mesh, solves or files are predicted not to fit memory or disk.",
)  # fmt: skip
crop_option = click.option(
    "--crop",
    cls=Option,
    group="Volume",
    metavar="X,Y,Z",
    unit="voxels",
    help="Keep first:last along x, y, z, such as 0:128,0:128,0:128.",
    absent="the whole volume",
)


class Length(click.ParamType):
    """A voxel size with its unit, read at the border."""

    name = "LENGTH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return three lengths in m."""
        from ssb2mesh.units import parse_spacing

        try:
            return parse_spacing(value) if isinstance(value, str) else value
        except Ssb2meshError as error:
            self.fail(str(error), param, ctx)


class PhaseName(click.ParamType):
    """``LABEL=NAME``."""

    name = "LABEL=NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return (label, name)."""
        if not isinstance(value, str):
            return value
        label, equals, name = value.partition("=")
        try:
            return int(label), (name if equals and name else self.fail(f"{value!r}: write 0=pore", param, ctx))
        except ValueError:
            self.fail(f"{value!r}: the label is a whole number; write 0=pore", param, ctx)


VOLUME_HELP = "Volume file (.tif, .npy, .h5::/dataset, .zarr, .raw, .nrrd, .mha, .nii, .vti), folder or glob of slices."

_VOLUME_OPTIONS: tuple[dict[str, Any], ...] = (
    {"names": ["--voxel-size"], "type": Length(), "unit": "um, nm, mm ... (write '0.4 um' or '1,1,2 um')",
     "help": "Voxel edge, one or three.", "absent": "from the file"},
    {"names": ["--phase", "phases"], "type": PhaseName(), "multiple": True,
     "help": "Name of a label; repeat.", "absent": "phase<label>"},
    {"names": ["--threshold"], "type": float, "unit": "grey value", "multiple": True,
     "help": "Segment a grey image: labels count the thresholds at or below a voxel; repeat.", "absent": "none"},
    {"names": ["--otsu"], "type": click.IntRange(2), "metavar": "N",
     "help": "Segment a grey image into N classes by Otsu's method.", "absent": "none"},
    {"names": ["--axes"], "metavar": "ORDER",
     "help": "What the stored axes mean, such as zyx.", "absent": "the rule of docs/volumes.md"},
    {"names": ["--shape", "raw_shape"], "metavar": "NX,NY,NZ", "unit": "voxels",
     "help": "Shape of a raw file as stored.", "absent": "none"},
    {"names": ["--dtype", "raw_dtype"], "metavar": "TYPE",
     "help": "Element type of a raw file, such as uint8.", "absent": "none"},
    {"names": ["--byte-order", "raw_byte_order"], "type": click.Choice(["little", "big"]),
     "help": "Byte order of a raw file.", "absent": "none"},
)  # fmt: skip


def volume_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a volume file is read; the verb gets them as keyword `reading`."""
    import functools

    @functools.wraps(function)
    def with_reading(*args: Any, **kwargs: Any) -> Any:
        raw = {key: kwargs.pop(f"raw_{key}") for key in ("shape", "dtype", "byte_order")}
        raw = {key: value for key, value in raw.items() if value is not None}
        if "shape" in raw:
            raw["shape"] = _shape(raw["shape"])
        threshold = kwargs.pop("threshold")
        reading = {
            "voxel_size": kwargs.pop("voxel_size"),
            "phases": dict(kwargs.pop("phases")) or None,
            "axes": kwargs.pop("axes"),
            "raw": raw or None,
            "threshold": (threshold[0] if len(threshold) == 1 else threshold) if threshold else None,
            "otsu": kwargs.pop("otsu"),
        }
        return function(*args, reading=reading, **kwargs)

    for option in reversed(_VOLUME_OPTIONS):
        settings = dict(option)
        flags: list[str] = settings.pop("names")
        click.option(*flags, cls=Option, group="Volume", **settings)(with_reading)
    return with_reading


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if len(shape) != 3 or min(shape) < 1:
        raise click.BadParameter(f"got {text!r}; give three whole numbers such as 100,100,100", param_hint="--shape")
    return shape


#: `--accuracy` of the verbs that solve studies.
accuracy_option = click.option(
    "--accuracy", cls=Option, group="Solve", metavar="SHARE", unit="% of the value",
    help="Width of certified intervals of effective conductivities; new meshes are refined until it is reached.",
    absent="what the study says",
)  # fmt: skip
