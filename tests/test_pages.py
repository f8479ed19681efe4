"""The Python code of the documentation runs as it stands, page by page, on drawn photographs."""

import re
from pathlib import Path

import pytest
from torch import Tensor

from synthderm.audit import build
from synthderm.imaging.io import to_pil
from synthderm.models.generator import SkinGenerator
from tests.drawing import draw_skin

ROOT = Path(__file__).parents[1]
PAGES = [
    *("docs/start.md", "docs/reference.md", "docs/publish.md", "docs/audit.md"),
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/how-to/*.md")),
]
# Pages whose code other tests run: tests/test_readme.py, and test_page.py and test_scale_page.py in
# tests/integrations.
ELSEWHERE = {"README.md", "docs/mixed.md", "docs/integrations.md", "docs/scale.md"}
CLASSES = {"melanoma": 1, "nevus": 3, "seborrheic_keratosis": 2}


def blocks_of(page: str, language: str = "python") -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def never_a_copy(image: Tensor) -> bool:
    return False


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
    (card,) = blocks_of("docs/publish.md", "json")
    (tmp_path / "card.json").write_text(card)
    # It would load a network from the Hub, and look at each photograph.
    monkeypatch.setattr(build, "index_photographs", lambda root, split: never_a_copy)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: Path(page).stem)
def test_the_code_of_a_page_runs(page, folders):
    blocks = blocks_of(page)
    assert blocks or Path(page).stem == "index"
    names: dict = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)


def test_no_page_with_code_is_left_out():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    names = {path.relative_to(ROOT).as_posix() for path in pages if "_build" not in path.parts}
    assert {name for name in names if blocks_of(name)} <= {*PAGES, *ELSEWHERE}
