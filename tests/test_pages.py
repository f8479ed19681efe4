"""The Python code of the documentation runs as it stands, page by page, on drawn photographs."""

import re
from pathlib import Path

import pytest

from synthderm.imaging.io import to_pil
from synthderm.models.generator import SkinGenerator
from tests.drawing import draw_skin

ROOT = Path(__file__).parents[1]
PAGES = ["docs/start.md", "docs/reference.md", *sorted(map(str, ROOT.glob("docs/how-to/*.md")))]
CLASSES = {"melanoma": 1, "nevus": 3, "seborrheic_keratosis": 2}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The folders that the pages name, in the working directory."""
    splits = ("train", "val")
    counts = {f"ISIC2017/{split}/{name}": n for split in splits for name, n in CLASSES.items()}
    for folder, count in {**counts, "photos/clear": 2}.items():
        (tmp_path / folder).mkdir(parents=True)
        for k in range(count):
            to_pil(draw_skin(80, 80, seed=k)).save(tmp_path / folder / f"{k}.png")
    tiny = SkinGenerator(16, [8, 8, 8], ["a", "b"])
    tiny.save_pretrained(tmp_path / "runs" / "mine" / "model")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: Path(page).stem)
def test_the_code_of_a_page_runs(page, folders):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    assert blocks or Path(page).stem == "index"
    names: dict = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
