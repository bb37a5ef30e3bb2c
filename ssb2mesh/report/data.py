"""What a report is made of. No measuring, no text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.stages import Stages
from ssb2mesh.volume import LabelledVolume
from ssb2mesh.volume.head import VolumeHead

__all__ = ["Figure", "ReportData", "SolveLike", "SolveResult"]


class SolveLike(Protocol):
    """A solve as the report needs it; `SolveResult` is one."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def summary(self) -> Mapping[str, Any]: ...  # noqa: D102


@dataclass(frozen=True)
class SolveResult:
    """One solve.

    Parameters
    ----------
    name, type : str
        As in the study.
    summary : mapping
        Its numbers, JSON-able.
    seconds : float, optional
        Wall-clock time.
    point_data : mapping of str to (n,) array
        Fields at the points of the mesh, SI.
    table : mapping
        The resolved [[solve]] table; ``conductivity`` tells which phases conduct.
    facet_data : mapping of str to mapping of str to array
        By interface: ``corners``, ``area``, ``contact``, ``current_density`` as for `plot_interface_current`.
    """

    name: str
    type: str
    summary: Mapping[str, Any]
    seconds: float | None = None
    point_data: Mapping[str, Any] = field(default_factory=dict)
    table: Mapping[str, Any] = field(default_factory=dict)
    facet_data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A picture in the report.

    Parameters
    ----------
    path : Path
        A PNG file.
    title, caption : str
        Text above and below it.
    solve : str
        The solve beside whose numbers it stands; empty for none.
    """

    path: Path
    title: str
    caption: str = ""
    solve: str = ""


@dataclass(frozen=True)
class ReportData:
    """All that a report can show; each part may be left out.

    Parameters
    ----------
    title : str
        Head of the report.
    source : str or Path, optional
        The file (or the phantom) that the volume came from; of a file the hash is noted.
    volume : LabelledVolume, optional
        The volume as it was meshed.
    cleaning : sequence
        What each clean-up verb changed; objects with ``to_dict``.
    study : mapping or str, optional
        Resolved options, as a table or as TOML text.
    mesh : TaggedMesh, optional
        The mesh.
    check : MeshReport, optional
        From `ssb2mesh.check.check_mesh`; any object with its ``to_dict``.
    solves : sequence of SolveResult
        Results; anything with the same attributes will do.
    stages : Stages, optional
        Time and memory.
    figures : sequence of Figure
        Pictures of the user's own, shown after those that the report draws.
    draw : bool
        Draw pictures of volume, mesh and fields.
    measures : Measures, optional
        From `ssb2mesh.measure.measure_volume`.
    head : VolumeHead, optional
        Size, names and counts of a volume that is in no one memory; instead of `volume`.
    sliced : mapping, optional
        The numbers of `ssb2mesh.slabs.job.mesh_in_slabs`; instead of `mesh` and `check`.
    files : sequence of (str, str)
        Files beside the page, by name, and what they are; the page has links to those that are there.
    """

    title: str = "ssb2mesh report"
    source: str | Path | None = None
    volume: LabelledVolume | None = None
    cleaning: Sequence[Any] = ()
    study: Mapping[str, Any] | str | None = None
    mesh: TaggedMesh | None = None
    check: Any | None = None
    solves: Sequence[SolveLike] = ()
    stages: Stages | None = None
    figures: Sequence[Figure] = ()
    draw: bool = True
    measures: Any | None = None
    head: VolumeHead | None = None
    sliced: Mapping[str, Any] | None = None
    files: Sequence[tuple[str, str]] = ()
