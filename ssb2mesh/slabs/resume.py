"""Finished seams and slabs on disk, found again by a run that makes the same mesh. Nothing is meshed here.

Of every seam there is ``seam<n>.npz``; of every slab the folder ``<n>`` and ``<n>.npz``, which is written last and is
whole or not there, so that a run that is cut off leaves whole slabs or none. ``<folder>.json`` says what they were made
of.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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

    def open(self, planes: tuple[int, ...], *, tell: Callable[[str], None] | None = None) -> int:
        """Make the folder, or keep it if it holds parts of the same mesh; return how many slabs are finished.

        Parameters
        ----------
        planes : tuple of int
            Where the slabs begin and end.
        tell : callable, optional
            Called with a line on what was found of a run that was cut off.

        Returns
        -------
        int
            0 in a new folder.
        """
        tell = tell or (lambda _: None)
        made_of = {"key": self.key, "planes": list(planes)}
        before = _read(self.folder) if self.folder.is_dir() else {}
        if not self.key or before != made_of:
            left = len(list(self.folder.glob("*.npz")))
            if self.key and left:
                tell(f"begun anew, {_difference(before, made_of)}")
            self.remove()
            self.folder.mkdir()
            with replacing(_record(self.folder)) as (part,):
                part.write_text(json.dumps(made_of), encoding="utf-8")
        slabs = len(planes) - 1
        done = sum(1 for slab in range(slabs) if self.slab(slab) is not None)
        if done:
            tell(f"kept from the run that was cut off: {done} of {slabs} slabs")
        return done

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
        """Return what there is of a finished slab; None if it is not there, or not whole."""
        found = _load(self.folder / f"{number}.npz", tuple)
        if found is None:
            return None
        stored, (counts, numbers) = StoredSlab(self.folder / str(number)), found
        return (stored, counts, numbers) if _is_whole(stored, counts) else None

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


def _difference(before: Mapping[str, Any], made_of: Mapping[str, Any]) -> str:
    """Why parts that are there are of no use."""
    if before.get("key") == made_of["key"]:
        slabs = [len(one["planes"]) - 1 for one in (before, made_of)]
        return f"as the run that was cut off was making {slabs[0]} slabs and this one makes {slabs[1]}"
    return "as the volume, the options or the program are not those of the run that was cut off"


def _is_whole(stored: StoredSlab, counts: SlabCounts) -> bool:
    """Whether the arrays of a slab are there in full length; a file that was cut short cannot be mapped."""
    rows = sum(counts.sets.values()), sum(counts.wholes.values())
    lengths = {"points": counts.points, "tets": counts.tets, "tags": counts.tets, "sets": rows[0], "wholes": rows[1]}
    try:
        stored.array("shared")
        stored.rows("sets"), stored.rows("wholes")
        return all(len(np.load(stored.folder / f"{k}.npy", mmap_mode="r")) == n for k, n in lengths.items())
    except UNREADABLE:
        return False


def _load(path: Path, kind: type):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """A value of a kind; None where it is not there or damaged, and so made again."""
    try:
        found = load_frozen(path)
    except UNREADABLE:
        return None
    return found if isinstance(found, kind) else None
