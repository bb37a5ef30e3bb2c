"""Inputs for charge transfer: two potentials, and films of surface elements where current crosses. No files.

MOOSE has no interface kernel for Butler-Volmer kinetics. Here each interface becomes a block of triangles that share
their nodes with both phases (`LowerDBlockFromSidesetGenerator`), on which both potentials live: the law is a parsed
material there, its current a body force on either potential, with opposite signs and exact derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ssb2mesh.moose.case import Case, NotExpressibleError, executioner, head, label, mesh_block, outputs, reactions
from ssb2mesh.moose.conduction import IDEAL, conductor
from ssb2mesh.moose.hit import Tree
from ssb2mesh.moose.pieces import Network

__all__ = ["charge_tree", "networks_of_charge"]

#: Charge of a mole of electrons over the gas constant, K/V.
_F_OVER_R = 96485.33212 / 8.31446261815324
#: Terminals of a table: key, potential, phases of which key.
_TERMINALS = (
    ("fixed", "phi_s", "electronic"),
    ("current", "phi_s", "electronic"),
    ("fixed_ionic", "phi_e", "ionic"),
    ("current_ionic", "phi_e", "ionic"),
)
#: Penalty of a tie over the conductance of a tet.
_TIE = 1e5


def networks_of_charge(case: Case) -> tuple[dict[str, Network], list[str]]:
    """Return the unknowns with the sides that hold them, and the interfaces inside the mesh where they meet."""
    table = case.table
    inner = [name for name in table.get("kinetics", {}) if not _is_outer(case, name)]
    held = {"electronic": list(table.get("fixed", ())), "ionic": list(table.get("fixed_ionic", ()))}
    # an outer metal of fixed potential holds the ions behind it; one of prescribed current does not
    held["ionic"] += [name for name in table.get("fixed", ()) if name in table.get("kinetics", {})]
    there = case.mesh.facet_names
    networks = {
        key: Network(tuple(table[key]), tuple(name for name in held[key] if name in there))
        for key in ("electronic", "ionic")
        if table.get(key)
    }
    return networks, [name for name in inner if name in there]


def charge_tree(case: Case) -> Tree:
    """Return the input of a table of type ``charge_transfer``.

    Parameters
    ----------
    case : Case
        The solve.

    Returns
    -------
    dict
        Blocks, to be rendered.

    Raises
    ------
    InputError
        If a phase or side is not in the mesh.
    NotExpressibleError
        If contact is given by a map or by random loss, or a terminal with a current has several phases.

    Examples
    --------
    >>> charge_tree(case)["Materials"]["i_LPSCl_NMC"]["type"]  # doctest: +SKIP
    'ADParsedMaterial'
    """
    table = case.table
    films = {name: _Film(case, name) for name in table.get("kinetics", {})}
    tree = _frame(case, films)
    for film in films.values():
        film.add_to(tree)
    for key, variable, carrier in _TERMINALS:
        for name, value in table.get(key, {}).items():
            if variable == "phi_s" and name in films and films[name].metal:
                film = films[name]
                at = _Place(film.metal, [film.side], film.area, film.slope, film.block)
            else:
                phases = list(table.get(carrier, {}))
                sets = case.boundary(name, phases, key=key)
                if key.startswith("current"):
                    sets = [case.single(name, phases, key=key)]
                at = _Place(variable, sets, case.area(name, phases, key=key), _conductance(case, carrier))
            _terminal(tree, case, key, value=value, at=at)
    return tree


def _is_outer(case: Case, name: str) -> bool:
    """Whether the electron conductor of an interface is a metal outside the mesh."""
    first, bar, second = name.partition("|")
    electronic = case.table.get("electronic", {})
    return not (bar and any(p in electronic and p in case.mesh.cell_names for p in (first, second)))


def _frame(case: Case, films: Mapping[str, _Film]) -> Tree:
    table = case.table
    blocks: dict[str, list[str]] = {}
    for variable, carrier in (("phi_s", "electronic"), ("phi_e", "ionic")):
        if table.get(carrier):
            blocks[variable] = case.blocks(table[carrier])
    for film in films.values():
        for variable in film.potentials:
            blocks.setdefault(variable, []).append(film.block)
    mesh = mesh_block(case)
    last = "diagnosed"
    for film in films.values():
        mesh[film.block] = {
            "type": "LowerDBlockFromSidesetGenerator",
            "input": last,
            "sidesets": film.side,
            "new_block_name": film.block,
        }
        last = film.block
    problem, fields, aux = reactions(blocks)
    tree: Tree = {
        "#": head(case, "charge transfer between electrons and ions", case.units.electric, _notes(case)),
        "Mesh": mesh,
        "Problem": problem,
        "Variables": {n: {"order": "FIRST", "family": "LAGRANGE", "block": listed} for n, listed in blocks.items()},
        "AuxVariables": fields,
        "ICs": _start(case),
        "Functions": {},
        "Kernels": {},
        "AuxKernels": aux,
        "Materials": {},
        "BCs": {},
        "Constraints": {},
        "Postprocessors": {},
        "Preconditioning": {"smp": {"type": "SMP", "full": True}},
        "Executioner": executioner(steps=_steps(table), nonlinear=True),
        "Outputs": outputs(),
    }
    for variable, carrier in (("phi_s", "electronic"), ("phi_e", "ionic")):
        if table.get(carrier):
            kernels, materials = conductor(case, variable, _finite(table[carrier]))
            tree["Kernels"] |= kernels
            tree["Materials"] |= materials
    return tree


def _notes(case: Case) -> list[str]:
    notes = [
        "phi_s is the electronic, phi_e the ionic potential. Kinetics live on blocks of triangles, film_...: the "
        "current density i_... leaves the electron conductor. MOOSE has no Butler-Volmer interface kernel.",
    ]
    if any(value == math.inf for value in case.table.get("electronic", {}).values()):
        notes.append(f"Ideal conductors conduct {IDEAL:g} times better than the best phase.")
    if case.table.get("decompose"):
        notes.append("The split of the cell voltage (decompose) is not part of this input.")
    if _steps(case.table):
        notes.append("Time counts the values of the sweep: 1, 2, ...")
    return notes


def _finite(conductivity: Mapping[str, Any]) -> dict[str, Any]:
    best = _best(conductivity)
    return {phase: IDEAL * best if value == math.inf else value for phase, value in conductivity.items()}


def _best(conductivity: Mapping[str, Any]) -> float:
    found = [1.0] if all(value == math.inf for value in conductivity.values()) else []
    for value in conductivity.values():
        if isinstance(value, (list, tuple)):
            found += [row[i] for i, row in enumerate(value)]
        elif value != math.inf:
            found.append(value)
    return max(found)


def _conductance(case: Case, carrier: str) -> float:
    """Conductance of a tet of common size, for the penalty of ties."""
    volume = sum(case.mesh.phase_volumes().values()) / case.mesh.n_tets
    return _best(case.table[carrier]) * case.units.conductivity * volume ** (1 / 3) * case.units.length


def _steps(table: Mapping[str, Any]) -> int:
    return max((len(v) for key, _, _ in _TERMINALS for v in table.get(key, {}).values() if isinstance(v, list)),
               default=0)  # fmt: skip


def _start(case: Case) -> Tree:
    """Potentials without current: ions at the level of the first terminal, electrons U above."""
    table = case.table
    kinetics = table.get("kinetics", {})
    level = 0.0
    metals = {name: value for name, value in table.get("fixed", {}).items() if name in kinetics}
    if table.get("fixed_ionic"):
        level = _first(next(iter(table["fixed_ionic"].values())))
    elif metals:
        first = next(iter(metals))
        level = _first(metals[first]) - kinetics[first]["U"]
    found: Tree = {}
    for phase in table.get("ionic", {}):
        found[f"phi_e_{label(phase)}"] = _constant("phi_e", case.block(phase), level)
    for phase in table.get("electronic", {}):
        laws = [law["U"] for name, law in kinetics.items() if phase in name.split("|")]
        if laws:
            found[f"phi_s_{label(phase)}"] = _constant("phi_s", case.block(phase), level + laws[0])
    return found


def _constant(variable: str, block: str, value: float) -> Tree:
    return {"type": "ConstantIC", "variable": variable, "block": block, "value": value}


def _first(value: Any) -> float:
    return float(value[0] if isinstance(value, list) else value)


@dataclass(frozen=True)
class _Place:
    """Where a terminal is: unknown, side sets, area, conductance of a cell; the film of a metal."""

    variable: str
    sets: list[str]
    area: float
    slope: float
    film: str = ""

    @property
    def nodes(self) -> Tree:
        """Parameters that choose its nodes; a metal has none but those of its triangles."""
        return {"block": self.film} if self.film else {"boundary": self.sets}


def _terminal(tree: Tree, case: Case, key: str, *, value: Any, at: _Place) -> None:
    """Hold a potential, or feed a current into sides whose nodes are tied to one potential."""
    name = f"{key}_{at.variable}" if at.film else f"{key}_{at.variable}_{label(at.sets[0])}"
    feeds = key.startswith("current")
    scale = case.units.current / at.area if feeds else 1.0
    what: Tree = {"variable": at.variable}
    if isinstance(value, list):
        times = list(range(len(value) + 1))
        tree["Functions"][name] = {"type": "PiecewiseLinear", "x": times, "y": [v * scale for v in (value[0], *value)]}
        given: Tree = {"function": name}
    else:
        given = {"value": value * scale}
    if not feeds:
        kind = "FunctionDirichletBC" if isinstance(value, list) else "DirichletBC"
        tree["BCs"][name] = {"type": kind, **what, "boundary": at.sets, **given}
        tree["Postprocessors"][f"current_{name}"] = {
            "#": "Current into the domain, sum of nodal reactions: exact for the discrete system.",
            "type": "NodalSum",
            "variable": f"reaction_{at.variable}",
            **at.nodes,
        }
        return
    comment = {"#": f"Current over the area {at.area:.6g}; positive enters."}
    if at.film:
        tree["Kernels"][name] = {**comment, "type": "ADBodyForce", **what, "block": at.film, **given}
    else:
        kind = "FunctionNeumannBC" if isinstance(value, list) else "NeumannBC"
        tree["BCs"][name] = {**comment, "type": kind, **what, "boundary": at.sets, **given}
    tree["Constraints"][name] = {
        "#": "One potential for the side; the penalty is far above the conductance of a tet.",
        "type": "EqualValueBoundaryConstraint",
        **what,
        "secondary": at.sets[0],
        "formulation": "penalty",
        "penalty": float(f"{_TIE * at.slope:.3g}"),
    }
    tree["Postprocessors"][f"potential_{name}"] = {"type": "AverageNodalVariableValue", **what, **at.nodes}


class _Film:
    """The triangles of one interface with kinetics: names, law, and what they add to an input."""

    def __init__(self, case: Case, name: str) -> None:
        table = case.table
        self.name, self.units = name, case.units
        self.law: Mapping[str, Any] = table["kinetics"][name]
        contact = table.get("contact", {}).get(name, 1.0)
        if isinstance(contact, Mapping):
            kind = next(
                (kind for key, kind in (("map", "a map"), ("facets", "a field")) if key in contact), "random loss"
            )
            raise NotExpressibleError(
                f"contact: {name!r}: {kind} of contact has no place in a MOOSE input; give a share"
            )
        self.share = float(contact)
        ionic = list(table.get("ionic", {}))
        outer = _is_outer(case, name)
        owners = ionic if outer else [*table["electronic"], *ionic]
        self.side = case.single(name, owners, key="kinetics")
        self.area = case.area(name, owners, key="kinetics")
        self.tag = label(self.side)
        self.block = f"film_{self.side}"
        if outer and name not in (*table.get("fixed", {}), *table.get("current", {})):
            raise NotExpressibleError(f"kinetics: {name!r} has a metal outside the mesh; give it fixed or current")
        self.metal = f"phi_metal_{self.tag}" if outer else ""
        self.solid = self.metal or "phi_s"
        rise = (
            self.law["i0"] * (self.law.get("alpha_a", 0.5) + self.law.get("alpha_c", 0.5)) * _F_OVER_R / 298.15
            if "i0" in self.law
            else 1.0 / self.law["asr"]
        )
        triangle = self.area / max(1, len(case.mesh.facet_set(_facet_name(case, name))))
        self.slope = rise * case.units.current_density * triangle

    @property
    def series(self) -> str:
        """Variable of the current density where the law is implicit, else nothing."""
        return f"series_{self.tag}" if "i0" in self.law and self.law.get("asr", 0.0) > 0 else ""

    @property
    def potentials(self) -> list[str]:
        """Unknowns that live on the triangles."""
        return [self.solid, "phi_e", *([self.series] if self.series else [])]

    def add_to(self, tree: Tree) -> None:
        """Add material, kernels and the total current."""
        current = f"i_{self.tag}"
        tree["Materials"][current] = self._material(current)
        for variable, sign in ((self.solid, -1.0), ("phi_e", 1.0)):
            tree["Kernels"][f"{current}_{variable}"] = {
                "type": "ADMatBodyForce",
                "variable": variable,
                "material_property": current,
                "value": sign * self.share,
                "block": self.block,
                "extra_vector_tags": "reaction",
            }
        if self.series:
            tree["Kernels"][self.series] = {
                "#": "The current density itself, because the resistance in series makes the law implicit.",
                "type": "ADMaterialPropertyValue",
                "variable": self.series,
                "prop_name": current,
                "block": self.block,
            }
        tree["Postprocessors"][f"current_through_{self.tag}"] = {
            "#": f"Out of the electron conductor, were all of it in contact; the share is {self.share:g}.",
            "type": "ADElementIntegralMaterialProperty",
            "mat_prop": current,
            "block": self.block,
        }

    def _material(self, current: str) -> Tree:
        law = self.law
        constants = {"U": law["U"]}
        drive = f"({self.solid} - phi_e - U)"
        if "i0" in law:
            per_volt = _F_OVER_R / law.get("temperature", 298.15)
            constants |= {"i0": law["i0"] * self.units.current_density}
            constants |= {"fa": law.get("alpha_a", 0.5) * per_volt, "fc": law.get("alpha_c", 0.5) * per_volt}
            if self.series:
                constants["asr"] = law["asr"] * self.units.resistance
                drive = f"({self.solid} - phi_e - U - asr * {self.series})"
            expression = f"i0 * (exp(fa * {drive}) - exp(-fc * {drive}))"
        else:
            constants["asr"] = law["asr"] * self.units.resistance
            expression = f"{drive} / asr"
        return {
            "type": "ADParsedMaterial",
            "block": self.block,
            "property_name": current,
            "coupled_variables": self.potentials,
            "constant_names": list(constants),
            "constant_expressions": list(constants.values()),
            "expression": expression,
        }


def _facet_name(case: Case, name: str) -> str:
    if name in case.mesh.facet_names:
        return name
    first, _, second = name.partition("|")
    return f"{second}|{first}"
