"""Sets joined as they are found: a forest in one array, for compiled loops. Nothing of voxels or meshes here."""

from __future__ import annotations

import numba as nb

__all__ = ["root"]


@nb.njit(cache=True, inline="always")
def root(parent, v):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Root of the tree that v is in; the way to it is halved (10.1145/62.2160)."""
    while parent[v] != v:
        parent[v] = parent[parent[v]]
        v = parent[v]
    return v
