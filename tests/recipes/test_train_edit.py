"""train_edit.py with real lesions: masked and unpaired supervision on drawn folders, and what is
refused."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from synthderm import EczemaEditor
from tests.drawing import draw_folder
from tests.recipes.running import is_equal, load_checkpoint, measured, read_log, run_here


def train(monkeypatch, data: Path, out: Path, *options: str) -> list[dict]:
    return run_here(monkeypatch, "train_edit.py", data, out, *options)


@pytest.mark.parametrize("supervision", ["masked", "unpaired"])
def test_a_run_in_two_parts_ends_bit_equal_to_one(tmp_path, monkeypatch, supervision):
    data = draw_folder(tmp_path / "data", masks=supervision == "masked")
    whole, parts, more = (tmp_path / name for name in ("whole", "parts", "more"))
    options = ["--supervision", supervision, "--lesional", str(data), "--lesional-labels", "b"]
    train(monkeypatch, data, whole, *options, "--images", "32")
    train(monkeypatch, data, parts, *options, "--images", "16")
    log = train(monkeypatch, data, parts, *options, "--images", "32")
    for name in ("gan_add", "gan_remove", "cycle", "identity", "paired_add"):
        assert name in log[-1]
    assert measured(log) == measured(read_log(whole)), "running means, or other samples"
    a, b = load_checkpoint(whole), load_checkpoint(parts)
    for part in ("editor", "ema", "discriminators"):
        assert is_equal(a[part], b[part])
    model = EczemaEditor.from_pretrained(parts / "model").state_dict()
    assert is_equal(model, b["ema"])
    # --init starts from it, and trains on.
    init = ["--images", "4", "--init", str(parts / "model")]
    train(monkeypatch, data, more, *options, *init)
    trained = EczemaEditor.from_pretrained(more / "model").state_dict()
    change = max((trained[key] - value).abs().max() for key, value in model.items())
    assert 0 < change < 0.1


def test_a_paused_run_goes_on_and_a_finished_one_has_nothing_to_do(tmp_path, monkeypatch):
    data, whole, parts = draw_folder(tmp_path / "data"), tmp_path / "whole", tmp_path / "parts"
    train(monkeypatch, data, whole, "--images", "32")
    train(monkeypatch, data, parts, "--images", "32", "--val-interval", "4", "--pause", "1e-9")
    assert load_checkpoint(parts)["state"]["shown"] == 4
    log = train(monkeypatch, data, parts, "--images", "32")
    assert is_equal(load_checkpoint(whole)["editor"], load_checkpoint(parts)["editor"])
    assert [entry["shown"] for entry in log] == [4, 16, 32]
    assert measured(log)[1:] == measured(read_log(whole))
    assert train(monkeypatch, data, parts, "--images", "32") == log


def test_what_it_cannot_train_on_is_named(tmp_path, monkeypatch):
    data, bare = draw_folder(tmp_path / "data"), draw_folder(tmp_path / "bare", masks=False)
    empty, full, small, background = (
        Path(shutil.copytree(data, tmp_path / name))
        for name in ("empty", "full", "small", "background")
    )
    Image.new("L", (40, 40), 0).save(empty / "masks" / "3.png")
    Image.new("L", (40, 40), 255).save(full / "masks" / "1.png")
    Image.new("RGB", (8, 8)).save(small / "images" / "0.png")
    Image.new("L", (8, 8)).save(small / "masks" / "0.png")
    for path in (background / "images").glob("*.png"):
        Image.new("RGB", (40, 40), (90, 120, 200)).save(path)
    masked = ["--supervision", "masked"]
    unpaired = ["--supervision", "unpaired", "--lesional", str(data), "--lesional-labels", "z"]
    cases = [
        (data, masked, "--lesional"),
        (data, [*masked, "--lesional", str(bare)], "names no masks"),
        (data, [*masked, "--lesional", str(empty)], r"images.3\.png covers nothing"),
        (data, [*masked, "--lesional", str(full)], r"1\.png covers 100%"),
        (data, unpaired, "no class 'z'"),
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
    good = load_checkpoint(out)["editor"]
    with pytest.raises(SystemExit, match="NaN after [0-9]+ images.*checkpoint.pt"):
        train(monkeypatch, data, out, "--images", "64", "--lr", "1e30")
    kept = load_checkpoint(out)["editor"]
    assert is_equal(kept, good) and all(value.isfinite().all() for value in kept.values())
