"""What may be done to a mesh on its way to another program: split, unit, axes, options of the format. No formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.io.mesh_common import Fields, MeshData
from ssb2mesh.mesh.split import split_with_source
from ssb2mesh.mesh.units import scale_to_unit
from ssb2mesh.volume import BOX_SIDES

__all__ = ["Export", "prepare", "reorder_axes", "writer_arguments", "writer_options"]

#: Components of a symmetric tensor in the order of the six columns.
_SIX = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


@dataclass(frozen=True)
class Export:
    """How a mesh leaves for another program.

    Parameters
    ----------
    split : tuple of str
        Facet sets to cut along; ``("all",)``: all interfaces.
    unit : str
        Unit of the coordinates in the file, such as ``"um"``.
    axes : str
        Which axis of the mesh becomes x, y and z of the file; ``"zyx"`` swaps x and z.
    order : int
        1 or 2; of formats that know second-order tets. Interfaces are curved unless the option ``curved=no`` is given.
    options : mapping of str to str
        Options of the format as text, see `writer_options`.
    """

    split: tuple[str, ...] = ()
    unit: str = "m"
    axes: str = "xyz"
    order: int = 1
    options: Mapping[str, str] = field(default_factory=dict)


def prepare(data: MeshData, export: Export | None) -> MeshData:
    """Return a mesh with its fields as an export wants it; order and options are left to the writer.

    Parameters
    ----------
    data : MeshData
        Mesh and fields.
    export : Export or None
        What is wanted; None: nothing.

    Returns
    -------
    MeshData
        Split first, then turned, then scaled.

    Raises
    ------
    InputError
        If a set, the unit or the axes cannot be used.

    Examples
    --------
    >>> prepare(MeshData(mesh), Export(split=("all",), unit="um")).mesh.metadata["length_unit"]  # doctest: +SKIP
    'um'
    """
    if export is None:
        return data
    if export.split:
        names = "all" if export.split == ("all",) else export.split
        mesh, source = split_with_source(data.mesh, names)
        data = MeshData(mesh, {name: values[source] for name, values in data.point_data.items()}, data.cell_data)
    if export.axes != "xyz":
        data = reorder_axes(data, export.axes)
    return replace(data, mesh=scale_to_unit(data.mesh, export.unit))


def reorder_axes(data: MeshData, axes: str) -> MeshData:
    """Return a mesh with its axes in another order; sides of the box, vectors and tensors follow.

    Parameters
    ----------
    data : MeshData
        Mesh and fields. Fields of three components are vectors, of six symmetric tensors (xx xy xz yy yz zz), of nine
        tensors.
    axes : str
        Which axis becomes x, y and z: ``"zyx"`` makes z to x. An odd order mirrors; tets and facets are turned to
        stay positive and outward.

    Returns
    -------
    MeshData
        With ``"z_min"`` renamed to ``"x_min"`` and so on.

    Raises
    ------
    InputError
        If `axes` is not some order of xyz.

    Examples
    --------
    >>> reorder_axes(MeshData(mesh), "zyx")  # doctest: +SKIP
    """
    if sorted(axes) != ["x", "y", "z"]:
        raise InputError(f"axes: got {axes!r}; give x, y and z in some order, such as 'zyx'")
    mesh, order = data.mesh, ["xyz".index(axis) for axis in axes]
    mirrored = axes in ("xzy", "zyx", "yxz")
    sides = {f"{axis}_{end}": f"{'xyz'[axes.index(axis)]}_{end}" for axis in "xyz" for end in ("min", "max")}
    assert mesh.box is not None
    made = replace(
        mesh,
        points=mesh.points[:, order],
        tets=mesh.tets[:, [0, 2, 1, 3]] if mirrored else mesh.tets,
        facets=mesh.facets[:, ::-1] if mirrored else mesh.facets,
        facet_names={_renamed(name, sides): tag for name, tag in mesh.facet_names.items()},
        box=mesh.box[:, order],
        metadata={**mesh.metadata, "axes": axes},
    )
    return MeshData(made, _turned(data.point_data, order), _turned(data.cell_data, order))


def _renamed(name: str, sides: Mapping[str, str]) -> str:
    phase, at, side = name.rpartition("@")
    return f"{phase}{at}{sides[side]}" if side in BOX_SIDES else name


def _turned(fields: Fields, order: Sequence[int]) -> Fields:
    index = {
        3: list(order),
        6: [_SIX.index((min(order[i], order[j]), max(order[i], order[j]))) for i, j in _SIX],
        9: [3 * i + j for i in order for j in order],
    }
    turned: dict[str, npt.NDArray] = {}
    for name, values in fields.items():
        width = values.shape[1] if values.ndim == 2 else 1
        turned[name] = np.ascontiguousarray(values[:, index[width]]) if width in index else values
    return turned


def writer_arguments(target: str | Path, export: Export | None) -> dict[str, Any]:
    """Return the keyword arguments that an export needs of `ssb2mesh.io.meshes.write_mesh`.

    Parameters
    ----------
    target : str or Path
        Mesh file; the format is known by the suffix.
    export : Export or None
        What is wanted; None: nothing.

    Returns
    -------
    dict of str to any
        Options of the format, the order among them.

    Raises
    ------
    InputError
        If the format has no such option, no second-order tets, or one unit only.

    Examples
    --------
    >>> writer_arguments("mesh.e", Export(order=2, options={"node_sets": "z_min"}))
    {'node_sets': ('z_min',), 'order': 2}
    """
    from ssb2mesh.io.meshes import mesh_formats, option_types

    if export is None:
        return {}
    suffix = Path(target).suffix.lower()
    options = writer_options(target, export.options)
    if export.order != 1:
        if "order" not in option_types(target):
            able = ", ".join(s for s in mesh_formats() if "order" in _options_of(s))
            raise InputError(f"order: {suffix} is written with first-order tets only; second order: {able}")
        options["order"] = export.order
    if export.unit != "m" and suffix in (".xdmf", ".h5"):
        raise InputError("unit: the native format holds metres, which the solvers read; leave --unit out or write .vtu")
    return options


def _options_of(suffix: str) -> dict[str, str]:
    from ssb2mesh.io.meshes import mesh_formats, option_types

    return option_types(f"mesh{suffix}") if mesh_formats()[suffix].writer else {}


def writer_options(target: str | Path, texts: Mapping[str, str] | Iterable[str]) -> dict[str, Any]:
    """Return options of a mesh format from text.

    Parameters
    ----------
    target : str or Path
        Mesh file; the format is known by the suffix.
    texts : mapping of str to str, or iterable of "name=value"
        Options; lists are separated by commas, truth is ``yes`` or ``no``.

    Returns
    -------
    dict of str to any
        For `ssb2mesh.io.meshes.write_mesh`.

    Raises
    ------
    InputError
        If an option is unknown or its value cannot be read.

    Examples
    --------
    >>> writer_options("mesh.msh", ["version=2.2", "binary=no"])
    {'version': '2.2', 'binary': False}
    """
    from ssb2mesh.io.meshes import option_types

    if not isinstance(texts, Mapping):
        pairs = [text.partition("=") for text in texts]
        for name, equals, _ in pairs:
            if not equals:
                raise InputError(f"option: got {name!r}; write name=value")
        texts = {name.strip(): value.strip() for name, _, value in pairs}
    known = option_types(target)
    options: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            guess = nearest(name, known)
            raise InputError(f"option: {name!r} is no option of {Path(target).suffix}; options: {listed}{guess}")
        options[name] = _value(name, text, known[name])
    return options


def _value(name: str, text: str, kind: str) -> Any:
    if kind == "bool":
        if text.lower() not in ("yes", "no", "true", "false"):
            raise InputError(f"option {name}: got {text!r}; write yes or no")
        return text.lower() in ("yes", "true")
    if kind == "int":
        try:
            return int(text)
        except ValueError:
            raise InputError(f"option {name}: got {text!r}; write a whole number") from None
    return tuple(part.strip() for part in text.split(",")) if kind.startswith("Sequence") else text
