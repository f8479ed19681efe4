"""Runs the recipes on tiny networks."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synthderm import EczemaEditor, SkinGenerator

RECIPES = Path(__file__).parents[2] / "recipes"
MODELS = {"train_gan.py": SkinGenerator, "train_edit.py": EczemaEditor}
OPTIONS = {
    "train_gan.py": "--size 16 --channels 16 8 8 --disc-channels 8 8 8 --batch 4 --images 240 "
    "--val-interval 40 --half-res-images 100 --condition-images 40 160 --loss relativistic "
    "--r1 0.1 --r2 0.1 --penalty-interval 4 --augment adaptive --balance --region skin "
    "--skin-tone --noise --kid-images 16",
    "train_edit.py": "--size 32 --batch 4 --images 80 --val-interval 16",
}


def command(recipe: str, data: Path, out: Path, *options: str) -> list[str]:
    """The command line of a tiny run; `options` come last."""
    line = [sys.executable, str(RECIPES / recipe), "--data", str(data), "--out", str(out)]
    return [*line, "--threads", "1", "--device", "cpu", *OPTIONS[recipe].split(), *options]


def run_here(
    monkeypatch, recipe: str, data: Path, out: Path, *options: str
) -> list[dict[str, Any]]:
    """Run a recipe in this process, where torch is imported already; gives the log."""
    monkeypatch.setattr(sys, "argv", command(recipe, data, out, *options)[1:])
    runpy.run_path(sys.argv[0], run_name="__main__")
    return read_log(out)


def read_log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def measured(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A log without what depends on the clock."""
    return [
        {key: value for key, value in entry.items() if key not in ("seconds", "images_per_s")}
        for entry in log
    ]


def load_checkpoint(out: Path) -> dict[str, Any]:
    return torch.load(out / "checkpoint.pt", weights_only=True)


def is_equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Whether two networks have the same tensors, bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(value, b[key]) for key, value in a.items())
