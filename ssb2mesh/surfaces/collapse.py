"""Kernels of the decimation: quadrics, the queue of edges, one collapse after another. Arrays in, arrays out.

Kinds of points: 0 inside a patch, 1 on a curve, 2 held. Lengths are in cells, so that numbers are of order one.
"""

from __future__ import annotations

import heapq

import numba as nb
import numpy as np
import numpy.typing as npt

__all__ = ["collapse_edges"]

#: Weight of the planes that hold curves in place, against those of the triangles.
CURVE_WEIGHT = 4.0
#: Pull to the middle of the edge, as a share of the quadric: makes flat places well posed and triangles even.
PULL = 1e-3
#: A triangle may turn by no more than 60 degrees.
TURN = 0.5
#: Twice the area over the sum of squared edges: no collapse may make a triangle worse than this unless it was worse.
SHAPE = 0.06
#: No point goes where its distance to the planes it stands for is beyond this (root mean square), in cells.
REACH = 0.4


def collapse_edges(
    points: npt.NDArray[np.float64],
    triangles: npt.NDArray[np.int32],
    kind: npt.NDArray[np.int8],
    fixed: npt.NDArray[np.bool_],
    edges: npt.NDArray[np.int32],
    junction: npt.NDArray[np.bool_],
    target: int,
) -> npt.NDArray[np.bool_]:
    """Collapse edges in the order of their error until `target` triangles are left; points and triangles change.

    Parameters
    ----------
    points : (n, 3) float array
        Positions; changed in place.
    triangles : (t, 3) int32 array
        Corners; changed in place.
    kind : (n,) int8 array
        0 inside a patch, 1 on a curve, 2 held.
    fixed : (n, 3) bool array
        Coordinates that must not change.
    edges : (e, 2) int32 array
        All edges.
    junction : (e,) bool array
        Those on curves.
    target : int
        How many triangles to keep.

    Returns
    -------
    (t,) bool array
        Triangles that are left.
    """
    quadrics = _quadrics(points, triangles, edges, junction)
    on_curve = np.sort(edges[junction], axis=1).astype(np.int64)
    return _run(points, triangles, kind, fixed, edges, (quadrics, _curve_links(len(points), on_curve)), target)


def _curve_links(n: int, on_curve: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return the two neighbours of each point along its curve, (n, 2); -1 where there are not two."""
    ends = np.concatenate([on_curve, on_curve[:, ::-1]])
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    count = np.bincount(ends[:, 0], minlength=n)
    start = np.cumsum(count) - count
    links = np.full((n, 2), -1, np.int32)
    two = np.flatnonzero(count == 2)
    links[two, 0], links[two, 1] = ends[start[two], 1], ends[start[two] + 1, 1]
    return links


@nb.njit(cache=True)
def _cross(a, b):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    out = np.empty(3)
    out[0] = a[1] * b[2] - a[2] * b[1]
    out[1] = a[2] * b[0] - a[0] * b[2]
    out[2] = a[0] * b[1] - a[1] * b[0]
    return out


@nb.njit(cache=True)
def _add_plane(q, n, d, w):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    q[0] += w * n[0] * n[0]
    q[1] += w * n[0] * n[1]
    q[2] += w * n[0] * n[2]
    q[3] += w * n[1] * n[1]
    q[4] += w * n[1] * n[2]
    q[5] += w * n[2] * n[2]
    q[6] += w * n[0] * d
    q[7] += w * n[1] * d
    q[8] += w * n[2] * d
    q[9] += w * d * d


@nb.njit(cache=True)
def _quadrics(points, triangles, edges, junction):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Sum of squared distances to the planes around each point; curves are held by planes square to their triangles."""
    quadrics = np.zeros((len(points), 10))
    wall = set()
    for e in range(len(edges)):
        if junction[e]:
            wall.add((np.int64(min(edges[e, 0], edges[e, 1])), np.int64(max(edges[e, 0], edges[e, 1]))))
    for t in range(len(triangles)):
        a, b, c = points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]]
        n = _cross(b - a, c - a)
        area = np.sqrt((n * n).sum())
        if area < 1e-14:
            continue
        n /= area
        for k in range(3):
            _add_plane(quadrics[triangles[t, k]], n, -(n * a).sum(), area / 6)
        for k in range(3):
            u, v = np.int64(triangles[t, k]), np.int64(triangles[t, (k + 1) % 3])
            if (min(u, v), max(u, v)) in wall:
                along = points[v] - points[u]
                side = _cross(n, along)
                length = np.sqrt((side * side).sum())
                side /= max(length, 1e-14)
                d = -(side * points[u]).sum()
                _add_plane(quadrics[u], side, d, CURVE_WEIGHT * length * length / 6)
                _add_plane(quadrics[v], side, d, CURVE_WEIGHT * length * length / 6)
    return quadrics


@nb.njit(cache=True)
def _error(q, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    e = q[0] * x[0] * x[0] + 2 * q[1] * x[0] * x[1] + 2 * q[2] * x[0] * x[2]
    e += q[3] * x[1] * x[1] + 2 * q[4] * x[1] * x[2] + q[5] * x[2] * x[2]
    return e + 2 * (q[6] * x[0] + q[7] * x[1] + q[8] * x[2]) + q[9]


@nb.njit(cache=True)
def _solve(m, r):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Solve the symmetric positive definite 3 x 3 system m x = r."""
    l00 = np.sqrt(m[0, 0])
    l10, l20 = m[1, 0] / l00, m[2, 0] / l00
    l11 = np.sqrt(max(m[1, 1] - l10 * l10, 1e-30))
    l21 = (m[2, 1] - l20 * l10) / l11
    l22 = np.sqrt(max(m[2, 2] - l20 * l20 - l21 * l21, 1e-30))
    y0 = r[0] / l00
    y1 = (r[1] - l10 * y0) / l11
    y2 = (r[2] - l20 * y0 - l21 * y1) / l22
    x = np.empty(3)
    x[2] = y2 / l22
    x[1] = (y1 - l21 * x[2]) / l11
    x[0] = (y0 - l10 * x[1] - l20 * x[2]) / l00
    return x


@nb.njit(cache=True)
def _place(points, quadrics, kind, fixed, u, v):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Where the collapsed point goes, and the error there; u is the one that may go."""
    q = quadrics[u] + quadrics[v]
    if kind[v] > kind[u]:
        x = points[v].copy()
        return x, _error(q, x)
    middle = 0.5 * (points[u] + points[v])
    pull = PULL * (q[0] + q[3] + q[5]) / 3 + 1e-12
    m = np.array([[q[0], q[1], q[2]], [q[1], q[3], q[4]], [q[2], q[4], q[5]]])
    r = -q[6:9] + pull * middle
    for e in range(3):
        m[e, e] += pull
    for e in range(3):
        if fixed[u, e] or fixed[v, e]:
            for f in range(3):
                if f != e:
                    r[f] -= m[f, e] * points[v, e]
                    m[f, e] = m[e, f] = 0.0
            m[e, e], r[e] = 1.0, points[v, e]
    x = _solve(m, r)
    return x, _error(q, x)


@nb.njit(cache=True)
def _keep_volume(points, triangles, star, weights, u, v, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Shift x so that the volume behind the patch stays, at the least cost in the quadric."""
    quadrics, fixed = weights
    g = np.zeros(3)
    excess = 0.0
    for t in star:
        a, b, c = triangles[t]
        here = 0
        for k in range(3):
            if triangles[t, k] == u or triangles[t, k] == v:
                here += 1
        pa, pb, pc = points[a] - x, points[b] - x, points[c] - x
        # volumes are taken from x, where the new triangles have none
        excess += (pa * _cross(pb, pc)).sum()
        if here == 1:
            for k in range(3):
                w = triangles[t, k]
                if w == u or w == v:
                    p, s = points[triangles[t, (k + 1) % 3]], points[triangles[t, (k + 2) % 3]]
                    g += _cross(p - x, s - x)
    # moving x by dx adds g . dx, where g sums the cross products of the ring around the star
    q = quadrics[u] + quadrics[v]
    pull = PULL * (q[0] + q[3] + q[5]) / 3 + 1e-12
    m = np.array([[q[0] + pull, q[1], q[2]], [q[1], q[3] + pull, q[4]], [q[2], q[4], q[5] + pull]])
    for e in range(3):
        if fixed[u, e] or fixed[v, e]:
            g[e] = 0.0
            for f in range(3):
                m[e, f] = m[f, e] = 0.0
            m[e, e] = 1.0
    step = _solve(m, g)
    slope = (g * step).sum()
    d = points[u] - points[v]
    shift = step * (excess / max(slope, 1e-30))
    return x + shift if slope > 1e-12 and (shift * shift).sum() < (d * d).sum() else x


@nb.njit(cache=True)
def _gather(triangles, alive, head, link, v, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """List the living triangles around v into out; returns how many, or -1 if they are too many."""
    n = 0
    at = head[v]
    while at >= 0:
        t = at // 3
        if alive[t] and triangles[t, at % 3] == v:
            if n == len(out):
                return -1
            out[n] = t
            n += 1
        at = link[at]
    return n


@nb.njit(cache=True, inline="always")
def _has(triangles, t, v):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return triangles[t, 0] == v or triangles[t, 1] == v or triangles[t, 2] == v


@nb.njit(cache=True)
def _count_with(triangles, star, v):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """How many triangles of a star have the point v."""
    n = 0
    for t in star:
        if _has(triangles, t, v):
            n += 1
    return n


@nb.njit(cache=True)
def _allowed(triangles, kind, links, star_u, star_v, u, v):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Whether collapsing (u, v) leaves the complex as it hangs together: the link condition."""
    if kind[u] == 1 and not _curve_allows(triangles, kind, links, star_v, u, v):
        return False
    # a common neighbour that is no apex of the edge would get two edges to the same point
    common = apexes = 0
    for t in star_u:
        for k in range(3):
            w = triangles[t, k]
            if w != u and w != v and _count_with(triangles, star_v, w) > 0:
                common += 1
        if _has(triangles, t, v):
            apexes += _count_with(triangles, star_u, triangles[t, 0] + triangles[t, 1] + triangles[t, 2] - u - v)
    return common == apexes and not _would_coincide(triangles, star_u, star_v, u, v)


@nb.njit(cache=True)
def _curve_allows(triangles, kind, links, star_v, u, v):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Points of a curve go along it only, and no two curves may fall together."""
    if kind[v] == 0 or (links[u, 0] != v and links[u, 1] != v):
        return False
    far = links[u, 0] if links[u, 1] == v else links[u, 1]
    if far == v:
        return False
    if kind[far] == 1 and (links[far, 0] == v or links[far, 1] == v):
        return False
    if kind[v] == 1 and (links[v, 0] == far or links[v, 1] == far):
        return False
    return not (kind[far] == 2 and kind[v] == 2 and _count_with(triangles, star_v, far) > 0)


@nb.njit(cache=True)
def _would_coincide(triangles, star_u, star_v, u, v):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Whether a triangle of u and one of v have the same far edge."""
    for t in star_u:
        if _has(triangles, t, v):
            continue
        for s in star_v:
            if _has(triangles, s, u):
                continue
            same = 0
            for k in range(3):
                w = triangles[t, k]
                if w != u and _has(triangles, s, w):
                    same += 1
            if same == 2:
                return True
    return False


@nb.njit(cache=True)
def _keeps_shape(points, triangles, star, u, v, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Whether no triangle of u's star that stays turns round or becomes a sliver when u goes to x."""
    for t in star:
        old = np.empty((3, 3))
        new = np.empty((3, 3))
        gone = False
        for k in range(3):
            w = triangles[t, k]
            if w == v:
                gone = True
            old[k] = points[w]
            new[k] = x if w == u else points[w]
        if gone:
            continue
        before = _cross(old[1] - old[0], old[2] - old[0])
        after = _cross(new[1] - new[0], new[2] - new[0])
        size_before, size_after = np.sqrt((before * before).sum()), np.sqrt((after * after).sum())
        if (before * after).sum() < TURN * size_before * size_after or size_after <= 0.0:
            return False
        edges_before = ((old[1] - old[0]) ** 2).sum() + ((old[2] - old[1]) ** 2).sum() + ((old[0] - old[2]) ** 2).sum()
        edges_after = ((new[1] - new[0]) ** 2).sum() + ((new[2] - new[1]) ** 2).sum() + ((new[0] - new[2]) ** 2).sum()
        if size_after < SHAPE * edges_after and size_after * edges_before < size_before * edges_after:
            return False
    return True


@nb.njit(cache=True)
def _chains(triangles, n):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Corners of each point as a chain: first and last corner, and the next one of each corner."""
    head, tail = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    link = np.full(3 * len(triangles), -1, np.int64)
    for c in range(3 * len(triangles)):
        v = triangles[c // 3, c % 3]
        if head[v] < 0:
            head[v] = c
        else:
            link[tail[v]] = c
        tail[v] = c
    return head, tail, link


@nb.njit(cache=True)
def _both_stars(triangles, star_u, star_v, u):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Triangles of either star, each once."""
    n = len(star_u)
    both = np.empty(n + len(star_v), np.int64)
    both[:n] = star_u
    for t in star_v:
        if not _has(triangles, t, u):
            both[n] = t
            n += 1
    return both[:n]


@nb.njit(cache=True)
def _run(points, triangles, kind, fixed, edges, held, target):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    quadrics, links = held
    how = (quadrics, kind, fixed)
    n = len(points)
    alive = np.ones(len(triangles), np.bool_)
    head, tail, link = _chains(triangles, n)
    version = np.zeros(n, np.int64)
    queue = [(np.float64(0.0), np.int64(-1), np.int64(-1), np.int64(0))]
    queue.pop()
    for e in range(len(edges)):
        _offer(queue, version, points, how, np.int64(edges[e, 0]), np.int64(edges[e, 1]))
    left = len(triangles)
    buffer_u, buffer_v = np.empty(512, np.int64), np.empty(512, np.int64)
    while left > target and len(queue) > 0:
        _, u, v, stamp = heapq.heappop(queue)
        if stamp != version[u] + version[v] or version[u] < 0 or version[v] < 0:
            continue
        n_u = _gather(triangles, alive, head, link, u, buffer_u)
        n_v = _gather(triangles, alive, head, link, v, buffer_v)
        if n_u < 0 or n_v < 0:
            continue
        star_u, star_v = buffer_u[:n_u], buffer_v[:n_v]
        if not _allowed(triangles, kind, links, star_u, star_v, u, v):
            continue
        x = _place(points, quadrics, kind, fixed, u, v)[0]
        if kind[u] == 0 and kind[v] == 0:
            both = _both_stars(triangles, star_u, star_v, u)
            x = _keep_volume(points, triangles, both, (quadrics, fixed), u, v, x)
        if not (_keeps_shape(points, triangles, star_u, u, v, x) and _keeps_shape(points, triangles, star_v, v, u, x)):
            continue
        points[v] = x
        left -= _merge(triangles, alive, links, kind, star_u, u, v)
        quadrics[v] += quadrics[u]
        link[tail[v]] = head[u]
        tail[v] = tail[u]
        version[u] = -(1 << 60)
        version[v] += 1 << 20
        n_v = _gather(triangles, alive, head, link, v, buffer_v)
        for i in range(n_v):
            for k in range(3):
                w = triangles[buffer_v[i], k]
                # inside a patch each neighbour follows v in one triangle; on curves it may not
                if w != v and (kind[v] >= 1 or triangles[buffer_v[i], (k + 2) % 3] == v):
                    _offer(queue, version, points, how, np.int64(v), np.int64(w))
    return alive


@nb.njit(cache=True)
def _offer(queue, version, points, how, a, b):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Put an edge into the queue, the end that may go first."""
    quadrics, kind, fixed = how
    u, v = (a, b) if kind[a] < kind[b] or (kind[a] == kind[b] and a < b) else (b, a)
    if kind[u] == 2:
        return
    cost = _place(points, quadrics, kind, fixed, u, v)[1]
    weight = quadrics[u, 0] + quadrics[u, 3] + quadrics[u, 5] + quadrics[v, 0] + quadrics[v, 3] + quadrics[v, 5]
    if cost > REACH * REACH * weight:
        return
    d = points[u] - points[v]
    # among edges that cost nothing the short ones go first
    heapq.heappush(queue, (cost + 1e-6 * (d * d).sum(), u, v, version[u] + version[v]))


@nb.njit(cache=True)
def _merge(triangles, alive, links, kind, star_u, u, v):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Put v in the place of u; returns how many triangles are gone."""
    gone = 0
    for t in star_u:
        if triangles[t, 0] == v or triangles[t, 1] == v or triangles[t, 2] == v:
            alive[t] = False
            gone += 1
        else:
            for k in range(3):
                if triangles[t, k] == u:
                    triangles[t, k] = v
    if kind[u] == 1 and kind[v] >= 1:
        far = links[u, 0] if links[u, 1] == v else links[u, 1]
        for k in range(2):
            if links[far, k] == u:
                links[far, k] = v
            if links[v, k] == u:
                links[v, k] = far
    return gone
