"""The recipes on drawn images: they run, and a run that is killed ends bit-equal to one that is
not."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from synthderm import EczemaEditor, SkinGenerator
from synthderm.imaging.io import to_pil
from tests.drawing import draw_folder, draw_skin, write_extractor

RECIPES = Path(__file__).parents[1] / "recipes"
CASES = {
    "train_gan.py": ["--size", "16", "--channels", "16", "8", "8", "--judge", "8", "8", "8", "--batch", "4", "--images", "240", "--check", "40",
                     "--grow", "100", "--condition", "40", "160", "--loss", "relativistic", "--r1", "0.1", "--r2", "0.1", "--lazy", "4",
                     "--augment", "adaptive", "--balance", "--masks", "skin", "--tones", "--noise", "--kid-images", "16"],
    "train_edit.py": ["--size", "32", "--batch", "4", "--images", "80", "--check", "16"],
}  # fmt: skip


def command(recipe: str, data: Path, out: Path) -> list[str]:
    extractor = (
        ["--kid", write_extractor(data)] if recipe == "train_gan.py" and data.is_dir() else []
    )
    return [
        sys.executable,
        str(RECIPES / recipe),
        "--data",
        str(data),
        "--out",
        str(out),
        "--threads",
        "1",
        "--device",
        "cpu",
        *CASES[recipe],
        *extractor,
    ]


@pytest.mark.parametrize("recipe", CASES)
def test_a_killed_run_ends_bit_equal_to_an_unbroken_one(tmp_path, recipe):
    data = draw_folder(tmp_path / "data")
    subprocess.run(command(recipe, data, tmp_path / "whole"), check=True, capture_output=True)

    process = subprocess.Popen(
        command(recipe, data, tmp_path / "broken"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (tmp_path / "broken" / "checkpoint.pt").exists() and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (tmp_path / "broken" / "checkpoint.pt").exists()
    subprocess.run(command(recipe, data, tmp_path / "broken"), check=True, capture_output=True)

    whole, broken = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
        for name in ("whole", "broken")
    )
    for part in ("average", "generator" if recipe == "train_gan.py" else "editor"):
        assert all(torch.equal(value, broken[part][key]) for key, value in whole[part].items())
    assert whole["state"]["shown"] == broken["state"]["shown"]
    logs = [
        [
            json.loads(line)["shown"]
            for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        ]
        for name in ("whole", "broken")
    ]
    assert logs[0] == logs[1] == sorted(logs[0])
    cls = SkinGenerator if recipe == "train_gan.py" else EczemaEditor
    model = cls.from_pretrained(
        tmp_path / "broken" / ("last" if recipe == "train_gan.py" else "model")
    )
    assert all(
        torch.equal(value, broken["average"][key]) for key, value in model.state_dict().items()
    )
    assert list((tmp_path / "broken" / "samples").glob("*.png"))


def train_gan(monkeypatch, data: Path, out: Path, *options: str) -> list[dict]:
    """Runs the recipe here, where torch is imported already; gives the log."""
    monkeypatch.setattr(sys, "argv", command("train_gan.py", data, out)[1:] + list(options))
    runpy.run_path(sys.argv[0], run_name="__main__")
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_the_generator_with_the_best_kid_is_kept(tmp_path, monkeypatch):
    data, out = draw_folder(tmp_path / "data", count=24), tmp_path / "out"
    log = train_gan(monkeypatch, data, out)
    best = min(log, key=lambda line: line["kid_x1000"])
    config = json.loads((out / "model" / "config.json").read_text())
    assert (
        config["training"]["shown"] == best["shown"]
        and config["training"]["best_kid"] == best["kid_x1000"]
    )
    assert (
        json.loads((out / "last" / "config.json").read_text())["training"]["shown"]
        == log[-1]["shown"]
        == 240
    )
    assert all(
        line["gap"] == pytest.approx(line["d_train"] - line["d_val"]) and line["images_per_s"] > 0
        for line in log
    )
    assert len(config["arguments"]["tones"]) == 11
    # The same command again has nothing to do and changes nothing.
    before = (out / "metrics.jsonl").read_text()
    train_gan(monkeypatch, data, out)
    assert (out / "metrics.jsonl").read_text() == before


def test_a_paused_run_goes_on_to_the_same_end(tmp_path, monkeypatch):
    data, whole, parts = draw_folder(tmp_path / "data"), tmp_path / "whole", tmp_path / "parts"
    weights = tmp_path / "weights.safetensors"
    torch.manual_seed(0)
    save_file(timm.create_model("test_efficientnet").state_dict(), weights)
    features = (
        "--features",
        f"test_efficientnet={weights}",
        "--cover",
        "2",
        "--classify",
        "0.5",
        "--size",
        "64",
    )
    plain = (
        "--loss",
        "hinge",
        "--augment",
        "0.5",
        "--kid",
        "none",
        "--images",
        "60",
        "--check",
        "28",
        *features,
    )
    train_gan(monkeypatch, data, whole, *plain)
    for shown in range(4, 64, 4):  # a pause after every step, also the last
        with suppress(FileNotFoundError):  # there is no log before the first check
            train_gan(monkeypatch, data, parts, *plain, "--pause", "1e-9")
        assert torch.load(parts / "checkpoint.pt", weights_only=True)["state"]["shown"] == shown
    train_gan(monkeypatch, data, parts, *plain)
    a, b = (torch.load(out / "checkpoint.pt", weights_only=True) for out in (whole, parts))
    assert a["state"]["shown"] == b["state"]["shown"] == 60 and a["price"] == b["price"] != 0.05
    for part in ("average", "encoder"):
        assert a[part] and all(torch.equal(value, b[part][key]) for key, value in a[part].items())
    logs = [
        [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        for out in (whole, parts)
    ]
    assert [(x["shown"], x["loss_d"], x["gap"]) for x in logs[0]] == [
        (x["shown"], x["loss_d"], x["gap"]) for x in logs[1]
    ]


def test_a_loss_that_is_nan_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    data, out = draw_folder(tmp_path / "data"), tmp_path / "out"
    train_gan(monkeypatch, data, out, "--images", "40")
    before = (out / "checkpoint.pt").read_bytes()
    good = torch.load(out / "checkpoint.pt", weights_only=True)
    good["generator"]["stem.bias"][0] = float("nan")
    torch.save(good, out / "checkpoint.pt")
    broken = (out / "checkpoint.pt").read_bytes()
    with pytest.raises(
        SystemExit, match="a loss is NaN after 44 images; the last good checkpoint is kept"
    ):
        train_gan(monkeypatch, data, out)
    assert before != broken == (out / "checkpoint.pt").read_bytes()


def test_a_run_starts_from_published_weights(tmp_path, monkeypatch):
    data, first, second = draw_folder(tmp_path / "data"), tmp_path / "first", tmp_path / "second"
    train_gan(monkeypatch, data, first, "--images", "40")
    train_gan(
        monkeypatch,
        data,
        second,
        "--images",
        "4",
        "--lr",
        "0",
        "0",
        "--ema",
        "1e12",
        "--init",
        str(first / "last"),
    )
    a, b = (SkinGenerator.from_pretrained(out / "last").state_dict() for out in (first, second))
    assert all(
        torch.equal(value, b[key])
        for key, value in a.items()
        if "running" not in key and "tracked" not in key
    )
    with pytest.raises(
        SystemExit, match="do not fit a generator with size=16 and channels=.*use those"
    ):
        train_gan(
            monkeypatch,
            data,
            tmp_path / "third",
            "--channels",
            "8",
            "8",
            "8",
            "--init",
            str(first / "last"),
        )


def test_close_ups_of_skin(tmp_path, monkeypatch):
    data, out = draw_folder(tmp_path / "data", size=80), tmp_path / "out"
    with pytest.raises(
        SystemExit, match="no photograph in .* has a square of 16 px of healthy skin"
    ):  # the discs are too large
        train_gan(monkeypatch, data, out, "--crops", "skin")
    for k in range(12):
        lesion = torch.zeros(1, 80, 80, dtype=torch.bool)
        lesion[:, 60:, 60:] = True
        to_pil(lesion).save(data / "masks" / f"{k}.png")
        to_pil(draw_skin(80, 80, seed=k)).save(data / "images" / f"{k}.png")
    train_gan(monkeypatch, data, out, "--crops", "skin", "--images", "8")
    assert SkinGenerator.from_pretrained(out / "last").classes == ["skin"]
    with pytest.raises(SystemExit, match="--tones needs --masks skin or --crops skin"):
        train_gan(monkeypatch, data, tmp_path / "other", "--masks", "given")
    with pytest.raises(
        SystemExit, match="--cover compares feature maps: name a network with --features"
    ):
        train_gan(monkeypatch, data, tmp_path / "other", "--cover", "1")


@pytest.mark.parametrize("recipe", CASES)
def test_help_and_missing_data(tmp_path, recipe):
    shown = subprocess.run(
        [sys.executable, str(RECIPES / recipe), "--help"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "--minutes" in shown and "resumed" in shown
    (tmp_path / "empty").mkdir()
    for name, says in (("none", "there is no folder"), ("empty", "holds no image")):
        failed = subprocess.run(
            command(recipe, tmp_path / name, tmp_path / "o"), capture_output=True, text=True
        )
        assert failed.returncode != 0 and says in failed.stderr and "Traceback" not in failed.stderr
        assert not (tmp_path / "o").exists()
