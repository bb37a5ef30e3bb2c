"""TOML to `Study`. Every fault is found before any is reported. No volume is read here.

What only the volume can tell (whether a phase exists, whether it percolates) is checked when the study runs.
"""

from __future__ import annotations

import inspect
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.measure.plan import NECK, MeasurePlan
from ssb2mesh.study import checks
from ssb2mesh.study.checks import Faults, Table
from ssb2mesh.study.head import open_tables, read_toml_text
from ssb2mesh.study.model import CleanStep, MeshSpec, OutputSpec, Study, VolumeSpec
from ssb2mesh.study.placeholders import note_placeholders
from ssb2mesh.units import parse_length, parse_spacing
from ssb2mesh.volume import check_phase_name

__all__ = [
    "parse_clean_steps",
    "parse_study",
    "read_mesh_table",
    "read_solve_tables",
    "read_study",
    "read_volume_table",
]

_CROP = re.compile(r"^\s*-?\d*\s*:\s*-?\d*\s*(,\s*-?\d*\s*:\s*-?\d*\s*){2}$")
_RAW_KEYS = ("shape", "dtype", "byte_order", "offset")


def read_study(path: str | Path) -> Study:
    """Read a study file.

    Parameters
    ----------
    path : str or Path
        TOML file. Paths inside it are relative to its folder.

    Returns
    -------
    Study
        Checked, with paths made absolute.

    Raises
    ------
    InputError
        If the file cannot be read or parsed, or with every fault of its content at once.

    Examples
    --------
    >>> read_study("examples/demo.toml").title  # doctest: +SKIP
    'Composite cathode'
    """
    path = Path(path)
    return parse_study(read_toml_text(path, "study"), base=path.resolve().parent, source=path)


def parse_study(content: str, *, base: Path, source: Path | None = None) -> Study:
    """Parse the text of a study.

    Parameters
    ----------
    content : str
        TOML.
    base : Path
        Folder that relative paths start from.
    source : Path, optional
        The file, for messages.

    Returns
    -------
    Study
        The checked study.

    Raises
    ------
    InputError
        With every fault at once, each with its place.

    Examples
    --------
    >>> text = '''
    ... title = "Sphere"
    ... [volume]
    ... phantom = "sphere"
    ... [output]
    ... folder = "results"
    ... '''
    >>> parse_study(text, base=Path(".")).volume.phantom
    'sphere'
    """
    named, _, tables, top, title, faults = open_tables(content, "study", source)
    if "volume" not in tables:
        faults.add("[volume]", 'missing; give a [volume] table with path = "..." or phantom = "..."')
    volume = (
        read_volume_table(Table(tables.get("volume", {}), "[volume]", faults), base)
        if "volume" in tables
        else VolumeSpec()
    )
    mesh = read_mesh_table(Table(tables.get("mesh", {}), "[mesh]", faults))
    output = _output(Table(tables.get("output", {}), "[output]", faults), base, source)
    solves = read_solve_tables(tables.get("solve", []), faults, base)
    measure = _measure(Table(tables["measure"], "[measure]", faults)) if "measure" in tables else None
    top.finish(also=("volume", "mesh", "measure", "output", "solve"))
    note_placeholders(tables, faults)
    faults.raise_if_any(named)
    return Study(title, volume, mesh, output, solves, source, measure)


def parse_clean_steps(texts: Sequence[str]) -> tuple[CleanStep, ...]:
    """Parse clean-up steps as a command line gives them.

    Parameters
    ----------
    texts : sequence of str
        ``"verb key=value key=value"``; values are numbers, true, false, or text.

    Returns
    -------
    tuple of CleanStep
        Checked against the functions of `ssb2mesh.cleanup`.

    Raises
    ------
    InputError
        With every fault at once.

    Examples
    --------
    >>> parse_clean_steps(["remove_islands smaller_than=27"])[0].options
    {'smaller_than': 27}
    """
    faults = Faults()
    steps = []
    for text in texts:
        words = shlex.split(text)
        values: dict[str, Any] = {"verb": words[0] if words else ""}
        for word in words[1:]:
            key, equals, value = word.partition("=")
            if not equals:
                faults.add(f"step {text!r}", f"got {word!r}; write key=value")
            values[key] = _toml_value(value)
        steps.append(_clean_step(Table(values, f"step {text!r}", faults)))
    faults.raise_if_any("clean")
    return tuple(step for step in steps if step is not None)


def _toml_value(text: str) -> Any:
    """Read a value as TOML would, and anything else as text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def read_volume_table(table: Table, base: Path) -> VolumeSpec:
    """Return where a volume comes from, as a ``[volume]`` table says it; faults are noted in the table's list.

    Parameters
    ----------
    table : Table
        The table.
    base : Path
        Folder that relative paths start from.

    Returns
    -------
    VolumeSpec
        Checked, if no fault was noted.

    Examples
    --------
    >>> read_volume_table(Table({"phantom": "sphere"}, "[volume]", Faults()), Path(".")).phantom
    'sphere'
    """
    path = table.get("path", lambda v: checks.path_text(v, base), default=None)
    phantom = table.get("phantom", _phantom_name, default=None)
    given = {key for key in ("path", "phantom") if key in table.values}
    if len(given) != 1:
        table.faults.add(
            table.place, f"got {' and '.join(sorted(given)) or 'neither path nor phantom'}; give one of them"
        )
    seed = table.get("seed", checks.whole, default=0)
    nothing: dict[str, Any] = {}
    options = table.get("options", lambda v: _phantom_options(v, phantom), default=nothing)
    for key in ("seed", "options"):
        if key in table.values and "phantom" not in given:
            table.fault(key, "belongs to a phantom; this volume comes from a file")
    file_only = ("axes", "raw", "threshold", "otsu", "voxel_size", "phases")
    for key in file_only:
        if key in table.values and "path" not in given:
            table.fault(key, "belongs to a file; a phantom brings its own (see its options)")
    spec = VolumeSpec(
        path=path,
        phantom=phantom,
        seed=seed,
        options=options,
        voxel_size=table.get("voxel_size", _spacing, default=None),
        phases=table.get("phases", _phases, default={}),
        axes=table.get("axes", checks.text, default=None),
        raw=table.get("raw", _raw, default={}),
        threshold=table.get("threshold", _threshold, default=None),
        otsu=table.get("otsu", lambda v: checks.whole(v, least=2), default=None),
        crop=table.get("crop", _crop, default=None),
        clean=_clean_steps(table),
    )
    table.finish()
    return spec


def read_mesh_table(table: Table) -> MeshSpec:
    """Return how to mesh, as a ``[mesh]`` table says it; faults are noted in the table's list.

    Parameters
    ----------
    table : Table
        The table; empty for all defaults.

    Returns
    -------
    MeshSpec
        Checked, if no fault was noted.

    Examples
    --------
    >>> read_mesh_table(Table({"drop": ["void"]}, "[mesh]", Faults())).drop
    ('void',)
    """
    spec = MeshSpec(
        cell_size=table.get("cell_size", _cell_size, default=None),
        drop=table.get("drop", checks.names, default=()),
        engine=table.get("engine", _engine, default="lattice"),
        options=table.get("options", _mesh_options, default={}),
        slabs=table.get("slabs", lambda v: checks.whole(v, least=1), default=None),
    )
    table.finish()
    return spec


def _output(table: Table, base: Path, source: Path | None) -> OutputSpec:
    folder = f"{source.stem}-results" if source else "results"
    spec = OutputSpec(
        folder=Path(table.get("folder", lambda v: checks.path_text(v, base), default=str(base / folder))),
        mesh=table.get("mesh", _file_names, default=("mesh.vtu",)),
        fields=table.get("fields", checks.flag, default=True),
        report=table.get("report", checks.flag, default=True),
    )
    table.finish()
    return spec


def _measure(table: Table) -> MeasurePlan:
    plan = MeasurePlan(
        particles=table.get("particles", checks.names, default=()),
        thickness=table.get("thickness", checks.names, default=()),
        cracks=table.get("cracks", checks.names, default=()),
        chords=table.get("chords", checks.names, default=()),
        slices=table.get("slices", checks.slices, default=()),
        subvolumes=table.get("subvolumes", checks.lengths, default=()),
        neck=table.get("neck", checks.share, default=NECK),
    )
    table.finish()
    return plan


def read_solve_tables(tables: Any, faults: Faults, base: Path) -> tuple[Mapping[str, Any], ...]:
    """Check ``[[solve]]`` tables with the schema that belongs to the solvers.

    Parameters
    ----------
    tables : list of mapping
        As TOML gives them.
    faults : Faults
        Gets what is wrong.
    base : Path
        Folder that relative paths start from.

    Returns
    -------
    tuple of mapping
        Checked, with paths made absolute.

    Examples
    --------
    >>> read_solve_tables([], Faults(), Path("."))
    ()
    """
    if not isinstance(tables, list):
        faults.add("[[solve]]", "got one table; write [[solve]] with two brackets")
        return ()
    if not tables:
        return ()
    from ssb2mesh.study.solves import validate_solves

    checked, found = validate_solves(tables, base=base)
    faults.lines.extend(found)
    return tuple(checked)


def _clean_steps(table: Table) -> tuple[CleanStep, ...]:
    table.asked.add("clean")
    steps = table.values.get("clean", [])
    if not isinstance(steps, list):
        table.fault("clean", "got one table; write [[volume.clean]] with two brackets")
        return ()
    return tuple(
        step
        for i, values in enumerate(steps)
        if (step := _clean_step(Table(values, f"[[volume.clean]] {i + 1}", table.faults))) is not None
    )


def _clean_step(table: Table) -> CleanStep | None:
    verbs = _clean_verbs()
    allowed = f"one of {', '.join(verbs)}"
    verb = table.get("verb", lambda v: _one_of(v, tuple(verbs)), default="", required=f"give {allowed}")
    if not verb:
        return None
    parameters = inspect.signature(verbs[verb]).parameters
    keys = [name for name in list(parameters)[1:]]
    missing = [k for k in keys if parameters[k].default is inspect.Parameter.empty and k not in table.values]
    for key in missing:
        table.fault(key, f"missing; {verb} needs it")
    table.finish(also=keys)
    options = {key: value for key, value in table.values.items() if key in keys}
    return CleanStep(verb, options)


def _clean_verbs() -> dict[str, Callable[..., Any]]:
    from ssb2mesh import cleanup

    return dict(cleanup.VERBS)


def _phantom_name(value: Any) -> str:
    from ssb2mesh.phantoms import PHANTOMS

    return _one_of(value, tuple(PHANTOMS))


def _phantom_options(value: Any, name: str | None) -> dict[str, Any]:
    options = checks.mapping(value)
    if name is not None:  # else its name is at fault already, and which options it has is not known
        from ssb2mesh.phantoms import PHANTOMS

        PHANTOMS[name].parse(options)
    return options


def _one_of(value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InputError(f"got {value!r}{nearest(str(value), allowed)}; allowed: {', '.join(allowed)}")
    return str(value)


def _raw(value: Any) -> dict[str, Any]:
    layout = checks.mapping(value)
    unknown = [key for key in layout if key not in _RAW_KEYS]
    if unknown:
        raise InputError(f"unknown key {unknown[0]!r}{nearest(unknown[0], _RAW_KEYS)}; allowed: {', '.join(_RAW_KEYS)}")
    return layout


def _spacing(value: Any) -> tuple[float, float, float]:
    return parse_spacing(tuple(value) if isinstance(value, list) else value, name="voxel size")


def _cell_size(value: Any) -> str | float:
    """Check a cell size without resolving voxels, whose size is not known yet."""
    if isinstance(value, str):
        found = re.fullmatch(r"\s*([\d.]+(?:[eE][-+]?\d+)?)\s*voxels?\s*", value)
        if not found:
            parse_length(value, name="cell size")
        elif float(found.group(1)) <= 0:
            raise InputError(f"got {value!r}; a cell size is positive")
        return value
    return parse_length(checks.number(value), name="cell size")


def _engine(value: Any) -> str:
    from ssb2mesh.mesher import ENGINES

    return _one_of(value, ENGINES)


def _mesh_options(value: Any) -> dict[str, Any]:
    from ssb2mesh.mesh_options import OPTION_NAMES, lattice_options

    options = checks.mapping(value)
    for key in options:
        if key not in OPTION_NAMES:
            raise InputError(f"unknown key {key!r}{nearest(key, OPTION_NAMES)}; allowed: {', '.join(OPTION_NAMES)}")
    # files are read when the mesh is made; the other values can be checked now
    lattice_options({key: got for key, got in options.items() if key not in ("size_field", "grey")})
    return options


def _phases(value: Any) -> dict[int, str]:
    phases: dict[int, str] = {}
    for key, name in checks.mapping(value).items():
        try:
            label = int(key)
        except ValueError:
            raise InputError(f'label {key!r} is not a whole number; write {{ 0 = "pore", 1 = "NMC" }}') from None
        phases[label] = check_phase_name(name)
    return phases


def _threshold(value: Any) -> float | tuple[float, ...]:
    if isinstance(value, list):
        return tuple(checks.number(v) for v in value)
    return checks.number(value)


def _crop(value: Any) -> str:
    if not isinstance(value, str) or not _CROP.match(value):
        raise InputError(f'got {value!r}; give first:last voxel along x, y, z, such as "0:128,0:128,0:128"')
    return value


def _file_names(value: Any) -> tuple[str, ...]:
    found = checks.names([value] if isinstance(value, str) else value)
    for name in found:
        if Path(name).name != name or not Path(name).suffix:
            raise InputError(f"got {name!r}; give a file name such as 'mesh.vtu'; the folder is [output].folder")
    return found
