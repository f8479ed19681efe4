"""The examples of docs/scale.md run as they stand, with the libraries that are installed: what
WebDataset, `datasets` and Ray read or make are the data set's own items."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from synthderm import SyntheticSkinDataset
from synthderm.cli.main import main
from synthderm.datasets.rendered_parquet import ParquetReader
from synthderm.imaging.io import parse_image, to_pil
from tests.drawing import draw_skin

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("synthderm render ")]
READ_BACK, WEBDATASET, DATASETS, RAY = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def lesions(**options) -> SyntheticSkinDataset:
    return SyntheticSkinDataset("lesions", length=30, size=32, **options)


def run(line: str) -> None:
    assert main(shlex.split(line)[1:]) == 0


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_read_back(here):
    formats = ["folders", "shards"]
    if importlib.util.find_spec("pyarrow"):
        formats.append("rows")
    for name in formats:
        run(next(line for line in COMMANDS if f" {name} " in line))
    code = READ_BACK.replace('("folders", "shards", "rows")', repr(formats))
    names: dict = {}
    exec(code, names)
    assert names["data"].targets == lesions().targets and names["label"] == lesions()[7][1]


def test_webdataset(here):
    pytest.importorskip("webdataset")
    run(COMMANDS[1])
    names: dict = {}
    exec(WEBDATASET, names)
    for (image, label), (own, own_label) in zip(names["pairs"], lesions(), strict=True):
        assert image.tobytes() == own.tobytes() and label == own_label


def test_datasets(here, monkeypatch):
    datasets = pytest.importorskip("datasets")
    pytest.importorskip("pyarrow")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", here / "cache")
    run(COMMANDS[2])
    names: dict = {}
    exec(DATASETS, names)
    rows = names["rows"]
    assert rows.features["label"].names == lesions().classes
    assert isinstance(rows.features["mask"], datasets.Image)
    for row, (own, mask, label) in zip(rows, lesions(return_mask=True), strict=True):
        assert row["image"].tobytes() == own.tobytes() and row["label"] == label
        assert row["mask"].getcolors() == to_pil(mask.bool()).getcolors()
        assert (row["seed"], row["model"]) == (0, "lesions")
    assert row["index"] == 29


def test_ray(here):
    pytest.importorskip("ray")
    names = {"SyntheticSkinDataset": SyntheticSkinDataset, "__name__": "__main__"}
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    try:
        exec(RAY, names)
    finally:
        ray.shutdown()
    images = {}
    reader = ParquetReader(masks=True)
    from pyarrow.parquet import read_table

    for path in here.glob("ray/*.parquet"):
        for row, index in enumerate(read_table(path)["index"].to_pylist()):
            images[index] = parse_image(reader.read(path, row)[0], path).tobytes()
    assert images == {k: image.tobytes() for k, (image, _) in enumerate(lesions())}


def test_photographs(here, capsys):
    for k in range(3):
        (here / "photographs").mkdir(exist_ok=True)
        to_pil(draw_skin(40, 48, seed=k)).save(here / "photographs" / f"{k}.png")
    run(next(line for line in COMMANDS if "--edit" in line))
    assert "edited: 8 images, in 1 files" in capsys.readouterr().out
    assert len(SyntheticSkinDataset.from_rendered("edited", return_mask=True)) == 8
