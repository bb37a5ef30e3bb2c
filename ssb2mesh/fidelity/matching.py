"""Which voxel component became which mesh component: links, and what is lost, gained, merged or split. No surfaces."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.fidelity.overlap import Frame, Overlaps
from ssb2mesh.fidelity.records import Feature

__all__ = ["LISTED", "OVERLAP", "Links", "central_places", "component_errors", "find_features", "link_components"]

#: Two components are one if they share this part of the smaller of them, or a voxel with its six neighbours.
OVERLAP = 0.3
#: Features listed a phase and kind.
LISTED = 100
#: Components of at most this many voxels are too small for a volume error.
SMALL = 27


class Links(NamedTuple):
    """Which components are the same.

    Attributes
    ----------
    voxel_component, mesh_component : (l,) int array
        Pairs that are the same.
    voxel_size, mesh_size : (v,), (c,) float array
        Size of every component, voxels.
    voxel_links, mesh_links : (v,), (c,) int array
        Partners of every component.
    """

    voxel_component: npt.NDArray[np.int32]
    mesh_component: npt.NDArray[np.int32]
    voxel_size: npt.NDArray[np.float64]
    mesh_size: npt.NDArray[np.float64]
    voxel_links: npt.NDArray[np.int64]
    mesh_links: npt.NDArray[np.int64]


def link_components(overlaps: Overlaps, voxel_size: npt.NDArray[np.integer]) -> Links:
    """Decide which components are the same.

    Interfaces move by half a voxel, so that a component reaches a little into the voxels of another of its phase where
    the two meet at an edge or a corner. Such a skin must not link them.

    Parameters
    ----------
    overlaps : Overlaps
        What components share.
    voxel_size : (v,) int array
        Voxels of each voxel component.

    Returns
    -------
    Links
        Pairs that share `OVERLAP` of the smaller one, or a voxel with all its neighbours.

    Examples
    --------
    >>> one, two = np.array([0, 1], np.int32), np.array([0, 0], np.int32)
    >>> shared = Overlaps(one, two, np.array([50.0, 0.2]), np.array([True, False]), np.array([50.2]), np.zeros(1, int))
    >>> link_components(shared, np.array([50, 1])).voxel_links.tolist()
    [1, 0]
    """
    sizes = voxel_size.astype(np.float64)
    v, m = overlaps.voxel_component, overlaps.mesh_component
    same = overlaps.volume >= OVERLAP * np.minimum(sizes[v], overlaps.mesh_volume[m])
    same |= overlaps.deep
    v, m = v[same], m[same]
    degrees = np.bincount(v, minlength=len(sizes)), np.bincount(m, minlength=len(overlaps.mesh_volume))
    return Links(v, m, sizes, overlaps.mesh_volume, *degrees)


def component_errors(links: Links) -> npt.NDArray[np.float64]:
    """Return the relative volume error of each voxel component: that of all that is linked with it, directly or not.

    Parameters
    ----------
    links : Links
        Which components are the same.

    Returns
    -------
    (v,) float array
        -1 for a lost component.

    Examples
    --------
    >>> one = np.zeros(1, np.int32)
    >>> float(component_errors(Links(one, one, np.array([10.0]), np.array([11.0]), one + 1, one + 1))[0])
    0.10000000000000009
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, size = len(links.voxel_size), len(links.voxel_size) + len(links.mesh_size)
    rows = (links.voxel_component, links.mesh_component + n)
    graph = coo_array((np.ones(len(rows[0]), np.int8), rows), shape=(size, size))
    cluster = connected_components(graph, directed=False)[1]
    voxels = np.bincount(cluster[:n], weights=links.voxel_size, minlength=size)
    meshed = np.bincount(cluster[n:], weights=links.mesh_size, minlength=size)
    return meshed[cluster[:n]] / voxels[cluster[:n]] - 1.0


def find_features(
    links: Links, frame: Frame, raster: npt.NDArray[np.int32], *, phases: list[str], centres: npt.NDArray[np.float64]
) -> tuple[tuple[Feature, ...], dict[str, dict[str, int]]]:
    """List what is in the voxels or in the mesh only.

    Parameters
    ----------
    links : Links
        Which components are the same.
    frame : Frame
        Voxels and components.
    raster : (nx, ny, nz) int32 array
        Mesh component at each voxel centre, -1 for none.
    phases : list of str
        Names of the phases; an empty name for those that the mesh leaves out.
    centres : (c, 3) float array
        A point inside each mesh component, m; only those of unlinked ones are used.

    Returns
    -------
    features : tuple of Feature
        Largest first in each kind, at most `LISTED` a phase and kind.
    counts : dict of dict of int
        All of them, by phase and kind.

    Examples
    --------
    >>> features, counts = find_features(links, frame, raster, phases=names, centres=centres)  # doctest: +SKIP
    """
    in_mesh = np.array([bool(name) for name in phases])
    joined = _joined_sizes(links.mesh_component, links.voxel_component, links.voxel_size, len(links.mesh_size))
    cut = _joined_sizes(links.voxel_component, links.mesh_component, links.mesh_size, len(links.voxel_size))
    of_voxels, of_mesh = frame.id_phase, frame.component_phase
    kinds = {
        "lost": (np.flatnonzero((links.voxel_links == 0) & in_mesh[of_voxels]), links.voxel_size, of_voxels),
        "gained": (np.flatnonzero(links.mesh_links == 0), links.mesh_size, of_mesh),
        "merged": (np.flatnonzero(links.mesh_links > 1), joined, of_mesh),
        "split": (np.flatnonzero(links.voxel_links > 1), cut, of_voxels),
    }
    counts = {name: dict.fromkeys(kinds, 0) for name in phases if name}
    features: list[Feature] = []
    for kind, (found, sizes, phase_of) in kinds.items():
        chosen = []
        for p, name in enumerate(phases):
            mine = found[phase_of[found] == p]
            if name and len(mine):
                counts[name][kind] = len(mine)
                chosen.append(mine[np.argsort(-sizes[mine], kind="stable")][:LISTED])
        if chosen:
            listed = np.concatenate(chosen)
            listed = listed[np.argsort(-sizes[listed], kind="stable")]
            pieces = _pieces(kind, listed, links)
            places = _places(kind, listed, pieces, frame=frame, raster=raster, centres=centres)
            features += _records(kind, listed, sizes, names=[phases[p] for p in phase_of[listed]],
                                 pieces=[_sizes(kind, row, links) for row in pieces], places=places,
                                 frame=frame)  # fmt: skip
    return tuple(features), counts


def _joined_sizes(
    owner: npt.NDArray[np.int32], part: npt.NDArray[np.int32], sizes: npt.NDArray[np.float64], n: int
) -> npt.NDArray[np.float64]:
    """Size of all parts of each owner but the largest."""
    total = np.bincount(owner, weights=sizes[part], minlength=n)
    largest = np.zeros(n)
    np.maximum.at(largest, owner, sizes[part])
    return total - largest


def _pieces(kind: str, listed: npt.NDArray[np.intp], links: Links) -> list[npt.NDArray[np.int32]]:
    """Components that each feature joins or is cut into, largest first; none for lost and gained ones."""
    if kind not in ("merged", "split"):
        return [np.empty(0, np.int32)] * len(listed)
    owner, part = (links.mesh_component, links.voxel_component)[:: 1 if kind == "merged" else -1]
    sizes = links.voxel_size if kind == "merged" else links.mesh_size
    order = np.argsort(owner, kind="stable")
    first, last = (np.searchsorted(owner[order], listed, side=side) for side in ("left", "right"))
    rows = [part[order[a:b]] for a, b in zip(first, last, strict=True)]
    return [row[np.argsort(-sizes[row], kind="stable")] for row in rows]


def _sizes(kind: str, pieces: npt.NDArray[np.int32], links: Links) -> list[float]:
    return (links.voxel_size if kind == "merged" else links.mesh_size)[pieces].tolist()


def _places(
    kind: str, listed: npt.NDArray[np.intp], pieces: list[npt.NDArray[np.int32]], *, frame: Frame,
    raster: npt.NDArray[np.int32], centres: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:  # fmt: skip
    """A position for each feature, m."""
    if kind == "gained":
        return centres[listed]
    if kind == "lost":
        return central_places(listed, frame)
    second = np.array([row[1] for row in pieces])
    merged = kind == "merged"
    slot = np.full(len(frame.component_phase if merged else frame.id_phase), -1, np.int32)
    slot[listed] = np.arange(len(listed))
    views = (raster, frame.component_phase), (frame.ids, frame.id_phase)
    (here, here_phase), (there, there_phase) = views if merged else views[::-1]
    found = _meeting_voxels(here, here_phase, there, there_phase, slot, len(listed))
    places = frame.lower + (found + 0.5) * frame.spacing
    open_ones = found[:, 0] < 0
    if open_ones.any():
        instead = central_places(second, frame) if merged else centres[second]
        places[open_ones] = instead[open_ones]
    return places


def central_places(components: npt.NDArray[np.integer], frame: Frame) -> npt.NDArray[np.float64]:
    """Return the centre of the voxel of each component that is nearest to its centroid.

    Parameters
    ----------
    components : (n,) int array
        Voxel components; some may be there twice.
    frame : Frame
        Voxels and components.

    Returns
    -------
    (n, 3) float array
        m.

    Examples
    --------
    >>> ids, phase = np.zeros((3, 1, 1), np.int32), np.zeros(1, np.int32)
    >>> central_places(np.array([0]), Frame(np.zeros(3), np.ones(3), ids, phase, phase, phase)).tolist()
    [[1.5, 0.5, 0.5]]
    """
    slot = np.full(len(frame.id_phase), -1, np.int32)
    unique, back = np.unique(components, return_inverse=True)
    slot[unique] = np.arange(len(unique))
    found = _central_voxels(frame.ids, slot, len(unique))
    return frame.lower + (found[back] + 0.5) * frame.spacing


def _records(
    kind: str, listed: npt.NDArray[np.intp], sizes: npt.NDArray[np.float64], *, names: list[str],
    pieces: list[list[float]], places: npt.NDArray[np.float64], frame: Frame,
) -> list[Feature]:  # fmt: skip
    top = np.array(frame.ids.shape) - 1
    voxels = np.clip(np.floor((places - frame.lower) / frame.spacing), 0, top).astype(int)
    made = []
    for n, component in enumerate(listed):
        x, y, z = places[n].tolist()
        i, j, k = voxels[n].tolist()
        size = float(sizes[component])
        made.append(Feature(kind, names[n], size, (x, y, z), (i, j, k), tuple(pieces[n][:8]), max(len(pieces[n]), 1)))
    return made


@nb.njit(cache=True)
def _central_voxels(ids, slot, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Index of the voxel nearest to the centroid of each wanted component, the first of equal ones."""
    sums, sizes = np.zeros((count, 3)), np.zeros(count)
    best, found = np.full(count, np.inf), np.zeros((count, 3))
    for turn in range(2):
        for i in range(ids.shape[0]):
            for j in range(ids.shape[1]):
                for k in range(ids.shape[2]):
                    s = slot[ids[i, j, k]]
                    if s < 0:
                        continue
                    if turn == 0:
                        sums[s, 0] += i
                        sums[s, 1] += j
                        sums[s, 2] += k
                        sizes[s] += 1
                    else:
                        n = sizes[s]
                        d = (i - sums[s, 0] / n) ** 2 + (j - sums[s, 1] / n) ** 2 + (k - sums[s, 2] / n) ** 2
                        if d < best[s]:
                            best[s] = d
                            found[s, 0], found[s, 1], found[s, 2] = i, j, k
    return found


@nb.njit(cache=True)
def _meeting_voxels(here, here_phase, there, there_phase, slot, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """First voxel of each wanted component of `here` that is another phase in `there` and lies between two of its."""
    found = np.full((count, 3), -1.0)
    nx, ny, nz = here.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                c = here[i, j, k]
                if c < 0 or slot[c] < 0 or found[slot[c], 0] >= 0:
                    continue
                d = there[i, j, k]
                if d >= 0 and there_phase[d] == here_phase[c]:
                    continue
                first = -1
                for a in range(max(i - 1, 0), min(i + 2, nx)):
                    for b in range(max(j - 1, 0), min(j + 2, ny)):
                        for e in range(max(k - 1, 0), min(k + 2, nz)):
                            other = there[a, b, e]
                            if here[a, b, e] != c or other < 0 or there_phase[other] != here_phase[c]:
                                continue
                            if first < 0:
                                first = other
                            elif other != first:
                                found[slot[c], 0], found[slot[c], 1], found[slot[c], 2] = i, j, k
    return found
