"""Representative volumes: conductivity of sub-volumes, its mean and spread by size. Others mesh and solve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.connectivity import PercolationError
from solvers.domain import load_domain
from solvers.effective import AXES, effective_conductivity
from solvers.slabs import together
from ssb2mesh.errors import InputError
from ssb2mesh.units import format_length, parse_length
from ssb2mesh.volume import LabelledVolume

__all__ = ["RepresentativeStudy", "representative_volume"]


@dataclass(frozen=True, eq=False, repr=False)
class RepresentativeStudy:
    """Effective conductivities of sub-volumes; one row a sub-volume.

    Parameters
    ----------
    axes : tuple of str
        Directions, the columns of what follows.
    sizes : (n,) float array
        Edge that was asked for, m.
    starts : (n, 3) int array
        First voxel along x, y, z.
    porosity : (n,) float array
        Share of the conducting phases.
    conductivity : (n, axes) float array
        S/m; 0 where the sub-volume does not percolate.
    tortuosity : (n, axes) float array
        Tortuosity factor; infinite there.

    Examples
    --------
    >>> study = representative_volume(volume, conductivity={"LPSCl": 0.2}, sizes=["20 um", "40 um"])  # doctest: +SKIP
    >>> study.statistics()[0]["tortuosity_mean"]  # doctest: +SKIP
    1.71
    """

    axes: tuple[str, ...]
    sizes: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]
    porosity: npt.NDArray[np.float64]
    conductivity: npt.NDArray[np.float64]
    tortuosity: npt.NDArray[np.float64]

    def statistics(self) -> list[dict[str, Any]]:
        """Return a row for each size and axis: how many, how many percolate, means and standard deviations (n - 1).

        Those of the tortuosity factor are over the sub-volumes that percolate; those of the conductivity over all.
        A deviation of fewer than two is NaN.
        """
        rows = []
        for size in np.unique(self.sizes):
            here = self.sizes == size
            for column, axis in enumerate(self.axes):
                tau = self.tortuosity[here, column]
                tau = tau[np.isfinite(tau)]
                row = {"size": float(size), "axis": axis, "count": int(here.sum()), "percolating": len(tau)}
                for name, values in (
                    ("tortuosity", tau),
                    ("conductivity", self.conductivity[here, column]),
                    ("porosity", self.porosity[here]),
                ):
                    row[f"{name}_mean"] = float(values.mean()) if len(values) else float("nan")
                    row[f"{name}_std"] = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
                rows.append(row)
        return rows

    def representative_size(self, axis: str, spread: float) -> float | None:
        """Return the smallest size (m) from which on the deviation of the conductivity is below a share of its mean.

        None if no size will do; sizes with fewer than two sub-volumes say nothing and do not count.
        """
        found = None
        for row in self.statistics():
            if row["axis"] == axis and row["count"] > 1:
                good = row["conductivity_std"] <= spread * row["conductivity_mean"] and row["conductivity_mean"] > 0
                found = (found or row["size"]) if good else None
        return found

    def summary(self) -> dict[str, Any]:
        """Return every number as a JSON-able dict."""
        return {"type": "representative_volume", "sub_volumes": len(self.sizes), "statistics": self.statistics()}

    def __repr__(self) -> str:
        lines = [
            f"{format_length(r['size'])} {r['axis']}: tortuosity factor {r['tortuosity_mean']:.4g} +- "
            f"{r['tortuosity_std']:.2g} ({r['percolating']} of {r['count']} percolate)"
            for r in self.statistics()
        ]
        return f"<RepresentativeStudy {'; '.join(lines)}>"


def representative_volume(
    volume: LabelledVolume,
    *,
    conductivity: Mapping[str, Any],
    sizes: Sequence[float | str],
    positions: int = 8,
    seed: int = 0,
    axes: Sequence[str] = AXES,
    mesh: Mapping[str, Any] | None = None,
) -> RepresentativeStudy:
    """Mesh and solve sub-volumes of several sizes; all ranks call.

    Sub-volumes of one size do not overlap, so they are as independent as the sample lets them be; where fewer than
    `positions` fit, there are fewer, and where more fit, some are drawn. Each is treated like a sample of its own: its
    ends are held at a potential and its sides are insulated, so small ones conduct less on average where paths lead
    around their sides.

    Parameters
    ----------
    volume : LabelledVolume
        The sample; the same on every rank.
    conductivity : mapping of str to number or (3, 3) array
        S/m by phase. Phases not named do not conduct.
    sizes : sequence of float or str
        Edges of the cubes, m or text (``"20 um"``), rounded to voxels.
    positions : int
        Most sub-volumes of each size.
    seed : int
        Of the draw.
    axes : sequence of str
        Some of x, y, z.
    mesh : mapping, optional
        Arguments of `ssb2mesh.mesh_volume`, such as ``{"cell_size": "2 voxels"}``; phases that do not conduct may be
        dropped.

    Returns
    -------
    RepresentativeStudy
        Values of each sub-volume, statistics by size and axis.

    Raises
    ------
    InputError
        If a phase is unknown, or a size does not fit into the volume.
    SolverError
        If a solve fails; a sub-volume that does not percolate is a result, not an error.

    Examples
    --------
    >>> representative_volume(volume, conductivity={"pore": 1.0}, sizes=["20 um"], axes="z")  # doctest: +SKIP
    <RepresentativeStudy 20 um z: tortuosity factor 1.42 +- 0.08 (8 of 8 percolate)>
    """
    axes = tuple(axes)
    if not axes or any(axis not in AXES for axis in axes):
        raise InputError(f"axes: got {axes!r}; give some of x, y, z")
    if isinstance(positions, bool) or not isinstance(positions, int) or positions < 1:
        raise InputError(f"positions: got {positions!r}; give a whole number of at least 1")
    for name in conductivity:
        volume.label_of(name)
    lengths = [parse_length(size, name="sizes") for size in ([sizes] if isinstance(sizes, (str, float)) else sizes)]
    rng = np.random.default_rng(seed)
    rows: list[tuple[float, npt.NDArray[np.int64], list[float]]] = []
    for length in sorted(lengths):
        edge = _edge(volume, length)
        for start in _starts(volume, edge, positions, rng):
            part = _part(volume, start, edge)
            rows.append((length, start, _solve(part, conductivity, axes, mesh or {})))
    values = np.array([row[2] for row in rows])
    n = len(axes)
    return RepresentativeStudy(
        axes,
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        values[:, 0],
        values[:, 1 : 1 + n],
        values[:, 1 + n :],
    )


def _edge(volume: LabelledVolume, length: float) -> npt.NDArray[np.int64]:
    """Voxels along x, y, z of a cube."""
    edge = np.round(length / np.asarray(volume.spacing)).astype(np.int64)
    if (edge < 1).any() or (edge > volume.shape).any():
        least, most = format_length(max(volume.spacing)), format_length(min(volume.size))
        raise InputError(
            f"sizes: got {format_length(length)}; give lengths from a voxel ({least}) to the volume's {most}"
        )
    return edge


def _starts(
    volume: LabelledVolume, edge: npt.NDArray[np.int64], positions: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """First voxels of sub-volumes that do not overlap, spread over the volume, (n, 3)."""
    shape = np.asarray(volume.shape)
    counts = shape // edge
    lines = [np.linspace(0, shape[d] - edge[d], counts[d]).astype(np.int64) for d in range(3)]
    every = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)
    chosen = np.sort(rng.permutation(len(every))[:positions])
    return np.asarray(every[chosen])


def _part(volume: LabelledVolume, start: npt.NDArray[np.int64], edge: npt.NDArray[np.int64]) -> LabelledVolume:
    box = tuple(slice(int(a), int(a + n)) for a, n in zip(start, edge, strict=True))
    labels = np.ascontiguousarray(volume.labels[box])
    present = set(np.unique(labels).tolist())
    return LabelledVolume(labels, volume.spacing, phases={k: v for k, v in volume.phases.items() if k in present})


def _solve(
    part: LabelledVolume, conductivity: Mapping[str, Any], axes: Sequence[str], mesh: Mapping[str, Any]
) -> list[float]:
    """Share of conducting phases, conductivity by axis, tortuosity factor by axis of one sub-volume."""
    from ssb2mesh.mesher import mesh_volume

    sigma = {name: value for name, value in conductivity.items() if name in part.phase_names}
    if not sigma:
        return [0.0, *[0.0] * len(axes), *[np.inf] * len(axes)]
    comm = api.world()
    options = {**mesh, "drop": [name for name in mesh.get("drop", ()) if name in part.phase_names]}
    made = together(comm, lambda: mesh_volume(part, **options) if comm.rank == 0 else None)
    domain = load_domain(made)
    volumes = domain.phase_volumes()
    share = sum(volumes[name] for name in sigma) / float(np.prod(domain.box[1] - domain.box[0]))
    found, factors = [], []
    for axis in axes:
        try:
            result = effective_conductivity(domain, conductivity=sigma, axes=[axis])
        except PercolationError:
            found.append(0.0)
            factors.append(np.inf)
            continue
        except InputError:
            # a side of the box that no conducting cell, or no cell at all, reaches
            if all(f"{axis}_{end}" in domain.sets for end in ("min", "max")):
                raise
            found.append(0.0)
            factors.append(np.inf)
            continue
        found.append(float(result.tensor[AXES.index(axis), AXES.index(axis)]))
        factors.append(result.tortuosity[axis])
    return [share, *found, *factors]
