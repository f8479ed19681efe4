"""The notebooks in docs run as they stand, and are stored executed and small."""

import ast
import contextlib
import io
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
NEEDED = {"perceptual_study": ("matplotlib", "statsmodels")}
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?%?")
PICTURES = {"image/png", "image/jpeg"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_stored(path, monkeypatch):
    for name in NEEDED.get(path.stem, ()):
        pytest.importorskip(name)
    assert path.stat().st_size < 400_000
    cells = [one for one in json.loads(path.read_text())["cells"] if one["cell_type"] == "code"]
    names: dict = {}
    shown = [_run("".join(cell["source"]), names, monkeypatch) for cell in cells]
    stored = [_stored(cell["outputs"]) for cell in cells]
    assert [kinds for _, kinds in shown] == [kinds for _, kinds in stored]
    assert any(kinds for _, kinds in stored), "a notebook shows a picture"
    for (fresh, _), (kept, _) in zip(shown, stored):
        assert NUMBER.sub("#", fresh) == NUMBER.sub("#", kept)
        for new, old in zip(NUMBER.findall(fresh), NUMBER.findall(kept)):
            assert _is_near(new, old), f"{fresh}\nand not\n{kept}"


def _run(source: str, names: dict, monkeypatch) -> tuple[str, int]:
    """What a cell prints, and how many pictures it shows. It runs here, without a kernel, which
    would take seconds to start."""
    *body, last = ast.parse(source).body
    value, text, figures = None, io.StringIO(), []
    if "pyplot" in source:
        import matplotlib.pyplot as plt

        plt.switch_backend("agg")
        monkeypatch.setattr(plt, "show", lambda: figures.append(plt.close("all")))
    with contextlib.redirect_stdout(text):
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(body, []), "cell", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        else:
            exec(compile(source, "cell", "exec"), names)
    return text.getvalue(), len(figures) + hasattr(value, "_repr_png_")


def _stored(outputs: list[dict]) -> tuple[str, int]:
    text = "".join("".join(one["text"]) for one in outputs if one["output_type"] == "stream")
    return text, sum(bool(PICTURES & set(one.get("data", {}))) for one in outputs)


def _is_near(new: str, old: str) -> bool:
    """Counts are equal; what was measured may differ a little from machine to machine."""
    if new == old:
        return True
    distance = abs(float(new.rstrip("%")) - float(old.rstrip("%")))
    return ("%" in old and distance <= 15) or ("." in old and distance <= 8)
