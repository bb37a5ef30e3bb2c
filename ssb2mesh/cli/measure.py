"""`ssb2mesh measure`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ssb2mesh.cli.common import (
    VOLUME_HELP,
    Argument,
    Option,
    crop_option,
    emit,
    json_option,
    overwrite_option,
    say,
    verb,
    volume_options,
)
from ssb2mesh.measure.plan import NECK, MeasurePlan, parse_slice

__all__ = ["command"]


@verb(
    "measure",
    examples=(
        'ssb2mesh measure cathode.tif -o measures --voxel-size "0.4 um" --phase 0=void --phase 1=NMC --particles NMC',
        'ssb2mesh measure cathode.tif -o measures --voxel-size "0.4 um" --mesh cathode.vtu --thickness phase0 --json',
        'ssb2mesh measure lps.tif -o cracks --voxel-size "0.8 um" --phase 0=void --cracks void --slice "void:z:9 um"',
    ),
)
@click.argument("volume", cls=Argument, help=VOLUME_HELP)
@click.option("-o", "--output", cls=Option, group="Output", required=True, metavar="FOLDER",
              help="Folder for measures.csv, measures.json, the report and its pictures.")  # fmt: skip
@volume_options
@crop_option
@click.option("--mesh", cls=Option, group="Input", metavar="FILE",
              help="Mesh of the volume: its areas are given beside those of the voxels.", absent="none")  # fmt: skip
@click.option("--particles", cls=Option, group="Input", metavar="PHASE", multiple=True,
              help="Tell the particles (or pores) of a phase apart and size them; repeat.", absent="none")  # fmt: skip
@click.option("--thickness", cls=Option, group="Input", metavar="PHASE", multiple=True,
              help="Map the local thickness (pore size) of a phase; repeat.", absent="none")  # fmt: skip
@click.option("--cracks", cls=Option, group="Input", metavar="PHASE", multiple=True,
              help="Width, area and directions of the cracks of a phase; repeat.", absent="none")  # fmt: skip
@click.option("--chords", cls=Option, group="Input", metavar="PHASE", multiple=True,
              help="Chord lengths and two-point correlation of a phase; repeat.", absent="none")  # fmt: skip
@click.option("--slice", "slices", cls=Option, group="Input", metavar="PHASE:AXIS:POSITION", multiple=True,
              help="Area fraction of cracks on a slice, such as 'void:z:12 um'; repeat.", absent="none")  # fmt: skip
@click.option("--subvolume", "subvolumes", cls=Option, group="Input", metavar="LENGTH", multiple=True,
              unit="um, nm, mm ...", help="Edge of the sub-volumes of the representative-volume study; repeat.",
              absent="1/8 to 1/2 of the shortest edge")  # fmt: skip
@click.option("--neck", cls=Option, group="Input", type=float, metavar="SHARE", default=NECK,
              help="Particles are cut where the neck is narrower than this share of the smaller one.")  # fmt: skip
@overwrite_option
@json_option
def command(
    volume: str,
    *,
    output: str,
    reading: Mapping[str, Any],
    crop: str | None,
    mesh: str | None,
    particles: tuple[str, ...],
    thickness: tuple[str, ...],
    cracks: tuple[str, ...],
    chords: tuple[str, ...],
    slices: tuple[str, ...],
    subvolumes: tuple[str, ...],
    neck: float,
    overwrite: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Measure a segmented volume: fractions, percolation, interface areas, sizes, cracks; table, pictures, report."""
    from ssb2mesh.measure.job import measure_file
    from ssb2mesh.measure.words import describe_measures
    from ssb2mesh.stages import Stages

    places = tuple(parse_slice(text) for text in slices)
    numbers = measure_file(
        volume,
        output,
        volume={"reading": reading, "crop": crop},
        mesh=mesh,
        plan=MeasurePlan(particles, thickness, cracks, chords, places, subvolumes, neck),
        overwrite=overwrite,
        stages=Stages(show=verbose),
    )
    emit(numbers, describe_measures(numbers), as_json=as_json)
    say(f"wrote {output}", quiet=quiet)
