"""From checked tables of mechanics to results: materials, laws and options as the solvers take them. No physics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solvers.domain import Domain
from solvers.elastic.laws import Elastic
from solvers.elastic.newton import Options
from solvers.elastic.opening import Cohesive
from solvers.elastic.supports import Loads, Supports
from solvers.materials import MATERIALS, material
from solvers.mechanics import ElasticSolution, elasticity
from solvers.stiffness import EffectiveStiffness, effective_stiffness
from ssb2mesh.errors import InputError

__all__ = ["body_arguments", "known_elastic", "solve_effective_stiffness", "solve_elasticity"]

_OPTIONS = ("tolerance", "max_iterations", "steps", "path", "formulation", "multigrid")


def known_elastic(name: str) -> Elastic:
    """Return the elastic constants of a known material; see `solvers.materials`.

    Parameters
    ----------
    name : str
        Such as ``"Li"``.

    Returns
    -------
    Elastic
        Elastic only; a known yield strength gives a warning when stresses pass it.

    Raises
    ------
    InputError
        If the material, its modulus or its Poisson's ratio is not known.

    Examples
    --------
    >>> known_elastic("LPSCl").young
    22000000000.0
    """
    limit = MATERIALS.get(name, {}).get("yield_strength")
    return Elastic(
        material(name, "young_modulus").value,
        material(name, "poisson_ratio").value,
        yield_warning=None if limit is None else limit.value,
    )


def solve_elasticity(domain: Domain, **values: Any) -> ElasticSolution:
    """Solve what a checked table of type ``elasticity`` asks for; all ranks call.

    Parameters
    ----------
    domain : Domain
        The mesh.
    **values : any
        The table as `ssb2mesh.study.solves.validate_solves` returns it, without name and type.

    Returns
    -------
    ElasticSolution
        As of `solvers.elasticity`.

    Raises
    ------
    InputError, SolverError
        As for `solvers.elasticity`.

    Examples
    --------
    >>> solve_elasticity(domain, materials={"LPSCl": {"young": 22e9, "poisson": 0.37}}, fixed={"z_min": 0},
    ...                  pressure={"z_max": 5e6})  # doctest: +SKIP
    """
    return elasticity(domain, **body_arguments(values))


def body_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `solvers.elasticity` takes, but for the domain, from a checked table.

    Parameters
    ----------
    values : mapping
        The table.

    Returns
    -------
    dict
        Keyword arguments.

    Examples
    --------
    >>> body_arguments({"materials": {"LPSCl": "LPSCl"}, "rollers": ["z_min"]})["supports"].rollers
    ['z_min']
    """
    loads = Loads(**{key: values.get(key, {}) for key in ("pressure", "platen", "traction", "eigenstrain")})
    return {
        "materials": _materials(values["materials"]),
        "supports": Supports(values.get("fixed", {}), values.get("rollers", ())),
        "loads": loads,
        "interfaces": {name: Cohesive(**law) for name, law in values.get("interfaces", {}).items()},
        "order": values.get("order", 1),
        "options": _options(values),
    }


def solve_effective_stiffness(domain: Domain, **values: Any) -> EffectiveStiffness:
    """Solve what a checked table of type ``effective_stiffness`` asks for; arguments as for `solve_elasticity`."""
    return effective_stiffness(
        domain,
        materials=_materials(values["materials"]),
        method=values.get("method", "mixed"),
        order=values.get("order", 1),
        options=_options(values),
    )


def _materials(tables: Mapping[str, Any]) -> dict[str, Elastic]:
    found = {}
    for phase, entry in tables.items():
        try:
            found[phase] = known_elastic(entry) if isinstance(entry, str) else Elastic(**entry)
        except InputError as error:
            raise InputError(f"materials: {phase!r}: {error}") from None
    return found


def _options(values: Mapping[str, Any]) -> Options:
    chosen = {key: values[key] for key in _OPTIONS if key in values}
    if "path" in chosen:
        chosen["path"] = tuple(chosen["path"])
    return Options(**chosen)
