"""Inputs for solid mechanics: elasticity, plastic flow, interfaces that open. No potentials, no files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ssb2mesh.moose.case import Case, NotExpressibleError, executioner, head, label, mesh_block, outputs, reactions
from ssb2mesh.moose.hit import Tree
from ssb2mesh.moose.pieces import Network

__all__ = ["AXES", "mechanics_tree", "network_of_mechanics"]

AXES = ("x", "y", "z")
#: Penalty of a rigid plate over the stiffness of a tet.
_TIE = 1e4
#: Loads count in reactions: nodes of a held side may be loaded as well.
_TAG = {"extra_vector_tags": "reaction"}

#: Young's modulus (Pa) and Poisson's ratio of a known material.
Known = Callable[[str], tuple[float, float]]


def network_of_mechanics(table: Mapping[str, Any], sides: Sequence[str]) -> dict[str, Network]:
    """Return the displacement and the sides that hold it; `sides` are the facet sets of the mesh."""
    held = [*table.get("fixed", {}), *table.get("rollers", ()), *table.get("platen", {})]
    return {"displacement": Network(tuple(table["materials"]), tuple(name for name in held if name in sides))}


def mechanics_tree(case: Case, known: Known) -> Tree:
    """Return the input of a table of type ``elasticity``.

    Parameters
    ----------
    case : Case
        The solve.
    known : callable
        Returns Young's modulus in Pa and Poisson's ratio of a material named in the table.

    Returns
    -------
    dict
        Blocks, to be rendered.

    Raises
    ------
    InputError
        If a phase or side is not in the mesh.
    NotExpressibleError
        If rollers or plates are not in a plane across one axis, or the formulation is mixed.

    Examples
    --------
    >>> mechanics_tree(case, known)["Physics/SolidMechanics/QuasiStatic"]  # doctest: +SKIP
    """
    table = case.table
    if table.get("formulation", "displacement") != "displacement":
        raise NotExpressibleError(
            f"formulation: {table['formulation']!r} has a pressure of its own, which MOOSE's solid mechanics has no "
            "physics for on tets; give order = 2"
        )
    plastic = [n for n, m in table["materials"].items() if isinstance(m, Mapping) and "yield_stress" in m]
    stepped = bool(plastic or table.get("interfaces") or "path" in table)
    tree = _frame(case, stepped=stepped)
    for phase, entry in table["materials"].items():
        material = dict(zip(("young", "poisson"), known(entry), strict=True)) if isinstance(entry, str) else entry
        _add_phase(tree, case, phase, material=material, stepped=stepped)
    _add_supports(tree, case, stepped)
    _add_loads(tree, case, stepped)
    if table.get("interfaces"):
        _add_interfaces(tree, case)
    return tree


def _frame(case: Case, *, stepped: bool) -> Tree:
    table = case.table
    blocks = case.blocks(table["materials"])
    second = table.get("order", 1) == 2
    problem, fields, aux = reactions({f"disp_{axis}": blocks for axis in AXES}, second=second)
    path = table.get("path", [1.0])
    steps = table.get("steps", 10)
    notes = [f"Tets of order {2 if second else 1}; small strains; stresses are tension positive, pressures push."]
    if table.get("formulation") == "mixed":
        notes.append("The mixed formulation of the study is not written: phases that flow or keep their volume lock.")
    functions: Tree = {}
    if stepped:
        notes.append(f"Time is the load: {steps} steps for each unit of time; 'load' is the load factor.")
        functions["load"] = {"type": "PiecewiseLinear", "x": list(range(len(path) + 1)), "y": [0.0, *path]}
    run = executioner(steps=len(path) * steps if stepped else 0, dt=1.0 / steps, nonlinear=stepped)
    if stepped:
        run["end_time"] = float(len(path))
    return {
        "#": head(case, "small-strain equilibrium", case.units.mechanic, notes),
        "Mesh": mesh_block(case),
        "GlobalParams": {"displacements": [f"disp_{axis}" for axis in AXES]},
        "Problem": problem,
        "AuxVariables": fields,
        "Functions": functions,
        "Physics/SolidMechanics/QuasiStatic": {},
        "Physics/SolidMechanics/CohesiveZone": {},
        "AuxKernels": aux,
        "Materials": {},
        "BCs": {},
        "Constraints": {},
        "Postprocessors": {},
        "Preconditioning": {"smp": {"type": "SMP", "full": True}},
        "Executioner": run,
        "Outputs": outputs(),
    }


def _add_phase(tree: Tree, case: Case, phase: str, *, material: Mapping[str, Any], stepped: bool) -> None:
    block, name, pascal = case.block(phase), label(phase), case.units.pressure
    physics: Tree = {
        "block": block,
        "strain": "SMALL",
        "incremental": stepped,
        "add_variables": True,
        "generate_output": ["vonmises_stress", "hydrostatic_stress", "max_principal_stress"],
        "extra_vector_tags": "reaction",
    }
    if phase in case.table.get("eigenstrain", {}):
        physics["eigenstrain_names"] = f"swelling_{name}"
        tree["Materials"][f"swelling_{name}"] = _eigenstrain(case.table["eigenstrain"][phase], block, name, stepped)
        if stepped:
            tree["Materials"]["load"] = {
                "type": "GenericFunctionMaterial",
                "prop_names": "load_factor",
                "prop_values": "load",
                "block": case.blocks(case.table["materials"]),
            }
    tree["Physics/SolidMechanics/QuasiStatic"][name] = physics
    if "stiffness" in material:
        rows = material["stiffness"]
        tree["Materials"][f"elasticity_{name}"] = {
            "type": "ComputeElasticityTensor",
            "block": block,
            "fill_method": "symmetric21",
            "C_ijkl": [rows[i][j] * pascal for i in range(6) for j in range(i, 6)],
        }
    else:
        tree["Materials"][f"elasticity_{name}"] = {
            "type": "ComputeIsotropicElasticityTensor",
            "block": block,
            "youngs_modulus": material["young"] * pascal,
            "poissons_ratio": material["poisson"],
        }
    stress = {"type": "ComputeFiniteStrainElasticStress" if stepped else "ComputeLinearElasticStress", "block": block}
    if "yield_stress" in material:
        stress = {"type": "ComputeMultipleInelasticStress", "block": block, "inelastic_models": f"flow_{name}"}
        tree["Materials"][f"flow_{name}"] = {
            "type": "IsotropicPlasticityStressUpdate",
            "block": block,
            "yield_stress": material["yield_stress"] * pascal,
            "hardening_constant": material.get("hardening", 0.0) * pascal,
        }
    tree["Materials"][f"stress_{name}"] = stress


def _eigenstrain(value: Any, block: str, name: str, stepped: bool) -> Tree:
    array = np.asarray(value, float)
    if array.shape == (3, 3):
        base = [array[0, 0], array[1, 1], array[2, 2], array[1, 2], array[0, 2], array[0, 1]]
    elif array.shape == (6,):
        # engineering shears are twice the tensor's
        base = [*array[:3], *(array[3:] / 2)]
    else:
        base = [*np.broadcast_to(array, (3,)), 0.0, 0.0, 0.0]
    found: Tree = {
        "#": "xx yy zz yz xz xy of the tensor.",
        "type": "ComputeEigenstrain",
        "block": block,
        "eigenstrain_name": f"swelling_{name}",
        "eigen_base": [float(v) for v in base],
    }
    return found | ({"prefactor": "load_factor"} if stepped else {})


def _normal(case: Case, name: str, key: str) -> tuple[int, float]:
    """Axis and direction of the outward normal of a plane side."""
    phases = case.table["materials"]
    directions = set()
    for one in case.sets(name, phases, key=key):
        reversed_ = one not in case.mesh.facet_names
        rows = case.mesh.facet_set("|".join(one.split("|")[::-1]) if reversed_ else one)
        a, b, c = (case.mesh.points[rows[:, i]] for i in range(3))
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) * (-1 if _against(one, reversed_, phases) else 1)
        axis = int(np.abs(normal).sum(axis=0).argmax())
        if not (np.abs(normal[:, axis]) > 1 - 1e-6).all() or np.ptp(np.sign(normal[:, axis])) != 0:
            raise NotExpressibleError(f"{key}: {name!r} does not lie in planes across one axis")
        directions.add((axis, float(np.sign(normal[0, axis]))))
    if len(directions) > 1:
        raise NotExpressibleError(f"{key}: {name!r} does not lie in planes across one axis")
    return directions.pop()


def _against(one: str, reversed_: bool, phases: Mapping[str, Any]) -> bool:
    """Whether the rows of a facet set have normals into the tets that own the side set."""
    first, bar, _ = one.partition("|")
    return bool(bar) and (reversed_ or first not in phases)


def _add_supports(tree: Tree, case: Case, stepped: bool) -> None:
    table, phases = case.table, case.table["materials"]
    for name, value in table.get("fixed", {}).items():
        values = [0.0] * 3 if not isinstance(value, (list, tuple)) else value
        for axis, move in zip(AXES, values, strict=True):
            if move is not None:
                sets = case.boundary(name, phases, key="fixed")
                _hold(tree, f"fixed_{label(name)}", axis, sets=sets, move=move * case.units.length, stepped=stepped)
    for name in table.get("rollers", ()):
        axis = AXES[_normal(case, name, "rollers")[0]]
        sets = case.boundary(name, phases, key="rollers")
        _hold(tree, f"rollers_{label(name)}", axis, sets=sets, move=0.0, stepped=stepped)


def _hold(tree: Tree, name: str, axis: str, *, sets: Sequence[str], move: float, stepped: bool) -> None:
    place: Tree = {"variable": f"disp_{axis}", "boundary": list(sets)}
    if stepped and move != 0:
        function = f"{name}_{axis}"
        load = tree["Functions"]["load"]
        tree["Functions"][function] = {**load, "scale_factor": move}
        tree["BCs"][f"{name}_{axis}"] = {"type": "FunctionDirichletBC", **place, "function": function}
    else:
        tree["BCs"][f"{name}_{axis}"] = {"type": "DirichletBC", **place, "value": move}
    tree["Postprocessors"][f"force_{axis}_{name}"] = {
        "#": "Force on the solid through the side, sum of nodal reactions.",
        "type": "NodalSum",
        "variable": f"reaction_disp_{axis}",
        "boundary": list(sets),
    }


def _add_loads(tree: Tree, case: Case, stepped: bool) -> None:
    table, phases, units = case.table, case.table["materials"], case.units
    pushing: Tree = {}
    for name, value in table.get("pressure", {}).items():
        owner, at, interface = name.partition("@")
        inner = bool(at) and "|" in interface
        owners = [owner] if inner else list(phases)
        sets = case.boundary(interface if inner else name, owners, key="pressure")
        # small strains: by default the pressure would turn with the displaced mesh
        pushing[label(name)] = {
            "boundary": sets,
            "factor": value * units.pressure,
            "use_displaced_mesh": False,
            **_TAG,
        }
        pushing[label(name)] |= {"function": "load"} if stepped else {}
    if pushing:
        tree["BCs"]["Pressure"] = pushing
    for name, values in table.get("traction", {}).items():
        sets = case.boundary(name, phases, key="traction")
        for axis, value in zip(AXES, values, strict=True):
            if value != 0:
                _push(tree, f"traction_{label(name)}", axis, sets=sets, value=value * units.pressure, stepped=stepped)
    for name, force in table.get("platen", {}).items():
        number, sign = _normal(case, name, "platen")
        axis = AXES[number]
        side = case.single(name, phases, key="platen")
        even = -sign * force * units.force / case.area(name, phases, key="platen")
        _push(tree, f"platen_{label(name)}", axis, sets=[side], value=even, stepped=stepped)
        tree["Constraints"][f"platen_{label(name)}"] = {
            "#": "A rigid plate that stays parallel: one displacement along its normal.",
            "type": "EqualValueBoundaryConstraint",
            "variable": f"disp_{axis}",
            "secondary": side,
            "formulation": "penalty",
            "penalty": float(f"{_TIE * _stiffness(tree, case):.3g}"),
        }


def _push(tree: Tree, name: str, axis: str, *, sets: Sequence[str], value: float, stepped: bool) -> None:
    place: Tree = {"variable": f"disp_{axis}", "boundary": list(sets)}
    if stepped:
        tree["Functions"][f"{name}_{axis}"] = {**tree["Functions"]["load"], "scale_factor": value}
        tree["BCs"][f"{name}_{axis}"] = {"type": "FunctionNeumannBC", **place, "function": f"{name}_{axis}"} | _TAG
    else:
        tree["BCs"][f"{name}_{axis}"] = {"type": "NeumannBC", **place, "value": value} | _TAG


def _stiffness(tree: Tree, case: Case) -> float:
    """Stiffness of a tet of common size."""
    found = [0.0]
    for entry in tree["Materials"].values():
        found += [entry["youngs_modulus"]] if "youngs_modulus" in entry else entry.get("C_ijkl", [])[:1]
    size = (sum(case.mesh.phase_volumes().values()) / case.mesh.n_tets) ** (1 / 3)
    return float(max(found)) * size * case.units.length


def _add_interfaces(tree: Tree, case: Case) -> None:
    table, units = case.table, case.units
    pairs = []
    for name, law in table["interfaces"].items():
        first, _, second = name.partition("|")
        pairs.append((first, second))
        owner = min((first, second), key=lambda phase: case.exodus.blocks[phase][0])
        side = case.boundary(name, [owner], key="interfaces")[0]
        tag = label(name)
        tree["Physics/SolidMechanics/CohesiveZone"][tag] = {
            "boundary": side,
            "strain": "SMALL",
            "generate_output": ["normal_traction", "tangent_traction", "normal_jump", "tangent_jump"],
        }
        notes = "Law of the study: same strength, energy and stiffness."
        if law.get("shear", 1.0) != 1.0 or law.get("compression", law["stiffness"]) != law["stiffness"]:
            notes = "Near to the law of the study: here stiffness is the same in opening, sliding and compression."
        tree["Materials"][f"opening_{tag}"] = {
            "#": notes,
            "type": "BiLinearMixedModeTraction",
            "boundary": side,
            "penalty_stiffness": law["stiffness"] * units.stiffness,
            "GI_c": law["energy"] * units.energy,
            "GII_c": law["energy"] * units.energy,
            "normal_strength": law["strength"] * units.pressure,
            "shear_strength": law.get("shear", 1.0) * law["strength"] * units.pressure,
            "eta": 2.0,
        }
    breaking: Tree = {
        "#": "Doubles the nodes; the side sets of the file stay with their elements and are those used below.",
        "type": "BreakMeshByBlockGenerator",
        "input": "diagnosed",
        "split_interface": False,
        "interface_name": "opened",
    }
    blocks = list(case.exodus.blocks)
    every = {frozenset(n.split("|")) for n in case.mesh.facet_names if "|" in n and set(n.split("|")) <= set(blocks)}
    if every != {frozenset(pair) for pair in pairs}:
        breaking["#"] += " With block_pairs MOOSE leaves nodes closed where more than two blocks meet."
        breaking["block_pairs"] = "; ".join(" ".join(case.blocks(pair)) for pair in pairs)
    tree["Mesh"]["opened"] = breaking
