"""The notebooks in docs run as they stand, and are stored executed and small."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_pictures(path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    import nbformat

    assert path.stat().st_size < 400_000
    notebook = nbformat.read(path, as_version=4)
    stored = [_kinds(cell) for cell in notebook.cells]
    above = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), above])))
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    fresh = [_kinds(cell) for cell in notebook.cells]
    assert stored == fresh and any("picture" in kinds for kinds in stored)


def _kinds(cell) -> list[str]:
    """What a cell gave: its text, or that it was a picture. The bar on stderr is left out."""
    outputs = [one for one in cell.get("outputs", []) if one.get("name") != "stderr"]
    return [
        one["text"] if one.output_type == "stream" else "picture"
        for one in outputs
        if one.output_type == "stream" or "image/png" in one.get("data", {})
    ]
