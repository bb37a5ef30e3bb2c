"""Plastic flow at constant volume: radial return to von Mises' surface. Arrays only."""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0913
from __future__ import annotations

import numba
import numpy as np

__all__ = ["return_map"]


@numba.njit(cache=True)
def return_map(elastic, shear, bulk, limit, hardening, hardened):  # type: ignore[no-untyped-def]
    """Bring trial states back to the yield surface (Simo and Taylor 1985, doi:10.1016/0045-7825(85)90070-2).

    `elastic` (cells, points, 6) is the trial elastic strain, the moduli and the limit are by cell, `hardened` is the
    plastic strain so far. Returns stress, plastic strain added, new plastic strain measure, consistent tangent, and
    which points flow.
    """
    n, n_q = elastic.shape[0], elastic.shape[1]
    stress, flow = np.empty((n, n_q, 6)), np.zeros((n, n_q, 6))
    grown = hardened.copy()
    tangent = np.zeros((n, n_q, 6, 6))
    flowing = np.zeros((n, n_q), np.bool_)
    for c in range(n):
        g, k = shear[c], bulk[c]
        for q in range(n_q):
            e = elastic[c, q]
            mean = (e[0] + e[1] + e[2]) / 3.0
            s = np.empty(6)
            for i in range(3):
                s[i] = 2.0 * g * (e[i] - mean)
                s[3 + i] = g * e[3 + i]
            size = np.sqrt(s[0] ** 2 + s[1] ** 2 + s[2] ** 2 + 2.0 * (s[3] ** 2 + s[4] ** 2 + s[5] ** 2))
            mises = np.sqrt(1.5) * size
            excess = mises - (limit[c] + hardening[c] * hardened[c, q])
            ratio, less = 1.0, 0.0
            if excess > 0.0:
                flowing[c, q] = True
                step = excess / (3.0 * g + hardening[c])
                ratio = 1.0 - 3.0 * g * step / mises
                less = 1.0 / (1.0 + hardening[c] / (3.0 * g)) - (1.0 - ratio)
                grown[c, q] += step
                for i in range(3):
                    flow[c, q, i] = 1.5 * step * s[i] / mises
                    flow[c, q, 3 + i] = 3.0 * step * s[3 + i] / mises
            for i in range(6):
                stress[c, q, i] = ratio * s[i] + (3.0 * k * mean if i < 3 else 0.0)
            if flowing[c, q]:
                t = tangent[c, q]
                for i in range(3):
                    for j in range(3):
                        t[i, j] = k - 2.0 * g * ratio / 3.0
                    t[i, i] += 2.0 * g * ratio
                    t[3 + i, 3 + i] = g * ratio
                for i in range(6):
                    for j in range(6):
                        t[i, j] -= 2.0 * g * less * s[i] * s[j] / size**2
    return stress, flow, grown, tangent, flowing
