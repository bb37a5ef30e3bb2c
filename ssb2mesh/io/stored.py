"""What every volume format hands over, and whole-or-nothing writing. No format, no choice of format."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssb2mesh.disk import telling_full_disk
from ssb2mesh.errors import InputError
from ssb2mesh.units import LENGTH_UNITS

__all__ = ["StoredArray", "choose_dataset", "metres_per", "phases_from_json", "phases_to_json", "replacing", "smallest"]

#: Spellings of units in files, beside those of `ssb2mesh.units`.
_SPELLINGS = {
    "micrometer": 1e-6,
    "micrometers": 1e-6,
    "micrometre": 1e-6,
    "micrometres": 1e-6,
    "microns": 1e-6,
    "\\u00b5m": 1e-6,
    "nanometer": 1e-9,
    "nanometre": 1e-9,
    "nanometers": 1e-9,
    "millimeter": 1e-3,
    "millimetre": 1e-3,
    "millimeters": 1e-3,
    "centimeter": 1e-2,
    "meter": 1.0,
    "metre": 1.0,
    "meters": 1.0,
    "inch": 0.0254,
    "å": 1e-10,
    "angstrom": 1e-10,
}


@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array as its file holds it, and what the file says about it.

    Parameters
    ----------
    array : (n0, n1, n2) array
        In the order of the format's own index.
    axes : str
        Which of x, y, z each array axis is, for example ``"zyx"`` for pages, rows, columns.
    spacing : three float, optional
        Voxel size along the *array* axes, m; None when the file does not tell.
    origin : three float, optional
        Lower corner of the first voxel along the array axes, m.
    phases : mapping of int to str, optional
        Names that the file holds.
    why : str
        Why there is no spacing, for the error.
    """

    array: npt.NDArray
    axes: str
    spacing: tuple[float, float, float] | None = None
    origin: tuple[float, float, float] | None = None
    phases: Mapping[int, str] | None = None
    why: str = "the format holds none"


def metres_per(unit: str | None) -> float | None:
    """Return metres per unit of a file's unit text, or None when it names no length.

    Parameters
    ----------
    unit : str or None
        Text such as ``"um"``, ``"µm"``, ``"micron"``, ``'"mm"'``.

    Returns
    -------
    float or None
        Metres.

    Examples
    --------
    >>> metres_per("micron"), metres_per("pixel")
    (1e-06, None)
    """
    word = (unit or "").strip().strip("\"'\x00").strip()
    return LENGTH_UNITS.get(word) or _SPELLINGS.get(word.lower()) or LENGTH_UNITS.get(word.lower())


def choose_dataset(path: Path, shapes: Mapping[str, tuple[int, ...]], wanted: str | None) -> str:
    """Return the name of the dataset to read: the one asked for, else the only one with three axes.

    Parameters
    ----------
    path : Path
        The file, for the error.
    shapes : mapping of str to shape
        Every array of the file.
    wanted : str or None
        Name after ``::``.

    Returns
    -------
    str
        A key of `shapes`.

    Raises
    ------
    InputError
        If there is no such array, none with three axes, or more than one.
    """
    listing = ", ".join(f"{name} {'x'.join(map(str, shape)) or 'scalar'}" for name, shape in list(shapes.items())[:20])
    if wanted is not None:
        for name in shapes:
            if name.strip("/") == wanted.strip("/"):
                return name
        raise InputError(f"path: no array {wanted!r} in {path}; it holds: {listing or 'none'}")
    solid = [name for name, shape in shapes.items() if len(shape) == 3]
    if len(solid) == 1:
        return solid[0]
    if len(shapes) == 1 and not solid:
        return next(iter(shapes))
    raise InputError(
        f"path: {path} holds {len(solid)} arrays with three axes; give one as '{path.name}::NAME'. It holds: "
        f"{listing or 'none'}"
    )


def phases_to_json(phases: Mapping[int, str]) -> str:
    """Return phase names as JSON text, ``{"0": "void"}``."""
    return json.dumps({str(int(label)): name for label, name in phases.items()}, ensure_ascii=True)


def phases_from_json(text: object) -> dict[int, str] | None:
    """Return phase names from what `phases_to_json` wrote, or None when it is something else."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    try:
        found = json.loads(str(text))
        return {int(label): str(name) for label, name in found.items()}
    except (ValueError, AttributeError, TypeError):
        return None


def smallest(labels: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return 64-bit labels in the smallest of uint8, uint16, int32, uint32 that holds them; others as they are.

    Raises
    ------
    InputError
        If a label fits no 32-bit integer.
    """
    if labels.dtype.itemsize <= 4:
        return labels
    low, high = int(labels.min()), int(labels.max())
    for kind in (np.uint8, np.uint16, np.int32, np.uint32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return labels.astype(kind)
    raise InputError(f"labels: run from {low} to {high}; labels must fit 32 bits: relabel them first")


@contextmanager
def replacing(path: Path, suffix: str) -> Iterator[Path]:
    """Give a temporary name beside `path`; put it in place when the block ends well, else remove it.

    Parameters
    ----------
    path : Path
        Final name of a file or folder; its parent must exist.
    suffix : str
        Ending that the writer needs to see, such as ``".nii.gz"``.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    InputError
        If the parent folder is missing, or a folder stands where a file should go.
    DiskFullError
        If there is no room.
    """
    if not path.parent.is_dir():
        raise InputError(f"path: the folder {path.parent} does not exist; create it first")
    if path.is_dir() and suffix != ".zarr":
        raise InputError(f"path: {path} is a folder; give the name of a file")
    base = re.sub(re.escape(suffix) + "$", "", path.name)
    temporary = path.with_name(f".{base}.{os.getpid()}.part{suffix}")
    try:
        with telling_full_disk(path, written=lambda: temporary.stat().st_size if temporary.is_file() else 0):
            yield temporary
        if path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    """Remove a file or folder; threads of a writer that failed may still write into a folder."""
    for _ in range(40):
        if not path.is_dir():
            path.unlink(missing_ok=True)
            return
        shutil.rmtree(path, ignore_errors=True)
        if path.is_dir():
            time.sleep(0.05)
