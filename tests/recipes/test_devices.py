"""Several processes and several slices take the steps that one process takes, with a checkpoint
that says nothing of them; and a run ends when one of its processes dies."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from tests.drawing import draw_folder
from tests.recipes.running import RECIPES, load_checkpoint
from tests.recipes.several import Run, run_all

pytest.importorskip("accelerate")

ALL = "SYNTHDERM_TEST_DEVICES" in os.environ  # as `make test-devices` has it
ROOT = Path(__file__).parents[2]
SHARED = "--val-interval 1000 --threads 1 --device cpu"
GAN = (
    "--channels 16 8 8 --condition-images 0 80 --kid none --classify-weight 0.5 "
    "--penalty-interval 4"
)
OPTIONS = {
    # Half the size first, and all that is measured of the whole batch.
    "gan": f"{GAN} --size 32 --batch 4 --disc-channels 8 8 8 8 --half-res-images 40 --balance "
    "--loss relativistic --r1 0.1 --r2 0.1 --augment adaptive --region skin --skin-tone --noise",
    # Adam's first steps are signs of gradients, some of which are rounding alone: at a usual rate
    # the encoder, with norms over two images, is further than 1e-5 apart after three steps.
    "recon": f"{GAN} --size 64 --batch 8 --disc-channels 8 8 8 --half-res-images 0 "
    "--recon-weight 2 --lr 1e-5 1e-5",
    "masked": "--size 32 --batch 4 --supervision masked",
    "unpaired": "--size 32 --batch 4 --supervision unpaired",
    "paired": "--size 32 --batch 8",
}
HALF, FULL, FEW = 40, 80, 24  # images: 10 and 20 steps; 3 of recon


class Runs:
    """Runs in a folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.data, self.weights = root, draw_folder(root / "data"), root / "weights"
        torch.manual_seed(0)
        save_file(timm.create_model("test_efficientnet").state_dict(), self.weights)

    def line(self, kind: str, out: str, images: int, *options: str) -> Run:
        """A run of a kind in a folder of its own, up to so many images."""
        recipe = "train_gan.py" if kind in ("gan", "recon") else "train_edit.py"
        given = ["--data", str(self.data), "--out", str(self.root / kind / out)]
        given += [*SHARED.split(), *OPTIONS[kind].split(), "--images", str(images), *options]
        if kind == "recon":
            given += ["--features", f"test_efficientnet={self.weights}"]
        elif kind in ("masked", "unpaired"):
            given += ["--lesional", str(self.data)]
        return recipe, str(self.root / f"{kind}-{out}-{images}.json"), given

    def losses(self, kind: str, out: str, *images: int) -> torch.Tensor:
        rows = [
            row
            for count in images
            for row in json.loads((self.root / f"{kind}-{out}-{count}.json").read_text())
        ]
        return torch.tensor([number for row in rows for number in row])


def in_two_processes(script: Path, *arguments: str) -> list[subprocess.Popen]:
    """Start a script twice, as a launcher does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    usual = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    usual |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return [
        subprocess.Popen(
            [sys.executable, str(script), *arguments],
            env={**usual, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All runs that are compared, in two processes and in this one. Those of two are started once:
    to import torch takes longer than to train."""
    runs = Runs(tmp_path_factory.mktemp("runs"))
    two = []
    for kind in ("gan", "masked"):
        two += [runs.line(kind, "two", images) for images in (HALF, FULL)]
        two.append(runs.line(kind, "two-then-one", HALF))
    if ALL:
        two.append(runs.line("recon", "two", FEW, "--accumulate", "2"))
        two.append(runs.line("unpaired", "two", HALF))
        two.append(runs.line("paired", "two", HALF, "--accumulate", "2"))
    (runs.root / "runs.json").write_text(json.dumps(two))
    script = Path(__file__).with_name("several.py")
    processes = in_two_processes(script, str(runs.root / "runs.json"))
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    # The main process alone talks.
    assert "the model is in" in said[0][0] and not said[1][0]
    one = []
    for kind in ("gan", "masked"):
        one += [runs.line(kind, "one", FULL), runs.line(kind, "two-then-one", FULL)]
    if ALL:
        one.append(runs.line("recon", "one", FEW, "--accumulate", "2"))
        one += [runs.line("unpaired", "one", HALF), runs.line("paired", "one", HALF)]
        one.append(runs.line("paired", "sliced", HALF, "--accumulate", "4"))
    run_all(one)
    return runs


@pytest.mark.parametrize("kind", ["gan", "masked"])
def test_two_processes_have_the_losses_of_one_and_resume_on_two_and_one(runs, kind):
    one = runs.losses(kind, "one", FULL)
    for others in ("two", "two-then-one"):
        torch.testing.assert_close(runs.losses(kind, others, HALF, FULL), one, atol=1e-5, rtol=1e-5)
    checkpoints = [load_checkpoint(runs.root / kind / out) for out in ("one", "two")]
    assert len({str(sorted(checkpoint)) for checkpoint in checkpoints}) == 1
    assert torch.equal(*(checkpoint["rng"] for checkpoint in checkpoints))
    told = [checkpoint["record"]["parts"][0]["arguments"] for checkpoint in checkpoints]
    assert told[0].keys() == told[1].keys()


@pytest.mark.skipif(not ALL, reason="slow: make test-devices")
@pytest.mark.parametrize(
    ("kind", "images", "others"),
    [
        ("unpaired", HALF, "two"),  # where a loss counts pixels of the result, all count
        ("paired", HALF, "sliced"),
        ("paired", HALF, "two"),  # which go through slices as well
        ("recon", FEW, "two"),  # both in slices: these do not depend on the number of processes
    ],
)
def test_processes_and_slices_have_the_losses_of_the_whole_batch(runs, kind, images, others):
    losses = (runs.losses(kind, out, images) for out in (others, "one"))
    torch.testing.assert_close(*losses, atol=1e-5, rtol=1e-5)


def test_slices_of_a_gan_differ_in_batch_statistics_alone(tmp_path):
    """Each slice has its own, as everywhere. Without any, the losses are those of the batch."""
    runs = Runs(tmp_path)

    def norm(layer: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
        statistics = layer.running_mean.clone(), layer.running_var.clone()
        return F.batch_norm(x, *statistics, layer.weight, layer.bias)

    spread = "synthderm.training.discriminators.gather_rows"
    with (
        mock.patch.object(nn.BatchNorm2d, "forward", norm),
        mock.patch(spread, torch.zeros_like),
    ):
        for kind, images in (("gan", 20), ("recon", FEW))[: 2 if ALL else 1]:
            line = runs.line(kind, "sliced", images, "--accumulate", "2")
            run_all([runs.line(kind, "one", images), line])
            losses = (runs.losses(kind, out, images) for out in ("sliced", "one"))
            torch.testing.assert_close(*losses, atol=1e-5, rtol=1e-5)


def test_a_run_ends_when_one_of_its_processes_is_killed(tmp_path):
    """The main one, which writes the checkpoints, right after the first of them."""
    runs = Runs(tmp_path)
    recipe, _, options = runs.line("masked", "out", 10**6, "--val-interval", "8")
    main, other = in_two_processes(RECIPES / recipe, *options)
    out = tmp_path / "masked" / "out"
    while not (out / "checkpoint.pt").exists() and main.poll() is None:
        time.sleep(0.01)
    os.kill(main.pid, signal.SIGKILL)
    start = time.monotonic()
    said = other.communicate(timeout=30)[1]
    assert time.monotonic() - start < 30 and other.returncode == 1
    main.communicate()
    assert "Traceback" not in said
    assert (
        "train_edit.py: another process of the run has died; the last checkpoint is whole, and the"
        f" same command goes on from {out}." in said
    )
    shown = load_checkpoint(out)["state"]["shown"]
    run_all([runs.line("masked", "out", shown + 8, "--val-interval", "1000")])
    assert load_checkpoint(out)["state"]["shown"] == shown + 8
