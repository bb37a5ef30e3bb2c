"""Volumes in and out: the format is chosen by suffix, the work is done in one module a format.

Axis rule. ``labels[i, j, k]`` is x, y, z. What a file's array axes mean:

- a stack of images (TIFF, folder or glob of slices): page, row, column = z, y, x, so the array is transposed;
- a bare array (NPY, NPZ, HDF5, Zarr): its index is x, y, z, unless the file itself names its axes;
- NRRD, MHA, NIfTI, VTI: the file's i, j, k are x, y, z;
- raw bytes: nothing is known, ``axes`` must be given.

``axes`` overrides the rule. It names the stored axes in the order of the array index (for raw bytes: slowest first):
``"xyz"`` keeps a TIFF's (page, row, column) order, ``"zyx"`` transposes an NPY file. Nothing is ever flipped.
"""

from __future__ import annotations

import glob
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.io.stored import StoredArray, replacing, smallest
from ssb2mesh.io.volume_arrays import RawLayout
from ssb2mesh.units import format_length, parse_spacing
from ssb2mesh.volume import LabelledVolume

__all__ = ["READABLE", "WRITABLE", "RawLayout", "VoxelSize", "load_stored", "read_volume", "stored_grid",
           "write_volume"]  # fmt: skip

_TIFF = (".tif", ".tiff", ".btf", ".tf8", ".tf2")
_HDF5 = (".h5", ".hdf5", ".hdf", ".he5", ".nxs")
_ITK = (".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz")
_RAW = (".raw", ".bin", ".dat", ".vol")

#: Suffixes that `read_volume` knows.
READABLE = (*_TIFF, ".npy", ".npz", *_HDF5, ".zarr", *_RAW, *_ITK, ".vti")
#: Suffixes that `write_volume` knows.
WRITABLE = (".tif", ".tiff", ".npz", ".h5", ".hdf5", ".zarr", ".nrrd", ".mha", ".nii", ".nii.gz", ".vti")

#: Two voxel sizes are the same when they differ by less: files round them, people too.
AGREE = 1e-3

VoxelSize = str | float | Sequence[str | float]


def read_volume(
    path: str | Path,
    *,
    voxel_size: VoxelSize | None = None,
    phases: Mapping[int, str] | None = None,
    axes: str | None = None,
    raw: RawLayout | Mapping[str, Any] | None = None,
    threshold: float | Sequence[float] | None = None,
    otsu: int | None = None,
) -> LabelledVolume:
    """Read a segmented (or, with `threshold` or `otsu`, a grey-value) volume from any supported file.

    Parameters
    ----------
    path : str or Path
        A file; a folder or a glob pattern of TIFF slices; ``file.h5::/dataset``, ``file.npz::name``,
        ``store.zarr::name`` or ``file.vti::name`` for one array of several.
    voxel_size : length or three lengths, optional
        Along x, y, z: m, or text such as ``"0.4 um"``. Needed when the file does not tell; if it does, they must agree.
    phases : mapping of int to str, optional
        Name of each label; replaces names in the file.
    axes : str, optional
        Which of x, y, z each stored axis is, in array order; see the axis rule at the top of this module.
    raw : RawLayout or mapping, optional
        Layout of a headerless file; a mapping holds the arguments of `RawLayout`.
    threshold : float or sequence of float, optional
        Grey values: label = number of thresholds that the value reaches (grey >= threshold is the upper class).
    otsu : int, optional
        Grey values: number of classes for Otsu's thresholds.

    Returns
    -------
    LabelledVolume
        Labels in C order, of at most 32 bits.

    Raises
    ------
    InputError
        If the file is missing, damaged or unknown, not 3-D, has NaN or float labels, no or a contradicting voxel size,
        or a phase is given to a label that is not there.
    MissingDependencyError
        If the format needs a package that is not installed.

    Examples
    --------
    >>> volume = read_volume("cathode.tif", voxel_size="0.4 um", phases={0: "pore", 1: "NMC"})  # doctest: +SKIP
    """
    stored, where = load_stored(path, raw)
    order, spacing, origin = stored_grid(stored, where, voxel_size=voxel_size, axes=axes)
    labels = _labels(stored.array, threshold, otsu, where)
    names = _names(phases)
    if names is None and threshold is None and otsu is None:
        names = _names(stored.phases)
    labels = np.ascontiguousarray(labels.transpose(order))
    return LabelledVolume(labels, spacing, origin, names or {})


def load_stored(path: str | Path, raw: RawLayout | Mapping[str, Any] | None = None) -> tuple[StoredArray, str]:
    """Return the array of a volume file as stored, three axes, and what to call the file in errors.

    Examples
    --------
    >>> load_stored("grey.tif")[0].axes  # doctest: +SKIP
    'zyx'
    """
    stored, where = _load(path, _layout(raw))
    if stored.array.ndim != 3:
        kind = "a 2-D image" if stored.array.ndim == 2 else f"an array with {stored.array.ndim} axes"
        shape = "x".join(map(str, stored.array.shape))
        raise InputError(f"path: {where} is {kind} of {shape}; a volume has three axes")
    return stored, where


def stored_grid(
    stored: StoredArray, where: str, *, voxel_size: VoxelSize | None = None, axes: str | None = None
) -> tuple[tuple[int, int, int], tuple[float, float, float], tuple[float, float, float]]:
    """Return the order of the stored axes as x, y, z, the voxel size and the origin along them, m.

    Examples
    --------
    >>> stored_grid(stored, "grey.tif", voxel_size="1 um")[0]  # doctest: +SKIP
    (2, 1, 0)
    """
    order = _order(stored, axes, where)
    spacing = _spacing(stored, order, voxel_size, where)
    origin = (0.0, 0.0, 0.0)
    if stored.origin is not None:
        origin = (stored.origin[order[0]], stored.origin[order[1]], stored.origin[order[2]])
    return order, spacing, origin


def write_volume(volume: LabelledVolume, path: str | Path) -> None:
    """Write a volume; the suffix chooses the format. Either the whole file appears or none.

    All formats keep labels and voxel size. Origin: all but TIFF. Phase names: all but NIfTI.

    Parameters
    ----------
    volume : LabelledVolume
        What to write.
    path : str or Path
        ``.tif`` (OME), ``.npz``, ``.h5``, ``.zarr``, ``.nrrd``, ``.mha``, ``.nii``, ``.nii.gz`` or ``.vti``.

    Raises
    ------
    InputError
        If the suffix is unknown or the folder does not exist.
    MissingDependencyError
        If the format needs a package that is not installed.

    Examples
    --------
    >>> write_volume(volume, "cathode.nrrd")  # doctest: +SKIP
    """
    path = Path(path)
    suffix = _suffix(path)
    if suffix not in WRITABLE:
        hint = ": NPY holds no voxel size, use .npz" if suffix == ".npy" else nearest(suffix, WRITABLE)
        raise InputError(f"path: cannot write {path.name!r}; formats: {', '.join(WRITABLE)}{hint}")
    writer = _writer(suffix)
    volume = replace(volume, labels=smallest(volume.labels))
    with replacing(path, suffix) as temporary:
        writer(volume, temporary)


def _writer(suffix: str) -> Callable[[LabelledVolume, Path], None]:
    if suffix in _TIFF:
        module, name = "volume_tiff", "write_tiff"
    elif suffix in _ITK:
        module, name = "volume_itk", "write_itk"
    elif suffix == ".vti":
        module, name = "volume_vti", "write_vti"
    else:
        module, name = "volume_arrays", {".npz": "write_npz", ".zarr": "write_zarr"}.get(suffix, "write_hdf5")
    found: Callable[[LabelledVolume, Path], None] = getattr(importlib.import_module(f"ssb2mesh.io.{module}"), name)
    return found


def _load(path: str | Path, raw: RawLayout | None) -> tuple[StoredArray, str]:
    """Return the array as stored and what to call its source in errors."""
    text, _, name = str(path).partition("::")
    source = Path(text)
    if source.is_dir() and not _is_zarr(source):
        from ssb2mesh.io.volume_tiff import read_slices

        slices = [p for p in source.iterdir() if p.suffix.lower() in _TIFF and not p.name.startswith(".")]
        return read_slices(slices, f"the folder {source}"), text
    if not source.exists():
        if glob.has_magic(text):
            from ssb2mesh.io.volume_tiff import read_slices

            slices = [Path(p) for p in glob.glob(text)]  # noqa: PTH207 - the pattern may be absolute
            return read_slices(slices, f"the pattern {text!r}"), text
        raise InputError(f"path: {source} does not exist{_similar(source)}")
    if raw is not None:
        from ssb2mesh.io.volume_arrays import read_raw

        return read_raw(source, raw), text
    return _load_file(source, name or None), str(path)


def _layout(raw: RawLayout | Mapping[str, Any] | None) -> RawLayout | None:
    if raw is None or isinstance(raw, RawLayout):
        return raw
    known = [f.name for f in fields(RawLayout)]
    for key in raw:
        if key not in known:
            raise InputError(f"raw: unknown key {key!r}{nearest(key, known)}; keys: {', '.join(known)}")
    missing = {"shape", "dtype"} - set(raw)
    if missing:
        raise InputError(f"raw: needs {', '.join(sorted(missing))}")
    return RawLayout(**raw)


def _load_file(source: Path, name: str | None) -> StoredArray:
    suffix = ".zarr" if source.is_dir() else _suffix(source)
    if name is not None and suffix not in (*_HDF5, ".npz", ".zarr", ".vti"):
        raise InputError(f"path: '::{name}' chooses an array of an HDF5, NPZ, Zarr or VTI file; {source.name} is none")
    if suffix in _TIFF:
        from ssb2mesh.io.volume_tiff import read_tiff

        return read_tiff(source)
    if suffix in _ITK:
        from ssb2mesh.io.volume_itk import read_itk

        return read_itk(source)
    if suffix == ".vti":
        from ssb2mesh.io.volume_vti import read_vti

        return read_vti(source, name)
    if suffix in _RAW:
        raise InputError(
            f"raw: {source.name} has no header; give its shape, dtype and byte order (RawLayout) and its axes"
        )
    if suffix in (*_HDF5, ".npy", ".npz", ".zarr"):
        from ssb2mesh.io import volume_arrays

        if suffix == ".npy":
            return volume_arrays.read_npy(source)
        reader = {".npz": volume_arrays.read_npz, ".zarr": volume_arrays.read_zarr}
        return reader.get(suffix, volume_arrays.read_hdf5)(source, name)
    raise InputError(f"path: no reader for {source.name!r}; formats: {', '.join(READABLE)}{nearest(suffix, READABLE)}")


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def _is_zarr(folder: Path) -> bool:
    return folder.suffix.lower() == ".zarr" or any((folder / f).exists() for f in ("zarr.json", ".zarray", ".zgroup"))


def _similar(source: Path) -> str:
    if not source.parent.is_dir():
        return f" (nor does its folder {source.parent})"
    return nearest(source.name, [p.name for p in source.parent.iterdir()][:1000])


def _order(stored: StoredArray, axes: str | None, where: str) -> tuple[int, int, int]:
    """Return which stored axis is x, which y, which z."""
    named = axes.lower().replace(",", "").replace(" ", "") if isinstance(axes, str) else axes
    if named is None:
        named = stored.axes
        if not named:
            raise InputError(
                f"axes: {where} does not tell the order of its axes; give --axes zyx (x varies fastest, as most "
                "tomography programs write) or --axes xyz (z varies fastest)"
            )
    if not isinstance(named, str) or sorted(named) != ["x", "y", "z"]:
        raise InputError(f"axes: got {axes or named!r}; give the three letters x, y, z in stored order, such as 'zyx'")
    return (named.index("x"), named.index("y"), named.index("z"))


def _labels(
    array: npt.NDArray, threshold: float | Sequence[float] | None, otsu: int | None, where: str
) -> npt.NDArray[np.integer]:
    """Return labels from labels or from grey values."""
    if array.dtype.kind not in "buif":
        raise InputError(f"path: {where} holds {array.dtype} values; labels are integers or bool")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if threshold is not None and otsu is not None:
        raise InputError("threshold, otsu: got both; give one of them")
    if threshold is not None or otsu is not None:
        from ssb2mesh.volume.segmentation import otsu_thresholds, threshold_labels

        grey = array.view(np.uint8) if array.dtype == bool else array
        return threshold_labels(grey, threshold if threshold is not None else otsu_thresholds(grey, otsu or 0))
    if array.dtype.kind == "f":
        bad = int(np.count_nonzero(~np.isfinite(array)))
        if bad:
            raise InputError(f"labels: {where} holds {bad} NaN or infinite values among {array.size}; mend the image")
        whole = bool((array == np.floor(array)).all())
        if whole:
            raise InputError(
                f"labels: {where} holds {array.dtype} values that are all whole numbers; save them as integers (in "
                "NumPy: labels.astype('uint8')), or give --threshold or --otsu if they are grey values"
            )
        raise InputError(
            f"labels: {where} holds {array.dtype} grey values; give --threshold VALUE or --otsu CLASSES to segment them"
        )
    return array.view(np.uint8) if array.dtype == bool else smallest(array)


def _spacing(
    stored: StoredArray, order: tuple[int, int, int], voxel_size: VoxelSize | None, where: str
) -> tuple[float, float, float]:
    """Return the voxel size along x, y, z from the file and from the user, who must not contradict each other."""
    given = None if voxel_size is None else parse_spacing(voxel_size, name="voxel_size")
    if stored.spacing is None:
        if given is None:
            raise InputError(
                f"voxel_size: {where} does not tell its voxel size ({stored.why}); give --voxel-size, e.g. "
                "--voxel-size '0.4 um'"
            )
        return given
    held = (stored.spacing[order[0]], stored.spacing[order[1]], stored.spacing[order[2]])
    if min(held) <= 0:
        raise InputError(f"voxel_size: {where} holds the voxel size {held} m; correct the file")
    if given is not None and not np.allclose(given, held, rtol=AGREE, atol=0):
        raise InputError(
            f"voxel_size: got {_text(given)}, but {where} says {_text(held)} (x, y, z); leave --voxel-size out to use "
            "the file's, or correct the file"
        )
    return given or held


def _text(spacing: tuple[float, float, float]) -> str:
    return " x ".join(format_length(h) for h in spacing)


def _names(phases: Mapping[int, str] | None) -> dict[int, str] | None:
    """Return names by integer label; keys of TOML tables and JSON objects are text."""
    if phases is None:
        return None
    names: dict[int, str] = {}
    for key, name in phases.items():
        try:
            label = int(key)
        except (TypeError, ValueError) as error:
            raise InputError(f"phases: got the label {key!r}; labels are integers, such as 1=NMC") from error
        if label in names:
            raise InputError(f"phases: label {label} is given twice ({names[label]!r} and {name!r})")
        names[label] = name
    return names
