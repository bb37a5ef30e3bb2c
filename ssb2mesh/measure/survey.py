"""All measurements of a volume in one go, and their table. What is measured, and how, is in the other modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.measure.areas import InterfaceAreas, interface_areas
from ssb2mesh.measure.chords import Chords, TwoPoint, chord_lengths, two_point
from ssb2mesh.measure.codes import AXES
from ssb2mesh.measure.cracks import Cracks, SliceCracks, cracks_on_slice, measure_cracks
from ssb2mesh.measure.fractions import (
    Connectivity,
    Fractions,
    RepresentativeFractions,
    connectivity,
    representative_fractions,
    volume_fractions,
)
from ssb2mesh.measure.lines import TripleLines, triple_lines
from ssb2mesh.measure.particles import Particles, label_particles
from ssb2mesh.measure.plan import MeasurePlan
from ssb2mesh.measure.tables import Result, Row, write_table
from ssb2mesh.measure.thickness import LocalThickness, local_thickness
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.stages import Stages
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.components import connected_components

__all__ = ["Measures", "measure_volume", "write_measures"]


@dataclass(frozen=True, eq=False, repr=False)
class Measures:
    """What was measured of a volume.

    Parameters
    ----------
    fractions, connectivity, representative, areas, lines
        Of all phases.
    particles, thickness, cracks : mapping of str to result
        By phase.
    chords : mapping of (phase, axis) to (Chords, TwoPoint)
        Along all axes.
    slices : tuple of SliceCracks
        In the order asked for.
    """

    fractions: Fractions
    connectivity: Connectivity
    representative: RepresentativeFractions
    areas: InterfaceAreas
    lines: TripleLines
    particles: Mapping[str, Particles] = field(default_factory=dict)
    thickness: Mapping[str, LocalThickness] = field(default_factory=dict)
    cracks: Mapping[str, Cracks] = field(default_factory=dict)
    chords: Mapping[tuple[str, str], tuple[Chords, TwoPoint]] = field(default_factory=dict)
    slices: tuple[SliceCracks, ...] = ()

    def results(self) -> Iterator[Result]:
        """Give every result, in the order of the table."""
        yield from (self.fractions, self.connectivity, self.representative, self.areas, self.lines)
        for by_phase in (self.particles, self.thickness, self.cracks):
            yield from by_phase.values()
        for pair in self.chords.values():
            yield from pair
        yield from self.slices

    def rows(self) -> list[Row]:
        """Return every number as rows of one long table."""
        return [row for result in self.results() for row in result.rows()]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows."""
        found: dict[str, Any] = {
            "fractions": self.fractions.to_dict(),
            "connectivity": self.connectivity.to_dict(),
            "representative_volume": self.representative.to_dict(),
            **self.areas.to_dict(),
            "triple_lines": self.lines.to_dict(),
        }
        for name, by_phase in (("particles", self.particles), ("thickness", self.thickness), ("cracks", self.cracks)):
            if by_phase:
                found[name] = {phase: one.to_dict() for phase, one in by_phase.items()}
        if self.chords:
            found["chords"] = {f"{p} {a}": c.to_dict() for (p, a), (c, _) in self.chords.items()}
            found["two_point"] = {f"{p} {a}": t.to_dict() for (p, a), (_, t) in self.chords.items()}
        if self.slices:
            found["slices"] = [one.to_dict() for one in self.slices]
        return found

    def __repr__(self) -> str:
        return f"<Measures {self.fractions!r} {self.areas!r}>"


def measure_volume(
    volume: LabelledVolume,
    *,
    mesh: TaggedMesh | None = None,
    plan: MeasurePlan | None = None,
    stages: Stages | None = None,
) -> Measures:
    """Measure a volume.

    Parameters
    ----------
    volume : LabelledVolume
        The volume.
    mesh : TaggedMesh, optional
        A mesh of it: its interface areas and triple lines are given beside those of the voxels.
    plan : MeasurePlan, optional
        Sizes, cracks and others of chosen phases.
    stages : Stages, optional
        Collects time and memory.

    Returns
    -------
    Measures
        All results.

    Raises
    ------
    InputError
        If the plan names what the volume does not have; nothing is measured then.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((8, 8, 8), np.uint8)
    >>> labels[2:6, 2:6, 2:6] = 1
    >>> volume = LabelledVolume(labels, (1e-6,) * 3, phases={0: "LPSCl", 1: "NMC"})
    >>> measure_volume(volume, plan=MeasurePlan(particles=("NMC",))).particles["NMC"].summary()["count"]
    1.0
    """
    plan = MeasurePlan() if plan is None else plan
    stages = Stages() if stages is None else stages
    plan.check(volume)
    with stages("fractions"):
        fractions = volume_fractions(volume)
        representative = representative_fractions(volume, sizes=plan.subvolumes or None)
    with stages("components"):
        connected = connectivity(volume, components=connected_components(volume))
    with stages("areas"):
        areas = interface_areas(volume, mesh=mesh)
    with stages("triple lines"):
        lines = triple_lines(volume, mesh=mesh)
    with stages("particles"):
        particles = {name: label_particles(volume, name, neck=plan.neck) for name in plan.particles}
    with stages("local thickness"):
        thickness = {name: local_thickness(volume, name) for name in plan.thickness}
    with stages("cracks"):
        cracks = {name: measure_cracks(volume, name) for name in plan.cracks}
        slices = tuple(cracks_on_slice(volume, p, axis=a, position=x) for p, a, x in plan.slices)
    with stages("chords"):
        chords = {
            (name, axis): (chord_lengths(volume, name, axis=axis), two_point(volume, name, axis=axis))
            for name in plan.chords
            for axis in AXES
        }
    return Measures(fractions, connected, representative, areas, lines, particles, thickness, cracks, chords, slices)


def write_measures(measures: Measures, folder: str | Path) -> tuple[Path, Path]:
    """Write ``measures.csv`` (a long table, a number a row) and ``measures.json``.

    Parameters
    ----------
    measures : Measures
        What was measured.
    folder : str or Path
        An existing folder.

    Returns
    -------
    tuple of Path
        The two files.

    Examples
    --------
    >>> write_measures(measures, "results")  # doctest: +SKIP
    """
    from ssb2mesh.summaries import to_json

    folder = Path(folder)
    table = write_table(measures.rows(), folder / "measures.csv")
    target = folder / "measures.json"
    with replacing(target) as (part,):
        part.write_text(to_json(measures.to_dict()), encoding="utf-8")
    return table, target
