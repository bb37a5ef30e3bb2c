"""Measuring from file to folder: what `ssb2mesh measure` does. No measures of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssb2mesh.measure.plan import MeasurePlan
from ssb2mesh.paths import check_output_folder, staged_folder
from ssb2mesh.stages import Stages, peak_memory_bytes
from ssb2mesh.steps import open_volume

__all__ = ["measure_file"]


def measure_file(
    source: str,
    folder: str | Path,
    *,
    volume: Mapping[str, Any] | None = None,
    mesh: str | None = None,
    plan: MeasurePlan | None = None,
    overwrite: bool = False,
    stages: Stages | None = None,
) -> dict[str, Any]:
    """Measure a volume file and write table, numbers, pictures and report into a folder.

    Parameters
    ----------
    source : str
        Volume file.
    folder : str or Path
        Gets ``measures.csv``, ``measures.json``, ``report.html``, ``report.json`` and ``pictures``.
    volume : mapping, optional
        Keyword arguments of `ssb2mesh.steps.open_volume`.
    mesh : str, optional
        Mesh file of the volume.
    plan : MeasurePlan, optional
        What to measure.
    overwrite : bool
        Replace existing results.
    stages : Stages, optional
        Collects time and memory.

    Returns
    -------
    dict
        All numbers, with ``seconds`` by stage and ``peak_memory_bytes``.

    Raises
    ------
    InputError
        If an input cannot be used; nothing is written then.

    Examples
    --------
    >>> measure_file("a.tif", "results", volume={"reading": {"voxel_size": "1 um"}})["fractions"]  # doctest: +SKIP
    """
    from ssb2mesh.io import read_mesh
    from ssb2mesh.measure.survey import measure_volume, write_measures
    from ssb2mesh.report import ReportData, write_report

    stages = Stages() if stages is None else stages
    folder = check_output_folder(folder, overwrite=overwrite)
    with stages("volume"):
        segmented = open_volume(source, **(volume or {}))
    plan = MeasurePlan() if plan is None else plan
    plan.check(segmented)
    meshed = None
    if mesh is not None:
        with stages("read mesh"):
            meshed = read_mesh(mesh)
    measures = measure_volume(segmented, mesh=meshed, plan=plan, stages=stages)
    with staged_folder(folder) as stage:
        write_measures(measures, stage)
        with stages("report"):
            data = ReportData(f"Measures of {Path(source).name}", source, segmented, measures=measures, stages=stages)
            write_report(data, stage)
    seconds = {name: round(value, 6) for name, value in stages.seconds.items()}
    return {**measures.to_dict(), "seconds": seconds, "peak_memory_bytes": peak_memory_bytes()}
