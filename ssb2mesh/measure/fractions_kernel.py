"""Compiled loops of `ssb2mesh.measure.fractions`: voxels of each phase by layer and by box."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from ssb2mesh.measure.slabs import in_slabs

__all__ = ["box_counts", "layer_counts"]


def layer_counts(codes: npt.NDArray[np.integer], phases: int) -> tuple[npt.NDArray[np.int64], ...]:
    """Return the voxels of each phase in each layer normal to x, y and z: three (n, phases) int64 arrays."""
    x = np.zeros((codes.shape[0], phases), np.int64)
    parts = in_slabs(lambda first, last: _layers(codes[first:last], x[first:last]), codes.shape[0])
    return x, np.sum([y for y, _ in parts], axis=0), np.sum([z for _, z in parts], axis=0)


def box_counts(
    codes: npt.NDArray[np.integer], phases: int, corners: npt.NDArray[np.int64], edge: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the voxels of each phase in boxes of one size, (n, phases)."""
    counts = np.zeros((len(corners), phases), np.int64)
    in_slabs(lambda first, last: _boxes(codes, corners[first:last], edge, counts[first:last]), len(corners))
    return counts


@nb.njit(cache=True, nogil=True)
def _layers(codes, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    nx, ny, nz = codes.shape
    y = np.zeros((ny, x.shape[1]), np.int64)
    z = np.zeros((nz, x.shape[1]), np.int64)
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                c = codes[i, j, k]
                y[j, c] += 1
                z[k, c] += 1
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                x[i, codes[i, j, k]] += 1
    return y, z


@nb.njit(cache=True, nogil=True)
def _boxes(codes, corners, edge, counts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for box in range(len(corners)):
        for i in range(corners[box, 0], corners[box, 0] + edge[0]):
            for j in range(corners[box, 1], corners[box, 1] + edge[1]):
                for k in range(corners[box, 2], corners[box, 2] + edge[2]):
                    counts[box, codes[i, j, k]] += 1
