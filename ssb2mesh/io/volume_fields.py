"""Numbers by voxel in and out: grey values, concentrations. Labels are read in `ssb2mesh.io.volumes`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.io.stored import replacing
from ssb2mesh.io.volume_vti import UNIT, import_vtk
from ssb2mesh.io.volumes import VoxelSize, load_stored, stored_grid
from ssb2mesh.voxel_fields import VoxelField

__all__ = ["FIELD_SUFFIXES", "read_voxel_field", "write_voxel_field"]

#: What `write_voxel_field` writes.
FIELD_SUFFIXES = (".tif", ".tiff", ".vti", ".npy")


def read_voxel_field(path: str | Path, *, voxel_size: VoxelSize | None = None, axes: str | None = None) -> VoxelField:
    """Read numbers by voxel from any volume file.

    Parameters
    ----------
    path : str or Path
        As of `ssb2mesh.read_volume`; ``::array`` may follow. Integers, or floats with NaN for no value.
    voxel_size : float, text or three of either, optional
        Needed where the file does not tell.
    axes : str, optional
        What the stored axes mean, where the file does not tell or is wrong.

    Returns
    -------
    VoxelField
        Float64 or the integers of the file.

    Raises
    ------
    InputError
        If the file is missing, damaged, not 3-D, or its voxel size is not known.
    MissingDependencyError
        If the format needs a package that is not installed.

    Examples
    --------
    >>> read_voxel_field("grey.tif", voxel_size="0.4 um").values.dtype  # doctest: +SKIP
    dtype('uint16')
    """
    stored, where = load_stored(path)
    if stored.array.dtype.kind not in "buif":
        raise InputError(f"path: {where} holds {stored.array.dtype} values; a field holds integers or floats")
    order, spacing, origin = stored_grid(stored, where, voxel_size=voxel_size, axes=axes)
    values = np.ascontiguousarray(stored.array.transpose(order))
    return VoxelField(values.astype(values.dtype.newbyteorder("=")), spacing, origin)


def write_voxel_field(field: VoxelField, path: str | Path, *, name: str = "values") -> None:
    """Write numbers by voxel; the suffix chooses the format. Either the whole file appears or none.

    Parameters
    ----------
    field : VoxelField
        The field.
    path : str or Path
        ``.vti`` (cell array, voxel size, origin), ``.tif`` (OME, 32-bit floats, voxel size; no origin) or ``.npy``
        (64-bit floats, axes x, y, z; neither voxel size nor origin).
    name : str
        Name of the array in VTI and of the image in TIFF.

    Raises
    ------
    InputError
        If the suffix is unknown or the folder does not exist.
    MissingDependencyError
        If VTI is asked for and VTK is not installed.

    Examples
    --------
    >>> write_voxel_field(field, "potential.vti", name="potential")  # doctest: +SKIP
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FIELD_SUFFIXES:
        raise InputError(
            f"path: cannot write a field to {path.name!r}; formats: {', '.join(FIELD_SUFFIXES)}"
            f"{nearest(suffix, FIELD_SUFFIXES)}"
        )
    with replacing(path, suffix) as temporary:
        if suffix == ".npy":
            np.save(temporary, np.asarray(field.values, np.float64))
        elif suffix == ".vti":
            _write_vti(field, temporary, name)
        else:
            _write_tiff(field, temporary, name)


def _write_tiff(field: VoxelField, path: Path, name: str) -> None:
    import tifffile

    image = np.ascontiguousarray(np.asarray(field.values, np.float32).transpose(2, 1, 0))
    metadata: dict[str, object] = {"axes": "ZYX", "Name": name}
    for axis, size in zip("XYZ", field.spacing, strict=True):
        metadata |= {f"PhysicalSize{axis}": size * 1e6, f"PhysicalSize{axis}Unit": "µm"}
    with tifffile.TiffWriter(path, ome=True, bigtiff=image.nbytes > 2**32 - 2**25) as tif:
        tif.write(image, metadata=metadata, photometric="minisblack", compression=None)


def _write_vti(field: VoxelField, path: Path, name: str) -> None:
    io, numpy_support = import_vtk()
    from vtkmodules.vtkCommonCore import vtkStringArray
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData()
    image.SetDimensions(*(n + 1 for n in field.values.shape))
    image.SetSpacing(*field.spacing)
    image.SetOrigin(*field.origin)
    data = numpy_support.numpy_to_vtk(np.asarray(field.values, np.float64).transpose(2, 1, 0).ravel())
    data.SetName(name)
    image.GetCellData().AddArray(data)
    image.GetCellData().SetActiveScalars(name)
    unit = vtkStringArray()
    unit.SetName(UNIT)
    unit.InsertNextValue("m")
    image.GetFieldData().AddArray(unit)
    writer = io.vtkXMLImageDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    if writer.Write() != 1:
        raise InputError(f"path: VTK cannot write {path}")
