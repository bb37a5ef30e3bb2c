"""TIFF: multi-page, BigTIFF, folders and globs of slices; ImageJ and OME voxel sizes. No other format."""

from __future__ import annotations

import logging
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from ssb2mesh.errors import InputError
from ssb2mesh.io.stored import StoredArray, metres_per, phases_from_json, phases_to_json
from ssb2mesh.volume import LabelledVolume

__all__ = ["natural_order", "read_slices", "read_tiff", "write_tiff"]

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".tf2")


def read_tiff(path: Path) -> StoredArray:
    """Read a multi-page TIFF.

    Parameters
    ----------
    path : Path
        A TIFF or BigTIFF file of one grey or label image stack.

    Returns
    -------
    StoredArray
        Array (pages, rows, columns), axes ``"zyx"``.

    Raises
    ------
    InputError
        If the file is damaged or cut short, holds colours, several stacks, or a single page.
    """
    with _opened(path) as tif:
        _check_complete(path, tif)
        array = _stack(path, tif)
        spacing, why = _voxel_size(tif)
        phases = _phases(tif)
    if array.ndim != 3:
        kind = "a 2-D image" if array.ndim == 2 else f"an image with {array.ndim} axes"
        shape = "x".join(map(str, array.shape))
        raise InputError(f"path: {path} is {kind} of {shape}; a volume has pages, rows and columns")
    return StoredArray(array, "zyx", spacing, phases=phases, why=why)


def _stack(path: Path, tif: Any) -> npt.NDArray:
    """Return the one image stack of the file; single pages of one size and type, written one by one, are one too."""
    series = tif.series
    if any("S" in s.axes for s in series):
        raise InputError(f"path: {path} holds colours; give grey values or labels (one number a voxel)")
    if len(series) == 1:
        return np.squeeze(series[0].asarray(), axis=_singletons(series[0].shape))
    if len({(s.shape, s.dtype) for s in series}) > 1 or len(series[0].shape) != 2:
        shapes = ", ".join("x".join(map(str, s.shape)) for s in series[:5])
        raise InputError(f"path: {path} holds {len(series)} image stacks ({shapes}); a volume is one stack")
    return np.stack([s.asarray() for s in series])


def read_slices(paths: Sequence[Path], where: str) -> StoredArray:
    """Read one 2-D TIFF a slice, in natural order of their names (slice_2 before slice_10).

    Parameters
    ----------
    paths : sequence of Path
        The slices, along z.
    where : str
        Folder or pattern, for errors.

    Returns
    -------
    StoredArray
        Array (slices, rows, columns), axes ``"zyx"``.

    Raises
    ------
    InputError
        If there are fewer than two slices, or one is not 2-D or differs in size or type from the first.
    """
    if len(paths) < 2:
        raise InputError(f"path: {where} gives {len(paths)} TIFF files; a stack of slices needs two at least")
    stack: npt.NDArray | None = None
    for number, path in enumerate(sorted(paths, key=natural_order)):
        with _opened(path) as tif:
            _check_complete(path, tif)
            page = np.squeeze(tif.series[0].asarray()) if len(tif.series) == 1 else np.zeros(())
        if page.ndim != 2:
            raise InputError(f"path: the slice {path} is not one 2-D grey image but {'x'.join(map(str, page.shape))}")
        if stack is None:
            stack = np.empty((len(paths), *page.shape), page.dtype)
        if page.shape != stack.shape[1:] or page.dtype != stack.dtype:
            raise InputError(
                f"path: the slice {path} is {page.shape[0]}x{page.shape[1]} {page.dtype}, the first is "
                f"{stack.shape[1]}x{stack.shape[2]} {stack.dtype}; all slices must agree"
            )
        stack[number] = page
    assert stack is not None
    return StoredArray(stack, "zyx", why="single slices do not tell their distance")


def natural_order(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key that takes runs of digits as numbers."""
    parts = re.split(r"(\d+)", path.name)
    return tuple((0, int(p)) if p.isdigit() else (1, p.lower()) for p in parts if p)


def write_tiff(volume: LabelledVolume, path: Path) -> None:
    """Write an OME-TIFF: voxel size in um as 64-bit text, phase names in its description; BigTIFF when it must be.

    Parameters
    ----------
    volume : LabelledVolume
        Its origin is not kept: the format has no place for it.
    path : Path
        Where to write.
    """
    labels = np.ascontiguousarray(volume.labels.transpose(2, 1, 0))
    dx, dy, dz = (_shortest(h * 1e6) for h in volume.spacing)
    metadata = {
        "axes": "ZYX",
        "PhysicalSizeX": dx,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": dy,
        "PhysicalSizeYUnit": "µm",
        "PhysicalSizeZ": dz,
        "PhysicalSizeZUnit": "µm",
        "Description": f"ssb2mesh phases {phases_to_json(volume.phases)}",
    }
    with tifffile.TiffWriter(path, ome=True, bigtiff=labels.nbytes > 2**32 - 2**25) as tif:
        tif.write(labels, metadata=metadata, photometric="minisblack", compression=None)


def _shortest(value: float) -> float:
    """Undo the rounding of a product by 1e6: 0.4 rather than 0.39999999999999997."""
    return float(f"{value:.15g}")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a TIFF; what the library only logs about damage becomes an error."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    listener = Listener(level=logging.ERROR)
    logger = logging.getLogger("tifffile")
    logger.addHandler(listener)
    before, logger.propagate = logger.propagate, False
    try:
        try:
            with tifffile.TiffFile(path) as tif:
                yield tif
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"path: {path} is damaged, cut short or no TIFF ({_one_line(error)})") from error
        if said:
            raise InputError(f"path: {path} is damaged or cut short ({said[0]})")
    finally:
        logger.removeHandler(listener)
        logger.propagate = before


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _check_complete(path: Path, tif: Any) -> None:
    """Raise if pixel data would lie beyond the end of the file: the library fills such pixels with zeros."""
    end = path.stat().st_size
    reach = 0
    for series in tif.series:
        if series.dataoffset is not None:
            reach = max(reach, series.dataoffset + series.nbytes)
        for page in series.pages:
            if page is not None:
                reach = max([reach, *(a + n for a, n in zip(page.dataoffsets, page.databytecounts, strict=False))])
    if reach > end:
        raise InputError(f"path: {path} is cut short: it needs {reach} bytes and has {end}; copy it again")


def _singletons(shape: Sequence[int]) -> tuple[int, ...]:
    """Axes of length 1 that may go so that three remain; rows and columns stay."""
    spare = max(0, len(shape) - 3)
    return tuple([a for a, n in enumerate(shape[:-2]) if n == 1][:spare])


def _voxel_size(tif: Any) -> tuple[tuple[float, float, float] | None, str]:
    """Return (page, row, column) spacing in m, or None and the reason."""
    if tif.is_ome and tif.ome_metadata:
        return _ome_voxel_size(tif.ome_metadata)
    if tif.is_imagej:
        return _imagej_voxel_size(tif)
    return None, "a plain TIFF holds a print resolution at most"


def _ome_voxel_size(xml: str) -> tuple[tuple[float, float, float] | None, str]:
    pixels = next((e for e in ET.fromstring(xml).iter() if e.tag.split("}")[-1] == "Pixels"), None)
    sizes = []
    explicit = False
    for axis in "ZYX":
        text = pixels.get(f"PhysicalSize{axis}") if pixels is not None else None
        if text is None:
            return None, f"its OME metadata give no PhysicalSize{axis}"
        unit = pixels.get(f"PhysicalSize{axis}Unit") if pixels is not None else None
        explicit |= unit is not None
        # the OME schema defines the unit of a missing attribute: um
        scale = metres_per(unit or "um")
        if scale is None:
            return None, f"its OME metadata give PhysicalSize{axis} in {unit!r}, which is no length"
        sizes.append(_scaled(float(text), scale))
    if not explicit and all(s == 1e-6 for s in sizes):
        return None, "its OME metadata hold the placeholder 1 x 1 x 1 without unit"
    return _positive(sizes, "OME")


def _imagej_voxel_size(tif: Any) -> tuple[tuple[float, float, float] | None, str]:
    meta = tif.imagej_metadata or {}
    unit = str(meta.get("unit", ""))
    scale = metres_per(unit)
    if scale is None:
        return None, f"its ImageJ metadata give the unit {unit!r}, which is no length"
    if "spacing" not in meta:
        return None, "its ImageJ metadata give no distance of the slices"
    tags = tif.pages[0].tags
    sizes = [float(meta["spacing"])]
    for key in ("YResolution", "XResolution"):
        top, bottom = tags[key].value if key in tags else (0, 1)
        if not top:
            return None, f"its ImageJ metadata give no {key}"
        # the file holds pixels per unit as a ratio of 32-bit integers: ten digits at best, twelve shown
        sizes.append(float(f"{bottom / top:.9g}"))
    return _positive([_scaled(s, scale) for s in sizes], "ImageJ")


def _scaled(value: float, scale: float) -> float:
    """Multiply by a power of ten without leaving the nearest decimal: 0.4 um is 4e-07 exactly as typed."""
    exponent = round(float(np.log10(scale)))
    return float(f"{value!r}e{exponent}") if 10.0**exponent == scale and "e" not in repr(value) else value * scale


def _positive(sizes: list[float], style: str) -> tuple[tuple[float, float, float] | None, str]:
    if not all(np.isfinite(sizes)) or min(sizes) <= 0:
        return None, f"its {style} metadata give the voxel size {sizes}"
    return (sizes[0], sizes[1], sizes[2]), ""


def _phases(tif: Any) -> dict[int, str] | None:
    """Return the names that `write_tiff` put into the description."""
    if not (tif.is_ome and tif.ome_metadata):
        return None
    for element in ET.fromstring(tif.ome_metadata).iter():
        text = (element.text or "").strip()
        if element.tag.split("}")[-1] == "Description" and text.startswith("ssb2mesh phases "):
            return phases_from_json(text.removeprefix("ssb2mesh phases "))
    return None
