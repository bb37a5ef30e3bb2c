"""Repair of segmented volumes before meshing, a verb a function: ``f(volume, ...) -> (volume, CleanupReport)``.

Nothing here reads files or knows of meshes. All sizes are in voxels.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ssb2mesh.cleanup.filters import downsample, majority_filter
from ssb2mesh.cleanup.islands import keep_largest, remove_islands
from ssb2mesh.cleanup.report import CleanupReport
from ssb2mesh.cleanup.simple import crop, parse_box, relabel
from ssb2mesh.errors import InputError, nearest
from ssb2mesh.volume import LabelledVolume

__all__ = ["VERBS", "CleanupReport", "apply_verb", "crop", "downsample", "keep_largest", "majority_filter", "parse_box"]
__all__ += ["relabel", "remove_islands"]

#: Every verb by name; its arguments after the volume are its options.
VERBS: Mapping[str, Callable[..., tuple[LabelledVolume, CleanupReport]]] = MappingProxyType(
    {f.__name__: f for f in (crop, keep_largest, remove_islands, majority_filter, relabel, downsample)}
)


def apply_verb(volume: LabelledVolume, step: Mapping[str, Any]) -> tuple[LabelledVolume, CleanupReport]:
    """Run one verb that a table describes, such as a ``[[volume.clean]]`` table of a study.

    Parameters
    ----------
    volume : LabelledVolume
        The input; it is not changed.
    step : mapping
        ``verb`` and its options: ``{"verb": "remove_islands", "smaller_than": 27}``.

    Returns
    -------
    volume : LabelledVolume
        The result.
    report : CleanupReport
        What changed.

    Raises
    ------
    InputError
        For an unknown verb or option, a missing option, or a value that the verb refuses.

    Examples
    --------
    >>> volume, report = apply_verb(volume, {"verb": "majority_filter", "passes": 2})  # doctest: +SKIP
    """
    options = dict(step)
    verb = str(options.pop("verb", ""))
    if verb not in VERBS:
        raise InputError(f"verb: got {verb!r}; verbs: {', '.join(VERBS)}{nearest(verb, VERBS)}")
    known = dict(list(inspect.signature(VERBS[verb]).parameters.items())[1:])
    for key in options:
        if key not in known:
            raise InputError(f"{verb}: unknown option {key!r}{nearest(key, known)}; options: {', '.join(known)}")
    missing = [key for key, p in known.items() if p.default is inspect.Parameter.empty and key not in options]
    if missing:
        raise InputError(f"{verb}: needs {', '.join(missing)}")
    return VERBS[verb](volume, **options)
