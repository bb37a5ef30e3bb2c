"""The mesh as one HTML file that needs no network: data, style and script in it. What is drawn is decided elsewhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ssb2mesh.errors import InputError
from ssb2mesh.mesh import TaggedMesh
from ssb2mesh.paths import check_output
from ssb2mesh.view.patches import Patch, view_patches, worst_tets
from ssb2mesh.view.scenery import Scenery

__all__ = ["FACES", "write_view"]

#: Triangles of a page at most: some ten megabytes, which any browser turns smoothly.
FACES = 200_000
#: Worst tets to show.
WORST = 50

_BODY = """<aside>
<h1>{title}</h1>
<p>{facts}</p>
<h2>Phases</h2><div id="phases"></div>
<h2>Slice</h2>
<label><select id="axis" aria-label="normal of the slice"><option value="">none</option>
<option>x</option><option>y</option><option>z</option></select>
<input id="place" type="range" min="0" max="1" step="0.002" aria-label="place of the slice"></label>
<label><input id="flip" type="checkbox"><span>other half</span></label>
<h2>Quality</h2><label><input id="worst" type="checkbox"><span>{worst}</span></label>
<h2>Only these interfaces</h2><div id="interfaces"></div>
<details><summary>sides of the box</summary><div id="sides"></div></details>
<h2>View</h2><p>Drag to turn, shift and drag to move, wheel to zoom, click to name a surface.</p>
<button id="reset">reset</button>
<p>{note}</p>
</aside>
<main><canvas id="canvas" tabindex="0" aria-label="the mesh in three dimensions"></canvas>
<div id="scale"></div><div id="message" role="status"></div></main>"""


def write_view(
    mesh: TaggedMesh,
    path: str | Path,
    *,
    title: str = "Mesh",
    faces: int = FACES,
    start: Scenery | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a page that shows the surfaces of a mesh in any browser, without a network.

    Parameters
    ----------
    mesh : TaggedMesh
        The mesh.
    path : str or Path
        An ``.html`` file.
    title : str
        Heading of the page.
    faces : int
        Triangles at most; larger meshes are decimated, their patches staying conforming.
    start : Scenery, optional
        What the page shows when it is opened; default everything.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the path, `start` or `faces` cannot be used, or the mesh has nothing to draw; nothing is written then.

    Notes
    -----
    The part of the address after ``#`` opens a page as it is to be seen: ``#hide=LPSCl``, ``#only=LPSCl|NMC``,
    ``#slice=x,0.5``, ``#flip``, ``#worst``, joined by ``&``.

    Examples
    --------
    >>> write_view(mesh, "cathode.html")  # doctest: +SKIP
    """
    from ssb2mesh.io.mesh_common import replacing

    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"output: got {str(path)!r}; the view is an .html file")
    if faces < 1000:
        raise InputError(f"faces: got {faces!r}; give the number of triangles to keep, at least 1000")
    target = check_output(path, overwrite=overwrite)
    scenery = (start or Scenery()).checked(mesh)
    patches = view_patches(mesh, faces=faces)
    worst = worst_tets(mesh, count=WORST)
    text = _page(mesh, _data(mesh, patches, worst) | {"start": scenery.fragment()}, note=worst.name, title=title)
    with replacing(target) as (part,):
        part.write_text(text, encoding="utf-8")
    return target


def _page(mesh: TaggedMesh, content: Mapping[str, Any], *, note: str, title: str) -> str:
    from ssb2mesh.units import format_length

    assert mesh.box is not None
    folder = Path(__file__).parent
    style, script = ((folder / f"viewer.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    edges = " × ".join(format_length(float(edge)).replace("um", "µm") for edge in mesh.box[1] - mesh.box[0])
    shown, whole = sum(patch["count"] for patch in content["patches"]), _triangles(mesh)
    kept = (
        f"{shown:,} of {whole:,} triangles: the surfaces are decimated." if shown < whole else f"{shown:,} triangles."
    )
    body = _BODY.format(
        title=escape(title),
        facts=escape(f"{mesh.n_tets:,} tets, {mesh.n_points:,} points; {edges}"),
        worst=escape(note),
        note=escape(kept),
    )
    # inside a script no "</script>" may stand, whatever a phase is called
    data = json.dumps(content, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f'<script id="data" type="application/json">{data}</script>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def _triangles(mesh: TaggedMesh) -> int:
    """Triangles of all sets that are drawn: unions of sides hold the same ones again."""
    drawn = [tag for name, tag in mesh.facet_names.items() if "|" in name or "@" in name]
    return int(np.isin(mesh.facet_tags, drawn).sum())


def _data(mesh: TaggedMesh, patches: Sequence[Patch], worst: Patch) -> dict[str, Any]:
    from ssb2mesh.plot.style import length_unit, number_text, phase_colours

    assert mesh.box is not None
    extent = mesh.box[1] - mesh.box[0]
    centre, scale = mesh.box.mean(axis=0), float(np.linalg.norm(extent) / 2)
    unit, metres = length_unit(float(extent.max()))
    volumes = mesh.phase_volumes()
    ends = [patch.front for patch in patches if "|" in patch.name]
    names = list(dict.fromkeys([*mesh.cell_names, *(patch.behind for patch in patches), *ends]))
    colours = phase_colours(names)
    phases = [
        {
            "name": name,
            "colour": colours[name],
            "meshed": name in mesh.cell_names,
            "share": f"{100 * volumes[name] / mesh.box_volume:.1f} %" if name in volumes else "",
        }
        for name in names
    ]

    def packed(patch: Patch) -> dict[str, Any]:
        points = ((patch.points - centre) / scale).astype("<f4")
        return {
            "name": patch.name,
            "behind": patch.behind,
            "front": patch.front,
            "area": f"{number_text(patch.area / metres**2)} {unit}²",
            "count": len(patch.triangles),
            "points": base64.b64encode(points.tobytes()).decode(),
            "triangles": base64.b64encode(patch.triangles.astype("<u4").tobytes()).decode(),
        }

    return {
        "scale": scale,
        "half": (extent / 2 / scale).tolist(),
        "phases": phases,
        "patches": [packed(patch) for patch in patches],
        "worst": packed(worst),
    }
