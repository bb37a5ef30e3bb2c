"""solvers: tagged meshes to fields on DOLFINx and PETSc, serial or under mpirun. Imports ssb2mesh, never the reverse.

The public names below are loaded on first use. Without DOLFINx, `import solvers` works and the first call that needs
it raises MissingDependencyError with the command that installs it.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

_PUBLIC = {
    "Domain": "solvers.domain",
    "load_domain": "solvers.domain",
    "Solution": "solvers.solution",
    "conduction": "solvers.conduction",
    "ConductanceBounds": "solvers.bounds",
    "Interval": "solvers.bounds",
    "conductance_bounds": "solvers.bounds",
    "EnergyBounds": "solvers.energy_bounds",
    "energy_bounds": "solvers.energy_bounds",
    "EffectiveConductivity": "solvers.effective",
    "effective_conductivity": "solvers.effective",
    "EffectiveThermalConductivity": "solvers.thermal",
    "effective_thermal_conductivity": "solvers.thermal",
    "PercolationError": "solvers.connectivity",
    "Cohesive": "solvers.elastic.opening",
    "EffectiveStiffness": "solvers.stiffness",
    "Elastic": "solvers.elastic.laws",
    "ElasticSolution": "solvers.mechanics",
    "Loads": "solvers.elastic.supports",
    "Supports": "solvers.elastic.supports",
    "effective_stiffness": "solvers.stiffness",
    "elasticity": "solvers.mechanics",
    "material": "solvers.materials",
    "RepresentativeStudy": "solvers.representative",
    "representative_volume": "solvers.representative",
    "run_solve": "solvers.from_study",
    "ButlerVolmer": "solvers.kinetics",
    "LinearKinetics": "solvers.kinetics",
    "Field": "solvers.kinetics",
    "ContactMap": "solvers.contact",
    "RandomLoss": "solvers.contact",
    "FacetValues": "solvers.contact",
    "Terminals": "solvers.circuit",
    "Settings": "solvers.newton",
    "ChargeTransferSolution": "solvers.charge_solution",
    "charge_transfer": "solvers.charge_transfer",
    "polarisation_curve": "solvers.charge_transfer",
    "contact_series": "solvers.charge_transfer",
    "ChargeTransferSeries": "solvers.polarisation",
    "Contact0D": "solvers.constriction",
    "Layer0D": "solvers.constriction",
    "cell_voltage_0d": "solvers.constriction",
    "constriction": "solvers.constriction",
    "voltage_parts": "solvers.constriction",
    "Body": "solvers.chain",
    "Cell": "solvers.chain",
    "Chain": "solvers.chain",
    "Deposit": "solvers.chain",
    "GapContact": "solvers.chain",
    "Sweeps": "solvers.chain",
    "Swelling": "solvers.chain",
    "CoupledSeries": "solvers.coupled_solution",
    "CoupledSolution": "solvers.coupled_solution",
    "coupled_cell": "solvers.coupling",
    "pressure_dependence": "solvers.coupling",
    "deposit_thickness": "solvers.faraday",
    "deposit_volume": "solvers.faraday",
    "swelling_strain": "solvers.faraday",
}

__all__ = [
    "Body",
    "ButlerVolmer",
    "Cell",
    "Chain",
    "ChargeTransferSeries",
    "ChargeTransferSolution",
    "Cohesive",
    "ConductanceBounds",
    "Contact0D",
    "ContactMap",
    "CoupledSeries",
    "CoupledSolution",
    "Deposit",
    "Domain",
    "EffectiveConductivity",
    "EffectiveStiffness",
    "EffectiveThermalConductivity",
    "Elastic",
    "ElasticSolution",
    "EnergyBounds",
    "FacetValues",
    "Field",
    "GapContact",
    "Interval",
    "Layer0D",
    "LinearKinetics",
    "Loads",
    "PercolationError",
    "RandomLoss",
    "RepresentativeStudy",
    "Settings",
    "Solution",
    "Supports",
    "Sweeps",
    "Swelling",
    "Terminals",
    "cell_voltage_0d",
    "charge_transfer",
    "conductance_bounds",
    "conduction",
    "constriction",
    "contact_series",
    "coupled_cell",
    "deposit_thickness",
    "deposit_volume",
    "effective_conductivity",
    "effective_stiffness",
    "effective_thermal_conductivity",
    "elasticity",
    "energy_bounds",
    "load_domain",
    "material",
    "polarisation_curve",
    "pressure_dependence",
    "representative_volume",
    "run_solve",
    "swelling_strain",
    "voltage_parts",
]

if TYPE_CHECKING:
    from solvers.bounds import ConductanceBounds, Interval, conductance_bounds
    from solvers.chain import Body, Cell, Chain, Deposit, GapContact, Sweeps, Swelling
    from solvers.charge_solution import ChargeTransferSolution
    from solvers.charge_transfer import charge_transfer, contact_series, polarisation_curve
    from solvers.circuit import Terminals
    from solvers.conduction import conduction
    from solvers.connectivity import PercolationError
    from solvers.constriction import Contact0D, Layer0D, cell_voltage_0d, constriction, voltage_parts
    from solvers.contact import ContactMap, FacetValues, RandomLoss
    from solvers.coupled_solution import CoupledSeries, CoupledSolution
    from solvers.coupling import coupled_cell, pressure_dependence
    from solvers.domain import Domain, load_domain
    from solvers.effective import EffectiveConductivity, effective_conductivity
    from solvers.elastic.laws import Elastic
    from solvers.elastic.opening import Cohesive
    from solvers.elastic.supports import Loads, Supports
    from solvers.energy_bounds import EnergyBounds, energy_bounds
    from solvers.faraday import deposit_thickness, deposit_volume, swelling_strain
    from solvers.from_study import run_solve
    from solvers.kinetics import ButlerVolmer, Field, LinearKinetics
    from solvers.materials import material
    from solvers.mechanics import ElasticSolution, elasticity
    from solvers.newton import Settings
    from solvers.polarisation import ChargeTransferSeries
    from solvers.representative import RepresentativeStudy, representative_volume
    from solvers.solution import Solution
    from solvers.stiffness import EffectiveStiffness, effective_stiffness
    from solvers.thermal import EffectiveThermalConductivity, effective_thermal_conductivity


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'solvers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Lets `solvers.conduction` stay the function: importing the module of that name would put the module there."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PUBLIC and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
