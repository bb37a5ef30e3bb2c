"""From a ``[[solve]]`` table of a study to a result. `ssb2mesh.study.solves` checks the tables; no physics here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from solvers.charge_from_study import solve_charge_transfer
from solvers.conduction import conduction
from solvers.coupled_from_study import solve_coupled
from solvers.domain import Domain
from solvers.effective import effective_conductivity
from solvers.mechanics_from_study import solve_effective_stiffness, solve_elasticity
from solvers.representative import RepresentativeStudy, representative_volume
from solvers.thermal import effective_thermal_conductivity
from ssb2mesh.errors import InputError
from ssb2mesh.mesh_options import lattice_options
from ssb2mesh.study.solves import SOLVE_TYPES, validate_solves
from ssb2mesh.volume import LabelledVolume

__all__ = ["SOLVE_TYPES", "run_solve", "run_volume_solve"]

_SOLVERS: dict[str, Callable[..., Any]] = {
    "conduction": conduction,
    "effective_conductivity": effective_conductivity,
    "effective_thermal_conductivity": effective_thermal_conductivity,
    "charge_transfer": solve_charge_transfer,
    "elasticity": solve_elasticity,
    "coupled": solve_coupled,
    "effective_stiffness": solve_effective_stiffness,
}


def run_solve(domain: Domain, spec: Mapping[str, Any]) -> Any:
    """Run one ``[[solve]]`` table; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    spec : mapping
        The table, as TOML gives it or as `ssb2mesh.study.solves.validate_solves` returns it.

    Returns
    -------
    Solution, EffectiveConductivity, ChargeTransferSolution or ChargeTransferSeries
        With ``summary()``, ``point_data()``, ``cell_data()`` and ``write(path)``.

    Raises
    ------
    InputError
        If the table is at fault, or names what the mesh does not have.
    SolverError
        If the solve fails.

    Examples
    --------
    >>> run_solve(domain, {"name": "tau", "type": "effective_conductivity",
    ...                    "conductivity": {"pore": "1 S/m"}})  # doctest: +SKIP
    <EffectiveConductivity porosity 0.4005; tortuosity factor x 1.4213, y 1.4321, z 1.7>
    """
    kind, arguments = _checked(spec)
    if SOLVE_TYPES[kind].on_volume:
        raise InputError(
            f"type: {kind!r} is solved on a volume, not on a mesh; see solvers.from_study.run_volume_solve"
        )
    return _SOLVERS[kind](domain, **arguments)


def run_volume_solve(
    volume: LabelledVolume | None, spec: Mapping[str, Any], *, mesh: Mapping[str, Any] | None = None
) -> RepresentativeStudy:
    """Run a ``[[solve]]`` table that takes a volume; all ranks call.

    Parameters
    ----------
    volume : LabelledVolume or None
        That of rank 0 counts.
    spec : mapping
        A table of a type that is solved on volumes.
    mesh : mapping, optional
        ``cell_size``, ``drop``, ``engine`` and ``options`` of the study's [mesh] table.

    Returns
    -------
    RepresentativeStudy
        With ``summary()``, ``write(path)``; it has no fields.

    Raises
    ------
    InputError
        If the table is at fault, or names what the volume does not have.
    SolverError
        If a solve fails.

    Examples
    --------
    >>> run_volume_solve(volume, {"name": "rve", "type": "representative_volume", "sizes": ["20 um"],
    ...                           "conductivity": {"pore": "1 S/m"}})  # doctest: +SKIP
    <RepresentativeStudy 20 um x: tortuosity factor 1.42 +- 0.08 (8 of 8 percolate)>
    """
    kind, arguments = _checked(spec)
    if not SOLVE_TYPES[kind].on_volume:
        raise InputError(f"type: {kind!r} is solved on a mesh; see solvers.from_study.run_solve")
    meshing = dict(mesh or {})
    if isinstance(meshing.get("options"), Mapping):
        meshing["options"] = lattice_options(meshing["options"])
    return representative_volume(volume, mesh=meshing, **arguments)


def _checked(spec: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Kind and arguments of a table, or all its faults."""
    checked, faults = validate_solves([spec])
    if faults:
        raise InputError("\n  ".join(faults) if len(faults) > 1 else faults[0])
    return checked[0]["type"], {key: value for key, value in checked[0].items() if key not in ("name", "type")}
