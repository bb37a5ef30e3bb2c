"""Results of this package as files and back: dataclasses, arrays, mappings. No pickles: reading runs nothing."""

from __future__ import annotations

import importlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.io.mesh_common import replacing

__all__ = ["UNREADABLE", "load_frozen", "save_frozen"]

#: What reading a damaged file, or one of another version, can raise.
UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, EOFError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip

#: The key of a table that stands for something else than itself.
_IS = "is"


def save_frozen(value: Any, path: str | Path) -> None:
    """Write a value to a ``.npz`` file, whole or not at all.

    Parameters
    ----------
    value : any
        Dataclasses of this package, arrays, mappings, lists, tuples, sets, numbers, text, paths, None.
    path : str or Path
        The file.

    Raises
    ------
    TypeError
        If there is something else in it.

    Examples
    --------
    >>> save_frozen({"a": (1, 2)}, "a.npz")  # doctest: +SKIP
    """
    arrays: dict[str, npt.NDArray] = {}
    text = json.dumps(_packed(value, arrays))
    with replacing(Path(path)) as (part,), part.open("wb") as file:
        np.savez(file, tree=np.frombuffer(text.encode(), np.uint8), **arrays)  # type: ignore[arg-type]


def load_frozen(path: str | Path) -> Any:
    """Read what `save_frozen` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    any
        An equal value; mappings come as dicts.

    Raises
    ------
    one of UNREADABLE
        If the file is damaged, none of ours, or of another version.

    Examples
    --------
    >>> load_frozen("a.npz")  # doctest: +SKIP
    {'a': (1, 2)}
    """
    with np.load(path, allow_pickle=False) as file:
        return _unpacked(json.loads(file["tree"].tobytes()), file)


def _packed(value: Any, arrays: dict[str, npt.NDArray]) -> Any:
    """A value as JSON; its arrays are put aside."""
    if value is None or isinstance(value, (bool, int, float, str)) and not isinstance(value, np.generic):
        return value
    if isinstance(value, list):
        return [_packed(each, arrays) for each in value]
    if isinstance(value, (tuple, set, frozenset)) and not hasattr(value, "_fields"):
        kind = "tuple" if isinstance(value, tuple) else "set"
        return {_IS: kind, "items": [_packed(each, arrays) for each in value]}
    if isinstance(value, Mapping):
        return {_IS: "dict", "items": [[_packed(k, arrays), _packed(v, arrays)] for k, v in value.items()]}
    if isinstance(value, Path):
        return {_IS: "path", "text": str(value)}
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise TypeError("an array of objects cannot be kept")
        key = f"a{len(arrays)}"
        arrays[key] = array
        return {_IS: "array" if isinstance(value, np.ndarray) else "scalar", "key": key}
    made = type(value)
    if not (made.__module__.startswith("ssb2mesh.") and _is_record(made)):
        raise TypeError(f"a {made.__name__} cannot be kept")
    names = getattr(made, "_fields", None) or [f.name for f in fields(made) if f.init]
    held = {name: _packed(getattr(value, name), arrays) for name in names}
    return {_IS: "data", "module": made.__module__, "class": made.__qualname__, "fields": held}


def _is_record(kind: type) -> bool:
    """Whether a class is a dataclass or a named tuple."""
    return is_dataclass(kind) or issubclass(kind, tuple) and hasattr(kind, "_fields")


def _unpacked(value: Any, arrays: Mapping[str, npt.NDArray]) -> Any:
    if isinstance(value, list):
        return [_unpacked(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value[_IS]
    if kind in ("array", "scalar"):
        array = arrays[value["key"]]
        return array if kind == "array" else array[()]
    if kind == "path":
        return Path(value["text"])
    if kind == "data":
        return _class(value["module"], value["class"])(
            **{name: _unpacked(each, arrays) for name, each in value["fields"].items()}
        )
    items = [_unpacked(each, arrays) for each in value["items"]]
    return dict(items) if kind == "dict" else {"tuple": tuple, "set": set}[kind](items)


def _class(module: str, name: str) -> type:
    """A dataclass or named tuple of this package, and nothing else."""
    if not module.startswith("ssb2mesh."):
        raise ValueError(f"{module} is no module of this package")
    found = getattr(importlib.import_module(module), name)
    if not (isinstance(found, type) and _is_record(found)):
        raise TypeError(f"{module}.{name} is no record")
    return found
