"""Connected components of every phase of a volume at once. No clean-up, no measures built on top of them."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError
from ssb2mesh.volume import BOX_SIDES, LabelledVolume
from ssb2mesh.volume.counting import count_labels
from ssb2mesh.volume.forest import root

__all__ = ["Components", "connected_components", "label_components"]


@dataclass(frozen=True, eq=False, repr=False)
class Components:
    """The face-connected components of all phases; component ``c`` is row ``c`` of every table.

    Parameters
    ----------
    ids : (nx, ny, nz) int32 array
        Component of each voxel, 0 .. n-1, numbered by the first voxel in C order.
    labels : (n,) int array
        Label of each component's phase.
    sizes : (n,) int64 array
        Voxels of each component.
    sides : (n,) uint8 array
        Sides of the box that the component touches, a bit each in the order of `ssb2mesh.volume.BOX_SIDES`.
    phases : mapping of int to str
        Phase name of each label.
    """

    ids: npt.NDArray[np.int32]
    labels: npt.NDArray[np.integer]
    sizes: npt.NDArray[np.int64]
    sides: npt.NDArray[np.uint8]
    phases: dict[int, str]

    def __len__(self) -> int:
        return len(self.sizes)

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.counts().items())
        return f"<Components {len(self)}: {counts}>"

    def of(self, phase: str) -> npt.NDArray[np.intp]:
        """Return the components of a phase, largest first (ties: lowest id).

        Parameters
        ----------
        phase : str
            Phase name.

        Returns
        -------
        (n,) int array
            Component ids.

        Raises
        ------
        InputError
            If no phase has this name.
        """
        label = next((k for k, name in self.phases.items() if name == phase), None)
        if label is None:
            raise InputError(f"phase: no phase {phase!r}; phases: {', '.join(self.phases.values())}")
        mine = np.flatnonzero(self.labels == label)
        return mine[np.argsort(-self.sizes[mine], kind="stable")]

    def counts(self) -> dict[str, int]:
        """Return the number of components of each phase, by name."""
        found, counts = count_labels(self.labels)
        by_label = dict(zip(found.tolist(), counts.tolist(), strict=True))
        return {name: by_label.get(label, 0) for label, name in self.phases.items()}

    def touching(self, side: str) -> npt.NDArray[np.bool_]:
        """Return which components touch a side of the box.

        Parameters
        ----------
        side : str
            ``x_min`` ... ``z_max``.

        Returns
        -------
        (n,) bool array
            True where the component has a voxel face on that side.

        Raises
        ------
        InputError
            If there is no such side.
        """
        if side not in BOX_SIDES:
            raise InputError(f"side: got {side!r}; sides: {', '.join(BOX_SIDES)}")
        return (self.sides >> BOX_SIDES.index(side) & 1).astype(bool)

    def percolating(self, axis: str) -> npt.NDArray[np.bool_]:
        """Return which components reach from one side of the box to the opposite one.

        Parameters
        ----------
        axis : str
            ``x``, ``y`` or ``z``.

        Returns
        -------
        (n,) bool array
            True for percolating components.

        Raises
        ------
        InputError
            If there is no such axis.
        """
        if axis not in ("x", "y", "z"):
            raise InputError(f"axis: got {axis!r}; axes: x, y, z")
        return self.touching(f"{axis}_min") & self.touching(f"{axis}_max")


def connected_components(volume: LabelledVolume) -> Components:
    """Return the face-connected components of every phase, found in one pass over the volume.

    Union-find in scan order on the voxel grid (two-pass component labelling, 10.1145/321356.321357), all labels at
    once. Time is linear in the voxels and does not depend on the number of phases or components.

    Parameters
    ----------
    volume : LabelledVolume
        Up to 2**31 - 1 voxels.

    Returns
    -------
    Components
        Ids per voxel and a table with one row a component.

    Raises
    ------
    InputError
        If the volume has more voxels than int32 ids can count.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((3, 1, 1), np.uint8)
    >>> labels[1] = 1
    >>> found = connected_components(LabelledVolume(labels, (1e-6,) * 3, phases={0: "void", 1: "NMC"}))
    >>> found.counts()
    {'void': 2, 'NMC': 1}
    """
    ids, labels, sizes, sides = label_components(volume.labels)
    return Components(ids, labels, sizes, sides, dict(volume.phases))


def label_components(
    labels: npt.NDArray[np.integer] | npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.integer], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return ids, labels, sizes and box sides of the components of a bare label array.

    Parameters
    ----------
    labels : (nx, ny, nz) integer or bool array
        Voxels are connected when they share a face and a label.

    Returns
    -------
    ids : (nx, ny, nz) int32 array
        Component of each voxel.
    labels, sizes, sides : (n,) arrays
        As in `Components`.

    Raises
    ------
    InputError
        If there are too many voxels.
    """
    if labels.size >= 2**31:
        raise InputError(f"volume: {labels.size} voxels are more than 2147483647; crop or downsample it first")
    work = np.ascontiguousarray(labels)
    if work.dtype == bool:
        work = work.view(np.uint8)
    elif not work.dtype.isnative:
        work = work.astype(work.dtype.newbyteorder("="))
    ids = np.empty(work.shape, np.int32)
    count = _unite(work.reshape(-1), ids.reshape(-1), work.shape)
    found, sizes, sides = _number(work, ids.reshape(-1), count)
    return ids, found.astype(labels.dtype), sizes, sides


@numba.njit(cache=True)
def _unite(labels, parent, shape):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill `parent` with a forest whose parents precede their children; return the number of roots."""
    nx, ny, nz = shape
    slab = ny * nz
    count = 0
    v = 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                label = labels[v]
                run = k > 0 and labels[v - 1] == label
                head = parent[v - 1] if run else v
                if not run:
                    count += 1
                parent[v] = head
                # a neighbour row needs a look only where its run starts: further along, the union is already done
                for inside, back in ((j, nz), (i, slab)):
                    if inside == 0:
                        continue
                    w = v - back
                    if labels[w] != label or (run and labels[w - 1] == label):
                        continue
                    a = root(parent, v)
                    b = root(parent, w)
                    if a != b:
                        count -= 1
                        if a < b:
                            parent[b] = a
                        else:
                            parent[a] = b
                        parent[v] = min(a, b)
                v += 1
    return count


@numba.njit(cache=True)
def _number(labels, ids, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Turn the forest into ids in place: every parent precedes its child, so it already holds its final id."""
    nx, ny, nz = labels.shape
    found = np.empty(count, np.int64)
    sizes = np.zeros(count, np.int64)
    sides = np.zeros(count, np.uint8)
    v = 0
    new = 0
    for i in range(nx):
        for j in range(ny):
            edge = (1 if i == 0 else 0) | (2 if i == nx - 1 else 0) | (4 if j == 0 else 0) | (8 if j == ny - 1 else 0)
            for k in range(nz):
                if ids[v] == v:
                    c = new
                    found[c] = labels[i, j, k]
                    new += 1
                else:
                    c = ids[ids[v]]
                ids[v] = c
                sizes[c] += 1
                sides[c] |= np.uint8(edge | (16 if k == 0 else 0) | (32 if k == nz - 1 else 0))
                v += 1
    return found, sizes, sides
