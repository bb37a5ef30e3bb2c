"""What to measure of a volume, as a study or a command line says it. Nothing is measured here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssb2mesh.errors import InputError

if TYPE_CHECKING:
    from ssb2mesh.volume import LabelledVolume

__all__ = ["NECK", "MeasurePlan", "parse_slice"]

#: Two parts are two particles if the neck between them is narrower than this share of the smaller one.
NECK = 0.8


@dataclass(frozen=True)
class MeasurePlan:
    """What to measure beyond fractions, connectivity, areas and triple lines, which are always measured.

    Parameters
    ----------
    particles : tuple of str
        Phases whose particles (or pores) are told apart.
    thickness : tuple of str
        Phases whose local thickness (pore size) is mapped.
    cracks : tuple of str
        Phases that are cracks or other sheets.
    chords : tuple of str
        Phases whose chord lengths and two-point correlation are taken along all axes.
    slices : tuple of (phase, axis, position)
        Cracks on slices; the position from the lower side of the box, as text with a unit, or m.
    subvolumes : tuple of str or float
        Edges of the sub-volumes of the representative-volume study; empty: those of `representative_fractions`.
    neck : float
        For `label_particles`.

    Examples
    --------
    >>> MeasurePlan(particles=("NMC",)).particles
    ('NMC',)
    """

    particles: tuple[str, ...] = ()
    thickness: tuple[str, ...] = ()
    cracks: tuple[str, ...] = ()
    chords: tuple[str, ...] = ()
    slices: tuple[tuple[str, str, str | float], ...] = ()
    subvolumes: tuple[str | float, ...] = ()
    neck: float = NECK

    def check(self, volume: LabelledVolume) -> None:
        """Check names, axes, places and lengths against a volume before any work; InputError names what is wrong."""
        from ssb2mesh.measure.codes import axis_number
        from ssb2mesh.units import format_length, parse_length

        whole = len(volume.phases) == 1
        for what, names in (("particles", self.particles), ("thickness", self.thickness), ("cracks", self.cracks),
                            ("chords", self.chords), ("slices", tuple(s[0] for s in self.slices))):  # fmt: skip
            for name in names:
                try:
                    volume.label_of(name)
                except InputError as error:
                    raise InputError(f"{what}: {str(error).removeprefix('phase: ')}") from None
            if whole and names and what in ("particles", "thickness"):
                raise InputError(f"{what}: {names[0]!r} fills the whole volume; it has no surface to measure from")
        for _, axis, position in self.slices:
            size = volume.size[axis_number(axis)]
            place = parse_length(position, name="slices") if isinstance(position, str) else position
            if not 0 <= place <= size:
                raise InputError(
                    f"slices: got {position!r}; the volume reaches from 0 to {format_length(size)} along {axis}, "
                    "measured from its lower side, after a crop"
                )
        if not 0 <= self.neck <= 1:
            raise InputError(f"neck: got {self.neck!r}; give a share from 0 to 1")
        shortest = min(volume.size)
        for length in self.subvolumes:
            if parse_length(length, name="subvolumes") > shortest * (1 + 1e-9):
                raise InputError(
                    f"subvolumes: got {length!r}; the volume's shortest edge is {format_length(shortest)}: give less"
                )


def parse_slice(text: str) -> tuple[str, str, str]:
    """Return phase, axis and position of a slice as a command line gives it.

    Parameters
    ----------
    text : str
        ``"PHASE:AXIS:POSITION"``.

    Returns
    -------
    tuple of three str
        Phase, axis, position.

    Raises
    ------
    InputError
        If there are not three parts, or the axis is none.

    Examples
    --------
    >>> parse_slice("void:z:12 um")
    ('void', 'z', '12 um')
    """
    parts = text.rsplit(":", 2)
    if len(parts) != 3:
        raise InputError(f"slice: got {text!r}; write PHASE:AXIS:POSITION, such as 'void:z:12 um'")
    if parts[1] not in ("x", "y", "z"):
        raise InputError(f"slice: got axis {parts[1]!r} in {text!r}; axes: x, y, z")
    return parts[0], parts[1], parts[2]
