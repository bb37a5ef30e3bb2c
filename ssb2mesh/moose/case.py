"""What every MOOSE input shares: mesh, names in the Exodus file, units, the blocks around the physics. No physics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.io.mesh_exodus import exodus_names
from ssb2mesh.io.mesh_exodus_layout import ExodusNames
from ssb2mesh.mesh import TaggedMesh, tet_volumes
from ssb2mesh.moose.hit import Tree, word
from ssb2mesh.volume import BOX_SIDES

__all__ = ["SYSTEMS", "Case", "NotExpressibleError", "Units"]


class NotExpressibleError(InputError):
    """A solve that objects of MOOSE's own modules cannot express."""


@dataclass(frozen=True)
class Units:
    """A consistent system of units: what one SI unit is in it, and what its units are called.

    Parameters
    ----------
    length, conductivity, current_density, current, resistance : float
        Value in this system of 1 m, 1 S/m, 1 A/m2, 1 A, 1 ohm m2.
    pressure, force, energy, stiffness : float
        Of 1 Pa, 1 N, 1 J/m2, 1 Pa/m.
    electric, mechanic : str
        Names of the units, for the head of an input.
    """

    length: float
    conductivity: float
    current_density: float
    current: float
    resistance: float
    pressure: float
    force: float
    energy: float
    stiffness: float
    electric: str
    mechanic: str


#: Systems of units by unit of length. In both of them V is V; in micrometres A/m2 are pA/um2, number by number.
SYSTEMS = {
    "um": Units(
        1e6, 1e6, 1.0, 1e12, 1.0, 1e-6, 1e6, 1.0, 1e-12,
        "length um, potential V, current pA, current density pA/um2 (= A/m2), conductivity pA/(V um) (= 1e-6 S/m)",
        "length um, stress MPa, force uN, energy per area MPa um (= J/m2)",
    ),
    "m": Units(
        1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,
        "length m, potential V, current A, current density A/m2, conductivity S/m",
        "length m, stress Pa, force N, energy per area J/m2",
    ),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Case:
    """One solve on one mesh.

    Parameters
    ----------
    name : str
        Name of the input, without suffix.
    mesh : TaggedMesh
        The mesh as in the file but in metres.
    mesh_file : str
        Exodus file, as the input names it.
    units : Units
        Of the numbers in the input.
    table : mapping
        The checked ``[[solve]]`` table, SI.
    isolated : mapping of str to float
        By phase the part of its tets that no contact reaches.
    """

    name: str
    mesh: TaggedMesh
    mesh_file: str
    units: Units
    table: Mapping[str, Any]
    isolated: Mapping[str, float] = field(default_factory=dict)

    @property
    def exodus(self) -> ExodusNames:
        """Names in the file."""
        return exodus_names(self.mesh)

    def block(self, phase: str) -> str:
        """Return the name of the block of a phase; InputError if there is none."""
        self.mesh.phase_tag(phase)
        return self.exodus.blocks[phase][1]

    def blocks(self, phases: Iterable[str]) -> list[str]:
        """Return the names of the blocks of some phases."""
        return [self.block(name) for name in phases]

    def sets(self, name: str, phases: Iterable[str], *, key: str) -> list[str]:
        """Return the names of the one-sided sets, as `ssb2mesh.io.mesh_sides` calls them, that make up a facet set.

        Parameters
        ----------
        name : str
            Facet set of the study: a box side, ``"A@z_min"``, an interface or wall ``"A|B"``, or one of the user's.
        phases : iterable of str
            Phases whose tets may own the sides.
        key : str
            Key of the table, for the error.

        Returns
        -------
        list of str
            At least one name.

        Raises
        ------
        InputError
            If the mesh has no such set on tets of these phases.
        """
        there, wanted = self.exodus.side_sets, list(phases)
        if name in BOX_SIDES:
            found = [f"{phase}@{name}" for phase in wanted if f"{phase}@{name}" in there]
        elif "|" in name:
            first, _, second = name.partition("|")
            names = [f"{first}|{second}", f"{second}|{first}"]
            found = [n for n in names if n in there and n.partition("|")[0] in wanted][:1]
        elif "@" in name:
            found = [name] if name in there and name.rpartition("@")[0] in wanted else []
        else:
            found = [name] if name in there else []
        if not found:
            listed = ", ".join(wanted)
            raise InputError(f"{key}: no side set {name!r} on tets of {listed}{nearest(name, self.mesh.facet_names)}")
        return found

    def boundary(self, name: str, phases: Iterable[str], *, key: str) -> list[str]:
        """Return the side sets of the file that make up a facet set; arguments and errors as of `sets`."""
        return [self.exodus.side_sets[found][1] for found in self.sets(name, phases, key=key)]

    def single(self, name: str, phases: Iterable[str], *, key: str) -> str:
        """Return the one side set of a facet set; an error if it has several, as of some phases of a box side."""
        wanted = list(phases)
        found = self.sets(name, wanted, key=key)
        whole = [n for n in self.mesh.facet_names if n.endswith(f"@{name}")]
        if len(found) > 1 and name in BOX_SIDES and set(whole) == set(found) and name in self.exodus.side_sets:
            return self.exodus.side_sets[name][1]
        if len(found) > 1:
            one = " or ".join(repr(n) for n in found)
            raise NotExpressibleError(f"{key}: {name!r} has several phases; MOOSE ties one side set: give {one}")
        return self.exodus.side_sets[found[0]][1]

    def area(self, name: str, phases: Iterable[str], *, key: str) -> float:
        """Return the area of a facet set in units of the input."""
        areas = self.mesh.facet_areas()
        found = self.sets(name, phases, key=key)
        total = 0.0
        for one in found:
            first, _, second = one.partition("|")
            total += areas[one] if one in areas else areas[f"{second}|{first}"]
        return total * self.units.length**2


def head(case: Case, title: str, units: str, notes: Sequence[str]) -> str:
    """Return the comment on top of an input."""
    lines = [f"{case.table['name']}: {title}", f"Units: {units}."]
    lines.append(f"Mesh: {case.mesh_file}; blocks and side sets have the names of phases and facet sets.")
    for phase, share in case.isolated.items():
        lines.append(f"{share:.3g} of the tets of {phase} touch no contact: block {phase}_isolated, without unknowns.")
    return "\n".join([*lines, *notes])


def mesh_block(case: Case) -> Tree:
    """Return the ``[Mesh]`` block: the file, and MOOSE's own tests of it."""
    volumes = np.abs(tet_volumes(case.mesh.points, case.mesh.tets)) * case.units.length**3
    smallest = float(volumes.min())
    return {
        "file": {"type": "FileMeshGenerator", "file": case.mesh_file},
        "diagnosed": {
            "#": "Limits follow the smallest tet; for a distributed mesh take this block out: it wants the whole mesh.",
            "type": "MeshDiagnosticsGenerator",
            "input": "file",
            "examine_sidesets_orientation": "WARNING",
            "examine_element_volumes": "WARNING",
            "minimum_element_volumes": float(f"{0.5 * smallest:.3g}"),
            "examine_element_types": "WARNING",
            "check_local_jacobian": "WARNING",
            "examine_non_conformality": "WARNING",
            "nonconformal_tol": float(f"{1e-4 * smallest ** (1 / 3):.3g}"),
            "search_for_adaptivity_nonconformality": "NO_CHECK",
        },
    }


def reactions(variables: Mapping[str, Sequence[str]], *, second: bool = False) -> tuple[Tree, Tree, Tree]:
    """Return ``[Problem]``, ``[AuxVariables]`` and ``[AuxKernels]`` that keep the nodal reactions of some variables.

    Summed over the nodes of a held side they are the current or force through it, exact for the discrete system.
    """
    fields: Tree = {}
    kernels: Tree = {}
    for name, blocks in variables.items():
        fields[f"reaction_{name}"] = {"order": "SECOND" if second else "FIRST", "family": "LAGRANGE", "block": blocks}
        kernels[f"reaction_{name}"] = {
            "type": "TagVectorAux",
            "variable": f"reaction_{name}",
            "v": name,
            "vector_tag": "reaction",
            "block": blocks,
            "execute_on": "TIMESTEP_END",
        }
    problem = {
        "#": "Blocks without unknowns are meant to have none.",
        "extra_tag_vectors": "reaction",
        "kernel_coverage_check": False,
        "material_coverage_check": False,
    }
    return problem, fields, kernels


def executioner(*, steps: int = 0, dt: float = 1.0, nonlinear: bool = False) -> Tree:
    """Return the ``[Executioner]`` block; transient when there are steps."""
    common: Tree = {
        "solve_type": "NEWTON",
        "petsc_options_iname": ["-pc_type", "-pc_hypre_type", "-pc_hypre_boomeramg_strong_threshold"],
        "petsc_options_value": ["hypre", "boomeramg", 0.7],
        "line_search": "bt" if nonlinear else "none",
        "nl_rel_tol": 1e-9,
        "nl_abs_tol": 1e-14,
        "nl_max_its": 40,
        "l_tol": 1e-6 if nonlinear else 1e-10,
        "l_max_its": 500,
    }
    if not steps:
        return {"type": "Steady", **common}
    return {"type": "Transient", "dt": dt, "dtmin": dt / 1024, "end_time": steps * dt, **common}


def outputs() -> Tree:
    """Return the ``[Outputs]`` block."""
    return {"exodus": True, "csv": True}


def label(name: str) -> str:
    """Return an identifier for the facet set or phase of a name, such as ``LPSCl_z_min``."""
    return word(name.replace("|", "_").replace("@", "_"))
