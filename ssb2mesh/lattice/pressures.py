"""Pressures that give components the volume they lack, solved for all of them together. No vertex moves here.

A wall between two components moves by the difference of their pressures, so that what one gains the other loses. The
volumes gained are a weighted graph Laplacian times the pressures: a wall weighs as much as its area times the part of
a move that its vertices, some of them blocked, have followed so far.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.csgraph import connected_components

from ssb2mesh.lattice.walls import WallFaces, volume_change

__all__ = ["Pairs", "answered", "find_pairs", "solve_pressures", "swept_by_pairs"]

#: Least and most part of a move that a wall is taken to follow.
ANSWERS = (0.05, 1.5)
#: Residual of the pressures, over that at first; walls do not follow more exactly than to some per cent.
RESIDUAL, MOST_ROUNDS = 1e-4, 1000


@dataclass(frozen=True)
class Pairs:
    """The walls between components, one for each two that share faces.

    Parameters
    ----------
    walls : WallFaces
        The faces; ``sides`` are the number of their wall, and the number of walls.
    sides : (k, 2) int64 array
        Components below and above each wall.
    components : int
        Their number.
    """

    walls: WallFaces
    sides: npt.NDArray[np.int64]
    components: int

    def sum(self, swept: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the volume that each component gains from what the walls have swept, (components,)."""
        n = self.components
        below, above = (np.bincount(self.sides[:, side], swept, n) for side in range(2))
        return np.asarray(below - above, np.float64)


def find_pairs(faces: WallFaces) -> Pairs:
    """Return the walls between components.

    Parameters
    ----------
    faces : WallFaces
        Faces and components.

    Returns
    -------
    Pairs
        In the order of their components.

    Examples
    --------
    >>> find_pairs(faces).sides  # doctest: +SKIP
    array([[0, 1]])
    """
    code = faces.sides[:, 0].astype(np.int64) * faces.components + faces.sides[:, 1]
    codes, of_face = np.unique(code, return_inverse=True)
    sides = np.stack([codes // faces.components, codes % faces.components], axis=1)
    number = np.stack([of_face, np.full(len(code), len(codes))], axis=1).astype(np.int32)
    return Pairs(replace(faces, sides=number, components=len(codes) + 1), sides, faces.components)


def swept_by_pairs(
    pairs: Pairs, moved: npt.NDArray[np.float32], cut_other: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the volume that each wall has swept since its corners left the lattice, and its area.

    Parameters
    ----------
    pairs : Pairs
        The walls.
    moved, cut_other
        As for `ssb2mesh.lattice.walls.volume_change`.

    Returns
    -------
    swept, area : (k,) float arrays
        In cells.

    Examples
    --------
    >>> swept_by_pairs(pairs, moved, cut)[0]  # doctest: +SKIP
    """
    swept, area = volume_change(pairs.walls, moved, cut_other)
    return swept[:-1], area[:-1]


def solve_pressures(
    pairs: Pairs, weight: npt.NDArray[np.float64], missing: npt.NDArray[np.float64], free: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the pressures by which components would gain what they lack.

    Parameters
    ----------
    pairs : Pairs
        The walls.
    weight : (k,) float array
        Volume that each sweeps for a unit of pressure.
    missing : (n,) float array
        What components lack.
    free : (n,) bool array
        Components that have a pressure; it is 0 in the others.

    Returns
    -------
    (n,) float array
        In cells.

    Examples
    --------
    >>> solve_pressures(pairs, area, np.array([1.0, 0.0]), np.array([True, False]))  # doctest: +SKIP
    array([0.01, 0.  ])
    """
    n, (a, b) = pairs.components, pairs.sides.T
    between = a != b
    a, b, w = a[between], b[between], weight[between]
    own = np.bincount(a, w, n) + np.bincount(b, w, n)
    solved = free & (own > 1e-9)
    out = np.zeros(n)
    if not solved.any():
        return out
    index = np.cumsum(solved) - 1
    both = solved[a] & solved[b]
    row, column, value = index[a[both]], index[b[both]], -w[both]
    size = int(solved.sum())
    links = coo_array((np.concatenate([value, value]), (np.r_[row, column], np.r_[column, row])), shape=(size, size))
    count, cluster = connected_components(links, directed=False)
    area = own[solved]
    # a cluster without a wall to what has no pressure cannot gain anything as a whole, and a constant is of no effect
    held = np.zeros(count, np.bool_)
    held[cluster[index[np.r_[a[solved[a] & ~solved[b]], b[solved[b] & ~solved[a]]]]]] = True
    total = np.bincount(cluster, area, count)
    excess = np.where(held, 0.0, np.bincount(cluster, missing[solved], count) / total)
    matrix = (links + diags_array(area * (1 + 1e-9))).tocsr()
    found = _solve(matrix, missing[solved] - excess[cluster] * area)
    mean = np.where(held, 0.0, np.bincount(cluster, found * area, count) / total)
    out[solved] = found - mean[cluster]
    return out


def _solve(matrix: csr_array, rhs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Conjugate gradients, scaled by the diagonal: factors for thousands of components that all touch would fill up.

    Products are summed by NumPy and not by BLAS, whose order depends on the number of threads.
    """
    scale = 1.0 / matrix.diagonal()
    found, residual = np.zeros_like(rhs), rhs.copy()
    scaled = scale * residual
    along, product = scaled.copy(), float(np.sum(residual * scaled))
    least = RESIDUAL**2 * product
    for _ in range(MOST_ROUNDS):
        if product <= least:
            break
        image = matrix @ along
        step = product / float(np.sum(along * image))
        found += step * along
        residual -= step * image
        scaled = scale * residual
        before, product = product, float(np.sum(residual * scaled))
        along = scaled + (product / before) * along
    return found


def answered(
    before: npt.NDArray[np.float64],
    asked: npt.NDArray[np.float64],
    got: npt.NDArray[np.float64],
    *,
    least: float | npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the part of a move that walls follow, as far as a round has told.

    Parameters
    ----------
    before : (k,) float array
        What was thought of it.
    asked, got : (k,) float arrays
        Volume that they would have swept without obstacles, and that they have swept.
    least : float or (k,) array
        Less is too little to tell: what a wall has swept is then by chance, and what was thought of it stays.

    Returns
    -------
    (k,) float array
        Within `ANSWERS`.

    Examples
    --------
    >>> answered(np.ones(2), np.array([2.0, 0.0]), np.array([1.0, 0.0]), least=0.1)
    array([0.5, 1. ])
    """
    told = np.abs(asked) > least
    share = np.divide(got, asked, out=before.copy(), where=told)
    return np.clip(share, *ANSWERS)
