"""Volume fractions: in total, along the axes, over sub-volumes; connected and percolating shares. No surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.measure.codes import AXES, axis_number, phase_codes
from ssb2mesh.measure.tables import Row
from ssb2mesh.units import format_length, parse_length
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import Components, connected_components

__all__ = ["Connectivity", "Fractions", "RepresentativeFractions", "connectivity", "representative_fractions",
           "volume_fractions"]  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Fractions:
    """Volume fractions of all phases, in total and as profiles along x, y and z.

    Parameters
    ----------
    phases : tuple of str
        Names, the columns of what follows.
    total : (p,) float array
        Share of the volume.
    profiles : mapping of str to (n, p) float array
        By axis, the share in each layer of voxels.
    positions : mapping of str to (n,) float array
        Centre of each layer, m.
    """

    phases: tuple[str, ...]
    total: npt.NDArray[np.float64]
    profiles: dict[str, npt.NDArray[np.float64]]
    positions: dict[str, npt.NDArray[np.float64]]

    def of(self, phase: str) -> float:
        """Return the total share of a phase; InputError if there is none of this name."""
        return float(self.total[_column(self.phases, phase)])

    def profile(self, phase: str, axis: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return positions (m) and shares of a phase along an axis; InputError if there is no such phase or axis."""
        axis_number(axis)
        return self.positions[axis], self.profiles[axis][:, _column(self.phases, phase)]

    def rows(self) -> list[Row]:
        """Return the numbers as rows of a long table."""
        rows = [
            Row("volume fraction", name, "total", float(v)) for name, v in zip(self.phases, self.total, strict=True)
        ]
        for axis in AXES:
            for column, name in enumerate(self.phases):
                pairs = zip(self.positions[axis], self.profiles[axis][:, column], strict=True)
                rows += [Row("volume fraction", name, "layer", float(v), "", axis, float(x)) for x, v in pairs]
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        return {
            "total": dict(zip(self.phases, self.total.tolist(), strict=True)),
            "profiles": {
                axis: {
                    "position_m": self.positions[axis].tolist(),
                    **dict(zip(self.phases, self.profiles[axis].T.tolist(), strict=True)),
                }
                for axis in AXES
            },
        }

    def __repr__(self) -> str:
        return f"<Fractions {', '.join(f'{n} {v:.4f}' for n, v in zip(self.phases, self.total, strict=True))}>"


def volume_fractions(volume: LabelledVolume) -> Fractions:
    """Return the volume fraction of each phase, in total and in each layer of voxels along x, y and z.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.

    Returns
    -------
    Fractions
        Exact counts over the number of voxels.

    Examples
    --------
    >>> labels = np.zeros((4, 2, 2), np.uint8)
    >>> labels[:1] = 1
    >>> found = volume_fractions(LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "NMC"}))
    >>> found.of("NMC"), found.profile("NMC", "x")[1].tolist()
    (0.25, [1.0, 0.0, 0.0, 0.0])
    """
    from ssb2mesh.measure.fractions_kernel import layer_counts

    codes = phase_codes(volume)
    counts = layer_counts(codes, len(volume.phases))
    profiles, positions = {}, {}
    for number, (axis, table) in enumerate(zip(AXES, counts, strict=True)):
        profiles[axis] = table * (volume.shape[number] / codes.size)
        step = volume.spacing[number]
        positions[axis] = volume.origin[number] + (np.arange(volume.shape[number]) + 0.5) * step
    return Fractions(volume.phase_names, counts[0].sum(axis=0) / codes.size, profiles, positions)


@dataclass(frozen=True, eq=False, repr=False)
class Connectivity:
    """Face-connected components of each phase and the share of it that percolates.

    Parameters
    ----------
    phases : tuple of str
        Names, the rows of what follows.
    sizes : tuple of (n,) float array
        Volumes of the components of each phase, m3, largest first.
    percolating : (p, 3) float array
        Share of the phase's volume that lies in components which reach from one side of the box to the opposite one,
        along x, y, z.
    isolated : (p,) float array
        Share of the phase's volume in components that touch no side of the box (closed pores, of a void).
    """

    phases: tuple[str, ...]
    sizes: tuple[npt.NDArray[np.float64], ...]
    percolating: npt.NDArray[np.float64]
    isolated: npt.NDArray[np.float64]

    def count(self, phase: str) -> int:
        """Return the number of components of a phase; InputError if there is none of this name."""
        return len(self.sizes[_column(self.phases, phase)])

    def percolating_fraction(self, phase: str, axis: str) -> float:
        """Return the percolating share of a phase along an axis; InputError if there is no such phase or axis."""
        return float(self.percolating[_column(self.phases, phase), axis_number(axis)])

    def rows(self) -> list[Row]:
        """Return the numbers as rows of a long table."""
        rows = []
        for number, name in enumerate(self.phases):
            sizes = self.sizes[number]
            what = "connectivity"
            rows += [
                Row(what, name, "components", float(len(sizes))),
                Row(what, name, "largest component", float(sizes[0]), "m3"),
                Row(what, name, "share of largest component", float(sizes[0] / sizes.sum())),
                Row(what, name, "isolated fraction", float(self.isolated[number])),
            ]
            shares = zip(AXES, self.percolating[number], strict=True)
            rows += [Row(what, name, "percolating fraction", float(share), "", axis) for axis, share in shares]
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows; of the components the hundred largest."""
        return {
            name: {
                "components": len(sizes),
                "largest_m3": sizes[:100].tolist(),
                "percolating_fraction": dict(zip(AXES, shares.tolist(), strict=True)),
                "isolated_fraction": float(isolated),
            }
            for name, sizes, shares, isolated in zip(
                self.phases, self.sizes, self.percolating, self.isolated, strict=True
            )
        }

    def __repr__(self) -> str:
        return f"<Connectivity {', '.join(f'{n} {len(s)}' for n, s in zip(self.phases, self.sizes, strict=True))}>"


def connectivity(volume: LabelledVolume, *, components: Components | None = None) -> Connectivity:
    """Return the components of each phase, their sizes, and how much of the phase percolates along each axis.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    components : Components, optional
        Those of the volume, if they are known already.

    Returns
    -------
    Connectivity
        Voxels are connected through faces.

    Raises
    ------
    InputError
        If the volume has too many voxels (2**31).

    Examples
    --------
    >>> labels = np.zeros((4, 2, 2), np.uint8)
    >>> labels[:, 0] = 1
    >>> found = connectivity(LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "NMC"}))
    >>> found.percolating_fraction("NMC", "x"), found.percolating_fraction("NMC", "y")
    (1.0, 0.0)
    """
    found = connected_components(volume) if components is None else components
    voxel = float(np.prod(volume.spacing))
    crossing = np.stack([found.percolating(axis) for axis in AXES], axis=1)
    sizes, percolating, isolated = [], [], []
    for name in volume.phase_names:
        mine = found.of(name)
        counts = found.sizes[mine].astype(float)
        sizes.append(counts * voxel)
        percolating.append(counts @ crossing[mine] / counts.sum())
        isolated.append(counts[found.sides[mine] == 0].sum() / counts.sum())
    return Connectivity(volume.phase_names, tuple(sizes), np.array(percolating), np.array(isolated))


@dataclass(frozen=True, eq=False, repr=False)
class RepresentativeFractions:
    """Volume fractions of sub-volumes; one row a sub-volume.

    Parameters
    ----------
    phases : tuple of str
        Names, the columns of the fractions.
    sizes : (n,) float array
        Edge of the cube, m, as asked for.
    starts : (n, 3) int array
        Its first voxel along x, y, z.
    fractions : (n, p) float array
        Share of each phase in it.
    """

    phases: tuple[str, ...]
    sizes: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]
    fractions: npt.NDArray[np.float64]

    def statistics(self) -> list[dict[str, Any]]:
        """Return a row for each size and phase: count, mean and standard deviation (n - 1; NaN for fewer than two)."""
        rows = []
        for size in np.unique(self.sizes):
            here = self.fractions[self.sizes == size]
            for column, name in enumerate(self.phases):
                values = here[:, column]
                spread = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
                rows.append({"size": float(size), "phase": name, "count": len(values), "mean": float(values.mean()),
                             "std": spread})  # fmt: skip
        return rows

    def rows(self) -> list[Row]:
        """Return the numbers as rows of a long table; the position is the edge of the sub-volume."""
        rows = []
        for one in self.statistics():
            for quantity in ("count", "mean", "std"):
                rows.append(Row("representative volume", one["phase"], quantity, float(one[quantity]), "", "",
                                one["size"]))  # fmt: skip
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        return {"statistics": self.statistics()}

    def __repr__(self) -> str:
        sizes = ", ".join(format_length(s) for s in np.unique(self.sizes))
        return f"<RepresentativeFractions {len(self.sizes)} sub-volumes of {sizes}>"


def representative_fractions(
    volume: LabelledVolume, *, sizes: Sequence[float | str] | None = None
) -> RepresentativeFractions:
    """Return the volume fractions of sub-volumes of several sizes, to see from which size on they stay the same.

    Cubes of one size do not overlap: as many as fit, spread over the volume.

    Parameters
    ----------
    volume : LabelledVolume
        The sample.
    sizes : sequence of float or str, optional
        Edges of the cubes, m or text (``"20 um"``), rounded to voxels. Default: 1/8, 1/6, 1/4, 1/3 and 1/2 of the
        volume's shortest edge, those that are at least a voxel.

    Returns
    -------
    RepresentativeFractions
        Values of each sub-volume, statistics by size.

    Raises
    ------
    InputError
        If a size does not fit into the volume.

    Examples
    --------
    >>> labels = np.zeros((8, 8, 8), np.uint8)
    >>> labels[:4] = 1
    >>> volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "NMC"})
    >>> representative_fractions(volume, sizes=["4 um"]).statistics()[1]["mean"]
    0.5
    """
    from ssb2mesh.measure.fractions_kernel import box_counts

    if sizes is None:
        shortest, voxel = min(volume.size), max(volume.spacing)
        lengths = [shortest / n for n in (8, 6, 4, 3, 2) if shortest / n >= voxel] or [shortest]
    else:
        given = [sizes] if isinstance(sizes, (str, int, float)) else sizes
        lengths = sorted({parse_length(size, name="sizes") for size in given})
    codes = phase_codes(volume)
    edges, starts, fractions = [], [], []
    for length in lengths:
        edge = _edge(volume, length)
        corners = _tiles(np.asarray(volume.shape), edge)
        counts = box_counts(codes, len(volume.phases), corners, edge)
        edges.append(np.full(len(corners), length))
        starts.append(corners)
        fractions.append(counts / float(np.prod(edge)))
    return RepresentativeFractions(
        volume.phase_names, np.concatenate(edges), np.concatenate(starts), np.concatenate(fractions)
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


def _tiles(shape: npt.NDArray[np.int64], edge: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """First voxels of boxes that do not overlap, spread over the volume, (n, 3)."""
    lines = [np.linspace(0, shape[d] - edge[d], shape[d] // edge[d]).astype(np.int64) for d in range(3)]
    return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)


def _column(phases: tuple[str, ...], phase: str) -> int:
    if phase not in phases:
        raise InputError(f"phase: no phase {phase!r}; phases: {', '.join(phases)}")
    return phases.index(phase)
