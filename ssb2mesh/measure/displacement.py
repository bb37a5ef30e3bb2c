"""Displacement between two states on a grid of nodes: strain from it, and both on meshes. No correlation here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.measure.tables import Row
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.voxel_fields import VoxelField, voxels_to_cells, voxels_to_points

__all__ = ["Displacement", "displacement_on_mesh", "strain_on_mesh"]

#: What `Displacement.strain` can take slopes from.
SOURCES = ("nodes", "windows")


@dataclass(frozen=True, eq=False, repr=False)
class Displacement:
    """How far the material at each node of the first state has moved in the second.

    Parameters
    ----------
    origin : three float
        Place of node (0, 0, 0), m.
    step : three float
        Distance of nodes along x, y, z, m.
    displacement : (gx, gy, gz, 3) array
        m; NaN where nothing was found.
    gradient : (gx, gy, gz, 3, 3) array
        d u_i / d x_j within the sub-volume of each node.
    correlation : (gx, gy, gz) array
        How alike the sub-volumes are, up to 1; NaN where there was nothing to match.

    Raises
    ------
    InputError
        If the shapes do not belong together.

    Examples
    --------
    >>> u, slopes = np.zeros((3, 3, 3, 3)), np.zeros((3, 3, 3, 3, 3))
    >>> still = Displacement((0, 0, 0), (1, 1, 1), u, slopes, np.ones((3, 3, 3)))
    >>> float(np.abs(still.strain()[1, 1, 1]).max())
    0.0
    """

    origin: tuple[float, float, float]
    step: tuple[float, float, float]
    displacement: npt.NDArray[np.float64]
    gradient: npt.NDArray[np.float64]
    correlation: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        grid = np.shape(self.correlation)
        good = len(grid) == 3 and np.shape(self.displacement) == (*grid, 3)
        if not good or np.shape(self.gradient) != (*grid, 3, 3):
            raise InputError(
                f"displacement, gradient, correlation: got shapes {np.shape(self.displacement)}, "
                f"{np.shape(self.gradient)}, {grid}; expected (gx, gy, gz) and one or two more axes of 3"
            )

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Nodes that have a displacement, (gx, gy, gz)."""
        return np.asarray(np.isfinite(self.displacement).all(axis=-1))

    def points(self) -> npt.NDArray[np.float64]:
        """Return the places of the nodes, (gx, gy, gz, 3), m."""
        index = np.moveaxis(np.indices(self.correlation.shape), 0, -1)
        return np.asarray(self.origin) + index * np.asarray(self.step)

    def field(self, values: npt.ArrayLike) -> VoxelField:
        """Return values (gx, gy, gz) as a field of voxels whose centres are the nodes."""
        low = np.asarray(self.origin) - 0.5 * np.asarray(self.step)
        return VoxelField(
            np.asarray(values, dtype=np.float64), self.step, (float(low[0]), float(low[1]), float(low[2]))
        )

    def strain(self, *, source: str = "nodes", finite: bool = False) -> npt.NDArray[np.float64]:
        """Return the strain tensor at the nodes.

        Parameters
        ----------
        source : {"nodes", "windows"}
            Slopes between nodes (a plane by least squares through the 27 nodes around each, of which at least eight
            must have a value, in all directions), or within the sub-volume of each node: noisier, but without need of
            neighbours.
        finite : bool
            Green-Lagrange strain instead of the small one, which sees rotations as strain.

        Returns
        -------
        (gx, gy, gz, 3, 3) array
            NaN where there is none.

        Raises
        ------
        InputError
            If the source is unknown.
        """
        if source not in SOURCES:
            raise InputError(f"source: got {source!r}; allowed: {', '.join(SOURCES)}")
        slopes = _slopes(self) if source == "nodes" else np.asarray(self.gradient)
        other = np.swapaxes(slopes, -1, -2)
        strain = 0.5 * (slopes + other)
        return np.asarray(strain + 0.5 * other @ slopes if finite else strain)

    def where(self, inside: VoxelField) -> Displacement:
        """Return the displacement without the nodes whose voxel of a field is 0 or lies outside of its box."""
        place = (self.points() - np.asarray(inside.origin)) / np.asarray(inside.spacing)
        index = np.floor(place + 1e-9).astype(np.int64)
        within = ((index >= 0) & (index < inside.values.shape)).all(axis=-1)
        index = np.clip(index, 0, np.array(inside.values.shape) - 1)
        keep = within & (inside.values[tuple(np.moveaxis(index, -1, 0))] != 0)
        shift = np.where(keep[..., None], self.displacement, np.nan)
        return replace(self, displacement=shift, gradient=np.where(keep[..., None, None], self.gradient, np.nan))

    def rows(self, subject: str = "") -> list[Row]:
        """Return the numbers as rows of a long table."""
        found = self.displacement[self.found]
        rows = [Row("displacement", subject, "found", float(self.found.mean()))]
        if not len(found):
            return rows
        length = np.linalg.norm(found, axis=-1)
        for axis, mean in zip("xyz", found.mean(axis=0), strict=True):
            rows.append(Row("displacement", subject, "mean", float(mean), "m", axis))
        rows.append(Row("displacement", subject, "mean length", float(length.mean()), "m"))
        rows.append(Row("displacement", subject, "largest length", float(length.max()), "m"))
        dilation = np.trace(self.strain(), axis1=-2, axis2=-1)
        if np.isfinite(dilation).any():
            rows.append(Row("displacement", subject, "mean dilation", float(np.nanmean(dilation))))
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {f"{row.quantity} {row.axis}".strip(): row.value for row in self.rows()}

    def __repr__(self) -> str:
        grid = " x ".join(map(str, self.correlation.shape))
        return f"<Displacement {grid} nodes, {self.found.mean():.4f} found>"


def _slopes(field: Displacement) -> npt.NDArray[np.float64]:
    """Gradient by least squares over the nodes around each; normal equations summed by shifted windows."""
    known = field.found
    u = np.where(known[..., None], field.displacement, 0.0)
    grid = known.shape
    moments, right = np.zeros((*grid, 4, 4)), np.zeros((*grid, 4, 3))
    weight = np.pad(known.astype(float), 1)
    values = np.pad(u, ((1, 1), (1, 1), (1, 1), (0, 0)))
    for shift in np.ndindex(3, 3, 3):
        row = np.array([1.0, *(s - 1.0 for s in shift)])
        part = tuple(slice(s, s + n) for s, n in zip(shift, grid, strict=True))
        moments += weight[part][..., None, None] * np.outer(row, row)
        right += row[:, None] * values[part][..., None, :]
    enough = known & (moments[..., 0, 0] >= 8)
    enough[enough] = np.linalg.cond(moments[enough]) < 1e4
    slopes = np.full((*grid, 3, 3), np.nan)
    if enough.any():
        fit = np.linalg.solve(moments[enough], right[enough])
        slopes[enough] = np.swapaxes(fit[:, 1:, :] / np.asarray(field.step)[None, :, None], 1, 2)
    return slopes


def displacement_on_mesh(field: Displacement, mesh: TaggedMesh, *, extend: bool = False) -> npt.NDArray[np.float64]:
    """Return the displacement at the points of a mesh, trilinear between nodes.

    Parameters
    ----------
    field : Displacement
        On the grid of nodes.
    mesh : TaggedMesh
        In the first state.
    extend : bool
        Whether points beyond the outer nodes (by more than half a step), and next to nodes without a value, take the
        motion of their nearest node with its gradient; else they are NaN.

    Returns
    -------
    (n, 3) array
        m.

    Raises
    ------
    InputError
        If values are to be extended and no node has one.

    Examples
    --------
    >>> displacement_on_mesh(moved, mesh).shape  # doctest: +SKIP
    (5120, 3)
    """
    values = np.column_stack([voxels_to_points(field.field(field.displacement[..., a]), mesh) for a in range(3)])
    known = field.found
    # beside a gap the nodes that are left would stand for those that are missing: no value rather than a flat one
    share = voxels_to_points(field.field(known), mesh)
    empty = ~(share > 1 - 1e-9)
    values[empty] = np.nan
    if extend:
        from scipy.spatial import cKDTree

        if not known.any():
            raise InputError("field: no node has a displacement; nothing can be extended")
        nodes = field.points()[known]
        _, near = cKDTree(nodes).query(mesh.points[empty])
        away = mesh.points[empty] - nodes[near]
        values[empty] = field.displacement[known][near] + np.einsum("nab,nb->na", field.gradient[known][near], away)
    return values


def strain_on_mesh(field: Displacement, mesh: TaggedMesh, **options: Any) -> npt.NDArray[np.float64]:
    """Return the mean strain of the tets of a mesh.

    Parameters
    ----------
    field : Displacement
        On the grid of nodes.
    mesh : TaggedMesh
        In the first state.
    **options
        Of `Displacement.strain`.

    Returns
    -------
    (m, 6) array
        xx, yy, zz, yz, xz, xy; NaN for tets beyond the nodes.

    Examples
    --------
    >>> strain_on_mesh(moved, mesh)[:, 2].mean()  # doctest: +SKIP
    -0.012
    """
    strain = field.strain(**options)
    pairs = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    return np.column_stack(
        [voxels_to_cells(field.field(strain[..., a, b]), mesh, linear=True).values for a, b in pairs]
    )
