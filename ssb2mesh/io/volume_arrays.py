"""Bare arrays: NPY, NPZ, HDF5, Zarr and raw bytes; x, y, z unless the file or the user says otherwise."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.disk import has_room
from ssb2mesh.errors import InputError, MissingDependencyError
from ssb2mesh.io.stored import StoredArray, choose_dataset, metres_per, phases_from_json, phases_to_json
from ssb2mesh.volume import LabelledVolume

__all__ = ["RawLayout", "read_hdf5", "read_npy", "read_npz", "read_raw", "read_zarr", "write_hdf5", "write_npz"]
__all__ += ["write_zarr"]

#: Attributes (HDF5, Zarr) and array names (NPZ) that hold what an array alone cannot.
SPACING, ORIGIN, PHASES, AXES = "spacing_m", "origin_m", "phases", "axes"


@dataclass(frozen=True)
class RawLayout:
    """How the bytes of a headerless file make an array.

    Parameters
    ----------
    shape : three int
        Voxels along the stored axes, slowest first (as NumPy counts); the ``axes`` of `read_volume` name them:
        ``"zyx"`` when x varies fastest, as most tomography programs write.
    dtype : str
        NumPy name: ``uint8``, ``uint16``, ``int16``, ``float32`` ...
    byte_order : {"little", "big"}, optional
        Needed when a voxel has more than one byte.
    offset : int
        Bytes of header to skip.

    Raises
    ------
    InputError
        If one of them cannot be.
    """

    shape: tuple[int, int, int]
    dtype: str
    byte_order: str | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        try:
            shape = tuple(int(n) for n in self.shape)
            kind = np.dtype(self.dtype)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"raw: got shape {self.shape!r}, dtype {self.dtype!r}; e.g. 128,128,64 and uint8"
            ) from error
        if len(shape) != 3 or min(shape) < 1:
            raise InputError(f"raw: got the shape {self.shape!r}; give three whole numbers, slowest axis first")
        if kind.kind not in "iufb":
            raise InputError(f"raw: got dtype {self.dtype!r}; allowed: bool, int8 ... uint64, float32, float64")
        if self.byte_order not in ("little", "big", None) or (self.byte_order is None and kind.itemsize > 1):
            raise InputError(f"raw: got byte order {self.byte_order!r} for {kind}; allowed: little, big")
        if self.offset < 0:
            raise InputError(f"raw: got the offset {self.offset}; a header has 0 bytes or more")
        object.__setattr__(self, "shape", shape)

    @property
    def numpy_dtype(self) -> np.dtype:
        """The dtype with its byte order."""
        return np.dtype(self.dtype).newbyteorder(">" if self.byte_order == "big" else "<")


def read_raw(path: Path, layout: RawLayout) -> StoredArray:
    """Read headerless bytes.

    Parameters
    ----------
    path : Path
        File of exactly ``offset + voxels * bytes`` bytes.
    layout : RawLayout
        What they mean.

    Returns
    -------
    StoredArray
        Axes unset (empty): the caller must have been told.

    Raises
    ------
    InputError
        If the length of the file does not fit.
    """
    kind = layout.numpy_dtype
    need = layout.offset + int(np.prod(layout.shape)) * kind.itemsize
    have = path.stat().st_size
    if need != have:
        shape = "x".join(map(str, layout.shape))
        raise InputError(
            f"raw: {shape} voxels of {kind.name} after {layout.offset} bytes need {need} bytes; {path} has {have}; "
            "correct shape, dtype or offset"
        )
    array = np.fromfile(path, kind, offset=layout.offset).reshape(layout.shape)
    return StoredArray(array, "", why="raw bytes hold none")


def read_npy(path: Path) -> StoredArray:
    """Read one NPY array; axes ``"xyz"``."""
    return StoredArray(_load(path), "xyz", why="an NPY file holds none")


def read_npz(path: Path, name: str | None) -> StoredArray:
    """Read one array of an NPZ archive, with voxel size, origin and names where `write_npz` left them.

    Parameters
    ----------
    path : Path
        The archive.
    name : str or None
        Which array; None when only one has three axes.

    Returns
    -------
    StoredArray
        Axes ``"xyz"``.

    Raises
    ------
    InputError
        If it is damaged or the choice is open.
    """
    archive = _load(path)
    try:
        with archive:
            arrays = {key: archive[key] for key in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"path: {path} is damaged or cut short ({error})") from error
    key = choose_dataset(path, {k: a.shape for k, a in arrays.items() if k not in (SPACING, ORIGIN, PHASES)}, name)
    extra = {k: arrays[k].tolist() for k in (SPACING, ORIGIN, PHASES) if k in arrays}
    return _with_attributes(arrays[key], extra, None)


def _load(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"path: {path} is damaged, cut short or no NumPy file ({error})") from error


def read_hdf5(path: Path, name: str | None) -> StoredArray:
    """Read one dataset of an HDF5 file.

    Voxel size: the attribute ``spacing_m`` (x, y, z, m) or ``element_size_um`` (along the stored axes, um). Axes: the
    attribute ``axes`` or the labels of the dimensions, else ``"xyz"``.

    Parameters
    ----------
    path : Path
        The file.
    name : str or None
        Path of the dataset; None when only one has three axes.

    Returns
    -------
    StoredArray
        The dataset as stored.

    Raises
    ------
    InputError
        If it is damaged or the choice is open.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            shapes: dict[str, tuple[int, ...]] = {}
            file.visititems(
                lambda key, node: shapes.update({key: node.shape}) if isinstance(node, h5py.Dataset) else None
            )
            dataset = file[choose_dataset(path, shapes, name)]
            labels = "".join(str(d.label).lower() for d in dataset.dims)
            attributes = dict(dataset.attrs)
            array = dataset[()]
    except InputError:
        raise
    except (OSError, KeyError, RuntimeError) as error:
        raise InputError(
            f"path: {path} is damaged, cut short or no HDF5 file ({' '.join(str(error).split())})"
        ) from error
    return _with_attributes(np.asarray(array), attributes, labels or None)


def read_zarr(path: Path, name: str | None) -> StoredArray:
    """Read one array of a Zarr store (format 2 or 3), OME-Zarr axes and scale included.

    Parameters
    ----------
    path : Path
        Folder of the store.
    name : str or None
        Path of the array; None when only one has three axes.

    Returns
    -------
    StoredArray
        The array as stored.

    Raises
    ------
    InputError
        If it cannot be opened or the choice is open.
    MissingDependencyError
        If zarr is not installed.
    """
    zarr = _zarr()
    try:
        root = zarr.open(str(path), mode="r")
        if isinstance(root, zarr.Array):
            return _with_attributes(np.asarray(root[...]), dict(root.attrs), None)
        arrays = dict(_zarr_arrays(root))
        key = choose_dataset(path, {k: tuple(a.shape) for k, a in arrays.items()}, name or _first_scale(root, arrays))
        attributes = dict(arrays[key].attrs) | _ome_attributes(dict(root.attrs), key)
        return _with_attributes(np.asarray(arrays[key][...]), attributes, None)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"path: {path} is damaged or no Zarr store ({' '.join(str(error).split())[:160]})") from error


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise MissingDependencyError.of("zarr", "Zarr volumes", 'pip install "ssb2mesh[io]"') from error
    return zarr


def _zarr_arrays(group: Any, prefix: str = "") -> list[tuple[str, Any]]:
    found = [(prefix + key, array) for key, array in group.arrays()]
    for key, child in group.groups():
        found += _zarr_arrays(child, f"{prefix}{key}/")
    return found


def _multiscale(attributes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    scales = attributes.get("multiscales") or attributes.get("ome", {}).get("multiscales")
    return scales[0] if scales else None


def _first_scale(root: Any, arrays: Mapping[str, Any]) -> str | None:
    """Name of the full-resolution array of an OME-Zarr image."""
    scale = _multiscale(dict(root.attrs))
    path = scale["datasets"][0]["path"] if scale else None
    return path if path in arrays else None


def _ome_attributes(attributes: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Axes and voxel size of an OME-Zarr image, in the words of our own attributes."""
    scale = _multiscale(attributes)
    if scale is None:
        return {}
    axes = [a if isinstance(a, dict) else {"name": a} for a in scale.get("axes", [])]
    found: dict[str, Any] = {AXES: "".join(str(a["name"]) for a in axes)} if axes else {}
    entry: dict[str, Any] = next((d for d in scale["datasets"] if d["path"] == key), {})
    steps = next((t["scale"] for t in entry.get("coordinateTransformations", []) if t.get("type") == "scale"), None)
    metres = [metres_per(a.get("unit")) for a in axes]
    if steps and len(steps) == 3 and all(metres):
        found["_stored_spacing"] = [float(s) * float(m or 0) for s, m in zip(steps, metres, strict=True)]
    return found


def _with_attributes(array: npt.NDArray, attributes: Mapping[str, Any], labels: str | None) -> StoredArray:
    axes = str(_text(attributes.get(AXES)) or labels or "xyz").lower()
    if sorted(axes) != ["x", "y", "z"]:
        axes = "xyz" if array.ndim != 3 or AXES not in attributes else axes
    order = ["xyz".index(c) for c in axes if c in "xyz"]
    spacing, origin = _three(attributes.get(SPACING)), _three(attributes.get(ORIGIN))
    if spacing is not None and len(order) == 3:
        spacing = (spacing[order[0]], spacing[order[1]], spacing[order[2]])
    if origin is not None and len(order) == 3:
        origin = (origin[order[0]], origin[order[1]], origin[order[2]])
    along = _three(attributes.get("element_size_um"))
    if spacing is None and along is not None:
        spacing = (along[0] * 1e-6, along[1] * 1e-6, along[2] * 1e-6)
    if spacing is None:
        spacing = _three(attributes.get("_stored_spacing"))
    phases = phases_from_json(_text(attributes.get(PHASES)))
    return StoredArray(array, axes, spacing, origin, phases, f"it has no attribute {SPACING} or element_size_um")


def _three(value: Any) -> tuple[float, float, float] | None:
    try:
        x, y, z = (float(v) for v in np.asarray(value, float).reshape(-1))
    except (TypeError, ValueError):
        return None
    return (x, y, z) if np.isfinite([x, y, z]).all() else None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def write_npz(volume: LabelledVolume, path: Path) -> None:
    """Write ``labels`` (x, y, z), ``spacing_m``, ``origin_m`` and ``phases`` (JSON), compressed."""
    extra: dict[str, Any] = {SPACING: volume.spacing, ORIGIN: volume.origin, PHASES: phases_to_json(volume.phases)}
    with path.open("wb") as file:
        np.savez_compressed(file, labels=volume.labels, **extra)


def write_hdf5(volume: LabelledVolume, path: Path) -> None:
    """Write the dataset ``/labels`` (x, y, z) with voxel size, origin, axes and names as attributes."""
    import h5py

    # HDF5 does not survive a disk that is full: where it may be, the file is made in memory
    doubtful = not has_room(path.parent, volume.labels.nbytes)
    driver: dict[str, Any] = {"driver": "core", "backing_store": False} if doubtful else {}
    with h5py.File(path, "w", **driver) as file:
        dataset = file.create_dataset(
            "labels", data=volume.labels, compression="gzip", compression_opts=1, shuffle=True
        )
        for axis, label in enumerate("xyz"):
            dataset.dims[axis].label = label
        for key, value in _attributes(volume).items():
            dataset.attrs[key] = value
        if doubtful:
            file.flush()
            path.write_bytes(file.id.get_file_image())


def write_zarr(volume: LabelledVolume, path: Path) -> None:
    """Write one Zarr array (x, y, z) with voxel size, origin, axes and names as attributes."""
    zarr = _zarr()
    array = zarr.open(str(path), mode="w", shape=volume.shape, dtype=volume.labels.dtype, chunks=(64, 64, 64))
    array[...] = volume.labels
    array.attrs.update(_attributes(volume))


def _attributes(volume: LabelledVolume) -> dict[str, Any]:
    return {
        SPACING: list(volume.spacing),
        ORIGIN: list(volume.origin),
        AXES: "xyz",
        PHASES: phases_to_json(volume.phases),
    }
