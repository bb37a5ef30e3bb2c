"""One side set for each sum over nodes: MOOSE comes to a node once for each side set that it lies on. No physics."""

from __future__ import annotations

from collections.abc import Sequence

from ssb2mesh.moose.case import Case
from ssb2mesh.moose.hit import Tree, word
from ssb2mesh.volume import BOX_SIDES

__all__ = ["join_side_sets"]

#: Postprocessors that sum over nodes.
_SUMS = ("NodalSum", "AverageNodalVariableValue")


def join_side_sets(tree: Tree, case: Case) -> Tree:
    """Return an input whose sums over nodes have one side set each, so that nodes where two sets meet count once.

    Parameters
    ----------
    tree : dict
        Blocks of an input.
    case : Case
        The solve.

    Returns
    -------
    dict
        A whole side of the box where the sets make one up; else the sets are joined in ``[Mesh]`` by
        ``ParsedGenerateSideset``.

    Examples
    --------
    >>> join_side_sets(tree, case)["Postprocessors"]["current_z_min"]["boundary"]  # doctest: +SKIP
    'z_min'
    """
    mesh, sums = dict(tree["Mesh"]), dict(tree["Postprocessors"])
    made: dict[tuple[str, ...], str] = {}
    for name, entry in sums.items():
        sets = entry.get("boundary")
        if entry.get("type") not in _SUMS or not isinstance(sets, (list, tuple)) or len(sets) < 2:
            continue
        whole = _whole_side(case, sets)
        if whole is None and tuple(sets) not in made:
            made[tuple(sets)] = joined = word(f"nodes_of_{name}")
            last = next(reversed(mesh))
            mesh[joined] = {
                "#": "One set for a sum over nodes: one on several sets would count once for each.",
                "type": "ParsedGenerateSideset",
                "input": last,
                "combinatorial_geometry": "1",
                "included_boundaries": list(sets),
                "new_sideset_name": joined,
            }
        sums[name] = {**entry, "boundary": whole or made[tuple(sets)]}
    return {**tree, "Mesh": mesh, "Postprocessors": sums}


def _whole_side(case: Case, sets: Sequence[str]) -> str | None:
    """Name of the side of the box that some side sets make up."""
    there = case.exodus.side_sets
    for side in BOX_SIDES:
        parts = {there[name][1] for name in case.mesh.facet_names if name.endswith(f"@{side}") and name in there}
        if side in there and parts == set(sets):
            return there[side][1]
    return None
