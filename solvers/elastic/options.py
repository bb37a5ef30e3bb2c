"""How to solve a problem of mechanics: tolerances, load steps, formulation. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from ssb2mesh.errors import InputError

__all__ = ["Options"]

FORMULATIONS = ("displacement", "mixed")
MULTIGRIDS = ("aggregation", "gamg", "boomeramg")


@dataclass(frozen=True)
class Options:
    """How to solve.

    Parameters
    ----------
    tolerance : float
        Relative residual of the linear solver.
    max_iterations : int
        Iterations at which the linear solver gives up.
    steps : int
        Load steps of a nonlinear problem; loads, displacements and eigenstrains grow together.
    path : tuple of float
        Load factors that a nonlinear problem goes through, from 0; ``(1.0, 0.0)`` unloads.
    newton_iterations : int
        Iterations at which a load step is halved.
    halvings : int
        How often a load step may be halved before the solve gives up.
    formulation : {"displacement", "mixed"}
        ``"mixed"`` gives phases that are nearly incompressible or flow a pressure of their own: nothing locks, not even
        linear tets.

    multigrid : {"aggregation", "gamg", "boomeramg"}
        ``"aggregation"`` knows rigid motions and is the fastest; ``"gamg"`` is PETSc's of that kind, which the mixed
        formulation takes for it; ``"boomeramg"`` does without rigid motions and is slow where slender bodies bend.

    Raises
    ------
    InputError
        If the formulation or the multigrid is another word.
    """

    tolerance: float = 1e-10
    max_iterations: int = 500
    steps: int = 10
    path: tuple[float, ...] = (1.0,)
    newton_iterations: int = 25
    halvings: int = 6
    formulation: str = "displacement"
    multigrid: str = "aggregation"

    def __post_init__(self) -> None:
        if self.formulation not in FORMULATIONS:
            raise InputError(f"formulation: got {self.formulation!r}; give 'displacement' or 'mixed'")
        if self.multigrid not in MULTIGRIDS:
            raise InputError(f"multigrid: got {self.multigrid!r}; give 'aggregation', 'gamg' or 'boomeramg'")

    @property
    def mixed(self) -> bool:
        """Whether phases that would lock have a pressure of their own."""
        return self.formulation == "mixed"
