"""From gaps to the contact of the next sweep: Newton's step of each facet, damped where it swings. No solving.

A facet whose contact carries less strips less, so its gap closes again: gap and share s of contact meet where

    s = (opens - gap(s)) / (opens - closes), limited to 0 and 1.

With d gap / d s from the facet's own deposit, or from the last two sweeps where it has none, that is one step of
Newton's method a facet. Where both limits are equal
the equation becomes the complementarity of a switch, and its answer may lie between open and closed:

    gap < limit: s = 1,    gap > limit: s = 0,    gap = limit: any s from 0 to 1,

what a contact that opens and closes in turn has on average, and what narrow ranges tend to. Couplings between facets
are left to Anderson's acceleration; facets that still swing take ever smaller steps until they settle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from solvers.acceleration import Anderson
from solvers.chain import GapContact, Sweeps
from solvers.links import Links

__all__ = ["Proposal", "Switches"]

Array = npt.NDArray[np.float64]
#: Accelerated steps shorter than this part of the plain one are not taken.
LEAST_STEP = 0.3
#: Sweeps in a row whose changes alternate in sign before a facet is said to swing.
SWINGS = 3
#: Contact that may be given up at once, whatever is stripped there.
NEXT_TO_NONE = 1e-6
#: What a swing leaves of a facet's step, and what a sweep without one gives back.
DAMPING, RECOVERY = 0.5, 1.2


@dataclass(frozen=True, eq=False)
class Proposal:
    """What gaps ask of the contact, by interface and owned facet.

    Parameters
    ----------
    used : mapping of str to (facets,) float array
        Contact that the currents had.
    step : mapping of str to (facets,) float array
        Change for the next sweep, before damping and acceleration, within the limits 0 and 1.
    left : mapping of str to (facets,) float array
        Contact that the gaps leave; under a sharp limit `used` plus `step`.
    """

    used: Mapping[str, Array]
    step: Mapping[str, Array]
    left: Mapping[str, Array]


def newton_step(law: GapContact, share: Array, gap: Array, *, left: Array, full: Array) -> Array:
    """Return the change of contact that brings each facet to its law, as far as its own deposit goes.

    Parameters
    ----------
    law : GapContact
        The law.
    share : (facets,) float array
        Contact so far.
    gap : (facets,) float array
        Mean gap with that contact, m.
    left : (facets,) float array
        Contact that the gap leaves by the law, not used where its limits are equal.
    full : (facets,) float array
        Metal that full contact would strip, m: how fast the gap opens with the contact.

    Returns
    -------
    (facets,) float array
        The change, within the limits 0 and 1.

    Examples
    --------
    >>> law = GapContact(closes=1e-9, opens=1e-9)
    >>> gap, full = np.array([3e-9, 0.0]), np.array([4e-9, 4e-9])
    >>> newton_step(law, np.ones(2), gap, left=np.zeros(2), full=full).tolist()
    [-0.5, 0.0]
    """
    width, slope = law.opens - law.closes, np.maximum(full, 0.0)
    if width > 0:
        # beyond the range the distance to it counts, or facets would creep along their limits
        wanted = np.where((left <= 0.0) | (left >= 1.0), (law.opens - gap) / width, left)
        step = (wanted - share) / (1.0 + slope / width)
        step = np.where((slope <= 0) & (share > NEXT_TO_NONE), np.maximum(step, -0.9 * share), step)
    else:
        apart = law.opens - gap
        step = np.where(slope > 0, apart / np.where(slope > 0, slope, 1.0), np.where(apart >= 0, 1.0, -1.0))
        # a step that opens all facets at once would end the current that has to find its way
        step = np.where(share > NEXT_TO_NONE, np.maximum(step, -0.9 * share), step)
    return np.asarray(np.clip(share + step, 0.0, 1.0) - share)


class Switches:
    """Contact of all facets from sweep to sweep of one step; all ranks make it.

    Parameters
    ----------
    links : Links
        Facets and laws.
    sweeps : Sweeps
        How to iterate.
    """

    def __init__(self, links: Links, sweeps: Sweeps) -> None:
        self.links, self.sweeps = links, sweeps
        self.laws = dict(links.chain.contacts)
        self._method = Anderson(links.domain.comm, sweeps.memory)
        self._damping = {name: np.ones(len(links.facets[name])) for name in self.laws}
        self._sign = {name: np.zeros(len(links.facets[name])) for name in self.laws}
        self._swings = {name: np.zeros(len(links.facets[name]), np.int64) for name in self.laws}
        self._seen: dict[str, tuple[Array, Array]] = {}
        self._slope = {name: np.zeros(len(links.facets[name])) for name in self.laws}
        self._size = {name: np.zeros(len(links.facets[name])) for name in self.laws}
        #: Facets whose step is all or nothing, so that its damping is the step itself: halved at each turn.
        self._halving = {name: np.zeros(len(links.facets[name]), bool) for name in self.laws}

    def propose(self, used: Mapping[str, Array], gaps: Mapping[str, Array], full: Mapping[str, Array]) -> Proposal:
        """Return what the gaps ask for.

        Parameters
        ----------
        used : mapping of str to (facets,) float array
            Contact that the currents had.
        gaps : mapping of str to (facets, points) float array
            Gaps that came of it, m.
        full : mapping of str to (facets,) float array
            Metal that full contact would strip, m; interfaces without deposit may be missing.

        Returns
        -------
        Proposal
            Changes before damping and acceleration.
        """
        left = self.links.shares(gaps)
        step: dict[str, Array] = {}
        for name, law in self.laws.items():
            mean = self.links.facet_mean(gaps[name])
            assert mean is not None
            # without contact nothing is stripped: what was known before counts
            given = full.get(name, np.zeros(len(mean)))
            known = np.where(given > 0, given, self._secant(name, used[name], mean))
            self._slope[name] = slope = np.where(known > 0, known, self._slope[name])
            step[name] = newton_step(law, used[name], mean, left=left[name], full=slope)
            if law.opens == law.closes:
                # when halving has made the step small, the limit is known to lie within it
                self._halving[name] = slope <= 0
                step[name] = np.where(slope > 0, step[name], step[name] * self._damping[name])
                left[name] = used[name] + step[name]
        return Proposal(dict(used), step, left)

    def next(self, found: Proposal) -> dict[str, Array]:
        """Return the contact of the next sweep."""
        links = self.links
        swinging = self._damp(found)
        change = {name: np.zeros(len(each)) for name, each in found.used.items()}
        for name in self.laws:
            damping = np.where(self._halving[name], 1.0, self.sweeps.relaxation * self._damping[name])
            change[name] = damping * found.step[name]
        place, step = links.weighted(found.used), links.weighted(change)
        if swinging:
            # the past belongs to other steps than those that are taken now
            self._method.forget()
            return links.unweighted(place + step)
        new = links.unweighted(self._method.next(place, step))
        for name, law in self.laws.items():
            direct = np.clip(found.used[name] + change[name], 0.0, 1.0)
            if law.opens == law.closes:
                # acceleration may not end what a step has to leave
                new[name] = np.maximum(new[name], np.minimum(0.1 * found.used[name], direct))
            new[name] = np.where(self._halving[name], direct, new[name])
        local = np.array([np.sum((links.weighted(new) - place) ** 2), np.sum(step**2)])
        moved, plain = np.sum(links.domain.comm.allgather(local), axis=0)
        if moved < LEAST_STEP**2 * plain:
            self._method.forget()
            new = links.unweighted(place + step)
        return new

    def _secant(self, name: str, share: Array, gap: Array) -> Array:
        """How fast each gap opened with its contact from the sweep before to this one, m; 0 where that is not known."""
        before, self._seen[name] = self._seen.get(name), (share.copy(), gap.copy())
        if before is None:
            return np.zeros(len(share))
        moved, opened = share - before[0], gap - before[1]
        told = np.abs(moved) > 0.01 * self.sweeps.tolerance
        return np.where(told, np.maximum(opened / np.where(told, moved, 1.0), 0.0), 0.0)

    def forget(self) -> None:
        """Drop the past of the acceleration."""
        self._method.forget()

    def _damp(self, found: Proposal) -> bool:
        """Halve the steps of facets that swing, let others recover; whether any facet of any rank swings."""
        any_swing = False
        for name in self.laws:
            sign = np.sign(found.step[name])
            turned = (sign * self._sign[name] < 0) & (np.abs(found.step[name]) > self.sweeps.tolerance)
            self._size[name] = found.step[name]
            self._swings[name] = np.where(turned, self._swings[name] + 1, 0)
            self._sign[name] = np.where(sign != 0, sign, self._sign[name])
            swings = self._swings[name] >= np.where(self._halving[name], 1, SWINGS)
            factor = np.where(swings, DAMPING, np.where(turned, 1.0, RECOVERY))
            self._damping[name] = np.minimum(self._damping[name] * factor, 1.0)
            any_swing = any_swing or bool(swings.any())
        return any(self.links.domain.comm.allgather(any_swing))

    def swinging(self) -> dict[str, dict[str, float]]:
        """Return, by interface, how many facets swing and by how much of their contact at most; all ranks call."""
        result = {}
        for name in self.laws:
            mine = self._swings[name] >= 1
            count = int(np.sum(self.links.domain.comm.allgather(int(mine.sum()))))
            if count:
                facets = int(np.sum(self.links.domain.comm.allgather(len(mine))))
                largest = self.links.largest(np.abs(self._size[name][mine]))
                result[name] = {"facets": count, "of": facets, "by": largest}
        return result
