"""What can be measured of each state of a series, and of pairs of states, by name. No files are read here.

A measure takes the volume, a `Job` and its options, which are the keys of its ``[[measure]]`` table. It returns rows
and may keep files in the folder of the state. A new one is a dataclass, a function and an entry of `MEASURES` or
`COMPARISONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.measure.columns import as_names, phase_mask
from ssb2mesh.measure.plan import MeasurePlan
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.voxel_fields import VoxelField

if TYPE_CHECKING:
    from ssb2mesh.measure.layers import LayerThickness
    from ssb2mesh.measure.tables import Row

__all__ = ["COMPARISONS", "MEASURES", "Job", "Kind"]

Phases = str | Sequence[str]


@dataclass(frozen=True)
class Job:
    """What a measure knows beside the volume.

    Parameters
    ----------
    name : str
        Of the task; files are called by it.
    folder : Path
        Where files of this state are kept.
    charge : float, optional
        Charge passed up to this state, C.
    greys : callable
        Reads the grey values of the state (of a comparison: of both), None for a state without.
    """

    name: str
    folder: Path
    charge: float | None = None
    greys: Callable[[], tuple[VoxelField | None, ...]] = lambda: (None, None)

    def keep(self, values: Any) -> None:
        """Keep an array as ``<name>.npy``."""
        with replacing(self.folder / f"{self.name}.npy") as (part,):
            np.save(part, values)


class Kind(NamedTuple):
    """A kind of measure or comparison.

    Attributes
    ----------
    options : type
        Dataclass whose fields are the keys of its table.
    run : callable
        Takes one volume (a comparison: two), a `Job` and the options; returns rows.
    grey : bool
        Whether it looks at grey values, too.
    """

    options: type
    run: Callable[..., list[Row]]
    grey: bool = False


@dataclass(frozen=True)
class _Nothing:
    """A measure without options."""


@dataclass(frozen=True)
class _Pieces:
    phases: Phases


@dataclass(frozen=True)
class _Contact:
    side: str
    electrode: Phases
    electrolyte: Phases
    voids: Phases
    within: int
    look: str = "electrode"
    conductivity: Any = None
    thickness: Any = None


@dataclass(frozen=True)
class _VoidRoles:
    voids: Phases
    electrode: Phases
    electrolyte: Phases


@dataclass(frozen=True)
class _Layer:
    phases: Phases
    side: str
    until: Phases = ()
    count: str = "material"

    def of(self, volume: LabelledVolume, known: Sequence[str] = ()) -> LayerThickness:
        """Thickness in one volume; of the phases `known` from another one it may lack some."""
        from ssb2mesh.measure.layers import layer_thickness

        lacking = set(known) - set(volume.phase_names)
        phases, until = ([n for n in as_names(names) if n not in lacking] for names in (self.phases, self.until))
        if not phases:
            raise InputError(
                f"phases: one of the states has none of {', '.join(as_names(self.phases))}: no layer there"
            )
        return layer_thickness(volume, phases, side=self.side, until=until, count=self.count)


@dataclass(frozen=True)
class _Surface:
    side: str
    phases: Phases
    level: str = "plane"
    cutoff: Any = None
    along: str | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class _Crack:
    crack: Phases


@dataclass(frozen=True)
class _Change:
    phases: Phases
    tolerance: int = 0
    body: Phases | None = None
    outside: str | None = None


@dataclass(frozen=True)
class _Windows:
    window: int
    step: int
    search: int
    phases: Phases = ()
    least: float = 0.7


def _fractions(volume: LabelledVolume, job: Job, o: _Nothing) -> list[Row]:
    from ssb2mesh.measure.tables import Row

    shares = volume.volume_fractions()
    voxel = float(np.prod(volume.spacing))
    counts = volume.voxel_counts()
    rows = [Row("volume fraction", name, "total", share) for name, share in shares.items()]
    return rows + [Row("volume", name, "volume", count * voxel, "m3") for name, count in counts.items()]


def _connectivity(volume: LabelledVolume, job: Job, o: _Pieces) -> list[Row]:
    from ssb2mesh.measure.tables import Row
    from ssb2mesh.volume.components import connected_components

    found = connected_components(volume)
    rows = []
    for name in as_names(o.phases):
        mine = found.of(name)
        sizes = found.sizes[mine]
        rows.append(Row("connectivity", name, "pieces", float(len(mine))))
        rows.append(Row("connectivity", name, "largest piece", float(sizes.max() / sizes.sum())))
        for axis in "xyz":
            through = float(sizes[found.percolating(axis)[mine]].sum() / sizes.sum())
            rows.append(Row("connectivity", name, "percolating", through, "", axis))
    return rows


def _areas(volume: LabelledVolume, job: Job, o: _Nothing) -> list[Row]:
    from ssb2mesh.measure.areas import interface_areas

    return interface_areas(volume).rows()


def _survey(volume: LabelledVolume, job: Job, o: MeasurePlan) -> list[Row]:
    from ssb2mesh.measure.survey import measure_volume

    return measure_volume(volume, plan=o).rows()


def _contact_map(volume: LabelledVolume, job: Job, o: _Contact) -> list[Row]:
    from ssb2mesh.measure.contact_maps import contact_map
    from ssb2mesh.measure.spots import contact_spots, estimate_constriction
    from ssb2mesh.measure.spreading import spreading_resistance
    from ssb2mesh.study.quantities import read_conductivity
    from ssb2mesh.units import parse_length

    if (o.conductivity is None) != (o.thickness is None):
        raise InputError("conductivity, thickness: got one of them; give both for the constriction, or none")
    picture = contact_map(
        volume, o.side, electrode=o.electrode, electrolyte=o.electrolyte, voids=o.voids, within=o.within, look=o.look
    )
    job.keep(picture.contact.astype(np.uint8))
    spots = contact_spots(picture)
    rows = [*picture.rows(job.name), *spots.rows(job.name)]
    if o.conductivity is not None and picture.contact.any():
        kappa, length = read_conductivity(o.conductivity), parse_length(o.thickness, name="thickness")
        rows += estimate_constriction(spots, kappa).rows(job.name)
        rows += spreading_resistance(picture, thickness=length, conductivity=kappa).rows(job.name)
    return rows


def _voids(volume: LabelledVolume, job: Job, o: _VoidRoles) -> list[Row]:
    from ssb2mesh.measure.contact_maps import interfacial_voids

    return interfacial_voids(volume, o.voids, electrode=o.electrode, electrolyte=o.electrolyte).rows(job.name)


def _thickness(volume: LabelledVolume, job: Job, o: _Layer) -> list[Row]:
    from ssb2mesh.measure.tables import Row

    if not o.phases:  # the state has none of it
        axis = o.side[:1]
        return [Row("layer thickness", job.name, "covered", 0.0, "", axis),
                Row("layer thickness", job.name, "volume", 0.0, "m3", axis)]  # fmt: skip
    found = o.of(volume)
    job.keep(found.values)
    return found.rows(job.name)


def _roughness(volume: LabelledVolume, job: Job, o: _Surface) -> list[Row]:
    from ssb2mesh.measure.roughness import profile_roughness, roughness
    from ssb2mesh.measure.topography import height_map
    from ssb2mesh.units import parse_length

    if o.threshold is not None and (isinstance(o.threshold, bool) or not isinstance(o.threshold, (int, float))):
        raise InputError(f"threshold: got {o.threshold!r}; give the grey value at the surface, a number")
    grey = None if o.threshold is None else job.greys()[0]
    if o.threshold is not None and grey is None:
        raise InputError(
            "grey: the state has none, and threshold is a grey value; give grey = 'scan.tif' in its [[state]]"
        )
    values = None if grey is None else grey.values
    heights = height_map(volume, o.side, phases=o.phases, grey=values, threshold=o.threshold)
    length = None if o.cutoff is None else parse_length(o.cutoff, name="cutoff")
    job.keep(heights.values)
    rows = roughness(heights, level=o.level, cutoff=length).rows(job.name, heights.axis)
    if o.along is not None:
        rows += profile_roughness(heights, along=o.along, level=o.level, cutoff=length).rows(job.name, o.along)
    return rows


def _filling(volume: LabelledVolume, job: Job, o: _Crack) -> list[Row]:
    from ssb2mesh.measure.changes import faraday_volume, filling_fraction
    from ssb2mesh.measure.tables import Row

    if job.charge is None:
        raise InputError("charge: the state has none; give charge = '0.15 mAh' in its [[state]] table")
    space = int(phase_mask(volume, as_names(o.crack), "crack").sum()) * float(np.prod(volume.spacing))
    lithium = faraday_volume(abs(job.charge))
    return [
        Row("filling", job.name, "lithium volume", lithium, "m3"),
        Row("filling", job.name, "crack volume", space, "m3"),
        Row("filling", job.name, "filling fraction", filling_fraction(lithium, space)),
    ]


def _phase_change(before: LabelledVolume, after: LabelledVolume, job: Job, o: _Change) -> list[Row]:
    from ssb2mesh.measure.changes import phase_change

    after, rows = _registered(before, after, job, o)
    found = phase_change(before, after, o.phases, tolerance=o.tolerance)
    job.keep(found.kind)
    return [*rows, *found.rows(job.name)]


def _thickness_change(before: LabelledVolume, after: LabelledVolume, job: Job, o: _Layer) -> list[Row]:
    from ssb2mesh.measure.changes import thickness_change

    found = thickness_change(o.of(before, after.phase_names), o.of(after, before.phase_names))
    job.keep(found.values)
    return found.rows(job.name)


def _displacement(before: LabelledVolume, after: LabelledVolume, job: Job, o: _Windows) -> list[Row]:
    from ssb2mesh.measure.correlation import correlate

    first, second = _textures(before, after, job, o)
    found = correlate(first, second, window=o.window, step=o.step, search=o.search, least=o.least)
    names = as_names(o.phases)
    if names:  # what moves beside these phases is not asked for
        found = found.where(VoxelField.on(before, phase_mask(before, names, "phases")))
    job.keep(found.displacement)
    return found.rows(job.name)


def _textures(before: LabelledVolume, after: LabelledVolume, job: Job, o: _Windows) -> tuple[VoxelField, VoxelField]:
    """What is correlated: the grey values if both states have them, else the phases."""
    from scipy import ndimage

    first, second = job.greys()
    if first is not None and second is not None:
        return first, second
    if first is not None or second is not None:
        which = "later" if second is None else "earlier"
        raise InputError(f"grey: the {which} state has none, the other has; give grey to both or to none")
    names = as_names(o.phases)
    if not names:
        raise InputError("phases: missing; name the phases whose texture moved, or give the states their grey values")
    # labels are blurred by a voxel: steps cannot be placed between voxels
    one, two = (
        ndimage.gaussian_filter(phase_mask(v, names, "phases").astype(np.float32), 1.0) for v in (before, after)
    )
    return VoxelField.on(before, one), VoxelField.on(after, two)


def _registered(
    before: LabelledVolume, after: LabelledVolume, job: Job, o: _Change
) -> tuple[LabelledVolume, list[Row]]:
    """The later state on the grid of the earlier one, where a body is named that moved as a whole."""
    if o.body is None:
        return after, []
    if o.outside is None:
        raise InputError("outside: missing; name the phase of voxels that the later state does not show")
    from ssb2mesh.measure.registration import register_rigid, resample_labels

    body = as_names(o.body)
    first, second = (VoxelField.on(v, phase_mask(v, body, "body")) for v in (before, after))
    motion = register_rigid(first, second)
    return resample_labels(after, motion, like=before, outside=o.outside), motion.rows(job.name)


#: Measures of one state, by the ``type`` of their table.
MEASURES: dict[str, Kind] = {
    "fractions": Kind(_Nothing, _fractions),
    "connectivity": Kind(_Pieces, _connectivity),
    "areas": Kind(_Nothing, _areas),
    "survey": Kind(MeasurePlan, _survey),
    "contact_map": Kind(_Contact, _contact_map),
    "voids": Kind(_VoidRoles, _voids),
    "thickness": Kind(_Layer, _thickness),
    "roughness": Kind(_Surface, _roughness, grey=True),
    "filling": Kind(_Crack, _filling),
}

#: Comparisons of a state with the one before or the first one.
COMPARISONS: dict[str, Kind] = {
    "phase_change": Kind(_Change, _phase_change),
    "thickness_change": Kind(_Layer, _thickness_change),
    "displacement": Kind(_Windows, _displacement, grey=True),
}
