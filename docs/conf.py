"""Sphinx's settings of the documentation: `make docs` builds docs/_build/html/index.html."""

from synthderm import __version__

project = "synthderm"
author = "The synthderm authors"
copyright = "The synthderm authors"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"synthderm {version}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the tests execute the notebooks

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Docstrings name code in single backticks, as Markdown does.
default_role = "code"
