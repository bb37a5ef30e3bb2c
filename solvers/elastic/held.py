"""Which connected pieces of a solid are held against every rigid motion; others have no answer. No solving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.connectivity import pieces_through, volume_of
from solvers.domain import Domain
from solvers.elastic.matrix import rigid_modes
from solvers.elastic.supports import Loads, Supports, Walls, find_walls, plane_of, read_supports
from ssb2mesh.errors import InputError

__all__ = ["Held", "find_held"]

#: Part of the solid that may be left out, load and all, before that is an error.
SMALL = 0.01
MOTIONS = ("move along x", "move along y", "move along z", "turn about x", "turn about y", "turn about z")


@dataclass(frozen=True, eq=False)
class Held:
    """The part of a solid that is held.

    Parameters
    ----------
    cells : (local cells,) bool array
        Cells of held pieces, ghosts included.
    floating : (local cells,) bool array
        Cells with a material that are not held.
    notes : tuple of str
        What was left out, in words.
    """

    cells: npt.NDArray[np.bool_]
    floating: npt.NDArray[np.bool_]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Grip:
    """Sums over the points at which one side grips each piece: count, sum of rows, sum of their squares."""

    count: npt.NDArray[np.float64]
    first: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]

    @property
    def about_mean(self) -> npt.NDArray[np.float64]:
        """Squares about the mean: what a plate that may move still holds."""
        n = np.where(self.count > 0, self.count, 1.0)[:, None, None]
        return self.second - self.first[:, :, None] * self.first[:, None, :] / n


def find_held(domain: Domain, solid: npt.NDArray[np.bool_], supports: Supports, loads: Loads) -> Held:
    """Sort the pieces of a solid into held and floating ones; all ranks call.

    Pieces are connected through facets: an edge or a vertex is a hinge, which holds nothing. A piece is held when no
    rigid motion obeys its supports; a plate holds a piece against tilting and, once any held piece carries it, against
    moving as well.

    Parameters
    ----------
    domain : Domain
        The mesh.
    solid : (local cells,) bool array
        Cells with a material.
    supports, loads : Supports, Loads
        What holds and loads them.

    Returns
    -------
    Held
        Held cells, floating cells and notes.

    Raises
    ------
    InputError
        If nothing is held, or a part of more than 1 % is loaded and not held; the message names the free motions.
    """
    pieces = pieces_through(domain, solid)
    rigid, plates = _grips(domain, solid, supports, loads)
    labels = np.unique(np.concatenate(domain.comm.allgather(np.unique(pieces[solid]))))
    grams, movable = _grams(domain, pieces, labels, (rigid, plates))
    modes = _held_labels(grams, movable)
    held = modes == 0
    held_cells = solid & np.isin(pieces, labels[held])
    floating = solid & ~held_cells
    whole = volume_of(domain, solid)
    if not held.any():
        raise InputError(_message(domain, pieces, labels, grams + sum(m.about_mean for m in movable)))
    notes: list[str] = []
    if volume_of(domain, floating) > 0:
        pushed = _loaded(domain, pieces, supports, loads, solid)
        loose = floating & np.isin(pieces, pushed)
        part = volume_of(domain, loose) / whole
        if part > SMALL:
            free = np.isin(labels, pushed) & ~held
            raise InputError(_message(domain, pieces, labels[free], (grams + sum(m.about_mean for m in movable))[free]))
        share = volume_of(domain, floating) / whole
        notes.append(f"{share:.2e} of the solid is in pieces that nothing holds; they are left out (displacement NaN)")
        if part > 0:
            notes.append(f"{part:.2e} of the solid is loaded but not held; its load is left out as well")
    return Held(held_cells, floating, tuple(notes))


def _grips(
    domain: Domain, solid: npt.NDArray[np.bool_], supports: Supports, loads: Loads
) -> tuple[list[tuple[Walls, list[int]]], list[tuple[Walls, int]]]:
    """Sides that hold, with the components they hold, and plates with their axis."""
    rigid: list[tuple[Walls, list[int]]] = []
    for name, value in read_supports(supports).items():
        walls = find_walls(domain, name, solid, "fixed")
        rigid.append((walls, [k for k, v in enumerate(value) if v is not None]))
    for name in supports.rollers:
        walls = find_walls(domain, name, solid, "rollers")
        rigid.append((walls, [plane_of(domain, _normals(domain, walls), name, "rollers")[0]]))
    plates = []
    for name in loads.platen:
        walls = find_walls(domain, name, solid, "platen")
        plates.append((walls, plane_of(domain, _normals(domain, walls), name, "platen")[0]))
    return rigid, plates


def _normals(domain: Domain, walls: Walls) -> npt.NDArray[np.float64]:
    """Area vectors that point out of the cells."""
    a, b, c = (domain.coordinates[domain.facet_points[walls.facets, i]] for i in range(3))
    normal = 0.5 * np.cross(b - a, c - a)
    center = domain.coordinates[domain.cell_points[walls.cells]].mean(axis=1)
    inward = np.einsum("ij,ij->i", normal, center - a) > 0
    return np.where(inward[:, None], -normal, normal)


def _grams(
    domain: Domain,
    pieces: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    sides: tuple[list[tuple[Walls, list[int]]], list[tuple[Walls, int]]],
) -> tuple[npt.NDArray[np.float64], list[_Grip]]:
    """For each piece, the squares of its rigid motions at what holds it, and its grips on plates."""
    rigid, plates = sides
    every = [(walls, k) for walls, axes in rigid for k in axes] + list(plates)
    # motions about the middle of each piece's own grips, or small pieces far from the middle would look free
    count, total, square = np.zeros(len(labels)), np.zeros((len(labels), 3)), np.zeros(len(labels))
    for walls, _ in every:
        at = np.repeat(np.searchsorted(labels, pieces[walls.cells]), 3)
        points = domain.coordinates[domain.facet_points[walls.facets]].reshape(-1, 3)
        count += np.bincount(at, minlength=len(labels))
        for k in range(3):
            total[:, k] += np.bincount(at, points[:, k], minlength=len(labels))
        square += np.bincount(at, (points**2).sum(axis=1), minlength=len(labels))
    count, total, square = (np.sum(domain.comm.allgather(v), axis=0) for v in (count, total, square))
    n = np.maximum(count, 1.0)
    center = total / n[:, None]
    floor = 1e-6 * float(np.max(domain.box[1] - domain.box[0]))
    size = np.maximum(np.sqrt(np.maximum(square / n - (center**2).sum(axis=1), 0.0)), floor)

    def grip(walls: Walls, axis: int) -> _Grip:
        at = np.repeat(np.searchsorted(labels, pieces[walls.cells]), 3)
        points = domain.coordinates[domain.facet_points[walls.facets]].reshape(-1, 3)
        rows = rigid_modes((points - center[at]) / size[at, None], np.zeros(3), 1.0)[:, axis]
        many = np.zeros(len(labels))
        first, second = np.zeros((len(labels), 6)), np.zeros((len(labels), 6, 6))
        np.add.at(many, at, 1.0)
        np.add.at(first, at, rows)
        np.add.at(second, at, rows[:, :, None] * rows[:, None, :])
        return _Grip(*(np.sum(domain.comm.allgather(v), axis=0) for v in (many, first, second)))

    gram = np.zeros((len(labels), 6, 6))
    for walls, axes in rigid:
        for k in axes:
            gram += grip(walls, k).second
    return gram / n[:, None, None], [_scaled(grip(walls, k), n) for walls, k in plates]


def _scaled(grip: _Grip, n: npt.NDArray[np.float64]) -> _Grip:
    return _Grip(grip.count / n, grip.first / n[:, None], grip.second / n[:, None, None]) if len(n) else grip


def _free(gram: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Number of free rigid motions of each piece."""
    values = np.linalg.eigvalsh(gram)
    return (values < 1e-9).sum(axis=1)


def _held_labels(gram: npt.NDArray[np.float64], plates: Sequence[_Grip]) -> npt.NDArray[np.intp]:
    """Free motions of each piece when plates are held by the pieces that carry them."""
    carried = [False] * len(plates)
    while True:
        total = gram + sum((p.second if c else p.about_mean) for p, c in zip(plates, carried, strict=True))
        free = _free(np.asarray(total))
        now = [c or bool(((free == 0) & (p.count > 0)).any()) for p, c in zip(plates, carried, strict=True)]
        if now == carried:
            return free
        carried = now


def _loaded(
    domain: Domain, pieces: npt.NDArray[np.int64], supports: Supports, loads: Loads, solid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Labels of pieces that a load or a displacement pushes."""
    names = [(name, "pressure") for name, v in loads.pressure.items() if v]
    names += [(name, "platen") for name, v in loads.platen.items() if v]
    names += [(name, "traction") for name in loads.traction]
    names += [(name, "fixed") for name, v in read_supports(supports).items() if any(v)]
    found = [np.zeros(0, np.int64)]
    for name, argument in names:
        walls = find_walls(domain, name, solid, argument)
        found.append(np.unique(np.concatenate(domain.comm.allgather(np.unique(pieces[walls.cells])))))
    return np.unique(np.concatenate(found))


def _message(domain: Domain, pieces: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], grams: Any) -> str:
    """Name the largest loose piece and how it can move."""
    own = slice(0, domain.owned_cells)
    at = np.searchsorted(labels, pieces[own])
    at = np.where((at < len(labels)) & (labels[np.minimum(at, len(labels) - 1)] == pieces[own]), at, len(labels))
    local = np.bincount(at, domain.cell_volumes[own], minlength=len(labels) + 1)[: len(labels)]
    volumes = np.sum(domain.comm.allgather(local), axis=0)
    largest = int(np.argmax(volumes))
    inside = pieces[own] == labels[largest]
    tags = np.unique(np.concatenate(domain.comm.allgather(np.unique(domain.cell_phase[own][inside]))))
    phases = [name for name, tag in domain.phases.items() if tag in tags]
    values, vectors = np.linalg.eigh(np.asarray(grams)[largest])
    null = vectors[:, values < 1e-9]
    pure = [text for text, row in zip(MOTIONS, null, strict=True) if np.linalg.norm(row) > 0.99]
    how = ", ".join(pure) if pure else f"{null.shape[1]} rigid motions"
    return (
        f"supports: a piece of {' + '.join(phases)} ({volumes[largest]:.3g} m3) is loaded or alone but not held: it is "
        f"free to {how}; add rollers or fixed sides that stop this (three rollers such as x_min, y_min, z_min hold a "
        "block), or drop the piece from the mesh"
    )


def floating_shares(domain: Domain, floating: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return the floating part of each phase that has one, relative to the phase; all ranks call."""
    volumes = domain.phase_volumes()
    parts = {name: volume_of(domain, floating & (domain.cell_phase == tag)) for name, tag in domain.phases.items()}
    return {name: part / volumes[name] for name, part in parts.items() if part > 0}
