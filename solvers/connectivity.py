"""Connected pieces of a distributed mesh and what they touch: percolation, floating pieces. No fields, no solving.

A path of conduction crosses *facets*. Two tets that share only an edge or a vertex touch in a set of no area, through
which no current flows; P1 elements would let a little through, a little less on every finer mesh. So pieces are
connected through facets, and only pieces that reach a contact take part in a solve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.distribute import merge_labels
from solvers.domain import Domain
from ssb2mesh.errors import SolverError

__all__ = ["PercolationError", "pieces_through", "require_percolation", "touched_pieces"]


class PercolationError(SolverError):
    """The conducting phases hold no path from one side of the box to the other."""


def pieces_through(domain: Domain, cells: npt.NDArray[np.bool_], through: str = "facets") -> npt.NDArray[np.int64]:
    """Label the connected pieces of some cells; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    cells : (local cells,) bool array
        Which cells count, ghosts included.
    through : {"facets", "points"}
        What two cells must share to be connected.

    Returns
    -------
    (local cells,) int64 array
        Label of each cell, the same on every rank; -1 for cells that do not count.

    Examples
    --------
    >>> labels = pieces_through(domain, domain.cells_of(["NMC"]))  # doctest: +SKIP
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    if through == "facets":
        links, index_map = domain.cell_facets, domain.mesh.topology.index_map(2)
    else:
        links, index_map = domain.cell_points, domain.space.dofmap.index_map
    owned, global_index = api.owned_and_ghosts(index_map)
    mine = np.flatnonzero(cells)  # ghosts as well: a facet's owner need not own a cell that counts
    n_cells, n_links = len(mine), len(global_index)
    width = links.shape[1]
    graph = csr_array(
        (
            np.ones(n_cells * width, np.int8),
            (n_cells + links[mine].ravel()).astype(np.int32),
            np.concatenate([np.arange(0, n_cells * width + 1, width), np.full(n_links, n_cells * width)]),
        ),
        shape=(n_cells + n_links, n_cells + n_links),
    )
    _, piece = connected_components(graph, directed=False)
    label = np.full(int(piece.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(label, piece[n_cells:], global_index)
    link_label = label[piece[n_cells:]]
    if domain.comm.size > 1:
        owners = api.update_ghosts(index_map, link_label.astype(np.float64)).astype(np.int64)
        renamed = merge_labels(domain.comm, link_label[owned:], owners[owned:])
        if renamed:
            old = np.array(sorted(renamed), np.int64)
            new = np.array([renamed[k] for k in old.tolist()], np.int64)
            at = np.minimum(np.searchsorted(old, label), len(old) - 1)
            label = np.where(old[at] == label, new[at], label)
    result = np.full(len(cells), -1, np.int64)
    result[mine] = label[piece[:n_cells]]
    return result


def touched_pieces(
    domain: Domain, pieces: npt.NDArray[np.int64], facets: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    """Return the labels of the pieces with a cell on some facets, sorted, the same on every rank; all ranks call."""
    found = pieces[domain.facet_cells[facets]]
    found = np.unique(found[(domain.facet_cells[facets] >= 0) & (found >= 0)])
    return np.unique(np.concatenate(domain.comm.allgather(found)))


def require_percolation(
    domain: Domain, pieces: npt.NDArray[np.int64], phases: Sequence[str], axes: Sequence[str]
) -> dict[str, npt.NDArray[np.int64]]:
    """Return, for each axis, the pieces that reach from one end of the box to the other; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh, with side sets ``x_min`` and so on.
    pieces : (local cells,) int64 array
        From `pieces_through`.
    phases : sequence of str
        The conducting phases, for the message.
    axes : sequence of str
        Some of x, y, z.

    Returns
    -------
    dict of str to int64 array
        Labels by axis.

    Raises
    ------
    PercolationError
        If there is none along some axis; the message names the phases and every such axis.
    """
    spanning: dict[str, npt.NDArray[np.int64]] = {}
    for axis in axes:
        ends = [touched_pieces(domain, pieces, domain.facets_of(f"{axis}_{end}")) for end in ("min", "max")]
        spanning[axis] = np.intersect1d(ends[0], ends[1])
    blocked = [axis for axis in axes if len(spanning[axis]) == 0]
    if blocked:
        raise PercolationError(_percolation_message(phases, axes, blocked))
    return spanning


def _percolation_message(phases: Sequence[str], axes: Sequence[str], blocked: Sequence[str]) -> str:
    who = f"{phases[0]} does" if len(phases) == 1 else f"{' + '.join(phases)} together do"
    rest = [axis for axis in axes if axis not in blocked]
    what = f"ask for axes {rest} only, or " if rest else ""
    ends = " or ".join(f"{axis}_min to {axis}_max" for axis in blocked)
    return (
        f"{who} not percolate along {' and '.join(blocked)}: no path across shared facets leads from {ends}; "
        f"{what}let more phases conduct, or look for gaps that the segmentation or the cell size has made"
    )


def volume_of(domain: Domain, cells: npt.NDArray[np.bool_]) -> float:
    """Return the volume of some cells over all ranks, m3; all ranks call."""
    own = cells[: domain.owned_cells]
    total: Any = domain.comm.allreduce(float(domain.cell_volumes[: domain.owned_cells][own].sum()))
    return float(total)
