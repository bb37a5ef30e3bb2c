"""Looking at a mesh file: check the request, read, and hand over to the page or the window. No drawing here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssb2mesh.errors import InputError
from ssb2mesh.paths import check_output
from ssb2mesh.view.page import FACES, write_view
from ssb2mesh.view.scenery import Scenery, parse_slice

__all__ = ["scenery_of", "view_file"]


def scenery_of(hide: Sequence[str], only: Sequence[str], cut: str | None, quality: bool) -> Scenery:
    """Return what is to be seen from words of the command line.

    Parameters
    ----------
    hide, only : sequence of str
        Phases to hide; facet sets to show alone.
    cut : str or None
        Axis and place, ``"x,0.5"``.
    quality : bool
        Show the quality of tets.

    Returns
    -------
    Scenery
        The same.

    Raises
    ------
    InputError
        If `cut` is not understood.

    Examples
    --------
    >>> scenery_of(["LPSCl"], [], "z,0.25", False).slice
    ('z', 0.25)
    """
    return Scenery(tuple(hide), tuple(only), parse_slice(cut) if cut else None, quality)


def view_file(
    source: str | Path,
    *,
    html: str | Path | None = None,
    screenshot: str | Path | None = None,
    start: Scenery | None = None,
    faces: int = FACES,
    overwrite: bool = False,
) -> None:
    """Look at a mesh file: in a window, or as a page or a picture of that window.

    Parameters
    ----------
    source : str or Path
        Mesh file.
    html : str or Path, optional
        Write a page instead of opening a window.
    screenshot : str or Path, optional
        Write a picture of the window instead of opening it.
    start : Scenery, optional
        What is seen first.
    faces : int
        Triangles of a page at most.
    overwrite : bool
        Replace existing files.

    Raises
    ------
    InputError
        If a file or a name cannot be used; nothing is written then.
    MissingDependencyError
        If a window or picture is wanted and PyVista is absent.

    Examples
    --------
    >>> view_file("cathode.vtu", html="cathode.html")  # doctest: +SKIP
    """
    from ssb2mesh.io import read_mesh

    if screenshot is not None:
        if Path(screenshot).suffix.lower() != ".png":
            raise InputError(f"screenshot: got {str(screenshot)!r}; a picture is a .png file")
        check_output(screenshot, overwrite=overwrite)
    if html is not None:
        check_output(html, overwrite=overwrite)
    mesh = read_mesh(source)
    if html is not None:
        write_view(mesh, html, title=Path(source).stem, faces=faces, start=start, overwrite=overwrite)
    if html is None or screenshot is not None:
        from ssb2mesh.view.window import View

        view = View(mesh, start=start, off_screen=screenshot is not None)
        if screenshot is not None:
            view.screenshot(screenshot)
        else:
            view.open()
