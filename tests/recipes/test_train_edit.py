"""train_edit.py with real lesions: both adversarial ways of supervision on drawn folders, and what
is refused."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from synthderm import EczemaEditor
from synthderm.training.lesion_patches import (
    against_own_skin,
    draw_healthy,
    draw_lesions,
    load_lesions,
    load_skin,
)
from synthderm.training.losses import masked_difference, overlap
from tests.drawing import draw_folder, draw_skin

RECIPE = Path(__file__).parents[1] / "recipes" / "train_edit.py"


def train(monkeypatch, data: Path, out: Path, *options: str) -> list[dict]:
    """Runs the recipe here, where torch is imported already; gives the log."""
    line = [
        str(RECIPE),
        "--data",
        str(data),
        "--out",
        str(out),
        "--size",
        "32",
        "--batch",
        "4",
        "--check",
        "16",
        "--threads",
        "1",
        "--device",
        "cpu",
    ]
    monkeypatch.setattr(sys, "argv", [*line, *options])
    runpy.run_path(str(RECIPE), run_name="__main__")
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("way", ["masked", "unpaired"])
def test_a_run_in_two_parts_ends_bit_equal_to_one(tmp_path, monkeypatch, way):
    data = draw_folder(tmp_path / "data", masks=way == "masked")
    options = ["--supervision", way, "--sick", str(data), "--sick-labels", "b"]
    train(monkeypatch, data, tmp_path / "whole", *options, "--images", "32")
    train(monkeypatch, data, tmp_path / "parts", *options, "--images", "16")
    log = train(monkeypatch, data, tmp_path / "parts", *options, "--images", "32")
    assert all(name in log[-1] for name in ("lesion", "healed", "cycle", "identity", "paired add"))
    whole, parts = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
        for name in ("whole", "parts")
    )
    for part in ("editor", "average", "judges"):
        assert all(torch.equal(value, parts[part][key]) for key, value in whole[part].items())
    model = EczemaEditor.from_pretrained(tmp_path / "parts" / "model")
    assert all(
        torch.equal(value, parts["average"][key]) for key, value in model.state_dict().items()
    )
    # --init starts from it, and trains on.
    train(
        monkeypatch,
        data,
        tmp_path / "more",
        *options,
        "--images",
        "4",
        "--init",
        str(tmp_path / "parts" / "model"),
    )
    more = EczemaEditor.from_pretrained(tmp_path / "more" / "model").state_dict()
    assert (
        0 < max((more[key] - value).abs().max() for key, value in model.state_dict().items()) < 0.1
    )


def test_what_it_cannot_train_on_is_named(tmp_path, monkeypatch):
    data = draw_folder(tmp_path / "data")
    bare = draw_folder(tmp_path / "bare", masks=False)
    empty, full, small = (
        Path(shutil.copytree(data, tmp_path / name)) for name in ("empty", "full", "small")
    )
    Image.new("L", (40, 40), 0).save(empty / "masks" / "3.png")
    Image.new("L", (40, 40), 255).save(full / "masks" / "1.png")
    Image.new("RGB", (8, 8)).save(small / "images" / "0.png")
    Image.new("L", (8, 8)).save(small / "masks" / "0.png")
    background = draw_folder(tmp_path / "background")
    for path in (background / "images").glob("*.png"):
        Image.new("RGB", (40, 40), (90, 120, 200)).save(path)
    cases = [
        (data, ["--supervision", "masked"], "--sick"),
        (data, ["--supervision", "masked", "--sick", str(bare)], "names no masks"),
        (
            data,
            ["--supervision", "masked", "--sick", str(empty)],
            r"masks?.*3\.png covers nothing|images.3\.png covers nothing",
        ),
        (data, ["--supervision", "masked", "--sick", str(full)], r"1\.png covers 100%"),
        (
            data,
            ["--supervision", "unpaired", "--sick", str(data), "--sick-labels", "z"],
            "no class 'z'",
        ),
        (small, [], r"0\.png is 8 x 8"),
        (background, [], "no photograph .* shows enough healthy skin"),
    ]
    for folder, options, says in cases:
        with pytest.raises(SystemExit, match=says):
            train(monkeypatch, folder, tmp_path / "out", *options, "--images", "4")
        assert not (tmp_path / "out").exists()


def test_a_nan_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    data, out = draw_folder(tmp_path / "data"), tmp_path / "out"
    train(monkeypatch, data, out, "--images", "16")
    good = torch.load(out / "checkpoint.pt", weights_only=True)
    with pytest.raises(SystemExit, match="NaN after [0-9]+ images.*checkpoint.pt"):
        train(monkeypatch, data, out, "--images", "64", "--lr", "1e30")
    kept = torch.load(out / "checkpoint.pt", weights_only=True)
    assert all(
        torch.equal(value, good["editor"][key]) and value.isfinite().all()
        for key, value in kept["editor"].items()
    )


def test_patches_of_healthy_skin_leave_the_lesion_out(tmp_path):
    data = draw_folder(tmp_path / "data")
    torch.manual_seed(0)
    images, allowed = draw_healthy([load_skin(str(data), 32)], 8, 32)
    assert (
        images.shape == (8, 3, 32, 32)
        and images.min() > 0
        and images.max() <= 1
        and 0.2 < allowed.float().mean() < 0.95
    )
    lesions, inside = draw_lesions(load_lesions(str(data), ["a"], 32, masks=True), 8, 32)
    dark = lesions.mean(1, keepdim=True)
    assert all(dark[k][inside[k]].mean() < 0.8 * dark[k][~inside[k]].mean() for k in range(8))


def test_a_discriminator_sees_no_tone_and_no_exposure():
    skin = draw_skin(32, 32)[None]
    mask = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    mask[..., 8:20, 8:20] = True
    lesion = torch.where(mask, skin * torch.tensor([0.8, 0.5, 0.5]).view(1, 3, 1, 1), skin)
    darker = lesion * torch.tensor([0.6, 0.5, 0.4]).view(1, 3, 1, 1)
    assert torch.allclose(against_own_skin(lesion, mask), against_own_skin(darker, mask), atol=1e-4)
    assert (against_own_skin(lesion, mask) - against_own_skin(skin, mask)).abs().mean() > 0.05


def test_losses_against_values_worked_out_by_hand():
    a, b = torch.full((1, 3, 2, 2), 0.5), torch.full((1, 3, 2, 2), 0.25)
    everywhere, nowhere = (
        torch.ones(1, 1, 2, 2, dtype=torch.bool),
        torch.zeros(1, 1, 2, 2, dtype=torch.bool),
    )
    # Twelve values differ by ln 2 in density, none in gradient; the sum is divided by 3 * 4 + 1.
    assert masked_difference(a, b, everywhere).item() == pytest.approx(12 * 0.6931472 / 13)
    assert masked_difference(a, b, nowhere) == 0 == masked_difference(a, b, everywhere, colour=0)
    b[..., 1] = (
        0.5  # a step of ln 2 in each of two rows and three channels, counted twice; half of the colour is left
    )
    assert masked_difference(a, b, everywhere).item() == pytest.approx((12 + 6) * 0.6931472 / 13)
    half = torch.tensor([[1.0, 1.0], [0.0, 0.0]]).view(1, 1, 2, 2)
    assert overlap(half, half) == 1 and overlap(half, 1 - half).item() == pytest.approx(1 / 5)
