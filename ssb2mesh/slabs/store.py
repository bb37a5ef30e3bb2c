"""Slabs on disk between their making and the mesh file. No numbering, no formats for others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssb2mesh.slabs.keep import SlabMesh

__all__ = ["StoredSlab", "store_slab"]


@dataclass(frozen=True)
class StoredSlab:
    """A slab on disk; each array is read when it is asked for.

    Parameters
    ----------
    folder : Path
        Where its arrays are.
    """

    folder: Path

    def array(self, name: str) -> npt.NDArray:
        """Return ``points``, ``tets``, ``tags`` or ``shared``."""
        return np.load(self.folder / f"{name}.npy")

    def rows(self, kind: str) -> Mapping[str, npt.NDArray[np.int32]]:
        """Return ``sets`` or ``wholes`` by name."""
        names = json.loads((self.folder / f"{kind}.json").read_text(encoding="utf-8"))
        flat = np.load(self.folder / f"{kind}.npy")
        ends = np.cumsum([0, *names.values()])
        return {name: flat[a:b] for name, a, b in zip(names, ends[:-1], ends[1:], strict=True)}

    def remove(self) -> None:
        """Delete its files."""
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()


def store_slab(mesh: SlabMesh, folder: Path) -> StoredSlab:
    """Write a slab.

    Parameters
    ----------
    mesh : SlabMesh
        The slab.
    folder : Path
        New folder for it.

    Returns
    -------
    StoredSlab
        Where it is.

    Examples
    --------
    >>> store_slab(slab, Path("parts/0"))  # doctest: +SKIP
    """
    folder.mkdir(parents=True)
    for name in ("points", "tets", "tags", "shared"):
        np.save(folder / f"{name}.npy", getattr(mesh, name))
    for kind, width in (("sets", 3), ("wholes", 2)):
        named: Mapping[str, npt.NDArray[np.int32]] = getattr(mesh, kind)
        np.save(folder / f"{kind}.npy", np.concatenate([*named.values(), np.empty((0, width), np.int32)]))
        sizes = {name: len(rows) for name, rows in named.items()}
        (folder / f"{kind}.json").write_text(json.dumps(sizes), encoding="utf-8")
    return StoredSlab(folder)
