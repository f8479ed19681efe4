"""Code in the documentation runs as it stands, but for sizes: the README's first block, on
collections with other classes, and the page on mixed data sets."""

import re
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from synthderm import SyntheticSkinDataset
from synthderm.cli.render import render

ROOT = Path(__file__).parents[1]
SMALLER = [
    ("224", "16"),
    ("num_workers=4, persistent_workers=True", "num_workers=0"),
    ("use_prefetcher=False", "use_prefetcher=False, num_workers=0, persistent_workers=False"),
    ("range(10)", "range(2)"),
    ("batch_size=32", "batch_size=4"),
    ("length=3000", "length=30, size=16"),
]


def code_blocks(page: str) -> list[str]:
    """The Python code of a page, with fewer and smaller images."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for large, small in SMALLER:
        text = text.replace(large, small)
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def draw_classes(folder: Path, counts: dict[str, int]) -> None:
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for k in range(count):
            Image.new("RGB", (20, 16), (200, 150, 120 + k)).save(folder / name / f"{k}.png")


@pytest.mark.parametrize(
    ("real", "synthetic"),
    [
        ({"melanoma": 1, "nevus": 3, "seborrheic_keratosis": 2}, [2, 0, 1]),  # ISIC 2017
        ({"ACK": 2, "BCC": 3, "MEL": 1, "NEV": 2, "SCC": 1, "SEK": 2}, [0, 0, 2, 1, 0, 1]),
        (dict(akiec=1, bcc=1, bkl=2, df=1, mel=1, nv=3, vasc=1), [0, 0, 0, 0, 2, 0, 0]),
        ({"Melanoma": 2, "Seborrheic keratosis": 1, "acne": 3}, [1, 2, 0]),
        ({"Melanoma": 1, "naevus": 3}, [2, 0]),
    ],
)
def test_the_first_block_runs_on_any_collection(tmp_path, monkeypatch, real, synthetic):
    for split in ("train", "val"):
        draw_classes(tmp_path / "ISIC2017" / split, real)
    monkeypatch.chdir(tmp_path)
    draw_classes(tmp_path / "healthy", {"clear": 2})
    names: dict = {}
    blocks = code_blocks("README.md")
    exec(blocks[0], names)
    exec(blocks[1], names)
    assert len(blocks) == 2 and names["healthy"][0][0].shape == (3, 16, 16)
    train = names["train"]
    assert train.classes == list(real) and train.epoch == 1
    counts = Counter(zip(train.targets, train.is_synthetic))
    for label, (own, new) in enumerate(zip(real.values(), synthetic)):
        assert (counts[label, False], counts[label, True]) == (own, new)
    assert names["images"].shape[1:] == (3, 16, 16)


def test_the_page_on_mixed_data_sets(tmp_path, monkeypatch):
    classes = {"melanoma": 4, "nevus": 8, "seborrheic_keratosis": 2}
    for split in ("train", "val"):
        draw_classes(tmp_path / "ISIC2017" / split, classes)
    render(SyntheticSkinDataset(length=30, size=16), tmp_path / "rendered")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in code_blocks("docs/mixed.md"):
        exec(block, names)
    train = names["train"]
    assert Counter(train.targets[14:]) == {0: 2, 1: 4, 2: 1} and len(train.samples) == 21
    assert abs(sum(names["weights"]) - 9) < 1e-6  # of each class 1 synthetic, 2 real


def test_the_readme_fits_on_a_page_and_its_table_is_linked():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 100
    start = lines.index("## What there is")
    table = lines[start + 4 : lines.index("", start + 4)]
    assert len(table) > 8
    for row in table:
        (link,) = re.findall(r"\]\(([^)#]+)[^)]*\)", row.split("|")[1])
        assert (ROOT / link).is_file(), row
