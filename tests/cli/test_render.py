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


def test_a_broken_run_goes_on_and_another_data_set_is_refused(tmp_path, capsys):
    command = ["render", "hands", str(tmp_path / "h"), "--length", "3", "--labels", "5"]
    assert main(command) == 0
    kept, lost = (
        tmp_path / "h" / "images" / "0000000.png",
        tmp_path / "h" / "images" / "0000002.png",
    )
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


def test_a_folder_never_mixes_images_of_two_weights(tmp_path, generator_dir):
    folder = shutil.copytree(generator_dir, tmp_path / "model")
    render(SyntheticSkinDataset(folder, length=2), tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["weights"] == sha256(folder / "model.safetensors")
    liven(SkinGenerator.from_pretrained(folder), seed=1).save_pretrained(folder)
    _load_generator.cache_clear()
    with pytest.raises(ValueError, match="made with another weights"):
        render(SyntheticSkinDataset(folder, length=2), tmp_path / "out")


def grey(seeds: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return (seeds % 255 / 255).view(-1, 1, 1, 1).expand(-1, 3, 16, 16)


def test_a_rendering_of_a_function_goes_on_in_another_process(tmp_path):
    data = SyntheticSkinDataset(grey, classes=["a"], length=3)
    render(data, tmp_path / "out")
    lost = tmp_path / "out" / "images" / "0000001.png"
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
