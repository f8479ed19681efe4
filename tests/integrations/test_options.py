"""What type checkers see: the options that wrappers hand on, and slips in a user's script."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from synthderm import EczemaEdit
from synthderm.integrations.options import EditOptions

ROOT = Path(__file__).parents[2]
BY_KEY = {"labels_getter", "return_record", "self", "return"}  # which wrappers have keys for
SCRIPT = """
from synthderm import EczemaEdit, SyntheticSkinDataset
from synthderm.integrations.huggingface import EachRow
from synthderm.integrations.options import EditOptions

SyntheticSkinDataset("lesions", length=3)
EczemaEdit(mode="add", severity=(0.2, 1))
SyntheticSkinDataset("lesions", lenght=3)
EczemaEdit(mode="ad")
EczemaEdit(severty=1)
EachRow(EczemaEdit(), lable="label")
options: EditOptions = {"severty": 1}
"""


def test_the_options_are_those_of_the_edit():
    hints = get_type_hints(EczemaEdit.__init__)
    assert get_type_hints(EditOptions) == {k: v for k, v in hints.items() if k not in BY_KEY}
    assert set(inspect.signature(EczemaEdit).parameters) == set(hints) - {"return"}


def test_slips_in_a_script_are_found(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    # Other packages are not read, for the sake of time; the signatures are the package's own.
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nignore_missing_imports = True\ncheck_untyped_defs = True\n"
        + "".join(
            f"[mypy-{package}.*]\nfollow_imports = skip\nfollow_imports_for_stubs = True\n"
            for package in ("torch", "torchvision", "timm", "scipy", "numpy", "huggingface_hub")
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "script.py"]
    command += ["--cache-dir", str(tmp_path / "cache"), "--no-error-summary"]
    found = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"MYPYPATH": str(ROOT)},
    )
    lines = [line for line in found.stdout.splitlines() if line.startswith("script.py")]
    numbers = [int(line.split(":")[1]) for line in lines if ": error:" in line]
    assert sorted(set(numbers)) == [8, 9, 10, 11, 12], found.stdout + found.stderr
    for slip in ("lenght", "'ad'", "severty", "lable"):
        assert slip in found.stdout


def test_pyright_finds_the_same(tmp_path):
    pytest.importorskip("pyright")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    settings = {"extraPaths": [str(ROOT)], "reportMissingImports": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 1, found.stdout + found.stderr
    seen = json.loads(found.stdout)["generalDiagnostics"]
    errors = [one for one in seen if one["severity"] == "error"]
    numbers = [error["range"]["start"]["line"] + 1 for error in errors]
    assert sorted(set(numbers)) == [8, 9, 10, 11, 12], errors
    for slip in ("lenght", "'ad'", "severty", "lable"):
        assert any(slip in error["message"] for error in errors)
