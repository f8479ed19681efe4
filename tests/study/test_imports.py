"""What the study imports, and what it says where its extra is missing."""

import ast
import sys
from pathlib import Path

import pytest

import synthderm.study

FOLDER = Path(synthderm.study.__file__).parent
LIGHT = (
    "__init__",
    "cli",
    "plan",
    "schedule",
    "study_folder",
    "store",
    "results",
    "database",
    "schema",
    "psych_ds",
    "session",
    "limits",
    "build",
    "image_writer",
    "pictures",
)
EXTRA = {"fastapi", "starlette", "uvicorn", "scipy", "statsmodels", "pandas", "matplotlib"}


def imported_modules(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("module", LIGHT)
def test_importing_the_library_needs_no_server(module):
    """`build` and the command line load without the packages of the extra."""
    imported = {name.split(".")[0] for name in imported_modules(FOLDER / f"{module}.py")}
    assert not imported & EXTRA


def test_the_study_stands_on_top_of_the_library():
    """Imports run one way: of the library the study knows files, folders, models, images,
    edits, intervals and how to warn."""
    imported = {name for path in FOLDER.glob("*.py") for name in imported_modules(path)}
    library = {name for name in imported if name.split(".")[0] == "synthderm"}
    assert {name for name in library if not name.startswith("synthderm.study")} == {
        "synthderm",
        "synthderm.callers",
        "synthderm.datasets.photographs",
        "synthderm.files",
        "synthderm.hub.resolve",
        "synthderm.imaging.io",
        "synthderm.intervals",
        "synthderm.transforms.functional",
    }


@pytest.mark.parametrize(
    ("command", "missing"), [("serve", "uvicorn"), ("analyse", "statsmodels"), ("power", "scipy")]
)
def test_a_missing_extra_gives_one_clear_sentence(monkeypatch, folder, command, missing):
    from synthderm.study.__main__ import main

    for name in list(sys.modules):
        is_reloaded = name.startswith(("synthderm.study.", missing))
        if is_reloaded and name != "synthderm.study.__main__":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    words = r'not installed; this needs .* pip install "synthderm\[study\]"'
    with pytest.raises(SystemExit, match=words):
        main([command, *([] if command == "power" else [str(folder)])])
