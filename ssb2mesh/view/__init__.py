"""Looking at a mesh: a window to turn, cut and pick in, and a page that any browser shows.

- `page`, `patches`, `viewer.js`, `viewer.css`: the HTML file,
- `scenery`: what is to be seen,
- `window`: the interactive window, on PyVista,
- `job`: from a mesh file. Pictures for papers and reports are in `ssb2mesh.plot`.
"""

from ssb2mesh.view.page import write_view
from ssb2mesh.view.scenery import Scenery
from ssb2mesh.view.window import View

__all__ = ["Scenery", "View", "write_view"]
