"""Anderson's acceleration of a fixed-point iteration whose vector is spread over ranks. No physics."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Anderson"]

Array = npt.NDArray[np.float64]


class Anderson:
    """The next iterate from the last ones: the step whose change is least in the space of all steps so far.

    Parameters
    ----------
    comm : MPI communicator
        The ranks that share the vector.
    memory : int
        Earlier iterates that count; 0 takes the plain step.

    References
    ----------
    Anderson, J. ACM 12 (1965) 547, doi:10.1145/321296.321305; Walker and Ni, SIAM J. Numer. Anal. 49 (2011) 1715,
    doi:10.1137/10078356X.

    Examples
    --------
    >>> method, x = Anderson(comm, 3), np.array([1.0])  # doctest: +SKIP
    >>> for _ in range(4):  # doctest: +SKIP
    ...     x = method.next(x, np.cos(x) - x)
    >>> x  # doctest: +SKIP
    array([0.739])
    """

    #: Part of the largest eigenvalue below which a direction of the past counts as spent.
    SPENT = 1e-12

    def __init__(self, comm: Any, memory: int) -> None:
        self.comm, self.memory = comm, memory
        self._places: list[Array] = []
        self._changes: list[Array] = []

    def next(self, place: Array, change: Array) -> Array:
        """Return the next iterate.

        Parameters
        ----------
        place : (n,) float array
            This iterate; of weights such that products are those of the whole vector.
        change : (n,) float array
            What the plain iteration would add.

        Returns
        -------
        (n,) float array
            It may lie outside the range of the iterates: the caller limits it.
        """
        self._places.append(place)
        self._changes.append(change)
        del self._places[: -self.memory - 1], self._changes[: -self.memory - 1]
        count = len(self._places) - 1
        if count == 0:
            return place + change
        moves = [b - a for a, b in zip(self._places[:-1], self._places[1:], strict=True)]
        turns = [b - a for a, b in zip(self._changes[:-1], self._changes[1:], strict=True)]
        local = np.array([[a @ b for b in [*turns, change]] for a in turns]).reshape(count, count + 1)
        gram = np.sum(self.comm.allgather(local), axis=0)
        values, vectors = np.linalg.eigh(gram[:, :count])
        good = values > self.SPENT * max(values[-1], 1e-300)
        weights = vectors[:, good] @ ((vectors[:, good].T @ gram[:, count]) / values[good])
        result = place + change
        for weight, move, turn in zip(weights, moves, turns, strict=True):
            result = result - weight * (move + turn)
        return result

    def forget(self) -> None:
        """Drop the past, after which the next step is the plain one."""
        self._places.clear()
        self._changes.clear()
