"""Photographs that are edited, as many as are asked for."""

import csv
import json

import pytest
import torch
from PIL import Image

from synthderm import SyntheticSkinDataset
from synthderm.cli.main import main
from synthderm.imaging.io import to_pil, to_tensor
from synthderm.imaging.provenance import read_provenance
from synthderm.rendering.items import LeftOut
from synthderm.rendering.photographs import EditedPhotographs
from synthderm.rendering.render import render
from tests.drawing import draw_skin
from tests.rendering.stub import files


@pytest.fixture
def folder(tmp_path):
    for k, name in enumerate(("a/0.png", "a/1.png", "b/2.png", "b/3.png")):
        path = tmp_path / "photographs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        to_pil(draw_skin(40, 40 + 8 * k, seed=k)).save(path)
    return tmp_path / "photographs"


def test_an_item_depends_on_seed_and_number_alone(folder):
    items = EditedPhotographs(folder, length=6, seed=1)
    together = items.make(range(6))
    for item in together:
        (alone,) = EditedPhotographs(folder, length=99, seed=1).make([item.number])
        assert torch.equal(alone.image, item.image) and alone.row == item.row
        original = to_tensor(Image.open(folder / item.row["photograph"]))
        changed = (item.image != original).any(0, keepdim=True)
        assert not (changed & ~item.mask).any() and changed.any() == (item.label > 0)
        assert items.classes[item.label] == item.row["label"] and item.label == item.number % 4
    other = EditedPhotographs(folder, seed=2).make([1])[0]
    assert not torch.equal(other.image, together[1].image)


def test_every_photograph_comes_in_every_class(folder):
    for labels in (None, ["mild", "severe"], ["mild", "clear", "severe"]):
        items = EditedPhotographs(folder, labels=labels)
        assert items.length == 4 and [items._photograph(k)[0][2] for k in range(4)] == list("0123")
        count = 4 * len(labels or items.classes)
        pairs = {(items._photograph(k)[0], items._turn[k % len(items._turn)]) for k in range(count)}
        assert len(pairs) == count


def test_severity_and_size_are_as_asked(folder):
    items = EditedPhotographs(folder, size=32, severity=(0.4, 0.5), seed=3)
    for item in items.make(range(4)):
        assert item.image.shape == (3, 32, 32) and 0.4 <= item.row["severity"] <= 0.5
        assert item.row["label"] == "moderate"
    with pytest.raises(ValueError, match="labels severe do not occur with severity"):
        EditedPhotographs(folder, severity=0.2, labels="severe")


def test_what_can_not_be_edited_is_left_out(folder, capsys):
    (folder / "a" / "1.png").write_bytes((folder / "a" / "1.png").read_bytes()[:200])
    Image.new("RGB", (40, 40), "blue").save(folder / "b" / "3.png")
    made = EditedPhotographs(folder).make(range(4))
    reasons = {item.number: item.reason for item in made if isinstance(item, LeftOut)}
    assert list(reasons) == [1, 3] and reasons[3] == "b/3.png shows no skin to edit."
    Image.new("L", (40, 40), 255).save(folder / "a" / "0.png")  # which would be a clear item
    (mask,) = EditedPhotographs(folder).make([0])
    assert mask.reason == "a/0.png is black and white alone: a mask, and no photograph."
    to_pil(draw_skin(40, 40)).save(folder / "a" / "0.png")
    assert reasons[1].startswith("a/1.png is damaged") and str(folder) not in reasons[1]
    out = folder.parent / "out"
    command = ["render", "--edit", "eczema", "--images", str(folder), str(out)]
    assert main(command) == 1
    said = capsys.readouterr()
    assert "2 images, by class" in said.out and "2 of 4 items could not be made:" in said.err
    assert "3: b/3.png shows no skin to edit." in said.err
    assert main(command) == 1  # which is still so
    assert len(SyntheticSkinDataset.from_rendered(out)) == 2


@pytest.mark.parametrize("file_format", ["png", "webdataset"])
def test_rendered_they_are_read_back_with_their_own_sizes(folder, tmp_path, file_format):
    def items() -> EditedPhotographs:
        return EditedPhotographs(folder, length=9)

    out = render(items(), tmp_path / "out", file_format=file_format, shard_size=4, workers=2)
    assert files(out) == files(
        render(items(), tmp_path / "one", file_format=file_format, shard_size=4)
    )
    read = SyntheticSkinDataset.from_rendered(out, return_mask=True)
    assert read.classes == ["clear", "mild", "moderate", "severe"]
    for k, (image, mask, label) in enumerate(read):
        (item,) = items().make([k])
        assert torch.equal(to_tensor(image), item.image) and label == item.label
        assert torch.equal(mask.bool(), item.mask)
    batch = torch.utils.data.DataLoader(read, batch_size=9, collate_fn=list)
    assert len(next(iter(batch))) == 9
    if file_format == "png":
        with (out / "metadata.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["photograph"] for row in rows[:4]] == items().names
        origin = read_provenance(out / rows[1]["file_name"])
        assert origin["digital source type"].startswith("compositeWithTrained")
        assert origin["item"] == "1" and not read_provenance(out / rows[0]["file_name"])


def test_another_folder_of_photographs_is_refused(folder, tmp_path, capsys):
    out = render(EditedPhotographs(folder), tmp_path / "out")
    assert json.loads((out / "manifest.json").read_text())["photographs"]["count"] == 4
    to_pil(draw_skin(40, 40, seed=9)).save(folder / "new.png")
    with pytest.raises(ValueError, match="made with another photographs"):
        render(EditedPhotographs(folder, length=4), out)
    for arguments, says in (
        (["--images", str(folder), "x", str(out), "--length", "3"], "add --edit eczema"),
        (["--edit", "eczema", str(out)], "--edit needs photographs"),
        (["--edit", "eczema", "--images", str(folder)], "--edit needs a folder to write"),
        (["--edit", "eczema", "--images", str(folder), "eczema", "x"], "leave the source eczema"),
        (
            ["--edit", "eczema", "--images", str(folder), "x", "--skin-tone", "3"],
            "--skin-tone is of generators",
        ),
        (["--edit", "eczema", "--images", str(folder / "none"), "x"], "there is no folder"),
        (["--edit", "nothing", "--images", str(folder), "x"], "unknown model"),
    ):
        assert main(["render", *arguments]) == 2
        assert says in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
