"""What the numbers of a solve are called, and their units: for the report and the terminal. No numbers, no formats."""

from __future__ import annotations

__all__ = ["LABELS", "unit_of"]

#: Text by key of a summary; a unit stands after the last comma.
LABELS = {
    "tensor": "effective conductivity, S/m", "tortuosity": "tortuosity factor",
    "thermal_tensor": "effective thermal conductivity, W/(m K)",
    "conductivity_interval": "effective conductivity, certain interval, S/m",
    "thermal_conductivity_interval": "effective thermal conductivity, certain interval, W/(m K)",
    "tortuosity_interval": "tortuosity factor, certain interval", "interval_width": "width of the interval",
    "tensor_intervals": "effective conductivity, certain intervals of all entries, S/m",
    "thermal_tensor_intervals": "effective thermal conductivity, certain intervals of all entries, W/(m K)",
    "algebraic": "part of it by the linear solver",
    "mean_thermal_conductivity": "volume mean of the thermal conductivity, W/(m K)",
    "currents": "current into the domain, A", "fixed": "potential, V",
    "balance": "what does not balance / largest", "joule_heat": "Joule heat, W", "resistance": "resistance, Ω",
    "porosity": "volume fraction that conducts", "percolating": "share of it that percolates",
    "floating": "share that no contact reaches", "idle": "share without current", "conductance": "conductance, S",
    "voltages": "potential of the terminal, V", "cell_voltage": "cell voltage, V",
    "contact_area": "area in contact, m²", "current": "current, A", "area": "area, m²",
    "mean_current_density": "mean current density, A/m²", "constriction_factor": "largest / mean",
    "quantile_99_factor": "99 % quantile / mean", "utilisation": "utilisation", "overpotential": "overpotential, V",
    "voltage_parts": "cell voltage in parts, V",
    "joule_heat_of_electrons": "of electrons, W", "joule_heat_of_ions": "of ions, W",
    "floating_electronic": "share that floats, electrons", "floating_ionic": "share that floats, ions",
    "forces": "force on the solid along x, y, z, N", "strain_energy": "strain energy, J",
    "von_mises_max": "largest von Mises stress, Pa", "platen_travel": "travel of the plate, m",
    "openings": "interfaces that may open", "stiffness": "effective stiffness, Pa", "work": "work, J",
    "voigt_bound": "Voigt's bound, Pa", "reuss_bound": "Reuss's bound, Pa", "isotropic": "nearest isotropic solid",
    "deposit": "deposit, m", "deposit_volume": "volume of the deposit, m³", "gap": "gap, m",
    "contact_by_gap": "share of contact by gap", "contact_left": "share of contact that the gap leaves",
    "greatest_gap": "largest gap, m", "pressure": "stack pressure, Pa", "iterations": "sweeps",
    "steps": "steps of time",
    "current_change": "change of current", "gap_change": "change of gap", "utilisation_change": "change of utilisation",
    "contact_change": "change of contact", "time": "time, s", "force_balance": "sum of forces / all nodal forces",
    "swelling": "linear swelling",
    "anodic_current": "anodic current, A", "cathodic_current": "cathodic current, A",
    "max_current_density": "largest current density, A/m²", "kinetic_heat": "heat of the reaction, W",
    "resistive_heat": "heat of the contact resistance, W", "equilibrium_power": "power at equilibrium potential, W",
    "largest_opening": "largest opening, m", "dissipated": "dissipated energy, J",
    "isotropic.bulk": "bulk modulus, Pa", "isotropic.shear": "shear modulus, Pa", "young": "Young's modulus, Pa",
    "poisson": "Poisson's ratio", "anisotropy": "index of anisotropy",
    "mean_conductivity": "volume mean of the conductivity, S/m", "total_joule_heat": "total Joule heat, W",
}  # fmt: skip

_UNITS = ("S/m", "W/(m K)", "A/m²", "Ω", "S", "V", "A", "W", "m²", "m³", "m", "N", "J", "Pa", "s")


def unit_of(key: str) -> str:
    """Return the unit of a number of a summary, empty if it has none.

    Parameters
    ----------
    key : str
        Of the summary; of nested ones, all keys with dots.

    Returns
    -------
    str
        Such as ``"S/m"``.

    Examples
    --------
    >>> unit_of("cell_voltage"), unit_of("interfaces.LPS|Li.area"), unit_of("porosity")
    ('V', 'm²', '')
    """
    text = LABELS.get(key) or LABELS.get(key.rpartition(".")[2], "")
    unit = text.rpartition(", ")[2]
    return unit if unit in _UNITS else ""
