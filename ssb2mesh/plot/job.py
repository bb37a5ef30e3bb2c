"""The verb `plot`: from a file to a picture. What is drawn and how is decided by the other modules here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.io.mesh_common import MeshData
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.paths import check_output

__all__ = ["KINDS", "plot_file"]

#: What can be drawn of a mesh file.
KINDS = ("cutaway", "interfaces", "quality", "field")
_SHOWN = {"cutaway": "phases", "interfaces": "names"}


def plot_file(
    source: str,
    target: str | Path,
    *,
    what: str | None = None,
    choice: Mapping[str, Any] | None = None,
    volume: Mapping[str, Any] | None = None,
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
) -> str:
    """Draw a mesh, a field, an interface or a volume file.

    Parameters
    ----------
    source : str
        Mesh file, file of a solve (``.xdmf``, or ``.vtu`` of an interface), or volume file for ``'slices'``.
    target : str or Path
        PNG file.
    what : {'cutaway', 'interfaces', 'quality', 'field', 'current', 'slices'}, optional
        What to draw; default ``'current'`` of an interface's file, ``'field'`` if `choice` names a field, else
        ``'cutaway'``.
    choice : mapping, optional
        ``field``: a field of the file; ``on``: the facet set to draw it on; ``show``: phases of a cut-away or facet
        sets of interfaces.
    volume : mapping, optional
        Keyword arguments of `ssb2mesh.steps.open_volume`.
    size : two int, optional
        Width and height, pixels.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    str
        What was drawn.

    Raises
    ------
    InputError
        If an input cannot be used; nothing is written then.

    Examples
    --------
    >>> plot_file("results/ions.xdmf", "ions.png", what="field", choice={"field": "potential"})  # doctest: +SKIP
    'field potential'
    """
    if Path(target).suffix.lower() != ".png":
        raise InputError(f"output: got {str(target)!r}; a picture is a .png file")
    target = check_output(target, overwrite=overwrite)
    given = {} if size is None else {"size": size}
    chosen = {name: value for name, value in (choice or {}).items() if value}
    asked, what = what, what or ("field" if {"field", "on"} & set(chosen) else "cutaway")
    if what == "slices":
        from ssb2mesh.plot.slices import plot_slices
        from ssb2mesh.steps import open_volume

        plot_slices(open_volume(source, **(volume or {})), target, **given)
        return "slices"
    if what == "current" or asked in (None, "field") and _is_interface(source):
        from ssb2mesh.plot.interface import plot_interface_file

        field = chosen.get("field", "current_density")
        plot_interface_file(source, target, field=field, overwrite=overwrite, **given)
        return str(field)
    return _plot_mesh(source, target, what, chosen, given)


def _is_interface(source: str) -> bool:
    """Tell whether a file holds the facets of one interface, as solves with kinetics write them."""
    path = Path(source)
    if path.suffix.lower() != ".vtu" or not path.is_file():
        return False
    with path.open("rb") as file:
        return b"overpotential" in file.read(20_000)


def _plot_mesh(source: str, target: Path, what: str, chosen: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    from ssb2mesh import plot
    from ssb2mesh.io.meshes import read_mesh_data

    named: dict[str, Any] = {} if not chosen.get("show") else {_SHOWN.get(what, "show"): list(chosen["show"])}
    if what not in KINDS:
        raise InputError(f"what: got {what!r}{nearest(what, KINDS)}; allowed: {', '.join(KINDS)}, current, slices")
    data = read_mesh_data(source)
    if what == "cutaway":
        plot.plot_cutaway(data.mesh, target, **named, **given)
    elif what == "interfaces":
        if not data.mesh.facet_names:
            raise InputError(f"source: {source} holds no facet sets; give the mesh file, such as mesh.xdmf")
        plot.plot_interfaces(data.mesh, target, **named, **given)
    elif what == "quality":
        plot.plot_quality(data.mesh, target, **given)
    else:
        name = _field_of(data, chosen.get("field"), source)
        _plot_field(data, name, target, chosen.get("on"), given)
        return f"field {name}"
    return what


def _plot_field(data: MeshData, name: str, target: Path, on: str | None, given: Mapping[str, Any]) -> None:
    """A potential with its current lines, a map on a facet set, or any other field on the cut-away."""
    from ssb2mesh import plot
    from ssb2mesh.plot.facets import facet_values
    from ssb2mesh.plot.labels import field_label

    by_point = name in data.point_data
    values = np.asarray((data.point_data if by_point else data.cell_data)[name], float)
    label = field_label(name)
    if on is not None:
        found, kind = facet_values(data.mesh, on, values)
        if name.startswith("separation"):
            # which of the two bodies moved is a matter of the solver; how far they are apart is not
            found, label = np.abs(found), "opening (m)"
        elif kind == "pressure":
            label = "contact pressure (Pa)"
        elif kind:
            head, _, unit = label.rpartition(" (")
            label = f"{head or label} {kind}" + (f" ({unit}" if head else "")
        plot.plot_current_map(data.mesh, on, found, target, label=label, **given)
        return
    if values.ndim == 2:
        if values.shape[1] != 3:
            sets = ", ".join(n for n in data.mesh.facet_names if "|" in n)
            raise InputError(
                f"field: {name!r} has {values.shape[1]} numbers a tet; draw one of von_mises, mean_stress, "
                f"or the pressure it makes on a facet set with --on" + (f" ({sets})" if sets else "")
            )
        values, label = np.linalg.norm(values, axis=1), f"size of {label}"
        if "current_density" in name and not by_point:
            values = np.where(_idle(data.mesh, values), np.nan, values)
    potential = name.removesuffix(name[name.rfind("_") :]) if name[-2:] in ("_x", "_y", "_z") else name
    if by_point and potential.endswith(("potential", "temperature")):
        suffix = name[len(potential) :]
        # of a cell "ionic_potential" and "ionic_current_density"
        kind = potential.removesuffix("potential") if potential.endswith("_potential") else ""
        current = data.cell_data.get(f"{kind}current_density{suffix}")
        flow = current if current is not None and current.shape == (data.mesh.n_tets, 3) else None
        plot.plot_field(data.mesh, values, target, label=label, current=flow, **given)
    else:
        plot.plot_cell_field(data.mesh, values, target, label=label, **given)


def _idle(mesh: TaggedMesh, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tets of phases in which a field is zero everywhere: these do not conduct, which is not the same as no current."""
    live = np.unique(mesh.cell_tags[values != 0])
    return ~np.isin(mesh.cell_tags, live) if live.size else np.zeros(mesh.n_tets, bool)


def _field_of(data: MeshData, wanted: str | None, source: str) -> str:
    there = [*data.point_data, *(name for name in data.cell_data if name != "phase")]
    if not there:
        raise InputError(f"field: {source} has no fields; the file of a solve has, such as results/ions.xdmf")
    if wanted is None and len(there) == 1:
        return there[0]
    if wanted is None:
        raise InputError(f"field: say which one; fields of {source}: {', '.join(there)}")
    if wanted not in there:
        raise InputError(f"field: got {wanted!r}{nearest(wanted, there)}; fields of {source}: {', '.join(there)}")
    return wanted
