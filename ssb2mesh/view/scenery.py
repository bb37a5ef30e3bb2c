"""What is to be seen of a mesh: phases, interfaces, a slice, quality. No drawing here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.mesh import TaggedMesh

__all__ = ["Scenery", "parse_slice"]


@dataclass(frozen=True)
class Scenery:
    """What to show; by default all phases, whole.

    Parameters
    ----------
    hidden : tuple of str
        Phases to leave out.
    only : tuple of str
        Facet sets to show instead of the phases.
    slice : (str, float), optional
        Axis and place of a cut, from 0 to 1 along the box; what lies beyond it is left out.
    quality : bool
        Show the quality of the tets.

    Examples
    --------
    >>> Scenery(hidden=("LPSCl",), slice=("x", 0.5)).fragment()
    'hide=LPSCl&slice=x,0.5'
    """

    hidden: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    slice: tuple[str, float] | None = None
    quality: bool = False

    def checked(self, mesh: TaggedMesh) -> Scenery:
        """Return the same for a mesh; InputError if it names what the mesh has not, or hides everything."""
        for name in self.hidden:
            mesh.phase_tag(name)
        known = [name for name in mesh.facet_names if "|" in name or "@" in name]
        for name in self.only:
            if name not in known:
                listed = ", ".join(known[:30])
                raise InputError(f"only: no interface {name!r}{nearest(name, known)}; interfaces: {listed}")
        if not self.only and not set(mesh.cell_names) - set(self.hidden):
            raise InputError(f"hide: all phases are hidden ({', '.join(mesh.cell_names)}); show at least one")
        if self.slice is not None and not (self.slice[0] in ("x", "y", "z") and 0 <= self.slice[1] <= 1):
            raise InputError(f"slice: got {self.slice!r}; give an axis x, y or z and a place from 0 to 1")
        return replace(self, hidden=tuple(self.hidden), only=tuple(self.only))

    def fragment(self) -> str:
        """Return the same as the part of an address after ``#``."""
        parts = [f"hide={','.join(self.hidden)}"] if self.hidden else []
        parts += [f"only={','.join(self.only)}"] if self.only else []
        parts += [f"slice={self.slice[0]},{self.slice[1]:g}"] if self.slice else []
        return "&".join([*parts, "worst"] if self.quality else parts)


def parse_slice(text: str) -> tuple[str, float]:
    """Return axis and place of a cut from text.

    Parameters
    ----------
    text : str
        ``"x,0.5"``: axis and share of the box.

    Returns
    -------
    (str, float)
        As `Scenery` has it.

    Raises
    ------
    InputError
        If it is something else.

    Examples
    --------
    >>> parse_slice("x,0.5")
    ('x', 0.5)
    """
    axis, _, place = text.partition(",")
    try:
        share = float(place)
    except ValueError:
        share = -1.0
    if axis not in ("x", "y", "z") or not 0 <= share <= 1:
        raise InputError(f"slice: got {text!r}; write axis and place from 0 to 1 along the box, such as x,0.5")
    return axis, share
