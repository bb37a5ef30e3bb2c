"""Numbers of an interface: currents, constriction, overpotential, utilisation, heat, histogram. No fields, no files."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.coupled import CoupledSystem
from solvers.domain import Domain
from solvers.interfaces import QUADRATURE, Interface

__all__ = ["HISTOGRAM_BINS", "interface_numbers", "parts_by_name"]

Array = npt.NDArray[np.float64]
Part = tuple[Interface, Array, Array]

#: Bins of the histogram of the current density, between zero and its largest value.
HISTOGRAM_BINS = 20


def parts_by_name(system: CoupledSystem, drives: list[Array], currents: list[Array]) -> dict[str, list[Part]]:
    """Return parts, drives (V) and current densities (A/m2) of each interface by name."""
    found: dict[str, list[Part]] = {}
    for row in zip(system.circuit.interfaces, drives, currents, strict=True):
        found.setdefault(row[0].name, []).append(row)
    return found


def interface_numbers(domain: Domain, parts: list[Part]) -> dict[str, Any]:
    """Return the numbers of one interface over all ranks, JSON-able; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    parts : list of (Interface, drives, current densities)
        Its parts.

    Returns
    -------
    dict of str to any
        ``area``: where the phases touch, m2. ``contact_area``: the conducting part of it.
        ``current``: net, from the electron into the ion conductor, A; ``anodic_current``, ``cathodic_current``: its
        parts of either sign. ``mean_current_density``: net current over conducting area, A/m2.
        ``max_current_density``: largest facet mean of its size; ``constriction_factor``: the largest over the mean
        of the size (at the rim of a contact it grows as the mesh is refined); ``quantile_99_factor``: the same for the
        value that 99 % of the conducting area stays below.
        ``utilisation``: (integral of |i|)^2 / (area x integral of i^2), 1 for a uniform current over the whole area,
        1/4 for a uniform current over a quarter of it.
        ``overpotential``: least, mean and greatest over the conducting area, V, of the reaction alone.
        ``kinetic_heat``, ``resistive_heat``, ``equilibrium_power``: integrals of i times overpotential, asr i^2, i U,
        in W.
        ``histogram``: edges in A/m2 of |i| and conducting area in m2 between them.
    """
    weights = np.concatenate([part.weights for part, _, _ in parts])
    current = np.concatenate([i for _, _, i in parts])
    drive = np.concatenate([d for _, d, _ in parts])
    eta = np.concatenate([part.law.overpotential(d, i) for part, d, i in parts])
    level = np.concatenate([part.law.equilibrium for part, _, _ in parts])
    area = np.concatenate([part.areas for part, _, _ in parts])
    rest = drive - eta - level
    amperes = weights * current
    local = [area.sum(), weights.sum(), amperes.sum(), np.maximum(amperes, 0.0).sum(), np.minimum(amperes, 0.0).sum(),
             np.abs(amperes).sum(), (amperes * current).sum(), (weights * eta).sum(), (amperes * eta).sum(),
             (amperes * rest).sum(), (amperes * level).sum()]  # fmt: skip
    total = [float(v) for v in np.sum(domain.comm.allgather(local), axis=0)]
    touching, contact, net, up, down, size, square, eta_sum, kinetic, resistive, reversible = total
    on = weights.sum(axis=1) > 0
    local_size = np.abs(current @ QUADRATURE[1])[on]
    largest = float(max(domain.comm.allgather(float(local_size.max(initial=0.0)))))
    low = min(domain.comm.allgather(float(eta[on].min(initial=np.inf))))
    high = max(domain.comm.allgather(float(eta[on].max(initial=-np.inf))))
    histogram, tail = _histogram(domain, local_size, weights.sum(axis=1)[on], largest)
    mean_size = size / contact if contact > 0 else 0.0
    return {
        "area": touching,
        "contact_area": contact,
        "current": net,
        "anodic_current": up,
        "cathodic_current": down,
        "mean_current_density": net / contact if contact > 0 else 0.0,
        "max_current_density": largest,
        "constriction_factor": largest / mean_size if mean_size > 0 else 1.0,
        "quantile_99_factor": tail / mean_size if mean_size > 0 else 1.0,
        "utilisation": size**2 / (touching * square) if square > 0 else 0.0,
        "overpotential": {"least": low, "mean": eta_sum / contact, "greatest": high} if contact > 0 else {},
        "kinetic_heat": kinetic,
        "resistive_heat": resistive,
        "equilibrium_power": reversible,
        "histogram": histogram,
    }


def _histogram(domain: Domain, values: Array, areas: Array, largest: float) -> tuple[dict[str, list[float]], float]:
    """Area by bin of the size of the current density, and the value that 99 % of the area stays below."""
    if largest <= 0:
        return {"edges": [0.0, 0.0], "area": [0.0]}, 0.0
    fine = 50 * HISTOGRAM_BINS
    place = np.minimum((values * (fine / largest)).astype(np.int64), fine - 1)
    counts = np.sum(domain.comm.allgather(np.bincount(place, weights=areas, minlength=fine)), axis=0)
    edges = np.linspace(0.0, largest, HISTOGRAM_BINS + 1)
    share = np.cumsum(counts) / counts.sum()
    tail = float((np.searchsorted(share, 0.99) + 1) * largest / fine)
    return {"edges": edges.tolist(), "area": counts.reshape(HISTOGRAM_BINS, -1).sum(axis=1).tolist()}, tail
