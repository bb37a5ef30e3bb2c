"""What merging cells takes from the voxels: components, connections, films and contacts. No mesh is needed here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.fidelity.contacts import MOST_PHASES, changed_contacts
from ssb2mesh.fidelity.matching import LISTED, central_places, find_features, link_components
from ssb2mesh.fidelity.overlap import Frame, overlaps_of_raster
from ssb2mesh.fidelity.records import ContactChange, Feature
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import connected_components, label_components

__all__ = ["ThinLosses", "compare_cells"]


@dataclass(frozen=True)
class ThinLosses:
    """What a mesh of larger cells will lack or join, known before it is made.

    Parameters
    ----------
    cell_size : float
        Largest edge of a cell, m.
    features : tuple of Feature
        As `ssb2mesh.check_mesh` lists them, all phases, dropped ones too; and those ``thinned``: parts of a component
        that end farther than one cell from what is left of it, such as a film or the tip of a crack.
    contacts : tuple of ContactChange
        Pairs of phases that touch before or afterwards only.
    counts : dict of dict of int
        All features, by phase and kind; `features` lists at most `ssb2mesh.fidelity.LISTED` a phase and kind.
    """

    cell_size: float
    features: tuple[Feature, ...] = ()
    contacts: tuple[ContactChange, ...] = ()
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts and numbers, ready for JSON."""
        from dataclasses import asdict

        return asdict(self)


def compare_cells(volume: LabelledVolume, cells: npt.NDArray[np.int32], *, reach: int, size: float) -> ThinLosses:
    """Compare merged cells with the voxels they came from.

    Parameters
    ----------
    volume : LabelledVolume
        The voxels.
    cells : (nx, ny, nz) int32 array
        Place of the phase of each cell among the volume's; at least as many cells as voxels along each axis.
    reach : int
        Width of a merged cell, voxels.
    size : float
        The same, m.

    Returns
    -------
    ThinLosses
        Largest first.

    Examples
    --------
    >>> labels = np.zeros((4, 4, 4), np.uint8)
    >>> labels[1, 1, 1] = 1
    >>> volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPSCl", 1: "NMC"})
    >>> found = compare_cells(volume, np.zeros((4, 4, 4), np.int32), reach=2, size=2e-6)
    >>> [(one.kind, one.phase) for one in found.features]
    [('lost', 'NMC')]
    """
    names = list(volume.phase_names)
    components = connected_components(volume)
    place = {label: p for p, label in enumerate(volume.phases)}
    id_phase = np.array([place[int(label)] for label in components.labels], np.int32)
    merged, labels, sizes, _ = label_components(cells)
    phase_of = labels.astype(np.int32)
    lower, spacing = volume.box[0], np.asarray(volume.spacing)
    frame = Frame(lower, spacing, components.ids, id_phase, np.empty(0, np.int32), phase_of)
    at = tuple((np.arange(m) * 2 + 1) * n // (2 * m) for n, m in zip(cells.shape, volume.shape, strict=True))
    raster = merged if cells.shape == volume.shape else merged[np.ix_(*at)]
    overlaps = overlaps_of_raster(frame, raster, sizes * (volume.labels.size / cells.size))
    links = link_components(overlaps, components.sizes)
    fitted = spacing * volume.shape / np.asarray(cells.shape)
    of_cells = Frame(lower, fitted, merged, phase_of, np.empty(0, np.int32), phase_of)
    centres = central_places(np.arange(len(sizes)), of_cells)
    features, counts = find_features(links, frame, raster, phases=names, centres=centres)
    thinned, more = _thinned(frame, raster, links.voxel_links > 0, names=names, reach=reach)
    contacts = changed_contacts(frame, of_cells, names) if len(names) <= MOST_PHASES else ()
    return ThinLosses(
        size, features + thinned, contacts, {name: {**counts[name], "thinned": more[name]} for name in names}
    )


def _thinned(
    frame: Frame, raster: npt.NDArray[np.int32], left: npt.NDArray[np.bool_], *, names: list[str], reach: int
) -> tuple[tuple[Feature, ...], dict[str, int]]:
    """Parts of components of which something is left that end farther than `reach` voxels from it."""
    part = np.zeros(frame.ids.shape, np.uint8)
    if not _far_voxels(frame.ids, frame.id_phase, raster, frame.component_phase, left, reach, part):
        return (), dict.fromkeys(names, 0)
    _grow_back(frame.ids, frame.id_phase, raster, frame.component_phase, reach, part)
    ids, kept, sizes, _ = label_components(np.where(part > 0, frame.ids, -1))
    phases = np.where(kept >= 0, frame.id_phase[kept], -1)
    chosen = []
    for p in range(len(names)):
        mine = np.flatnonzero(phases == p)
        chosen.append(mine[np.argsort(-sizes[mine], kind="stable")][:LISTED])
    listed = np.concatenate(chosen)
    listed = listed[np.argsort(-sizes[listed], kind="stable")]
    places = central_places(listed, frame._replace(ids=ids, id_phase=phases.astype(np.int32)))
    top = np.array(frame.ids.shape) - 1
    found = []
    for c, place in zip(listed, places, strict=True):
        i, j, k = np.clip(np.floor((place - frame.lower) / frame.spacing), 0, top).astype(int).tolist()
        x, y, z = place.tolist()
        found.append(Feature("thinned", names[phases[c]], float(sizes[c]), (x, y, z), (i, j, k)))
    return tuple(found), {name: int((phases == p).sum()) for p, name in enumerate(names)}


@nb.njit(cache=True)
def _far_voxels(ids, id_phase, raster, component_phase, left, reach, part):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Mark with 2 what is taken from a component of which something is left, but not near; return how many."""
    nx, ny, nz = ids.shape
    count = 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                phase = id_phase[ids[i, j, k]]
                if component_phase[raster[i, j, k]] == phase or not left[ids[i, j, k]]:
                    continue
                if not _any_near(i, j, k, ids, component_phase, raster, phase, reach):
                    part[i, j, k] = 2
                    count += 1
    return count


@nb.njit(cache=True)
def _any_near(i, j, k, ids, component_phase, raster, phase, reach):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Whether the component of a voxel has kept one of its voxels within reach."""
    nx, ny, nz = ids.shape
    for a in range(max(i - reach, 0), min(i + reach + 1, nx)):
        for b in range(max(j - reach, 0), min(j + reach + 1, ny)):
            for c in range(max(k - reach, 0), min(k + reach + 1, nz)):
                if ids[a, b, c] == ids[i, j, k] and component_phase[raster[a, b, c]] == phase:
                    return True
    return False


@nb.njit(cache=True)
def _grow_back(ids, id_phase, raster, component_phase, reach, part):  # type: ignore[no-untyped-def]  # noqa: PLR0913, ANN001, ANN202
    """Mark with 1 all that is taken from the same component within reach of what is marked with 2."""
    nx, ny, nz = ids.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if part[i, j, k] != 2:
                    continue
                for a in range(max(i - reach, 0), min(i + reach + 1, nx)):
                    for b in range(max(j - reach, 0), min(j + reach + 1, ny)):
                        for c in range(max(k - reach, 0), min(k + reach + 1, nz)):
                            same = ids[a, b, c] == ids[i, j, k]
                            if same and component_phase[raster[a, b, c]] != id_phase[ids[a, b, c]]:
                                part[a, b, c] = max(part[a, b, c], 1)
