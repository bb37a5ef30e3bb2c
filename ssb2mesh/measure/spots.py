"""Contact spots of a map: their sizes, and what constriction their statistics predict (Holm, Greenwood, flux tubes).

The field under the actual map is in `ssb2mesh.measure.spreading`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.measure.contact_maps import InterfaceMap
from ssb2mesh.measure.tables import Row

__all__ = ["ContactSpots", "SpotEstimate", "contact_spots", "estimate_constriction"]

#: Spots whose distances are held at once.
_BLOCK = 1024
#: Most spots whose pairs are summed: 16 digits and a few seconds.
MOST_SPOTS = 50_000


@dataclass(frozen=True, eq=False)
class ContactSpots:
    """The connected regions of a contact map, largest first.

    Parameters
    ----------
    areas : (k,) array
        m2.
    centres : (k, 2) array
        Centroids in the coordinates of the map's extent, m.
    at_border : (k,) bool array
        Whether a spot is cut by the border of the map, so that its true size is not known.
    labels : (n, m) int array
        Number of the spot of each pixel from 1 on, 0 without contact.
    nominal_area : float
        Area that could be in contact, m2.

    Examples
    --------
    >>> spots.share_of_largest(2)  # doctest: +SKIP
    0.71
    """

    areas: npt.NDArray[np.float64]
    centres: npt.NDArray[np.float64]
    at_border: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int32]
    nominal_area: float

    @property
    def radii(self) -> npt.NDArray[np.float64]:
        """Radii of discs of equal area, m."""
        return np.asarray(np.sqrt(self.areas / np.pi))

    @property
    def total_area(self) -> float:
        """m2."""
        return float(self.areas.sum())

    def share_of_largest(self, count: int) -> float:
        """Return the share of the contact area that the largest spots hold, 0 without contact."""
        return float(self.areas[:count].sum() / self.total_area) if len(self.areas) else 0.0

    def share_below(self, area: float) -> float:
        """Return the share of the contact area in spots smaller than `area` (m2), 0 without contact."""
        return float(self.areas[self.areas < area].sum() / self.total_area) if len(self.areas) else 0.0

    def rows(self, subject: str = "") -> list[Row]:
        """Return the numbers as rows of a long table."""
        largest = float(self.areas[0]) if len(self.areas) else 0.0
        numbers = {"count": (float(len(self.areas)), ""), "largest area": (largest, "m2"),
                   "share of largest two": (self.share_of_largest(2), ""),
                   "mean area by area": (self.mean_area_by_area(), "m2")}  # fmt: skip
        return [Row("contact spots", subject, k, v, unit) for k, (v, unit) in numbers.items()]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers by name, and every spot."""
        spots = {
            "area_m2": self.areas.tolist(),
            "centre_m": self.centres.tolist(),
            "at_border": self.at_border.tolist(),
        }
        return {row.quantity: row.value for row in self.rows()} | {"spots": {k: v.tolist() for k, v in spots.items()}}

    def mean_area_by_area(self) -> float:
        """Return the area of the spot in which a random point of contact lies, on average, m2."""
        return float((self.areas**2).sum() / self.total_area) if len(self.areas) else 0.0


def contact_spots(picture: InterfaceMap, *, diagonal: bool = False) -> ContactSpots:
    """Return the spots of a contact map.

    Parameters
    ----------
    picture : InterfaceMap
        The map.
    diagonal : bool
        Whether pixels that share a corner only belong to one spot.

    Returns
    -------
    ContactSpots
        Largest first; none if there is no contact.

    Examples
    --------
    >>> touching = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 0]], bool)
    >>> picture = InterfaceMap(touching, np.ones((3, 3), bool), np.zeros((3, 3)), (1.0, 1.0), "z", ((0, 3), (0, 3)))
    >>> contact_spots(picture).areas
    array([2., 1.])
    """
    from scipy import ndimage

    labels, count = ndimage.label(picture.contact, structure=np.ones((3, 3)) if diagonal else None)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable")
    rank = np.zeros(count + 1, np.int32)
    rank[1 + order] = np.arange(1, count + 1)
    labels = rank[labels]
    low = np.array([pair[0] for pair in picture.extent])
    centres = np.empty((count, 2))
    for axis, index in enumerate(np.indices(labels.shape)):
        total = np.bincount(labels.ravel(), weights=index.ravel(), minlength=count + 1)[1:]
        centres[:, axis] = low[axis] + (total / sizes[order] + 0.5) * picture.pixel[axis]
    border = np.zeros(count + 1, bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        border[edge] = True
    return ContactSpots(sizes[order] * picture.pixel_area, centres, border[1:], labels, picture.nominal_area)


@dataclass(frozen=True)
class SpotEstimate:
    """Constriction resistance of a face with contact spots, one side of it, from the statistics of the spots alone.

    Parameters
    ----------
    alone : float
        Holm's spots in parallel that do not feel each other, 1 / (4 kappa sum a), ohm: too low for close spots.
    clustered : float
        Greenwood's sum over pairs on an unbounded face, ohm: too high where spots fill the whole cross-section.
    tubes : float
        Spots spread evenly over the cross-section, each in a flux tube of its own, ohm.
    cluster_radius : float
        Holm's radius: a disc whose resistance is the mutual part of Greenwood's sum, m; infinite for a single spot.

    Examples
    --------
    >>> estimate.alone < estimate.clustered  # doctest: +SKIP
    True
    """

    alone: float
    clustered: float
    tubes: float
    cluster_radius: float

    def rows(self, subject: str = "") -> list[Row]:
        """Return the numbers as rows of a long table."""
        kinds = {"alone": "ohm", "clustered": "ohm", "tubes": "ohm", "cluster_radius": "m"}
        return [Row("constriction estimate", subject, k, getattr(self, k), unit) for k, unit in kinds.items()]

    def to_dict(self) -> dict[str, float]:
        """Return the numbers by name."""
        return asdict(self)


def estimate_constriction(spots: ContactSpots, conductivity: float) -> SpotEstimate:
    """Return the constriction resistance that the sizes and places of spots predict.

    With equal-area radii a_i and distances s_ij, for the conductor on one side (conductivity kappa; the electrode is an
    equipotential):

    - alone: 1 / (4 kappa sum a_i). Of all shapes of one area the disc has the largest resistance.
    - clustered: alone + sum_{i != j} a_i a_j / s_ij / (2 pi kappa (sum a_i)^2).
    - tubes: psi(e) alone with e the root of the share of the nominal area in contact, and
      psi(e) = 1 - 1.40978 e + 0.34406 e^3 + 0.04305 e^5 + 0.02271 e^7, the equipotential spot in a round tube.

    Parameters
    ----------
    spots : ContactSpots
        The spots.
    conductivity : float
        Of the conductor that the current spreads in, S/m.

    Returns
    -------
    SpotEstimate
        In ohm, for one side of the contact; infinite without contact.

    Raises
    ------
    InputError
        If the conductivity is not positive, or there are more spots than pairs can be summed for.

    References
    ----------
    Holm, Electric Contacts (1967), doi:10.1007/978-3-662-06688-1; Greenwood, Br. J. Appl. Phys. 17 (1966) 1621,
    doi:10.1088/0508-3443/17/12/310; Negus and Yovanovich, ASME paper 84-WA/HT-110 (1984).

    Examples
    --------
    >>> one = ContactSpots(np.array([np.pi]), np.zeros((1, 2)), np.zeros(1, bool), np.ones((1, 1), np.int32), 100.0)
    >>> estimate_constriction(one, 0.5).alone
    0.5
    """
    if not (np.isfinite(conductivity) and conductivity > 0):
        raise InputError(f"conductivity: got {conductivity!r}; expected a positive number in S/m")
    if len(spots.areas) > MOST_SPOTS:
        raise InputError(
            f"spots: got {len(spots.areas)}; at most {MOST_SPOTS} are summed in pairs. Use spreading_resistance"
        )
    if not len(spots.areas):
        return SpotEstimate(float("inf"), float("inf"), float("inf"), float("inf"))
    radii = spots.radii
    total = float(radii.sum())
    alone = 1.0 / (4.0 * conductivity * total)
    pairs = _pair_sum(radii, spots.centres) / total**2
    mutual = pairs / (2.0 * np.pi * conductivity)
    share = min(1.0, spots.total_area / spots.nominal_area) if spots.nominal_area > 0 else 0.0
    tubes = alone * _tube(float(np.sqrt(share)))
    return SpotEstimate(alone, alone + mutual, tubes, np.pi / 2.0 / pairs if pairs else float("inf"))


def _tube(e: float) -> float:
    return 1 - 1.40978 * e + 0.34406 * e**3 + 0.04305 * e**5 + 0.02271 * e**7


def _pair_sum(radii: npt.NDArray[np.float64], centres: npt.NDArray[np.float64]) -> float:
    """Sum of a_i a_j / s_ij over all i != j."""
    from scipy.spatial.distance import cdist

    total = 0.0
    for start in range(0, len(radii), _BLOCK):
        stop = min(start + _BLOCK, len(radii))
        distance = cdist(centres[start:stop], centres)
        distance[np.arange(stop - start), np.arange(start, stop)] = np.inf
        # rings around one centre have no distance: they count as far apart as their radii allow
        floor = np.maximum(radii[start:stop, None], radii)
        total += float((radii[start:stop, None] * radii / np.maximum(distance, floor)).sum())
    return total
