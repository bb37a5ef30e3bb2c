"""The verb `moose`: a study's mesh, found or made, and the inputs for its solves. No physics, no text of inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssb2mesh.errors import InputError
from ssb2mesh.moose.write import MooseFiles, write_moose
from ssb2mesh.paths import check_output_folder
from ssb2mesh.physics import known_elastic
from ssb2mesh.pipeline import existing_mesh
from ssb2mesh.stages import Stages
from ssb2mesh.study.model import Study

__all__ = ["describe_moose", "moose_study"]


def moose_study(
    study: Study,
    folder: str | Path | None = None,
    *,
    mesh_file: str | Path | None = None,
    unit: str = "um",
    overwrite: bool = False,
    stages: Stages | None = None,
) -> MooseFiles:
    """Write MOOSE inputs for the solves of a study.

    Parameters
    ----------
    study : Study
        What to solve.
    folder : str or Path, optional
        Where to write; default the results folder with ``-moose`` added to its name.
    mesh_file : str or Path, optional
        A mesh file. Without it the mesh of the results folder is taken, if the same [volume] and [mesh] made it;
        else the volume is meshed.
    unit : {'um', 'm'}
        Unit of length.
    overwrite : bool
        Replace files that are there.
    stages : Stages, optional
        Collects time and memory.

    Returns
    -------
    MooseFiles
        What was written.

    Raises
    ------
    InputError
        If the study has no solve that MOOSE can do, or names what the mesh does not have; nothing is written then.

    Examples
    --------
    >>> moose_study(read_study("examples/demo.toml")).inputs  # doctest: +SKIP
    {'electronic.i': 'electronic', 'ionic-x.i': 'ionic', 'ionic-y.i': 'ionic', 'ionic-z.i': 'ionic'}
    """
    from ssb2mesh.io import read_mesh
    from ssb2mesh.mesh_options import lattice_options
    from ssb2mesh.mesher import mesh_volume
    from ssb2mesh.steps import check_names, load_volume

    if not study.solves:
        raise InputError(f"study: {study.source or study.title} has no [[solve]] table; add one to write inputs for")
    stages = Stages() if stages is None else stages
    results = study.output.folder
    target = results.with_name(f"{results.name}-moose") if folder is None else Path(folder)
    check_output_folder(target, overwrite=overwrite)
    found = existing_mesh(study, mesh_file)
    if found is not None:
        with stages("read mesh"):
            mesh = read_mesh(found)
    else:
        with stages("volume"):
            volume, _ = load_volume(study.volume)
        check_names(study, volume)
        mesh = mesh_volume(
            volume,
            cell_size=study.mesh.cell_size,
            drop=study.mesh.drop,
            engine=study.mesh.engine,
            options=lattice_options(study.mesh.options),
            stages=stages,
        )
    with stages("write inputs"):
        return write_moose(mesh, study.solves, target, unit=unit, known=known_elastic, overwrite=overwrite)


def describe_moose(numbers: Mapping[str, Any]) -> str:
    r"""Return what was written as text.

    Parameters
    ----------
    numbers : mapping
        As `MooseFiles.to_dict` gives it.

    Returns
    -------
    str
        A line a file.

    Examples
    --------
    >>> describe_moose({"folder": "m", "inputs": {"a.i": "a"}, "meshes": ["mesh.e"]})
    'folder      m\ninputs      a.i\nmeshes      mesh.e'
    """
    lines = [("folder", numbers["folder"]), ("inputs", ", ".join(numbers["inputs"]))]
    lines.append(("meshes", ", ".join(numbers["meshes"])))
    return "\n".join(f"{name:<12}{text}" for name, text in lines)
