"""What the documentation names exists: modules, and functions and classes in them."""

import importlib
import re
from pathlib import Path

import pytest

from synthderm import __version__

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
FOLDERS = ("synthderm", "recipes", "benchmarks", "tests", "docs")
FILES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
ENDINGS = {"csv", "json", "jsonl", "html", "jpg", "png", "md", "toml"}


def files_in(page: str) -> list[str]:
    """Python files that a page names in backticks: `imaging/color.py`."""
    return re.findall(r"`([\w./]+\.py)`", page)


def attributes_in(page: str) -> list[tuple[str, str]]:
    """Modules of the package and names in them that a page has in backticks:
    `losses.skin_tone_error`, `models.cache.load_editor`."""
    modules = {path.stem: path for path in (ROOT / "synthderm").rglob("*.py")}
    found = []
    for text in re.findall(r"`(?:\w+\.)*?(\w+\.\w+)`", page):
        module, name = text.split(".")
        if module in modules and name not in ENDINGS | {"py"}:
            path = modules[module].relative_to(ROOT).with_suffix("")
            found.append((".".join(path.parts), name))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_and_names_in_the_documentation_exist(page):
    text = page.read_text(encoding="utf-8")
    for name in files_in(text):
        # A page about a folder may name a file by its last parts alone.
        assert any(path.as_posix().endswith(f"/{name}") for path in FILES), f"{page.name}: {name}"
    for module, name in attributes_in(text):
        assert hasattr(importlib.import_module(module), name), f"{page.name}: {module}.{name}"


def test_the_citation_names_the_version():
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_names_are_found_in_a_page():
    page = "`losses.tone_error`, `imaging/color.py`, `models.cache.load_editor`, `p=1`, `a.json`"
    assert files_in(page) == ["imaging/color.py"]
    assert attributes_in(page) == [
        ("synthderm.training.losses", "tone_error"),
        ("synthderm.models.cache", "load_editor"),
    ]


@pytest.mark.parametrize("script", sorted(path.stem for path in (ROOT / "docs").glob("*.py")))
def test_scripts_that_make_pictures_can_be_imported(script):
    """They run by hand alone, so that a renamed function would not be noticed."""
    importlib.import_module(f"docs.{script}")
