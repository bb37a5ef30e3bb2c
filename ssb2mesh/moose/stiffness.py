"""Inputs for the effective stiffness: six load cases on the box, mean stresses. Solids are in `mechanics`."""

from __future__ import annotations

from dataclasses import replace

from ssb2mesh.errors import InputError
from ssb2mesh.moose.case import Case, head
from ssb2mesh.moose.hit import Tree
from ssb2mesh.moose.mechanics import AXES, Known, mechanics_tree

__all__ = ["LOAD_CASES", "stiffness_tree"]

#: Mean strains, in Voigt's order.
LOAD_CASES = ("xx", "yy", "zz", "yz", "xz", "xy")
_STRAIN = 1e-3


def stiffness_tree(case: Case, known: Known, load: str) -> Tree:
    """Return the input of one column of a table of type ``effective_stiffness``.

    Parameters
    ----------
    case : Case
        The solve; its ``method`` says what is held: ``"mixed"`` (default) or ``"kinematic"``.
    known : callable
        Returns Young's modulus in Pa and Poisson's ratio of a material named in the table.
    load : str
        One of `LOAD_CASES`: the mean strain, engineering shears.

    Returns
    -------
    dict
        Blocks; the postprocessors ``C_xx_...`` give the column of the stiffness in Pa.

    Raises
    ------
    NotExpressibleError
        If the formulation is mixed.

    Examples
    --------
    >>> stiffness_tree(case, known, "zz")["Postprocessors"]["C_xx_zz"]["type"]  # doctest: +SKIP
    'ParsedPostprocessor'
    """
    method = case.table.get("method", "mixed")
    plain = {key: value for key, value in case.table.items() if key != "method"}
    tree = mechanics_tree(replace(case, table=plain), known)
    notes = [f"Engineering strain {_STRAIN:g}; what is held on the sides: {method}. C_... is the column in Pa, {load} "
             "of the columns xx yy zz yz xz xy."]  # fmt: skip
    tree["#"] = head(case, f"effective stiffness, mean strain {load}", case.units.mechanic, notes)
    blocks = case.blocks(case.table["materials"])
    for physics in tree["Physics/SolidMechanics/QuasiStatic"].values():
        physics["generate_output"] = [*physics["generate_output"], *(f"stress_{name}" for name in LOAD_CASES)]
    _add_strain(tree, case, method, load)
    assert case.mesh.box is not None
    size = (case.mesh.box[1] - case.mesh.box[0]) * case.units.length
    to_pascal = 1.0 / (float(size.prod()) * _STRAIN * case.units.pressure)
    for name in LOAD_CASES:
        tree["Postprocessors"][f"total_{name}"] = {
            "type": "ElementIntegralVariablePostprocessor",
            "variable": f"stress_{name}",
            "block": blocks,
        }
        tree["Postprocessors"][f"C_{name}_{load}"] = {
            "type": "ParsedPostprocessor",
            "pp_names": f"total_{name}",
            "expression": f"total_{name} * {to_pascal!r}",
        }
    return tree


def _add_strain(tree: Tree, case: Case, method: str, load: str) -> None:
    """Displacements of a uniform strain on the sides, in the components that are held."""
    i, j = (AXES.index(axis) for axis in load)
    assert case.mesh.box is not None
    low = case.mesh.box[0] * case.units.length
    follows = {i: j, j: i}
    for component, along in follows.items():
        part = _STRAIN if i == j else _STRAIN / 2
        tree["Functions"][f"strain_{AXES[component]}"] = {
            "type": "ParsedFunction",
            "expression": f"{part!r} * ({AXES[along]} - ({float(low[along])!r}))",
        }
    for axis, components in _held(method, i, j).items():
        for end in ("min", "max"):
            side = f"{AXES[axis]}_{end}"
            try:
                sets = case.boundary(side, case.table["materials"], key="box")
            except InputError:
                continue  # no solid there
            for component in components:
                name = AXES[component]
                place: Tree = {"variable": f"disp_{name}", "boundary": sets}
                moved = component in follows
                tree["BCs"][f"{side}_{name}"] = (
                    {"type": "FunctionDirichletBC", **place, "function": f"strain_{name}"}
                    if moved
                    else {"type": "DirichletBC", **place, "value": 0.0}
                )


def _held(method: str, i: int, j: int) -> dict[int, tuple[int, ...]]:
    """Components that are held on the sides across each axis."""
    if method == "kinematic":
        return dict.fromkeys(range(3), (0, 1, 2))
    if i == j:
        return {axis: (axis,) for axis in range(3)}
    k = 3 - i - j
    return {i: (j, k), j: (i, k), k: (k,)}
