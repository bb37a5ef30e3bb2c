"""Inputs for conduction and for effective conductivities. No charge transfer, no mechanics, no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ssb2mesh.moose.case import Case, executioner, head, label, mesh_block, outputs, reactions
from ssb2mesh.moose.hit import Tree
from ssb2mesh.moose.pieces import Network

__all__ = ["conduction_tree", "conductor", "effective_tree", "network_of_conduction", "network_of_effective"]

#: How many times better than the best phase an ideal conductor conducts.
IDEAL = 1e6


def network_of_conduction(table: Mapping[str, Any], sides: Sequence[str]) -> dict[str, Network]:
    """Return the unknown of a conduction table and where it is held; `sides` are the facet sets of the mesh."""
    phases = (*table["conductivity"], *table.get("equipotential", ()))
    return {"potential": Network(phases, tuple(name for name in table["fixed"] if name in sides))}


def network_of_effective(table: Mapping[str, Any], axis: str, sides: Sequence[str]) -> dict[str, Network]:
    """Return the unknown of an effective conductivity along one axis and where it is held."""
    held = tuple(name for name in (f"{axis}_min", f"{axis}_max") if name in sides)
    return {"potential": Network(tuple(table["conductivity"]), held)}


def conductor(case: Case, variable: str, conductivity: Mapping[str, Any]) -> tuple[Tree, Tree]:
    """Return the kernels and materials of one potential.

    Parameters
    ----------
    case : Case
        The solve.
    variable : str
        Name of the potential.
    conductivity : mapping of str to float or 3x3
        S/m by phase.

    Returns
    -------
    kernels, materials : dict
        Tagged for reactions. Scalars go through a material property, tensors into the kernel.
    """
    kernels: Tree = {}
    materials: Tree = {}
    scalar = [phase for phase, value in conductivity.items() if not isinstance(value, (list, tuple))]
    if scalar:
        kernels[f"{variable}_conduction"] = {
            "type": "ADMatDiffusion",
            "variable": variable,
            "diffusivity": f"{variable}_conductivity",
            "block": case.blocks(scalar),
            "extra_vector_tags": "reaction",
        }
    for phase, value in conductivity.items():
        if phase in scalar:
            materials[f"{variable}_{label(phase)}"] = {
                "type": "ADGenericConstantMaterial",
                "block": case.block(phase),
                "prop_names": f"{variable}_conductivity",
                "prop_values": value * case.units.conductivity,
            }
        else:
            kernels[f"{variable}_conduction_{label(phase)}"] = {
                "type": "AnisotropicDiffusion",
                "variable": variable,
                "tensor_coeff": [entry * case.units.conductivity for row in value for entry in row],
                "block": case.block(phase),
                "extra_vector_tags": "reaction",
            }
    return kernels, materials


def _with_ideal(table: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(table["conductivity"])
    ideal = table.get("equipotential", ())
    if ideal:
        entries = [v for v in found.values() if not isinstance(v, (list, tuple))]
        entries += [row[i] for v in found.values() if isinstance(v, (list, tuple)) for i, row in enumerate(v)]
        found |= dict.fromkeys(ideal, IDEAL * max(entries))
    return found


def _frame(case: Case, conductivity: Mapping[str, Any], title: str, notes: Sequence[str]) -> Tree:
    blocks = case.blocks(conductivity)
    problem, fields, aux = reactions({"potential": blocks})
    kernels, materials = conductor(case, "potential", conductivity)
    return {
        "#": head(case, title, case.units.electric, notes),
        "Mesh": mesh_block(case),
        "Problem": problem,
        "Variables": {"potential": {"order": "FIRST", "family": "LAGRANGE", "block": blocks}},
        "AuxVariables": fields,
        "Kernels": kernels,
        "AuxKernels": aux,
        "Materials": materials,
        "BCs": {},
        "Postprocessors": {},
        "Executioner": executioner(),
        "Outputs": outputs(),
    }


def _hold(tree: Tree, case: Case, name: str, value: float, conductivity: Mapping[str, Any]) -> None:
    """Hold a side at a potential and measure the current through it, both ways."""
    sets, place = case.boundary(name, conductivity, key="fixed"), label(name)
    tree["BCs"][f"fixed_{place}"] = {
        "type": "DirichletBC",
        "variable": "potential",
        "boundary": sets,
        "value": value,
    }
    tree["Postprocessors"][f"current_{place}"] = {
        "#": "Current into the domain, sum of nodal reactions: exact for the discrete system.",
        "type": "NodalSum",
        "variable": "reaction_potential",
        "boundary": sets,
    }
    if not any(isinstance(value, (list, tuple)) for value in conductivity.values()):
        tree["Postprocessors"][f"flux_{place}"] = {
            "#": "Current out of the domain, integral of a gradient: converges with the mesh only.",
            "type": "ADSideDiffusiveFluxIntegral",
            "variable": "potential",
            "diffusivity": "potential_conductivity",
            "boundary": sets,
        }


def conduction_tree(case: Case) -> Tree:
    """Return the input of a table of type ``conduction``.

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

    Examples
    --------
    >>> conduction_tree(case)["Executioner"]["type"]  # doctest: +SKIP
    'Steady'
    """
    table = case.table
    conductivity = _with_ideal(table)
    notes = [f"Ideal conductors conduct {IDEAL:g} times better than the best phase."] * bool(table.get("equipotential"))
    tree = _frame(case, conductivity, "conduction, div(sigma grad phi) = 0", notes)
    for name, value in table["fixed"].items():
        _hold(tree, case, name, value, conductivity)
    for name, value in table.get("current", {}).items():
        area = case.area(name, conductivity, key="current")
        tree["BCs"][f"current_{label(name)}"] = {
            "#": f"{value:g} A spread over {area:.6g} of area.",
            "type": "NeumannBC",
            "variable": "potential",
            "boundary": case.boundary(name, conductivity, key="current"),
            "value": value * case.units.current / area,
            # nodes of a held side may be fed as well
            "extra_vector_tags": "reaction",
        }
    return tree


def effective_tree(case: Case, axis: str) -> Tree:
    """Return the input of the effective conductivity along one axis.

    Parameters
    ----------
    case : Case
        A solve of type ``effective_conductivity``.
    axis : {'x', 'y', 'z'}
        Direction of the field.

    Returns
    -------
    dict
        Blocks; the postprocessors give the effective conductivity in S/m and the tortuosity factor.

    Raises
    ------
    InputError
        If the conducting phases do not reach both ends.

    Examples
    --------
    >>> effective_tree(case, "z")["Postprocessors"]["tortuosity_factor"]["type"]  # doctest: +SKIP
    'ParsedPostprocessor'
    """
    conductivity = case.table["conductivity"]
    tree = _frame(case, conductivity, f"effective conductivity along {axis}, 1 V between the ends", ())
    # the reaction at the end of 1 V is the current into the box
    _hold(tree, case, f"{axis}_min", 1.0, conductivity)
    _hold(tree, case, f"{axis}_max", 0.0, conductivity)
    d = "xyz".index(axis)
    assert case.mesh.box is not None
    size = (case.mesh.box[1] - case.mesh.box[0]) * case.units.length
    area = float(size.prod() / size[d])
    volumes = case.mesh.phase_volumes()
    mean = 0.0
    for phase, value in conductivity.items():
        whole = volumes[phase] + volumes.get(f"{phase}_isolated", 0.0)
        mean += (value[d][d] if isinstance(value, (list, tuple)) else value) * whole / case.mesh.box_volume
    current = f"current_{axis}_min"
    to_si = float(size[d]) / (area * case.units.conductivity)
    tree["Postprocessors"]["effective_conductivity"] = {
        "#": "S/m: current times length over area of the box.",
        "type": "ParsedPostprocessor",
        "pp_names": current,
        "expression": f"{current} * {to_si!r}",
    }
    tree["Postprocessors"]["tortuosity_factor"] = {
        "#": "Mean conductivity of the box over effective conductivity.",
        "type": "ParsedPostprocessor",
        "pp_names": "effective_conductivity",
        "expression": f"{mean!r} / effective_conductivity",
    }
    return tree
