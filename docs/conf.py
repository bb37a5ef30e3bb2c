"""Settings of the documentation site: `make docs` builds it into docs/_build/html. No text lives here."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from importlib.util import find_spec

project = "ssb2mesh"
author = "the ssb2mesh authors"
project_copyright = author
release = version = installed_version("ssb2mesh")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"ssb2mesh {release}"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
templates_path: list[str] = []

# page.md#heading works as it does on a code host
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

# The API pages name what they show; signatures are short, units and shapes are in the text.
autosummary_generate = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True

# Without DOLFINx the pages of `solvers` are made from the docstrings alone.
autodoc_mock_imports = [
    name for name in ("dolfinx", "mpi4py", "petsc4py", "ufl", "basix", "ffcx") if not find_spec(name)
]
