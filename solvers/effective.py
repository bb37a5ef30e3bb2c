"""Effective conductivity of a box and tortuosity factors. Assembly and solving are in `solvers.conduction`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import coefficients
from solvers.bounds import ConductanceBounds, Interval, bound_conductance
from solvers.conduction import Conductor
from solvers.connectivity import require_percolation, volume_of
from solvers.domain import Domain
from solvers.energy_bounds import Load, bound_energies
from solvers.fields import MeshFields
from solvers.solution import Solution
from ssb2mesh.errors import InputError

__all__ = ["Certified", "EffectiveConductivity", "effective_conductivity"]

AXES = ("x", "y", "z")


@dataclass(frozen=True, eq=False)
class Certified:
    """What is certain along one axis, for the geometry of the mesh.

    Parameters
    ----------
    conductivity : Interval
        Effective conductivity, S/m.
    tortuosity : Interval
        Tortuosity factor.
    bounds : ConductanceBounds
        The conductance between the end planes, and where the interval gets its width.
    across : mapping of str to Interval
        Entries of the tensor for the currents along the other axes, S/m; empty unless they were asked for.

    Examples
    --------
    >>> result.intervals["z"].tortuosity.width  # doctest: +SKIP
    0.008
    """

    conductivity: Interval
    tortuosity: Interval
    bounds: ConductanceBounds
    across: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class EffectiveConductivity(MeshFields):
    """Effective conductivity of the box, direction by direction.

    Parameters
    ----------
    tensor : (3, 3) float array
        S/m; column d is the mean current density under a unit field along axis d. Columns not asked for are NaN.
    tortuosity : dict of str to float
        Tortuosity factor by axis: mean conductivity of the box over effective conductivity (not squared, >= 1).
    porosity : float
        Volume of the conducting phases over volume of the box, isolated parts included.
    percolating : dict of str to float
        By axis, the part of the conducting volume that lies in pieces which reach from end to end.
    mean_conductivity : (3,) float array
        Mean over the box of the conductivity along each axis, S/m; for one phase porosity times bulk conductivity.
    solutions : dict of str to Solution
        The fields by axis, under a difference of 1 V.
    intervals : dict of str to Certified
        By axis the intervals that contain conductivity and tortuosity factor; empty unless bounds were asked for.
    accuracy : float, optional
        Width of the intervals that was asked for, relative.

    Examples
    --------
    >>> result = effective_conductivity(domain, conductivity={"pore": 1.0})  # doctest: +SKIP
    >>> result.tortuosity["x"]  # doctest: +SKIP
    1.42
    """

    domain: Domain
    tensor: npt.NDArray[np.float64]
    tortuosity: Mapping[str, float]
    porosity: float
    percolating: Mapping[str, float]
    mean_conductivity: npt.NDArray[np.float64]
    solutions: Mapping[str, Solution]
    intervals: Mapping[str, Certified] = field(default_factory=dict)
    accuracy: float | None = None

    @property
    def width(self) -> float:
        """Relative width of the widest interval; NaN without bounds."""
        return max((each.conductivity.width for each in self.intervals.values()), default=float("nan"))

    @property
    def reached(self) -> bool:
        """Whether every interval is as narrow as was asked for."""
        return self.accuracy is None or self.width <= self.accuracy

    @property
    def tensor_intervals(self) -> npt.NDArray[np.float64]:
        """Ends of the interval of each entry of the tensor, (3, 3, 2), S/m; NaN where none was asked for."""
        ends = np.full((3, 3, 2), np.nan)
        for axis, found in self.intervals.items():
            for row, interval in {axis: found.conductivity, **found.across}.items():
                ends[AXES.index(row), AXES.index(axis)] = interval.lower, interval.upper
        return ends

    def summary(self) -> dict[str, Any]:
        """Return every number as a JSON-able dict; the same on every rank."""
        rows = [[None if np.isnan(v) else float(v) for v in row] for row in self.tensor]
        certain: dict[str, Any] = {
            "conductivity_interval": {
                a: [c.conductivity.lower, c.conductivity.upper] for a, c in self.intervals.items()
            },
            "tortuosity_interval": {a: [c.tortuosity.lower, c.tortuosity.upper] for a, c in self.intervals.items()},
            "interval_width": {a: c.conductivity.width for a, c in self.intervals.items()},
            "algebraic": {a: c.bounds.algebraic for a, c in self.intervals.items()},
        }
        if any(c.across for c in self.intervals.values()):
            ends = self.tensor_intervals.tolist()
            certain["tensor_intervals"] = [[None if np.isnan(pair[0]) else pair for pair in row] for row in ends]
        linear = {axis: solution.linear.summary() for axis, solution in self.solutions.items()}
        linear |= {f"{axis} lower bound": c.bounds.linear.summary() for axis, c in self.intervals.items()}
        asked = {"asked": self.accuracy, "width": self.width, "reached": self.reached}
        return {
            "type": "effective_conductivity",
            **(certain if self.intervals else {}),
            **({"accuracy": asked} if self.accuracy is not None else {}),
            "tensor": rows,
            "tortuosity": dict(self.tortuosity),
            "porosity": self.porosity,
            "percolating": dict(self.percolating),
            "mean_conductivity": self.mean_conductivity.tolist(),
            "balance": max(solution.balance for solution in self.solutions.values()),
            "linear": linear,
        }

    @property
    def point_fields(self) -> dict[str, npt.NDArray[np.float64]]:
        """Arrays of the local points: ``potential_x`` and so on."""
        return self._by_axis("point_fields")

    @property
    def cell_fields(self) -> dict[str, npt.NDArray[np.float64]]:
        """Arrays of the local tets: ``current_density_x`` and so on, ``gap_x`` where bounded."""
        gaps = {f"gap_{axis}": each.bounds.gap for axis, each in self.intervals.items()}
        return self._by_axis("cell_fields") | gaps

    def _by_axis(self, where: str) -> dict[str, npt.NDArray[np.float64]]:
        return {
            f"{name}_{axis}": values
            for axis, solution in self.solutions.items()
            for name, values in getattr(solution, where).items()
        }

    def __repr__(self) -> str:
        factors = ", ".join(f"{axis} {value:.4f}{self._certain(axis)}" for axis, value in self.tortuosity.items())
        return f"<EffectiveConductivity porosity {self.porosity:.4f}; tortuosity factor {factors}>"

    def _certain(self, axis: str) -> str:
        if axis not in self.intervals:
            return ""
        interval = self.intervals[axis].tortuosity
        return f" in [{interval.lower:.4f}, {interval.upper:.4f}]"


def effective_conductivity(
    domain: Domain,
    *,
    conductivity: Mapping[str, Any],
    axes: Sequence[str] = AXES,
    bounds: bool | str = False,
    accuracy: float | None = None,
    tolerance: float = 1e-12,
    max_iterations: int = 500,
) -> EffectiveConductivity:
    """Compute the effective conductivity of the box along some axes; all ranks call.

    For each axis the two end planes of the conducting phases are held 1 V apart and all other walls are insulated
    (the lateral sides of the box as well). The entry along the field is the reaction current times length over area;
    the entries across it are volume means of the current density under the same boundary conditions, so the tensor
    is not exactly symmetric: it is that of a sample in a measuring cell, not of a periodic medium.

    The tortuosity factor is ``mean(sigma) / sigma_eff`` with the mean over the box. For one phase this is
    ``porosity * sigma_bulk / sigma_eff``, with the whole phase, isolated parts included, in the porosity.
    Percolation is checked first, across shared facets: contacts at an edge or a vertex do not conduct.

    Parameters
    ----------
    domain : Domain
        The mesh, with side sets ``x_min`` to ``z_max``.
    conductivity : mapping of str to number or array
        S/m by phase, as for `solvers.conduction`. Phases not named do not conduct.
    axes : sequence of str
        Some of x, y, z.
    bounds : bool or 'tensor'
        Solve a second time for each axis, on the facets, and give intervals that contain conductivity and tortuosity
        factor of the mesh's geometry (see `solvers.bounds.conductance_bounds`). The solve has about twelve times the
        unknowns. With ``"tensor"``, intervals of the entries across the field as well
        (`solvers.energy_bounds`), at three more of either solve for each axis.
    accuracy : float, optional
        Relative width that the intervals should have; implies `bounds`. The result says whether they are as narrow.
    tolerance : float
        Relative residual of the linear solver.
    max_iterations : int
        Where the linear solver gives up.

    Returns
    -------
    EffectiveConductivity
        Tensor, tortuosity factors, porosity, percolating parts, fields.

    Raises
    ------
    InputError
        If a name is unknown or a value is out of range.
    PercolationError
        If the conducting phases do not percolate along an axis; names phases and axes.
    SolverError
        If a linear solve fails.

    References
    ----------
    Cooper et al., TauFactor, SoftwareX 5 (2016) 203, doi:10.1016/j.softx.2016.09.002.

    Examples
    --------
    >>> effective_conductivity(domain, conductivity={"pore": 1.0}, axes=["x"])  # doctest: +SKIP
    <EffectiveConductivity porosity 0.4005; tortuosity factor x 1.4213>
    """
    axes = _check_axes(domain, axes)
    if accuracy is not None and not (isinstance(accuracy, float) and 0 < accuracy < 1):
        raise InputError(f"accuracy: got {accuracy!r}; give the relative width of the intervals, between 0 and 1")
    if not (isinstance(bounds, bool) or bounds == "tensor"):
        raise InputError(f"bounds: got {bounds!r}; give True, False or 'tensor'")
    conductor = Conductor(domain, conductivity)
    sigma, pieces = conductor.sigma, conductor.pieces()
    conducting = domain.cells_of(conductivity)
    spanning = require_percolation(domain, pieces, list(conductivity), axes)
    volume = volume_of(domain, conducting)
    lengths = domain.box[1] - domain.box[0]
    box_volume = float(np.prod(lengths))
    mean = _total(domain, np.stack([coefficients.diagonal(sigma, d) for d in range(3)], axis=1)) / box_volume
    tensor = np.full((3, 3), np.nan)
    solutions: dict[str, Solution] = {}
    intervals: dict[str, Certified] = {}
    options: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
    with conductor:
        for axis in axes:
            d = AXES.index(axis)
            fixed = {f"{axis}_min": 0.0, f"{axis}_max": 1.0}
            solution = conductor.solve(fixed, **options)
            tensor[:, d] = -_total(domain, solution.current_density) / box_volume * lengths[d]
            tensor[d, d] = solution.currents[f"{axis}_max"] * lengths[d] ** 2 / box_volume
            solutions[axis] = solution
            if bounds or accuracy is not None:
                live = np.isin(pieces, spanning[axis])
                found = bound_conductance(solution, sigma, live, **options)
                interval = found.conductance.scaled(float(lengths[d] ** 2 / box_volume))
                across = {}
                if bounds == "tensor":
                    across = _across(domain, sigma, live, axis=axis, column=tensor[:, d], options=options)
                intervals[axis] = Certified(interval, interval.inverse(float(mean[d])), found, across)
    tortuosity = {axis: float(mean[d] / tensor[d, d]) for d, axis in enumerate(AXES) if axis in axes}
    percolating = {a: volume_of(domain, conducting & np.isin(pieces, found)) / volume for a, found in spanning.items()}
    return EffectiveConductivity(
        domain, tensor, tortuosity, volume / box_volume, percolating, mean, solutions, intervals, accuracy
    )


def _across(
    domain: Domain,
    sigma: npt.NDArray[np.float64],
    live: npt.NDArray[np.bool_],
    *,
    axis: str,
    column: npt.NDArray[np.float64],
    options: Mapping[str, Any],
) -> dict[str, Interval]:
    """Intervals of the entries of a column of the tensor that are across its field; all ranks call.

    With u the potential under a unit field along the axis and w that of the end planes held at the coordinate along
    another axis, the mean current density along the latter is the integral of sigma grad u . grad w over the volume.
    """

    def along(k: int) -> Load:
        return lambda positions: positions[:, k] - domain.box[0, k]

    loads = {name: along(k) for k, name in enumerate(AXES)}
    energies = bound_energies(domain, sigma, live, loads=loads, on=(f"{axis}_min", f"{axis}_max"), **options)
    volume = float(np.prod(domain.box[1] - domain.box[0]))
    found = {}
    for k, other in enumerate(AXES):
        if other != axis:
            interval = energies.entry(axis, other).scaled(1.0 / volume)
            # the entry that is shown belongs to a solve of its own: up to that solve's residual it is inside
            found[other] = Interval(min(interval.lower, float(column[k])), max(interval.upper, float(column[k])))
    return found


def _total(domain: Domain, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Integral of cell values over the mesh; all ranks call."""
    own = slice(0, domain.owned_cells)
    local = (values[own] * domain.cell_volumes[own, None]).sum(axis=0)
    return np.asarray(np.sum(domain.comm.allgather(local), axis=0))


def _check_axes(domain: Domain, axes: Sequence[str]) -> list[str]:
    wanted = [axes] if isinstance(axes, str) else list(axes)
    if not wanted or any(axis not in AXES for axis in wanted) or len(set(wanted)) < len(wanted):
        raise InputError(f"axes: got {axes!r}; give some of x, y, z, each once")
    for axis in wanted:
        for end in ("min", "max"):
            domain.facets_of(f"{axis}_{end}", argument="axes")
    return wanted
