"""Studies to start from: one commented TOML file a physics, which runs as it is on a volume it generates.

- `*.toml`: the templates; the first line of each says what it is for,
- this module: the list of them, and writing one,
- `own`: a template on a volume file of the user's. No solving, no meshing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.paths import check_output

__all__ = ["describe_templates", "template_summaries", "template_text", "write_template"]

_FOLDER = Path(__file__).parent
#: Templates in the order of `--list`; one that is not named here comes after them.
_ORDER = ("mesh", "conduction", "effective", "representative", "thermal", "charge_transfer", "half_cell", "mechanics",
          "coupled")  # fmt: skip


def template_summaries() -> dict[str, str]:
    """Return every template with what it is for.

    Returns
    -------
    dict of str to str
        Summary by name.

    Examples
    --------
    >>> template_summaries()["mesh"].split(":")[0]
    'Meshing only'
    """
    found = {path.stem: path for path in _FOLDER.glob("*.toml")}
    names = [name for name in _ORDER if name in found] + sorted(set(found) - set(_ORDER))
    return {name: found[name].read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for name in names}


def describe_templates() -> str:
    """Return the same as text for a terminal.

    Returns
    -------
    str
        A line a template.

    Examples
    --------
    >>> describe_templates().split()[0]
    'mesh'
    """
    summaries = template_summaries()
    width = max(map(len, summaries))
    return "\n".join(f"{name.ljust(width)}  {summary}" for name, summary in summaries.items())


def template_text(name: str) -> str:
    """Return a template as TOML text.

    Parameters
    ----------
    name : str
        One of `template_summaries`.

    Returns
    -------
    str
        A study with comments.

    Raises
    ------
    InputError
        If there is no template of this name.

    Examples
    --------
    >>> "[[solve]]" in template_text("effective")
    True
    """
    names = tuple(template_summaries())
    if name not in names:
        raise InputError(f"no template {name!r}{nearest(name, names)}; templates: {', '.join(names)}")
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def write_template(
    name: str,
    target: str | Path,
    *,
    source: str | None = None,
    reading: Mapping[str, Any] | None = None,
    crop: str | None = None,
    overwrite: bool = False,
) -> list[tuple[str, str]]:
    """Write a template as a study file, on a volume that it generates or on one of the user's.

    Parameters
    ----------
    name : str
        One of `template_summaries`.
    target : str or Path
        Study file (.toml).
    source : str, optional
        Volume file of the user's; its labels, and its voxel size if it tells, are read.
    reading : mapping, optional
        What is known of that file: keyword arguments of `ssb2mesh.read_volume`.
    crop : str, optional
        ``"0:128,0:128,0:128"``, voxels of it.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    list of (str, str)
        Places of the study that are still to be filled in, and what stands there; none without `source`.

    Raises
    ------
    InputError
        If there is no such template, the file exists, or the volume cannot be read; nothing is written then.

    Examples
    --------
    >>> write_template("effective", "effective.toml")  # doctest: +SKIP
    []
    """
    import tomllib

    from ssb2mesh.study.placeholders import find_placeholders

    text = template_text(name)
    if Path(target).suffix.lower() != ".toml":
        raise InputError(f"output: got {str(target)!r}; a study is a .toml file")
    target = check_output(target, overwrite=overwrite)
    if source is not None:
        from ssb2mesh.study.templates.own import fill_in, look_at

        text = fill_in(text, look_at(source, reading=reading, crop=crop), folder=target.absolute().parent)
    if target.stem != name:
        # two studies of one template must not share a results folder
        old, new = (f'folder = "{stem}-results"' for stem in (name, target.stem))
        text = re.sub(rf"^{re.escape(old)} *(?=#|$)", lambda found: new.ljust(len(found.group())), text, flags=re.M)
    part = target.with_name(f".{target.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(target)
    return find_placeholders(tomllib.loads(text))
