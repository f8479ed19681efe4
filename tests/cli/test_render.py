"""A data set on disk is the data set."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from synthderm import SkinFolder, SkinGenerator, SyntheticSkinDataset
from synthderm.cli.main import main
from synthderm.cli.render import render
from synthderm.files import sha256
from synthderm.models.cache import _load_generator
from tests.drawing import liven


def grey(seeds: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return (seeds % 255 / 255).view(-1, 1, 1, 1).expand(-1, 3, 16, 16)


def test_files_are_the_items_and_the_manifest_says_what_made_them(tmp_path):
    data = SyntheticSkinDataset("lesions", length=5, seed=3, return_mask=True)
    folder = SkinFolder(render(data, tmp_path / "out"), return_mask=True)
    assert folder.classes == data.classes and folder.targets == data.targets
    for (image, mask, label), (image2, mask2, label2) in zip(folder, data):
        assert (
            np.array_equal(np.asarray(image), np.asarray(image2))
            and (mask == mask2).all()
            and label == label2
        )
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (
        manifest["revision"] == "bundled"
        and manifest["seed"] == 3
        and manifest["source"] == "lesions"
    )


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("lesions", {"labels": ["seborrheic_keratosis", "nevus"]}),
        ("hands", {"labels": "5"}),
        ("eczema", {"severity": (0.7, 1.0)}),
        (grey, {"classes": ["nevus", "melanoma"], "size": 16}),
    ],
    ids=["some classes", "one class", "severe alone", "classes in another order"],
)
def test_a_folder_read_back_numbers_the_classes_as_the_data_set_does(tmp_path, source, options):
    data = SyntheticSkinDataset(source, length=4, **{"size": 32} | options)
    folder = SkinFolder(render(data, tmp_path / "out"))
    assert (folder.classes, folder.targets) == (data.classes, data.targets)
    assert folder.class_to_idx == data.class_to_idx
    chosen = SkinFolder(tmp_path / "out", classes=[data.classes[data.targets[0]]])
    assert chosen.targets == [0] * data.targets.count(data.targets[0])


def test_splits_that_were_rendered_number_the_classes_as_the_data_set_does(tmp_path):
    for split, label in (("train", "seborrheic_keratosis"), ("val", "nevus")):
        data = SyntheticSkinDataset("lesions", length=1, labels=label, size=32)
        render(data, tmp_path / split)
    assert SkinFolder(tmp_path, split="train").targets == [2]
    assert SkinFolder(tmp_path, split="val").targets == [1]
    # A table without a manifest beside it: the classes are those that occur.
    (tmp_path / "val" / "manifest.json").unlink()
    assert SkinFolder(tmp_path).classes == ["nevus", "seborrheic_keratosis"]


def test_a_balancing_data_set_read_back_has_the_labels_of_the_real_one(tmp_path):
    class Real:
        classes, targets = ["z", "nv", "mel"], [0, 0, 1, 2, 2]

    mapping = {"mel": "melanoma", "nv": "nevus"}
    extra = SyntheticSkinDataset.balancing(Real(), classes=["nv"], mapping=mapping, size=32)
    folder = SkinFolder(render(extra, tmp_path / "out"))
    assert folder.classes == Real.classes and folder.targets == [1]


def test_a_manifest_that_does_not_fit_is_named(tmp_path):
    data = SyntheticSkinDataset("lesions", length=2, size=32)
    out = render(data, tmp_path / "out")
    table, manifest = out / "metadata.csv", out / "manifest.json"
    table.write_text(table.read_text().replace(",nevus", ",naevus"))
    says = "images of 'naevus', but .*manifest.json has the classes melanoma, nevus"
    with pytest.raises(ValueError, match=says):
        SkinFolder(out)
    assert SkinFolder(out, classes=["naevus", "melanoma"]).targets == [1, 0]
    manifest.write_text(manifest.read_text()[:40])
    with pytest.raises(ValueError, match="manifest.json is damaged"):
        SkinFolder(out)
    record = {"synthderm": "0", "classes": ["nevus"], "length": 2}
    for wrong in ({"classes": 1}, {"classes": [1]}, {"classes": None}, {"length": "2"}):
        manifest.write_text(json.dumps(record | wrong))
        with pytest.raises(ValueError, match=f"manifest.json is damaged .{next(iter(wrong))}"):
            SkinFolder(out)
        with pytest.raises(ValueError, match="manifest.json is damaged"):
            render(data, out)
    manifest.write_text('{"name": "of something else"}')
    assert SkinFolder(out).classes == ["melanoma", "naevus"]
    (out / "unfinished.json").write_text("{")
    with pytest.raises(ValueError, match="unfinished.json is damaged"):
        render(data, out)


def test_a_broken_run_goes_on_and_another_data_set_is_refused(tmp_path, capsys):
    command = ["render", "hands", str(tmp_path / "h"), "--length", "3", "--labels", "5"]
    assert main(command) == 0
    kept, lost = (tmp_path / "h" / "images" / "5" / f"000000{k}.png" for k in (0, 2))
    before, old = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    assert main(command) == 0
    assert (
        kept.stat().st_mtime_ns == before
        and lost.read_bytes() == old
        and Image.open(lost).size == (128, 128)
    )
    assert main([*command, "--seed", "1"]) == 2
    assert "choose a new folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["render", "hands"])


@pytest.mark.parametrize(
    "other",
    [{"skin_tone": (0, 10)}, {"truncation": 0.5}, {"seed": 2}, {"size": 32}, {"labels": [1]}],
    ids=lambda option: next(iter(option)),
)
def test_a_folder_never_mixes_images_of_two_settings(tmp_path, other):
    def data(**options) -> SyntheticSkinDataset:
        return SyntheticSkinDataset("hands", length=2, **{"size": 64, "seed": 1} | options)

    render(data(), tmp_path / "out")
    with pytest.raises(ValueError, match="holds images made with another"):
        render(data(**other), tmp_path / "out")


def test_other_artifacts_are_refused_and_a_long_value_is_marked_as_cut(tmp_path):
    def data(**options) -> SyntheticSkinDataset:
        return SyntheticSkinDataset("lesions", length=2, size=16, **options)

    render(data(artifacts={"hair": 1.0}), tmp_path / "out")
    render(data(artifacts={"ruler": 0, "hair": 1}), tmp_path / "out")  # draws the same
    with pytest.raises(ValueError, match=r"another artifacts \({'hair': 1.0}, now {.*\.\.\.\)"):
        render(data(), tmp_path / "out")


def test_a_folder_never_mixes_images_of_two_weights(tmp_path, generator_dir):
    folder = shutil.copytree(generator_dir, tmp_path / "model")
    render(SyntheticSkinDataset(folder, length=2), tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["weights"] == sha256(folder / "model.safetensors")
    liven(SkinGenerator.from_pretrained(folder), seed=1).save_pretrained(folder)
    _load_generator.cache_clear()
    with pytest.raises(ValueError, match="made with another weights"):
        render(SyntheticSkinDataset(folder, length=2), tmp_path / "out")


def test_a_rendering_of_a_function_goes_on_in_another_process(tmp_path):
    data = SyntheticSkinDataset(grey, classes=["a"], length=3)
    render(data, tmp_path / "out")
    lost = tmp_path / "out" / "images" / "a" / "0000001.png"
    before = lost.read_bytes()
    lost.unlink()
    render(SyntheticSkinDataset(grey, classes=["a"], length=3), tmp_path / "out")
    assert lost.read_bytes() == before
    # Nothing in the manifest is of this process alone, as an address would be.
    assert "0x" not in (tmp_path / "out" / "manifest.json").read_text()


def test_the_command_takes_what_the_data_set_takes(tmp_path):
    command = ["render", "eczema", str(tmp_path / "e"), "--length", "2", "--size", "48"]
    options = ["--severity", "0.8", "1", "--skin-tone", "10", "--truncation", "0.7"]
    assert main([*command, *options, "--device", "cpu"]) == 0
    manifest = json.loads((tmp_path / "e" / "manifest.json").read_text())
    assert manifest["severity"] == [0.8, 1.0] and manifest["skin_tone"] == [10.0, 10.0]
    assert manifest["truncation"] == 0.7 and set(manifest["targets"]) == {3}
