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
    "EffectiveConductivity": "solvers.effective",
    "effective_conductivity": "solvers.effective",
    "PercolationError": "solvers.connectivity",
    "material": "solvers.materials",
    "run_solve": "solvers.from_study",
}

__all__ = ["Domain", "EffectiveConductivity", "PercolationError", "Solution", "conduction", "effective_conductivity",
           "load_domain", "material", "run_solve"]  # fmt: skip

if TYPE_CHECKING:
    from solvers.conduction import conduction
    from solvers.connectivity import PercolationError
    from solvers.domain import Domain, load_domain
    from solvers.effective import EffectiveConductivity, effective_conductivity
    from solvers.from_study import run_solve
    from solvers.materials import material
    from solvers.solution import Solution


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
