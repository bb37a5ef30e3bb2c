"""From a study and its mesh to input files: which input for which solve, which mesh file for which input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.split import join_split
from ssb2mesh.mesh.units import scale_to_unit
from ssb2mesh.moose.case import SYSTEMS, Case, NotExpressibleError
from ssb2mesh.moose.charge import charge_tree, networks_of_charge
from ssb2mesh.moose.conduction import conduction_tree, effective_tree, network_of_conduction, network_of_effective
from ssb2mesh.moose.hit import Tree, render
from ssb2mesh.moose.joined import join_side_sets
from ssb2mesh.moose.mechanics import AXES, mechanics_tree, network_of_mechanics
from ssb2mesh.moose.pieces import Network, isolate
from ssb2mesh.moose.stiffness import LOAD_CASES, stiffness_tree
from ssb2mesh.paths import check_output_folder, staged_folder
from ssb2mesh.volume import BOX_SIDES

__all__ = ["MooseFiles", "write_moose"]

_MESH = "mesh.e"
_TYPES = ("conduction", "effective_conductivity", "charge_transfer", "elasticity", "effective_stiffness")


@dataclass(frozen=True)
class MooseFiles:
    """What was written.

    Parameters
    ----------
    folder : Path
        Where.
    inputs : mapping of str to str
        Name of each input to the name of its solve.
    meshes : tuple of str
        Names of the Exodus files.
    skipped : mapping of str to str
        Solves without an input, and why.
    isolated : mapping of str to mapping of str to float
        By input the part of each phase that no contact reaches; it is a block without unknowns.
    """

    folder: Path
    inputs: Mapping[str, str]
    meshes: tuple[str, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    isolated: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        return {
            "folder": str(self.folder),
            "inputs": dict(self.inputs),
            "meshes": list(self.meshes),
            "skipped": dict(self.skipped),
            "isolated": {name: dict(shares) for name, shares in self.isolated.items()},
        }


def write_moose(
    mesh: TaggedMesh,
    solves: Sequence[Mapping[str, Any]],
    folder: str | Path,
    *,
    unit: str = "um",
    known: Callable[[str], tuple[float, float]] | None = None,
    overwrite: bool = False,
) -> MooseFiles:
    """Write an input file for each solve and the Exodus files they read.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh, m. One that was split along interfaces is joined: MOOSE splits it itself where needed.
    solves : sequence of mapping
        ``[[solve]]`` tables as `ssb2mesh.study.solves.validate_solves` returns them.
    folder : str or Path
        Where to write; its parent must exist.
    unit : {'um', 'm'}
        Unit of length in mesh and inputs. Tolerances of libMesh are absolute, so micrometres are the safe choice.
    known : callable, optional
        Returns Young's modulus (Pa) and Poisson's ratio of a material that a table names.
    overwrite : bool
        Replace files that are there.

    Returns
    -------
    MooseFiles
        Names of all files, and what could not be expressed.

    Raises
    ------
    InputError
        If a name is not in the mesh, or no solve can be expressed; nothing is written then.

    Examples
    --------
    >>> write_moose(mesh, study.solves, "moose").inputs  # doctest: +SKIP
    {'ionic-x.i': 'ionic', 'ionic-y.i': 'ionic', 'ionic-z.i': 'ionic'}
    """
    if unit not in SYSTEMS:
        raise InputError(f"unit: got {unit!r}{nearest(unit, SYSTEMS)}; allowed: {', '.join(SYSTEMS)}")
    folder = check_output_folder(folder, overwrite=overwrite)
    made = _Inputs(join_split(mesh), unit, known or _unknown)
    for table in solves:
        try:
            made.add(table)
        except NotExpressibleError as error:
            made.skipped[str(table["name"])] = str(error)
        except InputError as error:
            raise InputError(f"solve {table['name']!r}: {error}") from None
    if not made.texts:
        why = "; ".join(f"{name}: {text}" for name, text in made.skipped.items()) or "the study has no [[solve]] table"
        raise InputError(f"no input to write: {why}")
    with staged_folder(folder) as stage:
        for name, text in made.texts.items():
            (stage / name).write_text(text, encoding="utf-8")
        made.write_meshes(stage)
    meshes = tuple(dict.fromkeys(made.files.values()))
    return MooseFiles(folder, made.solve_of, meshes, made.skipped, made.isolated)


def _unknown(name: str) -> tuple[float, float]:
    raise InputError(f"materials: got the name {name!r}; give young and poisson")


class _Inputs:
    """Inputs and meshes as they come together; meshes that are the same share one file."""

    def __init__(self, mesh: TaggedMesh, unit: str, known: Callable[[str], tuple[float, float]]) -> None:
        self.mesh, self.unit, self.known = mesh, unit, known
        self.texts: dict[str, str] = {}
        self.solve_of: dict[str, str] = {}
        self.skipped: dict[str, str] = {}
        self.isolated: dict[str, Mapping[str, float]] = {}
        self.files: dict[tuple[bytes, int], str] = {}
        self.meshes: dict[str, tuple[TaggedMesh, int]] = {}

    def add(self, table: Mapping[str, Any]) -> None:
        """Add the inputs of one table."""
        kind, name = table["type"], table["name"]
        sides = self.mesh.facet_names
        if kind == "conduction":
            self._input(table, name, networks=network_of_conduction(table, list(sides)), build=conduction_tree)
        elif kind == "effective_conductivity":
            for axis in table.get("axes", AXES):
                networks = network_of_effective(table, axis, list(sides))
                self._input(table, f"{name}-{axis}", networks=networks, build=partial(effective_tree, axis=axis))
        elif kind == "charge_transfer":
            networks, couplings = networks_of_charge(self._case(table, name))
            self._input(table, name, networks=networks, build=charge_tree, couplings=couplings)
        elif kind == "elasticity":
            networks = network_of_mechanics(table, list(sides))
            self._input(table, name, networks=networks, build=lambda c: mechanics_tree(c, self.known))
        elif kind == "effective_stiffness":
            networks = network_of_mechanics({**table, "rollers": BOX_SIDES}, list(sides))
            for load in LOAD_CASES:
                build = partial(stiffness_tree, known=self.known, load=load)
                self._input(table, f"{name}-{load}", networks=networks, build=build)
        else:
            raise NotExpressibleError(f"type {kind!r} has no input for MOOSE; types that have: {', '.join(_TYPES)}")

    def _case(self, table: Mapping[str, Any], name: str) -> Case:
        return Case(name, self.mesh, _MESH, SYSTEMS[self.unit], table)

    def _input(
        self,
        table: Mapping[str, Any],
        name: str,
        *,
        networks: Mapping[str, Network],
        build: Callable[[Case], Tree],
        couplings: Sequence[str] = (),
    ) -> None:
        mesh, shares = isolate(self.mesh, networks, couplings=couplings)
        order = int(table.get("order", 1))
        key = (np.asarray(mesh.cell_tags).tobytes(), order)
        plain = f"mesh-order{order}.e" if order > 1 else _MESH
        file = self.files.get(key, plain if not shares else f"{name}.e")
        case = Case(name, mesh, file, SYSTEMS[self.unit], table, shares)
        self.texts[f"{name}.i"] = render(join_side_sets(build(case), case))
        self.files[key] = file
        self.meshes[file] = (mesh, order)
        self.solve_of[f"{name}.i"] = str(table["name"])
        if shares:
            self.isolated[f"{name}.i"] = shares

    def write_meshes(self, stage: Path) -> None:
        """Write each mesh once."""
        from ssb2mesh.io import write_mesh

        for file, (mesh, order) in self.meshes.items():
            # straight edges: the geometry that the solvers have
            options: dict[str, Any] = {"order": order, "curved": False} if order > 1 else {}
            write_mesh(scale_to_unit(mesh, self.unit), stage / file, **options)
