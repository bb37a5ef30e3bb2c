"""The report of a mesh made in slabs: pictures of sections that no process has whole meshes for, and the page.

All processes call: each paints its part of every section. The first one draws and writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssb2mesh.errors import InputError, MissingDependencyError
from ssb2mesh.paths import check_report_folder
from ssb2mesh.ranks import Ranks
from ssb2mesh.report.data import Figure, ReportData
from ssb2mesh.slabs.plan import SlabPlan
from ssb2mesh.slabs.raster import Section, on_first_process, paint
from ssb2mesh.slabs.sections import choose_spot, mesh_sections, middle_planes, voxel_sections
from ssb2mesh.slabs.source import SlabSource
from ssb2mesh.stages import peak_memory_bytes
from ssb2mesh.volume.head import VoxelBox

__all__ = ["SlabPage", "field_figures", "report_slab_file", "write_slab_page"]

#: Lines between tets are drawn where a cell has at least as many pixels.
CLEAR = 9.0
#: Fields of one solve with pictures.
MOST_FIELDS = 2


@dataclass(frozen=True)
class SlabPage:
    """What the page is made of.

    Parameters
    ----------
    source : SlabSource
        The voxels.
    plan : SlabPlan
        The slabs.
    mesh : Path
        The HDF5 file of the mesh.
    ranks : Ranks
        All processes.
    """

    source: SlabSource
    plan: SlabPlan
    mesh: Path
    ranks: Ranks

    @property
    def heights(self) -> list[float]:
        """Where the planes between slabs lie, m."""
        plan = self.plan
        return [float(plan.head.box[0, 2] + plane * plan.spacing[2]) for plane in plan.planes[1:-1]]


def write_slab_page(page: SlabPage, data: ReportData, folder: Path) -> None:
    """Write ``report.html``, ``report.json`` and ``pictures/`` of a mesh in slabs; all processes call.

    Parameters
    ----------
    page : SlabPage
        Voxels, slabs, mesh file.
    data : ReportData
        With ``sliced``; its stages are those of this process.
    folder : Path
        Where; it is made if its parent exists. All processes see it.

    Raises
    ------
    InputError
        If the folder cannot be made.

    Examples
    --------
    >>> write_slab_page(page, ReportData(title="Cathode", sliced=numbers), Path("results"))  # doctest: +SKIP
    """
    from ssb2mesh.report import write_report

    ranks, found = page.ranks, dict(data.sliced or {})
    seconds = dict(data.stages.seconds) if data.stages is not None else {}
    own = ({key: round(value, 6) for key, value in seconds.items()}, peak_memory_bytes())
    everyone = ranks.comm.allgather(own) if ranks.comm else [own]
    found["processes"] = _processes(found.get("processes") or [], everyone)
    voxels, meshed = ranks.together(lambda: _sections(page, found["slab_shares"]))

    def write() -> None:
        check_report_folder(folder, overwrite=True)
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        figures, notes = _drawn(page, found, (voxels, meshed), folder / "pictures")
        left = [*found.get("notes", ()), *notes]
        write_report(
            replace(
                data,
                head=page.plan.head,
                sliced={**found, "notes": left},
                figures=[*figures, *data.figures],
                draw=False,
            ),
            folder,
        )

    ranks.on_first(write)


def _processes(before: Sequence[Mapping[str, Any]], now: Sequence[tuple[dict[str, float], int]]) -> list[Any]:
    """Slabs, times and memory of each process; those of the meshing stay if others made the mesh then."""
    if len(before) != len(now):
        return list(before)
    return [
        {**old, "seconds": {**old["seconds"], **seconds}, "peak_memory_bytes": max(old["peak_memory_bytes"], peak)}
        for old, (seconds, peak) in zip(before, now, strict=True)
    ]


def _sections(page: SlabPage, shares: Sequence[Mapping[str, Any]]) -> tuple[list[Section], list[Section]]:
    """Middle planes and a part close up, of the voxels and of the mesh; whole on the first process."""
    ranks, blank = page.ranks, middle_planes(page.plan.head)
    voxels = voxel_sections(page.source, blank, ranks)
    spot = ranks.on_first(lambda: choose_spot(page.plan, voxels[2]))
    voxels += voxel_sections(page.source, [spot], ranks)
    sizes = [(int(one["points"]), int(one["tets"])) for one in shares]
    return voxels, mesh_sections(page.mesh, sizes, [*blank, spot], ranks)


def _drawn(
    page: SlabPage, found: Mapping[str, Any], sections: tuple[list[Section], list[Section]], folder: Path
) -> tuple[list[Figure], list[str]]:
    """Draw volume, mesh and the part around a plane; what cannot be drawn, and why."""
    from ssb2mesh.plot.sections import plot_sections

    plan, (voxels, meshed) = page.plan, sections
    head, heights = plan.head, page.heights
    counts, total = head.voxel_counts(), int(np.prod(head.shape))
    shares = {name: f"{100 * count / total:.1f} %" for name, count in counts.items()}
    whole = float(np.prod(np.asarray(head.size)))
    parts = {name: f"{100 * volume / whole:.1f} %" for name, volume in found["phases"].items()}
    kept = dict(parts)
    parts |= {name: "left out" for name in head.phase_names if name not in parts}
    leaf = float((plan.spacing * (1 << plan.level)).min())
    clear = leaf >= CLEAR * float(meshed[0].pixel.max())
    told = " Broken lines: planes between slabs." if heights else ""
    jobs: list[tuple[Figure, Callable[[Path], object]]] = [
        (
            Figure(folder / "slices.png", "Volume", f"Three slices through the middle of the volume.{told}"),
            lambda path: plot_sections(voxels[:3], path, names=head.phase_names, notes=shares, planes=heights),
        ),
        (
            Figure(
                folder / "mesh.png", "Mesh", f"The tets that the same planes cut, shares are of the whole box.{told}"
            ),
            lambda path: plot_sections(
                meshed[:3], path, names=head.phase_names, notes=kept, planes=heights, lines=clear
            ),
        ),
        (
            Figure(folder / "spot.png", "Slabs", f"Voxels and mesh of a small part, enlarged.{told}"),
            lambda path: plot_sections(
                [voxels[3], meshed[3]], path, names=head.phase_names, notes=parts, planes=heights, lines=True,
                titles=["voxels", "mesh"],
            ),
        ),
    ]  # fmt: skip
    return _draw_all(jobs)


def _draw_all(jobs: Sequence[tuple[Figure, Callable[[Path], object]]]) -> tuple[list[Figure], list[str]]:
    figures, notes = [], []
    for figure, make in jobs:
        try:
            make(figure.path)
        except (MissingDependencyError, InputError) as error:
            notes.append(f"{figure.title}: {error}")
        else:
            figures.append(figure)
    return figures, notes


def field_figures(result: Any, head: VoxelBox, folder: Path, *, name: str, number: int, ranks: Ranks) -> list[Figure]:
    """Draw the potentials, or the stress, of a solve in the middle planes of the box; all processes call.

    Parameters
    ----------
    result : Solution
        Of any solve; each process has its part of the fields.
    head : VoxelBox
        The volume.
    folder : Path
        For the pictures; made if it is not there.
    name : str
        The solve.
    number : int
        Its place in the study, from 1.
    ranks : Ranks
        All processes.

    Returns
    -------
    list of Figure
        On the first process; empty on others, and where nothing can be drawn.

    Examples
    --------
    >>> field_figures(result, head, Path("pictures"), name="tau", number=1, ranks=Ranks())  # doctest: +SKIP
    """
    from ssb2mesh.plot.labels import field_label
    from ssb2mesh.plot.sections import plot_field_sections

    domain: Any = getattr(result, "domain", None)
    jobs: list[tuple[Figure, Callable[[Path], object]]] = []
    folder.mkdir(exist_ok=True, parents=True)
    for field, values, by_point in _fields(result)[:MOST_FIELDS] if domain is not None else ():
        sections = middle_planes(head, field=True)
        points, tets, tags = domain.coordinates, domain.cell_points, domain.cell_phase
        for one in sections:
            if by_point:
                paint(one, points, tets, tags, values=values)
            else:
                near = _cut(points[:, one.normal], tets, one.at)
                corners = np.arange(4 * len(near)).reshape(-1, 4)
                paint(one, points[tets[near]].reshape(-1, 3), corners, tags[near], values=np.repeat(values[near], 4))
        whole = on_first_process(sections, ranks)
        what = field.replace("_", " ").capitalize()
        text = f"{what} of the solve '{name}' in the middle planes; grey has none."
        figure = Figure(folder / f"field-{number}-{len(jobs) + 1}.png", f"{what}: {name}", text, name)

        def draw(path: Path, whole: list[Section] = whole, field: str = field, by_point: bool = by_point) -> None:
            if not any(np.isfinite(one.values).any() for one in whole if one.values is not None):
                raise InputError("nothing in the middle planes")
            plot_field_sections(whole, path, label=field_label(field), potential=by_point)

        jobs.append((figure, draw))
    return ranks.on_first(lambda: _draw_all(jobs)[0])


def _fields(result: Any) -> list[tuple[str, npt.NDArray[np.float64], bool]]:
    """Scalar fields worth a picture: potentials or temperatures by point, else the von Mises stress by cell."""
    found = [
        (key, np.asarray(v), True)
        for key, v in result.point_fields.items()
        if np.ndim(v) == 1 and (key.startswith(("potential", "temperature")) or key.endswith("_potential"))
    ]
    cells = result.cell_fields.items()
    return found or [(k, np.asarray(v), False) for k, v in cells if np.ndim(v) == 1 and "von_mises" in k]


def _cut(heights: npt.NDArray[np.float64], tets: npt.NDArray[np.integer], at: float) -> npt.NDArray[np.int64]:
    """Tets that a plane cuts."""
    low, high = (heights[tets[:, 0]].copy() for _ in range(2))
    for corner in tets.T[1:]:
        np.minimum(low, heights[corner], out=low)
        np.maximum(high, heights[corner], out=high)
    return np.flatnonzero((low <= at) & (high >= at))


def report_slab_file(
    source: str,
    target: str | Path,
    folder: str | Path,
    *,
    numbers: Mapping[str, Any],
    job: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report of a mesh file that was made in slabs, on one process.

    Parameters
    ----------
    source : str
        Volume file.
    target : str or Path
        The mesh, ``.xdmf``.
    folder : str or Path
        For the report.
    numbers : mapping
        What `ssb2mesh.slabs.files.mesh_file_in_slabs` gave.
    job : mapping, optional
        ``volume``, ``mesh`` and ``stages`` as given to it.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If the folder cannot be made.

    Examples
    --------
    >>> report_slab_file("a.h5", "mesh.xdmf", "report", numbers=numbers)  # doctest: +SKIP
    """
    from ssb2mesh.mesh_options import lattice_options
    from ssb2mesh.slabs.plan import plan_slabs
    from ssb2mesh.slabs.reading import count_layers, open_layers

    how = dict(job or {})
    ranks, given, target, folder = Ranks(), dict(how.get("mesh") or {}), Path(target), Path(folder)
    check_report_folder(folder, overwrite=True)
    layers, _ = count_layers(open_layers(source, **(how.get("volume") or {})), ranks)
    plan = plan_slabs(
        layers.head,
        int(numbers["slabs"]),
        cell_size=given.get("cell_size"),
        drop=tuple(dict.fromkeys(given.get("drop") or ())),
        options=lattice_options(given.get("options")),
    )
    page = SlabPage(layers, plan, target.with_suffix(".h5"), ranks)
    data = ReportData(title=target.stem, source=source, sliced=numbers, stages=how.get("stages"))
    write_slab_page(page, data, folder)
    return folder / "report.html"
