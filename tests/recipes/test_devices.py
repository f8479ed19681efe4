"""Several processes and several slices take the steps that one process takes, with a checkpoint
that says nothing of them; and a run ends when one of its processes dies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.drawing import draw_folder
from tests.recipes.running import RECIPES, is_equal, load_checkpoint
from tests.recipes.several import Run, run_all

pytest.importorskip("accelerate")

ROOT = Path(__file__).parents[2]
TINY = "--size 32 --batch 8 --val-interval 1000 --threads 1 --device cpu --images"
GAN = (
    "--channels 16 8 8 --disc-channels 8 8 8 8 --half-res-images 80 --condition-images 0 80 "
    "--loss relativistic --r1 0.1 --r2 0.1 --penalty-interval 4 --augment adaptive --balance "
    "--region skin --skin-tone --noise --kid none"
)
KINDS = {"gan": ("train_gan.py", GAN), "masked": ("train_edit.py", "--supervision masked")}


def launch(count: int, *line: str) -> list[str]:
    """A command line in several processes of this machine."""
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    return [*run, str(count), *line]


class Folder:
    """Runs of one test in a folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.data = root, draw_folder(root / "data")

    def run(self, kind: str, out: str, images: int, *options: str) -> Run:
        recipe, usual = KINDS[kind]
        given = ["--data", str(self.data), "--out", str(self.root / out), *TINY.split()]
        if kind == "masked":
            given += ["--lesional", str(self.data)]
        log = self.root / f"{out}-{images}.json"
        return recipe, str(log), [*given[:], str(images), *usual.split(), *options]

    def losses(self, out: str, images: int) -> torch.Tensor:
        rows = json.loads((self.root / f"{out}-{images}.json").read_text())
        return torch.tensor([number for row in rows for number in row])
