"""From a volume file to a mesh file in slabs, for the command line. No algorithm of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError
from ssb2mesh.paths import check_output
from ssb2mesh.ranks import Ranks
from ssb2mesh.slabs.choose import choose_slabs
from ssb2mesh.slabs.job import mesh_in_slabs
from ssb2mesh.slabs.plan import plan_slabs
from ssb2mesh.slabs.reading import count_layers, open_layers
from ssb2mesh.slabs.resume import Parts, slabs_before
from ssb2mesh.slabs.source import VolumeHead
from ssb2mesh.stages import Stages, peak_memory_bytes

__all__ = ["check_drop", "mesh_file_in_slabs"]


def mesh_file_in_slabs(
    source: str,
    target: str | Path,
    *,
    volume: Mapping[str, Any] | None = None,
    mesh: Mapping[str, Any] | None = None,
    slabs: int | None = None,
    overwrite: bool = False,
    stages: Stages | None = None,
) -> dict[str, Any]:
    """Mesh a volume file in slabs, one after another, into a native mesh file.

    Finished slabs are kept in a hidden folder beside it, ``.<name>.slabs``, until it is whole: the same call goes on
    from there after it was cut off.

    Parameters
    ----------
    source : str
        Volume file.
    target : str or Path
        Mesh file, ``.xdmf``.
    volume : mapping, optional
        Keyword arguments of `ssb2mesh.slabs.reading.open_layers`.
    mesh : mapping, optional
        ``cell_size``, ``drop``, ``engine`` and ``options`` of `ssb2mesh.mesh_volume`, the last as a mapping.
    slabs : int, optional
        How many; default: as few as fit the memory.
    overwrite : bool
        Replace an existing file.
    stages : Stages, optional
        Collects time and memory.

    Returns
    -------
    dict
        The numbers of `ssb2mesh.slabs.job.mesh_in_slabs`, with ``seconds`` and ``peak_memory_bytes``.

    Raises
    ------
    InputError
        If an input cannot be used, or cannot be used in slabs; nothing is written then.

    Examples
    --------
    >>> mesh_file_in_slabs("a.h5", "mesh.xdmf", slabs=4)["tets"]  # doctest: +SKIP
    """
    from ssb2mesh.identity import digest, file_identity
    from ssb2mesh.mesh_options import lattice_options

    stages = Stages() if stages is None else stages
    given = dict(mesh or {})
    if given.get("engine", "lattice") != "lattice":
        raise InputError(f"engine: got {given['engine']!r} in slabs; only the lattice is made in slabs")
    target = check_output(target, overwrite=overwrite)
    if target.suffix.lower() != ".xdmf":
        raise InputError(
            f"output: got {target.name!r}; a mesh in slabs is written as .xdmf (with .h5 beside it); ssb2mesh convert "
            "makes other formats of it where the mesh fits the memory"
        )
    ranks = Ranks()
    with stages("volume"):
        layers, voxels = count_layers(open_layers(source, **(volume or {})), ranks)
    drop = check_drop(layers.head, given.get("drop") or ())
    options = lattice_options(given.get("options"))
    size = given.get("cell_size")
    made_of = digest(file_identity(source), volume or {}, size, drop, given.get("options") or {})
    parts = Parts(target.with_name(f".{target.stem}.slabs"), made_of)
    needed, before = None, slabs_before(parts)
    if slabs is None and before is None:
        plan, needed = choose_slabs(layers, cell_size=size, drop=drop, options=options)
    else:
        plan = plan_slabs(layers.head, slabs or before or 1, cell_size=size, drop=drop, options=options)
    numbers = mesh_in_slabs(layers, plan, target, ranks=ranks, voxels=voxels, stages=stages, parts=parts)
    seconds = {name: round(value, 6) for name, value in stages.seconds.items()}
    about = {} if needed is None else {"slab_memory_bytes": round(needed)}
    return {**numbers, **about, "seconds": seconds, "peak_memory_bytes": peak_memory_bytes()}


def check_drop(head: VolumeHead, drop: Any) -> tuple[str, ...]:
    """Return the phases to leave out; InputError if one is unknown or none would stay."""
    names = tuple(dict.fromkeys(drop))
    for name in names:
        head.label_of(name)
    if len(names) == len(head.phase_names):
        raise InputError(f"drop: {', '.join(names)} are all phases of the volume; keep at least one")
    return names
