"""Compiled loops over tets: strains, nodal forces, stiffness. Arrays in, arrays out; no names, no MPI, no PETSc.

`nodes` are the displacement nodes of each tet (4 or 10, corners first), `slopes[q, a, i]` is the derivative of shape
function a with respect to barycentric coordinate i at quadrature point q. Where `averaged` is set, the dilatation is
replaced by its mean over the tet, which for quadratic tets is the P2/P0 element: it does not lock when volume is kept.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR0913
from __future__ import annotations

import numba
import numpy as np

__all__ = ["divergence_rows", "nodal_forces", "stiffness_blocks", "strains"]


@numba.njit(cache=True)
def _barycentric_gradients(x, corners, out):  # type: ignore[no-untyped-def]
    """Fill the gradients of the four barycentric coordinates; return the volume."""
    a, b, c, d = corners[0], corners[1], corners[2], corners[3]
    ux, uy, uz = x[b, 0] - x[a, 0], x[b, 1] - x[a, 1], x[b, 2] - x[a, 2]
    vx, vy, vz = x[c, 0] - x[a, 0], x[c, 1] - x[a, 1], x[c, 2] - x[a, 2]
    wx, wy, wz = x[d, 0] - x[a, 0], x[d, 1] - x[a, 1], x[d, 2] - x[a, 2]
    vwx, vwy, vwz = vy * wz - vz * wy, vz * wx - vx * wz, vx * wy - vy * wx
    det = ux * vwx + uy * vwy + uz * vwz
    out[1, 0], out[1, 1], out[1, 2] = vwx / det, vwy / det, vwz / det
    out[2, 0] = (wy * uz - wz * uy) / det
    out[2, 1] = (wz * ux - wx * uz) / det
    out[2, 2] = (wx * uy - wy * ux) / det
    out[3, 0] = (uy * vz - uz * vy) / det
    out[3, 1] = (uz * vx - ux * vz) / det
    out[3, 2] = (ux * vy - uy * vx) / det
    for k in range(3):
        out[0, k] = -(out[1, k] + out[2, k] + out[3, k])
    return abs(det) / 6.0


@numba.njit(cache=True)
def _shape_gradients(bary, slopes, q, out):  # type: ignore[no-untyped-def]
    for a in range(slopes.shape[1]):
        for k in range(3):
            s = 0.0
            for i in range(4):
                s += slopes[q, a, i] * bary[i, k]
            out[a, k] = s


@numba.njit(cache=True)
def strains(x, nodes, u, slopes, weights, averaged):  # type: ignore[no-untyped-def]
    """Return the strain at every quadrature point, (tets, points, 6)."""
    n, n_q, n_a = nodes.shape[0], slopes.shape[0], slopes.shape[1]
    result = np.empty((n, n_q, 6))
    bary, grad, h = np.empty((4, 3)), np.empty((n_a, 3)), np.empty((3, 3))
    for c in range(n):
        _barycentric_gradients(x, nodes[c], bary)
        mean = 0.0
        for q in range(n_q):
            _shape_gradients(bary, slopes, q, grad)
            h[:] = 0.0
            for a in range(n_a):
                for i in range(3):
                    for j in range(3):
                        h[i, j] += u[nodes[c, a], i] * grad[a, j]
            e = result[c, q]
            e[0], e[1], e[2] = h[0, 0], h[1, 1], h[2, 2]
            e[3], e[4], e[5] = h[1, 2] + h[2, 1], h[0, 2] + h[2, 0], h[0, 1] + h[1, 0]
            mean += weights[q] * (e[0] + e[1] + e[2])
        if averaged[c]:
            for q in range(n_q):
                e = result[c, q]
                shift = (mean - (e[0] + e[1] + e[2])) / 3.0
                for k in range(3):
                    e[k] += shift
    return result


@numba.njit(cache=True)
def nodal_forces(x, nodes, stress, slopes, weights, averaged, out):  # type: ignore[no-untyped-def]
    """Add the integral of stress times strain of each shape function to `out` (nodes, 3)."""
    n, n_q, n_a = nodes.shape[0], slopes.shape[0], slopes.shape[1]
    bary, grad = np.empty((4, 3)), np.empty((n_a, 3))
    for c in range(n):
        volume = _barycentric_gradients(x, nodes[c], bary)
        mean = 0.0
        if averaged[c]:
            for q in range(n_q):
                mean += weights[q] * (stress[c, q, 0] + stress[c, q, 1] + stress[c, q, 2]) / 3.0
        for q in range(n_q):
            _shape_gradients(bary, slopes, q, grad)
            s = stress[c, q]
            shift = 0.0
            if averaged[c]:
                shift = mean - (s[0] + s[1] + s[2]) / 3.0
            w = weights[q] * volume
            for a in range(n_a):
                gx, gy, gz = grad[a, 0], grad[a, 1], grad[a, 2]
                node = nodes[c, a]
                out[node, 0] += w * ((s[0] + shift) * gx + s[5] * gy + s[4] * gz)
                out[node, 1] += w * (s[5] * gx + (s[1] + shift) * gy + s[3] * gz)
                out[node, 2] += w * (s[4] * gx + s[3] * gy + (s[2] + shift) * gz)


@numba.njit(cache=True)
def _strain_operator(grad, mean, averaged, out):  # type: ignore[no-untyped-def]
    """Fill B (6, 3 n): strain of each unit displacement."""
    out[:] = 0.0
    for a in range(grad.shape[0]):
        gx, gy, gz = grad[a, 0], grad[a, 1], grad[a, 2]
        out[0, 3 * a], out[1, 3 * a + 1], out[2, 3 * a + 2] = gx, gy, gz
        out[3, 3 * a + 1], out[3, 3 * a + 2] = gz, gy
        out[4, 3 * a], out[4, 3 * a + 2] = gz, gx
        out[5, 3 * a], out[5, 3 * a + 1] = gy, gx
        if averaged:
            for j in range(3):
                shift = (mean[a, j] - grad[a, j]) / 3.0
                for k in range(3):
                    out[k, 3 * a + j] += shift


@numba.njit(cache=True)
def _element(x, corners, moduli, which, slopes, weights, averaged, b, db, out):  # type: ignore[no-untyped-def]
    """Fill the stiffness (3 n, 3 n) of one tet; `which[q]` is the row of `moduli` of each quadrature point."""
    n_q, n_a = slopes.shape[0], slopes.shape[1]
    bary, grad, mean = np.empty((4, 3)), np.empty((n_a, 3)), np.zeros((n_a, 3))
    volume = _barycentric_gradients(x, corners, bary)
    out[:] = 0.0
    if averaged:
        for q in range(n_q):
            _shape_gradients(bary, slopes, q, grad)
            for a in range(n_a):
                for k in range(3):
                    mean[a, k] += weights[q] * grad[a, k]
    for q in range(n_q):
        _shape_gradients(bary, slopes, q, grad)
        _strain_operator(grad, mean, averaged, b)
        d = moduli[which[q]]
        w = weights[q] * volume
        for i in range(6):
            for j in range(3 * n_a):
                s = 0.0
                for k in range(6):
                    s += d[i, k] * b[k, j]
                db[i, j] = w * s
        for i in range(3 * n_a):
            for k in range(6):
                v = b[k, i]
                if v != 0.0:
                    for j in range(3 * n_a):
                        out[i, j] += v * db[k, j]


@numba.njit(cache=True)
def scatter_block(rows, element, fixed, pointers, columns, data):  # type: ignore[no-untyped-def]
    """Add an element matrix to blocks (blocks, 3, 3); fixed dofs keep their diagonal only."""
    n_a = rows.shape[0]
    for a in range(n_a):
        row = rows[a]
        first, last = pointers[row], pointers[row + 1]
        for b in range(n_a):
            low, high = first, last
            while low < high:
                middle = (low + high) // 2
                if columns[middle] < rows[b]:
                    low = middle + 1
                else:
                    high = middle
            for i in range(3):
                for j in range(3):
                    if (fixed[row, i] or fixed[rows[b], j]) and not (a == b and i == j):
                        continue
                    data[low, i, j] += element[3 * a + i, 3 * b + j]


@numba.njit(cache=True)
def stiffness_blocks(x, nodes, rows, moduli, which, slopes, weights, averaged, fixed, pointers, columns, data):  # type: ignore[no-untyped-def]
    """Add the stiffness of all tets to the block rows; `rows` are the block rows of the nodes of each tet."""
    n_a = slopes.shape[1]
    b, db, element = np.empty((6, 3 * n_a)), np.empty((6, 3 * n_a)), np.empty((3 * n_a, 3 * n_a))
    for c in range(nodes.shape[0]):
        _element(x, nodes[c], moduli, which[c], slopes, weights, averaged[c], b, db, element)
        scatter_block(rows[c], element, fixed, pointers, columns, data)


@numba.njit(cache=True)
def divergence_rows(x, nodes, rows, blocks, slopes, weights, points, fixed, pointers, columns, data):  # type: ignore[no-untyped-def]
    """Add the integral of barycentric coordinates times divergence to `data` (entries, 3); fixed dofs stay out.

    `rows` are the rows of the corners' pressures of each tet, `blocks` the columns of its displacement nodes.
    """
    n_q, n_a = slopes.shape[0], slopes.shape[1]
    bary, grad, sums = np.empty((4, 3)), np.empty((n_a, 3)), np.empty((4, n_a, 3))
    for c in range(nodes.shape[0]):
        volume = _barycentric_gradients(x, nodes[c], bary)
        sums[:] = 0.0
        for q in range(n_q):
            _shape_gradients(bary, slopes, q, grad)
            for i in range(4):
                w = weights[q] * volume * points[q, i]
                for a in range(n_a):
                    for k in range(3):
                        sums[i, a, k] += w * grad[a, k]
        for i in range(4):
            first, last = pointers[rows[c, i]], pointers[rows[c, i] + 1]
            for a in range(n_a):
                place = first + np.searchsorted(columns[first:last], blocks[c, a])
                for k in range(3):
                    if not fixed[blocks[c, a], k]:
                        data[place, k] += sums[i, a, k]
