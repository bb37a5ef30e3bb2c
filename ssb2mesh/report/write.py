"""Writing a report folder: report.json, report.html and the pictures."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from ssb2mesh.errors import InputError
from ssb2mesh.io.mesh_common import replacing
from ssb2mesh.report.data import Figure, ReportData
from ssb2mesh.report.html import report_html
from ssb2mesh.report.numbers import report_numbers
from ssb2mesh.report.pictures import draw_figures

__all__ = ["write_report"]


def write_report(data: ReportData, folder: str | Path) -> Path:
    """Write ``report.html`` (self-contained), ``report.json`` (same numbers) and ``pictures/``.

    Parameters
    ----------
    data : ReportData
        What to report; parts that are None are left out.
    folder : str or Path
        Where; it is made if its parent exists.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    InputError
        If the folder cannot be made, or a picture of the user's own is missing.

    Examples
    --------
    >>> write_report(ReportData(volume=volume, mesh=mesh, check=check_mesh(mesh, volume)), "results")  # doctest: +SKIP
    """
    folder = Path(folder)
    if not folder.exists() and not folder.parent.is_dir():
        raise InputError(f"folder: {folder.parent} does not exist; create it first")
    for figure in data.figures:
        if not Path(figure.path).is_file():
            raise InputError(f"figures: no picture {figure.path}; draw it first")
    numbers = report_numbers(data)
    folder.mkdir(exist_ok=True)
    figures, notes = _pictures(data, folder / "pictures")
    numbers["pictures"] = [
        {"file": f"pictures/{f.path.name}", "title": f.title, "caption": f.caption, "solve": f.solve} for f in figures
    ]
    numbers["notes"] = notes
    if data.files:
        numbers["files"] = [
            {"name": name, "what": what, "bytes": (folder / name).stat().st_size}
            for name, what in data.files
            if (folder / name).is_file()
        ]
    page = report_html(numbers, folder)
    target = folder / "report.html"
    with replacing(folder / "report.json", target) as (json_part, html_part):
        json_part.write_text(json.dumps(numbers, indent=2, ensure_ascii=False), encoding="utf-8")
        html_part.write_text(page, encoding="utf-8")
    return target


def _pictures(data: ReportData, folder: Path) -> tuple[list[Figure], list[str]]:
    if not (data.draw or data.figures):
        return [], []
    folder.mkdir(exist_ok=True)
    figures, notes = draw_figures(data, folder) if data.draw else ([], [])
    taken = {figure.path.name for figure in figures}
    for number, figure in enumerate(data.figures):
        source = Path(figure.path)
        name = source.name if source.name not in taken else f"{number + 1}-{source.name}"
        taken.add(name)
        if source.resolve() != (folder / name).resolve():
            shutil.copyfile(source, folder / name)
        figures.append(replace(figure, path=folder / name))
    return figures, notes
