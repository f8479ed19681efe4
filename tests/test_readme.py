"""The first block of the README runs as it stands, but for sizes, on collections with other
classes."""

import re
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

README = Path(__file__).parents[1] / "README.md"
LARGE = [("(224)", "(16)"), ("num_workers=4, persistent_workers=True", "num_workers=0")]
LARGE += [("range(10)", "range(2)"), ("batch_size=32", "batch_size=4")]


def first_block() -> str:
    """The code, with fewer and smaller images."""
    text = README.read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    for large, small in LARGE:
        assert code.count(large) == 1, large
        code = code.replace(large, small)
    return code


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
    draw_classes(tmp_path / "ISIC2017" / "train", real)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(first_block(), names)
    train = names["train"]
    assert train.classes == list(real) and train.epoch == 1
    counts = Counter(zip(train.targets, train.is_synthetic))
    for label, (own, new) in enumerate(zip(real.values(), synthetic)):
        assert (counts[label, False], counts[label, True]) == (own, new)
    assert names["images"].shape[1:] == (3, 16, 16)
