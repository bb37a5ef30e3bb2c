"""Effective thermal conductivity: the equation of charge under other names and units. No solving of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from solvers.domain import Domain
from solvers.effective import EffectiveConductivity, effective_conductivity

__all__ = ["EffectiveThermalConductivity", "effective_thermal_conductivity"]

#: Fields of conduction and what they are called for heat; what is not named has no meaning there.
_FIELDS = {"potential": "temperature", "current_density": "heat_flux"}


class EffectiveThermalConductivity(EffectiveConductivity):
    """Effective thermal conductivity of the box, direction by direction; as `EffectiveConductivity`, in W/(m K).

    The solutions are those under a difference of 1 K: their potential is a temperature in K, their current a heat flow
    in W.

    Examples
    --------
    >>> result = effective_thermal_conductivity(domain, conductivity={"LPSCl": 0.7, "NMC": 4.0})  # doctest: +SKIP
    >>> result.tensor[2, 2]  # doctest: +SKIP
    1.83
    """

    def summary(self) -> dict[str, Any]:
        """Return every number as a JSON-able dict; the same on every rank."""
        names = {
            "tensor": "thermal_tensor",
            "mean_conductivity": "mean_thermal_conductivity",
            "conductivity_interval": "thermal_conductivity_interval",
            "tensor_intervals": "thermal_tensor_intervals",
        }
        numbers = {names.get(key, key): value for key, value in super().summary().items()}
        return {**numbers, "type": "effective_thermal_conductivity"}

    def _by_axis(self, where: str) -> dict[str, npt.NDArray[np.float64]]:
        found = {}
        for key, values in super()._by_axis(where).items():
            name, axis = key.rsplit("_", 1)
            if name in _FIELDS:
                found[f"{_FIELDS[name]}_{axis}"] = values
        return found

    def __repr__(self) -> str:
        return super().__repr__().replace("EffectiveConductivity", "EffectiveThermalConductivity")


def effective_thermal_conductivity(domain: Domain, **arguments: Any) -> EffectiveThermalConductivity:
    """Compute the effective thermal conductivity of the box along some axes; all ranks call.

    Between phases the temperature is continuous (no contact resistance); phases not named are insulators. Radiation and
    flow in pores are left out.

    Parameters
    ----------
    domain : Domain
        The mesh, with side sets ``x_min`` to ``z_max``.
    **arguments : any
        As for `solvers.effective_conductivity`; ``conductivity`` in W/(m K).

    Returns
    -------
    EffectiveThermalConductivity
        Tensor, tortuosity factors, intervals, fields.

    Raises
    ------
    InputError, PercolationError, SolverError
        As `solvers.effective_conductivity`.

    Examples
    --------
    >>> effective_thermal_conductivity(domain, conductivity={"LPSCl": 0.7, "NMC": 4.0}, axes="z")  # doctest: +SKIP
    <EffectiveThermalConductivity porosity 0.85; tortuosity factor z 1.1213>
    """
    return EffectiveThermalConductivity(**vars(effective_conductivity(domain, **arguments)))
