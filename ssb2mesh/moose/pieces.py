"""Parts of phases that no contact reaches: they become blocks of their own, without unknowns. No MOOSE text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_sides import facet_sides, interface_pair
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.mesh.topology import mesh_topology
from ssb2mesh.volume import BOX_SIDES, interface_name

__all__ = ["ISOLATED", "Network", "isolate"]

#: What is added to the name of a phase for the part of it that nothing reaches.
ISOLATED = "_isolated"


@dataclass(frozen=True)
class Network:
    """One unknown: where it lives and where it is held.

    Parameters
    ----------
    phases : tuple of str
        Phases that carry it.
    held : tuple of str
        Facet sets where its value is known.
    """

    phases: tuple[str, ...]
    held: tuple[str, ...]


def isolate(
    mesh: TaggedMesh, networks: Mapping[str, Network], *, couplings: Sequence[str] = ()
) -> tuple[TaggedMesh, dict[str, float]]:
    """Give the tets that no held side reaches phases of their own, named ``<phase>_isolated``.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    networks : mapping of str to Network
        The unknowns.
    couplings : sequence of str
        Interfaces where the networks exchange current: a piece behind one is reached.

    Returns
    -------
    mesh : TaggedMesh
        The same mesh where everything is reached; else facet sets follow the new names.
    shares : dict of str to float
        By phase the part of its tets that is isolated, phases without any left out.

    Raises
    ------
    InputError
        If nothing is reached, or a phase carries two unknowns and a piece of it is reached by one of them only.

    Examples
    --------
    >>> isolate(mesh, {"potential": Network(("NMC",), ("z_min", "z_max"))})[1]  # doctest: +SKIP
    {'NMC': 0.0012}
    """
    sides = facet_sides(mesh)
    tets = np.stack([np.where(s >= 0, s // 4, -1) for s in sides])
    member: dict[str, npt.NDArray[np.bool_]] = {}
    piece: dict[str, npt.NDArray[np.int64]] = {}
    count = 1  # piece 0 is what holds the values
    for key, network in networks.items():
        member[key] = np.isin(mesh.cell_tags, [mesh.phase_tag(name) for name in network.phases])
        found = mesh_topology(mesh.tets, member[key].astype(np.int32)).component.astype(np.int64)
        piece[key] = found + count
        count = int(piece[key].max()) + 1 if len(found) else count
    links = [np.zeros((2, 0), np.int64)]
    for key, network in networks.items():
        for name in network.held:
            rows = mesh.facet_tags == mesh.facet_tag(name)
            near = tets[:, rows].ravel()
            near = near[near >= 0]
            near = near[member[key][near]]
            links.append(np.stack([np.zeros(len(near), np.int64), piece[key][near]]))
    for name in couplings:
        links += _across(mesh, tets, name, member=member, piece=piece)
    ends = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(ends.shape[1], np.int8), (ends[0], ends[1])), shape=(count, count))
    group = connected_components(graph, directed=False)[1]
    reached = {key: member[key] & (group[piece[key]] == group[0]) for key in networks}
    lost = np.zeros(mesh.n_tets, bool)
    for key in networks:
        lost |= member[key] & ~reached[key]
    for key in networks:
        if not reached[key].any():
            raise InputError(
                f"no {key} in the solve: no tet of {', '.join(networks[key].phases)} is reached by a contact"
            )
        if (lost & reached[key]).any():
            raise InputError("a part of a mixed conductor is reached by one potential only; MOOSE needs a phase for it")
    return (_renamed(mesh, lost, tets), _shares(mesh, lost)) if lost.any() else (mesh, {})


def _across(
    mesh: TaggedMesh,
    tets: npt.NDArray[np.int64],
    name: str,
    *,
    member: Mapping[str, npt.NDArray[np.bool_]],
    piece: Mapping[str, npt.NDArray[np.int64]],
) -> list[npt.NDArray[np.int64]]:
    """Links between pieces of different networks on both sides of an interface."""
    rows = np.flatnonzero(mesh.facet_tags == mesh.facet_tag(name))
    front, back = tets[:, rows]
    both = (front >= 0) & (back >= 0)
    front, back = front[both], back[both]
    found = []
    for first in member:
        for second in member:
            if first != second:
                on = member[first][front] & member[second][back]
                found.append(np.stack([piece[first][front[on]], piece[second][back[on]]]))
    return found


def _shares(mesh: TaggedMesh, lost: npt.NDArray[np.bool_]) -> dict[str, float]:
    found = {}
    for name, tag in mesh.cell_names.items():
        of_phase = mesh.cell_tags == tag
        number = int((of_phase & lost).sum())
        if number:
            found[name] = number / int(of_phase.sum())
    return found


def _renamed(mesh: TaggedMesh, lost: npt.NDArray[np.bool_], tets: npt.NDArray[np.int64]) -> TaggedMesh:
    """The mesh with isolated phases; whole sides and sets with names of the user's own stay as they are."""
    cell_tags, cell_names = mesh.cell_tags.copy(), dict(mesh.cell_names)
    for name in _shares(mesh, lost):
        if name + ISOLATED in cell_names:
            raise InputError(f"phase: {name + ISOLATED!r} is in the mesh already; rename this phase")
        cell_names[name + ISOLATED] = max(cell_names.values()) + 1
        cell_tags[(mesh.cell_tags == mesh.cell_names[name]) & lost] = cell_names[name + ISOLATED]
    facets, facet_tags, facet_names = mesh.facets.copy(), mesh.facet_tags.copy(), dict(mesh.facet_names)
    front_lost, back_lost = ((t >= 0) & lost[t] for t in tets)
    for name, tag in mesh.facet_names.items():
        of_set = mesh.facet_tags == tag
        pair = interface_pair(name, mesh.cell_names)
        phase, _, side = name.rpartition("@")
        # normals of "A|B" point from A to B, so the tet in front is that of A
        for first in (False, True):
            for second in (False, True):
                rows = of_set & (front_lost == first) & (back_lost == second)
                if not (first or second) or not rows.any():
                    continue
                if pair:
                    a, b = pair[0] + ISOLATED * first, pair[1] + ISOLATED * second
                    new = interface_name(a, b)
                    if not new.startswith(f"{a}|"):
                        facets[rows] = facets[rows][:, ::-1]
                elif phase and side in BOX_SIDES:
                    new = f"{phase}{ISOLATED}@{side}"
                else:
                    continue
                facet_names.setdefault(new, max(facet_names.values()) + 1)
                facet_tags[rows] = facet_names[new]
    order = np.argsort(facet_tags, kind="stable")
    present = set(np.unique(facet_tags).tolist())
    return replace(
        mesh,
        cell_tags=cell_tags,
        cell_names={n: t for n, t in cell_names.items() if (cell_tags == t).any()},
        facets=facets[order],
        facet_tags=facet_tags[order],
        facet_names={n: t for n, t in facet_names.items() if t in present},
    )
