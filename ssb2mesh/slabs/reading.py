"""Volume files of which only the layers asked for are read: HDF5, Zarr, TIFF, NPY, raw bytes. No meshing.

Other formats, and phantoms, are read or made whole, and layers are taken from them in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.io import stored, volume_arrays, volumes
from ssb2mesh.ranks import Ranks
from ssb2mesh.slabs.source import SlabSource, VolumeHead, source_of
from ssb2mesh.volume import LabelledVolume

__all__ = ["LayerFile", "count_layers", "open_layers"]

#: Voxels that are counted at a time.
CHUNK = 1 << 24


@dataclass(frozen=True)
class LayerFile:
    """A volume file that is read layer by layer; which labels it holds is not known yet.

    Parameters
    ----------
    shape, spacing, origin
        As in `VolumeHead`, after cropping.
    names : mapping of int to str
        Names of labels, as the file or the user gives them.
    read : callable
        See `SlabSource`.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    names: Mapping[int, str]
    read: Callable[[int, int], npt.NDArray[np.integer]]


def open_layers(path: str, *, reading: Mapping[str, Any] | None = None, crop: str | None = None) -> LayerFile:
    """Open a volume file for reading layer by layer.

    Parameters
    ----------
    path : str
        As for `ssb2mesh.read_volume`.
    reading : mapping, optional
        Its keyword arguments.
    crop : str, optional
        ``"0:128,0:128,0:128"``, voxels.

    Returns
    -------
    LayerFile
        Nothing but the header is read.

    Raises
    ------
    InputError
        As `ssb2mesh.read_volume`; or with Otsu's thresholds, which need the whole volume.

    Examples
    --------
    >>> open_layers("cathode.h5").shape  # doctest: +SKIP
    (2000, 2000, 2000)
    """
    from ssb2mesh.cleanup.simple import parse_box

    given = {key: value for key, value in (reading or {}).items() if value is not None}
    if given.get("otsu") is not None:
        raise InputError("otsu: its thresholds need the whole volume at once; give threshold, or mesh without slabs")
    held, where = _open(path, given.get("raw"))
    order, spacing, origin = volumes.stored_grid(
        held, where, voxel_size=given.get("voxel_size"), axes=given.get("axes")
    )
    threshold = given.get("threshold")
    names = volumes._names(given.get("phases")) or (volumes._names(held.phases) if threshold is None else None) or {}
    whole = tuple(held.array.shape[axis] for axis in order)
    x, y, z = parse_box(crop, whole) if crop else (slice(0, n) for n in whole)  # type: ignore[arg-type]

    def read(first: int, last: int) -> npt.NDArray[np.integer]:
        box: list[slice] = [slice(None)] * 3
        for axis, part in zip(order, (x, y, slice(z.start + first, z.start + last)), strict=True):
            box[axis] = part
        labels = volumes._labels(np.asarray(held.array[tuple(box)]), threshold, None, where)
        return labels.transpose(order)

    shape = (x.stop - x.start, y.stop - y.start, z.stop - z.start)
    lower = tuple(o + part.start * h for o, part, h in zip(origin, (x, y, z), spacing, strict=True))
    return LayerFile(shape, spacing, (lower[0], lower[1], lower[2]), names, read)


def _open(path: str, raw: Any) -> tuple[stored.StoredArray, str]:
    """The array of a file without its numbers, where the format allows it."""
    text, _, name = path.partition("::")
    source = Path(text)
    suffix = source.suffix.lower()
    if raw is not None and source.is_file():
        layout = volumes._layout(raw)
        assert layout is not None
        need = layout.offset + int(np.prod(layout.shape)) * layout.numpy_dtype.itemsize
        if need == source.stat().st_size:
            array = np.memmap(source, layout.numpy_dtype, "r", layout.offset, layout.shape)
            return stored.StoredArray(array, "", why="raw bytes hold none"), text
    if source.is_file() and suffix == ".npy":
        return stored.StoredArray(np.load(source, mmap_mode="r"), "xyz", why="an NPY file holds none"), path
    if source.is_file() and suffix in volumes._HDF5:
        return _open_hdf5(source, name or None), path
    if source.is_dir() and volumes._is_zarr(source):
        return _open_zarr(source, name or None), path
    if source.is_file() and suffix in volumes._TIFF:
        return _open_tiff(source), path
    return volumes.load_stored(path, raw)


def _open_hdf5(path: Path, name: str | None) -> stored.StoredArray:
    import h5py

    try:
        file = h5py.File(path, "r")
        shapes: dict[str, tuple[int, ...]] = {}
        file.visititems(lambda key, node: shapes.update({key: node.shape}) if isinstance(node, h5py.Dataset) else None)
    except (OSError, RuntimeError) as error:
        raise InputError(f"path: {path} is damaged, cut short or no HDF5 file ({error})") from error
    dataset = file[stored.choose_dataset(path, shapes, name)]
    labels = "".join(str(d.label).lower() for d in dataset.dims)
    return volume_arrays._with_attributes(dataset, dict(dataset.attrs), labels or None)


def _open_zarr(path: Path, name: str | None) -> stored.StoredArray:
    zarr = volume_arrays._zarr()
    root = zarr.open(str(path), mode="r")
    if isinstance(root, zarr.Array):
        return volume_arrays._with_attributes(root, dict(root.attrs), None)
    arrays = dict(volume_arrays._zarr_arrays(root))
    wanted = name or volume_arrays._first_scale(root, arrays)
    key = stored.choose_dataset(path, {k: tuple(a.shape) for k, a in arrays.items()}, wanted)
    attributes = dict(arrays[key].attrs) | volume_arrays._ome_attributes(dict(root.attrs), key)
    return volume_arrays._with_attributes(arrays[key], attributes, None)


class _Pages:
    """A stack of TIFF pages that are decoded when they are asked for; the first index is the page."""

    def __init__(self, path: Path, pages: int, shape: tuple[int, int], dtype: np.dtype) -> None:
        self.path, self.shape, self.dtype, self.ndim = path, (pages, *shape), dtype, 3

    def __getitem__(self, index: tuple[slice, slice, slice]) -> npt.NDArray[Any]:
        import tifffile

        out = []
        with tifffile.TiffFile(self.path) as tif:
            pages = tif.series[0].pages if len(tif.series) == 1 else tif.pages
            for number in range(*index[0].indices(self.shape[0])):
                out.append(pages[number].asarray()[index[1:]])
        return np.stack(out)


def _open_tiff(path: Path) -> stored.StoredArray:
    """Pages one by one; a stack that lies in the file in one piece as a map of it."""
    from ssb2mesh.io import volume_tiff

    with volume_tiff._opened(path) as tif:
        volume_tiff._check_complete(path, tif)
        series = tif.series
        spacing, why = volume_tiff._voxel_size(tif)
        phases = volume_tiff._phases(tif)
        array: Any = None
        if len(series) == 1 and series[0].ndim == 3 and "S" not in series[0].axes:
            kind = np.dtype(series[0].dtype).newbyteorder(tif.byteorder)
            if series[0].dataoffset is not None:
                array = np.memmap(path, kind, "r", series[0].dataoffset, series[0].shape)
            elif len(series[0].pages) == series[0].shape[0]:
                array = _Pages(path, series[0].shape[0], series[0].shape[1:], kind)
    if array is None:
        return volume_tiff.read_tiff(path)
    return stored.StoredArray(array, "zyx", spacing, phases=phases, why=why)


def count_layers(file: LayerFile | LabelledVolume, ranks: Ranks) -> tuple[SlabSource, dict[str, int]]:
    """Find which labels a volume holds, every process its share of the layers; all processes call.

    Parameters
    ----------
    file : LayerFile or LabelledVolume
        The volume.
    ranks : Ranks
        All processes.

    Returns
    -------
    source : SlabSource
        Ready to mesh.
    voxels : dict of str to int
        Voxels of each phase.

    Raises
    ------
    InputError
        As `LabelledVolume` for labels and names that do not fit.

    Examples
    --------
    >>> count_layers(open_layers("cathode.h5"), Ranks())[1]  # doctest: +SKIP
    {'NMC': 4000, 'pore': 1000}
    """
    if isinstance(file, LabelledVolume):
        source = source_of(file)
        return source, source.head.voxel_counts()
    from ssb2mesh.volume.counting import count_labels

    def count() -> dict[int, int]:
        nz = file.shape[2]
        step = max(1, CHUNK // (file.shape[0] * file.shape[1]))
        begin, end = nz * ranks.rank // ranks.size, nz * (ranks.rank + 1) // ranks.size
        found: dict[int, int] = {}
        for first in range(begin, end, step):
            labels, counts = count_labels(file.read(first, min(first + step, end)))
            for label, number in zip(labels.tolist(), counts.tolist(), strict=True):
                found[label] = found.get(label, 0) + number
        return found

    mine = ranks.together(count)
    everyone = ranks.comm.allgather(mine) if ranks.comm else [mine]
    total = {label: sum(one.get(label, 0) for one in everyone) for label in sorted(set().union(*everyone))}
    # a volume of one voxel a label has the same names and the same faults
    small = LabelledVolume(np.array(list(total))[:, None, None], (1.0,) * 3, phases=file.names)
    voxels = {small.phases[label]: number for label, number in total.items()}
    return SlabSource(VolumeHead(file.shape, file.spacing, file.origin, dict(small.phases), voxels), file.read), voxels
