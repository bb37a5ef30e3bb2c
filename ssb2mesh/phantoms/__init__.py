"""Generated volumes with known answers, by name. One module a family; nothing here reads or writes files.

Every phantom has its own documented scale: ``voxel_size`` is an option with a default in metres.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from ssb2mesh.errors import InputError, nearest
from ssb2mesh.phantoms.base import Phantom, PhantomKind
from ssb2mesh.phantoms.composite import COMPOSITE_CATHODE
from ssb2mesh.phantoms.cracks import CRACKED_PELLET
from ssb2mesh.phantoms.gyroid import GYROID
from ssb2mesh.phantoms.laminate import LAMINATE
from ssb2mesh.phantoms.spheres import SIMPLE_CUBIC, SPHERE
from ssb2mesh.phantoms.stack import CELL_STACK

__all__ = ["PHANTOMS", "Phantom", "PhantomKind", "make_phantom"]

#: Every family by name. ``PHANTOMS[name].describe()`` lists its options.
PHANTOMS = MappingProxyType(
    {
        kind.name: kind
        for kind in (SPHERE, LAMINATE, SIMPLE_CUBIC, GYROID, COMPOSITE_CATHODE, CRACKED_PELLET, CELL_STACK)
    }
)


def make_phantom(name: str, *, seed: int = 0, **options: Any) -> Phantom:
    """Return a generated volume and what is known exactly about it.

    Parameters
    ----------
    name : str
        One of `PHANTOMS`.
    seed : int
        Seed of everything random; the same seed and options give the same voxels.
    **options
        Options of the family (``PHANTOMS[name].describe()``); lengths in m or as text with a unit.

    Returns
    -------
    Phantom
        ``.volume``, ``.exact``, ``.options`` and, where a formula exists, ``.conductivity``.

    Raises
    ------
    InputError
        For an unknown name or option, or a value out of range; all faults at once.

    Examples
    --------
    >>> phantom = make_phantom("sphere", shape=16, radius="5 um", voxel_size="1 um")
    >>> phantom.volume.shape
    (16, 16, 16)
    """
    if name not in PHANTOMS:
        raise InputError(f"phantom: got {name!r}; phantoms: {', '.join(PHANTOMS)}{nearest(name, PHANTOMS)}")
    return PHANTOMS[name](seed=seed, **options)
