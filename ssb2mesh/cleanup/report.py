"""What a clean-up verb says it did. No verb lives here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ssb2mesh.volume import LabelledVolume

__all__ = ["CleanupReport"]


@dataclass(frozen=True)
class CleanupReport:
    """What one verb changed.

    Parameters
    ----------
    verb : str
        Name of the verb.
    shape_before, shape_after : three int
        Voxels along x, y, z.
    voxels_before, voxels_after : dict of str to int
        Voxels of each phase.
    changed_voxels : int
        Voxels whose label is another one now; 0 where the grid itself changed (crop, downsample).
    components_removed : dict of str to int
        Components given to another phase, by the phase they had.
    notes : tuple of str
        What else the user should know.
    """

    verb: str
    shape_before: tuple[int, int, int]
    shape_after: tuple[int, int, int]
    voxels_before: dict[str, int]
    voxels_after: dict[str, int]
    changed_voxels: int = 0
    components_removed: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, verb: str, before: LabelledVolume, after: LabelledVolume, **more: Any) -> CleanupReport:
        """Build the report of `verb` from the volumes before and after it."""
        return cls(verb, before.shape, after.shape, before.voxel_counts(), after.voxel_counts(), **more)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def lines(self) -> list[str]:
        """Return text for a terminal: one line for the verb, one for each phase."""
        shapes = " x ".join(map(str, self.shape_before))
        if self.shape_after != self.shape_before:
            shapes += " -> " + " x ".join(map(str, self.shape_after))
        text = [f"{self.verb}: {shapes} voxels, {self.changed_voxels} changed"]
        total_before, total_after = sum(self.voxels_before.values()), sum(self.voxels_after.values())
        for name in dict.fromkeys([*self.voxels_before, *self.voxels_after]):
            was, now = self.voxels_before.get(name, 0), self.voxels_after.get(name, 0)
            line = f"  {name}: {was} -> {now} voxels, fraction {was / total_before:.5f} -> {now / total_after:.5f}"
            removed = self.components_removed.get(name, 0)
            text.append(line + (f", {removed} components removed" if removed else ""))
        return text + [f"  note: {note}" for note in self.notes]
