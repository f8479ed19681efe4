"""train_gan.py on drawn images: a run that is killed or paused ends bit-equal to one that is not,
the best model is kept, and what can't be trained is refused."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from synthderm import SkinGenerator
from synthderm.imaging.artifact_shares import name_shares
from synthderm.imaging.io import to_pil
from synthderm.training.image_pool import load_image_pool
from tests.drawing import draw_folder, draw_skin, write_extractor
from tests.recipes.running import (
    MODELS,
    command,
    is_equal,
    load_checkpoint,
    measured,
    read_log,
    run_here,
)

WORDS, SHARES = ("ruler=1", "hair=0.5"), {"hair": 0.5, "ruler": 1.0}


def train(monkeypatch, data: Path, out: Path, *options: str) -> list[dict]:
    return run_here(
        monkeypatch, "train_gan.py", data, out, "--kid", write_extractor(data), *options
    )


@pytest.mark.parametrize("recipe", MODELS)
def test_a_killed_run_ends_bit_equal_to_an_unbroken_one(tmp_path, recipe):
    data = draw_folder(tmp_path / "data")
    options = ["--kid", write_extractor(data)] if recipe == "train_gan.py" else []
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(command(recipe, data, whole, *options), check=True, capture_output=True)

    line = command(recipe, data, broken, *options)
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (broken / "checkpoint.pt").exists() and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (broken / "checkpoint.pt").exists()
    subprocess.run(line, check=True, capture_output=True)

    a, b = load_checkpoint(whole), load_checkpoint(broken)
    for part in ("ema", "generator" if recipe == "train_gan.py" else "editor"):
        assert is_equal(a[part], b[part])
    assert a["state"]["shown"] == b["state"]["shown"]
    logs = [measured(read_log(out)) for out in (whole, broken)]
    assert logs[0] == logs[1] == sorted(logs[0], key=lambda entry: entry["shown"])
    model = MODELS[recipe].from_pretrained(
        broken / ("last" if recipe == "train_gan.py" else "model")
    )
    assert is_equal(model.state_dict(), b["ema"])
    assert list((broken / "samples").glob("*.png"))


def test_the_generator_with_the_best_kid_is_kept(tmp_path, monkeypatch):
    data, out = draw_folder(tmp_path / "data", count=24), tmp_path / "out"
    log = train(monkeypatch, data, out)
    best = min(log, key=lambda entry: entry["kid_x1000"])
    config, last = (
        json.loads((out / name / "config.json").read_text()) for name in ("model", "last")
    )
    assert config["training"]["shown"] == best["shown"]
    assert config["training"]["best_kid"] == best["kid_x1000"]
    assert last["training"]["shown"] == log[-1]["shown"] == 240
    for entry in log:
        assert entry["gap"] == pytest.approx(entry["d_train"] - entry["d_val"])
        assert entry["images_per_s"] > 0
    assert len(config["arguments"]["tones"]) == 11
    # The same command again has nothing to do and changes nothing.
    before = (out / "metrics.jsonl").read_text()
    train(monkeypatch, data, out)
    assert (out / "metrics.jsonl").read_text() == before


def test_a_paused_run_goes_on_to_the_same_end(tmp_path, monkeypatch):
    data, whole, parts = draw_folder(tmp_path / "data"), tmp_path / "whole", tmp_path / "parts"
    weights = tmp_path / "weights.safetensors"
    torch.manual_seed(0)
    save_file(timm.create_model("test_efficientnet").state_dict(), weights)
    options = ["--features", f"test_efficientnet={weights}", "--recon-weight", "2"]
    options += ["--classify-weight", "0.5", "--size", "64", "--loss", "hinge", "--augment", "0.5"]
    options += ["--kid", "none", "--images", "60", "--val-interval", "28"]
    train(monkeypatch, data, whole, *options)
    for shown in range(4, 64, 4):  # a pause after every step, also the last
        with suppress(FileNotFoundError):  # there is no log before the first validation
            train(monkeypatch, data, parts, *options, "--pause", "1e-9")
        assert load_checkpoint(parts)["state"]["shown"] == shown
    train(monkeypatch, data, parts, *options)
    a, b = load_checkpoint(whole), load_checkpoint(parts)
    assert a["state"]["shown"] == b["state"]["shown"] == 60
    assert a["beta"] == b["beta"] != 0.05
    for part in ("ema", "encoder"):
        assert a[part] and is_equal(a[part], b[part])
    logs = [
        [(entry["shown"], entry["loss_d"], entry["gap"]) for entry in read_log(out)]
        for out in (whole, parts)
    ]
    assert logs[0] == logs[1]


def test_a_loss_that_is_nan_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    data, out = draw_folder(tmp_path / "data"), tmp_path / "out"
    train(monkeypatch, data, out, "--images", "40")
    before = (out / "checkpoint.pt").read_bytes()
    good = load_checkpoint(out)
    good["generator"]["stem.bias"][0] = float("nan")
    torch.save(good, out / "checkpoint.pt")
    broken = (out / "checkpoint.pt").read_bytes()
    says = "a loss is NaN after 44 images; the last good checkpoint is kept"
    with pytest.raises(SystemExit, match=says):
        train(monkeypatch, data, out)
    assert before != broken == (out / "checkpoint.pt").read_bytes()


def test_a_run_starts_from_published_weights(tmp_path, monkeypatch):
    data, first, second = draw_folder(tmp_path / "data"), tmp_path / "first", tmp_path / "second"
    train(monkeypatch, data, first, "--images", "40")
    init = ["--init", str(first / "last")]
    still = ["--images", "4", "--lr", "1e-50", "1e-50", "--ema-images", "1e12"]
    train(monkeypatch, data, second, *still, *init)
    a, b = (SkinGenerator.from_pretrained(out / "last").state_dict() for out in (first, second))
    weights = [key for key in a if "running" not in key and "tracked" not in key]
    assert all(torch.equal(a[key], b[key]) for key in weights)
    says = "do not fit a generator with size=16 and channels=.*use those"
    with pytest.raises(SystemExit, match=says):
        train(monkeypatch, data, tmp_path / "third", "--channels", "8", "8", "8", *init)


def test_a_run_beneath_artifacts_goes_on_bit_for_bit(tmp_path, monkeypatch, capsys):
    data = draw_folder(tmp_path / "data")
    for out, steps in ((tmp_path / "whole", ("24",)), (tmp_path / "parts", ("12", "24"))):
        for images in steps:
            train(monkeypatch, data, out, "--artifacts", *WORDS, "--images", images)
    whole, parts = (load_checkpoint(tmp_path / name) for name in ("whole", "parts"))
    assert all(torch.equal(whole["ema"][key], parts["ema"][key]) for key in whole["ema"])
    trained = tmp_path / "whole" / "last"
    assert SkinGenerator.from_pretrained(trained).artifacts == SHARES
    config = json.loads((trained / "config.json").read_text())
    assert config["training"]["artifacts"] == config["arguments"]["artifacts"] == SHARES
    train(monkeypatch, data, tmp_path / "plain", "--images", "12", "--init", str(trained))
    assert f"add --artifacts {name_shares(SHARES)} if its photographs" in capsys.readouterr().out
    assert SkinGenerator.from_pretrained(tmp_path / "plain" / "last").artifacts is None
    plain = load_checkpoint(tmp_path / "plain")
    assert any(not torch.equal(whole["ema"][key], plain["ema"][key]) for key in whole["ema"])


def test_close_ups_of_skin(tmp_path, monkeypatch):
    data, out = draw_folder(tmp_path / "data", size=80), tmp_path / "out"
    says = "no photograph in .* has a square of 16 px of healthy skin"
    with pytest.raises(SystemExit, match=says):  # the discs are too large
        train(monkeypatch, data, out, "--region", "close-up")
    for k in range(12):
        lesion = torch.zeros(1, 80, 80, dtype=torch.bool)
        lesion[:, 60:, 60:] = True
        to_pil(lesion).save(data / "masks" / f"{k}.png")
        to_pil(draw_skin(80, 80, seed=k)).save(data / "images" / f"{k}.png")
    train(monkeypatch, data, out, "--region", "close-up", "--images", "8")
    assert SkinGenerator.from_pretrained(out / "last").classes == ["skin"]


def test_skin_tones_are_learnt_beside_lesions(tmp_path, monkeypatch):
    data, out = draw_folder(tmp_path / "data"), tmp_path / "out"
    train(monkeypatch, data, out, "--region", "given", "--images", "8")
    generator = SkinGenerator.from_pretrained(out / "last")
    assert generator.tones == load_image_pool(str(data), "train", generator.size).tone_quantiles()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--recon-weight", "1"], "compares feature maps: name a network with --features"),
        (["--augment", "1.5"], "1.5 is neither a probability nor adaptive"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path, monkeypatch, options, says):
    data, out = draw_folder(tmp_path / "data"), tmp_path / "out"
    with pytest.raises(SystemExit, match=says):
        train(monkeypatch, data, out, *options)
    assert not out.exists()


@pytest.mark.parametrize("recipe", MODELS)
def test_help_and_missing_data(tmp_path, recipe):
    line = command(recipe, tmp_path, tmp_path)
    text = subprocess.run([*line[:2], "--help"], check=True, capture_output=True, text=True).stdout
    assert "--minutes" in text and "resume" in text
    # Each start takes seconds: one recipe meets no folder, the other an empty one.
    (tmp_path / "empty").mkdir()
    is_gan = recipe == "train_gan.py"
    name, says = ("none", "there is no folder") if is_gan else ("empty", "holds no image")
    line = command(recipe, tmp_path / name, tmp_path / "out")
    failed = subprocess.run(line, capture_output=True, text=True)
    assert failed.returncode != 0 and says in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (tmp_path / "out").exists()
