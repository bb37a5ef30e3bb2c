"""The current under a contact map on a flat layer, solved by cosine transforms. No meshes, no nonlinear kinetics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, SolverError
from ssb2mesh.measure.contact_maps import InterfaceMap
from ssb2mesh.measure.tables import Row

__all__ = ["Spreading", "spreading_resistance"]

#: Waves beyond the grid that pixels of constant current excite, counted on each side and axis.
_ALIASES = 3
_MOST_STEPS = 2000


@dataclass(frozen=True, eq=False)
class Spreading:
    """The resistance of a layer fed through a contact map.

    Parameters
    ----------
    resistance : float
        Of layer and contacts, ohm.
    layer : float
        Of the layer under even current, ohm.
    interface : float
        Area resistance over contact area, ohm.
    current_density : (n, m) array
        Current density through each pixel for 1 A in total, A/m2.
    steps : int
        Iterations.

    Examples
    --------
    >>> found.constriction / found.resistance  # doctest: +SKIP
    0.39
    """

    resistance: float
    layer: float
    interface: float
    current_density: npt.NDArray[np.float64]
    steps: int

    @property
    def constriction(self) -> float:
        """What the uneven contact adds, ohm."""
        return self.resistance - self.layer - self.interface

    def rows(self, subject: str = "") -> list[Row]:
        """Return the numbers as rows of a long table."""
        names = ("resistance", "layer", "interface", "constriction")
        return [Row("spreading", subject, name, getattr(self, name), "ohm") for name in names]

    def to_dict(self) -> dict[str, float]:
        """Return the numbers by name."""
        return {row.quantity: row.value for row in self.rows()}


def spreading_resistance(
    picture: InterfaceMap,
    *,
    thickness: float,
    conductivity: float,
    area_resistance: float = 0.0,
    tolerance: float = 1e-8,
) -> Spreading:
    """Return the resistance of a flat layer that is fed through a contact map.

    The layer is a box: insulating walls, one potential on the far face, one on all contacts of the near face, no
    current through the rest of it. Each pixel carries a constant current density (Galerkin), which turns the problem
    into one for the contacts alone: the potential of a current is a product with tanh(k L) / (kappa k) in cosine waves.
    It sees where the spots lie, which statistics of spots (`estimate_constriction`) do not; what it does not see is the
    height of voids and whatever is not flat, for which there is the solve on the mesh. The resistance is too large by
    an error that falls as the pixel over the size of the spots.

    Parameters
    ----------
    picture : InterfaceMap
        The map; its whole extent is the cross-section of the layer.
    thickness : float
        Of the layer, m.
    conductivity : float
        Of the layer, S/m.
    area_resistance : float
        Of the contacts, ohm m2.
    tolerance : float
        Of the iteration, relative.

    Returns
    -------
    Spreading
        Resistance in parts, and where the current flows.

    Raises
    ------
    InputError
        If a number is out of range or the map has no contact.
    SolverError
        If the iteration does not converge.

    Examples
    --------
    >>> everywhere = np.ones((4, 4), bool)
    >>> picture = InterfaceMap(everywhere, everywhere, np.zeros((4, 4)), (0.25, 0.25), "z", ((0, 1), (0, 1)))
    >>> round(spreading_resistance(picture, thickness=2.0, conductivity=0.5).resistance, 9)
    4.0
    """
    from scipy import fft

    for name, value, least in (("thickness", thickness, 0.0), ("conductivity", conductivity, 0.0)):
        if not (np.isfinite(value) and value > least):
            raise InputError(f"{name}: got {value!r}; expected a positive number")
    if not (np.isfinite(area_resistance) and area_resistance >= 0):
        raise InputError(f"area_resistance: got {area_resistance!r}; expected ohm m2, 0 or more")
    contact = picture.contact
    if not contact.any():
        raise InputError("picture: there is no contact; no current can flow")
    shape = (contact.shape[0], contact.shape[1])
    symbol = _symbol(shape, picture.pixel, thickness) / conductivity

    def potential(current: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        plane = np.zeros(shape)
        plane[contact] = current
        waves = fft.dctn(plane, norm="ortho") * symbol
        found: npt.NDArray[np.float64] = fft.idctn(waves, norm="ortho")[contact]
        return found + area_resistance * current

    def smooth(residual: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        plane = np.zeros(shape)
        plane[contact] = residual
        found: npt.NDArray[np.float64] = fft.idctn(fft.dctn(plane, norm="ortho") / (symbol + area_resistance),
                                                   norm="ortho")[contact]  # fmt: skip
        return found

    current, steps = _conjugate_gradients(potential, smooth, int(contact.sum()), tolerance)
    total = float(current.sum()) * picture.pixel_area
    density = np.zeros(shape)
    density[contact] = current / total
    whole = contact.size * picture.pixel_area
    return Spreading(
        1.0 / total, thickness / (conductivity * whole), area_resistance / picture.area, density, steps
    )  # fmt: skip


def _symbol(shape: tuple[int, int], pixel: tuple[float, float], thickness: float) -> npt.NDArray[np.float64]:
    """Mean potential of a pixel over its current density, wave by wave, for conductivity 1."""
    waves, weights = [], []
    for count, edge in zip(shape, pixel, strict=True):
        order = np.arange(count)[None, :] + 2 * count * np.arange(-_ALIASES, _ALIASES + 1)[:, None]
        waves.append(np.pi * order / (count * edge))
        weights.append(np.sinc(order / (2.0 * count)) ** 2)
    result = np.zeros(shape)
    for kx, wx in zip(waves[0], weights[0], strict=True):
        for ky, wy in zip(waves[1], weights[1], strict=True):
            k = np.hypot(kx[:, None], ky[None, :])
            with np.errstate(invalid="ignore", divide="ignore"):
                answer = np.where(k > 0, np.tanh(k * thickness) / k, thickness)
            result += wx[:, None] * wy[None, :] * answer
    return result


def _conjugate_gradients(apply, smooth, count: int, tolerance: float):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Solve apply(x) = 1."""
    x, r = np.zeros(count), np.ones(count)
    z = smooth(r)
    p, rz, first = z.copy(), float(r @ z), float(np.sqrt(count))
    for step in range(1, _MOST_STEPS + 1):
        ap = apply(p)
        length = rz / float(p @ ap)
        x += length * p
        r -= length * ap
        if float(np.linalg.norm(r)) <= tolerance * first:
            return x, step
        z = smooth(r)
        rz, before = float(r @ z), rz
        p = z + (rz / before) * p
    raise SolverError(f"spreading_resistance: no convergence in {_MOST_STEPS} steps; give a larger tolerance")
