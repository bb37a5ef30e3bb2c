"""Finished seams and slabs on disk, found again by a run that makes the same mesh. Nothing is meshed here.

Of every seam there is ``seam<n>.npz``; of every slab the folder ``<n>`` and ``<n>.npz``, which is written last and is
whole or not there, so that a run that is cut off leaves whole slabs or none. ``<folder>.json`` says what they were made
of.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from ssb2mesh.frozen import UNREADABLE, load_frozen, save_frozen
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.slabs.join import SlabCounts, count_slab
from ssb2mesh.slabs.keep import SlabMesh
from ssb2mesh.slabs.numbers import SlabNumbers
from ssb2mesh.slabs.seams import Seam
from ssb2mesh.slabs.store import StoredSlab, store_slab

__all__ = ["Parts", "slabs_before"]


@dataclass(frozen=True)
class Parts:
    """Where seams and slabs are kept until the mesh file is whole.

    Parameters
    ----------
    folder : Path
        Seen by all processes; its parent is there.
    key : str
        Digest of all that the mesh is made of, but the number of slabs.
    """

    folder: Path
    key: str = ""

    def open(self, planes: tuple[int, ...]) -> int:
        """Make the folder, or keep it if it holds parts of the same mesh; return how many slabs are finished.

        Parameters
        ----------
        planes : tuple of int
            Where the slabs begin and end.

        Returns
        -------
        int
            0 in a new folder.
        """
        made_of = {"key": self.key, "planes": list(planes)}
        if not self.key or _read(self.folder) != made_of or not self.folder.is_dir():
            self.remove()
            self.folder.mkdir()
            with replacing(_record(self.folder)) as (part,):
                part.write_text(json.dumps(made_of), encoding="utf-8")
        return sum(1 for slab in range(len(planes) - 1) if (self.folder / f"{slab}.npz").is_file())

    def remove(self) -> None:
        """Delete everything."""
        _record(self.folder).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def seam(self, number: int) -> Seam | None:
        """Return a finished seam."""
        return _load(self.folder / f"seam{number}.npz", Seam)

    def keep_seam(self, number: int, seam: Seam) -> Seam:
        """Write a seam, and return it."""
        save_frozen(seam, self.folder / f"seam{number}.npz")
        return seam

    def slab(self, number: int) -> tuple[StoredSlab, SlabCounts, SlabNumbers] | None:
        """Return what there is of a finished slab."""
        found = _load(self.folder / f"{number}.npz", tuple)
        return None if found is None else (StoredSlab(self.folder / str(number)), *found)

    def keep_slab(
        self, number: int, mesh: SlabMesh, numbers: SlabNumbers
    ) -> tuple[StoredSlab, SlabCounts, SlabNumbers]:
        """Write a slab, and return what there is of it."""
        folder, counts = self.folder / str(number), count_slab(mesh)
        if folder.exists():  # of a run that was cut off within it
            shutil.rmtree(folder)
        stored = store_slab(mesh, folder)
        save_frozen((counts, numbers), self.folder / f"{number}.npz")
        return stored, counts, numbers


def slabs_before(parts: Parts) -> int | None:
    """Return in how many slabs a run that was cut off was making the same mesh; None if there was none.

    Parameters
    ----------
    parts : Parts
        Not opened yet.

    Returns
    -------
    int or None
        Slabs.

    Examples
    --------
    >>> slabs_before(Parts(Path(".no-mesh.slabs"), "0"))
    """
    found = _read(parts.folder)
    return len(found["planes"]) - 1 if parts.key and found.get("key") == parts.key else None


def _record(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _read(folder: Path) -> dict:
    try:
        found = json.loads(_record(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and set(found) == {"key", "planes"} else {}


def _load(path: Path, kind: type):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """A value of a kind; None where it is not there or damaged, and so made again."""
    try:
        found = load_frozen(path)
    except UNREADABLE:
        return None
    return found if isinstance(found, kind) else None
