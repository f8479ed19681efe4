"""The examples of docs/integrations.md run as they stand, each after the first, with the libraries
that are installed."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "integrations.md"
START, *EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
HEADINGS = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def packages(code: str) -> set[str]:
    """The packages that a piece of code imports."""
    nodes = list(ast.walk(ast.parse(code)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.fixture(scope="module")
def start() -> dict:
    names: dict = {}
    exec(START, names)
    return names


@pytest.mark.parametrize(("heading", "code"), list(zip(HEADINGS, EXAMPLES)), ids=HEADINGS[:-1])
def test_an_example_runs(heading, code, start, tmp_path, monkeypatch):
    for package in packages(code):
        if not importlib.util.find_spec(package):
            pytest.skip(f"{package} is not installed")
    for name in ("clear", "eczema"):
        (tmp_path / "healthy" / name).mkdir(parents=True)
        for k in range(3):
            Image.fromarray(start["images"][k]).save(tmp_path / "healthy" / name / f"{k}.png")
    monkeypatch.chdir(tmp_path)
    if "datasets" in packages(code):
        monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    names = dict(start)
    torch.manual_seed(0)
    exec(code, names)
    if "train" in names:  # which relabels
        drawn = [names["train"][0] for _ in range(20)]
        found = [row["label"] if isinstance(row, dict) else row[1] for row in drawn]
        assert set(found) == {0, 1}
    if "edited" in names:
        assert set(names["edited"]) == {"image", "mask", *{"label", "class"} & set(names["edited"])}
    if "data" in names:
        assert names["data"].train.epoch == 1


def test_every_section_has_an_example_or_a_link():
    assert HEADINGS[len(EXAMPLES) :] == ["timm"] and "## timm" in PAGE.read_text(encoding="utf-8")
