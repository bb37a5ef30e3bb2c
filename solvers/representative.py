"""Representative volumes: conductivity of sub-volumes, its mean and spread by size. Others mesh and solve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from solvers import dolfinx_api as api
from solvers.connectivity import PercolationError
from solvers.domain import load_domain
from solvers.effective import AXES, effective_conductivity
from solvers.slabs import together
from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.units import format_length
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.subvolumes import cube_voxels, cut_cube, cut_options, draw_cubes

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
        return {
            "type": "representative_volume",
            "count": len(self.sizes),
            "statistics": self.statistics(),
            "sub_volumes": self.rows(),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each sub-volume: size, first voxel, porosity, then two columns for each axis."""
        found = []
        for i in range(len(self.sizes)):
            row: dict[str, Any] = {"size": float(self.sizes[i])}
            row |= {f"start_{axis}": int(self.starts[i, d]) for d, axis in enumerate(AXES)}
            row["porosity"] = float(self.porosity[i])
            for column, axis in enumerate(self.axes):
                row[f"conductivity_{axis}"] = float(self.conductivity[i, column])
                row[f"tortuosity_{axis}"] = float(self.tortuosity[i, column])
            found.append(row)
        return found

    def point_data(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return nothing: there is no mesh of the whole."""
        return {}

    def cell_data(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return nothing: there is no mesh of the whole."""
        return {}

    def write(self, path: str | Path) -> None:
        """Write ``path.csv`` (sub-volumes) and ``path-statistics.csv`` (sizes and axes); all ranks call."""
        path = Path(path)

        def work() -> None:
            if api.world().rank == 0:
                _write_csv(path.with_suffix(".csv"), self.rows())
                _write_csv(path.with_name(f"{path.stem}-statistics.csv"), self.statistics())

        together(api.world(), work)

    def __repr__(self) -> str:
        lines = [
            f"{format_length(r['size'])} {r['axis']}: tortuosity factor {r['tortuosity_mean']:.4g} +- "
            f"{r['tortuosity_std']:.2g} ({r['percolating']} of {r['count']} percolate)"
            for r in self.statistics()
        ]
        return f"<RepresentativeStudy {'; '.join(lines)}>"


def representative_volume(
    volume: LabelledVolume | None,
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
        The sample; that of rank 0 counts, the other ranks may pass None.
    conductivity : mapping of str to number or (3, 3) array
        S/m by phase. Phases not named do not conduct.
    sizes : sequence of float or str
        Edges of the cubes, m or text (``"20 um"``, ``"16 voxels"``), rounded to voxels.
    positions : int
        Most sub-volumes of each size.
    seed : int
        Of the draw.
    axes : sequence of str
        Some of x, y, z.
    mesh : mapping, optional
        Arguments of `ssb2mesh.mesh_volume` for the whole volume, such as ``{"cell_size": "2 voxels"}``; phases that do
        not conduct may be dropped. Fields among its options are cut as the volume is.

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
    comm = api.world()
    wanted = [sizes] if isinstance(sizes, (str, float)) else list(sizes)

    def plan() -> list[_Cube] | None:
        return _plan(volume, conductivity, wanted, positions, seed) if comm.rank == 0 else None

    cubes = comm.bcast(together(comm, plan), root=0)
    values = np.array([_solve(volume, cube, conductivity, axes, mesh or {}) for cube in cubes])
    n = len(axes)
    return RepresentativeStudy(
        axes,
        np.array([cube.length for cube in cubes]),
        np.array([cube.start for cube in cubes]),
        values[:, 0],
        values[:, 1 : 1 + n],
        values[:, 1 + n :],
    )


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Lengths in m, conductivities in S/m; infinity is inf, what is not known nan."""
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    part = path.with_name(f".{path.name}.part")
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    part.replace(path)


class _Cube(NamedTuple):
    """Edge as asked for, m; first voxel; voxels along x, y, z."""

    length: float
    start: npt.NDArray[np.int64]
    edge: npt.NDArray[np.int64]


def _plan(
    volume: LabelledVolume | None,
    conductivity: Mapping[str, Any],
    sizes: Sequence[float | str],
    positions: int,
    seed: int,
) -> list[_Cube]:
    """The cubes, small ones first."""
    if volume is None:
        raise InputError("volume: got None on rank 0; give a LabelledVolume there")
    for name in conductivity:
        volume.label_of(name)
    rng = np.random.default_rng(seed)
    edges = sorted((cube_voxels(volume, size) for size in sizes), key=lambda found: found[0])
    return [_Cube(length, s, edge) for length, edge in edges for s in draw_cubes(volume, edge, positions, rng)]


def _solve(
    volume: LabelledVolume | None,
    cube: _Cube,
    conductivity: Mapping[str, Any],
    axes: Sequence[str],
    mesh: Mapping[str, Any],
) -> list[float]:
    """Share of conducting phases, conductivity by axis, tortuosity factor by axis of one sub-volume."""
    from ssb2mesh.mesher import mesh_volume

    comm = api.world()

    def make() -> tuple[tuple[str, ...], TaggedMesh | None]:
        if comm.rank != 0:
            return (), None
        assert volume is not None
        part = cut_cube(volume, cube.start, cube.edge)
        if not set(part.phase_names) & set(conductivity):
            return (), None  # nothing conducts, and all of it may have been left out
        return part.phase_names, mesh_volume(part, **cut_options(mesh, part, cube.start, cube.edge))

    there, made = together(comm, make)
    there = comm.bcast(there, root=0)
    sigma = {name: value for name, value in conductivity.items() if name in there}
    if not sigma:
        return [0.0, *[0.0] * len(axes), *[np.inf] * len(axes)]
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
