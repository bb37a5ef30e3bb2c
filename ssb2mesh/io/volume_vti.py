"""VTI (VTK XML image data) through VTK. No other format.

VTK files have no unit of length; a voxel size is taken only when the field array ``spacing_unit`` names one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ssb2mesh.errors import InputError, MissingDependencyError
from ssb2mesh.io.stored import StoredArray, choose_dataset, metres_per, phases_from_json, phases_to_json, smallest
from ssb2mesh.volume import LabelledVolume

__all__ = ["UNIT", "import_vtk", "read_vti", "write_vti"]

UNIT, PHASES, ARRAY = "spacing_unit", "phases", "phase"


def read_vti(path: Path, name: str | None) -> StoredArray:
    """Read one cell or point array of a VTI file; cells are voxels, points are voxel centres.

    Parameters
    ----------
    path : Path
        The file.
    name : str or None
        Name of the array; None when there is only one.

    Returns
    -------
    StoredArray
        Array (i, j, k), axes ``"xyz"``.

    Raises
    ------
    InputError
        If the file is damaged, 2-D, or the choice is open.
    MissingDependencyError
        If VTK is not installed.
    """
    io, numpy_support = import_vtk()
    reader = io.vtkXMLImageDataReader()
    reader.SetFileName(str(path))
    with _captured() as said:
        reader.Update()
    image = reader.GetOutput()
    cells, points = image.GetCellData(), image.GetPointData()
    found = {cells.GetArrayName(n): ("cells", cells.GetArray(n)) for n in range(cells.GetNumberOfArrays())}
    found |= {points.GetArrayName(n): ("points", points.GetArray(n)) for n in range(points.GetNumberOfArrays())}
    dims = np.asarray(image.GetDimensions())
    if said or not found or (dims < 1).any():
        why = said[0] if said else "no array"
        raise InputError(f"path: {path} is damaged, cut short or holds no image data ({why})")
    shapes = {
        key: tuple(int(n) for n in (np.maximum(dims - 1, 1) if kind == "cells" else dims))
        for key, (kind, array) in found.items()
        if array is not None and array.GetNumberOfComponents() == 1
    }
    kind, data = found[choose_dataset(path, shapes, name)]
    shape = np.maximum(dims - 1, 1) if kind == "cells" else dims
    if min(dims) == 1:
        flat = "x".join(str(n) for n in shape)
        raise InputError(f"path: {path} is a 2-D image of {flat}; a volume has more than one layer along each axis")
    array = numpy_support.vtk_to_numpy(data)
    if len(array) != int(shape.prod()):
        raise InputError(f"path: {path} is damaged: {len(array)} values for {'x'.join(map(str, shape))} voxels")
    array = array.reshape(*shape[::-1]).transpose(2, 1, 0)
    phases = phases_from_json(_field_text(image, PHASES))
    metres = metres_per(_field_text(image, UNIT))
    given = np.asarray(image.GetSpacing(), float)
    if metres is None:
        return StoredArray(array, "xyz", phases=phases, why=f"VTK has no units and there is no field {UNIT!r}")
    first = np.asarray(image.GetOrigin(), float) + np.asarray(image.GetExtent(), float)[::2] * given
    lower = (first - (0 if kind == "cells" else 0.5) * given) * metres
    spacing = given * metres
    return StoredArray(
        array,
        "xyz",
        (float(spacing[0]), float(spacing[1]), float(spacing[2])),
        (float(lower[0]), float(lower[1]), float(lower[2])),
        phases,
    )


def write_vti(volume: LabelledVolume, path: Path) -> None:
    """Write the cell array ``phase`` in metres, with the unit and the phase names as field data; compressed.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    path : Path
        Where to write.

    Raises
    ------
    InputError
        If the writer fails.
    MissingDependencyError
        If VTK is not installed.
    """
    io, numpy_support = import_vtk()
    from vtkmodules.vtkCommonCore import vtkStringArray
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData()
    image.SetDimensions(*(n + 1 for n in volume.shape))
    image.SetSpacing(*volume.spacing)
    image.SetOrigin(*volume.origin)
    flat = np.ascontiguousarray(smallest(volume.labels).transpose(2, 1, 0)).reshape(-1)
    data = numpy_support.numpy_to_vtk(flat)
    data.SetName(ARRAY)
    image.GetCellData().AddArray(data)
    image.GetCellData().SetActiveScalars(ARRAY)
    for key, text in ((UNIT, "m"), (PHASES, phases_to_json(volume.phases))):
        words = vtkStringArray()
        words.SetName(key)
        words.InsertNextValue(text)
        image.GetFieldData().AddArray(words)
    writer = io.vtkXMLImageDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    if writer.Write() != 1:
        raise InputError(f"path: VTK cannot write {path}")


@contextmanager
def _captured() -> Iterator[list[str]]:
    """Collect what VTK would print about errors; the list is filled when the block ends."""
    from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringOutputWindow

    said: list[str] = []
    window, before = vtkStringOutputWindow(), vtkOutputWindow.GetInstance()
    vtkOutputWindow.SetInstance(window)
    try:
        yield said
    finally:
        vtkOutputWindow.SetInstance(before)
        said += [line.strip()[:160] for line in (window.GetOutput() or "").splitlines() if line.strip()]


def _field_text(image: Any, key: str) -> str | None:
    words = image.GetFieldData().GetAbstractArray(key)
    if words is None or words.GetNumberOfValues() < 1 or not hasattr(words, "GetValue"):
        return None
    return str(words.GetValue(0))


def import_vtk() -> tuple[Any, Any]:
    """Return VTK's module of XML files and its bridge to NumPy; MissingDependencyError without VTK."""
    try:
        from vtkmodules import vtkIOXML
        from vtkmodules.util import numpy_support
    except ImportError as error:
        raise MissingDependencyError.of("vtk", "VTI volumes", 'pip install "ssb2mesh[io]"') from error
    return vtkIOXML, numpy_support
