"""What `synthderm render` leaves on the disk: what other readers see of it, finished or not."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_dataset
from torchvision.datasets import ImageFolder

import synthderm.rendering.folder
import synthderm.rendering.render
from synthderm import SkinFolder, SyntheticSkinDataset
from synthderm.cli.main import main
from synthderm.cli.render import render
from synthderm.datasets.rendered import PLAN
from synthderm.datasets.rendered_names import folder_names
from synthderm.rendering.folder import FolderWriter


def grey(seeds: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    images = (seeds % 255 / 255).view(-1, 1, 1, 1).expand(-1, 3, 16, 16)
    masks = torch.zeros(len(seeds), 1, 16, 16, dtype=torch.bool)
    masks[:, :, 4:9, 2:5] = True
    return images, masks


def data(length: int, **options) -> SyntheticSkinDataset:
    return SyntheticSkinDataset(grey, **{"classes": ["b", "c", "a"], "length": length} | options)


def rows_of(out) -> list[dict[str, str]]:
    with open(out / "metadata.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def stop(monkeypatch):
    """Ctrl-C after this number of images."""

    def set_up(count: int) -> None:
        written = []

        def write(self, item):
            if len(written) == count:
                monkeypatch.undo()
                raise KeyboardInterrupt
            written.append(item)
            return write_item(self, item)

        write_item = FolderWriter._write_item
        monkeypatch.setattr(FolderWriter, "_write_item", write)

    return set_up


def test_readers_of_folders_learn_the_classes_and_never_the_masks(tmp_path):
    out = render(data(7), tmp_path / "out")
    folder = ImageFolder(out / "images")
    assert folder.classes == ["a", "b", "c"] and folder.targets == [0, 0, 1, 1, 1, 2, 2]
    for place in ("images", "."):  # timm takes the names of the innermost folders
        reader = create_dataset("", str(out / place), split="train").reader
        assert reader.class_to_idx == {"a": 0, "b": 1, "c": 2} and len(reader) == 7
    with pytest.raises(FileNotFoundError, match="no valid file for the classes masks"):
        ImageFolder(out)
    ours = SkinFolder(out, return_mask=True)
    assert ours.classes == ["b", "c", "a"] and ours.targets == [0, 1, 2, 0, 1, 2, 0]
    for (image, mask, label), (image2, mask2, label2) in zip(
        ours, data(7, return_mask=True), strict=True
    ):
        assert image.tobytes() == image2.tobytes() and label == label2
        assert torch.equal(mask, mask2)
    mask = np.asarray(Image.open(out / "masks" / "b" / "0000000.gif"))
    assert mask.shape == (16, 16) and np.unique(mask).tolist() == [0, 255]


def test_the_table_says_what_each_image_is(tmp_path):
    eczema = SyntheticSkinDataset("eczema", length=5, seed=4, size=32, severity=(0, 0.9))
    rows = rows_of(render(eczema, tmp_path / "eczema"))
    assert [row["label"] for row in rows] == [eczema.classes[k] for k in eczema.targets]
    bounds = {"clear": (0, 0), "mild": (0.05, 0.3334), "moderate": (0.33, 0.67), "severe": (0.6, 1)}
    for row in rows:
        low, high = bounds[row["label"]]
        assert low <= float(row["severity"]) <= high and -90 < float(row["skin_tone"]) < 90
        assert (row["seed"], row["model"]) == ("4", "eczema")
        assert row["weights_hash"] == eczema.weights
    assert len({row["skin_tone"] for row in rows}) == 5
    skin = SyntheticSkinDataset("skin", length=2, size=32, skin_tone=30)
    assert {row["skin_tone"] for row in rows_of(render(skin, tmp_path / "skin"))} == {"30.00"}
    (row,) = rows_of(render(data(1), tmp_path / "grey"))
    assert row["severity"] == row["skin_tone"] == "" and row["weights_hash"] == "function"


@pytest.mark.parametrize("count", [0, 1, 20, 39])
def test_an_unfinished_folder_is_refused_and_finished(tmp_path, stop, count):
    out = tmp_path / "out"
    stop(count)
    with pytest.raises(KeyboardInterrupt):
        render(data(40), out)
    for place in (out, out / "images"):
        if place.is_dir():
            with pytest.raises((FileNotFoundError, RuntimeError)):
                ImageFolder(place)
            with pytest.raises(RuntimeError, match="Found 0 images"):
                create_dataset("", str(place), split="train")
            with pytest.raises(ValueError, match="out is not rendered to the end.*same command"):
                SkinFolder(place)
    # No reader finds a suffix to go by, also not behind another.
    names = [path.name for path in out.rglob("*") if path.is_file()]
    assert not [name for name in names if ".png" in name or ".gif" in name]
    with (out / "unfinished" / "000000.csv").open("a") as file:
        file.write("images/b/0000039.png,masks/b/00000")  # a line that was cut short
    before = {path.name: path.stat().st_mtime_ns for path in out.rglob("images/*/*.part")}
    assert len(before) == count
    render(data(40), out)
    for name, time in before.items():
        (path,) = out.rglob(f"images/*/{name[:7]}.png")
        assert path.stat().st_mtime_ns == time
    render(data(40), tmp_path / "whole")
    assert files(out) == files(tmp_path / "whole") and not (out / PLAN).exists()


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (synthderm.rendering.folder, "write_rows"),
        (synthderm.rendering.render, "write_text"),
        (synthderm.rendering.render, "write_checksums"),
    ],
    ids=["table", "manifest", "checksums"],
)
def test_a_stop_while_files_are_given_their_names(tmp_path, monkeypatch, module, step):
    def stop(path, *_):
        if path.name in ("metadata.csv", "manifest.json", "out"):
            raise KeyboardInterrupt
        return write(path, *_)

    write = getattr(module, step)
    monkeypatch.setattr(module, step, stop)
    with pytest.raises(KeyboardInterrupt):
        render(data(3), tmp_path / "out")
    monkeypatch.undo()
    with pytest.raises(ValueError, match="not rendered to the end"):
        SkinFolder(tmp_path / "out")
    render(data(3), tmp_path / "out")
    render(data(3), tmp_path / "whole")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def files(out) -> dict[str, bytes]:
    paths = [path for path in out.rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}


def test_the_length_can_be_raised_also_after_a_stop(tmp_path, stop):
    out = render(data(4), tmp_path / "out")
    times = {path.name: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    stop(1)
    with pytest.raises(KeyboardInterrupt):
        render(data(6), out)
    assert len(ImageFolder(out / "images")) == len(rows_of(out)) == 4  # the old whole
    with pytest.raises(ValueError, match="not rendered to the end"):
        SkinFolder(out)
    render(data(9), out)
    assert SkinFolder(out).targets == data(9).targets
    for name, time in times.items():
        assert next(out.rglob(name)).stat().st_mtime_ns == time
    render(data(9), tmp_path / "whole")
    assert files(out) == files(tmp_path / "whole")
    with pytest.raises(ValueError, match="--length 8 is less: it can be raised, not lowered"):
        render(data(8), out)
    with pytest.raises(ValueError, match="made with another targets"):
        render(data(20, labels=["a", "b"]), out)


@pytest.mark.parametrize(("name", "suffix"), [("png", "png"), ("jpeg", "jpg"), ("webp", "webp")])
def test_formats_and_no_masks(tmp_path, generator_dir, name, suffix):
    out = tmp_path / "out"
    command = ["render", str(generator_dir), str(out), "--length", "2", "--format", name]
    assert main([*command, "--no-masks"]) == 0
    paths = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    images = [f"images/a/0000000.{suffix}", f"images/b/0000001.{suffix}"]
    assert paths == ["checksums.sha256", *images, "manifest.json", "metadata.csv"]
    assert Image.open(out / images[0]).format == name.upper()
    assert "mask_file_name" not in rows_of(out)[0] and SkinFolder(out).targets == [0, 1]
    assert main(command) == 2  # with masks


def test_ctrl_c_says_in_one_line_how_to_go_on(tmp_path, generator_dir, stop, capsys):
    command = ["render", str(generator_dir), str(tmp_path / "out"), "--length", "3"]
    stop(2)
    assert main(command) == 130
    error = capsys.readouterr().err
    assert "out is not finished, and the same command goes on" in error
    assert error.splitlines()[-1].startswith("synthderm: stopped;")
    assert main(command) == 0 and len(SkinFolder(tmp_path / "out")) == 3


def test_a_split_that_is_unfinished_is_refused(tmp_path, stop):
    render(data(3), tmp_path / "train")
    stop(1)
    with pytest.raises(KeyboardInterrupt):
        render(data(3, seed=1), tmp_path / "val")
    with pytest.raises(ValueError, match="val is not rendered to the end"):
        SkinFolder(tmp_path, split="train")


def test_other_peoples_files_are_left_alone(tmp_path):
    (tmp_path / "out" / "images" / "a").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "out" / "images" / "a" / "0000002.png")
    before = files(tmp_path / "out")
    with pytest.raises(ValueError, match=r"holds other files \(images\): choose a new folder"):
        render(data(3), tmp_path / "out")
    assert files(tmp_path / "out") == before
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").touch()
    assert len(SkinFolder(render(data(3), tmp_path / "empty"))) == 3


def test_a_class_may_have_any_name(tmp_path):
    names = ["skin, close-up / dermoscopy", "..", "Nevus", "nevus", "", "a" * 300, " b. ", "c\0"]
    folders = folder_names(names)
    assert folders[:4] == ["skin, close-up _ dermoscopy", "_", "Nevus", "nevus_"]
    assert len({name.casefold() for name in folders}) == len(names)
    assert all(name and len(name) <= 61 and not set("/\0") & set(name) for name in folders)
    prompts = ["a mole: flat/raised", "ekzem, grün"]
    out = render(data(4, classes=prompts), tmp_path / "out")
    assert SkinFolder(out).classes == prompts and SkinFolder(out).targets == [0, 1, 0, 1]
    assert ImageFolder(out / "images").classes == ["a mole_ flat_raised", "ekzem, grün"]
