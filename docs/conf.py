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
html_theme_options = {"top_of_page_buttons": []}
html_static_path = ["_static"]
html_css_files = ["site.css"]
python_maximum_signature_line_length = 80

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # they are stored executed, by docs/execute.py; a test runs them

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Docstrings name code in single backticks, as Markdown does.
default_role = "code"
