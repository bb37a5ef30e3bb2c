"""`ssb2mesh view`."""

from __future__ import annotations

from typing import Any

import click

from ssb2mesh.cli.common import Argument, Option, overwrite_option, say, verb

__all__ = ["command"]


@verb(
    "view",
    examples=(
        "ssb2mesh view cathode.vtu --hide LPSCl --slice x,0.5",
        "ssb2mesh view cathode.vtu --html cathode.html",
        "ssb2mesh view cathode.vtu --screenshot contact.png --only 'LPSCl|NMC'",
    ),
)
@click.argument("mesh", cls=Argument, help="Mesh file (.vtu, .xdmf, .msh).")
@click.option("--html", cls=Option, group="Output", metavar="FILE", absent="a window opens",
              help="Write a page that any browser shows without a network.")  # fmt: skip
@click.option("--screenshot", cls=Option, group="Output", metavar="FILE", absent="a window opens",
              help="Write a picture of the window (.png); needs no screen.")  # fmt: skip
@click.option("--hide", cls=Option, group="Picture", metavar="PHASE", multiple=True, absent="none",
              help="Phase to hide; repeat.")  # fmt: skip
@click.option("--only", cls=Option, group="Picture", metavar="NAME", multiple=True, absent="the phases",
              help="Interface or phase on a side to show alone; repeat.")  # fmt: skip
@click.option("--slice", "cut", cls=Option, group="Picture", metavar="AXIS,PLACE", unit="share of the box",
              absent="none", help="Leave out what lies beyond a plane, such as x,0.5.")  # fmt: skip
@click.option("--quality", cls=Option, group="Picture", is_flag=True,
              help="Show dihedral angles; in a page the worst tets.")  # fmt: skip
@click.option("--faces", cls=Option, group="Output", type=click.IntRange(1000), default=200_000, metavar="N",
              unit="triangles", help="Most triangles of a page; surfaces are decimated to it.")  # fmt: skip
@overwrite_option
def command(
    mesh: str,
    *,
    html: str | None,
    screenshot: str | None,
    hide: tuple[str, ...],
    only: tuple[str, ...],
    cut: str | None,
    quality: bool,
    faces: int,
    overwrite: bool,
    quiet: bool,
    **_: Any,
) -> None:
    """Look at a mesh in a window, or write it as a page for any browser."""
    from ssb2mesh.view.job import scenery_of, view_file

    start = scenery_of(hide, only, cut, quality)
    view_file(mesh, html=html, screenshot=screenshot, start=start, faces=faces, overwrite=overwrite)
    for path in filter(None, (html, screenshot)):
        say(f"wrote {path}", quiet=quiet)
