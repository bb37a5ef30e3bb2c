"""NRRD, MetaImage (MHA/MHD) and NIfTI through SimpleITK. No other format.

The toolkit counts in mm by convention, whether the file says so or not. A voxel size is taken only when the file itself
names a unit: ``space units`` or ``units`` (NRRD), ``DistanceUnits`` (MetaImage), ``xyzt_units`` (NIfTI), or the field
``spacing_unit`` that this package writes.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, MissingDependencyError
from ssb2mesh.io.stored import StoredArray, metres_per, phases_from_json, phases_to_json, smallest
from ssb2mesh.volume import LabelledVolume

__all__ = ["read_itk", "write_itk"]

UNIT, PHASES = "spacing_unit", "phases"


def read_itk(path: Path) -> StoredArray:
    """Read NRRD, MHA, MHD or NIfTI.

    Parameters
    ----------
    path : Path
        The file (for MHD and NHDR the header; the data lie beside it).

    Returns
    -------
    StoredArray
        Array (i, j, k) as the file counts, axes ``"xyz"``. Direction cosines are not applied: i, j, k become x, y, z;
        with other than unit directions the origin is left out.

    Raises
    ------
    InputError
        If the file is damaged, 2-D, or has several numbers a voxel.
    MissingDependencyError
        If SimpleITK is not installed.
    """
    sitk = _sitk()
    with _quiet(sitk):
        try:
            image = sitk.ReadImage(str(path))
        except RuntimeError as error:
            raise InputError(
                f"path: {path} is damaged, cut short or not what its suffix says ({_short(error)})"
            ) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        shape = "x".join(map(str, image.GetSize()))
        kind = "a 2-D image" if image.GetDimension() == 2 else f"an image with {image.GetDimension()} axes"
        kind = kind if image.GetNumberOfComponentsPerPixel() == 1 else "an image with several numbers a voxel"
        raise InputError(f"path: {path} is {kind} of {shape}; a volume has three axes and one number a voxel")
    keys = set(image.GetMetaDataKeys())
    if "vox_offset" in keys:
        _check_nifti_length(path, image)
    array = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    phases = phases_from_json(image.GetMetaData(PHASES)) if PHASES in keys else None
    metres, why = _unit(path, {k: image.GetMetaData(k) for k in keys & {UNIT, "xyzt_units"}})
    if metres is None:
        return StoredArray(array, "xyz", phases=phases, why=why)
    given = image.GetSpacing()
    if all(s == 1 for s in given) and metres >= 1e-3:
        return StoredArray(array, "xyz", phases=phases, why="it holds the placeholder 1 x 1 x 1")
    digits = 7 if path.name.lower().endswith((".nii", ".nii.gz")) else 15
    # NIfTI holds 32-bit floats: 0.4 um comes back as 0.39999999; seven digits are all there is
    spacing = [float(f"{s * metres:.{digits}g}") for s in given]
    origin = [float(o) * metres - 0.5 * s for o, s in zip(image.GetOrigin(), spacing, strict=True)]
    straight = np.allclose(image.GetDirection(), np.eye(3).reshape(-1), atol=1e-6)
    return StoredArray(array, "xyz", _triple(spacing), _triple(origin) if straight else None, phases)


def _check_nifti_length(path: Path, image: Any) -> None:
    """Raise if voxels are missing at the end: the toolkit fills them with zeros without a word."""
    voxels = int(np.prod(image.GetSize()))
    need = int(float(image.GetMetaData("vox_offset"))) + voxels * int(image.GetMetaData("bitpix")) // 8
    have = path.stat().st_size
    if path.name.lower().endswith(".gz"):
        have = 0
        try:
            with gzip.open(path, "rb") as file:
                while chunk := file.read(1 << 24):
                    have += len(chunk)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"path: {path} is damaged or cut short ({error})") from error
    if have < need:
        raise InputError(f"path: {path} is cut short: it needs {need} bytes and has {have}; copy it again")


def write_itk(volume: LabelledVolume, path: Path) -> None:
    """Write NRRD, MHA or NIfTI: mm, the first voxel's centre as origin; names and unit as extra fields (not NIfTI).

    Parameters
    ----------
    volume : LabelledVolume
        Voxel size and origin are kept to 32-bit precision in NIfTI, to 64-bit in the others.
    path : Path
        Where to write.

    Raises
    ------
    InputError
        If the writer fails.
    MissingDependencyError
        If SimpleITK is not installed.
    """
    sitk = _sitk()
    image = sitk.GetImageFromArray(np.ascontiguousarray(smallest(volume.labels).transpose(2, 1, 0)))
    image.SetSpacing([h * 1e3 for h in volume.spacing])
    image.SetOrigin([(o + 0.5 * h) * 1e3 for o, h in zip(volume.origin, volume.spacing, strict=True)])
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        image.SetMetaData(UNIT, "mm")
        image.SetMetaData(PHASES, phases_to_json(volume.phases))
    with _quiet(sitk):
        try:
            sitk.WriteImage(image, str(path), useCompression=True)
        except RuntimeError as error:
            raise InputError(f"path: cannot write {path} ({_short(error)})") from error
    if path.name.lower().endswith((".nii", ".nii.gz")):
        _check_length(path, volume.labels.size * smallest(volume.labels).itemsize)


def _check_length(path: Path, data: int) -> None:
    """Make sure that all voxels are in a NIfTI file: its library does not tell when the disk is full."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            length = sum(iter(lambda: len(file.read(2**20)), 0))
    except (OSError, EOFError, zlib.error):
        length = 0
    if length < data:
        raise OSError(f"cannot write {path}: {length} of {data} bytes are in it")


def _unit(path: Path, fields: dict[str, str]) -> tuple[float | None, str]:
    """Return metres per number that the toolkit gave, or None and the reason."""
    if path.name.lower().endswith((".nii", ".nii.gz")):
        # the toolkit has already turned the unit into mm; the low three bits say whether there was one
        known = int(fields.get("xyzt_units", "0")) & 7 in (1, 2, 3)
        return (1e-3, "") if known else (None, "its xyzt_units name no unit of length")
    word = fields.get(UNIT) or _header_unit(path)
    metres = metres_per(word)
    if metres is None:
        return None, f"its header gives the unit {word!r}, which is no length" if word else "its header names no unit"
    return metres, ""


def _header_unit(path: Path) -> str | None:
    """Return the unit of an NRRD or MetaImage header, which the toolkit does not pass on."""
    with path.open("rb") as file:
        head = file.read(1 << 16).decode("latin-1")
    if path.suffix.lower() in (".nrrd", ".nhdr"):
        head = re.split(r"\r?\n\r?\n", head, maxsplit=1)[0]
        found = re.search(r"^(?:space units|units):\s*(.+?)\s*$", head, re.MULTILINE)
        words = set(re.findall(r'"([^"]*)"', found.group(1))) if found else set()
        return words.pop() if len(words) == 1 else None
    head = head.split("ElementDataFile")[0]
    found = re.search(r"^DistanceUnits\s*=\s*(\S+)\s*$", head, re.MULTILINE)
    return found.group(1) if found else None


def _sitk() -> Any:
    try:
        import SimpleITK as sitk
    except ImportError as error:
        raise MissingDependencyError.of("SimpleITK", "NRRD, MHA and NIfTI", 'pip install "ssb2mesh[io]"') from error
    return sitk


@contextmanager
def _quiet(sitk: Any) -> Iterator[None]:
    """Keep the toolkit's warnings off the terminal: what matters is raised."""
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)


def _short(error: Exception) -> str:
    return " ".join(str(error).split("ITK ERROR:")[-1].split())[:160]


def _triple(values: npt.ArrayLike) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in np.asarray(values, float))
    return (x, y, z)
