"""The loop: an early checkpoint, and lines where no terminal shows a bar."""

import subprocess
import sys
import time
from argparse import Namespace

import pytest
import torch

from synthderm.files import held
from synthderm.training import loop
from synthderm.training.checkpoint import read_checkpoint
from synthderm.training.run import RunState, TrainingRun


class Killed(Exception):
    pass


class Step:
    """Adds 1 to a number, and is killed after `last` batches. A batch takes 20 s."""

    def __init__(self, args, clock, last):
        self.args, self.clock, self.last = args, clock, last
        self.parts = {"number": torch.zeros(1)}

    def __call__(self, shown):
        if shown // self.args.batch >= self.last:
            raise Killed
        self.clock[0] += 20
        self.parts["number"] += 1

    def report(self, shown):
        return "loss 1.00"


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def train(folder, clock, last=99, **changed):
    given = {"batch": 4, "images": 200, "minutes": 60, "val_interval": 10**6, "pause": None}
    args = Namespace(**{**given, "out": str(folder), "device": "cpu", **changed})
    folder.mkdir(exist_ok=True)
    step, state = Step(args, clock, last), RunState()
    loop.train(step, TrainingRun("train_gan.py", args, ()), state, dict, clock[0])
    return step, state


def test_a_run_that_is_killed_before_its_first_validation_goes_on(tmp_path, clock):
    with pytest.raises(Killed):
        train(tmp_path, clock, last=3)  # a minute
    checkpoint = read_checkpoint(tmp_path)
    assert checkpoint["state"]["shown"] == 8 and checkpoint["state"]["validated"] is None
    with pytest.raises(Killed):
        train(tmp_path, clock, last=30)  # what is lost is five minutes at most
    assert read_checkpoint(tmp_path)["state"]["shown"] >= 4 * 15
    step, state = train(tmp_path, clock)
    assert step.parts["number"] == 50 and state.shown == 200 == state.validated
    assert state.seconds == pytest.approx(50 * 20), "what was lost is not counted twice"


def test_what_a_killed_run_left_is_removed_and_the_folder_is_held(tmp_path, clock):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    left = tmp_path / "samples" / f".000000004.png.{process.pid}.synthderm.part"
    left.parent.mkdir()
    left.write_bytes(b"half")
    args = Namespace(out=str(tmp_path), device="cpu")
    step, run = Step(args, clock, 9), TrainingRun("train_gan.py", args, ())
    with held(tmp_path), pytest.raises(SystemExit, match="^train_gan.py: .* by another process"):
        loop.train(step, run, RunState(), dict, clock[0])
    train(tmp_path, clock)
    assert not left.exists()
    with held(tmp_path):  # as soon as it has ended
        pass


def test_a_full_disk_is_one_line(tmp_path, clock, monkeypatch):
    def write(*arguments):
        raise OSError(28, "No space left on device", "out/checkpoint.pt")

    monkeypatch.setattr(TrainingRun, "save", write)
    with pytest.raises(SystemExit, match="^train_gan.py: .*No space left on device: 'out/check"):
        train(tmp_path, clock)


def test_lines_tell_how_far_a_run_is_where_there_is_no_terminal(tmp_path, clock, capsys):
    train(tmp_path, clock)
    *lines, end = capsys.readouterr().out.splitlines()
    assert 20 <= len(lines) <= 34
    assert lines[0] == "0.7 of 60 min: 8 images, 0/s, loss 1.00"
    assert end.startswith("200 images in 16.7 min of training; the model is in ")
