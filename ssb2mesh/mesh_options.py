"""Mesher options as people write them - flat, as text, with files - to `LatticeOptions`. No meshing here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.lattice.build import LatticeOptions
from ssb2mesh.lattice.sizes import Sizes

__all__ = ["OPTION_NAMES", "lattice_options", "read_field"]

_OWN = ("max_size", "sizes", "size_field", "grey")
#: Names that `lattice_options` knows.
OPTION_NAMES = (*(name for name in asdict(LatticeOptions()) if name not in ("sizes", "grey")), *_OWN)


def lattice_options(given: Mapping[str, Any] | None = None) -> LatticeOptions:
    """Return the options of the lattice mesher from a flat table.

    Parameters
    ----------
    given : mapping
        `LatticeOptions` by name; and ``max_size`` (largest size in bulk), ``sizes`` (by phase or interface name),
        ``size_field`` (array or file of lengths in m, one a voxel), ``grey`` (array or file of grey values, one a
        voxel).

    Returns
    -------
    LatticeOptions
        Checked one by one; sizes and fields are checked against the volume later.

    Raises
    ------
    InputError
        If a name, a value or a file is not usable.

    Examples
    --------
    >>> lattice_options({"grade": 2, "sizes": {"NMC": "0.5 um"}}).sizes.by_name
    {'NMC': '0.5 um'}
    """
    options = dict(given or {})
    for name in options:
        if name not in OPTION_NAMES:
            raise InputError(
                f"unknown option {name!r}{nearest(name, OPTION_NAMES)}; options: {', '.join(OPTION_NAMES)}"
            )
    largest, by_name = options.pop("max_size", None), options.pop("sizes", None) or {}
    if not isinstance(by_name, Mapping):
        raise InputError(f'sizes: got {by_name!r}; give a table such as {{ NMC = "0.5 um", "LPS|NMC" = "1 voxel" }}')
    by_field, grey = (_array(name, options.pop(name, None)) for name in ("size_field", "grey"))
    return LatticeOptions(**options, sizes=Sizes(largest, dict(by_name), by_field), grey=grey)


def _array(name: str, given: Any) -> npt.NDArray[Any] | None:
    if given is None or isinstance(given, np.ndarray):
        return given
    return read_field(given, name=name)


def read_field(path: str | Path, *, name: str = "field") -> npt.NDArray[Any]:
    """Read an array with a value at each voxel.

    Parameters
    ----------
    path : str or Path
        ``.npy`` (axes x, y, z) or a TIFF stack (pages are z, rows y, columns x).
    name : str
        For messages.

    Returns
    -------
    (nx, ny, nz) array
        Axis 0 is x.

    Raises
    ------
    InputError
        If there is no such file, or it is of another kind.

    Examples
    --------
    >>> read_field("grey.tif").shape  # doctest: +SKIP
    (251, 301, 301)
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".tif", ".tiff"):
        raise InputError(f"{name}: got {str(path)!r}; give a .npy file (axes x, y, z) or a TIFF stack")
    if not path.is_file():
        raise InputError(f"{name}: there is no file {str(path)!r}")
    if suffix == ".npy":
        values = np.load(path, allow_pickle=False)
    else:
        import tifffile

        values = np.ascontiguousarray(np.asarray(tifffile.imread(path)).transpose())
    if values.ndim != 3:
        raise InputError(f"{name}: {str(path)!r} holds an array of {values.ndim} axes; give one with three")
    return values
