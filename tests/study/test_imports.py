"""What the study imports, and what it says where its extra is missing."""

import ast
import sys
from pathlib import Path

import pytest

import synthderm.study


def test_importing_the_library_needs_no_server():
    """The package's top level and the study's command line load without fastapi, scipy or
    statsmodels."""
    for module in (
        "__init__",
        "cli",
        "schedule",
        "files",
        "store",
        "results",
        "guard",
        "build",
        "sources",
    ):
        tree = ast.parse((Path(synthderm.study.__file__).parent / f"{module}.py").read_text())
        imported = {
            name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for name in (alias.name for alias in node.names)
        }
        imported |= {
            node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
        }
        assert not imported & {
            "fastapi",
            "starlette",
            "uvicorn",
            "scipy",
            "statsmodels",
            "pandas",
            "matplotlib",
        }, module


def test_the_study_stands_on_top_of_the_library():
    """Imports run one way: of the library the study knows images, edits and the public names."""
    known = set()
    for path in Path(synthderm.study.__file__).parent.glob("*.py"):
        modules = {
            node.module
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
        }
        known |= {
            module
            for module in modules
            if module.startswith("synthderm") and not module.startswith("synthderm.study")
        }
    assert known == {"synthderm", "synthderm.imaging.io", "synthderm.transforms.functional"}


@pytest.mark.parametrize(
    ("command", "missing"), [("serve", "uvicorn"), ("analyse", "statsmodels"), ("power", "scipy")]
)
def test_a_missing_extra_gives_one_clear_sentence(monkeypatch, folder, command, missing):
    from synthderm.study.__main__ import main

    for name in [
        name
        for name in sys.modules
        if name.startswith(("synthderm.study.", missing)) and name != "synthderm.study.__main__"
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(
        SystemExit, match=r'not installed; this needs .* pip install "synthderm\[study\]"'
    ):
        main([command, *([] if command == "power" else [str(folder)])])
