"""Material values in SI, each with its source. No solver takes a value from here unless the user asks by name."""

from __future__ import annotations

from dataclasses import dataclass

from ssb2mesh.errors import InputError, nearest

__all__ = ["MATERIALS", "Value", "material"]


@dataclass(frozen=True)
class Value:
    """One measured or tabulated value.

    Parameters
    ----------
    value : float
        In SI.
    unit : str
        SI unit.
    source : str
        Where it comes from.
    note : str
        What to know before using it.
    """

    value: float
    unit: str
    source: str
    note: str = ""


_SINGH = "Singh et al., Cell Rep. Phys. Sci. 3 (2022) 101043, doi:10.1016/j.xcrp.2022.101043"
_MASIAS = "Masias et al., J. Mater. Sci. 54 (2019) 2585, doi:10.1007/s10853-018-2971-3"
_XU = "Xu et al., J. Electrochem. Soc. 166 (2019) A3456; parameter set Xu2019 of PyBaMM"
_CHEN = "Chen et al., J. Electrochem. Soc. 167 (2020) 080534, doi:10.1149/1945-7111/ab9050; set Chen2020 of PyBaMM"
_AI = "Ai et al., J. Electrochem. Soc. 167 (2020) 013512, doi:10.1149/2.0122001JES; set Ai2020 of PyBaMM"
_KONDRAKOV = "Kondrakov et al., J. Phys. Chem. C 121 (2017) 3286, doi:10.1021/acs.jpcc.6b12885"
_SHISHVAN = "Shishvan, Fleck, McMeeking, Deshpande, Eur. J. Mech. A/Solids (2023) 104998"
_NI = "Ni et al., J. Mater. Sci. 47 (2012) 7978, doi:10.1007/s10853-012-6687-5"
_WU = "Wu et al., Energy Environ. Sci. 15 (2022) 3470, doi:10.1039/D2EE01067D"
_HU = "Hu et al., Chin. Phys. Lett. 38 (2021) 098401, doi:10.1088/0256-307X/38/9/098401"
_LEWIS = "Lewis et al., Nat. Mater. 20 (2021) 503, doi:10.1038/s41563-020-00903-2"
_HAO = "Hao et al., ACS Nano 19 (2025) 20516"
_LLNL = "LLNL, Battery Materials Research quarterly report Q4 FY23"

#: Values by material and quantity.
MATERIALS: dict[str, dict[str, Value]] = {
    "Li": {
        "young_modulus": Value(7.82e9, "Pa", _MASIAS),
        "shear_modulus": Value(2.83e9, "Pa", _MASIAS),
        "bulk_modulus": Value(11.1e9, "Pa", _MASIAS),
        "poisson_ratio": Value(0.38, "1", _MASIAS),
        "yield_strength": Value(0.8e6, "Pa", _SINGH, "elastic stresses in lithium above it are not physical"),
        "molar_volume": Value(1.3e-5, "m3/mol", "parameter sets Xu2019 and OKane2022 of PyBaMM"),
        "electronic_conductivity": Value(1.0776e7, "S/m", _XU),
    },
    "LPSCl": {
        "ionic_conductivity": Value(
            0.156, "S/m", _SINGH, "small grains, 298 K; 0.195 with large grains, 0.24-0.28 elsewhere"
        ),
        "young_modulus": Value(22e9, "Pa", _SINGH),
        "poisson_ratio": Value(
            0.37,
            "1",
            "Deng et al., J. Electrochem. Soc. 163 (2016) A67, doi:10.1149/2.0061602jes",
            "density functional theory",
        ),
    },
    "LPS": {
        "ionic_conductivity": Value(0.12, "S/m", _WU, "pellet of Li7P3S11; 0.0164 elsewhere, nanoporous beta-Li3PS4"),
        "young_modulus": Value(25e9, "Pa", _HAO),
        "fracture_toughness": Value(0.23e6, "Pa m^0.5", _SINGH, "Li2S-P2S5 glass"),
    },
    "LSPS": {"ionic_conductivity": Value(0.21, "S/m", _LEWIS, "Li10SnP2S12 at 20 C")},
    "LLZO": {
        "young_modulus": Value(
            149.8e9, "Pa", _NI, "hot-pressed Al-LLZO, resonant ultrasound, 3 % porosity; 132.6e9 at 6 %"
        ),
        "poisson_ratio": Value(0.3, "1", _LLNL, "assumed there"),
        "ionic_conductivity": Value(0.046, "S/m", _SHISHVAN, "assumed there"),
        "interface_resistance": Value(5e-4, "ohm m2", _SHISHVAN, "against lithium; assumed there"),
    },
    "LLZTO": {
        "young_modulus": Value(158.47e9, "Pa", _HU, "98 % dense"),
        "ionic_conductivity": Value(0.0454, "S/m", _HU),
    },
    "NMC811": {
        "electronic_conductivity": Value(0.18, "S/m", _CHEN, "of the composite electrode"),
        "maximum_concentration": Value(63104.0, "mol/m3", _CHEN),
        "volume_change": Value(0.051, "1", _KONDRAKOV, "3.0 to 4.3 V; linear strain about 0.017"),
    },
    "NMC111": {"volume_change": Value(0.012, "1", _KONDRAKOV, "3.0 to 4.3 V")},
    "LCO": {
        "young_modulus": Value(375e9, "Pa", _AI),
        "poisson_ratio": Value(0.2, "1", _AI),
        "partial_molar_volume": Value(-7.28e-7, "m3/mol", _AI),
    },
    "graphite": {
        "young_modulus": Value(15e9, "Pa", _AI),
        "poisson_ratio": Value(0.3, "1", _AI),
        "partial_molar_volume": Value(3.1e-6, "m3/mol", _AI),
        "electronic_conductivity": Value(215.0, "S/m", _CHEN),
    },
    "Cu": {
        "electronic_conductivity": Value(5.8411e7, "S/m", _CHEN),
        "poisson_ratio": Value(0.34, "1", "tables of elastic constants"),
    },
    "Al": {"electronic_conductivity": Value(3.6914e7, "S/m", _CHEN)},
}


def material(name: str, quantity: str) -> Value:
    """Look up one value.

    Parameters
    ----------
    name : str
        Material, such as ``"LPSCl"``.
    quantity : str
        Such as ``"ionic_conductivity"``.

    Returns
    -------
    Value
        Value in SI with unit, source and note.

    Raises
    ------
    InputError
        If the material is unknown or nothing sourced is known of that quantity; nothing is guessed.

    Examples
    --------
    >>> material("LPSCl", "ionic_conductivity").value
    0.156
    """
    if name not in MATERIALS:
        raise InputError(f"material: no {name!r}{nearest(name, MATERIALS)}; known: {', '.join(MATERIALS)}")
    known = MATERIALS[name]
    if quantity not in known:
        raise InputError(
            f"material: no sourced {quantity!r} of {name}{nearest(quantity, known)}; known: {', '.join(known)}; "
            "give the value yourself"
        )
    return known[quantity]
