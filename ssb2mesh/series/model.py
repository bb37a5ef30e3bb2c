"""A series of states as a TOML file says it: states, measures, comparisons, solves. No volume is read here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.study import checks
from ssb2mesh.study.checks import Faults, Table
from ssb2mesh.study.head import open_tables, read_toml_text
from ssb2mesh.study.model import MeshSpec, VolumeSpec
from ssb2mesh.study.reader import read_mesh_table, read_solve_tables, read_volume_table

__all__ = ["Series", "State", "Task", "parse_series", "read_series"]

#: Coulomb per unit of charge.
CHARGES = {"C": 1.0, "mC": 1e-3, "uC": 1e-6, "nC": 1e-9, "Ah": 3600.0, "mAh": 3.6, "uAh": 3.6e-3, "nAh": 3.6e-6}
_NAME = re.compile(r"[\w+-][\w .+-]*")
#: Keys of a state that are not of its volume.
_OWN = ("name", "value", "charge", "grey")


@dataclass(frozen=True)
class State:
    """One state.

    Parameters
    ----------
    name : str
        Also the name of its folder.
    volume : VolumeSpec
        Where its volume comes from.
    value : float, optional
        Its place on the axis of the curves, such as the cycle.
    charge : float, optional
        Charge passed up to here, C.
    grey : str, optional
        File of the grey values that the volume was segmented from, absolute.
    """

    name: str
    volume: VolumeSpec
    value: float | None = None
    charge: float | None = None
    grey: str | None = None


@dataclass(frozen=True)
class Task:
    """One measure of every state, or one comparison of every pair.

    Parameters
    ----------
    name : str
        Differs from task to task.
    kind : str
        Key of `ssb2mesh.series.measures.MEASURES` or `COMPARISONS`.
    options : mapping
        Keys of its table.
    against : str
        Of a comparison: ``"previous"`` or ``"first"``.
    """

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    against: str = ""


@dataclass(frozen=True)
class Series:
    """What to do with a list of states.

    Parameters
    ----------
    title : str
        For the report.
    label : str
        What the values of the states are, with unit.
    states : tuple of State
        In order.
    measures, comparisons : tuple of Task
        Done for each state, and for each pair.
    mesh : MeshSpec
        How states are meshed for the solves.
    solves : tuple of mapping
        ``[[solve]]`` tables as given; ``{state}`` in a text is the folder of the state.
    folder : Path
        Results.
    base : Path
        Folder that relative paths start from.
    report : bool
        Whether to draw the curves and write the page.
    """

    title: str
    label: str
    states: tuple[State, ...]
    measures: tuple[Task, ...]
    comparisons: tuple[Task, ...]
    mesh: MeshSpec
    solves: tuple[Mapping[str, Any], ...]
    folder: Path
    base: Path
    report: bool = True

    def state_folder(self, state: State) -> Path:
        """Return where the results of a state are kept."""
        return self.folder / "states" / state.name

    def solve_tables(self, state: State) -> tuple[Mapping[str, Any], ...]:
        """Return the checked ``[[solve]]`` tables of a state."""
        faults = Faults()
        tables = read_solve_tables(_replaced(list(self.solves), str(self.state_folder(state))), faults, self.base)
        faults.raise_if_any(self.title)
        return tables


def read_series(path: str | Path, *, folder: str | Path | None = None) -> Series:
    """Read a series file.

    Parameters
    ----------
    path : str or Path
        TOML file; paths inside it are relative to its folder.
    folder : str or Path, optional
        Results folder instead of the one in the file.

    Returns
    -------
    Series
        Checked.

    Raises
    ------
    InputError
        If the file cannot be read or parsed, or with every fault of its content at once.

    Examples
    --------
    >>> read_series("states.toml").states[0].name  # doctest: +SKIP
    'assembled'
    """
    path = Path(path)
    text = read_toml_text(path, "series")
    return parse_series(text, base=path.resolve().parent, source=path, folder=folder)


def parse_series(content: str, *, base: Path, source: Path | None = None, folder: str | Path | None = None) -> Series:
    """Parse the text of a series.

    Parameters
    ----------
    content : str
        TOML.
    base : Path
        Folder that relative paths start from.
    source : Path, optional
        The file, for messages.
    folder : str or Path, optional
        Results folder instead of the one in the text.

    Returns
    -------
    Series
        Checked.

    Raises
    ------
    InputError
        With every fault at once, each with its place.

    Examples
    --------
    >>> text = '''
    ... [volume]
    ... phantom = "sphere"
    ... [[state]]
    ... name = "a"
    ... [[measure]]
    ... name = "shares"
    ... type = "fractions"
    ... '''
    >>> parse_series(text, base=Path(".")).measures[0].kind
    'fractions'
    """
    from ssb2mesh.series.measures import COMPARISONS, MEASURES

    named, stem, tables, top, title, faults = open_tables(content, "series", source)
    label = top.get("label", checks.text, default="state")
    states = _states(tables, faults, base)
    measures = _tasks(tables.get("measure", []), "measure", MEASURES, faults)
    comparisons = _tasks(tables.get("compare", []), "compare", COMPARISONS, faults)
    mesh = read_mesh_table(Table(tables.get("mesh", {}), "[mesh]", faults))
    output = Table(tables.get("output", {}), "[output]", faults)
    default = str(base / f"{stem}-results")
    where = output.get("folder", lambda v: checks.path_text(v, base), default=default)
    report = output.get("report", checks.flag, default=True)
    output.finish()
    solves = tables.get("solve", [])
    target = Path(folder).absolute() if folder is not None else Path(where)
    read_solve_tables(_replaced(solves, str(target / "states" / "name")), faults, base)
    taken = [task.name for task in (*measures, *comparisons)]
    for name in sorted({name for name in taken if taken.count(name) > 1}):
        faults.add("[[measure]], [[compare]]", f"the name {name!r} is there twice; names must differ")
    if not any(tables.get(key) for key in ("measure", "compare", "solve")):
        faults.add("[[measure]]", "missing, and [[compare]] and [[solve]] as well; say what to do with the states")
    elif comparisons and not (measures or solves) and len(states) == 1:
        faults.add("[[compare]]", "there is one state, and nothing but comparisons to do; give a second [[state]]")
    top.finish(also=("volume", "state", "measure", "compare", "mesh", "solve", "output"))
    faults.raise_if_any(named)
    return Series(title, label, states, measures, comparisons, mesh, tuple(solves), target, base, report)


def _states(tables: Mapping[str, Any], faults: Faults, base: Path) -> tuple[State, ...]:
    given = tables.get("state", [])
    if isinstance(given, Mapping):
        faults.add("[[state]]", "got one table; write [[state]] with two brackets")
        return ()
    if not isinstance(given, list) or not given:
        faults.add("[[state]]", "missing; give a [[state]] table with a name for each volume")
        return ()
    shared = tables.get("volume", {})
    states = []
    for number, values in enumerate(given, 1):
        place = f"[[state]] {number}"
        table = Table(values, place, faults)
        name = table.get("name", _folder_name, default="", required="each state has a name")
        value = table.get("value", checks.number, default=None)
        charge = table.get("charge", _charge, default=None)
        grey = table.get("grey", lambda v: checks.path_text(v, base), default=None)
        own = {key: entry for key, entry in table.values.items() if key not in _OWN}
        both = dict(shared) if isinstance(shared, Mapping) else {}
        if "path" in own or "phantom" in own:
            both = {key: entry for key, entry in both.items() if key not in ("path", "phantom")}
        volume = read_volume_table(Table({**both, **own}, place, faults), base)
        states.append(State(name, volume, value, charge, grey))
    names = [state.name for state in states]
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        faults.add("[[state]]", f"the name {name!r} is there twice; names must differ")
    without = [state.name for state in states if state.value is None]
    if 0 < len(without) < len(states):
        faults.add("[[state]]", f"{without[0]!r} has no value, others have; give one to all or to none")
    return tuple(states)


def _tasks(given: Any, place: str, kinds: Mapping[str, Any], faults: Faults) -> tuple[Task, ...]:
    if not isinstance(given, list):
        faults.add(f"[[{place}]]", f"got one table; write [[{place}]] with two brackets")
        return ()
    found = []
    for number, values in enumerate(given, 1):
        table = Table(values, f"[[{place}]] {number}", faults)
        kind = table.get("type", lambda v: _known(v, kinds), default="", required=f"give one of {', '.join(kinds)}")
        name = table.get("name", _folder_name, default=kind or "task")
        if not kind:
            continue
        parameters = inspect.signature(kinds[kind].options).parameters
        keys = list(parameters)
        for key in keys:
            if parameters[key].default is inspect.Parameter.empty and key not in table.values:
                table.fault(key, f"missing; {kind} needs it")
        against = table.get("with", _against, default="previous") if place == "compare" else ""
        table.finish(also=keys)
        options = {key: table.values[key] for key in keys if key in table.values}
        found.append(Task(name, kind, options, against))
    return tuple(found)


def _known(value: Any, kinds: Mapping[str, Any]) -> str:
    if value not in kinds:
        raise InputError(f"got {value!r}{nearest(str(value), kinds)}; allowed: {', '.join(kinds)}")
    return str(value)


def _against(value: Any) -> str:
    if value not in ("previous", "first"):
        raise InputError(f"got {value!r}; a state is compared with the 'previous' or the 'first' one")
    return str(value)


def _folder_name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value) or value != value.strip():
        raise InputError(f"got {value!r}; a name is made of letters, digits, spaces and _ + - . and names a folder")
    return value


def _charge(value: Any) -> float:
    found = re.fullmatch(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(\w+)\s*", value) if isinstance(value, str) else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return checks.number(value)
    if not found or found.group(2) not in CHARGES:
        raise InputError(f"got {value!r}; give a number in C, or text with a unit ({', '.join(CHARGES)})")
    try:
        return float(found.group(1)) * CHARGES[found.group(2)]
    except ValueError:
        raise InputError(f"got {value!r}; {found.group(1)!r} is no number") from None


def _replaced(value: Any, folder: str) -> Any:
    """Tables with the folder of a state in place of ``{state}``."""
    if isinstance(value, str):
        return value.replace("{state}", folder)
    if isinstance(value, Mapping):
        return {key: _replaced(entry, folder) for key, entry in value.items()}
    return [_replaced(entry, folder) for entry in value] if isinstance(value, list) else value
