"""Current density and heat in each cell from potentials, and their sums by phase. Nothing is solved here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from solvers import coefficients
from solvers.connectivity import volume_of
from solvers.domain import Domain

__all__ = ["CHUNK", "flux_and_heat", "heat_by_phase", "p1_gradients", "phase_fractions"]

#: Cells whose gradients are formed at once.
CHUNK = 1 << 19


def flux_and_heat(
    domain: Domain,
    sigma: npt.NDArray[np.float64],
    potential: npt.NDArray[np.float64],
    live: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Current density (A/m2) and heat (W/m3) of each local cell; zero outside live cells."""
    flux = np.zeros((len(live), 3))
    heat = np.zeros(len(live))
    cells = np.flatnonzero(live)
    for start in range(0, len(cells), CHUNK):
        part = cells[start : start + CHUNK]
        gradient = p1_gradients(domain.coordinates, domain.cell_points[part], potential)
        flux[part] = -coefficients.apply(sigma[part], gradient)
        heat[part] = -np.einsum("ci,ci->c", flux[part], gradient)
    return flux, heat


def p1_gradients(
    points: npt.NDArray[np.float64], tets: npt.NDArray[np.int32], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the gradient of a piecewise linear field in each tet.

    Parameters
    ----------
    points : (n, 3) float array
        Coordinates, m.
    tets : (m, 4) int array
        Corners.
    values : (n,) float array
        Field at the points.

    Returns
    -------
    (m, 3) float array
        Gradient, per m.
    """
    a = points[tets[:, 0]]
    u, v, w = (points[tets[:, k]] - a for k in (1, 2, 3))
    du, dv, dw = (values[tets[:, k]] - values[tets[:, 0]] for k in (1, 2, 3))
    vw, wu, uv = np.cross(v, w), np.cross(w, u), np.cross(u, v)
    determinant = np.einsum("ij,ij->i", u, vw)
    return (du[:, None] * vw + dv[:, None] * wu + dw[:, None] * uv) / determinant[:, None]


def heat_by_phase(domain: Domain, heat: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return heat (W) by phase from the heat (W/m3) of local cells; phases without any are left out; all ranks call."""
    own = slice(0, domain.owned_cells)
    watts = (heat * domain.cell_volumes)[own]
    local = np.bincount(domain.cell_phase[own], weights=watts, minlength=max(domain.phases.values()) + 1)
    total = np.sum(domain.comm.allgather(local), axis=0)
    return {name: float(total[tag]) for name, tag in domain.phases.items() if total[tag] > 0}


def phase_fractions(domain: Domain, cells: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Volume of some cells by phase, relative to the phase; phases without any are left out."""
    volumes = domain.phase_volumes()
    parts = {name: volume_of(domain, cells & (domain.cell_phase == tag)) for name, tag in domain.phases.items()}
    return {name: part / volumes[name] for name, part in parts.items() if part > 0}
