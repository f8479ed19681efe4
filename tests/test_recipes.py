"""The recipes on drawn images: they run, and a run that is killed ends bit-equal to one that is not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from drawing import draw_folder

from synthderm import EczemaEditor, SkinGenerator

RECIPES = Path(__file__).parents[1] / "recipes"
CASES = {
    "train_gan.py": ["--size", "16", "--channels", "16", "8", "8", "--judge", "8", "8", "8", "--batch", "4", "--images", "240", "--check", "40",
                     "--grow", "100", "--condition", "40", "160"],
    "train_edit.py": ["--size", "32", "--batch", "4", "--images", "80", "--check", "16"],
}  # fmt: skip


def command(recipe: str, data: Path, out: Path) -> list[str]:
    return [sys.executable, str(RECIPES / recipe), "--data", str(data), "--out", str(out), "--threads", "1", "--device", "cpu", *CASES[recipe]]


@pytest.mark.parametrize("recipe", CASES)
def test_a_killed_run_ends_bit_equal_to_an_unbroken_one(tmp_path, recipe):
    data = draw_folder(tmp_path / "data")
    subprocess.run(command(recipe, data, tmp_path / "whole"), check=True, capture_output=True)

    process = subprocess.Popen(command(recipe, data, tmp_path / "broken"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "broken" / "checkpoint.pt").exists() and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (tmp_path / "broken" / "checkpoint.pt").exists()
    subprocess.run(command(recipe, data, tmp_path / "broken"), check=True, capture_output=True)

    whole, broken = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("whole", "broken"))
    for part in ("average", "generator" if recipe == "train_gan.py" else "editor"):
        assert all(torch.equal(value, broken[part][key]) for key, value in whole[part].items())
    assert whole["state"]["shown"] == broken["state"]["shown"]
    logs = [[json.loads(line)["shown"] for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()] for name in ("whole", "broken")]
    assert logs[0] == logs[1] == sorted(logs[0])
    cls = SkinGenerator if recipe == "train_gan.py" else EczemaEditor
    model = cls.from_pretrained(tmp_path / "broken" / "model")
    assert all(torch.equal(value, broken["average"][key]) for key, value in model.state_dict().items())
    assert list((tmp_path / "broken" / "samples").glob("*.png"))


@pytest.mark.parametrize("recipe", CASES)
def test_help_and_missing_data(tmp_path, recipe):
    shown = subprocess.run([sys.executable, str(RECIPES / recipe), "--help"], check=True, capture_output=True, text=True).stdout
    assert "--minutes" in shown and "resumed" in shown
    (tmp_path / "empty").mkdir()
    for name, says in (("none", "there is no folder"), ("empty", "holds no image")):
        failed = subprocess.run(command(recipe, tmp_path / name, tmp_path / "o"), capture_output=True, text=True)
        assert failed.returncode != 0 and says in failed.stderr and "Traceback" not in failed.stderr
        assert not (tmp_path / "o").exists()
