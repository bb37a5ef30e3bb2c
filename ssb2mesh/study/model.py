"""The study as frozen dataclasses, SI inside. No reading of files, no defaults that change a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ssb2mesh.measure.plan import MeasurePlan

__all__ = ["CleanStep", "MeshSpec", "OutputSpec", "Study", "VolumeSpec"]


@dataclass(frozen=True)
class CleanStep:
    """One clean-up verb of `ssb2mesh.cleanup` and its keyword arguments.

    Parameters
    ----------
    verb : str
        Name of a function in `ssb2mesh.cleanup`, such as ``"remove_islands"``.
    options : mapping
        Its keyword arguments.
    """

    verb: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class VolumeSpec:
    """Where the volume comes from: a file or a phantom, never both.

    Parameters
    ----------
    path : str, optional
        Volume file, absolute; ``::dataset`` may follow.
    phantom : str, optional
        Name in `ssb2mesh.phantoms.PHANTOMS`.
    seed : int
        Seed of the phantom.
    options : mapping
        Options of the phantom.
    voxel_size : three float, optional
        m, along x, y, z; None leaves it to the file's metadata.
    phases : mapping of int to str
        Phase names by label.
    axes : str, optional
        Order of the stored axes, when it differs from the documented rule.
    raw : mapping
        Layout of a raw file: ``shape``, ``dtype``, ``byte_order``.
    threshold : sequence of float, optional
        Grey values that separate phases.
    otsu : int, optional
        Number of classes of an Otsu segmentation.
    crop : str, optional
        ``"0:128,0:128,0:128"``, in voxels.
    clean : tuple of CleanStep
        Clean-up verbs, in order.
    """

    path: str | None = None
    phantom: str | None = None
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    voxel_size: tuple[float, float, float] | None = None
    phases: Mapping[int, str] = field(default_factory=dict)
    axes: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)
    threshold: float | tuple[float, ...] | None = None
    otsu: int | None = None
    crop: str | None = None
    clean: tuple[CleanStep, ...] = ()


@dataclass(frozen=True)
class MeshSpec:
    """How the volume is meshed.

    Parameters
    ----------
    cell_size : str or float, optional
        m, or text: ``"0.8 um"``, ``"2 voxels"``; None is one voxel.
    drop : tuple of str
        Phases left out of the mesh.
    engine : str
        The mesher.
    options : mapping
        Options of the mesher.
    slabs : int, optional
        Number of slabs that the mesh is made in, by all processes; None: the whole at once, by the first process.
    """

    cell_size: str | float | None = None
    drop: tuple[str, ...] = ()
    engine: str = "lattice"
    options: Mapping[str, Any] = field(default_factory=dict)
    slabs: int | None = None


@dataclass(frozen=True)
class OutputSpec:
    """What is written, and where.

    Parameters
    ----------
    folder : Path
        Results folder, absolute.
    mesh : tuple of str
        File names of the mesh inside the folder, format by suffix.
    fields : bool
        Write the fields of every solve.
    report : bool
        Write report.html and report.json.
    """

    folder: Path
    mesh: tuple[str, ...] = ("mesh.vtu",)
    fields: bool = True
    report: bool = True


@dataclass(frozen=True)
class Study:
    """A whole study, checked.

    Parameters
    ----------
    title : str
        Shown in the report.
    volume : VolumeSpec
        The input.
    mesh : MeshSpec
        The mesher's arguments.
    solves : tuple of mapping
        One table a solve, checked by `ssb2mesh.study.solves`.
    output : OutputSpec
        What is written.
    source : Path, optional
        The file that the study was read from.
    measure : MeasurePlan, optional
        What is measured of the volume; None is nothing.
    """

    title: str
    volume: VolumeSpec
    mesh: MeshSpec
    output: OutputSpec
    solves: tuple[Mapping[str, Any], ...] = ()
    source: Path | None = field(default=None, compare=False)
    measure: MeasurePlan | None = None

    def with_output(self, folder: str | Path | None) -> Study:
        """Return the study with another results folder; None changes nothing."""
        if folder is None:
            return self
        return replace(self, output=replace(self.output, folder=Path(folder).absolute()))
